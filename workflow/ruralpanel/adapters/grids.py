"""Text files, spreadsheets and HTML pages as grids of text, with the row numbers that a reader of the file sees."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ruralpanel.adapters import text
from ruralpanel.adapters.sheets import Row, Sheet, unreadable
from ruralpanel.contracts.problems import Problem, UserError, did_you_mean

_YEARS = re.compile(r"(?<![0-9])(?:19|20)[0-9]{2}(?![0-9])")


def kind(path: str | Path) -> str:
    """The format of a file by its first bytes: empty, xlsx, xls, parquet, sqlite, duckdb, dta, html or text."""
    with open(path, "rb") as stream:
        head = stream.read(4096)
    starts = {
        b"PK\x03\x04": "xlsx",
        b"\xd0\xcf\x11\xe0": "xls",
        b"PAR1": "parquet",
        b"SQLite format 3\x00": "sqlite",
        b"<stata_dta>": "dta",
    }
    for start, name in starts.items():
        if head.startswith(start):
            return name
    if head[8:12] == b"DUCK":
        return "duckdb"
    if Path(path).suffix.lower() in (".dta", ".dbf") and head.strip():
        return Path(path).suffix.lower()[1:]
    if not head.strip():
        return "empty"
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return "html"
    return "text"


def read_bytes(path: str | Path, label: str) -> bytes:
    """The bytes of a file; a missing or unreadable one is a user's error."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise UserError(Problem(label, "", error.strerror or "an unreadable file", "a file that can be read")) from None


def read_sheets(path: str, label: str, layout: Mapping[str, Any]) -> tuple[Sheet, ...]:
    """All tables of a text file, a spreadsheet or an HTML page.

    Parameters
    ----------
    path, label : str
        The file and its name in messages.
    layout : mapping
        `encoding`, `sheet` (spreadsheets: only that one).

    Raises
    ------
    UserError
        Missing, empty, cut off, damaged, or of another format.
    """
    raw = read_bytes(path, label)
    if not raw.strip():
        raise UserError(Problem(label, "", "an empty file", "a table"))
    form = kind(path)
    if form == "xlsx":
        return chosen(_xlsx_sheets(raw, label), layout.get("sheet"), label)
    if form == "xls":
        return chosen(_xls_sheets(raw, label), layout.get("sheet"), label)
    if form == "html":
        from ruralpanel.adapters import html

        return html.tables(text.decode(raw, label, layout.get("encoding")), label, layout.get("end", "required"))
    if form == "text":
        return (_text_sheet(text.decode(raw, label, layout.get("encoding")), label),)
    raise UserError(
        Problem(
            label,
            "",
            f"a file of format {form}",
            "a text file, a spreadsheet or an HTML page",
            "adapter: table reads this format",
        )
    )


def chosen(sheets: Sequence[Sheet], wanted: str | int | None, label: str) -> tuple[Sheet, ...]:
    """The wanted sheet (name, or number from 1), or all of them where none is wanted."""
    if wanted is None:
        return tuple(sheets)
    if isinstance(wanted, int) and 1 <= wanted <= len(sheets):
        return (sheets[wanted - 1],)
    named = tuple(sheet for sheet in sheets if sheet.name == str(wanted))
    if named:
        return named
    names = [sheet.name for sheet in sheets]
    raise UserError(
        Problem(label, "layout.sheet", f"{wanted!r}", f"one of {len(names)} sheets", did_you_mean(str(wanted), names))
    )


def records(content: str, label: str, delimiter: str, first: int = 1) -> Iterator[tuple[int, list[str]]]:
    """The records of delimited text with the line on which each begins, counted from `first`.

    Raises
    ------
    UserError
        A quotation mark that is never closed, which would swallow the rows behind it.
    """
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)
    line = first
    try:
        for record in reader:
            yield line, record
            line = first + reader.line_num
    except csv.Error as error:
        raise UserError(
            Problem(
                label,
                f"row {line}",
                f"text that cannot be split into columns ({error})",
                "balanced quotation marks",
                "close or remove the quotation mark",
            )
        ) from None


def delimiter_of(header: str) -> str:
    """The sign between the columns of a header line: the one that leaves most columns free of the other signs."""
    signs = ",\t;|"

    def clean_columns(sign: str) -> int:
        others = set(signs) - {sign}
        return sum(1 for column in header.split(sign) if column.strip() and not others & set(column.strip()))

    return max(signs, key=lambda sign: (header.count(sign) > 0, clean_columns(sign)))


def _text_sheet(content: str, label: str) -> Sheet:
    # The line with most years is the header; without any, the line with most separators belongs to the table.
    header = max(content.splitlines(), key=lambda line: (len(_YEARS.findall(line)), sum(map(line.count, ",\t;"))))
    rows = (
        Row(line, tuple(text.trimmed(cell) for cell in record))
        for line, record in records(content, label, delimiter_of(header))
    )
    return Sheet("", tuple(row for row in rows if any(row.cells)), ragged=True)


def cell_text(value: object) -> str:
    """A spreadsheet's cell as text: whole numbers without a point, dates as ISO, nothing as an empty text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value).strip()


def load_workbook(raw: bytes, label: str, read_only: bool) -> Any:
    """An XLSX workbook with the values of its formulas; formulas without stored values are a user's error."""
    import openpyxl

    # Damaged files make the reader fail in many ways (zip, XML, key and type errors): all mean the same to a user.
    try:
        formulas = _without_values(raw, label)
        if formulas:
            raise UserError(formulas)
        return openpyxl.load_workbook(io.BytesIO(raw), read_only=read_only, data_only=True)
    except UserError:
        raise
    except Exception as error:
        raise unreadable(label, "XLSX", error) from None


def _without_values(raw: bytes, label: str) -> list[Problem]:
    """Formulas whose result was not stored (files written by programs that do not calculate)."""
    import openpyxl

    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        sheets = [name for name in archive.namelist() if name.startswith("xl/worksheets/")]
        if not any(b"<f" in archive.read(name) for name in sheets):
            return []
    written = openpyxl.load_workbook(io.BytesIO(raw), data_only=False)
    stored = openpyxl.load_workbook(io.BytesIO(raw), data_only=True)
    return [
        Problem(
            label,
            f"sheet {sheet.title}, cell {cell.coordinate}",
            "a formula without a stored result",
            "a figure",
            "open the file in a spreadsheet program and save it",
        )
        for sheet in written.worksheets
        for row in sheet.iter_rows()
        for cell in row
        if cell.data_type == "f" and stored[sheet.title][cell.coordinate].value is None
    ][:20]


def _xlsx_sheets(raw: bytes, label: str) -> list[Sheet]:
    workbook = load_workbook(raw, label, read_only=False)
    try:
        return [
            _filled(
                sheet.title,
                sheet.iter_rows(values_only=True),
                [
                    (area.min_row - 1, area.max_row, area.min_col - 1, area.max_col)
                    for area in sheet.merged_cells.ranges
                ],
            )
            for sheet in workbook.worksheets
        ]
    except Exception as error:
        raise unreadable(label, "XLSX", error) from None


def _xls_sheets(raw: bytes, label: str) -> list[Sheet]:
    import xlrd

    try:
        workbook = xlrd.open_workbook(file_contents=raw, formatting_info=True, logfile=io.StringIO())
        return [
            _filled(
                sheet.name,
                ([_xls_value(cell, workbook.datemode) for cell in row] for row in sheet.get_rows()),
                sheet.merged_cells,
            )
            for sheet in workbook.sheets()
        ]
    except Exception as error:
        raise unreadable(label, "XLS", error) from None


def _xls_value(cell: Any, datemode: int) -> object:
    import xlrd

    if cell.ctype == xlrd.XL_CELL_ERROR:
        return xlrd.error_text_from_code.get(cell.value, "#ERROR")
    if cell.ctype == xlrd.XL_CELL_DATE:
        return xlrd.xldate.xldate_as_datetime(cell.value, datemode)
    return bool(cell.value) if cell.ctype == xlrd.XL_CELL_BOOLEAN else cell.value


def _filled(name: str, values: Iterable[Sequence[object]], merged: Iterable[tuple[int, int, int, int]]) -> Sheet:
    """A sheet whose merged cells all show the text that stands in the first of them."""
    grid = [[cell_text(value) for value in row] for row in values]
    copies: list[set[int]] = [set() for _ in grid]
    for top, bottom, left, right in merged:
        if top < len(grid) and left < len(grid[top]):
            for number in range(top, min(bottom, len(grid))):
                columns = range(left, min(right, len(grid[number])))
                for column in columns:
                    grid[number][column] = grid[top][left]
                copies[number].update(columns if number > top else columns[1:])
    rows = (
        Row(number, tuple(row), frozenset(copied))
        for number, (row, copied) in enumerate(zip(grid, copies, strict=True), 1)
    )
    return Sheet(name, tuple(row for row in rows if any(row.cells)))
