"""The scorecard on made-up results: which number decides, in which units it is said, what is written."""

from __future__ import annotations

import csv
import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from as_written import claims_of, describe, evaluate_claims, find_estimand, model_of
from ruralpanel.claims import scorecard, verdicts
from ruralpanel.claims.designs import evidence_kind, smallest_effect
from ruralpanel.claims.numbers import VariableStats, plain_effect
from ruralpanel.claims.robustness.results import Family, Robustness
from ruralpanel.claims.scorecard import ClaimRow
from ruralpanel.estimate.base.model import Model
from ruralpanel.estimate.base.model_json import made, write_results
from ruralpanel.estimate.inference.detectable import POWER_SIMULATED, smallest_detectable
from ruralpanel.output.words import clause
from ruralpanel.project.expressions import log_of
from ruralpanel.project.notes import note
from ruralpanel.project.problems import UserError
from ruralpanel.project.sections.configuration import PlainUnits, SmallestEffect

FIXTURE = Path(__file__).parents[1] / "fixtures" / "report"
CONFIG: dict[str, Any] = json.loads((FIXTURE / "config.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def rows() -> dict[str, ClaimRow]:
    return {row.claim: row for row in scorecard.evaluate(claims_of(CONFIG["hypotheses"]), FIXTURE / "made_up")}


def test_what_an_earlier_configuration_left_is_not_looked_at(tmp_path: Path, rows: dict[str, ClaimRow]) -> None:
    shutil.copytree(FIXTURE / "made_up", tmp_path, dirs_exist_ok=True)
    name, claim = next(iter(CONFIG["hypotheses"].items()))
    (tmp_path / "models" / "gone.json").write_text("{", encoding="utf-8")
    for family, p in (("mine", 0.02), ("was", 0.9)):
        left = Family(family=family, p_values={name: p})
        write_results(tmp_path / "models" / "families" / f"{family}.json", left)
    assert {row.claim: row for row in scorecard.evaluate(claims_of(CONFIG["hypotheses"]), tmp_path)} == rows
    (row,) = scorecard.evaluate(claims_of({name: {**claim, "family": "mine"}}), tmp_path)
    assert row.p_family == 0.02


def model(**changes: Any) -> Model:
    coefficient = {
        "term": "x",
        "estimate": 1.0,
        "std_error": 0.2,
        "df": 10.0,
        "p_value": 0.01,
        "ci_low": 0.6,
        "ci_high": 1.4,
    }
    values: dict[str, Any] = {
        "model": "m",
        "panel": "p",
        "estimator": "fe",
        "outcome": "y",
        "effects": ["unit", "period"],
        "n_obs": 80,
        "n_units": 10,
        "n_periods": 8,
        "coefficients": [coefficient],
        "inference": [{"method": "cluster"}],
    }
    return model_of({**values, **changes})


def test_verdicts_of_every_kind_in_the_order_of_the_configuration(rows: dict[str, ClaimRow]) -> None:
    assert list(rows) == list(CONFIG["hypotheses"])
    assert {name: row.verdict for name, row in rows.items()} == {
        "H1": "supported",
        "H2": "cannot tell",
        "H3a": "differs from zero",
        "H3b": "cannot tell",
        "H4": "not yet tested",
        "H5": "cannot tell",
        "H6": "supported",
        "H7": "cannot be tested with these data",
        "H8": "no effect that matters",
    }


def test_the_bootstrap_interval_decides_where_there_is_one(rows: dict[str, ClaimRow]) -> None:
    design = rows["H1"].design
    assert design is not None
    assert (design.interval, design.ci_low, design.ci_high, design.p_value) == ("wild_cluster", 0.19, 0.66, 0.002)
    between = rows["H1"].others[0]
    assert (between.interval, between.ci_low) == ("hc", 0.4)


def test_a_bound_of_the_bootstrap_may_be_infinite(rows: dict[str, ClaimRow]) -> None:
    design = rows["H3a"].design
    assert design is not None and design.ci_low == -math.inf and design.has_interval


def test_no_bound_is_none_and_an_unbounded_interval_of_the_bootstrap_is_infinite() -> None:
    row = {"term": "x", "estimate": 1.0, "ci_low": 0.6, "ci_high": 1.4, "p_wild": 0.2}
    unbounded = model(coefficients=[row | {"ci_wild_low": -math.inf, "ci_wild_high": math.inf}])
    assert find_estimand(unbounded, {"term": "x"}, "c", "w").ci_low == -math.inf
    not_asked = model(coefficients=[row | {"ci_wild_low": None, "ci_wild_high": None}])
    assert find_estimand(not_asked, {"term": "x"}, "c", "w").ci_low == 0.6


def test_delta_is_five_per_cent_of_an_outcome_in_logarithms_per_sd_of_the_lever(rows: dict[str, ClaimRow]) -> None:
    h1, interaction, between = rows["H1"].design, rows["H3b"].design, rows["H1"].others[0]
    assert h1 is not None and interaction is not None
    assert h1.delta == pytest.approx(0.05 / 0.3)  # sd_within of the model's sample, whose results state no net one
    assert interaction.delta == pytest.approx(0.05 / (0.3 * 0.6))  # lever within units, moderator over all rows
    assert between.delta == pytest.approx(0.05 / 0.5) and between.delta_per == "sd"
    assert h1.in_delta == pytest.approx(0.42 * 0.3 / 0.05)


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ({"value": 0.2}, (0.2, "declared")),
        ({"per": "sd"}, (2 / 4, "sd")),
        ({"per": "unit"}, (2, "unit")),
        ({}, (2 / 0.5, "within_sd")),
    ],
)
def test_delta_as_declared(declared: dict[str, Any], expected: tuple[float, str]) -> None:
    spreads = {"x": VariableStats("x", sd=4.0, sd_within=0.5)}
    assert smallest_effect(SmallestEffect.model_validate(declared), 2.0, "x", spreads) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("declared", "formula", "fit", "wanted"),
    [
        ({}, "log(a / b)", {}, 0.05),
        ({"share_of_outcome": 0.1}, "log(a / b)", {}, 0.1),
        ({"sd_of_outcome": 0.5}, "log(a / b)", {"outcome_sd_net": 0.3}, 0.5 * 0.3),
        ({}, "lag(log(a), 1)", {}, 0.05),
        ({}, "a / b", {"outcome_sd_net": 0.3}, 0.2 * 0.3),
        ({"share_of_outcome": 0.1}, "a / b", {"outcome_sd_net": 0.3}, 0.2 * 0.3),
        ({}, "a / b", {"outcome_sd_within": 0.4}, 0.2 * 0.4),
        ({}, "asinh(a)", {"outcome_sd_net": 0.3}, 0.2 * 0.3),
    ],
)
def test_delta_by_kind_of_outcome_for_one_sd_of_the_lever_net_of_effects(
    declared: dict[str, Any], formula: str, fit: dict[str, float], wanted: float
) -> None:
    row = {"term": "x", "estimate": 1.0, "ci_low": 0.0, "ci_high": 2.0, "sd": 9.0, "sd_within": 4.0, "sd_net": 0.5}
    outcome = {"p": {"y": VariableStats("y", formula=formula)}}
    result = model(coefficients=[row], fit={"outcome_sd": 7.0, **fit})
    design = describe(result, {"term": "x"}, {"smallest_effect": declared}, outcome)
    assert design.delta == pytest.approx(wanted / 0.5) and design.delta_per == "within_sd"


def test_delta_between_units_is_for_one_sd_of_their_means() -> None:
    row = {"term": "x", "estimate": 1.0, "ci_low": 0.0, "ci_high": 2.0, "sd": 9.0, "sd_within": 4.0, "sd_net": 8.0}
    outcome = {"p": {"y": VariableStats("y", formula="log(a)")}}
    design = describe(model(estimator="between", coefficients=[row]), {"term": "x"}, {}, outcome)
    assert design.delta == pytest.approx(0.05 / 8.0) and design.delta_per == "sd"


def test_delta_cannot_be_stated_without_the_outcomes_sd() -> None:
    assert smallest_effect(SmallestEffect(), None, "x", {})[0] is None


def test_marginal_effect_at_a_percentile(rows: dict[str, ClaimRow]) -> None:
    other = rows["H3b"].others[0]
    assert (other.estimate, other.lever, other.pointer) == (-0.3, "roads", "/marginal_effects/0/points/0")


def test_shares_of_a_gap_are_no_slopes() -> None:
    part = {"term": "share_training", "estimate": 0.3, "std_error": 0.1, "df": None, "ci_low": 0.1, "ci_high": 0.5}
    gap = model(estimator="decomposition", coefficients=[part], fit={"outcome_sd": 1.0})
    design = describe(gap, {"term": "share_training", "label": "Training's share"}, {}, {})
    assert design.plain is None and design.delta is None and design.evidence == "between"
    declared = {"smallest_effect": {"value": 0.1, "sd_of_outcome": 0.1, "per": "within_sd"}}
    assert describe(gap, {"term": "share_training"}, declared, {}).delta == 0.1


def test_evidence_kinds(rows: dict[str, ClaimRow]) -> None:
    kinds = [rows["H1"].design, *rows["H1"].others, rows["H5"].design]
    assert [design.evidence for design in kinds if design] == ["within", "between", "between", "policy"]
    assert evidence_kind(model(estimator="pooled", effects=[])) == "mixed"
    assert evidence_kind(model(estimator="re", effects=[])) == "mixed"
    assert evidence_kind(model(estimator="re", effects=["unit", "period"])) == "mixed"
    assert evidence_kind(model(estimator="hausman_taylor", effects=["unit"])) == "mixed"
    assert evidence_kind(model(estimator="iv", method="g2sls", effects=["unit"])) == "mixed"
    assert evidence_kind(model(estimator="fe", effects=["period"])) == "mixed"
    assert evidence_kind(model(estimator="fd", effects=["period"])) == "within"


def test_a_policy_design_whose_diagnostic_fails_or_is_missing_decides_nothing(rows: dict[str, ClaimRow]) -> None:
    assert "diagnostic_failed" in [reason.code for reason in rows["H5"].reasons]
    silent = model(estimator="did", tests={})
    row = evaluate_claims({"A": {"claim": "a", "estimand": {"model": "m", "term": "x"}}}, {"m": silent}, {})[0]
    assert row.verdict == "cannot tell" and "diagnostic_missing" in [reason.code for reason in row.reasons]
    sound = model(estimator="did", tests={"pretrend": {"statistic": 1.0, "df": None, "p_value": 0.6}})
    row = evaluate_claims({"A": {"claim": "a", "estimand": {"model": "m", "term": "x"}}}, {"m": sound}, {})[0]
    assert row.verdict == "differs from zero" and row.design is not None and row.design.causal


def test_agreement_comes_from_the_declared_curve() -> None:
    claim = {"claim": "a", "estimand": {"model": "m", "term": "x"}, "expected": "positive", "robustness": "curve"}
    curves = {"curve": {"share_same_sign": 0.6, "n_specifications": 5000}}
    assert evaluate_claims({"A": claim}, {"m": model()}, {}, curves)[0].verdict == "cannot tell"
    row = evaluate_claims({"A": claim}, {"m": model()}, {})[0]
    assert row.verdict == "supported" and "agreement_missing" in [reason.code for reason in row.reasons]
    no_trade_off = {**claim, "expected": "not_negative"}
    assert evaluate_claims({"A": no_trade_off}, {"m": model()}, {}, curves)[0].agreement is None


def test_both_shares_of_a_no_trade_off_claim_are_printed_by_name() -> None:
    claim = {
        "claim": "a",
        "estimand": {"model": "m", "term": "x"},
        "expected": "not_negative",
        "robustness": "curve",
        "smallest_effect": {"value": 0.5},
    }
    curve = {"share_same_sign": 0.781, "share_not_negative": 0.96, "n_specifications": 3840}
    row = evaluate_claims({"A": claim}, {"m": model()}, {}, {"curve": curve})[0]
    assert row.agreement == verdicts.Agreement(0.96, 3840, "above_minus_delta", 0.781)
    said = [clause(one, "en") for one in row.reasons]
    assert "96% of 3,840 specifications lie above −δ; 67% are needed" in said
    assert any(text.startswith("78% of 3,840 specifications have the sign of the main one") for text in said)
    assert not any("agree in sign" in text for text in said)


def test_terms_that_do_not_exist_are_named_all_at_once() -> None:
    claims = {
        "A": {"claim": "a", "estimand": {"model": "m", "term": "road"}},
        "B": {"claim": "b", "estimand": {"model": "m", "marginal": "x", "at": {"gap": "p75"}}},
        "C": {"claim": "c", "estimand": {"model": "m", "statistic": "share"}},
    }
    with pytest.raises(UserError) as caught:
        evaluate_claims(claims, {"m": model()}, {})
    assert [problem.where for problem in caught.value.problems] == [
        "hypotheses.A.estimand.term",
        "hypotheses.B.estimand.marginal",
        "hypotheses.C.estimand.statistic",
    ]


@pytest.mark.parametrize(
    ("formula", "inside"),
    [
        ("log(a / b)", "a / b"),
        ("lag(log(a / (b + c)), 1)", "a / (b + c)"),
        ("value_at(log(a), 2000)", "a"),
        ("log(a) + log(b)", None),
        ("a / b", None),
        ("", None),
        ("other", "z"),
    ],
)
def test_which_formulas_are_logarithms(formula: str, inside: str | None) -> None:
    variables = {
        "other": VariableStats("other", formula="lag(more, 2)"),
        "more": VariableStats("more", formula="log(z)"),
    }
    assert log_of(formula, variables) == inside


def test_ten_percent_more_of_the_lever_in_shares_of_the_outcome_and_in_its_own_units() -> None:
    variables = {
        "x": VariableStats("x", formula="log(kwh / people)"),
        "workers": VariableStats("workers", measure="person"),
    }
    outcome = VariableStats("y", formula="log(workers / people)", mean=math.log(0.05), sd=1.0)
    plain = plain_effect((0.5, 0.2, 0.8), outcome, "x", variables, delta=0.1, detectable=0.4)
    assert plain is not None and plain.level is not None
    assert plain.change == "relative" and plain.size == 0.1
    assert plain.value == pytest.approx(1.1**0.5 - 1)
    assert plain.low == pytest.approx(1.1**0.2 - 1)
    assert plain.delta == pytest.approx(1.1**0.1 - 1)
    assert plain.detectable == pytest.approx(1.1**0.4 - 1)
    assert plain.level.scale == 1000 and plain.level.shown == pytest.approx(50)
    assert plain.at_level == pytest.approx(50 * (1.1**0.5 - 1))


def test_other_changes_of_the_lever() -> None:
    outcome = VariableStats("y", sd=1.0)
    variables = {
        "share": VariableStats("share", measure="share", sd=0.1, sd_within=0.02),
        "switch": VariableStats("switch", sd=0.5, min=0.0, max=1.0),
        "fixed": VariableStats("fixed", sd=2.0),
    }
    moved = [plain_effect((1.0, 0.0, 2.0), outcome, term, variables) for term in variables]
    assert [(p.change, p.value) for p in moved if p] == [("within_sd", 0.02), ("unit", 1.0), ("sd", 2.0)]
    crossed = plain_effect((1.0, 0.0, 2.0), outcome, "share:fixed", variables)
    assert crossed is not None and crossed.moderator == "fixed" and crossed.value == pytest.approx(0.02 * 2.0)
    declared = plain_effect((1.0, 0.0, 2.0), outcome, "share", variables, PlainUnits(change=0.05))
    assert declared is not None and declared.value == pytest.approx(0.05)
    assert plain_effect((math.nan, 0.0, 0.0), outcome, "share", variables) is None


@pytest.mark.parametrize(
    ("spread", "size"),
    [(0.0273, 0.028), (0.0229, 0.023), (0.1, 0.11), (0.3, 0.35), (1.2, 2.3), (0.0049, 0.0049), (0.00043, 0.00043)],
)
def test_a_lever_in_logarithms_moves_by_one_rounded_spread(spread: float, size: float) -> None:
    """Not by 10 % where the figures move by 2.7 %; δ stands beside in the outcome's own unit."""
    variables = {
        "x": VariableStats("x", formula="log(km)", sd=9.0, sd_within=spread),
        "workers": VariableStats("workers", measure="person"),
    }
    outcome = VariableStats("y", formula="log(workers / people)", mean=math.log(0.05), sd=1.0)
    plain = plain_effect((1.5, -1.0, 3.0), outcome, "x", variables, delta=0.05 / spread)
    assert plain is not None and (plain.change, plain.size, plain.spread) == ("relative", size, "within_sd")
    assert plain.value == pytest.approx((1.0 + size) ** 1.5 - 1.0)
    assert plain.delta == pytest.approx((1.0 + size) ** (0.05 / spread) - 1.0)
    assert plain.delta_at_level == pytest.approx(50 * plain.delta)
    declared = plain_effect((1.5, -1.0, 3.0), outcome, "x", variables, PlainUnits(change=0.02))
    assert declared is not None and (declared.size, declared.spread) == (0.02, "")


def test_an_unbounded_interval_stays_unbounded_in_plain_units() -> None:
    outcome = VariableStats("y", formula="log(a / b)", mean=0.0, sd=1.0)
    plain = plain_effect((1.0, -math.inf, math.inf), outcome, "x", {"x": VariableStats("x", formula="log(z)")})
    assert plain is not None and plain.low == -1.0 and plain.high == math.inf


def test_detectable_effect_of_a_design() -> None:
    design = describe(model(), {"term": "x"}, {}, {})
    # the interval that decides, not the error beside it: 0.6 to 1.4 over the critical value of t with 10
    assert design.detectable == pytest.approx(smallest_detectable(0.4 / 2.2281388520, 10.0))
    assert design.detectable_by == "length"
    assert (
        describe(
            model(coefficients=[{"term": "x", "estimate": 1.0, "ci_low": -math.inf, "ci_high": 2.0}]), {}, {}, {}
        ).detectable
        is None
    )


def test_detectable_effect_of_a_bootstrap_is_the_simulated_one() -> None:
    """Clustered errors beside a wild interval say nothing of its power."""
    row = {"term": "x", "estimate": -0.77, "std_error": 0.41, "df": 30.0, "ci_low": -1.6, "ci_high": 0.06}
    row |= {"p_wild": 0.036, "ci_wild_low": -3.19, "ci_wild_high": -0.12}
    wild = model(coefficients=[row], inference=[{"method": "cluster"}, {"method": "wild_cluster"}])
    simulated = describe(wild, {"term": "x"}, {}, {}, powers={("m", "x"): 2.5})
    assert (simulated.detectable, simulated.detectable_by) == (2.5, "simulation")
    nothing = describe(wild, {"term": "x"}, {}, {}, powers={("m", "x"): None})
    assert (nothing.detectable, nothing.detectable_by) == (None, "simulation")
    length = describe(wild, {"term": "x"}, {}, {})
    error = (3.19 - 0.12) / 2 / 2.0422724563
    assert length.detectable == pytest.approx((2.0422724563 + 0.8537672619) * error, rel=1e-7)
    entry = {"power": {"by": note(POWER_SIMULATED, panels=500, draws=399).to_dict(), "detectable": {"0.8": 2.5}}}
    by_length = {"power": {"by": note("power_of_interval", interval="cluster").to_dict(), "detectable": {"0.8": 2.0}}}
    found = {
        "model": "m",
        "targets": {"x": entry, "z": by_length, "w": {"power": {"not_available": {"code": "no_errors"}}}},
    }
    assert scorecard.powers_of({"m": made(Robustness, found)}) == {("m", "x"): 2.5}


def test_files(rows: dict[str, ClaimRow], tmp_path: Path) -> None:
    values = tuple(rows.values())
    scorecard.write_scorecard(values, tmp_path / "scorecard.csv", tmp_path / "scorecard.json")
    with (tmp_path / "scorecard.csv").open(encoding="utf-8", newline="") as stream:
        table = list(csv.DictReader(stream))
    assert [line["claim"] for line in table] == list(rows)
    assert float(table[0]["estimate"]) == 0.42 and table[2]["ci_low"] == "-inf" and table[4]["estimate"] == ""
    document = json.loads((tmp_path / "scorecard.json").read_text(encoding="utf-8"))
    assert document["n_claims"] == 9 and document["counts"]["cannot tell"] == 3
    assert document["claims"][2]["design"]["ci_low"] == "-inf" and document["claims"][2]["design"]["has_interval"]
    first = (tmp_path / "scorecard.json").read_bytes()
    scorecard.write_scorecard(values, tmp_path / "scorecard.csv", tmp_path / "scorecard.json")
    assert (tmp_path / "scorecard.json").read_bytes() == first


def test_poisson_coefficients_are_changes_of_a_logarithm() -> None:
    """The outcome is a count, its coefficient is not: no δ from the spread of the count, effects in per cent."""
    roads = VariableStats("roads", formula="log(km)", sd_within=0.1)
    spread = {"p": {"jobs": VariableStats("jobs", mean=5e5, sd=1e6), "roads": roads}}
    counts = model(estimator="ppml", outcome="jobs", panel="p", coefficients=[{"term": "roads", "estimate": 2.0}])
    design = describe(counts, {"term": "roads"}, {}, spread)
    assert design.delta == pytest.approx(0.05 / 0.1)
    assert design.plain is not None and design.plain.effect == "relative" and design.plain.level is None
    assert design.plain.value == pytest.approx(1.11**2.0 - 1.0)  # exp(.1) − 1, rounded


def test_a_change_without_a_finite_effect_has_no_plain_words() -> None:
    outcome, lever = VariableStats("y", formula="log(x)", mean=1.0), {"l": VariableStats("l", sd=1.0)}
    assert plain_effect((900.0, 1.0, 2.0), outcome, "l", lever, PlainUnits(change=2005.0)) is None
    assert plain_effect((0.5, 0.1, 0.9), outcome, "l", lever, PlainUnits(change=1.0)) is not None


def test_the_lever_of_an_event_studys_period_is_the_policy() -> None:
    row = {"term": "treated:2012", "estimate": 0.2, "ci_low": 0.1, "ci_high": 0.3}
    study = {"model": "m", "estimator": "event_study", "coefficients": [row]}
    number = find_estimand(study, {"term": "treated:2012"}, "config.yaml", "claims.a")
    assert (number.term, number.lever) == ("treated:2012", "treated")
    product = find_estimand({**study, "estimator": "fe"}, {"term": "treated:2012"}, "config.yaml", "claims.a")
    assert product.lever == "treated:2012"
