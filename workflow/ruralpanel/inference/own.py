"""Errors that an estimator brings itself (generalised method of moments, maximum likelihood, mean group)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ruralpanel.contracts.specs import InferenceSpec
from ruralpanel.estimators.base import Design, Fit, Inference
from ruralpanel.inference import validity
from ruralpanel.inference.from_covariance import inference


def infer(fit: Fit, design: Design, setting: InferenceSpec, seed: int = 0) -> Inference:
    """The covariance matrix in `Fit.own_vcov`.

    Option ``critical``: normal, or t with the estimator's own degrees of freedom, else residual ones. Default: t where
    the estimator states degrees of freedom, else normal.
    """
    if fit.own_vcov is None:
        validity.stop(
            design,
            f"vcov: own with estimator {design.spec.estimator}",
            "an estimator with errors of its own",
            instead=(validity.UNIT_CLUSTERS, validity.ROBUST),
        )
    critical = str(setting.options.get("critical", "normal" if fit.own_df is None else "t"))
    df = np.inf if critical == "normal" else (fit.df_resid if fit.own_df is None else fit.own_df)
    kind = fit.own_vcov_type or "the estimator's own"
    units = int(np.unique(design.unit_codes[fit.rows]).size)
    found = inference(fit, "own", fit.own_vcov, df, small_sample=kind, n_clusters=units, extra={"critical": critical})
    if fit.own_p is not None:
        found = replace(found, p_value=fit.own_p, extra={"critical": "percentile"})
    if fit.own_interval is None:
        return found
    return replace(found, ci_low=fit.own_interval[:, 0], ci_high=fit.own_interval[:, 1])
