"""Do residuals of neighbours resemble each other? Moran's I by period and over all, against the model's own errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from ruralpanel.estimate.base.absorb import compact
from ruralpanel.estimate.base.results import Design, Fit, FloatArray, IntArray, Test
from ruralpanel.estimate.inference import covariance
from ruralpanel.estimate.inference.error_process import error_process, least_squares
from ruralpanel.estimate.inference.romano_wolf import is_least_squares
from ruralpanel.estimate.inference.validity import generator
from ruralpanel.estimate.places.autocorrelation import two_sided
from ruralpanel.estimate.places.weights import standardised
from ruralpanel.project.notes import note

DRAWS = 999

LEAST_DRAWS = 99

MOST_NUMBERS = 4_000_000
"""Rows × draws beyond which there are fewer draws, down to `LEAST_DRAWS`."""

MOST_ROWS = 400_000


@dataclass(frozen=True)
class ResidualMoran:
    """Moran's I of a model's residuals.

    Attributes
    ----------
    test : over all periods.
    about : ``weights_matrix`` (what it is), ``draws``, ``expected`` (mean of the simulated), ``by_period`` (period,
        units, statistic, expected, p_value).
    """

    test: Test
    about: dict[str, Any]


def moran_of_residuals(design: Design, fit: Fit, seed: int, draws: int = DRAWS) -> ResidualMoran | None:
    """Moran's I of the residuals of a least-squares fit whose model names a weights matrix; None for others.

    Residuals are no errors: regressors and effects pull them apart, and years of a unit are alike. The reference is
    therefore simulated: panels of errors autocorrelated as the model's, but independent between units, give residuals
    of the same model, whose Moran's I are compared with the model's own. p-values are twice the smaller tail, the
    sample counted. Deviations are from the period's mean, weights among the units that are there, scaled anew.
    """
    if "weights_matrix" not in design.extra or not is_least_squares(fit) or np.unique(fit.rows).size < fit.rows.size:
        return None
    draws = min(draws, max(LEAST_DRAWS, MOST_NUMBERS // fit.rows.size))
    units = compact(design.unit_codes[fit.rows])
    alone = units.max() + 1 == units.size
    periods = np.zeros(units.size, dtype=np.intp) if alone else compact(design.period_codes[fit.rows])
    weights, total = _weights(design, fit, periods)
    if fit.rows.size > MOST_ROWS or not (total > 0).any():
        return None
    space = covariance.space_of(fit, design)
    rng = generator(seed, design.spec.name, "moran")
    drawn = error_process(fit, design, space, rng).draw(draws, rng)
    columns = np.column_stack([fit.residuals, least_squares(fit, space, drawn)[1]])
    columns = columns if space.root is None else columns / space.root[:, None]
    every, each = _statistics(columns, weights, total, periods)
    name = (design.extra.get("weights_about") or {}).get("name", "")
    about_it = note("moran_simulated", matrix=name, panels=draws)
    labels = np.unique(design.period_codes[fit.rows])
    by_period = [
        {
            "period": None if alone else int(design.periods[labels[t]]),
            "units": int(np.sum(periods == t)),
            "statistic": float(each[t, 0]),
            "expected": float(each[t, 1:].mean()),
            "p_value": two_sided(each[t, 1:], float(each[t, 0])),
        }
        for t in np.flatnonzero(total > 0)
    ]
    test = Test(float(every[0]), None, two_sided(every[1:], float(every[0])), (about_it,))
    about = {
        "weights_matrix": dict(design.extra.get("weights_about") or {}),
        "draws": draws,
        "expected": float(every[1:].mean()),
        "by_period": by_period,
    }
    return ResidualMoran(test, about)


def _weights(design: Design, fit: Fit, periods: IntArray) -> tuple[sparse.csr_array, FloatArray]:
    """Weights (m, m) between rows of one period, and their sum in each period."""
    whole = sparse.csr_array(design.extra["weights_matrix"])
    scale = str((design.extra.get("weights_about") or {}).get("standardise", "none"))
    units, m = design.unit_codes[fit.rows], fit.rows.size
    total = np.zeros(int(periods.max()) + 1)
    parts: list[sparse.coo_array] = []
    for t in range(total.size):
        rows = np.flatnonzero(periods == t)
        block = sparse.csr_array(whole[units[rows]][:, units[rows]])
        if not block.nnz:
            continue
        part = sparse.coo_array(standardised(block, scale))
        total[t] = part.sum()
        parts.append(sparse.coo_array((part.data, (rows[part.row], rows[part.col])), shape=(m, m)))
    if not parts:
        return sparse.csr_array((m, m)), total
    rows, columns, values = (np.concatenate([getattr(part, name) for part in parts]) for name in ("row", "col", "data"))
    return sparse.csr_array((values, (rows, columns)), shape=(m, m)), total


def _statistics(
    values: FloatArray, weights: sparse.csr_array, total: FloatArray, periods: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Moran's I over all periods (columns,) and of each (periods, columns) of the columns of `values` (m, columns)."""
    groups = sparse.csr_array((np.ones(periods.size), (periods, np.arange(periods.size))))
    counts = np.asarray(groups.sum(axis=1))
    z = values - ((groups @ values) / counts[:, None])[periods]
    products, squares = groups @ (z * (weights @ z)), groups @ (z * z)
    used = total > 0
    every = counts[used].sum() / total.sum() * products[used].sum(axis=0) / squares[used].sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        each = counts[:, None] / total[:, None] * products / squares
    return np.asarray(every), np.asarray(each)
