"""What was learnt of the claims, best known first: what is ruled out, other evidence, what would settle it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ruralpanel.claims.evidence import CRITERIA
from ruralpanel.claims.scorecard import ClaimRow
from ruralpanel.estimate.base.model import Model
from ruralpanel.estimate.base.rows import Estimated
from ruralpanel.output.report import beside
from ruralpanel.output.report.answers import TONES, verdict_word
from ruralpanel.output.report.context import Context
from ruralpanel.output.report.designs import header, row, signed
from ruralpanel.output.report.document import (
    Block,
    Bullets,
    Finding,
    Findings,
    Inline,
    Marked,
    Paragraph,
    Section,
    Table,
    literal,
    parse,
)
from ruralpanel.output.report.lookups import underpowered
from ruralpanel.output.report.sentences import Quote, excluded, in_delta, meaning, nouns
from ruralpanel.output.report.signs import PLACES
from ruralpanel.output.report.texts import Texts, noun

_ORDER = {
    "supported": 0,
    "contradicted": 0,
    "differs from zero": 1,
    "no effect that matters": 1,
    "cannot tell": 2,
    "cannot be tested with these data": 3,
    "not yet tested": 4,
}
_KINDS = ("within", "between")
_MODELS = 4  # named on the first page where there are no claims


def ranked(claims: Sequence[ClaimRow]) -> tuple[ClaimRow, ...]:
    """By what is known: decided ones, then those whose interval rules out most, then those without a test.

    What an interval rules out is measured by its farther end in multiples of δ; among equals the declared order stays.
    """
    return tuple(sorted(claims, key=lambda claim: (_ORDER.get(claim.verdict, len(_ORDER)), _farthest(claim))))


def _farthest(claim: ClaimRow) -> float:
    design = claim.design
    if design is None or not design.has_interval or design.in_delta_low is None or design.in_delta_high is None:
        return math.inf
    return max(abs(design.in_delta_low), abs(design.in_delta_high))


def in_short(context: Context, texts: Texts) -> list[Block]:
    """How many claims have which verdict, and how many designs are too weak for what would matter."""
    counts: Mapping[str, int] = context.scorecard.counts
    if not context.scorecard.claims:
        return _estimates(context, texts)
    words = [
        (texts.numbers.num(f"verdicts:{word}", "int"), texts.plain(f"verdict.{word.replace(' ', '_')}").lower())
        for word in TONES
        if counts.get(word)
    ]
    weak = texts.numbers.num("count:underpowered", "int") if underpowered(context) else ""
    claim = context.told(context.scorecard.claims[0], "text")
    return [
        Paragraph(texts.inline("answers.lede", counts=words, weak=weak, claim=claim)),
        *beside.in_short(context, texts),
    ]


def _estimates(context: Context, texts: Texts) -> list[Block]:
    """Without claims: the first coefficient of the first models, each with the interval that tables print."""
    items = []
    for name, model in list(context.models.items())[:_MODELS]:
        row, shown = next(((row, shown) for row in model.coefficients if (shown := _shown(model, row))), (None, ""))
        if row is not None:
            labels = context.labels(model.panel)
            of, names = f"model:{name}:{row.term}", {"outcome": noun(labels.of(model.outcome))}
            names |= {"term": labels.of(row.term), "title": context.title(name), "interval": shown}
            items.append(texts.inline("answers.estimate", of=of, **names))
    more = [Bullets(tuple(items))] if items else []
    return [Paragraph(texts.inline("answers.lede_none", some=bool(items))), *more]


def _shown(model: Model, row: Estimated) -> str:
    """The field of the interval that tables print of a coefficient; empty where that is none of two finite ends."""
    for name in ("ci_ar", "ci_wild", "ci"):
        pieces = model.set_of(row, name)
        if pieces is not None:
            own = row.number(f"{name}_low"), row.number(f"{name}_high")
            return name if pieces == (own,) and all(map(math.isfinite, pieces[0])) else ""
    return ""


def section(context: Context, texts: Texts, claims: Sequence[ClaimRow]) -> Section:
    """Section "What was learnt": a line for each claim, and the grid of evidence."""
    items = tuple(_finding(context, texts, claim) for claim in claims)
    blocks: tuple[Block, ...] = (
        Paragraph(texts.inline("learnt.lede", nouns=nouns(context)), "lede"),
        Findings(items),
        _grid(context, texts, claims),
    )
    return Section("answers", texts.plain("answers.title"), blocks, part="brief")


def _finding(context: Context, texts: Texts, claim: ClaimRow) -> Finding:
    base = f"claim:{claim.claim}:design"
    design = claim.design
    lines: list[tuple[str, Inline]] = []
    if design and design.has_interval:
        lines.append((texts.plain("learnt.excluded_label"), parse(excluded(context, texts, design, base))))
    evidence = _beside(context, texts, claim)
    if evidence:
        lines.append((texts.plain("learnt.beside_label"), evidence))
    needed = _needed(texts, claim)
    if needed:
        lines.append((texts.plain("learnt.needed_label"), needed))
    for level in beside.elsewhere(context, claim.claim):
        lines.append((texts.plain("beside.on", label=level.label), beside.line(texts, level)))
    return Finding(
        id=claim.claim,
        claim=literal(context.worded(claim, "text")),
        verdict=verdict_word(texts, claim),
        tone=TONES.get(claim.verdict, "none"),
        said=parse(meaning(context, texts, claim, base, short=True)),
        lines=tuple(lines),
    )


def _beside(context: Context, texts: Texts, claim: ClaimRow) -> Inline:
    """Where the intervals of designs within units lie and those between, where a claim has both."""
    words = nouns(context)
    said = []
    for kind in _KINDS:
        places = [signed(design).place for design in claim.designs if design.evidence == kind]
        if not places:
            return ()
        parts = [
            texts.render(f"learnt.{place}", count=number, single=len(places) == 1, all=number == len(places))
            for place in PLACES
            if (number := places.count(place))
        ]
        listed = Marked(f"{texts.render('front.listed')} ".join(parts))
        said.append(texts.render(f"learnt.{kind}", nouns=words, n=len(places), parts=listed))
    return parse(Marked(f"{texts.render('front.listed_long')} ".join(said)))


def _needed(texts: Texts, claim: ClaimRow) -> Inline:
    """By how much more information would settle what cannot be told."""
    key = f"information:{claim.claim}"
    if claim.verdict != "cannot tell" or not claim.design:
        return ()
    if not texts.numbers.has(key):
        return ()
    return texts.inline("learnt.needed", of=key, enough=texts.numbers.value(key) <= 1)


def _grid(context: Context, texts: Texts, claims: Sequence[ClaimRow]) -> Table:
    """Every claim's evidence, cell by cell (`ruralpanel.claims.evidence`)."""
    columns = ("claim", "interval", *(name for name in CRITERIA[1:] if _known(context, claims, name)))
    rows = []
    for claim in claims:
        name = literal(f"{claim.claim} {verdict_word(texts, claim)}")
        rows.append(row({"claim": name, **_cells(context, texts, claim, f"claim:{claim.claim}")}, columns))
        for level in beside.elsewhere(context, claim.claim):
            of, verdict = beside.named(texts, level, claim), verdict_word(texts, level.row)
            name = texts.inline("grid.beside", claim=of, verdict=verdict)
            rows.append(row({"claim": name, **_cells(level.told, texts, level.row, level.key)}, columns))
    words = nouns(context)
    head = header(texts, columns, "grid.head", nouns=words)
    notes = (texts.inline("grid.lede", nouns=words, known=columns),)
    return Table("evidence-grid", texts.inline("grid.caption"), head, tuple(rows), notes)


def _known(context: Context, claims: Sequence[ClaimRow], criterion: str) -> bool:
    """Whether any row of the grid has a word on a criterion."""
    shown = (
        row for claim in claims for row in (claim, *(level.row for level in beside.elsewhere(context, claim.claim)))
    )
    return any(cell.criterion == criterion and cell.word != "not_available" for row in shown for cell in row.evidence)


def _cells(context: Context, texts: Texts, claim: ClaimRow, base: str) -> dict[str, Inline]:
    """Criterion → how it stands."""
    cells: dict[str, Inline] = {}
    for i, cell in enumerate(claim.evidence):
        shown = claim.design if cell.criterion == "interval" and cell.file else None
        cells[cell.criterion] = texts.inline(
            f"grid.{cell.word}",
            n=Quote(texts, f"{base}:evidence.{i}"),
            unit=context.unit(cell.detail),
            interval=in_delta(texts, shown, base) if shown else "",
        )
    return cells
