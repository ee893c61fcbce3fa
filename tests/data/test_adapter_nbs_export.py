"""Exports of the National Data site: the shipped files, the layouts and formats of the site, and damaged ones."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from adapter_harness import check_cells, check_mutations, figures, refusal, source_of
from ruralpanel.data.adapters import registry
from ruralpanel.project.sidecars import SourceSpec, load_sidecar

ROOT = Path(__file__).resolve().parents[2]
ANNUAL = ROOT / "data" / "raw" / "nbs_annual"
FIXTURES = ROOT / "tests" / "fixtures" / "adapters"
HIGHWAYS = {"highway_length": {"title_in_file": "公路里程", "measure": "10^4 km"}}


def plainly_read(path: Path, key: str) -> dict[tuple[str, str, int], float]:
    """An export read with nothing but the csv module."""
    rows = list(csv.reader(path.open(encoding="utf-8")))
    start = next(i for i, row in enumerate(rows) if row[0] == "地区")
    years = [int(cell[:4]) for cell in rows[start][1:]]
    body = (row for row in rows[start + 1 :] if len(row) == len(years) + 1)
    return {(key, row[0], year): float(cell) for row in body for year, cell in zip(years, row[1:], strict=True) if cell}


@pytest.fixture
def export(tmp_path: Path) -> Callable[..., SourceSpec]:
    """A changed copy of the shipped highway export as a source."""

    def changed(
        change: Callable[[str], str] = lambda content: content,
        encoding: str = "utf-8",
        name: str = "highway_length.csv",
        **options: object,
    ) -> SourceSpec:
        content = (ANNUAL / "highway_length.csv").read_text(encoding="utf-8")
        path = tmp_path / name
        path.write_bytes(change(content).encode(encoding))
        return source_of("nbs_export", path, {**HIGHWAYS}, **options)  # type: ignore[arg-type]

    return changed


@pytest.mark.slow
def test_every_shipped_export_is_read_exactly() -> None:
    source = source_of("nbs_export", ANNUAL)
    frame = registry.read(source)
    check_cells(frame, source)
    expected: dict[tuple[str, str, int], float] = {}
    for path in ANNUAL.glob("*.csv"):
        expected |= plainly_read(path, path.stem)
    assert figures(frame) == expected
    assert frame["series"].nunique() == 40 and frame["unit"].nunique() == 31


def test_place_of_a_figure() -> None:
    frame = registry.read(source_of("nbs_export", ANNUAL, {**HIGHWAYS}))
    cell = frame[(frame["unit"] == "贵州省") & (frame["period"] == 2008)].iloc[0]
    assert (cell["text"], cell["value"], cell["file"], cell["row"], cell["column"]) == (
        "12.54",
        12.54,
        "nbs_annual/highway_length.csv",
        28,
        "2008年",
    )
    line = (ANNUAL / "highway_length.csv").read_text(encoding="utf-8").splitlines()[27]
    assert line.startswith("贵州省,") and ",12.54," in line


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
def test_encodings(export: Callable[..., SourceSpec], encoding: str) -> None:
    assert figures(registry.read(export(encoding=encoding))) == plainly_read(
        ANNUAL / "highway_length.csv", "highway_length"
    )


@pytest.mark.parametrize("name", ["highway_length.xls", "highway_length_tabs.csv"])
def test_other_layouts_of_the_same_export(name: str) -> None:
    source = source_of("nbs_export", FIXTURES / name, {**HIGHWAYS})
    frame = registry.read(source)
    check_cells(frame, source)
    assert figures(frame) == plainly_read(ANNUAL / "highway_length.csv", "highway_length")


def test_workbook(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in csv.reader((ANNUAL / "highway_length.csv").open(encoding="utf-8")):
        book.active.append([float(c) if c.replace(".", "").isdigit() else c for c in row])
    book.create_sheet("empty")
    book.save(tmp_path / "highway_length.xlsx")
    frame = registry.read(source_of("nbs_export", tmp_path, {**HIGHWAYS}))
    assert figures(frame) == plainly_read(ANNUAL / "highway_length.csv", "highway_length")
    assert set(frame["sheet"]) == {"Sheet"}


def test_full_width_marks_and_separators(export: Callable[..., SourceSpec]) -> None:
    original = figures(registry.read(export()))

    def dress(content: str) -> str:
        content = (
            content.replace("2.24,2.24", "２．２４,2.24①", 1).replace("北京市", "北京市*").replace("指标：", "指标:")
        )
        return content.replace("地区,2023年", "地区,2023").replace("1.47\n", '"1.47　"\n', 1)

    assert figures(registry.read(export(dress))) == original


@pytest.mark.parametrize("mark", ["", "…", "--", "-", "无"])
def test_marks_for_no_figure(export: Callable[..., SourceSpec], mark: str) -> None:
    frame = registry.read(export(lambda content: content.replace("12.54", mark)))
    cell = frame[(frame["unit"] == "贵州省") & (frame["period"] == 2008)].iloc[0]
    assert cell["text"] == mark and cell["value"] != cell["value"]


def test_several_regions_each_with_indicators() -> None:
    series = {
        "roads": {"title_in_file": "公路里程", "measure": "10^4 km"},
        "power": {"title_in_file": "农村用电量", "measure": "10^8 kWh"},
    }
    source = source_of("nbs_export", FIXTURES / "regions_by_indicator.csv", series)
    frame = registry.read(source)
    check_cells(frame, source)
    expected = {}
    for key, stem in (("roads", "highway_length"), ("power", "rural_electricity")):
        expected |= {
            (k, u, y): v
            for (k, u, y), v in plainly_read(ANNUAL / f"{stem}.csv", key).items()
            if u in ("北京市", "贵州省") and 2006 <= y <= 2012
        }
    assert figures(frame) == expected


def test_several_indicators_in_one_file() -> None:
    series = {"roads": {"title_in_file": "公路里程"}, "gdp": {"title_in_file": "地区生产总值", "measure": "10^8 CNY"}}
    frame = registry.read(source_of("nbs_export", FIXTURES / "indicators_by_region.csv", series))
    wanted = {k: v for k, v in plainly_read(ANNUAL / "gdp.csv", "gdp").items() if 2006 <= k[2] <= 2012}
    assert {k: v for k, v in figures(frame).items() if k[0] == "gdp"} == wanted


def test_without_a_sidecar_titles_name_the_series() -> None:
    frame = registry.read(source_of("nbs_export", FIXTURES / "indicators_by_region.csv"))
    assert set(frame["series"]) == {"公路里程", "农村用电量", "地区生产总值"}


def test_turned_table(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(
        "指标：公路里程(万公里)\n时间,北京市,贵州省\n2008年,2.03,12.54\n2007年,2.08,12.33\n数据来源：国家统计局\n",
        encoding="utf-8",
    )
    assert figures(registry.read(source_of("nbs_export", tmp_path / "x.csv"))) == {
        ("x", "北京市", 2008): 2.03,
        ("x", "北京市", 2007): 2.08,
        ("x", "贵州省", 2008): 12.54,
        ("x", "贵州省", 2007): 12.33,
    }


def test_national_row_is_left_out(export: Callable[..., SourceSpec]) -> None:
    frame = registry.read(export(lambda content: content.replace("北京市,", "全国," + "9," * 19 + "\n北京市,", 1)))
    assert "全国" not in set(frame["unit"])


FAULTS: dict[str, tuple[Callable[[str], str], str]] = {
    "empty": (lambda c: "", "an empty file"),
    "no header": (lambda c: c.replace("地区,", "省份,"), "no header row"),
    "unreadable year": (lambda c: c.replace("2010年", "20l0年"), 'column 20l0年: found "20l0年"; expected a year'),
    "year twice": (lambda c: c.replace("2010年", "2011年"), "a second column for 2011年"),
    "region twice": (lambda c: c.replace("天津市", "北京市"), 'row 6: found a second row of "北京市"'),
    "text in a figure": (lambda c: c.replace("12.54", "12.5x4"), 'row 28, column 2008年: found "12.5x4"'),
    "percent sign": (lambda c: c.replace("12.54", "12.54%"), '"12.54%"'),
    "row cut": (lambda c: c.replace(",1.15,1.13,1.08", ""), "row 6"),
    "row too long": (lambda c: c.replace("12.54", "12.54,1"), "nothing below a column without a header"),
    "end cut": (lambda c: c.replace("数据来源：国家统计局\n", ""), "without a source line"),
    "figures below the notes": (lambda c: c + "某地,1,2,3\n", "figures below the footnotes"),
    "another indicator": (lambda c: c.replace("公路里程(", "铁路里程("), '"公路里程", as declared for highway_length'),
    "another measure": (lambda c: c.replace("(万公里)", "(公里)"), 'measure "公里"; expected "10^4 km"'),
    "open quotation": (lambda c: c.replace("贵州省", '"贵州省'), "row 28: found text that cannot be split"),
    "name missing": (lambda c: c.replace("贵州省", ""), "figures without a name"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults(export: Callable[..., SourceSpec], fault: str) -> None:
    change, words = FAULTS[fault]
    message = refusal(export(change))
    assert words in message
    assert "highway_length.csv" in message
    assert message.count("\n") <= 2


def test_all_faults_of_all_files_at_once(tmp_path: Path) -> None:
    for name in ("highway_length", "railway_length", "gdp"):
        shutil.copy(ANNUAL / f"{name}.csv", tmp_path)
    path = tmp_path / "highway_length.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("12.54", "?").replace("11.53", "!"), encoding="utf-8")
    (tmp_path / "railway_length.csv").write_bytes(b"\x89PNG\x00\x00")
    message = refusal(source_of("nbs_export", tmp_path))
    assert "railway_length.csv: byte 5: found binary data" in message and '"?"' in message


def test_series_that_no_file_holds() -> None:
    series = {"roads": HIGHWAYS["highway_length"], "canals": {"title_in_file": "运河里程"}}
    assert "as declared for canals" in refusal(source_of("nbs_export", ANNUAL / "highway_length.csv", series))


def test_of_two_vintages_neither_is_taken_for_the_other(tmp_path: Path) -> None:
    series = {key: {"title_in_file": "地区生产总值", "measure": "10^8 CNY"} for key in ("gdp", "gdp_revised")}
    for name in ("gdp", "gdp_revised"):
        shutil.copy(ANNUAL / f"{name}.csv", tmp_path)
    read = figures(registry.read(source_of("nbs_export", tmp_path, series)))
    assert read["gdp", "广东省", 2010] == 46013.06 != read["gdp_revised", "广东省", 2010]
    (tmp_path / "gdp_revised.csv").unlink()
    assert "series.gdp_revised: found no file gdp_revised.*" in refusal(source_of("nbs_export", tmp_path, series))


def test_a_shipped_sidecar_serves_a_single_file() -> None:
    sidecar = load_sidecar(ROOT / "data" / "sources" / "nbs_annual.yaml")
    path = str(ANNUAL / "highway_length.csv")
    source = SourceSpec("roads", "nbs_export", path, (path,), sidecar, {}, sidecar.series)
    assert set(registry.read(source)["series"]) == {"highway_length"}
    files = tuple(map(str, sorted(ANNUAL.iterdir())))
    whole = SourceSpec("all", "nbs_export", str(ANNUAL), files, sidecar, {}, sidecar.series)
    assert set(registry.read(whole)["series"]) == set(sidecar.series)


def test_declared_years_must_be_there() -> None:
    series = {"highway_length": {**HIGHWAYS["highway_length"], "years": tuple(range(2004, 2024))}}
    assert "no figure for 2004" in refusal(source_of("nbs_export", ANNUAL / "highway_length.csv", series))


def test_declared_file(tmp_path: Path) -> None:
    shutil.copy(ANNUAL / "highway_length.csv", tmp_path / "export (3).csv")
    shutil.copy(ANNUAL / "gdp.csv", tmp_path)
    series = {"roads": {"title_in_file": "公路里程", "file": "export (3).csv"}}
    frame = registry.read(source_of("nbs_export", tmp_path, series))
    assert set(frame["series"]) == {"roads"}
    series["roads"]["file"] = "gdp.csv"
    assert '"公路里程", as declared for roads' in refusal(source_of("nbs_export", tmp_path, series))
    series["roads"]["file"] = "gpd.csv"
    assert 'did you mean "' in refusal(source_of("nbs_export", tmp_path, series))


def test_source_line_may_be_given_up(export: Callable[..., SourceSpec]) -> None:
    source = export(lambda c: c.replace("数据来源：国家统计局\n", ""), layout={"end": "optional"})
    assert len(registry.read(source)) == 31 * 19


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_damaged_copies_give_the_same_figures_or_a_message(tmp_path: Path, seed: int) -> None:
    outcomes = check_mutations(source_of("nbs_export", ANNUAL / "highway_length.csv", {**HIGHWAYS}), tmp_path, seed, 65)
    assert outcomes["read"] >= 5 and outcomes["refused"] >= 20


@pytest.mark.parametrize("seed", range(8))
def test_damaged_workbooks(tmp_path: Path, seed: int) -> None:
    raw = bytearray((FIXTURES / "highway_length.xls").read_bytes())
    path = tmp_path / "highway_length.xls"
    path.write_bytes(bytes(raw[: len(raw) * (seed + 1) // 9]))
    refusal(source_of("nbs_export", path, {**HIGHWAYS}))
