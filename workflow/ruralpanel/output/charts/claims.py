"""Claims as charts: gaps decomposed as a waterfall, and the scorecard."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ruralpanel.claims.scorecard import Scorecard
from ruralpanel.output import style
from ruralpanel.output.charts import coefficients
from ruralpanel.output.charts.canvas import drawing, foot_note, grid, new_figure, save, zero_line
from ruralpanel.output.charts.coefficients import Estimate
from ruralpanel.output.labels import wrapped
from ruralpanel.output.words import word
from ruralpanel.project.formats import format_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Part:
    """One contribution, with the interval of the contribution itself (not of the running sum)."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None


def draw_waterfall(
    parts: Sequence[Part],
    paths: Mapping[str, str | Path],
    total_label: str = "",
    title: str = "",
    axis: str = "",
    note: str = "",
    interval: str = "",
    digits: int = 2,
    language: str = "en",
    where: str = "figures",
) -> None:
    """Bars that start where the one before ended; the last bar is the total from zero.

    The parts add up to the total by construction. Intervals belong to the parts, not to running sums: they stand in a
    panel of their own at the right, from a zero of their own.

    Parameters
    ----------
    interval : what the intervals are.
    """
    apart = any(part.low is not None and part.high is not None for part in parts)
    total = sum(part.value for part in parts)
    below, above = style.CATEGORICAL[1], style.CATEGORICAL[0]
    with drawing():
        figure = new_figure(7.6 if apart else 6.5, 1.1 + 0.42 * (len(parts) + 1) + (0.25 if note else 0))
        if apart:
            axes, right = figure.subplots(1, 2, width_ratios=[1.7, 1.0], sharey=True)
            _intervals(right, parts, "\n".join(wrapped(word("each_part", language).format(interval=interval), 24)))
        else:
            axes = figure.add_subplot()
        grid(axes, "x")
        zero_line(axes, horizontal=False)
        at = 0.0
        for row, part in enumerate(parts):
            colour = above if part.value >= 0 else below
            axes.barh(row, part.value, left=at, height=0.58, color=colour, zorder=2)
            end = at + part.value
            axes.plot([end, end], [row - 0.29, row + 1.29], color=style.MUTED, linewidth=0.6, zorder=2.5)
            _number(axes, row, max(end, at), part.value, digits)
            at = end
        axes.barh(len(parts), total, height=0.58, color=style.MUTED, zorder=2)
        _number(axes, len(parts), max(total, 0.0), total, digits)
        names = [part.label for part in parts] + [total_label or word("total", language)]
        axes.set_yticks(range(len(names)), names)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_ylim(len(parts) + 0.6, -0.6)
        axes.margins(x=0.1)
        axes.set_xlabel(axis)
        axes.set_title(title)
        foot_note(figure, note)
        save(figure, paths, where)


def _intervals(axes: Axes, parts: Sequence[Part], label: str) -> None:
    """Each part with its interval, measured from zero."""
    grid(axes, "x")
    zero_line(axes, horizontal=False)
    for row, part in enumerate(parts):
        if part.low is not None and part.high is not None:
            colour = style.CATEGORICAL[0 if part.value >= 0 else 1]
            axes.plot([part.low, part.high], [row, row], color=colour, linewidth=1.2, zorder=3)
            axes.plot([part.value], [row], "o", color=colour, markersize=4.5, zorder=4)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.margins(x=0.1)
    axes.set_xlabel(label)


def _number(axes: Axes, row: int, x: float, value: float, digits: int) -> None:
    axes.annotate(
        format_number(value, digits), (x, row), xytext=(4, 0), textcoords="offset points", va="center", fontsize=8
    )


#: Intervals reach this many δ to either side at most, or as far as the farthest estimate; what lies beyond is an arrow.
REACH = 12.0


def from_scorecard(scorecard: Scorecard, language: str) -> list[Estimate]:
    """One estimate for each claim of the scorecard, in the number's own direction as on the report's first page.

    Claims without a number keep their row, with the verdict alone.
    """
    rows = []
    values = [claim.design.in_delta for claim in scorecard.claims if claim.design]
    reach = max([REACH, *(abs(value) for value in values if value is not None)])
    for claim in scorecard.claims:
        text = claim.text_zh if language == "zh" and claim.text_zh else claim.text
        verdict = word(f"verdict.{claim.verdict.replace(' ', '_')}", language)
        label = _broken(f"{claim.claim}  {text}")
        design = claim.design
        if design is None or design.in_delta is None:
            rows.append(Estimate(label, math.nan, detail=verdict))
            continue
        low, high = (_end(limit, reach) for limit in (design.in_delta_low, design.in_delta_high))
        if design.in_delta_low is not None and low is None and high is None:
            low, high = -math.inf, math.inf
        rows.append(Estimate(label, design.in_delta, low, high, detail=verdict))
    return rows


def draw_scorecard(
    scorecard: Scorecard,
    paths: Mapping[str, str | Path],
    title: str = "",
    note: str = "",
    language: str = "en",
    where: str = "figures",
) -> None:
    """Effects of the claims' main designs over the band of those smaller than δ (±1), verdicts at the right."""
    estimates = from_scorecard(scorecard, language)
    axis = word("scorecard_axis", language)
    coefficients.draw(estimates, paths, title, axis, note, 1.0, 7.4, where)


def _broken(text: str) -> str:
    """`text` in lines of some 46 letters or 23 Chinese characters."""
    return "\n".join(wrapped(text, 25.0))


def _end(limit: float | None, reach: float) -> float | None:
    return None if limit is None or abs(limit) > reach else float(limit)
