"""YAML and schemas: each mistake in words, with its place and the way out; never a dump, never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from ruralpanel.project.problems import Problem
from ruralpanel.project.schema import check_schema
from ruralpanel.project.yaml import config_path, line_of, load_document, load_yaml, parse_document, with_lines

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["title"],
    "properties": {
        "title": {"type": "string", "description": "What the report is called. Long explanation."},
        "years": {"type": "object", "additionalProperties": {"enum": ["drop", "dummy"]}},
        "jump": {"type": "number", "exclusiveMinimum": 0},
        "units": {"type": "array", "items": {"type": "string"}, "uniqueItems": True, "minItems": 1},
        "names": {"type": "object", "propertyNames": {"pattern": "^[a-z]+$", "description": "Small letters"}},
        "model": {"$ref": "#/$defs/model"},
        "variable": {
            "oneOf": [
                {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["source", "series"],
                    "properties": {"source": {"type": "string"}, "series": {"type": "string"}, "measure": {}},
                },
                {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["formula"],
                    "properties": {"formula": {"type": "string"}, "measure": {}},
                },
            ]
        },
        "weights": {"anyOf": [{"type": "null"}, {"type": "string"}]},
        "rule": {"anyOf": [{"enum": ["error", "drop"]}, {"type": "object", "required": ["because"]}]},
    },
    "$defs": {
        "model": {
            "type": "object",
            "required": ["estimator"],
            "properties": {"estimator": {"enum": ["fe", "iv"], "description": "How it is estimated"}},
            "if": {"properties": {"estimator": {"const": "iv"}}, "required": ["estimator"]},
            "then": {
                "required": ["instruments"],
                "properties": {"instruments": {"type": "array", "description": "What moves the regressor"}},
            },
            "else": {"properties": {"instruments": False}},
            "unevaluatedProperties": False,
        }
    },
}


def problems(text: str) -> list[str]:
    document = parse_document(text, "c.yaml")
    found = [*document.problems, *with_lines(check_schema(document.values, SCHEMA, "c.yaml"), document.locations)]
    return [str(problem) for problem in found]


def test_a_sound_document() -> None:
    text = "title: x\nyears: {2006: drop}\nmodel: {estimator: iv, instruments: [z]}\nweights: null\nrule: drop\n"
    assert problems(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "titel: x\ntitle: y",
            "c.yaml: titel (line 1): found unknown key; expected one of the known keys; fix: one of",
        ),
        ("titel: x", 'titel (line 1): found unknown key; expected one of the known keys; fix: did you mean "title"?'),
        ("jump: 1", "title: found nothing; expected What the report is called; fix: add `title:`"),
        ("title: 3", "title (line 1): found 3; expected text (What the report is called)"),
        ("title: x\njump: 0", "jump (line 2): found 0; expected more than 0"),
        (
            "title: x\nyears:\n  2006: dropp",
            'years.2006 (line 3): found "dropp"; expected drop | dummy; fix: did you mean',
        ),
        ("title: x\nunits: a", 'units (line 2): found "a"; expected a list'),
        ("title: x\nunits: [a, a]", 'units (line 2): found "a" twice'),
        ("title: x\nunits: []", "units (line 2): found a list of 0; expected at least 1 in the list"),
        ("title: x\nunits:\n- a\n- 2", "units[1] (line 4): found 2; expected text"),
        ("title: x\nnames: {Ab: 1}", 'names.Ab (line 2): found the key "Ab"; expected Small letters'),
        (
            "title: x\nmodel: {estimator: fee}",
            'model.estimator (line 2): found "fee"; expected fe | iv; fix: did you mean',
        ),
        (
            "title: x\nmodel: {estimator: iv}",
            "model.instruments (line 2): found nothing; expected What moves the regressor",
        ),
        (
            "title: x\nmodel: {estimator: fe, instruments: [z]}",
            "model.instruments (line 2): found a list of 1; expected nothing",
        ),
        ("title: x\nmodel: {estimator: fe, estimtor: iv}", "model.estimtor (line 2): found unknown key"),
        ("title: x\nvariable: {formula: 3}", "variable.formula (line 2): found 3; expected text"),
        (
            "title: x\nvariable: {source: a, serie: b}",
            "variable.serie (line 2): found unknown key; expected one of the known",
        ),
        ("title: x\nvariable: 3", "variable (line 2): found 3; expected keys and values"),
        ("title: x\nweights: 3", "weights (line 2): found 3; expected null or text"),
        (
            "title: x\nrule: dropp",
            'rule (line 2): found "dropp"; expected error | drop or keys and values; fix: did you mean "drop"?',
        ),
        ("title: x\nvariable: {formula: lag(a, 1), measure: km}", "put text that contains a comma in quotes"),
    ],
)
def test_each_mistake(text: str, expected: str) -> None:
    found = problems(text)
    assert any(expected in problem for problem in found), found


def test_a_wrong_choice_does_not_blame_what_depends_on_it() -> None:
    found = problems("title: x\nmodel: {estimator: ivv, instruments: [z]}")
    assert len(found) == 1
    assert "model.estimator" in found[0]


def test_all_at_once() -> None:
    found = problems("titel: x\njump: -1\nunits: [1, 2]\nmodel: {estimator: gmm}\n")
    assert {p.split(" (line")[0].split(": ")[1] for p in found} >= {
        "titel",
        "jump",
        "units[0]",
        "units[1]",
        "model.estimator",
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\nb: 2\na: 3\n", "a (line 3): found the key again (first in line 1)"),
        ("a:\n  b: 1\n  b: 2\n", "a.b (line 3): found the key again"),
        ("a: [1\nb: 2", "line 2, column 2: found no ',' or ']'"),
        ("a:\n\tb: 1", "indent with blanks, not tabs"),
        ("a: b: c", 'quote the text: a: "b: c"'),
        ("- 1", "found a list; expected keys and values"),
        ("just words", "found the single value 'just words'"),
        ("", "an empty file"),
        ("a: &x [*x]", "an alias that contains itself"),
        ("a: !python/object:os.system 1", "the tag"),
        ("{[a]: 1}", "a list or mapping as a key"),
        ("a: \x00", "line 1: found the control character U+0000"),
        ('a: "\\x01b"', "a (line 1): found the control character U+0001"),
        ('"a\\x02": b', "the control character U+0002 in a key"),
        ("title: Wage: main", 'quote the text: title: "Wage: main"'),
        ("m:\n- title: Wage: main, 2", 'quote the text: title: "Wage: main, 2"'),
        ("a: {title: Wage: main}", "put text that contains a colon in quotes"),
        ("a: b\n  c: d", "check the indentation"),
        ("a: b\nlanguage：en\nc: d", 'line 2: found a full-width colon after "language"'),
        ("a: b\nlanguage：en\nc: d", "write a plain colon and a blank: language: en"),
        ("models：\n  m: 1", "write a plain colon and a blank: models:"),
        ("models:\n  m：\n    estimator: fe", "line 2: found a full-width colon"),
        ("title：x", "line 1: found a full-width colon"),
        ("a:1\nb: 2", "line 1: found a colon without a blank after it"),
        ("a: {title: Provinces, 2012–2019}", 'put text that contains a comma in quotes: title: "Provinces, 2012–2019"'),
        ("a: {drop}", '"drop" without a value'),
        ("a: [1, 2\nb: 3", "close the bracket that opens in line 1"),
        ('a: "b\nc: d\n', "line 1, column 4: found a quotation mark that is never closed"),
        ("a: {<<: b, c: d}\n", "line 1, column 9: found << before what are no keys and values"),
        ("a: &one {b: 1}\nc: {<<: *onne}\n", "line 2, column 9: found a name after * that nothing above bears"),
        ("a: 'don't do'", "double a quotation mark"),
        ("a: b\n---\nc: d", "one document"),
        ("null: 1", 'line 1: found "null", which YAML reads as nothing, as a key'),
        ("true: 1", "as a key; expected text or a whole number"),
        ("1.5: 1", "as a key; expected text or a whole number"),
        ("[" * 3000 + "]" * 3000, "YAML"),
        ("a: 0x", "YAML"),
    ],
)
def test_bad_yaml(text: str, words: str) -> None:
    document = parse_document(text, "c.yaml")
    if text == "a: 0x":  # no number: text
        assert document.values == {"a": "0x"}
        return
    assert any(words in str(problem) for problem in document.problems), document.problems


@pytest.mark.slow
def test_nested_aliases_do_not_hang() -> None:
    lines = ["a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"{c}: &{c} [{', '.join(['*' + p] * 9)}]" for p, c in zip("abcdefgh", "bcdefghi", strict=True)]
    document = parse_document("\n".join(lines), "c.yaml")
    assert "more than 500,000 values" in str(document.problems[0])


def test_scalars_are_those_of_yaml_1_2() -> None:
    text = "a: 2024-01-02\nb: no\nc: 1e-3\nd: .5\ne: 0x1F\nf: ~\ng:\nh: true\ni: 1_000\n2006: x\n"
    expected = {
        "a": "2024-01-02",
        "b": "no",
        "c": 0.001,
        "d": 0.5,
        "e": 31,
        "f": None,
        "g": None,
        "h": True,
        "i": "1_000",
    }
    assert parse_document(text, "").values == {**expected, "2006": "x"}


def test_merged_keys_are_no_duplicates() -> None:
    document = parse_document("x: &a {p: 1, q: 2}\ny:\n  <<: *a\n  p: 3\n", "")
    assert document.values["y"] == {"p": 3, "q": 2}
    assert not document.problems


def test_lines_of_paths() -> None:
    document = parse_document("models:\n  baseline:\n    regressors:\n    - a\n    - b\n", "")
    assert document.locations[config_path(("models", "baseline", "regressors", 1))] == 5
    assert line_of("models.baseline.outcome", document.locations) == 2
    assert line_of("models.baseline.regressors[7]", document.locations) == 3
    assert line_of("other", document.locations) is None
    assert with_lines([Problem("f", "", "x", "y")], document.locations) == [Problem("f", "", "x", "y")]


def test_files(tmp_path: Path) -> None:
    assert "no such file" in str(load_yaml(tmp_path / "none.yaml", "none.yaml")[1][0])
    assert "a folder" in str(load_yaml(tmp_path)[1][0])
    (tmp_path / "gbk.yaml").write_bytes("a: 1\nb: 贵州\n".encode("gbk"))
    assert "line 2: found bytes that are not UTF-8" in str(load_yaml(tmp_path / "gbk.yaml")[1][0])
    (tmp_path / "mark.yaml").write_bytes("\ufeffa: 1\n".encode())
    assert load_document(tmp_path / "mark.yaml").values == {"a": 1}
