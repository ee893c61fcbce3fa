"""Writing files whole or not at all."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`, of the same suffix; rename it to `path` once the block ends well."""
    target = Path(os.path.realpath(path))  # a link keeps pointing to the file that it points to
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = part_of(target)
    try:
        yield temporary
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def part_of(path: Path) -> Path:
    """The temporary name beside `path`."""
    return path.with_name(f".{path.stem}.part{path.suffix}")


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text with ``\\n`` line ends."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: str | Path, values: Any) -> None:
    """Write JSON in the order given; NaN and infinities become null, NumPy scalars and arrays plain values."""
    write_text(path, json.dumps(plain(values), ensure_ascii=False, indent=1, allow_nan=False) + "\n")


def plain(values: Any) -> Any:
    """`values` as JSON can hold it."""
    if isinstance(values, Mapping):
        return {str(key): plain(value) for key, value in values.items()}
    if isinstance(values, (list, tuple, set, frozenset)):
        items = sorted(values) if isinstance(values, (set, frozenset)) else values
        return [plain(value) for value in items]
    if hasattr(values, "tolist"):
        return plain(values.tolist())
    if isinstance(values, float) and not math.isfinite(values):
        return None
    return values
