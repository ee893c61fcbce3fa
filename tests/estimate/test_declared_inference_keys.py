"""A declared key of an inference setting is never ignored: another value changes the errors, or is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_declared_keys import SCHEMA, declared, folder, outcome_of

from ruralpanel.project.kinds.inference import INFERENCE, KEYS

pytestmark = pytest.mark.slow

__all__ = ["folder"]  # the fixture

BASE: dict[str, dict[str, Any]] = {
    "classical": {"vcov": "classical"},
    "hc": {"vcov": "hc"},
    "cluster": {"vcov": "cluster"},
    "driscoll_kraay": {"vcov": "driscoll_kraay", "lag": 1},
    "conley": {"vcov": "conley", "cutoff_km": 150},
    "own": {"vcov": "own"},
    "akm": {"vcov": "akm"},
    "akm0": {"vcov": "akm0"},
    "wild_cluster": {"bootstrap": "wild_cluster", "draws": 199, "weights": "webb"},
    "permutation": {"randomisation": "permutation", "draws": 99},
    "treatment": {"randomisation": "treatment", "draws": 99},
}
"""A right setting of each method."""

OTHER: dict[str, Any] = {
    "critical": "normal",
    "kind": "HC1",
    "by": "region_pair",
    "small_sample": "CR2",
    "count": "all",
    "lag": 2,
    "kernel": "uniform",
    "cutoff_km": 250,
    "draws": 299,
    "weights": "rademacher",
    "interval": False,
    "over": "rows",
    "scheme": "rows",
    "subcluster": "unit",
    "theta": "fixed",
}
"""A value of each key that is not the default; values that a method does not know are refused by name."""

ESTIMATOR = {"hc": "pooled", "classical": "pooled", "permutation": "pooled", "own": "cce", "treatment": "did"}


def combinations() -> Iterator[tuple[str, str]]:
    yield from ((method, key) for method, kind in INFERENCE.items() for key in kind.keys)


def test_every_method_and_key_of_inference_has_a_case() -> None:
    keys = SCHEMA["$defs"]["inference"]["items"]["properties"]
    methods = {method for kind in KEYS for method in keys[kind]["enum"]}
    assert methods == set(INFERENCE) == set(BASE)
    assert set(keys) - set(KEYS) == set(OTHER) == {key for _, key in combinations()}


@pytest.mark.parametrize(("method", "key"), list(combinations()))
def test_a_key_of_a_setting_is_heard(method: str, key: str, folder: Path) -> None:
    estimator = ESTIMATOR.get(method, "fe")
    variant = {"cce": "mean_group", "did": "twfe"}.get(estimator, "")
    model = declared(estimator, variant) | {"simulated_size": False}
    first = [{"vcov": "cluster", "by": "unit"}] if method in ("wild_cluster", "permutation", "treatment") else []
    allowed = {"hc": ["independent_rows"], "driscoll_kraay": ["few_periods"]}.get(method, [])
    allowed = [*allowed, "normal_critical_values"] if key == "critical" else allowed
    model |= {"allow": allowed} if allowed else {}
    setting = BASE[method] | ({"by": "region_pair"} if key in ("subcluster", "theta") else {})
    before = outcome_of(model | {"inference": [*first, setting]}, folder)
    after = outcome_of(model | {"inference": [*first, setting | {key: OTHER[key]}]}, folder)
    assert before.startswith("{"), before
    assert after != before
    if not after.startswith("{"):
        assert key in after, after
