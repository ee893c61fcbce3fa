"""The configuration as a whole: its keys at the top, the report, the checks of figures."""

from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from ruralpanel.project.kinds.options import PART, Name, Options, Path, key, parts, required
from ruralpanel.project.sections.models import Defaults

NAME = {
    "type": "string",
    "pattern": r"^[A-Za-z][A-Za-z0-9_]{0,59}\Z",
    "description": "Letters, digits and _, a letter first, at most 60 in all",
}
"""How sources, panels, variables, models and other entries may be called."""


_ZH = "The same in Chinese"
_PathOrNull = Annotated[str | None, WithJsonSchema({"type": ["string", "null"], "minLength": 1, "maxLength": 1000})]


class Contrast(Options):
    """What designs or outcomes say differently."""

    text: str = required("The sentences")
    text_zh: str | None = key(_ZH)


_Noun = Literal["unit", "units", "period", "periods", "unit_zh", "units_zh", "period_zh", "periods_zh"]


class Report(Options):
    """The report."""

    formats: Annotated[
        tuple[Literal["html", "pdf"], ...], Field(min_length=1, json_schema_extra={"uniqueItems": True})
    ] = key("Files written", default=["html", "pdf"])
    introduction: str | None = key("Words before the answers; may quote numbers")
    introduction_zh: str | None = key(_ZH)
    compare_with: Path | None = key(
        "Folder of earlier results (a copy of `results`): what moved since and why goes to "
        "`results/report/comparison.html`, which the report links"
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
    boundaries: _PathOrNull = key("Polygons by unit id (GeoJSON); null: no maps", null=True)
    boundaries_note: str = key("Words printed under every map", default="")
    boundaries_note_zh: str | None = key(_ZH)
    corrections: _PathOrNull = key("Declared repairs of single figures", null=True)
    control_totals: _PathOrNull = key("National figures that the units must add up to", null=True)
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
