"""What a source's `layout` says, held against the keys of its adapter."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ruralpanel.project.kinds.adapters import ADAPTERS
from ruralpanel.project.kinds.facts import LayoutKey
from ruralpanel.project.problems import Problem, did_you_mean

_KINDS: Mapping[str, tuple[str, type | tuple[type, ...]]] = {
    "text": ("text", str),
    "number": ("a whole number", int),
    "decimal": ("a number", float),
    "list": ("a list", (list, tuple)),
    "mapping": ("a mapping", Mapping),
}
"""Kinds of value: in words, and as Python has them."""

_PART_OF_FIGURE = re.compile(r"[\s0-9.,+\-−()（）\[\]]*")
_WHOLE_MARK = re.compile(r"[(（\[]?[0-9]{1,2}[)）\]]")

_TO_FILL_IN = {"YYYY": ("the year of the figures", "1998"), "REGION": ("the region of the figures", "北京市")}
"""What new-source prints where a file does not say it."""


def layout_problems(adapter: str, layout: Mapping[str, Any], file: str, where: str) -> tuple[Problem, ...]:
    """What is wrong with a source's `layout`: unknown keys, wrong kinds of value, words not allowed.

    Parameters
    ----------
    adapter : str
        Its name; one that is not in `ADAPTERS` gives no problem here.
    layout : mapping
    file, where : str
        The file and the path in it that hold the layout, for the wording.
    """
    if adapter not in ADAPTERS:
        return ()
    known = ADAPTERS[adapter].keys
    problems = []
    for name, value in layout.items():
        if name in known:
            found = _value_problems(name, known[name], value)
        else:
            fix = did_you_mean(str(name), known) or "known are " + ", ".join(known)
            found = iter([("", (f'unknown key "{name}"', f"a layout key of {adapter}", fix))])
        problems += [Problem(file, f"{where}.{name}{below}", *words) for below, words in found]
    if "shape" in known and not problems:
        problems += [Problem(file, f"{where}.{name}", *words) for name, words in _without_use(layout, known)]
    return tuple(problems)


def format_problems(adapter: str, layout: Mapping[str, Any], formats: Collection[str], file: str) -> list[Problem]:
    """Keys of a source's `layout` that say nothing about any of its files, since these have other formats.

    Parameters
    ----------
    adapter, layout : as of `layout_problems`
    formats : the formats of the source's files.
    file : the source, for the wording.
    """
    known = ADAPTERS[adapter].keys if adapter in ADAPTERS else {}
    found, problems = ", ".join(sorted(formats)), []
    for name, value in layout.items():
        key = known.get(name)
        if key and key.formats and value != key.default and not set(key.formats) & set(formats):
            told = f"a key of {' or '.join(key.formats)} files, but the source is {found}"
            expected = f"only keys that say something about {found}"
            problems.append(Problem(file, f"layout.{name}", told, expected, "leave it out"))
    return problems


_Words = tuple[str, tuple[str, str, str]]
"""A key or what stands below it; what was found there, what was expected, the fix."""


def _value_problems(name: str, key: LayoutKey, value: Any) -> Iterator[_Words]:
    if isinstance(value, str) and value in _TO_FILL_IN:
        wanted, example = _TO_FILL_IN[value]
        yield "", (f'"{value}"', wanted, f"write it, as {name}: {example}")
    elif isinstance(value, bool) or not any(isinstance(value, _KINDS[kind][1]) for kind in key.kinds):
        yield "", (repr(value), " or ".join(_KINDS[kind][0] for kind in key.kinds), key.meaning)
    elif name == "marks":
        fix = 'with its digit, as "1)", if that is printed; else correct the cells'
        for mark in value:
            if _PART_OF_FIGURE.fullmatch(str(mark)) and not _WHOLE_MARK.fullmatch(str(mark)):
                yield "", (f'the mark "{mark}"', "a mark that cannot be part of a figure", fix)
    elif key.least is not None and isinstance(value, (int, float)) and not value >= key.least:
        yield "", (repr(value), f"a number from {key.least:g} on", key.meaning)
    elif key.choices and value not in key.choices:
        options = ", ".join(f'"{choice}"' for choice in key.choices)
        yield "", (f'"{value}"', f"one of {options}", did_you_mean(str(value), key.choices))
    elif isinstance(value, Mapping) and key.parts:
        yield from _part_problems(key, value)


def _without_use(layout: Mapping[str, Any], known: Mapping[str, LayoutKey]) -> Iterator[_Words]:
    """Keys of a table that its other keys leave without use, unless they say what holds anyway."""
    wide, units_across = layout.get("shape") == "wide", layout.get("across") == "unit"
    unused: dict[str, str] = {}
    if not wide:
        unused |= dict.fromkeys(("across", "columns"), "shape: wide, whose columns it is about")
    elif units_across:
        unused |= dict.fromkeys(("unit", "columns"), "shape: wide with a column for each period")
    else:
        unused["frequency"] = "a column of dates"
        unused["period"] = "the years in the names of the columns, as {period} in layout.columns says"
    if wide:
        unused["value"] = "a long table: in a wide one the figures stand below the years or units"
    elif not layout.get("series"):
        unused["value"] = "layout: {series: …}; without it each series has a column"
    if layout.get("query"):
        unused["from"] = "no query: that names its tables itself"
    fix = "leave it out; a row for each unit and period: leave shape: wide out" if wide else "leave it out"
    for name, expected in unused.items():
        if name in layout and layout[name] != known[name].default:
            yield name, (repr(layout[name]), expected, fix)
    if layout.get("thousands") == layout.get("decimal", "."):
        found, other = repr(layout["thousands"]), "." if layout["thousands"] == "," else ","
        yield "thousands", (found, "another sign than the decimal mark", f'leave it out, or decimal: "{other}"')


def _part_problems(key: LayoutKey, value: Mapping[str, Any]) -> Iterator[_Words]:
    required, unknown = next(iter(key.parts)), [name for name in value if name not in key.parts]
    for name in unknown:
        yield f".{name}", (f'unknown key "{name}"', f"one of {', '.join(key.parts)}", key.meaning)
    if required not in value and not unknown:
        yield "", (f"no `{required}`", f"one of {', '.join(key.parts[required])}", key.meaning)
    for name, words in key.parts.items():
        if name in value and (not isinstance(value[name], str) or (words and value[name] not in words)):
            yield f".{name}", (repr(value[name]), f"one of {', '.join(words)}" if words else "text", key.meaning)
