"""Models of several outcomes in tables, claims and the report."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from as_written import claims_of, model_of
from conftest import make_tiny, tiny_config
from report_project import config, context, made_up_project
from ruralpanel.claims import scorecard
from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.results import Further, Named
from ruralpanel.estimate.estimate import estimate
from ruralpanel.output.report import document
from ruralpanel.output.report.build import compose
from ruralpanel.output.report.document import plain_text
from ruralpanel.output.results import OutputContext
from ruralpanel.output.tables.build import build
from ruralpanel.output.tables.document import TableDocument
from ruralpanel.output.tables.regression import equations_of
from ruralpanel.project.jobs import open_project
from ruralpanel.project.problems import UserError
from ruralpanel.project.sections.configuration import Estimand
from ruralpanel.project.settings import InferenceSpec

NAMES = ("urban", "industry")


@pytest.fixture(scope="module")
def system() -> dict[str, Any]:
    """The results of a system of two equations with different regressors, as a model's JSON."""
    rng = np.random.default_rng(20120126)
    unit, period = np.repeat(np.arange(12), 5), np.tile(np.arange(2012, 2017), 12)
    x, outcomes = rng.normal(size=(60, 2)), rng.normal(size=(60, 2))
    design = design_from_arrays(
        outcomes[:, 0] + x[:, 0], x, [f"u{code:02d}" for code in unit], period.tolist(), terms=("roads", "gap"),
        estimator="sur", effects=("unit", "period"), name="joint",
        inference=(InferenceSpec("cluster", {"by": "unit", "small_sample": "CR1", "critical": "t"}),),
        options={"draws": 199, "equations": {"industry": ["roads"]}},
        extra=Further(outcomes=Named(NAMES, outcomes)),
    )  # fmt: skip
    found = estimate(design.spec, design, 1, "").to_dict()
    return json.loads(json.dumps({**found, "panel": "provinces", "outcome": "urban"}))


@pytest.fixture
def results(tmp_path: Path, system: dict[str, Any]) -> OutputContext:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "joint.json").write_text(json.dumps(system), encoding="utf-8")
    single = {key: value for key, value in system.items() if key not in ("outcomes", "statistics")}
    own = equations_of(model_of(system))[0].coefficients
    single |= {"model": "single", "coefficients": [asdict(row) for row in own]}
    (tmp_path / "models" / "single.json").write_text(json.dumps(single), encoding="utf-8")
    (tmp_path / "panels" / "provinces").mkdir(parents=True)
    codebook = {
        "variable": [*NAMES, "roads"],
        "label": ["Urban share", "Rural industry", "Roads"],
        "label_zh": [""] * 3,
    }
    pd.DataFrame({**codebook, "measure": [""] * 3, "formula": [""] * 3}).to_csv(
        tmp_path / "panels" / "provinces" / "codebook.csv", index=False
    )
    return OutputContext(tmp_path, where="tables.joint", titles={"joint": "Joint"})


def values(document: TableDocument, key: str, statistic: str) -> list[float | int | None]:
    (row,) = [row for row in document.rows if (row.key, row.statistic) == (key, statistic)]
    return [cell.value for cell in row.cells]


def test_each_equation_is_a_column(results: OutputContext, system: dict[str, Any]) -> None:
    document = build("joint", {"models": ["joint"], "tests": ["breusch_pagan_independence"]}, results)
    own = {row["term"]: row for row in system["coefficients"]}
    expected = [own["urban:roads"]["estimate"], own["industry:roads"]["estimate"]]
    assert values(document, "roads", "estimate") == expected
    assert values(document, "gap", "estimate") == [own["urban:gap"]["estimate"], None]
    errors = [own["urban:roads"]["std_error"], own["industry:roads"]["std_error"]]
    assert values(document, "roads", "std_error") == errors
    assert values(document, "r2_within", "r2_within") == [system["fit"][f"r2_within:{name}"] for name in NAMES]
    assert [spanner.label for spanner in document.spanners[0]] == ["Urban share", "Rural industry"]
    test = system["tests"]["breusch_pagan_independence"]["p_value"]
    assert values(document, "breusch_pagan_independence", "breusch_pagan_independence") == [test, test]


def test_the_correlation_stands_under_the_other_outcome(results: OutputContext, system: dict[str, Any]) -> None:
    document = build("joint", {"models": ["joint"]}, results)
    value = system["statistics"]["residual_correlation"]["estimate"]
    assert values(document, "urban", "residual_correlation") == [None, value]
    (row,) = [row for row in document.rows if row.statistic == "residual_correlation"]
    assert row.label == "Residual correlation with Urban share"
    assert row.cells[1].text.endswith("]")


def test_a_model_of_one_outcome_is_left_as_it_is() -> None:
    model = model_of({"model": "one", "outcome": "y", "coefficients": [{"term": "a:b"}]})
    assert equations_of(model) == (model,)


def test_correlations_have_a_row_for_each_pair(results: OutputContext, system: dict[str, Any]) -> None:
    document = build("pairs", {"type": "correlations", "models": ["joint"]}, results)
    found = system["statistics"]["residual_correlation"]
    heads = [column.label for column in document.columns]
    (row,) = document.rows
    cells = dict(zip(heads, row.cells, strict=True))
    assert row.label == "Joint"
    assert cells["Outcomes"].text == "Urban share; Rural industry"
    assert cells["Residual correlation"].value == found["estimate"]
    assert cells["p"].value == found["p_value"]
    assert cells["95% interval"].text.startswith("[")


def test_correlations_need_several_outcomes(results: OutputContext) -> None:
    with pytest.raises(UserError, match="of one outcome"):
        build("pairs", {"type": "correlations", "models": ["single"]}, results)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return made_up_project(tmp_path / "project")


def with_system(place: Path, **statistic: Any) -> tuple[document.Section, dict[str, Any]]:
    """The section on claim H1 of the made-up project when a system stands beside its design."""
    models = place / "made_up" / "models"
    between = statistic.pop("between", False)
    base = json.loads((models / ("between" if between else "baseline") / "").with_suffix(".json").read_text("utf-8"))
    base |= {"model": "joint", "estimator": "sur", "outcomes": ["workers", "industry"]}
    if between:
        base |= {"n_periods": 1, "periods": [1998], "effects": []}
    given = {"outcomes": ["workers", "industry"], "std_error": 0.1, "df": 10.0, "p_value": 0.2, **statistic}
    base["statistics"] = {"residual_correlation": given}
    (models / "joint.json").write_text(json.dumps(base), encoding="utf-8")
    claims = config(place)["hypotheses"]
    other = {"model": "joint", "statistic": "residual_correlation", "label": "Correlation of residuals"}
    claims = {"H1": {**claims["H1"], "others": [other]}}
    rows = scorecard.evaluate(claims_of(claims), place / "made_up")
    scorecard.write_scorecard(rows, place / "made_up" / "scorecard.csv", place / "made_up" / "scorecard.json")
    document, _ = compose(
        context(place, hypotheses=claims, models={**config(place)["models"], "joint": {"title": "Joint"}})
    )
    differences = next(section for section in document.sections if section.id == "differences")
    ours = next(section for section in differences.sections if section.id == "differs-h1")
    return ours, json.loads((place / "made_up" / "scorecard.json").read_text("utf-8"))["claims"][0]


def sentences(section: document.Section) -> str:
    lines = [plain_text(block.text) for block in section.blocks if isinstance(block, document.Paragraph)]
    lines += [
        plain_text(item) for block in section.blocks if isinstance(block, document.Bullets) for item in block.items
    ]
    return " ".join(lines)


@pytest.mark.parametrize(
    ("estimate", "low", "high", "words"),
    [
        (0.4, 0.1, 0.6, "yes, what is left of the one is high where that of the other is"),
        (-0.4, -0.6, -0.1, "the other way round"),
        (0.1, -0.2, 0.4, "neither together nor apart as far as can be told"),
        (0.4, None, None, "neither together nor apart as far as can be told"),
    ],
)
def test_what_the_correlation_means_is_one_sentence(
    place: Path, estimate: float, low: float | None, high: float | None, words: str
) -> None:
    section, claim = with_system(place, estimate=estimate, ci_low=low, ci_high=high)
    said = sentences(section)
    assert words in said
    assert "fixed in a province, common to a year" in said
    assert f"correlation {str(estimate).replace('-', '−')}0" in said
    design = claim["others"][0]
    assert design["delta"] is None and design["plain"] is None
    assert design["outcomes"] == ["workers", "industry"]


def test_between_units_it_is_asked_otherwise(place: Path) -> None:
    section, _ = with_system(place, estimate=0.4, ci_low=0.1, ci_high=0.6, between=True)
    assert "Do provinces that have more of the one" in sentences(section)


def test_correlations_are_not_set_against_slopes(place: Path) -> None:
    """The claim's slope is positive, the correlation negative: they do not contradict each other."""
    section, _ = with_system(place, estimate=-0.4, ci_low=-0.6, ci_high=-0.1)
    assert "contradict" not in sentences(section)


def test_a_claim_on_a_system_needs_a_statistic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_tiny(tmp_path)
    values: dict[str, Any] = tiny_config()
    values["variables"]["lagged"] = {"formula": "lag(lever, 1)"}
    values["models"]["joint"] = {"estimator": "sur", "outcome": ["log_output", "lagged"], "regressors": ["lever"]}
    claim = {"claim": "a", "estimand": {"model": "joint", "statistic": "residual_correlation"}}
    monkeypatch.chdir(folder)
    for estimand, sound in ((claim["estimand"], True), ({"model": "joint", "term": "lever"}, False)):
        values["hypotheses"] = {"H": {**claim, "estimand": estimand}}
        (folder / "config.yaml").write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
        if sound:
            assert open_project().hypotheses["H"].estimand == Estimand(**estimand)
            continue
        with pytest.raises(UserError, match="no statistic of the system joint"):
            open_project()
