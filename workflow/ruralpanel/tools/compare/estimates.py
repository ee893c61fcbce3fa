"""Coefficients and verdicts that two folders of results give differently, each with its causes."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from ruralpanel.estimate.base.model import Setting
from ruralpanel.estimate.base.model_json import Notes, read_as
from ruralpanel.estimate.base.rows import Coefficient, SettingOptions
from ruralpanel.output.words import clause
from ruralpanel.project.kinds.inference import WILD
from ruralpanel.project.periods import label
from ruralpanel.project.problems import some
from ruralpanel.tools.compare.changes import Cause, CellChange, ClaimChange, CoefficientChange, Estimate, counted, same

_NAME = re.compile(r"[A-Za-z_]\w*")
_COMPARED = ("estimate", "std_error", "ci_low", "ci_high", "p_value", "ci_wild_low", "ci_wild_high", "p_wild",
             "p_permutation")  # fmt: skip
_IN_WORDS = frozenset({"name", "title", "label"})

Cells = Mapping[tuple[str, str], Sequence[CellChange]]
"""Panel and variable → its cells that moved."""

T = TypeVar("T")


@dataclass(frozen=True)
class _Results:
    """What is compared of a model's results, of this version or an earlier one; `spec`: what it was asked for."""

    model: str
    coefficients: tuple[Coefficient, ...]
    panel: str = ""
    seed: int | None = None
    n_obs: int | None = None
    units: tuple[str, ...] = ()
    periods: tuple[int, ...] = ()
    spec: Mapping[str, object] = field(default_factory=dict)
    inference: tuple[Setting, ...] = ()


@dataclass(frozen=True)
class _Design:
    """The design that a claim rests on."""

    model: str = ""
    term: str | None = None
    lever: str | None = None
    interval: str | None = None
    delta_per: str | None = None
    estimate: float | None = None
    std_error: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    p_value: float | None = None
    has_interval: bool = False


@dataclass(frozen=True)
class _Agreement:
    share: float | None = None


@dataclass(frozen=True)
class _Claim:
    claim: str
    text: str
    verdict: str = ""
    expected: str | None = None
    design: _Design | None = None
    reasons: Notes = ()
    agreement: _Agreement | None = None


@dataclass(frozen=True)
class _Card:
    """A scorecard."""

    claims: tuple[_Claim, ...] = ()
    rule: Mapping[str, object] | None = None


def coefficient_changes(old: Path, new: Path, cells: Cells) -> Iterator[CoefficientChange]:
    """The coefficients of one model that differ.

    Parameters
    ----------
    old, new : the model's files; one of them may be missing. cells : what moved in the panels.
    """
    sides = [_read(_Results, path) for path in (old, new)]
    rows = [{row.term: _bounded(side, row) for row in side.coefficients} if side else {} for side in sides]
    causes: tuple[Cause, ...] | None = None
    for term in dict.fromkeys([*rows[0], *rows[1]]):
        a, b = (side.get(term) for side in rows)
        if a and b and all(same(a.number(key), b.number(key)) for key in _COMPARED):
            continue
        if causes is None:
            causes = _model_causes(sides[0], sides[1], cells)
        name = next(side.model for side in reversed(sides) if side)
        yield CoefficientChange(name, term, _estimate(a), _estimate(b), causes)


def _read(kind: type[T], path: Path) -> T | None:
    return read_as(kind, path) if path.is_file() else None


def _bounded(model: _Results, row: Coefficient) -> Coefficient:
    """A coefficient with numbers for infinite limits, also where results of earlier versions have null for them.

    Two nulls are an interval open on both sides where the bootstrap's setting asked for one and none of its pieces says
    that it is empty.
    """
    wild = next((entry.options for entry in model.inference if entry.method == WILD), SettingOptions())
    pieces = wild.anderson_rubin or wild
    if (row.ci_low, row.ci_high) != (None, None):
        low, high = _limits(row.ci_low, row.ci_high)
        row = replace(row, ci_low=low, ci_high=high)
    asked = wild.interval and row.p_wild is not None and (pieces.term != row.term or pieces.intervals is None)
    if asked or (row.ci_wild_low, row.ci_wild_high) != (None, None):
        low, high = _limits(row.ci_wild_low, row.ci_wild_high)
        row = replace(row, ci_wild_low=low, ci_wild_high=high)
    return row


def _limits(low: float | None, high: float | None) -> tuple[float, float]:
    return -math.inf if low is None else low, math.inf if high is None else high


def _estimate(row: Coefficient | None) -> Estimate | None:
    if row is None:
        return None
    if row.ci_wild_low is not None:
        return Estimate(row.number("estimate"), row.std_error, row.ci_wild_low, row.ci_wild_high, row.p_wild)
    return Estimate(row.number("estimate"), row.std_error, row.ci_low, row.ci_high, row.p_value)


def _model_causes(old: _Results | None, new: _Results | None, cells: Cells) -> tuple[Cause, ...]:
    if old is None or new is None:
        side = new if old is None else old
        name = side.model if side else ""
        return (Cause("model", "none" if old is None else name, name if old is None else "none"),)
    causes = [
        Cause("specification", f"{key}: {_value(old.spec.get(key))}", f"{key}: {_value(new.spec.get(key))}")
        for key in dict.fromkeys([*old.spec, *new.spec])
        if old.spec.get(key) != new.spec.get(key) and key not in _IN_WORDS
    ]
    if old.seed != new.seed:
        causes.append(Cause("seed", str(old.seed), str(new.seed)))
    causes += _sample(old, new)
    causes += _of_figures(old, new, cells) or (() if causes else _of_figures(old, new, cells, whole_panel=True))
    return tuple(dict.fromkeys(causes)) or (Cause("program"),)


def _value(value: object) -> str:
    if value is None or value == [] or value == {} or value == "":
        return "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _sample(old: _Results, new: _Results) -> Iterator[Cause]:
    """What the sample lost or gained: observations, units, periods."""
    sizes = [f"{side.n_obs} observations" for side in (old, new)]
    parts: list[list[str]] = [[], []]
    for before, after in ((old.units, new.units), ([*map(label, old.periods)], [*map(label, new.periods)])):
        for i, extra in enumerate(([x for x in before if x not in after], [x for x in after if x not in before])):
            if extra:
                parts[i].append(f"with {some(extra, 6)}")
    if sizes[0] != sizes[1] or parts != [[], []]:
        yield Cause("sample", *("; ".join([size, *part]) for size, part in zip(sizes, parts, strict=True)))


def _of_figures(old: _Results, new: _Results, cells: Cells, whole_panel: bool = False) -> tuple[Cause, ...]:
    """The causes of the figures that the model reads and that moved, named by variable.

    These are the model's own variables in its units and periods. What a sample's condition or a lag reads beyond them
    is not in the model's record: `whole_panel` looks at every figure of the panel.
    """
    used = _names(old) | _names(new)
    units, periods = {*old.units, *new.units}, {*old.periods, *new.periods}
    causes: dict[Cause, None] = {}
    for (panel, variable), moved in cells.items():
        if panel not in (old.panel, new.panel) or not (whole_panel or variable in used):
            continue
        inside = [cell for cell in moved if whole_panel or (cell.unit in units and cell.period in periods)]
        for cause, _ in counted(cell.causes for cell in inside):
            causes[replace(cause, via=cause.via or variable)] = None
    return tuple(causes)


def _names(model: _Results) -> frozenset[str]:
    """Every name that occurs in what the model was asked for."""
    terms = [row.term for row in model.coefficients]

    def of(value: object) -> Iterator[str]:
        if isinstance(value, str):
            yield from _NAME.findall(value)
        elif isinstance(value, Mapping):
            for key, item in value.items():
                yield from of(str(key))
                yield from of(item)
        elif isinstance(value, (list, tuple)):
            for item in value:
                yield from of(item)

    return frozenset(of([{k: v for k, v in model.spec.items() if k not in _IN_WORDS}, terms]))


def claim_changes(old: Path, new: Path, coefficients: Sequence[CoefficientChange]) -> Iterator[ClaimChange]:
    """The claims whose verdict, number or reasons differ.

    Parameters
    ----------
    old, new : the folders of results; ``scorecard.json`` in them may be missing.
    coefficients : those that moved, for the causes.
    """
    cards = [_read(_Card, folder / "scorecard.json") or _Card() for folder in (old, new)]
    claims = [{claim.claim: claim for claim in card.claims} for card in cards]
    for name in dict.fromkeys([*claims[0], *claims[1]]):
        sides = [side.get(name) for side in claims]
        estimates = [_claim_estimate(side) for side in sides]
        reasons = [[clause(reason, "en") for reason in side.reasons] if side else [] for side in sides]
        verdicts = [side.verdict if side else "" for side in sides]
        numbers = [_numbers(estimate) for estimate in estimates]
        alike = len(numbers[0]) == len(numbers[1]) and all(map(same, *numbers))
        if verdicts[0] == verdicts[1] and alike and reasons[0] == reasons[1]:
            continue
        yield ClaimChange(
            name,
            next(side.text for side in reversed(sides) if side),
            verdicts[0],
            verdicts[1],
            estimates[0],
            estimates[1],
            tuple(text for text in reasons[0] if text not in reasons[1]),
            tuple(text for text in reasons[1] if text not in reasons[0]),
            _claim_causes(sides[0], sides[1], [card.rule for card in cards], coefficients),
        )


def _claim_estimate(claim: _Claim | None) -> Estimate | None:
    design = claim.design if claim else None
    if design is None or design.estimate is None:
        return None
    ends = design.ci_low, design.ci_high
    return Estimate(
        design.estimate, design.std_error, *(_limits(*ends) if design.has_interval else ends), design.p_value
    )


def _numbers(estimate: Estimate | None) -> tuple[float | None, ...]:
    if estimate is None:
        return ()
    return (estimate.value, estimate.std_error, estimate.low, estimate.high, estimate.p_value)


def _claim_causes(
    old: _Claim | None, new: _Claim | None, rules: Sequence[object], coefficients: Sequence[CoefficientChange]
) -> tuple[Cause, ...]:
    if old is None or new is None:
        names = [side.claim if side else "none" for side in (old, new)]
        return (Cause("claim", *names),)
    causes: list[Cause] = []
    if rules[0] != rules[1]:
        causes.append(Cause("rule", _value(rules[0]), _value(rules[1])))
    designs = [side.design or _Design() for side in (old, new)]
    for what, a, b in (
        ("expected", old.expected, new.expected),
        *((key, *(getattr(one, key) for one in designs)) for key in ("model", "term", "interval", "delta_per")),
    ):
        if a != b:
            causes.append(Cause("specification", f"{what}: {_value(a)}", f"{what}: {_value(b)}"))
    models = {design.model for design in designs}
    terms = {part for design in designs for part in _NAME.findall(design.term or design.lever or "")}
    of_models = [change for change in coefficients if change.model in models]
    exact = [change for change in of_models if terms & {*_NAME.findall(change.term)}]
    causes += [replace(cause) for change in exact or of_models for cause in change.causes]
    agreements = [side.agreement.share if side.agreement else None for side in (old, new)]
    if not same(agreements[0], agreements[1]):
        causes.append(Cause("curve", _share(agreements[0]), _share(agreements[1])))
    return tuple(dict.fromkeys(causes)) or (Cause("program"),)


def _share(share: float | None) -> str:
    return "none" if share is None else f"{share:.3g} of the specifications agree"
