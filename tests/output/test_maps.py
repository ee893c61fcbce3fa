"""Maps: equal areas, honest classes, names in place, hatching and grey where they belong."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from itertools import pairwise
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely

from ruralpanel.output import style
from ruralpanel.output.labels import Labels, width_of, wrapped
from ruralpanel.output.maps.boundaries import Boundaries, choose_projection, load_boundaries, longitude_span
from ruralpanel.output.maps.classes import find_classes
from ruralpanel.output.maps.draw import (
    boundary_note,
    draw,
    draw_categories,
    draw_regimes,
    map_row,
)
from ruralpanel.output.maps.sheet import NO_DATA, place_labels
from ruralpanel.project.config_schema import config_schema
from ruralpanel.project.kinds import maps as kinds
from ruralpanel.project.kinds.maps import Regimes, Variables
from ruralpanel.project.problems import UserError
from ruralpanel.project.units import load_units

CHINA = Path(__file__).parents[2] / "data" / "boundaries" / "china_provinces.geojson"
UNITS = CHINA.parents[1] / "units" / "china_provinces.csv"
LABELS = Labels("en", {"jobs": "Rural manufacturing", "roads": "Roads"}, {"jobs": "person", "roads": "km/km2"})


@pytest.fixture(scope="module")
def china() -> Boundaries:
    return load_boundaries(CHINA)


def provinces() -> list[str]:
    features = json.loads(CHINA.read_text(encoding="utf-8"))["features"]
    ids = [feature["properties"]["id"] for feature in features]
    return [identifier for identifier in ids if identifier not in ("CN-TW", "CN-HK", "CN-MO")]


def made_up_frame() -> pd.DataFrame:
    """31 provinces by two years of made-up figures; Tibet without any, Hainan without the first."""
    rng = np.random.default_rng(3)
    index = pd.MultiIndex.from_product([provinces(), [2012, 2019]], names=["unit", "period"])
    frame = pd.DataFrame({"jobs": rng.gamma(2, 20, len(index)), "roads": rng.normal(0, 1, len(index))}, index=index)
    frame.loc["CN-XZ", :] = np.nan
    frame.loc[("CN-HI", 2012), "jobs"] = np.nan
    return frame.reset_index()


# Projection


def test_china_gets_its_customary_projection(china: Boundaries) -> None:
    assert "+proj=aea +lat_1=25 +lat_2=47 +lat_0=0 +lon_0=105" in china.projection


def test_areas_are_those_on_the_ellipsoid(china: Boundaries) -> None:
    """Each province's projected area, before simplification, against its geodesic area."""
    frame = geopandas.read_file(CHINA)
    geod = pyproj.Geod(ellps="WGS84")
    plane = frame.to_crs(china.projection)
    for geometry, projected in zip(frame.geometry, plane.geometry, strict=True):
        area = abs(geod.geometry_area_perimeter(geometry)[0])
        # Straight edges in the plane are not geodesics: a few parts in a thousand for coarse, large polygons.
        assert projected.area == pytest.approx(area, rel=4e-3)


def test_sixth_rule_for_a_wide_country_at_middle_latitudes() -> None:
    """The 48 states: 24.5–49.4° N give parallels near the customary 29.5° and 45.5°."""
    text = choose_projection((-124.7, 24.5, -66.9, 49.4), [(-124.7, -66.9)], ["AL", "AZ"])
    assert text.startswith("+proj=aea +lat_1=28.65 +lat_2=45.25 +lat_0=36.95 +lon_0=-95.80")


@pytest.mark.parametrize(
    "bounds", [(-75.7, -55.9, -66.4, -17.5), (-79.0, -4.2, -66.9, 12.5), (95.0, -11.0, 141.0, 6.0)]
)
def test_tall_and_equatorial_countries_get_lambert(bounds: tuple[float, float, float, float]) -> None:
    text = choose_projection(bounds, [(bounds[0], bounds[2])], ["x"])
    assert text.startswith("+proj=laea")


def test_a_country_across_the_180th_meridian() -> None:
    centre, width = longitude_span([(-180.0, -170.0), (30.0, 180.0)])
    assert (centre, width) == pytest.approx((110.0, 160.0))
    assert longitude_span([(10.0, 20.0), (15.0, 17.0)]) == pytest.approx((15.0, 10.0))


# Geometry and names


def test_simplified_neighbours_still_meet(china: Boundaries) -> None:
    """No gaps and no overlaps: the union's area is the sum of the areas, and outlines stay few."""
    polygons = [_polygon(shape.outline) for shape in china.shapes.values()]
    total = sum(polygon.area for polygon in polygons)
    assert shapely.union_all(polygons).area == pytest.approx(total, rel=1e-9)
    assert china.land.area == pytest.approx(total, rel=1e-9)
    assert len(china.shapes) == 34
    assert sum(len(shape.outline.vertices) for shape in china.shapes.values()) < 6000


def test_anchors_lie_inside(china: Boundaries) -> None:
    for shape in china.shapes.values():
        assert _polygon(shape.outline).contains(shapely.Point(shape.anchor))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_names_stand_in_their_unit_or_off_all_and_clear_of_each_other(china: Boundaries, language: str) -> None:
    units = load_units(UNITS)
    names = {unit: units.label(unit, language) for unit in units.ids}
    west, _, east, _ = china.extent
    em = 4.6 / 72 / 2.85 * (east - west)
    placed = place_labels(china, names, em)
    assert set(placed) == set(provinces())
    boxes = {}
    for unit, label in placed.items():
        half = width_of(label.text) * em / 2
        boxes[unit] = shapely.box(label.x - half, label.y - 0.575 * em, label.x + half, label.y + 0.575 * em)
        if label.pointer is None:
            unit_shape = _polygon(china.shapes[unit].outline)
            assert unit_shape.distance(shapely.Point(label.x, label.y)) < 1.5 * em
        else:
            assert not china.land.intersects(boxes[unit])
    overlapping = [
        (one, two) for one in boxes for two in boxes if one < two and boxes[one].intersection(boxes[two]).area > 0
    ]
    assert overlapping == []


def test_text_is_wrapped_at_blanks_and_between_chinese_characters() -> None:
    assert wrapped("one two three", width_of("one two")) == ["one two", "three"]
    assert wrapped("农村工业化", 2.0) == ["农村", "工业", "化"]
    assert wrapped("农村，工业（化）", 2.0) == ["农", "村，", "工业", "（化）"]  # no mark at the wrong end of a line
    assert wrapped("95% 区间：自助", width_of("95% 区间")) == ["95% 区", "间：自助"]
    assert wrapped("unbreakable", 1.0) == ["unbreakable"]
    assert wrapped("", 5.0) == []


# Drawing


def test_fills_follow_classes_shared_over_periods(china: Boundaries) -> None:
    frame = made_up_frame()
    row = map_row("jobs", frame, [2012, 2019], kinds.Classes(number=4), "sequential", LABELS, "en", china)
    classes = find_classes(frame["jobs"].tolist(), "quantiles", 4)
    colours = style.sequential(4)
    for panel, period in zip(row.panels, (2012, 2019), strict=True):
        values = frame[frame["period"] == period].set_index("unit")["jobs"]
        expected = {
            unit: NO_DATA if k < 0 else colours[k] for unit, k in zip(values.index, classes.of(values), strict=True)
        }
        assert panel.fills == expected
    assert row.panels[0].fills["CN-XZ"] == row.panels[0].fills["CN-HI"] == NO_DATA
    assert row.panels[1].fills["CN-HI"] != NO_DATA
    assert "CN-TW" not in row.panels[0].fills
    assert [entry.label for entry in row.legend[-2:]] == ["No data", "Outside the sample"]
    assert (row.title, row.subtitle) == ("Rural manufacturing", "person")
    assert [entry.fill for entry in row.legend[:4]] == list(reversed(colours))


def test_own_classes_give_each_map_its_legend(china: Boundaries) -> None:
    row = map_row("roads", made_up_frame(), [2012, 2019], kinds.Classes(shared=False), "diverging", LABELS, "en", china)
    assert row.legend == ()
    assert row.panels[0].legend != row.panels[1].legend


SPEC: dict[str, Any] = {"panel": "provinces", "variables": ["jobs", "roads"], "title": "Levers", "note": "A note."}


def test_files_are_the_same_each_time_and_hold_the_notes(china: Boundaries, tmp_path: Path) -> None:
    paths = {form: tmp_path / f"levers.{form}" for form in ("png", "svg")}
    names = {unit: unit[3:] for unit in provinces()}
    arguments = ("levers", Variables(**SPEC), made_up_frame(), LABELS, china, names, paths)
    draw(*arguments, boundary_note="Boundaries: made up.")
    first = {form: path.read_bytes() for form, path in paths.items()}
    draw(*arguments, boundary_note="Boundaries: made up.")
    assert {form: path.read_bytes() for form, path in paths.items()} == first
    comments = first["svg"].decode()
    assert ElementTree.fromstring(first["svg"]).tag.endswith("svg")
    for text in (
        "Levers",
        "Rural manufacturing",
        "km/km²",
        "2012",
        "2019",
        "No data",
        "Outside the sample",
        "Boundaries: made up.",
    ):
        assert text in comments, text
    reused = len(re.findall(r'<use xlink:href="#C', comments))
    outlines = len(re.findall(r'<path id="C', comments))
    assert reused >= 3.5 * outlines  # each unit and name is written once and shown on four maps
    draw("levers", Variables(**SPEC, labels=False), *arguments[2:], boundary_note="Boundaries: made up.")
    assert len(paths["svg"].read_bytes()) < len(first["svg"])  # without names


@pytest.mark.slow
def test_bytes_do_not_depend_on_the_hash_seed(tmp_path: Path) -> None:
    """Drawn by this process, under the seed that it has, and by one under another."""
    folders = [tmp_path / name for name in ("here", "there")]
    for folder in folders:
        folder.mkdir()
    drawn_into(folders[0])
    script = "import sys; from pathlib import Path; import test_maps; test_maps.drawn_into(Path(sys.argv[1]))"
    seed = "1" if os.environ.get("PYTHONHASHSEED") == "0" else "0"
    root = CHINA.parents[2]
    paths = os.pathsep.join(str(root / name) for name in ("workflow", "tests", "tests/output"))
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": paths}
    subprocess.run([sys.executable, "-c", script, str(folders[1])], cwd=root, env=environment, check=True)
    written = [{path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders]
    assert written[0] == written[1]
    assert len(written[0]) == 3


def drawn_into(folder: Path) -> None:
    from test_figures import DRAWERS

    names = {unit: unit for unit in provinces()}
    draw("m", Variables(**SPEC), made_up_frame(), LABELS, load_boundaries(CHINA), names, {"svg": folder / "m.svg"})
    for kind in ("two_series", "specification_curve"):
        DRAWERS[kind]({"svg": folder / f"{kind}.svg"})


def test_categories(china: Boundaries, tmp_path: Path) -> None:
    panels = {"2012–15": dict.fromkeys(provinces(), "both"), "2015–19": dict.fromkeys(provinces(), "neither")}
    panels["2015–19"]["CN-XZ"] = ""
    path = tmp_path / "regimes.svg"
    draw_categories("regimes", "Regimes", panels, ["both", "neither"], china, {}, {"svg": path}, notes=["Note."])
    text = path.read_text(encoding="utf-8")
    assert all(f"<!-- {words} -->" in text for words in ("both", "neither", "No data", "2012–15", "Note."))
    assert style.CATEGORICAL[0].lower() in text.lower()


def test_units_without_polygons_are_named(china: Boundaries, tmp_path: Path) -> None:
    frame = pd.concat(
        [made_up_frame(), pd.DataFrame({"unit": ["CN-XX"], "period": [2012], "jobs": [1.0], "roads": [1.0]})]
    )
    path = tmp_path / "m.svg"
    draw("m", Variables(**SPEC), frame, LABELS, china, {}, {"svg": path}, "zh")
    assert "边界文件中没有：CN-XX。" in path.read_text(encoding="utf-8")


def test_mistakes_are_named_all_at_once(china: Boundaries, tmp_path: Path) -> None:
    spec = {"panel": "provinces", "variables": ["job", "roads"], "periods": [2012, 2013]}
    with pytest.raises(UserError) as raised:
        draw("m", Variables(**spec), made_up_frame(), LABELS, china, {}, {"svg": tmp_path / "m.svg"})
    assert [problem.where for problem in raised.value.problems] == ["maps.m.variables[0]", "maps.m.periods[1]"]
    foreign = made_up_frame().assign(unit="US-AL")
    with pytest.raises(UserError, match='boundaries: found ids such as "CN-BJ"'):
        draw("m", Variables(**SPEC), foreign, LABELS, china, {}, {"svg": tmp_path / "m.svg"})
    empty = made_up_frame().assign(jobs=np.nan)
    with pytest.raises(UserError, match='"jobs" without any figure'):
        draw("m", Variables(**SPEC), empty, LABELS, china, {}, {"svg": tmp_path / "m.svg"})
    late = made_up_frame()
    late.loc[late["period"] == 2012, "jobs"] = np.nan
    with pytest.raises(UserError, match="variables jobs, 2012 without any figure"):
        draw("m", Variables(**SPEC, classes={"shared": False}), late, LABELS, china, {}, {"svg": tmp_path / "m.svg"})
    with pytest.raises(UserError, match=r"maps\.m: found .* \(U\+E000\)"):
        draw(
            "m",
            Variables(**{**SPEC, "title": "\ue000"}),
            made_up_frame(),
            LABELS,
            china,
            {},
            {"svg": tmp_path / "m.svg"},
        )
    with pytest.raises(UserError, match=r"maps\.m: found .* \(U\+E001\)"):
        names = {"CN-XJ": "\ue001"}
        draw("m", Variables(**SPEC), made_up_frame(), LABELS, china, names, {"svg": tmp_path / "m.svg"})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "expected a file of polygons"),
        ("not json", "expected a file of polygons"),
        ({"properties": {"name": "a"}}, 'a column "id"'),
        ({"properties": {"id": "a"}, "geometry": {"type": "Point", "coordinates": [1, 1]}}, "found Point"),
        ({"properties": {"id": "a"}, "twice": True}, "a more than once"),
    ],
)
def test_boundary_files_that_will_not_do(content: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "b.geojson"
    if isinstance(content, str):
        path.write_text(content)
    elif content is not None:
        square = {"type": "Polygon", "coordinates": [[[0, 0], [0, 1], [1, 1], [1, 0], [0, 0]]]}
        feature = {"type": "Feature", "geometry": square, **content}
        features = [feature, feature] if content.get("twice") else [feature]
        path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    with pytest.raises(UserError, match=message):
        load_boundaries(path)


def test_an_unknown_projection() -> None:
    with pytest.raises(UserError, match="one that PROJ knows"):
        load_boundaries(CHINA, "EPSG:99999999")


def test_boundary_note_says_when_nothing_is_known() -> None:
    assert boundary_note("a/b.geojson", " Natural Earth. ", "en") == "Natural Earth."
    assert "b.geojson; provenance not declared" in boundary_note("a/b.geojson", "", "en")


def _polygon(outline: Any) -> Any:
    """A path's rings as one polygon; even-odd, so that holes count."""
    starts = [index for index, code in enumerate(outline.codes) if code == outline.MOVETO] + [len(outline.codes)]
    rings = [shapely.Polygon(outline.vertices[a:b]) for a, b in pairwise(starts)]
    area = rings[0]
    for ring in rings[1:]:
        area = area.symmetric_difference(ring)
    return area


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("variables", ["roads"]),
        ("periods", [2019]),
        ("palette", "diverging"),
        ("labels", False),
        ("title", "Another"),
        ("title_zh", "另一"),
        ("note", "Other words."),
        ("note_zh", "另注。"),
        ("classes", {"method": "equal"}),
        ("classes", {"number": 3}),
        ("classes", {"shared": False}),
        ("classes", {"method": "user", "breaks": [10.0, 20.0]}),
    ],
)
def test_another_value_of_a_key_changes_the_map(key: str, value: Any, china: Boundaries, tmp_path: Path) -> None:
    language = "zh" if key.endswith("_zh") else "en"
    drawn = []
    for number, spec in enumerate(({**SPEC, "variables": ["jobs"]}, {**SPEC, "variables": ["jobs"], key: value})):
        path = tmp_path / f"{number}.svg"
        draw("m", Variables(**spec), made_up_frame(), LABELS, china, {"CN-HE": "Hebei"}, {"svg": path}, language)
        drawn.append(path.read_bytes())
    assert drawn[0] != drawn[1]


REGIMES: dict[str, Any] = {"first": "jobs", "second": "roads", "spans": [[2012, 2019]]}
OTHER_REGIMES: dict[str, Any] = {
    "first": "fields",
    "second": "fields",
    "spans": [[2012, 2021]],
    "above": {"first": "median"},
    "labels": {"both": "Both of them"},
    "labels_zh": {"both": "二者"},
}


def test_every_key_of_regimes_has_a_case() -> None:
    schema = config_schema()["$defs"]
    assert set(schema["map"]["properties"]["regimes"]["properties"]) == set(OTHER_REGIMES)
    assert set(schema["map"]["properties"]["regimes"]["properties"]["above"]["properties"]) == {"first", "second"}


@pytest.mark.parametrize(("key", "value"), [*OTHER_REGIMES.items(), ("above", {"second": "median"})])
def test_another_value_of_a_key_changes_the_map_of_regimes(
    key: str, value: Any, china: Boundaries, tmp_path: Path
) -> None:
    frame = pd.concat([made_up_frame(), made_up_frame().query("period == 2019").assign(period=2021, jobs=30.0)])
    frame["roads"] += frame["period"] == 2019
    frame["fields"] = np.random.default_rng(4).normal(size=len(frame))
    drawn = []
    for number, regimes in enumerate((REGIMES, {**REGIMES, key: value})):
        path = tmp_path / f"{number}.svg"
        options = Regimes(panel="p", regimes=regimes)
        draw_regimes("m", options, frame, china, {}, {"svg": path}, "zh" if key.endswith("_zh") else "en")
        drawn.append(path.read_bytes())
    assert drawn[0] != drawn[1]


def test_units_without_polygons_are_dots_over_those_of_others(tmp_path: Path) -> None:
    """Counties over provinces: a dot where the units file puts them, none where it says nothing, grey land beneath."""
    table = "id,name,longitude,latitude\n1,One,104.0,30.0\n2,Two,110.0,35.0\n3,Three,116.4,39.9\n4,Four,,\n"
    (tmp_path / "units.csv").write_text(table, encoding="utf-8")
    units = load_units(tmp_path / "units.csv")
    over = load_boundaries(CHINA, units=units)
    assert over.dots and set(over.shapes) == {"1", "2", "3"} and len(over.beneath) == len(load_boundaries(CHINA).shapes)
    to_plane = pyproj.Transformer.from_crs("EPSG:4326", over.projection, always_xy=True)
    assert over.shapes["3"].anchor == pytest.approx(to_plane.transform(116.4, 39.9), abs=1)
    assert over.projection == load_boundaries(CHINA).projection  # as the land's
    alone = load_boundaries(None, units=units)
    assert alone.dots and not alone.beneath
    frame = pd.DataFrame({"unit": ["1", "2", "3", "4"], "period": 2010, "jobs": [1.0, 2.0, math.nan, 4.0]})
    paths = {"svg": tmp_path / "map.svg"}
    options = Variables.model_validate({"panel": "p", "variables": ["jobs"], "periods": [2010], "labels": False})
    (row,) = draw("dots", options, frame, LABELS, over, {}, paths)
    assert [entry.label for entry in row.legend if entry.fill in (NO_DATA, style.OUTSIDE)] == []
    assert "Units without a position, not drawn: 1." in paths["svg"].read_text(encoding="utf-8")
    for rows, ratio in (
        ("1,One,104,30\n", 1),
        ("1,One,104,30\n2,Two,104,30\n", 1),
        ("1,One,104,30\n2,Two,104,38\n", 4),
    ):
        (tmp_path / "few.csv").write_text("id,name,longitude,latitude\n" + rows, encoding="utf-8")
        few = load_boundaries(None, units=load_units(tmp_path / "few.csv"))
        west, south, east, north = few.extent
        assert (north - south) / (east - west) == pytest.approx(ratio, rel=0.03)
        draw("dots", options, frame[:1], LABELS, few, {}, paths)
    (tmp_path / "bare.csv").write_text("id,name\n1,One\n", encoding="utf-8")
    with pytest.raises(UserError, match="no unit with a position"):
        load_boundaries(None, units=load_units(tmp_path / "bare.csv"))
