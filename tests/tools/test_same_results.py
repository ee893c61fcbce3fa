"""What `make same` says of two runs."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pandas as pd
import pytest

from ruralpanel.tools.same_results import compare, main, relative_difference


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    """Two equal runs."""
    for name in ("kept", "new"):
        folder = tmp_path / name
        (folder / "models").mkdir(parents=True)
        (folder / "logs").mkdir()
        model = {"coefficients": [{"term": "x", "estimate": 1.0}, {"term": "z", "estimate": 4.0}], "note": "as before"}
        (folder / "models" / "main.json").write_text(json.dumps(model), encoding="utf-8")
        (folder / "table.csv").write_text("unit,period,y\nA,2001,1.5\nB,2001,2\n", encoding="utf-8")
        (folder / "map.svg").write_text("<svg/>", encoding="utf-8")
        pd.DataFrame({"y": [1.0, math.nan]}).to_parquet(folder / "panel.parquet")
        (folder / "logs" / "run.log").write_text(name, encoding="utf-8")
    return tmp_path / "kept", tmp_path / "new"


def test_equal_runs_are_the_same_whatever_their_logs_say(runs: tuple[Path, Path]) -> None:
    found = compare(*runs)
    assert found.same and found.n_same == 4
    assert main([str(folder) for folder in runs]) == 0


def test_the_largest_difference_is_named_with_its_place(runs: tuple[Path, Path]) -> None:
    kept, new = runs
    model = {"coefficients": [{"term": "x", "estimate": 1.1}, {"term": "z", "estimate": 5.0}], "note": "anew"}
    (new / "models" / "main.json").write_text(json.dumps(model), encoding="utf-8")
    (new / "table.csv").write_text("unit,period,y\nA,2001,1.5\nB,2001,3\n", encoding="utf-8")
    (new / "map.svg").write_text("<svg></svg>", encoding="utf-8")
    pd.DataFrame({"y": [1.0, 2.0]}).to_parquet(new / "panel.parquet")
    svg, models, panel, table = compare(kept, new).differences
    assert str(svg) == "map.svg: other bytes"
    assert models.n_numbers == 2 and models.largest == pytest.approx(0.2)
    assert models.where == "coefficients[1 z].estimate: 4.0 -> 5.0"
    assert models.n_others == 1 and models.first_other == "note: 'as before' -> 'anew'"
    assert panel.n_numbers == 1 and panel.where == "y row 1: nan -> 2.0"
    assert table.where == "line 3 (B, 2001) y: 2 -> 3" and table.largest == pytest.approx(1 / 3)
    assert main([str(kept), str(new)]) == 1


def test_files_on_one_side_only_are_named(runs: tuple[Path, Path]) -> None:
    kept, new = runs
    (new / "map.svg").rename(new / "other.svg")
    found = compare(kept, new)
    assert (found.missing, found.new) == (("map.svg",), ("other.svg",))
    assert not found.same


@pytest.mark.parametrize(
    ("old", "new", "size"),
    [(1, 1.0, 0), ("2", "3", 1 / 3), ("a", "b", None), (None, 1, None), (True, 1, None), (0.0, 1e-300, 1)],
)
def test_differences_are_relative(old: object, new: object, size: float | None) -> None:
    assert relative_difference(old, new) == (None if size is None else pytest.approx(size))


def test_other_calls_are_refused(tmp_path: Path) -> None:
    assert main([str(tmp_path)]) == 2
    assert main([str(tmp_path), str(tmp_path / "none")]) == 2
