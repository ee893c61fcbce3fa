"""Poisson regressions in statsmodels, effects as dummies."""

from __future__ import annotations

from typing import Any, TypedDict

import numpy as np

from ruralpanel.estimate.base import scaling
from ruralpanel.estimate.base.effects import effect_codes
from ruralpanel.estimate.base.groups import compact
from ruralpanel.estimate.base.results import Design
from ruralpanel.estimate.families import ppml
from ruralpanel.estimate.families.second import NotConfirmedError, Second, agreement, need_rows, root_factor
from ruralpanel.project.kinds.inference import Robust
from ruralpanel.project.settings import InferenceSpec

LARGEST = 20_000_000
"""Cells of a matrix of regressors and dummies that statsmodels still takes."""


def again(design: Design, setting: InferenceSpec | None) -> Second:
    """The same model in statsmodels.

    Parameters
    ----------
    setting : of the errors to compute: classical, hc with HC0 or HC1, cluster with CR0 or CR1; None: estimates alone.

    Raises
    ------
    NotConfirmedError
        Too many rows or dummies, or terms too much alike.
    """
    import statsmodels.api as sm

    fit = ppml.fit(design)
    rows = fit.rows
    need_rows(rows.size)
    assert fit.x is not None
    allowed = agreement(scaling.condition(fit.x))
    x = design.x[rows][:, [design.terms.index(term) for term in fit.terms]]
    center, scale = x.mean(axis=0), x.std(axis=0)
    columns = [(x - center) / scale, np.ones((rows.size, 1))]
    for effect in design.spec.effects:
        codes = compact(effect_codes(design, effect)[rows])
        columns.append((codes[:, None] == np.arange(1, codes.max() + 1)).astype(float))
    whole = np.hstack(columns)
    if whole.size > LARGEST:
        raise NotConfirmedError("too_many_dummies")
    exposure = design.extra.exposure
    weights = None if design.weights is None else design.weights[rows] / design.weights[rows].mean()
    model = sm.GLM(
        design.y[rows],
        whole,
        family=sm.families.Poisson(),
        offset=None if exposure is None else np.log(np.asarray(exposure, dtype=float)[rows]),
        var_weights=weights,
    )
    result = model.fit(tol=1e-12, maxiter=200, **_errors(design, fit.rows, setting))
    k = len(fit.terms)
    errors = None if setting is None else result.bse[:k] / scale * root_factor(setting, fit, design)
    return Second("statsmodels GLM", fit.terms, result.params[:k] / scale, errors, allowed)


class _Keywords(TypedDict, total=False):
    cov_type: str
    scale: str
    cov_kwds: Any


def _errors(design: Design, rows: Any, setting: InferenceSpec | None) -> _Keywords:
    if setting is None:
        return {}
    if setting.method == "classical":
        return {"scale": "X2"}
    if setting.method == "hc":
        if setting.of(Robust).kind not in ("HC0", "HC1"):
            raise NotConfirmedError("no_leverages")
        return {"cov_type": "HC0"}
    codes = [compact(effect_codes(design, name)[rows]) for name in setting.clusters]
    if len(codes) > 1:
        raise NotConfirmedError("own_factors_of_two_way_clusters")
    return {"cov_type": "cluster", "cov_kwds": {"groups": codes[0], "use_correction": False}}
