"""A table in every format; as CSV one rectangle, as JSON the whole document, numbers unrounded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ruralpanel.output.tables.document import Cell, TableDocument
from ruralpanel.output.tables.docx import render_docx
from ruralpanel.output.tables.html import render_html
from ruralpanel.output.tables.tex import render_tex
from ruralpanel.output.words import word
from ruralpanel.project.files import atomic_path, csv_text, write_text
from ruralpanel.project.formats import MINUS, plain_number


def render_csv(document: TableDocument) -> str:
    """Columns ``label, key, statistic``, then those of the table under all their headings.

    Single numbers stand unrounded and without parentheses (spreadsheets read ``(0.1)`` as −0.1); intervals and words
    as printed, with ASCII minus signs. The title and the notes are the last rows, with the statistic ``title`` and
    ``note``.
    Chinese tables begin with a byte-order mark, by which spreadsheets know UTF-8.
    """
    width = len(document.columns)
    rows: list[list[str]] = [[document.stub, "key", "statistic", *headings(document)]]
    section, label = "", ""
    for row in document.rows:
        if row.kind == "section":
            section = row.label
            continue
        label = row.label or label
        shown = f"{section}: {label}" if section and row.kind != "summary" else label
        rows.append([_ascii(shown), row.key, row.statistic, *(_value(cell) for cell in row.cells)])
    closing = [("title", document.title), *(("note", note) for note in document.notes)]
    for statistic, text in closing:
        heading = word("title" if statistic == "title" else "notes", document.language)
        rows.append([heading, "", statistic, *([text] + [""] * (width - 1))[:width]])
    mark = "\ufeff" if document.language == "zh" else ""
    return mark + csv_text(rows)


def headings(document: TableDocument) -> list[str]:
    """Each column's headings from above joined to one: ``Rural industry: Two-way FE (1)``."""
    above_each: list[list[str]] = [[] for _ in document.columns]
    for level in document.spanners:
        for spanner in level:
            for index in range(spanner.first, spanner.last + 1):
                above_each[index].append(spanner.label)
    return [
        f"{': '.join(above)} {column.label}".strip() for above, column in zip(above_each, document.columns, strict=True)
    ]


def _value(cell: Cell) -> str:
    return plain_number(cell.value) if cell.value is not None else _ascii(cell.text)


def _ascii(text: str) -> str:
    return text.replace(MINUS, "-")


FORMATS = ("csv", "tex", "html", "docx", "json")
_TEXTS = {"csv": render_csv, "tex": render_tex, "html": render_html}


def render(document: TableDocument, paths: Mapping[str, str | Path]) -> None:
    """Write `document` in each format that `paths` names (`FORMATS`).

    Raises
    ------
    KeyError
        A format that is none of these.
    """
    for form, path in paths.items():
        if form == "json":
            document.to_json(path)
        elif form == "docx":
            with atomic_path(path) as temporary:
                temporary.write_bytes(render_docx(document))
        else:
            write_text(path, _TEXTS[form](document))
