"""Difference GMM (Arellano and Bond 1991) and system GMM (Blundell and Bond 1998) as fits."""

from __future__ import annotations

from typing import Any

import numpy as np

from ruralpanel.estimators import gmm
from ruralpanel.estimators.base import Design, Fit, Test
from ruralpanel.estimators.dynamic_terms import Equation, regressors_of
from ruralpanel.estimators.gmm_instruments import PERIODS, Stack, choices_of, stack
from ruralpanel.estimators.long_run import long_run
from ruralpanel.inference.validity import refuse, stop

STEPS = 2
INITIAL_WEIGHTS = "full"


def fit(equation: Equation, design: Design) -> Fit:
    """Two-step estimates with Windmeijer's errors, or one-step ones with robust errors (``steps: 1``).

    Keys: ``gmm_lags``, ``collapse`` (default true), ``predetermined``, ``endogenous_regressors``, ``steps`` (2),
    ``initial_weights`` (full; system GMM only makes a difference).

    Raises
    ------
    UserError
        As many instruments as units or more, which ``allow`` sets aside; more coefficients than units, which nothing
        does; see `gmm_instruments.stack`.
    """
    options = design.spec.options
    choices = choices_of(design)
    stacked = stack(equation, choices, design)
    overrides = _fewer_than_units(stacked, design)
    _no_more_coefficients_than_units(stacked, equation, design)
    moments = stacked.moments
    steps, kind = int(options.get("steps") or STEPS), str(options.get("initial_weights") or INITIAL_WEIGHTS)
    found = gmm.estimate(moments, gmm.initial_weights(moments, kind))
    step, vcov = (found.first, found.robust) if steps == 1 else (found.second, found.corrected)
    k, units = len(equation.terms), moments.n_units
    tests = {
        "ar1": gmm.serial_correlation(moments, step, vcov, 1),
        "ar2": gmm.serial_correlation(moments, step, vcov, 2),
        "hansen": gmm.hansen(moments, found),
        "sargan": gmm.sargan(moments, found),
    }
    differences = _differences(stacked, found)
    if choices.system and "levels" in differences:
        tests["difference_in_hansen"] = differences["levels"][1]
    reported = ~moments.differenced if choices.system else moments.differenced
    extra: dict[str, Any] = {
        "statistics": long_run(
            step.params[:k], vcov[:k, :k], units - 1.0, equation.lags, regressors_of(equation, design)
        ),
        "n_instruments": len(moments.groups),
        "instruments": dict(stacked.counts),
        "steps": steps,
        "initial_weights": kind,
        "collapse": choices.collapse,
        "by_step": _by_step(equation, found),
        "hansen_by_set": {
            name: {"without": _plain(without), "difference": _plain(difference)}
            for name, (without, difference) in differences.items()
        },
    }
    errors = "one-step, robust to correlation within units" if steps == 1 else "two-step, Windmeijer (2005) correction"
    return Fit(
        terms=equation.terms,
        params=step.params[:k],
        rows=stacked.rows,
        residuals=step.residuals[reported],
        bread=np.eye(k),
        scores=np.zeros((0, k)),
        df_resid=float(stacked.rows.size - moments.x.shape[1]),
        own_vcov=vcov[:k, :k],
        own_vcov_type=f"{errors}; no small-sample factor, t with {units - 1} degrees of freedom (units − 1)",
        own_df=units - 1.0,
        absorbed=tuple(design.spec.effects),
        n_absorbed=moments.x.shape[1] - k,
        fit={"n_instruments": float(len(moments.groups)), "n_units": float(units)},
        tests=tests,
        notes=(*_notes(stacked, design), *found.notes),
        overrides=overrides,
        extra=extra,
    )


def _fewer_than_units(stacked: Stack, design: Design) -> tuple[str, ...]:
    number, units = len(stacked.moments.groups), stacked.moments.n_units
    if number < units:
        return ()
    collapsed = bool(design.spec.options.get("collapse", True))
    fix = "gmm_lags: [2, 3]" if collapsed else "collapse: true"
    listed = ", ".join(f"{count} {name}" for name, count in stacked.counts.items())
    return refuse(
        design,
        "many_instruments",
        f"{number} instruments ({listed}) for {units} units",
        "fewer instruments than units: with as many they fit the endogenous regressors, the estimates fall back on "
        "fixed effects and the Hansen test passes by construction",
        f"{fix}, fewer regressors, method: bias_corrected, or a panel of {number + 1} units or more",
        where="method",
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


def _differences(stacked: Stack, found: gmm.Estimate) -> dict[str, tuple[Test, Test]]:
    """Hansen's test without each set of instruments and by how much it falls; ``levels``: all of those in levels."""
    sets: dict[str, tuple[str, ...]] = {name: (name,) for name in stacked.counts if name != PERIODS}
    levels = tuple(name for name in stacked.counts if name.endswith(", levels"))
    if levels:
        sets["levels"] = levels
    tests = {name: gmm.difference_in_hansen(stacked.moments, found, names) for name, names in sets.items()}
    return {name: both for name, both in tests.items() if both is not None}


def _plain(test: Test) -> dict[str, Any]:
    return {"statistic": test.statistic, "df": test.df, "p_value": test.p_value}


def _by_step(equation: Equation, found: gmm.Estimate) -> dict[str, dict[str, float]]:
    return {
        term: {
            "one_step": float(found.first.params[j]),
            "one_step_robust_error": float(np.sqrt(found.robust[j, j])),
            "two_step": float(found.second.params[j]),
            "two_step_uncorrected_error": float(np.sqrt(found.uncorrected[j, j])),
            "two_step_windmeijer_error": float(np.sqrt(found.corrected[j, j])),
        }
        for j, term in enumerate(equation.terms)
    }


def _notes(stacked: Stack, design: Design) -> tuple[str, ...]:
    number, units = len(stacked.moments.groups), stacked.moments.n_units
    notes = [f"{number} instruments for {units} units"]
    if number > units / 2:
        notes.append("more than half as many instruments as units: the Hansen test has little power")
    return tuple(notes)
