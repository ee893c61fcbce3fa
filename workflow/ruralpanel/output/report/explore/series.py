"""Variables over time, as readers explore them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ruralpanel.output.charts.series import scaled
from ruralpanel.output.labels import Labels
from ruralpanel.output.report.explore.asked import Asked
from ruralpanel.output.report.explore.chart import Cell, Chart, legend, mark, number, table_html
from ruralpanel.output.report.explore.drawing import COLOURS, Plane
from ruralpanel.output.report.explore.entries import change
from ruralpanel.output.words import word
from ruralpanel.project.formats import format_auto
from ruralpanel.project.kinds import figures
from ruralpanel.project.periods import label

_WORDS = 14
"""Periods that an axis has room for."""


@dataclass(frozen=True)
class _Lines:
    """What one drawing of series holds: words on its axis, lines by name, and thin ones behind them.

    Attributes
    ----------
    lines : name → figures by period, NaN for gaps. size : what figures are divided by on the axis. log : a logarithmic
    scale. words : of a point's figure, if any.
    """

    title: str
    lines: Mapping[str, pd.Series[float]]
    size: float
    log: bool
    thin: Sequence[pd.Series[float]] = ()
    words: str = ""


def series_chart(asked: Asked, options: figures.Series) -> Chart | None:
    """Variables over time: units thin, means of groups thick, a drawing each; of one unit a line for each variable."""
    context, language = asked.context, asked.language
    frame = context.panel(options.panel, options.variables, "variables")
    labels = context.labels([options.panel], options)
    known = frame.dropna(subset=options.variables, how="all")
    if known.empty:
        return None
    periods = sorted(set(map(int, known["period"])))
    alone = known["unit"].nunique() == 1
    drawings = list(
        _of_one_unit(known, periods, options, labels) if alone else _of_groups(known, options, asked, labels)
    )
    named = len(drawings) > 1 and not alone
    body = ""
    rows: list[list[str | Cell]] = []
    for lines in drawings:
        body += _drawn(lines, periods, alone or not body)
        for name, line in lines.lines.items():
            found = line.reindex(periods)
            rows.append([name, *([lines.title] if named else []), *("" if np.isnan(v) else number(v) for v in found)])
    heads = [word("variable" if alone else "group", language), *([word("variable", language)] if named else [])]
    spans = "; ".join(
        f"{name} {format_auto(line.dropna().iloc[0])} – {format_auto(line.dropna().iloc[-1])}"
        for lines in drawings for name, line in lines.lines.items()
    )  # fmt: skip
    table = table_html([*heads, *map(label, periods)], rows)
    under = "" if alone else word("thin_thick", language)
    return asked.chart(
        "lines-chart", _course(known, options.variables[0], alone, labels, asked), under, body, spans, table,
        asked.words[1],
    )  # fmt: skip


def _of_one_unit(
    frame: pd.DataFrame, periods: Sequence[int], options: figures.Series, labels: Labels
) -> Iterator[_Lines]:
    """A drawing for each measure; lines break where a period is missing."""
    step = int(min(np.diff(periods), default=1))
    every = range(periods[0], periods[-1] + 1, step)
    by_measure: dict[str, dict[str, pd.Series[float]]] = {}
    for variable in options.variables:
        line = frame.set_index("period")[variable].astype(float).sort_index()
        index = sorted({*every, *line.index})
        by_measure.setdefault(labels.measure(variable), {})[labels.of(variable)] = line.reindex(index)
    for measure, lines in by_measure.items():
        largest = max((float(line.abs().max()) for line in lines.values()), default=0.0)
        size, words = scaled(largest, labels.language)
        yield _Lines(words.format(measure=measure).strip(), lines, size, options.log)


def _of_groups(frame: pd.DataFrame, options: figures.Series, asked: Asked, labels: Labels) -> Iterator[_Lines]:
    """A drawing for each variable: every unit, and the mean of each group, on a logarithmic scale the geometric one."""
    every = word("all_units", asked.language)
    groups = asked.context.group_of(options.by) if options.by else {}
    frame = frame.assign(group=[groups.get(str(unit), every) for unit in frame["unit"]]).sort_values("period")
    for variable in options.variables:
        part = frame[["unit", "period", "group"]].assign(value=frame[variable].astype(float)).dropna()
        if options.log:
            part = part.assign(value=np.log(part["value"].where(part["value"] > 0))).dropna()
        if part.empty:
            continue
        means = part.groupby(["group", "period"])["value"].mean()
        thin = [one.set_index("period")["value"] for _, one in part.groupby("unit")]
        lines = {str(kind): means[kind] for kind in sorted(set(part["group"]))}
        if options.log:
            thin, lines = [np.exp(one) for one in thin], {name: np.exp(one) for name, one in lines.items()}
        size, words = scaled(max(float(one.abs().max()) for one in thin), asked.language)
        measure, title = words.format(measure=labels.measure(variable)).strip(), labels.of(variable)
        if measure:
            only = len(options.variables) == 1
            title = measure if only else word("label.with_measure", asked.language, name=title, measure=measure)
        yield _Lines(title, lines, size, options.log, thin, word("mean", asked.language))


def _drawn(lines: _Lines, periods: Sequence[int], explained: bool) -> str:
    """Lines with a mark at each period, `explained` by a legend."""
    every = pd.concat([*lines.lines.values(), *lines.thin]).dropna() / lines.size
    every = every[every > 0] if lines.log else every
    low, high = float(every.min()), float(every.max())
    if not lines.log and 0 <= low < high / 2:
        low = 0.0
    plane = Plane(
        (periods[0], periods[-1] if len(periods) > 1 else periods[0] + 1), (low, high),
        [(period, label(period)) for period in _apart(periods)], "", lines.title, lines.log,
    )  # fmt: skip
    paths = [plane.line(line.index.tolist(), (line / lines.size).tolist(), "context") for line in lines.thin]
    marks: list[str] = []
    for index, (name, line) in enumerate(lines.lines.items()):
        colour = f"s{index % COLOURS}"
        places, values = [int(period) for period in line.index], (line / lines.size).tolist()
        paths.append(plane.line(places, values, f"line {colour}"))
        for period, value in zip(places, values, strict=True):
            if not math.isfinite(value) or (lines.log and value <= 0):
                continue
            x, y = plane.at(period, value)
            dot = f'<circle class="point told {colour}" cx="{x}" cy="{y}" r="3.5"/>'
            says = f"{name}, {label(period)}\n{lines.words} {format_auto(value)}".replace("\n ", "\n")
            marks.append(mark(dot, says, not marks))
    entries = [(f"series s{index % COLOURS}", name) for index, name in enumerate(lines.lines)]
    return (legend(entries) if explained else "") + plane.drawn(plane.stretched("".join(paths)) + "".join(marks))


def _apart(periods: Sequence[int]) -> list[int]:
    """The periods whose words stand under the axis: the last, and those before it that leave them room."""
    kept = [periods[-1]]
    for period in reversed(periods):
        if (kept[-1] - period) * _WORDS >= periods[-1] - periods[0] and period != kept[-1]:
            kept.append(period)
    return kept[::-1]


def _course(frame: pd.DataFrame, variable: str, alone: bool, labels: Labels, asked: Asked) -> str:
    """What the first variable did from the first to the last period, counted over units or as a multiple."""
    known = frame.dropna(subset=[variable])
    periods = sorted(set(map(int, known["period"])))
    if len(periods) < 2:
        return ""
    ends = (known[known["period"] == period] for period in (periods[0], periods[-1]))
    first, last = (dict(zip(map(str, part["unit"]), map(float, part[variable]), strict=True)) for part in ends)
    said = {"label": labels.of(variable), "first": label(periods[0]), "last": label(periods[-1])}
    if not alone:
        if not first.keys() & last.keys():
            return ""
        key, counts = change(first, last)
        return asked.said(f"finding.{key}", **said, **counts)
    ((start, end),) = zip(first.values(), last.values(), strict=True)
    if start <= 0 or end <= 0:
        return ""
    return asked.said("finding.multiple", times=format_auto(end / start), **said)
