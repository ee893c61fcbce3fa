"""The evidence on a claim, cell by cell, on made-up results of every pattern."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from typing import Any

import pytest

from as_written import evaluate_claims
from report_project import context, made_up_project
from ruralpanel.claims import scorecard
from ruralpanel.claims.evidence import CRITERIA, Cell
from ruralpanel.output.report import document, learnt
from ruralpanel.output.report.document import plain_text
from ruralpanel.output.report.lookups import judged, lookups, underpowered
from ruralpanel.output.report.numbers import Numbers
from ruralpanel.output.report.texts import Texts


def results(estimate: float = -0.77, low: float = -3.19, high: float = -0.12, **p: float) -> dict[str, Any]:
    row = {
        "term": "x",
        "estimate": estimate,
        "std_error": 0.4,
        "df": 30.0,
        "p_value": 0.07,
        "ci_low": -1.6,
        "ci_high": 0.1,
    }
    row |= {"p_wild": 0.036, "ci_wild_low": low, "ci_wild_high": high}
    settings = [
        {"method": "cluster", "options": {"small_sample": "CR1"}, "coefficients": [{"term": "x", "p_value": 0.07}]},
        {"method": "wild_cluster", "options": {"by": "unit"}, "coefficients": [{"term": "x", "p_value": 0.036}]},
    ]
    if "cr2" in p:
        found = {"term": "x", "p_value": p["cr2"]}
        settings.append({"method": "cluster", "options": {"small_sample": "CR2"}, "coefficients": [found]})
    if "two_way" in p:
        found = {"term": "x", "p_value": p["two_way"]}
        options = {"by": ["unit", "period"]}
        settings.append({"method": "wild_cluster", "options": options, "coefficients": [{"term": "z"}, found]})
    return {
        "model": "m", "panel": "p", "estimator": "fe", "outcome": "y", "effects": ["unit", "period"], "n_obs": 80,
        "n_units": 10, "n_periods": 8, "coefficients": [row], "inference": settings,
    }  # fmt: skip


CLAIM = {
    "claim": "a",
    "estimand": {"model": "m", "term": "x"},
    "expected": "negative",
    "family": "f",
    "robustness": "c",
}


def grid(
    model: dict[str, Any],
    share: float | None = 0.47,
    p: float | None = 0.105,
    turns: tuple[str, ...] = (),
    **changes: Any,
) -> dict[str, Cell]:
    left = {
        "left_out": [],
        "estimate": [],
        "std_error": [],
        "most_influential": "CN-XZ",
        "estimate_without": -1.98,
        "changes_sign": list(turns),
    }
    robustness = {
        "m": {
            "targets": {
                "x": {"leave_one_unit_out": left, "power": {"not_available": {"code": "no_interval_with_two_ends"}}}
            }
        }
    }
    curves = (
        {} if share is None else {"c": {"share_same_sign": share, "share_not_negative": 0.9, "n_specifications": 9}}
    )
    family = {} if p is None else {"A": p}
    (row,) = evaluate_claims({"A": {**CLAIM, **changes}}, {"m": model}, {}, curves, family, robustness)
    assert [cell.criterion for cell in row.evidence] == list(CRITERIA)
    return {cell.criterion: cell for cell in row.evidence}


def test_a_claim_whose_interval_alone_leaves_zero_out() -> None:
    """An interval below zero, as claimed, with nothing else to bear it out."""
    found = grid(results(cr2=0.33, two_way=0.34))
    interval = found["interval"]
    assert (interval.word, interval.bears, interval.value, interval.low) == ("below_zero", "for", -0.77, -3.19)
    said = {name: (cell.word, cell.bears, cell.value) for name, cell in found.items() if name != "interval"}
    assert said == {
        "cr2": ("open", "open", 0.33),
        "two_way": ("open", "open", 0.34),
        "family": ("open", "open", 0.105),
        "specifications": ("divided", "open", 0.47),
        "influence": ("keeps_sign", "steady", -1.98),
    }
    assert found["influence"].detail == "CN-XZ"
    assert found["cr2"].pointer == "/inference/2/coefficients/0/p_value"
    assert found["two_way"].pointer == "/inference/3/coefficients/1/p_value"
    assert found["family"].pointer == "/p_values/A" and found["specifications"].file == "models/curves/c.json"


@pytest.mark.parametrize(
    ("expected", "low", "high", "word", "bears"),
    [
        ("negative", -2.0, -0.1, "below_zero", "for"),
        ("negative", 0.1, 2.0, "above_zero", "against"),
        ("positive", 0.1, 2.0, "above_zero", "for"),
        ("positive", -2.0, -0.1, "below_zero", "against"),
        ("two_sided", 0.1, 2.0, "above_zero", "differs"),
        ("positive", -1.0, 1.0, "holds_zero", "open"),
        ("not_negative", -0.4, 1.0, "above_minus_delta", "for"),
        ("not_negative", -0.6, 1.0, "holds_zero", "open"),
        ("not_negative", -2.0, -0.6, "below_zero", "against"),
    ],
)
def test_where_the_interval_lies(expected: str, low: float, high: float, word: str, bears: str) -> None:
    model = results((low + high) / 2, low, high)
    cell = grid(model, expected=expected, smallest_effect={"value": 0.5})["interval"]
    assert (cell.word, cell.bears) == (word, bears)


def test_the_other_words() -> None:
    found = grid(results(cr2=0.01, two_way=0.049), 0.7, 0.04, ("CN-XZ", "CN-SH"), expected="positive")
    assert [found[name].word for name in CRITERIA] == [
        "below_zero", "clear", "clear", "clear", "agree", "turns_sign",
    ]  # fmt: skip
    assert [found[name].bears for name in CRITERIA] == ["against"] * 4 + ["steady", "open"]
    assert grid(results(), expected="not_negative")["specifications"].value == 0.9


def test_what_is_not_there_is_not_available() -> None:
    found = grid(results(), None, None)
    missing = {name for name, cell in found.items() if cell.word == "not_available"}
    assert missing == {"cr2", "two_way", "family", "specifications"}
    assert all(cell.value is None and cell.bears == "none" for name, cell in found.items() if name in missing)
    untested = evaluate_claims({"A": {"claim": "a"}}, {}, {})[0]
    assert [cell.word for cell in untested.evidence] == ["not_available"] * 6


def test_the_table_as_csv_and_in_the_scorecard() -> None:
    rows = evaluate_claims({"A": CLAIM}, {"m": results(cr2=0.33)}, {})
    table = list(csv.DictReader(io.StringIO(scorecard.evidence_csv(rows))))
    assert [(line["claim"], line["criterion"]) for line in table] == [("A", name) for name in CRITERIA]
    assert float(table[0]["low"]) == -3.19 and table[1]["word"] == "open" and table[2]["value"] == ""
    claim = json.loads(json.dumps(scorecard.scorecard_json(rows)))["claims"][0]
    assert [cell["criterion"] for cell in claim["evidence"]] == list(CRITERIA)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_first_page_shows_every_cell(tmp_path: Any, language: str) -> None:
    """But for criteria on which no claim has a word: these have no column, and the note explains them to nobody."""
    found = context(made_up_project(tmp_path / "project"), language=language)
    texts = Texts(language, Numbers(lookups(found)))
    section = learnt.section(found, texts, found.scorecard.claims)
    (table,) = [block for block in section.blocks if isinstance(block, document.Table)]
    texts.finish()
    claims = found.scorecard.claims
    heads = [plain_text(row.cells[0].text) for row in table.rows]
    verdicts = [texts.plain("verdict." + claim.verdict.replace(" ", "_")) for claim in claims]
    assert len(heads) == len(claims)
    known = {cell.criterion for claim in claims for cell in claim.evidence if cell.word != "not_available"}
    assert known and "cr2" not in known
    for head, claim, verdict in zip(heads, claims, verdicts, strict=True):
        assert head.startswith(f"{claim.claim} {verdict}")  # where zero is left out the sign follows
    for row, claim in zip(table.rows, claims, strict=True):
        assert len(row.cells) == 1 + len(known) == table.width
        for shown, cell in zip(
            row.cells[1:], [cell for cell in claim.evidence if cell.criterion in known], strict=True
        ):
            assert (plain_text(shown.text) == "–") == (cell.word == "not_available")
    assert "CR2" not in plain_text(table.notes[0])
    first = plain_text(table.rows[0].cells[1].text)
    assert (
        "above zero" if language == "en" else "大于零"
    ) in first and "2.5 δ [1.1, 4.0]" in first  # 0.42 [0.19, 0.66], δ = 1/6


def test_weak_designs_are_those_that_cannot_find_what_matters(tmp_path: Any) -> None:
    found = context(made_up_project(tmp_path / "project"))
    first = found.scorecard.claim("H1")
    assert first is not None and first.design is not None
    for detectable, by, delta, is_judged, weak in (
        (0.5, "length", 0.4, True, True), (0.3, "simulation", 0.4, True, False), (None, "simulation", 0.4, True, True),
        (None, "", 0.4, False, False), (0.5, "length", None, False, False),
    ):  # fmt: skip
        design = replace(first.design, detectable=detectable, detectable_by=by, delta=delta)
        card = replace(found.scorecard, claims=(replace(first, design=design),))
        changed = replace(found, scorecard=card)
        assert ("H1" in judged(changed), "H1" in underpowered(changed)) == (is_judged, weak)
