"""What a two-way effect of a policy is a mean of: all comparisons of two groups with different dates."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ruralpanel.estimate.base.results import Design, FloatArray
from ruralpanel.estimate.families.policy.cohorts import Cohorts, paths_of


@dataclass(frozen=True)
class Comparison:
    """A difference in differences between two groups of units that each move together.

    Attributes
    ----------
    kind : ``untreated``: against units that are never treated; ``earlier``: against units treated later, until these
        are; ``later``: against units treated earlier, from then on.
    treated, control : first treated periods of the two groups; None: never.
    weight : share in the two-way effect; all weights add up to one.
    """

    kind: str
    treated: int
    control: int | None
    n_treated: int
    n_control: int
    weight: float
    estimate: float


def report(design: Design, cohorts: Cohorts, trends: bool) -> dict[str, Any]:
    """``comparisons`` and the ``estimate`` that they add up to; or ``beside``, what makes the effect another mean.

    The two-way effect is no mean of these comparisons with ``controls`` (steps of definition breaks count),
    ``weights``, ``group_trends`` or ``gaps``.
    """
    full = np.unique(design.unit_codes).size * len(design.periods)
    beside = {
        "controls": design.x.shape[1] > 0,
        "weights": design.weights is not None,
        "group_trends": trends,
        "gaps": design.y.size < full,
    }
    if any(beside.values()):
        return {"beside": [name for name, present in beside.items() if present]}
    pairs = comparisons(design, cohorts)
    estimate = sum(one.weight * one.estimate for one in pairs)
    return {"comparisons": [asdict(one) for one in pairs], "estimate": float(estimate)}


def comparisons(design: Design, cohorts: Cohorts) -> tuple[Comparison, ...]:
    """All comparisons of a balanced panel without controls and weights (Goodman-Bacon 2021, theorem 1).

    A pair weighs the square of its rows times the variance of treatment in it, net of its own units and periods.
    """
    y, periods = paths_of(design, cohorts).y, cohorts.periods.size
    never = periods
    groups = {start: np.flatnonzero(cohorts.start == start) for start in (*cohorts.starts, never)}
    means = {start: y[members].mean(axis=0) for start, members in groups.items() if members.size}
    pairs: list[tuple[str, int, int, float, float]] = []
    for i, earlier in enumerate(cohorts.starts):
        if never in means:
            window = (0, earlier, never)
            pairs.append(("untreated", earlier, never, *_pair(means, groups, earlier, never, window)))
        for later in cohorts.starts[i + 1 :]:
            pairs.append(("earlier", earlier, later, *_pair(means, groups, earlier, later, (0, earlier, later))))
            pairs.append(("later", later, earlier, *_pair(means, groups, later, earlier, (earlier, later, never))))
    total = sum(variance for *_, variance in pairs)
    return tuple(
        Comparison(
            kind=kind,
            treated=cohorts.date(treated),
            control=None if other == never else cohorts.date(other),
            n_treated=int(groups[treated].size),
            n_control=int(groups[other].size),
            weight=variance / total,
            estimate=estimate,
        )
        for kind, treated, other, estimate, variance in pairs
    )


def _pair(
    means: dict[int, FloatArray],
    groups: dict[int, np.ndarray[Any, Any]],
    treated: int,
    other: int,
    window: tuple[int, int, int],
) -> tuple[float, float]:
    """The pair's estimate, and its rows squared times the variance of treatment in them.

    `window`: first period, first treated period and end.
    """
    first, start, end = window
    gap = means[treated] - means[other]
    estimate = float(gap[start:end].mean() - gap[first:start].mean())
    return estimate, float(groups[treated].size * groups[other].size * (start - first) * (end - start))
