"""Marginal effect of one variable over another, with band, crossing of zero and rug of units."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from ruralpanel import style
from ruralpanel.figures.canvas import drawing, foot_note, grid, new_figure, save, zero_line
from ruralpanel.style import format_auto
from ruralpanel.text_width import wrapped
from ruralpanel.wording import word


@dataclass(frozen=True)
class MarginalCurve:
    """``d outcome / d of`` at each value of `over`.

    Attributes
    ----------
    at, estimate, low, high : same length; `at` ascending.
    crossing : where the estimate is zero; None where there is no such place.
    crossing_set : its 95 % set (Fieller) as intervals with open ends None: one, two rays, or the whole line.
    rug : value of `over` for each unit, by the unit's name in print.
    """

    at: Sequence[float]
    estimate: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    crossing: float | None = None
    crossing_set: tuple[tuple[float | None, float | None], ...] = ()
    rug: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class TheoryCurve:
    """A curve of the theory to stand beside the estimate, with its own axes."""

    at: Sequence[float]
    value: Sequence[float]
    x_label: str
    y_label: str
    title: str


def from_model(model: Mapping[str, Any], of: str, over: str, rug: Mapping[str, float]) -> MarginalCurve:
    """The curve of a model's JSON (``marginal_effects``).

    Raises
    ------
    KeyError
        The model has no marginal effect of `of` over `over`.
    """
    for effect in model.get("marginal_effects") or ():
        if effect["of"] == of and effect["over"] == over:
            curve, crossing = effect["curve"], effect["crossing"]
            low, high = crossing["low"], crossing["high"]
            sets: dict[str, tuple[tuple[float | None, float | None], ...]] = {
                "interval": ((low, high),),
                "two_rays": ((None, low), (high, None)),
                "all": ((None, None),),
            }
            at, estimate, below, above = (
                [float(row[name]) for row in curve] for name in ("at", "estimate", "ci_low", "ci_high")
            )
            return MarginalCurve(at, estimate, below, above, crossing["estimate"], sets[crossing["set"]], rug)
    raise KeyError(f"{of} over {over}")


def draw(
    curve: MarginalCurve,
    paths: Mapping[str, str | Path],
    of: str,
    over: str,
    title: str = "",
    note: str = "",
    theory: TheoryCurve | None = None,
    language: str = "en",
    where: str = "figures",
    font: str | Path | None = None,
) -> None:
    """The curve with its band; beside it, where given, the curve of the theory.

    Parameters
    ----------
    of, over : names in print of the variable whose effect is shown and of the one it depends on.
    """
    with drawing(font):
        figure = new_figure(7.6 if theory else 6.0, 3.9)
        figure.set_layout_engine("constrained")
        if theory:
            left, right = figure.subplots(1, 2, width_ratios=[1.7, 1.0])
            _theory(right, theory)
        else:
            left = figure.add_subplot()
        _curve(left, curve, language)
        left.set_xlabel(over)
        left.set_ylabel("\n".join(wrapped(word("marginal_effect", language).format(of=of), 28)))
        left.set_title(title)
        if note:
            foot_note(figure, note)
        save(figure, paths, where, font)


def _curve(axes: Axes, curve: MarginalCurve, language: str) -> None:
    colour = style.CATEGORICAL[0]
    grid(axes, "y")
    zero_line(axes)
    axes.fill_between(
        curve.at, curve.low, curve.high, color=colour, alpha=0.18, linewidth=0, label=word("interval_band", language)
    )
    axes.plot(curve.at, curve.estimate, color=colour, linewidth=1.6, label=word("estimate", language))
    axes.margins(x=0.02)
    low, high = axes.get_ylim()
    if curve.rug:
        # Units in a strip of their own below the band, so that neither hides the other.
        low -= 0.14 * (high - low)
        base = low + 0.03 * (high - low)
        values = list(curve.rug.values())
        axes.plot(values, [base] * len(values), "|", color=style.INK, markersize=8, markeredgewidth=0.8, clip_on=False)
        _name_extremes(axes, curve.rug, base + 0.035 * (high - low))
    axes.set_ylim(low, high)
    for interval in curve.crossing_set:
        _crossing_interval(axes, curve, interval)
    if curve.crossing is not None and min(curve.at) <= curve.crossing <= max(curve.at):
        axes.plot([curve.crossing], [0], "o", color=style.CATEGORICAL[1], markersize=6, zorder=5)
        axes.annotate(
            word("zero_at", language).format(at=format_auto(curve.crossing)),
            (curve.crossing, 0), xytext=(5, 6), textcoords="offset points", fontsize=8, color=style.CATEGORICAL[1],
        )  # fmt: skip
    axes.legend(loc="best", handlelength=1.4)


def _crossing_interval(axes: Axes, curve: MarginalCurve, interval: tuple[float | None, float | None]) -> None:
    low, high = interval
    left = min(curve.at) if low is None or not math.isfinite(low) else max(low, min(curve.at))
    right = max(curve.at) if high is None or not math.isfinite(high) else min(high, max(curve.at))
    if left >= right:
        return
    axes.plot([left, right], [0, 0], color=style.CATEGORICAL[1], linewidth=2.4, alpha=0.55, zorder=4)


def _name_extremes(axes: Axes, rug: Mapping[str, float], height: float) -> None:
    """Names of the units at both ends; the others are read from the table."""
    ordered = sorted(rug.items(), key=lambda item: item[1])
    for (name, value), align in ((ordered[0], "left"), (ordered[-1], "right")):
        axes.text(value, height, name, ha=align, va="bottom", fontsize=6.5, color=style.MUTED)


def _theory(axes: Axes, theory: TheoryCurve) -> None:
    grid(axes, "y")
    zero_line(axes)
    axes.plot(theory.at, theory.value, color=style.CATEGORICAL[2], linewidth=1.6)
    axes.set_xlabel(theory.x_label)
    axes.set_ylabel(theory.y_label)
    axes.set_title(theory.title)
    axes.margins(x=0.02)
