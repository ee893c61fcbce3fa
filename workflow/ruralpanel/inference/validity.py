"""Where each method of inference is valid; outside it stops with the reason and the smallest panel that would do."""

from __future__ import annotations

from typing import NoReturn

from ruralpanel.contracts.problems import CONFIGURATION, Problem, UserError
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

MIN_UNITS_CONLEY = 20
LARGEST_SHARE_CONLEY = 1 / 3
"""Conley errors: fewest units, and mean weight of a pair of units beyond which too little is left that is independent.
Simulated size of a nominal 5 % test at 31 provinces, electricity in two-way fixed effects, errors autocorrelated with
.94 and independent between provinces, kernel and cut-off in km: bartlett 800 5 %, 1,600 4 %; uniform 800 4 %, 1,200
(mean weight .44) 13 %, with a negative variance in every eighth sample. With CR1 and t(N − 1): 10, 14, 14 and 33 %.
"""

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
    raise UserError(Problem(CONFIGURATION, f"models.{design.spec.name}.inference", found, expected, fix))


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


def need_neighbourhoods(design: Design, units: int, share: float, cutoff_km: float) -> None:
    """Stop where units are few, or most of them within the cut-off of each other (`share`: mean weight of a pair)."""
    if units < MIN_UNITS_CONLEY:
        stop(
            design,
            f"Conley errors with {units} units",
            f"at least {MIN_UNITS_CONLEY}: they are right for many units of which most are far from each other",
            "use vcov: cluster, by: unit",
        )
    if share > LARGEST_SHARE_CONLEY:
        stop(
            design,
            f"cutoff_km: {cutoff_km:g}, with pairs of units weighing {share:.2f} on average",
            f"at most {LARGEST_SHARE_CONLEY:.2f}: beyond, too few units are taken as independent",
            "use a smaller cutoff_km, or kernel: bartlett",
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
