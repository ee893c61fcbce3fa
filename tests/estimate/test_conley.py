"""Conley errors: by double loops, at their limits, beside spreg's, by known truth; where they stop and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.results import Design, Fit, Further
from ruralpanel.estimate.estimate import estimate
from ruralpanel.estimate.estimators import fit
from ruralpanel.estimate.inference import covariance, dependence
from ruralpanel.estimate.inference.error_process import error_process, least_squares
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.estimate.inference.size_kernels import Outcomes, by_variance, one_by_one
from ruralpanel.estimate.places.weights import great_circle_km
from ruralpanel.estimate.simulated_size import simulated_sizes
from ruralpanel.output.tables.inference_words import describe
from ruralpanel.project.kinds.inference import Conley
from ruralpanel.project.model_keys import inference_problems, inference_spec
from ruralpanel.project.notes import note, written
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import InferenceSpec


def setting(method: str = "conley", **options: Any) -> InferenceSpec:
    return InferenceSpec(method, options)


def places(units: int, rng: np.random.Generator) -> np.ndarray:
    return np.column_stack([rng.uniform(95, 125, units), rng.uniform(20, 45, units)])


def panel(
    seed: int = 1, units: int = 24, periods: int = 5, missing: float = 0.1, weighted: bool = False, **more: Any
) -> Design:
    rng = np.random.default_rng(seed)
    unit, period = np.repeat(np.arange(units), periods), np.tile(np.arange(periods), units)
    kept = rng.random(unit.size) >= missing
    x = rng.normal(size=(unit.size, 2)) + rng.normal(size=units)[unit, None]
    y = x.sum(axis=1) + rng.normal(size=units)[unit] + rng.normal(size=unit.size)
    weights = rng.uniform(0.5, 3.0, unit.size)[kept] if weighted else None
    names = [f"u{i:03d}" for i in unit[kept]]
    more = {"estimator": "fe", "effects": ("unit", "period")} | more
    extra = Further(coordinates=places(units, rng))
    return design_from_arrays(y[kept], x[kept], names, 2000 + period[kept], weights=weights, extra=extra, **more)


def looped(found: Fit, d: Design, cutoff: float, kernel: str, lag: int | None) -> np.ndarray:
    """Hsiang's or the whole-path sum, pair by pair."""
    rows = found.rows
    km = great_circle_km(d.extra.coordinates, d.extra.coordinates)
    units, periods = d.unit_codes[rows], d.period_codes[rows]
    meat = np.zeros((found.params.size, found.params.size))
    for a in range(rows.size):
        for b in range(rows.size):
            apart = abs(int(periods[a]) - int(periods[b]))
            i, j = units[a], units[b]
            near = 1.0 if i == j else max(0.0, 1 - km[i, j] / cutoff) if kernel == "bartlett" else km[i, j] < cutoff
            serial = max(0.0, 1.0 - apart / (lag + 1)) if lag is not None and i == j else 0.0
            weight = float(near) if lag is None or apart == 0 else serial
            meat += weight * np.outer(found.scores[a], found.scores[b])
    return found.bread @ meat @ found.bread


@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"weighted": True},
        {"estimator": "pooled", "effects": ()},
        {"estimator": "fd", "effects": ("period",), "missing": 0.0},
        {"estimator": "between", "effects": (), "missing": 0.0},
    ],
    ids=str,
)
@pytest.mark.parametrize(("kernel", "lag"), [("bartlett", None), ("uniform", None), ("bartlett", 1), ("uniform", 3)])
def test_a_double_loop_gives_the_same(shape: dict[str, Any], kernel: str, lag: int | None) -> None:
    d = panel(**shape)
    found = fit(d)
    pairs = dependence.pairs_of(d, found.rows, 700.0, kernel, lag)
    brute = looped(found, d, 700.0, kernel, lag)
    assert np.abs(dependence.conley_covariance(found, pairs) - brute).max() <= 1e-12 * np.abs(brute).max()
    km = great_circle_km(d.extra.coordinates, d.extra.coordinates)
    assert pairs.near == pytest.approx((np.sum(km < 700) - 24) / 24) and pairs.near > 1


def test_limits_are_robust_clustered_and_driscoll_kraay_errors() -> None:
    cross = panel(periods=1, missing=0.0, estimator="pooled", effects=())
    found = fit(cross)
    plain = infer(found, cross, setting("hc", kind="HC0"), 0)
    near = infer(found, cross, setting(cutoff_km=1e-3, small_sample="none"), 0)
    np.testing.assert_allclose(near.std_error, plain.std_error, rtol=1e-13)
    assert near.notes == (note("none_within", km=1e-3),)
    d = panel(units=30)
    found = fit(d)
    for kind in ("none", "CR1"):
        alone = infer(found, d, setting(cutoff_km=1e-3, small_sample=kind), 0)
        if kind == "CR1":
            clustered = infer(found, d, setting("cluster", small_sample="CR1"), 0)
            np.testing.assert_allclose(alone.vcov, clustered.vcov, rtol=1e-12)
            np.testing.assert_allclose(alone.p_value, clustered.p_value, rtol=1e-10)
        else:
            sums = np.array([found.scores[d.unit_codes[found.rows] == i].sum(axis=0) for i in range(30)])
            np.testing.assert_allclose(alone.vcov, found.bread @ sums.T @ sums @ found.bread, rtol=1e-12)
    # everyone near: with lag 0 the sums of whole periods, as in Driscoll and Kraay; without a lag sums of everything
    wide = dependence.pairs_of(d, found.rows, 1e5, "uniform", 0)
    sums = np.array([found.scores[d.period_codes[found.rows] == t].sum(axis=0) for t in range(5)])
    np.testing.assert_allclose(
        dependence.conley_covariance(found, wide), found.bread @ sums.T @ sums @ found.bread, rtol=1e-9, atol=1e-18
    )
    whole = dependence.conley_covariance(found, dependence.pairs_of(d, found.rows, 1e5, "uniform", None))
    assert np.abs(whole).max() < 1e-20


def test_spreg_gives_the_same_errors_for_a_cross_section() -> None:
    """``spreg.OLS(robust="hac")`` of spreg 1.9.0, its kernel weights 1 − km / 600 of libpysal 4.14.1, no factor."""
    rng = np.random.default_rng(12)
    lon, lat = rng.uniform(95, 125, 40), rng.uniform(20, 45, 40)
    x = np.column_stack([lon / 10 + rng.normal(size=40), rng.normal(size=40)])
    y = x @ [1, -0.5] + np.sin(lat / 3) + rng.normal(size=40)
    d = design_from_arrays(
        y, x, [f"u{i:02d}" for i in range(40)], estimator="pooled",
        extra=Further(coordinates=np.column_stack([lon, lat])),
    )  # fmt: skip
    found = fit(d)
    np.testing.assert_allclose(found.params, [0.9281764241250422, -0.6705770072312408], rtol=1e-12)
    result = infer(found, d, setting(cutoff_km=600, small_sample="none"), 0)
    np.testing.assert_allclose(result.std_error, [0.19391732991887714, 0.24094225017343587], rtol=1e-12)


@pytest.mark.parametrize("lag", [None, 2])
@pytest.mark.parametrize("weighted", [False, True])
def test_moments_under_independent_errors_by_explicit_matrices(lag: int | None, weighted: bool) -> None:
    d = panel(weighted=weighted)
    found = fit(d)
    root = np.ones(d.y.size) if d.weights is None else np.sqrt(d.weights / d.weights.mean())
    columns = [d.x, *((codes[:, None] == np.unique(codes)).astype(float) for codes in (d.unit_codes, d.period_codes))]
    z = np.hstack(columns) * root[:, None]
    left = np.eye(d.y.size) - z @ np.linalg.pinv(z)
    pairs = dependence.pairs_of(d, found.rows, 700.0, "bartlett", lag)
    groups = (pairs.codes[:, None] == np.arange(pairs.weights.shape[0])).astype(float)
    weights = groups @ pairs.weights.toarray() @ groups.T
    mean, df = dependence.moments(found, d, pairs)
    for j in range(2):
        a = (found.x @ found.bread)[:, j]
        form = left @ (a[:, None] * weights * a) @ left
        assert mean[j] == pytest.approx(np.trace(form), rel=1e-9)
        assert df[j] == pytest.approx(np.trace(form) ** 2 / np.sum(form * form), rel=1e-9)
    result = infer(found, d, setting(cutoff_km=700, **({} if lag is None else {"lag": lag})), 0)
    plain = np.sqrt(np.diag(dependence.conley_covariance(found, pairs)))
    np.testing.assert_allclose(result.std_error, plain * np.sqrt(np.diag(found.bread) / mean), rtol=1e-12)
    np.testing.assert_allclose(result.df, df)
    assert result.small_sample == (note("unbiased"),)


def test_without_near_units_degrees_of_freedom_are_those_of_clusters() -> None:
    d = panel(units=30)
    found = fit(d)
    alone = infer(found, d, setting(cutoff_km=1e-3, small_sample="CR1", critical="satterthwaite"), 0)
    clustered = infer(found, d, setting("cluster", small_sample="CR1", critical="satterthwaite"), 0)
    np.testing.assert_allclose(alone.df, clustered.df, rtol=1e-9)


def smooth(coordinates: np.ndarray, reach: float, columns: int, rng: np.random.Generator) -> np.ndarray:
    """Normal fields (N, columns) with correlation exp(−km / reach)."""
    km = great_circle_km(coordinates, coordinates)
    return np.linalg.cholesky(np.exp(-km / reach) + 1e-9 * np.eye(len(km))) @ rng.normal(size=(len(km), columns))


def test_smooth_errors_and_regressors_are_told_from_independent_ones() -> None:
    """True nulls: where robust errors reject four times in ten, these reject one time in ten or less."""
    rng = np.random.default_rng(8)
    coordinates = places(250, rng)
    x = smooth(coordinates, 400.0, 1, rng)
    names = [f"u{i:03d}" for i in range(250)]
    d = design_from_arrays(
        np.zeros(250) + x[:, 0], x, names, estimator="pooled",
        extra=Further(coordinates=coordinates),
    )  # fmt: skip
    errors = smooth(coordinates, 400.0, 2000, rng)
    found = fit(replace(d, y=errors[:, 0]))
    space = covariance.space_of(found, d)
    outcomes = Outcomes(found, d, space, *least_squares(found, space, errors))
    shares = {}
    for name, chosen in {
        "robust": setting("hc", kind="HC3"),
        "near": setting(cutoff_km=900),
        "uniform": setting(cutoff_km=900, kernel="uniform"),
        "plain": setting(cutoff_km=900, small_sample="none", critical="t"),
    }.items():
        rejected = by_variance(outcomes, chosen, infer(found, d, chosen, 0))
        assert rejected is not None
        shares[name] = float(rejected.mean())
    # Monte Carlo error of a share of 2,000 near .1: 0.7 points; correlation is .1 at the cut-off
    assert shares["robust"] > 0.35 and shares["plain"] < 0.2
    assert shares["near"] < 0.14 and shares["uniform"] < 0.07


@pytest.mark.parametrize("chosen", [setting(cutoff_km=600), setting(cutoff_km=600, kernel="uniform", lag=3)], ids=str)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_simulated_size_is_that_of_the_method(chosen: InferenceSpec, weighted: bool) -> None:
    d = panel(units=25, weighted=weighted)
    found = fit(d)
    rng = np.random.default_rng(4)
    space = covariance.space_of(found, d)
    drawn = error_process(found, d, space, rng).draw(60, rng)
    outcomes = Outcomes(found, d, space, *least_squares(found, space, drawn))
    result = infer(found, d, chosen, 0)
    quick = by_variance(outcomes, chosen, result)
    slow = one_by_one(outcomes, chosen, 0)
    assert quick is not None and slow is not None
    np.testing.assert_array_equal(quick, slow)
    assert 0 < quick.mean() < 0.4
    (size,) = simulated_sizes(found, d, [chosen], [result], 5)
    assert size is not None and size.size is not None and size.simulations == 1000 and 0.02 < size.size < 0.2


def test_a_models_results_carry_the_setting_and_its_size() -> None:
    chosen = inference_spec({"vcov": "conley", "cutoff_km": 600})
    d = panel(units=25, inference=(InferenceSpec("cluster"), chosen))
    result = estimate(replace(d.spec, simulated_size=True), d, 3, "sha")
    entry = result.inference[1]
    assert entry.method == "conley" and entry.size.size is not None and entry.size.size > 0.02
    expected = {"cutoff_km": 600.0, "kernel": "bartlett", "lag": None, "small_sample": "unbiased"}
    assert written(entry.options) == {**expected, "critical": "satterthwaite"}
    words, details = describe(entry, "en")
    assert words == "Conley standard errors"
    assert {"Bartlett kernel", "cut-off 600 km", "critical values t, Satterthwaite"} < set(details)
    assert any("25 units, " in text and "others within 600 km on average" in text for text in details)
    (around,) = entry.notes
    assert (around.code, around.values["units"], around.values["km"]) == ("others_within", 25, 600.0)


def stopped(d: Design, chosen: InferenceSpec, change: Callable[[Fit], Fit] = lambda found: found) -> str:
    with pytest.raises(UserError) as caught:
        infer(change(fit(d)), d, chosen, 0)
    return str(caught.value)


def test_outside_its_range_it_stops_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Conley errors with 15 units; expected at least 20" in stopped(panel(units=15), setting(cutoff_km=500))
    words = stopped(panel(), setting(cutoff_km=3000, kernel="uniform"))
    assert "cutoff_km: 3000, with pairs of units weighing 0." in words and "at most 0.33" in words
    words = stopped(panel(), setting(cutoff_km=500, lag=0))
    assert "lag: 0 with unit effects" in words and "leave lag out" in words
    assert infer(fit(panel(periods=2)), panel(periods=2), setting(cutoff_km=500, lag=0), 0).std_error is not None
    words = stopped(panel(), setting(cutoff_km=500, critical="normal", small_sample="CR1"))
    assert "normal critical values with 24 clusters" in words
    d = panel()
    nowhere = replace(d, extra=Further())
    assert "without positions of the units" in stopped(nowhere, setting(cutoff_km=500))

    def without_x(found: Fit) -> Fit:
        return replace(found, x=None, y=None)

    assert "cutoff_km: 500, small_sample: CR1, critical: t}" in stopped(d, setting(cutoff_km=500), without_x)
    monkeypatch.setattr(dependence, "LARGEST", 10)
    words = stopped(d, setting(cutoff_km=500))
    assert "unbiased, satterthwaite with 24 units; expected at most 10; fix: use {vcov: conley" in words
    assert f"with {d.y.size} rows" in stopped(d, setting(cutoff_km=500, lag=1))
    kept = infer(without_x(fit(d)), d, setting(cutoff_km=500, small_sample="CR1"), 0)
    assert kept.df is not None and (kept.df == 23).all()


def test_a_negative_variance_is_an_error_with_its_reason() -> None:
    """Two crowds within reach of one between them, scores of one sign in the middle and the other in the crowds."""
    lon = np.concatenate([np.linspace(100, 140, 20), [110.0, 110.9, 111.8]])
    x = np.concatenate([0.001 * np.sin(np.arange(20)), [1.0, 1.0, 1.0]])
    y = np.concatenate([np.zeros(20), [1.0, -1.4, 1.0]])
    names = [f"u{i:02d}" for i in range(23)]
    d = design_from_arrays(
        y, x, names, estimator="pooled",
        extra=Further(coordinates=np.column_stack([lon, np.zeros(23)])),
    )  # fmt: skip
    words = stopped(d, setting(cutoff_km=110, kernel="uniform", small_sample="CR1"))
    assert "a negative variance of x1" in words and "fix: kernel: bartlett, or another cutoff_km" in words
    assert infer(fit(d), d, setting(cutoff_km=110, small_sample="CR1"), 0).std_error[0] > 0  # on a line it is definite


def test_keys_of_the_setting() -> None:
    assert inference_spec({"vcov": "conley", "cutoff_km": 800}).options.to_dict() == {
        "kernel": "bartlett", "small_sample": "unbiased", "critical": "satterthwaite", "cutoff_km": 800,
    }  # fmt: skip
    assert inference_spec({"vcov": "conley", "cutoff_km": 800, "small_sample": "CR1"}).of(Conley).critical == "t"
    raw = {"defaults": {"inference": [{"vcov": "conley", "small_sample": "CR2", "by": "unit"}]}}
    found = [str(problem) for problem in inference_problems(raw, "c")]
    assert [line.split(": found ")[0] for line in found] == [
        "c: defaults.inference[0].by", "c: defaults.inference[0]", "c: defaults.inference[0].small_sample",
    ]  # fmt: skip
    assert "conley without cutoff_km" in found[1] and "one of: unbiased, CR1, none" in found[2]
