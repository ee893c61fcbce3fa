"""The report as PDF."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, is_dataclass, replace
from functools import cache, partial
from pathlib import Path

from ruralpanel.output.fonts import cjk_font, fallback_font, require_glyphs
from ruralpanel.output.report.document import (
    Block,
    Details,
    Document,
    Figure,
    Inline,
    Interactive,
    KeyFigure,
    KeyFigures,
    Part,
    Run,
    Section,
    Table,
    TableCell,
    TableRow,
    plain_text,
)
from ruralpanel.output.report.numbering import exhibits, named, printed, sections_of, texts
from ruralpanel.project.files import plain
from ruralpanel.project.kept import Kept
from ruralpanel.project.problems import Problem, UserError

ROOM = 474.0  # points of text width on A4
SIZES = (8.4, 7.6, 7.0)  # points, tried in turn
_CHARACTER = 0.5  # width of a character in ems; bold heads and figures are a little wider than letters on the mean
_NARROW = 0.6  # that of points, brackets and spaces, in characters
_GAP = 7.0  # points between columns
_LEAST = (19, 15, 11)  # characters to which a column of words is broken at the least, tried in turn
_MOST = 64  # that it is given at the most
_HEAD = 20  # characters of a head above numbers beyond which it is broken
_SHORT = 12  # characters of a key figure that a narrow column holds
_LONG = 24  # rows of a table that is kept on one page; longer ones are set a size smaller
_WORDS = re.compile(r"[^\W\d_]{3}|[\u2e80-\uffff]")


@dataclass(frozen=True)
class Layout:
    """How a table is set: size of type and widths of columns in points, and whether the page holds it so."""

    size: float
    widths: tuple[float, ...]
    fits: bool


def layout(table: Table, sizes: Sequence[float] = SIZES) -> Layout:
    """The largest type in which the table fits upright paper, words broken further where it comes in no panels.

    Every column gets what it needs; the room that is left goes to columns whose words or heads would still be broken,
    in proportion to what they lack.
    """
    for least in _LEAST[: 1 if table.panels else None]:
        needs, wishes = _demands(table, least)
        for size in sizes:
            if _total(needs, size) <= ROOM:
                return Layout(size, _shared(needs, wishes, size), True)
    squeeze = ROOM / _total(needs, sizes[-1])
    return Layout(sizes[-1], tuple(squeeze * _points(need, sizes[-1]) for need in needs), False)


def _points(characters: float, size: float) -> float:
    return characters * _CHARACTER * size + _GAP


def _total(characters: Sequence[float], size: float) -> float:
    return sum(_points(number, size) for number in characters)


def _shared(needs: Sequence[float], wishes: Sequence[float], size: float) -> tuple[float, ...]:
    missing = [max(wish - need, 0.0) for need, wish in zip(needs, wishes, strict=True)]
    spare = (ROOM - _total(needs, size)) / (_CHARACTER * size)
    part = min(spare / sum(missing), 1.0) if sum(missing) else 0.0
    return tuple(_points(need + part * lacking, size) for need, lacking in zip(needs, missing, strict=True))


def _demands(table: Table, words: int) -> tuple[list[float], list[float]]:
    """Characters that each column needs at the least, one of `words` no more than these, and that it would like."""
    width = table.width
    needs, wishes = [2.0] * width, [2.0] * width
    numeric = _numeric(table, width)
    for row, head in [(row, True) for row in table.head] + [(row, False) for row in table.rows]:
        for at, cell in _placed(row, width):
            text, span = plain_text(cell.text), cell.colspan
            whole = _length(text)
            word = max((_length(part) for part in text.split()), default=0)
            for column in range(at, min(at + span, width)):
                if span > 1:  # a heading over several columns, or across the table
                    wishes[column] = max(wishes[column], min(whole / span, _HEAD) if head else 0)
                elif head or not numeric[column] or not _is_number(text):
                    least = min(word if numeric[column] else whole, words)
                    needs[column] = max(needs[column], least)
                    wishes[column] = max(wishes[column], min(whole, _HEAD if numeric[column] else _MOST))
                else:
                    needs[column] = max(needs[column], whole)
    return needs, wishes


def _placed(row: TableRow, width: int) -> list[tuple[int, TableCell]]:
    """Each cell with its column; a row short of cells continues one whose first cell spans it, too."""
    at = max(width - sum(cell.colspan for cell in row.cells), 0)
    placed = []
    for cell in row.cells:
        placed.append((at, cell))
        at += cell.colspan
    return placed


def _numeric(table: Table, width: int) -> list[bool]:
    """Columns whose cells stand right or centred: numbers."""
    numeric = [False] * width
    for row in table.rows:
        for at, cell in _placed(row, width):
            numeric[at] |= cell.colspan == 1 and cell.align != "left"
    return numeric


def _is_number(text: str) -> bool:
    """Whether a cell holds figures, which no line break may part."""
    return any(character.isdigit() for character in text) and not _WORDS.search(text)


@cache
def _length(text: str) -> float:
    return sum(2.0 if ord(sign) > 0x2E80 else _NARROW if sign in " .,:;()[]" else 1.0 for sign in text)


TEMPLATE = Path(__file__).resolve().parents[3] / "report" / "pdf" / "report.typ"
_SERIF = "NotoSerifCJKsc-Regular.otf"  # beside the sans in the same package


def render_pdf(document: Document, part: Part, name: str, kept: Kept | None = None) -> bytes:
    """A part of the report as a PDF that readers of screens can follow (PDF/UA-1).

    The same bytes for the same document, for nothing in it depends on the clock. `name` is the file's in messages.
    One that is `kept` from the same words and pictures is not set again.

    Raises
    ------
    UserError
        A character that no font has (typst would print a box and say nothing), or a picture that typst cannot read.
    """
    fonts = _fonts()
    document = printed(document, part)
    require_glyphs(texts(document), fonts, name, "its text")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        values = plain(_values(_paper(document, part, folder)))
        (folder / "document.json").write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")
        shutil.copyfile(TEMPLATE, folder / "report.typ")
        source = {file.name: file for file in sorted(folder.iterdir())}
        target = folder / name
        (kept or Kept()).piece(name, {"source": source}, [target], partial(_compile, folder, fonts, target))
        return target.read_bytes()


def _compile(folder: Path, fonts: Sequence[Path], target: Path) -> None:
    import typst

    try:
        content = typst.compile(
            str(folder / "report.typ"),
            root=str(folder),
            font_paths=sorted({str(font.parent) for font in fonts}),
            ignore_system_fonts=True,
            pdf_standards="ua-1",
        )
    except typst.TypstError as error:
        found = str(error).strip().splitlines()[0]
        raise UserError(Problem(target.name, "", found, "a document that typst can set")) from error
    target.write_bytes(content)


def _fonts() -> tuple[Path, ...]:
    """Files that hold every character the PDF may use; typst's own Latin serif comes first where it has a glyph."""
    sans = cjk_font()
    serif = sans.with_name(_SERIF)
    return (*((serif,) if serif.is_file() else ()), sans, fallback_font())


@dataclass(frozen=True)
class SetRow(TableRow):
    """A row; `rule`: with a line above it."""

    rule: bool = False


@dataclass(frozen=True)
class SetPanel:
    """Columns that stand side by side; `breakable`: over pages."""

    head: tuple[SetRow, ...]
    rows: tuple[SetRow, ...]
    widths: tuple[float, ...]
    breakable: bool


@dataclass(frozen=True)
class SetTable:
    """A table as it is set, its panels below each other; `breakable`: over pages."""

    id: str
    number: str
    caption: Inline
    panels: tuple[SetPanel, ...]
    notes: tuple[Inline, ...]
    size: float
    breakable: bool


@dataclass(frozen=True)
class Picture:
    """A figure whose picture lies beside the document as `file`."""

    id: str
    number: str
    file: str
    alternative: str
    caption: Inline
    finding: Inline


@dataclass(frozen=True)
class SetFigures:
    """Key figures with the characters that each takes."""

    items: tuple[KeyFigure, ...]
    lengths: tuple[float, ...]


@dataclass(frozen=True)
class SetDetails:
    """What is folded away on screen, and printed."""

    summary: Inline
    blocks: tuple[object, ...]


@dataclass(frozen=True)
class SetSection:
    """A section with what of it stands on paper."""

    id: str
    title: str
    blocks: tuple[object, ...]
    sections: tuple[SetSection, ...]


@dataclass(frozen=True)
class Entry:
    """A line of the contents."""

    id: str
    title: str | Inline
    number: str = ""


@dataclass(frozen=True)
class Contents:
    """The lists of sections, charts and tables."""

    sections: tuple[Entry, ...]
    figures: tuple[Entry, ...]
    tables: tuple[Entry, ...]


@dataclass(frozen=True)
class Paper:
    """What the template draws; `anchors`: what links inside the file may lead to."""

    title: str
    language: str
    part: Part
    byline: Inline
    subtitle: Inline
    labels: dict[str, str]
    sections: tuple[SetSection, ...]
    contents: Contents
    anchors: tuple[str, ...]


def _values(value: object) -> object:
    """A part of the document as the template reads it: fields by name, beside them the class as the type."""
    if isinstance(value, Run):
        return {"text": value.text, "kind": value.kind, "target": value.target, "within": value.within}
    if is_dataclass(value):
        return {"type": type(value).__name__, **{name: _values(part) for name, part in vars(value).items()}}
    return [_values(part) for part in value] if isinstance(value, tuple) else value


def _paper(document: Document, part: Part, folder: Path) -> Paper:
    sections = tuple(section for section in document.sections if _prints(section))
    shown = [item for section in sections for item in exhibits(section)]
    charts, tables = (
        tuple(Entry(item.id, item.caption, item.number) for item in shown if isinstance(item, Figure) is drawn)
        for drawn in (True, False)
    )
    return Paper(
        document.title,
        document.language,
        part,
        document.byline,
        document.subtitle,
        document.labels,
        tuple(_section(section, folder) for section in sections),
        Contents(tuple(Entry(section.id, section.title) for section in sections), charts, tables),
        (*(section.id for section in sections_of(sections)), *(item.id for item in shown), *named(document)),
    )


def _prints(section: Section) -> bool:
    """Whether anything of a section stands on paper."""
    return any(map(_on_paper, section.blocks)) or any(map(_prints, section.sections))


def _on_paper(block: Block) -> bool:
    return not isinstance(block, Interactive) and (not isinstance(block, Details) or block.printed)


def _section(section: Section, folder: Path) -> SetSection:
    return SetSection(
        section.id,
        section.title,
        _set(section.blocks, folder),
        tuple(_section(part, folder) for part in section.sections if _prints(part)),
    )


def _set(blocks: Iterable[Block], folder: Path) -> tuple[object, ...]:
    """What of some blocks stands on paper, as it is set."""
    found: list[object] = []
    for block in filter(_on_paper, blocks):
        match block:
            case Table():
                found.append(set_table(block))
            case Figure():
                found.append(_picture(block, folder))
            case KeyFigures(items):
                lengths = (max(_length(plain_text((*item.before, *item.after))), _SHORT) for item in items)
                found.append(SetFigures(items, tuple(lengths)))
            case Details(summary, inner):
                found.append(SetDetails(summary, _set(inner, folder)))
            case _:
                found.append(block)
    return tuple(found)


def _picture(figure: Figure, folder: Path) -> Picture:
    name = f"picture-{len(list(folder.glob('picture-*')))}{figure.path.suffix.lower()}"
    shutil.copyfile(figure.path, folder / name)
    caption = () if plain_text(figure.finding).startswith(plain_text(figure.caption)) else figure.caption
    return Picture(figure.id, figure.number, name, figure.alternative, caption, figure.finding)


def set_table(table: Table) -> SetTable:
    """A table as paper holds it: whole, if any readable type allows it, else in its panels."""
    sizes = SIZES[1:] if len(table.rows) > _LONG else SIZES
    whole = layout(table, sizes)
    parts = (table,) if whole.fits or not table.panels else table.panels
    size = min(layout(part, sizes).size for part in parts)
    panels = tuple(_panel(part, layout(part, (size,)).widths) for part in parts)
    breakable = sum(len(part.rows) for part in parts) > _LONG
    return SetTable(table.id, table.number, table.caption, panels, table.notes, size, breakable)


def _panel(table: Table, widths: tuple[float, ...]) -> SetPanel:
    above = ("summary", *(row.kind for row in table.rows))
    rows = (
        SetRow(_unbroken(row), row.kind, row.kind == "summary" and kind != "summary")
        for kind, row in zip(above, table.rows, strict=False)
    )
    head = (SetRow(_unbroken(row), row.kind) for row in table.head)
    return SetPanel(tuple(head), tuple(rows), widths, len(table.rows) > _LONG)


def _unbroken(row: TableRow) -> tuple[TableCell, ...]:
    """The cells, with numbers that no line break parts."""
    return tuple(
        replace(cell, text=tuple(replace(run, text=run.text.replace(" ", "\u00a0")) for run in cell.text))
        if cell.align != "left" and not cell.header and _is_number(plain_text(cell.text))
        else cell
        for cell in row.cells
    )
