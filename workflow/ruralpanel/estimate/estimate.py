"""One model from its design to its results: estimates, every inference setting, tests, influence, marginal effects."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ruralpanel.estimate import specification_tests
from ruralpanel.estimate.base.model import Asked, Diagnostics, Model, Setting, SimulatedSize, Vcov
from ruralpanel.estimate.base.model_json import finite, limit
from ruralpanel.estimate.base.results import Design, Fit, FloatArray, Inference
from ruralpanel.estimate.base.rows import Coefficient, MarginalEffect, RowOfSetting, SettingOptions, Test
from ruralpanel.estimate.diagnostics import alike_notes, collinearity, fitted, influence, is_perfect, moran_of_residuals
from ruralpanel.estimate.inference.detectable import smallest_detectable
from ruralpanel.estimate.inference.joint import all_zero, with_size
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.estimate.marginal import marginal_effect
from ruralpanel.estimate.simulated_size import Null, null_panels, simulated_sizes
from ruralpanel.estimate.spread import moderators_of, rows_used, spread_of, spread_of_term
from ruralpanel.project.kinds.estimators import ESTIMATORS
from ruralpanel.project.kinds.inference import CLUSTER, OWN, ROBUST, WILD, WildCluster, shown_as
from ruralpanel.project.notes import Note, note
from ruralpanel.project.problems import CONFIGURATION, LOG, Problem, UserError
from ruralpanel.project.settings import InferenceSpec, ModelSpec

MEANING = {False: note("constant_at_zero"), True: note("constant_mean_effect")}
"""What the constant is, without and with effects removed."""

Outcome = Inference | UserError


def estimate(
    spec: ModelSpec,
    design: Design,
    seed: int,
    panel_sha256: str,
) -> Model:
    """Fit the model and collect everything that is reported of it.

    Parameters
    ----------
    spec : the model, every setting resolved. design : its rows and columns.
    seed : the project's seed. Each random method derives its stream from it, the model's name and the term, so that a
        result depends neither on the order of models nor on the process that runs them.
    panel_sha256 : hash of the columns of the panel that the model reads, for the record.

    Raises
    ------
    UserError
        The model cannot be estimated, or its *first* inference setting does not apply. A later setting that does not
        apply (the wild bootstrap of a between model) is recorded with the reason under ``not_available``.
    """
    design = replace(design, spec=spec)
    fit = fitted(replace(design, seed=seed))
    settings = _settings(spec, design, fit)
    outcomes = [_try(fit, design, setting, seed) for setting in settings]
    first = outcomes[0]
    if isinstance(first, UserError):
        raise first
    null = null_panels(fit, design, seed) if spec.simulated_size else None
    sizes = _sizes(spec, design, fit, settings, outcomes, seed, null)
    perfect = is_perfect(design, fit)
    tests = {} if perfect else dict(fit.tests)
    joint = None if perfect else _joint(spec, fit, design, settings[0], first, null)
    if joint is not None:
        tests["joint"] = joint
    tests |= {} if perfect else specification_tests.specification_tests(design, fit, seed, null)
    neighbours = moran_of_residuals(design, fit, seed)
    if neighbours is not None:
        tests["moran"] = neighbours.test
    needs_weights = "weights_matrix" in ESTIMATORS[spec.estimator].required
    unused = not needs_weights and spec.weights_matrix and neighbours is None
    constants, of_constant = _constant(design, fit, settings, seed)
    overrides = _overrides(fit, outcomes)
    dropped = dict(design.n_dropped)
    for reason, count in fit.n_dropped.items():
        dropped[reason] = dropped.get(reason, 0) + count
    units = np.unique(design.unit_codes[rows_used(design, fit)])
    periods = np.unique(design.period_codes[rows_used(design, fit)])
    return Model(
        model=spec.name,
        panel=spec.panel,
        estimator=spec.estimator,
        method=spec.method,
        outcome=spec.outcome,
        sample=spec.sample,
        effects=spec.effects,
        n_obs=int(fit.rows.size),
        n_units=int(units.size),
        n_periods=int(periods.size),
        n_dropped={reason: int(count) for reason, count in dropped.items()},
        coefficients=(*_coefficients(design, fit, outcomes), *constants),
        inference=tuple(
            _entry(fit, setting, outcome, size)
            for setting, outcome, size in zip(settings, outcomes, sizes, strict=True)
        ),
        vcov=Vcov(
            type=first.method,
            by=first.by,
            small_sample=first.options.scheme_of_errors,
            note=first.small_sample,
            terms=fit.terms,
            matrix=None if first.vcov is None else tuple(map(tuple, first.vcov.tolist())),
        ),
        fit={**{name: float(value) for name, value in fit.fit.items()}, **_outcome_spread(design, fit)},
        tests=tests,
        first_stage=fit.first_stage,
        marginal_effects=_marginals(spec, design, fit, settings, outcomes, seed),
        diagnostics=Diagnostics(
            n_absorbed=fit.n_absorbed,
            absorbed=fit.absorbed,
            df_resid=float(fit.df_resid),
            singletons=int(dropped.get("singletons", 0)),
            left_out={**design.extra.left_out, **fit.left_out},
            collinearity=collinearity(fit),
            influence=influence(design, fit),
            moderator_sd=moderators_of(design, fit),
            moran=None if neighbours is None else neighbours.about,
        ),
        units=tuple(design.units[code] for code in units),
        periods=tuple(design.periods[code] for code in periods),
        notes=(
            *overrides,
            *design.notes,
            *fit.notes,
            *of_constant,
            *((note("perfect_fit"),) if perfect else ()),
            *alike_notes(design, fit),
            *((note("weights_matrix_unused"),) if unused else ()),
            *_unneeded(spec, overrides),
        ),
        seed=seed,
        panel_sha256=panel_sha256,
        spec=Asked.of(spec),
        **(vars(fit.extra) | {"overrides": overrides}),
    )


def _settings(spec: ModelSpec, design: Design, fit: Fit) -> tuple[InferenceSpec, ...]:
    """The model's settings; errors of the estimator's own come first, and without any setting the panel decides."""
    settings = tuple(spec.inference)
    if fit.vcov is not None and all(setting.method != OWN for setting in settings):
        return (InferenceSpec(OWN), *settings)
    if settings:
        return settings
    repeated = np.unique(design.unit_codes[fit.rows]).size < fit.rows.size
    return (InferenceSpec(CLUSTER if repeated else ROBUST),)


def _try(fit: Fit, design: Design, setting: InferenceSpec, seed: int) -> Outcome:
    try:
        return infer(fit, design, setting, seed)
    except UserError as error:
        return error
    except (np.linalg.LinAlgError, ZeroDivisionError, FloatingPointError) as error:
        found = f"{setting.method} ({type(error).__name__}: {error})"
        return UserError(
            Problem(
                CONFIGURATION, f"models.{design.spec.name}.inference", found, "residuals and terms that vary freely"
            )
        )


def _overrides(fit: Fit, outcomes: list[Outcome]) -> tuple[Note, ...]:
    """Refusals that ``allow`` set aside, of the estimator and of every setting, each once."""
    of_settings = [one for outcome in outcomes if isinstance(outcome, Inference) for one in outcome.overrides]
    return tuple({repr(one): one for one in (*fit.overrides, *of_settings)}.values())


def _unneeded(spec: ModelSpec, overrides: tuple[Note, ...]) -> tuple[Note, ...]:
    return tuple(
        note("allow_unneeded", name=name)
        for name in spec.allow
        if not any(one.values["allow"] == name for one in overrides)
    )


def _sizes(
    spec: ModelSpec,
    design: Design,
    fit: Fit,
    settings: tuple[InferenceSpec, ...],
    outcomes: list[Outcome],
    seed: int,
    null: Null | None,
) -> tuple[SimulatedSize | None, ...]:
    if not spec.simulated_size:
        return (None,) * len(settings)
    return simulated_sizes(fit, design, settings, outcomes, seed, null)


def _entry(fit: Fit, setting: InferenceSpec, outcome: Outcome, size: SimulatedSize | None) -> Setting:
    if isinstance(outcome, UserError):
        LOG.info("goes on without a setting: %s", outcome)
        declared = SettingOptions().over_declared(setting.options.to_dict())
        return Setting(setting.method, options=declared, not_available=outcome.reason)
    return Setting(
        method=outcome.method,
        by=outcome.by,
        options=outcome.options.over_declared(setting.options.to_dict()),
        small_sample=outcome.small_sample,
        n_clusters=outcome.n_clusters,
        df=None if outcome.df is None else tuple(finite(value) for value in outcome.df),
        coefficients=tuple(
            RowOfSetting(
                term=term,
                std_error=_at(outcome.std_error, j),
                statistic=_at(outcome.statistic, j),
                df=_at(outcome.df, j),
                p_value=_at(outcome.p_value, j),
                ci_low=_at(outcome.ci_low, j, "ci_low"),
                ci_high=_at(outcome.ci_high, j, "ci_high"),
            )
            for j, term in enumerate(fit.terms)
        ),
        notes=outcome.notes,
        simulated_size=size,
    )


def _coefficients(design: Design, fit: Fit, outcomes: list[Outcome]) -> tuple[Coefficient, ...]:
    first = outcomes[0]
    assert isinstance(first, Inference)
    wild = _first(outcomes, "p_wild")
    asked = wild is not None and wild.options.interval is not False
    permutation = _first(outcomes, "p_permutation")
    rows = []
    for j, term in enumerate(fit.terms):
        error, df = _at(first.std_error, j), None if first.df is None else float(first.df[j])
        spread = spread_of_term(term, design, fit)
        rows.append(
            Coefficient(
                term=term,
                estimate=float(fit.params[j]),
                std_error=error,
                statistic=_at(first.statistic, j),
                df=finite(df),
                p_value=_at(first.p_value, j),
                ci_low=_at(first.ci_low, j, "ci_low"),
                ci_high=_at(first.ci_high, j, "ci_high"),
                p_wild=None if wild is None else _at(wild.p_value, j),
                ci_wild_low=float(wild.ci_low[j]) if wild is not None and asked else None,
                ci_wild_high=float(wild.ci_high[j]) if wild is not None and asked else None,
                p_permutation=None if permutation is None else _at(permutation.p_value, j),
                detectable=None if error is None or df is None or asked else smallest_detectable(error, df),
                sd=spread.sd,
                sd_within=spread.sd_within,
                sd_net=spread.sd_net,
            )
        )
    return tuple(rows)


def _constant(
    design: Design, fit: Fit, settings: tuple[InferenceSpec, ...], seed: int
) -> tuple[tuple[Coefficient, ...], tuple[Note, ...]]:
    """The constant's coefficient, where the model asks for it, and what it means."""
    if fit.intercept is None:
        return (), ()
    outcomes = [_try(fit.intercept, design, setting, seed) for setting in settings]
    if isinstance(outcomes[0], UserError):
        raise outcomes[0]
    return _coefficients(design, fit.intercept, outcomes)[-1:], (MEANING[bool(fit.absorbed)],)


def _marginals(
    spec: ModelSpec,
    design: Design,
    fit: Fit,
    settings: tuple[InferenceSpec, ...],
    outcomes: list[Outcome],
    seed: int,
) -> tuple[MarginalEffect, ...]:
    if not spec.marginal_effects:
        return ()
    usable = next((o for o in outcomes if isinstance(o, Inference) and o.vcov is not None), None)
    if usable is None:
        usable = infer(fit, design, InferenceSpec(CLUSTER), seed)
    bootstrap = next(
        (
            setting
            for setting, outcome in zip(settings, outcomes, strict=True)
            if setting.method == WILD and isinstance(outcome, Inference) and setting.of(WildCluster).subcluster is None
        ),
        None,
    )
    problems: list[Problem] = []
    effects = []
    for wanted in spec.marginal_effects:
        try:
            effects.append(marginal_effect(design, fit, usable, wanted, bootstrap, seed))
        except UserError as error:
            problems.extend(error.problems)
    if problems:
        raise UserError(problems)
    return tuple(effects)


def _joint(
    spec: ModelSpec, fit: Fit, design: Design, setting: InferenceSpec, first: Inference, null: Null | None
) -> Test | None:
    """Test that all terms are zero; None where they are no coefficients."""
    joint = all_zero(fit, design, setting, first) if ESTIMATORS[spec.estimator].slopes else None
    return None if joint is None else with_size(*joint, null.outcomes if null else None)


def _first(outcomes: list[Outcome], field: str) -> Inference | None:
    """The first result whose p-value the coefficients hold in a field; in the methods' order, then the settings'."""
    given = [outcome for outcome in outcomes if isinstance(outcome, Inference)]
    return next((outcome for method in shown_as(field) for outcome in given if outcome.method == method), None)


def _at(column: FloatArray | None, j: int, name: str = "") -> float | None:
    if column is None:
        return None
    return (limit if name in ("ci_low", "ci_high") else finite)(float(column[j]))


def _outcome_spread(design: Design, fit: Fit) -> dict[str, float]:
    spread = spread_of(design.y, design, fit)
    values = {"outcome_mean": float(design.y[rows_used(design, fit)].mean())}
    deviations = {"outcome_sd": spread.sd, "outcome_sd_within": spread.sd_within, "outcome_sd_net": spread.sd_net}
    return values | {name: value for name, value in deviations.items() if value is not None}
