"""Units of measure: what a figure or a formula's value counts, and the factor from one measure to another."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache

from ruralpanel.project.breaks import tree
from ruralpanel.project.expressions import Call, Expression, Name, Operation, describe
from ruralpanel.project.problems import Problem, UserError, did_you_mean
from ruralpanel.project.settings import VariableSpec

# Name of a base unit → its other names; those of another size with the number of base units that one of it makes.
_UNITS = {
    "person": "persons people capita inhabitant inhabitants 人 人口",
    "household": "households 户 家庭",
    "enterprise": "enterprises firm firms 企业",
    "village": "villages 村",
    "item": (
        "items piece pieces unit units count application applications patent patents project projects 件 个 项 所 家"
    ),
    "vehicle": "vehicles 辆",
    "machine": "machines 台 部",
    "km": (
        "kilometre kilometres kilometer kilometers 公里 m=1/1000 metre=1/1000 metres=1/1000 meter=1/1000 "
        "meters=1/1000 米=1/1000 mile=1.609344 miles=1.609344 里=1/2"
    ),
    "hectare": (
        "hectares ha 公顷 km2=100 平方公里=100 平方千米=100 m2=1/10000 平方米=1/10000 mu=1/15 亩=1/15 "
        "acre=0.40468564224 acres=0.40468564224 squaremile=258.9988110336 squaremiles=258.9988110336"
    ),
    "kWh": "Wh=1/1000 MWh=1000 GWh=1000000 TWh=1000000000 瓦时=1/1000 瓦小时=1/1000 度 kilowatthour kilowatthours",
    "kW": "W=1/1000 MW=1000 GW=1000000 瓦=1/1000 kilowatt kilowatts",
    "ton": "tons tonne tonnes t 吨 kg=1/1000 公斤=1/1000 克=1/1000000",
    "tce": "吨标准煤 tsce",
    "m3": "立方米",
    "ton_km": "tonkm tonkms tonnekm tonnekilometre 吨公里",
    "passenger": "passengers 人次",
    "passenger_km": "passengerkm personkm 人公里",
    "person_year": "personyear personyears manyear manyears fte 人年",
    "year": "years 年",
    "day": "days 天 日",
    "hour": "hours 小时",
    "bed": "beds 床 张",
    "share": (
        "dimensionless ratio fraction percent=1/100 percentage=1/100 pct=1/100 %=1/100 per_mille=1/1000 "
        "permille=1/1000 ‰=1/1000"
    ),
    "CNY": "yuan RMB 元 人民币元 人民币",
    "USD": "US$ dollar dollars 美元",
    "EUR": "euro euros 欧元",
    "GBP": "英镑",
    "JPY": "yen 日元",
    "HKD": "港元 港币",
}
CURRENCIES = frozenset({"CNY", "USD", "EUR", "GBP", "JPY", "HKD"})
_WORDS = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
_DIGITS = {"十": 1, "百": 2, "千": 3, "万": 4, "亿": 8}
_NUMBER = re.compile(r"10\s*(?:\^|\*\*)\s*(-?\d+)|(\d[\d,]*(?:\.\d+)?(?:[eE][+-]?\d+)?)(k?)(?![\w.])")
_SINCE = r"previous\s*year|preceding\s*year|last\s*year|上年|\d{4}年?"
_INDEX = re.compile(rf"^(?:index)?\s*\(?\s*({_SINCE})\s*=\s*(1|100)\s*\)?$", re.I)
_KNOWN = "10^4 km, 10^8 CNY, CNY@2010, person, CNY/household, percent, index (previous year = 100), 万人, 亿元, 元/户"


AS_PUBLISHED = "as published"
"""Stands for the measure of a variable whose figures are not converted and whose series names none."""


class MeasureError(UserError):
    """A measure that cannot be read, or two that do not convert; without a place until `problem` gives it one."""

    def __init__(self, found: str, expected: str, fix: str = "") -> None:
        super().__init__(Problem("measure", "", found, expected, fix))

    def problem(self, file: str, where: str) -> Problem:
        """The mistake as a `Problem` at a place of a file."""
        return replace(self.problems[0], file=file, where=where)


@dataclass(frozen=True)
class Measure:
    """One unit of a measure, in base units.

    Attributes
    ----------
    factor : Fraction
        Base units in one unit of the measure, exactly: 10^4 km → 10000.
    base : str
        The base measure as a dimension expression: ``km``, ``CNY/household``, ``CNY@2010/person``, ``share``,
        ``index (previous year = 100)``. What is the same above and below the line cancels to ``share``.
    """

    factor: Fraction
    base: str


@cache
def _names() -> dict[str, tuple[str, Fraction]]:
    table = {base: (base, Fraction(1)) for base in _UNITS}
    for base, names in _UNITS.items():
        sized = (name.partition("=") for name in names.split())
        table |= {name: (base, Fraction(size or 1)) for name, _, size in sized}
    # Exact names go before the case-folded ones, so that no capital prefix is lost (MW, kW).
    return {name.casefold(): unit for name, unit in table.items()} | table


def _lookup(name: str) -> tuple[str, Fraction] | None:
    table = _names()
    squeezed = re.sub(r"[\s_\-·*]+", "", name).replace("^2", "2").replace("²", "2")
    for key in (name, squeezed, name.casefold(), squeezed.casefold()):
        if key in table:
            return table[key]
    return None


def _chinese(name: str) -> tuple[str, Fraction] | None:
    """万公里 → (km, 10000): the longest unit that leaves only numerals before it."""
    for cut in range(1, len(name)):
        numerals, unit = name[:cut], _lookup(name[cut:])
        if all(digit in _DIGITS for digit in numerals) and unit is not None:
            return unit[0], unit[1] * Fraction(10) ** sum(_DIGITS[digit] for digit in numerals)
    return None


def _number(text: str) -> tuple[Fraction, str]:
    """The number at the head of `text` (1 where there is none) and what follows."""
    factor = Fraction(1)
    match = _NUMBER.match(text)
    if match:
        power, plain, thousand = match.groups()
        factor = Fraction(10) ** int(power) if power else Fraction(plain.replace(",", "")) * (1000 if thousand else 1)
        text = text[match.end() :].lstrip(" *×")
    words = text.split()
    while words and words[0].casefold() in _WORDS:
        factor *= 10 ** _WORDS[words.pop(0).casefold()]
        text = " ".join(words)
    return factor, text


def _term(text: str, whole: str) -> tuple[Fraction, str]:
    """One side of a slash: ``100 household`` → (100, household)."""
    if text.strip() == "1":
        return Fraction(1), "share"  # a pure number; above the line as in 1/km
    factor, name = _number(text.strip())
    name, _, price_year = (part.strip() for part in name.partition("@"))
    if not name:
        raise MeasureError(f'"{whole}"', f"a measure such as {_KNOWN}", "name what is counted")
    unit = _lookup(name) or _chinese(name)
    if unit is None:
        guess = did_you_mean(name, [*_names()])
        raise MeasureError(f'"{whole}", in which "{name}" is no known unit', f"a measure such as {_KNOWN}", guess)
    base, size = unit
    if price_year:
        if base not in CURRENCIES or not re.fullmatch(r"\d{4}", price_year):
            raise MeasureError(f'"{whole}"', "a currency with the year of its prices, such as CNY@2010")
        base = f"{base}@{price_year}"
    return factor * size, base


@cache
def parse(text: str) -> Measure:
    """Read a measure in English or Chinese.

    Parameters
    ----------
    text : str
        A factor (``10^4``, ``10000``, ``million``, ``万``, ``亿``) and a unit, over any number of others:
        ``10^4 km``, ``vehicle/100 household``, ``元/户``; a currency with its price year: ``10^8 CNY@2010``.

    Returns
    -------
    Measure

    Raises
    ------
    MeasureError
        For what is not in the table of units.
    """
    clean = unicodedata.normalize("NFKC", str(text).replace("²", "^2")).strip()
    index = _INDEX.match(clean)
    if index:
        since = index[1].removesuffix("年") if index[1][0].isdigit() else "previous year"
        return Measure(Fraction(100, int(index[2])), f"index ({since} = 100)")
    if clean.casefold() == "index":
        return Measure(Fraction(1), "index")
    sides = re.split(r"/|\bper\b|每", clean)
    factor, above = _term(sides[0], text)
    below: list[str] = []
    for side in sides[1:]:
        size, base = _term(side, text)
        factor /= size
        if base != "share":
            below.append(base)
    if above in below:
        below.remove(above)
        above = "share"
    return Measure(factor, "/".join([above, *sorted(below)]))


def convert_factor(source: str, target: str) -> float:
    """Factor f with figure in `target` = f × figure in `source`; both as `parse` reads them.

    Raises
    ------
    MeasureError
        Where either is unknown, or the two measure different things; its `fix` says which formula would lead across.
    """
    old, new = parse(source), parse(target)
    if old.base == new.base:
        return float(old.factor / new.factor)
    raise MeasureError(f"{source} ({old.base})", f"a measure that converts to {target} ({new.base})", _remedy(old, new))


def conversion(published: str, wanted: str) -> tuple[float, str]:
    """The factor from a series' measure to a variable's, and the measure of the result.

    Without a measure of the variable nothing is converted: the result is in the series' own measure or, where that
    has none either, `AS_PUBLISHED`.

    Raises
    ------
    MeasureError
        As `convert_factor`; and for a variable that names a measure while its series does not.
    """
    if not wanted:
        return 1.0, published or AS_PUBLISHED
    if not published:
        raise MeasureError(
            wanted,
            "a series that says what it is measured in, to convert from",
            "name the measure of the series, or leave the variable's out to take its figures as published",
        )
    return convert_factor(published, wanted), wanted


def _remedy(old: Measure, new: Measure) -> str:
    (above_old, *below_old), (above_new, *below_new) = old.base.split("/"), new.base.split("/")
    (currency_old, _, year_old), (currency_new, _, year_new) = above_old.partition("@"), above_new.partition("@")
    if currency_old in CURRENCIES and currency_new in CURRENCIES:
        if currency_old != currency_new:
            return f"{currency_old} to {currency_new} needs a series of exchange rates: use a formula"
        if year_old != year_new:
            old_prices, new_prices = year_old or "each year", year_new or "each year"
            return f"prices of {old_prices} to {new_prices}: use deflate(x, index, year) in a formula"
    if above_old == above_new and below_old != below_new:
        return "totals do not convert to figures per head or household: multiply or divide by a variable in a formula"
    if old.base.startswith("index") and new.base.startswith("index"):
        return "chain a previous-year index with cumulate_index(x) in a formula"
    return "correct the measure, or derive the variable by a formula"


_COMPARED = frozenset({"+", "-", "==", "!=", "<", "<=", ">", ">="})
_KEEPING = frozenset({"abs", "lag", "diff", "value_at", "first_value", "interpolate"})
_ADDING = frozenset({"where"})


@dataclass(frozen=True)
class _Part:
    """A part of a formula and what it is measured in; None where that cannot be told."""

    text: str
    measure: Measure | None


def formula_problems(variables: Mapping[str, VariableSpec], order: Sequence[str], file: str) -> Iterator[Problem]:
    """Formulas that add or compare unlike measures, or that declare another measure than their parts give.

    Only what is certain is a problem: variables without a measure, attributes, numbers, products and quotients
    have none here, and counts of items go with every other count.

    Parameters
    ----------
    order : names of the variables, each after those that its formula uses.
    """
    known = {name: _declared(variable.measure) for name, variable in variables.items()}
    for name in order:
        variable = variables[name]
        if not variable.formula:
            continue
        where = f"variables.{name}.formula"
        found: list[Problem] = []
        result = _measure(tree(variable.formula), known, found, file, where)
        yield from found
        if known[name] is None:
            known[name] = result
        elif result is not None and not found and result != known[name]:
            yield Problem(
                file,
                f"variables.{name}.measure",
                f'"{variable.measure}"',
                f"{_name(result)}, as the formula {variable.formula} gives it",
                "correct the measure, or multiply by the factor in the formula",
            )


def _declared(text: str) -> Measure | None:
    try:
        measure = parse(text) if text else None
    except UserError:
        return None
    return None if measure is None or measure.base.startswith(("item", "share")) else measure


def _name(measure: Measure) -> str:
    return measure.base if measure.factor == 1 else f"{float(measure.factor):g} {measure.base}"


def _measure(
    node: Expression, known: Mapping[str, Measure | None], found: list[Problem], file: str, where: str
) -> Measure | None:
    """The measure of an expression; adds a problem for each sum or comparison of unlike parts below it."""
    if isinstance(node, Name):
        return known.get(node.name)
    if isinstance(node, Operation):
        parts = [_Part(describe(part), _measure(part, known, found, file, where)) for part in node.operands]
        if node.operator not in _COMPARED:
            return None
        shared = _shared(parts, found, file, where)
        return shared if node.operator in ("+", "-") else None
    if isinstance(node, Call):
        parts = [_Part(describe(part), _measure(part, known, found, file, where)) for part in node.arguments]
        if node.function in _ADDING:
            return _shared(parts[1:], found, file, where)
        if node.function in _KEEPING or node.function.endswith(("_over_units", "_over_group", "_over_periods")):
            return parts[0].measure
    return None


def _shared(parts: list[_Part], found: list[Problem], file: str, where: str) -> Measure | None:
    """The measure that all parts have; None, with a problem, where two differ."""
    measured = [part for part in parts if part.measure is not None]
    for part in measured[1:]:
        first, other = measured[0].measure, part.measure
        if first is not None and other is not None and first != other:
            found.append(
                Problem(
                    file,
                    where,
                    f"{measured[0].text} in {_name(first)} beside {part.text} in {_name(other)}",
                    "parts of one measure",
                    "give the variables the same measure, or leave it out where nothing is to be converted",
                )
            )
            return None
    return measured[0].measure if measured and len(measured) == len(parts) else None
