"""An instrumented model net of its effects: outcome, endogenous and exogenous regressors, instruments."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ruralpanel.contracts.problems import CONFIGURATION, Problem, UserError, raise_any
from ruralpanel.estimators.absorb import Absorbed
from ruralpanel.estimators.base import Design, FloatArray, IntArray
from ruralpanel.estimators.within import absorbed_space, root_weights, singletons, usable_columns


@dataclass(frozen=True)
class System:
    """Columns of an instrumented model, effects projected out and roots of weights multiplied in.

    Attributes
    ----------
    y : (n,) outcome. d : (n, p) endogenous regressors. w : (n, k) exogenous ones. z : (n, q) excluded instruments.
    rows : (n,) of the design. space : what was projected out. absorbed : names of the effects.
    left_out : exogenous terms that the data cannot tell apart, with the reason (``drop_absorbed``).
    """

    y: FloatArray
    d: FloatArray
    w: FloatArray
    z: FloatArray
    endogenous: tuple[str, ...]
    exogenous: tuple[str, ...]
    instruments: tuple[str, ...]
    rows: IntArray
    space: Absorbed
    absorbed: tuple[str, ...]
    left_out: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        """Number of rows."""
        return int(self.y.size)

    @property
    def terms(self) -> tuple[str, ...]:
        """Endogenous regressors, then exogenous ones."""
        return (*self.endogenous, *self.exogenous)

    @cached_property
    def _exogenous_basis(self) -> FloatArray:
        return np.linalg.qr(self.w)[0]

    def partial(self, columns: FloatArray) -> FloatArray:
        """`columns` (n,) or (n, m) net of the exogenous regressors too (Frisch and Waugh)."""
        values = np.asarray(columns, dtype=float)
        for _ in range(2):
            values = values - self._exogenous_basis @ (self._exogenous_basis.T @ values)
        return values

    @cached_property
    def y_net(self) -> FloatArray:
        """(n,) outcome net of the exogenous regressors."""
        return self.partial(self.y)

    @cached_property
    def d_net(self) -> FloatArray:
        """(n, p) endogenous regressors net of the exogenous ones."""
        return self.partial(self.d)

    @cached_property
    def z_net(self) -> FloatArray:
        """(n, q) instruments net of the exogenous regressors."""
        return self.partial(self.z)

    @cached_property
    def basis(self) -> FloatArray:
        """(n, q) orthonormal columns that span `z_net`: every test is the same for any basis, this one is stable."""
        return np.linalg.qr(self.z_net)[0]

    def df(self, slopes: int) -> int:
        """Residual degrees of freedom of a regression with so many slopes, effects and constant counted."""
        return self.n - slopes - self.space.rank


def system_of(design: Design) -> System:
    """The columns of `design`, whose `extra` holds ``endogenous`` and ``instruments`` with their names.

    Raises
    ------
    UserError
        No endogenous regressor, fewer instruments than endogenous regressors, columns that the data cannot tell apart
        (exogenous ones are left out with ``drop_absorbed``), or too few rows.
    """
    where = f"models.{design.spec.name}"
    endogenous, instruments = _names(design, "endogenous"), _names(design, "instrument")
    if not endogenous or len(instruments) < len(endogenous):
        found = f"{len(instruments)} instrument(s) for {len(endogenous)} endogenous regressor(s)"
        expected = "an endogenous regressor and at least one instrument for each"
        raise UserError(Problem(CONFIGURATION, f"{where}.instruments", found, expected, "name more instruments"))
    effects = design.spec.effects
    rows = np.setdiff1d(np.arange(design.y.size), singletons(design, effects))
    root = root_weights(design, rows)
    space = absorbed_space(design, effects, rows, root)
    raw = {
        "x": _scaled(design.x[rows], root),
        "d": _scaled(np.asarray(design.extra["endogenous"], dtype=float)[rows], root),
        "z": _scaled(np.asarray(design.extra["instruments"], dtype=float)[rows], root),
    }
    net = {name: space.residuals(columns) for name, columns in raw.items()}
    kept, reasons = usable_columns(raw["x"], net["x"], design.terms, effects, root)
    problems = []
    if reasons and not design.spec.options.get("drop_absorbed"):
        problems += [_indistinct(where, "regressors", term, reason) for term, reason in reasons.items()]
    w = net["x"][:, list(kept)]
    exogenous = tuple(design.terms[j] for j in kept)
    for key, names, column in (("endogenous", endogenous, "d"), ("instruments", instruments, "z")):
        both = np.hstack([raw["x"][:, list(kept)], raw[column]]), np.hstack([w, net[column]])
        lost = usable_columns(*both, (*exogenous, *names), effects, root)[1]
        problems += [_indistinct(where, key, term, reason) for term, reason in lost.items()]
    raise_any(problems)
    everything = np.hstack([w, net["z"], net["d"]])
    explained = usable_columns(everything, everything, (*exogenous, *instruments, *endogenous), ())[1]
    raise_any(
        Problem(
            CONFIGURATION,
            f"{where}.instruments",
            f'"{term}", {explained[term]}: instruments that explain it entirely',
            "instruments that leave a part of the endogenous regressor unexplained",
            f"leave the copy of {term} out of the instruments; if {term} is exogenous, make it a regressor",
        )
        for term in endogenous
        if term in explained
    )
    slopes = len(exogenous) + len(instruments)
    if rows.size - slopes - space.rank < 1:
        found = f"{rows.size} observations for {slopes} instruments and exogenous terms and {space.rank} effects"
        raise UserError(Problem(CONFIGURATION, where, found, "more observations than these", "use a longer panel"))
    return System(
        y=space.residuals(_scaled(design.y[rows], root)),
        d=net["d"],
        w=w,
        z=net["z"],
        endogenous=endogenous,
        exogenous=exogenous,
        instruments=instruments,
        rows=rows,
        space=space,
        absorbed=effects,
        left_out=tuple(f"{term} left out: {reason}" for term, reason in reasons.items()),
    )


def _names(design: Design, kind: str) -> tuple[str, ...]:
    return tuple(design.extra.get(f"{kind}_terms") or ())


def _indistinct(where: str, key: str, term: str, reason: str) -> Problem:
    fix = f"leave {term} out" if key != "regressors" else f"leave {term} out, or set drop_absorbed: true"
    return Problem(CONFIGURATION, f"{where}.{key}", f'"{term}", {reason}', "terms that the data can tell apart", fix)


def _scaled(columns: FloatArray, root: FloatArray | None) -> FloatArray:
    if root is None:
        return columns
    return columns * (root if columns.ndim == 1 else root[:, None])
