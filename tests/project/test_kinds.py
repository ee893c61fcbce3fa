"""The tables of kinds are whole, and the only place that tells one kind from another by its name."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from ruralpanel.project.jobs import open_project
from ruralpanel.project.kinds.adapters import ADAPTERS
from ruralpanel.project.kinds.estimators import ESTIMATORS
from ruralpanel.project.kinds.facts import Estimator, function
from ruralpanel.project.kinds.figures import FIGURES
from ruralpanel.project.kinds.inference import INFERENCE
from ruralpanel.project.kinds.maps import MAPS
from ruralpanel.project.kinds.options import Options, keys_of_methods, properties
from ruralpanel.project.kinds.tables import TABLES

ROOT = Path(__file__).resolve().parents[2]
WORKFLOW = ROOT / "workflow"
PACKAGE = WORKFLOW / "ruralpanel"
TEXTS = {language: WORKFLOW / "report" / "text" / f"{language}.yaml" for language in ("en", "zh")}
OUTPUT_WORDS = [WORKFLOW / "words" / language / "outputs.yaml" for language in ("en", "zh")]

ALL: Mapping[str, Mapping[str, Any]] = {
    "estimators": ESTIMATORS,
    "inference": INFERENCE,
    "tables": TABLES,
    "figures": FIGURES,
    "maps": MAPS,
    "adapters": ADAPTERS,
}
PLACES = ("fit", "refit", "rejections", "infer", "with_instruments", "build", "read")
"""Attributes that name a ``module:function``."""

HOMES = {
    "estimators": ("estimate/families",),
    "inference": ("estimate/inference", "estimate/families"),
    "tables": ("output/tables",),
    "figures": ("output/charts",),
    "maps": ("output/maps",),
    "adapters": ("data/adapters", "tools/fetch"),
}
"""Below `ruralpanel`: where the kinds themselves live, and may call themselves by name."""


def entries() -> list[tuple[str, str]]:
    return [(table, name) for table, kinds in ALL.items() for name in kinds]


@pytest.mark.parametrize(("table", "name"), entries())
def test_an_entry_is_whole(table: str, name: str) -> None:
    """What it names is there: functions in the kinds' own folder, methods behind keys, pages, tests, words."""
    kind = ALL[table][name]
    missing = [problem for problem in problems_of(table, name, kind) if problem]
    assert not missing, "\n".join(missing)


def problems_of(table: str, name: str, kind: Any) -> Iterator[str]:
    for attribute in PLACES:
        place = getattr(kind, attribute, "")
        if place:
            yield from _function_problems(table, name, attribute, place)
    methods = getattr(kind, "methods", {})
    for key, only in keys_of_methods(kind.options).items() if hasattr(kind, "options") else ():
        for method in set(only) - set(methods):
            yield f"{table}.{name}.{key}: no method {method}"
    for key, part in properties(kind.options).items() if hasattr(kind, "options") else ():
        if not part.get("description"):
            yield f"{table}.{name}.{key}: no description"
    if isinstance(kind, Estimator):
        yield from _estimator_problems(name, kind)
    if table == "inference":
        if f"`{kind.key}: {name}`" not in page_of("inference"):
            yield f"docs/inference.md does not name `{kind.key}: {name}`"
        for file in OUTPUT_WORDS:
            if name not in yaml.safe_load(file.read_text(encoding="utf-8"))["setting"]["methods"]:
                yield f"{file.relative_to(ROOT)}: no setting.methods.{name}"
    if table in ("tables", "figures", "maps") and f"`{name}`" not in page_of("tables"):
        yield f"docs/tables.md does not name `{name}`"
    if table == "adapters" and f"`{name}`" not in page_of("adapters"):
        yield f"docs/adapters.md does not name `{name}`"


def page_of(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


def _function_problems(table: str, name: str, attribute: str, place: str) -> Iterator[str]:
    module = place.split(":")[0]
    homes = tuple(f"ruralpanel.{home.replace('/', '.')}" for home in HOMES[table])
    if not module.startswith(homes):
        yield f"{table}.{name}.{attribute}: {module} is not below {' or '.join(homes)}"
    try:
        found = function(place)
    except (ImportError, AttributeError) as error:
        yield f"{table}.{name}.{attribute}: {place}: {error}"
        return
    if not inspect.getdoc(found):
        yield f"{table}.{name}.{attribute}: {place} says nothing of itself"


def _estimator_problems(name: str, kind: Estimator) -> Iterator[str]:
    page, test = ROOT / "docs" / kind.page, ROOT / kind.reference
    if not page.is_file():
        yield f"docs/{kind.page} is not there"
    if f"`{name}`" not in page_of("estimators"):
        yield f"docs/estimators.md does not name `{name}`"
    if not test.is_file():
        yield f"{kind.reference} is not there"
    elif not _is_named(name, test):
        yield f"{kind.reference}, and the numbers beside it, do not name {name}"
    for language, file in TEXTS.items():
        words = yaml.safe_load(file.read_text(encoding="utf-8"))["methods"]
        for key in ("estimator", "estimator_name"):
            if not words[key].get(name):
                yield f"{file.relative_to(ROOT)} ({language}): no methods.{key}.{name}"
    for key in {*kind.required, *kind.one_of} - set(kind.keys):
        yield f"estimators.{name}: {key} is none of its keys"


def _is_named(name: str, test: Path) -> bool:
    """Whether a test, or the stored numbers that it reads, has the estimator."""
    numbers = [path for path in test.parent.glob("numbers*.yaml") if path.name in test.read_text(encoding="utf-8")]
    return any(name in path.read_text(encoding="utf-8") for path in (test, *numbers))


@pytest.mark.parametrize("table", [table for table in ALL if table != "adapters"])
def test_a_key_means_the_same_kind_of_value_everywhere(table: str) -> None:
    """The schema has one entry for a key of many kinds: only words, choices and defaults may differ between them."""
    seen: dict[str, tuple[str, Any]] = {}
    for name, kind in ALL[table].items():
        for key, part in properties(kind.options).items():
            shape = {k: v for k, v in part.items() if k not in ("description", "only", "default", "enum")}
            shape |= {"type": "string"} if isinstance(next(iter(part.get("enum", ())), None), str) else {}
            first, known = seen.setdefault(key, (name, shape))
            assert shape == known, f"{table}: {key} of {first} and of {name}"


def test_importing_the_tables_loads_nothing_heavy() -> None:
    modules = [f"ruralpanel.project.kinds.{name}" for name in ALL]
    code = f"import sys; import {', '.join(modules)}; print(*sorted({{'numpy', 'pandas', 'scipy'}} & set(sys.modules)))"
    import subprocess
    import sys

    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""


def test_keys_of_kinds_are_written_in_one_style() -> None:
    for table in (ESTIMATORS, INFERENCE, TABLES, FIGURES, MAPS):
        for kind in table.values():
            assert issubclass(kind.options, Options)
            assert importlib.import_module(kind.options.__module__).__name__.startswith("ruralpanel.project.kinds.")


def test_classes_take_what_a_configuration_says() -> None:
    """The schema is made of the classes, and they are classes all the same: what passes one passes the other."""
    config = open_project([ROOT / "config.yaml"])
    for section, items in (("tables", config.tables), ("figures", config.figures), ("maps", config.maps)):
        for name, item in items.items():
            values = {key: value for key, value in config.resolved[section][name].items() if key != "type"}
            assert item.options.model_dump(exclude_unset=True, mode="json") == values


# The search for names of kinds in the code.

WORDS_TOO = {
    "akm", "akm0", "bacon", "between", "by_unit", "classical", "cluster", "clusters", "coefficients", "coverage",
    "decomposition", "diagnostics", "dynamic", "event_study", "heterogeneity", "leave_one_out", "marginal_effect",
    "model", "own", "permutation", "policy", "power", "reconciliation", "regimes", "regression", "robustness",
    "scorecard", "sensitivity", "series", "spatial", "specification_curve", "table", "treatment", "validity",
    "variables",
}  # fmt: skip
"""Names of kinds that are also fields of results, keys of the configuration or plain words: these may stand in the
code, but nothing may be compared with them where a kind is meant, and no list of kinds be made of them."""

ASKED_AS = {
    "estimators": ("estimator", "kind"),
    "inference": ("method", "setting"),
    "tables": ("type", "kind"),
    "figures": ("type",),
    "maps": ("type",),
    "adapters": ("adapter",),
}
"""What a kind is called where it is compared or passed."""


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def files() -> list[Path]:
    return sorted(p for p in WORKFLOW.rglob("*.py") if "__pycache__" not in p.parts)


def at_home(path: Path, table: str) -> bool:
    relative = path.relative_to(PACKAGE).as_posix() if PACKAGE in path.parents else path.name
    return relative.startswith(("project/kinds/", *HOMES[table]))


@cache
def telling(tree: ast.AST) -> list[ast.AST]:
    """The nodes that may hold the name of a kind, without docstrings."""
    nodes = list(ast.walk(tree))
    docs = {id(node.value) for node in nodes if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)}
    kinds = (ast.Constant, ast.Compare, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.Call)
    return [node for node in nodes if isinstance(node, kinds) and id(node) not in docs]


def literals(tree: ast.AST, table: str) -> Iterator[tuple[int, str]]:
    """(line, name) of every text that is the name of a kind and nothing else."""
    names = frozenset(name for name in ALL[table] if name)
    plain = names - WORDS_TOO
    for node in telling(tree):
        if isinstance(node, ast.Constant) and node.value in plain:
            yield node.lineno, str(node.value)
        elif isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            if any(_asks(side, ASKED_AS[table]) for side in sides):
                yield from ((node.lineno, text) for side in sides for text in _texts(side) if text in names)
        elif isinstance(node, ast.List | ast.Tuple | ast.Set | ast.Dict):
            texts = _texts(node)
            if len(texts) > 1 and set(texts) <= names:
                yield from ((node.lineno, text) for text in texts)
        elif isinstance(node, ast.Call):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            given = [w.value for w in node.keywords if w.arg in ASKED_AS[table]]
            given += node.args[:1] if called == "InferenceSpec" else []
            yield from ((node.lineno, text) for value in given for text in _texts(value) if text in names)


def _asks(node: ast.AST, words: tuple[str, ...]) -> bool:
    return not _texts(node) and _last_word(node).endswith(words)


@cache
def _last_word(node: ast.AST) -> str:
    return ast.unparse(node).rsplit(".", 1)[-1].strip("[]'\"()")


def _texts(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.Dict):
        return [text for key in node.keys if key is not None for text in _texts(key)]
    items = getattr(node, "elts", None)
    return [text for item in items for text in _texts(item)] if items else []


@pytest.mark.parametrize("table", list(ALL))
def test_no_name_of_a_kind_stands_outside_the_tables(table: str) -> None:
    """To ask what a kind is, ask its entry: ``if estimator in ("did", …)`` is `kind.evidence == "policy"`."""
    found = []
    for path in files():
        if not at_home(path, table):
            hits = dict.fromkeys(literals(parsed(path), table))
            found += [f"{path.relative_to(ROOT)}:{line}: {name}" for line, name in hits]
    assert not found, "\n".join(found)


def test_the_search_finds_names_however_they_are_used() -> None:
    text = """
"did"
if spec.estimator == "between": pass
if model["estimator"] in ("spatial", "own"): pass
KINDS = {"decomposition": 1, "spatial": 2}
row["spatial"], {"spatial": 1}, evidence == "between"
replace(spec, estimator="event_study")
x = "ppml"
"""
    found = list(literals(ast.parse(text), "estimators"))
    assert sorted(found) == [
        (3, "between"), (4, "spatial"), (5, "decomposition"), (5, "spatial"), (7, "event_study"), (8, "ppml"),
    ]  # fmt: skip
