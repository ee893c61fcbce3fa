"""Omitted variables: the algebra against regressions that have them (published numbers: tests/reference)."""

from __future__ import annotations

import numpy as np
import pytest

from ruralpanel.claims.robustness import sensitivity


def regression(y: np.ndarray, x: np.ndarray) -> tuple[float, float, float]:
    """Coefficient of the first column, its classical error, residual degrees of freedom."""
    inverse = np.linalg.inv(x.T @ x)
    params = inverse @ x.T @ y
    left, df = y - x @ params, y.size - x.shape[1]
    return float(params[0]), float(np.sqrt(left @ left / df * inverse[0, 0])), float(df)


def partial(y: np.ndarray, z: np.ndarray, given: np.ndarray) -> float:
    estimate, error, df = regression(y, np.column_stack([z, given]))
    return sensitivity.partial_r2(estimate / error, df)


@pytest.fixture
def data() -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(0)
    z, c = rng.normal(size=(2, 200))
    x = 0.5 * z + 0.3 * c + rng.normal(size=200)
    return 0.4 * x + 0.6 * z + 0.5 * c + rng.normal(size=200), x, z, c


def test_adjusting_gives_the_regression_with_the_omitted_variable(data: tuple[np.ndarray, ...]) -> None:
    y, x, z, c = data
    short, long = np.column_stack([x, c]), np.column_stack([x, c, z])
    estimate, error, df = regression(y, short)
    wanted, wanted_error, _ = regression(y, long)
    lever = partial(x, z, c[:, None])
    outcome = partial(y, z, short)
    found, found_error = sensitivity.adjust(estimate, error, df, lever, outcome)
    assert float(found) == pytest.approx(wanted, rel=1e-10)
    assert float(found_error) == pytest.approx(wanted_error, rel=1e-10)


def test_the_robustness_value_is_where_the_estimate_vanishes() -> None:
    t, df, error = 3.1, 140.0, 0.2
    value = sensitivity.robustness_value(t, df)
    assert float(sensitivity.adjust(t * error, error, df, value, value)[0]) == pytest.approx(0.0, abs=1e-12)
    half = sensitivity.robustness_value(t, df, 0.5)
    assert float(sensitivity.adjust(t * error, error, df, half, half)[0]) == pytest.approx(t * error / 2)


def test_the_robustness_value_at_a_level_is_where_significance_is_lost() -> None:
    from scipy import stats

    t, df, error = 3.1, 140.0, 0.2
    value = sensitivity.robustness_value(t, df, level=0.05)
    estimate, adjusted_error = sensitivity.adjust(t * error, error, df, value, value)
    assert float(estimate / adjusted_error) == pytest.approx(stats.t.isf(0.025, df - 1), rel=1e-10)
    assert sensitivity.robustness_value(1.2, df, level=0.05) == 0.0
    # a t so large that the lever's side alone would have to explain it
    extreme = sensitivity.robustness_value(60.0, 4.0, level=0.05)
    assert 0.9 < extreme < 1.0


def test_a_covariate_is_its_own_benchmark(data: tuple[np.ndarray, ...]) -> None:
    """Partial R² of a covariate with lever and outcome, from regressions without it."""
    y, x, z, c = data
    lever, outcome = sensitivity.covariate_r2(y, x, c[:, None], z[:, None])
    assert lever == pytest.approx(partial(x, z, c[:, None]))
    assert outcome == pytest.approx(partial(y, z, np.column_stack([x, c])))
    nothing = np.zeros((200, 0))
    assert sensitivity.covariate_r2(y, x, nothing, z[:, None])[0] == pytest.approx(partial(x, z, nothing))


def test_impossible_bounds_are_none() -> None:
    assert sensitivity.bound("c", 3.0, 1.0, 0.1, 50.0, 0.4, 0.1) is None
    assert sensitivity.bound("c", 1.0, 1.0, 0.1, 50.0, 0.1, 0.9) is None
    found = sensitivity.bound("c", 1.0, -1.0, 0.1, 50.0, 0.1, 0.2)
    assert found is not None and -1.0 < found.estimate < 0.0 and found.statistic < 0.0


def test_contours_start_at_the_estimate() -> None:
    grid, estimates = sensitivity.contours(-0.5, 0.1, 80.0, 0.3, 7)
    assert grid[-1] == 0.3 and estimates.shape == (7, 7)
    assert (estimates[0] == -0.5).all() and (estimates[:, 0] == -0.5).all()
    assert (np.diff(estimates[1:, 1:], axis=0) > 0).all()
