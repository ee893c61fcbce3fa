"""Charts, maps and tables as the report shows them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path

from ruralpanel.output.report.context import Context
from ruralpanel.output.report.declared import Declared
from ruralpanel.output.report.document import (
    Block,
    Figure,
    Inline,
    Interactive,
    Part,
    Run,
    Section,
    Table,
    TableCell,
    TableRow,
    literal,
    plain_text,
)
from ruralpanel.output.report.explore.atlas import MAP
from ruralpanel.output.report.explore.build import chart_of, entry_of, map_chart, map_entries
from ruralpanel.output.report.sentences import nouns
from ruralpanel.output.report.texts import Texts, anchor
from ruralpanel.output.tables.document import Row, Spanner, TableDocument
from ruralpanel.output.tables.inference_words import inference_notes, size_note
from ruralpanel.output.tables.layout import panels
from ruralpanel.project.exhibits import Exhibit
from ruralpanel.project.kinds.figures import Scorecard
from ruralpanel.project.kinds.options import Titled
from ruralpanel.project.periods import label
from ruralpanel.project.problems import Problem

_PAPER, _SIZES = 15.0, (8.4, 7.6, 7.0)
"""What the text on A4 surely holds in cm, and points of its tables."""


def shown(
    document: TableDocument,
    identity: str,
    downloads: tuple[str, ...] = (),
    elsewhere: Collection[str] = (),
    instead: Inline = (),
) -> Table:
    """A table of the results as the report sets it.

    `elsewhere` : notes that the report says in one place for all tables. `instead` : where, if there are any.
    """
    kept = [_inline(note) for note in document.notes if note.strip() and note not in elsewhere]
    more = [instead] if instead and set(elsewhere) & set(document.notes) else []
    _, parts = panels(document, _PAPER, _SIZES)
    held = [panel.document for panel in parts] if len(parts) > 1 else []
    return Table(
        id=identity,
        caption=_inline(document.title),
        head=_head(document),
        rows=_body(document, document.rows),
        notes=(*kept, *more),
        downloads=downloads,
        further=_body(document, document.further),
        panels=tuple(Table("", (), _head(part), _body(part, part.rows)) for part in held),
    )


def _head(document: TableDocument) -> tuple[TableRow, ...]:
    """The levels of headings from the outermost; the heading of the row labels reaches down over all of them."""
    columns = [TableCell(_inline(column.label), column.align, header=True) for column in document.columns]
    levels = [*(_spanner_cells(level, len(columns)) for level in document.spanners), columns]
    stub = TableCell(_inline(document.stub), rowspan=len(levels), header=True)
    return tuple(TableRow((stub, *cells) if i == 0 else tuple(cells)) for i, cells in enumerate(levels))


def _spanner_cells(level: Sequence[Spanner], width: int) -> list[TableCell]:
    cells: list[TableCell] = []
    at = 0
    for spanner in level:
        if spanner.first > at:
            cells.append(TableCell((), colspan=spanner.first - at))
        span = spanner.last - spanner.first + 1
        cells.append(TableCell(_inline(spanner.label), "centre", span, header=True))
        at = spanner.last + 1
    return [*cells, TableCell((), colspan=width - at)] if at < width else cells


def _body(document: TableDocument, shown: Sequence[Row]) -> tuple[TableRow, ...]:
    """Row heads reach down over the details beneath them, whose own heads are empty, so that long ones have room."""
    rows: list[TableRow] = []
    entry = -1
    for row in shown:
        head = TableCell(_inline(row.label), header=True)
        if row.kind == "section":
            rows.append(TableRow((replace(head, colspan=len(document.columns) + 1),), row.kind))
            entry = -1
            continue
        pairs = zip(document.columns, row.cells, strict=True)
        cells = tuple(TableCell(_inline(cell.text), column.align) for column, cell in pairs)
        if row.kind == "detail" and entry >= 0 and not head.text:
            above, *rest = rows[entry].cells
            rows[entry] = replace(rows[entry], cells=(replace(above, rowspan=above.rowspan + 1), *rest))
            rows.append(TableRow(cells, row.kind))
            continue
        entry = len(rows) if row.kind == "entry" else -1
        rows.append(TableRow((head, *cells), row.kind))
    return tuple(rows)


def _inline(text: str) -> Inline:
    words = " ".join(text.split())
    return (Run(words),) if words else ()


_SVG_LIMIT = 300_000  # bytes; larger drawings (polygons with names) are smaller, and faster to show, as PNG


_MOST_CHARTS = 4  # of the brief, where nothing is declared


@dataclass(frozen=True)
class Shown:
    """Sections of charts, maps and tables: the map to explore, which is on the page alone, the brief's, the others.

    `first` : the chart of the story's longer run, which stands on the first page and in no section.
    """

    first: tuple[Block, ...]
    page: tuple[Section, ...]
    brief: tuple[Section, ...]
    appendix: tuple[Section, ...]


def exhibits(context: Context, texts: Texts, problems: list[Problem]) -> Shown:
    """Charts, maps and tables; sections without anything to show fall away.

    What the configuration declares and the results lack is added to `problems`.
    """
    chosen = in_brief(context.declared)
    shown_on_map = map_entries(context)
    entries = {entry.key: entry.title for entry in shown_on_map}
    atlas = map_chart(context, shown_on_map)
    story = context.report.story
    longer = story.before.figure if context.before and story and story.before else None
    first: list[Block] = []
    blocks: dict[str, tuple[list[Block], list[Block]]] = {}
    for kind in ("figures", "maps", "tables"):
        here, there = blocks.setdefault(kind, ([], []))
        declared = context.declared.exhibits[kind]
        for name in dict.fromkeys((*chosen[kind], *declared)):
            if kind == "tables":
                made = _table(context, texts, name, declared[name].options, problems)
            else:
                made = _picture(context, texts, kind, name, declared[name], entries, problems)
            if (kind, name) == ("figures", longer):
                first += made
                continue
            (here if name in chosen[kind] else there).extend(made)
    brief = {"charts": [*blocks["figures"][0], *blocks["maps"][0]], "first_tables": blocks["tables"][0]}
    page = (_section(texts, "explore", [Interactive(atlas.html)], "page"),) if atlas else ()
    return Shown(
        tuple(first),
        page,
        tuple(_section(texts, name, items, "brief") for name, items in brief.items() if items),
        tuple(_section(texts, name, items[1], "appendix") for name, items in blocks.items() if items[1]),
    )


def _section(texts: Texts, name: str, blocks: Sequence[Block], part: Part) -> Section:
    return Section(anchor(name), texts.plain(f"exhibits.{name}"), tuple(blocks), part=part)


def in_brief(declared: Declared) -> dict[str, Sequence[str]]:
    """Kind → names of the charts, maps and tables that the brief shows: those declared, else of the claims' models."""
    claims = [claim for claim in declared.claims.values() if claim.estimand]
    models = {claim.estimand.model for claim in claims if claim.estimand}
    curves = {claim.robustness for claim in claims if claim.robustness}
    chosen: dict[str, Sequence[str]] = {}
    for kind, most in (("figures", _MOST_CHARTS), ("maps", 1), ("tables", 1)):
        items = declared.exhibits[kind]
        of_claims = [name for name, item in items.items() if _of_claims(item, models, curves)]
        usual = (of_claims if kind != "maps" and of_claims else list(items))[:most]
        named: Sequence[str] | None = getattr(declared.report.brief, kind, None)
        chosen[kind] = tuple(usual if named is None else named)
    return chosen


def _of_claims(item: Exhibit, models: Collection[str | None], curves: Collection[str]) -> bool:
    """Whether a chart or table shows the scorecard, a claim's model, or its specifications."""
    of_all = isinstance(item.options, Scorecard)
    return of_all or not set(models).isdisjoint(item.options.named_models) or item.options.get("curve") in curves


def _picture(
    context: Context,
    texts: Texts,
    kind: str,
    name: str,
    item: Exhibit,
    entries: Mapping[str, str],
    problems: list[Problem],
) -> list[Block]:
    paths = _files(context.results / kind, name)
    if not paths:
        problems.append(_missing(context, f"{kind}.{name}", context.results / kind / f"{name}.png"))
    blocks: list[Block] = []
    for path in paths:
        caption = context.worded(item.options, "title") or name.replace("_", " ").capitalize()
        alternative = (_map_alt if kind == "maps" else _figure_alt)(context, texts, item, caption)
        note = context.worded(item.options, "note")
        notes = (literal(note),) if note else ()
        explored, finding = _explored(context, texts, kind, name, item, entries)
        finding = () if plain_text(finding) == caption else finding
        blocks.append(
            Figure(anchor(kind, path.stem), literal(caption), path, alternative, notes, "", finding, explored)
        )
    return blocks


def _explored(
    context: Context, texts: Texts, kind: str, name: str, item: Exhibit, entries: Mapping[str, str]
) -> tuple[Interactive | None, Inline]:
    """What stands in a picture's place on the page, and what is to be seen in it."""
    if kind == "figures":
        chart = chart_of(context, name, item)
        return (Interactive(chart.html), literal(chart.title)) if chart else (None, ())
    entry = entry_of(name, item.options, entries)
    if entry is None:
        return None, ()
    title = context.worded(item.options, "title") or name.replace("_", " ").capitalize()
    words = escape(texts.plain("exhibits.on_the_map", title=title))
    link = f'<a href="#{MAP}" data-entry="{escape(entry)}">{words}</a>'
    return Interactive(f'<p class="on-the-map" id="{anchor(kind, name)}">{link}</p>'), literal(entries[entry])


def _files(folder: Path, name: str) -> list[Path]:
    """The picture of that name: its SVG, or its PNG where that is much smaller."""
    svg, png = folder / f"{name}.svg", folder / f"{name}.png"
    if svg.is_file() and (svg.stat().st_size <= _SVG_LIMIT or not png.is_file()):
        return [svg]
    return [png] if png.is_file() else []


def _table(context: Context, texts: Texts, name: str, options: Titled, problems: list[Problem]) -> list[Block]:
    path = context.results / "tables" / f"{name}.json"
    if not path.is_file():
        problems.append(_missing(context, f"tables.{name}", path))
        return []
    others = [path.with_suffix(f".{suffix}") for suffix in ("csv", "tex", "docx")]
    downloads = tuple(f"tables/{other.name}" for other in others if other.is_file())
    models = [context.models[model] for model in options.named_models if model in context.models]
    said = [*inference_notes(models, context.language), size_note(models, context.language)] if models else []
    elsewhere = {note[:1].upper() + note[1:] for note in said}
    document = TableDocument.from_json(path)
    return [shown(document, anchor("table", name), downloads, elsewhere, texts.inline("exhibits.inference"))]


def _figure_alt(context: Context, texts: Texts, item: Exhibit, title: str) -> str:
    names = ", ".join(context.title(model) for model in item.options.named_models)
    entry = f"exhibits.figure_kind.{item.type}"
    words = texts.plain(entry) if texts.has(entry) else item.type.replace("_", " ")
    return texts.plain("exhibits.figure_alt", title=title, kind=words, models=names)


def _map_alt(context: Context, texts: Texts, item: Exhibit, title: str) -> str:
    options = item.options
    model = context.models.get(options.get("model") or "")
    labels = context.labels(options.get("panel") or (model.panel if model else ""))
    variables = ", ".join(labels.of(variable) for variable in options.get("variables") or ())
    periods = ", ".join(label(period) for period in options.get("periods") or ())
    return texts.plain("exhibits.map_alt", variables=variables or title, periods=periods, nouns=nouns(context))


def _missing(context: Context, where: str, path: Path) -> Problem:
    return Problem(context.config_file, where, f"no file {path}", "a result", "run the whole workflow: snakemake")
