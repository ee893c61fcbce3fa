"""Means of effects over groups and times, and their errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ruralpanel.estimate.base.groups import compact
from ruralpanel.estimate.base.parts import Parts
from ruralpanel.estimate.base.policy_parts import PlaceboDate, TreatedCohort, TreatmentSummary
from ruralpanel.estimate.base.results import Design, Fit, FloatArray
from ruralpanel.estimate.base.rows import Effect, Test
from ruralpanel.estimate.families.policy.cohorts import Cohorts, Sample
from ruralpanel.estimate.inference.covariance import critical_values, p_values
from ruralpanel.estimate.inference.methods import raw
from ruralpanel.estimate.inference.validity import generator, refuse
from ruralpanel.project.notes import Note, note
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import InferenceSpec

LEAST_TREATED = 2
"""Treated (and untreated) units that errors by clusters need: with one its residuals are zero."""

FEW_TREATED = 8
"""Below this a note says that clustered errors are too small (MacKinnon and Webb 2018)."""


def treatment_summary(sample: Sample) -> TreatmentSummary:
    """Counts of units, and each cohort's date and units."""
    cohorts, units = sample.cohorts, sample.design.units
    return TreatmentSummary(
        n_treated=int(cohorts.treated.sum()),
        n_untreated=int((~cohorts.treated).sum()),
        periods_before=int(min(cohorts.starts)),
        cohorts=tuple(
            TreatedCohort(
                cohorts.date(start),
                int(cohorts.periods[start]),
                tuple(units[i] for i in np.flatnonzero(cohorts.start == start)),
            )
            for start in cohorts.starts
        ),
    )


def finished(fit: Fit, sample: Sample, tests: Mapping[str, Test], notes: tuple[Note, ...], extra: Parts) -> Fit:
    """The fit with its rows counted in the original design, and with the sample's notes and losses."""
    lost = {**sample.dropped, **fit.n_dropped}
    unused = sample.rows.size - np.unique(fit.rows).size - sum(fit.n_dropped.values())
    if unused > 0:
        lost["in_no_comparison"] = unused
    return replace(
        fit,
        rows=sample.rows[fit.rows],
        tests={**fit.tests, **tests},
        notes=(*sample.notes, *fit.notes, *notes, *pre_period_notes(sample), *few_treated(sample)),
        n_dropped=lost,
        extra=extra,
    )


def pre_period_notes(sample: Sample) -> tuple[Note, ...]:
    """A note where what came before treatment is a single difference or none."""
    before = min(sample.cohorts.starts)
    if before > 2:
        return ()
    code = "one_period_before" if before == 1 else "two_periods_before"
    whose = "all" if sample.cohorts.single else "first"
    return (note(code, whose=whose, periods=[int(period) for period in sample.design.periods[:before]]),)


def few_treated(sample: Sample) -> tuple[Note, ...]:
    """A note where clustered errors rest on few treated or untreated units."""
    treated, others = int(sample.cohorts.treated.sum()), int((~sample.cohorts.treated).sum())
    least, who = min((treated, "treated"), (others or treated, "untreated"))
    if least >= FEW_TREATED:
        return ()
    return (note(f"few_{who}", units=least),)


def need_treated(sample: Sample, method: str, otherwise: str) -> tuple[Note, ...]:
    """Stop where errors clustered by unit cannot be had, unless allowed (``few_treated``); `otherwise`: what to do.

    Raises
    ------
    UserError
        Fewer than two treated units.
    """
    treated = int(sample.cohorts.treated.sum())
    if treated >= LEAST_TREATED:
        return ()
    return refuse(
        sample.design,
        "few_treated",
        f"{treated} treated unit with method {method}",
        f"at least {LEAST_TREATED}: the residuals of a single treated unit say nothing of its noise",
        otherwise,
        where="treatment",
        reason=note("needs_treated", treated=treated, least=LEAST_TREATED),
    )


def stream(design: Design, what: str) -> np.random.Generator:
    """Random numbers of one use within one model."""
    return generator(design.seed, design.spec.name, what)


@dataclass(frozen=True)
class Errors:
    """Covariance matrix (k, k) of a fit's terms, degrees of freedom (k,) of t, and what it is."""

    vcov: FloatArray
    df: FloatArray
    note: Note
    n_clusters: int

    @property
    def least_df(self) -> float:
        """The smallest degrees of freedom."""
        return float(np.min(self.df))


def errors_of(fit: Fit, design: Design) -> Errors:
    """By the model's first setting that gives a covariance matrix, else clustered by unit (CR1, t with G − 1).

    Raises
    ------
    UserError
        Not even the latter applies: too few units.
    """
    for setting in design.spec.inference:
        if setting.method in ("wild_cluster", "permutation", "treatment", "own"):
            continue
        try:
            inference = raw(fit, design, setting, 0)
        except UserError:
            continue
        if inference.vcov is not None and inference.df is not None:
            break
    else:
        inference = raw(fit, design, InferenceSpec("cluster"), 0)
    assert inference.vcov is not None and inference.df is not None
    clusters = inference.n_clusters or int(compact(design.unit_codes[fit.rows]).max()) + 1
    return Errors(
        inference.vcov,
        inference.df,
        note(f"errors_{inference.method}", **({"by": inference.by} if inference.by else {})),
        clusters,
    )


def placebo_date(shift: int, cohorts: Cohorts, effect: Effect) -> PlaceboDate:
    """The effect of a placebo date, with the dates at which cohorts are taken to start."""
    first = tuple(int(cohorts.periods[start]) for start in cohorts.starts)
    return PlaceboDate(shift=shift, first=first[0] if len(first) == 1 else first, **vars(effect))


def effect_of(estimate: float, variance: float, df: float) -> Effect:
    """Estimate, error, p-value and 95 % interval."""
    error = float(np.sqrt(variance))
    reach = float(critical_values(np.array(df))) * error
    p = float(p_values(np.array(estimate / error), np.array(df))) if error > 0 else float("nan")
    return Effect(
        estimate=float(estimate),
        std_error=error,
        df=float(df),
        p_value=p,
        ci_low=float(estimate - reach),
        ci_high=float(estimate + reach),
    )
