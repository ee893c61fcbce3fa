"""Tables of the checks of claims: policies, left-out units, groups."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ruralpanel.output.results import OutputContext
from ruralpanel.output.tables.build import build
from ruralpanel.output.tables.document import Cell, TableDocument
from ruralpanel.project.exhibits import needed_files, read_exhibit
from ruralpanel.project.kinds.tables import TABLES
from ruralpanel.project.problems import UserError

TITLES = {"west": "Group trend", "event": "Event study"}
POLICY = {
    "model": "west",
    "treatment": {"n_treated": 3},
    "coefficients": [{"term": "treated", "estimate": 0.5, "ci_low": -0.1, "ci_high": 1.1}],
    "tests": {"pretrend": {"p_value": 0.25}},
    "randomisation": {"p_value": 0.125, "placebo_low": -0.4, "placebo_high": 0.3},
    "placebo_dates": [{"estimate": 0.2, "p_value": 0.01}, {"estimate": -0.1, "p_value": 0.5}],
    "leave_one_treated_out": [{"unit": "A", "estimate": 0.4}, {"unit": "B", "estimate": 0.9}],
}
EVENT = {
    "model": "event",
    "treatment": {"n_treated": 3},
    "coefficients": [],
    "average_effect": {"estimate": 0.3, "ci_low": 0.1, "ci_high": 0.5},
    "pretrend": {"p_value": 0.5, "power": {"slope_fitted": 0.01, "joint": {"slope_80": 0.05, "bias_80": 0.2}}},
    "honest_did": {
        "average": {
            "relative_magnitudes": [{"m": 0.5, "ci_low": -1, "ci_high": 1}, {"m": 1.0, "ci_low": None, "ci_high": 2.0}],
            "smoothness": [{"m": 0.1, "ci_low": -0.25, "ci_high": 0.75}],
            "largest_slope_change": 0.2,
            "breakdown": 0.75,
        }
    },
}
SUMMARY = """model,target,claims,main,estimate,std_error,detectable,delta,power_at_delta,without_unit_min,\
without_unit_max,unit_most_influential,units_change_sign,without_period_min,without_period_max,robustness_value,least_reliability
fe,roads,H3,True,1.5,0.5,1.4,0.2,0.1,-0.2,2.0,B,A B,1.0,1.8,0.125,1e-9
fe,roads,H9,False,1.5,0.5,,,,,,,,,,,
gap,share,H1,True,-0.25,0.5,,,,,,,,,,,
"""


def groups(*entries: tuple[str, float, bool]) -> dict[str, Any]:
    found = [
        {"group": g, "estimate": e, "ci_low": e - 1, "ci_high": e + 1, "p_romano_wolf": 0.25, "few_units": few}
        for g, e, few in entries
    ]
    return {"groups": found, "equal": {"p_value": 0.0625}}


@pytest.fixture
def context(tmp_path: Path) -> OutputContext:
    robustness = tmp_path / "models" / "robustness"
    robustness.mkdir(parents=True)
    (robustness / "summary.csv").write_text(SUMMARY, encoding="utf-8")
    for model in (POLICY, EVENT, {"model": "fe", "panel": "p"}):
        (tmp_path / "models" / f"{model['model']}.json").write_text(json.dumps(model), encoding="utf-8")
    targets = {
        "roads": {
            "main": True,
            "heterogeneity": {
                "initial_lever": groups(("highest", 3.0, False), ("lowest", 1.0, True), ("middle", 2.0, False)),
                "region": {"not_available": {"code": "too_few_groups", "groups": 1, "least": 2}},
            },
        },
        "roads at gap = p75": {"main": False, "heterogeneity": {"region": groups(("West", 1.0, False))}},
    }
    (robustness / "fe.json").write_text(json.dumps({"model": "fe", "targets": targets}), encoding="utf-8")
    attributes = {"A": {"name_en": "Anhui", "name_zh": "安徽"}, "B": {"name_en": "Beijing", "name_zh": "北京"}}
    return OutputContext(tmp_path, attributes=attributes, where="tables.checks", titles=TITLES)


def cells(document: TableDocument) -> dict[tuple[str, str], tuple[Cell, ...]]:
    return {(row.key, row.statistic): row.cells for row in document.rows if row.kind != "section"}


def test_policy_models_show_what_they_have(context: OutputContext) -> None:
    document = build("checks", {"type": "policy", "models": ["west", "event"], "without": ["A"]}, context)
    found = cells(document)
    assert [cell.value for cell in found["estimate.effect", "effect"]] == [0.5, 0.3]
    assert [cell.text for cell in found["estimate.interval", "interval"]] == ["[−0.100, 1.100]", "[0.100, 0.500]"]
    assert [cell.value for cell in found["before.pretrend", "pretrend"]] == [0.25, 0.5]
    assert [cell.value for cell in found["before.bias_hidden", "bias_hidden"]] == [None, 0.2]
    assert found["placebo.placebo_dates", "placebo_dates"][0].text == "[−0.100, 0.200]"
    assert found["placebo.placebo_dates_found", "placebo_dates_found"][0].text == "1 / 2"
    assert found["bounds.magnitudes", "magnitudes"][1].text == "[−∞, 2.000]"
    assert found["bounds.smoothness", "smoothness"][1].text == "[−0.250, 0.750]"
    assert found["left_out.left_out_most", "left_out_most"][0].text == "0.900 (Beijing)"
    assert found["left_out.A", "without"][0].value == 0.4
    assert next(row.label for row in document.rows if row.key == "left_out.A") == "Without Anhui"


def test_policy_tables_refuse_models_without_treatment(context: OutputContext) -> None:
    with pytest.raises(UserError, match=r"models\[0\].*fe.*without treatment"):
        build("checks", {"type": "policy", "models": ["fe"]}, context)


def test_robustness_shows_main_numbers_by_claim(context: OutputContext) -> None:
    document = build("checks", {"type": "robustness"}, context)
    assert [column.label for column in document.columns] == ["H1", "H3"]
    found = cells(document)
    assert [cell.value for cell in found["number.estimate", "estimate"]] == [-0.25, 1.5]
    assert [cell.text for cell in found["left_out.units", "units"]] == ["", "[−0.200, 2.000]"]
    assert [cell.text for cell in found["left_out.most", "most"]] == ["", "Beijing"]
    assert [cell.value for cell in found["left_out.units_change_sign", "units_change_sign"]] == [None, 2]
    assert found["unobserved.reliability", "reliability"][1].text == "0.00"
    assert ("differs.equal_regions", "equal_regions") not in found, "rows without any figure fall away"
    chosen = build("checks", {"type": "robustness", "claims": ["H3"]}, context)
    assert [column.label for column in chosen.columns] == ["H3"]
    with pytest.raises(UserError, match="H4"):
        build("checks", {"type": "robustness", "claims": ["H4"]}, context)


def test_groups_stand_in_rows_from_low_to_high(context: OutputContext) -> None:
    spec = {"type": "heterogeneity", "models": ["fe"], "labels": {"roads": "Roads"}}
    document = build("checks", spec, context)
    assert [column.label for column in document.columns] == ["Roads"], "only main numbers"
    estimates = [(row.label, row.cells[0].text) for row in document.rows if row.statistic == "estimate"]
    assert estimates == [("Lowest third", "1.00†"), ("Middle third", "2.00"), ("Highest third", "3.00")]
    found = cells(document)
    assert found["initial_lever.middle", "ci"][0].text == "[1.000, 3.000]"
    assert found["initial_lever.middle", "p_romano_wolf"][0].value == 0.25
    assert found["initial_lever", "p_equal"][0].value == 0.0625
    with pytest.raises(UserError, match="west"):
        build("checks", {"type": "heterogeneity", "models": ["west"]}, context)


def test_the_files_of_groups_are_awaited() -> None:
    files = needed_files(read_exhibit(TABLES, {"type": "heterogeneity", "models": ["fe"]}, "", ""), {"fe": "p"})
    assert "results/models/robustness/fe.json" in files
    assert needed_files(read_exhibit(TABLES, {"type": "robustness"}, "", ""), {}) == (
        "results/models/robustness/summary.csv",
    )
