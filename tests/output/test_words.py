"""The catalogues of fixed words: the same keys and places in both languages, and every key that the package names."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import ROOT
from ruralpanel.output.words import FOLDER, catalogue, has_word, said, word
from ruralpanel.project.notes import note

PACKAGE = ROOT / "workflow" / "ruralpanel"


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def calls(name: str, folder: str) -> Iterator[tuple[Path, ast.Call]]:
    for path in sorted((PACKAGE / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
                yield path, node


def codes(node: ast.expr) -> Iterator[str]:
    """The texts that an argument is, or is composed of."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    children = {ast.IfExp: ("body", "orelse"), ast.BinOp: ("left", "right")}.get(type(node), ())
    for name in children:
        yield from codes(getattr(node, name))
    for part in node.values if isinstance(node, ast.JoinedStr) else ():
        yield from codes(part)


def test_both_languages_have_the_same_keys_and_places() -> None:
    english, chinese = catalogue("en"), catalogue("zh")
    assert {file.name for file in (FOLDER / "en").iterdir()} == {file.name for file in (FOLDER / "zh").iterdir()}
    assert list(english) == list(chinese)
    assert {key: places(text) for key, text in english.items()} == {key: places(text) for key, text in chinese.items()}


def test_every_word_that_is_asked_for_by_name_is_there() -> None:
    named = [(path, codes(call.args[0]), call.args[0]) for path, call in calls("word", "output")]
    whole = [(path, text) for path, texts, node in named if not isinstance(node, ast.JoinedStr) for text in texts]
    assert len(whole) > 100
    assert not [f"{path.name}: {key}" for path, key in whole if not has_word(key)]


def test_no_word_of_a_language_stands_in_the_code_of_outputs() -> None:
    """But for what is looked for in labels and measures of users, in either language."""
    allowed = {"texts.py", "sentences.py", "words.py"}
    found = []
    for path in sorted((PACKAGE / "output").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        texts = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
        found += [f"{path.name}: {text}" for text in texts if any("\u4e00" <= sign <= "\u9fff" for sign in text)]
    assert not [line for line in found if line.partition(":")[0] not in allowed]


def stated() -> Iterator[tuple[ast.expr, set[str | None]]]:
    """Every code that computations give, with the names of the values beside it (None among them: further ones)."""
    for folder in ("estimate", "claims", "data", "output"):
        for name, place in (("note", 0), ("reason", 1)):
            for _, call in calls(name, folder):
                yield call.args[place], {keyword.arg for keyword in call.keywords}
        for path in sorted((PACKAGE / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "none":
                    yield node.args[0], {keyword.arg for keyword in node.keywords}


def test_every_note_of_a_computation_has_words_with_its_values() -> None:
    english = catalogue("en")
    found = list(stated())
    assert len(found) > 200
    for argument, given in found:
        if isinstance(argument, (ast.JoinedStr, ast.BinOp)):  # composed: each part is one of some code
            assert all(any(part in key for key in english if key.startswith("said.")) for part in codes(argument))
            continue
        for code in codes(argument):
            texts = [text for key, text in english.items() if f"{key}.".startswith(f"said.{code}.")]
            assert texts, code
            assert None in given or set().union(*map(places, texts)) <= given, (code, given)


def test_no_code_has_words_for_nothing() -> None:
    """Every code of the catalogue stands in the code of computations, whole or in parts."""
    sources = "".join(
        path.read_text(encoding="utf-8")
        for folder in ("estimate", "claims", "data", "project", "output")
        for path in sorted((PACKAGE / folder).rglob("*.py"))
    )
    known = {key.split(".")[1] for key in catalogue("en") if key.startswith("said.")}
    composed = (
        "two_stages_",
        "filtered_",
        "no_coefficient",
        "errors_",
        "weights_",
        "randomised_",
        "must_exceed_",
        "akm",
        "few_",
        "HC",
        "CR",
        "finding_",
        "scatter_",
    )
    assert not [code for code in sorted(known) if f'"{code}"' not in sources and not code.startswith(composed)]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_note_in_words(language: str) -> None:
    factor = note("CR1", G=31, N=248, K=12, counted="slopes", factor=1.0826)
    formula, counted, numbers = said(factor, language)
    assert formula == "CR1: G/(G−1)·(N−1)/(N−K)"
    assert numbers == {
        "en": "G = 31, N = 248, K = 12, factor 1.082600", "zh": "G = 31，N = 248，K = 12，因子 1.082600",
    }[language]  # fmt: skip
    assert counted == {"en": "K: slopes only", "zh": "K 只计斜率"}[language]
    (listed,) = said(note("no_error", terms=["a", "b"]), language)
    assert listed.startswith({"en": "no error of a, b:", "zh": "a，b 无标准误"}[language])
    with pytest.raises(KeyError):
        said(note("no_such_code"), language)
    with pytest.raises(KeyError):
        word("no such word", language)


@pytest.mark.parametrize(("language", "told"), [("en", "9,999 draws"), ("zh", "9,999 次抽样")])
def test_counts_within_statements_have_their_thousands_separated(language: str, told: str) -> None:
    assert told in said(note("placebos", draws=9999), language)[0]
