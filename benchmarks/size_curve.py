"""Simulate the size and power of the joint test of a specification curve; run ``python benchmarks/size_curve.py``.

Made-up panels of the shipped shape, 31 units × 8 periods, two-way effects. A curve of 48 specifications: two outcomes ×
two noisy measures of one lever × controls × samples × effects × weights. Lever and control are correlated, errors
persist over time. Rows of the table differ in how units' errors differ in variance, in the lever's spread over units
(a few units carry it), and in the effect. Printed: share of panels in which a test at 5 % rejects, by scheme and
statistic; the Monte Carlo error of a true 5 % with 1,000 panels is .7 %.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))

from ruralpanel.claims.robustness.curve_data import CurveData
from ruralpanel.claims.robustness.curve_plan import Plan, plan
from ruralpanel.claims.robustness.curve_tests import SCHEMES, STATISTICS, curve_test
from ruralpanel.project.sections.configuration import SpecificationCurve

UNITS, PERIODS, DRAWS = 31, 8, 199
CURVE: dict[str, Any] = {
    "panel": "simulated", "term": "x", "outcome": ["y1", "y2"], "measures": {"x": ["x1", "x2"]},
    "controls": [["c"], ["c", "d"]], "samples": ["all", "part"],
    "effects": [["unit", "period"], ["unit"], ["unit", "g:period"]],
}  # fmt: skip
CASES = {
    "equal variances": {},
    "variances of units differ": {"spread": 0.7},
    "lever carried by few units": {"carried": 1.0},
    "both, tied to each other": {"spread": 0.7, "carried": 1.0, "tied": True},
    "unbalanced, weighted": {"spread": 0.4, "missing": 0.05, "weighted": True},
    "effect of .2": {"effect": 0.2},
    "effect of .2, both": {"effect": 0.2, "spread": 0.7, "carried": 1.0},
}


def simulated(
    rng: np.random.Generator,
    effect: float = 0.0,
    spread: float = 0.0,
    carried: float = 0.0,
    tied: bool = False,
    missing: float = 0.0,
    weighted: bool = False,
) -> tuple[CurveData, Plan]:
    """One panel. `spread`, `carried`: log standard deviations of the units' error and lever scales; `tied`: equal."""
    shape = (UNITS, PERIODS)

    def persistent() -> np.ndarray[Any, Any]:
        values = rng.normal(size=shape)
        for t in range(1, PERIODS):
            values[:, t] = 0.6 * values[:, t - 1] + 0.8 * values[:, t]
        return values

    scale = rng.normal(size=(UNITS, 1))
    other = scale if tied else rng.normal(size=(UNITS, 1))
    control = persistent()
    lever = (0.5 * control + persistent()) * np.exp(carried * other)
    lever = lever / lever.std()
    noise = persistent() * np.exp(spread * scale)
    level = rng.normal(size=(UNITS, 1))
    values = {
        "x1": lever + 0.2 * rng.normal(size=shape),
        "x2": lever + 0.2 * rng.normal(size=shape),
        "c": control,
        "d": persistent(),
        "y1": level + effect * lever + 0.5 * control + noise,
        "y2": level + effect * lever + 0.5 * control + noise + 0.5 * persistent(),
    }
    columns = {name: column.ravel() for name, column in values.items()}
    columns["y1"][rng.random(UNITS * PERIODS) < missing] = np.nan
    unit, period = np.repeat(np.arange(UNITS), PERIODS), np.tile(np.arange(PERIODS), UNITS)
    codes = {"unit": unit, "period": period, "g:period": (unit % 3) * PERIODS + period}
    samples = {"all": np.ones(unit.size, dtype=bool), "part": unit >= 5}
    columns["w"] = np.exp(0.5 * rng.normal(size=UNITS))[unit]
    curve = SpecificationCurve.model_validate({**CURVE, "weights": [None, "w"] if weighted else [None]})
    return CurveData(tuple(map(str, range(UNITS))), codes, columns, {}, samples), plan(curve)


def rejections(panels: int, seed: int, **case: Any) -> dict[str, np.ndarray[Any, Any]]:
    """Share of the panels in which each statistic's p-value is 5 % or less, by scheme."""
    found = {scheme: np.zeros(len(STATISTICS)) for scheme in SCHEMES}
    rng = np.random.default_rng(seed)
    for _ in range(panels):
        data, declared = simulated(rng, **case)
        for scheme in SCHEMES:
            test = curve_test(data, declared.specifications, DRAWS, rng, 0, scheme)
            assert test is not None
            found[scheme] += [test.p_values[name] <= 0.05 for name in STATISTICS]
    return {scheme: 100 * count / panels for scheme, count in found.items()}


def main() -> None:
    """Print the table; the number of panels is the first argument (1,000)."""
    panels = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    heads = [f"{scheme} {name}" for scheme in SCHEMES for name in STATISTICS]
    print(f"{panels} panels of {UNITS} × {PERIODS}, {DRAWS} draws, share rejected at 5 % (per cent)")
    print(f"{'':<30}" + "".join(f"{head:>25}" for head in heads))
    for seed, (name, case) in enumerate(CASES.items()):
        shares = rejections(panels, seed, **case)
        print(f"{name:<30}" + "".join(f"{value:25.1f}" for scheme in SCHEMES for value in shares[scheme]), flush=True)


if __name__ == "__main__":
    main()
