"""Where in a text file or a worksheet the table stands: delimiter, column names, first and last row."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ruralpanel.data.adapters import text
from ruralpanel.data.adapters.sheets import Row, letters
from ruralpanel.tools.new_source.headings import is_measure
from ruralpanel.tools.new_source.roles import is_figure, is_missing, is_year

_SIGNS = ",;\t|"
_NOTE = re.compile(r"注|说明|资料来源|数据来源|来源|备注|note|source|remark", re.IGNORECASE)
_LOOKED_AT = 5000


@dataclass(frozen=True)
class Located:
    """A table within rows of cells.

    Attributes
    ----------
    layout : keys of the adapter `table` that lead to it (`header`, `range`, `first_row`).
    names : the column names. titles : texts above them. beside : column name → measure in a row below the names.
    levels : number of rows that make up the names; more than one: only the adapter `yearbook` reads it.
    """

    layout: dict[str, Any]
    names: tuple[str, ...]
    titles: tuple[str, ...]
    beside: dict[str, str]
    levels: int


def split_text(content: str) -> tuple[str, list[Row]]:
    """The delimiter of a text, and its rows (the first some thousand).

    The sign wins whose columns hold most figures; in a tie the one that leaves fewer other signs within cells.
    """
    lines = content.replace("\r\n", "\n").replace("\r", "\n").split("\n")[:_LOOKED_AT]
    best: tuple[tuple[int, int, int], str, list[Row]] | None = None
    for sign in _SIGNS:
        rows = [Row(i, tuple(map(text.trimmed, record))) for i, record in _records(lines, sign)]
        wide = [row for row in rows if sum(map(bool, row.cells)) > 1]
        if not wide:
            continue
        others = set(_SIGNS) - {sign}
        figures = sum(1 for row in wide for cell in row.cells if is_figure(cell))
        untidy = sum(1 for row in wide for cell in row.cells if others & set(cell))
        score = (figures, -untidy, sum(len(row.cells) for row in wide))
        if best is None or score > best[0]:
            best = (score, sign, rows)
    return (best[1], best[2]) if best else (",", [Row(i, (line.strip(),)) for i, line in enumerate(lines, 1)])


def _records(lines: Sequence[str], sign: str) -> list[tuple[int, list[str]]]:
    reader = csv.reader((line + "\n" for line in lines), delimiter=sign)
    records, number = [], 1
    try:
        for record in reader:
            records.append((number, record))
            number = reader.line_num + 1
    except csv.Error:
        pass
    return records


def side_by_side(rows: Sequence[Row]) -> list[list[Row]]:
    """The rows of each table where the names of one stand again beside it (地区 2012 … 地区 2012 …), else all rows."""
    for position, row in enumerate(rows):
        first = next((cell for cell in row.cells if cell), "")
        starts = [i for i, cell in enumerate(row.cells) if cell == first]
        if _is_head(row) and len(starts) > 1 and not (row.copies & set(starts)):
            parts = [row.cells[a:b] for a, b in zip(starts, [*starts[1:], len(row.cells)], strict=True)]
            if all(len(part) > 1 and part[: len(parts[-1])] == parts[-1] for part in parts):
                ends = [*starts[1:], max(len(other.cells) for other in rows)]
                places = zip([0, *starts[1:]], ends, strict=True)
                return [[*rows[:position], *_columns_of(rows[position:], a, b)] for a, b in places]
    return [list(rows)]


def _columns_of(rows: Sequence[Row], start: int, end: int) -> list[Row]:
    """The rows with the cells of other columns blank."""
    return [Row(row.number, ("",) * start + row.cells[start:end], row.copies) for row in rows]


def locate(rows: Sequence[Row], known: Any = None, worksheet: bool = False, bounded: bool = False) -> Located | None:
    """The table in rows of cells, or None where no row holds a name and a figure.

    The names stand in the first row that is nearly as full as the rows of figures and holds no figures but years.

    Parameters
    ----------
    rows : of a text file or a worksheet, empty ones left out or not.
    known : whether a text names a unit (a function), so that a last row without figures is told from a note.
    worksheet : what is left and right of the table can be left out without `range` in text files only.
    bounded : `range` is needed, because another table stands beside this one.
    """
    rows = [row for row in rows if any(row.cells)]
    data = [i for i, row in enumerate(rows) if _is_data(row)]
    if not data:
        return None
    usual = Counter(_filled(rows[i]) for i in data).most_common(1)[0][0]
    heads = [
        i
        for i, row in enumerate(rows)
        if _is_head(row) and _filled(row) >= 2 and 5 * _filled(row) >= 3 * usual and any(i < d <= i + 4 for d in data)
    ]
    if not heads:
        return None
    head = heads[0]
    names_row = rows[head]
    between = next(i for i in data if i > head)
    first = next((i for i in range(head + 1, between) if not _belongs_to_header(rows[i], names_row)), between)
    levels, beside_row = _levels(rows[head:first])
    left = next(i for i, cell in enumerate(names_row.cells) if cell)
    if left and any(rows[i].cell(left - 1) for i in data if i >= first):
        left -= 1  # a first column without a name
    right = max(i for i, cell in enumerate(names_row.cells) if cell) + 1
    last = max(
        i
        for i in range(first, len(rows))
        if _is_data(rows[i]) or (known is not None and any(known(cell) for cell in rows[i].cells if cell))
    )
    names = tuple(names_row.cell(i) for i in range(left, right))
    beside = {name: beside_row.cell(left + i) for i, name in enumerate(names)} if beside_row else {}
    layout = _layout(rows, head, first, last, left, right, worksheet, bounded)
    titles = tuple(cell for row in rows[:head] for cell in dict.fromkeys(row.cells) if cell)
    return Located(layout, names, titles, {name: text for name, text in beside.items() if text}, levels)


def _layout(
    rows: Sequence[Row], head: int, first: int, last: int, left: int, right: int, worksheet: bool, bounded: bool
) -> dict[str, Any]:
    body = [row for row in rows[first : last + 1] if _is_data(row)]
    beyond = any(row.cell(i) for row in body for i in range(right, len(row.cells)))
    layout: dict[str, Any] = {}
    top = rows[head].number
    if bounded or last + 1 < len(rows) or beyond or left:
        layout["range"] = f"{letters(left)}{top}:{letters(right - 1)}{rows[last].number}"
        start = top
    else:
        start = 1
        if head > 0 and (worksheet or top > 1):
            layout["header"] = top
    if first > head + 1:
        layout["first_row"] = rows[first].number - start + 1
    return layout


def _belongs_to_header(row: Row, names: Row) -> bool:
    """Whether a row below the names holds measures or further names, and no unit with faulty figures."""
    filled = [cell for cell in row.cells if cell]
    measures = sum(map(is_measure, filled))
    start = next(i for i, cell in enumerate(names.cells) if cell)
    return 2 * measures >= len(filled) or not row.cell(start) or row.cell(start) == names.cell(start)


def _levels(rows: Sequence[Row]) -> tuple[int, Row | None]:
    """How many rows the names stand in, and the row of measures among those below the first."""
    levels, beside = 1, None
    for row in rows[1:]:
        filled = [cell for cell in row.cells if cell]
        if any(map(is_measure, filled)) and sum(map(is_measure, filled)) * 2 >= len(filled):
            beside = row
        elif len(filled) > 1:
            levels += 1
    return levels + (1 if rows[0].copies else 0), beside


def _filled(row: Row) -> int:
    return sum(1 for cell in row.cells if cell)


def _is_data(row: Row) -> bool:
    cells = [cell for cell in row.cells if cell]
    # A row of nothing but words and years is a header, unless there is a figure that is no year.
    figures = any(is_figure(cell) and not is_year(cell) for cell in cells)
    return len(cells) > 1 and figures and not _NOTE.match(text.plain(cells[0]))


def _is_head(row: Row) -> bool:
    cells = [cell for cell in row.cells if cell]
    return not any(is_figure(cell) and not is_year(cell) for cell in cells) and not all(map(is_missing, cells))
