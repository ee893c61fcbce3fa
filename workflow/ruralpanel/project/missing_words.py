"""Which of the configuration's words a language lacks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_TEXTS = frozenset(
    ("title", "boundaries_note", "label", "counts", "claim", "cannot_show", "meaning", "untestable", "note", "notes",
     "labels", "introduction", "text", "design", "finding", "because")
)  # fmt: skip
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
    words = _TEXTS | _NOUNS if path.endswith((".nouns", ".plain")) else _TEXTS
    told = set()
    for key, value in holder.items():
        word = key.removesuffix("_zh")
        # An entry may be called like a kind of words; labels are keys and values themselves.
        if word not in words or (isinstance(value, Mapping) and word != "labels"):
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
