"""Drawings that need no width: every place is a percentage, so that type and dots keep their size on any screen."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise

from ruralpanel.output.charts.coefficients import Estimate
from ruralpanel.output.report.explore.chart import Cell, mark, number, percent
from ruralpanel.output.report.explore.scales import log_ticks, ticks
from ruralpanel.project.formats import format_auto, format_interval, format_number

Limits = tuple[float, float]
DIGITS = 2
COLOURS = 8
"""Of lines, then they repeat."""


@dataclass(frozen=True)
class Row:
    """An estimate with its line in a chart of dots and in the table behind it.

    Attributes
    ----------
    says : lines that are read out beneath label and number. main : it is the one that the others are compared with.
    cells : further cells of the table.
    """

    estimate: Estimate
    says: tuple[str, ...] = ()
    main: bool = False
    cells: tuple[str | Cell, ...] = field(default=())


def told(estimate: Estimate) -> bool | None:
    """Whether the interval leaves zero out; None without one."""
    if estimate.pieces is None and estimate.low is None and estimate.high is None:
        return None
    return not any(_low(low) <= 0.0 <= _high(high) for low, high in estimate.lines)


def side(estimate: Estimate) -> int:
    """1 where the whole interval lies above zero, −1 below it, 0 where it holds values on both sides."""
    above = all(_low(low) > 0.0 for low, _ in estimate.lines)
    return 1 if above else -1 if all(_high(high) < 0.0 for _, high in estimate.lines) else 0


def written(estimate: Estimate) -> str:
    """``0.12 [−0.30, 0.54]``; an interval that nobody computed is left out."""
    if told(estimate) is None:
        return format_auto(estimate.value)
    digits = _digits(estimate)
    value = format_number(estimate.value, digits)
    pieces = " ∪ ".join(format_interval(*_open(line), digits) for line in estimate.lines)
    return f"{value} {pieces or '∅'}"


def cells(estimate: Estimate) -> tuple[Cell, ...]:
    """Estimate and ends of the interval for the table; of one in pieces the outer ends."""
    ends = [limit for line in estimate.lines for limit in line]
    low, high = (ends[0], ends[-1]) if ends else (None, None)
    return number(estimate.value), _end(low, -1), _end(high, 1)


def _end(limit: float | None, side: int) -> Cell:
    if limit is None or not math.isfinite(limit):
        return Cell("" if limit is None else "−∞" if side < 0 else "∞")
    return number(limit)


def _digits(estimate: Estimate) -> int:
    """Decimals that keep three figures of the largest of estimate and ends, two at least."""
    limits = (estimate.value, *(limit for line in estimate.lines for limit in line if limit is not None))
    largest = max((abs(limit) for limit in limits if math.isfinite(limit)), default=0.0)
    return DIGITS if largest >= 1 or largest == 0 else min(DIGITS - math.floor(math.log10(largest)) - 1, 6)


def _open(line: tuple[float | None, float | None]) -> tuple[float | None, float | None]:
    low, high = line
    # an end that is infinite, or unknown beside a known one, is open
    return (-math.inf if low is None else low), (math.inf if high is None else high)


def _low(limit: float | None) -> float:
    return -math.inf if limit is None else limit


def _high(limit: float | None) -> float:
    return math.inf if limit is None else limit


def dots(rows: Sequence[Row], limits: Limits, axis: str, band: float | None = None) -> str:
    """Estimates from above to below: name, dot with whisker, number; headed by their groups.

    Parameters
    ----------
    limits : ends of the axis. axis : words under it. band : half-width of the grey band around zero.
    """
    marks = ticks(*limits, parts=6)
    lines = []
    group = ""
    for index, row in enumerate(rows):
        if row.estimate.group != group:
            group = row.estimate.group
            lines.append(f'<li class="group">{escape(group)}</li>')
        says = "\n".join((row.estimate.label, written(row.estimate), *row.says))
        aside = f" <small>{escape(row.estimate.detail)}</small>" if row.estimate.detail else ""
        content = (
            f'<span class="name">{escape(row.estimate.label)}{aside}</span>'
            f"{_track(row, limits, marks, band)}"
            f'<span class="value">{escape(written(row.estimate))}</span>'
        )
        lines.append(f"<li>{mark(content, says, index == 0, 'span')}</li>")
    scale = "".join(f'<text x="{percent(tick, *limits)}" y="14">{_tick(tick, marks)}</text>' for tick in marks)
    return (
        f'<div class="stage"><ol class="dots">{"".join(lines)}'
        f'<li class="scale" aria-hidden="true"><span class="row"><span class="name"></span>'
        f'<svg class="lane">{scale}</svg><span class="value"></span></span></li></ol>'
        f'<p class="scale-words">{escape(axis)}</p></div>'
    )


def _track(row: Row, limits: Limits, marks: Sequence[float], band: float | None) -> str:
    parts = []
    if band:
        left, width = percent(-band, *limits), f"{100 * 2 * band / (limits[1] - limits[0]):.2f}%"
        parts.append(f'<rect class="within" x="{left}" y="0" width="{width}" height="100%"/>')
    for tick in marks:
        kind = "null" if tick == 0 else "grid"
        x = percent(tick, *limits)
        parts.append(f'<line class="{kind}" x1="{x}" x2="{x}" y1="0" y2="100%"/>')
    parts += _whiskers(row.estimate, limits)
    if math.isfinite(row.estimate.value):
        x = percent(row.estimate.value, *limits)
        parts.append(f'<circle class="point {tone(row.estimate, row.main)}" cx="{x}" cy="50%" r="5"/>')
    return f'<svg class="lane" aria-hidden="true">{"".join(parts)}</svg>'


def tone(estimate: Estimate, main: bool = False) -> str:
    """Classes of a dot: filled where its interval leaves zero out, hollow where it does not."""
    return ("told" if told(estimate) else "untold") + (" main" if main else "")


def _whiskers(estimate: Estimate, limits: Limits) -> list[str]:
    parts = []
    for line in estimate.lines:
        low, high = (min(max(end, limits[0]), limits[1]) for end in (_low(line[0]), _high(line[1])))
        ends = [percent(end, *limits) for end in (low, high)]
        parts.append(f'<line class="whisker" x1="{ends[0]}" x2="{ends[1]}" y1="50%" y2="50%"/>')
        for end, limit, kept in ((ends[0], low, _low(line[0])), (ends[1], high, _high(line[1]))):
            if kept == limit:
                continue
            points = "0,-5 -7,0 0,5" if limit == limits[0] else "0,-5 7,0 0,5"
            parts.append(f'<svg x="{end}" y="50%" overflow="visible"><polygon class="arrow" points="{points}"/></svg>')
    return parts


def _tick(tick: float, marks: Sequence[float]) -> str:
    """A tick's number, all of an axis with the same decimals."""
    step = min((abs(b - a) for a, b in pairwise(marks)), default=1.0)
    return format_number(tick, max(0, -math.floor(math.log10(step) + 1e-9)))


def tick_words(places: Sequence[float]) -> list[tuple[float, str]]:
    """Places on an axis with their numbers, all with the same decimals."""
    return [(place, _tick(place, places)) for place in places]


@dataclass(frozen=True)
class Plane:
    """A drawing with two axes.

    Attributes
    ----------
    x, y : limits. x_ticks : place and words; those that would not fit on a narrow screen are marked ``spare``.
    log : the y axis is logarithmic; both its limits are then above zero.
    """

    x: Limits
    y: Limits
    x_ticks: Sequence[tuple[float, str]]
    x_title: str = ""
    y_title: str = ""
    log: bool = False

    def at(self, x: float, y: float) -> tuple[str, str]:
        """Coordinates of a point."""
        return percent(x, *self.x), percent(*self._below_top(y))

    def _below_top(self, y: float) -> tuple[float, float, float]:
        """How far a value lies below the upper limit, zero, and how far the lower one does."""
        scale = math.log10 if self.log else float
        return scale(self.y[1]) - scale(y), 0.0, scale(self.y[1]) - scale(self.y[0])

    def drawn(self, content: str, attributes: str = 'role="group"') -> str:
        """The drawing with grid, axes and their words around `content`; `attributes` of its element."""
        values = log_ticks(*self.y) if self.log else ticks(*self.y, parts=6)
        numbers = [format_auto(value, 1) if self.log else _tick(value, values) for value in values]
        parts = []
        for value, words in zip(values, numbers, strict=True):
            height = percent(*self._below_top(value))
            kind = "null" if value == 0 else "grid"
            parts.append(f'<line class="{kind}" x1="0" x2="100%" y1="{height}" y2="{height}"/>')
            parts.append(f'<text class="tick left" x="-8" y="{height}" dy=".35em">{words}</text>')
        every = max(1, math.ceil(len(self.x_ticks) / 5))
        for index, (place, words) in enumerate(self.x_ticks):
            spare = " spare" if (len(self.x_ticks) - 1 - index) % every else ""
            x = percent(place, *self.x)
            parts.append(f'<text class="tick{spare}" x="{x}" y="100%" dy="1.5em">{escape(words)}</text>')
        title = f'<p class="scale-words top">{escape(self.y_title)}</p>' if self.y_title else ""
        below = f'<p class="scale-words">{escape(self.x_title)}</p>' if self.x_title else ""
        left = 0.9 + 0.46 * max(map(len, numbers))
        return (
            f'{title}<div class="stage"><svg class="plane" {attributes} style="--left:{left:.1f}rem">'
            f'<g class="axes">{"".join(parts)}</g>{content}</svg></div>{below}'
        )

    def area(self, x: Sequence[float], low: Sequence[float], high: Sequence[float], kind: str = "area") -> str:
        """A band; where an end is not finite there is none."""
        runs: list[list[tuple[float, float, float]]] = [[]]
        for place, below, above in zip(x, low, high, strict=True):
            if math.isfinite(below) and math.isfinite(above):
                runs[-1].append((place, below, above))
            elif runs[-1]:
                runs.append([])
        paths = []
        for run in runs:
            if len(run) > 1:
                there = [(place, above) for place, _, above in run]
                back = [(place, below) for place, below, _ in reversed(run)]
                paths.append(f"M{self._points([*there, *back])}Z")
        return f'<path class="{kind}" d="{"".join(paths)}"/>' if paths else ""

    def line(self, x: Sequence[float], y: Sequence[float], kind: str = "line") -> str:
        """A line through points, broken where one is not finite or, on a logarithmic scale, not above zero."""
        runs: list[list[tuple[float, float]]] = [[]]
        for place, value in zip(x, y, strict=True):
            if math.isfinite(value) and not (self.log and value <= 0):
                runs[-1].append((place, value))
            elif runs[-1]:
                runs.append([])
        path = "".join(f"M{self._points(run)}" for run in runs if run)
        return f'<path class="{kind}" d="{path}"/>'

    def stretched(self, content: str) -> str:
        """Areas and lines, which take the width that there is."""
        return (
            '<svg class="stretched" x="0" y="0" width="100%" height="100%" viewBox="0 0 1000 1000"'
            f' preserveAspectRatio="none">{content}</svg>'
        )

    def _points(self, points: Iterable[tuple[float, float]]) -> str:
        parts = []
        for x, y in points:
            down, _, whole = self._below_top(y)
            parts.append(
                f"{1000 * (x - self.x[0]) / ((self.x[1] - self.x[0]) or 1):.1f} {1000 * down / (whole or 1):.1f}"
            )
        return "L".join(parts)


def standing(plane: Plane, x: float, shift: float, row: Row, colour: str, first: bool) -> str:
    """An estimate as a dot with a standing whisker, `shift` pixels beside its place."""
    estimate = row.estimate
    place, height = plane.at(x, estimate.value)
    parts = []
    for line in estimate.lines:
        low, high = (min(max(end, plane.y[0]), plane.y[1]) for end in (_low(line[0]), _high(line[1])))
        top, bottom = plane.at(x, high)[1], plane.at(x, low)[1]
        parts.append(f'<line class="whisker {colour}" x1="{place}" x2="{place}" y1="{top}" y2="{bottom}"/>')
        for y, open_end, points in (
            (top, _high(line[1]) > high, "-5,0 0,-7 5,0"),
            (bottom, _low(line[0]) < low, "-5,0 0,7 5,0"),
        ):
            if open_end:
                arrow = f'<polygon class="arrow {colour}" points="{points}"/>'
                parts.append(f'<svg x="{place}" y="{y}" overflow="visible">{arrow}</svg>')
    parts.append(f'<circle class="point {colour} {tone(estimate)}" cx="{place}" cy="{height}" r="4.5"/>')
    parts.append(f'<line class="reach" x1="{place}" x2="{place}" y1="0" y2="100%"/>')
    says = "\n".join((estimate.label, written(estimate), *row.says))
    return mark("".join(parts), says, first, extra=f' transform="translate({shift:g} 0)"')
