"""Small multiples of maps on one sheet: rows with a legend each, headings, notes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.patheffects import withStroke

from ruralpanel import style
from ruralpanel.figures.canvas import drawing, new_figure, save
from ruralpanel.maps.geometry import Boundaries
from ruralpanel.maps.labels import Label, place_labels
from ruralpanel.text_width import width_of, wrapped

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
    """One map: its heading and the fill of each unit, a colour or `NO_DATA`; other polygons are outside the sample."""

    heading: str
    fills: Mapping[str, str]
    legend: tuple[LegendEntry, ...] = ()


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
    for identifier, shape in boundaries.shapes.items():
        fill = panel.fills.get(identifier, style.OUTSIDE)
        if fill == NO_DATA:
            hatched.append(PathPatch(shape.outline))
        else:
            plain.append(PathPatch(shape.outline))
            colours.append(fill)
    collection = PatchCollection(plain, facecolor=colours, edgecolor=style.MUTED, linewidth=0.25, joinstyle="round")
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
