"""Poisson with effects against statsmodels with dummies, zeros included."""

from __future__ import annotations

import numpy as np
import pytest

from ruralpanel.contracts.specs import InferenceSpec
from ruralpanel.estimators.arrays import design_from_arrays
from ruralpanel.estimators.ppml import fit
from ruralpanel.inference.registry import infer


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
