"""Declared charts whose estimates stand one above the other, as readers explore them."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ruralpanel.claims.scorecard import Scorecard
from ruralpanel.estimate.base.model import Split
from ruralpanel.estimate.base.model_json import read_as
from ruralpanel.output.charts import claims, curve
from ruralpanel.output.charts.build import (
    first_setting,
    interval_name,
    model_name,
    target_of,
    with_intervals,
)
from ruralpanel.output.charts.coefficients import Estimate, from_model, span
from ruralpanel.output.report.explore.asked import Asked, counted, dot_legend, heads, listed
from ruralpanel.output.report.explore.chart import Cell, Chart, number, table_html
from ruralpanel.output.report.explore.drawing import Row, cells, dots, told
from ruralpanel.output.words import word
from ruralpanel.project.formats import format_auto, format_percent
from ruralpanel.project.kinds import figures


def coefficients_chart(asked: Asked, options: figures.Coefficients) -> Chart:
    """Estimates of one term over models."""
    context = asked.context
    models = context.models(options.models)
    labels = context.labels([model.panel for model in models], options)
    declared = options.term
    group = options.group
    rows = []
    for model in models:
        term = str(declared[model.model]) if isinstance(declared, Mapping) else str(declared)
        heading = {"outcome": labels.of(model.outcome), "none": ""}.get(group) or str(getattr(model, group, ""))
        title = model_name(options, model, context)
        title = f"{title}: {labels.of(term)}" if isinstance(declared, Mapping) else title
        estimate = from_model(model, term, title, "" if group == "none" else heading)
        rows.append(Row(estimate, (f"N = {model.n_obs}",), cells=(Cell(str(model.n_obs), model.n_obs),)))
    estimates = [row.estimate for row in rows]
    smallest = options.smallest_effect
    reach = (-smallest, smallest) if smallest else ()
    body = dot_legend(asked.language, bool(smallest)) + dots(
        rows,
        span(estimates, (0.0, *reach)),
        "" if isinstance(declared, Mapping) else labels.of(str(declared)),
        smallest,
    )
    note = with_intervals(asked.words[1], zip(models, estimates, strict=True), asked.language)
    table = table_html(
        heads(asked, word("model", asked.language), "N"),
        ([e.label, *cells(e), *r.cells] for r in rows for e in [r.estimate]),
    )
    return asked.chart("dots-chart", counted(estimates, "numbers", asked.language), "", body, listed(rows), table, note)


def waterfall_chart(asked: Asked, options: figures.Waterfall) -> Chart:
    """The parts of a decomposition, each with its interval and its share of the whole."""
    context, language = asked.context, asked.language
    (model,) = context.models([options.model])
    labels = context.labels([model.panel], options)
    gap = model.spec.options_as(Split).gap
    total = labels.names.get("total") or f"{labels.of(gap.group)} − {labels.of(gap.reference)}"
    parts = curve.parts(model, labels)
    whole = model.coefficient("total")
    size = whole.estimate if whole else sum(part.value for part in parts)
    rows = []
    for part, name in zip(parts, [*model.spec.options_as(Split).blocks, "unexplained"], strict=True):
        share = model.coefficient(f"share_{name}")
        proportion = part.value / size if size else math.nan
        text = short = asked.said("share", share=format_percent(proportion)) if size else ""
        if share and share.ci_low is not None and share.ci_high is not None:
            text = f"{text} [{format_percent(share.ci_low)}, {format_percent(share.ci_high)}]"
        estimate = Estimate(part.label, part.value, part.low, part.high, detail=short)
        rows.append(Row(estimate, (text,), cells=(number(100 * proportion),)))
    if whole:
        estimate = Estimate(total, size, whole.ci_low, whole.ci_high)
        rows.append(Row(estimate, main=True, cells=(number(100.0),)))
    largest = max(parts, key=lambda part: abs(part.value))
    estimates = [row.estimate for row in rows]
    finding = asked.said("largest", part=largest.label, value=format_auto(largest.value), total=format_auto(size))
    body = dot_legend(language) + dots(rows, span(estimates), labels.of(model.outcome))
    table = table_html(
        heads(asked, asked.said("part"), asked.said("percent_of_total")),
        ([row.estimate.label, *cells(row.estimate), *row.cells] for row in rows),
    )
    note = " ".join(text for text in (asked.words[1], f"{interval_name(model, language)}.") if text)
    return asked.chart("dots-chart", finding, "", body, listed(rows), table, note)


def leave_one_out_chart(asked: Asked, options: figures.LeaveOneOut) -> Chart:
    """An estimate without one unit or period at a time."""
    context, language = asked.context, asked.language
    (model,) = context.models([options.model])
    over, term = options.over, str(options.term)
    entry = target_of(context, options.model, term, f"leave_one_{over}_out")
    labels = context.labels([model.panel], options)
    smallest = entry.delta
    rows = [Row(estimate) for estimate in curve.left_out(entry, over, asked.names)]
    values = [row.estimate.value for row in rows]
    whole = entry.estimate
    turned = [row.estimate.label for row in rows if (row.estimate.value > 0) != (whole > 0)]
    finding = asked.said(
        "without_turns" if turned else "without_keeps", low=format_auto(min(values)), high=format_auto(max(values)),
        left=asked.nouns["unit" if over == "unit" else "period"], names=word("comma", language).join(turned),
    )  # fmt: skip
    estimates = [row.estimate for row in rows]
    limits = span(estimates, (0.0, *((-smallest, smallest) if smallest else ())))
    body = dot_legend(language, bool(smallest)) + dots(rows, limits, labels.of(term), smallest)
    table = table_html(
        heads(asked, asked.said("without")), ([row.estimate.label, *cells(row.estimate)] for row in rows)
    )
    name = first_setting(model, language) if any(told(estimate) is not None for estimate in estimates) else ""
    intervals = word("intervals_one", language).format(outer=name) if name else ""
    note = " ".join(text for text in (asked.words[1], intervals) if text)
    return asked.chart("dots-chart", finding, labels.of(term), body, listed(rows), table, note)


def scorecard_chart(asked: Asked, options: figures.Scorecard) -> Chart:
    """All claims with their numbers, in multiples of δ."""
    card = read_as(Scorecard, options.file or asked.context.results / "scorecard.json")
    rows = [
        Row(Estimate(e.label.replace("\n", "" if asked.language == "zh" else " "), e.value, e.low, e.high), (e.detail,))
        for e in claims.from_scorecard(card, asked.language)
    ]
    rows = [row for row in rows if math.isfinite(row.estimate.value)]
    estimates = [row.estimate for row in rows]
    body = dot_legend(asked.language, True) + dots(
        rows, span(estimates, (-1.0, 1.0)), word("scorecard_axis", asked.language), 1.0
    )
    table = table_html(
        heads(asked, asked.said("claim"), asked.said("verdict")),
        ([row.estimate.label, *cells(row.estimate), *row.says] for row in rows),
    )
    finding = counted(estimates, "numbers", asked.language)
    return asked.chart("dots-chart", finding, "", body, listed(rows), table, asked.words[1])
