"""Names as they read inside a sentence."""

from __future__ import annotations

import re

_LOG = re.compile(r"\s*[(（](?:log|logs|in logs|对数)[)）]\s*$|,\s*(?:log|in logs)\s*$|^log (?:of )?", re.I)
_ASIDE = re.compile(r"\s*[(（][^()（）]*[)）]\s*$")
_RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_NAMES = frozenset(
    {"Gini", "Theil", "Engel", "Herfindahl", "Hirschman", "Palma", "Atkinson", "Lorenz", "Pareto", "Tobin", "Moran",
     "Malmquist", "Lerner", "Zipf", "Kuznets", "Euclidean", "Confucian", "Han", "China", "Chinese", "Mandarin",
     "Tibetan", "European", "American", "African", "Asian", "British", "English", "French", "German", "Indian",
     "Japanese", "Russian", "January", "February", "March", "April", "May", "June", "July", "August", "September",
     "October", "November", "December"}
)  # fmt: skip
_COUNTED = frozenset({"", "1", "person", "persons", "household", "households", "item", "items", "人", "户"})


def noun(label: str) -> str:
    """A variable's label without its ``(log)``, with a small first letter unless the word is an abbreviation."""
    text = _LOG.sub("", label).strip()
    first = re.match(r"[^\W\d_]+(?![.&/\w])", text)
    # Names such as "GDP", "R&D", "U.S.", "mRNA" or "Gini" keep their capitals.
    if first and len(first[0]) > 1 and first[0].istitle() and first[0] not in _NAMES:
        text = text[0].lower() + text[1:]
    return text


def short_noun(label: str) -> str:
    """`noun` without an aside in parentheses at its end."""
    return _ASIDE.sub("", noun(label)).strip()


def short_label(label: str) -> str:
    """A label for a table's cell: without ``(log)`` and asides, its capitals kept; of an interaction, each part's."""
    return " × ".join(_ASIDE.sub("", _LOG.sub("", part)).strip() for part in label.split(" × "))


def singular(name: str) -> str:
    """``rural residents`` → ``rural resident``; only regular plurals, all that the labels of this field need."""
    if name.endswith("ies"):
        return name[:-3] + "y"
    return name[:-1] if name.endswith("s") and not name.endswith("ss") else name


def measure_text(measure: str) -> str:
    """A measure with its powers raised: ``10^4 km^2`` → ``10⁴ km²``."""
    return re.sub(r"\^(\d+)", lambda found: found[1].translate(_RAISED), measure)


def is_count(measure: str) -> bool:
    """Whether a measure counts people or things, so that its name need not be printed."""
    return measure.strip() in _COUNTED


def anchor(*parts: str) -> str:
    """An HTML id."""
    return "-".join(re.sub(r"[^a-zA-Z0-9]+", "-", part).strip("-").lower() for part in parts)
