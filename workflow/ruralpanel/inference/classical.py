"""Classical errors: independent errors of one variance."""

from __future__ import annotations

import numpy as np

from ruralpanel.contracts.specs import InferenceSpec
from ruralpanel.estimators.base import Design, Fit, Inference
from ruralpanel.inference import validity
from ruralpanel.inference.from_covariance import inference


def infer(fit: Fit, design: Design, setting: InferenceSpec, seed: int = 0) -> Inference:
    """``s² (X'X)^-1`` with ``s² = residuals' residuals / df``, df counting every effect; t critical values.

    For comparison with published tables only: serial correlation within units makes these errors too small.
    """
    if fit.residuals.shape != fit.rows.shape or (fit.x is None and design.spec.estimator != "iv"):
        validity.stop(
            design,
            f"classical errors with estimator {design.spec.estimator}",
            "least squares or instruments, one residual per row",
            instead=(validity.OWN, validity.UNIT_CLUSTERS, validity.ROBUST),
        )
    variance = float(fit.residuals @ fit.residuals) / fit.df_resid
    repeated = np.unique(design.unit_codes[fit.rows]).size < fit.rows.size
    return inference(
        fit,
        "classical",
        variance * fit.bread,
        fit.df_resid,
        small_sample=f"residual variance with {fit.df_resid:g} degrees of freedom",
        n_clusters=fit.rows.size,
        notes=("ignores correlation within units",) if repeated else (),
        extra={"critical": "t"},
    )
