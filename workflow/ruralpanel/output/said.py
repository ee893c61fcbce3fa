"""What computations say of themselves (`ruralpanel.estimate.base.notes`), put into words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ruralpanel.output.words import catalogue, has_word, word


def said(note: Mapping[str, Any], language: str) -> tuple[str, ...]:
    """A note of a result's JSON as one clause or, where its entry ``said.CODE`` has parts, as several.

    A value that is itself a code (``counted: nonnested``) stands for its word (``counted.nonnested``), a list for its
    members joined (of effects by "and"), a further note for its own words.

    Raises
    ------
    KeyError
        No such code, or a value that its words name is not there.
    """
    code = f"said.{note['code']}"
    values = {name: _shown(name, value, language) for name, value in note.items() if name != "code"}
    if has_word(code):
        return (word(code, language).format(**values),)
    parts = [text for key, text in catalogue(language).items() if key.startswith(f"{code}.")]
    if not parts:
        raise KeyError(code)
    return tuple(text.format(**values) for text in parts)


def clause(note: Mapping[str, Any], language: str) -> str:
    """A note as one clause."""
    return word("list_separator", language).join(said(note, language))


def _shown(name: str, value: Any, language: str) -> Any:
    if isinstance(value, Mapping):
        return clause(value, language)
    if isinstance(value, Sequence) and not isinstance(value, str):
        joint = word("and" if name == "effects" else "comma", language)
        return joint.join(str(_shown(name, part, language)) for part in value)
    key = f"{'by' if name == 'effects' else name}.{value}"
    return word(key, language) if isinstance(value, str) and has_word(key) else value
