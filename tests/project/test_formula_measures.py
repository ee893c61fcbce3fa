"""Sums of unlike measures are found before anything runs; what cannot be told is left alone."""

from __future__ import annotations

import pytest

from ruralpanel.project.breaks import evaluation_order
from ruralpanel.project.measures import formula_problems
from ruralpanel.project.settings import VariableSpec

SERIES = {"roads": "km", "rails": "km", "long_roads": "10^4 km", "people": "person", "firms": "item", "share": "share",
          "index": ""}  # fmt: skip


def found(formula: str, measure: str = "") -> list[str]:
    """The problems of one formula of the series above and the attribute `area`."""
    variables = {name: VariableSpec(name, "s", name, measure=own) for name, own in SERIES.items()}
    variables["y"] = VariableSpec("y", formula=formula, measure=measure)
    order = evaluation_order(variables, ["area", "region"])
    return [str(problem) for problem in formula_problems(variables, order, "study.yaml")]


@pytest.mark.parametrize(
    ("formula", "measure"),
    [
        ("roads + rails", "km"),
        ("roads - lag(rails)", ""),
        ("people * (1 - share)", "person"),
        ("log(roads / area)", ""),
        ("roads + index", "km"),
        ("roads + 1", "km"),
        ("people + firms", "person"),
        ("where(region == 'West', roads, rails)", "km"),
        ("roads / people", "km/person"),
        ("roads * 1000", "person"),
    ],
)
def test_sums_of_like_measures_pass(formula: str, measure: str) -> None:
    assert found(formula, measure) == []


@pytest.mark.parametrize(
    ("formula", "measure", "said"),
    [
        ("roads + people", "", "roads in km beside people in person"),
        ("roads + long_roads", "", "roads in km beside long_roads in 10000 km"),
        ("log(roads - people)", "", "roads in km beside people in person"),
        ("where(roads > people, 1, 0)", "", "roads in km beside people in person"),
        ("where(share > 0, roads, people)", "", "roads in km beside people in person"),
        ("mean_over_units(roads) - people", "", "mean_over_units(roads) in km beside people in person"),
        ("roads + rails", "person", 'found "person"; expected km, as the formula roads + rails gives it'),
    ],
)
def test_unlike_measures_are_named(formula: str, measure: str, said: str) -> None:
    (problem,) = found(formula, measure)
    assert "study.yaml: variables.y." in problem and said in problem
