"""The same claims on other data: what each project settles, where they disagree, and all rows in one grid."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeGuard

from ruralpanel.claims.designs import ClaimEstimate
from ruralpanel.claims.scorecard import ClaimRow
from ruralpanel.estimate.base.model import Model
from ruralpanel.output.report.answers import method_name, verdict_word
from ruralpanel.output.report.context import Beside, Context
from ruralpanel.output.report.designs import header, model_span, row, signed
from ruralpanel.output.report.document import (
    Block,
    Bullets,
    Definitions,
    Inline,
    Marked,
    Paragraph,
    Section,
    Table,
    escape,
    foreign,
    parse,
)
from ruralpanel.output.report.sentences import Quote, excluded, in_delta, meaning, nouns, outcome_label, term_label
from ruralpanel.output.report.texts import Texts, anchor, short_label
from ruralpanel.project.other_results import SCORECARD

_SETTLED = frozenset({"supported", "contradicted", "differs from zero", "no effect that matters"})
_UNASKED = frozenset({"cannot be tested with these data", "not yet tested"})
_OPPOSED = frozenset({"supported", "contradicted"})
_COLUMNS = ("claim", "verdict", "interval", "size")
_ID, _FULL = "elsewhere", "elsewhere-in-full"  # ids; those of other designs begin with beside
_CHINESE = re.compile(r"[\u4e00-\u9fff]")

Standing = Literal["alike", "opposed", "unlike", "here", "there", "apart", "open", "unasked"]
"""Both settle a claim alike, with opposite answers, or with other ones; one of them does; not both do, though their
intervals lie on opposite sides of zero; neither does; or one of them has no test of it."""


@dataclass(frozen=True)
class Level:
    """What one project says of a claim, in its own words.

    Attributes
    ----------
    claim : the claim's name here. label : what the project is about. row : the claim there. told : its results.
    units : what its units are called. key, model : under which numbers of the claim and of its model are found.
    """

    claim: str
    label: str
    units: str
    row: ClaimRow
    told: Context
    key: str
    model: str

    @property
    def estimated(self) -> Model | None:
        """The model that decides."""
        return self.told.models.get(self.row.design.model) if self.row.design else None


def elsewhere(context: Context, claim: str) -> tuple[Level, ...]:
    """What other projects say of a claim."""
    return tuple(_there(other, claim) for other in context.beside if claim in other.claims)


def _there(other: Beside, claim: str) -> Level:
    row, key = other.claims[claim], f"beside:{other.name}"
    model = f"{key}:models/{row.design.model}.json" if row.design else ""
    return Level(claim, other.label, other.label, row, other.told, f"{key}:{row.claim}", model)


def _here(context: Context, texts: Texts, claim: ClaimRow) -> Level:
    label, units = _own_label(context, texts), nouns(context)["units"]
    model = f"model:{claim.design.model}" if claim.design else ""
    return Level(claim.claim, label, units, claim, context, f"claim:{claim.claim}", model)


def _own_label(context: Context, texts: Texts) -> str:
    """What the project's own claims are said of: its units, where the configuration names them."""
    named = context.worded(context.report.nouns or {}, "units")
    return named if named and all(other.label != named for other in context.beside) else texts.plain("beside.here")


def _pairs(context: Context, texts: Texts, other: Beside) -> list[tuple[Level, Level]]:
    """Each claim that both have: here, there."""
    own = [claim for claim in context.scorecard.claims if claim.claim in other.claims]
    return [(_here(context, texts, claim), _there(other, claim.claim)) for claim in own]


def standing(here: ClaimRow, there: ClaimRow) -> Standing:
    """How the answers of two projects to a claim stand to each other."""
    if here.verdict in _UNASKED or there.verdict in _UNASKED:
        return "unasked"
    settled = here.verdict in _SETTLED, there.verdict in _SETTLED
    if all(settled):
        if (here.verdict, _way(here)) == (there.verdict, _way(there)):
            return "alike"
        either = {here.verdict, there.verdict}
        return "opposed" if either == _OPPOSED or either == {"differs from zero"} else "unlike"
    foreseen = {claim.expected == "two_sided" for claim in (here, there)}
    if len(foreseen) == 1 and {_side(here), _side(there)} == {-1, 1}:
        return "apart"
    return "here" if settled[0] else "there" if settled[1] else "open"


def _way(claim: ClaimRow) -> int:
    """The sign of what differs from zero where no sign is foreseen; other verdicts have theirs in them."""
    return claim.sign if claim.verdict == "differs from zero" else 0


def _side(claim: ClaimRow) -> int:
    """On which side of zero the whole interval lies, the foreseen one being 1; 0: on neither."""
    side = {"above": 1, "below": -1}.get(signed(claim.design).place, 0) if claim.design else 0
    return -side if claim.expected == "negative" else side


def in_short(context: Context, texts: Texts) -> list[Block]:
    """For the first page: which claims are settled where, and on which the answers are opposite."""
    return [
        Paragraph(texts.inline("beside.in_short", label=other.label, **_settled(texts, pairs), section=_ID))
        for other in context.beside
        if (pairs := _pairs(context, texts, other))
    ]


def _settled(texts: Texts, pairs: Sequence[tuple[Level, Level]]) -> dict[str, object]:
    """What texts say of each standing: the claims that have it, with their verdicts."""
    groups: dict[Standing, list[tuple[Level, Level]]] = {}
    for here, there in pairs:
        groups.setdefault(standing(here.row, there.row), []).append((here, there))
    both = [pair for kind in ("alike", "opposed", "unlike") for pair in groups.get(kind, ())]
    return {
        "own": pairs[0][0].label,
        "here": _listed(texts, [here for here, _ in pairs if here.row.verdict in _SETTLED]),
        "there": _listed(texts, [there for _, there in pairs if there.row.verdict in _SETTLED]),
        "both": bool(both),
        "alike": _listed(texts, [here for here, _ in groups.get("alike", ())]),
        **{kind: _against(texts, groups.get(kind, ())) for kind in ("opposed", "unlike", "apart")},
        "open": _named(texts, groups.get("open", ())),
        "unasked": _named(texts, groups.get("unasked", ())),
    }


def _listed(texts: Texts, levels: Sequence[Level]) -> Marked:
    items = [texts.render("beside.with_verdict", claim=x.claim, verdict=_verdict(texts, x)) for x in levels]
    return _joined(texts, items)


def _against(texts: Texts, pairs: Iterable[tuple[Level, Level]]) -> Marked:
    items = [
        texts.render(
            "beside.against",
            claim=here.claim,
            own=here.label,
            label=there.label,
            here=_verdict(texts, here),
            there=_verdict(texts, there),
        )
        for here, there in pairs
    ]
    return _joined(texts, items)


def _named(texts: Texts, pairs: Iterable[tuple[Level, Level]]) -> Marked:
    return _joined(texts, [Marked(escape(here.claim)) for here, _ in pairs])


def _joined(texts: Texts, items: Sequence[str]) -> Marked:
    return Marked((texts.render("beside.separator") + ("" if texts.language == "zh" else " ")).join(items))


def _verdict(texts: Texts, level: Level) -> str:
    word = verdict_word(texts, level.row)
    return word[:1].lower() + word[1:]


def sections(context: Context, texts: Texts, claims: Sequence[ClaimRow]) -> tuple[Section, ...]:
    """Section "The same claims on …" of the brief: sentences made from the rows, then the rows; none without others."""
    if not any(other.claims for other in context.beside):
        return ()
    own = _own_label(context, texts)
    labels = _joined(texts, [Marked(escape(other.label)) for other in context.beside])
    blocks: list[Block] = [Paragraph(texts.inline("beside.lede", own=own, labels=labels), "lede")]
    for other in context.beside:
        blocks.append(Bullets(tuple(_sentences(context, texts, other))))
    blocks.append(_table(context, texts, claims))
    return (Section(_ID, texts.plain("beside.title", labels=labels), tuple(blocks), part="brief"),)


def _sentences(context: Context, texts: Texts, other: Beside) -> list[Inline]:
    pairs = _pairs(context, texts, other)
    values = {"label": other.label, **_settled(texts, pairs)}
    said = [texts.inline("beside.settled", **values), texts.inline("beside.agreement", **values)]
    if values["open"] or values["unasked"]:
        said.append(texts.inline("beside.left", **values))
    widths = [(pair, _width(pair[0].row.design), _width(pair[1].row.design)) for pair in pairs]
    narrower = {
        "narrow_here": _named(texts, [pair for pair, here, there in widths if here < there]),
        "narrow_there": _named(texts, [pair for pair, here, there in widths if there < here]),
    }
    if any(narrower.values()):
        said.append(texts.inline("beside.narrower", **values, **narrower))
    names = {there.row.claim for _, there in pairs}
    missing = [Marked(escape(c.claim)) for c in context.scorecard.claims if c.claim not in other.claims]
    further = [Marked(escape(name)) for name in other.asked if name not in names]
    if missing or further:
        lists = {"missing": _joined(texts, missing), "further": _joined(texts, further)}
        said.append(texts.inline("beside.not_asked", **values, **lists))
    worded = [pair for pair in pairs if pair[0].row.text != pair[1].row.text]
    if worded:
        said.append(texts.inline("beside.worded", **values, claims=_named(texts, worded), section=_FULL))
    said.append(_pooled(texts, pairs, values))
    if other.told.scorecard.rule != context.scorecard.rule:
        said.append(texts.inline("beside.rule", **values, rule=f"beside:{other.name}:scorecard.json:rule"))
    return said


def _width(design: ClaimEstimate | None) -> float:
    """The interval's width in multiples of δ; NaN, neither narrower nor wider, without both."""
    if design is None or design.in_delta_low is None or design.in_delta_high is None:
        return math.nan
    return design.in_delta_high - design.in_delta_low


def _pooled(texts: Texts, pairs: Sequence[tuple[Level, Level]], values: Mapping[str, object]) -> Inline:
    """Why the two are not pooled, and where they rest on the same figures."""
    apart: dict[str, bool] = dict.fromkeys(("outcomes", "years", "units"), False)
    same = []
    for pair in pairs:
        models = [level.estimated for level in pair]
        if models[0] is None or models[1] is None:
            continue
        outcomes = [_outcome(level) for level in pair]
        differ = {
            "outcomes": outcomes[0] != outcomes[1],
            "years": set(models[0].periods) != set(models[1].periods),
            "units": set(models[0].units) != set(models[1].units),
        }
        apart = {key: apart[key] or found for key, found in differ.items()}
        if not any(differ.values()):
            same.append(pair)
    reasons = [texts.render(f"beside.other_{key}") for key, found in apart.items() if found]
    return texts.inline("beside.pooled", **values, reasons=_joined(texts, reasons), same=_named(texts, same))


def _outcome(level: Level) -> str:
    return outcome_label(level.told, level.row.design) if level.row.design else ""


def _table(context: Context, texts: Texts, claims: Sequence[ClaimRow]) -> Table:
    """A row for each claim and project, the own one first."""
    rows = []
    for claim in claims:
        others = elsewhere(context, claim.claim)
        for level in (_here(context, texts, claim), *others) if others else ():
            design = level.row.design
            cells = {
                "claim": parse(named(texts, level, claim)),
                "interval": parse(in_delta(texts, design, level.key))
                if _stated(design)
                else texts.inline("beside.nothing"),
                "size": _size(texts, level) if design else texts.inline("beside.nothing"),
                "verdict": parse(escape(verdict_word(texts, level.row))),
            }
            rows.append(row(cells, _COLUMNS))
    files = ", ".join(f"`{escape(other.folder)}/{SCORECARD}`" for other in context.beside)
    notes = (texts.inline("beside.note", files=Marked(files), section=_FULL),)
    return Table(
        f"{_ID}-table", texts.inline("beside.caption"), header(texts, _COLUMNS, "beside.head"), tuple(rows), notes
    )


def _stated(design: ClaimEstimate | None) -> TypeGuard[ClaimEstimate]:
    return design is not None and design.has_interval


def _size(texts: Texts, level: Level) -> Inline:
    return texts.inline("beside.size", n=Quote(texts, f"{level.key}:design"), span=model_span(level.estimated))


def named(texts: Texts, level: Level, claim: ClaimRow) -> Marked:
    """A claim's name with what it is said of, and whether it has another name there, or other words."""
    there = level.row.claim if level.row.claim != claim.claim else ""
    otherwise = level.row.text != claim.text
    return texts.render("beside.named", claim=claim.claim, label=level.label, there=there, otherwise=otherwise)


def line(texts: Texts, level: Level) -> Inline:
    """Verdict and interval of a claim there."""
    design = level.row.design
    interval = in_delta(texts, design, level.key) if _stated(design) else ""
    return texts.inline("beside.line", verdict=verdict_word(texts, level.row), interval=interval)


def full(context: Context, texts: Texts, claims: Sequence[ClaimRow]) -> tuple[Section, ...]:
    """Section of the appendix: for each claim and project what is estimated, from how much, and what is ruled out."""
    parts = []
    for claim in claims:
        others = elsewhere(context, claim.claim)
        if others:
            items = tuple(_entry(texts, level, claim) for level in (_here(context, texts, claim), *others))
            title = texts.plain("contrasts.by_claim", claim=claim.claim, text=context.worded(claim, "text"))
            parts.append(Section(anchor(_ID, claim.claim), title, (Definitions(items),), 3))
    if not parts:
        return ()
    lede = Paragraph(texts.inline("beside.full_lede"), "lede")
    return (Section(_FULL, texts.plain("beside.full_title"), (lede,), 2, tuple(parts)),)


def _entry(texts: Texts, level: Level, claim: ClaimRow) -> tuple[Inline, Inline]:
    """The project with its verdict, and all that its row says."""
    told, design = level.told, level.row.design
    base = f"{level.key}:design"
    text = told.worded(level.row, "text")
    words = _in_own_language(text, told.language) if level.row.text != claim.text else ""
    if design is None:
        said = texts.inline("beside.untested", words=words, why=meaning(told, texts, level.row, base, short=True))
    else:
        method = method_name(told, design)
        said = texts.inline(
            "beside.entry",
            words=words,
            outcome=short_label(_outcome(level)) if design.plain else "",
            lever=short_label(term_label(told, design)),
            evidence=texts.render(f"evidence.{design.evidence}", units=level.units),
            interval=in_delta(texts, design, level.key) if design.has_interval else "",
            method=method,
            clusters=_clusters(level, design),
            size=texts.render("beside.size", n=Quote(texts, base), span=model_span(level.estimated)),
            ruled_out=excluded(told, texts, design, base) if design.has_interval else "",
        )
    return texts.inline("beside.entry_title", label=level.label, verdict=verdict_word(texts, level.row)), said


def _clusters(level: Level, design: ClaimEstimate) -> str:
    """The key of the number of clusters behind the interval that decides; empty where its method has none."""
    settings = level.estimated.inference if level.estimated else ()
    found = (i for i, setting in enumerate(settings) if setting.method == design.interval and setting.n_clusters)
    return next((f"{level.model}:inference.{i}.n_clusters" for i in found), "")


def _in_own_language(text: str, language: str) -> Marked:
    """A text marked as Chinese or English where that is not the report's language."""
    own = "zh" if _CHINESE.search(text) else "en"
    return Marked(escape(text)) if own == language else foreign(text, "zh-Hans" if own == "zh" else own)
