"""Effects by event time, by any of the methods, and what is read from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ruralpanel.estimate.base.groups import compact, group_sums
from ruralpanel.estimate.base.policy_parts import Event, HonestDid, Pretrend
from ruralpanel.estimate.base.results import Design, Fit, FloatArray, IntArray
from ruralpanel.estimate.base.rows import Effect, Test
from ruralpanel.estimate.families.policy import callaway_santanna, honest_did, imputation, regressions, stacked
from ruralpanel.estimate.families.policy.cohorts import Cohorts, Paths, Sample, cohorts_of, need_no, paths_of, take
from ruralpanel.estimate.families.policy.pretrends import Leads, degrees, joint, power
from ruralpanel.estimate.families.policy.regressions import EventTime
from ruralpanel.estimate.families.policy.summary import Errors, effect_of, errors_of
from ruralpanel.estimate.inference.covariance import critical_values
from ruralpanel.project.kinds.estimator_keys import Policy
from ruralpanel.project.notes import Note, note
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError

Times = tuple[EventTime, ...]


@dataclass(frozen=True)
class Dynamic:
    """Effects by event time.

    Attributes
    ----------
    fit : its first terms are those of `times`, in order. times : all event times but the reference.
    reference : the event time measured against. errors : covariance of the fit's terms.
    """

    fit: Fit
    times: tuple[EventTime, ...]
    reference: EventTime
    errors: Errors

    @property
    def before(self) -> list[int]:
        """Positions of the event times before treatment."""
        return [i for i, time in enumerate(self.times) if not time.post]

    @property
    def after(self) -> list[int]:
        """Positions of the event times under treatment."""
        return [i for i, time in enumerate(self.times) if time.post]


def dynamic(sample: Sample, method: str) -> Dynamic:
    """Effects by event time by the named method (twfe, callaway_santanna, imputation, stacked, matched)."""
    design, cohorts = sample.design, sample.cohorts
    reference = regressions.reference_of(design, cohorts)
    times = tuple(time for time in regressions.event_times(design, cohorts) if time != reference)
    fit, kept = METHODS[method](sample, times, reference)
    if not any(time.post for time in kept):
        found = "no period under treatment in which treated units can be compared with others"
        expected = "rows of treated and other units before and under treatment"
        raise UserError(Problem(CONFIGURATION, f"models.{design.spec.name}.treatment", found, expected))
    return Dynamic(fit, kept, reference, errors_of(fit, design))


def from_scores(
    design: Design,
    terms: tuple[str, ...],
    params: FloatArray,
    scores: FloatArray,
    absorbed: tuple[str, ...] = (),
    notes: tuple[Note, ...] = (),
) -> Fit:
    """A fit of an estimator that is no single regression: the estimate less the truth is about the sum of the scores.

    Parameters
    ----------
    scores : (n, k), one row for each row of the design. absorbed : effects that its small-sample factors count.
    """
    n, k = scores.shape
    counted = sum(int(compact(design.unit_codes if e == "unit" else design.period_codes).max()) for e in absorbed)
    return Fit(
        terms=terms,
        params=params,
        rows=np.arange(n, dtype=np.intp),
        residuals=np.zeros(n),
        bread=np.eye(k),
        scores=scores,
        df_resid=float(n - k - counted - 1),
        n_absorbed=counted + 1 if absorbed else 0,
        absorbed=absorbed,
        notes=notes,
    )


def by_unit(design: Design, influence: FloatArray) -> FloatArray:
    """Scores (n, k) from influence functions (units, k): each unit's share spread evenly over its rows."""
    counts = np.bincount(design.unit_codes)
    return np.asarray((influence / (influence.shape[0] * counts[:, None]))[design.unit_codes])


def event_rows(effects: Dynamic) -> tuple[Event, ...]:
    """The chart's data: one entry per event time in order, the reference as zero without error."""
    entries = []
    for i, time in enumerate(effects.times):
        numbers = effect_of(float(effects.fit.params[i]), float(effects.errors.vcov[i, i]), float(effects.errors.df[i]))
        entries.append(at(time, numbers))
    entries.append(at(effects.reference, Effect(estimate=0.0, ci_low=0.0, ci_high=0.0)))
    return tuple(sorted(entries, key=lambda one: one.event_time))


def mean_after(effects: Dynamic) -> Effect:
    """Plain mean of the effects under treatment."""
    target = np.zeros(effects.fit.params.size)
    target[effects.after] = 1.0 / len(effects.after)
    estimate, variance = float(target @ effects.fit.params), float(target @ effects.errors.vcov @ target)
    return effect_of(estimate, variance, effects.errors.least_df)


def pretrend(effects: Dynamic, sample: Sample) -> tuple[Test, Pretrend]:
    """Joint test of the effects before treatment, and what it could have detected."""
    leads = leads_of(effects, sample)
    test = joint(leads)
    after = np.array([_distance(effects, i) for i in effects.after])
    found = power(leads, after, np.full(after.size, 1.0 / after.size))
    return test, Pretrend(len(effects.before), effects.errors.note, test.statistic, test.p_value, found)


def leads_of(effects: Dynamic, sample: Sample, contrast: FloatArray | None = None) -> Leads:
    """The effects before treatment with their covariance and distances from the reference.

    Parameters
    ----------
    contrast : (m, leads) combinations of them to take instead.
    """
    place = effects.before
    maker = np.eye(len(place)) if contrast is None else contrast
    fit, errors = effects.fit, effects.errors
    scores = group_sums((fit.scores @ fit.bread)[:, place], sample.design.unit_codes[fit.rows]) @ maker.T
    present = np.bincount(sample.design.unit_codes[fit.rows], minlength=scores.shape[0]) > 0
    by_unit_alone = errors.note == note("errors_cluster", by="unit") and maker.size > 0
    nu = degrees(scores[present], sample.cohorts.treated[: scores.shape[0]][present]) if by_unit_alone else np.inf
    return Leads(
        beta=maker @ fit.params[place],
        vcov=maker @ errors.vcov[np.ix_(place, place)] @ maker.T,
        times=np.array([_distance(effects, i) for i in place])[: maker.shape[0]],
        nu=min(nu, errors.n_clusters - 1.0),
        df=errors.least_df,
    )


def honest(effects: Dynamic, where: str) -> HonestDid:
    """Bounds on the first effect under treatment and on the mean of all, where trends may differ.

    Raises
    ------
    UserError
        Fewer than two changes before treatment.
    """
    size = len(effects.times)
    order = sorted([*effects.times, effects.reference], key=lambda time: time.event_time)
    last = max(i for i, time in enumerate(order) if not time.post)
    beta, vcov = honest_did.rebased(
        effects.fit.params[:size], effects.errors.vcov[:size, :size], order.index(effects.reference), last
    )
    times = np.array([float(time.event_time) for time in order])
    q = size - last
    stretch = float(critical_values(np.array(effects.errors.least_df)) / critical_values(np.array(np.inf)))
    working = honest_did.autoregressive(vcov, times, last)
    first, average = (
        honest_did.bounds(honest_did.EventStudy(beta, vcov, times, weights, stretch, working), where)
        for weights in (np.eye(q)[0], np.full(q, 1.0 / q))
    )
    return HonestDid(effects.errors.note, stretch, first, average)


def matched_stack(design: Design, cohorts: Cohorts) -> tuple[stacked.Stack, tuple[stacked.Matches, ...]]:
    """Each cohort with the units never treated that moved most like its own before treatment."""
    paths, matches_of_cohorts = paths_of(design, cohorts), []

    def weigh(start: int, treated: IntArray, others: IntArray) -> FloatArray:
        matches = stacked.match(paths, start, treated, others, f"models.{design.spec.name}")
        matches_of_cohorts.append(matches)
        return matches.weights(others)

    return stacked.stack(design, cohorts, "never", weigh), tuple(matches_of_cohorts)


def comparison_of(design: Design) -> str:
    """``never`` (the default) or ``not_yet``."""
    return design.spec.of(Policy).comparison


def group_time_cells(sample: Sample) -> tuple[Paths, tuple[callaway_santanna.Cell, ...]]:
    """Group-time effects, after a look at what the method does not offer."""
    need_no(sample.design, "callaway_santanna", "weights", sample.design.weights is not None, "use method: imputation")
    paths = paths_of(sample.design, sample.cohorts)
    where = f"models.{sample.design.spec.name}"
    return paths, callaway_santanna.cells(paths, comparison_of(sample.design), where)


def _twfe(sample: Sample, times: Times, reference: EventTime) -> tuple[Fit, Times]:
    fit = regressions.dynamic(sample.design, sample.cohorts, times)
    notes = () if sample.cohorts.single else (note("event_times_mixed"),)
    return replace(fit, notes=(*fit.notes, *notes)), tuple(time for time in times if time.term in fit.terms)


def _callaway_santanna(sample: Sample, times: Times, reference: EventTime) -> tuple[Fit, Times]:
    last = max(time.event_time for time in (*times, reference) if not time.post)
    fix = "leave reference out: the base is each cohort's last period before treatment"
    need_no(sample.design, "callaway_santanna", "reference", reference.event_time != last, fix)
    paths, cells = group_time_cells(sample)
    means = callaway_santanna.by_event_time(paths, cells)
    kept = tuple(time for time in times if time.event_time in means)
    influence = np.column_stack([means[time.event_time].influence for time in kept])
    estimates = np.array([means[time.event_time].estimate for time in kept])
    scores = by_unit(sample.design, influence)
    return from_scores(sample.design, tuple(time.term for time in kept), estimates, scores), kept


def _imputation(sample: Sample, times: Times, reference: EventTime) -> tuple[Fit, Times]:
    design, cohorts = sample.design, sample.cohorts
    trends = design.spec.of(Policy).group_trends
    imputed = imputation.impute(design, cohorts, trends)
    after = tuple(time for time in times if time.post)
    groups = regressions.indicators(design, cohorts, after)
    present = (groups * imputed.treated[:, None]).sum(axis=0) > 0
    after = tuple(time for time, use in zip(after, present, strict=True) if use)
    estimates, scores = imputation.averages(design, cohorts, imputed, groups[:, present])
    before = () if trends or cohorts.treated.all() else tuple(time for time in times if not time.post)
    notes: tuple[Note, ...] = (note("not_imputed", rows=imputed.lost),) if imputed.lost else ()
    if before:
        rows = np.flatnonzero(imputed.untreated).astype(np.intp)
        part = take(_plain(design), rows)
        codes = np.unique(design.unit_codes[rows])
        fit = regressions.regress(
            part,
            regressions.indicators(part, cohorts_of(part, cohorts.dates[codes]), before),
            tuple(time.term for time in before),
        )
        before = tuple(time for time in before if time.term in fit.terms)
        place = [fit.terms.index(time.term) for time in before]
        lead_scores = np.zeros((design.y.size, len(before)))
        lead_scores[rows[fit.rows]] = (fit.scores @ fit.bread)[:, place]
        estimates, scores = np.append(fit.params[place], estimates), np.hstack([lead_scores, scores])
        notes += (note("before_from_untreated"),)
    kept = (*before, *after)
    terms = tuple(time.term for time in kept)
    return from_scores(design, terms, estimates, scores, ("unit", "period"), notes), kept


def _stacked(sample: Sample, times: Times, reference: EventTime) -> tuple[Fit, Times]:
    stack = stacked.stack(sample.design, sample.cohorts, comparison_of(sample.design))
    return _pooled(sample, stack, times)


def _matched(sample: Sample, times: Times, reference: EventTime) -> tuple[Fit, Times]:
    stack, _ = matched_stack(sample.design, sample.cohorts)
    return _pooled(sample, stack, times)


def _pooled(sample: Sample, stack: stacked.Stack, times: Times) -> tuple[Fit, Times]:
    there = stacked.present(stack, times)
    fit = stacked.dynamic(sample.design, stack, there)
    return fit, tuple(time for time in there if time.term in fit.terms)


def _plain(design: Design) -> Design:
    """The design for auxiliary regressions: terms that they cannot estimate left out."""
    return replace(design, spec=replace(design.spec, drop_absorbed=True))


def _distance(effects: Dynamic, place: int) -> float:
    return float(effects.times[place].event_time - effects.reference.event_time)


def at(time: EventTime, effect: Effect) -> Event:
    """The effect at a time from treatment: one row of a chart's data."""
    return Event(**vars(effect) | {"term": time.term}, period=time.period, event_time=time.event_time)


METHODS: dict[str, Callable[[Sample, Times, EventTime], tuple[Fit, Times]]] = {
    "twfe": _twfe,
    "callaway_santanna": _callaway_santanna,
    "imputation": _imputation,
    "stacked": _stacked,
    "matched": _matched,
}
