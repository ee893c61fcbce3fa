"""Entries for tables: text files, worksheets, formats of statistical software; those alike but for a year in one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ruralpanel.data.adapters import columns, databases, grids, text
from ruralpanel.data.adapters.sheets import Row
from ruralpanel.data.adapters.table_files import open_table
from ruralpanel.project.kinds.adapters import TABLE, Layout, TableLayout
from ruralpanel.project.problems import UserError
from ruralpanel.project.units import Units
from ruralpanel.tools.new_source.grid import Located, locate, side_by_side, split_text
from ruralpanel.tools.new_source.headings import is_measure, measure_of_table, template_of, year_named
from ruralpanel.tools.new_source.roles import Roles, marks_of, roles_of, rows_left_out, unknown_doubts
from ruralpanel.tools.new_source.series import series_of

_LOOKED_AT = 20_000


@dataclass(frozen=True)
class Found:
    """An entry (adapter, layout, series) before it has a name and a path; what is unsure; what it holds."""

    adapter: str
    layout: dict[str, Any]
    series: dict[str, dict[str, Any]]
    unsure: tuple[str, ...] = ()
    figures: int = 0
    units: tuple[str, ...] = ()
    years: tuple[int, ...] = ()
    part: str = ""


def text_tables(file: Path, raw: bytes, units: Units | None, year: int | None) -> list[Found]:
    """The entries for a delimited text file: one for each table that stands beside another in it."""
    content = text.decode(raw, file.name)
    grids.lines_of(content, file.name)
    layout: dict[str, Any] = {}
    unsure: list[str] = []
    if not raw.startswith((b"\xff\xfe", b"\xfe\xff")) and not _is_utf8(raw):
        layout["encoding"] = "gb18030"
        sample = next((line for line in content.splitlines() if not line.isascii()), "")[:40]
        unsure.append(f"the encoding: read as GB18030 (GBK). If this is no text, name another one: {sample}")
    delimiter, rows = split_text(content)
    if delimiter != ",":
        layout["delimiter"] = "tab" if delimiter == "\t" else delimiter
    marks = marks_of(cell for row in rows for cell in row.cells)
    layout |= marks.layout
    if marks.layout.get("thousands") == "," == delimiter and '"' not in content:
        layout.pop("thousands")
    elif marks.doubt:
        unsure.append(marks.doubt)
    parts = side_by_side(rows)
    entries = []
    for part in parts:
        located = _located(file, part, units, worksheet=False, bounded=len(parts) > 1)
        cells = located.layout.get("range", "").lower() if len(parts) > 1 else ""
        entries.append(entry(file, {**layout, **located.layout}, units, year, located, unsure, cells))
    return entries


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def sheet_tables(
    file: Path, sheet: str, rows: Sequence[Row], only: bool, units: Units | None, year: int | None
) -> list[Found]:
    """The entries for a worksheet, as `text_tables`; `only`: it needs no name, because no other holds anything."""
    parts = side_by_side(rows)
    return [_sheet_table(file, sheet, part, only, units, year, len(parts) > 1) for part in parts]


def _sheet_table(
    file: Path, sheet: str, rows: Sequence[Row], only: bool, units: Units | None, year: int | None, bounded: bool
) -> Found:
    located = _located(file, rows, units, True, bounded)
    # A sheet named km or 万人 says what is in it.
    located = replace(located, titles=(*([f"({sheet})"] if is_measure(sheet) else []), *located.titles))
    marks = marks_of(cell for row in rows for cell in row.cells if "," in cell or " " in cell)
    layout = {**({} if only else {"sheet": sheet}), **marks.layout, **located.layout}
    names = [*([] if only else [sheet]), *([located.layout["range"].lower()] if bounded else [])]
    return entry(file, layout, units, year, located, [marks.doubt] if marks.doubt else [], "_".join(names))


def _located(file: Path, rows: Sequence[Row], units: Units | None, worksheet: bool, bounded: bool = False) -> Located:
    located = locate(rows, (lambda cell: bool(units.bearers(cell))) if units else None, worksheet, bounded)
    if located is None:
        raise UserError.at(
            file.name,
            "",
            "no row of names above rows of figures",
            "a table with a name above each column",
            "write one name above each column (unit, year, …), or export the table anew",
        )
    return located


def entry(
    file: Path,
    layout: dict[str, Any],
    units: Units | None,
    year: int | None,
    located: Located | None = None,
    unsure: Sequence[str] = (),
    part: str = "",
) -> Found:
    """The entry for a table that the adapter `table` opens with `layout`."""
    table = open_table(str(file), file.name, TableLayout.of(layout))
    names = list(dict.fromkeys(name for name in table.names if table.names.count(name) == 1))
    loaded, rows = table.read(names, [])
    doubts = list(unsure)
    twice = list(dict.fromkeys(name for name in table.names if table.names.count(name) > 1))
    if twice:
        doubts.append(f"columns of the same name cannot be read until one is renamed: {', '.join(twice)}")
    if len(rows) > _LOOKED_AT:
        doubts.append(f"only the first {_LOOKED_AT:,} of {len(rows):,} rows were looked at")
    texts = {name: columns.labels_as_text(column.iloc[:_LOOKED_AT]).tolist() for name, column in loaded.items()}
    roles = roles_of(texts, units)
    doubts += roles.doubts
    beside = dict(located.beside) if located else {}
    titles = located.titles if located else ()
    overall = measure_of_table(titles)
    labels = {name: beside.get(name, "") or overall for name in names}
    headings = {name: table.labels.get(name) or name for name in names}
    keys = {"unit": roles.unit} if not roles.across else {}
    shape = {"shape": "wide"} if roles.templates or roles.across else {}
    full = {**shape, **({"across": "unit"} if roles.across else {}), **keys, **layout}
    full |= _period(roles, file, titles, headings, year, doubts)
    if roles.where:
        full["where"] = dict(roles.where)
    named = [name for name in names if name not in (roles.period, roles.series)]
    totals, unknown = rows_left_out(named if roles.across else texts[roles.unit], units)
    if totals:
        full["skip_rows"] = totals
    if units is not None and unknown and len(unknown) < len(set(texts.get(roles.unit, unknown)) - set(totals)):
        doubts += unknown_doubts(unknown, units)
    series, counted = series_of(roles, texts, headings, labels, part or file.stem, titles, full, doubts)
    if not series:
        raise UserError.at(file.name, "", "no column of figures", "at least one column of numbers")
    unit_names = roles.figures if roles.across else tuple(dict.fromkeys(texts[roles.unit]))
    shown = tuple(name for name in unit_names if name and name not in totals)
    return Found(TABLE, full, series, tuple(doubts), counted, shown, _years(roles, texts, full), part)


def _period(
    roles: Roles,
    file: Path,
    titles: Sequence[str],
    headings: Mapping[str, str],
    year: int | None,
    doubts: list[str],
) -> dict[str, Any]:
    if roles.templates:
        return {}
    if roles.period:
        return {"period": roles.period}
    if year:
        return {"period": year}
    for place, words in (
        ("the titles", titles),
        ("the columns' names", headings.values()),
        ("the file's name", [file.stem]),
    ):
        named = year_named(words)
        if named:
            doubts.append(f"the year {named}, from {place}: no column holds years")
            return {"period": named}
    doubts.append("the year: no column holds it. Write the year of the figures instead of YYYY under period")
    return {"period": "YYYY"}


def _years(roles: Roles, texts: Mapping[str, Sequence[str]], layout: Mapping[str, Any]) -> tuple[int, ...]:
    if roles.templates:
        named = [template_of(name) for names in roles.templates.values() for name in names]
        return tuple(sorted({item[1] for item in named if item}))
    if roles.period:
        years = {text.plain(cell)[:4] for cell in texts[roles.period] if cell}
        return tuple(sorted(int(year) for year in years if year.isdecimal()))
    return (layout["period"],) if isinstance(layout.get("period"), int) else ()


def filled_sheets(file: Path) -> list[tuple[str, tuple[Row, ...]]]:
    """The worksheets of a spreadsheet that hold anything."""
    return [(sheet.name, sheet.rows) for sheet in grids.read_sheets(str(file), file.name, Layout()) if sheet.rows]


def tables_of(file: Path) -> tuple[str, ...]:
    """The tables of a data base in the order of their names; none for other formats."""
    kind = grids.kind(file)
    return databases.tables_in(str(file), file.name, kind) if kind in ("sqlite", "duckdb") else ()


_OF_ONE = ("sheet", "period", "range")


def joined_sheets(parts: Sequence[Found]) -> list[Found]:
    """The entries for the sheets of a workbook, those of yearly sheets as one."""
    years = {part.part: _year_of(part.part, part.layout) for part in parts}
    yearly = [part for part in parts if years[part.part] and _alike(_entry(part), _entry(parts[0]))]
    if len(yearly) < 2 or len({years[part.part] for part in yearly}) < len(yearly):
        return list(parts)
    layout = {key: value for key, value in yearly[0].layout.items() if key not in _OF_ONE}
    layout |= {"period": {"from": "name"}}
    if len(yearly) < len(parts):
        layout["sheet"] = [part.part for part in yearly]
    first = yearly[0]
    doubts = [doubt for part in yearly for doubt in part.unsure if not about_years(doubt)]
    units = tuple(dict.fromkeys(unit for part in yearly for unit in part.units))
    one = replace(
        first,
        layout=layout,
        unsure=(*dict.fromkeys(doubts), "the years, from the names of the sheets: no column holds them"),
        figures=sum(part.figures for part in yearly),
        units=units,
        years=tuple(sorted(year for part in yearly if (year := years[part.part]))),
        part="",
    )
    return [one, *(part for part in parts if part not in yearly)]


def joined_files(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The entry for files that are alike but for the year in their names, without its path; None where they are not."""
    years = [_year_of(Path(str(entry["path"])).stem, entry.get("layout", {})) for entry in entries]
    if len(entries) < 2 or not all(years) or len(set(years)) < len(years):
        return None
    if not all(_alike(entry, entries[0]) for entry in entries) or any("sheet" in e["layout"] for e in entries):
        return None
    layout = {key: value for key, value in entries[0]["layout"].items() if key not in _OF_ONE}
    return {**entries[0], "layout": {**layout, "period": {"from": "name"}}}


def about_years(doubt: str) -> bool:
    """Whether a doubt is about the year of one table, which the names of all of them settle."""
    return doubt.startswith("the year")


def _year_of(name: str, layout: Mapping[str, Any]) -> int | None:
    """The year that a name tells, where nothing in the table tells another."""
    year = year_named([name])
    return year if layout.get("period") in ("YYYY", year) else None


def _entry(part: Found) -> dict[str, Any]:
    return {"adapter": part.adapter, "layout": part.layout, "series": part.series}


def _alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two tables are read alike, but for the sheet, its range and the year."""

    def shape(entry: Mapping[str, Any]) -> tuple[Any, ...]:
        layout = {key: value for key, value in (entry.get("layout") or {}).items() if key not in _OF_ONE}
        series = {key: {k: v for k, v in fields.items() if k != "measure"} for key, fields in entry["series"].items()}
        return entry["adapter"], layout, series

    return shape(one) == shape(other)
