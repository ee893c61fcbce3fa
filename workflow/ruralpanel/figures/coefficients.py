"""Coefficient plot: one term over several models."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from ruralpanel import style
from ruralpanel.figures.canvas import drawing, foot_note, grid, new_figure, save, zero_line
from ruralpanel.figures.estimates import Estimate, draw_interval, span


def draw(
    estimates: Sequence[Estimate],
    paths: Mapping[str, str | Path],
    title: str = "",
    axis: str = "",
    note: str = "",
    smallest_effect: float | None = None,
    width: float = 6.5,
    where: str = "figures",
    font: str | Path | None = None,
) -> None:
    """Estimates from above to below with their intervals, headed by their groups.

    Parameters
    ----------
    estimates : in the order of printing; a value that is NaN leaves its row empty but for label and detail.
    paths : ``png``, ``svg`` → file.
    title, axis, note : words above, under the axis, at the foot.
    smallest_effect : half-width of the band around zero within which an effect would not matter.
    width : inches.
    """
    rows = _rows(estimates)
    broken = sum(row.label.count("\n") for row in rows if isinstance(row, Estimate))
    with drawing(font):
        figure = new_figure(
            width, 0.9 + 0.25 * len(rows) + 0.13 * broken + (0.25 if title else 0) + (0.3 if note else 0)
        )
        figure.set_layout_engine("constrained")
        axes = figure.add_subplot()
        limits = span(estimates, (0.0, *((-smallest_effect, smallest_effect) if smallest_effect else ())))
        if smallest_effect:
            axes.axvspan(-smallest_effect, smallest_effect, color=style.GRID, zorder=0, linewidth=0)
        zero_line(axes, horizontal=False)
        grid(axes, "x")
        colours = _colours(estimates)
        for position, row in enumerate(rows):
            if isinstance(row, Estimate):
                if math.isfinite(row.value):
                    draw_interval(axes, position, row, limits, colours[row.group])
                if row.detail:
                    axes.annotate(
                        row.detail, (1.02, position), xycoords=("axes fraction", "data"), va="center", fontsize=7.5,
                        color=style.MUTED,
                    )  # fmt: skip
        axes.set_yticks(range(len(rows)), [row.label if isinstance(row, Estimate) else row for row in rows])
        for tick, row in zip(axes.get_yticklabels(), rows, strict=True):
            if not isinstance(row, Estimate):
                tick.set_color(colours[row])
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xlim(limits)
        axes.set_xlabel(axis)
        if title:
            axes.set_title(title)
        if note:
            foot_note(figure, note)
        save(figure, paths, where, font)


def _rows(estimates: Sequence[Estimate]) -> list[Estimate | str]:
    rows: list[Estimate | str] = []
    group = ""
    for estimate in estimates:
        if estimate.group != group:
            rows.append(estimate.group)
            group = estimate.group
        rows.append(estimate)
    return rows


def _colours(estimates: Sequence[Estimate]) -> dict[str, str]:
    groups = list(dict.fromkeys(estimate.group for estimate in estimates))
    return {group: style.CATEGORICAL[index % len(style.CATEGORICAL)] for index, group in enumerate(groups)}
