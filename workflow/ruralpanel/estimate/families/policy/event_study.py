"""Event studies: effects of a policy by period, the test of what came before it, and bounds where trends may differ."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ruralpanel.estimate.base.parts import Parts
from ruralpanel.estimate.base.policy_parts import Event, HonestDid, LeadsRandomised, Pretrend
from ruralpanel.estimate.base.results import Design, Fit, FloatArray
from ruralpanel.estimate.base.rows import Test
from ruralpanel.estimate.families.policy import dynamics, placebo, regressions
from ruralpanel.estimate.families.policy.cohorts import Sample, need_no, need_no_steps, sample_of
from ruralpanel.estimate.families.policy.dynamics import Dynamic
from ruralpanel.estimate.families.policy.pretrends import joint
from ruralpanel.estimate.families.policy.regressions import EventTime
from ruralpanel.estimate.families.policy.summary import (
    effect_of,
    errors_of,
    finished,
    stream,
    treatment_summary,
)
from ruralpanel.project.kinds.estimator_keys import EventStudy, Policy
from ruralpanel.project.notes import Note, note
from ruralpanel.project.problems import UserError


def fit(design: Design) -> Fit:
    """Effects by period (``treated:1998``) or, with several dates, by event time (``event:-2``).

    Options
    -------
    ``treatment`` (by way of the design), ``method`` (twfe, callaway_santanna, imputation, stacked), ``reference`` (a
    period before treatment, or an event time; default: the last), ``comparison`` (never, not_yet), ``group_trends``
    (twfe, imputation: a linear trend of each cohort, estimated on the periods before treatment; effects are then what
    departs from it), ``draws``.

    `extra` of the result
    ---------------------
    ``event_study`` (a row per event time, for figures), ``average_effect``, ``pretrend`` (test, power,
    randomisation over treated sets), ``honest_did`` (bounds, or None with a note), ``treatment``.

    Raises
    ------
    UserError
        No period before treatment, nobody to compare with, or keys that the method does not offer.
    """
    sample = sample_of(design)
    method = design.spec.method or "twfe"
    trends = design.spec.of(Policy).group_trends
    need_no(design, method, "group_trends", trends and method not in ("twfe", "imputation"), "use twfe or imputation")
    if method in ("callaway_santanna", "matched"):
        need_no_steps(design, method)
    if trends:
        return _with_trends(sample, method)
    effects = dynamics.dynamic(sample, method)
    test, pretrend = dynamics.pretrend(effects, sample)
    bounds, notes = _bounds(effects, design)
    if method in ("twfe", "callaway_santanna") and sample.cohorts.single:
        pretrend = replace(pretrend, randomisation=_randomised(sample, effects))
        if pretrend.randomisation is None and design.spec.options.gives("draws"):
            notes = (*notes, note("draws_without_use"))
    extra = Parts(
        event_study=dynamics.event_rows(effects),
        average_effect=dynamics.mean_after(effects),
        pretrend=pretrend,
        honest_did=bounds,
        treatment=treatment_summary(sample),
        null=("honest_did",) if bounds is None else (),
    )
    return finished(effects.fit, sample, {"pretrend": test}, notes, extra)


def _bounds(effects: Dynamic, design: Design) -> tuple[HonestDid | None, tuple[Note, ...]]:
    try:
        return dynamics.honest(effects, f"models.{design.spec.name}"), ()
    except UserError as error:
        return None, (note("no_bounds", reason=error.reason),)
    except (np.linalg.LinAlgError, ValueError):
        return None, (note("no_bounds_zero_errors"),)


def _randomised(sample: Sample, effects: Dynamic) -> LeadsRandomised | None:
    periods = list(sample.design.periods)
    before = np.array([periods.index(effects.times[i].period or 0) for i in effects.before], dtype=np.intp)
    draws = sample.design.spec.of(EventStudy).draws
    reference = periods.index(effects.reference.period or 0)
    return placebo.leads(sample, before, reference, draws, stream(sample.design, "pretrend"))


def _with_trends(sample: Sample, method: str) -> Fit:
    """Effects as departures from the trends of the cohorts; what came before is tested for being a line."""
    regressions.need_pre_periods(sample.design, sample.cohorts, 2, "group_trends")
    times = regressions.event_times(sample.design, sample.cohorts)
    after = tuple(time for time in times if time.post)
    if method == "twfe":
        effects = regressions.dynamic(sample.design, sample.cohorts, after, group_trends=True)
    else:
        effects = dynamics.dynamic(sample, method).fit
    errors = errors_of(effects, sample.design)
    saturated = dynamics.dynamic(replace(sample, design=_untrended(sample.design)), method)
    before, test = _departures(saturated, sample)
    place = [effects.terms.index(time.term) for time in after if time.term in effects.terms]
    target = np.zeros(effects.params.size)
    target[place] = 1.0 / len(place)
    rows = [
        dynamics.at(time, effect_of(float(effects.params[i]), float(errors.vcov[i, i]), float(errors.df[i])))
        for time, i in zip(after, place, strict=True)
    ]
    average = effect_of(float(target @ effects.params), float(target @ errors.vcov @ target), errors.least_df)
    extra = Parts(
        event_study=(*before, *rows),
        average_effect=average,
        pretrend=Pretrend(errors=errors.note, statistic=test.statistic, p_value=test.p_value),
        treatment=treatment_summary(sample),
        null=("honest_did",),
    )
    return finished(effects, sample, {"pretrend": test}, (note("departures_from_trend"),), extra)


def _departures(effects: Dynamic, sample: Sample) -> tuple[list[Event], Test]:
    """Effects before treatment less the line through them, and the joint test that they lie on a line."""
    place = effects.before
    times: list[EventTime] = [effects.times[i] for i in place]
    order = sorted([*times, effects.reference], key=lambda time: time.event_time)
    where = order.index(effects.reference)
    levels = np.insert(np.eye(len(place)), where, 0.0, axis=0)
    dates = np.array([float(time.event_time) for time in order])
    line = np.column_stack([np.ones(dates.size), dates])
    maker = (np.eye(dates.size) - line @ np.linalg.pinv(line)) @ levels
    beta, vcov = effects.fit.params[place], effects.errors.vcov[np.ix_(place, place)]
    df = effects.errors.least_df
    estimates, variances = maker @ beta, np.diag(maker @ vcov @ maker.T)
    rows = [
        dynamics.at(time, effect_of(float(e), float(max(v, 0.0)), df))
        for time, e, v in zip(order, estimates, variances, strict=True)
    ]
    bends: FloatArray = np.diff(np.diff(levels, axis=0) / np.diff(dates)[:, None], axis=0)
    return rows, joint(dynamics.leads_of(effects, sample, bends))


def _untrended(design: Design) -> Design:
    options = design.spec.of(Policy).changed(group_trends=False)
    return replace(design, spec=replace(design.spec, options=options))
