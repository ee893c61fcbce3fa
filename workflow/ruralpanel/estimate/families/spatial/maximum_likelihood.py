"""Maximum likelihood of spatial panels: a lag of the outcome, or of the error, after effects are projected out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize

from ruralpanel.estimate.base.results import FloatArray
from ruralpanel.estimate.families.spatial.filter import SpatialFilter
from ruralpanel.estimate.families.spatial.panel import SpatialPanel, columns
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError

GRID = 61
"""Points of the interval of the spatial coefficient from which the search starts: the likelihood may have two peaks."""

EDGE = 1e-6
"""Share of the interval left aside at both ends."""


@dataclass(frozen=True)
class Size:
    """What the likelihood counts once effects are gone.

    Attributes
    ----------
    units, periods : dimensions that carry information: N and T, or fewer by the effects (Lee and Yu).
    """

    units: int
    periods: int

    @property
    def rows(self) -> int:
        """Number of independent deviations."""
        return self.units * self.periods


@dataclass(frozen=True)
class Solution:
    """Maximum of the likelihood.

    Attributes
    ----------
    slopes : (p,) coefficients of the columns of the panel's `x`. spatial : ρ or λ; None without one.
    residuals : (N, T) innovations, effects removed. sigma2 : their variance, sum of squares over ``size.rows``.
    vcov : inverse of the expected information of slopes and spatial coefficient, σ² concentrated out.
    scores : (NT, p or p + 1) their contributions to the first derivatives, by unit and period.
    """

    slopes: FloatArray
    spatial: float | None
    residuals: FloatArray
    sigma2: float
    log_likelihood: float
    vcov: FloatArray
    scores: FloatArray


def size_of(panel: SpatialPanel, lee_yu: bool) -> Size:
    """N and T; with Lee and Yu's correction less one period for unit effects and one unit for projected period ones."""
    n, t = panel.shape
    if not lee_yu:
        return Size(n, t)
    return Size(n - ("period" in panel.projected), t - ("unit" in panel.projected))


def filter_of(panel: SpatialPanel, lee_yu: bool) -> SpatialFilter:
    """The filter of the panel's weights; the mean over units is left out where the correction takes a unit off."""
    return SpatialFilter(panel.weights, panel.row_sum, lee_yu and "period" in panel.projected)


def independent(panel: SpatialPanel, size: Size) -> Solution:
    """No spatial coefficient: least squares."""
    y, x = columns(panel.net(panel.y)), columns(panel.net(panel.x))
    slopes, residuals = _least_squares(x, y)
    sigma2 = float(residuals @ residuals) / size.rows
    return Solution(
        slopes,
        None,
        residuals.reshape(panel.shape),
        sigma2,
        _log_likelihood(sigma2, size),
        np.asarray(sigma2 * np.linalg.inv(x.T @ x)),
        x * residuals[:, None] / sigma2,
    )


def lag(panel: SpatialPanel, size: Size, filter_: SpatialFilter, model: str) -> Solution:
    """``y = ρ W y + x β + effects + e`` (Anselin 1988; Elhorst 2003; Lee and Yu 2010).

    Exact for any weights: the effects are projected out of ``y − ρ W y``. The information is that of Elhorst (2014,
    eq. 3.16), the sums over units of the non-spatial part by G applied to it.

    Raises
    ------
    UserError
        The likelihood has no maximum inside the interval of ρ.
    """
    y, x = columns(panel.net(panel.y)), columns(panel.net(panel.x))
    wy = columns(panel.net(panel.neighbours(panel.y)))
    basis = np.linalg.qr(x)[0]
    y_left, wy_left = (v - basis @ (basis.T @ v) for v in (y, wy))

    def value(rho: float) -> float:
        left = y_left - rho * wy_left
        return _profile(float(left @ left), rho, size, filter_)

    def slope(rho: float) -> float:
        left = y_left - rho * wy_left
        return size.rows * float(left @ wy_left) / float(left @ left) - size.periods * float(filter_.trace(rho))

    rho = _maximum(value, slope, filter_.interval, model)
    slopes, e = _least_squares(x, y - rho * wy)
    sigma2 = float(e @ e) / size.rows
    traces = filter_.traces(rho)
    fitted = panel.x @ slopes
    moved = columns(panel.net(filter_.solve(rho, panel.neighbours(fitted))))
    p = slopes.size
    information = np.zeros((p + 1, p + 1))
    information[:p, :p] = x.T @ x / sigma2
    information[:p, p] = information[p, :p] = x.T @ moved / sigma2
    information[p, p] = moved @ moved / sigma2 + _curvature(traces.g, traces.g2 + traces.gg, size)
    quadratic = _quadratic(filter_, rho, e.reshape(panel.shape), traces.g, size)
    scores = np.column_stack([x * e[:, None], moved * e + quadratic]) / sigma2
    return Solution(
        slopes,
        rho,
        e.reshape(panel.shape),
        sigma2,
        _log_likelihood(sigma2, size) + size.periods * filter_.log_determinant(rho),
        np.asarray(np.linalg.inv(information)),
        scores,
    )


def error(panel: SpatialPanel, size: Size, filter_: SpatialFilter, model: str) -> Solution:
    """``y = x β + effects + u, u = λ W u + e``.

    Unit effects pass through the filter into unit effects, period effects where the rows of the weights have one sum;
    else their dummies are columns of the panel's `x` and filtered like these. Slopes and λ are independent in the
    expected information.

    Raises
    ------
    UserError
        The likelihood has no maximum inside the interval of λ.
    """
    y, x = columns(panel.net(panel.y)), columns(panel.net(panel.x))
    wy, wx = columns(panel.net(panel.neighbours(panel.y))), columns(panel.net(panel.neighbours(panel.x)))

    def at(lam: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        filtered = x - lam * wx
        return (filtered, *_least_squares(filtered, y - lam * wy))

    def value(lam: float) -> float:
        e = at(lam)[2]
        return _profile(float(e @ e), lam, size, filter_)

    def slope(lam: float) -> float:
        _, beta, e = at(lam)
        return size.rows * float(e @ (wy - wx @ beta)) / float(e @ e) - size.periods * float(filter_.trace(lam))

    lam = _maximum(value, slope, filter_.interval, model)
    filtered, slopes, e = at(lam)
    sigma2 = float(e @ e) / size.rows
    traces = filter_.traces(lam)
    p = slopes.size
    information = np.zeros((p + 1, p + 1))
    information[:p, :p] = filtered.T @ filtered / sigma2
    information[p, p] = _curvature(traces.g, traces.g2 + traces.gg, size)
    quadratic = _quadratic(filter_, lam, e.reshape(panel.shape), traces.g, size)
    return Solution(
        slopes,
        lam,
        e.reshape(panel.shape),
        sigma2,
        _log_likelihood(sigma2, size) + size.periods * filter_.log_determinant(lam),
        np.asarray(np.linalg.inv(information)),
        np.column_stack([filtered * e[:, None], quadratic]) / sigma2,
    )


def _profile(squares: float, coefficient: float, size: Size, filter_: SpatialFilter) -> float:
    return size.periods * filter_.log_determinant(coefficient) - size.rows / 2.0 * float(np.log(squares))


def _log_likelihood(sigma2: float, size: Size) -> float:
    return -size.rows / 2.0 * (float(np.log(2.0 * np.pi * sigma2)) + 1.0)


def _curvature(g: float, second: float, size: Size) -> float:
    """The information's part of the determinant, less what estimating σ² takes away."""
    return size.periods * second - 2.0 * (size.periods * g) ** 2 / size.rows


def _quadratic(filter_: SpatialFilter, coefficient: float, e: FloatArray, g: float, size: Size) -> FloatArray:
    """(NT,) parts of ``e'Ge − σ² T tr G``, with σ² in terms of the residuals."""
    return columns(filter_.split(coefficient, e) - g / size.units * e**2)


def _least_squares(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    q, r = np.linalg.qr(x)
    slopes = np.linalg.solve(r, q.T @ y)
    return slopes, y - x @ slopes


def _maximum(
    value: Callable[[float], float], slope: Callable[[float], float], interval: tuple[float, float], model: str
) -> float:
    """The highest point of the profile: a grid finds the peak, its first derivative the place."""
    low, high = interval
    reach = EDGE * (high - low)
    grid = np.linspace(low + reach, high - reach, GRID)
    best = int(np.argmax([value(float(point)) for point in grid]))
    if best in (0, GRID - 1):
        found = f"a likelihood that rises up to the edge, {grid[best]:.4g}, of the spatial coefficient's interval"
        fix = "use method: slx, fewer terms or other weights"
        raise UserError(Problem(CONFIGURATION, f"models.{model}", found, "a maximum inside the interval", fix))
    inside = (float(grid[best - 1]), float(grid[best + 1]))
    peak = float(optimize.minimize_scalar(lambda p: -value(p), bounds=inside, method="bounded").x)
    near = 1e-3 * (inside[1] - inside[0])
    left, right = max(peak - near, inside[0]), min(peak + near, inside[1])
    if slope(left) > 0 > slope(right):
        return float(optimize.brentq(slope, left, right, xtol=1e-14))
    return peak
