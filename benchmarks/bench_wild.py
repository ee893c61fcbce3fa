"""Time the wild cluster bootstrap at the size of the shipped panels; run ``python benchmarks/bench_wild.py``.

31 units × 8 periods, 8 regressors, unit and period effects, on one core as the workflow's jobs run. Where the package
wildboottest is installed (what pyfixest calls), its time and p-value for one coefficient stand beside ours for all
eight; benchmarks/README.md says how to install it beside the project.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))

from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.results import Design
from ruralpanel.estimate.estimators import fit
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.project.settings import InferenceSpec

UNITS, PERIODS, TERMS = 31, 8, 8
REPEATS = 5


def panel(units: int = UNITS, periods: int = PERIODS) -> Design:
    """A panel of noise; the time does not depend on the numbers."""
    rng = np.random.default_rng(0)
    unit, period = np.repeat(np.arange(units), periods), np.tile(np.arange(periods), units)
    y, x = rng.normal(size=unit.size), rng.normal(size=(unit.size, TERMS))
    return design_from_arrays(y, x, unit, period, effects=("unit", "period"))


def seconds(draws: int, interval: bool, design: Design) -> float:
    """Processor time, median of the repeats."""
    found = fit(design)
    setting = InferenceSpec("wild_cluster", {"draws": draws, "interval": interval})
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        infer(found, design, setting, 1)
        times.append(time.process_time() - start)
    return float(np.median(times))


def other_engine(draws: int, design: Design) -> tuple[float, float] | None:
    """Processor seconds and p-value of wildboottest for one coefficient, dummies included; None: not installed."""
    try:
        from wildboottest.wildboottest import WildboottestCL
    except ImportError:
        return None
    dummies = [(codes[:, None] == np.arange(1, codes.max() + 1)).astype(float) for codes in
               (design.unit_codes, design.period_codes)]  # fmt: skip
    x = np.hstack([design.x, np.ones((design.y.size, 1)), *dummies])
    restriction = np.zeros(x.shape[1])
    restriction[0] = 1.0
    times = []
    for _ in range(REPEATS + 1):
        start = time.process_time()
        boot = WildboottestCL(X=x, Y=design.y, cluster=design.unit_codes, R=restriction, B=draws, seed=1)
        boot.get_scores(bootstrap_type="11", impose_null=True)
        boot.get_weights(weights_type="rademacher")
        boot.get_numer()
        boot.get_denom()
        boot.get_tboot()
        boot.get_vcov()
        boot.get_tstat()
        boot.get_pvalue(pval_type="two-tailed")
        times.append(time.process_time() - start)
    # the first run compiles
    return float(np.median(times[1:])), float(boot.pvalue)


def main() -> None:
    """Print the table."""
    design = panel()
    print(f"{UNITS} × {PERIODS}, {TERMS} terms, two-way effects; processor time on one core, median of {REPEATS}")
    print("draws     all p-values   with intervals   p of x1   wildboottest, one p-value   its p of x1")
    for draws in (9_999, 99_999):
        other = other_engine(draws, design)
        shown = "not installed" if other is None else f"{other[0]:.3f} s{'':<20}{other[1]:.4f}"
        short, long = seconds(draws, False, design), seconds(draws, True, design)
        p = infer(fit(design), design, InferenceSpec("wild_cluster", {"draws": draws, "interval": False}), 1).p_value[0]
        print(f"{draws:<9,} {short:.3f} s        {long:.3f} s          {p:.4f}    {shown}")
    county = panel(2_800, 10)
    print(f"2,800 × 10, 999 draws, all {TERMS} p-values: {seconds(999, False, county):.2f} s")


if __name__ == "__main__":
    main()
