"""Linear panel models in linearmodels, with every setting stated; errors that it lacks in statsmodels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ruralpanel.estimate.base import scaling
from ruralpanel.estimate.base.effects import effect_codes
from ruralpanel.estimate.base.groups import compact, group_sums
from ruralpanel.estimate.base.results import Design, Fit, FloatArray, IntArray
from ruralpanel.estimate.estimators import fit as fit_model
from ruralpanel.estimate.families.second import (
    Keywords,
    NotConfirmedError,
    Second,
    agreement,
    lacking,
    need_rows,
    root_factor,
)
from ruralpanel.project.kinds.inference import Robust
from ruralpanel.project.settings import InferenceSpec

if TYPE_CHECKING:
    import pandas as pd

LARGEST_DUMMIES = 5_000_000
"""Cells of a matrix of regressors and dummies that statsmodels still decomposes in a moment."""


def again(design: Design, setting: InferenceSpec | None) -> Second:
    """The same model in linearmodels; in statsmodels, with dummies, where linearmodels lacks effects or errors.

    Parameters
    ----------
    setting : of the errors to compute: classical, hc, cluster with CR0 or CR1; None: estimates alone.

    Raises
    ------
    NotConfirmedError
        Too many rows or dummies, terms too much alike, or differences that linearmodels lacks.
    """
    fit = fit_model(design)
    need_rows(fit.rows.size)
    assert fit.x is not None
    allowed = agreement(scaling.condition(fit.x))
    hat = setting is not None and setting.method == "hc" and setting.of(Robust).kind in ("HC2", "HC3")
    missing = lacking(design, fit)
    if missing:
        params, errors = by_dummies(design, fit, setting, missing)
        return Second("statsmodels WLS", fit.terms, params, errors, allowed)
    result, powers = estimate(design, fit, None if hat else setting)
    library = f"linearmodels {type(result.model).__name__}"
    terms = list(fit.terms)
    errors = None
    if hat:
        _, errors = by_dummies(design, fit, setting, "no_leverages")
        library += " + statsmodels WLS"
    elif setting is not None:
        errors = result.std_errors.loc[terms].to_numpy() * powers * root_factor(setting, fit, design)
    return Second(library, fit.terms, result.params.loc[terms].to_numpy() * powers, errors, allowed)


def estimate(design: Design, fit: Fit, setting: InferenceSpec | None) -> tuple[Any, FloatArray]:
    """linearmodels' result for the rows and terms of our fit, and the powers (k,) that its measures lack to ours."""
    from linearmodels.panel import BetweenOLS, FirstDifferenceOLS, PanelOLS, PooledOLS, RandomEffects

    kind, effects, rows = design.spec.estimator, design.spec.effects, fit.rows
    used = rows if kind == "fe" else np.arange(design.y.size)
    y, x, weights, powers = _frames(design, used, fit.terms)
    if kind != "fe" and "period" in effects:
        # from each period on, for differences: what is one in that period alone once differenced
        codes = design.period_codes
        for code in np.unique(codes[rows]) if kind == "fd" else range(1, len(design.periods)):
            x[f"period {code}"] = (codes >= code if kind == "fd" else codes == code).astype(float)
    if kind in ("pooled", "between", "re"):
        x["constant"] = 1.0
    errors = _errors(design, used, y, setting)
    if kind == "fe":
        attributes = [effect_codes(design, effect)[used] for effect in effects if effect not in ("unit", "period")]
        model: Any = PanelOLS(
            y,
            x,
            weights=weights,
            entity_effects="unit" in effects,
            time_effects="period" in effects,
            other_effects=_other_effects(y, attributes) if attributes else None,
            singletons=True,
            drop_absorbed=False,
        )
        exact = setting is None or setting.method == "classical"
        return model.fit(use_lsdv=False, auto_df=exact, count_effects=exact, **errors), powers
    if kind == "pooled":
        return PooledOLS(y, x, weights=weights).fit(**errors), powers
    if kind == "between":
        return BetweenOLS(y, x, weights=weights).fit(reweight=False, **errors), powers
    if kind == "fd":
        y, x = _in_runs(y, design), _in_runs(x, design)
        weights = None if weights is None else _in_runs(weights, design)
        if "clusters" in errors:
            errors["clusters"] = _in_runs(errors["clusters"], design)
        return FirstDifferenceOLS(y, x, weights=weights).fit(**errors), powers
    return RandomEffects(y, x).fit(small_sample=True, **errors), powers


def by_dummies(
    design: Design, fit: Fit, setting: InferenceSpec | None, lacking: str
) -> tuple[FloatArray, FloatArray | None]:
    """Estimates and errors (k,) of statsmodels, effects as dummies.

    Parameters
    ----------
    lacking : why linearmodels does not do, by its code.

    Raises
    ------
    NotConfirmedError
        Differences, random effects or between models with period effects, two-way clusters, or too many dummies.
    """
    import statsmodels.api as sm

    rows, name = fit.rows, design.spec.estimator
    x = design.x[:, [design.terms.index(term) for term in fit.terms]]
    weights = np.ones(design.y.size) if design.weights is None else design.weights
    if name == "between":
        codes = compact(design.unit_codes)
        total = np.bincount(codes, weights=weights)
        means = group_sums(np.column_stack([design.y, x]) * weights[:, None], codes) / total[:, None]
        y, x = means[:, 0], means[:, 1:]
        weights = np.ones(y.size) if design.weights is None else total.astype(float)
    elif name in ("pooled", "fe"):
        y, x, weights = design.y[rows], x[rows], weights[rows]
    else:
        raise NotConfirmedError(lacking)
    powers = scaling.scales(np.linalg.norm(x, axis=0))
    columns = [x / powers, np.ones((y.size, 1))]
    levels = [compact(effect_codes(design, effect)[rows]) for effect in fit.absorbed]
    if y.size * (x.shape[1] + sum(int(codes.max()) for codes in levels)) > LARGEST_DUMMIES:
        raise NotConfirmedError(f"{lacking}:too_many_dummies")
    columns += [(codes[:, None] == np.arange(1, codes.max() + 1)).astype(float) for codes in levels]
    model = sm.WLS(y, np.hstack(columns), weights=weights)
    k = len(fit.terms)
    if setting is None or setting.method == "classical":
        result = model.fit()
    elif setting.method == "hc":
        result = model.fit(cov_type=setting.of(Robust).kind.replace("HC1", "HC0"))
    else:
        names = setting.clusters
        if len(names) > 1:
            raise NotConfirmedError(f"{lacking}:own_factors_of_two_way_clusters")
        groups = compact(effect_codes(design, names[0])[rows])
        result = model.fit(cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False})
    errors = None if setting is None else result.bse[:k] / powers * root_factor(setting, fit, design)
    return np.asarray(result.params[:k] / powers), errors


def _errors(design: Design, rows: IntArray, y: pd.DataFrame, setting: InferenceSpec | None) -> Keywords:
    """Settings of the covariance matrix, without a factor for small samples but in classical errors."""
    import pandas as pd

    if setting is None or setting.method == "classical":
        return {"cov_type": "unadjusted", "debiased": True}
    if setting.method == "hc":
        return {"cov_type": "robust", "debiased": False}
    codes = {name: effect_codes(design, name)[rows] for name in setting.clusters}
    if design.spec.estimator == "fd" and any(np.unique((design.unit_codes, code), axis=1).shape[1] > len(design.units)
                                             for code in codes.values()):  # fmt: skip
        raise NotConfirmedError("clusters_change_within_units")
    return {"cov_type": "clustered", "debiased": False, "clusters": pd.DataFrame(codes, index=y.index)}


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
