"""YAML files as plain values, with every mistake a parser would hide or hurl turned into a `Problem`."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from ruralpanel.project.problems import Problem

_MAX_PLACES = 500_000  # aliases of aliases grow exponentially; no honest document comes near
_TAG = "tag:yaml.org,2002:"
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML 1.2 core scalars: dates stay text, `no` and `off` stay text, 1e-3 is a number."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  (PyYAML's own class attribute)


def _resolve(tag: str, pattern: str, first: Sequence[str]) -> None:
    _Loader.add_implicit_resolver(f"{_TAG}{tag}", re.compile(f"^(?:{pattern})$"), list(first))


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


_Loader.add_constructor(f"{_TAG}int", _construct_int)


@dataclass(frozen=True)
class Document:
    """A YAML file read.

    Attributes
    ----------
    values : the mapping at its top, every key as text; empty where it could not be read.
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
        if data.startswith(_WORKBOOKS):
            return "", Problem(
                name, "", "a workbook or an archive", "text in UTF-8", "export it as CSV, or name another file"
            )
        line = data[: error.start].count(b"\n") + 1
        return "", Problem(name, f"line {line}", "bytes that are not UTF-8", "UTF-8 text", "save the file as UTF-8")


def parse_document(text: str, name: str) -> Document:
    """`load_document` of a text already in memory."""
    if "\r" in text and "\n" not in text:
        fix = "save the file with the line ends of Unix (LF) or Windows (CR LF)"
        return Document({}, (Problem(name, "", "line ends of CR alone", "lines that end with LF", fix),), {})
    if unprintable := _UNPRINTABLE.search(text.replace("\r\n", "\n")):
        line = text[: unprintable.start()].count("\n") + 1
        found = f"the control character {_code(unprintable)}"
        return Document({}, (Problem(name, f"line {line}", found, "text that can be printed", "take it out"),), {})
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
        return Document({}, (_syntax_problem(error, name, text),), {})
    except RecursionError:
        return Document({}, (Problem(name, "", "nesting too deep to read", "YAML"),), {})
    except (ValueError, OverflowError) as error:
        return Document({}, (Problem(name, "", f"a value that cannot be read ({error})", "YAML"),), {})
    if not isinstance(values, dict):
        found = "a list" if isinstance(values, list) else f"the single value {str(values)[:60]!r}"
        line = node.start_mark.line
        problem = _full_width_colon(text, line, line, name)
        return Document({}, (problem or Problem(name, "line 1", found, "keys and values (key: value)"),), {})
    return Document(text_keys(values), tuple(walker.problems), walker.locations)


def text_keys(value: Any) -> Any:
    """The same plain values, every key as text: a year as a key is written without quotes."""
    if isinstance(value, Mapping):
        return {str(k): text_keys(v) for k, v in value.items()}
    return [text_keys(v) for v in value] if isinstance(value, (list, tuple)) else value


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
        elif unprintable := _UNPRINTABLE.search(node.value):
            self._report(node, path, f"the control character {_code(unprintable)}", "text that can be printed")
        self._open.discard(id(node))

    def _walk_mapping(self, node: yaml.MappingNode, path: tuple[str | int, ...]) -> None:
        lines: dict[Hashable, int] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._report(key, path, "a list or mapping as a key", "text or a number as a key")
                self.fatal = True
                continue
            if key.tag == f"{_TAG}merge":
                self.walk(value, path)
                continue
            here = (*path, key.value)
            line = key.start_mark.line + 1
            kind = key.tag.removeprefix(_TAG)
            if kind not in ("str", "int"):
                shown = f'"{key.value}", which YAML reads as {_KINDS.get(kind, kind)},' if key.value else "nothing"
                self._report(key, path, f"{shown} as a key", "text or a whole number as a key", "put the key in quotes")
            elif unprintable := _UNPRINTABLE.search(str(key.value)):
                self._report(key, path, f"the control character {_code(unprintable)} in a key", "a key in plain text")
            elif node.flow_style and value.tag == f"{_TAG}null" and value.start_mark.index == value.end_mark.index:
                if value.start_mark.index > key.end_mark.index:  # a colon stands between them
                    self._report(key, here, "no value", "a value after the colon", "give one, or take the key out")
                else:
                    self._without_value(node, key, path)
            if key.value in lines:
                found = f"the key again (first in line {lines[key.value]})"
                self._report(key, here, found, "each key once", "remove or rename one")
            lines[key.value] = line
            self.locations[config_path(here)] = line
            self.walk(value, here)

    def _report(self, node: yaml.Node, path: tuple[str | int, ...], found: str, expected: str, fix: str = "") -> None:
        where = at_line(config_path(path), node.start_mark.line + 1)
        self.problems.append(Problem(self.name, where, found, expected, fix))

    def _without_value(self, node: yaml.MappingNode, key: yaml.ScalarNode, path: tuple[str | int, ...]) -> None:
        """A word that a comma has cut off from the text before it: ``{title: Provinces, 2012–2019}``."""
        before = [(k, v) for k, v in node.value if k.end_mark.index <= key.start_mark.index]
        fix = f"{key.value}: and a value"
        if before and isinstance(before[-1][1], yaml.ScalarNode):
            first, text = before[-1]
            whole = f'{first.value}: "{text.value}, {key.value}"'
            fix = f"put text that contains a comma in quotes: {whole}"
        self._report(key, path, f'"{key.value}" without a value', "key: value between { and }", fix)


_KINDS = {"null": "nothing", "bool": "true or false", "float": "a number with decimals"}


def _code(match: re.Match[str]) -> str:
    return f"U+{ord(match.group()):04X}"


def at_line(where: str, line: int) -> str:
    """``models.baseline (line 12)``."""
    return f"{where} (line {line})" if where else f"line {line}"


def with_lines(problems: Sequence[Problem], locations: Mapping[str, int]) -> list[Problem]:
    """The problems with the line of their config path, or of the nearest path above it, added to ``where``."""
    return [_with_line(problem, locations) for problem in problems]


def line_of(where: str, locations: Mapping[str, int]) -> int | None:
    """The line of a config path or, where it is not in the file, of the nearest one above it."""
    return next((locations[path] for path in upwards(where) if path in locations), None)


def upwards(path: str) -> Iterator[str]:
    """A config path and those above it: ``models.baseline.regressors[1]``, ``models.baseline.regressors``, …"""
    while path:
        yield path
        path = path[: max(path.rfind("."), path.rfind("["), 0)]


def _with_line(problem: Problem, locations: Mapping[str, int]) -> Problem:
    line = line_of(problem.where, locations)
    return problem if line is None else replace(problem, where=at_line(problem.where, line))


def _syntax_problem(error: yaml.YAMLError, name: str, text: str) -> Problem:
    mark: Any = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    begun: Any = getattr(error, "context_mark", None) or mark
    reason = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error).splitlines()[0]
    if "could not find expected ':'" in reason or "unexpected end of stream" in reason:
        mark = begun  # noticed only on the line after, or at the end of the file
    if mark and (problem := _full_width_colon(text, min(begun.line, mark.line), mark.line, name)):
        return problem
    lines, in_flow = [*text.splitlines(), ""], bool(begun) and "flow" in str(getattr(error, "context", ""))
    where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    fix = ""
    reason = re.sub(r"^(?:found |did not find expected )", lambda m: "" if "not" not in m.group() else "no ", reason)
    if "cannot start any token" in reason:
        fix = "indent with blanks, not tabs; put text that begins with a sign in quotes"
    elif "mapping values are not allowed" in reason and re.match(r"\s*(?:- )*[\w.]+:\S", lines[mark.line - 1]):
        where, reason, fix = f"line {mark.line}", "a colon without a blank after it", "write key: value"
    elif "mapping values are not allowed" in reason:
        reason = "a second colon where a value stands"
        fix = _quoted(lines[mark.line]) or "put text that contains a colon in quotes, and check the indentation"
    elif "could not find expected ':'" in reason:
        reason, fix = "a line without key and colon", "write key: value, and put text over several lines in quotes"
    elif "for merging" in reason:
        reason, fix = (
            "<< before what are no keys and values",
            "write <<: *name, where &name stands before keys and values",
        )
    elif "undefined alias" in reason:
        reason, fix = (
            "a name after * that nothing above bears",
            "write &name where it is first said, or put the text in quotes",
        )
    elif "could not determine a constructor" in reason:
        reason, fix = f"the tag {reason.rsplit(' ', 1)[-1]}", "leave out words that begin with !"
    elif "unexpected end of stream" in reason:
        reason, fix = "a quotation mark that is never closed", "close it, or double one that belongs to the text"
    elif in_flow and begun.line == mark.line and lines[mark.line][mark.column : mark.column + 1] == ":":
        reason, fix = "a second colon where a value stands", "put text that contains a colon in quotes"
    elif in_flow:
        fix = f"close the bracket that opens in line {begun.line + 1}, or put a comma between its entries"
    elif reason == "no key" and re.search(r"[\"']\s*$", lines[mark.line][: mark.column]):
        reason, fix = "text after a closing quotation mark", "double a quotation mark that belongs to the text"
    elif "another document" in reason:
        reason, fix = "a second document after ---", "keep one document in the file"
    elif "Unicode character escape" in reason:
        reason, fix = "an escape that stands for no character", "write the character itself"
    return Problem(name, where, reason, "YAML", fix)


def _full_width_colon(text: str, first: int, last: int, name: str) -> Problem | None:
    """The problem of ``language：en``, whose colon is of the Chinese keyboard, in or just above lines first to last."""
    lines = text.splitlines()
    for number in range(min(last, len(lines) - 1), max(first - 2, -1), -1):
        if match := re.match(r"\s*(?:- )?([^\s:：#\"'][^:：#\"']*)：\s*(.*)", lines[number]):
            fix = f"write a plain colon and a blank: {match[1]}: {match[2]}".rstrip()
            return Problem(name, f"line {number + 1}", f'a full-width colon after "{match[1]}"', "key: value", fix)
    return None


def _quoted(line: str) -> str:
    match = re.match(r"\s*(?:- )*([^\s:#\"'{\[][^:#]*): +([^\"'{\[|>].*)$", line)
    if not match or not re.search(r":(?: |$)", match[2]) or '"' in match[2]:
        return ""
    return f'quote the text: {match[1]}: "{match[2].rstrip()}"'
