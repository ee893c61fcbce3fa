"""The table of kinds of chart: what each shows, its keys, the function that draws it; no pandas.

To add a kind: an entry here, a function below ``output/charts``, a row in docs/tables.md.
``tests/project/test_kinds.py`` says what is missing.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from ruralpanel.project.kinds.facts import Output, of_policies
from ruralpanel.project.kinds.options import Group, Names, Positive, Term, Titled, Words, key, required


class Unnamed(Titled):
    """Keys of every chart."""

    note: str | None = key("Words under the chart")
    note_zh: str | None = key("The same in Chinese")


class _Any(Unnamed):
    """Keys of charts that name variables, terms or models."""

    labels: Words | None = key("Words for variables, terms or models")
    labels_zh: Words | None = key("The same in Chinese")


class Coefficients(_Any):
    """Keys of charts of estimates."""

    models: Names = required("Models drawn")
    term: Term = required("Term drawn, or model: term")
    group: Group = key("What estimates are grouped by", default="outcome")
    smallest_effect: Positive | None = key("Half-width of the grey band around zero")


class MarginalEffect(_Any):
    """Keys of charts of a marginal effect."""

    model: str = required("Model drawn")
    of: str | None = key("Variable whose marginal effect is drawn")
    over: str | None = key("Variable along which it is drawn")
    theory: bool = key("The curve of the two-region model beside the estimate", default=False)


class Effects(_Any):
    """Keys of charts of effects by time."""

    models: Names = required("Models drawn")


class Series(_Any):
    """Keys of charts of a variable over time."""

    panel: str = required("A name under panels")
    variables: Names = required("Variables drawn, one row of charts each")
    by: str | None = key("Attribute that charts are grouped by")
    log: bool = key("A logarithmic scale", default=False)


class Scorecard(Unnamed):
    """Keys of charts of all claims."""

    file: str | None = key("Scorecard drawn")


class Curve(_Any):
    """Keys of charts of a specification curve."""

    curve: str = required("A name under specification_curves")


class Waterfall(_Any):
    """Keys of charts of a decomposition."""

    model: str = required("Model drawn")


class Sensitivity(_Any):
    """Keys of charts of what an omitted variable would do."""

    model: str = required("Model drawn")
    term: Term = required("Term drawn, or model: term")


class LeaveOneOut(Sensitivity):
    """Keys of charts of estimates without one unit or period."""

    over: Literal["unit", "period"] = key("Unit or period left out", default="unit")


class Power(_Any):
    """Keys of charts of power."""

    models: Names = required("Models drawn")
    term: Term = required("Term drawn, or model: term")


FIGURES: Mapping[str, Output] = MappingProxyType(
    {
        "coefficients": Output(build="ruralpanel.output.charts.build:draw_coefficients", options=Coefficients),
        "marginal_effect": Output(build="ruralpanel.output.charts.build:draw_marginal_effect", options=MarginalEffect),
        "event_study": Output(
            build="ruralpanel.output.charts.build:draw_event_study", options=Effects, fits=of_policies
        ),
        "series": Output(build="ruralpanel.output.charts.build:draw_series", options=Series),
        "waterfall": Output(
            build="ruralpanel.output.charts.build:draw_waterfall",
            options=Waterfall,
            fits=lambda kind: kind.of_units == "parts",
        ),
        "specification_curve": Output(build="ruralpanel.output.charts.build:draw_specification_curve", options=Curve),
        "sensitivity": Output(
            build="ruralpanel.output.charts.build:draw_sensitivity", options=Sensitivity, of_claims=True
        ),
        "leave_one_out": Output(
            build="ruralpanel.output.charts.build:draw_leave_one_out", options=LeaveOneOut, of_claims=True
        ),
        "power": Output(build="ruralpanel.output.charts.build:draw_power", options=Power, of_claims=True),
        "scorecard": Output(
            build="ruralpanel.output.charts.build:draw_scorecard", options=Scorecard, file="scorecard.json"
        ),
    }
)
