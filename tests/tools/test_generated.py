"""What is written from the declared keys and kinds is as they stand, and editors know every form of a configuration."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from ruralpanel.project.config_schema import config_schema
from ruralpanel.project.schema import schema_of
from ruralpanel.project.yaml import load_document, text_keys
from ruralpanel.tools.generated import SHORT_SCHEMA, generated, write

ROOT = Path(__file__).resolve().parents[2]
EDITORS = "workflow/schemas/config.schema.json"
FILES = [ROOT / "config.yaml", *sorted(ROOT.glob("config/*.yaml")), *sorted(ROOT.glob("examples/*/config.yaml"))]


@pytest.mark.parametrize("file", list(generated()))
def test_what_is_written_is_current(file: str) -> None:
    assert (ROOT / file).read_text(encoding="utf-8") == generated()[file], "run: python -m ruralpanel schema"


def test_only_what_is_stale_is_written(tmp_path: Path) -> None:
    for file, text in generated().items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text, encoding="utf-8")
    assert write(tmp_path) == ()
    readme = tmp_path / "README.md"
    readme.write_text("Before.\nEstimators: `pooled\nbetween`.\nAfter.\n", encoding="utf-8")
    (tmp_path / EDITORS).unlink()
    assert write(tmp_path) == (EDITORS, "README.md")
    assert readme.read_text(encoding="utf-8").startswith("Before.\nEstimators: `pooled between fe")
    assert readme.read_text(encoding="utf-8").endswith("counterfactual`.\nAfter.\n")


def described(schema: Any, path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(schema, Mapping):
        for name, part in (schema.get("properties") or {}).items():
            if isinstance(part, Mapping):
                yield f"{path}.{name}", part
        for key, part in schema.items():
            if key not in ("if", "then", "oneOf"):
                yield from described(part, f"{path}.{key}")
    elif isinstance(schema, list):
        for part in schema:
            yield from described(part, path)


def test_every_key_is_described() -> None:
    schemas = [config_schema(), schema_of(str(SHORT_SCHEMA))]
    assert not [path for path, part in described(schemas) if "description" not in part and "$ref" not in part]


@pytest.fixture(scope="module")
def editor() -> Draft7Validator:
    schema = json.loads((ROOT / EDITORS).read_text(encoding="utf-8"))
    Draft7Validator.check_schema(schema)
    return Draft7Validator(schema)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_editors_find_nothing_wrong_with_a_right_file(path: Path, editor: Draft7Validator) -> None:
    first, _, _ = path.read_text(encoding="utf-8").partition("\n")
    named = first.removeprefix("# yaml-language-server: $schema=")
    assert (path.parent / named).resolve() == ROOT / EDITORS
    assert [error.message for error in editor.iter_errors(text_keys(load_document(path).values))] == []


MODEL = "models: {m: {estimator: %s, outcome: y, regressors: [x]%s}}"


@pytest.mark.parametrize(("text", "place"), [
    (MODEL % ("fe", ", lag: 1"), "models.m"), (MODEL % ("fe", ", lags: 1"), "models.m"),
    (MODEL % ("cce", ", lags: 0"), "models.m"), (MODEL % ("did", ", method: twoway"), "models.m"),
    (MODEL % ("fee", ""), "models.m"), ("tables: {t: {kind: regression}}", "tables.t"),
    ("presets: {p: {estimator: ppml, treatment: {first: 2000}}}", "presets.p"),
    ("modles: {}", ""), ("panels: {p: 2012}", "panels.p"), ("panels: {p: {periods: 2012}}", "panels.p"),
    ("errors: {e: {vcov: clustr}}", "errors.e"), ("models: {m: {inference: [{vcov: hc, draws: many}]}}", "models.m"),
    ("tables: {t: {type: coverage, panel: p, models: [m]}}", "tables.t"), ("series: {s: {in: km}}", "series.s"),
    ("figures: {f: {type: series, panel: p, variables: [x], curve: c}}", "figures.f"),
    ("claims: {H1: {number: 3}}", "claims.H1"), ("claims: {H1: {expectd: positive}}", "claims.H1"),
])  # fmt: skip
def test_editors_mark_a_mistake_where_it_stands(text: str, place: str, editor: Draft7Validator) -> None:
    found = [".".join(map(str, error.absolute_path)) for error in editor.iter_errors(yaml.safe_load(text))]
    assert found and all(path.startswith(place) for path in found), found


@pytest.mark.parametrize("text", [
    "include: [a.yaml]", "panels: {p: 2012-2019, q: [1998], r: {periods: 2001–2004, by: observation}}",
    "variables: {v: log(x), w: {formula: x}}",
    "series: {s: {from: a.b, in: km, breaks: {2006: drop}}}", "errors: {cr1: {vcov: cluster, by: unit}}",
    "models: {m: {like: p, outcome: y, weights: null, controls: null, inference: [cr1, {vcov: hc}]}}",
    "presets: {p: {like: q, estimator: fe, inference: [cr1]}}", "claims: {H1: {number: 'm[x]', others: ['n[x]']}}",
    "curves: {c: {panel: p, moderator: null}}", "curve_defaults: {effects: [[unit]]}",
    "tables: {t: {type: validity, outcomes: [p.v.2012, {panel: p, variable: v, period: 2012}]}}",
    "maps: {m: {panel: p, clusters: {variable: v, weights_matrix: w}}}",
])  # fmt: skip
def test_editors_know_long_and_short_forms(text: str, editor: Draft7Validator) -> None:
    assert [error.message for error in editor.iter_errors(text_keys(yaml.safe_load(text)))] == []


WORDS = [*sorted(ROOT.glob("config/words/*.yaml")), *sorted(ROOT.glob("examples/*/words/*.yaml"))]


@pytest.mark.parametrize("file", WORDS, ids=lambda file: file.name)
def test_editors_know_every_form_of_words(file: Path) -> None:
    first = file.read_text(encoding="utf-8").partition("\n")[0]
    named = file.parent / first.removeprefix("# yaml-language-server: $schema=")
    schema = json.loads(named.resolve().read_text(encoding="utf-8"))
    Draft7Validator.check_schema(schema)
    words = json.loads(json.dumps(yaml.safe_load(file.read_text(encoding="utf-8"))))
    assert not list(Draft7Validator(schema).iter_errors(words))


@pytest.mark.parametrize(
    "words",
    [
        {"model": {"m": "Main"}},
        {"models": {"m": {"label": "Main"}}},
        {"models": {"m": 3}},
        {"claims": {"H1": {"benchmarks": "none"}}},
        {"report": {"title": "A report"}},
        {"title": ["A report"]},
    ],
)
def test_editors_refuse_what_no_file_of_words_holds(words: Any) -> None:
    schema = json.loads((ROOT / "workflow/schemas/words.schema.json").read_text(encoding="utf-8"))
    assert list(Draft7Validator(schema).iter_errors(words))
