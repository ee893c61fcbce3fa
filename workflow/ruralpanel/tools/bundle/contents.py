"""Which files a bundle holds, and where: code, configuration, data, results, as they lie to each other."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ruralpanel.project.jobs import sidecar_files
from ruralpanel.project.load import Config
from ruralpanel.project.other_results import compared_files, evidence_files
from ruralpanel.project.problems import Problem, raise_any
from ruralpanel.project.written import paths_in, read_written

CODE = (
    "Snakefile", "Makefile", "pyproject.toml", "requirements*.in", "requirements*.txt", "environment.yml",
    "profiles/**/*", "workflow/**/*", "docs/**/*.md",
)  # fmt: skip
"""What a checkout holds that results are made with."""

ABOUT = ("CITATION.cff", "LICENSE*", "CHANGELOG.md")
"""What a checkout or a project says of itself."""

NAMED = ("references", "citation")
"""Keys of the report that name files."""

PROJECT = "project"
"""Where files stand that lie outside the checkout."""

_LITTER = frozenset({"__pycache__", ".snakemake", ".venv", ".git", ".ipynb_checkpoints"})


@dataclass(frozen=True)
class Layout:
    """Places in a bundle; all are relative to its root, with ``/``.

    Attributes
    ----------
    code, data, results : place → file. directory : the folder that Snakemake runs in. configfile : from there.
    """

    code: Mapping[str, Path]
    data: Mapping[str, Path]
    results: Mapping[str, Path]
    directory: str
    configfile: str

    @property
    def files(self) -> dict[str, Path]:
        """All of them."""
        return {**self.code, **self.data, **self.results}

    def of(self, files: Iterable[str]) -> list[str]:
        """The places of files of the project, which go by their names in the working folder."""
        at = {path: place for place, path in self.data.items()}
        return [at[path] for file in files if (path := Path(os.path.abspath(file))) in at]


def layout(config: Config, checkout: Path, results: Iterable[str]) -> Layout:
    """Where everything stands: what lies in the checkout as there, all else below ``project`` as it lies to each other.

    Parameters
    ----------
    checkout : the folder of the Snakefile. results : files below the working folder.

    Raises
    ------
    UserError
        Paths of the configuration that hold on this machine alone.
    """
    raise_any(config.places.located(absolute_paths(config), config.file))
    checkout, here = checkout.resolve(), Path.cwd()
    used = [Path(os.path.abspath(file)) for file in used_files(config)]
    outside = [path for path in (here / "x", *used) if not path.is_relative_to(checkout)]
    base = Path(os.path.commonpath([path.parent for path in outside])) if outside else here

    def place(path: Path) -> str:
        if path.is_relative_to(checkout):
            return path.relative_to(checkout).as_posix()
        return (Path(PROJECT) / path.relative_to(base)).as_posix()

    folder = Path(os.path.abspath(config.root))
    about = [path for pattern in ABOUT for path in sorted(folder.glob(pattern)) if path.is_file()]
    return Layout(
        code={place(path): path for path in code_files(checkout)},
        data={place(path): path for path in sorted({*used, *about})},
        results={place(here / file): here / file for file in sorted(set(results))},
        directory=place(here) if here != checkout else ".",
        configfile=os.path.relpath(os.path.abspath(config.file), here),
    )


def code_files(checkout: Path) -> tuple[Path, ...]:
    """The files of this version of the workflow."""
    found = {path for pattern in (*CODE, *ABOUT) for path in checkout.glob(pattern)}
    return tuple(sorted(path for path in found if path.is_file() and not _litter(path.relative_to(checkout))))


def _litter(path: Path) -> bool:
    return bool(_LITTER.intersection(path.parts)) or path.suffix == ".pyc" or path.name.endswith(".egg-info")


def used_files(config: Config) -> tuple[str, ...]:
    """The configuration's files and all that they name, each once; of a shapefile its companions too."""
    named = [
        *config.files,
        config.units,
        *filter(None, (config.boundaries, config.corrections, config.control_totals)),
        *sidecar_files(config),
        *(file for source in config.sources.values() for file in source.files),
        *(matrix.path for matrix in config.weights_matrices.values() if matrix.path),
        *(os.path.join(config.root, file) for key in NAMED if (file := getattr(config.report, key))),
        *compared_files(config),
        *evidence_files(config),
    ]
    return tuple(dict.fromkeys(file for name in named for file in _with_companions(name)))


def _with_companions(name: str) -> Iterator[str]:
    yield name
    path = Path(name)
    if path.suffix.lower() == ".shp":
        yield from (str(other) for other in sorted(path.parent.glob(f"{path.stem}.*")) if other != path)


def absolute_paths(config: Config) -> Iterator[Problem]:
    """Paths as they are written that no other machine has."""
    values = read_written(config.file).values
    included = values.get("include") or ()
    written = {f"include[{i}]": name for i, name in enumerate([included] if isinstance(included, str) else included)}
    written |= {**paths_in(values), **paths_in(config.resolved)}
    for where, text in written.items():
        if os.path.isabs(text) or text.startswith("~"):
            expected, fix = "a path relative to the file that names it", "name it so: a bundle is unpacked elsewhere"
            yield Problem(config.file, where, f'"{text}"', expected, fix)
