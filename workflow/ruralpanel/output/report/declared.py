"""What the report reads of the configuration, in classes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from ruralpanel.project.exhibits import SECTIONS, Exhibit, read_exhibit
from ruralpanel.project.jobs import names_in_print
from ruralpanel.project.kinds.options import in_language
from ruralpanel.project.problems import Problem, UserError, raise_any
from ruralpanel.project.sections.configuration import Hypothesis, Report
from ruralpanel.project.sections.data import Sample, Source, Variable, samples

Exhibits = Mapping[str, Exhibit]


@dataclass(frozen=True)
class Citation:
    """What a project's CITATION.cff says of it."""

    authors: tuple[str, ...] = ()
    released: str = ""
    version: str = ""
    address: str = ""
    doi: str = ""
    licence: str = ""


def citation_of(values: Mapping[str, Any]) -> Citation:
    """The citation of a document; what is of another form is left aside."""
    people = [entry for entry in values.get("authors") or () if isinstance(entry, Mapping)]
    own = ((entry.get("given-names"), entry.get("family-names")) for entry in people)
    return Citation(
        authors=tuple(
            str(entry.get("name") or " ".join(filter(None, names))) for entry, names in zip(people, own, strict=True)
        ),
        released=str(values.get("date-released") or ""),
        version=str(values.get("version") or ""),
        address=str(values.get("repository-code") or values.get("url") or ""),
        doi=str(values.get("doi") or ""),
        licence=str(values.get("license") or ""),
    )


@dataclass(frozen=True)
class Declared:
    """What is declared of everything but series.

    Attributes
    ----------
    settings : the resolved configuration as plain values, for texts that quote a number of it by its path.
    titles, panels : model, panel → what it is called in print. names : other names → what they are called in print.
    exhibits : ``figures``, ``maps`` and ``tables``, by name. curves : names of specification curves.
    """

    settings: Mapping[str, object] = field(default_factory=dict)
    title: str = ""
    units: str = ""
    boundaries: str = ""
    boundaries_note: str = ""
    corrections: str = ""
    control_totals: str = ""
    titles: Mapping[str, str] = field(default_factory=dict)
    panels: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, Source] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    exhibits: Mapping[str, Exhibits] = field(default_factory=lambda: {name: {} for name in SECTIONS})
    claims: Mapping[str, Hypothesis] = field(default_factory=dict)
    samples: Mapping[str, Sample] = field(default_factory=dict)
    variables: Mapping[str, Variable] = field(default_factory=dict)
    curves: Collection[str] = ()
    report: Report = field(default_factory=Report)

    @property
    def figures(self) -> Exhibits:
        """Charts by name."""
        return self.exhibits["figures"]

    @property
    def maps(self) -> Exhibits:
        """Maps by name."""
        return self.exhibits["maps"]

    @property
    def tables(self) -> Exhibits:
        """Tables by name."""
        return self.exhibits["tables"]


def declared(config: Mapping[str, Any], file: str, language: str) -> Declared:
    """A resolved configuration in plain values, as it passes through a rule's parameters.

    Raises
    ------
    UserError
        Tables, charts and maps that no kind takes.
    """

    def section(name: str) -> Mapping[str, Any]:
        return config.get(name) or {}

    def words(values: Mapping[str, Any], key: str) -> str:
        return " ".join(in_language(values.get(key), values.get(f"{key}_zh"), language).split())

    problems: list[Problem] = []
    exhibits: dict[str, dict[str, Exhibit]] = {name: {} for name in SECTIONS}
    for name, kinds in SECTIONS.items():
        for key, item in section(name).items():
            try:
                exhibits[name][key] = read_exhibit(kinds, item, file, f"{name}.{key}")
            except UserError as error:
                problems += error.problems
    raise_any(problems)
    return Declared(
        settings=config,
        title=words(config, "title"),
        units=config.get("units") or "",
        boundaries=config.get("boundaries") or "",
        boundaries_note=words(config, "boundaries_note"),
        corrections=config.get("corrections") or "",
        control_totals=config.get("control_totals") or "",
        titles={name: words(values, "title") or name for name, values in section("models").items()},
        panels={
            name: in_language(values.get("title"), values.get("title_zh"), language) or name
            for name, values in section("panels").items()
        },
        sources={name: Source.model_validate(values) for name, values in section("sources").items()},
        names=names_in_print(config, language),
        exhibits=exhibits,
        claims={name: Hypothesis.model_validate(values) for name, values in section("hypotheses").items()},
        samples=samples(section("samples")),
        variables={name: Variable.model_validate(values) for name, values in section("variables").items()},
        curves=tuple(section("specification_curves")),
        report=Report.model_validate(section("report")),
    )
