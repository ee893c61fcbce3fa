"""The period before: one definition for formulas, estimators, tests and errors, held against brute force."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ruralpanel.estimate import specification_tests
from ruralpanel.estimate.base.design import build_design
from ruralpanel.estimate.base.results import Design, Further
from ruralpanel.estimate.estimate import estimate
from ruralpanel.estimate.families import confirm_linear, linear
from ruralpanel.estimate.families.dynamic import dynamic_panel
from ruralpanel.estimate.families.policy import synthetic
from ruralpanel.estimate.families.policy.cohorts import Cohorts
from ruralpanel.estimate.inference import dependence
from ruralpanel.estimate.inference.error_process import error_process
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.project.expressions import shifted
from ruralpanel.project.problems import UserError
from ruralpanel.project.sections.data import Sample
from ruralpanel.project.settings import InferenceSpec, ModelSpec
from ruralpanel.project.units import Units, load_units

UNEVEN = (2000, 2003, 2005, 2010, 2011)
GAP = tuple(year for year in range(2000, 2010) if year != 2005)


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> Units:
    path = Path(tmp_path_factory.mktemp("units")) / "units.csv"
    path.write_text("id,name\n" + "".join(f"U{i:02d},Unit {i}\n" for i in range(15)), encoding="utf-8")
    return load_units(path)


def frame_of(years: tuple[int, ...], seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"unit": np.repeat([f"U{i:02d}" for i in range(15)], len(years)), "period": years * 15})
    x = rng.standard_normal((15, len(years))).cumsum(axis=1)
    y = 0.9 * x + rng.standard_normal((15, len(years))).cumsum(axis=1)
    return table.assign(x=x.ravel(), y=y.ravel(), w=rng.uniform(0.5, 2.0, x.size))


def designed(
    frame: pd.DataFrame, units: Units, estimator: str = "fd", by: str = "year", sample: Any = None, **settings: Any
) -> Design:
    base: dict[str, Any] = {"regressors": ("x",), "effects": (), "inference": (InferenceSpec("cluster"),)}
    spec = ModelSpec("m", estimator, "y", "p", **{**base, **settings})
    return build_design(spec, frame, units, sample, by=by)


def differenced(frame: pd.DataFrame, pairs: set[tuple[int, int]]) -> pd.DataFrame:
    """Rows with what changed since the period before, by hand."""
    rows = []
    for _, own in frame.groupby("unit"):
        values = own.set_index("period")
        rows += [
            {
                "unit": own["unit"].iloc[0],
                "period": late,
                **(values.loc[late, ["x", "y"]] - values.loc[early, ["x", "y"]]),
            }
            for early, late in sorted(pairs)
            if {early, late} <= set(values.index)
        ]
    return pd.DataFrame(rows)


def years_apart(years: tuple[int, ...]) -> set[tuple[int, int]]:
    return {(a, b) for a in years for b in years if b == a + 1}


@pytest.mark.parametrize("missing", ["dropped", "not published", "not declared"])
@pytest.mark.parametrize("effects", [(), ("period",)])
def test_first_differences_never_bridge_a_year(missing: str, effects: tuple[str, ...], units: Units) -> None:
    frame = frame_of(tuple(range(2000, 2010)))
    sample = Sample(drop_periods=(2005,)) if missing == "dropped" else None
    if missing == "not published":
        frame.loc[frame["period"] == 2005, "y"] = np.nan
    if missing == "not declared":
        frame = frame[frame["period"] != 2005].reset_index(drop=True)
    design = designed(frame, units, sample=sample, effects=effects)
    result = estimate(design.spec, design, 1, "")
    by_hand = differenced(frame[frame["period"] != 2005], years_apart(GAP))
    if effects:
        by_hand[["x", "y"]] -= by_hand.groupby("period")[["x", "y"]].transform("mean")
    assert result.n_obs == len(by_hand) == 105
    assert result.coefficients[0].estimate == pytest.approx(by_hand["x"] @ by_hand["y"] / (by_hand["x"] @ by_hand["x"]))
    assert result.n_dropped["without_period_before"] == 30
    assert len(frame) - sum(result.n_dropped.values()) == result.n_obs, "every row is used or counted as lost"


def test_uneven_periods_are_years_unless_the_panel_counts_observations(units: Units) -> None:
    frame = frame_of(UNEVEN)
    for by, pairs, expected in (
        ("year", years_apart(UNEVEN), 15),
        ("observation", set(pairwise(UNEVEN)), 60),
    ):
        by_hand = differenced(frame, pairs)
        fit = linear.fd(designed(frame, units, by=by))
        assert fit.rows.size == len(by_hand) == expected
        assert fit.params[0] == pytest.approx(by_hand["x"] @ by_hand["y"] / (by_hand["x"] @ by_hand["x"]))
    left = designed(frame, units, by="observation", sample=Sample(drop_periods=(2005,)))
    assert linear.fd(left).rows.size == 30, "a declared period without rows is a gap"
    wide = designed(frame_of((1990, 2000, 2010)), units)
    with pytest.raises(UserError, match=r"panels\.p\.by: observation"):
        linear.fd(wide)


def test_weights_and_linearmodels_agree_across_gaps(units: Units) -> None:
    frame = frame_of(GAP)
    frame = frame.drop(index=frame.index[[3, 20, 21, 47]]).reset_index(drop=True)
    for effects in ((), ("period",)):
        design = designed(frame, units, effects=effects, weights="w")
        theirs = confirm_linear.again(design, InferenceSpec("cluster"))
        fit = linear.fd(design)
        np.testing.assert_allclose(fit.params, theirs.params, rtol=1e-9)
        np.testing.assert_allclose(
            infer(fit, design, InferenceSpec("cluster"), 0).std_error, theirs.std_error, rtol=1e-9
        )


def test_a_design_and_a_formula_name_the_same_period_before(units: Units) -> None:
    for years, by in ((UNEVEN, "year"), (UNEVEN, "observation"), (GAP, "year"), (GAP, "observation")):
        frame = frame_of(years)
        frame = frame.drop(index=frame.index[[1, 7, 30]]).reset_index(drop=True)
        design = designed(frame, units, "pooled", by)
        periods = np.array(design.periods)[design.period_codes]
        calendar = design.calendar or years
        for k in (1, 2, 3):
            for row, earlier in enumerate(design.earlier(k)):
                wanted = shifted(int(periods[row]), k, tuple(calendar), by)
                there = np.flatnonzero((design.unit_codes == design.unit_codes[row]) & (periods == wanted))
                assert earlier == (there[0] if there.size else -1)


def test_conditions_of_samples_count_lags_as_the_panel_does(units: Units) -> None:
    frame = frame_of(UNEVEN)
    where = Sample(where="lag(x) == lag(x)")
    assert designed(frame, units, "pooled", sample=where).y.size == 15
    assert designed(frame, units, "pooled", "observation", sample=where).y.size == 60


def test_serial_correlation_is_asked_of_adjacent_years(units: Units) -> None:
    frame = frame_of(GAP, 3)
    found = specification_tests.wooldridge(designed(frame, units, "pooled"))
    changes = differenced(frame, years_apart(GAP))
    slope = changes["x"] @ changes["y"] / (changes["x"] @ changes["x"])
    left = changes.assign(e=changes["y"] - slope * changes["x"]).set_index(["unit", "period"])["e"]
    pairs = [(u, left[u, t], left[u, t - 1]) for u, t in left.index if (u, t - 1) in left.index]
    unit, now, lag = zip(*pairs, strict=True)
    e, before = np.array(now), np.array(lag)
    b = before @ e / (before @ before)
    scores = pd.Series(before * (e - b * before)).groupby(list(unit)).sum().to_numpy()
    variance = 15 / 14 * scores @ scores / (before @ before) ** 2
    assert found is not None and found.statistic == pytest.approx((b + 0.5) ** 2 / variance)
    assert found.p_value == pytest.approx(stats.f.sf((b + 0.5) ** 2 / variance, 1, 14))


def test_residuals_of_a_policy_are_correlated_between_adjacent_years(units: Units) -> None:
    design = designed(frame_of(GAP, 4), units, "fe", effects=("unit",))
    residuals = linear.fe(design).residuals
    table = pd.Series(
        residuals, index=zip(design.unit_codes, np.array(design.periods)[design.period_codes], strict=True)
    )
    sums = [
        sum(
            table[u, t] * table[u, t - 1] + table[u, t - 1] ** 2 / (len(GAP) - 1.0)
            for t in GAP
            if t - 1 in GAP
        )
        for u in range(15)
    ]  # fmt: skip
    found = specification_tests.within_correlation(residuals, design)
    assert found is not None
    assert found.statistic == pytest.approx(np.sum(sums) / np.sqrt(15 / 14 * np.sum((sums - np.mean(sums)) ** 2)))


@pytest.mark.parametrize("by", ["year", "observation"])
def test_driscoll_kraay_and_conley_count_lags_by_the_calendar(by: str, units: Units) -> None:
    design = designed(frame_of(UNEVEN), units, "fe", by, effects=("unit",))
    fit = linear.fe(design)
    places = np.array(design.periods if by == "year" else range(len(UNEVEN)))[design.period_codes]
    lag = 2
    apart = np.abs(places[:, None] - places[None, :])
    weight = np.where(apart <= lag, 1.0 - apart / (lag + 1.0), 0.0)
    meat = fit.scores.T @ weight @ fit.scores
    vcov, factor = dependence.driscoll_kraay_covariance(fit, design, lag, "none")
    np.testing.assert_allclose(vcov, factor.value * fit.bread @ meat @ fit.bread)
    far = np.column_stack([np.linspace(-90.0, 90.0, 15), np.zeros(15)])
    placed = replace(design, extra=Further(coordinates=far))
    pairs = dependence.pairs_of(placed, fit.rows, 1.0, "bartlett", lag)
    own = weight * (design.unit_codes[:, None] == design.unit_codes[None, :])
    np.testing.assert_allclose(pairs.weights.toarray(), own)


def test_simulated_errors_fade_with_the_years_between(units: Units) -> None:
    rng = np.random.default_rng(8)
    frame = frame_of((2000, 2001, 2002, 2010, 2011, 2012))
    for by in ("year", "observation"):
        design = designed(frame, units, "fe", by, effects=("unit",))
        fit = linear.fe(design)
        assert fit.space is not None
        process = error_process(fit, design, fit.space, rng)
        drawn = process.levels(process.noise(4000, rng), 0.8).reshape(15, 6, -1) / process.scale[:, None, None]
        correlation = np.mean(drawn[:, 2] * drawn[:, 3])
        assert correlation == pytest.approx(0.8**8, abs=0.02)


def test_lags_of_dynamic_panels_follow_the_panel(units: Units) -> None:
    rng = np.random.default_rng(2)
    years = (1990, 1995, 2000, 2003, 2005, 2007, 2010, 2015)
    frame = frame_of(years)
    y = np.zeros((15, len(years)))
    for t in range(len(years)):
        y[:, t] = 0.4 * y[:, t - 1] * (t > 0) + frame["x"].to_numpy().reshape(15, -1)[:, t] + rng.standard_normal(15)
    frame["y"] = y.ravel()
    even = frame.assign(period=np.tile(np.arange(len(years)), 15))
    settings: dict[str, Any] = {"effects": ("unit", "period")}
    found = dynamic_panel.fit(designed(frame, units, "dynamic_panel", "observation", **settings))
    wanted = dynamic_panel.fit(designed(even, units, "dynamic_panel", **settings))
    np.testing.assert_allclose(found.params, wanted.params)
    assert {name: test.statistic for name, test in found.tests.items()} == {
        name: test.statistic for name, test in wanted.tests.items()
    }
    with pytest.raises(UserError, match=r"adjacent periods.*by: observation"):
        dynamic_panel.fit(designed(frame, units, "dynamic_panel", **settings))


def test_the_noise_of_synthetic_differences_is_that_between_adjacent_years() -> None:
    y = np.random.default_rng(5).standard_normal((10, 9)).cumsum(axis=1)
    y[:, 5:] += 50.0 * np.random.default_rng(6).standard_normal((10, 1))  # moves only in the year that is missing
    start = np.where(np.arange(10) < 3, 7, 9)
    cohorts = Cohorts(np.where(start < 9, 2008.0, np.inf), start, np.array(GAP))
    found = synthetic.estimate(y, cohorts)
    steps = np.delete(np.diff(y[3:, :7], axis=1), 4, axis=1)
    ridge = np.sqrt(3 * 2) * np.std(steps, ddof=1) ** 2
    wanted = synthetic.least_squares(y[3:, :7].T, y[:3, :7].mean(axis=0), float(ridge), intercept=True)
    np.testing.assert_allclose(found.weights[0].units, wanted)
