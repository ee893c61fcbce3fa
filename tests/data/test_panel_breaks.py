"""Every rule for a break in a series, against a loop over real exports."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from panel_of_exports import (
    ROADS,
    ROADS_BREAK,
    STEP,
    book_of,
    column,
    derived,
    figures,
    leaf,
    make,
    panel_of,
    raw,
    same,
    series_of,
    units,
)
from ruralpanel.data.panel import PanelResult
from ruralpanel.project.breaks import break_problems, crossings
from ruralpanel.project.problems import UserError
from ruralpanel.project.units import Units

__all__ = ["figures", "units"]  # fixtures


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
