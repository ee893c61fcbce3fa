"""Units that stand out from all others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set

import numpy as np

from ruralpanel.contracts.measures import MeasureError, parse
from ruralpanel.reconcile.finding import Finding
from ruralpanel.reconcile.matrix import FloatArray, Matrix
from ruralpanel.reconcile.robust import median, spread

_SPREADS = 7.0
_LEAST = 1.4  # log points: a factor of four
_ENOUGH_UNITS = 15
_MOST_SERIES = 300  # companions tried; the search is quadratic in them


def outliers(series: Sequence[Matrix], verified: Set[tuple[str, str, str]] = frozenset()) -> Iterator[Finding]:
    """Units whose figures are out of line with the other units' (check ``outlier``).

    Compared are logs of a unit's median over the periods. Provinces differ by size a hundredfold, so each series of a
    source is seen in proportion to its companion: the series of that source whose ratio to it varies least over units
    (by the robust spread) among those in the same kind of measure, or none where the plain figures vary less. A unit
    stands out when its ratio is off by more than 7 spreads and a factor of four. `verified` holds the (source, series,
    unit) whose parts add up to their total: they need no such check.
    """
    for source in dict.fromkeys(matrix.source for matrix in series):
        mine = [matrix for matrix in series if matrix.source == source][:_MOST_SERIES]
        yield from _of_source(mine, verified)


def _of_source(series: Sequence[Matrix], verified: Set[tuple[str, str, str]]) -> Iterator[Finding]:
    units = sorted({unit for matrix in series for unit in matrix.units})
    place = {unit: i for i, unit in enumerate(units)}
    levels = np.full((len(series), len(units)), np.nan)
    for s, matrix in enumerate(series):
        if np.nanmin(matrix.values, initial=0.0) < 0:
            continue
        with np.errstate(divide="ignore"):
            typical = np.log(median(np.where(matrix.values > 0, matrix.values, np.nan), axis=1))
        levels[s, [place[unit] for unit in matrix.units]] = typical
    kinds = np.array([_kind(matrix.spec.measure) for matrix in series])
    for s, matrix in enumerate(series):
        companion, off, scale = _best(np.where((kinds == kinds[s])[:, None], levels, np.nan), s)
        if off is None or scale <= 0:
            continue
        for i in np.flatnonzero(np.abs(off) > max(_SPREADS * scale, _LEAST)):
            if (matrix.source, matrix.spec.key, units[i]) in verified:
                continue
            beside = "" if companion is None else f" in proportion to {series[companion].spec.key}"
            row = matrix.units.index(units[i])
            present = np.flatnonzero(np.isfinite(matrix.values[row]))
            t, since = int(present[-1]), matrix.periods[present[0]] if len(present) > 1 else 0
            value = matrix.number(row, t)
            expected = None if value is None else value * float(np.exp(-off[i]))
            involved = () if companion is None else (series[companion].name,)
            note = f"{np.exp(abs(off[i])):.3g} times {'more' if off[i] > 0 else 'less'} than usual{beside}"
            yield Finding(
                "outlier",
                matrix.source,
                matrix.spec.key,
                units[i],
                matrix.periods[t],
                value,
                expected,
                float(off[i]),
                note,
                since,
                involved,
            )


def _kind(measure: str) -> str:
    try:
        return parse(measure).base
    except MeasureError:
        return measure


def _best(levels: FloatArray, s: int) -> tuple[int | None, FloatArray | None, float]:
    """The companion of series `s` (None: none), every unit's departure, and its spread."""
    own = levels[s]
    if np.sum(np.isfinite(own)) < _ENOUGH_UNITS:
        return None, None, 0.0
    ratios = own - levels
    ratios[s] = own  # in place of its ratio to itself: the series alone
    ratios = ratios - median(ratios, axis=1)[:, None]
    common = np.sum(np.isfinite(ratios), axis=1)
    scales = np.where(common >= max(_ENOUGH_UNITS, 0.9 * np.sum(np.isfinite(own))), spread(ratios, axis=1), np.inf)
    # A companion that moves in lockstep is the same figure under another name; it would make rounding an outlier.
    best = int(np.argmin(np.where(scales > 0.02, scales, np.inf)))
    if not np.isfinite(scales[best]):
        return None, None, 0.0
    return (None if best == s else best), ratios[best], float(scales[best])
