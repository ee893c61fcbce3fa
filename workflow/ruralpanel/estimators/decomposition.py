"""Decomposition of the gap between two groups of units, with intervals from a bootstrap within groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ruralpanel.contracts.problems import CONFIGURATION, Problem, UserError
from ruralpanel.decompose.gap import METHODS, Groups, resampled_counts
from ruralpanel.estimators import scaling
from ruralpanel.estimators.base import Design, Fit, FloatArray, IntArray
from ruralpanel.inference.streams import generator

DRAWS = 9999

NORMAL_LENGTH = 3.92
"""Length of a 95 % interval of normal draws, in standard deviations."""

HEAVY = 1.5
"""Draws whose standard deviation is beyond this many times what their interval tells have heavy tails."""


def fit(design: Design) -> Fit:
    """Split the gap in the outcome's group means into blocks of regressors.

    A panel is collapsed to the means of its units. Terms: each block; ``unexplained``; ``total``; each block's share of
    the total; and ``lead_<block>``, its part less the largest other block's, as a share of the total, which is above
    zero where the block explains most. Shares and leads are ratios of which draws have no variance to speak of, the
    total coming near zero in some: they have percentile intervals and p-values, and no standard error. Nor have parts
    whose draws have heavy tails because groups of few units leave slopes nearly undetermined in some (Oaxaca–Blinder).

    Options
    -------
    gap : ``{by: attribute, group: value, reference: value}``. blocks : name → regressors. draws : of the bootstrap.

    Raises
    ------
    UserError
        Fewer units in a group than a bootstrap within it needs, or fewer units than coefficients.
    """
    spec = design.spec
    blocks: Mapping[str, list[str]] = spec.options["blocks"]
    y, x = unit_means(design, design.y), unit_means(design, design.x)
    groups = groups_of(design, spec.options["gap"])
    columns = [np.array([design.terms.index(name) for name in names], dtype=np.intp) for names in blocks.values()]
    _enough(design, groups, x)
    kernel = METHODS[spec.method]
    parts = kernel(y, x, columns, groups, np.ones((1, y.size)))[0]
    if not np.all(np.isfinite(parts)):
        raise UserError(
            Problem(
                CONFIGURATION,
                f"models.{spec.name}.blocks",
                "terms whose means by unit are too much alike to be told apart",
                "terms that differ between units",
                "leave one of them out",
            )
        )
    draws = int(spec.options.get("draws") or DRAWS)
    counts = resampled_counts(groups, draws, generator(int(spec.options.get("seed", 0)), spec.name, "decomposition"))
    simulated = kernel(y, x, columns, groups, counts)
    kept = simulated[np.all(np.isfinite(simulated), axis=1)]
    estimate, drawn = _with_shares(parts[None, :], len(blocks))[0], _with_shares(kept, len(blocks))
    names = [*blocks, "unexplained", "total"]
    names += [f"share_{block}" for block in blocks] + [f"lead_{block}" for block in blocks]
    vcov = np.cov(drawn, rowvar=False)
    interval = np.percentile(drawn, [2.5, 97.5], axis=0)
    ratios = np.arange(len(names)) >= len(blocks) + 2
    unstated = ratios | heavy_tailed(drawn)
    vcov[unstated, :] = vcov[:, unstated] = np.nan
    return Fit(
        terms=tuple(names),
        params=estimate,
        rows=np.arange(design.y.size),
        residuals=np.zeros(design.y.size),
        bread=np.eye(len(names)),
        scores=np.zeros((0, len(names))),
        df_resid=float(y.size - x.shape[1] - len(groups.names)),
        own_vcov=vcov,
        own_vcov_type=(
            f"bootstrap of units within groups, {len(kept)} of {draws} draws usable; percentile intervals and "
            "p-values; no standard error of shares and leads, which are ratios, nor where draws have heavy tails"
        ),
        own_interval=interval.T,
        own_p=_percentile_p(drawn),
        fit={"gap": float(parts[-1]), "explained_share": float(1 - parts[-2] / parts[-1])},
        notes=(
            f"Gap: mean of {groups.names[groups.target]} less mean of {groups.names[groups.reference]}; "
            "all units enter the coefficients, with a dummy for each group.",
        ),
        extra={"parts": [*blocks, "unexplained"], "by_unit": _by_unit(design, y, x, columns, groups, blocks)},
    )


def heavy_tailed(drawn: FloatArray) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which columns of draws have a standard deviation far beyond what their 95 % interval tells."""
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    return np.asarray(np.std(drawn, axis=0, ddof=1) > HEAVY * (high - low) / NORMAL_LENGTH)


def unit_means(design: Design, values: FloatArray) -> FloatArray:
    """(units, …) means over the periods of each unit."""
    number = len(design.units)
    size = np.bincount(design.unit_codes, minlength=number).astype(float)
    if values.ndim == 1:
        return np.asarray(np.bincount(design.unit_codes, weights=values, minlength=number) / size)
    return np.column_stack([unit_means(design, column) for column in values.T])


def groups_of(design: Design, gap: Mapping[str, Any]) -> Groups:
    """Groups of the design's units by the attribute that ``gap`` names.

    Raises
    ------
    UserError
        A group that no unit of the sample belongs to.
    """
    labels: Mapping[str, str] = design.extra["groups"]
    names = tuple(dict.fromkeys(labels[unit] for unit in design.units))
    problems = [
        Problem(CONFIGURATION, f"models.{design.spec.name}.gap.{key}", f'"{gap[key]}"', "one of " + ", ".join(names))
        for key in ("group", "reference")
        if str(gap[key]) not in names
    ]
    if problems:
        raise UserError(problems)
    codes = np.array([names.index(labels[unit]) for unit in design.units], dtype=np.intp)
    return Groups(codes, names, names.index(str(gap["group"])), names.index(str(gap["reference"])))


def _with_shares(parts: FloatArray, number: int) -> FloatArray:
    """Append each block's share of the total and its lead over the largest other block, as a share of the total."""
    blocks, total = parts[:, :number], parts[:, -1:]
    shares = blocks / total
    leads = [shares[:, b] - np.max(np.delete(shares, b, axis=1), axis=1, initial=-np.inf) for b in range(number)]
    return np.column_stack([parts, shares, *leads])


def _percentile_p(drawn: FloatArray) -> FloatArray:
    """Two-sided p-values of zero that go with percentile intervals: twice the smaller tail, the sample counted."""
    below, above = np.sum(drawn <= 0, axis=0), np.sum(drawn >= 0, axis=0)
    return np.asarray(np.minimum(1.0, 2.0 * (np.minimum(below, above) + 1.0) / (len(drawn) + 1.0)))


def _by_unit(
    design: Design, y: FloatArray, x: FloatArray, columns: list[IntArray], groups: Groups, blocks: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Each target unit's own distance to the reference mean, split at the coefficients of all units."""
    base = np.column_stack([np.ones(y.size), groups.dummies, x])
    slopes = scaling.least_squares(base, y)[-x.shape[1] :]
    inside = groups.codes == groups.reference
    rows = []
    for unit in np.flatnonzero(groups.codes == groups.target):
        distance = x[unit] - x[inside].mean(axis=0)
        parts = {name: float(slopes[c] @ distance[c]) for name, c in zip(blocks, columns, strict=True)}
        gap = float(y[unit] - y[inside].mean())
        rows.append({"unit": design.units[unit], **parts, "unexplained": gap - sum(parts.values()), "total": gap})
    return rows


def _enough(design: Design, groups: Groups, x: FloatArray) -> None:
    where = f"models.{design.spec.name}"
    sizes = np.bincount(groups.codes, minlength=len(groups.names))
    small = [
        f"{groups.names[g]} with {sizes[g]} units"
        for g in (groups.target, groups.reference)
        if sizes[g] < x.shape[1] + 2
    ]
    if small:
        raise UserError(
            Problem(
                CONFIGURATION,
                where,
                ", ".join(small),
                f"at least {x.shape[1] + 2} units in either group for {x.shape[1]} regressors",
                "use fewer regressors or larger groups",
            )
        )
