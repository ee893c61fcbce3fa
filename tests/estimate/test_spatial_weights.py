"""Spatial weights: known neighbours, small grids by brute force, distances by hand, and every message."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from ruralpanel.estimate.base.results import Further
from ruralpanel.estimate.places.geography import Geography, Polygons, centroid, read_polygons
from ruralpanel.estimate.places.weights import (
    EARTH_RADIUS_KM,
    Neighbours,
    Place,
    among,
    described,
    great_circle_km,
    spectral_radius,
    weights_from,
)
from ruralpanel.output.words import clauses
from ruralpanel.project.problems import UserError
from ruralpanel.project.sections.data import WeightsMatrix
from ruralpanel.project.units import Units, load_units

DATA = Path(__file__).parents[2] / "data"
BOUNDARIES = str(DATA / "boundaries" / "china_provinces.geojson")

# Land neighbours of provinces as any atlas of China has them; Hainan is an island.
NEIGHBOURS = {
    "BJ": "TJ HE", "TJ": "BJ HE", "HE": "BJ TJ SX NM LN SD HA", "SX": "HE NM HA SN", "NM": "HL JL LN HE SX SN NX GS",
    "LN": "HE NM JL", "JL": "NM LN HL", "HL": "NM JL", "SH": "JS ZJ", "JS": "SH ZJ AH SD", "ZJ": "SH JS AH JX FJ",
    "AH": "JS ZJ JX HB HA SD", "FJ": "ZJ JX GD", "JX": "ZJ FJ GD HN HB AH", "SD": "HE HA AH JS",
    "HA": "HE SD AH HB SN SX", "HB": "HA AH JX HN CQ SN", "HN": "HB JX GD GX GZ CQ", "GD": "FJ JX HN GX",
    "GX": "GD HN GZ YN", "HI": "", "CQ": "SC GZ HN HB SN", "SC": "QH GS SN CQ GZ YN XZ", "GZ": "SC CQ HN GX YN",
    "YN": "XZ SC GZ GX", "XZ": "XJ QH SC YN", "SN": "NM SX HA HB CQ SC GS NX", "GS": "NM NX SN SC QH XJ",
    "QH": "XJ GS SC XZ", "NX": "NM SN GS", "XJ": "GS QH XZ",
}  # fmt: skip


@pytest.fixture(scope="module")
def china() -> Units:
    return load_units(DATA / "units" / "china_provinces.csv")


@pytest.fixture(scope="module")
def geography(china: Units) -> Geography:
    return Geography(china, BOUNDARIES)


def grid(rows: int, columns: int) -> Polygons:
    """Unit squares ``r,c`` in degrees around the equator."""
    return Polygons({f"{r},{c}": shapely.box(c, r, c + 1, r + 1) for r in range(rows) for c in range(columns)})


def place(units: tuple[str, ...], coordinates: Any = None, polygons: Polygons | None = None, **more: Any) -> Place:
    def touching() -> Any:
        assert polygons is not None
        return polygons.touching(units)

    where = np.full((len(units), 2), np.nan) if coordinates is None else np.asarray(coordinates, dtype=float)
    nearest = None if polygons is None else lambda unit: polygons.nearest(unit, units)
    return Place(units, touching, where, **{"name": "w", "nearest": nearest, **more})


def made(values: Mapping[str, Any], units: str, coordinates: Any = None, **more: Any) -> Any:
    return weights_from(
        WeightsMatrix.model_validate(values), place(tuple(units.split()), coordinates, **more)
    ).matrix.toarray()


def message(action: Callable[[], object]) -> str:
    with pytest.raises(UserError) as caught:
        action()
    return str(caught.value)


def of_china(geography: Geography, values: Mapping[str, Any]) -> Neighbours:
    units = geography.units.ids
    positions = geography.coordinates(units)
    return weights_from(
        WeightsMatrix.model_validate(values),
        Place(units, lambda: geography.polygons.touching(units), positions, name="w"),
    )


def test_provinces_touch_their_known_neighbours(geography: Geography) -> None:
    units = geography.units.ids
    i, j = geography.polygons.touching(units)
    pairs = {(units[a], units[b]) for a, b in zip(i, j, strict=True)}
    found = {unit: {b if a == unit else a for a, b in pairs if unit in (a, b)} for unit in units}
    assert found == {f"CN-{unit}": {f"CN-{name}" for name in near.split()} for unit, near in NEIGHBOURS.items()}
    assert (i < j).all()


def test_the_island_stops_until_it_is_joined(geography: Geography) -> None:
    words = message(lambda: of_china(geography, {"type": "contiguity"}))
    assert words == (
        "the configuration: weights_matrices.w: found no neighbour of CN-HI in the sample; expected a neighbour for "
        "every unit; fix: join: {CN-HI: [CN-GX]} (the nearest centre)"
    )
    joined = of_china(geography, {"type": "contiguity", "join": {"CN-HI": ["CN-GD"]}, "standardise": "none"})
    matrix = joined.matrix.toarray()
    hainan, guangdong = joined.units.index("CN-HI"), joined.units.index("CN-GD")
    np.testing.assert_array_equal(matrix, matrix.T)
    assert np.flatnonzero(matrix[hainan]).tolist() == [guangdong] and matrix.sum() == 2 * 69
    facts = described(joined)
    assert clauses(facts.what, "en") == "contiguity, joined CN-GD–CN-HI, as they are"
    assert (facts.pairs, facts.fewest_neighbours, facts.most_neighbours) == (69, 1, 8)
    assert facts.mean_neighbours == pytest.approx(138 / 31)


def test_a_grid_touches_at_edges_and_corners() -> None:
    polygons = grid(4, 5)
    units = tuple(polygons.geometries)
    cells = [tuple(map(int, unit.split(","))) for unit in units]
    brute = [[float(a != b and abs(a[0] - b[0]) <= 1 and abs(a[1] - b[1]) <= 1) for b in cells] for a in cells]
    matrix = made({"type": "contiguity", "standardise": "none"}, " ".join(units), polygons=polygons)
    np.testing.assert_array_equal(matrix, brute)
    rows = made({"type": "contiguity"}, " ".join(units), polygons=polygons)
    np.testing.assert_allclose(rows, np.array(brute) / np.sum(brute, axis=1, keepdims=True), rtol=1e-15)


def test_inverse_distances_by_the_haversine_formula() -> None:
    points = [(116.4, 39.9), (121.5, 31.2), (113.3, 23.1), (-179.9, 40.0), (179.9, 40.0)]

    def haversine(a: tuple[float, float], b: tuple[float, float]) -> float:
        (lon1, lat1), (lon2, lat2) = (tuple(map(math.radians, p)) for p in (a, b))
        h = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
        return 2 * 6371.0088 * math.asin(math.sqrt(h))

    km = np.array([[haversine(a, b) for b in points] for a in points])
    np.testing.assert_allclose(great_circle_km(np.array(points), np.array(points)), km, rtol=1e-12, atol=1e-6)
    assert km[0, 1] == pytest.approx(
        1068, abs=6
    )  # Beijing to Shanghai: published as 1,067 km, by points in either city
    assert km[3, 4] == pytest.approx(17, abs=1)  # across the date line
    with np.errstate(divide="ignore"):
        inverse = np.where(np.eye(5) == 1, 0.0, 1.0 / km)
    values = {"type": "inverse_distance", "standardise": "none"}
    np.testing.assert_allclose(made(values, "a b c d e", points), inverse, rtol=1e-12)
    near = np.where(km <= 1250, inverse, 0.0)
    np.testing.assert_allclose(made({**values, "cutoff_km": 1250}, "a b c d e", points), near, rtol=1e-12)
    assert near[0, 2] == 0 and near[0, 1] > 0


def test_the_cutoff_that_leaves_someone_alone_names_the_one_that_would_do(geography: Geography) -> None:
    words = message(lambda: of_china(geography, {"type": "inverse_distance", "cutoff_km": 1000}))
    assert "no neighbour of CN-XJ" in words and "cutoff_km: 1073 or more, or join" in words
    assert of_china(geography, {"type": "inverse_distance", "cutoff_km": 1073}).matrix.shape == (31, 31)
    joined = {"type": "inverse_distance", "cutoff_km": 1000, "join": {"CN-XJ": ["CN-QH"]}, "standardise": "none"}
    found = of_china(geography, joined)
    i, j = found.units.index("CN-XJ"), found.units.index("CN-QH")
    km = great_circle_km(*(geography.coordinates(found.units)[[k]] for k in (i, j)))[0, 0]
    assert found.matrix[i, j] == found.matrix[j, i] == pytest.approx(1 / km, rel=1e-12) and km == pytest.approx(
        1125, abs=60
    )


def test_k_nearest_with_places_shared_and_ties() -> None:
    rng = np.random.default_rng(1)
    points = np.column_stack([rng.uniform(-180, 180, 40), rng.uniform(-80, 80, 40)])
    names = " ".join(f"u{i}" for i in range(40))
    km = great_circle_km(points, points)
    np.fill_diagonal(km, np.inf)
    brute = np.zeros((40, 40))
    np.put_along_axis(brute, np.argsort(km, axis=1)[:, :6], 1.0, axis=1)
    np.testing.assert_array_equal(made({"type": "k_nearest", "k": 6, "standardise": "none"}, names, points), brute)
    # four in one place and two elsewhere: k others each, never oneself
    together = made(
        {"type": "k_nearest", "k": 2, "standardise": "none"}, "a b c d e f", [(5, 5)] * 4 + [(6, 6), (7, 7)]
    )
    assert (np.diag(together) == 0).all() and (together.sum(axis=1) == 2).all() and (together[:4, 4:] == 0).all()
    again = made({"type": "k_nearest", "k": 2, "standardise": "none"}, "a b c d e f", [(5, 5)] * 4 + [(6, 6), (7, 7)])
    np.testing.assert_array_equal(together, again)


def test_spectral_scaling_keeps_symmetry(geography: Geography) -> None:
    values = {"type": "contiguity", "join": {"CN-HI": ["CN-GD"]}}
    raw = of_china(geography, {**values, "standardise": "none"}).matrix
    scaled = of_china(geography, {**values, "standardise": "spectral"}).matrix.toarray()
    largest = np.linalg.eigvalsh(raw.toarray())[-1]
    np.testing.assert_allclose(scaled, raw.toarray() / largest, rtol=1e-12)
    assert spectral_radius(raw) == pytest.approx(largest, rel=1e-12)
    rows = of_china(geography, values).matrix
    np.testing.assert_allclose(rows.sum(axis=1), 1.0, rtol=1e-14)
    assert spectral_radius(rows) == pytest.approx(1.0, rel=1e-12)


def test_centres_are_those_of_the_sphere() -> None:
    for west, east, middle in ((10, 20, 15), (170, 180, 175), (179, 181, 180)):
        # edges are short, so that great circles and parallels enclose the same area
        box = shapely.segmentize(shapely.box(west, 30, east, 50), 0.1)
        longitude, latitude = centroid(box)
        # mean position of a zone: integral of (cos² φ cos λ, cos² φ sin λ, cos φ sin φ)
        half, low, high = math.radians((east - west) / 2), math.radians(30), math.radians(50)
        squares = (high - low) / 2 + (math.sin(2 * high) - math.sin(2 * low)) / 4
        products = (math.sin(high) ** 2 - math.sin(low) ** 2) / 2
        expected = math.degrees(math.atan2(half * products, math.sin(half) * squares))
        assert longitude % 360 == pytest.approx(middle, abs=1e-9)
        assert latitude == pytest.approx(expected, abs=1e-5)
    ring = shapely.box(0, 0, 10, 10) - shapely.box(1, 1, 9, 9)
    assert centroid(ring) == pytest.approx(centroid(shapely.box(0, 0, 10, 10)), abs=0.02)
    two = shapely.union_all([shapely.box(0, -1, 2, 1), shapely.box(10, -1, 12, 1)])
    assert centroid(two) == pytest.approx((6, 0), abs=1e-9)
    clockwise = shapely.Polygon([(0, 0), (0, 2), (2, 2), (2, 0)])
    assert centroid(clockwise) == pytest.approx(centroid(shapely.reverse(clockwise)), abs=1e-12)


def test_centres_of_provinces_agree_with_an_equal_area_projection(geography: Geography) -> None:
    import geopandas

    frame = geopandas.read_file(BOUNDARIES).set_index("id")
    plane = frame.geometry.to_crs("ESRI:102025").centroid.to_crs("EPSG:4326")
    units = geography.units.ids
    expected = np.array([(plane[u].x, plane[u].y) for u in units])
    km = np.diag(great_circle_km(geography.coordinates(units), expected))
    assert km.max() < 15  # centroids in a plane and on a sphere differ a little for the largest provinces
    assert np.median(km) < 2


def test_positions_of_the_units_file_come_first(tmp_path: Path) -> None:
    path = tmp_path / "units.csv"
    path.write_text("id,name,longitude,latitude\na,A,1,10\nb,B,2,20\n", encoding="utf-8")
    geography = Geography(load_units(path), None)
    np.testing.assert_array_equal(geography.coordinates(("b", "a")), [[2, 20], [1, 10]])
    path.write_text("id,name,longitude,latitude\na,A,1,10\nb,B,,20\n", encoding="utf-8")
    assert np.isnan(Geography(load_units(path), None).coordinates(("a", "b"))).all()


def test_messages_of_declared_matrices() -> None:
    points = [(1, 1), (1, 1), (2, 2)]
    words = message(lambda: made({"type": "inverse_distance"}, "a b c", points))
    assert "found a and b with the same centre" in words and "k_nearest or contiguity" in words
    words = message(lambda: made({"type": "inverse_distance"}, "a b c", [(1, 1), (math.nan, 1), (2, 2)]))
    assert "found no position of b" in words and "longitude and latitude in the units file" in words
    words = message(lambda: made({"type": "k_nearest", "k": 3}, "a b c", points))
    assert "weights_matrices.w.k: found 3 neighbours among 3 units; expected at most 2" in words
    squares = grid(1, 3)
    touching = {"type": "contiguity", "join": {"0,0": ["0,0"], "0,1": ["0,1"]}}
    words = message(lambda: made(touching, " ".join(squares.geometries), polygons=squares))
    assert words.count("a link to itself") == 2
    apart = Polygons({"a": shapely.box(0, 0, 1, 1), "b": shapely.box(5, 5, 6, 6)})
    assert "fix: join each to a neighbour" in message(lambda: made({"type": "contiguity"}, "a b", polygons=apart))
    slivers = Polygons(
        {"a": shapely.box(0, 0, 1, 1), "b": shapely.box(1.001, 0, 2, 1), "c": shapely.box(2.001, 0, 3, 1)}
    )
    words = message(lambda: made({"type": "contiguity"}, "a b c", polygons=slivers))
    assert "a ends 0.11 km from b" in words and "mend the borders" in words and "join: {" not in words
    # a link with a unit outside the sample does not count, and one that is there already changes nothing
    near = {"type": "contiguity", "join": {"0,0": ["0,1", "elsewhere"]}, "standardise": "none"}
    np.testing.assert_array_equal(
        made(near, " ".join(squares.geometries), polygons=squares), [[0, 1, 0], [1, 0, 1], [0, 1, 0]]
    )


def test_messages_of_polygons(tmp_path: Path, geography: Geography) -> None:
    words = message(lambda: Geography(geography.units, None)._touching(("CN-BJ", "CN-TJ")))
    assert words.startswith("boundaries: found no polygon of CN-BJ, CN-TJ") and "type: file" in words
    assert "no-such.geojson" in message(lambda: read_polygons(tmp_path / "no-such.geojson"))
    shape = '{"type": "Feature", "properties": {%s}, "geometry": {"type": "%s", "coordinates": %s}}'
    square = "[[[0, 0], [1, 0], [1, 1], [0, 0]]]"
    cases = {
        '"name": "a"': (("Polygon", square),) * 1,
        '"id": "a"': (("Polygon", square), ("Point", "[0, 0]")),
    }
    expected = {
        '"name": "a"': ['a column "id"'],
        '"id": "a"': ["a more than once", "found Point for a; expected polygons"],
    }
    for properties, shapes in cases.items():
        path = tmp_path / "polygons.geojson"
        features = ", ".join(shape % (properties, kind, coordinates) for kind, coordinates in shapes)
        path.write_text(f'{{"type": "FeatureCollection", "features": [{features}]}}', encoding="utf-8")
        found = message(lambda path=path: read_polygons(path))
        assert all(words in found for words in expected[properties])


def test_a_part_of_the_units_is_scaled_anew(geography: Geography) -> None:
    values = {"type": "contiguity", "join": {"CN-HI": ["CN-GD"]}}
    for scale in ("row", "spectral", "none"):
        whole = of_china(geography, {**values, "standardise": scale})
        kept = np.array([i for i, unit in enumerate(whole.units) if unit not in ("CN-BJ", "CN-SC")], dtype=np.intp)
        units = tuple(whole.units[i] for i in kept)
        extra = Further(weights_matrix=whole.matrix, weights_about=described(whole), coordinates=np.zeros((31, 2)))
        part = among(extra, kept)
        own = place(units, geography.coordinates(units), geography.polygons)
        direct = weights_from(WeightsMatrix.model_validate({**values, "standardise": scale}), own).matrix
        np.testing.assert_allclose(part.weights_matrix.toarray(), direct.toarray(), rtol=1e-12)
        assert part.coordinates.shape == (29, 2)
    assert EARTH_RADIUS_KM == 6371.0088
