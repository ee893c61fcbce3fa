"""How firm the claims' main numbers are: checks in rows, claims in columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from ruralpanel.contracts.problems import did_you_mean, raise_any
from ruralpanel.contracts.table_keys import DEFAULT_FILES
from ruralpanel.formats import format_auto, format_interval, format_p
from ruralpanel.labels import localised
from ruralpanel.output_context import OutputContext
from ruralpanel.tables.layout import Cell, Column, Row, TableDocument
from ruralpanel.tables.model_notes import declared_notes
from ruralpanel.wording import word

Values = Mapping[str, Any]


def build(name: str, spec: Mapping[str, Any], context: OutputContext) -> TableDocument:
    """A table of the checks of the claims' main models (keys: `ruralpanel.contracts.table_keys`).

    Raises
    ------
    UserError
        No results of robustness, or claims without any.
    """
    file = str(spec.get("file") or context.results / DEFAULT_FILES["robustness"])
    frame = context.frame(file)
    raise_any(
        context.problem("file", f'{file} without a column "{column}"', "a summary of the claims' checks")
        for column in ("claims", "main")
        if column not in frame
    )
    records = [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
    main = {str(row["claims"]): row for row in records if str(row["main"]) == "True"}
    wanted = [str(claim) for claim in spec.get("claims") or sorted(main)]
    raise_any(
        context.problem(f"claims[{i}]", f'"{claim}"', "a claim with a main model", did_you_mean(claim, main))
        for i, claim in enumerate(wanted)
        if claim not in main
    )
    language, digits = context.language, int(spec.get("digits", 3))
    units = context.unit_names
    rows: list[Row] = []

    def section(key: str, entries: Mapping[str, Callable[[Values], Cell]]) -> None:
        found = {entry: tuple(cell(main[claim]) for claim in wanted) for entry, cell in entries.items()}
        found = {entry: cells for entry, cells in found.items() if any(cell.text for cell in cells)}
        if found:
            rows.append(Row(word(f"firm_{key}", language), (), "section"))
            rows.extend(
                Row(word(f"firm_{entry}", language), cells, "entry", entry, f"{key}.{entry}")
                for entry, cells in found.items()
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
        title=localised(spec, "title", language),
        stub=word("firm_check", language),
        columns=tuple(Column(claim) for claim in wanted),
        rows=tuple(rows),
        notes=(word("firm_note", language), *declared_notes(spec, language)),
        language=language,
    )


def _number(value: Any, digits: int) -> Cell:
    return Cell() if _blank(value) else Cell(format_auto(float(value), digits), float(value))


def _share(value: Any) -> Cell:
    return Cell() if _blank(value) else Cell(f"{float(value):.2f}", float(value))


def _p(value: Any) -> Cell:
    return Cell() if _blank(value) else Cell(format_p(float(value)), float(value))


def _span(values: Values, low: str, high: str, digits: int) -> Cell:
    if _blank(values.get(low)):
        return Cell()
    return Cell(format_interval(float(values[low]), float(values[high]), digits))


def _named(value: Any, units: Mapping[str, str]) -> Cell:
    return Cell() if _blank(value) else Cell(units.get(str(value), str(value)))


def _sign_changes(values: Values) -> Cell:
    if _blank(values.get("without_unit_min")):
        return Cell()
    units = values.get("units_change_sign")
    number = 0 if _blank(units) else len(str(units).split())
    return Cell(str(number), number)


def _blank(value: Any) -> bool:
    return value is None or bool(pd.isna(value))
