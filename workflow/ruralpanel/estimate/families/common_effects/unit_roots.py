"""Panel unit-root tests that allow for common factors, with their critical values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ruralpanel.estimate.base.parts import UnitRoot
from ruralpanel.estimate.base.results import FloatArray
from ruralpanel.estimate.families.common_effects.mean_group import lagged
from ruralpanel.project.notes import Reason, reason

SIZES = (10, 15, 20, 30, 50, 70, 100, 200)
"""Numbers of units and of periods that are tabulated."""

LEAST = SIZES[0]

LEVELS = ("1%", "5%", "10%")

# a block per level; in it one row per number of periods, one column per number of units; minus signs left out
_TABLES = {
    "intercept": (
        """
        2.85 2.66 2.56 2.44 2.36 2.32 2.29 2.25
        2.66 2.52 2.45 2.34 2.26 2.23 2.19 2.16
        2.60 2.47 2.40 2.32 2.25 2.20 2.18 2.14
        2.57 2.45 2.38 2.30 2.23 2.19 2.17 2.14
        2.55 2.44 2.36 2.30 2.23 2.20 2.17 2.14
        2.54 2.43 2.36 2.30 2.23 2.20 2.17 2.14
        2.53 2.42 2.36 2.30 2.23 2.20 2.18 2.15
        2.53 2.43 2.36 2.30 2.23 2.21 2.18 2.15
        """,
        """
        2.47 2.35 2.29 2.22 2.16 2.13 2.11 2.08
        2.37 2.28 2.22 2.17 2.11 2.09 2.07 2.04
        2.34 2.26 2.21 2.15 2.11 2.08 2.07 2.04
        2.33 2.25 2.20 2.15 2.11 2.08 2.07 2.05
        2.33 2.25 2.20 2.16 2.11 2.10 2.08 2.06
        2.33 2.25 2.20 2.15 2.12 2.10 2.08 2.06
        2.32 2.25 2.20 2.16 2.12 2.10 2.08 2.07
        2.32 2.25 2.20 2.16 2.12 2.10 2.08 2.07
        """,
        """
        2.28 2.20 2.15 2.10 2.05 2.03 2.01 1.99
        2.22 2.16 2.11 2.07 2.03 2.01 2.00 1.98
        2.21 2.14 2.10 2.07 2.03 2.01 2.00 1.99
        2.21 2.14 2.11 2.07 2.04 2.02 2.01 2.00
        2.21 2.14 2.11 2.08 2.05 2.03 2.02 2.01
        2.21 2.15 2.11 2.08 2.05 2.03 2.02 2.01
        2.21 2.15 2.11 2.08 2.05 2.03 2.03 2.02
        2.21 2.15 2.11 2.08 2.05 2.04 2.03 2.02
        """,
    ),
    "trend": (
        """
        3.51 3.31 3.20 3.10 3.00 2.96 2.93 2.88
        3.21 3.07 2.98 2.88 2.80 2.76 2.74 2.70
        3.15 3.01 2.92 2.83 2.76 2.72 2.70 2.65
        3.10 2.96 2.88 2.81 2.73 2.69 2.66 2.63
        3.06 2.93 2.85 2.78 2.72 2.68 2.65 2.62
        3.04 2.93 2.85 2.78 2.71 2.68 2.65 2.62
        3.03 2.92 2.85 2.77 2.71 2.68 2.65 2.62
        3.03 2.91 2.85 2.77 2.71 2.67 2.65 2.62
        """,
        """
        3.10 2.97 2.89 2.82 2.75 2.73 2.70 2.67
        2.92 2.82 2.76 2.69 2.64 2.62 2.59 2.57
        2.88 2.78 2.73 2.67 2.62 2.59 2.57 2.55
        2.86 2.76 2.72 2.66 2.61 2.58 2.56 2.54
        2.84 2.76 2.71 2.65 2.60 2.58 2.56 2.54
        2.83 2.76 2.70 2.65 2.61 2.58 2.57 2.54
        2.83 2.75 2.70 2.65 2.61 2.59 2.56 2.55
        2.83 2.75 2.70 2.65 2.61 2.59 2.57 2.55
        """,
        """
        2.87 2.78 2.73 2.67 2.63 2.60 2.58 2.56
        2.76 2.68 2.64 2.59 2.55 2.53 2.51 2.50
        2.74 2.67 2.63 2.58 2.54 2.53 2.51 2.49
        2.73 2.66 2.63 2.58 2.54 2.52 2.51 2.49
        2.73 2.66 2.63 2.58 2.55 2.53 2.51 2.50
        2.72 2.66 2.62 2.58 2.55 2.53 2.52 2.50
        2.72 2.66 2.63 2.59 2.55 2.53 2.52 2.50
        2.73 2.66 2.63 2.59 2.55 2.54 2.52 2.51
        """,
    ),
}


def critical_values(units: int, periods: int, case: str = "intercept") -> dict[str, float]:
    """Values that the statistic must be below, by level; interpolated between the tabulated sizes, the last beyond.

    Parameters
    ----------
    periods : in each unit's regression, and one more for the first lag. case : ``intercept`` or ``trend``.
    """
    by_level = {}
    for level, block in zip(LEVELS, _TABLES[case], strict=True):
        table = -np.array([[float(word) for word in line.split()] for line in block.strip().splitlines()])
        by_periods = [float(np.interp(units, SIZES, row)) for row in table]
        by_level[level] = round(float(np.interp(periods, SIZES, by_periods)), 4)
    return by_level


BOUNDS = {"intercept": (-6.19, 2.61), "trend": (-6.42, 1.70)}
"""Where the units' statistics are cut off (Pesaran 2007, p. 277), so that the mean has moments in short panels."""


@dataclass(frozen=True)
class Cips:
    """The test of one variable.

    Attributes
    ----------
    statistic : mean of the units' t statistics, each cut off at `BOUNDS`. plain : the same without the cut.
    by_unit : (N,) t statistics of the units (CADF).
    units, periods : number of units, and of periods in each unit's regression.
    lags : lagged differences in it. case : ``intercept`` or ``trend``.
    """

    statistic: float
    plain: float
    by_unit: FloatArray
    units: int
    periods: int
    lags: int
    case: str

    def summary(self, variable: str) -> UnitRoot:
        """As results have it, with the critical values and the level at which a unit root is rejected."""
        critical = critical_values(self.units, self.periods + 1, self.case)
        below = [level for level, value in critical.items() if self.statistic < value]
        return UnitRoot(
            variable=variable,
            statistic=self.statistic,
            lags=self.lags,
            case=self.case,
            units=self.units,
            periods=self.periods,
            critical_values=critical,
            rejected_at=below[0] if below else None,
        )


def cips(values: FloatArray, lags: int = 0, case: str = "intercept") -> Cips:
    """Each unit's Dickey–Fuller regression with averages over units, and the mean of its t statistics.

    ``d y[i, t] = a_i + b_i y[i, t−1] + c_i ȳ[t−1] + sum_{j=0..p} d_ij d ȳ[t−j] + sum_{j=1..p} e_ij d y[i, t−j]``, with
    a trend where asked for; the statistic of unit i is the t of b_i. The averages stand for a common factor.

    Parameters
    ----------
    values : (N, T), no figure missing. lags : p. case : ``intercept`` or ``trend``.

    Raises
    ------
    ValueError
        A figure is missing, or the panel is below `smallest` (`why_not` says so beforehand).
    """
    why = why_not(values, lags, case)
    if why is not None:
        raise ValueError(why)
    step, mean = values - lagged(values), values.mean(axis=0)
    mean_step = np.concatenate([[np.nan], np.diff(mean)])
    use = np.arange(lags + 1, values.shape[1])
    common = [np.ones(use.size), mean[use - 1], *(mean_step[use - j] for j in range(lags + 1))]
    if case == "trend":
        common.append(use / values.shape[1])
    t = np.empty(values.shape[0])
    for i in range(t.size):
        history = [values[i, use - 1], *(step[i, use - j] for j in range(1, lags + 1))]
        t[i] = _t_of_first(step[i, use], np.column_stack([*history, *common]))
    low, high = BOUNDS[case]
    return Cips(float(np.clip(t, low, high).mean()), float(t.mean()), t, t.size, use.size, lags, case)


def why_not(values: FloatArray, lags: int, case: str = "intercept") -> Reason | None:
    """Why the test does not apply, with the smallest panel that would do; None: it does."""
    units, periods = values.shape
    if not np.isfinite(values).all():
        return reason("some unit lacks a period: the test needs every figure", "needs_every_figure")
    if units < LEAST:
        message = f"{units} units: at least {LEAST}, of which averages stand for the common factor"
        return reason(message, "needs_units_for_averages", n_units=units, least=LEAST)
    least = smallest(lags, case)
    if periods < least:
        message = f"{periods} periods with {lags} lags: at least {least}"
        return reason(message, "needs_periods_for_lags", n_periods=periods, lags=lags, least=least)
    return None


def smallest(lags: int, case: str = "intercept") -> int:
    """Fewest periods: those lost to lags and the first tabulated number, or enough for one degree of freedom."""
    terms = 4 + 2 * lags + int(case == "trend")
    return lags + max(LEAST, terms + 2)


def _t_of_first(y: FloatArray, x: FloatArray) -> float:
    size = np.linalg.norm(x, axis=0)
    scaled = x / np.where(size > 0, size, 1.0)
    q, r = np.linalg.qr(scaled[:, ::-1])
    left = y - q @ (q.T @ y)
    left = left - q @ (q.T @ left)
    variance = float(left @ left) / (y.size - x.shape[1])
    # the first term stands last, so that its t is the last rotated outcome over the residuals' standard deviation
    return float(np.sign(r[-1, -1]) * (q[:, -1] @ y) / np.sqrt(variance))
