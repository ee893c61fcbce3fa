"""Everything that is asked of a claim's number beyond its estimate: who carries it, and what could undo it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ruralpanel.claims.robustness import heterogeneity, power, sensitivity
from ruralpanel.claims.robustness.designs import quick, refit
from ruralpanel.claims.robustness.families import contrast_of
from ruralpanel.claims.robustness.leave_one_out import MOST, Contrast, Left, leave_out, summary
from ruralpanel.claims.robustness.results import (
    AtDelta,
    ByGroup,
    Checked,
    Classical,
    Corrected,
    Explained,
    MeasurementError,
    NotAvailable,
    Power,
    PowerCurve,
    Robustness,
    Selection,
    Sensitivity,
)
from ruralpanel.estimate.base.results import Design, Fit, FloatArray
from ruralpanel.estimate.inference import covariance, romano_wolf
from ruralpanel.estimate.inference.detectable import POWER_SIMULATED, error_of_interval
from ruralpanel.estimate.simulated_power import SimulatedPower, simulated_power
from ruralpanel.project.kinds.estimators import BETWEEN, ESTIMATORS
from ruralpanel.project.kinds.inference import WILD
from ruralpanel.project.notes import note
from ruralpanel.project.problems import CONFIGURATION, UserError
from ruralpanel.project.sections.configuration import Estimand

BENCHMARK_TIMES = (1.0, 2.0, 3.0)


@dataclass(frozen=True)
class Target:
    """A number of a model that claims rest on.

    Attributes
    ----------
    name : how it is called in the results. estimand : its ``term``, or ``marginal`` and ``at``.
    claims : names of the claims. main : whether a claim rests on it (else it is shown beside).
    std_error : by the model's first setting. df : of its t; infinite: normal. delta : smallest effect that matters.
    interval : method of the interval that decides; ci_low, ci_high : the interval itself.
    """

    name: str
    estimand: Estimand
    claims: tuple[str, ...] = ()
    main: bool = True
    std_error: float | None = None
    df: float = np.inf
    delta: float | None = None
    interval: str = ""
    ci_low: float = np.nan
    ci_high: float = np.nan

    @property
    def term(self) -> str:
        """The coefficient; empty for a marginal effect."""
        return self.estimand.term or ""


@dataclass(frozen=True)
class _Fitted:
    """A model's fit with what all its targets share."""

    design: Design
    fit: Fit
    targets: Sequence[Target]
    groups: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    seed: int = 0


def check_model(
    design: Design,
    targets: Sequence[Target],
    seed: int,
    groups: Mapping[str, Mapping[str, str]] | None = None,
    file: str = CONFIGURATION,
) -> Robustness:
    """Robustness of a model's numbers.

    Parameters
    ----------
    targets : the numbers followed. groups : attribute → unit → group, for effects by group.

    Returns
    -------
    By number ``power``, ``leave_one_unit_out``, ``leave_one_period_out``; for coefficients of least squares with
    several regressors ``selection`` (Oster) and ``sensitivity`` (Cinelli and Hazlett), ``measurement_error``; for main
    numbers in panels ``heterogeneity`` and ``mean_group``. What does not apply states why.

    Raises
    ------
    UserError
        Numbers that the model does not have.
    """
    design = quick(design)
    fitted = refit(design)
    contrasts = [_contrast(target, fitted, design, file) for target in targets]
    vectors = [contrast(fitted, design) for contrast in contrasts]
    model = _Fitted(design, fitted, targets, groups or {}, seed)
    left = _left_out(model, contrasts)
    simulated = _simulated(model, vectors)
    result = {}
    for i, (target, vector) in enumerate(zip(targets, vectors, strict=True)):
        estimate = float(vector @ fitted.params)
        without = {
            over: summary(found, i, estimate) if isinstance(found, Left) else found for over, found in left.items()
        }
        checked = Checked(
            claims=target.claims,
            main=target.main,
            estimate=estimate,
            std_error=target.std_error,
            power=_power(target, simulated.get(target.name)),
            leave_one_unit_out=without.get("unit"),
            leave_one_period_out=without.get("period"),
        )
        result[target.name] = _of_coefficient(checked, model, target) if target.term else checked
    spec, size = design.spec, int(fitted.rows.size)
    return Robustness(spec.name, spec.panel, spec.estimator, spec.outcome, size, len(design.units), result, seed)


def _contrast(target: Target, fitted: Fit, design: Design, file: str) -> Contrast:
    """The followed number of a smaller sample: a marginal effect stays at the place that the whole sample gives it."""
    estimand = target.estimand.model_copy(update={"model": design.spec.name})
    where = f"models.{design.spec.name}"
    if estimand.marginal is not None:
        vector = contrast_of(fitted, design, estimand, file, where)
        (over,) = estimand.at or {}
        pair = {f"{estimand.marginal}:{over}", f"{over}:{estimand.marginal}"}
        (place,) = (j for j, term in enumerate(fitted.terms) if term in pair)
        estimand = estimand.model_copy(update={"at": {over: float(vector[place])}})
    return lambda fit, part: contrast_of(fit, part, estimand, file, where)


def _left_out(model: _Fitted, contrasts: Sequence[Contrast]) -> dict[str, Left | NotAvailable]:
    design = model.design
    left: dict[str, Left | NotAvailable] = {}
    kind = ESTIMATORS[design.spec.estimator]
    method = kind.methods.get(design.spec.method)
    reason = kind.not_left_out or (method.not_left_out if method else "")
    for over, number, many in (
        ("unit", len(design.units), "see_influence_of_units"),
        ("period", len(design.periods), "see_influence_of_periods"),
    ):
        if reason:
            left[over] = NotAvailable(note(reason))
        elif number > MOST:
            left[over] = NotAvailable(note(many, number=number))
        elif number > 2:
            left[over] = leave_out(design, contrasts, over)
    return left


def _simulated(model: _Fitted, vectors: Sequence[FloatArray]) -> dict[str, SimulatedPower]:
    """Power of the wild bootstrap for the targets whose interval is the bootstrap's."""
    setting = next((s for s in model.design.spec.inference if s.method == WILD), None)
    chosen = zip(model.targets, vectors, strict=True)
    wanted = {target.name: vector for target, vector in chosen if target.interval == WILD}
    return {} if setting is None else simulated_power(model.fit, model.design, wanted, setting, model.seed)


def _power(target: Target, simulated: SimulatedPower | None) -> Power | NotAvailable:
    """Power of the interval that decides: simulated for a bootstrap, else that of t by what its length stands for."""
    if simulated is not None:
        basis = Power(note(POWER_SIMULATED, panels=simulated.estimate.size, draws=simulated.n1.size))
        return _described(basis, target, float(np.std(simulated.estimate)), np.inf, power.of_simulation(simulated))
    length = target.ci_high - target.ci_low
    if not np.isfinite(length) or length <= 0:
        return NotAvailable(note("no_interval_with_two_ends"))
    error = error_of_interval(target.ci_low, target.ci_high, target.df)
    basis = Power(note("power_of_interval", interval=target.interval), error, target.df)
    return _described(basis, target, error, target.df, power.of_error(error, target.df))


def _described(basis: Power, target: Target, error: float, df: float, detection: power.Power) -> Power:
    effects, values = detection.curve()
    delta = target.delta
    return replace(
        basis,
        detectable={f"{level:g}": detection.detectable(level) for level in power.LEVELS},
        curve=PowerCurve(tuple(effects.tolist()), tuple(values.tolist())),
        at_delta=AtDelta(delta, float(detection.power(np.array([delta]))[0]), power.exaggeration(delta, error, df))
        if delta
        else None,
    )


def _of_coefficient(checked: Checked, model: _Fitted, target: Target) -> Checked:
    term, estimator = target.term, model.design.spec.estimator
    between = ESTIMATORS[estimator].evidence == BETWEEN
    if not romano_wolf.is_least_squares(model.fit):
        reason = NotAvailable(note("needs_least_squares_on_rows"))
        return replace(checked, selection=reason, sensitivity=reason, measurement_error=reason)
    split = target.main and term in model.design.terms and len(model.design.periods) > 1 and not between
    return replace(
        checked,
        selection=_selection(model, term),
        sensitivity=_sensitivity(model, term),
        measurement_error=_measurement_error(model, term),
        heterogeneity=_heterogeneity(model, term) if split else None,
        mean_group=heterogeneity.mean_group_results(model.design, term) if split else None,
    )


def _roles(model: _Fitted, term: str) -> tuple[int, list[int], list[int]]:
    """Columns of the fit: the followed one, those that belong to it (parts of a product, steps), and controls."""
    steps = set(model.design.extra.steps)
    parts = set(term.split(":")) if ":" in term else set()
    place = model.fit.terms.index(term)
    belongs = [j for j, name in enumerate(model.fit.terms) if j != place and (name in steps or name in parts)]
    controls = [j for j in range(len(model.fit.terms)) if j != place and j not in belongs]
    return place, belongs, controls


def _selection(model: _Fitted, term: str) -> Selection | NotAvailable:
    place, belongs, controls = _roles(model, term)
    if not controls:
        return NotAvailable(note("no_controls"))
    assert model.fit.x is not None and model.fit.y is not None
    x = model.fit.x
    move = sensitivity.movement(model.fit.y, x[:, place], x[:, controls], x[:, belongs])
    return Selection(
        controls=tuple(model.fit.terms[j] for j in controls),
        always_in=tuple(model.fit.terms[j] for j in belongs),
        without_controls=Explained(move.short, move.r2_short),
        with_controls=Explained(move.long, move.r2_long),
        r2_max=move.r2_max,
        delta_for_zero=sensitivity.delta(move),
        delta_for_zero_r2_max_1=sensitivity.delta(move, r2_max=1.0),
        adjusted_estimate=sensitivity.adjusted(move),
        note=note("selection_scale"),
    )


def _sensitivity(model: _Fitted, term: str) -> Sensitivity:
    assert model.fit.x is not None and model.fit.y is not None
    fit, x, y = model.fit, model.fit.x, model.fit.y
    place, _, controls = _roles(model, term)
    df, estimate, error = fit.df_resid, float(fit.params[place]), _classical_error(fit, place)
    t = estimate / error
    bounds = []
    for name, group in _benchmarks(fit, controls):
        others = [j for j in range(len(fit.terms)) if j != place and j not in group]
        lever, outcome = sensitivity.covariate_r2(y, x[:, place], x[:, others], x[:, group])
        for times in BENCHMARK_TIMES:
            bound = sensitivity.bound(name, times, estimate, error, df, lever, outcome)
            if bound is not None:
                bounds.append(bound)
    return Sensitivity(
        partial_r2=sensitivity.partial_r2(t, df),
        robustness_value=sensitivity.robustness_value(t, df),
        robustness_value_5=sensitivity.robustness_value(t, df, level=0.05),
        classical=Classical(error, t, df),
        bounds=tuple(bounds),
        note=note("sensitivity_scale"),
    )


def _benchmarks(fit: Fit, controls: Sequence[int]) -> list[tuple[str, list[int]]]:
    """Observed controls one by one, and all together."""
    single = [(fit.terms[j], [j]) for j in controls]
    return [*single, ("all_controls", list(controls))] if len(controls) > 1 else single


def _classical_error(fit: Fit, place: int) -> float:
    return float(np.sqrt(fit.residuals @ fit.residuals / fit.df_resid * fit.bread[place, place]))


def _measurement_error(model: _Fitted, term: str) -> MeasurementError | NotAvailable:
    fit, design = model.fit, model.design
    assert fit.x is not None and fit.y is not None
    lever = term.split(":")[0]
    if lever not in fit.terms or not ESTIMATORS[design.spec.estimator].measurement_error:
        return NotAvailable(note("lever_must_be_regressor"))
    place = fit.terms.index(term)
    space = covariance.space_of(fit, design)
    root = np.ones(fit.rows.size) if space.root is None else space.root
    noisy = sensitivity.Lever(
        fit.x, fit.y, _reacts(model, lever) * root[:, None], 1.0 - space.leverage(), fit.terms.index(lever)
    )
    error = _classical_error(fit, place)
    bound = None
    if ":" not in term:
        bound = sensitivity.reverse_bound(float(fit.params[place]), float(fit.params[place]) / error, fit.df_resid)
    values = design.x[fit.rows, design.terms.index(lever)]
    corrected = []
    for reliability in sensitivity.RELIABILITIES:
        params, noise = noisy.corrected(reliability), noisy.noise(reliability)
        in_levels = 1.0 - noise / float(np.var(values))
        found = None if params is None else float(params[place])
        corrected.append(Corrected(reliability, float(np.sqrt(noise)), in_levels, found))
    least = noisy.least_reliability()
    return MeasurementError(
        lever=lever,
        corrected=tuple(corrected),
        least_reliability=least,
        noise_sd_at_least=float(np.sqrt(noisy.noise(least))),
        reverse_regression=bound,
        note=note("noise_scale"),
    )


def _reacts(model: _Fitted, lever: str) -> FloatArray:
    """How each term moves with the lever: one, the moderator of a product, or not at all."""
    columns = np.zeros((model.fit.rows.size, len(model.fit.terms)))
    for j, name in enumerate(model.fit.terms):
        parts = name.split(":")
        if name == lever:
            columns[:, j] = 1.0
        elif lever in parts:
            values = model.design.x[model.fit.rows, model.design.terms.index(lever)]
            product = model.design.x[model.fit.rows, model.design.terms.index(name)]
            columns[values != 0, j] = product[values != 0] / values[values != 0]
    return columns


def _heterogeneity(model: _Fitted, term: str) -> dict[str, ByGroup | NotAvailable]:
    design = model.design
    lever = term.split(":")[0]
    splits: dict[str, Mapping[str, str]] = dict(model.groups)
    splits["initial_outcome"] = heterogeneity.initial_groups(design, design.y)
    if lever in design.terms:
        splits["initial_lever"] = heterogeneity.initial_groups(design, design.x[:, design.terms.index(lever)])
    by_split: dict[str, ByGroup | NotAvailable] = {}
    for name, groups in splits.items():
        try:
            by_split[name] = heterogeneity.by_group(design, term, groups, model.seed, name)
        except UserError as error:
            by_split[name] = NotAvailable(error.reason)
        except np.linalg.LinAlgError:
            by_split[name] = NotAvailable(note("too_few_units_for_groups"))
    return by_split
