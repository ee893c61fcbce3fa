"""The workflow passes Snakemake's own linter but for one piece of advice, and its files import nothing heavy."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

# Environments per rule would pin what requirements.txt and environment.yml already pin once for all of them.
ADVICE = "Specify a conda environment or container for each rule."
HEAVY = "pandas|numpy|geopandas|matplotlib|statsmodels|linearmodels|scipy|pyarrow"


def test_snakemake_lint(root: Path) -> None:
    command = [sys.executable, "-m", "snakemake", "--lint", "--workflow-profile", "none"]
    run = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert set(re.findall(r"^    \* (.+?):?$", run.stdout + run.stderr, re.M)) == {ADVICE}


def test_snakefiles_import_nothing_heavy(root: Path) -> None:
    for file in (root / "Snakefile", *(root / "workflow" / "rules").glob("*.smk")):
        text = file.read_text(encoding="utf-8")
        assert not re.search(rf"^\s*(import|from)\s+({HEAVY})\b", text, re.M), file
        assert not re.search(r"^\s*run:", text, re.M), file


@pytest.mark.parametrize("module", ["jobs", "fingerprint", "check"])
def test_declarations_import_nothing_heavy(root: Path, module: str) -> None:
    code = f"import sys, ruralpanel.project.{module}; print([m for m in '{HEAVY}'.split('|') if m in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=root / "workflow", capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"
