"""What a claim's number would come to through those of other claims (``through``): products of two coefficients."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ruralpanel.output.report.context import Context
from ruralpanel.output.report.document import Inline, Marked
from ruralpanel.output.report.numbers import Found, MissingNumber
from ruralpanel.output.report.sentences import outcome_label
from ruralpanel.output.report.texts import Texts, noun
from ruralpanel.project.settings import wordless

Design = Mapping[str, Any]  # a design of scorecard.json
_ENDS = ("ci_low", "ci_high")


def found(context: Context, rest: str) -> Found:
    """``CLAIM:NUMBER:value``, ``low`` or ``high``, as a relative change where the outcome is a logarithm; ``coverage``.

    The ends are the extremes of the products of both intervals' ends. Of two intervals that each hold what they should
    with probability p, whatever their dependence, such a range holds the product with 2p − 1 at least: its coverage.
    """
    if rest == "coverage":
        return Found(2 * float(context.scorecard["rule"]["level"]) - 1, "scorecard.json", "2 × /rule/level − 1")
    name, index, what = rest.split(":")
    factors = dict(enumerate(_factors(context, name))).get(int(index))
    if factors is None:
        raise MissingNumber(f"claim {name} is not multiplied by a number {index}")
    first, second = factors
    numbers = {"value": first["estimate"] * second["estimate"]}
    corners = [first[one] * second[other] for one in _ENDS for other in _ENDS if _bounded(first) and _bounded(second)]
    numbers |= {"low": min(corners), "high": max(corners)} if corners else {}
    if what not in numbers:
        raise MissingNumber(f"the product {index} of claim {name} has no {what}")
    value = math.expm1(numbers[what]) if _relative(second) else numbers[what]
    way = f"{what} of {first['model']}[{first['term']}] × {second['model']}[{second['term']}]"
    return Found(value, "scorecard.json", way)


def sentence(context: Context, texts: Texts, claim: Mapping[str, Any]) -> Inline:
    """What the claim's number would come to, or that these figures do not say; nothing where none is declared."""
    name = str(claim["claim"])
    items, told = [], []
    for index, (_, other) in enumerate(_factors(context, name)):
        key = f"through:{name}:{index}"
        ranged = texts.numbers.has(f"{key}:low")
        fmt = "%0" if _relative(other) else "sig3"
        items.append(
            texts.render(
                "through.item",
                title=context.title(other["model"]),
                outcome=noun(outcome_label(context, other)),
                amount=texts.numbers.num(f"{key}:value", f"+{fmt}"),
                ends=[texts.numbers.num(f"{key}:{end}", f"+{fmt}") for end in ("low", "high")] if ranged else (),
            )
        )
        told.append(ranged and texts.numbers.value(f"{key}:low") * texts.numbers.value(f"{key}:high") > 0)
    if not items:
        return ()
    listed = Marked(f"{texts.render('front.listed_long')} ".join(items))
    return texts.inline("through.sentence", items=listed, told=sum(told), of=len(told))


def _factors(context: Context, name: str) -> Sequence[tuple[Design, Design]]:
    """The claim's own design and each that it is declared to be multiplied by, as far as both have results."""
    declared = ((context.config.get("hypotheses") or {}).get(name) or {}).get("through") or ()
    claims = context.scorecard.get("claims") or ()
    own = next((claim["design"] for claim in claims if claim["claim"] == name), None)
    designs = [design for claim in claims for design in (claim["design"], *claim["others"]) if design]
    wanted = [(str(one["model"]), str(one.get("term", one.get("statistic", "")))) for one in map(wordless, declared)]
    known = (next((d for d in designs if (d["model"], d["term"]) == pair), None) for pair in wanted)
    return [(own, other) for other in known if own is not None and other is not None]


def _bounded(design: Design) -> bool:
    return bool(design["has_interval"]) and all(math.isfinite(design[end]) for end in _ENDS)


def _relative(design: Design) -> bool:
    return bool(design.get("plain")) and design["plain"]["effect"] == "relative"
