"""The worksheets of XLSX files as grids of text: what the sheet shows, and where that is not what it stores."""

from __future__ import annotations

import gc
import io
import re
import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, NamedTuple

from ruralpanel.data.adapters.number_formats import Scale, only_year, scale_of, zeros_before
from ruralpanel.data.adapters.sheets import Caps, Grid, Sheet, area, bounded, cell_text, joined, letters, unreadable
from ruralpanel.project.kinds.adapters import Layout
from ruralpanel.project.problems import Problem, UserError, did_you_mean

_ABOUT = 20
_HEIGHTS = {"superscript": "raised", "subscript": "lowered"}
_MOST_ROWS, _MOST_COLUMNS = 1_048_576, 16_384
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_ROW, _MERGED, _COLUMN = f"{_MAIN}row", f"{_MAIN}mergeCell", f"{_MAIN}col"
_VALUE, _INLINE, _FORMULA = f"{_MAIN}v", f"{_MAIN}is", f"{_MAIN}f"
_ROOM_OF_STYLES = 10
_MOST_PARTS = 2_000_000
"""Elements of a worksheet's XML that are held at once: those of one row, or all that stand outside of rows."""


@dataclass(frozen=True)
class Style:
    """What a cell's style says: code of its number format, whether all of it is raised or lowered."""

    code: str
    height: str


@contextmanager
def _uncollected() -> Iterator[None]:
    """No search for cycles: a workbook's millions of cells hold none, and looking through them takes half the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@_uncollected()
def xlsx_sheets(raw: bytes, label: str, layout: Layout) -> list[Sheet]:
    """The worksheets of an XLSX file, or the one that `layout.sheet` names, or its `layout.range`.

    Raises
    ------
    UserError
        Damaged files, formulas without stored values, more cells or bytes than are read.
    """
    from openpyxl.reader.excel import ExcelReader
    from openpyxl.styles.stylesheet import apply_stylesheet

    caps = Caps.of(layout)
    # Damaged files make the reader fail in many ways (zip, XML, key and type errors): all mean the same to a user.
    try:
        _check_size(raw, label, caps)
        reader = ExcelReader(io.BytesIO(raw), read_only=True, data_only=True, keep_links=False)
        reader.read_manifest()
        texts = _shared_texts(reader, label, caps)
        reader.read_workbook()
        apply_stylesheet(reader.archive, reader.wb)
        reader.read_worksheets()
        worksheets = reader.wb.worksheets
        wanted = chosen([sheet.title for sheet in worksheets], layout.sheet, label)
        sheets = [_xlsx_sheet(worksheets[i], texts, label, layout) for i in wanted]
        hidden = [
            sheet.title for i, sheet in enumerate(worksheets) if i not in wanted and sheet.sheet_state != "visible"
        ]
        return [replace(sheet, not_read=tuple(hidden)) for sheet in sheets]
    except UserError:
        raise
    except Exception as error:
        raise unreadable(label, "XLSX", error) from None


def bounds_of(label: str, layout: Layout) -> tuple[int, int, int, int]:
    """The range of a layout, with the columns before it and some rows about it: titles and notes stand there."""
    top, _, bottom, right = area(label, layout.range)
    return max(top - _ABOUT, 1), 0, bottom + _ABOUT, right


def chosen(names: Sequence[str], wanted: object, label: str) -> Sequence[int]:
    """Positions of the wanted sheets (names, or numbers from 1; one or a list), or of all where none is wanted."""
    if wanted is None:
        return range(len(names))
    positions = []
    for one in wanted if isinstance(wanted, (list, tuple)) else (wanted,):
        if isinstance(one, int) and 1 <= one <= len(names):
            positions.append(one - 1)
        elif str(one) in names:
            positions.append(names.index(str(one)))
        else:
            fix = did_you_mean(str(one), names)
            raise UserError.at(label, "layout.sheet", f"{one!r}", f"one of {len(names)} sheets", fix)
    return positions


def shown_as(value: object, style: Style) -> tuple[str, Scale | None, bool]:
    """A cell's text, how its figure is shown where that is not as it is stored, and whether it stores a number."""
    text = cell_text(value)
    scale = None
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if isinstance(value, (int, float)) and number:
        scale = scale_of(style.code, float(value))
        if text.isdigit():
            text = text.zfill(zeros_before(style.code))
    elif hasattr(value, "year") and only_year(style.code):
        text = f"{value.year}年"  # a year to a column of years, no number to a column of figures
    return (joined([(text, style.height)]) if style.height else bounded(text)), scale, number


def _check_size(raw: bytes, label: str, caps: Caps) -> None:
    """Stop before more than `caps` is unpacked: all parts but pictures, or styles, which take more room once read."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        packed = [part for part in archive.infolist() if part.file_size > 2 * part.compress_size]
    styles = sum(part.file_size for part in packed if part.filename.endswith("styles.xml"))
    size = max(sum(part.file_size for part in packed), _ROOM_OF_STYLES * styles)
    if size > caps.megabytes * 2**20:
        raise UserError.at(
            label,
            "",
            f"{size / 2**20:,.0f} MB once unpacked",
            f"at most {caps.megabytes:,} MB (most_megabytes)",
            "save the sheet that is needed as a file of its own; layout: {most_megabytes: …} raises the limit",
        )


@dataclass(frozen=True)
class _Blocks:
    """A stream read in large blocks: at the end of each the parser begins again with a text that goes on behind it."""

    stream: Any

    def read(self, size: int) -> bytes:
        return bytes(self.stream.read(max(size, 4 * 2**20)))


def _bare(tag: str) -> str:
    return tag.rpartition("}")[2]


def _shared_texts(reader: Any, label: str, caps: Caps) -> list[str]:
    from openpyxl.xml.constants import SHARED_STRINGS
    from openpyxl.xml.functions import iterparse

    part = reader.package.find(SHARED_STRINGS)
    texts: list[str] = []
    if part is not None:
        with reader.archive.open(part.PartName[1:]) as stream:
            for _, node in iterparse(_Blocks(stream)):
                if _bare(node.tag) == "si":
                    texts.append(_text_of(node))
                    caps.check_cells(len(texts), label, "")
                    node.clear()
    return texts


def _text_of(node: Any) -> str:
    """The text of a cell with parts in several fonts; the sounds written above Chinese and Japanese signs left out."""
    parts: list[tuple[str, str]] = []
    for child in node:
        if _bare(child.tag) == "t":
            parts.append((child.text or "", ""))
        elif _bare(child.tag) == "r":
            written = "".join(part.text or "" for part in child if _bare(part.tag) == "t")
            place = child.find("./{*}rPr/{*}vertAlign")
            parts.append((written, _HEIGHTS.get(place.get("val"), "") if place is not None else ""))
    return re.sub("_x([0-9A-Fa-f]{4})_", lambda match: chr(int(match[1], 16)), joined(parts))


def _xlsx_sheet(sheet: Any, texts: Sequence[str], label: str, layout: Layout) -> Sheet:
    caps, bounds = Caps.of(layout), bounds_of(label, layout)
    first, start, last, end = area(label, layout.range)
    grid = Grid(label, sheet.title, caps)
    without: list[str] = []
    merged: list[tuple[int, int, int, int]] = []
    hidden_rows: list[int] = []
    hidden_columns: set[int] = set()
    style_of = _xlsx_styles(sheet.parent)
    top, left, bottom, right = bounds
    if bottom >= 10**9:  # before minutes are spent on cells that are not read
        caps.check_cells(_filled_cells(sheet), label, sheet.title)
    for kind, part in _parts(sheet, texts, lambda row: top <= row <= bottom):
        if kind == "merged":
            merged.append(part)
        elif kind == "hidden columns":
            hidden_columns.update(part)
        elif kind == "hidden row":
            hidden_rows.append(part)
        elif left <= part.column < right:
            if part.column in grid.rows.get(part.row, ()):
                raise ValueError(f"two cells {letters(part.column)}{part.row}")
            if part.lacks_result and first <= part.row <= last and start <= part.column < end:
                without.append(f"{letters(part.column)}{part.row}")
            grid.put(part.row, part.column, *shown_as(part.value, style_of(part.style)))
    if without:
        raise UserError(
            Problem(
                label,
                f"sheet {sheet.title}, cell {cell}",
                "a formula without a stored result",
                "a figure",
                "open the file in a spreadsheet program and save it",
            )
            for cell in without[:20]
        )

    def outside(cells: Collection[tuple[int, int]]) -> dict[tuple[int, int], str]:
        rows = {row for row, _ in cells}
        cells_outside = [cell for kind, cell in _parts(sheet, texts, rows.__contains__) if kind == "cell"]
        return {(cell.row, cell.column): shown_as(cell.value, style_of(cell.style))[0] for cell in cells_outside}

    join(grid, merged, bounds, outside)
    return grid.filled(sheet.sheet_state != "visible", hidden_rows, hidden_columns)


def _filled_cells(sheet: Any) -> int:
    """The number of cells with a value, or some fewer."""
    with sheet._get_source() as stream:
        return sum(block.count(b"<v>") for block in iter(lambda: stream.read(2**20), b""))


def join(
    grid: Grid,
    merged: Sequence[tuple[int, int, int, int]],
    bounds: tuple[int, int, int, int],
    outside: Callable[[Collection[tuple[int, int]]], Mapping[tuple[int, int], str]],
) -> None:
    """Merge areas as far as they reach into the bounds; texts that begin outside of them are looked up."""
    first, left_end, last, right_end = bounds
    areas = []
    for top, bottom, left, right in merged:
        inside = max(top, first), min(bottom, last), max(left, left_end), min(right, right_end - 1)
        if inside[0] <= inside[1] and inside[2] <= inside[3]:
            areas.append(((top, left), inside))
    cut = [(begin, inside) for begin, inside in areas if begin != (inside[0], inside[2])]
    texts = outside({begin for begin, _ in cut}) if cut else {}
    for begin, inside in cut:
        grid.put(inside[0], inside[2], texts.get(begin, ""))
    for _, inside in areas:
        grid.merge(*inside)


def _xlsx_styles(book: Any) -> Callable[[int], Style]:
    from openpyxl.styles.numbers import BUILTIN_FORMATS, BUILTIN_FORMATS_MAX_SIZE

    known: dict[int, Style] = {}

    def style_of(number: int) -> Style:
        if number not in known:
            style = book._cell_styles[number]
            custom = style.numFmtId - BUILTIN_FORMATS_MAX_SIZE
            code = book._number_formats[custom] if custom >= 0 else BUILTIN_FORMATS.get(style.numFmtId, "General")
            known[number] = Style(code or "General", _HEIGHTS.get(book._fonts[style.fontId].vertAlign, ""))
        return known[number]

    return style_of


def _parts(sheet: Any, texts: Sequence[str], wanted: Callable[[int], bool]) -> Iterator[tuple[str, Any]]:
    """Pairs of a kind and what was found: ``cell`` (of rows that are `wanted`), ``merged``, ``hidden row`` …

    The rows are parsed one by one, so that a sheet takes no more memory than what is kept of it.
    """
    from openpyxl.utils import range_boundaries
    from openpyxl.xml.functions import iterparse

    with sheet._get_source() as stream:
        row = rows = held = 0
        for _, element in iterparse(_Blocks(stream)):
            tag, held = element.tag, held + 1
            if tag == _ROW:
                rows, held, row = rows + 1, 0, int(float(element.get("r", row + 1)))
                if element.get("hidden") in ("1", "true") or element.get("ht") == "0":
                    yield "hidden row", row
                if wanted(row):
                    for cell in _cells(element, row, sheet.parent, texts):
                        yield "cell", cell
                element.clear()
            elif tag == _MERGED:
                left, top, right, bottom = range_boundaries(element.get("ref"))
                yield "merged", (top, bottom, left - 1, right - 1)
            elif tag == _COLUMN and (element.get("hidden") in ("1", "true") or element.get("width") == "0"):
                last = min(int(element.get("max")), _MOST_COLUMNS)
                yield "hidden columns", range(int(element.get("min")) - 1, last)
            if rows > _MOST_ROWS or held > _MOST_PARTS:
                raise ValueError("more rows or columns than a worksheet has")


class _Cell(NamedTuple):
    """A filled cell: row from 1, column from 0; a formula whose result was not stored has no value."""

    row: int
    column: int
    value: object
    style: int
    lacks_result: bool


def _cells(row_element: Any, row: int, book: Any, texts: Sequence[str]) -> Iterator[_Cell]:
    column = -1
    for element in row_element:
        name = element.get("r")
        column = column + 1 if name is None else _column(name.rstrip("0123456789"))
        written = inline = None
        formula = False
        for part in element:
            if part.tag == _VALUE:
                written = part.text
            elif part.tag == _INLINE:
                inline = _text_of(part)
            elif part.tag == _FORMULA:
                formula = True
        kind, style = element.get("t", "n"), int(element.get("s", 0))
        value = inline if kind == "inlineStr" else _value(written, kind, style, book, texts) if written else None
        lacks_result = formula and value is None and kind != "str"
        if value is not None or lacks_result:
            yield _Cell(row, column, value, style, lacks_result)


@cache
def _column(name: str) -> int:
    from openpyxl.utils import column_index_from_string

    return int(column_index_from_string(name)) - 1


def _value(written: str, kind: str, style: int, book: Any, texts: Sequence[str]) -> object:
    if kind == "s":
        return texts[int(written)]
    if kind == "b":
        return bool(int(written))
    if kind not in ("n", "d"):
        return written
    if kind == "n":
        number = float(written) if "." in written or "e" in written.casefold() else int(written)
        if style not in book._date_formats:
            return number
    from openpyxl.utils.datetime import from_excel, from_ISO8601

    if kind == "d":
        return from_ISO8601(written)
    try:
        return from_excel(number, book.epoch, timedelta=style in book._timedelta_formats)
    except (OverflowError, ValueError):
        return "#VALUE!"
