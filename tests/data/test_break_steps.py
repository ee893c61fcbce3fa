"""Steps of definition breaks in everything that is made of a broken series: known truths come back in every model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from as_written import curve_of
from ruralpanel.claims.robustness.curve import run_curve
from ruralpanel.claims.robustness.heterogeneity import by_group
from ruralpanel.data.break_steps import step_terms
from ruralpanel.data.figures import COLUMNS
from ruralpanel.data.panel import PanelResult, build
from ruralpanel.estimate.base.design import build_design
from ruralpanel.estimate.estimate import estimate
from ruralpanel.estimate.estimators import estimator
from ruralpanel.project.breaks import belongs
from ruralpanel.project.kinds.estimator_keys import MarginalEffect
from ruralpanel.project.notes import note
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import InferenceSpec, ModelSpec, PanelSpec, SeriesSpec, VariableSpec
from ruralpanel.project.units import Units, load_units

pytestmark = pytest.mark.slow

Array = np.ndarray[Any, Any]

N, YEARS, BREAK = 40, tuple(range(2000, 2012)), 2005
ALL = tuple(f"U{i:02d}" for i in range(N))
SOME = ALL[::3]


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> Units:
    path = Path(tmp_path_factory.mktemp("units")) / "units.csv"
    rows = [f"{unit},Unit {i},{1.0 + i % 7},{'west' if i % 2 else 'east'}" for i, unit in enumerate(ALL)]
    path.write_text("id,name,size,side\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return load_units(path)


def drawn(seed: int, *, persistent: bool = False, years: tuple[int, ...] = YEARS) -> Array:
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((N, len(years))) + rng.standard_normal((N, 1))
    return values + (0.3 * np.arange(len(years)) if persistent else 0.0)


def step(concerned: tuple[str, ...] = SOME, year: int = BREAK, years: tuple[int, ...] = YEARS) -> Array:
    return np.outer([unit in concerned for unit in ALL], [t >= year for t in years]).astype(float)


def panel_of(
    published: Mapping[str, Array],
    units: Units,
    broken: Mapping[str, tuple[str, ...]],
    formulas: Mapping[str, str] | None = None,
    panel: PanelSpec | None = None,
    years: tuple[int, ...] = YEARS,
) -> PanelResult:
    """A panel of published series; `broken`: series → units that its break of `BREAK` concerns."""
    rows = [
        ("s", name, unit, year, value, "1", str(value), value, "f", "", 0, "", "")
        for name, values in published.items()
        for unit, row in zip(ALL, values.tolist(), strict=True)
        for year, value in zip(years, row, strict=True)
    ]
    figures = pd.DataFrame(rows, columns=list(COLUMNS))
    labels = ["source", "series", "unit", "measure", "text", "file", "sheet", "column", "correction"]
    rules = {name: {BREAK: {"rule": "dummy"}} for name in broken}
    variables = {
        name: VariableSpec(name, source="s", series=name, measure="1", breaks=rules.get(name, {})) for name in published
    }
    variables |= {name: VariableSpec(name, formula=text) for name, text in (formulas or {}).items()}
    series = {
        name: SeriesSpec(
            name, "1", years=years, breaks={BREAK: {"what": "t", "units": broken[name]}} if name in broken else {}
        )
        for name in published
    }
    chosen = panel or PanelSpec("p", years)
    table = figures.astype(dict.fromkeys(labels, "category"))
    return build(chosen, variables, {"s": table}, series, units, tuple(variables))


def slopes(frame: pd.DataFrame, units: Units, estimator_name: str, **settings: Any) -> dict[str, float]:
    base = {"outcome": "y", "panel": "p", "effects": (), "options": {}}
    values = {**base, **settings}
    spec = ModelSpec("m", estimator_name, **values)
    design = build_design(spec, frame, units)
    extra = design.extra
    if estimator_name == "spatial":
        extra = replace(extra, weights_matrix=sparse.csr_array(ring()))
    fit = estimator(estimator_name, "m")(replace(design, extra=extra))
    return dict(zip(fit.terms, fit.params.tolist(), strict=True))


def ring() -> Any:
    near = np.zeros((N, N))
    for i in range(N):
        near[i, [(i - 1) % N, (i + 1) % N, (i + 5) % N]] = 1 / 3
    return sparse.csr_array(near)


def test_terms_of_steps_are_those_of_the_expanded_product() -> None:
    steps = {"x": ("x__break_2005",), "z": ("z__break_2005", "z__break_2009_across")}
    assert step_terms("x", steps) == ("x__break_2005",)
    assert step_terms("size", steps) == ()
    assert set(step_terms("x:z", steps)) == {
        "x:z__break_2005", "x:z__break_2009_across", "x__break_2005:z", "x__break_2005:z__break_2005",
        "x__break_2005:z__break_2009_across",
    }  # fmt: skip
    assert set(step_terms("x:x", steps)) == {"x:x__break_2005", "x__break_2005:x__break_2005"}
    assert belongs("x__break_2005:z", "x:z") and belongs("x__break_2005", "x")
    assert not belongs("x__break_2005", "x:z") and not belongs("x", "x") and not belongs("xx__break_2005", "x")


@pytest.mark.parametrize("concerned", [ALL, SOME])
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("pooled", {}),
        ("re", {}),
        ("fe", {"effects": ("unit",)}),
        ("fe", {"effects": ("unit", "period")}),
        ("fe", {"effects": ("unit", "side")}),
        ("fd", {}),
        ("fd", {"effects": ("period",)}),
        ("iv", {"method": "2sls", "effects": ("unit",), "regressors": (),
                "options": {"endogenous": ["x"], "instruments": ["q"]}}),
    ],
)  # fmt: skip
def test_a_broken_regressor_or_outcome_keeps_its_slope(
    name: str, settings: dict[str, Any], concerned: tuple[str, ...], units: Units
) -> None:
    x = drawn(1, persistent=True)
    q = x + 0.5 * drawn(2)
    y = 1.0 * x + 0.01 * drawn(3)
    for broken in ("x", "y", "q"):
        published = {"y": y, "x": x, "q": q}
        published[broken] = published[broken] + 8.0 * step(concerned)
        frame = panel_of(published, units, {broken: concerned}).frame
        found = slopes(frame, units, name, **{"regressors": ("x",), **settings})
        assert found["x"] == pytest.approx(1.0, abs=0.02), broken


@pytest.mark.parametrize("effects", [(), ("unit",), ("unit", "period")])
def test_a_step_of_a_factor_is_a_step_of_the_product(effects: tuple[str, ...], units: Units) -> None:
    x, z = drawn(1), drawn(2) + 2.0
    y = 1.0 * x + 0.3 * z + 0.5 * x * z + 0.01 * drawn(3)
    for broken in (("x",), ("z",), ("x", "z")):
        published = {name: values + 6.0 * step() * (name in broken) for name, values in {"x": x, "z": z}.items()}
        result = panel_of({"y": y, **published}, units, dict.fromkeys(broken, SOME), {"xz": "x * z"})
        name = "fe" if effects else "pooled"
        for product in ("x:z", "xz"):
            found = slopes(result.frame, units, name, regressors=("x", "z", product), effects=effects)
            assert [found[t] for t in ("x", "z", product)] == pytest.approx([1.0, 0.3, 0.5], abs=0.02), broken


FORMULAS = {
    "lag(x)": "lag(x)", "diff(x)": "x - lag(x)", "diff2": "diff(x, 2)", "scaled": "3 * x - 2", "area": "x / size",
    "ratio": "ratio(x, z)", "lagged product": "lag(x * z)", "product of lags": "lag(x) * z", "square": "x ** 2",
    "from first": "x - first_value(x)", "from a year": "x - value_at(x, 2001)",
    "mean of units": "x - mean_over_units(x)",
    "sum of group": "sum_over_group(x, side)", "mean of periods": "x - mean_over_periods(x)", "two": "x + z",
    "standard": "standardise(x)", "where": "where(side == 'west', x, z)", "deflated": "deflate(x, z, 2003)",
    "nested": "(x - lag(x)) * size + z",
}  # fmt: skip


@pytest.mark.parametrize("formula", FORMULAS.values(), ids=list(FORMULAS))
def test_a_formula_of_a_level_keeps_its_slope(formula: str, units: Units) -> None:
    x, z = drawn(1, persistent=True) + 3.0, np.exp(0.2 * drawn(2))
    right = panel_of({"x": x, "z": z}, units, {}, {"f": formula}).frame
    values = right["f"].to_numpy().reshape(N, -1)
    y = values + 0.001 * drawn(3)
    y = np.where(np.isnan(y), 0.0, y)
    published = {"y": y, "x": x + 5.0 * step(), "z": z}
    frame = panel_of(published, units, {"x": SOME}, {"f": formula}).frame
    found = slopes(frame, units, "fe", regressors=("f",), effects=("unit", "period"))
    truth = 1.0
    if formula == "standardise(x)":
        truth = np.std(published["x"], ddof=1) / np.std(x, ddof=1)
    assert found["f"] == pytest.approx(truth, abs=0.02)


LOGARITHMS = {
    "log": "log(x)", "per head": "log(x / z)", "growth": "diff(log(x))", "ratio of years": "log(x / lag(x))",
    "log times": "log(x) * z", "relative": "log(x / mean_over_units(x))", "square of log": "log(x) ** 2",
    "log of square": "log(x ** 2)", "root": "sqrt(x)", "inverse": "z / x",
}  # fmt: skip


@pytest.mark.parametrize("formula", LOGARITHMS.values(), ids=list(LOGARITHMS))
def test_a_formula_of_a_logarithm_keeps_its_slope(formula: str, units: Units) -> None:
    concerned = ALL if "mean_over" in formula else SOME
    x, z = np.exp(0.4 * drawn(1)), np.exp(0.2 * drawn(2))
    right = panel_of({"x": x, "z": z}, units, {}, {"f": formula}).frame
    values = right["f"].to_numpy().reshape(N, -1)
    y = np.where(np.isnan(values), 0.0, values) + 0.001 * drawn(3)
    published = {"y": y, "x": x * np.exp(1.5 * step(concerned)), "z": z}
    frame = panel_of(published, units, {"x": concerned}, {"f": formula}).frame
    found = slopes(frame, units, "fe", regressors=("f",), effects=("unit",))
    assert found["f"] == pytest.approx(1.0, abs=0.02)


def test_steps_of_formulas_are_written_in_the_panel(units: Units) -> None:
    x, z = drawn(1), drawn(2)
    formulas = {"xz": "x * z", "mean": "mean_over_units(x)", "early": "value_at(x, 2001)"}
    result = panel_of({"x": x + step(), "z": z}, units, {"x": SOME}, formulas)
    frame = result.frame
    np.testing.assert_allclose(frame["xz__break_2005"], (step() * z).ravel())
    np.testing.assert_allclose(frame["mean__break_2005"], np.tile(step().mean(axis=0), N))
    assert not [name for name in frame if str(name).startswith("early__break")], "years read lie on one side"
    assert not any("absorb" in str(words) for words in result.columns["remarks"])


def test_a_model_says_which_steps_its_effects_absorb(units: Units) -> None:
    x = drawn(1)
    frame = panel_of({"y": x + drawn(2), "x": x + step(ALL)}, units, {"x": ALL}).frame
    absorbed = note("steps_absorbed", steps=["x__break_2005"], effects=["unit", "period"])
    for effects, said in ((("unit", "period"), absorbed), (("unit",), note("steps_added", steps=("x__break_2005",)))):
        design = build_design(ModelSpec("m", "fe", "y", "p", regressors=("x",), effects=effects), frame, units)
        assert said in design.notes


def test_lags_of_a_broken_regressor_and_outcome_in_a_dynamic_panel(units: Units) -> None:
    years = tuple(range(1995, 2012))
    for concerned in (SOME, ALL[:1], ALL):
        rng = np.random.default_rng(5)
        x = rng.standard_normal((N, len(years))) + rng.standard_normal((N, 1))
        y = np.zeros_like(x)
        for t in range(1, len(years)):
            y[:, t] = 0.5 * y[:, t - 1] + 1.0 * x[:, t] + 0.5 * x[:, t - 1] + 0.01 * rng.standard_normal(N)
        for broken in ("x", "y"):
            published = {"y": y, "x": x}
            published[broken] = published[broken] + 6.0 * step(concerned, years=years)
            frame = panel_of(published, units, {broken: concerned}, years=years).frame
            for method in ("bias_corrected", "difference_gmm"):
                options = {"lags": 1, "regressor_lags": {"x": 1}}
                found = slopes(frame, units, "dynamic_panel", method=method, regressors=("x",),
                               effects=("unit", "period"), options=options)  # fmt: skip
                got = [found[term] for term in ("lag(y, 1)", "x", "lag(x, 1)")]
                assert got == pytest.approx([0.5, 1.0, 0.5], abs=0.02), (broken, len(concerned), method)


@pytest.mark.parametrize("method", ["sdm", "sdem", "slx", "sar", "gmm_lag"])
def test_neighbours_of_a_broken_unit_see_its_step(method: str, units: Units) -> None:
    lag = 0.4 if method in ("sdm", "sar", "gmm_lag") else 0.0
    theta = 0.5 if method in ("sdm", "sdem", "slx") else 0.0
    x, w = drawn(1), ring().toarray()
    y = np.linalg.solve(np.eye(N) - lag * w, 1.0 * x + theta * (w @ x) + 0.01 * drawn(3))
    for broken in ("x", "y"):
        published = {"y": y, "x": x}
        published[broken] = published[broken] + 6.0 * step()
        frame = panel_of(published, units, {broken: SOME}).frame
        found = slopes(
            frame, units, "spatial", method=method, regressors=("x",), effects=("unit", "period"),
            weights_matrix="ring", options={"weights_matrix": "ring"},
        )  # fmt: skip
        assert found["x"] == pytest.approx(1.0, abs=0.02)
        if theta:
            assert found["W:x"] == pytest.approx(theta, abs=0.03), broken
        if lag:
            assert found["W:y"] == pytest.approx(lag, abs=0.03), broken


def test_counts_and_systems_take_the_steps_of_all_that_they_compare(units: Units) -> None:
    x, z = drawn(1), np.exp(0.3 * drawn(2))
    y = z * np.exp(0.5 * x)
    published = {"y": y * np.exp(1.0 * step()), "x": x, "z": z}
    frame = panel_of(published, units, {"y": SOME}).frame
    options = {"exposure": "z"}
    assert slopes(frame, units, "ppml", regressors=("x",), effects=("unit",), options=options)["x"] == pytest.approx(
        0.5
    )
    published = {"y": y, "x": x, "z": z * np.exp(1.0 * step())}
    frame = panel_of(published, units, {"z": SOME}).frame
    assert slopes(frame, units, "ppml", regressors=("x",), effects=("unit",), options=options)["x"] == pytest.approx(
        0.5
    )
    second = 2.0 * x + 0.01 * drawn(4)
    frame = panel_of({"y": second, "x": x + 5.0 * step(ALL), "z": x + 0.1 * drawn(7)}, units, {"x": ALL}).frame
    found = slopes(frame, units, "sur", effects=("unit",), outcomes=("y", "z"), regressors=("x",))
    assert {round(found[term], 1) for term in found if "__break" not in term} == {2.0, 1.0}


def test_curves_take_the_steps_of_products_and_of_lags(units: Units) -> None:
    x, z = drawn(1), drawn(2) + 2.0
    y = 1.0 * x + 0.3 * z + 0.5 * x * z + 0.01 * drawn(3)
    frame = panel_of({"y": y, "x": x + 6.0 * step(), "z": z}, units, {"x": SOME}).frame
    curve = curve_of({"term": "x", "outcome": ["y"], "moderator": ["z"], "controls": [["z"]],
                      "effects": [["unit", "period"], ["unit"]]})  # fmt: skip
    found = run_curve("c", curve, frame, units, {}, 1).rows
    np.testing.assert_allclose(found["estimate"], 0.5, atol=0.02)
    common = panel_of({"y": y, "x": x + 6.0 * step(ALL), "z": z}, units, {"x": ALL}).frame
    found = run_curve("c", curve, common, units, {}, 1).rows
    np.testing.assert_allclose(found["estimate"], 0.5, atol=0.02)


def test_marginal_effects_rest_on_the_mended_product(units: Units) -> None:
    x, z = drawn(1), drawn(2) + 2.0
    y = 1.0 * x + 0.3 * z + 0.5 * x * z + 0.01 * drawn(3)
    frame = panel_of({"y": y, "x": x + 6.0 * step(), "z": z}, units, {"x": SOME}).frame
    spec = ModelSpec("m", "fe", "y", "p", regressors=("x", "z", "x:z"), effects=("unit", "period"),
                     marginal_effects=(MarginalEffect(of="x", over="z", at=(2.0,)),),
                     inference=(InferenceSpec("cluster"),))  # fmt: skip
    result = estimate(spec, build_design(spec, frame, units), 1, "")
    (shown,) = result.marginal_effects
    points = [point for point in shown.points if point.at == pytest.approx(2.0)]
    assert points and points[0].estimate == pytest.approx(1.0 + 0.5 * 2.0, abs=0.02)


def test_models_of_unit_means_say_that_they_mix_definitions(units: Units) -> None:
    x = drawn(1)
    for concerned, mixed in ((SOME, True), (ALL, False)):
        frame = panel_of({"y": x + drawn(2), "x": x + step(concerned)}, units, {"x": concerned}).frame
        design = build_design(ModelSpec("m", "between", "y", "p", regressors=("x",)), frame, units)
        assert design.terms == ("x",)
        assert (note("means_mix", steps=["x__break_2005"]) in design.notes) == mixed, (
            "equal for all units it changes no gap"
        )


@pytest.mark.parametrize("method", ["callaway_santanna", "matched", "synthetic", "synthetic_control"])
def test_policy_methods_without_a_regression_stop_at_a_break(method: str, units: Units) -> None:
    frame = panel_of({"y": drawn(1) + 9.0 * step()}, units, {"y": SOME}).frame
    options = {"treatment": {"units": "side == 'west'", "first": 2008}}
    spec = ModelSpec("m", "did", "y", "p", method=method, effects=("unit", "period"), options=options)
    with pytest.raises(UserError, match="steps of definition breaks"):
        estimator("did", "m")(build_design(spec, frame, units))
    twfe = replace(spec, method="twfe")
    found = estimator("did", "m")(build_design(twfe, frame, units))
    clean = panel_of({"y": drawn(1)}, units, {}).frame
    truth = estimator("did", "m")(build_design(twfe, clean, units))
    assert found.params[0] == pytest.approx(truth.params[0], abs=0.25)


def test_slopes_of_groups_have_steps_of_their_own(units: Units) -> None:
    x = drawn(1)
    slope = np.where([i % 2 for i in range(N)], 2.0, 0.5)[:, None]
    frame = panel_of({"y": slope * x + 0.01 * drawn(3), "x": x + 8.0 * step()}, units, {"x": SOME}).frame
    spec = ModelSpec("m", "fe", "y", "p", regressors=("x",), effects=("unit", "period"))
    sides = {unit: "west" if i % 2 else "east" for i, unit in enumerate(ALL)}
    found = by_group(build_design(spec, frame, units), "x", sides, 1, "side")
    assert [row.estimate for row in found.groups] == pytest.approx([0.5, 2.0], abs=0.02)


@pytest.mark.parametrize("concerned", [SOME, ALL])
def test_averages_that_stand_for_common_factors_have_the_average_of_the_step(
    concerned: tuple[str, ...], units: Units
) -> None:
    years = tuple(range(1980, 2012))
    rng = np.random.default_rng(4)
    factors = rng.standard_normal((2, len(years))).cumsum(axis=1)
    loads = np.eye(2)[:, None, :] * 2.0 + rng.standard_normal((2, N, 2))
    x = loads[0] @ factors + rng.standard_normal((N, len(years)))
    y = 1.0 * x + loads[1] @ factors + 0.1 * rng.standard_normal((N, len(years)))
    clean = panel_of({"y": y, "x": x}, units, {}, years=years).frame
    frame = panel_of({"y": y, "x": x + 40.0 * step(concerned, years=years)}, units, {"x": concerned}, years=years).frame
    settings: dict[str, Any] = {"method": "mean_group", "regressors": ("x",)}
    assert slopes(frame, units, "cce", **settings)["x"] == pytest.approx(
        slopes(clean, units, "cce", **settings)["x"], abs=0.05
    )
