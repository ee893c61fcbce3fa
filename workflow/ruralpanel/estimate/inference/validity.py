"""The range in which each method of inference is valid, and the streams of its random numbers."""

from __future__ import annotations

import hashlib
from typing import NoReturn

import numpy as np

from ruralpanel.estimate.base.results import Design, Fit
from ruralpanel.project.kinds.inference import Cluster, Robust
from ruralpanel.project.notes import Note, note
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError
from ruralpanel.project.settings import InferenceSpec

OWN = InferenceSpec("own")
UNIT_CLUSTERS = InferenceSpec("cluster", Cluster(by="unit", small_sample="CR1", critical="t"))
ROBUST = InferenceSpec("hc", Robust(kind="HC1", critical="t"))
"""Settings that are advised where another does not apply."""

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


class Refused(UserError):
    """A method that does not apply; `instead` are settings to advise, of which those that are refused too drop out."""

    def __init__(self, problem: Problem, instead: tuple[InferenceSpec, ...]) -> None:
        super().__init__(problem)
        self.instead = instead


def stop(
    design: Design,
    found: str,
    expected: str,
    fix: str = "",
    instead: tuple[InferenceSpec, ...] = (),
    where: str = "inference",
    reason: Note | None = None,
) -> NoReturn:
    """Raise about the model's inference: `Refused` where other settings are advised, else `UserError`.

    `reason`: what the model's results say where it goes on without this setting.
    """
    problem = Problem(CONFIGURATION, f"models.{design.spec.name}.{where}", found, expected, fix, reason)
    if instead:
        raise Refused(problem, instead)
    raise UserError(problem)


def refuse(
    design: Design,
    name: str,
    found: str,
    expected: str,
    fix: str = "",
    instead: tuple[InferenceSpec, ...] = (),
    where: str = "inference",
    *,
    reason: Note,
) -> tuple[Note, ...]:
    """Stop, unless the model's ``allow`` names the refusal: then the warning that goes with every number."""
    if name in design.spec.allow:
        return (override(name, reason),)
    advice = "; ".join(part for part in (fix, allowing(name)) if part)
    stop(design, found, expected, advice, instead, where, reason)


def override(name: str, reason: Note) -> Note:
    """What is printed where the refusal `name` was overridden."""
    return note("override", allow=name, reason=reason)


def allowing(name: str) -> str:
    """The advice that names the override."""
    return f"to replicate a published table write allow: [{name}] in the model, which is printed with its numbers"


def need_clusters(design: Design, method: str, key: str, clusters: int, why: str) -> tuple[Note, ...]:
    """Stop where `clusters` is below the method's least number, unless the model allows it.

    Parameters
    ----------
    method : as the user reads it. key : in `MIN_CLUSTERS`. why : fewer will not do.

    Returns
    -------
    The override's warning, if any.
    """
    least = MIN_CLUSTERS[key]
    if clusters >= least:
        return ()
    found, expected = f"{method} with {clusters} clusters", f"at least {least} clusters: {why}"
    fix = f"use a panel with {least} clusters or more"
    reason = note("needs_clusters", clusters=clusters, least=least)
    if clusters < 2:
        stop(design, found, expected, fix, reason=reason)
    name = "normal_critical_values" if key == "normal" else "few_clusters"
    return refuse(design, name, found, expected, fix, reason=reason)


def need_periods(design: Design, method: str, least: int, why: str) -> tuple[Note, ...]:
    """Stop where the design has fewer periods than the method needs, unless the model allows it."""
    periods = len(set(design.period_codes.tolist()))
    if periods >= least:
        return ()
    return refuse(
        design,
        "few_periods",
        f"{method} with {periods} periods",
        f"at least {least} periods: {why}",
        f"use a panel of {least} periods or more",
        (UNIT_CLUSTERS,),
        reason=note("needs_periods", n_periods=periods, least=least),
    )


def need_neighbourhoods(design: Design, units: int, share: float, cutoff_km: float) -> tuple[Note, ...]:
    """Stop where units are few, or most of them within the cut-off of each other (`share`: mean weight of a pair)."""
    warnings: tuple[Note, ...] = ()
    if units < MIN_UNITS_CONLEY:
        warnings += refuse(
            design,
            "few_units",
            f"Conley errors with {units} units",
            f"at least {MIN_UNITS_CONLEY}: they are right for many units of which most are far from each other",
            instead=(UNIT_CLUSTERS,),
            reason=note("needs_units", n_units=units, least=MIN_UNITS_CONLEY),
        )
    if share > LARGEST_SHARE_CONLEY:
        warnings += refuse(
            design,
            "wide_cutoff",
            f"cutoff_km: {cutoff_km:g}, with pairs of units weighing {share:.2f} on average",
            f"at most {LARGEST_SHARE_CONLEY:.2f}: beyond, too few units are taken as independent",
            "use a smaller cutoff_km, or kernel: bartlett",
            reason=note("wide_cutoff", km=cutoff_km, weight=share, most=LARGEST_SHARE_CONLEY),
        )
    return warnings


def need_no_unit_effects(design: Design, errors: str, fix: str = "") -> tuple[Note, ...]:
    """Stop, unless allowed: errors that take the rows of a unit as independent, with unit effects."""
    return refuse(
        design,
        "independent_rows",
        f"{errors} with unit effects and more than two periods",
        "a cross-section or at most two periods: these errors are inconsistent there (Stock and Watson 2008)",
        fix,
        (UNIT_CLUSTERS,),
        reason=note("rows_of_units_not_independent"),
    )


def need_sets(design: Design, sets: int) -> tuple[Note, ...]:
    """Stop where so few treated sets exist that every p-value is above .05, unless the model allows it."""
    if sets >= LEAST_SETS:
        return ()
    return refuse(
        design,
        "few_sets",
        f"randomisation over {sets} treated sets",
        f"at least {LEAST_SETS} sets, such as one treated unit of {LEAST_SETS} or three of seven",
        "use a panel with more units",
        reason=note("needs_sets", sets=sets, least=LEAST_SETS),
    )


def need_scores(fit: Fit, design: Design, errors: str, whole_units: bool = False) -> None:
    """Stop where the estimator has not one score per row and term, or, but for `whole_units`, one per unit alone."""
    others = (OWN, UNIT_CLUSTERS, ROBUST)
    if fit.scores.shape != (fit.rows.size, len(fit.terms)):
        stop(design, errors, "an estimator with one score per row", instead=others, reason=note("needs_scores"))
    if not fit.residuals.any() and not fit.scores.any():
        expected = "an estimator with residuals, and a fit that leaves some"
        stop(design, errors, expected, instead=(OWN,), reason=note("needs_residuals"))
    units = design.unit_codes[fit.rows]
    alike = np.all(fit.scores[1:] == fit.scores[:-1], axis=1)[units[1:] == units[:-1]]
    if not whole_units and fit.x is None and alike.size and alike.all():
        expected = "an estimator with a score for each row, not each unit"
        stop(design, errors, expected, instead=others, reason=note("needs_scores_of_rows"))


def generator(seed: int, *labels: str) -> np.random.Generator:
    """A generator for `seed` and the labels (model, method, term): the same in every process and on every machine."""
    words = [int(seed) & 0xFFFFFFFF, int(seed) >> 32 & 0xFFFFFFFF]
    for label in labels:
        digest = hashlib.sha256(label.encode()).digest()
        words += [int.from_bytes(digest[i : i + 4], "little") for i in range(0, 16, 4)]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(words)))
