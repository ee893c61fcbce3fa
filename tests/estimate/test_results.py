"""A model's JSON: the contract's fields, exact numbers, and the way back."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from ruralpanel.estimate.base.model import Asked, Diagnostics, Influence, Model, Setting, Vcov, read_model
from ruralpanel.estimate.base.model_json import finite
from ruralpanel.estimate.base.rows import Coefficient, RowOfSetting, Test
from ruralpanel.project.notes import note
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import ModelSpec

CONTRACT = {
    *("model", "panel", "estimator", "outcome", "sample", "n_obs", "n_units", "n_periods", "n_dropped"),
    *("coefficients", "inference", "vcov", "fit", "tests", "first_stage", "notes", "panel_sha256", "spec"),
}
COEFFICIENT = {
    *("term", "estimate", "std_error", "statistic", "df", "p_value", "ci_low", "ci_high"),
    *("p_wild", "ci_wild_low", "ci_wild_high"),
}


def result() -> Model:
    return Model(
        model="baseline",
        panel="provinces",
        estimator="fe",
        method="",
        outcome="rural_industry",
        sample="all",
        effects=("unit", "period"),
        n_obs=248,
        n_units=31,
        n_periods=8,
        n_dropped={"no figure": 2},
        coefficients=(Coefficient("roads", 0.1 + 0.2, 0.1, 3.0, None, 1e-300, 0.1, 0.5, 0.04, float("-inf"), 0.7),),
        inference=(Setting("cluster", coefficients=(RowOfSetting("roads", std_error=0.1),)),),
        vcov=Vcov("cluster", "unit", "CR1", matrix=((0.01,),)),
        fit={"r2": 1 / 3, "rmse": 2.0},
        tests={
            "joint": Test(9.0, (1.0, 30.0), 0.005),
            "pesaran_cd": Test(float("nan"), None, float("nan"), (note("no_pair_shares_periods", periods=3),)),
        },
        first_stage=None,
        marginal_effects=(),
        diagnostics=Diagnostics(influence=Influence(units=("CN-GZ",))),
        units=("CN-GZ",),
        periods=(2012, 2013),
        notes=(note("few_treated", units=4),),
        seed=1,
        panel_sha256="abc",
        spec=Asked.of(ModelSpec("baseline", "fe", "rural_industry", "provinces")),
        spread={"roads": 0.5},
    )


def test_json_holds_the_contract_s_fields_in_place(tmp_path: Path) -> None:
    path = tmp_path / "models" / "baseline.json"
    result().to_json(path)
    values = json.loads(path.read_text(encoding="utf-8"))
    assert set(values) >= CONTRACT
    assert list(values)[:2] == ["model", "panel"]
    assert set(values["coefficients"][0]) >= COEFFICIENT
    assert values["coefficients"][0]["estimate"] == 0.30000000000000004
    assert values["coefficients"][0]["p_value"] == 1e-300
    assert values["coefficients"][0]["df"] is None and values["coefficients"][0]["ci_wild_low"] == "-inf"
    assert values["tests"]["joint"] == {"statistic": 9.0, "df": [1.0, 30.0], "p_value": 0.005, "note": [], "size": None}
    assert list(values)[-1] == "spread" and values["spread"] == {"roads": 0.5}
    assert "null" not in values and "event_study" not in values
    vain = replace(result(), null=("event_study",)).to_dict()
    assert vain["event_study"] is None
    assert [file.name for file in path.parent.iterdir()] == ["baseline.json"]


def test_reading_gives_back_what_was_written(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    joint = Test(9.0, (1.0, 30.0), 0.005, (note("no_pair_shares_periods", periods=3),))
    numbers = replace(result(), tests={"joint": joint})
    numbers.to_json(file)
    again = read_model(file)
    assert replace(again, spec=numbers.spec) == numbers and again.spec.options == numbers.spec.options
    assert again.coefficients[0].ci_wild_low == float("-inf")
    assert again.coefficients == numbers.coefficients and again.tests == {"joint": joint}
    assert (again.notes, again.n_dropped, again.periods) == (numbers.notes, numbers.n_dropped, numbers.periods)
    assert again.inference[0].row("roads") == RowOfSetting("roads", std_error=0.1)


def test_a_file_that_holds_something_else_is_told_with_the_place(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    result().to_json(file)
    whole = file.read_text(encoding="utf-8")
    for text, where in ((whole[:200], ""), (whole.replace('"n_obs": 248', '"n_obs": "many"'), "n_obs")):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(UserError) as caught:
            read_model(file)
        assert [(one.file, one.where) for one in caught.value.problems] == [(str(file), where)]


def test_a_number_that_is_none_is_null_and_comes_back(tmp_path: Path) -> None:
    result().to_json(tmp_path / "a.json")
    test = read_model(tmp_path / "a.json").tests["pesaran_cd"]
    assert math.isnan(test.statistic) and math.isnan(test.p_value) and test.note[0].values == {"periods": 3}


def test_coefficients_by_term() -> None:
    assert result().coefficient("roads") == result().coefficients[0] and result().coefficient("rail") is None


def test_results_are_frozen() -> None:
    with pytest.raises(AttributeError):
        result().model = "other"  # type: ignore[misc]


def test_finite() -> None:
    assert finite(float("inf")) is None and finite(None) is None and finite(2) == 2.0
