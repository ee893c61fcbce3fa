"""The functions behind the table of estimators; modules are imported when a model asks for them."""

from __future__ import annotations

from collections.abc import Callable

from ruralpanel.estimate.base.results import Design, Fit
from ruralpanel.project.kinds.estimators import ESTIMATORS
from ruralpanel.project.kinds.facts import function
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError, did_you_mean


def estimator(name: str, model: str = "") -> Callable[[Design], Fit]:
    """The function that fits a design by the named estimator.

    Raises
    ------
    UserError
        There is no such estimator.
    """
    if name not in ESTIMATORS:
        where, expected = f"models.{model}.estimator", "one of " + ", ".join(ESTIMATORS)
        raise UserError(Problem(CONFIGURATION, where, f'"{name}"', expected, did_you_mean(name, ESTIMATORS)))
    fitted: Callable[[Design], Fit] = function(ESTIMATORS[name].fit)
    return fitted


def fit(design: Design, beside: bool = True) -> Fit:
    """Fit the design by its specification's estimator; `beside`: with what it puts beside the estimate (placebos)."""
    refit = "" if beside else ESTIMATORS[design.spec.estimator].refit
    fitted: Callable[[Design], Fit] = function(refit) if refit else estimator(design.spec.estimator, design.spec.name)
    return fitted(design)
