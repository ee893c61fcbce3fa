"""Text files, spreadsheets and HTML pages as grids of text, with the row numbers that a reader of the file sees."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ruralpanel.data.adapters import text, workbooks
from ruralpanel.data.adapters.sheets import Caps, Row, Sheet, locked
from ruralpanel.project.problems import Problem, UserError

LONGEST_LINE = 2**20
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
        `encoding`, `sheet` and `range` (spreadsheets: only these parts), the limits of `sheets.Caps`.

    Raises
    ------
    UserError
        Missing, empty, cut off, damaged, too large, or of another format.
    """
    raw = read_bytes(path, label)
    if not raw.strip():
        raise UserError(Problem(label, "", "an empty file", "a table"))
    form = kind(path)
    if form == "xls" and "EncryptedPackage".encode("utf-16-le") in raw:
        raise locked(label)
    if form == "xlsx":
        return tuple(workbooks.xlsx_sheets(raw, label, layout))
    if form == "xls":
        return tuple(workbooks.xls_sheets(raw, label, layout))
    if form == "html":
        from ruralpanel.data.adapters import html

        return html.tables(text.decode(raw, label, layout.get("encoding")), label, layout)
    if form == "text":
        return (_text_sheet(text.decode(raw, label, layout.get("encoding")), label, Caps.of(layout)),)
    raise UserError(
        Problem(
            label,
            "",
            f"a file of format {form}",
            "a text file, a spreadsheet or an HTML page",
            "adapter: table reads this format",
        )
    )


def endless_line(label: str, row: int) -> UserError:
    """The user's error for a line that is longer than `LONGEST_LINE`."""
    found = f"a line of more than {LONGEST_LINE:,} signs"
    fix = "the line ends are lost, or the file is no table of text: get it again"
    return UserError(Problem(label, f"row {row}", found, "a row of the table on each line", fix))


def lines_of(content: str, label: str) -> list[str]:
    """The lines of a text, whatever their ends.

    Raises
    ------
    UserError
        A line longer than `LONGEST_LINE`.
    """
    lines = content.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    long = next((number for number, line in enumerate(lines, 1) if len(line) > LONGEST_LINE), 0)
    if long:
        raise endless_line(label, long)
    return lines


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
        if "field limit" in str(error):
            found = f"a cell of more than {csv.field_size_limit():,} signs"
            fix = "a quotation mark left open, or line ends that are lost?"
            raise UserError(Problem(label, f"row {line}", found, "a row of the table on each line", fix)) from None
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


def _text_sheet(content: str, label: str, caps: Caps) -> Sheet:
    # The line with most years is the header; without any, the line with most separators belongs to the table.
    header = max(lines_of(content, label), key=lambda line: (len(_YEARS.findall(line)), sum(map(line.count, ",\t;"))))
    rows = []
    count = 0
    for line, record in records(content, label, delimiter_of(header)):
        count += len(record)
        caps.check_cells(count, label, "")
        caps.check_columns(len(record), label, f"row {line}")
        rows.append(Row(line, tuple(text.trimmed(cell) for cell in record)))
    return Sheet("", tuple(row for row in rows if any(row.cells)), ragged=True)
