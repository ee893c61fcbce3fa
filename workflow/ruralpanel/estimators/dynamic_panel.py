"""Dynamic panels: the outcome on its own past, unit effects and regressors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ruralpanel.contracts.problems import CONFIGURATION, Problem, UserError, did_you_mean, raise_any
from ruralpanel.estimators import bias_corrected, dynamic_gmm, gmm
from ruralpanel.estimators.absorb import compact, group_sums
from ruralpanel.estimators.base import Design, Fit, IntArray, Test
from ruralpanel.estimators.dynamic_terms import Equation, equation_of, regressors_of, told_apart
from ruralpanel.estimators.long_run import long_run
from ruralpanel.estimators.policy_errors import errors_of
from ruralpanel.inference.from_covariance import LEVEL

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
    method = design.spec.method or METHODS[0]
    if method not in METHODS:
        where, expected = f"models.{design.spec.name}.method", "one of " + ", ".join(METHODS)
        raise UserError(Problem(CONFIGURATION, where, f'"{method}"', expected, did_you_mean(method, METHODS)))
    design = replace(design, spec=replace(design.spec, method=method))
    equation = told_apart(equation_of(design), design, differenced=method != METHODS[0])
    found = _corrected(equation, design) if method == METHODS[0] else dynamic_gmm.fit(equation, design)
    lost = design.y.size - found.rows.size
    reason = "without the lags" + (" or a difference" if method == "difference_gmm" else "")
    extra = {"n_dropped": {reason: lost}, "lags": equation.lags, **found.extra}
    return replace(found, extra=extra, notes=(*found.notes, *equation.notes))


def _corrected(equation: Equation, design: Design) -> Fit:
    """Bias-corrected fixed effects; errors by the model's inference settings, through one score per row."""
    options = design.spec.options
    raise_any(
        Problem(
            CONFIGURATION,
            f"models.{design.spec.name}.{key}",
            f"{key} with method bias_corrected",
            "regressors that are strictly exogenous: the method has no instruments",
            f"leave {key} out, or use method: difference_gmm",
        )
        for key in ONLY_GMM
        if options.get(key) is not None and options.get(key) != []
    )
    data = bias_corrected.data_of(equation, design)
    solution = bias_corrected.solve(data, design)
    k, owner = len(equation.terms), compact(design.unit_codes[data.rows])
    absorbed = tuple(design.spec.effects)
    effects = int(data.counts.size) + data.x.shape[1] - k
    found = Fit(
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
        notes=_notes(solution),
    )
    errors = errors_of(found, design)
    statistics = long_run(found.params, errors.vcov, errors.df, equation.lags, regressors_of(equation, design))
    uncorrected = {term: float(solution.uncorrected[j]) for j, term in enumerate(equation.terms)}
    extra = {"statistics": statistics, "fixed_effects": uncorrected, "errors": errors.words}
    if equation.lags == 1:
        parts = bias_corrected.score_set(data, owner, float(owner.max()))
        extra["lag_set"] = {"term": equation.terms[0], "level": LEVEL, "intervals": [list(part) for part in parts]}
    return replace(found, extra=extra)


def _notes(solution: bias_corrected.Solution) -> tuple[str, ...]:
    notes: tuple[str, ...] = ("strictly exogenous regressors and errors independent over time are assumed",)
    if solution.firmness < FIRM:
        notes += ("the lag is weakly identified: read the values of it that are not rejected, not its interval",)
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
