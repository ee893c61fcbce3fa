"""The reference of keys in docs/ is what the schema says now, and every key is described."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from ruralpanel.project.reference import SCHEMA, SHORT_SCHEMA, reference

ROOT = Path(__file__).resolve().parents[2]


def test_the_reference_is_current() -> None:
    written = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    fix = "python -m ruralpanel.project.reference > docs/configuration.md"
    schemas = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in (SCHEMA, SHORT_SCHEMA)]
    assert written == reference(*schemas), fix


def properties(schema: Any, path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(schema, Mapping):
        for name, part in (schema.get("properties") or {}).items():
            if isinstance(part, Mapping) and "if" not in path:
                yield f"{path}.{name}", part
        for key, part in schema.items():
            if key not in ("if", "then", "oneOf"):
                yield from properties(part, f"{path}.{key}")
    elif isinstance(schema, list):
        for part in schema:
            yield from properties(part, path)


def test_every_key_is_described() -> None:
    schema = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in (SCHEMA, SHORT_SCHEMA)]
    bare = [path for path, part in properties(schema) if "description" not in part and "$ref" not in part]
    assert not bare
