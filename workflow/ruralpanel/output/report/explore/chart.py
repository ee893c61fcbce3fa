"""One chart of the HTML report: its frame, the table behind it, the parts of drawings that all kinds share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from ruralpanel.output.words import word
from ruralpanel.project.formats import format_auto, plain_number


@dataclass(frozen=True)
class Chart:
    """A chart with everything that stands around it.

    Attributes
    ----------
    id : of its element. kind : what it is (``map``, ``event_study`` …). name : of the files that readers save.
    title : what is to be seen in it. subtitle : what is drawn, in which unit.
    body : markup of the drawing. alternative : what it shows, in words made of its figures.
    source, note : lines beneath. table : markup of its figures (`table_html`), from which the CSV is made.
    """

    id: str
    kind: str
    name: str
    title: str
    subtitle: str
    body: str
    alternative: str
    table: str
    source: str = ""
    note: str = ""
    language: str = "en"

    @property
    def html(self) -> str:
        """The whole figure; without scripts drawing and table stand as they are."""
        return framed(self)


@dataclass(frozen=True)
class Cell:
    """A cell of the table behind a chart: what is printed and, of a number, what machines read."""

    text: str
    value: float | None = None

    @property
    def html(self) -> str:
        """The cell's markup."""
        if self.value is None:
            return f"<td>{escape(self.text)}</td>"
        return f'<td class="right" data-v="{plain_number(self.value)}">{escape(self.text)}</td>'


def number(value: float | None) -> Cell:
    """A number as charts print it."""
    return Cell(format_auto(value), value)


def table_html(head: Sequence[str], rows: Iterable[Sequence[str | Cell]]) -> str:
    """The table of a chart's figures; the first cell of each row is its head."""
    columns = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    lines = []
    for first, *rest in rows:
        cells = "".join((cell if isinstance(cell, Cell) else Cell(cell)).html for cell in rest)
        lines.append(f'<tr><th scope="row">{escape(first.text if isinstance(first, Cell) else first)}</th>{cells}</tr>')
    return f"<table><thead><tr>{columns}</tr></thead><tbody>{''.join(lines)}</tbody></table>"


def framed(chart: Chart) -> str:
    """A chart in its frame: title, drawing, lines beneath, table, buttons."""

    def said(key: str) -> str:
        return escape(word(f"explore.{key}", chart.language))

    lines = [f'<p class="source">{escape(chart.source)}</p>' if chart.source else ""]
    lines.append(f'<p class="remark">{escape(chart.note)}</p>' if chart.note else "")
    buttons = "".join(
        f'<button type="button" data-save="{form}">{said(f"save_{form}")}</button>' for form in ("png", "svg", "csv")
    )
    parts = [
        f'<figure class="chart {chart.kind}" id="{chart.id}" data-name="{escape(chart.name)}"'
        f' aria-labelledby="{chart.id}-title" aria-describedby="{chart.id}-says">',
        '<div class="sheet">',
        f'<p class="chart-title" id="{chart.id}-title">{escape(chart.title)}</p>',
        f'<p class="subtitle">{escape(chart.subtitle)}</p>' if chart.subtitle else "",
        f'<p class="unseen" id="{chart.id}-says">{escape(chart.alternative)}</p>',
        chart.body,
        "<figcaption>",
        *lines,
        "</figcaption>",
        "</div>",
        f'<div class="tools"><span>{said("save")}</span>{buttons}</div>',
        f'<details class="figures"><summary>{said("table")}</summary>',
        f'<div class="scroll tall" tabindex="0" role="group" aria-label="{said("table_of")} {escape(chart.title)}">',
        chart.table,
        "</div></details>",
        "</figure>",
    ]
    return "\n".join(part for part in parts if part)


def mark(content: str, says: str, first: bool, tag: str = "g", extra: str = "") -> str:
    """What is pointed at, touched or reached with the arrow keys; `says`, in lines, is shown and read out then."""
    text = escape(says)
    return (
        f'<{tag} class="mark" tabindex="{0 if first else -1}" role="img" aria-label="{text}" data-tip="{text}"{extra}>'
        f"{content}</{tag}>"
    )


def percent(value: float, low: float, high: float) -> str:
    """Where a value lies between two others, as a coordinate that needs no width."""
    share = (value - low) / (high - low) if high > low else 0.5
    return f"{100 * share:.2f}".rstrip("0").rstrip(".") + "%"


def legend(entries: Sequence[tuple[str, str]]) -> str:
    """Swatches with their words; the first of each pair is the swatch's class."""
    items = "".join(f'<li><span class="swatch {kind}"></span>{escape(text)}</li>' for kind, text in entries)
    return f'<ul class="legend">{items}</ul>'
