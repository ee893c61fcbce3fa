"""Which modules a script stands on, as one short hash: a rule parameter that reruns a job when its code changes."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

PACKAGE = "ruralpanel"


def fingerprint(script: str | Path, root: str | Path, data_files: Iterable[str | Path] = ()) -> str:
    """Hash of a script, of every module of the package that it imports, directly or not, and of further files.

    Parameters
    ----------
    script : the file that a job runs.
    root : the folder that holds the package.
    data_files : files read by the code at run time (templates, schemas).

    Notes
    -----
    Imports inside functions count, and so do modules named in full in a string (``"ruralpanel.adapters.table"``),
    which is how registries name what they import lazily.
    """
    base = Path(root)
    seen: dict[str, bytes] = {}
    waiting = [Path(script)]
    while waiting:
        path = waiting.pop()
        if str(path) in seen:
            continue
        content = path.read_bytes()
        seen[str(path)] = content
        waiting += [found for name in _imports(path) if (found := _module_file(name, base)) is not None]
    digest = hashlib.sha256()
    own = sorted(Path(name).name + hashlib.sha256(content).hexdigest() for name, content in seen.items())
    more = sorted(Path(name).name + hashlib.sha256(Path(name).read_bytes()).hexdigest() for name in data_files)
    for line in (*own, *more):
        digest.update(line.encode())
    return digest.hexdigest()[:12]


@cache
def _imports(path: Path) -> frozenset[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith(f"{PACKAGE}."):
            names.add(node.value)
    return frozenset(name for name in names if name.startswith(f"{PACKAGE}."))


def _module_file(name: str, root: Path) -> Path | None:
    place = root.joinpath(*name.split("."))
    for candidate in (place.with_suffix(".py"), place / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None
