"""The report as a value: blocks, and text with marked numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

Kind = Literal["text", "emphasis", "strong", "code", "link", "number", "reference"]

_START, _BETWEEN, _END = "\x01", "\x02", "\x03"  # never part of a text that a person wrote
_FOREIGN, _NATIVE = "\x04", "\x05"
_WORDS = ("text", "emphasis", "strong")
_SPECIAL = re.compile(r"([\\*`\[\]])")
_CHINESE_GAP = re.compile(r"(?<=[。，；：、！？）]) (?!\()")  # left by the folding of lines, and by what joins items
_TOKEN = re.compile(
    r"\\(?P<escaped>[^\w\s])"  # before a letter it stands for itself, as in \alpha
    r"|\x01(?P<index>\d+)\x02(?P<printed>[^\x03]*)\x03"
    r"|\x04(?P<language>[a-zA-Z-]+)\x02(?P<foreign>[^\x05]*)\x05"
    r"|\*\*(?P<strong>(?:\\.|[^*\\])+)\*\*"
    r"|\*(?P<emphasis>(?:\\.|[^*\\])+)\*"
    r"|`(?P<code>(?:\\.|[^`\\])+)`"
    r"|\[\[(?P<reference>[\w-]+)\]\]"
    r"|\[(?P<label>(?:\\.|[^\]\\])+)\]\((?P<address>[^)\s]+)\)",
    re.S,
)


class Marked(str):
    """Text that already is markup: not escaped when a template inserts it."""

    __slots__ = ()


@dataclass(frozen=True)
class Run:
    """A stretch of text of one kind; `target` is a link's address, or a number's index among those quoted.

    A ``reference`` has the id of a section, chart or table as its target; `numbering.numbered` gives it its text.

    `within` is the kind of the marks around a number or a link (``strong``, ``emphasis``), else ``text``; `language` is
    that of words in another than the report's.
    """

    text: str
    kind: Kind = "text"
    target: str = ""
    within: Kind = "text"
    language: str = ""


Inline = tuple[Run, ...]
SPACE: Inline = (Run(" "),)


def escape(value: object) -> str:
    """What a template inserts: marks in it are taken literally, unless it is `Marked`."""
    return value if isinstance(value, Marked) else _SPECIAL.sub(r"\\\1", str(value))


def number_mark(index: int, printed: str) -> Marked:
    """A quoted number."""
    return Marked(f"{_START}{index}{_BETWEEN}{printed}{_END}")


def foreign(text: str, language: str) -> Marked:
    """Words in another language than the report's (``en``, ``zh-Hans``), taken literally."""
    return Marked(f"{_FOREIGN}{language}{_BETWEEN}{escape(text)}{_NATIVE}")


def parse(text: str) -> Inline:
    """Markup → runs. Numbers keep their index inside emphasis too; line breaks and blanks run together."""
    one_line = re.sub(r"[ \t\r\n]+", " ", text.strip())
    return tuple(_joined(_parse(_CHINESE_GAP.sub("", one_line), "text")))


def literal(text: str) -> Inline:
    """A text of the results or the configuration as it stands: marks in it are no marks."""
    return parse(escape(text))


def _parse(text: str, kind: Kind) -> list[Run]:
    runs: list[Run] = []
    position = 0
    for token in _TOKEN.finditer(text):
        if token.start() > position:
            runs.append(Run(text[position : token.start()], kind))
        position = token.end()
        if token["escaped"] is not None:
            runs.append(Run(token["escaped"], kind))
        elif token["index"] is not None:
            runs.append(Run(token["printed"], "number", token["index"], kind))
        elif token["foreign"] is not None:
            runs += [replace(run, language=token["language"]) for run in _parse(token["foreign"], kind)]
        elif token["strong"] is not None:
            runs += _parse(token["strong"], "strong")
        elif token["emphasis"] is not None:
            runs += _parse(token["emphasis"], "emphasis")
        elif token["code"] is not None:
            runs.append(Run(re.sub(r"\\([^\w\s])", r"\1", token["code"]), "code"))
        elif token["reference"] is not None:
            runs.append(Run("", "reference", token["reference"]))
        else:
            runs.append(Run(re.sub(r"\\([^\w\s])", r"\1", token["label"]), "link", token["address"]))
    if position < len(text):
        runs.append(Run(text[position:], kind))
    return runs


def _joined(runs: Iterable[Run]) -> list[Run]:
    joined: list[Run] = []
    for run in runs:
        last = joined[-1] if joined else None
        if last and (last.kind, last.language) == (run.kind, run.language) and run.kind in _WORDS:
            joined[-1] = replace(last, text=last.text + run.text)
        else:
            joined.append(run)
    return joined


def plain_text(inline: Inline) -> str:
    """The runs without their kinds."""
    return "".join(run.text for run in inline)


Align = Literal["left", "centre", "right"]


@dataclass(frozen=True)
class Paragraph:
    """A paragraph; `style` is ``normal``, ``headline``, ``lede``, ``small`` or ``note``."""

    text: Inline
    style: str = "normal"
    id: str = ""


@dataclass(frozen=True)
class Bullets:
    """A list; `style` is ``normal`` or ``references``, ``small``."""

    items: tuple[Inline, ...]
    style: str = "normal"


@dataclass(frozen=True)
class Definitions:
    """Terms with their descriptions."""

    items: tuple[tuple[Inline, Inline], ...]


@dataclass(frozen=True)
class Code:
    """Lines to type, or text as it stands in a file."""

    lines: tuple[str, ...]


@dataclass(frozen=True)
class TableCell:
    """A cell; `header`: column heads and row heads."""

    text: Inline
    align: Align = "left"
    colspan: int = 1
    rowspan: int = 1
    header: bool = False


@dataclass(frozen=True)
class TableRow:
    """A row. `kind`: ``entry``, ``detail`` (beneath an entry), ``section`` (a heading across), ``summary``."""

    cells: tuple[TableCell, ...]
    kind: str = "entry"


@dataclass(frozen=True)
class Table:
    """A table; `tall` ones scroll in their box on screen. `number` is the one in print (``2``, ``A7``), empty: none.

    `further` : rows under the same head that the page alone shows, folded. `panels` : parts of the columns with the
    rows that say something in them, one below the other, for paper that does not hold all.
    """

    id: str
    caption: Inline
    head: tuple[TableRow, ...]
    rows: tuple[TableRow, ...]
    notes: tuple[Inline, ...] = ()
    tall: bool = False
    downloads: tuple[str, ...] = ()
    number: str = ""
    further: tuple[TableRow, ...] = ()
    panels: tuple[Table, ...] = ()

    @property
    def width(self) -> int:
        """Number of columns."""
        return max((sum(cell.colspan for cell in row.cells) for row in (*self.head, *self.rows)), default=0)


@dataclass(frozen=True)
class Interactive:
    """Markup of the page alone, which a script brings to life (`ruralpanel.output.report.explore`)."""

    html: str


@dataclass(frozen=True)
class Figure:
    """A picture from a file.

    `alternative` says in words what it shows, `finding` what one sees in it (its headline), `number` is as a table's;
    `explored` stands in its place on the page.
    """

    id: str
    caption: Inline
    path: Path
    alternative: str
    notes: tuple[Inline, ...] = ()
    number: str = ""
    finding: Inline = ()
    explored: Interactive | None = None


@dataclass(frozen=True)
class KeyFigure:
    """One number of the first page: what it is, how it was, and how it became (empty: one number only)."""

    label: Inline
    before: Inline
    after: Inline = ()


@dataclass(frozen=True)
class KeyFigures:
    """The numbers of the first page side by side."""

    items: tuple[KeyFigure, ...]


@dataclass(frozen=True)
class Finding:
    """What was learnt of one claim: its verdict and a sentence for each of a few questions.

    Attributes
    ----------
    tone : as in `Answer`. said : what was learnt. lines : question and answer.
    """

    id: str
    claim: Inline
    verdict: str
    tone: str
    said: Inline
    lines: tuple[tuple[str, Inline], ...] = ()


@dataclass(frozen=True)
class Findings:
    """All claims, best known first."""

    items: tuple[Finding, ...]


@dataclass(frozen=True)
class Answer:
    """One claim on the first page.

    Attributes
    ----------
    tone : ``for``, ``against``, ``neither``, ``open`` or ``none``: how the verdict is drawn (its word is printed too).
    facts : short lines: design, number, interval.
    place : estimate and bounds in multiples of δ for the drawing, None without a number; bounds may be infinite.
    reasons : why this verdict. beside : id of the section that shows the claim's other designs, empty without any.
    """

    id: str
    claim: Inline
    verdict: str
    tone: str
    number: Inline
    meaning: Inline
    cannot_show: Inline
    facts: Inline
    place: tuple[float, float, float] | None
    place_text: str
    reasons: tuple[Inline, ...] = ()
    beside: str = ""
    benchmarks: tuple[Inline, ...] = ()


@dataclass(frozen=True)
class Answers:
    """The list of claims with the common scale of their drawings (multiples of δ on either side of zero)."""

    items: tuple[Answer, ...]
    reach: float
    axis: tuple[str, str, str]
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Details:
    """What is folded away on screen; `printed` says whether a PDF shows it."""

    summary: Inline
    blocks: tuple[Block, ...]
    printed: bool = True
    id: str = ""


Block = (
    Paragraph | Bullets | Definitions | Code | Table | Figure | KeyFigures | Findings | Answers | Details | Interactive
)
Part = Literal["brief", "appendix", "page"]


@dataclass(frozen=True)
class Section:
    """A section with a heading; `level` is 2 for those of the contents, 3 below.

    `part` says of the former where they are printed: in ``report.pdf`` (brief), in ``appendix.pdf``, or on the page
    alone.
    """

    id: str
    title: str
    blocks: tuple[Block, ...]
    level: int = 2
    sections: tuple[Section, ...] = ()
    part: Part = "appendix"


@dataclass(frozen=True)
class Document:
    """The whole report.

    `byline` says who wrote it, on figures of which date, with which version; `labels` are the fixed words that the
    renderers need.
    """

    title: str
    language: str
    subtitle: Inline
    sections: tuple[Section, ...]
    labels: dict[str, str]
    byline: Inline = ()

    def blocks(self) -> Iterator[Block]:
        """Every block, nested ones included, in order."""
        for section in self.sections:
            yield from blocks_of(section)

    @property
    def explored(self) -> bool:
        """Whether there is anything that the page's script brings to life."""
        return any(isinstance(item, Interactive) or getattr(item, "explored", None) for item in self.blocks())


def blocks_of(section: Section) -> Iterator[Block]:
    """A section's blocks, nested ones included, in order."""
    for block in section.blocks:
        yield from _within(block)
    for part in section.sections:
        yield from blocks_of(part)


def _within(block: Block) -> Iterator[Block]:
    yield block
    if isinstance(block, Details):
        for inner in block.blocks:
            yield from _within(inner)
