"""The series of a table, and the sidecar that describes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ruralpanel.data.adapters.registry import read
from ruralpanel.project.files import sha256_of
from ruralpanel.project.periods import written
from ruralpanel.project.sidecars import PLACEHOLDERS, SourceSpec, series_spec
from ruralpanel.tools.new_source.headings import guess_measure, is_measure, key_of, measured, share_doubt, template_of
from ruralpanel.tools.new_source.roles import Roles, is_figure, missing_marks


def sidecar(path: Path, entry: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A sidecar for a source, and the source's entry that names it instead of the series.

    Parameters
    ----------
    path : the file or folder that the entry reads.
    entry : as `inspect.inspect` found it: adapter, path, layout, series.

    Returns
    -------
    sidecar, entry : plain values for YAML.
    """
    files = [path] if path.is_file() else sorted(file for file in path.iterdir() if file.is_file())
    series = {key: dict(fields) for key, fields in entry["series"].items()}
    specs = {key: series_spec(key, fields) for key, fields in series.items()}
    layout = entry.get("layout", {})
    cells = read(SourceSpec("made", entry["adapter"], str(path), tuple(map(str, files)), None, layout, specs))
    described: dict[str, Any] = {}
    for key, fields in series.items():
        figures = cells[(cells["series"] == key) & cells["value"].notna()]
        label = fields.get("label") or fields.get("title_in_file") or key
        described[key] = {
            "label": label,
            **{k: v for k, v in fields.items() if k != "label"},
            **_extent(figures),
        }
    document: dict[str, Any] = dict(PLACEHOLDERS)
    if layout:
        document["layout"] = dict(layout)
    document["files"] = {file.name: {"sha256": sha256_of(file)} for file in files if not file.name.startswith(".")}
    document["series"] = described
    return document, {"adapter": entry["adapter"], "path": entry["path"]}


def _extent(rows: pd.DataFrame) -> dict[str, Any]:
    """Years and, where no figure is negative, the range of a series."""
    years = sorted(set(map(int, rows["period"])))
    if not years:
        return {}
    between = years[-1] - years[0] + 1 == len(years)
    ends = [written(year) for year in dict.fromkeys((years[0], years[-1]))]
    extent: dict[str, Any] = {"years": ends if between else {"list": [written(year) for year in years]}}
    return {**extent, "range": [0, None]} if float(rows["value"].min()) >= 0 else extent


Texts = Mapping[str, Sequence[str]]
Series = dict[str, dict[str, Any]]


def series_of(
    roles: Roles,
    texts: Texts,
    headings: Mapping[str, str],
    beside: Mapping[str, str],
    stem: str,
    titles: Sequence[str],
    layout: dict[str, Any],
    doubts: list[str],
) -> tuple[Series, int]:
    """Series and the number of figures; `layout` gets the keys that lead to them, `doubts` what is guessed.

    Parameters
    ----------
    found, texts : the roles of the columns, and their cells.
    headings : column → its name, or the longer label that the file has for it.
    beside : column → what the file says of its measure elsewhere.
    stem : of the file's name, or the worksheet's, for a series without a name of its own.
    titles : texts above the table, which may hold the measure of such a series.
    """
    collected = _Collected(texts, doubts)
    if roles.series:
        _by_title(collected, roles, layout)
    elif roles.across:
        collected.add(stem, {}, next((item for item in beside.values() if item), ""), roles.figures, " ".join(titles))
    elif roles.templates:
        _by_template(collected, roles.templates, headings, beside, stem, titles)
    else:
        for name in roles.figures:
            longer = headings[name] if headings[name] != name else ""
            fields = {"column": name, **({"label": longer} if longer else {})}
            collected.add(name, fields, beside.get(name, ""), (name,), longer)
    if collected.missing:
        layout["missing"] = sorted(collected.missing)
    return collected.series, sum(_count(texts, name, roles.where or {}) for name in roles.figures)


class _Collected:
    """Series as they are found, each with a key of its own."""

    def __init__(self, texts: Texts, doubts: list[str]) -> None:
        self.series: Series = {}
        self.missing: set[int] = set()
        self.texts = texts
        self.doubts = doubts

    def add(self, heading: str, fields: dict[str, str], beside: str, columns: Sequence[str], longer: str = "") -> None:
        key = key_of(heading, self.series)
        measure, doubt = guess_measure(f"{longer} {heading}".strip(), beside)
        values = [value for name in columns for cell in self.texts[name][:2000] if (value := _value(cell)) is not None]
        unlikely = share_doubt(measure, values)
        if doubt and measure == "share" and unlikely:
            measure, doubt, unlikely = "percent", f"measure percent, because figures reach {max(values):g}", ""
        self.doubts += [f"{key}: {item}" for item in (doubt, unlikely) if item]
        marks = missing_marks(values)
        if marks:
            self.missing |= set(marks)
            self.doubts.append(f"{key}: {', '.join(map(str, marks))} read as “no figure”")
        self.series[key] = {**fields, **measured(measure)}


def _by_title(collected: _Collected, roles: Roles, layout: dict[str, Any]) -> None:
    texts = collected.texts
    measures = _measures_beside(texts, roles.series)
    names = roles.figures if roles.templates or roles.across else (roles.value,)
    for title in dict.fromkeys(cell for cell in texts[roles.series] if cell):
        rows = [i for i, cell in enumerate(texts[roles.series]) if cell == title]
        part = _Collected({name: [texts[name][i] for i in rows] for name in names}, collected.doubts)
        part.series = collected.series
        part.add(title, {"title_in_file": title}, measures.get(title, ""), names)
        collected.missing |= part.missing
    layout["series"] = roles.series
    if roles.value and roles.value != "value":
        layout["value"] = roles.value
    if roles.templates and list(roles.templates) != ["{period}"]:
        layout["columns"] = next(iter(roles.templates))


def _by_template(
    collected: _Collected,
    templates: Mapping[str, Sequence[str]],
    headings: Mapping[str, str],
    beside: Mapping[str, str],
    stem: str,
    titles: Sequence[str],
) -> None:
    for template, names in templates.items():
        year = template_of(names[0])
        bare = template.replace("{period}", "").strip(" _-.[]()")
        words = headings[names[0]].replace(str(year[1]) if year else "", "").strip(" _-.,")
        heading = words if headings[names[0]] != names[0] else bare
        named = len(heading) > 1 and not heading.casefold().startswith("yr")
        fields = {} if template == "{period}" else {"column": template}
        longer = "" if named else " ".join(titles)
        collected.add(heading if named else stem, fields, beside.get(names[0], ""), names, longer)


def _count(texts: Texts, name: str, where: Mapping[str, str]) -> int:
    return sum(
        is_figure(cell) and all(texts[column][i] == value for column, value in where.items())
        for i, cell in enumerate(texts[name])
    )


def _measures_beside(texts: Texts, series: str) -> dict[str, str]:
    """Title of a series → its measure, where a column gives one measure for each title."""
    for name, cells in texts.items():
        pairs = {pair for pair in zip(texts[series], cells, strict=True) if all(pair)}
        one_each = pairs and len(pairs) == len({title for title, _ in pairs})
        if name != series and one_each and all(is_measure(measure) for _, measure in pairs):
            return dict(pairs)
    return {}


def _value(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if value == value else None
