"""Everything that the report shows, read once from the results, the sidecars and the configuration."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

from ruralpanel.claims.scorecard import ClaimRow, Scorecard
from ruralpanel.estimate.base.model import Model
from ruralpanel.estimate.base.model_json import read_as, read_results
from ruralpanel.output.labels import Labels
from ruralpanel.output.report.declared import Citation, Declared, citation_of, declared
from ruralpanel.output.report.document import foreign
from ruralpanel.output.report.happened import Happened, LongRun, happened, longer_runs
from ruralpanel.output.report.references import Work, read_works
from ruralpanel.output.report.software import version_of
from ruralpanel.project.corrections import Correction, load_corrections
from ruralpanel.project.files import read_rows
from ruralpanel.project.load import DEFAULT_FILE
from ruralpanel.project.other_results import OtherResults, other_results
from ruralpanel.project.periods import parse, parsed
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError, raise_any
from ruralpanel.project.sections.configuration import Report
from ruralpanel.project.sections.data import Source as DeclaredSource
from ruralpanel.project.settings import Break, SeriesSpec
from ruralpanel.project.sidecars import KnownFault, Sidecar, described
from ruralpanel.project.sources import series_of
from ruralpanel.project.yaml import load_yaml

PACKAGES = (
    "snakemake", "pandas", "numpy", "scipy", "statsmodels", "linearmodels", "geopandas", "shapely", "pyproj", "pyogrio",
    "pyarrow", "matplotlib", "jinja2", "pyyaml", "jsonschema", "typst", "mplfonts", "duckdb",
    "openpyxl", "xlrd", "pyreadstat", "python-docx",
)  # fmt: skip

METHODS = Path(__file__).resolve().parents[3] / "report" / "text" / "methods.bib"
"""What the methods that this package knows are to be cited with, by keyword."""

COMMANDS = ("make", "snakemake check", "snakemake results/report/report.html", "make test")
"""What gives the same results where a Makefile builds them."""


T = TypeVar("T")


@dataclass(frozen=True)
class Panel:
    """One panel: its title, periods, codebook rows as text, and the share of units with a figure."""

    name: str
    title: str
    periods: tuple[int, ...]
    codebook: tuple[Mapping[str, str], ...]
    coverage: Mapping[tuple[str, int], float]


@dataclass(frozen=True)
class Source:
    """One source: its name in the configuration, adapter, path, and its sidecar (None: not declared).

    `series` are those of the sidecar, with what the configuration says of them going over it.
    """

    name: str
    adapter: str
    path: str
    about: Sidecar | None
    series: Mapping[str, SeriesSpec]


@dataclass(frozen=True)
class Beside:
    """What another project says of the same claims.

    Attributes
    ----------
    name : of its entry in the configuration. label : what its units are called. folder : of its results.
    claims : claim here → its row there. asked : all claims there.
    told : its results as a context, for the words of its numbers.
    """

    name: str
    label: str
    folder: str
    claims: Mapping[str, ClaimRow]
    asked: tuple[str, ...]
    told: Context


@dataclass(frozen=True)
class Context:
    """What `gather` found.

    `declared` is what the configuration says of all else than sources and panels; paths in it are relative to `root`.
    `works` are those of the project's bibliography, `methods_cited` those of the package's; `citation` is the project's
    CITATION.cff, `software` the version of this package; `beside` are other projects' results that the configuration
    names.
    """

    declared: Declared
    config_file: str
    root: Path
    results: Path
    language: str
    models: Mapping[str, Model]
    scorecard: Scorecard
    panels: Mapping[str, Panel]
    findings: tuple[Mapping[str, str], ...]
    confirmation: tuple[Mapping[str, str], ...]
    sources: Mapping[str, Source]
    corrections: tuple[Correction, ...]
    unit_names: Mapping[str, str]
    versions: tuple[tuple[str, str], ...]
    commands: tuple[str, ...]
    story: Happened | None = None
    before: Mapping[str, LongRun] = field(default_factory=dict)
    works: tuple[Work, ...] = ()
    methods_cited: tuple[Work, ...] = ()
    citation: Citation = field(default_factory=Citation)
    software: str = ""
    beside: tuple[Beside, ...] = ()
    _documents: dict[str, object] = field(default_factory=dict, repr=False)

    @property
    def report(self) -> Report:
        """The configuration's section ``report``."""
        return self.declared.report

    def labels(self, panel: str) -> Labels:
        """Names of a panel's variables in the report's language."""
        rows = self.panels[panel].codebook if panel in self.panels else ()
        chinese = self.language == "zh"
        names = dict(self.declared.names) | {
            row["variable"]: (chinese and row.get("label_zh")) or row.get("label") or row["variable"].replace("_", " ")
            for row in rows
        }
        measures = {row["variable"]: row.get("measure") or "" for row in rows}
        return Labels(self.language, names, measures, {row["variable"]: row.get("formula") or "" for row in rows})

    def title(self, model: str) -> str:
        """What a model is called in print: its title, else its name."""
        return self.declared.titles.get(model, model)

    def unit(self, unit: str) -> str:
        """A unit's name; what is no unit's id (a sum over all of them) stays as it is."""
        return self.unit_names.get(unit, unit)

    def document(self, file: str) -> Any:
        """A JSON file of the results as it is written, for the numbers that texts name by their place in it."""
        if file not in self._documents:
            self._documents[file] = read_results(self.results / file)
        return self._documents[file]

    def worded(self, values: object, key: str) -> str:
        """`key` of a mapping or an object in the report's language, on one line."""
        own = values if isinstance(values, Mapping) else vars(values)
        chinese = own.get(f"{key}_zh") if self.language == "zh" else None
        return " ".join(str(chinese or own.get(key) or "").split())

    def measure(self, measure: str) -> str:
        """A measure in the words of the language."""
        return Labels(self.language, measures={"": measure}).measure("")

    @cached_property
    def retold(self) -> Mapping[str, str]:
        """What sidecars say of breaks and faults in English → in the report's language."""
        said: list[Break | KnownFault] = []
        for source in self.sources.values():
            said += [one for series in source.series.values() for one in series.breaks.values()]
            said += source.about.known_faults if source.about else ()
        found = {" ".join(one.what.split()): self.worded(one, "what") for one in said}
        return dict(sorted(found.items(), key=lambda pair: -len(pair[0])))

    def told(self, values: object, key: str) -> str:
        """`worded`, marked as English where the report is not and the words are in no other language."""
        text, own = self.worded(values, key), values if isinstance(values, Mapping) else vars(values)
        untold = text and self.language != "en" and not own.get(f"{key}_{self.language}")
        return foreign(text, "en") if untold else text


def gather(
    config: Mapping[str, object],
    results: str | Path,
    root: str | Path = ".",
    config_file: str = CONFIGURATION,
    commands: Sequence[str] | None = None,
    packages: Iterable[str] = PACKAGES,
) -> Context:
    """Read everything below `results` and the sidecars that `config` names.

    Parameters
    ----------
    config : the resolved configuration as plain values (`Config.resolved`).
    results : the results folder. root : the folder that the configuration's paths are relative to.
    commands : what to type to get the same results; None: `commands_for` the working folder.
    packages : whose versions are printed, where installed.

    Raises
    ------
    UserError
        With every file that is missing or not readable.
    """
    base, place, language = Path(results), Path(root), str(config.get("language", "en"))
    problems: list[Problem] = []
    stated = declared(config, config_file, language)
    report = stated.report
    scorecard = _read(Scorecard, base / "scorecard.json", problems) if stated.claims else None
    models = {
        name: model
        for name in stated.titles
        if (path := base / "models" / f"{name}.json").is_file() and (model := _read(Model, path, problems))
    }
    sources = {name: _source(name, one, place, problems) for name, one in stated.sources.items()}
    corrections: tuple[Correction, ...] = ()
    if stated.corrections:
        try:
            corrections = load_corrections(place / stated.corrections, stated.corrections)
        except UserError as error:
            problems += error.problems
    works = _works(place, report.references or "", problems)
    citation, faults = load_yaml(place / report.citation, report.citation) if report.citation else ({}, ())
    problems += faults
    others = [
        (other, card)
        for other in other_results(report, str(root))
        if (card := _read(Scorecard, Path(other.scorecard), problems))
    ]
    raise_any(problems)
    before = report.story.before if report.story else None
    context = Context(
        declared=stated,
        config_file=config_file,
        root=place,
        results=base,
        language=language,
        models=models,
        scorecard=scorecard or Scorecard(),
        panels={name: _panel(base / "panels" / name, name, title) for name, title in stated.panels.items()},
        findings=_rows(base / "reconciliation" / "findings.csv"),
        confirmation=_rows(base / "models" / "confirmation.csv") if models else (),
        sources=sources,
        corrections=corrections,
        unit_names=_unit_names(place / stated.units, language),
        versions=(("python", platform.python_version()), *_versions(packages)),
        commands=commands_for(config_file, Path()) if commands is None else tuple(commands),
        story=happened(base, report.story) if report.story else None,
        before=longer_runs(base, before.panel, before.outcomes) if before else {},
        works=works,
        methods_cited=read_works(METHODS, METHODS.name),
        citation=citation_of(citation or {}),
        software=str(version_of()),
    )
    beside = tuple(_beside(context, other, card, problems) for other, card in others)
    raise_any(problems)
    return replace(context, beside=beside)


def _beside(context: Context, other: OtherResults, card: Scorecard, problems: list[Problem]) -> Beside:
    """Another project's claims that are claims here too, with the models and the codebooks of their designs."""
    folder = Path(other.folder)
    names = {own: other.claim_of(own) for own in context.declared.claims}
    claims = {own: row for own, name in names.items() if (row := card.claim(name))}
    designs = [row.design for row in claims.values() if row.design]
    models = {design.model: model for design in designs if (model := _read(Model, folder / design.file, problems))}
    panels = dict.fromkeys(design.panel for design in designs)
    told = replace(
        context,
        declared=Declared(),
        results=folder,
        models=models,
        scorecard=card,
        panels={name: Panel(name, name, (), _rows(folder / "panels" / name / "codebook.csv"), {}) for name in panels},
        unit_names={},
        story=None,
        before={},
        _documents={},
    )
    label = other.label_zh if context.language == "zh" else other.label
    return Beside(other.name, label, other.folder, claims, tuple(row.claim for row in card.claims), told)


def _works(root: Path, file: str, problems: list[Problem]) -> tuple[Work, ...]:
    if not file:
        return ()
    try:
        return read_works(root / file, file)
    except UserError as error:
        problems += error.problems
        return ()


def commands_for(config_file: str, folder: Path) -> tuple[str, ...]:
    """What to type in a folder to get the results of a configuration."""
    default = config_file == DEFAULT_FILE
    if default and (folder / "Makefile").is_file():
        return COMMANDS
    option = "" if default else f" --configfile {config_file}"
    return tuple(f"snakemake{target}{option}" for target in (" check", "", " results/report/report.html"))


def _read(kind: type[T], path: Path, problems: list[Problem]) -> T | None:
    try:
        return read_as(kind, path)
    except FileNotFoundError:
        problems.append(Problem(str(path), "", "no such file", "a result", "run the whole workflow: snakemake"))
    except UserError as error:
        problems += error.problems
    return None


def _source(name: str, declared: DeclaredSource, root: Path, problems: list[Problem]) -> Source:
    about = None
    if declared.about:
        about, faults = described(root / declared.about, declared.about)
        problems += faults
    series = series_of(declared.series or {}, about)
    return Source(name, declared.adapter, declared.path, about, series)


def _panel(folder: Path, name: str, title: str) -> Panel:
    coverage: dict[tuple[str, int], float] = {}
    periods: list[int] = []
    for row in _rows(folder / "coverage.csv"):
        variable = row.get("variable", "")
        if "period" in row and "share" in row:  # one row for each variable and period
            coverage[variable, parsed(row["period"])] = float(row["share"] or 0)
            continue
        for column, share in row.items():  # one column for each period
            if (period := parse(column)) is not None:
                coverage[variable, period] = float(share or 0)
    periods = sorted({period for _, period in coverage})
    return Panel(name, title, tuple(periods), _rows(folder / "codebook.csv"), coverage)


def _unit_names(path: Path, language: str) -> dict[str, str]:
    """id → name; the first name column in the report's language, else the first name column."""
    names: dict[str, str] = {}
    for row in _rows(path):
        columns = [column for column in row if column.startswith("name")]
        preferred = [column for column in columns if column == f"name_{language}"] + columns
        names[row["id"]] = next((row[column] for column in preferred if row[column]), row["id"])
    return names


def _rows(path: Path) -> tuple[Mapping[str, str], ...]:
    if not path.is_file():
        return ()
    return read_rows(path)


def _versions(packages: Iterable[str]) -> list[tuple[str, str]]:
    versions = []
    for package in packages:
        try:
            versions.append((package, metadata.version(package)))
        except metadata.PackageNotFoundError:
            continue
    return versions
