"""CSV files that no spreadsheet runs, and that are read back as they were."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pyarrow import parquet

from ruralpanel.project import files
from ruralpanel.project.files import ByHash, contents, csv_text, inert, memory, read_rows, restored, write_frame
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


def test_long_tables_are_the_same_bytes_as_short_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    odd = [
        0.0,
        -0.0,
        np.nan,
        np.inf,
        -np.inf,
        5.0,
        1e-4,
        9.99e-5,
        1e-7,
        9999999999.5,
        1e10,
        123456789012.5,
        1e16,
        5e-324,
    ]
    values = np.concatenate(
        [odd, 10.0 ** np.arange(-30, 30), rng.normal(size=400) * 10.0 ** rng.integers(-20, 25, 400)]
    )
    texts = ["x", "a,b", 'q"t', "", "l\nm", " lead", "r\rx", "=1+1", "-x", "é甲", None]
    chosen = [texts[i % len(texts)] for i in range(len(values))]
    frame = pd.DataFrame({
        "plain": pd.array(["F" + str(i % 9) for i in range(len(values))], dtype="str"),
        "text": pd.array(chosen, dtype="str"),
        "object": pd.Series(chosen, dtype=object),
        "labels": pd.Categorical(chosen),
        "periods": pd.Series([2000 if i % 2 else "2000Q1" for i in range(len(values))], dtype=object),
        "whole": np.arange(len(values)),
        "truth": np.arange(len(values)) % 2 == 0,
        "whole, some missing": pd.array([None if i % 3 else i for i in range(len(values))], dtype="Int64"),
        "a,b": values,
    })  # fmt: skip
    frame.to_csv(tmp_path / "pandas.csv", index=False, lineterminator="\n")
    write_frame(tmp_path / "short.csv", frame)
    monkeypatch.setattr(files, "LONG", 150)
    write_frame(tmp_path / "long.csv", frame)
    short, long = ((tmp_path / name).read_bytes() for name in ("short.csv", "long.csv"))
    assert long == short and short != (tmp_path / "pandas.csv").read_bytes()  # "=1+1" is made inert, and nothing else
    write_frame(tmp_path / "days.csv", frame[["whole"]].assign(day=pd.Timestamp("2001-02-03")))
    assert (tmp_path / "days.csv").read_text(encoding="utf-8").splitlines()[1] == "0,2001-02-03"
    write_frame(tmp_path / "single.csv", frame[["text"]])
    assert (tmp_path / "single.csv").read_text(encoding="utf-8").count('""\n') == chosen.count("") + chosen.count(None)


def test_a_long_parquet_table_holds_what_a_short_one_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    codes = np.arange(300) % 7
    frame = pd.DataFrame({
        "label": pd.Categorical.from_codes(codes, [f"{i} " + "long" * 60_000 for i in range(7)]),
        "text": pd.array([None if i == 3 else f"F{i}" for i in codes], dtype="str"),
        "whole": np.arange(300, dtype=np.int32)[::-1],
        "truth": codes > 3,
        "figure": np.where(codes == 2, np.nan, codes / 7),
    })  # fmt: skip
    for name, long in (("short", 1000), ("long", 100)):
        monkeypatch.setattr(files, "LONG", long)
        files.write_parquet(tmp_path / f"{name}.parquet", frame)
        pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / f"{name}.parquet"), frame)
    stored = parquet.ParquetFile(tmp_path / "long.parquet").metadata.row_group(0)
    assert stored.column(0).total_uncompressed_size < 8 * 240_000  # each label once, though they take over a megabyte
    assert "DELTA_BINARY_PACKED" in stored.column(2).encodings


def test_memory_follows_the_files_that_a_job_reads(tmp_path: Path) -> None:
    """Snakemake names the arguments: ``wildcards`` and ``input``."""
    (tmp_path / "small").write_bytes(b"1" * 1000)
    with (tmp_path / "large").open("wb") as stream:
        stream.truncate(200_000_000)  # takes no room on the disk
    files = [str(tmp_path / name) for name in ("small", "large", "not there yet")]
    asked = memory(1000, 12)
    assert asked(wildcards=None, input=files[:1]) == 1000 and asked(wildcards=None, input=files) == 300 + 2400


def test_ids_that_would_be_run_are_refused(tmp_path: Path) -> None:
    (tmp_path / "units.csv").write_text("id,name\n=A1,First\n", encoding="utf-8")
    with pytest.raises(UserError, match="spreadsheets run as a formula"):
        load_units(tmp_path / "units.csv")


def test_parameters_are_recorded_by_their_hash_and_handed_on_whole(tmp_path: Path) -> None:
    settings = ByHash(models=[{"name": "m", "terms": ("a", "b")}], seed=1)
    assert repr(settings) == repr(ByHash(models=[{"name": "m", "terms": ["a", "b"]}], seed=1))
    assert len({repr(settings), repr(ByHash(settings, seed=2)), repr(ByHash(models=[], seed=1)), repr(ByHash())}) == 4
    assert len(repr(settings)) == 64 and pickle.loads(pickle.dumps(settings)) == settings
    (tmp_path / "a.csv").write_text("1")
    before = repr(contents(str(tmp_path / "a.csv")))
    (tmp_path / "a.csv").write_text("2")
    assert repr(contents(str(tmp_path / "a.csv"))) != before
