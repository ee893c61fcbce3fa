"""What is wrong with what a user wrote, said all at once; and jobs that report it in words and log their progress."""

from __future__ import annotations

import difflib
import errno
import importlib
import logging
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from ruralpanel.project.files import content_of
from ruralpanel.project.interrupts import INTERRUPTED
from ruralpanel.project.notes import Note, note
from ruralpanel.project.workers import Crew, LostWorker

CONFIGURATION = "the configuration"
"""The file of a problem found where only a part of the configuration is at hand; `UserError.of` names it."""


@dataclass(frozen=True)
class Problem:
    """One mistake: where it stands, what was found, what was expected, how to mend it.

    Attributes
    ----------
    file : str
        The file that holds the mistake, or `CONFIGURATION`.
    where : str
        Its place in the file: a config path (``variables.highway_km.measure``) or a cell
        (``row 12, column 2008年``); empty for the file as a whole.
    found, expected, fix : str
        Short phrases; ``fix`` may be empty where nothing better than ``expected`` can be said.
    reason : Note
        What results hold in the place of a number where work goes on without it; None: nothing more particular than
        that it was refused.
    """

    file: str
    where: str
    found: str
    expected: str
    fix: str = ""
    reason: Note | None = field(default=None, compare=False)

    def __str__(self) -> str:
        place = f"{self.file}: {self.where}" if self.where else self.file
        text = f"{place}: found {self.found}; expected {self.expected}"
        return f"{text}; fix: {self.fix}" if self.fix else text


class UserError(Exception):
    """One or more `Problem`; its text is one line for each."""

    def __init__(self, problems: Iterable[Problem] | Problem) -> None:
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    @classmethod
    def at(cls, file: str, where: str, found: str, expected: str, fix: str = "") -> UserError:
        """The error of one mistake; its parts are those of a `Problem`."""
        return UserError(Problem(file, where, found, expected, fix))

    def of(self, config: str) -> UserError:
        """The same problems, `CONFIGURATION` replaced by the name of the file that was given."""
        return UserError(replace(p, file=config) if p.file == CONFIGURATION else p for p in self.problems)

    @property
    def reason(self) -> Note:
        """What results hold in the place of a number where work goes on without it."""
        reasons = list({repr(one): one for one in (p.reason or note("refused") for p in self.problems)}.values())
        return reasons[0] if len(reasons) == 1 else note("several", reasons=reasons)

    def report(self, headline: str) -> str:
        """The problems as a numbered list under a headline, as it is printed."""
        count = len(self.problems)
        lines = [f"{headline}: {count} problem{'s' if count > 1 else ''}."]
        lines += [f"  {i}. {problem}" for i, problem in enumerate(self.problems, 1)]
        return "\n".join(lines)


def refused(error: OSError) -> Problem:
    """What the operating system refuses (a full disk, no permission, a folder in the place of a file) as a problem."""
    place = str(error.filename2 or error.filename or "the files of this run")
    expected, fix = (
        "a file or folder that can be read and written",
        "check the path and its permissions, then run again",
    )
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        expected, fix = "room for the file", "make room on the disk, then run again"
    elif error.errno in (errno.EEXIST, errno.ENOTDIR):
        expected, fix = "a folder", "move the file or link that lies there to another name, then run again"
    found = os.strerror(error.errno) if error.errno else error.strerror or type(error).__name__
    return Problem(place, "", found, expected, fix)


def raise_any(problems: Iterable[Problem]) -> None:
    """Raise `UserError` if there is any problem."""
    found = tuple(problems)
    if found:
        raise UserError(found)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``did you mean "x"?`` for the nearest known name; else the known names, if they are few; else nothing."""
    names = sorted(map(str, known)) if isinstance(known, Set) else list(map(str, known))
    return nearest(name, names) or ("one of " + ", ".join(names) if 0 < len(names) <= 12 else "")


def nearest(name: str, known: Iterable[str]) -> str:
    """``did you mean "x"?`` for the nearest known name, letter case aside; nothing where none is near."""
    names = list(known)
    alike = [known for known in names if known.casefold() == name.casefold()]
    near = alike or difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    return "did you mean " + " or ".join(f'"{n}"' for n in near) + "?" if near else ""


def some(names: Iterable[str], most: int = 4) -> str:
    """The first names, each once, and how many more there are: ``a, b and 3 more``."""
    each = list(dict.fromkeys(names))
    return ", ".join(each[:most]) + (f" and {len(each) - most} more" if len(each) > most else "")


def unknown(file: str, where: str, name: str, expected: str, known: Iterable[str]) -> Problem:
    """The problem of a name that nothing declares, with the nearest declared ones."""
    return Problem(file, where, f'"{name}"', expected, did_you_mean(str(name), known))


LOG = logging.getLogger("ruralpanel")
BETWEEN = 5.0
"""Seconds between two messages of one loop."""

T = TypeVar("T")


def tracked(items: Iterable[T], number: int, what: str, clock: Callable[[], float] = time.monotonic) -> Iterator[T]:
    """The items one by one; where they take longer than a moment, the log says how many are done and what is left.

    Parameters
    ----------
    number : of the items. what : their name with the work that they are part of (``refits of synthetic did west``).
    """
    begun = last = clock()
    for done, item in enumerate(items):
        now = clock()
        if done and now - last >= BETWEEN:
            LOG.info("%s: %d of %d, %s", what, done, number, left(now - begun, done, number))
            last = now
        yield item


def left(seconds: float, done: int, number: int) -> str:
    """``about 2 min left``, from the time that the items done have taken."""
    rest = seconds / done * (number - done)
    return f"about {duration(rest)} left"


def duration(seconds: float) -> str:
    """Seconds in words: ``40 s``, ``3 min``, ``1.5 h``."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


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
    output : the files and folders that the job writes, removed where that content has changed under its hands.
    """
    name, first = Path(log).stem, os.getpid()
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
                _leave(_located(error.of(config), config), name)
            except OSError as error:
                _leave(UserError(refused(error)), name)
    except OSError as error:  # no log can be written either
        print(UserError(refused(error)).report(f"{name} stopped"), file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        if os.getpid() != first:  # a copy of it, between two pieces
            os._exit(INTERRUPTED)
        print(f"{name} stopped: interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)


def _require_unchanged(content: Mapping[str, str], output: Iterable[str] = ()) -> None:
    changed = [file for file, digest in content.items() if content_of(file) != digest]
    if changed:
        for file in map(Path, output):
            if file.is_dir():
                shutil.rmtree(file)
            else:
                file.unlink(missing_ok=True)
    found, expected = "another content than when the run began", "a file that stays as it is while a run goes on"
    raise_any(Problem(file, "", found, expected, "run again: the file is then checked anew") for file in changed)


def pieces(works: Mapping[str, V], kind: str, unit: str, workers: int = 1) -> Iterator[tuple[str, V, Piece]]:
    """The pieces of a job, each to be worked on within ``with piece:``; one that fails costs no other.

    >>> for name, table, piece in pieces(tables, "tables", "table", workers):
    ...     with piece:
    ...         work(name, table)

    Parameters
    ----------
    works : by name. kind : the part of the configuration that declares them. unit : what one is called.
    workers : processes that share them (`Crew`): a piece writes files, and nothing that it keeps in memory lasts.

    Raises
    ------
    UserError
        At the end, with the problems of all pieces, each once. An error of the program is one of them; its traceback is
        logged.
    """
    names, crew, begun = list(works), Crew(len(works), workers), time.monotonic()
    try:
        for place in crew.places():
            piece = Piece(f"{kind}.{names[place]}", crew)
            yield names[place], works[names[place]], piece
            done = crew.tell(place, piece.problems)
            rest = left(time.monotonic() - begun, done, len(works)) if done < len(works) else "finished"
            state = "failed" if piece.problems else "done"
            LOG.info("%s %s %s (%d of %d, %s)", unit, names[place], state, done, len(works), rest)
    except LostWorker as lost:
        fix = "let it use less at a time, with fewer cores or more memory (mem_mb), and run again: what is done stays"
        raise UserError(Problem(CONFIGURATION, kind, f"a process that {lost}", "one that ends well", fix)) from None
    problems = [problem for told in crew.said.values() for problem in told]
    raise_any(problem for index, problem in enumerate(problems) if problem not in problems[:index])


class Piece:
    """One piece of a job: holds back what goes wrong in its block."""

    def __init__(self, where: str, crew: Crew) -> None:
        self._where, self.crew = where, crew
        self.problems: tuple[Problem, ...] = ()

    def __enter__(self) -> Piece:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, UserError):
            self.problems = error.problems
        elif isinstance(error, OSError):  # no other piece would fare better
            self.crew.stop()
            self.problems = (refused(error),)
        elif isinstance(error, Exception):
            LOG.error("traceback of %s", self._where, exc_info=error, extra={"in_log_only": True})
            said = next(iter(str(error).strip().splitlines()), "")
            found = f"an error of the program ({type(error).__name__}{': ' if said else ''}{said})"
            fix = "the traceback is in the job's log: please report it; everything else of this job is written"
            self.problems = (Problem(CONFIGURATION, self._where, found, "a result", fix),)
        elif isinstance(error, KeyboardInterrupt):
            self.crew.interrupted()
        return bool(self.problems)


def _located(error: UserError, config: str) -> UserError:
    """The same problems, those of the configuration with the file and line where it says so."""
    if not any(problem.file == config for problem in error.problems):
        return error
    # Imported by a name put together: no result stands on where a message says that a setting is written.
    whole = importlib.import_module(f"{__package__}.whole")
    try:
        return UserError(whole.read_whole(config).places.located(error.problems, config))
    except (UserError, OSError):  # changed or gone since the run began
        return error


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
