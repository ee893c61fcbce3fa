"""Figures, years, names and encodings as statistical offices write them."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ruralpanel.data.adapters import columns, text
from ruralpanel.project.problems import UserError

YEARBOOK = text.number_rule(thousands=", ")
TABLE = text.number_rule()


@pytest.mark.parametrize(("written", "value"), [
    ("12.54", 12.54), ("１２．５４", 12.54), ("1,234.5", 1234.5), ("1 234 567", 1234567.0), ("１，２３４", 1234.0),
    ("-3.2", -3.2), ("−3.2", -3.2), ("－3.2", -3.2), (".5", 0.5), ("1.23E+05", 123000.0), ("0", 0.0),
    ("12.5①", 12.5), ("12.5¹", 12.5), ("12.5*", 12.5), ("12.5 a)", 12.5), ("12.5[1]", 12.5), ("12.5注1", 12.5),
])  # fmt: skip
def test_figures(written: str, value: float) -> None:
    assert text.number(written, YEARBOOK) == value


@pytest.mark.parametrize(
    "written", ["", " ", "　", "…", "……", "...", "-", "--", "—", "无", "NA", "n.a.", "nan", "①", "."]
)
def test_marks_for_no_figure(written: str) -> None:
    assert text.number(written, YEARBOOK) is None


@pytest.mark.parametrize("written", [
    "12,5", "12.5%", "12(1)", "(12)", "22.", "1.2.3", "inf", "-inf", "1e999", "1e+999", "1E5", "0,123", "1,23", "12 5",
    "٣", "1_000", "约12", "12x", "0x1f", "½", "#N/A", "2012年", "12-13", "+-1", "TRUE",
])  # fmt: skip
def test_what_is_no_figure_is_refused(written: str) -> None:
    with pytest.raises(text.NotANumber):
        text.number(written, YEARBOOK)


def test_declared_marks() -> None:
    rule = text.number_rule(missing=["x", -999], marks=["p", "r "])
    assert text.number("X", rule) is None and text.number("-999", rule) is None
    assert text.number("12.5p", rule) == 12.5
    with pytest.raises(text.NotANumber):
        text.number("12.5q", rule)


def test_decimal_comma() -> None:
    rule = text.number_rule(decimal=",", thousands=".")
    assert text.number("1.234,5", rule) == 1234.5
    with pytest.raises(text.NotANumber):
        text.number("1,234.5", rule)


def test_no_negative_zero() -> None:
    assert math.copysign(1, text.number("-0.0", TABLE) or 0.0) == 1


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_what_programs_print_is_read_exactly(value: float) -> None:
    assert text.number(repr(value), TABLE) == value


@given(
    st.lists(
        st.one_of(
            st.floats(-1e9, 1e9).map(repr),
            st.sampled_from(["", "…", "1,5", "１２", "12①", "x", "-999", " 7"]),
            st.text(max_size=6),
        ),
        min_size=1,
        max_size=30,
    )
)
@settings(max_examples=60)
def test_a_column_is_parsed_like_its_cells(cells: list[str]) -> None:
    rule = text.number_rule(missing=["-999"])
    found = columns.figures(pd.Series(cells, dtype="str"), rule)
    for cell, value, wrong in zip(cells, found.values, found.wrong, strict=True):
        try:
            alone = text.number(cell, rule)
        except text.NotANumber:
            assert wrong and np.isnan(value)
        else:
            assert not wrong and (np.isnan(value) if alone is None else value == alone)


@pytest.mark.parametrize(
    ("written", "year"),
    [
        ("2012年", 2012),
        ("2012", 2012),
        ("２０１２年", 2012),
        ("2012年①", 2012),
        ("2012YY", 2012),
        ("2012年1月", None),
        ("20122", None),
        ("012", None),
    ],
)
def test_years(written: str, year: int | None) -> None:
    assert text.year(written) == year


@pytest.mark.parametrize(("written", "name"), [
    ("  北　京 ", "北 京"), ("北 京 Beijing", "北 京"), ("西藏*", "西藏"), ("Tibet[1]", "Tibet"),
    ("   Inner Mongolia a)", "Inner Mongolia"), ("广西壮族自治区①", "广西壮族自治区"),
])  # fmt: skip
def test_names_of_regions(written: str, name: str) -> None:
    assert text.region_name(written) == name


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
def test_encodings_are_found_out(encoding: str) -> None:
    content = "地区,2012年\n北京市,12.5\n"
    assert text.decode(content.encode(encoding), "f").lstrip("\ufeff") == content


@pytest.mark.parametrize(("raw", "words"), [
    (b"", "empty"), (b" \r\n", "empty"), (b"a,b\x00", "binary"), (("数据" * 20).encode()[:-1], "cut off"),
    (("数据" * 20 + "\n" + "库" * 5).encode().replace("库".encode(), b"\xff\xe5", 1), "row 2"),
])  # fmt: skip
def test_bytes_that_are_no_text(raw: bytes, words: str) -> None:
    with pytest.raises(UserError, match=words):
        text.decode(raw, "f.csv")


def test_declared_encoding_is_held_to() -> None:
    assert text.decode("Québec".encode("latin-1"), "f", "latin-1") == "Québec"
    with pytest.raises(UserError, match="row 1"):
        text.decode("Québec".encode("latin-1"), "f", "utf-8")
    with pytest.raises(UserError, match="name of an encoding"):
        text.decode(b"a", "f", "utf-9")


@pytest.mark.parametrize("written", ["1e-400", "-1E-400", "0." + "0" * 400 + "1", "[12]", "[1]", "¹²", "注1"])
def test_what_would_become_zero_or_nothing_is_refused(written: str) -> None:
    with pytest.raises(text.NotANumber):
        text.number(written, YEARBOOK)
    assert columns.figures(pd.Series([written, "1"], dtype="str"), TABLE).wrong.tolist() == [True, False]


@pytest.mark.parametrize("written", ["0", "0.000", "0e-10", "0E-400"])
def test_zeros_stay_zeros(written: str) -> None:
    assert text.number(written, TABLE) == 0.0


@pytest.mark.parametrize(
    ("written", "year"),
    [
        ("2014年（初步）", 2014),
        ("2014年（初步数）①", 2014),
        ("2014年①（修订）", 2014),
        ("2014p", 2014),
        ("2014 (p)", 2014),
        ("2014(revised)", 2014),
        ("2014年快报数", 2014),
        ("2014\u200b年", 2014),
        ("2012.0", 2012),
        ("2014年末", 2014),
        ("2014年底数（初步）", 2014),
        ("2014年初", None),
        ("2014年末比上年增长", None),
        ("2014年(男)", None),
        ("2014Q1", None),
        ("2014-2015", None),
        ("2100", 2100),
        ("3000", None),
        ("0999", None),
    ],
)
def test_years_with_remarks(written: str, year: int | None) -> None:
    assert text.year(written) == year


@pytest.mark.parametrize(
    ("written", "year"),
    [
        ("2010年", 2010),
        ("2010.0", 2010),
        ("2010/12/31", 2010),
        ("2010-12-31", 2010),
        ("2010.12.31", 2010),
        ("2010-12-31 00:00:00", 2010),
        ("2010年12月31日", 2010),
        ("31/12/2010", 2010),
        ("10/12/31", None),
        ("2010/12-31", None),
        ("2010/13", None),
        ("2010Q5", None),
    ],
)
def test_years_and_dates(written: str, year: int | None) -> None:
    assert text.period(written) == year


@pytest.mark.parametrize(
    "written", ["2012Q3", "2012 q3", "2012-Q3", "Q3 2012", "2012年第三季度", "2012年3季度", "2012年三季度"]
)
def test_quarters(written: str) -> None:
    assert text.period(written) == 4 * 2012 + 2


@pytest.mark.parametrize("written", ["2012-07", "2012/07", "2012M07", "2012年7月", "2012年07月份", "201207"])
def test_months(written: str) -> None:
    assert text.period(written) == 12 * 2012 + 6


def test_dates_are_what_is_asked_for() -> None:
    assert text.period("2012-09-30", "quarter") == 4 * 2012 + 2
    assert text.period("2012年9月30日", "month") == 12 * 2012 + 8
    assert text.period("30/09/2012", "month") is None  # the day or the month may come first
