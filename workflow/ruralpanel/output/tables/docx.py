"""A table as a Word document, the same bytes each time."""

from __future__ import annotations

import datetime as dt
import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from ruralpanel.output.tables.document import Row, TableDocument
from ruralpanel.output.tables.layout import GAP, panels
from ruralpanel.project.files import inert

if TYPE_CHECKING:
    from docx.document import Document


#: Stands wherever the format wants a date; outputs carry no clock.
_DATE = dt.datetime(2000, 1, 1)
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
_MARGIN, _ROOM, _SIZE = 1.8, 17.4, 8.5
"""Of an upright A4 page: its margins and the room between them in cm, the size of type in points."""
Changes = Mapping[str, tuple[re.Pattern[bytes], bytes]]
_LATIN, _CHINESE = "Calibri", "SimSun"


def render_docx(document: TableDocument) -> bytes:
    """A document with caption, table (three rules, heading rows repeated on each page) and notes.

    Columns too many for an upright page follow in further tables. Properties and archive entries carry fixed dates.
    """
    import docx
    from docx.oxml import parse_xml
    from docx.shared import Cm, Pt

    page = docx.Document()
    section = page.sections[0]
    section.page_width, section.page_height = Cm(21.0), Cm(29.7)
    section.left_margin = section.right_margin = Cm(_MARGIN)
    _fonts(page)

    title = page.add_paragraph()
    run = title.add_run(inert(document.title))
    run.bold = True
    title.paragraph_format.space_after = Pt(4)
    title.paragraph_format.keep_with_next = True
    for number, panel in enumerate(panels(document, _ROOM, (_SIZE,))[1]):
        if number:
            page.add_paragraph().paragraph_format.space_after = Pt(0)
        table = _table(panel.document, (panel.stub, *panel.widths))
        page.element.body[-1].addprevious(parse_xml(table))
    for note in document.notes:
        paragraph = page.add_paragraph()
        paragraph.paragraph_format.space_before = Pt(3)
        paragraph.paragraph_format.space_after = Pt(0)
        paragraph.add_run(inert(note)).font.size = Pt(8)

    properties = page.core_properties
    properties.title, properties.author, properties.comments = document.title, "", ""
    properties.last_modified_by, properties.revision = "", 1
    properties.created = properties.modified = properties.last_printed = _DATE
    properties.language = "zh-CN" if document.language == "zh" else "en"
    buffer = io.BytesIO()
    page.save(buffer)
    return fixed_dates(buffer.getvalue())


def _fonts(page: Document) -> None:
    from docx.oxml.ns import qn
    from docx.shared import Pt

    style: Any = page.styles["Normal"]
    style.font.name = _LATIN
    style.font.size = Pt(9)
    style.element.rPr.rFonts.set(qn("w:eastAsia"), _CHINESE)


@dataclass(frozen=True)
class _Box:
    """A cell as it is set, over `span` columns; `bottom`: the rule below it, in eighths of a point."""

    text: str = ""
    align: str = "left"
    span: int = 1
    bold: bool = False
    italic: bool = False
    bottom: int = 0


def _heads(document: TableDocument) -> Iterator[list[_Box]]:
    """The heading rows, from above."""
    for level in document.spanners:
        boxes, at = [_Box()], 0
        for spanner in level:
            boxes += [_Box()] * (spanner.first - at)
            at = spanner.last + 1
            boxes.append(_Box(spanner.label, "center", at - spanner.first, bold=True, bottom=4))
        yield [*boxes, *[_Box()] * (len(document.columns) - at)]
    columns = [_Box(column.label, _ALIGNED[column.align], bold=True) for column in document.columns]
    yield [_Box(document.stub, bold=True), *columns]


def _boxes(row: Row, document: TableDocument) -> list[_Box]:
    """A row of the body."""
    if row.kind == "section":
        chinese = document.language == "zh"  # which has no slanted face
        return [_Box(row.label, span=len(document.columns) + 1, bold=chinese, italic=not chinese)]
    pairs = zip(row.cells, document.columns, strict=True)
    return [_Box(row.label), *(_Box(cell.text, _ALIGNED[column.align]) for cell, column in pairs)]


def _table(document: TableDocument, widths: Sequence[float]) -> str:
    """The table's XML, written whole: python-docx looks each property's place up, and has no borders.

    Parameters
    ----------
    widths : of all columns in cm, to which the gaps on their right are added.
    """
    heads = [*_heads(document)]
    lines = [*heads, *(_boxes(row, document) for row in document.rows)]
    kinds = ["", *(row.kind for row in document.rows)]
    tops, bottoms = {0: 12}, {len(heads) - 1: 6, len(lines) - 1: 12}
    for number, (before, kind) in enumerate(pairwise(kinds)):
        if kind == "summary" and before not in ("", "summary"):
            tops[len(heads) + number] = 6
    twips = [_twips(width + GAP) for width in widths]
    grid = "".join(f'<w:gridCol w:w="{width}"/>' for width in twips)
    repeated = '<w:trPr><w:tblHeader w:val="true"/></w:trPr>'
    rows = []
    for number, boxes in enumerate(lines):
        top, bottom, at, cells = tops.get(number, 0), bottoms.get(number, 0), 0, []
        for box in boxes:
            cells.append(_cell(box, sum(twips[at : at + box.span]), top, bottom or box.bottom))
            at += box.span
        rows.append(f"<w:tr>{repeated if number < len(heads) else ''}{''.join(cells)}</w:tr>")
    return f"<w:tbl {_SPACE}>{_LOOK}<w:tblGrid>{grid}</w:tblGrid>{''.join(rows)}</w:tbl>"


def _cell(box: _Box, width: int, top: int, bottom: int) -> str:
    edges = "".join(
        f'<w:{edge} w:val="single" w:sz="{size}" w:space="0" w:color="1F2933"/>'
        for edge, size in (("top", top), ("bottom", bottom))
        if size
    )
    span = f'<w:gridSpan w:val="{box.span}"/>' if box.span > 1 else ""
    borders = f"<w:tcBorders>{edges}</w:tcBorders>" if edges else ""
    face = f'{"<w:b/>" if box.bold else ""}{"<w:i/>" if box.italic else ""}<w:sz w:val="{round(2 * _SIZE)}"/>'
    text = escape(inert(box.text)).replace("\n", f"</w:t><w:br/>{_TEXT}")
    return (
        f'<w:tc><w:tcPr><w:tcW w:w="{width}" w:type="dxa"/>{span}{borders}</w:tcPr>'
        f'<w:p><w:pPr><w:spacing w:after="0"/><w:jc w:val="{box.align}"/></w:pPr>'
        f"<w:r><w:rPr>{face}</w:rPr>{_TEXT}{text}</w:t></w:r></w:p></w:tc>"
    )


def _twips(cm: float) -> int:
    return round(cm / 2.54 * 1440)


_ALIGNED = {"left": "left", "centre": "center", "right": "right"}
_SPACE = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_TEXT = '<w:t xml:space="preserve">'
_LOOK = (
    '<w:tblPr><w:tblW w:w="0" w:type="auto"/><w:tblLayout w:type="fixed"/><w:tblCellMar>'
    + "".join(f'<w:{side} w:w="{_twips(GAP / 2)}" w:type="dxa"/>' for side in ("left", "right"))
    + '</w:tblCellMar><w:tblLook w:val="04A0" w:firstRow="1" w:lastRow="0" w:firstColumn="1" w:lastColumn="0"'
    ' w:noHBand="0" w:noVBand="1"/></w:tblPr>'
)
"""Fixed widths, and narrow margins, which the widths reckon with."""


def fixed_dates(archive: bytes, changes: Changes = MappingProxyType({})) -> bytes:
    """The same archive, entries sorted and dated alike; `changes`: in which entry what is replaced by what."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(buffer, "w") as new:
        first = "[Content_Types].xml"
        for name in sorted(old.namelist(), key=lambda entry: (entry != first, entry)):
            info = zipfile.ZipInfo(name, _ZIP_DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o600 << 16
            content = old.read(name)
            if name in changes:
                pattern, put = changes[name]
                content = pattern.sub(put, content)
            new.writestr(info, content)
    return buffer.getvalue()
