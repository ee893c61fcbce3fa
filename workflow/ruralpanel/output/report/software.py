"""Which version of this package made the report."""

from __future__ import annotations

import json
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[4]
RECORD = "bundle.json"
"""What an unpacked bundle says of itself, in place of a repository."""


@dataclass(frozen=True)
class Version:
    """What the project file states, and the commit where it is known; ``-dirty`` after it: files differ from it."""

    version: str
    commit: str = ""

    def __str__(self) -> str:
        return f"{self.version} ({self.commit})" if self.commit else self.version


def version_of(checkout: Path = CHECKOUT) -> Version:
    """``0.4.0 (4f1c2d3e5a6b)``: of a checkout, or of a bundle made of one. Empty where the package lies in neither."""
    project = checkout / "pyproject.toml"
    if not project.is_file():
        return Version("")
    version = str(tomllib.loads(project.read_text(encoding="utf-8")).get("project", {}).get("version", ""))
    record = checkout / RECORD
    if record.is_file():
        return Version(version, str(json.loads(record.read_text(encoding="utf-8")).get("commit", "")))
    return Version(version, _commit(checkout))


def _commit(checkout: Path) -> str:
    if not (checkout / ".git").exists():  # else git would tell the commit of a folder above
        return ""
    command = ["git", "-C", str(checkout), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return run.stdout.strip() if run.returncode == 0 else ""
