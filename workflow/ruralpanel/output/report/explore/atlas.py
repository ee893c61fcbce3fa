"""The map of every outcome and lever: what it says, its drawing without scripts, the figures that the script draws."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.path import Path as Outline

from ruralpanel.output import style
from ruralpanel.output.maps.boundaries import Boundaries
from ruralpanel.output.report.explore.chart import Cell, Chart, legend, number, table_html
from ruralpanel.output.report.explore.entries import Entry, scale_words
from ruralpanel.output.report.explore.scales import class_labels
from ruralpanel.output.words import word

MAP = "explore-map"
"""The map's id on the page."""

WIDTH = 1000
FIGURES = 6
"""Significant figures of what the page holds."""

ROOM = 160_000
"""Figures that one page holds; with the names around them about a megabyte and a half."""


@dataclass(frozen=True)
class Land:
    """Outlines as SVG paths on a sheet `WIDTH` wide; `anchors` are points inside.

    `beneath` : of dots, what is drawn below them; None where units have outlines of their own.
    """

    paths: Mapping[str, str]
    anchors: Mapping[str, tuple[int, int]]
    height: int
    beneath: tuple[str, ...] | None = None


def land(boundaries: Boundaries) -> Land:
    """The outlines as the static maps have them, on whole numbers."""
    west, south, east, north = boundaries.extent
    scale = WIDTH / (east - west)

    def place(points: Any) -> np.ndarray[Any, np.dtype[np.int64]]:
        moved = (np.atleast_2d(points) - (west, north)) * (scale, -scale)
        return np.rint(moved).astype(np.int64)

    anchors = {
        name: (int(x), int(y)) for name, shape in boundaries.shapes.items() for x, y in place(shape.anchor).tolist()
    }
    height = math.ceil((north - south) * scale)
    if not boundaries.dots:
        return Land({name: _path(shape.outline, place) for name, shape in boundaries.shapes.items()}, anchors, height)
    spots = {name: _dot(*anchors[name], scale * shape.size[0] / 2) for name, shape in boundaries.shapes.items()}
    return Land(spots, anchors, height, tuple(_path(outline, place) for outline in boundaries.beneath))


def _dot(x: int, y: int, radius: float) -> str:
    half = f"a{radius:.1f} {radius:.1f} 0 1 0"
    return f"M{x - radius:.1f} {y}{half} {2 * radius:.1f} 0{half}-{2 * radius:.1f} 0z"


def _path(outline: Outline, place: Any) -> str:
    """``m`` and relative steps for each ring; of those that shrink to a dot a square is left."""
    points, codes = place(outline.vertices), outline.codes
    starts = [*np.flatnonzero(codes == Outline.MOVETO).tolist(), len(points)]
    rings = []
    for start, end in pairwise(starts):
        ring = points[start:end]
        steps = np.diff(ring, axis=0)
        kept = steps[np.any(steps != 0, axis=1)][:-1]
        drawn = "".join(f"{x:d} {y:d} " if y >= 0 else f"{x:d}{y:d} " for x, y in kept.tolist()).strip()
        rings.append(f"M{ring[0][0]} {ring[0][1]}l{drawn or '1 0 0 1 -1 0'}z")
    return "".join(rings)


def atlas(
    entries: Sequence[Entry],
    outlines: Land | None,
    names: Mapping[str, str],
    nouns: Mapping[str, str],
    language: str,
    note: str = "",
) -> Chart:
    """The map with its first entry drawn; without `outlines` a strip of dots stands in its place.

    Parameters
    ----------
    entries : one at least. names : unit → name in print. note : words on the boundaries.
    """
    kept, left_out = _kept(entries)
    units = sorted({unit for entry in kept for unit in entry.values}, key=lambda unit: (names.get(unit, unit), unit))
    first, time = kept[0], kept[0].latest

    def said(key: str, **values: str) -> str:
        return word(f"explore.{key}", language, **{**nouns, **values})

    notes = [note] if outlines else []
    if left_out:
        notes.append(said("left_out", names=word("comma", language).join(entry.label for entry in left_out)))
    at = f", {first.times[time]}" if first.times[time] else ""
    data = _data(kept, units, outlines, names, nouns, language, " ".join(notes))
    payload = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    body = [
        f'<script type="application/json">{payload}</script>',
        _controls(kept, units, names, said, outlines is not None),
        f'<div class="views" style="{_palette(first.colours, bool(first.categories))}">',
        '<div class="where">',
        _drawing(first, time, outlines, names, said) if outlines else '<div class="strip"></div>',
        _timeline(first, time, said),
        *_legend(first, language) * bool(outlines),
        "</div>",
        f'<div class="beside" aria-live="polite"><p class="hint">{escape(said("choose"))}</p></div>',
        "</div>",
        f"<noscript><p>{escape(said('static', name=first.name, time=at))}</p></noscript>",
    ]
    return Chart(
        id=MAP,
        kind="map",
        name="map" if outlines else "units",
        title=first.title,
        subtitle=", ".join(text for text in (first.measure, first.times[time]) if text),
        body="\n".join(body),
        alternative=f"{said('map' if outlines else 'strip', name=first.name)}{at}. {said('hint')}",
        table=entry_table(first, units, names, nouns, language),
        source=said("source", text=first.source) if first.source else "",
        note=" ".join(text for text in (first.note, *notes) if text),
        language=language,
    )


def _kept(entries: Sequence[Entry]) -> tuple[list[Entry], list[Entry]]:
    """The entries that there is room for, in their order, and the others."""
    kept: list[Entry] = []
    left: list[Entry] = []
    room = ROOM
    for entry in entries:
        if kept and entry.size > room:
            left.append(entry)
            continue
        kept.append(entry)
        room -= entry.size
    return kept, left


def entry_table(
    entry: Entry, units: Sequence[str], names: Mapping[str, str], nouns: Mapping[str, str], language: str
) -> str:
    """An entry's figures, a row for each unit."""
    unit = nouns["unit"][:1].upper() + nouns["unit"][1:]
    low, high = (word(f"explore.{key}", language) for key in ("low", "high"))
    heads = [unit, *(time or entry.name for time in entry.times), *([low, high] if entry.low else [])]
    rows: list[list[str | Cell]] = []
    for name in units:
        if name in entry.values:
            figures = [
                *entry.values[name],
                *(part.get(name, [math.nan])[0] for part in (entry.low, entry.high) if part),
            ]
            rows.append([names.get(name, name), *(_cell(entry, figure) for figure in figures)])
    return table_html(heads, rows)


def _cell(entry: Entry, figure: float) -> Cell:
    if not math.isfinite(figure):
        return Cell("")
    return Cell(entry.categories[int(figure)]) if entry.categories else number(figure)


def _controls(entries: Sequence[Entry], units: Sequence[str], names: Mapping[str, str], said: Any, drawn: bool) -> str:
    groups: dict[str, list[str]] = {}
    for index, entry in enumerate(entries):
        groups.setdefault(entry.group, []).append(f'<option value="{index}">{escape(entry.label)}</option>')
    options = "".join(
        f'<optgroup label="{escape(group)}">{"".join(items)}</optgroup>' for group, items in groups.items()
    )
    choices = "".join(f'<option value="{i}">{escape(names.get(unit, unit))}</option>' for i, unit in enumerate(units))
    return (
        f'<div class="controls"><label>{escape(said("variable"))}<select class="variable">{options}</select></label>'
        f'<label>{escape(_capital(said("unit" if drawn else "unit_alone")))}<select class="chosen">'
        f'<option value="">{escape(said("nobody"))}</option>{choices}</select></label></div>'
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _drawing(entry: Entry, time: int, outlines: Land, names: Mapping[str, str], said: Any) -> str:
    figures = entry.at(time)
    classes = dict(zip(figures, entry.classes.of(list(figures.values())).tolist(), strict=True))
    kind = "land" if outlines.beneath is None else "land dots"
    areas = [f'<path class="beneath" d="{path}"/>' for path in outlines.beneath or ()]
    first = True
    for name, path in sorted(outlines.paths.items(), key=lambda item: names.get(item[0], item[0])):
        if name not in entry.values:
            areas.append(f'<path class="outside" data-u="{escape(name)}" d="{path}"/>')
            continue
        fill = f"var(--c{classes[name]})" if name in classes else "url(#hatch)"
        state = "area open" if entry.holds_zero(name) else "area"
        areas.append(
            f'<path class="{state}" data-u="{escape(name)}" tabindex="{0 if first else -1}" role="button"'
            f' aria-label="{escape(names.get(name, name))}" style="fill:{fill}" d="{path}"/>'
        )
        first = False
    return (
        f'<svg class="{kind}" viewBox="-4 -4 {WIDTH + 8} {outlines.height + 8}" role="group"'
        f' aria-label="{escape(said("map", name=entry.name))}"><defs><pattern id="hatch" width="9" height="9"'
        ' patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="9" height="9" class="blank"/>'
        f'<line x1="0" x2="0" y1="0" y2="9" class="stripe"/></pattern></defs>{"".join(areas)}</svg>'
    )


def _timeline(entry: Entry, time: int, said: Any) -> str:
    hidden = "" if len(entry.times) > 1 else " hidden"
    return (
        f'<div class="timeline"{hidden}><button type="button" class="play" aria-pressed="false">'
        f'<span aria-hidden="true">▶</span> <span class="word">{escape(said("play"))}</span></button>'
        f'<input type="range" min="0" max="{len(entry.times) - 1}" value="{time}" step="1"'
        f' aria-label="{escape(said("time"))}" aria-valuetext="{escape(entry.times[time])}">'
        f"<output>{escape(entry.times[time])}</output></div>"
    )


def _legend(entry: Entry, language: str) -> tuple[str, ...]:
    """The measure, the classes, the rule behind them."""
    labels = entry.categories or class_labels(entry.classes)
    words = [(f"c{index}", text) for index, text in enumerate(labels)]
    words.append(("none", word("no_data", language)))
    if entry.low:
        words.append(("open", word("explore.untold", language)))
    words.append(("outside", word("outside" if entry.timed else "not_asked", language)))
    return (
        f'<p class="chart-unit">{escape(entry.measure)}</p>', legend(words),
        f'<p class="rule">{escape(scale_words(entry, language))}</p>',
    )  # fmt: skip


def _palette(colours: Sequence[str], unordered: bool) -> str:
    dark = _dark(colours, unordered)
    pairs = zip(colours, dark, strict=True)
    return ";".join(f"--l{index}:{light};--d{index}:{night}" for index, (light, night) in enumerate(pairs))


def _dark(colours: Sequence[str], unordered: bool) -> tuple[str, ...]:
    """On dark paper much is light: the ramp from pale to dark is turned round; colours of two sides stay."""
    ramp = not unordered and tuple(colours) == style.sequential(len(colours))
    return tuple(reversed(colours)) if ramp else tuple(colours)


def _data(
    entries: Sequence[Entry],
    units: Sequence[str],
    outlines: Land | None,
    names: Mapping[str, str],
    nouns: Mapping[str, str],
    language: str,
    note: str,
) -> dict[str, object]:
    """What the script draws from: units, entries, words."""
    keys = ("median", "of_units", "rank", "no_figure", "play", "pause", "interval", "choose", "trend", "strip",
            "source", "low", "high", "untold")  # fmt: skip
    words = {key: word(f"explore.{key}", language) for key in keys}
    return {
        "units": list(units),
        "names": [names.get(unit, unit) for unit in units],
        "anchors": [outlines.anchors.get(unit) if outlines else None for unit in units],
        "entries": [_entry(entry, units, language) for entry in entries],
        "words": {**words, **{key: nouns[key] for key in ("unit", "units")}},
        "note": note,
        "unitHead": _capital(nouns["unit"]),
        "noData": word("no_data", language),
        "outside": [word("outside", language), word("not_asked", language)] if outlines else None,
    }


def _entry(entry: Entry, units: Sequence[str], language: str) -> dict[str, object]:
    def rows(values: Mapping[str, Sequence[float]]) -> list[Any]:
        return [[_short(x) for x in values[unit]] if unit in values else None for unit in units]

    ends = {"low": rows(entry.low), "high": rows(entry.high)} if entry.low else {}
    return {
        "key": entry.key,
        "label": entry.label,
        "name": entry.name,
        "measure": entry.measure,
        "title": entry.title,
        "source": entry.source,
        "note": entry.note,
        "rule": scale_words(entry, language),
        "times": list(entry.times),
        "timed": entry.timed,
        "growing": entry.growing is not None,
        "latest": entry.latest,
        "edges": [edge for edge in entry.classes.edges[1:-1]],
        "labels": list(entry.categories or class_labels(entry.classes)),
        "categories": bool(entry.categories),
        "colours": list(entry.colours),
        "dark": list(_dark(entry.colours, bool(entry.categories))),
        "values": rows(entry.values),
        **ends,
    }


def _short(value: float) -> float | int | None:
    if not math.isfinite(value):
        return None
    rounded = float(f"{value:.{FIGURES}g}")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1e15 else rounded
