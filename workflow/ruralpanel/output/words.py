"""The fixed words of outputs, a catalogue for each language with the same keys: ``workflow/words/<language>/``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

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


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
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
