"""Limits without bound in a comparison, also with results that wrote them as null."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ruralpanel.tools.compare.estimates import coefficient_changes

WILD = {"method": "wild_cluster", "options": {"interval": True}}


FACTS = {"n_obs": 9, "panel": "p", "units": ["A"], "periods": [2001]}


def model(folder: Path, name: str, low: Any, high: Any, setting: dict[str, Any] = WILD) -> Path:
    """A model's file with one coefficient."""
    row = {"term": "x", "estimate": 1.0, "std_error": 0.5, "p_wild": 0.4, "ci_wild_low": low, "ci_wild_high": high}
    path = folder / f"{name}.json"
    path.write_text(json.dumps({"model": "m", "coefficients": [row], "inference": [setting], "spec": {}} | FACTS))
    return path


@pytest.mark.parametrize(
    ("old", "new"), [((None, None), ("-inf", "inf")), ((None, 2.0), ("-inf", 2.0)), ((0.5, None), (0.5, "inf"))]
)
def test_a_null_of_an_earlier_version_is_the_limit_that_is_written_now(tmp_path: Path, old: Any, new: Any) -> None:
    files = model(tmp_path, "old", *old), model(tmp_path, "new", *new)
    assert list(coefficient_changes(*files, {})) == []


@pytest.mark.parametrize(
    "setting",
    [
        {"method": "wild_cluster", "options": {"interval": False}},
        {"method": "wild_cluster", "options": {"interval": True, "term": "x", "intervals": []}},
    ],
)
def test_nulls_of_a_set_that_is_empty_or_was_not_asked_for_stay_none(tmp_path: Path, setting: Any) -> None:
    files = model(tmp_path, "old", None, None, setting), model(tmp_path, "new", "-inf", "inf", setting)
    (change,) = coefficient_changes(*files, {})
    assert change.old is not None and change.old.low is None
