"""The rule of verdicts: every branch, and its rates where the truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ruralpanel.claims.verdicts import Agreement, Diagnostic, Evidence, Expected, decide, untestable, untested
from ruralpanel.estimate.inference.detectable import smallest_detectable
from ruralpanel.output.words import clause
from ruralpanel.project.notes import note

DELTA = 0.1


def word(expected: str, low: float, high: float, **rest: object) -> str:
    return decide(expected, Evidence((low + high) / 2, low, high, **rest), DELTA).word  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("expected", "low", "high", "verdict"),
    [
        ("positive", 0.2, 0.6, "supported"),
        ("positive", -0.6, -0.2, "contradicted"),
        ("positive", -0.05, 0.08, "no effect that matters"),
        ("positive", -0.05, 0.3, "cannot tell"),
        ("positive", -0.3, 0.05, "cannot tell"),
        ("positive", 0.01, 0.05, "supported"),
        ("negative", -0.6, -0.2, "supported"),
        ("negative", 0.2, 0.6, "contradicted"),
        ("negative", -0.02, 0.02, "no effect that matters"),
        ("two_sided", 0.2, 0.6, "differs from zero"),
        ("two_sided", -0.6, -0.2, "differs from zero"),
        ("two_sided", -0.09, 0.09, "no effect that matters"),
        ("two_sided", -0.2, 0.2, "cannot tell"),
        ("not_negative", -0.05, 0.4, "supported"),
        ("not_negative", -0.05, 0.05, "supported"),
        ("not_negative", 0.1, 0.4, "supported"),
        ("not_negative", -0.4, -0.2, "contradicted"),
        ("not_negative", -0.4, 0.2, "cannot tell"),
        ("positive", -math.inf, math.inf, "cannot tell"),
        ("positive", 0.2, math.inf, "supported"),
        ("positive", -0.1, 0.05, "cannot tell"),  # (−δ, δ) is open
        ("positive", 0.0, 0.3, "cannot tell"),  # touching zero is not above it
    ],
)
def test_every_place_an_interval_can_lie(expected: str, low: float, high: float, verdict: str) -> None:
    assert word(expected, low, high) == verdict


def test_the_sign_is_that_of_the_interval() -> None:
    assert decide("two_sided", Evidence(0.4, 0.2, 0.6), DELTA).sign == 1
    assert decide("two_sided", Evidence(-0.4, -0.6, -0.2), DELTA).sign == -1
    assert decide("two_sided", Evidence(0.1, -0.2, 0.4), DELTA).sign == 0


@pytest.mark.parametrize(("share", "verdict"), [(0.9, "supported"), (2 / 3, "supported"), (0.66, "cannot tell")])
def test_two_thirds_of_the_specifications_must_agree(share: float, verdict: str) -> None:
    agreement = Agreement(share, 5000)
    assert word("positive", 0.2, 0.6, agreement=agreement) == verdict
    assert word("negative", 0.2, 0.6, agreement=agreement) == ("contradicted" if share > 0.66 else "cannot tell")


def test_disagreeing_specifications_do_not_hide_that_an_effect_is_small() -> None:
    assert word("positive", 0.01, 0.05, agreement=Agreement(0.5, 100)) == "no effect that matters"


@pytest.mark.parametrize("passed", [False, None])
@pytest.mark.parametrize(("low", "high"), [(0.2, 0.6), (-0.6, -0.2), (-0.05, 0.05)])
def test_a_design_that_is_refuted_decides_nothing(passed: bool | None, low: float, high: float) -> None:
    evidence = Evidence(0.0, low, high, diagnostics=(Diagnostic("pretrend", passed, note("must_exceed_p")),))
    verdict = decide("positive", evidence, DELTA)
    assert verdict.word == "cannot tell"
    assert any(reason.code in ("diagnostic_failed", "diagnostic_missing") for reason in verdict.reasons)


def test_diagnostics_that_pass_let_the_interval_speak() -> None:
    evidence = Evidence(0.4, 0.2, 0.6, diagnostics=(Diagnostic("pretrend", True, note("must_exceed_p")),))
    assert decide("positive", evidence, DELTA).word == "supported"


def test_cannot_tell_is_printed_with_the_detectable_effect() -> None:
    verdict = decide("positive", Evidence(0.1, -0.2, 0.4, detectable=0.42), DELTA)
    assert "0.42" in "; ".join(clause(one, "en") for one in verdict.reasons)


def test_all_specifications_but_one_are_neither_one_nor_all() -> None:
    agreement = Agreement(3839 / 3840, 3840, "above_minus_delta", 0.781)
    reasons = decide("not_negative", Evidence(0.1, -0.2, 0.4, agreement=agreement), 1.0).reasons
    said = [clause(one, "en") for one in reasons]
    assert "99.97% of 3,840 specifications lie above −δ; 67% are needed" in said


def test_a_clear_but_small_effect_says_so() -> None:
    verdict = decide("positive", Evidence(0.03, 0.01, 0.05), DELTA)
    assert "smaller_than_delta" in [reason.code for reason in verdict.reasons]


def test_without_delta_absence_cannot_be_shown() -> None:
    verdict = decide("positive", Evidence(0.0, -0.001, 0.001), None)
    assert verdict.word == "cannot tell"
    assert "no_delta" in [reason.code for reason in verdict.reasons]
    assert decide("not_negative", Evidence(0.0, -0.001, 0.001), None).word == "cannot tell"


def test_without_an_interval_nothing_is_decided() -> None:
    assert decide("positive", Evidence(0.3, math.nan, math.nan), DELTA).word == "cannot tell"


def test_undeclared_agreement_is_stated() -> None:
    codes = [reason.code for reason in decide("positive", Evidence(0.4, 0.2, 0.6), DELTA).reasons]
    assert "agreement_not_declared" in codes
    codes = [r.code for r in decide("positive", Evidence(0.4, 0.2, 0.6, curve_declared=True), DELTA).reasons]
    assert "agreement_missing" in codes


def test_claims_without_a_design() -> None:
    assert untested().word == "not yet tested"
    assert untested("baseline").reasons[0].values == {"model": "baseline"}
    assert untestable("no dates of implementation {braces}").word == "cannot be tested with these data"
    assert "{braces}" in clause(untestable("no dates {braces}").reasons[0], "en")


def test_detectable_effect_against_simulated_power() -> None:
    """At the detectable effect a t test with 30 degrees of freedom rejects in 80 % of draws (± 3 Monte Carlo errors).

    ``t(.975) + t(.80)`` is the usual approximation; the exact power of the non-central t differs by less than .01.
    """
    df, draws = 30, 200_000
    rng = np.random.default_rng(20120126)
    t = (rng.standard_normal(draws) + smallest_detectable(1.0, df)) / np.sqrt(rng.chisquare(df, draws) / df)
    assert np.mean(np.abs(t) > 2.0422724563) == pytest.approx(0.80, abs=0.01 + 3 * math.sqrt(0.16 / draws))
    assert smallest_detectable(1.0, math.inf) == pytest.approx(1.959963985 + 0.8416212336, abs=1e-8)


@pytest.mark.parametrize(
    ("truth", "se", "verdict", "rate"),
    [
        (0.5, 0.1, "supported", 0.9988),  # Φ(5 − 1.96)
        (-0.5, 0.1, "contradicted", 0.9988),
        (0.0, 0.1, "supported", 0.025),
        (0.0, 0.1, "contradicted", 0.025),
        (0.0, 0.02, "no effect that matters", 0.95),  # δ = 5 se: all but the significant draws
        (0.0, 0.2, "no effect that matters", 0.0),
    ],
)
def test_rates_where_the_truth_is_known(truth: float, se: float, verdict: str, rate: float) -> None:
    draws = 4000
    estimates = truth + se * np.random.default_rng(1).standard_normal(draws)
    words = [word("positive", b - 1.959963985 * se, b + 1.959963985 * se) for b in estimates]
    tolerance = 4 * math.sqrt(max(rate * (1 - rate), 1e-4) / draws)
    assert words.count(verdict) / draws == pytest.approx(rate, abs=tolerance)


@pytest.mark.parametrize(
    ("expected", "low", "high", "margin"),
    [
        ("not_negative", -DELTA + 0.01, DELTA + 0.5, 0.01 / (2 * DELTA + 0.49)),
        ("positive", 0.001, 0.5, 0.001 / 0.499),
        ("negative", -0.5, -0.001, 0.001 / 0.499),
        ("positive", -DELTA + 0.001, 0.0, 0.001 / (DELTA - 0.001)),
        ("positive", 0.2, 0.6, None),
        ("positive", -0.5, 0.5, None),
        ("not_negative", -DELTA / 2, DELTA, None),
    ],
)
def test_a_limit_that_is_cleared_narrowly_is_said(
    expected: Expected, low: float, high: float, margin: float | None
) -> None:
    reasons = decide(expected, Evidence((low + high) / 2, low, high), DELTA).reasons
    found = [reason.values["margin"] for reason in reasons if reason.code == "narrow"]
    assert found == ([] if margin is None else [pytest.approx(margin)])
