"""Which module serves which estimator; modules are imported when a model asks for them."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from ruralpanel.contracts.problems import CONFIGURATION, Problem, UserError, did_you_mean
from ruralpanel.estimators.base import Design, Fit

ESTIMATORS: dict[str, str] = {
    "pooled": "ruralpanel.estimators.least_squares:pooled",
    "between": "ruralpanel.estimators.least_squares:between",
    "fe": "ruralpanel.estimators.least_squares:fe",
    "fd": "ruralpanel.estimators.least_squares:fd",
    "re": "ruralpanel.estimators.random_effects:fit",
    "iv": "ruralpanel.estimators.iv:fit",
    "dynamic_panel": "ruralpanel.estimators.dynamic_panel:fit",
    "cce": "ruralpanel.estimators.cce:fit",
    "event_study": "ruralpanel.estimators.event_study:fit",
    "did": "ruralpanel.estimators.did:fit",
    "ppml": "ruralpanel.estimators.ppml:fit",
    "sur": "ruralpanel.estimators.sur:fit",
    "spatial": "ruralpanel.estimators.spatial:fit",
    "decomposition": "ruralpanel.estimators.decomposition:fit",
    "counterfactual": "ruralpanel.estimators.counterfactual:fit",
}


def estimator(name: str, model: str = "") -> Callable[[Design], Fit]:
    """The function that fits a design by the named estimator.

    Raises
    ------
    UserError
        There is no such estimator.
    """
    if name not in ESTIMATORS:
        raise UserError(
            Problem(
                CONFIGURATION,
                f"models.{model}.estimator",
                f'"{name}"',
                "one of " + ", ".join(ESTIMATORS),
                did_you_mean(name, ESTIMATORS),
            )
        )
    module, function = ESTIMATORS[name].split(":")
    found: Callable[[Design], Fit] = getattr(importlib.import_module(module), function)
    return found


def fit(design: Design) -> Fit:
    """Fit the design by its specification's estimator."""
    return estimator(design.spec.estimator, design.spec.name)(design)
