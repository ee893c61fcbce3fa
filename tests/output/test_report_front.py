"""The report's first page: what happened, what is ruled out, which claim comes first; true of whatever the rows are."""

from __future__ import annotations

import itertools
import json
import math
import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from as_written import design_of, row_of, with_claim
from report_project import config, context, made_up_project
from ruralpanel.claims.scorecard import ClaimRow
from ruralpanel.output.report import front, learnt
from ruralpanel.output.report.build import compose
from ruralpanel.output.report.context import gather
from ruralpanel.output.report.declared import declared
from ruralpanel.output.report.document import Findings, KeyFigures, Paragraph, parse, plain_text
from ruralpanel.output.report.exhibits import in_brief
from ruralpanel.output.report.happened import longer_runs, told
from ruralpanel.output.report.lookups import lookups
from ruralpanel.output.report.numbers import Numbers
from ruralpanel.output.report.sentences import excluded
from ruralpanel.output.report.software import version_of
from ruralpanel.output.report.texts import Texts
from ruralpanel.project.notes import note
from ruralpanel.project.sections.configuration import Story

ROOT = Path(__file__).resolve().parents[2]
STORY = Story.model_validate({
    "panel": "made", "outcome": "workers", "population": "residents", "scale": 1000, "share": "urban",
    "weight": "residents",
})  # fmt: skip


def panel(workers: Any, urban: Any, residents: Any = (100.0, 300.0, 50.0)) -> pd.DataFrame:
    """Three units in 2012 and 2013: rows of (before, after)."""
    rows = []
    for i, unit in enumerate(("MU-01", "MU-02", "MU-03")):
        for t, period in enumerate((2012, 2013)):
            rows.append((unit, period, workers[i][t], urban[i][t], residents[i]))
    return pd.DataFrame(rows, columns=["unit", "period", "workers", "urban", "residents"])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_up_project(tmp_path_factory.mktemp("front") / "project")


def test_totals_means_and_counts_by_hand() -> None:
    rows = panel([(10, 20), (30, 15), (5, 6)], [(0.4, 0.5), (0.6, 0.7), (0.2, 0.1)])
    found = told(rows, STORY, "panels/made/panel.csv")
    assert found is not None and (found.first, found.last, found.without) == (2012, 2013, ())
    wanted = {
        "outcome_first": 45, "outcome_last": 41, "outcome_change": 41 / 45 - 1,
        "rate_first": 1000 * 45 / 450, "rate_last": 1000 * 41 / 450,
        "share_first": (0.4 * 100 + 0.6 * 300 + 0.2 * 50) / 450, "share_last": (0.5 * 100 + 0.7 * 300 + 0.1 * 50) / 450,
        "outcome_rose": 2, "share_rose": 2, "both_rose": 1,
    }  # fmt: skip
    assert found.numbers == pytest.approx(wanted)
    assert set(found.ways) == set(wanted)


def test_units_without_a_figure_in_either_period_count_nowhere() -> None:
    rows = panel([(10, 20), (30, 15), (5, np.nan)], [(0.4, 0.5), (0.6, 0.7), (0.2, 0.1)])
    found = told(rows, STORY, "")
    assert found is not None and found.without == ("MU-03",) and found.numbers["outcome_first"] == 40
    rows.loc[rows["period"] == 2012, "urban"] = np.nan
    assert told(rows, STORY, "") is None  # one period is left


def test_the_ends_are_the_periods_with_half_of_the_units() -> None:
    rows = pd.concat([panel([(1, 2)] * 3, [(0.1, 0.2)] * 3), panel([(9, 9)] * 3, [(0.9, 0.9)] * 3).head(1)])
    rows.iloc[-1, 1] = 2011
    found = told(rows, STORY, "")
    assert found is not None and (found.first, found.last) == (2012, 2013)


def test_the_longer_run_adds_up_where_every_unit_has_a_figure(tmp_path: Path) -> None:
    rows = pd.concat([panel([(1, 2), (3, 4), (5, 6)], [(0.1, 0.2)] * 3), panel([(7, 8)] * 3, [(0.3, 0.4)] * 3)])
    rows["period"] = [2011, 2012] * 3 + [2013, 2014] * 3
    rows.loc[(rows["unit"] == "MU-02") & (rows["period"] == 2014), "workers"] = np.nan
    (tmp_path / "panels" / "made").mkdir(parents=True)
    rows.to_csv(tmp_path / "panels" / "made" / "panel.csv", index=False)
    runs = longer_runs(tmp_path, "made", ["workers", "residents", "of no figure"])
    assert list(runs) == ["workers", "residents"]
    run = runs["workers"]
    assert (run.first, run.last, run.ends["first"].value, run.ends["last"].value) == (2011, 2013, 9, 21)
    assert runs["residents"].last == 2014


def story_project(place: Path, tmp_path: Path, workers: Any, urban: Any, language: str = "en") -> str:
    """The text of the first page with other rows."""
    folder = tmp_path / "project"
    shutil.copytree(place, folder, dirs_exist_ok=True)
    path = folder / "made_up" / "panels" / "made" / "panel.csv"
    panel(workers, urban).to_csv(path, index=False)
    values = config(folder, language=language)
    before = {"panel": "made", "outcomes": ["workers"]}
    story = STORY.model_dump(exclude_unset=True) | {"caveat": "Counted by hand.", "before": before}
    values["report"] |= {"story": story}
    values["report"]["introduction"] = values["report"]["introduction_zh"] = "Asked."
    document, _ = compose(gather(values, folder / "made_up", folder, "config.json"))
    first = document.sections[0]
    assert first.id == "summary" and any(isinstance(block, KeyFigures) for block in first.blocks)
    return " ".join(plain_text(block.text) for block in first.blocks if isinstance(block, Paragraph))


UP, DOWN = (1.0, 2.0), (2.0, 1.0)


@pytest.mark.parametrize(("workers", "urban"), list(itertools.product((UP, DOWN), (UP, DOWN))))
def test_what_happened_is_said_of_the_rows_and_never_the_opposite(
    workers: tuple[float, float], urban: tuple[float, float], place: Path, tmp_path: Path
) -> None:
    share = tuple(x / 10 for x in urban)
    said = story_project(place, tmp_path, [workers] * 3, [share] * 3)
    assert ("workers rose from 3.00 to 6.00" in said) == (workers == UP)
    assert ("workers fell from 6.00 to 3.00" in said) == (workers == DOWN)
    assert ("urban share rose from 10% to 20%" in said) == (urban == UP)
    assert ("urban share fell from 20% to 10%" in said) == (urban == DOWN)
    assert ("Both grew" in said) == (workers == urban == UP)
    assert ("Both fell" in said) == (workers == urban == DOWN)
    assert ("did not move together" in said) == (workers != urban)
    both = 3 if workers == urban == UP else 0
    assert f"In {both} of 3 provinces both rose" in said
    assert "Counted by hand." in said and "left out" not in said and "but" not in said
    assert (
        f"orkers: {'3.00' if workers == UP else '6.00'} in 2012, {'6.00' if workers == UP else '3.00'} in 2013." in said
    )


def test_a_rate_that_moves_the_other_way_is_told_so(place: Path, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    shutil.copytree(place, folder)
    path = folder / "made_up" / "panels" / "made" / "panel.csv"
    rows = panel([DOWN] * 3, [(0.1, 0.2)] * 3)
    rows.loc[rows["period"] == 2013, "residents"] /= 4
    rows.to_csv(path, index=False)
    for language, wanted in (
        ("en", "from 6.00 to 3.00, but rose from 13 to 27 per 1,000"),
        ("zh", "则由 13 上升到 27"),
    ):
        values = config(folder, language=language)
        values["report"] |= {"story": STORY.model_dump(exclude_unset=True)}
        document, _ = compose(gather(values, folder / "made_up", folder, "config.json"))
        first = document.sections[0].blocks
        assert any(wanted in plain_text(block.text) for block in first if isinstance(block, Paragraph))


def test_missing_units_are_told_by_name(place: Path, tmp_path: Path) -> None:
    said = story_project(place, tmp_path, [UP, UP, (1, np.nan)], [(0.1, 0.2)] * 3)
    assert "In 2 of 2 provinces both rose" in said
    assert re.search(r"left out of all of this: \S+", said)


def test_the_story_in_chinese(place: Path, tmp_path: Path) -> None:
    said = story_project(place, tmp_path, [(150_000.0, 250_000.0)] * 3, [(0.1, 0.2)] * 3, "zh")
    assert "由 45.0 万上升到 75.0 万" in said and "二者同时增长" in said


def claim(name: str, verdict: str, low: float | None = None, high: float | None = None) -> ClaimRow:
    design = None if verdict.startswith("cannot be") else design_of(in_delta_low=low, in_delta_high=high)
    return row_of(name, verdict, design)


def test_claims_come_by_what_is_known_of_them() -> None:
    claims = [
        claim("untestable", "cannot be tested with these data"),
        claim("wide", "cannot tell", -9.0, 1.0),
        claim("open", "cannot tell", -math.inf, 0.5),
        claim("narrow", "cannot tell", -1.0, 2.0),
        claim("nothing", "no effect that matters", -0.5, 0.5),
        claim("against", "contradicted", -3.0, -2.0),
        claim("for", "supported", 1.0, 2.5),
    ]
    wanted = ["for", "against", "nothing", "narrow", "wide", "open", "untestable"]
    for order in itertools.islice(itertools.permutations(claims), 0, None, 97):
        assert [entry.claim for entry in learnt.ranked(order)] == wanted


INF = math.inf
BOUNDS = [(-2.0, 3.0), (0.5, 3.0), (-3.0, -0.5), (-INF, 3.0), (-INF, -0.5), (-2.0, INF), (0.5, INF), (-INF, INF)]


@pytest.mark.parametrize(("low", "high"), BOUNDS)
def test_what_is_ruled_out_is_all_that_lies_outside(low: float, high: float, place: Path) -> None:
    """Read back: of a fine grid of values the sentence rules out just those that the interval leaves out."""
    found = context(place)
    row = found.scorecard.claim("H3a")
    assert row is not None and row.design is not None and row.design.plain is not None
    plain = replace(row.design.plain, level=None, moderator="", effect="absolute", low=low, high=high)
    design = replace(row.design, ci_low=low, ci_high=high, has_interval=True, plain=plain)
    found = replace(found, scorecard=with_claim(found.scorecard, "H3a", design=design))
    texts = Texts("en", Numbers(lookups(found)))
    said = plain_text(parse(excluded(found, texts, design, "claim:H3a:design"))).partition(", for ")[0]
    texts.finish()
    for value in np.arange(-5.05, 5.0, 0.1):
        outside = value < low or value > high
        assert rules_out(said, float(value)) == outside, (said, value)


def rules_out(said: str, value: float) -> bool:
    """A reader's understanding of the sentence."""
    word = "a rise" if value > 0 else "a fall"
    for part in re.split(r",? and (?=a )|, (?=a )", said):
        if not part.startswith(word):
            continue
        less = re.search(r"of less than ([\d.]+)", part)
        more = re.search(r"of (?:less than [\d.]+ or of )?more than ([\d.]+)", part)
        if not less and not more:
            return True
        return bool((less and abs(value) < float(less[1])) or (more and abs(value) > float(more[1])))
    return False


@pytest.mark.parametrize(("detectable", "delta", "said"), [(3.0, 1.0, "9.0 times"), (0.5, 1.0, "had the information")])
def test_what_would_settle_a_claim(detectable: float, delta: float, said: str, place: Path) -> None:
    found = context(place)
    entry = next(row for row in found.scorecard.claims if row.design)
    assert entry.design is not None
    design = replace(entry.design, detectable=detectable, delta=delta)
    entry = replace(entry, verdict="cannot tell", design=design)
    found = replace(found, scorecard=with_claim(found.scorecard, entry.claim, verdict="cannot tell", design=design))
    texts = Texts("en", Numbers(lookups(found)))
    section = learnt.section(found, texts, [entry])
    texts.finish()
    findings = next(block for block in section.blocks if isinstance(block, Findings))
    lines = dict(findings.items[0].lines)
    assert said in plain_text(lines["To settle it"])
    factor = lookups(found)["information"](entry.claim).value
    assert factor == pytest.approx((detectable / delta) ** 2)
    told_apart = replace(entry, verdict="supported")
    decided = next(b for b in learnt.section(found, texts, [told_apart]).blocks if isinstance(b, Findings))
    assert "To settle it" not in dict(decided.items[0].lines)


def test_evidence_between_units_stands_beside_that_within(place: Path) -> None:
    found = context(place)
    row = found.scorecard.claim("H1")
    assert row is not None
    kinds = [design.evidence for design in row.designs]
    for low, high, words in ((0.1, 0.2, "above zero"), (-0.2, -0.1, "below zero"), (-1.0, 1.0, "not told from zero")):
        ends = {"within": {"ci_low": low, "ci_high": high}, "between": {"ci_low": 0.3, "ci_high": 0.4}}
        first, *others = (replace(design, **ends[design.evidence]) for design in row.designs)
        entry = replace(row, design=first, others=tuple(others))
        texts = Texts("en", Numbers(lookups(found)))
        findings = next(b for b in learnt.section(found, texts, [entry]).blocks if isinstance(b, Findings))
        said = plain_text(dict(findings.items[0].lines)["Other evidence"])
        within, between = said.split("; ")
        number = kinds.count("within")
        assert within == f"within provinces {number} design{'s' if number > 1 else ''}, {'all ' * (number > 1)}{words}"
        assert between.startswith("between provinces") and between.endswith("above zero")
    alone = replace(entry, others=tuple(design for design in entry.others if design.evidence == "within"))
    assert "Other evidence" not in dict(learnt._finding(found, texts, alone).lines)


def test_the_provenance_counts_findings(place: Path, tmp_path: Path) -> None:
    document, _ = compose(context(place))
    said = " ".join(plain_text(b.text) for b in document.sections[0].blocks if isinstance(b, Paragraph))
    rows = pd.read_csv(place / "made_up" / "reconciliation" / "findings.csv")
    declared = int((rows["declared"].astype(str).str.lower() == "true").sum())
    assert f"{len(rows)} finding" in said and f"{declared} {'is' if declared == 1 else 'are'} declared" in said


def test_who_wrote_it_and_which_figures(place: Path) -> None:
    (place / "CITATION.cff").write_text(
        yaml.safe_dump(
            {
                "authors": [{"given-names": "Ada", "family-names": "Invented"}, {"name": "A Bureau"}],
                "version": "9.9", "license": "CC-BY-4.0", "date-released": "2001-02-03",
            }
        ),
        encoding="utf-8",
    )  # fmt: skip
    values = config(place)
    values["report"]["citation"] = "CITATION.cff"
    found = gather(values, place / "made_up", place, "config.json")
    document, _ = compose(found)
    assert front.authors(found) == "Ada Invented, A Bureau"
    byline = plain_text(document.byline)
    assert byline.startswith("Ada Invented, A Bureau · Figures up to 2019")
    about = next(section for section in document.sections if section.id == "colophon")
    said = " ".join(plain_text(block.text) for block in about.blocks if isinstance(block, Paragraph))
    assert "Ada Invented, A Bureau (2001): " in said and "Version 9.9" in said and "Licence: CC-BY-4.0" in said
    plain, _ = compose(context(place))
    assert "Ada" not in plain_text(plain.byline)


def test_the_version_is_that_of_the_checkout(tmp_path: Path) -> None:
    assert str(version_of(tmp_path)) == ""
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.3"\n', encoding="utf-8")
    assert str(version_of(tmp_path)) == "1.2.3"  # no commit of a folder above
    assert version_of().version in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_the_brief_shows_what_is_declared_in_that_order_else_what_shows_the_claims(place: Path) -> None:
    values = config(place)

    def brief() -> dict[str, Sequence[str]]:
        return in_brief(declared(values, "config.json", "en"))

    assert brief() == {"figures": ("outcome",), "maps": ("levers",), "tables": ("main",)}
    values["figures"] = {
        **values["figures"], "other": {"type": "event_study", "models": ["reform"]},
        "all": {"type": "scorecard"}, "c": {"type": "specification_curve", "curve": "unclaimed"},
    }  # fmt: skip
    assert brief()["figures"] == ("other", "all")
    values["report"]["brief"] = {"figures": ["all", "outcome"], "tables": []}
    assert brief() == {"figures": ("all", "outcome"), "maps": ("levers",), "tables": ()}


def test_numbers_are_traced_to_rows(place: Path, tmp_path: Path) -> None:
    story_project(place, tmp_path, [UP] * 3, [(0.1, 0.2)] * 3)
    folder = tmp_path / "project"
    values = config(folder)
    values["report"]["story"] = STORY
    found = gather(values, folder / "made_up", folder, "config.json")
    number = lookups(found)["story"]("outcome_last")
    assert (number.value, number.file) == (6.0, "panels/made/panel.csv")
    assert number.way == note("among_units", way=note("sum_of", variable="workers"), units=3, period="2013")
    assert math.isclose(lookups(found)["story"]("both_rose").value, 3)
    assert json.dumps(number.value)
