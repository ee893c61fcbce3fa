"""The effect of a policy by synthetic control and synthetic difference in differences, with placebos."""

from __future__ import annotations

import numpy as np

from ruralpanel.estimate.base.parts import Parts
from ruralpanel.estimate.base.policy_parts import CohortWeights, Event, FitBefore, PlaceboDate, Randomisation
from ruralpanel.estimate.base.results import Design, Fit, FloatArray
from ruralpanel.estimate.base.rows import Test
from ruralpanel.estimate.families.policy import placebo, synthetic
from ruralpanel.estimate.families.policy.cohorts import Cohorts, Sample, need_balance, need_no, need_no_steps, paths_of
from ruralpanel.estimate.families.policy.summary import (
    LEAST_TREATED,
    effect_of,
    finished,
    placebo_date,
    stream,
    treatment_summary,
)
from ruralpanel.project.kinds.estimator_keys import Did
from ruralpanel.project.notes import Note, note
from ruralpanel.project.periods import label
from ruralpanel.project.problems import CONFIGURATION, LOG, Problem, UserError

METHODS = {"synthetic": True, "synthetic_control": False}
"""Method → whether it is a difference in differences."""

TERM = "treated"
LEAST_BEFORE = 2
LEAST_OTHERS = 3
DRAWS = 500
"""Placebo assignments among the untreated units."""

DRAWS_EARLIER = 199
"""The same for each placebo date."""


def fit(sample: Sample, name: str) -> Fit:
    """Estimate, weights, errors and placebos.

    Errors: synthetic difference in differences by the jackknife over units with fixed weights where two units or more
    are treated, else, and synthetic control always, by placebos among the untreated units (levels are compared, so that
    a jackknife with fixed weights is dominated by whoever carries most weight); t with (units − 1) degrees of freedom.
    Both are in the result where they exist.

    Raises
    ------
    UserError
        Missing cells (unit and period named), fewer than two periods before treatment, fewer than three units never
        treated, or keys that the methods do not offer.
    """
    check(sample, name)
    design, difference, draws = sample.design, METHODS[name], _draws(sample)
    LOG.info(
        "model %s: %d units, %d placebos, %d treated sets, %d for each placebo date, one fit without each treated unit",
        design.spec.name, len(design.units), draws, min(draws, 999), DRAWS_EARLIER,
    )  # fmt: skip
    y, estimate, errors, result = _estimated(sample, name)
    dates = _placebo_dates(sample, difference)
    extra = Parts(
        treatment=treatment_summary(sample),
        weights=tuple(_weights(sample, weights) for weights in estimate.weights),
        event_study=_gaps(sample, y, estimate),
        fit_before=_fit_before(y, estimate),
        errors={key: float(np.sqrt(value)) for key, value in errors.items()},
        randomisation=randomisation(sample, name, draws, stream(design, "randomisation")),
        placebo_dates=dates,
        leave_one_treated_out=placebo.leave_one_out(sample, _point(difference)),
    )
    return finished(result, sample, _in_time(dates), (), extra)


def refit(sample: Sample, name: str) -> Fit:
    """The estimate and its errors alone."""
    check(sample, name)
    return finished(_estimated(sample, name)[-1], sample, {}, (), Parts())


def _draws(sample: Sample) -> int:
    return sample.design.spec.of(Did).draws or DRAWS


def _estimated(sample: Sample, name: str) -> tuple[FloatArray, synthetic.Synthetic, dict[str, float], Fit]:
    """Outcomes (N, T), the estimate, its variances by their kind, and both as the fit."""
    design, cohorts, difference, draws = sample.design, sample.cohorts, METHODS[name], _draws(sample)
    y = paths_of(design, cohorts).y
    estimate = synthetic.estimate(y, cohorts, difference)
    errors = {
        "jackknife": synthetic.jackknife(y, estimate),
        "placebo": _placebo_variance(y, sample, difference, draws),
    }
    variance, kind = errors["jackknife"], note("jackknife")
    if not difference or not np.isfinite(variance):
        variance, kind = errors["placebo"], note("placebos", draws=draws)
    notes: tuple[Note, ...] = ()
    if not np.isfinite(variance):
        notes = (note("no_placebos"),)
    if min(cohorts.starts) <= LEAST_BEFORE:
        notes += (note("weights_on_one_difference"),)
    rows = np.arange(design.y.size, dtype=np.intp)
    result = Fit(
        terms=(TERM,),
        params=np.array([estimate.estimate]),
        rows=rows,
        residuals=np.zeros(rows.size),
        bread=np.eye(1),
        scores=np.zeros((0, 1)),
        df_resid=float(len(design.units) - 1),
        vcov=np.array([[variance]]),
        vcov_type=(kind,),
        df_t=float(len(design.units) - 1),
        notes=notes,
    )
    return y, estimate, errors, result


def randomisation(sample: Sample, name: str, draws: int, rng: np.random.Generator) -> Randomisation:
    """Randomisation over treated sets, at most 999; synthetic controls are compared over their misfit before."""
    difference = METHODS[name]
    scaled = None if difference else _with_misfit
    return placebo.treated_sets(sample, _point(difference), min(draws, 999), rng, scaled=scaled)


def check(sample: Sample, name: str) -> None:
    """Stop where a synthetic method does not apply: all reasons but the first kind together."""
    design, cohorts = sample.design, sample.cohorts
    otherwise = ", or use method: twfe" if int(cohorts.treated.sum()) >= LEAST_TREATED else ""
    need_balance(design, name, otherwise)
    need_no_steps(design, name)
    need_no(design, name, "controls", design.x.shape[1] > 0, "leave controls and regressors out")
    need_no(design, name, "weights", design.weights is not None, "leave weights out")
    where = f"models.{design.spec.name}.treatment"
    before, others = min(cohorts.starts), int((~cohorts.treated).sum())
    problems = []
    if before < LEAST_BEFORE:
        problems.append(
            Problem(
                CONFIGURATION,
                where,
                f"{before} period before treatment with method {name}",
                f"at least {LEAST_BEFORE}, which the weights are fitted to",
                f"use a panel that begins earlier{otherwise}",
            )
        )
    if others < LEAST_OTHERS:
        problems.append(
            Problem(
                CONFIGURATION,
                where,
                f"{others} units never treated with method {name}",
                f"at least {LEAST_OTHERS}, of which the comparison is made",
                "widen the sample",
            )
        )
    if problems:
        raise UserError(problems)


def _point(difference: bool) -> placebo.Point:
    def point(design: Design, cohorts: Cohorts) -> float:
        return synthetic.estimate(paths_of(design, cohorts).y, cohorts, difference).estimate

    return point


def _with_misfit(design: Design, cohorts: Cohorts) -> tuple[float, float]:
    """A synthetic control and the root mean square of its gaps before treatment (Abadie and others 2010)."""
    y = paths_of(design, cohorts).y
    found = synthetic.estimate(y, cohorts, False)
    return found.estimate, _fit_before(y, found).rmse


def _placebo_variance(y: FloatArray, sample: Sample, difference: bool, draws: int) -> float:
    """NaN where no more units are untreated than treated."""
    treated = int(sample.cohorts.treated.sum())
    if y.shape[0] - treated <= treated:
        return float("nan")
    placebos = synthetic.placebo(y, sample.cohorts, difference, draws, stream(sample.design, "placebo"))
    return float(np.var(placebos))


def _placebo_dates(sample: Sample, difference: bool) -> tuple[PlaceboDate, ...]:
    """Estimates from rows without treatment, had treatment started earlier, with errors of the same kind."""
    rows = []
    for shift, earlier in placebo.earlier(sample):
        if min(earlier.cohorts.starts) < LEAST_BEFORE or int((~earlier.cohorts.treated).sum()) < LEAST_OTHERS:
            break
        y = paths_of(earlier.design, earlier.cohorts).y
        if not np.isfinite(y).all():
            break
        estimate = synthetic.estimate(y, earlier.cohorts, difference)
        variance = synthetic.jackknife(y, estimate) if difference else np.nan
        if not np.isfinite(variance):
            variance = _placebo_variance(y, earlier, difference, DRAWS_EARLIER)
        rows.append(placebo_date(shift, earlier.cohorts, effect_of(estimate.estimate, variance, y.shape[0] - 1.0)))
    return tuple(rows)


def _in_time(dates: tuple[PlaceboDate, ...]) -> dict[str, Test]:
    """The placebo date in the middle of the periods before treatment, as the test that stands for the pre-trend's."""
    if not dates:
        return {}
    middle = dates[len(dates) // 2]
    error, first = middle.std_error, middle.first
    if error is None or not np.isfinite(error) or error <= 0:
        return {}
    about = (
        note("placebo_date", start=label(first))
        if isinstance(first, int)
        else note("placebo_shift", shift=middle.shift)
    )
    assert middle.p_value is not None
    return {"pretrend": Test(middle.estimate / error, middle.df, middle.p_value, (about,))}


def _weights(sample: Sample, weights: synthetic.Weights) -> CohortWeights:
    units, periods = sample.design.units, sample.design.periods
    return CohortWeights(
        first=sample.cohorts.date(weights.start),
        units={units[i]: float(w) for i, w in zip(weights.others, weights.units, strict=True)},
        periods={str(periods[t]): float(w) for t, w in enumerate(weights.periods)},
        effective_units=float(1.0 / np.sum(weights.units**2)),
    )


def _gaps(sample: Sample, y: FloatArray, synthetic_control: synthetic.Synthetic) -> tuple[Event, ...]:
    """Gap between treated and weighted others by event time, cohorts weighing by their treated units; no errors."""
    gathered: dict[int, list[tuple[int, float, int]]] = {}
    for weights in synthetic_control.weights:
        for t, gap in enumerate(synthetic.gaps(y, weights)):
            period = int(sample.cohorts.periods[t])
            time = int(period - sample.cohorts.date(weights.start))
            gathered.setdefault(time, []).append((period, float(gap), weights.treated.size))
    rows = []
    for time, values in sorted(gathered.items()):
        sizes = np.array([size for _, _, size in values], dtype=float)
        estimate = float(sizes @ [gap for _, gap, _ in values] / sizes.sum())
        date = values[0][0] if len(synthetic_control.weights) == 1 else None
        term = f"event:{time:+d}" if date is None else f"treated:{label(date)}"
        rows.append(Event(term=term, period=date, event_time=time, estimate=estimate))
    return tuple(rows)


def _fit_before(y: FloatArray, synthetic_control: synthetic.Synthetic) -> FitBefore:
    """Root mean square of the gaps before treatment, as such and in standard deviations of the treated's means."""
    gaps = [synthetic.gaps(y, weights)[: weights.start] for weights in synthetic_control.weights]
    pairs = zip(gaps, synthetic_control.weights, strict=True)
    centred = [gap - gap.mean() if weights.periods.any() else gap for gap, weights in pairs]
    rmse = float(np.sqrt(np.mean(np.concatenate(centred) ** 2)))
    moves = [y[weights.treated, : weights.start].mean(axis=0) for weights in synthetic_control.weights]
    spread = float(np.sqrt(np.mean(np.concatenate([move - move.mean() for move in moves]) ** 2)))
    return FitBefore(rmse, rmse / spread if spread > 0 else float("nan"))
