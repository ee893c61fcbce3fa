"""The rule that turns one interval into one word.

Every claim foresees a sign and names δ, the smallest effect that would matter. The interval of its main design, turned
so that the foreseen sign is positive, decides:

==========================  =====================================================================================
supported                   the interval lies above 0, the declared specifications agree, the diagnostics pass
contradicted                the interval lies below 0, under the same conditions
no effect that matters      the interval lies within (−δ, δ), and the diagnostics pass
cannot tell                 everything else; printed with the smallest effect that could have been detected
cannot be tested            no admissible design exists with these data
not yet tested              a design is not declared, or its model has no results
==========================  =====================================================================================

Two-sided claims have *differs from zero*, with the sign, in place of the first two. For claims of no trade-off
(``not_negative``) *supported* means that the interval lies above −δ. Rows are tried in this order, so that a small but
clearly positive effect is "supported", with the reason that it is smaller than what matters. The detectable effect
informs; it never decides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from ruralpanel.estimate.base.model_json import AsNote
from ruralpanel.estimate.inference.detectable import POWER
from ruralpanel.project.notes import Note
from ruralpanel.project.sections.configuration import SmallestEffect

Expected = Literal["positive", "negative", "two_sided", "not_negative"]
Word = Literal[
    "supported",
    "contradicted",
    "differs from zero",
    "no effect that matters",
    "cannot tell",
    "cannot be tested with these data",
    "not yet tested",
]

AgreementKind = Literal["same_sign", "above_minus_delta"]

AGREEMENT = 2 / 3  # share of declared specifications that must agree in sign
SHARE_OF_OUTCOME = 0.05  # default δ of an outcome in logarithms, for one standard deviation of the lever net of effects
NARROW = 0.05  # share of an interval's length by which its deciding end may clear a limit before that is said
SD_OF_OUTCOME = 0.2  # default δ of other outcomes, in standard deviations net of effects, for the same change


@dataclass(frozen=True)
class Diagnostic:
    """A test that could refute the design itself. `passed` None: the design asks for it and no result states it."""

    name: str
    passed: bool | None
    value: AsNote | None = None


@dataclass(frozen=True)
class Agreement:
    """How far the specifications of a curve agree.

    Attributes
    ----------
    share : of them whose estimate has the sign of the main one; for claims of no trade-off that lies above −δ.
    kind : which of the two.
    same_sign : the share with the sign of the main one, whatever decides.
    """

    share: float
    n_specifications: int
    kind: AgreementKind = "same_sign"
    same_sign: float | None = None

    @property
    def agrees(self) -> bool:
        """Whether the share is large enough; one of two thirds, stored as a float, does not fail by rounding."""
        return self.share >= AGREEMENT - 1e-12


@dataclass(frozen=True)
class Evidence:
    """What the main design says: an estimate and its 95 % interval, in units of the coefficient.

    Bounds may be infinite (an unbounded bootstrap set). `agreement` None: no curve; `curve_declared` tells whether one
    is declared but has no results. `detectable`: smallest effect detectable at `POWER`, same units.
    """

    estimate: float
    ci_low: float
    ci_high: float
    detectable: float | None = None
    agreement: Agreement | None = None
    curve_declared: bool = False
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """The word, the sign (+1, −1; 0 where the interval covers zero) and the reasons in order."""

    word: Word
    sign: int
    reasons: tuple[Note, ...]


def untested(model: str = "") -> Verdict:
    """The verdict on a claim without a design, or whose `model` has no results."""
    reason = Note("no_results", {"model": model}) if model else Note("no_design")
    return Verdict("not yet tested", 0, (reason,))


def untestable(because: str, because_zh: str = "") -> Verdict:
    """The verdict on a claim for which no admissible design exists; `because` says why, in words."""
    words = {"because": because, **({"because_zh": because_zh} if because_zh else {})}
    return Verdict("cannot be tested with these data", 0, (Note("untestable", words),))


def decide(expected: Expected, evidence: Evidence, delta: float | None) -> Verdict:
    """Apply the rule of this module.

    Parameters
    ----------
    expected : the sign that the claim foresees.
    evidence : estimate, interval, agreement, diagnostics of the main design.
    delta : δ > 0 in units of the coefficient; None where it cannot be stated.

    Notes
    -----
    Diagnostics that fail, or that a design asks for and does not report, leave every verdict at *cannot tell*: a design
    that is refuted can neither support nor contradict, nor show that an effect is absent.
    """
    low, high = evidence.ci_low, evidence.ci_high
    if math.isnan(low) or math.isnan(high):
        return Verdict("cannot tell", 0, (Note("no_interval"), *_detectable(evidence)))
    sign = 1 if low > 0 else -1 if high < 0 else 0
    place = Note({1: "above_zero", -1: "below_zero", 0: "covers_zero"}[sign])
    agreed, agreement = _agreement(evidence)
    sound, diagnostics = _diagnostics(evidence)
    word: Word = "cannot tell"
    reasons = [place]
    if expected == "not_negative" and delta is not None and low > -delta:
        reasons.append(Note("above_minus_delta", {"minus_delta": -delta}))
        word = "supported" if agreed and sound else "cannot tell"
    elif sign != 0 and agreed and sound:
        word = _signed_word(expected, sign)
    inside = delta is not None and -delta < low and high < delta
    if word == "cannot tell" and inside and sound:
        word = "no effect that matters"
    reasons += _narrow(_margin(evidence, sign, delta, reasons[-1].code, word))
    reasons += _size(delta, word, inside)
    reasons += [*agreement, *diagnostics]
    if word == "cannot tell":
        reasons += _detectable(evidence)
    return Verdict(word, sign, tuple(reasons))


def _margin(evidence: Evidence, sign: int, delta: float | None, code: str, word: Word) -> float | None:
    """By how much of the interval's length its deciding end clears its limit; None where no limit is cleared."""
    low, high = evidence.ci_low, evidence.ci_high
    if delta is not None and code == "above_minus_delta":
        gap = low + delta
    elif sign:
        gap = low if sign > 0 else -high
    elif delta is not None and word == "no effect that matters":
        gap = min(low + delta, delta - high)
    else:
        return None
    return gap / (high - low) if math.isfinite(high - low) and high > low else None


def _narrow(margin: float | None) -> list[Note]:
    return [Note("narrow", {"margin": margin})] if margin is not None and margin < NARROW else []


def _signed_word(expected: Expected, sign: int) -> Word:
    if expected == "two_sided":
        return "differs from zero"
    foreseen = -1 if expected == "negative" else 1
    return "supported" if sign == foreseen else "contradicted"


def _size(delta: float | None, word: Word, inside: bool) -> list[Note]:
    if delta is None:
        return [Note("no_delta")]
    if not inside:
        return [Note("outside_delta", {"delta": delta})] if word == "cannot tell" else []
    decided = word in ("supported", "contradicted", "differs from zero")
    return [Note("smaller_than_delta" if decided else "inside_delta", {"delta": delta})]


def _agreement(evidence: Evidence) -> tuple[bool, tuple[Note, ...]]:
    if evidence.agreement is None:
        return True, (Note("agreement_missing" if evidence.curve_declared else "agreement_not_declared"),)
    share, n = evidence.agreement.share, evidence.agreement.n_specifications
    agreed = evidence.agreement.agrees
    values: dict[str, float | str] = {"share": share, "n": n, "needed": AGREEMENT}
    if evidence.agreement.kind == "same_sign":
        return agreed, (Note("agreement", values),)
    same = evidence.agreement.same_sign
    beside = () if same is None else (Note("same_sign", {"share": same, "n": n}),)
    return agreed, (Note("agreement_above", values), *beside)


def _diagnostics(evidence: Evidence) -> tuple[bool, tuple[Note, ...]]:
    if not evidence.diagnostics:
        return True, (Note("no_diagnostics"),)
    codes = {True: "diagnostic_passed", False: "diagnostic_failed", None: "diagnostic_missing"}
    reasons = tuple(Note(codes[d.passed], {"name": d.name, "value": d.value}) for d in evidence.diagnostics)
    return all(d.passed for d in evidence.diagnostics), reasons


def _detectable(evidence: Evidence) -> tuple[Note, ...]:
    if evidence.detectable is None:
        return ()
    return (Note("detectable", {"power": POWER, "detectable": evidence.detectable}),)


def change_that_matters(matters: SmallestEffect, logarithm: bool, sd_net: float | None) -> float | None:
    """Smallest change of the outcome that matters, for one step of the lever; None where it cannot be stated.

    Parameters
    ----------
    matters : ``sd_of_outcome`` for any outcome, or ``share_of_outcome`` for one in logarithms.
    logarithm : whether the outcome is one. sd_net : its standard deviation net of the model's effects.
    """
    share = matters.sd_of_outcome
    if share is None and logarithm:
        return SHARE_OF_OUTCOME if matters.share_of_outcome is None else matters.share_of_outcome
    return None if not sd_net else float(SD_OF_OUTCOME if share is None else share) * sd_net
