"""Tables of checks by claim, and of effects by group."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from ruralpanel.claims.robustness.results import ByGroup, GroupSlope, Robustness, read_robustness
from ruralpanel.estimate.base.model_json import LARGE_SIZE
from ruralpanel.estimate.base.rows import Test
from ruralpanel.output.labels import Labels
from ruralpanel.output.results import OutputContext
from ruralpanel.output.tables.coefficients import p_text
from ruralpanel.output.tables.document import Cell, Column, Row, TableDocument
from ruralpanel.output.tables.notes import declared_notes
from ruralpanel.output.words import has_word, word
from ruralpanel.project.formats import format_auto, format_interval, format_p
from ruralpanel.project.kinds import tables as kinds
from ruralpanel.project.kinds.tables import TABLES, robustness_file
from ruralpanel.project.problems import did_you_mean, raise_any

THIRDS = ("lowest", "middle", "highest")
Target = tuple[str, str, Mapping[str, ByGroup]]
"""Model, target (a term) and what is known of its groups."""


def build_heterogeneity(name: str, options: kinds.Heterogeneity, context: OutputContext) -> TableDocument:
    """Groups in rows, the claims' main numbers in columns (keys: `ruralpanel.project.kinds.tables`).

    Raises
    ------
    UserError
        Models on which no claim rests, or whose estimator gives no estimate by group.
    """
    targets, problems = [], []
    for index, model in enumerate(options.models):
        path = robustness_file(model, context.results)
        of_model = _targets(model, read_robustness(path)) if path.is_file() else []
        if not of_model:
            expected = "a model of a claim whose number can be estimated by group"
            problems.append(context.problem(f"models[{index}]", f'"{model}"', expected))
        targets += of_model
    raise_any(problems)
    language, digits = context.language, options.digits
    labels = context.labels([context.models([model])[0].panel for model, _, _ in targets], options)
    rows: list[Row] = []
    for attribute in dict.fromkeys(key for _, _, groups in targets for key in groups):
        rows += _attribute(attribute, targets, labels, digits)
    return TableDocument(
        name=name,
        title=options.title_in(language),
        stub=word("group", language),
        columns=tuple(Column(labels.of(term)) for _, term, _ in targets),
        rows=tuple(rows),
        notes=(word("groups_note", language), *declared_notes(options, language)),
        language=language,
    )


def _targets(model: str, found: Robustness) -> list[Target]:
    return [(model, term, checked.groups) for term, checked in found.targets.items() if checked.main and checked.groups]


def _attribute(attribute: str, targets: Sequence[Target], labels: Labels, digits: int) -> list[Row]:
    language = labels.language
    known = has_word(f"groups_{attribute}")
    heading = word(f"groups_{attribute}", language) if known else attribute.replace("_", " ").capitalize()
    rows = [Row(heading, (), "section")]
    found_by_target = [groups.get(attribute) for _, _, groups in targets]
    by_target = [{entry.group: entry for entry in found.groups} if found else {} for found in found_by_target]
    names = list(dict.fromkeys(group for by_group in by_target for group in by_group))
    for group in THIRDS if set(names) <= set(THIRDS) else names:
        entries = [by_group.get(group) for by_group in by_target]
        label = word(f"groups_{group}", language) if has_word(f"groups_{group}") else labels.of(group)
        key = f"{attribute}.{group}"
        rows += [
            Row(label, tuple(_estimate(entry, digits) for entry in entries), "entry", "estimate", key),
            Row("", tuple(_interval(entry, digits) for entry in entries), "detail", "ci", key),
            Row("", tuple(_adjusted(entry) for entry in entries), "detail", "p_romano_wolf", key),
        ]
    equal = tuple(Cell() if found is None else _equal(found.equal) for found in found_by_target)
    return [*rows, Row(word("groups_equal", language), equal, "entry", "p_equal", attribute)]


def _estimate(entry: GroupSlope | None, digits: int) -> Cell:
    if entry is None or entry.estimate is None:
        return Cell()
    mark = "†" if entry.few_units else ""
    return Cell(f"{format_auto(entry.estimate, digits)}{mark}", entry.estimate)


def _interval(entry: GroupSlope | None, digits: int) -> Cell:
    if entry is None or entry.ci_low is None:
        return Cell()
    return Cell(format_interval(entry.ci_low, entry.ci_high, digits))


def _adjusted(entry: GroupSlope | None) -> Cell:
    if entry is None or entry.p_romano_wolf is None:
        return Cell()
    return Cell(p_text(entry.p_romano_wolf), entry.p_romano_wolf)


def _equal(test: Test) -> Cell:
    """The p-value; with the test's simulated size where that is above 10 %."""
    if math.isnan(test.p_value):
        return Cell()
    large = test.size is not None and test.size > LARGE_SIZE
    said = f" (size {format_auto(100.0 * test.size, 2)}%)" if test.size is not None and large else ""
    return Cell(f"{format_p(test.p_value)}{said}", test.p_value)


Values = Mapping[str, object]


def build_robustness(name: str, options: kinds.Robustness, context: OutputContext) -> TableDocument:
    """A table of the checks of the claims' main models (keys: `ruralpanel.project.kinds.tables`).

    Raises
    ------
    UserError
        No results of robustness, or claims without any.
    """
    file = options.file or str(context.results / TABLES["robustness"].file)
    frame = context.frame(file)
    raise_any(
        context.problem("file", f'{file} without a column "{column}"', "a summary of the claims' checks")
        for column in ("claims", "main")
        if column not in frame
    )
    records = [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
    main = {str(row["claims"]): row for row in records if str(row["main"]) == "True"}
    wanted = options.claims or tuple(sorted(main))
    raise_any(
        context.problem(f"claims[{i}]", f'"{claim}"', "a claim with a main model", did_you_mean(claim, main))
        for i, claim in enumerate(wanted)
        if claim not in main
    )
    language, digits = context.language, options.digits
    units = context.unit_names
    rows: list[Row] = []

    def section(key: str, entries: Mapping[str, Callable[[Values], Cell]]) -> None:
        shown = {entry: tuple(cell(main[claim]) for claim in wanted) for entry, cell in entries.items()}
        shown = {entry: cells for entry, cells in shown.items() if any(cell.text for cell in cells)}
        if shown:
            rows.append(Row(word(f"firm_{key}", language), (), "section"))
            rows.extend(
                Row(word(f"firm_{entry}", language), cells, "entry", entry, f"{key}.{entry}")
                for entry, cells in shown.items()
            )

    def number(column: str) -> Callable[[Values], Cell]:
        return lambda values: _number(values.get(column), digits)

    def share(column: str) -> Callable[[Values], Cell]:
        return lambda values: _share(values.get(column))

    def span(low: str, high: str) -> Callable[[Values], Cell]:
        return lambda values: _span(values, low, high, digits)

    section("number", {"estimate": number("estimate"), "std_error": number("std_error")})
    section(
        "power",
        {"detectable": number("detectable"), "delta": number("delta"), "power_at_delta": share("power_at_delta")},
    )
    section(
        "left_out",
        {
            "units": span("without_unit_min", "without_unit_max"),
            "most": lambda values: _named(values.get("unit_most_influential"), units),
            "units_change_sign": _sign_changes,
            "periods": span("without_period_min", "without_period_max"),
        },
    )
    section(
        "unobserved",
        {
            "robustness_value": share("robustness_value"),
            "robustness_value_5": share("robustness_value_5"),
            "oster_delta": number("oster_delta"),
            "oster_estimate": number("oster_estimate"),
            "reliability": share("least_reliability"),
        },
    )
    section("differs", {"equal_regions": lambda values: _p(values.get("p_equal_regions"))})
    return TableDocument(
        name=name,
        title=options.title_in(language),
        stub=word("firm_check", language),
        columns=tuple(Column(claim) for claim in wanted),
        rows=tuple(rows),
        notes=(word("firm_note", language), *declared_notes(options, language)),
        language=language,
    )


def _number(value: object, digits: int) -> Cell:
    return Cell() if _blank(value) else Cell(format_auto(_float(value), digits), _float(value))


def _share(value: object) -> Cell:
    return Cell() if _blank(value) else Cell(f"{_float(value):.2f}", _float(value))


def _p(value: object) -> Cell:
    return Cell() if _blank(value) else Cell(format_p(_float(value)), _float(value))


def _float(value: object) -> float:
    return float(str(value))


def _span(values: Values, low: str, high: str, digits: int) -> Cell:
    if _blank(values.get(low)):
        return Cell()
    return Cell(format_interval(_float(values[low]), _float(values[high]), digits))


def _named(value: object, units: Mapping[str, str]) -> Cell:
    return Cell() if _blank(value) else Cell(units.get(str(value), str(value)))


def _sign_changes(values: Values) -> Cell:
    if _blank(values.get("without_unit_min")):
        return Cell()
    units = values.get("units_change_sign")
    number = 0 if _blank(units) else len(str(units).split())
    return Cell(str(number), number)


def _blank(value: object) -> bool:
    return value is None or value != value
