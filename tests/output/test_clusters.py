"""Maps of clusters: found where they were put, reproducible, drawn with their legend, checked before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from conftest import tiny_config
from ruralpanel.estimate.places.autocorrelation import local_moran, moran
from ruralpanel.estimate.places.geography import Geography
from ruralpanel.output.maps.boundaries import load_boundaries
from ruralpanel.output.maps.clusters import CLASSES, draw_clusters, find_clusters
from ruralpanel.project.check import check
from ruralpanel.project.config_schema import config_schema
from ruralpanel.project.kinds.maps import Clusters
from ruralpanel.project.load import read_config
from ruralpanel.project.problems import UserError
from ruralpanel.project.reads import cluster_maps, map_matrices, used_variables
from ruralpanel.project.sections.data import weights_matrices
from ruralpanel.project.units import load_units

DATA = Path(__file__).parents[2] / "data"
BOUNDARIES = DATA / "boundaries" / "china_provinces.geojson"
COAST = ("CN-JS", "CN-SH", "CN-ZJ", "CN-FJ", "CN-AH", "CN-JX")
MATRICES = {"touch": {"type": "contiguity", "join": {"CN-HI": ["CN-GD"]}}, "five": {"type": "k_nearest", "k": 5}}


@pytest.fixture(scope="module")
def geography() -> Geography:
    return Geography(load_units(DATA / "units" / "china_provinces.csv"), str(BOUNDARIES), weights_matrices(MATRICES))


@pytest.fixture(scope="module")
def frame(geography: Geography) -> pd.DataFrame:
    """Noise; in 2019 the coast is high and one of its provinces is missing in 2012."""
    rng = np.random.default_rng(3)
    units = geography.units.ids
    rows = [
        (unit, year, rng.normal() + 6.0 * (year == 2019 and unit in COAST)) for unit in units for year in (2012, 2019)
    ]
    made = pd.DataFrame(rows, columns=["unit", "period", "made"])
    made.loc[(made["unit"] == "CN-BJ") & (made["period"] == 2012), "made"] = np.nan
    return made


def spec(**more: Any) -> Clusters:
    clusters = {"variable": "made", "weights_matrix": "touch", "draws": 999, "adjust": True} | more
    return Clusters(panel="p", clusters=clusters, title="Clusters")


def test_clusters_are_found_where_they_were_put(frame: pd.DataFrame, geography: Geography) -> None:
    found = find_clusters("m", spec(), frame, geography, 1, "maps.m")
    table = found.table
    assert list(table.groupby("period").size()) == [30, 31] and set(table["cluster"]) <= set(CLASSES)
    high = set(table.loc[(table["period"] == 2019) & (table["cluster"] == "HH"), "unit"])
    assert {"CN-SH", "CN-ZJ", "CN-JS"} <= high <= set(COAST)
    assert (table.loc[table["period"] == 2012, "cluster"] == "none").mean() > 0.9
    assert found.overall[2019].p_permutation < 0.05 < found.overall[2012].p_permutation
    codes = [one.code for one in found.weights]
    assert codes[:2] == ["weights_contiguity", "weights_joined"]
    assert found.weights[1].values["pairs"] == ["CN-GD–CN-HI"]
    rows = table[table["period"] == 2019]
    matrix = geography.neighbours("touch", tuple(rows["unit"])).matrix
    direct = local_moran(rows["value"].to_numpy(), matrix, 99, np.random.default_rng(0))
    np.testing.assert_allclose(rows["statistic"], direct.statistic, rtol=1e-12)
    total = moran(rows["value"].to_numpy(), matrix, 0, np.random.default_rng(0))
    assert found.overall[2019].statistic == pytest.approx(total.statistic, rel=1e-12)
    again = find_clusters("m", spec(), frame, geography, 1, "maps.m")
    pd.testing.assert_frame_equal(again.table, table)
    assert not find_clusters("m", spec(), frame, geography, 2, "maps.m").table["p_value"].equals(table["p_value"])
    single = find_clusters("m", spec(adjust=False), frame, geography, 1, "maps.m").table
    assert (single["cluster"] != "none").sum() > (table["cluster"] != "none").sum()
    np.testing.assert_array_equal(single["cluster"] != "none", single["p_value"] < 0.05)


OTHER: dict[str, Any] = {"variable": "other", "weights_matrix": "five", "draws": 199, "adjust": False}


def test_every_key_of_clusters_has_a_case() -> None:
    schema = config_schema()["$defs"]
    assert set(schema["map"]["properties"]["clusters"]["properties"]) == set(OTHER)


@pytest.mark.parametrize("key", OTHER)
def test_another_value_of_a_key_changes_the_clusters(frame: pd.DataFrame, geography: Geography, key: str) -> None:
    more = frame.assign(other=np.random.default_rng(4).normal(size=len(frame)))
    before, after = (
        find_clusters("m", chosen, more, geography, 1, "maps.m").table["cluster" if key == "adjust" else "p_value"]
        for chosen in (spec(), spec(**{key: OTHER[key]}))
    )
    assert not before.equals(after)


def test_what_cannot_be_looked_at_is_named(frame: pd.DataFrame, geography: Geography) -> None:
    for periods, change in (([2011], frame), ([2012], frame.assign(made=1.0))):
        with pytest.raises(
            UserError, match=f"made in {periods[0]} with [01] different figures; expected figures of at"
        ):
            find_clusters("m", spec().model_copy(update={"periods": tuple(periods)}), change, geography, 1, "maps.m")
    part = frame[frame["unit"] != "CN-GD"]
    with pytest.raises(UserError, match="no neighbour of CN-HI in the sample"):
        find_clusters("m", spec(), part, geography, 1, "maps.m")
    five = find_clusters("m", spec(weights_matrix="five"), part, geography, 1, "maps.m").weights
    assert [one.code for one in five][:1] == ["weights_k_nearest"]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["high among high", "no more than chance", "Benjamini"]),
        ("zh", ["不显著", "调整的 p 值低于"]),
    ],
)
def test_a_map_carries_legend_and_note(
    frame: pd.DataFrame, geography: Geography, tmp_path: Path, language: str, words: list[str]
) -> None:
    found = find_clusters("m", spec(), frame, geography, 1, "maps.m")
    boundaries = load_boundaries(BOUNDARIES)
    path = tmp_path / "m.svg"
    units = sorted(set(frame["unit"]))
    draw_clusters(
        "m", spec(), found, units, boundaries, {}, {"svg": path, "png": tmp_path / "m.png"}, language, "Note."
    )
    text = path.read_text(encoding="utf-8")
    assert (tmp_path / "m.png").stat().st_size > 10_000
    shown = " ".join(text.split())
    assert all(word in shown for word in words)


def test_names_in_maps_of_clusters_are_checked(tiny: Path) -> None:
    config: dict[str, Any] = tiny_config()
    square = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}
    feature = {"type": "Feature", "properties": {"id": "U01"}, "geometry": square}
    (tiny / "map.geojson").write_text(yaml.safe_dump({"type": "FeatureCollection", "features": [feature]}), "utf-8")
    config |= {
        "boundaries": "map.geojson",
        "weights_matrices": {"five": {"type": "k_nearest", "k": 5}},
        "maps": {"m": {"panel": "main", "clusters": {"variable": "levr", "weights_matrix": "fife"}}},
    }
    (tiny / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    found = [str(problem) for problem in check(read_config(str(tiny / "config.yaml")))]
    assert len(found) == 2 and '"levr"' in found[0]
    assert '"fife"; expected a name under weights_matrices; fix: did you mean "five"?' in found[1]
    config["maps"]["m"]["clusters"] = {"variable": "lever", "weights_matrix": "five"}
    (tiny / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    read = read_config(str(tiny / "config.yaml"))
    assert not check(read)
    clusters = read.maps["m"].options.get("clusters")
    assert clusters.draws == 9999 and clusters.adjust is True
    assert cluster_maps(read) == ("m",) and list(map_matrices(read)) == ["five"]
    assert "lever" in used_variables(read, "main")
