"""Panels built on real exports, read without the project's adapters."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ruralpanel.data.figures import COLUMNS
from ruralpanel.data.panel import PanelResult, build
from ruralpanel.output.codebook import codebook
from ruralpanel.project.settings import PanelSpec, SeriesSpec, VariableSpec
from ruralpanel.project.units import Units, load_units

ROOT = Path(__file__).parents[1]
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


ROADS = {
    "roads": "log(highway_km / land_area_km2)",
    "lagged": "lag(roads)",
    "growth": "diff(roads)",
    "start": "value_at(roads, 2005)",
}
