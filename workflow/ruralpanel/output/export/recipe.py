"""What a script has to do to estimate one model again: columns, rows, errors, and the numbers that must come out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ruralpanel.estimate import estimators
from ruralpanel.estimate.base import scaling
from ruralpanel.estimate.base.effects import NAME as CONSTANT
from ruralpanel.estimate.base.effects import effect_codes
from ruralpanel.estimate.base.groups import compact, nested
from ruralpanel.estimate.base.model import Model, Setting
from ruralpanel.estimate.base.results import Design, Fit, IntArray
from ruralpanel.estimate.families.iv import shift_share
from ruralpanel.estimate.families.policy.regressions import regression
from ruralpanel.estimate.families.second import AGREEMENT, LARGEST, NotConfirmedError, agreement, comparable, lacking
from ruralpanel.estimate.inference.cluster import cluster_codes
from ruralpanel.output.export.columns import ExportedPanel
from ruralpanel.project.kinds.estimator_keys import Poisson, RandomEffects
from ruralpanel.project.kinds.estimators import ESTIMATORS
from ruralpanel.project.kinds.facts import ScriptForm
from ruralpanel.project.kinds.inference import CLASSICAL, CLUSTER, ROBUST

LARGEST_DUMMIES = 5_000_000
"""Cells of a matrix of dummies that a script still makes."""


@dataclass(frozen=True)
class Errors:
    """The errors that scripts compare: those of the model's first setting that packages have.

    Attributes
    ----------
    method : classical, hc or cluster. kind : HC0 … HC3, CR0, CR1. by : columns of the clusters.
    factor : what multiplies the covariance matrix without a factor for small samples. clusters, rows, parameters : what
        it is made of, where it is (0: not). usual : packages that bring a factor of their own have the same.
    """

    method: str
    kind: str = ""
    by: tuple[str, ...] = ()
    factor: float = 1.0
    clusters: int = 0
    rows: int = 0
    parameters: int = 0
    usual: bool = True

    @property
    def written(self) -> str:
        """The factor as it is made: ``31 / 30 * 185 / 174``."""
        if self.kind == "CR1":
            g, n, k = self.clusters, self.rows, self.parameters
            return f"{g} / {g - 1} * {n - 1} / {n - k}"
        return f"{self.factor:.12g}"

    @property
    def words(self) -> str:
        """``cluster CR1 by unit_id``."""
        by = f"by {' and '.join(self.by)}" if self.by else ""
        return " ".join(part for part in (self.method, self.kind, by) if part)


@dataclass(frozen=True)
class Expected:
    """One coefficient: its exported column, its term in the configuration, and what must come out."""

    column: str
    term: str
    estimate: float
    std_error: float | None


@dataclass(frozen=True)
class Recipe:
    """A model as scripts see it; all names but `terms` are exported columns.

    Attributes
    ----------
    form : what is done (`kinds.facts.ScriptForm`). regressors : without the endogenous ones.
    effects : groups that are removed. random_periods : periods have random effects beside units.
    dummies : linearmodels lacks the model, and dummies stand for its effects. components : whose variance components.
    balanced : every unit has every period. expected : endogenous regressors first, as in the model's results.
    others : settings of inference that no script repeats. tolerance : largest relative difference that passes.
    """

    model: str
    title: str
    panel: str
    estimator: str
    form: ScriptForm
    sample: str
    outcome: str
    regressors: tuple[str, ...]
    effects: tuple[str, ...]
    errors: Errors | None
    expected: tuple[Expected, ...]
    named: Mapping[str, str]
    n_obs: int
    n_units: int
    n_periods: int
    endogenous: tuple[str, ...] = ()
    instruments: tuple[str, ...] = ()
    weights: str = ""
    exposure: str = ""
    random_periods: bool = False
    dummies: bool = False
    components: str = "swar"
    balanced: bool = True
    others: tuple[str, ...] = ()
    tolerance: float = AGREEMENT

    @property
    def all_terms(self) -> tuple[str, ...]:
        """Columns of all coefficients."""
        return tuple(row.column for row in self.expected)

    @property
    def levels(self) -> tuple[str, ...]:
        """Columns that a script averages or differences: the outcome, then the regressors."""
        return (self.outcome, *self.regressors)


class NoScriptError(Exception):
    """Why a model has no script."""


def form_of(estimator: str, method: str) -> ScriptForm | None:
    """What the scripts of a model do; None: it has none (`Estimator.no_script` says why)."""
    return ESTIMATORS[estimator].scripts.get(method)


def need_few_rows(rows: int) -> None:
    """Stop beyond the rows for which packages are asked again.

    Raises
    ------
    NoScriptError
        Too many rows.
    """
    if rows > LARGEST:
        raise NoScriptError("it has too many rows")


def recipe(design: Design, result: Model, panel: ExportedPanel, title: str) -> Recipe:
    """What scripts do for one model; its columns join the exported panel.

    Parameters
    ----------
    design : the model's rows and columns. result : what was published of it.

    Raises
    ------
    NoScriptError
        Terms too much alike, or too many rows or dummies, for packages to give the same digits.
    """
    form = form_of(result.estimator, result.method)
    assert form is not None
    kind = ESTIMATORS[result.estimator]
    design = regression(design) if kind.evidence == "policy" else design
    design = shift_share.with_instrument(design) if kind.instruments else design
    fit = estimators.fit(design)
    need_few_rows(fit.rows.size)
    try:
        tolerance = AGREEMENT if fit.x is None else agreement(scaling.condition(fit.x))
    except NotConfirmedError as refusal:
        raise NoScriptError("its terms are too much alike") from refusal
    spec = design.spec
    own = fit.rows if form in ("regression", "counts", "two_stage", "liml") else np.arange(design.y.size)
    rows = panel.rows_of(design)
    named = {term: _column(term, design, rows, panel) for term in (spec.outcome, *fit.terms) if term != CONSTANT}
    instruments = design.extra.instruments.terms
    named |= {term: _column(term, design, rows, panel) for term in instruments}
    endogenous = design.extra.endogenous.terms
    random = {"unit", "period"} if kind.random_periods and "unit" in spec.effects else set()
    effects = tuple(panel.group(name) for name in spec.effects if name not in random)
    dummies = form == "regression" and bool(lacking(design, fit))
    _few_dummies(fit)
    errors, index = _errors(result, panel, design, fit)
    weights = _column(spec.weights, design, rows, panel) if spec.weights else ""
    counted_per = spec.of(Poisson).exposure
    exposure = _column(counted_per, design, rows, panel) if counted_per else ""
    shown = [name for name in (spec.weights, counted_per) if name]
    return Recipe(
        model=result.model,
        title=title,
        panel=result.panel,
        estimator=" ".join(part for part in (result.estimator, result.method) if part),
        form=form,
        sample=panel.sample(rows[own]),
        outcome=named[spec.outcome],
        regressors=tuple(named[term] for term in fit.terms if term not in (CONSTANT, *endogenous)),
        effects=effects,
        errors=errors,
        expected=_expected(result, fit, named, index),
        named={column: term for term, column in named.items()}
        | {column: str(name) for column, name in zip(filter(None, (weights, exposure)), shown, strict=True)},
        n_obs=result.n_obs,
        n_units=result.n_units,
        n_periods=result.n_periods,
        endogenous=tuple(named[term] for term in endogenous),
        instruments=tuple(named[term] for term in instruments),
        weights=weights,
        exposure=exposure,
        random_periods=bool(random),
        dummies=dummies,
        components=spec.of(RandomEffects).components,
        balanced=design.y.size == len(design.units) * len(design.periods),
        others=tuple(_others(result.inference, index)),
        tolerance=tolerance,
    )


def _column(term: str, design: Design, rows: IntArray, panel: ExportedPanel) -> str:
    """The exported column of a term: of the panel, or made for the model (treated units, shift-share instruments)."""
    found = panel.term(term)
    if found is not None:
        return found
    if term in design.terms:
        return panel.part(term, rows, design.x[:, design.terms.index(term)])
    instruments = design.extra.instruments
    return panel.part(f"{term}:{design.spec.name}", rows, instruments.columns[:, instruments.terms.index(term)])


def _few_dummies(fit: Fit) -> None:
    cells = fit.rows.size * fit.n_absorbed
    if cells > LARGEST_DUMMIES:
        raise NoScriptError(f"{fit.n_absorbed:,} effects of {fit.rows.size:,} rows are too many dummies")


def _errors(result: Model, panel: ExportedPanel, design: Design, fit: Fit) -> tuple[Errors | None, int | None]:
    """The errors to compare and the place of their setting; None where packages have none of the model's."""
    index = next(comparable(result.inference), None)
    if index is None:
        return None, None
    setting = result.inference[index]
    first, *_ = setting.small_sample
    if setting.method == CLASSICAL:
        return Errors(CLASSICAL, usual=_counted(design, fit) == fit.rows.size - fit.df_resid), index
    if setting.method == ROBUST:
        return Errors(ROBUST, setting.options.kind or "HC3", factor=first.number("factor", 1.0)), index
    by = setting.options.by or "unit"
    names = [by] if isinstance(by, str) else by
    groups = tuple(panel.group(name) for name in names)
    errors = Errors(
        CLUSTER,
        first.code,
        groups,
        first.number("factor", 1.0),
        int(first.number("G")),
        int(first.number("N")),
        int(first.number("K")),
        usual=first.code == "CR1"
        and first.values["counted"] == "nonnested"
        and first.number("K") == _counted(design, fit, [cluster_codes(design, name, fit.rows) for name in names]),
    )
    return errors, index


def _counted(design: Design, fit: Fit, groups: Sequence[IntArray] = ()) -> int:
    """Parameters as fixest counts them: slopes and levels of effects that are not nested in clusters, one of each
    further effect less, whatever else determines them."""
    if not fit.absorbed:
        return len(fit.terms) + fit.n_absorbed
    codes = [compact(effect_codes(design, effect)[fit.rows]) for effect in fit.absorbed]
    inside = [any(nested(levels, group) for group in groups) for levels in codes]
    free = sum(int(levels.max()) + 1 for levels, within in zip(codes, inside, strict=True) if not within)
    return len(fit.terms) + free + sum(inside) - (len(codes) - 1)


def _expected(result: Model, fit: Fit, named: Mapping[str, str], index: int | None) -> tuple[Expected, ...]:
    rows = () if index is None else result.inference[index].coefficients
    errors = {row.term: row.std_error for row in rows}
    return tuple(
        Expected(named[row.term], row.term, row.estimate, errors.get(row.term))
        for row in result.coefficients
        if row.term in fit.terms and row.term != CONSTANT
    )


def _others(settings: Sequence[Setting], compared: int | None) -> Iterable[str]:
    for index, setting in enumerate(settings):
        if index != compared and setting.not_available is None:
            by = f"by {setting.by}" if setting.by else ""
            yield " ".join(part for part in (setting.method, setting.scheme, by) if part)
