"""Numbers do not depend on the measures that columns come in; what cannot be computed is said, not a traceback."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ruralpanel.estimate.base.design import build_design
from ruralpanel.estimate.base.model import Model
from ruralpanel.estimate.base.policy_parts import TrendPower
from ruralpanel.estimate.estimate import estimate
from ruralpanel.estimate.places.geography import Geography
from ruralpanel.project.notes import note
from ruralpanel.project.problems import UserError
from ruralpanel.project.sections.data import weights_matrices
from ruralpanel.project.settings import InferenceSpec, ModelSpec
from ruralpanel.project.units import Units, load_units

pytestmark = pytest.mark.slow

NUMBER, PERIODS = 24, range(2000, 2012)
CLUSTERED = InferenceSpec("cluster", {"by": "unit", "small_sample": "CR1", "critical": "t"})
CR2 = InferenceSpec("cluster", {"by": "unit", "small_sample": "CR2", "critical": "satterthwaite"})
WILD = InferenceSpec("wild_cluster", {"by": "unit", "draws": 199, "weights": "rademacher", "interval": True})
GAP = {"by": "region", "group": "North", "reference": "South"}
BLOCKS = {"a": ["x1"], "b": ["x2"]}
TREATMENT = {"units": "rank < 8", "first": 2006}
IV = {"endogenous": ["x1"], "instruments": ["z1", "z2"]}
BOTH = ("unit", "period")


def spec(estimator: str, *, terms: tuple[str, ...] = ("x1", "x2"), method: str = "", **given: Any) -> ModelSpec:
    policy = estimator in ("did", "event_study")
    settings: tuple[InferenceSpec, ...] = {
        "between": (InferenceSpec("hc", {"kind": "HC3", "critical": "t"}),),
        "fe": (CLUSTERED, CR2, WILD),
        "iv": (CLUSTERED, WILD),
        "ppml": (CLUSTERED,),
    }.get(estimator, () if "effects" in given or policy else (CLUSTERED,))
    return ModelSpec(
        name="m",
        estimator=estimator,
        outcome="count" if estimator == "ppml" else "y",
        panel="p",
        method=method,
        regressors=() if policy else terms,
        controls=terms if policy else (),
        effects=given.pop("effects", BOTH if policy else ()),
        inference=settings,
        outcomes=tuple(given.pop("outcomes", ())),
        weights_matrix=given.get("weights_matrix"),
        options=given,
        simulated_size=estimator == "fe",
    )


SPECS = {
    "pooled": spec("pooled"),
    "between": spec("between"),
    "fe": spec("fe", effects=BOTH),
    "fd": spec("fd", effects=("period",)),
    "re": spec("re"),
    "re_walhus": spec("re", effects=("period",), components="walhus"),
    "re_amemiya": spec("re", effects=BOTH, components="amemiya"),
    "re_nerlove": spec("re", effects=BOTH, components="nerlove"),
    "2sls": spec("iv", terms=("x2",), effects=BOTH, **IV),
    "liml": spec("iv", terms=("x2",), effects=BOTH, method="liml", **IV),
    "gmm": spec("iv", terms=("x2",), effects=BOTH, method="gmm", **IV),
    "g2sls": spec("iv", terms=("x2",), effects=("period",), method="g2sls", **IV),
    "ec2sls": spec("iv", terms=("x2",), effects=("period",), method="ec2sls", **IV),
    "hausman_taylor": spec("hausman_taylor", effects=("period",), endogenous=["z1", "rank"]),
    "dynamic": spec("dynamic_panel", effects=("unit",), method="bias_corrected"),
    "difference_gmm": spec("dynamic_panel", effects=("unit",), method="difference_gmm", collapse=True, gmm_lags=[2, 4]),
    "system_gmm": spec("dynamic_panel", effects=("unit",), method="system_gmm", collapse=True, gmm_lags=[2, 4]),
    "cce": spec("cce", effects=("unit",), method="mean_group"),
    "ppml": spec("ppml", effects=BOTH),
    "sur": spec("sur", effects=BOTH, outcomes=["y", "y2"], draws=99),
    "gelbach": spec(
        "decomposition", effects=(), method="gelbach", gap=GAP, draws=99, blocks={"a": ["x1"], "b": ["x2"]}
    ),
    "counterfactual": spec("counterfactual", effects=BOTH, gap=GAP, levers=["x1"]),
    "event_twfe": spec("event_study", method="twfe", treatment=TREATMENT, draws=99),
    "event_imputation": spec("event_study", method="imputation", treatment=TREATMENT, draws=99),
    "did_callaway_santanna": spec("did", method="callaway_santanna", treatment=TREATMENT, draws=99),
    "did_stacked": spec("did", method="stacked", treatment=TREATMENT, draws=99),
    "sdm": spec("spatial", effects=BOTH, method="sdm", weights_matrix="ring", spatial_lags=["x1", "x2"], draws=99),
    "spatial_gmm": spec("spatial", effects=BOTH, method="gmm", weights_matrix="ring"),
    "slx": spec("spatial", effects=BOTH, method="slx", weights_matrix="ring", spatial_lags=["x1", "x2"]),
}
LEAST_SQUARES = ("pooled", "between", "fe", "fd", "re", "re_amemiya", "event_twfe")


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> tuple[Units, Geography]:
    folder = tmp_path_factory.mktemp("units")
    ids = [f"U{i:02d}" for i in range(NUMBER)]
    rows = [f"{unit},Unit {i},{'North' if i % 2 else 'South'},{i}" for i, unit in enumerate(ids)]
    (folder / "units.csv").write_text("\n".join(["id,name_en,region,rank", *rows]) + "\n", encoding="utf-8")
    ring = [f"{ids[i]},{ids[(i + step) % NUMBER]},1" for i in range(NUMBER) for step in (1, -1)]
    (folder / "ring.csv").write_text("\n".join(["unit,neighbour,weight", *ring]) + "\n", encoding="utf-8")
    units = load_units(str(folder / "units.csv"))
    return units, Geography(
        units, None, weights_matrices({"ring": {"type": "file", "path": str(folder / "ring.csv")}}), "study.yaml"
    )


def panel(periods: range = PERIODS) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    number = NUMBER * len(periods)
    level, common = np.repeat(rng.normal(size=NUMBER), len(periods)), np.tile(rng.normal(size=len(periods)), NUMBER)
    frame = pd.DataFrame(rng.normal(size=(number, 4)), columns=["x1", "x2", "z1", "z2"])
    frame["x1"] += 0.5 * level + 0.7 * frame["z1"] + 0.4 * frame["z2"]
    frame["y"] = 0.5 * frame["x1"] - 0.3 * frame["x2"] + level + common + 0.4 * rng.normal(size=number)
    frame["y2"] = 0.2 * frame["x1"] + level + 0.4 * rng.normal(size=number)
    frame["count"] = rng.poisson(np.exp(0.3 * frame["x1"] - 0.2 * frame["x2"] + 1.0)).astype(float)
    frame.insert(0, "period", np.tile(list(periods), NUMBER))
    frame.insert(0, "unit", np.repeat([f"U{i:02d}" for i in range(NUMBER)], len(periods)))
    return frame


def result(model: ModelSpec, frame: pd.DataFrame, places: tuple[Units, Geography]) -> Model:
    units, geography = places
    return estimate(model, geography.placed(build_design(model, frame, units)), 1, "sha")


_UNCHANGED: dict[str, Model] = {}


def unchanged(name: str, places: tuple[Units, Geography]) -> Model:
    """The result of a model on the panel as it is, estimated once."""
    if name not in _UNCHANGED:
        _UNCHANGED[name] = result(SPECS[name], panel(), places)
    return _UNCHANGED[name]


def p_values(found: Model) -> list[float]:
    """Of every coefficient with an error, of every test; NaN where there is none."""
    own = [row.p_value for row in found.coefficients if row.std_error] + [row.p_wild for row in found.coefficients]
    return [np.nan if p is None else p for p in [*own, *(test.p_value for test in found.tests.values())]]


@pytest.mark.parametrize("factor", [1e14, 1e-14])
@pytest.mark.parametrize("name", list(SPECS))
def test_a_regressor_in_another_measure_changes_no_p_value(
    name: str, factor: float, places: tuple[Units, Geography]
) -> None:
    before = unchanged(name, places)
    after = result(SPECS[name], panel().assign(x1=lambda frame: frame["x1"] * factor), places)
    assert list(before.tests) == list(after.tests)
    assert p_values(after) == pytest.approx(p_values(before), rel=1e-5, abs=1e-9, nan_ok=True)
    for old, new in zip(before.coefficients, after.coefficients, strict=True):
        if old.term == "x1":
            assert new.estimate * factor == pytest.approx(old.estimate, rel=1e-6)


@pytest.mark.parametrize("method", ["synthetic", "synthetic_control"])
def test_an_outcome_in_another_measure_changes_no_p_value_of_synthetic_units(
    method: str, places: tuple[Units, Geography]
) -> None:
    model = spec("did", terms=(), method=method, treatment=TREATMENT, draws=99)
    before = result(model, panel(), places)
    after = result(model, panel().assign(y=lambda frame: frame["y"] * 1e-12), places)
    assert p_values(after) == pytest.approx(p_values(before), rel=1e-5, nan_ok=True)


@pytest.mark.parametrize("name", ["pooled", "fe", "fd", "re", "2sls", "ppml", "cce", "event_imputation", "slx"])
def test_a_level_that_dwarfs_what_varies_costs_digits_but_no_term(name: str, places: tuple[Units, Geography]) -> None:
    before = unchanged(name, places)
    after = result(SPECS[name], panel().assign(x1=lambda frame: frame["x1"] + 1e9), places)
    for old, new in zip(before.coefficients, after.coefficients, strict=True):
        assert new.estimate == pytest.approx(old.estimate, rel=1e-4)


@pytest.mark.parametrize("digits", [4, 5, 6])
@pytest.mark.parametrize("name", LEAST_SQUARES)
def test_terms_alike_to_some_digits_are_estimated_and_named(
    name: str, digits: int, places: tuple[Units, Geography]
) -> None:
    """With x2 = x1 + 10^-d e the coefficient of x2 is that of e times 10^d, and x1's is what x1 has beside it, less."""
    rng = np.random.default_rng(9)
    little = rng.normal(size=NUMBER * len(PERIODS))
    apart = result(SPECS[name], panel().assign(x2=little), places)
    alike = result(SPECS[name], panel().assign(x2=lambda frame: frame["x1"] + 10.0**-digits * little), places)
    expected = apart.coefficient("x2").estimate * 10.0**digits
    assert alike.coefficient("x2").estimate == pytest.approx(expected, rel=10.0 ** (2 * digits - 15))
    assert note("nearly_alike", alike=f"x1 and x2 are alike to {digits} digits") in alike.notes


@pytest.mark.parametrize("name", list(SPECS))
def test_terms_alike_to_eight_digits_are_refused_by_name(name: str, places: tuple[Units, Geography]) -> None:
    rng = np.random.default_rng(9)
    frame = panel().assign(x2=lambda f: f["x1"] + 1e-8 * rng.normal(size=len(f)))
    with pytest.raises(UserError, match=r'"x[12]", collinear with x[12]'):
        result(SPECS[name], frame, places)


def summed(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(y=0.5 * frame["x1"] - 0.3 * frame["x2"])


def itself(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(x1=frame["y"])


@pytest.mark.parametrize("change", [summed, itself])
@pytest.mark.parametrize(
    "name",
    [
        "pooled",
        "between",
        "fe",
        "fd",
        "re",
        "re_walhus",
        "re_amemiya",
        "re_nerlove",
        "2sls",
        "liml",
        "gmm",
        "g2sls",
        "ec2sls",
        "hausman_taylor",
        "sur",
        "spatial_gmm",
    ],
)
def test_a_perfect_fit_is_said(
    name: str, change: Callable[[pd.DataFrame], pd.DataFrame], places: tuple[Units, Geography]
) -> None:
    try:
        found = result(SPECS[name], change(panel()), places)
    except UserError as error:
        assert any(words in str(error) for words in ("a perfect fit", "explain entirely", "errors of zero"))
        return
    assert note("perfect_fit") in found.notes
    assert "joint" not in found.tests


@pytest.mark.parametrize("factor", [1e-150, 1e150])
@pytest.mark.parametrize("name", ["pooled", "between", "dynamic"])
def test_an_outcome_beyond_the_range_of_its_powers_is_refused(
    name: str, factor: float, places: tuple[Units, Geography]
) -> None:
    with pytest.raises(UserError, match=r'"y" reaches .*another measure'):
        result(SPECS[name], panel().assign(y=lambda frame: frame["y"] * factor), places)


@pytest.mark.parametrize("column", ["x1", "z1"])
def test_what_instruments_explain_beyond_the_range_of_its_powers_is_refused(
    column: str, places: tuple[Units, Geography]
) -> None:
    with pytest.raises(UserError, match=rf'"{column}" reaches .*another measure'):
        result(SPECS["2sls"], panel().assign(**{column: lambda frame: frame[column] * 1e-150}), places)


def test_an_outcome_without_three_years_in_a_row_leaves_serial_correlation_open(
    places: tuple[Units, Geography],
) -> None:
    frame = panel()
    found = result(SPECS["dynamic"], frame.assign(y=frame["y"].where(frame["period"] % 3 != 0)), places)
    assert np.isfinite(found.coefficient("x1").estimate)
    assert np.isnan(found.tests["ar1"].p_value) and found.tests["ar1"].note[0].code == "no_differences_apart"


@pytest.mark.parametrize("factor", [1e-40, 1e40])
@pytest.mark.parametrize("name", LEAST_SQUARES)
def test_an_outcome_in_another_measure_changes_no_p_value(
    name: str, factor: float, places: tuple[Units, Geography]
) -> None:
    before = unchanged(name, places)
    after = result(SPECS[name], panel().assign(y=lambda frame: frame["y"] * factor), places)
    assert p_values(after) == pytest.approx(p_values(before), rel=1e-5, abs=1e-9, nan_ok=True)


def test_a_level_that_leaves_system_gmm_nothing_to_solve_is_said(places: tuple[Units, Geography]) -> None:
    with pytest.raises(UserError, match=r'"y" has a mean of 1e\+09.*subtract a number'):
        result(SPECS["system_gmm"], panel().assign(y=lambda frame: frame["y"] + 1e9), places)


@pytest.mark.parametrize("method", ["2sls", "liml", "gmm"])
@pytest.mark.parametrize("copied", [("z1",), ("z1", "z2")])
def test_an_instrument_that_is_its_regressor_is_refused(
    method: str, copied: tuple[str, ...], places: tuple[Units, Geography]
) -> None:
    frame = panel()
    frame["x1"] = frame[list(copied)].sum(axis=1)
    model = replace(SPECS["2sls"], method=method)
    with pytest.raises(UserError, match=r'instruments: found "x1", collinear with z1.*explain it entirely'):
        result(model, frame, places)


@pytest.mark.parametrize("method", ["twfe", "callaway_santanna", "imputation", "stacked"])
@pytest.mark.parametrize("estimator", ["did", "event_study"])
@pytest.mark.parametrize("first", [2011, 2012, 2014])
def test_as_many_leads_as_units_leave_the_power_of_their_joint_test_open(
    estimator: str, method: str, first: int, places: tuple[Units, Geography]
) -> None:
    frame = panel(range(2000, 2016))
    few = frame[frame["unit"] < "U12"].reset_index(drop=True)
    treatment = {"units": "rank < 4", "first": first}
    found = result(spec(estimator, terms=(), method=method, treatment=treatment, draws=99), few, places)
    power = found.pretrend.power
    assert power == TrendPower() or np.isnan(power.joint.slope_80)
    assert power == TrendPower() or power.each.slope_80 > 0


@pytest.mark.parametrize("method", ["twfe", "callaway_santanna", "imputation", "stacked", "synthetic_control"])
def test_an_outcome_that_treatment_explains_entirely_is_no_traceback(
    method: str, places: tuple[Units, Geography]
) -> None:
    under = (panel()["unit"] < "U08") & (panel()["period"] >= 2006)
    model = spec("did", terms=(), method=method, treatment=TREATMENT, draws=99)
    with pytest.raises(UserError, match=r"a perfect fit|errors of zero|a fit that leaves some"):
        result(model, panel().assign(y=under.astype(float)), places)
