"""Every figure read, held against totals, relations, its neighbours in time, other units and other sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ruralpanel.contracts.problems import raise_any
from ruralpanel.contracts.sidecar import sidecar_from
from ruralpanel.contracts.specs import SourceSpec
from ruralpanel.reconcile.changes import changes
from ruralpanel.reconcile.declared import declare
from ruralpanel.reconcile.finding import CHECKS, Finding
from ruralpanel.reconcile.jumps import common_jumps, unit_jumps
from ruralpanel.reconcile.matrix import Matrix, is_coded, matrices
from ruralpanel.reconcile.outliers import outliers
from ruralpanel.reconcile.relations import identities, ranges, verified
from ruralpanel.reconcile.repeats import repeats
from ruralpanel.reconcile.totals import control_totals, unheld
from ruralpanel.reconcile.twins import other_sources

JUMP, REPEAT = 0.5, 3


def reconcile(
    figures: Mapping[str, pd.DataFrame],
    sources: Mapping[str, SourceSpec],
    totals: pd.DataFrame | None = None,
    checks: Mapping[str, Any] | None = None,
    file: str = "control_totals",
) -> tuple[Finding, ...]:
    """Run every check over every figure of every source.

    Parameters
    ----------
    figures : source → ingest table, as `ruralpanel.harmonise.harmonise` gives it (after corrections).
    sources : source → its specification, with the sidecar's breaks, identities and known faults.
    totals : national figures, as `ruralpanel.reconcile.totals.load_control_totals` gives them.
    checks : ``jump`` (log points) and ``repeat`` (equal figures in a row), as in the configuration.
    file : where the totals stand, for messages.

    Returns
    -------
    tuple of Finding
        Declared and undeclared, ordered by source, series, check, period and unit.

    Raises
    ------
    UserError
        Totals that no figure can be held against.
    """
    series = matrices(figures, sources)
    if totals is not None:
        raise_any(unheld(totals, sources, series, file))
    settings = {"jump": JUMP, "repeat": REPEAT, **(checks or {})}
    found = list(_all(series, sources, totals, settings))
    order = {check: i for i, check in enumerate(CHECKS)}
    found.sort(key=lambda f: (f.source, f.series, order[f.check], f.period, f.unit, f.involved))
    return declare(found, sources, series)


def _all(
    series: Sequence[Matrix],
    sources: Mapping[str, SourceSpec],
    totals: pd.DataFrame | None,
    settings: Mapping[str, Any],
) -> Iterator[Finding]:
    if totals is not None:
        yield from control_totals(series, totals)
    sound: set[tuple[str, str, str]] = set()
    for name, spec in sources.items():
        mine = {matrix.spec.key: matrix for matrix in series if matrix.source == name}
        relations = sidecar_from(spec.about or {}).identities
        yield from identities(mine, relations)
        sound |= verified(mine, relations)
    for matrix in series:
        yield from ranges(matrix)
        if is_coded(matrix):  # a dummy that turns one jumps by nature
            continue
        yield from repeats(matrix, int(settings["repeat"]))
        if len(matrix.periods) > 1 and np.any(np.isfinite(matrix.values)):
            split = changes(matrix)
            yield from common_jumps(split)
            yield from unit_jumps(split, float(settings["jump"]))
    yield from outliers([matrix for matrix in series if not is_coded(matrix)], sound)
    yield from other_sources(series)
