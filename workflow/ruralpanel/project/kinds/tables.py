"""The table of kinds of table: what each shows, its keys, the function that builds it; no pandas.

To add a kind: an entry here, a function below ``output/tables``, a row in docs/tables.md.
``tests/project/test_kinds.py`` says what is missing.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import Field, WithJsonSchema

from ruralpanel.project.kinds.facts import Output, of_policies, of_units
from ruralpanel.project.kinds.options import (
    Above,
    Group,
    Names,
    Options,
    Spans,
    Term,
    Titled,
    Words,
    Year,
    key,
    required,
)

FORMATS = ("csv", "tex", "html", "docx", "json")
"""Endings of the files of a table; JSON holds all of it."""

_Digits = Annotated[int, Field(ge=0, le=8)]
_Stars = Annotated[
    bool | tuple[float, ...],
    WithJsonSchema(
        {"type": ["boolean", "array"], "items": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}}
    ),
]
_Columns = Annotated[
    tuple[str, ...] | dict[str, str],
    WithJsonSchema(
        {"type": ["array", "object"], "items": {"type": "string"}, "additionalProperties": {"type": "string"}}
    ),
]
_Shown = Literal[
    "std_error", "std_error_second", "statistic", "interval", "p_value", "ci", "p_wild", "ci_wild", "ci_ar",
    "p_permutation", "size",
]  # fmt: skip
_Statistic = Literal["n", "mean", "median", "sd", "sd_within", "sd_between", "min", "max", "units", "missing"]
SHOWN: tuple[str, ...] = get_args(_Shown)
STATISTICS: tuple[str, ...] = get_args(_Statistic)

REGRESSION = "regression"
"""The kind of a table that names none."""

CORRELATED = "validity"
"""The kind of a table whose cells are correlations of outcomes."""


class Table(Titled):
    """Keys of every table."""

    notes: tuple[str, ...] | None = key("Sentences added to the notes")
    notes_zh: tuple[str, ...] | None = key("The same in Chinese")


class _Decimals(Table):
    """Keys of tables that print decimals."""

    digits: _Digits = key("Decimals", default=3)


class _Named(Table):
    """Keys of tables that name variables."""

    labels: Words | None = key("Words for variables or terms")
    labels_zh: Words | None = key("The same in Chinese")


class _Both(_Decimals, _Named):
    """Keys of tables that print decimals and name variables."""


class OfModels(_Both):
    """Keys of tables with a column for each model."""

    models: Names = required("Models in columns")
    model_labels: Words | None = key("Headings of models")


class Regression(OfModels):
    """Keys of tables of coefficients."""

    beneath: ClassVar[tuple[str, ...]] = ("interval",)
    """What stands beneath estimates, the errors aside, where `show` is absent and some model has it."""

    terms: Names | None = key("Terms shown, in this order; absent: all")
    show: tuple[_Shown, ...] | None = key("What stands beneath an estimate")
    stars: _Stars = key("Stars beside estimates", default=False)
    fit: Names = key("Measures of fit shown", default=["r2_within", "r2"])
    tests: Names | None = key("Tests shown")
    group: Group = key("What columns are grouped by", default="outcome")


class CrossSection(Regression):
    """Keys of tables of coefficients of cross-sections."""

    beneath: ClassVar[tuple[str, ...]] = ("p_permutation",)

    fit: Names = key("Measures of fit shown", default=["r2"])


class ByOutcome(OfModels):
    """Keys of tables that follow one term over models."""

    term: Term = required("Term followed across models, or model: term")
    show: tuple[_Shown, ...] | None = key("What stands beneath an estimate")
    stars: _Stars = key("Stars beside estimates", default=False)
    standardised: bool = key("A column with the estimate per within-province standard deviations", default=False)


class ByUnit(OfModels):
    """Keys of tables with a row for each unit."""

    digits: _Digits = key("Decimals", default=2)


class Correlations(OfModels):
    """Keys of tables of residual correlations."""

    digits: _Digits = key("Decimals", default=2)


class Diagnostics(OfModels):
    """Keys of tables of tests."""

    tests: Names | None = key("Tests shown")


class PolicyModels(_Decimals):
    """Keys of tables with a column for each policy design."""

    models: Names = required("Models in columns")
    model_labels: Words | None = key("Headings of models")


class PolicyTable(PolicyModels):
    """Keys of tables of policy designs."""

    without: Names | None = key("Treated units whose absence is shown")


class Heterogeneity(_Both):
    """Keys of tables of groups of units."""

    models: Names = required("Models in columns")


class Descriptive(_Both):
    """Keys of tables of figures."""

    digits: _Digits = key("Decimals", default=4)
    panel: str = required("A name under panels")
    variables: Names = required("Variables in rows")
    statistics: tuple[_Statistic, ...] = key(
        "Statistics in columns", default=[name for name in STATISTICS if name not in ("median", "missing")]
    )
    by: str | None = key("Attribute that sections are made by")
    periods: tuple[Year, ...] | None = key("Periods that count")


class Coverage(_Named):
    """Keys of tables of coverage."""

    panel: str = required("A name under panels")
    variables: Names | None = key("Variables in rows")


class Compared(Options):
    """One of the outcomes that are compared."""

    panel: str = required("A name under panels")
    variable: str = required("A name under variables")
    period: Year = required("Year compared")
    label: str | None = key("Words in the table")
    label_zh: str | None = key("The same in Chinese")
    log: bool | None = key("Whether its logarithm is taken")


class Validity(_Both):
    """Keys of tables that compare outcomes."""

    digits: _Digits = key("Decimals", default=2)
    outcomes: tuple[Compared, ...] = required("Outcomes compared")
    transform: Literal["log", "none"] = key("What is compared", default="log")
    method: Literal["pearson", "spearman"] = key("Correlation", default="pearson")
    interval: bool = key("Show intervals of correlations", default=False)


class Regimes(_Named):
    """Keys of tables of what grew where."""

    panel: str = required("A name under panels")
    first: str = required("First variable whose growth is looked at")
    second: str = required("Second variable")
    spans: Spans = required("Spans of years")
    above: Above | None = key("What a change must exceed to count as growth")


class Listing(_Decimals):
    """Keys of tables that list a file of results."""

    kind: ClassVar[str] = "scorecard"

    file: str | None = key("File of results that is read")
    columns: _Columns | None = key("Columns shown")
    where: dict[str, object] | None = key("Rows shown")
    limit: Annotated[int, Field(ge=1, le=100000)] | None = key("Number of rows shown")


class Findings(Listing):
    """Keys of tables of findings."""

    kind: ClassVar[str] = "reconciliation"

    limit: Annotated[int, Field(ge=1, le=100000)] = key("Number of rows shown", default=40)


class Robustness(_Decimals):
    """Keys of tables of checks of claims."""

    file: str | None = key("File of results that is read")
    claims: Names | None = key("Claims in columns")


TABLES: Mapping[str, Output] = MappingProxyType(
    {
        REGRESSION: Output(build="ruralpanel.output.tables.regression:build_regression", options=Regression),
        "cross_section": Output(build="ruralpanel.output.tables.regression:build_regression", options=CrossSection),
        "by_outcome": Output(build="ruralpanel.output.tables.regression:build_by_outcome", options=ByOutcome),
        "by_unit": Output(build="ruralpanel.output.tables.lists:build_by_unit", options=ByUnit, fits=of_units),
        "correlations": Output(
            build="ruralpanel.output.tables.lists:build_correlations",
            options=Correlations,
            fits=lambda kind: kind.several_outcomes,
        ),
        "diagnostics": Output(build="ruralpanel.output.tables.tests:build", options=Diagnostics),
        "dynamic": Output(build="ruralpanel.output.tables.dynamic:build", options=Regression),
        "policy": Output(build="ruralpanel.output.tables.policy:build", options=PolicyTable, fits=of_policies),
        "bacon": Output(
            build="ruralpanel.output.tables.bacon:build",
            options=PolicyModels,
            fits=lambda kind: of_policies(kind) and not kind.by_event_time,
            of_two_way_effects=True,
        ),
        "heterogeneity": Output(
            build="ruralpanel.output.tables.robustness:build_heterogeneity", options=Heterogeneity, of_claims=True
        ),
        "spatial": Output(
            build="ruralpanel.output.tables.spatial:build",
            options=OfModels,
            needs_one=lambda kind: "weights_matrix" in kind.required,
        ),
        "descriptive": Output(build="ruralpanel.output.tables.panels:build_descriptive", options=Descriptive),
        "coverage": Output(build="ruralpanel.output.tables.panels:build_coverage", options=Coverage),
        "validity": Output(build="ruralpanel.output.tables.validity:build", options=Validity),
        "regimes": Output(build="ruralpanel.output.tables.panels:build", options=Regimes),
        "reconciliation": Output(
            build="ruralpanel.output.tables.lists:build_listing", options=Findings, file="reconciliation/findings.csv"
        ),
        "scorecard": Output(
            build="ruralpanel.output.tables.lists:build_listing", options=Listing, file="scorecard.csv"
        ),
        "robustness": Output(
            build="ruralpanel.output.tables.robustness:build_robustness",
            options=Robustness,
            file="models/robustness/summary.csv",
        ),
    }
)


def kind_of(spec: Mapping[str, object]) -> str:
    """The kind of a table."""
    return str(spec.get("type", REGRESSION))


def robustness_file(model: str, results: str | Path = "results") -> Path:
    """Where the checks of a model that claims rest on are kept."""
    return Path(results) / "models" / "robustness" / f"{model}.json"
