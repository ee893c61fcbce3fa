"""Tables: what they say, and that every format says the same."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import docx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ruralpanel.contracts.figure_keys import KEYS as FIGURE_KEYS
from ruralpanel.contracts.map_keys import KEYS as MAP_KEYS
from ruralpanel.contracts.problems import UserError
from ruralpanel.contracts.table_keys import COMMON, KEYS, REQUIRED, needed_files
from ruralpanel.estimators.base import Test
from ruralpanel.output_context import OutputContext
from ruralpanel.results import Coefficient, ModelResult
from ruralpanel.tables.build import build
from ruralpanel.tables.build_panel_tables import describe
from ruralpanel.tables.check_tex import check_tex
from ruralpanel.tables.layout import Cell, Column, Row, Spanner, TableDocument, runs
from ruralpanel.tables.render import render
from ruralpanel.tables.render_csv import render_csv
from ruralpanel.tables.render_docx import render_docx
from ruralpanel.tables.render_html import html_fragment, render_html
from ruralpanel.tables.render_tex import render_tex, standalone_tex

UNITS = ("A", "B", "C", "D", "E", "F")
PERIODS = tuple(range(2012, 2016))


def made_up_model(name: str, **changes: Any) -> ModelResult:
    """A result with made-up numbers in the contract's form."""
    coefficients = (
        Coefficient("roads", 1.0812, std_error=0.7304, df=5.0, p_value=0.199, ci_low=-0.8, ci_high=2.96, sd_within=0.1),
        Coefficient("roads:gap", -0.00042, std_error=0.49, df=5.0, p_value=0.04, ci_low=-2.3, ci_high=None),
    )
    wild = {"method": "wild_cluster", "by": "unit", "n_clusters": 6, "small_sample": "null imposed", "notes": []}
    cluster = {
        "method": "cluster",
        "by": "unit",
        "n_clusters": 6,
        "options": {"small_sample": "CR1", "critical": "t"},
        "small_sample": "CR1: G/(G−1)·(N−1)/(N−K) with G = 6, N = 24, K = 6 (slopes only), factor 1.533333",
        "df": [5.0, 5.0],
        "notes": [],
    }
    values: dict[str, Any] = {
        "model": name, "title": f"Model {name}", "label": "", "panel": "provinces", "estimator": "fe", "method": "",
        "outcome": "industry", "sample": "all", "effects": ("unit", "period"), "n_obs": 24, "n_units": 6,
        "n_periods": 4, "n_dropped": {}, "coefficients": coefficients,
        "inference": (cluster, wild | {"options": {"draws": 63, "weights": "webb", "interval": True, "seed": 7}}),
        "vcov": {"type": "cluster"}, "fit": {"r2_within": 0.213, "r2": 0.9, "outcome_sd_within": 0.5},
        "tests": {"hausman": Test(3.1, 2.0, 0.0004)}, "first_stage": None, "marginal_effects": (),
        "diagnostics": {"absorbed": ["unit", "period"]}, "units": UNITS, "periods": PERIODS, "notes": (), "seed": 7,
        "panel_sha256": "", "spec": {},
    }  # fmt: skip
    return ModelResult(**{**values, **changes})


@pytest.fixture
def context(tmp_path: Path) -> OutputContext:
    results = tmp_path / "results"
    wild = made_up_model("wild").coefficients
    with_wild = (
        Coefficient(**{**vars(wild[0]), "p_wild": 0.2114, "ci_wild_low": -0.91, "ci_wild_high": 3.3}),
        Coefficient(**{**vars(wild[1]), "p_wild": 0.0625, "ci_wild_low": None, "ci_wild_high": None}),
    )
    models = [
        made_up_model("baseline", coefficients=with_wild, n_dropped={"outcome missing": 3}),
        made_up_model("pooled", estimator="pooled", diagnostics={"absorbed": []}, n_obs=23, notes=("a note",)),
        made_up_model("other", outcome="employment", sample="west"),
    ]
    for model in models:
        model.to_json(results / "models" / f"{model.model}.json")
    panel = results / "panels" / "provinces"
    panel.mkdir(parents=True)
    frame().to_parquet(panel / "panel.parquet")
    pd.DataFrame(
        {
            "variable": ["industry", "roads", "gap", "employment", "log_roads"],
            "label": ["Rural industry", "Roads", "Technology gap", "", "Roads (log)"],
            "label_zh": ["农村工业", "公路", "技术差距", "", ""],
            "measure": ["", "km", "", "person", ""],
            "formula": ["", "", "", "", "log(roads)"],
        }
    ).to_csv(panel / "codebook.csv", index=False)
    attributes = {unit: {"region": "West" if unit < "D" else "East"} for unit in UNITS}
    return OutputContext(results, attributes=attributes, where="tables.main")


def frame() -> pd.DataFrame:
    """Six units by four periods; one figure of `industry` missing, one of `roads` zero."""
    rng = np.random.default_rng(20120126)
    index = pd.MultiIndex.from_product([UNITS, PERIODS], names=["unit", "period"])
    data = pd.DataFrame(
        {
            "industry": rng.normal(5, 2, len(index)),
            "roads": rng.gamma(2.0, 3.0, len(index)),
            "employment": rng.gamma(3.0, 1.0, len(index)),
        },
        index=index,
    )
    data.loc[("B", 2013), "industry"] = np.nan
    data.loc[("C", 2012), "roads"] = 0.0
    data["log_roads"] = np.log(data["roads"].where(data["roads"] > 0))
    return data.reset_index()


def cells(document: TableDocument, key: str, statistic: str) -> list[str]:
    (row,) = [row for row in document.rows if (row.key, row.statistic) == (key, statistic)]
    return [cell.text for cell in row.cells]


MAIN: Mapping[str, Any] = {
    "models": ["baseline", "pooled", "other"],
    "tests": ["hausman"],
    "title": "50% & more_of {it}",
}


def test_regression_prints_the_numbers_of_the_models(context: OutputContext) -> None:
    document = build("main", MAIN, context)
    assert cells(document, "roads", "estimate") == ["1.081"] * 3
    assert cells(document, "roads", "std_error") == ["(0.730)"] * 3
    assert cells(document, "roads", "p_wild") == ["p = 0.211", "", ""]
    assert cells(document, "roads", "ci_wild") == ["[−0.910, 3.300]", "", ""]
    assert cells(document, "roads:gap", "estimate") == ["−0.00042"] * 3
    assert [row.label for row in document.rows if row.kind == "entry"] == ["Roads", "Roads × Technology gap"]
    assert document.spanners[0] == (Spanner("Rural industry", 0, 1), Spanner("employment", 2, 2))
    assert [spanner.label for spanner in document.spanners[1]] == ["Model baseline", "Model pooled", "Model other"]
    assert cells(document, "hausman", "hausman") == ["p < 0.001"] * 3


def test_an_interval_without_ends_is_not_taken_for_none(context: OutputContext) -> None:
    """JSON keeps infinite limits as null; the setting says that an interval was asked for."""
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
        "Wild cluster bootstrap by unit", "63 draws", "Webb weights", "seed 7", "3 (outcome missing)", "(2) a note",
    ):  # fmt: skip
        assert words in notes, words


def test_effects_are_those_removed_not_those_inherited(context: OutputContext) -> None:
    document = build("main", MAIN, context)
    assert cells(document, "unit_effects", "unit_effects") == ["yes", "no", "yes"]


def test_no_stars_unless_asked_for(context: OutputContext) -> None:
    assert "*" not in render_csv(build("main", MAIN, context))
    starred = build("main", {**MAIN, "stars": True}, context)
    assert cells(starred, "roads:gap", "estimate") == ["−0.00042**"] * 3
    assert cells(starred, "roads", "estimate") == ["1.081"] * 3
    assert "* p < 0.1; ** p < 0.05; *** p < 0.01." in starred.notes
    own = build("main", {**MAIN, "stars": [0.001]}, context)
    assert cells(own, "roads:gap", "estimate") == ["−0.00042"] * 3


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
        ({"models": ["baseline"], "panel": "provinces"}, "tables.main.panel: found an unknown key"),
        ({}, "regression tables need models"),
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


def test_cross_section_shows_permutation_p(context: OutputContext) -> None:
    row = made_up_model("x").coefficients[0]
    hc = {"method": "hc", "options": {"kind": "HC3", "critical": "t"}, "small_sample": "HC3: …", "n_clusters": 6}
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
    assert render_csv(document).startswith("\ufeff变量,")
    assert check_tex(render_tex(document), "zh") == ()


def test_csv_is_a_rectangle_of_unrounded_numbers(context: OutputContext) -> None:
    rows = list(csv.reader(io.StringIO(render_csv(build("main", MAIN, context)))))
    assert len({len(row) for row in rows}) == 1
    assert rows[0][:4] == ["Variable", "key", "statistic", "Rural industry: Model baseline (1)"]
    table = {(row[1], row[2]): row[3:] for row in rows[1:]}
    assert table["roads", "estimate"] == ["1.0812"] * 3
    assert table["roads", "std_error"] == ["0.7304"] * 3
    assert table["roads", "ci_wild"][0] == "[-0.910, 3.300]"
    assert table["", "title"][0] == MAIN["title"]


def test_latex_is_sound_and_escaped(context: OutputContext) -> None:
    text = render_tex(build("main", MAIN, context))
    assert check_tex(text) == ()
    assert r"\caption{50\% \& more\_of \{it\}}" in text
    assert r"\begin{tabular}{lccc}" in text
    assert r"[$-$\infty" not in text and r"[$-$$\infty$, $\infty$]" in text


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("(0.730) & (0.730)", "(0.730)", "a row of 3 columns in a table of 4"),
        (r"\multicolumn{2}{c}", r"\multicolumn{3}{c}", "a row of 5 columns"),
        (r"\end{tabular}", "", "without its"),
        (r"\caption{", r"\caption", "closing brace"),
        ("$-$0.00042 &", "$-0.00042 &", "odd number of"),
        ("Roads", "公路", "character 公"),
    ],
)
def test_the_check_of_latex_finds_what_is_planted(context: OutputContext, old: str, new: str, problem: str) -> None:
    text = render_tex(build("main", MAIN, context))
    assert old in text
    assert any(problem in found for found in check_tex(text.replace(old, new, 1)))


def engines() -> list[str]:
    return [name for name in ("tectonic", "pdflatex") if shutil.which(name)]


@pytest.mark.skipif(not engines(), reason="no TeX is installed")
def test_latex_compiles(context: OutputContext, tmp_path: Path) -> None:
    path = tmp_path / "table.tex"
    path.write_text(standalone_tex(build("main", MAIN, context)), encoding="utf-8")
    options = ["-interaction=nonstopmode", "-halt-on-error"] if engines()[0] == "pdflatex" else []
    subprocess.run([engines()[0], *options, path.name], cwd=tmp_path, check=True, capture_output=True)
    assert path.with_suffix(".pdf").stat().st_size > 1000


class Grid(HTMLParser):
    """Widths of the rows (spans counted), texts, scopes and every attribute that could leave the page."""

    def __init__(self) -> None:
        super().__init__()
        self.widths: list[int] = []
        self.over: list[int] = []
        self.scopes: list[str | None] = []
        self.links: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.links += [str(value) for key, value in attrs if key in ("src", "href")]
        if tag == "tr":
            self.over = [left - 1 for left in self.over if left > 1]
            self.widths.append(len(self.over))
        elif tag in ("td", "th"):
            self.widths[-1] += int(values.get("colspan") or 1)
            rows = int(values.get("rowspan") or 1)
            self.over += [rows] if rows > 1 else []
            if tag == "th":
                self.scopes.append(values.get("scope"))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_html_is_accessible_and_complete(context: OutputContext) -> None:
    document = build("main", MAIN, context)
    page = render_html(document)
    grid = Grid()
    grid.feed(page)
    assert set(grid.widths) == {4}
    assert None not in grid.scopes and set(grid.scopes) <= {"col", "colgroup", "row", "rowgroup"}
    assert grid.links == []
    text = "".join(grid.text)
    for expected in (MAIN["title"], "Roads: Std. error", *document.notes):
        assert expected in text
    assert page.count("<tbody") == page.count("</tbody>") == 2
    assert html_fragment(document).startswith('<figure class="data-table" id="table-main"')


def test_html_sections_are_bodies_of_their_own(context: OutputContext) -> None:
    spec = {"type": "descriptive", "panel": "provinces", "variables": ["roads"], "by": "region"}
    fragment = html_fragment(build("desc", spec, context))
    assert fragment.count("<tbody>") == 3
    assert fragment.count('scope="rowgroup"') == 3


def test_docx_holds_the_table_and_is_the_same_each_time(context: OutputContext) -> None:
    document = build("main", MAIN, context)
    first, second = render_docx(document), render_docx(document)
    assert first == second
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert archive.namelist()[0] == "[Content_Types].xml"
    read = docx.Document(io.BytesIO(first))
    assert read.core_properties.created.year == 2000  # type: ignore[union-attr]
    (table,) = read.tables
    assert len(table.rows) == len(document.rows) + 3
    rows = [[cell.text for cell in row.cells] for row in table.rows]
    assert ["Roads", "1.081", "1.081", "1.081"] in rows
    assert [paragraph.text for paragraph in read.paragraphs] == [document.title, *document.notes]


def test_render_writes_every_format(context: OutputContext, tmp_path: Path) -> None:
    paths = {form: tmp_path / "tables" / f"main.{form}" for form in ("csv", "tex", "html", "docx")}
    render(build("main", MAIN, context), paths)
    assert sorted(path.name for path in (tmp_path / "tables").iterdir()) == sorted(path.name for path in paths.values())
    with pytest.raises(KeyError):
        render(build("main", MAIN, context), {"pdf": tmp_path / "main.pdf"})


@settings(max_examples=60, deadline=None)
@given(
    st.text(st.characters(codec="latin-1", exclude_categories=["C"]), max_size=30),
    st.text('[*\\&%$#_{}~^<>|"−×²', max_size=12),
)
def test_any_words_survive_every_format(words: str, signs: str) -> None:
    label = f"{words}{signs}"
    rows = (
        Row("", (), "section"),
        Row(label, (Cell(label), Cell("1", 1))),
        Row("", (Cell(), Cell("x")), "detail", "ci"),
    )
    document = TableDocument(
        "t", label, "s", (Column("a"), Column(label, "left")), rows, (runs([label, label]),), (label,)
    )
    assert check_tex(render_tex(document)) == ()
    grid = Grid()
    grid.feed(html_fragment(document))
    assert label in "".join(grid.text) or not label
    table = list(csv.reader(io.StringIO(render_csv(document))))
    assert table[1][3] == label.replace("−", "-")


def test_layout_refuses_rows_and_spanners_that_do_not_fit() -> None:
    columns = (Column("a"), Column("b"))
    with pytest.raises(ValueError, match="1 cells"):
        TableDocument("t", "", "", columns, (Row("r", (Cell(),)),))
    with pytest.raises(ValueError, match="overlaps"):
        TableDocument("t", "", "", columns, (), ((Spanner("x", 0, 1), Spanner("y", 1, 1)),))


def test_runs_join_neighbours_only() -> None:
    assert runs(["x", "x", "", "y", "x"]) == (Spanner("x", 0, 1), Spanner("y", 3, 3), Spanner("x", 4, 4))


def test_needed_files_name_models_codebooks_and_panels() -> None:
    assert needed_files({"models": ["a", "b"]}, {"a": "p", "b": "p"}) == (
        "results/models/a.json",
        "results/models/b.json",
        "results/panels/p/codebook.csv",
    )
    outcomes = [{"panel": "p", "variable": "x", "period": 1}, {"panel": "q", "variable": "y", "period": 1}]
    assert "results/panels/q/panel.parquet" in needed_files({"type": "validity", "outcomes": outcomes}, {})
    assert needed_files({"type": "scorecard"}, {}) == ("results/scorecard.csv",)


def test_every_kind_lists_what_it_requires() -> None:
    for kind, required in REQUIRED.items():
        assert set(required) <= KEYS[kind]
        assert not KEYS[kind] & COMMON


def test_numbers_in_json_are_read_as_written(context: OutputContext) -> None:
    values = json.loads((context.results / "models" / "baseline.json").read_text(encoding="utf-8"))
    assert context.models(["baseline"])[0] == values


def test_the_documentation_names_every_key() -> None:
    text = (Path(__file__).parents[2] / "docs" / "tables.md").read_text(encoding="utf-8")
    keys = [key for keys in (*KEYS.values(), *FIGURE_KEYS.values(), MAP_KEYS) for key in keys]
    assert [key for key in keys if f"`{key.removesuffix('_zh')}`" not in text] == []
