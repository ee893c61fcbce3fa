"""How a script of the workflow ends when a user's mistake surfaces: in words, with exit code 1, without a traceback."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ruralpanel.contracts.problems import CONFIGURATION, UserError


@contextmanager
def job(log: str | Path, config: str = CONFIGURATION) -> Iterator[None]:
    """Run a job; on `UserError` print its problems, keep them in `log`, and leave with exit code 1.

    Parameters
    ----------
    log : the job's log file.
    config : name of the configuration's file, which the problems of its models and variables are said to be in.
    """
    try:
        yield
    except UserError as error:
        text = error.of(config).report(f"{Path(log).stem} stopped")
        Path(log).write_text(text + "\n", encoding="utf-8")
        print(text, file=sys.stderr)
        sys.exit(1)
