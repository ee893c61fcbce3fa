"""A sheet of maps: panels, legends, names of units."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.patheffects import withStroke

from ruralpanel.output import style
from ruralpanel.output.charts.canvas import drawing, new_figure, save
from ruralpanel.output.labels import width_of, wrapped
from ruralpanel.output.maps.boundaries import Boundaries, Shape

_RINGS = (0.035, 0.05, 0.065, 0.08, 0.1, 0.12)
_DIRECTIONS = 24
_LINE_HEIGHT = 1.15


@dataclass(frozen=True)
class Label:
    """A name, its centre in the plane and, where it stands beside its unit, the point in the unit that it names."""

    text: str
    x: float
    y: float
    pointer: tuple[float, float] | None = None


def place_labels(boundaries: Boundaries, names: Mapping[str, str], em: float) -> dict[str, Label]:
    """Positions of `names` (id → text), where `em` is the type size in the units of the plane.

    Largest unit first: a name that fits into its unit stands in it, at the centre of the largest circle inside or,
    where another name is in the way, a little beside. Then the others, smallest unit first: at the nearest place off
    all polygons and clear of other names, within an eighth of the map's width, tied to the unit by a line; where there
    is none (a small unit amid others) inside, overhanging.
    """
    import shapely

    shapes = {identifier: boundaries.shapes[identifier] for identifier in names if identifier in boundaries.shapes}
    by_size = sorted(shapes, key=lambda name: (-math.prod(shapes[name].size), name))
    placed: dict[str, Label] = {}
    boxes: list[Any] = []

    def free(x: float, y: float, text: str) -> bool:
        box = _box(shapely, x, y, text, em)
        return not any(box.intersects(other) for other in boxes)

    def put(identifier: str, label: Label) -> None:
        placed[identifier] = label
        boxes.append(_box(shapely, label.x, label.y, label.text, em))

    crowded: list[str] = []
    for identifier in by_size:
        text, shape = names[identifier], shapes[identifier]
        inside = next(((x, y) for x, y in _shifts(shape, em) if free(x, y, text)), None)
        if inside is not None and _fits(shape, text, em):
            put(identifier, Label(text, *inside))
        else:
            crowded.append(identifier)
    land = boundaries.land
    shapely.prepare(land)
    for identifier in reversed(crowded):
        text, shape = names[identifier], shapes[identifier]
        for x, y in _around(shape.anchor, text, em, boundaries.extent):
            if free(x, y, text) and not land.intersects(_box(shapely, x, y, text, em)):
                put(identifier, Label(text, x, y, shape.anchor))
                break
        else:
            inside = next(((x, y) for x, y in _shifts(shape, em) if free(x, y, text)), shape.anchor)
            put(identifier, Label(text, *inside))
    return {identifier: placed[identifier] for identifier in shapes}


def _fits(shape: Shape, text: str, em: float) -> bool:
    width, height = shape.size
    return width_of(text) * em <= 1.05 * width and _LINE_HEIGHT * em <= 0.6 * height


def _box(shapely: Any, x: float, y: float, text: str, em: float) -> Any:
    half_width, half_height = width_of(text) * em / 2, _LINE_HEIGHT * em / 2
    return shapely.box(x - half_width, y - half_height, x + half_width, y + half_height)


def _shifts(shape: Shape, em: float) -> Iterator[tuple[float, float]]:
    """The anchor, then places up to 1.2 lines or a quarter of the unit's width beside it, the nearest first."""
    x, y = shape.anchor
    across, along = 1.2 * _LINE_HEIGHT * em, max(0.25 * shape.size[0], 0.6 * em)
    steps = [(i / 4 * along, j / 4 * across) for i in range(-4, 5) for j in range(-4, 5)]
    for dx, dy in sorted(steps, key=lambda step: (math.hypot(*step), step)):
        yield x + dx, y + dy


def _around(
    anchor: tuple[float, float], text: str, em: float, extent: tuple[float, float, float, float]
) -> Iterator[tuple[float, float]]:
    """Centres on growing rings around `anchor`, inside the map; the ring is widened by half the name's width."""
    west, south, east, north = extent
    half = width_of(text) * em / 2
    for share in _RINGS:
        radius = share * (east - west)
        for step in range(_DIRECTIONS):
            angle = 2 * math.pi * step / _DIRECTIONS
            x = anchor[0] + (radius + half) * math.cos(angle)
            y = anchor[1] + radius * math.sin(angle)
            if west <= x - half and x + half <= east and south <= y - em / 2 and y + em / 2 <= north:
                yield x, y


NO_DATA = "no data"

_WIDTH = 7.4
_LEGEND_WIDTH = 1.55
_GAP = 0.08
_HEAD = 0.3
_NOTE_SIZE = 6.5


@dataclass(frozen=True)
class LegendEntry:
    """One swatch: a colour, or `NO_DATA` for the hatching."""

    fill: str
    label: str


@dataclass(frozen=True)
class MapPanel:
    """One map: its heading and the fill of each unit, a colour or `NO_DATA`; other polygons are outside the sample.

    `values`: the figures behind the fills, where there are any.
    """

    heading: str
    fills: Mapping[str, str]
    legend: tuple[LegendEntry, ...] = ()
    values: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class MapRow:
    """Maps side by side under one title, with the legend that they share (else each panel has its own)."""

    title: str
    subtitle: str
    panels: tuple[MapPanel, ...]
    legend: tuple[LegendEntry, ...] = ()


def draw_sheet(
    rows: Sequence[MapRow],
    boundaries: Boundaries,
    names: Mapping[str, str],
    paths: Mapping[str, str | Path],
    title: str = "",
    notes: Sequence[str] = (),
    where: str = "maps",
    font: str | Path | None = None,
) -> None:
    """Draw `rows` from above to below and write the files.

    Parameters
    ----------
    names : unit id → name on the map; empty: no names.
    notes : lines at the foot, wrapped to the sheet's width.
    """
    columns = max(len(row.panels) for row in rows)
    west, south, east, north = boundaries.extent
    aspect = (north - south) / (east - west)
    map_width = min(max((_WIDTH - _LEGEND_WIDTH - columns * _GAP) / columns, 2.2), 4.9)
    map_height = map_width * aspect
    legend_below = any(panel.legend for row in rows for panel in row.panels)
    legend_width = _LEGEND_WIDTH if any(row.legend for row in rows) else 0.0
    width = columns * (map_width + _GAP) + legend_width + _GAP
    foot_lines = [line for note in notes for line in wrapped(note, (width - 0.2) * 72 / _NOTE_SIZE)]
    title = "" if len(rows) == 1 and title == rows[0].title else title
    title_height = 0.36 if title else 0.08
    foot_height = 0.12 + 0.125 * len(foot_lines)
    band = 0.62 if legend_below else 0.0
    row_height = _HEAD + map_height + band + 0.06
    height = title_height + len(rows) * row_height + foot_height
    type_size = 4.6 if columns > 1 else 6.0
    labels = place_labels(boundaries, names, em=type_size / 72 / map_width * (east - west))
    with drawing(font):
        figure = new_figure(width, height)
        if title:
            figure.text(_GAP / width, 1 - 0.1 / height, title, fontsize=11, va="top")
        for number, row in enumerate(rows):
            top = height - title_height - number * row_height
            _row_head(figure, row, top, width, height)
            for column, panel in enumerate(row.panels):
                left = _GAP + column * (map_width + _GAP)
                bottom = top - _HEAD - map_height
                place = (left / width, bottom / height, map_width / width, map_height / height)
                axes = figure.add_axes(place)
                _map(axes, boundaries, panel, labels, type_size)
                if panel.legend:
                    box = (left / width, (bottom - band) / height, map_width / width, band / height)
                    _legend(figure.add_axes(box), panel.legend, band, map_width)
            if row.legend:
                left = _GAP + columns * (map_width + _GAP)
                place = (
                    left / width, (top - _HEAD - map_height) / height, _LEGEND_WIDTH / width, map_height / height,
                )  # fmt: skip
                _legend(figure.add_axes(place), row.legend, map_height, _LEGEND_WIDTH)
        if foot_lines:
            figure.text(
                _GAP / width, 0.06 / height, "\n".join(foot_lines), fontsize=_NOTE_SIZE, va="bottom",
                color=style.MUTED, linespacing=1.35,
            )  # fmt: skip
        save(figure, paths, where, font)


def _row_head(figure: Figure, row: MapRow, top: float, width: float, height: float) -> None:
    """Title and measure on one line, in smaller type where they would not fit."""
    y = (top - 0.05) / height
    inches = 9 / 72 * (width_of(row.title) + width_of(row.subtitle)) + 0.3
    size = 9 * min(1.0, (width - 2 * _GAP) / inches)
    figure.text(_GAP / width, y, row.title, fontsize=size, va="top")
    if row.subtitle:
        x = (_GAP + 0.1 + width_of(row.title) * size / 72) / width
        figure.text(x, y - 0.012 / height, row.subtitle, fontsize=size - 1, va="top", color=style.MUTED)


def _map(axes: Axes, boundaries: Boundaries, panel: MapPanel, labels: Mapping[str, Label], type_size: float) -> None:
    west, south, east, north = boundaries.extent
    axes.set_xlim(west, east)
    axes.set_ylim(south, north)
    axes.set_aspect("equal")
    axes.set_axis_off()
    plain, hatched = [], []
    colours = []
    beneath = [PathPatch(outline) for outline in boundaries.beneath]
    below = PatchCollection(beneath, facecolor=style.OUTSIDE, edgecolor=style.PAPER, linewidth=0.4)
    axes.add_collection(below, autolim=False)
    for identifier, shape in boundaries.shapes.items():
        fill = panel.fills.get(identifier, style.OUTSIDE)
        if boundaries.dots and fill in (NO_DATA, style.OUTSIDE):
            continue
        if fill == NO_DATA:
            hatched.append(PathPatch(shape.outline))
        else:
            plain.append(PathPatch(shape.outline))
            colours.append(fill)
    edge = 0.0 if boundaries.dots else 0.25
    collection = PatchCollection(plain, facecolor=colours, edgecolor=style.MUTED, linewidth=edge, joinstyle="round")
    axes.add_collection(collection, autolim=False)
    if hatched:
        collection = PatchCollection(
            hatched, facecolor=style.NO_DATA, edgecolor=style.NO_DATA_HATCH, linewidth=0.25, hatch="//////"
        )
        axes.add_collection(collection, autolim=False)
    axes.text(0.02, 0.98, panel.heading, transform=axes.transAxes, va="top", fontsize=9, color=style.MUTED)
    for label in labels.values():
        if label.pointer is not None:
            axes.annotate(
                "", label.pointer, (label.x, label.y), zorder=4,
                arrowprops={"arrowstyle": "-", "linewidth": 0.35, "color": style.INK, "shrinkA": 3.2, "shrinkB": 0},
            )  # fmt: skip
        axes.text(
            label.x, label.y, label.text, ha="center", va="center", fontsize=type_size, zorder=5,
            path_effects=[withStroke(linewidth=1.3, foreground=style.PAPER, alpha=0.85)],
        )  # fmt: skip


def _legend(axes: Axes, entries: Sequence[LegendEntry], height: float, width: float) -> None:
    """Swatches from above to below in a tall box, in two columns in a flat one; measures in inches."""
    axes.set_xlim(0, width)
    axes.set_ylim(0, height)
    axes.set_axis_off()
    line, swatch = 0.175, 0.2
    flat = height < line * len(entries)
    per_column = max(int(height / line), 1) if flat else len(entries)
    column_width = width / max(-(-len(entries) // per_column), 1)
    top = height - 0.06 if flat else (height + line * len(entries)) / 2
    for number, entry in enumerate(entries):
        x = 0.04 + (number // per_column) * column_width
        y = top - (number % per_column + 1) * line
        hatched = entry.fill == NO_DATA
        patch = Rectangle(
            (x, y + 0.025), swatch, line - 0.05, linewidth=0.3, hatch="//////" if hatched else None,
            facecolor=style.NO_DATA if hatched else entry.fill,
            edgecolor=style.NO_DATA_HATCH if hatched else style.MUTED,
        )  # fmt: skip
        axes.add_patch(patch)
        axes.text(x + swatch + 0.06, y + line / 2, entry.label, va="center", fontsize=7.5)
