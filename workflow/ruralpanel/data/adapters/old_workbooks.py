"""The worksheets of XLS files as grids of text, as `workbooks` gives those of XLSX files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from ruralpanel.data.adapters.number_formats import Scale
from ruralpanel.data.adapters.sheets import Caps, Grid, Sheet, joined, unreadable
from ruralpanel.data.adapters.workbooks import Style, bounds_of, chosen, join, shown_as
from ruralpanel.project.kinds.adapters import Layout
from ruralpanel.project.problems import UserError

_HEIGHTS = {1: "raised", 2: "lowered"}


def xls_sheets(raw: bytes, label: str, layout: Layout) -> list[Sheet]:
    """The worksheets of an XLS file, or the one that `layout.sheet` names, or its `layout.range`.

    Raises
    ------
    UserError
        Damaged files, more cells than are read.
    """
    import xlrd

    caps = Caps.of(layout)
    try:
        book = xlrd.open_workbook(
            file_contents=raw, formatting_info=True, ragged_rows=True, on_demand=True, logfile=io.StringIO()
        )
        wanted = chosen(book.sheet_names(), layout.sheet, label)
        bounds = bounds_of(label, layout)
        sheets = [_xls_sheet(book, book.sheet_by_index(i), label, caps, bounds) for i in wanted]
        others = [i for i in range(book.nsheets) if i not in wanted]
        hidden = [book.sheet_names()[i] for i in others if book._sheet_visibility[i] != 0]
        return [replace(sheet, not_read=tuple(hidden)) for sheet in sheets]
    except UserError:
        raise
    except Exception as error:
        raise unreadable(label, "XLS", error) from None


def _xls_sheet(book: Any, sheet: Any, label: str, caps: Caps, bounds: tuple[int, int, int, int]) -> Sheet:
    import xlrd

    grid = Grid(label, sheet.name, caps)
    top, left, bottom, right = bounds

    def shown(row: int, column: int) -> tuple[str, Scale | None, bool]:
        if row >= sheet.nrows or column >= sheet.row_len(row):
            return "", None, False
        cell = sheet.cell(row, column)
        style = book.xf_list[cell.xf_index]
        code = book.format_map[style.format_key].format_str
        height = _HEIGHTS.get(book.font_list[style.font_index].escapement, "")
        value = _xls_value(cell, book.datemode)
        runs = sheet.rich_text_runlist_map.get((row, column))
        if runs and isinstance(value, str):
            value, height = _xls_text(value, runs, height, book.font_list), ""
        return shown_as(value, Style(code, height))

    nothing = (xlrd.XL_CELL_EMPTY, xlrd.XL_CELL_BLANK)
    for row in range(top - 1, min(bottom, sheet.nrows)):
        for column, kind in enumerate(sheet.row_types(row)):
            if kind not in nothing and left <= column < right:
                grid.put(row + 1, column, *shown(row, column))
    merged = [(first + 1, last, low, high - 1) for first, last, low, high in sheet.merged_cells]
    join(grid, merged, bounds, lambda cells: {cell: shown(cell[0] - 1, cell[1])[0] for cell in cells})
    hidden_rows = [number + 1 for number, info in sheet.rowinfo_map.items() if info.hidden or info.height == 0]
    hidden_columns = [number for number, info in sheet.colinfo_map.items() if info.hidden or info.width == 0]
    return grid.filled(sheet.visibility != 0, hidden_rows, hidden_columns)


def _xls_text(text: str, runs: Sequence[tuple[int, int]], height: str, fonts: Any) -> str:
    """A text in several fonts: `runs` say from which letter on which font holds, `height` that of the first letters."""
    starts = [0, *(start for start, _ in runs), len(text)]
    heights = [height, *(_HEIGHTS.get(fonts[font].escapement, "") for _, font in runs)]
    return joined((text[start:end], raised) for (start, end), raised in zip(pairwise(starts), heights, strict=True))


def _xls_value(cell: Any, datemode: int) -> object:
    import xlrd

    if cell.ctype == xlrd.XL_CELL_ERROR:
        return xlrd.error_text_from_code.get(cell.value, "#ERROR")
    if cell.ctype == xlrd.XL_CELL_DATE:
        return xlrd.xldate.xldate_as_datetime(cell.value, datemode)
    return bool(cell.value) if cell.ctype == xlrd.XL_CELL_BOOLEAN else cell.value
