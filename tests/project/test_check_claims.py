"""Keys that a claim or a map has no use for are refused, each with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from checked_models import CLUSTERS, REGIMES, folder, problems_of, whole

__all__ = ["folder"]  # fixtures


def classed(**classes: Any) -> dict[str, Any]:
    return {"panel": "main", "variables": ["lever"], "classes": classes}


@pytest.mark.parametrize(
    ("entry", "key"),
    [
        ({"model": "parts", "periods": [2001]}, "periods"),
        ({"model": "parts", "panel": "main"}, "panel"),
        ({"model": "parts", "classes": {"shared": False}}, "classes.shared"),
        ({"panel": "main", "variables": ["lever"], "terms": ["lever"]}, "terms"),
        ({"panel": "main", "regimes": REGIMES, "palette": "diverging"}, "palette"),
        ({"panel": "main", "regimes": REGIMES, "periods": [2001]}, "periods"),
        ({"panel": "main", "clusters": CLUSTERS, "classes": {"number": 4}}, "classes"),
        (classed(method="user", breaks=[1.0, 2.0], number=4), "classes.number"),
        (classed(method="user", breaks=[1.0, 2.0], shared=False), "classes.shared"),
        (classed(method="user"), "classes.breaks"),
        (classed(breaks=[1.0, 2.0]), "classes.breaks"),
        (classed(method="equal", breaks=[1.0, 2.0]), "classes.breaks"),
    ],
)
def test_keys_that_a_map_has_no_use_for_are_refused(folder: Path, entry: dict[str, Any], key: str) -> None:
    config = whole()
    config["weights_matrices"] = {"near": {"type": "inverse_distance"}}
    config["maps"] = {"m": entry}
    found = [problem.where.split(" (line")[0] for problem in problems_of(folder, config)]
    assert [where for where in found if where.startswith("maps.m")] == [f"maps.m.{key}"]


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"smallest_effect": {"value": 1.0, "sd_of_outcome": 0.2}}, "smallest_effect.sd_of_outcome"),
        ({"smallest_effect": {"value": 1.0, "per": "unit"}}, "smallest_effect.per"),
        ({"smallest_effect": {"share_of_outcome": 0.1, "sd_of_outcome": 0.2}}, "smallest_effect.share_of_outcome"),
        ({"estimand": {"model": "fe", "term": "lever", "at": {"other": "p75"}}}, "estimand.at"),
        ({"untestable": "no data"}, "estimand"),
        ({"diagnostics": {"pretrend": {}}}, "diagnostics.pretrend"),
    ],
)
def test_keys_that_a_claim_has_no_use_for_are_refused(folder: Path, change: dict[str, Any], key: str) -> None:
    config = whole()
    model = next(name for name, entry in config["models"].items() if "lever" in entry.get("regressors", ()))
    claim = {"claim": "c", "estimand": {"model": model, "term": "lever"}, **change}
    if "at" in claim["estimand"]:
        claim["estimand"]["model"] = model
    config["hypotheses"] = {"H": claim}
    found = [problem.where.split(" (line")[0] for problem in problems_of(folder, config)]
    assert [where for where in found if where.startswith("hypotheses.H")] == [f"hypotheses.H.{key}"]


def test_a_share_or_level_of_an_outcome_in_no_logarithm_is_refused(folder: Path) -> None:
    config = whole()
    name = next(name for name, entry in config["models"].items() if "lever" in entry.get("regressors", ()))
    config["models"]["plain_outcome"] = {"estimator": "fe", "outcome": "other", "regressors": ["lever"]}
    declared = {"smallest_effect": {"share_of_outcome": 0.1}, "plain": {"unit": "jobs", "scale": 10}}
    config["hypotheses"] = {
        "H": {"claim": "c", "estimand": {"model": "plain_outcome", "term": "lever"}, **declared},
        "L": {"claim": "c", "estimand": {"model": name, "term": "lever"}, **declared},
    }
    found = {problem.where.split(" (line")[0] for problem in problems_of(folder, config)}
    expected = {f"hypotheses.H.{key}" for key in ("smallest_effect.share_of_outcome", "plain.unit", "plain.scale")}
    assert {where for where in found if where.startswith("hypotheses.")} == expected


RATIO, LEVEL, NUMBER = "log(output / third)", "log(output)", "output + 0"
LONG_RUN = {"statistic": "long_run:lever"}
COUNT = {"estimator": "ppml"}


@pytest.mark.parametrize(
    ("formula", "model", "estimand", "declared", "refused"),
    [
        (RATIO, {}, {}, {"plain": {"scale": 1000}}, set()),
        (RATIO, {}, {}, {"plain": {"unit_zh": "人"}}, set()),
        (LEVEL, {}, {}, {"plain": {"scale": 1000, "unit_zh": "人"}}, {"plain.scale", "plain.unit_zh"}),
        (LEVEL, {}, {}, {"plain": {"scale": 1000, "unit": "jobs", "unit_zh": "人"}}, set()),
        (NUMBER, {}, {}, {"plain": {"change": 0.1, "scale": 10}}, {"plain.scale"}),
        (NUMBER, COUNT, {}, {"smallest_effect": {"share_of_outcome": 0.1}}, set()),
        (NUMBER, COUNT, {}, {"smallest_effect": {"sd_of_outcome": 0.1}}, {"smallest_effect.sd_of_outcome"}),
        (NUMBER, COUNT, {}, {"plain": {"unit": "jobs", "change": 0.1}}, {"plain.unit"}),
        (RATIO, {"estimator": "dynamic_panel"}, LONG_RUN, {"plain": {"change": 0.1}}, {"plain.change"}),
        (RATIO, {"estimator": "dynamic_panel"}, LONG_RUN,
         {"smallest_effect": {"share_of_outcome": 0.1, "per": "sd"}},
         {"smallest_effect.share_of_outcome", "smallest_effect.per"}),
        (RATIO, {"estimator": "dynamic_panel"}, LONG_RUN, {"smallest_effect": {"value": 0.1}}, set()),
    ],
)  # fmt: skip
def test_units_that_a_claims_number_has_no_use_for_are_refused(
    folder: Path,
    formula: str,
    model: dict[str, Any],
    estimand: dict[str, str],
    declared: dict[str, Any],
    refused: set[str],
) -> None:
    config = whole()
    config["variables"]["claimed"] = {"formula": formula}
    config["models"]["claimed"] = {"estimator": "fe", "outcome": "claimed", "regressors": ["lever"], **model}
    config["hypotheses"] = {
        "H": {"claim": "c", "estimand": {"model": "claimed", **(estimand or {"term": "lever"})}, **declared}
    }
    found = [problem.where.split(" (line")[0] for problem in problems_of(folder, config)]
    assert sorted(where.removeprefix("hypotheses.H.") for where in found if where.startswith("hypotheses")) == sorted(
        refused
    )
