"""Finished results of other projects whose claims stand beside: which files are read, every wrong folder by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import make_tiny, tiny_config
from ruralpanel.project.jobs import open_project
from ruralpanel.project.load import Config
from ruralpanel.project.other_results import OtherResults, evidence_files, other_results
from ruralpanel.project.problems import UserError
from ruralpanel.project.sections.configuration import Report
from ruralpanel.tools.bundle.contents import absolute_paths, used_files

DESIGN: dict[str, Any] = {
    "model": "broadband", "panel": "counties", "outcomes": ["share"], "term": "line", "evidence": "within",
    "estimate": 0.25, "ci_low": -0.5, "ci_high": 1.0, "interval": "wild_cluster", "has_interval": True,
    "in_delta": 0.25, "in_delta_low": -0.5, "in_delta_high": 1.0, "delta": 1.0, "n_units": 1800, "n_periods": 2,
    "plain": None, "pointer": "/coefficients/0",
}  # fmt: skip
CLAIM: dict[str, Any] = {
    "claim": "T1", "text": "Broadband raises industry", "expected": "positive", "verdict": "cannot tell", "sign": 0,
    "reasons": [], "design": DESIGN, "evidence": [],
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny project beside another whose results are at hand."""
    here = tmp_path / "here"
    here.mkdir()
    make_tiny(here)
    write_other(tmp_path / "counties" / "results")
    monkeypatch.chdir(here)
    return here


def write_other(results: Path, *claims: dict[str, Any]) -> None:
    (results / "models").mkdir(parents=True)
    (results / "panels" / "counties").mkdir(parents=True)
    (results / "panels" / "counties" / "codebook.csv").write_text("variable,label\n")
    (results / "models" / "broadband.json").write_text(json.dumps({"coefficients": [{"estimate": 0.25}]}))
    (results / "scorecard.json").write_text(json.dumps({"rule": {}, "claims": claims or [CLAIM]}))


def opened(evidence: Any, **changes: Any) -> Config:
    config = {**tiny_config(), "report": {"evidence_from": evidence}, **changes}
    Path("config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return open_project()


def others(config: Config) -> tuple[OtherResults, ...]:
    return other_results(Report.model_validate(config.report), config.root)


def said(evidence: Any, **changes: Any) -> list[str]:
    with pytest.raises(UserError) as raised:
        opened(evidence, **changes)
    return [str(problem) for problem in raised.value.problems]


@pytest.mark.parametrize(
    "evidence",
    ["../counties/results", {"counties": "../counties/results"}, {"counties": {"results": "../counties/results/"}}],
)
def test_a_path_alone_is_the_long_form(folder: Path, evidence: Any) -> None:
    config = opened(evidence)
    (other,) = others(config)
    assert (other.name, other.folder, other.label) == ("counties", "../counties/results", "counties")
    assert other.claim_of("T1") == "T1"
    files = [
        "../counties/results/scorecard.json",
        "../counties/results/models/broadband.json",
        "../counties/results/panels/counties/codebook.csv",
    ]
    assert list(evidence_files(config)) == files
    assert set(files) <= set(used_files(config)) and not list(absolute_paths(config))
    Path(files[-1]).unlink()
    assert list(evidence_files(config)) == files[:2]


@pytest.mark.parametrize(
    ("path", "name"),
    [("../results", "other"), ("../my counties/results", "my_counties"), ("../2020/results", "other"), ("x/", "x")],
)
def test_a_path_is_named_by_its_project(folder: Path, path: str, name: str) -> None:
    write_other(Path(path))
    assert [other.name for other in others(opened(path))] == [name]


def test_claims_of_another_name_are_matched_as_declared(folder: Path) -> None:
    write_other(Path("other"), {**CLAIM, "claim": "H1"}, {**CLAIM, "claim": "H2", "design": None})
    config = opened({"x": {"results": "other", "label": "towns", "label_zh": "城镇", "claims": {"T1": "H2"}}})
    (other,) = others(config)
    assert (other.claim_of("T1"), other.label, other.label_zh) == ("H2", "towns", "城镇")
    assert evidence_files(config) == ("other/scorecard.json",)  # nothing was estimated for H2


def test_paths_of_included_files_are_their_own(folder: Path) -> None:
    Path("config").mkdir()
    for evidence in ("../../counties/results", {"counties": {"results": "../../counties/results"}}):
        Path("config/report.yaml").write_text(yaml.safe_dump({"report": {"evidence_from": evidence}}))
        Path("config.yaml").write_text(yaml.safe_dump({**tiny_config(), "include": ["config/report.yaml"]}))
        assert [other.folder for other in others(open_project())] == ["../counties/results"]


def spoil(name: str, change: Callable[[Any], Any]) -> None:
    path = Path("../counties/results") / name
    path.write_text(json.dumps(change(json.loads(path.read_text()))))


def test_every_wrong_folder_is_one_problem(folder: Path) -> None:
    Path("results").mkdir()
    Path("empty").mkdir()
    Path("begun/models").mkdir(parents=True)
    Path("link").symlink_to("results")
    Path("loop").symlink_to("loop")
    evidence = {
        "missing": "../nowhere/results", "own": "link", "empty": "empty", "begun": "begun",
        "whole": "../counties", "file": "units.csv", "loop": "loop",
    }  # fmt: skip
    problems = said({**evidence, "good": "../counties/results", "again": "../counties/results/."})
    for (name, words), problem in zip(
        {
            "missing": "which does not exist",
            "own": "which this run writes",
            "empty": "holds no results",
            "begun": "its run is not finished",
            "whole": 'name the folder "../counties/results"',
            "file": "which is a file",
            "loop": "which does not exist",
            "again": "the folder of good",
        }.items(),
        problems,
        strict=True,
    ):
        assert f"report.evidence_from.{name}" in problem and words in problem and "config.yaml" in problem


def test_the_command_that_makes_a_folder_is_named(folder: Path) -> None:
    (folder.parent / "new").mkdir()
    (folder.parent / "new" / "config.yaml").write_text("title: x\n")
    (problem,) = said("../new/results")
    assert "snakemake --directory ../new" in problem and "line" in problem


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("scorecard.json", lambda card: card["claims"], "no list of claims with the rule"),
        ("scorecard.json", lambda card: {**card, "claims": []}, "no claims"),
        ("scorecard.json", lambda card: {**card, "claims": [{"claim": "T1"}]}, 'claim T1 without "text"'),
        (
            "scorecard.json",
            lambda card: {**card, "claims": [{**CLAIM, "design": {"model": "m"}}]},
            'T1 without "panel"',
        ),
        ("scorecard.json", lambda card: {**card, "claims": [{**CLAIM, "design": [1]}]}, "T1 with a design of another"),
        (
            "scorecard.json",
            lambda card: {**card, "claims": [{**CLAIM, "design": {**DESIGN, "pointer": None}}]},
            "T1 with a design of another",
        ),
        ("models/broadband.json", lambda model: {"coefficients": [{"estimate": 0.3}]}, "0.3 in the place of 0.25"),
        ("models/broadband.json", lambda model: {"coefficients": []}, "nothing of the kind"),
    ],
)
def test_results_of_a_torn_run_or_another_version_are_refused(
    folder: Path, name: str, change: Callable[[Any], Any], words: str
) -> None:
    spoil(name, change)
    (problem,) = said("../counties/results")
    assert words in problem and name in problem


def test_half_a_file_and_no_file_are_told_apart(folder: Path) -> None:
    card = Path("../counties/results/scorecard.json")
    card.write_text(card.read_text()[:40])
    assert "not whole" in said("../counties/results")[0]
    card.write_text("[" * 100_000)
    assert "not whole" in said("../counties/results")[0]
    write_other(Path("other"))
    Path("other/models/broadband.json").unlink()
    assert "broadband.json" in said("other")[0] and "does not exist" in said("other")[0]


def test_claims_that_nothing_matches_are_named(folder: Path) -> None:
    write_other(Path("other"), {**CLAIM, "claim": "H1"})
    (problem,) = said("other")
    assert "claims H1" in problem and "claims: {T1: H1}" in problem
    assert len(said({"x": {"results": "other", "claims": {"T1": "H3"}}})) == 2  # no such claim, hence none matched
    problems = said({"x": {"results": "other", "claims": {"T2": "H1", "T1": "H1"}}})
    assert len(problems) == 1 and '"T2"' in problems[0] and "T1" in problems[0]


def test_a_project_without_claims_has_nothing_to_set_beside(folder: Path) -> None:
    assert "without claims" in said("../counties/results", hypotheses={})[0]
