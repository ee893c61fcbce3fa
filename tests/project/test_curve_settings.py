"""What curves, families and checks of robustness read of a configuration, and mistakes in declaring them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import make_tiny
from ruralpanel.project import reads
from ruralpanel.project.check import check
from ruralpanel.project.jobs import figure_files
from ruralpanel.project.load import Config, read_config
from ruralpanel.project.reads import curve_names, declared_lags, used_variables
from ruralpanel.project.sections.configuration import Estimand, SpecificationCurve
from ruralpanel.project.settings import VariableSpec


def changed(folder: Path, change: dict[str, Any]) -> Config:
    """The tiny project with some sections replaced or added."""
    path = make_tiny(folder) / "config.yaml"
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    for section, entries in change.items():
        values[section] = {**(values.get(section) or {}), **entries}
    path.write_text(yaml.safe_dump(values, allow_unicode=True), encoding="utf-8")
    return read_config(path)


def names_of(folder: Path) -> tuple[str, str, str]:
    """Panel, outcome and lever of the tiny project."""
    values = yaml.safe_load((make_tiny(folder) / "config.yaml").read_text(encoding="utf-8"))
    model = next(iter(values["models"].values()))
    return next(iter(values["panels"])), model["outcome"], model["regressors"][0]


def test_defaults_are_filled_in(tmp_path: Path) -> None:
    panel, outcome, lever = names_of(tmp_path)
    config = changed(tmp_path, {"specification_curves": {"c": {"panel": panel, "term": lever, "outcome": [outcome]}}})
    assert not check(config)
    settings = reads.curve_settings(config, "c")
    assert settings["curve"]["expected"] == "two_sided" and settings["curve"]["permutations"] == 500
    assert settings["smallest"] == {} and settings["lags"] == []
    assert reads.curves_settings(config, [panel])["curves"] == {"c": settings}
    assert reads.curves_settings(config, [panel])["by"] == {panel: "year"}
    assert {outcome, lever} <= used_variables(config, panel)


def test_a_curve_takes_the_smallest_effect_of_its_claim_and_knows_logarithms(tmp_path: Path) -> None:
    panel, outcome, lever = names_of(tmp_path)
    curve = {"panel": panel, "term": lever, "outcome": [outcome, "logged"]}
    declared: dict[str, Any] = {
        "specification_curves": {"c": curve, "own": {**curve, "smallest_effect": 0.3}},
        "variables": {"logged": {"formula": f"log({lever})"}},
        "hypotheses": {
            "A": {"claim": "a", "robustness": "c", "smallest_effect": {"share_of_outcome": 0.1, "value": 3}}
        },
    }
    config = changed(tmp_path, declared)
    settings = reads.curve_settings(config, "c")
    assert settings["smallest"]["share_of_outcome"] == 0.1 and "value" not in settings["smallest"]
    assert settings["logs"][-1] == "logged"
    assert reads.curve_settings(config, "own")["smallest"] == {"sd_of_outcome": 0.3}


def test_declared_lags_are_found_and_their_breaks_enforced(tmp_path: Path) -> None:
    panel, outcome, lever = names_of(tmp_path)
    curve = {"panel": panel, "term": "x", "outcome": [outcome], "measures": {"x": [lever]}, "lags": [0, 1, 2]}
    config = changed(
        tmp_path, {"specification_curves": {"c": curve}, "variables": {"before": {"formula": f"lag({lever})"}}}
    )
    assert reads.curve_settings(config, "c")["lags"] == [[lever, 1, "before"]]
    assert "before" in used_variables(config, panel)


def test_lags_by_formula() -> None:
    formulas = {
        "a": "lag(x)",
        "b": "lag(x, 2)",
        "c": "lag(x, 1) + 1",
        "d": "log(x)",
        "e": "lag(log(x), 1)",
        "f": "lag(x, 1)",
    }
    variables = {name: VariableSpec(name, formula=formula) for name, formula in formulas.items()}
    assert declared_lags(variables) == {("x", 1): "a", ("x", 2): "b"}


def test_names_of_a_curve() -> None:
    plain = SpecificationCurve(panel="p", term="t", outcome=("y",))
    curve = plain.changed(
        measures={"t": ("a",), "o": ("b", None)}, moderator=(None, "m"), controls=((), ("c:d",)), weights=(None, "w")
    )
    assert curve_names(curve) == {"y", "a", "b", "m", "c", "d", "w"}
    assert curve_names(plain) == {"y", "t"}


@pytest.mark.parametrize(
    ("change", "where", "found"),
    [
        ({"panel": "nowhere"}, "panel", '"nowhere"'),
        ({"outcome": ["nothing"]}, "", '"nothing"'),
        ({"measures": {"sample": ["lever"]}}, "measures", '"sample"'),
        ({"measures": {"lever": [None]}}, "measures.lever", "no measure"),
        ({"samples": ["rural"]}, "samples", '"rural"'),
        ({"effects": [["unit", "county:period"]]}, "effects", '"county"'),
    ],
)
def test_mistakes(change: dict[str, Any], where: str, found: str, tmp_path: Path) -> None:
    panel, outcome, lever = names_of(tmp_path)
    written = {"panel": panel, "term": lever, "outcome": [outcome], **change}
    if "measures" in change:
        written["measures"] = {
            lever if k == "lever" else k: [m and lever for m in v] for k, v in change["measures"].items()
        }
    (problem,) = check(changed(tmp_path, {"specification_curves": {"c": written}}))
    place = f"specification_curves.c.{where.replace('lever', lever)}".rstrip(".")
    assert problem.where.startswith(place) and problem.found == found


def test_figures_of_curves_and_claims(tmp_path: Path) -> None:
    panel, outcome, lever = names_of(tmp_path)
    curve = {"panel": panel, "term": lever, "outcome": [outcome]}
    figures = {
        "one": {"type": "specification_curve", "curve": "other"},
        "two": {"type": "sensitivity", "model": "unclaimed", "term": lever},
    }
    unclaimed = {"estimator": "fe", "outcome": outcome, "regressors": [lever]}
    change = {"specification_curves": {"c": curve}, "figures": figures, "models": {"unclaimed": unclaimed}}
    problems = check(changed(tmp_path, change))
    assert [p.where.split(" (")[0] for p in problems] == ["figures.one.curve", "figures.two"]
    claim = {"claim": "…", "estimand": {"model": "unclaimed", "term": lever}, "family": "f", "robustness": "c"}
    figures["one"]["curve"] = "c"
    config = changed(tmp_path, {**change, "hypotheses": {"H": claim, "H0": {"claim": "…", "family": "f"}}})
    assert not check(config)
    files = figure_files(config)
    assert "results/models/curves/c.parquet" in files and "results/models/robustness/unclaimed.json" in files
    assert reads.families(config) == {"f": {"H": Estimand(model="unclaimed", term=lever), "H0": Estimand()}}
    assert "unclaimed" in reads.claimed_models(config)
    models = reads.family_models(config)
    assert models == ("unclaimed",) and reads.panels_of(config, models) == (panel,)
