"""Rejections of policy designs that are no single regression: the estimator is run again on every simulated panel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ruralpanel.contracts.problems import UserError
from ruralpanel.contracts.specs import InferenceSpec
from ruralpanel.estimators import did, dynamics, synthetic, twfe
from ruralpanel.estimators.base import Design, Fit, FloatArray, Inference
from ruralpanel.estimators.cohorts import Sample, paths_of, sample_of
from ruralpanel.inference import registry, small_sample
from ruralpanel.inference.error_process import ErrorProcess, error_process
from ruralpanel.inference.size_kernels import LEVEL

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
    again = _estimate(spec.estimator, method, bool(spec.options.get("group_trends", False)), fit)

    def simulate(
        settings: Sequence[InferenceSpec],
        found: Sequence[Inference | UserError],
        panels: int,
        rng: np.random.Generator,
        seed: int,
    ) -> tuple[ErrorProcess, list[FloatArray | None]]:
        short = [
            replace(setting, options={**setting.options, "draws": DRAWS, "interval": False}) for setting in settings
        ]
        sample = did.plain(sample_of(design))
        regression = twfe.static(sample.design, sample.cohorts)
        process = error_process(regression, sample.design, small_sample.space_of(regression, sample.design), rng)
        outcomes = np.zeros((sample.design.y.size, panels))
        outcomes[regression.rows] = process.levels(process.noise(panels, rng), process.rho)[process.lift]
        rejected: list[FloatArray | None] = [
            np.zeros((len(fit.terms), panels), dtype=bool) if again and isinstance(own, Inference) else None
            for own in found
        ]
        for s in range(panels if again else 0):
            assert again is not None
            one = replace(sample, design=replace(sample.design, y=outcomes[:, s]))
            fitted = again(one)
            for share, setting in zip(rejected, short, strict=True):
                if share is not None:
                    share[:, s] = registry.infer(fitted, one.design, setting, seed + s).p_value <= LEVEL
        return process, rejected

    return simulate


def _estimate(estimator: str, method: str, group_trends: bool, fit: Fit) -> Estimate | None:
    """The estimator without what stands beside the estimate; None where it takes too long to be run many times."""
    if method == "synthetic" and fit.own_vcov_type.startswith("jackknife"):
        return _synthetic
    if method in ("synthetic", "synthetic_control") or group_trends:
        return None
    if estimator == "did":
        return did.METHODS[method].fit
    return lambda sample: dynamics.dynamic(sample, method).fit


def _synthetic(sample: Sample) -> Fit:
    """Synthetic difference in differences with its jackknife error."""
    y = paths_of(sample.design, sample.cohorts).y
    found = synthetic.estimate(y, sample.cohorts, True)
    freedom = float(y.shape[0] - 1)
    return Fit(
        terms=("treated",),
        params=np.array([found.estimate]),
        rows=np.arange(sample.design.y.size, dtype=np.intp),
        residuals=np.zeros(sample.design.y.size),
        bread=np.eye(1),
        scores=np.zeros((0, 1)),
        df_resid=freedom,
        own_vcov=np.array([[synthetic.jackknife(y, found)]]),
        own_df=freedom,
    )
