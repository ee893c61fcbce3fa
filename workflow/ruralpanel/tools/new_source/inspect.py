"""Look at a file and write the configuration entry that would read it, tried, with what is unsure about it."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from ruralpanel.data.adapters import grids, text
from ruralpanel.data.adapters.cells import remarks_of
from ruralpanel.data.adapters.registry import read
from ruralpanel.project.kinds.adapters import NBS_EXPORT
from ruralpanel.project.periods import shown, year_of
from ruralpanel.project.problems import Problem, UserError
from ruralpanel.project.sidecars import SourceSpec, series_spec
from ruralpanel.project.units import Units
from ruralpanel.tools.new_source import regional, tables
from ruralpanel.tools.new_source.grid import locate
from ruralpanel.tools.new_source.headings import base_measure, measured
from ruralpanel.tools.new_source.series import sidecar
from ruralpanel.tools.new_source.tables import Found

_MOST_TRIED = 200_000


def tried(file: Path, part: Found, units: Units | None) -> Found:
    """The entry with what the adapter reads by it; what the adapter refuses becomes a doubt."""
    if part.figures > _MOST_TRIED:
        return part
    # The year that users must write in is any year here.
    layout = {key: 2000 if value == "YYYY" else value for key, value in part.layout.items()}
    series = {key: series_spec(key, fields) for key, fields in part.series.items()}
    try:
        cells = read(SourceSpec("made", part.adapter, str(file), (str(file),), None, layout, series))
    except UserError as error:
        bare = {key for key, fields in part.series.items() if "measure" not in fields}
        if bare and all(problem.found.endswith("%") and "number format" in problem.found for problem in error.problems):
            named = {
                key: {**fields, **({"measure": "percent"} if key in bare else {})}
                for key, fields in part.series.items()
            }
            return tried(file, replace(part, series=named), units)
        doubts = tuple(f"as it stands the file is refused: {problem}" for problem in error.problems[:3])
        return replace(part, unsure=(*part.unsure, *doubts))
    doubts = tuple(f"{remark.where}: {remark.found}".removeprefix(": ") for remark in remarks_of(cells.attrs))
    percents = int(cells["text"].astype(str).str.endswith("%").sum())
    if percents:
        found = f"{percents} figures are stored as parts of one and shown as percent"
        doubts += (f"{found}: the measure decides what is read",)
    part = replace(part, unsure=(*part.unsure, *doubts))
    years = () if "YYYY" in part.layout.values() else tuple(sorted(set(map(shown, cells["period"]))))
    part = replace(part, figures=int(cells["value"].notna().sum()), years=years)
    return _before_their_time(part, cells, units) if units is not None and years else part


def _before_their_time(part: Found, cells: pd.DataFrame, units: Units) -> Found:
    """The entry with units declared retrospective that have figures for years before they were set up."""
    early: dict[str, list[str]] = {}
    filled = cells[cells["value"].notna()]
    for (key, name), rows in filled.groupby(["series", "unit"], observed=True):
        bearers = units.bearers(str(name))
        first = units.valid.get(bearers[0], (None, None))[0] if len(bearers) == 1 else None
        if first is not None and year_of(rows["period"].min()) < first:
            early.setdefault(str(key), []).append(bearers[0])
    if not early:
        return part
    series = {
        key: {**fields, **({"retrospective": early[key]} if key in early else {})}
        for key, fields in part.series.items()
    }
    named = ", ".join(dict.fromkeys(unit for names in early.values() for unit in names))
    doubt = f"figures of {named} for years before they were set up: taken as published later in today's boundaries"
    return replace(part, series=series, unsure=(*part.unsure, doubt))


_MOST_PARTS = 12
_MOST_FILES = 60
_MOST_VARIABLES = 20


@dataclass(frozen=True)
class Inspection:
    """An entry for ``sources`` (as plain values), what it is unsure of, and what the file holds."""

    name: str
    entry: dict[str, Any]
    unsure: tuple[str, ...] = ()
    figures: int = 0
    summary: str = ""


def inspect_source(
    path: str | Path,
    units: Units | None = None,
    folder: str | Path = ".",
    year: int | None = None,
    taken: Collection[str] = (),
) -> str:
    """The entries for a file as text: YAML to paste under ``sources`` and ``series``, then the doubts as comments.

    Parameters
    ----------
    path : any file that an adapter reads.
    units : the project's units, to find the column that names them; None: found by its heading.
    folder : of the configuration; paths below it are printed relative to it.
    year : of the figures, where no column holds it.
    taken : names of sources, series and variables that the configuration has already.

    Raises
    ------
    UserError
        A file that does not exist or that no adapter reads.
    """
    entries = inspect(path, units, folder, year, taken)
    lines = [f"# {part.name}: {part.summary}" for part in entries]
    if len(entries) > 1:
        lines.append("# One entry for each table of the file: leave out those that you do not need.")
    lines.append("# Paste what stands below the words sources and series under these words of the configuration.")
    lines.append(_yaml({"sources": {part.name: part.entry for part in entries}}))
    lines.append("# Variables take series in the measure that you want, for example:")
    lines.append(_yaml({"series": _columns(entries, taken)}))
    lines += [f"# {words}" for words in _not_shown(entries)]
    unsure = [
        f"{part.name}: {doubt}" if len(entries) > 1 else doubt for part in entries for doubt in _gathered(part.unsure)
    ]
    if unsure:
        lines += ["# Not sure, please check:", *(f"#   - {doubt}" for doubt in unsure)]
    return _printable("\n".join(lines))


def inspect_with_sidecar(
    path: str | Path,
    units: Units | None = None,
    folder: str | Path = ".",
    year: int | None = None,
    taken: Collection[str] = (),
) -> str:
    """The sidecar of a source as far as its files tell it, and the entry that names it; parameters as above.

    Raises
    ------
    UserError
        Also for a file of several tables, which need a sidecar each, and for figures without a year.
    """
    entries = inspect(path, units, folder, year, taken)
    if len(entries) > 1:
        expected = "one table, because a sidecar describes one source"
        raise UserError.at(str(path), "", f"{len(entries)} tables", expected, "leave --about out")
    if "YYYY" in entries[0].entry.get("layout", {}).values():
        raise UserError.at(str(path), "", "figures of no year", "the year", "--year 1998")
    document, entry = sidecar(Path(path), entries[0].entry)
    about = f"data/sources/{entries[0].name}.yaml"
    lines = [f"# {entries[0].name}: {entries[0].summary}"]
    lines += [f"# Save this as {about} (below the configuration) and replace the words in capitals:", _yaml(document)]
    lines += ["", "# and this goes under sources in the configuration:"]
    lines.append("\n".join(f"# {line}" for line in _yaml({entries[0].name: {**entry, "about": about}}).splitlines()))
    return _printable("\n".join([*lines, *(f"# Not sure: {doubt}" for doubt in _gathered(entries[0].unsure))]))


def inspect(
    path: str | Path,
    units: Units | None = None,
    folder: str | Path = ".",
    year: int | None = None,
    taken: Collection[str] = (),
) -> tuple[Inspection, ...]:
    """What `new-source` prints, as values: one entry for each table of the file, or for each file of a folder.

    Exports of the National Data site in one folder make one source, whose series are named after the files; files or
    sheets that differ in the year of their names only make one, too.
    """
    file = Path(path)
    if file.is_dir():
        return _folder(file, units, folder, year, taken)
    if not file.is_file():
        raise UserError.at(str(path), "", "no such file", "a file", "check the path")
    if grids.kind(file) == "empty":
        raise UserError.at(str(path), "", "an empty file", "a file with figures")
    parts = [tried(file, part, units) for part in _parts(file, units, year)]
    stem = _name(file.stem)
    names = list(taken)
    result = []
    for number, part in enumerate(parts, 1):
        suffix = re.sub(r"[^A-Za-z0-9]+", "_", part.part.lower()).strip("_") or (str(number) if part.part else "")
        name = f"{stem}_{suffix}" if len(parts) > 1 and suffix else stem
        names.append(_free(name, names))
        entry: dict[str, Any] = {"adapter": part.adapter, "path": shown_path(file, folder)}
        if part.layout:
            entry["layout"] = part.layout
        entry["series"] = part.series
        result.append(Inspection(names[-1], entry, part.unsure, part.figures, _summary(part)))
    return tuple(result)


def _name(text: str) -> str:
    """A name for a source: letters, digits and underscores of a file's name."""
    stem = re.sub(r"[^A-Za-z0-9]+", "_", text.lower()).strip("_") or "my_source"
    return stem if stem[0].isalpha() else f"source_{stem}"


def _folder(
    path: Path, units: Units | None, folder: str | Path, year: int | None, taken: Collection[str]
) -> tuple[Inspection, ...]:
    files = [file for file in sorted(path.iterdir()) if file.is_file() and not file.name.startswith((".", "~$"))]
    if not files or len(files) > _MOST_FILES:
        raise UserError.at(str(path), "", f"{len(files)} files", f"a file, or a folder of up to {_MOST_FILES}")
    entries: list[Inspection] = []
    refused: list[str] = []
    for file in files:
        try:
            entries += inspect(file, units, folder, year, [*taken, *(part.name for part in entries)])
        except UserError as error:
            refused.append(f"{file.name} was passed over: {error.problems[0].found}")
    exports = [part for part in entries if part.entry["adapter"] == NBS_EXPORT and len(part.entry["series"]) == 1]
    if len(exports) == len(files) > 1:
        series = {Path(part.entry["path"]).stem: next(iter(part.entry["series"].values())) for part in exports}
        layout = {key: value for part in exports for key, value in part.entry.get("layout", {}).items()}
        entry = {"adapter": NBS_EXPORT, "path": shown_path(path, folder), **({"layout": layout} if layout else {})}
        doubts = tuple(dict.fromkeys(doubt for part in exports for doubt in part.unsure))
        number = sum(part.figures for part in exports)
        summary = f"{number:,} figures, {len(series)} series; {exports[0].summary.partition(', ')[2]} in the first"
        return (Inspection(_free(_name(path.name), taken), {**entry, "series": series}, doubts, number, summary),)
    one = tables.joined_files([part.entry for part in entries]) if len(entries) == len(files) and not year else None
    if one is not None:
        doubts = tuple(
            dict.fromkeys(doubt for part in entries for doubt in part.unsure if not tables.about_years(doubt))
        )
        doubts += ("the years, from the names of the files: no column holds them",)
        number = sum(part.figures for part in entries)
        summary = f"{number:,} figures in {len(entries)} files; {entries[0].summary} in the first"
        entry = {**one, "path": shown_path(path, folder)}
        return (Inspection(_free(_name(path.name), taken), entry, doubts, number, summary),)
    if not entries:
        raise UserError.at(str(path), "", "no file that can be read", "files with tables", "; ".join(refused[:3]))
    return (replace(entries[0], unsure=(*entries[0].unsure, *refused)), *entries[1:])


def shown_path(file: Path, folder: str | Path) -> str:
    """A path as the configuration in `folder` names it: relative, or from the root where the two lie far apart."""
    relative = Path(os.path.relpath(file.resolve(), Path(folder).resolve())).as_posix()
    return str(file.resolve()) if relative.startswith("../../..") else relative


def _parts(file: Path, units: Units | None, year: int | None) -> list[Found]:
    kind = grids.kind(file)
    if kind in ("html", "text", "xls", "xlsx"):
        exported = regional.export(file, units)
        if exported is not None:
            return [exported]
    if kind == "html":
        table = regional.printed(file, units, year)
        if table is None:
            fix = "save the page with its table, or copy the table into a spreadsheet"
            raise UserError.at(file.name, "", "no table by region", "rows with a name and figures", fix)
        return [table]
    if kind == "text":
        return tables.text_tables(file, file.read_bytes(), units, year)
    if kind in ("xls", "xlsx"):
        return _sheets(file, units, year)
    names = tables.tables_of(file)
    if len(names) > 1:
        return _readable([(name, lambda name=name: [_base_table(file, name, units, year)]) for name in names], file)
    return [tables.entry(file, {}, units, year)]


def _base_table(file: Path, name: str, units: Units | None, year: int | None) -> Found:
    return tables.entry(file, {"from": name}, units, year, part=name)


def _sheets(file: Path, units: Units | None, year: int | None) -> list[Found]:
    sheets = tables.filled_sheets(file)
    only = len(sheets) == 1

    def look(name: str, rows: Any) -> list[Found]:
        located = locate(rows, worksheet=True)
        if located is None or located.levels > 1:
            table = regional.printed(file, units, year, name, only)
            if table is not None:
                return [table]
        return tables.sheet_tables(file, name, rows, only, units, year)

    entries = _readable([(name, lambda name=name, rows=rows: look(name, rows)) for name, rows in sheets], file)
    return entries if year else tables.joined_sheets(entries)


def _readable(parts: list[tuple[str, Any]], file: Path) -> list[Found]:
    """The entries of the parts that hold a table; the others are named among the doubts of the first."""
    entries: list[Found] = []
    refused: list[str] = []
    problems: list[Problem] = []
    for name, look in parts[:_MOST_PARTS]:
        try:
            entries += look()
        except UserError as error:
            problems += error.problems
            refused.append(f"{name} was passed over: {error.problems[0].found}")
    if not entries:
        raise UserError(problems or [Problem(file.name, "", "nothing", "a table")])
    if len(parts) > _MOST_PARTS:
        refused.append(f"{len(parts) - _MOST_PARTS} more tables were not looked at")
    first = entries[0]
    entries[0] = replace(first, unsure=(*first.unsure, *refused))
    return entries


def _summary(part: Found) -> str:
    years = (
        f"{part.years[0]}–{part.years[-1]}" if len(part.years) > 1 else "".join(map(str, part.years)) or "year unknown"
    )
    shown = f"{part.units[0]} … {part.units[-1]}" if len(part.units) > 1 else "".join(part.units)
    number = f"{len(part.units)} unit{'s' * (len(part.units) != 1)}"
    return f"{part.figures:,} figures, {number} ({shown}), {years}"


def _gathered(doubts: tuple[str, ...]) -> list[str]:
    """Doubts about several series in the same words as one."""
    told: dict[str, list[str]] = {}
    for doubt in doubts:
        key, colon, words = doubt.partition(": ")
        told.setdefault(words if colon and " " not in key else doubt, []).append(key if " " not in key else "")
    return [f"{', '.join(keys)}: {words}" if any(keys) else words for words, keys in told.items()]


def _printable(text: str) -> str:
    """The text without control signs, which a damaged file may hold and YAML refuses in comments too."""
    return "".join(sign if sign.isprintable() or sign == "\n" else "\ufffd" for sign in text)


def _free(name: str, taken: Collection[str]) -> str:
    """The name, or the first of name_2, name_3 … that nothing bears."""
    number = 2
    free = name
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free


def _not_shown(entries: tuple[Inspection, ...]) -> list[str]:
    """How many series of each entry have no column in the example."""
    return [
        f"{part.name} has {number - _MOST_VARIABLES} more series: declare them in the same way"
        for part in entries
        if (number := len(part.entry["series"])) > _MOST_VARIABLES
    ]


def _columns(entries: tuple[Inspection, ...], taken: Collection[str]) -> dict[str, dict[str, str]]:
    columns: dict[str, dict[str, str]] = {}
    for part in entries:
        for number, (key, series) in enumerate(list(part.entry["series"].items())[:_MOST_VARIABLES], 1):
            name = key if re.fullmatch(r"[A-Za-z]\w*", key, re.A) else f"{part.name}_{number}"
            free = _free(name if name not in columns else f"{part.name}_{name}", [*taken, *columns])
            measure = measured(base_measure(series["measure"])) if "measure" in series else {}
            columns[free] = {"from": f"{part.name}.{key}", **({"in": measure["measure"]} if measure else {})}
    return columns


def _yaml(values: Any) -> str:
    written = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None)
    return str(text.trimmed(written))
