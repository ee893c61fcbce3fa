"""CSV files that no spreadsheet runs, and that are read back as they were."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from ruralpanel.project.files import csv_text, inert, read_rows, restored, write_frame
from ruralpanel.project.problems import UserError
from ruralpanel.project.units import load_units

FORMULAS = [
    "=1+1",
    '=HYPERLINK("http://x")',
    "@SUM(A1)",
    "+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0",
    "\t=1",
    "-log(x)",
]
PLAIN = [
    "-0.53",
    "+1.5e-3",
    "-0.35***",
    "-0.5 [-1.2; 0.3]",
    "-inf",
    "-4.1 %",
    "a = b",
    "'quoted'",
    "",
    "-",
    "−0.5",
    "+1.6 pp",
    "-25 % (of 31)",
    "-0.1 (0.2)",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_become_text(text: str) -> None:
    assert inert(text) == f"'{text}" and restored(inert(text)) == text


@pytest.mark.parametrize("text", PLAIN)
def test_numbers_and_words_stay(text: str) -> None:
    assert inert(text) == text and restored(text) == text


def test_tables_are_written_inert_and_read_back(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"label": ["=1+1", "plain", None], "kind": pd.Categorical(["@x", "y", "y"]), "n": [-1.5, 2, 3]}
    )
    write_frame(tmp_path / "table.csv", frame)
    assert (tmp_path / "table.csv").read_text(encoding="utf-8") == "label,kind,n\n'=1+1,'@x,-1.5\nplain,y,2.0\n,y,3.0\n"
    assert [row["label"] for row in read_rows(tmp_path / "table.csv")] == ["=1+1", "plain", ""]
    assert csv_text([("=1", -1, None, "a,b")]) == '\'=1,-1,,"a,b"\n'


def test_ids_that_would_be_run_are_refused(tmp_path: Path) -> None:
    (tmp_path / "units.csv").write_text("id,name\n=A1,First\n", encoding="utf-8")
    with pytest.raises(UserError, match="spreadsheets run as a formula"):
        load_units(tmp_path / "units.csv")
