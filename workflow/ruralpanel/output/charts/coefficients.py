"""Coefficients of models as dots with intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ruralpanel.estimate.base.model import Model
from ruralpanel.estimate.base.rows import Pieces
from ruralpanel.output import style
from ruralpanel.output.charts.canvas import drawing, foot_note, grid, new_figure, save, zero_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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


def from_model(model: Model, term: str, label: str, group: str = "", detail: str = "") -> Estimate:
    """The estimate of a model with one interval: the one that its number is printed with elsewhere.

    The wild bootstrap's set, else the Anderson–Rubin set, else the first setting's. A first setting whose set is no
    interval (AKM0) comes before.

    Raises
    ------
    KeyError
        The model does not hold the term.
    """
    entry = model.coefficient(term)
    if entry is None:
        raise KeyError(term)
    value = entry.estimate
    first = model.set_of(entry, "ci")
    disjoint = first is not None and len(first) != 1
    kinds = {name: model.set_of(entry, name) for name in (() if disjoint else ("ci_wild", "ci_ar"))} | {"ci": first}
    for kind, pieces in kinds.items():
        if pieces is not None and len(pieces) != 1:
            return Estimate(label, value, group=group, detail=detail, kind=kind, pieces=pieces)
        if pieces is not None:
            return Estimate(label, value, *pieces[0], group=group, detail=detail, kind=kind)
    return Estimate(label, value, group=group, detail=detail)


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


def draw(
    estimates: Sequence[Estimate],
    paths: Mapping[str, str | Path],
    title: str = "",
    axis: str = "",
    note: str = "",
    smallest_effect: float | None = None,
    width: float = 6.5,
    where: str = "figures",
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
    with drawing():
        figure = new_figure(
            width, 0.9 + 0.25 * len(rows) + 0.13 * broken + (0.25 if title else 0) + (0.3 if note else 0)
        )
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
        foot_note(figure, note)
        save(figure, paths, where)


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
