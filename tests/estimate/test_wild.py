"""The algebra of the wild cluster bootstrap against the bootstrap done literally, draw by draw."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace

import numpy as np
import pytest

from as_written import setting_of
from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.results import Design
from ruralpanel.estimate.estimators import fit
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.estimate.inference.sign_tables import SignTables, drawn_bytes
from ruralpanel.estimate.inference.wild_kernel import OUTWARD, Dimension, Draws, combination, draw_weights, invert
from ruralpanel.output.tables.inference_words import describe
from ruralpanel.project.kinds.inference import WildCluster
from ruralpanel.project.notes import note
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import InferenceSpec

UNITS = 7


def panel(
    seed: int, units: int = UNITS, periods: int = 4, missing: float = 0.15, weighted: bool = False, **settings
) -> Design:
    rng = np.random.default_rng(seed)
    unit, period = np.repeat(np.arange(units), periods), np.tile(np.arange(periods), units)
    kept = rng.random(unit.size) >= missing
    x = rng.normal(size=(unit.size, 3)) + rng.normal(size=units)[unit, None]
    noise = rng.normal(size=unit.size) + rng.normal(size=unit.size) * np.abs(x[:, 0])
    y = x @ [0.5, 0.0, -0.5] + rng.normal(size=units)[unit] + noise
    weights = rng.uniform(0.5, 3.0, unit.size)[kept] if weighted else None
    settings = {"estimator": "fe", "effects": ("unit", "period")} | settings
    return design_from_arrays(y[kept], x[kept], unit[kept], period[kept], weights=weights, **settings)


def all_columns(d: Design) -> tuple[np.ndarray, np.ndarray]:
    parts = [d.x]
    for effect, codes in (("unit", d.unit_codes), ("period", d.period_codes)):
        if effect in d.spec.effects:
            parts.append((codes[:, None] == np.unique(codes)).astype(float))
    if not d.spec.effects:
        parts.append(np.ones((d.y.size, 1)))
    scale = np.ones(d.y.size) if d.weights is None else np.sqrt(d.weights)
    return np.hstack(parts) * scale[:, None], d.y * scale


def t_statistic(columns: np.ndarray, y: np.ndarray, codes: np.ndarray, j: int, null: float) -> float:
    inverse = np.linalg.pinv(columns.T @ columns)
    params = inverse @ columns.T @ y
    residuals = y - columns @ params
    scores = np.array([columns[codes == g].T @ residuals[codes == g] for g in np.unique(codes)])
    variance = (inverse @ scores.T @ scores @ inverse)[j, j]
    return float((params[j] - null) / np.sqrt(variance))


def literal_p(d: Design, j: int, null: float, codes: np.ndarray, drawn: np.ndarray, weights: np.ndarray) -> float:
    """Share of `weights` (draws, clusters) whose |t*| is at least |t|; restricted residuals, refitted each time."""
    columns, y = all_columns(d)
    others = np.delete(columns, j, axis=1)
    restricted = others @ np.linalg.pinv(others) @ (y - null * columns[:, j]) + null * columns[:, j]
    residuals = y - restricted
    sample = abs(t_statistic(columns, y, codes, j, null))
    count = 0
    for v in weights:
        t = t_statistic(columns, restricted + v[drawn] * residuals, codes, j, null)
        count += abs(t) >= sample * (1 - 1e-9)
    return count / len(weights)


SIGNS = np.array(list(itertools.product([1.0, -1.0], repeat=UNITS)))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"weighted": True},
        {"effects": ("unit",)},
        {"effects": ("period",)},
        {"estimator": "pooled", "effects": ()},
        {"missing": 0.0},
    ],
    ids=str,
)
def test_enumerated_signs_by_brute_force(settings: dict) -> None:
    d = panel(1, **settings)
    found = fit(d)
    for j in range(3):
        result = combination(
            found, d, np.eye(3)[j], d.unit_codes, d.unit_codes, "rademacher", 200, np.random.default_rng(0)
        )
        for null in (0.0, 0.3, float(found.params[j]) + 0.05, -2.0):
            expected = literal_p(d, j, null, d.unit_codes, d.unit_codes, SIGNS)
            assert result.p_value(float(found.params[j]) - null) == pytest.approx(expected, abs=1e-12)


def test_clusters_that_cut_across_the_absorbed_effect() -> None:
    """Clustering by groups of periods while unit effects are removed: the projection enters the scores."""
    rng = np.random.default_rng(5)
    d = panel(5, units=6, periods=7, missing=0.1)
    found = fit(d)
    result = combination(found, d, np.eye(3)[0], d.period_codes, d.period_codes, "rademacher", 200, rng)
    expected = literal_p(d, 0, 0.0, d.period_codes, d.period_codes, SIGNS)
    assert result.p_value(float(found.params[0])) == pytest.approx(expected, abs=1e-12)


def test_maps_in_factors_and_multiplied_out_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    d = panel(12, units=9)
    found = fit(d)
    for codes in (d.unit_codes, d.period_codes):
        results = []
        for small in (10**9, 0):
            monkeypatch.setattr("ruralpanel.estimate.inference.wild_kernel.SMALL", small)
            rng = np.random.default_rng(0)
            results.append(combination(found, d, np.eye(3)[0], codes, codes, "webb", 300, rng))
        np.testing.assert_allclose(results[0].q0, results[1].q0, rtol=1e-9)
        np.testing.assert_allclose(results[0].q1, results[1].q1, atol=1e-9 * np.abs(results[0].q1).max())
        np.testing.assert_allclose(results[0].n0, results[1].n0, atol=1e-9 * np.abs(results[0].n0).max())


def test_subclusters_by_brute_force() -> None:
    """Weights for pairs within clusters, errors clustered by unit (MacKinnon and Webb 2018)."""
    d = panel(2, units=5, periods=4, missing=0.0)
    drawn = d.unit_codes * 2 + d.period_codes // 2
    signs = np.array(list(itertools.product([1.0, -1.0], repeat=10)))
    found = fit(d)
    result = combination(found, d, np.eye(3)[0], d.unit_codes, drawn, "rademacher", 2**10, np.random.default_rng(0))
    expected = literal_p(d, 0, 0.0, d.unit_codes, drawn, signs)
    assert result.p_value(float(found.params[0])) == pytest.approx(expected, abs=1e-12)


def two_way_p(d: Design, j: int, null: float, drawn: np.ndarray, weights: np.ndarray) -> float:
    """`literal_p` with the two-way variance in sample and draws; a variance that is not positive is beyond."""
    columns, y = all_columns(d)
    inverse = np.linalg.pinv(columns.T @ columns)
    others = np.delete(columns, j, axis=1)
    restricted = others @ np.linalg.pinv(others) @ (y - null * columns[:, j]) + null * columns[:, j]

    def square(outcome: np.ndarray) -> float:
        params = inverse @ columns.T @ outcome
        scores = (columns @ inverse[:, j]) * (outcome - columns @ params)
        variance = np.sum(np.bincount(d.unit_codes, scores) ** 2) + np.sum(np.bincount(d.period_codes, scores) ** 2)
        variance -= np.sum(scores**2)
        return float((params[j] - null) ** 2 / variance) if variance > 0 else np.inf

    sample = square(y) * (1 - 1e-9)
    return float(np.mean([square(restricted + v[drawn] * (y - restricted)) >= sample for v in weights]))


@pytest.mark.parametrize("shape", [{}, {"weighted": True}, {"effects": ("unit",)}, {"missing": 0.0}], ids=str)
@pytest.mark.parametrize("sub", [None, "unit"])
def test_two_way_clusters_by_brute_force(shape: dict, sub: str | None) -> None:
    """Seven units, six periods: weights for the periods, or for the units where the setting says so."""
    d = panel(16, periods=6, **shape)
    options = WildCluster(by=("unit", "period"), draws=200, interval=False, subcluster=sub)
    setting = InferenceSpec("wild_cluster", options)
    result = infer(fit(d), d, setting, 0)
    assert result.options.enumerated and result.n_clusters == 6 and result.by == "unit, period"
    number, drawn = (6, d.period_codes) if sub is None else (7, d.unit_codes)
    signs = np.array(list(itertools.product([1.0, -1.0], repeat=number)))
    expected = [two_way_p(d, j, 0.0, drawn, signs) for j in range(3)]
    np.testing.assert_allclose(result.p_value, expected, atol=1e-12)


def test_two_way_clusters_are_named_in_both_languages() -> None:
    factors = [{"code": "null_imposed"}, {"code": "two_way_variance"}]
    entry = setting_of({"method": "wild_cluster", "by": "unit, period", "small_sample": factors})
    assert describe(entry, "en") == ("wild cluster bootstrap by unit and period", ("null imposed", "two-way variance"))
    assert describe(entry, "zh") == ("按单位、时期的 wild 聚类自助法", ("施加原假设", "双向聚类方差"))


def test_two_way_intervals_hold_what_is_not_rejected() -> None:
    d = panel(14, units=9, periods=7, missing=0.05)
    setting = InferenceSpec("wild_cluster", {"by": ["unit", "period"], "draws": 200})
    result = infer(fit(d), d, setting, 0)
    signs = np.array(list(itertools.product([1.0, -1.0], repeat=7)))
    for end, outward in ((result.ci_low[0], -1), (result.ci_high[0], 1)):
        width = result.ci_high[0] - result.ci_low[0]
        assert two_way_p(d, 0, end - outward * 1e-5 * width, d.period_codes, signs) > 0.05
        assert two_way_p(d, 0, end + outward * 1e-5 * width, d.period_codes, signs) <= 0.05


def test_what_two_way_clusters_ask_for() -> None:
    d = panel(15, periods=4, missing=0.0)
    with pytest.raises(UserError, match="with 4 clusters"):
        infer(fit(d), d, InferenceSpec("wild_cluster", {"by": ["unit", "period"]}), 0)
    d = panel(13, periods=6, effects=("unit",))
    with pytest.raises(UserError, match="variance of x1 that is not positive"):
        infer(fit(d), d, InferenceSpec("wild_cluster", {"by": ["unit", "period"]}), 0)
    d = panel(15, periods=6)
    with pytest.raises(UserError, match="row, unit or period"):
        infer(fit(d), d, InferenceSpec("wild_cluster", {"by": ["unit", "period"], "subcluster": "region"}), 0)
    with pytest.raises(UserError, match="one cluster or two"):
        infer(fit(d), d, InferenceSpec("wild_cluster", {"by": ["unit", "period", "unit"]}), 0)


@pytest.mark.parametrize("kind", ["rademacher", "webb", "mammen"])
def test_drawn_weights_count_the_sample(kind: str) -> None:
    """The same vectors of weights, taken literally; p = (1 + count) / (1 + draws)."""
    d = panel(3)
    found = fit(d)
    draws = 150 if kind != "rademacher" else 100
    result = combination(found, d, np.eye(3)[1], d.unit_codes, d.unit_codes, kind, draws, np.random.default_rng(9))
    if kind == "rademacher":
        assert result.random  # 2^7 = 128 vectors are more than 100 draws
    v = draw_weights(kind, UNITS, draws, np.random.default_rng(9))
    share = literal_p(d, 1, 0.0, d.unit_codes, d.unit_codes, v.T)
    assert result.p_value(float(found.params[1])) == pytest.approx((share * draws + 1) / (draws + 1), abs=1e-12)


@pytest.mark.parametrize("clusters", [2, 13, 17, 31])
def test_tables_of_signs_are_the_products_with_them(clusters: int) -> None:
    rng = np.random.default_rng(clusters)
    linear, factors = rng.normal(size=(2, clusters)), rng.normal(size=(3, clusters, clusters))
    quadratic = factors + factors.transpose(0, 2, 1)
    found = SignTables.of(linear, quadratic).values(drawn_bytes(clusters, 500, np.random.default_rng(1)))
    v = draw_weights("rademacher", clusters, 500, np.random.default_rng(1))
    np.testing.assert_allclose(found[:2], linear @ v, atol=1e-11)
    np.testing.assert_allclose(found[2:], np.einsum("gd,qgh,hd->qd", v, quadratic, v), atol=1e-9)


@pytest.mark.parametrize("two_way", [False, True])
def test_tables_and_products_leave_the_same_draws(monkeypatch: pytest.MonkeyPatch, two_way: bool) -> None:
    d = panel(18, units=19, periods=6)
    found = fit(d)
    both = d.unit_codes * 6 + d.period_codes
    further = (Dimension(1.0, d.period_codes), Dimension(-1.0, both)) if two_way else ()
    results = []
    for least in (0, 10**9):
        monkeypatch.setattr("ruralpanel.estimate.inference.sign_tables.LEAST_DRAWS", least)
        args = (found, d, np.array([1.0, 0.0, 1.0]), d.unit_codes, d.unit_codes, "rademacher", 20_000)
        results.append(combination(*args, np.random.default_rng(0), further=further))
    for name in ("n0", "n1", "q0", "q1", "q2"):
        tabled, multiplied = (getattr(result, name) for result in results)
        np.testing.assert_allclose(tabled, multiplied, atol=1e-12 * np.abs(multiplied).max())


@pytest.mark.parametrize(("kind", "third"), [("rademacher", 0.0), ("webb", 0.0), ("mammen", 1.0)])
def test_weights_have_their_moments(kind: str, third: float) -> None:
    """400,000 draws: Monte Carlo errors of the three moments are below .004; four of them allowed."""
    v = draw_weights(kind, 4, 100_000, np.random.default_rng(0)).ravel()
    assert np.mean(v) == pytest.approx(0.0, abs=0.01)
    assert np.mean(v**2) == pytest.approx(1.0, abs=0.01)
    assert np.mean(v**3) == pytest.approx(third, abs=0.016)
    assert np.unique(v).size == {"rademacher": 2, "webb": 6, "mammen": 2}[kind]


@pytest.mark.parametrize("shape", [(4, 2), (7, 3), (31, 99)])
def test_signs_are_those_of_bounded_integers(shape: tuple[int, int]) -> None:
    """The fast way to draw signs leaves values and the stream as `Generator.integers` does."""
    fast, plain = np.random.default_rng(4), np.random.default_rng(4)
    np.testing.assert_array_equal(
        draw_weights("rademacher", *shape, fast), 2.0 * plain.integers(0, 2, shape, dtype=np.int8) - 1.0
    )
    assert fast.random() == plain.random()


def test_a_combination_of_coefficients_is_a_reparametrised_model() -> None:
    """β₁ + 2 β₂ is the coefficient of x₁ once x₂ is replaced by x₂ − 2 x₁."""
    d = panel(4)
    found = fit(d)
    rng = np.random.default_rng(0)
    contrast = np.array([1.0, 2.0, 0.0])
    direct = combination(found, d, contrast, d.unit_codes, d.unit_codes, "rademacher", 200, rng)
    changed = d.x.copy()
    changed[:, 1] = d.x[:, 1] - 2 * d.x[:, 0]
    # y = b1 x1 + b2 x2 = (b1 + 2 b2) x1 + b2 (x2 − 2 x1)
    other = design_from_arrays(d.y, changed, d.unit_codes, d.period_codes, effects=("unit", "period"))
    refit = fit(other)
    assert refit.params[0] == pytest.approx(contrast @ found.params)
    indirect = combination(refit, other, np.eye(3)[0], d.unit_codes, d.unit_codes, "rademacher", 200, rng)
    for null in (0.0, 0.7):
        d_null = float(refit.params[0]) - null
        assert direct.p_value(d_null) == indirect.p_value(d_null)


def test_interval_holds_what_is_not_rejected() -> None:
    d = panel(6, units=12, periods=6)
    found = fit(d)
    result = infer(found, d, InferenceSpec("wild_cluster", {"draws": 4096}), 3)
    assert result.options.enumerated
    for j in range(3):
        draws = combination(
            found, d, np.eye(3)[j], d.unit_codes, d.unit_codes, "rademacher", 4096, np.random.default_rng(0)
        )
        estimate = float(found.params[j])
        width = result.ci_high[j] - result.ci_low[j]
        for end, outward in ((result.ci_low[j], -1), (result.ci_high[j], 1)):
            assert draws.p_value(estimate - (end - outward * 1e-6 * width)) > 0.05
            assert draws.p_value(estimate - (end + outward * 1e-6 * width)) <= 0.05
        assert (result.p_value[j] > 0.05) == (result.ci_low[j] <= 0 <= result.ci_high[j])


def test_too_few_sign_vectors_give_no_end() -> None:
    """With five clusters p is never below 2/32: every value survives, and the interval says so."""
    d = panel(7, units=5)
    found = fit(d)
    draws = combination(found, d, np.eye(3)[0], d.unit_codes, d.unit_codes, "rademacher", 100, np.random.default_rng(0))
    assert invert(draws, float(found.params[0]))[:2] == (-np.inf, np.inf)
    with pytest.raises(UserError, match="2/2"):
        infer(found, d, InferenceSpec("wild_cluster"), 0)


def test_p_is_never_zero_and_results_repeat() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=200)
    d = design_from_arrays(
        5 * x + 0.01 * rng.normal(size=200), x, np.repeat(np.arange(25), 8), np.tile(np.arange(8), 25),
        effects=("unit",),
    )  # fmt: skip
    found = fit(d)
    setting = InferenceSpec("wild_cluster", {"draws": 999})
    first, second, other = (infer(found, d, setting, seed) for seed in (1, 1, 2))
    assert first.p_value[0] >= 1 / 1000
    assert (first.ci_low, first.ci_high) == (second.ci_low, second.ci_high)
    assert first.ci_low != other.ci_low


def test_terms_do_not_share_a_stream_and_do_not_depend_on_each_other() -> None:
    d = panel(8, units=20)
    both = infer(fit(d), d, InferenceSpec("wild_cluster", {"draws": 499}), 1)
    names = np.array(d.units)[d.unit_codes]
    swapped = design_from_arrays(
        d.y, d.x[:, ::-1], names, d.period_codes, terms=("x3", "x2", "x1"), effects=("unit", "period"),
    )  # fmt: skip
    again = infer(fit(swapped), swapped, InferenceSpec("wild_cluster", {"draws": 499}), 1)
    np.testing.assert_allclose(both.p_value, again.p_value[::-1])
    np.testing.assert_allclose(both.ci_low, again.ci_low[::-1], rtol=1e-6)


def test_between_estimator_and_cross_sections_are_refused() -> None:
    d = panel(9, estimator="between", effects=())
    with pytest.raises(UserError, match="one row per cluster"):
        infer(fit(d), d, InferenceSpec("wild_cluster"), 0)


def test_instrumented_fits_are_refused() -> None:
    d = panel(10)
    found = fit(d)
    with pytest.raises(UserError, match="residuals are those of least squares"):
        infer(replace(found, residuals=found.residuals * 1.5), d, InferenceSpec("wild_cluster"), 0)


def test_random_effects_hold_theta_and_say_so() -> None:
    d = panel(11, units=10, estimator="re", effects=())
    result = infer(fit(d), d, InferenceSpec("wild_cluster", {"draws": 1024}), 0)
    assert result.notes[-1] == note("theta_fixed")


@pytest.mark.slow
def test_size_with_twelve_unequal_clusters() -> None:
    """200 panels under the null, correlated and heteroskedastic errors: 5 % within 3 Monte Carlo errors.

    CR0 with normal critical values rejects far more often on the same panels: the test could fail.
    """
    rng = np.random.default_rng(123)
    sizes = np.array([4, 4, 4, 4, 4, 4, 6, 6, 6, 8, 8, 10])
    unit = np.repeat(np.arange(12), sizes)
    period = np.concatenate([np.arange(size) for size in sizes])
    wild_rejects = naive_rejects = 0
    for _ in range(200):
        x = rng.normal(size=12)[unit] + rng.normal(size=unit.size)
        y = rng.normal(size=12)[unit] * (0.5 + np.abs(x)) + rng.normal(size=unit.size)
        d = design_from_arrays(y, x, unit, period, estimator="pooled")
        found = fit(d)
        draws = combination(found, d, np.eye(1)[0], unit, unit, "rademacher", 199, rng)
        wild_rejects += draws.p_value(float(found.params[0])) <= 0.05
        score = np.bincount(unit, weights=found.scores[:, 0])
        naive_rejects += abs(found.params[0]) > 1.96 * found.bread[0, 0] * np.sqrt(score @ score)
    assert wild_rejects / 200 == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / 200))
    assert naive_rejects / 200 > 0.1


def test_a_province_panel_takes_a_moment() -> None:
    """9,999 draws for 31 × 8 with both effects: 0.08 s measured; the bound leaves room for a busy machine."""
    rng = np.random.default_rng(0)
    d = design_from_arrays(
        rng.normal(size=248), rng.normal(size=(248, 8)), np.repeat(np.arange(31), 8), np.tile(np.arange(8), 31),
        effects=("unit", "period"),
    )  # fmt: skip
    found = fit(d)
    start = time.process_time()
    infer(found, d, InferenceSpec("wild_cluster", {"draws": 9999}), 0)
    assert time.process_time() - start < 2.0


@pytest.mark.parametrize("case", range(8))
def test_ends_are_where_the_p_value_passes_the_level(case: int) -> None:
    """Against a search that looks at all draws at each of its steps; some cases have variances below zero and ties."""
    rng = np.random.default_rng(case)
    clusters, draws = int(rng.integers(6, 30)), 3_000 if case % 2 else 20_000
    errors = rng.normal(size=(clusters, clusters)) * rng.gamma(1.0, 1.0, size=(clusters, 1))
    lever = np.diag(rng.gamma(0.3, 1.0, size=clusters)) + case % 3 * 0.1 * rng.normal(size=(clusters, clusters))
    v = rng.choice([-1.0, 1.0], size=(clusters, draws))
    if case == 3:
        v = np.repeat(v[:, :50], draws // 50, axis=1)
    a, b = errors @ v, lever @ v
    taken_off = 0.5 * rng.random(draws) if case == 4 else 0.0
    own = float(np.sum(errors.sum(axis=1) ** 2))
    result = Draws(
        a.sum(axis=0),
        b.sum(axis=0),
        np.sum(a * a, axis=0) * (1.0 - taken_off),
        np.sum(a * b, axis=0),
        np.sum(b * b, axis=0) * (1.0 - 3.0 * taken_off),
        abs(float(lever.sum())) + 1.0,
        own,
        1,
        True,
    )
    error = np.sqrt(own) / result.size
    estimate = error * float(rng.choice([0.0, 0.7, 3.0]))
    low, high, whole = invert(result, estimate)
    for sign, end in ((1.0, low), (-1.0, high)):
        steps = np.append(OUTWARD, sign * estimate / error)
        steps = np.unique(steps[steps > 0])
        kept = np.array([result.p_value(sign * t * error) > 0.05 for t in steps])
        if kept[-1]:
            assert end == -sign * np.inf
            continue
        places = np.flatnonzero(kept)
        inside, outside = (steps[places[-1]], steps[places[-1] + 1]) if places.size else (0.0, steps[0])
        assert whole <= bool(kept[: places.size].all())
        for _ in range(26):
            middle = 0.5 * (inside + outside)
            inside, outside = (middle, outside) if result.p_value(sign * middle * error) > 0.05 else (inside, middle)
        assert end == pytest.approx(estimate - sign * inside * error, abs=1e-7 * error)
