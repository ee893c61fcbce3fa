"""Estimates with intervals, as the figures draw them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes

from ruralpanel import style
from ruralpanel.model_json import coefficient, interval_of


@dataclass(frozen=True)
class Estimate:
    """A point with its interval; a limit of None is open (drawn as an arrow), both None mean no interval.

    `inner` is a second interval drawn thicker on the same line (the cluster interval within the bootstrap one);
    `group` heads neighbouring estimates; `detail` is set small at the right.
    """

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    inner: tuple[float | None, float | None] | None = None
    group: str = ""
    detail: str = ""


def from_model(model: Mapping[str, Any], term: str, label: str, group: str = "", detail: str = "") -> Estimate:
    """The estimate of a model's JSON: the wild interval outside and the first setting's inside, or the first's alone.

    Raises
    ------
    KeyError
        The model does not hold the term.
    """
    entry = coefficient(model, term)
    if entry is None:
        raise KeyError(term)
    first = (entry.get("ci_low"), entry.get("ci_high"))
    wild = interval_of(model, entry, "ci_wild")
    value = float(entry["estimate"])
    if wild is None:
        return Estimate(label, value, *first, group=group, detail=detail)
    return Estimate(label, value, *wild, inner=first, group=group, detail=detail)


def span(estimates: Sequence[Estimate], include: Sequence[float] = (0.0,)) -> tuple[float, float]:
    """Limits that hold every finite number of `estimates` and `include`, with a margin, wider beside an open end."""
    numbers = list(include)
    for estimate in estimates:
        limits = (estimate.value, estimate.low, estimate.high, *(estimate.inner or ()))
        numbers += [float(number) for number in limits if number is not None and math.isfinite(number)]
    low, high = min(numbers), max(numbers)
    length = (high - low) or 1.0
    bounded = [estimate for estimate in estimates if not (estimate.low is None and estimate.high is None)]
    left = 0.2 if any(_open(estimate.low) for estimate in bounded) else 0.06
    right = 0.2 if any(_open(estimate.high) for estimate in bounded) else 0.06
    return low - left * length, high + right * length


def draw_interval(
    axes: Axes,
    position: float,
    estimate: Estimate,
    limits: tuple[float, float],
    colour: str = style.CATEGORICAL[0],
    horizontal: bool = True,
) -> None:
    """The interval as a line, an arrow where it is open, and the point on it; `limits` are those of the axis."""
    if not (estimate.low is None and estimate.high is None):
        _line(axes, position, (estimate.low, estimate.high), limits, colour, 1.1, horizontal)
    if estimate.inner is not None:
        _line(axes, position, estimate.inner, limits, colour, 2.8, horizontal)
    x, y = (estimate.value, position) if horizontal else (position, estimate.value)
    axes.plot([x], [y], "o", color=colour, markersize=5, markeredgecolor=style.PAPER, markeredgewidth=0.8, zorder=4)


def _line(
    axes: Axes,
    position: float,
    interval: tuple[float | None, float | None],
    limits: tuple[float, float],
    colour: str,
    width: float,
    horizontal: bool,
) -> None:
    ends = [end if _open(limit) else float(limit or 0.0) for limit, end in zip(interval, limits, strict=True)]
    pair = [position, position]
    along, across = (ends, pair) if horizontal else (pair, ends)
    axes.plot(along, across, color=colour, linewidth=width, solid_capstyle="butt", zorder=3)
    markers = ("<", ">") if horizontal else ("v", "^")
    for limit, end, marker in zip(interval, ends, markers, strict=True):
        if _open(limit):
            x, y = (end, position) if horizontal else (position, end)
            axes.plot([x], [y], marker, color=colour, markersize=4, zorder=3, clip_on=False)


def _open(limit: float | None) -> bool:
    return limit is None or not math.isfinite(limit)
