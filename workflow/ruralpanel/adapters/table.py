"""Tables as statistical software writes them, long or wide: CSV, XLSX, XLS, Stata, dBase, Parquet, SQLite, DuckDB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ruralpanel.adapters import columns, text
from ruralpanel.adapters.cells import capped, file_label
from ruralpanel.adapters.series_files import Place, by_file, layout_of, need_series, places
from ruralpanel.adapters.table_body import Body, figure_problems, load_body, repeated, squeezed, units_of, years_of
from ruralpanel.adapters.table_file import TableFile
from ruralpanel.adapters.table_files import open_table
from ruralpanel.adapters.table_pieces import Piece, frame_of
from ruralpanel.adapters.titles import same_title, years_pattern
from ruralpanel.contracts.problems import Problem, UserError, raise_any
from ruralpanel.contracts.specs import SourceSpec


def read(source: SourceSpec) -> pd.DataFrame:
    """Read the tables of a source by column; only the columns needed are read.

    A series' column is its `column`, else its key. In a wide table the column may hold ``{period}``, which stands for
    the year (``gdp_{period}``); without it, `layout.columns` says how the columns are named, and one file holds one
    series. Rows without a unit, a period and a figure are passed over.

    Parameters
    ----------
    source : SourceSpec
        Layout keys: see `layouts`.

    Returns
    -------
    pandas.DataFrame
        See `cells.typed`; values in the measures as published. Beyond `table_pieces.MOST_TEXTS` figures `text` is
        empty: the value alone stands for the cell.

    Raises
    ------
    UserError
        One problem per fault: unreadable files, missing or repeated columns, cells that are no numbers or years, two
        rows for one unit and period, series that no file holds.
    """
    need_series(source)
    layout = layout_of(source)
    wanted = by_file(places(source))
    pieces: list[Piece] = []
    problems: list[Problem] = []
    for file, own in wanted.items():
        try:
            table = open_table(file, file_label(source, file), layout)
            pieces += _wide(table, own, layout) if layout.get("shape") == "wide" else _long(table, own, layout)
        except UserError as error:
            problems += error.problems
    found = {piece.series for piece in pieces}
    if not problems:
        asked = {place.series.key for own in wanted.values() for place in own}
        problems += [
            Problem(
                source.name,
                f"series.{key}",
                f'no column "{series.column or key}" in any file',
                "the column of the series",
                "name it under `column` of the series",
            )
            for key, series in source.series.items()
            if key in asked - found
        ]
    raise_any(capped(problems, source.name))
    return frame_of(pieces)


def _long(table: TableFile, wanted: Sequence[Place], layout: Mapping[str, Any]) -> list[Piece]:
    """A row for each unit and period, a column for each series."""
    if layout.get("series"):
        return _longest(table, wanted, layout)
    # A series that names no file is read from every file that has its column.
    here = [spot for spot in wanted if spot.declared or _column(spot) in table.names]
    if not here:
        return []
    unit, period = _unit_and_period(layout)
    keys = [unit] if isinstance(period, int) else [unit, period]
    body = load_body(table, keys, list(dict.fromkeys(map(_column, here))), layout, unit)
    codes, names, without = units_of(body, unit)
    years, wrong = years_of(body, period)
    used = (codes >= 0) & (years > 0)
    problems = [*figure_problems(body, layout), *without, *wrong]
    problems += repeated(body, used, (codes, years), (names, ()))
    raise_any(capped(problems, table.label))
    return [
        Piece(spot.series.key, _column(spot), table, names, codes, years, body.figures[_column(spot)], body.rows).only(
            used
        )
        for spot in here
    ]


def _longest(table: TableFile, wanted: Sequence[Place], layout: Mapping[str, Any]) -> list[Piece]:
    """A row for each unit, period and series, all figures in one column."""
    unit, period = _unit_and_period(layout)
    named, value = str(layout["series"]), str(layout.get("value", "value"))
    keys = [unit, named] if isinstance(period, int) else [unit, period, named]
    body = load_body(table, keys, [value], layout, unit)
    codes, names, without = units_of(body, unit)
    years, wrong = years_of(body, period)
    titles, untitled = _rows_by_series(body, named, wanted)
    wanted_rows = np.any(list(titles.rows.values()), axis=0)
    used = (codes >= 0) & (years > 0) & wanted_rows
    problems = [*figure_problems(body, layout, wanted_rows), *without, *wrong, *untitled]
    problems += repeated(body, used, (codes, years, titles.codes), (names, (), titles.names))
    raise_any(capped(problems, table.label))
    return [
        Piece(key, value, table, names, codes, years, body.figures[value], body.rows).only(used & own)
        for key, own in titles.rows.items()
        if own.any()
    ]


def _wide(table: TableFile, wanted: Sequence[Place], layout: Mapping[str, Any]) -> list[Piece]:
    """A row for each unit and a column for each period, or the other way round."""
    across_units = layout.get("across") == "unit"
    unit, period = _unit_and_period(layout)
    key = str(period) if across_units else unit
    named = str(layout.get("series") or "")
    others = {key, named, *(layout.get("where") or {}), ""}
    figures = (
        {
            spot.series.key: [
                (name, 0)
                for name in table.names
                if name not in others
                and not squeezed([name, text.without_marks(name)]) & squeezed(layout.get("skip_rows") or ())
            ]
            for spot in wanted
        }
        if across_units
        else _year_columns(table, wanted, layout, others)
    )
    if not named and len({tuple(own) for own in figures.values()}) < len(wanted):
        raise UserError(
            Problem(
                table.label,
                "",
                f"{len(wanted)} series for the same columns",
                "columns of its own for each series",
                "column: gdp_{period}, or layout: {series: …}",
            )
        )
    all_columns = list(dict.fromkeys(name for own in figures.values() for name, _ in own))
    body = load_body(table, [key, named] if named else [key], all_columns, layout, "" if across_units else unit)
    titles, problems = _rows_by_series(body, named, wanted) if named else (None, [])
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
    raise_any(capped(problems, table.label))
    nothing = np.zeros(len(body.rows), dtype=np.int64)
    return [
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
        for series, own in figures.items()
        if rows_of[series].any()
        for name, year in own
    ]


def _year_columns(
    table: TableFile, wanted: Sequence[Place], layout: Mapping[str, Any], others: set[str]
) -> dict[str, list[tuple[str, int]]]:
    """The columns of each series with their years."""
    found: dict[str, list[tuple[str, int]]] = {}
    problems = []
    for spot in wanted:
        template = _column(spot) if "{period}" in _column(spot) else str(layout.get("columns", "{period}"))
        pattern = years_pattern(template)
        matches = [(name, pattern.fullmatch(text.squeezed(name))) for name in table.names if name not in others]
        own = [(name, int(match[1])) for name, match in matches if match]
        first: dict[int, str] = {}
        for name, year in own:
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
        if own:
            found[spot.series.key] = own
        elif spot.declared or "{period}" not in _column(spot):
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
    return found


@dataclass(frozen=True)
class _Titles:
    """Titles in the column that names the series.

    `rows` are those of each series, `codes` the place of each row's title in `names`. Titles of the same series, one
    with a footnote mark and one without, have the code of the first.
    """

    rows: Mapping[str, columns.Mask]
    codes: columns.Codes
    names: Sequence[str]


def _rows_by_series(body: Body, named: str, wanted: Sequence[Place]) -> tuple[_Titles, list[Problem]]:
    """The rows of each series by the title in the column `named`; series that no row is titled by."""
    codes, titles = columns.labels(body.keys[named])
    rows, problems = {}, []
    first = np.arange(len(titles) + 1)
    first[-1] = -1  # rows without a title
    for spot in wanted:
        declared = [title for title in (spot.series.title_in_file, spot.column) if title] or [spot.series.key]
        own = [i for i, title in enumerate(titles) if any(same_title(title, name) for name in declared)]
        rows[spot.series.key] = np.isin(codes, own)
        first[own] = first[own[:1]]
        if not own and spot.declared:
            problems.append(
                Problem(
                    body.table.label,
                    f"column {named}",
                    ", ".join(map(text.quoted, titles[:8])),
                    f"{text.quoted(declared[0])}, as declared for {spot.series.key}",
                    "correct title_in_file of the series",
                )
            )
    return _Titles(rows, first[codes], titles), problems


def _column(spot: Place) -> str:
    return spot.column or spot.series.key


def _unit_and_period(layout: Mapping[str, Any]) -> tuple[str, str | int]:
    period = layout.get("period", "period")
    return str(layout.get("unit", "unit")), period if isinstance(period, int) else str(period)
