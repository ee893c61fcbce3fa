"""Who carries an estimate: leverage and change of the coefficients by unit, and how far terms can be told apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ruralpanel.estimate.base.absorb import compact, group_sums
from ruralpanel.estimate.base.results import Design, Fit, FloatArray, IntArray
from ruralpanel.estimate.inference.cluster import adjusted_rows
from ruralpanel.estimate.inference.romano_wolf import is_least_squares

MOST_UNITS = 60
"""Units of which influence is listed; of more, those with the largest."""

MOST_EXACT = 10_000
"""Units up to which what leaving one out does is exact; of more, each has so little leverage that it is left aside."""

MOST_ROWS = 5
"""Rows of which leverage is listed."""


def influence(design: Design, fit: Fit) -> Mapping[str, Any]:
    """What each unit does to the estimates: share of the leverage, and the change of each coefficient it causes.

    ``dfbeta`` is the estimate less the estimate without the unit (exact for least squares, effects included, up to
    `MOST_EXACT` units);
    ``dfbetas`` the same in delete-one-unit jackknife errors. ``effective_units``: how many equally informative units
    each coefficient is worth (`effective_units`). ``rows`` are those with the largest leverage among the terms, net of
    effects. Empty where the fit is not least squares.
    """
    if not is_least_squares(fit):
        return {}
    assert fit.x is not None
    codes = compact(design.unit_codes[fit.rows])
    groups = int(codes.max()) + 1
    if groups < 2 or np.bincount(codes).max() > 3000:
        return {}
    leverage = np.einsum("ij,jk,ik->i", fit.x, fit.bread, fit.x)
    rows = fit.x if groups > MOST_EXACT else adjusted_rows(fit, design, codes, -1.0)
    change = group_sums(rows * fit.residuals[:, None], codes) @ fit.bread
    scaled = change / np.sqrt(np.sum(change**2, axis=0))
    names = np.asarray(design.units, dtype=object)[np.unique(design.unit_codes[fit.rows])]
    order = np.arange(groups)
    if groups > MOST_UNITS:
        order = np.sort(np.argsort(-np.abs(scaled).max(axis=1), kind="stable")[:MOST_UNITS])
    return {
        "units": [str(names[i]) for i in order],
        "leverage": (np.bincount(codes, weights=leverage) / len(fit.terms))[order].tolist(),
        "dfbeta": {term: change[order, j].tolist() for j, term in enumerate(fit.terms)},
        "dfbetas": {term: scaled[order, j].tolist() for j, term in enumerate(fit.terms)},
        "effective_units": dict(zip(fit.terms, effective_units(fit, codes).tolist(), strict=True)),
        "rows": _rows(design, fit, leverage),
        "most_influential": {
            term: str(names[int(np.argmax(np.abs(change[:, j])))]) for j, term in enumerate(fit.terms)
        },
    }


def effective_units(fit: Fit, codes: IntArray) -> FloatArray:
    """Effective number of clusters (k,) of each coefficient: G / (1 + squared coefficient of variation of γ).

    γ of a cluster is the sum of squares of the coefficient's regressor, net of all others, within it: its share of the
    variance under equal independent errors (Carter, Schnepel and Steigerwald 2017, with ρ = 0). Far fewer than there
    are clusters: CR1 errors are too small.
    """
    assert fit.x is not None
    share = group_sums((fit.x @ fit.bread) ** 2, codes)
    return np.asarray(share.shape[0] / (1.0 + np.var(share, axis=0) / np.mean(share, axis=0) ** 2))


def collinearity(fit: Fit) -> Mapping[str, Any]:
    """How far the terms move together once effects are removed.

    ``variance_inflation``: 1 / (1 − R²) of each term on the others, net of effects. ``with``: for inflations above 10
    the terms that it goes with most. ``condition_number`` of the columns, scaled to length one (Belsley et al. 1980).
    """
    if fit.x is None or not fit.x.shape[1]:
        return {}
    length = np.sqrt(np.sum(fit.x**2, axis=0))
    scaled = fit.x / length
    inverse = fit.bread * np.outer(length, length)
    inflation = np.diag(inverse)
    correlation = np.abs(scaled.T @ scaled)
    partners = {
        term: [fit.terms[i] for i in np.argsort(-correlation[j], kind="stable") if i != j and correlation[i, j] > 0.5]
        for j, term in enumerate(fit.terms)
        if inflation[j] > 10.0
    }
    values = np.linalg.svd(scaled, compute_uv=False)
    return {
        "variance_inflation": dict(zip(fit.terms, inflation.tolist(), strict=True)),
        "with": partners,
        "condition_number": float(values[0] / values[-1]),
    }


def _rows(design: Design, fit: Fit, leverage: FloatArray) -> list[dict[str, Any]]:
    order = np.argsort(-leverage, kind="stable")[:MOST_ROWS]
    return [
        {
            "unit": design.units[design.unit_codes[fit.rows[i]]],
            "period": int(design.periods[design.period_codes[fit.rows[i]]]),
            "leverage": float(leverage[i]),
        }
        for i in order
    ]
