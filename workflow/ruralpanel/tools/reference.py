"""docs/configuration.md: every key of a configuration, from its sections and the tables of kinds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from ruralpanel.project.kinds.estimators import ESTIMATORS
from ruralpanel.project.kinds.facts import Keyed
from ruralpanel.project.kinds.figures import FIGURES
from ruralpanel.project.kinds.inference import INFERENCE
from ruralpanel.project.kinds.maps import MAPS
from ruralpanel.project.kinds.options import keys_of_methods
from ruralpanel.project.kinds.tables import TABLES

_KINDS: Mapping[str, tuple[str, Mapping[str, Keyed]]] = {
    "defaults": ("method of inference", INFERENCE),
    "models": ("estimator", ESTIMATORS),
    "tables": ("kind of table", TABLES),
    "figures": ("kind of chart", FIGURES),
    "maps": ("what is shown", MAPS),
}
"""Section → what its kinds are called, and their table."""

_INTRODUCTION = """# Configuration

Every key of `config.yaml`, written by `python -m ruralpanel schema` from `project/sections`, `project/kinds` and, for
the short forms at the end, `workflow/schemas/short.schema.yaml`. A key marked \\* must be there; every other one has
the default shown or none. An unknown key is an error with a suggestion. Editors that know YAML complete keys: the first
line of each file names their schema. Paths are relative to the file that names them. `--configfile other.yaml` replaces
the configuration; `--config key=value` changes single keys of it. Targets stand before `--configfile`, or they are
taken for files.

Periods are years (2012), quarters (2012Q3) or months (2012-07), those of one panel of one kind; every key that takes a
year takes them, breaks of definition and corrections too. In files and on axes they stand as written here; Parquet
files alone count them on, quarters as 4 × year + quarter − 1, months as 12 × year + month − 1.

Of a configuration from elsewhere, trust the paths: whatever they name is read, with your rights. Nothing else in it can
do harm: formulas are parsed and never run, texts that quote numbers are templates in a sandbox, `layout.query` may only
read. YAML that would make Snakemake run code (`__use_yte__`) is refused before, with this folder's profile.
"""

_SHORT_FORMS = """# Short forms

Whatever is said above can be written shorter, in several files, and with its words apart. What an entry comes to, and
where each of its settings is written: `python -m ruralpanel explain models.interaction`. The long forms stay valid;
both may stand in one configuration, but nothing twice.

- `include: [config/models.yaml, …]` reads further files. Only the file that a run names may include others. Sections
  are put together, entry by entry; a key that stands in two files is an error that names both places. Paths in an
  included file are relative to that file.
- `panels: {provinces: 2012-2019, townships_1998: [1998]}`: periods alone, in place of `{periods: …}`.
- `variables: {roads: log(highway_km / land_area_km2)}`: text alone is a formula.
- `inference: [cr1, wild]`: names under `errors`.
- `like: within` in a model: all keys of that preset; the model's own keys go over them, `null` takes one away.
- `number: "baseline[electricity]"`: a model and its term, in place of `estimand`. Statistics are written
  `"joint[statistic residual_correlation]"`, marginal effects in the long form.
- `outcomes: [provinces.rural_industry.2012]` in a table: panel, variable and year.
- `words: config/words` names a folder with a file for each language, `en.yaml` and `zh.yaml`. By section (`panels`,
  `variables`, `samples`, `models`, `claims`, `tables`, `figures`, `maps`) and entry it holds the title, label or claim
  as text, or several kinds of words by key (`{label: …, counts: …}`); under `report` introduction, nouns and contrasts;
  under `breaks`, by variable and year, why a break is accepted; under `numbers`, by `model[term]` or by the term alone,
  what a claim's number is. What a language lacks is shown in the other, and `snakemake check` lists it. Words change
  neither a number nor a verdict.
"""


def reference(schema: Mapping[str, Any], short: Mapping[str, Any]) -> str:
    """The whole reference as Markdown: a section for each key at the top, a line for each below; then short forms."""
    parts = [_INTRODUCTION, "## At the top\n", _table(_rows(schema, schema["$defs"], set(), depth=1))]
    parts += [*_sections(schema), _SHORT_FORMS, _table(_rows(short, short["$defs"], set(), depth=1)), *_sections(short)]
    return "\n".join(parts)


def _sections(schema: Mapping[str, Any]) -> Iterator[str]:
    told: set[str] = set()
    for name, part in schema["properties"].items():
        inner = _resolved(part, schema["$defs"])
        item = inner.get("additionalProperties")
        below = _resolved(item, schema["$defs"]) if isinstance(item, Mapping) else inner
        rows = list(_rows(below, schema["$defs"], told))
        if rows:
            heading = f"{name}: <name>" if isinstance(item, Mapping) else name
            yield from (f"## `{heading}`\n", f"{_description(part) or _description(inner)}.\n", _table(rows))
        if name in _KINDS:
            yield _of_kinds(*_KINDS[name])


def _of_kinds(what: str, kinds: Mapping[str, Keyed]) -> str:
    """Which keys each kind has, those of all kinds apart."""
    shared = set.intersection(*(set(kind.keys) for kind in kinds.values()))
    every = [key for key in next(iter(kinds.values())).keys if key in shared]
    lines = [f"| {what} | keys |", "|---|---|"]
    lines += [f"| all | {', '.join(f'`{key}`' for key in every)} |"] if every else []
    for name, kind in kinds.items():
        methods = [method for method in getattr(kind, "methods", ()) if method]
        variants = f"`method`: {', '.join(f'`{method}`' for method in methods)}" if methods else ""
        keys = ", ".join(_with_default(key, kind) for key in kind.keys if key not in shared)
        lines.append(f"| `{name}` | {'; '.join(filter(None, (variants, keys))) or 'no others'} |")
    return "\n".join(lines) + "\n"


def _with_default(key: str, kind: Keyed) -> str:
    """A key with its star or default, and the methods that have a use for it where they are not all."""
    default, only = kind.defaults.get(key), keys_of_methods(kind.options).get(key, ())
    text = f"`{key}`" + (" \\*" if key in kind.required else f" (`{_shown(default)}`)" if default else "")
    return f"{text} ({', '.join(only)})" if only else text


def _rows(
    schema: Mapping[str, Any], definitions: Mapping[str, Any], told: set[str], prefix: str = "", depth: int = 4
) -> Iterator[tuple[str, str, str]]:
    """A row for each key and for those below it; parts that several sections share (`told`) are taken apart once."""
    required = set(schema.get("required", ()))
    for name, part in schema.get("properties", {}).items():
        if not isinstance(part, Mapping):
            continue
        inner = _resolved(part, definitions)
        star = " \\*" if name in required else ""
        default = f" Default: `{_shown(inner['default'])}`." if "default" in inner else ""
        yield f"`{prefix}{name}`{star}", _kind(inner), f"{_description(part) or _description(inner)}.{default}"
        below = inner.get("items", inner) if inner.get("type") in ("array", "object") else inner
        below = _resolved(below, definitions) if isinstance(below, Mapping) else {}
        if depth > 1 and "properties" in below and part.get("$ref", "") not in told:
            told |= {part["$ref"]} if "$ref" in part else set()
            mark = "[]." if inner.get("type") == "array" else "."
            yield from _rows(below, definitions, told, f"{prefix}{name}{mark}", depth - 1)


def _resolved(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    declared = {key: value for key, value in schema.items() if key != "$ref"}
    if "$ref" in schema:
        return {**_resolved(definitions[schema["$ref"].rsplit("/", 1)[1]], definitions), **declared}
    return schema


def _description(schema: Mapping[str, Any]) -> str:
    return str(schema.get("description", "")).rstrip(".")


def _kind(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return "one of " + ", ".join(f"`{value}`" for value in schema["enum"])
    items = schema.get("items")
    if isinstance(items, Mapping) and "enum" in items:
        return "list of " + ", ".join(f"`{value}`" for value in items["enum"])
    kinds = schema.get("type", "")
    if "anyOf" in schema:
        kinds = list(dict.fromkeys(str(part["type"]) for part in schema["anyOf"] if "type" in part))
    words = {"array": "list", "object": "mapping", "string": "text", "boolean": "true or false"}
    names = [kinds] if isinstance(kinds, str) else list(kinds)
    return " or ".join(words.get(name, name) for name in names if name)


def _shown(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True, allow_unicode=True).strip().removesuffix("...").strip()


def _table(rows: Iterator[tuple[str, str, str]] | list[tuple[str, str, str]]) -> str:
    lines = ["| key | kind | meaning |", "|---|---|---|"]
    lines += ["| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"
