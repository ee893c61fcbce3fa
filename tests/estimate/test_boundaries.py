"""Boundaries as they come: mended, or refused in words; never an error of the libraries."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pytest
import shapely

from ruralpanel.estimate.places.geography import Geography, place_problems, read_frame, read_polygons, unplaced_problems
from ruralpanel.output.maps.boundaries import load_boundaries
from ruralpanel.project.problems import UserError
from ruralpanel.project.reads import projection_problems
from ruralpanel.project.sections.data import weights_matrices
from ruralpanel.project.units import Units, load_units

CORNERS = {"A": (105, 25), "B": (107, 25), "C": (105, 27), "D": (107, 27)}


def square(west: float, south: float) -> shapely.Polygon:
    return shapely.box(west, south, west + 2, south + 2)


def feature(identifier: Any, geometry: Any) -> dict[str, Any]:
    shape = None if geometry is None else json.loads(shapely.to_geojson(geometry))
    return {"type": "Feature", "properties": {"id": identifier}, "geometry": shape}


def written(folder: Path, changed: dict[str, Any], ids: dict[str, Any] | None = None) -> Path:
    """Four squares, of which some are drawn otherwise."""
    shapes = {name: square(*corner) for name, corner in CORNERS.items()} | changed
    features = [feature((ids or {}).get(name, name), shape) for name, shape in shapes.items()]
    path = folder / "b.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return path


@pytest.fixture
def units(tmp_path: Path) -> Units:
    path = tmp_path / "units.csv"
    path.write_text("id,name,code\nA,Aland,01\nB,Bland,02\nC,Cland,03\nD,Dland,04\n", encoding="utf-8")
    return load_units(path)


BOW_TIE = shapely.Polygon([(107, 27), (109, 29), (109, 27), (107, 29)])
"""Two triangles that meet in (108, 28): of the four unit triangles of the square two, so 2 of its area of 4."""


@pytest.mark.parametrize(
    ("shape", "area"),
    [
        (BOW_TIE, 2.0),
        (shapely.force_3d(square(107, 27), 500.0), 4.0),
        (shapely.GeometryCollection([square(107, 27), shapely.Point(1, 1), shapely.LineString([(0, 0), (1, 1)])]), 4.0),
        (shapely.GeometryCollection([shapely.GeometryCollection([square(107, 27)]), BOW_TIE]), 4.0),
        (shapely.MultiPolygon([square(107, 27), square(108, 27)]), 6.0),
        (shapely.Polygon([(107, 27), (109, 27), (109, 29), (107, 29), (107, 27), (107, 29)]), 4.0),
        (shapely.Polygon(square(107, 27).exterior, [shapely.box(108, 28, 110, 29).exterior]), 3.0),
    ],
)
def test_shapes_that_can_be_mended_are(tmp_path: Path, units: Units, shape: Any, area: float) -> None:
    path = written(tmp_path, {"D": shape})
    frame = read_frame(path, units)
    assert frame.geometry.is_valid.all() and not frame.geometry.has_z.any()
    assert set(frame.geometry.geom_type) <= {"Polygon", "MultiPolygon"}
    assert frame.set_index("id").geometry["D"].area == pytest.approx(area)
    assert set(load_boundaries(path, units=units).shapes) == set("ABCD")
    pairs = read_polygons(path, units).touching(("A", "B", "C", "D"))
    assert set(map(tuple, pairs.T)) == {(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)}  # all meet in the middle


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"D": None}, "found no geometry for D; expected polygons"),
        ({"D": shapely.Polygon()}, "found no geometry for D"),
        ({"C": None, "D": shapely.Point(1, 1)}, "found Point for D"),
        ({"D": shapely.LineString([(0, 0), (1, 1)])}, "found LineString for D"),
        ({"D": shapely.GeometryCollection([shapely.Point(1, 1)])}, "found GeometryCollection for D"),
        ({"D": shapely.Polygon([(1, 1), (2, 2), (1, 1)])}, "found Polygon for D"),
        ({"D": square(500_000, 3_000_000)}, "found coordinates from [105.0, 25.0] to [500002.0, 3000002.0]"),
        ({name: square(y, x) for name, (x, y) in CORNERS.items()}, "or give longitude before latitude"),
    ],
)
def test_shapes_that_cannot_are_refused(tmp_path: Path, changed: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError) as refused:
        load_boundaries(written(tmp_path, changed))
    assert words in str(refused.value)


@pytest.mark.parametrize("ids", [dict(zip("ABCD", kind, strict=True)) for kind in
                                 (["01", "02", "03", "04"], ["Aland", "Bland", "Cland", "Dland"])])  # fmt: skip
def test_ids_may_be_codes_or_names(tmp_path: Path, units: Units, ids: dict[str, Any]) -> None:
    assert list(read_frame(written(tmp_path, {}, ids), units)["id"]) == ["A", "B", "C", "D"]


def test_a_ring_left_open_is_closed(tmp_path: Path) -> None:
    path = written(tmp_path, {})
    content = json.loads(path.read_text(encoding="utf-8"))
    content["features"][0]["geometry"]["coordinates"][0].pop()
    path.write_text(json.dumps(content), encoding="utf-8")
    assert read_polygons(path).geometries["A"].area == 4


def test_numbers_as_ids(tmp_path: Path) -> None:
    whole = {"A": 110000, "B": 120000, "C": 130000, "D": 140000}
    assert list(read_frame(written(tmp_path, {}, whole))["id"]) == ["110000", "120000", "130000", "140000"]
    with_a_blank = {**whole, "D": None}  # makes the column one of floats
    with pytest.raises(UserError, match="no id in feature 4"):
        read_frame(written(tmp_path, {}, with_a_blank))
    floats = {name: float(number) + 0.0 for name, number in whole.items()}
    assert "110000" in set(read_frame(written(tmp_path, {}, floats))["id"])


def test_units_without_a_polygon_are_named(units: Units) -> None:
    assert unplaced_problems(["A", "B", "C", "D", "E"], units, "b.geojson") == []
    assert unplaced_problems(["A", "B"], units, "b.geojson") == []  # a map of a part
    (problem,) = unplaced_problems(["A", "B", "C", "Dd"], units, "b.geojson")
    assert problem.found == "no polygon of 1 units (D), but of Dd"


def test_lost_zeros_are_named(tmp_path: Path) -> None:
    path = tmp_path / "units.csv"
    path.write_text("id,name\n01,a\n02,b\n11,c\n", encoding="utf-8")
    (problem,) = unplaced_problems(["1", "2", "11"], load_units(path), "b.geojson")
    assert problem.fix == 'write ids as text, with their zeros: "01" for 1'


def shapefile(folder: Path, projection: str = "EPSG:4326") -> Path:
    frame = geopandas.GeoDataFrame(
        {"id": list(CORNERS)}, geometry=[square(*corner) for corner in CORNERS.values()], crs="EPSG:4326"
    )
    frame.to_crs(projection).to_file(folder / "b.shp")
    return folder / "b.shp"


@pytest.mark.parametrize(
    ("lost", "words"),
    [
        (".prj", "found no coordinate system; expected a stated coordinate system; fix: put the .prj file beside it"),
        (".dbf", 'expected a column "id" with the ids of the units file; fix: put b.dbf beside it'),
        (".shx", "expected a file of polygons"),
        (".shp", "expected a file of polygons"),
    ],
)
def test_parts_of_a_shapefile_that_are_missing(tmp_path: Path, lost: str, words: str) -> None:
    path = shapefile(tmp_path)
    path.with_suffix(lost).unlink()
    with pytest.raises(UserError) as refused:
        load_boundaries(path)
    assert words in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize("projection", ["EPSG:4490", "EPSG:3857", "EPSG:32648", "ESRI:102025"])
def test_other_projections_give_the_same_places(tmp_path: Path, projection: str) -> None:
    found = read_polygons(shapefile(tmp_path, projection)).geometries
    for name, corner in CORNERS.items():
        np.testing.assert_allclose(found[name].bounds, square(*corner).bounds, atol=1e-6)


def test_a_projection_that_is_not_the_files(tmp_path: Path) -> None:
    path = shapefile(tmp_path, "EPSG:32648")
    other = tmp_path / "other"
    other.mkdir()
    path.with_suffix(".prj").write_text(shapefile(other).with_suffix(".prj").read_text())
    with pytest.raises(UserError, match="expected coordinates in the system that the file states"):
        load_boundaries(path)


def test_files_that_are_no_maps(tmp_path: Path) -> None:
    for name, content in (("a.geojson", "{}"), ("b.geojson", ""), ("c.csv", "id,x\n1,2\n"), ("d.gpkg", "x"), ("e", "")):
        (tmp_path / name).write_text(content, encoding="utf-8")
        with pytest.raises(UserError):
            load_boundaries(tmp_path / name)
    with pytest.raises(UserError):
        load_boundaries(tmp_path)


def test_a_projection_of_another_part_of_the_world(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="projection: auto"):
        load_boundaries(written(tmp_path, {}), "+proj=gnom +lat_0=-26 +lon_0=-74")


def test_the_check_reads_boundaries_and_matrices(tmp_path: Path, units: Units) -> None:
    matrix = tmp_path / "w.csv"
    matrix.write_text("unit,neighbour\nA,B\nX,A\n", encoding="utf-8")
    declared = weights_matrices({"own": {"type": "file", "path": str(matrix)}, "touching": {"type": "contiguity"}})
    path = written(tmp_path, {}, {"D": "Dd"})
    found = [str(problem) for problem in place_problems(Geography(units, str(path), declared))]
    assert len(found) == 2 and "no polygon of 1 units (D)" in found[0] and 'row 3: found "X"' in found[1]
    matrix.write_text("unit,neighbour\nA,B\n", encoding="utf-8")
    assert not list(place_problems(Geography(units, str(written(tmp_path, {})), declared)))
    (null,) = place_problems(Geography(units, str(written(tmp_path, {"B": None}))))
    assert null.found == "no geometry for B"


def test_projections_are_checked() -> None:
    assert not [*projection_problems("auto"), *projection_problems("EPSG:3035")]
    (problem,) = projection_problems("albers", "maps.m.projection")
    assert problem.where == "maps.m.projection" and problem.found == 'projection "albers"'
