"""Group-time effects after Callaway and Sant'Anna, doubly robust where there are covariates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ruralpanel.estimate.base import scaling
from ruralpanel.estimate.base.results import FloatArray
from ruralpanel.estimate.families.policy.cohorts import Paths
from ruralpanel.project.periods import label
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError

STEPS = 50
"""Newton steps of the logit; it converges in fewer than ten where treated and others overlap."""

OVERLAP = 0.995
"""Estimated probability of treatment above which an untreated unit is no comparison."""


class NoOverlapError(ValueError):
    """The covariates predict treatment without error, or too few untreated units are left to regress on them."""


def means(change: FloatArray, treated: FloatArray) -> tuple[float, FloatArray]:
    """Difference of the mean changes (n,) of treated (1) and others (0), and its influence function (n,).

    The estimate less the truth is approximately the mean of the influence function.
    """
    n = change.size
    inside, outside = treated.sum(), n - treated.sum()
    first = float(treated @ change / inside)
    second = float((1.0 - treated) @ change / outside)
    influence = treated * (change - first) / inside - (1.0 - treated) * (change - second) / outside
    return first - second, n * influence


def doubly_robust(change: FloatArray, treated: FloatArray, covariates: FloatArray) -> tuple[float, FloatArray]:
    """The same, given covariates (n, q) of the base period: logit of treatment, regression of the others' changes.

    Right where either the logit or the regression is. Influence function: Sant'Anna and Zhao (2020), theorem A.1, with
    estimated nuisance parameters.

    Raises
    ------
    NoOverlapError
        Treated and others cannot be compared at the same covariates.
    """
    n = change.size
    x = np.column_stack([np.ones(n), scaling.spanning(covariates)])
    others = 1.0 - treated
    if others.sum() <= x.shape[1]:
        raise NoOverlapError(f"{int(others.sum())} untreated units for {x.shape[1]} coefficients")
    score = _logit(x, treated)
    if np.any(score[others > 0] > OVERLAP):
        raise NoOverlapError("covariates that predict treatment without error")
    gram = (x * others[:, None]).T @ x / n
    if np.linalg.matrix_rank(gram) < x.shape[1]:
        raise NoOverlapError("covariates that do not vary among untreated units")
    beta = np.linalg.solve(gram, (x * others[:, None]).T @ change / n)
    left = change - x @ beta
    odds = score * others / (1.0 - score)
    at_treated = float(treated @ left / treated.sum())
    at_others = float(odds @ left / odds.sum())
    by_regression = np.linalg.solve(gram, (x * (others * left)[:, None]).T).T
    information = (x * (score * (1.0 - score))[:, None]).T @ x / n
    by_logit = np.linalg.solve(information, (x * (treated - score)[:, None]).T).T
    first = treated * (left - at_treated) - by_regression @ ((treated @ x) / n)
    second = (
        odds * (left - at_others) + by_logit @ ((odds * (left - at_others)) @ x / n) - by_regression @ ((odds @ x) / n)
    )
    return at_treated - at_others, first / treated.mean() - second / odds.mean()


def _logit(x: FloatArray, treated: FloatArray) -> FloatArray:
    """Fitted probabilities (n,)."""
    beta = np.zeros(x.shape[1])
    for _ in range(STEPS):
        p = 1.0 / (1.0 + np.exp(-np.clip(x @ beta, -35.0, 35.0)))
        weights = p * (1.0 - p)
        information = (x * weights[:, None]).T @ x
        if float(weights.max()) < 1e-8 or np.linalg.cond(information) > 1e13:
            raise NoOverlapError("covariates that predict treatment without error")
        step = np.linalg.solve(information, x.T @ (treated - p))
        beta = beta + step
        if float(np.max(np.abs(step))) < 1e-10 * (1.0 + float(np.max(np.abs(beta)))):
            break
    else:
        raise NoOverlapError("covariates that predict treatment of some units without error")
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(x @ beta, -35.0, 35.0))))


@dataclass(frozen=True)
class Cell:
    """The effect on one cohort in one period.

    Attributes
    ----------
    start, period : positions among the periods: the cohort's first treated one, and the one looked at.
    estimate : change since the last period before treatment, less that of the comparison group.
    influence : (N,) influence function over all units.
    """

    start: int
    period: int
    estimate: float
    influence: FloatArray

    @property
    def post(self) -> bool:
        """Whether treatment has started."""
        return self.period >= self.start


@dataclass(frozen=True)
class Average:
    """A weighted mean of cells with its influence function (N,)."""

    estimate: float
    influence: FloatArray

    @property
    def variance(self) -> float:
        """Of the estimate: the influence function's mean square over N (CR0 by unit)."""
        return float(self.influence @ self.influence) / self.influence.size**2


def cells(paths: Paths, comparison: str, where: str, post_only: bool = False) -> tuple[Cell, ...]:
    """All group-time effects. The base of a cohort is its last period before treatment, for every period.

    Each cell uses the units that have both periods. Covariates are those of the base period.

    Parameters
    ----------
    comparison : ``never`` (units never treated in the sample) or ``not_yet`` (units not treated in either period).

    Raises
    ------
    UserError
        Nobody to compare with, or covariates that leave no comparison.
    """
    starts, effects = paths.cohorts.start, []
    for start in paths.cohorts.starts:
        base = start - 1
        for period in range(start if post_only else 0, paths.y.shape[1]):
            if period == base:
                continue
            later = paths.cohorts.periods.size if comparison == "never" else max(period, base) + 1
            others = (starts >= later) & (starts != start)
            cell = _cell(paths, start, period, base, others, where)
            if cell is not None:
                effects.append(cell)
    if not any(cell.post for cell in effects):
        fix = "use comparison: not_yet" if comparison == "never" else "widen the sample"
        raise UserError(
            Problem(CONFIGURATION, f"{where}.comparison", f"nobody to compare with ({comparison})", "such units", fix)
        )
    return tuple(effects)


def simple(paths: Paths, every: tuple[Cell, ...]) -> Average:
    """Mean over cohorts and periods under treatment, cohorts weighing by their units."""
    return weighted(paths, [cell for cell in every if cell.post])


def by_event_time(paths: Paths, every: tuple[Cell, ...]) -> dict[int, Average]:
    """Mean by event time (period less first treated period), cohorts weighing by their units."""
    times: dict[int, list[Cell]] = {}
    for cell in every:
        time = int(paths.cohorts.periods[cell.period] - paths.cohorts.date(cell.start))
        times.setdefault(time, []).append(cell)
    return {time: weighted(paths, times[time]) for time in sorted(times)}


def by_cohort(every: tuple[Cell, ...]) -> dict[int, Average]:
    """Mean over the periods under treatment of each cohort (by its start)."""
    averages = {}
    for start in sorted({cell.start for cell in every}):
        cells_of = [cell for cell in every if cell.start == start and cell.post]
        if cells_of:
            influence = np.mean([cell.influence for cell in cells_of], axis=0)
            averages[start] = Average(float(np.mean([cell.estimate for cell in cells_of])), influence)
    return averages


def by_period(paths: Paths, every: tuple[Cell, ...]) -> dict[int, Average]:
    """Mean over the cohorts under treatment in each period (by its position)."""
    averages = {}
    for period in sorted({cell.period for cell in every if cell.post}):
        averages[period] = weighted(paths, [cell for cell in every if cell.post and cell.period == period])
    return averages


def over_cohorts(paths: Paths, groups: dict[int, Average]) -> Average:
    """Mean of the cohorts' own means, weighing by their units."""
    return weighted(paths, [Cell(start, start, mean.estimate, mean.influence) for start, mean in groups.items()])


def weighted(paths: Paths, chosen: list[Cell]) -> Average:
    """Mean of cells by the cohorts' shares of units; the influence function allows for the shares' estimation."""
    member = np.stack([(paths.cohorts.start == cell.start).astype(float) for cell in chosen], axis=1)
    share = member.mean(axis=0)
    total = float(share.sum())
    effects = np.array([cell.estimate for cell in chosen])
    deviations = member - share
    by_share = deviations / total - deviations.sum(axis=1, keepdims=True) * share / total**2
    influence = np.stack([cell.influence for cell in chosen], axis=1) @ (share / total) + by_share @ effects
    return Average(float(effects @ share / total), influence)


def _cell(paths: Paths, start: int, period: int, base: int, others: FloatArray, where: str) -> Cell | None:
    change = paths.y[:, period] - paths.y[:, base]
    members = paths.cohorts.start == start
    use = (members | others) & np.isfinite(change)
    n = int(use.sum())
    treated = members[use].astype(float)
    if not 0 < treated.sum() < n:
        return None
    if paths.x.shape[2]:
        try:
            estimate, influence = doubly_robust(change[use], treated, paths.x[use, base])
        except NoOverlapError as error:
            cohort, year = paths.cohorts.date(start), int(paths.cohorts.periods[period])
            raise UserError(
                Problem(
                    CONFIGURATION,
                    f"{where}.controls",
                    f"{error}, cohort {label(int(cohort))} in {label(year)}",
                    "covariates at which treated and untreated units both occur",
                    "use fewer controls, a larger sample, or method: imputation",
                )
            ) from error
    else:
        estimate, influence = means(change[use], treated)
    full = np.zeros(use.size)
    full[use] = influence * (use.size / n)
    return Cell(start, period, estimate, full)
