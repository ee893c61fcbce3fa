"""The functions behind the table of methods of inference; modules are imported when a setting asks for them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ruralpanel.estimate.base.results import Design, Fit, Inference
from ruralpanel.estimate.inference import validity
from ruralpanel.project.kinds.estimators import ESTIMATORS
from ruralpanel.project.kinds.facts import function
from ruralpanel.project.kinds.inference import INFERENCE
from ruralpanel.project.model_keys import setting_words
from ruralpanel.project.notes import note
from ruralpanel.project.problems import UserError, did_you_mean
from ruralpanel.project.settings import InferenceSpec

ROUNDING = 1e-10
"""An error below this share of its estimate, or residuals below this share of the outcome, are rounding."""

_TRIED = 99
"""Draws with which a setting is tried before it is advised."""


def infer(fit: Fit, design: Design, setting: InferenceSpec, seed: int) -> Inference:
    """Inference for all terms of the fit under one setting.

    A term whose error comes out as zero or undefined has no error, test or interval, and a note says why.

    Parameters
    ----------
    seed : the project's seed; each method derives a stream from it, the model's name, its own name and the term.

    Raises
    ------
    UserError
        Unknown method, a panel outside the range in which the method is valid, or no term with an error above zero.
        What is advised instead has been tried and applies.
    """
    if setting.method not in INFERENCE:
        expected, fix = "one of " + ", ".join(INFERENCE), did_you_mean(setting.method, INFERENCE)
        validity.stop(design, f'"{setting.method}"', expected, fix)
    try:
        return _above_zero(fit, design, raw(fit, design, setting, seed))
    except validity.Refused as refused:
        advice = _advice(fit, design, refused, setting, seed)
        raise UserError(
            replace(problem, fix="; ".join(part for part in (advice, problem.fix) if part))
            for problem in refused.problems
        ) from None


def raw(fit: Fit, design: Design, setting: InferenceSpec, seed: int) -> Inference:
    """What the method gives, errors of zero included: for covariance matrices that further numbers are made of."""
    kind = INFERENCE[setting.method]
    instruments = ESTIMATORS[design.spec.estimator].instruments
    place = kind.with_instruments if instruments and kind.with_instruments else kind.infer
    result: Inference = function(place)(fit, design, setting, seed)
    return result


def _advice(fit: Fit, design: Design, refused: validity.Refused, setting: InferenceSpec, seed: int) -> str:
    """The first of the advised settings that applies to this fit; empty where none does."""
    for other in refused.instead:
        if other == setting:
            continue
        try:
            _above_zero(fit, design, raw(fit, design, other.short(_TRIED), seed))
        except UserError:
            continue
        return f"use {setting_words(other, given=True)}"
    return ""


def _above_zero(fit: Fit, design: Design, result: Inference) -> Inference:
    """The result without errors of zero and what was formed from them."""
    if fit.y is not None and np.linalg.norm(fit.residuals) <= ROUNDING * np.linalg.norm(fit.y):
        validity.stop(
            design,
            "a perfect fit: the residuals are zero but for rounding",
            "residuals, without which there is no error, test or interval",
            "check whether the outcome is among the terms, and that there are more observations than terms and effects",
            reason=note("perfect_fit"),
        )
    if result.std_error is None:
        return result
    error = result.std_error
    absent = np.isnan(error)
    bad = ~absent & ~(np.isfinite(error) & (error > ROUNDING * np.abs(fit.params)))
    if not bad.any():
        return result
    terms = ", ".join(term for term, is_bad in zip(fit.terms, bad, strict=True) if is_bad)
    if np.all(bad | (absent & np.isnan(result.p_value))):
        validity.stop(
            design,
            f"errors of zero, or none, by {result.method} for {terms}",
            "errors above zero",
            "use another method, fewer terms or a longer panel",
            reason=note("errors_of_zero", terms=[term for term, is_bad in zip(fit.terms, bad, strict=True) if is_bad]),
        )

    def cleared(column: Any) -> Any:
        return None if column is None else np.where(bad, np.nan, column)

    return replace(
        result,
        std_error=cleared(error),
        statistic=cleared(result.statistic),
        p_value=cleared(result.p_value),
        ci_low=cleared(result.ci_low),
        ci_high=cleared(result.ci_high),
        notes=(
            *result.notes,
            note("no_error", terms=[term for term, is_bad in zip(fit.terms, bad, strict=True) if is_bad]),
        ),
    )
