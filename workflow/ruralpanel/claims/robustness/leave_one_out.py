"""Estimates without each unit, and without each period, in turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ruralpanel.claims.robustness.designs import quick, refit, subset
from ruralpanel.claims.robustness.results import LeftOut
from ruralpanel.estimate.base.model_json import finite
from ruralpanel.estimate.base.results import Design, Fit, FloatArray
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.project.kinds.estimators import ESTIMATORS
from ruralpanel.project.kinds.inference import CLUSTER, INFERENCE, OWN, ROBUST
from ruralpanel.project.notes import Note
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import InferenceSpec

MOST = 400
"""Units beyond which leaving out each in turn would take too long: influence (DFBETA) stands in the model's results."""

Contrast = Callable[[Fit, Design], FloatArray]
"""From a fit to the vector (k,) whose product with its coefficients is followed; UserError where a term is missing."""


@dataclass(frozen=True)
class Left:
    """Estimates and errors (m, c) of c followed numbers without each of `names`; NaN where there is none.

    `reasons` says why the model could not be estimated without some of them.
    """

    names: tuple[str, ...]
    estimates: FloatArray
    errors: FloatArray
    reasons: Mapping[str, Note]


def leave_out(design: Design, contrasts: Sequence[Contrast], over: str) -> Left:
    """Refit the model without each unit (`over` = unit) or period in turn.

    Errors are those of the model's first setting of inference that has a covariance matrix and applies to what is left.
    """

    def numbers(fit: Fit, part: Design) -> FloatArray:
        return followed(fit, part, contrasts, errors=True)

    names, refitted, reasons = without_each(design, over, numbers, (2, len(contrasts)))
    return Left(names, refitted[:, 0], refitted[:, 1], reasons)


def followed(fit: Fit, design: Design, contrasts: Sequence[Contrast], errors: bool) -> FloatArray:
    """Estimates and errors (2, c); NaN where the fit lost a term, or without errors."""
    result = np.full((2, len(contrasts)), np.nan)
    vcov = covariance(fit, design) if errors else None
    for i, contrast in enumerate(contrasts):
        try:
            vector = contrast(fit, design)
        except UserError:
            continue
        result[0, i] = vector @ fit.params
        if vcov is not None:
            result[1, i] = np.sqrt(vector @ vcov @ vector)
    return result


def covariance(fit: Fit, design: Design) -> FloatArray | None:
    """Covariance matrix by the model's first setting that has one and applies; the estimator's own comes before.

    None also where the estimator's own comes from random draws, which are too few here.
    """
    drawn = design.spec.options.gives("draws") or not ESTIMATORS[design.spec.estimator].slopes
    if fit.vcov is not None and drawn:
        return None
    repeated = np.unique(design.unit_codes[fit.rows]).size < fit.rows.size
    settings = [*design.spec.inference, InferenceSpec(CLUSTER if repeated else ROBUST)]
    if fit.vcov is not None:
        settings = [InferenceSpec(OWN)]
    for setting in settings:
        if INFERENCE[setting.method].resamples:
            continue
        try:
            inference = infer(fit, design, setting, 0)
        except UserError:
            continue
        if inference.vcov is not None:
            return inference.vcov
    return None


def without_each(
    design: Design, over: str, numbers: Contrast, shape: tuple[int, ...]
) -> tuple[tuple[str, ...], FloatArray, dict[str, Note]]:
    """`numbers` (an array of `shape`) of the fit without each unit or period, and why it is missing where it is."""
    labels, codes = {
        "unit": (design.units, design.unit_codes),
        "period": (tuple(map(str, design.periods)), design.period_codes),
    }[over]
    present = np.unique(codes)
    refitted = np.full((present.size, *shape), np.nan)
    reasons: dict[str, Note] = {}
    for place, code in enumerate(present.tolist()):
        part = subset(design, np.flatnonzero(codes != code))
        try:
            refitted[place] = numbers(refit(part), part)
        except UserError as error:
            reasons[labels[code]] = error.reason
    return tuple(labels[code] for code in present.tolist()), refitted, reasons


def summary(left: Left, index: int, whole: float) -> LeftOut:
    """One followed number without each: all values, their range, which one moves it most, which ones turn its sign.

    Parameters
    ----------
    index : which of the followed numbers. whole : its estimate from all rows.
    """
    estimates = left.estimates[:, index]
    known = np.isfinite(estimates)
    result = LeftOut(
        left_out=left.names,
        estimate=tuple(finite(float(value)) for value in estimates),
        std_error=tuple(finite(float(value)) for value in left.errors[:, index]),
        not_available=left.reasons or None,
    )
    if not known.any():
        return result
    most = int(np.argmax(np.where(known, np.abs(estimates - whole), -1.0)))
    turned = (n for n, v in zip(left.names, estimates, strict=True) if np.isfinite(v) and v * whole < 0)
    return replace(
        result,
        min=float(np.nanmin(estimates)),
        max=float(np.nanmax(estimates)),
        most_influential=left.names[most],
        estimate_without=float(estimates[most]),
        changes_sign=tuple(turned),
    )


def jackknife(design: Design, number: Callable[[Fit, Design], float]) -> tuple[float, dict[str, float]]:
    """An estimate and each unit's contribution to its error: the sum of their squares is the jackknife's variance.

    Raises
    ------
    UserError
        The model cannot be estimated without some unit.
    """
    whole = refit(quick(design))
    names, values, reasons = without_each(design, "unit", lambda f, d: np.array(number(f, d)), ())
    for unit in reasons:
        # the model has to stand without any single unit: its own words say why it does not
        refit(subset(design, np.flatnonzero(design.unit_codes != design.units.index(unit))))
    count = len(names)
    parts = np.sqrt((count - 1) / count) * (values.mean() - values)
    return number(whole, design), dict(zip(names, parts.tolist(), strict=True))
