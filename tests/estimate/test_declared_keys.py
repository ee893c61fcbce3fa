"""A declared key is never ignored: another value than the default changes the result, or is refused by name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from conftest import make_tiny, tiny_config
from ruralpanel.estimate.base.design import build_design
from ruralpanel.estimate.base.model import Model
from ruralpanel.estimate.estimate import estimate
from ruralpanel.estimate.places.geography import Geography
from ruralpanel.project.check import check
from ruralpanel.project.config_schema import config_schema
from ruralpanel.project.files import plain
from ruralpanel.project.kinds.estimators import ESTIMATORS
from ruralpanel.project.kinds.options import keys_of_methods
from ruralpanel.project.load import read_config
from ruralpanel.project.problems import UserError, raise_any
from ruralpanel.project.schema import check_schema
from ruralpanel.project.sections import configuration
from ruralpanel.project.settings import WORDS
from ruralpanel.project.units import Units, load_units

pytestmark = pytest.mark.slow

SCHEMA = config_schema()
NUMBER, PERIODS = 20, range(2001, 2013)
POLICY = {"units": "region == 'North'", "first": 2006}
GAP = {"by": "region", "group": "North", "reference": "South"}
CR1 = {"vcov": "cluster", "by": "unit"}

OWN: dict[str, dict[str, Any]] = {
    "iv": {"regressors": ["size"], "endogenous": ["lever"], "instruments": ["z1", "z2"]},
    "hausman_taylor": {"endogenous": ["s1"]},
    "dynamic_panel": {"effects": ["unit"]},
    "event_study": {"regressors": [], "treatment": POLICY},
    "did": {"regressors": [], "treatment": POLICY, "draws": 99},
    "ppml": {"outcome": "count"},
    "sur": {"outcome": ["log_output", "other"], "draws": 99},
    "spatial": {"weights_matrix": "ring", "draws": 99},
    "decomposition": {"regressors": [], "gap": GAP, "blocks": {"a": ["lever"], "b": ["third"]}, "draws": 99},
    "counterfactual": {"gap": GAP, "levers": ["lever"]},
}
"""What each estimator's model has beside an outcome and two regressors."""

WITH_ERRORS = ("cce", "decomposition", "spatial")
OTHER: dict[str, Any] = {
    "panel": "short",
    "outcome": "other",
    "regressors": ["third"],
    "controls": ["fourth"],
    "effects": ["period"],
    "weights": "size",
    "sample": "early",
    "inference": [{"vcov": "cluster", "by": "region_pair"}],
    "marginal_effects": [{"of": "lever", "over": "third"}],
    "simulated_size": True,
    "weights_matrix": "line",
    "allow": ["few_clusters"],
    "components": "walhus",
    "endogenous": ["fourth"],
    "instruments": ["z1"],
    "lags": 2,
    "regressor_lags": {"lever": 1},
    "gmm_lags": [2, 3],
    "collapse": False,
    "predetermined": ["lever"],
    "endogenous_regressors": ["lever"],
    "steps": 1,
    "initial_weights": "identity",
    "treatment": {"units": "region == 'North'", "first": 2007},
    "reference": 2003,
    "group_trends": True,
    "comparison": "not_yet",
    "draws": 149,
    "exposure": "size",
    "equations": {"other": ["third"]},
    "spatial_lags": ["third"],
    "correction": "none",
    "gap": {"by": "region", "group": "South", "reference": "North"},
    "blocks": {"a": ["lever", "third"], "b": ["fourth"]},
    "levers": ["third"],
    "drop_absorbed": True,
    "constant": True,
    "shares": ["s1", "s3"],
    "shocks": ["g1", "g3"],
}
"""A value of each key that is not the default."""

APART = ("shares", "shocks")
"""Keys that come together, in place of instruments."""


def combinations() -> Iterator[tuple[str, str, str]]:
    """(estimator, method, key): an estimator's own keys by method, keys of all models with the first method."""
    for estimator, kind in ESTIMATORS.items():
        for method in kind.methods:
            own = {*kind.keys} - set(APART)
            shared = {*configuration.Model.model_fields} - {"estimator", "method"} - WORDS
            shared = shared if method == kind.method else {"effects"}
            yield from ((estimator, method, key) for key in sorted(own | shared))


def test_every_key_of_models_has_a_case() -> None:
    keys = set(SCHEMA["$defs"]["model"]["properties"]) - {"estimator", "method"} - WORDS
    assert keys == set(OTHER) == {key for _, _, key in combinations()} | set(APART)


def test_another_value_is_one_that_the_schema_takes() -> None:
    assert misfits(OTHER, "model") == []


def misfits(values: Mapping[str, Any], part: str) -> list[str]:
    """Values that a part of the schema refuses by themselves: they would tell nothing of whether a key is heard."""
    every = {**SCHEMA, "required": [], "properties": SCHEMA["$defs"][part]["properties"]}
    return [str(problem) for problem in check_schema(dict(values), every, "c")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = make_tiny(tmp_path_factory.mktemp("keys"))
    ids = [f"U{i:02d}" for i in range(1, NUMBER + 1)]
    zones = ["North"] * 8 + ["South"] * 8 + ["East"] * 4
    rows = [
        f"{unit},Unit {i},{'North' if i < 10 else 'South'},P{i // 2},{zones[i]},{100 + i % 5},{25 + i // 5}"
        for i, unit in enumerate(ids)
    ]
    head = "id,name_en,region,region_pair,zone,longitude,latitude"
    (place / "units.csv").write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    for name, steps in (("ring", (1, -1)), ("line", (1, -1, 2, -2))):
        lines = [f"{ids[i]},{ids[(i + step) % NUMBER]},1" for i in range(NUMBER) for step in steps]
        (place / f"{name}.csv").write_text("\n".join(["unit,neighbour,weight", *lines]) + "\n", encoding="utf-8")
    return place


@cache
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    number = NUMBER * len(PERIODS)
    names = ["lever", "third", "fourth", "z1", "z2"]
    table = pd.DataFrame(rng.normal(size=(number, len(names))), columns=names)
    level = np.repeat(rng.normal(size=NUMBER), len(PERIODS))
    table["lever"] += 0.8 * table["z1"] + 0.5 * table["z2"] + 0.5 * level
    table["fourth"] += 0.8 * table["z1"] - 0.5 * table["z2"]
    table["log_output"] = 0.5 * table["lever"] + 0.2 * table["third"] + level + rng.normal(size=number)
    table["other"] = 0.3 * table["lever"] + level + rng.normal(size=number)
    table["count"] = rng.poisson(np.exp(0.3 * table["lever"] + 1.0)).astype(float)
    table["size"] = rng.uniform(1.0, 3.0, size=number)
    first = [2006 if i < 5 else 2009 if i < 9 else np.nan for i in range(NUMBER)]
    table["start"] = np.repeat(first, len(PERIODS))
    table["later"] = table["start"] + 1
    for name in ("s1", "s2", "s3"):
        table[name] = np.repeat(rng.uniform(0.1, 0.3, size=NUMBER), len(PERIODS))
    for name in ("g1", "g2", "g3"):
        table[name] = np.tile(rng.normal(size=len(PERIODS)), NUMBER)
    table["double"], table["twice"] = 2.0 * table["lever"], 2.0 * table["size"]
    table.insert(0, "period", np.tile(list(PERIODS), NUMBER))
    table.insert(0, "unit", np.repeat([f"U{i:02d}" for i in range(1, NUMBER + 1)], len(PERIODS)))
    return table


def declared(estimator: str, method: str) -> dict[str, Any]:
    values: dict[str, Any] = {"estimator": estimator, "outcome": "log_output", "regressors": ["lever"]}
    values["simulated_size"] = False  # the default is tried as another value: it takes the longest
    own = (estimator in WITH_ERRORS and method != "slx") or method.startswith("synthetic")
    values |= {"inference": [{"vcov": "own"} if own else CR1]} | OWN.get(estimator, {})
    if method not in keys_of_methods(ESTIMATORS[estimator].options).get("draws", (method,)):
        values.pop("draws", None)
    if method:
        values["method"] = method
    if method in ("difference_gmm", "system_gmm"):
        values |= {"collapse": True, "gmm_lags": [2, 4]}
    if method in ("sdm", "sdem", "slx"):
        values["spatial_lags"] = ["lever"]
    return values


def outcome_of(model: Mapping[str, Any], folder: Path) -> str:
    """The result of the model as text, or the problems that `check` or the estimator finds."""
    return _outcome_of(json.dumps(model), folder)


@cache
def _outcome_of(model: str, folder: Path) -> str:
    try:
        found = estimated(json.loads(model), folder).to_dict()
    except UserError as error:
        return "\n".join(str(problem) for problem in error.problems)
    found.pop("spec")
    return json.dumps(plain(found), sort_keys=True)


def estimated(model: Mapping[str, Any], folder: Path, defaults: Mapping[str, Any] | None = None) -> Model:
    """The result of a model on the made-up figures; `UserError` with all that `check` finds."""
    config: dict[str, Any] = tiny_config()
    config |= {} if defaults is None else {"defaults": dict(defaults)}
    for name in set(frame()) - {"unit", "period", "lever", "log_output"}:
        config["variables"][name] = {"formula": "lever + 0"}
    config["panels"] = {"main": {"periods": list(PERIODS)}, "short": {"periods": list(PERIODS)[:10]}}
    config["samples"] = {"early": {"drop_periods": [2011, 2012]}}
    config["weights_matrices"] = {name: {"type": "file", "path": f"{name}.csv"} for name in ("ring", "line")}
    config |= {"models": {"m": dict(model)}, "hypotheses": {}, "tables": {}, "figures": {}}
    path = folder / "config.yaml"
    path.write_text(json.dumps(config), encoding="utf-8")  # which YAML reads
    read = read_config(str(path))
    raise_any(check(read))
    spec = read.models["m"]
    table = frame()
    table = table[table["period"].isin(read.panels[spec.panel].periods)].reset_index(drop=True)
    units: Units = load_units(read.units)
    geography = Geography(units, None, read.weights_matrices, "config.yaml")
    design = geography.placed(build_design(spec, table, units, read.samples.get(spec.sample)))
    return estimate(spec, design, 1, "sha")


@pytest.mark.parametrize(("estimator", "method", "key"), list(combinations()))
def test_a_key_of_a_model_is_heard(estimator: str, method: str, key: str, folder: Path) -> None:
    model = declared(estimator, method)
    if key == "drop_absorbed":
        model["regressors"] = ["size", "twice"] if estimator == "iv" else ["lever", "double"]
    if key == "comparison" and method in ("callaway_santanna", "stacked"):
        model |= {"treatment": {"first_by_unit": "start"}}
    if key == "marginal_effects" and estimator not in OWN:
        model["regressors"] = ["lever", "third", "lever:third"]
    before = outcome_of(model, folder)
    assert before.startswith("{") or key == "drop_absorbed", before
    value = OTHER[key]
    if key == "effects":
        value = ["unit", "period"] if model.get("effects", ["unit", "period"]) != ["unit", "period"] else ["period"]
    after = outcome_of(model | {key: value}, folder)
    assert after != before
    if not after.startswith("{"):
        assert key.removesuffix("s") in after, after


@pytest.mark.parametrize("key", APART)
def test_a_key_of_shift_share_instruments_is_heard(key: str, folder: Path) -> None:
    model = declared("iv", "2sls") | {"shares": ["s1", "s2"], "shocks": ["g1", "g2"]}
    del model["instruments"]
    before, after = outcome_of(model, folder), outcome_of(model | {key: OTHER[key]}, folder)
    assert before.startswith("{") and after.startswith("{") and before != after


@pytest.mark.parametrize(("method", "beside"), [
    *((method, beside) for method in ("twfe", "callaway_santanna") for beside in (
        {"treatment": {"first_by_unit": "start"}}, {"regressors": ["third"]}, {"controls": ["third"]})),
    ("twfe", {"weights": "size"}), ("twfe", {"group_trends": True}),
], ids=str)  # fmt: skip
def test_draws_of_an_event_study_without_treated_sets_that_change_hands(
    method: str, beside: dict[str, Any], folder: Path
) -> None:
    model = declared("event_study", method) | beside
    assert outcome_of(model, folder).startswith("{")
    assert "models.m.draws" in outcome_of(model | {"draws": 99}, folder)


@pytest.mark.parametrize("estimator", ["did", "event_study"])
def test_weights_that_a_method_has_no_form_for_are_refused_before_any_figure_is_read(
    estimator: str, folder: Path
) -> None:
    refused = outcome_of(declared(estimator, "callaway_santanna") | {"weights": "size"}, folder)
    assert "config.yaml: models.m.weights" in refused and "write weights: null in the model" in refused


def test_draws_of_an_event_study_of_too_few_treated_units(folder: Path) -> None:
    model = declared("event_study", "twfe") | {
        "treatment": {"units": "region_pair == 'P0' and unit == 'U01'", "first": 2006}
    }
    few = "draws_without_use"
    assert few in outcome_of(model | {"draws": 99}, folder) and few not in outcome_of(model, folder)


@pytest.mark.parametrize("key", SCHEMA["$defs"]["defaults"]["properties"])
def test_a_key_of_the_defaults_is_heard(key: str, folder: Path) -> None:
    defaults = {"inference": [CR1], "simulated_size": False}
    model = {"estimator": "fe", "outcome": "log_output", "regressors": ["lever"]}
    before, after = (
        json.dumps(plain(estimated(model, folder, given).to_dict()), sort_keys=True)
        for given in (defaults, defaults | {key: OTHER[key]})
    )
    assert after != before
