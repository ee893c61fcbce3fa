"""Printed tables by region in HTML, XLS and XLSX; rows that are no region; mistakes in them."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from adapter_harness import Figures, check_cells, figures, refusal, source_of
from ruralpanel.data.adapters import registry
from ruralpanel.data.adapters.cells import remarks_of
from ruralpanel.project.sidecars import SourceSpec
from ruralpanel.project.units import load_units

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "fixtures" / "adapters"
PAGE = FIXTURES / "yearbook_page.html"
SHIPPED = ROOT / "data" / "raw" / "nbs_yearbook" / "self_employed_2008.csv"
UNITS = load_units(ROOT / "data" / "units" / "china_provinces.csv")
RURAL: dict[str, dict[str, Any]] = {"rural": {"column": "乡村", "measure": "10^4 person"}}


def shipped(**columns: str) -> Figures:
    rows = list(csv.DictReader(SHIPPED.open(encoding="utf-8")))
    return {
        (key, str(UNITS.match(row["region_en"])), 2008): float(row[column])
        for key, column in columns.items()
        for row in rows
        if row[column]
    }


def by_id(read: Figures) -> Figures:
    return {(key, str(UNITS.match(unit)), year): value for (key, unit, year), value in read.items()}


@pytest.mark.parametrize(
    "columns",
    [
        ("Households", "乡村"),
        ("户数", "Rural"),
        ("#2", "#5"),
        ("户数 Households", "就业人员 Employed Persons / 乡村 Rural"),
    ],
)
def test_page_in_two_languages(columns: tuple[str, str]) -> None:
    series = {"businesses": {"column": columns[0]}, "rural": {"column": columns[1], "measure": "10^4 person"}}
    source = source_of("yearbook", PAGE, series, {"period": 2008})
    read = registry.read(source)
    check_cells(read, source)
    assert by_id(figures(read)) == shipped(businesses="households_10k", rural="rural_employed_10k_persons")
    assert read["unit"].nunique() == 31


def test_raised_footnote_marks_do_not_run_into_figures() -> None:
    read = registry.read(source_of("yearbook", PAGE, {"all": {"column": "合计"}}, {"period": 2008}))
    cell = read[read["unit"] == "广 东"].iloc[0]
    assert (cell["text"], cell["value"]) == ("658.0[2]", 658.0)


def test_sheet_with_merged_headers() -> None:
    series = {
        "all": {"column": "Number of Employed Persons", "measure": "10^4 person"},
        "rural": {"column": "Of which / Rural Areas", "measure": "10^4 person"},
    }
    source = source_of("yearbook", FIXTURES / "yearbook_table.xls", series, {"period": 2008})
    read = registry.read(source)
    check_cells(read, source)
    assert by_id(figures(read)) == shipped(all="employed_10k_persons", rural="rural_employed_10k_persons")


def test_groups_may_be_kept_and_further_rows_left_out() -> None:
    layout = {"period": 2008, "keep_rows": ["Eastern Region"], "skip_rows": ["Tibet"]}
    series = {"all": {"column": "Number of Employed Persons"}}
    read = registry.read(source_of("yearbook", FIXTURES / "yearbook_table.xls", series, layout))
    assert "Eastern Region" in set(read["unit"]) and "Tibet" not in set(read["unit"])


def test_a_column_for_each_year(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (
        ["5-1 Roads by Region"],
        ["", "Length (10 000 km)", None, "Density", None],
        ["Region", 2007, 2008, 2007, 2008],
        ["National Total", 9, 9, 9, 9],
        ["Beijing", 2.08, 2.03, 1, 2],
        ["Tibet", "…", 5.13, None, 4],
        ["Xinjiang", None, None, None, None],
        ["Source: made up for this test"],
    ):
        book.active.append(row)
    book.active.merge_cells("B2:C2")
    book.active.merge_cells("D2:E2")
    book.save(tmp_path / "t.xlsx")
    series = {"roads": {"column": "Length / {period}", "measure": "10^4 km"}}
    read = registry.read(source_of("yearbook", tmp_path / "t.xlsx", series))
    assert figures(read) == {
        ("roads", "Beijing", 2007): 2.08,
        ("roads", "Beijing", 2008): 2.03,
        ("roads", "Tibet", 2008): 5.13,
    }
    assert set(read["unit"]) == {"Beijing", "Tibet", "Xinjiang"}
    series["roads"]["measure"] = "km"
    assert 'measure "10 000 km"' in refusal(source_of("yearbook", tmp_path / "t.xlsx", series))


@pytest.fixture
def page(tmp_path: Path) -> Callable[..., SourceSpec]:
    """A changed copy of the page as a source."""

    def changed(change: Callable[[str], str], **layout: object) -> SourceSpec:
        path = tmp_path / "yearbook_page.html"
        path.write_bytes(change(PAGE.read_text(encoding="gb2312")).encode("gb18030"))
        return source_of("yearbook", path, RURAL, {"period": 2008, **layout})

    return changed


FAULTS: dict[str, tuple[Callable[[str], str], str]] = {
    "empty": (lambda c: "", "an empty file"),
    "no table": (lambda c: "<html><p>404 Not Found</p></html>", "a page without a table"),
    "cut off": (lambda c: c[: c.index("天")], "a table that is not closed"),
    "text in a figure": (lambda c: c.replace("<td>41.0<", "<td>41.0x<"), 'found "41.0x"'),
    "region twice": (lambda c: c.replace("天　　津", "北　　京"), 'a second figure of "北 京"'),
    "region missing": (lambda c: c.replace("&nbsp;&nbsp;天　　津", ""), "5.5 without a region"),
    "merged figures": (lambda c: c.replace("<td>41.0<", "<td rowspan=2>41.0<").replace("<td>5.5<", "<!-- -->").replace(
        "<!-- -->/td>", ""), "41.0 in a cell that is merged with another"),
    "column gone": (lambda c: c.replace("乡村<br>Rural", "其他<br>Other"), "column 乡村: found no such column"),
    "column twice": (lambda c: c.replace("城镇<br>Urban", "乡村<br>Rural"), "2 columns of this name"),
    "another measure": (lambda c: c.replace("(10 000 persons)", "(persons)"), 'measure "persons"'),
    "no figures": (lambda c: c.replace("<td>", "<td>x"), "no row with a name and figures"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_faults(page: Callable[..., SourceSpec], fault: str) -> None:
    change, words = FAULTS[fault]
    message = refusal(page(change))
    assert words in message and "yearbook_page.html" in message


def test_a_cut_page_may_be_read_on_purpose(page: Callable[..., SourceSpec]) -> None:
    read = registry.read(page(lambda c: c[: c.index("<td>&nbsp;&nbsp;河　　北")], end="optional"))
    assert set(read["unit"]) == {"北 京", "天 津"}


def test_no_year() -> None:
    assert "figures of no year" in refusal(source_of("yearbook", PAGE, RURAL))


def test_wrong_table_number() -> None:
    assert "layout.table" in refusal(source_of("yearbook", PAGE, RURAL, {"period": 2008, "table": 7}))
    read = registry.read(source_of("yearbook", PAGE, RURAL, {"period": 2008, "table": 2}))
    assert by_id(figures(read)) == shipped(rural="rural_employed_10k_persons")


@pytest.mark.parametrize("position", range(1, 20))
def test_a_page_cut_anywhere_never_gives_other_figures(tmp_path: Path, position: int) -> None:
    raw = PAGE.read_bytes()
    path = tmp_path / "yearbook_page.html"
    path.write_bytes(raw[: len(raw) * position // 20])
    refusal(source_of("yearbook", path, RURAL, {"period": 2008}))


def small_page(path: Path, body: str = "", above: str = "", first: str = "<td>41.0</td>") -> SourceSpec:
    """A page of three regions: a part before the table, its first figure's cell, further rows."""
    rows = f"<tr><td>Hebei</td>{first}</tr><tr><td>Shanxi</td><td>5.5</td></tr><tr><td>Henan</td><td>7.5</td></tr>"
    content = f"<html>{above}<table><tr><th>Region</th><th>Rural</th></tr>{rows}{body}</table></html>"
    path.write_text(content, encoding="utf-8")
    return source_of("yearbook", path, {"rural": {"column": "Rural"}}, {"period": 2008})


def limited(source: SourceSpec, **layout: object) -> SourceSpec:
    return replace(source, layout={**source.layout, **layout})


SMALL = {("rural", "Hebei", 2008): 41.0, ("rural", "Shanxi", 2008): 5.5, ("rural", "Henan", 2008): 7.5}


@pytest.mark.parametrize(
    "cell",
    [
        "<td>41.0<sup>1</sup></td>",
        "<td>41.0<sup>1)</sup></td>",
        "<td>41.0<sup>1<!-- 5 --></sup></td>",
        "<td>41.0<sub>2</sub></td>",
        '<td>41.0<a href="#note1">1</a></td>',
        "<td>41.0<small>(1)</small></td>",
        '<td>41.0<font size="1">a</font></td>',
        "<td><small>41.0</small></td>",
        '<td><a href="#hebei">41.0</a></td>',
        "<td>" + "<b>" * 1500 + "41.0" + "</b>" * 1500 + "</td>",
        '<td>41.0<span style="font-size: 7pt; vertical-align: super">12</span></td>',
        '<td><span style="display: none">0041</span>41.0</td>',
        "<td>41.0<!-- 5 --></td>",
    ],
)
def test_what_a_page_shows_is_what_is_read(tmp_path: Path, cell: str) -> None:
    assert figures(registry.read(small_page(tmp_path / "p.html", first=cell))) == SMALL


def test_hidden_rows_and_cells_of_a_page(tmp_path: Path) -> None:
    row = '<tr style="display:none"><td>Hubei</td><td>9.5</td></tr>'
    read = registry.read(small_page(tmp_path / "p.html", row, first='<td style="display: none">99</td><td>41.0</td>'))
    assert figures(read) == {**SMALL, ("rural", "Hubei", 2008): 9.5}
    assert "row 5, which the file hides" in str(remarks_of(read.attrs)[0])


def test_spans_without_end(tmp_path: Path) -> None:
    note = '<tr><td colspan="99999999">Note: made up</td></tr>'
    source = small_page(tmp_path / "p.html", note)
    assert "99,999,999 columns; expected at most 16,384 (most_columns)" in refusal(source)
    assert "most_cells" in refusal(limited(source, most_columns=100_000_000))
    note = '<tr><td rowspan="99999999" colspan="2">Note: made up</td></tr>'
    assert figures(registry.read(small_page(tmp_path / "p.html", note))) == SMALL
    wide = "<tr>" + '<td colspan="900">Note: made up</td>' * 9 + "</tr>"
    assert "most_cells" in refusal(limited(small_page(tmp_path / "p.html", wide * 9), most_cells=70_000))
    assert "most_columns" in refusal(small_page(tmp_path / "p.html", "<tr>" + "<td>1</td>" * 20_000 + "</tr>"))
    tall = '<tr><td rowspan="0" colspan="900">Note</td></tr>' + "<tr></tr>" * 100
    assert "most_cells" in refusal(limited(small_page(tmp_path / "p.html", tall), most_cells=70_000))


def test_a_figure_over_several_rows_without_end_is_refused(tmp_path: Path) -> None:
    rows = "<td rowspan='99999999'>41.0</td></tr><tr><td>Shanxi</td></tr><tr><td>Henan</td></tr>"
    content = f"<table><tr><th>Region</th><th>Rural</th></tr><tr><td>Hebei</td>{rows}</table>"
    (tmp_path / "p.html").write_text(content, encoding="utf-8")
    source = source_of("yearbook", tmp_path / "p.html", {"rural": {"column": "Rural"}}, {"period": 2008})
    assert "41.0 in a cell that is merged with another" in refusal(source)


@pytest.mark.parametrize("tag", ["script", "p"])
def test_texts_of_many_megabytes_leave_nothing_out(tmp_path: Path, tag: str) -> None:
    long = f"<{tag}>" + "x" * 12_000_000 + f"</{tag}>"
    assert figures(registry.read(small_page(tmp_path / "p.html", above=long))) == SMALL
    line = f"<tr><td>{'y' * 12_000_000}</td><td>3.5</td></tr>"
    assert 3.5 in figures(registry.read(small_page(tmp_path / "p.html", line))).values()


def test_a_page_that_is_nested_too_deep_to_be_read_is_refused(tmp_path: Path) -> None:
    assert "depth" in refusal(small_page(tmp_path / "p.html", first="<td>" + "<b>" * 5000 + "41.0</td>"))


def test_of_several_tables_none_is_chosen_in_silence(tmp_path: Path) -> None:
    source = small_page(tmp_path / "p.html")
    content = (tmp_path / "p.html").read_text(encoding="utf-8")
    other = content.replace("41.0", "82.0").replace("Henan", "Hubei")
    (tmp_path / "p.html").write_text(content + other, encoding="utf-8")
    assert "2 tables with the columns (number 1, 2), none chosen" in refusal(source)
    assert figures(registry.read(limited(source, table=1))) == SMALL
    last = "<table><tr><th>Region</th><th>Rural</th></tr><tr><td>Hubei</td><td>9.5</td></tr></table>"
    (tmp_path / "p.html").write_text(content + last, encoding="utf-8")
    assert "2 tables with the columns" in refusal(source)
    assert figures(registry.read(limited(source, table=[1, 2]))) == {**SMALL, ("rural", "Hubei", 2008): 9.5}
    longer = other.replace("Rural", "Urban").replace("</table>", "<tr><td>Hunan</td><td>1.5</td></tr></table>")
    (tmp_path / "p.html").write_text(longer + content, encoding="utf-8")
    assert figures(registry.read(source)) == SMALL  # the one that has the column, not the longest


def test_regions_side_by_side_are_refused_with_the_way_out(tmp_path: Path) -> None:
    head = "<tr><th>Region</th><th>2008</th><th>Region</th><th>2008</th></tr>"
    rows = "<tr><td>Hebei</td><td>1.5</td><td>Henan</td><td>3.5</td></tr>"
    (tmp_path / "p.html").write_text(f"<table>{head}{rows}</table>", encoding="utf-8")
    words = refusal(source_of("yearbook", tmp_path / "p.html", {"rural": {"column": "{period}"}}))
    assert "a second column for the same year: #4 2008" in words and "move the right block below the left" in words
