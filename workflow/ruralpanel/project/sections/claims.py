"""What estimates are held against: claims, and the choices that their numbers are repeated over."""

from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from ruralpanel.project.kinds.options import Names, Options, Positive, SomeNames, key, required

_ZH = "The same in Chinese"
_Choices = Annotated[
    tuple[str | None, ...],
    WithJsonSchema(
        {"type": "array", "items": {"type": ["string", "null"], "minLength": 1}, "minItems": 1, "uniqueItems": True}
    ),
]
_Sign = Literal["positive", "negative", "two_sided", "not_negative"]


class Estimand(Options):
    """A number of a model."""

    model: str | None = key("A name under models")
    term: str | None = key("A coefficient of the model")
    marginal: str | None = key("Variable whose marginal effect counts")
    at: dict[str, Any] | None = key("Where it is evaluated, such as {technology_gap: p75}")
    statistic: str | None = key("A named statistic of the model (extra results), such as share_technology")
    label: str | None = key("What it is in words")
    label_zh: str | None = key(_ZH)


class SmallestEffect(Options):
    """Below this the effect does not matter in practice."""

    share_of_outcome: Positive | None = key(
        "Of an outcome in logarithms: as a share of it; 0.05 where nothing is declared"
    )
    sd_of_outcome: Positive | None = key(
        "In standard deviations of the outcome net of the model's effects; 0.2 where nothing is declared and the "
        "outcome is no logarithm"
    )
    per: Literal["within_sd", "sd", "unit"] = key(
        "For one what of the lever: within_sd, its standard deviation net of the model's effects and of its declared "
        "steps (between units, over them)",
        default="within_sd",
    )
    value: Positive | None = key("The coefficient itself, instead")


class PlainUnits(Options):
    """How a number is put in plain units."""

    change: Positive | None = key("Change of the lever, as a share (0.1: 10 %)")
    scale: Positive | None = key("Per how many the outcome is counted, such as 1000")
    unit: str | None = key("What the outcome counts")
    unit_zh: str | None = key(_ZH)


class Bound(Options):
    """What a test must show."""

    p_above: Annotated[float, Field(ge=0, le=1)] | None = key("The test's p-value must be above this")
    statistic_above: float | None = key("The test's statistic must be above this")


class Benchmark(Options):
    """A published finding."""

    study: str = required("Authors and year")
    design: str | None = key("Their design and outcome")
    design_zh: str | None = key(_ZH)
    finding: str = required("What they found")
    finding_zh: str | None = key(_ZH)


class Hypothesis(Options):
    """A claim and the rule by which it falls."""

    claim: str = required("The claim in one sentence")
    claim_zh: str | None = key("The claim in Chinese")
    estimand: Estimand | None = key("The number that decides; absent: not yet tested")
    expected: _Sign | None = key("Sign that the claim foresees")
    smallest_effect: SmallestEffect | None = key("Below this the effect does not matter in practice")
    family: str | None = key("Claims tested together (Romano and Wolf)")
    robustness: str | None = key("A name under specification_curves")
    others: Annotated[tuple[Estimand, ...], Field(json_schema_extra={"uniqueItems": True})] | None = key(
        "Other designs shown beside"
    )
    cannot_show: str | None = key("What the data cannot show")
    cannot_show_zh: str | None = key(_ZH)
    meaning: str | None = key("What the claim's number would mean, in words")
    meaning_zh: str | None = key(_ZH)
    plain: PlainUnits | None = key("How the number is put in plain units")
    diagnostics: dict[str, Bound] | None = key("Tests that the design must pass, by name")
    untestable: str | None = key("Why no admissible design exists, and what figures would allow one")
    untestable_zh: str | None = key(_ZH)
    benchmarks: tuple[Benchmark, ...] | None = key("Published findings printed beside")


class SpecificationCurve(Options):
    """Choices that an estimate is repeated over; the first of each is the main one (docs/estimators/robustness.md)."""

    panel: str = required("A name under panels")
    term: str = required("Lever whose coefficient is followed: a name under measures, or a variable")
    outcome: SomeNames = required("Outcomes")
    measures: dict[str, _Choices] | None = key("Variables that measure each lever; null: the lever is left out")
    moderator: _Choices = key("Moderators; the followed term is then lever:moderator; null: none")
    controls: Annotated[tuple[Names, ...], Field(min_length=1)] | None = key("Sets of controls; []: none")
    samples: SomeNames | None = key("Names under samples")
    lags: (
        Annotated[
            tuple[Annotated[int, Field(ge=0, le=100)], ...],
            Field(min_length=1, json_schema_extra={"uniqueItems": True}),
        ]
        | None
    ) = key("Lags of the lever followed")
    effects: Annotated[tuple[Names, ...], Field(min_length=1)] | None = key(
        "Sets of effects: unit, period, an attribute, or attribute:period"
    )
    weights: _Choices = key("Variables that weigh the rows; null: equal weights")
    expected: _Sign = key("Sign of the one-sided joint tests", default="two_sided")
    smallest_effect: Positive | None = key(
        "Smallest effect that matters, in standard deviations of the outcome net of effects; absent: as the claim has "
        "it"
    )
    permutations: Annotated[int, Field(ge=0, le=1_000_000)] = key("Draws of the joint tests; 0: none", default=500)
