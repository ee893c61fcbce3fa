"""How a script of the workflow ends when a user's mistake surfaces: in words, with exit code 1, without a traceback."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ruralpanel.contracts.problems import UserError


@contextmanager
def job(log: str | Path) -> Iterator[None]:
    """Run a job; on `UserError` print its problems, keep them in `log`, and leave with exit code 1."""
    try:
        yield
    except UserError as error:
        text = error.report(f"{Path(log).stem} stopped")
        Path(log).write_text(text + "\n", encoding="utf-8")
        print(text, file=sys.stderr)
        sys.exit(1)
