"""Confidence sets that are no intervals: JSON, tables, figures and claims show what they are."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from as_written import find_estimand, model_of
from iv_panels import panel
from ruralpanel.estimate.base.model import Model, Setting, read_model
from ruralpanel.estimate.base.model_json import read_results
from ruralpanel.estimate.base.results import Design
from ruralpanel.estimate.base.rows import Estimated, Pieces, SettingOptions
from ruralpanel.estimate.estimate import estimate
from ruralpanel.output.charts import coefficients
from ruralpanel.output.charts.coefficients import Estimate, draw_interval, from_model, span
from ruralpanel.output.results import OutputContext
from ruralpanel.output.tables.build import build
from ruralpanel.output.tables.inference_words import describe
from ruralpanel.output.tables.tex import render_tex
from ruralpanel.project import formats
from ruralpanel.project.settings import InferenceSpec

CLUSTER = InferenceSpec("cluster", {"small_sample": "CR1"})
WILD = InferenceSpec("wild_cluster", {"draws": 999})

SETS = {"union": [(-math.inf, 1.0), (2.0, 3.0)], "empty": [], "all": [(-math.inf, math.inf)], "interval": [(0.5, 1.5)]}


def designs() -> dict[str, Design]:
    """One panel for each shape of the Anderson–Rubin set."""
    weak = {"units": 12, "periods": 4, "exogenous": 1, "beta": 3.0, "inference": (CLUSTER,)}
    contradictory = panel(17, units=60, instruments=2, strength=0.8)
    return {
        "interval": panel(17, units=60, instruments=2, strength=0.8),
        "all": panel(0, instruments=2, strength=0.0, **weak),
        "union": panel(136, instruments=2, strength=0.3, **weak),
        "empty": replace(contradictory, y=contradictory.y - 4.0 * contradictory.extra.instruments.columns[:, 1]),
    }


def models(folder: Path, *settings: InferenceSpec) -> dict[str, Model]:
    """Each shape's model, written to its file and read again."""
    found = {}
    for shape, design in designs().items():
        spec = replace(design.spec, name=shape, inference=settings or (CLUSTER,))
        path = folder / "models" / f"{shape}.json"
        estimate(spec, replace(design, spec=spec), 1, "").to_json(path)
        found[shape] = read_model(path)
    return found


def pieces_of(model: Model) -> Pieces:
    assert model.anderson_rubin is not None and model.anderson_rubin.intervals is not None
    return model.anderson_rubin.intervals


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sets")


@pytest.fixture(scope="module")
def written(results: Path) -> dict[str, Model]:
    return models(results)


def test_the_file_keeps_every_piece(results: Path, written: dict[str, Model]) -> None:
    """As valid JSON: an open end is -inf or inf, an empty set an empty list, and `set` says which is which."""
    for shape, model in written.items():
        stored = read_results(results / "models" / f"{shape}.json")["anderson_rubin"]
        assert stored["set"] == shape
        row = model.coefficient("d1")
        assert row is not None
        pieces = model.set_of(row, "ci_ar")
        assert pieces is not None
        assert [list(piece) for piece in pieces] == stored["intervals"]
    assert len(pieces_of(written["union"])) == 2
    assert pieces_of(written["all"]) == ((-math.inf, math.inf),)
    assert pieces_of(written["empty"]) == ()
    assert written["all"].set_of(Estimated("x1"), "ci_ar") is None
    text = (results / "models" / "all.json").read_text(encoding="utf-8")
    assert json.loads(text)["anderson_rubin"]["intervals"] == [["-inf", "inf"]]


def test_a_table_prints_pieces_gaps_and_nothing(results: Path, written: dict[str, Model]) -> None:
    (results / "panels" / "panel").mkdir(parents=True, exist_ok=True)
    (results / "panels" / "panel" / "codebook.csv").write_text("variable,label,label_zh,measure,formula\n")
    context = OutputContext(results, where="tables.sets")
    spec = {"models": list(written)}
    document = build("sets", spec, context)
    (row,) = [row for row in document.rows if (row.key, row.statistic) == ("d1", "interval")]
    shown = dict(zip(written, [cell.text for cell in row.cells], strict=True))
    ends = [[formats.format_number(end, 3) for end in pair] for pair in pieces_of(written["union"])]
    assert shown["all"] == "[−∞, ∞]" and shown["empty"] == "∅"
    assert shown["union"] == " ∪ ".join(f"[{low}, {high}]" for low, high in ends)
    low, high = pieces_of(written["interval"])[0]
    assert shown["interval"] == f"[{low:.3f}, {high:.3f}]"
    assert not [row for row in document.further if (row.key, row.statistic) == ("x1", "ci_ar")]
    assert any("Anderson–Rubin sets" in note for note in document.notes)
    tex = render_tex(document)
    assert r"$\emptyset$" in tex and r"$\cup$" in tex and "∪" not in tex
    by_outcome = build("sets", {"type": "by_outcome", "term": "d1", **spec}, context)
    assert "∅" in str([cell.text for row in by_outcome.rows for cell in row.cells])


def lines_of(made: Estimate) -> tuple[list[tuple[float, float]], set[str], list[str]]:
    """Thin lines from end to end, markers of open ends, and words beside the point."""
    axes = Figure().add_subplot()
    limits = span([made])
    draw_interval(axes, 0.0, made, limits)
    thin = [line for line in axes.lines if line.get_linewidth() == 1.1 and len(line.get_xdata()) == 2]
    markers = {str(line.get_marker()) for line in axes.lines} & {"<", ">"}
    return [tuple(map(float, line.get_xdata())) for line in thin], markers, [text.get_text() for text in axes.texts]


@pytest.mark.parametrize("shape", list(SETS))
def test_a_figure_draws_pieces_gaps_and_nothing(shape: str) -> None:
    """No line crosses a gap; open ends carry arrows at the edge; an empty set has no line, but its sign."""
    pieces = SETS[shape]
    model = {
        "model": "m",
        "coefficients": [{"term": "d1", "estimate": 1.0, "ci_low": 0.8, "ci_high": 1.2}],
        "inference": [{"method": "cluster", "options": {}}],
        "anderson_rubin": {"term": "d1", "set": shape, "intervals": pieces},
    }
    made = from_model(model_of(model), "d1", "Roads")
    assert made.kind == "ci_ar"
    lines, markers, words = lines_of(made)
    left, right = span([made])
    assert lines == [
        (low if math.isfinite(low) else left, high if math.isfinite(high) else right) for low, high in pieces
    ]
    assert markers == {"union": {"<"}, "all": {"<", ">"}}.get(shape, set())
    assert words == (["∅"] if shape == "empty" else [])


def test_the_figure_is_written(tmp_path: Path, written: dict[str, Model]) -> None:
    """Every sign is in the figures' font."""
    rows = [from_model(model, "d1", shape) for shape, model in written.items()]
    assert sum(len(row.lines) for row in rows) == sum(len(pieces_of(model)) for model in written.values())
    coefficients.draw(rows, {"svg": tmp_path / "sets.svg", "png": tmp_path / "sets.png"})
    assert (tmp_path / "sets.png").stat().st_size > 0


def test_the_bootstrap_s_set_goes_the_same_way(tmp_path: Path) -> None:
    """An empty set is not taken for an unbounded one, and no claim reads an interval into it."""
    found = models(tmp_path, CLUSTER, WILD)
    empty, everything = found["empty"], found["all"]
    row = empty.coefficient("d1")
    assert row is not None and row.ci_wild_low is None and row.ci_wild_high is None
    assert empty.set_of(row, "ci_wild") == ()
    assert from_model(empty, "d1", "").pieces == ()
    claim = {"term": "d1"}
    assert not find_estimand(empty, claim, "config.yaml", "claims.a").has_interval
    unbounded = find_estimand(everything, claim, "config.yaml", "claims.a")
    assert unbounded.has_interval and (unbounded.ci_low, unbounded.ci_high) == (-math.inf, math.inf)
    interval = find_estimand(found["interval"], claim, "config.yaml", "claims.a")
    wild = found["interval"].coefficient("d1")
    assert wild is not None and (interval.ci_low, interval.ci_high) == (wild.ci_wild_low, wild.ci_wild_high)
    assert np.isfinite([interval.ci_low, interval.ci_high]).all() and interval.interval == "wild_cluster"


def test_notes_count_clusters_sectors_and_rows_by_their_names() -> None:
    """What a setting counts is named: sectors are no clusters, and rows are not counted twice."""

    def details(method: str, **options: Any) -> str:
        return "; ".join(describe(Setting(method, options=SettingOptions(**options), n_clusters=48), "en")[1])

    assert "48 clusters" in details("cluster", by="unit")
    assert "8 sectors" in details("akm0", sectors=8) and "clusters" not in details("akm0", sectors=8)
    assert "clusters" not in details("classical") and "clusters" not in details("hc", kind="HC1")
