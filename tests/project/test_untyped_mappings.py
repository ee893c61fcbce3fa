"""Mappings of anything stand where YAML or JSON is read; elsewhere options and results are classes.

A module of `READERS` may hold what it reads as it is written; no other holds any.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "workflow" / "ruralpanel"
_ANYTHING = re.compile(r"\b(?:Mapping|dict)\[str, Any\]")

READERS = {
    "project/load.py": "reads the configuration into settings",
    "project/settings.py": "reads models in plain values, as they pass through a rule's parameters and into JSON",
    "project/sources.py": "reads declared sources into settings",
    "project/yaml.py": "reads YAML with the places of its keys",
    "project/whole.py": "joins the files of a configuration",
    "project/written.py": "the configuration as it is written, for messages",
    "project/expand.py": "turns short forms into the long form, before they are classes",
    "project/presets.py": "lays presets over entries as they are written",
    "project/schema.py": "checks documents against a JSON schema",
    "project/filled.py": "fills in what a JSON schema states",
    "project/files.py": "knows a rule's settings, in plain values, by their hash; hands options to PyArrow",
    "project/config_schema.py": "makes the JSON schema of a configuration",
    "project/sidecars.py": "reads sidecars, and sources in plain values; holds layout keys until they are of a class",
    "project/corrections.py": "reads repairs of figures",
    "project/layouts.py": "checks the keys of a sidecar's layout",
    "project/words.py": "reads catalogues of words",
    "project/jobs.py": "hands each job its settings in plain values, as they pass through a rule's parameters",
    "project/exhibits.py": "reads declared tables, charts and maps into the classes of their kinds",
    "project/model_keys.py": "holds keys of models and settings, as they are written, against each other",
    "output/report/declared.py": "reads the resolved configuration and CITATION.cff into classes",
    "project/kept.py": "writes in JSON what pieces of a job were made from",
    "project/kinds/options.py": "makes JSON schemas of classes",
    "project/kinds/adapters.py": "reads declared layout keys into the class of their adapter",
    "project/sections": "keys of the configuration's sections",
    "estimate/base/model_json.py": "reads and writes results' JSON",
    "data/adapters/nbs_api.py": "reads the answers of an interface in JSON",
    "tools/fetch": "reads answers of an interface and records of vintages in JSON",
    "tools/bundle": "reads CITATION.cff and its own record, writes metadata in JSON",
    "tools/same_results.py": "reads results of any kind to compare them",
    "tools/new_source": "writes a source entry in YAML",
    "tools/generated.py": "makes the schema for editors, and the reference, of JSON schemas",
}
"""Module or folder → why it holds mappings of anything."""


def held() -> Counter[str]:
    """Module → how many mappings of anything it holds, for those outside `READERS` that hold some."""
    counts: Counter[str] = Counter()
    for file in sorted(PACKAGE.rglob("*.py")):
        name = file.relative_to(PACKAGE).as_posix()
        if not any(name == reader or name.startswith(f"{reader}/") for reader in READERS):
            counts[name] += len(_ANYTHING.findall(file.read_text(encoding="utf-8")))
    return +counts


def test_no_other_module_holds_mappings_of_anything() -> None:
    assert not held(), "declare a class for what these hold, or say in READERS what YAML or JSON they read"


@pytest.mark.parametrize("name", READERS)
def test_a_reader_is_there(name: str) -> None:
    assert (PACKAGE / name).exists()
