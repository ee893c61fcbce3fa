"""Specification curve: thousands of estimates sorted, and the choices behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from ruralpanel import style
from ruralpanel.figures.canvas import drawing, foot_note, grid, new_figure, save, zero_line
from ruralpanel.wording import word

_BINS = 300


@dataclass(frozen=True)
class CurveData:
    """One entry for each specification.

    Attributes
    ----------
    estimate, low, high : (s,) numbers.
    choices : dimension → (s,) names of the option that each specification takes.
    main : index of the main specification, marked; None for none.
    """

    estimate: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    choices: Mapping[str, Sequence[str]]
    main: int | None = None


def draw(
    data: CurveData,
    paths: Mapping[str, str | Path],
    title: str = "",
    axis: str = "",
    note: str = "",
    language: str = "en",
    where: str = "figures",
    font: str | Path | None = None,
) -> None:
    """Sorted estimates with their intervals above; below, how often each option is taken along the curve.

    Neighbouring specifications share one of 300 columns, so that thousands stay readable and the file small: above, the
    band is the median of their interval's ends; below, darkness is the share of them that take the option, or whose
    interval lies above or below zero.
    """
    order = np.argsort(np.asarray(data.estimate, dtype=float), kind="stable")
    rows = [(name, option) for name, values in data.choices.items() for option in dict.fromkeys(values)]
    with drawing(font):
        height = 0.145 * (len(rows) + 2) + 0.1 * (len(data.choices) + 1)
        figure = new_figure(7.0, 2.9 + height + (0.25 if note else 0))
        figure.set_layout_engine("constrained")
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[2.4, max(height, 0.4)])
        _estimates(top, data, order, language)
        top.set_ylabel(axis)
        top.set_title(title)
        _options(bottom, data, order, language)
        bottom.set_xlabel(word("specifications", language) + f" (N = {len(order)})")
        if note:
            foot_note(figure, note)
        save(figure, paths, where, font)


def _estimates(axes: Axes, data: CurveData, order: np.ndarray[Any, Any], language: str) -> None:
    """Every estimate; of the intervals, where they are many, the median ends of each column of neighbours."""
    estimate = np.asarray(data.estimate, dtype=float)[order]
    ends = [np.asarray(limits, dtype=float)[order] for limits in (data.low, data.high)]
    x = np.arange(len(order)) + 0.5
    grid(axes, "y")
    zero_line(axes)
    parts = np.array_split(np.arange(len(order)), min(_BINS, len(order)))
    edges = np.array([*(part[0] for part in parts), len(order)], dtype=float)
    low, high = (np.array([np.median(limits[part]) for part in parts]) for limits in ends)
    band = word("specification_intervals" if len(order) > _BINS else "specification_interval", language)
    axes.fill_between(edges, [*low, low[-1]], [*high, high[-1]], step="post", color=style.GRID, linewidth=0, label=band)
    axes.plot(x, estimate, color=style.INK, linewidth=1.2, drawstyle="steps-mid")
    if data.main is not None:
        place = int(np.flatnonzero(order == data.main)[0])
        axes.plot(
            [x[place]], [estimate[place]], "D", color=style.CATEGORICAL[4], markeredgecolor=style.INK, zorder=5,
            label=word("main_specification", language),
        )  # fmt: skip
    axes.legend(loc="upper left", handlelength=1.4)
    axes.set_xlim(0, len(order))
    axes.tick_params(axis="x", length=0)


def option_shares(
    values: Sequence[str], options: Sequence[str], order: np.ndarray[Any, Any], bins: int
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Share of specifications that take each option, (options, bins), the specifications cut into `bins` in `order`."""
    column = (np.arange(len(order)) * bins) // max(len(order), 1)
    sizes = np.bincount(column, minlength=bins)
    picked = np.asarray(values, dtype=object)[order]
    counts = [np.bincount(column, weights=(picked == option).astype(float), minlength=bins) for option in options]
    return np.vstack(counts) / sizes


def _options(axes: Axes, data: CurveData, order: np.ndarray[Any, Any], language: str) -> None:
    bins = min(_BINS, len(order))
    dark = style.sequential(5)[4]
    sides = np.where(np.asarray(data.low) > 0, "above", np.where(np.asarray(data.high) < 0, "below", "")).tolist()
    heading = word("interval_excludes_zero", language)
    names = [f"{heading}: {word('above_zero', language)}", word("below_zero", language)]
    places = [0.5, 1.5]
    for row, (side, colour) in enumerate((("above", style.CATEGORICAL[0]), ("below", style.CATEGORICAL[1]))):
        _strip(axes, option_shares(sides, [side], order, bins), colour, row, len(order))
    top = 2.6
    for dimension, values in data.choices.items():
        options = list(dict.fromkeys(values))
        _strip(axes, option_shares(values, options, order, bins), dark, top, len(order))
        names += [f"{dimension}: {option}" if index == 0 else str(option) for index, option in enumerate(options)]
        places += [top + index + 0.5 for index in range(len(options))]
        top += len(options) + 0.6
    axes.set_yticks(places, names, fontsize=6.5)
    axes.set_ylim(top - 0.6, 0)
    axes.tick_params(axis="y", length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _strip(axes: Axes, shares: np.ndarray[Any, Any], colour: str, top: float, width: int) -> None:
    """Rows of shares (rows, bins) as darkness of a colour."""
    shades = LinearSegmentedColormap.from_list("share", [style.PAPER, colour])
    axes.imshow(
        shares, cmap=shades, vmin=0, vmax=1, aspect="auto", interpolation="nearest",
        extent=(0, width, top + len(shares), top),
    )  # fmt: skip
