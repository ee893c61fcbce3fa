"""Effects by imputation (Borusyak, Jaravel and Spiess 2024).

Unit effects, period effects, controls and, where asked for, trends of the treated cohorts are estimated on rows without
treatment; the outcome that treated rows would have had follows from them; effects are means of what is left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ruralpanel.estimate.base import scaling
from ruralpanel.estimate.base.groups import group_sums
from ruralpanel.estimate.base.results import Design, FloatArray, IntArray
from ruralpanel.estimate.families.policy import regressions
from ruralpanel.estimate.families.policy.cohorts import Cohorts
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError

EXACT = 1e-8
"""Share of a target's length that the untreated rows may fail to determine: rounding error."""


@dataclass(frozen=True)
class Imputed:
    """What imputation leaves.

    Attributes
    ----------
    treated : (n,) rows under treatment whose untreated outcome can be imputed.
    untreated : (n,) rows that it is imputed from.
    effects : (n,) outcome less imputed outcome on treated rows, residuals on untreated rows, NaN elsewhere.
    lost : treated rows that cannot be imputed (no untreated row of their unit or period).
    """

    treated: np.ndarray[tuple[int], np.dtype[np.bool_]]
    untreated: np.ndarray[tuple[int], np.dtype[np.bool_]]
    effects: FloatArray
    lost: int
    regression: _Regression


@dataclass(frozen=True)
class _Regression:
    """Least squares of the untreated rows on unit effects and `rest`; all arrays over the design's rows."""

    units: IntArray
    rest: FloatArray
    weights: FloatArray
    sums: FloatArray
    cross: FloatArray
    inverse: FloatArray
    gram: FloatArray

    @classmethod
    def of(cls, units: IntArray, rest: FloatArray, weights: FloatArray) -> _Regression:
        """`weights` (n,) are zero on rows that are not used; `sums` (units,), `cross` (units, r) belong to the used."""
        sums = np.bincount(units, weights=weights)
        safe = np.where(sums > 0, sums, 1.0)
        cross = group_sums(rest * weights[:, None], units)
        gram = (rest * weights[:, None]).T @ rest - cross.T @ (cross / safe[:, None])
        inverse: FloatArray = np.asarray(np.linalg.pinv(gram, rcond=1e-11, hermitian=True))
        return cls(units, rest, weights, safe, cross, inverse, gram)

    def fitted(self, y: FloatArray) -> FloatArray:
        """(n,) imputed outcomes of all rows."""
        by_unit = np.bincount(self.units, weights=self.weights * y, minlength=self.sums.size)
        slopes = self.inverse @ ((self.rest * self.weights[:, None]).T @ y - self.cross.T @ (by_unit / self.sums))
        level = (by_unit - self.cross @ slopes) / self.sums
        return np.asarray(level[self.units] + self.rest @ slopes)

    def shares(self, target: FloatArray) -> tuple[FloatArray, FloatArray]:
        """What each untreated row contributes to ``-target' @ fitted``, (n, k), and what cannot be determined, (k,)."""
        by_unit = group_sums(target, self.units)
        by_rest = self.rest.T @ target
        wanted = by_rest - self.cross.T @ (by_unit / self.sums[:, None])
        slopes = self.inverse @ wanted
        level = (by_unit - self.cross @ slopes) / self.sums[:, None]
        missing = np.abs(wanted - self.gram @ slopes).max(axis=0, initial=0.0)
        return -self.weights[:, None] * (level[self.units] + self.rest @ slopes), missing


def impute(design: Design, cohorts: Cohorts, group_trends: bool = False) -> Imputed:
    """Effects on every treated row.

    Raises
    ------
    UserError
        No treated row can be imputed, or `group_trends` with a cohort that has a single period before treatment.
    """
    under = regressions.treated_rows(design, cohorts) > 0
    units, periods = design.unit_codes, design.period_codes
    untreated = np.bincount(units[~under], minlength=len(design.units)) > 0
    common = np.bincount(periods[~under], minlength=len(design.periods)) > 0
    possible = under & untreated[units] & common[periods]
    if not possible.any():
        raise UserError(
            Problem(
                CONFIGURATION,
                f"models.{design.spec.name}.treatment",
                "no treated row whose unit and period both occur without treatment",
                "untreated units in the periods under treatment",
                "widen the sample",
            )
        )
    columns = [np.eye(len(design.periods))[periods], scaling.spanning(design.x)]
    if group_trends:
        regressions.need_pre_periods(design, cohorts, 2, "group_trends")
        columns.append(regressions.trends(design, cohorts)[0])
    weights = np.ones(under.size) if design.weights is None else design.weights
    regression = _Regression.of(units, np.hstack(columns), np.where(under, 0.0, weights))
    left = design.y - regression.fitted(design.y)
    return Imputed(
        possible, ~under, np.where(possible | ~under, left, np.nan), int((under & ~possible).sum()), regression
    )


def average(design: Design, imputed: Imputed) -> float:
    """Mean effect over the treated rows (weighted where the design is)."""
    weights = np.ones(design.y.size) if design.weights is None else design.weights
    use = imputed.treated
    return float(weights[use] @ imputed.effects[use] / weights[use].sum())


def averages(design: Design, cohorts: Cohorts, imputed: Imputed, groups: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Means of the effects over groups of rows, and each row's score.

    Parameters
    ----------
    groups : (n, k) one where a row belongs to the group; treated rows alone count.

    Returns
    -------
    estimates (k,) and scores (n, k): the estimate less the truth is approximately the sum of the scores, the effects
    of a cohort in a period being taken as equal, which makes errors larger rather than smaller (section 4.3 of the
    paper). A cohort of a single unit is taken together with the others of its event time.

    Raises
    ------
    UserError
        The untreated rows do not determine an effect (a control that varies under treatment alone, disconnected units).
    """
    weights = np.ones(design.y.size) if design.weights is None else design.weights
    inside = groups * (weights * imputed.treated)[:, None]
    share = inside / inside.sum(axis=0)
    effects = np.where(imputed.treated, imputed.effects, 0.0)
    estimates = effects @ share
    shares, missing = imputed.regression.shares(share)
    if np.any(missing > EXACT):
        raise UserError(
            Problem(
                CONFIGURATION,
                f"models.{design.spec.name}",
                "effects that the rows without treatment do not determine",
                "controls and trends that vary before treatment, and units linked by common periods",
                "leave controls or group_trends out",
            )
        )
    scores = np.where(imputed.untreated, imputed.effects, 0.0)[:, None] * shares
    alike = _alike(design, cohorts)
    for j in range(groups.shape[1]):
        square = share[:, j] ** 2
        total = np.bincount(alike, weights=square)
        mean = np.bincount(alike, weights=square * effects) / np.where(total > 0, total, 1.0)
        scores[:, j] += share[:, j] * (effects - mean[alike])
    return np.asarray(estimates), scores


def _alike(design: Design, cohorts: Cohorts) -> IntArray:
    """(n,) codes of the rows whose effects are taken as equal: cohort × period, or event time for cohorts of one."""
    sizes = {start: int((cohorts.start == start).sum()) for start in cohorts.starts}
    start = cohorts.start[design.unit_codes]
    alone = np.array([sizes.get(int(s), 2) == 1 for s in start])
    width = len(design.periods)
    cells = start * width + design.period_codes
    shared = (width + 1) * width + np.maximum(design.period_codes - start, 0)
    return np.asarray(np.unique(np.where(alone, shared, cells), return_inverse=True)[1], dtype=np.intp)
