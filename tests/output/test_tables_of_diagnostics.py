"""Tables of diagnostics, and what tables say of simulated sizes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.model import Model, Setting
from ruralpanel.estimate.estimate import estimate
from ruralpanel.output.results import OutputContext
from ruralpanel.output.tables.build import build
from ruralpanel.output.tables.inference_words import size_note, size_of, sizes_by_setting, term_sizes
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import InferenceSpec


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> OutputContext:
    results = tmp_path_factory.mktemp("results")
    for name, periods, estimator in (("panel", 6, "fe"), ("cross", 1, "pooled")):
        model(name, periods, estimator).to_json(Path(results) / "models" / f"{name}.json")
    attributes = {f"u{i:02d}": {"name_en": f"Unit {i}"} for i in range(14)}
    return OutputContext(Path(results), attributes=attributes, where="tables.checks")


def model(name: str, periods: int, estimator: str) -> Model:
    rng = np.random.default_rng(1)
    unit, period = np.repeat(np.arange(14), periods), np.tile(2000 + np.arange(periods), 14)
    x = rng.normal(size=(unit.size, 2))
    methods = {
        "fe": (InferenceSpec("cluster"), InferenceSpec("wild_cluster", {"draws": 99, "interval": False})),
        "pooled": (InferenceSpec("hc", {"kind": "HC3"}), InferenceSpec("wild_cluster", {"draws": 99})),
    }
    design = design_from_arrays(
        x[:, 0] + rng.normal(size=unit.size), x, [f"u{u:02d}" for u in unit], period, terms=("roads", "schools"),
        estimator=estimator, effects=("unit", "period") if estimator == "fe" else (), name=name,
        inference=methods[estimator],
    )  # fmt: skip
    return estimate(replace(design.spec, simulated_size=True), design, 1, "")


def test_tests_stand_in_rows_with_their_p_values(context: OutputContext) -> None:
    document = build("checks", {"type": "diagnostics", "models": ["panel", "cross"]}, context)
    panel, cross = context.models(["panel", "cross"])
    rows = {(row.key, row.statistic): row for row in document.rows}
    assert rows["hausman", "statistic"].cells[0].value == panel.tests["hausman"].statistic
    assert rows["hausman", "p_value"].cells[0].value == panel.tests["hausman"].p_value
    assert rows["hausman", "statistic"].cells[1].text == ""
    assert rows["breusch_pagan", "statistic"].cells[1].value == cross.tests["breusch_pagan"].statistic
    assert next(row.key for row in document.rows if row.statistic == "statistic") == "f_effects"
    influence = panel.diagnostics.influence
    assert rows["largest_leverage", "largest_leverage"].cells[0].value == max(influence.leverage)
    carried = influence.units[int(np.argmax(influence.leverage))]
    assert f"Unit {int(carried[1:])}" in rows["largest_leverage", "largest_leverage"].cells[0].text
    largest = max(abs(value) for values in influence.dfbetas.values() for value in values)
    assert rows["largest_dfbetas", "largest_dfbetas"].cells[0].value == pytest.approx(largest)
    assert rows["singletons", "singletons"].cells[0].text == "0"
    assert any("period effects pull" in note for note in document.notes)


def test_chosen_tests_and_mistakes(context: OutputContext) -> None:
    spec = {"type": "diagnostics", "models": ["panel"], "tests": ["pesaran_cd"], "model_labels": {"panel": "Here"}}
    document = build("checks", spec, context)
    assert [row.key for row in document.rows if row.statistic == "statistic"] == ["pesaran_cd"]
    assert document.columns[0].label == "Here"
    with pytest.raises(UserError, match='did you mean "hausman"'):
        build("checks", {"type": "diagnostics", "models": ["panel"], "tests": ["hausmann"]}, context)
    chinese = replace(context, language="zh")
    assert build("checks", {"type": "diagnostics", "models": ["panel"]}, chinese).title == "诊断检验"


def test_sizes_stand_in_the_notes_and_where_they_are_asked_for(context: OutputContext) -> None:
    models = context.models(["panel", "cross"])
    assert size_of(models[0].inference[0]).startswith(f"{100 * models[0].inference[0].size.lowest:.1f}")
    assert size_of(models[1].inference[1]) == ""
    note = size_note(models, "en")
    first = sizes_by_setting(models[0], "en")["CR1 by unit"]
    assert f"CR1 by unit (1) {first}" in note and "HC3 (2)" in note and "500–1,000 panels" in note
    assert "模拟" in size_note(models, "zh")
    spec = {"models": ["panel", "cross"], "show": ["std_error", "size"]}
    document = build("main", spec, context)
    assert note in document.notes
    (row,) = [row for row in document.rows if row.key == "roads" and row.statistic == "size"]
    assert row.cells[0].text == f"size {'/'.join(term_sizes(models[0], 'roads'))}%"
    assert row.cells[1].text.endswith("/–%")


def test_nothing_is_said_where_nothing_was_simulated(context: OutputContext) -> None:
    bare = [Model("a", inference=(Setting("cluster"),)), Model("b")]
    assert size_note(bare, "en") == ""
    assert term_sizes(bare[0], "roads") == ()
