"""Difference in differences: one effect of a policy, by several methods, with placebos."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ruralpanel.estimate.base.parts import Parts
from ruralpanel.estimate.base.policy_parts import Aggregations, GroupMean, Match, PlaceboDate, Randomisation
from ruralpanel.estimate.base.results import Design, Fit
from ruralpanel.estimate.base.rows import Test
from ruralpanel.estimate.families.policy import (
    callaway_santanna,
    did_synthetic,
    dynamics,
    event_study,
    imputation,
    placebo,
    regressions,
    stacked,
)
from ruralpanel.estimate.families.policy.cohorts import Cohorts, Sample, need_no, need_no_steps, paths_of, sample_of
from ruralpanel.estimate.families.policy.summary import (
    effect_of,
    errors_of,
    finished,
    need_treated,
    placebo_date,
    stream,
    treatment_summary,
)
from ruralpanel.project.kinds.estimator_keys import Did, EventStudy, Policy
from ruralpanel.project.notes import note
from ruralpanel.project.problems import UserError

TERM = regressions.STATIC


@dataclass(frozen=True)
class Method:
    """How one method estimates.

    Attributes
    ----------
    fit : with everything that inference needs. point : the estimate alone, for placebos.
    """

    fit: Callable[[Sample], Fit]
    point: placebo.Point


def fit(design: Design) -> Fit:
    """The effect on the treated (term ``treated``).

    Options
    -------
    ``treatment`` (by way of the design); ``method``:

    twfe
        two-way fixed effects, with ``group_trends`` beside each cohort's own linear trend
    callaway_santanna
        mean of group-time effects, each since the last period before treatment; controls doubly robust
    imputation
        mean of outcomes less those imputed from rows without treatment; ``group_trends``
    stacked
        one experiment per cohort, pooled
    matched
        two-way fixed effects against the untreated units that moved most alike before treatment
    synthetic, synthetic_control
        weighted untreated units (and periods)

    ``comparison`` (never, not_yet: callaway_santanna, stacked), ``draws`` (placebos).

    `extra` of the result
    ---------------------
    ``treatment``, ``randomisation`` (p over treated sets), ``placebo_dates``, ``leave_one_treated_out``,
    ``event_study`` and ``pretrend``, and by method ``two_by_two`` (what a two-way effect is the mean of),
    ``group_time`` and ``aggregations``, ``matches``, ``weights``.

    Raises
    ------
    UserError
        Nobody to compare with, missing cells with a synthetic method, or keys that the method does not offer.
    """
    sample = sample_of(design)
    name = design.spec.method or "twfe"
    _check_keys(sample, name)
    if name in did_synthetic.METHODS:
        return did_synthetic.fit(sample, name)
    overrides = need_treated(sample, name, _otherwise(sample))
    method = METHODS[name]
    fitted = method.fit(sample)
    tests, event = _before(sample, name)
    extra = replace(
        fitted.extra,
        treatment=treatment_summary(sample),
        event_study=event.event_study,
        pretrend=event.pretrend,
        pretrend_note=event.pretrend_note,
        null=event.null,
        randomisation=randomisation(sample, name),
        placebo_dates=placebo_dates(sample, method),
        leave_one_treated_out=placebo.leave_one_out(plain(sample), method.point),
    )
    return finished(replace(fitted, overrides=overrides), sample, tests, (), extra)


def refit(design: Design) -> Fit:
    """The estimate and its errors alone, without randomisation, placebo dates and pre-trend test."""
    name, sample = design.spec.method or "twfe", sample_of(design)
    if name in did_synthetic.METHODS:
        _check_keys(sample, name)
        return did_synthetic.refit(sample, name)
    sample = plain(sample)
    fitted = METHODS[name].fit(sample)
    return replace(fitted, rows=sample.rows[fitted.rows])


def _otherwise(sample: Sample) -> str:
    """What to advise with one treated unit: synthetic methods, where they apply to this panel."""
    try:
        did_synthetic.check(sample, "synthetic")
    except UserError:
        return "use a panel with more treated units"
    return "use method: synthetic or synthetic_control, whose errors come from placebos"


def placebo_dates(sample: Sample, method: Method) -> tuple[PlaceboDate, ...]:
    """Estimates from rows without treatment, had treatment started 1, 2, … periods earlier."""
    rows = []
    for shift, earlier in placebo.earlier(plain(sample)):
        try:
            fitted = method.fit(earlier)
            errors = errors_of(fitted, earlier.design)
        except UserError:
            continue
        effect = effect_of(float(fitted.params[0]), float(errors.vcov[0, 0]), float(errors.df[0]))
        rows.append(placebo_date(shift, earlier.cohorts, effect))
    return tuple(rows)


def randomisation(sample: Sample, name: str) -> Randomisation:
    """Randomisation over treated sets by method `name`; the number of draws is the model's key ``draws``."""
    options = sample.design.spec.of(Did)
    rng = stream(sample.design, "randomisation")
    if name in did_synthetic.METHODS:
        return did_synthetic.randomisation(sample, name, options.draws or did_synthetic.DRAWS, rng)
    trends = options.group_trends if name == "twfe" else None
    return placebo.treated_sets(plain(sample), METHODS[name].point, options.draws, rng, trends)


def plain(sample: Sample) -> Sample:
    """The sample for auxiliary estimates: terms that cannot be told apart left out."""
    design = sample.design
    return replace(sample, design=replace(design, spec=replace(design.spec, drop_absorbed=True)))


def _check_keys(sample: Sample, name: str) -> None:
    design, options = sample.design, sample.design.spec.of(Did)
    need_no(
        design,
        name,
        "group_trends",
        options.group_trends and name not in ("twfe", "imputation"),
        "use twfe or imputation",
    )
    if name in ("callaway_santanna", "matched"):
        need_no_steps(design, name)
    compared = options.comparison == "not_yet" and name not in ("callaway_santanna", "stacked")
    need_no(design, name, "comparison: not_yet", compared, "use callaway_santanna or stacked")


def _before(sample: Sample, name: str) -> tuple[dict[str, Test], Parts]:
    """The pre-trend test by the same method's effects by event time; nothing where there is one period before."""
    try:
        study = event_study.fit(_as_event_study(sample, name))
    except UserError as error:
        return {}, Parts(pretrend_note=str(error.problems[0].found), null=("event_study", "pretrend"))
    kept = Parts(event_study=study.extra.event_study, pretrend=study.extra.pretrend)
    return {"pretrend": study.tests["pretrend"]}, kept


def _as_event_study(sample: Sample, name: str) -> Design:
    spec = plain(sample).design.spec
    dated = replace(sample.design.extra, first_treated=sample.cohorts.first)
    options = EventStudy.model_construct(**{key: getattr(spec.options, key) for key in spec.options.model_fields_set})
    spec = replace(spec, estimator="event_study", method=name, options=options)
    return replace(sample.design, spec=spec, extra=dated)


def _twfe(sample: Sample) -> Fit:
    trends = sample.design.spec.of(Policy).group_trends
    fitted = regressions.static(sample.design, sample.cohorts, trends)
    comparisons = regressions.bacon(sample.design, sample.cohorts, trends)
    fitted = replace(fitted, extra=Parts(two_by_two=comparisons))
    if sample.cohorts.single:
        return fitted
    return replace(fitted, notes=(*fitted.notes, note("dates_differ")))


def _twfe_point(design: Design, cohorts: Cohorts) -> float:
    trends = design.spec.of(Policy).group_trends
    return float(regressions.static(design, cohorts, trends).params[0])


def _callaway_santanna(sample: Sample) -> Fit:
    paths, cells = dynamics.group_time_cells(sample)
    mean = callaway_santanna.simple(paths, cells)
    fitted = dynamics.from_scores(
        sample.design, (TERM,), np.array([mean.estimate]), dynamics.by_unit(sample.design, mean.influence[:, None])
    )
    groups = callaway_santanna.by_cohort(cells)
    periods = paths.cohorts.periods

    def numbers(average: callaway_santanna.Average, first: int | None = None, period: int | None = None) -> GroupMean:
        return GroupMean(first, period, average.estimate, float(np.sqrt(average.variance)))

    by_period = callaway_santanna.by_period(paths, cells)
    extra = Parts(
        group_time=tuple(
            numbers(
                callaway_santanna.Average(cell.estimate, cell.influence),
                paths.cohorts.date(cell.start),
                int(periods[cell.period]),
            )
            for cell in cells
        ),
        aggregations=Aggregations(
            simple=numbers(mean),
            group=numbers(callaway_santanna.over_cohorts(paths, groups)),
            by_cohort=tuple(numbers(m, paths.cohorts.date(s)) for s, m in groups.items()),
            by_period=tuple(numbers(m, period=int(periods[t])) for t, m in by_period.items()),
        ),
    )
    return replace(fitted, extra=extra)


def _callaway_santanna_point(design: Design, cohorts: Cohorts) -> float:
    paths = paths_of(design, cohorts)
    where = f"models.{design.spec.name}"
    cells = callaway_santanna.cells(paths, dynamics.comparison_of(design), where, post_only=True)
    return callaway_santanna.simple(paths, cells).estimate


def _imputation(sample: Sample) -> Fit:
    design, cohorts = sample.design, sample.cohorts
    imputed = imputation.impute(design, cohorts, design.spec.of(Policy).group_trends)
    groups = regressions.treated_rows(design, cohorts)[:, None]
    estimates, scores = imputation.averages(design, cohorts, imputed, groups)
    notes = (note("not_imputed", rows=imputed.lost),) if imputed.lost else ()
    return dynamics.from_scores(design, (TERM,), estimates, scores, ("unit", "period"), notes)


def _imputation_point(design: Design, cohorts: Cohorts) -> float:
    trends = design.spec.of(Policy).group_trends
    return imputation.average(design, imputation.impute(design, cohorts, trends))


def _stacked(sample: Sample) -> Fit:
    stack = stacked.stack(sample.design, sample.cohorts, dynamics.comparison_of(sample.design))
    return stacked.static(sample.design, stack)


def _stacked_point(design: Design, cohorts: Cohorts) -> float:
    stack = stacked.stack(design, cohorts, dynamics.comparison_of(design))
    return stacked.effect(design, stack)


def _matched(sample: Sample) -> Fit:
    stack, matches = dynamics.matched_stack(sample.design, sample.cohorts)
    fitted = stacked.static(sample.design, stack)
    units = sample.design.units
    extra = Parts(
        matches=tuple(
            Match(units[unit], tuple(units[other] for other in nearest), tuple(float(d) for d in distance))
            for cohort in matches
            for unit, nearest, distance in zip(cohort.treated, cohort.nearest, cohort.distance, strict=True)
        )
    )
    notes = (*fitted.notes, note("matches_given"))
    return replace(fitted, extra=extra, notes=notes)


def _matched_point(design: Design, cohorts: Cohorts) -> float:
    stack, _ = dynamics.matched_stack(design, cohorts)
    return stacked.effect(design, stack)


METHODS: dict[str, Method] = {
    "twfe": Method(_twfe, _twfe_point),
    "callaway_santanna": Method(_callaway_santanna, _callaway_santanna_point),
    "imputation": Method(_imputation, _imputation_point),
    "stacked": Method(_stacked, _stacked_point),
    "matched": Method(_matched, _matched_point),
}
