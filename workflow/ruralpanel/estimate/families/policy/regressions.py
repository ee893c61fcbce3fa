"""Two-way regressions of a policy: terms by time to treatment, before against after, and what that is a mean of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ruralpanel.estimate.base.policy_parts import Comparison, TwoByTwo
from ruralpanel.estimate.base.results import Design, Fit, FloatArray
from ruralpanel.estimate.families import linear
from ruralpanel.estimate.families.policy.cohorts import Cohorts, paths_of, sample_of
from ruralpanel.project.kinds.estimator_keys import Policy
from ruralpanel.project.kinds.estimators import FE
from ruralpanel.project.periods import label
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError

TREND = "treated:trend"


@dataclass(frozen=True)
class EventTime:
    """One event time that a model gives an effect for.

    Attributes
    ----------
    term : its coefficient's name: ``treated:1998`` where all treated units start together, else ``event:-2``.
    period : its calendar period, None where treated units start at different dates.
    event_time : period less first treated period, in the periods' own unit (years).
    """

    term: str
    period: int | None
    event_time: int

    @property
    def post(self) -> bool:
        """Whether treatment has started."""
        return self.event_time >= 0


def treated_rows(design: Design, cohorts: Cohorts) -> FloatArray:
    """(n,) one where the row's unit is under treatment."""
    return (design.period_codes >= cohorts.start[design.unit_codes]).astype(float)


def event_times(design: Design, cohorts: Cohorts) -> tuple[EventTime, ...]:
    """All event times in the rows of treated units, in order."""
    values = _event_time(design, cohorts)
    times = np.unique(values[np.isfinite(values)]).astype(int)
    if cohorts.single:
        first = int(cohorts.date(cohorts.starts[0]))
        return tuple(EventTime(f"treated:{label(first + e)}", first + int(e), int(e)) for e in times)
    return tuple(EventTime(f"event:{e:+d}" if e else "event:0", None, int(e)) for e in times)


def reference_of(design: Design, cohorts: Cohorts) -> EventTime:
    """The event time that effects are measured against: the declared one, else the last before treatment.

    A declared reference is a period where all treated units start together; otherwise an event time (−1: the period
    before treatment).

    Raises
    ------
    UserError
        The reference is no event time of the treated units, or not before treatment.
    """
    times = event_times(design, cohorts)
    before = [time for time in times if not time.post]
    where = f"models.{design.spec.name}.reference"
    if not before:
        raise UserError(
            Problem(
                CONFIGURATION, where, "no period before treatment", "at least one", "use a panel that begins earlier"
            )
        )
    declared = design.spec.of(Policy).reference
    if declared is None:
        return before[-1]
    for time in before:
        if declared == (time.period if cohorts.single else time.event_time):
            return time
    known = ", ".join(str(time.period if cohorts.single else time.event_time) for time in before)
    what = "a period before treatment" if cohorts.single else "an event time before treatment"
    raise UserError(Problem(CONFIGURATION, where, str(declared), f"{what}: {known}"))


def indicators(design: Design, cohorts: Cohorts, times: tuple[EventTime, ...]) -> FloatArray:
    """(n, k) one where a treated unit's row is at the event time."""
    values = _event_time(design, cohorts)
    if not times:
        return np.zeros((values.size, 0))
    return np.column_stack([(values == time.event_time).astype(float) for time in times])


def trends(design: Design, cohorts: Cohorts) -> tuple[FloatArray, tuple[str, ...]]:
    """A linear trend for each cohort of treated units, counted from the last period before its treatment; and names."""
    periods = cohorts.periods[design.period_codes].astype(float)
    columns = []
    for start in cohorts.starts:
        origin = float(cohorts.periods[start - 1])
        columns.append(np.where(cohorts.start[design.unit_codes] == start, periods - origin, 0.0))
    names = [TREND] if cohorts.single else [f"{TREND}:{cohorts.date(start):g}" for start in cohorts.starts]
    return np.column_stack(columns), tuple(names)


def need_pre_periods(design: Design, cohorts: Cohorts, least: int, what: str) -> None:
    """Stop where a cohort has fewer than `least` periods before its treatment.

    Raises
    ------
    UserError
        Some cohort begins too early.
    """
    short = [start for start in cohorts.starts if start < least]
    if short:
        raise UserError(
            Problem(
                CONFIGURATION,
                f"models.{design.spec.name}.{what}",
                f"{short[0]} period{'s' if short[0] != 1 else ''} before treatment in {cohorts.date(short[0]):g}",
                f"at least {least} periods before treatment",
                "use a panel that begins earlier",
            )
        )


def _event_time(design: Design, cohorts: Cohorts) -> FloatArray:
    """(n,) period less the unit's first treated period; −inf for units never treated in the sample."""
    return np.asarray(cohorts.periods[design.period_codes] - cohorts.dates[design.unit_codes])


STATIC = "treated"


def static(design: Design, cohorts: Cohorts, group_trends: bool = False) -> Fit:
    """The effect of being under treatment, unit and period effects and controls removed."""
    return linear.fe(static_design(design, cohorts, group_trends))


def static_design(design: Design, cohorts: Cohorts, group_trends: bool = False) -> Design:
    """The columns of `static`; with `group_trends` each cohort of treated units has a linear trend of its own too."""
    columns, terms = [treated_rows(design, cohorts)[:, None]], [STATIC]
    if group_trends:
        need_pre_periods(design, cohorts, 2, "group_trends")
        matrix, names = trends(design, cohorts)
        columns.append(matrix)
        terms += names
    return _beside_controls(design, np.hstack(columns), tuple(terms))


def dynamic(design: Design, cohorts: Cohorts, times: tuple[EventTime, ...], group_trends: bool = False) -> Fit:
    """Effects at the given event times (all but the reference, or with trends those after treatment)."""
    return linear.fe(dynamic_design(design, cohorts, times, group_trends))


def dynamic_design(
    design: Design, cohorts: Cohorts, times: tuple[EventTime, ...], group_trends: bool = False
) -> Design:
    """The columns of `dynamic`.

    Raises
    ------
    UserError
        No unit is never treated: event times, units and periods then determine each other.
    """
    if cohorts.treated.all():
        raise UserError(
            Problem(
                CONFIGURATION,
                f"models.{design.spec.name}.method",
                "twfe by event time without units that are never treated",
                "units that are never treated in the sample",
                "use method: imputation, or callaway_santanna with comparison: not_yet",
            )
        )
    columns, terms = [indicators(design, cohorts, times)], [time.term for time in times]
    if group_trends:
        need_pre_periods(design, cohorts, 2, "group_trends")
        matrix, names = trends(design, cohorts)
        columns.append(matrix)
        terms += names
    return _beside_controls(design, np.hstack(columns), tuple(terms))


def regression(design: Design) -> Design:
    """The fixed-effects regression that a model of method twfe is."""
    sample = sample_of(design)
    trends = design.spec.of(Policy).group_trends
    if design.spec.estimator == "did":
        return static_design(sample.design, sample.cohorts, trends)
    reference = reference_of(sample.design, sample.cohorts)
    times = event_times(sample.design, sample.cohorts)
    kept = tuple(time for time in times if (time.post if trends else time != reference))
    return dynamic_design(sample.design, sample.cohorts, kept, trends)


def regress(design: Design, columns: FloatArray, terms: tuple[str, ...]) -> Fit:
    """Two-way fixed effects of the outcome on `columns` and the design's controls."""
    return linear.fe(_beside_controls(design, columns, terms))


def _beside_controls(design: Design, columns: FloatArray, terms: tuple[str, ...]) -> Design:
    spec = replace(design.spec, estimator=FE, effects=("unit", "period"))
    return replace(design, x=np.hstack([columns, design.x]), terms=(*terms, *design.terms), spec=spec)


def bacon(design: Design, cohorts: Cohorts, trends: bool) -> TwoByTwo:
    """The comparisons and the estimate that they add up to; or what makes the effect another mean.

    The two-way effect is no mean of these comparisons with ``controls`` (steps of definition breaks count),
    ``weights``, ``group_trends`` or ``gaps``.
    """
    full = np.unique(design.unit_codes).size * len(design.periods)
    beside = {
        "controls": design.x.shape[1] > 0,
        "weights": design.weights is not None,
        "group_trends": trends,
        "gaps": design.y.size < full,
    }
    if any(beside.values()):
        return TwoByTwo(beside=tuple(name for name, present in beside.items() if present))
    pairs = comparisons(design, cohorts)
    estimate = sum(one.weight * one.estimate for one in pairs)
    return TwoByTwo(pairs, float(estimate))


def comparisons(design: Design, cohorts: Cohorts) -> tuple[Comparison, ...]:
    """All comparisons of a balanced panel without controls and weights (Goodman-Bacon 2021, theorem 1).

    A pair weighs the square of its rows times the variance of treatment in it, net of its own units and periods.
    """
    y, periods = paths_of(design, cohorts).y, cohorts.periods.size
    never = periods
    groups = {start: np.flatnonzero(cohorts.start == start) for start in (*cohorts.starts, never)}
    means = {start: y[members].mean(axis=0) for start, members in groups.items() if members.size}
    pairs: list[tuple[str, int, int, float, float]] = []
    for i, earlier in enumerate(cohorts.starts):
        if never in means:
            window = (0, earlier, never)
            pairs.append(("untreated", earlier, never, *_pair(means, groups, earlier, never, window)))
        for later in cohorts.starts[i + 1 :]:
            pairs.append(("earlier", earlier, later, *_pair(means, groups, earlier, later, (0, earlier, later))))
            pairs.append(("later", later, earlier, *_pair(means, groups, later, earlier, (earlier, later, never))))
    total = sum(variance for *_, variance in pairs)
    return tuple(
        Comparison(
            kind=kind,
            treated=cohorts.date(treated),
            control=None if other == never else cohorts.date(other),
            n_treated=int(groups[treated].size),
            n_control=int(groups[other].size),
            weight=variance / total,
            estimate=estimate,
        )
        for kind, treated, other, estimate, variance in pairs
    )


def _pair(
    means: dict[int, FloatArray],
    groups: dict[int, np.ndarray[Any, Any]],
    treated: int,
    other: int,
    window: tuple[int, int, int],
) -> tuple[float, float]:
    """The pair's estimate, and its rows squared times the variance of treatment in them.

    `window`: first period, first treated period and end.
    """
    first, start, end = window
    gap = means[treated] - means[other]
    estimate = float(gap[start:end].mean() - gap[first:start].mean())
    return estimate, float(groups[treated].size * groups[other].size * (start - first) * (end - start))
