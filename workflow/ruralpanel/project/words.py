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

_TOP: Mapping[str, Any] = {"title": str, "boundaries_note": str, "names": Mapping}
_REPORT = ("introduction", "nouns", "contrasts", "caveat")
_SECTIONS = (*_TOP, *KEYS, "report", "breaks", "numbers")


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


def _write(language: str, name: str, writer: _Writer) -> None:
    document = load_document(name)
    writer.files.append(name)
    writer.unread += document.problems
    top = f"words.{language}.{len(writer.files)}"
    writer.own |= {f"{top}.{path}": Place(name, path, line) for path, line in document.locations.items()}
    for section, words in (_unfolded(document.values) if language == "zh" else document.values).items():
        path = f"{top}.{section}"
        if section in _TOP:
            if _is(words, _TOP[section], path, writer):
                writer.put(writer.values, "", section, words, path)
        elif section not in _SECTIONS:
            writer.report(path, "unknown key", "one of the kinds of words", did_you_mean(section, _SECTIONS))
        elif not _is(words, Mapping, path, writer):
            continue
        elif section == "report":
            _write_report(words, path, writer)
        elif section == "breaks":
            _write_breaks(words, path, writer)
        elif section == "numbers":
            _write_numbers(words, path, writer)
        else:
            for entry, own in words.items():
                _write_entry(section, entry, own, f"{path}.{entry}", writer)


def _unfolded(words: Any) -> Any:
    """The same without the blanks that a text folded over several lines has between Chinese characters."""
    if isinstance(words, Mapping):
        return {key: _unfolded(value) for key, value in words.items()}
    if isinstance(words, list):
        return [_unfolded(value) for value in words]
    return _FOLD.sub("", words) if isinstance(words, str) else words


_WIDE = "[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef\u201c\u201d]"
_FOLD = re.compile(f"(?<={_WIDE}) (?={_WIDE})")
_NOTES, _ENTRY = (str, list), (str, Mapping)
_KINDS: Mapping[Any, str] = {
    str: "text",
    list: "a list of texts",
    Mapping: "keys and values",
    _NOTES: "text or a list of texts",
    _ENTRY: "text, or keys and values",
}


def _is(words: Any, kind: Any, path: str, writer: _Writer) -> bool:
    if isinstance(words, kind):
        return True
    shown = "nothing" if words is None else "a list" if isinstance(words, list) else str(words)[:60]
    shown = "keys and values" if isinstance(words, Mapping) else shown
    writer.report(path, shown, _KINDS[kind])
    return False


def _section(values: Mapping[str, Any], section: str) -> dict[str, Any]:
    entries = values.get(section)
    return entries if isinstance(entries, dict) else {}


def _write_entry(section: str, name: str, words: Any, path: str, writer: _Writer) -> None:
    known = KEYS[section]
    long = "hypotheses" if section == "claims" else section
    entry = _section(writer.values, long).get(name)
    if not isinstance(entry, dict):
        writer.idle.append(writer.place(path))
        return
    where = f"{long}.{name}"
    if isinstance(words, str):
        writer.put(entry, where, known[0], words, path)
    elif _is(words, _ENTRY, path, writer):
        for key, value in words.items():
            below = f"{path}.{key}"
            if key not in known:
                writer.report(below, "unknown key", "one of the known keys", did_you_mean(key, known))
            elif _is(value, _kind(key), below, writer):
                _write_key(entry, where, key, value, below, writer)


def _kind(key: str) -> Any:
    """What words of a key are."""
    if key == "notes":
        return _NOTES
    return Mapping if key in ("labels", "outcomes", "plain", "benchmarks") else str


def _write_key(entry: dict[str, Any], where: str, key: str, value: Any, path: str, writer: _Writer) -> None:
    if key == "plain":
        plain = entry.setdefault("plain", {})
        for part, words in value.items():
            if part != "unit":
                writer.report(f"{path}.{part}", "unknown key", "unit")
            elif _is(words, str, f"{path}.{part}", writer):
                writer.put(plain, f"{where}.plain", part, words, f"{path}.{part}")
    elif key == "benchmarks":
        _write_benchmarks(entry, where, value, path, writer)
    elif key == "outcomes":
        _write_outcomes(entry, where, value, path, writer)
    elif key == "labels" and isinstance(entry.get("regimes"), dict):
        writer.put(entry["regimes"], f"{where}.regimes", key, value, path)
    elif key == "untestable":
        if entry.get("untestable") is True:  # until a language says why
            del entry["untestable"]
        elif not {"untestable", "untestable_zh"} & set(entry):  # words change no verdict
            writer.idle.append(writer.place(path))
            return
        writer.put(entry, where, key, value, path)
    else:
        writer.put(entry, where, key, value, path)


def _write_benchmarks(entry: dict[str, Any], where: str, words: Mapping[str, Any], path: str, writer: _Writer) -> None:
    """Published findings, by study."""
    benchmarks = entry.setdefault("benchmarks", [])
    if not isinstance(benchmarks, list):
        return
    for study, own in words.items():
        below = f"{path}.{study}"
        if not _is(own, Mapping, below, writer):
            continue
        position = next((i for i, b in enumerate(benchmarks) if isinstance(b, dict) and b.get("study") == study), None)
        if position is None:
            position = len(benchmarks)
            benchmarks.append({"study": study})
        for key, value in own.items():
            if key not in ("design", "finding"):
                writer.report(f"{below}.{key}", "unknown key", "design or finding")
            elif _is(value, str, f"{below}.{key}", writer):
                writer.put(benchmarks[position], f"{where}.benchmarks[{position}]", key, value, f"{below}.{key}")


def _write_outcomes(entry: dict[str, Any], where: str, words: Mapping[str, Any], path: str, writer: _Writer) -> None:
    """Labels of outcomes compared, by ``panel.variable.period``."""
    outcomes = entry.get("outcomes")
    known = {
        f"{item.get('panel')}.{item.get('variable')}.{item.get('period')}": (position, item)
        for position, item in enumerate(outcomes if isinstance(outcomes, list) else ())
        if isinstance(item, dict)
    }
    for key, label in words.items():
        below = f"{path}.{key}"
        if key not in known:
            writer.idle.append(writer.place(below))
        elif _is(label, str, below, writer):
            position, item = known[key]
            writer.put(item, f"{where}.outcomes[{position}]", "label", label, below)


def _write_report(words: Mapping[str, Any], path: str, writer: _Writer) -> None:
    report = writer.values.setdefault("report", {})
    for key, value in words.items():
        below = f"{path}.{key}"
        if key not in _REPORT:
            writer.report(below, "unknown key", "one of the known keys", did_you_mean(key, _REPORT))
        elif not _is(value, {"nouns": Mapping, "contrasts": list}.get(key, str), below, writer):
            continue
        elif not isinstance(report, dict):
            return
        elif key == "nouns":
            nouns = report.setdefault("nouns", {})
            for noun, text in value.items():
                writer.put(nouns, "report.nouns", noun, text, f"{below}.{noun}")
        elif key == "contrasts":
            contrasts = report.setdefault("contrasts", [])
            for position, text in enumerate(value if isinstance(contrasts, list) else ()):
                if position == len(contrasts):
                    contrasts.append({})
                writer.put(contrasts[position], f"report.contrasts[{position}]", "text", text, f"{below}[{position}]")
        elif key == "caveat":
            if "story" in report:
                writer.put(report["story"], "report.story", key, value, below)
            else:
                writer.idle.append(writer.place(below))
        else:
            writer.put(report, "report", key, value, below)


def _write_breaks(words: Mapping[str, Any], path: str, writer: _Writer) -> None:
    """Why breaks are accepted, by variable and year."""
    for name, years in words.items():
        variable = _section(writer.values, "variables").get(name)
        breaks = variable.get("breaks") if isinstance(variable, dict) else None
        if not isinstance(breaks, dict):
            writer.idle.append(writer.place(f"{path}.{name}"))
            continue
        if not _is(years, Mapping, f"{path}.{name}", writer):
            continue
        for year, text in years.items():
            below, where = f"{path}.{name}.{year}", f"variables.{name}.breaks.{year}"
            if year not in breaks:
                writer.idle.append(writer.place(below))
            elif _is(text, str, below, writer):
                if isinstance(breaks[year], str):
                    breaks[year] = {"rule": breaks[year]}
                writer.put(breaks[year], where, "because", text, below)


def _write_numbers(words: Mapping[str, Any], path: str, writer: _Writer) -> None:
    """What a claim's number is in words, by ``model[term]`` or by the term alone."""
    key = f"label{SUFFIXES[path.split('.')[1]]}"
    for name, text in words.items():
        below = f"{path}.{name}"
        if not _is(text, str, below, writer):
            continue
        idle = True
        for estimand, where in _estimands(writer.values):
            whole, term = _names(estimand)
            # Words of a term are for all its numbers that have none of their own.
            general = (
                name == term and whole not in words and (key not in estimand or f"{where}.{key}" in writer.origins)
            )
            if name == whole or general:
                writer.put(estimand, where, "label", text, below)
            idle = idle and name not in (whole, term)
        if idle:
            writer.idle.append(writer.place(below))


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
