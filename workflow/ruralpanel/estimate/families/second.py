"""What another library gives for a model, and what its errors lack to be held against ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np

from ruralpanel.estimate.base.effects import effect_codes
from ruralpanel.estimate.base.groups import compact, nested
from ruralpanel.estimate.base.model import Setting
from ruralpanel.estimate.base.results import Design, Fit, FloatArray
from ruralpanel.estimate.inference.cluster import cluster_codes
from ruralpanel.estimate.inference.covariance import cluster_factor, hc_factor, parameters
from ruralpanel.project.kinds.estimator_keys import RandomEffects
from ruralpanel.project.kinds.inference import CLASSICAL, CLUSTER, ROBUST, Cluster, Robust
from ruralpanel.project.settings import InferenceSpec

LARGEST = 200_000
"""Rows beyond which nothing is confirmed: linearmodels would take longer than all the rest."""

AGREEMENT = 1e-6
"""Largest difference allowed: far below what any inference can see, above rounding error."""

TOO_FEW = 1e-3
"""Agreement to fewer digits confirms nothing."""


class NotConfirmedError(Exception):
    """No other library can estimate the model, or not to enough digits; the message is the code of the reason."""


class Keywords(TypedDict, total=False):
    """Arguments of linearmodels' functions: which covariance matrix."""

    cov_type: str
    debiased: bool
    clusters: Any
    group_debias: bool


@dataclass(frozen=True)
class Second:
    """Estimates of another library.

    Attributes
    ----------
    library : which class of which library. terms : k names. params : (k,).
    std_error : (k,) under the setting that was asked for, our small-sample factor applied; None: not computed.
    allowed : the largest relative difference to ours that passes.
    """

    library: str
    terms: tuple[str, ...]
    params: FloatArray
    std_error: FloatArray | None
    allowed: float


def agreement(condition: float) -> float:
    """Largest relative difference that rounding explains where normal equations are solved, a library's usual way.

    Parameters
    ----------
    condition : number of the terms' columns net of effects: normal equations lose twice its digits.

    Raises
    ------
    NotConfirmedError
        Too few digits would be left.
    """
    allowed = max(AGREEMENT, 100.0 * float(np.finfo(float).eps) * condition**2)
    if not allowed < TOO_FEW:
        raise NotConfirmedError("terms_nearly_alike")
    return allowed


def need_rows(rows: int) -> None:
    """Stop beyond `LARGEST` rows."""
    if rows > LARGEST:
        raise NotConfirmedError("too_many_rows")


def root_factor(setting: InferenceSpec | None, fit: Fit, design: Design) -> float:
    """Root of our small-sample factor: libraries differ in it, so that their matrices without one are compared."""
    n = fit.rows.size
    if setting is None or setting.method == "classical":
        return 1.0
    if setting.method == "hc":
        return float(np.sqrt(hc_factor(setting.of(Robust).kind, n, len(fit.terms) + fit.n_absorbed).value))
    options = setting.of(Cluster)
    groups = [cluster_codes(design, name, fit.rows) for name in options.names]
    clusters = min(int(codes.max()) + 1 for codes in groups)
    k = parameters(fit, design, groups, options.count)
    return float(np.sqrt(cluster_factor(options.small_sample, clusters, n, k, options.count).value))


def comparable(settings: Sequence[Setting]) -> Iterator[int]:
    """Places of the settings whose errors other libraries have: classical, robust, clustered without correction."""
    for index, setting in enumerate(settings):
        plain = (setting.options.small_sample or "CR1") in ("CR0", "CR1")
        known = setting.method in (CLASSICAL, ROBUST) or (setting.method == CLUSTER and plain)
        if known and setting.not_available is None:
            yield index


def lacking(design: Design, fit: Fit) -> str:
    """Why linearmodels lacks the model, by a code; empty where it has it."""
    kind, effects, rows = design.spec.estimator, design.spec.effects, fit.rows
    if kind == "fe":
        codes = [compact(effect_codes(design, effect)[rows]) for effect in effects]
        if len(codes) == 2 and (nested(codes[0], codes[1]) or nested(codes[1], codes[0])):
            return "nested_effects_counted_twice"
    if len(effects) > 2 or (kind != "fe" and set(effects) - {"unit", "period"}):
        return "no_such_effects"
    if kind == "re" and not _as_theirs(design):
        return "random_effects_of_units_alone"
    return ""


def _as_theirs(design: Design) -> bool:
    """Whether random effects are those that linearmodels has: of units alone, by Swamy and Arora, without weights."""
    components = design.spec.of(RandomEffects).components
    return "unit" not in design.spec.effects and components == "swar" and design.weights is None
