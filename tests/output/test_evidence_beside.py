"""The same claims on other data: sentences follow from the rows of both scorecards, numbers lead to its files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from report_project import Page, context, made_up_project
from ruralpanel.claims.scorecard import ClaimRow
from ruralpanel.output.report.beside import standing
from ruralpanel.output.report.build import build
from ruralpanel.output.report.context import Context
from ruralpanel.project.problems import UserError

REPORT: dict[str, Any] = {"formats": ["html"], "nouns": {"units": "provinces", "units_zh": "省份"}}
EVIDENCE = {"results": "other", "label": "counties", "label_zh": "县", "claims": {"H5": "G5"}}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_up_project(tmp_path_factory.mktemp("beside") / "project")


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    """The made-up project, and a copy of its results in which some claims have other answers."""
    folder = Path(shutil.copytree(made, tmp_path / "project"))
    shutil.copytree(folder / "made_up", folder / "other")
    answers: dict[str, dict[str, Any]] = {
        "H1": {"verdict": "contradicted", "sign": -1},  # supported here
        "H2": {
            "design": {"in_delta_low": -0.5, "in_delta_high": 1.5},
            "verdict": "supported",
            "sign": 1,
            "text": "Schooling raises industry in counties",
        },  # open here
        "H3a": {"sign": 1},  # negative here
        "H5": {"claim": "G5"},
        "H6": {"verdict": "no effect that matters", "sign": 0},  # supported here
    }

    def change(card: dict[str, Any]) -> None:
        for claim in card["claims"]:
            answer = answers.get(claim["claim"], {})
            claim |= {**answer, "design": claim["design"] and claim["design"] | answer.get("design", {})}
        card["claims"] = [*card["claims"][::-1], {**card["claims"][0], "claim": "H9"}]

    rewrite(folder / "other" / "scorecard.json", change)
    return folder


def rewrite(file: Path, change: Callable[[dict[str, Any]], None]) -> None:
    values = json.loads(file.read_text(encoding="utf-8"))
    change(values)
    file.write_text(json.dumps(values), encoding="utf-8")


def gathered(place: Path, evidence: dict[str, Any] | None = None, **changes: Any) -> Context:
    return context(place, report={**REPORT, "evidence_from": evidence or {"counties": EVIDENCE}}, **changes)


def page_of(place: Path, report: Context, formats: tuple[str, ...] = ("html",)) -> str:
    build(report, place / "out", formats)
    return " ".join(Page((place / "out" / "report.html").read_text(encoding="utf-8")).text.split())


def test_the_sentences_follow_from_the_rows(place: Path) -> None:
    text = page_of(place, gathered(place))
    for sentence in (
        "The same claims on counties",
        "On provinces: H1 (supported), H3a (differs from zero, negative), H6 (supported), H8 (no effect that matters).",
        "On counties: H1 (contradicted), H2 (supported), H3a (differs from zero, positive), "
        "H6 (no effect that matters), H8 (no effect that matters).",
        "Settled alike on both: H8 (no effect that matters).",
        "neither alike nor with opposite answers: H6 (supported on provinces, no effect that matters on counties).",
        "They disagree: H1 (supported on provinces, contradicted on counties), "
        "H3a (differs from zero, negative on provinces, differs from zero, positive on counties).",
        "What both leave open. H3b, H5.",
        "Without a test on one of them at least. H4, H7.",
        "Asked on counties alone. H9.",
        "each in multiples of its own δ. On counties: H2.",  # the others are as wide here as there
        "In other words there. H2:",
        "Opposite answers: H1 (supported on provinces, contradicted on counties)",
        # outcome, years and units are those of the copy
        "the second row is no further evidence: H1, H2, H3a, H3b, H5, H6, H8.",
        "H5 on counties (G5 there)",
        "“Schooling raises industry in counties”.",
    ):
        assert sentence in text, sentence
    assert "The two rest on" not in text and "Not asked on" not in text and "Another rule" not in text


def test_why_the_two_are_not_pooled_is_what_differs(place: Path) -> None:
    for name in ("baseline", "placebo", "interaction", "reform", "urban_growth"):
        rewrite(place / "other" / "models" / f"{name}.json", lambda model: model.update(periods=[2011, 2012]))
    assert "The two rest on other years; an average" in page_of(place, gathered(place))
    rewrite(place / "other" / "models" / "baseline.json", lambda model: model.update(units=["C1", "C2"]))
    text = page_of(place, gathered(place))
    assert "The two rest on other years, other units; an average" in text and "no further evidence" not in text


def test_every_number_leads_to_the_files_of_the_other_project(place: Path) -> None:
    text = page_of(place, gathered(place))
    register = json.loads((place / "out" / "numbers.json").read_text(encoding="utf-8"))["numbers"]
    beside = [entry for entry in register if entry["key"].startswith("beside:")]
    keys = {entry["key"] for entry in beside}
    assert {"beside:counties:H1:design.in_delta", "beside:counties:G5:design.n_units"} <= keys
    assert any(key.startswith("beside:counties:models/baseline.json:inference.") for key in keys)
    for entry in beside:
        value = json.loads(Path(entry["file"]).read_text(encoding="utf-8"))
        for part in entry["pointer"].split("/")[1:]:
            value = value[int(part)] if isinstance(value, list) else value[part.replace("~1", "/")]
        assert value == entry["value"] and Path(entry["file"]).is_relative_to(place / "other"), entry
        assert entry["printed"] in text


def test_the_grid_has_a_row_for_each_project(place: Path) -> None:
    text = page_of(place, gathered(place))
    assert "H1 on counties: Contradicted" in text and "H2 on counties, in other words: Supported" in text
    assert text.count("On counties: Contradicted") == 1  # the line under the finding


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
def test_both_languages_and_papers_have_it(place: Path, language: str) -> None:
    build(gathered(place, language=language), place / "out", ["html", "pdf"])
    text = Page((place / "out" / "report.html").read_text(encoding="utf-8")).text
    assert ("同样的论断：县" if language == "zh" else "The same claims on counties") in text
    assert (place / "out" / "report.pdf").stat().st_size and (place / "out" / "appendix.pdf").stat().st_size


def test_several_projects_stand_in_one_grid_and_like_names_are_told_apart(place: Path) -> None:
    shutil.copytree(place / "other", place / "third")
    evidence = {"counties": EVIDENCE, "again": {"results": "third", "label": "provinces"}}
    text = page_of(place, gathered(place, evidence))
    assert "The same claims on counties, provinces" in text and "On these data: H1 (supported)" in text
    assert "H1 on provinces: Contradicted" in text


def test_another_rule_of_verdicts_is_said(place: Path) -> None:
    rewrite(place / "other" / "scorecard.json", lambda card: card["rule"].update(level=0.9))
    assert "Another rule of verdicts there. counties: 90% intervals" in page_of(place, gathered(place))


def test_without_other_results_nothing_of_it_is_there(place: Path) -> None:
    text = page_of(place, context(place, report=REPORT))
    assert "The same claims" not in text and "in other words" not in text


def test_results_of_another_version_are_named_with_their_file(place: Path) -> None:
    rewrite(place / "other" / "scorecard.json", lambda card: card.update(claims=[{"claim": "H1"}]))
    with pytest.raises(UserError, match=r"scorecard\.json"):
        gathered(place)


@pytest.fixture(scope="module")
def rows(made: Path) -> dict[str, ClaimRow]:
    return {row.claim: row for row in context(made).scorecard.claims}


def test_standings(rows: dict[str, ClaimRow]) -> None:
    supported, open_, untested, differs = (rows[name] for name in ("H1", "H2", "H4", "H3a"))
    other = replace(supported, verdict="contradicted")
    assert standing(supported, supported) == "alike" and standing(supported, other) == "opposed"
    assert standing(differs, differs) == "alike" and standing(differs, replace(differs, sign=1)) == "opposed"
    assert standing(supported, replace(supported, verdict="no effect that matters")) == "unlike"
    assert (standing(supported, open_), standing(open_, supported)) == ("here", "there")
    assert (standing(open_, open_), standing(open_, untested)) == ("open", "unasked")


@pytest.mark.parametrize(
    ("expected", "ends", "found"),
    [
        (("positive", "positive"), ((0.5, 1.0), (-1.0, -0.5)), "apart"),
        (("positive", "negative"), ((0.5, 1.0), (-1.0, -0.5)), "open"),  # both on the side that each foresees
        (("positive", "negative"), ((0.5, 1.0), (0.5, 1.0)), "apart"),
        (("two_sided", "two_sided"), ((0.5, 1.0), (-1.0, -0.5)), "apart"),
        (("two_sided", "positive"), ((0.5, 1.0), (-1.0, -0.5)), "open"),  # the sides cannot be compared
        (("positive", "positive"), ((-0.5, 1.0), (-1.0, -0.5)), "open"),
    ],
)
def test_intervals_on_opposite_sides_are_seen_though_nothing_is_settled(
    rows: dict[str, ClaimRow], expected: tuple[str, str], ends: tuple[tuple[float, float], ...], found: str
) -> None:
    design = rows["H2"].design
    assert design is not None
    pair = [
        replace(rows["H2"], expected=sign, design=replace(design, ci_low=low, ci_high=high))
        for sign, (low, high) in zip(expected, ends, strict=True)
    ]
    assert standing(*pair) == found
