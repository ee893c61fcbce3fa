"""The numbers that claims rest on, model by model, and the robustness of each as one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ruralpanel.claims.designs import Statistics, describe
from ruralpanel.claims.numbers import find_estimand
from ruralpanel.claims.robustness.checks import Target
from ruralpanel.estimate.base.results import Design
from ruralpanel.project.problems import CONFIGURATION


def targets_of(
    claims: Mapping[str, Mapping[str, Any]],
    models: Mapping[str, Mapping[str, Any]],
    statistics: Statistics,
    file: str = CONFIGURATION,
) -> dict[str, tuple[Target, ...]]:
    """Model → the numbers of it that claims rest on or show beside.

    Parameters
    ----------
    models : model → its JSON. statistics : panel → variable → how it varies, for δ.

    Raises
    ------
    UserError
        Numbers that a model does not have.
    """
    targets: dict[str, dict[str, Target]] = {}
    for claim, declared in claims.items():
        places = [("estimand", declared.get("estimand") or {})]
        places += [(f"others[{i}]", other) for i, other in enumerate(declared.get("others") or ())]
        for place, estimand in places:
            model = models.get(str(estimand.get("model", "")))
            if model is None or "statistic" in estimand:
                continue
            where = f"hypotheses.{claim}.{place}"
            number = find_estimand(model, estimand, file, where)
            delta = describe(model, estimand, declared, statistics, file, where).delta
            chosen = {key: estimand[key] for key in ("marginal", "at") if key in estimand} or {"term": number.term}
            names = targets.setdefault(str(model["model"]), {})
            before = names.get(number.term)
            names[number.term] = Target(
                name=number.term,
                estimand=chosen,
                claims=tuple(dict.fromkeys((*(before.claims if before else ()), claim))),
                main=place == "estimand" or (before is not None and before.main),
                std_error=number.std_error,
                df=np.inf if number.df is None else number.df,
                delta=delta if before is None else before.delta,
                interval=number.interval,
                ci_low=number.ci_low,
                ci_high=number.ci_high,
            )
    return {model: tuple(names.values()) for model, names in targets.items()}


def groups_of(attributes: Mapping[str, Mapping[str, Any]], design: Design, names: Sequence[str]) -> dict[str, Any]:
    """Attribute → unit → group, for the attributes of the units that are there."""
    by_attribute: dict[str, Any] = {}
    for name in names:
        groups = {unit: str(attributes[unit].get(name, "")) for unit in design.units}
        if all(groups.values()):
            by_attribute[name] = groups
    return by_attribute


COLUMNS = (
    "model", "target", "claims", "main", "estimate", "std_error", "detectable", "delta", "power_at_delta",
    "without_unit_min", "without_unit_max", "unit_most_influential", "units_change_sign",
    "without_period_min", "without_period_max", "periods_change_sign",
    "oster_delta", "oster_estimate", "robustness_value", "robustness_value_5", "least_reliability",
    "p_equal_regions", "mean_group",
)  # fmt: skip


def table(results: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """One row per model and number, columns `COLUMNS`; empty where something does not apply."""
    rows = [
        [result["model"], name, " ".join(entry["claims"]), entry["main"], *_numbers(entry)]
        for result in results
        for name, entry in result["targets"].items()
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _numbers(entry: Mapping[str, Any]) -> list[Any]:
    def at(*path: str) -> Any:
        value: Any = entry
        for key in path:
            value = value.get(key) if isinstance(value, Mapping) else None
        return " ".join(value) if isinstance(value, list) else value

    return [
        at("estimate"),
        at("std_error"),
        at("power", "detectable", "0.8"),
        at("power", "at_delta", "delta"),
        at("power", "at_delta", "power"),
        at("leave_one_unit_out", "min"),
        at("leave_one_unit_out", "max"),
        at("leave_one_unit_out", "most_influential"),
        at("leave_one_unit_out", "changes_sign"),
        at("leave_one_period_out", "min"),
        at("leave_one_period_out", "max"),
        at("leave_one_period_out", "changes_sign"),
        at("selection", "delta_for_zero"),
        at("selection", "adjusted_estimate"),
        at("sensitivity", "robustness_value"),
        at("sensitivity", "robustness_value_5"),
        at("measurement_error", "least_reliability"),
        at("heterogeneity", "region", "equal", "p_value"),
        at("mean_group", "estimate"),
    ]
