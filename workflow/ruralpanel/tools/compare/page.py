"""A comparison as a page of its own in the report's style, and its figures as a CSV file."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from ruralpanel.output.report.document import (
    Align,
    Document,
    Inline,
    Paragraph,
    Run,
    Section,
    Table,
    TableCell,
    TableRow,
)
from ruralpanel.output.report.html import render_html
from ruralpanel.output.report.numbers import Numbers
from ruralpanel.output.report.texts import Texts
from ruralpanel.project.files import csv_text, write_text
from ruralpanel.project.formats import MINUS
from ruralpanel.project.problems import Problem, raise_any
from ruralpanel.tools.compare.changes import (
    Cause,
    CellChange,
    ClaimChange,
    CoefficientChange,
    Comparison,
    Estimate,
    VariableChange,
)
from ruralpanel.tools.compare.compare import (
    FOLDER,
    by_cause,
    cause_names,
    cause_words,
    joined,
    largest_cells,
    largest_first,
    number,
)

SHOWN = 400
CSV_COLUMNS = ("panel", "variable", "unit", "period", "old", "new", "relative_change", "cause", "old_cell", "old_text",
               "new_cell", "new_text")  # fmt: skip

T = TypeVar("T")
Say = Callable[[Cause], str]
_Columns = Mapping[str, tuple[Align, Callable[[T], Inline]]]
"""Columns of a table by the word of their heading: side, and the cell of an item."""
_MARK = '<meta name="generator" content="ruralpanel compare">'


def require_replaceable(files: Sequence[str | Path]) -> None:
    """Refuse to write a comparison over a file that holds anything else, and two parts of it into one file."""
    raise_any(
        Problem(str(file), "", found, "a new file, or an earlier comparison to replace", "choose another name")
        for number, file in enumerate(files)
        for found in [_in_the_way(Path(file), [Path(other) for other in files[:number]])]
        if found
    )


def _in_the_way(file: Path, others: Sequence[Path]) -> str:
    if file.resolve() in [other.resolve() for other in others]:
        return "the same file for the page and the figures"
    if not file.exists():
        return ""
    if not file.is_file():
        return "a folder"
    with file.open("rb") as stream:
        start = stream.read(4096).decode("utf-8", errors="replace")
    ours = not start or _MARK in start or start.startswith(",".join(CSV_COLUMNS) + "\n")
    return "" if ours else "a file that is no comparison"


def write_page(
    comparison: Comparison, file: str | Path, old: str, new: str, language: str = "en", cells_file: str = ""
) -> None:
    """Write the comparison as one self-contained HTML page.

    Parameters
    ----------
    old, new : what the two folders are called. cells_file : the CSV file that holds every figure, as the page names it.
    """
    page = render_html(document(comparison, old, new, language, cells_file))
    write_text(file, page.replace("<head>\n", f"<head>\n{_MARK}\n", 1))


def write_cells(comparison: Comparison, file: str | Path) -> None:
    """Write every figure that moved with its causes and places (`CSV_COLUMNS`), each to its last digit."""
    say = partial(cause_words, names=cause_names())
    rows: list[tuple[object, ...]] = [CSV_COLUMNS]
    for cell in comparison.cells:
        rows.append(
            (
                cell.panel,
                cell.variable,
                cell.unit,
                cell.period,
                "" if cell.old is None else repr(cell.old),
                "" if cell.new is None else repr(cell.new),
                f"{cell.relative:.12g}" if math.isfinite(cell.relative) else "",
                "; ".join(map(say, cell.causes)),
                cell.before.place,
                cell.before.text,
                cell.after.place,
                cell.after.text,
            )
        )
    write_text(file, csv_text(rows))


def document(comparison: Comparison, old: str, new: str, language: str, cells_file: str) -> Document:
    """The page as a value."""
    texts = Texts(language, Numbers({}), FOLDER)
    sides = {"old": old, "new": new}
    words = cause_names(language)
    say = partial(cause_words, names=words)
    counts = {
        "empty": comparison.empty,
        "verdicts": len(comparison.verdicts),
        "coefficients": f"{len(comparison.coefficients):,}",
        "cells": f"{len(comparison.cells):,}",
    }
    parts = [
        _claims(comparison, texts, say),
        _causes(comparison, texts, words),
        _coefficients(comparison, texts, say),
        _variables(comparison, texts, say),
        _cells(comparison, texts, say, cells_file or "--csv FILE"),
    ]
    labels = {**Texts(language, Numbers({})).group("labels"), "made_from": texts.plain("made_from", **sides)}
    page = Document(texts.plain("title", **sides), language, texts.inline("subtitle", **counts), tuple(parts), labels)
    texts.finish()
    return page


def _claims(comparison: Comparison, texts: Texts, say: Say) -> Section:
    def why(claim: ClaimChange) -> str:
        parts = [texts.plain("claims.now", text=text) for text in claim.reasons_new]
        parts += [texts.plain("claims.no_longer", text=text) for text in claim.reasons_gone]
        return "; ".join([*parts, *map(say, claim.causes)])

    columns: _Columns[ClaimChange] = {
        "claim": ("left", lambda claim: _code(claim.claim, claim.text)),
        "verdict": (
            "left",
            lambda claim: _runs(_arrow(*(text or texts.plain("none") for text in (claim.old, claim.new))), claim.moved),
        ),
        "estimate": ("left", lambda claim: _runs(_arrow(*map(_interval, (claim.old_estimate, claim.new_estimate))))),
        "why": ("left", lambda claim: _runs(why(claim))),
    }
    number_of = {"moved": len(comparison.verdicts), "number": len(comparison.claims)}
    return _section("claims", texts, sorted(comparison.claims, key=lambda c: not c.moved), columns, **number_of)


def _causes(comparison: Comparison, texts: Texts, words: Mapping[str, str]) -> Section:
    columns: _Columns[tuple[Cause, tuple[str, ...], int]] = {
        "cause": ("left", lambda row: _runs(words[row[0].kind])),
        "old": ("left", lambda row: _runs(row[0].old)),
        "new": ("left", lambda row: _runs(row[0].new)),
        "variables": ("left", lambda row: _code(joined(row[1]))),
        "cells": ("right", lambda row: _runs(f"{row[2]:,}")),
    }
    return _section("causes", texts, by_cause(comparison.cells), columns)


def _coefficients(comparison: Comparison, texts: Texts, say: Say) -> Section:
    columns: _Columns[CoefficientChange] = {
        "model": ("left", lambda change: _code(change.model)),
        "term": ("left", lambda change: _code(change.term)),
        "old": ("left", lambda change: _runs(_interval(change.old))),
        "new": ("left", lambda change: _runs(_interval(change.new))),
        "errors": ("right", lambda c: _runs(f"{c.in_errors:.2g}" if math.isfinite(c.in_errors) else "–")),
        "causes": ("left", lambda change: _runs("; ".join(map(say, change.causes)))),
    }
    changes = largest_first(comparison.coefficients)
    return _section("coefficients", texts, changes, columns, number=f"{len(changes):,}")


def _variables(comparison: Comparison, texts: Texts, say: Say) -> Section:
    columns: _Columns[VariableChange] = {
        "panel": ("left", lambda change: _code(change.panel)),
        "variable": ("left", lambda change: _code(change.variable)),
        "cells": ("right", lambda change: _runs(f"{change.cells:,}")),
        "came": ("right", lambda change: _runs(f"{change.came:,}")),
        "went": ("right", lambda change: _runs(f"{change.went:,}")),
        "largest": ("right", lambda change: _runs(_percent(change.largest))),
        "causes": ("left", lambda change: _runs("; ".join(f"{say(cause)} ({n:,})" for cause, n in change.causes))),
    }
    return _section("variables", texts, comparison.variables, columns)


def _cells(comparison: Comparison, texts: Texts, say: Say, file: str) -> Section:
    shown = largest_cells(comparison.cells, SHOWN)
    missing = texts.plain("missing")
    columns: _Columns[CellChange] = {
        "panel": ("left", lambda cell: _code(cell.panel)),
        "variable": ("left", lambda cell: _code(cell.variable)),
        "unit": ("left", lambda cell: _runs(cell.unit)),
        "period": ("right", lambda cell: _runs(str(cell.period))),
        "old": ("right", lambda cell: _runs(_figure(cell.old, missing))),
        "new": ("right", lambda cell: _runs(_figure(cell.new, missing))),
        "change": ("right", lambda cell: _runs(_percent(cell.relative))),
        "causes": ("left", lambda cell: _runs("; ".join(map(say, cell.causes)))),
        "places": ("left", lambda cell: _runs(_places(cell))),
    }
    left = len(comparison.cells) - len(shown)
    values = {"shown": f"{len(shown):,}", "left": f"{left:,}" if left else "", "file": file}
    return _section("cells", texts, shown, columns, **values)


def _section(name: str, texts: Texts, items: Sequence[T], columns: _Columns[T], **values: object) -> Section:
    """A lede and, where there is anything, a table with a row for each item."""
    lede = Paragraph(texts.inline(f"{name}.lede", **values), "lede")
    head = [TableCell(texts.inline(f"{name}.{column}"), side, header=True) for column, (side, _) in columns.items()]
    rows = tuple(
        TableRow(tuple(TableCell(of(item), side, header=i == 0) for i, (side, of) in enumerate(columns.values())))
        for item in items
    )
    table = Table(f"{name}-table", texts.inline(f"{name}.caption"), (TableRow(tuple(head)),), rows, tall=len(rows) > 25)
    return Section(name, texts.plain(f"{name}.title"), (lede, table) if rows else (lede,))


def _runs(text: str, strong: bool = False) -> Inline:
    return (Run(text, "strong" if strong else "text"),)


def _code(name: str, after: str = "") -> Inline:
    return (Run(name, "code"), Run(f" {after}")) if after else (Run(name, "code"),)


def _arrow(old: str, new: str) -> str:
    return old if old == new else f"{old} → {new}"


def _interval(estimate: Estimate | None) -> str:
    if estimate is None:
        return "–"
    interval = f" [{_minus(estimate.low)}, {_minus(estimate.high)}]" if estimate.low is not None else ""
    return _minus(estimate.value) + interval


def _minus(value: float | None) -> str:
    return number(value).replace("-", MINUS)


def _figure(value: float | None, missing: str) -> str:
    return missing if value is None else f"{value:.8g}".replace("-", MINUS)


def _percent(size: float) -> str:
    return f"{size:.2%}" if math.isfinite(size) else "–"


def _places(cell: CellChange) -> str:
    sides = [f"{side.place}: “{side.text}”" if side.place else "" for side in (cell.before, cell.after)]
    return _arrow(*(side or "–" for side in sides)) if any(sides) else ""
