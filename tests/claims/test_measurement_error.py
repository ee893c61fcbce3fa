"""Noise in a lever: corrected coefficients are right on average over simulated noise."""

from __future__ import annotations

import numpy as np
import pytest

from ruralpanel.claims.robustness import sensitivity
from ruralpanel.claims.robustness.checks import Target, check_model
from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.effects import demean
from ruralpanel.project.sections.configuration import Estimand


@pytest.mark.slow
@pytest.mark.parametrize("product", [False, True], ids=["lever", "product with a moderator"])
@pytest.mark.parametrize("weighted", [False, True])
def test_corrected_coefficients_are_right_on_average(product: bool, weighted: bool) -> None:
    """150 draws of noise around one true lever, two-way effects: the mean of the corrected estimates is the truth.

    Its Monte Carlo error is below .015; uncorrected estimates are a quarter of it away and more.
    """
    rng = np.random.default_rng(0)
    units, periods = 40, 8
    unit, period = np.repeat(np.arange(units), periods), np.tile(np.arange(periods), units)
    true, control = rng.normal(size=(2, unit.size))
    moderator = rng.uniform(0.5, 2.0, units)[unit]
    weights = rng.uniform(0.5, 2.0, unit.size) if weighted else None
    y = true + 0.5 * control + (0.7 * true * moderator if product else 0.0)
    corrected, plain = [], []
    for _ in range(150):
        measured = true + 0.7 * rng.normal(size=unit.size)
        columns = [measured, control, *([measured * moderator] if product else [])]
        terms = ("x", "c", *(["x:m"] if product else []))
        design = design_from_arrays(
            y, np.column_stack(columns), unit, period, terms=terms, weights=weights, effects=("unit", "period"),
        )  # fmt: skip
        lever, estimate = lever_of(design, terms[-1] if product else "x")
        plain.append(estimate)
        # reliability at which the noise is the one that was added
        whole = lever.noise(0.0)
        params = lever.corrected(1.0 - 0.49 / whole)
        assert params is not None
        corrected.append(params[terms.index(terms[-1] if product else "x")])
    truth = 0.7 if product else 1.0
    assert np.mean(corrected) == pytest.approx(truth, abs=0.04)
    assert np.mean(plain) < 0.85 * truth


def lever_of(design, term: str) -> tuple[sensitivity.Lever, float]:
    """The lever as `check_model` looks at it, and the uncorrected estimate."""
    from ruralpanel.claims.robustness import checks
    from ruralpanel.estimate.estimators import fit

    fitted = fit(design)
    found: list[sensitivity.Lever] = []
    original = sensitivity.Lever

    def spy(*args) -> sensitivity.Lever:
        found.append(original(*args))
        return found[-1]

    own = checks._Fitted(design, fitted, ())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sensitivity, "Lever", spy)
        checks._measurement_error(own, term)
    return found[0], float(fitted.params[fitted.terms.index(term)])


def test_noise_can_be_all_that_is_left() -> None:
    rng = np.random.default_rng(1)
    unit, period = np.repeat(np.arange(20), 6), np.tile(np.arange(6), 20)
    control = rng.normal(size=120)
    x = control + 0.5 * rng.normal(size=120)
    design = design_from_arrays(
        x + rng.normal(size=120), np.column_stack([x, control]), unit, period, terms=("x", "c"),
        effects=("unit", "period"),
    )  # fmt: skip
    entry = check_model(design, [Target("x", Estimand(term="x"))], 1).targets["x"].measurement_error
    by = {row.reliability: row.estimate for row in entry.corrected}
    net = demean(design, design.x, ("unit", "period"))
    explained = np.corrcoef(net.T)[0, 1] ** 2
    # what the control does not explain of the lever is gone once noise is as large
    assert entry.least_reliability == pytest.approx(explained, abs=1e-6)
    assert by[0.5] is None and by[0.95] > 0


def test_the_reverse_regression_bounds_the_coefficient() -> None:
    """With noise in the lever alone the truth lies between the direct and the reverse regression."""
    rng = np.random.default_rng(2)
    true = rng.normal(size=5000)
    measured, y = true + 0.7 * rng.normal(size=5000), true + rng.normal(size=5000)
    direct = float(measured @ y / (measured @ measured))
    left = y - direct * measured
    error = np.sqrt(left @ left / 4999 / (measured @ measured))
    bound = sensitivity.reverse_bound(direct, direct / error, 4999)
    assert bound == pytest.approx(float(y @ y / (measured @ y)), rel=1e-9)
    assert direct < 1.0 < bound
