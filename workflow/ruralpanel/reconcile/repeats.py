"""Figures that repeat where they should not: the same unit several periods running, a whole year, a whole unit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ruralpanel.reconcile.finding import Finding
from ruralpanel.reconcile.matrix import BoolArray, FloatArray, Matrix
from ruralpanel.reconcile.robust import median

_STEPS = 5.0  # a figure that usually moves by so many printed steps does not stand still by chance
_STILL = 0.1  # of a series' changes that are nil: beyond, its figures stand still by nature (railways)
_SHARE = 0.4  # of a year's figures that equal the year before
_WHOLE = 0.9
_FEW = 3
_SAME_ROW = 3  # figures that two units have in common, all of them


def repeats(matrix: Matrix, repeat: int) -> Iterator[Finding]:
    """Runs of `repeat` or more equal figures of a unit, years that copy the year before, units that copy another.

    Coarse figures repeat by nature: only those count that usually move by five printed steps between periods.
    """
    values = matrix.values
    movable = _movable(matrix)
    equal = np.zeros(values.shape, dtype=bool)
    equal[:, 1:] = values[:, 1:] == values[:, :-1]
    copied = _copied_years(matrix, equal, movable)
    for t, count in copied.items():
        note = f"{count} units repeat their figure of {matrix.periods[t - 1]}"
        yield Finding(
            "repeated_year",
            matrix.source,
            matrix.spec.key,
            "",
            matrix.periods[t],
            None,
            None,
            count,
            note,
            matrix.periods[t - 1],
        )
    run = np.zeros(len(values), dtype=np.int64)
    for t in range(values.shape[1]):
        run = np.where(equal[:, t], run + 1, 0)
        ends = equal[:, t] & (run + 1 >= repeat) & movable[:, t]
        ends &= ~equal[:, t + 1] if t + 1 < values.shape[1] else True
        for i in np.flatnonzero(ends):
            first = matrix.periods[t - run[i]]
            note = f"the same figure from {first} to {matrix.periods[t]}"
            value = matrix.number(int(i), t)
            yield Finding(
                "repeat",
                matrix.source,
                matrix.spec.key,
                matrix.units[i],
                matrix.periods[t],
                value,
                None,
                float(run[i] + 1),
                note,
                first,
            )
    yield from _copied_units(matrix)


def _movable(matrix: Matrix) -> BoolArray:
    """Whether a figure would usually have moved by more printed steps than rounding hides."""
    values = matrix.values
    if values.shape[1] < 2:
        return np.zeros(values.shape, dtype=bool)
    size = np.abs(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.abs(values[:, 1:] - values[:, :-1]) / np.maximum(size[:, 1:], size[:, :-1])
    known = np.isfinite(relative)
    if not known.any() or np.mean(relative[known] == 0) > _STILL:
        return np.zeros(values.shape, dtype=bool)
    usual = float(median(relative))
    return np.asarray(size * usual > _STEPS * matrix.resolution)


def _copied_years(matrix: Matrix, equal: BoolArray, movable: BoolArray) -> dict[int, int]:
    """Column → units that repeat: many of those that should move, or nearly all where few do so in other years."""
    present = np.sum(np.isfinite(matrix.values) & (matrix.values != 0), axis=0)
    counts = np.sum(equal & movable, axis=0)
    able = np.sum(movable & np.isfinite(matrix.values), axis=0)
    copied = (counts >= _FEW) & (counts > _SHARE * np.maximum(able, 1))
    alike = np.sum(equal & (matrix.values != 0), axis=0)
    share = alike / np.maximum(present, 1)
    usual = float(np.median(share[1:])) if len(share) > 1 else 1.0
    whole = (alike >= _FEW) & (share > _WHOLE) & (usual < 0.5)
    return {int(t): int(max(counts[t], alike[t])) for t in np.flatnonzero(copied | whole)}


def _copied_units(matrix: Matrix) -> Iterator[Finding]:
    rows: FloatArray = matrix.values[:, np.any(np.isfinite(matrix.values), axis=0)]
    seen: dict[bytes, int] = {}
    for i, row in enumerate(rows):
        figures = row[np.isfinite(row)]
        telling = np.unique(figures[np.abs(figures) >= 100 * matrix.resolution])
        if len(telling) < _SAME_ROW:
            continue
        other = seen.setdefault(row.tobytes(), i)
        if other != i:
            note = f"all {len(figures)} figures equal those of {matrix.units[other]}"
            yield Finding(
                "repeated_unit",
                matrix.source,
                matrix.spec.key,
                matrix.units[i],
                matrix.periods[-1],
                matrix.number(i, -1),
                None,
                float(len(figures)),
                note,
                matrix.periods[0],
            )
