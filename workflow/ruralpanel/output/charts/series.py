"""Time series: small multiples by group, units thin, the group's mean thick; of one unit a line for each variable."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ruralpanel.output import style
from ruralpanel.output.charts.canvas import drawing, foot_note, grid, new_figure, save
from ruralpanel.output.words import word
from ruralpanel.project.periods import label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_UNIT_LINE = "#b8c1cc"
_CHARTS, _LABEL = 6.4, 0.36
"""Inches that all charts of a row have, and that a year needs."""


@dataclass(frozen=True)
class Variable:
    """One variable: its name and measure in print, and its figures.

    Attributes
    ----------
    frame : columns ``unit``, ``period``, ``value``; gaps stay gaps.
    log : a logarithmic scale; the group's mean is then the geometric one, of the positive figures.
    """

    name: str
    measure: str
    frame: pd.DataFrame
    log: bool = False


def draw(
    variables: Sequence[Variable],
    paths: Mapping[str, str | Path],
    names: Mapping[str, str],
    groups: Mapping[str, str],
    title: str = "",
    note: str = "",
    language: str = "en",
    where: str = "figures",
) -> None:
    """One chart for each group; several variables make a row each. Charts of a variable share their scales.

    Of a panel of one unit variables of one measure share a chart: a dot for each figure, and lines where none is
    missing.

    Parameters
    ----------
    names : unit → name in print, for the highest and the lowest unit of each group at the last period.
    groups : unit → group; an empty mapping puts all units into one chart.
    """
    if len({unit for variable in variables for unit in variable.frame["unit"]}) == 1:
        _draw_one_unit(variables, paths, title, note, language, where)
        return
    every = word("all_units", language)
    kinds = sorted({groups.get(unit, every) for variable in variables for unit in variable.frame["unit"]})
    single = len(variables) == 1
    columns = (2 if len(kinds) in (2, 4) else min(len(kinds), 3)) if single else len(kinds)
    rows = math.ceil(len(kinds) / columns) if single else len(variables)
    with drawing():
        figure = new_figure(7.2, 0.45 + (2.15 if single else 1.7) * rows + (0.2 if title else 0))
        grids = figure.subplots(rows, columns, sharex=True, sharey="all" if single else "row", squeeze=False)
        cells = [(variable, kind) for variable in variables for kind in kinds]
        for index, axes in enumerate(grids.flat):
            if index >= len(cells):
                axes.set_visible(False)
                continue
            variable, kind = cells[index]
            chosen = [groups.get(unit, every) == kind for unit in variable.frame["unit"]]
            part = variable.frame[chosen]
            colour = style.CATEGORICAL[kinds.index(kind) % len(style.CATEGORICAL)]
            _chart(axes, part, names, colour, variable.log, 6.5 if columns <= 3 else 5.5)
            if single or index < columns:
                axes.set_title(f"{kind} ({part['unit'].nunique()})", fontsize=8.5)
            if index % columns == 0 and not single:
                axes.set_ylabel("\n".join(text for text in (variable.name, variable.measure) if text), fontsize=7)
        every_period = sorted({int(period) for variable in variables for period in variable.frame["period"]})
        _periods(grids[0, 0], every_period, _CHARTS / columns)
        if single:
            first = variables[0]
            figure.supylabel(first.measure or first.name, fontsize=8.5)
        if title:
            figure.suptitle(title, fontsize=10, ha="left", x=0.01)
        legend = word("thin_thick", language)
        foot = "   ".join(text for text in (legend, note) if text)
        foot_note(figure, foot)
        save(figure, paths, where)


def _draw_one_unit(
    variables: Sequence[Variable],
    paths: Mapping[str, str | Path],
    title: str,
    note: str,
    language: str,
    where: str,
) -> None:
    measures = list(dict.fromkeys((variable.measure, variable.log) for variable in variables))
    with drawing():
        figure = new_figure(7.2, 0.45 + 2.6 * len(measures) + (0.2 if title else 0))
        grids = figure.subplots(len(measures), 1, sharex=True, squeeze=False)
        every = sorted({int(period) for variable in variables for period in variable.frame["period"]})
        step = min(np.diff(every), default=1)
        for axes, (measure, log) in zip(grids.flat, measures, strict=True):
            grid(axes, "y")
            chosen = [variable for variable in variables if (variable.measure, variable.log) == (measure, log)]
            largest = max((abs(float(x)) for one in chosen for x in one.frame["value"].dropna()), default=0.0)
            size, words = scaled(largest, language)
            for index, variable in enumerate(chosen):
                colour = style.CATEGORICAL[index % len(style.CATEGORICAL)]
                known = variable.frame.dropna(subset=["value"]).sort_values("period")
                periods = known["period"].to_numpy(dtype=float)
                gaps = np.flatnonzero(np.diff(periods) > step) + 1
                axes.plot(
                    np.insert(periods, gaps, np.nan), np.insert(known["value"].to_numpy() / size, gaps, np.nan),
                    color=colour, linewidth=1.6, marker="o", markersize=3, label=variable.name,
                )  # fmt: skip
            if log:
                axes.set_yscale("log")
            else:
                axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
            axes.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
            axes.set_ylabel(words.format(measure=measure).strip(), fontsize=8.5)
            axes.legend(loc="lower right" if log else "upper left", fontsize=7.5)
        _periods(grids[-1, 0], every, _CHARTS, room=0.03)
        if title:
            figure.suptitle(title, fontsize=10, ha="left", x=0.01)
        foot_note(figure, note)
        save(figure, paths, where)


def scaled(largest: float, language: str) -> tuple[float, str]:
    """What large figures are divided by in print, and the words for that and their ``{measure}``."""
    size = float(word("scaled_by", language))
    return (size, word("scaled", language)) if largest >= 10 * size else (1.0, "{measure}")


def _periods(axes: Axes, periods: list[int], inches: float, room: float = 0.3) -> None:
    """Ticks at true periods, few and far enough apart to read, and `room` at the right for names."""
    length = periods[-1] - periods[0] or 1
    apart = _LABEL / inches * 1.33 * length
    ticks: list[int] = []
    for period in periods if len(periods) <= 4 else periods[:: math.ceil(len(periods) / 4)]:
        if not ticks or period - ticks[-1] >= apart:
            ticks.append(period)
    axes.set_xticks(ticks, [label(period) for period in ticks])
    axes.set_xlim(periods[0] - 0.03 * length, periods[-1] + room * length)


def _chart(axes: Axes, part: pd.DataFrame, names: Mapping[str, str], colour: str, log: bool, type_size: float) -> None:
    grid(axes, "y")
    ends: list[tuple[float, float, str]] = []
    for unit, values in part.groupby("unit"):
        values = values.sort_values("period")
        axes.plot(values["period"], values["value"], color=_UNIT_LINE, linewidth=0.8, zorder=2)
        known = values.dropna(subset=["value"])
        if not known.empty:
            name = names.get(str(unit), str(unit))
            ends.append((float(known["value"].iloc[-1]), float(known["period"].iloc[-1]), name))
    scaled = np.log(part["value"].where(part["value"] > 0)) if log else part["value"]
    mean = scaled.groupby(part["period"]).mean().to_numpy()
    if log:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
        mean = np.exp(mean)
    axes.plot(sorted(set(part["period"])), mean, color=colour, linewidth=2.2, zorder=3)
    for value, period, name in sorted({max(ends), min(ends)} if ends else ()):
        axes.annotate(
            name, (period, value), xytext=(3, 0), textcoords="offset points", va="center", fontsize=type_size,
            color=style.MUTED, annotation_clip=False,
        )  # fmt: skip
