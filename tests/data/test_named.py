"""What a piece of a job reads of its panel: the columns that its settings name, and no other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ruralpanel.data.named import PanelFile, read_by_model

MODEL: dict[str, Any] = {
    "outcome": "y", "regressors": ["x", "z:gap"], "sample": "late", "inference": [{"options": {"by": "region"}}],
    "options": {"treatment": {"where": "law == 1"}}, "weights_matrix": "near",
}  # fmt: skip
SAMPLES = {"late": {"where": "lag(w, 2) > 3"}, "other": {"where": "n > 1"}}
NAMED = ["y", "x", "x__break_2003", "z", "gap", "law", "w"]
OTHERS = ["n", "yy", "n__break_2003", "v"]


@pytest.fixture
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"unit": list("aabb"), "period": [2001, 2002] * 2})
    return frame.assign(**{name: rng.normal(size=4) for name in [*NAMED, *OTHERS]})


def read(folder: Path, frame: pd.DataFrame, model: dict[str, Any] = MODEL) -> tuple[list[str], dict[str, Any], str]:
    file = folder / "panel.parquet"
    frame.to_parquet(file)
    columns, made_from = read_by_model(model, PanelFile(file), SAMPLES, {"near": {"type": "contiguity"}}, "year")
    return list(columns.frame), made_from, columns.sha256


def test_terms_conditions_and_steps_of_breaks_are_named(tmp_path: Path, frame: pd.DataFrame) -> None:
    columns, made_from, _ = read(tmp_path, frame)
    assert columns == ["unit", "period", *NAMED] == list(made_from["figures"])
    assert made_from["sample"] == SAMPLES["late"] and made_from["weights_matrix"] == {"type": "contiguity"}


@pytest.mark.parametrize("column", ["unit", "period", *NAMED])
def test_a_changed_cell_of_a_named_column_is_seen_in_that_column(
    tmp_path: Path, frame: pd.DataFrame, column: str
) -> None:
    _, before, sha256 = read(tmp_path, frame)
    frame.loc[2, column] = "c" if column == "unit" else 2003 if column == "period" else np.nan
    _, after, now = read(tmp_path, frame)
    assert [name for name, one in after["figures"].items() if one != before["figures"][name]] == [column]
    assert now != sha256


def test_other_columns_do_not_count_wherever_they_stand(tmp_path: Path, frame: pd.DataFrame) -> None:
    before = read(tmp_path, frame)
    frame.loc[2, OTHERS] = 7.0
    frame.insert(2, "new", 1.0)
    assert read(tmp_path, frame) == before


@pytest.mark.parametrize("between", ["\n", "\t", "\r\n", " "])
def test_a_name_that_begins_a_line_of_a_condition_is_named(tmp_path: Path, frame: pd.DataFrame, between: str) -> None:
    file = tmp_path / "panel.parquet"
    frame.to_parquet(file)
    named = PanelFile(file).named({"where": f"n > 1 and{between}v > 2"}, {"regressors": ["x__break_2003"]})
    assert list(named.frame) == ["unit", "period", "x__break_2003", "n", "n__break_2003", "v"]


def test_the_order_of_rows_and_kinds_of_numbers_count(tmp_path: Path, frame: pd.DataFrame) -> None:
    sha256 = {read(tmp_path, one)[2] for one in (frame, frame[::-1], frame.astype({"x": "float32"}))}
    assert len(sha256) == 3
    assert read(tmp_path, frame.astype({"unit": "category"}))[2] in sha256
