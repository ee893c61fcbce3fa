"""Commands and versions that give the same results, and the register of quoted numbers."""

from __future__ import annotations

from ruralpanel.report.blocks import Block, Code, Details, Paragraph, Section, Table, TableCell, TableRow
from ruralpanel.report.context import Context
from ruralpanel.report.designs import header
from ruralpanel.report.markup import Run
from ruralpanel.report.numbers import Quoted
from ruralpanel.report.origins import Origins
from ruralpanel.report.texts import Texts


def section(context: Context, texts: Texts) -> Section:
    """Section "How to reproduce this"; the last one made, so that the register holds every number."""
    versions = Table(
        "versions-table",
        texts.inline("reproduce.versions_caption"),
        header(texts, ("package", "version"), "reproduce.head"),
        tuple(
            TableRow((TableCell((Run(name, "code"),), header=True), TableCell((Run(version),))))
            for name, version in context.versions
        ),
    )
    blocks: list[Block] = [
        Paragraph(texts.inline("reproduce.lede"), "lede"),
        Code(context.commands),
        Paragraph(texts.inline("reproduce.trace")),
        _compared(context, texts),
        Paragraph(texts.inline("reproduce.settings", file=context.config_file)),
        versions,
    ]
    return Section("reproduce", texts.plain("reproduce.title"), tuple(blocks))


def _compared(context: Context, texts: Texts) -> Paragraph:
    """The page that compares the results with earlier ones, or how to make it."""
    before = context.report.get("compare_with")
    words = texts.inline("reproduce.compared", before=before) if before else texts.inline("reproduce.compare")
    return Paragraph(words)


def register(context: Context, texts: Texts) -> Section:
    """The register of quoted numbers, for the page only."""
    head = header(texts, ("number", "key", "file", "pointer"), "reproduce.numbers_head", ("number",))
    origins = Origins(context, texts.numbers.quoted)
    behind = texts.plain("origins.link")
    rows = tuple(_row(quoted, origins.address(quoted.found), behind) for quoted in texts.numbers.quoted)
    table = Table("register-table", texts.inline("reproduce.numbers_caption"), head, rows, tall=True)
    lede = Paragraph(texts.inline("reproduce.numbers_lede", results=context.results.name))
    inner: tuple[Block, ...] = (lede, table)
    details = Details(texts.inline("reproduce.numbers_title"), inner, printed=False, id="register")
    return Section("numbers", texts.plain("reproduce.numbers_title"), (details, *origins.details(texts)))


def _row(quoted: Quoted, address: str, behind: str) -> TableRow:
    """A number with its place; `address` is that of the cells behind it, if the page lists them."""
    origin = quoted.found
    pointer = f"{origin.pointer}; {origin.trace}" if origin.trace else origin.pointer
    link = (Run(" "), Run(behind, "link", address)) if address else ()
    return TableRow(
        (
            TableCell((Run(quoted.printed, "text", f"n{quoted.index}"),), "right", header=True),
            TableCell((Run(quoted.key, "code"),)),
            TableCell((Run(origin.file, "code"),)),
            TableCell((Run(pointer, "code"), *link)),
        )
    )
