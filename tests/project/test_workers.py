"""Pieces of a job shared out among copies of its process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ruralpanel.project.problems import Problem, UserError, pieces
from ruralpanel.project.workers import Crew, LostWorker


def squares(number: int, workers: int) -> Crew:
    crew = Crew(number, workers)
    for place in crew.places():
        crew.tell(place, (place**2, os.getpid()))
    return crew


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("number", [0, 1, 3, 400])
def test_every_place_is_taken_once_and_told_in_order(number: int, workers: int) -> None:
    crew = squares(number, workers)
    assert [(place, said[0]) for place, said in crew.said.items()] == [(i, i**2) for i in range(number)]
    assert len({process for _, process in crew.said.values()}) <= min(workers, max(number, 1))


def test_slow_places_are_shared_by_all_processes() -> None:
    crew = Crew(4, 2)
    for place in crew.places():
        time.sleep(0.1)
        crew.tell(place, os.getpid())
    assert len(set(crew.said.values())) == 2


def test_one_worker_makes_no_copy() -> None:
    assert {process for _, process in squares(5, 1).said.values()} == {os.getpid()}


def ignore_interrupts() -> None:
    """As the shell has it for what runs in the background of a script."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def in_python(tmp_path: Path, body: str, ignoring: bool = False) -> subprocess.CompletedProcess[str]:
    head = "import os, signal, sys, time\nfrom ruralpanel.project.workers import Crew, LostWorker\n"
    (tmp_path / "run.py").write_text(head + body)
    return subprocess.run(
        [sys.executable, "run.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=ignore_interrupts if ignoring else None,
    )


def test_a_copy_that_is_killed_costs_its_own_place_and_is_told(tmp_path: Path) -> None:
    run = in_python(
        tmp_path,
        """
crew = Crew(20, 2)
try:
    for place in crew.places():
        time.sleep(0.02)
        if crew.copied:
            os.kill(os.getpid(), signal.SIGKILL)
        open(f"{place}.txt", "w").close()
        crew.tell(place, place)
except LostWorker as lost:
    print(lost)
""",
    )
    assert run.stdout == "signal 9 has ended\n"
    assert len(list(tmp_path.glob("*.txt"))) == 19


@pytest.mark.parametrize("ignoring", [False, True])
def test_an_error_of_the_first_process_ends_its_copies(tmp_path: Path, ignoring: bool) -> None:
    begun = time.monotonic()
    run = in_python(
        tmp_path,
        """
crew = Crew(2, 2)
for place in crew.places():
    if crew.copied:
        print(os.getpid(), flush=True)
        try:
            time.sleep(60)
        except KeyboardInterrupt:
            open("tidied", "w").close()
            crew.interrupted()
    time.sleep(0.5)
    raise ValueError("no")
""",
        ignoring,
    )
    assert run.returncode == 1 and "ValueError: no" in run.stderr and time.monotonic() - begun < 30
    assert (tmp_path / "tidied").exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int(run.stdout), 0)


@pytest.mark.parametrize("ignoring", [False, True])
def test_copies_end_with_a_first_process_that_is_killed(tmp_path: Path, ignoring: bool) -> None:
    run = in_python(
        tmp_path,
        """
crew = Crew(2, 2)
for place in crew.places():
    if crew.copied:
        open("begun", "w").close()
        try:
            time.sleep(60)
        except KeyboardInterrupt:
            open("tidied", "w").close()
            crew.interrupted()
    while not os.path.exists("begun"):
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGKILL)
""",
        ignoring,
    )
    assert run.returncode == -signal.SIGKILL
    for _ in range(100):
        if (tmp_path / "tidied").exists():
            return
        time.sleep(0.1)
    raise AssertionError("the copy goes on")


def test_a_copy_that_outlives_the_first_process_says_nothing(tmp_path: Path) -> None:
    run = in_python(
        tmp_path,
        """
crew = Crew(2, 2)
for place in crew.places():
    if crew.copied:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        open("begun", "w").close()
        time.sleep(1)
        crew.tell(place, "x" * 100)
    else:
        while not os.path.exists("begun"):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGKILL)
""",
    )
    assert run.stderr == ""


def test_an_interrupt_between_two_pieces_is_said_once(tmp_path: Path) -> None:
    run = in_python(
        tmp_path,
        """
from ruralpanel.project.problems import job, pieces
with job("estimate.log"):
    for name, _, piece in pieces({"a": 1, "b": 2}, "models", "model", 2):
        if piece.crew.copied:
            raise KeyboardInterrupt
        time.sleep(0.5)
        with piece:
            pass
""",
    )
    assert run.returncode == 130 and run.stderr == "estimate stopped: interrupted\n"


def failing(workers: int) -> list[str]:
    with pytest.raises(UserError) as error:
        for name, number, piece in pieces(dict(zip("abcdef", range(6), strict=True)), "models", "model", workers):
            with piece:
                if number == 1:
                    raise UserError([Problem("f", name, "1", "2"), Problem("f", "all", "1", "2")])
                if number == 3:
                    raise ZeroDivisionError("by nought")
                if number == 4:
                    raise UserError([Problem("f", "all", "1", "2")])
    return str(error.value).splitlines()


def test_problems_of_all_pieces_are_told_once_and_in_order_whatever_the_number_of_workers() -> None:
    alone = failing(1)
    assert [line.split(":")[1].strip() for line in alone] == ["b", "all", "models.d"]
    assert failing(2) == failing(4) == alone


@pytest.mark.parametrize("workers", [1, 3])
def test_what_the_system_refuses_stops_all_pieces(workers: int, tmp_path: Path) -> None:
    works = {str(number): tmp_path / f"{number}.txt" for number in range(50)}
    (tmp_path / "0.txt").mkdir()
    with pytest.raises(UserError, match=r"0\.txt: found Is a directory"):
        for _, path, piece in pieces(works, "models", "model", workers):
            with piece:
                path.write_text("")
                time.sleep(0.05)
    assert len([path for path in works.values() if path.is_file()]) < 10


def test_a_killed_worker_is_said_with_a_fix() -> None:
    with pytest.raises(UserError, match=r"models: found a process that signal 9 has ended; expected .*mem_mb"):
        for _, _, piece in pieces({"a": 1, "b": 2, "c": 3}, "models", "model", 2):
            with piece:
                time.sleep(0.05)
                if piece.crew.copied:
                    os.kill(os.getpid(), signal.SIGKILL)


def test_lost_worker_without_a_signal() -> None:
    assert str(LostWorker(0)) == "has ended without a word"
