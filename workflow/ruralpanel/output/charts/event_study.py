"""Event-study plot: the gap between treated and others, period by period or by the time since treatment."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ruralpanel.estimate.base.model import Model
from ruralpanel.output import style
from ruralpanel.output.charts.canvas import drawing, foot_note, grid, new_figure, save, zero_line
from ruralpanel.output.charts.coefficients import Estimate, draw_interval, span
from ruralpanel.output.charts.coefficients import from_model as estimate_of
from ruralpanel.output.labels import wrapped
from ruralpanel.output.words import word
from ruralpanel.project.periods import PATTERN, label, parsed

_PERIOD = re.compile(rf"(?:^|[^0-9])([0-9]{{4}}|{PATTERN})\]?$")


@dataclass(frozen=True)
class EventSeries:
    """Estimates by period under one name (one estimator or outcome).

    `relative` says that periods are counted from each unit's first under treatment.
    """

    name: str
    estimates: Mapping[int, Estimate]
    relative: bool = False


def is_staggered(model: Model) -> bool:
    """Whether a model has effects by the time since treatment, its units starting at different dates."""
    return any(row.period is None for row in model.event_study)


def from_model(model: Model, name: str, relative: bool = False) -> EventSeries:
    """The effects by period of a model as one series.

    They are the coefficients whose term ends in a period (``treated:1998``). Where there are none, or with `relative`,
    they are the rows of ``event_study``: a coefficient's interval where a row has one, else its own.
    """
    estimates = {}
    for entry in () if relative else model.coefficients:
        match = _PERIOD.search(entry.term)
        if match:
            estimates[parsed(match.group(1))] = estimate_of(model, entry.term, entry.term)
    if estimates:
        return EventSeries(name, estimates)
    known = {entry.term for entry in model.coefficients}
    for row in model.event_study:
        place, term = row.event_time if relative else row.period, row.term
        if place is not None and not row.is_reference:
            estimate = Estimate(term, row.estimate, row.ci_low, row.ci_high)
            estimates[place] = estimate_of(model, term, term) if term in known else estimate
    return EventSeries(name, estimates, relative)


def reference_of(model: Model) -> int:
    """The event time that a model's effects are measured against: its row of zeros, else the one before treatment."""
    rows = model.event_study
    return next((row.event_time for row in rows if row.is_reference), -1)


def draw(
    series: Sequence[EventSeries],
    paths: Mapping[str, str | Path],
    reference: int,
    first_treated: int,
    title: str = "",
    axis: str = "",
    note: str = "",
    language: str = "en",
    where: str = "figures",
) -> None:
    """Points with intervals over true calendar periods (uneven spacing shows), the reference period hollow at zero.

    Parameters
    ----------
    reference : the period whose gap is zero by construction.
    first_treated : first period of treatment; shaded from half a year before. Of `relative` series it is zero.
    """
    relative = any(one.relative for one in series)
    every = [estimate for one in series for estimate in one.estimates.values()]
    periods = sorted({period for one in series for period in one.estimates} | {reference})
    with drawing():
        figure = new_figure(6.5, 3.6)
        axes = figure.add_subplot()
        grid(axes, "y")
        axes.axvspan(first_treated - 0.5, periods[-1] + 0.6, color=style.GRID, alpha=0.55, linewidth=0, zorder=0)
        zero_line(axes)
        limits = span(every)
        step = 0.18
        for index, one in enumerate(series):
            colour = style.CATEGORICAL[index % len(style.CATEGORICAL)]
            shift = step * (index - (len(series) - 1) / 2)
            for period, estimate in sorted(one.estimates.items()):
                draw_interval(axes, period + shift, estimate, limits, colour, horizontal=False)
            axes.plot([], [], "o", color=colour, markersize=5, label=one.name)
        axes.plot(
            [reference], [0], "o", color=style.PAPER, markeredgecolor=style.INK, markersize=5.5, zorder=5,
            label=f"{label(reference).replace('-', '−')} ({word('reference', language)})",
        )  # fmt: skip
        if relative:
            axes.set_xlabel(word("event_time", language))
        axes.set_xticks(periods, [label(period) for period in periods])
        if len(periods) > 10 and not relative:
            axes.tick_params(axis="x", labelrotation=45)
        axes.set_xlim(periods[0] - 0.6, periods[-1] + 0.6)
        axes.set_ylim(limits)
        axes.set_ylabel("\n".join(wrapped(axis, 22)))
        axes.set_title(title)
        axes.legend(loc="best", handletextpad=0.3)
        foot_note(figure, note)
        save(figure, paths, where)
