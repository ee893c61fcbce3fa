"""Changes of a series from year to year, and those that stand out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ruralpanel.data.reconcile.findings import Finding, FloatArray, Matrix, median, midmean, resolution, spread
from ruralpanel.project.measures import MeasureError, parse
from ruralpanel.project.notes import Note, reason
from ruralpanel.project.periods import written

ENOUGH_UNITS = 5  # fewer say nothing of a common change
ENOUGH_YEARS = 4  # changes of one unit; with fewer the fault itself is the unit's habit


@dataclass(frozen=True)
class Changes:
    """Changes of one series, on a log scale (figures with negative ones among them: relative to the median size).

    All arrays are (units, periods); the first period and figures without an earlier one are NaN.

    Attributes
    ----------
    matrix : the series.
    change : log figure less log of the unit's previous figure.
    gap : years between the two. since : the earlier period (0: none).
    common (t) : the midmean of the changes of a period.
    rest : change less `common` less the unit's usual departure from it.
    year_spread (t) : robust spread of `rest` within a period.
    scale : the spread that `rest` is judged by: the largest of the period's, the unit's and the series' own.
    slack : how much of a change rounding explains at most.
    size : the median size that changes are relative to; None: they are of logs.
    """

    matrix: Matrix
    change: FloatArray
    gap: FloatArray
    since: FloatArray
    common: FloatArray
    rest: FloatArray
    year_spread: FloatArray
    scale: FloatArray
    slack: FloatArray
    size: float | None


def changes(matrix: Matrix) -> Changes:
    """Split the changes of a series by robust two-way sweeping."""
    level, slack, size = _level(matrix)
    earlier, gap, since, before = _earlier(level, slack, matrix.periods)
    change = level - earlier
    counts = np.sum(np.isfinite(change), axis=0)
    common = np.where(counts >= ENOUGH_UNITS, midmean(change), 0.0)
    common[counts == 0] = np.nan
    departure = (change - common) / gap
    by_unit = np.sum(np.isfinite(change), axis=1)
    usual = np.where(by_unit >= ENOUGH_YEARS, median(departure, axis=1), 0.0)
    rest = change - common - usual[:, None] * gap
    root = np.sqrt(gap)
    year_spread = np.where(counts >= ENOUGH_UNITS, spread(rest, axis=0), 0.0)
    unit_spread = np.where(by_unit > ENOUGH_YEARS, spread(rest / root, axis=1), 0.0)
    pooled = float(spread(rest / root)) if np.any(np.isfinite(rest)) else 0.0
    scale = np.fmax(np.broadcast_to(year_spread, rest.shape), np.fmax(unit_spread[:, None], pooled) * root)
    return Changes(matrix, change, gap, since, common, rest, year_spread, scale, slack + before, size)


def _level(matrix: Matrix) -> tuple[FloatArray, FloatArray, float | None]:
    values = matrix.values
    half = np.array([_step(matrix, t) for t in range(values.shape[1])])[None, :] / 2
    if np.nanmin(values, initial=0.0) < 0:
        size = float(median(np.abs(values[values != 0]))) or 1.0
        return values / size, np.broadcast_to(half / size, values.shape), size
    safe = np.maximum(values, half)
    return np.log(safe), np.log1p(half / safe), None


def _step(matrix: Matrix, t: int) -> float:
    """The step in which the figures of one period are printed, where there are enough to see it."""
    figures = matrix.values[:, t]
    return resolution(figures) if np.sum(np.isfinite(figures)) >= ENOUGH_UNITS else matrix.resolution


def _earlier(
    level: FloatArray, slack: FloatArray, periods: tuple[int, ...]
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """The unit's previous figure, the years since, its period, and its rounding slack."""
    column = np.where(np.isfinite(level), np.arange(level.shape[1])[None, :], -1)
    last = np.maximum.accumulate(column, axis=1)
    previous = np.concatenate([np.full((len(level), 1), -1), last[:, :-1]], axis=1)
    known = (previous >= 0) & np.isfinite(level)
    at = np.where(known, previous, 0)
    years = np.asarray(periods, dtype=np.float64)
    earlier = np.take(years, at)
    since = np.where(known, earlier, 0.0)
    gap = np.where(known, years[None, :] - earlier, np.nan)
    at += np.arange(level.size, step=level.shape[1])[:, None]  # places in the whole table
    return np.where(known, np.take(level, at), np.nan), gap, since, np.where(known, np.take(slack, at), np.nan)


# Tuned on the shipped series (tests/data/test_reconcile.py): every fault that their sidecars name is found, and series
# that nobody doubts give less than two findings in a thousand figures.
_LARGE = 3.0  # spreads, for a change beyond `jump`
_CERTAIN = 6.0  # spreads, for a change beyond a fifth of `jump`
_SMALL = 0.2
_COMMON = 3.5  # spreads of the other years' common changes
_LEAST_COMMON = 0.03  # log points; smaller ones are business cycles
_ERRORS = 2.5  # standard errors of the common change itself
_PRIOR = 0.03  # spread of common changes where fewer than `_ENOUGH_OTHERS` other years show it
_ENOUGH_OTHERS = 4
_SCATTER = 3.0  # times the spread of the other years
_LEAST_SCATTER = 0.008


def unit_jumps(series: Changes, jump: float) -> Iterator[Finding]:
    """Changes of one unit that neither the year nor the unit's habit explains (check ``jump``; ``spike`` where the next
    change takes it back).

    A change counts when, rounding deducted, it is beyond `jump` (log points, times the root of the years it spans) and
    beyond 3 robust spreads, or beyond a fifth of `jump` and 6 spreads.
    """
    matrix = series.matrix
    excess = np.abs(series.rest) - series.slack
    root = np.sqrt(series.gap)
    with np.errstate(invalid="ignore"):
        wrong = (excess > jump * root) & (excess > _LARGE * series.scale)
        wrong |= (excess > _SMALL * jump * root) & (excess > _CERTAIN * series.scale)
    taken_back: set[tuple[int, int]] = set()
    for i, t in np.argwhere(wrong):
        if (i, t) in taken_back:
            continue
        following = _next(series, i, t)
        rest = float(series.rest[i, t])
        spike = following is not None and _mirrors(rest, float(series.rest[i, following]))
        if spike and following is not None:
            taken_back.add((i, following))
        value = matrix.number(i, t)
        since = int(series.since[i, t])
        change, common = float(series.change[i, t]), float(series.common[t])
        message = f"changes by {change:+.2f} (log) from {since}, all units by {common:+.2f}"
        seen = reason(message, "finding_change", change=change, since=written(since), common=common)
        numbers = value, _without(value, rest, series), rest
        yield matrix.finding("spike" if spike else "jump", i, t, numbers, seen, since)


def _next(series: Changes, i: int, t: int) -> int | None:
    later = np.flatnonzero(np.isfinite(series.rest[i, t + 1 :]))
    return int(t + 1 + later[0]) if len(later) else None


def _mirrors(first: float, second: float) -> bool:
    return first * second < 0 and min(abs(first), abs(second)) > 0.6 * max(abs(first), abs(second))


def _without(value: float | None, rest: float, series: Changes) -> float | None:
    if value is None:
        return None
    if series.size is not None:
        return value - rest * series.size
    return float(max(value, series.matrix.resolution / 2) * np.exp(-rest))


def common_jumps(series: Changes) -> Iterator[Finding]:
    """Years whose common change is out of line with the other years' (check ``common_jump``): a new definition, a new
    sample, another vintage; and years in which the units scatter as in no other (check ``spread``): a rebasing.
    """
    matrix = series.matrix
    if _is_growth(matrix.spec.measure):
        return  # growth rates of a year move together: business cycles
    counts = np.sum(np.isfinite(series.change), axis=0)
    usable = counts >= max(ENOUGH_UNITS, 0.4 * len(matrix.units))
    gap = median(series.gap, axis=0)
    rate = series.common / gap
    for t in np.flatnonzero(usable):
        others = np.flatnonzero(usable & (np.arange(len(usable)) != t))
        if len(others) < 2:
            continue
        since = int(median(series.since[np.isfinite(series.change[:, t]), t]))
        root = float(np.sqrt(gap[t]))
        usual = float(median(rate[others]))
        off = float(series.common[t] - usual * gap[t])
        scale = float(spread(rate[others] - usual)) * root
        if len(others) < _ENOUGH_OTHERS:
            scale = max(scale, _PRIOR * root)
        error = 1.25 * float(series.year_spread[t]) / float(np.sqrt(counts[t]))
        if abs(off) > max(_COMMON * scale, _ERRORS * error, _LEAST_COMMON * root):
            note = reason(
                f"all units change by {series.common[t]:+.3f} (log) from {since}, "
                f"in other years by {usual:+.3f} a year",
                "finding_common_change",
                common=float(series.common[t]),
                since=written(since),
                usual=usual,
            )
            yield _of_year(series, int(t), "common_jump", off, note, since)
        if len(others) >= _ENOUGH_OTHERS:
            normal = float(median(series.year_spread[others] / np.sqrt(gap[others]))) * root
            here = float(series.year_spread[t])
            floor = max(normal, float(median(series.slack[:, t])) / 2)
            if here > _LEAST_SCATTER and here > _SCATTER * floor > 0:
                note = reason(
                    f"changes from {since} scatter by {here:.3f} (log) over the units, in other years by {normal:.3f}",
                    "finding_scatter",
                    since=written(since),
                    scatter=here,
                    usual=normal,
                )
                yield _of_year(series, int(t), "spread", here / floor, note, since)


def _is_growth(measure: str) -> bool:
    try:
        return "previous year" in parse(measure).base
    except MeasureError:
        return False


def _of_year(series: Changes, t: int, check: str, size: float, note: Note, since: int) -> Finding:
    matrix = series.matrix
    value = float(median(matrix.values[:, t]))
    expected = value * float(np.exp(-size)) if check == "common_jump" else None
    return matrix.finding(check, None, t, (value, expected, size), note, since)
