"""A declared key of a live source is never ignored: another value changes what is asked or read, or is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from adapter_harness import source_of
from live_source import TODAY, live, reread, site, units
from nbs_site import CODES, ROOT, Site
from ruralpanel.data.adapters import registry
from ruralpanel.project.kinds.adapters import ADAPTERS
from ruralpanel.project.layouts import layout_problems
from ruralpanel.project.problems import UserError
from ruralpanel.project.units import Units
from ruralpanel.tools.fetch.fetch import fetch

__all__ = ["site", "units"]  # the fixtures

SET = "ac37a55cdaad4d0ba433e5a0ababc620"
SETS = [SET, "9d23a6bbf77b4a6f8d46c2c5a44c45a8", *(f"aaaa000000000000000000000000000{i}" for i in (1, 2))]


@dataclass(frozen=True)
class Case:
    """Another value of a key, the layout beside it, and what the site's figures meet with first."""

    value: Any
    layout: Mapping[str, Any] = field(default_factory=dict)
    traps: tuple[str, ...] = ()


FETCHED = {
    "years": Case([2006, 2023]),
    "cids": Case(SETS),
    "under": Case(["农业", "运输和邮电 > 运输线路长度(2014-)"]),
    "regions": Case({"贵州省": CODES["贵州省"]}),
    "base": Case("{url}/elsewhere", {"attempts": 1}),
    "root": Case(ROOT[::-1], {"attempts": 1}),
    "library": Case(7),
    "pause": Case(0.25),
    "attempts": Case(2, {"attempts": 1}, ("500",)),
    "timeout": Case(0.2, {"timeout": 5, "attempts": 1}, ("slow",)),
    "years_per_request": Case(5),
    "regions_per_request": Case(1),
}
ANSWER = {
    "data": [
        {"code": "2012YY", "values": [
            {"_id": "a", "i_showname": "公路里程 (万公里) ", "value": "1.5", "du_name": "万公里", "da_name": "北京市"},
            {"_id": "a", "value": "{written}", "da_name": "贵州省"}, {"_id": "a", "value": "7", "da_name": "全国"}]},
    ]
}  # fmt: skip
READ = {
    "skip_rows": (["贵州省"], "2"),
    "keep_rows": (["全国"], "2"),
    "missing": (["n.s."], "n.s."),
    "marks": (["r"], "2r"),
    "measures": ("ignored", "2"),
}
"""Another value of each key that the reading of the answers hears, and the figure that it is about."""


def outcome(site: Site, folder: Path, units: Units, case: Case, layout: Mapping[str, Any]) -> str:
    """What was asked and read and how long was waited, or the words of the refusal."""
    site.asked.clear()
    site.bodies.clear()
    site.traps["/stream/esData"] = list(case.traps)
    waits: list[float] = []
    source = live(site, folder, **layout)
    try:
        raise_wrong(source.layout)
        fetch(source, folder / "live.yaml", units, TODAY, lambda _: None, waits.append)
    except UserError as error:
        return str(error)
    figures = reread(folder, source)[["series", "unit", "period", "value"]].to_csv()
    return json.dumps([site.asked, site.bodies, waits]) + figures


def raise_wrong(layout: Mapping[str, Any]) -> None:
    problems = layout_problems("nbs_api", layout, "c", "layout")
    if problems:
        raise UserError(problems)


def test_a_case_for_every_key() -> None:
    assert set(FETCHED) | set(READ) == set(ADAPTERS["nbs_api"].keys)


@pytest.mark.parametrize("key", FETCHED)
def test_another_value_changes_what_is_fetched(site: Site, tmp_path: Path, units: Units, key: str) -> None:
    case = FETCHED[key]
    value = case.value.format(url=site.url) if key == "base" else case.value
    before = outcome(site, tmp_path / "before", units, case, case.layout)
    after = outcome(site, tmp_path / "after", units, case, {**case.layout, key: value})
    assert before != after
    assert any(said.startswith("[[") for said in (before, after)), f"{before}\n{after}"


@pytest.mark.parametrize("key", READ)
def test_another_value_changes_what_is_read(key: str, tmp_path: Path) -> None:
    value, written = READ[key]
    text = json.dumps(ANSWER, ensure_ascii=False).replace("{written}", written)
    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    series = {"roads": {"measure": "km" if key == "measures" else "万公里", "title_in_file": "公路里程"}}
    said = []
    for layout in ({}, {key: value}):
        try:
            frame = registry.read(source_of("nbs_api", tmp_path, series, layout))
            said.append(frame[["series", "unit", "period", "value"]].to_csv())
        except UserError as error:
            said.append(str(error))
    assert said[0] != said[1] and said[1].startswith(",series")


@pytest.mark.parametrize(("key", "value"), [("under", ["农业"]), ("library", 6)])
@pytest.mark.parametrize("cids", [SETS, {"electricity": SET, "workers": SETS[1], "highways": SETS[2:]}])
def test_where_to_look_is_refused_where_the_data_sets_are_named(
    site: Site, tmp_path: Path, units: Units, cids: object, key: str, value: object
) -> None:
    said = outcome(site, tmp_path, units, Case(None), {"cids": cids, key: value})
    assert f"layout.{key}" in said and "layout.cids spares" in said and not site.asked


@pytest.mark.parametrize(("key", "value"), [
    ("attempts", 0), ("pause", -1), ("timeout", 0), ("years_per_request", 0), ("regions_per_request", 0),
])  # fmt: skip
def test_numbers_that_ask_for_nothing_are_refused(key: str, value: float) -> None:
    (problem,) = layout_problems("nbs_api", {key: value}, "c", "layout")
    assert problem.where == f"layout.{key}" and problem.expected.startswith("a number from")


def test_years_that_run_backwards_are_refused(site: Site, tmp_path: Path, units: Units) -> None:
    assert "layout.years" in outcome(site, tmp_path, units, Case(None), {"years": [2023, 2005]})
