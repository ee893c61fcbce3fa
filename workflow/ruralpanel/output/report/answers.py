"""The claims one by one: number, what it means, what the data cannot show, and the verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ruralpanel.claims.designs import ClaimEstimate, Product
from ruralpanel.claims.scorecard import ClaimRow
from ruralpanel.estimate.base.model import Setting
from ruralpanel.output.labels import without_aside
from ruralpanel.output.report.context import Context
from ruralpanel.output.report.designs import model_span
from ruralpanel.output.report.document import (
    SPACE,
    Answer,
    Answers,
    Block,
    Inline,
    Marked,
    Paragraph,
    Section,
    escape,
    literal,
    parse,
)
from ruralpanel.output.report.references import identity
from ruralpanel.output.report.sentences import (
    Quote,
    effect_sentence,
    interval_text,
    meaning,
    nouns,
    outcome_label,
    term_label,
)
from ruralpanel.output.report.texts import Texts, anchor, noun
from ruralpanel.output.tables.inference_words import short_of
from ruralpanel.output.words import clause, has_word, word
from ruralpanel.project.kinds.inference import WILD
from ruralpanel.project.notes import Note
from ruralpanel.project.periods import label

TONES = {
    "supported": "for",
    "contradicted": "against",
    "differs from zero": "neither",
    "no effect that matters": "neither",
    "cannot tell": "open",
    "cannot be tested with these data": "none",
    "not yet tested": "none",
}
_MOST = 6.0  # multiples of δ beyond which a bar is cut off with an arrow: one wide bar must not flatten the rest
_LEAST = 2.0


def section(context: Context, texts: Texts, claims: Sequence[ClaimRow]) -> Section:
    """Section "The claims one by one"; `claims` in the order of print."""
    items = tuple(_answer(context, texts, claim) for claim in claims)
    axis = tuple(texts.plain(f"answers.axis_{side}") for side in ("left", "zero", "right"))
    lede = Paragraph(texts.inline("answers.each_lede"), "lede")
    blocks: tuple[Block, ...] = (lede, Answers(items, _reach(items), (axis[0], axis[1], axis[2])))
    return Section("claims", texts.plain("answers.each_title"), blocks, part="brief")


def _answer(context: Context, texts: Texts, claim: ClaimRow) -> Answer:
    name = claim.claim
    base = f"claim:{name}:design"
    design = claim.design
    number = parse(effect_sentence(context, texts, design, base)) if design else ()
    place = _place(design)
    return Answer(
        id=name,
        claim=literal(context.worded(claim, "text")),
        verdict=verdict_word(texts, claim),
        tone=TONES.get(claim.verdict, "none"),
        number=number,
        meaning=(*parse(meaning(context, texts, claim, base)), *_through(context, texts, name, claim.through)),
        cannot_show=literal(context.worded(claim, "cannot_show")),
        facts=_facts(context, texts, claim, design, base) if design else (),
        place=place,
        place_text=_place_text(texts, design, base) if design and place else "",
        reasons=tuple(reason_text(texts, claim, index) for index in range(len(claim.reasons))) if design else (),
        beside=anchor("differs", name) if claim.others else "",
        benchmarks=tuple(_benchmark(context, texts, entry) for entry in claim.benchmarks),
    )


def _through(context: Context, texts: Texts, name: str, products: Sequence[Product]) -> Inline:
    """What the claim's number would come to times others, or that these figures do not say; nothing without any."""
    if not products:
        return ()
    items = []
    for index, one in enumerate(products):
        quote, fmt = Quote(texts, f"claim:{name}:through.{index}"), "%0" if one.relative else "sig3"
        ends = [quote(end, f"+{fmt}") for end in ("low", "high")] if one.low is not None else []
        words = {"title": context.title(one.model), "outcome": noun(without_aside(outcome_label(context, one)))}
        items.append(texts.render("through.item", amount=quote("value", f"+{fmt}"), ends=ends, **words))
    told = [one for one in products if one.low is not None and one.high is not None and one.low * one.high > 0]
    listed = Marked(f"{texts.render('front.listed_long')} ".join(items))
    return SPACE + texts.inline("through.sentence", items=listed, told=len(told), of=len(items))


def verdict_word(texts: Texts, claim: ClaimRow) -> str:
    """The verdict in the report's language, with the sign where none was foreseen."""
    if claim.verdict == "differs from zero":
        return texts.plain("verdict.differs_positive" if claim.sign > 0 else "verdict.differs_negative")
    return texts.plain(f"verdict.{claim.verdict.replace(' ', '_')}")


def reason_text(texts: Texts, claim: ClaimRow, index: int) -> Inline:
    """One reason of a verdict, its numbers looked up in the scorecard."""
    reason = claim.reasons[index]
    quote = Quote(texts, f"claim:{claim.claim}:reasons.{index}.values")
    words = {
        key: clause(value, texts.language) if isinstance(value, Note) else value
        for key, value in reason.values.items()
        if isinstance(value, (str, Note))
    }
    test = f"test_{reason.values.get('name')}"
    if has_word(test):  # a diagnostic is the test of that name
        words["name"] = word(test, texts.language)
    return texts.inline(f"reasons.{reason.code}", n=quote, **words)


def _facts(context: Context, texts: Texts, claim: ClaimRow, design: ClaimEstimate, base: str) -> Inline:
    words = nouns(context)
    quote = Quote(texts, base)
    line = texts.render(
        "answers.design_line",
        title=context.title(design.model),
        n=quote,
        nouns=words,
        periods=design.n_periods,
        span=model_span(context.models.get(design.model)),
        evidence=texts.render(f"evidence.{design.evidence}", units=words["units"]),
    )
    term = term_label(context, design)
    method = method_name(context, design)
    text = texts.render(
        "answers.facts",
        design=line,
        what=texts.render("answers.coefficient" if design.plain else "answers.statistic", term=_capital(term)),
        n=quote,
        interval=interval_text(texts, design, base),
        method=texts.render("answers.method", name=method) if method else Marked(""),
    )
    more = [*_one_before(context, texts, design), *_other_errors(context, texts, design)]
    if claim.p_family is not None:
        p = texts.numbers.num(f"claim:{claim.claim}:p_family", "p")
        more.append(texts.render("answers.family", family=claim.family, p=p))
    if claim.agreement:
        kind, same = claim.agreement.kind, claim.agreement.same_sign
        more.append(texts.render("answers.agreement", claim=f"claim:{claim.claim}", kind=kind, same_sign=same))
    return parse("; ".join([text, *more]))


def _one_before(context: Context, texts: Texts, design: ClaimEstimate) -> list[Marked]:
    """The only difference before a policy, with the interval that decides, and how little one difference can show."""
    model = context.models.get(design.model)
    periods = [row for row in model.event_study if row.event_time < 0] if model else []
    leads = [row for row in periods if row.std_error is not None]
    reference = next((row.period for row in periods if row.std_error is None), None)
    if model is None or len(leads) != 1 or leads[0].period is None or reference is None:
        return []
    terms = [row.term for row in model.coefficients]
    if leads[0].term in terms:
        key = f"model:{design.model}:coefficients.{terms.index(leads[0].term)}"
        ends = ("ci_wild_low", "ci_wild_high") if design.interval == WILD else ("ci_low", "ci_high")
    else:
        key, ends = f"model:{design.model}:event_study.{model.event_study.index(leads[0])}", ("ci_low", "ci_high")
    estimate, low, high = (texts.numbers.num(f"{key}.{name}", "sig3") for name in ("estimate", *ends))
    interval = texts.render("interval.raw", low=low, high=high)
    words = {"period": label(leads[0].period), "reference": label(reference), "estimate": estimate}
    return [texts.render("answers.one_before", interval=interval, **words)]


def _other_errors(context: Context, texts: Texts, design: ClaimEstimate) -> list[Marked]:
    """p-values of the main coefficient under the model's other kinds of errors, which may not agree."""
    shown = []
    settings = _settings(context, design)
    used = next((index for index, setting in enumerate(settings) if setting.method == design.interval), -1)
    for index, setting in enumerate(settings):
        for place, row in enumerate(setting.coefficients):
            if index != used and row.term == design.term and row.p_value is not None:
                key = f"model:{design.model}:inference.{index}.coefficients.{place}.p_value"
                name = short_of(setting, context.language)
                shown.append(texts.render("answers.p_by", name=name, p=texts.numbers.num(key, "p")))
    return [texts.render("answers.other_errors", items=Marked(", ".join(shown)))] if shown else []


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def method_name(context: Context, design: ClaimEstimate) -> str:
    """The inference that a design's interval comes from, in a few words."""
    found = (setting for setting in _settings(context, design) if setting.method == design.interval)
    return next((short_of(setting, context.language) for setting in found), "")


def _settings(context: Context, design: ClaimEstimate) -> tuple[Setting, ...]:
    model = context.models.get(design.model)
    return model.inference if model else ()


def _place(design: ClaimEstimate | None) -> tuple[float, float, float] | None:
    if design is None or not design.has_interval:
        return None
    estimate, low, high = design.in_delta, design.in_delta_low, design.in_delta_high
    return None if estimate is None or low is None or high is None else (estimate, low, high)


def _place_text(texts: Texts, design: ClaimEstimate, base: str) -> str:
    quote = Quote(texts, base)
    ends = {"in_delta_low": design.in_delta_low, "in_delta_high": design.in_delta_high}
    bounds = [
        texts.render("answers.no_bound") if end is None or math.isinf(end) else quote(key, "fixed2")
        for key, end in ends.items()
    ]
    return texts.plain("answers.place", n=quote, low=bounds[0], high=bounds[1])


def _reach(items: Sequence[Answer]) -> float:
    ends = [abs(x) for item in items if item.place for x in item.place if math.isfinite(x)]
    most = max([_MOST, *(1.05 * abs(item.place[0]) for item in items if item.place)])  # no estimate is cut off
    return min(max(1.05 * max(ends, default=_LEAST), _LEAST), most)


def _benchmark(context: Context, texts: Texts, entry: Mapping[str, str]) -> Inline:
    finding, design = (context.worded(entry, key) for key in ("finding", "design"))
    study = entry["study"]
    work = next((work for work in context.works if work.cited == study), None)
    if work is not None:
        study = Marked(f"[{escape(study)}](#{identity(work)})")
    return texts.inline("benchmark", study=study, finding=finding, design=design)
