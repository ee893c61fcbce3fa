"""Corrections: read strictly, all mistakes at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from ruralpanel.project.corrections import load_corrections
from ruralpanel.project.problems import UserError

GOOD = """corrections:
- source: nbs
  series: roads
  unit: CN-TJ
  year: 1998
  action: replace
  expect: 4335
  value: 8650
  reason: >-
    Misprint of one digit, as the row
    adds up otherwise.
  provider: ours
"""


def load(tmp_path: Path, text: str) -> tuple:
    path = tmp_path / "corrections.yaml"
    path.write_text(text, encoding="utf-8")
    return load_corrections(path, "corrections.yaml")


def faults(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(UserError) as caught:
        load(tmp_path, text)
    return [str(problem) for problem in caught.value.problems]


def test_a_replacement(tmp_path: Path) -> None:
    (correction,) = load(tmp_path, GOOD)
    assert (correction.unit, correction.year, correction.expect, correction.value) == ("CN-TJ", 1998, 4335.0, 8650.0)
    assert correction.text == "replaced 4335 by 8650: Misprint of one digit, as the row adds up otherwise."
    assert correction.where == "corrections[0]"


def test_other_actions_say_what_they_do(tmp_path: Path) -> None:
    subtract = GOOD.replace("replace", "subtract")
    assert load(tmp_path, subtract)[0].text.startswith("subtracted 8650 from 4335:")
    blank = GOOD.replace("replace", "blank").replace("  value: 8650\n", "")
    assert load(tmp_path, blank)[0].text.startswith("blanked 4335:")
    whole = blank.replace("CN-TJ", "all").replace("expect: 4335", "expect_sum: 99")
    assert load(tmp_path, whole)[0].text.startswith("blanked: ")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "replace",
            "replce",
            'action (line 6): found "replce"; expected replace | blank | subtract; fix: did you mean "replace"?',
        ),
        ("expect:", "expct:", "expct (line 7): found unknown key"),
        ("  value: 8650\n", "", "value (line 2): found nothing"),
        ("replace", "blank", "value (line 8): found 8650"),
        ("CN-TJ", "all", "expect_sum (line 2): found nothing"),
        ("year: 1998", "year: '1998'", 'year (line 5): found "1998"; expected a whole number'),
        ("  provider: ours\n", "", "provider (line 2): found nothing"),
    ],
)
def test_each_fault(tmp_path: Path, old: str, new: str, words: str) -> None:
    found = faults(tmp_path, GOOD.replace(old, new))
    assert any(words in f for f in found), found


def test_two_repairs_of_one_figure(tmp_path: Path) -> None:
    found = faults(tmp_path, GOOD + GOOD.removeprefix("corrections:\n"))
    assert found == [
        "corrections.yaml: corrections[1] (line 13): found the figure that corrections[0] repairs; "
        "expected one repair per figure"
    ]
