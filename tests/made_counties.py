"""Made-up workbooks of the layout of the county censuses: real codes and names, figures of nobody, a known truth."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd

EXAMPLE = Path(__file__).parents[1] / "examples" / "china_counties"
PROVINCES = ("Hebei", "Jiangsu", "Zhejiang", "Shandong", "Hunan", "Sichuan", "Guizhou", "Shaanxi", "Gansu", "Yunnan")
SLOPE, REVERSION, BROADBAND = 1.5, -0.3, 2.0
OLD, NEW = "census_county_2010_v1.xlsx", "census_county_2020_v1.xlsx"
_LEVELS = ("未上过学", "小学", "初中", "高中", "大学专科", "大学本科及以上")


def units() -> pd.DataFrame:
    """The units file's rows of three prefectures in each of ten provinces."""
    with (EXAMPLE / "units.csv").open(encoding="utf-8", newline="") as file:
        table = pd.DataFrame(list(csv.DictReader(file)))
    chosen = []
    for province in PROVINCES:
        of_province = table[table["province"] == province]
        chosen.append(of_province[of_province["prefecture"].isin(sorted(set(of_province["prefecture"]))[:3])])
    return pd.concat(chosen, ignore_index=True)


def made(seed: int = 2010) -> pd.DataFrame:
    """One row for each unit: the figures of both censuses, as whole persons; changes follow the constants above."""
    rng = np.random.default_rng(seed)
    table = units()
    count = len(table)
    prefectures = sorted(set(table["prefecture"]))
    named = set(prefectures[::3])
    shock = dict(zip(prefectures, rng.normal(0, 0.5, len(prefectures)), strict=True))
    table["schooling"] = np.round(rng.uniform(6, 11, count), 2)
    table["broadband"] = table["prefecture"].isin(named)
    table["employed_2010"] = rng.integers(20_000, 90_000, count)
    table["employed_2020"] = rng.integers(20_000, 90_000, count)
    start = rng.uniform(3, 30, count)
    change = SLOPE * (table["schooling"] - 8) + REVERSION * (start - 10) + BROADBAND * table["broadband"]
    end = np.clip(start + change + table["prefecture"].map(shock) + rng.normal(0, 0.3, count), 0.5, 60)
    table["manufacturing_2010"] = np.round(table["employed_2010"] * start / 100).astype(int)
    table["manufacturing_2020"] = np.round(table["employed_2020"] * end / 100).astype(int)
    for year in (2010, 2020):
        table[f"residents_{year}"] = 12 * table[f"employed_{year}"]
        table[f"urban_{year}"] = np.round(table[f"residents_{year}"] * rng.uniform(0.2, 0.7, count)).astype(int)
        table[f"farming_{year}"] = np.round(table[f"employed_{year}"] * rng.uniform(0.1, 0.3, count)).astype(int)
    return table


def write(folder: Path, table: pd.DataFrame) -> None:
    """The two workbooks, and the two lists of policies, below a project's folder ``data``."""
    (folder / "census").mkdir(parents=True, exist_ok=True)
    (folder / "policies").mkdir(exist_ok=True)
    _save(folder / "census" / OLD, "Sheet1", _rows_2010(table))
    _save(folder / "census" / NEW, "七普（年鉴）", _rows_2020(table))
    prefectures = sorted(set(table["prefecture"]))
    named = sorted(set(table.loc[table["broadband"], "prefecture"]))
    lines = [f"{name},{2014 + i % 3},prefecture or municipality" for i, name in enumerate(named)]
    lines += ["昆山市,2014,county-level city", "东莞市,2014,prefecture or municipality"]
    text = "prefecture,batch_year,level\n" + "\n".join(lines) + "\n"
    (folder / "policies" / "broadband_china_2014_2016.csv").write_text(text, encoding="utf-8")
    opened = [f"{name},{2004 + i % 10 if i % 10 else ''}" for i, name in enumerate(prefectures)]
    text = "prefecture,first_expressway\n" + "\n".join([*opened, "嘉峪关市,2006"]) + "\n"
    (folder / "policies" / "prefecture_first_expressway.csv").write_text(text, encoding="utf-8")


def _save(path: Path, sheet: str, rows: list[list[object]]) -> None:
    book = openpyxl.Workbook(write_only=True)
    page = book.create_sheet(sheet)
    for row in rows:
        page.append(row)
    book.save(path)


def _rows_2010(table: pd.DataFrame) -> list[list[object]]:
    """Indented names first, codes in the second column, provinces and prefectures among the counties, a last line."""
    header = ["地区", "区划代码", "合计", "城镇人口", "各种行业人口\n总计", "农林牧渔业", "制造业"]
    header += ["平均受教育年限（年）-合计", "各种未工作\n人口总计", "承包土地被征用"]
    header += [f"{level}-{sex}" for level in _LEVELS for sex in ("男", "女")]
    rows: list[list[object]] = [list(header)]
    blank = [None] * (len(header) - 2)
    known = table[table["called_2010"] != ""]
    for province, of_province in known.groupby("province", sort=False):
        rows.append([province, int(of_province["id"].iloc[0][:2]) * 10_000, *[9] * len(blank)])
        rows.append(["市辖区", None, *[8] * len(blank)])
        for i, row in enumerate(of_province.itertuples()):
            people = [100 * (i % 5 + level) for level in range(12)]
            figures = [row.residents_2010, row.urban_2010, row.employed_2010, row.farming_2010, row.manufacturing_2010]
            land = None if i % 4 == 0 else 10 * i
            rows.append([f"  {row.called_2010}", int(row.id[:6]), *figures, row.schooling, 9_000, land, *people])
        rows.append([None] * len(header))
    return [*rows, ["made up: figures of nobody", None, *blank]]


def _rows_2020(table: pd.DataFrame) -> list[list[object]]:
    header = ["区划代码", "省", "市", "区县", "人口数_合计", "城镇人口", "各种行业人口总计", "农林牧渔业", "制造业"]
    header += ["平均受教育年限_合计"]
    rows: list[list[object]] = [header, ["NA", "全国", "全国", "全国", *[9] * 6]]
    for row in table[table["called_2020"] != ""].itertuples():
        code = int((row.aliases or row.id)[:6])
        if code % 100 == 1:
            rows.append([code // 100 * 100, row.province, row.prefecture, row.prefecture, *[9] * 6])
        figures = [row.residents_2020, row.urban_2020, row.employed_2020, row.farming_2020, row.manufacturing_2020]
        rows.append([code, row.province, row.prefecture, row.called_2020, *figures, 9.5])
    return [*rows, ["NA", "省", "市", "a development zone", *[7] * 5, "NA"]]
