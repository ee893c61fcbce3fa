"""Text files, spreadsheets and HTML pages as grids of text, with the row numbers that a reader of the file sees."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruralpanel.data.adapters import old_workbooks, text, workbooks
from ruralpanel.data.adapters.sheets import Caps, Row, Sheet, joined, locked, unreadable
from ruralpanel.project.kinds.adapters import Layout
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
        raise UserError.at(label, "", error.strerror or "an unreadable file", "a file that can be read") from None


def read_sheets(path: str, label: str, layout: Layout) -> tuple[Sheet, ...]:
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
        raise UserError.at(label, "", "an empty file", "a table")
    form = kind(path)
    if form == "xls" and "EncryptedPackage".encode("utf-16-le") in raw:
        raise locked(label)
    if form == "xlsx":
        return tuple(workbooks.xlsx_sheets(raw, label, layout))
    if form == "xls":
        return tuple(old_workbooks.xls_sheets(raw, label, layout))
    if form == "html":
        return html_tables(text.decode(raw, label, layout.encoding), label, layout)
    if form == "text":
        return (_text_sheet(text.decode(raw, label, layout.encoding), label, Caps.of(layout)),)
    raise UserError.at(
        label,
        "",
        f"a file of format {form}",
        "a text file, a spreadsheet or an HTML page",
        "adapter: table reads this format",
    )


def endless_line(label: str, row: int) -> UserError:
    """The user's error for a line that is longer than `LONGEST_LINE`."""
    found = f"a line of more than {LONGEST_LINE:,} signs"
    fix = "the line ends are lost, or the file is no table of text: get it again"
    return UserError.at(label, f"row {row}", found, "a row of the table on each line", fix)


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
            raise UserError.at(label, f"row {line}", found, "a row of the table on each line", fix) from None
        raise UserError.at(
            label,
            f"row {line}",
            f"text that cannot be split into columns ({error})",
            "balanced quotation marks",
            "close or remove the quotation mark",
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


_HEIGHTS = {"sup": "raised", "sub": "lowered"}
_FOOTNOTE = re.compile(r"[(\[]?(?:[0-9]{1,2}|[a-z])[)\]]?")
_MOST_NESTED = 200


def html_tables(content: str, label: str, layout: Layout) -> tuple[Sheet, ...]:
    """The innermost html_tables of a page, in order; merged cells show their text in every place that they cover.

    Raised letters (``<sup>``) become footnote marks in brackets, so that they never run into a figure.

    Parameters
    ----------
    content, label : str
        The page and the name of its file in messages.
    layout : mapping
        `end`: ``required``: a page whose last table is not closed was cut off, which is an error; ``optional``: it is
        read. The limits of `sheets.Caps`.

    Raises
    ------
    UserError
        No table, a page that was cut off, more cells or columns of one cell than are read.
    """
    import lxml.html

    if "<workbook" in content[:2000].lower():
        raise UserError.at(label, "", "an XML spreadsheet", "HTML, XLS or XLSX", "save it as XLSX")
    opened, closed = (len(re.findall(tag, content, re.IGNORECASE)) for tag in (r"<table[\s>]", r"</table\s*>"))
    if opened == 0:
        raise UserError.at(label, "", "a page without a table", "a page with a table")
    if closed < opened and layout.end != "optional":
        raise UserError.at(
            label,
            "",
            "a table that is not closed",
            "a whole page",
            "the page was cut off: get it again, or layout: {end: optional} to read what is there",
        )
    # Without huge_tree the parser leaves out texts beyond 10 MB, and it always leaves out what is nested too deep.
    parser = lxml.html.HTMLParser(huge_tree=True)
    try:
        page = lxml.html.document_fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", content), parser=parser)
    except Exception as error:
        raise unreadable(label, "HTML", error) from None
    lost = [entry.message for entry in parser.error_log if "depth" in entry.message.lower()]
    if lost:
        raise unreadable(label, "HTML", ValueError(lost[0]))
    # What stands behind </html> is read as a page of its own.
    pages = (page, *page.itersiblings())
    inner = [table for part in pages for table in part.iter("table") if table.find(".//table") is None]
    problems = [
        Problem(
            label,
            f"table {number}",
            "cells outside of any row",
            "every cell within <tr> … </tr>",
            "the page is damaged: get it again",
        )
        for number, table in enumerate(inner, 1)
        if any(cell.getparent().tag != "tr" for cell in table.iter("td", "th"))
    ]
    if problems:
        raise UserError(problems)
    caps = Caps.of(layout)
    return tuple(
        Sheet(name, _grid(table, label, name, caps), ragged=True, hidden_rows=_hidden_rows(table))
        for number, table in enumerate(inner, 1)
        for name in [str(number) if len(inner) > 1 else ""]
    )


def _grid(table: Any, label: str, name: str, caps: Caps) -> tuple[Row, ...]:
    grid: list[Row] = []
    below: dict[int, dict[int, str]] = {}  # row → column → text of a cell that begins above
    rows = list(table.iter("tr"))
    count = 0
    for number, row in enumerate(rows):
        cells = below.pop(number, {})
        copies, merged = set(cells), set(cells)
        column = 0
        for cell in row.iter("td", "th"):
            if _not_shown(cell):
                continue
            while column in cells:
                column += 1
            width = _span(cell, "colspan")
            caps.check_columns(column + width, label, f"table {name or 1}, row {number + 1}")
            # A cell of no height (0) or beyond the last row ends with the table.
            height = min(_span(cell, "rowspan") or len(rows), len(rows) - number)
            count += width * height
            caps.check_cells(count, label, name)
            text = _text(cell)
            across = range(column, column + width)
            cells.update(dict.fromkeys(across, text))
            for lower in range(number + 1, number + height):
                below.setdefault(lower, {}).update(dict.fromkeys(across, text))
            copies.update(across[1:])
            merged.update(across if width > 1 or height > 1 else ())
            column += width
        texts = tuple(cells.get(place, "") for place in range(max(cells, default=-1) + 1))
        if any(texts):
            grid.append(Row(number + 1, texts, frozenset(copies), frozenset(merged)))
    return tuple(grid)


def _hidden_rows(table: Any) -> tuple[int, ...]:
    return tuple(number for number, row in enumerate(table.iter("tr"), 1) if _not_shown(row))


def _span(cell: Any, name: str) -> int:
    """How many columns or rows a cell covers; of rows 0 means all that follow."""
    written = re.match(r"\s*\+?(\d+)", cell.get(name, "1"))
    if not written:
        return 1
    return int(written[1][:9]) if name == "rowspan" else max(int(written[1][:9]), 1)


def _text(cell: Any) -> str:
    return " ".join(joined(_parts(cell)).split())


def _style(element: Any) -> str:
    return re.sub(r"\s", "", element.get("style", "").casefold())


def _not_shown(element: Any) -> bool:
    return "display:none" in _style(element) or element.get("hidden") is not None


def _refers(element: Any) -> bool:
    """Whether a part of a cell refers to a note: a link within the page, or small type, of a digit or letter."""
    small = element.tag == "small" or (element.tag == "font" and element.get("size") in ("1", "-1", "-2"))
    link = element.tag == "a" and element.get("href", "").startswith("#")
    return (small or link) and _FOOTNOTE.fullmatch(element.text_content().strip()) is not None


def _parts(element: Any, depth: int = 0) -> Iterator[tuple[str, str]]:
    """The texts of a cell in order, each with its height; without what is never shown."""
    if not isinstance(element.tag, str) or _not_shown(element) or element.tag in ("script", "style"):
        return
    aligned = re.search("vertical-align:(sup|sub)", _style(element))
    height = _HEIGHTS.get(aligned[1] if aligned else element.tag, "")
    if height or depth > _MOST_NESTED:
        yield element.text_content(), height
        return
    yield " " if element.tag == "br" else "", ""
    yield element.text or "", ""
    before = element.text or ""
    for child in element:
        if before.strip() and _refers(child):
            yield child.text_content(), "raised"
        else:
            yield from _parts(child, depth + 1)
        before = child.tail or (before if isinstance(child.tag, str) else "")
        yield child.tail or "", ""
