"""Romano–Wolf: p-values of several hypotheses at once, from draws of units that all of them share.

Hypotheses may come from different models, samples and panels. Every unit has one random sign per draw, the same in all
of them, so that the drawn t statistics depend on each other as the estimates do. Stepping down compares each statistic
with the largest drawn one among those not yet rejected (Romano and Wolf 2005, 2016).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ruralpanel.estimate.base.groups import group_sums
from ruralpanel.estimate.base.results import Design, Fit, FloatArray
from ruralpanel.estimate.inference import validity
from ruralpanel.estimate.inference.cluster import cluster_codes
from ruralpanel.estimate.inference.wild_kernel import TIE, combination, draw_weights


@dataclass(frozen=True)
class Statistic:
    """A t statistic and its draws under the null of no effect; `method` says how they were made."""

    value: float
    draws: FloatArray
    method: str
    n_units: int


@dataclass(frozen=True)
class Adjusted:
    """p-values (h,) of the hypotheses.

    Attributes
    ----------
    unadjusted : of each alone. stepped : by stepping down the largest |t| (Romano and Wolf 2005).
    balanced : by stepping down the smallest p-value of the same draws, so that a hypothesis whose t has heavy tails
        does not decide for the others (Romano and Wolf 2010; Westfall and Young 1993). holm : after Holm.
    """

    unadjusted: FloatArray
    stepped: FloatArray
    balanced: FloatArray
    holm: FloatArray


def shared_weights(units: Sequence[str], draws: int, rng: np.random.Generator, kind: str = "rademacher") -> FloatArray:
    """(units, draws) weights, one row for each unit that occurs in any model."""
    return draw_weights(kind, len(units), draws, rng)


def is_least_squares(fit: Fit) -> bool:
    """Whether the wild bootstrap with the null imposed applies: least squares on rows."""
    if fit.x is None or fit.y is None or fit.residuals.shape != fit.y.shape:
        return False
    gap = float(np.max(np.abs(fit.y - fit.x @ fit.params - fit.residuals), initial=0.0))
    return gap <= 1e-8 * float(np.max(np.abs(fit.y), initial=0.0))


def has_scores(fit: Fit) -> bool:
    """Whether the fit has a score per row that its estimates are the sum of."""
    return fit.scores.shape == (fit.rows.size, len(fit.terms)) and bool(np.any(fit.scores))


def wild(fit: Fit, design: Design, contrast: FloatArray, weights: FloatArray, units: Sequence[str]) -> Statistic:
    """t of ``contrast @ params`` with errors clustered by unit; wild cluster bootstrap with the null imposed.

    Parameters
    ----------
    weights : (units, draws) of `shared_weights`. units : its rows.
    """
    codes = cluster_codes(design, "unit", fit.rows)
    names = _names(fit, design)
    if len(names) == fit.rows.size:
        found = "a cross-section or means of units in a family"
        validity.stop(design, found, "models with several rows per unit", "take the claim out of the family")
    rows = _rows_of(names, units)
    estimate = float(contrast @ fit.params)
    # weights are given: the generator is never asked
    bootstrap = combination(
        fit, design, contrast, codes, codes, "rademacher", weights.shape[1], np.random.default_rng(0), weights[rows]
    )
    d = estimate
    variance = bootstrap.q0 + d * (2.0 * bootstrap.q1 + d * bootstrap.q2)
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = (bootstrap.n0 + d * bootstrap.n1) / np.sqrt(variance)
    value = estimate * bootstrap.size / float(np.sqrt(bootstrap.denominator))
    return Statistic(value, np.nan_to_num(drawn), "wild_cluster_null_imposed", len(names))


def scored(fit: Fit, design: Design, contrast: FloatArray, weights: FloatArray, units: Sequence[str]) -> Statistic:
    """t of an estimator that gives scores by row: the sums of each unit's scores are multiplied by its weight."""
    codes = cluster_codes(design, "unit", fit.rows)
    parts = group_sums((fit.scores @ (fit.bread @ contrast))[:, None], codes)[:, 0]
    names = _names(fit, design)
    return from_parts(float(contrast @ fit.params), dict(zip(names, parts, strict=True)), weights, units, "scores")


def from_parts(
    estimate: float, parts: Mapping[str, float], weights: FloatArray, units: Sequence[str], method: str
) -> Statistic:
    """t from each unit's contribution to ``estimate − truth`` (scores, or differences of a jackknife).

    The error is the root of the sum of squares of the contributions about their mean, as in the draws.
    """
    values = np.array(list(parts.values()))
    rows = _rows_of(list(parts), units)
    count = values.size
    drawn = values[:, None] * weights[rows]
    sums = drawn.sum(axis=0)
    spread = np.sqrt(np.sum(drawn**2, axis=0) - sums**2 / count)
    error = float(np.sqrt(np.sum(values**2) - values.sum() ** 2 / count))
    return Statistic(estimate / error, sums / spread, method, count)


def adjust(statistics: Sequence[Statistic]) -> Adjusted:
    """Two-sided p-values of the hypotheses; draws are compared in size, the sample itself counted."""
    observed = np.abs(np.array([statistic.value for statistic in statistics]))
    drawn = np.abs(np.array([statistic.draws for statistic in statistics]))
    unadjusted = _shares(drawn, observed[:, None] * (1.0 - TIE))[:, 0]
    # one over the p-values, so that large means surprising, as with t
    surprise = 1.0 / _shares(drawn, drawn * (1.0 - TIE))
    return Adjusted(unadjusted, _step_down(observed, drawn), _step_down(1.0 / unadjusted, surprise), holm(unadjusted))


def _shares(drawn: FloatArray, bounds: FloatArray) -> FloatArray:
    """Share of the draws and the sample (h, m) that reach each bound (h, m)."""
    total = drawn.shape[1] + 1
    ranked = np.sort(drawn, axis=1)
    reached = [row.size - np.searchsorted(row, bound, side="left") for row, bound in zip(ranked, bounds, strict=True)]
    return np.asarray(np.minimum((np.array(reached) + 1) / total, 1.0))


def _step_down(observed: FloatArray, drawn: FloatArray) -> FloatArray:
    """Adjusted p-values (h,) of statistics whose draws are (h, draws), large ones against the null."""
    order = np.argsort(-observed, kind="stable")
    # the largest statistic among this one and those that come after it
    largest = np.maximum.accumulate(drawn[order][::-1], axis=0)[::-1]
    ranked = (np.sum(largest >= observed[order][:, None] * (1.0 - TIE), axis=1) + 1) / (drawn.shape[1] + 1)
    stepped = np.empty_like(ranked)
    stepped[order] = np.maximum.accumulate(ranked)
    return np.asarray(stepped, dtype=np.float64)


def holm(p_values: FloatArray) -> FloatArray:
    """Holm's (1979) adjustment, which needs no draws and takes any dependence."""
    order = np.argsort(p_values, kind="stable")
    factors = p_values.size - np.arange(p_values.size)
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(np.maximum.accumulate(p_values[order] * factors), 1.0)
    return adjusted


def units_of(fits: Sequence[tuple[Fit, Design]]) -> tuple[str, ...]:
    """All units of several models, sorted: the rows of `shared_weights`."""
    return tuple(sorted({name for fit, design in fits for name in _names(fit, design)}))


def _names(fit: Fit, design: Design) -> tuple[str, ...]:
    return tuple(design.units[code] for code in np.unique(design.unit_codes[fit.rows]))


def _rows_of(names: Sequence[str], units: Sequence[str]) -> list[int]:
    place = {unit: row for row, unit in enumerate(units)}
    return [place[name] for name in names]
