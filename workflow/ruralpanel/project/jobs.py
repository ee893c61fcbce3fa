"""What each job of the workflow receives: its settings, and the hash of the code that it stands on."""

from __future__ import annotations

import os
import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import combinations, takewhile
from pathlib import Path
from typing import Any

from ruralpanel.project.check import check
from ruralpanel.project.exhibits import Exhibit, needed_files
from ruralpanel.project.kinds.estimators import ESTIMATORS, SCRIPTS
from ruralpanel.project.load import DEFAULT_FILE, Config, UnsoundConfiguration, read_config
from ruralpanel.project.problems import Problem, UserError, did_you_mean, raise_any
from ruralpanel.project.reads import matrices_of, samples_of, series_by_variable
from ruralpanel.project.settings import Download, wordless
from ruralpanel.project.sidecars import SourceSpec
from ruralpanel.project.units import normal
from ruralpanel.project.yaml import load_document

YAML = (".yaml", ".yml", ".json")
"""How the names of configurations end."""


def open_project(
    files: Sequence[str | Path] = (), overrides: Mapping[str, Any] | None = None, fetching: bool = False
) -> Config:
    """Read and check the configuration that a run names, or ``config.yaml`` where it names none.

    Parameters
    ----------
    files : configuration files named on the command line. One replaces the default file, it is not merged with it.
    overrides : single keys set on the command line.
    fetching : the run renews the live sources, so that their files may be missing or not those of the sidecar.

    Raises
    ------
    UserError
        With every problem of the configuration, its sidecars and files.
    """
    _one(files)
    try:
        config = read_config(_shown(files[0]) if files else DEFAULT_FILE, overrides)
    except UnsoundConfiguration as error:
        raise UserError((*error.problems, *_of_the_rest(error))) from None
    mended = config.unfetched if fetching else ()
    raise_any(problem for problem in check(config) if problem not in mended)
    return config


def _of_the_rest(error: UnsoundConfiguration) -> Iterator[Problem]:
    """What is wrong with the sound entries, but for what may follow from the lack of those at fault."""
    for problem in check(error.sound) if error.sound else ():
        if not error.names & set(re.findall(r"\w+", f"{problem.where} {problem.found} {problem.expected}")):
            yield problem


def check_command_line(arguments: Sequence[str]) -> None:
    """Check the words after ``--configfile`` before Snakemake reads the files: it names neither line nor cause.

    Raises
    ------
    UserError
        More than one file, a target in a file's place, or a file that is no YAML.
    """
    files: list[str] = []
    given: list[str] = []
    for position, word in enumerate(arguments):
        option, equals, value = word.partition("=")
        if option in ("--configfile", "--configfiles"):
            rest = list(takewhile(lambda later: not later.startswith("-"), arguments[position + 1 :]))
            files = [value] if equals else rest
            given += files[:1]
    if not files:
        return
    first, *more = files
    others = [word for word in more if not word.endswith(YAML)]
    if others:
        targets = " ".join(others)
        found, fix = f"{targets} after {first}", f"name targets first: snakemake {targets} --configfile {first}"
        raise UserError.at("--configfile", "", found, "one configuration file and nothing else", fix)
    _one(files)
    _one(given)
    if not os.path.exists(first):
        fix = did_you_mean(first, [name for name in os.listdir() if name.endswith(YAML)])
        found = "no such file"
        raise UserError.at(first, "", found, "a configuration", fix or "name one that lies in this folder")
    document = load_document(first)
    raise_any(document.problems)
    if "__use_yte__" in document.values:  # Snakemake would run the code in it
        raise UserError.at(first, "__use_yte__", "a template", "plain keys and values", "take the key out")


def _one(files: Sequence[str | Path]) -> None:
    if len(files) > 1:
        names = ", ".join(_shown(file) for file in files)
        raise UserError.at("--configfile", "", names, "one configuration file", "name one; it may include others")


def require_room(results: Iterable[str]) -> None:
    """Refuse to run where something lies in the place of a result that a run cannot replace.

    Raises
    ------
    UserError
        A file that has the name of the folder of results, and folders that have the name of a result.
    """
    expected = "a place for the results"
    raise_any(
        Problem(str(parent), "", "a file", expected, "move it away")
        for parent in dict.fromkeys(parent for result in results for parent in Path(result).parents)
        if parent.is_file()
    )
    raise_any(Problem(result, "", "a folder", expected, "move it away") for result in results if Path(result).is_dir())


def _shown(file: str | Path) -> str:
    relative = os.path.relpath(file)
    return str(file) if relative.startswith("..") else relative


_READ = ("layout", "files", "series", "known_faults")
"""What the reading of a source takes from its sidecar."""


LARGE = 50_000_000
"""Bytes of all source files from which a job reads one source, and works on one panel, alone: it may then be sent to
another node and be given the memory that it needs. Below, one job has them all, and imports what it needs once."""


def jobs_of(config: Config, names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Which sources or panels one job works on, by what the names of its rule and its log end with."""
    files = {file for source in config.sources.values() for file in source.files if os.path.isfile(file)}
    if sum(map(os.path.getsize, files)) < LARGE:
        together = tuple(names)
        return {"": together} if together else {}
    return {f"_{name}": (name,) for name in names}


def source_settings(config: Config, source: str) -> dict[str, Any]:
    """A source with everything that its sidecar says of it."""
    return config.sources[source].to_dict()


def reading_settings(config: Config, source: str) -> dict[str, Any]:
    """What the reading of one source depends on: what its figures are called does not count."""
    settings = source_settings(config, source)
    del settings["downloads"]
    settings["series"] = {key: wordless(series) for key, series in settings["series"].items()}
    about = settings["about"]
    if about is not None:
        about = {key: about[key] for key in _READ if key in about}
        described = {key: wordless(entry or {}) for key, entry in (about.get("series") or {}).items()}
        settings["about"] = about | ({"series": described} if described else {})
    return settings


def reconcile_settings(config: Config) -> dict[str, Any]:
    """What the comparison of figures depends on: what series are called counts only where two bear the same title."""
    sources = {name: source_settings(config, name) for name in config.sources}
    for settings in sources.values():
        settings["series"] = {key: wordless(series) for key, series in settings["series"].items()}
        settings["about"] = settings["about"] and wordless(settings["about"])
        del settings["downloads"]
    return {"sources": sources, "alike": alike_series(config.sources)}


def alike_series(sources: Mapping[str, SourceSpec]) -> list[list[str]]:
    """Pairs of series (``source.series``) of different sources that bear the same title or label."""
    bearers: dict[str, list[tuple[str, str]]] = {}
    for source, spec in sources.items():
        for key, series in spec.series.items():
            for title in {normal(name) for name in (series.title_in_file, series.label_zh, series.label) if name}:
                bearers.setdefault(title, []).append((source, key))
    pairs = {pair for names in bearers.values() for pair in combinations(names, 2) if pair[0][0] != pair[1][0]}
    return [[".".join(first), ".".join(second)] for first, second in sorted(pairs)]


def panel_settings(config: Config, panels: Iterable[str]) -> dict[str, Any]:
    """What the building of panels depends on: their periods, all variables, the series that they read."""
    series = series_by_variable(config)
    return {
        "panels": {name: wordless(asdict(config.panels[name])) for name in panels},
        "variables": {name: wordless(asdict(variable)) for name, variable in config.variables.items()},
        "series": {name: wordless(asdict(one)) for name, one in series.items()},
        "config": config.file,
    }


def codebook_settings(config: Config) -> dict[str, Any]:
    """What the codebooks say of variables beside the panels' numbers."""
    return {
        "panels": {name: asdict(panel) for name, panel in config.panels.items()},
        "variables": {name: asdict(variable) for name, variable in config.variables.items()},
        "series": {name: asdict(series) for name, series in series_by_variable(config).items()},
    }


def model_titles(config: Config) -> dict[str, str]:
    """What the models are called in print: their title, else their name."""
    key = "title_zh" if config.language == "zh" else "title"
    models = config.resolved["models"].items()
    return {name: str(values.get(key) or values.get("title") or name) for name, values in models}


def names_in_print(resolved: Mapping[str, Any], language: str) -> dict[str, str]:
    """What samples, panels (``panels.NAME``) and other names are called in tables and charts, where there are words."""
    labels = {name: values.get(f"label_{language}") for name, values in (resolved.get("samples") or {}).items()}
    names = {**(resolved.get("names") or {}), **((resolved.get("names_zh") or {}) if language == "zh" else {})}
    for name, values in (resolved.get("panels") or {}).items():
        labels[f"panels.{name}"] = values.get("title_zh" if language == "zh" else "title") or values.get("title")
    return names | {name: str(label) for name, label in labels.items() if label}


def boundaries_note(config: Config) -> str:
    """The words under every map."""
    chinese = config.resolved.get("boundaries_note_zh") if config.language == "zh" else None
    return str(chinese or config.boundaries_note)


def models_on(config: Config, panels: Container[str]) -> tuple[str, ...]:
    """Names of the models on panels, in the order of the configuration."""
    return tuple(name for name, model in config.models.items() if model.panel in panels)


def estimation_settings(config: Config, panels: Sequence[str]) -> dict[str, Any]:
    """What the estimation of the models on panels depends on."""
    models = [config.models[name] for name in models_on(config, panels)]
    return {
        "models": [model.to_dict() for model in models],
        "samples": samples_of(config, [model.sample for model in models]),
        "weights_matrices": matrices_of(config, models),
        "by": {panel: config.panels[panel].by for panel in panels},
        "seed": config.seed,
        "config": config.file,
    }


def confirmation_settings(config: Config) -> dict[str, Any]:
    """What the second estimation of all models depends on, beside their results."""
    models = list(config.models.values())
    return {
        "models": [model.to_dict() for model in models],
        "samples": samples_of(config, [model.sample for model in models]),
        "by": {name: config.panels[name].by for name in dict.fromkeys(model.panel for model in models)},
        "config": config.file,
    }


def export_files(config: Config) -> tuple[str, ...]:
    """Scripts of the models that have some, the panels that these read, and the page beside them."""
    scripted = [model for model in config.models.values() if model.method in ESTIMATORS[model.estimator].scripts]
    names = [f"{model.name}.{suffix}" for model in scripted for suffix in SCRIPTS]
    names += [
        f"{panel}.{suffix}" for panel in dict.fromkeys(model.panel for model in scripted) for suffix in ("csv", "dta")
    ]
    return tuple(f"results/export/{name}" for name in ("README.md", *names)) if config.models else ()


def claim_files(config: Config) -> tuple[str, ...]:
    """The models and curves that claims rest on."""
    named = [number.model for claim in config.hypotheses.values() for number in claim.numbers() if number.model]
    return tuple(f"results/models/{model}.json" for model in dict.fromkeys(named))


def table_files(config: Config, names: Iterable[str] | None = None) -> tuple[str, ...]:
    """What tables are built from, all or the named ones."""
    panel_of = {name: model.panel for name, model in config.models.items()}
    files = [file for name in names or config.tables for file in needed_files(config.tables[name], panel_of)]
    return tuple(dict.fromkeys(files))


def figure_files(config: Config, names: Iterable[str] | None = None) -> tuple[str, ...]:
    """What figures are drawn from, all or the named ones."""
    files: list[str] = []
    for figure in (config.figures[name] for name in names or config.figures):
        options, kind = figure.options, figure.kind
        models, curve = options.named_models, options.get("curve")
        panels = [*(config.models[model].panel for model in models), *filter(None, (options.get("panel"),))]
        files += [f"results/models/{model}.json" for model in models]
        files += [f"results/panels/{panel}/{file}" for panel in panels for file in ("codebook.csv", "panel.parquet")]
        files += [options.get("file") or f"results/{kind.file}"] if kind.file else []
        if curve:
            panel = config.specification_curves[curve].panel
            files += [f"results/models/curves/{curve}.{form}" for form in ("json", "parquet")]
            files += [f"results/panels/{panel}/codebook.csv"]
        if kind.of_claims:
            files += [f"results/models/robustness/{model}.json" for model in models]
    return tuple(dict.fromkeys(files))


def figure_sources(config: Config, name: str) -> dict[str, Any]:
    """What one figure is drawn from (`_sources`)."""
    return _sources(config, figure_files(config, [name]))


def table_sources(config: Config, name: str) -> dict[str, Any]:
    """What one table is built from (`_sources`)."""
    return _sources(config, table_files(config, [name]))


def _sources(config: Config, files: Sequence[str]) -> dict[str, Any]:
    """Files, and titles of models: of all where more than models and panels are read."""
    titles = model_titles(config)
    models = {Path(file).stem for file in files if Path(file).parent.name == "models"}
    if all(Path(file).parent.name == "models" or "panels" in Path(file).parts for file in files):
        titles = {model: title for model, title in titles.items() if model in models}
    return {"files": list(files), "titles": titles}


def map_files(config: Config) -> tuple[str, ...]:
    """What the maps are drawn from."""
    files: list[str] = []
    for item in config.maps.values():
        panel, model = f"results/panels/{panel_shown(config, item)}", item.options.get("model")
        data = f"results/models/{model}.json" if model else f"{panel}/panel.parquet"
        files += [f"{panel}/codebook.csv", data]
    return tuple(dict.fromkeys(files))


def panel_shown(config: Config, item: Exhibit) -> str:
    """The panel of a map: that of its model, or the one that it names."""
    model = item.options.get("model")
    return config.models[model].panel if model else str(item.options.get("panel"))


def fetch_settings(config: Config) -> dict[str, Any]:
    """What `snakemake fetch` brings.

    ``sources``: live ones by name; ``sidecars``: where each one's sidecar is or will be; ``downloads``: sources with an
    address, by name; ``cache``: the declared folder, if any.

    Raises
    ------
    UserError
        Live sources that name no sidecar, and two sources that would replace each other's files.
    """
    without = [
        config.problem(f"sources.{name}", "no `about`", "the sidecar to write", f"about: data/sources/{name}.yaml")
        for name, source in config.sources.items()
        if source.live and "about" not in config.resolved["sources"][name]
    ]
    raise_any(config.places.located(without, config.file))
    live = [name for name, source in config.sources.items() if source.live]
    root = Path(config.root)
    sidecars = {name: str(root / config.resolved["sources"][name]["about"]) for name in live}
    folders = {name: config.sources[name].path for name in live}
    shared = [
        *_shared(config.file, "path", folders, "a folder of its own for the answers of each live source"),
        *_shared(config.file, "about", sidecars, "a sidecar of its own for each live source"),
    ]
    raise_any(config.places.located([*shared, *_other_downloads(config)], config.file))
    return {
        "sources": {name: source_settings(config, name) for name in live},
        "sidecars": sidecars,
        "downloads": {name: source_settings(config, name) for name, one in config.sources.items() if one.downloads},
        "cache": config.cache,
    }


def _other_downloads(config: Config) -> Iterator[Problem]:
    """Two files that would be put in one place; one file of two sources is none."""
    first: dict[str, Download] = {}
    for one in (one for source in config.sources.values() for one in source.downloads):
        other = first.setdefault(os.path.realpath(one.target), one)
        if replace(other, where=one.where, target=one.target) != one:
            found = f'"{one.target}", where {other.where} puts another file'
            yield config.problem(one.where, found, "a place of its own", "change `path` of one of them")


def _shared(file: str, key: str, places: Mapping[str, str], expected: str) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for name, place in places.items():
        other = first.setdefault(os.path.realpath(place), name)
        if other != name:
            yield Problem(file, f"sources.{name}.{key}", f'"{place}", which is that of {other}', expected)


def story_panels(config: Config) -> tuple[str, ...]:
    """The panels whose figures the report's story reads; none without a story."""
    story = config.report.story
    return tuple(part.panel for part in (story, story and story.before) if part)


def sidecar_files(config: Config) -> tuple[str, ...]:
    """The files that say where figures come from, what was repaired, and what is to be cited."""
    root = Path(config.root)
    sidecars = [str(root / source["about"]) for source in config.resolved["sources"].values() if "about" in source]
    own = [str(root / file) for file in (config.report.references, config.report.citation) if file]
    return tuple(dict.fromkeys([*sidecars, *([config.corrections] if config.corrections else []), *own]))
