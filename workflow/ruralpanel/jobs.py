"""How a script of the workflow runs: its pieces apart, its progress in its log, a user's mistake in words."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from ruralpanel.contracts.problems import CONFIGURATION, Problem, UserError, raise_any, refused
from ruralpanel.files import content_of
from ruralpanel.progress import LOG, left

ON_SCREEN = 10.0
"""Seconds between two messages of progress that reach the screen; the log has them all."""

V = TypeVar("V")


@contextmanager
def job(
    log: str | Path,
    config: str = CONFIGURATION,
    content: Mapping[str, str] = MappingProxyType({}),
    output: Iterable[str] = (),
) -> Iterator[None]:
    """Run a job; on a mistake of the user's and on what the system refuses say so and leave with exit code 1.

    `UserError` and `OSError` (a full disk, a file that cannot be read) are printed in words and kept in `log`; an
    interrupt gives exit code 130. Messages of progress go to `log`, now and then to the screen.

    Parameters
    ----------
    log : the job's log file.
    config : name of the configuration's file, which the problems of its models and variables are said to be in.
    content : file → sha256 of what the job reads from outside, as it was when the run began. A file that holds anything
        else when the job begins or ends is a problem, so that no other content is ever built in.
    output : the files that the job writes, removed where that content has changed under its hands.
    """
    name = Path(log).stem
    try:
        with _logging(log, name):
            try:
                _require_unchanged(content)
                try:
                    yield
                except UserError:
                    _require_unchanged(content, output)
                    raise
                _require_unchanged(content, output)
            except UserError as error:
                _leave(error.of(config), name)
            except OSError as error:
                _leave(UserError(refused(error)), name)
    except OSError as error:  # no log can be written either
        print(UserError(refused(error)).report(f"{name} stopped"), file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print(f"{name} stopped: interrupted", file=sys.stderr)
        sys.exit(130)


def _require_unchanged(content: Mapping[str, str], output: Iterable[str] = ()) -> None:
    changed = [file for file, digest in content.items() if content_of(file) != digest]
    if changed:
        for file in output:
            Path(file).unlink(missing_ok=True)
    found, expected = "another content than when the run began", "a file that stays as it is while a run goes on"
    raise_any(Problem(file, "", found, expected, "run again: the file is then checked anew") for file in changed)


def pieces(works: Mapping[str, V], kind: str, unit: str) -> Iterator[tuple[str, V, Piece]]:
    """The pieces of a job, each to be worked on within ``with piece:``; one that fails costs no other.

    >>> for name, table, piece in pieces(tables, "tables", "table"):
    ...     with piece:
    ...         work(name, table)

    Parameters
    ----------
    works : by name. kind : the part of the configuration that declares them. unit : what one is called.

    Raises
    ------
    UserError
        At the end, with the problems of all pieces. An error of the program is one of them; its traceback is logged.
    """
    problems: list[Problem] = []
    begun = time.monotonic()
    for done, (name, work) in enumerate(works.items(), 1):
        piece = Piece(f"{kind}.{name}")
        yield name, work, piece
        problems += piece.problems
        rest = left(time.monotonic() - begun, done, len(works)) if done < len(works) else "finished"
        LOG.info("%s %s %s (%d of %d, %s)", unit, name, "failed" if piece.problems else "done", done, len(works), rest)
    raise_any(problems)


class Piece:
    """One piece of a job: holds back what goes wrong in its block."""

    def __init__(self, where: str) -> None:
        self._where = where
        self.problems: tuple[Problem, ...] = ()

    def __enter__(self) -> Piece:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, UserError):
            self.problems = error.problems
        elif isinstance(error, Exception) and not isinstance(error, OSError):
            LOG.error("traceback of %s", self._where, exc_info=error, extra={"in_log_only": True})
            said = next(iter(str(error).strip().splitlines()), "")
            found = f"an error of the program ({type(error).__name__}{': ' if said else ''}{said})"
            fix = "the traceback is in the job's log: please report it; everything else of this job is written"
            self.problems = (Problem(CONFIGURATION, self._where, found, "a result", fix),)
        return bool(self.problems)


def _leave(error: UserError, name: str) -> None:
    LOG.error("%s", error.report(f"{name} stopped"))
    sys.exit(1)


@contextmanager
def _logging(log: str | Path, name: str) -> Iterator[None]:
    Path(log).parent.mkdir(parents=True, exist_ok=True)
    to_file = logging.FileHandler(log, mode="w", encoding="utf-8")
    handlers: tuple[logging.Handler, ...] = (to_file, _Screen(name))
    for handler in handlers:
        LOG.addHandler(handler)
    LOG.setLevel(logging.INFO)
    try:
        yield
    finally:
        for handler in handlers:
            LOG.removeHandler(handler)
            handler.close()


class _Screen(logging.Handler):
    """Prints problems, and of messages of progress one in `ON_SCREEN` seconds, with the job's name."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._job, self._last = name, time.monotonic()

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR:
            if not getattr(record, "in_log_only", False):
                print(record.getMessage(), file=sys.stderr, flush=True)
        elif time.monotonic() - self._last >= ON_SCREEN:
            self._last = time.monotonic()
            print(f"{self._job}: {record.getMessage()}", file=sys.stderr, flush=True)
