"""Policies estimated cohort by cohort: stacked designs, and matched comparison units."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ruralpanel.estimate.base.absorb import Absorbed
from ruralpanel.estimate.base.groups import compact
from ruralpanel.estimate.base.results import Design, Fit, FloatArray, IntArray
from ruralpanel.estimate.families import linear
from ruralpanel.estimate.families.policy.cohorts import Cohorts, Paths
from ruralpanel.estimate.families.policy.regressions import STATIC, EventTime
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError

Weigh = Callable[[int, IntArray, IntArray], FloatArray]
"""(start, treated units, other units) → weights of the other units; zero leaves a unit out."""


@dataclass(frozen=True)
class Stack:
    """Rows of all experiments, one below the other.

    Attributes
    ----------
    rows : (m,) indices into the design. experiment : (m,) codes. treated : (m,) the experiment's treated units.
    event_time : (m,) period less the cohort's first treated period, for treated and others alike.
    weights : (m,).
    """

    rows: IntArray
    experiment: IntArray
    treated: np.ndarray[tuple[int], np.dtype[np.bool_]]
    event_time: FloatArray
    weights: FloatArray


def stack(design: Design, cohorts: Cohorts, comparison: str, weigh: Weigh | None = None) -> Stack:
    """Put the experiments together.

    Parameters
    ----------
    comparison : ``never``, or ``not_yet``: units first treated later too, up to their own treatment.
    weigh : weights of the other units; default: those of Wing, Freedman and Hollingsworth.

    Raises
    ------
    UserError
        A cohort without comparison after treatment.
    """
    parts: list[tuple[IntArray, int, np.ndarray[Any, Any], FloatArray, FloatArray]] = []
    members = [np.flatnonzero(cohorts.start == start) for start in cohorts.starts]
    compared = [
        np.flatnonzero(cohorts.start > start if comparison == "not_yet" else ~cohorts.treated)
        for start in cohorts.starts
    ]
    pooled = sum(len(others) for others in compared) / int(cohorts.treated.sum())
    for number, (start, treated, others) in enumerate(zip(cohorts.starts, members, compared, strict=True)):
        rows = np.flatnonzero(_eligible(design, cohorts, treated, others)).astype(np.intp)
        codes = design.unit_codes[rows]
        after = (design.period_codes[rows] >= start) & _members(design, others)[codes]
        if not after.any():
            raise UserError(
                Problem(
                    CONFIGURATION,
                    f"models.{design.spec.name}.comparison",
                    f"nobody to compare the cohort of {cohorts.date(start):g} with ({comparison})",
                    "units that are untreated after its treatment",
                    "use comparison: not_yet, or widen the sample",
                )
            )
        equal = np.full(others.size, pooled * treated.size / others.size)
        weight = equal if weigh is None else weigh(start, treated, others)
        by_unit = np.zeros(len(design.units))
        by_unit[treated] = 1.0
        by_unit[others] = weight
        rows = rows[by_unit[design.unit_codes[rows]] > 0]
        time = np.asarray(cohorts.periods[design.period_codes[rows]] - cohorts.date(start), dtype=float)
        codes = design.unit_codes[rows]
        parts.append((rows, number, _members(design, treated)[codes], time, by_unit[codes]))
    return Stack(
        rows=np.concatenate([part[0] for part in parts]),
        experiment=np.concatenate([np.full(part[0].size, part[1], dtype=np.intp) for part in parts]),
        treated=np.concatenate([part[2] for part in parts]).astype(bool),
        event_time=np.concatenate([part[3] for part in parts]),
        weights=np.concatenate([part[4] for part in parts]),
    )


def static(design: Design, stacked: Stack) -> Fit:
    """The effect of being under treatment, pooled over experiments."""
    return _regress(design, stacked, under_treatment(stacked), (STATIC,))


def dynamic(design: Design, stacked: Stack, times: tuple[EventTime, ...]) -> Fit:
    """Effects by event time, pooled over experiments."""
    return _regress(design, stacked, indicators(stacked, times), tuple(time.term for time in times))


def under_treatment(stacked: Stack) -> FloatArray:
    """(m, 1) one where an experiment's treated unit is under treatment."""
    return (stacked.treated & (stacked.event_time >= 0)).astype(float)[:, None]


def present(stacked: Stack, times: Iterable[EventTime]) -> tuple[EventTime, ...]:
    """Those of `times` at which some treated unit has a row."""
    return tuple(time for time in times if np.any(stacked.treated & (stacked.event_time == time.event_time)))


def indicators(stacked: Stack, times: tuple[EventTime, ...]) -> FloatArray:
    """(m, k) one where an experiment's treated unit is at the event time."""
    return np.column_stack([(stacked.treated & (stacked.event_time == t.event_time)).astype(float) for t in times])


def effect(design: Design, stacked: Stack) -> float:
    """The estimate of `static` alone."""
    root, space = _space(design, stacked)
    under = under_treatment(stacked) * root[:, None]
    left = space.residuals(under)[:, 0]
    size = float(left @ left)
    if design.x.shape[1] or size <= 1e-9 * float(np.sum(under**2)):
        return float(static(design, stacked).params[0])
    return float(left @ (design.y[stacked.rows] * root) / size)


def _space(design: Design, stacked: Stack) -> tuple[FloatArray, Absorbed]:
    """Roots of the weights, and the effects of units and periods within experiments."""
    rows = stacked.rows
    weights = stacked.weights if design.weights is None else stacked.weights * design.weights[rows]
    root = np.sqrt(weights / weights.mean())
    factors = tuple(
        compact(stacked.experiment * (int(codes.max()) + 1) + codes[rows])
        for codes in (design.unit_codes, design.period_codes)
    )
    return root, Absorbed(rows.size, factors, None, root)


def _regress(design: Design, stacked: Stack, columns: FloatArray, terms: tuple[str, ...]) -> Fit:
    rows, (root, space) = stacked.rows, _space(design, stacked)
    wide = replace(design, terms=(*terms, *design.terms))
    x = np.hstack([columns, design.x[rows]]) * root[:, None]
    return linear.solve(wide, x, design.y[rows] * root, rows, space, ("unit", "period"))


def _eligible(
    design: Design, cohorts: Cohorts, treated: IntArray, others: IntArray
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """(n,) rows of the experiment: all of its treated units, and of the others those before their own treatment."""
    units = design.unit_codes
    clean = design.period_codes < cohorts.start[units]
    return np.asarray(_members(design, treated)[units] | (_members(design, others)[units] & clean))


def _members(design: Design, units: IntArray) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """(units,) whether each unit is among `units`."""
    inside = np.zeros(len(design.units), dtype=bool)
    inside[units] = True
    return inside


NEAREST = 3
"""Comparison units for each treated unit, taken with replacement."""


@dataclass(frozen=True)
class Matches:
    """For each treated unit of a cohort its nearest comparison units.

    Attributes
    ----------
    treated : (m,) units. nearest : (m, k) units, nearest first. distance : (m, k).
    """

    treated: IntArray
    nearest: IntArray
    distance: FloatArray

    def weights(self, others: IntArray) -> FloatArray:
        """How often each of `others` is matched, over k: its weight beside treated units of weight one."""
        counts = np.bincount(self.nearest.ravel(), minlength=int(others.max()) + 1)
        return np.asarray(counts[others] / self.nearest.shape[1])


def match(paths: Paths, start: int, treated: IntArray, others: IntArray, where: str, k: int = NEAREST) -> Matches:
    """The `k` units whose path before position `start` is nearest to each treated unit's.

    Paths are taken less their own mean over these periods: unit effects take the levels, what matters is the movement.
    Distance: root mean square over the periods that both have. Controls enter by their means over these periods, each
    in standard deviations between units, times the paths' own spread. Ties go to the unit listed first.

    Raises
    ------
    UserError
        Fewer than two periods before treatment: there is no movement to match.
    """
    if start < 2:
        raise UserError(
            Problem(
                CONFIGURATION,
                f"{where}.method",
                f"matched with {start} period before treatment",
                "at least 2 periods before treatment, whose changes are matched",
                "use method: twfe",
            )
        )
    before = paths.y[:, :start]
    moves = before - np.nanmean(before, axis=1, keepdims=True)
    spread = float(np.nanstd(moves)) or 1.0
    gaps = moves[treated][:, None, :] - moves[others][None, :, :]
    square = np.nanmean(gaps**2, axis=2)
    if paths.x.shape[2]:
        means = np.nanmean(paths.x[:, :start], axis=1)
        scaled = spread * means / np.where(means.std(axis=0) > 0, means.std(axis=0), 1.0)
        square = square + ((scaled[treated][:, None, :] - scaled[others][None, :, :]) ** 2).sum(axis=2)
    distance = np.sqrt(square)
    order = np.argsort(distance, axis=1, kind="stable")[:, : min(k, others.size)]
    return Matches(treated, others[order], np.take_along_axis(distance, order, axis=1))
