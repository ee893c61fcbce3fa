"""What the parts of a configuration and its files say of each other: checked before any job, all problems at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from ruralpanel.contracts.breaks import break_problems
from ruralpanel.contracts.check_models import missing
from ruralpanel.contracts.check_references import reference_problems
from ruralpanel.contracts.compared import compared_problems
from ruralpanel.contracts.config import Config
from ruralpanel.contracts.corrections import load_corrections
from ruralpanel.contracts.derivation import evaluation_order, leaves, years_read
from ruralpanel.contracts.documents import with_lines
from ruralpanel.contracts.expressions import RESERVED
from ruralpanel.contracts.formula import WORDS
from ruralpanel.contracts.formula_measures import formula_problems
from ruralpanel.contracts.measures import MeasureError, conversion
from ruralpanel.contracts.problems import Problem, UserError
from ruralpanel.contracts.reads import model_names, series_by_variable, used_variables
from ruralpanel.contracts.units import Units, load_units
from ruralpanel.files import unusable

OF_ATTRIBUTES = "attribute of the units"
_ALIKE = 5


def check(config: Config) -> tuple[Problem, ...]:
    """Every contradiction between the parts of `config` and the files that it names.

    Covers: files that do not exist, names that nothing declares, formulas that do not parse or run in a circle,
    measures that do not convert, periods that a series does not cover, breaks crossed undeclared, and what
    models, claims, tables and maps refer to. What needs the figures themselves is checked as they are read.
    """
    units, problems = _units(config)
    attributes = set(units.attributes[units.ids[0]]) if units else set()
    problems += _file_problems(config)
    problems += _brace_problems(config)
    problems += _variable_problems(config, attributes)
    problems += reference_problems(config, attributes, units)
    problems += compared_problems(config)
    if units is None:  # a name that is like no declared one may be a column of the file that cannot be read
        problems = [problem for problem in problems if OF_ATTRIBUTES not in problem.expected or _is_near(problem)]
    if not problems and not config.problems:
        problems += _coverage_problems(config)
        problems += _break_problems(config)
    return (*config.problems, *with_lines(_together(problems), config.locations))


def _is_near(problem: Problem) -> bool:
    """Whether a declared name is so like the unknown one that it is suggested."""
    return problem.fix.startswith("did you mean")


def _together(problems: Iterable[Problem]) -> list[Problem]:
    """Each problem once; of one that more than a few places share the first place, and how many there are."""
    alike: dict[Problem, list[Problem]] = {}
    for problem in dict.fromkeys(problems):
        alike.setdefault(replace(problem, where=""), []).append(problem)
    found = []
    for group in alike.values():
        first, count = group[0], len(group) - 1
        found += group if count < _ALIKE else [replace(first, found=f"{first.found}, here and in {count} more places")]
    return found


def _units(config: Config) -> tuple[Units | None, list[Problem]]:
    if reason := unusable(config.units):
        return None, [Problem(config.file, "units", f'"{config.units}", {reason}', "a CSV of units")]
    try:
        return load_units(config.units), []
    except UserError as error:
        return None, list(error.problems)


def _file_problems(config: Config) -> Iterator[Problem]:
    for key, path in (("boundaries", config.boundaries), ("control_totals", config.control_totals)):
        if path is not None and (reason := unusable(path)):
            yield Problem(config.file, key, f'"{path}", {reason}', "a file", "check the path")
    if config.corrections is None:
        return
    if reason := unusable(config.corrections):
        yield Problem(config.file, "corrections", f'"{config.corrections}", {reason}', "a file")
        return
    try:
        corrections = load_corrections(config.corrections)
    except UserError as error:
        yield from error.problems
        return
    for correction in corrections:
        source = config.sources.get(correction.source)
        if source is None:
            where = f"{correction.where}.source"
            yield missing(correction.file, where, correction.source, f"a source of {config.file}", config.sources)
        elif correction.series not in source.series and source.name not in config.faulty_sources:
            yield missing(
                correction.file,
                f"{correction.where}.series",
                correction.series,
                f"a series of {source.name}",
                source.series,
            )


def _brace_problems(config: Config) -> Iterator[Problem]:
    """Paths with braces, which the workflow takes for the names of wildcards."""
    paths = {key: [path or ""] for key, path in (
        ("units", config.units), ("boundaries", config.boundaries), ("corrections", config.corrections),
        ("control_totals", config.control_totals),
    )}  # fmt: skip
    for name, source in config.sources.items():
        if name in config.faulty_sources:  # no file lies there: one thing at a time
            continue
        paths[f"sources.{name}.path"] = [source.path, *source.files]
        paths[f"sources.{name}.about"] = [str(config.resolved["sources"][name].get("about", ""))]
    for name, matrix in config.weights_matrices.items():
        paths[f"weights_matrices.{name}.path"] = [str(matrix.get("path", ""))]
    for where, own in paths.items():
        braced = next((path for path in own if "{" in path or "}" in path), "")
        if braced:
            yield Problem(config.file, where, f'"{braced}"', "a path without { and }", "rename the file or folder")


def _variable_problems(config: Config, attributes: set[str]) -> Iterator[Problem]:
    try:
        order = evaluation_order(config.variables, attributes, config.file)
    except UserError as error:
        yield from error.problems
    else:
        yield from formula_problems(config.variables, order, config.file)
    for name, variable in config.variables.items():
        where = f"variables.{name}"
        if name in (*RESERVED, *WORDS):
            found = f'"{name}", a word with a meaning of its own in formulas'
            yield Problem(config.file, where, found, "another name", "rename it")
        if name in attributes:
            yield Problem(
                config.file, where, f'"{name}", which is also a column of the units file', "another name", "rename it"
            )
        if variable.formula:
            continue
        source = config.sources.get(variable.source)
        if source is None:
            yield missing(config.file, f"{where}.source", variable.source, "a name under sources", config.sources)
        elif variable.series not in source.series:
            if source.name in config.faulty_sources:
                continue
            yield missing(
                config.file, f"{where}.series", variable.series, f"a series of source {source.name}", source.series
            )
        else:
            try:
                conversion(source.series[variable.series].measure, variable.measure)
            except MeasureError as error:
                yield error.problem(config.file, f"{where}.measure")


def _coverage_problems(config: Config) -> Iterator[Problem]:
    series = series_by_variable(config)
    for model in config.models.values():
        panel = config.panels[model.panel]
        for name in sorted(model_names(model) & set(config.variables)):
            for leaf, years in leaves(years_read(name, config.variables, panel), config.variables).items():
                covered = series[leaf].years
                if covered and not years & set(covered):
                    through = "" if leaf == name else f" through {name}"
                    yield Problem(
                        config.file,
                        f"models.{model.name}",
                        f"{leaf}{through} on panel {panel.name}, read in {_span(years)}",
                        f"years that its source covers ({_span(covered)})",
                        "use another panel, or a source with these years",
                    )


def _break_problems(config: Config) -> Iterator[Problem]:
    series = series_by_variable(config)
    seen: set[Problem] = set()
    for panel in config.panels.values():
        used = used_variables(config, panel.name)
        for problem in break_problems(used, config.variables, panel, series, config.file):
            if problem not in seen:
                seen.add(problem)
                yield problem


def _span(years: Iterable[int]) -> str:
    ordered = sorted(years)
    if len(ordered) > 2 and ordered[-1] - ordered[0] == len(ordered) - 1:
        return f"{ordered[0]}–{ordered[-1]}"
    return ", ".join(str(year) for year in ordered)
