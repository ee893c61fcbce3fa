"""What speaks for and against an estimate of a policy: trends before it, placebos, bounds and left-out units."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ruralpanel.estimate.base.model import Model
from ruralpanel.estimate.base.policy_parts import Bound, Bounds, Pretrend, TrendPower
from ruralpanel.estimate.base.rows import Estimated
from ruralpanel.output.results import OutputContext
from ruralpanel.output.tables.coefficients import p_value_of
from ruralpanel.output.tables.document import Cell, Column, Row, TableDocument
from ruralpanel.output.tables.notes import declared_notes
from ruralpanel.output.words import word
from ruralpanel.project.formats import format_auto, format_interval, format_p
from ruralpanel.project.kinds.tables import PolicyTable
from ruralpanel.project.problems import raise_any

BOUND_AT = 1.0
"""Multiple of the largest violation before treatment that the printed bounds allow after it."""


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
        context.problem(f"models[{index}]", f'"{model.model}", without treatment', "did or event_study models")
        for index, model in enumerate(models)
        if not model.treatment
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
            ("pretrend", lambda m: _p(m.pretrend.p_value if m.pretrend else p_value_of(m, "pretrend"))),
            ("pretrend_permuted", lambda m: _p(_permuted(m))),
            ("slope_fitted", lambda m: _number(_power(m).slope_fitted, digits)),
            ("slope_found", lambda m: _number(_power(m).joint.slope_80, digits)),
            ("bias_hidden", lambda m: _number(_power(m).joint.bias_80, digits)),
        ],
    )
    section(
        "placebo",
        [
            ("permuted", lambda m: _p(m.randomisation.p_value)),
            ("placebo_range", lambda m: _range(m.randomisation.placebo_low, m.randomisation.placebo_high, digits)),
            ("placebo_dates", lambda m: _dates(m, digits)),
            ("placebo_dates_found", _dates_found),
        ],
    )
    section(
        "bounds",
        [
            ("magnitudes", lambda m: _bounds(m, digits)),
            ("smoothness", lambda m: _smooth(m, digits)),
            ("breakdown", lambda m: _number(_bounded(m).breakdown, 2)),
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
        columns=tuple(Column(context.title(m.model, given)) for m in models),
        rows=tuple(rows),
        notes=(word("policy_note", language), *declared_notes(options, language)),
        language=language,
    )


def _before(model: Model) -> Pretrend:
    return model.pretrend or Pretrend()


def _power(model: Model) -> TrendPower:
    return _before(model).power or TrendPower()


def _permuted(model: Model) -> float | None:
    randomised = _before(model).randomisation
    return randomised.p_value if randomised else None


def _bounded(model: Model) -> Bounds:
    return model.honest_did.average if model.honest_did else Bounds()


def _average(model: Model) -> Estimated | None:
    """Mean effect after treatment: of the event study, or the coefficient of ``treated`` with its first interval."""
    return model.average_effect or next((row for row in model.coefficients if row.term == "treated"), None)


def _effect(model: Model, digits: int) -> Cell:
    average = _average(model)
    return _number(None if average is None else average.number("estimate"), digits)


def _interval(row: Estimated | Bound | None, digits: int) -> Cell:
    if row is None or (row.ci_low is None and row.ci_high is None):
        return Cell()
    return Cell(format_interval(row.ci_low, row.ci_high, digits))


def _number(value: float | None, digits: int) -> Cell:
    return Cell() if value is None else Cell(format_auto(float(value), digits), float(value))


def _p(value: float | None) -> Cell:
    return Cell() if value is None else Cell(format_p(float(value)), float(value))


def _range(low: float | None, high: float | None, digits: int) -> Cell:
    return Cell() if low is None else Cell(format_interval(low, high, digits))


def _around(estimates: Sequence[float], digits: int) -> Cell:
    return _range(min(estimates), max(estimates), digits) if estimates else Cell()


def _dates(model: Model, digits: int) -> Cell:
    return _around([row.estimate for row in model.placebo_dates], digits)


def _dates_found(model: Model) -> Cell:
    p_values = [row.p_value for row in model.placebo_dates if row.p_value is not None]
    return Cell(f"{sum(p < 0.05 for p in p_values)} / {len(p_values)}") if p_values else Cell()


def _bounds(model: Model, digits: int) -> Cell:
    entries = _bounded(model).relative_magnitudes
    return next((_interval(entry, digits) for entry in entries if entry.m == BOUND_AT), Cell())


def _smooth(model: Model, digits: int) -> Cell:
    """Bounds that let the trend bend by no more than half the largest bend before treatment."""
    largest = _bounded(model).largest_slope_change
    entries = _bounded(model).smoothness if largest else ()
    return next(
        (_interval(entry, digits) for entry in entries if largest and abs(entry.m - largest / 2) < 1e-9 * largest),
        Cell(),
    )


def _left_out_range(model: Model, digits: int) -> Cell:
    return _around([entry.estimate for entry in model.leave_one_treated_out], digits)


def _left_out_most(model: Model, units: Mapping[str, str], digits: int) -> Cell:
    average = _average(model)
    if not model.leave_one_treated_out or average is None:
        return Cell()
    whole = average.estimate
    most = max(model.leave_one_treated_out, key=lambda entry: abs(entry.estimate - whole))
    return Cell(f"{format_auto(most.estimate, digits)} ({units.get(most.unit, most.unit)})", most.estimate)


def _without(
    models: Sequence[Model], without: Sequence[str], units: Mapping[str, str], language: str, digits: int
) -> list[Row]:
    rows = []
    for unit in without:
        estimates = [
            next((left.estimate for left in model.leave_one_treated_out if left.unit == unit), None) for model in models
        ]
        label = word("policy_without", language).format(unit=units.get(unit, unit))
        cells = tuple(_number(value, digits) for value in estimates)
        if any(cell.text for cell in cells):
            rows.append(Row(label, cells, "entry", "without", f"left_out.{unit}"))
    return rows
