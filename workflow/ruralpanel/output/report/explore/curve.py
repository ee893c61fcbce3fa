"""Specification curves whose choices readers tick."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from ruralpanel.claims.robustness.results import CurveSummary, Dimension
from ruralpanel.estimate.base.model_json import read_as
from ruralpanel.output.charts.curve import dimension_label, option_labels
from ruralpanel.output.labels import Labels
from ruralpanel.output.report.explore.asked import Asked
from ruralpanel.output.report.explore.chart import Cell, Chart, legend, number, percent, table_html
from ruralpanel.output.report.explore.drawing import Plane
from ruralpanel.output.words import word
from ruralpanel.project.formats import format_number, format_percent
from ruralpanel.project.kinds import figures

ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = 3
UNIT = 1e-4
COLUMNS = 250

Numbers = np.ndarray[Any, np.dtype[np.float64]]


def specification_curve(asked: Asked, options: figures.Curve) -> Chart:
    """All specifications of a declared curve."""
    path = asked.context.results / "models" / "curves" / f"{options.curve}.json"
    summary = read_as(CurveSummary, path)
    labels = asked.context.labels([summary.panel], options)
    title, note = asked.words
    rows = pd.read_parquet(path.with_suffix(".parquet"))
    return curve_chart(summary, rows, labels, asked.id, title or asked.name, note, asked.source)


def curve_chart(
    summary: CurveSummary, rows: pd.DataFrame, labels: Labels, identity: str, title: str = "", note: str = "",
    source: str = "",
) -> Chart:  # fmt: skip
    """The curve drawn, with all its specifications for ``explore.js``.

    Parameters
    ----------
    summary, rows : JSON and Parquet of ``results/models/curves``. labels : of the curve's panel.

    Notes
    -----
    Specifications are sorted by standardised estimate and written to a ten-thousandth of a standard deviation; options
    are one character each: some 20 bytes per specification. Dimensions of more than 62 options are left out.
    """
    language = labels.language
    order = np.argsort(rows["standardised"].to_numpy(), kind="stable")
    table = rows.iloc[order]
    estimate = table["standardised"].to_numpy(dtype=float)
    plain = table["estimate"].to_numpy(dtype=float)
    ratio = np.divide(estimate, plain, out=np.zeros_like(plain), where=plain != 0)
    ends = [np.nan_to_num(table[end].to_numpy(dtype=float) * ratio, nan=0.0) for end in ("ci_low", "ci_high")]
    low, high = np.minimum(*ends), np.maximum(*ends)
    dimensions = [
        _Ticked.of(dimension, table, labels)
        for dimension in summary.dimensions
        if 1 < len(dimension.options) <= len(ALPHABET)
    ]
    place = int(np.flatnonzero(order == 0)[0]) if summary.main else None
    axis = word("standardised_effect", language).replace("\n", " " if language != "zh" else "")
    status = _status(estimate, low, high, language)
    return Chart(
        id=identity,
        kind="curve",
        name=identity.replace("-", "_"),
        title=_finding(summary, estimate, title, language),
        subtitle=axis,
        body=_body(estimate, low, high, place, dimensions, status, axis, language),
        alternative=f"{title or summary.name}. {axis}. {status}",
        table=_table(estimate, low, high, place, language),
        note=" ".join(text for text in (note, word("curve_medians", language)) if text),
        source=source,
        language=language,
    )


@dataclass(frozen=True)
class _Ticked:
    """A dimension as the script has it: the words of its options, and the one that each specification takes."""

    label: str
    options: list[str]
    choices: str

    @classmethod
    def of(cls, dimension: Dimension, table: pd.DataFrame, labels: Labels) -> _Ticked:
        place = {option: ALPHABET[index] for index, option in enumerate(dimension.options)}
        return cls(
            dimension_label(dimension.name, labels),
            option_labels(dimension.name, dimension.options, labels),
            "".join(place[str(option)] for option in table[dimension.name]),
        )


def _finding(summary: CurveSummary, estimate: Numbers, title: str, language: str) -> str:
    """Share of the specifications on the side where most of them lie."""
    above = float(np.mean(estimate > 0))
    below = float(np.mean(estimate < 0))
    key = "above" if above >= below else "below"
    share = format_percent(max(above, below))
    return word(f"explore.curve_{key}", language, title=title or summary.name, share=share, number=f"{len(estimate):,}")


def _status(estimate: Numbers, low: Numbers, high: Numbers, language: str) -> str:
    return word(
        "curve_status", language, shown=f"{len(estimate):,}", number=f"{len(estimate):,}",
        median=format_number(float(np.median(estimate)), DIGITS), positive=format_percent(float(np.mean(estimate > 0))),
        above=format_percent(float(np.mean(low > 0))), below=format_percent(float(np.mean(high < 0))),
    )  # fmt: skip


def _body(
    estimate: Numbers,
    low: Numbers,
    high: Numbers,
    place: int | None,
    dimensions: Sequence[_Ticked],
    status: str,
    axis: str,
    language: str,
) -> str:
    keys = ("status", "one", "point", "nothing")
    words = {key: word(f"curve_{key}", language) for key in keys}
    words |= {key: word(f"explore.{key}", language) for key in ("estimate", "low", "high")}
    data = {
        "unit": UNIT,
        "digits": DIGITS,
        "alphabet": ALPHABET,
        **{
            name: np.rint(part / UNIT).astype(int).tolist()
            for name, part in (("estimate", estimate), ("low", low), ("high", high))
        },
        "main": None if place is None else float(estimate[place]),
        "place": -1 if place is None else place,
        "dimensions": [vars(dimension) for dimension in dimensions],
        "words": words,
    }
    payload = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    entries = [(key, word(f"explore.curve_{key}_zero", language)) for key in ("over", "held", "under")]
    if place is not None:
        entries.append(("bar", word("main_specification", language)))
    return "\n".join(
        (
            f'<script type="application/json">{payload}</script>',
            f'<p class="status" role="status">{escape(status)}</p>',
            legend(entries),
            _drawing(estimate, low, high, place, axis, language),
            "<output></output>",
            f'<details class="filter"><summary>{escape(word("explore.curve_choose", language))}</summary>',
            f'<button type="button">{escape(word("curve_reset", language))}</button><div class="filters">',
            *(_fieldset(index, dimension) for index, dimension in enumerate(dimensions)),
            "</div></details>",
        )
    )


def _drawing(estimate: Numbers, low: Numbers, high: Numbers, place: int | None, axis: str, language: str) -> str:
    """Columns of neighbouring specifications: the medians of their estimates and of the ends of their intervals."""
    parts = np.array_split(np.arange(len(estimate)), min(COLUMNS, len(estimate)))
    value, bottom, top = (np.array([np.median(numbers[part]) for part in parts]) for numbers in (estimate, low, high))
    limits = (min(0.0, float(bottom.min())), max(0.0, float(top.max())))
    plane = Plane((0.0, float(len(parts))), limits if limits[1] > limits[0] else (-1.0, 1.0), ())
    kinds = np.where(bottom > 0, "over", np.where(top < 0, "under", "held"))
    paths = []
    for kind in ("held", "over", "under"):
        columns = np.flatnonzero(kinds == kind).tolist()
        boxes = "".join(_box(plane, c, float(bottom[c]), float(top[c])) for c in columns)
        paths.append(f'<path class="{kind}" d="{boxes}"/>')
    middle = plane.line([c + 0.5 for c in range(len(parts))], value.tolist())
    main = ""
    if place is not None:
        x, y = percent(place + 0.5, 0.0, float(len(estimate))), plane.at(0.0, float(estimate[place]))[1]
        main = (
            f'<g class="main-mark"><line class="level" x1="0" x2="100%" y1="{y}" y2="{y}"/>'
            f'<text class="level-name" x="100%" y="{y}" dy="-.5em">'
            f"{escape(word('main_specification', language))}: {format_number(float(estimate[place]), DIGITS)}</text>"
            f'<svg x="{x}" y="{y}" overflow="visible"><polygon class="diamond" points="0,-7 7,0 0,7 -7,0"/></svg></g>'
        )
    cursor = '<line class="cursor" style="display:none" y1="0" y2="100%"/>'
    slider = (
        f'tabindex="0" role="slider" aria-label="{escape(axis)}" aria-valuemin="1" aria-valuemax="{len(estimate)}"'
        ' aria-valuenow="1"'
    )
    return plane.drawn(f"{plane.stretched(''.join(paths) + middle)}{main}{cursor}", slider)


def _box(plane: Plane, column: int, bottom: float, top: float) -> str:
    left, right = (1000 * edge / plane.x[1] for edge in (column, column + 1))
    above, below = (1000 * (plane.y[1] - y) / (plane.y[1] - plane.y[0]) for y in (top, bottom))
    return f"M{left:.1f} {above:.1f}H{right:.1f}V{below:.1f}H{left:.1f}z"


def _table(estimate: Numbers, low: Numbers, high: Numbers, place: int | None, language: str) -> str:
    """The main specification and the quantiles of all; every specification is in the file that readers save."""
    heads = [word(f"explore.{key}", language) for key in ("curve_which", "estimate", "low", "high")]
    rows: list[list[str | Cell]] = []
    for name, at in (("q5", 0.05), ("q25", 0.25), ("q50", 0.5), ("q75", 0.75), ("q95", 0.95)):
        figures = (number(float(np.quantile(part, at))) for part in (estimate, low, high))
        rows.append([word(f"explore.curve_{name}", language), *figures])
    if place is not None:
        main = (number(float(part[place])) for part in (estimate, low, high))
        rows.insert(0, [word("main_specification", language), *main])
    return table_html(heads, rows)


def _fieldset(index: int, dimension: _Ticked) -> str:
    boxes = "".join(
        f'<label><input type="checkbox" checked data-dimension="{index}" data-option="{option}">'
        f"<span>{escape(label)}</span><small></small></label>"
        for option, label in enumerate(dimension.options)
    )
    return f"<fieldset><legend>{escape(dimension.label)}</legend>{boxes}</fieldset>"
