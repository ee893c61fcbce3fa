"""Years, quarters and months as numbers: what is written and read, and arithmetic between them."""

from __future__ import annotations

import json
import pickle

import pytest

from ruralpanel.project import periods
from ruralpanel.project.expressions import describe
from ruralpanel.project.formulas import parse
from ruralpanel.project.periods import Period, between, frequency, label, shown, written, year_of


@pytest.mark.parametrize(
    ("text", "number", "kind"),
    [
        (2012, 2012, "year"),
        ("2012", 2012, "year"),
        ("2012Q3", 8050, "quarter"),
        ("2012-q1", 8048, "quarter"),
        ("2012-07", 24150, "month"),
        ("2012M7", 24150, "month"),
        ("1000Q1", 4000, "quarter"),
        ("2100Q4", 8403, "quarter"),
        ("1000-01", 12000, "month"),
        ("2100-12", 25211, "month"),
    ],
)
def test_labels_are_numbers(text: int | str, number: int, kind: str) -> None:
    found = periods.parse(text)
    assert (found, frequency(number), year_of(number)) == (number, kind, int(str(text)[:4]))
    assert periods.parse(label(number)) == number


@pytest.mark.parametrize("text", ["2012Q5", "2012-13", "2012-7", "12Q3", "0999Q1", "2012Q", "soon", ""])
def test_what_is_no_period(text: str) -> None:
    assert periods.parse(text) is None


def test_the_period_before_is_one_less() -> None:
    assert [str(p) for p in between(periods.parsed("2011Q3"), periods.parsed("2012Q2"))] == [
        "2011Q3", "2011Q4", "2012Q1", "2012Q2",
    ]  # fmt: skip
    assert label(periods.parsed("2012-01") - 1) == "2011-12"
    assert between(2011, 2013) == (2011, 2012, 2013) and not any(isinstance(p, Period) for p in between(2011, 2013))


def test_a_period_is_a_number_that_shows_its_label() -> None:
    quarter = shown(8050)
    assert quarter == 8050 and f"{quarter}" == str(quarter) == "2012Q3" and f"{quarter:d}" == "8050"
    assert json.dumps({"p": quarter}) == '{"p": 8050}' and written(quarter) == "2012Q3" and written(2012) == 2012
    again = pickle.loads(pickle.dumps(quarter))
    assert str(again) == "2012Q3"
    assert label(-3) == "-3"  # an event time


@pytest.mark.parametrize("text", ["period >= 2012Q3", "value_at(x, period=2012M07)", "period in (2012Q1, 2012Q2)"])
def test_formulas_write_periods(text: str) -> None:
    assert describe(parse(text)) == text


def test_frequencies_do_not_mix() -> None:
    assert periods.mixed([2012, 8050]) and not periods.mixed([8048, 8050])
