"""Figures of curves, decompositions, sensitivity, leaving out and power, from the files that the workflow writes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ruralpanel.claims.robustness import sensitivity
from ruralpanel.claims.robustness.results import Checked, CurveSummary
from ruralpanel.estimate.base.model_json import made, read_as
from ruralpanel.output.charts import curve, power
from ruralpanel.output.charts.build import draw
from ruralpanel.output.labels import Labels
from ruralpanel.output.report.explore.asked import Asked
from ruralpanel.output.report.explore.plane_charts import sensitivity_chart
from ruralpanel.output.results import OutputContext
from ruralpanel.project.kinds import figures
from ruralpanel.project.notes import note
from ruralpanel.project.problems import UserError

pytestmark = pytest.mark.slow

LABELS = Labels("en", {"y": "Output (log)", "x": "Roads (log)", "z": "Roads (per head)", "c": "Urban share"})

MANY = {"not_available": note("see_influence_of_periods", number=70).to_dict()}
NO_ENDS = {"not_available": note("no_interval_with_two_ends").to_dict()}


def entry(**parts: Any) -> dict[str, Any]:
    """One number of a model, as its results on robustness have it."""
    left = {"left_out": ["A", "B", "C"], "estimate": [0.4, None, -0.1], "std_error": [0.1, None, 0.2]}
    return {
        "claims": ["H1"], "main": True, "estimate": 0.5, "std_error": 0.2,
        "power": {
            "by": note("power_of_interval", interval="cluster").to_dict(),
            "curve": {"effect": [0.0, 0.5, 1.0], "power": [0.05, 0.6, 0.99]},
            "at_delta": {"delta": 0.5, "power": 0.6, "exaggeration": 1.2},
        },
        "leave_one_unit_out": left, "leave_one_period_out": MANY,
        "sensitivity": {
            "partial_r2": 0.1, "robustness_value": 0.2, "robustness_value_5": 0.1,
            "classical": {"std_error": 0.15, "statistic": 3.3, "df": 100.0},
            "note": note("sensitivity_scale").to_dict(),
            "bounds": [
                {"name": "c", "times": t, "r2_lever": 0.02 * t, "r2_outcome": 0.1 * t, "estimate": 0.5 - 0.1 * t,
                 "std_error": 0.1, "statistic": 3.0}
                for t in (1.0, 2.0)
            ],
        },
        **parts,
    }  # fmt: skip


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A results folder with a model, a decomposition, their robustness and a curve of 700 specifications."""
    models = tmp_path / "models"
    for folder in ("curves", "robustness"):
        (models / folder).mkdir(parents=True)
    (tmp_path / "panels" / "p").mkdir(parents=True)
    book = pd.DataFrame(
        {"variable": ["y", "x"], "label": ["Output (log)", "Roads (log)"], "measure": "", "formula": ""}
    )
    book.to_csv(tmp_path / "panels" / "p" / "codebook.csv", index=False)
    write(models / "fe.json", {"model": "fe", "panel": "p", "estimator": "fe", "outcome": "y", "coefficients": []})
    gap = {"by": "region", "group": "West", "reference": "East"}
    parts = {"technology": -0.3, "rest_of_it": 0.1, "unexplained": -0.2, "total": -0.4, "share_technology": 0.75}
    rows = [{"term": name, "estimate": v, "ci_low": v - 0.1, "ci_high": v + 0.1} for name, v in parts.items()]
    spec = {"options": {"gap": gap, "blocks": {"technology": ["x"], "rest_of_it": ["c"]}}}
    gelbach = {"model": "gap", "panel": "p", "estimator": "decomposition", "outcome": "y", "spec": spec}
    write(models / "gap.json", {**gelbach, "coefficients": rows})
    targets = {
        "x": entry(),
        "x at c = p75": entry(sensitivity=None, power=NO_ENDS),
    }
    write(models / "robustness" / "fe.json", {"model": "fe", "targets": targets})
    rng = np.random.default_rng(0)
    options = {
        "outcome": ["y"],
        "roads": ["x", "z"],
        "effects": ["unit + period", "unit + region:period"],
        "lag": ["0", "1"],
    }
    frame = pd.DataFrame({name: rng.choice(own, 700) for name, own in options.items()})
    frame["estimate"] = rng.normal(size=700)
    frame["standardised"] = 0.1 * frame["estimate"]
    frame["ci_low"], frame["ci_high"] = frame["estimate"] - 1.0, frame["estimate"] + 1.0
    frame.to_parquet(models / "curves" / "main.parquet", index=False)
    dimensions = [{"name": name, "options": own} for name, own in options.items()]
    errors = {"method": "cluster", "by": "unit", "small_sample": "CR1", "critical": "t"}
    about = {"name": "main", "panel": "p", "dimensions": dimensions, "main": {"n": 1}, "inference": errors}
    write(models / "curves" / "main.json", about)
    return tmp_path


def write(path: Path, values: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(values), encoding="utf-8")


SPECS: dict[str, dict[str, Any]] = {
    "specification_curve": {"curve": "main", "note": "All choices"},
    "waterfall": {"model": "gap", "title": "The gap", "note": "Bootstrap"},
    "sensitivity": {"model": "fe", "term": "x", "labels": {"c": "城镇化率"}, "note": "n"},
    "leave_one_out": {"model": "fe", "term": "x"},
    "power": {"models": ["fe"], "term": "x", "note": "n"},
}


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("kind", SPECS)
def test_the_same_files_each_time(kind: str, language: str, results: Path) -> None:
    context = OutputContext(results, language, where="figures.f")
    written = []
    for turn in ("a", "b"):
        paths = {form: results / f"{turn}.{form}" for form in ("png", "svg")}
        draw({"type": kind, **SPECS[kind]}, context, {"A": "Anhui"}, paths)
        written.append({form: path.read_bytes() for form, path in paths.items()})
    assert written[0] == written[1] and len(written[0]["png"]) > 5000


@pytest.mark.parametrize(
    ("spec", "found"),
    [
        ({"type": "specification_curve", "curve": "other"}, "no file"),
        ({"type": "waterfall", "model": "fe"}, "of estimator fe"),
        ({"type": "sensitivity", "model": "gap", "term": "x"}, "no file"),
        ({"type": "sensitivity", "model": "fe", "term": "z"}, '"z"'),
        ({"type": "sensitivity", "model": "fe", "term": "x at c = p75"}, "no coefficient"),
        ({"type": "leave_one_out", "model": "fe", "term": "x", "over": "period"}, "70 periods: see influence"),
        ({"type": "leave_one_out", "model": "fe", "term": "x", "over": "region"}, '"region"'),
        ({"type": "power", "models": ["fe"], "term": "x at c = p75"}, "no interval with two ends"),
    ],
)
def test_what_cannot_be_drawn_says_why(spec: dict[str, Any], found: str, results: Path) -> None:
    with pytest.raises(UserError) as caught:
        draw(spec, OutputContext(results, where="figures.f"), {}, {"png": results / "f.png"})
    (problem,) = caught.value.problems
    assert problem.where.startswith("figures.f") and found in problem.found
    assert not (results / "f.png").exists()


def test_power_without_a_smallest_effect(results: Path) -> None:
    path = results / "models" / "robustness" / "fe.json"
    numbers = entry()
    del numbers["power"]["at_delta"]
    write(path, {"model": "fe", "targets": {"x": numbers}})
    spec = {"type": "power", "models": ["fe"], "term": {"fe": "x"}}
    with pytest.raises(UserError, match="without δ"):
        draw(spec, OutputContext(results), {}, {"png": results / "f.png"})


def test_options_lose_their_brackets_unless_that_makes_them_alike() -> None:
    assert curve.option_labels("roads", ["y", "x", "c"], LABELS) == ["Output", "Roads", "Urban share"]
    assert curve.option_labels("roads", ["x", "z"], LABELS) == ["Roads (log)", "Roads (per head)"]
    assert curve.option_labels("controls", ["none", "c + x"], LABELS) == ["none", "Urban share + Roads"]
    assert curve.option_labels("effects", ["unit + region:period"], LABELS) == ["unit + region × period"]
    assert curve.option_labels("weights", ["none"], LABELS) == ["equal"]
    assert curve.dimension_label("land_use", LABELS) == "Land use"
    assert curve.dimension_label("land_use", Labels(names={"land_use": "Fields"})) == "Fields"


def test_curves_are_drawn_in_standardised_units(results: Path) -> None:
    summary = read_as(CurveSummary, results / "models" / "curves" / "main.json")
    rows = pd.read_parquet(results / "models" / "curves" / "main.parquet")
    data = curve.curve_data(summary, rows, LABELS)
    assert np.array(data.high) - np.array(data.estimate) == pytest.approx(np.full(700, 0.1))
    assert np.array(data.low) - np.array(data.estimate) == pytest.approx(np.full(700, -0.1))
    assert list(data.choices) == ["Roads", "Effects", "Lag"] and data.main == 0


def test_left_out_rows_keep_their_intervals() -> None:
    rows = curve.left_out(made(Checked, entry()), "unit", {"A": "Anhui"})
    # without B nothing could be estimated; t with one degree of freedom left
    assert [row.label for row in rows] == ["Anhui", "C"]
    assert rows[0].high == pytest.approx(0.4 + 12.706 * 0.1, abs=1e-3)


def test_contours_are_those_of_the_estimate() -> None:
    data = curve.contours(made(Checked, entry()), LABELS)
    assert [b.label for b in data.benchmarks] == ["Urban share"]
    values = np.array(data.estimates)
    assert values[0, 0] == 0.5 and data.r2[-1] == pytest.approx(0.3)
    i = int(np.argmin(np.abs(np.array(data.r2) - 0.2)))
    wanted, _ = sensitivity.adjust(0.5, 0.15, 100.0, data.r2[i], data.r2[i])
    assert values[i, i] == pytest.approx(float(wanted))


def test_lines_to_explore_join_what_leaves_the_same_estimate(results: Path) -> None:
    options = figures.Sensitivity(model="fe", term="x")
    chart = sensitivity_chart(Asked("s", options, OutputContext(results), {}, {}, "s"), options)
    assert chart.title.startswith("“Roads (log)”: zero, if an omitted variable explained 20.0%")
    lines = re.findall(r'<path class="(line s1|contour)" d="M([^"]+)"', chart.body)
    words = [float(text.replace("−", "-")) for text in re.findall(r'dx="-2" dy="-.4em">([^<]+)<', chart.body)]
    assert len(lines) == len(words) > 3
    for (kind, path), level in zip(lines, words, strict=True):
        points = np.array([list(map(float, point.split())) for point in path.split("L")])
        lever, outcome = 0.3 * points[:, 0] / 1000, 0.3 * (1 - points[:, 1] / 1000)
        assert sensitivity.adjust(0.5, 0.15, 100.0, lever, outcome)[0] == pytest.approx(level, abs=0.01)
        assert (kind == "line s1") == (level == 0)
    # the covariate that is as strong as itself, and nothing twice as strong
    marks = re.findall(r'data-tip="([^"]+)"><circle class="point told s\d" cx="([^"]+)%" cy="([^"]+)%"', chart.body)
    assert marks == [("Estimate\nEstimate 0.500", "0", "100"), ("as strong as “c”\nEstimate 0.400", "6.67", "66.67")]
    assert re.findall(r'data-v="([^"]+)"', chart.table) == ["0.0", "0.0", "0.5", "0.02", "0.1", "0.4"]


DRAWERS: dict[str, Callable[[dict[str, Path]], None]] = {
    "no contour of zero": lambda paths: curve.draw_sensitivity(
        curve.Contours([0.0, 0.05, 0.1], [[1.0, 1.0, 1.0], [1.0, 0.9, 0.85], [1.0, 0.85, 0.8]], 1.0), paths
    ),
    "more designs than colours": lambda paths: power.draw(
        [power.PowerLine(f"H{i}", [0.0, 6.0 + i], [0.05, 1.0]) for i in range(10)], paths
    ),
}


@pytest.mark.parametrize("kind", DRAWERS)
def test_rare_shapes(kind: str, tmp_path: Path) -> None:
    DRAWERS[kind]({"svg": tmp_path / "f.svg"})
    assert (tmp_path / "f.svg").stat().st_size > 3000
