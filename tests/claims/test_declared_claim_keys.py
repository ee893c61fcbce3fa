"""A declared key of a claim or a specification curve is never ignored: another value changes what is said."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from test_scorecard import model

from as_written import curve_of, evaluate_claims
from ruralpanel.claims import scorecard
from ruralpanel.claims.numbers import VariableStats
from ruralpanel.claims.robustness.curve import run_curve
from ruralpanel.project.config_schema import config_schema
from ruralpanel.project.sections.data import Sample
from ruralpanel.project.units import Units, load_units

ROOT = Path(__file__).parents[2]
SCHEMA = config_schema()["$defs"]
BASE: dict[str, Any] = {
    "claim": "x raises y", "estimand": {"model": "m", "term": "x"}, "expected": "positive",
    "smallest_effect": {"sd_of_outcome": 0.1}, "diagnostics": {"pretrend": {"p_above": 0.05}},
}  # fmt: skip
STUDY = {"study": "Nobody (2000)", "finding": "an invented one"}
OTHER: dict[str, Any] = {
    "claim": "another claim", "claim_zh": "另一", "expected": "negative", "family": "f", "meaning": "m",
    "meaning_zh": "意",
    "others": [{"model": "other", "term": "x"}], "through": [{"model": "other", "term": "x"}],
    "robustness": "c", "untestable": "no data", "cannot_show": "much",
    "untestable_zh": "没有数据", "cannot_show_zh": "多", "benchmarks": [STUDY],
}  # fmt: skip
PARTS: dict[str, dict[str, Any]] = {
    "smallest_effect": {"sd_of_outcome": {"sd_of_outcome": 0.7}, "value": {"value": 0.7},
                        "share_of_outcome": {"share_of_outcome": 0.7}, "per": {"sd_of_outcome": 0.1, "per": "unit"}},
    "plain": {"change": {"change": 0.3}, "scale": {"unit": "jobs", "scale": 1000}, "unit": {"unit": "jobs"},
              "unit_zh": {"unit": "jobs", "unit_zh": "岗位"}},
    "estimand": {"model": {"model": "other", "term": "x"}, "term": {"model": "m", "term": "z"},
                 "statistic": {"model": "m", "statistic": "share"},
                 "marginal": {"model": "m", "marginal": "x", "at": {"z": "p75"}},
                 "at": {"model": "m", "marginal": "x", "at": {"z": "p25"}},
                 "label": {"model": "m", "term": "x", "label": "in words"},
                 "label_zh": {"model": "m", "term": "x", "label_zh": "文字"}},
    "diagnostics": {"p_above": {"pretrend": {"p_above": 0.9}}, "statistic_above": {"pretrend": {"statistic_above": 9}}},
}  # fmt: skip


def results() -> dict[str, Any]:
    row = dict(vars(model().coefficients[0]), sd=0.5, sd_within=0.2)
    more = {
        "fit": {"outcome_sd": 2.0, "outcome_sd_within": 1.0, "outcome_sd_net": 0.9, "outcome_mean": 3.0},
        "tests": {"pretrend": {"statistic": 1.0, "df": None, "p_value": 0.6}},
        "statistics": {"share": {**row, "estimate": 0.9}},
        "marginal_effects": [{"of": "x", "over": "z", "points": [{**row, "label": "p75", "at": 2.0, "estimate": 0.7},
                                                               {**row, "label": "p25", "at": 1.0, "estimate": 0.8}]}],
        "coefficients": [row, {**row, "term": "z", "estimate": 0.3}],
    }  # fmt: skip
    return {
        "m": model(**more),
        "other": model(**{**more, "model": "other", "coefficients": [{**row, "estimate": 2.0}]}),
    }


def said(claim: Mapping[str, Any]) -> str:
    """The scorecard of one claim, whole."""
    book = {
        name: VariableStats(variable=name, formula=formula, mean=3.0, sd=2.0, measure="person")
        for name, formula in (("y", "log(jobs)"), ("x", "log(roads)"), ("jobs", ""), ("roads", ""), ("z", ""))
    }
    curves = {"c": {"share_same_sign": 0.5, "n_specifications": 10}}
    rows = evaluate_claims({"H": claim}, results(), {"p": book}, curves)
    return json.dumps(scorecard.scorecard_json(rows), sort_keys=True, ensure_ascii=False) + repr(rows)


def test_a_value_for_every_key_of_a_claim() -> None:
    keys = SCHEMA["hypothesis"]["properties"]
    assert set(keys) == set(OTHER) | set(PARTS)
    assert set(PARTS["smallest_effect"]) == set(keys["smallest_effect"]["properties"])
    assert set(PARTS["plain"]) == set(keys["plain"]["properties"])
    assert set(PARTS["estimand"]) == set(SCHEMA["estimand"]["properties"])


@pytest.mark.parametrize("key", sorted(OTHER))
def test_another_value_of_a_claims_key(key: str) -> None:
    base = BASE | ({"untestable": "no data"} if key == "untestable_zh" else {})
    assert said({**base, key: OTHER[key]}) != said(base)


@pytest.mark.parametrize(("key", "part"), [(key, part) for key, parts in PARTS.items() for part in parts])
def test_another_value_of_a_part_of_a_claim(key: str, part: str) -> None:
    before = {"at": PARTS["estimand"]["marginal"]}.get(part, BASE.get(key, {}))
    if part in ("unit_zh", "scale"):
        before = {"unit": "jobs"}
    assert said({**BASE, key: PARTS[key][part]}) != said({**BASE, key: before})


def test_a_diagnostic_must_meet_both_of_its_bounds() -> None:
    rule = {"p_above": 0.05, "statistic_above": 9}
    assert "cannot tell" in said({**BASE, "diagnostics": {"pretrend": rule}})


CURVE: dict[str, Any] = {"panel": "p", "term": "x", "outcome": ["y"], "permutations": 9, "expected": "two_sided"}
OTHER_CURVE: dict[str, Any] = {
    "term": "v", "outcome": ["v"], "measures": {"x": ["v"]}, "moderator": ["w"], "controls": [["w"]],
    "samples": ["late"], "lags": [1], "effects": [["unit"]], "weights": ["w"], "permutations": 19,
    "expected": "negative",
}  # fmt: skip


@pytest.fixture(scope="module")
def units() -> Units:
    return load_units(ROOT / "data" / "units" / "china_provinces.csv")


def curve(declared: Mapping[str, Any], units: Units) -> str:
    rng = np.random.default_rng(5)
    ids, years = sorted(units.ids)[:12], range(2001, 2007)
    frame = pd.DataFrame([(unit, year) for unit in ids for year in years], columns=["unit", "period"])
    frame[["y", "x", "v"]] = rng.normal(size=(len(frame), 3))
    frame["w"] = rng.uniform(1, 2, len(frame))
    found = run_curve("c", curve_of(declared), frame, units, {"late": Sample(drop_periods=(2001,))}, 1)
    return repr(found.summary) + found.rows.to_csv()


def test_another_value_of_every_key_of_a_curve(units: Units) -> None:
    # the panel says which frame is read, and the smallest effect comes with the settings (test_curve_settings)
    assert set(SCHEMA["specification_curve"]["properties"]) == {*OTHER_CURVE, "panel", "smallest_effect"}
    before = curve(CURVE, units)
    assert [key for key, value in OTHER_CURVE.items() if curve({**CURVE, key: value}, units) == before] == []
