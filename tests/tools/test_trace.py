"""Tracing a figure to its cells, on a small made-up project, and describing what a project rests on."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest

from ruralpanel.data.figures import COLUMNS
from ruralpanel.data.panel import build, write_panel
from ruralpanel.output.codebook import codebook
from ruralpanel.project.files import csv_text, read_rows, write_text
from ruralpanel.project.load import Config, read_config
from ruralpanel.project.problems import UserError
from ruralpanel.project.reads import series_by_variable
from ruralpanel.project.units import load_units
from ruralpanel.tools.describe import describe
from ruralpanel.tools.trace import trace

CONFIG = """
title: Made-up figures
units: units.csv
sources:
  book: {adapter: table, path: book.csv, about: book.yaml, layout: {shape: long, unit: unit, period: year}}
panels:
  late: {periods: {first: 2003, last: 2005}}
  early: {periods: {first: 2000, last: 2002}}
variables:
  road: {source: book, series: road, measure: km, label: Roads, breaks: {2001: drop}}
  cars: {source: book, series: cars, measure: vehicle}
  density: {formula: log(road / area)}
  lagged: {formula: lag(density)}
  gap: {formula: "max_over_units(value_at(density, 2003)) - value_at(density, 2003)"}
  rank: {formula: "cars / mean_over_group(cars, region)"}
  filled: {formula: interpolate(cars)}
  branch: {formula: "where(region == 'North', density, cars)"}
  window: {formula: "sum_over_periods(road, 2002, 2003) + 0 * standardise(road)"}
models:
  m: {estimator: pooled, outcome: density, regressors: [lagged]}
"""
SIDECAR = """
publisher: A made-up office
title: Made-up yearbook
edition: for tests only
url: https://example.org/book
licence: none
accessed: 2026-11-24
obtained: Written for this test.
series:
  road: {label: Roads, title_in_file: 公路, measure: 10^2 km, years: [2000, 2005], column: road, counts: Made up.,
         breaks: {2001: {what: a wider definition}}}
  cars: {label: Cars, measure: vehicle, years: [2000, 2005], column: cars, counts: Made up.}
"""
UNITS = "id,name_en,region,area\nA,Alpha,North,10\nB,Beta,North,20\nC,Gamma,South,40\n"


def figure(unit: str, series: str, year: int) -> float:
    if series == "cars":
        return math.nan if (unit, year) == ("B", 2004) else {"A": 0.0, "B": 30.0, "C": 50.0}[unit] + year - 2000
    return {"A": 1.5, "B": 9.0, "C": 4.0}[unit] + (year - 2000) / 10


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, Path]:
    folder = tmp_path_factory.mktemp("project")
    rows, lines = [], ["unit,year,road,cars"]
    for unit in "ABC":
        for year in range(2000, 2006):
            values = {series: figure(unit, series, year) for series in ("road", "cars")}
            texts = {series: "" if math.isnan(value) else f"{value:g}" for series, value in values.items()}
            lines.append(f"{unit},{year},{texts['road']},{texts['cars']}")
            for series, measure in (("road", "10^2 km"), ("cars", "vehicle")):
                repaired = "replace: misprint" if (unit, series, year) == ("C", "road", 2004) else ""
                place = ("book.csv", "", len(lines), series, repaired)
                key = ("book", series, unit, year)
                rows.append((*key, values[series], measure, texts[series], values[series], *place))
    for name, text in (
        ("config.yaml", CONFIG),
        ("book.yaml", SIDECAR),
        ("units.csv", UNITS),
        ("book.csv", "\n".join(lines)),
    ):
        (folder / name).write_text(text, encoding="utf-8")
    config = read_config(folder / "config.yaml")
    figures = pd.DataFrame(rows, columns=list(COLUMNS)).sort_values(["series", "unit", "period"], ignore_index=True)
    for panel in config.panels.values():
        built = build(panel, config.variables, {"book": figures}, series_by_variable(config), load_units(config.units))
        place = folder / "results" / "panels" / panel.name
        write_panel(built, place)
        book = codebook(read_rows(place / "columns.csv"), config.variables, panel, series_by_variable(config))
        write_text(place / "codebook.csv", csv_text(book))
    return config, folder / "results"


def test_a_series_is_traced_to_its_cell(project: tuple[Config, Path]) -> None:
    config, results = project
    story = trace(results, config, "road", "gamma", 2004)
    assert story == (
        "Panel late\n"
        "road [Roads], Gamma (C), 2004: 440 km\n"
        '  published as "4.4": book.csv, row 18, column road (book, series road 公路)\n'
        "  corrected: replace: misprint\n"
        "  converted: 10^2 km → km, × 100\n"
        "Source book: A made-up office, Made-up yearbook, for tests only\n"
    )
    row = (results.parent / "book.csv").read_text(encoding="utf-8").splitlines()[18 - 1]
    assert row.split(",")[:3] == ["C", "2004", "4.4"]


def test_a_formula_is_followed_and_an_extreme_names_its_unit(project: tuple[Config, Path]) -> None:
    config, results = project
    story = trace(results, config, "gap", "A", 2005)
    value = math.log(930 / 20) - math.log(180 / 10)
    assert story.splitlines()[1] == f"gap, Alpha (A), 2005: {value:.10g}"
    assert "largest of 3 units, 3.839452313, attained by Beta (B)" in story
    assert 'published as "9.3": book.csv, row 11, column road' in story, "the cell behind the largest value"
    assert 'published as "1.8": book.csv, row 5, column road' in story, "the unit's own cell"
    assert "area, Beta (B): 20 (attribute, " in story
    frame = pd.read_parquet(results / "panels" / "late" / "panel.parquet").set_index(["unit", "period"])
    assert math.isclose(frame.loc[("A", 2005), "gap"], value)


def test_lags_read_outside_the_panel_and_breaks_are_told(project: tuple[Config, Path]) -> None:
    config, results = project
    story = trace(results, config, "lagged", "B", 2003)
    assert "density, Beta (B), 2002" in story and 'published as "9.2": book.csv, row 10' in story
    dropped = trace(results, config, "lagged", "B", 2001, panel="early")
    assert "road [Roads], Beta (B), 2000: missing" in dropped
    assert "break of definition: 2001: drop, figures before 2001 are left out" in dropped


def test_groups_branches_gaps_and_undefined_steps(project: tuple[Config, Path]) -> None:
    config, results = project
    assert "mean over 2 units with region North" in trace(results, config, "rank", "A", 2003)
    gap = trace(results, config, "filled", "B", 2004)
    assert "filled, Beta (B), 2004: 34" in gap and "interpolated between 2003 and 2005" in gap
    assert 'published as "33": book.csv, row 11' in gap and 'published as "35": book.csv, row 13' in gap
    north, south = (trace(results, config, "branch", unit, 2003) for unit in "AC")
    assert "region == 'North' holds" in north and "density, Alpha" in north and "cars" not in north.split("\n", 3)[3]
    assert "region == 'North' does not hold" in south and "cars, Gamma" in south
    blank = trace(results, config, "cars", "B", 2004)
    assert "cars, Beta (B), 2004: missing" in blank and "published as a blank cell: book.csv, row 12" in blank
    window = trace(results, config, "window", "A", 2004)
    assert "road [Roads], Alpha (A), 2002: 170 km" in window and "road [Roads], Alpha (A), 2003: 180 km" in window


@pytest.mark.slow
def test_every_traced_value_is_the_panels(project: tuple[Config, Path]) -> None:
    config, results = project
    for panel in config.panels:
        frame = pd.read_parquet(results / "panels" / panel / "panel.parquet")
        for row in frame.to_dict("records"):
            for name in frame.columns[2:]:
                story = trace(results, config, name, row["unit"], row["period"], panel)
                shown = story.splitlines()[1].rsplit(": ", 1)[1].split()[0]
                assert (
                    (shown == "missing")
                    if math.isnan(row[name])
                    else math.isclose(float(shown), row[name], rel_tol=1e-9)
                )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("raod", "A", 2003), 'did you mean "road"'),
        (("road", "Alfa", 2003), 'did you mean "Alpha"'),
        (("road", "A", 1990), "neither holds nor reads"),
        (("road", "A", 2003, "lat"), 'did you mean "late"'),
    ],
)
def test_mistakes_are_told(arguments: tuple[str, str, int], words: str, project: tuple[Config, Path]) -> None:
    config, results = project
    with pytest.raises(UserError) as caught:
        trace(results, config, *arguments)
    assert words in str(caught.value)


def test_without_results_the_command_to_build_them_is_named(project: tuple[Config, Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="run snakemake"):
        trace(tmp_path, project[0], "road", "A", 2003)


def test_describe_lists_sources_breaks_and_coverage(project: tuple[Config, Path], tmp_path: Path) -> None:
    config, results = project
    text = describe(config, results)
    assert "book (table, 1 file): A made-up office, Made-up yearbook, for tests only" in text
    assert "road: Roads [10^2 km, 2000–2005]" in text and "break 2001: a wider definition" in text
    assert "figures of 67 % of the units in 2004, all others in full; from 3 to 55" in text
    lines = [line for line in text.splitlines() if line.startswith("  road [") and "book.road:" in line]
    said = "figures of no unit in 2000, all others in full; from "
    assert any(said in line and line.endswith("breaks 2001: drop") for line in lines)
    assert "not built yet: run snakemake" in describe(config, tmp_path)
