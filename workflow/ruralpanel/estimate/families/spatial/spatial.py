"""Spatial panel models: neighbours' outcomes, regressors and errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from ruralpanel.estimate.base.parts import Parts, Spatial
from ruralpanel.estimate.base.results import Design, Fit, FloatArray
from ruralpanel.estimate.base.rows import Test
from ruralpanel.estimate.families import linear
from ruralpanel.estimate.families.spatial import gmm, impacts, maximum_likelihood
from ruralpanel.estimate.families.spatial.filter import SpatialFilter
from ruralpanel.estimate.families.spatial.impacts import Coefficients, effects
from ruralpanel.estimate.families.spatial.maximum_likelihood import Size, Solution
from ruralpanel.estimate.families.spatial.panel import MARK, SpatialPanel, columns, panel_of
from ruralpanel.estimate.inference.validity import generator
from ruralpanel.project.kinds.estimator_keys import Spatial as SpatialKeys
from ruralpanel.project.kinds.estimators import FE, POOLED
from ruralpanel.project.notes import Note, note
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError, did_you_mean
from ruralpanel.project.settings import InferenceSpec

METHODS = ("sdm", "sar", "sem", "sdem", "slx", "gmm", "gmm_lag", "gmm_error")
"""The first is the default."""

DURBIN = ("sdm", "sdem", "slx")
"""Models with neighbours' regressors."""

OUTCOME_LAG = ("sdm", "sar", "gmm", "gmm_lag")
"""Models with neighbours' outcome, in which effects feed back."""

LIKELIHOOD = ("sdm", "sar", "sem", "sdem")

ERROR = MARK + "error"
"""Name of λ; that of ρ is the outcome's behind `MARK`."""

RESAMPLED = ("wild_cluster", "permutation", "treatment")
"""Methods of inference without a covariance."""


@dataclass(frozen=True)
class Setting:
    """The model's panel, weights, and how its effects are counted."""

    design: Design
    method: str
    panel: SpatialPanel
    size: Size
    filter: SpatialFilter
    correction: str

    @property
    def df_resid(self) -> float:
        """Observations less effects, terms and spatial coefficients."""
        spatial = int(self.method not in ("slx", "gmm_error"))
        return float(self.panel.y.size - self.panel.n_absorbed - len(self.panel.terms) - spatial)


def fit(design: Design) -> Fit:
    """Spatial panel with unit and period effects, by `method`.

    ``sar``: y = ρWy + xβ + e. ``sem``: y = xβ + u, u = λWu + e. ``sdm`` (default): sar with Wx beside x. ``sdem``: sem
    with Wx. ``slx``: Wx alone, by least squares. These by maximum likelihood with covariance from the expected
    information (``vcov: own``); errors clustered by unit rest on the scores. ``gmm_lag``: sar by two-stage least
    squares; ``gmm_error``: sem by moments; ``gmm``: both.

    Options: ``spatial_lags`` (which regressors and controls enter as neighbours' means; default all), ``correction``
    (``lee_yu``, default: effects take periods and units off the likelihood; ``none``), ``draws`` of the effects'
    simulated errors, ``seed``.

    ``extra``: ``spatial_effects`` (`impacts.effects`; models with neighbours' outcome or regressors),
    ``spatial`` (weights, correction, interval of the coefficient). Tests: `spatial_tests`, and ``sargan``.

    Raises
    ------
    UserError
        Unknown method, a key that it does not take, no weights, an unbalanced panel, too few units, terms that the
        data cannot tell apart, no maximum inside the interval.
    """
    method = design.spec.method or METHODS[0]
    options = design.spec.of(SpatialKeys)
    correction, lags = options.correction, _lags(design, options, method)
    panel = panel_of(design, lags, _broken(design, method, lags))
    lee_yu = correction == "lee_yu"
    size, filter_ = maximum_likelihood.size_of(panel, lee_yu), maximum_likelihood.filter_of(panel, lee_yu)
    setting = Setting(design, method, panel, size, filter_, correction)
    if method == "slx":
        fitted = _least_squares(setting)
    elif method in LIKELIHOOD:
        fitted = _likelihood(setting)
    else:
        fitted = _moments(setting)
    tests = {**impacts.lagrange_multipliers(panel, size, filter_), **fitted.tests}
    return replace(fitted, tests=tests, left_out=setting.panel.left_out, extra=_extra(setting, fitted))


def _lags(design: Design, options: SpatialKeys, method: str) -> tuple[str, ...]:
    """Terms whose neighbours' means enter; stops at an unknown method and at keys that it does not take."""
    where = f"models.{design.spec.name}"
    problems = []
    if method not in METHODS:
        expected, fix = "one of " + ", ".join(METHODS), did_you_mean(method, METHODS)
        problems.append(Problem(CONFIGURATION, f"{where}.method", f'"{method}"', expected, fix))
    chosen = options.spatial_lags
    if chosen and method in METHODS and method not in DURBIN:
        found, expected = f"neighbours' regressors with method {method}", "method sdm, sdem or slx"
        problems.append(Problem(CONFIGURATION, f"{where}.spatial_lags", found, expected, "change the method"))
    if options.gives("correction") and method in METHODS and method not in LIKELIHOOD:
        expected = "a method by maximum likelihood: " + ", ".join(LIKELIHOOD)
        problems.append(Problem(CONFIGURATION, f"{where}.correction", f"method {method}", expected, "leave it out"))
    if problems:
        raise UserError(problems)
    if method not in DURBIN:
        return ()
    return chosen or tuple(dict.fromkeys(_regressors(design)))


def _broken(design: Design, method: str, lags: tuple[str, ...]) -> tuple[str, ...]:
    """Whose neighbours' values the model holds: neighbours' steps belong beside them."""
    return (*lags, *((design.spec.outcome,) if method in OUTCOME_LAG else ()))


def _without_neighbours(setting: Setting) -> SpatialPanel:
    """The panel without neighbours' regressors; the steps of their breaks stay: no test is of them."""
    design, method = setting.design, setting.method
    lags = _lags(design, design.spec.of(SpatialKeys), method)
    return panel_of(design, (), _broken(design, method, lags))


def _regressors(design: Design) -> tuple[str, ...]:
    """Regressors and controls that the design holds, steps of definition breaks left aside."""
    return tuple(term for term in (*design.spec.regressors, *design.spec.controls) if term in design.terms)


def _least_squares(setting: Setting) -> Fit:
    design, panel = setting.design, setting.panel
    terms = panel.terms
    kind = FE if panel.effects else POOLED
    wide = replace(
        design,
        x=columns(panel.x[:, :, : len(terms)]),
        terms=terms,
        spec=replace(design.spec, estimator=kind, effects=panel.effects),
    )
    fitted = linear.fe(wide) if panel.effects else linear.pooled(wide)
    plain = maximum_likelihood.independent(_without_neighbours(setting), setting.size)
    full = maximum_likelihood.independent(panel, setting.size)
    extra = len(panel.lagged)
    value = max(0.0, 2.0 * (full.log_likelihood - plain.log_likelihood))
    about = (note("likelihood_ratio"),)
    tests = {"lr_neighbours": Test(value, float(extra), float(special.chdtrc(extra, value)), about)}
    return replace(fitted, tests={**fitted.tests, **tests}, notes=(*fitted.notes, *_left_out(panel)))


def _likelihood(setting: Setting) -> Fit:
    panel, size, name = setting.panel, setting.size, setting.design.spec.name
    engine = maximum_likelihood.lag if setting.method in OUTCOME_LAG else maximum_likelihood.error
    solution = engine(panel, size, setting.filter, name)
    assert solution.spatial is not None
    plain = _without_neighbours(setting) if setting.method in DURBIN else panel
    tests = impacts.likelihood_ratios(setting.method, solution, panel, plain, size, setting.filter, name)
    vcov_type = (note("expected_information"),)
    parameters = len(panel.terms) + 2
    values = {
        "log_likelihood": solution.log_likelihood,
        "aic": 2.0 * parameters - 2.0 * solution.log_likelihood,
        "sigma": float(np.sqrt(solution.sigma2)),
        "r2_within": _explained(setting, solution),
    }
    params = np.append(solution.slopes, solution.spatial)
    return _assembled(
        setting, params, solution.vcov, solution.scores, solution.vcov, solution.residuals, vcov_type, values, tests
    )


def _moments(setting: Setting) -> Fit:
    panel = setting.panel
    has_lag, has_error = setting.method != "gmm_error", setting.method != "gmm_lag"
    estimate = gmm.estimate(
        panel, setting.size, setting.filter, has_lag, has_error, setting.df_resid, setting.design.spec.name
    )
    params = estimate.slopes if estimate.lag is None else np.append(estimate.slopes, estimate.lag)
    values = {"sigma": float(np.sqrt(estimate.sigma2))}
    if estimate.error is not None:
        values["lambda"] = estimate.error
    tests = {}
    if estimate.sargan is not None:
        value, df = estimate.sargan
        about = (note("neighbours_as_instruments"),)
        tests["sargan"] = Test(value, float(df), float(special.chdtrc(df, value)), about)
    vcov_type = note(("two_stages" if has_lag else "filtered_least_squares") + ("_lambda_known" if has_error else ""))
    return _assembled(
        setting, params, estimate.vcov, estimate.scores, estimate.bread, estimate.residuals, (vcov_type,), values, tests
    )


def _assembled(
    setting: Setting,
    params: FloatArray,
    vcov: FloatArray,
    scores: FloatArray,
    bread: FloatArray,
    residuals: FloatArray,
    vcov_type: tuple[Note, ...],
    values: Mapping[str, float],
    tests: Mapping[str, Test],
) -> Fit:
    """The fit of the model's terms; dummies of periods are projected out of the scores."""
    panel = setting.panel
    k = len(panel.terms)
    spatial = () if params.size == panel.x.shape[2] else (_spatial_term(setting),)
    kept = [*range(k), *range(panel.x.shape[2], params.size)]
    inverse = bread[np.ix_(kept, kept)]
    notes = (_counted(setting),) if setting.method in LIKELIHOOD else ()
    return Fit(
        terms=(*panel.terms, *spatial),
        params=params[kept],
        rows=np.arange(panel.y.size),
        residuals=columns(residuals),
        bread=inverse,
        scores=scores @ bread[:, kept] @ np.linalg.inv(inverse),
        df_resid=setting.df_resid,
        n_absorbed=panel.n_absorbed,
        absorbed=panel.effects,
        vcov=vcov[np.ix_(kept, kept)],
        vcov_type=vcov_type,
        fit=values,
        tests=tests,
        notes=(*notes, *_left_out(panel)),
    )


def _spatial_term(setting: Setting) -> str:
    return MARK + setting.design.spec.outcome if setting.method in OUTCOME_LAG else ERROR


def _counted(setting: Setting) -> Note:
    n, t = setting.panel.shape
    size = setting.size
    if setting.correction == "none":
        return note("uncorrected_effects", units=n, periods=t)
    return note("lee_yu", units=n, periods=t, units_counted=size.units, periods_counted=size.periods)


def _left_out(panel: SpatialPanel) -> tuple[Note, ...]:
    return tuple(note("left_out", term=term, reason=reason) for term, reason in panel.left_out.items())


def _explained(setting: Setting, solution: Solution) -> float:
    """Squared correlation, net of effects, of the outcome and what the regressors predict (Elhorst 2014, eq. 3.25)."""
    panel = setting.panel
    predicted = panel.x @ solution.slopes
    if setting.method in OUTCOME_LAG:
        predicted = setting.filter.solve(float(solution.spatial or 0.0), predicted)
    pair = np.corrcoef(columns(panel.net(predicted)), columns(panel.net(panel.y)))
    return float(pair[0, 1] ** 2)


def _extra(setting: Setting, fit: Fit) -> Parts:
    spec = setting.design.spec
    extra = Parts(spatial=Spatial(setting.design.extra.weights_about, setting.correction, setting.filter.interval))
    if setting.method not in OUTCOME_LAG + DURBIN:
        return extra
    names = [term for term in dict.fromkeys(_regressors(setting.design)) if term in fit.terms]
    place = {term: j for j, term in enumerate(fit.terms)}
    outcome = MARK + spec.outcome
    vcov, df, basis = _covariance(setting, fit)
    coefficients = Coefficients(
        fit.params,
        vcov,
        [place[term] for term in names],
        {place[term]: place[MARK + term] for term in names if MARK + term in place},
        place.get(outcome) if setting.method in OUTCOME_LAG else None,
        df,
    )
    rng = generator(setting.design.seed, spec.name, "spatial_effects")
    rows = effects(coefficients, fit.terms, setting.filter.whole(), spec.of(SpatialKeys).draws, rng)
    return replace(extra, spatial_effects=replace(rows, basis=basis))


def _covariance(setting: Setting, fit: Fit) -> tuple[FloatArray, float, tuple[Note, ...]]:
    """Covariance, degrees of freedom and name of the first setting of inference, as in the model's table."""
    from ruralpanel.estimate.inference.methods import infer

    settings = setting.design.spec.inference
    vcov = fit.vcov
    if vcov is not None and not any(s.method == "own" for s in settings):
        return vcov, np.inf, fit.vcov_type
    usable = [s for s in settings if s.method not in RESAMPLED and (s.method != "own" or vcov is not None)]
    chosen = usable[0] if usable else InferenceSpec("cluster")
    result = infer(fit, setting.design, chosen, 0)
    assert result.vcov is not None and result.df is not None
    return result.vcov, float(np.min(result.df)), result.small_sample
