"""Figures, tables and maps as the other jobs made them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ruralpanel.contracts.problems import Problem
from ruralpanel.model_json import read_results
from ruralpanel.report.blocks import Block, Details, Figure, Interactive, Section
from ruralpanel.report.context import Context
from ruralpanel.report.fragments import read_fragment
from ruralpanel.report.markup import literal
from ruralpanel.report.sentences import nouns
from ruralpanel.report.texts import Texts
from ruralpanel.report.wording import anchor

_SVG_LIMIT = 300_000  # bytes; larger drawings (polygons with names) are smaller, and faster to show, as PNG


def sections(context: Context, texts: Texts, problems: list[Problem]) -> tuple[Section, ...]:
    """Sections "Figures", "Maps" and "Tables"; those without anything to show fall away.

    What the configuration declares and the results lack is added to `problems`.
    """
    figures = _pictures(context, texts, "figures", problems)
    maps = _pictures(context, texts, "maps", problems)
    found: dict[str, list[Block]] = {"figures": figures, "maps": maps, "tables": [*_tables(context, problems)]}
    return tuple(
        Section(name, texts.plain(f"exhibits.{name}"), tuple(blocks)) for name, blocks in found.items() if blocks
    )


def _pictures(context: Context, texts: Texts, kind: str, problems: list[Problem]) -> list[Block]:
    blocks: list[Block] = []
    for name, values in (context.config.get(kind) or {}).items():
        paths = _files(context.results / kind, name)
        if not paths:
            problems.append(_missing(context, f"{kind}.{name}", context.results / kind / f"{name}.png"))
        for path in paths:
            caption = context.worded(values, "title") or name.replace("_", " ").capitalize()
            alternative = (_map_alt if kind == "maps" else _figure_alt)(context, texts, values, caption)
            note = context.worded(values, "note")
            notes = (literal(note),) if note else ()
            blocks.append(Figure(anchor(kind, path.stem), literal(caption), path, alternative, notes))
        if values.get("type") == "specification_curve":
            blocks += _filtered(context, texts, name, values)
    return blocks


def _filtered(context: Context, texts: Texts, name: str, values: Mapping[str, Any]) -> list[Block]:
    """The curve whose specifications readers filter, folded away; nothing where its results are not there."""
    import pandas as pd

    from ruralpanel.report.interactive_curve import curve_html

    folder, curve = context.results / "models" / "curves", values["curve"]
    if not (folder / f"{curve}.json").is_file():
        return []
    summary = read_results(folder / f"{curve}.json")
    rows = pd.read_parquet(folder / f"{curve}.parquet")
    labels = context.labels(str(summary["panel"]))
    html = curve_html(summary, rows, labels, anchor("curve", name), context.worded(values, "title"))
    return [Details(texts.inline("exhibits.filter"), (Interactive(html),), printed=False, id=anchor("filter", name))]


def _files(folder: Path, name: str) -> list[Path]:
    """The picture of that name: its SVG, or its PNG where that is much smaller."""
    svg, png = folder / f"{name}.svg", folder / f"{name}.png"
    if svg.is_file() and (svg.stat().st_size <= _SVG_LIMIT or not png.is_file()):
        return [svg]
    return [png] if png.is_file() else []


def _tables(context: Context, problems: list[Problem]) -> Iterable[Block]:
    for name in context.config.get("tables") or {}:
        path = context.results / "tables" / f"{name}.html"
        if not path.is_file():
            problems.append(_missing(context, f"tables.{name}", path))
            continue
        others = [path.with_suffix(f".{suffix}") for suffix in ("csv", "tex", "docx")]
        yield read_fragment(path, anchor("table", name), tuple(f"tables/{o.name}" for o in others if o.is_file()))


def _figure_alt(context: Context, texts: Texts, values: Mapping[str, Any], title: str) -> str:
    kind = str(values.get("type", ""))
    models = [str(m) for m in values.get("models") or ([values["model"]] if values.get("model") else [])]
    names = ", ".join(str(context.models.get(model, {}).get("title") or model) for model in models)
    entry = f"exhibits.figure_kind.{kind}"
    words = texts.plain(entry) if texts.has(entry) else kind.replace("_", " ")
    return texts.plain("exhibits.figure_alt", title=title, kind=words, models=names)


def _map_alt(context: Context, texts: Texts, values: Mapping[str, Any], title: str) -> str:
    model = context.models.get(str(values.get("model", "")), {})
    labels = context.labels(str(values.get("panel") or model.get("panel", "")))
    variables = ", ".join(labels.of(str(variable)) for variable in values.get("variables") or ())
    periods = ", ".join(str(period) for period in values.get("periods") or ())
    return texts.plain("exhibits.map_alt", variables=variables or title, periods=periods, nouns=nouns(context))


def _missing(context: Context, where: str, path: Path) -> Problem:
    return Problem(context.config_file, where, f"no file {path}", "a result", "run the whole workflow: snakemake")
