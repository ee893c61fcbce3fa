"""Entries of the page of figures wanted: each passes the check and reads a made-up file of its layout."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from ruralpanel.data.adapters.registry import read
from ruralpanel.project.jobs import open_project
from ruralpanel.project.units import load_units

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "data-wanted.md").read_text(encoding="utf-8")
BLOCKS = {
    next(iter(yaml.safe_load(text)["sources"])): text for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
}
SNIPPET = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
PREFECTURES = (1101, 1201, 3101)


def county_yearbook(file: Path) -> None:
    columns = ["行政区划代码", "县", "年份", "规模以上工业总产值", "规模以上工业企业单位数",
               "中等职业教育学校在校学生数", "宽带接入用户数", "常住人口"]  # fmt: skip
    rows = [
        [code, name, year, 100.0 * year, 20, 300, 4000, 50.5]
        for code, name in (("110000", "北京市"), ("110228", "密云县"), ("110229", "延庆县"))
        for year in (2005, 2010, 2015)
    ]
    pd.DataFrame(rows, columns=columns).to_excel(file, index=False)


def demonstration(file: Path) -> None:
    file.write_text("code,county,first_year\n110228,密云县,2015\n110229,延庆县,\n", encoding="utf-8")


def counties_1990(file: Path) -> None:
    import pyogrio

    figures = {"a602": 4.5, "a604": 1.5, "a614": 3.0, "a618": 2.0, "a621": 900.0}
    rows = [
        {"gbcenmq": code, "a6poly": poly, **figures} for code, poly in ((110228, "DP"), (110228, "DS"), (110229, ""))
    ]
    pyogrio.write_dataframe(pd.DataFrame(rows), file, driver="ESRI Shapefile")


def tve(file: Path) -> None:
    rows = [["河北", year, 300.5, 20.5, 5.5] for year in (1978, 1983, 1984, 2002)]
    rows += [["重庆", 1997, 100, 10, 2]]
    pd.DataFrame(rows, columns=["地区", "年份", "职工人数", "工业总产值", "工业增加值"]).to_excel(file, index=False)


def land_law(file: Path) -> None:
    file.write_text("province,first_year\n河北,2006\n重庆,\n", encoding="utf-8")


def road_times(file: Path) -> None:
    years = [f"year_{year}" for year in range(1994, 2025)]
    pairs = [(1101, 1201, 1.25), (1101, 3101, 15.0), (1201, 3101, 12.0)]
    rows = [[a, b, *(hours - 0.01 * i for i in range(len(years)))] for a, b, hours in pairs]
    pd.DataFrame(rows, columns=["origin", "destination", *years]).to_csv(file, index=False)


def access(file: Path) -> None:
    road_times(file.parent / "time_cost_prefecture_pair_road.csv")
    people = pd.DataFrame(
        {"dzcode": PREFECTURES, "cityname_chn": ["北京", "天津", "上海"], "cpop2000": [1357, 985, 1641]}
    )
    people.to_csv(file.parent / "cityinfo.csv", index=False)
    exec(compile(SNIPPET, "docs/data-wanted.md", "exec"), {})


COUNTIES = "id,name_zh\n110228,密云县\n110229,延庆县\n"
PLACES = "id,name_zh\n1101,北京\n1201,天津\n3101,上海\n"
MADE: Mapping[str, tuple[Callable[[Path], None], str, dict[tuple[str, str, int], float]]] = {
    "county_yearbook": (county_yearbook, COUNTIES, {("output", "110228", 2010): 201000,
                                                    ("firms", "110229", 2005): 20}),
    "demonstration": (demonstration, COUNTIES, {("first_year", "110228", 2014): 2015}),
    "counties_1990": (counties_1990, COUNTIES, {("rural_industry_labour", "110228", 1990): 1.5,
                                                ("rural_industry_output", "110229", 1990): 900}),
    "tve": (tve, "", {("employment", "CN-HE", 1978): 300.5, ("industrial_output", "CN-CQ", 1997): 10}),
    "land_law": (land_law, "", {("first_year", "CN-HE", 2003): 2006}),
    "road_times": (road_times, PLACES, {("hours_to_beijing", "3101", 1994): 15,
                                        ("hours_to_beijing", "1201", 2024): 0.95}),
    # people over hours to every other prefecture: Beijing reaches Tianjin in 1.25 hours and Shanghai in 15
    "access": (access, PLACES, {("road_access", "1101", 1994): 985 / 1.25 + 1641 / 15,
                                ("road_access", "3101", 1994): 1357 / 15 + 985 / 12}),
}  # fmt: skip
"""Source → what makes its file, the units (empty: the shipped provinces), figures that must be read."""


def test_every_entry_is_tested() -> None:
    assert set(BLOCKS) == set(MADE)


@pytest.mark.parametrize("name", MADE)
def test_an_entry_reads_a_file_of_its_layout(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make, units, expected = MADE[name]
    document: dict[str, Any] = yaml.safe_load(BLOCKS[name])
    source = document["sources"][name]
    file = tmp_path / source["path"]
    file.parent.mkdir(parents=True)
    make(file)
    if "url" in source:  # as `fetch` prints it
        source["sha256"] = sha256(file.read_bytes()).hexdigest()
    Path("units.csv").write_text(units, encoding="utf-8")
    document |= {
        "title": "Made up",
        "units": "units.csv" if units else str(ROOT / "data" / "units" / "china_provinces.csv"),
        "panels": {"main": {"periods": [1990, 2003, 2005, 2010, 2015]}},
        "models": {},
    }
    Path("config.yaml").write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    config = open_project(["config.yaml"])
    known = load_units(config.units)
    cells = read(config.sources[name])
    values = {
        (str(row.series), str(known.match(str(row.unit))), int(row.period)): row.value for row in cells.itertuples()
    }
    assert {key: values[key] for key in expected} == pytest.approx(expected)
    assert {unit for _, unit, _ in values} <= set(known.ids)


def test_the_page_says_of_every_section_what_it_would_decide() -> None:
    sections = re.split(r"^## ", PAGE, flags=re.MULTILINE)[2:]
    assert len(sections) == 6
    assert all(re.search(r"\bH[1-8]", section) and "```yaml" in section for section in sections)


@pytest.mark.parametrize("names", [("county_yearbook", "demonstration"), ("land_law",)], ids="+".join)
def test_designs_by_date_pass_the_check(
    names: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    units = MADE[names[0]][1]
    Path("units.csv").write_text(units, encoding="utf-8")
    document: dict[str, Any] = {
        "title": "Made up",
        "units": "units.csv" if units else str(ROOT / "data" / "units" / "china_provinces.csv"),
        "panels": {"main": "2012-2019"},
    }
    for name in names:
        fragment = yaml.safe_load(BLOCKS[name])
        place = tmp_path / fragment["sources"][name]["path"]
        place.parent.mkdir(parents=True, exist_ok=True)
        MADE[name][0](place)
        for section, entries in fragment.items():
            document.setdefault(section, {}).update(entries)
    designs = re.findall(r"^`(models: .*)`$", PAGE, re.MULTILINE)
    (design,) = (text for text in designs if f"first_by_unit: {names[-1]}_year" in text)
    document |= yaml.safe_load(design)
    document["variables"].setdefault("rural_industry", {"formula": "period * 1"})
    Path("config.yaml").write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    assert open_project(["config.yaml"]).models
