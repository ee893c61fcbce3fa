"""The adapter that the documentation shows as a template: it is written out, registered and tested as shown there."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from ruralpanel.data.adapters import registry
from ruralpanel.project.kinds.adapters import ADAPTERS
from ruralpanel.project.kinds.facts import Adapter

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "adapters.md"


def blocks() -> list[str]:
    section = DOCUMENT.read_text(encoding="utf-8").partition("## A new adapter")[2]
    return re.findall(r"```python\n(.*?)```", section, re.DOTALL)


def loaded(name: str, code: str, folder: Path) -> Any:
    file = folder / f"{name}.py"
    file.write_text(code, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def test_the_documented_adapter_passes_the_documented_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter, declared, test = blocks()
    assert 'read="ruralpanel.data.adapters.json_records:read"' in declared
    folder = tmp_path / "code"
    folder.mkdir()
    (tmp_path / "files").mkdir()
    loaded("documented_adapter", adapter, folder)
    monkeypatch.setattr(registry, "ADAPTERS", {**ADAPTERS, "json": Adapter(read="documented_adapter:read", keys={})})
    loaded("documented_test", test, folder).test_json(tmp_path / "files")


def test_every_adapter_is_documented_with_its_keys() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for adapter, kind in ADAPTERS.items():
        section = text.partition(f"\n## {adapter}\n")[2].partition("\n## ")[0]
        assert section, adapter
        missing = [key for key in kind.keys if f"`{key}`" not in section]
        assert not missing, f"{adapter}: {missing}"
