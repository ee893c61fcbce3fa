"""Leaving out, and everything else that is asked of a model's numbers, through the function that the workflow calls."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from as_written import claims_of, model_of
from ruralpanel.claims.robustness import leave_one_out
from ruralpanel.claims.robustness.checks import Target, check_model
from ruralpanel.claims.robustness.designs import subset
from ruralpanel.claims.robustness.results import NotAvailable
from ruralpanel.claims.robustness.targets import COLUMNS, groups_of, table, targets_of
from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.results import Design, Further
from ruralpanel.estimate.diagnostics import influence
from ruralpanel.estimate.estimators import fit
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.project.files import plain
from ruralpanel.project.kinds.estimator_keys import MarginalEffect
from ruralpanel.project.notes import note, plain_notes
from ruralpanel.project.problems import UserError
from ruralpanel.project.sections.configuration import Estimand
from ruralpanel.project.settings import InferenceSpec

UNITS, PERIODS = 14, 6


@pytest.fixture
def design() -> Design:
    """A lever, its product with a moderator, a control, and a step that only the first unit has."""
    rng = np.random.default_rng(0)
    unit, period = np.repeat(np.arange(UNITS), PERIODS), np.tile(np.arange(2010, 2010 + PERIODS), UNITS)
    x, c = rng.normal(size=(2, unit.size))
    gap = rng.normal(size=UNITS)[unit]
    step = ((unit == 0) & (period >= 2013)) * 1.0
    y = 0.5 * x - 0.6 * x * gap + 0.4 * c + step + rng.normal(size=unit.size)
    return design_from_arrays(
        y, np.column_stack([x, x * gap, c, step]), [f"U{u:02d}" for u in unit], period,
        terms=("x", "x:gap", "c", "step"), effects=("unit", "period"), extra=Further(steps=("step",)),
    )  # fmt: skip


def check(design: Design, *targets: Target, **settings: Any) -> dict[str, Any]:
    return dict(check_model(design, targets, 1, **settings).targets)


def test_leaving_out_is_estimating_without(design: Design) -> None:
    entry = check(design, Target("x", Estimand(term="x")))["x"]
    for over, codes, names in (
        ("unit", design.unit_codes, design.units),
        ("period", design.period_codes, tuple(map(str, design.periods))),
    ):
        found = entry.without(over)
        assert found.left_out == names
        for code, estimate, error in zip(range(len(names)), found.estimate, found.std_error, strict=True):
            rows = np.flatnonzero(codes != code)
            keep = [0, 1, 2] if over == "unit" and code == 0 else [0, 1, 2, 3]
            part = design_from_arrays(
                design.y[rows], design.x[rows][:, keep], design.unit_codes[rows], design.period_codes[rows],
                effects=("unit", "period"),
            )  # fmt: skip
            again = fit(part)
            errors = infer(again, part, InferenceSpec("cluster"), 0).std_error
            assert errors is not None
            assert estimate == pytest.approx(again.params[0], rel=1e-10)
            assert error == pytest.approx(errors[0], rel=1e-10)


def test_the_summary_names_who_carries_the_estimate(design: Design) -> None:
    found = check(design, Target("x", Estimand(term="x")))["x"].leave_one_unit_out
    whole = fit(design).params[0]
    values = np.array(found.estimate)
    assert found.min == values.min() and found.max == values.max()
    assert found.most_influential == found.left_out[int(np.argmax(np.abs(values - whole)))]
    assert list(found.changes_sign) == [n for n, v in zip(found.left_out, values, strict=True) if v * whole < 0]
    # DFBETA, by algebra instead of estimating again, says the same of units without steps of their own
    by_algebra = influence(design, fit(design)).dfbeta["x"]
    assert whole - values[1:] == pytest.approx(np.array(by_algebra[1:]), rel=1e-8)


def test_a_marginal_effect_stays_at_its_place(design: Design) -> None:
    """Without a unit the percentile of the moderator would move; the followed number must not."""
    wide = replace(design, spec=replace(design.spec, marginal_effects=(MarginalEffect(of="x", over="gap"),)))
    target = Target("x at gap = p75", Estimand(marginal="x", at={"gap": "p75"}))
    entry = check(wide, target)["x at gap = p75"]
    gap = design.x[:, 1] / design.x[:, 0]
    at = np.percentile(gap, 75)
    assert entry.estimate == pytest.approx(fit(design).params[:2] @ [1.0, at])
    rows = np.flatnonzero(design.unit_codes != 3)
    without = fit(subset(design, rows)).params[:2] @ [1.0, at]
    assert entry.leave_one_unit_out.estimate[3] == pytest.approx(without)
    assert entry.selection is None


def test_estimators_that_are_no_regressions_on_rows(design: Design) -> None:
    treated = np.where(design.unit_codes < 5, 2013.0, np.nan)
    policy = design_from_arrays(
        design.y + 1.0 * (np.array(design.periods)[design.period_codes] >= treated), design.x[:, 2:3],
        [design.units[c] for c in design.unit_codes], np.array(design.periods)[design.period_codes],
        estimator="did", method="imputation", effects=("unit", "period"), extra=Further(first_treated=treated),
    )  # fmt: skip
    entry = check(policy, Target("treated", Estimand(term="treated"), std_error=0.4, df=13.0))["treated"]
    # without each treated unit in turn, as the estimator's own results have it
    own = {row["without"]: row["estimate"] for row in leave_one_treated_out(policy)}
    found = dict(zip(entry.leave_one_unit_out.left_out, entry.leave_one_unit_out.estimate, strict=True))
    assert {unit: found[unit] for unit in own} == pytest.approx(own)
    assert isinstance(entry.sensitivity, NotAvailable) and entry.heterogeneity is None
    synthetic = replace(policy, spec=replace(policy.spec, method="synthetic"), x=np.zeros((design.y.size, 0)), terms=())
    entry = check(synthetic, Target("treated", Estimand(term="treated")))["treated"]
    assert entry.leave_one_unit_out.not_available == note("see_leave_one_treated_out")


def leave_one_treated_out(policy: Design) -> list[dict[str, Any]]:
    rows = fit(policy).extra.leave_one_treated_out
    return [{"without": row.unit, "estimate": row.estimate} for row in rows]


def test_what_does_not_apply_says_why(design: Design, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = replace(design, x=design.x[:, :1], terms=("x",), extra=Further())
    entry = check(alone, Target("x", Estimand(term="x")))["x"]
    assert entry.selection.not_available == note("no_controls")
    assert entry.sensitivity.bounds == ()
    assert entry.power.not_available == note("no_interval_with_two_ends")
    monkeypatch.setattr("ruralpanel.claims.robustness.checks.MOST", 3)
    found = check(design, Target("x", Estimand(term="x")))["x"].leave_one_unit_out
    assert found.not_available == note("see_influence_of_units", number=14)
    with pytest.raises(UserError, match="a coefficient of"):
        check(design, Target("z", Estimand(term="z")))


def test_roles_of_regressors_in_selection(design: Design) -> None:
    """A product's parts and steps of breaks belong to it: only true controls come in."""
    entry = check(design, Target("x:gap", Estimand(term="x:gap")))["x:gap"]
    assert entry.selection.controls == ("c",) and entry.selection.always_in == ("x", "step")
    assert {bound.name for bound in entry.sensitivity.bounds} <= {"c"}


def test_results_are_plain_and_power_counts_from_delta(design: Design) -> None:
    reach = 0.1 * 2.1603686565  # the interval of t with 13 degrees of freedom decides
    target = Target("x", Estimand(term="x"), ("H1",), True, 0.1, 13.0, 0.2, "cluster", 1.0 - reach, 1.0 + reach)
    result = check_model(design, [target], 1)
    json.dumps(plain(plain_notes(result)), allow_nan=False)
    entry = result.targets["x"]
    assert entry.power.at_delta.power == pytest.approx(0.46, abs=0.03)
    assert entry.power.detectable["0.8"] == pytest.approx((2.1603686565 + 0.8701515300) * 0.1, rel=1e-6)
    assert entry.claims == ("H1",) and set(entry.heterogeneity) == {"initial_outcome", "initial_lever"}
    row = table([result]).iloc[0]
    assert tuple(row.index) == COLUMNS
    assert row["claims"] == "H1" and row["without_unit_min"] == entry.leave_one_unit_out.min


def test_models_in_which_every_unit_is_needed() -> None:
    """The jackknife of a family asks for an estimate without each unit and hands on the model's own words."""
    rng = np.random.default_rng(1)
    unit, period = np.repeat(np.arange(12), 4), np.tile(np.arange(4), 12)
    treated = np.where(unit == 0, 2.0, np.nan)
    single = design_from_arrays(
        rng.normal(size=48), np.zeros((48, 0)), unit, period, estimator="did", method="synthetic",
        effects=("unit", "period"), extra=Further(first_treated=treated),
    )  # fmt: skip
    with pytest.raises(UserError, match="treated"):
        leave_one_out.jackknife(single, lambda f, d: float(f.params[0]))


def test_targets_are_what_claims_rest_on() -> None:
    model = {
        "model": "m", "panel": "p", "estimator": "fe", "outcome": "y", "n_obs": 100, "n_units": 20, "n_periods": 5,
        "effects": ["unit", "period"], "inference": [{"method": "cluster"}], "tests": {}, "fit": {"outcome_sd": 2.0},
        "coefficients": [
            {"term": "x", "estimate": 1.0, "std_error": 0.5, "df": 19.0, "ci_low": 0, "ci_high": 2,
             "sd": 1, "sd_within": 0.4, "sd_net": 0.1}
        ],
    }  # fmt: skip
    claims = {
        "H1": {"claim": "…", "expected": "positive", "estimand": {"model": "m", "term": "x"}},
        "H2": {"claim": "…", "others": [{"model": "m"}, {"model": "missing", "term": "z"}]},
        "H3": {"claim": "…"},
    }
    found = targets_of(claims_of(claims), {"m": model_of(model)}, {})
    assert list(found) == ["m"]
    (target,) = found["m"]
    assert target == Target(
        "x", Estimand(term="x"), ("H1", "H2"), True, 0.5, 19.0, pytest.approx(0.2 * 2.0 / 0.1), "cluster", 0.0, 2.0
    )


def test_groups_need_a_value_for_every_unit(design: Design) -> None:
    attributes = {unit: {"region": "West", "zone": ""} for unit in design.units}
    assert list(groups_of(attributes, design, ("region", "zone", "none"))) == ["region"]
    assert isinstance(table([]), pd.DataFrame)
