"""Figures, maps, tables and the curve to explore, as the report shows them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ruralpanel.estimate.base.model_json import read_results
from ruralpanel.output.figures.curve import dimension_label, option_labels
from ruralpanel.output.labels import Labels
from ruralpanel.output.report.context import Context
from ruralpanel.output.report.document import (
    Align,
    Block,
    Details,
    Figure,
    Inline,
    Interactive,
    Run,
    Section,
    Table,
    TableCell,
    TableRow,
    literal,
)
from ruralpanel.output.report.sentences import nouns
from ruralpanel.output.report.texts import Texts, anchor
from ruralpanel.output.words import word
from ruralpanel.project.periods import label
from ruralpanel.project.problems import Problem

_ALIGNMENTS: dict[str, Align] = {"left": "left", "centre": "centre", "right": "right"}
_KINDS = ("entry", "detail", "section", "summary")


def read_fragment(path: Path, identity: str, downloads: tuple[str, ...] = ()) -> Table:
    """The table of an HTML file: caption, head, body and notes (the ``figcaption``'s paragraphs)."""
    parser = _TableParser()
    parser.feed(path.read_text(encoding="utf-8"))
    parser.close()
    return Table(
        id=identity,
        caption=_inline(parser.caption),
        head=tuple(parser.head),
        rows=_spanned(parser.rows),
        notes=tuple(_inline(note) for note in parser.notes if note.strip()),
        downloads=downloads,
    )


def _spanned(rows: Sequence[TableRow]) -> tuple[TableRow, ...]:
    """Row heads reach down over the details beneath them, whose own heads are empty, so that long ones have room."""
    found: list[TableRow] = []
    entry = -1
    for row in rows:
        if row.kind == "detail" and entry >= 0 and row.cells and not row.cells[0].text:
            head, *rest = found[entry].cells
            found[entry] = replace(found[entry], cells=(replace(head, rowspan=head.rowspan + 1), *rest))
            found.append(replace(row, cells=row.cells[1:]))
            continue
        entry = len(found) if row.kind == "entry" else -1
        found.append(row)
    return tuple(found)


@dataclass
class _Open:
    """The cell being read."""

    tag: str
    classes: tuple[str, ...]
    colspan: int
    rowspan: int
    text: list[str] = field(default_factory=list)


class _TableParser(HTMLParser):
    """Collects one table; what screen readers alone are told is skipped."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.caption = ""
        self.notes: list[str] = []
        self.head: list[TableRow] = []
        self.rows: list[TableRow] = []
        self._part = ""
        self._row: list[TableCell] | None = None
        self._kind = "entry"
        self._cell: _Open | None = None
        self._target = ""
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {key: value or "" for key, value in attrs}
        classes = tuple(values.get("class", "").split())
        if self._hidden or "visually-hidden" in classes:
            self._hidden += tag not in ("br", "img", "wbr")
        elif tag in ("thead", "tbody", "tfoot"):
            self._part = "summary" if "summary" in classes or tag == "tfoot" else tag
        elif tag == "tr":
            self._row = []
            self._kind = next((name for name in classes if name in _KINDS), "entry")
            if self._part == "summary" and self._kind == "entry":
                self._kind = "summary"
        elif tag in ("td", "th"):
            self._cell = _Open(tag, classes, int(values.get("colspan") or 1), int(values.get("rowspan") or 1))
            if "section" in classes:
                self._kind = "section"
        elif tag == "caption":
            self._target = "caption"
        elif tag == "p" and self._cell is None:
            self.notes.append("")
            self._target = "notes"
        elif tag == "br" and self._cell:
            self._cell.text.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if self._hidden:
            self._hidden -= 1
        elif tag in ("td", "th") and self._cell is not None and self._row is not None:
            self._row.append(_finished(self._cell))
            self._cell = None
        elif tag == "tr" and self._row is not None:
            row = TableRow(tuple(self._row), "entry" if self._part == "thead" else self._kind)
            (self.head if self._part == "thead" else self.rows).append(row)
            self._row = None
        elif tag in ("caption", "p"):
            self._target = ""

    def handle_data(self, data: str) -> None:
        if self._hidden:
            return
        if self._cell is not None:
            self._cell.text.append(data)
        elif self._target == "caption":
            self.caption += data
        elif self._target == "notes":
            self.notes[-1] += data


def _finished(cell: _Open) -> TableCell:
    align = next((_ALIGNMENTS[name] for name in cell.classes if name in _ALIGNMENTS), None)
    if align is None:
        align = "centre" if "spanner" in cell.classes else "left"
    return TableCell(_inline("".join(cell.text)), align, cell.colspan, cell.rowspan, cell.tag == "th")


def _inline(text: str) -> Inline:
    words = " ".join(text.split())
    return (Run(words),) if words else ()


ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = 3


def curve_html(
    summary: Mapping[str, Any], rows: pd.DataFrame, labels: Labels, name: str = "", caption: str = "", note: str = ""
) -> str:
    """The figure's markup with its data; ``curve.js`` and ``curve.css`` make it work, once per page.

    Parameters
    ----------
    summary, rows : JSON and Parquet of ``results/models/curves``. labels : of the curve's panel.
    name : id of the element, default from the curve's name. caption, note : plain text.

    Notes
    -----
    Specifications are sorted by standardised estimate and written to a ten-thousandth of a standard deviation; options
    are one character each: some 20 bytes per specification. Dimensions of more than 62 options are left out.
    """
    language = labels.language
    order = np.argsort(rows["standardised"].to_numpy(), kind="stable")
    table = rows.iloc[order]
    estimate = table["standardised"].to_numpy()
    reach = np.abs((table["ci_high"] - table["ci_low"]).to_numpy() / 2 * estimate / table["estimate"].to_numpy())
    dimensions = [
        _dimension(entry, table, labels)
        for entry in summary["dimensions"]
        if 1 < len(entry["options"]) <= len(ALPHABET)
    ]
    data = {
        "unit": 1e-4,
        "digits": DIGITS,
        "alphabet": ALPHABET,
        "estimate": np.rint(estimate * 1e4).astype(int).tolist(),
        "reach": np.rint(reach * 1e4).astype(int).tolist(),
        "main": int(np.flatnonzero(order == 0)[0]) if summary.get("main") else -1,
        "dimensions": dimensions,
        "words": {key: word(f"curve_{key}", language) for key in ("status", "one", "point", "nothing")},
    }
    identity = escape(name or f"curve-{summary['name']}")
    # "</" must not end the element early
    payload = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    title = escape(caption or str(summary["name"]))
    axis = escape(word("standardised_effect", language).replace("\n", " "))
    parts = [
        f'<figure class="curve" id="{identity}">',
        f'<script type="application/json">{payload}</script>',
        f'<p class="caption">{title}</p>',
        f'<p class="status" role="status">{axis}</p>',
        f'<canvas tabindex="0" role="img" aria-label="{title}: {axis}"></canvas>',
        "<output></output>",
        f'<button type="button">{escape(word("curve_reset", language))}</button>',
        '<div class="filters">',
        *(_fieldset(index, dimension) for index, dimension in enumerate(dimensions)),
        "</div>",
        "<figcaption>",
        f"<p>{axis}. {escape(word('curve_medians', language))}</p>",
        *([f"<p>{escape(note)}</p>"] if note else []),
        "</figcaption>",
        "</figure>",
    ]
    return "\n".join(parts)


def _dimension(entry: Mapping[str, Any], table: pd.DataFrame, labels: Labels) -> dict[str, Any]:
    options: Sequence[str] = entry["options"]
    place = {option: ALPHABET[index] for index, option in enumerate(options)}
    return {
        "label": dimension_label(entry["name"], labels.language),
        "options": option_labels(entry["name"], options, labels),
        "choices": "".join(place[str(option)] for option in table[entry["name"]]),
    }


def _fieldset(index: int, dimension: Mapping[str, Any]) -> str:
    boxes = "".join(
        f'<label><input type="checkbox" checked data-dimension="{index}" data-option="{option}">'
        f"<span>{escape(label)}</span><small></small></label>"
        for option, label in enumerate(dimension["options"])
    )
    return f"<fieldset><legend>{escape(dimension['label'])}</legend>{boxes}</fieldset>"


_SVG_LIMIT = 300_000  # bytes; larger drawings (polygons with names) are smaller, and faster to show, as PNG


def sections(context: Context, texts: Texts, problems: list[Problem]) -> tuple[Section, ...]:
    """Sections "Figures", "Maps" and "Tables"; those without anything to show fall away.

    What the configuration declares and the results lack is added to `problems`.
    """
    figures = _pictures(context, texts, "figures", problems)
    maps = _pictures(context, texts, "maps", problems)
    found: dict[str, list[Block]] = {"figures": figures, "maps": maps, "tables": [*_tables(context, problems)]}
    return tuple(
        Section(name, texts.plain(f"exhibits.{name}"), tuple(blocks)) for name, blocks in found.items() if blocks
    )


def _pictures(context: Context, texts: Texts, kind: str, problems: list[Problem]) -> list[Block]:
    blocks: list[Block] = []
    for name, values in (context.config.get(kind) or {}).items():
        paths = _files(context.results / kind, name)
        if not paths:
            problems.append(_missing(context, f"{kind}.{name}", context.results / kind / f"{name}.png"))
        for path in paths:
            caption = context.worded(values, "title") or name.replace("_", " ").capitalize()
            alternative = (_map_alt if kind == "maps" else _figure_alt)(context, texts, values, caption)
            note = context.worded(values, "note")
            notes = (literal(note),) if note else ()
            blocks.append(Figure(anchor(kind, path.stem), literal(caption), path, alternative, notes))
        if "curve" in values:
            blocks += _filtered(context, texts, name, values)
    return blocks


def _filtered(context: Context, texts: Texts, name: str, values: Mapping[str, Any]) -> list[Block]:
    """The curve whose specifications readers filter, folded away; nothing where its results are not there."""
    import pandas as pd

    folder, curve = context.results / "models" / "curves", values["curve"]
    if not (folder / f"{curve}.json").is_file():
        return []
    summary = read_results(folder / f"{curve}.json")
    rows = pd.read_parquet(folder / f"{curve}.parquet")
    labels = context.labels(str(summary["panel"]))
    html = curve_html(summary, rows, labels, anchor("curve", name), context.worded(values, "title"))
    return [Details(texts.inline("exhibits.filter"), (Interactive(html),), printed=False, id=anchor("filter", name))]


def _files(folder: Path, name: str) -> list[Path]:
    """The picture of that name: its SVG, or its PNG where that is much smaller."""
    svg, png = folder / f"{name}.svg", folder / f"{name}.png"
    if svg.is_file() and (svg.stat().st_size <= _SVG_LIMIT or not png.is_file()):
        return [svg]
    return [png] if png.is_file() else []


def _tables(context: Context, problems: list[Problem]) -> Iterable[Block]:
    for name in context.config.get("tables") or {}:
        path = context.results / "tables" / f"{name}.html"
        if not path.is_file():
            problems.append(_missing(context, f"tables.{name}", path))
            continue
        others = [path.with_suffix(f".{suffix}") for suffix in ("csv", "tex", "docx")]
        yield read_fragment(path, anchor("table", name), tuple(f"tables/{o.name}" for o in others if o.is_file()))


def _figure_alt(context: Context, texts: Texts, values: Mapping[str, Any], title: str) -> str:
    kind = str(values.get("type", ""))
    models = [str(m) for m in values.get("models") or ([values["model"]] if values.get("model") else [])]
    names = ", ".join(context.title(model) for model in models)
    entry = f"exhibits.figure_kind.{kind}"
    words = texts.plain(entry) if texts.has(entry) else kind.replace("_", " ")
    return texts.plain("exhibits.figure_alt", title=title, kind=words, models=names)


def _map_alt(context: Context, texts: Texts, values: Mapping[str, Any], title: str) -> str:
    model = context.models.get(str(values.get("model", "")), {})
    labels = context.labels(str(values.get("panel") or model.get("panel", "")))
    variables = ", ".join(labels.of(str(variable)) for variable in values.get("variables") or ())
    periods = ", ".join(label(period) for period in values.get("periods") or ())
    return texts.plain("exhibits.map_alt", variables=variables or title, periods=periods, nouns=nouns(context))


def _missing(context: Context, where: str, path: Path) -> Problem:
    return Problem(context.config_file, where, f"no file {path}", "a result", "run the whole workflow: snakemake")
