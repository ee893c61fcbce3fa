"""YAML files as plain values, with every mistake a parser would hide or hurl turned into a `Problem`."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from ruralpanel.contracts.problems import Problem

_MAX_PLACES = 500_000  # aliases of aliases grow exponentially; no honest document comes near


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML 1.2 core scalars: dates stay text, `no` and `off` stay text, 1e-3 is a number."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  (PyYAML's own class attribute)


def _resolve(tag: str, pattern: str, first: Sequence[str]) -> None:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$"), list(first))


_resolve("bool", r"true|True|TRUE|false|False|FALSE", "tTfF")
_resolve("null", r"~|null|Null|NULL|", ["~", "n", "N", ""])
_resolve("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789")
_resolve(
    "float",
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
    "-+0123456789.",
)
_resolve("merge", r"<<", "<")


def _construct_int(loader: Any, node: yaml.ScalarNode) -> int:
    text = loader.construct_scalar(node)
    base = {"0o": 8, "0x": 16}.get(text[:2], 10)
    return int(text, base)


_Loader.add_constructor("tag:yaml.org,2002:int", _construct_int)


@dataclass(frozen=True)
class Document:
    """A YAML file read.

    Attributes
    ----------
    values : the mapping at its top; empty where it could not be read.
    problems : what is wrong with it as YAML.
    locations : config path (``models.baseline.estimator``, ``tables.main.models[0]``) → line, counted from 1.
    """

    values: dict[str, Any]
    problems: tuple[Problem, ...]
    locations: Mapping[str, int]


def config_path(parts: Sequence[str | int]) -> str:
    """``("models", "baseline", "regressors", 1)`` → ``models.baseline.regressors[1]``."""
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def load_yaml(path: str | Path, name: str = "") -> tuple[dict[str, Any], list[Problem]]:
    """The values of a YAML file and what is wrong with it; `name` is the file's name in problems (default: `path`)."""
    document = load_document(path, name)
    return document.values, list(document.problems)


def load_document(path: str | Path, name: str = "") -> Document:
    """Read a YAML file whose top is a mapping.

    Nothing is raised for a bad file: syntax errors, duplicate keys, another encoding than UTF-8, another top
    than a mapping, an empty or missing file come back as problems with their line. Dates stay text.
    """
    name = name or str(path)
    text, problem = read_text(path, name)
    if problem:
        return Document({}, (problem,), {})
    return parse_document(text, name)


def read_text(path: str | Path, name: str = "") -> tuple[str, Problem | None]:
    """The text of a UTF-8 file (a byte-order mark is dropped), or the problem that kept it from being read."""
    name = name or str(path)
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        fix = "check the path; it is relative to the file that names it"
        return "", Problem(name, "", "no such file", "a file", fix)
    except IsADirectoryError:
        return "", Problem(name, "", "a folder", "a file")
    except OSError as error:
        return "", Problem(name, "", f"a file that cannot be read ({error.strerror})", "a readable file")
    try:
        return data.decode("utf-8-sig"), None
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        return "", Problem(name, f"line {line}", "bytes that are not UTF-8", "UTF-8 text", "save the file as UTF-8")


def parse_document(text: str, name: str) -> Document:
    """`load_document` of a text already in memory."""
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return Document({}, (Problem(name, "", "an empty file", "keys and values"),), {})
            walker = _Walker(name)
            walker.walk(node, ())
            if walker.fatal:
                return Document({}, tuple(walker.problems), {})
            values = loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        return Document({}, (_syntax_problem(error, name),), {})
    except RecursionError:
        return Document({}, (Problem(name, "", "nesting too deep to read", "YAML"),), {})
    except (ValueError, OverflowError) as error:
        return Document({}, (Problem(name, "", f"a value that cannot be read ({error})", "YAML"),), {})
    if not isinstance(values, dict):
        found = "a list" if isinstance(values, list) else f"the single value {str(values)[:60]!r}"
        return Document({}, (Problem(name, "line 1", found, "keys and values (key: value)"),), {})
    return Document(values, tuple(walker.problems), walker.locations)


class _Walker:
    """Visit a tree of YAML nodes: note each path's line, find duplicate keys, refuse what never ends."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.locations: dict[str, int] = {}
        self.problems: list[Problem] = []
        self.fatal = False
        self._open: set[int] = set()
        self._seen = 0

    def walk(self, node: yaml.Node, path: tuple[str | int, ...]) -> None:
        self._seen += 1
        if self.fatal:
            return
        if id(node) in self._open or self._seen > _MAX_PLACES:
            found = "an alias that contains itself" if id(node) in self._open else "more than 500,000 values"
            self._report(node, path, found, "plain keys, values and lists")
            self.fatal = True
            return
        self._open.add(id(node))
        if isinstance(node, yaml.MappingNode):
            self._walk_mapping(node, path)
        elif isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self.locations[config_path((*path, index))] = item.start_mark.line + 1
                self.walk(item, (*path, index))
        self._open.discard(id(node))

    def _walk_mapping(self, node: yaml.MappingNode, path: tuple[str | int, ...]) -> None:
        lines: dict[Hashable, int] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._report(key, path, "a list or mapping as a key", "text or a number as a key")
                self.fatal = True
                continue
            here = (*path, key.value)
            if key.tag == "tag:yaml.org,2002:merge":
                self.walk(value, path)
                continue
            line = key.start_mark.line + 1
            if key.value in lines:
                found = f"the key again (first in line {lines[key.value]})"
                self._report(key, here, found, "each key once", "remove or rename one")
            lines[key.value] = line
            self.locations[config_path(here)] = line
            self.walk(value, here)

    def _report(self, node: yaml.Node, path: tuple[str | int, ...], found: str, expected: str, fix: str = "") -> None:
        where = at_line(config_path(path), node.start_mark.line + 1)
        self.problems.append(Problem(self.name, where, found, expected, fix))


def at_line(where: str, line: int) -> str:
    """``models.baseline (line 12)``."""
    return f"{where} (line {line})" if where else f"line {line}"


def with_lines(problems: Sequence[Problem], locations: Mapping[str, int]) -> list[Problem]:
    """The problems with the line of their config path, or of the nearest path above it, added to ``where``."""
    return [_with_line(problem, locations) for problem in problems]


def line_of(where: str, locations: Mapping[str, int]) -> int | None:
    """The line of a config path or, where it is not in the file, of the nearest one above it."""
    path = where
    while path:
        if path in locations:
            return locations[path]
        path = re.sub(r"(?:\.[^.\[]*|\[\d+\]|^[^.\[]+)$", "", path) if re.search(r"[.\[]", path) else ""
    return None


def _with_line(problem: Problem, locations: Mapping[str, int]) -> Problem:
    line = line_of(problem.where, locations)
    return problem if line is None else replace(problem, where=at_line(problem.where, line))


def _syntax_problem(error: yaml.YAMLError, name: str) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    reason = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error).splitlines()[0]
    fix = ""
    reason = re.sub(r"^(?:found |did not find expected )", lambda m: "" if "not" not in m.group() else "no ", reason)
    if "cannot start any token" in reason:
        fix = "indent with blanks, not tabs; put text that begins with a sign in quotes"
    elif "mapping values are not allowed" in reason:
        fix = "put text that contains a colon in quotes, and check the indentation"
    elif "could not determine a constructor" in reason:
        reason, fix = f"the tag {reason.rsplit(' ', 1)[-1]}", "leave out words that begin with !"
    elif "flow" in str(getattr(error, "context", "")) and (start := getattr(error, "context_mark", None)):
        fix = f"close the bracket that opens in line {start.line + 1}, or put a comma between its entries"
    return Problem(name, where, reason, "YAML", fix)
