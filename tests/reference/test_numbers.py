"""Estimator × data set × inference against stored numbers, through the functions that the workflow uses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from data_sets import design

from ruralpanel.estimate.estimate import estimate
from ruralpanel.estimate.estimators import fit
from ruralpanel.estimate.inference import dependence
from ruralpanel.project.kinds.inference import DriscollKraay
from ruralpanel.project.settings import InferenceSpec

CASES: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("numbers.yaml").read_text(encoding="utf-8"))


def name_of(case: dict[str, Any]) -> str:
    inference = case.get("inference", {}) | case.get("options", {})
    what = "-".join(str(value) for value in inference.values()) or "-".join(case["values"])
    return "-".join([case["data"], case["estimator"], *case.get("effects", []), what])


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_stored_numbers(case: dict[str, Any]) -> None:
    assert case["source"] and case["why"]
    options = dict(case.get("inference", {"method": "cluster"}))
    setting = InferenceSpec(options.pop("method"), options)
    panel = design(
        case["data"],
        case["estimator"],
        case.get("effects", ()),
        method=case.get("method", ""),
        inference=(setting,),
        options=case.get("options"),
    )
    wanted = {(kind, name): number for kind, names in case["values"].items() for name, number in names.items()}
    found = {key: quantity(panel, setting, *key) for key in wanted}
    assert found == pytest.approx(wanted, abs=case["tolerance"], rel=0)


def quantity(panel: Any, setting: InferenceSpec, kind: str, name: str) -> float:
    if setting.method == "driscoll_kraay":
        # 17 periods are outside the method's range: `infer` refuses them, the formula behind it is what is compared
        fitted = fit(panel)
        options = setting.of(DriscollKraay)
        assert options.lag is not None
        vcov, _ = dependence.driscoll_kraay_covariance(fitted, panel, options.lag, options.small_sample)
        return float(np.sqrt(np.diag(vcov))[fitted.terms.index(name)])
    result = estimate(panel.spec, panel, 20120126, "")
    if kind == "test":
        return result.tests[name].statistic
    if kind == "fit":
        return result.fit[name]
    return float(getattr(result.coefficient(name), kind))


def test_cr3_is_not_multiplied_by_a_factor() -> None:
    """One package multiplies CR1's factor on top of CR3: the difference is exactly that factor."""
    panel = design("munnell", "fe", ["unit"], inference=(InferenceSpec("cluster", {"small_sample": "CR3"}),))
    error = estimate(panel.spec, panel, 0, "").coefficient("log_pcap").std_error
    assert error is not None
    factor = 48 / 47 * 815 / 811
    assert error * np.sqrt(factor) == pytest.approx(0.06554456, abs=5e-9)


@pytest.mark.parametrize(
    ("estimator", "effects", "constant", "error"),
    [
        ("pooled", (), 1.6433023, 0.0575873),
        ("between", (), 1.5894444, 0.2329796),
        ("re", (), 2.1354110, 0.1334615),
        ("fe", ("unit",), 2.352898, 0.1748131),
    ],
)
def test_the_constant(estimator: str, effects: tuple[str, ...], constant: float, error: float) -> None:
    """Munnell: plm's intercepts (its vignette's model on Produc), and ``_cons`` of Stata's ``xtreg, fe``."""
    panel = design("munnell", estimator, effects, inference=(InferenceSpec("classical"),))
    panel = replace(panel, spec=replace(panel.spec, options=panel.spec.options.changed(constant=True)))
    row = estimate(panel.spec, panel, 0, "").coefficients[-1]
    assert (row.term, row.estimate) == ("constant", pytest.approx(constant, abs=2e-6))
    assert row.std_error == pytest.approx(error, abs=2e-6)
