"""Dynamic panels and common correlated effects against published numbers, through the functions of the workflow."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import data_sets
import numpy as np
import pandas as pd
import pytest
import yaml
from linearmodels.datasets import munnell

from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.model import Model
from ruralpanel.estimate.base.results import Design
from ruralpanel.estimate.estimate import estimate
from ruralpanel.estimate.families.common_effects import unit_roots
from ruralpanel.project.settings import InferenceSpec

CASES: list[dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("numbers_dynamic.yaml").read_text(encoding="utf-8")
)
OWN = (InferenceSpec("own"),)


@cache
def empluk() -> pd.DataFrame:
    """Logarithms of employment, wage, capital, output."""
    raw = pd.read_csv(Path(__file__).parent / "data" / "empluk.csv")
    logs = np.log(raw[["emp", "wage", "capital", "output"]].to_numpy())
    return raw[["firm", "year"]].assign(**dict(zip(("n", "w", "k", "ys"), logs.T, strict=True)))


def design(case: dict[str, Any]) -> Design:
    if case["data"] == "munnell":
        return data_sets.design("munnell", "cce", ("unit",), method=case["method"], inference=OWN)
    frame = empluk()
    found = design_from_arrays(
        frame["n"].to_numpy(),
        frame[case["regressors"]].to_numpy(),
        frame["firm"].tolist(),
        frame["year"].tolist(),
        terms=case["regressors"],
        estimator="dynamic_panel",
        method=case["method"],
        effects=("unit", "period"),
        options={"collapse": False, **case["options"]},
        inference=OWN,
    )
    return replace(found, spec=replace(found.spec, outcome="n"))


def quantity(result: Model, kind: str, name: str) -> float:
    if kind in ("test", "df"):
        test = result.tests[name]
        return test.statistic if kind == "test" else float(test.df)  # type: ignore[arg-type]
    if kind == "n":
        return float(result.n_obs if name == "rows" else result.n_instruments)
    if kind.startswith("two_step"):
        return float(result.by_step[name][kind])
    return float(getattr(result.coefficient(name), kind))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['data']}-{case['model']}")
def test_stored_numbers(case: dict[str, Any]) -> None:
    assert case["source"] and case["why"]
    panel = design(case)
    result = estimate(panel.spec, panel, 20120126, "")
    wanted = {(kind, name): number for kind, names in case["values"].items() for name, number in names.items()}
    found = {key: quantity(result, *key) for key in wanted}
    assert found == pytest.approx(wanted, abs=case["tolerance"], rel=0)


def test_unit_root_test_of_plm() -> None:
    """R plm, example of cipstest: gross state product, trend, two lags, not truncated; five digits are printed."""
    table = munnell.load().pivot(index="ST_ABB", columns="YR", values="GSP").to_numpy(dtype=float)
    found = unit_roots.cips(table, lags=2, case="trend")
    assert found.plain == pytest.approx(-0.58228, abs=5e-6)
