"""Every small-sample factor and degree of freedom that errors are computed with, in numbers and in words.

The table notes print the words. K, the number of parameters in the factors of clustered errors, counts slopes, the
constant and every effect that is not nested in the clusters; nested effects (province effects in province clusters)
count as the constant only. This is fixest's rule and Stata's for ``xtreg, fe``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ruralpanel.estimators.absorb import Absorbed
from ruralpanel.estimators.base import Design, Fit, IntArray
from ruralpanel.estimators.within import absorbed_space, root_weights

COUNTS = {
    "nonnested": "slopes, constant and effects not nested in the clusters",
    "slopes": "slopes only",
    "all": "slopes, constant and all effects",
}
"""What K counts, by the key `count`; the first is the default."""


@dataclass(frozen=True)
class Factor:
    """A number that multiplies a covariance matrix, and what it is."""

    value: float
    words: str


def space_of(fit: Fit, design: Design) -> Absorbed:
    """The effects and constant that the fit removed; rebuilt from their names where the fit does not carry them."""
    if fit.space is not None:
        return fit.space
    return absorbed_space(design, fit.absorbed, fit.rows, root_weights(design, fit.rows), constant=fit.n_absorbed > 0)


def parameters(fit: Fit, design: Design, groups: Sequence[IntArray], count: str = "nonnested") -> int:
    """K for clustered errors: see `COUNTS`. `groups` are the cluster codes of the fit's rows."""
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
        words = f"CR1: G/(G−1)·(N−1)/(N−K) with G = {clusters}, N = {n}, K = {k} ({COUNTS[count]}), factor {value:.6f}"
        return Factor(value, words)
    return Factor(
        1.0,
        {
            "CR0": "CR0: no factor",
            "CR2": "CR2: residuals of each cluster times (I − H)^(−1/2), H of the whole model with effects; no factor",
            "CR3": "CR3: residuals of each cluster times (I − H)^(−1), the delete-one-cluster jackknife around the "
            "estimate; no factor",
        }[kind],
    )


def hc_factor(kind: str, n: int, k: int) -> Factor:
    """HC0, HC2, HC3: 1; HC1: N/(N-K), K counting all effects."""
    if kind == "HC1":
        return Factor(n / (n - k), f"HC1: N/(N−K) with N = {n}, K = {k}, factor {n / (n - k):.6f}")
    return Factor(
        1.0,
        {
            "HC0": "HC0: no factor",
            "HC2": "HC2: squared residuals over (1 − h), h the leverage in the whole model with effects",
            "HC3": "HC3: squared residuals over (1 − h)², h the leverage in the whole model with effects",
        }[kind],
    )


def driscoll_kraay_factor(kind: str, periods: int, n: int, k: int, k_all: int) -> Factor:
    """none: 1 (plm); residual_df: N/(N-K) (linearmodels); CR1: T/(T-1) · (N-1)/(N-K), periods as clusters (fixest)."""
    if kind == "none":
        return Factor(1.0, "no factor")
    if kind == "residual_df":
        value = n / (n - k_all)
        return Factor(value, f"N/(N−K) with N = {n}, K = {k_all} (all effects), factor {value:.6f}")
    value = periods / (periods - 1) * (n - 1) / (n - k)
    return Factor(value, f"T/(T−1)·(N−1)/(N−K) with T = {periods}, N = {n}, K = {k}, factor {value:.6f}")
