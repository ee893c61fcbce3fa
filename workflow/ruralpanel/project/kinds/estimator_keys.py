"""The keys of estimators beyond those of every model: a class for each family, a line for each key."""

from typing import Annotated, Literal

from pydantic import Field

from ruralpanel.project.kinds.options import Draws, Name, Names, Options, PeriodOrEventTime, Year, key, required

FIXED_EFFECTS = ("2sls", "liml", "gmm")
GMM = ("difference_gmm", "system_gmm")
"""Methods that keys are meant for."""

_Lags = Annotated[int, Field(ge=1, le=100)]
_Span = Annotated[tuple[Annotated[int, Field(ge=2, le=200)], ...], Field(min_length=2, max_length=2)]


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
        "Exposure shares of a shift-share instrument, one variable or attribute per sector", FIXED_EFFECTS
    )
    shocks: tuple[Name, ...] | None = key(
        "Its shocks, one variable per sector in the shares' order, the same for all units of a period", FIXED_EFFECTS
    )


class HausmanTaylor(Options):
    """Keys of random effects that some regressors go with."""

    endogenous: Names = required("Regressors that go with the unit effects")


class Dynamic(Options):
    """Keys of dynamic panels."""

    lags: _Lags | None = key("Lags of the outcome")
    regressor_lags: dict[str, _Lags] | None = key("Regressor: number of its lags that join it")
    gmm_lags: Annotated[tuple[Annotated[int, Field(ge=2, le=200)], ...], Field(min_length=2, max_length=2)] | None = (
        key("First and last lag of the outcome that instruments", GMM)
    )
    collapse: bool | None = key("One instrument per lag (default) instead of one per lag and period", GMM)
    predetermined: Names | None = key(
        "Regressors that past errors move, instrumented by their own lags from the first on", GMM
    )
    endogenous_regressors: Names | None = key(
        "Regressors that present errors move too, instrumented by their own lags from the second on", GMM
    )
    steps: Literal[1, 2] | None = key("One- or two-step GMM; default 2", GMM)
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
