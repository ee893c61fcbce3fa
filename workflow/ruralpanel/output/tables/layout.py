"""How a table is set on an upright page: widths of its columns, and panels of columns where it is too wide."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from ruralpanel.output.tables.document import Row, Spanner, TableDocument

GAP = 0.16
"""Room between two columns, in cm."""

_CM = 2.54 / 72.27
_STUB_LEAST, _STUB_MOST = 3.2, 6.5
_CELL_MOST = 4.5
INTERVAL = re.compile(r"\[[^\[\]]*\]")
_TOKEN = re.compile(rf"{INTERVAL.pattern}|\S+")
_EMS = {
    **dict.fromkeys(".,:;[]|'!ijl", 0.3),
    **dict.fromkeys(" ", 0.36),
    **dict.fromkeys("()ftrs-/", 0.41),
    **dict.fromkeys("mwMW−+=<>×∞%@", 0.84),
}
"""Widths of signs in Computer Modern, a little more than they are."""


@dataclass(frozen=True)
class Panel:
    """Neighbouring columns that stand side by side.

    Attributes
    ----------
    document : the table with these columns alone, and the rows that say something in them.
    stub, widths : widths in cm of the row labels and of each column, the gaps between them not counted.
    """

    document: TableDocument
    stub: float
    widths: tuple[float, ...]


def panels(document: TableDocument, room: float, sizes: Sequence[float]) -> tuple[float, tuple[Panel, ...]]:
    """The first of `sizes` (points) in which all columns stand side by side in `room` cm, else the first, and panels.

    Panels are as few as may be, cut between groups of columns where that serves. No number or interval is broken; words
    wrap. A column too wide for the page alone is given what there is.
    """
    tried = [(size, _panels(document, room, size)) for size in sizes]
    return next(((size, made) for size, made in tried if len(made) == 1), tried[0])


def _panels(document: TableDocument, room: float, size: float) -> tuple[Panel, ...]:
    point = size * _CM
    needs, wishes = _demands(document, point)
    labels = [document.stub, *(row.label for row in document.rows if row.kind != "section")]
    stub = max(_longest(labels, point), min(_STUB_LEAST, _whole(labels, point)))
    starts = {spanner.first for level in document.spanners[:1] for spanner in level}
    made = []
    for first, last in _cuts([need + GAP for need in needs], room - stub, starts):
        part = _part(document, first, last)
        wish = max(
            stub, min(_STUB_MOST, _whole([document.stub, *(row.label for row in part.rows if row.cells)], point))
        )
        free = room - GAP * (last - first)
        widths = _shared([stub, *needs[first:last]], [wish, *wishes[first:last]], free)
        made.append(Panel(part, widths[0], tuple(widths[1:])))
    return tuple(made)


def _demands(document: TableDocument, point: float) -> tuple[list[float], list[float]]:
    """What each column needs so that no word or number is broken, and what it would like to have, in cm."""
    needs, wishes = [], []
    for index, column in enumerate(document.columns):
        texts = [row.cells[index].text for row in document.rows if row.cells]
        heads = [column.label, *_above(document, index)]
        needs.append(_longest([*texts, *heads], point))
        most = max(min(_CELL_MOST, _whole(texts, point)), min(_CELL_MOST / 2, _whole(heads, point)))
        wishes.append(max(needs[-1], most))
    return needs, wishes


def _above(document: TableDocument, index: int) -> list[str]:
    return [one.label for level in document.spanners for one in level if one.first == one.last == index]


def _shared(needs: Sequence[float], wishes: Sequence[float], room: float) -> list[float]:
    """What is left after the needs goes to the wishes, in proportion; too much is cut down alike."""
    left, more = room - sum(needs), sum(wishes) - sum(needs)
    if left < 0:
        return [need * room / sum(needs) for need in needs]
    part = min(1.0, left / more) if more > 0 else 0.0
    return [need + part * (wish - need) for need, wish in zip(needs, wishes, strict=True)]


def _cuts(needs: Sequence[float], room: float, starts: set[int]) -> list[tuple[int, int]]:
    """Where groups begin if that takes no panel more, else evenly."""
    fewest = _filled(needs, room)
    grouped = _filled(needs, room, starts)
    if {first for first, _ in grouped} <= {0, *starts} and len(grouped) == len(fewest):
        return grouped
    ends = [len(needs) * (number + 1) // len(fewest) for number in range(len(fewest))]
    even = list(zip([0, *ends], ends, strict=False))
    return even if all(sum(needs[first:last]) <= room for first, last in even) else fewest


def _filled(needs: Sequence[float], room: float, starts: Iterable[int] = ()) -> list[tuple[int, int]]:
    """Panels filled from the left, each ending before one of `starts` if it holds any."""
    made, first = [], 0
    while first < len(needs):
        last = first + 1
        while last < len(needs) and sum(needs[first : last + 1]) <= room:
            last += 1
        if last < len(needs):
            last = max((start for start in starts if first < start <= last), default=last)
        made.append((first, last))
        first = last
    return made


def _part(document: TableDocument, first: int, last: int) -> TableDocument:
    """The table with the columns from `first` to before `last`, without rows that are empty there."""
    if (first, last) == (0, len(document.columns)):
        return document
    rows = [replace(row, cells=row.cells[first:last]) for row in document.rows]
    kept = [row for row in rows if row.kind == "section" or any(cell.text for cell in row.cells)]
    levels = tuple(
        tuple(
            Spanner(one.label, max(one.first, first) - first, min(one.last, last - 1) - first)
            for one in level
            if one.first < last and one.last >= first
        )
        for level in document.spanners
    )
    columns = document.columns[first:last]
    return replace(document, columns=columns, rows=_headed(kept), spanners=levels, further=())


def _headed(rows: Sequence[Row]) -> tuple[Row, ...]:
    """The rows without headings of sections that hold none."""
    following = [*(row.kind for row in rows[1:]), "section"]
    return tuple(row for row, after in zip(rows, following, strict=True) if (row.kind, after) != ("section", "section"))


def lines_of(text: str, width: float, size: float) -> int:
    """How many lines of `width` cm a text takes in type of `size` points, rather one too many."""
    return 1 + int(1.15 * _whole([text], size * _CM) / width)


def _longest(texts: Iterable[str], point: float) -> float:
    return point * max((_ems(token) for text in texts for token in _tokens(text)), default=1.0)


def _whole(texts: Iterable[str], point: float) -> float:
    return point * max((_ems(text) for text in texts), default=1.0)


@cache
def _tokens(text: str) -> tuple[str, ...]:
    """What is not broken: words, numbers, intervals; single Chinese characters."""
    return tuple(_TOKEN.findall("".join(f" {sign} " if _wide(sign) else sign for sign in text)))


@cache
def _ems(text: str) -> float:
    return sum(1.0 if _wide(sign) else _EMS.get(sign, 0.76 if sign.isupper() else 0.53) for sign in text)


@cache
def _wide(sign: str) -> bool:
    return unicodedata.east_asian_width(sign) in "WF"
