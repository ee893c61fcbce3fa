"""Tables of dynamic panels: one row for the lag, what stands beneath it, long-run effects, instruments beside units."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dynamic_panels import designed, paths
from ruralpanel.estimate.base.model import Model
from ruralpanel.estimate.estimate import estimate
from ruralpanel.output.results import OutputContext
from ruralpanel.output.tables.build import build
from ruralpanel.output.tables.document import Row, TableDocument
from ruralpanel.project.formats import format_number
from ruralpanel.project.settings import InferenceSpec

CLUSTER, OWN = (InferenceSpec("cluster"),), (InferenceSpec("own"),)


def result(name: str, outcome: str = "y", seed: int = 1, **settings: Any) -> Model:
    y, x = paths(np.random.default_rng(seed), 31, 8)
    design = designed(y, x, terms=("roads",), **settings)
    spec = replace(design.spec, name=name, outcome=outcome)
    return estimate(spec, replace(design, spec=spec), 1, "")


@pytest.fixture(scope="module")
def models() -> dict[str, Model]:
    return {
        "corrected": result("corrected", inference=CLUSTER),
        "difference": result("difference", method="difference_gmm", inference=OWN),
        "other": result("other", "z", seed=2, inference=CLUSTER, options={"lags": 2}),
        "static": result("static", estimator="fe", inference=CLUSTER),
    }


@pytest.fixture
def context(tmp_path: Path, models: dict[str, Model]) -> OutputContext:
    (tmp_path / "models").mkdir()
    (tmp_path / "panels" / "panel").mkdir(parents=True)
    header = "variable,label,label_zh,measure,formula\n"
    rows = "roads,Roads (log),公路,,\ny,Jobs (log),就业,,\nz,Output (log),产出,,\n"
    (tmp_path / "panels" / "panel" / "codebook.csv").write_text(header + rows, encoding="utf-8")
    for name, model in models.items():
        model.to_json(tmp_path / "models" / f"{name}.json")
    return OutputContext(tmp_path)


def texts(document: TableDocument, key: str, statistic: str) -> list[str]:
    row = next(row for row in document.rows if (row.key, row.statistic) == (key, statistic))
    return [cell.text for cell in row.cells]


def test_lags_of_all_outcomes_share_a_row(context: OutputContext, models: dict[str, Model]) -> None:
    table = build("t", {"type": "dynamic", "models": list(models)}, context)
    expected = [
        models[name].coefficient(f"lag({models[name].outcome}, 1)") for name in ("corrected", "difference", "other")
    ]
    assert texts(table, "lag(1)", "estimate") == [*(format_number(row.estimate) for row in expected), ""]
    assert texts(table, "lag(1)", "std_error")[0] == f"({format_number(expected[0].std_error)})"
    assert texts(table, "lag(2)", "estimate")[:2] == ["", ""] and texts(table, "lag(2)", "estimate")[2]
    assert [row.label for row in table.rows if row.kind == "entry"][:4] == [
        "Outcome, one period before", "the same by fixed effects without correction", "values of it not rejected at 5%",
        "Outcome, 2 periods before",
    ]  # fmt: skip


def test_what_fixed_effects_say_stands_beneath(context: OutputContext, models: dict[str, Model]) -> None:
    table = build("t", {"type": "dynamic", "models": list(models)}, context)
    plain = models["corrected"].fixed_effects["lag(y, 1)"]
    assert texts(table, "lag(1)", "plain") == [format_number(plain), "", texts(table, "lag(1)", "plain")[2], ""]
    assert plain < models["corrected"].coefficient("lag(y, 1)").estimate
    [[low, high]] = models["corrected"].lag_set.intervals
    assert texts(table, "lag(1)", "set")[0] == f"[{format_number(low)}, {format_number(high)}]"
    assert texts(table, "lag(1)", "set")[1:] == ["", "", ""], "GMM and two lags have no such set"


def test_long_run_effects_and_instruments(context: OutputContext, models: dict[str, Model]) -> None:
    table = build("t", {"type": "dynamic", "models": list(models), "tests": ["ar2"]}, context)
    own = models["corrected"]
    effect = own.coefficient("roads").estimate / (1.0 - own.coefficient("lag(y, 1)").estimate)
    assert texts(table, "long_run:roads", "estimate")[0] == format_number(effect)
    assert texts(table, "long_run:roads", "estimate")[3] == ""
    assert texts(table, "long_run:roads", "ci")[0].startswith("[")
    assert texts(table, "n_instruments", "n_instruments") == [
        "",
        f"{models['difference'].n_instruments} / 31",
        "",
        "",
    ]
    order = [row.key for row in table.rows if row.kind == "summary"]
    assert order[order.index("n_units") + 1] == "n_instruments"
    assert texts(table, "ar2", "ar2")[0].startswith("p ")


def test_a_table_without_lags_is_a_regression_table(context: OutputContext) -> None:
    def body(kind: str) -> tuple[Row, ...]:
        return build("t", {"type": kind, "models": ["static"]}, context).rows

    assert body("dynamic") == body("regression")


def test_words_in_chinese(context: OutputContext) -> None:
    table = build("t", {"type": "dynamic", "models": ["corrected"]}, replace(context, language="zh"))
    labels = [row.label for row in table.rows]
    assert labels[0] == "被解释变量，滞后 1 期" and "长期效应" in labels
