"""The report as a PDF, set by typst: same content, without what the page keeps folded away."""

from __future__ import annotations

import json
import math
import shutil
import tempfile
from pathlib import Path
from typing import Any

from ruralpanel.contracts.problems import Problem, UserError
from ruralpanel.files import plain
from ruralpanel.fonts import cjk_font, fallback_font, require_glyphs
from ruralpanel.report.blocks import (
    Answers,
    Block,
    Bullets,
    Code,
    Definitions,
    Details,
    Document,
    Figure,
    Paragraph,
    Section,
    Table,
    TableRow,
    texts,
)
from ruralpanel.report.columns import layout
from ruralpanel.report.markup import Inline, Run

TEMPLATE = Path(__file__).resolve().parents[2] / "report" / "pdf" / "report.typ"
_SERIF = "NotoSerifCJKsc-Regular.otf"  # beside the sans in the same package
_FEW_ROWS = 24  # a table up to this long is kept on one page


def render_pdf(document: Document) -> bytes:
    """The PDF's bytes; the same for the same document, for nothing in it depends on the clock.

    Raises
    ------
    UserError
        A character that no font has (typst would print a box and say nothing), or a picture that typst cannot read.
    """
    import typst

    fonts = _fonts()
    require_glyphs(texts(document), fonts, "report.pdf", "its text")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        values = _document(document, folder)
        (folder / "document.json").write_text(json.dumps(plain(values), ensure_ascii=False), encoding="utf-8")
        shutil.copyfile(TEMPLATE, folder / "report.typ")
        try:
            return bytes(
                typst.compile(
                    str(folder / "report.typ"),
                    root=str(folder),
                    font_paths=sorted({str(font.parent) for font in fonts}),
                    ignore_system_fonts=True,
                )
            )
        except typst.TypstError as error:
            raise UserError(
                Problem("report.pdf", "", str(error).strip().splitlines()[0], "a document that typst can set")
            ) from error


def _fonts() -> tuple[Path, ...]:
    """Files that hold every character the PDF may use; typst's own Latin serif comes first where it has a glyph."""
    sans = cjk_font()
    serif = sans.with_name(_SERIF)
    return (*((serif,) if serif.is_file() else ()), sans, fallback_font())


def _document(document: Document, folder: Path) -> dict[str, Any]:
    return {
        "title": document.title,
        "language": document.language,
        "subtitle": _inline(document.subtitle),
        "labels": document.labels,
        "sections": [_section(section, document, folder) for section in document.sections],
    }


def _section(section: Section, document: Document, folder: Path) -> dict[str, Any]:
    return {
        "title": section.title,
        "blocks": [_block(block, document, folder) for block in section.blocks],
        "sections": [_section(part, document, folder) for part in section.sections],
    }


def _block(block: Block, document: Document, folder: Path) -> dict[str, Any]:
    kind = {"type": type(block).__name__}
    match block:
        case Paragraph(text, style):
            return {**kind, "text": _inline(text), "style": style}
        case Bullets(items):
            return {**kind, "items": [_inline(item) for item in items]}
        case Definitions(pairs):
            return {**kind, "items": [[_inline(term), _inline(words)] for term, words in pairs]}
        case Code(lines):
            return {**kind, "lines": list(lines)}
        case Table():
            return {**kind, **_table(block)}
        case Figure():
            return {**kind, **_figure(block, folder)}
        case Answers():
            return {**kind, **_answers(block)}
        case Details(summary, blocks, printed):
            if not printed:
                words = (*summary, Run(f" ({document.labels['not_in_pdf']})"))
                return {"type": "Paragraph", "text": _inline(words), "style": "note"}
            inner = [_block(part, document, folder) for part in blocks]
            return {**kind, "summary": _inline(summary), "blocks": inner}
    raise TypeError(type(block).__name__)


def _answers(block: Answers) -> dict[str, Any]:
    items = [
        {
            "id": item.id,
            "verdict": item.verdict,
            "tone": item.tone,
            "claim": _inline(item.claim),
            "number": _inline(item.number),
            "meaning": _inline(item.meaning),
            "cannot_show": _inline(item.cannot_show),
            "place": None if item.place is None else [x if math.isfinite(x) else None for x in item.place],
        }
        for item in block.items
    ]
    return {"items": items, "reach": block.reach}


def _figure(block: Figure, folder: Path) -> dict[str, Any]:
    name = f"picture-{len(list(folder.glob('picture-*')))}{block.path.suffix.lower()}"
    shutil.copyfile(block.path, folder / name)
    return {
        "file": name,
        "alternative": block.alternative,
        "caption": _inline(block.caption),
        "notes": [_inline(note) for note in block.notes],
        "width": 1.0,
    }


def _table(block: Table) -> dict[str, Any]:
    setting = layout(block)
    return {
        "caption": _inline(block.caption),
        "widths": list(setting.widths),
        "head": [_row(row, False) for row in block.head],
        "rows": [
            _row(row, row.kind == "summary" and index > 0 and block.rows[index - 1].kind != "summary")
            for index, row in enumerate(block.rows)
        ],
        "notes": [_inline(note) for note in block.notes],
        "size": setting.size,
        "landscape": setting.landscape,
        "breakable": len(block.rows) > _FEW_ROWS,
    }


def _row(row: TableRow, rule: bool) -> dict[str, Any]:
    cells = [
        {
            "text": _inline(cell.text, unbroken=cell.align != "left" and not cell.header),
            "align": cell.align,
            "colspan": cell.colspan,
            "rowspan": cell.rowspan,
        }
        for cell in row.cells
    ]
    return {"cells": cells, "kind": row.kind, "rule": rule}


def _inline(inline: Inline, unbroken: bool = False) -> list[dict[str, str]]:
    return [
        {
            "text": run.text.replace(" ", "\u00a0") if unbroken else run.text,
            "kind": run.kind,
            "target": run.target,
            "within": run.within,
        }
        for run in inline
    ]
