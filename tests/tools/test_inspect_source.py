"""What `new-source` prints can be pasted: the entry reads the file's figures."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
import yaml

from ruralpanel.data.adapters.registry import read
from ruralpanel.project.layouts import layout_problems
from ruralpanel.project.problems import UserError
from ruralpanel.project.sidecars import PLACEHOLDERS, SourceSpec, load_sidecar, series_spec
from ruralpanel.project.units import load_units
from ruralpanel.tools.new_source.headings import guess_measure
from ruralpanel.tools.new_source.inspect import Inspection, inspect, inspect_source, inspect_with_sidecar

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
UNITS = load_units(ROOT / "data" / "units" / "china_provinces.csv")
FILES = [
    *sorted((ROOT / "data" / "raw" / "nbs_yearbook").glob("*.csv")),
    *sorted((ROOT / "data" / "raw" / "nbs_history").glob("*.csv")),
    ROOT / "data" / "raw" / "nbs_annual" / "gdp_index.csv",
    *(file for file in sorted((ROOT / "tests" / "fixtures" / "adapters").iterdir()) if file.suffix != ".md"),
    *(ROOT / "examples" / "bring_your_own" / name for name in ("people.csv", "roads.xlsx", "workshops.dta")),
]


def pasted(text: str) -> SourceSpec:
    """The printed entry as the configuration would read it."""
    document = yaml.safe_load(text)
    (name, entry), *_ = document["sources"].items()
    series = {key: series_spec(key, values) for key, values in entry["series"].items()}
    path = entry["path"]
    return SourceSpec(name, entry["adapter"], path, (path,), None, entry.get("layout", {}), series)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_printed_entry_reads_the_file(file: Path) -> None:
    (found,) = inspect(file, UNITS)
    cells = read(pasted(inspect_source(file, UNITS)))
    assert int(cells["value"].notna().sum()) == found.figures > 0
    assert set(cells["series"]) == set(found.entry["series"])
    assert all(UNITS.match(str(unit)) for unit in cells["unit"].unique())


def test_a_wide_table_and_another_format(tmp_path: Path) -> None:
    frame = pd.DataFrame({"province": ["Beijing", "Hebei"], "2001": [1.5, 2], "2002": [3, 4.25]})
    frame.to_excel(tmp_path / "roads_km.xlsx", index=False)
    (found,) = inspect(tmp_path / "roads_km.xlsx", UNITS)
    assert found.entry["layout"] == {"shape": "wide", "unit": "province"}
    assert found.entry["series"]["roads_km"]["measure"] == "km"
    cells = read(pasted(inspect_source(tmp_path / "roads_km.xlsx", UNITS)))
    assert sorted(cells["value"]) == [1.5, 2, 3, 4.25]


def test_doubts_are_said(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("place,something\nBeijing,1\nAtlantis,2\nHebei,3\n", encoding="utf-8")
    text = inspect_source(tmp_path / "mine.csv", UNITS)
    assert "Atlantis" in text and "instead of YYYY" in text and "nothing in the heading names it" in text


@pytest.mark.parametrize(
    ("heading", "measure"),
    [
        ("公路里程(万公里)", "万公里"),
        ("employed_10k_persons", "10^4 persons"),
        ("rate_pct", "pct"),
        ("Employed (10 000 persons)", "10000 persons"),
        ("Households (10 000)", "10000 household"),
        ("migrate", ""),
        ("rail_10k_tons", "10^4 tons"),
        ("highway_100m_ton_km", "10^8 ton km"),
        ("households_10k", "10^4 household"),
        ("birth_rate_permil", "per_mille"),
        ("household_operations_yuan", "yuan"),
        ("x", ""),
    ],
)
def test_measures_are_guessed_from_headings(heading: str, measure: str) -> None:
    assert guess_measure(heading)[0] == measure


def test_a_file_that_is_none_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        inspect_source(tmp_path / "nowhere.csv")
    (tmp_path / "nothing").mkdir()
    with pytest.raises(UserError, match="0 files"):
        inspect_source(tmp_path / "nothing")
    (tmp_path / "words.txt").write_text("no table here\njust words\n", encoding="utf-8")
    with pytest.raises(UserError, match="no row of names above rows of figures"):
        inspect_source(tmp_path / "words.txt")
    (tmp_path / "page.html").write_text("<html><p>no table</p></html>", encoding="utf-8")
    with pytest.raises(UserError):
        inspect_source(tmp_path / "page.html")
    (tmp_path / "empty.csv").touch()
    with pytest.raises(UserError, match="empty"):
        inspect_source(tmp_path / "empty.csv")


def test_a_folder_of_exports_is_one_source(tmp_path: Path) -> None:
    for name in ("highway_length", "railway_length", "gdp"):
        shutil.copy(ROOT / "data" / "raw" / "nbs_annual" / f"{name}.csv", tmp_path)
    (found,) = inspect(tmp_path, UNITS, tmp_path.parent)
    assert found.entry["path"] == tmp_path.name and found.entry["adapter"] == "nbs_export"
    assert set(found.entry["series"]) == {"highway_length", "railway_length", "gdp"}
    spec = pasted(inspect_source(tmp_path, UNITS, "/"))
    cells = read(replace(spec, files=tuple(map(str, sorted(tmp_path.iterdir())))))
    assert int(cells["value"].notna().sum()) == found.figures
    (tmp_path / "places.csv").write_text("province,year,km\nHebei,2001,2\n", encoding="utf-8")
    (tmp_path / "words.txt").write_text("no table\n", encoding="utf-8")
    several = inspect(tmp_path, UNITS, tmp_path)
    assert len(several) == 4 and any("words.txt was passed over" in doubt for doubt in several[0].unsure)


def test_the_shipped_example_of_a_workbook(tmp_path: Path) -> None:
    (found,) = inspect(ROOT / "examples" / "bring_your_own" / "roads.xlsx", UNITS, tmp_path)
    assert found.entry["layout"] == {"shape": "wide", "unit": "Province", "header": 3}
    assert found.entry["series"] == {"roads": {"measure": "1000 km"}}  # the title goes before the sheet's name, km


def test_units_before_their_time_are_declared(tmp_path: Path) -> None:
    (tmp_path / "km.csv").write_text("province,year,km\nHebei,1990,2\nChongqing,1990,3\n", encoding="utf-8")
    text = inspect_source(tmp_path / "km.csv", UNITS)
    assert yaml.safe_load(text)["sources"]["km"]["series"]["km"]["retrospective"] == ["CN-CQ"]
    assert "before they were set up" in text


EXPORT = "数据库：分省年度数据\n{indicator}时间：2010-2012\n{table}{end}"
BY_REGION = "地区,2012年,2011年\n北京市,2.15,2.13\n河北省,16.3,15.7\n"
BY_TIME = "时间,北京市,河北省\n2012年,2.15,16.3\n2011年,2.13,15.7\n"
BY_INDICATOR = "指标,2012年,2011年\n公路里程(万公里),2.15,2.13\n农村用电量(亿千瓦小时),16.3,15.7\n"


@pytest.mark.parametrize(
    ("table", "end", "layout", "doubt"),
    [
        (BY_REGION, True, {}, ""),
        (BY_TIME, True, {}, ""),
        (BY_REGION, False, {"end": "optional"}, "cut off"),
        (BY_INDICATOR, True, {"region": "REGION"}, "instead of REGION"),
    ],
)
def test_exports_in_each_layout(table: str, end: bool, layout: dict[str, str], doubt: str, tmp_path: Path) -> None:
    indicator = "" if table is BY_INDICATOR else "指标：公路里程(万公里)\n"
    text = EXPORT.format(indicator=indicator, table=table, end="数据来源：国家统计局\n" * end)
    (tmp_path / "export.csv").write_text(text, encoding="utf-8")
    (found,) = inspect(tmp_path / "export.csv", UNITS, tmp_path)
    assert found.entry["adapter"] == "nbs_export" and found.entry.get("layout", {}) == layout
    assert found.figures == 4 and next(iter(found.entry["series"].values()))["measure"] == "万公里"
    assert not doubt or any(doubt in item for item in found.unsure)
    assert all(problem.expected for problem in layout_problems("nbs_export", layout, "config.yaml", "layout"))
    assert bool(layout_problems("nbs_export", layout, "config.yaml", "layout")) == ("region" in layout)


def test_a_fault_within_an_export_is_named(tmp_path: Path) -> None:
    text = EXPORT.format(
        indicator="指标：公路里程(万公里)\n", table=BY_REGION.replace("2.15", "约2"), end="数据来源：某\n"
    )
    (tmp_path / "export.csv").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match="约2"):
        inspect_source(tmp_path / "export.csv", UNITS)


def test_a_page_with_a_column_for_each_year(tmp_path: Path) -> None:
    rows = "".join(
        f"<tr><td>{unit}</td><td>{i}.5</td><td>{i}.6</td><td>{i}00</td><td>{i}10</td></tr>"
        for i, unit in enumerate(("National Total", "Beijing", "Hebei", "Guizhou"), 1)
    )
    head = "<tr><td rowspan=2>Region</td><td colspan=2>Highways (10 000 km)</td><td colspan=2>Rails (km)</td></tr>"
    years = "<tr><td>2007</td><td>2008</td><td>2007</td><td>2008</td></tr>"
    (tmp_path / "page.html").write_text(f"<html><table>{head}{years}{rows}</table></html>", encoding="utf-8")
    (found,) = inspect(tmp_path / "page.html", UNITS, tmp_path)
    assert found.entry["series"] == {
        "highways": {"column": "Highways (10 000 km) / {period}", "measure": "10000 km"},
        "rails": {"column": "Rails (km) / {period}", "measure": "km"},
    }
    assert found.figures == 12 and "2007–2008" in found.summary and not found.unsure


def rows_of(heading: str, rows: list[tuple[object, ...]]) -> str:
    return "\n".join([heading, *(",".join(map(str, row)) for row in rows)]) + "\n"


@pytest.mark.parametrize(
    ("heading", "rows", "unit"),
    [
        ("sector,firm,yr,wage", [(f"s{n % 3}", f"F{n}", y, n / 7) for n in range(9) for y in (2001, 2002)], "firm"),
        ("quarter,sector,nr,yr,wage", [("Q1", f"s{n % 3}", n, y, n / 7) for n in range(9) for y in (2001, 2002)], "nr"),
        ("invest,firm,year", [(n + y / 7, n, f"{y}.0") for n in range(4) for y in (1935, 1936)], "firm"),
        ("region,town,wage", [(f"r{n % 2}", f"T{n}", n / 7) for n in range(6)], "town"),
    ],
)
def test_units_are_what_is_unique_in_each_period(
    heading: str, rows: list[tuple[object, ...]], unit: str, tmp_path: Path
) -> None:
    (tmp_path / "mine.csv").write_text(rows_of(heading, rows), encoding="utf-8")
    for units in (UNITS, None):
        (found,) = inspect(tmp_path / "mine.csv", units, tmp_path, year=2001 if "town" in heading else None)
        assert found.entry["layout"]["unit"] == unit
        assert list(found.entry["series"]) == ["invest" if "invest" in heading else "wage"]


def test_totals_are_no_units(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("place,year,km\nTotal,2001,9\nA,2001,4\nB,2001,5\n", encoding="utf-8")
    (found,) = inspect(tmp_path / "mine.csv", UNITS, tmp_path)
    assert found.entry["layout"]["skip_rows"] == ["Total"] and "2 units (A … B)" in found.summary
    assert not any("Total" in doubt for doubt in found.unsure)


def test_lost_zeros_are_named(tmp_path: Path) -> None:
    (tmp_path / "units.csv").write_text("id,name\n00013,A\n00014,B\n", encoding="utf-8")
    (tmp_path / "mine.csv").write_text("km,code,year\n3,13,2001\n4,14,2001\n", encoding="utf-8")
    units = load_units(tmp_path / "units.csv")
    (found,) = inspect(tmp_path / "mine.csv", units, tmp_path)
    assert found.entry["layout"]["unit"] == "code"
    assert any("13 for 00013" in doubt for doubt in found.unsure)
    assert units.suggest("13") == 'write "00013", as text: its leading zeros are lost'
    assert units.suggest("15") == ""


def test_series_without_a_variable_are_counted(tmp_path: Path) -> None:
    names = [f"x{i}" for i in range(23)]
    rows = [(unit, 2001, *range(23)) for unit in ("Hebei", "Beijing")]
    (tmp_path / "mine.csv").write_text(rows_of(",".join(["province", "year", *names]), rows), encoding="utf-8")
    text = inspect_source(tmp_path / "mine.csv", UNITS, tmp_path)
    document = yaml.safe_load(text)
    assert len(document["sources"]["mine"]["series"]) == 23 and len(document["series"]) == 20
    assert "mine has 3 more series" in text
    assert "in" not in document["series"]["x1"]


def test_the_sidecar_has_the_same_keys(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("地区,年份,公路(公里),x\n河北,2001,3,4\n北京,2001,5,6\n", encoding="utf-8")
    entry = yaml.safe_load(inspect_source(tmp_path / "mine.csv", UNITS, tmp_path))["sources"]["mine"]
    sidecar = yaml.safe_load(inspect_with_sidecar(tmp_path / "mine.csv", UNITS, tmp_path))
    assert list(sidecar["series"]) == list(entry["series"]) == ["公路", "x"]
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({**sidecar, **dict.fromkeys(PLACEHOLDERS, "made up")}), "utf-8")
    assert set(load_sidecar(tmp_path / "mine.yaml", tmp_path / "mine.csv").series) == {"公路", "x"}


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_tables_side_by_side_are_entries_of_their_own(kind: str, tmp_path: Path) -> None:
    """Names stand again where the second half of the provinces is printed beside the first."""
    rows = [["地区", "2010年", "2011年", "地区", "2010年", "2011年"]]
    rows += [["河北", "1.5", "2", "湖北", "3", "4"], ["山西", "5", "6", "湖南", "7", "8"]]
    if kind == "csv":
        (tmp_path / "r.csv").write_text("\n".join(",".join(row) for row in rows) + "\n", encoding="utf-8")
    else:
        pd.DataFrame(rows).to_excel(tmp_path / "r.xlsx", index=False, header=False)
    found = inspect(tmp_path / f"r.{kind}", UNITS, tmp_path)
    assert [part.entry["layout"]["range"] for part in found] == ["A1:C3", "D1:F3"]
    read_back = [read(replace(pasted_part(part), files=(str(tmp_path / f"r.{kind}"),))) for part in found]
    assert [sorted(cells["value"]) for cells in read_back] == [[1.5, 2, 5, 6], [3, 4, 7, 8]]


def pasted_part(part: Inspection) -> SourceSpec:
    """One entry as the configuration would read it."""
    return pasted(yaml.safe_dump({"sources": {part.name: part.entry}}))


def yearly_sheets(path: Path, names: Sequence[str]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for number, name in enumerate(names, 1):
        sheet = book.create_sheet(name)
        for row in (["region", "roads (km)"], ["Hebei", 10.5 * number], ["Shanxi", 11.5 * number]):
            sheet.append(row)
    book.save(path)
    return path


def test_yearly_sheets_and_files_are_one_source(tmp_path: Path) -> None:
    (found,) = inspect(yearly_sheets(tmp_path / "roads.xlsx", ["2010", "2011年"]), UNITS)
    assert found.entry["layout"]["period"] == {"from": "name"} and found.figures == 4
    one, notes = inspect(yearly_sheets(tmp_path / "roads.xlsx", ["2010", "2011", "other"]), UNITS)
    assert one.entry["layout"]["sheet"] == ["2010", "2011"] and notes.entry["layout"]["sheet"] == "other"
    folder = tmp_path / "yearly"
    folder.mkdir()
    for year in (2010, 2011, 2012):
        rows = f"region,km\nHebei,{year / 8}\nShanxi,{year / 4}\n"
        (folder / f"roads_{year}.csv").write_text(rows, encoding="utf-8")
    (found,) = inspect(folder, UNITS, tmp_path)
    assert found.entry["layout"]["period"] == {"from": "name"} and found.entry["path"] == "yearly"
    source = replace(pasted(inspect_source(folder, UNITS)), files=tuple(map(str, sorted(folder.iterdir()))))
    assert {int(year) for year in read(source)["period"]} == {2010, 2011, 2012}
    (folder / "roads_2012.csv").write_text("region,miles\nHebei,1.5\nShanxi,2.5\n", encoding="utf-8")
    assert len(inspect(folder, UNITS)) == 3


def test_what_a_workbook_hides_and_scales_is_doubted(tmp_path: Path) -> None:
    path = yearly_sheets(tmp_path / "roads.xlsx", ["2010"])
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    sheet.row_dimensions[3].hidden = True
    book.save(path)
    assert "row 3, which the file hides" in inspect_source(path, UNITS)
    for code, words in (("0!.0,", "number format shows as"), ("0.0%", "number format shows as")):
        sheet["B2"].number_format = code
        book.save(path)
        assert words in inspect_source(path, UNITS)
    for row, value in ((1, "roads"), (2, 0.215), (3, 0.325)):
        sheet.cell(row, 2, value).number_format = "0.0%"
    book.save(path)
    printed = inspect_source(path, UNITS)
    assert "measure: percent" in printed and "2 figures are stored as parts of one and shown as percent" in printed
