"""What a model says of each unit: changes of a counterfactual, parts of a decomposition, slopes of its own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ruralpanel.contracts.logarithms import log_of
from ruralpanel.labels import Labels
from ruralpanel.wording import has_word, word

Values = dict[str, dict[str, float]]

CHANGE, LOW, HIGH = "change", "change_low", "change_high"
"""What a counterfactual says of a unit: the change and the ends of its 95 % interval."""

_MEANS = frozenset({"share_closed", "mean_change"})


def values_of(model: Mapping[str, Any]) -> Values:
    """Name → unit → value, from a model's JSON; empty where the model says nothing of single units.

    A counterfactual gives `CHANGE`, `LOW` and `HIGH`; other models what their ``by_unit`` holds, in its order.
    """
    if model["estimator"] == "counterfactual":
        rows = [row for row in model["coefficients"] if row["term"] not in _MEANS]
        keys = {CHANGE: "estimate", LOW: "ci_low", HIGH: "ci_high"}
        return {
            name: {str(row["term"]): float(row[key]) for row in rows if row.get(key) is not None}
            for name, key in keys.items()
        }
    found: Values = {}
    for row in model.get("by_unit") or ():
        for name, value in row.items():
            if name != "unit" and isinstance(value, (int, float)) and not isinstance(value, bool):
                found.setdefault(str(name), {})[str(row["unit"])] = float(value)
    return found


def percent_of_level(model: Mapping[str, Any], formulas: Mapping[str, str]) -> bool:
    """Whether changes of the model's outcome are said in per cent: those of a counterfactual of a logarithm."""
    formula = formulas.get(str(model["outcome"])) or ""
    return model["estimator"] == "counterfactual" and log_of(formula) is not None


def in_percent(values: Values) -> Values:
    """Changes of a logarithm as per cent of the level."""
    return {name: {unit: 100.0 * math.expm1(v) for unit, v in units.items()} for name, units in values.items()}


def heading(model: Mapping[str, Any], name: str, labels: Labels, language: str) -> str:
    """What a value is called in print: a word of a counterfactual's or decomposition's own, else the term's label."""
    own = name in (CHANGE, LOW, HIGH) or (model["estimator"] == "decomposition" and has_word(name))
    return word(name, language) if own else _capital(labels.of(name))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
