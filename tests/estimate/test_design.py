"""Designs: rows left out by reason, products, steps, absorbed and collinear terms, clusters, treatment."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ruralpanel.estimate.base.design import build_design
from ruralpanel.project.kinds.estimators import ESTIMATORS
from ruralpanel.project.problems import UserError
from ruralpanel.project.sections.data import Sample
from ruralpanel.project.settings import InferenceSpec, ModelSpec
from ruralpanel.project.units import Units, load_units

ROOT = Path(__file__).parents[2]
YEARS = (2012, 2013, 2014, 2015)


@pytest.fixture(scope="module")
def units() -> Units:
    return load_units(ROOT / "data" / "units" / "china_provinces.csv")


@pytest.fixture
def frame(units: Units) -> pd.DataFrame:
    rng = np.random.default_rng(7)
    ids = sorted(units.ids)
    table = pd.DataFrame({"unit": np.repeat(ids, len(YEARS)), "period": np.tile(YEARS, len(ids))})
    n = len(table)
    for name in ("y", "x", "z", "w"):
        table[name] = rng.normal(size=n)
    table["fixed"] = np.repeat(rng.normal(size=len(ids)), len(YEARS))
    table["common"] = np.tile(rng.normal(size=len(YEARS)), len(ids))
    table["sum_of_both"] = table["fixed"] + table["common"]
    table["weight"] = rng.uniform(0.5, 2, size=n)
    return table


def spec(**settings: Any) -> ModelSpec:
    base = ModelSpec("m", "fe", "y", "provinces", regressors=("x",), effects=("unit", "period"))
    return replace(base, **settings)


def problems(*args: Any, **kwargs: Any) -> list[str]:
    with pytest.raises(UserError) as caught:
        build_design(*args, **kwargs)
    return [f"{p.where}: {p.found}" for p in caught.value.problems]


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_as_many_periods_are_asked_for_as_the_table_of_estimators_says(
    estimator: str, frame: pd.DataFrame, units: Units
) -> None:
    least = ESTIMATORS[estimator].least_periods
    enough = spec(estimator=estimator, effects=())
    assert len(build_design(enough, frame[frame["period"].isin(YEARS[:least])], units).periods) == least
    if least > 1:
        with pytest.raises(UserError, match=f"at least {least} periods for {estimator}"):
            build_design(enough, frame[frame["period"].isin(YEARS[: least - 1])], units)


def test_rows_columns_and_codes(frame: pd.DataFrame, units: Units) -> None:
    shuffled = frame.sample(frac=1, random_state=1)
    design = build_design(spec(controls=("z",), weights="weight"), shuffled, units)
    assert design.terms == ("x", "z") and design.x.shape == (124, 2) and not design.n_dropped
    np.testing.assert_array_equal(design.y, frame["y"])
    np.testing.assert_array_equal(design.x, frame[["x", "z"]])
    np.testing.assert_array_equal(design.weights, frame["weight"])
    assert [design.units[c] for c in design.unit_codes] == frame["unit"].tolist()
    assert [design.periods[c] for c in design.period_codes] == frame["period"].tolist()


def test_products_of_variables_and_attributes(frame: pd.DataFrame, units: Units) -> None:
    design = build_design(spec(regressors=("x", "x:fixed", "x:land_area_km2", "x:z")), frame, units)
    area = np.array([units.attributes[unit]["land_area_km2"] for unit in frame["unit"]], dtype=float)
    np.testing.assert_array_equal(design.x[:, 1], frame["x"] * frame["fixed"])
    np.testing.assert_array_equal(design.x[:, 2], frame["x"] * area)
    np.testing.assert_array_equal(design.x[:, 3], frame["x"] * frame["z"])


def test_rows_are_left_out_and_counted_by_their_first_reason(frame: pd.DataFrame, units: Units) -> None:
    frame.loc[frame["unit"] == "CN-XZ", "y"] = math.nan
    frame.loc[frame["period"] == 2015, "x"] = math.nan
    frame.loc[(frame["unit"] == "CN-SC") & (frame["period"] < 2014), "z"] = math.nan
    sample = Sample(drop=("CN-BJ", "CN-TJ"), where="region != 'Northeast'")
    design = build_design(spec(regressors=("x", "z")), frame, units, sample)
    assert design.n_dropped == {
        "sample_units": 8,
        "sample_condition": 12,
        "missing:y": 4,
        "missing:x": 25,
        "missing:z": 2,
        "singletons": 1,
    }
    assert design.y.size == 124 - sum(design.n_dropped.values())
    assert not {"CN-BJ", "CN-XZ", "CN-SC", "CN-LN"} & set(design.units) and design.periods == (2012, 2013, 2014)


@pytest.mark.parametrize(
    ("sample", "kept"),
    [
        (Sample(where="period >= 2014"), lambda row, a: row.period >= 2014),
        (Sample(where="region in ('West', 'East') and not go_west"), lambda row, a: a["region"] == "East"),
        (Sample(where="x > 0 or unit == 'CN-GZ'"), lambda row, a: row.x > 0 or row.unit == "CN-GZ"),
        (Sample(where="lag(x) > 0"), None),
        (Sample(drop_periods=(2013,)), lambda row, a: row.period != 2013),
    ],
)
def test_samples_by_condition(sample: Sample, kept: Any, frame: pd.DataFrame, units: Units) -> None:
    design = build_design(spec(estimator="pooled", effects=()), frame, units, sample)
    if kept is None:
        before = frame.groupby("unit")["x"].shift(1)
        want = (before > 0).sum()
    else:
        want = sum(kept(row, units.attributes[row.unit]) for row in frame.itertuples())
    assert design.y.size == want


def test_names_that_nothing_has_are_told_together(frame: pd.DataFrame, units: Units) -> None:
    model = spec(outcome="yy", regressors=("x:regoin", "region"), weights="nothing", effects=("unit", "periods"))
    found = problems(model, frame, units)
    assert [line.split(":")[0] for line in found] == [
        "models.m.outcome", "models.m.regressors", "models.m.regressors", "models.m.weights", "models.m.effects",
    ]  # fmt: skip
    assert 'text attribute "region"' in found[2]


@pytest.mark.parametrize(
    ("settings", "term", "reason"),
    [
        ({"regressors": ("x", "fixed")}, "fixed", "constant over periods, absorbed by unit effects"),
        ({"regressors": ("x", "land_area_km2")}, "land_area_km2", "constant over periods, absorbed by unit effects"),
        (
            {"regressors": ("x", "common")},
            "common",
            "the same for all units in each period, absorbed by period effects",
        ),
        ({"regressors": ("x", "sum_of_both")}, "sum_of_both", "absorbed by unit and period effects together"),
        ({"regressors": ("x", "fixed"), "estimator": "fd", "effects": ("period",)}, "fixed", "constant over periods"),
        ({"regressors": ("x", "z", "mix")}, "mix", "collinear with x, z"),
        ({"regressors": ("x", "one"), "estimator": "pooled", "effects": ()}, "one", "the same number (1) in every row"),
        ({"regressors": ("x", "common"), "estimator": "between", "effects": ()}, "common", "of the same mean"),
        ({"regressors": ("x",), "outcome": "fixed"}, "fixed", "constant over periods"),
    ],
)
def test_terms_that_cannot_be_told_apart_are_named_with_the_reason(
    settings: dict[str, Any], term: str, reason: str, frame: pd.DataFrame, units: Units
) -> None:
    frame["mix"], frame["one"] = 2 * frame["x"] - 3 * frame["z"] + frame["common"], 1.0
    (found,) = problems(spec(**settings), frame, units)
    assert f'"{term}", {reason}' in found
    if "outcome" not in settings:
        dropped = build_design(spec(**settings, drop_absorbed=True), frame, units)
        assert term not in dropped.terms and any(one.values.get("term") == term for one in dropped.notes)


def test_the_same_terms_pass_where_nothing_absorbs_them(frame: pd.DataFrame, units: Units) -> None:
    for estimator in ("pooled", "re"):
        model = spec(estimator=estimator, effects=(), regressors=("x", "fixed", "common"))
        assert build_design(model, frame, units).terms == ("x", "fixed", "common")
    assert build_design(spec(effects=("unit",), regressors=("x", "common")), frame, units).terms == ("x", "common")
    assert build_design(spec(estimator="between", effects=(), regressors=("fixed",)), frame, units).terms == ("fixed",)


def test_singletons_go_until_none_is_left_as_a_loop_says(frame: pd.DataFrame, units: Units) -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        table = frame.copy()
        table.loc[rng.uniform(size=len(table)) < 0.72, "x"] = math.nan
        rows = [(r.unit, r.period) for r in table.dropna().itertuples()]
        start = len(rows)
        while True:
            alone = [
                row for row in rows
                if sum(r[0] == row[0] for r in rows) == 1 or sum(r[1] == row[1] for r in rows) == 1
            ]  # fmt: skip
            if not alone:
                break
            rows = [row for row in rows if row not in alone]
        design = build_design(spec(), table, units)
        kept = [
            (design.units[u], design.periods[p]) for u, p in zip(design.unit_codes, design.period_codes, strict=True)
        ]
        assert kept == sorted(rows) and design.n_dropped.get("singletons", 0) == start - len(rows)
        assert "singletons" not in build_design(spec(estimator="pooled", effects=()), table, units).n_dropped


def test_too_little_is_said_with_what_was_lost(frame: pd.DataFrame, units: Units) -> None:
    (found,) = problems(spec(), frame, units, Sample(where="region == 'Nowhere'"))
    assert "an empty sample: of 124 rows none is left (sample_condition 124)" in found
    frame.loc[frame["period"] > 2012, "x"] = math.nan
    (found,) = problems(spec(), frame, units)
    assert "an empty sample" in found and "singletons 31" in found
    (found,) = problems(spec(effects=("period",)), frame, units)
    assert "1 period(s)" in found and "missing x 93" in found
    assert build_design(spec(estimator="pooled", effects=()), frame, units).y.size == 31


def test_weights(frame: pd.DataFrame, units: Units) -> None:
    frame.loc[0, "weight"], frame.loc[5, "weight"] = 0.0, math.nan
    design = build_design(spec(weights="weight"), frame, units)
    assert design.n_dropped == {"missing:weight": 1, "weight_of_zero": 1}
    frame.loc[9, "weight"] = -1.0
    assert problems(spec(weights="weight"), frame, units) == ["models.m.weights: 1 negative weights"]


def test_steps_join_the_controls_where_they_vary(frame: pd.DataFrame, units: Units) -> None:
    late = (frame["period"] >= 2014).astype(float)
    frame["x__break_2014"] = late * (frame["unit"] == "CN-SH")
    frame["y__break_2013"] = (frame["period"] >= 2013).astype(float) * (frame["unit"] == "CN-TJ")
    frame["z__break_2014"] = late
    design = build_design(spec(regressors=("z", "x:fixed")), frame, units)
    assert design.terms == ("z", "x:fixed", "y__break_2013", "x__break_2014")
    assert design.extra.steps == ("y__break_2013", "x__break_2014")
    assert any(one.code.startswith("steps_") for one in design.notes)
    without = build_design(spec(), frame, units, Sample(drop=("CN-SH", "CN-TJ")))
    assert without.terms == ("x",) and without.notes == ()
    assert build_design(spec(estimator="between", effects=()), frame, units).terms == ("x",)


def test_clusters_of_inference_and_effects(frame: pd.DataFrame, units: Units) -> None:
    settings = (InferenceSpec("cluster", {"by": ["region", "period"]}), InferenceSpec("wild_cluster", {"by": "unit"}))
    design = build_design(spec(inference=settings, effects=("period", "go_west")), frame, units)
    assert set(design.clusters) == {"unit", "period", "region", "go_west"}
    region = [units.attributes[unit]["region"] for unit in frame["unit"]]
    assert len(set(zip(region, design.clusters["region"], strict=True))) == len(set(region))
    some = {unit: {**values, "region": ""} if unit == "CN-SH" else values for unit, values in units.attributes.items()}
    (found,) = problems(spec(inference=settings), frame, replace(units, attributes=some))
    assert '"region", blank for CN-SH' in found
    odd = spec(inference=(InferenceSpec("cluster", {"by": "regions"}),))
    assert problems(odd, frame, units) == ['models.m.inference.by: "regions"']


def test_instruments_and_endogenous_regressors(frame: pd.DataFrame, units: Units) -> None:
    options = {"endogenous": ["z"], "instruments": ["w", "x:w"]}
    design = build_design(spec(estimator="iv", options=options), frame, units)
    assert design.terms == ("x",) and design.extra.endogenous.terms == ("z",)
    assert design.extra.instruments.terms == ("w", "x:w")
    np.testing.assert_array_equal(design.extra.instruments.columns[:, 1], frame["x"] * frame["w"])
    np.testing.assert_array_equal(design.extra.endogenous.columns[:, 0], frame["z"])
    (found,) = problems(spec(estimator="iv", options={"endogenous": ["z"], "instruments": ["fixed"]}), frame, units)
    assert '"fixed", constant over periods' in found
    (found,) = problems(spec(estimator="iv", options={"endogenous": ["z", "w"], "instruments": ["sum"]}),
                        frame.assign(sum=frame["w"] + frame["y"]), units)  # fmt: skip
    assert "1 instrument(s) for 2 endogenous" in found


def test_effects_of_groups_and_periods(frame: pd.DataFrame, units: Units) -> None:
    """Attributes and variables group rows; a pair has a level for each combination; a group of one row is left out."""
    frame["zone"] = np.where(frame["unit"].isin(["CN-AH", "CN-BJ"]), frame["period"] % 2, 5.0)
    frame.loc[0, "zone"] = math.nan
    frame.loc[frame["unit"] == "CN-GZ", "zone"] = [7.0, 5.0, 5.0, 5.0]
    model = spec(effects=("unit", "region:period", "zone"), inference=(InferenceSpec("cluster", {"by": "region"}),))
    design = build_design(model, frame, units)
    assert design.n_dropped == {"missing:zone": 1, "singletons": 1}
    rows = frame.drop(index=[0, *frame.index[frame["zone"] == 7.0]]).reset_index(drop=True)
    pairs = [
        f"{units.attributes[unit]['region']} {period}"
        for unit, period in zip(rows["unit"], rows["period"], strict=True)
    ]
    np.testing.assert_array_equal(design.clusters["region:period"], pd.factorize(np.array(pairs), sort=True)[0])
    np.testing.assert_array_equal(design.clusters["zone"], pd.factorize(rows["zone"], sort=True)[0])
    (found,) = problems(spec(effects=("unit", "regoin:period")), frame, units)
    assert found == 'models.m.effects: "regoin"'
    (found,) = problems(spec(effects=("unit:period",)), frame, units)
    assert found == 'models.m.effects: "unit:period", an effect for every row'
    blank = replace(units, attributes={**units.attributes, "CN-GZ": {**units.attributes["CN-GZ"], "region": ""}})
    (found,) = problems(spec(effects=("unit", "region:period")), frame, blank)
    assert found == 'models.m: "region:period", blank for CN-GZ'
    pair = spec(inference=(InferenceSpec("cluster", {"by": ["unit", "region:period"]}),))
    (found,) = problems(pair, frame, units)
    assert found.startswith('models.m.inference.by: "region:period": errors of one unit would count as independent')


def test_treatment(frame: pd.DataFrame, units: Units) -> None:
    options = {"treatment": {"units": "go_west == 1", "first": 2014}}
    design = build_design(spec(estimator="event_study", regressors=(), options=options), frame, units)
    west = np.array([units.attributes[unit]["go_west"] == 1 for unit in frame["unit"]])
    assert design.x.shape == (124, 0)
    np.testing.assert_array_equal(design.extra.first_treated, np.where(west, 2014.0, math.nan))
    staggered = frame.assign(start=np.where(west, 2013.0 + (frame["unit"] < "CN-N"), math.nan))
    model = spec(estimator="did", options={"treatment": {"first_by_unit": "start"}})
    np.testing.assert_array_equal(build_design(model, staggered, units).extra.first_treated, staggered["start"])
    for condition, words in (("go_west == 2", "no treated unit"), ("go_west >= 0", "no unit that is never treated"),
                             ("x > 0", "changes over time"), ("go_wets == 1", "go_wets")):  # fmt: skip
        bad = spec(estimator="did", options={"treatment": {"units": condition, "first": 2014}})
        (found,) = problems(bad, frame, units)
        assert found.startswith("models.m.treatment") and words in found


@pytest.mark.parametrize("never", [0.0, 9999.0, -1.0, np.inf])
def test_codes_of_never_treated_are_refused(frame: pd.DataFrame, units: Units, never: float) -> None:
    treated = frame["unit"].isin(["CN-GZ", "CN-GS"])
    frame["start"] = np.where(treated, 2014.0, never)
    model = spec(estimator="did", options={"treatment": {"first_by_unit": "start"}})
    (found,) = problems(model, frame, units)
    assert found.startswith(f"models.m.treatment.first_by_unit: {never:g} for CN-AH, CN-BJ")
    assert found.endswith("and 25 more")
    frame["start"] = np.where(treated, 2014.0, np.nan)
    assert np.isfinite(build_design(model, frame, units).extra.first_treated).sum() == 2 * len(YEARS)
