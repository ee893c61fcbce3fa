"""The report as PDF."""

from __future__ import annotations

import json
import math
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruralpanel.output.fonts import cjk_font, fallback_font, require_glyphs
from ruralpanel.output.report.document import (
    Answers,
    Block,
    Bullets,
    Code,
    Definitions,
    Details,
    Document,
    Figure,
    Finding,
    Findings,
    Inline,
    Interactive,
    KeyFigures,
    Paragraph,
    Part,
    Section,
    Table,
    TableRow,
    plain_text,
)
from ruralpanel.output.report.numbering import exhibits, named, printed, sections_of, texts
from ruralpanel.project.files import plain
from ruralpanel.project.problems import Problem, UserError

PORTRAIT, LANDSCAPE = 474.0, 720.0  # points of text width on A4
SIZES = (8.4, 7.6, 6.8, 6.0)  # points, tried in turn
_CHARACTER = 0.5  # width of a character in ems; bold heads and figures are a little wider than letters on the mean
_GAP = 8.0  # points between columns
_LEAST, _MOST = 19, 64  # characters to which a column of words is broken at the least, and that it is given at the most
_HEAD = 20  # characters of a head above numbers beyond which it is broken
_SHORT = 12  # characters of a key figure that a narrow column holds
_LONG = 24  # rows from which a table is set a size smaller


@dataclass(frozen=True)
class Layout:
    """How a table is set: size of type and widths of columns in points, and whether the page lies on its side."""

    size: float
    widths: tuple[float, ...]
    landscape: bool


def layout(table: Table) -> Layout:
    """The largest type in which the table fits; upright if any size does.

    Every column gets what it needs; the room that is left goes to columns whose words or heads would still be broken,
    in proportion to what they lack.
    """
    needs, wishes = _demands(table)
    sizes = SIZES[1:] if len(table.rows) > _LONG else SIZES
    for room, landscape in ((PORTRAIT, False), (LANDSCAPE, True)):
        for size in sizes:
            if _total(needs, size) <= room:
                return Layout(size, _shared(needs, wishes, size, room), landscape)
    squeeze = LANDSCAPE / _total(needs, SIZES[-1])
    return Layout(SIZES[-1], tuple(squeeze * _points(need, SIZES[-1]) for need in needs), True)


def _points(characters: float, size: float) -> float:
    return characters * _CHARACTER * size + _GAP


def _total(characters: Sequence[float], size: float) -> float:
    return sum(_points(number, size) for number in characters)


def _shared(needs: Sequence[float], wishes: Sequence[float], size: float, room: float) -> tuple[float, ...]:
    missing = [max(wish - need, 0.0) for need, wish in zip(needs, wishes, strict=True)]
    spare = (room - _total(needs, size)) / (_CHARACTER * size)
    part = min(spare / sum(missing), 1.0) if sum(missing) else 0.0
    return tuple(_points(need + part * lacking, size) for need, lacking in zip(needs, missing, strict=True))


def _demands(table: Table) -> tuple[list[float], list[float]]:
    """Characters that each column needs at the least, and that it would like to have."""
    needs, wishes = [2.0] * table.width, [2.0] * table.width
    numeric = _numeric(table)
    for row, head in [(row, True) for row in table.head] + [(row, False) for row in table.rows]:
        for at, span, text in _placed(row, table.width):
            whole = _length(text)
            word = max((_length(part) for part in text.split()), default=0)
            for column in range(at, min(at + span, table.width)):
                if span > 1:  # a heading over several columns, or across the table
                    wishes[column] = max(wishes[column], min(whole / span, _HEAD) if head else 0)
                elif head or not numeric[column] or not _is_number(text):
                    least = min(word if numeric[column] else whole, _LEAST)
                    needs[column] = max(needs[column], least)
                    wishes[column] = max(wishes[column], min(whole, _HEAD if numeric[column] else _MOST))
                else:
                    needs[column] = max(needs[column], whole)
    return needs, wishes


def _placed(row: TableRow, width: int) -> list[tuple[int, int, str]]:
    """Column, span and text of each cell; a row short of cells continues one whose first cell spans it, too."""
    at = max(width - sum(cell.colspan for cell in row.cells), 0)
    placed = []
    for cell in row.cells:
        placed.append((at, cell.colspan, plain_text(cell.text)))
        at += cell.colspan
    return placed


def _numeric(table: Table) -> list[bool]:
    """Columns whose cells stand right or centred: numbers."""
    numeric = [False] * table.width
    for row in table.rows:
        at = 0
        for cell in row.cells:
            if cell.colspan == 1 and cell.align != "left":
                numeric[at] = True
            at += cell.colspan
    return numeric


def _is_number(text: str) -> bool:
    """Whether a cell holds figures, which no line break may part."""
    return any(character.isdigit() for character in text)


def _length(text: str) -> float:
    return sum(2.0 if ord(character) > 0x2E80 else 1.0 for character in text)


TEMPLATE = Path(__file__).resolve().parents[3] / "report" / "pdf" / "report.typ"
_SERIF = "NotoSerifCJKsc-Regular.otf"  # beside the sans in the same package
_FEW_ROWS = 24  # a table up to this long is kept on one page


def render_pdf(document: Document, part: Part, name: str) -> bytes:
    """A part of the report as a PDF that readers of screens can follow (PDF/UA-1).

    The same bytes for the same document, for nothing in it depends on the clock. `name` is the file's in messages.

    Raises
    ------
    UserError
        A character that no font has (typst would print a box and say nothing), or a picture that typst cannot read.
    """
    import typst

    fonts = _fonts()
    document = printed(document, part)
    require_glyphs(texts(document), fonts, name, "its text")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        values = _document(document, part, folder)
        (folder / "document.json").write_text(json.dumps(plain(values), ensure_ascii=False), encoding="utf-8")
        shutil.copyfile(TEMPLATE, folder / "report.typ")
        try:
            return bytes(
                typst.compile(
                    str(folder / "report.typ"),
                    root=str(folder),
                    font_paths=sorted({str(font.parent) for font in fonts}),
                    ignore_system_fonts=True,
                    pdf_standards="ua-1",
                )
            )
        except typst.TypstError as error:
            raise UserError(
                Problem(name, "", str(error).strip().splitlines()[0], "a document that typst can set")
            ) from error


def _fonts() -> tuple[Path, ...]:
    """Files that hold every character the PDF may use; typst's own Latin serif comes first where it has a glyph."""
    sans = cjk_font()
    serif = sans.with_name(_SERIF)
    return (*((serif,) if serif.is_file() else ()), sans, fallback_font())


def _document(document: Document, part: Part, folder: Path) -> dict[str, Any]:
    sections = [section for section in document.sections if _prints(section)]
    return {
        "title": document.title,
        "language": document.language,
        "part": part,
        "byline": _inline(document.byline),
        "subtitle": _inline(document.subtitle),
        "labels": document.labels,
        "sections": [_section(section, document, folder) for section in sections],
        "contents": _contents(sections),
        # what links inside the file may lead to
        "anchors": [
            *(section.id for section in sections_of(tuple(sections))),
            *(item.id for section in sections for item in exhibits(section)),
            *named(document),
        ],
    }


def _contents(sections: Sequence[Section]) -> dict[str, Any]:
    shown = [item for section in sections for item in exhibits(section)]
    lists: dict[str, list[dict[str, Any]]] = {"figures": [], "tables": []}
    for item in shown:
        entry = {"id": item.id, "number": item.number, "title": _inline(item.caption)}
        lists["figures" if isinstance(item, Figure) else "tables"].append(entry)
    return {"sections": [{"id": section.id, "title": section.title} for section in sections], **lists}


def _prints(section: Section) -> bool:
    """Whether anything of a section stands on paper."""
    return any(map(_on_paper, section.blocks)) or any(map(_prints, section.sections))


def _on_paper(block: Block) -> bool:
    return not isinstance(block, Interactive) and (not isinstance(block, Details) or block.printed)


def _section(section: Section, document: Document, folder: Path) -> dict[str, Any]:
    return {
        "id": section.id,
        "title": section.title,
        "blocks": [_block(block, document, folder) for block in section.blocks if _on_paper(block)],
        "sections": [_section(part, document, folder) for part in section.sections if _prints(part)],
    }


def _block(block: Block, document: Document, folder: Path) -> dict[str, Any]:
    kind = {"type": type(block).__name__}
    match block:
        case Paragraph(text, style):
            return {**kind, "text": _inline(text), "style": style, "id": block.id}
        case Bullets(items, style):
            return {**kind, "items": [_inline(item) for item in items], "style": style}
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
        case KeyFigures(figures):
            shown = [{name: _inline(text) for name, text in vars(item).items()} for item in figures]
            lengths = [max(_length(plain_text((*item.before, *item.after))), _SHORT) for item in figures]
            return {**kind, "items": shown, "lengths": lengths}
        case Findings(findings):
            return {**kind, "items": [_finding(item) for item in findings]}
        case Details(summary, blocks):
            inner = [_block(part, document, folder) for part in blocks if _on_paper(part)]
            return {**kind, "summary": _inline(summary), "blocks": inner}
    raise TypeError(type(block).__name__)


def _finding(item: Finding) -> dict[str, Any]:
    return {
        "id": item.id,
        "verdict": item.verdict,
        "tone": item.tone,
        "claim": _inline(item.claim),
        "said": _inline(item.said),
        "lines": [[question, _inline(answer)] for question, answer in item.lines],
    }


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
        "id": block.id,
        "number": block.number,
        "file": name,
        "alternative": block.alternative,
        "caption": _inline(() if plain_text(block.finding).startswith(plain_text(block.caption)) else block.caption),
        "finding": _inline(block.finding),
        "width": 1.0,
    }


def _table(block: Table) -> dict[str, Any]:
    setting = layout(block)
    return {
        "id": block.id,
        "number": block.number,
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
            "text": _inline(cell.text, cell.align != "left" and not cell.header and _is_number(plain_text(cell.text))),
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
