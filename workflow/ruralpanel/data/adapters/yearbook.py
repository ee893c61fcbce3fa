"""Tables by region as yearbooks and censuses print them, in HTML, XLS and XLSX."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from ruralpanel.data.adapters import grids, text
from ruralpanel.data.adapters.cells import (
    SIDE_BY_SIDE,
    Cell,
    capped,
    duplicate_problems,
    figure_advice,
    file_label,
    place,
)
from ruralpanel.data.adapters.series_files import (
    Place,
    Reading,
    by_file,
    dated,
    dated_file,
    layout_of,
    need_series,
    places,
    read_each,
    table_of,
)
from ruralpanel.data.adapters.sheets import Sheet, Shown, area, hidden_remarks
from ruralpanel.data.adapters.titles import (
    checked,
    first_measure,
    is_left_out,
    left_out,
    measure_problem,
    measures_in,
    years_left_aside,
)
from ruralpanel.data.adapters.yearbook_tables import (
    RegionTable,
    column_of,
    is_note,
    region_table,
    repeats_header,
    year_columns,
)
from ruralpanel.project.kinds.adapters import YearbookLayout
from ruralpanel.project.problems import Problem, UserError, did_you_mean, raise_any
from ruralpanel.project.sidecars import SourceSpec


@dataclass(frozen=True)
class _Column:
    """A column of figures: whose series, for which year."""

    spot: Place
    index: int
    year: int
    header: str


def read(source: SourceSpec) -> pd.DataFrame:
    """Read tables by region.

    A series' `column` is the header above its figures, several header rows joined by `` / `` (``Rural / Employed``),
    or the end of it, or ``#3`` for the third column; ``{period}`` in it stands for the year. Rows of the nation,
    totals and groups of regions are left out (`regions`, `layout.skip_rows`, `layout.keep_rows`).

    Parameters
    ----------
    source : SourceSpec
        Layout keys: see `kinds.adapters`.

    Returns
    -------
    pandas.DataFrame
        See `cells.cell_table`; values in the measures as published.

    Raises
    ------
    UserError
        One problem per fault: unreadable or cut-off files, columns that are not found or not unique, cells that are no
        numbers, figures of merged cells, measures other than declared, regions twice.
    """
    need_series(source)
    asked = by_file(places(source))
    readings, problems = read_each(asked, lambda file: _read_file(source, file, asked[file]))
    cells = [cell for reading in readings.values() for cell in reading.cells]
    if not problems:
        present = {cell.series for cell in cells}
        problems += [
            Problem(
                source.name,
                f"series.{key}",
                "no file with its column",
                text.quoted(series.column or key),
                "name it under `column` of the series",
            )
            for key, series in source.series.items()
            if key not in present
        ]
        problems += duplicate_problems(cells)
    raise_any(capped(problems, source.name))
    return table_of(source, asked, readings, cells)


def _read_file(source: SourceSpec, file: str, wanted: Sequence[Place]) -> Reading:
    """Remarks are on columns that may hold more figures; unread are all headers that no series names."""
    label = file_label(source, file)
    layout = layout_of(source, YearbookLayout)
    sheets = grids.read_sheets(file, label, layout)
    page = any(sheet.ragged for sheet in sheets)
    if page and layout.range:
        fix = "leave it out; layout: {table: …} chooses a table"
        raise UserError.at(label, "layout.range", str(layout.range), "a worksheet, which has ranges", fix)
    if layout.range:
        sheets = tuple(_within(sheet, area(label, layout.range)) for sheet in sheets)
    if page or layout.table is not None:
        parts = [(sheets, dated_file(file, label, layout))]
    else:
        parts = [((sheet,), dated_layout) for sheet, dated_layout in dated(sheets, file, label, layout)]
    tables = [
        (table, dated_layout) for part, dated_layout in parts for table in _tables(part, label, dated_layout, wanted)
    ]
    rule = text.number_rule(thousands=", ", missing=layout.missing, marks=layout.marks)
    skipped = left_out(layout.skip_rows, layout.keep_rows)
    cells: list[Cell] = []
    problems: list[Problem] = []
    present: set[str] = set()
    remarks = [remark for part, _ in parts for sheet in part for remark in hidden_remarks(sheet, label)]
    read: set[str] = set()
    for table, dated_layout in tables:
        problems += _uneven(table, wanted, label)
        columns, wrong = _columns(table, wanted, label, dated_layout)
        problems += wrong
        present |= {column.spot.series.key for column in columns}
        read_cells, wrong = _cells(table, columns, label, layout, rule, skipped)
        cells += read_cells
        problems += wrong
        read |= {column.header for column in columns}
        remarks += _left_aside(table, columns, wanted, label)
    headers = list(dict.fromkeys(header for table, _ in tables for header in table.columns.values() if header))
    problems += [
        Problem(
            label,
            f"column {_name(spot)}",
            "no such column",
            "one of " + "; ".join(headers[:12]),
            did_you_mean(_name(spot), headers)
            if len(headers) > 12
            else "name the header, rows joined by “ / ”, or the column by number: #3",
        )
        for spot in wanted
        if spot.declared and spot.series.key not in present and not problems
    ]
    raise_any(capped(problems, label))
    return Reading(cells, [header for header in headers if header not in read], remarks)


def _within(sheet: Sheet, bounds: tuple[int, int, int, int]) -> Sheet:
    """The range of a sheet, with the titles above it: rows of one text."""
    top, left, bottom, right = bounds
    rows = []
    for row in sheet.rows:
        title = row.number < top and len({cell for cell in row.cells if cell}) == 1
        if title or top <= row.number <= bottom:
            cells = row.cells if title else tuple(cell if i >= left else "" for i, cell in enumerate(row.cells[:right]))
            rows.append(replace(row, cells=cells))
    hidden = tuple(number for number in sheet.hidden_rows if top <= number <= bottom)
    return replace(sheet, rows=tuple(row for row in rows if any(row.cells)), hidden_rows=hidden)


def _left_aside(table: RegionTable, columns: Sequence[_Column], wanted: Sequence[Place], label: str) -> list[Problem]:
    templates = [_name(spot) for spot in wanted]
    levels = max(template.count(" / ") + 1 for template in templates)
    ends = {i: " / ".join(header.split(" / ")[-levels:]) for i, header in sorted(table.columns.items())}
    read = [ends[column.index] for column in columns]
    return years_left_aside(label, table.sheet, list(ends.values()), read, (), templates)


def _uneven(table: RegionTable, wanted: Sequence[Place], label: str) -> list[Problem]:
    """Rows and a header that are not as long as the others, so that columns cannot be told by their headers."""
    problems = [
        Problem(
            label,
            place(table.sheet, row.number),
            f"{len(row.cells)} cells",
            "as many as in other rows",
            "a cell was lost or a row runs into the next: get the page again",
        )
        for row in table.uneven
    ]
    if table.shifted and not all(_name(spot).startswith("#") for spot in wanted):
        problems.append(
            Problem(
                label,
                "header",
                f"{table.shifted} columns",
                "as many as in the rows of figures",
                "name the columns by number: #3",
            )
        )
    return problems


def _tables(sheets: Sequence[Sheet], label: str, layout: YearbookLayout, wanted: Sequence[Place]) -> list[RegionTable]:
    """The tables asked for, or the one that has the columns; where none has, the one with the most figures."""
    chosen = layout.table
    numbers = [chosen] if isinstance(chosen, int) else list(chosen or range(1, len(sheets) + 1))
    outside = [number for number in numbers if not 1 <= number <= len(sheets)]
    if outside:
        raise UserError.at(label, "layout.table", str(outside[0]), f"a number from 1 to {len(sheets)}")
    header_rows = layout.header_rows
    tables = {
        number: table for number in numbers if (table := region_table(sheets[number - 1], layout.unit - 1, header_rows))
    }
    if not tables:
        raise UserError.at(
            label,
            "",
            "no row with a name and figures",
            "a table by region",
            "layout: {unit: …} is the column of the names, {header_rows: …} the rows above them",
        )
    if chosen is not None:
        return list(tables.values())
    # A table of one row (the last region, on a page of its own) counts where its columns have names.
    with_columns = [
        number
        for number, table in tables.items()
        if any(_places(table, s) and (len(table.rows) > 1 or not _name(s).startswith("#")) for s in wanted)
    ]
    if len(with_columns) > 1:
        found = f"{len(with_columns)} tables with the columns (number {', '.join(map(str, with_columns))}), none chosen"
        fix = f"layout: {{table: {with_columns[0]}}}; a list reads several"
        raise UserError.at(label, "layout.table", found, "the number of one", fix)
    if with_columns:
        return [tables[with_columns[0]]]
    return [max(tables.values(), key=lambda table: len(table.rows) * len(table.columns))]


def _places(table: RegionTable, spot: Place) -> list[int]:
    """Positions of the columns that may be a series'."""
    name = _name(spot)
    return list(year_columns(table, name)) if "{period}" in name else column_of(table, name)


def _name(spot: Place) -> str:
    return spot.column or spot.series.title_in_file or spot.series.key


def _columns(
    table: RegionTable, wanted: Sequence[Place], label: str, layout: YearbookLayout
) -> tuple[list[_Column], list[Problem]]:
    columns: list[_Column] = []
    problems: list[Problem] = []
    year = layout.period
    for spot in wanted:
        name = _name(spot)
        if "{period}" in name:
            years = year_columns(table, name)
            first = {named: index for index, named in reversed(years.items())}
            again = [f"#{index + 1} {table.columns[index]}" for index, named in years.items() if index != first[named]]
            if again:
                listed = f"a second column for the same year: {'; '.join(again[:12])}"
                fix = f"take out what is not meant; {SIDE_BY_SIDE}"
                problems.append(Problem(label, place(table.sheet, None, name), listed, "one column a year", fix))
            columns += [_Column(spot, index, named, table.columns[index]) for named, index in first.items()]
            continue
        if not year:
            problems.append(
                Problem(
                    label,
                    f"series.{spot.series.key}",
                    "figures of no year",
                    "the year",
                    "layout: {period: 2008}, or {period} in the name of the column",
                )
            )
            continue
        matches = column_of(table, name)
        if len(matches) > 1:
            listed = "; ".join(f"#{i + 1} {table.columns[i]}" for i in matches)
            problems.append(
                Problem(
                    label,
                    f"column {name}",
                    f"{len(matches)} columns of this name: {listed}",
                    "one",
                    f"name the whole header, or the column by number; {SIDE_BY_SIDE}",
                )
            )
        elif matches:
            columns.append(_Column(spot, matches[0], int(str(year)), table.columns[matches[0]]))
    for column in columns if checked(layout) else ():
        parts = [written for part in reversed(column.header.split(" / ")) for written in measures_in(part)]
        measure = first_measure([*parts, table.measure])
        wrong = measure_problem(measure, column.spot.series, label, place(table.sheet, None, column.header))
        problems += [wrong] if wrong else []
    return columns, problems


def _cells(
    table: RegionTable,
    columns: Sequence[_Column],
    label: str,
    layout: YearbookLayout,
    rule: text.NumberRule,
    skipped: re.Pattern[str],
) -> tuple[list[Cell], list[Problem]]:
    cells: list[Cell] = []
    problems: list[Problem] = []
    for row in table.rows:
        written_name = row.cell(table.unit_column)
        if is_left_out(written_name, skipped) or is_note(row, table.unit_column) or repeats_header(table, row):
            continue
        unit = text.region_name(written_name)
        for column in columns:
            where = place(table.sheet, row.number, column.header or f"#{column.index + 1}")
            written = row.cell(column.index)
            try:
                value = text.number(written, rule)
            except text.NotANumber:
                problems.append(
                    Problem(
                        label,
                        where,
                        text.quoted(written),
                        "a number or a mark for a missing one",
                        figure_advice(written, thousands=","),
                    )
                )
                continue
            if value is not None:
                merged = column.index in row.merged
                shown = Shown.of(
                    value, written, merged, row.scales.get(column.index), column.spot.series.measure, layout
                )
                fault = shown.fault
                if not unit:
                    wanted = "a figure for each region by itself"
                    fault = (f"{written} without a region", wanted, "write the region's name, or leave the cell empty")
                if fault:
                    problems.append(Problem(label, where, *fault))
                    continue
                value, written = shown.value, shown.text
            if unit:
                cells.append(
                    Cell(
                        unit,
                        column.year,
                        column.spot.series.key,
                        written,
                        value,
                        label,
                        table.sheet,
                        row.number,
                        column.header or f"#{column.index + 1}",
                    )
                )
    return cells, problems
