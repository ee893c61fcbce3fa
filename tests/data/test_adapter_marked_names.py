"""A footnote mark behind one name moves no figure: every adapter, every shape, first, middle and last unit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from adapter_harness import check_marked_names, figures, source_of
from ruralpanel.data.adapters import delimited, registry
from ruralpanel.data.adapters.pieces import Piece, frame_of
from ruralpanel.project.kinds.adapters import ADAPTERS, TableLayout
from ruralpanel.project.sidecars import SourceSpec

UNITS = ("Alabama", "Alaska", "Arizona", "Arkansas", "Colorado")
YEARS = (2001, 2002, 2003)
# The last unit has no figure of the first series, which is where names and codes part.
FIGURES = {
    (series, unit, year): float(f"{10 * s + i + 1}.{year % 10}")
    for s, series in enumerate(("rural", "urban"))
    for i, unit in enumerate(UNITS)
    for year in YEARS
    if (series, unit) != ("rural", UNITS[-1])
}


def text_of(series: str, unit: str, year: int) -> str:
    return str(FIGURES.get((series, unit, year), ""))


def long_rows() -> list[list[str]]:
    rows = [[u, str(y), text_of("rural", u, y), text_of("urban", u, y)] for u in UNITS for y in YEARS]
    return [["unit", "period", "rural", "urban"], *rows]


def longest_rows() -> list[list[str]]:
    keys = [(series, unit, year) for series in ("rural", "urban") for unit in UNITS for year in YEARS]
    return [
        ["unit", "period", "what", "value"],
        *([u, str(y), s, text_of(s, u, y)] for s, u, y in keys if (s, u, y) in FIGURES),
    ]


def wide_rows() -> list[list[str]]:
    heads = [f"{series}_{year}" for series in ("rural", "urban") for year in YEARS]
    rows = [[unit, *(text_of(s, unit, y) for s in ("rural", "urban") for y in YEARS)] for unit in UNITS]
    return [["unit", *heads], *rows]


def across_rows() -> list[list[str]]:
    return [
        ["period", "what", *UNITS],
        *([str(y), s, *(text_of(s, u, y) for u in UNITS)] for s in ("rural", "urban") for y in YEARS),
    ]


def write_csv(path: Path, rows: list[list[str]]) -> None:
    path.write_text("".join(",".join(row) + "\n" for row in rows), encoding="utf-8")


def write_workbook(path: Path, rows: list[list[str]]) -> None:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append([float(cell) if cell.replace(".", "").isdigit() else cell or None for cell in row])
    book.save(path)


def write_page(path: Path, rows: list[list[str]]) -> None:
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    path.write_text(f"<html><body><table>{body}</table></body></html>", encoding="utf-8")


def write_export(path: Path, _: list[list[str]]) -> None:
    blocks = []
    for series in ("rural", "urban"):
        rows = [[unit, *(text_of(series, unit, year) for year in YEARS)] for unit in UNITS]
        lines = [["地区", *(f"{year}年" for year in YEARS)], *rows]
        blocks.append(f"指标：{series}\n" + "".join(",".join(line) + "\n" for line in lines))
    path.write_text("数据库：分省年度数据\n" + "".join(blocks) + "数据来源：国家统计局\n", encoding="utf-8")


def write_answer(path: Path, _: list[list[str]]) -> None:
    values = [
        {
            "code": f"{year}YY",
            "values": [
                {"_id": s, "i_showname": s, "value": text_of(s, u, year), "da_name": u}
                for s in ("rural", "urban")
                for u in UNITS
            ],
        }
        for year in YEARS
    ]
    path.write_text(json.dumps({"data": values}), encoding="utf-8")


Writer = Callable[[Path, list[list[str]]], None]
NAMED = {"rural": {"title_in_file": "rural"}, "urban": {"title_in_file": "urban"}}
BY_NAME: dict[str, dict[str, Any]] = {"rural": {}, "urban": {}}
BY_YEAR = {"rural": {"column": "rural_{period}"}, "urban": {"column": "urban_{period}"}}
LONGEST = {"series": "what"}
WIDE = {"shape": "wide"}
ACROSS = {"shape": "wide", "across": "unit", "series": "what"}
CASES: dict[str, tuple[str, str, Writer, list[list[str]], dict[str, Any], dict[str, Any]]] = {
    "long": ("table", "t.csv", write_csv, long_rows(), BY_NAME, {}),
    "long with a series": ("table", "t.csv", write_csv, longest_rows(), NAMED, LONGEST),
    "long with a series, workbook": ("table", "t.xlsx", write_workbook, longest_rows(), NAMED, LONGEST),
    "wide": ("table", "t.csv", write_csv, wide_rows(), BY_YEAR, WIDE),
    "wide workbook": ("table", "t.xlsx", write_workbook, wide_rows(), BY_YEAR, WIDE),
    "units across": ("table", "t.csv", write_csv, across_rows(), NAMED, ACROSS),
    "yearbook page": ("yearbook", "t.html", write_page, wide_rows(), BY_YEAR, {}),
    "yearbook workbook": ("yearbook", "t.xlsx", write_workbook, wide_rows(), BY_YEAR, {}),
    "export": ("nbs_export", "t.csv", write_export, [], NAMED, {}),
    "answers": ("nbs_api", "t.json", write_answer, [], NAMED, {}),
}


def test_every_adapter_has_a_case() -> None:
    assert {case[0] for case in CASES.values()} == set(ADAPTERS)


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_a_mark_behind_one_name_moves_no_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, large: bool
) -> None:
    adapter, file, write, rows, series, layout = CASES[name]
    if large and (adapter, Path(file).suffix) != ("table", ".csv"):
        pytest.skip("only delimited text is read in two ways")
    if large:
        monkeypatch.setattr(delimited, "LARGE", 1)
    write(tmp_path / file, rows)
    source = source_of(adapter, tmp_path / file, series, layout)
    assert figures(registry.read(source)) == FIGURES
    (tmp_path / "marked").mkdir()
    check_marked_names(source, tmp_path / "marked")


@pytest.mark.parametrize("suffix", [".parquet", ".dta"])
def test_a_mark_in_typed_tables(tmp_path: Path, suffix: str) -> None:
    head, *rows = longest_rows()
    for marked in (0, len(rows) // 2, len(rows) - 1):
        frame = pd.DataFrame(rows, columns=head).astype({"period": "int64", "value": "float64"})
        frame.loc[marked, "unit"] += "*"
        path = tmp_path / f"t{suffix}"
        frame.to_parquet(path) if suffix == ".parquet" else frame.to_stata(path, write_index=False)
        assert figures(registry.read(source_of("table", path, NAMED, LONGEST))) == FIGURES


def test_a_marked_title_belongs_to_its_series(tmp_path: Path) -> None:
    head, *rows = longest_rows()
    for marked in (0, len(rows) // 2, len(rows) - 1):
        changed = [[*row[:2], row[2] + "①" * (i == marked), row[3]] for i, row in enumerate(rows)]
        write_csv(tmp_path / "t.csv", [head, *changed])
        assert figures(registry.read(source_of("table", tmp_path / "t.csv", NAMED, LONGEST))) == FIGURES


def test_rows_kept_or_left_out_by_a_marked_label(tmp_path: Path) -> None:
    rows = [["unit", "period", "area", "x"], ["Alabama", "2001", "rural①", "1"], ["Alaska", "2001", "rural", "2"],
            ["Alaska", "2001", "urban", "9"], ["Total*", "2001", "rural", "3"]]  # fmt: skip
    write_csv(tmp_path / "t.csv", rows)
    layout = {"where": {"area": "rural"}, "skip_rows": ["Total"]}
    found = figures(registry.read(source_of("table", tmp_path / "t.csv", {"x": {}}, layout)))
    assert found == {("x", "Alabama", 2001): 1.0, ("x", "Alaska", 2001): 2.0}


def test_names_that_come_twice_lead_each_code_to_its_name(tmp_path: Path) -> None:
    """Whatever an adapter to come hands over, a code means the name at its place."""
    write_csv(tmp_path / "t.csv", long_rows())
    source: SourceSpec = source_of("table", tmp_path / "t.csv", BY_NAME)
    good = registry.read(source)
    from ruralpanel.data.adapters.table_files import open_table

    table = open_table(str(tmp_path / "t.csv"), "t.csv", TableLayout())
    from ruralpanel.data.adapters.columns import figures as parsed
    from ruralpanel.data.adapters.text import number_rule

    loaded, rows = table.read(["unit", "period", "rural"], ["rural"])
    names = ["Alabama", "Alabama", *UNITS[1:]]  # the second code of Alabama's rows
    codes = loaded["unit"].map({unit: i + 1 for i, unit in enumerate(UNITS)}).to_numpy()
    values = parsed(loaded["rural"], number_rule())
    piece = Piece("rural", "rural", table, names, codes, loaded["period"].astype("int64").to_numpy(), values, rows)
    assert figures(frame_of([piece])) == {key: v for key, v in figures(good).items() if key[0] == "rural"}
