"""The system of an instrumented model, demeaned or in the metric of random effects of units, and its errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from scipy import special

from ruralpanel.estimate.base.absorb import Absorbed
from ruralpanel.estimate.base.effects import (
    TINY,
    absorbed_space,
    removed_effects,
    root_weights,
    singletons,
    usable_columns,
)
from ruralpanel.estimate.base.groups import compact, group_sums
from ruralpanel.estimate.base.results import Design, FloatArray, IntArray
from ruralpanel.estimate.base.rows import Test
from ruralpanel.estimate.families.error_components import error_components
from ruralpanel.estimate.families.random_effects import dummies_of, fit_of, layout_of, zero_notes
from ruralpanel.estimate.inference.cluster import cluster_codes
from ruralpanel.estimate.inference.covariance import cluster_factor, hc_factor
from ruralpanel.project.kinds.estimators import has_random_effects
from ruralpanel.project.kinds.inference import Cluster, Robust
from ruralpanel.project.notes import Note, Reason, note
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError, raise_any
from ruralpanel.project.settings import InferenceSpec


@dataclass(frozen=True)
class Columns:
    """Columns of a model's rows, multiplied by the weights' roots and, with random effects, quasi-demeaned.

    Attributes
    ----------
    y : (n,) outcome. x : (n, k) exogenous regressors. d : (n, p) endogenous ones. z : (n, q) excluded instruments.
    instruments : the q names. rows : (n,) of the design. space : what is projected out. absorbed : names of effects.
    fit, notes : of the variance components.
    """

    y: FloatArray
    x: FloatArray
    d: FloatArray
    z: FloatArray
    instruments: tuple[str, ...]
    rows: IntArray
    space: Absorbed
    absorbed: tuple[str, ...]
    fit: dict[str, float] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()

    @property
    def constant(self) -> FloatArray | None:
        """(n,) what the metric makes of a column of ones."""
        return self.space.root if self.space.dense is None or not self.space.dense.size else self.space.dense[:, 0]


def columns_of(design: Design) -> Columns:
    """The columns that two-stage least squares on the design is computed from."""
    if has_random_effects(design.spec.estimator, design.spec.method):
        return _random(design)
    effects = design.spec.effects
    rows = np.delete(np.arange(design.y.size), singletons(design, effects))
    root = root_weights(design, rows)
    scale = np.ones((rows.size, 1)) if root is None else root[:, None]
    return Columns(
        y=design.y[rows] * scale[:, 0],
        x=design.x[rows] * scale,
        d=design.extra.endogenous.columns[rows] * scale,
        z=design.extra.instruments.columns[rows] * scale,
        instruments=design.extra.instruments.terms,
        rows=rows,
        space=absorbed_space(design, effects, rows, root),
        absorbed=effects,
    )


def _random(design: Design) -> Columns:
    """Quasi-demeaned columns; instruments too (``g2sls``), or within and between units, regressors' too (``ec2sls``).

    Components are Swamy and Arora's with residuals of two-stage least squares within and between units (Baltagi 1981).
    """
    layout = layout_of(design)
    scale = layout.root[:, None]
    nuisance, x = dummies_of(design) * scale, design.x * scale
    d = design.extra.endogenous.columns * scale
    z = design.extra.instruments.columns * scale
    y = design.y * layout.root
    exogenous = np.hstack([nuisance, x])
    components = error_components(
        y, np.hstack([exogenous, d]), layout, "swar", design, instruments=np.hstack([exogenous, z])
    )
    white = {name: components.whiten(part) for name, part in (("nuisance", nuisance), ("x", x), ("d", d), ("z", z))}
    rows = np.arange(design.y.size)
    space = Absorbed(design.y.size, (), white["nuisance"], root_weights(design, rows))
    names = design.extra.instruments.terms
    transformed = Columns(
        y=components.whiten(y[:, None])[:, 0],
        x=white["x"],
        d=white["d"],
        z=white["z"],
        instruments=names,
        rows=rows,
        space=space,
        absorbed=removed_effects(design.spec),
        fit=fit_of(components),
        notes=(note("components_two_stages"), *zero_notes(components)),
    )
    if design.spec.method == "g2sls":
        return transformed
    periods = tuple(f"period {number}" for number in range(1, nuisance.shape[1]))
    labels = (*names, *periods, *design.terms)
    columns = np.hstack([z, nuisance[:, 1:], x])
    between = layout.between("unit", columns)
    within = columns - between
    varies = np.linalg.norm(within, axis=0) > TINY * np.linalg.norm(columns, axis=0)
    parts = np.hstack([within[:, varies], components.whiten(between)])
    moving = (name for name, moves in zip(labels, varies, strict=True) if moves)
    return with_instruments(
        transformed, parts, (*(f"{name}, within" for name in moving), *(f"{name}, between" for name in labels))
    )


def with_instruments(columns: Columns, candidates: FloatArray, names: tuple[str, ...]) -> Columns:
    """The columns with those of the candidates as instruments that say more than regressors and earlier ones."""
    raw = np.hstack([columns.x, candidates])
    terms = (*(f"x{j}" for j in range(columns.x.shape[1])), *names)
    kept, _ = usable_columns(raw, columns.space.residuals(raw), terms, columns.absorbed, columns.constant)
    chosen = [j - columns.x.shape[1] for j in kept if j >= columns.x.shape[1]]
    return replace(columns, z=candidates[:, chosen], instruments=tuple(names[j] for j in chosen))


@dataclass(frozen=True)
class System:
    """Columns of an instrumented model, effects projected out and roots of weights multiplied in.

    Attributes
    ----------
    y : (n,) outcome. d : (n, p) endogenous regressors. w : (n, k) exogenous ones. z : (n, q) excluded instruments.
    rows : (n,) of the design. space : what was projected out. absorbed : names of the effects.
    left_out : exogenous terms that the data cannot tell apart, with the reason (``drop_absorbed``).
    components, notes : of random effects.
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
    left_out: tuple[Note, ...] = ()
    components: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()

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
    """The columns of `design`, with endogenous regressors and instruments in `extra`.

    Raises
    ------
    UserError
        No endogenous regressor, fewer instruments than endogenous regressors, columns that the data cannot tell apart
        (exogenous ones are left out with ``drop_absorbed``), or too few rows.
    """
    where = f"models.{design.spec.name}"
    endogenous, instruments = design.extra.endogenous.terms, design.extra.instruments.terms
    if not endogenous or len(instruments) < len(endogenous):
        found = f"{len(instruments)} instrument(s) for {len(endogenous)} endogenous regressor(s)"
        expected = "an endogenous regressor and at least one instrument for each"
        raise UserError(Problem(CONFIGURATION, f"{where}.instruments", found, expected, "name more instruments"))
    return system_from(design, columns_of(design), endogenous)


def system_from(design: Design, columns: Columns, endogenous: tuple[str, ...]) -> System:
    """The system of `columns`, whose endogenous regressors are called `endogenous`; raises as `system_of`."""
    where = f"models.{design.spec.name}"
    effects, rows, space, constant = columns.absorbed, columns.rows, columns.space, columns.constant
    instruments = columns.instruments
    raw = {"x": columns.x, "d": columns.d, "z": columns.z}
    net = {name: space.residuals(column) for name, column in raw.items()}
    kept, reasons = usable_columns(raw["x"], net["x"], design.terms, effects, constant)
    problems = []
    if reasons and not design.spec.drop_absorbed:
        problems += [_indistinct(where, "regressors", term, reason) for term, reason in reasons.items()]
    w = net["x"][:, list(kept)]
    exogenous = tuple(design.terms[j] for j in kept)
    for key, names, column in (("endogenous", endogenous, "d"), ("instruments", instruments, "z")):
        both = np.hstack([raw["x"][:, list(kept)], raw[column]]), np.hstack([w, net[column]])
        lost = usable_columns(*both, (*exogenous, *names), effects, constant)[1]
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
        y=space.residuals(columns.y),
        d=net["d"],
        w=w,
        z=net["z"],
        endogenous=endogenous,
        exogenous=exogenous,
        instruments=instruments,
        rows=rows,
        space=space,
        absorbed=effects,
        left_out=tuple(note("left_out", term=term, reason=reason) for term, reason in reasons.items()),
        components=columns.fit,
        notes=columns.notes,
    )


def _indistinct(where: str, key: str, term: str, reason: Reason) -> Problem:
    fix = f"leave {term} out" if key != "regressors" else f"leave {term} out, or set drop_absorbed: true"
    return Problem(CONFIGURATION, f"{where}.{key}", f'"{term}", {reason}', "terms that the data can tell apart", fix)


@dataclass(frozen=True)
class Errors:
    """Covariances of sums of instruments times errors, under one assumption on the errors.

    Attributes
    ----------
    setting : clusters with CR0 or CR1, robust with HC0 or HC1, or classical.
    groups : (sign, codes (n,)) pairs whose cluster sums are added up: one, or three for two-way clusters.
    clusters : the smaller number of clusters; rows for the other kinds.
    n, rank : rows, and dimension of the effects; nested : that dimension with effects nested in clusters as one.
    """

    setting: InferenceSpec
    groups: tuple[tuple[int, IntArray], ...]
    clusters: int
    n: int
    rank: int
    nested: int

    @property
    def kind(self) -> str:
        """``cluster``, ``hc`` or ``classical``."""
        return self.setting.method

    @property
    def by(self) -> str:
        """Names of the clusters."""
        return ", ".join(self.setting.clusters)

    @property
    def small_sample(self) -> str:
        """CR0, CR1; HC0, HC1; empty."""
        options = self.setting.options
        return options.kind if isinstance(options, Robust) else getattr(options, "small_sample", "")

    def cross(self, z: FloatArray, left: FloatArray, right: FloatArray, slopes: int) -> FloatArray:
        """Covariance (q, q) of ``z' left`` with ``z' right``; `slopes`: of the regressions that gave the errors."""
        if self.kind == "classical":
            return float(left @ right) / (self.n - slopes - self.rank) * (z.T @ z)
        total = np.zeros((z.shape[1], z.shape[1]))
        for sign, codes in self.groups:
            total += sign * group_sums(z * left[:, None], codes).T @ group_sums(z * right[:, None], codes)
        return self.factor(slopes) * total

    def factor(self, slopes: int) -> float:
        """The small-sample factor in `cross`."""
        if self.kind == "cluster":
            return cluster_factor(self.small_sample, self.clusters, self.n, slopes + self.nested).value
        return hc_factor(self.small_sample, self.n, slopes + self.rank).value if self.kind == "hc" else 1.0

    def most(self) -> int:
        """How many restrictions can be tested together: with clusters fewer than there are of these."""
        return self.clusters - 1 if self.kind == "cluster" else self.n

    def test(self, wald: float, restrictions: int, slopes: int, *about: Note) -> Test:
        """`wald` as F; with clusters after Hotelling's factor, which allows for the estimated covariance matrix.

        With clusters the statistic is ``(G - q) / (G - 1)`` times Wald over the restrictions, with q and G − q degrees
        of freedom (Pustejovsky and Tipton 2018 with G − 1 degrees of freedom of the matrix), so that the p-value is
        that of the statistic shown. With one restriction that is t with G − 1 squared.
        """
        q = float(restrictions)
        scale, df = self._reference(restrictions, slopes)
        value = wald / q * scale
        scaled = (note("hotelling_scaled", scale=scale, restrictions=restrictions),) if scale < 1.0 else ()
        return Test(value, (q, df), float(special.fdtrc(q, df, value)), (*about, *scaled))

    def critical(self, restrictions: int, slopes: int, level: float = 0.95) -> float:
        """The Wald statistic's critical value by the same reference."""
        scale, df = self._reference(restrictions, slopes)
        return float(special.fdtri(restrictions, df, level)) * restrictions / scale

    def _reference(self, restrictions: int, slopes: int) -> tuple[float, float]:
        if self.kind != "cluster":
            return 1.0, float(self.n - slopes - self.rank)
        g = self.clusters
        return (g - restrictions) / (g - 1), float(g - restrictions)

    @property
    def note(self) -> Note:
        """What it is, for notes."""
        if self.kind == "cluster":
            return note("errors_cluster_scheme", by=self.by, scheme=self.small_sample)
        return note("errors_hc_scheme", scheme=self.small_sample) if self.kind == "hc" else note("errors_independent")


def errors_of(design: Design, system: System) -> Errors:
    """By the first of the model's settings that states errors: clustered, robust or classical.

    CR2 and CR3, HC2 and HC3 become CR1 and HC1, which the tests are defined with. Without such a setting: clustered by
    unit where units are repeated, else robust.
    """
    for setting in design.spec.inference:
        if setting.method in ("cluster", "hc", "classical"):
            return _errors(design, system, setting)
    repeated = np.unique(design.unit_codes[system.rows]).size < system.n
    return _errors(design, system, InferenceSpec("cluster" if repeated else "hc"))


def _errors(design: Design, system: System, setting: InferenceSpec) -> Errors:
    n, rank = system.n, system.space.rank
    if setting.method != "cluster":
        if setting.method == "hc":
            setting = InferenceSpec("hc", Robust(kind="HC0" if setting.of(Robust).kind == "HC0" else "HC1"))
        return Errors(setting, ((1, np.arange(n, dtype=np.intp)),), n, n, rank, rank)
    options = setting.of(Cluster)
    codes = [cluster_codes(design, name, system.rows) for name in options.names]
    groups = [(1, values) for values in codes]
    if len(codes) > 1:
        groups.append((-1, compact(codes[0] * (codes[1].max() + 1) + codes[1])))
    clusters = min(int(values.max()) + 1 for values in codes)
    plain = Cluster(by=options.by, small_sample="CR0" if options.small_sample == "CR0" else "CR1")
    nested = system.space.rank_outside(codes)
    return Errors(InferenceSpec("cluster", plain), tuple(groups), clusters, n, rank, nested)
