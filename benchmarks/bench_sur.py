"""How often the interval of a residual correlation holds the truth; run ``python benchmarks/bench_sur.py [panels]``.

Made-up panels with unit and period effects, two regressors and two outcomes whose errors persist over time and have a
known correlation. Printed for each number of units: the share of panels whose 95 % interval holds the truth, for the
studentised bootstrap in use, for percentiles of the same draws, and for the error with t(G − 1), all of Fisher's z; and
how often the test of no correlation rejects at 5 %, ours and Breusch and Pagan's. Monte Carlo error of a true 95 % with
400 panels: 1.1 points.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))

from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.results import Design, FloatArray, Further, Named
from ruralpanel.estimate.estimators import fit
from ruralpanel.estimate.families.sur import correlation, sur
from ruralpanel.project.settings import InferenceSpec

PERIODS, DRAWS = 6, 999
CASES: dict[str, dict[str, float]] = {
    "independent": {"correlation": 0.0},
    "correlation .4": {"correlation": 0.4},
    "correlation .4, variances of units differ": {"correlation": 0.4, "spread": 0.7},
    "independent, variances of units differ": {"correlation": 0.0, "spread": 0.7},
    "independent, errors more persistent": {"correlation": 0.0, "rho": 0.9},
}


def panel(
    rng: np.random.Generator, units: int, correlation: float, spread: float = 0.0, rho: float = 0.5
) -> tuple[Design, FloatArray]:
    """One panel. `spread`: log standard deviation of the units' error scales; `rho`: autocorrelation of errors."""
    unit, period = np.repeat(np.arange(units), PERIODS), np.tile(np.arange(PERIODS), units)
    x = rng.normal(size=(unit.size, 2)) + rng.normal(size=units)[unit, None]
    shocks = rng.normal(size=(units, PERIODS, 2))
    shocks[..., 1] = correlation * shocks[..., 0] + np.sqrt(1 - correlation**2) * shocks[..., 1]
    for t in range(1, PERIODS):
        shocks[:, t] = rho * shocks[:, t - 1] + np.sqrt(1 - rho**2) * shocks[:, t]
    shocks *= np.exp(spread * rng.normal(size=(units, 1, 1)))
    outcomes = x @ rng.normal(size=(2, 2)) + rng.normal(size=(units, 2))[unit] + rng.normal(size=(PERIODS, 2))[period]
    outcomes = outcomes + shocks.reshape(-1, 2)
    design = design_from_arrays(
        outcomes[:, 0], x, [f"{code:04d}" for code in unit], period.tolist(), estimator="sur",
        effects=("unit", "period"), inference=(InferenceSpec("cluster", {"by": "unit"}),),
        options={"draws": 99}, extra=Further(outcomes=Named(("a", "b"), outcomes)),
    )  # fmt: skip
    return design, outcomes


def held(design: Design, outcomes: FloatArray, truth: float, rng: np.random.Generator) -> list[bool]:
    """Whether each interval holds `truth`, and whether each test rejects."""
    rows = np.arange(design.y.size)
    own = ((0, 1), (0, 1))
    sample = correlation.sample_of(design, rows, own, (design.x, outcomes), np.ones((rows.size, 1)), design.unit_codes)
    clusters = len(sample.grams)
    z, error = (part[0, 0] for part in sample.correlations(np.ones((1, clusters))))
    counts = rng.multinomial(clusters, np.full(clusters, 1.0 / clusters), size=DRAWS).astype(float)
    drawn, errors = (part[:, 0] for part in sample.correlations(counts))
    critical = np.quantile(np.abs(drawn - z) / errors, 0.95, method="higher")
    away = abs(np.arctanh(truth) - z)
    low, high = np.quantile(drawn, [0.025, 0.975])
    independence = fit(design).tests[sur.INDEPENDENCE].p_value
    return [
        bool(away <= critical * error),
        bool(low <= np.arctanh(truth) <= high),
        bool(away <= stats.t.ppf(0.975, clusters - 1) * error),
        bool(abs(z) > critical * error),
        bool(independence < 0.05),
    ]


def main(panels: int) -> None:
    """Print the table."""
    print(f"{panels} panels, {PERIODS} periods, {DRAWS} draws; per cent")
    print("| case | units | studentised | percentiles | t(G − 1) | rejects, ours | rejects, Breusch–Pagan |")
    print("|---|---|---|---|---|---|---|")
    for case, settings in CASES.items():
        for units in (10, 31):
            rng = np.random.default_rng([20120126, units])
            found: list[Any] = []
            for _ in range(panels):
                design, outcomes = panel(rng, units, **settings)
                found.append(held(design, outcomes, settings["correlation"], rng))
            shares = 100 * np.mean(found, axis=0)
            rejected = ("–", "–") if settings["correlation"] else tuple(f"{share:.1f}" for share in shares[3:])
            print(f"| {case} | {units} | " + " | ".join([*(f"{share:.1f}" for share in shares[:3]), *rejected]) + " |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
