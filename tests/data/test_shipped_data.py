"""The shipped data agree with what is declared of them, and hold the figures that they were checked against.

The files are read with the csv module alone, so that no adapter can hide a fault of the data.
"""

from __future__ import annotations

import csv
from functools import cache
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest

from ruralpanel.project.corrections import Correction, load_corrections
from ruralpanel.project.files import sha256_of
from ruralpanel.project.measures import convert_factor, parse
from ruralpanel.project.sidecars import Identity, Sidecar, check_files, load_sidecar
from ruralpanel.project.units import Units, load_units
from ruralpanel.project.yaml import load_document

ROOT = Path(__file__).parents[2]
DATA = ROOT / "data"
SOURCES = ("nbs_annual", "nbs_history", "nbs_yearbook")
EXPORTS = ("nbs_annual", "nbs_history")
Figures = dict[tuple[str, int], float]


@cache
def sidecar(source: str) -> Sidecar:
    found = load_sidecar(DATA / "sources" / f"{source}.yaml")
    assert check_files(found, DATA / "raw" / source) == []
    return found


@cache
def written(source: str) -> dict:
    """The sidecar's keys and values as written."""
    return load_document(DATA / "sources" / f"{source}.yaml").values


@cache
def units() -> Units:
    return load_units(DATA / "units" / "china_provinces.csv")


@cache
def corrections() -> tuple[Correction, ...]:
    return load_corrections(DATA / "corrections.yaml")


@cache
def export(source: str, key: str) -> tuple[str, str, Figures]:
    """Title, measure and figures of one file in the layout of the National Data site."""
    path = DATA / "raw" / source / f"{key}.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    rows = list(csv.reader(lines))
    title, measure = lines[1].removeprefix("指标：").removesuffix(")").rsplit("(", 1)
    start = next(i for i, row in enumerate(rows) if row[:1] == ["地区"])
    years = [int(name.removesuffix("年")) for name in rows[start][1:]]
    figures = {}
    for row in rows[start + 1 :]:
        if len(row) == len(years) + 1:
            unit = units().match(row[0])
            assert unit, row[0]
            figures |= {(unit, year): float(text) for year, text in zip(years, row[1:], strict=True) if text}
    return title, measure, figures


@cache
def table(name: str) -> tuple[dict[str, str], ...]:
    return tuple(csv.DictReader((DATA / "raw" / "nbs_yearbook" / name).read_text(encoding="utf-8").splitlines()))


def places(key: str) -> list[tuple[str, str]]:
    """The (file, column) pairs that the yearbook's sidecar declares for a series."""
    entry = written("nbs_yearbook")["series"][key]
    files = entry.get("files") or [entry["file"]]
    return [(f["file"], f["column"]) if isinstance(f, dict) else (f, entry["column"]) for f in files]


def figures(source: str, key: str) -> Figures:
    if source in EXPORTS:
        return export(source, key)[2]
    found: Figures = {}
    for file, column in places(key):
        for row in table(file):
            unit = units().match(row["region_en"])
            assert unit, row["region_en"]
            if row[column].strip():
                assert (unit, int(row["year"])) not in found
                found[unit, int(row["year"])] = float(row[column])
    return found


def total(source: str, key: str, year: int) -> float:
    return sum(value for (_, y), value in figures(source, key).items() if y == year)


def every_series() -> list[tuple[str, str]]:
    return [(source, key) for source in SOURCES for key in sidecar(source).series]


def test_every_raw_file_is_declared_with_its_hash() -> None:
    present = {p.relative_to(DATA / "raw").as_posix() for p in (DATA / "raw").rglob("*") if p.is_file()}
    declared = {f"{source}/{name}": sha for source in SOURCES for name, sha in sidecar(source).files.items()}
    assert present == set(declared)
    assert len(present) == 96
    for name, sha in declared.items():
        assert sha256_of(DATA / "raw" / name) == sha, name


def test_every_column_of_the_yearbook_tables_belongs_to_one_series() -> None:
    declared = [place for key in sidecar("nbs_yearbook").series for place in places(key)]
    columns = [
        (name, column)
        for name in sidecar("nbs_yearbook").files
        for column in table(name)[0]
        if column not in ("region_en", "year")
    ]
    assert sorted(declared) == sorted(columns)


@pytest.mark.parametrize("source", EXPORTS)
def test_exports_carry_the_declared_title_and_measure(source: str) -> None:
    assert {f"{key}.csv" for key in sidecar(source).series} == set(sidecar(source).files)
    for key, spec in sidecar(source).series.items():
        title, measure, _ = export(source, key)
        assert spec.title_in_file == title
        assert convert_factor(measure, spec.measure) == 1, key


def test_yearbook_columns_carry_the_declared_measure() -> None:
    """The column's ending says the measure; those that say none are counts of the base measure."""
    endings = {
        "_100m_yuan": "10^8 CNY", "_10k_yuan": "10^4 CNY", "_yuan": "CNY/person", "_10k_units": "10^4 enterprise",
        "_10k_tons": "10^4 ton", "_100m_ton_km": "10^8 ton_km", "_pct": "percent", "_permil": "per_mille", "_km": "km",
        "_per_100k": "person/100000 person", "_10k_persons": "10^4 person", "_persons": "person",
        "_manyear": "person_year",
    }  # fmt: skip
    named = 0
    for key, spec in sidecar("nbs_yearbook").series.items():
        for _, column in places(key):
            ending = next((e for e in endings if column.endswith(e)), None)
            if ending:
                named += 1
                assert parse(spec.measure) == parse(endings[ending]), key
    assert named > 100


def test_figures_cover_the_declared_years_and_lie_in_range() -> None:
    for source, key in every_series():
        spec, found = sidecar(source).series[key], figures(source, key)
        assert spec.label, key
        assert spec.label_zh, key
        assert spec.note, key
        parse(spec.measure)
        assert {year for _, year in found} == set(spec.years), key
        low, high = spec.range
        assert all((low is None or low <= v) and (high is None or v <= high) for v in found.values()), key


def test_visible_provinces_are_those_in_the_file() -> None:
    for name, entry in written("nbs_yearbook")["files"].items():
        columns = set(table(name)[0]) - {"region_en", "year"}
        with_figures = {row["region_en"] for row in table(name) if any(row[column] for column in columns)}
        nation = {units().match(name) for name in with_figures} == {"CN"}
        assert nation or len(with_figures) == entry["provinces_visible"], name


def test_breaks_and_faults_name_units_and_years_of_the_series() -> None:
    for source in SOURCES:
        for key, spec in sidecar(source).series.items():
            for year, entry in spec.breaks.items():
                assert min(spec.years) <= year <= max(spec.years), (key, year)
                assert set(entry.units or ()) <= set(units().ids)
            assert set(sidecar(source).series[key].retrospective) <= set(units().ids)
        for fault in sidecar(source).known_faults:
            assert set(fault.units) <= set(units().ids)
            assert set(fault.years) <= set(range(min(sidecar(source).series[fault.series].years), 2025)), fault


@pytest.mark.parametrize(
    ("source", "series", "year", "who"),
    [
        ("nbs_annual", "farm_machinery_power", 2016, ()),
        ("nbs_annual", "highway_length", 2006, ()),
        ("nbs_annual", "household_manufacturing_assets", 2011, ()),
        ("nbs_annual", "household_motor_vehicles", 2011, ()),
        ("nbs_annual", "rural_population", 2006, ("CN-BJ",)),
        ("nbs_annual", "rural_employment", 2006, ("CN-BJ",)),
        ("nbs_annual", "rural_electricity", 2020, ()),
        ("nbs_annual", "rural_electricity", 2013, ("CN-SH",)),
        ("nbs_annual", "rural_electricity", 2018, ("CN-LN",)),
        ("nbs_annual", "science_technical_services_employed", 2013, ()),
        ("nbs_annual", "education_employed", 2019, ()),
        ("nbs_yearbook", "population_yearend", 2005, ()),
        ("nbs_yearbook", "self_employed_rural", 2003, ()),
        ("nbs_yearbook", "freight_tonkm_waterway", 1999, ()),
        ("nbs_history", "highway_length", 2001, ()),
        ("nbs_history", "railway_length", 2001, ()),
        ("nbs_history", "population", 2000, ()),
    ],
)
def test_break_is_declared(source: str, series: str, year: int, who: tuple[str, ...]) -> None:
    assert sidecar(source).series[series].breaks[year].units == (who or None)


# Repairs, identities, control totals


def test_corrections_find_their_bad_values() -> None:
    for correction in corrections():
        found = figures(correction.source, correction.series)
        if correction.unit == "all":
            sum_found = total(correction.source, correction.series, correction.year)
            assert sum_found == pytest.approx(correction.expect_sum, abs=1e-3)
        else:
            assert found[correction.unit, correction.year] == correction.expect


def test_chongqing_is_what_is_taken_off_sichuan() -> None:
    population, compendium = figures("nbs_history", "population"), figures("nbs_history", "population_compendium")
    repairs = {c.year: c for c in corrections() if c.series == "population"}
    assert sorted(repairs) == list(range(1990, 1997))
    repaired = {year: population["CN-SC", year] for year in range(1997, 2000)}
    for year, repair in repairs.items():
        assert (repair.action, repair.value) == ("subtract", population["CN-CQ", year])
        repaired[year] = population["CN-SC", year] - repair.value
        assert abs(repaired[year] / compendium["CN-SC", year] - 1) < 0.025
    assert all(0 < repaired[b] / repaired[a] - 1 < 0.015 for a, b in pairwise(sorted(repaired)))


def test_identities_hold_but_for_the_declared_faults() -> None:
    repaired = {(c.source, c.series, c.unit, c.year): c.value for c in corrections() if c.action == "replace"}
    broken, checked = set(), 0
    for source in SOURCES:
        for identity in sidecar(source).identities:
            sums = isinstance(identity, Identity)
            head, others = (identity.total, identity.parts) if sums else (identity.smaller, [identity.larger])
            parts = [figures(source, key) for key in others]
            for place, value in figures(source, head).items():
                present = [p[place] for p in parts if place in p]
                if len(present) < len(parts) and not (sums and identity.blank == "zero"):
                    continue
                checked += 1
                gap = repaired.get((source, head, *place), value) - sum(present)
                gap = abs(gap) if sums else gap
                if gap > identity.tolerance + 1e-9:
                    broken.add((head, *place))
    assert broken == {
        ("tve_employment_total", "CN-TJ", 1998),
        ("tve_value_added_total", "CN-NM", 1998),
        ("freight_tonkm_total", "CN-TJ", 1999),
    }
    assert all(any(f.covers(*place) for f in sidecar("nbs_yearbook").known_faults) for place in broken)
    assert checked > 7000


def test_control_totals() -> None:
    rows = list(csv.DictReader((DATA / "control_totals.csv").read_text(encoding="utf-8").splitlines()))
    assert list(rows[0]) == ["source", "series", "year", "national_figure", "measure", "remark", "unassigned"]
    assert len({(r["source"], r["series"], r["year"]) for r in rows}) == len(rows) == 146
    for row in rows:
        spec = sidecar(row["source"]).series[row["series"]]
        assert row["measure"] == spec.measure
        gap = float(row["national_figure"]) - total(row["source"], row["series"], int(row["year"]))
        if not row["remark"]:  # rounding of 31 figures and their sum
            assert abs(gap) <= 4, row
        else:
            assert gap > 0, row


# Figures that were checked against other publications


@pytest.mark.parametrize(
    ("source", "series", "unit", "year", "value"),
    [
        ("nbs_annual", "gdp", "CN-GD", 2010, 46013.06),
        ("nbs_annual", "gdp", "CN-SC", 2010, 17185.48),
        ("nbs_annual", "gdp", "CN-GZ", 2010, 4602.16),
        ("nbs_annual", "highway_length", "CN-GZ", 2010, 15.16),
        ("nbs_annual", "highway_length", "CN-GZ", 2008, 12.54),
        ("nbs_annual", "rural_electricity", "CN-SH", 2020, 10.18),
        ("nbs_history", "highway_length", "CN-TJ", 1998, 4335),
        ("nbs_yearbook", "tve_units_total", "CN-SD", 1998, 150.8),
        ("nbs_yearbook", "private_enterprise_employed", "CN-BJ", 2001, 8.8),
        ("nbs_yearbook", "tve_employment_industry", "CN-HE", 1995, 478.0),
        ("nbs_yearbook", "tve_employment_industry", "CN-HE", 1998, 460.1),
        ("nbs_yearbook", "tve_employment_industry", "CN-LN", 1995, 245.8),
        ("nbs_yearbook", "tve_employment_industry", "CN-TJ", 1995, 86.4),
        ("nbs_yearbook", "nation_tve_employment_total", "CN", 1978, 2826.6),
        ("nbs_yearbook", "nation_tve_employment_total", "CN", 1995, 12862.1),
        ("nbs_yearbook", "ex_factory_prices", "CN-XJ", 2000, 129.4),
        ("nbs_yearbook", "ex_factory_prices", "CN-HL", 2000, 122.9),
        ("nbs_yearbook", "gdp_index", "CN-BJ", 1998, 109.8),
        ("nbs_yearbook", "rural_net_income", "CN-BJ", 1985, 775.08),
    ],
)
def test_figure(source: str, series: str, unit: str, year: int, value: float) -> None:
    assert figures(source, series)[unit, year] == value


@pytest.mark.parametrize(
    ("source", "series", "year", "value", "rounded_to"),
    [
        ("nbs_annual", "rural_electricity", 2010, 6632.33, 0.005),
        ("nbs_annual", "farm_machinery_power", 2010, 92780.47, 0.005),
        ("nbs_annual", "rural_population", 2010, 96600, 50),
        ("nbs_annual", "trade_usd", 2005, 142e6, 0.5e6),
        ("nbs_annual", "trade_usd", 2007, 217e6, 0.5e6),
        ("nbs_yearbook", "rural_labour_industry", 2002, 4505.6, 0.2),
        ("nbs_yearbook", "self_employed_rural", 1999, 3826.7, 0.5),
        ("nbs_yearbook", "self_employed_rural", 2003, 2259.6, 0.5),
    ],
)
def test_national_sum(source: str, series: str, year: int, value: float, rounded_to: float) -> None:
    assert total(source, series, year) == pytest.approx(value, abs=rounded_to)


def test_the_nations_own_figures_are_the_control_totals() -> None:
    rows = csv.DictReader((DATA / "control_totals.csv").read_text(encoding="utf-8").splitlines())
    held = {(r["series"], int(r["year"])): float(r["national_figure"]) for r in rows}
    both = [
        (figures("nbs_yearbook", f"nation_{series}")["CN", year], value)
        for (series, year), value in held.items()
        if f"nation_{series}" in sidecar("nbs_yearbook").series
        and ("CN", year) in figures("nbs_yearbook", f"nation_{series}")
    ]
    assert len(both) == 8 + 6 and all(own == value for own, value in both)


def test_ex_factory_prices_of_the_median_province_are_the_nations() -> None:
    """National indices of the same table, previous year = 100."""
    nation = {1997: 99.7, 1998: 95.9, 1999: 97.6, 2000: 102.8, 2001: 98.7, 2002: 97.8, 2003: 102.3}
    prices = figures("nbs_yearbook", "ex_factory_prices")
    assert len({unit for unit, _ in prices}) == 29 and len(prices) == 29 * 7 - 1
    for year, index in nation.items():
        assert median(v for (_, y), v in prices.items() if y == year) == pytest.approx(index, abs=1.15)


def test_rural_manufacturing_by_place() -> None:
    both, urban = (figures("nbs_annual", f"manufacturing_private_self_employed{s}") for s in ("", "_urban"))
    assert len(both) == len(urban) == 31 * 8
    rural = {place: both[place] - urban[place] for place in both}
    assert min(rural.values()) == pytest.approx(0.3)
    for year, millions in ((2012, 21.1), (2019, 29.2)):
        assert sum(v for (_, y), v in rural.items() if y == year) / 100 == pytest.approx(millions, abs=0.05)


def test_population_equals_the_yearbook_from_2005_to_2010() -> None:
    annual, yearbook = figures("nbs_annual", "population"), figures("nbs_yearbook", "population_yearend")
    places = [(unit, year) for unit in units().ids for year in range(2005, 2011)]
    assert all(annual[place] == yearbook[place] for place in places)
    assert any(annual[unit, 2012] != yearbook[unit, 2012] for unit in units().ids)
