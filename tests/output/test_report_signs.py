"""Sentences that sum up a table: made from its rows, and true of them whatever these are."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from as_written import design_of, evaluate_claims, model_of, with_claim
from report_project import context, made_up_project
from ruralpanel.claims import scorecard
from ruralpanel.claims.designs import ClaimEstimate
from ruralpanel.output.report import contrasts, document
from ruralpanel.output.report.document import parse, plain_text
from ruralpanel.output.report.lookups import lookups
from ruralpanel.output.report.numbers import Numbers
from ruralpanel.output.report.sentences import meaning
from ruralpanel.output.report.signs import PLACES, Signed, contradict, summary
from ruralpanel.output.report.texts import Texts

INTERVALS: dict[str, tuple[float | None, float | None, bool]] = {
    "above": (0.1, 0.9, True),
    "below": (-0.9, -0.1, True),
    "open": (-0.5, 0.5, True),
    "unstated": (None, None, False),
}
PATTERNS = [p for n in (1, 2, 3, 4) for p in itertools.combinations_with_replacement(INTERVALS, n)]


def said(sentence: str, number: int) -> dict[str, int]:
    """How many rows the English sentence puts where."""
    words = {
        "above": r"(\w+ )?above zero, interval and all \(([^)]*)\)",
        "below": r"(\w+ )?below zero, interval and all \(([^)]*)\)",
        "open": r"(\w+ can|\w+ cannot|cannot) be told from zero",
        "unstated": r"(\w+ )?without an interval",
    }
    found = {}
    for place, pattern in words.items():
        match = re.search(pattern, sentence)
        if match:
            first = (match[1] or "").split(" ")[0]
            found[place] = int(first) if first.isdigit() else number
            if place in ("above", "below"):
                assert len(match[2].split(", ")) == found[place]
    return found


def test_open_ends_and_edges() -> None:
    assert Signed.of("a", None, -0.1).place == "below" and Signed.of("a", 0.1, None).place == "above"
    assert Signed.of("a", None, None).place == "open" and Signed.of("a", 0.0, 1.0).place == "open"
    assert Signed.of("a", 0.1, 0.2, False).place == "unstated"
    assert [Signed("a", place).printed for place in PLACES] == ["+", "−", "±", "±"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_up_project(tmp_path_factory.mktemp("signs") / "project")


@pytest.mark.parametrize("pattern", PATTERNS, ids="-".join)
def test_the_sentence_says_of_every_pattern_what_the_rows_say(pattern: tuple[str, ...], project: Path) -> None:
    rows = [Signed.of(f"m{i}", *INTERVALS[place]) for i, place in enumerate(pattern)]
    found = context(project)
    texts = Texts("en", Numbers(lookups(found)))
    sentence = plain_text(summary(texts, rows, "contrasts.summary", kind="design"))
    assert said(sentence, len(rows)) == Counter(pattern)
    assert ("contradict" in sentence) == contradict(rows) == ({"above", "below"} <= set(pattern))
    for row in rows:
        part = next((part for part in re.split("[;:]", sentence) if re.search(rf"\b{row.name}\b", part)), "")
        assert (row.place in part) if row.place in ("above", "below") else not part
    chinese = Texts("zh", Numbers(lookups(found)))
    text = plain_text(summary(chinese, rows, "contrasts.summary", kind="设计"))
    assert [w in text for w in ("大于零", "小于零", "不能与零区分", "没有区间")] == [p in pattern for p in PLACES]
    texts.finish()
    chinese.finish()


def designs_like(design: ClaimEstimate, pattern: tuple[str, ...]) -> list[ClaimEstimate]:
    made = []
    for i, place in enumerate(pattern):
        low, high, has = INTERVALS[place]
        made.append(replace(design, model=f"Made {i}", ci_low=low, ci_high=high, has_interval=has))
    return made


@pytest.mark.parametrize("pattern", [p for p in PATTERNS if len(p) > 1], ids="-".join)
def test_the_sentence_above_a_claims_table_counts_the_tables_own_signs(pattern: tuple[str, ...], project: Path) -> None:
    """Slopes, and a marginal effect that the sentence on interactions must not speak for."""
    found = context(project)
    claim, first = found.scorecard.claim("H3b"), found.scorecard.claim("H1")
    assert claim is not None and first is not None and first.design is not None
    slopes = designs_like(first.design, pattern)
    claim = replace(claim, design=slopes[0], others=(*slopes[1:], *claim.others))
    found = replace(found, scorecard=with_claim(found.scorecard, "H3b", design=claim.design, others=claim.others))
    texts = Texts("en", Numbers(lookups(found)))
    section = contrasts._claim(found, texts, claim)
    table = next(block for block in section.blocks if isinstance(block, document.Table))
    signs = Counter(plain_text(row.cells[-1].text) for row in table.rows)
    sentences = [plain_text(block.text) for block in section.blocks if isinstance(block, document.Paragraph)]
    counted: Counter[str] = Counter()
    for sentence in sentences:
        if "in the table" in sentence:
            number = int(match[1]) if (match := re.search(r"Of the (\d+)", sentence)) else 1
            for place, count in said(sentence, number).items():
                counted[{"above": "+", "below": "−"}.get(place, "±")] += count
    assert counted == signs


def test_levers_elsewhere_are_counted_from_models_without_products(project: Path) -> None:
    found = context(project)
    claim = found.scorecard.claim("H1")
    assert claim is not None
    assert isinstance(found.models, dict)
    baseline = found.models["baseline"]
    for name, low, high in (("clear", 0.1, 0.4), ("weak", -0.1, 0.4)):
        rows = tuple(replace(row, ci_wild_low=low, ci_wild_high=high) for row in baseline.coefficients)
        found.models[name] = replace(baseline, model=name, coefficients=rows)
    crossed = (*baseline.coefficients, replace(baseline.coefficients[0], term="electricity:gap"))
    found.models["crossed"] = replace(baseline, model="crossed", coefficients=crossed)
    texts = Texts("en", Numbers(lookups(found)))
    section = contrasts._claim(found, texts, claim)
    sentences = [plain_text(block.text) for block in section.blocks if isinstance(block, document.Paragraph)]
    (elsewhere,) = [sentence for sentence in sentences if "the same lever across models" in sentence]
    assert "in 3 other models" in elsewhere and "crossed" not in elsewhere  # one is the fixture's
    assert said(elsewhere, 3) == {"above": 2, "open": 1} and "“clear”)" in elsewhere


def test_kinds_of_numbers_are_told_apart_by_where_they_stand() -> None:
    places = {
        "/coefficients/0": "roads", "/coefficients/1": "roads:gap", "/marginal_effects/0/points/3": "roads",
        "/statistics/long_run:roads": "long_run:roads", "/statistics/residual_correlation": "residual_correlation",
    }  # fmt: skip
    kinds = [contrasts._kind(design_of(pointer=pointer, lever=lever)) for pointer, lever in places.items()]
    assert kinds == ["slope", "interaction", "place", "statistic", "correlation"]


SHARES = (None, 0.4, 0.9)
TESTS: tuple[dict[str, Any], ...] = ({}, {"check": {"p_value": 0.01}}, {"check": {"p_value": 0.6}})


@pytest.mark.parametrize("expected", ["positive", "negative", "two_sided", "not_negative"])
@pytest.mark.parametrize("interval", [(0.1, 2.0), (-2.0, -0.1), (-0.3, 0.3), (-0.3, 2.0), (-2.0, 2.0), (0.01, 0.2)])
def test_what_a_verdict_means_follows_from_its_reasons(
    expected: str, interval: tuple[float, float], project: Path
) -> None:
    """δ is .5; every share of the curve and every outcome of a diagnostic that could refute the design."""
    found = context(project)
    low, high = interval
    row = {"term": "x", "estimate": (low + high) / 2, "std_error": 0.2, "df": 30.0, "ci_low": low, "ci_high": high}
    for share, tests in itertools.product(SHARES, TESTS):
        own = model_of({"model": "made", "coefficients": [row], "tests": tests, "inference": [{"method": "cluster"}]})
        model = replace(
            found.models["baseline"], model="made", coefficients=own.coefficients, tests=own.tests,
            inference=own.inference,
        )  # fmt: skip
        claim = {
            "claim": "a", "expected": expected, "estimand": {"model": "made", "term": "x"}, "robustness": "c",
            "smallest_effect": {"value": 0.5}, "diagnostics": {"check": {"p_above": 0.05}} if tests else {},
        }  # fmt: skip
        curve = {"share_same_sign": share, "share_not_negative": share, "n_specifications": 100}
        rows = evaluate_claims({"A": claim}, {"made": model}, {}, {} if share is None else {"c": curve})
        found = replace(found, scorecard=scorecard.scorecard_of(rows))
        (made,) = found.scorecard.claims
        texts = Texts("en", Numbers(lookups(found)))
        said = plain_text(parse(meaning(found, texts, made, "claim:A:design")))
        texts.finish()
        failing, few = tests == TESTS[1], share == 0.4
        assert ("either sign" in said) <= (low <= 0 <= high)
        assert ("leaves zero out" in said) <= (low > 0 or high < 0)
        assert ("too few of the declared specifications" in said) <= few
        assert ("checks do not bear it out" in said) <= failing
        assert ("is ruled out" in said or "are ruled out" in said) <= (expected == "not_negative" and low > -0.5)
        assert ("smaller than the benchmark" in said) <= (low > -0.5 and high < 0.5)
        assert ("foreseen sign" in said and "opposite" not in said) <= (
            (expected == "negative" and high < 0) or (expected in ("positive", "not_negative") and low > 0)
        )
        if few or failing:
            assert not re.search("opposite of|has the foreseen sign|no sign was foreseen", said)
