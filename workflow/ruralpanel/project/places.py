"""Where each setting of a configuration was written: the file, the line and the path there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from ruralpanel.project.problems import Problem
from ruralpanel.project.yaml import at_line, upwards

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

        One of what several entries share (a preset, a named setting) names them.
        """
        entries: dict[Problem, list[str]] = {}
        for problem in problems:
            place = self.of(problem.where) if problem.file == file and problem.where else None
            if place is None:
                entries.setdefault(problem, [])
                continue
            users = entries.setdefault(replace(problem, file=place.file, where=place.where), [])
            if self.as_written(problem.where).startswith(_SHARED) and problem.where.startswith(_SHARING):
                users.append(".".join(re.split(r"[.\[]", problem.where)[:2]))
        return [replace(p, where=f"{p.where}, for {_some(users)}") if users else p for p, users in entries.items()]


_SHARED = ("presets.", "errors.", "curve_defaults.")
_SHARING = ("models.", "specification_curves.")
_NAMED = 3


def _some(names: Iterable[str]) -> str:
    """The first names, and how many more there are."""
    each = list(dict.fromkeys(names))
    more = len(each) - _NAMED
    return ", ".join(each[:_NAMED]) + (f" and {more} more" if more > 0 else "")


@dataclass
class Trail:
    """What expanding short forms leaves behind beside the values (`expand.Expanded`)."""

    file: str
    places: Mapping[str, Place]
    origins: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    torn: set[str] = field(default_factory=set)
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
