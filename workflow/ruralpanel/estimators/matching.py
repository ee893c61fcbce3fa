"""Comparison units that moved like the treated before treatment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ruralpanel.contracts.problems import CONFIGURATION, Problem, UserError
from ruralpanel.estimators.base import FloatArray, IntArray
from ruralpanel.estimators.cohorts import Paths

NEAREST = 3
"""Comparison units for each treated unit, taken with replacement."""


@dataclass(frozen=True)
class Matches:
    """For each treated unit of a cohort its nearest comparison units.

    Attributes
    ----------
    own : (m,) treated units. nearest : (m, k) units, nearest first. distance : (m, k).
    """

    own: IntArray
    nearest: IntArray
    distance: FloatArray

    def weights(self, others: IntArray) -> FloatArray:
        """How often each of `others` is matched, over k: its weight beside treated units of weight one."""
        counts = np.bincount(self.nearest.ravel(), minlength=int(others.max()) + 1)
        return np.asarray(counts[others] / self.nearest.shape[1])


def match(paths: Paths, start: int, own: IntArray, others: IntArray, where: str, k: int = NEAREST) -> Matches:
    """The `k` units whose path before position `start` is nearest to each treated unit's.

    Paths are taken less their own mean over these periods: unit effects take the levels, what matters is the movement.
    Distance: root mean square over the periods that both have. Controls enter by their means over these periods, each
    in standard deviations between units, times the paths' own spread. Ties go to the unit listed first.

    Raises
    ------
    UserError
        Fewer than two periods before treatment: there is no movement to match.
    """
    if start < 2:
        raise UserError(
            Problem(
                CONFIGURATION,
                f"{where}.method",
                f"matched with {start} period before treatment",
                "at least 2 periods before treatment, whose changes are matched",
                "use method: twfe",
            )
        )
    before = paths.y[:, :start]
    moves = before - np.nanmean(before, axis=1, keepdims=True)
    spread = float(np.nanstd(moves)) or 1.0
    gaps = moves[own][:, None, :] - moves[others][None, :, :]
    square = np.nanmean(gaps**2, axis=2)
    if paths.x.shape[2]:
        means = np.nanmean(paths.x[:, :start], axis=1)
        scaled = spread * means / np.where(means.std(axis=0) > 0, means.std(axis=0), 1.0)
        square = square + ((scaled[own][:, None, :] - scaled[others][None, :, :]) ** 2).sum(axis=2)
    distance = np.sqrt(square)
    order = np.argsort(distance, axis=1, kind="stable")[:, : min(k, others.size)]
    return Matches(own, others[order], np.take_along_axis(distance, order, axis=1))
