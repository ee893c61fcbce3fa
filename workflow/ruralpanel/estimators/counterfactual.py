"""One group of units at another's levels of some regressors: how much of the gap in the outcome would close."""

from __future__ import annotations

import numpy as np

from ruralpanel.estimators import scaling
from ruralpanel.estimators.base import Design, Fit, FloatArray, IntArray
from ruralpanel.estimators.decomposition import groups_of, unit_means
from ruralpanel.estimators.within import demean


def fit(design: Design) -> Fit:
    """Change of the outcome in each unit of the group if its levers stood at the reference group's mean.

    A unit that is ahead of the reference mean keeps its own level. Terms: ``share_closed`` (mean change over the gap
    in means, the gap taken as known), ``mean_change``, and each unit's change. All are linear in the coefficients, so
    that their errors follow from the coefficients' covariance: HC3 for a cross-section, CR1 by unit for a panel.

    Options
    -------
    gap : as in the decomposition. levers : regressors that are moved; the others stay. Effects as declared.

    Notes
    -----
    ``extra["support"]`` counts counterfactual points whose leverage is above every observed one: a prediction there
    extrapolates.
    """
    spec = design.spec
    x, y = demean(design, design.x, spec.effects), demean(design, design.y, spec.effects)
    if not spec.effects:
        x, y = x - x.mean(axis=0), y - y.mean()
    bread = np.asarray(np.linalg.inv(x.T @ x), dtype=np.float64)
    slopes = bread @ x.T @ y
    residuals = y - x @ slopes
    number = len(design.units)
    absorbed = _absorbed(design)
    panel = design.y.size > number
    vcov, df, kind = _clustered(design, x, residuals, bread, absorbed) if panel else _hc3(x, residuals, bread, absorbed)
    groups = groups_of(design, spec.options["gap"])
    means, outcome = unit_means(design, design.x), unit_means(design, design.y)
    inside, target = groups.codes == groups.reference, np.flatnonzero(groups.codes == groups.target)
    levers = np.array([design.terms.index(name) for name in spec.options["levers"]], dtype=np.intp)
    moves = np.zeros((target.size, len(design.terms)))
    moves[:, levers] = np.maximum(means[inside][:, levers].mean(axis=0) - means[target][:, levers], 0.0)
    gap = float(outcome[inside].mean() - outcome[target].mean())
    contrasts = np.vstack([moves.mean(axis=0) / gap, moves.mean(axis=0), moves])
    estimate = contrasts @ slopes
    own_vcov = contrasts @ vcov @ contrasts.T
    support = _support(means, means[target] + moves)
    terms = ("share_closed", "mean_change", *(design.units[unit] for unit in target))
    outside = [design.units[unit] for unit, beyond in zip(target, support, strict=True) if beyond]
    return Fit(
        terms=terms,
        params=estimate,
        rows=np.arange(design.y.size),
        residuals=residuals,
        bread=np.eye(len(terms)),
        scores=(x * residuals[:, None]) @ bread @ contrasts.T,
        df_resid=df,
        absorbed=spec.effects,
        n_slopes=x.shape[1],
        own_vcov=own_vcov,
        own_vcov_type=f"{kind}; the gap is taken as known",
        own_df=df,
        fit={"gap": gap, "share_outside_support": float(np.mean(support))},
        notes=(
            f"Gap: mean of {groups.names[groups.reference]} less mean of {groups.names[groups.target]}, {gap:.3f}; "
            "a unit ahead of the reference mean keeps its own level.",
            f"{len(outside)} of {target.size} counterfactual points lie outside the observed support"
            + (f" ({', '.join(outside)})." if outside else "."),
        ),
        extra={
            "slopes": [
                {"term": term, "estimate": float(b), "std_error": float(s)}
                for term, b, s in zip(design.terms, slopes, np.sqrt(np.diag(vcov)), strict=True)
            ],
            "support": {"outside": outside, "share_outside": float(np.mean(support))},
        },
    )


def _absorbed(design: Design) -> int:
    effects = design.spec.effects
    if not effects:
        return 1
    levels = {"unit": len(design.units), "period": len(design.periods)}
    return sum(levels[effect] for effect in effects) - (len(effects) - 1)


def _hc3(x: FloatArray, residuals: FloatArray, bread: FloatArray, absorbed: int) -> tuple[FloatArray, float, str]:
    leverage = np.einsum("ij,jk,ik->i", x, bread, x) + 1 / len(x)
    scores = x * (residuals / (1 - leverage))[:, None]
    return bread @ scores.T @ scores @ bread, float(len(x) - x.shape[1] - absorbed), "HC3, t(n − K)"


def _clustered(
    design: Design, x: FloatArray, residuals: FloatArray, bread: FloatArray, absorbed: int
) -> tuple[FloatArray, float, str]:
    codes: IntArray = design.unit_codes
    scores = np.column_stack([np.bincount(codes, weights=column) for column in (x * residuals[:, None]).T])
    number, size = len(design.units), len(x)
    nested = number if "unit" in design.spec.effects else 0
    parameters = x.shape[1] + max(absorbed - nested, 0) + (1 if nested else 0)
    factor = number / (number - 1) * (size - 1) / (size - parameters)
    return factor * bread @ scores.T @ scores @ bread, float(number - 1), "CR1 by unit, t(G − 1)"


def _support(observed: FloatArray, points: FloatArray) -> list[bool]:
    centred = observed - observed.mean(axis=0)
    inverse = scaling.inverse(centred.T @ centred, 1e-15)

    def leverage(rows: FloatArray) -> FloatArray:
        return np.asarray(np.einsum("ij,jk,ik->i", rows, inverse, rows))

    return [bool(beyond) for beyond in leverage(points - observed.mean(axis=0)) > leverage(centred).max()]
