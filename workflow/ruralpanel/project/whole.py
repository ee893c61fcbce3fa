"""A whole configuration in its long form: files, command line, short forms, words; and which words a language lacks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ruralpanel.project.config_schema import config_schema
from ruralpanel.project.expand import SHORT, expand
from ruralpanel.project.presets import untaken
from ruralpanel.project.problems import Problem, raise_any
from ruralpanel.project.schema import ABSENT, check_against
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
    problems : of files of words and short forms; their paths are those as written.
    torn : entries of which these leave a part only.
    untaken : what is shared and nothing takes over (`presets.untaken`); not yet held against the schema.
    presets : as of `expand.Expanded`. words_unread : some file of words could not be read, so that words may lack.
    """

    file: str
    values: dict[str, Any]
    places: Places
    files: tuple[str, ...]
    idle_words: tuple[Place, ...]
    problems: tuple[Problem, ...]
    torn: frozenset[str]
    untaken: Mapping[str, Any]
    presets: Mapping[str, Mapping[str, tuple[Any, str]]]
    words_unread: bool = False

    def with_problems(self, problems: Iterable[Problem]) -> list[Problem]:
        """The problems of the short forms, and of the long form those that do not follow from them, where written."""
        wrong = {self.places.as_written(problem.where) for problem in self.problems if problem.file == self.file}
        others = [
            problem
            for problem in problems
            if problem.file != self.file
            or not (
                wrong & set(upwards(self.places.as_written(problem.where)))
                or self.torn & set(upwards(problem.where))
                or (self.words_unread and problem.found == ABSENT and problem.where.rpartition(".")[2] in _texts())
            )
        ]
        return self.places.located([*self.problems, *others], self.file)


def read_whole(path: str | Path, overrides: Mapping[str, Any] | None = None) -> Whole:
    """Read a configuration with all that it includes.

    Raises
    ------
    UserError
        Files that cannot be read, that are no YAML or that say the same key.
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
    return Whole(
        file=file,
        values=worded.values,
        places=Places({**written.places, **worded.places}, {**expanded.origins, **worded.origins}),
        files=(*written.files, *worded.files),
        idle_words=worded.idle,
        problems=(*problems, *expanded.problems, *worded.unread, *worded.problems),
        torn=expanded.torn,
        untaken=untaken(written.values, expanded.origins),
        presets=expanded.presets,
        words_unread=bool(worded.unread),
    )


@cache
def _texts() -> frozenset[str]:
    """The keys that hold words: those with a twin in Chinese."""

    def of(part: Any) -> Iterator[str]:
        if isinstance(part, Mapping):
            keys = part.get("properties", {})
            yield from (key for key in keys if f"{key}_zh" in keys)
            for inner in part.values():
                yield from of(inner)

    return frozenset(of(config_schema())) - _NOUNS


_NOUNS = frozenset(("unit", "units", "period", "periods"))
_WITHOUT_WORDS = frozenset(("sources", "weights_matrices", "defaults", "checks", "specification_curves"))
_LATIN, _HAN = re.compile("[A-Za-z]"), re.compile("[\u4e00-\u9fff]")


def lacking(values: Mapping[str, Any], language: str) -> tuple[str, ...]:
    """Paths of words that a long configuration has in another language and not in this one.

    Words without letters are those of every language, and Chinese words are Chinese under whatever key they stand.
    """
    sections = {key: value for key, value in values.items() if key not in _WITHOUT_WORDS}
    return tuple(_lacking(sections, "", language))


def _lacking(holder: Any, path: str, language: str) -> Iterator[str]:
    if isinstance(holder, list):
        for position, item in enumerate(holder):
            yield from _lacking(item, f"{path}[{position}]", language)
    if not isinstance(holder, Mapping):
        return
    words = _texts() | _NOUNS if path.endswith((".nouns", ".plain")) else _texts()
    told = set()
    for key, value in holder.items():
        word = key.removesuffix("_zh")
        # An entry may be called like a kind of words; labels are keys and values themselves, and so are names, each of
        # which is a word as it stands.
        several = word == "labels" or (word == "names" and not path and language != "en")
        if word not in words or (isinstance(value, Mapping) and not several):
            yield from _lacking(value, f"{path}.{key}" if path else key, language)
        elif word not in told and not _said(holder.get(word), holder.get(f"{word}_zh"), language):
            told.add(word)
            yield f"{path}.{word}" if path else word


def _said(english: Any, chinese: Any, language: str) -> bool:
    if language == "en":
        return not chinese or (bool(english) and not (english == chinese and _HAN.search(str(english))))
    if isinstance(english, Mapping):
        return not set(english) - set(chinese or ())
    texts = english if isinstance(english, list) else [english]
    return bool(chinese) or all(not isinstance(t, str) or not _LATIN.search(t) or _HAN.search(t) for t in texts)
