"""Tables of every format say the same figures; mistakes in them are named by row and column."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import openpyxl
import pandas as pd
import pytest

from adapter_harness import check_cells, check_mutations, figures, refusal, source_of
from ruralpanel.data.adapters import delimited, registry
from ruralpanel.data.adapters.cells import remarks_of
from ruralpanel.data.adapters.delimited import open_delimited
from ruralpanel.project.sidecars import SourceSpec, load_sidecar
from table_formats import FORMATS, LAYOUT, ROOT, SERIES, SHIPPED, YEARBOOK, shipped, write_excel


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_says_the_same(tmp_path: Path, form: str) -> None:
    name, write, layout, series = FORMATS[form]
    write(tmp_path / name)
    source = source_of("table", tmp_path / name, series, layout)
    read = registry.read(source)
    check_cells(read, source)
    assert figures(read) == pytest.approx(shipped(), rel=1e-12)
    assert all(text for text in read.loc[read["value"].notna(), "text"])


@pytest.mark.slow
def test_every_shipped_table_is_read_exactly() -> None:
    sidecar = load_sidecar(ROOT / "data" / "sources" / "nbs_yearbook.yaml")
    source = SourceSpec(
        "nbs_yearbook",
        "table",
        str(YEARBOOK),
        tuple(map(str, sorted(YEARBOOK.iterdir()))),
        sidecar,
        sidecar.layout,
        sidecar.series,
    )
    read = registry.read(source)
    check_cells(read, source)
    assert set(read["series"]) == set(sidecar.series)
    for name, own in read.groupby("file", observed=True):
        lines = list(csv.reader((YEARBOOK.parent / str(name)).open(encoding="utf-8")))
        for cell in own.itertuples():
            line = dict(zip(lines[0], lines[cell.row - 1], strict=True))
            assert (line["region_en"], line["year"], line[cell.column]) == (cell.unit, str(cell.period), cell.text)
            assert (float(cell.text) if cell.text else None) == (None if np.isnan(cell.value) else cell.value)


def test_place_of_a_figure_in_a_range(tmp_path: Path) -> None:
    write_excel(tmp_path / "t.xlsx")
    read = registry.read(source_of("table", tmp_path / "t.xlsx", SERIES, FORMATS["XLSX"][2]))
    cell = read[(read["unit"] == "Beijing") & (read["series"] == "rural")].iloc[0]
    assert (cell["sheet"], cell["row"], cell["column"], cell["value"]) == ("table", 4, SERIES["rural"]["column"], 41.0)


def test_years_across(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("地区,2011年,2012\n北京市,1.5,\n总计,9,9\n贵州省,…,3\n", encoding="gbk")
    source = source_of("table", path, {"x": {}}, {"shape": "wide", "unit": "地区", "skip_rows": ["总计"]})
    assert figures(registry.read(source)) == {("x", "北京市", 2011): 1.5, ("x", "贵州省", 2012): 3.0}


@pytest.mark.parametrize("across", ["period", "unit"])
def test_footnote_marks_behind_names(tmp_path: Path, across: str) -> None:
    rows = [["name", "2001", "2002"], ["天津市①", "1", "2"], ["河北省 [2]", "3", "4"]]
    if across == "unit":
        rows = [list(row) for row in zip(*rows, strict=True)]
    path = tmp_path / "marks.csv"
    path.write_text("\n".join(",".join(row) for row in rows), encoding="utf-8")
    layout = {"shape": "wide", "across": across, "period" if across == "unit" else "unit": "name"}
    found = figures(registry.read(source_of("table", path, {"roads": {}}, layout)))
    assert found == {
        ("roads", unit, year): value
        for unit, values in (("天津市", (1.0, 2.0)), ("河北省", (3.0, 4.0)))
        for year, value in zip((2001, 2002), values, strict=True)
    }


def test_units_across(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("年份,北京,贵州,合计\n2011年,1.5,2,3.5\n2012年,,3,3\n", encoding="utf-8")
    source = source_of(
        "table", path, {"x": {}}, {"shape": "wide", "across": "unit", "period": "年份", "skip_rows": ["合计"]}
    )
    assert figures(registry.read(source)) == {
        ("x", "北京", 2011): 1.5,
        ("x", "贵州", 2011): 2.0,
        ("x", "贵州", 2012): 3.0,
    }


def test_rows_kept_by_where_and_a_fixed_year(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("unit,sex,x\nA,total,3\nA,men,1\nA,women,2\nB,Total ,5\nB,men,-999\n", encoding="utf-8")
    layout = {"where": {"sex": "total"}, "period": 1998, "missing": [-999]}
    assert figures(registry.read(source_of("table", path, {"x": {}}, layout))) == {
        ("x", "A", 1998): 3.0,
        ("x", "B", 1998): 5.0,
    }
    layout["where"] = {"sex": "men"}
    assert figures(registry.read(source_of("table", path, {"x": {}}, layout))) == {("x", "A", 1998): 1.0}
    assert "column sex" in refusal(source_of("table", path, {"x": {}}, {**layout, "where": {"sex": "children"}}))
    assert "a second row for A, 1998" in refusal(source_of("table", path, {"x": {}}, {"period": 1998}))


def test_one_series_in_several_files_and_columns() -> None:
    series = {
        "employed": {
            "files": [
                "self_employed_2003.csv",
                {"file": "self_employed_2008.csv", "column": "urban_employed_10k_persons"},
            ],
            "column": "rural_employed_10k_persons",
        }
    }
    read = figures(registry.read(source_of("table", YEARBOOK, series, LAYOUT)))
    assert read["employed", "Beijing", 2003] == 21.6 and read["employed", "Beijing", 2008] == 65.1


def test_a_sidecar_may_describe_more_files_than_the_source_reads() -> None:
    series = {**SERIES, "other": {"file": "self_employed_1998.csv", "column": "employed_10k_persons"}}
    assert set(registry.read(source_of("table", SHIPPED, series, LAYOUT))["series"]) == {"rural", "urban"}


CSV_FAULTS: dict[str, tuple[Callable[[str], str], str]] = {
    "empty": (lambda c: "", "an empty file"),
    "only a header": (lambda c: c.splitlines()[0] + "\n", "a table without rows"),
    "column missing": (lambda c: c.replace("rural_employed", "rural_empl"), '"rural_empl_10k_persons"'),
    "column twice": (lambda c: c.replace("households_10k", "year"), "2 columns of this name"),
    "row twice": (lambda c: c + "Beijing,2008,1,1,1,1\n", "row 33: found a second row for Beijing, 2008"),
    "text in a figure": (
        lambda c: c.replace("41.0", "41.0 p"),
        'row 2, column rural_employed_10k_persons: found "41.0 p"',
    ),
    "comma": (lambda c: c.replace("41.0", '"41,0"'), 'layout: {decimal: ","} or {thousands: ","}'),
    "no year": (lambda c: c.replace("Beijing,2008", "Beijing,20o8"), 'column year: found "20o8"; expected a year'),
    "year blank": (lambda c: c.replace("Beijing,2008", "Beijing,"), "row 2, column year: found nothing"),
    "unit blank": (lambda c: c.replace("Beijing", ""), "row 2, column region_en: found nothing"),
    "row short": (lambda c: c.replace(",65.1,41.0", ""), "row 2: found 4 columns; expected 6"),
    "row long": (lambda c: c.replace("41.0", "41.0,7"), "row 2: found 7 columns; expected 6"),
    "open quotation": (lambda c: c.replace("Beijing", '"Beijing'), "cannot be split into columns"),
    "last figure cut": (lambda c: c.rstrip("\n")[:-2], "at the very end, with fewer decimals"),
}


@pytest.mark.parametrize("fault", CSV_FAULTS)
def test_faults(tmp_path: Path, fault: str) -> None:
    change, words = CSV_FAULTS[fault]
    path = tmp_path / "t.csv"
    path.write_text(change(SHIPPED.read_text(encoding="utf-8")), encoding="utf-8")
    message = refusal(source_of("table", path, SERIES, LAYOUT))
    assert words in message and "t.csv" in message
    assert message.count("\n") <= 1


@pytest.mark.parametrize("form", ["XLSX", "Stata", "dBase", "Parquet", "SQLite", "DuckDB"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_files_cut_off(tmp_path: Path, form: str, share: float) -> None:
    name, write, layout, series = FORMATS[form]
    write(tmp_path / name)
    raw = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(raw[: int(len(raw) * share)])
    source = source_of("table", tmp_path / name, series, layout)
    if form == "SQLite" and share == 0.9:  # the lost page belongs to another table
        assert figures(registry.read(source)) == shipped()
    else:
        assert name in refusal(source)


@pytest.mark.parametrize("name", ["t.csv", "t.xlsx", "t.dta", "t.dbf", "t.parquet", "t.sqlite"])
def test_pictures_and_pages_are_no_tables(tmp_path: Path, name: str) -> None:
    for raw in (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" * 20, b"<html><p>404</p></html>"):
        (tmp_path / name).write_bytes(raw)
        assert name in refusal(source_of("table", tmp_path / name, SERIES, LAYOUT))


@pytest.mark.parametrize(("layout", "words"), [
    ({"range": "B3-G34"}, "layout.range"), ({"range": "B3:G34", "header": 90}, "nothing in row 92"),
    ({"sheet": "tabel"}, 'did you mean "table"'), ({}, "2 sheets with content (table, notes), none chosen"),
])  # fmt: skip
def test_wrong_places_in_a_workbook(tmp_path: Path, layout: dict[str, Any], words: str) -> None:
    write_excel(tmp_path / "t.xlsx")
    chosen = {**LAYOUT, **({"sheet": "table"} if "range" in layout else {}), **layout}
    assert words in refusal(source_of("table", tmp_path / "t.xlsx", SERIES, chosen))


def test_formulas_without_values(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["unit", "period", "x"], ["A", 2000, 1], ["B", 2000, "=C2*2"]):
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    assert "cell C3: found a formula without a stored result" in refusal(
        source_of("table", tmp_path / "t.xlsx", {"x": {}})
    )


def test_a_locked_workbook_is_called_one(tmp_path: Path) -> None:
    start = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
    (tmp_path / "t.xlsx").write_bytes(start + "EncryptedPackage".encode("utf-16-le") + bytes(1000))
    for adapter in ("table", "yearbook", "nbs_export"):
        words = refusal(source_of(adapter, tmp_path / "t.xlsx", {"x": {}}))
        assert "locked with a password" in words and "cut off" not in words


def test_dates_and_truth_values_are_no_figures(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["unit", "period", "x", "y"], ["A", 2000, pd.Timestamp("2000-01-02").to_pydatetime(), True]):
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    message = refusal(source_of("table", tmp_path / "t.xlsx", {"x": {}, "y": {}}))
    assert "2000-01-02" in message and "TRUE" in message


def test_infinite_figures_are_refused(tmp_path: Path) -> None:
    pd.DataFrame({"unit": ["A", "B"], "period": 2000, "x": [1.0, np.inf]}).to_parquet(tmp_path / "t.parquet")
    assert 'row 2, column x: found "inf"' in refusal(source_of("table", tmp_path / "t.parquet", {"x": {}}))


def test_dates_as_periods(tmp_path: Path) -> None:
    days = pd.to_datetime(["2000-12-31", "2001-12-31"])
    pd.DataFrame({"unit": "A", "period": days, "x": [1.0, 2.0]}).to_parquet(tmp_path / "t.parquet")
    assert figures(registry.read(source_of("table", tmp_path / "t.parquet", {"x": {}}))) == {
        ("x", "A", 2000): 1.0,
        ("x", "A", 2001): 2.0,
    }


LARGE_CASES = {
    "plain": lambda c: c,
    "marks": lambda c: c.replace("41.0", "…").replace("27.6", "２７．６").replace("65.1", "65.1①"),
    "quoted": lambda c: c.replace("Beijing", '"Beijing"').replace("41.0", '"41.0"'),
    "empty lines": lambda c: c.replace("\nTianjin", "\n\n\nTianjin").replace("\n", "\r\n"),
    "first byte mark": lambda c: "\ufeff" + c,
}


@pytest.mark.parametrize("case", LARGE_CASES)
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_large_text_files_are_read_like_small_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str, encoding: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(LARGE_CASES[case](SHIPPED.read_text(encoding="utf-8")).encode(encoding))
    source = source_of("table", path, SERIES, LAYOUT)
    small = registry.read(source)
    monkeypatch.setattr("ruralpanel.data.adapters.delimited.open_delimited.__defaults__", (0,))
    large = registry.read(source)
    assert figures(small) == figures(large) and len(small) == len(large)
    assert list(small["row"]) == list(large["row"])


@pytest.mark.parametrize("fault", ["row short", "text in a figure", "row twice", "column missing", "no year"])
def test_large_text_files_name_the_same_faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    change, words = CSV_FAULTS[fault]
    path = tmp_path / "t.csv"
    path.write_text(change(SHIPPED.read_text(encoding="utf-8")), encoding="utf-8")
    monkeypatch.setattr("ruralpanel.data.adapters.delimited.open_delimited.__defaults__", (0,))
    assert open_delimited.__defaults__ == (0,)
    assert words in refusal(source_of("table", path, SERIES, LAYOUT))


def test_beyond_a_million_figures_texts_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ruralpanel.data.adapters.pieces.MOST_TEXTS", 10)
    source = source_of("table", SHIPPED, SERIES, LAYOUT)
    read = registry.read(source)
    check_cells(read, source)
    assert set(read["text"]) == {""} and figures(read) == shipped()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_damaged_copies_give_the_same_figures_or_a_message(tmp_path: Path, seed: int) -> None:
    outcomes = check_mutations(source_of("table", SHIPPED, SERIES, LAYOUT), tmp_path, seed, 78, whole_rows_may_go=True)
    assert outcomes["read"] >= 5 and outcomes["refused"] >= 20


def test_without_series_there_is_nothing_to_read() -> None:
    assert "no series" in refusal(source_of("table", SHIPPED, {}, LAYOUT))


@pytest.mark.parametrize(
    ("years", "words"),
    [
        ((2001, 2002), ""),
        ((2001, 2001), "figures for 2002; expected figures for the declared years alone, 2001"),
        ((2001, 2003), "no figure for 2003"),
        ((2003, 2005), "figures for 2001, 2002"),
    ],
)
def test_figures_of_other_years_than_the_sidecar_declares(tmp_path: Path, years: tuple[int, int], words: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text("unit,period,x\nA,2001,1\nA,2002,2\nA,2004,\n", encoding="utf-8")
    source = source_of("table", path, {"x": {"years": tuple(range(years[0], years[1] + 1))}})
    if words:
        assert words in refusal(source)
    else:
        assert len(figures(registry.read(source))) == 2


@pytest.mark.parametrize("large", [False, True])
def test_figures_too_small_for_a_double_are_no_zeros(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: bool
) -> None:
    if large:
        monkeypatch.setattr(delimited, "LARGE", 1)
    path = tmp_path / "t.csv"
    for small in ("1e-400", "1E-400", "0." + "0" * 330 + "1"):
        path.write_text(f"unit,period,x\nA,2001,{small}\nA,2002,0\n", encoding="utf-8")
        assert "a number or a mark" in refusal(source_of("table", path, {"x": {}}))


@pytest.mark.parametrize("form", ["dta", "parquet", "sqlite", "duckdb"])
def test_single_precision_reads_as_the_figure_that_was_published(tmp_path: Path, form: str) -> None:
    published = [21.8, 0.1, 1234.56, 0.004, 150_000.0, 7.0]
    eighths = [0.125, 1234.03125, 2.5, 1e6 + 0.0625, 3.0, 0.0]  # in both precisions the same number
    given = pd.DataFrame({"unit": list("abcdef"), "period": 2010, "exact": published, "eighths": eighths})
    given["single"] = given["exact"].astype("float32")
    given["widened"] = given["single"].astype("float64")  # what programs hand on that know no single precision
    path = tmp_path / f"t.{form}"
    if form == "dta":
        given.to_stata(path, write_index=False)
    elif form == "parquet":
        given.to_parquet(path)
    elif form == "sqlite":
        connection = sqlite3.connect(path)
        given.to_sql("t", connection, index=False)
        connection.close()
    else:
        connection = duckdb.connect(str(path))
        connection.execute("CREATE TABLE t AS SELECT * FROM given")
        connection.close()
    series = {name: {"column": name} for name in ("exact", "single", "widened", "eighths")}
    frame = registry.read(source_of("table", path, series))
    read = {name: frame.loc[frame["series"] == name, "value"].tolist() for name in series}
    assert read == {"exact": published, "single": published, "widened": published, "eighths": eighths}
    assert frame.loc[frame["series"] == "single", "text"].tolist()[0] == "21.8"


def test_blocks_side_by_side_are_refused_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "side.csv"
    path.write_text("unit,period,x,unit,period,x\nA,2001,1,B,2001,2\n", encoding="utf-8")
    words = refusal(source_of("table", path, {"x": {}}))
    assert "2 blocks of columns side by side, each with unit, period, x" in words
    assert "move the right block below the left" in words


@pytest.mark.parametrize("heading", ["二〇一二年", "'12", "20121"])
def test_headings_that_may_be_a_last_year_are_named(tmp_path: Path, heading: str) -> None:
    path = tmp_path / "wide.csv"
    path.write_text(f"unit,2010,2011,{heading}\nA,1,2,3\n", encoding="utf-8")
    frame = registry.read(source_of("table", path, {"x": {}}, {"shape": "wide"}))
    assert f"column {heading}" in str(remarks_of(frame.attrs))


@pytest.mark.parametrize(
    ("heading", "right"),
    [
        ("人口(万)", "10^4 person"),
        ("人口_百万", "10^6 person"),
        ("population (millions)", "10^6 person"),
        ("population_million", "10^6 person"),
        ("population, thousand persons", "10^3 person"),
        ("population, 10 000 persons", "10^4 person"),
    ],
)
def test_a_numeral_in_a_heading_is_held_against_the_measure(tmp_path: Path, heading: str, right: str) -> None:
    path = tmp_path / "m.csv"
    path.write_text(f'unit,period,"{heading}"\nA,2001,1\n', encoding="utf-8")
    assert "found measure" in refusal(source_of("table", path, {"x": {"measure": "person", "column": heading}}))
    right_source = source_of("table", path, {"x": {"measure": right, "column": heading}})
    assert figures(registry.read(right_source)) == {("x", "A", 2001): 1.0}


def test_rows_left_out_by_a_pattern_of_codes(tmp_path: Path) -> None:
    """A file of several levels: provinces (110000) and prefectures (110100) are left out, and rows without a code."""
    path = tmp_path / "levels.csv"
    rows = "name,code,x\n甲省,110000,9\n乙市,110100,9\n  丙县,110101,1\n市辖区,NA,8\n,,7\n  丁县,110230,2\n"
    path.write_text(rows, encoding="utf-8")
    layout = {"unit": "code", "period": 2010, "skip_rows": ["*00", "", "NA"]}
    read = registry.read(source_of("table", path, {"x": {}}, layout))
    assert figures(read) == {("x", "110101", 2010): 1.0, ("x", "110230", 2010): 2.0}
    path.write_text(rows.replace("110230", ""), encoding="utf-8")
    refused = refusal(source_of("table", path, {"x": {}}, {**layout, "skip_rows": ["*00", "NA"]}))
    assert "row 6, column code: found nothing" in refused and "row 7" in refused
