"""Maps of units' own slopes: hatched where their interval holds zero, drawn to the mean beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from as_written import model_of
from ruralpanel.output import style
from ruralpanel.output.labels import Labels
from ruralpanel.output.maps import of_models
from ruralpanel.output.maps.boundaries import Boundaries, load_boundaries
from ruralpanel.output.maps.sheet import NO_DATA, MapRow
from ruralpanel.project.kinds.maps import Classes, OfModel
from ruralpanel.project.problems import UserError

CHINA = Path(__file__).parents[2] / "data" / "boundaries" / "china_provinces.geojson"
LABELS = Labels("en", {"roads": "Roads"})
OPTIONS = OfModel(model="m", classes=Classes(method="user", breaks=(-1.0, 1.0)), title="Slopes")


@pytest.fixture(scope="module")
def china() -> Boundaries:
    return load_boundaries(CHINA)


def model() -> dict[str, Any]:
    """Made-up slopes of three provinces: told from zero and far below it, not told, told and near it."""
    made = {"CN-BJ": (-3.0, 0.5, -2.0), "CN-SC": (2.0, 2.5, 0.6), "CN-GD": (0.8, 0.2, 0.7)}
    rows = [
        {
            "unit": unit,
            "roads": slope,
            "std_error": {"roads": error},
            "ci": {"roads": [slope - 2.0 * error, slope + 2.0 * error]},
            "shrunken": {"roads": drawn},
        }
        for unit, (slope, error, drawn) in made.items()
    ]
    return {"model": "m", "estimator": "cce", "by_unit": rows, "spread": {"roads": 1.234}, "coefficients": []}


def test_units_whose_interval_holds_zero_are_hatched(china: Boundaries, monkeypatch: pytest.MonkeyPatch) -> None:
    sheets: list[tuple[Any, ...]] = []
    monkeypatch.setattr(of_models, "draw_sheet", lambda *args: sheets.append(args))
    of_models.draw_model(
        "s", OPTIONS, model_of(model()), LABELS, china, {"CN-BJ": "Beijing", "CN-XX": "?"}, {}, "en", "Boundaries."
    )
    rows, _, names, _, title, notes, where = sheets[0]
    [row] = rows
    assert isinstance(row, MapRow) and row.title == "Roads" and title == "Slopes" and where == "maps.s"
    low, middle, _ = [entry.fill for entry in row.legend][2::-1]
    own, drawn = row.panels
    assert own.fills == {"CN-BJ": low, "CN-SC": NO_DATA, "CN-GD": middle}
    assert drawn.fills == {"CN-BJ": low, "CN-SC": middle, "CN-GD": middle}
    assert [entry.fill for entry in row.legend][-2:] == [NO_DATA, style.OUTSIDE]
    assert "(Roads: 1 of 3)" in notes[0] and "1.2 (Roads)" in notes[0] and notes[0].endswith("Boundaries.")
    assert names == {"CN-BJ": "Beijing"}


def test_the_drawing(china: Boundaries, tmp_path: Path) -> None:
    path = tmp_path / "slopes.png"
    of_models.draw_model(
        "s", OPTIONS.model_copy(update={"labels": False}), model_of(model()), LABELS, china, {}, {"png": path}
    )
    assert path.read_bytes().startswith(b"\x89PNG") and path.stat().st_size > 20_000


def test_unknown_terms_and_places(china: Boundaries) -> None:
    with pytest.raises(UserError, match=r"maps.s.terms\[0\].*did you mean.*roads"):
        of_models.draw_model(
            "s", OPTIONS.model_copy(update={"terms": ("road",)}), model_of(model()), LABELS, china, {}, {}
        )
    moved = model()
    moved["by_unit"] = [{**row, "unit": "elsewhere"} for row in moved["by_unit"]]
    with pytest.raises(UserError, match="no polygon of the model's units"):
        of_models.draw_model("s", OPTIONS, model_of(moved), LABELS, china, {}, {})
