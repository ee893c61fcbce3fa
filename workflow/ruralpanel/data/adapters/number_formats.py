"""What a spreadsheet's number format makes of a figure: shown larger or smaller than it is stored, or not at all."""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache
from itertools import takewhile

from ruralpanel.data.adapters.titles import contradicts
from ruralpanel.project import measures
from ruralpanel.project.measures import Measure
from ruralpanel.project.problems import UserError

_CONDITION = re.compile(r"\[(<=|>=|<>|<|>|=)\s*(-?[0-9.]+(?:[eE][+-]?[0-9]+)?)\]")
_COMPARED = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "<>": operator.ne,
}
_TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"|[\\!](?P<escaped>.)|[_*].|\[[^\]]*\]|(?P<general>General|G/通用格式)|(?P<digit>[0#?])|(?P<sign>.)',
    re.IGNORECASE | re.DOTALL,
)
_NUMERALS = {"十": 1, "百": 2, "千": 3, "万": 4, "亿": 8}
_WORDS = {"k": 3, "thousand": 3, "M": 6, "mn": 6, "mln": 6, "million": 6, "bn": 9, "billion": 9}
_OUTSIDE_QUOTES = re.compile(r'("[^"]*"|[\\!].|[^;])+|(?<=;)(?=;|$)|^(?=;)', re.DOTALL)


@dataclass(frozen=True)
class Scale:
    """How a cell shows a figure other than it is stored.

    Attributes
    ----------
    power : shown = stored × 10^power.
    percent : with a percent sign behind it, which the power of two belongs to.
    hidden : it shows nothing, or words in the figure's place.
    unit : what the format writes behind the figure, where that begins with a numeral (万元) or is a measure (‰).
    """

    power: int = 0
    percent: bool = False
    hidden: bool = False
    unit: str = ""

    def shown(self, stored: float) -> str:
        """The figure as shown, with all of its digits."""
        if self.hidden:
            return "nothing"
        return _written(Decimal(repr(stored)).scaleb(self.power)) + "%" * self.percent + self.unit

    def value(self, stored: float) -> float:
        """The figure that is shown, exactly as its digits read."""
        return float(Decimal(repr(stored)).scaleb(self.power))


@dataclass(frozen=True)
class _Section:
    condition: tuple[str, float] | None
    scale: Scale | None


def scale_of(code: str, stored: float) -> Scale | None:
    """How a number format shows a figure; None where it shows what is stored, if rounded.

    Parameters
    ----------
    code : the format's code, as ``0.0%``, ``#,##0,,`` or ``0!.0,`` (the figure in 万).
    stored : the figure; which section of the code holds may depend on it. Zero is zero, also where a dash shows it.
    """
    if not stored or code == "General":
        return None
    sections = _sections(code)
    if len(sections) == 1 or all(section.scale is None for section in sections):
        return sections[0].scale
    for position, section in enumerate(sections):
        sign, bound = section.condition or _usual(position, len(sections))
        if _COMPARED[sign](stored, bound):
            return section.scale
    return sections[-1].scale


def value_in(scale: Scale, stored: float, measure: str, wanted: str) -> float | None:
    """A scaled figure in the measure of its series; None where the format leaves open which number is meant.

    What is stored under a percent sign is a share, so that shares of any kind (percent, per mille, parts of one) can
    be told. Whether figures shown in thousands are published in thousands cannot: `wanted` (``shown``, ``stored``)
    says it.
    """
    if wanted == "stored":
        return stored
    if wanted == "shown":
        return None if scale.hidden else scale.value(stored)
    if scale.unit and not scale.power:
        # 12.3 shown as 12.3万 is a figure in 万 of something, 12.3 shown as 12.3万元 one in 万元.
        declared, numeral = _parsed(measure), _numeral(scale.unit)
        if _parsed(scale.unit):
            left_open = contradicts(scale.unit, measure) or (declared is None and numeral is not None)
        else:
            left_open = declared is None or declared.factor != 10 ** (numeral or 0)
        return None if left_open else stored
    if not scale.percent or scale.power != 2:
        return None
    factor = _share(measure)
    return None if factor is None else float(Fraction(Decimal(repr(stored))) / factor)


def only_year(code: str) -> bool:
    """Whether a date's format shows nothing but its year."""
    bare = "".join(match["sign"] or "" for match in _TOKEN.finditer(code.split(";")[0])).casefold()
    return re.fullmatch(r"[\s年]*(y{4}|e)[\s年]*", bare) is not None


@cache
def zeros_before(code: str) -> int:
    """The number of digits that a whole number is filled up to with zeros (``000000``: codes), else 0."""
    return len(code) if re.fullmatch("00+", code) else 0


def _numeral(unit: str) -> int | None:
    """The power of ten that words behind a figure begin with: 百万 is 6; None where they begin with another word."""
    chinese = "".join(takewhile(_NUMERALS.__contains__, unit))
    if chinese:
        return sum(_NUMERALS[numeral] for numeral in chinese)
    return _WORDS.get(unit.split(" ")[0])


def _share(measure: str) -> Fraction | None:
    parsed = _parsed(measure)
    return parsed.factor if parsed is not None and parsed.base == "share" else None


def _parsed(measure: str) -> Measure | None:
    try:
        return measures.parse(measure)
    except (UserError, ValueError):
        return None


@cache
def _sections(code: str) -> tuple[_Section, ...]:
    parts = [match[0] for match in _OUTSIDE_QUOTES.finditer(code)][:3] or [""]
    return tuple(_section(part) for part in parts)


def _usual(position: int, number: int) -> tuple[str, float]:
    """Positive figures, negative ones, zero; of two sections the first takes zero in."""
    if position == 0:
        return (">=", 0.0) if number == 2 else (">", 0.0)
    return ("<", 0.0) if position == 1 else ("=", 0.0)


def _section(code: str) -> _Section:
    clause = _CONDITION.search(code)
    condition = (clause[1], float(clause[2])) if clause else None
    power = commas = percents = digits = 0
    behind_literal: int | None = None
    behind_point = False
    words = ""
    for match in _TOKEN.finditer(code):
        token: Mapping[str, str | None] = match.groupdict()
        literal = token["quoted"] if token["quoted"] is not None else token["escaped"]
        if token["general"] or token["sign"] == "@":
            digits += 1
        elif token["digit"]:
            digits, commas, words = digits + 1, 0, ""  # commas between digits part thousands
            if behind_literal is not None:
                behind_literal += 1
        elif literal == "." and digits and not behind_point:
            behind_literal = 0
        elif token["sign"] == ".":
            power, commas, behind_point = power - 3 * commas, 0, True
        elif token["sign"] == "," and digits:
            commas += 1
        elif token["sign"] == "%":
            percents += 1
        elif literal and literal.isdigit() and digits and not behind_point and behind_literal is None:
            power += len(literal)  # 0"000": the figure in thousands, written in full
        elif digits:
            words += literal or token["sign"] or ""
    power += 2 * percents - 3 * commas - (0 if behind_point else behind_literal or 0)
    if not digits:
        return _Section(condition, Scale(hidden=True))
    unit = words.strip()
    if _numeral(unit) is None and not _parsed(unit):
        unit = ""
    return _Section(condition, Scale(power, percents > 0, unit=unit) if power or unit else None)


def _written(number: Decimal) -> str:
    plain = format(number, "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain
