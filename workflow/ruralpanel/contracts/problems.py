"""Mistakes in what a user wrote: collected, worded alike, reported all at once."""

from __future__ import annotations

import difflib
import errno
import os
from collections.abc import Iterable, Set
from dataclasses import dataclass, replace

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
    """

    file: str
    where: str
    found: str
    expected: str
    fix: str = ""

    def __str__(self) -> str:
        place = f"{self.file}: {self.where}" if self.where else self.file
        text = f"{place}: found {self.found}; expected {self.expected}"
        return f"{text}; fix: {self.fix}" if self.fix else text


class UserError(Exception):
    """One or more `Problem`; its text is one line for each."""

    def __init__(self, problems: Iterable[Problem] | Problem) -> None:
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def of(self, config: str) -> UserError:
        """The same problems, `CONFIGURATION` replaced by the name of the file that was given."""
        return UserError(replace(p, file=config) if p.file == CONFIGURATION else p for p in self.problems)

    def report(self, headline: str) -> str:
        """The problems as a numbered list under a headline, as it is printed."""
        count = len(self.problems)
        lines = [f"{headline}: {count} problem{'s' if count > 1 else ''}."]
        lines += [f"  {i}. {problem}" for i, problem in enumerate(self.problems, 1)]
        return "\n".join(lines)


def refused(error: OSError) -> Problem:
    """What the operating system refuses (a full disk, no permission, a folder in the place of a file) as a problem."""
    place = str(error.filename2 or error.filename or "the files of this run")
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    fix = "make room on the disk, then run again" if full else "check the path and its permissions, then run again"
    expected = "room for the file" if full else "a file or folder that can be read and written"
    found = os.strerror(error.errno) if error.errno else error.strerror or type(error).__name__
    return Problem(place, "", found, expected, fix)


def raise_any(problems: Iterable[Problem]) -> None:
    """Raise `UserError` if there is any problem."""
    found = tuple(problems)
    if found:
        raise UserError(found)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``did you mean "x"?`` for the nearest known name, letter case aside; else the known names, else nothing."""
    names = [str(k) for k in (sorted(map(str, known)) if isinstance(known, Set) else known)]
    alike = [known for known in names if known.casefold() == name.casefold()]
    near = alike or difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    if near:
        return "did you mean " + " or ".join(f'"{n}"' for n in near) + "?"
    if 0 < len(names) <= 12:
        return "one of " + ", ".join(names)
    return ""
