"""A configuration whose models are all right, to be spoilt, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import make_tiny, tiny_config
from ruralpanel.project.check import check
from ruralpanel.project.load import read_config
from ruralpanel.project.problems import Problem, UserError

Change = Callable[[dict[str, Any]], Any]
UNITS = [f"U{i:02d}" for i in range(1, 21)]
POLICY = {"units": "region == 'North'", "first": 2005}
REGIMES = {"first": "lever", "second": "output", "spans": [[2001, 2004]]}
CLUSTERS = {"variable": "lever", "weights_matrix": "near"}
GAP = {"by": "region", "group": "North", "reference": "South"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = make_tiny(tmp_path_factory.mktemp("checked"))
    lines = (place / "units.csv").read_text(encoding="utf-8").splitlines()
    extra = ["started,zero,late,word"]
    extra += [
        f"{'' if i > 4 else 2004 + i},{0 if i > 4 else 2004 + i},{9999 if i > 4 else 2004 + i},never" for i in range(20)
    ]
    text = "\n".join(f"{line},{more}" for line, more in zip(lines, extra, strict=True))
    (place / "units.csv").write_text(text + "\n", encoding="utf-8")
    yield place


def models() -> dict[str, Any]:
    """A model of each kind, all of them right."""
    return {
        "effect": {"estimator": "fe", "outcome": "log_output", "regressors": ["lever"]},
        "product": {
            "estimator": "fe",
            "outcome": "log_output",
            "regressors": ["lever", "other", "lever:other"],
            "marginal_effects": [{"of": "lever", "over": "other", "at": ["p25", 1]}],
        },
        "two_stage": {"estimator": "iv", "outcome": "log_output", "endogenous": ["lever"], "instruments": ["other"]},
        "dynamic": {"estimator": "dynamic_panel", "outcome": "log_output", "regressors": ["lever"]},
        "policy": {"estimator": "did", "outcome": "log_output", "treatment": dict(POLICY)},
        "event": {"estimator": "event_study", "outcome": "log_output", "treatment": dict(POLICY), "reference": 2004},
        "dated": {
            "estimator": "did",
            "method": "callaway_santanna",
            "outcome": "log_output",
            "treatment": {"first_by_unit": "started"},
            "comparison": "not_yet",
        },
        "two_way": {"estimator": "did", "outcome": "log_output", "treatment": dict(POLICY)},
        "system": {"estimator": "sur", "outcome": ["log_output", "other"], "regressors": ["lever"]},
        "parts": {
            "estimator": "decomposition",
            "outcome": "log_output",
            "gap": dict(GAP),
            "blocks": {"a": ["lever"], "b": ["other"]},
        },
        "common": {"estimator": "cce", "outcome": "log_output", "regressors": ["lever"]},
        "random": {"estimator": "re", "outcome": "log_output", "regressors": ["lever"]},
    }  # fmt: skip


def whole() -> dict[str, Any]:
    config: dict[str, Any] = tiny_config()
    config["variables"]["other"] = {"formula": "lag(lever, 1)"}
    config["models"] = models()
    config["hypotheses"]["T1"]["others"] = [
        {"model": "dynamic", "term": "lever"},
        {"model": "two_stage", "term": "lever"},
    ]
    config["tables"]["gaps"] = {"type": "by_unit", "models": ["parts"]}
    config["tables"]["comparisons"] = {"type": "bacon", "models": ["two_way"]}
    config["tables"]["described"] = {"type": "descriptive", "panel": "main", "variables": ["lever"], "periods": [2001]}
    config["figures"]["event"] = {"type": "event_study", "models": ["event"]}
    config["figures"]["along"] = {"type": "marginal_effect", "model": "product"}
    return config


def problems_of(folder: Path, config: dict[str, Any]) -> tuple[Problem, ...]:
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    try:
        return check(read_config(folder / "config.yaml"))
    except UserError as error:
        return error.problems


def put(*path: str | int, value: Any) -> Change:
    def change(config: dict[str, Any]) -> None:
        parent: Any = config
        for key in path[:-1]:
            parent = parent[key]
        parent[path[-1]] = value

    return change
