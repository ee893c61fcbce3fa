"""docs/results.md names every field of the results of the shipped configuration."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from conftest import ROOT

NAMED = set(re.findall(r"`([\w.-]+)`", (ROOT / "docs" / "results.md").read_text(encoding="utf-8")))
TABLES = (
    "scorecard.csv", "evidence.csv", "reconciliation/findings.csv", "panels/provinces/codebook.csv",
    "models/confirmation.csv",
)  # fmt: skip
COMMON = ("baseline", "interaction", "between")


@pytest.mark.parametrize("file", TABLES)
def test_columns_are_named(default_run: Path, file: str) -> None:
    with (default_run / "results" / file).open(encoding="utf-8-sig", newline="") as stream:
        assert set(next(csv.reader(stream))) <= NAMED


def test_fields_of_models_are_named(default_run: Path) -> None:
    for name in COMMON:
        model = json.loads((default_run / "results" / "models" / f"{name}.json").read_text(encoding="utf-8"))
        assert set(model) <= NAMED, name
        assert set(model["coefficients"][0]) | set(model["vcov"]) | set(model["diagnostics"]) <= NAMED, name
        assert {key for entry in model["inference"] for key in entry} <= NAMED, name


def test_fields_of_numbers_and_lineage_are_named(default_run: Path) -> None:
    results = default_run / "results"
    numbers = json.loads((results / "report" / "numbers.json").read_text(encoding="utf-8"))["numbers"]
    assert {key for entry in numbers for key in entry} <= NAMED
    assert set(pq.read_schema(results / "panels" / "provinces" / "lineage.parquet").names) <= NAMED


def test_every_file_below_results_is_on_the_page(default_run: Path) -> None:
    text = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    for path in (default_run / "results").iterdir():
        assert path.name in text, path.name
