"""Claims tested together: one statistic each, all on the same draws of units."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ruralpanel.claims.robustness.designs import quick, refit
from ruralpanel.claims.robustness.leave_one_out import jackknife
from ruralpanel.claims.robustness.results import Family, Tested
from ruralpanel.estimate.base.results import Design, Fit, FloatArray
from ruralpanel.estimate.inference import romano_wolf
from ruralpanel.estimate.inference.romano_wolf import Statistic
from ruralpanel.estimate.inference.validity import generator
from ruralpanel.estimate.marginal import contrast_at
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError, did_you_mean, raise_any
from ruralpanel.project.sections.configuration import Estimand

DRAWS = 99_999


def run_family(
    name: str,
    claims: Mapping[str, Estimand],
    designs: Mapping[str, Design],
    seed: int,
    draws: int = DRAWS,
    file: str = CONFIGURATION,
) -> Family:
    """Romano–Wolf p-values of the claims of one family.

    Parameters
    ----------
    claims : claim → its number. One without a model is listed under ``not_tested``.
    designs : model → its rows and columns.

    Raises
    ------
    UserError
        Estimands that their models do not have, or models without several rows per unit.
    """
    fits = {model: refit(quick(design)) for model, design in designs.items()}
    units = romano_wolf.units_of([(fits[model], designs[model]) for model in designs])
    weights = romano_wolf.shared_weights(units, draws, generator(seed, "romano_wolf", name))
    tested: dict[str, tuple[Estimand, float, Statistic]] = {}
    problems: list[Problem] = []
    for claim, estimand in claims.items():
        model = estimand.model or ""
        if model not in designs:
            continue
        where = f"hypotheses.{claim}.estimand"
        try:
            estimate, statistic = _statistic(fits[model], designs[model], estimand, weights, units, file, where)
        except UserError as error:
            problems += error.problems
        else:
            tested[claim] = (estimand, estimate, statistic)
    raise_any(problems)
    values = [statistic for _, _, statistic in tested.values()]
    adjusted = romano_wolf.adjust(values) if values else None

    def by_claim(column: FloatArray) -> dict[str, float]:
        return dict(zip(tested, column.tolist(), strict=True))

    return Family(
        family=name,
        hypotheses=tuple(
            Tested(
                claim=claim,
                model=estimand.model or "",
                term=estimand.term,
                marginal=estimand.marginal,
                at=estimand.at,
                estimate=estimate,
                statistic=statistic.value,
                n_units=statistic.n_units,
                draws_by=statistic.method,
            )
            for claim, (estimand, estimate, statistic) in tested.items()
        ),
        not_tested=tuple(claim for claim in claims if claim not in tested),
        p_values=by_claim(adjusted.stepped) if adjusted else None,
        p_unadjusted=by_claim(adjusted.unadjusted) if adjusted else None,
        p_balanced=by_claim(adjusted.balanced) if adjusted else None,
        p_holm=by_claim(adjusted.holm) if adjusted else None,
        n_units=len(units),
        draws=draws,
        seed=seed,
    )


def _statistic(
    fit: Fit,
    design: Design,
    estimand: Estimand,
    weights: FloatArray,
    units: tuple[str, ...],
    file: str,
    where: str,
) -> tuple[float, Statistic]:
    contrast = contrast_of(fit, design, estimand, file, where)
    estimate = float(contrast @ fit.params)
    if romano_wolf.is_least_squares(fit):
        return estimate, romano_wolf.wild(fit, design, contrast, weights, units)
    if romano_wolf.has_scores(fit):
        return estimate, romano_wolf.scored(fit, design, contrast, weights, units)

    def again(other: Fit, part: Design) -> float:
        return float(contrast_of(other, part, estimand, file, where) @ other.params)

    whole, parts = jackknife(design, again)
    return whole, romano_wolf.from_parts(whole, parts, weights, units, "jackknife")


def contrast_of(fit: Fit, design: Design, estimand: Estimand, file: str, where: str) -> FloatArray:
    """Vector (k,) whose product with the model's coefficients is the claim's number.

    Raises
    ------
    UserError
        The model has no such term or marginal effect.
    """
    if estimand.marginal is not None:
        at = estimand.at or {}
        if len(at) != 1:
            raise UserError(Problem(file, f"{where}.at", f"{len(at)} places", "one moderator and its value"))
        ((over, value),) = at.items()
        return contrast_at(design, fit, estimand.marginal, over, value)
    term = estimand.term or (fit.terms[0] if len(fit.terms) == 1 else "")
    if term not in fit.terms:
        fix = did_you_mean(term, fit.terms)
        raise UserError(Problem(file, f"{where}.term", f'"{term}"', f"a coefficient of {estimand.model}", fix))
    contrast = np.zeros(len(fit.terms))
    contrast[fit.terms.index(term)] = 1.0
    return contrast
