"""The report in two files: numbers of charts and tables, references between them, works cited, and what is on paper."""

from __future__ import annotations

import re
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typst

from report_project import config, context, made_up_project
from ruralpanel.output.report.build import build, compose
from ruralpanel.output.report.context import METHODS, gather
from ruralpanel.output.report.document import (
    Bullets,
    Details,
    Document,
    Figure,
    Paragraph,
    Section,
    Table,
    TableCell,
    TableRow,
    parse,
    plain_text,
)
from ruralpanel.output.report.numbering import exhibits, numbered, printed, texts
from ruralpanel.output.report.pdf import render_pdf
from ruralpanel.output.report.references import in_order, read_works, reference
from ruralpanel.project.kept import Kept
from ruralpanel.project.load import read_config
from ruralpanel.project.problems import UserError

ROOT = Path(__file__).resolve().parents[2]
LABELS = {"figure": "Figure", "table": "Table"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_up_project(tmp_path_factory.mktemp("parts") / "project")


def table(name: str, caption: str = "A table") -> Table:
    return Table(name, parse(caption), (), (TableRow((TableCell(parse("1")),)),))


def test_charts_and_tables_are_counted_in_each_part_and_references_say_their_number() -> None:
    unprinted = Details(parse("folded"), (table("folded"),), printed=False)
    sections = (
        Section("one", "First", (table("a"), unprinted, Paragraph(parse("See [[c]], [[two]], [[b]]."))), part="brief"),
        Section("two", "Second", (table("b", ""), table("c")), part="appendix"),
        Section("three", "Third", (table("d"),), part="page"),
    )
    document, lost = numbered(Document("T", "en", (), sections, LABELS))
    found = {block.id: block.number for block in document.blocks() if isinstance(block, Table)}
    assert found == {"a": "1", "folded": "", "b": "", "c": "A1", "d": ""}
    said = document.sections[0].blocks[2]
    assert isinstance(said, Paragraph)
    assert plain_text(said.text) == "See Table\u00a0A1, Second, ."
    assert [run.target for run in said.text if run.kind == "link"] == ["#c", "#two", "#b"]
    assert [problem.found for problem in lost] == ["[[b]]"]
    assert "folded" not in set(texts(printed(document, "brief")))


def test_a_reference_to_nothing_in_the_projects_words_is_told(place: Path) -> None:
    values = config(place)
    values["report"]["introduction"] = "As [[table-nowhere]] shows."
    with pytest.raises(UserError) as caught:
        compose(gather(values, place / "made_up", place, "config.json"))
    assert "[[table-nowhere]]" in caught.value.problems[0].found


def test_brief_and_appendix_hold_the_report_between_them(place: Path) -> None:
    document, _ = compose(context(place))
    brief, appendix = (printed(document, part) for part in ("brief", "appendix"))
    ids = [section.id for section in document.sections]
    assert [name for name in ids if name != "explore"][:3] == ["summary", "answers", "claims"]
    assert ids.index("colophon") < ids.index("differences")
    alone = [section.id for section in document.sections if section.part == "page"]
    assert len(brief.sections) + len(appendix.sections) + len(alone) == len(ids) and "numbers" in alone
    numbers = [block.number for block in document.blocks() if isinstance(block, Table) and block.number]
    assert numbers == [n for n in numbers if not n.startswith("A")] + [n for n in numbers if n.startswith("A")]
    assert numbers[0] == "1" and len(numbers) == len(set(numbers))


def test_the_contents_list_claims_charts_and_tables(place: Path) -> None:
    values = config(place)
    values["tables"]["again"] = values["tables"]["main"]
    for suffix in ("csv", "json"):
        found = place / "made_up" / "tables"
        (found / f"again.{suffix}").write_bytes((found / f"main.{suffix}").read_bytes())
    values["report"]["brief"] = {"tables": ["again", "main"]}
    build(gather(values, place / "made_up", place, "config.json"), place / "listed", ["html"])
    text = (place / "listed" / "report.html").read_text(encoding="utf-8")
    contents = text[text.index("<nav") : text.index("</nav>")]
    listed = re.findall(r'href="#([^"]+)"', contents)
    assert {f"claim-{name}" for name in values["hypotheses"]} <= set(listed) and "differs-h1" in listed
    assert listed.index("table-again") < listed.index("table-main")
    assert re.search(r'<a href="#table-main">[0-9]+ ', contents)


def test_the_pdfs_are_tagged_titled_and_in_their_language(place: Path) -> None:
    document, _ = compose(context(place))
    for part in ("brief", "appendix"):
        content = render_pdf(document, part, "report.pdf")
        assert b"/MarkInfo" in content and b"/StructTreeRoot" in content and b"/Lang" in content
        streams = [zlib.decompress(s) for s in re.findall(rb"stream\n(.*?)\nendstream", content, re.S) if s[:1] == b"x"]
        assert any(b"pdfuaid" in stream for stream in (*streams, content))


def test_a_pdf_is_set_again_only_where_its_words_or_pictures_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = made_up_project(tmp_path / "project")
    turns = iter(b"1234")
    monkeypatch.setattr(typst, "compile", lambda *_, **__: bytes([next(turns)]))
    document, _ = compose(context(own))
    kept = Kept(tmp_path / "kept", {"code": "c"})

    def made(sections: tuple[Section, ...]) -> list[bytes]:
        of = replace(document, sections=sections)
        return [render_pdf(of, part, f"{part}.pdf", kept) for part in ("brief", "appendix")]

    assert made(document.sections) == made(document.sections) == [b"1", b"2"]
    last = printed(document, "appendix").sections[-1]
    other = tuple(replace(one, title="Other words") if one is last else one for one in document.sections)
    assert made(other) == [b"1", b"3"]
    shown = next(item.path for section in printed(document, "brief").sections for item in exhibits(section)
                 if isinstance(item, Figure))  # fmt: skip
    shown.write_bytes(shown.read_bytes() + b"\n")
    assert made(other) == [b"4", b"3"]


def test_nothing_says_that_it_stands_elsewhere(place: Path) -> None:
    document, _ = compose(context(place))
    assert not any("report.html" in text for text in texts(printed(document, "brief")))


BIB = """% a comment
@article{smith2001, author = {Smith, Ann and {A Bureau} and Doe, John Paul}, year = {2001},
  title = {On {GDP}: A {Study}}, journal = "Journal of Things", volume = {3}, number = {1--2}, pages = {1--20},
  doi = {10.1/x}}
@string{unused = {x}}
@book{jones, author = {Carl Jones}, year = 1999, title = {Why?}, publisher = {A Press}}
"""


def works(tmp_path: Path, text: str) -> Any:
    path = tmp_path / "works.bib"
    path.write_text(text, encoding="utf-8")
    return read_works(path, "works.bib")


def test_a_bibliography_is_read_and_set(tmp_path: Path) -> None:
    found = works(tmp_path, BIB)
    assert [work.key for work in found] == ["smith2001", "jones"]
    assert [work.cited for work in found] == ["Smith, A Bureau and Doe (2001)", "Jones (1999)"]
    assert [plain_text(reference(work)) for work in found] == [
        "Smith, A., A Bureau and Doe, J. P. (2001): On GDP: A Study. Journal of Things 3(1–2), 1–20. "
        "https://doi.org/10.1/x",
        "Jones, C. (1999): Why? A Press. ",
    ]
    assert [work.key for work in in_order([*found, found[0]])] == ["jones", "smith2001"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("@article{a, author = {B}, title = {T}}", "no year"),
        ("@article{a, author = {B}, title = {T, year = {2001}", "braces that do not close"),
        ("@article{a, author = {B}, year = 1, title = {T}}\n" * 2, "the key again"),
        ("nothing here", "no entry"),
        ("@article{a, author {B}}", "braces that do not close"),
    ],
)
def test_faults_of_a_bibliography_are_told(text: str, found: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        works(tmp_path, text)
    assert [problem.found for problem in caught.value.problems] == [found]


def test_every_work_that_the_shipped_project_names_is_among_its_references() -> None:
    shipped = read_config(ROOT / "config.yaml")
    named = {entry.study for claim in shipped.hypotheses.values() for entry in claim.benchmarks or ()}
    found = read_works(ROOT / (shipped.report.references or ""), "references.bib")
    assert named and named <= {work.cited for work in found}
    for work in (*found, *read_works(METHODS, "methods.bib")):
        assert re.fullmatch(r"10\.\d{4,5}/\S+", work.fields.get("doi", "10.1000/x")), work.key
    assert all(work.keywords for work in read_works(METHODS, "methods.bib"))


def test_works_are_cited_for_the_methods_used_and_studies_lead_to_them(place: Path) -> None:
    (place / "works.bib").write_text(
        "@misc{nobody, author = {Nobody, A.}, year = {2000}, title = {An Invention}}", encoding="utf-8"
    )
    values = config(place)
    values["report"]["references"] = "works.bib"
    found = gather(values, place / "made_up", place, "config.json")
    document, _ = compose(found)
    (section,) = [section for section in document.sections if section.id == "references"]
    (items,) = section.blocks
    assert isinstance(items, Bullets)
    said = [plain_text(item) for item in items.items]
    assert "Nobody, A. (2000): An Invention. " in said
    assert any("Cameron" in text for text in said) and not any("Driscoll" in text for text in said)
    build(found, place / "out", ["html"])
    assert '<a href="#ref-nobody">Nobody (2000)</a>' in (place / "out" / "report.html").read_text(encoding="utf-8")
