"""Whether an unpacked bundle is whole, and whether its results come out of it again."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruralpanel.output.report.software import RECORD
from ruralpanel.project.files import sha256_of
from ruralpanel.project.load import DEFAULT_FILE
from ruralpanel.project.problems import Problem, UserError, raise_any
from ruralpanel.tools.bundle.archive import CHECKSUMS
from ruralpanel.tools.same_results import Difference, compared

SAME = 1e-8
"""Largest relative difference of two numbers that another machine's rounding explains."""


@dataclass(frozen=True)
class Verification:
    """What a second run of a bundle gave: files that are the same (to rounding: `n_rounded`), not made, or other."""

    n_same: int
    n_rounded: int
    missing: tuple[str, ...]
    differences: tuple[Difference, ...]

    @property
    def passed(self) -> bool:
        """Whether every result came out again."""
        return not (self.missing or self.differences)

    def __str__(self) -> str:
        lines = [f"not made again: {file}" for file in self.missing]
        lines += [f"differs: {difference}" for difference in self.differences]
        rounded = f" ({self.n_rounded} of them up to rounding)" if self.n_rounded else ""
        return "\n".join([*lines, f"{self.n_same + self.n_rounded} results made again{rounded}, "
                                  f"{len(self.differences)} differ, {len(self.missing)} not made"])  # fmt: skip


def verify(folder: Path, cores: str = "all") -> Verification:
    """Build the results of an unpacked bundle again in a folder that is removed afterwards, and compare.

    Raises
    ------
    UserError
        The folder holds no bundle, files are missing or other than packed, or the run failed.
    """
    folder = folder.resolve()
    record = _record(folder)
    raise_any(changed_files(folder))
    with tempfile.TemporaryDirectory(prefix=".verify-", dir=folder) as name:
        again = Path(name)
        for place in _sums(folder):
            if place not in record["results"]:
                (again / place).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(folder / place, again / place)
        _run(again, record, cores)
        return _held(folder, again, record["results"])


def _record(folder: Path) -> Mapping[str, Any]:
    path = folder / RECORD
    if not path.is_file() or not (folder / CHECKSUMS).is_file():
        expected, fix = "an unpacked bundle", "make one by: snakemake bundle; unpack it in a folder of its own"
        raise UserError.at(str(path), "", "no such file", expected, fix)
    values: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return values


def _sums(folder: Path) -> dict[str, str]:
    lines = (folder / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    return {place: digest for digest, _, place in (line.partition("  ") for line in lines)}


def changed_files(folder: Path) -> Iterable[Problem]:
    """Files of a bundle that are not as they were packed."""
    for place, digest in _sums(folder).items():
        path = folder / place
        found = "no such file" if not path.is_file() else "other content" if sha256_of(path) != digest else ""
        if found:
            yield Problem(place, "", found, f"the file that {CHECKSUMS} names", "unpack the bundle again")


def _run(again: Path, record: Mapping[str, Any], cores: str) -> None:
    directory = again / record["directory"]
    directory.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "snakemake", "-s", str(again / "Snakefile"), "--directory", str(directory)]
    command += ["--cores", cores, "--workflow-profile", "none"]
    if record["config"]:
        command += ["--config", *(f"{key}={json.dumps(value)}" for key, value in record["config"].items())]
    if record["configfile"] != DEFAULT_FILE:
        command += ["--configfile", record["configfile"]]
    run = subprocess.run(
        command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if run.returncode:
        last = "\n".join(run.stdout.splitlines()[-30:])
        raise UserError.at("Snakefile", "", f"a run that failed:\n{last}", "all results", "see above")


def _held(folder: Path, again: Path, results: Iterable[str]) -> Verification:
    missing = tuple(place for place in results if not (again / place).is_file())
    found = compared(folder, again, [place for place in results if place not in missing])
    rounded = [one for one in found.differences if one.n_numbers and not one.n_others and one.largest <= SAME]
    others = tuple(one for one in found.differences if one not in rounded)
    return Verification(found.n_same, len(rounded), missing, others)
