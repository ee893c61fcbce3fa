"""The report's parts on what differs between designs, and on claims tested together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ruralpanel.claims.designs import ClaimEstimate, evidence_kind
from ruralpanel.claims.numbers import ClaimNumber, find_estimand
from ruralpanel.claims.scorecard import ClaimRow
from ruralpanel.estimate.base.model import Model
from ruralpanel.output.report.context import Context
from ruralpanel.output.report.designs import design_table, header, model_span, row, signed
from ruralpanel.output.report.document import (
    SPACE,
    Block,
    Bullets,
    Definitions,
    Details,
    Inline,
    Interactive,
    Paragraph,
    Section,
    Table,
    TableCell,
    TableRow,
    literal,
    parse,
)
from ruralpanel.output.report.explore.designs import designs_chart
from ruralpanel.output.report.numbers import formatted
from ruralpanel.output.report.sentences import Quote, interval_text, nouns, outcome_label, term_label
from ruralpanel.output.report.signs import Signed, summary
from ruralpanel.output.report.texts import Texts, anchor, short_label, short_noun
from ruralpanel.project.sections.configuration import Estimand

_POINTER = "/statistics/residual_correlation"
_SAID = {"above": "together", "below": "apart"}


def is_joint(design: ClaimEstimate) -> bool:
    """Whether a design of the scorecard is the correlation of two outcomes' residuals."""
    return design.pointer.startswith(_POINTER)


def joint_blocks(context: Context, texts: Texts, pairs: Sequence[tuple[ClaimEstimate, str]]) -> list[Block]:
    """What each correlation says, those within units and those between units under a heading of their own.

    Parameters
    ----------
    pairs : designs of the scorecard with the keys under which their numbers are found.
    """
    blocks: list[Block] = []
    for between in (False, True):
        chosen = [pair for pair in pairs if is_joint(pair[0]) and (pair[0].evidence == "between") is between]
        if chosen:
            lede = texts.inline("joint.between" if between else "joint.within", nouns=nouns(context))
            items = tuple(_sentence(context, texts, design, base) for design, base in chosen)
            blocks += [Paragraph(lede), Bullets(items)]
    return blocks


def _sentence(context: Context, texts: Texts, design: ClaimEstimate, base: str) -> Inline:
    """``Urban share and rural manufacturing … (2012–2017): cannot be told; correlation 0.08 [−0.19, 0.34].``"""
    model = context.models[design.model]
    names = model.statistics[design.pointer.removeprefix("/statistics/")].outcomes
    labels = context.labels(design.panel)
    first, second = (short_noun(labels.of(name)) for name in names)
    return texts.inline(
        f"joint.{_SAID.get(signed(design).place, 'open')}",
        first=first[:1].upper() + first[1:],
        second=second,
        n=Quote(texts, base),
        interval=interval_text(texts, design, base),
        span=model_span(model),
    )


_TERM_COLUMNS = ("design", "outcome", "evidence", "periods", "n", "estimate", "interval", "sign")
_DERIVED = "Derived from"  # a codebook's list of the series behind a formula, too long for a sentence
_TERM_NUMERIC = ("periods", "n", "estimate", "interval", "sign")


def sections(context: Context, texts: Texts) -> tuple[Section, ...]:
    """Section "What differs between outcomes and designs", where there is more than one of either."""
    blocks: list[Block] = []
    if context.scorecard.claims:
        blocks.append(Paragraph(texts.inline("contrasts.lede", nouns=nouns(context)), "lede"))
    claims = [claim for claim in context.scorecard.claims if claim.designs]
    parts = tuple(_claim(context, texts, claim) for claim in claims if claim.others)
    outcomes = _outcomes(context, texts, claims)
    if context.scorecard.claims and not parts:
        blocks.append(Paragraph(texts.inline("contrasts.none")))
    if outcomes is not None:
        parts = (outcomes, *parts)
    blocks += _declared(context, texts)
    table = _terms(context, texts)
    if table is not None:
        inner: tuple[Block, ...] = (Paragraph(texts.inline("contrasts.terms_lede")), table)
        count = sum(line.kind == "section" for line in table.rows)
        last = Details(texts.inline("contrasts.terms_summary", count=str(count)), inner, printed=False, id="same-lever")
        parts = (*parts, Section("levers", texts.plain("contrasts.terms_title"), (last,), 3))
    whole = Section("differences", texts.plain("contrasts.title"), tuple(blocks), 2, parts)
    return (whole,) if blocks or parts else ()


def _designs(claim: ClaimRow) -> list[tuple[ClaimEstimate, str]]:
    main = [(claim.design, f"claim:{claim.claim}:design")] if claim.design else []
    others = [(other, f"claim:{claim.claim}:others.{i}") for i, other in enumerate(claim.others)]
    return main + others


def _claim(context: Context, texts: Texts, claim: ClaimRow) -> Section:
    pairs = _designs(claim)
    designs = [design for design, _ in pairs]
    blocks: list[Block] = []
    kinds = tuple(dict.fromkeys(_kind(design) for design in designs))
    for kind in kinds:
        alike = [design for design in designs if _kind(design) == kind]
        if kind != "correlation":  # each of them has a sentence of its own
            blocks.append(
                Paragraph(
                    _joined(
                        (
                            _summary(context, texts, alike, kind if len(kinds) > 1 else "design"),
                            *_differences(context, texts, alike),
                        )
                    )
                )
            )
    blocks += [Paragraph(text) for text in _elsewhere(context, texts, designs)]
    blocks += joint_blocks(context, texts, pairs)
    chart = designs_chart(context, claim, anchor("designs", claim.claim))
    blocks += [Interactive(chart.html)] if chart else []
    blocks.append(design_table(context, texts, pairs, anchor("beside", claim.claim), ()))
    title = texts.plain("contrasts.by_claim", claim=claim.claim, text=context.worded(claim, "text"))
    return Section(anchor("differs", claim.claim), title, tuple(blocks), 3)


def _kind(design: ClaimEstimate) -> str:
    """What may be set against each other: slopes, interactions, effects at a place and correlations are different."""
    if is_joint(design):
        return "correlation"
    if design.pointer.startswith("/statistics/"):
        return "statistic"
    if "marginal_effects" in design.pointer:
        return "place"
    return "interaction" if ":" in design.lever else "slope"


def _summary(context: Context, texts: Texts, designs: Sequence[ClaimEstimate], kind: str) -> Inline:
    rows = [signed(design, _name(context, design)) for design in designs]
    return summary(texts, rows, "contrasts.summary", kind=texts.plain(f"contrasts.kind_{kind}"))


def _elsewhere(context: Context, texts: Texts, designs: Sequence[ClaimEstimate]) -> list[Inline]:
    """The main design's lever in models that the claim does not name, from the rows of the table of levers.

    Not in models with a product of it, where its own slope is the one at zero of the other factor.
    """
    main = designs[0]
    if _kind(main) != "slope" or "/coefficients/" not in main.pointer:
        return []
    named = {design.model for design in designs}
    others = [
        model
        for model in _levers(context).get(main.lever, ())
        if model.model not in named
        and not any(":" in row.term and main.lever in row.term.split(":") for row in model.coefficients)
    ]
    if not others:
        return []
    numbers = [(find_estimand(model, Estimand(term=main.lever), "", ""), model) for model in others]
    rows = [Signed.of(f"“{context.title(model.model)}”", *_ends(number)) for number, model in numbers]
    return [summary(texts, rows, "contrasts.elsewhere", term=context.labels(main.panel).of(main.lever))]


def _what_it_counts(context: Context, panel: str) -> Mapping[str, str]:
    rows = context.panels[panel].codebook if panel in context.panels else ()
    return {row["variable"]: context.worded(row, "what_it_counts") for row in rows}


def _ends(number: ClaimNumber) -> tuple[float, float, bool]:
    return number.ci_low, number.ci_high, number.has_interval


def _joined(parts: Sequence[Inline]) -> Inline:
    joined: list[Any] = []
    for index, part in enumerate(parts):
        joined += [*(SPACE if index else ()), *part]
    return tuple(joined)


def _name(context: Context, design: ClaimEstimate) -> str:
    return f"“{context.title(design.model)}”"


def _differences(context: Context, texts: Texts, designs: Sequence[ClaimEstimate]) -> tuple[Inline, ...]:
    """In what designs that do not all lie on the same side of zero differ."""
    if len({signed(design).place for design in designs}) < 2:
        return ()
    words = nouns(context)
    reasons = []
    if len({design.outcome for design in designs}) > 1:
        names = dict.fromkeys(_outcome_name(context, design) for design in designs)
        reasons.append(texts.inline("contrasts.reason_outcome", outcomes="; ".join(names)))
    if {"between", "within"} <= {design.evidence for design in designs}:
        reasons.append(texts.inline("contrasts.reason_evidence", nouns=words))
    spans = list(dict.fromkeys(model_span(context.models.get(design.model)) for design in designs))
    if len(spans) > 1 and all(spans):
        reasons.append(texts.inline("contrasts.reason_panel", nouns=words, spans="; ".join(spans)))
    terms = list(dict.fromkeys(short_label(term_label(context, design)) for design in designs))
    if len(terms) > 1:
        reasons.append(texts.inline("contrasts.reason_term", terms="; ".join(terms)))
    return tuple(reasons)


def _outcome_name(context: Context, design: ClaimEstimate) -> str:
    return short_label(outcome_label(context, design))


def _outcomes(context: Context, texts: Texts, claims: Sequence[ClaimRow]) -> Section | None:
    """What the outcomes of all designs count, each once, where the codebook says it in a sentence."""
    meanings: dict[str, str] = {}
    for claim in claims:
        for design, _ in _designs(claim):
            labels, counts = context.labels(design.panel), _what_it_counts(context, design.panel)
            model = context.models.get(design.model)
            several = model.outcomes if model else ()
            for name in several or (design.outcome,):
                label = short_label(labels.of(name)) if several else _outcome_name(context, design)
                if name in counts and not counts[name].startswith(_DERIVED):
                    meanings.setdefault(label, counts[name])
    if not meanings:
        return None
    items = tuple((literal(label), literal(text)) for label, text in meanings.items())
    return Section("outcomes", texts.plain("contrasts.outcomes_title"), (Definitions(items),), 3)


def _declared(context: Context, texts: Texts) -> list[Block]:
    """Contrasts that the configuration explains in its own words (``report: contrasts``)."""
    entries = context.report.contrasts or ()
    where = "report.contrasts[{}]"
    items = tuple(texts.own(context.worded(entry, "text"), where.format(i)) for i, entry in enumerate(entries))
    return [Bullets(items)] if items else []


def _levers(context: Context) -> dict[str, list[Model]]:
    """Regressor → models with a coefficient of it."""
    by_term: dict[str, list[Model]] = {}
    for model in context.models.values():
        wanted = set(model.spec.regressors)
        for coefficient in model.coefficients:
            if not wanted or coefficient.term in wanted:
                by_term.setdefault(coefficient.term, []).append(model)
    return by_term


def _terms(context: Context, texts: Texts) -> Table | None:
    """Every regressor that stands in two models at least."""
    by_term = _levers(context)
    rows: list[TableRow] = []
    for term, models in by_term.items():
        if len(models) > 1:
            label = literal(context.labels(models[0].panel).of(term))
            rows.append(TableRow((TableCell(label, colspan=len(_TERM_COLUMNS), header=True),), "section"))
            rows += [_term_row(context, texts, model, term) for model in models]
    if not rows:
        return None
    head = header(texts, _TERM_COLUMNS, numeric=_TERM_NUMERIC)
    return Table("same-lever-table", texts.inline("contrasts.terms_title"), head, tuple(rows), tall=True)


def _term_row(context: Context, texts: Texts, model: Model, term: str) -> TableRow:
    number = find_estimand(model, Estimand(term=term), "", "")
    low, high = (formatted(bound, "sig3") for bound in (number.ci_low, number.ci_high))
    interval = texts.inline(f"interval.{'raw' if number.has_interval else 'none'}", low=low, high=high)
    cells = {
        "design": literal(context.title(model.model)),
        "outcome": literal(short_label(context.labels(model.panel).of(model.outcome))),
        "evidence": texts.inline(f"evidence.{evidence_kind(model)}", units=nouns(context)["units"]),
        "periods": parse(model_span(model)),
        "n": parse(formatted(model.n_obs, "int")),
        "estimate": parse(formatted(number.estimate, "sig3")),
        "interval": interval,
        "sign": parse(Signed.of("", *_ends(number)).printed),
    }
    return row(cells, _TERM_COLUMNS, _TERM_NUMERIC)
