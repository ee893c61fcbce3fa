"""Coefficients of models, formatted for the cells of a table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from ruralpanel.estimate.base.model import Model
from ruralpanel.estimate.base.model_json import finite
from ruralpanel.estimate.base.rows import Estimated
from ruralpanel.output.results import OutputContext
from ruralpanel.output.tables.document import Cell
from ruralpanel.output.tables.inference_words import term_sizes
from ruralpanel.project.formats import format_number, format_p, format_set
from ruralpanel.project.kinds.tables import ByOutcome, Regression
from ruralpanel.project.problems import raise_any

SETS = ("ci", "ci_wild", "ci_ar", "interval")
"""Statistics that are sets of values: intervals, but for Anderson–Rubin sets."""

DECIDING = "interval"
"""The one interval that decides, and as a source of stars its p-value: of the wild bootstrap, else the first setting's.

Of an instrumented coefficient it is the Anderson–Rubin set.
"""

DEFAULT_STARS = (0.10, 0.05, 0.01)

FURTHER = ("std_error_second", "p_value", "p_wild", "p_permutation", "ci", "ci_wild", "ci_ar")
"""What a companion table says of inference, where the table itself does not."""

STAR_SOURCES = ("p_value", "p_wild", "p_permutation")
"""p-values that stars may come from."""


def has_statistic(model: Model, name: str) -> bool:
    """Whether any coefficient of the model has the statistic."""
    if name == DECIDING:
        return any(has_statistic(model, one) for one in ("ci_ar", "ci_wild", "ci"))
    if name in SETS:
        return any(model.set_of(entry, name) is not None for entry in model.coefficients)
    if name == "size":
        return any(term_sizes(model, entry.term) for entry in model.coefficients)
    if name == "std_error_second":
        return any(second_error(model, entry.term) is not None for entry in model.coefficients)
    return any(entry.number(name) is not None for entry in model.coefficients)


def second_error(model: Model, term: str) -> float | None:
    """The standard error under the second of the model's settings that give errors (CR2 beside CR1)."""
    settings = [
        {row.term: row.std_error for row in setting.coefficients if row.std_error} for setting in model.inference
    ]
    with_errors = [errors for errors in settings if errors]
    return with_errors[1].get(term) if len(with_errors) > 1 else None


def detail_cell(model: Model, entry: Estimated | None, name: str, digits: int) -> Cell:
    """What stands beneath an estimate: ``(0.130)``, ``[−0.052, 0.410]``, ``p = 0.113``; empty where there is none."""
    if entry is None:
        return Cell()
    if name in SETS:
        return set_cell(model, entry, name, digits)
    if name == "size":
        sizes = term_sizes(model, entry.term)
        return Cell(f"size {'/'.join(sizes)}%" if sizes else "")
    second = name == "std_error_second"
    value = second_error(model, entry.term) if second else entry.number(name)
    if value is None:
        return Cell()
    if second:
        return Cell(f"{{{format_number(value, digits)}}}", value)
    if name == "std_error":
        return Cell(f"({format_number(value, digits)})", value)
    if name == "statistic":
        return Cell(f"t = {format_number(value, 2)}", value)
    return Cell(p_text(value, digits), value)


def set_cell(model: Model, entry: Estimated, name: str, digits: int) -> Cell:
    """``[−0.052, 0.410]``, ``[−∞, −1.2] ∪ [0.3, ∞]``, ``∅``; empty where nobody computed the set."""
    names = ("ci_ar", "ci_wild", "ci") if name == DECIDING else (name,)
    found = (model.set_of(entry, one) for one in names)
    pieces = next((one for one in found if one is not None), None)
    if pieces is None:
        return Cell()
    ends = pieces[0] if len(pieces) == 1 and all(map(math.isfinite, pieces[0])) else ()
    return Cell(format_set(pieces, digits), ends=ends)


def p_value_of(model: Model, test: str) -> float | None:
    """The p-value of one of a model's tests; None where it has none."""
    return finite(model.tests[test].p_value) if test in model.tests else None


def p_text(value: float, digits: int = 3) -> str:
    """``p = 0.113``, ``p < 0.001``."""
    text = format_p(value, digits)
    return f"p < {text[1:]}" if text.startswith("<") else f"p = {text}"


def estimate_cell(entry: Estimated | None, digits: int, levels: Sequence[float], source: str = "p_value") -> Cell:
    """The estimate, starred by the p-value `source` where `levels` ask for it; empty where the model lacks the term."""
    if entry is None:
        return Cell()
    value = entry.number("estimate")
    if source == DECIDING:
        source = "p_value" if entry.p_wild is None else "p_wild"
    return Cell(format_number(value, digits) + stars(entry.number(source), levels), value)


def star_source(shown: Sequence[str]) -> str:
    """The p-value that stars come from: the first that is shown, else that of the interval shown, else the first's.

    A table has one kind of stars, so that none contradicts a p-value or an interval beneath it.
    """
    p_values = [name for name in shown if name in STAR_SOURCES]
    of_intervals = {"ci": "p_value", "ci_wild": "p_wild", DECIDING: DECIDING}
    intervals = [of_intervals[name] for name in shown if name in of_intervals]
    return next(iter((*p_values, *intervals)), "p_value")


def stars(p_value: float | None, levels: Sequence[float]) -> str:
    """One star for each level that the p-value is below."""
    return "" if p_value is None else "*" * sum(p_value < level for level in levels)


def star_levels(options: Regression | ByOutcome) -> tuple[float, ...]:
    """The levels of the stars, the largest first; none by default."""
    declared = options.stars
    if declared is True:
        return DEFAULT_STARS
    return tuple(sorted((float(level) for level in declared or ()), reverse=True))


def shown_statistics(
    options: Regression | ByOutcome, models: Sequence[Model], context: OutputContext, first: tuple[str, ...]
) -> tuple[str, ...]:
    """What stands beneath the estimates: as declared, or std_error and those of `first` that some model has, else ci.

    A table without the interval that decides shows an instrumented model's Anderson–Rubin set too.

    Raises
    ------
    UserError
        A declared statistic that no model has.
    """
    declared = options.show
    if declared is None:
        more = () if DECIDING in first else ("ci_ar",)
        present = tuple(name for name in (*first, *more) if any(has_statistic(model, name) for model in models))
        return ("std_error", *(present or ("ci",)))
    raise_any(
        context.problem(
            f"show[{index}]",
            f'"{name}", which none of the models has',
            "a statistic of the models",
            "declare the inference that computes it, or leave it out",
        )
        for index, name in enumerate(declared)
        if not any(has_statistic(model, name) for model in models)
    )
    return declared


def terms_of(models: Iterable[Model]) -> tuple[str, ...]:
    """All terms in the order of their first appearance; main terms before interactions, constants last."""
    names = dict.fromkeys(entry.term for model in models for entry in model.coefficients)
    constants = {"const", "constant", "_cons", "Intercept", "intercept"}
    return tuple(sorted(names, key=lambda name: (name in constants, ":" in name)))
