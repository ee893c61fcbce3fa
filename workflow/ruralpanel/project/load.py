"""The configuration file: read, checked against its schema, defaults filled in, as frozen objects."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ruralpanel.project.config_schema import config_schema, named_sections, shared_schema
from ruralpanel.project.exhibits import SECTIONS, Exhibit, exhibit_problems, read_exhibit
from ruralpanel.project.expand import SHORT
from ruralpanel.project.files import unusable
from ruralpanel.project.filled import with_defaults, with_periods
from ruralpanel.project.kinds.estimator_keys import MarginalEffect
from ruralpanel.project.kinds.estimators import ESTIMATORS, has_random_effects
from ruralpanel.project.kinds.inference import DEFAULT_SETTINGS
from ruralpanel.project.model_keys import inference_problems, inference_spec, key_problems
from ruralpanel.project.periods import between, parsed
from ruralpanel.project.problems import Problem, UserError, nearest, raise_any, unknown
from ruralpanel.project.schema import NOT_KNOWN, check_schema
from ruralpanel.project.sections.configuration import Checks, Hypothesis, Report, SpecificationCurve
from ruralpanel.project.sections.data import Sample, WeightsMatrix, samples, weights_matrices
from ruralpanel.project.settings import BreakRule, ModelSpec, PanelSpec, VariableSpec
from ruralpanel.project.sidecars import SourceSpec
from ruralpanel.project.sources import path_from, read_source
from ruralpanel.project.whole import Whole, read_whole
from ruralpanel.project.written import Place, Places

DEFAULT_FILE = "config.yaml"
"""The configuration of a run that names none."""


@dataclass(frozen=True)
class Config:
    """A whole configuration, defaults filled in; paths are relative to the working folder where they lie below it.

    `resolved` holds the same as plain values in the long form, for the record that results keep; `places` the file and
    line of each key; `files` all files that it was read from; `idle_words` where words stand for what nothing declares.
    `problems` are those of the sources (`faulty_sources`), which `check.check` reports together with its own;
    `unfetched` are those among them that `snakemake fetch` mends. `presets` are as of `expand.Expanded`.
    """

    file: str
    root: str
    title: str
    language: str
    seed: int
    units: str
    boundaries: str | None
    boundaries_note: str
    corrections: str | None
    control_totals: str | None
    sources: Mapping[str, SourceSpec]
    panels: Mapping[str, PanelSpec]
    variables: Mapping[str, VariableSpec]
    samples: Mapping[str, Sample]
    weights_matrices: Mapping[str, WeightsMatrix]
    models: Mapping[str, ModelSpec]
    hypotheses: Mapping[str, Hypothesis]
    specification_curves: Mapping[str, SpecificationCurve]
    tables: Mapping[str, Exhibit]
    figures: Mapping[str, Exhibit]
    maps: Mapping[str, Exhibit]
    report: Report
    checks: Checks
    resolved: Mapping[str, Any] = field(default_factory=dict)
    places: Places = field(default_factory=lambda: Places({}), repr=False)
    files: tuple[str, ...] = ()
    idle_words: tuple[Place, ...] = ()
    problems: tuple[Problem, ...] = ()
    faulty_sources: frozenset[str] = frozenset()
    unfetched: tuple[Problem, ...] = ()
    cache: str | None = None
    presets: Mapping[str, Mapping[str, tuple[Any, str]]] = field(default_factory=dict)

    def problem(self, where: str, found: str, expected: str, fix: str = "") -> Problem:
        """What is wrong at a place of the configuration."""
        return Problem(self.file, where, found, expected, fix)

    def missing(self, where: str, name: str, expected: str, known: Iterable[str]) -> Problem:
        """The problem of a name that nothing declares, with the nearest declared ones."""
        return unknown(self.file, where, name, expected, known)

    def undeclared(self, where: str, names: Iterable[str | None], section: str) -> Iterator[Problem]:
        """Those of some names (None: none is given) that are no entry of a section."""
        known: Mapping[str, object] = getattr(self, section)
        for name in names:
            if name is not None and name not in known:
                yield self.missing(where, name, f"a name under {section}", known)


class UnsoundConfiguration(UserError):
    """Keys and values that the schema refuses; `sound` is the configuration without the entries at fault, if any.

    `names` are those entries: what the rest says of them is no news.
    """

    def __init__(self, problems: Iterable[Problem], sound: Config | None, names: Set[str]) -> None:
        super().__init__(problems)
        self.sound, self.names = sound, names


def read_config(path: str | Path, overrides: Mapping[str, Any] | None = None) -> Config:
    """Read a configuration.

    Parameters
    ----------
    path : path of the YAML file. Paths inside are relative to its folder.
    overrides : keys set on the command line (``--config key=value``); mappings are merged into the file's.

    Raises
    ------
    UserError
        With every unknown or missing key and wrong value at once: an `UnsoundConfiguration` where the schema refuses
        them. What the parts and their files say of each other is checked by `check.check`.
    """
    file = str(path)
    if reason := unusable(path):
        raise_any(
            [
                Problem(
                    file,
                    "",
                    "no such file" if not os.path.exists(path) else f"a path {reason}",
                    "a configuration",
                    "name one with --configfile, or run where a config.yaml lies",
                )
            ]
        )
    whole = read_whole(path, overrides)
    own, shared = _key_problems(whole.values, file), check_schema(whole.untaken, shared_schema(), file)
    shared += inference_problems(whole.untaken, file)
    if problems := whole.with_problems([*own, *shared]):
        meant = {name for problem in own if _at_top(problem) for name in re.findall(r'"(\w+)"', problem.fix)}
        lost = tuple(f"a name under {name}" for name in meant)  # of a misspelt section: one mistake
        problems = [problem for problem in problems if not problem.expected.startswith(lost)]
        sound, names = (None, set()) if whole.problems else _sound(whole.values, own, file)
        rest = None if sound is None else _config(path, whole, sound)
        raise UnsoundConfiguration(problems, rest, names)
    return _config(path, whole, whole.values)


def _key_problems(raw: Mapping[str, Any], file: str) -> list[Problem]:
    found = [*map(_named, check_schema(raw, config_schema(), file)), *key_problems(raw, file)]
    found += inference_problems(raw, file)
    return [*found, *exhibit_problems(raw, file, _at_fault(found))]


def _named(problem: Problem) -> Problem:
    """An unknown key at the top with the nearest one, which may be that of a short form."""
    known = ("include", *SHORT, *config_schema()["properties"])
    return replace(problem, fix=nearest(problem.where, known) or problem.fix) if _at_top(problem) else problem


def _at_top(problem: Problem) -> bool:
    return problem.found == NOT_KNOWN and "." not in problem.where


def _at_fault(problems: Iterable[Problem]) -> set[tuple[str, ...]]:
    """Section and name of the entries that problems are of; of others the section alone."""
    return {tuple(re.split(r"[.\[]", problem.where, maxsplit=2)[:2]) for problem in problems}


def _sound(raw: Mapping[str, Any], problems: Iterable[Problem], file: str) -> tuple[Mapping[str, Any] | None, set[str]]:
    """The values without the entries that problems are of, and the names of these; None where more is at fault."""
    names = _at_fault(problems)
    separate = set(named_sections()) - {"sources", "panels"}  # an entry can be left out, and the others be checked
    if any(len(parts) < 2 or parts[0] not in separate for parts in names):
        return None, set()
    kept = {
        section: {name: entry for name, entry in entries.items() if (section, name) not in names}
        if section in separate and isinstance(entries, Mapping)
        else entries
        for section, entries in raw.items()
    }
    return (None if _key_problems(kept, file) else kept), {name for _, name in names}


def _config(path: str | Path, whole: Whole, raw: Mapping[str, Any]) -> Config:
    """The configuration of values that the schema accepts."""
    file, places, problems = str(path), whole.places, list[Problem]()
    values = with_periods(with_defaults(raw, config_schema()), config_schema())
    root = Path(path).parent
    named = {key: values.get(key) for key in ("units", "boundaries", "corrections", "control_totals", "cache")}
    files: dict[str, Any] = {key: text and path_from(root, text) for key, text in named.items()}
    sources: dict[str, SourceSpec] = {}
    faulty: set[str] = set()
    unfetched: list[Problem] = []
    for name, source in values["sources"].items():
        found = read_source(name, source, root, file)
        problems += [*found.faults, *found.mended]
        sources[name] = found.spec
        if found.faults or found.mended:
            faulty.add(name)
        unfetched += found.mended
    panels = {name: _panel(name, panel) for name, panel in values["panels"].items()}
    first_panel = next(iter(panels))
    return Config(
        file=file,
        root=str(root),
        **{key: values[key] for key in ("title", "language", "seed", "boundaries_note")},
        **files,
        sources=sources,
        panels=panels,
        variables={name: _variable(name, variable) for name, variable in values["variables"].items()},
        samples=samples(values["samples"]),
        weights_matrices={
            name: matrix.changed(path=path_from(root, matrix.path)) if matrix.path else matrix
            for name, matrix in weights_matrices(values["weights_matrices"]).items()
        },
        models={name: _model(name, model, values["defaults"], first_panel) for name, model in values["models"].items()},
        hypotheses={name: Hypothesis.model_validate(claim) for name, claim in values["hypotheses"].items()},
        specification_curves={
            name: SpecificationCurve.model_validate(curve) for name, curve in values["specification_curves"].items()
        },
        tables=_exhibits(values, "tables"),
        figures=_exhibits(values, "figures"),
        maps=_exhibits(values, "maps"),
        report=Report.model_validate(values["report"]),
        checks=Checks.model_validate(values["checks"]),
        resolved=values,
        places=places,
        files=whole.files,
        idle_words=whole.idle_words,
        problems=tuple(places.located(problems, file)),
        faulty_sources=frozenset(faulty),
        unfetched=tuple(places.located(unfetched, file)),
        presets=whole.presets,
    )


def _exhibits(values: Mapping[str, Any], section: str) -> dict[str, Exhibit]:
    return {name: read_exhibit(SECTIONS[section], declared, "", "") for name, declared in values[section].items()}


def _panel(name: str, values: Mapping[str, Any]) -> PanelSpec:
    periods = values["periods"]
    declared = between(periods["first"], periods["last"]) if isinstance(periods, Mapping) else tuple(sorted(periods))
    return PanelSpec(
        name=name,
        periods=declared,
        units=tuple(values.get("units") or ()),
        by=values["by"],
        title=values.get("title", ""),
    )


def _variable(name: str, values: Mapping[str, Any]) -> VariableSpec:
    breaks = {
        parsed(year): BreakRule(**rule) if isinstance(rule, Mapping) else BreakRule(rule)
        for year, rule in (values.get("breaks") or {}).items()
    }
    return VariableSpec(name=name, **{**values, "breaks": breaks})


def _model(name: str, values: Mapping[str, Any], defaults: Mapping[str, Any], first_panel: str) -> ModelSpec:
    estimator = values["estimator"]
    kind = ESTIMATORS[estimator]
    method = values.get("method") or kind.method
    inherited = kind.inherits_effects and not has_random_effects(estimator, method)
    effects = values.get("effects", defaults.get("effects", ["unit", "period"]) if inherited else [])
    outcome = values["outcome"]
    outcomes = tuple(outcome) if isinstance(outcome, list) else ()
    settings = values.get("inference") or defaults.get("inference") or DEFAULT_SETTINGS
    return ModelSpec(
        name=name,
        estimator=estimator,
        outcome=outcomes[0] if outcomes else outcome,
        outcomes=outcomes,
        panel=values.get("panel", first_panel),
        method=method,
        regressors=tuple(values.get("regressors") or _terms_of(values, "blocks") or _terms_of(values, "equations")),
        controls=tuple(values.get("controls", defaults.get("controls")) or ()),
        effects=tuple(effects),
        weights=values.get("weights", defaults.get("weights")),
        sample=values.get("sample", defaults.get("sample", "all")),
        inference=tuple(inference_spec(setting) for setting in settings),
        marginal_effects=tuple(MarginalEffect.model_validate(one) for one in values.get("marginal_effects") or ()),
        options=kind.options.model_validate({key: values[key] for key in kind.keys if key in values}),
        drop_absorbed=bool(values.get("drop_absorbed")),
        weights_matrix=values.get("weights_matrix"),
        allow=tuple(values.get("allow") or ()),
        simulated_size=bool(values.get("simulated_size", defaults.get("simulated_size", True))),
    )


def _terms_of(values: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """The terms of all blocks or equations of a model that names none under ``regressors``, each once."""
    return tuple(dict.fromkeys(term for terms in (values.get(key) or {}).values() for term in terms))
