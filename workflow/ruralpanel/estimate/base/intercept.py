"""The constant's coefficient of a linear model, with effects removed or without."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.linalg import solve_triangular

from ruralpanel.estimate.base.absorb import Absorbed
from ruralpanel.estimate.base.results import Fit, FloatArray

NAME = "constant"
"""The term's name."""


def with_constant(fit: Fit, x: FloatArray, y: FloatArray) -> Fit:
    """The fit with the constant as its last term; slopes and residuals are the same.

    Without effects it is the regression's own intercept; beside dummies of periods (random effects) that of the first
    period. Where effects are removed, which alone would leave it undetermined, they add up to zero over the rows
    (weighted): the constant is their mean, as in Stata's ``xtreg, fe``.

    Parameters
    ----------
    fit : its `space` holds the constant: as its first dense column, or as the sum of its dummies.
    x : (m, k) regressors and y : (m,) outcome before the space is projected out, times the weights' roots.
    """
    space = fit.space
    assert space is not None
    if space.factors:
        beside = replace(space, without_constant=True)
        one = np.ones(y.size) if space.root is None else space.root
    else:
        assert space.dense is not None
        beside = Absorbed(space.n, (), space.dense[:, 1:], space.root)
        one = space.dense[:, 0]
    wide, outcome = beside.residuals(np.column_stack([x, one])), beside.residuals(y)
    q, r = np.linalg.qr(wide)
    inverse = solve_triangular(r, np.eye(wide.shape[1]))
    params = solve_triangular(r, q.T @ outcome)
    residuals = outcome - wide @ params
    return replace(
        fit,
        terms=(*fit.terms, NAME),
        params=params,
        residuals=residuals,
        bread=inverse @ inverse.T,
        scores=wide * residuals[:, None],
        x=wide,
        y=outcome,
        n_absorbed=beside.rank,
        space=beside,
    )
