"""Which module serves which method of inference; modules are imported when a setting asks for them."""

from __future__ import annotations

import importlib

from ruralpanel.contracts.problems import did_you_mean
from ruralpanel.contracts.specs import InferenceSpec
from ruralpanel.estimators.base import Design, Fit, Inference
from ruralpanel.inference import validity

METHODS: dict[str, str] = {
    "cluster": "ruralpanel.inference.cluster",
    "hc": "ruralpanel.inference.hc",
    "classical": "ruralpanel.inference.classical",
    "own": "ruralpanel.inference.own",
    "akm": "ruralpanel.inference.akm",
    "akm0": "ruralpanel.inference.akm",
    "driscoll_kraay": "ruralpanel.inference.driscoll_kraay",
    "conley": "ruralpanel.inference.conley",
    "wild_cluster": "ruralpanel.inference.wild",
    "permutation": "ruralpanel.inference.permutation",
    "treatment": "ruralpanel.inference.treatment_sets",
}


def infer(fit: Fit, design: Design, setting: InferenceSpec, seed: int) -> Inference:
    """Inference for all terms of the fit under one setting.

    Parameters
    ----------
    seed : the project's seed; each method derives a stream from it, the model's name, its own name and the term.

    Raises
    ------
    UserError
        Unknown method, or a panel outside the range in which the method is valid.
    """
    if setting.method not in METHODS:
        validity.stop(
            design, f'"{setting.method}"', "one of " + ", ".join(METHODS), did_you_mean(setting.method, METHODS)
        )
    result: Inference = importlib.import_module(METHODS[setting.method]).infer(fit, design, setting, seed)
    return result
