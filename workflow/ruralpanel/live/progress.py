"""Progress of a long task: one line that renews itself in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from types import TracebackType
from typing import TextIO

_BETWEEN = 10.0  # seconds between lines where they do not replace each other
_WIDTH = 24
_COUNT = re.compile(r"(\d+) of (\d+)")


class Progress:
    """Says what a task is at: ``say("figures: request 12 of 40")`` shows a bar where the words hold such a count."""

    def __init__(self, name: str, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self.name, self._stream, self._clock = name, stream, clock
        self._terminal = stream.isatty()
        self._last: tuple[float, str] = (-_BETWEEN, "")
        self._length = 0

    def say(self, words: str) -> None:
        """Show what the task is at."""
        count = _COUNT.search(words)
        done = count is not None and count[1] == count[2]
        if self._terminal:
            text = f"{self.name} {_bar(int(count[1]), int(count[2]))} {words}" if count else f"{self.name}: {words}"
            self._stream.write("\r" + text.ljust(self._length))
            self._length = len(text)
        elif done or self._clock() - self._last[0] >= _BETWEEN:
            self._stream.write(f"{self.name}: {words}\n")
            self._last = (self._clock(), words)
        self._stream.flush()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if self._terminal and self._length:
            self._stream.write("\n")
            self._stream.flush()


def _bar(done: int, number: int) -> str:
    filled = _WIDTH * done // max(number, 1)
    return "[" + "#" * filled + "." * (_WIDTH - filled) + "]"
