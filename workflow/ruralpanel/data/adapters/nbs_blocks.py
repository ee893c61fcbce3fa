"""The tables inside an export of the National Data site: preamble, header, rows, footnotes, source line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from ruralpanel.data.adapters import text
from ruralpanel.data.adapters.cells import place
from ruralpanel.data.adapters.sheets import Row, Sheet
from ruralpanel.project.problems import Problem

_KEY_LINE = re.compile(
    r"(?P<key>数据库|指标|时间|地区|单位|注\d*|备注|数据来源|资料来源|来源|Database|Indicators?|Time|Regions?|Unit|Notes?|"
    r"(?:Data )?Sources?)\s*[：:]\s*(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_KEYS = {
    "数据库": "database",
    "database": "database",
    "指标": "title",
    "indicator": "title",
    "indicators": "title",
    "时间": "time",
    "time": "time",
    "地区": "region",
    "region": "region",
    "regions": "region",
    "单位": "unit",
    "unit": "unit",
}
_HEADS = {
    "地区": "region",
    "region": "region",
    "regions": "region",
    "指标": "indicator",
    "indicator": "indicator",
    "indicators": "indicator",
    "时间": "time",
    "年份": "time",
    "time": "time",
    "year": "time",
}
_FIGURE = text.NumberRule(thousands=",").pattern()


@dataclass(frozen=True)
class Block:
    """One table of an export.

    Attributes
    ----------
    head : what the first column lists: ``region``, ``indicator`` or ``time`` (the site's turned table).
    title, region, measure : from the preamble, empty where it says nothing.
    columns : position and label of each column of figures. rows : those of figures, in order.
    """

    sheet: str
    head: str
    header: Row
    columns: tuple[tuple[int, str], ...]
    title: str = ""
    region: str = ""
    measure: str = ""
    rows: tuple[Row, ...] = ()


@dataclass
class _Reading:
    """What has been read of a sheet so far."""

    preamble: dict[str, str] = field(default_factory=dict)
    header: Row | None = None
    head: str = ""
    rows: list[Row] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    in_notes: bool = False
    ended: bool = False


def blocks_of(sheet: Sheet, label: str) -> tuple[tuple[Block, ...], list[Problem], bool]:
    """The blocks of a sheet, what is wrong with its rows, and whether a source line ends it.

    Rows that are neither preamble, header, figures nor footnotes are problems: a figure must not be passed over.
    """
    reading = _Reading()
    for row in sheet.rows:
        first = text.plain(row.cell(0))
        key_line = _KEY_LINE.fullmatch(first)
        if key_line and not _is_header(row):
            _key_line(reading, sheet, label, row, key_line)
        elif _is_header(row):
            _close(reading, sheet, label)
            reading.header, reading.head = row, _HEADS[text.squeezed(first)]
            reading.in_notes = reading.ended = False
        elif reading.header is None or reading.in_notes or reading.ended:
            if any(_FIGURE.fullmatch(text.plain(cell)) for cell in row.cells[1:]):
                where = "above the header" if not reading.in_notes and not reading.ended else "below the footnotes"
                reading.problems.append(
                    Problem(
                        label,
                        place(sheet.name, row.number),
                        f"figures {where}",
                        "figures between the header and the footnotes",
                        "put the row back into the table",
                    )
                )
        else:
            reading.rows.append(row)
    _close(reading, sheet, label)
    return tuple(reading.blocks), reading.problems, reading.ended


def _is_header(row: Row) -> bool:
    return text.squeezed(row.cell(0)) in _HEADS and any(row.cells[1:])


def _key_line(reading: _Reading, sheet: Sheet, label: str, row: Row, match: re.Match[str]) -> None:
    key = match["key"].casefold()
    if key in _KEYS:
        _close(reading, sheet, label)
        if _KEYS[key] == "database" or reading.ended:
            reading.preamble.clear()
        reading.in_notes = reading.ended = False
        # A comma within a title splits it into several cells.
        reading.preamble[_KEYS[key]] = ",".join([match["rest"], *row.cells[1:]]).rstrip(",\t ")
    elif key.endswith("来源") or "source" in key:
        _close(reading, sheet, label)
        reading.ended = True
    else:
        reading.in_notes = True


def _close(reading: _Reading, sheet: Sheet, label: str) -> None:
    header, rows = reading.header, tuple(reading.rows)
    reading.rows.clear()
    reading.header = None
    if header is None:
        return
    columns = tuple((i, cell) for i, cell in enumerate(header.cells) if i and cell)
    block = Block(
        sheet.name,
        reading.head,
        header,
        columns,
        reading.preamble.get("title", ""),
        reading.preamble.get("region", ""),
        reading.preamble.get("unit", ""),
        rows,
    )
    reading.problems += _header_problems(block, label) + _row_problems(block, label, sheet.ragged)
    reading.blocks.append(block)


def _header_problems(block: Block, label: str) -> list[Problem]:
    problems = []
    seen: dict[str, str] = {}
    for _, name in block.columns:
        where = place(block.sheet, block.header.number, name)
        if block.head != "time" and text.period(name) is None:
            problems.append(Problem(label, where, text.quoted(name), "a year, as 2012年", "export years, one a column"))
        same = text.squeezed(name if block.head == "time" else str(text.period(name) or name))
        if same in seen:
            problems.append(
                Problem(label, where, f"a second column for {name}", "each column once", "remove one of the two")
            )
        seen[same] = name
    return problems


def _row_problems(block: Block, label: str, ragged: bool) -> list[Problem]:
    problems = []
    seen: dict[str, int] = {}
    known = {i for i, _ in block.columns}
    last = max(known, default=0)
    for row in block.rows:
        where = place(block.sheet, row.number)
        if not row.cell(0):
            problems.append(Problem(label, where, "figures without a name in the first column", "a name in every row"))
            continue
        if ragged and len(row.cells) <= last:
            problems.append(
                Problem(
                    label,
                    where,
                    f"{len(row.cells)} columns",
                    f"{last + 1}, as in the header",
                    "the row was cut off: get the file again",
                )
            )
        stray = [i for i, cell in enumerate(row.cells) if i and cell and i not in known]
        if stray:
            problems.append(
                Problem(
                    label,
                    where,
                    f"{text.quoted(row.cell(stray[0]))} in column {stray[0] + 1}",
                    "nothing below a column without a header",
                    "check that no cell was moved",
                )
            )
        name = text.squeezed(text.without_marks(row.cell(0)))
        if name in seen:
            problems.append(
                Problem(
                    label,
                    where,
                    f"a second row of {text.quoted(row.cell(0))}",
                    "each name once",
                    f"the first is row {seen[name]}: remove one of them",
                )
            )
        seen.setdefault(name, row.number)
    return problems


def unfinished(label: str, sheets: Sequence[Sheet]) -> Problem:
    """The problem of a file without a source line."""
    last = max((sheet.rows[-1].number for sheet in sheets if sheet.rows), default=1)
    return Problem(
        label,
        f"row {last}",
        "the end of the file without a source line (数据来源：…)",
        "a whole export",
        "the file was cut off: export it again, or layout: {end: optional} where the line was removed on purpose",
    )
