"""Tables: what they say, and that every format says the same."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ruralpanel.estimate.base.model import Diagnostics, Model
from ruralpanel.estimate.base.model_json import made
from ruralpanel.estimate.base.rows import Coefficient
from ruralpanel.output.results import OutputContext
from ruralpanel.output.tables.build import build, render_csv
from ruralpanel.output.tables.document import Cell, Column, Row, Spanner, TableDocument, runs
from ruralpanel.output.tables.notes import effects_of
from ruralpanel.output.tables.panels import describe
from ruralpanel.output.tables.tex import render_tex
from ruralpanel.project.exhibits import needed_files, read_exhibit
from ruralpanel.project.kinds.figures import FIGURES
from ruralpanel.project.kinds.maps import MAPS
from ruralpanel.project.kinds.tables import TABLES
from ruralpanel.project.problems import UserError
from table_results import MAIN, cells, frame, made_up_model, made_up_results
from tex_structure import check_tex


@pytest.fixture
def context(tmp_path: Path) -> OutputContext:
    return made_up_results(tmp_path)


def test_regression_prints_the_numbers_of_the_models(context: OutputContext) -> None:
    document = build("main", MAIN, context)
    assert cells(document, "roads", "estimate") == ["1.081"] * 3
    assert cells(document, "roads", "std_error") == ["(0.730)"] * 3
    assert cells(document, "roads", "p_wild") == ["p = 0.211", "", ""]
    assert cells(document, "roads", "interval")[0] == cells(document, "roads", "ci_wild")[0] == "[−0.910, 3.300]"
    assert cells(document, "roads", "interval")[1:] == cells(document, "roads", "ci")[1:] == ["[−0.800, 2.960]"] * 2
    assert [row.statistic for row in document.rows if row.key == "roads"] == ["estimate", "std_error", "interval"]
    assert (
        "in brackets the 95% interval that decides: (1) wild cluster bootstrap by unit, (2)–(3) CR1 by unit"
        in "\n".join(document.notes)
    )
    assert cells(document, "roads:gap", "estimate") == ["−0.00042"] * 3
    assert [row.label for row in document.rows if row.kind == "entry"] == ["Roads", "Roads × Technology gap"]
    assert document.spanners[0] == (Spanner("Rural industry", 0, 1), Spanner("employment", 2, 2))
    assert [spanner.label for spanner in document.spanners[1]] == ["Model baseline", "Model pooled", "Model other"]
    assert cells(document, "hausman", "hausman") == ["p < 0.001"] * 3


def test_an_interval_without_ends_is_not_taken_for_none(context: OutputContext) -> None:
    """Infinite limits come back from the file; null is none."""
    document = build("main", MAIN, context)
    assert cells(document, "roads:gap", "ci_wild") == ["[−∞, ∞]", "", ""]


def test_a_half_open_interval(context: OutputContext) -> None:
    document = build("main", {**MAIN, "show": ["std_error", "ci"]}, context)
    assert cells(document, "roads:gap", "ci") == ["[−2.300, ∞]"] * 3


def test_rows_and_notes_say_sample_counts_effects_inference(context: OutputContext) -> None:
    document = build("main", MAIN, context)
    assert cells(document, "sample", "sample") == ["All", "All", "west"]
    assert cells(document, "n_obs", "n_obs") == ["24", "23", "24"]
    assert cells(document, "n_units", "n_units") == ["6"] * 3
    assert cells(document, "n_periods", "n_periods") == ["4 (2012–2015)"] * 3
    assert cells(document, "inference", "inference") == ["CR1 by unit"] * 3
    notes = "\n".join(document.notes)
    for words in (
        "Observations: (1), (3) 24, (2) 23", "Units: 6", "Periods: 4 (2012–2015)", "Sample: (1)–(2) All, (3) west",
        "Effects: (1), (3) unit, period, (2) none", "Inference: Standard errors clustered by unit: 6 clusters",
        "CR1: G/(G−1)·(N−1)/(N−K)", "factor 1.533333", "critical values t(5)",
        "Wild cluster bootstrap by unit", "63 draws", "Webb weights", "seed 7", "3 (missing schooling)",
        "(2) 2 treated rows cannot be imputed",
    ):  # fmt: skip
        assert words in notes, words


def test_effects_are_those_removed_not_those_inherited(context: OutputContext) -> None:
    document = build("main", MAIN, context)
    assert cells(document, "unit_effects", "unit_effects") == ["yes", "no", "yes"]


def test_no_stars_unless_asked_for(context: OutputContext) -> None:
    assert "*" not in render_csv(build("main", MAIN, context))
    starred = build("main", {**MAIN, "stars": True, "show": ["std_error", "p_value"]}, context)
    assert cells(starred, "roads:gap", "estimate") == ["−0.00042**"] * 3
    assert cells(starred, "roads", "estimate") == ["1.081"] * 3
    assert "Stars by the p-values of: CR1 by unit; * p < 0.1; ** p < 0.05; *** p < 0.01." in starred.notes
    own = build("main", {**MAIN, "stars": [0.001]}, context)
    assert cells(own, "roads:gap", "estimate") == ["−0.00042"] * 3


@pytest.mark.parametrize("show", [None, ["std_error", "p_wild"], ["std_error", "ci_wild"], ["p_wild", "p_value"]])
def test_stars_come_from_the_p_value_that_is_shown(context: OutputContext, show: list[str] | None) -> None:
    """Two stars by clustered errors over a bootstrap's p of .08 contradicted it."""
    chosen = {**MAIN, "stars": True, **({} if show is None else {"show": show})}
    starred = build("main", chosen, context)
    models = context.models(MAIN["models"])
    for term in ("roads", "roads:gap"):
        for model, text in zip(models, cells(starred, term, "estimate"), strict=True):
            entry = next(entry for entry in model.coefficients if entry.term == term)
            p = entry.p_value if show is None and entry.p_wild is None else entry.p_wild
            assert text.count("*") == (0 if p is None else sum(p < level for level in (0.1, 0.05, 0.01)))
    (note,) = [note for note in starred.notes if note.startswith("Stars by")]
    assert "wild cluster bootstrap by unit" in note.lower() and ("CR1" in note) == (show is None)
    listed = build("rows", {"type": "by_outcome", "models": MAIN["models"], "term": "roads", "stars": True}, context)
    assert "wild cluster bootstrap by unit" in "\n".join(listed.notes).lower()


def test_chosen_terms_in_either_order_and_the_rest_named(context: OutputContext) -> None:
    document = build("main", {**MAIN, "terms": ["gap:roads"]}, context)
    assert cells(document, "gap:roads", "estimate") == ["−0.00042"] * 3
    assert "Also included, not shown: Roads." in document.notes


def test_missing_models_all_at_once(context: OutputContext) -> None:
    with pytest.raises(UserError) as raised:
        build("main", {"models": ["baselin", "baseline", "pool"]}, context)
    found = [(problem.where, problem.fix) for problem in raised.value.problems]
    assert found == [
        ("tables.main.models[0]", 'did you mean "baseline"?'),
        ("tables.main.models[2]", 'did you mean "pooled"?'),
    ]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"type": "regresion", "models": ["baseline"]}, 'did you mean "regression"'),
        (
            {"models": ["baseline"], "panel": "provinces"},
            'tables.main.panel: found "panel"; expected a key of type regression',
        ),
        ({}, "no models; expected models, which type regression needs"),
        ({"models": ["baseline"], "terms": ["road"]}, 'did you mean "roads"'),
        ({"models": ["baseline"], "show": ["se"]}, "tables.main.show"),
        ({"models": ["pooled"], "show": ["p_permutation"]}, "which none of the models has"),
        ({"type": "by_outcome", "models": ["baseline"], "term": "rods"}, 'did you mean "roads"'),
        ({"type": "descriptive", "panel": "province", "variables": ["roads"]}, 'did you mean "provinces"'),
        ({"type": "descriptive", "panel": "provinces", "variables": ["rods"]}, 'did you mean "roads"'),
        ({"type": "descriptive", "panel": "provinces", "variables": ["roads"], "by": "regions"}, '"region"'),
        ({"type": "descriptive", "panel": "provinces", "variables": ["roads"], "statistics": ["men"]}, '"mean"'),
        ({"type": "descriptive", "panel": "provinces", "variables": ["roads"], "periods": [1999]}, "2012 to 2015"),
        ({"type": "validity", "outcomes": [{"panel": "provinces", "variable": "roads", "period": 1}]}, "2012 to 2015"),
        ({"type": "scorecard"}, "no file"),
    ],
)
def test_mistakes_are_named(context: OutputContext, spec: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=re.escape(message)):
        build("main", spec, context)


def test_by_outcome_standardises_within_units(context: OutputContext) -> None:
    spec = {"type": "by_outcome", "models": ["baseline", "other"], "term": "roads", "standardised": True}
    document = build("by", spec, context)
    heads = [column.label for column in document.columns]
    row = [cell.text for cell in document.rows[0].cells]
    assert row[heads.index("Per within-s.d.")] == f"{1.0812 * 0.1 / 0.5:.3f}"
    assert [row.cells[0].text for row in document.rows] == ["Rural industry", "employment"]


FACTOR = [{"code": "HC3"}]


def test_cross_section_shows_permutation_p(context: OutputContext) -> None:
    row = made_up_model("x").coefficients[0]
    hc = {"method": "hc", "options": {"kind": "HC3", "critical": "t"}, "small_sample": FACTOR, "n_clusters": 6}
    made_up_model(
        "cross", coefficients=(Coefficient(**{**vars(row), "p_permutation": 0.037}),), inference=(hc,), periods=(1998,),
        n_periods=1, effects=(), diagnostics={"absorbed": []},
    ).to_json(context.results / "models" / "cross.json")  # fmt: skip
    document = build("cs", {"type": "cross_section", "models": ["cross"]}, context)
    assert cells(document, "roads", "p_permutation") == ["p = 0.037"]
    assert cells(document, "inference", "inference") == ["HC3"]
    assert cells(document, "n_periods", "n_periods") == ["1 (1998)"]
    assert cells(document, "effects", "effects") == ["none"]


def test_descriptive_statistics_against_pandas(context: OutputContext) -> None:
    spec = {"type": "descriptive", "panel": "provinces", "variables": ["industry", "roads"], "by": "region"}
    document = build("desc", spec, context)
    assert [row.label for row in document.rows if row.kind == "section"] == ["All", "East", "West"]
    first = next(row for row in document.rows if row.key == "industry")
    values = [cell.value for cell in first.cells]
    data = frame()
    by_unit = data.groupby("unit")["industry"]
    within = data["industry"] - by_unit.transform("mean")
    expected = [
        23, data["industry"].mean(), data["industry"].std(), np.sqrt((within**2).sum() / (23 - 1)),
        by_unit.mean().std(), data["industry"].min(), data["industry"].max(), 6,
    ]  # fmt: skip
    assert values == pytest.approx(expected, rel=1e-12)
    assert next(row.label for row in document.rows if row.key == "roads") == "Roads (km)"


def test_variance_splits_into_within_and_between() -> None:
    """Balanced panel: (n − 1) s² = (n − G) s_w² + T (G − 1) s_b², an identity."""
    data = frame()
    found = describe(data["unit"], data["roads"])
    n, groups, length = 24, 6, 4
    parts = (n - 1) * found["sd_within"] ** 2 + length * (groups - 1) * found["sd_between"] ** 2
    assert (n - 1) * found["sd"] ** 2 == pytest.approx(parts, rel=1e-12)


def test_describe_a_column_without_figures() -> None:
    found = describe(pd.Series(["A", "B"]), pd.Series([np.nan, np.nan]))
    assert (found["n"], found["missing"], found["units"]) == (0, 2, 0)
    assert np.isnan(found["mean"])


def test_coverage_never_rounds_to_all_or_nothing(context: OutputContext) -> None:
    document = build("cov", {"type": "coverage", "panel": "provinces"}, context)
    assert cells(document, "industry", "share") == ["100", "83", "100", "100"]
    panel = pd.DataFrame(
        {"unit": range(1000), "period": 2012, "x": [np.nan] + [1.0] * 999, "y": [1.0] + [np.nan] * 999}
    )
    panel.to_parquet(context.results / "panels" / "provinces" / "panel.parquet")
    document = build("cov", {"type": "coverage", "panel": "provinces"}, context)
    assert (cells(document, "x", "share"), cells(document, "y", "share")) == (["99"], ["1"])


def test_validity_against_scipy(context: OutputContext) -> None:
    outcomes = [
        {"panel": "provinces", "variable": "roads", "period": 2012},
        {"panel": "provinces", "variable": "employment", "period": 2014, "label": "Jobs", "label_zh": "就业"},
        {"panel": "provinces", "variable": "log_roads", "period": 2015},
    ]
    spec = {"type": "validity", "outcomes": outcomes, "interval": True, "digits": 4}
    document = build("val", spec, context)
    data = frame().set_index(["unit", "period"])
    roads = data["roads"].xs(2012, level="period")
    jobs = data["employment"].xs(2014, level="period")
    later = data["log_roads"].xs(2015, level="period")
    keep = roads > 0
    pairs = stats.pearsonr(np.log(roads[keep]), np.log(jobs[keep]))
    ends = pairs.confidence_interval()
    second = [row for row in document.rows if row.key == "provinces.employment.2014"]
    assert second[0].cells[0].value == pytest.approx(pairs.statistic, rel=1e-12)
    assert second[1].cells[0].text == f"[{ends.low:.4f}, {ends.high:.4f}]".replace("-", "−")
    assert second[2].cells[0].value == 5  # the zero has no logarithm
    third = [row for row in document.rows if row.key == "provinces.log_roads.2015"]
    already = stats.pearsonr(np.log(jobs), later).statistic  # not logged twice
    assert third[0].cells[1].value == pytest.approx(already, rel=1e-12)
    ranks = build("val", {**spec, "method": "spearman"}, context)
    expected = stats.spearmanr(jobs, later).statistic
    assert next(row for row in ranks.rows if row.key == third[0].key).cells[1].value == pytest.approx(
        expected, rel=1e-12
    )


def test_listing_limits_filters_and_says_so(context: OutputContext) -> None:
    path = context.results / "reconciliation" / "findings.csv"
    path.parent.mkdir(parents=True)
    path.write_text("series,kind,size,declared\nroads,jump,0.87,True\ntrade,sum,278,False\npop,jump,0.1,False\n")
    spec = {
        "type": "reconciliation",
        "columns": {"series": "Series", "size": "Size"},
        "where": {"kind": "jump"},
        "limit": 1,
    }
    document = build("rec", spec, context)
    assert [(row.label, row.cells[0].text) for row in document.rows] == [("roads", "0.870")]
    assert document.notes == ("The first 1 of 2 rows.",)
    with pytest.raises(UserError, match=r"tables\.main\.where.*serie.*did you mean .series"):
        build("rec", {**spec, "where": {"serie": "roads"}}, context)


def test_chinese(context: OutputContext) -> None:
    chinese = OutputContext(context.results, "zh", context.attributes)
    document = build("main", {**MAIN, "title_zh": "主要结果"}, chinese)
    assert document.title == "主要结果"
    assert [row.label for row in document.rows if row.kind == "entry"] == ["公路", "公路 × 技术差距"]
    assert "标准误按单位聚类：6 个聚类" in "\n".join(document.notes)
    assert render_csv(document).startswith("\ufeffpart,")
    assert check_tex(render_tex(document), "zh") == ()


def test_layout_refuses_rows_and_spanners_that_do_not_fit() -> None:
    columns = (Column("a"), Column("b"))
    with pytest.raises(ValueError, match="1 cells"):
        TableDocument("t", "", "", columns, (Row("r", (Cell(),)),))
    with pytest.raises(ValueError, match="overlaps"):
        TableDocument("t", "", "", columns, (), ((Spanner("x", 0, 1), Spanner("y", 1, 1)),))


def test_runs_join_neighbours_only() -> None:
    assert runs(["x", "x", "", "y", "x"]) == (Spanner("x", 0, 1), Spanner("y", 3, 3), Spanner("x", 4, 4))


def test_needed_files_name_models_codebooks_and_panels() -> None:
    def files(declared: dict[str, Any], panel_of: dict[str, str]) -> tuple[str, ...]:
        return needed_files(read_exhibit(TABLES, declared, "", ""), panel_of)

    assert files({"models": ["a", "b"]}, {"a": "p", "b": "p"}) == (
        "results/models/a.json",
        "results/models/b.json",
        "results/panels/p/codebook.csv",
    )
    outcomes = [{"panel": "p", "variable": "x", "period": 2001}, {"panel": "q", "variable": "y", "period": 2001}]
    assert "results/panels/q/panel.parquet" in files({"type": "validity", "outcomes": outcomes}, {})
    assert files({"type": "scorecard"}, {}) == ("results/scorecard.csv",)


def test_numbers_in_json_are_read_as_written(context: OutputContext) -> None:
    text = (context.results / "models" / "baseline.json").read_text(encoding="utf-8")
    values = json.loads(text.replace('"-inf"', "-Infinity").replace('"inf"', "Infinity"))
    assert context.models(["baseline"])[0] == made(Model, values)


def test_the_documentation_names_every_key() -> None:
    text = (Path(__file__).parents[2] / "docs" / "tables.md").read_text(encoding="utf-8")
    keys = [key for kind in (*TABLES.values(), *FIGURES.values(), *MAPS.values()) for key in kind.keys]
    assert [key for key in keys if f"`{key.removesuffix('_zh')}`" not in text] == []


@pytest.mark.parametrize(
    ("estimator", "method", "declared", "absorbed", "shown"),
    [
        ("re", "", [], [], {"unit": "random"}),
        ("re", "", ["period"], ["period"], {"unit": "random", "period": "yes"}),
        ("re", "", ["unit", "period"], [], {"unit": "random", "period": "random"}),
        ("iv", "g2sls", ["period"], ["period"], {"unit": "random", "period": "yes"}),
        ("iv", "2sls", ["unit"], ["unit"], {"unit": "yes"}),
        ("hausman_taylor", "amemiya_macurdy", ["unit"], [], {"unit": "random"}),
        ("fd", "", ["period"], ["period"], {"unit": "differenced", "period": "yes"}),
    ],
)
def test_effects_are_printed_as_the_model_takes_them(
    estimator: str, method: str, declared: list[str], absorbed: list[str], shown: dict[str, str]
) -> None:
    diagnostics = Diagnostics(absorbed=tuple(absorbed))
    model = Model("m", estimator=estimator, method=method, effects=tuple(declared), diagnostics=diagnostics)
    assert effects_of(model) == shown
