"""Random effects of units and periods: the variances of their components, and what makes such errors independent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ruralpanel.estimate.base import scaling
from ruralpanel.estimate.base.absorb import Absorbed
from ruralpanel.estimate.base.effects import TINY
from ruralpanel.estimate.base.groups import group_sums
from ruralpanel.estimate.base.results import Design, FloatArray, IntArray
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError

METHODS = {
    "swar": "Swamy and Arora",
    "walhus": "Wallace and Hussain",
    "amemiya": "Amemiya",
    "nerlove": "Nerlove",
}
"""Whose variance components each method gives."""


@dataclass(frozen=True)
class Layout:
    """Which unit (and period) each row belongs to, where these have random effects.

    Attributes
    ----------
    codes : effect → (n,) levels from 0 without gaps; unit first.
    root : (n,) square roots of the weights; ones without weights.
    """

    codes: Mapping[str, IntArray]
    root: FloatArray

    @property
    def n(self) -> int:
        """Number of rows."""
        return int(self.root.size)

    def sizes(self, effect: str) -> FloatArray:
        """(levels,) rows of each level, each counting its weight."""
        return np.asarray(np.bincount(self.codes[effect], weights=self.root**2), dtype=float)

    def sums(self, effect: str, columns: FloatArray) -> FloatArray:
        """(levels, m) of the effect's dummies times `columns` (n, m), both multiplied by `root`."""
        return group_sums(columns * self.root[:, None], self.codes[effect])

    def between(self, effect: str, columns: FloatArray) -> FloatArray:
        """(n, m) projection of `columns`, multiplied by `root`, on the effect's dummies."""
        means = self.sums(effect, columns) / self.sizes(effect)[:, None]
        return np.asarray(self.root[:, None] * means[self.codes[effect]])

    @property
    def plain(self) -> bool:
        """Whether every unit has every period with one and the same weight."""
        cells = np.prod([codes.max() + 1 for codes in self.codes.values()]) if len(self.codes) > 1 else self.n
        return bool(cells == self.n and np.ptp(self.root) == 0 and np.ptp(self.sizes("unit")) == 0)


@dataclass(frozen=True)
class ErrorComponents:
    """Variances of the idiosyncratic error and of the random effects, and the transformation that they ask for."""

    layout: Layout
    idiosyncratic: float
    effects: Mapping[str, float]

    def theta(self, effect: str) -> FloatArray:
        """(levels,) share of each level's mean that quasi-demeaning takes away."""
        total = self.layout.sizes(effect) * self.effects[effect] + self.idiosyncratic
        return np.asarray(1.0 - np.sqrt(self.idiosyncratic / total))

    def whiten(self, columns: FloatArray) -> FloatArray:
        """`columns` (n, m), multiplied by the weights' roots, in the metric in which the model's errors are alike.

        Quasi-demeaned by unit (Fuller and Battese 1974); then, with a variance of period effects, by the inverse root
        of what is left of them, which is exact in panels with gaps and with weights too.
        """
        layout = self.layout
        by_unit = quasi_demean(columns, layout, self.theta("unit"))
        if not self.effects.get("period"):
            return by_unit
        codes = layout.codes["period"]
        dummies = np.where(codes[:, None] == np.arange(codes.max() + 1), layout.root[:, None], 0.0)
        rest = quasi_demean(dummies, layout, self.theta("unit"))
        values, vectors = np.linalg.eigh(rest.T @ rest)
        values = np.maximum(values, 0.0) * self.effects["period"] / self.idiosyncratic
        # (1 − (1 + v)^−½) / v without the cancellation at small v
        shrink = self.effects["period"] / self.idiosyncratic / (np.sqrt(1.0 + values) * (1.0 + np.sqrt(1.0 + values)))
        along = rest @ vectors
        return np.asarray(by_unit - along @ (shrink[:, None] * (along.T @ by_unit)))


def quasi_demean(columns: FloatArray, layout: Layout, theta: FloatArray) -> FloatArray:
    """``z - theta[unit] * mean of z in the unit``, for columns (n, m) multiplied by the weights' roots."""
    means = layout.sums("unit", columns) / layout.sizes("unit")[:, None]
    return np.asarray(columns - layout.root[:, None] * (theta[:, None] * means)[layout.codes["unit"]])


def error_components(
    y: FloatArray,
    x: FloatArray,
    layout: Layout,
    method: str,
    design: Design,
    instruments: FloatArray | None = None,
) -> ErrorComponents:
    """Variance components from quadratic forms of residuals, each effect's set to zero where its estimate is negative.

    The forms are sums of squares of residuals within all effects, and between the levels of each effect; a linear
    system equates them to their expectations (Baltagi 2021, 2.4 and 3.3; with gaps Baltagi and Chang 1994). Residuals
    are of the within and between regressions (``swar``), of least squares (``walhus``) or of the within regression
    (``amemiya``, ``nerlove``). Without gaps and weights walhus and amemiya count, as published, no degrees of freedom
    for the regressors; else they do.

    Parameters
    ----------
    y : (n,). x : (n, p) all regressors, constant and dummies included; both multiplied by `layout.root`.
    design : names the model in messages, and its terms: the last columns of `x`.
    instruments : (n, q) for ``swar``, whose regressions are then two-stage least squares (Baltagi and Chang 2000).

    Raises
    ------
    UserError
        An outcome that effects absorb; a regression without residual degrees of freedom; ``amemiya`` or ``nerlove``
        with a term that is constant over periods (in a two-way model: or over units); ``nerlove`` with gaps or weights.
    """
    forms = _Forms(y, x, layout, design, instruments)
    need_varying(y, forms.y_within, layout, design)
    if method == "swar":
        return forms.components(*forms.swamy_arora())
    forms.need_degrees({})
    if method == "walhus":
        return forms.components(*(forms.published(forms.least_squares) if layout.plain else forms.wallace_hussain()))
    forms.need_within_variation(method)
    if method == "amemiya":
        return forms.components(*(forms.published(forms.within) if layout.plain else forms.amemiya()))
    if not layout.plain:
        raise UserError(
            Problem(
                CONFIGURATION,
                f"models.{design.spec.name}.components",
                '"nerlove" with weights, or with units that lack periods of others',
                "nerlove in a balanced panel without weights",
                "use components: swar",
            )
        )
    return forms.nerlove()


def need_varying(y: FloatArray, within: FloatArray, layout: Layout, design: Design) -> None:
    """Stop where the effects leave nothing of the outcome: `within` is what they leave of `y`."""
    root = layout.root / np.linalg.norm(layout.root)
    if np.linalg.norm(within) <= TINY * np.linalg.norm(y - root * (root @ y)):
        effects = " and ".join(layout.codes)
        raise UserError(
            Problem(
                CONFIGURATION,
                f"models.{design.spec.name}.outcome",
                f'"{design.spec.outcome}", absorbed by {effects} effects',
                "an outcome that varies within units, by which the error's variance is known",
                "use estimator: between, or a panel of one period",
            )
        )


@dataclass(frozen=True)
class _Forms:
    """The regressions behind variance components, and expectations of quadratic forms of their residuals."""

    y: FloatArray
    x: FloatArray
    layout: Layout
    design: Design
    instruments: FloatArray | None = None

    @cached_property
    def space(self) -> Absorbed:
        """All effects."""
        return Absorbed(self.layout.n, tuple(self.layout.codes.values()), root=self.layout.root)

    @cached_property
    def x_within(self) -> FloatArray:
        """(n, p) regressors net of all effects."""
        return self.space.residuals(self.x)

    @cached_property
    def y_within(self) -> FloatArray:
        """(n,) outcome net of all effects."""
        return self.space.residuals(self.y)

    @cached_property
    def basis_within(self) -> FloatArray:
        """Orthonormal columns that span `x_within`."""
        return basis_of(self.x_within, np.linalg.norm(self.x, axis=0))

    @cached_property
    def levels(self) -> dict[str, int]:
        """Number of levels of each effect."""
        return {effect: int(codes.max()) + 1 for effect, codes in self.layout.codes.items()}

    @property
    def instrumented(self) -> bool:
        """Whether the regressions are two-stage least squares."""
        return self.instruments is not None

    @property
    def df_within(self) -> int:
        """Residual degrees of freedom of the within regression."""
        return self.layout.n - self.space.rank - int(self.basis_within.shape[1])

    def components(self, forms: FloatArray, expected: FloatArray) -> ErrorComponents:
        """The variances at which `forms` are as `expected`: within, then by effect."""
        variances = np.linalg.solve(expected, forms)
        if not variances[0] > 0:
            raise UserError(
                Problem(
                    CONFIGURATION,
                    f"models.{self.design.spec.name}.components",
                    f"{variances[0]:.3g} as the variance of the error",
                    "a variance above zero, which effects and terms do not explain entirely",
                    "use components: swar, a longer panel or fewer terms",
                )
            )
        effects = dict(zip(self.layout.codes, np.maximum(variances[1:], 0.0).tolist(), strict=True))
        return ErrorComponents(self.layout, float(variances[0]), effects)

    def swamy_arora(self) -> tuple[FloatArray, FloatArray]:
        """Residuals of the within regression, and of the between regression of each effect (Swamy and Arora 1972)."""
        if self.instruments is None:
            forms = [_squares(self.y_within - self.basis_within @ (self.basis_within.T @ self.y_within))]
        else:
            spanned = basis_of(self.space.residuals(self.instruments), np.linalg.norm(self.instruments, axis=0))
            forms = [_squares(two_stage(self.y_within, self.x_within, spanned, np.linalg.norm(self.x, axis=0))[0])]
        expected = [[float(self.df_within), *(0.0 for _ in self.levels)]]
        bases = {}
        for effect in self.levels:
            both = self.layout.between(effect, np.column_stack([self.y, self.x]))
            bases[effect] = basis_of(both[:, 1:])
            residuals = both[:, 0] - bases[effect] @ (bases[effect].T @ both[:, 0])
            if self.instruments is not None:
                spanned = basis_of(self.layout.between(effect, self.instruments))
                lengths = np.linalg.norm(both[:, 1:], axis=0)
                residuals, bases[effect] = two_stage(both[:, 0], both[:, 1:], spanned, lengths)
            forms.append(_squares(residuals))
        self.need_degrees({effect: basis.shape[1] for effect, basis in bases.items()})
        for effect, basis in bases.items():
            overlaps = [
                self._overlap(effect, other) - _squares(self.layout.sums(other, basis)) for other in self.levels
            ]
            expected.append([float(self.levels[effect] - basis.shape[1]), *overlaps])
        return np.array(forms), np.array(expected)

    def wallace_hussain(self) -> tuple[FloatArray, FloatArray]:
        """Residuals of least squares (Wallace and Hussain 1969)."""
        basis = basis_of(self.x)
        sums = {effect: self.layout.sums(effect, basis) for effect in self.levels}
        within = self.space.residuals(basis)
        gram = within.T @ within
        left = self.layout.n - self.space.rank - float(np.trace(gram))
        expected = [[left, *(float(np.sum(sums_of @ gram * sums_of)) for sums_of in sums.values())]]
        for effect, count in self.levels.items():
            between = self.layout.between(effect, basis)
            gram = basis.T @ between
            row = [count - float(np.trace(gram))]
            for other, sums_of in sums.items():
                cross = self.layout.sums(other, between)
                row.append(
                    self._overlap(effect, other)
                    - 2.0 * float(np.sum(sums_of * cross))
                    + float(np.sum(sums_of @ gram * sums_of))
                )
            expected.append(row)
        return self._squares_of(self.least_squares), np.array(expected)

    def amemiya(self) -> tuple[FloatArray, FloatArray]:
        """Residuals of the within regression less their mean, effects included (Amemiya 1971)."""
        size = scaling.scales(np.linalg.norm(self.x_within, axis=0))
        inverse = scaling.inverse((self.x_within / size).T @ (self.x_within / size), 1e-15)
        total = float(np.sum(self.layout.root**2))
        expected = [[float(self.df_within), *(0.0 for _ in self.levels)]]
        for effect, count in self.levels.items():
            between = self._less_mean(self.layout.between(effect, self.x)) / size
            overlaps = [
                self._overlap(effect, other) - _squares(self.layout.sizes(other)) / total for other in self.levels
            ]
            expected.append([count - 1.0 + float(np.sum(inverse * (between.T @ between))), *overlaps])
        return self._squares_of(self.within), np.array(expected)

    def published(self, residuals: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Forms of a balanced panel and expectations that count no degree of freedom for the regressors."""
        within = float(self.layout.n - self.space.rank)
        expected = np.zeros((1 + len(self.levels), 1 + len(self.levels)))
        expected[0, 0] = within
        for row, count in enumerate(self.levels.values(), start=1):
            expected[row, 0], expected[row, row] = count, self.layout.n
        return self._squares_of(residuals), expected

    def nerlove(self) -> ErrorComponents:
        """Sample variances of the estimated effects, and residual squares over n (Nerlove 1971)."""
        squares = self._squares_of(self.within)
        effects = {
            effect: float(value) / (self.layout.n / count) / (count - 1.0)
            for (effect, count), value in zip(self.levels.items(), squares[1:], strict=True)
        }
        return ErrorComponents(self.layout, float(squares[0]) / self.layout.n, effects)

    @property
    def least_squares(self) -> FloatArray:
        """(n,) residuals of least squares."""
        basis = basis_of(self.x)
        return np.asarray(self.y - basis @ (basis.T @ self.y))

    @property
    def within(self) -> FloatArray:
        """(n,) what the slopes of the within regression leave of the outcome, less its mean."""
        slopes = scaling.least_squares(self.x_within, self.y_within)
        return self._less_mean((self.y - self.x @ slopes)[:, None])[:, 0]

    def need_within_variation(self, method: str) -> None:
        """Stop with terms that the within regression cannot tell apart from the effects."""
        terms = self.design.terms
        columns = slice(self.x.shape[1] - len(terms), None)
        lengths = np.linalg.norm(self._less_mean(self.x[:, columns]), axis=0)
        left = np.linalg.norm(self.x_within[:, columns], axis=0)
        fixed = [term for term, length, rest in zip(terms, lengths, left, strict=True) if rest <= 1e-9 * length]
        if fixed:
            raise UserError(
                Problem(
                    CONFIGURATION,
                    f"models.{self.design.spec.name}.components",
                    f'"{method}" with {", ".join(fixed)}, which the effects absorb',
                    "terms that vary within units (in a two-way model also within periods)",
                    "use components: swar or walhus",
                )
            )

    def need_degrees(self, ranks: Mapping[str, int]) -> None:
        """Stop without residual degrees of freedom within; or between, where regressions of these ranks are run."""
        short = [effect for effect, rank in ranks.items() if self.levels[effect] <= rank]
        if self.df_within >= 1 and not short:
            return
        least = "".join(f"{rank + 1} {effect}s, " for effect, rank in ranks.items())
        raise UserError(
            Problem(
                CONFIGURATION,
                f"models.{self.design.spec.name}.estimator",
                f"{self.design.spec.estimator} with {self.layout.n} observations of "
                + " and ".join(f"{count} {effect}s" for effect, count in self.levels.items())
                + f" for {self.x.shape[1]} coefficients",
                f"at least {least}{self.space.rank + self.basis_within.shape[1] + 1} observations",
                "use more units or fewer terms"
                + (", or components: walhus" if short and not self.instrumented else ""),
            )
        )

    def _squares_of(self, residuals: FloatArray) -> FloatArray:
        between = [_squares(self.layout.between(effect, residuals[:, None])) for effect in self.levels]
        return np.array([_squares(self.space.residuals(residuals)), *between])

    def _overlap(self, effect: str, other: str) -> float:
        """Trace of the projection on one effect's dummies times the other's cross-products."""
        sizes = self.layout.sizes(effect)
        if effect == other:
            return float(sizes.sum())
        return float(np.sum(self.layout.root**4 / sizes[self.layout.codes[effect]]))

    def _less_mean(self, columns: FloatArray) -> FloatArray:
        root = self.layout.root
        return np.asarray(columns - np.outer(root, root @ columns / (root @ root)))


def basis_of(x: FloatArray, lengths: FloatArray | None = None) -> FloatArray:
    """Orthonormal columns that span `x`; a column that is rounding beside `lengths` counts as zero."""
    norms = np.linalg.norm(x, axis=0)
    kept = norms > 1e-12 * (norms if lengths is None else lengths)
    if not kept.any():
        return np.zeros((len(x), 0))
    vectors, values, _ = np.linalg.svd(x[:, kept] / norms[kept], full_matrices=False)
    return np.asarray(vectors[:, values > max(x.shape) * np.finfo(float).eps * values[0]])


def two_stage(y: FloatArray, x: FloatArray, basis: FloatArray, lengths: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Residuals of two-stage least squares with instruments that span `basis`, and a basis of the projected `x`.

    A column that is rounding beside `lengths` has no slope.
    """
    projected = basis @ (basis.T @ x)
    kept = np.linalg.norm(projected, axis=0) > 1e-12 * lengths
    slopes = np.zeros(x.shape[1])
    slopes[kept] = scaling.least_squares(projected[:, kept], y)
    return np.asarray(y - x @ slopes), basis_of(projected[:, kept])


def _squares(values: FloatArray) -> float:
    return float(np.sum(values**2))
