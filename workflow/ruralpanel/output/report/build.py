"""The report: results, sidecars and configuration in, ``report.html``, two PDFs and ``numbers.json`` out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ruralpanel.output.report import answers, beside, checks, contrasts, data_appendix, exhibits, front, learnt, methods
from ruralpanel.output.report.context import Context
from ruralpanel.output.report.document import Document, Part
from ruralpanel.output.report.html import render_html
from ruralpanel.output.report.lookups import lookups
from ruralpanel.output.report.numbering import numbered
from ruralpanel.output.report.numbers import Numbers, Quoted
from ruralpanel.output.report.texts import Texts
from ruralpanel.project.files import atomic_path, write_json, write_text
from ruralpanel.project.kept import Kept
from ruralpanel.project.problems import Problem, raise_any

FORMATS = ("html", "pdf")
PDFS: Mapping[str, Part] = {"report.pdf": "brief", "appendix.pdf": "appendix"}


def compose(context: Context) -> tuple[Document, tuple[Quoted, ...]]:
    """The report as a value, and the numbers that it quotes.

    Raises
    ------
    UserError
        With every number that a text asks for and the results lack, and every declared chart, table or map that has
        no file.
    """
    numbers = Numbers(lookups(context))
    texts = Texts(context.language, numbers)
    problems: list[Problem] = []
    claims = learnt.ranked(context.scorecard.claims)
    shown = exhibits.exhibits(context, texts, problems)
    sections = [front.summary(context, texts, shown.first, learnt.in_short(context, texts)), *shown.page]
    if claims:
        sections += [learnt.section(context, texts, claims), *beside.sections(context, texts, claims)]
        sections += [answers.section(context, texts, claims)]
    sections += [
        *shown.brief,
        methods.brief(context, texts),
        front.sources(context, texts),
        *front.references(context, texts, methods.used(context)),
        front.colophon(context, texts),
        *beside.full(context, texts, claims),
        *contrasts.sections(context, texts),
        *shown.appendix,
        methods.section(context, texts),
        data_appendix.section(context, texts),
        checks.section(context, texts),
        checks.reproduction(context, texts),
    ]
    subtitle, byline = texts.inline("front.subtitle"), front.byline(context, texts)
    sections.append(checks.register(context, texts))
    labels = dict(texts.group("labels"))
    title = context.declared.title
    document = Document(title, context.language, subtitle, tuple(sections), labels, byline)
    document, lost = numbered(document)
    try:
        texts.finish()
    finally:
        raise_any([*problems, *lost])
    return document, numbers.quoted


def build(context: Context, folder: str | Path, formats: Sequence[str] = FORMATS, kept: Kept | None = None) -> None:
    """Write the report to `folder`: ``numbers.json`` and the `formats` asked for; PDFs may be `kept`.

    Nothing is written unless everything can be: numbers, pictures and, for the PDF, glyphs are checked first.

    Raises
    ------
    UserError
        As `compose`; also a character that no font of the PDF has.
    """
    target = Path(folder)
    document, quoted = compose(context)
    files: dict[str, bytes] = {}
    if "pdf" in formats:
        from ruralpanel.output.report.pdf import render_pdf

        files = {name: render_pdf(document, part, name, kept) for name, part in PDFS.items()}
    if "html" in formats:
        write_text(target / "report.html", render_html(document))
    for name, content in files.items():
        with atomic_path(target / name) as temporary:
            temporary.write_bytes(content)
    write_json(target / "numbers.json", {"numbers": [entry.record() for entry in quoted]})
