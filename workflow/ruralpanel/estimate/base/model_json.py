"""Results' JSON: written so that null always means none, and read into the classes that declare what it holds."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, TypeAdapter, ValidationError

from ruralpanel.project.files import PLAIN, write_json
from ruralpanel.project.notes import Note, plain_notes
from ruralpanel.project.periods import Period, parse, written
from ruralpanel.project.problems import Problem, UserError

T = TypeVar("T")

Number = Annotated[float, BeforeValidator(lambda value: math.nan if value is None else value)]
"""A number that JSON holds as null where it is none."""


def _note(value: Any) -> Any:
    return Note.from_dict(value) if isinstance(value, Mapping) and "code" in value else value


AsNote = Annotated[Note, BeforeValidator(_note)]
Notes = tuple[AsNote, ...]

LARGE_SIZE = 0.10
"""Simulated size of a nominal 5 % test beyond which every place that prints the test says so."""

OF_ERROR = ("std_error", "statistic", "df", "p_value", "ci_low", "ci_high", "detectable")
"""Numbers that follow from a standard error."""

_PERIODS = ("period", "periods")
_LIMITS = re.compile(r"(^|_)(low|high|ci|intervals)$")
_INFINITE = {"-inf": -math.inf, "inf": math.inf}


def read_results(path: str | Path) -> dict[str, Any]:
    """A JSON file of results, `cleared`."""
    values: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"), object_hook=_object)
    return values


def _object(values: dict[str, Any]) -> dict[str, Any]:
    """`numbered` and `cleared` of one JSON object whose parts are so already, in place."""
    for key in filter(_worded, values):
        values[key] = numbered(values[key], key)
    if _no_error(values):
        values |= {key: None for key in OF_ERROR if key in values and not isinstance(values[key], (list, dict))}
    return values


@cache
def _worded(key: str) -> bool:
    """Whether words may stand for numbers under a key."""
    return key in _PERIODS or bool(_LIMITS.search(key))


def _no_error(values: Mapping[str, Any]) -> bool:
    error = values.get("std_error")
    return isinstance(error, (int, float)) and not (math.isfinite(error) and error > 0)


def read_as(kind: type[T], path: str | Path) -> T:
    """A JSON file of results as the class that says what it holds; keys that the class does not know are left aside.

    Raises
    ------
    UserError
        The file is no JSON, or does not hold what the class says: it was cut off, or written by another version.
    """
    try:
        return made(kind, read_results(path))
    except ValidationError as error:
        first = error.errors()[0]
        where, found = ".".join(map(str, first["loc"])), first["msg"][:1].lower() + first["msg"][1:]
    except ValueError as error:
        where, found = "", str(error)
    raise UserError(Problem(str(path), where, found, "results of this version", "delete the file and run again"))


def made(kind: type[T], values: Any) -> T:
    """Values as `read_results` gives them, as the class that says what they are."""
    result: T = _adapter(kind).validate_python(values)  # type: ignore[arg-type]  # every class is hashable
    return result


@cache
def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def write_results(path: str | Path, values: Any) -> None:
    """Write results as JSON, `cleared`: notes as codes with their values, quarters and months by their labels, limits
    without bound ``-inf``, ``inf``."""
    write_json(path, _labelled(cleared(plain_notes(values))))


def numbered(values: Any, key: str = "") -> Any:
    """What has been read from JSON, with numbers for the labels of quarters and months and for infinite limits."""
    if isinstance(values, Mapping):
        return {name: numbered(value, name) for name, value in values.items()}
    if isinstance(values, list):
        return [numbered(value, key) for value in values]
    if not isinstance(values, str):
        return values
    if key in _PERIODS:
        return parse(values) or values
    return _INFINITE.get(values, values) if _LIMITS.search(key) else values


def _labelled(values: Any, key: str = "") -> Any:
    if isinstance(values, dict):
        return {name: _labelled(value, name) for name, value in values.items()}
    if isinstance(values, list):
        return [_labelled(value, key) for value in values]
    if isinstance(values, float) and math.isinf(values) and _LIMITS.search(key):
        return "inf" if values > 0 else "-inf"
    named = key in _PERIODS and type(values) is int
    return written(values) if named or isinstance(values, Period) else values


def cleared(values: Any) -> Any:
    """The same values, but that no error of zero, and nothing that follows from one, stands beside an estimate.

    The gate of everything that is written and printed: an error of zero is one that was not computed.
    """
    if type(values) in PLAIN:
        return values
    if isinstance(values, Mapping):
        empty = _no_error(values)
        return {
            key: None if empty and key in OF_ERROR and not isinstance(value, (list, Mapping)) else cleared(value)
            for key, value in values.items()
        }
    return [cleared(value) for value in values] if isinstance(values, (list, tuple)) else values


def finite(value: float | None) -> float | None:
    """The number, or None where it is missing or infinite."""
    return None if value is None or not math.isfinite(value) else float(value)


def limit(value: float | None) -> float | None:
    """The limit of an interval, which may be infinite, or None where it is missing."""
    return None if value is None or math.isnan(value) else float(value)
