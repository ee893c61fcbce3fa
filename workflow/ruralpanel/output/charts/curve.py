"""Specification curves and sensitivity as charts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ruralpanel.claims.robustness.curve_plan import NONE
from ruralpanel.claims.robustness.results import Checked, CurveSummary, LeftOut, Power, Robustness, Sensitivity
from ruralpanel.estimate.base.model import Model, Split
from ruralpanel.output import style
from ruralpanel.output.charts.canvas import drawing, foot_note, grid, new_figure, save, zero_line
from ruralpanel.output.charts.claims import Part
from ruralpanel.output.charts.coefficients import Estimate
from ruralpanel.output.charts.power import PowerLine
from ruralpanel.output.labels import Labels, without_aside
from ruralpanel.output.tables.notes import effect_name
from ruralpanel.output.words import has_word, word
from ruralpanel.project.formats import format_auto

if TYPE_CHECKING:
    from matplotlib.axes import Axes

if TYPE_CHECKING:
    import pandas as pd


_BINS = 300
_LINES, _GAP = 5, 3
"""Lines of a row of options, and between two dimensions."""


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


def draw_curve(
    data: CurveData,
    paths: Mapping[str, str | Path],
    title: str = "",
    axis: str = "",
    note: str = "",
    language: str = "en",
    where: str = "figures",
) -> None:
    """Sorted estimates with their intervals above; below, how often each option is taken along the curve.

    Neighbouring specifications share one of 300 columns, so that thousands stay readable and the file small: above, the
    band is the median of their interval's ends; below, darkness is the share of them that take the option, or whose
    interval lies above or below zero.
    """
    order = np.argsort(np.asarray(data.estimate, dtype=float), kind="stable")
    rows = [(name, option) for name, values in data.choices.items() for option in dict.fromkeys(values)]
    with drawing():
        height = 0.145 * (len(rows) + 2) + 0.1 * (len(data.choices) + 1)
        figure = new_figure(7.0, 2.9 + height + (0.25 if note else 0))
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[2.4, max(height, 0.4)])
        _estimates(top, data, order, language)
        top.set_ylabel(axis)
        top.set_title(title)
        _options(bottom, data, order, language)
        bottom.set_xlabel(word("specifications", language) + f" (N = {len(order)})")
        foot_note(figure, note)
        save(figure, paths, where)


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
    """Rows of shares as darkness of a colour, in one picture whose lines are a `_LINES`-th of a row high."""
    bins = min(_BINS, len(order))
    dark = style.sequential(5)[4]
    sides = np.where(np.asarray(data.low) > 0, "above", np.where(np.asarray(data.high) < 0, "below", "")).tolist()
    heading = word("interval_excludes_zero", language)
    names = [f"{heading}: {word('above_zero', language)}", word("below_zero", language)]
    places = [0.5, 1.5]
    colours = (("above", style.CATEGORICAL[0]), ("below", style.CATEGORICAL[1]))
    strips = [_strip(option_shares(sides, [side], order, bins), colour) for side, colour in colours]
    gap = np.ones((_GAP, bins, 3))
    top = 2.0
    for dimension, values in data.choices.items():
        options = list(dict.fromkeys(values))
        strips += [gap, _strip(option_shares(values, options, order, bins), dark)]
        top += _GAP / _LINES
        names += [f"{dimension}: {option}" if index == 0 else str(option) for index, option in enumerate(options)]
        places += [top + index + 0.5 for index in range(len(options))]
        top += len(options)
    axes.imshow(np.vstack(strips), aspect="auto", interpolation="none", extent=(0, len(order), top, 0))
    axes.set_yticks(places, names, fontsize=6.5)
    axes.set_ylim(top, 0)
    axes.tick_params(axis="y", length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _strip(shares: np.ndarray[Any, Any], colour: str) -> np.ndarray[Any, Any]:
    """Rows of shares (rows, bins) as darkness of a colour, (lines, bins, 3)."""
    paper, ink = np.array(style.rgb(style.PAPER)), np.array(style.rgb(colour))
    return np.repeat(paper + shares[:, :, None] * (ink - paper), _LINES, axis=0)


_CLEAR = {"boxstyle": "square,pad=0.1", "facecolor": style.PAPER, "edgecolor": "none", "alpha": 0.85}


@dataclass(frozen=True)
class Benchmark:
    """An omitted variable as strong as an observed one, by its partial R² with lever and outcome."""

    label: str
    r2_lever: float
    r2_outcome: float
    estimate: float


@dataclass(frozen=True)
class Contours:
    """Adjusted estimates (p, p): rows the partial R² (p,) with the lever, columns that with the outcome."""

    r2: Sequence[float]
    estimates: Sequence[Sequence[float]]
    estimate: float
    benchmarks: Sequence[Benchmark] = ()

    @property
    def levels(self) -> list[float]:
        """Parts of the estimate (three quarters, a half, …, zero, minus a half) that the grid reaches, in order."""
        values = np.asarray(self.estimates, dtype=float)
        wanted = sorted(share * self.estimate for share in (0.75, 0.5, 0.25, 0.0, -0.5, -1.0, -2.0, -4.0))
        inside = [level for level in wanted if values.min() < level < values.max()]
        return inside or [float(np.mean(values))]


def draw_sensitivity(
    data: Contours,
    paths: Mapping[str, str | Path],
    title: str = "",
    note: str = "",
    language: str = "en",
    where: str = "figures",
) -> None:
    """Lines of equal adjusted estimates, the one of zero thick; points for variables as strong as observed ones."""
    r2 = np.asarray(data.r2, dtype=float)
    values = np.asarray(data.estimates, dtype=float).T
    with drawing():
        figure = new_figure(5.6, 4.6 + (0.3 if note else 0))
        axes = figure.add_subplot()
        lines = axes.contour(r2, r2, values, levels=data.levels, colors=style.MUTED, linewidths=0.7, linestyles="solid")
        axes.clabel(
            lines, [level for level in lines.levels if level != 0], fmt=lambda value: format_auto(value, 2), fontsize=7
        )
        if values.min() < 0 < values.max():
            axes.contour(r2, r2, values, levels=[0.0], colors=style.CATEGORICAL[1], linewidths=1.6)
        axes.plot([0], [0], "o", color=style.INK, clip_on=False, zorder=4)
        axes.annotate(
            f"{word('estimate', language)}: {format_auto(data.estimate)}", (0, 0), xytext=(6, 26),
            textcoords="offset points", fontsize=7.5, bbox=_CLEAR,
        )  # fmt: skip
        for point in data.benchmarks:
            if point.r2_lever > r2[-1] or point.r2_outcome > r2[-1]:
                continue
            left = point.r2_lever < 0.5 * r2[-1]
            axes.plot([point.r2_lever], [point.r2_outcome], "D", color=style.CATEGORICAL[0], markersize=4.5, zorder=4)
            axes.annotate(
                f"{point.label}: {format_auto(point.estimate)}", (point.r2_lever, point.r2_outcome),
                xytext=(5 if left else -5, 6), ha="left" if left else "right", textcoords="offset points",
                fontsize=7.5, color=style.CATEGORICAL[0], bbox=_CLEAR,
            )  # fmt: skip
        axes.set_xlabel(word("r2_with_lever", language))
        axes.set_ylabel(word("r2_with_outcome", language))
        axes.set_title(title)
        foot_note(figure, note)
        save(figure, paths, where)


CONTOUR_POINTS = 161


def curve_data(summary: CurveSummary, rows: pd.DataFrame, labels: Labels) -> CurveData:
    """All specifications in standardised units, dimensions with one option left out."""
    ratio = (rows["standardised"] / rows["estimate"]).to_numpy()
    choices: dict[str, list[str]] = {}
    for choice in summary.dimensions:
        if len(choice.options) > 1:
            words = dict(zip(choice.options, option_labels(choice.name, choice.options, labels), strict=True))
            taken = [words[str(option)] for option in rows[choice.name]]
            choices[dimension_label(choice.name, labels)] = taken
    return CurveData(
        rows["standardised"].tolist(),
        (rows["ci_low"].to_numpy() * ratio).tolist(),
        (rows["ci_high"].to_numpy() * ratio).tolist(),
        choices,
        0 if summary.main else None,
    )


def dimension_label(name: str, labels: Labels) -> str:
    """``Controls``; a lever's own name capitalised."""
    key = f"dimension_{name}"
    if has_word(key):
        return word(key, labels.language)
    return labels.names.get(name) or name.replace("_", " ").capitalize()


def option_labels(dimension: str, options: Sequence[str], labels: Labels) -> list[str]:
    """The words for the options of a dimension, without what stands in brackets where they can do without."""
    full = [_option(dimension, option, labels) for option in options]
    brief = [without_aside(label) for label in full]
    return [b if brief.count(b) == 1 else f for b, f in zip(brief, full, strict=True)]


def _option(dimension: str, option: str, labels: Labels) -> str:
    language = labels.language
    if option == NONE:
        return word("equal_weights" if dimension == "weights" else "none", language)
    if dimension == "effects":
        return " + ".join(effect_name(part, language) for part in option.split(" + "))
    if dimension in ("sample", "lag") and option == "all":
        return word("all", language)
    return " + ".join(labels.of(part) for part in option.split(" + "))


def left_out(entry: Checked, over: str, names: Mapping[str, str]) -> list[Estimate]:
    """Estimates without each unit or period, largest first, with 95 % intervals by the error of each."""
    from ruralpanel.estimate.inference.covariance import critical_values

    refitted = entry.without(over)
    assert isinstance(refitted, LeftOut)
    count = len(refitted.left_out)
    critical = float(critical_values(np.array(float(max(count - 2, 1)))))
    rows = []
    for name, value, error in zip(refitted.left_out, refitted.estimate, refitted.std_error, strict=True):
        if value is None:
            continue
        reach = None if error is None else critical * error
        ends = (None, None) if reach is None else (value - reach, value + reach)
        rows.append(Estimate(names.get(name, name), value, *ends))
    return sorted(rows, key=lambda row: -row.value)


def contours(entry: Checked, labels: Labels) -> Contours:
    """The sensitivity of one coefficient, benchmarked on observed covariates as strong as themselves.

    The grid reaches half as far again as the strongest of them or the robustness value.
    """
    from ruralpanel.claims.robustness import sensitivity

    results, estimate = entry.sensitivity, entry.estimate
    assert isinstance(results, Sensitivity)
    points = [
        Benchmark(without_aside(labels.of(bound.name)), bound.r2_lever, bound.r2_outcome, bound.estimate)
        for bound in results.bounds
        if bound.times == 1.0
    ]
    reach = [results.robustness_value, *(p.r2_lever for p in points), *(p.r2_outcome for p in points)]
    most = float(np.clip(1.5 * max(reach), 0.1, 0.9))
    classical = results.classical
    grid, values = sensitivity.contours(estimate, classical.std_error, classical.df, most, CONTOUR_POINTS)
    return Contours(grid.tolist(), values.tolist(), estimate, points)


def power_line(entry: Checked, label: str) -> PowerLine | None:
    """Power over effects in multiples of δ; None where the number has neither errors nor δ."""
    delta = entry.delta
    if not isinstance(entry.power, Power) or not entry.power.curve.effect or delta is None:
        return None
    return PowerLine(label, [effect / delta for effect in entry.power.curve.effect], entry.power.curve.power)


def parts(model: Model, labels: Labels) -> list[Part]:
    """The parts of a decomposition in its order, what is unexplained last."""
    rows = {row.term: row for row in model.coefficients}

    def part(name: str, label: str) -> Part:
        row = rows[name]
        return Part(label, row.estimate, row.ci_low, row.ci_high)

    rest = word("unexplained", labels.language)
    named = {name: labels.of(name) for name in model.spec.options_as(Split).blocks}
    return [*(part(name, label[:1].upper() + label[1:]) for name, label in named.items()), part("unexplained", rest)]


def targets(results: Iterable[Robustness]) -> dict[tuple[str, str], Checked]:
    """(model, number) → its results."""
    return {(result.model, name): entry for result in results for name, entry in result.targets.items()}
