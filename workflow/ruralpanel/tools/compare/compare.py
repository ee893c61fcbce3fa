"""Two folders of results → what differs between them."""

from __future__ import annotations

from pathlib import Path

from ruralpanel.project.problems import Problem, UserError
from ruralpanel.tools.compare.cells import cell_changes
from ruralpanel.tools.compare.changes import CellChange, Comparison
from ruralpanel.tools.compare.estimates import claim_changes, coefficient_changes


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
