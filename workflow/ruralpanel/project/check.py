"""What the parts of a configuration and its files say of each other: checked before any job, all problems at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from ruralpanel.project.breaks import break_problems, evaluation_order, leaves, years_read
from ruralpanel.project.check_models import condition_problems, model_problems, name_problems
from ruralpanel.project.check_outputs import claim_problems, output_problems, report_problems
from ruralpanel.project.corrections import load_corrections
from ruralpanel.project.effects import effect_problems
from ruralpanel.project.expressions import RESERVED
from ruralpanel.project.files import unusable
from ruralpanel.project.formulas import WORDS
from ruralpanel.project.load import Config
from ruralpanel.project.measures import MeasureError, conversion, formula_problems
from ruralpanel.project.other_results import compared_problems, evidence_problems
from ruralpanel.project.periods import frequency, mixed
from ruralpanel.project.problems import Problem, UserError, unknown
from ruralpanel.project.reads import (
    COORDINATES,
    CURVE_COLUMNS,
    curve_names,
    model_names,
    place_problems,
    series_by_variable,
    used_variables,
)
from ruralpanel.project.sections.configuration import SpecificationCurve
from ruralpanel.project.units import Units, load_units
from ruralpanel.project.written import paths_in


def reference_problems(config: Config, units: Units) -> list[Problem]:
    """Every name in panels, samples, models, curves, claims, tables, figures and maps that nothing declares."""
    attributes = set(units.columns)
    found = [*_panel_problems(config, units), *_sample_problems(config, units), *_series_problems(config, units)]
    found += [
        config.missing(f"sources.{name}.by", source.by, "an attribute of the units", attributes)
        for name, source in config.sources.items()
        if source.by and source.by not in attributes
    ]
    for model in config.models.values():
        found += model_problems(config, model, units)
    found += _preset_problems(config, units)
    for name, curve in config.specification_curves.items():
        found += _curve_problems(config, name, curve, units)
    for name, claim in config.hypotheses.items():
        found += claim_problems(config, name, claim)
    for section, items in (("tables", config.tables), ("figures", config.figures), ("maps", config.maps)):
        for name, item in items.items():
            found += output_problems(config, section, name, item, units)
    found += place_problems(config, units)
    if config.maps and config.boundaries is None and not set(COORDINATES) <= attributes:
        expected = "boundaries: a file of polygons, or columns longitude and latitude in the units file"
        found.append(config.problem("maps", "maps without boundaries", expected))
    return found


def _panel_problems(config: Config, units: Units) -> Iterator[Problem]:
    for name, panel in config.panels.items():
        written = config.resolved["panels"][name]["periods"]
        ends = list(written.values()) if isinstance(written, Mapping) else panel.periods
        if mixed(ends):
            found = " and ".join(dict.fromkeys(f"{frequency(period)}s" for period in ends))
            expected = "periods of one kind: years, quarters or months"
            yield config.problem(f"panels.{name}.periods", found, expected, "make a panel of each")
        elif not panel.periods:
            found, expected = f"{written['first']} to {written['last']}", "first no later than last"
            yield config.problem(f"panels.{name}.periods", found, expected, "exchange the two")
        yield from _unit_problems(config, f"panels.{name}.units", panel.units, units)


def _series_problems(config: Config, units: Units) -> Iterator[Problem]:
    """Spans written backwards, of which nothing would be held against the figures, and units that do not exist."""
    for name, source in config.sources.items():
        own = config.resolved["sources"][name]
        for key, series in source.series.items():
            here = key in (own.get("series") or {})
            file, where = (
                (config.file, f"sources.{name}.series.{key}") if here else (str(own.get("about")), f"series.{key}")
            )
            declared = {
                **(source.described.document.get("series") or {}).get(key, {}),
                **(own.get("series") or {}).get(key, {}),
            }
            for span in ("years", "range"):
                ends = declared.get(span)
                if isinstance(ends, list) and len(ends) == 2 and None not in ends and ends[0] > ends[1]:
                    yield Problem(file, f"{where}.{span}", f"[{ends[0]}, {ends[1]}]", "the smaller one first")
            concerned = [("retrospective", series.retrospective)]
            concerned += [(f"breaks.{year}.units", item.units or ()) for year, item in series.breaks.items()]
            for place, ids in concerned:
                yield from _unit_problems(config, f"{where}.{place}", ids, units, file)


def _unit_problems(config: Config, where: str, ids: Iterable[str], units: Units, file: str = "") -> Iterator[Problem]:
    for unit in ids:
        if units.ids and unit not in units.every:
            meant = units.match(unit)
            fix = f'write "{meant}"' if meant else units.suggest(unit)
            yield Problem(file or config.file, where, f'"{unit}"', "ids of the units file", fix)


def _sample_problems(config: Config, units: Units) -> Iterator[Problem]:
    for name, sample in config.samples.items():
        if sample.where is not None:
            yield from condition_problems(config, f"samples.{name}.where", sample.where, units)
        yield from _unit_problems(config, f"samples.{name}.drop", sample.drop or (), units)
        periods = {period for panel in config.panels.values() for period in panel.periods}
        for period in sample.drop_periods or ():
            if period not in periods:
                yield config.problem(f"samples.{name}.drop_periods", str(period), "a period of one of the panels")


def _preset_problems(config: Config, units: Units) -> Iterator[Problem]:
    """Names of variables in keys of presets that no model takes over; those taken over are the models' own."""
    taken = frozenset(config.places.origins.values())
    for name, preset in config.presets.items():
        for key in ("outcome", "regressors", "controls", "weights"):
            value, written = preset.get(key, (None, ""))
            if value is None or written in taken or not written.startswith(f"presets.{name}."):
                continue
            texts = value if isinstance(value, list) else [value]
            parts = {part.strip() for text in texts for part in str(text).split(":")}
            yield from name_problems(config, written, parts, units)


def _curve_problems(config: Config, name: str, curve: SpecificationCurve, units: Units) -> Iterator[Problem]:
    where = f"specification_curves.{name}"
    yield from config.undeclared(f"{where}.panel", [curve.panel], "panels")
    yield from name_problems(config, where, curve_names(curve), units)
    for lever, measures in (curve.measures or {}).items():
        if lever in CURVE_COLUMNS:
            expected = "a name that no other column of the curve's results has"
            yield config.problem(f"{where}.measures", f'"{lever}"', expected, "name the lever otherwise")
        if lever == curve.term and not any(measures):
            yield config.problem(f"{where}.measures.{lever}", "no measure", "a variable for the lever followed")
    samples = [sample for sample in curve.samples or () if sample != "all"]
    yield from config.undeclared(f"{where}.samples", samples, "samples")
    effects = [effect for chosen in curve.effects or () for effect in chosen]
    yield from effect_problems(effects, {*units.columns, *config.variables}, config.file, f"{where}.effects")


OF_ATTRIBUTES = "attribute of the units"
_ALIKE = 5
_NEAR = "did you mean"
"""How a fix begins that suggests a declared name, since it is so like the unknown one."""


def check(config: Config) -> tuple[Problem, ...]:
    """Every contradiction between the parts of `config` and the files that it names.

    Covers: files that do not exist, names that nothing declares, formulas that do not parse or run in a circle,
    measures that do not convert, periods that a series does not cover, breaks crossed undeclared, and what
    models, claims, tables and maps refer to. What needs the figures themselves is checked as they are read.
    """
    units, problems = _units(config)
    problems += _file_problems(config)
    problems += _brace_problems(config)
    problems += _variable_problems(config, units)
    problems += reference_problems(config, units)
    problems += compared_problems(config)
    problems += evidence_problems(config)
    problems += report_problems(config)
    if not units.ids:  # a name that is like no declared one may be a column of the file that cannot be read
        problems = [
            problem for problem in problems if OF_ATTRIBUTES not in problem.expected or problem.fix.startswith(_NEAR)
        ]
    if not problems and not config.problems:
        problems += _coverage_problems(config)
        problems += _break_problems(config)
    return tuple(dict.fromkeys((*config.problems, *config.places.located(_together(problems), config.file))))


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


def _units(config: Config) -> tuple[Units, list[Problem]]:
    """The units, none of which are there where their file cannot be read."""
    problems = list[Problem]()
    if reason := unusable(config.units):
        problems.append(config.problem("units", f'"{config.units}", {reason}', "a CSV of units"))
    else:
        try:
            return load_units(config.units), problems
        except UserError as error:
            problems += error.problems
    return Units((), {}, {}), problems


def _file_problems(config: Config) -> Iterator[Problem]:
    for key, path in (("boundaries", config.boundaries), ("control_totals", config.control_totals)):
        if path is not None and (reason := unusable(path)):
            yield config.problem(key, f'"{path}", {reason}', "a file", "check the path")
    if config.corrections is None:
        return
    if reason := unusable(config.corrections):
        yield config.problem("corrections", f'"{config.corrections}", {reason}', "a file")
        return
    try:
        corrections = load_corrections(config.corrections)
    except UserError as error:
        yield from error.problems
        return
    for correction in corrections:
        file, where, source = correction.file, correction.where, config.sources.get(correction.source)
        if source is None:
            expected = f"a source of {config.file}"
            yield unknown(file, f"{where}.source", correction.source, expected, config.sources)
        elif correction.series not in source.series and source.name not in config.faulty_sources:
            expected = f"a series of {source.name}"
            yield unknown(file, f"{where}.series", correction.series, expected, source.series)


def _brace_problems(config: Config) -> Iterator[Problem]:
    """Paths with braces, which the workflow takes for the names of wildcards."""
    paths = {where: [path] for where, path in paths_in(config.resolved).items()}
    for name, source in config.sources.items():
        if name in config.faulty_sources:  # no file lies there: one thing at a time
            paths = {where: own for where, own in paths.items() if not where.startswith(f"sources.{name}.")}
        else:
            paths[f"sources.{name}.path"] += source.files
    for where, own in paths.items():
        braced = next((path for path in own if "{" in path or "}" in path), "")
        if braced:
            yield config.problem(where, f'"{braced}"', "a path without { and }", "rename the file or folder")


def _variable_problems(config: Config, units: Units) -> Iterator[Problem]:
    try:
        order = evaluation_order(config.variables, units.columns, config.file)
    except UserError as error:
        yield from error.problems
    else:
        yield from formula_problems(config.variables, order, config.file)
    for name, variable in config.variables.items():
        where = f"variables.{name}"
        if name in (*RESERVED, *WORDS):
            found = f'"{name}", a word with a meaning of its own in formulas'
            yield config.problem(where, found, "another name", "rename it")
        if name in units.columns:
            found = f'"{name}", which is also a column of the units file'
            yield config.problem(where, found, "another name", "rename it")
        if variable.formula:
            continue
        source = config.sources.get(variable.source)
        if source is None:
            yield config.missing(f"{where}.source", variable.source, "a name under sources", config.sources)
        elif variable.series not in source.series:
            if source.name in config.faulty_sources:
                continue
            yield config.missing(f"{where}.series", variable.series, f"a series of source {source.name}", source.series)
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
                    yield config.problem(
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
