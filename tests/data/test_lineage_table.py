"""The table of the cells behind a panel: small ones as text, large ones as categories with the same content."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ruralpanel.data import lineage
from ruralpanel.data.lineage import LABELS, LINEAGE, as_text, constant, joined, kinds, write


def cells(variable: str, units: list[str], factor: float) -> pd.DataFrame:
    """Two years of each unit, as a series gives them: labels as categories, periods as ingest has them."""
    count = 2 * len(units)
    columns = {name: constant("", count) for name in LINEAGE if name in LABELS}
    columns |= {
        "variable": constant(variable, count),
        "unit": pd.Categorical(np.repeat(units, 2)),
        "text": pd.Series([f"{i}.5" for i in range(count)], dtype="str"),
        "measure_from": constant("km", count),
        "period": np.tile(np.array([2001, 2002], dtype=np.int32), len(units)),
        "factor": np.broadcast_to(np.float64(factor), count),
        "value": np.where(np.arange(count) == 1, np.nan, np.arange(count) + 0.5),
        "row": np.arange(count, dtype=np.int32),
    }
    return pd.DataFrame({name: columns[name] for name in LINEAGE})


TABLES = [cells("roads", ["A", "B"], 1.0), cells("cars", ["B", "C", "D"], 1000.0)]


def test_small_tables_are_text_by_variable_unit_and_period() -> None:
    table = joined(TABLES)
    assert list(table.columns) == list(LINEAGE) and len(table) == 10
    assert table["variable"].tolist() == ["cars"] * 6 + ["roads"] * 4
    assert table["unit"].tolist() == list("BBCCDDAABB") and table["period"].tolist() == [2001, 2002] * 5
    assert all(table[name].dtype == "str" for name in LABELS) and table["period"].dtype == "int64"
    assert table["factor"].tolist() == [1000.0] * 6 + [1.0] * 4


def test_large_tables_hold_the_same_as_categories(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    small = joined(TABLES)
    write(TABLES, tmp_path / "small.parquet")
    monkeypatch.setattr(lineage, "MOST_TEXTS", 5)
    large = joined(TABLES)
    assert all(isinstance(large[name].dtype, pd.CategoricalDtype) for name in LABELS if name != "text")
    pd.testing.assert_frame_equal(as_text(large), small)
    write(TABLES, tmp_path / "large.parquet")
    frames = [pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("small", "large")]
    pd.testing.assert_frame_equal(frames[0], small)
    pd.testing.assert_frame_equal(as_text(frames[1]), small)


@pytest.mark.parametrize("most", [5, 1000])
def test_cells_alike_are_counted_once_in_the_order_in_which_they_stand(
    most: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(lineage, "MOST_TEXTS", most)
    repaired = cells("cars", ["B"] * 2 + ["C"], 1.0)
    repaired["correction"] = pd.Categorical(["", "blank", "", "", "", "blank"])
    repaired["period"] = np.array([2001, 2002, 2003, 2004, 2001, 2002], dtype=np.int32)
    write([repaired, TABLES[0]], tmp_path / "lineage.parquet")
    counted = kinds(tmp_path / "lineage.parquet", ["variable", "unit", "correction"])
    assert counted.astype({"cells": int}).astype(object).to_numpy().tolist() == [
        ["cars", "B", "", 3], ["cars", "B", "blank", 1], ["cars", "C", "", 1], ["cars", "C", "blank", 1],
        ["roads", "A", "", 2], ["roads", "B", "", 2],
    ]  # fmt: skip


def test_nothing_read_is_a_table_without_rows(tmp_path: Path) -> None:
    write([], tmp_path / "none.parquet")
    assert list(pd.read_parquet(tmp_path / "none.parquet").columns) == list(LINEAGE)
    assert joined([TABLES[0].iloc[:0]]).empty
    assert kinds(tmp_path / "none.parquet", ["variable", "unit"]).empty
