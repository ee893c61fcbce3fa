"""Cross-sectionally augmented unit-root tests of panels (Pesaran 2007)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ruralpanel.estimators.base import FloatArray
from ruralpanel.estimators.cips_critical_values import LEAST, critical_values
from ruralpanel.estimators.panel_grid import lagged

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

    def summary(self) -> dict[str, Any]:
        """Plain values, with the critical values and what follows."""
        critical = critical_values(self.units, self.periods + 1, self.case)
        below = [level for level, value in critical.items() if self.statistic < value]
        verdict = f"a unit root is rejected at {below[0]}" if below else "a unit root is not rejected at 10%"
        return {
            "statistic": self.statistic,
            "lags": self.lags,
            "case": self.case,
            "units": self.units,
            "periods": self.periods,
            "critical_values": critical,
            "verdict": verdict,
        }


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
    reason = why_not(values, lags, case)
    if reason:
        raise ValueError(reason)
    step, mean = values - lagged(values), values.mean(axis=0)
    mean_step = np.concatenate([[np.nan], np.diff(mean)])
    use = np.arange(lags + 1, values.shape[1])
    common = [np.ones(use.size), mean[use - 1], *(mean_step[use - j] for j in range(lags + 1))]
    if case == "trend":
        common.append(use / values.shape[1])
    t = np.empty(values.shape[0])
    for i in range(t.size):
        own = [values[i, use - 1], *(step[i, use - j] for j in range(1, lags + 1))]
        t[i] = _t_of_first(step[i, use], np.column_stack([*own, *common]))
    low, high = BOUNDS[case]
    return Cips(float(np.clip(t, low, high).mean()), float(t.mean()), t, t.size, use.size, lags, case)


def why_not(values: FloatArray, lags: int, case: str = "intercept") -> str:
    """Why the test does not apply, with the smallest panel that would do; empty: it does."""
    units, periods = values.shape
    if not np.isfinite(values).all():
        return "some unit lacks a period: the test needs every figure"
    if units < LEAST:
        return f"{units} units: at least {LEAST}, of which averages stand for the common factor"
    least = smallest(lags, case)
    if periods < least:
        return f"{periods} periods with {lags} lags: at least {least}"
    return ""


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
