"""Reading results' JSON, and single numbers from a model's."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruralpanel.project.files import write_json
from ruralpanel.project.kinds.inference import INFERENCE, shown_as
from ruralpanel.project.notes import plain_notes
from ruralpanel.project.periods import Period, parse, written

LARGE_SIZE = 0.10
"""Simulated size of a nominal 5 % test beyond which every place that prints the test says so."""

OF_ERROR = ("std_error", "statistic", "df", "p_value", "ci_low", "ci_high", "detectable")
"""Numbers that follow from a standard error."""


_PERIODS = ("period", "periods")
_LIMITS = re.compile(r"(^|_)(low|high|ci|intervals)$")
_INFINITE = {"-inf": -math.inf, "inf": math.inf}


def read_results(path: str | Path) -> dict[str, Any]:
    """A JSON file of results, `cleared`."""
    values: dict[str, Any] = cleared(numbered(json.loads(Path(path).read_text(encoding="utf-8"))))
    return values


def write_results(path: str | Path, values: Any) -> None:
    """Write results as JSON, `cleared`: notes as codes with their values, quarters and months by their labels, limits
    without bound ``-inf``, ``inf``."""
    write_json(path, _labelled(cleared(plain_notes(values))))


def numbered(values: Any, key: str = "") -> Any:
    """What has been read from JSON, with numbers for the labels of quarters and months and for infinite limits."""
    if isinstance(values, Mapping):
        return {name: numbered(value, name) for name, value in values.items()}
    if isinstance(values, list):
        return [numbered(value, key) for value in values]
    if not isinstance(values, str):
        return values
    if key in _PERIODS:
        return parse(values) or values
    return _INFINITE.get(values, values) if _LIMITS.search(key) else values


def _labelled(values: Any, key: str = "") -> Any:
    if isinstance(values, Mapping):
        return {name: _labelled(value, name) for name, value in values.items()}
    if isinstance(values, (list, tuple)):
        return [_labelled(value, key) for value in values]
    if _LIMITS.search(key) and isinstance(values, float) and math.isinf(values):
        return "inf" if values > 0 else "-inf"
    named = key in _PERIODS and type(values) is int
    return written(values) if named or isinstance(values, Period) else values


def cleared(values: Any) -> Any:
    """The same values, but that no error of zero, and nothing that follows from one, stands beside an estimate.

    The gate of everything that is written and printed: an error of zero is one that was not computed.
    """
    if isinstance(values, Mapping):
        error = values.get("std_error")
        empty = isinstance(error, (int, float)) and not (math.isfinite(error) and error > 0)
        return {
            key: None if empty and key in OF_ERROR and not isinstance(value, (list, Mapping)) else cleared(value)
            for key, value in values.items()
        }
    return [cleared(value) for value in values] if isinstance(values, (list, tuple)) else values


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


Pieces = tuple[tuple[float, float], ...]


def set_of(model: Mapping[str, Any], entry: Mapping[str, Any], name: str) -> Pieces | None:
    """The values that ``ci``, ``ci_wild`` or ``ci_ar`` does not reject, as disjoint intervals in order.

    Ends may be infinite; no interval at all means that every value is rejected. None where nobody computed the set.
    ``ci_ar`` is the Anderson–Rubin set of an instrumented coefficient; where the first setting or the bootstrap inverts
    such a test too, its pieces are told apart, which the limits in the coefficient's entry do not.
    """
    pieces = _pieces(model, str(entry.get("term")), name)
    if pieces is not None or name == "ci_ar":
        return pieces
    low, high = entry.get(f"{name}_low"), entry.get(f"{name}_high")
    return None if low is None or high is None else ((float(low), float(high)),)


def _pieces(model: Mapping[str, Any], term: str, name: str) -> Pieces | None:
    if name == "ci_ar":
        result = model.get("anderson_rubin") or {}
    else:
        options = (_setting(model, name) or {}).get("options") or {}
        result = options.get("anderson_rubin") or options
    if result.get("term") != term or "intervals" not in result:
        return None
    return tuple((float(low), float(high)) for low, high in result["intervals"])


def _setting(model: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    settings = model.get("inference") or ()
    if name == "ci_wild":
        return next((setting for setting in settings if method_of(setting) in shown_as("p_wild")), None)
    return settings[0] if settings else None


def setting_of(model: Mapping[str, Any], p_value: str) -> Mapping[str, Any] | None:
    """The inference entry that ``p_value``, ``p_wild`` or ``p_permutation`` of the coefficients comes from."""
    if p_value == "p_value":
        return next(iter(model.get("inference") or ()), model.get("vcov"))
    settings = [entry for entry in model.get("inference") or () if not entry.get("not_available")]
    return next((entry for method in shown_as(p_value) for entry in settings if method_of(entry) == method), None)


def first_with_errors(model: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The first inference entry that gives errors or intervals of its own, bootstraps and permutations aside."""
    given = [entry for entry in model.get("inference") or () if not entry.get("not_available")]
    return next((entry for entry in given if not INFERENCE[method_of(entry)].resamples), None)


def method_of(entry: Mapping[str, Any]) -> str:
    """The method's name of an inference entry."""
    return str(entry.get("method") or entry.get("vcov") or entry.get("type") or "")
