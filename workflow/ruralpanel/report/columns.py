"""Columns of a table on paper: numbers on one line, words broken where room is short, type as large as fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ruralpanel.report.blocks import Table, TableRow
from ruralpanel.report.markup import plain_text

PORTRAIT, LANDSCAPE = 474.0, 720.0  # points of text width on A4
SIZES = (8.4, 7.6, 6.8, 6.0)  # points, tried in turn
_CHARACTER = 0.5  # width of a character in ems; bold heads and figures are a little wider than letters on the mean
_GAP = 8.0  # points between columns
_LEAST, _MOST = 19, 64  # characters to which a column of words is broken at the least, and that it is given at the most
_HEAD = 20  # characters of a head above numbers beyond which it is broken
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
                elif head or not numeric[column]:
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
    found = [False] * table.width
    for row in table.rows:
        at = 0
        for cell in row.cells:
            if cell.colspan == 1 and cell.align != "left":
                found[at] = True
            at += cell.colspan
    return found


def _length(text: str) -> float:
    return sum(2.0 if ord(character) > 0x2E80 else 1.0 for character in text)
