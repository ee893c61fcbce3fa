"""Errors against brute force with explicit dummies, jackknives, and their own definitions; ranges of validity."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.results import Design
from ruralpanel.estimate.estimators import fit
from ruralpanel.estimate.inference import cluster, covariance, validity
from ruralpanel.estimate.inference.cluster import adjusted_rows, satterthwaite_df
from ruralpanel.estimate.inference.covariance import critical_values, leverages, p_values
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.estimate.inference.validity import generator
from ruralpanel.project.notes import note
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import InferenceSpec

RNG = np.random.default_rng(41)


def panel(
    units: int = 12, periods: int = 5, k: int = 2, missing: float = 0.0, weighted: bool = False, **settings
) -> Design:
    unit, period = np.repeat(np.arange(units), periods), np.tile(np.arange(periods), units)
    kept = RNG.random(unit.size) >= missing
    x = RNG.normal(size=(unit.size, k)) + RNG.normal(size=units)[unit, None]
    y = x.sum(axis=1) + RNG.normal(size=units)[unit] + RNG.normal(size=unit.size)
    weights = RNG.uniform(0.5, 3.0, unit.size)[kept] if weighted else None
    settings = {"estimator": "fe", "effects": ("unit", "period")} | settings
    return design_from_arrays(y[kept], x[kept], unit[kept], 2000 + period[kept], weights=weights, **settings)


def dummies(codes: np.ndarray) -> np.ndarray:
    return (codes[:, None] == np.unique(codes)).astype(float)


def full_model(d: Design) -> tuple[np.ndarray, np.ndarray, int]:
    """All columns and the outcome in the weights' metric; the first k columns are the regressors."""
    parts = [d.x]
    parts += [dummies(d.unit_codes)] if "unit" in d.spec.effects else []
    parts += [dummies(d.period_codes)] if "period" in d.spec.effects else []
    parts += [np.ones((d.y.size, 1))] if not d.spec.effects else []
    scale = np.ones(d.y.size) if d.weights is None else np.sqrt(d.weights / d.weights.mean())
    return np.hstack(parts) * scale[:, None], d.y * scale, d.x.shape[1]


def brute_cluster(d: Design, codes: np.ndarray, power: float) -> np.ndarray:
    """Sandwich of the model with explicit dummies; generalised inverses throughout."""
    columns, y, k = full_model(d)
    inverse = np.linalg.pinv(columns.T @ columns)
    hat = columns @ inverse @ columns.T
    residuals = y - hat @ y
    meat = np.zeros_like(inverse)
    for g in np.unique(codes):
        rows = np.flatnonzero(codes == g)
        values, vectors = np.linalg.eigh(np.eye(rows.size) - hat[np.ix_(rows, rows)])
        weights = np.where(values > 1e-9, np.maximum(values, 1e-12) ** power, 0.0) if power else np.ones(rows.size)
        adjusted = (vectors * weights) @ vectors.T @ residuals[rows]
        score = columns[rows].T @ adjusted
        meat += np.outer(score, score)
    return (inverse @ meat @ inverse)[:k, :k]


def setting(method: str = "cluster", **options) -> InferenceSpec:
    return InferenceSpec(method, options)


@pytest.fixture
def relaxed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Formulas are checked on small panels that the methods refuse in practice."""
    monkeypatch.setattr(validity, "MIN_CLUSTERS", dict.fromkeys(validity.MIN_CLUSTERS, 2))


@pytest.mark.usefixtures("relaxed")
@pytest.mark.parametrize("effects", [(), ("unit",), ("unit", "period")])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("kind", "power"), [("CR0", 0.0), ("CR2", -0.5), ("CR3", -1.0)])
def test_clustered_errors_by_brute_force(kind: str, power: float, weighted: bool, effects: tuple[str, ...]) -> None:
    estimator = "fe" if effects else "pooled"
    d = panel(missing=0.2, weighted=weighted, estimator=estimator, effects=effects)
    found = infer(fit(d), d, setting(small_sample=kind, critical="t"), 0)
    np.testing.assert_allclose(found.vcov, brute_cluster(d, d.unit_codes, power), rtol=1e-8, atol=1e-12)


@pytest.mark.usefixtures("relaxed")
def test_clusters_that_cut_across_units() -> None:
    """Clustering by period with unit effects: no effect is nested, blocks of the projection matter."""
    d = panel(missing=0.2)
    for kind, power in (("CR0", 0.0), ("CR2", -0.5), ("CR3", -1.0)):
        found = infer(fit(d), d, setting(by="period", small_sample=kind, critical="t"), 0)
        np.testing.assert_allclose(found.vcov, brute_cluster(d, d.period_codes, power), rtol=1e-7, atol=1e-12)


@pytest.mark.usefixtures("relaxed")
def test_cr3_is_the_delete_one_cluster_jackknife() -> None:
    d = panel(missing=0.2)
    whole = fit(d)
    changes = []
    for g in range(12):
        kept = d.unit_codes != g
        part = design_from_arrays(
            d.y[kept],
            d.x[kept],
            d.unit_codes[kept],
            d.period_codes[kept],
            effects=("unit", "period"),
        )
        changes.append(whole.params - fit(part).params)
    expected = np.array(changes).T @ np.array(changes)
    np.testing.assert_allclose(infer(whole, d, setting(small_sample="CR3"), 0).vcov, expected, rtol=1e-8)


def test_cr2_is_unbiased_under_equal_independent_errors() -> None:
    """The estimator is a quadratic form; its exact expectation is the true variance (Bell and McCaffrey 2002)."""
    d = panel(units=8, missing=0.1)
    found = fit(d)
    columns, _, _ = full_model(d)
    annihilator = np.eye(d.y.size) - columns @ np.linalg.pinv(columns)
    weights = adjusted_rows(found, d, d.unit_codes, -0.5) @ found.bread
    for j in range(2):
        form = sum(
            np.outer(w, w) for g in range(8) for w in [np.where(d.unit_codes == g, weights[:, j], 0.0) @ annihilator]
        )
        assert np.trace(form) == pytest.approx(found.bread[j, j], rel=1e-9)
        # mean² · 2 / variance of the form in independent normal errors
        expected = np.trace(form) ** 2 / np.trace(form @ form)
        assert satterthwaite_df(found, d, d.unit_codes, weights)[j] == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("by", ["unit", "row", "across"])
def test_degrees_of_freedom_of_many_clusters_need_no_matrix_of_all_pairs(
    by: str, weighted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    d = panel(units=40, missing=0.1, weighted=weighted)
    found = fit(d)
    codes = {"unit": d.unit_codes, "row": np.arange(d.y.size), "across": (d.unit_codes + d.period_codes) % 9}[by]
    weights = adjusted_rows(found, d, codes, -0.5) @ found.bread
    whole = satterthwaite_df(found, d, codes, weights)
    monkeypatch.setattr(cluster, "MOST_PAIRED", 1)
    assert satterthwaite_df(found, d, codes, weights) == pytest.approx(whole, rel=1e-10)


@pytest.mark.usefixtures("relaxed")
def test_satterthwaite_in_a_balanced_difference_of_means_is_known() -> None:
    """Two groups of one-row clusters, pooled: HC2 with Welch's degrees of freedom at equal variances and sizes."""
    y = RNG.normal(size=20)
    d = design_from_arrays(y, np.repeat([0.0, 1.0], 10), np.arange(20), estimator="pooled")
    found = infer(fit(d), d, setting(small_sample="CR2"), 0)
    welch = stats.ttest_ind(y[10:], y[:10], equal_var=False)
    assert found.statistic is not None and found.df is not None
    assert found.statistic[0] == pytest.approx(welch.statistic)
    assert found.df[0] == pytest.approx(18.0)


def test_cr1_counts_what_it_says() -> None:
    d = panel(units=12, periods=5, k=2)
    found = fit(d)
    values = {count: covariance.parameters(found, d, [d.unit_codes], count) for count in ("nonnested", "slopes", "all")}
    assert values == {"nonnested": 2 + 1 + 4, "slopes": 2, "all": 2 + 12 + 4}
    assert covariance.parameters(found, d, [d.period_codes]) == 2 + 12
    assert covariance.parameters(found, d, [d.unit_codes, d.period_codes]) == 2 + 1
    assert covariance.parameters(replace(found, space=None), d, [d.unit_codes]) == 2 + 1 + 4
    factor = covariance.cluster_factor("CR1", 12, 60, 7)
    assert factor.value == pytest.approx(12 / 11 * 59 / 53)
    assert factor.note == note("CR1", G=12, N=60, K=7, counted="nonnested", factor=factor.value)
    cr1 = infer(found, d, setting(), 0)
    cr0 = brute_cluster(d, d.unit_codes, 0.0)
    np.testing.assert_allclose(cr1.vcov, factor.value * cr0, rtol=1e-9)
    assert cr1.df is not None and (cr1.df == 11).all()


def test_first_differences_count_no_constant() -> None:
    d = panel(estimator="fd", effects=())
    assert covariance.parameters(fit(d), d, [d.unit_codes]) == 2


@pytest.mark.usefixtures("relaxed")
def test_two_way_clusters() -> None:
    d = panel(missing=0.1)
    found = infer(fit(d), d, setting(by=["unit", "period"]), 0)
    both = d.unit_codes * 10 + d.period_codes
    raw = sum(
        sign * brute_cluster(d, codes, 0.0) for sign, codes in ((1, d.unit_codes), (1, d.period_codes), (-1, both))
    )
    n = d.y.size
    if np.linalg.eigvalsh(raw)[0] > 0:
        np.testing.assert_allclose(found.vcov, raw * 5 / 4 * (n - 1) / (n - 3), rtol=1e-8)
    assert np.linalg.eigvalsh(found.vcov)[0] >= -1e-12
    assert found.by == "unit, period" and found.n_clusters == 5


def test_hc_by_brute_force() -> None:
    x, y = RNG.normal(size=(30, 3)), RNG.normal(size=30)
    d = design_from_arrays(y, x, np.arange(30), estimator="pooled")
    found = fit(d)
    columns = np.column_stack([d.x, np.ones(30)])
    inverse = np.linalg.inv(columns.T @ columns)
    hat = np.diag(columns @ inverse @ columns.T)
    np.testing.assert_allclose(leverages(found, d), hat, rtol=1e-10)
    residuals = d.y - columns @ inverse @ columns.T @ d.y
    weights = {"HC0": 1.0, "HC1": 30 / 26, "HC2": 1 / (1 - hat), "HC3": 1 / (1 - hat) ** 2}
    for kind, weight in weights.items():
        meat = (columns * (residuals**2 * weight)[:, None]).T @ columns
        result = infer(found, d, setting("hc", kind=kind), 0)
        np.testing.assert_allclose(result.vcov, (inverse @ meat @ inverse)[:3, :3], rtol=1e-9)
        assert result.df is not None and (result.df == 26).all()


def test_hc3_and_cr3_agree_with_one_row_per_cluster() -> None:
    x, y = RNG.normal(size=(30, 2)), RNG.normal(size=30)
    d = design_from_arrays(y, x, np.arange(30), estimator="between")
    found = fit(d)
    hc3 = infer(found, d, setting("hc"), 0)
    cr3 = infer(found, d, setting(small_sample="CR3"), 0)
    np.testing.assert_allclose(hc3.std_error, cr3.std_error, rtol=1e-9)
    assert cr3.notes[0] == note("one_row_per_cluster", kind="CR3")


def test_classical_errors() -> None:
    d = panel()
    found = infer(fit(d), d, setting("classical"), 0)
    columns, y, _ = full_model(d)
    inverse = np.linalg.pinv(columns.T @ columns)
    residuals = y - columns @ inverse @ columns.T @ y
    expected = inverse[:2, :2] * (residuals @ residuals) / (60 - 2 - 12 - 4)
    np.testing.assert_allclose(found.vcov, expected, rtol=1e-9)


def test_intervals_and_p_values_belong_together() -> None:
    d = panel()
    found = infer(fit(d), d, setting(), 0)
    assert found.statistic is not None and found.std_error is not None
    expected = stats.t.ppf(0.975, 11)
    np.testing.assert_allclose(found.ci_high - found.ci_low, 2 * expected * found.std_error, rtol=1e-9)
    np.testing.assert_allclose(found.p_value, 2 * stats.t.sf(np.abs(found.statistic), 11), rtol=1e-9)
    np.testing.assert_allclose(critical_values(np.array([5.5, np.inf])), [stats.t.ppf(0.975, 5.5), 1.959963984540054])
    np.testing.assert_allclose(p_values(np.array([-2.0, 2.0]), np.array([np.inf, 4])), [0.04550026, 0.11611652])


def test_own_errors_are_passed_on() -> None:
    d = panel()
    found = replace(fit(d), vcov=np.diag([4.0, 9.0]), vcov_type=(note("windmeijer"),))
    result = infer(found, d, setting("own"), 0)
    np.testing.assert_allclose(result.std_error, [2.0, 3.0])
    assert result.df is not None and np.isinf(result.df).all() and result.small_sample == (note("windmeijer"),)


@pytest.mark.parametrize(
    ("size", "options", "expected"),
    [
        (8, setting(), "CR1 errors by unit with 8 clusters"),
        (12, setting(small_sample="CR0"), "at least 40 clusters"),
        (12, setting(critical="normal"), "at least 50 clusters"),
        (5, setting(small_sample="CR2"), "at least 6 clusters"),
        (7, setting(small_sample="CR3"), "at least 8 clusters"),
        (12, setting(by=["unit", "period"]), "with 5 clusters"),
        (12, setting(by="regoin"), 'did you mean "region"'),
        (12, setting("hc"), "inconsistent"),
        (12, setting("driscoll_kraay", lag=1), "at least 30 periods"),
        (5, setting("wild_cluster"), "at least 6 clusters"),
        (11, setting("wild_cluster", weights="mammen"), "at least 12 clusters"),
        (12, setting("wild_cluster", by=["unit", "period"]), "rademacher weights with 5 clusters"),
        (6, setting("permutation"), "at least 7 clusters"),
        (12, setting("own"), "errors of its own"),
        (12, setting("clusters"), 'did you mean "cluster'),
    ],
)
def test_outside_its_range_a_method_stops_and_says_what_would_do(
    size: int, options: InferenceSpec, expected: str
) -> None:
    region = np.repeat(np.arange(size) % 3, 5)
    d = panel(units=size, clusters={"region": region})
    with pytest.raises(UserError, match=expected) as error:
        infer(fit(d), d, options, 0)
    assert error.value.problems[0].where == "models.model.inference"


def test_methods_refuse_estimators_they_are_not_defined_for() -> None:
    d = panel()
    bare = replace(fit(d), x=None, y=None)
    for options in (setting("wild_cluster"), setting("permutation"), setting(small_sample="CR2")):
        with pytest.raises(UserError, match="least squares"):
            infer(bare, d, options, 0)
    without = replace(bare, scores=np.zeros((0, 2)))
    for options in (setting(), setting("driscoll_kraay")):
        with pytest.raises(UserError):
            infer(without, d, options, 0)


def test_driscoll_kraay_by_brute_force() -> None:
    d = panel(units=6, periods=32, effects=("unit",))
    found = fit(d)
    result = infer(found, d, setting("driscoll_kraay", lag=3, small_sample="none"), 0)
    sums = np.array([found.scores[d.period_codes == t].sum(axis=0) for t in range(32)])
    meat = sum(max(0.0, 1 - abs(s - t) / 4) * np.outer(sums[s], sums[t]) for s in range(32) for t in range(32))
    np.testing.assert_allclose(result.vcov, found.bread @ meat @ found.bread, rtol=1e-9)
    assert result.df is not None and (result.df == 31).all()


def test_streams_depend_on_names_alone() -> None:
    first = generator(1, "model", "wild", "roads").random(3)
    again = generator(1, "model", "wild", "roads").random(3)
    np.testing.assert_array_equal(first, again)
    others = [generator(2, "model", "wild", "roads"), generator(1, "model", "wild", "road"), generator(1, "m")]
    assert all(not np.array_equal(first, other.random(3)) for other in others)
