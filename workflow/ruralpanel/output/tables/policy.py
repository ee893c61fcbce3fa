"""What speaks for and against an estimate of a policy: trends before it, placebos, bounds and left-out units."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ruralpanel.output.results import OutputContext
from ruralpanel.output.tables.document import Cell, Column, Row, TableDocument
from ruralpanel.output.tables.notes import declared_notes
from ruralpanel.output.words import word
from ruralpanel.project.formats import format_auto, format_interval, format_p
from ruralpanel.project.kinds.tables import PolicyTable
from ruralpanel.project.problems import raise_any

BOUND_AT = 1.0
"""Multiple of the largest violation before treatment that the printed bounds allow after it."""

Model = Mapping[str, Any]


def build(name: str, options: PolicyTable, context: OutputContext) -> TableDocument:
    """Checks in rows, policy models (``did``, ``event_study``) in columns (keys: `ruralpanel.project.kinds.tables`).

    Rows that no model has are left out.

    Raises
    ------
    UserError
        Models without result, or without a treatment.
    """
    models = context.models(options.models)
    language, digits = context.language, options.digits
    problems = [
        context.problem(f"models[{index}]", f'"{model["model"]}", without treatment', "did or event_study models")
        for index, model in enumerate(models)
        if not model.get("treatment")
    ]
    raise_any(problems)
    given = options.model_labels
    units = context.unit_names
    rows: list[Row] = []

    def section(key: str, entries: Sequence[tuple[str, Callable[[Model], Cell]]]) -> None:
        shown = [(entry, tuple(cell(model) for model in models)) for entry, cell in entries]
        shown = [(entry, cells) for entry, cells in shown if any(cell.text for cell in cells)]
        if shown:
            rows.append(Row(word(f"policy_{key}", language), (), "section"))
            rows.extend(
                Row(word(f"policy_{entry}", language), cells, "entry", entry, f"{key}.{entry}")
                for entry, cells in shown
            )

    section(
        "estimate",
        [("effect", lambda m: _effect(m, digits)), ("interval", lambda m: _interval(_average(m), digits))],
    )
    section(
        "before",
        [
            ("pretrend", lambda m: _p((m.get("pretrend") or m.get("tests", {}).get("pretrend") or {}).get("p_value"))),
            ("pretrend_permuted", lambda m: _p(_at(m, "pretrend", "randomisation", "p_value"))),
            ("slope_fitted", lambda m: _number(_at(m, "pretrend", "power", "slope_fitted"), digits)),
            ("slope_found", lambda m: _number(_at(m, "pretrend", "power", "joint", "slope_80"), digits)),
            ("bias_hidden", lambda m: _number(_at(m, "pretrend", "power", "joint", "bias_80"), digits)),
        ],
    )
    section(
        "placebo",
        [
            ("permuted", lambda m: _p(_at(m, "randomisation", "p_value"))),
            ("placebo_range", lambda m: _range(_at(m, "randomisation"), "placebo_low", "placebo_high", digits)),
            ("placebo_dates", lambda m: _dates(m, digits)),
            ("placebo_dates_found", _dates_found),
        ],
    )
    section(
        "bounds",
        [
            ("magnitudes", lambda m: _bounds(m, digits)),
            ("smoothness", lambda m: _smooth(m, digits)),
            ("breakdown", lambda m: _number(_at(m, "honest_did", "average", "breakdown"), 2)),
        ],
    )
    without = options.without or ()
    section(
        "left_out",
        [
            ("left_out_range", lambda m: _left_out_range(m, digits)),
            ("left_out_most", lambda m: _left_out_most(m, units, digits)),
        ],
    )
    rows += _without(models, without, units, language, digits)
    return TableDocument(
        name=name,
        title=options.title_in(language),
        stub=word("diagnostic", language),
        columns=tuple(Column(context.title(m["model"], given)) for m in models),
        rows=tuple(rows),
        notes=(word("policy_note", language), *declared_notes(options, language)),
        language=language,
    )


def _at(model: Model, *path: str) -> Any:
    value: Any = model
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _average(model: Model) -> Mapping[str, Any] | None:
    """Mean effect after treatment: of the event study, or the coefficient of ``treated`` with its first interval."""
    if model.get("average_effect"):
        return dict(model["average_effect"])
    return next((row for row in model["coefficients"] if row["term"] == "treated"), None)


def _effect(model: Model, digits: int) -> Cell:
    return _number((_average(model) or {}).get("estimate"), digits)


def _interval(row: Mapping[str, Any] | None, digits: int) -> Cell:
    if row is None or (row.get("ci_low") is None and row.get("ci_high") is None):
        return Cell()
    return Cell(format_interval(row["ci_low"], row["ci_high"], digits))


def _number(value: float | None, digits: int) -> Cell:
    return Cell() if value is None else Cell(format_auto(float(value), digits), float(value))


def _p(value: float | None) -> Cell:
    return Cell() if value is None else Cell(format_p(float(value)), float(value))


def _range(values: Mapping[str, Any] | None, low: str, high: str, digits: int) -> Cell:
    if not values or values.get(low) is None:
        return Cell()
    return Cell(format_interval(values[low], values[high], digits))


def _dates(model: Model, digits: int) -> Cell:
    estimates = [float(entry["estimate"]) for entry in model.get("placebo_dates") or ()]
    return Cell(format_interval(min(estimates), max(estimates), digits)) if estimates else Cell()


def _dates_found(model: Model) -> Cell:
    p_values = [entry["p_value"] for entry in model.get("placebo_dates") or () if entry.get("p_value") is not None]
    return Cell(f"{sum(p < 0.05 for p in p_values)} / {len(p_values)}") if p_values else Cell()


def _bounds(model: Model, digits: int) -> Cell:
    entries = _at(model, "honest_did", "average", "relative_magnitudes") or ()
    return next((_interval(entry, digits) for entry in entries if entry["m"] == BOUND_AT), Cell())


def _smooth(model: Model, digits: int) -> Cell:
    """Bounds that let the trend bend by no more than half the largest bend before treatment."""
    entries = _at(model, "honest_did", "average", "smoothness") or ()
    largest = _at(model, "honest_did", "average", "largest_slope_change")
    near = [entry for entry in entries if largest and abs(entry["m"] - largest / 2) < 1e-9 * largest]
    return _interval(near[0], digits) if near else Cell()


def _left_out(model: Model) -> Sequence[Mapping[str, Any]]:
    return list(model.get("leave_one_treated_out") or ())


def _left_out_range(model: Model, digits: int) -> Cell:
    estimates = [float(entry["estimate"]) for entry in _left_out(model)]
    return Cell(format_interval(min(estimates), max(estimates), digits)) if estimates else Cell()


def _left_out_most(model: Model, units: Mapping[str, str], digits: int) -> Cell:
    average = _average(model)
    if not _left_out(model) or average is None:
        return Cell()
    most = max(_left_out(model), key=lambda entry: abs(entry["estimate"] - average["estimate"]))
    estimate = float(most["estimate"])
    return Cell(f"{format_auto(estimate, digits)} ({units.get(most['unit'], most['unit'])})", estimate)


def _without(
    models: Sequence[Model], without: Sequence[str], units: Mapping[str, str], language: str, digits: int
) -> list[Row]:
    rows = []
    for unit in without:
        estimates = [next((e["estimate"] for e in _left_out(m) if e["unit"] == unit), None) for m in models]
        label = word("policy_without", language).format(unit=units.get(unit, unit))
        cells = tuple(_number(value, digits) for value in estimates)
        if any(cell.text for cell in cells):
            rows.append(Row(label, cells, "entry", "without", f"left_out.{unit}"))
    return rows
