"""The table of what a two-way effect of a policy is a mean of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ruralpanel.output.results import OutputContext
from ruralpanel.output.tables.build import build
from ruralpanel.project.problems import UserError


def comparison(kind: str, treated: int, control: int | None, weight: float, estimate: float) -> dict[str, Any]:
    counts = {"n_treated": 3, "n_control": 1200}
    return {"kind": kind, "treated": treated, "control": control, **counts, "weight": weight, "estimate": estimate}


BACON = {
    "comparisons": [
        comparison("untreated", 2001, None, 0.5, 1.0),
        comparison("earlier", 2001, 2004, 0.2, 2.0),
        comparison("later", 2004, 2001, 0.1, -3.0),
        comparison("untreated", 2004, None, 0.2, 4.5),
    ],
    "estimate": 1.5,
}


QUARTERS = {
    "comparisons": [
        comparison("untreated", 4 * 2012 + 2, None, 0.5, 1.0),
        {**comparison("later", 4 * 2012 + 2, 4 * 2012, 0.5, 2.0), "control": "2012Q1"},
    ],
    "estimate": 1.5,
}


@pytest.fixture
def context(tmp_path: Path) -> OutputContext:
    (tmp_path / "models").mkdir()
    common = {"estimator": "did", "outcome": "y", "panel": "p", "coefficients": [], "inference": []}
    for name, further in {
        "two_way": {"two_by_two": BACON, "title": "Two-way"},
        "again": {"two_by_two": BACON, "title": "Again"},
        "controlled": {"two_by_two": {"beside": ["controls", "gaps"]}},
        "quarters": {"two_by_two": QUARTERS},
        "imputed": {},
    }.items():
        text = json.dumps({"model": name, "title": name, **common, **further})
        (tmp_path / "models" / f"{name}.json").write_text(text, encoding="utf-8")
    return OutputContext(tmp_path, where="tables.comparisons")


def test_comparisons_stand_by_kind_with_the_sum_of_their_weights_and_their_mean(context: OutputContext) -> None:
    document = build("comparisons", {"type": "bacon", "models": ["two_way"]}, context)
    assert [column.label for column in document.columns] == [
        "Weight",
        "Estimate",
        "Units treated",
        "Units compared with",
    ]
    rows = [(row.label, *(cell.value for cell in row.cells)) for row in document.rows]
    assert rows == [
        ("Treated against untreated units", 0.7, pytest.approx(2.0), None, None),
        ("2001 against untreated", 0.5, 1.0, 3, 1200),
        ("2004 against untreated", 0.2, 4.5, 3, 1200),
        ("Earlier treated against units treated later, before these are", 0.2, 2.0, None, None),
        ("2001 against 2004", 0.2, 2.0, 3, 1200),
        ("Later treated against units treated before", 0.1, pytest.approx(-3.0), None, None),
        ("2004 against 2001", 0.1, -3.0, 3, 1200),
        ("Two-way effect", 1.0, 1.5, None, None),
    ]
    assert document.rows[-1].kind == "summary"


def test_quarters_are_printed_as_such(context: OutputContext) -> None:
    document = build("comparisons", {"type": "bacon", "models": ["quarters"]}, context)
    assert [row.label for row in document.rows][1::2] == ["2012Q3 against untreated", "2012Q3 against 2012Q1"]


def test_several_models_stand_in_sections_in_chinese_too(context: OutputContext) -> None:
    spec = {"type": "bacon", "models": ["two_way", "again"], "model_labels": {"again": "Later"}, "title_zh": "分解"}
    chinese = OutputContext(context.results, language="zh", where="tables.comparisons", titles={"two_way": "Two-way"})
    document = build("comparisons", spec, chinese)
    assert [row.label for row in document.rows if row.kind == "section"] == ["Two-way", "Later"]
    assert document.title == "分解" and document.rows[2].label == "2001 对 未处理"
    assert "Goodman-Bacon 2021" in document.notes[0] and "扣除" in document.notes[0]


@pytest.mark.parametrize(
    ("model", "words"), [("controlled", '"controlled" with controls and gaps'), ("imputed", '"imputed"')]
)
def test_effects_that_are_no_such_mean_are_refused(model: str, words: str, context: OutputContext) -> None:
    with pytest.raises(UserError, match=rf"models\[0\].*{words}.*without controls, weights and group_trends"):
        build("comparisons", {"type": "bacon", "models": [model]}, context)
