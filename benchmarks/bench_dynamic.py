"""Bias, coverage and size of dynamic panels and common correlated effects at the shipped panels' size: 31 units.

docs/estimators/dynamic.md and docs/estimators/cce.md describe the methods.
Usage: python benchmarks/bench_dynamic.py [replications]
"""

from __future__ import annotations

import sys
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))

from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.results import Design
from ruralpanel.estimate.families.common_effects import unit_roots
from ruralpanel.estimate.families.common_effects.cce import fit as cce
from ruralpanel.estimate.families.dynamic import dynamic_panel
from ruralpanel.estimate.families.linear import fe
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import InferenceSpec

UNITS, BURN = 31, 50
REPLICATIONS = 1_000
SLOPE = 1.0
METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "fixed effects": ("", {}),
    "bias_corrected": ("bias_corrected", {}),
    "difference_gmm, one step": ("difference_gmm", {"steps": 1}),
    "difference_gmm": ("difference_gmm", {}),
    "difference_gmm, collapse: false": ("difference_gmm", {"collapse": False}),
    "system_gmm": ("system_gmm", {}),
}


def dynamic(
    rng: np.random.Generator, periods: int, rho: float, noise: float = 0.0, feedback: float = 0.0
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Outcome and regressor (units, periods): unit and period effects, variances that differ threefold between units.

    noise : standard deviation of an error in measuring the outcome. feedback : of the past outcome's shock on x.
    """
    shape = (UNITS, periods + BURN)
    scale = np.where(np.arange(UNITS) % 2, 1.25, 0.75)
    shocks = scale[:, None] * rng.standard_normal(shape)
    common, unit = rng.standard_normal(shape[1]), rng.standard_normal(UNITS)
    own = rng.standard_normal(shape)
    y, x = np.zeros(shape), np.zeros(shape)
    for t in range(1, shape[1]):
        x[:, t] = 0.5 * x[:, t - 1] + 0.5 * unit + own[:, t] + feedback * shocks[:, t - 1]
        y[:, t] = rho * y[:, t - 1] + SLOPE * x[:, t] + unit + common[t] + shocks[:, t]
    return (y + noise * rng.standard_normal(shape))[:, BURN:], x[:, BURN:]


def designed(y: np.ndarray[Any, Any], x: np.ndarray[Any, Any], method: str, options: dict[str, Any]) -> Design:
    """The panel for a method; without one: fixed effects with the lag as a regressor."""
    width = y.shape[1]
    units = np.repeat([f"{i:02d}" for i in range(UNITS)], width)
    periods = np.tile(np.arange(2000, 2000 + width), UNITS)
    columns = x.reshape(y.size, -1)
    if not method:
        later = periods > 2000
        lag = np.roll(y, 1, axis=1).reshape(-1)
        both = np.column_stack([lag, columns])[later]
        return design_from_arrays(
            y.reshape(-1)[later], both, units[later], periods[later],
            estimator="fe", effects=("unit", "period"),
        )  # fmt: skip
    return design_from_arrays(
        y.reshape(-1), columns, units, periods,
        estimator="dynamic_panel", method=method, effects=("unit", "period"), options=options,
    )  # fmt: skip


def one(design: Design) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], dict[str, float]]:
    """Estimates, intervals (k, 2) and p-values of the tests."""
    found = fe(design) if design.spec.estimator == "fe" else dynamic_panel.fit(design)
    setting = InferenceSpec("cluster" if found.vcov is None else "own")
    interval = infer(found, design, setting, 0)
    p = {name: test.p_value for name, test in found.tests.items()}
    return found.params, np.column_stack([interval.ci_low, interval.ci_high]), p


def table_dynamic(replications: int, title: str, periods: int, rho: float, **settings: float) -> None:
    """Print bias, standard deviation and coverage by method."""
    rng = np.random.default_rng(20120126)
    estimates, covered = defaultdict(list), defaultdict(list)
    rejected: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    failed: dict[str, int] = defaultdict(int)
    truth = np.array([rho, SLOPE])
    for _ in range(replications):
        y, x = dynamic(rng, periods, rho, **settings)
        for name, (method, options) in METHODS.items():
            own = {"predetermined": ["x1"]} if settings.get("feedback") and "gmm" in method else {}
            try:
                params, interval, p = one(designed(y, x, method, {**options, **own}))
            except UserError:
                failed[name] += 1
                continue
            estimates[name].append(params)
            covered[name].append((interval[:, 0] <= truth) & (truth <= interval[:, 1]))
            for test in ("ar2", "hansen"):
                if test in p:
                    rejected[name][test].append(p[test] < 0.05)
    print(f"\n{title}: {UNITS} x {periods}, lag {rho}, regressor {SLOPE}")
    print("method | bias lag, sd, coverage | bias regressor, sd, coverage | ar2 rejects | hansen rejects | no result")
    for name in METHODS:
        if not estimates[name]:
            print(f"{name} | refused")
            continue
        gap, cover = np.array(estimates[name]) - truth, np.mean(covered[name], axis=0)
        parts = [f"{gap[:, j].mean():+.3f} {gap[:, j].std():.3f} {cover[j]:.3f}" for j in (0, 1)]
        tests = [f"{np.mean(rejected[name][t]):.3f}" if rejected[name][t] else "" for t in ("ar2", "hansen")]
        print(" | ".join([name, *parts, *tests, str(failed[name])]))


def factors(rng: np.random.Generator, periods: int, k: int, spread: float) -> tuple[Any, Any]:
    """Slopes of mean one and standard deviation `spread`; a common factor that moves outcome and regressors alike."""
    factor = rng.standard_normal(periods).cumsum() * 0.5
    loads = rng.normal(1.0, 1.0, (UNITS, 1))
    x = rng.standard_normal((UNITS, periods, k)) + (loads * factor)[:, :, None]
    slope = 1.0 + spread * rng.standard_normal((UNITS, 1, k))
    y = (slope * x).sum(axis=2) + loads * factor + rng.standard_normal((UNITS, periods))
    return y + rng.standard_normal((UNITS, 1)), x


def table_cce(replications: int) -> None:
    """Print bias, coverage and the sizes of the tests."""
    print("\ncommon correlated effects, 31 units; tests at 5 %")
    print("periods, regressors, spread of slopes | method | bias, sd, coverage | weighted_cd | pesaran_cd | slopes")
    for periods, k, spread in ((8, 1, 0.0), (8, 2, 0.0), (8, 2, 0.5), (15, 2, 0.0), (15, 2, 0.5), (30, 2, 0.5)):
        rng = np.random.default_rng(20120126)
        found: dict[str, list[list[float]]] = defaultdict(list)
        for _ in range(replications):
            y, x = factors(rng, periods, k, spread)
            base = designed(y, x, "pooled", {})
            for method in ("fe", "mean_group", "pooled"):
                family = "fe" if method == "fe" else "cce"
                d = replace(base, spec=replace(base.spec, method=method, estimator=family))
                fitted = fe(d) if family == "fe" else cce(d)
                i = infer(fitted, d, InferenceSpec("cluster" if family == "fe" else "own"), 0)
                tests = ("weighted_cd", "pesaran_cd", "slope_homogeneity")
                p = [float(fitted.tests[name].p_value < 0.05) for name in tests if name in fitted.tests]
                covered = float(i.ci_low[0] <= 1.0 <= i.ci_high[0])
                found[method].append([float(fitted.params[0]) - 1.0, covered, *p])
        for method, rows in found.items():
            a = np.array(rows)
            tail = "".join(f" | {share:.3f}" for share in a[:, 2:].mean(axis=0))
            numbers = f"{a[:, 0].mean():+.3f} {a[:, 0].std():.3f} {a[:, 1].mean():.3f}"
            print(f"{periods}, {k}, {spread} | {method} | {numbers}{tail}")


def table_cips(replications: int) -> None:
    """Print the share of panels in which a unit root is rejected at 5 %."""
    print("\nCIPS, 5 %: periods, lags | random walk | AR(1) .5")
    for periods, lags in ((10, 0), (15, 0), (15, 1), (30, 1)):
        rng = np.random.default_rng(20120126)
        shares = []
        for rho in (1.0, 0.5):
            count = 0
            for _ in range(replications):
                shocks = rng.standard_normal((UNITS, periods + BURN)) + rng.standard_normal(periods + BURN)
                y = np.zeros_like(shocks)
                for t in range(1, shocks.shape[1]):
                    y[:, t] = rho * y[:, t - 1] + shocks[:, t]
                result = unit_roots.cips(y[:, BURN:], lags).summary("y")
                count += result.statistic < result.critical_values["5%"]
            shares.append(count / replications)
        print(f"{periods}, {lags} | {shares[0]:.3f} | {shares[1]:.3f}")


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else REPLICATIONS
    for length in (7, 8):
        for lag in (0.2, 0.5, 0.8):
            table_dynamic(number, "exogenous regressor", length, lag)
    table_dynamic(number, "outcome measured with noise (sd .5)", 8, 0.5, noise=0.5)
    table_dynamic(number, "regressor moved by the past shock (.3)", 8, 0.5, feedback=0.3)
    table_cce(number)
    table_cips(number)
