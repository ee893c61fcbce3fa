"""The numbers that the report's prose quotes: looked up by key, formatted, recorded with their origin."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, is_dataclass
from typing import Any

from ruralpanel.output.report.document import Marked, number_mark
from ruralpanel.project.formats import MINUS, format_auto, format_number, format_p, format_percent
from ruralpanel.project.notes import Note

_FORMAT = re.compile(r"^(?P<sign>abs |\+)?(?P<kind>int|year|p|sig|fixed|points|e|%)(?P<digits>\d*)$")


@dataclass(frozen=True)
class Found:
    """A number and where it stands: a file below the results, a JSON pointer or a row and column in it.

    `way` is how the number is made of the file, where it does not stand there as it is; `trace` is the command that
    leads further back, where the number is a figure of a panel.
    """

    value: float
    file: str
    pointer: str = ""
    trace: str = ""
    way: Note | None = None


@dataclass(frozen=True)
class Quoted:
    """A number as printed."""

    index: int
    key: str
    printed: str
    found: Found

    def record(self) -> dict[str, object]:
        """Its entry in ``numbers.json``."""
        found = self.found
        # a limit without bound as the results write it
        value = str(found.value) if math.isinf(found.value) else found.value
        entry = {"key": self.key, "printed": self.printed, "value": value, "file": found.file}
        where = {"pointer": found.pointer, "way": found.way and found.way.to_dict(), "trace": found.trace}
        return {**entry, **{name: told for name, told in where.items() if told}}


Lookup = Callable[[str], Found]


class MissingNumber(Exception):
    """No number has the key; the caller knows in which text it stood."""


class Numbers:
    """Resolves keys and remembers what was quoted, in the order of quotation, each key and format once.

    Parameters
    ----------
    lookups : prefix of a key → function from the rest of the key to `Found`, which raises `MissingNumber`.
    """

    def __init__(self, lookups: Mapping[str, Lookup]) -> None:
        self._lookups = dict(lookups)
        self._quoted: dict[tuple[str, str], Quoted] = {}

    def find(self, key: str) -> Found:
        """The number itself.

        Raises
        ------
        MissingNumber
            There is none under this key, or it is null.
        """
        prefix, _, rest = key.partition(":")
        if prefix not in self._lookups:
            raise MissingNumber(f'"{key}": no numbers are called "{prefix}:…"')
        return self._lookups[prefix](rest)

    def value(self, key: str) -> float:
        """The number as it is, for conditions in the text; it is not recorded as quoted."""
        return self.find(key).value

    def has(self, key: str) -> bool:
        """Whether there is a number under the key."""
        try:
            self.find(key)
        except MissingNumber:
            return False
        return True

    def num(self, key: str, fmt: str = "sig3") -> Marked:
        """The number in print, recorded; see `formatted` for `fmt`."""
        number = self.find(key)
        if (key, fmt) not in self._quoted:
            self._quoted[key, fmt] = Quoted(len(self._quoted) + 1, key, formatted(number.value, fmt), number)
        quoted = self._quoted[key, fmt]
        return number_mark(quoted.index, quoted.printed)

    @property
    def quoted(self) -> tuple[Quoted, ...]:
        """Everything quoted so far."""
        return tuple(self._quoted.values())


def formatted(value: float, fmt: str) -> str:
    """A number in print.

    `fmt` is ``[abs |+]kind[digits]``: ``int`` (thousands separated), ``year``, ``p`` (never 0), ``sig3`` (significant
    figures), ``e6`` (millions, to three figures), ``fixed2`` (decimals), ``%1`` (times 100, with decimals and the
    sign %), ``points1`` (times 100). ``+`` prints the sign of positive numbers, ``abs`` none at all.

    Raises
    ------
    ValueError
        An unknown format.
    """
    parts = _FORMAT.match(fmt)
    if parts is None:
        raise ValueError(f"unknown number format {fmt!r}")
    kind, digits = parts["kind"], int(parts["digits"] or {"sig": 3, "fixed": 3, "p": 3}.get(parts["kind"], 0))
    shown = abs(value) if parts["sign"] == "abs " else value
    if math.isinf(shown):
        return "∞" if shown > 0 else MINUS + "∞"
    if kind == "int":
        text = f"{round(shown):,}".replace("-", MINUS)
    elif kind == "year":
        text = f"{shown:.0f}"
    elif kind == "p":
        text = format_p(shown, digits)
    elif kind == "sig":
        text = format_auto(shown, digits)
    elif kind == "e":
        text = format_auto(shown / 10**digits, 3)
    elif kind == "%":
        text = format_percent(shown, digits)
    elif kind == "points":
        text = format_number(100 * shown, digits)
    else:
        text = format_number(shown, digits)
    return "+" + text if parts["sign"] == "+" and value > 0 else text


def inside(values: Any, part: str) -> Any:
    """A part of results by its key, its number in a list, or the field of a class that holds it.

    Raises
    ------
    LookupError
        There is none.
    """
    if isinstance(values, Mapping):
        return values[part]
    if isinstance(values, (list, tuple)) and part.isdigit():
        return values[int(part)]
    if is_dataclass(values) and part in values.__dataclass_fields__:
        return getattr(values, part)
    raise KeyError(part)


def in_json(values: Any, path: str, file: str, root: str = "", trace: str = "") -> Found:
    """The number at a dotted `path` below `values`, which stand at the pointer `root` of `file`.

    Raises
    ------
    MissingNumber
        No such path, or no number there.
    """
    pointer = root
    for part in path.split("."):
        pointer += "/" + part.replace("~", "~0").replace("/", "~1")
        try:
            values = inside(values, part)
        except LookupError:
            raise MissingNumber(f"{file} has nothing at {pointer}") from None
    if isinstance(values, bool) or not isinstance(values, (int, float)) or math.isnan(values):
        raise MissingNumber(f"{file} has no number at {pointer}, but {values!r}")
    return Found(values, file, pointer, trace)
