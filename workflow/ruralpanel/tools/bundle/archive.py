"""The archive: every file at its place, checksums, what it says of itself."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import jinja2

from ruralpanel.output.report.software import RECORD, Version, version_of
from ruralpanel.project.files import atomic_path, sha256_of
from ruralpanel.project.load import Config
from ruralpanel.project.yaml import load_document
from ruralpanel.tools.bundle.contents import Layout

CHECKSUMS, CRATE = "SHA256SUMS", "ro-crate-metadata.json"
EARLIEST = (1980, 1, 1, 0, 0, 0)
"""When each file of the archive says that it was written: the first moment that the format knows."""


def write_bundle(
    config: Config,
    places: Layout,
    checkout: Path,
    overrides: Mapping[str, Any],
    programs: Sequence[Mapping[str, Any]],
    target: Path,
) -> None:
    """Write the archive, the same bytes from the same files.

    Parameters
    ----------
    overrides : what ``--config`` set. programs : ``rule``, ``script``, ``output`` and ``message`` of each rule.
    """
    version = version_of(checkout)
    citation = _citation(config)
    sums = {place: sha256_of(path) for place, path in places.files.items()}
    record = {
        "directory": places.directory,
        "configfile": places.configfile,
        "config": dict(overrides),
        "version": version.version,
        "commit": version.commit,
        "results": sorted(places.results),
    }
    own = {
        "README.md": readme(config, places, version, citation, programs),
        RECORD: _json(record),
    }
    sums |= {place: hashlib.sha256(text.encode()).hexdigest() for place, text in own.items()}
    own[CRATE] = _json(crate(config, places, version, citation, sums))
    sums[CRATE] = hashlib.sha256(own[CRATE].encode()).hexdigest()
    own[CHECKSUMS] = "".join(f"{digest}  {place}\n" for place, digest in sorted(sums.items()))
    files = {place: path for place, path in places.files.items() if place not in own}
    with atomic_path(target) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for place in sorted({*own, *files}):
            content = own[place].encode() if place in own else files[place].read_bytes()
            entry = zipfile.ZipInfo(place, EARLIEST)
            entry.compress_type, entry.external_attr, entry.create_system = zipfile.ZIP_DEFLATED, 0o644 << 16, 3
            archive.writestr(entry, content)


def _json(values: Any) -> str:
    return json.dumps(values, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def _citation(config: Config) -> Mapping[str, Any]:
    """What the project's ``CITATION.cff`` says: the one that its report names, else the one in its folder."""
    file = Path(config.root) / (config.report.citation or "CITATION.cff")
    return load_document(file).values if file.is_file() else {}


LICENCE = "MIT"
"""Of the code."""

FOLDER = Path(__file__).resolve().parents[3] / "bundle"


def readme(
    config: Config, places: Layout, version: Version, citation: Mapping[str, Any], programs: Sequence[Mapping[str, Any]]
) -> str:
    """The page: whence the data come, what is needed, which program makes what, how to run it."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters["cell"] = _cell
    return environment.get_template("README.md.j2").render(
        title=config.title,
        version=str(version),
        authors=[_name(person) for person in citation.get("authors") or ()],
        licence=LICENCE,
        seed=config.seed,
        directory=places.directory,
        configfile=places.configfile,
        sources=[*_provenance(config, places)],
        programs=[*_programs(programs)],
        exhibits=[*_exhibits(config, programs)],
        requirements=_pinned(places),
        size=f"{sum(path.stat().st_size for path in places.files.values()) / 1e6:.0f}",
    )


def _name(person: Mapping[str, Any]) -> str:
    names = [str(person[key]) for key in ("given-names", "family-names") if key in person]
    return " ".join(names) or str(person.get("name") or "")


def _cell(text: Any) -> str:
    return " ".join(str(text).split()).replace("|", "\\|")


def _provenance(config: Config, places: Layout) -> Iterator[dict[str, Any]]:
    for name, source in config.sources.items():
        about = source.described
        yield {
            "name": name,
            "title": about.title or name,
            "facts": {key: fact for key in _FACTS if (fact := getattr(about, key))},
            "files": places.of(source.files),
        }


_FACTS = ("publisher", "edition", "url", "licence", "accessed", "obtained", "checked")


def _programs(programs: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    for program in programs:
        written = dict.fromkeys(re.sub(r"\{(\w+)[^}]*\}", r"<\1>", str(file)) for file in program["output"])
        folders: dict[str, list[str]] = {}
        for file in written:
            path = Path(file)
            folders.setdefault(path.parent.as_posix(), []).append(path.name)
        shown = [f"{folder}/{n[0]}" if len(n) == 1 else f"{folder}/ ({len(n)} files)" for folder, n in folders.items()]
        yield {"rule": program["rule"], "script": program["script"], "output": ", ".join(f"`{file}`" for file in shown)}


def _exhibits(config: Config, programs: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    panels = {name: model.panel for name, model in config.models.items()}
    script_of = {
        Path(str(file)).parent.name: str(program["script"]) for program in programs for file in program["output"]
    }
    for section, form in (("tables", "csv"), ("figures", "svg"), ("maps", "svg")):
        for name, item in getattr(config, section).items():
            options = item.options
            models = options.named_models
            named = [*models, *(panels[model] for model in models), options.get("panel"), options.get("curve")]
            read = dict.fromkeys(filter(None, named))
            yield {
                "file": f"results/{section}/{name}.{form}",
                "title": options.title or "",
                "script": script_of.get(section, ""),
                "reads": ", ".join(map(str, read)),
            }


def _pinned(places: Layout) -> list[str]:
    """The packages that are asked for by name, with the version that the lock file holds."""
    asked = places.code.get("requirements.in"), places.code.get("requirements.txt")
    if asked[0] is None or asked[1] is None:
        return []
    names = {re.split(r"[\s<>=!\[;#]", line)[0].lower() for line in asked[0].read_text(encoding="utf-8").splitlines()}
    lines = re.findall(r"^([\w.-]+)==([\w.]+)", asked[1].read_text(encoding="utf-8"), re.MULTILINE)
    return [f"{name} {version}" for name, version in lines if name.lower() in names]


TYPES = {
    ".csv": "text/csv", ".json": "application/json", ".yaml": "application/yaml", ".md": "text/markdown",
    ".py": "text/x-python", ".png": "image/png", ".svg": "image/svg+xml", ".pdf": "application/pdf",
    ".html": "text/html", ".tex": "application/x-tex", ".parquet": "application/vnd.apache.parquet",
    ".gpkg": "application/geopackage+sqlite3", ".geojson": "application/geo+json", ".txt": "text/plain",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}  # fmt: skip


def crate(
    config: Config, places: Layout, version: Version, citation: Mapping[str, Any], sums: Mapping[str, str]
) -> dict[str, Any]:
    """The metadata document.

    Parameters
    ----------
    citation : of a ``CITATION.cff``. sums : place → SHA-256 of every other file.
    """
    authors = [*_authors(citation.get("authors") or ())]
    sources = [*_data_sets(config, places)]
    licence = citation.get("license")
    terms = {"@id": f"https://spdx.org/licenses/{licence}", "@type": "CreativeWork", "name": licence}
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": config.title,
        "description": f"Data, configuration, code and results of: {config.title}",
        **({"datePublished": day} if (day := _date(config, citation)) else {}),
        "license": {"@id": terms["@id"]} if licence else "see the sources",
        "author": [{"@id": author["@id"]} for author in authors],
        "hasPart": [{"@id": place} for place in sorted(sums)],
        "mentions": [{"@id": source["@id"]} for source in sources],
        "mainEntity": {"@id": "Snakefile"},
        "version": version.version,
    }
    graph = [
        {
            "@id": "ro-crate-metadata.json",
            "@type": "CreativeWork",
            "about": {"@id": "./"},
            "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
        },
        root,
        *([terms] if licence else []),
        *authors,
        *sources,
        {"@id": "#snakemake", "@type": "ComputerLanguage", "name": "Snakemake", "url": "https://snakemake.github.io"},
        *(_file(place, digest, places, version) for place, digest in sorted(sums.items())),
    ]
    return {"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": graph}


def _file(place: str, digest: str, places: Layout, version: Version) -> dict[str, Any]:
    entry: dict[str, Any] = {"@id": place, "@type": "File", "name": PurePosixPath(place).name, "sha256": digest}
    path = places.files.get(place)
    if path is not None and place != "README.md":
        entry["contentSize"] = str(path.stat().st_size)
    form = TYPES.get(PurePosixPath(place).suffix)
    if form:
        entry["encodingFormat"] = form
    if place == "Snakefile":
        entry["@type"] = ["File", "SoftwareSourceCode", "ComputationalWorkflow"]
        entry |= {"programmingLanguage": {"@id": "#snakemake"}, "version": str(version)}
    elif place in places.code and place.startswith("workflow/") and place.endswith((".py", ".smk")):
        entry["@type"] = ["File", "SoftwareSourceCode"]
    return entry


def _authors(people: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for number, person in enumerate(people, 1):
        name = " ".join(str(person[key]) for key in ("given-names", "family-names") if key in person)
        kind = "Person" if name else "Organization"
        entry = {"@id": str(person.get("orcid") or f"#author-{number}"), "@type": kind}
        yield entry | {"name": name or str(person.get("name") or f"author {number}")}


def _data_sets(config: Config, places: Layout) -> Iterator[dict[str, Any]]:
    for name, source in config.sources.items():
        about = source.described
        entry: dict[str, Any] = {"@id": f"#source-{name}", "@type": "Dataset", "name": about.title or name}
        entry |= {key: fact for key, given in _GIVEN.items() if (fact := getattr(about, given))}
        parts = sorted(places.of(source.files))
        yield entry | {"hasPart": [{"@id": part} for part in parts]}


_GIVEN = {"publisher": "publisher", "url": "url", "license": "licence", "creditText": "obtained", "version": "edition"}


def _date(config: Config, citation: Mapping[str, Any]) -> str:
    """The day of the release, else the last one on which figures were obtained, else empty: a bundle knows no clock."""
    accessed = [source.described.accessed for source in config.sources.values()]
    return str(citation.get("date-released") or max(accessed, default=""))
