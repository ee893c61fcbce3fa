"""Sizes and coverage of spatial panels at 31 provinces × 6 years; run ``python benchmarks/bench_spatial.py [panels]``.

Made-up panels with the provinces' contiguity, unit and period effects and one regressor with slope one and, in the
Durbin model, θ = −.5. Shocks and regressor persist over time in some. Printed: how often a 5 % test rejects the true ρ,
by the information's errors (normal) and by errors clustered by unit (t, G − 1); how often the likelihood ratio and
Lagrange multipliers reject; how often the 95 % intervals of the direct and the indirect effect hold the truth,
by both covariances. Monte Carlo error of 5 % with 1000 panels: 0.7 points.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))

from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.results import Design, Further
from ruralpanel.estimate.families.spatial.spatial import fit
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.estimate.places.geography import read_polygons
from ruralpanel.project.settings import InferenceSpec
from ruralpanel.project.units import load_units

ROOT = Path(__file__).resolve().parents[1]
PERIODS = 6
TESTS = ("lr_independent", "lm_lag", "lm_lag_clustered", "lm_error", "lm_error_clustered")
OWN, CLUSTER = InferenceSpec("own"), InferenceSpec("cluster")
CASES: tuple[tuple[str, str, float, float], ...] = (
    ("sar, ρ = 0, independent", "sar", 0.0, 0.0),
    ("sar, ρ = 0, persistence .9", "sar", 0.0, 0.9),
    ("sar, ρ = .4, independent", "sar", 0.4, 0.0),
    ("sar, ρ = .4, persistence .9", "sar", 0.4, 0.9),
    ("sdm, ρ = .4, independent", "sdm", 0.4, 0.0),
    ("sdm, ρ = .4, persistence .9", "sdm", 0.4, 0.9),
)


def weights() -> np.ndarray[Any, Any]:
    """Provinces that touch, Hainan with Guangdong, rows that sum to one."""
    units = load_units(str(ROOT / "data" / "units" / "china_provinces.csv")).ids
    i, j = read_polygons(str(ROOT / "data" / "boundaries" / "china_provinces.geojson")).touching(units)
    matrix = np.zeros((len(units), len(units)))
    matrix[i, j] = matrix[j, i] = 1.0
    pair = units.index("CN-HI"), units.index("CN-GD")
    matrix[pair] = matrix[pair[::-1]] = 1.0
    return np.asarray(matrix / matrix.sum(axis=1, keepdims=True))


def panel(rng: np.random.Generator, w: Any, method: str, rho: float, persistence: float) -> Design:
    """One panel."""
    n, theta = len(w), -0.5 if method == "sdm" else 0.0
    draws = rng.standard_normal((2, n, PERIODS))
    for t in range(1, PERIODS):
        draws[..., t] = persistence * draws[..., t - 1] + np.sqrt(1 - persistence**2) * draws[..., t]
    effects = rng.standard_normal((n, 1)) + rng.standard_normal((1, PERIODS))
    x = draws[0] + 0.5 * effects
    y = np.linalg.solve(np.eye(n) - rho * w, x + theta * w @ x + effects + draws[1])
    design = design_from_arrays(
        y.ravel(), x.ravel(), np.repeat([f"{i:02d}" for i in range(n)], PERIODS), np.tile(range(PERIODS), n),
        estimator="spatial", method=method, effects=("unit", "period"), options={"weights_matrix": "w", "draws": 500},
    )  # fmt: skip
    return replace(design, extra=Further(weights_matrix=sparse.csr_array(w)))


def outcomes(design: Design, w: Any, rho: float) -> list[bool]:
    """What is rejected and what is held, in the order of the heading."""
    theta = -0.5 if design.spec.method == "sdm" else 0.0
    response = np.linalg.inv(np.eye(len(w)) - rho * w) @ (np.eye(len(w)) + theta * w)
    direct = float(np.trace(response)) / len(w)
    truth = (direct, float(response.sum()) / len(w) - direct)
    rejected, held = [], []
    for settings in ((OWN,), (CLUSTER, OWN)):
        found = fit(replace(design, spec=replace(design.spec, inference=settings)))
        errors = infer(found, design, settings[0], 0)
        rejected.append(bool(not errors.ci_low[-1] <= rho <= errors.ci_high[-1]))
        rows = found.extra.spatial_effects.rows
        held += [bool(row.ci_low <= value <= row.ci_high) for row, value in zip(rows, truth, strict=False)]
    tests = [found.tests[name].p_value < 0.05 for name in TESTS]
    return [*rejected, *tests, *held]


def main(panels: int = 1000) -> None:
    """Print the table."""
    w = weights()
    names = ("ρ own", "ρ cluster", "LR ρ = 0", "LM lag", "LM lag clustered", "LM error", "LM error clustered")
    heads = [*names, "direct own", "indirect own", "direct cluster", "indirect cluster"]
    print("| " + " | ".join(["panels", *heads]) + " |")
    for index, (label, method, rho, persistence) in enumerate(CASES):
        rng = np.random.default_rng([20120126, index])
        rows = [outcomes(panel(rng, w, method, rho, persistence), w, rho) for _ in range(panels)]
        shown = [f"{100 * share:.1f}" for share in np.mean(rows, axis=0)]
        print("| " + " | ".join([label, *shown]) + " |", flush=True)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:2]))
