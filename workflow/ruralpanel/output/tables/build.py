"""One entry of the configuration's `tables` → a table, in every format: JSON holds all of it, numbers unrounded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ruralpanel.output.results import OutputContext
from ruralpanel.output.tables.document import Cell, Row, TableDocument
from ruralpanel.output.tables.docx import render_docx
from ruralpanel.output.tables.html import render_html
from ruralpanel.output.tables.tex import render_tex
from ruralpanel.output.words import clause, word
from ruralpanel.project.files import atomic_path, csv_text, write_text
from ruralpanel.project.formats import MINUS, plain_number
from ruralpanel.project.kinds.facts import function
from ruralpanel.project.kinds.tables import TABLES


def build(name: str, spec: Mapping[str, object], context: OutputContext) -> TableDocument:
    """The table that `spec` declares under the key `name`; refusals that its models set aside are among the notes.

    Raises
    ------
    UserError
        An unknown kind or key, a missing key, or whatever the kind's builder finds.
    """
    table = context.read(TABLES, spec)
    document: TableDocument = function(table.kind.build)(name, table.options, context)
    printed = "\n".join(document.notes)
    overrides = [
        f"{context.title(model.model)}{word('colon', context.language)}{text}"
        for model in context.models(dict.fromkeys(table.options.named_models))
        for text in (clause(one, context.language) for one in model.overrides)
        if text not in printed
    ]
    return replace(document, notes=(*document.notes, *overrides))


CSV_COLUMNS = ("part", "section", "row", "key", "column", "heading", "statistic", "value", "text")


def render_csv(document: TableDocument) -> str:
    """The table as `CSV_COLUMNS`: a line for each number, an interval as two (``ci_low``, ``ci_high``).

    ``part`` is ``table``, or ``further`` for the companion table; ``column`` counts from 1; ``value`` is unrounded, and
    empty of words, of sets and of intervals without an end; ``text`` is what is printed, with ASCII minus signs. Title
    and notes stand beside it, in the JSON. Chinese tables begin with a byte-order mark: spreadsheets know UTF-8 by it.
    """
    heads = headings(document)
    lines: list[tuple[str, ...]] = [CSV_COLUMNS]
    for part, rows in (("table", document.rows), ("further", document.further)):
        section = label = ""
        for row in rows:
            if row.kind in ("section", "summary"):
                section = row.label if row.kind == "section" else ""
            label = row.label or label
            for number, (cell, head) in enumerate(zip(row.cells, heads, strict=False), 1):
                before = (part, _ascii(section), _ascii(label), row.key, str(number), _ascii(head))
                lines += [(*before, statistic, value, _ascii(cell.text)) for statistic, value in _numbers(row, cell)]
    mark = "\ufeff" if document.language == "zh" else ""
    return mark + csv_text(lines)


def _numbers(row: Row, cell: Cell) -> list[tuple[str, str]]:
    """The statistics of a cell with their values; nothing of an empty one."""
    if cell.ends:
        ends = zip(("low", "high"), cell.ends, strict=True)
        return [(f"{row.statistic}_{end}", plain_number(value)) for end, value in ends]
    if not cell.text:
        return []
    return [(row.statistic, "" if cell.value is None else plain_number(cell.value))]


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


def _ascii(text: str) -> str:
    return text.replace(MINUS, "-")


_TEXTS = {"csv": render_csv, "tex": render_tex, "html": render_html}


def render(document: TableDocument, paths: Mapping[str, str | Path]) -> None:
    """Write `document` in each format that `paths` names (`ruralpanel.project.kinds.tables.FORMATS`).

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
