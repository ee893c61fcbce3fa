"""The table of estimators: one entry holds everything that the rest of the house may ask of one; no numpy.

To add an estimator: an entry here, with keys of its own a class in `estimator_keys`, a module below
``estimate/families``, a reference test, a word in each catalogue and a line in docs/estimators.md.
``tests/project/test_kinds.py`` says what is missing.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from ruralpanel.project.kinds.estimator_keys import (
    FIXED_EFFECTS,
    GMM,
    CommonEffects,
    Counterfactual,
    Decomposition,
    Did,
    Dynamic,
    EventStudy,
    HausmanTaylor,
    Instrumented,
    Linear,
    Poisson,
    RandomEffects,
    Spatial,
    System,
)
from ruralpanel.project.kinds.facts import Estimator, Method

BETWEEN, WITHIN, MIXED, POLICY = "between", "within", "mixed", "policy"
SCRIPTS = ("R", "do", "py")
"""Suffixes of the scripts that estimate a model again."""

"""What a number rests on: comparisons of units, changes within them, both, a change that some units underwent."""

POOLED, FE, FD, RE = "pooled", "fe", "fd", "re"
"""Estimators that other estimators and tests make use of."""


def _methods(*plain: str, **special: Method) -> Mapping[str, Method]:
    return MappingProxyType({**{name: special.get(name, Method()) for name in plain}, **special})


_WITHOUT_REGRESSION = {
    "callaway_santanna": Method(weighted=False, marginal_effects=False),
    "imputation": Method(marginal_effects=False),
}
_SYNTHETIC = Method(weighted=False, terms=False, not_left_out="see_leave_one_treated_out")

_POLICY = "it combines many comparisons, or weights units, instead of running one regression"

ESTIMATORS: Mapping[str, Estimator] = MappingProxyType(
    {
        "pooled": Estimator(
            fit="ruralpanel.estimate.families.linear:pooled",
            options=Linear,
            confirmed_by="linear",
            standard=True,
            inherits_effects=False,
            refused_effects=("unit", "effects of periods or of attributes: with unit effects the estimator is fe"),
            unit_effects="none",
            coefficients="terms",
            measurement_error=True,
            scripts={"": "regression"},
        ),
        "between": Estimator(
            fit="ruralpanel.estimate.families.linear:between",
            options=Linear,
            confirmed_by="linear",
            standard=True,
            inherits_effects=False,
            refused_effects=("all", "none: means of units are compared"),
            unit_effects="none",
            averages_units=True,
            coefficients="terms",
            evidence="between",
            scripts={"": "means"},
        ),
        "fe": Estimator(
            fit="ruralpanel.estimate.families.linear:fe",
            options=Linear,
            confirmed_by="linear",
            standard=True,
            least_periods=2,
            least_periods_of_a_unit=2,
            needs_effects="some",
            coefficients="terms",
            measurement_error=True,
            scripts={"": "regression"},
        ),
        "fd": Estimator(
            fit="ruralpanel.estimate.families.linear:fd",
            reference="tests/reference/test_linearmodels.py",
            confirmed_by="linear",
            standard=True,
            least_periods=2,
            least_periods_of_a_unit=2,
            refused_effects=(
                "differenced",
                "period or attribute:period: what does not change between periods is differenced away",
            ),
            unit_effects="differenced",
            coefficients="terms",
            scripts={"": "differences"},
        ),
        "re": Estimator(
            fit="ruralpanel.estimate.families.random_effects:fit",
            options=RandomEffects,
            page="estimators/random_effects.md",
            confirmed_by="linear",
            standard=True,
            least_periods=2,
            least_periods_of_a_unit=2,
            inherits_effects=False,
            unit_effects="random",
            random_periods=True,
            coefficients="terms",
            scripts={"": "random_effects"},
        ),
        "iv": Estimator(
            fit="ruralpanel.estimate.families.iv.iv:fit",
            options=Instrumented,
            one_of=("instruments", "shares"),
            methods=_methods(*FIXED_EFFECTS, **dict.fromkeys(("g2sls", "ec2sls"), Method(random_effects=True))),
            page="estimators/iv.md",
            reference="tests/reference/test_iv_numbers.py",
            confirmed_by="instruments",
            instruments=True,
            coefficients="terms",
            causal=True,
            refuted_by={"effective_f": {"statistic_above": 10.0}},
            scripts={"2sls": "two_stage", "liml": "liml"},
            no_script="packages differ in the weights of two-step GMM and in quasi-demeaned instruments",
        ),
        "hausman_taylor": Estimator(
            fit="ruralpanel.estimate.families.iv.hausman_taylor:fit",
            options=HausmanTaylor,
            methods=_methods("", "amemiya_macurdy", "breusch_mizon_schmidt"),
            page="estimators/random_effects.md",
            reference="tests/reference/test_iv_numbers.py",
            confirmed_by="instruments",
            least_periods=2,
            least_periods_of_a_unit=2,
            inherits_effects=False,
            unit_effects="random",
            coefficients="terms",
            no_script="packages differ in the variance components of unbalanced panels",
        ),
        "dynamic_panel": Estimator(
            fit="ruralpanel.estimate.families.dynamic.dynamic_panel:fit",
            refit="ruralpanel.estimate.families.dynamic.dynamic_panel:refit",
            options=Dynamic,
            methods=_methods("bias_corrected", *GMM, bias_corrected=Method(refutable=False)),
            page="estimators/dynamic.md",
            reference="tests/reference/test_dynamic_numbers.py",
            regressors=False,
            weighted=False,
            least_periods=3,
            needs_effects="unit",
            refused_effects=("attributes", "unit, or unit and period: a dynamic panel has unit effects"),
            unit_effects="removed",
            coefficients="lags",
            statistics="long_run",
            refuted_by={"ar2": {"p_above": 0.05}, "hansen": {"p_above": 0.05}},
            no_script="packages differ in the sets of instruments, in their weights and in the corrections of bias",
        ),
        "cce": Estimator(
            fit="ruralpanel.estimate.families.common_effects.cce:fit",
            options=CommonEffects,
            methods=_methods("mean_group", "pooled"),
            page="estimators/cce.md",
            reference="tests/reference/test_dynamic_numbers.py",
            weighted=False,
            least_periods=2,
            refused_effects=(
                "attributes",
                "unit, period, both or none: averages over units stand for what is common to a period",
            ),
            unit_effects="removed",
            coefficients="terms",
            of_units="slopes",
            no_script="its errors come from the spread of the units' own slopes",
        ),
        "event_study": Estimator(
            fit="ruralpanel.estimate.families.policy.event_study:fit",
            confirmed_by="policy",
            options=EventStudy,
            methods=_methods("twfe", "callaway_santanna", "imputation", "stacked", **_WITHOUT_REGRESSION),
            by_event_time=True,
            page="estimators/policy.md",
            reference="tests/reference/test_policy_numbers.py",
            regressors=False,
            least_periods=3,
            needs_effects="both",
            unit_effects="removed",
            evidence="policy",
            causal=True,
            refuted_by={"pretrend": {"p_above": 0.05}},
            not_left_out="see_bounds_and_pretrend",
            rejections="ruralpanel.estimate.families.policy.inference:policy_rejections",
            scripts={"twfe": "regression"},
            no_script=_POLICY,
        ),
        "did": Estimator(
            fit="ruralpanel.estimate.families.policy.did:fit",
            confirmed_by="policy",
            options=Did,
            methods=_methods(
                *("twfe", "callaway_santanna", "imputation", "stacked", "synthetic", "synthetic_control", "matched"),
                **_WITHOUT_REGRESSION,
                **dict.fromkeys(("synthetic", "synthetic_control"), _SYNTHETIC),
            ),
            page="estimators/policy.md",
            reference="tests/reference/test_policy_numbers.py",
            regressors=False,
            least_periods=2,
            needs_effects="both",
            unit_effects="removed",
            evidence="policy",
            causal=True,
            refuted_by={"pretrend": {"p_above": 0.05}},
            refit="ruralpanel.estimate.families.policy.did:refit",
            rejections="ruralpanel.estimate.families.policy.inference:policy_rejections",
            scripts={"twfe": "regression"},
            no_script=_POLICY,
        ),
        "ppml": Estimator(
            fit="ruralpanel.estimate.families.ppml:fit",
            options=Poisson,
            page="estimators/dynamic.md",
            reference="tests/estimate/test_ppml.py",
            confirmed_by="counts",
            coefficients="terms",
            log_linear=True,
            scripts={"": "counts"},
        ),
        "sur": Estimator(
            fit="ruralpanel.estimate.families.sur.sur:fit",
            refit="ruralpanel.estimate.families.sur.sur:refit",
            options=System,
            page="estimators/sur.md",
            reference="tests/estimate/test_sur.py",
            confirmed_by="systems",
            regressors=False,
            several_outcomes=True,
            marginal_effects=False,
            coefficients="equations",
            statistics="residual_correlation",
            no_script="its statistics are correlations of residuals, bootstrapped by unit",
        ),
        "spatial": Estimator(
            fit="ruralpanel.estimate.families.spatial.spatial:fit",
            options=Spatial,
            methods=_methods("sdm", "sar", "sem", "sdem", "slx", "gmm", "gmm_lag", "gmm_error"),
            page="estimators/spatial.md",
            reference="tests/reference/test_spatial_numbers.py",
            weighted=False,
            refused_effects=("attributes", "unit, period, both or none"),
            not_left_out="neighbours_change",
            no_script="its likelihood and its effects rest on the weights matrix, which is no column of the panel",
        ),
        "decomposition": Estimator(
            fit="ruralpanel.estimate.families.decomposition:decomposition",
            options=Decomposition,
            methods=_methods("gelbach", "shapley", "oaxaca"),
            page="estimators/robustness.md",
            reference="tests/estimate/test_decomposition.py",
            regressors=False,
            drop_absorbed=False,
            inherits_effects=False,
            refused_effects=("all", "none: means of units are compared, with a constant for each group"),
            unit_effects="none",
            marginal_effects=False,
            slopes=False,
            of_units="parts",
            evidence="between",
            no_script="it is a contrast of groups made from several regressions, with bootstrapped intervals",
        ),
        "counterfactual": Estimator(
            fit="ruralpanel.estimate.families.decomposition:counterfactual",
            options=Counterfactual,
            page="estimators/robustness.md",
            reference="tests/estimate/test_decomposition.py",
            marginal_effects=False,
            slopes=False,
            of_units="changes",
            no_script="it is a contrast of groups made from a regression, with bootstrapped intervals",
        ),
    }
)


def estimators_of(fitting: Callable[[Estimator], bool]) -> tuple[str, ...]:
    """Names of the estimators of which something is true."""
    return tuple(name for name, kind in ESTIMATORS.items() if fitting(kind))


def has_random_effects(estimator: str, method: str = "") -> bool:
    """Whether a model's unit effects are random."""
    kind = ESTIMATORS.get(estimator)
    variant = kind.methods.get(method) if kind else None
    return kind is not None and (kind.unit_effects == "random" or (variant is not None and variant.random_effects))


def removed_effects(estimator: str, method: str, effects: Sequence[str]) -> tuple[str, ...]:
    """Of the declared effects those that a model removes: where unit is random, what stands beside it is too."""
    return () if has_random_effects(estimator, method) and "unit" in effects else tuple(effects)
