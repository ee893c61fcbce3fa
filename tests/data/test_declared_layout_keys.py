"""A declared key of a source's layout is never ignored: another value changes the reading, or is refused by name."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from adapter_harness import refusal, source_of
from ruralpanel.data.adapters import registry
from ruralpanel.project.kinds.adapters import ADAPTERS
from ruralpanel.project.layouts import layout_problems
from ruralpanel.project.problems import UserError

Sheets = Mapping[str, list[list[Any]]]


@dataclass(frozen=True)
class Case:
    """A file, the layout with which it is read, and another value of one key."""

    content: str | Sheets
    value: Any
    layout: Mapping[str, Any] = field(default_factory=dict)
    name: str = "f_2001.csv"
    series: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: {"x": {}})
    encoding: str = "utf-8"


LONG = "unit,period,x,place\nA,2001,1,a\nB,2001,2,b\n"
TITLED = "unit,period,what,value,other\nA,2001,x,1,5\nB,2001,x,2,6\n"
WIDE = "unit,2001,r2001\nA,1,3\nB,2,4\n"
ROWS = [["unit", "period", "x"], ["A", 2001, 1], ["B", 2001, 2]]
LATER = [["unit", "period", "x"], ["A", 2001, 7], ["B", 2001, 8]]
DATED: Sheets = {"2001": [["unit", "x"], ["A", 1], ["B", 2]]}
BOOK: Sheets = {"one": ROWS}
PAGE = (
    "<html><body><table><tr><th>地区</th><th>x</th><th>y</th></tr><tr><td>北京</td><td>1</td><td>3</td></tr>"
    "<tr><td>天津</td><td>2</td><td>4</td></tr></table>{more}</body></html>"
)
SECOND = (
    "<table><tr><th>地区</th><th>x</th></tr><tr><td>北京</td><td>7</td></tr><tr><td>天津</td><td>8</td></tr></table>"
)
YEAR = {"period": 2001}
PRINTED: Sheets = {"one": [["地区", "x", "y"], ["北京", 1, 3], ["天津", 2, 4]]}
EXPORT = (
    "数据库：分省年度数据\n指标：公路里程(万公里)\n时间：最近1年\n地区,2001年\n北京市,{first}\n天津市,2\n{more}"
    "数据来源：国家统计局\n"
)
INDICATORS = "数据库：分省年度数据\n{region}时间：最近1年\n指标,2001年\n公路里程(万公里),1\n数据来源：国家统计局\n"
MANY = [[f"U{i}" + "x" * 300, 2001, i] for i in range(4000)]
ROADS = {"x": {"title_in_file": "公路里程", "measure": "10^4 km"}}
EXPORTED: Sheets = {
    name: [["指标：公路里程(万公里)"], ["地区", "2001年"], ["北京市", value], ["天津市", 2], ["数据来源：国家统计局"]]
    for name, value in (("one", 1), ("two", "n"))
}

TABLE = {
    "shape": Case("unit,period,x,2001\nA,2001,1,5\nB,2001,2,6\n", "wide"),
    "unit": Case(LONG, "place"),
    "period": Case("unit,period,year,x\nA,2001,2002,1\nB,2001,2002,2\n", "year"),
    "frequency": Case("unit,period,x\nA,2001-03-31,1\nB,2001-03-31,2\n", "quarter"),
    "series": Case(TITLED.replace("other", "x"), "what"),
    "value": Case(TITLED, "other", {"series": "what"}),
    "across": Case("unit,2001,2002\n2001,1,3\n2002,2,4\n", "unit", {"shape": "wide", "period": "unit"}),
    "columns": Case(WIDE, "r{period}", {"shape": "wide"}),
    "where": Case(LONG, {"place": "a"}),
    "skip_rows": Case(LONG, ["A"]),
    "sheet": Case({"one": ROWS, "two": LATER}, "two", {"sheet": "one"}, "b.xlsx"),
    "range": Case(LONG, "A1:D2"),
    "header": Case("unit,period,y,z\nunit,period,x,z\nA,2001,1,1\n", 2),
    "first_row": Case(LONG, 3),
    "delimiter": Case(LONG, ";"),
    "decimal": Case("unit;period;x\nA;2001;1,5\nB;2001;2,5\n", ","),
    "thousands": Case('unit,period,x\nA,2001,"1,500"\nB,2001,2\n', ","),
    "encoding": Case("unit,period,x\n北京,2001,1\n", "latin-1"),
    "query": Case("sqlite", "SELECT unit, period, 2 * x AS x FROM one", {"from": "one"}, "d.sqlite"),
    "from": Case("sqlite", "two", {"from": "one"}, "d.sqlite"),
    "timeout": Case(
        "sqlite",
        0.001,
        {"query": "SELECT 'A' unit, 2001 period, count(*) x FROM many a, many b, many c, many d"},
        "d.sqlite",
    ),
    "missing": Case(LONG, [1]),
    "marks": Case("unit,period,x\nA,2001,1r\nB,2001,2\n", ["r"]),
    "measures": Case("unit,period,x,measure\nA,2001,1,km\n", "ignored", series={"x": {"measure": "10^4 km"}}),
    "numbers": Case({"one": [["unit", "period", "x"], ["A", 2001, 1500.0]]}, "stored", name="scaled.xlsx"),
    "most_cells": Case(BOOK, 3, name="b.xlsx"),
    "most_megabytes": Case({"one": [ROWS[0], *MANY]}, 1, name="b.xlsx"),
}
YEARBOOK = {
    "period": Case(PRINTED, 2002, YEAR, "p.xlsx"),
    "table": Case(PAGE.format(more=SECOND), 2, {**YEAR, "table": 1}, "p.html"),
    "sheet": Case({**PRINTED, "two": [["地区", "x"], ["北京", 7]]}, "two", {**YEAR, "sheet": "one"}, "p.xlsx"),
    "range": Case(PRINTED, "A1:C2", YEAR, "p.xlsx"),
    "unit": Case({"one": [["地区", "地区", "x"], ["北京", "河北", 1], ["天津", "山西", 2]]}, 2, YEAR, "p.xlsx"),
    "header_rows": Case(PRINTED, 2, YEAR, "p.xlsx"),
    "encoding": Case(PAGE.format(more=""), "latin-1", YEAR, "p.html"),
    "skip_rows": Case(PRINTED, ["北京"], YEAR, "p.xlsx"),
    "keep_rows": Case({"one": [*PRINTED["one"], ["全国", 3, 7]]}, ["全国"], YEAR, "p.xlsx"),
    "missing": Case({"one": [*PRINTED["one"], ["河北", "n.s.", 7]]}, ["n.s."], YEAR, "p.xlsx"),
    "marks": Case({"one": [*PRINTED["one"], ["河北", "3r", 7]]}, ["r"], YEAR, "p.xlsx"),
    "measures": Case({"one": [["地区", "x (km)"], ["北京", 1]]}, "ignored", YEAR, "p.xlsx",
                     {"x": {"column": "#2", "measure": "10^4 km"}}),
    "end": Case(PAGE.format(more="").split("</table>")[0], "optional", YEAR, "p.html"),
    "numbers": Case({"one": [["地区", "x"], ["北京", 1500.0]]}, "stored", YEAR, "scaled.xlsx"),
    "most_cells": Case(PRINTED, 3, YEAR, "p.xlsx"),
    "most_megabytes": Case({"one": [["地区", "x"], *([row[0], row[2]] for row in MANY)]}, 1, YEAR, "p.xlsx"),
    "most_columns": Case(PAGE.format(more=""), 2, YEAR, "p.html"),
}  # fmt: skip
NBS_EXPORT = {
    "sheet": Case(EXPORTED, "one", name="e.xlsx", series=ROADS),
    "encoding": Case(EXPORT.format(first=1, more=""), "latin-1", name="x.csv", series=ROADS),
    "region": Case(INDICATORS.format(region=""), "河北省", {"region": "北京市"}, "x.csv", ROADS),
    "skip_rows": Case(EXPORT.format(first=1, more=""), ["北京市"], name="x.csv", series=ROADS),
    "keep_rows": Case(EXPORT.format(first=1, more="全国,3\n"), ["全国"], name="x.csv", series=ROADS),
    "missing": Case(EXPORT.format(first="n.s.", more=""), ["n.s."], name="x.csv", series=ROADS),
    "marks": Case(EXPORT.format(first="1r", more=""), ["r"], name="x.csv", series=ROADS),
    "measures": Case(EXPORT.format(first=1, more=""), "ignored", name="x.csv",
                     series={"x": {**ROADS["x"], "measure": "km"}}),
    "end": Case(EXPORT.format(first=1, more="").split("数据来源")[0], "optional", name="x.csv", series=ROADS),
    "numbers": Case({"one": [*EXPORTED["one"][:2], ["北京市", 1500.0], EXPORTED["one"][-1]]}, "stored",
                    name="scaled.xlsx", series=ROADS),
    "most_cells": Case({"one": EXPORTED["one"]}, 3, name="x.xlsx", series=ROADS),
    "most_megabytes": Case({"one": [*EXPORTED["one"][:2], *([row[0], row[2]] for row in MANY), EXPORTED["one"][-1]]},
                           1, name="x.xlsx", series=ROADS),
    "most_columns": Case(EXPORT.format(first=1, more=""), 1, name="x.csv", series=ROADS),
}  # fmt: skip
CASES = {"table": TABLE, "yearbook": YEARBOOK, "nbs_export": NBS_EXPORT}


def written(case: Case, folder: Path) -> Path:
    path = folder / case.name
    if case.content == "sqlite":
        with sqlite3.connect(path) as base:
            for name, factor in (("one", 1), ("two", 3)):
                base.execute(f"CREATE TABLE {name} (unit TEXT, period INTEGER, x REAL)")
                base.execute(f"INSERT INTO {name} VALUES ('A', 2001, {factor})")
            base.execute("CREATE TABLE many (i INTEGER)")
            base.executemany("INSERT INTO many VALUES (?)", [(i,) for i in range(40)])
        base.close()
    elif isinstance(case.content, str):
        path.write_text(case.content, encoding=case.encoding)
    else:
        book = openpyxl.Workbook()
        book.remove(book.worksheets[0])
        for title, rows in case.content.items():
            sheet = book.create_sheet(title)
            for row in rows:
                sheet.append(row)
            if case.name.startswith("scaled"):
                for cells in sheet.iter_rows():
                    for cell in cells:
                        cell.number_format = "#,##0.0," if isinstance(cell.value, float) else "General"
        book.save(path)
    return path


def outcome(adapter: str, case: Case, path: Path, layout: Mapping[str, Any]) -> str:
    """The figures read, or the words with which the source is refused."""
    problems = layout_problems(adapter, layout, "c", "layout")
    if problems:
        return "\n".join(map(str, problems))
    try:
        frame = registry.read(source_of(adapter, path, case.series, layout))
    except UserError as error:
        return str(error)
    return frame[["series", "unit", "period", "value"]].to_csv(index=False)


def test_a_case_for_every_key() -> None:
    assert {adapter: set(cases) for adapter, cases in CASES.items()} == {
        adapter: set(ADAPTERS[adapter].keys) for adapter in CASES
    }


@pytest.mark.parametrize(("adapter", "key"), [(adapter, key) for adapter, cases in CASES.items() for key in cases])
def test_another_value_changes_the_reading(adapter: str, key: str, tmp_path: Path) -> None:
    case = CASES[adapter][key]
    path = written(case, tmp_path)
    before = outcome(adapter, case, path, case.layout)
    after = outcome(adapter, case, path, {**case.layout, key: case.value})
    assert before != after, before
    read = [said for said in (before, after) if said.startswith("series,unit,period,value")]
    assert read, f"{before}\n{after}"


NOT_TEXT = {"encoding": "gb18030", "delimiter": ";"}
NO_ROWS = {**NOT_TEXT, "sheet": "one", "range": "A1:C9", "header": 2, "first_row": 3}
NO_DATABASE = {"query": "SELECT 1", "from": "one", "timeout": 5}
NO_SHEETS = {"numbers": "stored", "most_cells": 9, "most_megabytes": 9}


@pytest.mark.parametrize(("name", "keys"), [
    ("b.xlsx", {**NOT_TEXT, **NO_DATABASE}), ("b.csv", {"sheet": "one", **NO_DATABASE, **NO_SHEETS}),
    ("b.parquet", {**NO_ROWS, **NO_DATABASE, **NO_SHEETS}), ("b.sqlite", {**NO_ROWS, **NO_SHEETS}),
    ("b.dta", {**{key: value for key, value in NO_ROWS.items() if key != "encoding"}, **NO_DATABASE}),
])  # fmt: skip
def test_a_key_of_another_format_is_refused(name: str, keys: Mapping[str, Any], tmp_path: Path) -> None:
    path = tmp_path / name
    frame = pd.DataFrame(ROWS[1:], columns=ROWS[0])
    if name.endswith(".sqlite"):
        written(Case("sqlite", None, name=name), tmp_path)
    else:
        {
            "xlsx": lambda: written(Case(BOOK, None, name=name), tmp_path),
            "csv": lambda: frame.to_csv(path, index=False),
            "parquet": lambda: frame.to_parquet(path),
            "dta": lambda: frame.to_stata(path, write_index=False),
        }[name.split(".")[1]]()
    for key, value in keys.items():
        said = refusal(source_of("table", path, {"x": {}}, {key: value}))
        assert f"layout.{key}" in said and "leave it out" in said


def test_a_key_for_some_of_the_files_is_taken(tmp_path: Path) -> None:
    written(Case(BOOK, None, name="b.xlsx"), tmp_path)
    (tmp_path / "c.csv").write_text(LONG.replace("2001", "2002"), encoding="utf-8")
    assert set(registry.read(source_of("table", tmp_path, {"x": {}}, {"sheet": "one"}))["period"]) == {2001, 2002}


@pytest.mark.parametrize(("adapter", "name", "key", "value"), [
    ("yearbook", "p.xlsx", "encoding", "gb18030"), ("yearbook", "p.xlsx", "end", "optional"),
    ("yearbook", "p.html", "sheet", "one"), ("nbs_export", "e.xlsx", "encoding", "gb18030"),
    ("nbs_export", "e.csv", "sheet", "one"), ("yearbook", "p.xlsx", "most_columns", 9),
    ("yearbook", "p.html", "numbers", "stored"), ("yearbook", "p.html", "most_megabytes", 9),
    ("nbs_export", "e.xlsx", "most_columns", 9), ("nbs_export", "e.csv", "numbers", "stored"),
    ("nbs_export", "e.csv", "most_megabytes", 9),
])  # fmt: skip
def test_printed_tables_refuse_keys_of_another_format(
    adapter: str, name: str, key: str, value: Any, tmp_path: Path
) -> None:
    content = {"p.xlsx": PRINTED, "p.html": PAGE, "e.xlsx": EXPORTED, "e.csv": EXPORT}[name]
    path = written(Case(content, None, name=name), tmp_path)
    assert f"layout.{key}" in refusal(source_of(adapter, path, {"x": {}}, {**YEAR, key: value}))


@pytest.mark.parametrize(("layout", "key"), [
    ({"shape": "wide", "period": "year"}, "period"), ({"shape": "wide", "period": 2001}, "period"),
    ({"shape": "wide", "value": "v"}, "value"), ({"value": "v"}, "value"), ({"columns": "r{period}"}, "columns"),
    ({"across": "unit"}, "across"), ({"shape": "wide", "across": "unit", "unit": "u"}, "unit"),
    ({"shape": "wide", "across": "unit", "columns": "r{period}"}, "columns"),
    ({"query": "SELECT 1", "from": "one"}, "from"), ({"thousands": "."}, "thousands"),
    ({"thousands": ",", "decimal": ","}, "thousands"),
])  # fmt: skip
def test_a_key_that_another_leaves_without_use_is_refused(layout: dict[str, Any], key: str) -> None:
    (problem,) = layout_problems("table", layout, "c", "layout")
    assert problem.where == f"layout.{key}" and "leave it out" in str(problem)


TURNED = "数据库：分省年度数据\n{above}时间：最近1年\n时间,{name}\n2001年,1\n数据来源：国家统计局\n"


@pytest.mark.parametrize("content", [
    INDICATORS.format(region="地区：北京市\n"), TURNED.format(above="地区：北京市\n", name="公路里程(万公里)"),
])  # fmt: skip
def test_a_region_that_the_file_contradicts_is_refused(content: str, tmp_path: Path) -> None:
    path = written(Case(content, None, name="x.csv"), tmp_path)
    said = refusal(source_of("nbs_export", path, ROADS, {"region": "河北省"}))
    assert 'found 地区：北京市; expected "河北省", as layout.region says' in said and len(said.splitlines()) == 1
    same = registry.read(source_of("nbs_export", path, ROADS, {"region": "北京市"}))
    assert list(same["unit"]) == ["北京市"]


@pytest.mark.parametrize("content", [
    EXPORT.format(first=1, more=""), TURNED.format(above="指标：公路里程(万公里)\n", name="北京市"),
])  # fmt: skip
def test_a_region_for_tables_that_list_regions_is_refused(content: str, tmp_path: Path) -> None:
    path = written(Case(content, None, name="x.csv"), tmp_path)
    assert registry.read(source_of("nbs_export", path, ROADS))["unit"].iloc[0] == "北京市"
    said = refusal(source_of("nbs_export", path, ROADS, {"region": "北京市"}))
    assert "layout.region" in said and "leave it out" in said


EUROPEAN = {"decimal": ",", "thousands": "."}


@pytest.mark.parametrize("name", ["b.xlsx", "b.parquet", "b.dta"])
@pytest.mark.parametrize("key", ["decimal", "thousands"])
def test_marks_of_figures_that_are_numbers_are_refused(name: str, key: str, tmp_path: Path) -> None:
    frame = pd.DataFrame({"unit": ["A", "B"], "period": 2001, "x": [1.125, 2.125]})
    path = tmp_path / name
    {
        "xlsx": lambda: frame.to_excel(path, index=False),
        "parquet": lambda: frame.to_parquet(path),
        "dta": lambda: frame.to_stata(path, write_index=False),
    }[name.split(".")[1]]()
    layout = EUROPEAN if key == "thousands" else {"decimal": ","}
    said = refusal(source_of("table", path, {"x": {}}, layout))
    assert f"layout.{key}" in said and "stored as numbers" in said
    if name != "b.xlsx":
        assert "layout.marks" in refusal(source_of("table", path, {"x": {}}, {"marks": ["r"]}))


def test_numbers_of_a_worksheet_have_a_point_whatever_mark_its_texts_have(tmp_path: Path) -> None:
    rows = [["unit", "period", "x"], ["A", 2001, 1.125], ["B", 2001, "1.125,5"], ["C", 2001, 1e-7], ["D", 2001, 7]]
    path = written(Case({"one": rows}, None, name="b.xlsx"), tmp_path)
    frame = registry.read(source_of("table", path, {"x": {}}, EUROPEAN))
    assert frame["value"].tolist() == [1.125, 1125.5, 1e-7, 7]


def test_points_between_thousands_are_heard_in_large_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ruralpanel.data.adapters.delimited.open_delimited.__defaults__", (0,))
    path = tmp_path / "l.csv"
    path.write_text("unit;period;x\nA;2001;1.500\nB;2001;20.250\n", encoding="utf-8")
    assert registry.read(source_of("table", path, {"x": {}}, EUROPEAN))["value"].tolist() == [1500, 20250]
    assert "a number" in refusal(source_of("table", path, {"x": {}}, {"decimal": ","}))


@pytest.mark.parametrize(("layout", "column"), [({}, "roads"), ({"across": "unit", "period": "unit"}, "r{period}")])
def test_a_column_that_a_wide_table_does_not_ask_for(layout: dict[str, Any], column: str, tmp_path: Path) -> None:
    (tmp_path / "w.csv").write_text(WIDE, encoding="utf-8")
    source = source_of("table", tmp_path / "w.csv", {"x": {"column": column}}, {"shape": "wide", **layout})
    assert f'series.x.column: found "{column}"' in refusal(source)
