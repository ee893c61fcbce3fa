"""Which version of this package made the report."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[4]


def software_version(checkout: Path = CHECKOUT) -> str:
    """``0.4.0 (4f1c2d3e5a6b)``: the version of the project file and, where git knows it, the commit.

    ``-dirty`` after the commit: files differ from it. Empty where the package does not lie in its checkout.
    """
    project = checkout / "pyproject.toml"
    if not project.is_file():
        return ""
    version = str(tomllib.loads(project.read_text(encoding="utf-8")).get("project", {}).get("version", ""))
    commit = _commit(checkout)
    return f"{version} ({commit})" if commit else version


def _commit(checkout: Path) -> str:
    if not (checkout / ".git").exists():  # else git would tell the commit of a folder above
        return ""
    command = ["git", "-C", str(checkout), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return run.stdout.strip() if run.returncode == 0 else ""
