"""Renew one live source: ask the site, check the answers as any source is, replace the old ones, write the sidecar."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from ruralpanel.data.adapters import nbs_api
from ruralpanel.data.adapters.titles import same_title
from ruralpanel.project.files import sha256_of, write_json, write_text
from ruralpanel.project.kinds.adapters import NbsApiLayout
from ruralpanel.project.problems import Problem, UserError, raise_any
from ruralpanel.project.settings import SeriesSpec
from ruralpanel.project.sidecars import SourceSpec, load_sidecar
from ruralpanel.project.units import Units
from ruralpanel.project.yaml import parse_document, read_text
from ruralpanel.tools.fetch import plan
from ruralpanel.tools.fetch.client import Client, Manners
from ruralpanel.tools.fetch.vintages import (
    Change,
    Figures,
    Store,
    begin,
    changes,
    changes_csv,
    discard,
    fetched_entries,
    figures_of,
    finish,
    losses,
    mend,
    require_own,
    summary,
    swap,
    write_answer,
)

BASE = "https://data.stats.gov.cn/dg/website/publicrelease/web/external"
ROOT = "c4d82af16c3d4f0cb4f09d4af7d5888e"
LIBRARY = "6"

Report = Callable[[str], None]


@dataclass(frozen=True)
class Fetched:
    """What a fetch brought: `asked` questions, `kept` answers of an interrupted run, and what differs."""

    source: str
    figures: int
    asked: int
    kept: int
    changes: tuple[Change, ...]
    lines: tuple[str, ...]


def with_sidecar(source: SourceSpec, about: str | Path) -> SourceSpec:
    """The source with the series and layout of its sidecar, even where that does not describe the files any more."""
    if source.about is not None or not Path(about).is_file():
        return source
    sidecar = load_sidecar(about)
    return replace(
        source,
        about=sidecar,
        layout={**sidecar.layout, **source.layout},
        series={**sidecar.series, **source.series},
    )


def scope_of(source: SourceSpec, units: Units) -> plan.Scope:
    """What the layout of a source asks for.

    Raises
    ------
    UserError
        No years; regions without a code; no series to look for; where to look, although `cids` says it.
    """
    layout = NbsApiLayout.of(source.layout)
    problems = []
    years = layout.years
    whole = isinstance(years, list) and len(years) == 2 and all(isinstance(y, int) for y in years)
    if not whole or years[0] > years[1]:  # type: ignore[index]
        problems.append(Problem(source.name, "layout.years", repr(years), "first and last year", "years: [2005, 2024]"))
    if not source.series:
        problems.append(
            Problem(source.name, "series", "no series", "the series to fetch", "series: {key: {title_in_file: …}}")
        )
    regions = _regions(layout.regions, units)
    if not regions:
        found = f"no unit of {units.file} with a 6-digit code"
        problems.append(
            Problem(source.name, "layout.regions", found, "name → 12-digit code", 'regions: {广东省: "440000000000"}')
        )
    cids = layout.cids or {}
    by_series = cids if isinstance(cids, Mapping) else {"": cids}
    if by_series and ("" in by_series or all(key in by_series for key in source.series)):
        expected = "a key for walking the tree, which layout.cids spares"
        problems += [
            Problem(source.name, f"layout.{key}", repr(value), expected, "leave it or cids out")
            for key, value in (("under", layout.under), ("library", layout.library))
            if value
        ]
    raise_any(problems)
    return plan.Scope(
        root=layout.root or ROOT,
        code=str(layout.library or LIBRARY),
        years=(int(years[0]), int(years[1])),  # type: ignore[index]
        regions=regions,
        under=tuple(layout.under),
        cids={key: (ids,) if isinstance(ids, str) else tuple(ids) for key, ids in by_series.items()},
        years_per_request=layout.years_per_request,
        regions_per_request=layout.regions_per_request,
    )


def _regions(declared: Mapping[str, str], units: Units) -> tuple[tuple[str, str], ...]:
    if declared:
        return tuple((str(name), str(code)) for name, code in declared.items())
    regions = []
    for unit in units.ids:
        code = str(units.attributes[unit].get("code", ""))
        name = str(units.attributes[unit].get("name_zh_full") or units.label(unit, "zh"))
        regions += [(name, code.ljust(12, "0"))] if code.isdigit() and len(code) == 6 else []
    return tuple(regions)


def fetch(
    source: SourceSpec,
    about: str | Path,
    units: Units,
    today: date,
    report: Report,
    sleep: Callable[[float], None] = time.sleep,
) -> Fetched:
    """Ask for all series of a source and replace its folder and sidecar once everything is there and right.

    Parameters
    ----------
    source : its `path` is the folder of the answers (created where it is missing).
    about : the sidecar, written where it is missing, else renewed (`renewed`).
    units : the regions to ask for, unless the layout names them.
    today : the date of retrieval.
    report : told of the progress, one line at a time.
    sleep : how to pause.

    Raises
    ------
    UserError
        Whatever goes wrong, also files in the folder that no fetch has written; the folder and the sidecar are then
        as they were, and the answers that have come are kept for the next attempt.
    """
    folder = _folder_of(source)
    source = with_sidecar(source, about)
    described = source.described.document
    if Path(about).exists() and not Path(about).is_file():
        raise UserError.at(source.name, "about", f'the folder "{about}"', "the sidecar, a file")
    mend(folder, described)
    require_own(folder, described, f"{source.name}: path {source.path}")
    scope = scope_of(source, units)
    layout = NbsApiLayout.of(source.layout)
    manners = Manners(pause=float(layout.pause), attempts=layout.attempts, timeout=float(layout.timeout))
    client = Client(layout.base or BASE, manners, plan.well_formed, sleep)
    store = Store(folder, client, today)
    sets = plan.data_sets(scope, source.series, store.ask, report)
    known = plan.indicators(sets, store.ask, report)
    wanted = plan.matched(source.series, sets, known, source.name)
    questions = plan.questions(scope, wanted)
    for number, question in enumerate(questions, 1):
        report(f"figures: request {number} of {len(questions)}")
        store.ask(question.request)
    new = begin(folder, [*(question.file for question in questions), nbs_api.CATALOGUE])
    try:
        for question in questions:
            write_answer(new / question.file, store.ask(question.request))
        write_json(new / nbs_api.CATALOGUE, _catalogue(sets, known))
        fresh = figures_of(nbs_api.read(_at(source, new)), units)
        old, remarks = _previous(source, folder, units)
        revisions = changes(old, fresh)
        lost = losses(old, revisions, source.name)
        if lost:
            store.clear()  # what an outage has answered must be asked again
            raise UserError(lost)
        text = _sidecar_text(source, about, new, questions, store, client.base, today)
        finish(new)
        swap(new, folder, described)
    finally:
        discard(new)
    write_text(about, text)
    store.clear()
    lines = (*remarks, *summary(revisions, source.series), *_without_figures(scope, fresh, units))
    return Fetched(source.name, len(fresh), store.asked, store.kept, revisions, lines)


def write_changes(fetched: Fetched, path: str | Path) -> None:
    """Write the changes as CSV."""
    write_text(path, changes_csv(fetched.changes))


def _folder_of(source: SourceSpec) -> Path:
    """The folder of the answers; where `path` is a link, the folder that it leads to."""
    folder = Path(os.path.realpath(source.path))
    if folder.exists() and not folder.is_dir():
        raise UserError.at(source.name, "path", f'the file "{source.path}"', "a folder for the answers")
    if not folder.name:
        raise UserError.at(source.name, "path", f'"{source.path}"', "a folder of its own for the answers")
    return folder


def _catalogue(sets: tuple[plan.DataSet, ...], known: tuple[plan.Indicator, ...]) -> dict[str, Any]:
    paths = {data_set.cid: list(data_set.path) for data_set in sets}
    return {
        "data_sets": [
            {
                "cid": cid,
                "path": path,
                "indicators": [
                    {"_id": i.id, "i_showname": i.name, "measure": i.measure, "i_mark": i.note}
                    for i in known
                    if i.cid == cid
                ],
            }
            for cid, path in paths.items()
        ]
    }


def _previous(source: SourceSpec, folder: Path, units: Units) -> tuple[Figures, tuple[str, ...]]:
    """The figures of the last vintage, and what is to be said of it."""
    held = _at(source, folder)
    if not held.files:
        return {}, ("no earlier vintage: every figure is new",)
    try:
        cells = nbs_api.read(replace(held, series={}))
    except UserError as error:
        return {}, (f"the earlier vintage cannot be read, so that nothing is compared ({error.problems[0]})",)
    keys = {
        name: key
        for name in map(str, cells["series"].cat.categories)
        for key, spec in source.series.items()
        if same_title(name, nbs_api.title_of(spec))
    }
    wanted = cells[cells["series"].isin(list(keys))]
    return figures_of(wanted.assign(series=wanted["series"].astype("str").map(keys)), units), ()


def _at(source: SourceSpec, folder: Path) -> SourceSpec:
    return replace(source, path=str(folder), files=tuple(str(path) for path in sorted(folder.glob("*.json"))))


def _sidecar_text(
    source: SourceSpec,
    about: str | Path,
    new: Path,
    questions: tuple[plan.Question, ...],
    store: Store,
    base: str,
    today: date,
) -> str:
    described = source.described.document
    by_hand = {*(described.get("files") or {})} - {*fetched_entries(described)}
    files = {name: described["files"][name] for name in described.get("files") or {} if name in by_hand}
    for question in questions:
        entry = {"sha256": sha256_of(new / question.file), "request": str(question.request)}
        day = store.obtained(question.request)
        files[question.file] = entry if day == today.isoformat() else {**entry, "accessed": day}
    files[nbs_api.CATALOGUE] = {"sha256": sha256_of(new / nbs_api.CATALOGUE)}
    facts = {
        "accessed": today.isoformat(),
        "obtained": f"Fetched from {base} by snakemake fetch; each file is the answer to one request.",
        "files": files,
    }
    if not Path(about).is_file():
        return new_sidecar(source.series, facts)
    text, problem = read_text(about)
    if problem:
        raise UserError(problem)
    return renewed(text, str(about), facts)


def _without_figures(scope: plan.Scope, fresh: Figures, units: Units) -> list[str]:
    """Regions that were asked for and of which nothing came."""
    present = {unit for _, unit, _ in fresh}
    absent = [name for name, _ in scope.regions if (units.match(name) or name) not in present]
    return [f"no figure at all for {', '.join(absent)}"] if absent else []


_TOP = re.compile(r"^([A-Za-z_]\w*):")


def new_sidecar(series: Mapping[str, SeriesSpec], facts: Mapping[str, Any]) -> str:
    """A sidecar for a source that has none yet; `facts` as for `renewed`."""
    entries = {}
    for key, spec in series.items():
        entry = {"label": spec.label or spec.title_in_file or key, "label_zh": spec.label_zh, "measure": spec.measure}
        entry |= {"title_in_file": spec.title_in_file, "counts": spec.note}
        entries[key] = {name: value for name, value in entry.items() if value}
    values = {
        "publisher": "National Bureau of Statistics of China",
        "title": "National Data (国家数据), annual by province (分省年度数据)",
        "url": "https://data.stats.gov.cn",
        "licence": "official statistics; terms of the publisher",
        **facts,
        "series": entries,
    }
    return _dump(values)


def renewed(text: str, file: str, facts: Mapping[str, Any]) -> str:
    """A sidecar's text with the top-level keys in `facts` replaced, comments and all other keys as they are.

    Raises
    ------
    UserError
        A file that is no YAML, or one whose other keys the replacement would change.
    """
    before = parse_document(text, file)
    raise_any(before.problems)
    blocks: list[tuple[str, list[str]]] = [("", [])]
    for line in text.splitlines(keepends=True):
        match = _TOP.match(line)
        if match:
            blocks.append((match[1], [line]))
        else:
            blocks[-1][1].append(line)
    written = set()
    parts = []
    for name, lines in blocks:
        if name in facts:
            written.add(name)
            parts.append(_dump({name: facts[name]}) + "".join(_remarks_below(lines)))
        else:
            parts.append("".join(lines))
    result = "".join(parts)
    result += "" if result.endswith("\n") or not result else "\n"
    result += "".join(_dump({name: value}) for name, value in facts.items() if name not in written)
    after = parse_document(result, file)
    kept = {name: value for name, value in after.values.items() if name not in facts}
    if after.problems or kept != {name: value for name, value in before.values.items() if name not in facts}:
        raise UserError.at(
            file,
            "",
            "keys that cannot be told apart line by line",
            "each top-level key at the beginning of a line",
            "write the sidecar in block style, or move it away to have it written anew",
        )
    return result


def _remarks_below(lines: list[str]) -> list[str]:
    """Comments and blank lines between a block and the next key."""
    last = max(i for i, line in enumerate(lines) if line.strip() and not line.startswith("#"))
    return lines[last + 1 :]


def _dump(values: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True, width=120)
