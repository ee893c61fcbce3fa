"""A design from arrays, for use without configuration and panel files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ruralpanel.estimate.base.results import Design, Further, IntArray
from ruralpanel.project.kinds.estimator_keys import MarginalEffect, OfEstimator
from ruralpanel.project.kinds.estimators import ESTIMATORS, FE
from ruralpanel.project.kinds.inference import CLUSTER
from ruralpanel.project.periods import shown
from ruralpanel.project.settings import InferenceSpec, ModelSpec


def design_from_arrays(
    y: Sequence[float] | np.ndarray[Any, Any],
    x: np.ndarray[Any, Any],
    units: Sequence[Any],
    periods: Sequence[int] | None = None,
    *,
    estimator: str = FE,
    effects: Sequence[str] = (),
    terms: Sequence[str] | None = None,
    weights: Sequence[float] | np.ndarray[Any, Any] | None = None,
    clusters: Mapping[str, Sequence[Any]] | None = None,
    inference: Sequence[InferenceSpec] = (InferenceSpec(CLUSTER),),
    marginal_effects: Sequence[MarginalEffect] = (),
    method: str = "",
    options: OfEstimator | None = None,
    extra: Further | None = None,
    name: str = "model",
    **more: Any,
) -> Design:
    """Sort the rows by unit and period, number the labels and state a `ModelSpec`.

    Parameters
    ----------
    y : (n,) outcome. x : (n, k) or (n,) regressors, no constant.
    units, periods : (n,) labels; without periods every row is of period 0.
    clusters : further grouping labels (n,) by name.
    options : of the estimator; absent: its defaults, without those keys that have none.
    extra : as the design's, in the order of sorted rows.
    more : further fields of `ModelSpec`.
    """
    matrix = np.asarray(x, dtype=float)
    matrix = matrix[:, None] if matrix.ndim == 1 else matrix
    unit_names, unit_codes = _codes([str(unit) for unit in units])
    period_values = np.zeros(len(unit_codes), dtype=int) if periods is None else np.asarray(periods, dtype=int)
    period_names, period_codes = _codes(period_values)
    order = np.lexsort((period_codes, unit_codes))
    names = tuple(terms) if terms is not None else tuple(f"x{j + 1}" for j in range(matrix.shape[1]))
    spec = ModelSpec(
        name=name,
        estimator=estimator,
        outcome="y",
        panel="panel",
        method=method,
        regressors=names,
        effects=tuple(effects),
        weights=None if weights is None else "weights",
        inference=tuple(inference),
        marginal_effects=tuple(marginal_effects),
        options=ESTIMATORS[estimator].options.model_construct() if options is None else options,
        **more,
    )
    groups = {"unit": unit_codes[order], "period": period_codes[order]}
    groups |= {key: _codes(labels)[1][order] for key, labels in (clusters or {}).items()}
    return Design(
        spec=spec,
        y=np.asarray(y, dtype=float)[order],
        x=matrix[order],
        terms=names,
        units=tuple(str(unit) for unit in unit_names),
        periods=tuple(shown(period) for period in period_names),
        unit_codes=groups["unit"],
        period_codes=groups["period"],
        weights=None if weights is None else np.asarray(weights, dtype=float)[order],
        clusters=groups,
        extra=extra or Further(),
    )


def _codes(labels: Any) -> tuple[np.ndarray[Any, Any], IntArray]:
    names, codes = np.unique(np.asarray(labels), return_inverse=True)
    return names, codes.astype(np.intp)
