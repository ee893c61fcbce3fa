"""What a formula's value is measured in, as far as its parts tell, and sums of unlike measures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ruralpanel.project.breaks import tree
from ruralpanel.project.expressions import Call, Expression, Name, Operation, describe
from ruralpanel.project.measures import Measure, parse
from ruralpanel.project.problems import Problem, UserError
from ruralpanel.project.settings import VariableSpec

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
