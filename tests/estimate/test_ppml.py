"""Poisson with effects against statsmodels with dummies, zeros included."""

from __future__ import annotations

import numpy as np
import pytest

from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.results import Design
from ruralpanel.estimate.families.ppml import fit
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.project.settings import InferenceSpec


@pytest.mark.parametrize("effects", [("unit",), ("unit", "period")])
def test_coefficients_and_clustered_errors_equal_dummies(effects: tuple[str, ...]) -> None:
    import statsmodels.api as sm

    rng = np.random.default_rng(4)
    units, periods = np.repeat(np.arange(25), 8), np.tile(np.arange(8), 25)
    x = rng.normal(size=(200, 2))
    mean = np.exp(0.4 * x[:, 0] - 0.2 * x[:, 1] + rng.normal(size=25)[units] + 0.1 * periods)
    y = rng.poisson(mean).astype(float)
    assert (y == 0).any()
    design = design_from_arrays(y, x, units, periods, effects=effects)
    found = fit(design)
    dummies = [np.eye(25)[units]]
    if "period" in effects:
        dummies.append(np.eye(8)[periods][:, 1:])
    reference = sm.GLM(y, np.column_stack([x, *dummies]), family=sm.families.Poisson()).fit(tol=1e-12, maxiter=100)
    assert found.params == pytest.approx(reference.params[:2], abs=1e-8)
    robust = sm.GLM(y, np.column_stack([x, *dummies]), family=sm.families.Poisson()).fit(
        tol=1e-12, maxiter=100, cov_type="cluster", cov_kwds={"groups": units, "use_correction": False}
    )
    setting = InferenceSpec("cluster", {"by": "unit", "small_sample": "CR1", "critical": "t"})
    errors = infer(found, design, setting, 0)
    assert errors.std_error is not None
    ratio = errors.std_error / robust.bse[:2]
    assert ratio[0] == pytest.approx(ratio[1], rel=1e-6)  # one factor for both: CR1's
    assert 1.0 < ratio[0] < 1.1


@pytest.mark.parametrize("sizes", [0.2, 1.2])
def test_errors_for_few_clusters_are_near_the_jackknifes(sizes: float) -> None:
    """CR3 is the jackknife over clusters but for one Newton step and (G − 1)/G; CR1 falls short where few units count.

    Units whose means spread by a log standard deviation of 1.2 leave some six of 25 that carry the estimate.
    """
    rng = np.random.default_rng(7)
    units, periods = np.repeat(np.arange(25), 6), np.tile(np.arange(6), 25)
    x = 0.5 * rng.normal(size=25)[units] * (periods > 2) + 0.3 * rng.normal(size=150)
    mean = np.exp(3.0 + 0.4 * x + sizes * rng.normal(size=25)[units] + 0.2 * rng.normal(size=150))
    y = rng.poisson(mean).astype(float)

    def design(rows: np.ndarray) -> Design:
        return design_from_arrays(y[rows], x[rows], units[rows], periods[rows], effects=("unit", "period"))

    everything = design(np.ones(150, dtype=bool))
    found = fit(everything)
    errors = {}
    for kind in ("CR1", "CR2", "CR3"):
        result = infer(found, everything, InferenceSpec("cluster", {"by": "unit", "small_sample": kind}), 0)
        assert result.std_error is not None and result.df is not None
        errors[kind] = float(result.std_error[0])
        assert kind != "CR2" or 2.0 < result.df[0] < 24.0
    left_out = np.array([fit(design(units != g)).params[0] for g in range(25)])
    jackknife = float(np.sqrt(24 / 25 * np.sum((left_out - left_out.mean()) ** 2)))
    assert errors["CR3"] == pytest.approx(jackknife, rel=0.1)
    assert errors["CR1"] < errors["CR2"] < errors["CR3"]
