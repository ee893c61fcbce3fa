"""Documents against JSON schemas: every error as a `Problem` with its path, in words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from ruralpanel.project.problems import Problem, did_you_mean, nearest
from ruralpanel.project.yaml import config_path, load_yaml, text_keys

_TYPES = {
    "object": "keys and values",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}
_BOUNDS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "minItems": "at least {} in the list",
    "maxItems": "at most {} in the list",
    "minLength": "text of at least {} characters",
    "maxLength": "text of at most {} characters",
    "minProperties": "at least {} keys",
    "maxProperties": "at most {} keys",
}
ABSENT = "nothing"
"""What is found where a key lacks."""

_Error = Any  # jsonschema types every part of its errors as possibly unset
_UNKNOWN = ("additionalProperties", "unevaluatedProperties")


@cache
def _validator() -> Any:
    # jobs that only read checked settings go without the library
    from jsonschema import Draft202012Validator, validators

    # 1970.0 is no year and no count: what runs on years and counts needs whole numbers.
    types = Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "integer": lambda _, value: type(value) is int,
            "number": lambda _, value: type(value) in (int, float) and _finite(value),
        }
    )
    return validators.extend(Draft202012Validator, type_checker=types)  # type: ignore[no-untyped-call]


def check_against(document: Any, schema_path: str | Path, file: str) -> list[Problem]:
    """Everything in which a document departs from a JSON schema (draft 2020-12, written in YAML).

    Keys that are numbers (years) are compared as text. Of alternatives (anyOf, oneOf) only the one that the
    document comes nearest to is reported.
    """
    return check_schema(document, schema_of(str(schema_path)), file)


def check_schema(document: Any, schema: Mapping[str, Any], file: str) -> list[Problem]:
    """`check_against` with the schema in memory."""
    schema = _with_paths(schema)
    document = text_keys(document)
    errors = sorted(_validator()(schema).iter_errors(document), key=lambda error: _position(error, document))
    mistyped = {tuple(e.absolute_path) for e in errors if e.validator == "type"}
    errors = [e for e in errors if e.validator == "type" or tuple(e.absolute_path) not in mistyped]
    wrong = {config_path(tuple(e.absolute_path)) for e in errors if "else" not in e.absolute_schema_path}
    found = [p for e in errors if not _undecided(e, wrong, schema) for p in _problems(e, schema, file)]
    misplaced = [p for p in found if p.found == _MISPLACED]
    spoilt = {_parent(p.where) for p in found if p.found != _MISPLACED}
    kept = [p for p in found if p not in misplaced or _parent(p.where) not in spoilt]
    unknown = {p.where: p.fix for p in found if p.found == NOT_KNOWN}
    return list(dict.fromkeys(p for p in kept if not _misspelt(p, unknown)))


def _position(error: _Error, document: Any) -> list[int]:
    """Where an error stands in the document: the library takes some keys in an order that changes from run to run."""
    positions = []
    for part in error.absolute_path:
        positions.append(part if isinstance(part, int) else list(document).index(part))
        document = document[part]
    return positions


NOT_KNOWN = "unknown key"
"""What is found where a key stands that the schema does not have."""


def _misspelt(problem: Problem, unknown: Mapping[str, str]) -> bool:
    """Whether a key only lacks as it is misspelt, which the problem of an `unknown` key beside it (→ its fix) says."""
    parent, _, key = problem.where.rpartition(".")
    beside = (where for where in unknown if _parent(where) == parent)
    return problem.found == ABSENT and any(f'"{key}"' in unknown[where] for where in beside)


_MISPLACED = "a key that does not belong to the other choices made here"


@lru_cache(maxsize=16)
def schema_of(path: str) -> Mapping[str, Any]:
    """A schema's document, read once."""
    values, problems = load_yaml(path)
    if problems:
        raise ValueError("; ".join(map(str, problems)))
    return text_keys(values)  # type: ignore[no-any-return]


def _with_paths(schema: Any) -> Any:
    """The schema with ``false`` under a key written as ``{not: {}}``: errors of the former lose the key's path."""
    if isinstance(schema, Mapping):
        return {
            k: {n: {"not": {}} if s is False else _with_paths(s) for n, s in v.items()}
            if k == "properties" and isinstance(v, Mapping)
            else _with_paths(v)
            for k, v in schema.items()
        }
    return [_with_paths(v) for v in schema] if isinstance(schema, list) else schema


def _undecided(error: _Error, wrong: set[str], root: Mapping[str, Any]) -> bool:
    """Whether an error stands in the ``else`` of a condition on a key that is itself wrong."""
    path = list(error.absolute_schema_path)
    if "else" not in path:
        return False
    above = list(_schemas_on(path[: path.index("else")], root))[-1]
    keys = above.get("if", {}).get("properties", {}) if isinstance(above, Mapping) else {}
    here = config_path(tuple(error.absolute_path))
    return any(f"{here}.{key}" in wrong or f"{_parent(here)}.{key}" in wrong for key in keys)


def _schemas_on(path: Iterable[str | int], root: Mapping[str, Any]) -> Iterator[Any]:
    """Every schema on a schema path from the root on, references followed."""
    schema: Any = resolved(root, root)
    yield schema
    for part in path:
        if isinstance(schema, Mapping):
            schema = schema if part == "$ref" else schema.get(str(part))
        elif isinstance(schema, list) and isinstance(part, int):
            schema = schema[part]
        schema = resolved(schema, root) if isinstance(schema, Mapping) else schema
        yield schema


def resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """A schema in place of a reference to it; what stands beside the reference (a default) goes over it."""
    reference = schema.get("$ref", "")
    if not reference.startswith("#/"):
        return schema
    target: Any = root
    for part in reference[2:].split("/"):
        target = target[part]
    return {**resolved(target, root), **{k: v for k, v in schema.items() if k != "$ref"}}


def _problems(error: _Error, root: Mapping[str, Any], file: str) -> Iterator[Problem]:
    keyword, where = error.validator, config_path(tuple(error.absolute_path))
    if "propertyNames" in error.absolute_schema_path:
        name = str(error.instance) if len(str(error.instance)) <= 60 else f"{str(error.instance)[:57]}…"
        name = name.replace("\n", "\\n")
        key = config_path((*error.absolute_path, name))
        yield Problem(file, key, f'the key "{name}"', _describe(error.schema) or "another name of the key")
        return
    if keyword in ("anyOf", "oneOf"):
        yield from _alternatives(error, root, file, where)
    elif keyword in _UNKNOWN:
        yield from _unknown_keys(error, root, file)
    elif keyword == "required":
        key = next((k for k in error.validator_value if error.message.startswith(repr(k))), "")
        hint = _describe(_declared(error, key, root))
        known = {k for schema in _schemas_on(error.absolute_schema_path, root) for k in _known_keys(schema, root)}
        near = nearest(key, sorted(set(error.instance) - known))
        fix = near.replace("did you mean", "rename").removesuffix("?") or f"add `{key}:`"
        yield Problem(file, f"{where}.{key}" if where else key, ABSENT, hint or "a value", fix)
    elif keyword == "dependentRequired":
        yield Problem(file, where, error.message, "the keys that go together")
    elif keyword in ("enum", "const"):
        allowed = error.validator_value if keyword == "enum" else [error.validator_value]
        yield Problem(file, where, _shown(error.instance), _choices(allowed), _near(error.instance, allowed))
    elif keyword == "type":
        expected = _type_words(error.validator_value, error.schema)
        yield Problem(file, where, _shown(error.instance), expected, _whole(error.instance))
    elif keyword in _BOUNDS:
        yield Problem(file, where, _shown(error.instance), _BOUNDS[keyword].format(error.validator_value))
    elif keyword == "pattern":
        hint = _describe(error.schema) or f"text of the form {error.validator_value}"
        yield Problem(file, where, _shown(error.instance), hint)
    elif keyword == "uniqueItems":
        twice = next(item for i, item in enumerate(error.instance) if item in error.instance[:i])
        shown = _shown(twice) if isinstance(twice, str | int) else "the same entry"
        yield Problem(file, where, f"{shown} twice", "each entry once", "take one of them out")
    elif keyword == "not" and "required" in error.validator_value:
        yield Problem(file, where, " and ".join(error.validator_value["required"]) + " together", "one of them")
    elif error.schema is False or keyword in (None, "not"):
        hint = _describe(error.schema if isinstance(error.schema, Mapping) else {})
        yield Problem(file, where, _shown(error.instance), hint or "nothing here, given the other keys")
    else:
        yield Problem(file, where, error.message[:120], _describe(error.schema) or "another value")


def _unknown_keys(error: _Error, root: Mapping[str, Any], file: str) -> Iterator[Problem]:
    known = list(dict.fromkeys(_known_keys(error.schema, root)))
    unknown = _extras(error)
    for key in unknown:
        where = config_path((*error.absolute_path, key))
        if key in known:
            yield Problem(file, where, _MISPLACED, "only the keys that go with them", "take the key out")
        else:
            expected = "one of the known keys" if known else "no keys here"
            yield Problem(file, where, NOT_KNOWN, expected, _unknown_fix(key, error.instance, known))


def _unknown_fix(key: str, instance: Mapping[str, Any], known: list[str]) -> str:
    if instance[key] is None and ("(" in key or ")" in key):
        return "put text that contains a comma in quotes: between { and } a comma ends a value"
    return did_you_mean(key, [k for k in known if k not in instance]) or "take it out"


def _extras(error: _Error) -> list[str]:
    keys = [key for key in error.instance if repr(key) in error.message]
    if error.validator == "additionalProperties":
        declared = set(error.schema.get("properties", {}))
        keys = [key for key in keys if key not in declared]
    return keys


def _known_keys(schema: Any, root: Mapping[str, Any], depth: int = 0) -> Iterator[str]:
    """Every key that a schema or one of its branches names."""
    if not isinstance(schema, Mapping) or depth > 8:
        return
    schema = resolved(schema, root)
    yield from schema.get("properties", {})
    for keyword in ("allOf", "anyOf", "oneOf"):
        for branch in schema.get(keyword, ()):
            yield from _known_keys(branch, root, depth + 1)
    for keyword in ("if", "then", "else"):
        yield from _known_keys(schema.get(keyword), root, depth + 1)
    for branch in schema.get("dependentSchemas", {}).values():
        yield from _known_keys(branch, root, depth + 1)


def _declared(error: _Error, key: str, root: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the schemas on the way to an error, the nearest first, declare of a key."""
    found: Mapping[str, Any] = {}
    for schema in _schemas_on(error.absolute_schema_path, root):
        declared = schema.get("properties") if isinstance(schema, Mapping) else None
        if isinstance(declared, Mapping) and _describe(resolved(declared.get(key, {}), root)):
            found = resolved(declared[key], root)
    return found


def _alternatives(error: _Error, root: Mapping[str, Any], file: str, where: str) -> Iterator[Problem]:
    branches: dict[Any, list[_Error]] = {}
    for inner in error.context or ():
        branches.setdefault(inner.relative_schema_path[0], []).append(inner)
    if not branches:
        yield Problem(file, where, f"{_shown(error.instance)}, which fits more than one form", "exactly one form")
        return
    fitting = [errors for errors in branches.values() if not any(map(_wrong_kind, errors))]
    if not fitting:
        forms = [_form(resolved(branch, root)) for branch in error.validator_value]
        allowed = [v for branch in error.validator_value for v in _values(resolved(branch, root))]
        expected = " or ".join(dict.fromkeys(form for form in forms if form)) or "another form"
        fix = _near(error.instance, allowed) or _whole(error.instance)
        yield Problem(file, where, _shown(error.instance), expected, fix)
        return
    for inner in min(fitting, key=_badness):
        yield from _problems(inner, root, file)


def _wrong_kind(error: _Error) -> bool:
    """Whether its branch is for another kind of value altogether (text, where keys and values stand)."""
    return not error.relative_path and error.validator in ("type", "enum", "const", "pattern")


def _badness(errors: list[_Error]) -> tuple[int, int, int]:
    """Few wrong tell-tale keys first, then few errors in all, deep ones before shallow ones."""
    telling = sum(e.validator == "const" for e in errors)
    shallow = sum(len(_extras(e)) if e.validator in _UNKNOWN else 1 for e in errors)
    return telling, shallow, -max(len(e.relative_path) for e in errors)


def _form(schema: Mapping[str, Any]) -> str:
    values = _values(schema)
    if values:
        return _choices(values)
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            return " or ".join(dict.fromkeys(_form(s) for s in schema[keyword]))
    if "pattern" in schema and (hint := _describe(schema)):
        return hint[0].lower() + hint[1:]
    return _type_words(schema["type"], schema) if "type" in schema else _describe(schema)


def _values(schema: Mapping[str, Any]) -> list[Any]:
    return list(schema.get("enum", ())) or ([schema["const"]] if "const" in schema else [])


def _type_words(types: str | list[str], schema: Any) -> str:
    words = " or ".join(_TYPES.get(t, t) for t in ([types] if isinstance(types, str) else types))
    hint = _describe(schema)
    return f"{words} ({hint})" if hint else words


def _describe(schema: Any) -> str:
    """The first sentence of a schema's description."""
    text = " ".join(str(schema.get("description", "")).split()) if isinstance(schema, Mapping) else ""
    first = text.split(". ")[0].rstrip(".")
    return first if len(first) <= 110 else first[:107].rsplit(" ", 1)[0] + " …"


def _choices(values: Iterable[Any]) -> str:
    return " | ".join(_plain(v) for v in values)


def _near(value: Any, allowed: Iterable[Any]) -> str:
    return nearest(value, [v for v in allowed if isinstance(v, str)]) if isinstance(value, str) else ""


def _plain(value: Any) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _whole(value: Any) -> str:
    """How to write a number such as 1970.0 where a whole one is asked for."""
    whole = isinstance(value, float) and _finite(value) and value.is_integer() and abs(value) < 1e9
    return f"write {int(value)}" if whole else ""


def _finite(value: float) -> bool:
    return isinstance(value, int) or math.isfinite(value)


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        first = ", ".join(list(value)[:4])
        return f"keys and values ({first}{' …' if len(value) > 4 else ''})" if value else "nothing"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if value is None:
        return "nothing (null)"
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= 60 else f'"{value[:57]}…"'
    return _plain(value)


def _parent(where: str) -> str:
    return where.rpartition(".")[0]
