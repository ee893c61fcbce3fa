"""Tables as CSV, LaTeX, HTML and Word: whole, accessible, the same words and numbers in each."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
import zipfile
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import docx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ruralpanel.output.results import OutputContext
from ruralpanel.output.tables.build import CSV_COLUMNS, build, render, render_csv
from ruralpanel.output.tables.document import Cell, Column, Row, TableDocument, runs
from ruralpanel.output.tables.docx import render_docx
from ruralpanel.output.tables.html import html_fragment, render_html
from ruralpanel.output.tables.tex import render_tex
from ruralpanel.project.files import restored
from table_results import MAIN, made_up_results
from tex_structure import check_tex, standalone_tex


@pytest.fixture
def context(tmp_path: Path) -> OutputContext:
    return made_up_results(tmp_path)


def test_csv_has_a_line_for_each_number_unrounded(context: OutputContext) -> None:
    document = build("main", MAIN, context)
    lines = list(csv.DictReader(io.StringIO(render_csv(document))))
    assert tuple(lines[0]) == CSV_COLUMNS
    assert lines[0]["heading"] == "Rural industry: Model baseline (1)"
    table: dict[tuple[str, str, str], list[str]] = {}
    for line in lines:
        table.setdefault((line["part"], line["key"], line["statistic"]), []).append(line["value"] or line["text"])
    assert table["table", "roads", "estimate"] == ["1.0812"] * 3
    assert table["table", "roads", "std_error"] == ["0.7304"] * 3
    assert table["table", "roads", "interval_low"][0] == table["further", "roads", "ci_wild_low"][0] == "-0.91"
    assert table["table", "roads", "interval_high"][0] == "3.3"
    assert table["table", "roads:gap", "interval"][0] == "[-∞, ∞]"  # no number: as it is printed
    assert table["table", "sample", "sample"] == ["All", "All", "west"]
    assert not any(document.title in line.values() for line in lines)


def test_json_keeps_the_whole_document(context: OutputContext, tmp_path: Path) -> None:
    document = build("main", MAIN, context)
    document.to_json(tmp_path / "main.json")
    assert TableDocument.from_json(tmp_path / "main.json") == document


def test_latex_is_sound_and_escaped(context: OutputContext) -> None:
    text = render_tex(build("main", MAIN, context))
    assert check_tex(text) == ()
    assert r"\caption{50\% \& more\_of \{it\}}" in text
    assert text.count(r"\begin{longtable}") == 1 and text.count(r"\endfirsthead") == 1
    assert r"[$-$\infty" not in text and r"[$-$$\infty$,~$\infty$]" in text


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("(0.730) & (0.730)", "(0.730)", "a row of 3 columns in a table of 4"),
        (r"\multicolumn{2}{>", r"\multicolumn{3}{>", "a row of 5 columns"),
        (r"\end{longtable}", "", "never ended"),
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
    path.write_text(standalone_tex([build("main", MAIN, context)]), encoding="utf-8")
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
    assert page.count("<tbody") == page.count("</tbody>") == 2 + 2
    folded = page[page.index("<details>") : page.index("</details>")]
    assert "p = 0.211" in folded and "p = 0.211" not in page.replace(folded, "")
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


def test_docx_stands_upright_with_a_wide_first_column() -> None:
    columns = tuple(Column(f"({number})") for number in range(1, 13))
    row = Row(
        "Public professional and technical staff per resident (log)", tuple(Cell("[−1.452, 0.765]") for _ in columns)
    )
    read = docx.Document(io.BytesIO(render_docx(TableDocument("t", "T", "Variable", columns, (row,)))))
    section = read.sections[0]
    assert section.page_width < section.page_height  # type: ignore[operator]
    assert [cell.text for table in read.tables for cell in table.rows[0].cells[1:]] == [one.label for one in columns]
    for table in read.tables:
        widths = [cell.width.cm for cell in table.rows[1].cells]  # type: ignore[union-attr]
        assert sum(widths) <= 17.6 and widths[0] == max(widths) > 3


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
    assert {restored(line[8]) for line in table[1:3]} >= ({label.replace("−", "-")} if label else {"1"})


def test_special_letters_in_every_format() -> None:
    """What LaTeX, HTML and Word take for commands comes out as it was written; LaTeX says which fonts it needs."""
    label = 'R&D 100% of_income #1 $x$ ~a^b \\alpha {k} <b>bold</b> "dq" `c` *s* @ref [l](http://x.y) 農村①'
    rows = tuple(
        Row(name, (Cell("0.1*", 0.1),), kind, "estimate", "x")
        for name, kind in ((label, "entry"), ("[x] y", "entry"), ("*s* z", "entry"), ("a\n\nb", "summary"))
    )
    table = TableDocument("t", f"{label}\n\nnext", "Variable", (Column(label),), rows, notes=(label, "[note]"))
    tex = render_tex(table)
    needs, *body = tex.splitlines()
    assert needs == "% Needs array, booktabs, longtable; XeLaTeX or LuaLaTeX with a font that has ① 村 農."
    assert check_tex("\n".join(body), "zh") == () and "\\alpha " not in tex and "\n\n" not in tex
    caption = next(line for line in body if line.startswith(r"\caption"))
    assert r"R\&D 100\% of\_income \#1 \$x\$" in caption and r"\char34{}dq\char34{}" in caption
    for line in body:
        assert not line.startswith(("[", "*"))
    page = render_html(table)
    assert escape(label) in page and "<b>bold" not in page
    with zipfile.ZipFile(io.BytesIO(render_docx(table))) as archive:
        words = archive.read("word/document.xml").decode("utf-8")
    assert escape(label, quote=False) in words
