"""Formulas: trees, precedence, years read, messages at the character; nothing unsafe gets through."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ruralpanel.project.expressions import (
    FUNCTIONS,
    Call,
    Expression,
    Name,
    Number,
    Operation,
    Text,
    describe,
    names,
    source_years,
)
from ruralpanel.project.formulas import parse
from ruralpanel.project.problems import UserError

A, B, C = Name("a"), Name("b"), Name("c")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a + b * c", Operation("+", (A, Operation("*", (B, C))))),
        ("a - b - c", Operation("-", (Operation("-", (A, B)), C))),
        ("a - (b - c)", Operation("-", (A, Operation("-", (B, C))))),
        ("-a ** 2", Operation("-", (Operation("**", (A, Number(2.0))),))),
        ("2 ** -a", Operation("**", (Number(2.0), Operation("-", (A,))))),
        ("a ** b ** c", Operation("**", (A, Operation("**", (B, C))))),
        ("+a", A),
        ("1.5e-3", Number(0.0015)),
        (".5", Number(0.5)),
        ("not a == b and c > 1", Operation("and", (
            Operation("not", (Operation("==", (A, B)),)), Operation(">", (C, Number(1.0)))))),
        ("a or b and c", Operation("or", (A, Operation("and", (B, C))))),
        ("region == 'West'", Operation("==", (Name("region"), Text("West")))),
        ('region != "East"', Operation("!=", (Name("region"), Text("East")))),
        ("region in ('West', 'Central')", Operation("in", (Name("region"), Text("West"), Text("Central")))),
        ("code not in (-1, 2)", Operation("not", (Operation("in", (Name("code"), Number(-1.0), Number(2.0))),))),
        ("lag(a)", Call("lag", (A,), (("k", 1),))),
        ("lag(a, 2)", Call("lag", (A,), (("k", 2),))),
        ("lag(a, k=2)", Call("lag", (A,), (("k", 2),))),
        ("value_at(a, 2011)", Call("value_at", (A,), (("period", 2011),))),
        ("mean_over_group(a, region)", Call("mean_over_group", (A,), (("attribute", "region"),))),
        ("mean_over_periods(a)", Call("mean_over_periods", (A,), (("first", None), ("last", None)))),
        ("where(a > 0, b, c)", Call("where", (Operation(">", (A, Number(0.0))), B, C))),
        ("公路 / 面积", Operation("/", (Name("公路"), Name("面积")))),
    ],
)  # fmt: skip
def test_trees(text: str, tree: Expression) -> None:
    assert parse(text) == tree
    assert parse(describe(tree)) == tree


@pytest.mark.parametrize(
    ("text", "character", "shown", "fix"),
    [
        ("", 1, "nothing", ""),
        ("a +", 4, "the end", ""),
        ("log(a / )", 9, '")"', ""),
        ("lgo(a)", 1, '"lgo"', 'did you mean "log"'),
        ("a ^ 2", 3, '"^"', "**"),
        ("a & b", 3, '"&"', "and"),
        ("region = 'West'", 8, '"="', "=="),
        ("a b", 3, '"b"', ""),
        ("a)", 2, '")"', "too many"),
        ("(a", 3, "the end", ""),
        ("log(a, b)", 8, '"b"', "leave out"),
        ("lag()", 1, '"lag"', "add x"),
        ("lag(a, 0)", 8, '"0"', ""),
        ("lag(a, -1)", 8, '"-"', ""),
        ("lag(a, b)", 8, '"b"', ""),
        ("lag(a, n=1)", 8, '"n"', ""),
        ("value_at(a, 11)", 13, '"11"', ""),
        ("mean_over_periods(a, 2011)", 1, '"mean_over_periods"', ""),
        ("mean_over_group(a, 3)", 20, '"3"', ""),
        ("log('a')", 5, "\"'a'\"", ""),
        ("a + 'b'", 5, "\"'b'\"", ""),
        ("'West'", 1, "\"'West'\"", ""),
        ("a < b < c", 7, '"<"', "a < b and b < c"),
        ("where(a + 1, b, c)", 9, '"+"', "compare"),
        ("1 and a", 1, '"1"', "compare"),
        ("region == 'West", 11, '"\'"', "close"),
        ("1.2.3", 1, '"1"', "one point"),
        ("3x", 1, '"3"', ""),
        ("a.b", 2, '"."', ""),
        ("a[0]", 2, '"["', ""),
        ("a，b", 2, '"，"', "comma"),
        ("in", 1, '"in"', ""),
    ],
)
def test_errors_point_at_the_character(text: str, character: int, shown: str, fix: str) -> None:
    with pytest.raises(UserError) as caught:
        parse(text, "config.yaml", "variables.x.formula")
    (problem,) = caught.value.problems
    assert (problem.file, problem.where) == ("config.yaml", "variables.x.formula")
    assert problem.found.startswith(f"{shown} at character {character} of "), problem.found
    assert fix in problem.fix
    marked = problem.found.split(" of ", 1)[1]
    assert marked.replace(">>end<<", "").replace(">>", "", 1).replace("<<", "", 1) == text


@pytest.mark.parametrize(
    "text", ["__import__('os')", "a.__class__", "lambda: 0", "[a for a in b]", "exec('1')", "a; b", "a if b else c"]
)
def test_code_is_refused(text: str) -> None:
    with pytest.raises(UserError):
        parse(text)


@pytest.mark.parametrize("text", ["(" * 5000 + "a", "-" * 5000 + "a", "a" + "+a" * 5000, "2" + "**2" * 300,
                                  "not " * 300 + "a", "1e999"])  # fmt: skip
def test_monsters_are_refused_and_do_not_overflow(text: str) -> None:
    with pytest.raises(UserError):
        parse(text)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab12.+-*/()<>=!', lognotadrile_西", max_size=40))
def test_any_text_gives_a_tree_or_one_problem(text: str) -> None:
    try:
        tree = parse(text)
    except UserError as error:
        assert len(error.problems) == 1
    else:
        assert parse(describe(tree)) == tree


def _trees() -> st.SearchStrategy[Expression]:
    leaves = st.one_of(
        st.builds(Name, st.sampled_from(["a", "b", "电"])),
        st.builds(Number, st.floats(0, 1e20, allow_nan=False).map(abs)),
    )

    def grow(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
        pair = st.tuples(inner, inner)
        compared = st.builds(Operation, st.sampled_from(["==", "<", ">="]), pair)
        return st.one_of(
            st.builds(Operation, st.sampled_from(["+", "-", "*", "/", "**"]), pair),
            st.builds(lambda x: Operation("-", (x,)), inner),
            compared,
            st.builds(Operation, st.sampled_from(["and", "or"]), st.tuples(compared, compared)),
            st.builds(lambda x: Operation("not", (x,)), compared),
            st.builds(lambda x, k: Call("lag", (x,), (("k", k),)), inner, st.integers(1, 9)),
            st.builds(lambda c, x, y: Call("where", (c, x, y)), compared, inner, inner),
        )

    return st.recursive(leaves, grow, max_leaves=12)


@settings(max_examples=300, deadline=None)
@given(_trees())
def test_describe_is_the_inverse_of_parse(tree: Expression) -> None:
    assert parse(describe(tree)) == tree


def test_names_leave_out_unit_and_period_and_hold_groups() -> None:
    text = "mean_over_group(log(x / land_area_km2), region) * (period >= 2013) * (unit != 'CN-BJ')"
    assert names(parse(text)) == {"x", "land_area_km2", "region"}


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("x", {2012, 2013, 2014}),
        ("lag(x)", {2011, 2012, 2013}),
        ("lag(log(lag(x)), 2)", {2009, 2010, 2011}),
        ("diff(x)", {2011, 2012, 2013, 2014}),
        ("diff(x, 2)", {2010, 2011, 2012, 2013, 2014}),
        ("value_at(x, 2006)", {2006}),
        ("max_over_units(value_at(lag(x), 2006)) - x * 0", {2005, 2012, 2013, 2014}),
        ("first_value(lag(x, 3))", {2009}),
        ("value_at(standardise(x), 2005)", {2005, 2012, 2013, 2014}),
        ("mean_over_periods(x, 2006, 2008)", {2006, 2007, 2008}),
        ("lag(mean_over_periods(x), 4)", {2012, 2013, 2014}),
        ("interpolate(x, 1)", {2011, 2012, 2013, 2014, 2015}),
        ("cumulate_index(x, 2010)", {2011, 2012, 2013, 2014}),
        ("cumulate_index(x)", {2013, 2014}),
        ("deflate(1, x, 2010)", {2010, 2012, 2013, 2014}),
        ("deflate(1, cumulate_index(x), 2010)", {2011, 2012, 2013, 2014}),
        ("where(lag(x) > 0, x, 0)", {2011, 2012, 2013, 2014}),
    ],
)
def test_source_years(text: str, years: set[int]) -> None:
    assert source_years(parse(text), (2012, 2013, 2014))["x"] == years


def test_lags_by_observation_stay_within_the_panel() -> None:
    periods = (1998, 1999, 2003, 2008)
    assert source_years(parse("lag(x)"), periods, by="observation")["x"] == {1998, 1999, 2003}
    assert source_years(parse("lag(x, 2)"), periods, by="observation")["x"] == {1998, 1999}
    assert source_years(parse("lag(x)"), periods, by="year")["x"] == {1997, 1998, 2002, 2007}
    assert source_years(parse("value_at(lag(x), 2001)"), periods, by="observation")["x"] == set()


def test_every_function_has_help_and_a_distinct_signature() -> None:
    for name, function in FUNCTIONS.items():
        assert re.fullmatch(r"[a-z_]+", name) and function.help and function.parameters


def test_the_documentation_names_every_function_and_no_other() -> None:
    text = (Path(__file__).parents[2] / "docs" / "formulas.md").read_text(encoding="utf-8")
    table = text[text.index("## Functions") : text.index("## What becomes missing")]
    assert {name for name in re.findall(r"`([a-z_]+)\(", table)} == set(FUNCTIONS)


def test_the_messages_in_the_documentation_are_those_of_the_parser() -> None:
    text = (Path(__file__).parents[2] / "docs" / "formulas.md").read_text(encoding="utf-8")
    for formula in ("log(highway_km / )", "lgo(x)"):
        with pytest.raises(UserError) as caught:
            parse(formula, "config/variables.yaml", "variables.roads (line 44)")
        assert str(caught.value) in text
