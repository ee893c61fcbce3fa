"""Relations that a sidecar declares between series of a source: parts and totals, smaller and larger; and ranges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ruralpanel.contracts.measures import CURRENCIES, parse
from ruralpanel.contracts.problems import UserError
from ruralpanel.reconcile.finding import Finding
from ruralpanel.reconcile.matrix import Matrix

_DUST = 1e-9  # relative error of sums in floating point


def identities(series: Mapping[str, Matrix], declared: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Units and periods in which a declared relation between series of one source does not hold.

    ``{total, parts, tolerance, blank}`` (check ``identity``) and ``{smaller, larger, tolerance}`` (check ``bound``);
    `blank` says whether a part without a figure leaves the period unchecked (``skip``) or counts as nothing (``zero``).
    """
    for relation in declared:
        if "total" in relation:
            yield from _parts(series, relation)
        else:
            yield from _smaller(series, relation)


def verified(series: Mapping[str, Matrix], declared: Sequence[Mapping[str, Any]]) -> set[tuple[str, str, str]]:
    """The (source, series, unit) whose parts add up to their total in every period in which the relation is checked."""
    found = set()
    for relation in (r for r in declared if r.get("total") in series and all(p in series for p in r["parts"])):
        total, parts = series[relation["total"]], [series[key] for key in relation["parts"]]
        wrong = {finding.unit for finding in _parts(series, relation)}
        enough = np.any if relation.get("blank", "skip") == "zero" else np.all
        known = np.isfinite(total.values) & enough([np.isfinite(part.aligned(total)) for part in parts], axis=0)
        for unit in (u for u, row in zip(total.units, known, strict=True) if row.any() and u not in wrong):
            found |= {(matrix.source, matrix.spec.key, unit) for matrix in (total, *parts)}
    return found


def _parts(series: Mapping[str, Matrix], relation: Mapping[str, Any]) -> Iterator[Finding]:
    if relation["total"] not in series:
        return
    total = series[relation["total"]]
    parts = [series[key] for key in relation["parts"] if key in series]
    zero = relation.get("blank", "skip") == "zero"
    if len(parts) < len(relation["parts"]) and not zero:
        return
    figures = [part.aligned(total) for part in parts]
    known = np.any([np.isfinite(f) for f in figures], axis=0) if figures else np.zeros(total.values.shape, dtype=bool)
    total_of_parts = np.sum([np.nan_to_num(f) if zero else f for f in figures], axis=0)
    off = total_of_parts - total.values
    with np.errstate(invalid="ignore"):
        wrong = known & (np.abs(off) > relation.get("tolerance", 0) + _DUST * np.abs(total.values))
    involved = tuple(part.name for part in parts)
    for i, t in np.argwhere(wrong):
        note = f"the parts add up to {total_of_parts[i, t]:.10g}{_why(relation)}"
        yield _relation(total, i, t, "identity", float(total_of_parts[i, t]), float(off[i, t]), note, involved)


def _smaller(series: Mapping[str, Matrix], relation: Mapping[str, Any]) -> Iterator[Finding]:
    if relation["smaller"] not in series or relation["larger"] not in series:
        return
    smaller, larger = series[relation["smaller"]], series[relation["larger"]]
    limit = larger.aligned(smaller)
    off = smaller.values - limit
    with np.errstate(invalid="ignore"):
        wrong = off > relation.get("tolerance", 0) + _DUST * np.abs(limit)
    for i, t in np.argwhere(wrong):
        note = f"more than {larger.spec.label or larger.spec.key}, of which it is a part{_why(relation)}"
        yield _relation(smaller, i, t, "bound", float(limit[i, t]), float(off[i, t]), note, (larger.name,))


def _why(relation: Mapping[str, Any]) -> str:
    """Why a relation must hold, where the sidecar says it."""
    return f" ({' '.join(str(relation['why']).split())})" if relation.get("why") else ""


def _relation(
    matrix: Matrix, i: int, t: int, check: str, expected: float, off: float, note: str, involved: tuple[str, ...]
) -> Finding:
    size = off / abs(expected) if expected else off
    return Finding(
        check,
        matrix.source,
        matrix.spec.key,
        matrix.units[i],
        matrix.periods[t],
        matrix.number(i, t),
        expected,
        float(size),
        note,
        0,
        involved,
    )


def ranges(matrix: Matrix) -> Iterator[Finding]:
    """Figures outside the range that the series declares; without a lower bound, negative ones of what is counted."""
    low, high = matrix.spec.range
    declared = {-1.0: "outside the declared range: at least", 1.0: "outside the declared range: at most"}
    if low is None and _is_counted(matrix.spec.measure):
        low, declared[-1.0] = (
            0.0,
            f"a negative figure of {matrix.spec.measure}; a declared range may allow it: at least",
        )
    for bound, sign in ((low, -1.0), (high, 1.0)):
        if bound is None:
            continue
        with np.errstate(invalid="ignore"):
            wrong = sign * (matrix.values - bound) > 0
        for i, t in np.argwhere(wrong):
            value = float(matrix.values[i, t])
            note = f"{declared[sign]} {bound:g}"
            yield Finding(
                "range",
                matrix.source,
                matrix.spec.key,
                matrix.units[i],
                matrix.periods[t],
                value,
                bound,
                abs(value - bound),
                note,
            )


def _is_counted(measure: str) -> bool:
    """Whether a measure counts things that cannot be fewer than none: money may be lost, shares may shrink.

    An item may be anything.
    """
    try:
        base = parse(measure).base
    except UserError:
        return False
    return base.split("/")[0].split("@")[0] not in {"share", "item", *CURRENCIES}
