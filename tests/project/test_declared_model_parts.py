"""A declared key inside a key of a model is never ignored: another value changes the result, or is refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_declared_keys import SCHEMA, declared, estimated, folder, misfits, outcome_of

from ruralpanel.project.kinds.estimators import ESTIMATORS

pytestmark = pytest.mark.slow

__all__ = ["folder"]  # the fixture

DATED = {"first_by_unit": "start"}
BASE: dict[str, dict[str, Any]] = {
    "treatment": {"units": "region == 'North'", "first": 2006},
    "gap": {"by": "zone", "group": "North", "reference": "South"},
    "marginal_effects": {"of": "lever", "over": "third"},
}
"""A right value of each key that holds keys."""

OTHER: dict[str, dict[str, Any]] = {
    "treatment": {"units": "zone == 'North'", "first": 2007, "first_by_unit": "later"},
    "gap": {"by": "region", "group": "East", "reference": "East"},
    "marginal_effects": {"of": "fourth", "over": "fourth", "at": [0.123]},
}
"""Another value of each key within."""

INTERACTED = ["lever", "third", "lever:third", "fourth", "fourth:third", "lever:fourth"]


def parts() -> dict[str, set[str]]:
    """Key of a model → the keys that its value holds, as the schema has them."""
    found = {}
    for key, part in SCHEMA["$defs"]["model"]["properties"].items():
        inner = SCHEMA["$defs"][part["$ref"].rpartition("/")[2]] if "$ref" in part else part
        inner = inner.get("items", inner)
        if "properties" in inner and key != "inference":  # test_declared_inference_keys
            found[key] = set(inner["properties"])
    return found


def combinations() -> Iterator[tuple[str, str, str, str]]:
    for estimator, keys in ESTIMATORS.items():
        for name, within in parts().items():
            if name == "marginal_effects" or name in keys.keys:
                methods = list(keys.methods)[:1] if name == "marginal_effects" else keys.methods
                yield from ((estimator, method, name, key) for method in methods for key in sorted(within))


def test_every_key_within_a_key_has_a_case() -> None:
    assert parts() == {name: set(values) for name, values in OTHER.items()}
    assert {name for _, _, name, _ in combinations()} == set(parts())
    assert (
        misfits({name: [value] if name == "marginal_effects" else value for name, value in OTHER.items()}, "model")
        == []
    )


@pytest.mark.parametrize(("estimator", "method", "name", "key"), list(combinations()))
def test_a_key_within_a_key_is_heard(estimator: str, method: str, name: str, key: str, folder: Path) -> None:
    model = declared(estimator, method)
    base = DATED if key == "first_by_unit" else BASE[name]
    if name == "marginal_effects":
        model["regressors"] = INTERACTED[:3] if estimator == "cce" else INTERACTED
        model |= {"endogenous": ["z1"], "instruments": ["z2"]} if estimator == "iv" else {}

    def with_value(value: dict[str, Any]) -> dict[str, Any]:
        return model | {name: [value] if name == "marginal_effects" else value}

    before = outcome_of(with_value(base), folder)
    after = outcome_of(with_value(base | {key: OTHER[name][key]}), folder)
    if name == "marginal_effects" and not before.startswith("{"):
        assert f"models.m.{name}" in before and f"models.m.{name}" in after
        return
    assert before.startswith("{"), before
    assert after != before
    if not after.startswith("{"):
        assert f"models.m.{name}" in after, after


@pytest.mark.parametrize("name", ["of", "over"])
def test_a_marginal_effect_of_terms_that_are_there(name: str, folder: Path) -> None:
    model = declared("fe", "") | {"regressors": INTERACTED}
    effects = [BASE["marginal_effects"], BASE["marginal_effects"] | {name: "fourth"}]
    before, after = (outcome_of(model | {"marginal_effects": [effect]}, folder) for effect in effects)
    assert before.startswith("{") and after.startswith("{") and before != after


@pytest.mark.parametrize(("estimator", "method"), [
    (estimator, method) for estimator, kind in ESTIMATORS.items() for method, variant in kind.methods.items()
    if not (kind.marginal_effects and variant.marginal_effects)
])  # fmt: skip
def test_marginal_effects_of_estimators_without_coefficients_of_regressors(
    estimator: str, method: str, folder: Path
) -> None:
    model = declared(estimator, method) | {"regressors": INTERACTED[:3]}
    refused = outcome_of(model | {"marginal_effects": [BASE["marginal_effects"]]}, folder)
    assert "config.yaml: models.m.marginal_effects" in refused and "leave marginal_effects out" in refused


def test_neighbours_means_are_no_moderators(folder: Path) -> None:
    """In a model with neighbours' means of x the effect of x at z is that of x and x:z alone."""
    model = declared("spatial", "slx") | {"regressors": INTERACTED[:3], "spatial_lags": ["lever"]}
    model |= {"marginal_effects": [BASE["marginal_effects"] | {"at": [2.0]}]}
    found = estimated(model, folder)
    slopes = {row["term"]: row["estimate"] for row in found.to_dict()["coefficients"]}
    (effect,) = found.to_dict()["marginal_effects"]
    (at,) = [point["estimate"] for point in effect["points"] if point["at"] == 2.0]
    assert at == pytest.approx(slopes["lever"] + 2.0 * slopes["lever:third"], rel=1e-12) and effect["held"] == {}
