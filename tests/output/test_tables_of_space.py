"""Spatial models in a table: effects, spatial coefficients, tests, and words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ruralpanel.estimate.base.parts import SpatialWeights
from ruralpanel.estimate.estimate import estimate
from ruralpanel.output.labels import Labels
from ruralpanel.output.results import OutputContext
from ruralpanel.output.tables.build import build
from ruralpanel.output.tables.document import Cell, TableDocument
from ruralpanel.project.notes import note
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import InferenceSpec
from spatial_panels import by_row, designed, draw, touching

ROW = by_row(touching())
CLUSTER = (InferenceSpec("cluster"), InferenceSpec("own"))


@pytest.fixture
def context(tmp_path: Path) -> OutputContext:
    (tmp_path / "models").mkdir()
    y, x = draw(np.random.default_rng(4), ROW, lag=0.4, durbin=True)
    methods = ("sdm", "sem", "gmm_error", "fe")
    for method in methods:
        design = designed(y, x, ROW, "" if method == "fe" else method, inference=CLUSTER)
        design = replace(
            design,
            extra=replace(
                design.extra,
                weights_about=SpatialWeights("next_door", (note("weights_contiguity"), note("weights_nearest", k=3))),
            ),
        )
        spec = replace(design.spec, name=method)
        if method == "fe":
            spec = replace(spec, estimator="fe", inference=CLUSTER[:1])
        estimate(spec, design, 1, "").to_json(tmp_path / "models" / f"{method}.json")
    return OutputContext(tmp_path, where="tables.space", titles={name: name.upper() for name in methods})


def cells(document: TableDocument) -> dict[tuple[str, str], tuple[Cell, ...]]:
    return {(row.key, row.statistic): row.cells for row in document.rows if row.kind != "section"}


def test_effects_stand_beside_coefficients_of_models_without_them(context: OutputContext) -> None:
    names = ["fe", "sem", "sdm", "gmm_error"]
    document = build("space", {"type": "spatial", "models": names}, context)
    found = cells(document)
    models: list[Any] = list(context.models(names))
    for kind in ("direct", "indirect", "total"):
        row = next(r for r in models[2].spatial_effects.rows if r.term == "x2" and r.kind == kind)
        assert found[f"x2.{kind}", "estimate"][2].value == row.estimate
        assert found[f"x2.{kind}", "std_error"][2].value == row.std_error
    for column in (0, 1, 3):
        slope = next(c for c in models[column].coefficients if c.term == "x2")
        assert found["x2.direct", "estimate"][column].value == slope.estimate
        assert found["x2.total", "estimate"][column] == Cell()
    rho = models[2].coefficients[-1].estimate
    assert [c.value for c in found["spatial_lag", "estimate"]] == [None, None, rho, None]
    lambdas = [None, models[1].coefficients[-1].estimate, None, models[3].fit["lambda"]]
    assert [c.value for c in found["spatial_error", "estimate"]] == lambdas
    assert [c.value is None for c in found["spatial_error", "std_error"]] == [True, False, True, True]
    assert [c.text for c in found["spatial_weights", "spatial_weights"]] == ["", *["next door"] * 3]
    assert found["common_factor", "common_factor"][2].value == models[2].tests["common_factor"].p_value
    assert found["lm_lag", "lm_lag"][0] == Cell()


def test_notes_say_what_effects_and_weights_are(context: OutputContext) -> None:
    english, chinese = (
        " ".join(build("space", {"type": "spatial", "models": ["sdm"]}, replace(context, language=language)).notes)
        for language in ("en", "zh")
    )
    assert "next door: contiguity, k = 3." in english and "2,000 draws" in english and "Lee and Yu" in english
    assert "直接效应" in chinese and "2,000 次抽样" in chinese


def test_a_table_without_a_spatial_model_is_refused(context: OutputContext) -> None:
    with pytest.raises(UserError, match="no spatial model"):
        build("space", {"type": "spatial", "models": ["fe"]}, context)


def test_neighbours_means_have_labels() -> None:
    assert Labels("en", {"roads": "Roads"}).of("W:roads") == "Roads, neighbours"
    assert Labels("zh", {"roads": "公路"}).of("W:roads") == "公路（相邻单位）"
