"""How often joint tests and tests of assumptions reject true nulls at the shipped panels' size: for docs/inference.md.

    python benchmarks/size_joint.py [panels]

Regressors and errors are AR(1) with .5 within units, unit and period effects are removed; `steps` are steps of single
units in different years, as definition breaks give them. CR1 is taken as F(q, G − 1), as joint tests commonly are.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from scipy import special

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))

from ruralpanel.estimate import specification_tests
from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.groups import group_sums
from ruralpanel.estimate.base.results import Design, Fit, FloatArray, Further
from ruralpanel.estimate.estimators import fit
from ruralpanel.estimate.inference import covariance, joint
from ruralpanel.estimate.inference.error_process import least_squares

CASES = (
    # units, periods, regressors, steps, log spread of the units' errors
    (31, 8, 3, 0, 0.0),
    (31, 8, 3, 3, 0.0),
    (31, 8, 3, 5, 0.0),
    (31, 8, 3, 5, 0.7),
    (31, 8, 6, 5, 0.0),
    (31, 8, 10, 0, 0.0),
    (31, 15, 3, 5, 0.0),
    (20, 8, 3, 3, 0.0),
)
ASSUMPTIONS = ("f_effects", "hausman", "mundlak", "serial_correlation", "heteroskedasticity", "pesaran_cd")


def ar(rng: np.random.Generator, rho: float, shape: tuple[int, ...]) -> FloatArray:
    """Stationary AR(1) along the second axis."""
    values = rng.standard_normal(shape)
    for t in range(1, shape[1]):
        values[:, t] = rho * values[:, t - 1] + np.sqrt(1.0 - rho**2) * values[:, t]
    return values


def design(rng: np.random.Generator, units: int, periods: int, k: int, steps: int, y: FloatArray) -> Design:
    """A panel of that size; `y` (units × periods,)."""
    unit, period = np.repeat(np.arange(units), periods), np.tile(np.arange(periods), units)
    x = [ar(rng, 0.5, (units, periods)).ravel() for _ in range(k)]
    x += [((unit == s) & (period >= 2 + s % (periods - 3))).astype(float) for s in range(steps)]
    names = (*(f"x{j}" for j in range(k)), *(f"x0__break_{2000 + s}" for s in range(steps)))
    options: dict[str, Any] = {"extra": Further(steps=names[k:])}
    labels = [f"{u:03d}" for u in unit]
    return design_from_arrays(y, np.column_stack(x), labels, period, terms=names, effects=("unit", "period"), **options)


def naive(found: Fit, d: Design, params: FloatArray, residuals: FloatArray) -> float:
    """p-value that all terms are zero by CR1 and F(q, G − 1)."""
    assert found.x is not None
    sums = group_sums(found.x * residuals[:, None], d.unit_codes)
    groups, n, q = len(sums), residuals.size, params.size
    k = covariance.parameters(found, d, [d.unit_codes])
    vcov = groups / (groups - 1) * (n - 1) / (n - k) * found.bread @ sums.T @ sums @ found.bread
    wald = params @ np.linalg.lstsq(vcov, params, rcond=None)[0]
    return float(special.fdtrc(q, groups - 1, wald / q))


def main(panels: int) -> None:
    """Print one line for each case."""
    print("all terms zero: units periods regressors steps spread | CR1, F(q, G-1) | CR2, Hotelling T²")
    for units, periods, k, steps, spread in CASES:
        rejected = np.zeros(2)
        sets = 5
        for s in range(sets):
            rng = np.random.default_rng([s, units, periods, k, steps])
            scale = np.exp(spread * rng.standard_normal(units))[:, None, None]
            y = (scale * ar(rng, 0.5, (units, periods, panels // sets))).reshape(units * periods, -1)
            d = design(rng, units, periods, k, steps, y[:, 0])
            found = fit(d)
            params, residuals = least_squares(found, covariance.space_of(found, d), y)
            wald = joint.wald_of(found, d, np.eye(params.shape[0])[joint.tested(found, d)[0]], d.unit_codes)
            rejected[1] += np.sum(wald.p_value(wald.f(params, residuals)) <= 0.05)
            rejected[0] += sum(naive(found, d, params[:, i], residuals[:, i]) <= 0.05 for i in range(params.shape[1]))
        shown = " ".join(f"{100 * share:5.1f}" for share in rejected / (panels // sets * sets))
        print(f"{units} {periods} {k} {steps} {spread} | {shown}", flush=True)
    print("tests of assumptions, 31 x 8, 3 regressors: rho steps |", " ".join(ASSUMPTIONS))
    for rho, steps in ((0.0, 0), (0.0, 5), (0.5, 0), (0.5, 5)):
        counts = dict.fromkeys(ASSUMPTIONS, 0)
        number = panels // 5
        for s in range(number):
            rng = np.random.default_rng([s, steps, int(10 * rho)])
            y = ar(rng, rho, (31, 8)).ravel()
            d = design(rng, 31, 8, 3, steps, y)
            d = replace(d, spec=replace(d.spec, simulated_size=False))
            tests = specification_tests.specification_tests(d, fit(d))
            for name in ASSUMPTIONS:
                counts[name] += name in tests and tests[name].p_value <= 0.05
        print(rho, steps, "|", " ".join(f"{100 * counts[name] / number:5.1f}" for name in ASSUMPTIONS), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
