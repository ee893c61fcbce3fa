"""Files written from what the project declares of itself: reference, schema for editors, list of estimators."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from ruralpanel.project.config_schema import config_schema
from ruralpanel.project.files import write_text
from ruralpanel.project.kinds.estimators import ESTIMATORS
from ruralpanel.project.kinds.facts import Estimator, Keyed
from ruralpanel.project.kinds.figures import FIGURES
from ruralpanel.project.kinds.inference import INFERENCE
from ruralpanel.project.kinds.maps import MAPS
from ruralpanel.project.kinds.options import keys_of_methods, properties
from ruralpanel.project.kinds.tables import REGRESSION, TABLES
from ruralpanel.project.periods import PATTERN
from ruralpanel.project.schema import resolved, schema_of
from ruralpanel.project.sections.configuration import Model
from ruralpanel.project.words import words_schema

_KINDS: Mapping[str, tuple[str, Mapping[str, Keyed]]] = {
    "defaults": ("method of inference", INFERENCE),
    "models": ("estimator", ESTIMATORS),
    "tables": ("kind of table", TABLES),
    "figures": ("kind of chart", FIGURES),
    "maps": ("what is shown", MAPS),
}
"""Section → what its kinds are called, and their table."""

ROOT = Path(__file__).resolve().parents[3]
SHORT_SCHEMA = Path(__file__).resolve().parents[2] / "schemas" / "short.schema.yaml"
_LIST = re.compile(r"Estimators: `[^`]*`\.")


def generated(root: Path = ROOT) -> Mapping[str, str]:
    """File, relative to the project's folder → what it holds as the project stands.

    README.md is read for what stands around the list of estimators.
    """
    long, short = config_schema(), schema_of(str(SHORT_SCHEMA))
    schema = json.dumps(editor_schema(long, short), indent=1, ensure_ascii=False)
    names = textwrap.fill(f"Estimators: `{' '.join(ESTIMATORS)}`.", 120)
    return {
        "docs/configuration.md": reference(long, short),
        "workflow/schemas/config.schema.json": schema + "\n",
        "workflow/schemas/words.schema.json": json.dumps(words_schema(), indent=1, ensure_ascii=False) + "\n",
        "README.md": _LIST.sub(lambda _: names, (root / "README.md").read_text(encoding="utf-8")),
    }


def write(root: Path = ROOT) -> tuple[str, ...]:
    """Write the files that are not as they should be, and name them."""
    changed = []
    for file, text in generated(root).items():
        place = root / file
        if not place.is_file() or place.read_text(encoding="utf-8") != text:
            write_text(place, text)
            changed.append(file)
    return tuple(changed)


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

Of a configuration from elsewhere, trust the paths: whatever they name is read, with your rights, and `snakemake fetch`
puts what it downloads where they say, never over a file of yours. Nothing else in it can do harm: formulas are parsed
and never run, texts that quote numbers are templates in a sandbox, `layout.query` may only read. YAML that would make
Snakemake run code (`__use_yte__`) is refused before, with this folder's profile.
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
- `evidence_from: ../counties/results` in the report, or `{counties: ../counties/results}`: the folder alone.
- `words: config/words` names a folder with a file for each language, `en.yaml` and `zh.yaml`. By section (`panels`,
  `variables`, `samples`, `models`, `claims`, `tables`, `figures`, `maps`) and entry it holds the title, label or claim
  as text, or several kinds of words by key (`{label: …, counts: …}`); under `report` introduction, nouns and contrasts;
  under `breaks`, by variable and year, why a break is accepted; under `numbers`, by `model[term]` or by the term alone,
  what a claim's number is. What a language lacks is shown in the other, and `snakemake check` lists it. Words change
  neither a number nor a verdict.
"""


def reference(schema: Mapping[str, Any], short: Mapping[str, Any]) -> str:
    """The whole reference as Markdown: a section for each key at the top, a line for each below; then short forms."""
    parts = [_INTRODUCTION, "## At the top\n", _table(_rows(schema, schema, set(), depth=1))]
    parts += [*_sections(schema), _SHORT_FORMS, _table(_rows(short, short, set(), depth=1)), *_sections(short)]
    return "\n".join(parts)


def _sections(schema: Mapping[str, Any]) -> Iterator[str]:
    told: set[str] = set()
    for name, part in schema["properties"].items():
        inner = resolved(part, schema)
        item = inner.get("additionalProperties")
        below = resolved(item, schema) if isinstance(item, Mapping) else inner
        rows = list(_rows(below, schema, told))
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
    schema: Mapping[str, Any], root: Mapping[str, Any], told: set[str], prefix: str = "", depth: int = 4
) -> Iterator[tuple[str, str, str]]:
    """A row for each key and for those below it; parts that several sections share (`told`) are taken apart once."""
    required = set(schema.get("required", ()))
    for name, part in schema.get("properties", {}).items():
        if not isinstance(part, Mapping):
            continue
        inner = resolved(part, root)
        star = " \\*" if name in required else ""
        default = f" Default: `{_shown(inner['default'])}`." if "default" in inner else ""
        yield f"`{prefix}{name}`{star}", _kind(inner), f"{_description(part) or _description(inner)}.{default}"
        below = inner.get("items", inner) if inner.get("type") in ("array", "object") else inner
        below = resolved(below, root) if isinstance(below, Mapping) else {}
        mark = "[]." if inner.get("type") == "array" else "."
        if isinstance(entry := below.get("additionalProperties"), Mapping) and "properties" in entry:
            below, mark = entry, ".<name>."
        if depth > 1 and "properties" in below and part.get("$ref", "") not in told:
            told |= {part["$ref"]} if "$ref" in part else set()
            yield from _rows(below, root, told, f"{prefix}{name}{mark}", depth - 1)


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
    parts["table"] = _kind_table(parts["table"])
    keys = parts["report"]["properties"]
    evidence = keys["evidence_from"]
    folder = evidence["additionalProperties"]["properties"]["results"]
    several = {**evidence, "additionalProperties": {"anyOf": [folder, evidence["additionalProperties"]]}}
    either = {"anyOf": [folder, several], "description": several.pop("description")}
    parts["report"] = {**parts["report"], "properties": {**keys, "evidence_from": either}}
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
    lists = {name: {**keys[name], "items": {"anyOf": [_NUMBER, keys[name]["items"]]}} for name in ("others", "through")}
    return {
        **{name: value for name, value in hypothesis.items() if name != "required"},
        "properties": {
            "number": parts["number"],
            **keys,
            "estimand": estimand,
            **lists,
            "untestable": untestable,
        },
    }


def _kind_table(table: Mapping[str, Any]) -> dict[str, Any]:
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
