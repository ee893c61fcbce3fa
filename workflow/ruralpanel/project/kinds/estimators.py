"""The table of estimators: one entry holds everything that the rest of the house may ask of one; no numpy.

To add an estimator: an entry here, a module below ``estimate/families``, a reference test, a word in each catalogue and
a line in docs/estimators.md. ``tests/project/test_kinds.py`` says what is missing.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field

from ruralpanel.project.kinds.facts import Estimator, Method
from ruralpanel.project.kinds.options import Draws, Name, Names, Options, PeriodOrEventTime, Year, key, required

_Lags = Annotated[int, Field(ge=1, le=100)]
_Span = Annotated[tuple[Annotated[int, Field(ge=2, le=200)], ...], Field(min_length=2, max_length=2)]
_FIXED_EFFECTS = ("2sls", "liml", "gmm")
_GMM = ("difference_gmm", "system_gmm")

BETWEEN, WITHIN, MIXED, POLICY = "between", "within", "mixed", "policy"
"""What a number rests on: comparisons of units, changes within them, both, a change that some units underwent."""


POOLED, FE, FD, RE = "pooled", "fe", "fd", "re"
"""Estimators that other estimators and tests make use of."""


class Linear(Options):
    """Keys of linear models whose constant can be had."""

    constant: bool | None = key("Give the constant's coefficient too (docs/estimators.md)")


class RandomEffects(Linear):
    """Keys of random effects."""

    components: Literal["swar", "walhus", "amemiya", "nerlove"] | None = key(
        "Whose variance components of random effects: Swamy and Arora's (default), Wallace and Hussain's, Amemiya's, "
        "Nerlove's"
    )


class Instrumented(Options):
    """Keys of instrumental variables."""

    endogenous: Names = required("Instrumented regressors")
    instruments: Names | None = key("Excluded instruments")
    shares: Names | None = key(
        "Exposure shares of a shift-share instrument, one variable or attribute per sector", _FIXED_EFFECTS
    )
    shocks: tuple[Name, ...] | None = key(
        "Its shocks, one variable per sector in the shares' order, the same for all units of a period", _FIXED_EFFECTS
    )


class HausmanTaylor(Options):
    """Keys of random effects that some regressors go with."""

    endogenous: Names = required("Regressors that go with the unit effects")


class Dynamic(Options):
    """Keys of dynamic panels."""

    lags: _Lags | None = key("Lags of the outcome")
    regressor_lags: dict[str, _Lags] | None = key("Regressor: number of its lags that join it")
    gmm_lags: Annotated[tuple[Annotated[int, Field(ge=2, le=200)], ...], Field(min_length=2, max_length=2)] | None = (
        key("First and last lag of the outcome that instruments", _GMM)
    )
    collapse: bool | None = key("One instrument per lag (default) instead of one per lag and period", _GMM)
    predetermined: Names | None = key(
        "Regressors that past errors move, instrumented by their own lags from the first on", _GMM
    )
    endogenous_regressors: Names | None = key(
        "Regressors that present errors move too, instrumented by their own lags from the second on", _GMM
    )
    steps: Literal[1, 2] | None = key("One- or two-step GMM; default 2", _GMM)
    initial_weights: Literal["full", "blocks", "identity"] | None = key(
        "First step's matrix of system GMM; default full (docs/estimators/dynamic.md)", ("system_gmm",)
    )


class CommonEffects(Options):
    """Keys of common correlated effects."""

    lags: _Lags | None = key("Lags of cross-section means")


class Treatment(Options):
    """Treated units and their dates."""

    units: str | None = key("Condition on attributes: who is treated")
    first: Year | None = key("First treated period of all of them")
    first_by_unit: str | None = key("A variable or attribute that holds each unit's first treated period")


class Policy(Options):
    """Keys of policy designs."""

    treatment: Treatment = required("Who is treated and since when")
    reference: PeriodOrEventTime | None = key("Period (or event time) that effects are measured against")
    group_trends: bool | None = key("A linear trend of the treated group", ("twfe", "imputation"))
    comparison: Literal["never", "not_yet"] | None = key("Comparison group", ("callaway_santanna", "stacked"))


class EventStudy(Policy):
    """Keys of event studies."""

    draws: Draws | None = key("Draws of placebos", ("twfe", "callaway_santanna"))


class Did(Policy):
    """Keys of differences in differences."""

    reference: PeriodOrEventTime | None = key(
        "Period (or event time) that effects are measured against",
        ("twfe", "callaway_santanna", "imputation", "stacked", "matched"),
    )
    draws: Draws | None = key("Draws of placebos")


class Poisson(Options):
    """Keys of Poisson regressions."""

    exposure: str | None = key("What counts are counted per: a variable whose log enters with coefficient one")


class System(Options):
    """Keys of systems of outcomes."""

    equations: dict[str, Names] | None = key("Outcome: its terms among the regressors and controls; absent: all")
    draws: Draws | None = key("Draws of the correlations' bootstrap")


class Spatial(Options):
    """Keys of spatial models."""

    weights_matrix: str = required("A name under weights_matrices")
    spatial_lags: Names | None = key(
        "Regressors and controls whose neighbours' means enter; absent: all", ("sdm", "sdem", "slx")
    )
    correction: Literal["lee_yu", "none"] | None = key(
        "What effects take from the likelihood; default lee_yu (docs/estimators/spatial.md)",
        ("sdm", "sar", "sem", "sdem"),
    )
    draws: Draws | None = key("Draws of simulated errors", ("sdm", "sar", "sdem", "slx", "gmm", "gmm_lag"))


class Gap(Options):
    """Two groups of units."""

    by: str = required("Attribute of the units")
    group: str = required("Value of the group that lags")
    reference: str = required("Value of the group it is held against")


class Decomposition(Options):
    """Keys of decompositions."""

    gap: Gap = required("Whose distance to whom is explained")
    blocks: Annotated[dict[str, Names], Field(min_length=2)] = required("Block: its variables")
    draws: Draws | None = key("Draws of the bootstrap")


class Counterfactual(Options):
    """Keys of counterfactuals."""

    gap: Gap = required("Whose distance to whom is explained")
    levers: Names = required("Regressors moved to the reference group's mean")


def _methods(*plain: str, **special: Method) -> Mapping[str, Method]:
    return MappingProxyType({**{name: special.get(name, Method()) for name in plain}, **special})


_WITHOUT_REGRESSION = {
    "callaway_santanna": Method(weighted=False, marginal_effects=False),
    "imputation": Method(marginal_effects=False),
}
_SYNTHETIC = Method(
    weighted=False, terms=False, not_left_out="see leave_one_treated_out and the weights in the model's results"
)

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
        ),
        "iv": Estimator(
            fit="ruralpanel.estimate.families.iv.iv:fit",
            options=Instrumented,
            one_of=("instruments", "shares"),
            methods=_methods(*_FIXED_EFFECTS, **dict.fromkeys(("g2sls", "ec2sls"), Method(random_effects=True))),
            page="estimators/iv.md",
            reference="tests/reference/test_iv_numbers.py",
            confirmed_by="instruments",
            instruments=True,
            coefficients="terms",
            causal=True,
            refuted_by={"effective_f": {"statistic_above": 10.0}},
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
        ),
        "dynamic_panel": Estimator(
            fit="ruralpanel.estimate.families.dynamic.dynamic_panel:fit",
            options=Dynamic,
            methods=_methods("bias_corrected", *_GMM, bias_corrected=Method(refutable=False)),
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
            not_left_out="see the bounds and the pre-trend test in the model's results",
            rejections="ruralpanel.estimate.families.policy.inference:policy_rejections",
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
        ),
        "ppml": Estimator(
            fit="ruralpanel.estimate.families.ppml:fit",
            options=Poisson,
            page="estimators/dynamic.md",
            reference="tests/estimate/test_ppml.py",
            confirmed_by="counts",
            coefficients="terms",
            log_linear=True,
        ),
        "sur": Estimator(
            fit="ruralpanel.estimate.families.sur.sur:fit",
            options=System,
            page="estimators/sur.md",
            reference="tests/estimate/test_sur.py",
            confirmed_by="systems",
            regressors=False,
            several_outcomes=True,
            marginal_effects=False,
            coefficients="equations",
            statistics="residual_correlation",
        ),
        "spatial": Estimator(
            fit="ruralpanel.estimate.families.spatial.spatial:fit",
            options=Spatial,
            methods=_methods("sdm", "sar", "sem", "sdem", "slx", "gmm", "gmm_lag", "gmm_error"),
            page="estimators/spatial.md",
            reference="tests/reference/test_spatial_numbers.py",
            weighted=False,
            refused_effects=("attributes", "unit, period, both or none"),
            not_left_out="a unit less changes its neighbours",
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
        ),
        "counterfactual": Estimator(
            fit="ruralpanel.estimate.families.decomposition:counterfactual",
            options=Counterfactual,
            page="estimators/robustness.md",
            reference="tests/estimate/test_decomposition.py",
            marginal_effects=False,
            slopes=False,
            of_units="changes",
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
