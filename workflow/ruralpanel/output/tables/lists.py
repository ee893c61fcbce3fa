"""Tables that list: rows of a file, units, correlations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ruralpanel.estimate.base.model import Model
from ruralpanel.output.labels import Labels, without_aside
from ruralpanel.output.results import (
    CHANGE,
    HIGH,
    LOW,
    OutputContext,
    Values,
    heading,
    in_percent,
    percent_of_level,
    values_of,
)
from ruralpanel.output.tables.document import Alignment, Cell, Column, Row, Spanner, TableDocument
from ruralpanel.output.tables.notes import declared_notes, effects_text, period_text, sample_text
from ruralpanel.output.tables.regression import pairs_of
from ruralpanel.output.words import clause, has_word, stated, word
from ruralpanel.project.formats import format_auto, format_count, format_interval, format_number, format_p
from ruralpanel.project.kinds.tables import TABLES, ByUnit, Correlations, Listing
from ruralpanel.project.problems import did_you_mean, raise_any


def build_listing(name: str, options: Listing, context: OutputContext) -> TableDocument:
    """Rows of a CSV, chosen columns, the first column as row label (keys: `ruralpanel.project.kinds.tables`).

    Raises
    ------
    UserError
        No such file or columns.
    """
    kind = options.kind
    language = context.language
    frame = context.frame(options.file or context.results / TABLES[kind].file)
    chosen = _columns(frame, options, context)
    for column, wanted in (options.where or {}).items():
        values = [str(value) for value in (wanted if isinstance(wanted, (list, tuple)) else [wanted])]
        frame = frame[frame[str(column)].astype(str).isin(values)]
    shown = frame if options.limit is None else frame.head(options.limit)
    digits = options.digits
    stub, *columns = chosen
    rows = [
        Row(
            stated(_text(record[stub], digits), language),
            tuple(_cell(record[column], digits, language) for column in columns),
            "entry",
            kind,
        )
        for record in shown.to_dict("records")
    ]
    return TableDocument(
        name=name,
        title=options.title_in(language) or word(f"table.titles.{kind}", language),
        stub=chosen[stub],
        columns=tuple(Column(chosen[column], _alignment(frame[column])) for column in columns),
        rows=tuple(rows),
        notes=(
            *_count_note(len(shown), len(frame), language),
            *_overrides(shown, chosen, language),
            *declared_notes(options, language),
        ),
        language=language,
    )


def _overrides(frame: pd.DataFrame, chosen: Mapping[str, str], language: str) -> tuple[str, ...]:
    """What the models of the claims shown were allowed, where no column says it."""
    if "overrides" not in frame.columns or {"overrides", "reasons"} & set(chosen):
        return ()
    return tuple(
        f"{claim}{word('colon', language)}{stated(text, language)}"
        for claim, text in zip(frame["claim"], frame["overrides"], strict=True)
        if isinstance(text, str) and text
    )


def _columns(frame: pd.DataFrame, options: Listing, context: OutputContext) -> dict[str, str]:
    """column → heading."""
    declared = options.columns
    if isinstance(declared, Mapping):
        chosen = dict(declared)
    else:
        chosen = {str(column): _heading(str(column), context.language) for column in declared or frame.columns}
    known = [str(column) for column in frame.columns]
    wanted = [("columns", column) for column in chosen] + [("where", column) for column in options.where or {}]
    raise_any(
        context.problem(key, f'column "{column}"', "a column of the file", did_you_mean(column, known))
        for key, column in wanted
        if column not in known
    )
    return chosen


def _heading(column: str, language: str) -> str:
    return word(column, language) if has_word(column) else column.replace("_", " ").capitalize()


def _text(value: Any, digits: int) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return format_count(value) if value.is_integer() and abs(value) < 1e15 else format_auto(value, digits)
    return str(value)


def _cell(value: Any, digits: int, language: str) -> Cell:
    numeric = isinstance(value, (int, float)) and not isinstance(value, bool) and value == value
    return Cell(stated(_text(value, digits), language), value if numeric else None)


def _alignment(column: pd.Series[Any]) -> Alignment:
    return "right" if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column) else "left"


def _count_note(shown: int, total: int, language: str) -> Sequence[str]:
    if shown == total:
        return (word("table.all_rows", language, total=total),)
    return (word("table.first_rows", language, shown=shown, total=total),)


def build_by_unit(name: str, options: ByUnit, context: OutputContext) -> TableDocument:
    """A row for each unit, columns for each model (keys: `ruralpanel.project.kinds.tables`).

    Changes of a counterfactual of a logarithm are in per cent; what lies beyond the observed support is marked.

    Raises
    ------
    UserError
        Models without result, or that say nothing of single units.
    """
    models = context.models(options.models)
    labels = context.labels([model.panel for model in models], options)
    raise_any(
        context.problem(f"models[{index}]", f'"{model.model}"', "a counterfactual, a decomposition or cce")
        for index, model in enumerate(models)
        if not values_of(model)
    )
    language, digits = context.language, options.digits
    given = options.model_labels
    columns: list[Column] = []
    spanners: list[Spanner] = []
    body: dict[str, list[Cell]] = {unit: [] for unit in _units(models, context)}
    mean: list[Cell] = []
    for model in models:
        heads, cells, means = _part(model, labels, tuple(body), language, digits)
        spanners.append(
            Spanner(
                context.title(model.model, given),
                len(columns),
                len(columns) + len(heads) - 1,
            )
        )
        columns += [Column(head) for head in heads]
        for unit, row_cells in cells.items():
            body[unit] += row_cells
        mean += means
    rows = [
        Row(context.unit_names.get(unit, unit), tuple(cells), "entry", "value", unit) for unit, cells in body.items()
    ]
    if any(cell.text for cell in mean):
        rows.append(Row(word("mean", language), tuple(mean), "summary", "mean", "mean"))
    marked = any(model.support.outside for model in models)
    notes = [word("support_note", language)] if marked else []
    for model, spanner in zip(models, spanners, strict=True):
        before = f"{spanner.label}{word('colon', language)}" if len(models) > 1 else ""
        notes += [before + clause(labels.told(note), language) for note in model.notes]
    return TableDocument(
        name=name,
        title=options.title_in(language) or name.replace("_", " ").capitalize(),
        stub=word("unit", language).capitalize(),
        columns=tuple(columns),
        rows=tuple(rows),
        spanners=(tuple(spanners),),
        notes=(*dict.fromkeys(notes), *declared_notes(options, language)),
        language=language,
    )


def _units(models: Sequence[Model], context: OutputContext) -> list[str]:
    units = {unit for model in models for values in values_of(model).values() for unit in values}
    return sorted(units, key=lambda unit: context.unit_names.get(unit, unit))


def _part(
    model: Model, labels: Labels, units: Sequence[str], language: str, digits: int
) -> tuple[list[str], dict[str, list[Cell]], list[Cell]]:
    """Headings, cells by unit and the cells of the mean of one model's columns."""
    percent = percent_of_level(model, labels.formulas)
    values = in_percent(values_of(model)) if percent else values_of(model)
    if CHANGE not in values:
        heads = [heading(model, term, labels, language) for term in values]
        cells = {unit: [_number(values[term].get(unit), digits) for term in values] for unit in units}
        rows = [model.coefficient(term) for term in values]
        return heads, cells, [_number(None if row is None else row.number("estimate"), digits) for row in rows]
    places = 0 if percent else digits
    outside = set(model.support.outside)
    heads = [word(CHANGE, language) + (" (%)" if percent else ""), word("ci", language)]
    cells = {unit: _changes(values, unit, places, unit in outside) for unit in units}
    row = model.coefficient("mean_change")
    means = [Cell(), Cell()]
    if row is not None:
        keys = {CHANGE: "estimate", LOW: "ci_low", HIGH: "ci_high"}
        whole = {name: {"mean": value} for name, key in keys.items() if (value := row.number(key)) is not None}
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


_HEADS = ("pair", "sample", "n_obs", "n_units", "n_periods", "effects", "correlation", "ci", "p_value")
_LEFT = frozenset({"pair", "sample", "effects"})


def build_correlations(name: str, options: Correlations, context: OutputContext) -> TableDocument:
    """Residual correlations of models of several outcomes (keys: `ruralpanel.project.kinds.tables`).

    Raises
    ------
    UserError
        Models without result, or of one outcome.
    """
    models = context.models(options.models)
    raise_any(
        context.problem(f"models[{index}]", f'"{model.model}", of one outcome', "a model of several outcomes (sur)")
        for index, model in enumerate(models)
        if not pairs_of(model)
    )
    language, digits = context.language, options.digits
    labels = context.labels([model.panel for model in models], options)
    given = options.model_labels
    samples = {sample_text(model, language) for model in models}
    heads = [head for head in _HEADS if head != "sample" or len(samples) > 1]
    rows = []
    for model in models:
        title = context.title(model.model, given)
        for (first, second), pair in pairs_of(model).items():
            low, high, p = pair.ci_low, pair.ci_high, pair.p_value
            outcomes = (without_aside(labels.of(name)) for name in (first, second))
            cells = {
                "pair": Cell(word("list_separator", language).join(outcomes)),
                "sample": Cell(sample_text(model, language)),
                "n_obs": Cell(format_count(model.n_obs), model.n_obs),
                "n_units": Cell(format_count(model.n_units), model.n_units),
                "n_periods": Cell(period_text(model)),
                "effects": Cell(effects_text(model, language)),
                "correlation": Cell(format_number(pair.estimate, digits), pair.estimate),
                "ci": Cell("" if low is None or high is None else format_interval(low, high, digits=digits)),
                "p_value": Cell("" if p is None else format_p(p, 3), p),
            }
            rows.append(Row(title, tuple(cells[head] for head in heads), "entry", "correlation", model.model))
    shared = f"{word('sample', language)}{word('colon', language)}{next(iter(samples))}{word('full_stop', language)}"
    same = (shared,) if len(samples) == 1 else ()
    return TableDocument(
        name=name,
        title=options.title_in(language) or name.replace("_", " ").capitalize(),
        stub=word("model", language),
        columns=tuple(Column(word(head, language), "left" if head in _LEFT else "centre") for head in heads),
        rows=tuple(rows),
        notes=(*same, word("correlation_note", language), *declared_notes(options, language)),
        language=language,
    )
