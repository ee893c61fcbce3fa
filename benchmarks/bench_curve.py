"""Time the specification curve on the shipped panel; run ``python benchmarks/bench_curve.py [results]`` after a run.

The declared curve with most specifications: estimation, and the joint tests with 500 draws. Beside it the same
regressions in a loop over linearmodels' PanelOLS and over pyfixest (a sample of 60, scaled up; pyfixest only where it
is installed). Targets: 5,000 two-way specifications with clustered errors below 5 s, the joint test below two minutes,
on two cores. The sample is also held against the loops' estimates.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))

from ruralpanel.claims.robustness.curve_data import CurveData, columns_needed, curve_data, steps_of
from ruralpanel.claims.robustness.curve_kernel import Estimates, estimate_curve
from ruralpanel.claims.robustness.curve_plan import Plan, Specification, plan
from ruralpanel.claims.robustness.curve_tests import SCHEMES, curve_test
from ruralpanel.project.load import read_config
from ruralpanel.project.reads import declared_lags
from ruralpanel.project.units import load_units

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = 60
DRAWS = 500


def largest(results: Path) -> tuple[Plan, CurveData]:
    """The declared curve with most specifications, on its panel."""
    config = read_config(ROOT / "config.yaml")
    lags = declared_lags(config.variables)
    curves = config.specification_curves
    plans = {name: plan(curve, lags) for name, curve in curves.items()}
    name = max(plans, key=lambda key: len(plans[key].specifications))
    panel = curves[name].panel
    frame = pd.read_parquet(results / "panels" / panel / "panel.parquet")
    print(f"curve {name}: {len(plans[name].specifications):,} specifications on panel {panel}, {len(frame)} rows")
    return plans[name], curve_data(
        plans[name], frame, load_units(ROOT / "data/units/china_provinces.csv"), config.samples
    )


def long(data: CurveData, spec: Specification) -> pd.DataFrame:
    """The rows and columns of one specification as another engine takes them, products multiplied out."""
    frame = pd.DataFrame({name: data.columns[name] for name in columns_needed(data, spec)})
    frame["unit"], frame["period"] = np.array(data.units)[data.codes["unit"]], data.codes["period"]
    for term in spec.terms:
        if ":" in term:
            frame[term] = np.prod([data.columns[part] for part in term.split(":")], axis=0)
    for effect in spec.effects:
        if effect not in frame:
            frame[effect] = data.codes[effect]
    return frame[data.samples[spec.sample]].dropna()


def by_linearmodels(data: CurveData, spec: Specification) -> float:
    """PanelOLS with both effects and clustered errors, as the main estimator calls it."""
    from linearmodels.panel import PanelOLS

    frame = long(data, spec).set_index(["unit", "period"])
    names = [*spec.terms, *steps_of(data, spec)]
    weights = None if spec.weights is None else frame[spec.weights]
    other = frame[[e for e in spec.effects if e != "unit"]] if "period" not in spec.effects else None
    model = PanelOLS(
        frame[spec.outcome], frame[names], weights=weights, entity_effects=True,
        time_effects=other is None, other_effects=other, drop_absorbed=True, check_rank=False,
    )  # fmt: skip
    return float(model.fit(cov_type="clustered", cluster_entity=True).params[spec.term])


def by_pyfixest(data: CurveData, spec: Specification) -> float:
    """feols with the same effects and errors."""
    import pyfixest

    frame = long(data, spec)
    terms = [*spec.terms, *steps_of(data, spec)]
    safe = {name: f"v{i}" for i, name in enumerate(dict.fromkeys([spec.outcome, *terms, *spec.effects]))}
    frame = frame.rename(columns=safe)
    formula = (
        f"{safe[spec.outcome]} ~ {' + '.join(safe[t] for t in terms)} | {' + '.join(safe[e] for e in spec.effects)}"
    )
    found = pyfixest.feols(formula, frame, vcov={"CRV1": safe["unit"]}, weights=spec.weights)
    return float(found.coef()[safe[spec.term]])


def loop(
    name: str, one: Callable[[CurveData, Specification], float], data: CurveData, declared: Plan, ours: Estimates
) -> None:
    """Time a sample of the specifications one by one."""
    chosen = np.random.default_rng(0).choice(ours.members.size, SAMPLE, replace=False)
    specifications = [declared.specifications[ours.members[i]] for i in chosen]
    one(data, specifications[0])
    start = time.perf_counter()
    found = np.array([one(data, spec) for spec in specifications])
    each = (time.perf_counter() - start) / SAMPLE
    gap = np.max(np.abs(found - ours.estimate[chosen]) / np.abs(ours.estimate[chosen]))
    print(f"{name:<22} {1000 * each:8.2f} ms each  {each * ours.members.size:8.1f} s   largest relative gap {gap:.0e}")


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore")  # what the other engines say of columns that they drop
    results = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "results"
    declared, data = largest(results)
    start = time.perf_counter()
    ours = estimate_curve(data, declared.specifications)
    taken = time.perf_counter() - start
    print(f"{'shared products (ours)':<22} {1000 * taken / ours.members.size:8.2f} ms each  {taken:8.1f} s")
    loop("linearmodels PanelOLS", by_linearmodels, data, declared, ours)
    try:
        loop("pyfixest feols", by_pyfixest, data, declared, ours)
    except ImportError:
        print("pyfixest               not installed")
    for scheme in SCHEMES:
        start = time.perf_counter()
        curve_test(data, declared.specifications, DRAWS, np.random.default_rng(1), 0, scheme)
        print(f"joint test, {scheme:<10} {DRAWS} draws                {time.perf_counter() - start:8.1f} s")


if __name__ == "__main__":
    main()
