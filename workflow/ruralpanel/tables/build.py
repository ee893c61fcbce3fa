"""One entry of the configuration's ``tables`` → a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ruralpanel.contracts.problems import Problem, UserError, did_you_mean
from ruralpanel.contracts.table_keys import KEYS, REQUIRED, keys_of, kind_of
from ruralpanel.output_context import OutputContext
from ruralpanel.tables import (
    build_by_outcome,
    build_by_unit,
    build_correlations,
    build_diagnostics,
    build_dynamic,
    build_heterogeneity,
    build_listing,
    build_panel_tables,
    build_policy,
    build_regimes,
    build_regression,
    build_robustness,
    build_spatial,
    build_validity,
)
from ruralpanel.tables.build_regression import model_title
from ruralpanel.tables.layout import TableDocument
from ruralpanel.wording import word

_BUILDERS: Mapping[str, Callable[[str, Mapping[str, Any], OutputContext], TableDocument]] = {
    "regression": build_regression.build,
    "cross_section": build_regression.build,
    "by_outcome": build_by_outcome.build,
    "by_unit": build_by_unit.build,
    "correlations": build_correlations.build,
    "diagnostics": build_diagnostics.build,
    "dynamic": build_dynamic.build,
    "policy": build_policy.build,
    "heterogeneity": build_heterogeneity.build,
    "spatial": build_spatial.build,
    "descriptive": build_panel_tables.build_descriptive,
    "coverage": build_panel_tables.build_coverage,
    "validity": build_validity.build,
    "regimes": build_regimes.build,
    "reconciliation": build_listing.build,
    "scorecard": build_listing.build,
    "robustness": build_robustness.build,
}


def build(name: str, spec: Mapping[str, Any], context: OutputContext) -> TableDocument:
    """The table that `spec` declares under the key `name`; refusals that its models set aside are among the notes.

    Raises
    ------
    UserError
        An unknown kind or key, a missing key, or whatever the kind's builder finds.
    """
    problems = check(spec, context)
    if problems:
        raise UserError(problems)
    document = _BUILDERS[kind_of(spec)](name, spec, context)
    printed = "\n".join(document.notes)
    names = [str(model) for model in spec.get("models") or ()]
    overrides = [
        f"{model_title(model, context.language)}{word('colon', context.language)}{text}"
        for model in context.models(dict.fromkeys(names))
        for text in model.get("overrides") or ()
        if str(text) not in printed
    ]
    return replace(document, notes=(*document.notes, *overrides))


def check(spec: Mapping[str, Any], context: OutputContext) -> list[Problem]:
    """Mistakes in the keys of a table's declaration, without looking at any result."""
    kind = kind_of(spec)
    if kind not in KEYS:
        return [context.problem("type", f'"{kind}"', "a kind of table", did_you_mean(kind, KEYS))]
    known = keys_of(kind)
    problems = [
        context.problem(str(key), "an unknown key", f"a key of {kind} tables", did_you_mean(str(key), sorted(known)))
        for key in spec
        if key not in known
    ]
    problems += [
        context.problem(key, "nothing", f"a value: {kind} tables need {key}")
        for key in REQUIRED[kind]
        if not spec.get(key)
    ]
    return problems
