"""A table rendered as HTML, read back as rows, so that page and PDF set it in their own type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path

from ruralpanel.report.blocks import Align, Table, TableCell, TableRow
from ruralpanel.report.markup import Inline, Run

_ALIGNMENTS: dict[str, Align] = {"left": "left", "centre": "centre", "right": "right"}
_KINDS = ("entry", "detail", "section", "summary")


def read_fragment(path: Path, identity: str, downloads: tuple[str, ...] = ()) -> Table:
    """The table of an HTML file: caption, head, body and notes (the ``figcaption``'s paragraphs)."""
    parser = _TableParser()
    parser.feed(path.read_text(encoding="utf-8"))
    parser.close()
    return Table(
        id=identity,
        caption=_inline(parser.caption),
        head=tuple(parser.head),
        rows=_spanned(parser.rows),
        notes=tuple(_inline(note) for note in parser.notes if note.strip()),
        downloads=downloads,
    )


def _spanned(rows: Sequence[TableRow]) -> tuple[TableRow, ...]:
    """Row heads reach down over the details beneath them, whose own heads are empty, so that long ones have room."""
    found: list[TableRow] = []
    entry = -1
    for row in rows:
        if row.kind == "detail" and entry >= 0 and row.cells and not row.cells[0].text:
            head, *rest = found[entry].cells
            found[entry] = replace(found[entry], cells=(replace(head, rowspan=head.rowspan + 1), *rest))
            found.append(replace(row, cells=row.cells[1:]))
            continue
        entry = len(found) if row.kind == "entry" else -1
        found.append(row)
    return tuple(found)


@dataclass
class _Open:
    """The cell being read."""

    tag: str
    classes: tuple[str, ...]
    colspan: int
    rowspan: int
    text: list[str] = field(default_factory=list)


class _TableParser(HTMLParser):
    """Collects one table; what screen readers alone are told is skipped."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.caption = ""
        self.notes: list[str] = []
        self.head: list[TableRow] = []
        self.rows: list[TableRow] = []
        self._part = ""
        self._row: list[TableCell] | None = None
        self._kind = "entry"
        self._cell: _Open | None = None
        self._target = ""
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {key: value or "" for key, value in attrs}
        classes = tuple(values.get("class", "").split())
        if self._hidden or "visually-hidden" in classes:
            self._hidden += tag not in ("br", "img", "wbr")
        elif tag in ("thead", "tbody", "tfoot"):
            self._part = "summary" if "summary" in classes or tag == "tfoot" else tag
        elif tag == "tr":
            self._row = []
            self._kind = next((name for name in classes if name in _KINDS), "entry")
            if self._part == "summary" and self._kind == "entry":
                self._kind = "summary"
        elif tag in ("td", "th"):
            self._cell = _Open(tag, classes, int(values.get("colspan") or 1), int(values.get("rowspan") or 1))
            if "section" in classes:
                self._kind = "section"
        elif tag == "caption":
            self._target = "caption"
        elif tag == "p" and self._cell is None:
            self.notes.append("")
            self._target = "notes"
        elif tag == "br" and self._cell:
            self._cell.text.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if self._hidden:
            self._hidden -= 1
        elif tag in ("td", "th") and self._cell is not None and self._row is not None:
            self._row.append(_finished(self._cell))
            self._cell = None
        elif tag == "tr" and self._row is not None:
            row = TableRow(tuple(self._row), "entry" if self._part == "thead" else self._kind)
            (self.head if self._part == "thead" else self.rows).append(row)
            self._row = None
        elif tag in ("caption", "p"):
            self._target = ""

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        if self._cell is not None:
            self._cell.text.append(data)
        elif self._target == "caption":
            self.caption += data
        elif self._target == "notes":
            self.notes[-1] += data


def _finished(cell: _Open) -> TableCell:
    align = next((_ALIGNMENTS[name] for name in cell.classes if name in _ALIGNMENTS), None)
    if align is None:
        align = "centre" if "spanner" in cell.classes else "left"
    return TableCell(_inline("".join(cell.text)), align, cell.colspan, cell.rowspan, cell.tag == "th")


def _inline(text: str) -> Inline:
    words = " ".join(text.split())
    return (Run(words),) if words else ()
