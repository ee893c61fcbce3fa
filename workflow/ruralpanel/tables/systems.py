"""A model of several outcomes as columns of a table: one for each equation, and what its residuals have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ruralpanel.formats import format_interval, format_number
from ruralpanel.labels import Labels
from ruralpanel.tables.layout import Cell, Row
from ruralpanel.wording import word

STATISTIC = "residual_correlation"


def equations_of(model: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """The model's JSON as that of each of its equations; a model of one outcome as it is.

    Terms lose the outcome before them, measures of fit the outcome behind them. What holds for the whole system
    (counts, effects, tests, statistics) stands in each.
    """
    names = [str(name) for name in model.get("outcomes") or ()]
    return tuple(_equation(model, name) for name in names) if names else (model,)


def _equation(model: Mapping[str, Any], outcome: str) -> Mapping[str, Any]:
    fit: Mapping[str, Any] = model.get("fit") or {}
    return {
        **model,
        "outcome": outcome,
        "coefficients": _own(model["coefficients"], outcome),
        "inference": [
            {**entry, "coefficients": _own(entry.get("coefficients") or (), outcome)}
            for entry in model.get("inference") or ()
        ],
        "fit": {**fit, **{key.rpartition(":")[0]: fit[key] for key in fit if key.endswith(f":{outcome}")}},
    }


def _own(rows: Sequence[Mapping[str, Any]], outcome: str) -> list[Mapping[str, Any]]:
    prefix = f"{outcome}:"
    return [
        {**row, "term": str(row["term"]).removeprefix(prefix)} for row in rows if str(row["term"]).startswith(prefix)
    ]


def correlation_rows(
    equations: Sequence[Mapping[str, Any]], labels: Labels, digits: int, language: str
) -> tuple[Row, ...]:
    """A row for each outcome that others' residuals are correlated with, the number under the other one of the pair."""
    firsts = dict.fromkeys(pair[0] for model in equations for pair in pairs_of(model))
    rows = []
    for first in firsts:
        cells = [_cell(pairs_of(model).get((first, str(model["outcome"]))), digits) for model in equations]
        label = word("residual_correlation", language).format(outcome=labels.of(first))
        rows.append(Row(label, tuple(cells), "summary", STATISTIC, first))
    return tuple(rows)


def pairs_of(model: Mapping[str, Any]) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Pair of outcomes → the correlation of their residuals, as the model's statistics have it."""
    return {
        (str(value["outcomes"][0]), str(value["outcomes"][1])): value
        for name, value in (model.get("statistics") or {}).items()
        if name.startswith(STATISTIC)
    }


def _cell(statistic: Mapping[str, Any] | None, digits: int) -> Cell:
    if statistic is None:
        return Cell()
    value = float(statistic["estimate"])
    text = format_number(value, digits)
    if statistic.get("ci_low") is not None and statistic.get("ci_high") is not None:
        text += " " + format_interval(statistic["ci_low"], statistic["ci_high"], digits=digits)
    return Cell(text, value)
