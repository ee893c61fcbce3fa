"""Convergent validity: how far several measures of one thing agree across units."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ruralpanel.output.labels import Labels
from ruralpanel.output.results import OutputContext
from ruralpanel.output.tables.document import Cell, Column, Row, TableDocument
from ruralpanel.output.tables.notes import declared_notes
from ruralpanel.output.words import sentence, word
from ruralpanel.project.formats import format_count, format_interval, format_number
from ruralpanel.project.kinds.options import in_language
from ruralpanel.project.kinds.tables import Compared, Validity
from ruralpanel.project.problems import Problem, UserError, raise_any

_Z_95 = 1.959963984540054


@dataclass(frozen=True)
class Correlation:
    """A correlation of `n` pairs, with the 95 % interval of Fisher's z (None below four pairs)."""

    r: float
    n: int
    low: float | None
    high: float | None


def correlate(x: pd.Series[Any], y: pd.Series[Any], method: str = "pearson") -> Correlation:
    """Correlation of two series over the index entries where both have a figure; NaN where one does not vary.

    The interval is ``tanh(atanh r ± 1.96 / √(n − 3))`` (Fisher 1921); for ranks the same with the variance
    1.06 / (n − 3) of Fieller, Hartley & Pearson (1957).
    """
    pairs = pd.concat([x, y], axis=1, join="inner").dropna()
    n = len(pairs)
    if n < 3 or (pairs.nunique() < 2).any():
        return Correlation(float("nan"), n, None, None)
    columns = pairs.rank() if method == "spearman" else pairs
    r = float(np.corrcoef(columns.to_numpy(dtype=float), rowvar=False)[0, 1])
    if n < 4 or abs(r) >= 1:
        return Correlation(r, n, None, None)
    width = _Z_95 * math.sqrt((1.06 if method == "spearman" else 1.0) / (n - 3))
    return Correlation(r, n, math.tanh(math.atanh(r) - width), math.tanh(math.atanh(r) + width))


def build(name: str, options: Validity, context: OutputContext) -> TableDocument:
    """The lower triangle of correlations among outcomes, N beneath each (keys: `ruralpanel.project.kinds.tables`).

    Raises
    ------
    UserError
        Unknown panels, variables or periods.
    """
    outcomes, method = options.outcomes, options.method
    series, labels, logged = _outcomes(options, context)
    digits = options.digits
    rows: list[Row] = []
    for i, label in enumerate(labels):
        pairs = [correlate(series[i], series[j], method) for j in range(i)]
        blank = [Cell()] * (len(labels) - i - 1)
        key = f"{outcomes[i].panel}.{outcomes[i].variable}.{outcomes[i].period}"
        diagonal = Cell("1")
        estimates = [Cell(format_number(pair.r, digits), None if math.isnan(pair.r) else pair.r) for pair in pairs]
        rows.append(Row(f"({i + 1}) {label}", (*estimates, diagonal, *blank), "entry", "correlation", key))
        if options.interval and i:
            limits = [Cell(format_interval(pair.low, pair.high, digits)) for pair in pairs]
            rows.append(Row("", (*limits, Cell(), *blank), "detail", "ci", key))
        counts = [Cell(f"({format_count(pair.n)})", pair.n) for pair in pairs]
        size = int(series[i].notna().sum())
        rows.append(Row("", (*counts, Cell(f"({size})", size), *blank), "detail", "n", key))

    language = context.language
    return TableDocument(
        name=name,
        title=options.title_in(language) or word("table.titles.validity", language),
        stub=word("outcome", language),
        columns=tuple(Column(f"({number})", "centre") for number in range(1, len(labels) + 1)),
        rows=tuple(rows),
        notes=(
            *_notes(series, logged, method, options.interval, language),
            *declared_notes(options, language),
        ),
        language=language,
    )


def _outcomes(options: Validity, context: OutputContext) -> tuple[list[pd.Series[Any]], list[str], list[str]]:
    """Per outcome: its values by unit (in logs where asked for), its label, and whether the log was taken here."""
    series: list[pd.Series[Any]] = []
    labels: list[str] = []
    logged: list[str] = []
    problems: list[Problem] = []
    for index, outcome in enumerate(options.outcomes):
        panel, variable = outcome.panel, outcome.variable
        try:
            frame = context.panel(panel, [variable], f"outcomes[{index}]")
        except UserError as error:
            problems += error.problems
            continue
        at = frame[frame["period"] == outcome.period]
        if at.empty:
            known = sorted(set(frame["period"]))
            problems.append(
                context.problem(
                    f"outcomes[{index}].period",
                    str(outcome.period),
                    f"a period of panel {panel}",
                    f"{known[0]} to {known[-1]}",
                )
            )
            continue
        names = context.labels([panel], options)
        values = at.set_index("unit")[variable].astype(float)
        take = _takes_log(outcome, options.transform, names, variable)
        if take == "here":
            values = pd.Series(np.log(values.where(values > 0)), values.index)
        series.append(values.rename(str(index)))
        called = in_language(outcome.label, outcome.label_zh, context.language) or names.of(variable)
        period = str(outcome.period)
        labels.append(called if period in called else called + word("comma", context.language) + period)
        logged.append(take)
    raise_any(problems)
    return series, labels, logged


def _takes_log(outcome: Compared, transform: str, labels: Labels, variable: str) -> str:
    """``here``: take the logarithm; ``already``: the formula is one; ``none``: leave the figures as they are."""
    formula = labels.formulas.get(variable, "").replace(" ", "")
    if outcome.log is not None:
        return "here" if outcome.log else ("already" if formula.startswith("log(") else "none")
    if formula.startswith("log("):
        return "already"
    return "here" if transform == "log" else "none"


def _notes(
    series: Sequence[pd.Series[Any]], logged: Sequence[str], method: str, interval: bool, language: str
) -> tuple[str, ...]:
    units = {unit for values in series for unit in values[values.notna()].index}
    name = method.capitalize()
    facts = [
        word("validity.what", language, method=name),
        word("validity.pairs", language),
        f"{word('sample', language)}{word('colon', language)}{word('all', language)}",
        f"{word('n_units', language)}{word('colon', language)}{len(units)}",
    ]
    if interval:
        facts.append(word("validity.intervals", language))
    plain = [str(number) for number, take in enumerate(logged, 1) if take == "none"]
    if len(plain) == len(logged):
        facts.append(word("validity.none", language))
    elif plain:
        columns = ", ".join(f"({number})" for number in plain)
        facts.append(word("validity.except", language, columns=columns))
    else:
        facts.append(word("validity.log", language))
    return (sentence(facts, language),)
