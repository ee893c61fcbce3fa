"""How far long work is and how long the rest will take, as messages of the package's log."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

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
