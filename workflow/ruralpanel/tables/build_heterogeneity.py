"""Whether an effect differs between groups of units, the many comparisons taken into account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ruralpanel.contracts.problems import raise_any
from ruralpanel.contracts.table_keys import robustness_file
from ruralpanel.formats import format_auto, format_interval, format_p
from ruralpanel.labels import localised
from ruralpanel.model_json import LARGE_SIZE, read_results
from ruralpanel.output_context import OutputContext
from ruralpanel.tables.coefficients import p_text
from ruralpanel.tables.layout import Cell, Column, Row, TableDocument
from ruralpanel.tables.model_notes import declared_notes
from ruralpanel.wording import has_word, word

THIRDS = ("lowest", "middle", "highest")
Target = tuple[str, str, Mapping[str, Any]]
"""Model, target (a term) and what is known of its groups."""


def build(name: str, spec: Mapping[str, Any], context: OutputContext) -> TableDocument:
    """Groups in rows, the claims' main numbers in columns (keys: `ruralpanel.contracts.table_keys`).

    Raises
    ------
    UserError
        Models on which no claim rests, or whose estimator gives no estimate by group.
    """
    targets, problems = [], []
    for index, model in enumerate(map(str, spec["models"])):
        path = robustness_file(model, context.results)
        values = read_results(path) if path.is_file() else {}
        found = _targets(model, values)
        if not found:
            expected = "a model of a claim whose number can be estimated by group"
            problems.append(context.problem(f"models[{index}]", f'"{model}"', expected))
        targets += found
    raise_any(problems)
    language, digits = context.language, int(spec.get("digits", 3))
    labels = context.labels([str(context.models([model])[0]["panel"]) for model, _, _ in targets], spec)
    rows: list[Row] = []
    for attribute in dict.fromkeys(key for _, _, groups in targets for key in groups):
        rows += _attribute(attribute, targets, language, digits)
    return TableDocument(
        name=name,
        title=localised(spec, "title", language),
        stub=word("group", language),
        columns=tuple(Column(labels.of(term)) for _, term, _ in targets),
        rows=tuple(rows),
        notes=(word("groups_note", language), *declared_notes(spec, language)),
        language=language,
    )


def _targets(model: str, values: Mapping[str, Any]) -> list[Target]:
    return [
        (model, term, {key: group for key, group in (target.get("heterogeneity") or {}).items() if "groups" in group})
        for term, target in (values.get("targets") or {}).items()
        if target.get("main") and any("groups" in group for group in (target.get("heterogeneity") or {}).values())
    ]


def _attribute(attribute: str, targets: Sequence[Target], language: str, digits: int) -> list[Row]:
    known = has_word(f"groups_{attribute}")
    heading = word(f"groups_{attribute}", language) if known else attribute.replace("_", " ").capitalize()
    rows = [Row(heading, (), "section")]
    found_by_target = [groups.get(attribute) or {} for _, _, groups in targets]
    by_target = [{str(entry["group"]): entry for entry in found.get("groups") or ()} for found in found_by_target]
    names = list(dict.fromkeys(group for by_group in by_target for group in by_group))
    for group in THIRDS if set(names) <= set(THIRDS) else names:
        entries = [by_group.get(group) for by_group in by_target]
        label = word(f"groups_{group}", language) if has_word(f"groups_{group}") else group
        key = f"{attribute}.{group}"
        rows += [
            Row(label, tuple(_estimate(entry, digits) for entry in entries), "entry", "estimate", key),
            Row("", tuple(_interval(entry, digits) for entry in entries), "detail", "ci", key),
            Row("", tuple(_adjusted(entry) for entry in entries), "detail", "p_romano_wolf", key),
        ]
    equal = tuple(_equal(found.get("equal") or {}) for found in found_by_target)
    return [*rows, Row(word("groups_equal", language), equal, "entry", "p_equal", attribute)]


def _estimate(entry: Mapping[str, Any] | None, digits: int) -> Cell:
    if entry is None or entry.get("estimate") is None:
        return Cell()
    mark = "†" if entry.get("few_units") else ""
    return Cell(f"{format_auto(entry['estimate'], digits)}{mark}", float(entry["estimate"]))


def _interval(entry: Mapping[str, Any] | None, digits: int) -> Cell:
    if entry is None or entry.get("ci_low") is None:
        return Cell()
    return Cell(format_interval(entry["ci_low"], entry["ci_high"], digits))


def _adjusted(entry: Mapping[str, Any] | None) -> Cell:
    value = None if entry is None else entry.get("p_romano_wolf")
    if value is None:
        return Cell()
    return Cell(p_text(float(value)), float(value))


def _equal(test: Mapping[str, Any]) -> Cell:
    """The p-value; with the test's simulated size where that is above 10 %."""
    value, size = test.get("p_value"), test.get("size")
    if value is None:
        return Cell()
    said = f" (size {format_auto(100.0 * size, 2)}%)" if size is not None and size > LARGE_SIZE else ""
    return Cell(f"{format_p(float(value))}{said}", float(value))
