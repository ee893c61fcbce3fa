"""The numbers that claims rest on, model by model, and the robustness of each as one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ruralpanel.claims.designs import Statistics, describe
from ruralpanel.claims.numbers import find_estimand
from ruralpanel.claims.robustness.checks import Target
from ruralpanel.claims.robustness.results import (
    Checked,
    LeftOut,
    MeasurementError,
    OwnSlopes,
    Power,
    Robustness,
    Selection,
    Sensitivity,
)
from ruralpanel.estimate.base.model import Model
from ruralpanel.estimate.base.results import Design
from ruralpanel.project.problems import CONFIGURATION
from ruralpanel.project.sections.configuration import Estimand, Hypothesis


def targets_of(
    claims: Mapping[str, Hypothesis],
    models: Mapping[str, Model],
    statistics: Statistics,
    file: str = CONFIGURATION,
) -> dict[str, tuple[Target, ...]]:
    """Model → the numbers of it that claims rest on or show beside.

    Parameters
    ----------
    models : model → its results. statistics : panel → variable → how it varies, for δ.

    Raises
    ------
    UserError
        Numbers that a model does not have.
    """
    targets: dict[str, dict[str, Target]] = {}
    for claim, declared in claims.items():
        places = [("estimand", declared.estimand or Estimand())]
        places += [(f"others[{i}]", other) for i, other in enumerate(declared.others or ())]
        for place, estimand in places:
            model = models.get(estimand.model or "")
            if model is None or estimand.statistic is not None:
                continue
            where = f"hypotheses.{claim}.{place}"
            number = find_estimand(model, estimand, file, where)
            delta = describe(model, estimand, declared, statistics, file, where).delta
            marginal = estimand.marginal is not None
            chosen = Estimand(marginal=estimand.marginal, at=estimand.at) if marginal else Estimand(term=number.term)
            names = targets.setdefault(model.model, {})
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


def groups_of(
    attributes: Mapping[str, Mapping[str, object]], design: Design, names: Sequence[str]
) -> dict[str, dict[str, str]]:
    """Attribute → unit → group, for the attributes of the units that are there."""
    by_attribute: dict[str, dict[str, str]] = {}
    for name in names:
        groups = {unit: str(attributes[unit].get(name, "")) for unit in design.units}
        if all(groups.values()):
            by_attribute[name] = groups
    return by_attribute


_OVER = ("unit", "period")

COLUMNS = (
    "model", "target", "claims", "main", "estimate", "std_error", "detectable", "delta", "power_at_delta",
    "without_unit_min", "without_unit_max", "unit_most_influential", "units_change_sign",
    "without_period_min", "without_period_max", "periods_change_sign",
    "oster_delta", "oster_estimate", "robustness_value", "robustness_value_5", "least_reliability",
    "p_equal_regions", "mean_group",
)  # fmt: skip


def table(results: Sequence[Robustness]) -> pd.DataFrame:
    """One row per model and number, columns `COLUMNS`; empty where something does not apply."""
    rows = [
        [result.model, name, " ".join(checked.claims), checked.main, *_numbers(checked)]
        for result in results
        for name, checked in result.targets.items()
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _numbers(checked: Checked) -> list[object]:
    power = checked.power if isinstance(checked.power, Power) else None
    at_delta = power.at_delta if power else None
    units, periods = (found if isinstance(found, LeftOut) else None for found in map(checked.without, _OVER))
    selection = checked.selection if isinstance(checked.selection, Selection) else None
    omitted = checked.sensitivity if isinstance(checked.sensitivity, Sensitivity) else None
    noise = checked.measurement_error if isinstance(checked.measurement_error, MeasurementError) else None
    regions = checked.groups.get("region")
    slopes = checked.mean_group if isinstance(checked.mean_group, OwnSlopes) else None
    return [
        checked.estimate,
        checked.std_error,
        power and power.detectable["0.8"],
        at_delta and at_delta.delta,
        at_delta and at_delta.power,
        units and units.min,
        units and units.max,
        units and units.most_influential,
        _joined(units),
        periods and periods.min,
        periods and periods.max,
        _joined(periods),
        selection and selection.delta_for_zero,
        selection and selection.adjusted_estimate,
        omitted and omitted.robustness_value,
        omitted and omitted.robustness_value_5,
        noise and noise.least_reliability,
        regions and regions.equal.p_value,
        slopes and slopes.estimate,
    ]


def _joined(left: LeftOut | None) -> str | None:
    return None if left is None or left.changes_sign is None else " ".join(left.changes_sign)
