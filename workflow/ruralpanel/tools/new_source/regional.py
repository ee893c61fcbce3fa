"""Entries for exports of the National Data site and for tables by region as yearbooks print them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ruralpanel.data.adapters import grids, text
from ruralpanel.data.adapters.registry import read
from ruralpanel.data.adapters.sheets import Sheet
from ruralpanel.data.adapters.titles import is_left_out, left_out, split_measure
from ruralpanel.data.adapters.yearbook_tables import RegionTable, column_of, is_note, region_table
from ruralpanel.project.kinds.adapters import NBS_EXPORT, YEARBOOK, Layout
from ruralpanel.project.problems import UserError
from ruralpanel.project.sidecars import SourceSpec
from ruralpanel.project.units import Units
from ruralpanel.tools.new_source.headings import guess_measure, key_of, measured, template_of, year_named
from ruralpanel.tools.new_source.roles import unknown_doubts
from ruralpanel.tools.new_source.tables import Found

_EXPORT = re.compile(r"^数据库[:：]|^(指标|地区|时间)[:：]", re.MULTILINE)


def export(file: Path, units: Units | None = None) -> Found | None:
    """The entry for an export of the National Data site; None for any other file.

    Raises
    ------
    UserError
        An export with faults: they must be mended before any entry reads it.
    """
    head = _head(file)
    if not _EXPORT.search(head):
        return None
    layout: dict[str, Any] = {}
    unsure: list[str] = []
    for _ in range(3):
        try:
            cells = read(SourceSpec(file.stem, NBS_EXPORT, str(file), (str(file),), None, layout))
            break
        except UserError as error:
            if "indicators of no region" in str(error) and "region" not in layout:
                layout["region"] = "REGION"
                unsure.append("the region: the file names none. Write its name instead of REGION")
            elif "end" not in layout and all("end" in str(p) or "数据来源" in str(p) for p in error.problems):
                layout["end"] = "optional"
                unsure.append(
                    "the file lacks its last line (数据来源): it may have been cut off. Compare it with the site"
                )
            else:
                raise
    else:
        return None
    series: dict[str, dict[str, Any]] = {}
    titles = _titles(head)
    for title in map(str, dict.fromkeys(cells["series"])):
        heading = titles.get(text.squeezed(title), title)
        if title == file.stem and len(titles) == 1:
            heading = next(iter(titles.values()))
        measure, doubt = guess_measure(heading)
        name = split_measure(heading)[0]
        key = key_of(title, series, "series")
        fields = {} if name == key else {"title_in_file": name}
        series[key] = {**fields, **measured(measure)}
        unsure += [f"{key}: {doubt}"] if doubt else []
    names = tuple(map(str, dict.fromkeys(cells["unit"])))
    if units is not None:
        unsure += unknown_doubts([name for name in names if not units.bearers(name) and name != "REGION"], units)
    return Found(NBS_EXPORT, layout, series, tuple(unsure), units=names)


def _titles(head: str) -> dict[str, str]:
    """Indicators of an export: without measure and blanks → as written with its measure."""
    titles = {}
    for line in head.splitlines():
        title = re.sub(r"^指标[:：]", "", line).split("\t")[0].strip()
        bare, measure = split_measure(title)
        if measure and not re.match(r"(数据库|地区|时间|注|数据来源)[:：]", title):
            titles[text.squeezed(bare)] = title
    return titles


def _head(file: Path) -> str:
    try:
        sheets = grids.read_sheets(str(file), file.name, Layout(end="optional"))
    except UserError:
        return ""
    return "\n".join("\t".join(cell for cell in row.cells if cell) for sheet in sheets[:1] for row in sheet.rows[:400])


def printed(file: Path, units: Units | None, year: int | None, sheet: str = "", only: bool = True) -> Found | None:
    """The entry for a table by region of a page or a worksheet; None where there is none."""
    layout: dict[str, Any] = {}
    unsure: list[str] = []
    try:
        sheets = grids.read_sheets(str(file), file.name, Layout.of(layout))
    except UserError as error:
        if grids.kind(file) != "html":
            raise
        layout["end"] = "optional"
        unsure.append(f"the page: {error.problems[0].found}; it may have been cut off")
        sheets = grids.read_sheets(str(file), file.name, Layout.of(layout))
    if sheet and not only:
        layout["sheet"] = sheet
    chosen = [(n, part) for n, part in enumerate(sheets, 1) if not sheet or part.name == sheet]
    tables = [(n, part, table) for n, part in chosen if (table := region_table(part, 0, None)) and len(table.rows) > 1]
    if not tables:
        return None
    number, part, table = max(tables, key=lambda item: len(item[2].rows) * len(item[2].columns))
    if len(tables) > 1:
        layout["table"] = number
        unsure.append(
            f"the page holds tables number {', '.join(str(n) for n, _, _ in tables)}: number {number} was taken"
        )
    rows = [row for row in table.rows if not is_note(row, 0) and not is_left_out(row.cell(0), left_out())]
    series, templates = _columns(table, rows, unsure)
    if not series:
        return None
    if not templates:
        layout |= _year(file, part, table, year, unsure)
    names = tuple(dict.fromkeys(text.region_name(row.cell(0)) for row in rows if row.cell(0)))
    if units is not None:
        unknown = [name for name in names if not units.bearers(name)]
        if unknown and len(unknown) * 2 < len(names):
            layout["skip_rows"] = unknown
            unsure.append(f"rows left out because {units.file} does not know them: {', '.join(unknown[:6])}")
            names = tuple(name for name in names if name not in unknown)
    return Found(YEARBOOK, layout, series, tuple(unsure), units=names, part="" if only else sheet)


def _columns(table: RegionTable, rows: Sequence[Any], unsure: list[str]) -> tuple[dict[str, dict[str, Any]], bool]:
    series: dict[str, dict[str, Any]] = {}
    templates: set[str] = set()
    for index, header in table.columns.items():
        cells = [row.cell(index) for row in rows]
        if 3 * sum(1 for cell in cells if _number(cell)) < len(rows):
            continue
        template = template_of(header)
        wanted = header
        if template and sum(1 for other in table.columns.values() if _template(other) == template[0]) > 1:
            wanted = template[0]
            if wanted in templates:
                continue
            templates.add(wanted)
        elif not header or column_of(table, header) != [index]:
            wanted = f"#{index + 1}"
            unsure.append(f"the column {wanted} ({header or 'without a header'}): named by number")
        beside = [split_measure(part)[1] for part in reversed(header.split(" / "))]
        measure, doubt = guess_measure(header, next((item for item in beside if item), table.measure))
        key = key_of(" ".join(part for part in wanted.split(" / ")[-2:]).replace("{period}", ""), series, "column")
        series[key] = {"column": wanted, **measured(measure)}
        unsure += [f"{key}: {doubt}"] if doubt else []
    return series, bool(templates) and len(templates) == len(series)


def _template(header: str) -> str:
    template = template_of(header)
    return template[0] if template else ""


def _number(cell: str) -> bool:
    try:
        return text.number(cell, text.number_rule(thousands=", ")) is not None
    except text.NotANumber:
        return False


def _year(file: Path, sheet: Sheet, table: RegionTable, year: int | None, unsure: list[str]) -> dict[str, Any]:
    if year:
        return {"period": year}
    first = table.rows[0].number
    titles = [cell for row in sheet.rows if row.number < first for cell in row.cells if cell]
    for place, words in (("the titles", titles), ("the file's name", [file.stem])):
        named = year_named(words)
        if named:
            unsure.append(f"the year {named}, from {place}")
            return {"period": named}
    unsure.append("the year: nothing names it. Write the year of the figures instead of YYYY under period")
    return {"period": "YYYY"}
