"""The cross-section: ids of units, every name they go by, their attributes, and the years they exist."""

from __future__ import annotations

import csv
import difflib
import io
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain, combinations
from pathlib import Path

from ruralpanel.project.expressions import RESERVED
from ruralpanel.project.files import inert
from ruralpanel.project.periods import Period, parse, parsed
from ruralpanel.project.problems import Problem, UserError, did_you_mean, raise_any
from ruralpanel.project.yaml import read_text

NATION = ("全国", "全国总计", "全国合计", "全 国", "national", "national total", "china", "total", "合计", "总计")
_BLANKS = re.compile(r"\s+")
_ABBREVIATIONS = (
    (r"A\.?\s?R\.?", "Autonomous Region"),
    (r"(?:Aut(?:on?)?\.?|Autonomous)\s?Reg\.?", "Autonomous Region"),
    (r"S\.?A\.?R\.?", "Special Administrative Region"),
    (r"Prov\.?", "Province"),
    (r"Mun(?:ic)?\.?", "Municipality"),
)
_NOT_NUMBERS = ("id", "code")
_UNPRINTABLE = re.compile("[\\x00-\\x1f\\x7f-\\x9f]")
_NO_BLANKS = dict.fromkeys(i for i in range(1, 128) if chr(i).isspace())


def normal(name: str) -> str:
    """A name as it is compared: NFKC (full-width letters and digits become plain), case folded.

    Blanks and marks that cannot be seen do not count.
    """
    if name.isascii():  # NFKC leaves it as it is
        return "".join(name.split()).casefold()
    shown = "".join(sign for sign in unicodedata.normalize("NFKC", name) if unicodedata.category(sign) != "Cf")
    return _BLANKS.sub("", shown).casefold()


def _normal_all(names: Sequence[str]) -> list[str]:
    """`normal` of each: names in ASCII, of which there may be hundreds of thousands, in one go."""
    joined = "\0".join(names)
    if names and joined.isascii() and joined.count("\0") == len(names) - 1:
        return (joined.translate(_NO_BLANKS) if _BLANKS.search(joined) else joined).casefold().split("\0")
    return [normal(name) for name in names]


def _other_forms(name: str) -> Iterator[tuple[str, ...]]:
    """What a name may also be written as; the parts of one form must mean the same unit."""
    whole = re.fullmatch(r"([0-9]+)\.0+", name.strip())
    if whole:
        yield (whole[1],)
    chinese = "".join(re.findall(r"[\u3400-\u9fff]+", name))
    latin = re.sub(r"[\u3400-\u9fff()（）/,，|\[\]]+", " ", name).strip(" -–—·:：")
    if chinese and latin:
        yield chinese, latin
        yield from ((chinese, form) for form in _unabbreviated(latin))
    yield from ((form,) for form in _unabbreviated(name))


def _unabbreviated(name: str) -> Iterator[str]:
    """``Hebei Prov.`` as ``Hebei Province`` and ``Hebei``."""
    for short, full in _ABBREVIATIONS:
        bare = re.sub(rf"[\s,]+{short}$", "", name.strip(), flags=re.IGNORECASE)
        if bare != name.strip():
            yield f"{bare} {full}"
            yield bare


@dataclass(frozen=True)
class Units:
    """The units of a project.

    Attributes
    ----------
    ids : in the order of the file, without aggregates.
    attributes : id → column → value. A column whose every figure is a number holds floats (NaN where blank),
        any other holds text; `code` and the names are always text. Aliases and validity years are not attributes.
    names : id → every name it is matched by, as written.
    valid : id → (first, last) year in which the unit exists; None where open.
    file : for messages.
    aggregates : ids of what is made up of other units (the nation, a group of countries): matched by name like any
        unit, but in no panel that does not name them, on no map and in no sum.
    """

    ids: tuple[str, ...]
    attributes: Mapping[str, Mapping[str, str | float]]
    names: Mapping[str, tuple[str, ...]]
    valid: Mapping[str, tuple[int | None, int | None]] = field(default_factory=dict)
    file: str = ""
    aggregates: tuple[str, ...] = ()

    @property
    def every(self) -> tuple[str, ...]:
        """Units and aggregates."""
        return self.ids + self.aggregates

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of all attributes, in the order of the file."""
        return tuple(dict.fromkeys(name for values in self.attributes.values() for name in values))

    @cached_property
    def _by_name(self) -> dict[str, str]:
        """Name as it is compared → the unit that bears it, the last of several."""
        return dict(zip(*self._borne, strict=True))

    @cached_property
    def _in_turn(self) -> dict[str, tuple[str, ...]]:
        """The units that bear a name, where there are several."""
        found: dict[str, dict[str, None]] = {}
        for name, unit in zip(*self._borne, strict=True):
            if self._by_name[name] != unit:
                found[name] = {}
        for name, unit in zip(*self._borne, strict=True) if found else ():
            if name in found:
                found[name][unit] = None
        return {name: tuple(units) for name, units in found.items()}

    @cached_property
    def _borne(self) -> tuple[list[str], list[str]]:
        """Every name as it is compared, and who bears it."""
        names = [name for unit in self.every for name in (unit, *self.names[unit])]
        return _normal_all(names), [unit for unit in self.every for _ in range(1 + len(self.names[unit]))]

    def exists(self, unit: str, year: int) -> bool:
        """Whether a year lies within the unit's validity."""
        first, last = self.valid.get(unit, (None, None))
        return (first is None or year >= first) and (last is None or year <= last)

    def bearers(self, name: str) -> tuple[str, ...]:
        """Every id that goes or went by `name`: none, one, or several that bore it in turn.

        A name that is none is tried in its other forms: ``130000.0``, ``Guangxi Zhuang A.R.``, ``Beijing 北京``; of two
        languages both must say the same.
        """
        found = self._bearers(normal(name))
        if found or not name:
            return found
        for forms in _other_forms(name):
            meant = {self._bearers(normal(form)) for form in forms}
            if len(meant) == 1 and meant != {()}:
                return meant.pop()
        return ()

    def _bearers(self, normal_name: str) -> tuple[str, ...]:
        unit = self._by_name.get(normal_name)
        return () if unit is None else self._in_turn.get(normal_name, (unit,))

    def bearers_of(self, names: Sequence[str]) -> list[tuple[str, ...]]:
        """`bearers` of each of many names."""
        found = map(self._bearers, _normal_all(names))
        return [ids or self.bearers(name) for name, ids in zip(names, found, strict=True)]

    def match(self, name: str, year: int | None = None) -> str | None:
        """The id that goes by `name` (id, code, name or alias), or None: never a guess.

        With `year` only units that exist in that year count; without it a name that two units bore in turn is
        matched by none.
        """
        found = self.bearers(name)
        if year is not None:
            found = tuple(unit for unit in found if self.exists(unit, year))
        return found[0] if len(found) == 1 else None

    def padded(self, code: str) -> str:
        """The code with the zeros before it with which it is a unit's id; empty where there is no such unit."""
        lengths = sorted({len(unit) for unit in self.ids if unit.isdecimal()}) if code.isdecimal() else []
        longer = (code.zfill(length) for length in lengths if length > len(code))
        return next((padded for padded in longer if self.bearers(padded)), "")

    def suggest(self, name: str) -> str:
        """``did you mean "贵州省"?`` in the spelling of the file; empty where nothing is near."""
        if self.padded(name):
            return f'write "{self.padded(name)}", as text: its leading zeros are lost'
        spelling = {normal(n): n for unit in self.every for n in (unit, *self.names[unit])}
        wanted = normal(name)
        # Half of a two-letter Chinese name may be right; single letters (short signs of provinces) are near everything.
        cutoff = 0.5 if len(wanted) <= 4 else 0.6
        near = difflib.get_close_matches(wanted, [n for n in spelling if len(n) > 1], n=3, cutoff=cutoff)
        return "did you mean " + " or ".join(f'"{spelling[n]}"' for n in near) + "?" if near else ""

    def label(self, unit: str, language: str = "en") -> str:
        """The unit's name in a language (column ``name_en``, ``name_zh`` …), else its first name, else its id."""
        for column in (f"name_{language}", "name_en", "name"):
            value = self.attributes[unit].get(column)
            if isinstance(value, str) and value:
                return value
        return next(iter(self.names[unit]), unit)


def is_nation(name: str) -> bool:
    """Whether a row's name says that it holds the national figure."""
    return normal(name) in {normal(n) for n in NATION}


def load_units(path: str | Path, name: str = "") -> Units:
    """Read the units file: a CSV (or TSV) with ``id`` and at least one column ``name…``.

    ``aliases`` (separated by ``;``), ``code``, ``valid_from``, ``valid_to`` and ``aggregate`` (``yes`` or blank) are
    known columns; all others are attributes.

    Raises
    ------
    UserError
        No id or name column, aggregates alone, blank or repeated ids, one name for two units at the same time,
        years that are no years, degrees that are none, rows of another length than the header: all at once.
    """
    table = _read(path, name or str(path))
    ids = table.cells["id"]
    aggregates = tuple(unit for unit, cell in zip(ids, table.column("aggregate"), strict=True) if cell == "yes")
    problems = list(_id_problems(table))
    problems += [
        table.problem(column, row, f'"{value}"', "a year or a blank")
        for column in _VALID
        for row, value in zip(table.rows, table.column(column), strict=True)
        if value and not _YEAR.fullmatch(value)
    ]
    problems += [*_aggregate_problems(table, aggregates), *_positions_outside(table)]
    years = [[int(v) if v and _YEAR.fullmatch(v) else None for v in table.column(column)] for column in _VALID]
    names = dict(zip(ids, map(_once, _names(table.cells)), strict=True))
    several = set(aggregates)
    single = tuple(unit for unit in ids if unit not in several)
    valid = dict(zip(ids, zip(*years, strict=True), strict=True))
    units = Units(single, _attributes(table.cells, ids), names, valid, table.file, aggregates)
    raise_any([*problems, *(_ambiguous(units) if not problems else ())])
    return units


_VALID = ("valid_from", "valid_to")
_YEAR = re.compile(r"\d{4}")
_DEGREES = {"longitude": (-180, 360), "latitude": (-90, 90)}
_KNOWN = ("id", "aliases", *_VALID, "aggregate")
"""Columns that are no attributes."""


@dataclass(frozen=True)
class _Table:
    """A units file: column → its cells, and the number of the row that each stands in."""

    file: str
    cells: Mapping[str, Sequence[str]]
    rows: Sequence[int]

    def column(self, name: str) -> Sequence[str]:
        """The cells of a column, blank where there is none of that name."""
        return self.cells.get(name, [""] * len(self.rows))

    def problem(self, column: str, row: int, found: str, expected: str, fix: str = "") -> Problem:
        return Problem(self.file, f"row {row}, column {column}", found, expected, fix)


def _read(path: str | Path, file: str) -> _Table:
    text, problem = read_text(path, file)
    if problem:
        raise UserError(problem)
    delimiter = "\t" if str(path).endswith((".tsv", ".tab")) else ","
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise UserError.at(file, "", f"a table that cannot be read ({error})", "comma-separated values") from None
    header = [cell.strip() for cell in rows[0]] if rows else []
    problems = list(_header_problems(header, file))
    numbers = [number for number, row in enumerate(rows[1:], start=2) if any(row) and any(map(str.strip, row))]
    if not problems and not numbers:
        problems.append(Problem(file, "", "a header and no unit", "one row per unit"))
    problems += [
        Problem(file, f"row {number}", f"{len(row)} cells", f"{len(header)}, as the header has")
        for number in numbers
        if len(row := rows[number - 1]) != len(header)
    ]
    suspect = _UNPRINTABLE.search("".join(chain.from_iterable(rows)))
    for number, row in enumerate(rows if suspect else (), start=1):
        for column, cell in zip(header, map(str.strip, row), strict=False):
            if unprintable := _UNPRINTABLE.search(cell):
                found = f"{cell[: unprintable.start()]!r} and the control character U+{ord(unprintable.group()):04X}"
                where = f"row {number}, column {column}" if number > 1 else "header"
                problems.append(Problem(file, where, found, "text in one line", "take it out"))
    raise_any(problems)
    cells = {name: [rows[number - 1][i].strip() for number in numbers] for i, name in enumerate(header)}
    return _Table(file, cells, numbers)


def _header_problems(header: Sequence[str], file: str) -> Iterator[Problem]:
    if not header:
        yield Problem(file, "", "an empty file", "a table of units")
        return
    if "id" not in header:
        fix = did_you_mean("id", header)
        yield Problem(file, "header", "no column id", "id and one column name… at least", fix)
    if not any(_is_name(column) for column in header):
        yield Problem(file, "header", "no column of names", "name, name_en, name_zh or another name_…")
    for column in dict.fromkeys(header):
        if not column:
            yield Problem(file, "header", "a column without a name", "a name for each column")
        elif column in RESERVED:
            found = f"a column called {column}, which is what formulas call the rows themselves"
            yield Problem(file, f"column {column}", found, "another name", "rename it")
        elif header.count(column) > 1:
            yield Problem(file, f"column {column}", "the column twice", "each column once")
        elif column not in _KNOWN and (meant := column.casefold()) in _KNOWN[1:] and meant not in header:
            fix = f"write {meant}, or give an attribute another name"  # read as one, it would go unnoticed
            yield Problem(file, "header", f'"{column}"', f"{meant} in small letters", fix)


def _is_name(column: str) -> bool:
    return column == "name" or column.startswith("name_")


def _names(cells: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, ...]]:
    """What each unit goes by: names, code, aliases."""
    found = [values for column, values in cells.items() if _is_name(column)]
    rows = zip(*found, *([cells["code"]] if "code" in cells else []), strict=True)
    if "aliases" not in cells:
        return rows
    return (
        (*names, *(alias.strip() for alias in aliases.replace("；", ";").split(";")))
        for names, aliases in zip(rows, cells["aliases"], strict=True)
    )


def _once(names: tuple[str, ...]) -> tuple[str, ...]:
    return names if len(names) == 1 and names[0] else tuple(dict.fromkeys(filter(None, names)))


def _id_problems(table: _Table) -> Iterator[Problem]:
    ids = table.cells["id"]
    if len(set(ids)) == len(ids) and all(unit[:1].isalnum() for unit in ids):
        return
    first: dict[str, int] = {}
    for row, unit in zip(table.rows, ids, strict=True):
        if not unit:
            yield table.problem("id", row, "a blank", "an id")
        elif inert(unit) != unit:
            found = f'"{unit}", which spreadsheets run as a formula'
            yield table.problem("id", row, found, "an id that begins with a letter or digit")
        elif unit in first:
            yield table.problem("id", row, f'"{unit}" again (row {first[unit]})', "each id once")
        first.setdefault(unit, row)


def _aggregate_problems(table: _Table, aggregates: Sequence[str]) -> Iterator[Problem]:
    for row, cell in zip(table.rows, table.column("aggregate"), strict=True):
        if cell not in ("", "yes"):
            yield table.problem("aggregate", row, f'"{cell}"', "yes or a blank")
    if len(aggregates) == len(table.rows):
        yield Problem(table.file, "column aggregate", "aggregates alone", "the units that they are made up of")


def _positions_outside(table: _Table) -> Iterator[Problem]:
    """Degrees that are none: distances between such places would be numbers all the same."""
    fix = "longitude and latitude may stand in each other's column"
    for column, (least, most) in _DEGREES.items():
        for row, degrees in zip(table.rows, _numbers(table.column(column)) or (), strict=False):
            if degrees < least or degrees > most:
                yield table.problem(column, row, f"{degrees:g}", f"degrees from {least} to {most}", fix)


def _attributes(columns: Mapping[str, Sequence[str]], ids: Sequence[str]) -> dict[str, dict[str, str | float]]:
    kinds: dict[str, Sequence[str] | Sequence[float]] = {
        column: (None if column in _NOT_NUMBERS or _is_name(column) else _numbers(values)) or values
        for column, values in columns.items()
        if column not in _KNOWN
    }
    rows = zip(*kinds.values(), strict=True)
    return {unit: dict(zip(kinds, row, strict=True)) for unit, row in zip(ids, rows, strict=True)}


def _numbers(values: Sequence[str]) -> list[float] | None:
    if not any(values):
        return None
    periods = [parse(value) for value in values if value]
    if all(isinstance(period, Period) for period in periods):  # quarters or months; years are numbers anyway
        return [float(parsed(value)) if value else math.nan for value in values]
    try:
        numbers = [float(value) if value else math.nan for value in values]
    except ValueError:
        return None
    return numbers if all(math.isfinite(n) for n, v in zip(numbers, values, strict=True) if v) else None


def _ambiguous(units: Units) -> Iterator[Problem]:
    for name, owners in units._in_turn.items():
        if any(_overlap(units.valid[a], units.valid[b]) for a, b in combinations(owners, 2)):
            found = f'the name "{name}" for {" and ".join(owners)}'
            yield Problem(units.file, f"id {owners[0]}", found, "each name for one unit")


def _overlap(a: tuple[int | None, int | None], b: tuple[int | None, int | None]) -> bool:
    return max(a[0] or 0, b[0] or 0) <= min(a[1] or 9999, b[1] or 9999)
