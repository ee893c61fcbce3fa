"""A sheet of maps: panels, legends, names of units."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rcParams
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.path import Path as Outline
from matplotlib.textpath import TextPath, text_to_path
from numpy.typing import ArrayLike

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
_CLEAR = 3.2 / 72
"""Inches from the middle of a name to the line that leads to its unit."""


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


Place = tuple[float, float]
"""Inches from the lower left corner of the sheet."""

Placed = tuple[MapPanel, Place]
Floats = np.ndarray[Any, np.dtype[np.float64]]


def draw_sheet(
    rows: Sequence[MapRow],
    boundaries: Boundaries,
    names: Mapping[str, str],
    paths: Mapping[str, str | Path],
    title: str = "",
    notes: Sequence[str] = (),
    where: str = "maps",
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
    scale = map_width / (east - west)
    labels = place_labels(boundaries, names, em=type_size / 72 / scale)
    with drawing():
        figure = new_figure(width, height, layout=None)
        sheet = _Sheet(figure, (west, south), scale)
        if title:
            sheet.text(_GAP, height - 0.1, title, fontsize=11, va="top")
        panels: list[Placed] = []
        for number, row in enumerate(rows):
            top = height - title_height - number * row_height
            _row_head(sheet, row, top, width)
            bottom = top - _HEAD - map_height
            for column, panel in enumerate(row.panels):
                left = _GAP + column * (map_width + _GAP)
                panels.append((panel, (left, bottom)))
                x, y = left + 0.02 * map_width, bottom + 0.98 * map_height
                sheet.text(x, y, panel.heading, va="top", fontsize=9, color=style.MUTED)
                if panel.legend:
                    _legend(sheet, panel.legend, (left, bottom - band), band, map_width)
            if row.legend:
                left = _GAP + columns * (map_width + _GAP)
                _legend(sheet, row.legend, (left, bottom), map_height, _LEGEND_WIDTH)
        _units(sheet, boundaries, panels)
        _names(sheet, labels, [corner for _, corner in panels], type_size)
        if foot_lines:
            sheet.text(
                _GAP, 0.06, "\n".join(foot_lines), fontsize=_NOTE_SIZE, va="bottom", color=style.MUTED, linespacing=1.35
            )
        save(figure, paths, where, [label.text for label in labels.values()])


@dataclass(frozen=True)
class _Sheet:
    """A figure whose parts are placed in inches from its lower left corner, and the plane of its maps.

    Attributes
    ----------
    origin : the plane's point in the lower left corner of every map. scale : inches to a unit of the plane.
    """

    figure: Figure
    origin: tuple[float, float]
    scale: float

    def text(self, x: float, y: float, text: str, **how: Any) -> None:
        self.figure.text(x, y, text, transform=self.figure.dpi_scale_trans, **how)

    def repeated(self, outlines: Sequence[Outline], at: ArrayLike, zorder: float, **how: Any) -> None:
        """Draw the first outline at the first place, the second at the second, and after the last the first again.

        Each is written once, however often it is drawn.
        """
        inches = self.figure.dpi_scale_trans
        drawn = PathCollection(outlines, offsets=at, offset_transform=inches, transform=inches, zorder=zorder, **how)
        self.figure.add_artist(drawn)

    def place(self, points: ArrayLike) -> Floats:
        """Points of the plane in inches from the corner of a map."""
        return (np.asarray(points, dtype=float) - self.origin) * self.scale

    def outline(self, outline: Outline) -> Outline:
        return Outline(self.place(outline.vertices), outline.codes)


def _row_head(sheet: _Sheet, row: MapRow, top: float, width: float) -> None:
    """Title and measure on one line, in smaller type where they would not fit."""
    y = top - 0.05
    inches = 9 / 72 * (width_of(row.title) + width_of(row.subtitle)) + 0.3
    size = 9 * min(1.0, (width - 2 * _GAP) / inches)
    sheet.text(_GAP, y, row.title, fontsize=size, va="top")
    if row.subtitle:
        x = _GAP + 0.1 + width_of(row.title) * size / 72
        sheet.text(x, y - 0.012, row.subtitle, fontsize=size - 1, va="top", color=style.MUTED)


def _units(sheet: _Sheet, boundaries: Boundaries, panels: Sequence[Placed]) -> None:
    """The units of all maps in their colours, hatched where there is no figure."""
    shapes = boundaries.shapes
    if boundaries.beneath:
        below = [sheet.outline(outline) for outline in boundaries.beneath]
        at = [corner for _, corner in panels for _ in below]
        sheet.repeated(below, at, 1, facecolor=style.OUTSIDE, edgecolor=style.PAPER, linewidth=0.4)
    filled = [(name, corner, panel.fills.get(name, style.OUTSIDE)) for panel, corner in panels for name in shapes]
    if boundaries.dots:
        filled = [dot for dot in filled if dot[2] not in (NO_DATA, style.OUTSIDE)]
        first = next(iter(shapes.values()))
        middle = sheet.place(first.anchor)
        dot = Outline(sheet.place(first.outline.vertices) - middle, first.outline.codes)
        at = [tuple(sheet.place(shapes[name].anchor) + corner) for name, corner, _ in filled]
        if filled:
            sheet.repeated([dot], at, 2, facecolor=[fill for *_, fill in filled], linewidth=0)
        return
    outlines = {name: sheet.outline(shape.outline) for name, shape in shapes.items()}
    sheet.repeated(
        [*outlines.values()], [corner for _, corner, _ in filled], 2, edgecolor=style.MUTED, linewidth=0.25,
        facecolor=[style.NO_DATA if fill == NO_DATA else fill for *_, fill in filled], joinstyle="round",
    )  # fmt: skip
    hatched = [(outlines[name], corner) for name, corner, fill in filled if fill == NO_DATA]
    if hatched:
        sheet.repeated(
            [outline for outline, _ in hatched], [corner for _, corner in hatched], 3, facecolor=style.NO_DATA,
            edgecolor=style.NO_DATA_HATCH, linewidth=0.25, hatch="//////",
        )  # fmt: skip


def _names(sheet: _Sheet, labels: Mapping[str, Label], corners: Sequence[Place], type_size: float) -> None:
    """Names with halos on all maps, and the lines from those beside their unit to it."""
    words, lines = [], []
    for label in labels.values():
        centre = sheet.place((label.x, label.y))
        words.append(_word(label.text, centre, type_size))
        if label.pointer is not None:
            end = sheet.place(label.pointer)
            away = end - centre
            lines.append(Outline([centre + away * min(_CLEAR / math.hypot(*away), 1.0), end]))
    if lines:
        at = [corner for corner in corners for _ in lines]
        sheet.repeated(lines, at, 4, facecolor="none", edgecolor=style.INK, linewidth=0.35)
    if words:
        at = [corner for corner in corners for _ in words]
        halo = to_rgba(style.PAPER, 0.85)
        sheet.repeated(words, at, 5, facecolor="none", edgecolor=halo, linewidth=1.3)
        sheet.repeated(words, at, 6, facecolor=style.INK, linewidth=0)


def _word(text: str, centre: Floats, size: float) -> Outline:
    """The outline of a word in inches, in the middle of which stands `centre`: of the word's width and of its line."""
    points, codes = _outlined(text, size, tuple(rcParams["font.family"]))
    return Outline(points + centre, codes)


@cache
def _outlined(text: str, size: float, fonts: tuple[str, ...]) -> tuple[Floats, Any]:
    """The outline of a word around the origin: the same on all maps of a job."""
    font = FontProperties(family=fonts, size=size)
    metrics = [text_to_path.get_text_width_height_descent(part, font, False) for part in (text, "lp")]
    width, descent = metrics[0][0], max(metrics[0][2], metrics[1][2])
    height = max(metrics[0][1], metrics[1][1])
    path = TextPath((-width / 2, descent - height / 2), text, size=size, prop=font)
    return np.asarray(path.vertices) / 72, path.codes


def _legend(sheet: _Sheet, entries: Sequence[LegendEntry], corner: Place, height: float, width: float) -> None:
    """Swatches from above to below in a tall box, in two columns in a flat one; measures in inches."""
    line, swatch = 0.175, 0.2
    flat = height < line * len(entries)
    per_column = max(int(height / line), 1) if flat else len(entries)
    column_width = width / max(-(-len(entries) // per_column), 1)
    top = height - 0.06 if flat else (height + line * len(entries)) / 2
    for number, entry in enumerate(entries):
        x = corner[0] + 0.04 + (number // per_column) * column_width
        y = corner[1] + top - (number % per_column + 1) * line
        hatched = entry.fill == NO_DATA
        patch = Rectangle(
            (x, y + 0.025), swatch, line - 0.05, linewidth=0.3, hatch="//////" if hatched else None,
            facecolor=style.NO_DATA if hatched else entry.fill,
            edgecolor=style.NO_DATA_HATCH if hatched else style.MUTED, transform=sheet.figure.dpi_scale_trans,
        )  # fmt: skip
        sheet.figure.add_artist(patch)
        sheet.text(x + swatch + 0.06, y + line / 2, entry.label, va="center", fontsize=7.5)
