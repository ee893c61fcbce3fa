"""What variables, terms and models are called in print, and how wide a text is."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, cast

from ruralpanel.output.words import has_word, word
from ruralpanel.project.files import read_rows
from ruralpanel.project.measures import AS_PUBLISHED
from ruralpanel.project.notes import Note

_POWER = re.compile(r"(?<![A-Za-z0-9])(k?m|cm)\^?([23])(?![0-9])")
_SUPERSCRIPT = {"2": "²", "3": "³"}
_DIMENSIONLESS = frozenset({"", "1", "dimensionless", "none", "nan", AS_PUBLISHED})


_CONSTANTS = frozenset({"const", "constant", "_cons", "Intercept", "intercept"})
NEIGHBOURS = "W:"
"""Put before the name of what is averaged over neighbours."""

_OF_PARTS = ("share", "lead")
"""Put before the name of a part of a gap, with ``_`` between: its share of the gap, its lead over the other parts."""

_NAMING = frozenset(
    {
        "alike",
        "group",
        "matrix",
        "name",
        "pairs",
        "reference",
        "steps",
        "term",
        "terms",
        "units",
        "variable",
        "variables",
    }
)
"""Values of notes that name variables, terms, units or groups of them, spatial weights."""

T = TypeVar("T")

_ASIDE = re.compile(r"\s*[(（][^()（）]*[)）]$")


@dataclass(frozen=True)
class Labels:
    """Names of variables in one language, by variable; unknown names stand for themselves.

    Attributes
    ----------
    names : variable → label.
    measures : variable → unit of measure, empty where it has none.
    formulas : variable → its formula, empty where it is a series.
    """

    language: str = "en"
    names: Mapping[str, str] = field(default_factory=dict)
    measures: Mapping[str, str] = field(default_factory=dict)
    formulas: Mapping[str, str] = field(default_factory=dict)

    def of(self, term: str) -> str:
        """The label of a variable, of an interaction ``a:b`` as ``A × B``, of neighbours' means ``W:a`` as such."""
        if term in self.names:
            return self.names[term]
        if has_word(f"terms.{term}"):
            return word(f"terms.{term}", self.language)
        kind, _, part = term.partition("_")
        if kind in _OF_PARTS and part in self.names:
            return word(f"terms.{kind}", self.language, name=self.of(part))
        if term.startswith(NEIGHBOURS):
            variable = self.of(term.removeprefix(NEIGHBOURS))
            return word("label.neighbours", self.language, name=variable)
        if ":" in term:
            return " × ".join(self.of(part) for part in term.split(":"))
        return word("label.constant", self.language) if term in _CONSTANTS else term.replace("_", " ")

    def within(self, text: str) -> str:
        """`text` with labels in place of the names of variables, their products and units in it."""
        return self._naming.sub(lambda found: self.of(found.group()), text) if self.names else text

    @cached_property
    def _naming(self) -> re.Pattern[str]:
        name = f"(?:{'|'.join(re.escape(name) for name in sorted(self.names, key=len, reverse=True))})"
        return re.compile(rf"(?<![\w-]){name}(?::{name})*(?![\w-])")

    def told(self, values: T) -> T:
        """A part of a model's results with labels in its notes, where they name variables, terms or units."""
        if values is None or isinstance(values, (str, int, float)):
            return values
        told: Any = values
        if isinstance(values, Note):
            told = Note(
                values.code,
                {key: self._shown(one) if key in _NAMING else self.told(one) for key, one in values.values.items()},
            )
        elif is_dataclass(values) and not isinstance(values, type):
            told = replace(values, **{item.name: self.told(getattr(values, item.name)) for item in fields(values)})
        elif isinstance(values, Mapping):
            told = {key: self.told(one) for key, one in values.items()}
        elif isinstance(values, (list, tuple)):
            told = type(values)(self.told(one) for one in values)
        return cast(T, told)

    def _shown(self, values: Any) -> Any:
        if isinstance(values, str):
            return self.within(values)
        return [self._shown(one) for one in values] if isinstance(values, (list, tuple)) else self.told(values)

    def measure(self, variable: str) -> str:
        """The unit of measure in the language of the labels; empty for pure numbers and logarithms."""
        text = self.measures.get(variable, "").strip().removesuffix(f" ({AS_PUBLISHED})")
        if text in _DIMENSIONLESS:
            return ""
        shown = "/".join(self._measure(part) for part in text.split("/"))
        return _POWER.sub(lambda match: match.group(1) + _SUPERSCRIPT[match.group(2)], shown)

    def with_measure(self, variable: str) -> str:
        """``Highways (km)``."""
        measure = self.measure(variable)
        if not measure:
            return self.of(variable)
        return word("label.with_measure", self.language, name=self.of(variable), measure=measure)

    def _measure(self, part: str) -> str:
        many, _, name = ("", "", part) if has_word(f"measures.{part}") else part.strip().rpartition(" ")
        key = f"measures.{name}"
        gap = " " if many and self.language != "zh" else ""
        return f"{many}{gap}{word(key, self.language)}" if has_word(key) else part

    def renamed(self, names: Mapping[str, str]) -> Labels:
        """The same labels with some names replaced."""
        return Labels(self.language, {**self.names, **names}, self.measures, self.formulas)


_SAID = ("label", "label_zh", "measure", "formula")


def labels_from_codebook(codebook: str | Path, language: str) -> Labels:
    """Labels of the variables of a panel; Chinese falls back to English, English to the variable's name."""
    names: dict[str, str] = {}
    measures: dict[str, str] = {}
    formulas: dict[str, str] = {}
    for row in read_rows(codebook):
        variable = row["variable"]
        label, chinese, measures[variable], formulas[variable] = (row.get(key, "").strip() for key in _SAID)
        english = label or variable.replace("_", " ")
        names[variable] = (chinese or english) if language == "zh" else english
    return Labels(language, names, measures, formulas)


def merged(labels: Iterable[Labels], language: str) -> Labels:
    """Labels of several panels; the first that names a variable wins."""
    names: dict[str, str] = {}
    measures: dict[str, str] = {}
    formulas: dict[str, str] = {}
    for some in labels:
        names = {**some.names, **names}
        measures = {**some.measures, **measures}
        formulas = {**some.formulas, **formulas}
    return Labels(language, names, measures, formulas)


def without_aside(label: str) -> str:
    """A label without what stands in parentheses at its end, such as ``(log)``."""
    return _ASIDE.sub("", label)


_AVERAGE_LATIN_WIDTH = 0.54


def width_of(text: str) -> float:
    """Width in ems: Chinese characters one, others half of one on average."""
    return sum(1.0 if unicodedata.east_asian_width(character) in "WF" else _AVERAGE_LATIN_WIDTH for character in text)


def wrapped(text: str, ems: float) -> list[str]:
    """`text` in lines of at most `ems`, broken at blanks or between Chinese characters; a longer word stays whole."""
    lines: list[str] = []
    line = ""
    for piece in _pieces(text):
        if line and width_of((line + piece).rstrip()) > ems:
            lines.append(line.rstrip())
            line = piece.lstrip()
        else:
            line += piece
    return [*lines, line.rstrip()] if line.strip() else lines


_OPENING, _CLOSING = "（《〈“「", "，。；：、！？）》〉”」％"


def _pieces(text: str) -> list[str]:
    """Words with the blank after them; Chinese characters one by one, but for marks that begin or end no line."""
    pieces: list[str] = []
    for character in text:
        last = pieces[-1][-1] if pieces else " "
        if (
            last in _OPENING
            or (pieces and character in _CLOSING)
            or not (_wide(character) or last == " " or _wide(last))
        ):
            pieces[-1] += character
        else:
            pieces.append(character)
    return pieces


def _wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF"
