"""The same system in linearmodels: our estimates are confirmed by it, or the run stops."""

from __future__ import annotations

import numpy as np

from ruralpanel.estimate.base import scaling
from ruralpanel.estimate.base.results import FloatArray
from ruralpanel.estimate.families.confirm_linear import LARGEST, TOO_FEW, agreement


def confirm(
    model: str, own: tuple[tuple[int, ...], ...], x: FloatArray, y: FloatArray, params: FloatArray, errors: FloatArray
) -> str:
    """Estimate the system with `linearmodels.system.SUR` and compare.

    Parameters
    ----------
    own : per outcome the places of its regressors. x : (n, k) and y : (n, m), net of effects.
    params, errors : our coefficients, one equation after the other, and their unadjusted errors.

    Returns
    -------
    ``linearmodels`` where it confirms the estimates, ``numpy`` where there are too many rows to estimate twice or the
    columns are too much alike for it.

    Raises
    ------
    ArithmeticError
        The engines disagree.
    """
    allowed = agreement(max(scaling.condition(x), scaling.condition(y)))
    if x.shape[0] > LARGEST or allowed >= TOO_FEW:
        return "numpy"
    powers, measures = scaling.scales(np.linalg.norm(x, axis=0)), scaling.scales(np.linalg.norm(y, axis=0))
    factor = np.concatenate([measure / powers[list(places)] for measure, places in zip(measures, own, strict=True)])
    theirs = estimate(own, x / powers, y / measures) * factor
    if not np.all(np.abs(theirs - params) <= allowed * np.maximum(errors, np.abs(params))):
        raise ArithmeticError(f"model {model}: our estimates {params} differ from linearmodels' {theirs}")
    return "linearmodels"


def estimate(own: tuple[tuple[int, ...], ...], x: FloatArray, y: FloatArray) -> FloatArray:
    """Coefficients by one step of generalised least squares, one equation after the other."""
    from linearmodels.system import SUR

    equations = {f"equation {m}": (y[:, [m]], x[:, list(places)]) for m, places in enumerate(own)}
    result = SUR(equations).fit(method="gls", full_cov=True, iterate=False, cov_type="unadjusted", debiased=False)
    return np.asarray(result.params, dtype=float)
