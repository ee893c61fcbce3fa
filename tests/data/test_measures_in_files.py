"""A measure that a file names and that is not the declared one is refused, wherever it stands, by every adapter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from adapter_harness import figures, refusal, source_of
from ruralpanel.data.adapters import registry
from ruralpanel.data.adapters.titles import first_measure, measure_of_table, measure_problem, measures_in
from ruralpanel.project.kinds.adapters import ADAPTERS
from ruralpanel.project.settings import SeriesSpec

# name → adapter, file, content, layout, column or title of the series
CSV: dict[str, tuple[str, str, str, dict[str, Any], dict[str, Any]]] = {
    "heading": ("table", "t.csv", "unit,period,公路里程(万公里)\nA,2001,1\n", {}, {"column": "公路里程(万公里)"}),
    "heading without brackets": ("table", "t.csv", "unit,period,里程_万公里\nA,2001,1\n", {},
                                 {"column": "里程_万公里"}),
    "heading in English": ("table", "t.csv", "unit,period,roads_10k_km\nA,2001,1\n", {}, {"column": "roads_10k_km"}),
    "square brackets": ("table", "t.csv", "unit,period,roads [10 000 km]\nA,2001,1\n", {},
                        {"column": "roads [10 000 km]"}),
    "marked heading": ("table", "t.csv", "unit,period,里程（万公里）①\nA,2001,1\n", {}, {"column": "里程（万公里）①"}),
    "title row": ("table", "t.csv", "各地区公路里程（万公里）\nunit,period,x\nA,2001,1\n", {"header": 2}, {}),
    "unit note": ("table", "t.csv", "公路里程\n单位：万公里,,\nunit,period,x\nA,2001,1\n", {"header": 3}, {}),
    "note outside the range": ("table", "t.csv", "单位：万公里,,\nunit,period,x\nA,2001,1\n", {"range": "A2:C3"}, {}),
    "row below the header": ("table", "t.csv", "unit,period,x\n,,万公里\nA,2001,1\n", {"first_row": 3}, {}),
    "title in a column": ("table", "t.csv", "unit,period,what,value\nA,2001,公路里程(万公里),1\n", {"series": "what"},
                          {"title_in_file": "公路里程"}),
    "column of measures": ("table", "t.csv", "地区,period,what,单位,value\nA,2001,x,万公里,1\n",
                           {"series": "what", "unit": "地区"}, {}),
    "wide heading": ("table", "t.csv", "unit,2001年(万公里)\nA,1\n", {"shape": "wide"}, {}),
    "wide title": ("table", "t.csv", "单位：万公里,\nunit,2001年\nA,1\n", {"shape": "wide", "header": 2}, {}),
    "units across": ("table", "t.csv", "单位：万公里,\nperiod,A\n2001年,1\n",
                     {"shape": "wide", "across": "unit", "header": 2}, {}),
    "header of a page": ("yearbook", "t.html",
                         "<table><tr><td>地区</td><td>公路里程(万公里)</td></tr><tr><td>A</td><td>1</td></tr></table>",
                         {"period": 2001}, {"column": "公路里程"}),
    "title of a page": ("yearbook", "t.html",
                        "<table><tr><td colspan=2>各地区公路里程（万公里）</td></tr><tr><td>地区</td><td>里程</td></tr>"
                        "<tr><td>A</td><td>1</td></tr></table>", {"period": 2001}, {"column": "里程"}),
    "note of a page": ("yearbook", "t.html",
                       "<table><tr><td colspan=2>单位：万公里</td></tr><tr><td>地区</td><td>里程</td></tr>"
                       "<tr><td>A</td><td>1</td></tr></table>", {"period": 2001}, {"column": "里程"}),
    "export": ("nbs_export", "t.csv", "指标：公路里程(万公里)\n地区,2001年\nA,1\n数据来源：国家统计局\n", {},
               {"title_in_file": "公路里程"}),
    "unit of an export": ("nbs_export", "t.csv",
                          "指标：公路里程(年底)\n单位：万公里\n地区,2001年\nA,1\n数据来源：国家统计局\n", {},
                          {"title_in_file": "公路里程(年底)"}),
    "answer": ("nbs_api", "t.json", json.dumps({"data": [{"code": "2001YY", "values": [
        {"_id": "x", "i_showname": "公路里程(年底)", "du_name": "万公里", "da_name": "A", "value": "1"}]}]}), {},
        {"title_in_file": "公路里程(年底)"}),
}  # fmt: skip


@pytest.mark.parametrize("name", CSV)
def test_another_measure_is_refused(tmp_path: Path, name: str) -> None:
    adapter, file, content, layout, entry = CSV[name]
    path = tmp_path / file
    path.write_text(content, encoding="utf-8")
    words = refusal(source_of(adapter, path, {"x": {**entry, "measure": "km"}}, layout))
    assert 'expected "km", as declared for x' in words and ("万公里" in words or "000 km" in words)
    for right in ({"measure": "10^4 km"}, {"measure": ""}):
        assert figures(registry.read(source_of(adapter, path, {"x": {**entry, **right}}, layout))) == {
            ("x", "A", 2001): 1.0
        }
    ignored = {**layout, "measures": "ignored"}
    assert len(registry.read(source_of(adapter, path, {"x": {**entry, "measure": "km"}}, ignored))) == 1


def test_every_adapter_is_asked() -> None:
    assert {case[0] for case in CSV.values()} == set(ADAPTERS)


def test_a_worksheet_and_a_label_of_stata(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["公路里程"], [None, None, "单位：万公里"], ["unit", "period", "x"], ["A", 2001, 1.5]):
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    layout = {"header": 3}
    assert 'measure "万公里"' in refusal(source_of("table", tmp_path / "t.xlsx", {"x": {"measure": "km"}}, layout))
    frame = pd.DataFrame({"unit": ["A"], "period": [2001], "x": [1.5]})
    frame.to_stata(tmp_path / "t.dta", write_index=False, variable_labels={"x": "Roads (10,000 km)"})
    assert 'measure "10,000 km"' in refusal(source_of("table", tmp_path / "t.dta", {"x": {"measure": "km"}}))


@pytest.mark.parametrize(
    ("heading", "measure"),
    [
        ("公路里程(万公里)", "万公里"),
        ("人口（单位：万人）", "万人"),
        ("工业增加值[亿元]①", "亿元"),
        ("GDP (current US$, 100 million)", ""),
        ("人口(常住)(万人)", "万人"),
        ("industry_100m_yuan", "100000000 yuan"),
        ("gdp_2010", ""),
        ("pop_2010_persons", ""),
        ("rate (t)", ""),
        ("schooling [1]", ""),
        ("指数(上年=100)", "上年=100"),
    ],
)
def test_measures_in_headings(heading: str, measure: str) -> None:
    assert first_measure(measures_in(heading)) == measure


def test_the_measure_of_a_table() -> None:
    assert measure_of_table(["表1 人口", "单位：万人"]) == "万人"
    assert measure_of_table(["(10 000 persons)", "2008"]) == "10 000 persons"
    assert measure_of_table(["Population (10 000 persons)", "(2008)"]) == "10 000 persons"
    assert measure_of_table(["Notes", "单位：万人、公里"]) == ""


@pytest.mark.parametrize(
    ("found", "declared", "right"),
    [
        ("元", "CNY/person", True),  # 人均收入(元)
        ("辆", "vehicle/100 household", True),  # 每百户拥有(辆)
        ("元", "10^4 CNY/person", False),
        ("元", "CNY@2010", True),
        ("美元", "CNY", False),
        ("个", "10^0 enterprise", True),
        ("万个", "enterprise", False),
        ("%", "share", False),
        ("%", "percent", True),
        ("index", "index (2010 = 100)", True),
        ("常住", "person", True),
        ("公里", "", True),
    ],
)
def test_what_contradicts(found: str, declared: str, right: bool) -> None:
    assert (measure_problem(found, SeriesSpec(key="x", measure=declared), "f", "") is None) == right
