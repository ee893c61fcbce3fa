"""Panels on real exports: conversion, every break rule against a loop, keys, codebook, coverage, lineage, bytes."""

from __future__ import annotations

import csv
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ruralpanel.data.figures import COLUMNS
from ruralpanel.data.panel import PanelResult, build, write_panel
from ruralpanel.data.series import converted
from ruralpanel.output.codebook import codebook
from ruralpanel.project.breaks import break_problems, crossings, evaluation_order, years_read
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import PanelSpec, SeriesSpec, VariableSpec
from ruralpanel.project.units import Units, load_units

ROOT = Path(__file__).parents[2]
RAW = ROOT / "data" / "raw" / "nbs_annual"
MEASURES = {"highway_length": "10^4 km", "rural_electricity": "10^8 kWh", "population": "10^4 person",
            "urbanisation_rate": "percent", "expressway_length": "10^4 km"}  # fmt: skip
ROADS_BREAK = {2006: {"what": "village roads counted"}}
STEP = {2013: {"what": "redefined", "units": ("CN-SH",)}, 2014: {"what": "redefined", "units": ("CN-TJ", "CN-SH")}}


@pytest.fixture(scope="module")
def units() -> Units:
    return load_units(ROOT / "data" / "units" / "china_provinces.csv")


@pytest.fixture(scope="module")
def figures(units: Units) -> dict[str, pd.DataFrame]:
    """Real exports in the shape in which ingest writes them, read without the project's adapters."""
    rows = []
    for series, measure in MEASURES.items():
        with (RAW / f"{series}.csv").open(encoding="utf-8-sig") as stream:
            lines = list(csv.reader(stream))
        header = next(i for i, line in enumerate(lines) if line and line[0] == "地区")
        for number, line in enumerate(lines[header + 1 :], start=header + 2):
            unit = units.match(line[0]) if line else None
            if unit is None or len(line) != len(lines[header]):
                continue
            for column, text in zip(lines[header][1:], line[1:], strict=True):
                value = float(text) if text else math.nan
                place = (f"nbs_annual/{series}.csv", "", number, column, "")
                rows.append(("nbs", series, unit, int(column[:4]), value, measure, text, value, *place))
    table = pd.DataFrame(rows, columns=list(COLUMNS)).sort_values(["series", "unit", "period"], ignore_index=True)
    labels = ["source", "series", "unit", "measure", "text", "file", "sheet", "column", "correction"]
    return {"nbs": table.astype(dict.fromkeys(labels, "category"))}


def leaf(name: str, series: str, measure: str, breaks: Mapping[int, Any] | None = None) -> VariableSpec:
    rules = {year: {"rule": rule} if isinstance(rule, str) else rule for year, rule in (breaks or {}).items()}
    return VariableSpec(name=name, source="nbs", series=series, measure=measure, breaks=rules)


def derived(**formulas: str) -> dict[str, VariableSpec]:
    return {name: VariableSpec(name=name, formula=formula) for name, formula in formulas.items()}


def series_of(
    variables: Mapping[str, VariableSpec], breaks: Mapping[str, Mapping[int, Mapping[str, Any]]]
) -> dict[str, SeriesSpec]:
    return {
        name: SeriesSpec(
            key=v.series,
            measure=MEASURES[v.series],
            years=tuple(range(2005, 2024)),
            breaks=breaks.get(v.series, {}),
            label=f"Label of {v.series}",
            note=f"Counts {v.series}.",
        )
        for name, v in variables.items()
        if v.series
    }


def panel_of(first: int, last: int, **settings: Any) -> PanelSpec:
    return PanelSpec("test", tuple(range(first, last + 1)), **settings)


def make(
    panel: PanelSpec,
    variables: Mapping[str, VariableSpec],
    figures: Mapping[str, pd.DataFrame],
    units: Units,
    breaks: Mapping[str, Mapping[int, Mapping[str, Any]]] | None = None,
    used: tuple[str, ...] = (),
) -> PanelResult:
    return build(panel, variables, figures, series_of(variables, breaks or {}), units, used, "config.yaml")


def book_of(
    result: PanelResult,
    variables: Mapping[str, VariableSpec],
    panel: PanelSpec,
    breaks: Mapping[str, Mapping[int, Mapping[str, Any]]] | None = None,
) -> pd.DataFrame:
    """The panel's codebook, variables down the side."""
    rows = [{key: str(value) for key, value in row.items()} for row in result.columns.to_dict("records")]
    head, *lines = codebook(rows, variables, panel, series_of(variables, breaks or {}))
    return pd.DataFrame(lines, columns=head).set_index("variable")


def raw(figures: Mapping[str, pd.DataFrame], series: str) -> dict[tuple[str, int], float]:
    own = figures["nbs"][figures["nbs"]["series"] == series]
    return {(str(r.unit), int(r.period)): float(r.value) for r in own.itertuples()}


def column(result: PanelResult, name: str) -> dict[tuple[str, int], float]:
    frame = result.frame
    return dict(zip(zip(frame["unit"], frame["period"], strict=True), frame[name].tolist(), strict=True))


def same(a: float, b: float) -> bool:
    return (math.isnan(a) and math.isnan(b)) or math.isclose(a, b, rel_tol=1e-13)


def test_conversion_gives_the_decimal_that_was_published(figures: dict[str, pd.DataFrame], units: Units) -> None:
    variables = {
        v.name: v for v in (leaf("roads", "highway_length", "km"), leaf("urban", "urbanisation_rate", "share"))
    }
    result = make(panel_of(2007, 2012), variables, figures, units)
    assert column(result, "roads")["CN-GZ", 2008] == 125400.0
    table = figures["nbs"].astype({"text": str, "unit": str})
    for name, series, places in (("roads", "highway_length", 4), ("urban", "urbanisation_rate", -2)):
        texts = table[table["series"] == series].set_index(["unit", "period"])["text"].to_dict()
        for key, value in column(result, name).items():
            assert value == float(f"{texts[key]}e{places}"), "the double nearest to the decimal"


def test_converted_keeps_zero_missing_signs_and_extremes() -> None:
    values = np.array([0.0, -12.54, math.nan, 1e-300, 1e300, 3.0, 0.1])
    result = converted(values, 1e4)
    np.testing.assert_array_equal(result[[0, 1, 5, 6]], [0.0, -125400.0, 30000.0, 1000.0])
    assert math.isnan(result[2]) and math.isclose(result[3], 1e-296) and math.isclose(result[4], 1e304)
    np.testing.assert_array_equal(converted(values, 1.0), values)
    np.testing.assert_array_equal(converted(values[:2], 1 / 15), values[:2] * (1 / 15))


def test_one_row_per_unit_and_period_sorted(figures: dict[str, pd.DataFrame], units: Units) -> None:
    variables = {"people": leaf("people", "population", "person"), **derived(half="people / 2")}
    frame = make(panel_of(2010, 2014), variables, figures, units).frame
    assert list(frame.columns) == ["unit", "period", "people", "half"]
    assert len(frame) == 31 * 5 and not frame.duplicated(["unit", "period"]).any()
    assert frame.equals(frame.sort_values(["unit", "period"], ignore_index=True))
    assert [str(t) for t in frame.dtypes] == ["str", "int64", "float64", "float64"]
    some = make(panel_of(2010, 2014, units=("CN-SC", "CN-GZ")), variables, figures, units).frame
    assert some["unit"].unique().tolist() == ["CN-GZ", "CN-SC"]


ROADS = {
    "roads": "log(highway_km / land_area_km2)",
    "lagged": "lag(roads)",
    "growth": "diff(roads)",
    "start": "value_at(roads, 2005)",
}


def test_drop_leaves_out_what_reads_the_other_side(figures: dict[str, pd.DataFrame], units: Units) -> None:
    variables = {"highway_km": leaf("highway_km", "highway_length", "km", {2006: "drop"}), **derived(**ROADS)}
    result = make(panel_of(2006, 2012), variables, figures, units, {"highway_length": ROADS_BREAK}, tuple(ROADS))
    published = raw(figures, "highway_length")
    area = {unit: float(units.attributes[unit]["land_area_km2"]) for unit in units.ids}

    def roads(unit: str, year: int) -> float:
        return math.log(published[unit, year] * 1e4 / area[unit]) if year >= 2006 else math.nan

    for (unit, year), value in column(result, "lagged").items():
        assert same(value, roads(unit, year - 1))
        assert same(column(result, "growth")[unit, year], roads(unit, year) - roads(unit, year - 1))
    assert "start" in result.left_out and "after the rules for breaks" in str(result.left_out["start"])
    lineage = result.lineage[(result.lineage["variable"] == "highway_km") & (result.lineage["period"] == 2005)]
    assert len(lineage) == 31 and lineage["value"].isna().all() and (lineage["text"] != "").all()
    assert set(lineage["break_rule"]) == {"2006: drop, figures before 2006 are left out"}


def test_drop_keeps_the_side_of_more_periods_and_the_later_in_a_tie(
    figures: dict[str, pd.DataFrame], units: Units
) -> None:
    variables = {"km": leaf("km", "highway_length", "km", {2010: "drop"})}
    breaks = {"highway_length": {2010: {"what": "test"}}}
    for first, last, kept in (
        (2007, 2010, "before"),
        (2008, 2011, "after"),
        (2009, 2012, "after"),
        (2006, 2014, "after"),
    ):
        values = column(make(panel_of(first, last), variables, figures, units, breaks), "km")
        for (_, year), value in values.items():
            assert math.isnan(value) == ((year >= 2010) if kept == "before" else (year < 2010)), (first, last, year)


def test_drop_for_some_units_leaves_the_others(figures: dict[str, pd.DataFrame], units: Units) -> None:
    for (unit, year), value in column(_with_accept(figures, units)[0], "kwh").items():
        assert math.isnan(value) == (unit == "CN-SH" and year < 2013)


def _with_accept(figures: dict[str, pd.DataFrame], units: Units) -> tuple[PanelResult, pd.DataFrame]:
    rules = {2013: "drop", 2014: {"rule": "accept", "because": "a test"}}
    variables = {"kwh": leaf("kwh", "rural_electricity", "kWh", rules)}
    result = make(panel_of(2011, 2018), variables, figures, units, {"rural_electricity": STEP}, ("kwh",))
    return result, book_of(result, variables, panel_of(2011, 2018), {"rural_electricity": STEP})


def test_accept_is_recorded_with_its_reason(figures: dict[str, pd.DataFrame], units: Units) -> None:
    result, book = _with_accept(figures, units)
    assert "2014: accept (a test)" in book.loc["kwh", "breaks"]
    marked = result.lineage[result.lineage["break_rule"].str.contains("accepted, a test")]
    assert set(marked["unit"]) == {"CN-TJ", "CN-SH"}


def test_dummy_adds_steps_for_the_units_concerned(figures: dict[str, pd.DataFrame], units: Units) -> None:
    variables = {
        "kwh": leaf("kwh", "rural_electricity", "kWh", {2013: "dummy", 2014: "dummy"}),
        **derived(power="log(kwh)", before="lag(power)", growth="diff(power)", early="value_at(power, 2011)"),
    }
    result = make(panel_of(2011, 2016), variables, figures, units, {"rural_electricity": STEP}, tuple(variables))
    concerned = {2013: {"CN-SH"}, 2014: {"CN-SH", "CN-TJ"}}
    read = {"kwh": (0,), "power": (0,), "before": (-1,), "growth": (-1, 0), "early": None}
    expected = {}
    for name, offsets in read.items():
        for year, hit in concerned.items():
            new, across = {}, {}
            for unit, period in column(result, "kwh"):
                years = [2011] if offsets is None else [period + offset for offset in offsets]
                later = [y >= year for y in years]
                new[unit, period] = float(unit in hit and all(later))
                across[unit, period] = float(unit in hit and any(later) and not all(later))
            expected |= {f"{name}__break_{year}": new, f"{name}__break_{year}_across": across}
    expected = {name: values for name, values in expected.items() if any(values.values())}
    steps = [name for name in result.frame.columns if "__break_" in name]
    assert sorted(steps) == sorted(expected)
    for name, values in expected.items():
        assert column(result, name) == values
    assert list(result.frame.columns)[2:5] == ["kwh", "kwh__break_2013", "kwh__break_2014"]
    book = book_of(result, variables, panel_of(2011, 2016), {"rural_electricity": STEP})
    assert book.loc["growth__break_2013_across", "label"].startswith("Across break")


def test_a_step_common_to_all_units_is_a_column_that_each_model_judges(
    figures: dict[str, pd.DataFrame], units: Units
) -> None:
    variables = {"km": leaf("km", "highway_length", "km", {2006: "dummy"})}
    result = make(panel_of(2005, 2008), variables, figures, units, {"highway_length": ROADS_BREAK}, ("km",))
    assert column(result, "km__break_2006") == {key: float(key[1] >= 2006) for key in column(result, "km")}
    assert any("common to all units" in str(note) for note in result.notes)
    assert not any("absorb" in str(note) for note in result.notes), "whether effects absorb it is for each model to say"


def test_splice_by_factor_and_by_overlap(figures: dict[str, pd.DataFrame], units: Units) -> None:
    variables = {"km": leaf("km", "highway_length", "km", {2010: "splice"})}
    published = raw(figures, "highway_length")
    factor = {"highway_length": {2010: {"what": "test", "factor": 1.5, "units": ("CN-GZ",)}}}
    for (unit, year), value in column(
        make(panel_of(2008, 2012), variables, figures, units, factor, ("km",)), "km"
    ).items():
        assert same(value, published[unit, year] * 1e4 * (1.5 if unit == "CN-GZ" and year < 2010 else 1))
    other = raw(figures, "expressway_length")
    overlap = {"series": "expressway_length", "years": [2008, 2009]}
    result = make(
        panel_of(2008, 2012), variables, figures, units, {"highway_length": {2010: {"what": "t", "overlap": overlap}}}
    )
    for (unit, year), value in column(result, "km").items():
        ratio = sum(other[unit, y] for y in (2008, 2009)) / sum(published[unit, y] for y in (2008, 2009))
        assert same(value, published[unit, year] * 1e4 * (ratio if year < 2010 else 1))
    assert math.isnan(column(result, "km")["CN-XZ", 2008]) and any(
        "no overlap for CN-XZ" in str(n) for n in result.notes
    )


@pytest.mark.parametrize(
    ("formula", "first", "last", "crossed"),
    [
        ("km", 2006, 2012, False),
        ("km", 2005, 2012, True),
        ("lag(km)", 2006, 2012, True),
        ("lag(km)", 2007, 2012, False),
        ("diff(log(km), 2)", 2007, 2012, True),
        ("km - value_at(km, 2005)", 2006, 2012, True),
        ("value_at(km, 2005)", 2006, 2012, False),
        ("max_over_units(value_at(km, 2006)) - value_at(km, 2006)", 2006, 2012, False),
        ("first_value(lag(km)) + km", 2006, 2012, True),
        ("mean_over_periods(km, 2005, 2007)", 2010, 2012, True),
        ("interpolate(km, 1)", 2006, 2012, True),
        ("interpolate(km, 1)", 2007, 2012, False),
        ("lag(km, 4)", 2006, 2008, False),
    ],
)
def test_breaks_are_enforced_on_the_years_read(
    formula: str, first: int, last: int, crossed: bool, figures: dict[str, pd.DataFrame], units: Units
) -> None:
    variables = {"km": leaf("km", "highway_length", "km"), **derived(x=formula)}
    breaks = {"highway_length": ROADS_BREAK}
    panel = panel_of(first, last)
    found = crossings("x", variables, panel, series_of(variables, breaks))
    assert found == ([("km", 2006)] if crossed else [])
    if crossed:
        with pytest.raises(UserError) as caught:
            make(panel, variables, figures, units, breaks, ("x",))
        (problem,) = caught.value.problems
        assert (problem.file, problem.where) == ("config.yaml", "variables.km.breaks")
        assert "village roads counted" in problem.found and "drop" in problem.expected
        result = make(panel, variables, figures, units, breaks)
        noted = book_of(result, variables, panel, breaks)["breaks"]
        assert "2006: crossed without a rule" in noted["x"], "an unused variable is flagged, not refused"
    elif formula != "lag(km, 4)":
        make(panel, variables, figures, units, breaks, ("x",))


def test_a_drop_elsewhere_in_the_series_ends_the_crossing() -> None:
    breaks = {"highway_length": {2006: {"what": "a"}, 2010: {"what": "b"}}}
    variables = {"km": leaf("km", "highway_length", "km", {2010: "drop"})}
    assert crossings("km", variables, panel_of(2005, 2016), series_of(variables, breaks)) == []
    partly = {"highway_length": {2006: {"what": "a"}, 2010: {"what": "b", "units": ("CN-SH",)}}}
    assert crossings("km", variables, panel_of(2005, 2016), series_of(variables, partly)) == [("km", 2006)]
    few = panel_of(2005, 2016, units=("CN-GZ",))
    only = {"highway_length": {2010: {"what": "b", "units": ("CN-SH",)}}}
    assert crossings("km", {"km": leaf("km", "highway_length", "km")}, few, series_of(variables, only)) == []


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({2006: "accept"}, "because"),
        ({2006: "splice"}, "factor or an overlap"),
        ({2007: "drop", 2006: "drop"}, "a break that is declared for"),
    ],
)
def test_rules_that_cannot_work_are_refused(rules: dict[int, str], words: str) -> None:
    variables = {"km": leaf("km", "highway_length", "km", rules)}
    specs = series_of(variables, {"highway_length": ROADS_BREAK})
    (problem,) = break_problems(("km",), variables, panel_of(2005, 2012), specs, "config.yaml")
    assert words in problem.expected


def test_lags_by_year_on_uneven_periods_are_refused() -> None:
    variables = {"km": leaf("km", "highway_length", "km"), **derived(x="lag(km)")}
    panel = PanelSpec("registers", (2006, 2007, 2010))
    (problem,) = break_problems(("x",), variables, panel, series_of(variables, {}), "config.yaml")
    assert problem.fix == "panels.registers.by: observation"
    assert not break_problems(("x",), variables, replace(panel, by="observation"), series_of(variables, {}))
    assert not break_problems(("km",), variables, panel, series_of(variables, {}))


def test_formulas_are_ordered_and_their_names_checked() -> None:
    variables = derived(c="a + b", b="a * 2", a="land_area_km2")
    assert evaluation_order(variables, ["land_area_km2"]) == ("a", "b", "c")
    with pytest.raises(UserError) as caught:
        evaluation_order(derived(a="b +", c="land_aera"), ["land_area"], "config.yaml")
    assert len(caught.value.problems) == 2 and "land_area" in str(caught.value)
    with pytest.raises(UserError, match="a → b → a"):
        evaluation_order(derived(a="b", b="a"))


def test_years_read_follow_formulas_with_the_panels_own_periods() -> None:
    variables = {"km": leaf("km", "highway_length", "km"), **derived(y="km - mean_over_periods(km)", x="lag(y, 2)")}
    read = years_read("x", variables, panel_of(2010, 2011))
    assert read["y"] == {2008, 2009} and read["km"] == {2008, 2009, 2010, 2011}


def test_a_figure_given_twice_names_both_cells(figures: dict[str, pd.DataFrame], units: Units) -> None:
    table = figures["nbs"]
    twice = {"nbs": pd.concat([table, table[(table["series"] == "population")].head(1)], ignore_index=True)}
    with pytest.raises(UserError) as caught:
        make(panel_of(2010, 2012), {"p": leaf("p", "population", "person")}, twice, units)
    assert caught.value.problems[0].found.count("population.csv row") == 2


def test_measures_that_do_not_convert_are_told_together(figures: dict[str, pd.DataFrame], units: Units) -> None:
    variables = {"p": leaf("p", "population", "household"), "k": leaf("k", "highway_length", "kWh")}
    with pytest.raises(UserError) as caught:
        make(panel_of(2010, 2012), variables, figures, units)
    assert [p.where for p in caught.value.problems] == ["variables.p.measure", "variables.k.measure"]


def test_variables_without_figures_are_left_out_and_listed(figures: dict[str, pd.DataFrame], units: Units) -> None:
    variables = {
        "p": leaf("p", "population", "person"),
        "km": leaf("km", "highway_length", "km"),
        **derived(x="log(km)"),
    }
    result = make(panel_of(2024, 2024), variables, figures, units)
    assert set(result.left_out) == {"km", "x"} and "its source covers 2005–2023" in str(result.left_out["x"])
    table = result.coverage.set_index("variable")
    assert (
        table.loc["p", "2024"] == 1.0
        and json.loads(table.loc["x", "remark"])[0]["code"] == "source_covers_other_periods"
    )
    with pytest.raises(UserError, match=r"panels\.test"):
        make(panel_of(1950, 1951), variables, figures, units)


def test_codebook_and_coverage_equal_direct_computation(figures: dict[str, pd.DataFrame], units: Units) -> None:
    variables = {"fast": leaf("fast", "expressway_length", "km"), **derived(lf="log(fast)", area="land_area_km2 * 1")}
    result = make(panel_of(2008, 2015), variables, figures, units)
    book, frame = result.columns.set_index("variable"), result.frame
    for name in ("fast", "lf", "area"):
        x = frame[name].dropna()
        within = x - x.groupby(frame["unit"]).transform("mean")
        assert book.loc[name, "n"] == len(x) and book.loc[name, "missing"] == len(frame) - len(x)
        got = book.loc[name, ["mean", "sd", "sd_within", "min", "max"]].astype(float)
        want = [x.mean(), x.std(), math.sqrt((within**2).sum() / (len(x) - 1)), x.min(), x.max()]
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-9)
    assert book.loc["area", "sd_within"] == 0
    words = book_of(result, variables, panel_of(2008, 2015))
    assert words.loc["fast", "what_it_counts"] == "Counts expressway_length."
    assert words.loc["fast", "label"] == "Label of expressway_length" and words.loc["lf", "formula"] == "log(fast)"
    assert words.loc["lf", "mean"] == str(book.loc["lf", "mean"])
    shares = frame.assign(there=frame["lf"].notna()).groupby("period")["there"].mean()
    line = result.coverage.set_index("variable").loc["lf"]
    assert all(line[str(t)] == share for t, share in shares.items())
    assert any(
        note.startswith("lf: log(fast): 2 made missing, zero or below (CN-XZ 2014, CN-XZ 2015)")
        for note in result.notes
    )


def test_interpolation_is_flagged_in_lineage_and_codebook(figures: dict[str, pd.DataFrame], units: Units) -> None:
    table = figures["nbs"].copy()
    gap = (table["series"] == "population") & (table["unit"] == "CN-GZ") & (table["period"] == 2012)
    table.loc[gap, "value"] = math.nan
    variables = {"p": leaf("p", "population", "person"), **derived(filled="interpolate(p)")}
    result = make(panel_of(2010, 2014), variables, {"nbs": table}, units)
    values = column(result, "filled")
    assert math.isclose(values["CN-GZ", 2012], (values["CN-GZ", 2011] + values["CN-GZ", 2013]) / 2)
    (row,) = result.lineage[result.lineage["variable"] == "filled"].to_dict("records")
    assert (row["unit"], row["period"]) == ("CN-GZ", 2012) and "interpolated between 2011 and 2013" in row["correction"]
    assert '"code": "interpolated", "number": 1' in result.columns.set_index("variable").loc["filled", "remarks"]


def test_lineage_holds_every_cell_that_is_read(figures: dict[str, pd.DataFrame], units: Units) -> None:
    variables = {"p": leaf("p", "population", "person"), **derived(before="lag(p, 2)")}
    result = make(panel_of(2010, 2012), variables, figures, units)
    assert set(result.lineage["period"]) == {2008, 2009, 2010, 2011, 2012} and len(result.lineage) == 31 * 5
    own = result.lineage.set_index(["unit", "period"])
    assert all(own.loc[key, "value"] == value for key, value in column(result, "p").items())
    with (RAW / "population.csv").open(encoding="utf-8-sig") as stream:
        lines = list(csv.reader(stream))
    for row in result.lineage.to_dict("records"):
        years = next(line for line in lines if line and line[0] == "地区")
        assert lines[row["row"] - 1][years.index(row["column"])] == row["text"]


def test_written_files_are_whole_and_the_same_each_time(
    figures: dict[str, pd.DataFrame], units: Units, tmp_path: Path
) -> None:
    variables = {
        "kwh": leaf("kwh", "rural_electricity", "kWh", {2013: "dummy", 2014: "dummy"}),
        **derived(power="log(kwh / 3)", gone="log(-kwh)"),
    }
    hashes = []
    for folder in ("one", "two"):
        result = make(panel_of(2011, 2016), variables, figures, units, {"rural_electricity": STEP})
        write_panel(result, tmp_path / folder)
        files = sorted((tmp_path / folder).iterdir())
        hashes.append({f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in files})
    assert hashes[0] == hashes[1]
    assert set(hashes[0]) == {"panel.parquet", "panel.csv", "columns.csv", "coverage.csv", "lineage.parquet"}
    stored = pd.read_parquet(tmp_path / "one" / "panel.parquet")
    pd.testing.assert_frame_equal(stored, result.frame, check_exact=True)
    with (tmp_path / "one" / "panel.csv").open(encoding="utf-8") as stream:
        read = np.array([[float(cell or "nan") for cell in row[2:]] for row in list(csv.reader(stream))[1:]])
    assert np.array_equal(read, stored.iloc[:, 2:].to_numpy(), equal_nan=True)


def test_figures_without_a_measure_are_taken_as_published(figures: dict[str, pd.DataFrame], units: Units) -> None:
    bare = VariableSpec(name="bare", source="nbs", series="highway_length")
    unsaid = {"nbs": figures["nbs"].assign(measure=pd.Categorical(["" for _ in range(len(figures["nbs"]))]))}
    named = make(panel_of(2007, 2012), {"bare": bare}, figures, units)
    series = {"bare": replace(series_of({"bare": bare}, {})["bare"], measure="")}
    result = build(panel_of(2007, 2012), {"bare": bare}, unsaid, series, units, (), "config.yaml")
    for panel, said in ((named, "10^4 km (as published)"), (result, "as published")):
        assert column(panel, "bare")["CN-GZ", 2008] == 12.54
        assert panel.columns.set_index("variable").loc["bare", "measure"] == said
    assert set(result.lineage["measure_from"]) == set(result.lineage["measure_to"]) == {"as published"}


def test_an_aggregate_is_in_no_panel_that_does_not_name_it(figures: dict[str, pd.DataFrame], units: Units) -> None:
    table = figures["nbs"].astype(object)
    nation = table[table["unit"] == "CN-BJ"].assign(unit="CN")
    kinds = {**figures["nbs"].dtypes, "unit": "category"}
    both = {"nbs": pd.concat([table, nation], ignore_index=True).astype(kinds)}
    variables = {"km": leaf("km", "highway_length", "km")}
    assert "CN" not in set(make(panel_of(2010, 2011), variables, both, units).frame["unit"])
    named = make(panel_of(2010, 2011, units=("CN",)), variables, both, units).frame
    assert set(named["unit"]) == {"CN"} and named["km"].notna().all()
