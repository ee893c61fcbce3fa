"""How a kind declares its keys: a class for each kind, a line for each key; schema and reference are made from them."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Annotated, Any, Literal, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema

from ruralpanel.project.files import restored
from ruralpanel.project.periods import PATTERN, WORDS, parsed

PART = "x-part"
"""In the schema of a key: the part of the whole schema that stands here."""

_NULL = "x-null"


class Options(BaseModel):
    """Keys of one kind. A key without a default must be there; None as default: absent."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    def to_dict(self, given: bool = False) -> dict[str, object]:
        """Plain values of the keys that are not absent; `given`: of those alone that are no defaults."""
        return self.model_dump(exclude_none=True, exclude_unset=given)

    def get(self, key: str) -> Any:
        """The value of a key that not every kind has; None where it is absent."""
        return getattr(self, key, None)

    def gives(self, key: str) -> bool:
        """Whether the key is no default."""
        return key in self.model_fields_set

    def changed(self, **values: object) -> Self:
        """The same with other values for some keys, which may be beyond what a user may ask for."""
        assert values.keys() <= type(self).model_fields.keys()
        return self.model_copy(update=values)


def required(meaning: str) -> Any:
    """A key that must be there."""
    return Field(description=meaning)


def key(
    meaning: str,
    only: Iterable[str] = (),
    default: Any = None,
    null: bool = False,
    follows: Callable[[dict[str, Any]], Any] | None = None,
) -> Any:
    """A key that may be left out.

    Parameters
    ----------
    only : the methods that have a use for it, all where empty. null : it may be null, and then is.
    follows : what it is where it is left out, from the keys before it, in place of `default`.
    """
    extra: dict[str, Any] = {"only": list(only)} if only else {}
    extra |= {_NULL: True} if null else {}
    if follows:
        return Field(default_factory=follows, description=meaning, json_schema_extra=extra)
    return Field(default, description=meaning, json_schema_extra=extra)


Name = Annotated[str, Field(min_length=1)]
EACH_ONCE: Any = Field(json_schema_extra={"uniqueItems": True})
SOME_ONCE: Any = Field(min_length=1, json_schema_extra={"uniqueItems": True})
"""Of lists: nothing stands in them twice; something has to."""

Names = Annotated[tuple[Name, ...], EACH_ONCE]
SomeNames = Annotated[tuple[Name, ...], SOME_ONCE]


def _period(least: int, most: int) -> dict[str, Any]:
    """A whole number, or a quarter or month by its label; what is marked so is read as `periods` numbers them."""
    number = {"type": "integer", "minimum": least, "maximum": most}
    label = {"type": "string", "pattern": f"^{PATTERN}\\Z", "description": WORDS}
    return {"format": "period", "anyOf": [number, label]}


PERIOD = _period(1000, 2100)
Year = Annotated[int, PlainValidator(parsed), WithJsonSchema(PERIOD)]
PeriodOrEventTime = Annotated[int, PlainValidator(parsed), WithJsonSchema(_period(-3000, 3000))]
Draws = Annotated[int, Field(ge=99, le=1_000_000)]
Positive = Annotated[float, Field(gt=0, le=1e15)]
Kilometres = Annotated[float, Field(gt=0, le=40_100)]
Words = dict[str, str]


class Titled(Options):
    """Keys of whatever is printed."""

    title: str | None = key("Caption")
    title_zh: str | None = key("Caption in Chinese")

    @property
    def named_models(self) -> tuple[str, ...]:
        """The models that it shows."""
        return (*(self.get("models") or ()), *filter(None, (self.get("model"),)))

    def title_in(self, language: str) -> str:
        """The title in a language; empty where there is none."""
        return in_language(self.title, self.title_zh, language)


def in_language(text: str | None, chinese: str | None, language: str) -> str:
    """A declared text, or its Chinese form in a Chinese document where there is one; empty where neither is there."""
    return restored((chinese if language == "zh" else "") or text or "").strip()


class Labelled(Protocol):
    """Options that have words of their own for variables, terms or models."""

    @property
    def labels(self) -> Words | None: ...
    @property
    def labels_zh(self) -> Words | None: ...


def given_labels(options: Labelled, language: str) -> Words:
    """The words that `options` have in a language; Chinese ones go over the others."""
    return {**(options.labels or {}), **((options.labels_zh or {}) if language == "zh" else {})}


Path = Annotated[str, Field(min_length=1, max_length=1000)]
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


def parts(name: str, extra: Mapping[str, Any] | None = None) -> Any:
    """That the entries of a mapping are each a part of the schema; `extra`: what else is asked of the mapping."""
    return WithJsonSchema({"type": "object", "additionalProperties": {PART: name}, **(extra or {})})


@cache
def properties(options: type[Options]) -> Mapping[str, Mapping[str, Any]]:
    """Key → its JSON schema; ``only`` beside it names the methods that have a use for the key."""
    return plain(options.model_json_schema()).get("properties", {})  # type: ignore[no-any-return]


def keys_of_methods(options: type[Options]) -> Mapping[str, tuple[str, ...]]:
    """Key → the methods that have a use for it, where they are not all."""
    return {name: tuple(part["only"]) for name, part in properties(options).items() if "only" in part}


def plain(part: Any, definitions: Mapping[str, Any] | None = None) -> Any:
    """A schema as a person writes it: no titles, nothing apart, no null that only stands for an absent key."""
    if isinstance(part, list):
        return [plain(item, definitions) for item in part]
    if not isinstance(part, Mapping):
        return part
    if definitions is None:
        definitions = part.get("$defs", {})
    kept = _without(part, "title", "$defs", _NULL)
    if kept.get("default", "") is None and _NULL not in part:
        del kept["default"]
        inner = [branch for branch in kept.pop("anyOf", ()) if branch != {"type": "null"}]
        kept = {**(inner[0] if inner else {}), **kept}
    if PART in kept:
        return {"$ref": f"#/$defs/{kept[PART]}", **plain(_without(kept, PART), definitions)}
    if "$ref" in kept:
        of_class = _without(definitions[kept["$ref"].rsplit("/", 1)[1]], "description")
        return plain({**of_class, **_without(kept, "$ref")}, definitions)
    if "const" in kept:
        kept["enum"] = [kept.pop("const")]
    if "enum" in kept:
        kept.pop("type", None)
    if kept.get("additionalProperties") is True:
        del kept["additionalProperties"]
    inside = kept.pop("properties", None)
    found = {name: plain(value, definitions) for name, value in kept.items()}
    if inside is not None:
        found["properties"] = {name: plain(value, definitions) for name, value in inside.items()}
    return found


def _without(part: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in part.items() if name not in names}
