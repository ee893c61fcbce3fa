"""Reading single numbers from a model's JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def coefficient(model: Mapping[str, Any], term: str) -> Mapping[str, Any] | None:
    """The entry of `term`, also if an interaction is written the other way round; None if the model has none."""
    entries: dict[str, Mapping[str, Any]] = {str(entry["term"]): entry for entry in model["coefficients"]}
    if term in entries:
        return entries[term]
    parts = sorted(term.split(":"))
    return next((entry for name, entry in entries.items() if ":" in name and sorted(name.split(":")) == parts), None)


def number_of(entry: Mapping[str, Any], name: str) -> float | None:
    """A number of a coefficient."""
    value = entry.get(name)
    return None if value is None else float(value)


def interval_of(
    model: Mapping[str, Any], entry: Mapping[str, Any], name: str
) -> tuple[float | None, float | None] | None:
    """The limits of ``ci`` or ``ci_wild``; None where nobody computed them, a None limit where it is open.

    JSON keeps infinite limits as null, so that an interval open on both sides looks like none: the setting tells.
    """
    low, high = entry.get(f"{name}_low"), entry.get(f"{name}_high")
    if low is not None or high is not None:
        return low, high
    if name == "ci_wild" and entry.get("p_wild") is not None:
        settings = [other for other in model.get("inference") or () if method_of(other) == "wild_cluster"]
        if settings and (settings[0].get("options") or {}).get("interval"):
            return -math.inf, math.inf
    return None


def method_of(entry: Mapping[str, Any]) -> str:
    """The method's name of an inference entry."""
    return str(entry.get("method") or entry.get("vcov") or entry.get("type") or "")
