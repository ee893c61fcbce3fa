"""How a kind declares its keys: a class for each kind, a line for each key; schema and reference are made from them."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from ruralpanel.project.periods import PATTERN, WORDS


class Options(BaseModel):
    """Keys of one kind. A key without a default must be there; None as default: absent."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def required(meaning: str) -> Any:
    """A key that must be there."""
    return Field(description=meaning)


def key(meaning: str, only: Iterable[str] = (), default: Any = None) -> Any:
    """A key that may be left out; `only`: the methods that have a use for it, all where empty."""
    extra: dict[str, Any] = {"only": list(only)} if only else {}
    return Field(default, description=meaning, json_schema_extra=extra)


Name = Annotated[str, Field(min_length=1)]
Names = Annotated[tuple[Name, ...], Field(json_schema_extra={"uniqueItems": True})]


def _period(least: int, most: int) -> WithJsonSchema:
    """A whole number, or a quarter or month by its label; what is marked so is read as `periods` numbers them."""
    number = {"type": "integer", "minimum": least, "maximum": most}
    label = {"type": "string", "pattern": f"^{PATTERN}\\Z", "description": WORDS}
    return WithJsonSchema({"format": "period", "anyOf": [number, label]})


Year = Annotated[int | str, _period(1000, 2100)]
PeriodOrEventTime = Annotated[int | str, _period(-3000, 3000)]
Draws = Annotated[int, Field(ge=99, le=1_000_000)]
Positive = Annotated[float, Field(gt=0, le=1e15)]
Kilometres = Annotated[float, Field(gt=0, le=40_100)]
Words = dict[str, str]
Group = Literal["outcome", "panel", "estimator", "none"]
Spans = Annotated[tuple[Annotated[tuple[Year, ...], Field(min_length=2, max_length=2)], ...], Field(min_length=1)]
Term = Annotated[
    str | dict[str, str | tuple[Name, ...]],
    WithJsonSchema(
        {
            "type": ["string", "object"],
            "minLength": 1,
            "additionalProperties": {
                "type": ["string", "array"],
                "minLength": 1,
                "items": {"type": "string", "minLength": 1},
            },
        }
    ),
]


class Above(Options):
    """What two variables must exceed to count as growing."""

    first: Literal["zero", "median"] = key("For the first variable", default="zero")
    second: Literal["zero", "median"] = key("For the second variable", default="zero")


@cache
def properties(options: type[Options]) -> Mapping[str, Mapping[str, Any]]:
    """Key → its JSON schema; ``only`` beside it names the methods that have a use for the key."""
    schema = options.model_json_schema()
    return {name: _plain(part, schema.get("$defs", {})) for name, part in schema.get("properties", {}).items()}


def keys_of_methods(options: type[Options]) -> Mapping[str, tuple[str, ...]]:
    """Key → the methods that have a use for it, where they are not all."""
    return {name: tuple(part["only"]) for name, part in properties(options).items() if "only" in part}


def _plain(part: Any, definitions: Mapping[str, Any]) -> Any:
    """A schema as a person writes it: no titles, no references, no null that only stands for an absent key."""
    if isinstance(part, list):
        return [_plain(item, definitions) for item in part]
    if not isinstance(part, Mapping):
        return part
    if "$ref" in part:
        return _plain({**definitions[part["$ref"].rsplit("/", 1)[1]], **_without(part, "$ref")}, definitions)
    if "anyOf" in part and part.get("default", "") is None:
        (inner,) = [branch for branch in part["anyOf"] if branch != {"type": "null"}]
        return _plain({**inner, **_without(part, "anyOf", "default")}, definitions)
    if "const" in part:
        return _plain({"enum": [part["const"]], **_without(part, "const")}, definitions)
    kept = _without(part, "title", *(("type",) if "enum" in part else ()))
    if "properties" not in kept:
        return {name: _plain(value, definitions) for name, value in kept.items()}
    inside = {name: _plain(value, definitions) for name, value in kept.pop("properties").items()}
    return {name: _plain(value, definitions) for name, value in kept.items()} | {"properties": inside}


def _without(part: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in part.items() if name not in names}
