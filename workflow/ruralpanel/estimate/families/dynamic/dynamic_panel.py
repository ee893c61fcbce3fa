"""Dynamic panels: which method fits them, and what their coefficients add up to in the long run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ruralpanel.estimate.base.groups import compact, group_sums
from ruralpanel.estimate.base.parts import Parts, WithoutSet
from ruralpanel.estimate.base.results import Design, Fit, FloatArray, IntArray
from ruralpanel.estimate.base.rows import LONG_RUN, ConfidenceSet, PartialTest, Statistic, Test
from ruralpanel.estimate.families.dynamic import bias_corrected, gmm
from ruralpanel.estimate.families.dynamic.instruments import PERIODS, Stack, choices_of, stack
from ruralpanel.estimate.families.dynamic.terms import Equation, equation_of, regressors_of, told_apart
from ruralpanel.estimate.families.policy.summary import effect_of, errors_of
from ruralpanel.estimate.inference.covariance import LEVEL
from ruralpanel.estimate.inference.validity import refuse, stop
from ruralpanel.project.kinds.estimator_keys import Dynamic
from ruralpanel.project.notes import Note, note
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError, did_you_mean, raise_any


def long_run(
    params: FloatArray, vcov: FloatArray, df: FloatArray | float, lags: int, members: Mapping[str, tuple[int, ...]]
) -> dict[str, Statistic]:
    """Effect of a lasting unit change of each regressor once the outcome has settled.

    ``sum of the regressor's coefficients / (1 − sum of the lags' coefficients)``; the gradient is one over the
    denominator for the regressor's own coefficients and effect over denominator for those of the lags. Where the lags
    sum to one or more there is no long run: the numbers are NaN.

    Parameters
    ----------
    params : (K,), the outcome's `lags` first. vcov : (K, K). df : degrees of freedom of t, one or (K,).
    members : regressor → positions of it and its lags in `params`.

    Returns
    -------
    dict of Statistic
        By ``long_run:regressor``.
    """
    rest = 1.0 - float(params[:lags].sum())
    freedom = float(np.min(df))
    effects = {}
    for name, positions in members.items():
        columns = list(positions)
        if rest <= 0:
            effects[LONG_RUN + name] = _statistic(float("nan"), float("nan"), freedom)
            continue
        effect = float(params[columns].sum()) / rest
        gradient = np.zeros(params.size)
        gradient[columns] = 1.0 / rest
        gradient[:lags] = effect / rest
        effects[LONG_RUN + name] = _statistic(effect, float(gradient @ vcov @ gradient), freedom)
    return effects


def _statistic(estimate: float, variance: float, df: float) -> Statistic:
    return Statistic(**vars(effect_of(estimate, variance, df)))


def fit_gmm(equation: Equation, design: Design) -> Fit:
    """Two-step estimates with Windmeijer's errors, or one-step ones with robust errors (``steps: 1``).

    Keys: ``gmm_lags``, ``collapse`` (default true), ``predetermined``, ``endogenous_regressors``, ``steps`` (2),
    ``initial_weights`` (full; system GMM only makes a difference).

    Raises
    ------
    UserError
        As many instruments as units or more, which ``allow`` sets aside; more coefficients than units, which nothing
        does; see `instruments.stack`.
    """
    options = design.spec.of(Dynamic)
    choices = choices_of(design)
    stacked = stack(equation, choices, design)
    overrides = _fewer_than_units(stacked, design)
    _no_more_coefficients_than_units(stacked, equation, design)
    moments = stacked.moments
    steps, kind = options.steps, options.initial_weights
    estimate = gmm.estimate(moments, gmm.initial_weights(moments, kind))
    step, vcov = (estimate.first, estimate.robust) if steps == 1 else (estimate.second, estimate.corrected)
    k, units = len(equation.terms), moments.n_units
    tests = {
        "ar1": gmm.serial_correlation(moments, step, vcov, 1),
        "ar2": gmm.serial_correlation(moments, step, vcov, 2),
        "hansen": gmm.hansen(moments, estimate),
        "sargan": gmm.sargan(moments, estimate),
    }
    differences = _differences(stacked, estimate)
    if choices.system and "levels" in differences:
        tests["difference_in_hansen"] = differences["levels"][1]
    reported = ~moments.differenced if choices.system else moments.differenced
    members = regressors_of(equation, design)
    extra = Parts(
        statistics=long_run(step.params[:k], vcov[:k, :k], units - 1.0, equation.lags, members),
        n_instruments=len(moments.groups),
        instruments=dict(stacked.counts),
        steps=steps,
        initial_weights=kind,
        collapse=choices.collapse,
        by_step=_by_step(equation, estimate),
        hansen_by_set={
            name: WithoutSet(PartialTest.of(without), PartialTest.of(difference))
            for name, (without, difference) in differences.items()
        },
    )
    return Fit(
        terms=equation.terms,
        params=step.params[:k],
        rows=stacked.rows,
        residuals=step.residuals[reported],
        bread=np.eye(k),
        scores=np.zeros((0, k)),
        df_resid=float(stacked.rows.size - moments.x.shape[1]),
        vcov=vcov[:k, :k],
        vcov_type=(note("one_step" if steps == 1 else "windmeijer"), note("no_factor_t_units", df=units - 1)),
        df_t=units - 1.0,
        absorbed=tuple(design.spec.effects),
        n_absorbed=moments.x.shape[1] - k,
        fit={"n_instruments": float(len(moments.groups)), "n_units": float(units)},
        tests=tests,
        notes=(*_notes(stacked), *estimate.notes),
        overrides=overrides,
        extra=extra,
    )


def _fewer_than_units(stacked: Stack, design: Design) -> tuple[Note, ...]:
    number, units = len(stacked.moments.groups), stacked.moments.n_units
    if number < units:
        return ()
    fix = "gmm_lags: [2, 3]" if design.spec.of(Dynamic).collapse else "collapse: true"
    listed = ", ".join(f"{count} {name}" for name, count in stacked.counts.items())
    return refuse(
        design,
        "many_instruments",
        f"{number} instruments ({listed}) for {units} units",
        "fewer instruments than units: with as many they fit the endogenous regressors, the estimates fall back on "
        "fixed effects and the Hansen test passes by construction",
        f"{fix}, fewer regressors, method: bias_corrected, or a panel of {number + 1} units or more",
        where="method",
        reason=note("needs_fewer_instruments", instruments=number, n_units=units),
    )


def _no_more_coefficients_than_units(stacked: Stack, equation: Equation, design: Design) -> None:
    """Stop where the second step has no solution: the rank of its weights, sums over units, is at most their number."""
    number, units = stacked.moments.x.shape[1], stacked.moments.n_units
    if number <= units:
        return
    periods = number - len(equation.terms)
    stop(
        design,
        f"{number} coefficients ({len(equation.terms)} terms, {periods} for periods and constant) with {units} units",
        "no more coefficients than units: the moments' covariance matrix, a sum over units, cannot weight more",
        f"fewer terms, effects: [unit], or a panel of {number} units or more",
        where="method",
    )


def _differences(stacked: Stack, estimate: gmm.Estimate) -> dict[str, tuple[Test, Test]]:
    """Hansen's test without each set of instruments and by how much it falls; ``levels``: all of those in levels."""
    sets: dict[str, tuple[str, ...]] = {name: (name,) for name in stacked.counts if name != PERIODS}
    levels = tuple(name for name in stacked.counts if name.endswith(", levels"))
    if levels:
        sets["levels"] = levels
    tests = {name: gmm.difference_in_hansen(stacked.moments, estimate, names) for name, names in sets.items()}
    return {name: both for name, both in tests.items() if both is not None}


def _by_step(equation: Equation, estimate: gmm.Estimate) -> dict[str, dict[str, float]]:
    return {
        term: {
            "one_step": float(estimate.first.params[j]),
            "one_step_robust_error": float(np.sqrt(estimate.robust[j, j])),
            "two_step": float(estimate.second.params[j]),
            "two_step_uncorrected_error": float(np.sqrt(estimate.uncorrected[j, j])),
            "two_step_windmeijer_error": float(np.sqrt(estimate.corrected[j, j])),
        }
        for j, term in enumerate(equation.terms)
    }


def _notes(stacked: Stack) -> tuple[Note, ...]:
    number, units = len(stacked.moments.groups), stacked.moments.n_units
    notes = [note("instruments", number=number, units=units)]
    if number > units / 2:
        notes.append(note("many_instruments"))
    return tuple(notes)


METHODS = ("bias_corrected", "difference_gmm", "system_gmm")
"""The first is the default."""

FIRM = 0.5
"""Firmness below which the lag counts as weakly identified: simulated intervals of its estimate cover 81 to 95 %."""

ONLY_GMM = ("gmm_lags", "collapse", "predetermined", "endogenous_regressors", "steps", "initial_weights")


def fit(design: Design) -> Fit:
    """Estimate ``y[i, t] = sum_l rho_l y[i, t − l] + x[i, t]'beta + effects + error``.

    Methods: ``bias_corrected`` (default), ``difference_gmm``, ``system_gmm``. ``lags`` of the outcome and
    ``regressor_lags`` are built from the design's rows by calendar period; rows without them are counted under
    ``n_dropped``. Long-run effects stand under ``statistics`` (``long_run:regressor``).

    Raises
    ------
    UserError
        Unknown method, keys that the method does not take, a panel that is too short, or too many instruments.
    """
    return _fitted(design, beside=True)


def refit(design: Design) -> Fit:
    """The estimate alone, without the set of values of the lag's coefficient that are not rejected."""
    return _fitted(design, beside=False)


def _fitted(design: Design, beside: bool) -> Fit:
    method = design.spec.method or METHODS[0]
    if method not in METHODS:
        where, expected = f"models.{design.spec.name}.method", "one of " + ", ".join(METHODS)
        raise UserError(Problem(CONFIGURATION, where, f'"{method}"', expected, did_you_mean(method, METHODS)))
    design = replace(design, spec=replace(design.spec, method=method))
    equation = told_apart(equation_of(design), design, differenced=method != METHODS[0])
    fitted = _corrected(equation, design, beside) if method == METHODS[0] else fit_gmm(equation, design)
    lost = design.y.size - fitted.rows.size
    code = "without_lags_or_difference" if method == "difference_gmm" else "without_lags"
    extra = replace(fitted.extra, lags=equation.lags)
    return replace(fitted, n_dropped={code: lost}, extra=extra, notes=(*fitted.notes, *equation.notes))


def _corrected(equation: Equation, design: Design, beside: bool) -> Fit:
    """Bias-corrected fixed effects; errors by the model's inference settings, through one score per row."""
    options = design.spec.of(Dynamic)
    raise_any(
        Problem(
            CONFIGURATION,
            f"models.{design.spec.name}.{key}",
            f"{key} with method bias_corrected",
            "regressors that are strictly exogenous: the method has no instruments",
            f"leave {key} out, or use method: difference_gmm",
        )
        for key in ONLY_GMM
        if options.gives(key) and getattr(options, key) not in (None, ())
    )
    data = bias_corrected.data_of(equation, design)
    solution = bias_corrected.solve(data, design)
    k, owner = len(equation.terms), compact(design.unit_codes[data.rows])
    absorbed = tuple(design.spec.effects)
    effects = int(data.counts.size) + data.x.shape[1] - k
    fitted = Fit(
        terms=equation.terms,
        params=solution.params[:k],
        rows=data.rows,
        residuals=solution.residuals,
        bread=np.eye(k),
        scores=solution.influence[:, :k],
        df_resid=float(data.y.size - k - effects),
        n_absorbed=effects,
        absorbed=absorbed,
        fit={
            "r2_within": 1.0 - float(solution.residuals @ solution.residuals) / float(data.y @ data.y),
            "firmness": solution.firmness,
        },
        tests=_serial_correlation(data, solution, owner),
        notes=_dynamic_panel_notes(solution),
    )
    errors = errors_of(fitted, design)
    statistics = long_run(fitted.params, errors.vcov, errors.df, equation.lags, regressors_of(equation, design))
    uncorrected = {term: float(solution.uncorrected[j]) for j, term in enumerate(equation.terms)}
    extra = Parts(statistics=statistics, fixed_effects=uncorrected, errors=errors.note)
    if beside and equation.lags == 1:
        parts = bias_corrected.score_set(data, owner, float(owner.max()))
        lag_set = ConfidenceSet(term=equation.terms[0], level=LEVEL, intervals=tuple(parts))
        extra = replace(extra, lag_set=lag_set)
    return replace(fitted, extra=extra)


def _dynamic_panel_notes(solution: bias_corrected.Solution) -> tuple[Note, ...]:
    notes: tuple[Note, ...] = (note("strictly_exogenous"),)
    if solution.firmness < FIRM:
        notes += (note("lag_weak"),)
    return notes


def _serial_correlation(
    data: bias_corrected.Data, solution: bias_corrected.Solution, owner: IntArray
) -> Mapping[str, Test]:
    """Arellano and Bond's tests on the differences of the residuals between adjacent periods; `owner`: units (n,)."""
    influence = group_sums(solution.influence, owner)
    later = np.flatnonzero((np.diff(data.unit) == 0) & (np.diff(data.period) == 1)) + 1
    x, u = data.x[later] - data.x[later - 1], solution.residuals[later] - solution.residuals[later - 1]
    vcov = influence.T @ influence
    return {
        f"ar{order}": gmm.arellano_bond(x, u, owner[later], data.period[later], influence, vcov, order)
        for order in (1, 2)
    }
