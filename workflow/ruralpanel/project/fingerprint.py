"""Which code a script stands on, as one short hash: a rule parameter that reruns a job when its code changes."""

from __future__ import annotations

import ast
import hashlib
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

from ruralpanel.project.files import atomic_path

PACKAGE = "ruralpanel"
DISTRIBUTIONS = {"yaml": "pyyaml", "docx": "python-docx"}
"""Libraries whose distribution has another name than what is imported."""

_KINDS = f"{PACKAGE}.project.kinds."
_RESOLVER = f"{_KINDS}facts.function"
"""What turns the names that a table of kinds holds into functions."""

_NAMED = re.compile(rf"({PACKAGE}(?:\.\w+)+)(?::\w+)?")


def fingerprint(script: str | Path, root: str | Path) -> str:
    """Hash of all files that a script stands on (`covered_files`) and of the versions of the libraries they import.

    Parameters
    ----------
    script : the file that a job runs.
    root : the folder that holds the package.
    """
    files = [(path, _file(path)) for path in covered_files(script, root)]
    lines = [path.name + file.digest for path, file in files]
    libraries = {name for _, file in files if file.code for name in file.code.libraries}
    lines += [f"{name}={_version(name)}" for name in libraries]
    digest = hashlib.sha256()
    for line in sorted(lines):
        digest.update(line.encode())
    return digest.hexdigest()[:12]


def covered_files(script: str | Path, root: str | Path) -> tuple[Path, ...]:
    """The script, every module of the package that it imports, directly or not, and the files that these read.

    Imports inside functions count, and so do modules named in a string (``"ruralpanel.data.adapters.table"``). What a
    table of kinds names in strings counts for modules that import the table beside `kinds.facts.function`, not for
    those that ask a kind something else. Files read at run time (templates, texts, schemas) are those that a module
    places beside itself: ``Path(__file__).resolve().parents[2] / "report" / "html"``.
    """
    base = Path(root)
    seen: set[Path] = set()
    waiting = {Path(script)}
    while waiting:
        path = waiting.pop()
        seen.add(path)
        waiting |= _next(path, base) - seen
    return tuple(sorted(seen))


@dataclass(frozen=True)
class _Code:
    """What one module names: modules of the package, libraries, and places of files beside it."""

    imports: frozenset[str]
    named: frozenset[str]
    libraries: frozenset[str]
    places: frozenset[tuple[int, tuple[str, ...]]]

    @classmethod
    def of(cls, content: bytes) -> _Code:
        imports, named, libraries, places = set(), set(), set(), set()
        for node in _walk(content):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and (found := _NAMED.fullmatch(node.value))
            ):
                named.add(found[1])
            for name in _imported(node):
                top = name.split(".")[0]
                if top == PACKAGE:
                    imports.add(name)
                elif top not in sys.stdlib_module_names:
                    libraries.add(top)
            place = _place(node)
            if place is not None:
                places.add(place)
        return cls(frozenset(imports), frozenset(named), frozenset(libraries), frozenset(places))


@dataclass(frozen=True)
class _File:
    digest: str
    code: _Code | None


_KNOWN: dict[str, _Code] = {}
_READ: dict[str, _Code] = {}
"""What modules name, by the hash of their content: as an earlier process left it, and of those that this one asked for.
"""
_FILES: dict[Path, _File] | None = None
_NEXT: dict[tuple[Path, Path], frozenset[Path]] = {}
"""Files and what they stand on at first hand, within the block of `remembered`, which takes each for what it was."""


def _file(path: Path) -> _File:
    if _FILES is not None and path in _FILES:
        return _FILES[path]
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    code = None
    if path.suffix == ".py":
        code = _READ[digest] = _READ.get(digest) or _KNOWN.get(digest) or _Code.of(content)
    file = _File(digest, code)
    if _FILES is not None:
        _FILES[path] = file
    return file


def _next(path: Path, root: Path) -> frozenset[Path]:
    """What a file stands on at first hand."""
    if (path, root) in _NEXT:
        return _NEXT[path, root]
    code = _file(path).code
    found: set[Path] = set()
    if code:
        found.update(*(_module_files(name, root) for name in code.imports | _resolved(code, path, root)))
        found.update(*(_data_files(path, place) for place in code.places))
    if _FILES is not None:
        _NEXT[path, root] = frozenset(found)
    return frozenset(found)


@contextmanager
def remembered(file: Path) -> Iterator[None]:
    """Within the block, what modules name is taken from a file where it is known by their content, and kept there.

    Each file of the package is read once within it, however many scripts stand on it.

    Each start of Snakemake goes through the whole package; most of it is as it was at the start before. The file counts
    for this very module only: another one might read modules otherwise.
    """
    reader = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()
    with suppress(OSError, ValueError, KeyError, TypeError):
        kept = json.loads(file.read_text(encoding="utf-8"))
        if kept["reader"] == reader:
            for key, (imports, named, libraries, places) in kept["modules"].items():
                code = (frozenset(imports), frozenset(named), frozenset(libraries))
                _KNOWN[key] = _Code(*code, frozenset((level, tuple(parts)) for level, parts in places))
    global _FILES
    _FILES = {}
    try:
        yield
    finally:
        _FILES = None
        _NEXT.clear()
    if not set(_READ) <= set(_KNOWN):
        modules = {
            key: [sorted(code.imports), sorted(code.named), sorted(code.libraries), sorted(code.places)]
            for key, code in _READ.items()
        }
        with suppress(OSError), atomic_path(file) as temporary:  # where nothing can be written it takes a second more
            temporary.write_text(json.dumps({"reader": reader, "modules": modules}), encoding="utf-8")


_TELLING = (ast.Constant, ast.Import, ast.ImportFrom, ast.Call, ast.BinOp)
_TOLD_IN_EXPRESSIONS = re.compile(rf"""["']{PACKAGE}\.|\b__file__\b|\bfind_spec\b""".encode())
_STATEMENTS = ("body", "orelse", "finalbody", "handlers", "cases")


def _walk(content: bytes) -> Iterator[ast.AST]:
    """The nodes that may tell something, but for those below ``if TYPE_CHECKING:``, which no run reaches.

    Every start of Snakemake goes through the whole package. So no recursion, and expressions are looked at only where
    the text has a word that tells something there: else imports are all there is, and those are statements.
    """
    within = _TOLD_IN_EXPRESSIONS.search(content) is not None
    waiting: list[ast.AST] = [ast.parse(content)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, _TELLING):
            yield node
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            waiting += node.orelse
            continue
        for name in node._fields if within else _STATEMENTS:
            value = getattr(node, name, None)
            if isinstance(value, ast.AST):
                waiting.append(value)
            elif isinstance(value, list):
                waiting += [item for item in value if isinstance(item, ast.AST)]


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield node.module
        if node.module.split(".")[0] == PACKAGE:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "find_spec":
        yield from (a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str))


def _place(node: ast.AST) -> tuple[int, tuple[str, ...]] | None:
    """``Path(__file__).resolve().parents[2] / "report" / "html"`` as (2, ("report", "html"))."""
    parts: list[str] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        if not isinstance(node.right, ast.Constant):
            return None
        parts.insert(0, str(node.right.value))
        node = node.left
    if not (parts and isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant)):
        return None
    beside = any(isinstance(part, ast.Name) and part.id == "__file__" for part in ast.walk(node))
    return (int(str(node.slice.value)), tuple(parts)) if beside else None


def _resolved(code: _Code, path: Path, root: Path) -> frozenset[str]:
    """Modules that a module names in strings, or that a table of kinds does whose functions it calls."""
    if path.parent.parts[-2:] == ("project", "kinds"):
        return frozenset()
    tables = {name for name in code.imports if name.startswith(_KINDS)} if _RESOLVER in code.imports else set()
    files = {file for table in tables for file in _module_files(table, root)}
    return code.named.union(*(read.named for file in files if (read := _file(file).code)))


@cache
def _module_files(name: str, root: Path) -> tuple[Path, ...]:
    """The file of a module and those of the packages around it; nothing where the name is that of an object."""
    around, _, last = name.rpartition(".")
    place = root.joinpath(*name.split("."))
    own = (place.with_name(f"{last}.py"), place / "__init__.py")
    return (*(_module_files(around, root) if around else ()), *(file for file in own if file.is_file()))


def _data_files(module: Path, place: tuple[int, tuple[str, ...]]) -> Iterator[Path]:
    level, parts = place
    target = module.resolve().parents[level].joinpath(*parts)
    found = sorted(target.rglob("*")) if target.is_dir() else [target]
    yield from (file for file in found if file.is_file() and "__pycache__" not in file.parts)


@cache
def _version(library: str) -> str:
    try:
        return metadata.version(DISTRIBUTIONS.get(library, library))
    except metadata.PackageNotFoundError:
        return ""
