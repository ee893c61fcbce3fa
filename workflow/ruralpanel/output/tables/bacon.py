"""Which comparisons of two groups of units a two-way effect of a policy is the mean of."""

from __future__ import annotations

from collections.abc import Sequence

from ruralpanel.estimate.base.model import Model
from ruralpanel.estimate.base.policy_parts import Comparison, TwoByTwo
from ruralpanel.output.results import OutputContext
from ruralpanel.output.tables.document import Cell, Column, Row, TableDocument
from ruralpanel.output.tables.notes import declared_notes
from ruralpanel.output.words import word
from ruralpanel.project.formats import format_auto, format_count, format_number
from ruralpanel.project.kinds.tables import PolicyModels
from ruralpanel.project.periods import label
from ruralpanel.project.problems import Problem, raise_any

_KINDS = ("untreated", "earlier", "later")
_HEADS = ("bacon_weight", "estimate", "bacon_n_treated", "bacon_n_control")


def build(name: str, options: PolicyModels, context: OutputContext) -> TableDocument:
    """Comparisons in rows, by kind with the sum of their weights and their mean; the two-way effect below.

    Raises
    ------
    UserError
        Models without result, or whose effect is no mean of such comparisons.
    """
    models = context.models(options.models)
    raise_any(problem for index, model in enumerate(models) for problem in _problems(index, model, context))
    language, digits = context.language, options.digits
    given = options.model_labels
    rows: list[Row] = []
    for model in models:
        if len(models) > 1:
            rows.append(Row(context.title(model.model, given), (), "section"))
        rows += _rows(model, language, digits)
    return TableDocument(
        name=name,
        title=options.title_in(language),
        stub=word("bacon_comparison", language),
        columns=tuple(Column(word(head, language)) for head in _HEADS),
        rows=tuple(rows),
        notes=(word("bacon_note", language), *declared_notes(options, language)),
        language=language,
    )


def _problems(index: int, model: Model, context: OutputContext) -> Sequence[Problem]:
    decomposition = model.two_by_two
    expected = "a two-way did model in a balanced panel, without controls, weights and group_trends"
    shown = f'"{model.model}"'
    if decomposition is None:
        return [context.problem(f"models[{index}]", shown, expected)]
    beside = " and ".join(decomposition.beside)
    return [context.problem(f"models[{index}]", f"{shown} with {beside}", expected)] if beside else []


def _rows(model: Model, language: str, digits: int) -> list[Row]:
    decomposition, key = model.two_by_two or TwoByTwo(), model.model
    rows = []
    for kind in _KINDS:
        of_kind = [one for one in decomposition.comparisons if one.kind == kind]
        if not of_kind:
            continue
        weight = sum(one.weight for one in of_kind)
        mean = sum(one.weight * one.estimate for one in of_kind) / weight
        cells = (*_numbers(weight, mean, digits), Cell(), Cell())
        rows.append(Row(word(f"bacon_{kind}", language), cells, "entry", "mean", f"{key}.{kind}"))
        rows += [_comparison(one, key, language, digits) for one in of_kind]
    cells = (*_numbers(1.0, decomposition.estimate, digits), Cell(), Cell())
    return [*rows, Row(word("bacon_total", language), cells, "summary", "estimate", key)]


def _comparison(one: Comparison, model: str, language: str, digits: int) -> Row:
    treated = _date(one.treated)
    control = word("bacon_never", language) if one.control is None else _date(one.control)
    counts = (Cell(format_count(count), count) for count in (one.n_treated, one.n_control))
    return Row(
        word("bacon_pair", language).format(treated=treated, control=control),
        (*_numbers(one.weight, one.estimate, digits), *counts),
        "entry",
        "comparison",
        f"{model}.{one.kind}.{treated}.{'never' if one.control is None else control}",
    )


def _date(period: int | str) -> str:
    """A first treated period as people write it: the results hold quarters and months by number or by label."""
    return label(period) if isinstance(period, int) else period


def _numbers(weight: float, estimate: float, digits: int) -> tuple[Cell, Cell]:
    return Cell(format_number(weight, digits), weight), Cell(format_auto(estimate, digits), estimate)
