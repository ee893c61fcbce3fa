"""Time series of one variable: small multiples by group, units thin, the group's mean thick."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from ruralpanel import style
from ruralpanel.figures.canvas import drawing, grid, new_figure, save
from ruralpanel.wording import word


def draw(
    frame: pd.DataFrame,
    paths: Mapping[str, str | Path],
    names: Mapping[str, str],
    groups: Mapping[str, str],
    title: str = "",
    axis: str = "",
    log: bool = False,
    note: str = "",
    language: str = "en",
    where: str = "figures",
    font: str | Path | None = None,
) -> None:
    """One small chart for each group, all on the same scales.

    Parameters
    ----------
    frame : columns ``unit``, ``period``, ``value``; gaps stay gaps.
    names : unit → name in print, for the highest and the lowest unit of each group at the last period.
    groups : unit → group; an empty mapping puts all units into one chart.
    log : a logarithmic scale; the group's mean is then the geometric one, of the positive figures.
    """
    labelled = frame.assign(group=[groups.get(unit, word("all_units", language)) for unit in frame["unit"]])
    kinds = sorted(set(labelled["group"]))
    columns = min(len(kinds), 2 if len(kinds) in (2, 4) else 3)
    rows = math.ceil(len(kinds) / columns)
    with drawing(font):
        figure = new_figure(7.0, 0.5 + 2.15 * rows + (0.25 if note else 0))
        figure.set_layout_engine("constrained")
        grids = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for index, axes in enumerate(grids.flat):
            if index >= len(kinds):
                axes.set_visible(False)
                continue
            part = labelled[labelled["group"] == kinds[index]]
            _panel(axes, part, names, style.CATEGORICAL[index % len(style.CATEGORICAL)], log)
            axes.set_title(f"{kinds[index]} ({part['unit'].nunique()})", fontsize=8.5)
        periods = sorted(set(frame["period"]))
        last = grids[0, 0]
        last.set_xticks(periods if len(periods) <= 8 else periods[:: math.ceil(len(periods) / 6)])
        room = 0.22 * (periods[-1] - periods[0] or 1)
        last.set_xlim(periods[0] - 0.2, periods[-1] + room)
        figure.supylabel(axis, fontsize=8.5)
        if title:
            figure.suptitle(title, fontsize=10, ha="left", x=0.01)
        legend = word("thin_thick", language)
        figure.supxlabel(
            "   ".join(text for text in (legend, note) if text), fontsize=7, color=style.MUTED, ha="left", x=0.01
        )
        save(figure, paths, where, font)


def _panel(axes: Axes, part: pd.DataFrame, names: Mapping[str, str], colour: str, log: bool) -> None:
    grid(axes, "y")
    ends: list[tuple[float, float, str]] = []
    for unit, values in part.groupby("unit"):
        values = values.sort_values("period")
        axes.plot(values["period"], values["value"], color="#b8c1cc", linewidth=0.8, zorder=2)
        known = values.dropna(subset=["value"])
        if not known.empty:
            ends.append(
                (float(known["value"].iloc[-1]), float(known["period"].iloc[-1]), names.get(str(unit), str(unit)))
            )
    scaled = np.log(part["value"].where(part["value"] > 0)) if log else part["value"]
    mean = scaled.groupby(part["period"]).mean().to_numpy()
    if log:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        mean = np.exp(mean)
    axes.plot(sorted(set(part["period"])), mean, color=colour, linewidth=2.2, zorder=3)
    for value, period, name in sorted({max(ends), min(ends)} if ends else ()):
        axes.annotate(
            name, (period, value), xytext=(3, 0), textcoords="offset points", va="center", fontsize=6.5,
            color=style.MUTED, annotation_clip=False,
        )  # fmt: skip
