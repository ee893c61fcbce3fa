"""Simulated size: how often a model's method rejects nulls that are true, at its own units, periods and regressors.

The model's regressors, weights, effects and treated units are kept; the outcome is replaced by errors alone, drawn from
a process like the model's residuals (`error_process`), so that every coefficient is zero in truth. The share of such
panels in which a 5 % test rejects is the method's simulated size; what exceeds 5 % is what the method is wrong by here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ruralpanel.estimate.base.model import SimulatedSize
from ruralpanel.estimate.base.results import Design, Fit, FloatArray, Inference
from ruralpanel.estimate.inference import covariance
from ruralpanel.estimate.inference.error_process import ErrorProcess, error_process, least_squares
from ruralpanel.estimate.inference.romano_wolf import is_least_squares
from ruralpanel.estimate.inference.size_kernels import (
    Outcomes,
    by_variance,
    one_by_one,
    permuted,
    wild,
)
from ruralpanel.estimate.inference.validity import generator
from ruralpanel.project.breaks import MARK as STEP
from ruralpanel.project.kinds.estimators import ESTIMATORS
from ruralpanel.project.kinds.facts import function
from ruralpanel.project.kinds.inference import PERMUTATION, WILD
from ruralpanel.project.notes import Note, note
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import InferenceSpec

if TYPE_CHECKING:
    from ruralpanel.estimate.families.policy.inference import Simulation


PANELS = 1_000
"""Simulated panels of methods that have a variance in closed form."""

BOOTSTRAP_PANELS, BOOTSTRAP_DRAWS = 500, 99
"""Panels of the wild bootstrap, and draws in each: with 99 a level of 5 % is met exactly where the method is exact."""

SLOW_PANELS = 200
"""Panels of methods that are gone through one by one."""

LEAST_PANELS = 200

MOST_NUMBERS = 4_000_000
"""Rows × panels beyond which there are fewer panels, and below `LEAST_PANELS` none: the cost is linear in them."""

MOST_BOOTSTRAP_CLUSTERS = 200
"""Clusters beyond which the wild bootstrap is not simulated: its size is then near 5 % (docs/inference.md)."""


def simulated_sizes(
    fit: Fit,
    design: Design,
    settings: Sequence[InferenceSpec],
    inferences: Sequence[Inference | UserError],
    seed: int,
    null: Null | None = None,
) -> tuple[SimulatedSize | None, ...]:
    """Simulated size of a nominal 5 % test, for each setting of a model.

    Parameters
    ----------
    inferences : the results of `settings`; None is returned for those that do not apply to the model.
    null : the model's `null_panels`, where they are at hand.

    Returns
    -------
    For each setting the mean over the model's regressors, controls and steps of breaks left out; bootstraps and
    permutations: of the regressors alone.
    """
    applies = [isinstance(outcome, Inference) for outcome in inferences]
    refit = _policy(fit, design)
    panels = min(PANELS, MOST_NUMBERS // fit.rows.size)
    reason: Note | None = None
    if refit is None and not is_least_squares(fit):
        reason = note("not_one_regression")
    elif panels < LEAST_PANELS:
        reason = note("too_many_rows_simulated", rows=fit.rows.size)
    if reason is not None or not any(applies):
        said = None if reason is None else SimulatedSize(reason=reason)
        return tuple(said if applicable else None for applicable in applies)
    if refit is not None:
        rng = generator(seed, design.spec.name, "simulated size")
        process, rejected = refit(settings, inferences, min(SLOW_PANELS, panels), rng, seed)
        return tuple(
            _of_policy(fit, design, process, share) if applicable else None
            for applicable, share in zip(applies, rejected, strict=True)
        )
    drawn = null or null_panels(fit, design, seed)
    assert drawn is not None
    return tuple(
        _one(drawn, setting, outcome, seed) if isinstance(outcome, Inference) else None
        for setting, outcome in zip(settings, inferences, strict=True)
    )


@dataclass(frozen=True)
class Null:
    """Panels of one model without any effect: the errors' process, their results, and the stream that goes on."""

    process: ErrorProcess
    outcomes: Outcomes
    rng: np.random.Generator


def null_panels(fit: Fit, design: Design, seed: int, name: str = "simulated size") -> Null | None:
    """Panels whose outcomes are errors alone, for a least-squares fit; None: another estimator, or too many rows."""
    panels = min(PANELS, MOST_NUMBERS // fit.rows.size)
    if panels < LEAST_PANELS or not is_least_squares(fit):
        return None
    rng = generator(seed, design.spec.name, name)
    space = covariance.space_of(fit, design)
    process = error_process(fit, design, space, rng)
    params, residuals = least_squares(fit, space, process.draw(panels, rng))
    return Null(process, Outcomes(fit, design, space, params, residuals), rng)


def _policy(fit: Fit, design: Design) -> Simulation | None:
    rejections = ESTIMATORS[design.spec.estimator].rejections
    return function(rejections)(fit, design) if rejections else None


def _of_policy(fit: Fit, design: Design, process: ErrorProcess, rejected: FloatArray | None) -> SimulatedSize:
    if rejected is None:
        return SimulatedSize(reason=note("size_in_documentation"))
    return _size(fit, design, process, dict(zip(fit.terms, rejected, strict=True)), None)


def _one(null: Null, setting: InferenceSpec, inference: Inference, seed: int) -> SimulatedSize:
    outcomes, rng = null.outcomes, null.rng
    draws: int | None = None
    rejected: FloatArray | None
    terms = outcomes.fit.terms
    main = main_terms(outcomes.fit, outcomes.design)
    places = [terms.index(term) for term in main]
    if setting.method == WILD:
        if inference.n_clusters > MOST_BOOTSTRAP_CLUSTERS:
            return SimulatedSize(reason=note("clusters_enough", clusters=inference.n_clusters))
        draws, terms = BOOTSTRAP_DRAWS, main
        rejected = wild(outcomes.head(BOOTSTRAP_PANELS), setting, places, draws, rng)
    elif setting.method == PERMUTATION:
        draws, terms = BOOTSTRAP_DRAWS, main
        rejected = permuted(outcomes.head(SLOW_PANELS), setting, places, draws, rng)
    else:
        rejected = by_variance(outcomes, setting, inference)
        if rejected is None:
            rejected = one_by_one(outcomes.head(SLOW_PANELS), setting.short(BOOTSTRAP_DRAWS), seed)
    if rejected is None:
        return SimulatedSize(reason=note("not_for_other_outcomes"))
    return _size(outcomes.fit, outcomes.design, null.process, dict(zip(terms, rejected, strict=True)), draws)


def main_terms(fit: Fit, design: Design) -> tuple[str, ...]:
    """The fit's terms without controls and steps of breaks; all of them where nothing else is left."""
    beside = {*design.spec.controls, *design.extra.steps}
    return tuple(term for term in fit.terms if term not in beside and STEP not in term) or fit.terms


def _size(
    fit: Fit, design: Design, process: ErrorProcess, rejected: Mapping[str, FloatArray], draws: int | None
) -> SimulatedSize:
    by_term = {term: float(row.mean()) for term, row in rejected.items()}
    shares = [by_term[term] for term in main_terms(fit, design)]
    panels = next(iter(rejected.values())).size
    mean = float(np.mean(shares))
    first = design.extra.first_treated
    return SimulatedSize(
        size=mean,
        lowest=min(shares),
        highest=max(shares),
        by_term=by_term,
        error=float(np.sqrt(max(mean, 0.5 / panels) * (1.0 - mean) / panels)),
        simulations=panels,
        draws=draws,
        rho=process.rho if process.repeated else None,
        units=int(process.scale.size),
        periods=int(process.years.size),
        treated=None if first is None else _treated(design, np.asarray(first, dtype=float), fit),
        design=process.note,
    )


def _treated(design: Design, first: FloatArray, fit: Fit) -> int:
    """Units of the fit that are treated within the sample."""
    by_row = first if first.size == design.y.size else first[design.unit_codes]
    under = np.array(design.periods, dtype=float)[design.period_codes] >= np.where(np.isnan(by_row), np.inf, by_row)
    return int(np.unique(design.unit_codes[fit.rows][under[fit.rows]]).size)
