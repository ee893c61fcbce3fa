"""What another library gives for a model, and what its errors lack to be held against ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ruralpanel.estimate.base.results import Design, Fit, FloatArray
from ruralpanel.estimate.inference.cluster import cluster_codes
from ruralpanel.estimate.inference.covariance import cluster_factor, hc_factor, parameters
from ruralpanel.project.settings import InferenceSpec

LARGEST = 200_000
"""Rows beyond which nothing is confirmed: linearmodels would take longer than all the rest."""

AGREEMENT = 1e-6
"""Largest difference allowed: far below what any inference can see, above rounding error."""

TOO_FEW = 1e-3
"""Agreement to fewer digits confirms nothing."""


class NotConfirmedError(Exception):
    """No other library can estimate the model, or not to enough digits; the message is the reason."""


@dataclass(frozen=True)
class Second:
    """Estimates of another library.

    Attributes
    ----------
    library : which class of which library. terms : k names. params : (k,).
    std_error : (k,) under the setting that was asked for, our small-sample factor applied; None: not computed.
    allowed : the largest relative difference to ours that passes.
    """

    library: str
    terms: tuple[str, ...]
    params: FloatArray
    std_error: FloatArray | None
    allowed: float


def agreement(condition: float) -> float:
    """Largest relative difference that rounding explains where normal equations are solved, a library's usual way.

    Parameters
    ----------
    condition : number of the terms' columns net of effects: normal equations lose twice its digits.

    Raises
    ------
    NotConfirmedError
        Too few digits would be left.
    """
    allowed = max(AGREEMENT, 100.0 * float(np.finfo(float).eps) * condition**2)
    if not allowed < TOO_FEW:
        raise NotConfirmedError("the terms are so much alike that rounding moves another library's estimates")
    return allowed


def need_rows(rows: int) -> None:
    """Stop beyond `LARGEST` rows."""
    if rows > LARGEST:
        raise NotConfirmedError(f"{rows:,} rows are more than the {LARGEST:,} that are estimated a second time")


def groups_of(setting: InferenceSpec) -> tuple[str, ...]:
    """Names of the clusters of a setting."""
    by = setting.options.get("by", "unit")
    return tuple(map(str, by)) if isinstance(by, (list, tuple)) else (str(by),)


def root_factor(setting: InferenceSpec | None, fit: Fit, design: Design) -> float:
    """Root of our small-sample factor: libraries differ in it, so that their matrices without one are compared."""
    options: Mapping[str, Any] = {} if setting is None else setting.options
    n = fit.rows.size
    if setting is None or setting.method == "classical":
        return 1.0
    if setting.method == "hc":
        return float(np.sqrt(hc_factor(str(options.get("kind", "HC3")), n, len(fit.terms) + fit.n_absorbed).value))
    groups = [cluster_codes(design, name, fit.rows) for name in groups_of(setting)]
    clusters = min(int(codes.max()) + 1 for codes in groups)
    count = str(options.get("count", "nonnested"))
    k = parameters(fit, design, groups, count)
    kind = str(options.get("small_sample", "CR1"))
    return float(np.sqrt(cluster_factor(kind, clusters, n, k, count).value))
