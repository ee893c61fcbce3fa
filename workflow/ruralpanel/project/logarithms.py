"""Which formulas are logarithms, and of what."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Protocol

_LOG = re.compile(r"^log\((?P<inside>.*)\)$", re.S)
_RATIO = re.compile(r"^\s*(?P<above>\w+)\s*/\s*(?P<below>\w+)\s*$")
_SHIFT = re.compile(r"^(?:lag|value_at)\((?P<inside>.*),\s*-?\d+\s*\)$", re.S)


class Derived(Protocol):
    """Anything that may have a formula."""

    @property
    def formula(self) -> str:
        """The formula, empty where there is none."""
        ...


def log_of(formula: str, variables: Mapping[str, Derived] | None = None) -> str | None:
    """What a formula is the logarithm of, else None.

    Lags, values at a period and, where `variables` are given, names of other variables are looked through.
    """
    text, known = formula.strip(), dict(variables or {})
    while True:
        if shifted := _SHIFT.match(text):
            text = shifted["inside"].strip()
        elif text in known:
            text = known.pop(text).formula.strip()
        else:
            break
    found = _LOG.match(text)
    if not found or not _balanced(found["inside"]):
        return None
    return found["inside"].strip()


def ratio_of(formula: str, variables: Mapping[str, Derived] | None = None) -> tuple[str, str] | None:
    """The variables above and below the line where a formula is the logarithm of a ratio of two, else None."""
    ratio = _RATIO.match(log_of(formula, variables) or "")
    return (ratio["above"], ratio["below"]) if ratio else None


def _balanced(text: str) -> bool:
    depth = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if depth < 0:
            return False
    return depth == 0
