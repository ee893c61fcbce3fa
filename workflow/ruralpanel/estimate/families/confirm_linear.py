"""The standard models in linearmodels: every estimate of ours is confirmed by it, or the run stops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ruralpanel.estimate.base import scaling
from ruralpanel.estimate.base.absorb import compact, nested
from ruralpanel.estimate.base.effects import effect_codes
from ruralpanel.estimate.base.results import Design, FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd


LARGEST = 200_000
"""Rows beyond which our kernels stand alone: linearmodels would take longer than the rest of the model."""

AGREEMENT = 1e-6
"""Largest difference allowed, in standard errors: far below what any inference can see, above rounding error."""

TOO_FEW = 1e-3
"""Agreement to fewer digits confirms nothing."""


def confirm(
    design: Design, rows: IntArray, terms: tuple[str, ...], params: FloatArray, scale: FloatArray, condition: float
) -> str:
    """Estimate the same model with linearmodels and compare.

    Parameters
    ----------
    rows, terms : what the model uses of the design.
    params : (k,) our estimates.
    scale : (k,) standard errors up to a common factor; differences are judged against the larger of it and `params`.
    condition : number of the terms' columns net of effects: linearmodels loses twice its digits, ours once.

    Returns
    -------
    ``linearmodels`` where it confirms the estimates, ``numpy`` where it lacks the model (three or nested effects),
    the panel has more than `LARGEST` rows, or the terms are too much alike for it.

    Raises
    ------
    ArithmeticError
        The engines disagree.
    """
    allowed = agreement(condition)
    theirs = estimate(design, rows, terms) if rows.size <= LARGEST and allowed < TOO_FEW else None
    if theirs is None:
        return "numpy"
    if not np.all(np.abs(theirs - params) <= allowed * np.maximum(scale * np.std(design.y), np.abs(params))):
        raise ArithmeticError(
            f"model {design.spec.name}: our estimates {params} differ from linearmodels' {theirs}; terms {terms}"
        )
    return "linearmodels"


def agreement(condition: float) -> float:
    """Largest relative difference that rounding explains where normal equations are solved at a condition number."""
    return max(AGREEMENT, 100.0 * float(np.finfo(float).eps) * condition**2)


def estimate(design: Design, rows: IntArray, terms: tuple[str, ...]) -> FloatArray | None:
    """Coefficients (k,) of `terms` by linearmodels with every setting stated; None where it lacks the model."""
    from linearmodels.panel import BetweenOLS, FirstDifferenceOLS, PanelOLS, PooledOLS, RandomEffects

    kind, effects = design.spec.estimator, design.spec.effects
    used = rows if kind == "fe" else np.arange(design.y.size)
    if kind == "re" and not _as_theirs(design):
        return None
    if len(effects) > 2 or (kind != "fe" and set(effects) - {"unit", "period"}):
        return None
    y, x, weights, powers = _frames(design, used, terms)
    dummies = kind != "fe" and "period" in effects
    if dummies:
        # from each period on, for differences: what is one in that period alone once differenced
        codes = design.period_codes
        for code in np.unique(codes[rows]) if kind == "fd" else range(1, len(design.periods)):
            x[f"period {code}"] = (codes >= code if kind == "fd" else codes == code).astype(float)
    if kind in ("pooled", "between", "re"):
        x["constant"] = 1.0
    if kind == "fe":
        own = [effect_codes(design, effect)[used] for effect in effects]
        if len(own) == 2 and (nested(compact(own[0]), own[1]) or nested(compact(own[1]), own[0])):
            return None
        others = [code for code, effect in zip(own, effects, strict=True) if effect not in ("unit", "period")]
        model: Any = PanelOLS(
            y,
            x,
            weights=weights,
            entity_effects="unit" in effects,
            time_effects="period" in effects,
            other_effects=_other_effects(y, others) if others else None,
            singletons=True,
            drop_absorbed=False,
        )
        result = model.fit(use_lsdv=False, cov_type="unadjusted", debiased=True, auto_df=True, count_effects=True)
    elif kind == "pooled":
        result = PooledOLS(y, x, weights=weights).fit(cov_type="unadjusted", debiased=True)
    elif kind == "between":
        if dummies:
            return None
        result = BetweenOLS(y, x, weights=weights).fit(reweight=False, cov_type="unadjusted", debiased=True)
    elif kind == "fd":
        y, x = _in_runs(y, design), _in_runs(x, design)
        weights = None if weights is None else _in_runs(weights, design)
        result = FirstDifferenceOLS(y, x, weights=weights).fit(cov_type="unadjusted", debiased=True)
    elif kind == "re":
        result = RandomEffects(y, x).fit(small_sample=True, cov_type="unadjusted", debiased=True)
    else:
        return None
    return np.asarray(result.params.loc[list(terms)], dtype=float) * powers


def _as_theirs(design: Design) -> bool:
    """Whether random effects are those that linearmodels has: of units alone, by Swamy and Arora, without weights."""
    components = str(design.spec.options.get("components") or "swar")
    return "unit" not in design.spec.effects and components == "swar" and design.weights is None


def _frames(
    design: Design, rows: IntArray, terms: tuple[str, ...]
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame | None, FloatArray]:
    import pandas as pd

    index = pd.MultiIndex.from_arrays([design.unit_codes[rows], design.period_codes[rows]], names=["unit", "period"])
    columns = [design.terms.index(term) for term in terms]
    both, powers = _measured(np.column_stack([design.y[rows], design.x[rows][:, columns]]))
    y = pd.DataFrame({"y": both[:, 0]}, index=index)
    x = pd.DataFrame(both[:, 1:], index=index, columns=list(terms))
    weights = None if design.weights is None else pd.DataFrame({"w": design.weights[rows]}, index=index)
    return y, x, weights, powers[0] / powers[1:]


def _measured(columns: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Columns less their means, in powers of two near their spreads, where they come in unlike measures; the powers.

    All models have a constant, effects or differences, so that means do not matter.
    """
    spread = np.std(columns, axis=0)
    level = np.abs(columns.mean(axis=0))
    if np.all(scaling.scales(spread) == 1.0) and np.all(level <= scaling.ALIKE * spread):
        return columns, np.ones(columns.shape[1])
    powers = np.where(spread > 0, np.exp2(np.round(np.log2(np.where(spread > 0, spread, 1.0)))), 1.0)
    return (columns - columns.mean(axis=0)) / powers, powers


def _in_runs(table: pd.DataFrame, design: Design) -> pd.DataFrame:
    """The rows with each run of adjacent periods as a unit: linearmodels differences whatever stands side by side."""
    import pandas as pd

    run = np.cumsum(design.earlier() < 0)
    return table.set_index(pd.MultiIndex.from_arrays([run, design.period_codes], names=["unit", "period"]))


def _other_effects(y: pd.DataFrame, codes: list[IntArray]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({f"effect {i}": values for i, values in enumerate(codes)}, index=y.index)
