"""The fixed words of outputs, a catalogue for each language (`workflow/words/`), and computations put into them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from ruralpanel.project.formats import format_count, format_percent
from ruralpanel.project.notes import Note
from ruralpanel.project.problems import raise_any
from ruralpanel.project.yaml import load_document

FOLDER = Path(__file__).resolve().parents[2] / "words"


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Every word of a language by its key, sections joined by dots (``zh``: Chinese, anything else: English).

    Raises
    ------
    UserError
        The catalogue is no valid YAML.
    """
    words: dict[str, str] = {}
    for file in sorted((FOLDER / ("zh" if language == "zh" else "en")).glob("*.yaml")):
        document = load_document(file, f"words/{file.parent.name}/{file.name}")
        raise_any(document.problems)
        words |= flat(document.values)
    return words


def flat(values: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    """The texts of nested sections by keys joined with dots."""
    texts: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            texts.update(flat(value, f"{prefix}{key}."))
        else:
            texts[f"{prefix}{key}"] = str(value)
    return texts


def word(key: str, language: str, **values: Any) -> str:
    """The word for `key` in `language`, with `values` in the places that it names.

    Raises
    ------
    KeyError
        No such word, or a value that it names is not given: a programming mistake, not a user's.
    """
    text = catalogue(language)[key]
    return text.format(**values) if values else text


def has_word(key: str) -> bool:
    """Whether `word` knows `key`."""
    return key in catalogue("en")


def sentence(parts: Sequence[str], language: str) -> str:
    """`parts` joined to one sentence with the language's semicolons and full stop; empty parts fall away."""
    kept = [part.strip().rstrip(".。") for part in parts if part.strip()]
    if not kept:
        return ""
    return word("list_separator", language).join(kept) + word("full_stop", language)


SHARES = ("share", "needed", "power", "margin")
"""Values that are parts of a whole: of 3,840 specifications .9997 is no "1"."""

COUNTS = ("draws", "panels", "usable", "rows", "points", "clusters")
"""Values that are counted, unlike periods and settings: their thousands are separated."""


def said(note: Note, language: str) -> tuple[str, ...]:
    """A note as one clause or, where its entry ``said.CODE`` has parts, as several.

    A value that is itself a code (``counted: nonnested``) stands for its word (``counted.nonnested``), a list for its
    members joined (of effects and clusters by "and"), a further note for its own words.

    Raises
    ------
    KeyError
        No such code, or a value that its words name is not there.
    """
    code = f"said.{note.code}"
    values = {name: _shown(name, value, language) for name, value in note.values.items()}
    if has_word(code):
        return (word(code, language).format(**values),)
    parts = _parts(code, language)
    if not parts:
        raise KeyError(code)
    return tuple(text.format(**values) for text in parts)


@cache
def _parts(code: str, language: str) -> tuple[str, ...]:
    return tuple(text for key, text in catalogue(language).items() if key.startswith(f"{code}."))


def clause(note: Note, language: str) -> str:
    """A note as one clause."""
    return word("list_separator", language).join(said(note, language))


def clauses(notes: Sequence[Note], language: str) -> str:
    """Several notes in one enumeration."""
    return word("comma", language).join(clause(one, language) for one in notes)


def stated(text: str, language: str) -> str:
    """A cell of a CSV file of results in words, where it holds statements (`ruralpanel.project.notes.statements`)."""
    if not text.startswith('[{"code"'):
        return text
    return word("list_separator", language).join(clause(Note.from_dict(one), language) for one in json.loads(text))


def dropped(reason: str, language: str) -> str:
    """Why rows are left out, by the code in ``n_dropped``: ``singletons``, or ``missing:NAME``, of one column."""
    code, _, name = reason.partition(":")
    return word(f"dropped.{code}", language, name=name)


def _shown(name: str, value: Any, language: str) -> Any:
    if name in SHARES and isinstance(value, float):
        return format_percent(value, 1 if name == "margin" else 0)
    if name in COUNTS and isinstance(value, int):
        return format_count(value)
    if isinstance(value, Note):
        return clause(value, language)
    if name == "by" and isinstance(value, str) and ", " in value:
        value = value.split(", ")
    if isinstance(value, Sequence) and not isinstance(value, str):
        joint = word("and" if name in ("by", "effects") else "comma", language)
        return joint.join(str(_shown(name, part, language)) for part in value)
    key = f"{'by' if name == 'effects' else name}.{value}"
    return word(key, language) if isinstance(value, str) and has_word(key) else value
