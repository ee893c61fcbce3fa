"""Driscoll–Kraay errors: robust to correlation across units and over time, for long panels only."""

from __future__ import annotations

import numpy as np

from ruralpanel.contracts.specs import InferenceSpec
from ruralpanel.estimators.absorb import group_sums
from ruralpanel.estimators.base import Design, Fit, FloatArray, Inference
from ruralpanel.inference import small_sample, validity
from ruralpanel.inference.from_covariance import inference

_SIZE = "with errors autocorrelated by .5 it rejects true hypotheses in 13 % of panels of 30 periods, in 10 % of 50"


def infer(fit: Fit, design: Design, setting: InferenceSpec, seed: int = 0) -> Inference:
    """Driscoll and Kraay (1998) errors with Bartlett weights.

    Options: ``lag`` (default: the integer part of 4 (T/100)^(2/9)), ``small_sample`` (CR1: T/(T−1)·(N−1)/(N−K), the
    default; residual_df: N/(N−K); none). Critical values: t with T − 1 degrees of freedom.

    Raises
    ------
    UserError
        Fewer than 30 periods, unless the model allows ``few_periods``; a lag not below the number of periods.
    """
    warnings = validity.need_periods(
        design,
        "Driscoll–Kraay errors",
        validity.MIN_PERIODS_DRISCOLL_KRAAY,
        "they are right for long panels only and reject true hypotheses far too often in short ones",
    )
    periods = int(np.unique(design.period_codes[fit.rows]).size)
    lag = int(setting.options.get("lag", np.floor(4 * (periods / 100) ** (2 / 9))))
    kind = str(setting.options.get("small_sample", "CR1"))
    if not 0 <= lag < periods:
        validity.stop(design, f"lag: {lag}", f"a lag from 0 to {periods - 1}", "choose a smaller lag")
    validity.need_scores(fit, design, "Driscoll–Kraay errors")
    vcov, factor = covariance(fit, design, lag, kind)
    return inference(
        fit,
        "driscoll_kraay",
        vcov,
        float(periods - 1),
        by="period",
        small_sample=f"Bartlett weights; {factor.words}",
        n_clusters=periods,
        notes=(_SIZE,) if periods < validity.LONG_PERIODS else (),
        overrides=warnings,
        extra={"lag": lag, "small_sample": kind, "critical": "t"},
    )


def covariance(fit: Fit, design: Design, lag: int, kind: str) -> tuple[FloatArray, small_sample.Factor]:
    """Covariance matrix (k, k) and the factor in it; scores are summed by period, lags go by the panel's calendar."""
    codes = design.times[design.period_codes[fit.rows]]
    sums = group_sums(fit.scores, codes - codes.min())
    meat = sums.T @ sums
    for distance in range(1, lag + 1):
        product = sums[distance:].T @ sums[:-distance]
        meat += (1.0 - distance / (lag + 1)) * (product + product.T)
    periods = int(np.unique(codes).size)
    k = small_sample.parameters(fit, design, [codes])
    factor = small_sample.driscoll_kraay_factor(kind, periods, fit.rows.size, k, len(fit.terms) + fit.n_absorbed)
    return factor.value * fit.bread @ meat @ fit.bread, factor
