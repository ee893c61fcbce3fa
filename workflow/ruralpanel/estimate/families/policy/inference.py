"""Inference by other sets of treated units, and the size of methods with few treated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ruralpanel.estimate.base.results import Design, Fit, FloatArray, Inference
from ruralpanel.estimate.base.rows import SettingOptions
from ruralpanel.estimate.families.policy import did, dynamics, regressions, synthetic
from ruralpanel.estimate.families.policy.cohorts import Sample, paths_of, sample_of
from ruralpanel.estimate.inference import covariance, methods, validity
from ruralpanel.estimate.inference.error_process import ErrorProcess, error_process
from ruralpanel.estimate.inference.size_kernels import LEVEL
from ruralpanel.project.kinds.estimator_keys import Did, Policy
from ruralpanel.project.kinds.inference import TreatedSets
from ruralpanel.project.notes import note
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import InferenceSpec


def infer(fit: Fit, design: Design, setting: InferenceSpec, seed: int) -> Inference:
    """p-value of the effect of a `did` model over treated sets; no errors and no intervals.

    Valid where it is as good as random which units are treated, for any number of treated units, one included; the
    smallest p-value is one over the number of sets. Two-way fixed effects are compared by t with errors clustered by
    unit, so that it also holds, in large samples, where the treated are noisier; other methods by the estimate.

    Option ``draws``: number of sets; default the model's ``draws``, else 9,999 (twfe), 999 (others). All sets are gone
    through where there are no more.

    Raises
    ------
    UserError
        Another estimator, or fewer than 20 sets, where no p-value lies below .05.
    """
    from ruralpanel.estimate.families.policy import did
    from ruralpanel.estimate.families.policy.cohorts import sample_of

    if design.spec.estimator != "did":
        validity.stop(
            design,
            f"randomisation: treatment with estimator {design.spec.estimator}",
            "estimator: did, whose treated sets can change hands",
            "use estimator: did",
            (InferenceSpec("permutation"), validity.OWN, validity.UNIT_CLUSTERS),
            reason=note("needs_did"),
        )
    options, draws = design.spec.of(Did), setting.of(TreatedSets).draws
    options = options if draws is None else options.changed(draws=draws)
    sample = sample_of(replace(design, spec=replace(design.spec, options=options), seed=seed))
    randomised = did.randomisation(sample, design.spec.method or "twfe")
    warnings = validity.need_sets(design, randomised.draws + 1)
    p, nothing = np.full(len(fit.terms), np.nan), np.full(len(fit.terms), np.nan)
    p[fit.terms.index(did.TERM)] = randomised.p_value
    sets = note("all_sets", sets=randomised.draws + 1) if randomised.enumerated else note("random_sets")
    return Inference(
        method="treatment",
        p_value=p,
        ci_low=nothing,
        ci_high=nothing,
        by="unit",
        small_sample=(sets, note(f"randomised_{randomised.statistic}"), note("p_counts_sample")),
        n_clusters=int(np.unique(sample.design.unit_codes).size),
        notes=(note("treatment_random"),),
        overrides=warnings,
        options=SettingOptions(draws=randomised.draws, enumerated=randomised.enumerated, seed=seed),
    )


Estimate = Callable[[Sample], Fit]
Simulation = Callable[
    [Sequence[InferenceSpec], Sequence[Inference | UserError], int, np.random.Generator, int],
    tuple[ErrorProcess, list[FloatArray | None]],
]
"""(settings, their results, panels, generator, seed) → the errors' process and, by setting, rejections (k, panels)."""

DRAWS = 99
"""Draws of bootstraps and permutations in each panel."""

REGRESSIONS = ("twfe", "stacked")
"""Methods whose regressors do not depend on the outcome: the kernels serve them."""


def policy_rejections(fit: Fit, design: Design) -> Simulation | None:
    """How to simulate a policy estimator, bootstraps with few draws; None for those that are one regression."""
    spec = design.spec
    method = spec.method or "twfe"
    if method in REGRESSIONS:
        return None
    again = _estimate(spec.estimator, method, spec.of(Policy).group_trends, fit)

    def simulate(
        settings: Sequence[InferenceSpec],
        inferences: Sequence[Inference | UserError],
        panels: int,
        rng: np.random.Generator,
        seed: int,
    ) -> tuple[ErrorProcess, list[FloatArray | None]]:
        short = [setting.short(DRAWS) for setting in settings]
        sample = did.plain(sample_of(design))
        regression = regressions.static(sample.design, sample.cohorts)
        process = error_process(regression, sample.design, covariance.space_of(regression, sample.design), rng)
        outcomes = np.zeros((sample.design.y.size, panels))
        outcomes[regression.rows] = process.levels(process.noise(panels, rng), process.rho)[process.lift]
        rejected: list[FloatArray | None] = [
            np.zeros((len(fit.terms), panels), dtype=bool) if again and isinstance(outcome, Inference) else None
            for outcome in inferences
        ]
        for s in range(panels if again else 0):
            assert again is not None
            one = replace(sample, design=replace(sample.design, y=outcomes[:, s]))
            fitted = again(one)
            for share, setting in zip(rejected, short, strict=True):
                if share is not None:
                    share[:, s] = methods.infer(fitted, one.design, setting, seed + s).p_value <= LEVEL
        return process, rejected

    return simulate


def _estimate(estimator: str, method: str, group_trends: bool, fit: Fit) -> Estimate | None:
    """The estimator without what stands beside the estimate; None where it takes too long to be run many times."""
    if method == "synthetic" and any(one.code == "jackknife" for one in fit.vcov_type):
        return _synthetic
    if method in ("synthetic", "synthetic_control") or group_trends:
        return None
    if estimator == "did":
        return did.METHODS[method].fit
    return lambda sample: dynamics.dynamic(sample, method).fit


def _synthetic(sample: Sample) -> Fit:
    """Synthetic difference in differences with its jackknife error."""
    y = paths_of(sample.design, sample.cohorts).y
    estimate = synthetic.estimate(y, sample.cohorts, True)
    freedom = float(y.shape[0] - 1)
    return Fit(
        terms=("treated",),
        params=np.array([estimate.estimate]),
        rows=np.arange(sample.design.y.size, dtype=np.intp),
        residuals=np.zeros(sample.design.y.size),
        bread=np.eye(1),
        scores=np.zeros((0, 1)),
        df_resid=freedom,
        vcov=np.array([[synthetic.jackknife(y, estimate)]]),
        df_t=freedom,
    )
