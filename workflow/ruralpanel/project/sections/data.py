"""Where figures come from, and what is made of them: sources, panels, variables, samples, neighbours."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, WithJsonSchema

from ruralpanel.project.kinds.adapters import ADAPTERS
from ruralpanel.project.kinds.options import (
    EACH_ONCE,
    PART,
    PERIOD,
    Kilometres,
    Name,
    Names,
    Options,
    Path,
    SomeNames,
    Year,
    key,
    parts,
    required,
)
from ruralpanel.project.periods import PATTERN, WORDS

_ZH = "The same in Chinese"
_Years = Annotated[tuple[Year, ...], EACH_ONCE]
_BY_YEAR = {"propertyNames": {"pattern": rf"^(?:[0-9]{{4}}|{PATTERN})\Z", "description": WORDS}}


RULE_ALONE = {"enum": ["error", "drop", "dummy", "splice"]}
_YEARS_ALONE = {"type": "array", "items": PERIOD, "minItems": 1, "uniqueItems": True}
_ONE_LINE = {"propertyNames": {"pattern": r"^[^\n\t]{1,200}\Z", "description": "Text in one line, at most 200 letters"}}


_SHA256 = {"type": "string", "pattern": r"^[0-9a-fA-F]{64}\Z", "description": "64 digits and letters a to f"}
_ADDRESS = {"type": "string", "minLength": 1, "maxLength": 2000, "description": "An address as https://…"}
_FILE = {
    "pattern": r"^[^./\\{}*?\[\]\s][^/\\{}*?\[\]\n\t]{0,199}\Z",
    "description": "The name of a file, without a folder",
}
_ADDRESSES = {
    "if": {"type": "object"},
    "then": {
        "minProperties": 1,
        "propertyNames": _FILE,
        "additionalProperties": {"if": {"type": "object"}, "then": {PART: "download"}, "else": _ADDRESS},
    },
    "else": _ADDRESS,
}
_Sum = Annotated[str, WithJsonSchema(_SHA256)]
_Bytes = Annotated[int, Field(ge=1, le=10**15)]
_Archive = Literal["zip", "tar", "tar.gz", "gz"]
_SUM = "SHA-256 (64 digits and letters a to f) of what the address gives: another file is refused; `fetch` prints it"
_BYTES = "Its size, for the message that says what is to be fetched"
_UNPACK = "The archive that the address gives, of which one file is put in its place"
_MEMBER = "The file in the archive, with its folders; needed where it holds several"


class Download(Options):
    """A file that is fetched."""

    url: Annotated[str, WithJsonSchema(_ADDRESS)] = required("Address, as https://…")
    sha256: _Sum | None = key(_SUM)
    bytes: _Bytes | None = key(_BYTES)
    unpack: _Archive | None = key(_UNPACK)
    member: Name | None = key(_MEMBER)


class Source(Options):
    """Where figures come from."""

    adapter: str = required(
        f"How the files are read: {', '.join(ADAPTERS)}, or an adapter of your own (docs/adapters.md)"
    )
    path: Path = required("A file, a folder or a glob; ~ is the home folder")
    about: Path | None = key("The sidecar that says who published the figures and what they count")
    layout: dict[str, Any] | None = key("The adapter's own keys (docs/adapters.md)")
    by: str | None = key(
        "Attribute whose values the file names in the place of units (prefecture, state): each figure then holds for "
        "every unit of the group; for rates, dummies and years, not for totals"
    )
    url: Annotated[Any, WithJsonSchema(_ADDRESSES)] = key(
        "Address (https, http, file) from which `snakemake fetch`, and nothing else, brings the file to `path`; of "
        "several files into the folder `path`: {file: address} or {file: {url, sha256, bytes, unpack, member}}"
    )
    sha256: _Sum | None = key(_SUM)
    bytes: _Bytes | None = key(_BYTES)
    unpack: _Archive | None = key(_UNPACK)
    member: Name | None = key(_MEMBER)
    file: Path | None = key("Instead of `url`: a copy that you have, which `fetch` checks and copies to `path`")
    series: Annotated[dict[str, Any], parts("series", _ONE_LINE)] = key(
        "Series declared here instead of in the sidecar"
    )


class Span(Options):
    """Years by the first and the last."""

    first: Year = required("First period")
    last: Year = required("Last period")


class Panel(Options):
    """Units and periods that are looked at together."""

    title: str | None = key("Name in tables")
    title_zh: str | None = key(_ZH)
    periods: Annotated[Any, WithJsonSchema({"oneOf": [_YEARS_ALONE, {PART: "span"}]})] = required(
        "A list of periods, or first and last: years, quarters (2012Q3) or months (2012-07)"
    )
    units: SomeNames | None = key("Ids of the units; absent: all")
    by: Literal["year", "observation"] = key(
        "What the period before is, for lag() and diff(), first differences, lags in models, tests and errors: the "
        "year before, or the panel's period before",
        default="year",
    )


class AcceptedBreak(Options):
    """What is done about a break, with the reason."""

    model_config = ConfigDict(
        json_schema_extra={"if": {"properties": {"rule": {"const": "accept"}}}, "then": {"required": ["because"]}}
    )
    rule: Literal["error", "drop", "dummy", "splice", "accept"] = required("What is done about the break")
    because: Annotated[str, Field(min_length=10)] | None = key("Why the break may be accepted (needed by accept)")
    because_zh: str | None = key(_ZH)


class Variable(Options):
    """A column: a series in a measure, or a formula."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": ["formula"], "properties": {"source": False, "series": False, "breaks": False}},
                {"required": ["source", "series"], "properties": {"formula": False}},
            ]
        }
    )
    source: str | None = key("A name under sources")
    series: str | None = key("A series of the source")
    formula: str | None = key("Formula of other variables and unit attributes (docs/formulas.md)")
    measure: str | None = key("Measure of the column; absent: the figures as published, not converted")
    label: str | None = key("English name in tables and maps")
    label_zh: str | None = key("Chinese name")
    counts: str | None = key(
        "What the column counts and what it does not, in one sentence; absent: of a series what its source says"
    )
    counts_zh: str | None = key(_ZH)
    breaks: Annotated[dict[str, Any], parts("break_rule", _BY_YEAR)] = key(
        "Rule for each break of the series that the sidecar declares, by its year"
    )


class Sample(Options):
    """A subset of the rows."""

    where: str | None = key("Condition on variables and attributes")
    drop: Names | None = key("Ids of units left out")
    drop_periods: _Years | None = key("Periods left out")
    label: str | None = key("Name in tables")
    label_zh: str | None = key(_ZH)


def samples(written: Mapping[str, Any]) -> dict[str, Sample]:
    """Declared samples in plain values, as they pass through a rule's parameters, by name."""
    return {name: Sample.model_validate(values) for name, values in written.items()}


class WeightsMatrix(Options):
    """Who is whose neighbour."""

    type: Literal["contiguity", "inverse_distance", "k_nearest", "file"] = required("Kind of neighbourhood")
    join: dict[str, Names] = key("Declared links of islands", follows=lambda _: {})
    cutoff_km: Kilometres | None = key("Distance beyond which nobody is a neighbour")
    k: Annotated[int, Field(ge=1, le=10000)] | None = key("Number of neighbours")
    path: Path | None = key("A matrix: CSV with columns unit, neighbour, weight; square CSV; .gal; .gwt")
    values: Literal["weights", "distances", "links"] | None = key(
        "What the figures of a file are; distances: a link weighs 1 / distance; links: each weighs one. Needed for "
        ".gwt, which holds distances or weights"
    )
    standardise: Literal["row", "spectral", "none"] = key("How weights are scaled", default="row")


def weights_matrices(written: Mapping[str, Any]) -> dict[str, WeightsMatrix]:
    """Declared matrices in plain values, as they pass through a rule's parameters, by name."""
    return {name: WeightsMatrix.model_validate(values) for name, values in written.items()}
