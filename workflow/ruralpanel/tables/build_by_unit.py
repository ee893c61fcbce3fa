"""What models say of each unit: changes with their intervals, or the parts of a gap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ruralpanel.contracts.problems import raise_any
from ruralpanel.formats import format_interval, format_number
from ruralpanel.labels import Labels, localised
from ruralpanel.model_json import coefficient
from ruralpanel.output_context import OutputContext
from ruralpanel.tables.build_regression import model_title
from ruralpanel.tables.layout import Cell, Column, Row, Spanner, TableDocument
from ruralpanel.tables.model_notes import declared_notes
from ruralpanel.unit_values import CHANGE, HIGH, LOW, Values, heading, in_percent, percent_of_level, values_of
from ruralpanel.wording import word


def build(name: str, spec: Mapping[str, Any], context: OutputContext) -> TableDocument:
    """A row for each unit, columns for each model (keys: `ruralpanel.contracts.table_keys`).

    Changes of a counterfactual of a logarithm are in per cent; what lies beyond the observed support is marked.

    Raises
    ------
    UserError
        Models without result, or that say nothing of single units.
    """
    models = context.models(spec["models"])
    labels = context.labels([str(model["panel"]) for model in models], spec)
    raise_any(
        context.problem(f"models[{index}]", f'"{model["model"]}"', "a counterfactual, a decomposition or cce")
        for index, model in enumerate(models)
        if not values_of(model)
    )
    language, digits = context.language, int(spec.get("digits", 2))
    given = spec.get("model_labels") or {}
    columns: list[Column] = []
    spanners: list[Spanner] = []
    body: dict[str, list[Cell]] = {unit: [] for unit in _units(models, context)}
    mean: list[Cell] = []
    for model in models:
        heads, cells, means = _part(model, labels, tuple(body), language, digits)
        spanners.append(
            Spanner(
                str(given.get(model["model"]) or model_title(model, language)),
                len(columns),
                len(columns) + len(heads) - 1,
            )
        )
        columns += [Column(head) for head in heads]
        for unit, own in cells.items():
            body[unit] += own
        mean += means
    rows = [
        Row(context.unit_names.get(unit, unit), tuple(cells), "entry", "value", unit) for unit, cells in body.items()
    ]
    if any(cell.text for cell in mean):
        rows.append(Row(word("mean", language), tuple(mean), "summary", "mean", "mean"))
    marked = any((model.get("support") or {}).get("outside") for model in models)
    notes = [word("support_note", language)] if marked else []
    for model, spanner in zip(models, spanners, strict=True):
        before = f"{spanner.label}{word('colon', language)}" if len(models) > 1 else ""
        notes += [before + str(note) for note in model.get("notes") or ()]
    return TableDocument(
        name=name,
        title=localised(spec, "title", language) or name.replace("_", " ").capitalize(),
        stub=word("unit", language).capitalize(),
        columns=tuple(columns),
        rows=tuple(rows),
        spanners=(tuple(spanners),),
        notes=(*dict.fromkeys(notes), *declared_notes(spec, language)),
        language=language,
    )


def _units(models: Sequence[Mapping[str, Any]], context: OutputContext) -> list[str]:
    units = {unit for model in models for values in values_of(model).values() for unit in values}
    return sorted(units, key=lambda unit: context.unit_names.get(unit, unit))


def _part(
    model: Mapping[str, Any], labels: Labels, units: Sequence[str], language: str, digits: int
) -> tuple[list[str], dict[str, list[Cell]], list[Cell]]:
    """Headings, cells by unit and the cells of the mean of one model's columns."""
    percent = percent_of_level(model, labels.formulas)
    values = in_percent(values_of(model)) if percent else values_of(model)
    if CHANGE not in values:
        heads = [heading(model, term, labels, language) for term in values]
        cells = {unit: [_number(values[term].get(unit), digits) for term in values] for unit in units}
        rows = [coefficient(model, term) for term in values]
        return heads, cells, [_number(None if row is None else row.get("estimate"), digits) for row in rows]
    places = 0 if percent else digits
    outside = set((model.get("support") or {}).get("outside") or ())
    heads = [word(CHANGE, language) + (" (%)" if percent else ""), word("ci", language)]
    cells = {unit: _changes(values, unit, places, unit in outside) for unit in units}
    row = coefficient(model, "mean_change")
    means = [Cell(), Cell()]
    if row is not None:
        keys = {CHANGE: "estimate", LOW: "ci_low", HIGH: "ci_high"}
        whole: Values = {name: {"mean": float(row[key])} for name, key in keys.items() if row.get(key) is not None}
        means = _changes(in_percent(whole) if percent else whole, "mean", places, False)
    return heads, cells, means


def _changes(values: Values, unit: str, digits: int, beyond: bool) -> list[Cell]:
    change = values[CHANGE].get(unit)
    if change is None:
        return [Cell(), Cell()]
    low, high = values[LOW].get(unit), values[HIGH].get(unit)
    interval = "" if low is None or high is None else format_interval(low, high, digits=digits)
    return [Cell(format_number(change, digits) + ("†" if beyond else ""), change), Cell(interval)]


def _number(value: float | None, digits: int) -> Cell:
    return Cell() if value is None else Cell(format_number(float(value), digits), float(value))
