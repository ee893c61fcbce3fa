"""Tables of dynamic panels: the lag in one row, what fixed effects alone would say of it, long-run effects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ruralpanel.estimate.base.model import Model
from ruralpanel.estimate.base.rows import LONG_RUN
from ruralpanel.output.labels import Labels
from ruralpanel.output.results import OutputContext
from ruralpanel.output.tables import regression
from ruralpanel.output.tables.coefficients import detail_cell, estimate_cell, shown_statistics
from ruralpanel.output.tables.document import Cell, Row, TableDocument
from ruralpanel.output.words import word
from ruralpanel.project.formats import format_number, format_set
from ruralpanel.project.kinds.tables import Regression

_BENEATH = ("std_error", "ci")


def build(name: str, options: Regression, context: OutputContext) -> TableDocument:
    """A regression table whose lags of different outcomes share a row (keys: `ruralpanel.project.kinds.tables`).

    Beneath the first lag stand what fixed effects alone give and the values that its own test does not reject, for
    models that are corrected; below the coefficients the long-run effects, with errors; instruments beside units.
    Models without lags, for comparison, leave these rows empty.

    Raises
    ------
    UserError
        As regression tables.
    """
    document = regression.build_regression(name, options, context)
    models = context.models(options.models)
    labels = context.labels([model.panel for model in models], options)
    digits, language = options.digits, context.language
    beneath = [statistic for statistic in shown_statistics(options, models, context, ("ci",)) if statistic in _BENEATH]
    lags, others = _merged(document.rows, models, language)
    body = [row for row in others if row.kind != "summary"]
    summary = [row for row in others if row.kind == "summary"]
    place = 1 + next((i for i, row in enumerate(summary) if row.key == "n_units"), -1)
    rows = [
        *_with_plain(lags, models, digits, language),
        *body,
        *_long_run(models, labels, beneath, digits, language),
        *summary[:place],
        *_instruments(models, language),
        *summary[place:],
    ]
    return replace(document, rows=tuple(rows))


def _merged(rows: Sequence[Row], models: Sequence[Model], language: str) -> tuple[list[Row], list[Row]]:
    """Rows of lags, each lag once with the cells of all outcomes, and the other rows."""
    order = {f"lag({model.outcome}, {k})": k for model in models for k in range(1, model.lags + 1)}
    lags: dict[tuple[int, str], Row] = {}
    others = []
    for row in rows:
        if row.key not in order:
            others.append(row)
            continue
        k = order[row.key]
        before = lags.get((k, row.statistic))
        cells = row.cells if before is None else tuple(
            new if new.text else old for old, new in zip(before.cells, row.cells, strict=True)
        )  # fmt: skip
        label = _lag_label(k, language) if row.kind == "entry" else ""
        lags[k, row.statistic] = replace(row, label=label, cells=cells, key=f"lag({k})")
    return [row for _, row in sorted(lags.items(), key=lambda item: item[0][0])], others


def _with_plain(lags: Sequence[Row], models: Sequence[Model], digits: int, language: str) -> list[Row]:
    """The rows of lags; after those of the first, what is said of it without correction and by its own test."""
    plain, sets = [], []
    for model in models:
        value = model.fixed_effects.get(f"lag({model.outcome}, 1)")
        plain.append(Cell() if value is None else Cell(format_number(value, digits), value))
        parts = model.lag_set.intervals if model.lag_set else None
        sets.append(Cell() if parts is None else Cell(format_set(parts, digits)))
    first = [row for row in lags if row.key == "lag(1)"]
    extra = [
        Row(word(f"dynamic.{key}", language), tuple(cells), "entry", key, "lag(1)")
        for key, cells in (("plain", plain), ("set", sets))
        if any(cell.text for cell in cells)
    ]
    return [*first, *extra, *(row for row in lags if row.key != "lag(1)")]


def _long_run(models: Sequence[Model], labels: Labels, beneath: Sequence[str], digits: int, language: str) -> list[Row]:
    effects = [model.statistics for model in models]
    names = [key for key in dict.fromkeys(key for by_term in effects for key in by_term) if key.startswith(LONG_RUN)]
    rows = [Row(word("dynamic.long_run", language), (), "section", "", "long_run")] if names else []
    for name in names:
        entries = [by_term.get(name) for by_term in effects]
        cells = tuple(estimate_cell(entry, digits, ()) for entry in entries)
        rows.append(Row(labels.of(name.removeprefix(LONG_RUN)), cells, "entry", "estimate", name))
        for statistic in beneath:
            pairs = zip(models, entries, strict=True)
            details = tuple(detail_cell(model, entry, statistic, digits) for model, entry in pairs)
            rows.append(Row("", details, "detail", statistic, name))
    return rows


def _instruments(models: Sequence[Model], language: str) -> list[Row]:
    counts = [(model.n_instruments, model.n_units) for model in models]
    cells = [Cell() if count is None else Cell(f"{count} / {units}", count) for count, units in counts]
    if not any(cell.text for cell in cells):
        return []
    return [Row(word("dynamic.instruments", language), tuple(cells), "summary", "n_instruments", "n_instruments")]


def _lag_label(k: int, language: str) -> str:
    return word("dynamic.lag_one", language) if k == 1 else word("dynamic.lag", language, k=k)
