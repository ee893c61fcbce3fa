"""The order of figures by series, unit and period, found block by block: millions of rows are sorted only once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Codes = np.ndarray[Any, Any]
"""Whole numbers (n,)."""
_DENSE = 8  # places per row up to which a calendar of all places is smaller than a sort is slow
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Block:
    """Rows of one series that stand together: from `start` up to `end`, to be taken in the order `rows`.

    `rows` count from `start`; None: as they stand. `same_rows` says that this very order is that of the block before.
    """

    start: int
    end: int
    rows: Codes | None
    same_rows: bool = False


@dataclass(frozen=True)
class Order:
    """How rows are taken; `repeats` says whether two of them share series, unit and period."""

    blocks: tuple[Block, ...]
    repeats: bool

    @property
    def length(self) -> int:
        """Number of rows."""
        return sum(block.end - block.start for block in self.blocks)

    def bounds(self) -> list[int]:
        """Where each block begins in the new order, and the end."""
        return [0, *np.cumsum([block.end - block.start for block in self.blocks]).tolist()]

    def taken(self, values: Array) -> Array:
        """`values` (n,) in the new order; as they are where nothing moves.

        Blocks that repeat the one before (the units, periods and row numbers of a table with many columns) are copied
        rather than taken one by one.
        """
        if self.unchanged:
            return values
        result = np.empty(self.length, dtype=values.dtype)
        at = self.bounds()
        before: Array | None = None
        for block, start, end in zip(self.blocks, at[:-1], at[1:], strict=True):
            part = values[block.start : block.end]
            if block.rows is None or (len(part) and part[0] == part[-1] and (part == part[0]).all()):
                result[start:end] = part
            elif block.same_rows and before is not None and np.array_equal(part, before):
                result[start:end] = result[start - len(part) : start]
            else:
                np.take(part, block.rows, out=result[start:end], mode="clip")
            before = part
        return result

    @property
    def unchanged(self) -> bool:
        """Whether nothing moves."""
        at = self.bounds()
        return all(block.rows is None and block.start == start for block, start in zip(self.blocks, at, strict=False))

    def rows(self) -> Codes:
        """The old row of each new one."""
        parts = [b.start + (np.arange(b.end - b.start) if b.rows is None else b.rows) for b in self.blocks]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)


def order_of(series: Codes, units: Codes, periods: Codes, ranks: Sequence[int]) -> Order:
    """The order by series, unit and period.

    Parameters
    ----------
    series, units, periods : (n,) codes; the series of code i comes at place ``ranks[i]``, units by their code.
    """
    if not len(series):
        return Order((), False)
    starts = np.concatenate([[0], np.flatnonzero(series[1:] != series[:-1]) + 1])
    ends = np.append(starts[1:], len(series))
    codes = [int(series[start]) for start in starts]
    if len(set(codes)) < len(codes):
        return _together(series, units, periods, ranks)
    blocks: list[Block] = []
    repeats = False
    before: tuple[Codes, Codes, Codes | None] | None = None
    for place in sorted(range(len(codes)), key=lambda i: ranks[codes[i]]):
        start, end = int(starts[place]), int(ends[place])
        unit, period = units[start:end], periods[start:end]
        if before is not None and np.array_equal(unit, before[0]) and np.array_equal(period, before[1]):
            blocks.append(Block(start, end, before[2], True))
            continue
        rows, twice = _sorted_rows(_position(unit, period))
        repeats |= twice
        blocks.append(Block(start, end, rows))
        before = (unit, period, rows)
    return Order(tuple(blocks), repeats)


def distinct(position: Codes) -> bool:
    """Whether no position occurs twice."""
    if bool((position[1:] > position[:-1]).all()):
        return True
    low, high = int(position.min()), int(position.max())
    if high - low < _DENSE * len(position):
        seen = np.zeros(high - low + 1, dtype=bool)
        seen[position - low] = True
        return int(np.count_nonzero(seen)) == len(position)
    ordered = np.sort(position)
    return bool((ordered[1:] > ordered[:-1]).all())


def _position(units: Codes, periods: Codes) -> Codes:
    low = int(periods.min())
    return np.asarray(units.astype(np.int64) * (int(periods.max()) - low + 1) + (periods - low))


def _together(series: Codes, units: Codes, periods: Codes, ranks: Sequence[int]) -> Order:
    """All rows at once, where a series stands in several places."""
    position = _position(units, periods)
    width = int(position.max()) + 1
    position += np.asarray(ranks, dtype=np.int64)[series] * width
    rows, twice = _sorted_rows(position)
    return Order((Block(0, len(series), rows),), twice)


def _sorted_rows(position: Codes) -> tuple[Codes | None, bool]:
    """The rows in ascending order (None: as they stand), and whether a position occurs twice.

    A dense range of positions is filled like a calendar; only a thin one needs sorting.
    """
    steps: Codes = np.asarray(position[1:] - position[:-1])
    if bool((steps > 0).all()):
        return None, False
    low, high = int(position.min()), int(position.max())
    rows: Codes
    if high - low < _DENSE * len(position):
        slots: Codes = np.full(high - low + 1, -1, dtype=np.int64)
        slots[position - low] = np.arange(len(position))
        rows = slots[slots >= 0]
        if len(rows) == len(position):
            return rows, False
    rows = np.argsort(position, kind="stable")
    ordered = position[rows]
    return (None if bool((steps >= 0).all()) else rows), bool((ordered[1:] == ordered[:-1]).any())
