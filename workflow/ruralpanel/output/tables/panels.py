"""Tables of panels: descriptions, coverage, regimes of growth."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from ruralpanel.output.regimes import REGIMES, from_options, regime_names, transitions
from ruralpanel.output.results import OutputContext
from ruralpanel.output.tables.document import Cell, Column, Row, Spanner, TableDocument
from ruralpanel.output.tables.notes import declared_notes
from ruralpanel.output.words import sentence, word
from ruralpanel.project.formats import DASH, format_auto, format_count
from ruralpanel.project.kinds.tables import STATISTICS, Coverage, Descriptive, Regimes
from ruralpanel.project.periods import label
from ruralpanel.project.problems import UserError, raise_any

_COUNTS = frozenset({"n", "units", "missing"})


def build_descriptive(name: str, options: Descriptive, context: OutputContext) -> TableDocument:
    """Descriptive statistics, a row for each variable (keys: `ruralpanel.project.kinds.tables`).

    Standard deviations divide by n − 1. Within: of deviations from the unit's mean, divided by n − 1 as Stata's
    xtsum does. Between: of the units' means, divided by units − 1.

    Raises
    ------
    UserError
        Unknown panel, variables, periods, attribute or statistics.
    """
    variables, statistics, digits = options.variables, options.statistics, options.digits
    frame = context.panel(options.panel, variables, "variables")
    labels = context.labels([options.panel], options)
    frame = _periods(frame, options.periods, context)

    sections: list[tuple[str, pd.DataFrame]] = [("", frame)]
    if options.by:
        groups = context.group_of(options.by)
        frame = frame.assign(_group=frame["unit"].map(groups))
        present = sorted(set(frame["_group"].dropna()))
        sections = [(word("all", context.language), frame)]
        sections += [(group, frame[frame["_group"] == group]) for group in present]
    rows: list[Row] = []
    for heading, part in sections:
        if heading:
            rows.append(Row(heading, (), "section"))
        for variable in variables:
            values = describe(part["unit"], part[variable])
            cells = tuple(_cell(statistic, values[statistic], digits) for statistic in statistics)
            rows.append(Row(labels.with_measure(variable), cells, "entry", "descriptive", variable))

    language = context.language
    return TableDocument(
        name=name,
        title=options.title_in(language) or word("table.titles.descriptives", language),
        stub=word("variable", language),
        columns=tuple(Column(word(statistic, language), "right") for statistic in statistics),
        rows=tuple(rows),
        notes=(
            _panel_note(frame, context.names.get(f"panels.{options.panel}", options.panel), language),
            _spread_note(statistics, language),
            *declared_notes(options, language),
        ),
        language=language,
    )


def describe(units: pd.Series[Any], values: pd.Series[Any]) -> dict[str, float]:
    """All `STATISTICS` of one variable; NaN where too few figures are there."""
    present = values.notna()
    x = values[present].to_numpy(dtype=float)
    result = dict.fromkeys(STATISTICS, float("nan"))
    result |= {"n": float(x.size), "missing": float((~present).sum())}
    codes, names = pd.factorize(units[present])
    result["units"] = float(len(names))
    if x.size == 0:
        return result
    counts = np.bincount(codes)
    means = np.bincount(codes, weights=x) / counts
    within = x - means[codes]
    result |= {"mean": float(x.mean()), "median": float(np.median(x)), "min": float(x.min()), "max": float(x.max())}
    if x.size > 1:
        result["sd"] = float(x.std(ddof=1))
    if x.size > len(names):
        result["sd_within"] = float(np.sqrt((within**2).sum() / (x.size - 1)))
    if len(names) > 1:
        result["sd_between"] = float(means.std(ddof=1))
    return result


def build_coverage(name: str, options: Coverage, context: OutputContext) -> TableDocument:
    """Per cent of a panel's units that have a figure, variable × period (keys: `ruralpanel.project.kinds.tables`).

    Raises
    ------
    UserError
        Unknown panel or variables.
    """
    panel = options.panel
    variables = list(options.variables or context.variables(panel))
    frame = context.panel(panel, variables, "variables")
    labels = context.labels([panel], options)
    language = context.language
    periods = sorted(set(frame["period"]))
    share = frame[variables].notna().groupby(frame["period"]).mean()
    rows = []
    for variable in variables:
        shares = [float(share.loc[period, variable]) for period in periods]
        cells = tuple(Cell(_per_cent(value), value) for value in shares)
        rows.append(Row(labels.of(variable), cells, "entry", "share", variable))
    meaning = word("table.share_covered", language)
    return TableDocument(
        name=name,
        title=options.title_in(language) or word("table.titles.coverage", language),
        stub=word("variable", language),
        columns=tuple(Column(label(period), "right") for period in periods),
        rows=tuple(rows),
        notes=(
            sentence([meaning], language),
            _panel_note(frame, context.names.get(f"panels.{options.panel}", options.panel), language),
            *declared_notes(options, language),
        ),
        language=language,
    )


def _per_cent(share: float) -> str:
    """Whole per cents, but neither 100 nor 0 for what is not quite all or nothing."""
    if share in (0.0, 1.0):
        return DASH if share == 0 else "100"
    return str(min(max(round(100 * share), 1), 99))


def _periods(frame: pd.DataFrame, wanted: Sequence[int] | None, context: OutputContext) -> pd.DataFrame:
    if not wanted:
        return frame
    known = set(frame["period"])
    span = f"{label(min(known))} to {label(max(known))}"
    raise_any(
        context.problem(f"periods[{index}]", str(period), "a period of the panel", span)
        for index, period in enumerate(wanted)
        if period not in known
    )
    return frame[frame["period"].isin(wanted)]


def _cell(statistic: str, value: float, digits: int) -> Cell:
    if statistic in _COUNTS:
        return Cell(format_count(value), int(value))
    return Cell(format_auto(value, digits), value)


def _panel_note(frame: pd.DataFrame, panel: str, language: str) -> str:
    periods = sorted(set(frame["period"]))
    span = DASH.join(dict.fromkeys(label(period) for period in (periods[0], periods[-1])))
    colon = word("colon", language)
    facts = [
        f"{word('panel', language)}{colon}{panel}",
        f"{word('sample', language)}{colon}{word('all', language)}",
        f"{word('n_units', language)}{colon}{format_count(frame['unit'].nunique())}",
        f"{word('n_periods', language)}{colon}{len(periods)} ({span})",
        f"{word('n_obs', language)}{colon}{format_count(len(frame))}",
    ]
    return sentence(facts, language)


def _spread_note(statistics: Sequence[str], language: str) -> str:
    if not {"sd_within", "sd_between"} & set(statistics):
        return ""
    return word("table.spreads", language)


def build(name: str, options: Regimes, context: OutputContext) -> TableDocument:
    """Counts by span on the left, the matrix of moves from each span to the next on the right.

    Raises
    ------
    UserError
        Unknown panel, variables or years.
    """
    frame = context.panel(options.panel, [options.first, options.second])
    known = set(frame["period"])
    missing = sorted({year for span in options.spans for year in span} - known)
    if missing:
        raise UserError(context.problem("spans", ", ".join(map(str, missing)), f"years of panel {options.panel}"))
    regimes = from_options(frame, options)
    names = regime_names(options, context.language)
    spans = list(regimes.columns)
    columns = [Column(span) for span in spans]
    spanners = [Spanner(word("table.in_each_regime", context.language), 0, len(spans) - 1)]
    moves = []
    for earlier, later in pairwise(spans):
        spanners.append(Spanner(f"{earlier} → {later}", len(columns), len(columns) + len(REGIMES) - 1))
        columns += [Column(f"→ {names[regime]}") for regime in REGIMES]
        moves.append(transitions(regimes, earlier, later))
    rows = []
    for regime in REGIMES:
        counts = [int((regimes[span] == regime).sum()) for span in spans]
        counts += [int(count) for matrix in moves for count in matrix.loc[regime].to_numpy()]
        cells = tuple(Cell(str(count), count) for count in counts)
        rows.append(Row(names[regime], cells, statistic="units", key=regime))
    members = [
        f"{span}: " + "; ".join(f"{names[r]}: {_members(regimes[span], r, context)}" for r in REGIMES) for span in spans
    ]
    return TableDocument(
        name=name,
        title=options.title_in(context.language),
        stub=word("table.regime", context.language),
        columns=tuple(columns),
        rows=tuple(rows),
        spanners=(tuple(spanners),),
        notes=(*members, *declared_notes(options, context.language)),
        language=context.language,
    )


def _members(column: Any, regime: str, context: OutputContext) -> str:
    units = [str(unit) for unit in column.index[column == regime]]
    names = context.unit_names
    return ", ".join(names.get(unit, unit) for unit in units) or "–"
