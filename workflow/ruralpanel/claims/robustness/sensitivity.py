"""What it would take to undo a coefficient: omitted variables and errors of measurement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from ruralpanel.claims.robustness.results import AsStrong
from ruralpanel.estimate.base import scaling
from ruralpanel.estimate.base.results import FloatArray

MULTIPLE = 1.3
"""Oster's proposal for R_max: this multiple of R̃, one at most."""


@dataclass(frozen=True)
class Movement:
    """A coefficient without and with controls.

    Attributes
    ----------
    short, long : the coefficients β̇ and β̃. r2_short, r2_long : Ṙ and R̃.
    var_y, var_x : variances of outcome and lever. var_x_net : of what the controls leave of the lever.
    """

    short: float
    long: float
    r2_short: float
    r2_long: float
    var_y: float
    var_x: float
    var_x_net: float

    @property
    def r2_max(self) -> float:
        """R_max by Oster's rule."""
        return min(1.0, MULTIPLE * self.r2_long)


def movement(y: FloatArray, x: FloatArray, controls: FloatArray, always: FloatArray | None = None) -> Movement:
    """The movement of the coefficient of `x` (n,) as `controls` (n, c) join.

    Parameters
    ----------
    always : (n, a) columns in both regressions; they, and everything removed beforehand (effects, constant), are
        partialled out, and R² is of what they leave.
    """
    columns = np.column_stack([y, x, controls])
    if always is not None and always.shape[1]:
        columns = columns - always @ scaling.least_squares(always, columns)
    y, x, controls = columns[:, 0], columns[:, 1], columns[:, 2:]
    n = y.size
    short = float(x @ y / (x @ x))
    both = np.column_stack([x, controls])
    coefficients = scaling.least_squares(both, y)
    left = y - both @ coefficients
    net = x - controls @ scaling.least_squares(controls, x)
    whole = float(y @ y)
    return Movement(
        short=short,
        long=float(coefficients[0]),
        r2_short=short**2 * float(x @ x) / whole,
        r2_long=1.0 - float(left @ left) / whole,
        var_y=whole / n,
        var_x=float(x @ x) / n,
        var_x_net=float(net @ net) / n,
    )


def delta(move: Movement, target: float = 0.0, r2_max: float | None = None) -> float | None:
    """δ for which the coefficient would be `target`; None where it is not defined (R_max at or below R̃)."""
    top = move.r2_max if r2_max is None else r2_max
    gap = move.long - target
    known, unknown = _explained(move, top)
    change = move.short - move.long
    v, net = move.var_x, move.var_x_net
    cubic = gap**3 * (net * v - net**2)
    numerator = gap * known * net + gap * v * net * change**2 + 2.0 * gap**2 * net * change * v + cubic
    denominator = unknown * change * v + gap * unknown * (v - net) + gap**2 * net * change * v + cubic
    if unknown <= 0.0 or denominator == 0.0:
        return None
    return float(numerator / denominator)


def adjusted(move: Movement, proportion: float = 1.0, r2_max: float | None = None) -> float | None:
    """The coefficient β* that selection on unobserved variables of this δ leaves; None where there is none.

    Of the roots of Oster's equation the one nearest to β̃ is taken among those that continue the movement from β̇ to β̃,
    as in her program psacalc; where none continues it, the nearest.
    """
    top = move.r2_max if r2_max is None else r2_max
    known, unknown = _explained(move, top)
    change = move.short - move.long
    v, net = move.var_x, move.var_x_net
    equation = [
        (1.0 - proportion) * (net * v - net**2),
        (2.0 - proportion) * net * change * v,
        known * net + v * net * change**2 - proportion * unknown * (v - net),
        -proportion * unknown * change * v,
    ]
    roots = np.roots(np.trim_zeros(equation, "f"))
    real = [float(root.real) for root in roots if abs(root.imag) <= 1e-9 * (1.0 + abs(root))]
    kept = [bias for bias in real if bias * change > 0] or real
    return move.long - min(kept, key=abs) if kept else None


def _explained(move: Movement, r2_max: float) -> tuple[float, float]:
    """Variance of the outcome that the controls explain, and that unobserved variables would."""
    return (move.r2_long - move.r2_short) * move.var_y, (r2_max - move.r2_long) * move.var_y


def partial_r2(statistic: float, df: float) -> float:
    """Partial R² that belongs to a t statistic."""
    return float(statistic**2 / (statistic**2 + df))


def robustness_value(statistic: float, df: float, reduction: float = 1.0, level: float | None = None) -> float:
    """Partial R², with lever and outcome alike, that an omitted variable needs to take `reduction` of the estimate.

    Parameters
    ----------
    level : such as 0.05: what it needs to make the estimate insignificant at that level instead of zero.
    """
    size = reduction * abs(statistic) / np.sqrt(df)
    threshold = 0.0 if level is None else _threshold(df, level)
    excess = size - threshold
    if excess <= 0:
        return 0.0
    if threshold > 0 and size > 1.0 / threshold:
        return float((size**2 - threshold**2) / (1.0 + size**2))
    return float(0.5 * (np.sqrt(excess**4 + 4.0 * excess**2) - excess**2))


def _threshold(df: float, level: float) -> float:
    return float(abs(special.stdtrit(df - 1, level / 2)) / np.sqrt(df - 1))


def adjust(
    estimate: float, std_error: float, df: float, r2_lever: FloatArray | float, r2_outcome: FloatArray | float
) -> tuple[FloatArray, FloatArray]:
    """Estimate and classical error with the omitted variable in, its bias taken to lie away from zero.

    Parameters
    ----------
    r2_lever, r2_outcome : partial R² of the omitted variable, of shapes that broadcast.
    """
    lever, outcome = np.asarray(r2_lever, dtype=float), np.asarray(r2_outcome, dtype=float)
    bias = np.sqrt(outcome * lever / (1.0 - lever)) * std_error * np.sqrt(df)
    error = np.sqrt((1.0 - outcome) / (1.0 - lever)) * std_error * np.sqrt(df / (df - 1.0))
    return np.asarray(np.sign(estimate) * (abs(estimate) - bias)), np.asarray(error)


def bound(
    name: str,
    times: float,
    estimate: float,
    std_error: float,
    df: float,
    r2_lever: float,
    r2_outcome: float,
) -> AsStrong | None:
    """The omitted variable `times` as strong as a covariate (or a group of them).

    Parameters
    ----------
    r2_lever : partial R² of the covariate with the lever, given the others. r2_outcome : with the outcome, given the
        lever and the others.

    Returns
    -------
    None where no variable can be that strong: it would explain more than all of the lever or of the outcome.
    """
    share = times * r2_lever / (1.0 - r2_lever)
    if share >= 1.0 or times * r2_lever >= 1.0:
        return None
    between = times * r2_lever**2 / ((1.0 - times * r2_lever) * (1.0 - r2_lever))
    if between >= 1.0:
        return None
    factor = (np.sqrt(times) + np.sqrt(between)) / np.sqrt(1.0 - between)
    outcome = float(factor**2 * r2_outcome / (1.0 - r2_outcome))
    if outcome >= 1.0:
        return None
    left, error = adjust(estimate, std_error, df, share, outcome)
    return AsStrong(name, times, float(share), outcome, float(left), float(error), float(left) / float(error))


def covariate_r2(y: FloatArray, x: FloatArray, others: FloatArray, group: FloatArray) -> tuple[float, float]:
    """Partial R² of a group of covariates with the lever and with the outcome.

    Parameters
    ----------
    y, x : (n,) outcome and lever net of effects. group : (n, g) the covariates. others : (n, c) all other regressors.

    Returns
    -------
    With the lever given the others; with the outcome given lever and others.
    """
    return _share(x, others, group), _share(y, np.column_stack([x, others]), group)


def _share(target: FloatArray, given: FloatArray, group: FloatArray) -> float:
    short, long = _left(target, given), _left(target, np.column_stack([given, group]))
    return 1.0 - long / short


def _left(target: FloatArray, columns: FloatArray) -> float:
    if columns.shape[1] == 0:
        return float(target @ target)
    residuals = target - columns @ scaling.least_squares(columns, target)
    return float(residuals @ residuals)


def contours(
    estimate: float, std_error: float, df: float, most: float = 0.4, points: int = 21
) -> tuple[FloatArray, FloatArray]:
    """Partial R² (p,) from zero to `most`, and the adjusted estimates (p, p): rows the lever, columns the outcome."""
    grid = np.linspace(0.0, most, points)
    return grid, adjust(estimate, std_error, df, grid[:, None], grid[None, :])[0]


RELIABILITIES = (0.95, 0.9, 0.8, 0.7, 0.5)


@dataclass(frozen=True)
class Lever:
    """A regression in which one variable is measured with noise.

    Attributes
    ----------
    x, y : (n, k), (n,) net of effects, in the metric of the weights' roots.
    reacts : (n, k) by how much each column of x moves with the variable (in that metric): one (times the root of the
        weight) for the variable itself, the moderator for a product, zero for others.
    left : (n,) share of an independent error in each row that the effects leave: one less the leverage.
    place : the variable's own column of `x`.
    """

    x: FloatArray
    y: FloatArray
    reacts: FloatArray
    left: FloatArray
    place: int

    def noise(self, reliability: float) -> float:
        """Variance of the noise, in the variable's units.

        Parameters
        ----------
        reliability : share of what effects leave of the variable that is not noise.
        """
        whole = float(self.x[:, self.place] @ self.x[:, self.place])
        return (1.0 - reliability) * whole / float(self.left @ self.reacts[:, self.place] ** 2)

    def corrected(self, reliability: float) -> FloatArray | None:
        """Coefficients (k,) had the variable been free of noise.

        Returns
        -------
        ``(X'X − S)⁻¹ X'y`` with S the expected products of the noise that effects leave (Fuller 1987); None where that
        much noise exceeds what the other regressors leave of the lever.
        """
        products = self.noise(reliability) * (self.reacts * self.left[:, None]).T @ self.reacts
        matrix = self.x.T @ self.x - products
        scale = np.sqrt(np.diag(self.x.T @ self.x))
        if np.linalg.eigvalsh(matrix / np.outer(scale, scale))[0] <= 1e-8:
            return None
        return np.asarray(np.linalg.solve(matrix, self.x.T @ self.y), dtype=np.float64)

    def least_reliability(self) -> float:
        """The reliability at which noise would be all that effects and the other regressors leave of the variable."""
        low, high = 0.0, 1.0
        for _ in range(60):
            middle = 0.5 * (low + high)
            low, high = (low, middle) if self.corrected(middle) is not None else (middle, high)
        return high


def reverse_bound(estimate: float, statistic: float, df: float) -> float:
    """The other end of the interval in which the coefficient lies if only this lever is noisy (Frisch 1934).

    The direct regression shrinks the coefficient, the reverse one (lever on outcome) inflates it: estimate over the
    partial R². `statistic` and `df` are classical.
    """
    return float(estimate * (statistic**2 + df) / statistic**2)
