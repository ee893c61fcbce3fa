"""Panels on real exports: conversion, keys, codebook, coverage, lineage, bytes."""

from __future__ import annotations

import csv
import hashlib
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from panel_of_exports import RAW, STEP, book_of, column, derived, figures, leaf, make, panel_of, series_of, units
from ruralpanel.data.panel import build, write_panel
from ruralpanel.data.series import converted
from ruralpanel.project.breaks import break_problems, evaluation_order, years_read
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import PanelSpec, VariableSpec
from ruralpanel.project.units import Units

__all__ = ["figures", "units"]  # fixtures


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
