"""The effect of one variable along another: bands, named points, and where it crosses zero."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ruralpanel.estimate.base.results import Design, Fit, FloatArray, Inference
from ruralpanel.estimate.base.rows import Crossing, MarginalEffect, Point
from ruralpanel.estimate.inference.covariance import critical_values, p_values
from ruralpanel.estimate.inference.validity import generator
from ruralpanel.estimate.inference.wild import clusters_of
from ruralpanel.estimate.inference.wild_kernel import combination, invert
from ruralpanel.project.kinds.estimator_keys import MarginalEffect as Wanted
from ruralpanel.project.kinds.inference import WILD, WildCluster
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError, did_you_mean
from ruralpanel.project.settings import InferenceSpec

CURVE_POINTS = 41
PERCENTILES = (10, 25, 50, 75, 90)


def marginal_effect(
    design: Design,
    fit: Fit,
    first: Inference,
    wanted: Wanted,
    bootstrap: InferenceSpec | None = None,
    seed: int = 0,
) -> MarginalEffect:
    """Effect of ``wanted.of`` at values of ``wanted.over``, from the terms ``of`` and ``of:over``.

    Parameters
    ----------
    first : inference with a covariance matrix; the smallest degrees of freedom of the terms involved give the band.
    bootstrap : the wild cluster bootstrap's setting; its p-values and intervals are added to the named points.

    Returns
    -------
    Its named points are minimum, percentiles, mean, maximum and those of `at`; the curve has 41 values over the
    sample's range with a pointwise 95 % band.

    Raises
    ------
    UserError
        The model has no such terms, or `at` is not a number or percentile.
    """
    of, over = wanted.of, wanted.over
    values = moderator(design, fit, of, over)
    base, slope, held = _contrasts(design, fit, of, over)
    vcov = first.vcov
    assert vcov is not None and first.df is not None
    involved = np.flatnonzero((base != 0) | (slope != 0))
    df = float(np.min(first.df[involved]))
    critical = float(critical_values(np.array(df)))

    def row(at: float, label: str = "") -> Point:
        contrast = base + at * slope
        estimate = float(contrast @ fit.params)
        error = float(np.sqrt(contrast @ vcov @ contrast))
        return Point(
            label=label,
            at=at,
            estimate=estimate,
            std_error=error,
            statistic=estimate / error,
            df=df,
            p_value=float(p_values(np.array(estimate / error), np.array(df))),
            ci_low=estimate - critical * error,
            ci_high=estimate + critical * error,
        )

    points = []
    for label, at in _named_points(values, wanted.at, design).items():
        point = row(at, label)
        if bootstrap is not None:
            point = _bootstrap(point, design, fit, base + at * slope, bootstrap, seed, f"{of} at {over} = {at!r}")
        points.append(point)
    return MarginalEffect(
        of=of,
        over=over,
        points=tuple(points),
        curve=tuple(row(float(at)) for at in np.linspace(values.min(), values.max(), CURVE_POINTS)),
        crossing=_crossing(base, slope, fit.params, vcov, critical, values),
        held=held,
        critical=critical,
        method=first.method,
    )


def moderator(design: Design, fit: Fit, of: str, over: str) -> FloatArray:
    """Values of `over` in the rows that the fit uses, where `of` is not zero."""
    if over in design.terms:
        return np.asarray(design.x[fit.rows, design.terms.index(over)])
    product = design.x[fit.rows, design.terms.index(_interaction(design, design.terms, of, over))]
    lever = design.x[fit.rows, design.terms.index(_present(design, design.terms, of))]
    return np.asarray(product[lever != 0] / lever[lever != 0])


def contrast_at(design: Design, fit: Fit, of: str, over: str, at: float | str) -> FloatArray:
    """Vector (k,) whose product with the coefficients is the effect of `of` at a value or named point of `over`.

    Raises
    ------
    UserError
        The model has no such terms, or `at` is not a number or percentile.
    """
    values = moderator(design, fit, of, over)
    base, slope, _ = _contrasts(design, fit, of, over)
    point = float(at) if isinstance(at, (int, float)) else _named_points(values, (at,), design)[at]
    return base + point * slope


def fieller(
    numerator: float, denominator: float, v: FloatArray, critical: float
) -> tuple[str, float | None, float | None]:
    """Fieller's set for ``-numerator / denominator``: all z with ``numerator + z * denominator`` not told from zero.

    Parameters
    ----------
    v : (2, 2) covariance matrix of the two estimates. critical : critical value of the confidence level.

    Returns
    -------
    ``interval`` with its ends; ``two_rays`` with the ends of the gap between them (the set is all outside); or ``all``.
    """
    a = denominator**2 - critical**2 * v[1, 1]
    b = numerator * denominator - critical**2 * v[0, 1]
    c = numerator**2 - critical**2 * v[0, 0]
    inside = b * b - a * c
    if a == 0 or (a < 0 and inside <= 0):
        return "all", None, None
    root = np.sqrt(max(inside, 0.0))
    ends = sorted([(-b - root) / a, (-b + root) / a])
    return ("interval" if a > 0 else "two_rays"), float(ends[0]), float(ends[1])


def _contrasts(design: Design, fit: Fit, of: str, over: str) -> tuple[FloatArray, FloatArray, dict[str, float]]:
    """Vectors whose sum, the second times z, picks the effect at z; and the means of other moderators of `of`.

    Of the fit's terms those of the design are products: ``x:W`` of a spatial model is the neighbours' mean of x.
    """
    base, slope = np.zeros(len(fit.terms)), np.zeros(len(fit.terms))
    base[fit.terms.index(_present(design, fit.terms, of))] = 1.0
    main = _interaction(design, fit.terms, of, over)
    slope[fit.terms.index(main)] = 1.0
    held: dict[str, float] = {}
    for j, term in enumerate(fit.terms):
        parts = term.split(":")
        if len(parts) == 2 and of in parts and term != main and term in design.terms:
            other = parts[1] if parts[0] == of else parts[0]
            held[other] = float(np.mean(moderator(design, fit, of, other)))
            base[j] = held[other]
    return base, slope, held


def _named_points(values: FloatArray, at: Any, design: Design) -> dict[str, float]:
    points = {"min": float(values.min())}
    points |= {f"p{q}": float(np.percentile(values, q)) for q in PERCENTILES}
    points |= {"mean": float(values.mean()), "max": float(values.max())}
    for wanted in at:
        if isinstance(wanted, (int, float)):
            points[f"{wanted:g}"] = float(wanted)
            continue
        name = str(wanted)
        digits = name[1:] if name.startswith("p") else ""
        if digits.isdigit() and int(digits) <= 100:
            points[name] = float(np.percentile(values, int(digits)))
        elif name not in points:
            raise UserError(
                Problem(
                    CONFIGURATION,
                    f"models.{design.spec.name}.marginal_effects",
                    f'at: "{name}"',
                    "a number, min, mean, max or a percentile such as p25",
                )
            )
    return points


def _bootstrap(
    point: Point, design: Design, fit: Fit, contrast: FloatArray, setting: InferenceSpec, seed: int, label: str
) -> Point:
    dimensions, drawn = clusters_of(fit, design, setting)
    options = setting.of(WildCluster)
    draws = combination(
        fit,
        design,
        contrast,
        dimensions[0].codes,
        drawn,
        options.weights,
        options.draws,
        generator(seed, design.spec.name, WILD, label),
        further=dimensions[1:],
    )
    if draws.denominator <= 0:
        nothing = float("nan")
        return replace(point, p_wild=nothing, ci_wild_low=nothing, ci_wild_high=nothing)
    estimate = float(contrast @ fit.params)
    low, high, _ = invert(draws, estimate)
    return replace(point, p_wild=draws.p_value(estimate), ci_wild_low=low, ci_wild_high=high)


def _crossing(
    base: FloatArray, slope: FloatArray, params: FloatArray, vcov: FloatArray, critical: float, values: FloatArray
) -> Crossing:
    pair = np.vstack([base, slope])
    b0, b1 = (float(b) for b in pair @ params)
    kind, low, high = fieller(b0, b1, pair @ vcov @ pair.T, critical)
    at = -b0 / b1
    return Crossing(
        estimate=at,
        set=kind,
        low=low,
        high=high,
        within_sample=bool(values.min() <= at <= values.max()),
        share_below=float(np.mean(values < at)),
    )


def _interaction(design: Design, terms: tuple[str, ...], of: str, over: str) -> str:
    for name in (f"{of}:{over}", f"{over}:{of}"):
        if name in terms:
            return name
    return _missing(design, terms, f"{of}:{over}")


def _present(design: Design, terms: tuple[str, ...], name: str) -> str:
    return name if name in terms else _missing(design, terms, name)


def _missing(design: Design, terms: tuple[str, ...], name: str) -> str:
    raise UserError(
        Problem(
            CONFIGURATION,
            f"models.{design.spec.name}.marginal_effects",
            f'no estimated term "{name}"',
            "a regressor and its interaction among the model's terms",
            did_you_mean(name, terms),
        )
    )
