"""Effects beyond unit and period: exact ranks, the same estimates as with dummies, clusters that contain effects."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.linalg import qr

from ruralpanel.estimate.base import absorb
from ruralpanel.estimate.base.absorb import Absorbed
from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.effects import effect_codes
from ruralpanel.estimate.base.groups import compact
from ruralpanel.estimate.base.results import Design, Further, Named
from ruralpanel.estimate.estimate import estimate
from ruralpanel.estimate.estimators import fit
from ruralpanel.estimate.inference import covariance
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.project.notes import note
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import InferenceSpec

REGION_BY_PERIOD = ("unit", "region:period")
THREE_WAY = ("unit", "period", "industry")


def dummies(codes: np.ndarray) -> np.ndarray:
    return (codes[:, None] == np.unique(codes)).astype(float)


def qr_rank(columns: np.ndarray) -> int:
    """Rank by orthogonal decomposition with pivots."""
    r = np.abs(np.diag(qr(columns, mode="r", pivoting=True)[0]))
    return int(np.sum(r > 1e-9 * r[0]))


def panel(
    effects: tuple[str, ...], *, weighted: bool = False, missing: float = 0.25, estimator: str = "fe", **settings: Any
) -> Design:
    """30 units in 5 regions × 6 periods, rows missing; each unit moves between 4 industries."""
    rng = np.random.default_rng(11)
    unit, period = np.repeat(np.arange(30), 6), np.tile(np.arange(6), 30)
    kept = rng.uniform(size=unit.size) >= missing
    unit, period = unit[kept], period[kept]
    region, industry = unit // 6, (unit + rng.integers(0, 2, unit.size)) % 4
    x = rng.normal(size=(unit.size, 2)) + 0.3 * region[:, None] * period[:, None]
    y = x @ [0.5, -0.2] + rng.normal(size=30)[unit] + region * period + industry + rng.normal(size=unit.size)
    if estimator == "ppml":
        y = rng.poisson(np.exp(0.1 * x[:, 0] + 0.05 * region)).astype(float)
    return design_from_arrays(
        y,
        x,
        unit,
        2000 + period,
        estimator=estimator,
        effects=effects,
        weights=rng.uniform(0.5, 2.0, unit.size) if weighted else None,
        clusters={"region": region, "industry": industry, "region:period": region * 10 + period},
        **settings,
    )


def columns_of(design: Design, rows: np.ndarray, effects: tuple[str, ...]) -> np.ndarray:
    return np.hstack([dummies(effect_codes(design, effect)[rows]) for effect in effects])


def _take(d: Design, rows: np.ndarray) -> Design:
    return replace(
        d,
        y=d.y[rows],
        x=d.x[rows],
        unit_codes=d.unit_codes[rows],
        period_codes=d.period_codes[rows],
        clusters={name: codes[rows] for name, codes in d.clusters.items()},
        weights=None if d.weights is None else d.weights[rows],
    )


EFFECTS = [
    ("region",),
    REGION_BY_PERIOD,
    THREE_WAY,
    ("unit", "period", "region", "region:period"),
    ("unit", "industry", "region:period"),
]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("effects", EFFECTS)
def test_least_squares_with_dummies_gives_the_same(effects: tuple[str, ...], weighted: bool) -> None:
    d = panel(effects, weighted=weighted)
    found = fit(d)
    rows, root = found.rows, np.ones(found.rows.size) if d.weights is None else np.sqrt(d.weights[found.rows])
    columns = np.hstack([d.x[rows], columns_of(d, rows, effects)]) * root[:, None]
    expected = np.linalg.lstsq(columns, d.y[rows] * root, rcond=None)[0][:2]
    np.testing.assert_allclose(found.params, expected, rtol=1e-9)
    assert found.n_absorbed == qr_rank(columns_of(d, rows, effects))
    assert found.df_resid == rows.size - qr_rank(columns)


@pytest.mark.parametrize("estimator", ["pooled", "fd", "iv", "ppml", "sur"])
def test_other_estimators_with_region_by_period_effects(estimator: str) -> None:
    effects = ("region:period",) if estimator in ("pooled", "fd") else REGION_BY_PERIOD
    extra = Further()
    d = panel(effects, estimator=estimator)
    if estimator == "iv":
        d = panel(effects, estimator="iv", method="2sls")
        noise = np.random.default_rng(3).normal(size=d.y.size)
        extra = Further(Named(("e",), d.x[:, :1]), Named(("z",), d.x[:, :1] + noise[:, None]))
        d = replace(d, x=d.x[:, 1:], terms=("x2",), extra=extra)
    if estimator == "sur":
        d = replace(d, extra=Further(outcomes=Named(("y", "w"), np.column_stack([d.y, d.x[:, 0] ** 2]))))
    found = fit(d)
    if estimator == "fd":
        before = d.earlier()[found.rows]
        y, x = d.y[found.rows] - d.y[before], d.x[found.rows] - d.x[before]
    else:
        y, x = d.y[found.rows], d.x[found.rows]
    effect = columns_of(d, found.rows, effects)
    assert found.n_absorbed == qr_rank(effect)
    if estimator == "iv":
        first = np.hstack([extra.instruments.columns[found.rows], x, effect])
        hat = first @ np.linalg.lstsq(first, extra.endogenous.columns[found.rows], rcond=None)[0]
        expected = np.linalg.lstsq(np.hstack([hat, x, effect]), y, rcond=None)[0][:2]
    elif estimator == "ppml":
        sm = pytest.importorskip("statsmodels.api")
        full = np.hstack([x, effect])
        expected = sm.GLM(y, full, family=sm.families.Poisson()).fit(tol=1e-12, maxiter=200).params[:2]
    else:
        expected = np.linalg.lstsq(np.hstack([x, effect]), y, rcond=None)[0][:2]
    np.testing.assert_allclose(found.params[:2], expected, rtol=1e-6)


def test_rank_is_that_of_fixest() -> None:
    """fixest's own test of irregular effects (tests/fixest_tests.R): K of one slope with 3 and 5 levels in 20 rows."""
    first, second = np.tile(np.repeat([0, 1, 2], [4, 3, 3]), 2), np.tile(np.repeat(np.arange(5), 2), 2)
    space = Absorbed(20, (first, second))
    assert 1 + space.rank == 7  # fixef.K = "full", force_exact: two restrictions, not one
    assert 1 + space.rank_outside((first,)) == 6  # nested, clustered by the first: x and the five levels of the second


def test_ranks_of_random_effects_are_exact() -> None:
    """Many sparse designs, in parts that no level links: QR of all dummies counts the same."""
    rng = np.random.default_rng(5)
    for number in (2, 3, 4):
        for _ in range(60):
            n = int(rng.integers(8, 60))
            factors = tuple(compact(rng.integers(0, rng.integers(2, 14), n)) for _ in range(number))
            weights = np.exp(rng.normal(scale=3.0, size=n))
            exact = qr_rank(np.hstack([dummies(codes) for codes in factors]))
            assert Absorbed(n, factors).rank == exact
            assert Absorbed(n, factors, None, np.sqrt(weights)).rank == exact


def test_an_effect_that_another_contains_changes_nothing() -> None:
    plain, wide = panel(REGION_BY_PERIOD), panel(("region", "period", "unit", "region:period"))
    short, long = fit(plain), fit(wide)
    np.testing.assert_allclose(long.params, short.params, rtol=1e-10)
    assert long.df_resid == short.df_resid
    for by in ("unit", "region:period"):
        setting = InferenceSpec("cluster", {"by": "unit", "small_sample": "CR1"})
        errors = [infer(found, d, setting, 0).std_error for found, d in ((short, plain), (long, wide))]
        np.testing.assert_allclose(errors[0], errors[1], rtol=1e-10)
        groups = [compact(d.clusters[by][found.rows]) for found, d in ((short, plain), (long, wide))]
        counted = [
            covariance.parameters(f, d, (g,)) for f, d, g in zip((short, long), (plain, wide), groups, strict=True)
        ]
        assert counted[0] == counted[1]


def test_effects_inside_clusters_do_not_count() -> None:
    """By region both effects lie in the clusters: slopes and a constant; by unit the effects of periods remain."""
    d = panel(REGION_BY_PERIOD)
    found = fit(d)
    region, unit = (compact(d.clusters[name][found.rows]) for name in ("region", "unit"))
    assert covariance.parameters(found, d, (region,)) == 2 + 1
    assert covariance.parameters(found, d, (unit,)) == 2 + np.unique(d.clusters["region:period"][found.rows]).size
    assert covariance.parameters(found, d, (unit,), "all") == 2 + found.n_absorbed


@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("wild_cluster", {"by": "unit", "draws": 999, "interval": True}),
        ("cluster", {"by": "unit", "small_sample": "CR2"}),
        ("cluster", {"by": "unit", "small_sample": "CR3"}),
    ],
)
def test_inference_is_that_of_the_dummies_as_regressors(method: str, options: dict[str, Any]) -> None:
    d = panel(REGION_BY_PERIOD)
    rows = fit(d).rows
    d = _take(d, rows)
    columns = columns_of(d, np.arange(d.y.size), d.spec.effects)
    order = qr(columns, pivoting=True, mode="r")[1][: qr_rank(columns)]
    net = columns[:, order] - columns[:, order].mean(axis=0)
    chosen = [j for j in range(net.shape[1]) if qr_rank(np.column_stack([np.ones(len(net)), net[:, : j + 1]])) == j + 2]
    x = np.hstack([d.x, columns[:, order][:, chosen]])
    spec = replace(d.spec, estimator="pooled", effects=())
    wide = replace(d, spec=spec, x=x, terms=tuple(f"x{j + 1}" for j in range(x.shape[1])))
    setting = InferenceSpec(method, options)
    ours, theirs = infer(fit(d), d, setting, 1), infer(fit(wide), wide, setting, 1)
    np.testing.assert_allclose(ours.p_value, theirs.p_value[:2], rtol=1e-6)
    np.testing.assert_allclose(ours.ci_low, theirs.ci_low[:2], rtol=1e-5)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("effects", [REGION_BY_PERIOD, ("unit", "industry", "region:period")])
def test_large_panels_are_taken_apart_into_pieces(
    effects: tuple[str, ...], weighted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    d = panel(effects, weighted=weighted)
    factors = tuple(compact(effect_codes(d, effect)) for effect in effects)
    root = None if d.weights is None else np.sqrt(d.weights)
    whole = Absorbed(d.y.size, factors, None, root)
    rows, codes = np.arange(3, 43, 4).reshape(2, 5), d.clusters["region"]
    expected = (
        whole.residuals(d.x),
        whole.leverage(),
        whole.blocks(rows),
        whole.cross(d.y, codes, d.x[:, 0], d.unit_codes),
        whole.basis @ whole.basis.T,
    )
    monkeypatch.setattr(absorb, "FEW", 0)
    monkeypatch.setattr("ruralpanel.estimate.base.groups.FEW", 0)
    monkeypatch.setattr(absorb, "SMALL", 0)
    monkeypatch.setattr(absorb, "LARGEST_DENSE", 6 if len(effects) == 2 else 10_000)
    pieces = Absorbed(d.y.size, factors, None, root)
    assert pieces.rank == whole.rank
    found = (
        pieces.residuals(d.x),
        pieces.leverage(),
        pieces.blocks(rows),
        pieces.cross(d.y, codes, d.x[:, 0], d.unit_codes),
        pieces.basis @ pieces.basis.T,
    )
    for own, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(own, other, atol=1e-11)
    if len(effects) == 2:
        monkeypatch.setattr(absorb, "LARGEST_DENSE", 5)
        with pytest.raises(UserError, match="6 levels that hang together"):
            Absorbed(d.y.size, factors, None, root).residuals(d.x)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("pieces", [False, True])
@pytest.mark.parametrize("groups", [1, 2])
def test_two_effects_of_large_panels_are_those_of_dummies(
    groups: int, pieces: bool, weighted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sums by pairs of units and periods, in order and shuffled; two groups: of regions that share no period."""
    monkeypatch.setattr(absorb, "FEW", 0)
    monkeypatch.setattr("ruralpanel.estimate.base.groups.FEW", 0)
    monkeypatch.setattr(absorb, "MOST_PAIRS", 10)
    monkeypatch.setattr(absorb, "SMALL", 0 if pieces else 400)
    d = panel(("unit", "period"), weighted=weighted)
    if groups == 2:
        d = _take(d, np.flatnonzero((d.clusters["region"] < 2) == (d.period_codes % 2 == 0)))
    d = _take(d, np.random.default_rng(2).permutation(d.y.size))
    found = fit(d)
    rows = found.rows
    space = covariance.space_of(found, d)
    assert space._second is not None
    root = np.ones(rows.size) if d.weights is None else np.sqrt(d.weights[rows])
    columns = columns_of(d, rows, d.spec.effects) * root[:, None]
    projection = columns @ np.linalg.pinv(columns)
    values = np.random.default_rng(8).normal(5.0, 1.0, (rows.size, 3))
    np.testing.assert_allclose(space.residuals(values), values - projection @ values, atol=1e-12)
    np.testing.assert_allclose(space.residuals(values[:, 1]), values[:, 1] - projection @ values[:, 1], atol=1e-12)
    net = replace(space, without_constant=True).residuals(values)
    constant = root / np.linalg.norm(root)
    np.testing.assert_allclose(net, values - projection @ values + np.outer(constant, constant @ values), atol=1e-12)
    np.testing.assert_allclose(space.leverage(), np.diag(projection), atol=1e-12)
    units, periods = (np.unique(codes[rows]).size for codes in (d.unit_codes, d.period_codes))
    assert space.rank == found.n_absorbed == qr_rank(columns) == units + periods - groups
    assert space.basis.shape[1] == periods - groups
    assert found.df_resid == rows.size - 2 - (units + periods - groups)
    whole = np.hstack([d.x[rows] * root[:, None], columns])
    np.testing.assert_allclose(found.params, np.linalg.lstsq(whole, d.y[rows] * root, rcond=None)[0][:2], rtol=1e-9)


def test_leaving_a_unit_out_is_exact_with_region_by_period_effects() -> None:
    d = panel(REGION_BY_PERIOD, missing=0.1, inference=(InferenceSpec("cluster", {"by": "unit"}),))
    influence = estimate(d.spec, d, 1, "").diagnostics.influence
    change = dict(zip(influence.units, influence.dfbeta["x1"], strict=True))
    whole = fit(d)
    for unit in ("0", "17", "29"):
        kept = np.flatnonzero(d.unit_codes != d.units.index(unit))
        assert whole.params[0] - fit(_take(d, kept)).params[0] == pytest.approx(change[unit], rel=1e-6)


def test_results_of_a_model_with_three_effects() -> None:
    """Tests that know unit and period effects alone are left out, the others come."""
    d = panel(("unit", "region:period", "industry"), inference=(InferenceSpec("cluster", {"by": "unit"}),))
    result = estimate(d.spec, d, 1, "")
    assert result.effects == ("unit", "region:period", "industry")
    assert {"f_effects", "pesaran_cd", "heteroskedasticity"} <= set(result.tests)
    assert not {"hausman", "mundlak"} & set(result.tests)
    assert note("cd_period_effects") in result.tests["pesaran_cd"].note
    full = columns_of(d, np.arange(d.y.size), d.spec.effects)
    kept = fit(d).rows
    short = columns_of(d, kept, ("region:period", "industry"))
    df = result.tests["f_effects"].df
    assert isinstance(df, tuple) and df[0] == qr_rank(full[kept]) - qr_rank(short)


def test_differences_refuse_effects_that_do_not_survive_them() -> None:
    with pytest.raises(UserError, match="region, of which differences leave nothing"):
        fit(panel(("region",), estimator="fd"))
    d = panel(("region:period",), estimator="fd")
    moving = {**d.clusters, "region:period": compact(d.clusters["industry"] * 10 + d.period_codes)}
    with pytest.raises(UserError, match="movements between groups"):
        fit(replace(d, clusters=moving))


def test_the_constant_is_that_of_least_squares() -> None:
    """Pooled, weighted: statsmodels' own intercept and its errors, classical and clustered."""
    sm = pytest.importorskip("statsmodels.api")
    d = panel((), estimator="pooled", weighted=True, missing=0.0)
    d = replace(d, spec=replace(d.spec, options=d.spec.options.changed(constant=True)))
    found = fit(d)
    assert found.intercept is not None and found.terms == ("x1", "x2")
    theirs = sm.WLS(d.y, np.column_stack([d.x, np.ones(d.y.size)]), weights=d.weights).fit()
    np.testing.assert_allclose(found.intercept.params, theirs.params, rtol=1e-10)
    classical = infer(found.intercept, d, InferenceSpec("classical"), 0)
    np.testing.assert_allclose(classical.std_error, theirs.bse, rtol=1e-10)
    clustered = theirs.get_robustcov_results("cluster", groups=d.unit_codes)
    ours = infer(found.intercept, d, InferenceSpec("cluster", {"small_sample": "CR1"}), 0)
    np.testing.assert_allclose(ours.std_error, clustered.bse, rtol=1e-10)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_constant_beside_effects_is_their_mean(weighted: bool) -> None:
    """The mean of the effects over the rows, with the error of that contrast; slopes keep theirs under every method."""
    d = panel(REGION_BY_PERIOD, weighted=weighted, inference=(InferenceSpec("cluster", {"by": "unit"}),))
    d = replace(d, spec=replace(d.spec, options=d.spec.options.changed(constant=True)))
    found = fit(d)
    assert found.intercept is not None
    rows = found.rows
    root = np.ones(rows.size) if d.weights is None else np.sqrt(d.weights[rows])
    effects = columns_of(d, rows, d.spec.effects)
    columns = np.hstack([d.x[rows], effects])
    params = np.linalg.lstsq(columns * root[:, None], d.y[rows] * root, rcond=None)[0]
    share = root**2 / np.sum(root**2)
    assert found.intercept.params[-1] == pytest.approx(share @ effects @ params[2:], rel=1e-9)
    # its variance is that of a contrast of the dummies' coefficients
    gram = np.linalg.pinv((columns * root[:, None]).T @ (columns * root[:, None]), rcond=1e-12)
    contrast = np.append(np.zeros(2), share @ effects)
    residuals = (d.y[rows] - columns @ params) * root
    sums = np.array([
        (columns * (root * residuals)[:, None])[d.unit_codes[rows] == unit].sum(axis=0) for unit in range(30)
    ])  # fmt: skip
    errors = infer(found.intercept, d, InferenceSpec("cluster", {"small_sample": "CR1"}), 0)
    n, units, k = (
        rows.size,
        np.unique(d.unit_codes[rows]).size,
        covariance.parameters(found, d, (compact(d.unit_codes[rows]),)),
    )
    expected = np.sqrt(units / (units - 1) * (n - 1) / (n - k)) * np.sqrt(
        contrast @ gram @ sums.T @ sums @ gram @ contrast
    )
    assert errors.std_error is not None
    assert errors.std_error[-1] == pytest.approx(expected, rel=1e-8)
    for kind in ("CR1", "CR2", "CR3"):
        setting = InferenceSpec("cluster", {"small_sample": kind})
        plain, wide = infer(found, d, setting, 0), infer(found.intercept, d, setting, 0)
        assert plain.std_error is not None and wide.std_error is not None
        np.testing.assert_allclose(wide.std_error[:2], plain.std_error, rtol=1e-8)
        np.testing.assert_allclose(wide.df[:2], plain.df, rtol=1e-8)
    setting = InferenceSpec("wild_cluster", {"draws": 499})
    np.testing.assert_allclose(infer(found.intercept, d, setting, 3).p_value[:2], infer(found, d, setting, 3).p_value)
    result = estimate(d.spec, d, 1, "")
    assert [row.term for row in result.coefficients] == ["x1", "x2", "constant"]
    assert result.coefficients[-1].estimate == found.intercept.params[-1]
    assert note("constant_mean_effect") in result.notes
    assert {"x1", "x2"} == set(result.vcov.terms)


def test_codes_are_renumbered_without_gaps_in_their_order() -> None:
    rng = np.random.default_rng(3)
    wide = rng.integers(0, 10**12, 500)
    for codes in (rng.integers(0, 90, 300), wide, wide - 10**11, np.array([7]), np.array([], dtype=np.intp)):
        assert np.array_equal(compact(codes), np.unique(codes, return_inverse=True)[1])
