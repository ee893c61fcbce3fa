"""Randomisation inference over treated sets: the dates of a policy change hands, every unit keeps its whole path."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ruralpanel.contracts.specs import InferenceSpec
from ruralpanel.estimators.base import Design, Fit, Inference
from ruralpanel.inference import validity


def infer(fit: Fit, design: Design, setting: InferenceSpec, seed: int) -> Inference:
    """p-value of the effect of a `did` model over treated sets; no errors and no intervals.

    Valid where it is as good as random which units are treated, for any number of treated units, one included; the
    smallest p-value is one over the number of sets. Two-way fixed effects are compared by t with errors clustered by
    unit, so that it also holds, in large samples, where the treated are noisier; other methods by the estimate.

    Option ``draws``: number of sets; default the model's ``draws``, else 9,999 (twfe), 999 (others). All sets are gone
    through where there are no more.

    Raises
    ------
    UserError
        Another estimator, or fewer than 20 sets, where no p-value lies below .05.
    """
    from ruralpanel.estimators import did
    from ruralpanel.estimators.cohorts import sample_of

    if design.spec.estimator != "did":
        validity.stop(
            design,
            f"randomisation: treatment with estimator {design.spec.estimator}",
            "estimator: did, whose treated sets can change hands",
            "use estimator: did",
            (InferenceSpec("permutation"), validity.OWN, validity.UNIT_CLUSTERS),
        )
    options: dict[str, Any] = {**design.spec.options, "seed": seed}
    if setting.options.get("draws") is not None:
        options["draws"] = int(setting.options["draws"])
    sample = sample_of(replace(design, spec=replace(design.spec, options=options)))
    found = did.randomisation(sample, design.spec.method or "twfe")
    warnings = validity.need_sets(design, int(found["draws"]) + 1)
    p, nothing = np.full(len(fit.terms), np.nan), np.full(len(fit.terms), np.nan)
    p[fit.terms.index(did.TERM)] = found["p_value"]
    sets = f"all {found['draws'] + 1} treated sets" if found["enumerated"] else "random treated sets"
    return Inference(
        method="treatment",
        p_value=p,
        ci_low=nothing,
        ci_high=nothing,
        by="unit",
        small_sample=f"{sets}; {found['statistic']}; p counts the sample itself",
        n_clusters=int(np.unique(sample.design.unit_codes).size),
        notes=("takes it as random which units are treated",),
        overrides=warnings,
        extra={"draws": found["draws"], "enumerated": found["enumerated"], "seed": seed},
    )
