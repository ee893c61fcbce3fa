"""A configuration as written: its files, those that they include, the command line, the place of each setting."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ruralpanel.project.files import unusable
from ruralpanel.project.problems import Problem, nearest, some
from ruralpanel.project.yaml import Document, at_line, load_document, text_keys, upwards

COMMAND_LINE = "--config"
"""The file of what was set on the command line."""


@dataclass(frozen=True)
class Place:
    """A path in a file of the configuration, and its line or that of the nearest path above it (0: none)."""

    file: str
    path: str
    line: int = 0

    @property
    def where(self) -> str:
        """``presets.gap.regressors (line 9)``."""
        return at_line(self.path, self.line) if self.line else self.path

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True)
class Places:
    """The way from a path of the whole configuration back to where it was written.

    Attributes
    ----------
    written : path as written → place. Paths in files of words begin with ``words.`` and the language.
    origins : path in the whole configuration → path as written, for what short forms, presets and words brought there
        (``variables.highway_km.measure`` → ``series.highway_km.in``). It holds for all paths below, too.
    """

    written: Mapping[str, Place]
    origins: Mapping[str, str] = field(default_factory=dict)

    def as_written(self, path: str) -> str:
        """The path under which a setting of the whole configuration was written."""
        for above in upwards(path):
            if above in self.origins:
                return self.origins[above] + path[len(above) :]
        return path

    def of(self, path: str) -> Place | None:
        """The place of a setting; of one that is not written that of the nearest above it, with its own path."""
        written = self.as_written(path)
        for above in upwards(written):
            if above in self.written:
                place = self.written[above]
                return replace(place, path=place.path + written[len(above) :])
        return None

    def declared(self, path: str) -> Place | None:
        """The place of a setting that is written itself, or of the first of those below it; None for a default."""
        if self.as_written(path) in self.written:
            return self.of(path)
        below = (known for known in (*self.written, *self.origins) if known.startswith((f"{path}.", f"{path}[")))
        return next(map(self.of, below), None)

    def located(self, problems: Iterable[Problem], file: str) -> list[Problem]:
        """The problems of the configuration `file` with the file, path and line where each was written, each once.

        One of what several entries share (a preset, a named setting) names them, with the fix that says most.
        """
        entries: dict[Problem, dict[str, str]] = {}
        for problem in problems:
            place = self.of(problem.where) if problem.file == file and problem.where else None
            placed = replace(problem, file=place.file, where=place.where) if place else problem
            user = ".".join(re.split(r"[.\[]", problem.where)[:2])
            if place and self.as_written(problem.where).startswith(_SHARED) and problem.where.startswith(_SHARING):
                entries.setdefault(replace(placed, fix=""), {}).setdefault(user, problem.fix)
            else:
                entries.setdefault(placed, {})
        return [
            replace(p, where=f"{p.where}, for {some(users, 3)}", fix=max(users.values(), key=len)) if users else p
            for p, users in entries.items()
        ]


_SHARED = ("presets.", "errors.", "curve_defaults.")
_SHARING = ("models.", "specification_curves.")


@dataclass
class Trail:
    """What expanding short forms leaves behind beside the values (`expand.Expanded`)."""

    file: str
    places: Mapping[str, Place]
    origins: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    torn: set[str] = field(default_factory=set)
    presets: dict[str, Mapping[str, tuple[Any, str]]] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    """Path as written of an entry under ``inference`` → that of the named setting that it stands for."""

    def report(self, where: str, found: str, expected: str, fix: str = "") -> None:
        self.problems.append(Problem(self.file, where, found, expected, fix))

    def report_twice(self, where: str, other: str) -> None:
        place = self.places.get(other)
        first = f"first as {other} in {place.file}, line {place.line}" if place else f"first as {other}"
        self.report(where, f"the key again ({first})", "each key once", "remove or rename one")

    def on_command_line(self, path: str) -> bool:
        nearest = next((self.places[above] for above in upwards(path) if above in self.places), None)
        return nearest is not None and nearest.file == COMMAND_LINE


_PATH: Mapping[str, Any] = {"": None}
_PATHS: Mapping[str, Any] = {
    **dict.fromkeys(("units", "boundaries", "corrections", "control_totals", "words", "cache"), _PATH),
    "sources": {"*": dict.fromkeys(("path", "about", "file"), _PATH)},
    "weights_matrices": {"*": {"path": _PATH}},
    "report": {
        **dict.fromkeys(("compare_with", "references", "citation"), _PATH),
        "evidence_from": {**_PATH, "*": {**_PATH, "results": _PATH}},
    },
}
"""Which keys name files and folders, ``include`` aside; ``*``: of every entry, the empty key: as text alone."""

_FETCHED = re.compile(r"cache|sources\..*\.file")
"""Those that `snakemake fetch` alone reads."""


@dataclass(frozen=True)
class Written:
    """A configuration as its files say it, short forms and all.

    Attributes
    ----------
    values : one mapping of all files; paths are relative to the folder of the first of them.
    places : path → where it is written.
    files : the file that a run names and those that it includes.
    problems : what is wrong with the files as YAML and with ``include``.
    """

    values: dict[str, Any]
    places: Mapping[str, Place]
    files: tuple[str, ...]
    problems: tuple[Problem, ...]


def read_written(path: str | Path) -> Written:
    """Read a configuration and the files that its ``include`` names, relative to it.

    A key that stands in two of them is a problem, and so is an ``include`` in an included file: whoever names another
    file with ``--configfile`` knows that nothing but what it says is read.
    """
    file = str(path)
    first = load_document(path)
    written = Written(dict(first.values), _places_in(first, file), (file,), first.problems)
    entries = written.values.pop("include", [])
    if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
        problem = _problem(written, "include", "no list of files", "a list such as [config/models.yaml]")
        return replace(written, problems=(*written.problems, problem))
    for position, entry in enumerate(entries):
        where = f"include[{position}]"
        included = os.path.normpath(os.path.join(os.path.dirname(file), os.path.expanduser(entry)))
        refusal = _not_to_be_included(written, where, entry, included)
        if refusal:
            written = replace(written, problems=(*written.problems, refusal))
        else:
            document = load_document(included)
            written = _joined(written, document, included, os.path.dirname(os.path.expanduser(entry)))
    return written


def overridden(written: Written, overrides: Mapping[str, Any]) -> Written:
    """The same with the keys that the command line sets; mappings are merged into those of the files."""
    places = dict(written.places)

    def merged(base: Mapping[str, Any], over: Mapping[str, Any], above: str) -> dict[str, Any]:
        values = dict(base)
        for key, value in over.items():
            path = f"{above}.{key}" if above else key
            if isinstance(value, Mapping) and isinstance(values.get(key), Mapping):
                values[key] = merged(values[key], value, path)
                continue
            for replaced in [known for known in places if path in upwards(known)]:
                del places[replaced]
            values[key] = value
            places[path] = Place(COMMAND_LINE, path)
        return values

    values = merged(written.values, text_keys(overrides), "")
    return replace(written, values=values, places=places)


def _places_in(document: Document, file: str) -> dict[str, Place]:
    return {path: Place(file, path, line) for path, line in document.locations.items()}


def _problem(written: Written, where: str, found: str, expected: str, fix: str = "") -> Problem:
    place = written.places[where]
    return Problem(place.file, place.where, found, expected, fix)


def _not_to_be_included(written: Written, where: str, entry: str, included: str) -> Problem | None:
    if reason := unusable(included):
        folder = os.path.dirname(included) or "."
        beside = sorted(os.listdir(folder)) if os.path.isdir(folder) and not os.path.exists(included) else []
        near = [os.path.join(os.path.dirname(entry), name) for name in beside if name.endswith((".yaml", ".yml"))]
        fix = nearest(entry, near) or f"check the path: it is relative to {written.files[0]}"
        return _problem(written, where, f'"{entry}", {reason}', "a file of the configuration", fix)
    same = next((file for file in written.files if os.path.samefile(file, included)), "")
    if same == written.files[0]:
        return _problem(written, where, f'"{entry}", which is this file itself', "other files", "take it out")
    if same:
        return _problem(written, where, f'"{entry}" twice', "each file once", "take one of them out")
    return None


def _joined(written: Written, document: Document, file: str, folder: str) -> Written:
    """What is written so far and an included file, whose paths are relative to its own folder."""
    values, problems = dict(written.values), [*written.problems, *document.problems]
    places = _places_in(document, file)
    for key, value in _rebased(document.values, folder).items():
        if key == "include":
            expected = "files included by the one that a run names only"
            problems.append(
                Problem(
                    file, places[key].where, "include in an included file", expected, f"move it to {written.files[0]}"
                )
            )
        elif values.get(key) is None:
            values[key] = value
        elif isinstance(value, Mapping) and isinstance(values[key], Mapping):
            problems += [_twice(f"{key}.{name}", written.places, places) for name in value if name in values[key]]
            values[key] = {**values[key], **value}
        elif value is not None:
            problems.append(_twice(key, written.places, places))
    return Written(values, {**places, **written.places}, (*written.files, file), tuple(problems))


def _twice(path: str, first: Mapping[str, Place], second: Mapping[str, Place]) -> Problem:
    found = f"the key again (first in {first[path].file}, line {first[path].line})"
    return Problem(second[path].file, second[path].where, found, "each key once", "remove or rename one")


def _rebased(values: Mapping[str, Any], folder: str) -> dict[str, Any]:
    """The same values, paths relative to the folder of the file that includes them."""

    def moved(_: str, path: str) -> str:
        return path if path.startswith("~") else os.path.normpath(os.path.join(folder, path))

    return _with_paths(values, _PATHS, moved, "") if folder else dict(values)


def paths_in(values: Mapping[str, Any]) -> dict[str, str]:
    """The paths of what runs read, by the key that names them in a configuration in long or short forms."""
    found: dict[str, str] = {}
    _with_paths(values, _PATHS, lambda where, path: found.setdefault(where, path), "")
    return {where: path for where, path in found.items() if not _FETCHED.fullmatch(where)}


def _with_paths(value: Any, paths: Mapping[str, Any], change: Callable[[str, str], str], where: str) -> Any:
    if isinstance(value, str) and "" in paths:
        return change(where, value)
    if not isinstance(value, Mapping):
        return value
    known = {key: paths.get(key, paths.get("*", {})) for key in value}
    return {
        key: _with_paths(part, known[key], change, f"{where}.{key}" if where else key) for key, part in value.items()
    }
