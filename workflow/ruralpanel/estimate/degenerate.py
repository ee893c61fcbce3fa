"""Data that leave little to compute with: terms that are nearly alike, outcomes that their terms explain entirely."""

from __future__ import annotations

import numpy as np

from ruralpanel.estimate.base import scaling
from ruralpanel.estimate.base.effects import demean
from ruralpanel.estimate.base.results import Design, Fit, FloatArray
from ruralpanel.estimate.estimators import estimator
from ruralpanel.project.notes import Note, note
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError

EXACT = 1e-9
"""Share of the outcome's length below which residuals are rounding errors."""

NEARLY = 1e-4
"""Smallest singular value of the terms' columns, in the largest, below which a note names those that are alike."""

SIZES = (1e-50, 1e50)
"""Sizes of outcomes and of what instruments explain whose fourth powers, which tests take, are numbers."""

FAR = 1e-6
"""Standard deviation of an outcome, in its mean, below which what varies may drown in rounding."""

LITTLE = "the equations of this estimator have no solution to that precision"


def fitted(design: Design) -> Fit:
    """The fit; equations without a solution are a matter of the data and said in words.

    Raises
    ------
    UserError
        Terms that are nearly collinear, an outcome that they explain entirely, or one too small, too large or too far
        from zero for what varies.
    """
    _need_size(design)
    try:
        return estimator(design.spec.estimator, design.spec.name)(design)
    except (np.linalg.LinAlgError, ArithmeticError, ValueError) as error:
        where = f"models.{design.spec.name}"
        y, x, names = _net(design)
        alike = nearly_alike(x, names)
        if alike:
            fix = "leave one out, or take its difference from the other"
            raise UserError(Problem(CONFIGURATION, where, f"{alike}: {LITTLE}", "terms that differ", fix)) from error
        left = y - x @ scaling.least_squares(x, y) if x.shape[1] else y
        if np.linalg.norm(left) <= EXACT * np.linalg.norm(y):
            found = f'a perfect fit: "{design.spec.outcome}" is a sum of its terms and effects'
            expected = "an outcome that they do not determine"
            fix = "leave the part of the outcome out of its terms"
            raise UserError(Problem(CONFIGURATION, where, found, expected, fix)) from error
        mean, sd = abs(float(design.y.mean())), float(design.y.std())
        if sd < FAR * mean:
            found = f'"{design.spec.outcome}" has a mean of {mean:.3g} and a standard deviation of {sd:.3g}: {LITTLE}'
            fix = "subtract a number of the size of the mean in a formula"
            raise UserError(Problem(CONFIGURATION, where, found, "an outcome that varies more", fix)) from error
        raise


def _need_size(design: Design) -> None:
    columns = {design.spec.outcome: design.y}
    for key in ("endogenous", "instrument"):
        matrix = design.extra.get("endogenous" if key == "endogenous" else "instruments")
        names = design.extra.get(f"{key}_terms") or ()
        columns |= {str(name): matrix[:, j] for j, name in enumerate(names) if matrix is not None}
    sizes = {name: float(np.max(np.abs(column), initial=0.0)) for name, column in columns.items()}
    beyond = [name for name, size in sizes.items() if size and not SIZES[0] <= size <= SIZES[1]]
    if beyond:
        found = " and ".join(f'"{name}" reaches {sizes[name]:.3g}' for name in beyond)
        expected = f"figures between {SIZES[0]:.0e} and {SIZES[1]:.0e}: their powers leave the range of numbers"
        where = f"models.{design.spec.name}"
        raise UserError(Problem(CONFIGURATION, where, found, expected, "state them in another measure"))


def _net(design: Design) -> tuple[FloatArray, FloatArray, tuple[str, ...]]:
    """Outcome (n,), terms and endogenous regressors (n, k) net of effects or a constant, and names of the latter."""
    endogenous = design.extra.get("endogenous", np.zeros((design.y.size, 0)))
    columns = np.column_stack([design.y, design.x, endogenous])
    effects = tuple(effect for effect in design.spec.effects if effect in ("unit", "period", *design.clusters))
    net = demean(design, columns, effects) if effects else columns - columns.mean(axis=0)
    return net[:, 0], net[:, 1:], (*design.terms, *design.extra.get("endogenous_terms", ()))


def nearly_alike(x: FloatArray, names: tuple[str, ...]) -> str:
    """``a and b are alike to 5 digits`` where the columns (n, k), net of effects, are nearly collinear; else empty."""
    length = np.linalg.norm(x, axis=0)
    filled = np.flatnonzero(length > 0)
    if filled.size < 2:
        return ""
    values, vectors = np.linalg.svd(x[:, filled] / length[filled], full_matrices=False)[1:]
    share = float(values[-1] / values[0])
    if share > NEARLY:
        return ""
    involved = [names[j] for j, part in zip(filled, vectors[-1], strict=True) if abs(part) > 0.1]
    return f"{' and '.join(involved)} are alike to {int(-np.log10(max(share, 1e-16)))} digits"


def alike_notes(design: Design) -> tuple[Note, ...]:
    """A note that names terms which are nearly collinear."""
    alike = nearly_alike(*_net(design)[1:])
    return (note("nearly_alike", alike=alike),) if alike else ()


def is_perfect(design: Design, fit: Fit) -> bool:
    """Whether the terms and effects leave nothing of the outcome but rounding errors."""
    if not np.any(fit.residuals) or fit.residuals.shape != fit.rows.shape:
        return False
    used = design.y[fit.rows] if fit.y is None else fit.y
    return bool(np.linalg.norm(fit.residuals) <= EXACT * np.linalg.norm(used - used.mean()))
