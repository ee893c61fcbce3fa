"""One entry of the configuration's ``tables`` → a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ruralpanel.output.results import OutputContext
from ruralpanel.output.said import clause
from ruralpanel.output.tables.document import TableDocument
from ruralpanel.output.words import word
from ruralpanel.project.kinds.facts import function
from ruralpanel.project.kinds.tables import TABLES, kind_of
from ruralpanel.project.problems import Problem, did_you_mean, raise_any


def build(name: str, spec: Mapping[str, Any], context: OutputContext) -> TableDocument:
    """The table that `spec` declares under the key `name`; refusals that its models set aside are among the notes.

    Raises
    ------
    UserError
        An unknown kind or key, a missing key, or whatever the kind's builder finds.
    """
    raise_any(check(spec, context))
    kind = TABLES[kind_of(spec)]
    document: TableDocument = function(kind.build)(name, context.read(kind, spec), context)
    printed = "\n".join(document.notes)
    names = [str(model) for model in spec.get("models") or ()]
    overrides = [
        f"{context.title(model['model'])}{word('colon', context.language)}{text}"
        for model in context.models(dict.fromkeys(names))
        for text in (clause(one, context.language) for one in model.get("overrides") or ())
        if text not in printed
    ]
    return replace(document, notes=(*document.notes, *overrides))


def check(spec: Mapping[str, Any], context: OutputContext) -> list[Problem]:
    """Mistakes in the keys of a table's declaration, without looking at any result."""
    kind = kind_of(spec)
    if kind not in TABLES:
        return [context.problem("type", f'"{kind}"', "a kind of table", did_you_mean(kind, TABLES))]
    known = {"type", *TABLES[kind].keys}
    problems = [
        context.problem(str(key), "an unknown key", f"a key of {kind} tables", did_you_mean(str(key), sorted(known)))
        for key in spec
        if key not in known
    ]
    problems += [
        context.problem(key, "nothing", f"a value: {kind} tables need {key}")
        for key in TABLES[kind].required
        if not spec.get(key)
    ]
    return problems
