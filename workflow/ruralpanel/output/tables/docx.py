"""A table as a Word document, the same bytes each time."""

from __future__ import annotations

import copy
import datetime as dt
import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ruralpanel.output.tables.document import TableDocument
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
        table = page.add_table(rows=0, cols=len(panel.widths) + 1)
        _fill(table, panel.document)
        _widths(table, (panel.stub, *panel.widths))
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


def _fill(table: Any, document: TableDocument) -> None:
    width = len(document.columns)
    aligns = ["left", *(column.align for column in document.columns)]
    for level in document.spanners:
        cells = table.add_row().cells
        for cell in cells:  # else what no heading spans keeps the room below a paragraph of text
            _write(cell, "", "left")
        for spanner in level:
            if spanner.last > spanner.first:
                cells[spanner.first + 1].merge(cells[spanner.last + 1])
            _write(cells[spanner.first + 1], spanner.label, "centre", bold=True)
            _rule(cells[spanner.first + 1], "bottom", 4)
    heads = table.add_row().cells
    for cell, text, align in zip(heads, [document.stub, *(c.label for c in document.columns)], aligns, strict=True):
        _write(cell, text, align, bold=True)
    for row in table.rows:
        _repeat(row)
    _rules_of_row(table, 0, "top", 12)
    _rules_of_row(table, len(table.rows) - 1, "bottom", 6)

    previous = ""
    for row in document.rows:
        cells = table.add_row().cells
        if row.kind == "section":
            chinese = document.language == "zh"  # which has no slanted face
            _write(cells[0].merge(cells[width]), row.label, "left", bold=chinese, italic=not chinese)
        else:
            for cell, text, align in zip(cells, [row.label, *(c.text for c in row.cells)], aligns, strict=True):
                _write(cell, text, align)
        if row.kind == "summary" and previous not in ("", "summary"):
            _rules_of_row(table, len(table.rows) - 1, "top", 6)
        previous = row.kind
    _rules_of_row(table, len(table.rows) - 1, "bottom", 12)


def _widths(table: Any, widths: Sequence[float]) -> None:
    """Fixed widths in cm, the gaps on their right included; narrow margins, which the widths reckon with."""
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn
    from docx.shared import Cm

    table.autofit = False
    margins = OxmlElement("w:tblCellMar")
    for side in ("left", "right"):
        margin = OxmlElement(f"w:{side}")
        margin.set(qn("w:w"), str(round(GAP / 2 / 2.54 * 1440)))
        margin.set(qn("w:type"), "dxa")
        margins.append(margin)
    properties = table._tbl.tblPr
    look = properties.find(qn("w:tblLook"))  # must come after the margins
    if look is None:
        properties.append(margins)
    else:
        look.addprevious(margins)
    for column, width in zip(table.columns, widths, strict=True):
        column.width = Cm(width + GAP)
    for row in table.rows:
        at = 0
        for cell in row._tr.tc_lst:
            span = cell.grid_span
            cell.width = Cm(sum(widths[at : at + span]) + GAP * span)
            at += span


def _write(cell: Any, text: str, align: str, bold: bool = False, italic: bool = False) -> None:
    """Put a text in the cell's first paragraph."""
    from docx.text.run import Run

    paragraph = cell.paragraphs[0]
    empty = copy.deepcopy(_paragraph(align, bold, italic))
    paragraph._p.getparent().replace(paragraph._p, empty)
    Run(empty.r_lst[0], paragraph).text = inert(text)


@cache
def _paragraph(align: str, bold: bool, italic: bool) -> Any:
    """The element of an empty paragraph of a table: built once, for python-docx looks each property's place up."""
    import docx
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.shared import Pt

    paragraph = docx.Document().add_paragraph()
    paragraph.alignment = {
        "left": WD_ALIGN_PARAGRAPH.LEFT,
        "centre": WD_ALIGN_PARAGRAPH.CENTER,
        "right": WD_ALIGN_PARAGRAPH.RIGHT,
    }[align]
    paragraph.paragraph_format.space_after = Pt(0)
    run = paragraph.add_run()
    run.bold, run.italic = bold, italic
    run.font.size = Pt(_SIZE)
    return paragraph._p


def _rules_of_row(table: Any, index: int, edge: str, eighths: int) -> None:
    for cell in table.rows[index].cells:
        _rule(cell, edge, eighths)


def _rule(cell: Any, edge: str, eighths: int) -> None:
    """A rule on one edge of a cell, in eighths of a point (python-docx has no borders)."""
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    properties = cell._tc.get_or_add_tcPr()
    borders = properties.find(qn("w:tcBorders"))
    if borders is None:
        borders = OxmlElement("w:tcBorders")
        properties.append(borders)
    for old in borders.findall(qn(f"w:{edge}")):
        borders.remove(old)
    rule = OxmlElement(f"w:{edge}")
    for key, value in (("val", "single"), ("sz", str(eighths)), ("space", "0"), ("color", "1F2933")):
        rule.set(qn(f"w:{key}"), value)
    if edge == "top":
        borders.insert(0, rule)
    else:
        borders.append(rule)


def _repeat(row: Any) -> None:
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    header = OxmlElement("w:tblHeader")
    header.set(qn("w:val"), "true")
    row._tr.get_or_add_trPr().append(header)


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
