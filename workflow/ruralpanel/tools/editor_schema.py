"""A JSON schema for editors: what may stand in a configuration, long forms and short ones, in any of its files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ruralpanel.project.kinds.estimators import ESTIMATORS
from ruralpanel.project.kinds.facts import Estimator, Keyed
from ruralpanel.project.kinds.figures import FIGURES
from ruralpanel.project.kinds.options import properties
from ruralpanel.project.kinds.tables import REGRESSION, TABLES
from ruralpanel.project.periods import PATTERN
from ruralpanel.project.sections.configuration import Model

_SPAN = {
    "type": "string",
    "pattern": rf"^\s*(?:[0-9]{{4}}|{PATTERN})\s*[-–]\s*(?:[0-9]{{4}}|{PATTERN})\s*$",
    "description": "A span of periods: 2012-2019",
}
_NUMBER = {"type": "string", "description": 'A model and its term: "baseline[electricity]"'}
_NULL = {"type": "null", "description": "Takes the key of the preset away"}
_OUTCOME = {"type": "string", "description": "Panel, variable and year: provinces.rural_industry.2012"}


def editor_schema(long: Mapping[str, Any], short: Mapping[str, Any]) -> dict[str, Any]:
    """The schema as editors need it: any key may stand in any file, so that none has to be there.

    Parameters
    ----------
    long : that of long forms (`project.config_schema`). short : that of short forms (workflow/schemas).
    """
    parts = {**_renamed(short)["$defs"], **long["$defs"]}
    top = {**_renamed(short)["properties"], **long["properties"]}
    parts["panel"] = {"anyOf": [_SPAN, parts["panel"]["properties"]["periods"]["oneOf"][0], _with_span(parts["panel"])]}
    formula = {"type": "string", "description": "A formula (docs/formulas.md)"}
    parts["variable"] = {"anyOf": [formula, parts["variable"]]}
    setting = parts["inference"]["items"]
    name = {"type": "string", "description": "A name under errors"}
    parts["inference"] = {**parts["inference"], "items": {"anyOf": [name, {"$ref": "#/$defs/setting"}]}}
    parts["setting"] = setting
    parts["model"] = _model(parts["model"])
    parts["hypothesis"] = _claim(parts["hypothesis"], parts)
    parts["table"] = _table(parts["table"])
    parts["figure"] = {**parts["figure"], "allOf": list(_by_kind(FIGURES, ("type",)))}
    parts["curve"] = _relaxed(parts["specification_curve"])
    top["errors"] = _entries(top["errors"], "setting")
    top["presets"] = _entries(top["presets"], "model")
    top["claims"] = _entries(top["claims"], "hypothesis")
    top["curves"] = _entries(top["curves"], "curve")
    top["curve_defaults"] = {"$ref": "#/$defs/curve", "description": top["curve_defaults"]["description"]}
    for unused in ("preset", "claim"):
        parts.pop(unused, None)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A file of a configuration",
        "type": "object",
        "additionalProperties": False,
        "properties": top,
        "$defs": parts,
    }


def _renamed(short: Mapping[str, Any]) -> dict[str, Any]:
    """The short forms' schema, whose series are others than those of a source."""

    def of(part: Any) -> Any:
        if isinstance(part, Mapping):
            return {k: "#/$defs/column" if v == "#/$defs/series" else of(v) for k, v in part.items()}
        return [of(item) for item in part] if isinstance(part, list) else part

    schema: dict[str, Any] = of(short)
    parts = schema["$defs"]
    return {**schema, "$defs": {"column" if name == "series" else name: part for name, part in parts.items()}}


def _entries(section: Mapping[str, Any], part: str) -> dict[str, Any]:
    return {**section, "additionalProperties": {"$ref": f"#/$defs/{part}"}}


def _with_span(panel: Mapping[str, Any]) -> dict[str, Any]:
    periods = panel["properties"]["periods"]
    forms = {**periods, "oneOf": [_SPAN, *periods["oneOf"]]}
    return {**panel, "properties": {**panel["properties"], "periods": forms}}


def _relaxed(part: Mapping[str, Any]) -> dict[str, Any]:
    """A part whose keys may come from elsewhere, or be taken away by null."""
    keys = {
        name: {
            "anyOf": [{k: v for k, v in key.items() if k not in ("description", "default")}, _NULL],
            "description": key.get("description", ""),
        }
        for name, key in part["properties"].items()
    }
    return {**{name: value for name, value in part.items() if name != "required"}, "properties": keys}


def _model(model: Mapping[str, Any]) -> dict[str, Any]:
    relaxed = _relaxed(model)
    like = {"type": "string", "description": "A name under presets, whose keys hold where the model has none"}
    shared = ("like", *Model.model_fields)
    return {
        **relaxed,
        "properties": {"like": like, **relaxed["properties"]},
        "allOf": list(_by_kind(ESTIMATORS, shared, "estimator")),
    }


def _claim(hypothesis: Mapping[str, Any], parts: Mapping[str, Any]) -> dict[str, Any]:
    keys = hypothesis["properties"]
    estimand = {"anyOf": [_NUMBER, keys["estimand"]], "description": keys["estimand"]["description"]}
    alone = {"const": True, "description": "The reason stands under words"}
    untestable = {"anyOf": [keys["untestable"], alone], "description": keys["untestable"]["description"]}
    others = {**keys["others"], "items": {"anyOf": [_NUMBER, keys["others"]["items"]]}}
    return {
        **{name: value for name, value in hypothesis.items() if name != "required"},
        "properties": {
            "number": parts["number"],
            **keys,
            "estimand": estimand,
            "others": others,
            "untestable": untestable,
        },
    }


def _table(table: Mapping[str, Any]) -> dict[str, Any]:
    keys = table["properties"]
    outcomes = {**keys["outcomes"], "items": {"anyOf": [_OUTCOME, keys["outcomes"]["items"]]}}
    rules = list(_by_kind({name: kind for name, kind in TABLES.items() if name != REGRESSION}, ("type",)))
    return {**table, "properties": {**keys, "outcomes": outcomes}, "allOf": rules}


def _by_kind(kinds: Mapping[str, Keyed], shared: tuple[str, ...], named: str = "type") -> list[dict[str, Any]]:
    """For each kind: which keys may stand beside it, and which methods it has."""
    rules = []
    for name, kind in kinds.items():
        then: dict[str, Any] = {"propertyNames": {"enum": [*dict.fromkeys((*shared, *kind.keys))]}}
        methods = [method for method in kind.methods if method] if isinstance(kind, Estimator) else []
        if methods:
            then["properties"] = {"method": {"enum": [*methods, None]}}
        told = {key: {"description": part["description"]} for key, part in properties(kind.options).items()}
        then["properties"] = {**told, **then.get("properties", {})}
        rules.append({"if": {"required": [named], "properties": {named: {"const": name}}}, "then": then})
    return rules
