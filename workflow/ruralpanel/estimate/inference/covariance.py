"""Covariances of coefficients from scores: classical and heteroskedasticity-robust, with every small-sample factor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import special

from ruralpanel.estimate.base.absorb import Absorbed
from ruralpanel.estimate.base.effects import absorbed_space, root_weights
from ruralpanel.estimate.base.results import Design, Fit, FloatArray, Inference, IntArray
from ruralpanel.estimate.base.rows import SettingOptions
from ruralpanel.estimate.inference import validity
from ruralpanel.project.effects import involving
from ruralpanel.project.kinds.inference import Own, Robust
from ruralpanel.project.notes import Note, note
from ruralpanel.project.settings import InferenceSpec

LEVEL = 0.95
"""Coverage of every interval."""


def p_values(statistic: FloatArray, df: FloatArray) -> FloatArray:
    """Two-sided p-values by t with `df` degrees of freedom; normal where `df` is infinite."""
    size = -np.abs(np.asarray(statistic, dtype=float))
    freedom = np.broadcast_to(np.asarray(df, dtype=float), size.shape)
    finite = np.isfinite(freedom)
    tails = np.where(finite, special.stdtr(np.where(finite, freedom, 1.0), size), special.ndtr(size))
    return np.asarray(2.0 * tails)


def critical_values(df: FloatArray, level: float = LEVEL) -> FloatArray:
    """Two-sided critical values of t with `df` degrees of freedom; normal where `df` is infinite."""
    return quantile(df, 0.5 + level / 2)


def quantile(df: FloatArray, probability: float) -> FloatArray:
    """Quantile of t with `df` degrees of freedom; normal where `df` is infinite."""
    freedom = np.asarray(df, dtype=float)
    finite = np.isfinite(freedom)
    t = special.stdtrit(np.where(finite, freedom, 1.0), probability)
    return np.asarray(np.where(finite, t, special.ndtri(probability)))


def inference(fit: Fit, method: str, vcov: FloatArray, df: FloatArray | float, **fields: Any) -> Inference:
    """`Inference` with t statistics and intervals; `df` is a number or one per term, `fields` go through."""
    freedom = np.broadcast_to(np.asarray(df, dtype=float), fit.params.shape).copy()
    error = np.sqrt(np.diag(vcov))
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = fit.params / error
    reach = critical_values(freedom) * error
    return Inference(
        method=method,
        p_value=p_values(statistic, freedom),
        ci_low=fit.params - reach,
        ci_high=fit.params + reach,
        std_error=error,
        statistic=statistic,
        df=freedom,
        vcov=vcov,
        **fields,
    )


@dataclass(frozen=True)
class Factor:
    """A number that multiplies a covariance matrix, and how it is formed."""

    value: float
    note: Note


def space_of(fit: Fit, design: Design) -> Absorbed:
    """The effects and constant that the fit removed; rebuilt from their names where the fit does not carry them."""
    if fit.space is not None:
        return fit.space
    return absorbed_space(design, fit.absorbed, fit.rows, root_weights(design, fit.rows), constant=fit.n_absorbed > 0)


def parameters(fit: Fit, design: Design, groups: Sequence[IntArray], count: str = "nonnested") -> int:
    """K for clustered errors.

    Parameters
    ----------
    groups : the cluster codes of the fit's rows.
    count : what K counts: slopes with the constant and the effects that are not nested in the clusters (``nonnested``),
        slopes alone (``slopes``), or slopes with the constant and all effects (``all``).
    """
    slopes = len(fit.terms) if fit.n_slopes is None else fit.n_slopes
    if count == "slopes":
        return slopes
    if count == "all":
        return slopes + fit.n_absorbed
    return slopes + space_of(fit, design).rank_outside(groups)


def cluster_factor(kind: str, clusters: int, n: int, k: int, count: str = "nonnested") -> Factor:
    """CR0: 1; CR1: G/(G-1) · (N-1)/(N-K); CR2 and CR3 carry their correction in the residuals: 1."""
    if kind == "CR1":
        value = clusters / (clusters - 1) * (n - 1) / (n - k)
        return Factor(value, note("CR1", G=clusters, N=n, K=k, counted=count, factor=value))
    return Factor(1.0, note(kind))


def hc_factor(kind: str, n: int, k: int) -> Factor:
    """HC0, HC2, HC3: 1; HC1: N/(N-K), K counting all effects."""
    if kind == "HC1":
        return Factor(n / (n - k), note("HC1", N=n, K=k, factor=n / (n - k)))
    return Factor(1.0, note(kind))


def driscoll_kraay_factor(kind: str, periods: int, n: int, k: int, k_all: int) -> Factor:
    """none: 1 (plm); residual_df: N/(N-K) (linearmodels); CR1: T/(T-1) · (N-1)/(N-K), periods as clusters (fixest)."""
    if kind == "none":
        return Factor(1.0, note("no_factor"))
    if kind == "residual_df":
        value = n / (n - k_all)
        return Factor(value, note("residual_df", N=n, K=k_all, factor=value))
    value = periods / (periods - 1) * (n - 1) / (n - k)
    return Factor(value, note("CR1_periods", T=periods, N=n, K=k, factor=value))


def infer_classical(fit: Fit, design: Design, setting: InferenceSpec, seed: int = 0) -> Inference:
    """``s² (X'X)^-1`` with ``s² = residuals' residuals / df``, df counting every effect; t critical values.

    For comparison with published tables only: serial correlation within units makes these errors too small.
    """
    if fit.residuals.shape != fit.rows.shape or (fit.x is None and not design.extra.endogenous):
        validity.stop(
            design,
            f"classical errors with estimator {design.spec.estimator}",
            "least squares or instruments, one residual per row",
            reason=note("needs_least_squares_or_instruments"),
            instead=(validity.OWN, validity.UNIT_CLUSTERS, validity.ROBUST),
        )
    variance = float(fit.residuals @ fit.residuals) / fit.df_resid
    repeated = np.unique(design.unit_codes[fit.rows]).size < fit.rows.size
    return inference(
        fit,
        "classical",
        variance * fit.bread,
        fit.df_resid,
        small_sample=(note("residual_variance", df=fit.df_resid),),
        n_clusters=fit.rows.size,
        notes=(note("ignores_correlation"),) if repeated else (),
        options=SettingOptions(critical="t"),
    )


def infer_hc(fit: Fit, design: Design, setting: InferenceSpec, seed: int = 0) -> Inference:
    """Errors robust to heteroskedasticity.

    Options: ``kind`` (HC0, HC1, HC2, HC3; default HC3), ``critical`` (t with the residual degrees of freedom, or
    normal).

    Raises
    ------
    UserError
        Unit effects with more than two periods, where these errors are inconsistent (Stock and Watson 2008); normal
        critical values with fewer than 50 observations; HC2 or HC3 where the fit carries no transformed regressors.
    """
    options = setting.of(Robust)
    kind, critical = options.kind, options.critical
    n = fit.rows.size
    validity.need_scores(fit, design, f"{kind} errors")
    warnings: tuple[Note, ...] = ()
    if involving("unit", fit.absorbed) and np.bincount(design.unit_codes[fit.rows]).max() > 2:
        warnings += validity.need_no_unit_effects(design, kind)
    if critical == "normal":
        warnings += validity.need_clusters(design, "normal critical values", "normal", n, "with fewer, t is needed")
    factor = hc_factor(kind, n, len(fit.terms) + fit.n_absorbed)
    scores = fit.scores
    if kind in ("HC2", "HC3"):
        if fit.x is None:
            others = (validity.ROBUST, validity.OWN, validity.UNIT_CLUSTERS)
            validity.stop(
                design, kind, "an estimator that is least squares", instead=others, reason=note("needs_least_squares")
            )
        keep = 1.0 - leverages(fit, design)
        free = keep > 1e-9
        scores = np.where(free[:, None], scores, 0.0) / np.where(free, keep, 1.0)[:, None] ** (
            0.5 if kind == "HC2" else 1.0
        )
    vcov = factor.value * fit.bread @ (scores.T @ scores) @ fit.bread
    notes: tuple[Note, ...] = ()
    if np.unique(design.unit_codes[fit.rows]).size < n:
        notes = (note("rows_independent"),)
    return inference(
        fit,
        "hc",
        vcov,
        np.inf if critical == "normal" else fit.df_resid,
        by="row",
        small_sample=(factor.note,),
        n_clusters=n,
        notes=notes,
        overrides=warnings,
        options=SettingOptions(kind=kind, critical=critical),
    )


def leverages(fit: Fit, design: Design) -> FloatArray:
    """Diagonal (m,) of the hat matrix of the whole model, effects and constant included."""
    assert fit.x is not None
    slopes = np.einsum("ij,jk,ik->i", fit.x, fit.bread, fit.x)
    return np.asarray(slopes + space_of(fit, design).leverage())


def infer_own(fit: Fit, design: Design, setting: InferenceSpec, seed: int = 0) -> Inference:
    """The covariance matrix in `Fit.vcov`.

    Option ``critical``: normal, or t with the estimator's own degrees of freedom, else residual ones. Default: t where
    the estimator states degrees of freedom, else normal.
    """
    if fit.vcov is None:
        validity.stop(
            design,
            f"vcov: own with estimator {design.spec.estimator}",
            "an estimator with errors of its own",
            reason=note("needs_own_errors"),
            instead=(validity.UNIT_CLUSTERS, validity.ROBUST),
        )
    critical = setting.of(Own).critical or ("normal" if fit.df_t is None else "t")
    df = np.inf if critical == "normal" else (fit.df_resid if fit.df_t is None else fit.df_t)
    kind = fit.vcov_type or (note("own_errors"),)
    units = int(np.unique(design.unit_codes[fit.rows]).size)
    result = inference(
        fit, "own", fit.vcov, df, small_sample=kind, n_clusters=units, options=SettingOptions(critical=critical)
    )
    if fit.p_value is not None:
        result = replace(result, p_value=fit.p_value, options=SettingOptions(critical="percentile"))
    if fit.conf_int is None:
        return result
    return replace(result, ci_low=fit.conf_int[:, 0], ci_high=fit.conf_int[:, 1])
