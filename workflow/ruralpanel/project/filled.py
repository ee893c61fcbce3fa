"""Documents that have passed their schema, with its defaults, and with numbers for the labels of periods."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from ruralpanel.project.periods import parse
from ruralpanel.project.schema import resolved


def with_defaults(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any] | None = None) -> Any:
    """A document that has passed its schema, or the part of it that one of `root` is of, with the defaults there."""
    root = root or schema
    schema = resolved(schema, root)
    if not isinstance(value, Mapping):
        return value
    filled = {}
    properties: Mapping[str, Any] = schema.get("properties", {})
    for key, part in properties.items():
        if not isinstance(part, Mapping):
            continue
        part = resolved(part, root)
        if key in value:
            filled[key] = with_defaults(value[key], part, root)
        elif "default" in part:
            filled[key] = deepcopy(part["default"])
        elif schema.get("title") == root["title"] and part.get("type") == "object":
            filled[key] = with_defaults({}, part, root)
    rest = schema.get("additionalProperties")
    for key, item in value.items():
        if key not in filled:
            filled[key] = with_defaults(item, rest, root) if isinstance(rest, Mapping) else item
    return filled


def with_periods(value: Any, schema: Mapping[str, Any], root: Mapping[str, Any] | None = None) -> Any:
    """The same, with numbers for labels wherever the schema says ``format: period``."""
    root = root or schema
    schema = resolved(schema, root)
    if schema.get("format") == "period":
        return parse(value) if isinstance(value, int | str) else value
    for alternative in (*(schema.get("oneOf") or ()), *(schema.get("anyOf") or ())):
        value = with_periods(value, alternative, root)
    if isinstance(value, Mapping):
        known, rest = schema.get("properties") or {}, schema.get("additionalProperties")
        parts: dict[str, Any] = {key: known.get(key, rest) for key in value}
        return {
            key: with_periods(item, parts[key], root) if isinstance(parts[key], Mapping) else item
            for key, item in value.items()
        }
    items = schema.get("items")
    if isinstance(value, list) and isinstance(items, Mapping):
        return [with_periods(item, items, root) for item in value]
    return value
