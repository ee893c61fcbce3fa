"""Declared repairs of published figures: what is replaced, blanked or subtracted, why, and the guard on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruralpanel.contracts.documents import load_document, with_lines
from ruralpanel.contracts.problems import Problem, did_you_mean, raise_any

ACTIONS = ("replace", "blank", "subtract")
ALL_UNITS = "all"
_KEYS = ("source", "series", "unit", "year", "action", "expect", "expect_sum", "value", "reason", "provider")


@dataclass(frozen=True)
class Correction:
    """One repair.

    Attributes
    ----------
    source, series, unit, year : the figure; `unit` is an id or name, or ``all`` (a whole year, `action` blank).
    action : ``replace`` (by `value`), ``blank`` (make missing), ``subtract`` (`value` from the published figure).
    expect : the published bad value; a correction whose bad value is no longer there is an error.
    expect_sum : the same guard for ``unit: all``: the sum over units.
    reason, provider : why, and who says so.
    file, where : its own place, for messages.
    """

    source: str
    series: str
    unit: str
    year: int
    action: str
    reason: str
    expect: float | None = None
    expect_sum: float | None = None
    value: float | None = None
    provider: str = ""
    file: str = ""
    where: str = ""

    @property
    def text(self) -> str:
        """What it did, in a phrase: ``replaced 150.8 by 158.8: misprint …``."""
        if self.action == "replace":
            done = f"replaced {self.expect:g} by {self.value:g}"
        elif self.action == "subtract":
            done = f"subtracted {self.value:g} from {self.expect:g}"
        else:
            done = "blanked" if self.expect is None else f"blanked {self.expect:g}"
        return f"{done}: {self.reason}"


def load_corrections(path: str | Path, name: str = "") -> tuple[Correction, ...]:
    """Read ``corrections.yaml``: a list of repairs (also under a key ``corrections``).

    Raises
    ------
    UserError
        With every problem: unknown or missing keys, an unknown action, numbers missing for the action,
        two repairs of one figure.
    """
    name = name or str(path)
    document = load_document(path, name, list_as="corrections")
    problems = list(document.problems)
    found: list[Correction] = []
    if document.values or not problems:
        for key in document.values:
            if key != "corrections":
                fix = did_you_mean(str(key), ["corrections"])
                problems.append(Problem(name, str(key), "unknown key", "corrections: a list", fix))
        entries = document.values.get("corrections", []) or []
        if not isinstance(entries, list):
            problems.append(Problem(name, "corrections", "no list", "a list of repairs"))
            entries = []
        for index, entry in enumerate(entries):
            correction, wrong = _correction(entry, name, f"corrections[{index}]")
            problems += wrong
            if correction:
                found.append(correction)
        problems += _twice(found)
    raise_any(with_lines(problems, document.locations))
    return tuple(found)


def _correction(entry: Any, file: str, where: str) -> tuple[Correction | None, list[Problem]]:
    if not isinstance(entry, Mapping):
        return None, [Problem(file, where, repr(entry)[:60], "keys " + ", ".join(_KEYS))]
    problems = [
        Problem(file, f"{where}.{key}", "unknown key", "keys " + ", ".join(_KEYS), did_you_mean(str(key), _KEYS))
        for key in entry
        if key not in _KEYS
    ]
    for key in ("source", "series", "unit", "action", "reason"):
        if not isinstance(entry.get(key), str) or not entry[key].strip():
            problems.append(Problem(file, f"{where}.{key}", _shown(entry, key), "text"))
    if not isinstance(entry.get("year"), int) or isinstance(entry.get("year"), bool):
        problems.append(Problem(file, f"{where}.year", _shown(entry, "year"), "a year"))
    for key in ("expect", "expect_sum", "value"):
        if entry.get(key) is not None and not _is_number(entry[key]):
            problems.append(Problem(file, f"{where}.{key}", _shown(entry, key), "a number"))
    action, whole = entry.get("action"), entry.get("unit") == ALL_UNITS
    if isinstance(action, str) and action not in ACTIONS:
        fix = did_you_mean(action, ACTIONS)
        problems.append(Problem(file, f"{where}.action", f'"{action}"', " | ".join(ACTIONS), fix))
    elif whole and action != "blank":
        expected = "blank, where unit is all"
        problems.append(Problem(file, f"{where}.action", str(action), expected, "name the units one by one"))
    guard = "expect_sum" if whole else "expect"
    if entry.get(guard) is None:
        expected = "the bad value as published"
        problems.append(Problem(file, f"{where}.{guard}", "nothing", expected, "a repair needs its guard"))
    if action in ("replace", "subtract") and entry.get("value") is None:
        problems.append(Problem(file, f"{where}.value", "nothing", f"the number for {action}"))
    if problems:
        return None, problems
    numbers = {key: None if entry.get(key) is None else float(entry[key]) for key in ("expect", "expect_sum", "value")}
    return (
        Correction(
            source=entry["source"],
            series=entry["series"],
            unit=entry["unit"],
            year=entry["year"],
            action=entry["action"],
            reason=" ".join(entry["reason"].split()),
            provider=str(entry.get("provider", "")),
            file=file,
            where=where,
            **numbers,
        ),
        [],
    )


def _twice(corrections: list[Correction]) -> list[Problem]:
    seen: dict[tuple[str, str, str, int], str] = {}
    problems = []
    for c in corrections:
        key = (c.source, c.series, c.unit, c.year)
        if key in seen:
            problems.append(Problem(c.file, c.where, f"the figure that {seen[key]} repairs", "one repair per figure"))
        seen.setdefault(key, c.where)
    return problems


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _shown(entry: Mapping[str, Any], key: str) -> str:
    return repr(entry[key])[:60] if entry.get(key) is not None else "nothing"
