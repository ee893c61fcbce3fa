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

    Up to 300 neighbouring specifications share one column of the lower part; its darkness is the share of them that
    take the option, so that five thousand specifications stay readable and the file small.
    """
    order = np.argsort(np.asarray(data.estimate, dtype=float), kind="stable")
    rows = [(name, option) for name, values in data.choices.items() for option in dict.fromkeys(values)]
    with drawing(font):
        height = 0.145 * len(rows) + 0.1 * len(data.choices)
        figure = new_figure(7.0, 2.9 + height + (0.25 if note else 0))
        figure.set_layout_engine("constrained")
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[2.4, max(height, 0.4)])
        _estimates(top, data, order)
        top.set_ylabel(axis)
        top.set_title(title)
        _options(bottom, data.choices, order)
        bottom.set_xlabel(word("specifications", language) + f" (N = {len(order)})")
        if note:
            foot_note(figure, note)
        save(figure, paths, where, font)


def _estimates(axes: Axes, data: CurveData, order: np.ndarray[Any, Any]) -> None:
    estimate = np.asarray(data.estimate, dtype=float)[order]
    low, high = np.asarray(data.low, dtype=float)[order], np.asarray(data.high, dtype=float)[order]
    x = np.arange(len(order)) + 0.5
    grid(axes, "y")
    zero_line(axes)
    axes.fill_between(x, low, high, step="mid", color=style.GRID, linewidth=0)
    for sign, colour in ((low > 0, style.CATEGORICAL[0]), (high < 0, style.CATEGORICAL[1])):
        axes.fill_between(x, low, high, where=sign, step="mid", color=colour, alpha=0.25, linewidth=0)
    axes.plot(x, estimate, color=style.INK, linewidth=1.2, drawstyle="steps-mid")
    if data.main is not None:
        place = int(np.flatnonzero(order == data.main)[0])
        axes.plot([x[place]], [estimate[place]], "D", color=style.CATEGORICAL[4], markeredgecolor=style.INK, zorder=5)
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


def _options(axes: Axes, choices: Mapping[str, Sequence[str]], order: np.ndarray[Any, Any]) -> None:
    bins = min(_BINS, len(order))
    shades = LinearSegmentedColormap.from_list("share", [style.PAPER, style.sequential(5)[4]])
    names: list[str] = []
    places: list[float] = []
    top = 0.0
    for dimension, values in choices.items():
        options = list(dict.fromkeys(values))
        shares = option_shares(values, options, order, bins)
        bottom = top + len(options)
        axes.imshow(
            shares, cmap=shades, vmin=0, vmax=1, aspect="auto", interpolation="nearest",
            extent=(0, len(order), bottom, top),
        )  # fmt: skip
        names += [f"{dimension}: {option}" if index == 0 else str(option) for index, option in enumerate(options)]
        places += [top + index + 0.5 for index in range(len(options))]
        top = bottom + 0.6
    axes.set_yticks(places, names, fontsize=6.5)
    axes.set_ylim(top - 0.6, 0)
    axes.tick_params(axis="y", length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
