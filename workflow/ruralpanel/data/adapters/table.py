"""Tables with one row for each unit and period, or one for each unit: the adapter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd

from ruralpanel.data.adapters import text
from ruralpanel.data.adapters.cells import capped, file_label, with_remarks
from ruralpanel.data.adapters.pieces import Piece, as_shown, frame_of, has_text
from ruralpanel.data.adapters.series_files import Place, by_file, layout_of, need_series, places, remarks_on_files
from ruralpanel.data.adapters.table_body import (
    figure_problems,
    finer_dates,
    load_body,
    measure_column,
    measures_of,
    repeated,
    rows_by_series,
    squeezed,
    units_of,
    years_of,
)
from ruralpanel.data.adapters.table_file import TableFile
from ruralpanel.data.adapters.table_files import open_dated
from ruralpanel.data.adapters.titles import year_named, years_left_aside, years_pattern
from ruralpanel.project.kinds.adapters import TableLayout
from ruralpanel.project.periods import parse
from ruralpanel.project.problems import Problem, UserError, raise_any
from ruralpanel.project.sidecars import SourceSpec


def read(source: SourceSpec) -> pd.DataFrame:
    """Read the tables of a source by column; only the columns needed are read.

    A series' column is its `column`, else its key. In a wide table the column may hold ``{period}``, which stands for
    the year (``gdp_{period}``); without it, `layout.columns` says how the columns are named, and one file holds one
    series. Rows without a unit, a period and a figure are passed over.

    Parameters
    ----------
    source : SourceSpec
        Layout keys: see `kinds.adapters`.

    Returns
    -------
    pandas.DataFrame
        See `cells.typed`; values in the measures as published. Beyond `MOST_TEXTS` figures `text` is
        empty: the value alone stands for the cell.

    Raises
    ------
    UserError
        One problem per fault: unreadable files, missing or repeated columns, cells that are no numbers or years, two
        rows for one unit and period, series that no file holds.
    """
    need_series(source)
    layout = layout_of(source, TableLayout)
    if layout.shape == "wide" and isinstance(layout.period, Mapping):
        fix = "leave period out, or shape: leave `wide` out where a file or sheet holds one year"
        raise UserError.at(source.name, "layout.period", "years from names", "years from the wide columns", fix)
    wanted = by_file(places(source))
    if layout.shape == "wide" and not layout.series:
        spots = [spot for spots_of in wanted.values() for spot in spots_of]
        raise_any(dict.fromkeys(filter(None, (_unused_column(source, spot, layout) for spot in spots))))
    pieces: list[Piece] = []
    problems: list[Problem] = []
    remarks: list[Problem] = []
    given: dict[str, set[str]] = {}
    unread: dict[str, list[str]] = {}
    aside: list[str] = []
    for file, spots_of in wanted.items():
        try:
            for table, of_table in open_dated(file, file_label(source, file), layout):
                if table.empty or table.left_aside(of_table.where or {}):
                    aside.append(table.label)
                    continue
                reading = _read_table(table, spots_of, of_table)
                for piece in reading.pieces:
                    shown, faults = as_shown(piece, source.series[piece.series].measure, layout)
                    pieces.append(shown)
                    problems += faults
                remarks += [*table.remarks, *reading.remarks]
                given.setdefault(file, set()).update(piece.series for piece in reading.pieces)
                unread.setdefault(file, []).extend(reading.unread)
        except UserError as error:
            problems += error.problems
    present = {piece.series for piece in pieces}
    if aside and not present and not problems:
        found, place = f"{', '.join(aside[:4])} and no folder beside", ("", "at least one row", "")
        if layout.where:
            place = "layout.where", f"a folder for {dict(layout.where)} with rows", "correct the value"
        problems.append(Problem(source.name, place[0], found, place[1], place[2]))
    if not problems:
        asked = {place.series.key for spots_of in wanted.values() for place in spots_of}
        problems += [
            Problem(
                source.name,
                f"series.{key}",
                f'no column "{series.column or key}" in any file',
                "the column of the series",
                "name it under `column` of the series",
            )
            for key, series in source.series.items()
            if key in asked - present
        ]
    problems = problems or _of_text_alone(source, layout, pieces)
    raise_any(capped(problems, source.name))
    remarks += remarks_on_files(source, wanted, given, unread)
    return with_remarks(frame_of(pieces), remarks)


def _of_text_alone(source: SourceSpec, layout: TableLayout, pieces: Sequence[Piece]) -> list[Problem]:
    """Keys that say how figures are written, where all figures are stored as numbers already."""
    keys: list[str] = []
    if pieces and not any(map(has_text, pieces)):
        keys += ["decimal"] * ((layout.decimal or ".") != ".") + ["thousands"] * bool(layout.thousands)
    if pieces and all(piece.figures.texts is None for piece in pieces):
        keys += ["marks"] * bool(layout.marks)
    expected = "a key for figures that are text; those of this source are stored as numbers"
    return [Problem(source.name, f"layout.{key}", repr(getattr(layout, key)), expected, "leave it out") for key in keys]


@dataclass(frozen=True)
class _Found:
    """What a table gave: figures, columns or titles that no series names, and remarks on some of them."""

    pieces: list[Piece]
    unread: Sequence[str] = ()
    remarks: Sequence[Problem] = ()


def _read_table(table: TableFile, wanted: Sequence[Place], layout: TableLayout) -> _Found:
    actual = _actual(table, layout)
    if layout.shape == "wide":
        return _wide(table, wanted, actual)
    return _longest(table, wanted, actual) if layout.series else _long(table, wanted, actual)


def _unused_column(source: SourceSpec, spot: Place, layout: TableLayout) -> Problem | None:
    """A series' column that a wide table is not asked for, because it names neither the year nor a title."""
    by_year = layout.across != "unit"
    if not spot.column or (by_year and "{period}" in spot.column):
        return None
    where = f"series.{spot.series.key}.column"
    fix = "leave it out; where a column names the series, layout: {series: …}"
    expected = "{period} in it, for the year" if by_year else "none: a wide table of units holds one series"
    return Problem(source.name, where, f'"{spot.column}"', expected, fix)


def _actual(table: TableFile, layout: TableLayout) -> TableLayout:
    """The layout with the columns as the table spells them."""
    return replace(
        layout,
        unit=table.actual(layout.unit),
        period=table.actual(layout.period) if isinstance(layout.period, str) else layout.period,
        value=table.actual(layout.value),
        series=table.actual(layout.series),
        where={table.actual(str(name)): value for name, value in layout.where.items()},
    )


def _long(table: TableFile, wanted: Sequence[Place], layout: TableLayout) -> _Found:
    """A row for each unit and period, a column for each series."""
    # A series that names no file is read from every file that has its column.
    column = {spot.series.key: table.actual(_column_of(spot)) for spot in wanted}
    here = [spot for spot in wanted if spot.declared or column[spot.series.key] in table.names]
    unit, period = _unit_and_period(layout)
    keys = [unit] if isinstance(period, int) else [unit, period]
    unread = [name for name in table.names if name and name not in (*keys, *layout.where, *column.values())]
    if not here:
        return _Found([], unread)
    keys += measure_column(table, [*keys, *column.values()])
    body = load_body(table, keys, list(dict.fromkeys(column[spot.series.key] for spot in here)), layout, unit)
    codes, names, without = units_of(body, unit)
    years, wrong = years_of(body, period, str(layout.frequency))
    used = (codes >= 0) & (years > 0)
    problems = [*figure_problems(body, layout), *without, *wrong]
    problems += repeated(body, used, (codes, years), (names, ()), partial(finer_dates, body, period, years))
    problems += measures_of(body, [(spot.series, column[spot.series.key], used) for spot in here], layout)
    raise_any(capped(problems, table.label))
    pieces = [
        Piece(key, name, table, names, codes, years, body.figures[name], body.rows).only(used)
        for key, name in ((spot.series.key, column[spot.series.key]) for spot in here)
    ]
    return _Found(pieces, unread)


def _longest(table: TableFile, wanted: Sequence[Place], layout: TableLayout) -> _Found:
    """A row for each unit, period and series, all figures in one column."""
    unit, period = _unit_and_period(layout)
    named, value = str(layout.series), str(layout.value)
    keys = [unit, named] if isinstance(period, int) else [unit, period, named]
    keys += measure_column(table, [*keys, value])
    body = load_body(table, keys, [value], layout, unit)
    codes, names, without = units_of(body, unit)
    years, wrong = years_of(body, period, str(layout.frequency))
    titles, untitled = rows_by_series(body, named, wanted)
    wanted_rows = np.any(list(titles.rows.values()), axis=0)
    used = (codes >= 0) & (years > 0) & wanted_rows
    problems = [*figure_problems(body, layout, wanted_rows), *without, *wrong, *untitled]
    hint = partial(finer_dates, body, period, years)
    problems += repeated(body, used, (codes, years, titles.codes), (names, (), titles.names), hint)
    asked = [(spot.series, value, titles.rows[spot.series.key]) for spot in wanted]
    problems += measures_of(body, asked, layout, titles)
    raise_any(capped(problems, table.label))
    pieces = [
        Piece(key, value, table, names, codes, years, body.figures[value], body.rows).only(used & rows)
        for key, rows in titles.rows.items()
        if rows.any()
    ]
    return _Found(pieces, titles.unread)


def _wide(table: TableFile, wanted: Sequence[Place], layout: TableLayout) -> _Found:
    """A row for each unit and a column for each period, or the other way round."""
    across_units = layout.across == "unit"
    unit, period = _unit_and_period(layout)
    key = str(period) if across_units else unit
    named = str(layout.series or "")
    others = {key, named, *layout.where, ""}
    figures = (
        {
            spot.series.key: [
                (name, 0)
                for name in table.names
                if name not in others
                and not squeezed([name, text.without_marks(name)]) & squeezed(layout.skip_rows or ())
            ]
            for spot in wanted
        }
        if across_units
        else _year_columns(table, wanted, layout, others)
    )
    if not named and len({tuple(dated) for dated in figures.values()}) < len(wanted):
        raise UserError.at(
            table.label,
            "",
            f"{len(wanted)} series for the same columns",
            "columns of its own for each series",
            "column: gdp_{period}, or layout: {series: …}",
        )
    all_columns = list(dict.fromkeys(name for dated in figures.values() for name, _ in dated))
    body = load_body(table, [key, named] if named else [key], all_columns, layout, "" if across_units else unit)
    titles, problems = rows_by_series(body, named, wanted) if named else (None, [])
    rows_of = titles.rows if titles else {spot.series.key: np.ones(len(body.rows), dtype=bool) for spot in wanted}
    wanted_rows = np.any(list(rows_of.values()), axis=0)
    problems += figure_problems(body, layout, wanted_rows)
    names: list[str] = []
    if across_units:
        codes, wrong = years_of(body, key)
        used = codes > 0
    else:
        codes, names, wrong = units_of(body, key)
        used = codes >= 0
    problems += wrong
    used &= wanted_rows
    parts = (codes, titles.codes) if titles else (codes,)
    problems += repeated(body, used, parts, (names, titles.names) if titles else (names,))
    problems += measures_of(
        body,
        [(spot.series, n, rows_of[spot.series.key]) for spot in wanted for n, _ in figures.get(spot.series.key, ())],
        layout,
        titles,
    )
    raise_any(capped(problems, table.label))
    nothing = np.zeros(len(body.rows), dtype=np.int64)
    pieces = [
        Piece(
            series,
            name,
            table,
            [text.without_marks(name)] if across_units else names,
            nothing if across_units else codes,
            codes if across_units else nothing + year,
            body.figures[name],
            body.rows,
        ).only(used & rows_of[series])
        for series, dated in figures.items()
        if rows_of[series].any()
        for name, year in dated
    ]
    unread = [name for name in table.names if name not in others and name not in all_columns]
    templates = () if across_units else _templates_of(wanted, layout)
    remarks = years_left_aside(table.label, table.sheet, table.names, all_columns, others, templates)
    return _Found(pieces, titles.unread if titles else unread, remarks)


def _unit_and_period(layout: TableLayout) -> tuple[str, str | int]:
    period = layout.period
    return str(layout.unit), period if isinstance(period, int) else parse(str(period)) or str(period)


def _year_columns(
    table: TableFile, wanted: Sequence[Place], layout: TableLayout, others: set[str]
) -> dict[str, list[tuple[str, int]]]:
    """The columns of each series with their years."""
    columns: dict[str, list[tuple[str, int]]] = {}
    problems = []
    for spot, template in zip(wanted, _templates_of(wanted, layout), strict=True):
        pattern = years_pattern(template)
        years = [(name, year_named(name, pattern)) for name in table.names if name not in others]
        dated = [(name, year) for name, year in years if year is not None]
        first: dict[int, str] = {}
        for name, year in dated:
            if first.setdefault(year, name) != name:
                problems.append(
                    Problem(
                        table.label,
                        f"column {name}",
                        f"a second column for {year}",
                        "one column a year",
                        f"the first is {first[year]}",
                    )
                )
        if dated:
            columns[spot.series.key] = dated
        elif spot.declared or "{period}" not in _column_of(spot):
            problems.append(
                Problem(
                    table.label,
                    "row of the column names",
                    ", ".join(table.names[:12]),
                    f"columns named {template}",
                    "layout: {columns: …} says how they are named; a row for each year: leave shape: wide out",
                )
            )
    raise_any(dict.fromkeys(problems))
    return columns


def _templates_of(wanted: Sequence[Place], layout: TableLayout) -> list[str]:
    """How the columns of each series are named."""
    general = layout.columns
    return [_column_of(spot) if "{period}" in _column_of(spot) else general for spot in wanted]


def _column_of(spot: Place) -> str:
    return spot.column or spot.series.key
