"""What the reconciliation found, first what nobody declared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ruralpanel.report.blocks import Block, Details, Paragraph, Section, Table, TableCell, TableRow
from ruralpanel.report.context import Context
from ruralpanel.report.designs import header
from ruralpanel.report.lookups import is_declared
from ruralpanel.report.markup import Inline, parse
from ruralpanel.report.numbers import formatted
from ruralpanel.report.texts import Texts

_COLUMNS = ("check", "source", "series", "unit", "period", "value", "expected", "size")
_NUMERIC = frozenset({"value", "expected", "size"})
_FILE = "results/reconciliation/findings.csv"
_MOST = 120  # rows of a table; the file has them all


def section(context: Context, texts: Texts) -> Section:
    """Section "Reconciliation"."""
    title = texts.plain("checks.title")
    if not (context.results / "reconciliation" / "findings.csv").is_file():
        return Section("reconciliation", title, (Paragraph(texts.inline("checks.not_run"), "lede"),))
    if not context.findings:
        return Section("reconciliation", title, (Paragraph(texts.inline("checks.none"), "lede"),))
    undeclared = [row for row in context.findings if not is_declared(row)]
    declared = [row for row in context.findings if is_declared(row)]
    blocks: list[Block] = [Paragraph(texts.inline("checks.lede"), "lede")]
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
    shown = sorted(findings, key=_size)[:_MOST]
    rows = tuple(TableRow(tuple(_cell(context, texts, row, column) for column in columns)) for row in shown)
    notes = (
        (texts.inline("checks.shown", shown=str(len(shown)), total=str(len(findings)), file=_FILE),)
        if len(shown) < len(findings)
        else ()
    )
    caption = texts.inline(f"checks.{name}_caption")
    return Table(f"findings-{name}", caption, header(texts, columns, "checks.head", _NUMERIC), rows, notes, tall=True)


def _size(row: Mapping[str, str]) -> float:
    number = _number(row.get("size"))
    return 0.0 if number is None else -abs(number)


def _cell(context: Context, texts: Texts, row: Mapping[str, str], column: str) -> TableCell:
    text = (row.get(column) or "").strip()
    if column in _NUMERIC:
        number = _number(text)
        return TableCell(parse(formatted(number, "sig3")) if number is not None else _own(texts, text), "right")
    if column == "check":
        text = text.replace("_", " ")
    if column == "unit":
        text = context.unit(text)
    if column == "series":
        text = _series_label(context, row)
    return TableCell(_own(texts, text), header=column == "check")


def _series_label(context: Context, row: Mapping[str, str]) -> str:
    source = context.sources.get(row.get("source") or "")
    key = (row.get("series") or "").strip()
    series = ((source.about if source else None) or {}).get("series") or {}
    return context.worded(series.get(key) or {}, "label") or key


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None


def _own(texts: Texts, text: str) -> Inline:
    return parse(texts.render("answers.own", text=text))
