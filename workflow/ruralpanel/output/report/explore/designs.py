"""One claim's number over all its designs: between and within units, other outcomes, other errors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ruralpanel.estimate.base.model_json import method_of
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


def designs_chart(context: Context, claim: Mapping[str, Any], identity: str) -> Chart | None:
    """Every design's number in multiples of its δ, the main one first; None where fewer than two can be set beside.

    Parameters
    ----------
    claim : of the scorecard.
    """
    language, words = context.language, nouns(context)
    main = claim.get("design") or {}
    titles = [str(design["model"]) for design in (main, *(claim.get("others") or ())) if design]
    designs = [design for design in (main, *(claim.get("others") or ())) if design.get("in_delta") is not None]
    rows = [_row(context, design, design is main, words, titles.count(design["model"]) > 1) for design in designs]
    rows += _other_errors(context, main)
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
    finding = said("designs", claim=claim["claim"], finding=counted(numbers, "of_designs", language))
    caption = context.worded(claim, "text")
    heads = [said(key) for key in ("design", "estimate", "low", "high", "outcome", "lever")]
    table = table_html(
        [*heads, word("n_obs", language)], ([row.estimate.label, *cells(row.estimate), *row.cells] for row in rows)
    )
    return Chart(
        id=identity,
        kind="dots-chart",
        name=f"designs_{claim['claim']}",
        title=finding,
        subtitle=caption,
        body=dot_legend(language, True) + dots(rows, limits, word("scorecard_axis", language), 1.0),
        alternative=f"{caption}. {listed(rows)}",
        table=table,
        note=said("designs_note"),
        source=said("source", text=said("computed")),
        language=language,
    )


def _row(context: Context, design: Mapping[str, Any], main: bool, words: Mapping[str, str], repeated: bool) -> Row:
    language = context.language
    low, high = design.get("in_delta_low"), design.get("in_delta_high")
    if design["has_interval"] and low is None and high is None:
        low, high = -math.inf, math.inf
    others = word(f"explore.evidence.{design['evidence']}", language, **words)
    group = word("explore.main", language) if main else others
    label = capital(context.title(design["model"]))
    outcome, lever = without_aside(outcome_label(context, design)), term_label(context, design)
    # of a model that gives several numbers each names its own
    detail = lever if repeated and not main else ""
    estimate = Estimate(label, float(design["in_delta"]), low, high, group=group, detail=detail)
    says = [f"{lever} → {outcome}", f"N = {design['n_obs']}"]
    if design.get("p_value") is not None:
        says.append(f"p = {format_p(float(design['p_value']))}")
    return Row(estimate, tuple(says), main, (Cell(outcome), Cell(lever), Cell(str(design["n_obs"]), design["n_obs"])))


def _other_errors(context: Context, design: Mapping[str, Any]) -> list[Row]:
    """The main number with the intervals of its model's other settings of inference."""
    model = context.models.get(str(design.get("model")), {})
    if not design.get("in_delta") or not design["estimate"] or not str(design["pointer"]).startswith("/coefficients/"):
        return []
    ratio = float(design["in_delta"]) / float(design["estimate"])
    group = word("explore.other_errors", context.language)
    rows = []
    for entry in model.get("inference") or ():
        if method_of(entry) == design["interval"] or entry.get("not_available"):
            continue
        found: Mapping[str, Any] = next(
            (row for row in entry.get("coefficients") or () if row["term"] == design["term"]), {}
        )
        if found.get("ci_low") is None or found.get("ci_high") is None:
            continue
        low, high = sorted(ratio * float(found[end]) for end in ("ci_low", "ci_high"))
        estimate = Estimate(short_of(entry, context.language), float(design["in_delta"]), low, high, group=group)
        p = found.get("p_value")
        says = (f"p = {format_p(float(p))}",) if p is not None else ()
        rows.append(Row(estimate, says, cells=(Cell(""), Cell(""), Cell(""))))
    return rows
