"""Declared tables, charts and maps as the classes of their kinds, what is wrong with their keys, and what they read."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ruralpanel.project.kinds.facts import Output
from ruralpanel.project.kinds.figures import FIGURES
from ruralpanel.project.kinds.maps import MAPS, shown_by
from ruralpanel.project.kinds.options import Titled
from ruralpanel.project.kinds.tables import TABLES, kind_of, robustness_file
from ruralpanel.project.problems import Problem, UserError, nearest, raise_any, unknown

SECTIONS: Mapping[str, Mapping[str, Output]] = MappingProxyType({"tables": TABLES, "figures": FIGURES, "maps": MAPS})
"""Section of a configuration → its kinds."""

_QUOTED = re.compile("'([^']+)'")


@dataclass(frozen=True)
class Exhibit:
    """A declared table, chart or map: the name of its kind, what the house knows of this, its own keys."""

    type: str
    kind: Output
    options: Titled


def read_exhibit(kinds: Mapping[str, Output], declared: Mapping[str, Any], file: str, where: str) -> Exhibit:
    """A table, chart or map as it is written.

    Parameters
    ----------
    kinds : `TABLES`, `FIGURES` or `MAPS`.
    file, where : the configuration and the place of the entry in it, for messages.

    Raises
    ------
    UserError
        A kind that nobody knows, keys too many or too few, or values that the kind does not know.
    """
    name = shown_by(declared) if kinds is MAPS else kind_of(declared)
    if name not in kinds:
        raise UserError(unknown(file, f"{where}.type", name, f"one of {', '.join(kinds)}", kinds))
    raise_any(_key_problems(declared, name, kinds[name], kinds is MAPS, file, where))
    own = {key: value for key, value in declared.items() if key != "type"}
    try:
        return Exhibit(name, kinds[name], kinds[name].options.model_validate(own))
    except ValidationError as error:
        raise UserError(_unknown(fault, file, where) for fault in error.errors()) from error


def _unknown(fault: ErrorDetails, file: str, where: str) -> Problem:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in fault["loc"])
    known = _QUOTED.findall(str((fault.get("ctx") or {}).get("expected", "")))
    expected = f"one of {', '.join(known)}" if known else fault["msg"]
    return unknown(file, f"{where}{place}", fault["input"], expected, known)


def exhibit_problems(raw: Mapping[str, Any], file: str, aside: Collection[tuple[str, ...]] = ()) -> Iterator[Problem]:
    """What is wrong with tables, charts and maps as they are written; `aside`: section and name of those left out."""
    for section, kinds in SECTIONS.items():
        entries = raw.get(section)
        for name, declared in entries.items() if isinstance(entries, Mapping) else ():
            if (section, name) not in aside and isinstance(declared, Mapping):
                try:
                    read_exhibit(kinds, declared, file, f"{section}.{name}")
                except UserError as error:
                    yield from error.problems


def _key_problems(
    declared: Mapping[str, Any], type_: str, kind: Output, of_map: bool, file: str, where: str
) -> Iterator[Problem]:
    others = sorted(set(declared) - {"type", *kind.keys})
    misspelt = () if of_map else others
    for key in others:
        if of_map:
            yield Problem(file, f"{where}.{key}", f"{key} in a map of {type_}", f"no {key}", f"leave {key} out")
        else:
            yield unknown(file, f"{where}.{key}", key, f"a key of type {type_}", kind.keys)
    for key in kind.required:
        if not declared.get(key) and not nearest(key, misspelt):
            yield Problem(file, where, f"no {key}", f"{key}, which type {type_} needs")


def needed_files(table: Exhibit, panel_of_model: Mapping[str, str], results: str = "results") -> tuple[str, ...]:
    """The files below `results` that must be there before the table can be built.

    `panel_of_model` maps a model's name to its panel; a model that is not in it needs its JSON only.
    """
    options, kind = table.options, table.kind
    models = options.named_models
    own = [*filter(None, (options.get("panel"),)), *(outcome.panel for outcome in options.get("outcomes") or ())]
    files = [f"{results}/models/{name}.json" for name in models]
    if kind.of_claims:
        files += [robustness_file(name, results).as_posix() for name in models]
    for panel in dict.fromkeys((*own, *(panel_of_model[name] for name in models if name in panel_of_model))):
        files.append(f"{results}/panels/{panel}/codebook.csv")
        if panel in own:
            files.append(f"{results}/panels/{panel}/panel.parquet")
    if kind.file:
        files.append(options.get("file") or f"{results}/{kind.file}")
    return tuple(files)
