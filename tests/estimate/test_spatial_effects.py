"""Direct, indirect and total effects by brute force, and their simulated errors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import optimize, sparse

from ruralpanel.estimate.base.parts import SpatialEffects
from ruralpanel.estimate.families.spatial.filter import SpatialFilter
from ruralpanel.estimate.families.spatial.impacts import Coefficients, effects
from ruralpanel.estimate.families.spatial.spatial import fit
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.project.notes import note
from ruralpanel.project.settings import InferenceSpec
from spatial_panels import by_row, designed, draw, spectral, touching

ROW, SPECTRAL = by_row(touching()), spectral(touching())


def brute(rho: float, beta: float, theta: float, weights: Any) -> list[float]:
    """From the matrix of every unit's response to every unit."""
    n = len(weights)
    response = np.linalg.inv(np.eye(n) - rho * weights) @ (beta * np.eye(n) + theta * weights)
    own, total = float(np.trace(response)) / n, float(response.sum()) / n
    return [own, total - own, total]


def estimates(found: SpatialEffects, term: str) -> list[float]:
    return [row.estimate for row in found.rows if row.term == term]


def run(method: str, weights: Any, seed: int = 7, **settings: Any) -> Any:
    y, x = draw(np.random.default_rng(4), weights, lag=0.4, durbin=True)
    return fit(replace(designed(y, x, weights, method, **settings), seed=seed))


@pytest.mark.parametrize("weights", [ROW, SPECTRAL], ids=["rows of one sum", "unequal rows"])
@pytest.mark.parametrize("method", ["sdm", "sar", "slx", "sdem", "gmm_lag", "gmm"])
def test_effects_are_means_of_the_response_matrix(method: str, weights: Any) -> None:
    found = run(method, weights)
    value = dict(zip(found.terms, found.params, strict=True))
    rho = value.get("W:y", 0.0)
    for term in ("x1", "x2"):
        wanted = brute(rho, value[term], value.get(f"W:{term}", 0.0), weights)
        assert estimates(found.extra.spatial_effects, term) == pytest.approx(wanted, abs=1e-10)
    kinds = [row.kind for row in found.extra.spatial_effects.rows]
    assert kinds == ["direct", "indirect", "total"] * 2


def test_a_rise_everywhere_multiplies_the_slope() -> None:
    """Rows that sum to one: β / (1 − ρ)."""
    found = run("sar", ROW)
    total = estimates(found.extra.spatial_effects, "x1")[2]
    assert total == pytest.approx(found.params[0] / (1 - found.params[-1]))


def test_an_error_model_has_no_effects_of_others() -> None:
    assert run("sem", ROW).extra.spatial_effects is None


@pytest.mark.parametrize("weights", [ROW, SPECTRAL], ids=["rows of one sum", "unequal rows"])
def test_simulated_errors_are_those_of_the_delta_method(weights: Any) -> None:
    """20,000 draws from a narrow distribution: simulation error of a standard deviation .5 %, four of them allowed."""
    params, names = np.array([1.0, 0.5, 0.3]), ("x", "W:x", "W:y")
    vcov = 1e-4 * np.array([[4.0, 0.5, -0.6], [0.5, 9.0, -1.0], [-0.6, -1.0, 1.0]])
    filter_ = SpatialFilter(sparse.csr_array(weights), 1.0 if weights is ROW else None)
    chosen = Coefficients(params, vcov, [0], {0: 1}, 2)
    found = effects(chosen, names, filter_, 20_000, np.random.default_rng(3))
    for i, row in enumerate(found.rows):
        slope = optimize.approx_fprime(params, lambda p, i=i: brute(p[2], p[0], p[1], weights)[i], 1e-6)
        assert row.std_error == pytest.approx(float(slope @ vcov @ slope) ** 0.5, rel=0.02)
        assert row.ci_low < row.estimate < row.ci_high
    assert found.left_out == 0


def test_intervals_take_degrees_of_freedom() -> None:
    """t with 5 degrees of freedom: 2.571 / 1.960 as wide; quantiles of 20,000 draws are known within 2 %."""
    filter_ = SpatialFilter(sparse.csr_array(ROW), 1.0)
    chosen = Coefficients(np.array([1.0, 0.0]), np.diag([0.04, 1e-8]), [0], {}, 1)
    wide, narrow = (
        effects(replace(chosen, df=df), ("x", "W:y"), filter_, 20_000, np.random.default_rng(3)).rows[0]
        for df in (5.0, np.inf)
    )
    width = [row.ci_high - row.ci_low for row in (wide, narrow)]
    assert width[0] / width[1] == pytest.approx(2.571 / 1.960, rel=0.05)
    assert wide.std_error == narrow.std_error
    assert wide.p_value == pytest.approx(0.0041, abs=2e-4) and narrow.p_value < 1e-5


def test_draws_beyond_the_interval_are_left_out_and_counted() -> None:
    """ρ of .95 with a standard error of .05: one in six draws has no response matrix."""
    params, vcov = np.array([1.0, 0.95]), np.diag([1e-4, 0.05**2])
    filter_ = SpatialFilter(sparse.csr_array(ROW), 1.0)
    found = effects(Coefficients(params, vcov, [0], {}, 1), ("x", "W:y"), filter_, 2000, np.random.default_rng(3))
    assert 0.12 < found.left_out / 2000 < 0.2
    # ρ so near one has 1 / (1 − ρ) without a variance: percentiles alone
    assert all(row.std_error is None and row.ci_low <= row.ci_high for row in found.rows)
    assert all((row.p_value < 0.05) == (row.ci_low > 0 or row.ci_high < 0) for row in found.rows)


def test_seed_and_number_of_draws_decide() -> None:
    first, again = (run("sdm", ROW, options={"draws": 500}).extra.spatial_effects for _ in range(2))
    assert first == again and first.draws == 500
    other = run("sdm", ROW, seed=8, options={"draws": 500}).extra.spatial_effects
    assert other.rows[0].std_error != first.rows[0].std_error


def test_errors_follow_the_first_setting_of_inference() -> None:
    """As in the model's table: clustered where that comes first, else the information's."""
    settings = (InferenceSpec("cluster"), InferenceSpec("own"))
    own = run("sdem", ROW, options={"draws": 20_000})
    clustered = run("sdem", ROW, options={"draws": 20_000}, inference=settings)
    y, x = draw(np.random.default_rng(4), ROW, lag=0.4, durbin=True)
    design = designed(y, x, ROW, "sdem")
    errors = {
        "own": np.sqrt(np.diag(own.vcov))[0],
        "cluster": infer(clustered, replace(design, terms=own.terms), InferenceSpec("cluster"), 0).std_error[0],
    }
    assert own.extra.spatial_effects.basis == (note("expected_information"),)
    assert [entry.code for entry in clustered.extra.spatial_effects.basis] == ["CR1"]
    for found, name in ((own, "own"), (clustered, "cluster")):
        assert found.extra.spatial_effects.rows[0].std_error == pytest.approx(errors[name], rel=0.03)
