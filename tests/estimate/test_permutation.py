"""Permutations move whole units; p-values against literal refits, their size, and what is refused."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.results import Design
from ruralpanel.estimate.estimators import fit
from ruralpanel.estimate.inference import permutation
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import InferenceSpec

pytestmark = pytest.mark.slow


def cross_section(seed: int, n: int = 7) -> Design:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    y = x @ [1.0, 0.2] + rng.normal(size=n)
    return design_from_arrays(y, x, np.arange(n), estimator="pooled")


def setting(**options) -> InferenceSpec:
    return InferenceSpec("permutation", options)


def test_freedman_lane_by_enumeration() -> None:
    """All 7! orders by explicit refits; 20,000 draws come within 3.5 Monte Carlo errors."""
    d = cross_section(4)
    columns = np.column_stack([d.x, np.ones(7)])
    inverse = np.linalg.inv(columns.T @ columns)
    others = columns[:, 1:]
    fitted = others @ np.linalg.pinv(others) @ d.y
    residuals = d.y - fitted

    def statistic(y: np.ndarray) -> float:
        params = inverse @ columns.T @ y
        left = y - columns @ params
        variance = inverse @ (columns * (left**2)[:, None]).T @ columns @ inverse
        return float(params[0] ** 2 / variance[0, 0])

    sample = statistic(d.y)
    orders = list(itertools.permutations(range(7)))
    exact = np.mean([statistic(fitted + residuals[list(order)]) >= sample * (1 - 1e-9) for order in orders])
    found = infer(fit(d), d, setting(draws=20_000), 1).p_value[0]
    assert found == pytest.approx(exact, abs=3.5 * np.sqrt(exact * (1 - exact) / 20_000) + 1e-4)


def test_units_keep_their_paths_together() -> None:
    """Strong serial correlation, no effect: moving paths keeps the size, moving rows would not.

    300 panels; 5 % within 3 Monte Carlo errors. An i.i.d. t test on the same panels rejects far more often.
    """
    rng = np.random.default_rng(2)
    unit, period = np.repeat(np.arange(14), 6), np.tile(np.arange(6), 14)
    rejected = naive = 0
    for _ in range(300):
        walk = np.cumsum(rng.normal(size=(2, 14, 6)), axis=2)
        x, y = walk.reshape(2, -1)
        d = design_from_arrays(y, x, unit, period, effects=("unit", "period"))
        found = fit(d)
        rejected += infer(found, d, setting(draws=199), 1).p_value[0] <= 0.05
        naive += infer(found, d, InferenceSpec("classical"), 1).p_value[0] <= 0.05
    assert rejected / 300 == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / 300))
    assert naive / 300 > 0.15


def test_whole_outcomes_test_that_nothing_matters() -> None:
    """Size of the scheme `rows` under independence, skewed errors: 5 % within 3 Monte Carlo errors of 400 samples."""
    rng = np.random.default_rng(3)
    rejected = 0
    for _ in range(400):
        d = design_from_arrays(
            rng.exponential(size=15), rng.normal(size=15), np.arange(15), estimator="pooled",
        )  # fmt: skip
        rejected += infer(fit(d), d, setting(draws=199, scheme="rows"), 1).p_value[0] <= 0.05
    assert rejected / 400 == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / 400))


def test_schemes_agree_with_one_regressor() -> None:
    """With a constant alone beside it, Freedman–Lane residuals are the outcome less its mean."""
    rng = np.random.default_rng(5)
    d = design_from_arrays(rng.normal(size=12), rng.normal(size=12), np.arange(12), estimator="pooled")
    found = fit(d)
    a, b = (infer(found, d, setting(draws=499, scheme=scheme), 1).p_value for scheme in ("freedman_lane", "rows"))
    np.testing.assert_array_equal(a, b)


def test_results_repeat_and_are_never_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    d = cross_section(6, n=30)
    found = fit(replace(d, y=d.x[:, 0] * 50 + d.y))
    first, second = (infer(found, d, setting(draws=199), 7) for _ in range(2))
    np.testing.assert_array_equal(first.p_value, second.p_value)
    assert first.p_value[0] == 1 / 200
    assert np.isnan(first.ci_low).all() and first.std_error is None
    monkeypatch.setattr(permutation, "CELLS", 30 * 7)
    np.testing.assert_array_equal(infer(found, d, setting(draws=199), 7).p_value, first.p_value)


def test_what_is_refused() -> None:
    rng = np.random.default_rng(8)
    unit, period = np.repeat(np.arange(10), 4), np.tile(np.arange(4), 10)
    kept = np.arange(40) != 5
    holed = design_from_arrays(
        rng.normal(size=39), rng.normal(size=39), unit[kept], period[kept], effects=("unit",),
    )  # fmt: skip
    with pytest.raises(UserError, match="balanced panel"):
        infer(fit(holed), holed, setting(), 1)
    d = cross_section(9, n=20)
    weighted = replace(d, weights=np.ones(20))
    with pytest.raises(UserError, match="no weights"):
        infer(fit(weighted), weighted, setting(), 1)
    full = design_from_arrays(rng.normal(size=40), rng.normal(size=40), unit, period, effects=("unit",))
    with pytest.raises(UserError, match="write over: units"):
        infer(fit(full), full, setting(over="rows"), 1)
    assert infer(fit(d), d, setting(over="rows", draws=99), 1).p_value.size == 2
