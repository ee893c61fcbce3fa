"""Instrumented models against published numbers and linearmodels on public data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import iv_data
import numpy as np
import pytest
import yaml

from ruralpanel.estimate.base.model import Model
from ruralpanel.estimate.estimate import estimate
from ruralpanel.estimate.families.iv import anderson_rubin, confirm, iv
from ruralpanel.estimate.families.iv import system as systems
from ruralpanel.estimate.families.iv.system import errors_of, system_of
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import InferenceSpec

CASES: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("numbers_iv.yaml").read_text(encoding="utf-8"))

CLASSICAL = InferenceSpec("classical")
ROBUST = InferenceSpec("hc", {"kind": "HC0"})


def name_of(case: dict[str, Any]) -> str:
    return "-".join(
        [case["data"], case.get("estimator", "iv"), *case.get("effects", ()), case.get("method", ""), *case["values"]]
    )


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_stored_numbers(case: dict[str, Any]) -> None:
    assert case["source"] and case["why"]
    options = dict(case["inference"])
    setting = InferenceSpec(options.pop("method"), options)
    design = iv_data.design(
        case["data"],
        case.get("estimator", "iv"),
        effects=case.get("effects", ()),
        method=case.get("method", ""),
        inference=(setting,),
    )
    result = estimate(design.spec, design, 0, "")
    wanted = {(kind, name): number for kind, names in case["values"].items() for name, number in names.items()}
    found = {key: quantity(result, *key) for key in wanted}
    assert found == pytest.approx(wanted, abs=case["tolerance"], rel=0)


def quantity(result: Model, kind: str, name: str) -> float:
    if kind == "test":
        return result.tests[name].statistic
    if kind == "fit":
        return result.fit[name]
    if kind == "set":
        ((low, high),) = result.anderson_rubin.intervals
        return float({"low": low, "high": high}[name])
    return float(getattr(result.coefficient(name), kind))


def test_proximity_set_at_the_critical_value_of_chi_square() -> None:
    """The difference that the stored number's tolerance allows for is the critical value's, to every printed digit."""
    design = iv_data.design("proximity", inference=(CLASSICAL,))
    system = system_of(design)
    statistic = anderson_rubin.statistic(system, errors_of(design, system))
    ((low, high),) = anderson_rubin.confidence_set(statistic, 3.841458820694124, 0.1, 0.05)
    assert (low, high) == pytest.approx((0.0274, 0.2552), abs=5e-5)


def test_breusch_mizon_and_schmidt_of_the_wage_equation_are_refused_for_experience(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Deviations of experience and its square give away its level, so that an endogenous regressor instruments itself.

    Without the refusal the numbers are plm's (inst.method = bms, stored output of its tests), to half a unit of their
    last digit.
    """
    design = iv_data.design("wages", "hausman_taylor", method="breusch_mizon_schmidt", inference=(CLASSICAL,))
    with pytest.raises(UserError, match=r'"exp", collinear with .*instruments that explain it entirely'):
        estimate(design.spec, design, 0, "")
    told = systems.usable_columns

    def lenient(raw: Any, net: Any, terms: tuple[str, ...], *rest: Any) -> Any:
        kept, reasons = told(raw, net, terms, *rest)
        return (kept, {}) if "exp" in reasons else (kept, reasons)

    monkeypatch.setattr(systems, "usable_columns", lenient)
    result = estimate(design.spec, design, 0, "")
    found = {term: result.coefficient(term).estimate for term in ("ed", "exp", "female", "smsa")}
    assert found == pytest.approx({"ed": 0.22066, "exp": 0.10867, "female": -0.18027, "smsa": -0.052042}, abs=5e-6)
    assert result.coefficient("ed").std_error == pytest.approx(0.019850, abs=5e-7)


@pytest.mark.parametrize("method", ["2sls", "liml", "gmm"])
@pytest.mark.parametrize(
    ("data", "keep"), [("mroz", ()), ("card", ()), ("crime_means", ()), ("crime_means", ("lpolpc",))]
)
def test_cross_sections_are_linearmodels_with_a_constant(method: str, data: str, keep: tuple[str, ...]) -> None:
    """Robust errors without a factor; 1e-7: GMM's weights square the instruments' condition number.

    Estimates from the raw columns and a constant, where ours demean. Errors too, but for GMM from demeaned columns: its
    constant is a moment among others and does not make the residuals sum to zero.
    """
    from linearmodels.iv import IV2SLS, IVGMM, IVLIML

    design = iv_data.design(data, endogenous=keep, method=method, inference=(ROBUST,))
    result = estimate(design.spec, design, 0, "")
    model: Any = {"2sls": IV2SLS, "liml": IVLIML, "gmm": IVGMM}[method]
    columns = (design.y, design.x, design.extra.endogenous.columns, design.extra.instruments.columns)
    y, x, d, z = columns
    raw = model(y, np.column_stack([x, np.ones(y.size)]), d, z).fit(cov_type="robust", debiased=False)
    net = model(*(column - column.mean(axis=0) for column in columns)).fit(cov_type="robust", debiased=False)
    k, p = x.shape[1], d.shape[1]
    rows = [result.coefficient(term) for term in (*design.extra.endogenous.terms, *design.terms)]
    order = [*range(k + 1, k + 1 + p), *range(k)]
    np.testing.assert_allclose([row.estimate for row in rows], np.asarray(raw.params)[order], rtol=1e-7)
    errors = np.asarray(net.std_errors)[[*range(k, k + p), *range(k)]]
    if method != "gmm":
        errors = np.asarray(raw.std_errors)[order]
    np.testing.assert_allclose([row.std_error for row in rows], errors, rtol=1e-7)


@pytest.mark.parametrize(("data", "keep"), [("mroz", ()), ("crime_means", ("lpolpc",)), ("crime_means", ("lprbarr",))])
def test_tests_of_overidentification_and_strength_are_linearmodels(data: str, keep: tuple[str, ...]) -> None:
    """Sargan, Basmann, Hansen's J, Wooldridge's regression test of endogeneity's classical twin and the first stage."""
    from linearmodels.iv import IV2SLS, IVGMM

    classical = iv_data.design(data, endogenous=keep, inference=(CLASSICAL,))
    robust = iv_data.design(data, endogenous=keep, inference=(ROBUST,))
    arrays = (
        robust.y,
        np.column_stack([robust.x, np.ones(robust.y.size)]),
        robust.extra.endogenous.columns,
        robust.extra.instruments.columns,
    )
    two_stage: Any = IV2SLS(*arrays).fit(cov_type="unadjusted")
    gmm: Any = IVGMM(*arrays).fit()
    ours, ours_robust = (estimate(design.spec, design, 0, "") for design in (classical, robust))
    assert ours.tests["sargan"].statistic == pytest.approx(two_stage.sargan.stat, rel=1e-8)
    assert ours.tests["sargan"].p_value == pytest.approx(two_stage.sargan.pval, rel=1e-8)
    assert ours.tests["basmann"].statistic == pytest.approx(two_stage.basmann.stat, rel=1e-8)
    assert ours_robust.tests["hansen_j"].statistic == pytest.approx(gmm.j_stat.stat, rel=1e-6)
    assert ours_robust.tests["hansen_j"].p_value == pytest.approx(gmm.j_stat.pval, rel=1e-6)
    wu_hausman = two_stage.wu_hausman()
    assert ours.tests["endogeneity"].statistic == pytest.approx(wu_hausman.stat, rel=1e-7)
    assert ours.first_stage is not None
    entry = ours.first_stage.endogenous[0]
    assert entry.partial_r2 == pytest.approx(two_stage.first_stage.diagnostics["partial.rsquared"].iloc[0], rel=1e-8)


def test_county_effects_are_linearmodels_on_demeaned_data() -> None:
    """FE2SLS, errors clustered by county: the regressors' covariance without factor, and CR1's factor beside it."""
    settings = (InferenceSpec("cluster", {"small_sample": "CR0"}), InferenceSpec("cluster", {"small_sample": "CR1"}))
    design = iv_data.design("crime", effects=("unit", "period"), inference=settings)
    result = estimate(design.spec, design, 0, "")
    system = system_of(design)
    errors = errors_of(design, system)
    theirs = confirm.result(system, errors, "2sls", cov_type="clustered", clusters=design.unit_codes, debiased=False)
    order = confirm._order(system)
    rows = [result.coefficient(term) for term in system.terms]
    np.testing.assert_allclose([row.std_error for row in rows], np.asarray(theirs.std_errors)[order], rtol=1e-8)
    corrected = result.inference[1].coefficients[0]
    slopes, period_effects = 16, 6
    factor = 90 / 89 * 629 / (630 - slopes - 1 - period_effects)
    assert corrected.std_error / rows[0].std_error == pytest.approx(np.sqrt(factor), rel=1e-10)


def test_weak_instruments_of_the_crime_panel_are_called_weak() -> None:
    """Baltagi's point: with county effects the instruments say nothing. One endogenous regressor at a time."""
    for keep in ("lprbarr", "lpolpc"):
        design = iv_data.design("crime", effects=("unit", "period"), endogenous=(keep,))
        result = estimate(design.spec, design, 0, "")
        assert result.tests["effective_f"].statistic < 10
        assert result.tests["effective_f"].p_value > 0.05


def test_card_under_tf_and_anderson_rubin() -> None:
    """F of 13.3: tF widens the interval of 1.96 by the table's factor, and the Anderson–Rubin set lies to its right."""
    design = iv_data.design("card", inference=(CLASSICAL,))
    result = estimate(design.spec, design, 0, "")
    tf = result.tf
    error = result.coefficient("educ").std_error
    assert error is not None and tf.f == pytest.approx(13.256, abs=5e-4)
    assert iv.tf_critical(13.256) == pytest.approx(tf.critical, abs=1e-4)
    assert 3.01 > tf.critical > 2.91
    assert tf.ci_high - tf.ci_low == pytest.approx(2 * tf.critical * error, rel=1e-12)
    ((low, high),) = result.anderson_rubin.intervals
    assert 0 < low < 0.0315 and high > 0.28


@pytest.mark.parametrize(("root", "critical"), [(3.0, 3.65), (3.2, 3.39), (4.0, 2.80), (10.3, 1.96), (20.0, 1.96)])
def test_tf_table(root: float, critical: float) -> None:
    """Lee, McCrary, Moreira and Porter (2022), table 3."""
    assert round(iv.tf_critical(root**2), 2) == critical
