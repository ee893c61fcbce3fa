"""Two sources of the same figure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ruralpanel.contracts.measures import MeasureError, convert_factor
from ruralpanel.contracts.units import normal
from ruralpanel.reconcile.finding import Finding
from ruralpanel.reconcile.matrix import Matrix

_TOLERANCE = 0.002  # relative, beyond rounding
_MOST = 1 / 3  # of the units of a period: beyond, one finding stands for all
_FEW = 5


def other_sources(series: Sequence[Matrix]) -> Iterator[Finding]:
    """Figures on which two sources disagree beyond rounding and 0.2 % (check ``other_source``).

    Compared are series that a sidecar declares to be the same (``same_as: other_source.series``), and series of
    different sources that bear the same title or label in convertible measures.
    """
    for first, second, factor in _pairs(series):
        other = second.aligned(first) * factor
        slack = (first.resolution + second.resolution * factor) / 2
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.log(first.values / other)
        size = np.maximum(np.abs(first.values), np.abs(other))
        with np.errstate(invalid="ignore"):
            wrong = np.abs(first.values - other) > slack + _TOLERANCE * size
        compared = np.sum(np.isfinite(first.values) & np.isfinite(other), axis=0)
        for t, period in enumerate(first.periods):
            rows = np.flatnonzero(wrong[:, t])
            if len(rows) >= _FEW and len(rows) > _MOST * compared[t]:
                off = float(np.median(np.nan_to_num(ratio[rows, t])))
                note = f"{len(rows)} of {compared[t]} units differ from {second.name}"
                sums = float(np.sum(first.values[rows, t])), float(np.sum(other[rows, t]))
                yield _finding(first, second, "", period, *sums, off, note)
                continue
            for i in rows:
                value, expected = float(first.values[i, t]), float(other[i, t])
                off = float(ratio[i, t]) if np.isfinite(ratio[i, t]) else float(np.sign(value - expected))
                yield _finding(
                    first, second, first.units[i], period, value, expected, off, f"differs from {second.name}"
                )


def _finding(
    first: Matrix, second: Matrix, unit: str, period: int, value: float, expected: float, off: float, note: str
) -> Finding:
    return Finding(
        "other_source", first.source, first.spec.key, unit, period, value, expected, off, note, 0, (second.name,)
    )


def _pairs(series: Sequence[Matrix]) -> Iterator[tuple[Matrix, Matrix, float]]:
    by_name = {matrix.name: matrix for matrix in series}
    done: set[frozenset[str]] = set()
    for first in series:
        named = [by_name[name] for name in first.spec.same_as if name in by_name]
        alike = [second for second in series if second.source != first.source and _titles(first) & _titles(second)]
        for second in [*named, *alike]:
            pair = frozenset((first.name, second.name))
            if len(pair) == 2 and pair not in done:
                done.add(pair)
                factor = _factor(second.spec.measure, first.spec.measure)
                if factor is not None:
                    yield first, second, factor


def _titles(matrix: Matrix) -> set[str]:
    spec = matrix.spec
    return {normal(title) for title in (spec.title_in_file, spec.label_zh, spec.label) if title}


def _factor(old: str, new: str) -> float | None:
    try:
        return 1.0 if old == new else convert_factor(old, new)
    except MeasureError:
        return 1.0 if old == new else None
