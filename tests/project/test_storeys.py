"""The storeys of the package: each imports only those below it, and nothing runs in a circle."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2] / "workflow"
STOREYS = ("project", "data", "estimate", "claims", "output", "tools")
MODULES = {
    ".".join(file.relative_to(ROOT).with_suffix("").parts): file
    for file in sorted(ROOT.glob("ruralpanel/**/*.py"))
    if file.name != "__init__.py"
}


@cache
def imported(file: Path, anywhere: bool = True) -> frozenset[str]:
    """Modules of the package that a file imports: anywhere in it, or when it is itself imported."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    nodes = ast.walk(tree) if anywhere else tree.body
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module:
            names = {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
            found |= names & set(MODULES)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names} & set(MODULES)
    return frozenset(found)


def test_only_the_command_line_stands_at_the_top() -> None:
    loose = {file.name for file in (ROOT / "ruralpanel").glob("*.py")}
    assert loose == {"__init__.py", "__main__.py", "cli.py"}
    assert {p.name for p in (ROOT / "ruralpanel").iterdir() if p.is_dir() and p.name != "__pycache__"} == set(STOREYS)


def test_no_import_runs_upwards() -> None:
    wrong = []
    for name, file in MODULES.items():
        storey = name.split(".")[1]
        if storey in STOREYS:
            above = STOREYS[STOREYS.index(storey) + 1 :]
            wrong += [f"{name} imports {other}" for other in imported(file) if other.split(".")[1] in (*above, "cli")]
    assert not wrong


def test_no_two_folders_import_each_other() -> None:
    """A folder and those inside it are one room."""
    arrows = {
        (name.rpartition(".")[0], other.rpartition(".")[0])
        for name, file in MODULES.items()
        for other in imported(file)
    }
    pairs = {(a, b) for a, b in arrows if a < b and (b, a) in arrows}
    assert not {(a, b) for a, b in pairs if not b.startswith(f"{a}.") and not a.startswith(f"{b}.")}


def test_no_module_needs_itself_to_be_imported() -> None:
    needs = {name: imported(file, anywhere=False) for name, file in MODULES.items()}
    left = dict(needs)
    while free := [name for name, others in left.items() if not others & set(left)]:
        left = {name: others for name, others in left.items() if name not in free}
    assert not left


def test_every_module_and_folder_says_what_it_is_for() -> None:
    files = [*MODULES.values(), *ROOT.glob("ruralpanel/**/__init__.py")]
    assert not [file for file in files if not ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))]
