"""What the tests of instruments take the errors to be: the model's first setting that says so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from ruralpanel.contracts.specs import InferenceSpec
from ruralpanel.estimators.absorb import compact, group_sums
from ruralpanel.estimators.base import Design, FloatArray, IntArray, Test
from ruralpanel.estimators.iv_system import System
from ruralpanel.inference.cluster import cluster_codes
from ruralpanel.inference.small_sample import cluster_factor, hc_factor


@dataclass(frozen=True)
class Errors:
    """Covariances of sums of instruments times errors, under one assumption on the errors.

    Attributes
    ----------
    kind : ``cluster``, ``hc`` or ``classical``. small_sample : CR0, CR1; HC0, HC1.
    groups : (sign, codes (n,)) pairs whose cluster sums are added up: one, or three for two-way clusters.
    clusters : the smaller number of clusters; rows for the other kinds.
    n, rank : rows, and dimension of the effects; nested : that dimension with effects nested in clusters as one.
    """

    kind: str
    small_sample: str
    groups: tuple[tuple[int, IntArray], ...]
    clusters: int
    n: int
    rank: int
    nested: int
    by: str = ""

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

    def test(self, wald: float, restrictions: int, slopes: int, note: str = "") -> Test:
        """`wald` as F; with clusters after Hotelling's factor, which allows for the estimated covariance matrix.

        With clusters the statistic is ``(G - q) / (G - 1)`` times Wald over the restrictions, with q and G − q degrees
        of freedom (Pustejovsky and Tipton 2018 with G − 1 degrees of freedom of the matrix), so that the p-value is
        that of the statistic shown. With one restriction that is t with G − 1 squared.
        """
        q = float(restrictions)
        scale, df = self._reference(restrictions, slopes)
        value = wald / q * scale
        words = f"Hotelling T², {scale:.3g} times Wald over {restrictions}" if scale < 1.0 else ""
        return Test(value, (q, df), float(special.fdtrc(q, df, value)), "; ".join(filter(None, (note, words))))

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
    def words(self) -> str:
        """What it is, for notes."""
        if self.kind == "cluster":
            return f"clustered by {self.by} ({self.small_sample})"
        return {
            "hc": f"robust to heteroskedasticity ({self.small_sample})",
            "classical": "independent, of one variance",
        }[self.kind]


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
        kind = "HC0" if setting.options.get("kind") == "HC0" else "HC1"
        rows = np.arange(n, dtype=np.intp)
        return Errors(setting.method, kind, ((1, rows),), n, n, rank, rank)
    by = setting.options.get("by", "unit")
    names = [str(name) for name in by] if isinstance(by, (list, tuple)) else [str(by)]
    codes = [cluster_codes(design, name, system.rows) for name in names]
    groups = [(1, values) for values in codes]
    if len(codes) > 1:
        groups.append((-1, compact(codes[0] * (codes[1].max() + 1) + codes[1])))
    clusters = min(int(values.max()) + 1 for values in codes)
    kind = "CR0" if setting.options.get("small_sample") == "CR0" else "CR1"
    nested = system.space.rank_outside(codes)
    return Errors("cluster", kind, tuple(groups), clusters, n, rank, nested, " and ".join(names))
