"""The first page: what happened, how far its figures can be trusted, where they come from; and who is to be cited."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from ruralpanel.output.report.context import Context, Source
from ruralpanel.output.report.designs import header, row
from ruralpanel.output.report.document import (
    SPACE,
    Block,
    Bullets,
    Inline,
    KeyFigure,
    KeyFigures,
    Marked,
    Paragraph,
    Run,
    Section,
    Table,
    escape,
    literal,
    parse,
)
from ruralpanel.output.report.happened import LongRun
from ruralpanel.output.report.lookups import latest_period, read_on
from ruralpanel.output.report.references import citation, identity, in_order, reference
from ruralpanel.output.report.sentences import nouns
from ruralpanel.output.report.texts import Texts, anchor, is_count, noun, short_noun
from ruralpanel.project.kinds.options import in_language
from ruralpanel.project.periods import label
from ruralpanel.project.sections import configuration
from ruralpanel.project.sidecars import Sidecar

_SOURCE_COLUMNS = ("publication", "obtained", "checked")
_MANY = 6  # units spelled out; of more the number is given
_MOST_AUTHORS = 6


def summary(context: Context, texts: Texts, chart: Sequence[Block], claims: Sequence[Block]) -> Section:
    """Section "In short": the introduction, the story with the `chart` of its longer run, the `claims` in a sentence,
    and the origin of the figures."""
    words = context.worded(context.report, "introduction")
    blocks: list[Block] = [Paragraph(texts.own(words, "report.introduction"), "lede")] if words else []
    blocks += [*_story(context, texts), *_before(context, texts), *chart, *claims, *_provenance(context, texts)]
    return Section("summary", texts.plain("front.title"), tuple(blocks), part="brief")


def byline(context: Context, texts: Texts) -> Inline:
    """Authors, the date of the figures (never that of the clock), version and licence, as far as they are known."""
    parts = [
        texts.render("answers.own", text=authors(context)),
        texts.render("front.figures_to", period=latest_period(context), day=read_on(context)),
        texts.render("front.made_with", version=context.software) if context.software else "",
    ]
    return parse(Marked(" · ".join(part for part in parts if part)))


def authors(context: Context) -> str:
    """The authors of the project's CITATION.cff, in its order; empty without one."""
    names = context.citation.authors
    return ", ".join(names[:_MOST_AUTHORS]) + (" et al." if len(names) > _MOST_AUTHORS else "")


def _story(context: Context, texts: Texts) -> list[Block]:
    declared = context.report.story
    if declared is None:
        return []
    story, words = context.story, nouns(context)
    if story is None:
        return [Paragraph(texts.inline("story.nothing", nouns=words))]
    labels = context.labels(declared.panel)
    variables = {"outcome": declared.outcome, "population": declared.population, "share": declared.share}
    names = {key: short_noun(labels.of(variable)) for key, variable in variables.items() if variable}
    ways = {
        key: _way(story.numbers[f"{key}_first"], story.numbers[f"{key}_last"])
        for key in ("outcome", "rate", "share")
        if f"{key}_first" in story.numbers and f"{key}_last" in story.numbers
    }
    measure = labels.measure(declared.outcome)
    values: dict[str, object] = {
        "names": names,
        "ways": ways,
        "nouns": words,
        "first": label(story.first),
        "last": label(story.last),
        "measure": "" if is_count(measure) else measure,
        "scale": declared.scale,
        "percent": labels.measures.get(declared.share or "", "") == "share",
        "together": "both" if len({ways.get("outcome"), ways.get("share")}) == 1 else "apart",
    }
    without = [context.unit(unit) for unit in story.without]
    listed = ", ".join(without) if len(without) <= _MANY else ""
    blocks: list[Block] = [
        Paragraph(texts.inline("story.lede", **values), "headline"),
        KeyFigures(_key_figures(texts, names, ways, values)),
        Paragraph(texts.inline("story.units", **values, without=f"{len(without):,}" if without else "", listed=listed)),
    ]
    caveat = context.worded(declared, "caveat")
    if caveat:
        blocks.append(Paragraph((*texts.inline("story.caveat"), *SPACE, *texts.own(caveat, "report.story.caveat"))))
    return [*blocks, *(_validity(context, texts, declared.validity) if declared.validity else ())]


def _before(context: Context, texts: Texts) -> list[Block]:
    """The longer run: what each outcome was first and last, and from when it counts something else."""
    declared = context.report.story.before if context.report.story else None
    if not context.before or declared is None:
        return []
    labels = context.labels(declared.panel)
    items: list[Marked] = []
    said: dict[str, None] = {}
    for outcome, run in context.before.items():
        measure = labels.measure(outcome)
        values = {"first": label(run.first), "last": label(run.last), "measure": "" if is_count(measure) else measure}
        name = short_noun(labels.of(outcome))
        items.append(texts.render("story.before_item", of=f"before:{outcome}", name=name, **values))
        said |= dict.fromkeys(_breaks(context, outcome, run))
    listed = Marked(f"{texts.render('front.listed_long')} ".join(items))
    figure = anchor("figures", declared.figure) if declared.figure else ""
    return [Paragraph(texts.inline("story.before", items=listed, figure=figure, breaks=list(said)))]


def _breaks(context: Context, outcome: str, run: LongRun) -> list[str]:
    """What the sidecar says of definitions that change on the way, where the outcome is a series."""
    variable = context.declared.variables.get(outcome)
    source = context.sources.get((variable and variable.source) or "")
    series = source.series.get((variable and variable.series) or "") if source else None
    crossed = {year: one for year, one in series.breaks.items() if run.first < year <= run.last} if series else {}
    return [context.told(crossed[year], "what") for year in sorted(crossed)]


def _way(before: float, after: float) -> str:
    return "rose" if after > before else "fell" if after < before else "stayed"


def _key_figures(
    texts: Texts, names: Collection[str], ways: Collection[str], values: Mapping[str, object]
) -> tuple[KeyFigure, ...]:
    items = []
    for key in ("outcome", "rate", "share"):
        if key in ways:
            ends = [texts.inline(f"story.{key}_value", end=end, **values) for end in ("first", "last")]
            items.append(KeyFigure(texts.inline(f"story.{key}_label", **values), ends[0], ends[1]))
    if "share" in names:
        items.append(KeyFigure(texts.inline("story.both_label", **values), texts.inline("story.both_value", **values)))
    return tuple(items)


def _validity(context: Context, texts: Texts, declared: configuration.Validity) -> list[Block]:
    """How far the outcome goes with what else measures it, from the cells of a table."""
    table, own = declared.table, declared.of
    names = {
        f"{item.panel}.{item.variable}.{item.period}": noun(
            in_language(item.label, item.label_zh, context.language) or context.labels(item.panel).of(item.variable)
        )
        for item in context.declared.tables[table].options.get("outcomes")
    }
    chosen = declared.against or [name for name in names if name != own]
    items = [
        texts.render("story.correlation", of=f"{table}:{own}:{other}", name=names[other])
        for other in chosen
        if texts.numbers.has(f"correlation:{table}:{own}:{other}")
    ]
    if not items:
        return []
    listed = Marked(f"{texts.render('front.listed')} ".join(items))
    anchored = anchor("table", table)
    return [Paragraph(texts.inline("story.validity", name=names[own], items=listed, table=anchored))]


def _provenance(context: Context, texts: Texts) -> list[Block]:
    """Which figures these are, read from where, and how they were checked; from sidecars and findings."""
    sources = [source for source in context.sources.values() if source.about]
    items = tuple(
        texts.inline(
            "front.read_item",
            title=_title(context, source),
            publisher=context.told(source.about or {}, "publisher"),
            obtained=_first_clause(context, source.about),
        )
        for source in sources
    )
    official = bool(sources) and all(source.about and "official" in source.about.licence for source in sources)
    undeclared = [source.name for source in context.sources.values() if not source.about]
    values = {
        "official": official,
        "undeclared": ", ".join(undeclared),
        "sources": len(context.sources),
        "totals": bool(context.declared.control_totals),
        "identities": any(source.about and source.about.identities for source in sources),
        "checked": (context.results / "reconciliation" / "findings.csv").is_file(),
    }
    blocks: list[Block] = [Paragraph(texts.inline("front.provenance", **values))]
    if items:
        blocks.append(Bullets(items))
    blocks.append(Paragraph(texts.inline("front.checked", **values)))
    return blocks


def _title(context: Context, source: Source) -> str:
    return context.told(source.about or {}, "title") or source.name


def _first_clause(context: Context, about: Sidecar | None) -> str:
    """How figures were obtained, up to the first colon or full stop: the copies themselves stand with the sources."""
    said = {"obtained": about.obtained, "obtained_zh": about.obtained_zh} if about else {}
    first = {key: re.split(r": |\. |：|。|\.$", " ".join(text.split()))[0] for key, text in said.items()}
    return context.told(first, "obtained")


def sources(context: Context, texts: Texts) -> Section:
    """Section "Sources": a row for each, in its sidecar's words."""
    rows = []
    for source in context.sources.values():
        about: object = source.about or {}
        said = [escape(context.told(about, key)) for key in ("publisher", "edition", "licence")]
        beside = " · ".join(text for text in said if text)
        cells: dict[str, Inline] = {
            "publication": parse(f"**{escape(_title(context, source))}** {beside}"),
            "obtained": literal(context.told(about, "obtained")),
            "checked": literal(context.told(about, "checked")),
        }
        if not about:
            cells["obtained"] = texts.inline("data.undeclared")
        rows.append(row(cells, _SOURCE_COLUMNS))
    head = header(texts, _SOURCE_COLUMNS, "front.sources_head")
    notes = (texts.inline("front.sources_lede", some=any(source.about for source in context.sources.values())),)
    table = Table("sources-table", texts.inline("front.sources_caption"), head, tuple(rows), notes)
    return Section("sources", texts.plain("front.sources_title"), (table,), part="brief")


def references(context: Context, texts: Texts, methods: Sequence[str]) -> tuple[Section, ...]:
    """Section "References": the project's works, and those of the `methods` used; none where there are none."""
    used = [work for work in context.methods_cited if work.keywords & set(methods)]
    works = in_order([*context.works, *used])
    if not works:
        return ()
    items = tuple(_anchored(identity(work), reference(work)) for work in works)
    title = texts.plain("front.references_title")
    return (Section("references", title, (Bullets(items, "references"),), part="brief"),)


def _anchored(name: str, text: Inline) -> Inline:
    first, *rest = text
    return (Run(first.text, first.kind, name), *rest)


def cited(context: Context, method: str) -> Inline:
    """The works that stand for a method, in parentheses, each leading to its reference."""
    runs: list[Run] = []
    for work in context.methods_cited:
        if method in work.keywords:
            runs += [Run("; " if runs else " ("), citation(work)]
    return (*runs, Run(")")) if runs else ()


def colophon(context: Context, texts: Texts) -> Section:
    """Section "About this report": how to cite it, version, licence."""
    about = context.citation
    title = context.declared.title
    released = about.released[:4]
    cite = texts.inline(
        "front.cite",
        authors=authors(context),
        year=released,
        title=title,
        version=about.version,
        address=about.address,
        doi=about.doi,
    )
    facts = texts.inline(
        "front.facts",
        period=latest_period(context),
        day=read_on(context),
        version=context.software,
        licence=about.licence,
        file=Path(context.config_file).name,
    )
    return Section("colophon", texts.plain("front.colophon_title"), (Paragraph(cite), Paragraph(facts)), part="brief")
