"""The tables of an HTML page as grids of text."""

from __future__ import annotations

import re
from typing import Any

from ruralpanel.adapters.sheets import Row, Sheet, unreadable
from ruralpanel.contracts.problems import Problem, UserError

_MOST_SPAN = 500


def tables(content: str, label: str, end: str = "required") -> tuple[Sheet, ...]:
    """The innermost tables of a page, in order; merged cells show their text in every place that they cover.

    Raised letters (``<sup>``) become footnote marks in brackets, so that they never run into a figure.

    Parameters
    ----------
    content, label : str
        The page and the name of its file in messages.
    end : str
        ``required``: a page whose last table is not closed was cut off, which is an error; ``optional``: it is read.

    Raises
    ------
    UserError
        No table, or a page that was cut off.
    """
    import lxml.html

    if "<workbook" in content[:2000].lower():
        raise UserError(Problem(label, "", "an XML spreadsheet", "HTML, XLS or XLSX", "save it as XLSX"))
    opened, closed = (len(re.findall(tag, content, re.IGNORECASE)) for tag in (r"<table[\s>]", r"</table\s*>"))
    if opened == 0:
        raise UserError(Problem(label, "", "a page without a table", "a page with a table"))
    if closed < opened and end != "optional":
        raise UserError(
            Problem(
                label,
                "",
                "a table that is not closed",
                "a whole page",
                "the page was cut off: get it again, or layout: {end: optional} to read what is there",
            )
        )
    try:
        page = lxml.html.fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", content))
    except Exception as error:
        raise unreadable(label, "HTML", error) from None
    inner = [table for table in page.iter("table") if table.find(".//table") is None]
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
    return tuple(
        Sheet(str(number) if len(inner) > 1 else "", _grid(table), ragged=True) for number, table in enumerate(inner, 1)
    )


def _grid(table: Any) -> tuple[Row, ...]:
    rows: list[dict[int, str]] = []
    copies: list[set[int]] = []
    below: dict[tuple[int, int], str] = {}
    for number, row in enumerate(table.iter("tr")):
        cells = {column: value for (at, column), value in below.items() if at == number}
        copied = set(cells)
        column = 0
        for cell in row.iter("td", "th"):
            while column in cells:
                column += 1
            value = _text(cell)
            width = _span(cell, "colspan")
            copied.update(range(column + 1, column + width))
            for across in range(column, column + width):
                cells[across] = value
                below.update({(number + down, across): value for down in range(1, _span(cell, "rowspan"))})
            column += width
        rows.append(cells)
        copies.append(copied)
    grid = (
        Row(number, tuple(cells.get(column, "") for column in range(max(cells, default=-1) + 1)), frozenset(copied))
        for number, (cells, copied) in enumerate(zip(rows, copies, strict=True), 1)
    )
    return tuple(row for row in grid if any(row.cells))


def _span(cell: Any, name: str) -> int:
    written = re.match(r"\s*(\d{1,6})", cell.get(name, "1"))
    return min(max(int(written[1]), 1), _MOST_SPAN) if written else 1


def _text(cell: Any) -> str:
    return " ".join(_raw_text(cell).split())


def _raw_text(element: Any) -> str:
    if not isinstance(element.tag, str):  # a comment
        return ""
    if element.tag == "sup":
        inside = element.text_content().strip()
        return f"[{inside}]" if inside else ""
    parts = [" " if element.tag == "br" else "", element.text or ""]
    for child in element:
        parts += [_raw_text(child), child.tail or ""]
    return "".join(parts)
