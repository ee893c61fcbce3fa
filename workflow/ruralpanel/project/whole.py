"""A whole configuration in its long form: what files and command line say, short forms expanded, words put in place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruralpanel.project.expand import SHORT, expand
from ruralpanel.project.presets import untaken
from ruralpanel.project.problems import Problem, raise_any
from ruralpanel.project.schema import check_against
from ruralpanel.project.words import with_words
from ruralpanel.project.written import Place, Places, overridden, read_written
from ruralpanel.project.yaml import upwards

SCHEMA = Path(__file__).resolve().parents[2] / "schemas" / "short.schema.yaml"


@dataclass(frozen=True)
class Whole:
    """A configuration in its long form.

    Attributes
    ----------
    values : sections as `project/sections` and `project/kinds` describe them; not yet held against it.
    places : where each of its settings was written.
    files : all files that it was read from. idle_words : where words stand for what nothing declares.
    problems : of the short forms; their paths are those as written. torn : entries of which they leave a part only.
    untaken : what is shared and nothing takes over (`presets.untaken`); not yet held against the schema.
    """

    file: str
    values: dict[str, Any]
    places: Places
    files: tuple[str, ...]
    idle_words: tuple[Place, ...]
    problems: tuple[Problem, ...]
    torn: frozenset[str]
    untaken: Mapping[str, Any]

    def with_problems(self, problems: Iterable[Problem]) -> list[Problem]:
        """The problems of the short forms, and of the long form those that do not follow from them, where written."""
        wrong = {self.places.as_written(problem.where) for problem in self.problems if problem.file == self.file}
        others = [
            problem
            for problem in problems
            if problem.file != self.file
            or not (
                wrong & set(upwards(self.places.as_written(problem.where))) or self.torn & set(upwards(problem.where))
            )
        ]
        return self.places.located([*self.problems, *others], self.file)


def read_whole(path: str | Path, overrides: Mapping[str, Any] | None = None) -> Whole:
    """Read a configuration with all that it includes.

    Raises
    ------
    UserError
        Files that cannot be read, that are no YAML or that say the same key; words that are nowhere.
    """
    file = str(path)
    written = read_written(path)
    raise_any(written.problems)
    if overrides:
        written = overridden(written, overrides)
    short = {key: value for key, value in written.values.items() if key in SHORT}
    problems = check_against(short, SCHEMA, file)
    expanded = expand(written.values, written.places, file)
    places = Places(written.places, expanded.origins)
    folder = short.get("words")
    if "words" in short and not (folder and isinstance(folder, str)):
        raise_any(places.located(problems, file))
    worded = with_words(expanded.values, folder, Path(path).parent, places, file)
    raise_any(places.located(worded.unread, file))
    return Whole(
        file=file,
        values=worded.values,
        places=Places({**written.places, **worded.places}, {**expanded.origins, **worded.origins}),
        files=(*written.files, *worded.files),
        idle_words=worded.idle,
        problems=(*problems, *expanded.problems, *worded.problems),
        torn=expanded.torn,
        untaken=untaken(written.values, expanded.origins),
    )
