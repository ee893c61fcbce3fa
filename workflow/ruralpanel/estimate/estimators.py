"""Which module serves which estimator; modules are imported when a model asks for them."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from ruralpanel.estimate.base.results import Design, Fit
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError, did_you_mean

ESTIMATORS: dict[str, str] = {
    "pooled": "ruralpanel.estimate.families.linear:pooled",
    "between": "ruralpanel.estimate.families.linear:between",
    "fe": "ruralpanel.estimate.families.linear:fe",
    "fd": "ruralpanel.estimate.families.linear:fd",
    "re": "ruralpanel.estimate.families.random_effects:fit",
    "iv": "ruralpanel.estimate.families.iv.iv:fit",
    "hausman_taylor": "ruralpanel.estimate.families.iv.hausman_taylor:fit",
    "dynamic_panel": "ruralpanel.estimate.families.dynamic.dynamic_panel:fit",
    "cce": "ruralpanel.estimate.families.common_effects.cce:fit",
    "event_study": "ruralpanel.estimate.families.policy.event_study:fit",
    "did": "ruralpanel.estimate.families.policy.did:fit",
    "ppml": "ruralpanel.estimate.families.ppml:fit",
    "sur": "ruralpanel.estimate.families.sur.sur:fit",
    "spatial": "ruralpanel.estimate.families.spatial.spatial:fit",
    "decomposition": "ruralpanel.estimate.families.decomposition:decomposition",
    "counterfactual": "ruralpanel.estimate.families.decomposition:counterfactual",
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
