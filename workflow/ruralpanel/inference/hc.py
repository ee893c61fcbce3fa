"""Heteroskedasticity-robust errors HC0 to HC3 for cross-sections and pooled models."""

from __future__ import annotations

import numpy as np

from ruralpanel.contracts.specs import InferenceSpec
from ruralpanel.estimators.base import Design, Fit, FloatArray, Inference
from ruralpanel.inference import small_sample, validity
from ruralpanel.inference.from_covariance import inference


def infer(fit: Fit, design: Design, setting: InferenceSpec, seed: int = 0) -> Inference:
    """Errors robust to heteroskedasticity.

    Options: ``kind`` (HC0, HC1, HC2, HC3; default HC3), ``critical`` (t with the residual degrees of freedom, or
    normal).

    Raises
    ------
    UserError
        Unit effects with more than two periods, where these errors are inconsistent (Stock and Watson 2008); normal
        critical values with fewer than 50 observations; HC2 or HC3 where the fit carries no transformed regressors.
    """
    kind = str(setting.options.get("kind", "HC3"))
    critical = str(setting.options.get("critical", "t"))
    n = fit.rows.size
    validity.need_scores(fit, design, f"{kind} errors")
    warnings: tuple[str, ...] = ()
    if "unit" in fit.absorbed and np.bincount(design.unit_codes[fit.rows]).max() > 2:
        warnings += validity.need_no_unit_effects(design, kind)
    if critical == "normal":
        warnings += validity.need_clusters(design, "normal critical values", "normal", n, "with fewer, t is needed")
    factor = small_sample.hc_factor(kind, n, len(fit.terms) + fit.n_absorbed)
    scores = fit.scores
    if kind in ("HC2", "HC3"):
        if fit.x is None:
            others = (validity.ROBUST, validity.OWN, validity.UNIT_CLUSTERS)
            validity.stop(design, kind, "an estimator that is least squares", instead=others)
        keep = 1.0 - leverages(fit, design)
        free = keep > 1e-9
        scores = np.where(free[:, None], scores, 0.0) / np.where(free, keep, 1.0)[:, None] ** (
            0.5 if kind == "HC2" else 1.0
        )
    vcov = factor.value * fit.bread @ (scores.T @ scores) @ fit.bread
    notes: tuple[str, ...] = ()
    if np.unique(design.unit_codes[fit.rows]).size < n:
        notes = ("rows of one unit are taken as independent",)
    return inference(
        fit,
        "hc",
        vcov,
        np.inf if critical == "normal" else fit.df_resid,
        by="row",
        small_sample=factor.words,
        n_clusters=n,
        notes=notes,
        overrides=warnings,
        extra={"kind": kind, "critical": critical},
    )


def leverages(fit: Fit, design: Design) -> FloatArray:
    """Diagonal (m,) of the hat matrix of the whole model, effects and constant included."""
    assert fit.x is not None
    own = np.einsum("ij,jk,ik->i", fit.x, fit.bread, fit.x)
    return np.asarray(own + small_sample.space_of(fit, design).leverage())
