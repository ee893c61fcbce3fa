"""The reconciliation: finds every fault that DATA.md names or sees it declared, finds what is planted in real figures,
and leaves clean series alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ruralpanel.data.adapters import registry
from ruralpanel.data.harmonise import harmonise
from ruralpanel.data.reconcile.findings import CHECKS, Finding, to_frame, undeclared
from ruralpanel.data.reconcile.gate import reconcile
from ruralpanel.data.reconcile.totals import load_control_totals
from ruralpanel.project.corrections import load_corrections
from ruralpanel.project.sidecars import Sidecar, SourceSpec, load_sidecar
from ruralpanel.project.units import load_units

pytestmark = pytest.mark.slow

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
        sources[name] = SourceSpec(name, adapter, str(folder), files, about, about.layout, about.series)
        cells = registry.read(sources[name])
        raw[name], repaired[name] = (
            harmonise(sources[name], cells, units),
            harmonise(sources[name], cells, units, corrections),
        )
    return Shipped(sources, raw, repaired, load_control_totals(DATA / "control_totals.csv"))


@cache
def with_declarations() -> tuple[Finding, ...]:
    data = shipped()
    return reconcile(data.repaired, data.sources, data.totals, aggregates=("CN",))


@cache
def blind() -> tuple[Finding, ...]:
    """The raw figures, with neither corrections nor breaks nor known faults: what the checks see by themselves."""
    data = shipped()
    bare = {
        name: replace(
            source,
            about=Sidecar("", {}, identities=source.described.identities),
            series={key: replace(spec, breaks={}) for key, spec in source.series.items()},
        )
        for name, source in data.sources.items()
    }
    return reconcile(data.raw, bare, data.totals, aggregates=("CN",))


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
    about = shipped().sources[source].described
    entry = about.series[series].breaks.get(year)
    by_break = entry is not None and (not entry.units or unit in entry.units)
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


def test_findings_are_the_same_every_time_and_in_order() -> None:
    data = shipped()
    again = reconcile(data.repaired, data.sources, data.totals, aggregates=("CN",))
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
    source = replace(data.sources[ANNUAL], about=None, series={series: spec})
    return reconcile({ANNUAL: rows}, {ANNUAL: source}), unit, year


@cache
def unspoilt(series: str) -> set[tuple[str, str, int]]:
    """(check, unit, period) of what is found in a series as it is."""
    return {(f.check, f.unit, f.period) for f in single(series)[0]}


@pytest.mark.parametrize("fault", PLANTED)
def test_planted_faults_are_found(fault: str) -> None:
    plant, checks, least = PLANTED[fault]
    found, planted = 0, 0
    for host in HOSTS:
        before = unspoilt(host)
        for seed in range(4):
            after, unit, year = single(host, plant, seed)
            new = [f for f in after if f.check in checks and (f.check, f.unit, f.period) not in before]
            whole = fault in ("a redefinition for all", "another vintage for all", "last year's column again")
            hits = [f for f in new if year - 1 <= f.period <= year + 1 and (whole or f.unit == unit)]
            found += bool(new if fault == "another province's row" else hits)
            planted += 1
    assert found >= least * planted, f"{found} of {planted}"


def test_the_figures_of_an_aggregate_are_in_no_sum_and_are_checked_on_their_own() -> None:
    """Two units that add up to their total; the aggregate stands in the same series and in one of its own."""
    rows = [("x", "A", 2001, 1.0), ("x", "B", 2001, 2.0), ("x", "AB", 2001, 3.0), ("y", "AB", 2001, 3.0)]
    rows += [("y", "AB", year, 3.0) for year in (2002, 2003)] + [("y", "AB", 2004, 30.0)]
    figures = pd.DataFrame(rows, columns=["series", "unit", "period", "value"]).assign(measure="person", correction="")
    source = SourceSpec("s", "table", "f.csv", ("f.csv",), None, {}, {})
    total = pd.DataFrame([{"source": "s", "series": "x", "year": 2001, "national_figure": 3.0, "measure": "person"}])
    total = total.assign(remark="", unassigned=np.inf)
    found = reconcile({"s": figures}, {"s": source}, total, aggregates=("AB",))
    assert [(f.check, f.series, f.unit, f.period) for f in found] == [("jump", "y", "AB", 2004)]
    assert "control_total" in {f.check for f in reconcile({"s": figures}, {"s": source}, total)}
