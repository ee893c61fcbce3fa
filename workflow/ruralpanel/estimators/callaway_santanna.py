"""Group-time effects and their averages (Callaway and Sant'Anna 2021)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ruralpanel.contracts.problems import CONFIGURATION, Problem, UserError
from ruralpanel.estimators.base import FloatArray
from ruralpanel.estimators.cohorts import Paths
from ruralpanel.estimators.doubly_robust import NoOverlapError, doubly_robust, means


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
    starts, found = paths.cohorts.start, []
    for start in paths.cohorts.starts:
        base = start - 1
        for period in range(start if post_only else 0, paths.y.shape[1]):
            if period == base:
                continue
            later = paths.cohorts.periods.size if comparison == "never" else max(period, base) + 1
            others = (starts >= later) & (starts != start)
            cell = _cell(paths, start, period, base, others, where)
            if cell is not None:
                found.append(cell)
    if not any(cell.post for cell in found):
        fix = "use comparison: not_yet" if comparison == "never" else "widen the sample"
        raise UserError(
            Problem(CONFIGURATION, f"{where}.comparison", f"nobody to compare with ({comparison})", "such units", fix)
        )
    return tuple(found)


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


def by_cohort(paths: Paths, every: tuple[Cell, ...]) -> dict[int, Average]:
    """Mean over the periods under treatment of each cohort (by its start)."""
    found = {}
    for start in sorted({cell.start for cell in every}):
        own = [cell for cell in every if cell.start == start and cell.post]
        if own:
            influence = np.mean([cell.influence for cell in own], axis=0)
            found[start] = Average(float(np.mean([cell.estimate for cell in own])), influence)
    return found


def by_period(paths: Paths, every: tuple[Cell, ...]) -> dict[int, Average]:
    """Mean over the cohorts under treatment in each period (by its position)."""
    found = {}
    for period in sorted({cell.period for cell in every if cell.post}):
        found[period] = weighted(paths, [cell for cell in every if cell.post and cell.period == period])
    return found


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
    own = paths.cohorts.start == start
    use = (own | others) & np.isfinite(change)
    n = int(use.sum())
    treated = own[use].astype(float)
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
                    f"{error}, cohort {cohort:g} in {year}",
                    "covariates at which treated and untreated units both occur",
                    "use fewer controls, a larger sample, or method: imputation",
                )
            ) from error
    else:
        estimate, influence = means(change[use], treated)
    full = np.zeros(use.size)
    full[use] = influence * (use.size / n)
    return Cell(start, period, estimate, full)
