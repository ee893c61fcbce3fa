"""The schema of a configuration, made of its sections and the tables of kinds: what it is checked against."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from ruralpanel.project.kinds.estimators import ESTIMATORS
from ruralpanel.project.kinds.facts import Keyed
from ruralpanel.project.kinds.figures import FIGURES
from ruralpanel.project.kinds.inference import INFERENCE
from ruralpanel.project.kinds.inference import KEYS as METHOD_KEYS
from ruralpanel.project.kinds.maps import MAPS
from ruralpanel.project.kinds.options import Options, plain, properties
from ruralpanel.project.kinds.tables import REGRESSION, TABLES
from ruralpanel.project.schema import schema_of
from ruralpanel.project.sections import data
from ruralpanel.project.sections.configuration import (
    NAME,
    Benchmark,
    Checks,
    Configuration,
    Defaults,
    Estimand,
    Hypothesis,
    Model,
    Report,
    SpecificationCurve,
)
from ruralpanel.project.sidecars import SIDECAR_SCHEMA

_PARTS: Mapping[str, type[Options]] = {
    "source": data.Source,
    "download": data.Download,
    "panel": data.Panel,
    "span": data.Span,
    "variable": data.Variable,
    "sample": data.Sample,
    "weights_matrix": data.WeightsMatrix,
    "defaults": Defaults,
    "estimand": Estimand,
    "hypothesis": Hypothesis,
    "benchmark": Benchmark,
    "specification_curve": SpecificationCurve,
    "report": Report,
    "checks": Checks,
}
_FEW = 3
"""Kinds that the description of a key names, where no more have it."""


@cache
def config_schema() -> Mapping[str, Any]:
    """A JSON schema (draft 2020-12) of the long form of a configuration."""
    kinds = {
        "model": _model(),
        "inference": {"type": "array", "minItems": 1, "uniqueItems": True, "items": _setting()},
        "table": _of_kinds(TABLES, "table", REGRESSION),
        "figure": _of_kinds(FIGURES, "figure"),
        "map": _map(),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration",
        **_part(Configuration),
        "$defs": {
            "name": NAME,
            **{name: _part(options) for name, options in _PARTS.items()},
            **_of_series(),
            "break_rule": {"oneOf": [data.RULE_ALONE, _part(data.AcceptedBreak)]},
            **kinds,
        },
    }


@cache
def named_sections() -> tuple[str, ...]:
    """The sections that consist of named entries."""
    items = config_schema()["properties"].items()
    return tuple(name for name, part in items if "$ref" in (part.get("additionalProperties") or {}))


@cache
def shared_schema() -> Mapping[str, Any]:
    """A JSON schema of what entries share: keys of models and curves, none of which need be there, and settings."""
    whole = config_schema()
    definitions = whole["$defs"]
    setting = definitions["inference"]["items"]
    named_or_spelt = {"if": {"type": "object"}, "then": setting, "else": {"type": "string"}}

    def some(name: str) -> dict[str, Any]:
        return {key: part for key, part in definitions[name].items() if key != "required"}

    preset = some("model")
    preset["properties"] = {**preset["properties"], "inference": {**definitions["inference"], "items": named_or_spelt}}
    return {
        "$schema": whole["$schema"],
        "type": "object",
        "properties": {
            "errors": {"type": "object", "additionalProperties": setting},
            "presets": {"type": "object", "additionalProperties": preset},
            "curve_defaults": some("specification_curve"),
        },
        "$defs": definitions,
    }


def _part(options: type[Options]) -> dict[str, Any]:
    """A class as a schema."""
    return {name: value for name, value in plain(options.model_json_schema()).items() if name != "description"}


def _of_series() -> dict[str, Any]:
    """What a series may say, here as in a sidecar; a key left out here is as the sidecar has it.

    A ``note`` stands with the source's other facts in the report, which the sidecar alone tells.
    """
    parts = schema_of(str(SIDECAR_SCHEMA))["$defs"]
    names = ("words", "key", "year", "years", "units", "place", "series", "series_of_source", "break")
    optional = {name: value for name, value in parts["series"].items() if name != "required"}
    optional["properties"] = {key: value for key, value in optional["properties"].items() if key != "note"}
    return {**{name: parts[name] for name in names}, "series": optional}


def _model() -> dict[str, Any]:
    whole = _part(Model)
    shared: dict[str, Any] = whole["properties"]
    named = {"enum": list(ESTIMATORS), "description": shared["estimator"]["description"]}
    own = {name: part for name, part in together(ESTIMATORS).items() if name not in shared}
    return {**whole, "properties": {**shared, "estimator": named, **own}}


def _setting() -> dict[str, Any]:
    """One setting of inference: one of the keys that name a method, and the methods' own."""
    named = {
        name: {"enum": [method for method, kind in INFERENCE.items() if kind.key == name], "description": meaning}
        for name, meaning in METHOD_KEYS.items()
    }
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {**named, **together(INFERENCE)},
        "oneOf": [{"required": [name]} for name in METHOD_KEYS],
    }


def _of_kinds(kinds: Mapping[str, Keyed], what: str, default: str = "") -> dict[str, Any]:
    named = {"enum": list(kinds), **({"default": default} if default else {}), "description": f"Kind of {what}"}
    return {
        "type": "object",
        "additionalProperties": False,
        **({} if default else {"required": ["type"]}),
        "description": f"One {what}; which keys a kind takes stands in docs/tables.md",
        "properties": {"type": named, **together(kinds)},
    }


def _map() -> dict[str, Any]:
    forms = [{"required": list(kind.required)} for kind in reversed(list(MAPS.values()))]
    return {"type": "object", "additionalProperties": False, "oneOf": forms, "properties": together(MAPS)}


def together(kinds: Mapping[str, Keyed]) -> dict[str, Any]:
    """Keys of all kinds: what some kind takes, in words of each; a default only where it holds for all."""
    found: dict[str, dict[str, Any]] = {}
    owners: dict[str, dict[str, list[str]]] = {}
    for name, kind in kinds.items():
        for key, part in properties(kind.options).items():
            owners.setdefault(key, {}).setdefault(str(part["description"]), []).append(name)
            found[key] = _either(found[key], part) if key in found else dict(part)
    for key, part in found.items():
        told = owners[key]
        number = sum(map(len, told.values()))
        if number < len(kinds):
            part.pop("default", None)
        part.pop("only", None)
        first, *others = (_told(text, names, number == len(kinds)) for text, names in told.items())
        part["description"] = "; ".join((first, *(text[0].lower() + text[1:] for text in others)))
    return found


def _told(text: str, names: list[str], all_kinds: bool) -> str:
    return text if all_kinds or len(names) > _FEW else f"{text} ({', '.join(names)})"


def _either(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """A key as two kinds declare it: choices of both, the default where both have it."""
    both = {name: value for name, value in one.items() if name not in ("enum", "default")}
    if "enum" in one and "enum" in other:
        both["enum"] = list(dict.fromkeys((*one["enum"], *other["enum"])))
    elif "enum" in one or "enum" in other:
        both["type"] = "string"
    if "default" in one and one["default"] == other.get("default", ...):
        both["default"] = one["default"]
    return both
