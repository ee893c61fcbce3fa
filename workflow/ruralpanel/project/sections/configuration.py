"""The configuration as a whole: keys at the top, models and what they inherit, claims and curves, report, checks."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from ruralpanel.project.kinds.estimator_keys import MarginalEffect
from ruralpanel.project.kinds.options import (
    EACH_ONCE,
    PART,
    SOME_ONCE,
    Name,
    Names,
    Options,
    Path,
    Positive,
    SomeNames,
    key,
    parts,
    required,
)

_ZH = "The same in Chinese"
_TextOrNull = Annotated[str | None, WithJsonSchema({"type": ["string", "null"]})]
_EFFECTS = "Effects removed: unit, period, an attribute, a variable, or several as a:b (region:period)"
_Inference = Annotated[tuple[Any, ...], WithJsonSchema({PART: "inference"})]


_Refusal = Literal[
    "few_clusters", "normal_critical_values", "few_periods", "few_sectors", "few_sets", "few_units", "wide_cutoff",
    "independent_rows", "many_instruments", "few_treated",
]  # fmt: skip


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
    allow: Annotated[tuple[_Refusal, ...], SOME_ONCE] | None = key(
        "Refusals set aside, to replicate a published table; each is printed with every number of the model "
        "(docs/inference.md)"
    )
    marginal_effects: tuple[MarginalEffect, ...] | None = key("Effect of one variable along another")
    drop_absorbed: bool = key("Leave absorbed or collinear terms out instead of stopping", default=False)
    weights_matrix: str | None = key(
        "A name under weights_matrices: of a spatial model, or to test any model's residuals"
    )


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
    others: Annotated[tuple[Estimand, ...], EACH_ONCE] | None = key("Other designs shown beside")
    through: Annotated[tuple[Estimand, ...], EACH_ONCE] | None = key(
        "Numbers that the claim's is multiplied by: what it would come to if both were effects"
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

    def numbers(self, factors: bool = True) -> Iterator[Estimand]:
        """Its own number, those of the other designs and, with `factors`, those that it is multiplied by."""
        yield from (*filter(None, (self.estimand,)), *(self.others or ()), *((self.through or ()) if factors else ()))


class SpecificationCurve(Options):
    """Choices that an estimate is repeated over; the first of each is the main one (docs/estimators/robustness.md)."""

    panel: str = required("A name under panels")
    term: str = required("Lever whose coefficient is followed: a name under measures, or a variable")
    outcome: SomeNames = required("Outcomes")
    measures: dict[str, _Choices] | None = key("Variables that measure each lever; null: the lever is left out")
    moderator: _Choices = key("Moderators; the followed term is then lever:moderator; null: none")
    controls: Annotated[tuple[Names, ...], Field(min_length=1)] | None = key("Sets of controls; []: none")
    samples: SomeNames | None = key("Names under samples")
    lags: Annotated[tuple[Annotated[int, Field(ge=0, le=100)], ...], SOME_ONCE] | None = key(
        "Lags of the lever followed"
    )
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


NAME = {
    "type": "string",
    "pattern": r"^[A-Za-z][A-Za-z0-9_]{0,59}\Z",
    "description": "Letters, digits and _, a letter first, at most 60 in all",
}
"""How sources, panels, variables, models and other entries may be called."""


_Called = dict[str, Name]
_PathOrNull = Annotated[str | None, WithJsonSchema({"type": ["string", "null"], "minLength": 1, "maxLength": 1000})]


class Contrast(Options):
    """What designs or outcomes say differently."""

    text: str = required("The sentences")
    text_zh: str | None = key(_ZH)


_Noun = Literal["unit", "units", "period", "periods", "unit_zh", "units_zh", "period_zh", "periods_zh"]


class Validity(Options):
    """How far the story's outcome goes with other measures of the same thing."""

    table: Name = required("A table of type `validity`")
    of: str = required("The outcome among those of the table: `panel.variable.period`")
    against: Names | None = key("Those that it is held against; all others where left out")


class Before(Options):
    """The longer run, from a panel that reaches further back: totals of its units in the first and last period."""

    panel: Name = required("A name under `panels`, with more than one period")
    outcomes: SomeNames = required("Variables that are added up over units")
    figure: Name | None = key("A chart of them, a name under `figures`")


class Story(Options):
    """What happened, for the first page: an outcome's total in a panel's first and last period."""

    panel: Name = required("A name under `panels`, with more than one period")
    outcome: Name = required("Variable that is added up over units")
    population: str | None = key("Variable whose total the outcome's is divided by")
    scale: Annotated[int, Field(ge=1, le=1_000_000)] = key("Per how many of the population", default=1000)
    share: str | None = key("Variable whose mean over units stands beside")
    weight: str | None = key("Variable that the units of this mean weigh by; alike where left out")
    caveat: str | None = key("What the figures of the story must not be taken for")
    caveat_zh: str | None = key(_ZH)
    validity: Validity | None = key("How far the outcome goes with other measures of the same thing")
    before: Before | None = key("The longer run, from a panel that reaches further back")


class Brief(Options):
    """What the brief (`report.pdf`) shows; charts, maps and tables not named stand in the appendix."""

    figures: Names | None = key("Charts; where left out those of the claims' models, four at most")
    maps: Names | None = key("Maps; where left out the first")
    tables: Names | None = key("Tables; where left out the first that shows a model of a claim")


class Evidence(Options):
    """Finished results of another project, whose claims stand beside those of this one."""

    results: Path = required("Folder of results")
    label: str | None = key("What its units are called, such as counties; the entry's name where left out")
    label_zh: str | None = key(_ZH)
    claims: dict[str, str] | None = key("Claim of this project: its name there, where that is another (`{H2a: H2}`)")


_Others = Annotated[dict[str, Evidence], Field(json_schema_extra={"propertyNames": {PART: "name"}})]


class Report(Options):
    """The report."""

    formats: Annotated[tuple[Literal["html", "pdf"], ...], SOME_ONCE] = key("Files written", default=["html", "pdf"])
    introduction: str | None = key("Words before the answers; may quote numbers")
    introduction_zh: str | None = key(_ZH)
    story: Story | None = key("What happened, for the first page")
    brief: Brief | None = key("What the brief shows")
    references: Path | None = key("Works cited, as BibTeX: studies under `benchmarks` lead to them")
    citation: Path | None = key("`CITATION.cff`: title, authors, version and licence of the project")
    compare_with: Path | None = key(
        "Folder of earlier results (a copy of `results`): what moved since and why goes to "
        "`results/report/comparison.html`, which the report links"
    )
    evidence_from: _Others | None = key(
        "Finished results of other projects, each under a name: what they say of the same claims stands beside"
    )
    nouns: dict[_Noun, str] | None = key("What a unit and a period are called in sentences")
    contrasts: tuple[Contrast, ...] | None = key("What designs or outcomes say differently, and why; may quote numbers")


class Checks(Options):
    """Plausibility gates over every figure read."""

    jump: Annotated[float, Field(gt=0, le=100)] = key(
        "Log change of one unit, beyond the year's own, that is reported", default=0.5
    )
    repeat: Annotated[int, Field(ge=2, le=1000)] = key("Equal figures in a row that are reported", default=3)
    on_failure: Literal["report", "error"] = key("What undeclared findings lead to", default="report")


def _section(name: str, least: int = 0) -> Any:
    return parts(name, {"propertyNames": {PART: "name"}, **({"minProperties": least} if least else {})})


class Configuration(Options):
    """The one file that users edit. Paths are relative to the file that names them."""

    title: Name = required("Title of the report")
    title_zh: str | None = key(_ZH)
    language: Literal["en", "zh"] = key("Language of labels and of the report's fixed words", default="en")
    units: Path = required("The cross-section: a CSV with an id, at least one name column, and attributes")
    boundaries: _PathOrNull = key(
        "Polygons by unit id (GeoJSON); without it, or where no polygon is of a unit, maps show units that have a "
        "longitude and latitude as dots",
        null=True,
    )
    boundaries_note: str = key("Words printed under every map", default="")
    boundaries_note_zh: str | None = key(_ZH)
    names: _Called | None = key(
        "What names without a label of their own are called in print: values of units' attributes, parts of a gap, "
        "dimensions of a curve, spatial weights"
    )
    names_zh: _Called | None = key(_ZH)
    corrections: _PathOrNull = key("Declared repairs of single figures", null=True)
    control_totals: _PathOrNull = key("National figures that the units must add up to", null=True)
    cache: Path | None = key(
        "Folder in which `snakemake fetch` keeps what it downloads, for all projects; absent: ruralpanel in the user's "
        "folder of caches. The variable RURALPANEL_CACHE goes over it"
    )
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = key("Seed of every random draw", default=20120126)
    sources: Annotated[dict[str, Any], _section("source", 1)] = required("Where figures come from")
    panels: Annotated[dict[str, Any], _section("panel", 1)] = required(
        "Which units and periods are looked at together; the first is the default of models"
    )
    variables: Annotated[dict[str, Any], _section("variable", 1)] = required(
        "Columns, each a series in a measure or a formula of columns"
    )
    samples: Annotated[dict[str, Any], _section("sample")] = key("Named subsets of the rows")
    weights_matrices: Annotated[dict[str, Any], _section("weights_matrix")] = key("Who is whose neighbour")
    defaults: Defaults | None = key("What a model inherits unless it says otherwise")
    models: Annotated[dict[str, Any], _section("model")] = required("What is estimated on a panel")
    hypotheses: Annotated[dict[str, Any], _section("hypothesis")] = key("Claims and the rule by which they fall")
    specification_curves: Annotated[dict[str, Any], _section("specification_curve")] = key(
        "Which choices a claim's estimate is repeated over"
    )
    tables: Annotated[dict[str, Any], _section("table")] = key("Tables of the report")
    figures: Annotated[dict[str, Any], _section("figure")] = key("Charts of the report")
    maps: Annotated[dict[str, Any], _section("map")] = key("Maps of the report")
    report: Report | None = key("The report")
    checks: Checks | None = key("Plausibility gates over every figure read")
