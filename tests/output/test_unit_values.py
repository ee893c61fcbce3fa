"""What models say of each unit, as a table and as maps."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from as_written import model_of
from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.results import Further
from ruralpanel.estimate.estimate import estimate
from ruralpanel.output.labels import Labels
from ruralpanel.output.maps.boundaries import Boundaries, load_boundaries
from ruralpanel.output.maps.of_models import draw_model
from ruralpanel.output.results import CHANGE, HIGH, LOW, OutputContext, in_percent, percent_of_level, values_of
from ruralpanel.output.tables.build import build
from ruralpanel.project.kinds.maps import OfModel
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import InferenceSpec

CHINA = Path(__file__).parents[2] / "data" / "boundaries" / "china_provinces.geojson"
WEST = ("CN-GZ", "CN-YN", "CN-SC", "CN-GS", "CN-QH", "CN-NX")
EAST = ("CN-JS", "CN-ZJ", "CN-FJ", "CN-SD", "CN-GD", "CN-LN")
GAP = {"by": "region", "group": "West", "reference": "East"}
LABELS = Labels("en", {"output": "Output (log)"}, {}, {"output": "log(made)"})


def made_up(estimator: str, method: str = "", **options: Any) -> dict[str, Any]:
    """A cross-section of twelve provinces, its results as a model's JSON."""
    rng = np.random.default_rng(20120126)
    units = sorted((*WEST, *EAST))
    x = rng.normal(size=(12, 2)) + np.array([[unit in EAST] * 2 for unit in units])
    y = x @ [0.5, 0.2] + rng.normal(scale=0.1, size=12)
    design = design_from_arrays(
        y, x, units, terms=("research", "roads"), estimator=estimator, method=method, name=estimator,
        inference=(InferenceSpec("own"),), options={"gap": GAP, **options},
        extra=Further(groups={unit: "West" if unit in WEST else "East" for unit in units}),
    )  # fmt: skip
    found = estimate(design.spec, design, 1, "").to_dict()
    return json.loads(json.dumps({**found, "panel": "made", "outcome": "output"}))


@pytest.fixture(scope="module")
def counterfactual() -> dict[str, Any]:
    return made_up("counterfactual", levers=["research"])


@pytest.fixture(scope="module")
def decomposition() -> dict[str, Any]:
    return made_up("decomposition", "gelbach", draws=99, blocks={"technology": ["research"], "transport": ["roads"]})


@pytest.fixture(scope="module")
def china() -> Boundaries:
    return load_boundaries(CHINA)


@pytest.fixture
def context(tmp_path: Path, counterfactual: dict[str, Any], decomposition: dict[str, Any]) -> OutputContext:
    plain = {**counterfactual, "model": "plain", "estimator": "fe"}
    (tmp_path / "models").mkdir()
    for model in ({**counterfactual, "model": "moved"}, {**decomposition, "model": "split"}, plain):
        (tmp_path / "models" / f"{model['model']}.json").write_text(json.dumps(model), encoding="utf-8")
    (tmp_path / "panels" / "made").mkdir(parents=True)
    codebook = pd.DataFrame({"variable": ["output"], "label": ["Output (log)"], "formula": ["log(made)"]})
    codebook.assign(label_zh="", measure="").to_csv(tmp_path / "panels" / "made" / "codebook.csv", index=False)
    return OutputContext(tmp_path, where="tables.by_unit")


def test_a_counterfactual_gives_changes_and_their_intervals(counterfactual: dict[str, Any]) -> None:
    values = values_of(model_of(counterfactual))
    assert list(values) == [CHANGE, LOW, HIGH]
    assert set(values[CHANGE]) == set(WEST)
    assert all(values[LOW][unit] <= values[CHANGE][unit] <= values[HIGH][unit] for unit in WEST)
    rows = {row["term"]: row for row in counterfactual["coefficients"]}
    assert values[CHANGE]["CN-GZ"] == rows["CN-GZ"]["estimate"]
    assert np.mean(list(values[CHANGE].values())) == pytest.approx(rows["mean_change"]["estimate"])


def test_a_decomposition_gives_parts_that_add_up(decomposition: dict[str, Any]) -> None:
    values = values_of(model_of(decomposition))
    assert list(values) == ["technology", "transport", "unexplained", "total"]
    for unit in WEST:
        parts = sum(values[part][unit] for part in ("technology", "transport", "unexplained"))
        assert parts == pytest.approx(values["total"][unit])


def test_slopes_of_each_unit_leave_their_errors_out() -> None:
    model = {
        "model": "m",
        "estimator": "cce",
        "by_unit": [{"unit": "A", "roads": 0.5, "std_error": {"roads": 0.1}, "flag": True}],
    }
    assert values_of(model_of(model)) == {"roads": {"A": 0.5}}


def test_changes_of_logarithms_are_said_in_per_cent(counterfactual: dict[str, Any]) -> None:
    assert percent_of_level(model_of(counterfactual), {"output": "log(made)"})
    assert not percent_of_level(model_of(counterfactual), {"output": "made / people"})
    assert not percent_of_level(model_of({**counterfactual, "estimator": "decomposition"}), {"output": "log(made)"})
    assert in_percent({"change": {"A": math.log(1.5), "B": 0.0}}) == {"change": {"A": pytest.approx(50.0), "B": 0.0}}


def test_the_table_has_a_row_for_each_unit_and_the_mean(
    context: OutputContext, counterfactual: dict[str, Any], decomposition: dict[str, Any]
) -> None:
    document = build("by_unit", {"type": "by_unit", "models": ["moved", "split"]}, context)
    assert [column.label for column in document.columns] == [
        "Change (%)", "95% interval", "Technology", "Transport", "Unexplained", "Total",
    ]  # fmt: skip
    rows = {row.key: row for row in document.rows}
    assert set(rows) == {*WEST, "mean"}
    change = values_of(model_of(counterfactual))[CHANGE]["CN-GZ"]
    assert rows["CN-GZ"].cells[0].value == pytest.approx(100 * math.expm1(change))
    assert rows["CN-GZ"].cells[5].value == values_of(model_of(decomposition))["total"]["CN-GZ"]
    terms = {row["term"]: row["estimate"] for row in decomposition["coefficients"]}
    assert [cell.value for cell in rows["mean"].cells[2:]] == [
        terms[name] for name in ("technology", "transport", "unexplained", "total")
    ]


def test_what_extrapolates_is_marked(context: OutputContext, counterfactual: dict[str, Any]) -> None:
    beyond = {**counterfactual, "model": "moved", "support": {"outside": ["CN-GZ"], "share_outside": 0.2}}
    (context.results / "models" / "moved.json").write_text(json.dumps(beyond), encoding="utf-8")
    document = build("by_unit", {"type": "by_unit", "models": ["moved"]}, context)
    marked = [row.key for row in document.rows if row.cells[0].text.endswith("†")]
    assert marked == ["CN-GZ"]
    assert any(note.startswith("†") for note in document.notes)


def test_a_model_without_units_is_refused(context: OutputContext) -> None:
    with pytest.raises(UserError, match="a counterfactual, a decomposition or cce"):
        build("by_unit", {"type": "by_unit", "models": ["plain"]}, context)


def test_each_term_is_a_map_of_its_own(tmp_path: Path, decomposition: dict[str, Any], china: Boundaries) -> None:
    path = tmp_path / "m.svg"
    names = {unit: unit.removeprefix("CN-") for unit in (*WEST, *EAST)}
    draw_model("m", OfModel(model="split", title="Parts"), model_of(decomposition), LABELS, china, names, {"svg": path})
    text = path.read_text(encoding="utf-8")
    for words in ("Technology", "Transport", "Unexplained", "Total", "Output (log)", "Other, or no figures"):
        assert words in text


def test_the_map_of_a_counterfactual_is_in_per_cent(
    tmp_path: Path, counterfactual: dict[str, Any], china: Boundaries
) -> None:
    path = tmp_path / "m.svg"
    beyond = {**counterfactual, "support": {"outside": ["CN-QH"]}}
    draw_model("m", OfModel(model="moved"), model_of(beyond), LABELS, china, {"CN-QH": "Qinghai"}, {"svg": path})
    text = path.read_text(encoding="utf-8")
    for words in ("Change", "Lower end, 95%", "Upper end, 95%", "<!-- % -->", "<!-- Output -->", "observed at"):
        assert words in text


@pytest.mark.parametrize(
    ("spec", "change", "words"),
    [
        ({"terms": ["technolgy"]}, {}, 'did you mean "technology"'),
        ({}, {"by_unit": []}, "says nothing of single units"),
        ({}, {"by_unit": [{"unit": "elsewhere", "technology": 1.0}]}, "no polygon"),
    ],
)
def test_what_cannot_be_mapped_is_said(
    tmp_path: Path, decomposition: dict[str, Any], china: Boundaries, spec: dict[str, Any], change: Any, words: str
) -> None:
    with pytest.raises(UserError) as raised:
        draw_model(
            "m",
            OfModel(model="split", **spec),
            model_of({**decomposition, **change}),
            LABELS,
            china,
            {},
            {"svg": tmp_path / "m.svg"},
        )
    assert words in str(raised.value)
