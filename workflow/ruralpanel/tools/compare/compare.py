"""Two folders of results → what differs between them, and that in words: a short summary for the screen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

from ruralpanel.project.problems import Problem, UserError, some
from ruralpanel.project.yaml import load_document
from ruralpanel.tools.compare.cells import cell_changes
from ruralpanel.tools.compare.changes import Cause, CellChange, CoefficientChange, Comparison, Estimate, counted
from ruralpanel.tools.compare.estimates import claim_changes, coefficient_changes

FOLDER = Path(__file__).resolve().parents[3] / "report" / "text" / "comparison"

_LISTED = 10
_CAUSES = 3
_LONG = 90


def compare(old: str | Path, new: str | Path) -> Comparison:
    """Compare the panels, models and verdicts of two folders of results.

    Raises
    ------
    UserError
        A folder that does not hold results.
    """
    folders = Path(old), Path(new)
    problems = [
        Problem(
            str(folder), "", "no results", "a folder with panels/ and models/", "name a folder that a run has built"
        )
        for folder in folders
        if not (folder / "panels").is_dir()
    ]
    if problems:
        raise UserError(problems)
    before, after = folders
    cells = [
        change
        for panel in _names(before / "panels", after / "panels", "*")
        for change in cell_changes(panel, before / "panels" / panel, after / "panels" / panel)
    ]
    moved: dict[tuple[str, str], list[CellChange]] = {}
    for cell in cells:
        moved.setdefault((cell.panel, cell.variable), []).append(cell)
    coefficients = [
        change
        for model in _names(before / "models", after / "models", "*.json")
        for change in coefficient_changes(before / "models" / model, after / "models" / model, moved)
    ]
    return Comparison(tuple(cells), tuple(coefficients), tuple(claim_changes(before, after, coefficients)))


def _names(old: Path, new: Path, pattern: str) -> list[str]:
    return sorted({path.name for folder in (old, new) for path in folder.glob(pattern)})


def cause_names(language: str = "en") -> Mapping[str, str]:
    """What each kind of cause is called."""
    path = FOLDER / f"{language}.yaml"
    names: Mapping[str, str] = load_document(path, f"comparison/{path.name}").values["cause"]
    return names


def summary(comparison: Comparison, more: str = "--html FILE and --csv FILE list everything") -> str:
    """The comparison in a few lines: verdicts first, then causes, coefficients and variables, the largest of each."""
    if comparison.empty:
        return "Nothing differs: every figure, coefficient and verdict is the same."
    names, verdicts = cause_names(), comparison.verdicts
    lines = [f"Verdicts that changed: {len(verdicts) or 'none'}"]
    for claim in verdicts:
        verdict = f"{claim.old or 'absent'} → {claim.new or 'absent'}"
        lines.append(f"  {claim.claim}: {verdict}; because of {in_words(claim.causes, names)}")
        lines += [f"    now: {text}" for text in claim.reasons_new]
    kept = len(comparison.claims) - len(verdicts)
    if kept:
        lines.append(f"  {kept} with the same verdict, but another number or other reasons")
    causes = by_cause(comparison.cells)
    lines.append(f"Figures that moved: {len(comparison.cells) or 'none'}")
    lines += [
        f"  {number} because of {cause_words(cause, names)} ({some(of)})" for cause, of, number in causes[:_LISTED]
    ]
    lines += _rest(len(causes), "causes")
    ordered = largest_first(comparison.coefficients)
    lines.append(f"Coefficients that moved: {len(ordered) or 'none'}")
    for c in ordered[:_LISTED]:
        size = f" ({c.in_errors:.2g} standard errors)" if math.isfinite(c.in_errors) else ""
        moved = f"{estimate(c.old)} → {estimate(c.new)}{size}"
        lines.append(f"  {c.model}, {c.term}: {moved}; because of {in_words(c.causes, names)}")
    lines += _rest(len(ordered), "coefficients")
    if more:
        lines.append(f"({more})")
    return "\n".join(lines)


def cause_words(cause: Cause, names: Mapping[str, str]) -> str:
    """One cause in words."""
    shown = (
        f": {_cut(cause.old)} → {_cut(cause.new)}" if cause.old != cause.new else f": {cause.new}" if cause.new else ""
    )
    return f"{cause.via + ', ' if cause.via else ''}{names[cause.kind]}{shown}"


def in_words(causes: Sequence[Cause], names: Mapping[str, str]) -> str:
    """The first causes in words, and how many more there are."""
    shown = [cause_words(cause, names) for cause in causes[:_CAUSES]]
    more = [f"{len(causes) - _CAUSES} more"] if len(causes) > _CAUSES else []
    return "; ".join([*shown, *more])


def by_cause(cells: Sequence[CellChange]) -> list[tuple[Cause, tuple[str, ...], int]]:
    """Causes, whatever variable they come through, with the variables and the number of figures; the most first."""
    plain = [(cell, {Cause(cause.kind, cause.old, cause.new) for cause in cell.causes}) for cell in cells]
    counts = []
    for cause, number in counted(sorted(causes, key=str) for _, causes in plain):
        names = dict.fromkeys(cell.variable for cell, causes in plain if cause in causes)
        counts.append((cause, tuple(names), number))
    return counts


def largest_first(coefficients: Sequence[CoefficientChange]) -> list[CoefficientChange]:
    """By the move in standard errors; coefficients that came or went last, in their order."""
    return sorted(
        coefficients, key=lambda c: (not math.isfinite(c.in_errors), -c.in_errors if c.in_errors == c.in_errors else 0)
    )


def largest_cells(cells: Sequence[CellChange], number: int) -> list[CellChange]:
    """The `number` largest relative changes, in the order of the panels; figures that came or went count as largest."""
    order = sorted(range(len(cells)), key=lambda i: (-cells[i].relative, i))
    return [cells[i] for i in sorted(order[:number])]


def estimate(value: Estimate | None) -> str:
    """An estimate and its standard error."""
    return "absent" if value is None else f"{number(value.value)} ({number(value.std_error)})"


def number(value: float | None) -> str:
    """Four significant digits, a dash for none."""
    return "–" if value is None else f"{value:.4g}"


def joined(names: Sequence[str]) -> str:
    """Names in one line, each once."""
    return ", ".join(name for name, _ in groupby(names))


def _rest(total: int, what: str) -> list[str]:
    return [f"  and {total - _LISTED} more {what}"] if total > _LISTED else []


def _cut(text: str) -> str:
    return text if len(text) <= _LONG else text[: _LONG - 1] + "…"
