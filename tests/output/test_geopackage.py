"""The figures of maps as a GeoPackage: what is drawn is what is written, the same bytes every time."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyogrio
import pytest

from ruralpanel.output.labels import Labels
from ruralpanel.output.maps.boundaries import Boundaries, load_boundaries
from ruralpanel.output.maps.build import NO_CLOCK, write_geopackage
from ruralpanel.output.maps.draw import draw, draw_categories
from ruralpanel.output.maps.sheet import MapPanel, MapRow
from ruralpanel.project.kinds.maps import Variables

CHINA = Path(__file__).parents[2] / "data" / "boundaries" / "china_provinces.geojson"
NAMES = {"CN-GZ": "Guizhou", "CN-XZ": "Tibet"}


@pytest.fixture(scope="module")
def china() -> Boundaries:
    return load_boundaries(CHINA)


@pytest.fixture(scope="module")
def figures(china: Boundaries) -> pd.DataFrame:
    units = [unit for unit in china.shapes if unit not in ("CN-TW", "CN-HK", "CN-MO")]
    index = pd.MultiIndex.from_product([units, [2012, 2019]], names=["unit", "period"])
    frame = pd.DataFrame({"jobs": np.random.default_rng(3).gamma(2, 20, len(index))}, index=index)
    frame.loc["CN-XZ", "jobs"] = np.nan
    return frame.reset_index()


def drawn(figures: pd.DataFrame, china: Boundaries, folder: Path, **spec: Any) -> tuple[MapRow, ...]:
    labels = Labels("en", {"jobs": "Rural manufacturing"}, {"jobs": "person"})
    options = Variables(panel="p", variables=("jobs",), title="Jobs", **spec)
    return draw("jobs", options, figures, labels, china, NAMES, {"svg": folder / "jobs.svg"})


@pytest.mark.parametrize("shared", [True, False])
def test_what_is_drawn_is_read_back(figures: pd.DataFrame, china: Boundaries, tmp_path: Path, shared: bool) -> None:
    rows = drawn(figures, china, tmp_path, classes={"shared": shared})
    file = tmp_path / "jobs.gpkg"
    write_geopackage(file, rows, china, NAMES)
    layers = [str(name) for name, _ in pyogrio.list_layers(file)]
    assert layers == ["1 Rural manufacturing, 2012", "2 Rural manufacturing, 2019"]
    (row,) = rows
    for layer, panel, year in zip(layers, row.panels, (2012, 2019), strict=True):
        read = pyogrio.read_dataframe(file, layer=layer).set_index("id")
        assert read.crs == "EPSG:4326" and set(read.index) == set(china.shapes) and read.geometry.is_valid.all()
        assert read.geometry.geom_equals(china.polygons.set_index("id").geometry).all()
        figure = figures[figures["period"] == year].set_index("unit")["jobs"]
        pd.testing.assert_series_equal(read.loc[figure.index, "value"], figure, check_names=False)
        legend = {entry.label: entry.fill for entry in panel.legend or row.legend}
        for unit, fill in panel.fills.items():  # the class's colour is the one that is drawn
            assert legend[read.loc[unit, "class"]] == fill
        assert read.loc["CN-GZ", "name"] == "Guizhou" and np.isnan(read.loc["CN-XZ", "value"])
        assert read.loc["CN-XZ", "class"] == "No data" and read.loc["CN-TW", "class"] == "Outside the sample"


def test_the_same_figures_give_the_same_bytes(figures: pd.DataFrame, china: Boundaries, tmp_path: Path) -> None:
    rows = drawn(figures, china, tmp_path)
    write_geopackage(tmp_path / "one.gpkg", rows, china, NAMES)
    time.sleep(1.1)  # the format knows seconds
    write_geopackage(tmp_path / "two.gpkg", rows, china, NAMES)
    assert (tmp_path / "one.gpkg").read_bytes() == (tmp_path / "two.gpkg").read_bytes()
    with sqlite3.connect(tmp_path / "one.gpkg") as base:
        changed = {str(stamp) for (stamp,) in base.execute("select last_change from gpkg_contents")}
    assert {stamp[:19] for stamp in changed} == {NO_CLOCK[:19]}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["jobs.svg", "one.gpkg", "two.gpkg"]


def test_classes_without_figures_and_names_that_no_layer_could_bear(china: Boundaries, tmp_path: Path) -> None:
    kinds = {"2012–2015": {"CN-GZ": "both", "CN-XZ": ""}}
    rows = draw_categories("k", 'A "kind"', kinds, ["both", "one"], china, {}, {"svg": tmp_path / "k.svg"})
    write_geopackage(tmp_path / "k.gpkg", rows, china, NAMES)
    ((layer, _),) = pyogrio.list_layers(tmp_path / "k.gpkg")
    read = pyogrio.read_dataframe(tmp_path / "k.gpkg", layer=layer).set_index("id")
    assert layer == "1 A ”kind”, 2012–2015" and read.loc["CN-GZ", "class"] == "both" and read["value"].isna().all()
    long = MapRow("工业" * 60, "", (MapPanel("2012", {}),))
    write_geopackage(tmp_path / "k.gpkg", [long], china, {})  # over an older file
    ((layer, _),) = pyogrio.list_layers(tmp_path / "k.gpkg")
    assert len(layer) == 60 and layer.endswith("工…, 2012")
