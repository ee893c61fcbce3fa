"""Repairs of single figures: read and checked against their schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruralpanel.project.periods import parsed
from ruralpanel.project.problems import Problem, raise_any
from ruralpanel.project.sidecars import held_against
from ruralpanel.project.yaml import with_lines

CORRECTIONS_SCHEMA = Path(__file__).resolve().parents[2] / "schemas" / "corrections.schema.yaml"
ALL_UNITS = "all"


@dataclass(frozen=True)
class Correction:
    """One repair.

    Attributes
    ----------
    source, series, unit, year : the figure; `unit` is an id or name, or ``all`` (a whole year, `action` blank).
    action : ``replace`` (by `value`), ``blank`` (make missing), ``subtract`` (`value` from the published figure).
    expect : the published bad value; a correction whose bad value is no longer there is an error.
    expect_sum : the same guard for ``unit: all``: the sum over units.
    reason, provider : why, and who says so; the same in Chinese.
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
    reason_zh: str = ""
    provider_zh: str = ""
    file: str = ""
    where: str = ""

    @property
    def text(self) -> str:
        """What it did, in a phrase: ``replaced 150.8 by 158.8: misprint …``."""
        if self.action == "replace":
            done = f"replaced {self.expect:.10g} by {self.value:.10g}"
        elif self.action == "subtract":
            done = f"subtracted {self.value:.10g} from {self.expect:.10g}"
        else:
            done = "blanked" if self.expect is None else f"blanked {self.expect:.10g}"
        return f"{done}: {self.reason}"


def load_corrections(path: str | Path, name: str = "") -> tuple[Correction, ...]:
    """Read ``corrections.yaml``: one key, ``corrections``, that holds a list of repairs.

    Raises
    ------
    UserError
        With every problem: what the schema forbids, and two repairs of one figure.
    """
    file = name or str(path)
    document = held_against(CORRECTIONS_SCHEMA, path, file)
    entries = enumerate(document.values["corrections"])
    found = tuple(_correction(entry, file, f"corrections[{index}]") for index, entry in entries)
    raise_any(with_lines(_twice(found), document.locations))
    return found


def _correction(entry: Mapping[str, Any], file: str, where: str) -> Correction:
    numbers = {key: None if entry.get(key) is None else float(entry[key]) for key in ("expect", "expect_sum", "value")}
    return Correction(
        source=entry["source"],
        series=entry["series"],
        unit=entry["unit"],
        year=parsed(entry["year"]),
        action=entry["action"],
        reason=" ".join(entry["reason"].split()),
        provider=entry["provider"],
        reason_zh=" ".join(entry.get("reason_zh", "").split()),
        provider_zh=entry.get("provider_zh", ""),
        file=file,
        where=where,
        **numbers,
    )


def _twice(corrections: tuple[Correction, ...]) -> list[Problem]:
    seen: dict[tuple[str, str, str, int], str] = {}
    problems = []
    for c in corrections:
        key = (c.source, c.series, c.unit, c.year)
        if key in seen:
            problems.append(Problem(c.file, c.where, f"the figure that {seen[key]} repairs", "one repair per figure"))
        seen.setdefault(key, c.where)
    return problems
