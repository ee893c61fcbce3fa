"""How a process starts, which takes a second or more: for one core; an interrupt (Ctrl-C) is one line, no traceback.

A module of its own, because it has to be there before anything else is imported: it imports nothing of the package.
"""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
INTERRUPTED = 130
"""Exit code of a process that an interrupt has ended: 128 and the signal's number, as shells count."""

_STARTED: set[str] = set()


@contextmanager
def starting(name: str) -> Iterator[None]:
    """Let an interrupt end the process at once, with exit code 130, while it only imports and reads.

    Nothing is written yet, so nothing needs tidying up. An exception instead would pass through libraries that print
    it, turn it into another or lose it. After the block the handler is the one that was there before.

    Libraries of linear algebra read how many threads they may have as they are imported: one. A job that has several
    cores gives them to copies of its process, and sums come out the same whatever their number.

    Nor is garbage looked for: what is imported stays, and each look at all of it takes a tenth of the time. It is left
    out of later looks too.

    >>> with starting("estimate"):
    ...     import pandas

    Parameters
    ----------
    name : what is said to be interrupted.
    """
    os.environ.update(dict.fromkeys(THREADS, "1"))
    if threading.current_thread() is not threading.main_thread():  # only there can handlers be set
        yield
        return

    def leave(number: int, frame: FrameType | None) -> None:
        os.write(2, f"{name} stopped: interrupted\n".encode())
        os._exit(INTERRUPTED)

    before = signal.signal(signal.SIGINT, leave)
    collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if name not in _STARTED:  # a process that starts again and again would keep its garbage
            _STARTED.add(name)
            gc.freeze()
        if collected:
            gc.enable()
        signal.signal(signal.SIGINT, before)
