"""Which questions fetch the wanted series: walk the tree of data sets, match indicators by name, cut into batches."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ruralpanel.data.adapters import text
from ruralpanel.data.adapters.nbs_api import title_of
from ruralpanel.data.adapters.titles import same_title, split_measure
from ruralpanel.project.problems import Problem, did_you_mean, raise_any
from ruralpanel.project.settings import SeriesSpec
from ruralpanel.tools.fetch.client import Request

TREE, INDICATORS, FIGURES = "/new/queryIndexTreeAsync", "/new/queryIndicatorsByCid", "/stream/esData"
_INDICATORS_PER_REQUEST = 50
_NO_NAME = re.compile(r"[^0-9A-Za-z-]")  # an id comes from the site: in a file's name it must lead nowhere else

Ask = Callable[[Request], Mapping[str, Any]]


@dataclass(frozen=True)
class Scope:
    """What is asked for, and where it is looked for.

    Attributes
    ----------
    root, code : the tree of data sets: its root's id, and the number of the library (6: annual by province).
    years : first and last. regions : name and 12-digit code of each.
    under : paths of folders (``农业 > 乡村``) below which data sets are looked for; empty: everywhere.
    cids : series → ids of its data sets; ``""`` holds ids for all series. Where both are empty the tree is walked.
    """

    root: str
    code: str
    years: tuple[int, int]
    regions: tuple[tuple[str, str], ...]
    under: tuple[str, ...] = ()
    cids: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    years_per_request: int = 20
    regions_per_request: int = 10


@dataclass(frozen=True)
class DataSet:
    """A leaf of the tree; `path` are the names of the folders above it and its own."""

    cid: str
    path: tuple[str, ...] = ()
    series: str = ""


@dataclass(frozen=True)
class Indicator:
    """An indicator of a data set; `note` is the site's remark on what it counts."""

    cid: str
    id: str
    name: str
    measure: str
    note: str = ""


@dataclass(frozen=True)
class Question:
    """A request for figures and the name of the file that keeps its answer."""

    request: Request
    file: str


def well_formed(request: Request, answer: Mapping[str, Any]) -> str:
    """What is wrong with the form of an answer; empty where nothing is."""
    data = answer["data"]
    if request.path == INDICATORS:
        listed = data.get("list") if isinstance(data, Mapping) else data
        if not isinstance(listed, list) or not all(isinstance(e, Mapping) and e.get("_id") for e in listed):
            return "an answer without a list of indicators"
        total = data.get("total") if isinstance(data, Mapping) else None
        return f"{len(listed)} of {total} indicators" if isinstance(total, int) and total > len(listed) else ""
    if not isinstance(data, list) or not all(isinstance(entry, Mapping) for entry in data):
        return "an answer without a list"
    if request.path == TREE:
        return "" if all(node.get("_id") for node in data) else "folders and data sets without _id"
    values = [value for period in data for value in period.get("values") or ()]
    whole = all(isinstance(value, Mapping) and value.get("_id") for value in values)
    return "" if whole and all(period.get("code") for period in data) else "figures without indicator or period"


def data_sets(scope: Scope, series: Collection[str], ask: Ask, report: Callable[[str], None]) -> tuple[DataSet, ...]:
    """The data sets to look into: those named in `Scope.cids`; for other series all leaves that cover the years.

    Raises
    ------
    UserError
        A series in `Scope.cids` that is not fetched; a folder of `Scope.under` that the tree does not have; a tree
        without a data set.
    """
    raise_any(
        Problem("layout.cids", key, "no such series", "a series of the source", did_you_mean(key, series))
        for key in scope.cids
        if key and key not in series
    )
    named = tuple(DataSet(cid, series=key) for key, cids in scope.cids.items() for cid in cids)
    if "" in scope.cids or all(key in scope.cids for key in series):
        return named
    return (*named, *_leaves(scope, ask, report))


def _leaves(scope: Scope, ask: Ask, report: Callable[[str], None]) -> tuple[DataSet, ...]:
    wanted = [tuple(text.squeezed(part) for part in path.split(">")) for path in scope.under]
    leaves: list[DataSet] = []
    names: dict[str, None] = {}
    met = set[tuple[str, ...]]()
    seen = {scope.root}
    waiting: list[tuple[str, tuple[str, ...]]] = [(scope.root, ())]
    while waiting:
        parent, above = waiting.pop(0)
        for node in ask(Request(TREE, (("pid", parent), ("code", scope.code))))["data"]:
            path = (*above, text.plain(str(node.get("name", ""))))
            names[" > ".join(path)] = None
            squeezed = tuple(map(text.squeezed, path))
            met |= {way for way in wanted if squeezed == way}
            on_way = not wanted or any(squeezed[: len(way)] == way[: len(squeezed)] for way in wanted)
            ident = str(node["_id"])
            if ident in seen or not on_way:
                continue
            seen.add(ident)
            if node.get("isLeaf"):
                leaves += [DataSet(ident, path)] if _covers(node, scope.years) else []
            else:
                waiting.append((ident, path))
        report(f"catalogue: {len(leaves)} data sets, {len(waiting)} folders to open")
    problems = [
        Problem("layout.under", way, "no such folder", "a folder of the site's tree", did_you_mean(way, names))
        for way, parts in zip(scope.under, wanted, strict=True)
        if parts not in met
    ]
    if not leaves and not problems:
        first, last = scope.years
        problems.append(Problem("layout.root", scope.root, f"no data set for {first}–{last}", "a tree with data sets"))
    raise_any(problems)
    return tuple(leaves)


def indicators(sets: Sequence[DataSet], ask: Ask, report: Callable[[str], None]) -> tuple[Indicator, ...]:
    """All indicators of the data sets, in their order."""
    known: list[Indicator] = []
    cids = tuple(dict.fromkeys(data_set.cid for data_set in sets))
    for number, cid in enumerate(cids, 1):
        answer = ask(Request(INDICATORS, (("cid", cid), ("dt", ""), ("name", ""))))
        data = answer["data"]
        listed = data.get("list") if isinstance(data, Mapping) else data
        for entry in listed or ():
            name = text.plain(str(entry.get("i_showname") or ""))
            measure = split_measure(name)[1] or text.plain(str(entry.get("du_name") or ""))
            known.append(Indicator(cid, str(entry["_id"]), name, measure, str(entry.get("i_mark") or "").strip()))
        report(f"indicators: {number} of {len(cids)} data sets")
    return tuple(known)


def matched(
    series: Mapping[str, SeriesSpec], sets: Sequence[DataSet], known: Sequence[Indicator], source: str
) -> dict[str, tuple[Indicator, ...]]:
    """Series → its indicators by name, one or more (a long series is split over several data sets).

    Raises
    ------
    UserError
        Series whose name no indicator has, with the nearest names.
    """
    allowed: dict[str, set[str]] = {}
    for data_set in sets:
        allowed.setdefault(data_set.series, set()).add(data_set.cid)
    matches: dict[str, tuple[Indicator, ...]] = {}
    problems = []
    for key, spec in series.items():
        cids = allowed.get(key, allowed.get("", set()))
        within = [indicator for indicator in known if indicator.cid in cids]
        matches[key] = tuple(indicator for indicator in within if same_title(indicator.name, title_of(spec)))
        if not matches[key]:
            names = dict.fromkeys(split_measure(indicator.name)[0] for indicator in within)
            problems.append(
                Problem(
                    source,
                    f"series.{key}",
                    f"no indicator {text.quoted(title_of(spec))} in {len(cids)} data sets",
                    "the name that the site gives it, as title_in_file",
                    did_you_mean(title_of(spec), names),
                )
            )
    raise_any(problems)
    return matches


def questions(scope: Scope, matches: Mapping[str, Sequence[Indicator]]) -> tuple[Question, ...]:
    """The requests for figures: by data set, then indicators, years and regions in batches."""
    by_set: dict[str, list[str]] = {}
    for indicator in dict.fromkeys(
        indicator for indicators_of_set in matches.values() for indicator in indicators_of_set
    ):
        by_set.setdefault(indicator.cid, []).append(indicator.id)
    first, last = scope.years
    spans = [
        (year, min(year + scope.years_per_request - 1, last))
        for year in range(first, last + 1, scope.years_per_request)
    ]
    return tuple(
        Question(
            Request(FIGURES, body=_body(scope, cid, ids, regions, span)),
            f"{_NO_NAME.sub('_', cid)}_{span[0]}-{span[1]}_{number:02d}.json",
        )
        for cid, indicators_of_set in by_set.items()
        for span in spans
        for number, (ids, regions) in enumerate(
            (
                (ids, regions)
                for ids in _batches(indicators_of_set, _INDICATORS_PER_REQUEST)
                for regions in _batches(scope.regions, scope.regions_per_request)
            ),
            1,
        )
    )


def _body(scope: Scope, cid: str, ids: Sequence[str], regions: Sequence[tuple[str, str]], span: tuple[int, int]) -> str:
    values = {
        "cid": cid,
        "indicatorIds": list(ids),
        "daCatalogId": "",
        "das": [{"text": name, "value": code} for name, code in regions],
        "showType": "1",
        "dts": [f"{span[0]}YY-{span[1]}YY"],
        "rootId": scope.root,
    }
    return json.dumps(values, ensure_ascii=False)


def _batches(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _covers(node: Mapping[str, Any], years: tuple[int, int]) -> bool:
    """Whether a data set's years (``sdate``, ``edate``; blank: open) meet the wanted ones."""
    ends = []
    for key, default in (("sdate", years[0]), ("edate", years[1])):
        written = str(node.get(key) or "")[:4]
        ends.append(int(written) if written.isdigit() and len(written) == 4 else default)
    return ends[0] <= years[1] and ends[1] >= years[0]
