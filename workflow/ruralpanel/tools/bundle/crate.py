"""RO-Crate 1.1 metadata of a bundle: what each file is, who made it, under which licence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from ruralpanel.output.report.software import Version
from ruralpanel.project.load import Config
from ruralpanel.tools.bundle.contents import Layout

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
    sources = [*_sources(config, places)]
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


def _sources(config: Config, places: Layout) -> Iterator[dict[str, Any]]:
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
