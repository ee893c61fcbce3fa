"""Problems are collected and reported together."""

from __future__ import annotations

from pathlib import Path

import pytest

from ruralpanel.project.problems import CONFIGURATION, Problem, UserError, job

PACKAGE = Path(__file__).parents[2] / "workflow/ruralpanel"


def test_a_job_names_the_configuration_that_it_was_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here = Problem(CONFIGURATION, "models.m.outcome", "nothing", "a value")
    elsewhere = Problem("units.csv", "row 2", "nothing", "an id")
    with pytest.raises(SystemExit), job(tmp_path / "estimate.log", "wage.yaml"):
        raise UserError([here, elsewhere])
    said = capsys.readouterr().err
    assert "1. wage.yaml: models.m.outcome: found nothing" in said
    assert "2. units.csv: row 2: found nothing" in said


def test_no_message_takes_a_file_name_for_granted() -> None:
    named = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if '"config.yaml"' in path.read_text(encoding="utf-8")
    }
    assert named == {"project/load.py"}  # the default of --configfile
