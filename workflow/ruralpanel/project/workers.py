"""The pieces of a job on several cores: copies of its process, which share its imports, take them one by one."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ruralpanel.project.interrupts import INTERRUPTED

FORKS = sys.platform == "linux"
"""Elsewhere a process that has threads, as those of macOS's libraries, must not be copied: pieces are made in turn."""
_PLACE = 4
_PATIENCE = 5.0


class LostWorker(Exception):
    """A copy ended without a word, as one does that the system takes the memory from; the text says what it did."""

    def __init__(self, number: int) -> None:
        super().__init__(f"signal {number} has ended" if number else "has ended without a word")


@dataclass
class Crew:
    """A process and its copies, among which the places ``0 … number − 1`` are shared out.

    >>> crew = Crew(len(works), workers)
    >>> for place in crew.places():
    ...     crew.tell(place, work(works[place]))
    >>> said = crew.said

    The body of the loop runs in the copies as well, and what it keeps in memory is lost with them: it writes files, and
    tells the rest. What stands behind the loop runs in the first process alone. Places are taken in order, each by
    whoever is free; a copy that ends at once, whatever the cause, costs its own place and no other.

    Attributes
    ----------
    number : of places. workers : processes at the most, the first one included.
    copied : whether this process is one of the copies.
    said : what `tell` was given, by place; whole once the loop is over.
    """

    number: int
    workers: int = 1
    copied: bool = False
    said: dict[int, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Places left and a byte for each one done: copies share the offset of the one file, the length of the other.
        self._left, self._done = tempfile.TemporaryFile(), tempfile.TemporaryFile("ab")  # noqa: SIM115
        self._left.write(b"".join(place.to_bytes(_PLACE) for place in range(self.number)))
        self._left.flush()
        self._left.seek(0)
        self._copies: dict[int, int] = {}
        self._report = -1

    def places(self) -> Iterator[int]:
        """The places that fall to this process.

        Raises
        ------
        LostWorker
            At the end, in the first process, if a copy was lost.
        """
        workers = min(self.workers, self.number) if FORKS else 1
        alive = os.pipe() if workers > 1 else ()
        try:
            while not self.copied and len(self._copies) < workers - 1:
                self._copy(*alive)
            while place := os.read(self._left.fileno(), _PLACE):
                yield int.from_bytes(place)
            if self.copied:
                with suppress(BrokenPipeError), os.fdopen(self._report, "wb") as stream:  # the first process is gone
                    pickle.dump(self.said, stream)
                _leave(0)
            self._gather()
        finally:
            if not self.copied:
                for descriptor in alive:
                    os.close(descriptor)
                for process in self._copies:  # where an error has left the loop: they end now
                    os.waitpid(process, 0)

    def tell(self, place: int, what: Any) -> int:
        """Hand on what came of a place; returns how many places are done by now."""
        self.said[place] = what
        os.write(self._done.fileno(), b".")
        return os.fstat(self._done.fileno()).st_size

    def stop(self) -> None:
        """Leave the places that nobody has begun."""
        os.lseek(self._left.fileno(), 0, os.SEEK_END)

    def interrupted(self) -> None:
        """End a copy that was interrupted; the first process, which was too, says so."""
        if self.copied:
            _leave(INTERRUPTED)

    def _copy(self, read_alive: int, write_alive: int) -> None:
        read, write = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        process = os.fork()
        if process:
            os.close(write)
            self._copies[process] = read
            return
        self.copied, self._report = True, write
        # What runs in the background of a script ignores interrupts; this signal it does not, and tidies up as well.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        for descriptor in (read, write_alive, *self._copies.values()):
            os.close(descriptor)
        threading.Thread(target=_end_with_the_first, args=(read_alive,), daemon=True).start()

    def _gather(self) -> None:
        lost = None
        while self._copies:
            process, report = self._copies.popitem()
            with os.fdopen(report, "rb") as stream:
                told = stream.read()
            code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
            if code == INTERRUPTED:
                raise KeyboardInterrupt
            if code:
                lost = LostWorker(max(-code, 0))
            else:
                self.said |= pickle.loads(told)
        if lost:
            raise lost
        self.said = dict(sorted(self.said.items()))


def _end_with_the_first(alive: int) -> None:
    """Wait until the first process is gone, then end this copy, its files tidied up."""
    os.read(alive, 1)
    with suppress(ProcessLookupError):
        os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(_PATIENCE)
    os._exit(INTERRUPTED)


def _leave(code: int) -> None:
    """End a copy: what is to be done at the end of a process is the first one's to do."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
