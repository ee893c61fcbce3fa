"""A declared key of a table is never ignored: another value changes the table, or is refused by name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from test_declared_keys import NUMBER, POLICY, declared, estimated, folder, frame

from ruralpanel.output.results import OutputContext
from ruralpanel.output.tables.build import build
from ruralpanel.project.kinds.tables import TABLES
from ruralpanel.project.problems import UserError

pytestmark = pytest.mark.slow

__all__ = ["folder"]  # the fixture

MODELS: dict[str, dict[str, Any]] = {
    "fe": declared("fe", "") | {"regressors": ["lever", "third"]},
    "other": declared("fe", "") | {"regressors": ["lever", "third"], "outcome": "other"},
    "changes": declared("counterfactual", ""),
    "parts": declared("decomposition", "gelbach"),
    "slopes": declared("cce", "mean_group"),
    "system": declared("sur", ""),
    "system_of_few": declared("sur", "") | {"regressors": ["third"]},
    "dynamic": declared("dynamic_panel", "bias_corrected"),
    "policy": declared("did", "twfe"),
    "policy_later": declared("did", "twfe") | {"treatment": POLICY | {"first": 2008}},
    "space": declared("spatial", "sdm"),
    "errors": declared("spatial", "sem"),
}

LISTED = {"models": ["fe", "other"]}
OUTCOMES = [{"panel": "main", "variable": name, "period": 2005} for name in ("size", "count")]
BASE: dict[str, dict[str, Any]] = {
    "regression": LISTED,
    "cross_section": LISTED,
    "by_outcome": {**LISTED, "term": "lever"},
    "by_unit": {"models": ["changes", "parts", "slopes"]},
    "correlations": {"models": ["system", "system_of_few"]},
    "dynamic": {"models": ["dynamic", "fe"]},
    "diagnostics": LISTED,
    "policy": {"models": ["policy", "policy_later"]},
    "bacon": {"models": ["policy", "policy_later"]},
    "heterogeneity": LISTED,
    "spatial": {"models": ["space", "errors"]},
    "descriptive": {"panel": "main", "variables": ["lever", "third"]},
    "coverage": {"panel": "main"},
    "validity": {"outcomes": OUTCOMES},
    "regimes": {"panel": "main", "first": "lever", "second": "third", "spans": [[2001, 2003], [2003, 2006]]},
    "reconciliation": {},
    "scorecard": {},
    "robustness": {},
}
"""A right table of each kind."""

WORDS = {name: f"Words for {name}" for name in [*frame(), "a", "b"]}
OTHER: dict[str, Any] = {
    "title": "Another title",
    "title_zh": "另一标题",
    "notes": ["Another note"],
    "notes_zh": ["另一说明"],
    "digits": 1,
    "labels": WORDS | {"both": "Both"},
    "labels_zh": WORDS | {"both": "二者"},
    "terms": ["lever"],
    "show": ["p_value"],
    "stars": [0.99],
    "fit": ["r2_within"],
    "tests": ["hausman"],
    "group": "estimator",
    "term": "third",
    "standardised": True,
    "without": ["U02"],
    "panel": "short",
    "variables": ["fourth"],
    "statistics": ["n"],
    "by": "region",
    "periods": [2003],
    "outcomes": [*OUTCOMES, {"panel": "main", "variable": "lever", "period": 2005, "log": False}],
    "transform": "none",
    "method": "spearman",
    "interval": True,
    "first": "fourth",
    "second": "fourth",
    "spans": [[2001, 2004]],
    "above": {"first": "median"},
    "file": "other.csv",
    "columns": ["where", "what"],
    "where": {"what": "jump"},
    "limit": 1,
    "claims": ["H1"],
}
"""A value of each key that is not the default; of `models` and `model_labels` see `other_value`."""


def combinations() -> Iterator[tuple[str, str]]:
    """Keys that a kind knows, and those that most kinds know and it may not."""
    for kind in sorted(TABLES):
        yield from ((kind, key) for key in sorted({*TABLES[kind].keys, "digits", "labels", "labels_zh"}))


def other_value(kind: str, key: str, context: OutputContext) -> Any:
    models = BASE[kind].get("models", [])
    given = {"models": models[:1], "model_labels": {name: "A heading" for name in models}}
    if key == "file":
        return str(context.results / "other.csv")
    return given.get(key, OTHER.get(key))


def group(name: str) -> dict[str, Any]:
    return {"group": name, "estimate": 1.234567, "ci_low": 0.5, "ci_high": 2.0, "p_romano_wolf": 0.25}


@pytest.fixture(scope="module")
def context(folder: Path) -> OutputContext:
    results = folder / "results"
    for name, model in MODELS.items():
        replace(estimated(model, folder), model=name).to_json(results / "models" / f"{name}.json")
    for name in ("main", "short"):
        place = results / "panels" / name
        place.mkdir(parents=True)
        figures = frame() if name == "main" else frame().query("period < 2011 and unit != 'U05'").reset_index(drop=True)
        figures.to_parquet(place / "panel.parquet")
        book = pd.DataFrame({"variable": list(figures)[2:], "label": "", "label_zh": "", "measure": "", "formula": ""})
        book.to_csv(place / "codebook.csv", index=False)
    (results / "models" / "robustness").mkdir(parents=True)
    for name in ("fe", "other"):
        parts = {"groups": [group("North"), group("South")], "equal": {"p_value": 0.5}}
        targets = {"targets": {"lever": {"main": True, "heterogeneity": {"region": parts}}}}
        (results / "models" / "robustness" / f"{name}.json").write_text(json.dumps({"model": name, **targets}))
    summary = (
        "model,target,claims,main,estimate,std_error\nfe,lever,H1,True,0.512345,0.1\nother,lever,H2,True,0.2,0.1\n"
    )
    listing = "what,where,size\njump,A,1.23456\nrepeat,B,2.5\njump,C,3.5\n"
    (results / "reconciliation").mkdir()
    for path, text in (
        ("models/robustness/summary.csv", summary),
        ("reconciliation/findings.csv", listing),
        ("scorecard.csv", listing),
        ("other.csv", listing.replace("jump,A,1.23456\n", "")),
    ):
        (results / path).write_text(text, encoding="utf-8")
    attributes = {
        f"U{i:02d}": {"name_en": f"Unit {i}", "region": "North" if i < 11 else "South"} for i in range(1, NUMBER + 1)
    }
    return OutputContext(results, attributes=attributes, where="tables.t", titles={"other": "The other"})


def test_every_kind_and_key_of_tables_has_a_case() -> None:
    assert set(BASE) == set(TABLES)
    assert {key for _, key in combinations()} == {*OTHER, "models", "model_labels"}


@pytest.mark.parametrize(("kind", "key"), list(combinations()))
def test_a_key_of_a_table_is_heard(kind: str, key: str, context: OutputContext) -> None:
    context = replace(context, language="zh" if key.endswith("_zh") else "en")
    declaration = {"type": kind, **BASE[kind]}
    before = str(build("t", declaration, context))
    try:
        after = str(build("t", declaration | {key: other_value(kind, key, context)}, context))
    except UserError as error:
        after = "\n".join(str(problem) for problem in error.problems)
        assert f"tables.t.{key}" in after, after
    assert after != before
