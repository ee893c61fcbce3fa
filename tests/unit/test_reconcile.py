"""The reconciliation: finds every fault that DATA.md names or sees it declared, finds what is planted in real figures,
and leaves clean series alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ruralpanel.adapters import registry
from ruralpanel.contracts.corrections import load_corrections
from ruralpanel.contracts.problems import UserError
from ruralpanel.contracts.sidecar import load_sidecar, sidecar_from
from ruralpanel.contracts.specs import SeriesSpec, SourceSpec
from ruralpanel.contracts.units import load_units
from ruralpanel.harmonise import harmonise
from ruralpanel.reconcile.finding import CHECKS, Finding, to_frame, undeclared
from ruralpanel.reconcile.gate import reconcile
from ruralpanel.reconcile.matrix import Matrix, resolution
from ruralpanel.reconcile.robust import midmean
from ruralpanel.reconcile.totals import load_control_totals

DATA = Path(__file__).parents[2] / "data"
ADAPTERS = {"nbs_annual": "nbs_export", "nbs_history": "nbs_export", "nbs_yearbook": "table"}
ANNUAL, HISTORY, YEARBOOK = "nbs_annual", "nbs_history", "nbs_yearbook"


@dataclass(frozen=True)
class Shipped:
    sources: Mapping[str, SourceSpec]
    raw: Mapping[str, pd.DataFrame]
    repaired: Mapping[str, pd.DataFrame]
    totals: pd.DataFrame


@cache
def shipped() -> Shipped:
    units = load_units(DATA / "units" / "china_provinces.csv")
    corrections = load_corrections(DATA / "corrections.yaml")
    sources, raw, repaired = {}, {}, {}
    for name, adapter in ADAPTERS.items():
        folder = DATA / "raw" / name
        about = load_sidecar(DATA / "sources" / f"{name}.yaml")
        files = tuple(str(file) for file in sorted(folder.iterdir()) if file.name in about.files)
        sources[name] = SourceSpec(name, adapter, str(folder), files, about.document, about.layout, about.series)
        cells = registry.read(sources[name])
        raw[name], repaired[name] = (
            harmonise(sources[name], cells, units),
            harmonise(sources[name], cells, units, corrections),
        )
    return Shipped(sources, raw, repaired, load_control_totals(DATA / "control_totals.csv"))


@cache
def with_declarations() -> tuple[Finding, ...]:
    data = shipped()
    return reconcile(data.repaired, data.sources, data.totals)


@cache
def blind() -> tuple[Finding, ...]:
    """The raw figures, with neither corrections nor breaks nor known faults: what the checks see by themselves."""
    data = shipped()
    bare = {
        name: replace(
            source,
            about={"identities": (source.about or {}).get("identities")},
            series={key: replace(spec, breaks={}) for key, spec in source.series.items()},
        )
        for name, source in data.sources.items()
    }
    return reconcile(data.raw, bare, data.totals)


def at(findings: tuple[Finding, ...], source: str, series: str, unit: str, year: int) -> list[Finding]:
    """Findings of a figure, or of a change into or out of it."""
    name = f"{source}.{series}"
    return [
        f
        for f in findings
        if f.unit == unit and year in (f.period, f.since) and (name == f"{f.source}.{f.series}" or name in f.involved)
    ]


def province(code: str) -> str:
    return f"CN-{code}" if code else ""


# Every fault that DATA.md names. `seen`: the checks find it without being told; the others must be declared.
REGISTER = ("private_enterprise_rural", "self_employed_rural", "manufacturing_private_self_employed")
FAULTS: list[tuple[str, str, str, int, bool]] = [
    (ANNUAL, "farm_machinery_power", "", 2016, True),
    (ANNUAL, "farm_machinery_power", "SX", 2016, True),
    (ANNUAL, "farm_machinery_power", "HE", 2016, False),
    (ANNUAL, "farm_machinery_power", "JX", 2013, True),
    (ANNUAL, "farm_machinery_power", "TJ", 2018, True),
    (ANNUAL, "highway_length", "", 2006, True),
    (ANNUAL, "household_manufacturing_assets", "", 2011, True),
    (ANNUAL, "household_productive_assets", "", 2011, True),
    (ANNUAL, "household_transport_assets", "", 2011, True),
    (ANNUAL, "household_motor_vehicles", "", 2011, True),
    (ANNUAL, "rural_population", "BJ", 2006, True),
    (ANNUAL, "rural_employment", "BJ", 2006, True),
    (ANNUAL, "rural_electricity", "", 2020, True),
    (ANNUAL, "rural_electricity", "SH", 2013, True),
    (ANNUAL, "rural_electricity", "SH", 2020, True),
    (ANNUAL, "rural_electricity", "TJ", 2014, False),
    (ANNUAL, "rural_electricity", "TJ", 2017, True),
    (ANNUAL, "rural_electricity", "LN", 2018, True),
    (ANNUAL, "rural_electricity", "LN", 2019, True),
    (ANNUAL, "trade_usd", "", 2006, True),
    (ANNUAL, "trade_usd", "CQ", 2006, True),
    (ANNUAL, "population", "", 2010, True),
    (ANNUAL, "population", "", 2011, True),
    (ANNUAL, "urban_units_employed", "", 2013, True),
    (ANNUAL, "manufacturing_urban_units_employed", "", 2013, True),
    (ANNUAL, "information_services_employed", "", 2013, True),
    (ANNUAL, "science_technical_services_employed", "", 2013, False),
    (ANNUAL, "education_employed", "", 2019, True),
    *((ANNUAL, "science_technical_services_employed", u, 2019, False) for u in ("JS", "GD", "SH")),
    (ANNUAL, "expressway_length", "XZ", 2006, False),
    *((ANNUAL, key, u, 2013, False) for u in ("HI", "NM", "XJ", "HE", "HB") for key in REGISTER),
    *((ANNUAL, key, u, 2014, False) for u in ("HI", "NM", "XJ", "HE") for key in REGISTER),
    *((ANNUAL, key, u, 2015, False) for u in ("YN", "HL", "SN") for key in REGISTER),
    *((ANNUAL, key, "TJ", 2018, False) for key in REGISTER),
    *((ANNUAL, "private_enterprise_rural", u, 2013, True) for u in ("NM", "XJ", "HB")),
    *((ANNUAL, "private_enterprise_rural", u, 2015, True) for u in ("YN", "HL", "SN")),
    (ANNUAL, "manufacturing_private_self_employed", "HI", 2013, True),
    (ANNUAL, "self_employed_rural", "HE", 2013, True),
    (ANNUAL, "self_employed_rural", "TJ", 2018, True),
    (ANNUAL, "manufacturing_private_self_employed", "XZ", 2016, False),
    (YEARBOOK, "tve_units_total", "SD", 1998, True),
    (YEARBOOK, "tve_employment_total", "TJ", 1998, True),
    (YEARBOOK, "tve_value_added_total", "NM", 1998, True),
    (YEARBOOK, "self_employed_rural", "", 2003, True),
    (YEARBOOK, "private_enterprise_employed", "BJ", 2001, True),
    (YEARBOOK, "private_enterprise_rural_employed", "TJ", 2008, True),
    (YEARBOOK, "freight_traffic_highway", "", 2008, True),
    (YEARBOOK, "freight_tonkm_waterway", "", 1998, True),
    (YEARBOOK, "freight_traffic_waterway", "", 1998, False),
    (HISTORY, "population", "SC", 1996, True),
    (HISTORY, "population", "GD", 2000, True),
    (HISTORY, "population", "", 2000, True),
    (HISTORY, "gdp", "BJ", 2002, True),
    (HISTORY, "gdp", "BJ", 2001, True),
    (HISTORY, "secondary_value_added", "AH", 1997, True),
    (HISTORY, "industrial_value_added", "AH", 1997, True),
    (HISTORY, "secondary_value_added", "AH", 2001, False),
    *((HISTORY, "secondary_value_added", "HI", year, False) for year in (1992, 1993, 1994, 1995)),
    *((HISTORY, "secondary_value_added", "XZ", year, False) for year in (1995, 1996, 1997)),
    (HISTORY, "industrial_value_added", "XZ", 1997, True),
    (HISTORY, "industrial_value_added", "HI", 2001, False),
    (HISTORY, "highway_length", "", 2001, True),
    (HISTORY, "highway_length", "JS", 2001, True),
    (HISTORY, "highway_length", "XJ", 2001, True),
    (HISTORY, "highway_length", "TJ", 1998, True),
    (HISTORY, "railway_length", "", 2001, True),
]


@pytest.mark.parametrize(("source", "series", "code", "year", "seen"), FAULTS)
def test_every_named_fault_is_found_or_declared(source: str, series: str, code: str, year: int, seen: bool) -> None:
    unit = province(code)
    if seen:
        assert at(blind(), source, series, unit, year)
    about = sidecar_from(shipped().sources[source].about or {})
    entry = about.series[series].breaks.get(year)
    by_break = entry is not None and (not entry.get("units") or unit in entry["units"])
    by_fault = any(
        fault.covers(series, unit, year) or (not unit and year in fault.years and fault.series == series)
        for fault in about.known_faults
    )
    repairs = load_corrections(DATA / "corrections.yaml")
    by_repair = any((c.source, c.series, c.year) == (source, series, year) for c in repairs if c.unit in (unit, "all"))
    assert seen or by_break or by_fault or by_repair
    left = [f for f in at(with_declarations(), source, series, unit, year) if f.period == year and not f.declared]
    assert not left, "a fault that DATA.md names is not declared"


def test_clean_series_raise_few_alarms() -> None:
    """Series that DATA.md doubts least: at most two undeclared findings in a thousand figures."""
    clean = ("gdp", "gdp_revised", "agricultural_gross_output", "secondary_share", "fixed_asset_investment")
    clean += ("public_technical_staff", "rural_households", "rural_farm_employment", "tax_revenue")
    frame = shipped().repaired[ANNUAL]
    count = int(frame.loc[frame["series"].isin(clean), "value"].notna().sum())
    alarms = [f for f in undeclared(with_declarations()) if f.source == ANNUAL and f.series in clean]
    assert count > 3800
    assert len(alarms) <= 2 * count / 1000, alarms


def test_all_shipped_figures_raise_few_undeclared_findings() -> None:
    count = sum(int(frame["value"].notna().sum()) for frame in shipped().repaired.values())
    assert count > 26_000
    assert len(undeclared(with_declarations())) < 5 * count / 1000


def test_pure_noise_raises_hardly_any_alarm() -> None:
    """Log random walks of 200 units over 20 years: less than one finding in ten thousand figures."""
    rng = np.random.default_rng(20120126)
    walks = 5 + rng.normal(0, 1, (200, 1)) + np.cumsum(0.05 + 0.03 * rng.standard_normal((200, 20)), axis=1)
    findings = run({"x": np.round(np.exp(walks), 2)})
    assert len(findings) < 200 * 20 / 10_000 + 1, findings


def test_findings_are_the_same_every_time_and_in_order() -> None:
    data = shipped()
    again = reconcile(data.repaired, data.sources, data.totals)
    assert again == with_declarations()
    keys = [(f.source, f.series, CHECKS.index(f.check), f.period, f.unit) for f in again]
    assert keys == sorted(keys)


def test_a_table_of_findings() -> None:
    frame = to_frame(with_declarations())
    assert list(frame.columns)[:8] == ["check", "source", "series", "unit", "period", "value", "expected", "size"]
    assert frame["size"].notna().all()
    assert (frame["declared_by"] != "").equals(frame["declared"])
    assert to_frame(()).empty


# Planting faults in real figures

Plant = Callable[[pd.DataFrame, str, int, np.random.Generator], None]


def times(factor: float) -> Plant:
    def plant(wide: pd.DataFrame, unit: str, year: int, _: np.random.Generator) -> None:
        wide.loc[unit, year] *= factor

    return plant


def from_year_on(factor: float) -> Plant:
    def plant(wide: pd.DataFrame, unit: str, year: int, _: np.random.Generator) -> None:
        wide.loc[unit, wide.columns >= year] *= factor

    return plant


def all_from_year_on(factor: float) -> Plant:
    def plant(wide: pd.DataFrame, unit: str, year: int, _: np.random.Generator) -> None:
        wide.loc[:, wide.columns >= year] *= factor

    return plant


def another_vintage(wide: pd.DataFrame, unit: str, year: int, rng: np.random.Generator) -> None:
    revision = np.exp(rng.normal(0, 0.15, len(wide)))
    wide.loc[:, wide.columns >= year] = wide.loc[:, wide.columns >= year].mul(revision, axis=0)


def copied_year(wide: pd.DataFrame, unit: str, year: int, _: np.random.Generator) -> None:
    wide[year] = wide[year - 1]


def repeated(wide: pd.DataFrame, unit: str, year: int, _: np.random.Generator) -> None:
    wide.loc[unit, [year - 1, year, year + 1]] = wide.loc[unit, year - 1]


def copied_row(wide: pd.DataFrame, unit: str, year: int, _: np.random.Generator) -> None:
    wide.loc[next(u for u in wide.index if u != unit)] = wide.loc[unit]


def swapped(wide: pd.DataFrame, unit: str, year: int, rng: np.random.Generator) -> None:
    """With a province of at least half as much again or less."""
    others = [u for u in wide.index if abs(np.log(wide.loc[u, year] / wide.loc[unit, year])) > 0.4]
    other = rng.choice(others)
    wide.loc[[unit, other], year] = wide.loc[[other, unit], year].to_numpy()


PLANTED: dict[str, tuple[Plant, set[str], float]] = {
    "a digit too many": (times(10), {"spike", "jump"}, 1.0),
    "a digit too few": (times(0.1), {"spike", "jump"}, 1.0),
    "doubled once": (times(2), {"spike", "jump"}, 0.95),
    "a third too much once": (times(1.35), {"spike", "jump"}, 0.75),
    "another measure from a year on": (from_year_on(10_000), {"jump", "spike"}, 1.0),
    "doubled from a year on": (from_year_on(2), {"jump", "spike"}, 0.9),
    "a redefinition for all": (all_from_year_on(1.3), {"common_jump"}, 0.9),
    "another vintage for all": (another_vintage, {"spread", "common_jump"}, 0.85),
    "last year's column again": (copied_year, {"repeated_year"}, 0.95),
    "three times the same figure": (repeated, {"repeat"}, 0.95),
    "another province's row": (copied_row, {"repeated_unit"}, 1.0),
    "two provinces swapped": (swapped, {"spike", "jump"}, 0.95),
}
HOSTS = ("gdp", "population", "urbanisation_rate", "agricultural_gross_output", "rural_population", "irrigated_area")
HOSTS += ("public_technical_staff", "secondary_share", "rural_households", "fixed_asset_investment")


def single(series: str, plant: Plant | None = None, seed: int = 0) -> tuple[tuple[Finding, ...], str, int]:
    """Findings of one shipped series alone, with a fault planted at a place drawn by `seed`."""
    data = shipped()
    rng = np.random.default_rng(seed)
    frame = data.repaired[ANNUAL]
    rows = frame[frame["series"] == series].copy()
    wide = rows.pivot(index="unit", columns="period", values="value").astype(float)
    wide.index = wide.index.astype("str")
    unit, year = str(rng.choice(wide.index)), int(rng.choice(wide.columns[2:-2]))
    if plant:
        plant(wide, unit, year, rng)
    rows["value"] = [wide.loc[str(u), p] for u, p in zip(rows["unit"], rows["period"], strict=True)]
    spec = replace(data.sources[ANNUAL].series[series], breaks={})
    source = replace(data.sources[ANNUAL], about={}, series={series: spec})
    return reconcile({ANNUAL: rows}, {ANNUAL: source}), unit, year


@pytest.mark.parametrize("fault", PLANTED)
def test_planted_faults_are_found(fault: str) -> None:
    plant, checks, least = PLANTED[fault]
    found, planted = 0, 0
    for host in HOSTS:
        before = {(f.check, f.unit, f.period) for f in single(host)[0]}
        for seed in range(4):
            after, unit, year = single(host, plant, seed)
            new = [f for f in after if f.check in checks and (f.check, f.unit, f.period) not in before]
            whole = fault in ("a redefinition for all", "another vintage for all", "last year's column again")
            hits = [f for f in new if year - 1 <= f.period <= year + 1 and (whole or f.unit == unit)]
            found += bool(new if fault == "another province's row" else hits)
            planted += 1
    assert found >= least * planted, f"{found} of {planted}"


# Made figures, for the checks that need relations


def table(values: np.ndarray, series: str, source: str = "s", first: int = 2000) -> pd.DataFrame:
    units, periods = values.shape
    return pd.DataFrame(
        {
            "source": source,
            "series": series,
            "unit": np.repeat([f"U{i:03d}" for i in range(units)], periods),
            "period": np.tile(np.arange(first, first + periods), units),
            "value": values.ravel(),
            "measure": "person",
            "correction": "",
        }
    )


def run(
    series: Mapping[str, np.ndarray],
    about: Mapping[str, Any] | None = None,
    specs: Mapping[str, SeriesSpec] | None = None,
    totals: pd.DataFrame | None = None,
    checks: Mapping[str, Any] | None = None,
) -> tuple[Finding, ...]:
    frame = pd.concat([table(values, key) for key, values in series.items()])
    declared = {key: SeriesSpec(key, "person") for key in series} | dict(specs or {})
    source = SourceSpec("s", "table", "", (), about or {}, {}, declared)
    return reconcile({"s": frame}, {"s": source}, totals, checks)


def smooth(units: int = 20, periods: int = 12, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    level = rng.normal(6, 0.7, (units, 1)) + 0.04 * np.arange(periods) + rng.normal(0, 0.01, (units, periods))
    return np.round(np.exp(level), 1)


def kinds(findings: tuple[Finding, ...]) -> list[tuple[str, str, str, int]]:
    return [(f.check, f.series, f.unit, f.period) for f in findings]


def test_parts_and_totals() -> None:
    a, b = smooth(seed=1), smooth(seed=2)
    relation = {"identities": [{"total": "t", "parts": ["a", "b"], "tolerance": 0.15}]}
    assert run({"a": a, "b": b, "t": a + b}, relation) == ()
    wrong = a + b
    wrong[3, 4] += 0.2
    (found,) = run({"a": a, "b": b, "t": wrong}, relation)
    assert (found.check, found.unit, found.period, found.involved) == ("identity", "U003", 2004, ("s.a", "s.b"))
    assert found.expected == pytest.approx(a[3, 4] + b[3, 4])
    assert run({"a": a, "b": b, "t": np.where(wrong == wrong[3, 4], np.nan, wrong)}, relation) == ()


def test_blank_parts_are_skipped_or_nothing() -> None:
    a, b = smooth(seed=1), smooth(seed=2)
    total = a + b
    b[5] = np.nan
    relation = {"total": "t", "parts": ["a", "b"]}
    assert run({"a": a, "b": b, "t": total}, {"identities": [relation]}) == ()
    found = run({"a": a, "b": b, "t": total}, {"identities": [{**relation, "blank": "zero"}]})
    assert {f.unit for f in found} == {"U005"}
    assert len(found) == 12


def test_smaller_and_larger() -> None:
    a = smooth()
    b = a * 1.5
    b[2, 3] = a[2, 3] - 1
    found = run({"a": a, "b": b}, {"identities": [{"smaller": "a", "larger": "b", "tolerance": 0.5}]})
    assert ("bound", "a", "U002", 2003) in kinds(found)
    assert next(f for f in found if f.check == "bound").involved == ("s.b",)


def test_ranges() -> None:
    share = np.round(np.clip(smooth() / 20, 0, 95), 1)
    share[1, 1] = 120.0
    spec = {"a": SeriesSpec("a", "percent", range=(0, 100))}
    assert ("range", "a", "U001", 2001) in kinds(run({"a": share}, specs=spec))


def test_an_outlier_in_a_single_year() -> None:
    rng = np.random.default_rng(4)
    size = rng.normal(6, 1.2, 31)
    one, other = (np.round(np.exp(size + rng.normal(0, 0.15, 31)), 1)[:, None] for _ in range(2))
    assert run({"a": one, "b": other}) == ()
    one[7] *= 10
    found = run({"a": one, "b": other})
    assert ("outlier", "a", "U007", 2000) in kinds(found)
    assert {f.unit for f in found} == {"U007"}


def totals_of(rows: list[tuple[str, int, float, str, float]]) -> pd.DataFrame:
    columns = ["series", "year", "national_figure", "remark", "unassigned"]
    return pd.DataFrame(rows, columns=columns).assign(source="s", measure="person")


def test_control_totals() -> None:
    a = smooth()
    total = float(a[:, 3].sum())
    assert run({"a": a}, totals=totals_of([("a", 2003, round(total) + 0.4, "", np.inf)])) == ()
    (short,) = run({"a": a}, totals=totals_of([("a", 2003, total + 100, "", np.inf)]))
    assert (short.check, short.unit, short.period, short.declared) == ("control_total", "", 2003, False)
    assert short.size == pytest.approx(-100 / (total + 100))
    (stated,) = run({"a": a}, totals=totals_of([("a", 2003, total + 100, "the military", np.inf)]))
    assert (stated.declared, stated.declared_by) == (True, "control total: the military")
    (too_much,) = run({"a": a}, totals=totals_of([("a", 2003, total + 100, "the military", 30.0)]))
    assert not too_much.declared
    (beyond,) = run({"a": a}, totals=totals_of([("a", 2003, total - 100, "the military", np.inf)]))
    assert not beyond.declared


def test_a_national_figure_bounds_the_missing() -> None:
    a, b = smooth(), smooth(seed=2)
    total = float(a[:, 3].sum())
    a[np.argsort(a[:, 3])[10], 3] = np.nan  # neither large nor small
    assert run({"a": a, "b": b}, totals=totals_of([("a", 2003, total, "", np.inf)])) == ()
    present = float(np.nansum(a[:, 3]))
    for wrong in (present - 50, present + 2 * float(np.nanmax(a[:, 3]))):
        (found,) = run({"a": a, "b": b}, totals=totals_of([("a", 2003, wrong, "", np.inf)]))
        assert "1 units without a figure" in found.note


def test_totals_in_another_measure() -> None:
    a = smooth()
    rows = totals_of([("a", 2003, float(a[:, 3].sum()) / 10_000, "", np.inf)]).assign(measure="10^4 person")
    assert run({"a": a}, totals=rows) == ()


def test_reading_control_totals(tmp_path: Path) -> None:
    path = tmp_path / "totals.csv"
    path.write_text("source,series,year,national_figure,unassigned\ns,a,x,1,\ns,a,2003,much,\ns,b,1,1,y\ns,b,1,1,\n")
    with pytest.raises(UserError) as caught:
        load_control_totals(path, "totals.csv")
    found = [str(p) for p in caught.value.problems]
    assert [f.split(": found")[0] for f in found] == [
        "totals.csv: row 2, column year",
        "totals.csv: row 3, column national_figure",
        "totals.csv: row 4, column unassigned",
        "totals.csv: row 5",
    ]
    path.write_text("source,series,jahr\n")
    with pytest.raises(UserError, match="no column year"):
        load_control_totals(path)


def two_sources(first: np.ndarray, second: np.ndarray, **fields: Any) -> tuple[Finding, ...]:
    specs = {"s": SeriesSpec("a", "person", **fields), "other": SeriesSpec("b", "10^4 person", label_zh="总人口")}
    frames = {"s": table(first, "a"), "other": table(second, "b", "other")}
    sources = {n: SourceSpec(n, "table", "", (), {}, {}, {spec.key: spec}) for n, spec in specs.items()}
    return tuple(f for f in reconcile(frames, sources) if f.check == "other_source")


@pytest.mark.parametrize("fields", [{"same_as": ("other.b",)}, {"title_in_file": "总 人口"}])
def test_two_sources_of_the_same_figure(fields: dict[str, Any]) -> None:
    a = np.round(smooth() * 1000)
    same = np.round(a / 10_000, 4)
    assert two_sources(a, same, **fields) == ()
    same[3, 5] *= 1.02
    (found,) = two_sources(a, same, **fields)
    assert (found.unit, found.period, found.involved) == ("U003", 2005, ("other.b",))
    assert found.size == pytest.approx(-np.log(1.02), abs=1e-6)
    same[:, 8:] *= 1.01
    found_all = [f for f in two_sources(a, same, **fields) if not f.unit]
    assert [f.period for f in found_all] == [2008, 2009, 2010, 2011]
    assert "20 of 20 units differ" in found_all[0].note
    assert two_sources(a, same) == ()  # neither declared nor of one name


# What is declared

STEP = {"known_faults": [{"series": "a", "units": ["U003"], "years": [2006], "what": "a step", "reason": "r"}]}


def stepped(first: int = 6) -> np.ndarray:
    values = smooth()
    values[3, first:] *= 3
    return values


def test_a_known_fault_declares_its_unit_and_years_alone() -> None:
    (found,) = run({"a": stepped()}, STEP)
    assert (found.check, found.unit, found.period) == ("jump", "U003", 2006)
    assert (found.declared, found.declared_by) == (True, "known fault: a step")
    assert not run({"a": stepped(8)}, STEP)[0].declared
    other = smooth()
    other[4, 6:] *= 3
    assert not run({"a": other}, STEP)[0].declared


def test_a_fault_of_one_year_declares_the_way_back_too() -> None:
    plateau = smooth()
    plateau[3, 6:8] *= 3
    fault = {**STEP["known_faults"][0], "years": [2006, 2007]}
    found = run({"a": plateau}, {"known_faults": [fault]})
    assert [(f.period, f.declared) for f in found] == [(2006, True), (2008, True)]


def test_breaks_declare_changes_into_their_year() -> None:
    def jump(breaks: dict[int, dict[str, Any]], values: np.ndarray) -> list[bool]:
        return [f.declared for f in run({"a": values}, specs={"a": SeriesSpec("a", "person", breaks=breaks)})]

    assert jump({2006: {"what": "w"}}, stepped()) == [True]
    assert jump({2006: {"what": "w", "units": ("U003",)}}, stepped()) == [True]
    assert jump({2006: {"what": "w", "units": ("U004",)}}, stepped()) == [False]
    assert jump({2007: {"what": "w"}}, stepped()) == [False]
    everywhere = smooth()
    everywhere[:, 6:] *= 1.3
    assert jump({2006: {"what": "w"}}, everywhere) == [True]
    assert jump({2006: {"what": "w", "units": ("U003",)}}, everywhere) == [False]


def test_a_correction_declares_a_change_at_its_figure() -> None:
    values = stepped()
    frame = table(values, "a")
    frame.loc[(frame["unit"] == "U003") & (frame["period"] == 2006), "correction"] = "replaced"
    source = SourceSpec("s", "table", "", (), {}, {}, {"a": SeriesSpec("a", "person")})
    (found,) = reconcile({"s": frame}, {"s": source})
    assert (found.declared, found.declared_by) == (True, "correction")


def test_settings() -> None:
    noisy = np.exp(np.random.default_rng(0).normal(5, 0.05, (20, 12)))
    noisy[3, 6:] *= 1.8
    assert [f.check for f in run({"a": noisy})] == ["jump"]
    assert run({"a": noisy}, checks={"jump": 5.0}) == ()
    values = smooth()
    values[3, 5:8] = values[3, 5]
    assert ("repeat", "a", "U003", 2007) in kinds(run({"a": values}))
    assert "repeat" not in {f.check for f in run({"a": values}, checks={"repeat": 4})}


# Pieces


def test_resolution() -> None:
    assert resolution(np.array([1.5, 2.25])) == pytest.approx(0.01)
    assert resolution(np.array([1200.0, 3400.0, np.nan, 0.0])) == 100
    assert resolution(np.array([46013.06, 0.1 + 0.2])) == pytest.approx(0.01)
    assert resolution(np.array([np.nan])) == 1


def test_midmean_is_the_mean_of_the_middle_half() -> None:
    values = np.array([[1.0, np.nan], [2.0, 5.0], [3.0, 7.0], [1000.0, np.nan]])
    assert midmean(values).tolist() == [2.5, 6.0]


def test_coarse_figures_are_not_blamed_for_rounding() -> None:
    """Figures of a few printed steps double by rounding alone."""
    fine = 0.04 * np.exp(0.06 * np.arange(14))[None, :] * np.random.default_rng(5).uniform(0.9, 3, (31, 1))
    assert [f for f in run({"a": np.round(fine, 2)}) if f.unit] == []


def test_a_single_unit_and_a_single_year_do_not_break_the_checks() -> None:
    assert run({"a": smooth(1, 12)}) == ()
    assert run({"a": smooth(20, 1)}) == ()
    assert run({"a": np.full((3, 3), np.nan)}) == ()
    assert run({"a": np.zeros((6, 6))}) == ()
    assert isinstance(run({"a": np.random.default_rng(1).normal(0, 1, (20, 8))}), tuple)


def test_alignment() -> None:
    spec = SeriesSpec("a", "")
    none = np.zeros((2, 2), dtype=bool)
    one = Matrix("s", spec, ("A", "B"), (1, 2), np.array([[1.0, 2.0], [3.0, 4.0]]), none, 1)
    two = Matrix("s", spec, ("B", "C"), (2, 3), np.zeros((2, 2)), none, 1)
    assert np.array_equal(one.aligned(two), [[4.0, np.nan], [np.nan, np.nan]], equal_nan=True)
