"""What differs between two folders of results: figures, coefficients, verdicts, each with its cause."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from ruralpanel.contracts.problems import Problem, UserError

TOLERANCE = 1e-12  # relative; what rounding in another order leaves
_CAUSES = ("source", "series", "file", "measure_from", "measure_to", "factor", "correction", "break_rule", "text")
_WORDS = {
    "source": "another source",
    "series": "another series",
    "file": "another file",
    "measure_from": "another published measure",
    "measure_to": "another measure",
    "factor": "another conversion",
    "correction": "another repair",
    "break_rule": "another rule for a break",
    "text": "other published figures",
}


@dataclass(frozen=True)
class VariableChange:
    """Cells of one variable of a panel that moved, and why.

    `largest` is the largest relative change; infinite where a figure came or went.
    """

    panel: str
    variable: str
    cells: int
    came: int
    went: int
    largest: float
    causes: tuple[str, ...]


@dataclass(frozen=True)
class CoefficientChange:
    """One coefficient in the old and the new results (None: not there), and why it moved."""

    model: str
    term: str
    old: float | None
    new: float | None
    old_error: float | None
    new_error: float | None
    causes: tuple[str, ...]


@dataclass(frozen=True)
class VerdictChange:
    """A claim whose verdict changed (empty: not there)."""

    claim: str
    old: str
    new: str


@dataclass(frozen=True)
class Comparison:
    """Everything that differs."""

    variables: tuple[VariableChange, ...]
    coefficients: tuple[CoefficientChange, ...]
    verdicts: tuple[VerdictChange, ...]


def compare(old: str | Path, new: str | Path) -> Comparison:
    """Compare two folders of results.

    Raises
    ------
    UserError
        A folder that does not hold results.
    """
    before, after = Path(old), Path(new)
    problems = [
        Problem(
            str(folder), "", "no results", "a folder with panels/ and models/", "name a folder that a run has built"
        )
        for folder in (before, after)
        if not (folder / "panels").is_dir()
    ]
    if problems:
        raise UserError(problems)
    variables = [
        change
        for panel in _names(before / "panels", after / "panels", "*")
        for change in _panel_changes(panel, before / "panels" / panel, after / "panels" / panel)
    ]
    moved = {(change.panel, change.variable): change for change in variables}
    coefficients = [
        change
        for model in _names(before / "models", after / "models", "*.json")
        for change in _model_changes(before / "models" / model, after / "models" / model, moved)
    ]
    return Comparison(tuple(variables), tuple(coefficients), _verdict_changes(before, after))


def report(comparison: Comparison) -> str:
    """The comparison in words, the verdicts first."""
    if not (comparison.variables or comparison.coefficients or comparison.verdicts):
        return "Nothing differs: every figure, coefficient and verdict is the same."
    lines = [f"Verdicts that changed: {len(comparison.verdicts) or 'none'}"]
    lines += [f"  {v.claim}: {v.old or 'absent'} → {v.new or 'absent'}" for v in comparison.verdicts]
    lines.append(f"Coefficients that moved: {len(comparison.coefficients) or 'none'}")
    for c in comparison.coefficients:
        numbers = [
            f"{_number(value)} ({_number(error)})" for value, error in ((c.old, c.old_error), (c.new, c.new_error))
        ]
        lines.append(f"  {c.model}, {c.term}: {' → '.join(numbers)}; because of {'; '.join(c.causes)}")
    lines.append(f"Variables with figures that moved: {len(comparison.variables) or 'none'}")
    for v in comparison.variables:
        gone = f", {v.came} came, {v.went} went" if v.came or v.went else ""
        largest = f", by up to {v.largest:.2%}" if math.isfinite(v.largest) and v.largest else ""
        lines.append(f"  {v.panel}.{v.variable}: {v.cells} figures{gone}{largest}; because of {'; '.join(v.causes)}")
    return "\n".join(lines)


def _names(old: Path, new: Path, pattern: str) -> list[str]:
    return sorted({path.name for folder in (old, new) for path in folder.glob(pattern)})


def _panel_changes(panel: str, old: Path, new: Path) -> Iterable[VariableChange]:
    frames = []
    for folder in (old, new):
        path = folder / "panel.parquet"
        frames.append(pd.read_parquet(path).set_index(["unit", "period"]) if path.is_file() else None)
    first, second = frames
    if first is None or second is None:
        cause = "the panel is new" if first is None else "the panel is gone"
        there = second if first is None else first
        assert there is not None
        for name in there.columns:
            count = int(there[name].notna().sum())
            came, went = (count, 0) if first is None else (0, count)
            yield VariableChange(panel, str(name), count, came, went, math.inf, (cause,))
        return
    rows = first.index.union(second.index)
    books = [_codebook(folder) for folder in (old, new)]
    ways = [_lineage(folder) for folder in (old, new)]
    for name in dict.fromkeys([*first.columns, *second.columns]):
        a = first[name].reindex(rows) if name in first else pd.Series(float("nan"), index=rows)
        b = second[name].reindex(rows) if name in second else pd.Series(float("nan"), index=rows)
        came, went = int((a.isna() & b.notna()).sum()), int((a.notna() & b.isna()).sum())
        size = (b - a).abs() / a.abs().where(a != 0, 1.0)
        moved = int((size > TOLERANCE).sum())
        if came or went or moved:
            largest = float(size.max()) if moved else 0.0
            causes = _causes(str(name), books, ways) or ("a variable that it is made of",)
            yield VariableChange(panel, str(name), moved + came + went, came, went, largest, causes)


def _codebook(folder: Path) -> dict[str, dict[str, str]]:
    table = pd.read_csv(folder / "codebook.csv", dtype=str, keep_default_na=False)
    return {row["variable"]: {str(k): str(v) for k, v in row.items()} for _, row in table.iterrows()}


def _lineage(folder: Path) -> dict[str, pd.DataFrame]:
    table = pd.read_parquet(folder / "lineage.parquet")
    return {str(name): part for name, part in table.groupby("variable", observed=True)}


def _causes(name: str, books: list[dict[str, dict[str, str]]], ways: list[dict[str, pd.DataFrame]]) -> tuple[str, ...]:
    """Causes of one variable's own change; empty for a formula whose text is the same."""
    old, new = (book.get(name) for book in books)
    if old is None or new is None:
        return ("the variable is new",) if old is None else ("the variable is gone",)
    if old["formula"] != new["formula"]:
        return (f"another formula: {old['formula'] or old['series']} → {new['formula'] or new['series']}",)
    found: list[str] = []
    if name in ways[0] and name in ways[1]:
        for column in _CAUSES:
            if column not in ways[0][name] or column not in ways[1][name]:
                continue
            before, after = (_values(way[name], column) for way in ways)
            if before != after:
                shown = f": {_shown(before)} → {_shown(after)}" if column != "text" else ""
                found.append(_WORDS[column] + shown)
        if found and found[-1] == _WORDS["text"] and len(found) > 1:
            found.pop()
    return tuple(found)


def _values(lineage: pd.DataFrame, column: str) -> tuple[str, ...]:
    if column == "text":
        ordered = lineage.sort_values(["unit", "period"])
        return tuple(map(str, ordered[column]))
    return tuple(sorted({str(value) for value in lineage[column].dropna().unique()} - {""}))


def _shown(values: tuple[str, ...]) -> str:
    return ", ".join(values[:3]) + (" …" if len(values) > 3 else "") if values else "none"


def _model_changes(
    old: Path, new: Path, moved: Mapping[tuple[str, str], VariableChange]
) -> Iterable[CoefficientChange]:
    before, after = (json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None for path in (old, new))
    rows = [{str(row["term"]): row for row in model["coefficients"]} if model else {} for model in (before, after)]
    for term in dict.fromkeys([*rows[0], *rows[1]]):
        a, b = rows[0].get(term, {}), rows[1].get(term, {})
        if all(_same(a.get(key), b.get(key)) for key in ("estimate", "std_error", "ci_wild_low", "ci_wild_high")):
            continue
        yield CoefficientChange(
            (after or before or {})["model"],
            term,
            a.get("estimate"),
            b.get("estimate"),
            a.get("std_error"),
            b.get("std_error"),
            _model_causes(before, after, moved),
        )


def _model_causes(
    old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, moved: Mapping[tuple[str, str], VariableChange]
) -> tuple[str, ...]:
    if old is None or new is None:
        return ("the model is new",) if old is None else ("the model is gone",)
    causes = [
        f"another {key}: {old['spec'][key] or 'none'} → {new['spec'][key] or 'none'}"
        for key in sorted(set(old["spec"]) & set(new["spec"]))
        if old["spec"][key] != new["spec"][key] and key not in ("title",)
    ]
    if old.get("seed") != new.get("seed"):
        causes.append(f"another seed: {old.get('seed')} → {new.get('seed')}")
    names = {part for row in new["coefficients"] for part in str(row["term"]).split(":")} | {str(new["outcome"])}
    names |= {name for term in new["spec"]["regressors"] for name in str(term).split(":")}
    for name in sorted(names):
        change = moved.get((str(new["panel"]), name))
        if change is not None:
            causes.append(f"{name} ({'; '.join(change.causes)})")
    if old["n_obs"] != new["n_obs"]:
        causes.append(f"the sample: {old['n_obs']} → {new['n_obs']} observations")
    return tuple(causes) or ("the program or its libraries",)


def _verdict_changes(old: Path, new: Path) -> tuple[VerdictChange, ...]:
    found = []
    for folder in (old, new):
        path = folder / "scorecard.json"
        claims = json.loads(path.read_text(encoding="utf-8"))["claims"] if path.is_file() else []
        found.append({str(claim["claim"]): str(claim["verdict"]) for claim in claims})
    before, after = found
    return tuple(
        VerdictChange(claim, before.get(claim, ""), after.get(claim, ""))
        for claim in dict.fromkeys([*before, *after])
        if before.get(claim) != after.get(claim)
    )


def _same(a: float | None, b: float | None) -> bool:
    if a is None or b is None:
        return a is b
    return math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=0.0)


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
