"""The data appendix: every source as its sidecar describes it, every variable with its coverage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from ruralpanel.output.report.context import Context, Panel, Source
from ruralpanel.output.report.designs import header, repaired, row, span
from ruralpanel.output.report.document import (
    Block,
    Bullets,
    Code,
    Definitions,
    Details,
    Inline,
    Marked,
    Paragraph,
    Run,
    Section,
    Table,
    TableCell,
    escape,
    foreign,
    literal,
    parse,
)
from ruralpanel.output.report.document import TableRow as Row
from ruralpanel.output.report.numbers import formatted
from ruralpanel.output.report.sentences import nouns
from ruralpanel.output.report.texts import Texts, anchor, measure_text
from ruralpanel.project.kinds.options import in_language
from ruralpanel.project.periods import written

_FACTS = ("publisher", "title", "edition", "url", "licence", "accessed", "obtained", "checked")
_SERIES_COLUMNS = ("series", "measure", "years", "counts")
_VARIABLE_COLUMNS = ("variable", "made_of", "measure", "mean", "sd", "sd_within", "coverage", "breaks")
_NUMERIC = ("mean", "sd", "sd_within", "coverage")
_MANY_SERIES = 2
_MANY_UNITS = 6  # units spelled out beside a break or fault; of more the number is given


def section(context: Context, texts: Texts) -> Section:
    """Section "Data"."""
    parts = tuple(_source(context, texts, source) for source in context.sources.values())
    variables = _variables(context, texts)
    lede = Paragraph(texts.inline("data.lede"), "lede")
    return Section("data", texts.plain("data.title"), (lede,), 2, (*parts, *variables))


def _source(context: Context, texts: Texts, source: Source) -> Section:
    about = source.about
    title = (in_language(about.title, about.title_zh, context.language) if about else "") or source.name
    read_by = (
        texts.inline("data.adapter"),
        texts.inline("data.adapter_text", adapter=source.adapter, path=source.path),
    )
    if about is None:
        blocks: list[Block] = [Paragraph(texts.inline("data.undeclared"), "note"), Definitions((read_by,))]
    else:
        facts = [
            (texts.inline("data.title_of" if key == "title" else f"data.{key}"), _fact(key, context.told(about, key)))
            for key in _FACTS
            if getattr(about, key)
        ]
        blocks = [Definitions((*facts, read_by))]
    if about is not None or source.series:
        blocks.append(_series(context, texts, source))
    for key, items in (
        ("breaks", _breaks(context, texts, source)),
        ("faults", _faults(context, texts, source)),
        ("corrections", _corrections(context, texts, source)),
    ):
        if items:
            blocks.append(Details(texts.inline(f"data.{key}_title"), (Bullets(tuple(items)),), id=""))
    files = about.files if about else {}
    if files:
        summary = texts.inline("data.files_title", count=str(len(files)))
        lines = tuple(f"{sha256}  {name}" for name, sha256 in files.items())
        blocks.append(Details(summary, (Code(lines),), printed=False))
    return Section(anchor("source", source.name), title, tuple(blocks), 3)


def _fact(key: str, text: str) -> Inline:
    if key == "url" and text.startswith(("http://", "https://")):
        return (Run(text, "link", text),)
    return literal(text)


def _series(context: Context, texts: Texts, source: Source) -> Table:
    rows = []
    for key, values in source.series.items():
        name = context.told(values, "label") or key
        # the publisher's own name finds the series at the source
        own = values.label_zh if context.language != "zh" else ""
        cells = (
            parse(" · ".join(filter(None, (escape(name), own and foreign(own, "zh-Hans"))))),
            literal(measure_text(context.measure(values.measure))),
            parse(span(values.years)),
            literal(_sentence(context.told(values, "note"))),
        )
        rows.append(Row(tuple(TableCell(cell, header=index == 0) for index, cell in enumerate(cells))))
    head = header(texts, _SERIES_COLUMNS, "data.head")
    caption = texts.inline("data.series_caption", source=source.name)
    return Table(anchor("series", source.name), caption, head, tuple(rows), tall=True)


def _breaks(context: Context, texts: Texts, source: Source) -> list[Inline]:
    items = []
    for key, values in source.series.items():
        for year, details in values.breaks.items():
            items.append(
                texts.inline(
                    "data.break_item",
                    label=_label(context, source, key),
                    year=str(written(year)),
                    what=_sentence(context.told(details, "what")),
                    units=_units(context, details.units),
                )
            )
    return items


def _faults(context: Context, texts: Texts, source: Source) -> list[Inline]:
    items = []
    faults = source.about.known_faults if source.about else ()
    for entry, alike in groupby(faults, lambda fault: replace(fault, series="")):
        labels = [_label(context, source, fault.series) for fault in alike]
        items.append(
            texts.inline(
                "data.fault_item",
                label="; ".join(labels[:_MANY_SERIES]) + (" …" if len(labels) > _MANY_SERIES else ""),
                years=span(sorted(entry.years)),
                units=_units(context, entry.units),
                what=_sentence(context.told(entry, "what")),
                reason=_sentence(context.told(entry, "reason")),
            )
        )
    return items


def _label(context: Context, source: Source, key: str) -> str:
    series = source.series.get(key)
    return (in_language(series.label, series.label_zh, context.language) if series else "") or key


def _corrections(context: Context, texts: Texts, source: Source) -> list[Inline]:
    return [
        texts.inline(
            "data.correction_item",
            label=_label(context, source, repair.series),
            unit=texts.plain("data.every_unit", nouns=nouns(context))
            if repair.unit == "all"
            else context.unit(repair.unit),
            year=str(repair.year),
            what=repaired(context, texts, repair),
            provider=context.told(vars(repair), "provider"),
        )
        for repair in context.corrections
        if repair.source == source.name
    ]


def _variables(context: Context, texts: Texts) -> tuple[Section, ...]:
    tables = [_codebook(context, texts, panel) for panel in context.panels.values() if panel.codebook]
    if not tables:
        return ()
    lede = Paragraph(texts.inline("data.variables_lede", nouns=nouns(context)))
    blocks: tuple[Block, ...] = tuple(Details(table.caption, (table,), printed=False) for table in tables)
    return (Section("variables", texts.plain("data.variables_title"), (lede, *blocks), 3),)


def _codebook(context: Context, texts: Texts, panel: Panel) -> Table:
    labels = context.labels(panel.name)
    rows = []
    for entry in panel.codebook:
        name = entry["variable"]
        made_of = entry.get("formula") or " · ".join(filter(None, (entry.get("source"), entry.get("series"))))
        shares = [panel.coverage[name, period] for period in panel.periods if (name, period) in panel.coverage]
        cells = {
            "variable": literal(labels.of(name)),
            "made_of": (Run(made_of, "code"),) if made_of else (),
            "measure": literal(measure_text(labels.measure(name))),
            "mean": _figure(entry.get("mean")),
            "sd": _figure(entry.get("sd")),
            "sd_within": _figure(entry.get("sd_within")),
            "coverage": parse(formatted(sum(shares) / len(shares), "%0")) if shares else (),
            "breaks": literal(context.worded(entry, "breaks")),
        }
        rows.append(row(cells, _VARIABLE_COLUMNS, _NUMERIC))
    head = header(texts, _VARIABLE_COLUMNS, "data.variables_head", _NUMERIC)
    caption = texts.inline("data.variables_caption", panel=panel.title)
    return Table(anchor("codebook", panel.name), caption, head, tuple(rows), tall=True)


def _figure(text: str | None) -> Inline:
    return parse(formatted(float(text), "sig3")) if text and text.strip() else ()


def _units(context: Context, units: Sequence[str] | None) -> str:
    names = [context.unit(str(unit)) for unit in units or ()]
    return ", ".join(names) if len(names) <= _MANY_UNITS else f"{', '.join(names[:_MANY_UNITS])} … ({len(names)})"


def _sentence(text: str) -> str:
    """A text with its full stop, that of its script; one that is marked as of another language is left as it is."""
    if isinstance(text, Marked) or not text or text.endswith((".", "。", "?", "!")):
        return text
    return text + ("。" if text[-1] > "\u2e7f" else ".")
