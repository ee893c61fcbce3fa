"""Designs of one claim beside each other, and the same lever across models."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ruralpanel.formats import DASH
from ruralpanel.report.blocks import Table as TableBlock
from ruralpanel.report.blocks import TableCell, TableRow
from ruralpanel.report.context import Context
from ruralpanel.report.markup import Inline, literal, parse
from ruralpanel.report.sentences import Quote, interval_text, nouns
from ruralpanel.report.signs import Signed
from ruralpanel.report.texts import Texts
from ruralpanel.report.wording import short_label

_COLUMNS = ("design", "outcome", "evidence", "lever", "periods", "estimate", "interval", "sign")
_NUMERIC = ("periods", "estimate", "interval", "sign")


def model_span(model: Mapping[str, Any]) -> str:
    """``2012–2019``, ``1998``, or ``1998, 1999, 2003, 2008``; empty where the results do not name their periods."""
    periods = sorted(int(period) for period in model.get("periods") or ())
    return span(periods)


def span(periods: Sequence[int]) -> str:
    """Years in a few characters; uneven spacing is spelled out."""
    if not periods:
        return ""
    first, last = periods[0], periods[-1]
    if len(periods) == 1:
        return str(first)
    if last - first + 1 == len(periods):
        return f"{first}{DASH}{last}"
    return ", ".join(map(str, periods)) if len(periods) <= 6 else f"{first}{DASH}{last} ({len(periods)})"


def design_table(
    context: Context,
    texts: Texts,
    pairs: Sequence[tuple[Mapping[str, Any], str]],
    identity: str,
    caption: Inline,
) -> TableBlock:
    """Designs (of the scorecard) with the keys under which their numbers are found, one row each."""
    words = nouns(context)
    head = header(texts, _COLUMNS, numeric=_NUMERIC)
    rows, notes = [], []
    for design, base in pairs:
        notes += [literal(f"{design['title']}: {text}") for text in design["overrides"]]
        quote = Quote(texts, base)
        suffix = "_zh" if context.language == "zh" else ""
        cells = {
            "design": literal(design["title"]),
            "outcome": literal(short_label(design[f"outcome_label{suffix}"])),
            "evidence": texts.inline(f"evidence.{design['evidence']}", units=words["units"]),
            "lever": literal(_lever(design, suffix)),
            "periods": parse(model_span(context.models.get(design["model"], {}))),
            "estimate": parse(quote("estimate", "sig3")),
            "interval": parse(interval_text(texts, design, base)),
            "sign": parse(signed(design).printed),
        }
        rows.append(row(cells, _COLUMNS, _NUMERIC))
    return TableBlock(identity, caption, head, tuple(rows), tuple(dict.fromkeys(notes)))


def _lever(design: Mapping[str, Any], suffix: str) -> str:
    label = str(design[f"term_label{suffix}"])
    # the place at which a marginal effect is taken stands in parentheses and must stay
    return label if "marginal_effects" in design["pointer"] else short_label(label)


def header(
    texts: Texts, columns: Sequence[str], prefix: str = "contrasts.head", numeric: Collection[str] = (), **values: Any
) -> tuple[TableRow, ...]:
    """The row of column heads; those of `numeric` columns stand right, like their cells."""
    cells = [
        TableCell(texts.inline(f"{prefix}.{column}", **values), "right" if column in numeric else "left", header=True)
        for column in columns
    ]
    return (TableRow(tuple(cells)),)


def row(
    cells: Mapping[str, Inline], columns: Sequence[str], numeric: Collection[str] = (), kind: str = "entry"
) -> TableRow:
    """A row in the order of `columns`, the first one its head."""
    return TableRow(
        tuple(
            TableCell(cells[column], "right" if column in numeric else "left", header=index == 0)
            for index, column in enumerate(columns)
        ),
        kind,
    )


def signed(design: Mapping[str, Any], name: str = "") -> Signed:
    """Where a design's interval lies."""
    return Signed.of(name, design["ci_low"], design["ci_high"], bool(design["has_interval"]))
