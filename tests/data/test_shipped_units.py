"""The shipped provinces, their names and their boundaries agree with each other."""

from __future__ import annotations

import json
from functools import cache
from itertools import combinations
from pathlib import Path

import shapely

from ruralpanel.project.units import Units, load_units, normal

DATA = Path(__file__).parents[2] / "data"


@cache
def units() -> Units:
    return load_units(DATA / "units" / "china_provinces.csv")


def test_units() -> None:
    ids, attributes = units().ids, units().attributes
    assert len(ids) == 31
    assert units().aggregates == ("CN",)
    assert units().match("全国") == units().match("China") == "CN"
    assert sum(attributes[u]["go_west"] for u in ids) == 12
    assert {r: sum(attributes[u]["region"] == r for u in ids) for r in ("East", "Central", "West", "Northeast")} == {
        "East": 10, "Central": 6, "West": 12, "Northeast": 3,
    }  # fmt: skip
    assert 9.4e6 < sum(attributes[u]["land_area_km2"] for u in ids) < 9.7e6
    assert not units().exists("CN-CQ", 1996)
    assert units().exists("CN-CQ", 1997)
    assert not units().exists("CN-HI", 1987)


def test_names_lead_to_one_province_each() -> None:
    names = [normal(name) for unit in units().ids for name in {normal(n) for n in (unit, *units().names[unit])}]
    assert len(names) == len(set(names))
    for name, unit in {
        "Nei Mongol": "CN-NM", "Xizang": "CN-XZ", "西藏": "CN-XZ", "北 京": "CN-BJ", "京": "CN-BJ", "贵州省": "CN-GZ",
        "Shanxi": "CN-SX", "Shaanxi": "CN-SN", "陕西": "CN-SN", "山西": "CN-SX", "Szechwan": "CN-SC", "610000": "CN-SN",
        "Xinjiang Uygur Autonomous Region": "CN-XJ", "GUANGXI": "CN-GX", "广西壮族自治区": "CN-GX",
    }.items():  # fmt: skip
        assert units().match(name) == unit, name
    assert "Shanxi" not in units().names["CN-SN"]
    assert units().match("Taiwan") is None


def test_boundaries_are_those_of_the_units() -> None:
    features = json.loads((DATA / "boundaries" / "china_provinces.geojson").read_text(encoding="utf-8"))["features"]
    by_id = {f["properties"]["id"]: f for f in features}
    assert len(features) == len(by_id) == 34
    assert set(by_id) - set(units().ids) == {"CN-TW", "CN-HK", "CN-MO"}
    assert set(units().ids) <= set(by_id)
    for unit in units().ids:
        assert str(by_id[unit]["properties"]["adcode"]) == units().attributes[unit]["code"]
        assert units().match(by_id[unit]["properties"]["name_zh"]) == unit
    shapes = {unit: shapely.from_geojson(json.dumps(by_id[unit]["geometry"])) for unit in units().ids}
    assert all(shape.is_valid for shape in shapes.values())
    edges = [pair for pair in combinations(units().ids, 2) if shapes[pair[0]].intersects(shapes[pair[1]])]
    assert len(edges) == 68
    assert not any("CN-HI" in pair for pair in edges)
