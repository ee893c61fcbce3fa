"""Expression trees of formulas: their nodes, functions and the years that they read; which are logarithms."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ruralpanel.project.periods import Period, frequency, in_formula


@dataclass(frozen=True)
class Number:
    """A number as written; `at` is the character at which it begins."""

    value: float
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Text:
    """A string, for comparisons with text attributes."""

    value: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Name:
    """A variable, a unit attribute, ``unit`` (the id) or ``period`` (the year)."""

    name: str
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Operation:
    """An operator and its operands: one for ``-`` (negative) and ``not``, two or more for ``in``, else two."""

    operator: str
    operands: tuple[Expression, ...]
    at: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Call:
    """A function of series (`arguments`), with settings (`options`: integers, names, or None where left out)."""

    function: str
    arguments: tuple[Expression, ...]
    options: tuple[tuple[str, int | str | None], ...] = ()
    at: int = field(default=0, compare=False)

    def option(self, name: str) -> int | str | None:
        """The setting of that name."""
        return dict(self.options)[name]

    def integer(self, name: str) -> int:
        """The setting of that name, which the parser has made an integer."""
        return int(self.option(name) or 0)


Expression = Number | Text | Name | Operation | Call


@dataclass(frozen=True)
class Parameter:
    """One parameter of a function. `kind`: series (an expression), integer, period (a year) or attribute (a name)."""

    name: str
    kind: str = "series"
    optional: bool = False
    default: int | None = None


@dataclass(frozen=True)
class Function:
    """What a formula may call: parameters in order and one line of help."""

    parameters: tuple[Parameter, ...]
    help: str


_X = Parameter("x")
_STATISTICS = {"max": "largest", "min": "smallest", "mean": "mean", "median": "median", "sum": "sum"}
_SPAN = (Parameter("first", "period", True), Parameter("last", "period", True))

FUNCTIONS: Mapping[str, Function] = {
    "log": Function((_X,), "natural logarithm; zero and below become missing and are counted"),
    "exp": Function((_X,), "exponential"),
    "asinh": Function((_X,), "inverse hyperbolic sine: near log(2x) for large x, defined at zero"),
    "sqrt": Function((_X,), "square root; below zero becomes missing and is counted"),
    "abs": Function((_X,), "absolute value"),
    "ratio": Function((Parameter("a"), Parameter("b")), "a / b; a zero below the line becomes missing and is counted"),
    "lag": Function((_X, Parameter("k", "integer", True, 1)), "value k years (by: observation: k periods) before"),
    "diff": Function((_X, Parameter("k", "integer", True, 1)), "x less its lag"),
    "value_at": Function((_X, Parameter("period", "period")), "value in one year, inside or outside the panel"),
    "first_value": Function((_X,), "value in the panel's first period"),
    "standardise": Function((_X,), "x less its mean, over its standard deviation, over the panel's units and periods"),
    **{
        f"{name}_over_units": Function((_X,), f"{word} over the panel's units, in each period")
        for name, word in _STATISTICS.items()
    },
    **{
        f"{name}_over_group": Function(
            (_X, Parameter("attribute", "attribute")), f"{word} over the units of the same group, in each period"
        )
        for name, word in _STATISTICS.items()
    },
    **{
        f"{name}_over_periods": Function(
            (_X, *_SPAN), f"{word} over the years from first to last (left out: the panel's periods), by unit"
        )
        for name, word in _STATISTICS.items()
    },
    "interpolate": Function(
        (_X, Parameter("reach", "integer", True, 5)),
        "fills gaps on the line between figures at most `reach` years before and after; flagged in the lineage",
    ),
    "cumulate_index": Function(
        (Parameter("index"), Parameter("base", "period", True)),
        "level of an index published as previous year = 100; 100 in the base year (left out: the panel's first period)",
    ),
    "deflate": Function(
        (_X, Parameter("index"), Parameter("base", "period")),
        "x at the prices of the base year; index is a price level (chain one with cumulate_index)",
    ),
    "known": Function((_X,), "1 where x has a figure, 0 where it has none"),
    "where": Function((Parameter("condition"), Parameter("a"), Parameter("b")), "a where the condition holds, else b"),
}
RESERVED = ("unit", "period")


def names(expression: Expression) -> frozenset[str]:
    """Every variable and attribute in the expression, grouping attributes included, ``unit`` and ``period`` not."""
    found: set[str] = set()
    for node in walk(expression):
        if isinstance(node, Name) and node.name not in RESERVED:
            found.add(node.name)
        elif isinstance(node, Call):
            found |= {str(value) for name, value in node.options if name == "attribute"}
    return frozenset(found)


def other_periods(node: Operation, panel: tuple[int, ...]) -> tuple[int, ...]:
    """Numbers that a comparison holds ``period`` against although no period of the panel is of their kind."""
    if not panel or not any(isinstance(side, Name) and side.name == "period" for side in node.operands):
        return ()
    numbers = [int(side.value) for side in node.operands if isinstance(side, Number)]
    return tuple(number for number in numbers if frequency(number) != frequency(panel[0]))


def walk(expression: Expression) -> Iterator[Expression]:
    """The expression and all below it, parents first."""
    yield expression
    if isinstance(expression, Operation):
        below: tuple[Expression, ...] = expression.operands
    elif isinstance(expression, Call):
        below = expression.arguments
    else:
        below = ()
    for node in below:
        yield from walk(node)


def place(year: int, periods: tuple[int, ...], by: str) -> int | None:
    """A year's place on a panel's calendar: places that differ by one follow each other, everywhere in the project.

    ``by: year`` counts years, whether or not the panel has them: 2006 does not follow 2004. ``by: observation`` counts
    the panel's declared periods, whether or not there are figures in them; other years have no place.
    """
    if by != "observation":
        return year
    return periods.index(year) if year in periods else None


def shifted(year: int, k: int, periods: tuple[int, ...], by: str) -> int | None:
    """The year that ``lag(x, k)`` reads in `year`; None where counting by observation leaves the panel's periods."""
    at = place(year, periods, by)
    if at is None or by != "observation":
        return None if at is None else at - k
    return periods[at - k] if 0 <= at - k < len(periods) else None


def argument_years(call: Call, years: frozenset[int], periods: tuple[int, ...], by: str) -> list[frozenset[int]]:
    """The years of each argument that the call reads to give its value in `years`."""
    name, every = call.function, [years] * len(call.arguments)
    if name in ("lag", "diff"):
        before = {shifted(year, call.integer("k"), periods, by) for year in years}
        earlier = frozenset(year for year in before if year is not None)
        return [earlier if name == "lag" else earlier | years]
    if name == "value_at":
        return [frozenset({call.integer("period")})]
    if name == "first_value":
        return [frozenset(periods[:1])]
    if name == "standardise":
        return [years | frozenset(periods)]
    if name.endswith("_over_periods"):
        return [span(call, periods)]
    if name == "interpolate":
        reach = call.integer("reach")
        return [frozenset(year + step for year in years for step in range(-reach, reach + 1))]
    if name == "cumulate_index":
        base = base_year(call, periods)
        return [frozenset(y for year in years for y in range(min(year, base) + 1, max(year, base) + 1))]
    if name == "deflate":
        return [years, years | {call.integer("base")}]
    return every


def span(call: Call, periods: tuple[int, ...]) -> frozenset[int]:
    """The years over which an ``…_over_periods`` call goes."""
    if call.option("first") is None:
        return frozenset(periods)
    return frozenset(range(call.integer("first"), call.integer("last") + 1))


def base_year(call: Call, periods: tuple[int, ...]) -> int:
    """The year in which ``cumulate_index`` is 100."""
    return call.integer("base") if call.option("base") is not None else periods[0]


def source_years(
    expression: Expression, periods: Iterable[int], years: Iterable[int] | None = None, by: str = "year"
) -> dict[str, frozenset[int]]:
    """The years of each name that an expression reads.

    Parameters
    ----------
    expression : Expression
    periods : the panel's periods, in order.
    years : the years in which the expression's value is wanted; left out: the panel's periods.
    by : ``year`` or ``observation``: how ``lag`` and ``diff`` count.

    Returns
    -------
    dict
        Name → years, whether or not its source has figures for them.
    """
    panel = tuple(periods)
    found: dict[str, frozenset[int]] = {}

    def visit(node: Expression, wanted: frozenset[int]) -> None:
        if isinstance(node, Name) and node.name not in RESERVED:
            found[node.name] = found.get(node.name, frozenset()) | wanted
        elif isinstance(node, Operation):
            for operand in node.operands:
                visit(operand, wanted)
        elif isinstance(node, Call):
            for argument, read in zip(node.arguments, argument_years(node, wanted, panel, by), strict=True):
                visit(argument, read)

    visit(expression, frozenset(panel if years is None else years))
    return found


_RANK = {"or": 1, "and": 2, "not": 3, "in": 4, **dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), 4), "+": 5, "-": 5,
         "*": 6, "/": 6, "negative": 7, "**": 8}  # fmt: skip


def describe(expression: Expression) -> str:
    """The expression as a formula that parses to the same tree."""
    return _written(expression)[0]


def _written(node: Expression) -> tuple[str, int]:
    """The text of a node and its operator's rank; higher binds tighter."""
    if isinstance(node, Number) and isinstance(node.value, Period):
        return in_formula(node.value), 9
    if isinstance(node, Number):
        return (f"{node.value:.0f}" if node.value == int(node.value) < 1e15 else repr(node.value)), 9
    if isinstance(node, Text):
        return (f"'{node.value}'" if "'" not in node.value else f'"{node.value}"'), 9
    if isinstance(node, Name):
        return node.name, 9
    if isinstance(node, Call):
        options = [
            f"{name}={in_formula(value) if isinstance(value, Period) else value}"
            for name, value in node.options
            if value is not None and name != "attribute"
        ]
        group = [str(value) for name, value in node.options if name == "attribute"]
        return f"{node.function}({', '.join([describe(a) for a in node.arguments] + group + options)})", 9
    if node.operator == "in":
        inside = ", ".join(describe(value) for value in node.operands[1:])
        return f"{_wrapped(node.operands[0], 5)} in ({inside})", 4
    if len(node.operands) == 1:
        rank = _RANK["not" if node.operator == "not" else "negative"]
        return f"{'not ' if node.operator == 'not' else '-'}{_wrapped(node.operands[0], rank)}", rank
    rank = _RANK[node.operator]
    # Left to right, except for powers; comparisons do not chain.
    left = rank + 1 if node.operator == "**" or rank == 4 else rank
    right = _RANK["negative"] if node.operator == "**" else rank + 1
    return f"{_wrapped(node.operands[0], left)} {node.operator} {_wrapped(node.operands[1], right)}", rank


def _wrapped(node: Expression, least: int) -> str:
    text, rank = _written(node)
    return f"({text})" if rank < least else text


_LOG = re.compile(r"^log\((?P<inside>.*)\)$", re.S)
_RATIO = re.compile(r"^\s*(?P<above>\w+)\s*/\s*(?P<below>\w+)\s*$")
_SHIFT = re.compile(r"^(?:lag|value_at)\((?P<inside>.*),\s*-?\d+\s*\)$", re.S)


class Derived(Protocol):
    """Anything that may have a formula."""

    @property
    def formula(self) -> str:
        """The formula, empty where there is none."""
        ...


def log_of(formula: str, variables: Mapping[str, Derived] | None = None) -> str | None:
    """What a formula is the logarithm of, else None.

    Lags, values at a period and, where `variables` are given, names of other variables are looked through.
    """
    text, known = formula.strip(), dict(variables or {})
    while True:
        if shifted := _SHIFT.match(text):
            text = shifted["inside"].strip()
        elif text in known:
            text = known.pop(text).formula.strip()
        else:
            break
    found = _LOG.match(text)
    if not found or not _balanced(found["inside"]):
        return None
    return found["inside"].strip()


def ratio_of(formula: str, variables: Mapping[str, Derived] | None = None) -> tuple[str, str] | None:
    """The variables above and below the line where a formula is the logarithm of a ratio of two, else None."""
    ratio = _RATIO.match(log_of(formula, variables) or "")
    return (ratio["above"], ratio["below"]) if ratio else None


def _balanced(text: str) -> bool:
    depth = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if depth < 0:
            return False
    return depth == 0
