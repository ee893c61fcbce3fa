"""How variables derive from one another: the order of evaluation and the source years that each one reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from ruralpanel.contracts.expressions import Expression, names, source_years
from ruralpanel.contracts.formula import parse
from ruralpanel.contracts.problems import CONFIGURATION, Problem, UserError, did_you_mean, raise_any
from ruralpanel.contracts.specs import PanelSpec, VariableSpec


@cache
def tree(text: str) -> Expression:
    """The expression of a formula that has been checked before (`parse` words the errors with their place)."""
    return parse(text)


def evaluation_order(
    variables: Mapping[str, VariableSpec], attributes: Iterable[str] = (), file: str = CONFIGURATION
) -> tuple[str, ...]:
    """Names of all variables, each after those that its formula uses, else in the order given.

    Raises
    ------
    UserError
        Formulas that do not parse, use names that nothing declares, or run in a circle: all at once.
    """
    problems: list[Problem] = []
    known = [*variables, *attributes]
    needs: dict[str, list[str]] = {}
    for name, variable in variables.items():
        needs[name] = []
        if not variable.formula:
            continue
        where = f"variables.{name}.formula"
        try:
            used = names(parse(variable.formula, file, where))
        except UserError as error:
            problems += error.problems
            continue
        expected = "a variable or an attribute of the units"
        for other in sorted(used - {*known}):
            problems.append(Problem(file, where, f'"{other}"', expected, did_you_mean(other, known)))
        needs[name] = [other for other in variables if other in used]
    done: dict[str, None] = {}

    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in above:
            circle = " → ".join([*above[above.index(name) :], name])
            place = f"variables.{name}.formula"
            raise UserError([*problems, Problem(file, place, circle, "formulas that do not run in a circle")])
        if name not in done:
            for other in needs[name]:
                visit(other, (*above, name))
            done[name] = None

    for name in variables:
        visit(name, ())
    raise_any(problems)
    return tuple(done)


def years_read(
    name: str, variables: Mapping[str, VariableSpec], panel: PanelSpec, years: Iterable[int] | None = None
) -> dict[str, frozenset[int]]:
    """Years of every variable that `name` stands on, itself included, that its values in `years` need.

    Parameters
    ----------
    name : str
        A variable; formulas are followed down to the variables that are series (`leaves`).
    variables : all declared variables, without circles.
    panel : its periods and its way of counting lags apply at every depth.
    years : left out: the panel's periods.

    Returns
    -------
    dict
        Variable → years. Attributes of units are left out.
    """
    found: dict[str, frozenset[int]] = {}

    def visit(current: str, wanted: frozenset[int]) -> None:
        found[current] = found.get(current, frozenset()) | wanted
        if variables[current].formula:
            reads = source_years(tree(variables[current].formula), panel.periods, wanted, panel.by)
            for other, needed in reads.items():
                if other in variables:
                    visit(other, needed)

    visit(name, frozenset(panel.periods if years is None else years))
    return found


def leaves(reads: Mapping[str, frozenset[int]], variables: Mapping[str, VariableSpec]) -> dict[str, frozenset[int]]:
    """Those of `years_read` that are series of a source."""
    return {name: years for name, years in reads.items() if not variables[name].formula}


def below(name: str, formulas: Mapping[str, str]) -> tuple[str, ...]:
    """All variables that a formula stands on, itself left out, by the formulas of a built panel's codebook.

    Parameters
    ----------
    formulas : variable → its formula, empty for a published series.
    """
    found: dict[str, None] = {}

    def visit(current: str) -> None:
        for other in sorted(names(tree(formulas[current]))) if formulas.get(current) else ():
            if other in formulas and other not in found:
                found[other] = None
                visit(other)

    visit(name)
    return tuple(found)
