"""Which findings are declared, and whether the others stop the run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace

import numpy as np
import pandas as pd

from ruralpanel.data.reconcile.changes import changes, common_jumps, unit_jumps
from ruralpanel.data.reconcile.findings import CHECKS, Finding, Matrix, is_coded, matrices
from ruralpanel.data.reconcile.repeats import outliers, repeats
from ruralpanel.data.reconcile.totals import control_totals, identities, other_sources, ranges, unheld, verified
from ruralpanel.project.notes import Note, note
from ruralpanel.project.problems import raise_any
from ruralpanel.project.sections.configuration import Checks
from ruralpanel.project.sidecars import KnownFault, SourceSpec

_OF_YEAR = ("spread", "repeated_year")
_MANY = 4  # units that a declaration names: enough to make a whole year scatter
_IN_TIME = ("jump", "spike", "common_jump", "spread")


def declare(
    findings: Iterable[Finding], sources: Mapping[str, SourceSpec], series: Sequence[Matrix]
) -> tuple[Finding, ...]:
    """The findings, each with whether and by what it is declared.

    - A **break** accounts for changes (``jump``, ``spike``, ``common_jump``, ``spread``) into its first year, of the
      units it names or of all; for a whole year's scatter a break of four units will do.
    - A **known fault** accounts for findings of its series, units and years; for changes also out of its years; for
      what is seen in a sum (``control_total``) also where it names units, for what is seen in a year (``spread``,
      ``repeated_year``) where it names four, for an ``outlier`` only where it names the unit.
    - A **correction** accounts for changes at the figure that it touched.
    """
    faults = {name: spec.described.known_faults for name, spec in sources.items()}
    matrices = {matrix.name: matrix for matrix in series}
    corrected = {name for name, matrix in matrices.items() if matrix.corrected.any()}
    return tuple(_declared(finding, faults, matrices, corrected) for finding in findings)


def _declared(
    finding: Finding,
    faults: Mapping[str, Sequence[KnownFault]],
    matrices: Mapping[str, Matrix],
    corrected: Set[str],
) -> Finding:
    if finding.declared:
        return finding
    full_name = f"{finding.source}.{finding.series}"
    by = _break(finding, matrices[full_name])
    if by is None and full_name in corrected:
        by = _correction(finding, matrices[full_name])
    for name in (full_name, *finding.involved):
        source, _, key = name.partition(".")
        by = by or _fault(finding, key, faults.get(source, ()))
    return replace(finding, declared=True, declared_by=by) if by else finding


def _break(finding: Finding, matrix: Matrix) -> Note | None:
    if finding.check not in _IN_TIME:
        return None
    for year, entry in matrix.spec.breaks.items():
        units = entry.units or ()
        many = finding.check == "spread" and len(units) >= _MANY
        concerned = finding.unit in units if finding.unit else many
        if finding.since < year <= finding.period and (not units or concerned):
            return note("declared_break", year=year, what=entry.what)
    return None


def _fault(finding: Finding, key: str, faults: Sequence[KnownFault]) -> Note | None:
    first = finding.since or finding.period
    for fault in faults:
        in_sum = finding.check == "control_total" or (finding.check in _OF_YEAR and len(fault.units) >= _MANY)
        candidate = replace(fault, units=()) if in_sum else fault
        if finding.check == "outlier" and not fault.units:
            continue
        if any(candidate.covers(key, finding.unit, year) for year in range(first, finding.period + 1)):
            return note("declared_fault", what=fault.what)
    return None


def _correction(finding: Finding, matrix: Matrix) -> Note | None:
    if finding.check not in _IN_TIME:
        return None
    columns = [matrix.periods.index(year) for year in (finding.period, finding.since) if year in matrix.periods]
    rows = [matrix.units.index(finding.unit)] if finding.unit else list(range(len(matrix.units)))
    touched = matrix.corrected[rows][:, columns]
    here = touched.size and (touched.any() if finding.unit else touched.mean() > 0.5)
    return note("declared_correction") if here else None


_DEFAULTS = Checks()


def reconcile(
    figures: Mapping[str, pd.DataFrame],
    sources: Mapping[str, SourceSpec],
    totals: pd.DataFrame | None = None,
    checks: Checks = _DEFAULTS,
    file: str = "control_totals",
    alike: Collection[Sequence[str]] = (),
    aggregates: Collection[str] = (),
) -> tuple[Finding, ...]:
    """Run every check over every figure of every source.

    Parameters
    ----------
    figures : source → ingest table, as `ruralpanel.data.harmonise.harmonise` gives it (after corrections).
    sources : source → its specification, with the sidecar's breaks, identities and known faults.
    totals : national figures, as `ruralpanel.data.reconcile.totals.load_control_totals` gives them.
    file : where the totals stand, for messages. alike : pairs of series that bear the same title, ``source.series``.
    aggregates : units made up of others, which no sum of units may hold.

    Returns
    -------
    tuple of Finding
        Declared and undeclared, ordered by source, series, check, period and unit.

    Raises
    ------
    UserError
        Totals that no figure can be held against.
    """
    series = matrices(figures, sources, aggregates)
    if totals is not None:
        raise_any(unheld(totals, sources, series, file))
    findings = list(_all(series, sources, totals, checks, alike, aggregates))
    order = {check: i for i, check in enumerate(CHECKS)}
    findings.sort(key=lambda f: (f.source, f.series, order[f.check], f.period, f.unit, f.involved))
    return declare(findings, sources, series)


def _all(
    series: Sequence[Matrix],
    sources: Mapping[str, SourceSpec],
    totals: pd.DataFrame | None,
    checks: Checks,
    alike: Collection[Sequence[str]],
    aggregates: Collection[str],
) -> Iterator[Finding]:
    if totals is not None:
        yield from control_totals(series, totals, aggregates)
    sound: set[tuple[str, str, str]] = set()
    for name, spec in sources.items():
        mine = {matrix.spec.key: matrix for matrix in series if matrix.source == name}
        relations = spec.described.identities
        yield from identities(mine, relations)
        sound |= verified(mine, relations)
    for matrix in series:
        yield from ranges(matrix)
        if is_coded(matrix):  # a dummy that turns one jumps by nature
            continue
        yield from repeats(matrix, checks.repeat)
        if len(matrix.periods) > 1 and np.any(np.isfinite(matrix.values)):
            split = changes(matrix)
            yield from common_jumps(split)
            yield from unit_jumps(split, checks.jump)
    yield from outliers([matrix for matrix in series if not is_coded(matrix)], sound)
    yield from other_sources(series, alike)
