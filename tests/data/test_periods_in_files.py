"""Quarters, months and dates in files: what each way of writing them is read as."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from adapter_harness import refusal, source_of
from ruralpanel.data.adapters import registry
from ruralpanel.project.periods import label
from ruralpanel.tools.new_source.inspect import inspect

ROADS = {"x": {"title_in_file": "公路里程", "measure": "10^4 km"}}


def read(path: Path, content: str, adapter: str = "table", layout: dict[str, str] | None = None) -> list[str]:
    """Unit, period and value of every figure."""
    path.write_text(content, encoding="utf-8")
    series = ROADS if adapter == "nbs_export" else {"x": {}}
    frame = registry.read(source_of(adapter, path, series, layout or {}))
    rows = frame[["unit", "period", "value"]].itertuples(index=False)
    return [f"{unit} {label(period)} {value:g}" for unit, period, value in rows]


@pytest.mark.parametrize(
    ("written", "shown"),
    [("2012", "2012"), ("2012.0", "2012"), ("2012年", "2012"), ("2012-12-31", "2012"), ("2012Q3", "2012Q3"),
     ("2012年第三季度", "2012Q3"), ("2012-07", "2012-07"), ("201207", "2012-07"), ("2012年7月", "2012-07")],
)  # fmt: skip
def test_a_column_of_periods(tmp_path: Path, written: str, shown: str) -> None:
    assert read(tmp_path / "f.csv", f"unit,period,x\nA,{written},1\n") == [f"A {shown} 1"]


def test_dates_of_quarters_and_months(tmp_path: Path) -> None:
    text = "unit,period,x\nA,2012-03-31,1\nA,2012-06-30,2\n"
    path = tmp_path / "f.csv"
    assert read(path, text, layout={"frequency": "quarter"}) == ["A 2012Q1 1", "A 2012Q2 2"]
    assert read(path, text, layout={"frequency": "month"}) == ["A 2012-03 1", "A 2012-06 2"]
    assert "a second row for A, 2012" in (said := refusal(source_of("table", path, {"x": {}})))
    assert "layout: {frequency: quarter}" in said
    pd.read_csv(path, parse_dates=["period"]).to_parquet(tmp_path / "f.parquet")
    source = source_of("table", tmp_path / "f.parquet", {"x": {}}, {"frequency": "quarter"})
    assert registry.read(source)["period"].map(label).tolist() == ["2012Q1", "2012Q2"]


def test_a_quarter_among_years_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text("unit,period,x\nA,2012,1\nA,2013Q1,2\nB,2012,3\n", encoding="utf-8")
    said = refusal(source_of("table", path, {"x": {}}))
    assert 'row 3, column period: found "2013Q1"; expected a year, as in the other rows' in said


def test_headings_of_quarters(tmp_path: Path) -> None:
    wide = "unit,2012Q1,2012年2季度,2012-07,note 1\nA,1,2,3,x\n"
    assert read(tmp_path / "f.csv", wide, layout={"shape": "wide"}) == ["A 2012Q1 1", "A 2012Q2 2", "A 2012-07 3"]
    export = (
        "数据库：分省季度数据\n指标：公路里程(万公里)\n时间：最近2季\n地区,2012年第三季度,2012年第二季度\n北京市,1,2\n"
        "数据来源：国家统计局\n"
    )
    assert read(tmp_path / "q.csv", export, "nbs_export") == ["北京市 2012Q3 1", "北京市 2012Q2 2"]


def test_a_file_named_by_a_day_is_of_its_year(tmp_path: Path) -> None:
    """``{period}`` in a name is a year, quarter or month, but no part of a date."""
    layout = {"period": {"from": "name", "as": "roads_{period}"}}
    for name, shown in (("roads_20121231", "2012"), ("roads_2012-12-31", "2012"), ("roads_2012Q3", "2012Q3")):
        path = tmp_path / f"{name}.csv"
        path.write_text("unit,x\nA,1\n", encoding="utf-8")
        frame = registry.read(source_of("table", path, {"x": {}}, layout))
        assert [label(period) for period in frame["period"]] == [shown]


def test_an_entry_for_a_file_of_quarters(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    rows = [f"{unit},{year}Q{quarter},{quarter + 0.5}" for unit in "AB" for year in (2012, 2013) for quarter in (1, 2)]
    path.write_text("\n".join(["unit,quarter,x", *rows]) + "\n", encoding="utf-8")
    assert inspect(path)[0].entry["layout"] == {"unit": "unit", "period": "quarter"}
