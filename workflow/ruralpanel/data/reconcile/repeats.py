"""Figures that repeat others, and units that stand out from all others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set

import numpy as np

from ruralpanel.data.reconcile.findings import BoolArray, Finding, FloatArray, Matrix, median, spread
from ruralpanel.project.measures import MeasureError, parse
from ruralpanel.project.notes import reason
from ruralpanel.project.periods import written

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
        message = f"{count} units repeat their figure of {matrix.periods[t - 1]}"
        note = reason(message, "finding_repeated_year", n_units=int(count), since=written(matrix.periods[t - 1]))
        yield matrix.finding("repeated_year", None, t, (None, None, count), note, matrix.periods[t - 1])
    run = np.zeros(len(values), dtype=np.int64)
    for t in range(values.shape[1]):
        run = np.where(equal[:, t], run + 1, 0)
        ends = equal[:, t] & (run + 1 >= repeat) & movable[:, t]
        ends &= ~equal[:, t + 1] if t + 1 < values.shape[1] else True
        for i in np.flatnonzero(ends).tolist():
            first = matrix.periods[t - run[i]]
            message = f"the same figure from {first} to {matrix.periods[t]}"
            note = reason(message, "finding_repeat", since=written(first), until=written(matrix.periods[t]))
            yield matrix.finding("repeat", i, t, (matrix.number(i, t), None, float(run[i] + 1)), note, first)
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
    rows: FloatArray = np.ascontiguousarray(matrix.values[:, np.any(np.isfinite(matrix.values), axis=0)])
    if not rows.size:
        return
    # Rows alike have the same mixture of their bits; those of the same mixture are compared below.
    mixed = (rows.view(np.uint64) * np.random.default_rng(1).integers(1, 2**63, rows.shape[1], np.uint64)).sum(axis=1)
    _, kind, counts = np.unique(mixed, return_inverse=True, return_counts=True)
    seen: dict[bytes, int] = {}
    for i in np.flatnonzero(counts[kind] > 1).tolist():
        row = rows[i]
        figures = row[np.isfinite(row)]
        telling = np.unique(figures[np.abs(figures) >= 100 * matrix.resolution])
        if len(telling) < _SAME_ROW:
            continue
        other = seen.setdefault(row.tobytes(), i)
        if other != i:
            message = f"all {len(figures)} figures equal those of {matrix.units[other]}"
            note = reason(message, "finding_repeated_unit", figures=len(figures), unit=matrix.units[other])
            numbers = matrix.number(i, -1), None, float(len(figures))
            yield matrix.finding("repeated_unit", i, -1, numbers, note, matrix.periods[0])


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
        rows = {unit: row for row, unit in enumerate(matrix.units)}
        for i in np.flatnonzero(np.abs(off) > max(_SPREADS * scale, _LEAST)):
            if (matrix.source, matrix.spec.key, units[i]) in verified:
                continue
            beside = "" if companion is None else series[companion].spec.key
            row = rows[units[i]]
            present = np.flatnonzero(np.isfinite(matrix.values[row]))
            t, since = int(present[-1]), matrix.periods[present[0]] if len(present) > 1 else 0
            value = matrix.number(row, t)
            expected = None if value is None else value * float(np.exp(-off[i]))
            involved = () if companion is None else (series[companion].name,)
            times, more = float(np.exp(abs(off[i]))), off[i] > 0
            message = f"{times:.3g} times {'more' if more else 'less'} than usual"
            message += f" in proportion to {beside}" if beside else ""
            code = ("finding_more" if more else "finding_less") + ("_in_proportion" if beside else "")
            note = reason(message, code, times=times, **({"to": beside} if beside else {}))
            yield matrix.finding("outlier", row, t, (value, expected, float(off[i])), note, since, involved)


def _kind(measure: str) -> str:
    try:
        return parse(measure).base
    except MeasureError:
        return measure


def _best(levels: FloatArray, s: int) -> tuple[int | None, FloatArray | None, float]:
    """The companion of series `s` (None: none), every unit's departure, and its spread."""
    series = levels[s]
    if np.sum(np.isfinite(series)) < _ENOUGH_UNITS:
        return None, None, 0.0
    ratios = series - levels
    ratios[s] = series  # in place of its ratio to itself: the series alone
    ratios = ratios - median(ratios, axis=1)[:, None]
    common = np.sum(np.isfinite(ratios), axis=1)
    scales = np.where(common >= max(_ENOUGH_UNITS, 0.9 * np.sum(np.isfinite(series))), spread(ratios, axis=1), np.inf)
    # A companion that moves in lockstep is the same figure under another name; it would make rounding an outlier.
    best = int(np.argmin(np.where(scales > 0.02, scales, np.inf)))
    if not np.isfinite(scales[best]):
        return None, None, 0.0
    return (None if best == s else best), ratios[best], float(scales[best])
