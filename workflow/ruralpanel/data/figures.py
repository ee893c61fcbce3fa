"""Published figures as the table that ingest writes, and their order: millions of rows are sorted only once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd

from ruralpanel.data.adapters.cells import COLUMNS as CELLS
from ruralpanel.data.adapters.cells import LABELS
from ruralpanel.project.sidecars import SourceSpec
from ruralpanel.project.units import Units

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


def without_attrs(figures: pd.DataFrame) -> pd.DataFrame:
    """The same figures without what is kept beside them, of which pandas makes a copy in every step."""
    bare = figures.copy(deep=False)
    bare.attrs = {}
    return bare


COLUMNS = (
    "source",
    "series",
    "unit",
    "period",
    "value",
    "measure",
    "text",
    "raw_value",
    "file",
    "sheet",
    "row",
    "column",
    "correction",
)


Column = pd.Categorical | pd.Series | np.ndarray[Any, Any]
"""A column without its frame."""


def bare_columns(cells: pd.DataFrame) -> dict[str, Column]:
    """The columns of an adapter's result without their frame: labels as categories, numbers as arrays."""
    return {name: _bare(cells[name]) for name in CELLS}


def _bare(column: pd.Series) -> Column:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return cast(pd.Categorical, column.array)
    if column.name in LABELS:
        return pd.Categorical(column)
    return column.to_numpy() if column.name != "text" else column


def _labels(codes: Codes, labels: Sequence[str]) -> Any:
    return pd.Categorical.from_codes(codes, categories=pd.Index(list(labels)))


def _constant(label: str, count: int) -> Any:
    return _labels(np.zeros(count, dtype=np.int8), [label])


def in_order(
    source: SourceSpec, columns: dict[str, Column], codes: Codes, units: Units, repaired: bool
) -> tuple[pd.DataFrame, bool]:
    """The figures by series, unit and period, and whether two share all three.

    Parameters
    ----------
    columns : as `bare_columns` gives them; emptied as each is put in order, so that its memory is free.
    codes : the place of each row's unit in ``units.every``.
    repaired : whether values will be written; else `raw_value` is the very array of `value`.
    """
    series = cast(pd.Categorical, columns.pop("series"))
    keys = [str(key) for key in series.categories]
    series_order, unit_order = sorted(keys), sorted(units.every)
    del columns["unit"]
    codes = _recoded(codes, units.every, unit_order)
    order = order_of(series.codes, codes, np.asarray(columns["period"]), _ranks(keys, series_order))
    count = order.length
    codes_in_order = _recoded(order.taken(series.codes), keys, series_order)
    measures = [source.series[key].measure if key in source.series else "" for key in series_order]
    distinct = sorted(set(measures))
    of_series = np.array(
        [distinct.index(m) for m in measures] or [0], dtype=np.int8 if len(distinct) < 127 else np.int32
    )
    value = order.taken(np.asarray(columns.pop("value"), dtype=np.float64))
    text = columns.pop("text")
    if isinstance(text, pd.Series):
        text = text if order.unchanged else text.iloc[order.rows()].reset_index(drop=True)
    by_name = {
        "source": _constant(source.name, count),
        "series": _labels(codes_in_order, series_order),
        "unit": _labels(order.taken(codes), unit_order),
        "period": order.taken(np.asarray(columns.pop("period"))),
        "value": value.copy() if repaired else value,
        "measure": _labels(of_series[codes_in_order], distinct),
        "text": text if isinstance(text, pd.Series) else _ordered(text, order),
        "raw_value": value,
        **{name: _ordered(columns.pop(name), order) for name in ("file", "sheet", "row", "column")},
        "correction": _constant("", count),
    }
    return pd.DataFrame({name: by_name[name] for name in COLUMNS}, copy=False), order.repeats


def _ordered(column: Column, order: Order) -> Column:
    if isinstance(column, pd.Categorical):
        return pd.Categorical.from_codes(order.taken(column.codes), dtype=column.dtype)
    return order.taken(np.asarray(column))


def _ranks(old: Sequence[str], new: Sequence[str]) -> list[int]:
    where = {label: i for i, label in enumerate(new)}
    return [where[label] for label in old]


def _recoded(codes: Codes, old: Sequence[str], new: Sequence[str]) -> Codes:
    if list(old) == list(new):
        return codes
    return np.array(_ranks(old, new), dtype=codes.dtype)[codes] if len(old) else codes
