"""What the sidecars account for: breaks, known faults, corrections."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ruralpanel.contracts.sidecar import KnownFault, sidecar_from
from ruralpanel.contracts.specs import SourceSpec
from ruralpanel.reconcile.finding import Finding
from ruralpanel.reconcile.matrix import Matrix

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
    faults = {name: sidecar_from(spec.about or {}).known_faults for name, spec in sources.items()}
    matrices = {matrix.name: matrix for matrix in series}
    return tuple(_declared(finding, faults, matrices) for finding in findings)


def _declared(finding: Finding, faults: Mapping[str, Sequence[KnownFault]], matrices: Mapping[str, Matrix]) -> Finding:
    if finding.declared:
        return finding
    own = f"{finding.source}.{finding.series}"
    reason = _break(finding, matrices[own]) or _correction(finding, matrices[own])
    for name in (own, *finding.involved):
        source, _, key = name.partition(".")
        reason = reason or _fault(finding, key, faults.get(source, ()))
    return replace(finding, declared=True, declared_by=reason) if reason else finding


def _break(finding: Finding, matrix: Matrix) -> str:
    if finding.check not in _IN_TIME:
        return ""
    for year, entry in matrix.spec.breaks.items():
        units = entry.get("units") or ()
        many = finding.check == "spread" and len(units) >= _MANY
        concerned = finding.unit in units if finding.unit else many
        if finding.since < year <= finding.period and (not units or concerned):
            return f"break {year}: {entry.get('what', '')}"
    return ""


def _fault(finding: Finding, key: str, faults: Sequence[KnownFault]) -> str:
    first = finding.since or finding.period
    for fault in faults:
        in_sum = finding.check == "control_total" or (finding.check in _OF_YEAR and len(fault.units) >= _MANY)
        candidate = replace(fault, units=()) if in_sum else fault
        if finding.check == "outlier" and not fault.units:
            continue
        if any(candidate.covers(key, finding.unit, year) for year in range(first, finding.period + 1)):
            return f"known fault: {fault.what}"
    return ""


def _correction(finding: Finding, matrix: Matrix) -> str:
    if finding.check not in _IN_TIME or not matrix.corrected.any():
        return ""
    columns = [matrix.periods.index(year) for year in (finding.period, finding.since) if year in matrix.periods]
    rows = [matrix.units.index(finding.unit)] if finding.unit else list(range(len(matrix.units)))
    touched = matrix.corrected[rows][:, columns]
    return "correction" if touched.size and (touched.any() if finding.unit else touched.mean() > 0.5) else ""
