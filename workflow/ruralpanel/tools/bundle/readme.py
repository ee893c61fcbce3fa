"""The README of a bundle, in the form that the social science data editors ask for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2

from ruralpanel.output.report.software import Version
from ruralpanel.project.load import Config
from ruralpanel.tools.bundle.contents import Layout

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
        sources=[*_sources(config, places)],
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


def _sources(config: Config, places: Layout) -> Iterator[dict[str, Any]]:
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
