"""Declared charts with two axes, as readers explore them."""

from __future__ import annotations

import math

import numpy as np

from ruralpanel.claims.robustness.results import Sensitivity
from ruralpanel.output.charts import curve, event_study, marginal_effect, power
from ruralpanel.output.charts.build import (
    event_settings,
    model_name,
    power_lines,
    rug_of,
    target_of,
    theory_curve,
    with_intervals,
)
from ruralpanel.output.charts.coefficients import Estimate, span
from ruralpanel.output.charts.curve import Benchmark
from ruralpanel.output.labels import without_aside
from ruralpanel.output.report.explore.asked import Asked, heads, listed
from ruralpanel.output.report.explore.chart import Cell, Chart, legend, mark, number, table_html
from ruralpanel.output.report.explore.drawing import COLOURS, Plane, Row, cells, standing, tick_words, told, written
from ruralpanel.output.report.explore.scales import ticks as ticks_of
from ruralpanel.output.words import word
from ruralpanel.project.formats import format_auto, format_percent
from ruralpanel.project.kinds import figures
from ruralpanel.project.periods import label

_POINTS = 81
"""Of a line of equal estimates."""


def event_study_chart(asked: Asked, options: figures.Effects) -> Chart:
    """Effects by time from the event."""
    context, language = asked.context, asked.language
    models = context.models(options.models)
    labels = context.labels([model.panel for model in models], options)
    relative = any(event_study.is_staggered(model) for model in models)
    lines = [event_study.from_model(model, model_name(options, model, context), relative) for model in models]
    reference, first = (event_study.reference_of(models[0]), 0) if relative else event_settings(models[0])
    every = [estimate for line in lines for estimate in line.estimates.values()]
    periods = sorted({period for line in lines for period in line.estimates} | {reference})
    shown = [(float(period), label(period).replace("-", "−") if relative else label(period)) for period in periods]
    outcomes = list(dict.fromkeys(labels.of(model.outcome) for model in models))
    x_title = word("event_time", language) if relative else ""
    limits = (periods[0] - 0.6, periods[-1] + 0.6)
    plane = Plane(limits, span(every), shown, x_title, outcomes[0] if len(outcomes) == 1 else "")
    box = ([first - 0.5, limits[1]], [plane.y[0]] * 2, [plane.y[1]] * 2)
    parts = [plane.stretched(plane.area(*box, kind="treated"))]
    x, y = plane.at(reference, 0.0)
    reference_words = f"{label(reference).replace('-', '−')} ({word('reference', language)})"
    parts.append(f'<circle class="point s6" cx="{x}" cy="{y}" r="4.5"/>')
    rows: list[tuple[int, Row]] = []
    for index, line in enumerate(lines):
        for period, estimate in sorted(line.estimates.items()):
            when = label(period).replace("-", "−") if relative else label(period)
            named = Estimate(
                f"{when}: {line.name}", estimate.value, estimate.low, estimate.high, pieces=estimate.pieces
            )
            row = Row(named)
            shift = 7.0 * (index - (len(lines) - 1) / 2)
            parts.append(standing(plane, period, shift, row, f"s{index % COLOURS}", not rows))
            rows.append((period, row))
    entries = [(f"series s{index % COLOURS}", line.name) for index, line in enumerate(lines)]
    entries += [("within", asked.said("treated")), ("point", f"{asked.said('untold')}; {reference_words}")]
    note = with_intervals(
        asked.words[1],
        [(model, one) for model, line in zip(models, lines, strict=True) for one in line.estimates.values()],
        language,
    )
    table = table_html(
        heads(asked, f"{word('period', language)}: {word('model', language)}"),
        ([row.estimate.label, *cells(row.estimate)] for _, row in rows),
    )
    before = [row.estimate for period, row in rows if period < first]
    after = [row.estimate for period, row in rows if period >= first]
    finding = asked.said(
        "event", before=sum(bool(told(e)) for e in before), n_before=len(before),
        after=sum(bool(told(e)) for e in after), n_after=len(after),
    )  # fmt: skip
    body = legend(entries) + plane.drawn("".join(parts))
    return asked.chart("event-chart", finding, "", body, listed([row for _, row in rows]), table, note)


def marginal_effect_chart(asked: Asked, options: figures.MarginalEffect) -> Chart:
    """The effect of one variable along another, with the band that decides."""
    context, language = asked.context, asked.language
    (model,) = context.models([options.model])
    effects = model.marginal_effects
    of, over = options.of or effects[0].of, options.over or effects[0].over
    labels = context.labels([model.panel], options)
    line = marginal_effect.from_model(model, of, over, rug_of(model, over, context, asked.names), language)
    limits = [value for value in (*line.low, *line.high, *line.estimate, 0.0) if math.isfinite(value)]
    low, high = min(limits), max(limits)
    x = (float(line.at[0]), float(line.at[-1]))
    margin = 0.02 * ((x[1] - x[0]) or 1.0)
    ticks = tick_words(ticks_of(*x, parts=6))
    plane = Plane(
        (x[0] - margin, x[1] + margin), (low - 0.16 * (high - low), high + 0.04 * (high - low)), ticks,
        labels.with_measure(over), word("marginal_effect", language).format(of=labels.of(of)),
    )  # fmt: skip
    parts = [
        plane.stretched(
            plane.area(line.at, line.low, line.high)
            + plane.line(line.at, line.estimate)
            + "".join(plane.line(ends, (0.0, 0.0), "not-told") for ends in line.untold)
        )
    ]
    first = True
    rows = []
    for at, value, below, above in zip(line.at, line.estimate, line.low, line.high, strict=True):
        ends = (below if math.isfinite(below) else None, above if math.isfinite(above) else None)
        estimate = Estimate(f"{labels.of(over)} = {format_auto(at)}", value, *ends)
        rows.append(Row(estimate))
        parts.append(_point(plane, at, estimate, first))
        first = False
    parts += [
        _unit(plane, name, value, labels.of(over)) for name, value in sorted(line.rug.items(), key=lambda i: i[1])
    ]
    entries = [
        ("series s0", word("estimate", language)),
        ("within", f"{word('interval_band', language)}: {line.method}"),
    ]
    if line.untold:
        entries.append(("bar", word("band_holds_zero", language)))
    body = plane.drawn("".join(parts))
    if options.theory:
        body = f'<div class="twin"><div>{body}</div>{_theory_drawing(language)}</div>'
    body = legend(entries) + body
    note = asked.words[1]
    table = table_html(heads(asked, labels.of(over)), ([row.estimate.label, *cells(row.estimate)] for row in rows))
    finding = _told_where(line, without_aside(labels.of(over)), asked)
    return asked.chart("marginal-chart", finding, "", body, f"{finding}. {listed(rows)}", table, note)


def _point(plane: Plane, at: float, estimate: Estimate, first: bool) -> str:
    x, y = plane.at(at, estimate.value)
    content = (
        f'<circle class="point {"told" if told(estimate) else ""}" cx="{x}" cy="{y}" r="4"/>'
        f'<line class="reach" x1="{x}" x2="{x}" y1="0" y2="88%"/>'
    )
    return mark(content, f"{estimate.label}\n{written(estimate)}", first)


def _unit(plane: Plane, name: str, value: float, over: str) -> str:
    x = plane.at(value, 0.0)[0]
    content = (
        f'<line class="rug" x1="{x}" x2="{x}" y1="92%" y2="98%"/>'
        f'<line class="reach thin" x1="{x}" x2="{x}" y1="89%" y2="100%"/>'
    )
    return mark(content, f"{name}\n{over}: {format_auto(value)}", False)


def _told_where(line: marginal_effect.MarginalCurve, over: str, asked: Asked) -> str:
    """For which values of the moderator the band leaves zero out."""
    start, end = float(line.at[0]), float(line.at[-1])
    free, at = [], start
    for low, high in line.untold:
        if low > at:
            free.append((at, low))
        at = max(at, high)
    if at < end:
        free.append((at, end))
    if not free:
        return asked.said("told_nowhere", over=over)
    if not line.untold:
        return asked.said("told_everywhere", over=over)
    spans = [asked.said("from_to", low=format_auto(low), high=format_auto(high)) for low, high in free]
    return asked.said("told_where", over=over, spans=word("comma", asked.language).join(spans))


def _theory_drawing(language: str) -> str:
    """The curve of the theory beneath the estimate, with axes of its own."""
    theory = theory_curve(language)
    x, y = (float(theory.at[0]), float(theory.at[-1])), (min(0.0, *theory.value), max(0.0, *theory.value))
    pad = 0.05 * (y[1] - y[0])
    ticks = tick_words(ticks_of(*x, parts=6))
    plane = Plane(x, (y[0] - pad, y[1] + pad), ticks, theory.x_label, f"{theory.title}: {theory.y_label}")
    line = plane.stretched(plane.line(theory.at, theory.value))
    return f'<div class="theory s2">{plane.drawn(line)}</div>'


def sensitivity_chart(asked: Asked, options: figures.Sensitivity) -> Chart:
    """What an omitted variable would leave of an estimate, by its strength; observed covariates as yardsticks."""
    context, language = asked.context, asked.language
    (model,) = context.models([options.model])
    entry = target_of(context, options.model, str(options.term), "sensitivity")
    found = entry.sensitivity
    assert isinstance(found, Sensitivity)
    labels = context.labels([model.panel], options)
    data = curve.contours(entry, labels)
    most = data.r2[-1]
    plane = Plane(
        (0.0, most), (0.0, most), tick_words(ticks_of(0.0, most, parts=6)), word("r2_with_lever", language),
        word("r2_with_outcome", language),
    )  # fmt: skip
    classical = found.classical
    paths, names = [], []
    for level in data.levels:
        # the outcome's share that leaves just this much, for each share of the lever from the first that fits in
        bias = (abs(data.estimate) - math.copysign(1.0, data.estimate) * level) / classical.std_error
        first = bias**2 / (most * classical.df + bias**2)
        if first >= most:
            continue
        at = np.linspace(first, most, _POINTS)
        outcome = bias**2 * (1.0 - at) / (at * classical.df)
        paths.append(plane.line(at.tolist(), outcome.tolist(), "line s1" if level == 0 else "contour"))
        x, y = plane.at(most, float(outcome[-1]))
        kind = "tick left zero" if level == 0 else "tick left"
        names.append(f'<text class="{kind}" x="{x}" y="{y}" dx="-2" dy="-.4em">{format_auto(level, 2)}</text>')
    marks: list[str] = []
    rows: list[list[str | Cell]] = []
    estimate = Benchmark(word("estimate", language), 0.0, 0.0, data.estimate)
    for point in (estimate, *data.benchmarks):
        says = point.label if point is estimate else asked.said("as_strong", name=point.label)
        rows.append([says, number(point.r2_lever), number(point.r2_outcome), number(point.estimate)])
        if point.r2_lever > most or point.r2_outcome > most:
            continue
        x, y = plane.at(point.r2_lever, point.r2_outcome)
        dot = f'<circle class="point told {"s6" if point is estimate else "s0"}" cx="{x}" cy="{y}" r="5"/>'
        marks.append(mark(dot, f"{says}\n{asked.said('estimate')} {format_auto(point.estimate)}", not marks))
    entries = [("point told", asked.said("benchmarks")), ("series s6", word("estimate", language))]
    if 0.0 in data.levels:
        entries.append(("bar s1", asked.said("left_zero")))
    body = legend(entries) + plane.drawn(plane.stretched("".join(paths)) + "".join(names) + "".join(marks))
    finding = asked.said("undone", term=labels.of(str(options.term)), share=format_percent(found.robustness_value, 1))
    heads_ = [asked.said("omitted"), word("r2_with_lever", language), word("r2_with_outcome", language)]
    words = "; ".join(f"{row[0]}: {row[3].text}" for row in rows if isinstance(row[3], Cell))
    table = table_html([*heads_, asked.said("estimate")], rows)
    return asked.chart("sensitivity-chart", finding, "", body, f"{finding}. {words}", table, asked.words[1])


def power_chart(asked: Asked, options: figures.Power) -> Chart:
    """Power over multiples of the smallest effect that matters."""
    language, lines = asked.language, list(power_lines(options, asked.context))
    most = 5.0
    at = [float(x) for x in np.linspace(0.0, most, 51)]
    plane = Plane(
        (0.0, most), (0.0, 1.02), [(x, str(x)) for x in range(6)], word("effect_in_delta", language),
        word("power", language),
    )  # fmt: skip
    paths: list[str] = []
    marks: list[str] = []
    rows: list[list[str | Cell]] = []
    for index, line in enumerate(lines):
        found = np.interp(at, [*line.effect, max(most, line.effect[-1] + 1)], [*line.power, 1.0]).tolist()
        paths.append(plane.line(at, found, f"line s{index % COLOURS}{' second' if index >= COLOURS else ''}"))
        for delta in (1, 2, 3):
            value = found[10 * delta]
            x, y = plane.at(delta, value)
            dot = f'<circle class="point told s{index % COLOURS}" cx="{x}" cy="{y}" r="4"/>'
            marks.append(
                mark(
                    dot, f"{line.label}\n{asked.said('power_at', delta=delta, power=format_percent(value))}", not marks
                )
            )
        rows.append([line.label, *(number(100 * found[10 * delta]) for delta in (1, 2, 3, 4))])
    wanted_y = plane.at(0.0, power.WANTED)[1]
    level = f'<line class="now" x1="0" x2="100%" y1="{wanted_y}" y2="{wanted_y}"/>'
    level += '<line class="now" x1="20%" x2="20%" y1="0" y2="100%"/>'
    entries = [(f"series s{index % COLOURS}", line.label) for index, line in enumerate(lines)]
    body = plane.drawn(level + plane.stretched("".join(paths)) + "".join(marks)) + legend(entries)
    enough = sum(float(np.interp(1.0, line.effect, line.power)) >= power.WANTED for line in lines)
    finding = asked.said("power_enough", count=enough, number=len(lines), power=format_percent(power.WANTED))
    table = table_html([asked.said("design"), *(asked.said("power_of", delta=delta) for delta in (1, 2, 3, 4))], rows)
    return asked.chart("lines-chart", finding, "", body, finding, table, asked.words[1])
