"""The configuration's words, in files for each language, put where the long form has them."""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruralpanel.project.problems import Problem, did_you_mean
from ruralpanel.project.sidecars import is_litter
from ruralpanel.project.written import COMMAND_LINE, Place, Places
from ruralpanel.project.yaml import load_document, upwards

SUFFIXES = {"en": "", "zh": "_zh"}
"""What a key ends in that holds words of a language: ``title``, ``title_zh``."""

KEYS: Mapping[str, tuple[str, ...]] = {
    "panels": ("title",),
    "variables": ("label", "counts"),
    "samples": ("label",),
    "models": ("title",),
    "claims": ("claim", "cannot_show", "meaning", "untestable", "plain", "benchmarks"),
    "tables": ("title", "notes", "labels", "outcomes"),
    "figures": ("title", "note", "labels"),
    "maps": ("title", "note", "labels"),
}
"""Words of an entry by section; text alone is the first of them."""

_NOTES, _ENTRY = (str, list), (str, Mapping)
_KINDS: Mapping[Any, str] = {
    str: "text",
    list: "a list of texts",
    Mapping: "keys and values",
    _NOTES: "text or a list of texts",
    _ENTRY: "text, or keys and values",
}
_OF_KEYS = {"notes": _NOTES, **dict.fromkeys(("labels", "outcomes", "plain", "benchmarks"), Mapping)}
"""What words of a key of an entry are, where they are no text."""

_TOP = {"title": str, "boundaries_note": str, "names": Mapping}
_SECTIONS = {**_TOP, **dict.fromkeys((*KEYS, "report", "breaks", "numbers"), Mapping)}
_REPORT = {"introduction": str, "nouns": Mapping, "contrasts": list, "caveat": str}


_SHAPES: Mapping[Any, Mapping[str, Any]] = {
    str: {"type": "string"},
    list: {"type": "array", "items": {"type": "string"}},
    Mapping: {"type": "object"},
}


def words_schema() -> dict[str, Any]:
    """What editors are told of a file of words."""

    def shape(kind: Any) -> dict[str, Any]:
        return {"anyOf": [shape(one) for one in kind]} if isinstance(kind, tuple) else dict(_SHAPES[kind])

    def keys(kinds: Mapping[str, Any]) -> dict[str, Any]:
        properties = {key: shape(kind) for key, kind in kinds.items()}
        return {"type": "object", "properties": properties, "additionalProperties": False}

    top = keys(_SECTIONS)
    top["properties"]["report"] = keys(_REPORT)
    for section, names in KEYS.items():
        long = keys({name: _OF_KEYS.get(name, str) for name in names})
        said = f"Words of entries by name; text alone is the {names[0].replace('_', ' ')}"
        entries = {"additionalProperties": {"anyOf": [shape(str), long]}}
        top["properties"][section] = {"type": "object", "description": said, **entries}
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": "Words of a configuration", **top}


@dataclass(frozen=True)
class Worded:
    """A long configuration with its words.

    Attributes
    ----------
    values : the long configuration. origins : as of `written.Places`.
    places : ``words.<language>.<path>`` → place.
    files : the files of words. idle : where words stand for what nothing declares.
    problems : what is wrong with what these files say. unread : what keeps words from being read at all.
    """

    values: dict[str, Any]
    origins: Mapping[str, str]
    places: Mapping[str, Place]
    files: tuple[str, ...]
    idle: tuple[Place, ...]
    problems: tuple[Problem, ...]
    unread: tuple[Problem, ...]


def with_words(values: Mapping[str, Any], folder: str | None, root: str | Path, places: Places, file: str) -> Worded:
    """Put the words of a folder's files into a long configuration.

    A file's language is the last part of its name: ``zh.yaml``, ``claims.zh.yaml``.

    Parameters
    ----------
    values : the long configuration. folder : what ``words`` names, relative to `root`; None: no files of words.
    places : of the long configuration. file : its name in problems.
    """
    writer = _Writer(copy.deepcopy(dict(values)), places, file)
    if folder is not None:
        for language, name in _files(folder, Path(root), writer):
            _write(language, name, writer)
        for holder, key in writer.put_there:  # words of one language stand in for those of the other
            if key == "names_zh":  # a name is a word already
                continue
            holder.setdefault(key.removesuffix("_zh"), holder[key])
    return Worded(
        values=writer.values,
        origins=writer.origins,
        places=writer.own,
        files=tuple(writer.files),
        idle=tuple(writer.idle),
        problems=tuple(writer.problems),
        unread=tuple(writer.unread),
    )


@dataclass
class _Writer:
    """The configuration being filled, and what is noted on the way."""

    values: dict[str, Any]
    places: Places
    file: str
    origins: dict[str, str] = field(default_factory=dict)
    own: dict[str, Place] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    idle: list[Place] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    unread: list[Problem] = field(default_factory=list)
    put_there: list[tuple[dict[str, Any], str]] = field(default_factory=list)

    def put(self, holder: Any, path: str, key: str, value: Any, words: str) -> None:
        """Words under `key` of the entry at `path`, in the language of the path `words` of their file."""
        if not isinstance(holder, dict):  # for the schema to refuse
            return
        if key == "notes" and isinstance(value, str):
            value = [value]
        key += SUFFIXES[words.split(".")[1]]
        where = f"{path}.{key}" if path else key
        if key not in holder:
            holder[key] = value
            self.origins[where] = words
            self.put_there.append((holder, key))
            return
        first = self.place(self.origins[where]) if where in self.origins else self.places.of(where)
        if first is None or first.file != COMMAND_LINE:
            found = f"words again (first as {first.where} of {first.file})" if first else "words again"
            self.report(words, found, "each once", "remove one")

    def place(self, words: str) -> Place:
        return next(self.own[path] for path in upwards(words) if path in self.own)

    def report(self, words: str, found: str, expected: str, fix: str = "") -> None:
        place = self.place(words)
        self.problems.append(Problem(place.file, place.where, found, expected, fix))


def _files(folder: str, root: Path, writer: _Writer) -> Iterator[tuple[str, str]]:
    """(language, file) of each file of words."""
    path = os.path.normpath(root / os.path.expanduser(folder))
    names = sorted(os.listdir(path)) if os.path.isdir(path) else []
    files = [name for name in names if name.endswith((".yaml", ".yml")) and not is_litter(name)]
    if not files:
        found = f'"{folder}", where no file of words lies'
        writer.unread.append(Problem(writer.file, "words", found, "a folder with en.yaml or zh.yaml"))
    for name in files:
        language = Path(name).stem.rpartition(".")[2]
        if language in SUFFIXES:
            yield language, os.path.join(path, name)
        else:
            found = f'words in the language "{language}"'
            writer.problems.append(Problem(os.path.join(path, name), "", found, "en or zh before .yaml"))


@dataclass(frozen=True)
class _Words:
    """What a file says at a path, and the configuration that it is put into."""

    said: Any
    path: str
    writer: _Writer

    def put(self, holder: Any, where: str, key: str) -> None:
        """Put it under a key of the entry at `where`."""
        self.writer.put(holder, where, key, self.said, self.path)

    def idle(self) -> None:
        """Note that it stands for what nothing declares."""
        self.writer.idle.append(self.writer.place(self.path))

    def of(self, kind: Any) -> bool:
        """Whether it is of a kind; if not, that is reported."""
        if isinstance(self.said, kind):
            return True
        shown = "nothing" if self.said is None else "a list" if isinstance(self.said, list) else str(self.said)[:60]
        shown = "keys and values" if isinstance(self.said, Mapping) else shown
        self.writer.report(self.path, shown, _KINDS[kind])
        return False

    def below(self) -> Iterator[tuple[str, _Words]]:
        """What it says under each of its keys."""
        for key, said in self.said.items():
            yield key, _Words(said, f"{self.path}.{key}", self.writer)

    def known(self, kinds: Mapping[str, Any], expected: str = "one of the known keys") -> Iterator[tuple[str, _Words]]:
        """The same under keys that there are, as far as it is of their kinds; all else is reported."""
        for key, words in self.below():
            if key not in kinds:
                fix = did_you_mean(key, kinds) if expected.startswith("one of") else ""
                self.writer.report(words.path, "unknown key", expected, fix)
            elif words.of(kinds[key]):
                yield key, words


def _write(language: str, name: str, writer: _Writer) -> None:
    document = load_document(name)
    writer.files.append(name)
    writer.unread += document.problems
    top = f"words.{language}.{len(writer.files)}"
    writer.own |= {f"{top}.{path}": Place(name, path, line) for path, line in document.locations.items()}
    values = _unfolded(document.values) if language == "zh" else document.values
    others = {"report": _write_report, "breaks": _write_breaks, "numbers": _write_numbers}
    for section, words in _Words(values, top, writer).known(_SECTIONS, "one of the kinds of words"):
        if section in _TOP:
            words.put(writer.values, "", section)
        elif section in others:
            others[section](words, writer.values)
        else:
            for entry, own in words.below():
                _write_entry(section, entry, own, writer.values)


def _unfolded(words: Any) -> Any:
    """The same without the blanks that a text folded over several lines has between Chinese characters."""
    if isinstance(words, Mapping):
        return {key: _unfolded(value) for key, value in words.items()}
    if isinstance(words, list):
        return [_unfolded(value) for value in words]
    return _FOLD.sub("", words) if isinstance(words, str) else words


_WIDE = "[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef\u201c\u201d]"
_FOLD = re.compile(f"(?<={_WIDE}) (?={_WIDE})")


def _section(values: Mapping[str, Any], section: str) -> dict[str, Any]:
    entries = values.get(section)
    return entries if isinstance(entries, dict) else {}


def _write_entry(section: str, name: str, words: _Words, values: Mapping[str, Any]) -> None:
    long = "hypotheses" if section == "claims" else section
    entry, where = _section(values, long).get(name), f"{long}.{name}"
    if not isinstance(entry, dict):
        words.idle()
    elif isinstance(words.said, str):
        words.put(entry, where, KEYS[section][0])
    elif words.of(_ENTRY):
        for key, own in words.known({key: _OF_KEYS.get(key, str) for key in KEYS[section]}):
            _write_key(entry, where, key, own)


def _write_key(entry: dict[str, Any], where: str, key: str, words: _Words) -> None:
    if key == "plain":
        plain = entry.setdefault("plain", {})
        for part, own in words.known({"unit": str}, "unit"):
            own.put(plain, f"{where}.plain", part)
    elif key == "benchmarks":
        _write_benchmarks(entry.setdefault("benchmarks", []), f"{where}.benchmarks", words)
    elif key == "outcomes":
        _write_outcomes(entry.get("outcomes"), f"{where}.outcomes", words)
    elif key == "labels" and isinstance(entry.get("regimes"), dict):
        words.put(entry["regimes"], f"{where}.regimes", key)
    elif key == "untestable" and not {"untestable", "untestable_zh"} & set(entry):  # words change no verdict
        words.idle()
    else:
        if entry.get(key) is True:  # untestable, until a language says why
            del entry[key]
        words.put(entry, where, key)


def _write_benchmarks(benchmarks: Any, where: str, words: _Words) -> None:
    """Published findings, by study."""
    for study, own in words.below() if isinstance(benchmarks, list) else ():
        if not own.of(Mapping):
            continue
        position = next((i for i, b in enumerate(benchmarks) if isinstance(b, dict) and b.get("study") == study), None)
        if position is None:
            position = len(benchmarks)
            benchmarks.append({"study": study})
        for key, text in own.known({"design": str, "finding": str}, "design or finding"):
            text.put(benchmarks[position], f"{where}[{position}]", key)


def _write_outcomes(outcomes: Any, where: str, words: _Words) -> None:
    """Labels of outcomes compared, by ``panel.variable.period``."""
    known = {
        f"{item.get('panel')}.{item.get('variable')}.{item.get('period')}": (position, item)
        for position, item in enumerate(outcomes if isinstance(outcomes, list) else ())
        if isinstance(item, dict)
    }
    for key, label in words.below():
        if key not in known:
            label.idle()
        elif label.of(str):
            position, item = known[key]
            label.put(item, f"{where}[{position}]", "label")


def _write_report(words: _Words, values: dict[str, Any]) -> None:
    report = values.setdefault("report", {})
    for key, own in words.known(_REPORT):
        if not isinstance(report, dict):
            return
        if key == "nouns":
            nouns = report.setdefault("nouns", {})
            for noun, text in own.below():
                text.put(nouns, "report.nouns", noun)
        elif key == "contrasts":
            contrasts = report.setdefault("contrasts", [])
            for position, said in enumerate(own.said if isinstance(contrasts, list) else ()):
                if position == len(contrasts):
                    contrasts.append({})
                text = _Words(said, f"{own.path}[{position}]", own.writer)
                text.put(contrasts[position], f"report.contrasts[{position}]", "text")
        elif key == "caveat" and "story" not in report:
            own.idle()
        elif key == "caveat":
            own.put(report["story"], "report.story", key)
        else:
            own.put(report, "report", key)


def _write_breaks(words: _Words, values: Mapping[str, Any]) -> None:
    """Why breaks are accepted, by variable and year."""
    for name, years in words.below():
        variable = _section(values, "variables").get(name)
        breaks = variable.get("breaks") if isinstance(variable, dict) else None
        if not isinstance(breaks, dict):
            years.idle()
            continue
        for year, text in years.below() if years.of(Mapping) else ():
            if year not in breaks:
                text.idle()
            elif text.of(str):
                if isinstance(breaks[year], str):
                    breaks[year] = {"rule": breaks[year]}
                text.put(breaks[year], f"variables.{name}.breaks.{year}", "because")


def _write_numbers(words: _Words, values: Mapping[str, Any]) -> None:
    """What a claim's number is in words, by ``model[term]`` or by the term alone."""
    key = f"label{SUFFIXES[words.path.split('.')[1]]}"
    for name, text in words.below():
        if not text.of(str):
            continue
        idle = True
        for estimand, where in _estimands(values):
            whole, term = _names(estimand)
            # Words of a term are for all its numbers that have none of their own.
            alone = key not in estimand or f"{where}.{key}" in words.writer.origins
            if name == whole or (name == term and whole not in words.said and alone):
                text.put(estimand, where, "label")
            idle = idle and name not in (whole, term)
        if idle:
            text.idle()


def _estimands(values: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    for name, claim in _section(values, "hypotheses").items():
        if not isinstance(claim, dict):
            continue
        where = f"hypotheses.{name}"
        if isinstance(claim.get("estimand"), dict):
            yield claim["estimand"], f"{where}.estimand"
        for key in ("others", "through"):
            listed = claim.get(key)
            for position, other in enumerate(listed if isinstance(listed, list) else ()):
                if isinstance(other, dict):
                    yield other, f"{where}.{key}[{position}]"


def _names(estimand: Mapping[str, Any]) -> tuple[str, str]:
    term = str(estimand.get("term", estimand.get("statistic", "")))
    return f"{estimand.get('model')}[{term}]", term
