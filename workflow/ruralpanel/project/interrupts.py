"""An interrupt (Ctrl-C) while a process starts, which takes a second or more: one line, no traceback.

A module of its own, because it has to be there before anything else is imported: it imports nothing of the package.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130
"""Exit code of a process that an interrupt has ended: 128 and the signal's number, as shells count."""


@contextmanager
def starting(name: str) -> Iterator[None]:
    """Let an interrupt end the process at once, with exit code 130, while it only imports and reads.

    Nothing is written yet, so nothing needs tidying up. An exception instead would pass through libraries that print
    it, turn it into another or lose it. After the block the handler is the one that was there before.

    >>> with starting("estimate"):
    ...     import pandas

    Parameters
    ----------
    name : what is said to be interrupted.
    """
    if threading.current_thread() is not threading.main_thread():  # only there can handlers be set
        yield
        return

    def leave(number: int, frame: FrameType | None) -> None:
        os.write(2, f"{name} stopped: interrupted\n".encode())
        os._exit(INTERRUPTED)

    before = signal.signal(signal.SIGINT, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
