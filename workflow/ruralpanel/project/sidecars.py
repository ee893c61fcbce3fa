"""Sources as jobs receive them, and their sidecars, read and checked against their schema."""

from __future__ import annotations

import glob
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ruralpanel.project.files import content_of
from ruralpanel.project.filled import with_periods
from ruralpanel.project.kinds.adapters import ADAPTERS
from ruralpanel.project.periods import between, parsed
from ruralpanel.project.problems import Problem, did_you_mean, nearest, raise_any
from ruralpanel.project.schema import check_against, schema_of
from ruralpanel.project.settings import Break, Download, SeriesSpec
from ruralpanel.project.yaml import Document, load_document, load_yaml, with_lines


def held_against(schema: Path, path: str | Path, file: str) -> Document:
    """A document that its schema accepts."""
    document = load_document(path, file)
    problems = list(document.problems)
    if document.values or not problems:
        problems += check_against(document.values, schema, file)
    raise_any(with_lines(problems, document.locations))
    return document


SIDECAR_SCHEMA = Path(__file__).resolve().parents[2] / "schemas" / "sidecar.schema.yaml"
PLACEHOLDERS = {
    "publisher": "PUBLISHER",
    "title": "TITLE of the publication or data base",
    "edition": "EDITION, year and table",
    "licence": "TERMS under which the figures may be used",
    "obtained": "HOW they were obtained, from which copy and by whom",
}
"""What no file tells, as `new-source --about` prints it for the user to replace."""
_LITTER_ENDS = ("~", ".bak", ".tmp", ".swp", ".part", ".crdownload")
_LITTER = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "_success", "_metadata", "_common_metadata"})
_PROSE = {".md", ".rst", ".yaml", ".yml"}


@dataclass(frozen=True)
class KnownFault:
    """A fault that no single cell explains or that cannot be repaired; empty `units` or `years`: all of them."""

    series: str
    what: str
    units: tuple[str, ...] = ()
    years: tuple[int, ...] = ()
    reason: str = ""
    what_zh: str = ""
    reason_zh: str = ""

    def covers(self, series: str, unit: str, year: int) -> bool:
        """Whether a figure (or, with an empty `unit`, a whole year) falls under this fault."""
        in_units = not self.units or (unit in self.units if unit else False)
        return self.series == series and in_units and (not self.years or year in self.years)


@dataclass(frozen=True)
class Identity:
    """Series whose figures add up to those of `total`.

    `blank` says whether a part without a figure leaves the period unchecked (``skip``) or counts as nothing (``zero``);
    `why`: why it must hold.
    """

    total: str
    parts: tuple[str, ...]
    tolerance: float = 0.0
    blank: str = "skip"
    why: str = ""


@dataclass(frozen=True)
class Bound:
    """A series whose figures are no larger than those of another; `why`: why it must be so."""

    smaller: str
    larger: str
    tolerance: float = 0.0
    why: str = ""


def _identity(entry: Mapping[str, Any]) -> Identity | Bound:
    values = {**entry, "why": " ".join(str(entry.get("why") or "").split())}
    return Identity(**{**values, "parts": tuple(entry["parts"])}) if "total" in entry else Bound(**values)


@dataclass(frozen=True)
class Sidecar:
    """What a source's sidecar says.

    Attributes
    ----------
    file : for messages.
    document : everything, as written.
    layout : the adapter's own keys. files : path relative to the source's path → sha256.
    series : key → `SeriesSpec`. identities, known_faults : what is declared of its figures.
    locations : config path → line. publisher … checked_zh : facts of the publication, empty where not declared.
    """

    file: str
    document: Mapping[str, Any]
    layout: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    series: Mapping[str, SeriesSpec] = field(default_factory=dict)
    identities: tuple[Identity | Bound, ...] = ()
    known_faults: tuple[KnownFault, ...] = ()
    locations: Mapping[str, int] = field(default_factory=dict, repr=False)
    publisher: str = ""
    publisher_zh: str = ""
    title: str = ""
    title_zh: str = ""
    edition: str = ""
    edition_zh: str = ""
    url: str = ""
    licence: str = ""
    licence_zh: str = ""
    accessed: str = ""
    obtained: str = ""
    obtained_zh: str = ""
    checked: str = ""
    checked_zh: str = ""


_FACTS = tuple(item.name for item in fields(Sidecar) if item.default == "")


@dataclass(frozen=True)
class SourceSpec:
    """One source: where its files are, how they are read, and what its sidecar says of them.

    `path` and `files` are absolute. `about` is None where it has no sidecar. `layout` holds the adapter's own keys as
    they are declared, of which ``Layout.of`` makes their class. `downloads` are what is fetched. `by` is the attribute
    that the file names in the place of units; empty: it names units.
    """

    name: str
    adapter: str
    path: str
    files: tuple[str, ...]
    about: Sidecar | None
    layout: Mapping[str, Any] = field(default_factory=dict)
    series: Mapping[str, SeriesSpec] = field(default_factory=dict)
    downloads: tuple[Download, ...] = ()
    by: str = ""

    @property
    def described(self) -> Sidecar:
        """What its sidecar says; one that says nothing where it has none."""
        return self.about or Sidecar("", {})

    @property
    def live(self) -> bool:
        """Whether `snakemake fetch` brings its files."""
        return self.adapter in ADAPTERS and ADAPTERS[self.adapter].live

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as they pass through a rule's parameters: the sidecar as it is written."""
        return {**asdict(replace(self, about=None)), "about": self.about.document if self.about else None}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SourceSpec:
        """The inverse of `to_dict`."""
        about = None if values["about"] is None else sidecar_from(values["about"])
        series = {key: SeriesSpec(**item) for key, item in values["series"].items()}
        downloads = tuple(Download(**item) for item in values.get("downloads") or ())
        return cls(**{**values, "about": about, "series": series, "downloads": downloads})


def load_sidecar(path: str | Path, name: str = "") -> Sidecar:
    """Read a sidecar; its files are checked by `check_files`.

    Raises
    ------
    UserError
        With everything wrong in the document, each with its line.
    """
    file = name or str(path)
    document = held_against(SIDECAR_SCHEMA, path, file)
    values = with_periods(document.values, schema_of(str(SIDECAR_SCHEMA)))
    sidecar = sidecar_from(values, file, document.locations)
    raise_any(with_lines(_references(sidecar), document.locations))
    return sidecar


def sidecar_from(values: Mapping[str, Any], file: str = "", locations: Mapping[str, int] | None = None) -> Sidecar:
    """A `Sidecar` from values that have passed the schema."""
    faults = tuple(
        KnownFault(
            series=str(key),
            what=entry.get("what", ""),
            units=tuple(entry.get("units") or ()),
            years=years_of(entry.get("years")),
            reason=entry.get("reason", ""),
            what_zh=entry.get("what_zh", ""),
            reason_zh=entry.get("reason_zh", ""),
        )
        for entry in values.get("known_faults") or ()
        for key in _as_list(entry["series"])
    )
    return Sidecar(
        file=file,
        document=values,
        layout=values.get("layout") or {},
        files={str(k): str((v or {}).get("sha256", "")) for k, v in (values.get("files") or {}).items()},
        series={str(k): series_spec(str(k), v or {}) for k, v in (values.get("series") or {}).items()},
        identities=tuple(map(_identity, values.get("identities") or ())),
        known_faults=faults,
        locations=locations or {},
        **{key: str(values.get(key) or "") for key in _FACTS},
    )


def described(path: str | Path, name: str = "") -> tuple[Sidecar | None, list[Problem]]:
    """A sidecar that a run has checked before, and what keeps it from being read."""
    values, problems = load_yaml(path, name)
    return sidecar_from(with_periods(values, schema_of(str(SIDECAR_SCHEMA))), name) if values else None, problems


def series_spec(key: str, values: Mapping[str, Any]) -> SeriesSpec:
    """One entry under ``series`` (of a sidecar or of the configuration) as a `SeriesSpec`."""
    low, high = values.get("range") or (None, None)
    column = values.get("column", "")
    return SeriesSpec(
        key=key,
        measure=str(values.get("measure", "")),
        label=values.get("label", ""),
        label_zh=values.get("label_zh", ""),
        title_in_file=values.get("title_in_file", ""),
        column=column if isinstance(column, str) else "",
        years=years_of(values.get("years")),
        range=(None if low is None else float(low), None if high is None else float(high)),
        breaks={parsed(year): _break(entry) for year, entry in (values.get("breaks") or {}).items()},
        note=values.get("counts", ""),
        note_zh=values.get("counts_zh", ""),
        retrospective=tuple(values.get("retrospective") or ()),
        same_as=tuple(_as_list(values.get("same_as") or ())),
        files=_files_of(values),
    )


def _files_of(values: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    listed = values.get("files") or ([values["file"]] if values.get("file") else [])
    return tuple(
        (str(item["file"]), str(item.get("column") or "")) if isinstance(item, Mapping) else (str(item), "")
        for item in listed
    )


def years_of(value: Any) -> tuple[int, ...]:
    """``[2005, 2023]`` → every year of it; ``{list: [1998, 2003]}``, ``{first:, last:}`` or one year likewise."""
    if value is None:
        return ()
    if isinstance(value, Mapping):
        if "list" in value:
            return tuple(value["list"])
        return between(value["first"], value["last"])
    if isinstance(value, int):
        return (value,)
    return between(*value) if len(value) == 2 else tuple(value)


def is_litter(file: str | Path) -> bool:
    """Whether a file is what systems and programs leave in folders: hidden and lock files, backups, thumbnails."""
    name = Path(file).name.lower()
    return name.startswith((".", "~$")) or name.endswith(_LITTER_ENDS) or name in _LITTER


def check_files(sidecar: Sidecar, source_path: str | Path, aside: Collection[str] = ()) -> list[Problem]:
    """Declared files that are missing or changed, and undeclared ones, but for those of the names `aside`.

    `source_path` is a folder (every declared file must be in it), a file or a glob (only the declared files that
    it names count: a sidecar may serve several sources).
    """
    if not sidecar.files:
        return []
    base, present = _files_at(source_path)
    problems = []
    whole_folder = Path(source_path).is_dir()
    for name, declared in sidecar.files.items():
        if name in aside:
            continue
        if name not in present:
            if whole_folder:
                fix = nearest(name, sorted(present)) or "put the file there or take it out of the sidecar"
                problems.append(Problem(sidecar.file, f"files.{name}", "no such file", f"a file in {base.name}", fix))
            continue
        actual = content_of(base / name)  # empty: a source's files are asked for themselves whether they can be read
        if declared and actual and actual != declared.lower():
            problems.append(
                Problem(
                    sidecar.file,
                    f"files.{name}.sha256",
                    f"another content: sha256 {actual[:12]}…",
                    f"{declared[:12]}…",
                    f"if the change is intended, write sha256: {actual}",
                )
            )
    for name in sorted(present - set(sidecar.files) - set(aside)):
        if Path(name).suffix.lower() not in _PROSE and not is_litter(name):
            fix = f"add `{name}: {{sha256: {content_of(base / name)}}}` or move the file away"
            problems.append(Problem(sidecar.file, "files", f"the undeclared file {name}", "every file declared", fix))
    return with_lines(problems, sidecar.locations)


def _files_at(source_path: str | Path) -> tuple[Path, set[str]]:
    path = Path(source_path)
    if path.is_dir():
        return path, {p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file()}
    if path.is_file():
        return path.parent, {path.name}
    plain = [part for part in path.parts if not glob.has_magic(part)]
    base = Path(*plain[: len(plain)]) if glob.has_magic(str(path)) else path.parent
    while glob.has_magic(str(path)) and not base.is_dir():
        base = base.parent
    found = (Path(p) for p in glob.glob(str(path), recursive=True))
    return base, {p.relative_to(base).as_posix() for p in found if p.is_file()}


def _references(sidecar: Sidecar) -> list[Problem]:
    problems = [
        Problem(sidecar.file, key, f'"{words}", as new-source prints it', f"the {key} in words", "or remove the line")
        for key, words in PLACEHOLDERS.items()
        if sidecar.document.get(key) == words
    ]
    for place, key in _series_named(sidecar.document):
        if key not in sidecar.series:
            near = did_you_mean(key, sidecar.series)
            problems.append(Problem(sidecar.file, place, f'no series "{key}"', "a key under series", near))
    for key, spec in sidecar.series.items():
        low, high = spec.range
        if low is not None and high is not None and low > high:
            found = f"[{low:g}, {high:g}]"
            problems.append(Problem(sidecar.file, f"series.{key}.range", found, "the lower bound first"))
    return problems


def _series_named(values: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for i, identity in enumerate(values.get("identities") or ()):
        for key in ("total", "smaller", "larger"):
            if key in identity:
                yield f"identities[{i}].{key}", identity[key]
        for j, part in enumerate(identity.get("parts") or ()):
            yield f"identities[{i}].parts[{j}]", part
    for name, entry in (values.get("series") or {}).items():
        for year, details in (entry.get("breaks") or {}).items():
            if isinstance(details, Mapping) and isinstance(details.get("overlap"), Mapping):
                yield f"series.{name}.breaks.{year}.overlap.series", str(details["overlap"]["series"])
    for i, fault in enumerate(values.get("known_faults") or ()):
        for key in _as_list(fault["series"]):
            yield f"known_faults[{i}].series", key


def _break(entry: Any) -> Break:
    values = {"what": entry} if isinstance(entry, str) else dict(entry or {})
    if "units" in values:
        values["units"] = tuple(values["units"] or ())
    return Break(**values)


def _as_list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
