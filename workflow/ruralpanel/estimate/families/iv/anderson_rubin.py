"""Anderson–Rubin tests and confidence sets: right however weak the instruments are.

The test of ``beta = b`` asks whether the instruments explain ``y - d b``. The set of values that it does not reject can
be an interval, two rays, everything or nothing: each is said as it is, never replaced by an interval.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from ruralpanel.estimate.base.results import FloatArray
from ruralpanel.estimate.base.rows import ConfidenceSet, Test
from ruralpanel.estimate.families.iv.system import Errors, System
from ruralpanel.project.notes import Note, note

LEVEL = 0.95

Interval = tuple[float, float]


@dataclass(frozen=True)
class Statistic:
    """The Wald statistic of the instruments in the regression of ``y - d b`` on them, as a function of one b.

    ``g(b)' V(b)^-1 g(b)`` with ``g(b) = g0 - b g1`` and ``V(b) = v0 - b v1 + b² v2``.
    """

    g0: FloatArray
    g1: FloatArray
    v0: FloatArray
    v1: FloatArray
    v2: FloatArray

    def at(self, b: float) -> float:
        """The statistic at b; for infinite b its limit, the first stage's Wald statistic."""
        if not np.isfinite(b):
            return float(self.g1 @ np.linalg.solve(self.v2, self.g1))
        g = self.g0 - b * self.g1
        return float(g @ np.linalg.solve(self.v0 - b * self.v1 + b * b * self.v2, g))


def statistic(system: System, errors: Errors) -> Statistic:
    """The statistic of a model with one endogenous regressor."""
    q, d = system.basis, system.d_net[:, 0]
    slopes = system.w.shape[1] + q.shape[1]
    left = [column - q @ (q.T @ column) for column in (system.y_net, d)]
    cross = [[errors.cross(q, a, b, slopes) for b in left] for a in left]
    return Statistic(
        q.T @ system.y_net, q.T @ d, cross[0][0], cross[0][1] + cross[1][0], cross[1][1]
    )  # fmt: skip


def test_zero(system: System, errors: Errors) -> Test:
    """Test that the coefficients of all endogenous regressors are zero."""
    q = system.basis
    slopes = system.w.shape[1] + q.shape[1]
    if q.shape[1] > errors.most():
        return Test.none("more_instruments_than_clusters", instruments=q.shape[1], clusters=errors.clusters)
    g = q.T @ system.y_net
    left = system.y_net - q @ g
    wald = float(g @ np.linalg.solve(errors.cross(q, left, left, slopes), g))
    return errors.test(wald, q.shape[1], slopes, note("reduced_form", errors=errors.note))


def confidence_set(statistic: Statistic, critical: float, center: float, scale: float) -> tuple[Interval, ...]:
    """All b whose statistic is at most `critical`, as disjoint intervals in order; infinite where unbounded.

    The ends are the real roots of ``det [[V(b), g(b)], [g(b)', critical]]``, which has the sign of `critical` less the
    statistic: eigenvalues of a companion pencil, no grid.

    Parameters
    ----------
    center, scale : where b is measured from and in what units, for numerical stability only.
    """
    size = statistic.g0.size
    shift = Statistic(
        statistic.g0 - center * statistic.g1,
        scale * statistic.g1,
        statistic.v0 - center * statistic.v1 + center**2 * statistic.v2,
        scale * (statistic.v1 - 2.0 * center * statistic.v2),
        scale**2 * statistic.v2,
    )
    border = np.zeros((3, size + 1, size + 1))
    border[0, :size, :size], border[1, :size, :size], border[2, :size, :size] = shift.v0, -shift.v1, shift.v2
    border[0, :size, size] = border[0, size, :size] = shift.g0
    border[1, :size, size] = border[1, size, :size] = -shift.g1
    border[0, size, size] = critical
    identity, nothing = np.eye(size + 1), np.zeros((size + 1, size + 1))
    left = np.block([[nothing, identity], [-border[0], -border[1]]])
    right = np.block([[identity, nothing], [nothing, border[2]]])
    alpha, beta = linalg.eig(left, right, right=False, homogeneous_eigvals=True)
    usable = np.abs(beta) > 1e-12 * np.abs(alpha)
    values = alpha[usable] / beta[usable]
    roots = values.real[np.abs(values.imag) <= 1e-6 * (1.0 + np.abs(values.real))]
    inside = pieces(np.sort(roots), lambda t: shift.at(t) <= critical)
    return tuple((center + scale * low, center + scale * high) for low, high in inside)


def pieces(cuts: Sequence[float] | FloatArray, inside: Callable[[float], bool]) -> tuple[Interval, ...]:
    """Disjoint intervals in which `inside` holds, when it can only change at `cuts` (sorted)."""
    ends = [-np.inf, *(float(cut) for cut in cuts), np.inf]
    intervals: list[Interval] = []
    for low, high in itertools.pairwise(ends):
        if low == high or not inside(_within(low, high)):
            continue
        if intervals and intervals[-1][1] == low:
            intervals[-1] = (intervals[-1][0], high)
        else:
            intervals.append((low, high))
    return tuple(intervals)


def _within(low: float, high: float) -> float:
    if np.isinf(low) and np.isinf(high):
        return 0.0
    if np.isinf(low):
        return high - 1.0 - abs(high)
    return low + 1.0 + abs(low) if np.isinf(high) else 0.5 * (low + high)


def shape(intervals: Sequence[Interval]) -> str:
    """``empty``, ``all``, ``interval``, ``two_rays``, ``ray`` or, for anything else, ``union``."""
    if not intervals:
        return "empty"
    open_low, open_high = np.isinf(intervals[0][0]), np.isinf(intervals[-1][1])
    if len(intervals) == 1:
        return "all" if open_low and open_high else "ray" if open_low or open_high else "interval"
    return "two_rays" if len(intervals) == 2 and open_low and open_high else "union"


def described(
    intervals: Sequence[Interval],
    term: str = "",
    level: float | None = None,
    errors: Note | None = None,
    p_value: float | None = None,
) -> ConfidenceSet:
    """A set, whose limits may be infinite, with its `shape`."""
    pairs = tuple((float(low), float(high)) for low, high in intervals)
    return ConfidenceSet(p_value, term, level, errors, shape(intervals), pairs)
