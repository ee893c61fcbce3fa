"""What is estimated: the keys of every model, and what models inherit."""

from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from ruralpanel.project.kinds.options import PART, Name, Names, Options, key, required

_ZH = "The same in Chinese"
_TextOrNull = Annotated[str | None, WithJsonSchema({"type": ["string", "null"]})]
_EFFECTS = "Effects removed: unit, period, an attribute, a variable, or several as a:b (region:period)"
_Inference = Annotated[tuple[Any, ...], WithJsonSchema({PART: "inference"})]


class Defaults(Options):
    """What a model inherits unless it says otherwise."""

    effects: Names = key(_EFFECTS, default=["unit", "period"])
    controls: Names | None = key("Variables in every model")
    weights: _TextOrNull = key("A variable of analytic weights", null=True)
    sample: str = key("A name under samples", default="all")
    inference: _Inference = key("Settings; the first is the one of verdicts and main tables")
    simulated_size: bool = key(
        "Simulate how often each setting rejects a true null at the model's own design", default=True
    )


class MarginalEffect(Options):
    """Effect of one variable along another."""

    of: str = required("Variable whose effect is drawn")
    over: str = required("Variable along which it is drawn")
    at: Annotated[
        tuple[float | str, ...], WithJsonSchema({"type": "array", "items": {"type": ["number", "string"]}})
    ] = key("Values, or percentiles such as p25")


class Model(Options):
    """Keys of every model; those of its estimator come to them."""

    title: str | None = key("Name in tables")
    title_zh: str | None = key(_ZH)
    panel: str | None = key("A name under panels; absent: the first")
    estimator: str = required("Family of estimator (docs/estimators.md)")
    method: str | None = key("Variant within the family")
    outcome: Annotated[
        str | tuple[Name, ...],
        WithJsonSchema(
            {
                "type": ["string", "array"],
                "minLength": 1,
                "items": {"type": "string", "minLength": 1},
                "uniqueItems": True,
            }
        ),
    ] = required("A variable; a list for systems")
    regressors: Names | None = key("Variables and interactions a:b")
    controls: Names | None = key("Variables beside the regressors")
    effects: Names | None = key(_EFFECTS)
    weights: _TextOrNull = key("A variable of analytic weights")
    sample: str | None = key("A name under samples")
    inference: _Inference = key("Settings in place of the defaults")
    simulated_size: bool | None = key("Simulated size of each setting; absent: as in the defaults")
    allow: (
        Annotated[
            tuple[
                Literal[
                    "few_clusters",
                    "normal_critical_values",
                    "few_periods",
                    "few_sectors",
                    "few_sets",
                    "few_units",
                    "wide_cutoff",
                    "independent_rows",
                    "many_instruments",
                    "few_treated",
                ],
                ...,
            ],
            Field(min_length=1, json_schema_extra={"uniqueItems": True}),
        ]
        | None
    ) = key(
        "Refusals set aside, to replicate a published table; each is printed with every number of the model "
        "(docs/inference.md)"
    )
    marginal_effects: tuple[MarginalEffect, ...] | None = key("Effect of one variable along another")
    drop_absorbed: bool = key("Leave absorbed or collinear terms out instead of stopping", default=False)
    weights_matrix: str | None = key(
        "A name under weights_matrices: of a spatial model, or to test any model's residuals"
    )
