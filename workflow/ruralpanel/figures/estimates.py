"""Estimates with intervals, as the figures draw them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes

from ruralpanel import style
from ruralpanel.model_json import Pieces, coefficient, set_of


@dataclass(frozen=True)
class Estimate:
    """A point with its interval; a limit of None is open (drawn as an arrow), both None mean no interval.

    `kind` says what the interval is: ``ci_wild``, ``ci_ar`` or ``ci`` (of the model's first setting).
    `pieces` stands in place of `low` and `high` where the values that a test does not reject are no interval: disjoint
    intervals with the gaps between them left white, or none at all (∅ beside the point). `group` heads neighbouring
    estimates; `detail` is set small at the right.
    """

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    kind: str = ""
    group: str = ""
    detail: str = ""
    pieces: Pieces | None = None

    @property
    def lines(self) -> tuple[tuple[float | None, float | None], ...]:
        """The intervals to be drawn; none where there is no interval."""
        if self.pieces is not None:
            return self.pieces
        return () if self.low is None and self.high is None else ((self.low, self.high),)


def from_model(model: Mapping[str, Any], term: str, label: str, group: str = "", detail: str = "") -> Estimate:
    """The estimate of a model's JSON with one interval: the one that its number is printed with elsewhere.

    The wild bootstrap's set, else the Anderson–Rubin set, else the first setting's. A first setting whose set is no
    interval (AKM0) comes before.

    Raises
    ------
    KeyError
        The model does not hold the term.
    """
    entry = coefficient(model, term)
    if entry is None:
        raise KeyError(term)
    value = float(entry["estimate"])
    first = set_of(model, entry, "ci")
    own = first is not None and len(first) != 1
    kinds = {name: set_of(model, entry, name) for name in (() if own else ("ci_wild", "ci_ar"))} | {"ci": first}
    for kind, found in kinds.items():
        if found is not None and len(found) != 1:
            return Estimate(label, value, group=group, detail=detail, kind=kind, pieces=found)
        if found is not None:
            return Estimate(label, value, *_limits(found[0]), group=group, detail=detail, kind=kind)
    return Estimate(label, value, group=group, detail=detail)


def _limits(interval: tuple[float, float]) -> tuple[float | None, float | None]:
    """None for an open end, as in the JSON; infinite where both are open, which is not the same as no interval."""
    low, high = interval
    if math.isinf(low) and math.isinf(high):
        return low, high
    return (None if math.isinf(low) else low), (None if math.isinf(high) else high)


def span(estimates: Sequence[Estimate], include: Sequence[float] = (0.0,)) -> tuple[float, float]:
    """Limits that hold every finite number of `estimates` and `include`, with a margin, wider beside an open end."""
    numbers = list(include)
    for estimate in estimates:
        limits = (estimate.value, *(limit for line in estimate.lines for limit in line))
        numbers += [float(number) for number in limits if number is not None and math.isfinite(number)]
    low, high = min(numbers), max(numbers)
    length = (high - low) or 1.0
    lines = [line for estimate in estimates for line in estimate.lines]
    left = 0.2 if any(_open(line[0]) for line in lines) else 0.06
    right = 0.2 if any(_open(line[1]) for line in lines) else 0.06
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
    for line in estimate.lines:
        _line(axes, position, line, limits, colour, 1.1, horizontal)
    x, y = (estimate.value, position) if horizontal else (position, estimate.value)
    axes.plot([x], [y], "o", color=colour, markersize=5, markeredgecolor=style.PAPER, markeredgewidth=0.8, zorder=4)
    if estimate.pieces == ():
        axes.annotate("∅", (x, y), xytext=(0, 5), textcoords="offset points", ha="center", color=colour, fontsize=8)


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
