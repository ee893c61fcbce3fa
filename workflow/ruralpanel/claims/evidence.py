"""How each piece of evidence on a claim stands: one cell per claim and criterion, each a word and a number.

==================  ================================================================  ==============================
criterion           number                                                            words
==================  ================================================================  ==============================
``interval``        estimate and ends of the interval that decides                    above_zero, below_zero,
                                                                                      holds_zero, above_minus_delta
``cr2``             p-value by errors corrected for leverage                          clear, open
``two_way``         p-value by the bootstrap of units and periods                     clear, open
``family``          p-value within the family of claims (Romano–Wolf)                 clear, open
``specifications``  share of the curve that agrees (`verdicts.Agreement`)             agree, divided
``influence``       estimate without the unit that moves it most                      keeps_sign, turns_sign
==================  ================================================================  ==============================

``not_available`` where the design, the model or the claim has no such number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from ruralpanel.claims.designs import ClaimEstimate
from ruralpanel.claims.robustness.results import LeftOut, Robustness
from ruralpanel.claims.verdicts import Agreement, Expected
from ruralpanel.estimate.base.model import Model, Setting
from ruralpanel.estimate.inference.detectable import LEVEL
from ruralpanel.project.kinds.inference import CLUSTER, WILD
from ruralpanel.project.sections.configuration import Hypothesis

Criterion = Literal["interval", "cr2", "two_way", "family", "specifications", "influence"]
Bearing = Literal["for", "against", "differs", "steady", "open", "none"]

CRITERIA: tuple[Criterion, ...] = ("interval", "cr2", "two_way", "family", "specifications", "influence")
CLEAR = 1.0 - LEVEL
"""p-values below this are clear."""


@dataclass(frozen=True)
class Cell:
    """One criterion of one claim.

    Attributes
    ----------
    bears : what the word means for the claim: ``for`` or ``against`` it, that the number ``differs`` from zero where no
        sign is foreseen, ``steady`` (the number does not hang on a choice or a unit), ``open``, or ``none``.
    value, low, high : the number, for ``interval`` with its ends (infinite where it has none); None: not available.
    detail : the unit (``influence``). file, pointer : where the number stands below the results.
    """

    criterion: Criterion
    word: str
    bears: Bearing
    value: float | None = None
    low: float | None = None
    high: float | None = None
    detail: str = ""
    file: str = ""
    pointer: str = ""


def cells(
    claim: str,
    declared: Hypothesis,
    design: ClaimEstimate | None,
    model: Model | None,
    agreement: Agreement | None,
    p_family: float | None,
    robustness: Robustness | None,
) -> tuple[Cell, ...]:
    """The six cells of a claim, in the order of `CRITERIA`.

    Parameters
    ----------
    declared : the claim. design : its main design; None: nothing was estimated.
    model, robustness : the main design's model, and what was asked of its numbers (None: nothing).
    """
    if design is None or model is None:
        return tuple(_none(criterion) for criterion in CRITERIA)
    expected = declared.expected or "two_sided"
    bears = _bearing(expected, design.estimate)
    family, curve = declared.family or "", declared.robustness or ""
    return (
        _interval(expected, design),
        _from_setting("cr2", model, design, bears),
        _from_setting("two_way", model, design, bears),
        _p_value("family", p_family, bears, f"models/families/{family}.json", f"/p_values/{claim}"),
        _specifications(agreement, curve),
        _influence(design, robustness),
    )


def _none(criterion: Criterion) -> Cell:
    return Cell(criterion, "not_available", "none")


def _bearing(expected: Expected, sign: float) -> Bearing:
    if expected == "two_sided":
        return "differs"
    return "for" if (sign < 0) == (expected == "negative") else "against"


def _interval(expected: Expected, design: ClaimEstimate) -> Cell:
    if not design.has_interval:
        return _none("interval")
    word, bears = _place(expected, design)
    ends = design.estimate, design.ci_low, design.ci_high
    return Cell("interval", word, bears, *ends, file=design.file, pointer=design.pointer)


def _place(expected: Expected, design: ClaimEstimate) -> tuple[str, Bearing]:
    if design.ci_low > 0:
        return "above_zero", _bearing(expected, 1.0)
    if design.ci_high < 0:
        return "below_zero", _bearing(expected, -1.0)
    if expected == "not_negative" and design.delta is not None and design.ci_low > -design.delta:
        return "above_minus_delta", "for"
    return "holds_zero", "open"


def _p_value(criterion: Criterion, p: float | None, bears: Bearing, file: str, pointer: str) -> Cell:
    if p is None or math.isnan(p):
        return _none(criterion)
    clear = p < CLEAR
    return Cell(criterion, "clear" if clear else "open", bears if clear else "open", p, file=file, pointer=pointer)


def _from_setting(criterion: Criterion, model: Model, design: ClaimEstimate, bears: Bearing) -> Cell:
    """The p-value of the design's coefficient in the first of the model's settings that is of this kind."""
    if not design.pointer.startswith("/coefficients/"):
        return _none(criterion)
    for i, setting in enumerate(model.inference):
        if not _is(criterion, setting):
            continue
        for j, row in enumerate(setting.coefficients):
            if row.term == design.term:
                pointer = f"/inference/{i}/coefficients/{j}/p_value"
                return _p_value(criterion, row.p_value, bears, design.file, pointer)
    return _none(criterion)


def _is(criterion: Criterion, setting: Setting) -> bool:
    if criterion == "cr2":
        return setting.method == CLUSTER and setting.options.small_sample == "CR2"
    return setting.method == WILD and isinstance(setting.options.by, tuple) and len(setting.options.by) == 2


def _specifications(agreement: Agreement | None, curve: str) -> Cell:
    if agreement is None:
        return _none("specifications")
    agree = agreement.agrees
    share = "share_same_sign" if agreement.kind == "same_sign" else "share_not_negative"
    return Cell(
        "specifications",
        "agree" if agree else "divided",
        "steady" if agree else "open",
        agreement.share,
        file=f"models/curves/{curve}.json",
        pointer=f"/{share}",
    )


def _influence(design: ClaimEstimate, robustness: Robustness | None) -> Cell:
    target = robustness.targets.get(design.term) if robustness else None
    left_out = target.leave_one_unit_out if target else None
    if not isinstance(left_out, LeftOut) or left_out.most_influential is None:
        return _none("influence")
    turned = bool(left_out.changes_sign)
    return Cell(
        "influence",
        "turns_sign" if turned else "keeps_sign",
        "open" if turned else "steady",
        left_out.estimate_without,
        detail=left_out.most_influential,
        file=f"models/robustness/{design.model}.json",
        pointer=f"/targets/{_escaped(design.term)}/leave_one_unit_out/estimate_without",
    )


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
