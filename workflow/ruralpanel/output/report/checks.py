"""The report's parts on checks of the data and on how to reproduce it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from ruralpanel.output.report.context import Context
from ruralpanel.output.report.designs import Origins, header, row
from ruralpanel.output.report.document import (
    Block,
    Code,
    Details,
    Inline,
    Paragraph,
    Run,
    Section,
    Table,
    TableCell,
    TableRow,
    escape,
    foreign,
    literal,
    parse,
)
from ruralpanel.output.report.lookups import is_declared
from ruralpanel.output.report.numbers import Quoted, formatted
from ruralpanel.output.report.texts import Texts
from ruralpanel.output.words import clause, stated
from ruralpanel.project.formats import MINUS

_COLUMNS = ("check", "source", "series", "unit", "period", "value", "expected", "size")
_NUMERIC = frozenset({"value", "expected", "size"})
_REGISTER = ("number", "value", "model", "key", "file", "pointer")
_ENGLISH = re.compile(r"([A-Za-z0-9][ -~]{12,})")
_FILE = "results/reconciliation/findings.csv"
_MOST = 25  # findings of one check that are shown, the largest; the file has them all


def section(context: Context, texts: Texts) -> Section:
    """Section "Reconciliation"."""
    title = texts.plain("checks.title")
    if not (context.results / "reconciliation" / "findings.csv").is_file():
        return Section("reconciliation", title, (Paragraph(texts.inline("checks.not_run"), "lede"),))
    if not context.findings:
        return Section("reconciliation", title, (Paragraph(texts.inline("checks.none"), "lede"),))
    undeclared = [finding for finding in context.findings if not is_declared(finding)]
    declared = [finding for finding in context.findings if is_declared(finding)]
    blocks: list[Block] = [Paragraph(texts.inline("checks.lede"), "lede"), _summary(texts, undeclared, declared)]
    if undeclared:
        blocks.append(_table(context, texts, undeclared, "undeclared", _COLUMNS))
    else:
        blocks.append(Paragraph(texts.inline("checks.all_declared")))
    if declared:
        table = _table(context, texts, declared, "declared", (*_COLUMNS, "declared_by"))
        blocks.append(Details(texts.inline("checks.declared_caption"), (table,), printed=False, id="declared"))
    return Section("reconciliation", title, tuple(blocks))


def _table(
    context: Context, texts: Texts, findings: Sequence[Mapping[str, str]], name: str, columns: Sequence[str]
) -> Table:
    shown = _largest(findings)
    if any((finding.get("note") or "").strip() for finding in shown):
        columns = (*columns, "note")
    rows = tuple(TableRow(tuple(_cell(context, texts, finding, column) for column in columns)) for finding in shown)
    notes = (
        (texts.inline("checks.shown", shown=str(len(shown)), total=str(len(findings)), file=_FILE),)
        if len(shown) < len(findings)
        else ()
    )
    caption = texts.inline(f"checks.{name}_caption")
    return Table(f"findings-{name}", caption, header(texts, columns, "checks.head", _NUMERIC), rows, notes, tall=True)


def _summary(texts: Texts, undeclared: Sequence[Mapping[str, str]], declared: Sequence[Mapping[str, str]]) -> Table:
    checks = dict.fromkeys(finding["check"] for finding in (*undeclared, *declared))
    numbers = [Counter(finding["check"] for finding in group) for group in (undeclared, declared)]
    columns = ("check", "undeclared", "declared")
    rows = tuple(
        row(
            {
                "check": literal(_named(texts, check)),
                "undeclared": parse(formatted(numbers[0][check], "int")),
                "declared": parse(formatted(numbers[1][check], "int")),
            },
            columns,
            columns[1:],
        )
        for check in checks
    )
    caption = texts.inline("checks.summary_caption")
    return Table("findings-by-check", caption, header(texts, columns, "checks.head", columns[1:]), rows)


def _largest(findings: Sequence[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """The largest findings of each check: sizes of different checks are in different measures."""
    shown: list[Mapping[str, str]] = []
    for check in dict.fromkeys(finding["check"] for finding in findings):
        shown += sorted((finding for finding in findings if finding["check"] == check), key=_size)[:_MOST]
    return shown


def _size(finding: Mapping[str, str]) -> float:
    number = _number(finding.get("size"))
    return 0.0 if number is None else -abs(number)


def _cell(context: Context, texts: Texts, finding: Mapping[str, str], column: str) -> TableCell:
    text = (finding.get(column) or "").strip()
    if column in _NUMERIC:
        number = _number(text)
        return TableCell(parse(formatted(number, "sig3")) if number is not None else literal(text), "right")
    if column == "check":
        text = _named(texts, text)
    if column == "unit":
        text = context.unit(text)
    if column == "series":
        text = _series_label(context, finding)
    if column in ("note", "declared_by"):
        return TableCell(_declaration(context, stated(text, context.language)))
    return TableCell(literal(text), header=column == "check")


def _declaration(context: Context, text: str) -> Inline:
    """Who declares a finding, in the report's language where sidecars have it, else marked as English."""
    if context.language == "en":
        return literal(text)
    for english, own in context.retold.items():
        text = text.replace(english, own)
    parts = (foreign(part, "en") if _ENGLISH.fullmatch(part) else escape(part) for part in _ENGLISH.split(text))
    return parse("".join(parts))


def _named(texts: Texts, check: str) -> str:
    key = f"checks.names.{check}"
    return texts.plain(key) if texts.has(key) else check.replace("_", " ")


def _series_label(context: Context, finding: Mapping[str, str]) -> str:
    source = context.sources.get(finding.get("source") or "")
    key = (finding.get("series") or "").strip()
    series = source.series if source else {}
    return context.worded(series.get(key) or {}, "label") or key


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None


def reproduction(context: Context, texts: Texts) -> Section:
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
    before = context.report.compare_with
    words = texts.inline("reproduce.compared", before=before) if before else texts.inline("reproduce.compare")
    return Paragraph(words)


def register(context: Context, texts: Texts) -> Section:
    """The register of quoted numbers, for the page only."""
    head = header(texts, _REGISTER, "reproduce.numbers_head", _REGISTER[:2])
    origins = Origins(context, texts.numbers.quoted)
    behind = texts.plain("origins.link")
    rows = tuple(_row(quoted, origins, behind, context.language) for quoted in texts.numbers.quoted)
    table = Table("register-table", texts.inline("reproduce.numbers_caption"), head, rows, tall=True)
    lede = Paragraph(texts.inline("reproduce.numbers_lede", results=context.results.name))
    inner: tuple[Block, ...] = (lede, table)
    details = Details(texts.inline("reproduce.numbers_title"), inner, printed=False, id="register")
    blocks = (details, *origins.details(texts))
    return Section("numbers", texts.plain("reproduce.numbers_title"), blocks, part="page")


def _row(quoted: Quoted, origins: Origins, behind: str, language: str) -> TableRow:
    """A number with its model and place, leading to the cells behind it where the page lists them."""
    origin = quoted.found
    place = Run(f"{origin.pointer}; {origin.trace}" if origin.trace else origin.pointer, "code")
    if origin.way:
        place = Run(clause(origin.way, language))
    address = origins.address(origin)
    link = (Run(" "), Run(behind, "link", address)) if address else ()
    return TableRow(
        (
            TableCell((Run(quoted.printed, "text", f"n{quoted.index}"),), "right", header=True),
            TableCell((Run(f"{origin.value:.10g}".replace("-", MINUS)),), "right"),
            TableCell(literal(origins.title(origin))),
            TableCell((Run(quoted.key, "code"),)),
            TableCell((Run(origin.file, "code"),)),
            TableCell((place, *link)),
        )
    )
