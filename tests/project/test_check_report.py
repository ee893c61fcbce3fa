"""What the report's story and brief name, checked before any job."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import make_tiny, tiny_config
from ruralpanel.project.check import check
from ruralpanel.project.load import read_config
from ruralpanel.project.problems import UserError

BEFORE = {"panel": "main", "outcomes": ["output"]}
STORY = {"panel": "late", "outcome": "output", "share": "lever"}


def found(folder: Path, report: Mapping[str, Any], **more: Any) -> list[tuple[str, str]]:
    make_tiny(folder)
    config = {**tiny_config(), "report": dict(report), **more}
    config["panels"] = {**config["panels"], "late": {"periods": {"first": 2003, "last": 2008}}}  # type: ignore[dict-item]
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return [(problem.where.partition(" (")[0], problem.found) for problem in check(read_config(folder / "config.yaml"))]


def test_a_sound_story_and_brief(tmp_path: Path) -> None:
    (tmp_path / "works.bib").write_text("@misc{a, author={A}, year=1, title={B}}", encoding="utf-8")
    report = {
        "story": {
            **STORY, "population": "lever", "weight": "output",
            "before": {"panel": "main", "outcomes": ["output"], "figure": "effect"},
        },
        "references": "works.bib",
        "brief": {"figures": ["effect"], "maps": [], "tables": ["main"]},
    }  # fmt: skip
    assert found(tmp_path, report) == []


@pytest.mark.parametrize(
    ("report", "where", "said"),
    [
        ({"story": {**STORY, "panel": "mian"}}, "report.story.panel", '"mian"'),
        ({"story": {**STORY, "outcome": "outptu"}}, "report.story.outcome", '"outptu"'),
        ({"story": {"panel": "main", "outcome": "output", "weight": "lever"}}, "report.story.weight", "weight without"),
        ({"story": {**STORY, "validity": {"table": "main", "of": "a.b.1"}}}, "report.story.validity.table", '"main"'),
        ({"story": {**STORY, "before": {**BEFORE, "panel": "mian"}}}, "report.story.before.panel", '"mian"'),
        ({"story": {**STORY, "before": {**BEFORE, "panel": "late"}}}, "report.story.before.panel", "begins in 2003"),
        ({"story": {**STORY, "before": {**BEFORE, "outcomes": ["o"]}}}, "report.story.before.outcomes", '"o"'),
        ({"story": {**STORY, "before": {**BEFORE, "figure": "e"}}}, "report.story.before.figure", '"e"'),
        ({"brief": {"figures": ["efect"]}}, "report.brief.figures", '"efect"'),
        ({"brief": {"maps": ["none"]}}, "report.brief.maps", '"none"'),
        ({"references": "nowhere.bib"}, "report.references", "does not exist"),
        ({"citation": "nowhere.cff"}, "report.citation", "does not exist"),
    ],
)
def test_what_nothing_declares_is_told_with_its_place(
    report: Mapping[str, Any], where: str, said: str, tmp_path: Path
) -> None:
    ((place, text),) = found(tmp_path, report)
    assert place == where and said in text


def test_a_story_needs_two_periods(tmp_path: Path) -> None:
    panels = {**tiny_config()["panels"], "one": {"periods": [2001]}}  # type: ignore[dict-item]
    ((place, text),) = found(tmp_path, {"story": {**STORY, "panel": "one"}}, panels=panels)
    assert place == "report.story.panel" and "has one" in text


def test_outcomes_of_validity_are_those_of_its_table(tmp_path: Path) -> None:
    outcomes = [{"panel": "main", "variable": name, "period": 2001} for name in ("output", "lever")]
    tables = {"agree": {"type": "validity", "outcomes": outcomes}}
    report = {
        "story": {**STORY, "validity": {"table": "agree", "of": "main.output.2001", "against": ["main.lever.2002"]}}
    }
    ((place, text),) = found(tmp_path, report, tables=tables)
    assert place == "report.story.validity.against" and text == '"main.lever.2002"'


def test_a_claim_is_multiplied_by_numbers_that_exist_and_has_one_of_its_own(tmp_path: Path) -> None:
    name, main = next(iter(tiny_config()["hypotheses"].items()))  # type: ignore[attr-defined]
    number = dict(main["estimand"])
    assert found(tmp_path, {}, hypotheses={name: main | {"through": [number]}}) == []
    ((place, _),) = found(tmp_path, {}, hypotheses={name: main | {"through": [number | {"model": "nothing"}]}})
    assert place == f"hypotheses.{name}.through[0].model"
    bare = {name: main, "again": {"claim": "Again", "through": [number]}}
    assert ("hypotheses.again.through", "numbers to multiply by, but none to be multiplied") in found(
        tmp_path, {}, hypotheses=bare
    )


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"names": {"North": ""}}, "names.North"),
        ({"names_zh": {"North": ""}}, "names_zh.North"),
        ({"report": {"story": {**STORY, "before": {**BEFORE, "outcomes": []}}}}, "report.story.before.outcomes"),
        ({"panels": {"main": {"periods": {"first": 2001, "last": 2008}, "units": []}}}, "panels.main.units"),
    ],
)
def test_what_says_nothing_is_left_out_and_not_left_empty(
    tmp_path: Path, change: Mapping[str, Any], place: str
) -> None:
    with pytest.raises(UserError) as raised:
        found(tmp_path, change.get("report") or {}, **{key: value for key, value in change.items() if key != "report"})
    assert any(problem.where.startswith(place) for problem in raised.value.problems)
