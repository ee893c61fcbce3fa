"""Where each method of inference is valid; outside it stops with the reason and the smallest panel that would do."""

from __future__ import annotations

from typing import NoReturn

from ruralpanel.contracts.problems import Problem, UserError
from ruralpanel.estimators.base import Design

MIN_CLUSTERS = {
    "CR0": 40,
    "CR1": 10,
    "CR2": 6,
    "CR3": 8,
    "normal": 50,
    "rademacher": 6,
    "mammen": 12,
    "webb": 5,
    "permutation": 7,
}
"""Fewest clusters (for permutation: units). Rademacher: with 5 clusters the smallest p-value is 2/32 > .05;
permutation: 7! orders; without a factor or with normal critical values tests reject too often below about 40 or 50
(Cameron and Miller 2015)."""

FEW_CLUSTERS = 30
"""Below this a note says that CR1 with t(G - 1) may reject too often."""

LEAST_SETS = 20
"""Treated sets below which the smallest p-value is above .05."""

MIN_PERIODS_DRISCOLL_KRAAY = 30
"""Driscoll–Kraay errors are consistent in the number of periods. Simulated size of a nominal 5 % test, 31 units, both
effects, regressor and error autocorrelated with .5, default lag and factor: 7 periods 17 to 21 %, 17: 16 to 18 %,
30: 13 %, 50: 10 %."""

LONG_PERIODS = 100
"""Below this a note states Driscoll–Kraay's simulated size."""


def stop(design: Design, found: str, expected: str, fix: str) -> NoReturn:
    """Raise `UserError` about the model's inference."""
    raise UserError(Problem("config.yaml", f"models.{design.spec.name}.inference", found, expected, fix))


def need_clusters(design: Design, method: str, key: str, clusters: int, reason: str) -> None:
    """Stop where `clusters` is below the method's least number.

    Parameters
    ----------
    method : as the user reads it. key : in `MIN_CLUSTERS`. reason : why fewer will not do.
    """
    least = MIN_CLUSTERS[key]
    if clusters < least:
        stop(
            design,
            f"{method} with {clusters} clusters",
            f"at least {least} clusters: {reason}",
            f"use a panel with {least} clusters or more, or another method",
        )


def need_periods(design: Design, method: str, least: int, reason: str) -> None:
    """Stop where the design has fewer periods than the method needs."""
    periods = len(set(design.period_codes.tolist()))
    if periods < least:
        stop(
            design,
            f"{method} with {periods} periods",
            f"at least {least} periods: {reason}",
            f"use a panel of {least} periods or more, or vcov: cluster",
        )


def need_sets(design: Design, sets: int) -> None:
    """Stop where so few treated sets exist that every p-value is above .05."""
    if sets < LEAST_SETS:
        stop(
            design,
            f"randomisation over {sets} treated sets",
            f"at least {LEAST_SETS} sets, such as one treated unit of {LEAST_SETS} or three of seven",
            "use a panel with more units",
        )
