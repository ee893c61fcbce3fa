"""A specification curve that readers filter by choice: a figure of the HTML report, nothing loaded from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from ruralpanel.figures.from_robustness import dimension_label, option_labels
from ruralpanel.labels import Labels
from ruralpanel.wording import word

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
