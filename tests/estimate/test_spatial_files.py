"""Files of spatial weights in every form, and models that are given them by configuration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from conftest import make_tiny, tiny_config
from ruralpanel.claims.robustness.designs import subset
from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.places.geography import Geography
from ruralpanel.estimate.places.matrix_files import read_matrix
from ruralpanel.project.check import check
from ruralpanel.project.jobs import estimation_settings
from ruralpanel.project.load import read_config
from ruralpanel.project.problems import UserError
from ruralpanel.project.reads import place_files
from ruralpanel.project.sections.data import weights_matrices
from ruralpanel.project.settings import InferenceSpec
from ruralpanel.project.units import Units, load_units

UNITS = ("CN-BJ", "CN-TJ", "CN-HE")
LIST = "unit,neighbour,weight\nCN-BJ,CN-TJ,2\n北京,河北,1\n120000,Hebei,0.5\nCN-HE,CN-SX,9\nCN-HE,CN-BJ,0\n"
SQUARE = ",CN-HE,CN-BJ,CN-TJ,CN-SX\nCN-BJ,1,,2,\nCN-TJ,0.5,0,0,0\nCN-HE,,0,,9\nCN-SX,0,0,0,0\n"
GWT = "0 31 provinces id\nCN-BJ CN-TJ 2\n北京 河北 1\n120000 Hebei 0.5\nCN-HE CN-SX 9\n"
GAL = "0 3 provinces id\nCN-BJ 2\nCN-TJ CN-HE\nCN-TJ 1\nCN-HE\n\nCN-HE 0\n\n"
EXPECTED = np.array([[0, 2, 1], [0, 0, 0.5], [0, 0, 0]])


@pytest.fixture(scope="module")
def china() -> Units:
    return load_units(Path(__file__).parents[2] / "data" / "units" / "china_provinces.csv")


def written(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def message(action: Callable[[], object]) -> str:
    with pytest.raises(UserError) as caught:
        action()
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("list.csv", LIST, EXPECTED),
        ("unweighted.csv", "neighbour,unit\nCN-TJ,CN-BJ\n", [[0, 1, 0], [0, 0, 0], [0, 0, 0]]),
        ("square.csv", SQUARE, EXPECTED),
        ("weights.gwt", GWT, EXPECTED),
        ("weights.GAL", GAL, (EXPECTED > 0).astype(float)),
        ("plain.gal", GAL.replace("0 3 provinces id", "3"), (EXPECTED > 0).astype(float)),
    ],
)
def test_every_form_gives_the_same_matrix(tmp_path: Path, china: Units, name: str, text: str, expected: Any) -> None:
    found = read_matrix(
        written(tmp_path, name, text), UNITS, china, None if name.lower().endswith("gal") else "weights"
    )
    np.testing.assert_array_equal(found.toarray(), expected)


NEAREST = "0 3 provinces id\nCN-BJ CN-TJ 100\nCN-BJ CN-HE 400\nCN-TJ CN-BJ 100\nCN-HE CN-BJ 400\n"
APART = ",CN-BJ,CN-TJ,CN-HE\nCN-BJ,0,100,400\nCN-TJ,100,0,\nCN-HE,400,,0\n"
LISTED = "unit,neighbour,weight\nCN-BJ,CN-TJ,100\nCN-BJ,CN-HE,400\nCN-TJ,CN-BJ,100\nCN-HE,CN-BJ,400\n"


@pytest.mark.parametrize(
    ("name", "text"), [("w.gwt", NEAREST), ("w.kwt", NEAREST), ("w.csv", APART), ("l.csv", LISTED)]
)
def test_figures_are_what_the_key_says(tmp_path: Path, china: Units, name: str, text: str) -> None:
    path = written(tmp_path, name, text)
    links = np.array([[0, 1, 1], [1, 0, 0], [1, 0, 0]])
    near = np.array([[0, 1 / 100, 1 / 400], [1 / 100, 0, 0], [1 / 400, 0, 0]])  # the nearer weighs more
    np.testing.assert_array_equal(read_matrix(path, UNITS, china, "links").toarray(), links)
    np.testing.assert_allclose(read_matrix(path, UNITS, china, "distances").toarray(), near)
    np.testing.assert_array_equal(read_matrix(path, UNITS, china, "weights").toarray() > 0, links > 0)
    if name == "l.csv":  # the column says what it is
        assert read_matrix(path, UNITS, china)[0, 2] == 400
    else:
        assert "which may be weights or distances" in message(lambda: read_matrix(path, UNITS, china))


def test_figures_of_at_most_one_are_weights(tmp_path: Path, china: Units) -> None:
    path = written(tmp_path, "w.csv", ",CN-BJ,CN-TJ\nCN-BJ,0,0.25\nCN-TJ,1,0\n")
    np.testing.assert_array_equal(read_matrix(path, UNITS[:2], china).toarray(), [[0, 0.25], [1, 0]])


def test_a_distance_of_zero_weighs_nothing_that_is_finite(tmp_path: Path, china: Units) -> None:
    path = written(tmp_path, "w.gwt", "2\nCN-BJ CN-TJ 0\nCN-TJ CN-BJ 5\n")
    assert "line 2: found a distance of zero" in message(lambda: read_matrix(path, UNITS, china, "distances"))
    assert read_matrix(path, UNITS, china, "links").nnz == 2


def test_the_check_asks_what_a_gwt_holds(tmp_path: Path) -> None:
    config: dict[str, Any] = tiny_config()
    make_tiny(tmp_path)
    for name in ("w.gwt", "w.gal"):
        (tmp_path / name).write_text("2\n", encoding="utf-8")

    def said(path: str, **keys: str) -> list[str]:
        config["weights_matrices"] = {"w": {"type": "file", "path": path, **keys}}
        (tmp_path / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
        return [str(problem) for problem in check(read_config(tmp_path / "config.yaml"))]

    (asked,) = said("w.gwt")
    assert "weights_matrices.w.values" in asked and "values: distances (a link weighs 1 / distance)" in asked
    assert said("w.gwt", values="distances") == said("w.gal") == said("w.gal", values="links") == []
    assert "it holds no figures" in said("w.gal", values="distances")[0]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (
            "bad.csv",
            "unit,neighbour,weight\nCN-BG,CN-TJ,1\nCN-BJ,CN-BJ,1\nCN-BJ,CN-TJ,-1\nCN-BJ,CN-TJ,\nCN-BJ,CN-HE,1\nCN-BJ,河北,1\n",
            [
                'row 2: found "CN-BG"; expected an id or name of the units file; fix: did you mean',
                "row 3: found CN-BJ as its own neighbour; expected another unit",
                'row 4: found weight "-1"; expected a number of zero or more',
                'row 5: found weight ""',
                "row 7: found CN-BJ → CN-HE again; expected each link once",
            ],
        ),
        ("bad.csv", "unit,neighbour,distance\nCN-BJ,CN-TJ,80\n", ["the column distance, but no weight", "distances"]),
        ("bad.csv", "unit,other\nCN-BJ,CN-TJ\n", ["row 1: found columns unit, other and 1 rows", "the same units"]),
        ("bad.csv", "", ["found columns none and 0 rows"]),
        ("bad.csv", "unit,neighbour\nCN-BJ\n", ["row 2: found 1 cells; expected 2, as the header has"]),
        ("bad.csv", 'unit,neighbour\n"CN-BJ,CN-TJ\n', ["a table that cannot be read"]),
        ("bad.csv", ",CN-BJ,CN-TJ\nCN-BJ,1,1\nCN-TJ,x,0\n", ["column CN-BJ: found CN-BJ as its own", 'weight "x"']),
        ("bad.csv", "unit,neighbour\nCN-SX,CN-NM\n", ["no link between units of the sample"]),
        ("bad.gal", "3 provinces\n", ['line 1: found "3 provinces"; expected the number of units']),
        ("bad.gal", "1\nCN-BJ two\n", ['line 2: found "CN-BJ two"; expected id and number of neighbours']),
        ("bad.gal", "1\nCN-BJ 2\nCN-TJ\n", ["line 3: found 1 neighbours of CN-BJ; expected 2"]),
        ("bad.gal", "1\nCN-BJ 2\n", ["line 3: found 0 neighbours of CN-BJ; expected 2"]),
        ("bad.gal", "2\nCN-BJ 1\nCN-TJ\n", ["line 1: found 2 units announced; expected 1, as many as follow"]),
        ("bad.gwt", "0 3 provinces id\nCN-BJ CN-TJ\n", ['line 2: found "CN-BJ CN-TJ"; expected id, neighbour and']),
    ],
)  # fmt: skip
def test_every_fault_is_named(tmp_path: Path, china: Units, name: str, text: str, expected: list[str]) -> None:
    words = message(lambda: read_matrix(written(tmp_path, name, text), UNITS, china))
    assert all(part in words for part in expected), words


def test_a_file_that_is_not_there_and_ids_without_names(tmp_path: Path) -> None:
    assert "found no such file" in message(lambda: read_matrix(str(tmp_path / "none.csv"), UNITS))
    path = written(tmp_path, "names.csv", "unit,neighbour\n北京,CN-TJ\n")
    assert 'row 2: found "北京"' in message(lambda: read_matrix(path, UNITS))


def square_design(matrix: str, inference: str = "cluster", repeats: int = 2, extra: Any = None) -> Any:
    rng = np.random.default_rng(5)
    units = [unit for unit in ("CN-HE", "CN-BJ", "CN-TJ", "CN-SX") for _ in range(repeats)]
    settings = (InferenceSpec(inference, {"cutoff_km": 100} if inference == "conley" else {}),)
    return design_from_arrays(
        rng.normal(size=len(units)), rng.normal(size=len(units)), units, list(range(repeats)) * 4,
        weights_matrix=matrix or None, inference=settings, estimator="pooled", extra=extra,
    )  # fmt: skip


def test_a_design_is_given_what_its_model_asks_for(tmp_path: Path, china: Units) -> None:
    boundaries = str(Path(china.file).parents[1] / "boundaries" / "china_provinces.geojson")
    matrices = {
        "near": {"type": "contiguity"},
        "own": {"type": "file", "path": written(tmp_path, "w.csv", LIST.replace("CN-HE,CN-BJ,0", "CN-HE,CN-BJ,3")),
                "join": {"CN-SX": ["CN-HE"]}},
    }  # fmt: skip
    geography = Geography(china, boundaries, weights_matrices(matrices))
    plain = square_design("")
    assert geography.placed(plain) is plain and "polygons" not in vars(geography)
    own = geography.placed(square_design("own"))
    assert "polygons" not in vars(geography) and own.extra.coordinates is None
    assert own.units == ("CN-BJ", "CN-HE", "CN-SX", "CN-TJ")
    row = own.extra.weights_matrix.toarray()[own.units.index("CN-HE")]
    np.testing.assert_allclose(row, [0.25, 0, 0.75, 0])  # 3 and 9, the join's 1 not above what is there
    near = geography.placed(square_design("near"))
    expected = np.array([[0, 1, 0, 1], [1, 0, 1, 1], [0, 1, 0, 0], [1, 1, 0, 0]])
    np.testing.assert_allclose(near.extra.weights_matrix.toarray(), expected / expected.sum(axis=1)[:, None])
    assert near.extra.weights_about.name == "near" and near.extra.coordinates.shape == (4, 2)
    part = subset(near, np.flatnonzero(near.unit_codes != 1))
    np.testing.assert_allclose(part.extra.weights_matrix.toarray(), [[0, 0, 1], [0, 0, 0], [1, 0, 0]])
    np.testing.assert_array_equal(part.extra.coordinates, near.extra.coordinates[[0, 2, 3]])


def test_distances_for_errors_come_from_polygons_or_the_units_file(china: Units) -> None:
    boundaries = str(Path(china.file).parents[1] / "boundaries" / "china_provinces.geojson")
    design = square_design("", "conley", repeats=1)
    found = Geography(china, boundaries).placed(design)
    assert found.extra.weights_matrix is None
    np.testing.assert_allclose(found.extra.coordinates[0], [116.407, 40.174], atol=1e-3)  # Beijing
    words = message(lambda: Geography(china, None).placed(design))
    assert "models.model.inference: found no position of CN-BJ, CN-HE, CN-SX, CN-TJ" in words
    attributes = {unit: {**china.attributes[unit], "longitude": 1.0, "latitude": float(i)}
                  for i, unit in enumerate(china.ids)}  # fmt: skip
    placed = Geography(replace(china, attributes=attributes), boundaries).placed(design)
    np.testing.assert_array_equal(placed.extra.coordinates[:, 0], 1.0)
    # a cross-section has as many rows as units, and its positions are cut by unit all the same
    part = subset(placed, np.array([0, 2, 3], dtype=np.intp))
    np.testing.assert_array_equal(part.extra.coordinates, placed.extra.coordinates[[0, 2, 3]])


def declared(tiny: Path, matrices: dict[str, Any], units_head: str = "id,name_en,region", **model: Any) -> list[str]:
    config: dict[str, Any] = tiny_config()
    config["weights_matrices"] = matrices
    config["models"]["effect"] |= model
    (tiny / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    if units_head.endswith("latitude"):
        lines = (tiny / "units.csv").read_text(encoding="utf-8").splitlines()
        rows = [units_head, *(f"{line},{i},{i}" for i, line in enumerate(lines[1:]))]
        (tiny / "units.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return [str(problem) for problem in check(read_config(str(tiny / "config.yaml")))]


def test_declarations_are_checked_before_anything_runs(tiny: Path) -> None:
    touch = {"type": "contiguity", "k": 3, "join": {"U01": ["U02"], "U99": ["U03"]}}
    found = declared(tiny, {"touch": touch, "five": {"type": "k_nearest"}, "own": {"type": "file", "path": "w.csv"}})
    assert [line.split("found ")[1] for line in found] == [
        '"k" with type contiguity; expected one of: type, standardise, join; fix: remove k',
        '"U99"; expected ids of the units file; fix: did you mean "U19" or "U09"?',
        "no k; expected k, which type k_nearest needs",
        f'"{tiny / "w.csv"}", which does not exist; expected a file; fix: check the path',
    ]
    (line,) = declared(tiny, {"touch": {"type": "contiguity"}}, weights_matrix="touch")
    assert "models.effect.weights_matrix" in line and "contiguity without boundaries" in line
    (line,) = declared(tiny, {"five": {"type": "k_nearest", "k": 5}}, weights_matrix="five")
    assert "k_nearest without positions of the units" in line and "columns longitude and latitude" in line
    (line,) = declared(tiny, {}, inference=[{"vcov": "conley", "cutoff_km": 500}])
    assert "models.effect.inference" in line and "conley without positions of the units" in line
    (line,) = declared(tiny, {"five": {"type": "k_nearest", "k": 5}}, weights_matrix="fife")
    assert 'found "fife"; expected a name under weights_matrices; fix: did you mean "five"?' in line
    near = {"five": {"type": "k_nearest", "k": 5}}
    assert not declared(tiny, near, "id,name_en,region,longitude,latitude", weights_matrix="five")
    (tiny / "w.csv").write_text("unit,neighbour\n", encoding="utf-8")
    own = {"own": {"type": "file", "path": "w.csv"}, "unused": {"type": "k_nearest", "k": 2}}
    assert not declared(tiny, own, weights_matrix="own")
    config = read_config(str(tiny / "config.yaml"))
    assert place_files(config, ["effect"]) == {"boundaries": [], "matrices": [str(tiny / "w.csv")]}
    assert list(estimation_settings(config, ["main"])["weights_matrices"]) == ["own"]
