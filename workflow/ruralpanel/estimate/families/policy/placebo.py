"""Placebos: other treated sets, earlier dates, one treated unit fewer."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from ruralpanel.estimate.base.effects import absorbed_space, root_weights
from ruralpanel.estimate.base.groups import group_sums
from ruralpanel.estimate.base.policy_parts import LeadsRandomised, Randomisation, WithoutUnit
from ruralpanel.estimate.base.results import Design, FloatArray, IntArray
from ruralpanel.estimate.families.policy import regressions
from ruralpanel.estimate.families.policy.cohorts import Cohorts, Sample, cohorts_of, paths_of, sample_of, take
from ruralpanel.project.problems import UserError, tracked

Point = Callable[[Design, Cohorts], float]
"""The method's estimate for a design and treatment dates, without errors."""

Scaled = Callable[[Design, Cohorts], tuple[float, float]]
"""The same, and what the estimate is divided by before it is compared."""

TIE = 1e-10
CELLS = 200_000
"""Rows × assignments worked on at once: what stays near the processor."""

ALONE = 400
"""Units × dates up to which the regressors of assignments are put together from those of single units."""

MOST_CELLS = 200_000_000
"""Rows × draws beyond which the default number of draws is cut."""

MOST_LEFT_OUT = 60
"""Treated units beyond which none is left out in turn."""

DRAWS = {"fast": 9_999, "slow": 999}


def treated_sets(
    sample: Sample,
    point: Point,
    draws: int | None,
    rng: np.random.Generator,
    group_trends: bool | None = None,
    scaled: Scaled | None = None,
) -> Randomisation:
    """Randomisation over treated sets: the treatment dates change hands, every unit keeps its whole path.

    All assignments are gone through where they are no more than the draws, else random ones are drawn. The p-value
    counts the sample's own assignment.

    Parameters
    ----------
    point : estimate of one assignment. draws : None: 9,999 for two-way fixed effects, else 999; fewer in large panels.
    group_trends : not None: two-way fixed effects, for which many assignments are worked on at once and t statistics
        with errors clustered by unit are compared, so that unequal variances do not count as an effect. Otherwise the
        estimates themselves are compared.
    scaled : the estimate together with what it is divided by before it is compared (the misfit before treatment).
    """
    fast, plain = group_trends is not None, scaled is None
    size = draws or max(99, min(DRAWS["fast" if fast else "slow"], MOST_CELLS // sample.design.y.size))
    orders, enumerated = _orders(sample.cohorts, size, rng)
    if fast:
        estimates, statistics = _two_way(sample, orders, bool(group_trends))
    else:
        what = f"treated sets of model {sample.design.spec.name}"
        scaled = scaled or (lambda design, cohorts: (point(design, cohorts), 1.0))
        found = np.array([_quietly(scaled, sample, order) for order in tracked(orders, len(orders), what)])
        estimates, sizes = found.T
        statistics = np.abs(estimates) / np.where(sizes > 0, sizes, np.nan)
    valid = np.isfinite(statistics)
    drawn = estimates[1:][valid[1:]]
    low, high = np.quantile(drawn, [0.025, 0.975]).tolist() if drawn.size else (float("nan"), float("nan"))
    return Randomisation(
        p_value=_p(statistics[valid]) if valid[0] else float("nan"),
        p_value_estimate=_p(np.abs(estimates[valid])) if valid[0] else float("nan"),
        statistic="t_by_unit" if fast else "estimate" if plain else "over_misfit",
        draws=int(drawn.size),
        enumerated=enumerated,
        placebo_low=low,
        placebo_high=high,
    )


def leave_one_out(sample: Sample, point: Point) -> tuple[WithoutUnit, ...]:
    """The estimate without each treated unit in turn.

    Empty with more than `MOST_LEFT_OUT` treated units, none of which can matter much.
    """
    rows: list[WithoutUnit] = []
    if int(sample.cohorts.treated.sum()) > MOST_LEFT_OUT:
        return ()
    treated = np.flatnonzero(sample.cohorts.treated)
    for unit in tracked(treated, treated.size, f"treated units left out of model {sample.design.spec.name}"):
        kept = np.flatnonzero(sample.design.unit_codes != unit).astype(np.intp)
        design = take(sample.design, kept)
        cohorts = cohorts_of(design, np.delete(sample.cohorts.first, unit))
        estimate = _or_nan(point, design, cohorts) if cohorts.treated.any() else float("nan")
        rows.append(WithoutUnit(sample.design.units[unit], estimate))
    return tuple(rows)


def leads(
    sample: Sample, periods: IntArray, reference: int, draws: int, rng: np.random.Generator
) -> LeadsRandomised | None:
    """Randomisation p-value of the joint test that treated and others moved alike before treatment.

    The statistic is the Wald statistic of the differences in mean changes since the reference, with the variances of
    the two groups of the assignment at hand; treated sets change hands as in `treated_sets`.

    Parameters
    ----------
    periods : (k,) positions of the periods before treatment. reference : position of the reference.

    None where the differences
    are not those of two-way effects (several dates, controls, weights) or the groups are too small for the statistic.
    """
    design = sample.design
    paths = paths_of(design, sample.cohorts)
    full = np.isfinite(paths.y[:, [*periods, reference]]).all(axis=1)
    cohorts = replace(sample.cohorts, first=sample.cohorts.first[full], start=sample.cohorts.start[full])
    smallest = min(int(cohorts.treated.sum()), int((~cohorts.treated).sum()))
    plain = sample.cohorts.single and not paths.x.shape[2] and design.weights is None
    if not plain or not periods.size or smallest < 2 or cohorts.start.size <= periods.size + 2:
        return None
    orders, _ = _orders(cohorts, draws, rng)
    changes = paths.y[full][:, periods] - paths.y[full][:, [reference]]
    changes = changes - changes.mean(axis=0)
    inside = cohorts.treated[orders].astype(float)
    products = (changes[:, :, None] * changes[:, None, :]).reshape(changes.shape[0], -1)
    means, parts = [], []
    for group in (inside, 1.0 - inside):
        size = group.sum(axis=1, keepdims=True)
        mean = group @ changes / size
        square = (group @ products / size).reshape(-1, periods.size, periods.size)
        means.append(mean)
        parts.append((square - mean[:, :, None] * mean[:, None, :]) / size[:, :, None])
    gap = (means[0] - means[1])[:, :, None]
    variance = parts[0] + parts[1]
    scale = np.trace(variance, axis1=1, axis2=2)[:, None, None] * np.eye(periods.size)
    if not np.all(scale[:, 0, 0] > 0):
        return None
    wald = np.squeeze(np.swapaxes(gap, 1, 2) @ np.linalg.solve(variance + 1e-12 * scale, gap))
    return LeadsRandomised(_p(wald), int(full.sum()), len(orders) - 1)


def earlier(sample: Sample) -> Iterator[tuple[int, Sample]]:
    """Placebo dates: treated rows are left out and treatment is taken to start 1, 2, … periods earlier.

    So are the periods in which all cohorts are under treatment.

    Yields the shift and the sample for as long as some cohort keeps a period before its placebo date.
    """
    under = regressions.treated_rows(sample.design, sample.cohorts) > 0
    rows = np.flatnonzero(~under & (sample.design.period_codes < max(sample.cohorts.starts))).astype(np.intp)
    before = take(sample.design, rows)
    periods = sample.cohorts.periods
    for shift in range(1, max(sample.cohorts.starts)):
        start = sample.cohorts.start - shift
        first = np.where(
            sample.cohorts.treated & (start >= 0), periods[np.clip(start, 0, periods.size - 1)].astype(float), np.inf
        )
        first[sample.cohorts.treated & (start < 0)] = -np.inf
        dated = replace(before.extra, first_treated=first[sample.design.unit_codes[rows]])
        try:
            yield shift, sample_of(replace(before, extra=dated))
        except UserError:
            return


def _orders(cohorts: Cohorts, draws: int, rng: np.random.Generator) -> tuple[IntArray, bool]:
    """(m, units) whose dates each unit takes; the sample's own first."""
    number = cohorts.start.size
    identity = np.arange(number)
    treated = np.flatnonzero(cohorts.treated)
    if cohorts.single and math.comb(number, treated.size) <= draws + 1:
        return np.array(list(_all_sets(number, treated))), True
    drawn = rng.permuted(np.tile(identity, (draws, 1)), axis=1)
    return np.vstack([identity, drawn]), False


def _all_sets(number: int, treated: IntArray) -> Iterator[IntArray]:
    actual = tuple(treated.tolist())
    untreated = np.setdiff1d(np.arange(number), treated)
    yield np.arange(number)
    for chosen in itertools.combinations(range(number), treated.size):
        if chosen == actual:
            continue
        order = np.empty(number, dtype=np.intp)
        order[list(chosen)] = treated
        order[np.setdiff1d(np.arange(number), chosen)] = untreated
        yield order


def _two_way(sample: Sample, orders: IntArray, group_trends: bool) -> tuple[FloatArray, FloatArray]:
    """Estimates and squared t statistics (m,) of two-way fixed effects for many assignments."""
    design, cohorts = sample.design, sample.cohorts
    rows = np.arange(design.y.size, dtype=np.intp)
    root = root_weights(design, rows)
    scale = np.ones(rows.size) if root is None else root
    space = absorbed_space(design, ("unit", "period"), rows, root)
    x = space.residuals(design.x * scale[:, None])
    basis = np.linalg.qr(x)[0] if x.shape[1] else x

    def net(columns: FloatArray) -> FloatArray:
        left = space.residuals(columns * scale[:, None])
        return np.asarray(left - basis @ (basis.T @ left))

    y = net(design.y[:, None])
    periods = cohorts.periods.astype(float)[design.period_codes]
    after = {start: (design.period_codes >= start).astype(float) for start in cohorts.starts}
    treatment = _Assigned.of(after, sample, net)
    since = {start: periods - cohorts.periods[start - 1] for start in cohorts.starts if group_trends}
    trends = [_Assigned.of({start: line}, sample, net) for start, line in since.items()]
    estimates, statistics = np.empty(len(orders)), np.empty(len(orders))
    step = max(1, CELLS // rows.size)
    for begin in range(0, len(orders), step):
        taken = cohorts.start[orders[begin : begin + step]]
        z = treatment.net(taken)
        left = np.broadcast_to(y, z.shape)
        done: list[FloatArray] = []
        for assigned in trends:
            trend = assigned.net(taken)
            for other in done:
                trend = _without(trend, other)
            z, left = _without(z, trend), _without(left, trend)
            done.append(trend)
        size = np.einsum("ij,ij->j", z, z)
        slopes = np.einsum("ij,ij->j", z, left) / size
        scores = group_sums(z * (left - z * slopes), design.unit_codes)
        estimates[begin : begin + step] = slopes
        with np.errstate(divide="ignore", invalid="ignore"):
            statistics[begin : begin + step] = (slopes * size) ** 2 / np.einsum("ij,ij->j", scores, scores)
    return estimates, statistics


@dataclass(frozen=True)
class _Assigned:
    """A regressor that each unit takes with its date, for many assignments of the dates.

    Attributes
    ----------
    lines : date → (n,) the regressor of a unit that has it; `codes` (n,) units of the rows. projected : makes (n, m)
        columns net of effects and controls. alone : date → (n, units) net columns of each unit as the only one with
        that date, of which any assignment's are sums; None with more than `ALONE` units, where they take more room
        than they save time.
    """

    lines: Mapping[int, FloatArray]
    codes: IntArray
    projected: Callable[[FloatArray], FloatArray]
    alone: Mapping[int, FloatArray] | None

    @classmethod
    def of(
        cls, lines: Mapping[int, FloatArray], sample: Sample, projected: Callable[[FloatArray], FloatArray]
    ) -> _Assigned:
        """For the sample's units."""
        codes, units = sample.design.unit_codes, sample.cohorts.start.size
        own = codes[:, None] == np.arange(units)
        few = units * len(lines) <= ALONE
        alone = {start: projected(own * line[:, None]) for start, line in lines.items()} if few else None
        return cls(lines, codes, projected, alone)

    def net(self, taken: IntArray) -> FloatArray:
        """(n, m) net columns where each unit takes the dates of `taken` (m, units)."""
        columns = np.zeros((self.codes.size, len(taken)))
        for start, line in self.lines.items():
            has = (taken == start).T
            columns += has[self.codes] * line[:, None] if self.alone is None else self.alone[start] @ has.astype(float)
        return self.projected(columns) if self.alone is None else columns


def _without(columns: FloatArray, by: FloatArray) -> FloatArray:
    """`columns` less their projections on those of `by`, column by column."""
    size = np.einsum("ij,ij->j", by, by)
    size = np.where(size > 1e-12 * by.shape[0], size, np.inf)
    return np.asarray(columns - by * (np.einsum("ij,ij->j", by, columns) / size))


def _p(statistics: FloatArray) -> float:
    """Share of assignments at least as far from zero as the first, which is the sample's own and counts itself."""
    if not statistics.size:
        return float("nan")
    return float(np.mean(statistics >= statistics[0] * (1.0 - TIE)))


def _quietly(scaled: Scaled, sample: Sample, order: IntArray) -> tuple[float, float]:
    try:
        return scaled(sample.design, sample.cohorts.permuted(order))
    except UserError:
        return float("nan"), float("nan")


def _or_nan(point: Point, design: Design, cohorts: Cohorts) -> float:
    try:
        return point(design, cohorts)
    except UserError:
        return float("nan")
