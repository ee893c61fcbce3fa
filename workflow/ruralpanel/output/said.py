"""What computations say of themselves (`ruralpanel.estimate.base.notes`), put into words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ruralpanel.output.words import catalogue, has_word, word


def said(note: Mapping[str, Any], language: str) -> tuple[str, ...]:
    """A note of a result's JSON as one clause or, where its entry ``said.CODE`` has parts, as several.

    A value that is itself a code (``counted: nonnested``) stands for its word (``counted.nonnested``), a list for its
    members joined, a further note for its own words.

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


def _shown(name: str, value: Any, language: str) -> Any:
    if isinstance(value, Mapping):
        return word("list_separator", language).join(said(value, language))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return word("comma", language).join(str(_shown(name, part, language)) for part in value)
    return word(f"{name}.{value}", language) if isinstance(value, str) and has_word(f"{name}.{value}") else value
