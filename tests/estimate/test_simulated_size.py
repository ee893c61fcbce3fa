"""Simulated size: the kernels against each method's own module, the errors' process against known ones, known sizes."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import policy_panels
from ruralpanel.estimate import simulated_size as module
from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.model import SimulatedSize
from ruralpanel.estimate.base.results import Design, Fit, Inference
from ruralpanel.estimate.estimate import estimate
from ruralpanel.estimate.estimators import fit
from ruralpanel.estimate.inference import covariance, size_kernels
from ruralpanel.estimate.inference.cluster import cluster_codes
from ruralpanel.estimate.inference.error_process import error_process, least_squares
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.estimate.inference.wild import drawn_codes
from ruralpanel.estimate.inference.wild_kernel import combination, draw_weights
from ruralpanel.estimate.simulated_size import simulated_sizes
from ruralpanel.project.notes import note
from ruralpanel.project.settings import InferenceSpec

pytestmark = pytest.mark.slow


def setting(method: str = "cluster", **options: Any) -> InferenceSpec:
    return InferenceSpec(method, options)


def panel(
    seed: int, units: int = 12, periods: int = 5, missing: float = 0.1, rho: float = 0.0, weighted: bool = False, **more
) -> Design:
    """Two regressors, the second the same for all periods after the middle of some units; AR(1) errors."""
    rng = np.random.default_rng(seed)
    unit, period = np.repeat(np.arange(units), periods), np.tile(np.arange(periods), units)
    kept = rng.random(unit.size) >= missing
    policy = ((unit < units // 3) & (period >= periods // 2)).astype(float)
    x = np.column_stack([rng.normal(size=unit.size), policy])
    errors = np.zeros((units, periods))
    errors[:, 0] = rng.normal(size=units)
    for t in range(1, periods):
        errors[:, t] = rho * errors[:, t - 1] + np.sqrt(1 - rho**2) * rng.normal(size=units)
    y = x[:, 0] + rng.normal(size=units)[unit] + errors.ravel()
    weights = rng.uniform(0.5, 3.0, unit.size)[kept] if weighted else None
    more = {"estimator": "fe", "effects": ("unit", "period")} | more
    return design_from_arrays(y[kept], x[kept], unit[kept], 2000 + period[kept], weights=weights, **more)


def outcomes_of(design: Design, found: Fit, panels: int, seed: int = 0) -> size_kernels.Outcomes:
    rng = np.random.default_rng(seed)
    space = covariance.space_of(found, design)
    draws = error_process(found, design, space, rng).draw(panels, rng)
    return size_kernels.Outcomes(found, design, space, *least_squares(found, space, draws))


SHAPES: list[dict[str, Any]] = [
    {},
    {"weighted": True},
    {"estimator": "pooled", "effects": ()},
    {"estimator": "fd", "effects": ("period",), "missing": 0.0},
    {"estimator": "re", "effects": ()},
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(
    "method",
    [
        setting("classical"),
        setting(small_sample="CR1"),
        setting(small_sample="CR1", critical="satterthwaite"),
        setting(small_sample="CR2"),
        setting(small_sample="CR3"),
        setting("hc", kind="HC1"),
        setting("hc", kind="HC3"),
    ],
    ids=str,
)
def test_variance_kernels_reject_what_the_methods_reject(method: InferenceSpec, shape: dict[str, Any]) -> None:
    d = panel(1, **shape)
    if method.method == "hc" and shape.get("effects", ("unit",))[:1] == ("unit",):
        d = panel(1, **shape, periods=2, missing=0.0, units=20)
    found = fit(d)
    # errors three times as large in one half of the panels' terms: both answers occur
    outcomes = outcomes_of(d, found, 60)
    outcomes = replace(outcomes, params=outcomes.params * np.repeat([1.0, 3.0], 30))
    fast = size_kernels.by_variance(outcomes, method, infer(found, d, method, 0))
    slow = size_kernels.one_by_one(outcomes, method, 0)
    assert fast is not None and slow is not None
    np.testing.assert_array_equal(fast, slow)
    assert 0 < slow.mean() < 1


@pytest.mark.parametrize(
    ("units", "options"),
    [
        (12, {}),
        (12, {"weights": "webb"}),
        (14, {"weights": "mammen"}),
        (7, {}),
        (12, {"subcluster": "half"}),
        (12, {"by": "period"}),
        (12, {"by": "crossing", "weights": "webb"}),
    ],
    ids=str,
)
def test_the_bootstrap_kernel_is_the_bootstrap(units: int, options: dict[str, Any]) -> None:
    """The same weights in `wild_kernel.combination`; with seven clusters all vectors of signs in both."""
    d = panel(2, units=units, periods=6)
    extra = {"half": d.period_codes // 3, "crossing": (d.unit_codes + d.period_codes) % 9}
    d = replace(d, clusters={**d.clusters, **extra})
    found = fit(d)
    method = setting("wild_cluster", **options)
    outcomes = outcomes_of(d, found, 12)
    outcomes = replace(outcomes, params=outcomes.params * 2.0)
    rejected = size_kernels.wild(outcomes, method, [0, 1], 99, np.random.default_rng(5))
    codes = cluster_codes(d, str(options.get("by", "unit")), found.rows)
    drawn = drawn_codes(found, d, method, codes)
    kind, number = str(options.get("weights", "rademacher")), int(drawn.max()) + 1
    flat = draw_weights(kind, number, 12 * 99, np.random.default_rng(5))
    for s, j in itertools.product(range(12), (0, 1)):
        other = size_kernels._with(outcomes, s)
        given = None if number <= size_kernels.FEW_SIGNS else flat[:, 99 * s : 99 * (s + 1)]
        size = 99_999 if given is None else 99
        draws = combination(other, d, np.eye(2)[j], codes, drawn, kind, size, np.random.default_rng(0), given)
        assert rejected[j, s] == (draws.p_value(float(other.params[j])) <= 0.05)
    assert 0 < rejected.mean() < 1


def test_the_permutation_kernel_keeps_its_level() -> None:
    """400 cross-sections of normal errors: 5 % within 3 Monte Carlo errors; with an effect it rejects."""
    rng = np.random.default_rng(3)
    d = design_from_arrays(rng.normal(size=20), rng.normal(size=(20, 2)), np.arange(20), estimator="pooled")
    outcomes = outcomes_of(d, fit(d), 400)
    share = size_kernels.permuted(outcomes, setting("permutation"), [0], 99, rng).mean()
    assert share == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / 400))
    strong = replace(outcomes.head(40), params=outcomes.params[:, :40] + 3.0)
    assert size_kernels.permuted(strong, setting("permutation"), [0], 99, rng).mean() > 0.9


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.8])
def test_autocorrelation_is_found_in_short_panels(rho: float) -> None:
    """30 panels of 31 × 8: the mean within 4 of its errors. The residuals' own autocorrelation is lower by .2 to .4."""
    values, naive = [], []
    for seed in range(30):
        d = panel(seed, units=31, periods=8, missing=0.05, rho=rho)
        found = fit(d)
        rng = np.random.default_rng(seed)
        values.append(error_process(found, d, covariance.space_of(found, d), rng).rho)
        same = d.unit_codes[1:] == d.unit_codes[:-1]
        naive.append(np.sum((found.residuals[1:] * found.residuals[:-1])[same]) / np.sum(found.residuals**2))
    assert np.mean(values) == pytest.approx(rho, abs=4 * np.std(values) / np.sqrt(30) + 0.02)
    assert np.mean(naive) < rho - 0.1


def test_unit_variances_are_found_and_noise_is_not() -> None:
    equal, unequal = [], []
    for seed in range(20):
        d = panel(seed, units=31, periods=8, missing=0.0, rho=0.5)
        found = fit(d)
        space = covariance.space_of(found, d)
        scale = error_process(found, d, space, np.random.default_rng(seed)).scale
        equal.append(np.std(np.log(scale)))
        loud = replace(d, y=d.y + (d.y - d.y.mean()) * 4.0 * (d.unit_codes < 10))
        scale = error_process(fit(loud), loud, space, np.random.default_rng(seed)).scale
        unequal.append(scale[:10].mean() / scale[10:].mean())
        assert np.mean(scale**2) == pytest.approx(1.0)
    assert np.mean(equal) < 0.2
    assert np.mean(unequal) > 2.0


def test_draws_have_the_autocorrelation_of_their_years() -> None:
    """Years 1998, 1999, 2003: correlations ρ and ρ⁴ in 20,000 draws, whose errors are below .01."""
    rng = np.random.default_rng(0)
    unit, year = np.repeat(np.arange(8), 3), np.tile([1998, 1999, 2003], 8)
    d = design_from_arrays(rng.normal(size=24), rng.normal(size=24), unit, year, effects=("unit",))
    found = fit(d)
    process = replace(error_process(found, d, covariance.space_of(found, d), rng), rho=0.6, scale=np.ones(8))
    levels = process.levels(process.noise(20_000, rng), 0.6)
    assert np.corrcoef(levels[0], levels[1])[0, 1] == pytest.approx(0.6, abs=0.03)
    assert np.corrcoef(levels[1], levels[2])[0, 1] == pytest.approx(0.6**4, abs=0.03)
    assert np.std(levels) == pytest.approx(1.0, abs=0.02)


def test_what_is_known_to_go_wrong_goes_wrong() -> None:
    """A policy in a panel of 30 × 10 with ρ = .8: classical errors reject far too often, clustered ones do not."""
    d = panel(4, units=30, periods=10, missing=0.0, rho=0.8)
    found = fit(d)
    settings = (setting("classical"), setting(), setting("wild_cluster", draws=999, interval=False))
    results = [infer(found, d, one, 0) for one in settings]
    classical, clustered, wild = simulated_sizes(found, d, settings, results, 1)
    assert classical is not None and clustered is not None and wild is not None
    assert classical.by_term["x2"] > 0.2
    assert clustered.by_term["x2"] == pytest.approx(0.055, abs=0.03)
    assert wild.by_term["x2"] == pytest.approx(0.05, abs=3 * wild.error)
    assert classical.simulations == 1000 and wild.simulations == 500 and wild.draws == 99
    assert (classical.units, classical.periods) == (30, 10)
    assert clustered.error == pytest.approx(np.sqrt(clustered.size * (1 - clustered.size) / 1000))


def test_one_high_leverage_unit_shows() -> None:
    """Nearly all variation of the regressor in one unit: CR1 rejects a multiple of 5 %, as its formula lets expect."""
    d = panel(5, units=20, periods=6, missing=0.0)
    x = d.x.copy()
    x[d.unit_codes == 3, 0] *= 12.0
    d = replace(d, x=x)
    found = fit(d)
    sizes = simulated_sizes(found, d, (setting(),), [infer(found, d, setting(), 0)], 1)
    assert sizes[0] is not None and sizes[0].by_term["x1"] > 0.15


def test_results_repeat_and_depend_on_the_seed() -> None:
    d = panel(6)
    found = fit(d)
    first, again, other = (
        simulated_sizes(found, d, (setting(),), [infer(found, d, setting(), 0)], seed) for seed in (1, 1, 2)
    )
    assert first == again != other


def test_controls_and_steps_do_not_enter_the_size() -> None:
    d = panel(7)
    d = replace(d, spec=replace(d.spec, controls=("x2",)))
    found = fit(d)
    methods = (setting(), setting("wild_cluster", draws=99, interval=False))
    one, wild = simulated_sizes(found, d, methods, [infer(found, d, m, 0) for m in methods], 1)
    assert one is not None and wild is not None
    assert one.size == one.lowest == one.highest == one.by_term["x1"]
    assert list(one.by_term) == ["x1", "x2"] and list(wild.by_term) == ["x1"]


def test_what_is_not_simulated_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    d = panel(8)
    found = fit(d)
    result = infer(found, d, setting(), 0)
    instrumented = replace(found, residuals=found.residuals * 1.5)
    sizes = simulated_sizes(instrumented, replace(d, spec=replace(d.spec, estimator="iv")), (setting(),), [result], 0)
    assert sizes[0] == SimulatedSize(reason=note("not_one_regression"))
    monkeypatch.setattr(module, "MOST_NUMBERS", 99 * found.rows.size)
    sizes = simulated_sizes(found, d, (setting(),), [result], 0)
    assert sizes[0] == SimulatedSize(reason=note("too_many_rows_simulated", rows=found.rows.size))


@pytest.mark.parametrize(
    ("method", "treated"),
    [("twfe", 6), ("callaway_santanna", 6), ("imputation", 6), ("matched", 6), ("synthetic", 6), ("stacked", 6)],
)
def test_policy_designs_count_their_treated(method: str, treated: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Methods that choose by the outcome are estimated again on every panel; all hold their size roughly."""
    monkeypatch.setattr(module, "SLOW_PANELS", 30)
    dates = [2006.0] * treated + [np.inf] * 12
    d = policy_panels.panel(dates, list(range(2000, 2010)), np.random.default_rng(9), rho=0.3, method=method)
    d = replace(d, spec=replace(d.spec, inference=(setting(),), simulated_size=True, outcome="y"))
    result = estimate(d.spec, d, 1, "")
    size = result.inference[0].simulated_size
    assert size.treated == treated and size.units == 18 and size.periods == 10
    assert size.by_term["treated"] < 0.05 + 4 * np.sqrt(0.05 * 0.95 / size.simulations) + 0.04


def test_event_studies_and_what_takes_too_long() -> None:
    dates = [2006.0] * 6 + [np.inf] * 12
    d = policy_panels.panel(dates, list(range(2002, 2009)), np.random.default_rng(10), estimator="event_study")
    d = replace(d, spec=replace(d.spec, inference=(setting(),), simulated_size=True))
    size = estimate(d.spec, d, 1, "").inference[0].simulated_size
    assert size.simulations == 1000 and size.treated == 6 and len(size.by_term) == 6
    d = policy_panels.panel(dates, list(range(2000, 2009)), np.random.default_rng(10), method="synthetic_control")
    d = replace(d, spec=replace(d.spec, inference=(), simulated_size=True, options=d.spec.options.changed(draws=99)))
    own = estimate(d.spec, d, 1, "").inference[0].simulated_size
    assert own.size is None and own.reason == note("size_in_documentation")


def test_the_model_records_it_where_it_is_asked_for() -> None:
    d = panel(11)
    quiet = replace(d.spec, inference=(setting(), setting(small_sample="CR0")))
    result = estimate(quiet, d, 1, "")
    assert result.inference[0].simulated_size is None
    loud = estimate(replace(quiet, simulated_size=True), d, 1, "")
    assert 0.0 < loud.inference[0].simulated_size.size < 0.2
    assert loud.inference[1].not_available is not None and loud.inference[1].simulated_size is None


def test_randomisation_over_treated_sets_is_simulated_with_other_outcomes() -> None:
    dates = [2003.0] * 4 + [np.inf] * 8
    d = policy_panels.panel(dates, list(range(2000, 2006)), np.random.default_rng(12))
    d = replace(d, spec=replace(d.spec, method="twfe"))
    found = fit(d)
    method = setting("treatment", draws=99)
    outcomes = outcomes_of(d, found, 80)
    rejected = size_kernels.one_by_one(outcomes, method, 0)
    assert rejected is not None
    assert rejected.mean() == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / 80))
    result = infer(found, d, method, 1)
    assert isinstance(result, Inference) and result.p_value[0] >= 0.01
