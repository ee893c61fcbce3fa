"""One declared source: where its files are or come from, its sidecar, and what is wrong with either."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, takewhile
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from ruralpanel.project.files import content_of, unusable
from ruralpanel.project.kinds.adapters import ADAPTERS
from ruralpanel.project.layouts import layout_problems
from ruralpanel.project.problems import Problem, UserError, unknown
from ruralpanel.project.settings import Download, SeriesSpec
from ruralpanel.project.sidecars import Sidecar, SourceSpec, check_files, is_litter, load_sidecar, series_spec

FETCH = "run: snakemake fetch"


@dataclass(frozen=True)
class Read:
    """A source as it is declared; `faults` are what is wrong with it, `mended` what `snakemake fetch` mends of that."""

    spec: SourceSpec
    faults: tuple[Problem, ...] = ()
    mended: tuple[Problem, ...] = ()


def path_from(root: Path, text: str) -> str:
    """A declared path, relative to the working folder where it lies below it."""
    path = os.path.normpath(os.path.join(root, os.path.expanduser(text)))
    relative = os.path.relpath(path)
    return path if relative.startswith("..") and os.path.isabs(path) else relative


def read_source(name: str, values: Mapping[str, Any], root: Path, file: str) -> Read:
    """A source of the configuration with what its sidecar says.

    Parameters
    ----------
    values : the keys, which the schema accepts. root : the configuration's folder. file : its name.
    """
    where = f"sources.{name}"
    adapter = ADAPTERS.get(values["adapter"])
    live = adapter is not None and adapter.live
    path = path_from(root, values["path"])
    files, wrong = files_at(path)
    sidecar, faults, mended = _sidecar(values, root, file, where, live)
    downloads, refused = _downloads(values, root, path, file, where, live)
    faults += refused
    if sidecar and wrong in ("", _NO_FILE):
        fetched = {Path(one.target).name for one in downloads}
        (mended if live else faults).extend(check_files(sidecar, path, aside=fetched))
        downloads = tuple(_pinned(one, sidecar) for one in downloads)
        faults += [
            Problem(file, one.where, f"sha256 {one.sha256}", f"{one.content}, as {sidecar.file} declares it")
            for one in downloads
            if not one.unpack and one.content not in ("", one.sha256)
        ]
    if downloads:
        mended += _lacking(downloads, sidecar, file, where)
    if wrong and not (downloads and wrong == _NO_FILE):
        fix = FETCH if live else "check the path: it is relative to the file that names it"
        expected = "a file, a folder with files, or a glob that matches some"
        problem = Problem(file, f"{where}.path", f'"{values["path"]}", {wrong}', expected, fix)
        (mended if live else faults).append(problem)
    faults += [
        Problem(file, f"{where}.path", f'"{unread}", {reason}', "a file that can be read")
        for unread in files
        if (reason := unusable(unread))
    ]
    layout = {**(sidecar.layout if sidecar else {}), **(values.get("layout") or {})}
    faults += layout_problems(values["adapter"], layout, file, f"{where}.layout")
    if adapter is None:
        faults.append(unknown(file, f"{where}.adapter", values["adapter"], " | ".join(ADAPTERS), ADAPTERS))
    spec = SourceSpec(
        name=name,
        adapter=values["adapter"],
        path=path,
        files=files,
        about=sidecar,
        layout=layout,
        series=series_of(values.get("series") or {}, sidecar),
        downloads=downloads,
        by=values.get("by") or "",
    )
    return Read(spec, tuple(faults), tuple(mended))


def _sidecar(
    values: Mapping[str, Any], root: Path, file: str, where: str, live: bool
) -> tuple[Sidecar | None, list[Problem], list[Problem]]:
    """The sidecar, its faults, and that it is missing where fetching writes it."""
    if "about" not in values:
        return None, [], []
    place = path_from(root, values["about"])
    if reason := unusable(place):
        fix = FETCH if live else "write one (docs/data-sources.md), or remove the key"
        missing = Problem(file, f"{where}.about", f'"{values["about"]}", {reason}', "a sidecar file", fix)
        return (None, [], [missing]) if live else (None, [missing], [])
    try:
        return load_sidecar(place), [], []
    except UserError as error:
        return None, list(error.problems), []


_PLACES = frozenset({"file", "files"})


def series_of(declared: Mapping[str, Mapping[str, Any]], sidecar: Sidecar | None) -> dict[str, SeriesSpec]:
    """The series; a key given in the configuration goes over the sidecar's, whose others (breaks, years) stand."""
    series = dict(sidecar.series) if sidecar else {}
    described = (sidecar.document.get("series") if sidecar else None) or {}
    for key, item in declared.items():
        known = {k: v for k, v in (described.get(key) or {}).items() if not (k in _PLACES and _PLACES & set(item))}
        series[key] = series_spec(key, {**known, **item})
    return series


_NO_FILE = "where no file lies"
_MOST = 100_000
"""Files and folders that a place may hold: more is somebody's whole disk."""


def files_at(path: str) -> tuple[tuple[str, ...], str]:
    """The files of a place, in order, and what is wrong with the place; each empty where the other is not."""
    parts = Path(path).parts
    place = os.path.realpath(os.path.join(*takewhile(lambda part: not glob.has_magic(part), (".", *parts))))
    if os.path.isdir(place) and place in (os.sep, os.path.realpath(os.path.expanduser("~"))):
        return (), f"the whole of {place}"
    try:
        if os.path.isdir(path):
            found = list(islice(_within(path), _MOST + 1))
            if len(found) > _MOST:
                return (), f"more than {_MOST:,} files in {place}"
        elif os.path.isfile(path):
            found = [path]
        else:
            if "**" in path and _holds_more(place, _MOST):
                return (), f"more than {_MOST:,} files and folders below {place}"
            matches = (file for file in glob.glob(path, recursive=True) if os.path.isfile(file))
            found = sorted(file for file in matches if not is_litter(file))
    except OSError as error:
        return (), f"a place that cannot be read ({error.strerror})"
    return tuple(found), "" if found else _NO_FILE


def _within(folder: str) -> Iterator[str]:
    """The files of a folder, in order, and those of its parts (``year=2000``), as Parquet tables are stored."""
    for name in sorted(os.listdir(folder)):
        place = os.path.join(folder, name)
        if is_litter(name):
            continue
        if os.path.isfile(place):
            yield place
        elif "=" in name and os.path.isdir(place):
            yield from _within(place)


def _holds_more(place: str, most: int) -> bool:
    seen = 0
    for _, folders, files in os.walk(place):
        seen += len(folders) + len(files)
        if seen > most:
            return True
    return False


_OF_A_FILE = ("sha256", "bytes", "unpack", "member")
_SECRET = re.compile(r"(?:^|[_-])(?:token|passw(?:or)?d|secret|signature|sig|api_?key|credentials?)$", re.IGNORECASE)
_SCHEMES = ("http", "https", "file")


def _downloads(
    values: Mapping[str, Any], root: Path, path: str, file: str, where: str, live: bool
) -> tuple[tuple[Download, ...], list[Problem]]:
    """The files that fetching brings, and why they cannot be what is meant."""
    beside = [key for key in _OF_A_FILE if key in values]
    if "url" not in values and "file" not in values:
        fix = "the sum of a file that you have stands in the sidecar, under files"
        return (), [Problem(file, f"{where}.{key}", "no `url` beside it", "an address", fix) for key in beside]
    key = "url" if "url" in values else "file"
    if unclear := _unclear(values, key, beside, path, live):
        return (), [Problem(file, f"{where}.{key}", *unclear)]
    if isinstance(values[key], Mapping):
        entries = {
            (f"{where}.url.{name}", os.path.join(path, name)): entry if isinstance(entry, Mapping) else {"url": entry}
            for name, entry in values["url"].items()
        }
    else:
        address = values["url"] if key == "url" else Path(os.path.abspath(path_from(root, values["file"]))).as_uri()
        entries = {(f"{where}.{key}", path): {**{k: values[k] for k in beside}, "url": address}}
    found = [
        Download(
            target=target,
            url=entry["url"].strip(),
            where=place,
            sha256=entry.get("sha256", "").lower(),
            bytes=entry.get("bytes", 0),
            unpack=entry.get("unpack", ""),
            member=entry.get("member", ""),
        )
        for (place, target), entry in entries.items()
    ]
    problems = [Problem(file, one.where, *words) for one in found for words in _refused(one)]
    return (() if problems else tuple(found)), problems


def _unclear(
    values: Mapping[str, Any], key: str, beside: Sequence[str], path: str, live: bool
) -> tuple[str, str, str] | None:
    """Why the keys beside an address leave open what is put where: found, expected, fix."""
    at = f'`{key}` with the path "{values["path"]}"'
    if live:
        return f"`{key}`", "none: this adapter asks the site itself", "take it out; layout.base is the address"
    if "url" in values and "file" in values:
        fix = "take one out; a file that lies at `path` already is taken as it is, if its sum is right"
        return "`url` and `file`", "one of the two", fix
    if glob.has_magic(path):
        return at, "the one place where the file is put", "write it out"
    if isinstance(values[key], Mapping):
        if beside:
            fix = f"write url: {{NAME: {{url: https://…, {beside[0]}: …}}, …}}"
            return f"`{beside[0]}` beside several files", "it with each of them", fix
        if os.path.isfile(path):
            return f"{at}, a file", "the folder to put several files in", "name a folder"
    elif os.path.isdir(path) or values["path"].endswith("/"):
        return f"{at}, a folder", "the file itself", f"write path: {values['path'].rstrip('/')}/NAME"
    return None


def _refused(one: Download) -> Iterator[tuple[str, str, str]]:
    """What is wrong with a download in itself: found, expected, fix; words that were to be secret are not repeated."""
    by_hand = "take it out, fetch the file by hand and put it at `path`, its sum in the sidecar, under files"
    try:
        parts = urlsplit(one.url)
        host, _ = parts.hostname or "", parts.port  # each is read only now
    except ValueError:
        yield "an address that cannot be read", "one as https://…", ""
        return
    if parts.username is not None or parts.password is not None:
        yield f"a user name or password in the address at {host}", "an address without", by_hand
    elif any(_SECRET.search(name) for name, _ in parse_qsl(parts.query, keep_blank_values=True)):
        yield f"a key or token in the address at {host}", "an address without", by_hand
    elif parts.scheme.lower() not in _SCHEMES:
        yield f'"{shown(one.url)}"', "an address that begins with https://, http:// or file://", ""
    elif parts.scheme.lower() == "file":
        if host not in ("", "localhost") or not parts.path.startswith("/"):
            yield f'"{shown(one.url)}"', "the whole path of a file, as file:///home/me/file.csv", "or name it by `file`"
    elif not host or re.search(r"\s", one.url):
        yield f'"{shown(one.url)}"', "an address with a host and without blanks", "write a blank as %20"
    if one.member and not one.unpack:
        yield "`member` without `unpack`", "the kind of archive that it is in", "unpack: zip"


def shown(url: str) -> str:
    """An address as it may be printed: without what may be secret in it (names, passwords, its query)."""
    parts = urlsplit(url)
    if parts.scheme.lower() == "file":
        return unquote(parts.path)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}{'?…' if parts.query else ''}"


def size(number: int) -> str:
    """Bytes in words: ``3.8 MB``; empty for none."""
    amount, units = float(number), ["bytes", "kB", "MB", "GB"]
    while amount >= 1000 and len(units) > 1:
        amount, units = amount / 1000, units[1:]
    return f"{amount:.3g} {units[0]}" if number else ""


def _pinned(one: Download, sidecar: Sidecar) -> Download:
    """With the sum that the sidecar declares: of what is unpacked, else of what comes where that is not declared."""
    said = sidecar.files.get(Path(one.target).name, "")
    return replace(one, content=said, sha256=one.sha256 or ("" if one.unpack else said))


def _lacking(downloads: Iterable[Download], sidecar: Sidecar | None, file: str, where: str) -> Iterator[Problem]:
    """What keeps files from being read that fetching brings."""
    licence = sidecar.licence if sidecar else ""
    for one in downloads:
        present = content_of(one.target)
        if not present:
            told = f"{size(one.bytes) or 'size not declared'}; licence: {licence or 'not declared'}"
            found, expected = f'"{one.target}", {unusable(one.target)}', f"the file from {shown(one.url)} ({told})"
            yield Problem(file, f"{where}.path", found, expected, FETCH)
        elif one.wanted and present != one.wanted:
            found = f'"{one.target}" with another content: sha256 {present}'
            fix = f"move it to another name, then {FETCH}; or keep it: take the address and the sum out"
            yield Problem(file, f"{where}.path", found, f"sha256 {one.wanted}, as declared", fix)
        if one.remote and not one.sha256:
            known = present and not one.unpack
            fix = f"write sha256: {present}" if known else f"{FETCH}, which prints the line to write"
            found, expected = "no sha256 beside it", "the sum of the file, so that another is noticed"
            yield Problem(file, one.where, found, expected, fix)
