"""What the system refuses: a full disk, a file that cannot be read, a folder in the place of a file, an interrupt."""

from __future__ import annotations

import errno
import gc
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from conftest import ROOT, make_tiny, tiny_config
from ruralpanel import cli
from ruralpanel.project import jobs
from ruralpanel.project.files import atomic_path, unusable, write_text
from ruralpanel.project.interrupts import starting
from ruralpanel.project.problems import UserError, job

UNREADABLE = "/proc/self/mem"
"""A file that nobody can read, not even root."""

FULL = """
import resource, sys
from ruralpanel.project.files import write_text
from ruralpanel.project.problems import job
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
with job("log"):
    write_text("results/table.csv", "x" * 100_000)
"""


@pytest.mark.parametrize("file", ["units.csv", "boundaries.geojson", "corrections.yaml", "totals.csv", "figures.csv",
                                  "links.csv", "about.yaml", "config.yaml"])  # fmt: skip
@pytest.mark.parametrize("kind", ["folder", "unreadable", "missing", "pipe"])
def test_each_file_that_a_configuration_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, kind: str
) -> None:
    make_tiny(tmp_path)
    config = tiny_config()
    config |= {"boundaries": "boundaries.geojson", "corrections": "corrections.yaml", "control_totals": "totals.csv"}
    config["weights_matrices"] = {"links": {"type": "file", "path": "links.csv"}}
    config["sources"]["made_up"]["about"] = "about.yaml"  # type: ignore[index]
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    for name in ("boundaries.geojson", "corrections.yaml", "totals.csv", "links.csv", "about.yaml"):
        (tmp_path / name).write_text("a: 1\n", encoding="utf-8")
    (tmp_path / file).unlink()
    if kind == "folder":
        (tmp_path / file).mkdir()
    elif kind == "unreadable":
        (tmp_path / file).symlink_to(UNREADABLE)
    elif kind == "pipe":
        os.mkfifo(tmp_path / file)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as error:
        jobs.open_project()
    mine = [str(problem) for problem in error.value.problems if file in str(problem)]
    assert mine
    words = {
        "folder": ("folder", "no file lies"),
        "unreadable": ("cannot be read (Input/output error)",),
        "missing": ("does not exist", "no such file", "no file lies"),
        "pipe": ("which is no file", "no file lies"),
    }
    assert any(word in text for text in mine for word in words[kind]), mine


def test_why_a_path_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert unusable(tmp_path / "file") == ""
    assert unusable(tmp_path) == "which is a folder"
    assert unusable(tmp_path / "none") == unusable("x" * 5000) == unusable("a\0b") == "which does not exist"
    assert unusable("/dev/null") == "which is no file"
    assert unusable(UNREADABLE) == "which cannot be read (Input/output error)"


def test_a_full_disk_is_one_sentence_and_leaves_nothing_half_written(tmp_path: Path, root: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(root / "workflow")}
    run = subprocess.run(
        [sys.executable, "-c", FULL], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 1 and "Traceback" not in run.stderr
    assert "results/table.csv: found File too large; expected room for the file; fix: make room" in run.stderr
    assert run.stderr.strip() == (tmp_path / "log").read_text(encoding="utf-8").strip()
    assert list((tmp_path / "results").iterdir()) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EIO, errno.EISDIR])
def test_every_refusal_names_the_file_and_keeps_the_old_one(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], number: int
) -> None:
    write_text(tmp_path / "table.csv", "old\n")
    with pytest.raises(SystemExit) as left, job(tmp_path / "log"), atomic_path(tmp_path / "table.csv") as path:
        path.write_text("half", encoding="utf-8")
        raise OSError(number, os.strerror(number))
    printed = capfd.readouterr().err
    assert left.value.code == 1 and "Traceback" not in printed and printed.count("table.csv") == 1
    assert os.strerror(number) in printed
    assert (tmp_path / "table.csv").read_text(encoding="utf-8") == "old\n"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["log", "table.csv"]


def test_an_interrupt_is_one_sentence(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left, job(tmp_path / "estimate.log"), atomic_path(tmp_path / "a.json") as path:
        path.write_text("half", encoding="utf-8")
        raise KeyboardInterrupt
    assert left.value.code == 130 and capfd.readouterr().err == "estimate stopped: interrupted\n"
    assert [p.name for p in tmp_path.iterdir()] == ["estimate.log"]


SLOW = """
import sys, time

OURS = ("ruralpanel.__main__", "ruralpanel.project", "ruralpanel.project.interrupts")

class Slow:
    def find_spec(self, name, *_):
        if name.startswith({prefixes}) and name not in OURS:
            print("importing", flush=True)
            time.sleep(60)

sys.meta_path.insert(0, Slow())
"""
"""Makes the first import of some libraries, or of the package's modules, take its time."""

LIBRARIES = ("numpy", "pandas", "yaml", "ruralpanel.")
STARTED = [
    *(([str(path)], LIBRARIES) for path in sorted((ROOT / "workflow" / "scripts").glob("*.py"))),
    (["-m", "ruralpanel", "describe"], LIBRARIES),
    (["-m", "snakemake", "-s", str(ROOT / "Snakefile"), "-n", "--workflow-profile", "none"], ("ruralpanel.",)),
]


@pytest.mark.parametrize(("started", "slow"), STARTED, ids=lambda words: Path(words[-1]).name)
def test_an_interrupt_while_a_process_starts_is_one_sentence(
    tmp_path: Path, started: list[str], slow: tuple[str, ...]
) -> None:
    (tmp_path / "sitecustomize.py").write_text(SLOW.format(prefixes=slow), encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, *started],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT / "workflow")])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None and process.stdout.readline() == "importing\n"
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=20)[1]
    name = started[1] if started[0] == "-m" else Path(started[0]).stem
    assert (process.returncode, said) == (130, f"{name} stopped: interrupted\n")


def test_after_the_imports_an_interrupt_is_what_it_was() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ImportError), starting("estimate"):
        assert signal.getsignal(signal.SIGINT) is not before and not gc.isenabled()
        raise ImportError
    assert signal.getsignal(signal.SIGINT) is before and gc.isenabled()


def test_a_log_that_cannot_be_written(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log").mkdir()
    with pytest.raises(SystemExit) as left, job(tmp_path / "log"):
        raise AssertionError("not reached")
    printed = capfd.readouterr().err
    assert left.value.code == 1 and "log: found Is a directory" in printed and "Traceback" not in printed


def test_what_users_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    make_tiny(tmp_path)
    monkeypatch.chdir(tmp_path)
    for error, code, words in (
        (PermissionError(errno.EACCES, "Permission denied", "f.csv"), 1, "f.csv: found Permission denied"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ):

        def refuse(*_: object, error: BaseException = error) -> str:
            raise error

        monkeypatch.setattr(cli, "_describe", refuse)
        assert cli.main(["describe"]) == code
        printed = capfd.readouterr().err
        assert words in printed and "Traceback" not in printed


def test_a_result_in_whose_place_something_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    results = ["results/panels/main/panel.csv", "results/scorecard.csv"]
    jobs.require_room(results)
    Path("results/panels/main/panel.csv").mkdir(parents=True)
    with pytest.raises(UserError, match=r"panel\.csv: found a folder"):
        jobs.require_room(results)
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.chdir(other)
    Path("results").write_text("mine", encoding="utf-8")
    with pytest.raises(UserError, match="results: found a file") as error:
        jobs.require_room(results)
    assert len(error.value.problems) == 1
