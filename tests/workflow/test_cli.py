"""The commands beside Snakemake, as a user types them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from conftest import Run


def test_describe_prints_sources_before_anything_is_built(tiny: Path) -> None:
    command = [sys.executable, "-m", "ruralpanel", "describe"]
    run = subprocess.run(command, cwd=tiny, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "made_up" in run.stdout and "not built" in run.stdout


def test_mistakes_are_printed_in_words(tiny: Path, ruralpanel: Run) -> None:
    run = ruralpanel(tiny, "trace", "leverr", "U01", "2001")
    assert run.returncode == 1
    assert 'did you mean "lever"' in run.stderr and "Traceback" not in run.stderr


def test_a_missing_configuration_is_named(tmp_path: Path, ruralpanel: Run) -> None:
    run = ruralpanel(tmp_path, "describe")
    assert run.returncode == 1
    assert "config.yaml" in run.stderr and "--configfile" in run.stderr


def test_a_comparison_overwrites_nothing_but_an_earlier_comparison(tiny: Path, ruralpanel: Run) -> None:
    config = (tiny / "config.yaml").read_bytes()
    (tiny / "thesis.html").write_text("<!doctype html>\nmine\n", encoding="utf-8")
    for options, words in (
        (("--csv", "config.yaml"), "config.yaml: found a file that is no comparison"),
        (("--html", "thesis.html"), "thesis.html: found a file that is no comparison"),
        (("--html", "."), "found a folder"),
        (("--html", "new.html", "--csv", "./new.html"), "the same file for the page and the figures"),
    ):
        run = ruralpanel(tiny, "compare", "before", "results", *options)
        assert run.returncode == 1 and words in run.stderr, run.stderr
    assert (tiny / "config.yaml").read_bytes() == config
    assert (tiny / "thesis.html").read_text(encoding="utf-8") == "<!doctype html>\nmine\n"
    assert not (tiny / "new.html").exists()
