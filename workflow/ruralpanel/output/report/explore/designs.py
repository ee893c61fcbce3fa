"""One claim's number over all its designs: between and within units, other outcomes, other errors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ruralpanel.claims.designs import ClaimEstimate
from ruralpanel.claims.scorecard import ClaimRow
from ruralpanel.output.charts.claims import REACH
from ruralpanel.output.charts.coefficients import Estimate, span
from ruralpanel.output.labels import without_aside
from ruralpanel.output.report.context import Context
from ruralpanel.output.report.explore.asked import capital, counted, dot_legend, listed
from ruralpanel.output.report.explore.chart import Cell, Chart, table_html
from ruralpanel.output.report.explore.drawing import Row, cells, dots
from ruralpanel.output.report.sentences import nouns, outcome_label, term_label
from ruralpanel.output.tables.inference_words import short_of
from ruralpanel.output.words import word
from ruralpanel.project.formats import format_p


def designs_chart(context: Context, claim: ClaimRow, identity: str) -> Chart | None:
    """Every design's number in multiples of its δ, the main one first; None where fewer than two can be set beside.

    Parameters
    ----------
    claim : of the scorecard.
    """
    language, words = context.language, nouns(context)
    main = claim.design
    titles = [design.model for design in claim.designs]
    found = (_row(context, design, design is main, words, titles.count(design.model) > 1) for design in claim.designs)
    rows = [row for row in found if row is not None]
    rows += _other_errors(context, main) if main else []
    if len(rows) < 2:
        return None

    def said(key: str, **values: Any) -> str:
        return word(f"explore.{key}", language, **{**words, **values})

    order = list(dict.fromkeys(row.estimate.group for row in rows))
    rows.sort(key=lambda row: order.index(row.estimate.group))
    reach = max([REACH, *(1.1 * abs(row.estimate.value) for row in rows)])
    wide = span([row.estimate for row in rows], (-1.0, 1.0))
    limits = (max(wide[0], -reach), min(wide[1], reach))
    numbers = [row.estimate for row in rows if row.main or row.cells[0] != Cell("")]
    finding = said("designs", claim=claim.claim, finding=counted(numbers, "of_designs", language))
    caption = context.worded(claim, "text")
    heads = [said(key) for key in ("design", "estimate", "low", "high", "outcome", "lever")]
    table = table_html(
        [*heads, word("n_obs", language)], ([row.estimate.label, *cells(row.estimate), *row.cells] for row in rows)
    )
    return Chart(
        id=identity,
        kind="dots-chart",
        name=f"designs_{claim.claim}",
        title=finding,
        subtitle=caption,
        body=dot_legend(language, True) + dots(rows, limits, word("scorecard_axis", language), 1.0),
        alternative=f"{caption}. {listed(rows)}",
        table=table,
        note=said("designs_note"),
        source=said("source", text=said("computed")),
        language=language,
    )


def _row(context: Context, design: ClaimEstimate, main: bool, words: Mapping[str, str], repeated: bool) -> Row | None:
    if design.in_delta is None:
        return None
    language = context.language
    low, high = design.in_delta_low, design.in_delta_high
    if design.has_interval and low is None and high is None:
        low, high = -math.inf, math.inf
    others = word(f"explore.evidence.{design.evidence}", language, **words)
    group = word("explore.main", language) if main else others
    label = capital(context.title(design.model))
    outcome, lever = without_aside(outcome_label(context, design)), term_label(context, design)
    # of a model that gives several numbers each names its own
    detail = lever if repeated and not main else ""
    estimate = Estimate(label, design.in_delta, low, high, group=group, detail=detail)
    says = [f"{lever} → {outcome}", f"N = {design.n_obs}"]
    if design.p_value is not None:
        says.append(f"p = {format_p(design.p_value)}")
    return Row(estimate, tuple(says), main, (Cell(outcome), Cell(lever), Cell(str(design.n_obs), design.n_obs)))


def _other_errors(context: Context, design: ClaimEstimate) -> list[Row]:
    """The main number with the intervals of its model's other settings of inference."""
    model = context.models.get(design.model)
    of_coefficient = design.pointer.startswith("/coefficients/")
    if model is None or not design.in_delta or not design.estimate or not of_coefficient:
        return []
    ratio = design.in_delta / design.estimate
    group = word("explore.other_errors", context.language)
    rows = []
    for setting in model.given:
        found = setting.row(design.term)
        if setting.method == design.interval or found is None or found.ci_low is None or found.ci_high is None:
            continue
        low, high = sorted((ratio * found.ci_low, ratio * found.ci_high))
        estimate = Estimate(short_of(setting, context.language), design.in_delta, low, high, group=group)
        says = (f"p = {format_p(found.p_value)}",) if found.p_value is not None else ()
        rows.append(Row(estimate, says, cells=(Cell(""), Cell(""), Cell(""))))
    return rows
