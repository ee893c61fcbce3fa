"""The rule of verdicts on simulated panels of the shipped size, where the truth is known.

31 units, 8 periods, effects of unit and period, regressor and errors autocorrelated within units: each panel goes
through the estimator, its clustered errors, four specifications and the rule, as a claim does.
"""

from __future__ import annotations

import functools
import math
from collections import Counter

import numpy as np
import pytest

from ruralpanel.claims.verdicts import Agreement, Evidence, decide
from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.estimators import fit
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.project.settings import InferenceSpec

pytestmark = pytest.mark.slow

UNITS, PERIODS, PANELS = 31, 8, 50
SETTING = InferenceSpec("cluster", {"by": "unit", "small_sample": "CR1", "critical": "t"})


def autocorrelated(rng: np.random.Generator, rho: float) -> np.ndarray:
    values = rng.standard_normal((UNITS, PERIODS))
    for t in range(1, PERIODS):
        values[:, t] = rho * values[:, t - 1] + math.sqrt(1 - rho**2) * values[:, t]
    return values


def verdict(rng: np.random.Generator, slope: float, delta: float) -> str:
    x, control = autocorrelated(rng, 0.6), autocorrelated(rng, 0.6)
    y = slope * x + rng.standard_normal((UNITS, 1)) + rng.standard_normal(PERIODS) + autocorrelated(rng, 0.5)
    unit, period = np.divmod(np.arange(UNITS * PERIODS), PERIODS)

    def model(columns: list[np.ndarray], rows: np.ndarray):  # type: ignore[no-untyped-def]
        regressors = np.column_stack([column.ravel()[rows] for column in columns])
        return design_from_arrays(
            y.ravel()[rows], regressors, unit[rows], period[rows],
            effects=("unit", "period"),
        )  # fmt: skip

    everything = np.ones(unit.size, dtype=bool)
    main = model([x], everything)
    fitted = fit(main)
    errors = infer(fitted, main, SETTING, 1)
    others = [model([x, control], everything), model([x], period > 0), model([x], unit > 3)]
    estimates = [fitted.params[0], *(fit(design).params[0] for design in others)]
    share = float(np.mean(np.sign(estimates) == np.sign(estimates[0])))
    evidence = Evidence(
        float(fitted.params[0]),
        float(errors.ci_low[0]),
        float(errors.ci_high[0]),
        agreement=Agreement(share, len(estimates)),
    )
    return decide("positive", evidence, delta).word


@functools.cache
def rates(slope: float, delta: float) -> Counter[str]:
    rng = np.random.default_rng(20120126)
    return Counter(verdict(rng, slope, delta) for _ in range(PANELS))


@pytest.mark.parametrize(
    ("slope", "delta", "expected", "least", "most"),
    [
        # the slope's error is near .08: an effect of .4 lies 5 errors from zero
        (0.4, 0.1, "supported", 0.97, 1.0),
        (-0.4, 0.1, "contradicted", 0.97, 1.0),
        (0.0, 0.1, "supported", 0.0, 0.11),
        (0.0, 0.1, "contradicted", 0.0, 0.11),
        # δ of 6 errors: a null is called one, but for the 5 % of intervals that leave zero out
        (0.0, 0.5, "no effect that matters", 0.83, 1.0),
    ],
)
def test_rates_of_verdicts(slope: float, delta: float, expected: str, least: float, most: float) -> None:
    """Bounds leave four Monte Carlo errors (50 panels: .022 at 2.5 %, .031 at 5 %) around the nominal rates."""
    assert least <= rates(slope, delta)[expected] / PANELS <= most


def test_what_is_neither_is_not_called_either() -> None:
    """A small effect under noise: mostly "cannot tell", hardly ever of the wrong sign."""
    found = rates(0.08, 0.1)
    assert found["cannot tell"] / PANELS > 0.6
    assert found["contradicted"] / PANELS <= 0.04
