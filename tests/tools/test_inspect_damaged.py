"""Damaged and foreign files: `new-source` prints an entry that YAML reads, or says in words what is wrong."""

from __future__ import annotations

import random
import warnings
from pathlib import Path

import pyogrio
import pytest
import yaml

from adapter_harness import refusal, source_of
from brought_files import KINDS
from ruralpanel.project.problems import UserError
from ruralpanel.project.units import load_units
from ruralpanel.tools.new_source.inspect import inspect_source, inspect_with_sidecar

ROOT = Path(__file__).resolve().parents[2]
UNITS = load_units(ROOT / "data" / "units" / "china_provinces.csv")


def damaged(raw: bytes, draw: random.Random) -> bytes:
    """Cut, overwritten, shortened in the middle, repeated, or with a sign put in."""
    at = draw.randrange(len(raw))
    kind = draw.choice(("cut", "bytes", "gap", "again", "sign"))
    if kind == "cut":
        return raw[:at]
    if kind == "bytes":
        changed = bytearray(raw)
        for _ in range(draw.randrange(1, 6)):
            changed[draw.randrange(len(raw))] = draw.randrange(256)
        return bytes(changed)
    if kind == "gap":
        return raw[:at] + raw[draw.randrange(at, len(raw)) :]
    if kind == "again":
        return raw[:at] + raw[max(0, at - 20) : at] + raw[at:]
    return raw[:at] + draw.choice((b",", b";", b'"', b"x", b"\n", b"\t", "约".encode())) + raw[at:]


def look(file: Path) -> str:
    outcome = "entry"
    for way in (inspect_source, inspect_with_sidecar):
        try:
            assert yaml.safe_load(way(file, UNITS, ROOT))
        except UserError as error:
            assert all(problem.file and problem.found and problem.expected for problem in error.problems)
            outcome = "refused"
    return outcome


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files(kind: str, tmp_path: Path) -> None:
    file = KINDS[kind][0](tmp_path)
    raw = file.read_bytes()
    draw = random.Random(kind)
    for _ in range(3 if kind == "duckdb" else 8):  # DuckDB opens slowly
        file.write_bytes(damaged(raw, draw))
        look(file)


@pytest.mark.parametrize(
    "name", ["README.md", "config.yaml", "LICENSE", "docs/images/rural_industry.png", "data/boundaries", "Snakefile"]
)
def test_files_that_are_no_tables(name: str) -> None:
    path = ROOT / name
    for file in [path] if path.is_file() else sorted(path.iterdir())[:2]:
        assert look(file) == "refused"


def test_a_dbase_figure_that_is_read_in_part_is_refused(tmp_path: Path) -> None:
    file = KINDS["dbase"][0](tmp_path)
    raw = file.read_bytes()
    assert raw.count(b"  101.25") == 1
    file.write_bytes(raw.replace(b"  101.25", b"1 101.25"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert pyogrio.read_dataframe(file, read_geometry=False)["roads_km"][0] == 1  # what the reader makes of it
    layout = {"unit": "province", "period": "year"}
    said = refusal(source_of("table", file, {"roads_km": {"measure": "km"}}, layout))
    assert "column roads_km" in said and '"1 101.25' in said


@pytest.mark.parametrize(
    "content", ["1," * 2**20, "a" * (2**20 + 1), "unit,year,x\nA,2001," + "1" * (2**20 + 1) + "\n"]
)
def test_a_line_without_an_end(content: str, tmp_path: Path) -> None:
    file = tmp_path / "t.csv"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match="a line of more than 1,048,576 signs"):
        inspect_source(file, UNITS, ROOT)
