"""Worksheets: what they show is what is read; what would never end is stopped; years that stand in names."""

from __future__ import annotations

import datetime
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.worksheet.cell_range import CellRange

from adapter_harness import Figures, check_cells, check_workbook, figures, refusal, source_of
from ruralpanel.data.adapters import cells, registry
from ruralpanel.data.adapters.number_formats import only_year, scale_of, value_in
from ruralpanel.data.adapters.sheets import joined
from ruralpanel.project.layouts import layout_problems
from ruralpanel.project.sidecars import SourceSpec

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "workbooks"
UNITS = ("Hebei", "Shanxi", "Henan", "Hubei")
YEARS = (2010, 2011, 2012)
RIGHT: Figures = {
    ("y", unit, year): 10.0 * i + j + 0.5 for i, unit in enumerate(UNITS, 1) for j, year in enumerate(YEARS)
}
WIDE = {"shape": "wide", "unit": "region"}
IN_PERCENT = {"y": {"measure": "percent", "column": "{period}"}}


def write(path: Path, change: Callable[[Any], None] = lambda sheet: None, head: tuple[str, ...] = ()) -> Path:
    """A workbook with a column for each year, changed."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "data"
    for line in head:
        sheet.append([line])
    sheet.append(["region", *YEARS])
    for unit in UNITS:
        sheet.append([unit, *(RIGHT["y", unit, year] for year in YEARS)])
    change(sheet)
    book.save(path)
    return path


def table(path: Path, measure: str = "percent", **layout: Any) -> SourceSpec:
    series = {"y": {"measure": measure, "column": "{period}"}}
    return source_of("table", path, series, {**WIDE, **layout})


def test_every_adapter_reads_what_a_workbook_shows(tmp_path: Path) -> None:
    (tmp_path / "changed").mkdir()
    path = write(tmp_path / "y.xlsx")
    check_workbook(table(path), tmp_path / "changed", "B2", "A2")
    check_workbook(source_of("yearbook", path, IN_PERCENT), tmp_path / "changed", "B2", "A2")
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (
        ["数据库：分省年度数据"],
        ["指标：城镇化率(%)"],
        ["时间：最近3年"],
        ["地区", *(f"{year}年" for year in YEARS)],
        *([unit, *(RIGHT["y", unit, year] for year in YEARS)] for unit in UNITS),
        ["数据来源：国家统计局"],
    ):
        sheet.append(row)
    book.save(tmp_path / "y.xlsx")
    series = {"y": {"measure": "percent", "title_in_file": "城镇化率"}}
    check_workbook(source_of("nbs_export", tmp_path / "y.xlsx", series), tmp_path / "changed", "B5", "A5")


@pytest.mark.parametrize("adapter", ["table", "yearbook"])
@pytest.mark.parametrize("form", ["xls", "xlsx"])
def test_workbooks_of_spreadsheet_programs(form: str, adapter: str) -> None:
    def source(**layout: Any) -> SourceSpec:
        layout |= WIDE if adapter == "table" else {}
        return source_of(adapter, FIXTURES / f"shown.{form}", IN_PERCENT, layout)

    read = registry.read(source(sheet="shown"))
    check_cells(read, source(sheet="shown"))
    assert figures(read) == RIGHT
    assert [remark.found for remark in cells.remarks_of(read.attrs)] == [
        "row 4 and column D, which the file hides: they are read like the others",
        "hidden sheets that are not read: old",
    ]
    assert "4 sheets with content (old (hidden), shown, scaled, merged), none chosen" in refusal(source())
    assert "105000, which the cell's number format shows as 10.5" in refusal(source(sheet="scaled"))
    assert figures(registry.read(source(sheet="scaled", numbers="shown"))) == RIGHT
    stored = figures(registry.read(source(sheet="scaled", numbers="stored")))
    assert stored == {**RIGHT, ("y", "Hebei", 2010): 105000.0}
    assert "merged" in refusal(source(sheet="merged"))
    assert "a hidden sheet" in str(cells.remarks_of(registry.read(source(sheet="old")).attrs))


# Shown by a spreadsheet program, with all digits where the format rounds.
@pytest.mark.parametrize(
    ("code", "stored", "shown"),
    [
        ("General", 0.218, None),
        ("0.00", 0.218, None),
        ("#,##0.00_);(#,##0.00)", -1234.5, None),
        ('_ * #,##0.00_ ;_ * -#,##0.00_ ;_ * "-"??_ ;_ @_ ', 0, None),
        ("0.00E+00", 12345, None),
        ("# ?/?", 0.5, None),
        ('0.0"%"', 21.8, "21.8%"),
        (r"0.0\%", 21.8, "21.8%"),
        ("0.0%", 0.218, "21.8%"),
        ("0%", 1.052, "105.2%"),
        ("0.0%;[Red]-0.0%", -0.05, "-5%"),
        ("#,##0,", 12345, "12.345"),
        ("#,##0.0,,", 12_345_678, "12.345678"),
        ("0!.0,", 12_345_678, "1234.5678"),
        (r"0\.0,", 12_345_678, "1234.5678"),
        ('0"."0,', 12_345_678, "1234.5678"),
        ("0!.0000", 12_345_678, "1234.5678"),
        ('[>=100000000]0!.00,,"亿";[>=10000]0!.0,"万";0', 1234, None),
        ('[>=100000000]0!.00,,"亿";[>=10000]0!.0,"万";0', 12_345_678, "1234.5678万"),
        ('[>=100000000]0!.00,,"亿";[>=10000]0!.0,"万";0', 250_000_000, "2.5亿"),
        ('0.0"万"', 12.3, "12.3万"),
        ("0.0万元", 12.3, "12.3万元"),
        ('0"人"', 12, "12人"),
        ("0.0‰", 21.8, "21.8‰"),
        ('0.0 "million"', 21.8, "21.8million"),
        ('"approx. "0.0', 21.8, None),
        ('0"000"', 12, "12000"),
        ('0.0"0"', 12.5, None),
        (";;;", 5, "nothing"),
        ("0;;", -3, "nothing"),
    ],
)
def test_number_formats(code: str, stored: float, shown: str | None) -> None:
    scale = scale_of(code, stored)
    assert (None if scale is None else scale.shown(stored)) == shown


@pytest.mark.parametrize(
    ("measure", "value"),
    [("percent", 21.8), ("%", 21.8), ("share", 0.218), ("per_mille", 218.0), ("km", None), ("", None)],
)
def test_the_measure_says_what_a_percent_format_means(measure: str, value: float | None) -> None:
    scale = scale_of("0.0%", 0.218)
    assert scale is not None and value_in(scale, 0.218, measure, "") == value


@pytest.mark.parametrize(
    ("measure", "value"),
    [("10^4 CNY", 12.3), ("万元", 12.3), ("10^8 CNY", None), ("CNY", None), ("10^4 ton", None), ("", None)],
)
def test_a_numeral_behind_the_figure_is_held_against_the_measure(measure: str, value: float | None) -> None:
    scale = scale_of('#,##0.0"万元"', 12.3)
    bare = scale_of('#,##0.0"万"', 12.3)
    assert bare is not None and value_in(bare, 12.3, "10^4 ton", "") == 12.3 and value_in(bare, 12.3, "ton", "") is None
    assert scale is not None and value_in(scale, 12.3, measure, "") == value


@pytest.mark.parametrize(
    ("code", "right", "wrong"),
    [
        ('0.0"%"', "percent", "share"),
        ("0.0‰", "per_mille", "percent"),
        ('0.0"公里"', "km", "10^4 km"),
        ('0.0"元"', "CNY@2010/person", "10^4 CNY"),
        ('0.0"百万"', "10^6 CNY", "10^2 CNY"),
        ('0.0 "million"', "10^6 person", "person"),
        ('0.0 "k"', "10^3 ton", "ton"),
    ],
)
def test_a_measure_behind_the_figure_is_held_against_the_declared_one(code: str, right: str, wrong: str) -> None:
    scale = scale_of(code, 21.8)
    assert scale is not None and value_in(scale, 21.8, right, "") == 21.8
    assert value_in(scale, 21.8, wrong, "") is None and value_in(scale, 21.8, wrong, "stored") == 21.8


def test_a_figure_that_is_shown_as_a_year_is_refused(tmp_path: Path) -> None:
    def change(sheet: Any) -> None:
        sheet["B2"].number_format = "yyyy"

    assert "1900年" in refusal(table(write(tmp_path / "y.xlsx", change)))


def test_years_and_codes_as_shown(tmp_path: Path) -> None:
    assert only_year('yyyy"年"') and only_year("yyyy") and not only_year("yyyy-mm") and not only_year("m/d/yy")

    def change(sheet: Any) -> None:
        for column, year in zip("BCD", YEARS, strict=True):
            sheet[f"{column}1"] = datetime.date(year, 1, 1)
            sheet[f"{column}1"].number_format = "yyyy"
        for row, code in enumerate((13, 14, 41, 42), 2):
            sheet[f"A{row}"], sheet[f"A{row}"].number_format = code, "00000"

    read = figures(registry.read(table(write(tmp_path / "y.xlsx", change))))
    assert {unit for _, unit, _ in read} == {"00013", "00014", "00041", "00042"}
    assert read["y", "00013", 2010] == 10.5


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ([("23.9", ""), ("1", "raised")], "23.9[1]"),
        ([("23.9", ""), ("1)", "raised")], "23.9[1]"),
        ([("23.9", ""), ("(1), (2)", "raised")], "23.9[1][2]"),
        ([("23.9", ""), ("①", "raised")], "23.9①"),
        ([("Area, km", ""), ("2", "raised")], "Area, km²"),
        ([("10", ""), ("4", "raised"), (" persons", "")], "10^4 persons"),
        ([("10", ""), ("4", "raised")], "10[4]"),
        ([("210", ""), ("4", "raised"), (" persons", "")], "210[4] persons"),
        ([("23.9", ""), ("1", "lowered")], "23.9[1]"),
        ([("CO", ""), ("2", "lowered"), (" emissions", "")], "CO2 emissions"),
        ([("PM", ""), ("2", "raised")], "PM[2]"),
        ([("23", ""), ("1.2", "raised")], "23[1.2]"),
        ([("23", ""), (".5", "raised")], "23[.5]"),
    ],
)
def test_raised_letters(parts: list[tuple[str, str]], text: str) -> None:
    assert joined(parts) == text


def test_a_range_is_all_that_is_read(tmp_path: Path) -> None:
    def change(sheet: Any) -> None:
        sheet["XFD1048576"] = "stray"
        sheet["B7"] = "=SUM(B2:B5)"  # without a stored result
        sheet.merged_cells.ranges.add(CellRange("A40:XFD1048570"))
        sheet["A40"] = "a note"

    path = write(tmp_path / "y.xlsx", change)
    for source in (table(path, range="A1:D5"), source_of("yearbook", path, IN_PERCENT, {"range": "A1:D5"})):
        started = time.monotonic()
        assert figures(registry.read(source)) == RIGHT
        assert time.monotonic() - started < 10
    assert "a formula without a stored result" in refusal(table(path))


def test_labels_that_begin_outside_of_the_range(tmp_path: Path) -> None:
    def change(sheet: Any) -> None:
        sheet.insert_rows(1, 30)
        sheet["A1"] = "region"
        sheet["A31"] = None
        sheet.merged_cells.ranges.add(CellRange("A1:A31"))

    assert figures(registry.read(table(write(tmp_path / "y.xlsx", change), range="A31:D35"))) == RIGHT


def test_a_title_above_the_range_still_names_the_measure(tmp_path: Path) -> None:
    path = write(tmp_path / "y.xlsx", head=("公路里程", "单位：万公里"))
    series = {"y": {"measure": "km", "column": "{period}"}}
    for adapter, layout in (("table", WIDE), ("yearbook", {})):
        assert "万公里" in refusal(source_of(adapter, path, series, {**layout, "range": "A3:D7"}))


def test_measures_of_merged_labels_hold(tmp_path: Path) -> None:
    def change(sheet: Any) -> None:
        sheet.insert_cols(1)
        sheet["A1"] = "area"
        sheet["A2"] = "North"
        sheet.merge_cells("A2:A5")

    read = figures(registry.read(table(write(tmp_path / "y.xlsx", change), where={"area": "North"})))
    assert read == RIGHT


def rewritten(path: Path, part: str, change: Callable[[bytes], bytes]) -> Path:
    """A workbook of which one part is another."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, change(content) if name.endswith(part) else content)
    return path


def more(before: bytes, added: bytes) -> Callable[[bytes], bytes]:
    return lambda content: content.replace(before, added + before)


BOMBS: Mapping[str, tuple[bytes, dict[str, Any], str]] = {
    "unpacked size": (b" " * 3 * 2**20, {"most_megabytes": 2}, "most_megabytes"),
    "cells": (b"<row>" + b"<c><v>1</v></c>" * 2000 + b"</row>", {"most_cells": 1000}, "most_cells"),
    "rows": (b"<row/>" * 1_100_000, {}, "more rows"),
    "cells of a row": (b"<row>" + b"<c/>" * 2_100_000 + b"</row>", {}, "more rows or columns"),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", BOMBS)
def test_small_files_that_unpack_to_endless_ones(tmp_path: Path, kind: str) -> None:
    added, layout, words = BOMBS[kind]
    path = rewritten(write(tmp_path / "y.xlsx"), "sheet1.xml", more(b"</sheetData>", added))
    assert words in refusal(table(path, **layout))
    assert path.stat().st_size < 100_000


def test_styles_and_texts_that_unpack_to_endless_ones(tmp_path: Path) -> None:
    path = rewritten(write(tmp_path / "y.xlsx"), "styles.xml", more(b"</styleSheet>", b" " * 2**20))
    assert "most_megabytes" in refusal(table(path, most_megabytes=5))
    path = tmp_path / "texts.xlsx"
    path.write_bytes((FIXTURES / "shown.xlsx").read_bytes())
    rewritten(path, "sharedStrings.xml", more(b"</sst>", b"<si><t>a</t></si>" * 10_000))
    assert "most_cells" in refusal(table(path, sheet="shown", most_cells=5000))
    assert figures(registry.read(table(path, sheet="shown"))) == RIGHT


def test_a_long_text_within_the_sheet_takes_no_longer_than_its_size(tmp_path: Path) -> None:
    path = rewritten(
        write(tmp_path / "y.xlsx"), "sheet1.xml", more(b"</sheetData>", b"<!--" + b" " * 40_000_000 + b"-->")
    )
    started = time.monotonic()
    assert figures(registry.read(table(path))) == RIGHT
    assert time.monotonic() - started < 20


def test_a_cell_that_stands_twice_is_refused(tmp_path: Path) -> None:
    again = b'<row r="2"><c r="B2"><v>99</v></c></row>'
    path = rewritten(write(tmp_path / "y.xlsx"), "sheet1.xml", more(b"</sheetData>", again))
    assert "two cells B2" in refusal(table(path))


def test_merged_areas_are_counted(tmp_path: Path) -> None:
    def change(sheet: Any) -> None:
        sheet["A10"] = "a note"
        sheet["P5000"] = "stray"
        sheet.merged_cells.ranges.add(CellRange("A10:XFD1048576"))

    path = write(tmp_path / "y.xlsx", change)
    assert "most_cells" in refusal(table(path, most_cells=50_000))
    assert figures(registry.read(table(path, most_cells=50_000, range="A1:D5"))) == RIGHT


def long(folder: Path, **names: int) -> Path:
    """Yearly workbooks whose year stands in their names only: names → year of the figures in them."""
    folder.mkdir(exist_ok=True)
    for name, year in names.items():
        book = openpyxl.Workbook()
        book.active.append(["region", "rate"])
        for unit in UNITS:
            book.active.append([unit, RIGHT["y", unit, year]])
        book.save(folder / f"{name}.xlsx")
    return folder


def sheets(path: Path, **names: int) -> Path:
    """One workbook with a sheet for each year, named as given."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, year in names.items():
        sheet = book.create_sheet(name.replace("_", " "))
        sheet.append(["region", "rate"])
        for unit in UNITS:
            sheet.append([unit, RIGHT["y", unit, year]])
    book.save(path)
    return path


RATE = {"y": {"measure": "percent", "column": "rate"}}


@pytest.mark.parametrize(("adapter", "layout"), [("table", {"unit": "region"}), ("yearbook", {})])
def test_years_in_names(tmp_path: Path, adapter: str, layout: dict[str, Any]) -> None:
    def source(path: Path, **period: str) -> SourceSpec:
        return source_of(adapter, path, RATE, {**layout, "period": {"from": "name", **period}})

    yearly = long(tmp_path / "files", rate_2010=2010, rate_2011=2011, 年鉴2012年=2012)
    assert figures(registry.read(source(yearly))) == RIGHT
    check_cells(registry.read(source(yearly)), source(yearly))
    one_book = sheets(tmp_path / "yearbook2013.xlsx", **{"2010": 2010, "表_2011年": 2011, "2012": 2012})
    assert figures(registry.read(source(one_book))) == RIGHT
    assert set(registry.read(source(one_book))["sheet"]) == {"2010", "表 2011年", "2012"}
    assert 'found "sheet notes"; expected one year' in refusal(
        source(sheets(tmp_path / "a.xlsx", notes=2010, y2011=2011))
    )
    chosen = {**layout, "period": {"from": "sheet"}, "sheet": ["y2010", "y2011"]}
    three = source_of(adapter, sheets(tmp_path / "a.xlsx", notes=2012, y2010=2010, y2011=2011), RATE, chosen)
    assert figures(registry.read(three)) == {key: value for key, value in RIGHT.items() if key[2] < 2012}


@pytest.mark.parametrize(("adapter", "layout"), [("table", {"unit": "region"}), ("yearbook", {})])
def test_names_that_leave_the_year_open(tmp_path: Path, adapter: str, layout: dict[str, Any]) -> None:
    def source(path: Path, **period: str) -> SourceSpec:
        return source_of(adapter, path, RATE, {**layout, "period": {"from": "name", **period}})

    two = long(tmp_path / "two", edition_2013_rate_2012=2012)
    assert "one year in the name" in refusal(source(two))
    stated = {"as": "rate_{period}"}
    assert {year for _, _, year in figures(registry.read(source(two, **stated)))} == {2012}
    assert "a name as rates{period}" in refusal(source(two, **{"as": "rates{period}"}))
    differ = sheets(tmp_path / "edition2013.xlsx", **{"2012": 2012})
    assert "2013 in the name of the file, 2012 in that of sheet 2012" in refusal(source(differ))
    assert {year for _, _, year in figures(registry.read(source(differ, **{"from": "sheet"})))} == {2012}
    assert {year for _, _, year in figures(registry.read(source(differ, **{"from": "file"})))} == {2013}
    twice = long(tmp_path / "twice", a_2010=2010, b_2010=2011)
    if adapter == "yearbook":
        assert "a second figure" in refusal(source(twice))


def test_years_in_the_names_of_text_files_and_pages(tmp_path: Path) -> None:
    for name, write_rows in (
        ("csv", lambda rows: "region,rate\n" + "".join(f"{unit},{value}\n" for unit, value in rows)),
        (
            "html",
            lambda rows: (
                "<table><tr><th>region</th><th>rate</th></tr>"
                + "".join(f"<tr><td>{unit}</td><td>{value}</td></tr>" for unit, value in rows)
                + "</table>"
            ),
        ),
    ):
        folder = tmp_path / name
        folder.mkdir()
        for year in YEARS:
            rows = [(unit, RIGHT["y", unit, year]) for unit in UNITS]
            (folder / f"{year}.{name}").write_text(write_rows(rows), encoding="utf-8")
        adapter = {"csv": "table", "html": "yearbook"}[name]
        layout = {"period": {"from": "name"}, **({"unit": "region"} if name == "csv" else {})}
        assert figures(registry.read(source_of(adapter, folder, RATE, layout))) == RIGHT


@pytest.mark.parametrize(
    ("period", "words"),
    [({"from": "nmae"}, "one of name, sheet, file"), ({}, "no `from`"), ({"from": "name", "like": "x"}, 'key "like"')],
)
def test_wrong_keys_of_years_in_names(period: dict[str, str], words: str) -> None:
    assert words in str(layout_problems("table", {"period": period}, "c.yaml", "sources.a.layout")[0])


def test_years_in_names_and_in_columns_are_one_too_many(tmp_path: Path) -> None:
    assert "wide" in refusal(table(write(tmp_path / "2010.xlsx"), period={"from": "name"}))
