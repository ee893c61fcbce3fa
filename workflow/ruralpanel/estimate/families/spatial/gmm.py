"""Spatial panels without a likelihood: two-stage least squares of the lag, moments of the error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ruralpanel.estimate.base import scaling
from ruralpanel.estimate.base.results import FloatArray
from ruralpanel.estimate.families.spatial.filter import SpatialFilter
from ruralpanel.estimate.families.spatial.maximum_likelihood import Size
from ruralpanel.estimate.families.spatial.panel import SpatialPanel, columns
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError

ALIKE = 1e-10
"""Share of an instrument's length below which what is left of it, net of others, is rounding error."""


@dataclass(frozen=True)
class MomentSolution:
    """Estimates by moments.

    Attributes
    ----------
    slopes : (p,) coefficients of the columns of the panel's `x`. lag : ρ, None without a lag.
    error : λ, None where errors are taken as independent; it comes without a standard error.
    residuals : (N, T) innovations. sigma2 : their variance with residual degrees of freedom.
    vcov : of slopes and lag. scores, bread : estimate − truth ≈ bread @ sum of scores.
    sargan : statistic and degrees of freedom of the test of the instruments; None where nothing is over-identified.
    """

    slopes: FloatArray
    lag: float | None
    error: float | None
    residuals: FloatArray
    sigma2: float
    vcov: FloatArray
    scores: FloatArray
    bread: FloatArray
    sargan: tuple[float, int] | None


def estimate(
    panel: SpatialPanel, size: Size, filter_: SpatialFilter, lag: bool, error: bool, df_resid: float, model: str
) -> MomentSolution:
    """Two-stage least squares with instruments WX and W²X for the lag; λ by moments; both again on filtered data.

    Kelejian and Prucha (1998) after the within transformation (Mutl and Pfaffermayr 2011). Without a lag the first
    step is least squares.

    Parameters
    ----------
    size : N and T less what the effects take, as the moments count them.
    df_resid : residual degrees of freedom of the errors' variance.

    Raises
    ------
    UserError
        No instrument of the neighbours' outcome is left, or the moments have no minimum with an invertible filter.
    """
    y, x = panel.y, panel.x
    wy, wx = panel.neighbours(y), panel.neighbours(x)
    regressors = np.concatenate([x, wy[:, :, None]], axis=2) if lag else x
    base = columns(panel.net(x))
    instruments = base
    if lag:
        instruments = _basis(np.hstack([base, columns(panel.net(wx)), columns(panel.net(panel.neighbours(wx)))]))
        if instruments.shape[1] <= base.shape[1]:
            found = "no instrument: neighbours' regressors say nothing beyond the regressors"
            raise UserError(Problem(CONFIGURATION, f"models.{model}", found, "a regressor that varies over units"))
    outcome, z = columns(panel.net(y)), columns(panel.net(regressors))
    slopes, _, e = _two_stages(z, outcome, instruments)
    lam = None
    if error:
        u = e.reshape(panel.shape)
        lam = error_coefficient(u, panel, size, filter_, model)
        outcome = outcome - lam * columns(panel.net(wy))
        z = z - lam * columns(panel.net(panel.neighbours(regressors)))
        if not lag:
            instruments = z
    slopes, projected, e = _two_stages(z, outcome, instruments)
    sigma2 = float(e @ e) / df_resid
    bread = np.asarray(np.linalg.inv(projected.T @ projected))
    p = x.shape[2]
    extra = instruments.shape[1] - z.shape[1]
    basis = np.linalg.qr(instruments)[0]
    sargan = (float(np.sum((basis.T @ e) ** 2)) / (float(e @ e) / e.size), extra) if lag and extra > 0 else None
    return MomentSolution(
        slopes[:p],
        float(slopes[p]) if lag else None,
        lam,
        e.reshape(panel.shape),
        sigma2,
        np.asarray(sigma2 * bread),
        projected * e[:, None],
        bread,
        sargan,
    )


def error_coefficient(u: FloatArray, panel: SpatialPanel, size: Size, filter_: SpatialFilter, model: str) -> float:
    """λ of ``u = λ W u + e`` from three moments of e and W e, equally weighted, σ² concentrated out.

    Kapoor, Kelejian and Prucha (2007, eq. 13), those within units: with F the deviations that the effects leave,
    E e'e = σ² n, E (We)'(We) = σ² T tr F'W'WF and E (We)'e = σ² T tr F'WF, n the rows of `size`. The sum of squares is
    a polynomial of fourth degree in λ, so that its minimum is exact.

    Parameters
    ----------
    u : (N, T) residuals, effects removed.
    """
    wu = panel.net(panel.neighbours(u))
    wwu = panel.net(panel.neighbours(wu))
    n = float(size.rows)
    traces = filter_.traces(0.0)
    constant = np.array([float(np.sum(u * u)), float(np.sum(wu * wu)), float(np.sum(u * wu))]) / n
    linear = -np.array([2 * np.sum(u * wu), 2 * np.sum(wu * wwu), np.sum(u * wwu) + np.sum(wu * wu)]) / n
    square = np.array([np.sum(wu * wu), np.sum(wwu * wwu), np.sum(wu * wwu)]) / n
    variance = np.array([1.0, size.periods * traces.gg / n, size.periods * traces.g / n])
    out = np.eye(3) - np.outer(variance, variance) / (variance @ variance)
    a, b, c = (out @ part for part in (constant, linear, square))
    places = np.roots([4 * c @ c, 6 * b @ c, 2 * (b @ b) + 4 * (a @ c), 2 * (a @ b)])
    low, high = filter_.interval
    inside = [float(p.real) for p in places if abs(p.imag) < 1e-9 and low < p.real < high]
    if not inside:
        found = "moments of the error without a minimum inside the interval of its coefficient"
        raise UserError(Problem(CONFIGURATION, f"models.{model}.method", found, "an invertible filter", "method: sem"))
    return min(inside, key=lambda p: float(np.sum((a + b * p + c * p**2) ** 2)))


def _two_stages(z: FloatArray, y: FloatArray, instruments: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Coefficients, projected regressors, residuals."""
    basis = np.linalg.qr(instruments)[0]
    projected = basis @ (basis.T @ z)
    slopes = scaling.least_squares(projected, y)
    return slopes, projected, y - z @ slopes


def _basis(matrix: FloatArray) -> FloatArray:
    """Columns that span what `matrix` spans; those that add nothing to earlier ones are left out."""
    kept = np.zeros((matrix.shape[0], 0))
    for column in matrix.T:
        left = column / (np.linalg.norm(column) or 1.0)
        for _ in range(2):
            left = left - kept @ (kept.T @ left)
        if np.linalg.norm(left) > ALIKE:
            kept = np.column_stack([kept, left / np.linalg.norm(left)])
    return kept
