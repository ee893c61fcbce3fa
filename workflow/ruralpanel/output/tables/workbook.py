"""All tables as one workbook: an index with titles and links, and a sheet for each; the same bytes each time."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ruralpanel.output.tables.document import Cell, Row, TableDocument
from ruralpanel.output.tables.docx import fixed_dates
from ruralpanel.output.words import word
from ruralpanel.project.formats import MINUS

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

_NUMBER = re.compile(rf"[{MINUS}-]?\d[\d,]*(\.\d+)?")
_SHEET_NAME = 31
_WRITTEN = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*")
_LINE = 110  # characters of a note on a line, for the height of its row
_STUB, _COLUMN = 44, 17

Looks = dict[tuple[str, bool, bool | None], tuple[int, int]]
"""Side, wrapping and slant of a text → the numbers of its alignment and font in the workbook."""


def render_workbook(documents: Sequence[TableDocument]) -> bytes:
    """Numbers stand unrounded under formats that show them as printed; intervals and words as printed.

    The companion table of further inference stands below the table, the notes below both.
    """
    from openpyxl import Workbook
    from openpyxl.styles import Alignment, Font

    book = Workbook()
    index: Any = book.active
    language = documents[0].language if documents else "en"
    index.title = word("workbook.index", language)
    index.append([word("workbook.sheet", language), word("title", language), word("notes", language)])
    looks: Looks = {}
    names = list(_sheet_names([document.name for document in documents], index.title))
    for number, (name, document) in enumerate(zip(names, documents, strict=True), 2):
        _text(index, number, 1, name, link=name)
        _text(index, number, 2, document.title)
        _text(index, number, 3, "\n".join(document.notes[:1]))
        _sheet(book.create_sheet(name), document, index.title, looks)
    for cell in index[1]:
        cell.font = Font(bold=True)
    for column, width in (("A", 28), ("B", 90), ("C", 90)):
        index.column_dimensions[column].width = width
    for row in index.iter_rows(min_row=2):
        for cell in row:
            cell.alignment = Alignment(wrap_text=True, vertical="top")
    index.freeze_panes = "A2"
    buffer = io.BytesIO()
    book.save(buffer)
    return fixed_dates(buffer.getvalue(), {"docProps/core.xml": (_WRITTEN, rb"\g<1>2000-01-01T00:00:00Z")})


def _sheet_names(names: Iterable[str], taken: str) -> Iterator[str]:
    """Names of up to 31 characters, no two alike whatever their case."""
    used = {taken.lower()}
    for name in names:
        shown, number = name[:_SHEET_NAME], 2
        while shown.lower() in used:
            shown, number = f"{name[: _SHEET_NAME - 1 - len(str(number))]}~{number}", number + 1
        used.add(shown.lower())
        yield shown


def _sheet(sheet: Worksheet, document: TableDocument, index: str, looks: Looks) -> None:
    from openpyxl.styles import Alignment, Border, Font, Side
    from openpyxl.utils import get_column_letter

    width = len(document.columns) + 1
    _text(sheet, 1, 1, document.title).font = Font(bold=True, size=12)
    _text(sheet, 2, 1, f"← {index}", link=index)
    at = 4
    for level in document.spanners:
        for spanner in level:
            _text(sheet, at, spanner.first + 2, spanner.label)
            if spanner.last > spanner.first:
                sheet.merge_cells(start_row=at, end_row=at, start_column=spanner.first + 2, end_column=spanner.last + 2)
        at += 1
    for column, text in enumerate([document.stub, *(column.label for column in document.columns)], 1):
        _text(sheet, at, column, text).border = Border(bottom=Side(style="thin"))
    for line in sheet.iter_rows(min_row=4, max_row=at, max_col=width):
        for cell in line:
            cell.font = Font(bold=True)
            cell.alignment = Alignment(horizontal="left" if cell.column == 1 else "center", wrap_text=True)
    sheet.freeze_panes = sheet.cell(at + 1, 2)
    at = _rows(sheet, at + 1, document.rows, document, looks)
    if document.further:
        _text(sheet, at + 1, 1, word("table.further", document.language)).font = Font(bold=True)
        at = _rows(sheet, at + 2, document.further, document, looks)
    for number, note in enumerate(document.notes, at + 1):
        sheet.merge_cells(start_row=number, end_row=number, start_column=1, end_column=max(width, 6))
        _text(sheet, number, 1, note).alignment = Alignment(wrap_text=True, vertical="top")
        sheet.row_dimensions[number].height = 15 * (1 + len(note) // _LINE)
    for column in range(1, width + 1):
        sheet.column_dimensions[get_column_letter(column)].width = _STUB if column == 1 else _COLUMN


def _rows(sheet: Worksheet, at: int, rows: Sequence[Row], document: TableDocument, looks: Looks) -> int:
    for row in rows:
        _look(_text(sheet, at, 1, row.label), looks, "left", True, row.kind == "section")
        for number, (column, cell) in enumerate(zip(document.columns, row.cells, strict=False), 2):
            shown = _number(sheet, at, number, cell) or _text(sheet, at, number, cell.text)
            _look(shown, looks, column.align.replace("centre", "center"), column.align == "left")
        at += 1
    return at


def _look(cell: Any, looks: Looks, side: str, wrap: bool, italic: bool | None = None) -> None:
    """Align a cell of the body; openpyxl looks the number of a style up for each, at length."""
    from openpyxl.styles import Alignment, Font
    from openpyxl.styles.cell_style import StyleArray

    key = (side, wrap, italic)
    if key not in looks:
        cell.alignment = Alignment(horizontal=side, vertical="top", wrap_text=wrap)
        if italic is not None:
            cell.font = Font(italic=italic)
        looks[key] = (cell._style.alignmentId, cell._style.fontId)
    cell._style = cell._style or StyleArray()
    cell._style.alignmentId, cell._style.fontId = looks[key]


def _number(sheet: Worksheet, at: int, column: int, cell: Cell) -> Any:
    """The value of a cell under a format that shows it as printed; None where no format does."""
    found = _NUMBER.search(cell.text)
    if cell.value is None or found is None:
        return None
    text = found.group()
    decimals = len(found.group(1) or ".") - 1
    if abs(float(text.replace(MINUS, "-").replace(",", "")) - cell.value) > 0.5000001 * 10.0**-decimals:
        return None
    before, after = cell.text[: found.start()], cell.text[found.end() :]
    if "<" in before or '"' in before + after:
        return None
    shape = ("#,##0" if "," in text else "0") + (f".{'0' * decimals}" if decimals else "")
    shown = sheet.cell(at, column, cell.value)
    shown.number_format = "".join((before and f'"{before}"', shape, after and f'"{after}"'))
    return shown


def _text(sheet: Worksheet, at: int, column: int, text: str, link: str = "") -> Any:
    """A text, never a formula; with a link to a sheet of the workbook."""
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
    from openpyxl.styles import Font
    from openpyxl.worksheet.hyperlink import Hyperlink

    cell: Any = sheet.cell(at, column)
    cell.value = ILLEGAL_CHARACTERS_RE.sub(" ", text) or None
    if text:
        cell.data_type = "s"
    if link:
        cell.hyperlink = Hyperlink(ref=cell.coordinate, location=f"'{link}'!A1")
        cell.font = Font(color="0563C1", underline="single")
    return cell
