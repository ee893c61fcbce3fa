"""Size and coverage of the policy designs at the shipped panel's size: 31 units × 15 periods, 12 treated from the 11th.

Prints the tables of docs/estimators/policy.md. Usage: python benchmarks/bench_policy.py [replications]
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from scipy import special

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))

from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.results import Design, Further
from ruralpanel.estimate.families.policy import did, dynamics, honest_did, placebo, pretrends, synthetic
from ruralpanel.estimate.families.policy.cohorts import Sample, paths_of, sample_of
from ruralpanel.estimate.inference.covariance import p_values
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.project.settings import InferenceSpec

UNITS, PERIODS, TREATED, FIRST = 31, 15, 12, 2000
REPLICATIONS = 1_000
NOISE = {
    "independent": (0.0, 1.0),
    "AR(1) .8": (0.8, 1.0),
    "random walk": (1.0, 1.0),
    "AR(1) .8, treated twice as noisy": (0.8, 2.0),
}


def draw(rng: np.random.Generator, rho: float, scale: float, effect: float = 0.0) -> Design:
    """Unit and period effects, noise with autocorrelation `rho`, treated units' noise times `scale`."""
    shocks = rng.standard_normal((UNITS, PERIODS))
    noise = np.empty_like(shocks)
    noise[:, 0] = shocks[:, 0] / np.sqrt(1.0 - rho**2) if rho < 1.0 else shocks[:, 0]
    for t in range(1, PERIODS):
        noise[:, t] = rho * noise[:, t - 1] + shocks[:, t]
    noise[:TREATED] *= scale
    periods = np.arange(FIRST - 10, FIRST - 10 + PERIODS)
    under = (np.arange(UNITS)[:, None] < TREATED) & (periods >= FIRST)
    y = rng.standard_normal((UNITS, 1)) + rng.standard_normal(PERIODS) + noise + effect * under
    first = np.repeat(np.where(np.arange(UNITS) < TREATED, float(FIRST), np.nan), PERIODS)
    return design_from_arrays(
        y.ravel(),
        np.zeros((y.size, 0)),
        np.repeat([f"{i:02d}" for i in range(UNITS)], PERIODS),
        np.tile(periods, UNITS),
        estimator="did",
        effects=("unit", "period"),
        extra=Further(first_treated=first),
    )


def p_of(sample: Sample, method: str, setting: InferenceSpec) -> float:
    """p-value of the method's estimate."""
    return float(infer(did.METHODS[method].fit(sample), sample.design, setting, 1).p_value[0])


def size(replications: int) -> None:
    """Share of true nulls rejected at 5 %."""
    settings = {
        "CR1, t(30)": InferenceSpec("cluster", {"small_sample": "CR1"}),
        "CR2, Satterthwaite": InferenceSpec("cluster", {"small_sample": "CR2"}),
        "wild bootstrap": InferenceSpec("wild_cluster", {"draws": 399, "interval": False}),
    }
    names: list[str] = []
    table: dict[str, dict[str, float]] = defaultdict(dict)
    for noise, (rho, scale) in NOISE.items():
        rng = np.random.default_rng(1)
        found: dict[str, list[float]] = defaultdict(list)
        for _ in range(replications):
            sample = sample_of(draw(rng, rho, scale))
            for name, setting in settings.items():
                found[f"twfe: {name}"].append(p_of(sample, "twfe", setting))
            sets = placebo.treated_sets(sample, did.METHODS["twfe"].point, 399, rng, False)
            found["twfe: randomisation of t"].append(sets.p_value)
            found["twfe: randomisation of the estimate"].append(sets.p_value_estimate)
            for method in ("callaway_santanna", "imputation", "matched"):
                found[f"{method}: CR1, t(30)"].append(p_of(sample, method, settings["CR1, t(30)"]))
            y = paths_of(sample.design, sample.cohorts).y
            for name, difference in (("synthetic", True), ("synthetic_control", False)):
                estimate = synthetic.estimate(y, sample.cohorts, difference)
                variances = {"placebo": float(np.var(synthetic.placebo(y, sample.cohorts, difference, 60, rng)))}
                if difference:
                    variances["jackknife"] = synthetic.jackknife(y, estimate)
                for kind, variance in variances.items():
                    t = np.array(estimate.estimate / np.sqrt(variance))
                    found[f"{name}: {kind}, t(30)"].append(float(p_values(t, np.array(UNITS - 1.0))))
            dynamic = dynamics.dynamic(sample, "twfe")
            leads = dynamics.leads_of(dynamic, sample)
            wald = float(leads.beta @ np.linalg.solve(leads.vcov, leads.beta))
            found["pre-trend: F(k, ν − k + 1), ν of two groups (ours)"].append(pretrends.joint(leads).p_value)
            plain = (UNITS - 9) / (9 * (UNITS - 1.0))
            found["pre-trend: F(k, G − k), Hotelling for G clusters"].append(f_tail(wald * plain, 9, UNITS - 9))
            found["pre-trend: F(k, G − 1) without a correction"].append(f_tail(wald / 9, 9, UNITS - 1))
            exact = placebo.leads(sample, np.arange(9), 9, 399, rng)
            found["pre-trend: randomisation"].append(1.0 if exact is None else exact.p_value)
        for name, values in found.items():
            table[name][noise] = float(np.mean(np.array(values) <= 0.05))
        names = list(found)
    print(f"Rejections of a true null at 5 %, {replications} replications\n")
    print_table(names, table, list(NOISE))


def f_tail(value: float, k: int, df: int) -> float:
    """Upper tail of F."""
    return float(special.fdtrc(k, df, value))


def coverage(replications: int) -> None:
    """Coverage of the bounds where the treated have a trend of their own, at the M̄ and M that are true."""
    table: dict[str, dict[str, float]] = defaultdict(dict)
    trends = {"parallel": 0.0, "line": 0.3}
    for name, slope in trends.items():
        rng = np.random.default_rng(2)
        hits: dict[str, list[bool]] = defaultdict(list)
        for _ in range(replications):
            design = draw(rng, 0.5, 1.0)
            line = slope * (design.period_codes - 9) * (design.unit_codes < TREATED)
            sample = sample_of(Design(**{**vars(design), "y": design.y + line}))
            found = dynamics.dynamic(sample, "twfe")
            stretch = 2.0423 / 1.96
            times = np.array(sorted([t.event_time for t in found.times] + [-1]), dtype=float)
            for label, weights in (("first", np.eye(5)[0]), ("mean", np.full(5, 0.2))):
                beta, vcov = found.fit.params, found.errors.vcov
                working = honest_did.autoregressive(vcov, times, 9)
                study = honest_did.EventStudy(beta, vcov, times, weights, stretch, working)
                free = honest_did.EventStudy(beta, vcov, times, weights, stretch)
                for kind, (low, high) in {
                    "no bounds": honest_did.relative_magnitudes(study, 0.0),
                    "relative magnitudes, M̄ = 1": honest_did.relative_magnitudes(study, 1.0),
                    "smoothness, M = 0": honest_did.smoothness(study, 0.0),
                    "smoothness, M = 0.1": honest_did.smoothness(study, 0.1),
                    "smoothness, M = 0, weights by the estimated covariance": honest_did.smoothness(free, 0.0),
                }.items():
                    hits[f"{label}: {kind}"].append(low <= 0.0 <= high)
        for key, values in hits.items():
            table[key][name] = float(np.mean(values))
    print(f"\nCoverage of 95 % intervals, {replications} replications, AR(1) .5\n")
    print_table(list(table), table, list(trends))


def print_table(rows: list[str], table: dict[str, dict[str, float]], columns: list[str]) -> None:
    """A Markdown table of shares."""
    print("| | " + " | ".join(columns) + " |\n|---|" + "---|" * len(columns))
    for row in rows:
        print(f"| {row} | " + " | ".join(f"{table[row][column]:.3f}" for column in columns) + " |")


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else REPLICATIONS
    size(number)
    coverage(number)
