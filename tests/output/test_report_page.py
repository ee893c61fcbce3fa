"""The report's page and its PDF: whole, readable without eyes, the same each time."""

from __future__ import annotations

import itertools
import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from as_written import claims_of
from report_project import FIXTURE, Page, context, made_up_project
from ruralpanel.claims import scorecard
from ruralpanel.output.report import document
from ruralpanel.output.report.build import build, compose
from ruralpanel.output.report.document import Run, escape, parse, plain_text
from ruralpanel.output.report.exhibits import shown
from ruralpanel.output.report.html import drawing
from ruralpanel.output.report.pdf import ROOM, SIZES, layout, set_table
from ruralpanel.output.tables.document import Cell, Column, Row, TableDocument
from ruralpanel.project.problems import UserError


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return made_up_project(tmp_path / "project")


def test_markup() -> None:
    assert parse("a *b* **c `d`** [e](https://f.g) `h*i`") == (
        Run("a "),
        Run("b", "emphasis"),
        Run(" "),
        Run("c ", "strong"),
        Run("d", "code"),
        Run(" "),
        Run("e", "link", "https://f.g"),
        Run(" "),
        Run("h*i", "code"),
    )


@pytest.mark.parametrize("text", ["a * b * c", "x_1 ** 2 ** y", "[1](2)", "`tick`", "back\\slash", "<b>&amp;"])
def test_marks_in_inserted_text_are_taken_literally(text: str) -> None:
    assert plain_text(parse(escape(text))) == text and {run.kind for run in parse(escape(text))} == {"text"}


def test_the_page_is_whole_by_itself(place: Path) -> None:
    build(context(place), place / "out", ["html"])
    text = (place / "out" / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert text.startswith("<!doctype html>")
    assert all(source.startswith("data:") for source in page.all("src"))
    assert not [tag for tag, _ in page.tags if tag in ("link", "iframe", "object")]
    assert not re.search(r"url\((?!#)|@import|fetch\(|XMLHttpRequest", text)
    ids = page.all("id")
    assert len(ids) == len(set(ids))
    assert {h[1:] for h in page.all("href") if h.startswith("#")} <= set(ids)
    away = {h for h in page.all("href") if not h.startswith(("#", "https://doi.org/"))}
    assert away == {"https://example.org/invented"}


def test_the_page_can_be_read_without_eyes(place: Path) -> None:
    build(context(place), place / "out", ["html"])
    page = Page((place / "out" / "report.html").read_text(encoding="utf-8"))
    tags = [tag for tag, _ in page.tags]
    assert tags.count("main") == 1 and tags.count("h1") == 1 and "nav" in tags and "header" in tags
    assert all(values.get("alt") for tag, values in page.tags if tag == "img")
    levels = [int(tag[1]) for tag in tags if re.fullmatch(r"h[1-6]", tag)]
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert all(values.get("aria-label") for _, values in page.tags if values.get("role") in ("img", "region"))
    assert page.tags[0][1]["lang"] == "en"


def test_texts_of_users_cannot_break_the_page(place: Path) -> None:
    claims = {"H1": {"claim": '<script>alert("x")</script> & *stars*', "cannot_show": "</main> `ticks`"}}
    rows = scorecard.evaluate(claims_of(claims), place / "made_up")
    scorecard.write_scorecard(rows, place / "made_up" / "scorecard.csv", place / "made_up" / "scorecard.json")
    build(context(place, title='A "title" <b>', hypotheses=claims), place / "out", ["html"])
    page = Page((place / "out" / "report.html").read_text(encoding="utf-8"))
    scripts = [values.get("type", "code") for tag, values in page.tags if tag == "script"]
    assert scripts.count("code") == 1 and set(scripts) <= {"code", "application/json"}
    assert [tag for tag, _ in page.tags].count("main") == 1
    assert '<script>alert("x")</script> & *stars*' in page.text


def test_dot_and_bar() -> None:
    inside = drawing((1.0, 0.0, 2.0), 4.0)
    assert (inside.dot, inside.bar, inside.band) == (62.5, (50.0, 25.0), (37.5, 37.5))
    assert not inside.cut_left and not inside.cut_right
    beyond = drawing((9.0, float("-inf"), 10.0), 4.0)
    assert beyond.dot is None and beyond.cut_left and beyond.cut_right and beyond.bar == (0.0, 0.0)


def test_a_table_of_the_results_is_set_cell_by_cell() -> None:
    table = shown(TableDocument.from_json(FIXTURE / "made_up" / "tables" / "main.json"), "main")
    assert plain_text(table.caption) == "Made-up estimates: one estimator after another"
    assert [[plain_text(cell.text) for cell in row.cells] for row in table.head] == [
        ["Term", "Rural manufacturing", ""],
        ["Two-way", "Between", "1998"],
    ]
    assert [row.kind for row in table.rows] == ["entry", "detail", "section", "entry", "summary"]
    assert [plain_text(cell.text) for cell in table.rows[0].cells] == [
        "Rural electricity & more",
        "0.420",
        "0.900",
        "−0.150",
    ]
    # the head of the entry reaches over its detail, whose own words are for screen readers of the other page
    assert table.rows[0].cells[0].rowspan == 2
    assert [plain_text(cell.text) for cell in table.rows[1].cells] == ["(0.090)", "(0.200)", "(0.400)"]
    assert table.width == 4 and len(table.notes) == 2
    assert table.head[0].cells[0].rowspan == 2 and table.head[0].cells[1].colspan == 2


def test_a_curve_is_filtered_on_the_page_and_left_out_on_paper(place: Path) -> None:
    folder = place / "made_up" / "models" / "curves"
    folder.mkdir()
    rows = pd.DataFrame({"outcome": ["y", "y", "z"], "estimate": [0.5, 1.0, -1.0], "standardised": [0.05, 0.1, -0.1]})
    rows["ci_low"], rows["ci_high"] = rows["estimate"] - 1.0, rows["estimate"] + 1.0
    rows.to_parquet(folder / "all.parquet")
    dimensions = [{"name": "outcome", "options": ["y", "z"]}]
    summary = {"name": "all", "panel": "made", "dimensions": dimensions, "main": {"estimate": 0.5}}
    (folder / "all.json").write_text(json.dumps(summary), encoding="utf-8")
    picture = next((place / "made_up" / "figures").glob("*.svg"))
    shutil.copy(picture, picture.with_name("curve.svg"))
    figures = {"curve": {"type": "specification_curve", "curve": "all", "title": "Every specification"}}
    build(context(place, figures=figures), place / "out")
    text = (place / "out" / "report.html").read_text(encoding="utf-8")
    figure = text[text.index('<figure class="chart curve"') :]
    assert "Every specification" in figure and '"estimate":[-1000,500,1000]' in figure
    assert text.count("function curveOf(") == 1 and ".curve .plane" in text and 'alt="Figure: Every' not in text
    assert (place / "out" / "report.pdf").stat().st_size > 10_000


@pytest.mark.slow
def test_the_pdf_is_the_same_each_time(place: Path) -> None:
    build(context(place), place / "one", ["html", "pdf"])
    build(context(place), place / "two", ["html", "pdf"])
    for name in ("report.pdf", "appendix.pdf", "report.html", "numbers.json"):
        assert (place / "one" / name).read_bytes() == (place / "two" / name).read_bytes(), name
    assert (place / "one" / "report.pdf").read_bytes().startswith(b"%PDF-")


def test_the_chinese_pdf_embeds_a_chinese_font(place: Path) -> None:
    build(context(place, language="zh"), place / "out", ["pdf"])
    assert b"NotoSerifCJKsc" in (place / "out" / "report.pdf").read_bytes()
    assert not (place / "out" / "report.html").exists()


def test_a_glyph_that_no_font_has_stops_the_report_before_anything_is_written(place: Path) -> None:
    with pytest.raises(UserError) as caught:
        build(context(place, title="Made up \U0001f9ff"), place / "out", ["html", "pdf"])
    assert "U+1F9FF" in caught.value.problems[0].found and caught.value.problems[0].file == "report.pdf"
    assert not (place / "out").exists()


def test_columns_on_paper_fit_and_share_the_room() -> None:
    def table(columns: int, text: str, number: str) -> document.Table:
        head = tuple(document.TableCell(parse("a rather long heading"), "right", header=True) for _ in range(columns))
        cells = tuple(document.TableCell(parse(number), "right") for _ in range(columns))
        rows = (document.TableRow((document.TableCell(parse(text), header=True), *cells)),)
        return document.Table("t", (), (document.TableRow((document.TableCell((), header=True), *head)),), rows)

    small, wide, widest = (layout(table(columns, "label " * 12, "[-1.234, 5.678]")) for columns in (3, 7, 30))
    assert small.size == SIZES[0] and sum(small.widths) == pytest.approx(ROOM)
    assert wide.fits and 7 <= wide.size < SIZES[0] and sum(wide.widths) <= ROOM + 1e-6
    assert not widest.fits and sum(widest.widths) == pytest.approx(ROOM)
    for setting in (small, wide):  # numbers stay on one line
        assert min(setting.widths[1:]) >= len("[-1.234, 5.678]") * 0.4 * setting.size
    assert sum(layout(table(1, "short", "1.0")).widths) < ROOM / 2  # a small table is not blown up


def test_a_table_too_wide_for_upright_paper_goes_on_below_in_panels() -> None:
    columns = tuple(Column(f"({at})") for at in range(1, 13))
    numbers = tuple(Cell("[-1.234, 5.678]") for _ in columns)
    first, last = ((*numbers[:1], *[Cell("")] * 11), (*[Cell("")] * 11, *numbers[:1]))
    entries = (Row("Roads", first), Row("", first, "detail"), Row("Only at the end", last))
    rows = (*entries, Row("Observations", numbers, "summary"))
    setting = set_table(shown(TableDocument("t", "Twelve models", "Term", columns, rows), "t"))
    assert len(setting.panels) > 1 and setting.size >= 7
    heads = [[plain_text(cell.text) for cell in panel.head[-1].cells] for panel in setting.panels]
    assert all(head[0] == "Term" for head in heads)
    assert [name for head in heads for name in head[1:]] == [column.label for column in columns]
    labels = [[plain_text(row.cells[0].text) for row in panel.rows] for panel in setting.panels]
    assert labels[0] == ["Roads", "[-1.234,\u00a05.678]", "Observations"]  # the head of its error reaches down
    assert labels[-1] == ["Only at the end", "Observations"]
    for panel in setting.panels:
        assert sum(panel.widths) <= ROOM + 1e-6
        assert min(panel.widths[1:]) >= len("[-1.234, 5.678]") * 0.4 * setting.size


def test_findings_are_listed_by_check_the_largest_first(place: Path) -> None:
    lines = ["check,source,series,unit,period,value,expected,size,note,declared,declared_by"]
    lines += [f"repeat,made_source,workers,MU-01,{2000 + i},5,,{i},as before,False," for i in range(40)]
    lines += [
        "jump,made_source,workers,MU-02,2015,9,6,-0.4,,False,",
        "jump,made_source,workers,MU-03,2015,9,6,0.3,,True,break",
    ]
    (place / "made_up" / "reconciliation" / "findings.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    whole, _ = compose(context(place))
    tables = {block.id: block for block in whole.blocks() if isinstance(block, document.Table)}
    summary = [[plain_text(cell.text) for cell in row.cells] for row in tables["findings-by-check"].rows]
    assert summary == [["repeat", "40", "0"], ["jump", "1", "1"]]
    undeclared = tables["findings-undeclared"]
    assert len(undeclared.rows) == 25 + 1 and plain_text(undeclared.notes[0]).startswith("26 of 41")
    assert (
        plain_text(undeclared.rows[0].cells[4].text) == "2039"
        and plain_text(undeclared.rows[0].cells[3].text) == "Made-up 1"
    )
    assert len(tables["findings-declared"].rows) == 1
