"""Coefficients and verdicts that two folders of results give differently, each with its causes."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ruralpanel.output.words import clause
from ruralpanel.project.kinds.inference import WILD
from ruralpanel.project.notes import Note
from ruralpanel.tools.compare.changes import Cause, CellChange, ClaimChange, CoefficientChange, Estimate, counted, same

_NAME = re.compile(r"[A-Za-z_]\w*")
_INTERVALS = (("ci_wild_low", "ci_wild_high", "p_wild"), ("ci_low", "ci_high", "p_value"))
_COMPARED = ("estimate", "std_error", "ci_low", "ci_high", "p_value", "ci_wild_low", "ci_wild_high", "p_wild",
             "p_permutation")  # fmt: skip
_IN_WORDS = frozenset({"name", "title", "label"})
_SHOWN = 6

Cells = Mapping[tuple[str, str], Sequence[CellChange]]
"""Panel and variable → its cells that moved."""


def coefficient_changes(old: Path, new: Path, cells: Cells) -> Iterator[CoefficientChange]:
    """The coefficients of one model that differ.

    Parameters
    ----------
    old, new : the model's files; one of them may be missing. cells : what moved in the panels.
    """
    sides = [_json(path) for path in (old, new)]
    rows = [{str(row["term"]): row for row in side["coefficients"]} if side else {} for side in sides]
    causes: tuple[Cause, ...] | None = None
    for term in dict.fromkeys([*rows[0], *rows[1]]):
        a, b = (side.get(term, {}) for side in rows)
        if a and b and all(same(a.get(key), b.get(key)) for key in _COMPARED):
            continue
        if causes is None:
            causes = _model_causes(sides[0], sides[1], cells)
        name = str((sides[1] or sides[0] or {})["model"])
        yield CoefficientChange(name, term, _estimate(a), _estimate(b), causes)


def _json(path: Path) -> Mapping[str, Any] | None:
    if not path.is_file():
        return None
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if "coefficients" in values:
        values["coefficients"] = [_bounded(values, row) for row in values["coefficients"]]
    for claim in values.get("claims") or ():
        design = claim.get("design")
        if design and design.get("has_interval"):
            claim["design"] = design | _limits(design["ci_low"], design["ci_high"], "ci_low", "ci_high")
    return values


def _bounded(model: Mapping[str, Any], row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A coefficient with numbers for infinite limits, also where results of earlier versions have null for them.

    Two nulls are an interval open on both sides where the bootstrap's setting asked for one and none of its pieces says
    that it is empty.
    """
    for low, high, _ in _INTERVALS:
        if row.get(low) is not None or row.get(high) is not None:
            row = {**row, **_limits(row.get(low), row.get(high), low, high)}
    options = next(
        (entry.get("options") or {} for entry in model.get("inference") or () if entry.get("method") == WILD), {}
    )
    low, high, p = _INTERVALS[0]
    unbounded = row.get(p) is not None and row.get(low) is None and options.get("interval")
    pieces = options.get("anderson_rubin") or options
    if unbounded and not (pieces.get("term") == row["term"] and "intervals" in pieces):
        row = {**row, **_limits(None, None, low, high)}
    return row


def _limits(below: float | str | None, above: float | str | None, low: str, high: str) -> dict[str, float]:
    return {low: -math.inf if below is None else float(below), high: math.inf if above is None else float(above)}


def _estimate(row: Mapping[str, Any]) -> Estimate | None:
    if not row:
        return None
    low, high, p = next((names for names in _INTERVALS if row.get(names[0]) is not None), _INTERVALS[-1])
    return Estimate(row.get("estimate"), row.get("std_error"), row.get(low), row.get(high), row.get(p))


def _model_causes(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, cells: Cells) -> tuple[Cause, ...]:
    if old is None or new is None:
        side = new if old is None else old
        name = str(side["model"]) if side else ""
        return (Cause("model", "none" if old is None else name, name if old is None else "none"),)
    causes = [
        Cause("specification", f"{key}: {_value(old['spec'].get(key))}", f"{key}: {_value(new['spec'].get(key))}")
        for key in dict.fromkeys([*old["spec"], *new["spec"]])
        if old["spec"].get(key) != new["spec"].get(key) and key not in _IN_WORDS
    ]
    if old.get("seed") != new.get("seed"):
        causes.append(Cause("seed", str(old.get("seed")), str(new.get("seed"))))
    causes += _sample(old, new)
    causes += _of_figures(old, new, cells) or (() if causes else _of_figures(old, new, cells, whole_panel=True))
    return tuple(dict.fromkeys(causes)) or (Cause("program"),)


def _value(value: Any) -> str:
    if value is None or value == [] or value == {} or value == "":
        return "none"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _sample(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Cause]:
    """What the sample lost or gained: observations, units, periods."""
    sizes = [f"{side['n_obs']} observations" for side in (old, new)]
    parts: list[list[str]] = [[], []]
    for what in ("units", "periods"):
        before, after = ([str(item) for item in side.get(what) or ()] for side in (old, new))
        for i, extra in enumerate(([x for x in before if x not in after], [x for x in after if x not in before])):
            if extra:
                more = f" and {len(extra) - _SHOWN} more" if len(extra) > _SHOWN else ""
                parts[i].append(f"with {', '.join(extra[:_SHOWN])}{more}")
    if sizes[0] != sizes[1] or parts != [[], []]:
        yield Cause("sample", *("; ".join([size, *part]) for size, part in zip(sizes, parts, strict=True)))


def _of_figures(
    old: Mapping[str, Any], new: Mapping[str, Any], cells: Cells, whole_panel: bool = False
) -> tuple[Cause, ...]:
    """The causes of the figures that the model reads and that moved, named by variable.

    These are the model's own variables in its units and periods. What a sample's condition or a lag reads beyond them
    is not in the model's record: `whole_panel` looks at every figure of the panel.
    """
    used = _names(old) | _names(new)
    units, periods = {*old["units"], *new["units"]}, {*old["periods"], *new["periods"]}
    causes: dict[Cause, None] = {}
    for (panel, variable), moved in cells.items():
        if panel not in (old["panel"], new["panel"]) or not (whole_panel or variable in used):
            continue
        inside = [cell for cell in moved if whole_panel or (cell.unit in units and cell.period in periods)]
        for cause, _ in counted(cell.causes for cell in inside):
            causes[replace(cause, via=cause.via or variable)] = None
    return tuple(causes)


def _names(model: Mapping[str, Any]) -> frozenset[str]:
    """Every name that occurs in what the model was asked for."""
    terms = [str(row["term"]) for row in model["coefficients"]]

    def of(value: Any) -> Iterator[str]:
        if isinstance(value, str):
            yield from _NAME.findall(value)
        elif isinstance(value, Mapping):
            for key, item in value.items():
                yield from of(str(key))
                yield from of(item)
        elif isinstance(value, (list, tuple)):
            for item in value:
                yield from of(item)

    return frozenset(of([{k: v for k, v in model["spec"].items() if k not in _IN_WORDS}, terms]))


def claim_changes(old: Path, new: Path, coefficients: Sequence[CoefficientChange]) -> Iterator[ClaimChange]:
    """The claims whose verdict, number or reasons differ.

    Parameters
    ----------
    old, new : the folders of results; ``scorecard.json`` in them may be missing.
    coefficients : those that moved, for the causes.
    """
    cards = [_json(folder / "scorecard.json") or {"claims": []} for folder in (old, new)]
    claims = [{str(claim["claim"]): claim for claim in card["claims"]} for card in cards]
    for name in dict.fromkeys([*claims[0], *claims[1]]):
        a, b = (side.get(name, {}) for side in claims)
        estimates = [_claim_estimate(side) for side in (a, b)]
        reasons = [_reasons(side) for side in (a, b)]
        numbers = [_numbers(estimate) for estimate in estimates]
        alike = len(numbers[0]) == len(numbers[1]) and all(map(same, *numbers))
        if a.get("verdict") == b.get("verdict") and alike and reasons[0] == reasons[1]:
            continue
        yield ClaimChange(
            name,
            str((b or a)["text"]),
            str(a.get("verdict", "")),
            str(b.get("verdict", "")),
            estimates[0],
            estimates[1],
            tuple(text for text in reasons[0] if text not in reasons[1]),
            tuple(text for text in reasons[1] if text not in reasons[0]),
            _claim_causes(a, b, [card.get("rule") for card in cards], coefficients),
        )


def _claim_estimate(claim: Mapping[str, Any]) -> Estimate | None:
    design = claim.get("design") or {}
    keys = ("estimate", "std_error", "ci_low", "ci_high", "p_value")
    return Estimate(*(design.get(key) for key in keys)) if design.get("estimate") is not None else None


def _numbers(estimate: Estimate | None) -> tuple[float | None, ...]:
    if estimate is None:
        return ()
    return (estimate.value, estimate.std_error, estimate.low, estimate.high, estimate.p_value)


def _reasons(claim: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(clause(Note.from_dict(reason), "en") for reason in claim.get("reasons") or ())


def _claim_causes(
    old: Mapping[str, Any], new: Mapping[str, Any], rules: Sequence[Any], coefficients: Sequence[CoefficientChange]
) -> tuple[Cause, ...]:
    if not old or not new:
        name = str((new or old)["claim"])
        return (Cause("claim", name if old else "none", name if new else "none"),)
    causes: list[Cause] = []
    if rules[0] != rules[1]:
        causes.append(Cause("rule", _value(rules[0]), _value(rules[1])))
    designs = [side.get("design") or {} for side in (old, new)]
    for what, a, b in (
        ("expected", old.get("expected"), new.get("expected")),
        *((key, designs[0].get(key), designs[1].get(key)) for key in ("model", "term", "interval", "delta_per")),
    ):
        if a != b:
            causes.append(Cause("specification", f"{what}: {_value(a)}", f"{what}: {_value(b)}"))
    models = {str(design.get("model")) for design in designs}
    terms = {part for design in designs for part in _NAME.findall(str(design.get("term") or design.get("lever") or ""))}
    of_models = [change for change in coefficients if change.model in models]
    exact = [change for change in of_models if terms & {*_NAME.findall(change.term)}]
    causes += [replace(cause) for change in exact or of_models for cause in change.causes]
    agreements = [(side.get("agreement") or {}).get("share") for side in (old, new)]
    if not same(agreements[0], agreements[1]):
        causes.append(Cause("curve", _share(agreements[0]), _share(agreements[1])))
    return tuple(dict.fromkeys(causes)) or (Cause("program"),)


def _share(share: float | None) -> str:
    return "none" if share is None else f"{share:.3g} of the specifications agree"
