"""How many units were in which regime in each span, and how many moved from which to which."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from ruralpanel.contracts.problems import UserError
from ruralpanel.labels import localised
from ruralpanel.output_context import OutputContext
from ruralpanel.regimes import REGIMES, from_spec, regime_names, transitions
from ruralpanel.tables.layout import Cell, Column, Row, Spanner, TableDocument
from ruralpanel.tables.model_notes import declared_notes


def build(name: str, spec: Mapping[str, Any], context: OutputContext) -> TableDocument:
    """Counts by span on the left, the matrix of moves from each span to the next on the right.

    Raises
    ------
    UserError
        Unknown panel, variables or years.
    """
    frame = context.panel(str(spec["panel"]), [str(spec["first"]), str(spec["second"])])
    known = set(frame["period"])
    missing = sorted({year for span in spec["spans"] for year in span} - known)
    if missing:
        raise UserError(context.problem("spans", ", ".join(map(str, missing)), f"years of panel {spec['panel']}"))
    regimes = from_spec(frame, spec)
    names = regime_names(spec, context.language)
    spans = list(regimes.columns)
    columns = [Column(span) for span in spans]
    spanners = [Spanner("省份数" if context.language == "zh" else "Provinces in each regime", 0, len(spans) - 1)]
    moves = []
    for earlier, later in pairwise(spans):
        spanners.append(Spanner(f"{earlier} → {later}", len(columns), len(columns) + len(REGIMES) - 1))
        columns += [Column(f"→ {names[regime]}") for regime in REGIMES]
        moves.append(transitions(regimes, earlier, later))
    rows = []
    for regime in REGIMES:
        counts = [int((regimes[span] == regime).sum()) for span in spans]
        counts += [int(count) for matrix in moves for count in matrix.loc[regime].to_numpy()]
        cells = tuple(Cell(str(count), count) for count in counts)
        rows.append(Row(names[regime], cells, statistic="units", key=regime))
    members = [
        f"{span}: " + "; ".join(f"{names[r]}: {_members(regimes[span], r, context)}" for r in REGIMES) for span in spans
    ]
    return TableDocument(
        name=name,
        title=localised(spec, "title", context.language),
        stub="格局" if context.language == "zh" else "Regime",
        columns=tuple(columns),
        rows=tuple(rows),
        spanners=(tuple(spanners),),
        notes=(*members, *declared_notes(spec, context.language)),
        language=context.language,
    )


def _members(column: Any, regime: str, context: OutputContext) -> str:
    units = [str(unit) for unit in column.index[column == regime]]
    names = context.unit_names
    return ", ".join(names.get(unit, unit) for unit in units) or "–"
