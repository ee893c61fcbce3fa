"""What a number means, in a sentence: chosen by design, change, sign and verdict; worded in the text files."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ruralpanel.claims.designs import ClaimEstimate, Product
from ruralpanel.claims.numbers import Level, PlainEffect
from ruralpanel.claims.scorecard import ClaimRow
from ruralpanel.output.labels import without_aside
from ruralpanel.output.report.context import Context
from ruralpanel.output.report.document import Marked
from ruralpanel.output.report.texts import Texts, is_count, noun, short_noun, singular
from ruralpanel.output.words import word
from ruralpanel.project.effects import involving

_SHARES = ("share", "比例")
_PARTS = ("share_",)  # terms that are parts of a whole, said in per cent; ``lead_``: their differences, in points


class Quote:
    """Quotes the numbers of one design, whose place in the results is the key `base`."""

    def __init__(self, texts: Texts, base: str) -> None:
        self._texts = texts
        self._base = base

    def __call__(self, path: str, fmt: str) -> Marked:
        """The number in print."""
        return self._texts.numbers.num(f"{self._base}.{path}", fmt)


def effect_sentence(context: Context, texts: Texts, design: ClaimEstimate, base: str) -> Marked:
    """``In years when … was 10% higher, … was 2.1% higher (95% interval: …). That is …``.

    Parameters
    ----------
    design : a design of the scorecard. base : the key under which its numbers are found (``claim:H1:design``).
    """
    quote = Quote(texts, base)
    plain = design.plain
    label = term_label(context, design)
    if plain is None and _kind_of_change(design) in ("lead", "closed"):
        return _of_gap(context, texts, design, quote)
    if plain is None:
        term = design.term
        points, fmt = term.startswith("lead_"), _raw_format(term)
        interval = _interval(texts, design, quote, "", fmt)
        label = label[:1].upper() + label[1:]
        return texts.render("effect.raw", label=label, amount=quote("estimate", fmt), interval=interval, points=points)
    relative = plain.effect == "relative"
    fmt = "abs %1" if relative else "abs sig3"
    outcome_measure = _measure(context, design, design.outcome)
    effect = texts.render(
        "effect.relative" if relative else "effect.absolute",
        amount=quote("plain.value", fmt),
        measure=outcome_measure,
        up=plain.value >= 0,
    )
    values = {
        **_change(context, design, plain, quote),
        "outcome": noun(outcome_label(context, design)),
        "effect": effect,
        "interval": _interval(texts, design, quote, "plain.", fmt, outcome_measure),
        "nouns": nouns(context),
        "by_period": bool(involving("period", _effects(context, design))),
        "within": design.evidence == "within",
        "about": texts.render("effect.about") if plain.spread else Marked(""),
    }
    switched = values["switch"] and design.evidence != "policy"
    key = f"effect.{'moderated' if plain.moderator else 'switch' if switched else design.evidence}"
    sentence = texts.render(key, change=texts.render(f"effect.change.{plain.change}", **values), **values)
    level = _level_sentence(context, texts, design, plain, quote)
    return Marked(f"{sentence} {level}".strip())


def outcome_label(context: Context, design: ClaimEstimate | Product) -> str:
    """What a design's outcome is called; several without what stands in parentheses."""
    names = [context.labels(design.panel).of(name) for name in design.outcomes]
    return names[0] if len(names) == 1 else "; ".join(map(without_aside, names))


def term_label(context: Context, design: ClaimEstimate) -> str:
    """What a design's number is the effect of: the claim's own words, else the lever and where it is evaluated."""
    declared = context.worded(design, "label")
    if declared:
        return declared
    labels = context.labels(design.panel)
    places = [f"{without_aside(labels.of(name))}: {at}" for name, at in design.at.items()]
    lever = labels.of(design.lever)
    return f"{without_aside(lever)} ({'; '.join(places)})" if places else lever


def meaning(context: Context, texts: Texts, claim: ClaimRow, base: str, short: bool = False) -> Marked:
    """What the verdict means: the configuration's own words if it has any, else the rule's in plain language.

    `short` : without what could have been found and what would matter.
    """
    declared = context.worded(claim, "meaning")
    if declared:
        return Marked(texts.render("answers.own", text=declared))
    design = claim.design
    quote = Quote(texts, base)
    key = claim.verdict.replace(" ", "_")
    plain = design.plain if design else None
    codes = {reason.code for reason in claim.reasons}
    return texts.render(
        f"meaning.{key}",
        n=quote,
        short=short,
        benchmark=_benchmark(context, texts, design, quote) if design and design.delta is not None else "",
        ruled_out="above_minus_delta" in codes,
        sign=claim.sign,
        expected=claim.expected,
        causal=bool(design and design.causal),
        evidence=design.evidence if design else "",
        plain=plain,
        fmt="abs %1" if plain and plain.effect == "relative" else "abs sig3",
        small="smaller_than_delta" in codes,
        covers_zero=claim.sign == 0,
        unforeseen=(claim.expected, claim.sign) in (("positive", -1), ("negative", 1)),
        disagreeing=any(
            reason.code in ("agreement", "agreement_above") and reason.number("share") < reason.number("needed")
            for reason in claim.reasons
        ),
        failing=bool(codes & {"diagnostic_failed", "diagnostic_missing"}),
        has_interval=bool(design and design.has_interval),
        reason=next((context.worded(reason.values, "because") for reason in claim.reasons), ""),
        model=next((reason.values.get("model", "") for reason in claim.reasons), ""),
    )


def excluded(context: Context, texts: Texts, design: ClaimEstimate, base: str) -> Marked:
    """What the interval leaves out, in the outcome's plain units: ``a gain above 1.2 and a loss above 3.7 workers …``.

    Parameters
    ----------
    design : a design of the scorecard with an interval. base : the key under which its numbers are found.
    """
    quote = Quote(texts, base)
    plain, term = design.plain, design.term
    values: dict[str, object] = {"kind": _kind_of_change(design), "what": "", "measure": "", "given": ""}
    if plain is None:
        prefix, fmt = ("ci_low", "ci_high"), f"abs {_raw_format(term)}"
        delta = quote("delta", fmt) if design.delta is not None else ""
    elif plain.level and not plain.moderator:
        prefix, fmt = ("plain.at_level_low", "plain.at_level_high"), "abs sig2"
        values["what"] = _what(context, texts, design, plain.level, quote)
        delta = quote("plain.delta_at_level", fmt) if plain.delta_at_level is not None else ""
    else:
        relative = plain.effect == "relative"
        prefix, fmt = ("plain.low", "plain.high"), "abs %1" if relative else "abs sig3"
        values["measure"] = "" if relative else _measure(context, design, design.outcome)
        delta = quote("plain.delta", fmt) if plain.delta is not None else ""
    ends = {}
    limits = (design.ci_low, design.ci_high)
    for end, path, limit in zip(("low", "high"), prefix, limits, strict=True):
        found = -math.inf if math.isinf(limit) else _at(design, path)
        ends[end] = quote(path, fmt) if math.isfinite(found) else ""
        values[f"{end}_up"] = found > 0
    if plain is not None:
        values["given"] = _given(context, texts, design, plain, quote)
    values["points"] = plain is None and term.startswith("lead_")
    return texts.render("learnt.excluded", low=ends["low"], high=ends["high"], delta=delta, **values)


def _of_gap(context: Context, texts: Texts, design: ClaimEstimate, quote: Quote) -> Marked:
    """What a part of a gap has over the largest other one, or how much of a gap would close."""
    kind = _kind_of_change(design)
    fmt = "abs points0" if kind == "lead" else "abs %0"
    bounds = [texts.render("interval.open")] * 2
    for i, (end, limit) in enumerate((("ci_low", design.ci_low), ("ci_high", design.ci_high))):
        if math.isfinite(limit):
            bounds[i] = texts.render(f"effect.{kind}_by", amount=quote(end, fmt), up=limit >= 0)
    interval = texts.render("interval.plain", low=bounds[0], high=bounds[1])
    interval = interval if design.has_interval else texts.render("interval.none")
    part = _part_name(context, design).strip()
    return texts.render(
        f"effect.{kind}",
        part=part[:1].upper() + part[1:],
        amount=texts.render(f"effect.{kind}_by", amount=quote("estimate", fmt), up=design.estimate >= 0),
        interval=interval,
    )


def _part_name(context: Context, design: ClaimEstimate) -> str:
    """What the part of a gap is called: as a chart or table of its model has it, else its name."""
    block = design.term.removeprefix("lead_")
    for kind in ("figures", "tables", "maps"):
        for item in context.declared.exhibits[kind].values():
            own = item.options.get("labels_zh") if context.language == "zh" else None
            names = own or item.options.get("labels")
            if isinstance(names, Mapping) and design.model in item.options.named_models and block in names:
                return str(names[block])
    return context.labels(design.panel).of(block)


def _kind_of_change(design: ClaimEstimate) -> str:
    """What its two directions are called: a gain and a loss, a lead and a lag, narrower and wider, more and less."""
    plain, term = design.plain, design.term
    if plain is not None:
        return "extra" if plain.moderator else "gain"
    return "lead" if term.startswith("lead_") else "closed" if term == "share_closed" else "number"


def _at(design: ClaimEstimate, path: str) -> float:
    """The number at a dotted path; infinite where there is none."""
    value: Any = design
    for part in path.split("."):
        value = getattr(value, part)
    return math.inf if value is None else float(value)


def _given(context: Context, texts: Texts, design: ClaimEstimate, plain: PlainEffect, quote: Quote) -> Marked:
    """``for roads 3% more``: the change of the lever that the number belongs to."""
    values = _change(context, design, plain, quote)
    change = texts.render(f"effect.change.{plain.change}", **values)
    return texts.render("learnt.given", change=change, policy=design.evidence == "policy", **values)


def _change(context: Context, design: ClaimEstimate, plain: PlainEffect, quote: Quote) -> dict[str, object]:
    """What texts ask of the change of the lever, and of what moderates it."""
    policy = design.evidence == "policy"
    points = plain.change != "relative" and _measure(context, design, design.lever) in _SHARES
    return {
        "n": quote,
        "plain": plain,
        "lever": noun(term_label(context, design) if policy else _lever_label(context, design)),
        "lever_measure": _measure(context, design, design.lever),
        "switch": plain.change == "unit" and plain.size == 1 and _is_switch(context, design),
        "points": points,
        "size_fmt": _size_format(plain.size, points),
        "moderator": short_noun(context.labels(design.panel).of(plain.moderator)) if plain.moderator else "",
    }


def nouns(context: Context) -> Mapping[str, str]:
    """What units and periods are called: the configuration's ``report: nouns``, else units and periods.

    Nouns in Latin letters stand in Chinese sentences only where they are declared as Chinese.
    """
    declared = {str(name): own for name, own in (context.report.nouns or {}).items()}
    found = {}
    for name in ("unit", "units", "period", "periods"):
        own, usual = context.worded(declared, name), word(f"nouns.{name}", context.language)
        untold = context.language == "zh" and not declared.get(f"{name}_zh") and own.isascii()
        found[name] = usual if untold or not own else own
    return found


def interval_text(texts: Texts, design: ClaimEstimate, base: str) -> Marked:
    """The coefficient's interval as it is, with open ends."""
    return _interval(texts, design, Quote(texts, base), "", "sig3")


def _interval(texts: Texts, design: ClaimEstimate, quote: Quote, prefix: str, fmt: str, measure: str = "") -> Marked:
    if not design.has_interval:
        return texts.render("interval.none")
    plain = design.plain if prefix else None
    limits = {"low": design.ci_low, "high": design.ci_high}
    ends = limits if plain is None else {"low": plain.low, "high": plain.high}
    bounds: list[Marked] = []
    for side, limit in limits.items():
        if not (math.isfinite(limit) and math.isfinite(ends[side])):
            bounds.append(texts.render(f"interval.open_{side}" if plain is None else "interval.open"))
        elif plain is None:
            bounds.append(quote(f"ci_{side}", fmt))
        else:
            bounds.append(
                texts.render(
                    f"interval.{plain.effect}", amount=quote(prefix + side, fmt), up=ends[side] >= 0, measure=measure
                )
            )
    return texts.render("interval.raw" if plain is None else "interval.plain", low=bounds[0], high=bounds[1])


def _level_sentence(context: Context, texts: Texts, design: ClaimEstimate, plain: PlainEffect, quote: Quote) -> Marked:
    level, amount, low, high = plain.level, plain.at_level, plain.at_level_low, plain.at_level_high
    if level is None or plain.moderator or amount is None:
        return Marked("")
    fmt = "abs sig2"
    counted = is_count(level.measure) and not level.unit
    bounds = None
    whole = design.has_interval and math.isfinite(design.ci_high - design.ci_low)
    if whole and low is not None and high is not None:
        bounds = [
            texts.render("level.bound", amount=quote(f"plain.{key}", fmt), up=value >= 0, counted=counted)
            for key, value in (("at_level_low", low), ("at_level_high", high))
        ]
    return texts.render(
        "level.sentence",
        n=quote,
        what=_what(context, texts, design, level, quote),
        measure=_level_measure(context, design, level),
        level=quote("plain.level.shown", "sig2"),
        amount=quote("plain.at_level", fmt),
        up=amount >= 0,
        counted=counted,
        bounds=bounds,
    )


def _what(context: Context, texts: Texts, design: ClaimEstimate, level: Level, quote: Quote) -> Marked:
    """``rural manufacturing workers per 1,000 rural residents``: what the outcome's level counts."""
    labels = context.labels(design.panel)
    below = short_noun(labels.of(level.below)) if level.below else ""
    return texts.render(
        "level.what",
        n=quote,
        unit=level.unit_zh if context.language == "zh" and level.unit_zh else level.unit,
        above=short_noun(labels.of(level.above)) if level.above else "",
        below=singular(below) if level.scale == 1 and context.language != "zh" else below,
        scaled=level.scale != 1,
        measure=_level_measure(context, design, level),
    )


def _level_measure(context: Context, design: ClaimEstimate, level: Level) -> str:
    return "" if is_count(level.measure) else context.labels(design.panel).measure(level.above)


def _benchmark(context: Context, texts: Texts, design: ClaimEstimate, quote: Quote) -> Marked:
    """δ in the terms of the effect and in the outcome's own unit: ``5.0%, or 1.2 workers per 1,000 residents``."""
    plain = design.plain
    if plain is None:
        term = design.term
        return texts.render("level.benchmark_raw", n=quote, fmt=_raw_format(term), points=term.startswith("lead_"))
    relative = plain.effect == "relative"
    level = plain.level if plain.delta_at_level is not None else None
    return texts.render(
        "level.benchmark",
        n=quote,
        fmt="abs %1" if relative else "abs sig3",
        measure="" if relative else _measure(context, design, design.outcome),
        what=_what(context, texts, design, level, quote) if level else "",
    )


def _raw_format(term: str) -> str:
    return "points0" if term.startswith("lead_") else "%0" if term.startswith(_PARTS) else "sig3"


def _size_format(size: float, points: bool) -> str:
    """Per cent or points with as many decimals as two significant figures take."""
    decimals = max(0, 1 - math.floor(math.log10(100.0 * size))) if size > 0 else 0
    return f"{'points' if points else '%'}{decimals}"


def _effects(context: Context, design: ClaimEstimate) -> Sequence[str]:
    model = context.models.get(design.model)
    return model.effects if model else ()


def _lever_label(context: Context, design: ClaimEstimate) -> str:
    labels = context.labels(design.panel)
    return labels.of(design.lever.split(":")[0])


def _is_switch(context: Context, design: ClaimEstimate) -> bool:
    """Whether the lever is there or not: from 0 to 1, and without a measure."""
    panel, lever = context.panels.get(design.panel), design.lever.split(":")[0]
    row = next((row for row in panel.codebook if row["variable"] == lever), None) if panel else None
    ends = {"min": "0.0", "max": "1.0"}
    return row is not None and not row["measure"] and all(row.get(key) == end for key, end in ends.items())


def _measure(context: Context, design: ClaimEstimate, variable: str) -> str:
    return context.labels(design.panel).measure(variable)


def in_delta(texts: Texts, design: ClaimEstimate, base: str) -> Marked:
    """Estimate and interval in multiples of δ, where there is one; else as they are; `base` is the claim's key."""
    prefix, fmt = ("in_delta", "fixed1") if design.in_delta is not None else ("", "sig3")
    quote = Quote(texts, f"{base}:design")
    bounds = [
        quote(f"{prefix}_{end}" if prefix else f"ci_{end}", fmt)
        if math.isfinite(limit)
        else texts.render(f"interval.open_{end}")
        for end, limit in (("low", design.ci_low), ("high", design.ci_high))
    ]
    estimate = quote(prefix or "estimate", fmt)
    return texts.render("grid.interval", estimate=estimate, low=bounds[0], high=bounds[1], delta=bool(prefix))
