"""Romano–Wolf against its definition, its limits, and the family-wise error on simulated panels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from as_written import run_family
from ruralpanel.claims.robustness.leave_one_out import jackknife
from ruralpanel.estimate.base.arrays import design_from_arrays
from ruralpanel.estimate.base.results import Design, Fit, Further
from ruralpanel.estimate.estimators import fit
from ruralpanel.estimate.inference import romano_wolf
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.estimate.inference.romano_wolf import Statistic, adjust, holm
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import InferenceSpec

pytestmark = pytest.mark.slow


def statistics(rng: np.random.Generator, values: list[float], draws: int = 999) -> list[Statistic]:
    common = rng.normal(size=draws)
    return [Statistic(value, common + rng.normal(size=draws), "", 31) for value in values]


def by_definition(found: list[Statistic]) -> list[float]:
    """Romano and Wolf (2016), algorithm 4.2, one hypothesis after the other."""
    order = sorted(range(len(found)), key=lambda j: -abs(found[j].value))
    total = found[0].draws.size
    result, before = [0.0] * len(found), 0.0
    for rank, j in enumerate(order):
        largest = np.max([np.abs(found[i].draws) for i in order[rank:]], axis=0)
        before = max(before, (np.sum(largest >= abs(found[j].value)) + 1) / (total + 1))
        result[j] = before
    return result


def test_stepping_down_by_definition() -> None:
    found = statistics(np.random.default_rng(0), [1.0, -3.5, 2.0, 0.1, 3.0])
    adjusted = adjust(found)
    assert adjusted.stepped.tolist() == by_definition(found)
    alone = [(np.sum(np.abs(s.draws) >= abs(s.value)) + 1) / 1000 for s in found]
    assert adjusted.unadjusted.tolist() == alone
    assert (adjusted.stepped >= adjusted.unadjusted).all() and (adjusted.balanced >= adjusted.unadjusted).all()
    assert np.argsort(adjusted.stepped, kind="stable").tolist() == [1, 4, 2, 0, 3]


def test_equal_hypotheses_cost_nothing() -> None:
    """Perfectly dependent statistics are one: no adjustment, where Holm would multiply by three."""
    one = statistics(np.random.default_rng(1), [2.2])[0]
    adjusted = adjust([one, replace(one, value=-one.value, draws=-one.draws), one])
    for column in (adjusted.stepped, adjusted.balanced):
        assert column.tolist() == adjusted.unadjusted.tolist()
    assert adjusted.holm[0] == pytest.approx(3 * adjusted.unadjusted[0])


def test_heavy_tails_of_one_do_not_decide_for_others_when_balanced() -> None:
    rng = np.random.default_rng(2)
    calm = Statistic(2.6, rng.normal(size=9999), "", 31)
    wild = Statistic(3.0, rng.standard_t(2, size=9999), "", 31)
    adjusted = adjust([calm, wild])
    assert adjusted.stepped[0] > 2 * adjusted.unadjusted[0]
    # two nearly independent hypotheses: at most twice the p-value
    assert adjusted.balanced[0] == pytest.approx(2 * adjusted.unadjusted[0], rel=0.1)


def test_holm() -> None:
    """Wright (1992), table 1: p = .01, .02, .022, .09 → .04, .06, .06, .09."""
    assert holm(np.array([0.022, 0.01, 0.09, 0.02])) == pytest.approx([0.06, 0.04, 0.09, 0.06])


def panel(
    rng: np.random.Generator, units: list[str], periods: int, common: np.ndarray, name: str, **more: Any
) -> Design:
    """A panel whose errors share a part with those of other panels of the same units."""
    shape = (len(units), periods)
    x, noise = rng.normal(size=shape), rng.normal(size=shape) + common[: len(units), :periods]
    effect = more.pop("effect", 0.0)
    return design_from_arrays(
        (effect * x + noise).ravel(), x.ravel(), np.repeat(units, periods), np.tile(np.arange(periods), len(units)),
        effects=("unit", "period"), name=name, **more,
    )  # fmt: skip


def test_unadjusted_p_values_are_those_of_the_wild_bootstrap() -> None:
    rng = np.random.default_rng(3)
    design = panel(rng, [f"U{i:02d}" for i in range(31)], 8, rng.normal(size=(31, 8)), "one", effect=0.12)
    found = run_family("f", {"A": {"model": "one", "term": "x1"}}, {"one": design}, 1, 19_999)
    setting = InferenceSpec("wild_cluster", {"draws": 19_999, "interval": False})
    alone = infer(fit(design), design, setting, 2).p_value[0]
    # two independent simulations of one p-value: four standard deviations of their difference
    assert (found.p_unadjusted or {})["A"] == pytest.approx(alone, abs=4 * np.sqrt(2 * alone * (1 - alone) / 19_999))
    assert found.p_values == found.p_unadjusted


def test_units_keep_their_weights_across_models_and_samples() -> None:
    """The same outcome in two samples, one without five units: draws as correlated as the estimates."""
    rng = np.random.default_rng(4)
    names = [f"U{i:02d}" for i in range(31)]
    whole = panel(rng, names, 8, np.zeros((31, 8)), "whole")
    rows = np.flatnonzero(whole.unit_codes >= 5)
    part = design_from_arrays(
        whole.y[rows], whole.x[rows], [names[c] for c in whole.unit_codes[rows]], whole.period_codes[rows],
        effects=("unit", "period"), name="part",
    )  # fmt: skip
    fits = [(fit(whole), whole), (fit(part), part)]
    units = romano_wolf.units_of(fits)
    assert units == tuple(names)
    weights = romano_wolf.shared_weights(units, 4999, rng)
    drawn = [romano_wolf.wild(f, d, np.ones(1), weights, units).draws for f, d in fits]
    # shared variance 26/31 of both estimates: correlation √(26/31) = .916
    assert np.corrcoef(drawn)[0, 1] == pytest.approx(np.sqrt(26 / 31), abs=0.06)


def test_family_wise_error_on_simulated_panels() -> None:
    """Three true hypotheses in two panels with shared errors: at 5 % some rejection in 5 % of 120 families.

    Three Monte Carlo errors: .06. Alone, the three would reject in .11 to .14 of families.
    """
    rng = np.random.default_rng(5)
    names = [f"U{i:02d}" for i in range(31)]
    any_stepped = any_balanced = any_alone = 0
    for _ in range(120):
        common = rng.normal(size=(31, 8))
        designs = {
            "a": panel(rng, names, 8, common, "a"),
            "b": panel(rng, names, 6, common, "b"),
            "c": panel(rng, names[:24], 8, common, "c"),
        }
        found = run_family(
            "f", {m.upper(): {"model": m, "term": "x1"} for m in designs}, designs, int(rng.integers(1e9)), 199
        )
        any_stepped += min((found.p_values or {}).values()) <= 0.05
        any_balanced += min((found.p_balanced or {}).values()) <= 0.05
        any_alone += min((found.p_unadjusted or {}).values()) <= 0.05
    assert any_stepped / 120 < 0.05 + 0.06 and any_balanced / 120 < 0.05 + 0.06
    assert any_alone / 120 > 0.09


def test_a_marginal_effect_and_a_difference_in_differences() -> None:
    """Numbers other than coefficients of least squares: contrasts, scores by unit, and the jackknife."""
    rng = np.random.default_rng(6)
    units, periods = 24, 6
    unit, period = np.repeat(np.arange(units), periods), np.tile(np.arange(2000, 2000 + periods), units)
    gap = rng.normal(size=units)[unit]
    x = rng.normal(size=unit.size)
    y = x - 0.8 * x * gap + rng.normal(size=unit.size)
    interaction = design_from_arrays(
        y, np.column_stack([x, x * gap, gap * period]), unit, period, terms=("x", "x:gap", "trend"),
        effects=("unit", "period"), name="interaction",
    )  # fmt: skip
    treated = np.where(np.arange(units) % 2 == 0, 2003.0, np.nan)[unit]
    outcome = 0.7 * (period >= treated) + rng.normal(size=unit.size)
    extra = Further(first_treated=treated)
    settings: dict[str, Any] = {"effects": ("unit", "period"), "extra": extra, "estimator": "did"}
    cases = {
        method: design_from_arrays(
            outcome, np.zeros((unit.size, 0)), unit, period, name=method, method=method, **settings
        )
        for method in ("callaway_santanna", "synthetic")
    }
    claims = {
        "marginal": {"model": "interaction", "marginal": "x", "at": {"gap": 0.5}},
        "scores": {"model": "callaway_santanna", "term": "treated"},
        "jackknife": {"model": "synthetic", "term": "treated"},
        "open": {},
    }
    found = run_family("f", claims, {"interaction": interaction, **cases}, 1, 999)
    rows = {row.claim: row for row in found.hypotheses}
    assert found.not_tested == ("open",)
    params = fit(interaction).params
    assert rows["marginal"].estimate == pytest.approx(params[0] + 0.5 * params[1])
    assert rows["marginal"].draws_by == "wild_cluster_null_imposed"
    assert "scores" in rows["scores"].draws_by and "jackknife" in rows["jackknife"].draws_by
    # the jackknife of the estimator with scores: first-order the same, 24 units leave a few per cent
    estimate, parts = jackknife(cases["callaway_santanna"], lambda f, d: float(f.params[0]))
    assert estimate == pytest.approx(rows["scores"].estimate)
    assert estimate / np.linalg.norm(list(parts.values())) == pytest.approx(rows["scores"].statistic, rel=0.08)
    again = run_family("f", claims, {"interaction": interaction, **cases}, 1, 999)
    assert again == found


def test_the_jackknife_reproduces_its_own_error() -> None:
    """t from the differences is the estimate over the root of (G − 1)/G times their sum of squares."""
    rng = np.random.default_rng(7)
    values = rng.normal(size=20)
    means = {f"U{i}": (values.sum() - v) / 19 for i, v in enumerate(values)}
    without = np.array(list(means.values()))
    parts = np.sqrt(19 / 20) * (without.mean() - without)
    found = romano_wolf.from_parts(
        values.mean(), dict(zip(means, parts, strict=True)), np.ones((20, 1)), list(means), "jackknife"
    )
    assert found.value == pytest.approx(values.mean() / (values.std(ddof=1) / np.sqrt(20)))


def test_what_a_family_cannot_take() -> None:
    rng = np.random.default_rng(8)
    names = [f"U{i:02d}" for i in range(12)]
    cross = design_from_arrays(rng.normal(size=12), rng.normal(size=12), names, estimator="pooled")
    with pytest.raises(UserError, match="several rows per unit"):
        run_family("f", {"A": {"model": "model", "term": "x1"}}, {"model": cross}, 1, 99)
    design = panel(rng, names, 4, np.zeros((12, 4)), "one")
    claims = {"A": {"model": "one", "term": "y1"}, "B": {"model": "one", "marginal": "x1", "at": {}}}
    with pytest.raises(UserError) as caught:
        run_family("f", claims, {"one": design}, 1, 99)
    assert [problem.where for problem in caught.value.problems] == [
        "hypotheses.A.estimand.term",
        "hypotheses.B.estimand.at",
    ]


def test_least_squares_is_told_from_other_estimators() -> None:
    rng = np.random.default_rng(9)
    design = panel(rng, [f"U{i:02d}" for i in range(12)], 4, np.zeros((12, 4)), "one")
    fitted: Fit = fit(design)
    assert romano_wolf.is_least_squares(fitted) and romano_wolf.has_scores(fitted)
    assert not romano_wolf.is_least_squares(replace(fitted, residuals=fitted.residuals + 1.0))
    assert not romano_wolf.has_scores(replace(fitted, scores=np.zeros_like(fitted.scores)))
