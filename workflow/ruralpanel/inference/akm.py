"""Errors of shift-share models by sector: units exposed to the same shocks have errors in common."""

from __future__ import annotations

import numpy as np
from scipy import special

from ruralpanel.contracts.specs import InferenceSpec
from ruralpanel.estimators import shift_share
from ruralpanel.estimators.base import Design, Fit, Inference
from ruralpanel.estimators.iv_system import system_of
from ruralpanel.inference import anderson_rubin, validity


def infer(fit: Fit, design: Design, setting: InferenceSpec, seed: int = 0) -> Inference:
    """AKM (``vcov: akm``), or AKM0, with the null imposed (``vcov: akm0``), of the one endogenous regressor (Adão,
    Kolesár and Morales 2019).

    Normal critical values. AKM0's set may be two rays or everything: ``set`` in the result's options says so, interval
    ends are its outermost ones. Exogenous regressors have no errors under this setting.

    Raises
    ------
    UserError
        The model has no shift-share instrument, or others beside it; fewer than 20 sectors (akm0: 5).
    """
    if shift_share.exposure_of(design) is None:
        validity.stop(
            design,
            f"vcov: {setting.method}",
            "a model with shares and shocks",
            instead=(validity.UNIT_CLUSTERS, validity.ROBUST),
        )
    system = system_of(shift_share.with_instrument(design))
    sectors = shift_share.sectors_of(design, system)
    least = shift_share.MIN_SECTORS[setting.method]
    warnings: tuple[str, ...] = ()
    if sectors.y.size < least:
        found = f"vcov: {setting.method} with {sectors.y.size} sectors"
        expected = f"at least {least} sectors: with fewer it rejects true hypotheses too often"
        others = [InferenceSpec("akm0")] if setting.method == "akm" else []
        others += [InferenceSpec("wild_cluster", {"by": "unit"}), validity.UNIT_CLUSTERS, validity.ROBUST]
        warnings = validity.refuse(design, "few_sectors", found, expected, instead=tuple(others))
    terms = len(fit.terms)
    columns = {name: np.full(terms, np.nan) for name in ("std_error", "statistic", "p_value", "ci_low", "ci_high")}
    notes = ["the endogenous regressor alone; exogenous ones have the other settings' errors"]
    extra: dict[str, object] = {"critical": "normal", "sectors": sectors.y.size}
    if setting.method == "akm":
        error = sectors.std_error()
        columns["std_error"][0], columns["statistic"][0] = error, sectors.estimate / error
        columns["p_value"][0] = 2.0 * special.ndtr(-abs(sectors.estimate / error))
        columns["ci_low"][0] = sectors.estimate - shift_share.NORMAL * error
        columns["ci_high"][0] = sectors.estimate + shift_share.NORMAL * error
    else:
        pieces = sectors.confidence_set()
        columns["p_value"][0] = special.chdtrc(1.0, sectors.statistic().at(0.0))
        columns["ci_low"][0], columns["ci_high"][0] = pieces[0][0], pieces[-1][1]
        extra |= {"term": fit.terms[0], **anderson_rubin.described(pieces)}
        if anderson_rubin.shape(pieces) != "interval":
            notes.append(f"{fit.terms[0]}: {extra['words']}")
    imposed = ", null imposed" if setting.method == "akm0" else ""
    return Inference(
        method=setting.method,
        p_value=columns["p_value"],
        ci_low=columns["ci_low"],
        ci_high=columns["ci_high"],
        std_error=columns["std_error"] if setting.method == "akm" else None,
        statistic=columns["statistic"] if setting.method == "akm" else None,
        df=np.full(terms, np.inf),
        by="sector",
        small_sample=f"sums by sector of shocks times exposed residuals{imposed}; no factor",
        n_clusters=sectors.y.size,
        notes=tuple(notes),
        overrides=warnings,
        extra=extra,
    )
