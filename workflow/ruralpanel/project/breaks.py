"""How variables derive from one another, which source years they read, and the breaks of definition that they cross."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import cache

from ruralpanel.project.expressions import Call, Expression, names, source_years, walk
from ruralpanel.project.formulas import parse
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError, raise_any, unknown
from ruralpanel.project.settings import Break, BreakRule, PanelSpec, SeriesSpec, VariableSpec

MARK = "__break_"
"""Between a variable and the period of a break whose change of level a column takes up."""

ACROSS = "_across"


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
        problems += [unknown(file, where, other, expected, known) for other in sorted(used - {*known})]
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


def rule_of(variable: VariableSpec, year: int) -> str:
    """The rule that a variable declares for the break of a year: error where it declares none."""
    return variable.breaks.get(year, BreakRule()).rule


def affected(details: Break, units: Collection[str]) -> frozenset[str]:
    """Those of `units` that a break concerns; all where the sidecar names none."""
    return frozenset(units) if details.units is None else frozenset(units) & frozenset(details.units)


def keeps_later(year: int, periods: Collection[int]) -> bool:
    """Whether `drop` keeps the years from the break on: the side of more of the panel's periods, ties the later one."""
    return sum(period >= year for period in periods) >= sum(period < year for period in periods)


def dropped(year_read: int, break_year: int, periods: Collection[int]) -> bool:
    """Whether `drop` at `break_year` leaves out the series' figure of `year_read`."""
    return (year_read >= break_year) != keeps_later(break_year, periods)


def crossings(
    variable: str,
    variables: Mapping[str, VariableSpec],
    panel: PanelSpec,
    series: Mapping[str, SeriesSpec],
) -> list[tuple[str, int]]:
    """Breaks of which a variable reads both sides, on the source years that it reads, whatever the rule declared.

    Parameters
    ----------
    variable : name of a variable, derived or a series.
    variables : all variables.
    panel : the panel on which it is used. Years that a declared `drop` leaves out are not read.
    series : variable name → its series, for the variables that are series.

    Returns
    -------
    list of (str, int)
        Name of the variable that is the series, and the break's year; ordered.
    """
    found = []
    for leaf, years in leaves(years_read(variable, variables, panel), variables).items():
        spec = series.get(leaf)
        if spec is None:
            continue
        available = years & frozenset(spec.years) if spec.years else years
        for year in spec.breaks:
            if panel.units and not affected(spec.breaks[year], panel.units):
                continue
            read = [y for y in available if not _left_out(y, year, variables[leaf], spec, panel)]
            if any(y < year for y in read) and any(y >= year for y in read):
                found.append((leaf, year))
    return sorted(found)


def _left_out(year_read: int, break_year: int, variable: VariableSpec, spec: SeriesSpec, panel: PanelSpec) -> bool:
    """Whether a drop leaves out a year for every unit that the break of `break_year` concerns."""
    concerned = spec.breaks[break_year].units
    for year, details in spec.breaks.items():
        if rule_of(variable, year) != "drop" or not dropped(year_read, year, panel.periods):
            continue
        if details.units is None or (concerned is not None and set(concerned) <= set(details.units)):
            return True
    return False


def break_problems(
    used: Iterable[str],
    variables: Mapping[str, VariableSpec],
    panel: PanelSpec,
    series: Mapping[str, SeriesSpec],
    file: str = CONFIGURATION,
) -> list[Problem]:
    """Mistakes about breaks and lags in the use of variables on a panel.

    A break crossed without a rule; `accept` without `because`; `splice` without a factor or an overlap; a rule for a
    year in which the sidecar declares no break; lags by year on a panel with uneven periods.
    """
    problems: dict[tuple[str, int], Problem] = {}
    uneven: list[Problem] = []
    for name in sorted(set(used)):
        if name not in variables:
            continue
        for leaf, year in crossings(name, variables, panel, series):
            if rule_of(variables[leaf], year) == "error" and (leaf, year) not in problems:
                problems[leaf, year] = _undeclared(name, leaf, year, panel, series[leaf], file)
        for other in years_read(name, variables, panel):
            uneven += _uneven(other, variables[other], panel, file)
    rules = [p for leaf in series if leaf in variables for p in _rules(leaf, variables[leaf], series[leaf], file)]
    return [*problems.values(), *dict.fromkeys(uneven), *rules]


def _undeclared(name: str, leaf: str, year: int, panel: PanelSpec, spec: SeriesSpec, file: str) -> Problem:
    reader = "" if name == leaf else f" through {name}"
    return Problem(
        file,
        f"variables.{leaf}.breaks",
        f"no rule for {year} ({spec.breaks[year].what or 'a change of definition'}), "
        f"a break that panel {panel.name} crosses{reader}",
        f"breaks: {{{year}: drop, dummy, splice or accept}}",
        f"declare the rule, or a panel, a lag or a first value that stays on one side of {year}",
    )


def _uneven(name: str, variable: VariableSpec, panel: PanelSpec, file: str) -> list[Problem]:
    steps = {later - earlier for earlier, later in zip(panel.periods, panel.periods[1:], strict=False)}
    if panel.by == "observation" or len(steps) < 2 or not variable.formula:
        return []
    place = f"variables.{name}.formula"
    nodes = walk(parse(variable.formula, file, place))
    if not any(isinstance(node, Call) and node.function in ("lag", "diff") for node in nodes):
        return []
    found = f"a lag by calendar year on panel {panel.name}, whose periods are unevenly spaced"
    return [Problem(file, place, found, "lags by observation", f"panels.{panel.name}.by: observation")]


def _rules(leaf: str, variable: VariableSpec, spec: SeriesSpec, file: str) -> list[Problem]:
    problems = []
    for year in variable.breaks:
        where = f"variables.{leaf}.breaks.{year}"
        rule = rule_of(variable, year)
        if year not in spec.breaks:
            known = ", ".join(map(str, sorted(spec.breaks))) or "none"
            expected = f"a break that is declared for {variable.source}.{spec.key} ({known})"
            fix = f"take the rule out, or declare under this series breaks: {{{year}: {{what: …}}}}"
            problems.append(Problem(file, where, f"a rule for {year}", expected, fix))
        elif rule == "accept" and not variable.breaks[year].because:
            fix = f"{year}: {{rule: accept, because: …}}"
            problems.append(Problem(file, where, "accept without a reason", "because: the reason in words", fix))
        elif rule == "splice" and spec.breaks[year].factor is None and spec.breaks[year].overlap is None:
            expected = "a factor or an overlap for this break in the sidecar"
            problems.append(Problem(file, where, "splice", expected, "add it there, or choose drop or dummy"))
    return problems


def belongs(step: str, term: str) -> bool:
    """Whether `step` is one of the terms that take up breaks in `term`."""
    parts, factors = step.split(":"), [part.strip() for part in term.split(":")]
    alike = len(parts) == len(factors) and all(
        part == factor or part.startswith(f"{factor}{MARK}") for part, factor in zip(parts, factors, strict=True)
    )
    return alike and parts != factors
