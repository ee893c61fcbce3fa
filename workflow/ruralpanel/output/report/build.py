"""The report: results, sidecars and configuration in, ``report.html``, ``report.pdf`` and ``numbers.json`` out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ruralpanel.output.report import answers, checks, contrasts, data_appendix, exhibits, methods
from ruralpanel.output.report.context import Context
from ruralpanel.output.report.document import Document, Paragraph, Section
from ruralpanel.output.report.html import render_html
from ruralpanel.output.report.lookups import lookups
from ruralpanel.output.report.numbers import Numbers, Quoted
from ruralpanel.output.report.texts import Texts
from ruralpanel.project.files import write_json, write_text
from ruralpanel.project.problems import Problem, raise_any

FORMATS = ("html", "pdf")


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
    sections = [
        _introduced(context, texts, answers.section(context, texts)),
        contrasts.section(context, texts),
        *exhibits.sections(context, texts, problems),
        methods.section(context, texts),
        data_appendix.section(context, texts),
        checks.section(context, texts),
        checks.reproduction(context, texts),
    ]
    subtitle = texts.inline("front.subtitle")
    sections.append(checks.register(context, texts))
    labels = dict(texts.group("labels"))
    try:
        texts.finish()
    finally:
        raise_any(problems)
    title = context.worded(context.config, "title")
    return Document(title, context.language, subtitle, tuple(sections), labels), numbers.quoted


def _introduced(context: Context, texts: Texts, section: Section) -> Section:
    """The first section with the configuration's own introduction (``report: introduction``) before it."""
    words = context.worded(context.report, "introduction")
    if not words:
        return section
    return replace(section, blocks=(Paragraph(texts.own(words, "report.introduction"), "lede"), *section.blocks))


def build(context: Context, folder: str | Path, formats: Sequence[str] = FORMATS) -> None:
    """Write the report to `folder`: ``numbers.json`` and the `formats` asked for.

    Nothing is written unless everything can be: numbers, pictures and, for the PDF, glyphs are checked first.

    Raises
    ------
    UserError
        As `compose`; also a character that no font of the PDF has.
    """
    target = Path(folder)
    document, quoted = compose(context)
    pdf: bytes | None = None
    if "pdf" in formats:
        from ruralpanel.output.report.pdf import render_pdf

        pdf = render_pdf(document)
    if "html" in formats:
        write_text(target / "report.html", render_html(document))
    if pdf is not None:
        from ruralpanel.project.files import atomic_path

        with atomic_path(target / "report.pdf") as temporary:
            temporary.write_bytes(pdf)
    write_json(target / "numbers.json", {"numbers": [entry.record() for entry in quoted]})
