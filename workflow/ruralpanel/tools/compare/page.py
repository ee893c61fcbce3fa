"""A comparison as a page of its own in the report's style, and its figures as a CSV file."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

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
from ruralpanel.tools.compare.changes import Cause, CellChange, Comparison, Estimate
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

Say = Callable[[Cause], str]
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
    rows = []
    for claim in sorted(comparison.claims, key=lambda c: not c.moved):
        verdicts = [text or texts.plain("none") for text in (claim.old, claim.new)]
        why = [texts.plain("claims.now", text=text) for text in claim.reasons_new]
        why += [texts.plain("claims.no_longer", text=text) for text in claim.reasons_gone]
        why += list(map(say, claim.causes))
        rows.append(
            _row(
                [
                    _code(claim.claim, claim.text),
                    _runs(_arrow(*verdicts), strong=claim.moved),
                    _runs(_arrow(*map(_interval, (claim.old_estimate, claim.new_estimate)))),
                    _runs("; ".join(why)),
                ],
                "llll",
            )
        )
    number_of = {"moved": len(comparison.verdicts), "number": len(comparison.claims)}
    return _section("claims", texts, rows, ("claim", "verdict", "estimate", "why"), "llll", **number_of)


def _causes(comparison: Comparison, texts: Texts, words: Mapping[str, str]) -> Section:
    rows = [
        _row(
            [_runs(words[cause.kind]), _runs(cause.old), _runs(cause.new), _code(joined(names)), _runs(f"{n:,}")],
            "llllr",
        )
        for cause, names, n in by_cause(comparison.cells)
    ]
    return _section("causes", texts, rows, ("cause", "old", "new", "variables", "cells"), "llllr")


def _coefficients(comparison: Comparison, texts: Texts, say: Say) -> Section:
    rows = [
        _row(
            [
                _code(change.model),
                _code(change.term),
                _runs(_interval(change.old)),
                _runs(_interval(change.new)),
                _runs(f"{change.in_errors:.2g}" if math.isfinite(change.in_errors) else "–"),
                _runs("; ".join(map(say, change.causes))),
            ],
            "llllrl",
        )
        for change in largest_first(comparison.coefficients)
    ]
    columns = ("model", "term", "old", "new", "errors", "causes")
    return _section("coefficients", texts, rows, columns, "llllrl", number=f"{len(rows):,}")


def _variables(comparison: Comparison, texts: Texts, say: Say) -> Section:
    rows = [
        _row(
            [
                _code(change.panel),
                _code(change.variable),
                *(_runs(f"{n:,}") for n in (change.cells, change.came, change.went)),
                _runs(_percent(change.largest)),
                _runs("; ".join(f"{say(cause)} ({n:,})" for cause, n in change.causes)),
            ],
            "llrrrrl",
        )
        for change in comparison.variables
    ]
    columns = ("panel", "variable", "cells", "came", "went", "largest", "causes")
    return _section("variables", texts, rows, columns, "llrrrrl")


def _cells(comparison: Comparison, texts: Texts, say: Say, file: str) -> Section:
    shown = largest_cells(comparison.cells, SHOWN)
    missing = texts.plain("missing")
    rows = [
        _row(
            [
                _code(cell.panel),
                _code(cell.variable),
                _runs(cell.unit),
                _runs(str(cell.period)),
                _runs(_figure(cell.old, missing)),
                _runs(_figure(cell.new, missing)),
                _runs(_percent(cell.relative)),
                _runs("; ".join(map(say, cell.causes))),
                _runs(_places(cell)),
            ],
            "lllrrrrll",
        )
        for cell in shown
    ]
    columns = ("panel", "variable", "unit", "period", "old", "new", "change", "causes", "places")
    left = len(comparison.cells) - len(shown)
    values = {"shown": f"{len(shown):,}", "left": f"{left:,}" if left else "", "file": file}
    return _section("cells", texts, rows, columns, "lllrrrrll", **values)


def _section(
    name: str, texts: Texts, rows: Sequence[TableRow], columns: Sequence[str], align: str, **values: object
) -> Section:
    lede = Paragraph(texts.inline(f"{name}.lede", **values), "lede")
    head = TableRow(
        tuple(
            TableCell(texts.inline(f"{name}.{column}"), _ALIGN[side], header=True)
            for column, side in zip(columns, align, strict=True)
        )
    )
    table = Table(f"{name}-table", texts.inline(f"{name}.caption"), (head,), tuple(rows), tall=len(rows) > 25)
    return Section(name, texts.plain(f"{name}.title"), (lede, table) if rows else (lede,))


_ALIGN: Mapping[str, Align] = {"l": "left", "r": "right"}


def _row(cells: Sequence[Inline], align: str) -> TableRow:
    return TableRow(
        tuple(
            TableCell(cell, _ALIGN[side], header=i == 0)
            for i, (cell, side) in enumerate(zip(cells, align, strict=True))
        )
    )


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
