"""Systems of equations against published numbers, brute force, linearmodels and a known truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.design import build_design
from ruralpanel.estimate.base.results import Design, Further, Named
from ruralpanel.estimate.estimate import estimate
from ruralpanel.estimate.estimators import fit
from ruralpanel.estimate.families.sur import correlation, sur
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.project.kinds.estimator_keys import System
from ruralpanel.project.model_keys import key_problems
from ruralpanel.project.notes import note
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import InferenceSpec, ModelSpec
from ruralpanel.project.units import load_units

UNITS = Path(__file__).parents[2] / "data" / "units" / "china_provinces.csv"
CLUSTER = InferenceSpec("cluster", {"by": "unit", "small_sample": "CR1", "critical": "t"})


def system(
    outcomes: np.ndarray,
    x: np.ndarray,
    units: Sequence[Any],
    periods: Sequence[int],
    names: Sequence[str] = ("first", "second"),
    **settings: Any,
) -> Design:
    """A design of several outcomes; rows must be sorted."""
    extra = Further(outcomes=Named(tuple(names), outcomes))
    settings = {"effects": ("unit", "period"), "inference": (CLUSTER,), "name": "system"} | settings
    return design_from_arrays(outcomes[:, 0], x, units, periods, estimator="sur", extra=extra, **settings)


def panel(rng: np.random.Generator, units: int, periods: int, correlation: float, k: int = 2) -> dict[str, Any]:
    """Two outcomes whose errors, each persistent over time, have the given correlation."""
    unit, period = np.repeat(np.arange(units), periods), np.tile(np.arange(periods), units)
    x = rng.normal(size=(unit.size, k)) + rng.normal(size=units)[unit, None]
    shocks = rng.normal(size=(units, periods, 2))
    shocks[..., 1] = correlation * shocks[..., 0] + np.sqrt(1 - correlation**2) * shocks[..., 1]
    for t in range(1, periods):
        shocks[:, t] = 0.5 * shocks[:, t - 1] + np.sqrt(0.75) * shocks[:, t]
    effects = rng.normal(size=(units, 2))[unit] + rng.normal(size=(periods, 2))[period]
    outcomes = x @ rng.normal(size=(k, 2)) + effects + shocks.reshape(-1, 2)
    return {"outcomes": outcomes, "x": x, "units": np.array([f"u{code:02d}" for code in unit]), "periods": period}


def grunfeld() -> Design:
    """Investment of General Electric and of Westinghouse, 1935–54, each on its own value and capital."""
    from statsmodels.datasets import grunfeld as data

    frame = data.load_pandas().data
    firms = [frame[frame["firm"] == firm].sort_values("year") for firm in ("General Electric", "Westinghouse")]
    x = np.column_stack([firm[name] for firm in firms for name in ("value", "capital")])
    return system(
        np.column_stack([firm["invest"] for firm in firms]),
        x,
        [str(int(year)) for year in firms[0]["year"]],
        [0] * 20,
        ("ge", "wh"),
        terms=("ge_value", "ge_capital", "wh_value", "wh_capital"),
        effects=(),
        options={"equations": {"ge": ["ge_value", "ge_capital"], "wh": ["wh_value", "wh_capital"]}},
    )


def test_grunfeld_general_electric_and_westinghouse() -> None:
    """Theil (1971, p. 300) as the tests of R's systemfit print it (test_panel.Rout.save).

    Tolerance: half a unit of the last digit. The divisor of the residuals' covariance is n there ("noDfCor"), as here.
    """
    found = fit(grunfeld())
    assert found.terms == ("ge:ge_value", "ge:ge_capital", "wh:wh_value", "wh:wh_capital")
    np.testing.assert_allclose(found.params, [0.03831021, 0.13903627, 0.05762980, 0.06397807], rtol=0, atol=5e-9)
    errors = np.sqrt(np.diag(found.bread))
    np.testing.assert_allclose(errors, [0.01329011, 0.02303559, 0.01341101, 0.04890100], rtol=0, atol=5e-9)
    covariance = found.bread[np.triu_indices(4, 1)]
    published = [-3.404815e-05, 1.199926e-04, -3.247996e-04, -1.687242e-05, 5.948291e-04, -4.745933e-04]
    np.testing.assert_allclose(covariance, published, rtol=2e-7)
    assert found.extra.statistics["residual_correlation"].estimate == pytest.approx(0.765043, abs=5e-7)
    assert found.fit["rmse:ge"] == pytest.approx(28.479483, abs=5e-7)
    assert found.fit["rmse:wh"] == pytest.approx(10.293633, abs=5e-7)
    residuals = [2.37564176, 3.030722, -19.02178421, -2.636169]
    np.testing.assert_allclose(found.residuals[:2].ravel(), residuals, atol=5e-7)


def test_independence_of_grunfeld() -> None:
    """20 times the squared correlation of least squares residuals, from the published covariance (six digits)."""
    test = fit(grunfeld()).tests[sur.INDEPENDENCE]
    squared = 176.4491**2 / (660.829 * 88.6617)
    assert test.statistic == pytest.approx(20 * squared, rel=2e-5)
    assert test.df == 1
    assert 0.001 < test.p_value < 0.0012


def test_same_terms_are_least_squares_of_each_outcome_errors_included() -> None:
    data = panel(np.random.default_rng(1), 14, 6, 0.5)
    design = system(**data)
    found = fit(design)
    settings = {"terms": design.terms, "effects": ("unit", "period")}
    errors = infer(found, design, CLUSTER, 0)
    for m in range(2):
        alone = design_from_arrays(data["outcomes"][:, m], data["x"], data["units"], data["periods"], **settings)
        single = fit(alone)
        own = slice(2 * m, 2 * m + 2)
        np.testing.assert_allclose(found.params[own], single.params, rtol=1e-10)
        np.testing.assert_allclose(found.residuals[:, m], single.residuals, atol=1e-10)
        inference = infer(single, alone, CLUSTER, 0)
        np.testing.assert_allclose(errors.std_error[own], inference.std_error, rtol=1e-9)
        np.testing.assert_allclose(errors.p_value[own], inference.p_value, rtol=1e-8)
    assert found.extra.generalised is False


def different(seed: int = 2, weighted: bool = False, **settings: Any) -> Design:
    rng = np.random.default_rng(seed)
    data = panel(rng, 12, 5, 0.6, k=3)
    kept = rng.random(60) > 0.15
    weights = rng.uniform(0.5, 3.0, 60)[kept] if weighted else None
    options = {"equations": {"first": ["x1", "x2"], "second": ["x2", "x3"]}}
    chosen = {name: values[kept] for name, values in data.items()}
    return system(**chosen, weights=weights, options=options, **settings)


@pytest.mark.parametrize("weighted", [False, True])
def test_different_terms_are_generalised_least_squares_with_dummies(weighted: bool) -> None:
    """Brute force: all dummies, the whole covariance matrix of the stacked rows, and sums of scores by unit."""
    design = different(weighted=weighted)
    root = np.ones(design.y.size) if not weighted else np.sqrt(design.weights / design.weights.mean())
    units = np.eye(len(design.units))[design.unit_codes]
    periods = np.eye(len(design.periods))[design.period_codes][:, 1:]
    dummies = np.hstack([units, periods])
    columns = [np.hstack([design.x[:, j], dummies]) * root[:, None] for j in ([0, 1], [1, 2])]
    y = [design.extra.outcomes.columns[:, m] * root for m in range(2)]
    left = [b - a @ np.linalg.lstsq(a, b, rcond=None)[0] for a, b in zip(columns, y, strict=True)]
    n, width = root.size, columns[0].shape[1]
    sigma = np.array([[left[i] @ left[j] for j in range(2)] for i in range(2)]) / n
    x = np.zeros((2 * n, 2 * width))
    x[:n, :width], x[n:, width:] = columns
    weight = np.kron(np.linalg.inv(sigma), np.eye(n))
    inverse = np.linalg.inv(x.T @ weight @ x)
    params = inverse @ x.T @ weight @ np.concatenate(y)
    slopes = [0, 1, width, width + 1]
    found = fit(design)
    np.testing.assert_allclose(found.params, params[slopes], rtol=1e-8)
    np.testing.assert_allclose(found.bread, inverse[np.ix_(slopes, slopes)], rtol=1e-7)
    scores = x * (weight @ (np.concatenate(y) - x @ params))[:, None]
    sums = np.array([(scores[:n] + scores[n:])[design.unit_codes == g].sum(axis=0) for g in range(12)])
    vcov = (inverse @ sums.T @ sums @ inverse)[np.ix_(slopes, slopes)]
    k = 2 + len(design.periods)  # slopes of an equation, constant, periods less one
    factor = 12 / 11 * (n - 1) / (n - k)
    np.testing.assert_allclose(infer(found, design, CLUSTER, 0).vcov, factor * vcov, rtol=1e-7)


def test_clustered_errors_are_linearmodels_but_for_the_factor() -> None:
    from linearmodels.system import SUR

    from ruralpanel.estimate.base.effects import demean

    design = different()
    found = fit(design)
    x = demean(design, design.x, ("unit", "period"))
    y = demean(design, design.extra.outcomes.columns, ("unit", "period"))
    equations = {"a": (y[:, [0]], x[:, [0, 1]]), "b": (y[:, [1]], x[:, [1, 2]])}
    theirs = SUR(equations).fit(method="gls", cov_type="clustered", clusters=design.unit_codes, group_debias=False)
    np.testing.assert_allclose(found.params, theirs.params, rtol=1e-9)
    none = InferenceSpec("cluster", {"by": "unit", "small_sample": "CR1", "critical": "t"})
    ours = infer(found, design, none, 0)
    n, k = design.y.size, 2 + len(design.periods)
    factor = 12 / 11 * (n - 1) / (n - k)
    np.testing.assert_allclose(ours.vcov, factor * np.asarray(theirs.cov), rtol=1e-7)


def test_drawn_samples_are_estimated_anew() -> None:
    """A sample drawn by counts gives what the estimator gives on the panel of the drawn units."""
    design = different()
    rows = np.arange(design.y.size)
    own = ((0, 1), (1, 2))
    columns = (design.x, design.extra.outcomes.columns)
    sample = correlation.sample_of(design, rows, own, columns, np.ones((rows.size, 1)), design.unit_codes)
    counts = np.random.default_rng(4).multinomial(12, np.full(12, 1 / 12)).astype(float)
    z, error = sample.correlations(counts[None])
    drawn = np.concatenate([rows[design.unit_codes == g] for g in range(12) for _ in range(int(counts[g]))])
    copies = np.concatenate(
        [
            np.full(np.count_nonzero(design.unit_codes == g), 100 * g + copy)
            for g in range(12)
            for copy in range(int(counts[g]))
        ]
    )
    again = system(
        design.extra.outcomes.columns[drawn],
        design.x[drawn],
        [f"{copy:05d}" for copy in copies],
        design.period_codes[drawn],
        options=design.spec.options,
    )
    residuals = fit(again).residuals
    r = residuals[:, 0] @ residuals[:, 1] / np.sqrt(np.prod(np.sum(residuals**2, axis=0)))
    assert np.tanh(z[0, 0]) == pytest.approx(r, abs=1e-10)
    scaled = residuals / np.sqrt(np.sum(residuals**2, axis=0))
    influence = scaled[:, 0] * scaled[:, 1] - r / 2 * np.sum(scaled**2, axis=1)
    by_unit = np.bincount(again.unit_codes, weights=influence)
    assert error[0, 0] == pytest.approx(np.sqrt(by_unit @ by_unit) / (1 - r**2), rel=1e-9)


@pytest.mark.slow
def test_the_interval_holds_a_known_correlation() -> None:
    """120 panels of 24 units and 6 periods with persistent errors: the interval holds .4 as often as it says.

    Allowed: three Monte Carlo errors, and two points that the bootstrap lacks with few units (docs/estimators/sur.md).
    """
    rng = np.random.default_rng(5)
    panels, held, means = 120, 0, []
    for number in range(panels):
        design = replace(system(**panel(rng, 24, 6, 0.4), options={"draws": 399}), seed=number)
        statistic = fit(design).extra.statistics["residual_correlation"]
        held += statistic.ci_low <= 0.4 <= statistic.ci_high
        means.append(statistic.estimate)
    assert 0.93 - 3 * np.sqrt(0.95 * 0.05 / panels) <= held / panels <= 0.95 + 3 * np.sqrt(0.95 * 0.05 / panels)
    assert np.mean(means) == pytest.approx(0.4, abs=4 * np.std(means) / np.sqrt(panels))


def test_repeated_estimates_are_the_same_without_the_bootstrap() -> None:
    design = system(**panel(np.random.default_rng(3), 24, 6, 0.4), options={"draws": 99})
    whole = fit(design)
    again = fit(design, beside=False)
    assert again.extra.statistics["residual_correlation"].draws == 0
    for name in ("params", "residuals", "bread", "scores"):
        np.testing.assert_array_equal(getattr(again, name), getattr(whole, name))


def test_three_outcomes_have_a_correlation_for_each_pair_and_one_test() -> None:
    data = panel(np.random.default_rng(6), 15, 6, 0.7)
    third = np.random.default_rng(7).normal(size=(90, 1))
    design = system(
        **{**data, "outcomes": np.hstack([data["outcomes"], third])}, names=("a", "b", "c"), options={"draws": 199}
    )
    found = fit(design)
    statistics = found.extra.statistics
    assert list(statistics) == [f"residual_correlation:{pair}" for pair in ("a:b", "a:c", "b:c")]
    r = np.corrcoef(found.residuals.T)
    values = [statistics[name].estimate for name in statistics]
    np.testing.assert_allclose(values, [r[0, 1], r[0, 2], r[1, 2]], atol=1e-12)
    test = found.tests[sur.INDEPENDENCE]
    n = 90 - (15 + 6 - 1) + 1
    assert (test.df, test.statistic) == (3.0, pytest.approx(n * sum(v**2 for v in values)))


def test_results_repeat_and_carry_the_statistic() -> None:
    design = system(**panel(np.random.default_rng(8), 14, 5, 0.3), options={"draws": 199})
    one, two = (estimate(design.spec, design, 7, "").to_dict() for _ in range(2))
    assert one == two
    assert one["statistics"]["residual_correlation"]["draws"] == 199
    other = estimate(design.spec, design, 8, "").to_dict()
    assert other["statistics"]["residual_correlation"]["ci_low"] != one["statistics"]["residual_correlation"]["ci_low"]
    assert [row["term"] for row in one["coefficients"]] == ["first:x1", "first:x2", "second:x1", "second:x2"]


def test_few_units_have_no_interval() -> None:
    found = fit(system(**panel(np.random.default_rng(9), 8, 6, 0.3)))
    statistic = found.extra.statistics["residual_correlation"]
    assert np.isnan(statistic.ci_low) and np.isnan(statistic.p_value) and statistic.draws == 0
    assert note("correlation_no_interval", clusters=8, least=10) in found.notes


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"names": ("first", "first")}, "two different outcomes"),
        ({"options": {"equations": {"frist": ["x1"]}}}, 'did you mean "first"'),
        ({"options": {"equations": {"first": ["x9"]}}}, "terms among regressors and controls"),
        ({"periods_kept": 1}, "more observations"),
        ({"same": True}, "determine one another"),
        ({"explained": True}, "explain entirely"),
    ],
)
def test_what_cannot_be_estimated_is_said(change: dict[str, Any], words: str) -> None:
    data = panel(np.random.default_rng(10), 12, 4, 0.3)
    settings: dict[str, Any] = {key: change[key] for key in ("names", "options") if key in change}
    if change.get("same"):
        data["outcomes"] = np.column_stack([data["outcomes"][:, 0], 2 * data["outcomes"][:, 0] + data["x"][:, 0]])
    if change.get("explained"):
        data["outcomes"] = np.column_stack([data["outcomes"][:, 0], data["x"][:, 0]])
    if change.get("periods_kept"):
        kept = (data["periods"] < 2) & (data["units"] < "u03")
        data = {name: values[kept] for name, values in data.items()}
    with pytest.raises(UserError) as raised:
        fit(system(**data, **settings))
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"estimator": "fe", "outcome": ["a", "b"], "regressors": ["x"]}, "use estimator: sur"),
        ({"estimator": "sur", "outcome": "a", "regressors": ["x"]}, "a list of two different outcomes"),
        ({"estimator": "sur", "outcome": ["a", "a"], "regressors": ["x"]}, "a list of two different outcomes"),
        ({"estimator": "sur", "outcome": ["a", "b"]}, "regressors of all outcomes"),
        ({"estimator": "sur", "outcome": ["a", "b"], "equations": {"a": ["x"]}}, 'no equation for "b"'),
        ({"estimator": "sur", "outcome": ["a", "b"], "regressors": ["roads"], "equations": {"a": ["raods"]}}, "roads"),
        ({"estimator": "sur", "outcome": ["a", "b"], "regressors": ["x"], "equations": {"c": ["x"]}}, "outcomes"),
    ],
)
def test_declarations_are_checked_before_anything_runs(model: dict[str, Any], words: str) -> None:
    problems = list(key_problems({"models": {"m": model}}, "config.yaml"))
    assert len(problems) == 1
    assert words in str(problems[0])


def test_right_declarations_pass() -> None:
    shared = {"estimator": "sur", "outcome": ["a", "b"], "regressors": ["x"], "controls": ["z"]}
    own = {"estimator": "sur", "outcome": ["a", "b"], "equations": {"a": ["x"], "b": ["x", "y"]}}
    models = {"one": shared, "two": own, "three": {**shared, "equations": {"b": ["x", "z"]}}, "four": None}
    assert not list(key_problems({"models": models}, "config.yaml"))


def test_absorbed_terms_stop_or_are_left_out() -> None:
    data = panel(np.random.default_rng(11), 12, 4, 0.3)
    data["x"] = np.column_stack([data["x"], np.repeat(np.arange(12.0), 4)])
    with pytest.raises(UserError, match="x3"):
        fit(system(**data))
    found = fit(system(**data, drop_absorbed=True, options={"draws": 99}))
    assert found.terms == ("first:x1", "first:x2", "second:x1", "second:x2")
    assert any(one.code == "left_out" and one.values["term"] == "x3" for one in found.notes)


def test_resampling_follows_the_clusters_of_the_errors() -> None:
    data = panel(np.random.default_rng(12), 24, 4, 0.3)
    region = [f"r{int(unit[1:]) // 2:02d}" for unit in data["units"]]
    setting = InferenceSpec("cluster", {"by": "region", "small_sample": "CR1", "critical": "t"})
    design = system(**data, clusters={"region": region}, inference=(setting,), options={"draws": 99})
    assert fit(design).extra.statistics["residual_correlation"].n_clusters == 12
    by_unit = replace(design, spec=replace(design.spec, inference=(CLUSTER,)))
    assert fit(by_unit).extra.statistics["residual_correlation"].n_clusters == 24


def frame_of_two(rng: np.random.Generator) -> pd.DataFrame:
    units = load_units(UNITS)
    ids = sorted(units.ids)
    table = pd.DataFrame({"unit": np.repeat(ids, 4), "period": np.tile(range(2012, 2016), len(ids))})
    for name in ("first", "second", "x1", "x2"):
        table[name] = rng.normal(size=len(table))
    table["second__break_2014"] = ((table["unit"] == ids[0]) & (table["period"] >= 2014)).astype(float)
    return table


def declared(*outcomes: str, **equations: list[str]) -> ModelSpec:
    return ModelSpec(
        "m", "sur", outcomes[0], "p", regressors=("x1", "x2"), effects=("unit", "period"), outcomes=outcomes,
        options=System(draws=99, equations=equations),
    )  # fmt: skip


def test_every_outcome_is_read_with_its_gaps_and_steps() -> None:
    frame = frame_of_two(np.random.default_rng(13))
    frame.loc[5, "second"] = np.nan
    design = build_design(declared("first", "second", first=["x1"]), frame, load_units(UNITS))
    assert design.n_dropped == {"missing:second": 1}
    assert design.extra.outcomes.terms == ("first", "second")
    np.testing.assert_array_equal(design.extra.outcomes.columns, frame.drop(5)[["first", "second"]])
    found = fit(design)
    step = "second__break_2014"
    assert found.extra.equations == {"first": ("x1", step), "second": ("x1", "x2", step)}


def test_an_outcome_that_effects_absorb_is_named() -> None:
    frame = frame_of_two(np.random.default_rng(14))
    frame["second"] = frame["period"].astype(float)
    with pytest.raises(UserError) as raised:
        build_design(declared("first", "second"), frame, load_units(UNITS))
    (problem,) = raised.value.problems
    assert '"second", the same for all units in each period' in problem.found
