"""Measures: every unit string of the shipped sources, exact factors, and what must not convert."""

from __future__ import annotations

from fractions import Fraction

import pytest

from ruralpanel.project.measures import Measure, MeasureError, conversion, convert_factor, parse


@pytest.mark.parametrize(
    ("text", "factor", "base"),
    [
        ("10^4 km", 10**4, "km"),
        ("10**4 km", 10**4, "km"),
        ("1e4 km", 10**4, "km"),
        ("10,000 km", 10**4, "km"),
        ("10^8 CNY", 10**8, "CNY"),
        ("person", 1, "person"),
        ("persons", 1, "person"),
        ("10k persons", 10**4, "person"),
        ("10^3 hectare", 10**3, "hectare"),
        ("thousand hectares", 10**3, "hectare"),
        ("million USD", 10**6, "USD"),
        ("CNY/household", 1, "CNY/household"),
        ("vehicle/100 household", Fraction(1, 100), "vehicle/household"),
        ("vehicles per 100 households", Fraction(1, 100), "vehicle/household"),
        ("person/100000 person", Fraction(1, 10**5), "share"),
        ("percent", Fraction(1, 100), "share"),
        ("share", 1, "share"),
        ("per_mille", Fraction(1, 1000), "share"),
        ("index (previous year = 100)", 1, "index (previous year = 100)"),
        ("index (previous year = 1)", 100, "index (previous year = 100)"),
        ("index (2010 = 100)", 1, "index (2010 = 100)"),
        ("kWh", 1, "kWh"),
        ("GWh", 10**6, "kWh"),
        ("kW", 1, "kW"),
        ("mu", Fraction(1, 15), "hectare"),
        ("km2", 100, "hectare"),
        ("km^2", 100, "hectare"),
        ("km²", 100, "hectare"),
        ("ton", 1, "ton"),
        ("ton_km", 1, "ton_km"),
        ("10^8 ton km", 10**8, "ton_km"),
        ("ton-km", 1, "ton_km"),
        ("CNY@2010", 1, "CNY@2010"),
        ("10^8 CNY@2010/person", 10**8, "CNY@2010/person"),
        ("万人", 10**4, "person"),
        ("亿元", 10**8, "CNY"),
        ("万公里", 10**4, "km"),
        ("公里", 1, "km"),
        ("千米", 1, "km"),
        ("亿千瓦小时", 10**8, "kWh"),
        ("亿千瓦时", 10**8, "kWh"),
        ("万千瓦", 10**4, "kW"),
        ("千公顷", 10**3, "hectare"),
        ("亩/人", Fraction(1, 15), "hectare/person"),
        ("元/户", 1, "CNY/household"),
        ("辆/百户", Fraction(1, 100), "vehicle/household"),
        ("万户", 10**4, "household"),
        ("件", 1, "item"),
        ("%", Fraction(1, 100), "share"),
        ("‰", Fraction(1, 1000), "share"),
        ("人", 1, "person"),
        ("万美元", 10**4, "USD"),
        ("上年=100", 1, "index (previous year = 100)"),
        ("（上年＝100）", 1, "index (previous year = 100)"),
        ("亿吨公里", 10**8, "ton_km"),
        ("万人次", 10**4, "passenger"),
        ("人/平方公里", Fraction(1, 100), "person/hectare"),
        ("万亿元", 10**12, "CNY"),
        ("公斤/公顷", Fraction(1, 1000), "ton/hectare"),
    ],
)
def test_reads_english_and_chinese(text: str, factor: Fraction | int, base: str) -> None:
    assert parse(text) == Measure(Fraction(factor), base)


@pytest.mark.parametrize(
    ("source", "target", "factor"),
    [
        ("10^4 km", "km", 10000.0),
        ("万人", "10^3 person", 10.0),
        ("亩/人", "mu/person", 1.0),
        ("hectare", "mu", 15.0),
        ("percent", "share", 0.01),
        ("share", "percent", 100.0),
        ("亿千瓦小时", "GWh", 100.0),
        ("辆/百户", "vehicle/100 household", 1.0),
        ("10^8 CNY@2010", "CNY@2010", 1e8),
        ("mile", "km", 1.609344),
    ],
)
def test_conversion_factors_are_the_nearest_double(source: str, target: str, factor: float) -> None:
    assert convert_factor(source, target) == factor


@pytest.mark.parametrize(
    ("source", "target", "hint"),
    [
        ("10^8 CNY", "USD", "exchange rates"),
        ("CNY", "CNY@2010", "deflate"),
        ("CNY@2005", "CNY@2010", "deflate"),
        ("person", "household", "formula"),
        ("CNY/household", "CNY", "divide by a variable"),
        ("CNY/household", "CNY/person", "divide by a variable"),
        ("index (previous year = 100)", "index (2010 = 100)", "cumulate_index"),
        ("kW", "kWh", "formula"),
    ],
)
def test_different_things_do_not_convert(source: str, target: str, hint: str) -> None:
    with pytest.raises(MeasureError) as caught:
        convert_factor(source, target)
    problem = caught.value.problem("config.yaml", "variables.x.measure")
    assert hint in problem.fix
    assert str(problem).startswith(f"config.yaml: variables.x.measure: found {source} ")


@pytest.mark.parametrize("text", ["", "10^4", "persn", "furlong", "km@2010", "CNY@10", "万", "10^4 10 km", "km/"])
def test_unknown_measures_are_errors(text: str) -> None:
    with pytest.raises(MeasureError):
        parse(text)


def test_a_near_miss_is_suggested() -> None:
    with pytest.raises(MeasureError, match="person"):
        parse("10^4 persn")


def test_one_is_the_measure_of_a_pure_number() -> None:
    assert parse("1") == Measure(Fraction(1), "share")
    assert convert_factor("percent", "1") == 0.01
    assert parse("1/km") == Measure(Fraction(1), "share/km")


@pytest.mark.parametrize(
    ("published", "wanted", "result"),
    [
        ("10^4 km", "km", (10_000, "km")),
        ("10^4 km", "", (1, "10^4 km")),
        ("", "", (1, "as published")),
    ],
)
def test_without_a_measure_nothing_is_converted(published: str, wanted: str, result: tuple[float, str]) -> None:
    assert conversion(published, wanted) == result


def test_figures_in_no_measure_do_not_convert_to_one() -> None:
    with pytest.raises(MeasureError, match="leave the variable's out"):
        conversion("", "km")
