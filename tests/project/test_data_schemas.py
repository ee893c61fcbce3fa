"""The schemas of sidecars and corrections accept what is shipped and refuse what is misspelt."""

from __future__ import annotations

from pathlib import Path

import pytest

from ruralpanel.project.schema import check_against, check_schema
from ruralpanel.project.yaml import load_document

ROOT = Path(__file__).parents[2]
DATA = ROOT / "data"
SCHEMAS = ROOT / "workflow" / "schemas"


@pytest.mark.parametrize("name", ["sidecar", "corrections"])
def test_schema_is_closed_and_describes_every_key(name: str) -> None:
    schema = load_document(SCHEMAS / f"{name}.schema.yaml").values
    seen = 0

    def described(entry: dict) -> bool:
        target = schema["$defs"].get(entry.get("$ref", "").removeprefix("#/$defs/"), {})
        return bool(entry.get("description") or target.get("description"))

    def walk(node: object, path: str) -> None:
        nonlocal seen
        if isinstance(node, list):
            for item in node:
                walk(item, path)
        if not isinstance(node, dict):
            return
        if node.get("type") == "object" and path != "properties.layout":
            assert "additionalProperties" in node, path
            assert node["additionalProperties"] is not True, path
            for key, entry in node.get("properties", {}).items():
                seen += 1
                assert described(entry), f"{path}: {key}"
        for key, value in node.items():
            walk(value, f"{path}.{key}" if path else key)

    walk(schema, "")
    assert seen >= 8


@pytest.mark.parametrize("source", ["nbs_annual", "nbs_history", "nbs_yearbook"])
def test_sidecar_keeps_to_the_schema(source: str) -> None:
    path = DATA / "sources" / f"{source}.yaml"
    document = load_document(path)
    assert not document.problems
    assert not check_against(document.values, SCHEMAS / "sidecar.schema.yaml", path.name)
    for key in ("licence", "accessed", "obtained"):
        assert document.values[key]


def test_corrections_keep_to_the_schema() -> None:
    values = load_document(DATA / "corrections.yaml").values
    assert not check_against(values, SCHEMAS / "corrections.schema.yaml", "corrections.yaml")


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"reason": None}, "reason"),
        ({"expect": None}, "expect"),
        ({"value": 3}, "value"),
        ({"unit": "all"}, "expect_sum"),
        ({"action": "remove"}, "action"),
        ({"years": 2006}, "years"),
    ],
)
def test_corrections_schema_refuses(changes: dict, where: str) -> None:
    entry = {
        "source": "s", "series": "x", "unit": "CN-BJ", "year": 2006, "action": "blank", "expect": 1.5,
        "reason": "a misprint in the source", "provider": "ours",
    }  # fmt: skip
    schema = load_document(SCHEMAS / "corrections.schema.yaml").values
    assert not check_schema({"corrections": [entry]}, schema, "c")
    changed = {key: value for key, value in (entry | changes).items() if value is not None}
    problems = check_schema({"corrections": [changed]}, schema, "c")
    assert any(where in str(problem) for problem in problems)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("licence_",), "x"),
        (("series", "gdp", "unit"), "10^8 CNY"),
        (("series", "gdp", "breaks"), {"06": {"what": "x"}}),
        (("files", "gdp.csv", "sha256"), "abc"),
        (("known_faults",), [{"series": "gdp", "what": "no reason"}]),
        (("identities",), [{"total": "gdp", "smaller": "gdp"}]),
    ],
)
def test_sidecar_schema_refuses(path: tuple[str, ...], value: object) -> None:
    values = load_document(DATA / "sources" / "nbs_annual.yaml").values
    node = values
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    problems = check_against(values, SCHEMAS / "sidecar.schema.yaml", "s")
    assert problems
    assert all(path[0] in problem.where for problem in problems)
