"""How strong would an omitted variable have to be? Robustness values, bounds by observed covariates, contours.

C. Cinelli and C. Hazlett, "Making sense of sensitivity", Journal of the Royal Statistical Society B 82 (2020), 39–67.
Everything follows from one t statistic and its degrees of freedom. They are those of classical errors, for which the
algebra of partial R² is exact: the robustness value of the estimate needs no errors at all; the one at a level of
significance is that of classical errors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from ruralpanel.estimators import scaling
from ruralpanel.estimators.base import FloatArray


@dataclass(frozen=True)
class Bound:
    """An omitted variable `times` as strong as observed covariates, and the estimate that allowing for it leaves.

    Attributes
    ----------
    r2_lever, r2_outcome : partial R² of the omitted variable with the lever, and with the outcome.
    """

    name: str
    times: float
    r2_lever: float
    r2_outcome: float
    estimate: float
    std_error: float

    @property
    def statistic(self) -> float:
        """t of the adjusted estimate."""
        return self.estimate / self.std_error


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
) -> Bound | None:
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
    return Bound(name, times, float(share), outcome, float(left), float(error))


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
