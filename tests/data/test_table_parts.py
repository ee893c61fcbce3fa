"""Tables that are a part of a file: titles above, measures below the header, notes underneath, blanks in conditions."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from adapter_harness import check_cells, figures, refusal, source_of
from ruralpanel.data.adapters import delimited, grids
from ruralpanel.data.adapters.cells import figure_advice, remarks_of
from ruralpanel.data.adapters.registry import read

PRINTED = (
    "Roads and people,,,\n,,,\n,place,km,people\n,,公里,万人\n"
    ",Beijing,1.5,2\n,Hebei,3,4.25\nNote: made up,,,\nSource: none,,,\n"
)
LAYOUT = {"unit": "place", "period": 2012, "range": "B3:D6", "first_row": 3}
SERIES = {"km": {"measure": "km"}, "people": {"measure": "10^4 person"}}
RIGHT = {
    ("km", "Beijing", 2012): 1.5,
    ("km", "Hebei", 2012): 3.0,
    ("people", "Beijing", 2012): 2.0,
    ("people", "Hebei", 2012): 4.25,
}


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_titles_measures_and_notes_around_a_table(form: str, tmp_path: Path) -> None:
    file = tmp_path / f"printed.{form}"
    if form == "csv":
        file.write_text(PRINTED, encoding="utf-8")
    else:
        rows = [line.split(",") for line in PRINTED.splitlines()]
        cells = [[float(cell) if cell.replace(".", "").isdigit() else cell or None for cell in row] for row in rows]
        pd.DataFrame(cells).to_excel(file, index=False, header=False)
    source = source_of("table", file, SERIES, LAYOUT)
    frame = read(source)
    check_cells(frame, source)
    assert figures(frame) == RIGHT and sorted(set(frame["row"])) == [5, 6]


def test_without_its_range_the_table_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "printed.csv"
    file.write_text(PRINTED, encoding="utf-8")
    assert "no such column" in refusal(source_of("table", file, SERIES, {"unit": "place", "period": 2012}))
    assert "expected" in refusal(source_of("table", file, SERIES, {"unit": "place", "period": 2012, "header": 3}))
    outside = source_of("table", file, SERIES, {**LAYOUT, "range": "B30:D60"})
    assert "an empty row" in refusal(outside)


def test_blanks_are_a_condition_too(tmp_path: Path) -> None:
    file = tmp_path / "kinds.csv"
    file.write_text("unit,kind,x\nA,DP,1\nA,DS,1\nB,,2\n", encoding="utf-8")
    layout = {"period": 1990, "where": {"kind": ["DP", ""]}}
    source = source_of("table", file, {"x": {"measure": "km"}}, layout)
    assert figures(read(source)) == {("x", "A", 1990): 1.0, ("x", "B", 1990): 2.0}


def test_year_headings_with_marks_and_remarks_are_read(tmp_path: Path) -> None:
    heads = ["2010年", "2011", "2012年①", "2013年*", "2014年（初步）", "2015年[1]", "2016p", "2017年(km)", "2018.0"]
    years = range(2010, 2010 + len(heads))
    (tmp_path / "t.csv").write_text(f"unit,{','.join(heads)}\nA,{','.join(map(str, years))}\n", encoding="utf-8")
    for template in ("{period}", "{period}年"):
        layout = {"shape": "wide", "columns": template}
        found = read(source_of("table", tmp_path / "t.csv", {"x": {"measure": "km"}}, layout))
        assert figures(found) == {("x", "A", year): float(year) for year in years}
        assert not remarks_of(found.attrs)


def test_columns_that_look_like_years_and_are_not_read_are_named(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("code,unit,2010年,20l1年,2012年,2013年增长率,note\n1,A,1,2,3,4,5\n", encoding="utf-8")
    found = read(source_of("table", path, {"x": {}}, {"shape": "wide"}))
    assert figures(found) == {("x", "A", 2010): 1.0, ("x", "A", 2012): 3.0}
    assert [remark.where for remark in remarks_of(found.attrs)] == ["column 20l1年", "column 2013年增长率"]
    path.write_text("unit,gdp_2010,gdp_2011,pop_2010,gdp 2012 real\nA,1,2,3,4\n", encoding="utf-8")
    found = read(source_of("table", path, {"x": {"column": "gdp_{period}"}}, {"shape": "wide"}))
    assert [remark.where for remark in remarks_of(found.attrs)] == []
    path.write_text("unit,gdp_2010,gdp_2011,pop_2010,gdp_2012_real\nA,1,2,3,4\n", encoding="utf-8")
    found = read(source_of("table", path, {"x": {"column": "gdp_{period}"}}, {"shape": "wide"}))
    assert [remark.where for remark in remarks_of(found.attrs)] == ["column gdp_2012_real"]


@pytest.mark.parametrize("form", ["table", "yearbook", "nbs_export"])
def test_a_name_that_differs_in_one_of_several_files_is_named(tmp_path: Path, form: str) -> None:
    for year in (2010, 2011, 2012, 2013):
        name = "里程" if year == 2012 else "公里"
        content = {
            "table": f"unit,period,{name}\nA,{year},1\n",
            "yearbook": f"<table><tr><td>地区</td><td>{name} / {year}年</td></tr><tr><td>A</td><td>1</td></tr></table>",
            "nbs_export": f"指标：{name}\n地区,{year}年\nA,1\n数据来源：国家统计局\n",
        }[form]
        suffix = "html" if form == "yearbook" else "csv"
        (tmp_path / f"r{year}.{suffix}").write_text(content, encoding="utf-8")
    column = "公里 / {period}年" if form == "yearbook" else "公里"
    found = read(source_of(form, tmp_path, {"x": {"column": column}}))
    assert set(figures(found)) == {("x", "A", year) for year in (2010, 2011, 2013)}
    (remark,) = remarks_of(found.attrs)
    assert "r2012" in remark.file and "里程" in remark.found and "3 other files" in remark.found


def test_files_of_other_series_are_no_remark(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.csv").write_text(f"unit,period,{name}\nA,2010,1\n", encoding="utf-8")
    found = read(source_of("table", tmp_path, {name: {} for name in "abc"}))
    assert len(found) == 3 and not remarks_of(found.attrs)


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("header", [None, 1, 2])
def test_headings_broken_within_quotation_marks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: bool, header: int | None
) -> None:
    if large:
        monkeypatch.setattr(delimited, "LARGE", 1)
    path = tmp_path / "t.csv"
    path.write_text('地区,"年\n份","城镇化率\n(%)",b\nA,2010,21.5,1\nA,2011,22,2\n', encoding="utf-8")
    layout = {"unit": "地区", "period": "年份"} | ({"header": header} if header else {})
    for name in ("城镇化率(%)", "城镇化率 (%)", "城镇化率（%）"):
        frame = read(source_of("table", path, {"x": {"column": name, "measure": "percent"}, "b": {}}, layout))
        assert figures(frame) == {("x", "A", 2010): 21.5, ("x", "A", 2011): 22.0, ("b", "A", 2010): 1.0,
                                  ("b", "A", 2011): 2.0}  # fmt: skip
        assert frame["row"].tolist() == [4, 5, 4, 5]


def test_a_stray_quotation_mark_in_a_title_does_not_swallow_the_table(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('roads, 5" wide\nunit,period,x\n' + "A,2010,1\n" * 1, encoding="utf-8")
    assert figures(read(source_of("table", tmp_path / "t.csv", {"x": {}}, {"header": 2}))) == {("x", "A", 2010): 1.0}


@pytest.mark.parametrize("size", [grids.LONGEST_LINE + 10, delimited.LARGE + 10])
@pytest.mark.parametrize("sign", ["a", "1,", '"'])
def test_a_file_of_one_line(tmp_path: Path, size: int, sign: str) -> None:
    (tmp_path / "t.csv").write_text(sign * (size // len(sign)), encoding="utf-8")
    words = refusal(source_of("table", tmp_path / "t.csv", {"x": {}}))
    assert "row 1: found a line of more than 1,048,576 signs" in words and len(words) < 500
    (tmp_path / "t.csv").write_text("unit,period,x\nA,2001," + sign * (size // len(sign)) + "\n", encoding="utf-8")
    words = refusal(source_of("table", tmp_path / "t.csv", {"x": {}}))
    assert "row 2: found a line of more than 1,048,576 signs" in words and len(words) < 500
    for adapter in ("yearbook", "nbs_export"):
        assert "a line of more than" in refusal(source_of(adapter, tmp_path / "t.csv", {"x": {}}, {}))


CONTINUED = {
    "long": ("place,year,km\nA,2010,1\n续表,,\nplace,year,km\nB,2010,2\n", {"unit": "place", "period": "year"}),
    "wide": ("place,2010年,2011年\nA,1,\n续表1,,\nplace,2010年,2011年\nB,2,\n", {"unit": "place", "shape": "wide"}),
    "all figures in one column": (
        "place,year,what,value\nA,2010,km,1\nplace,year,what,value\nB,2010,km,2\n",
        {"unit": "place", "period": "year", "series": "what"},
    ),
}


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("form", CONTINUED)
def test_a_header_that_comes_again_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str, large: bool
) -> None:
    if large:
        monkeypatch.setattr(delimited, "LARGE", 1)
    content, layout = CONTINUED[form]
    (tmp_path / "t.csv").write_text(content, encoding="utf-8")
    found = figures(read(source_of("table", tmp_path / "t.csv", {"km": {}}, layout)))
    assert found == {("km", "A", 2010): 1.0, ("km", "B", 2010): 2.0}


def test_a_header_that_comes_again_with_other_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("place,2010年,2011年\nA,1,2\nplace,2012年,2013年\nA,3,4\n", encoding="utf-8")
    words = refusal(source_of("table", tmp_path / "t.csv", {"km": {}}, {"unit": "place", "shape": "wide"}))
    assert 'found "2012年"' in words and "where a second header begins" in words and "layout.missing" not in words


def test_a_page_that_goes_on_in_a_yearbook(tmp_path: Path) -> None:
    rows = [["地区", "公里"], ["河北", "1"], ["续表", ""], ["地区", "公里"], ["山西", "2"]]
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    (tmp_path / "t.html").write_text(f"<table>{body}</table>", encoding="utf-8")
    source = source_of("yearbook", tmp_path / "t.html", {"x": {"column": "公里"}}, {"period": 2010})
    assert figures(read(source)) == {("x", "河北", 2010): 1.0, ("x", "山西", 2010): 2.0}


@pytest.mark.parametrize(
    ("written", "words", "never"),
    [
        ("12.31)", 'if it is 12.3 with the footnote mark 1): layout: {marks: ["1)"]}', 'marks: [")"]'),
        ("(12.3)", "write -12.3 if it is negative", "marks"),
        ("12.3-", "write -12.3 if it is negative", "marks"),
        ("$12", "the currency belongs into the measure", "marks"),
        ("12.3万", "in one measure", "marks"),
        ("~12", "no exact figure", "marks"),
        ("<0.1", "no exact figure", "marks"),
        ("[12]", "a figure in brackets, or a footnote mark without a figure", "marks"),
        ("1e-400", "within the range of a double", "marks"),
        ("12.3(2)", 'marks: ["(2)"]', "missing"),
        ("12.3#", 'layout: {marks: ["#"]}', "missing"),
        ("45%", "measure: percent", "missing"),
        ("不详", 'layout: {missing: ["不详"]}', "marks"),
        ("万公里", "a measure, not a figure", "missing"),
        ("1,5", "says what the comma is", "missing"),
        ("1 234", 'thousands: " "', "missing"),
    ],
)
def test_advice_for_cells_that_are_no_figures(written: str, words: str, never: str) -> None:
    advice = figure_advice(written)
    assert words in advice and never not in advice
