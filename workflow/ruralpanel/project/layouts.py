"""What a source's `layout` says, held against the keys of its adapter."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from ruralpanel.project.kinds.adapters import ADAPTERS
from ruralpanel.project.kinds.facts import LayoutKey
from ruralpanel.project.problems import Problem, did_you_mean

_WORDS = {
    "text": "text",
    "number": "a whole number",
    "decimal": "a number",
    "list": "a list",
    "mapping": "a mapping",
}


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
        place = f"{where}.{name}"
        if name not in known:
            fix = did_you_mean(str(name), known) or "known are " + ", ".join(known)
            problems.append(Problem(file, place, f'unknown key "{name}"', f"a layout key of {adapter}", fix))
            continue
        key = known[name]
        if isinstance(value, str) and value in _TO_FILL_IN:
            wanted, example = _TO_FILL_IN[value]
            problems.append(Problem(file, place, f'"{value}"', wanted, f"write it, as {name}: {example}"))
            continue
        if _kind(value) not in key.kinds:
            wanted = " or ".join(_WORDS[kind] for kind in key.kinds)
            problems.append(Problem(file, place, repr(value), wanted, key.meaning))
        elif name == "marks":
            problems += [
                Problem(
                    file,
                    place,
                    f'the mark "{mark}"',
                    "a mark that cannot be part of a figure",
                    'with its digit, as "1)", if that is printed; else correct the cells',
                )
                for mark in value
                if _PART_OF_FIGURE.fullmatch(str(mark)) and not _WHOLE_MARK.fullmatch(str(mark))
            ]
        elif key.least is not None and isinstance(value, (int, float)) and not value >= key.least:
            problems.append(Problem(file, place, repr(value), f"a number from {key.least:g} on", key.meaning))
        elif key.choices and value not in key.choices:
            options = ", ".join(f'"{choice}"' for choice in key.choices)
            problems.append(
                Problem(file, place, f'"{value}"', f"one of {options}", did_you_mean(str(value), key.choices))
            )
        elif isinstance(value, Mapping) and key.parts:
            problems += _part_problems(key, value, file, place)
    if "shape" in known and not problems:
        problems += _without_use(layout, known, file, where)
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
    unused = {
        name: key.formats
        for name, value in layout.items()
        if (key := known.get(name)) and key.formats and value != key.default and not set(key.formats) & set(formats)
    }
    found = ", ".join(sorted(formats))
    return [
        Problem(
            file,
            f"layout.{name}",
            f"a key of {' or '.join(fits)} files, but the source is {found}",
            f"only keys that say something about {found}",
            "leave it out",
        )
        for name, fits in unused.items()
    ]


def _without_use(layout: Mapping[str, Any], known: Mapping[str, LayoutKey], file: str, where: str) -> list[Problem]:
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
    problems = [
        Problem(file, f"{where}.{name}", repr(layout[name]), expected, fix)
        for name, expected in unused.items()
        if name in layout and layout[name] != known[name].default
    ]
    if layout.get("thousands") == layout.get("decimal", "."):
        found, other = repr(layout["thousands"]), "." if layout["thousands"] == "," else ","
        expected, fix = "another sign than the decimal mark", f'leave it out, or decimal: "{other}"'
        problems.append(Problem(file, f"{where}.thousands", found, expected, fix))
    return problems


def _part_problems(key: LayoutKey, value: Mapping[str, Any], file: str, place: str) -> list[Problem]:
    required = next(iter(key.parts))
    problems = [
        Problem(file, f"{place}.{name}", f'unknown key "{name}"', f"one of {', '.join(key.parts)}", key.meaning)
        for name in value
        if name not in key.parts
    ]
    if required not in value and not problems:
        problems.append(
            Problem(file, place, f"no `{required}`", f"one of {', '.join(key.parts[required])}", key.meaning)
        )
    for name, words in key.parts.items():
        if name in value and (not isinstance(value[name], str) or (words and value[name] not in words)):
            expected = f"one of {', '.join(words)}" if words else "text"
            problems.append(Problem(file, f"{place}.{name}", repr(value[name]), expected, key.meaning))
    return problems


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "yes or no"
    kinds = (("text", str), ("number", int), ("decimal", float), ("list", (list, tuple)), ("mapping", Mapping))
    for name, types in kinds:
        if isinstance(value, types):
            return name
    return "other"
