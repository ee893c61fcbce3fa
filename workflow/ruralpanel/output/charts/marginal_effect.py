"""Marginal effect of one variable over another, with band, crossing of zero and rug of units."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ruralpanel.estimate.base.model import Model
from ruralpanel.output import style
from ruralpanel.output.charts.canvas import drawing, foot_note, grid, new_figure, save, zero_line
from ruralpanel.output.labels import wrapped
from ruralpanel.output.tables.inference_words import short_of
from ruralpanel.output.words import word
from ruralpanel.project.formats import format_auto
from ruralpanel.project.kinds.inference import WILD

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FINE = 401
"""Places at which the band is asked whether it holds zero."""

_FAR = 1e9


@dataclass(frozen=True)
class MarginalCurve:
    """``d outcome / d of`` at each value of `over`.

    Attributes
    ----------
    at, estimate, low, high : same length; `at` ascending. A limit that is not finite has no band beside it.
    crossing : where the estimate is zero; None where there is no such place.
    untold : where the band holds zero, as intervals.
    method : name in print of the inference that the band is of.
    rug : value of `over` for each unit, by the unit's name in print.
    """

    at: Sequence[float]
    estimate: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    crossing: float | None = None
    untold: tuple[tuple[float, float], ...] = ()
    method: str = ""
    rug: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class TheoryCurve:
    """A curve of the theory to stand beside the estimate, with its own axes."""

    at: Sequence[float]
    value: Sequence[float]
    x_label: str
    y_label: str
    title: str


def from_model(model: Model, of: str, over: str, rug: Mapping[str, float], language: str = "en") -> MarginalCurve:
    """The curve of a model's marginal effect, with the kind of interval that its numbers are printed with.

    The band joins the wild bootstrap's intervals at the named points where the model has them (the effect is a straight
    line between these); else it is that of the setting with the covariance.

    Raises
    ------
    KeyError
        The model has no marginal effect of `of` over `over`.
    """
    for effect in model.marginal_effects:
        if effect.of == of and effect.over == over:
            wild = [point for point in effect.points if point.p_wild is not None]
            rows = sorted({row.at: row for row in wild or effect.curve}.items())
            at, estimate = [place for place, _ in rows], [row.estimate for _, row in rows]
            low = [_limit(row.ci_wild_low if wild else row.ci_low) for _, row in rows]
            high = [_limit(row.ci_wild_high if wild else row.ci_high) for _, row in rows]
            method = WILD if wild else effect.method
            name = next((short_of(entry, language) for entry in model.inference if entry.method == method), "")
            crossing = effect.crossing.estimate
            return MarginalCurve(at, estimate, low, high, crossing, _untold(at, low, high), name, rug)
    raise KeyError(f"{of} over {over}")


def _limit(value: float | None) -> float:
    return math.nan if value is None or math.isinf(value) else float(value)


def _untold(at: Sequence[float], low: Sequence[float], high: Sequence[float]) -> tuple[tuple[float, float], ...]:
    """Where the band, straight between its points, holds zero; an open end holds whatever lies beyond."""
    fine = np.unique(np.concatenate([np.linspace(at[0], at[-1], FINE), at]))
    below = np.interp(fine, at, np.nan_to_num(low, nan=-_FAR))
    above = np.interp(fine, at, np.nan_to_num(high, nan=_FAR))
    inside = np.concatenate([[False], (below <= 0) & (above >= 0), [False]])
    starts, ends = np.flatnonzero(inside[1:] & ~inside[:-1]), np.flatnonzero(inside[:-1] & ~inside[1:]) - 1
    return tuple((float(fine[a]), float(fine[b])) for a, b in zip(starts, ends, strict=True))


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
) -> None:
    """The curve with its band; beside it, where given, the curve of the theory.

    Parameters
    ----------
    of, over : names in print of the variable whose effect is shown and of the one it depends on.
    """
    with drawing():
        figure = new_figure(7.6 if theory else 6.0, 3.9)
        if theory:
            left, right = figure.subplots(1, 2, width_ratios=[1.7, 1.0])
            _theory(right, theory)
        else:
            left = figure.add_subplot()
        _curve(left, curve, language)
        left.set_xlabel(over)
        left.set_ylabel("\n".join(wrapped(word("marginal_effect", language).format(of=of), 28)))
        left.set_title(title)
        foot_note(figure, note)
        save(figure, paths, where)


def _curve(axes: Axes, curve: MarginalCurve, language: str) -> None:
    colour = style.CATEGORICAL[0]
    grid(axes, "y")
    zero_line(axes)
    band = word("interval_band", language) + (f": {curve.method}" if curve.method else "")
    axes.fill_between(curve.at, curve.low, curve.high, color=colour, alpha=0.18, linewidth=0, label=band)
    axes.plot(curve.at, curve.estimate, color=colour, linewidth=1.6, label=word("estimate", language))
    axes.margins(x=0.02)
    low, high = axes.get_ylim()
    if curve.rug:
        # Units in a strip of their own below the band, so that neither hides the other.
        low -= 0.14 * (high - low)
        base = low + 0.03 * (high - low)
        values = list(curve.rug.values())
        axes.plot(
            values, [base] * len(values), "|", color=style.INK, markersize=8, markeredgewidth=0.8, clip_on=False,
            label=word("one_unit_each", language),
        )  # fmt: skip
        _name_extremes(axes, curve.rug, base + 0.035 * (high - low))
    axes.set_ylim(low, high)
    for index, (left, right) in enumerate(curve.untold):
        label = None if index else word("band_holds_zero", language)
        axes.plot(
            [left, right], [0, 0], color=style.CATEGORICAL[1], linewidth=2.4, alpha=0.55, zorder=4, label=label,
            solid_capstyle="butt",
        )  # fmt: skip
    if curve.crossing is not None and min(curve.at) <= curve.crossing <= max(curve.at):
        place = word("zero_at", language).format(at=format_auto(curve.crossing))
        axes.plot([curve.crossing], [0], "o", color=style.CATEGORICAL[1], markersize=6, zorder=5, label=place)
    axes.legend(loc="best", handlelength=1.4)


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
    axes.set_title("\n".join(wrapped(theory.title, 15)))
    axes.margins(x=0.02)
