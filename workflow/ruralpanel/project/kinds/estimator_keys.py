"""The keys of estimators beyond those of every model: a class for each family, a line for each key."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema

from ruralpanel.project.kinds.options import Draws, Name, Names, Options, PeriodOrEventTime, Year, key, required

FIXED_EFFECTS = ("2sls", "liml", "gmm")
GMM = ("difference_gmm", "system_gmm")
"""Methods that keys are meant for."""

_Lags = Annotated[int, Field(ge=1, le=100)]


class MarginalEffect(Options):
    """Effect of one variable along another."""

    of: str = required("Variable whose effect is drawn")
    over: str = required("Variable along which it is drawn")
    at: Annotated[
        tuple[float | str, ...], WithJsonSchema({"type": "array", "items": {"type": ["number", "string"]}})
    ] = key("Values, or percentiles such as p25", follows=lambda _: ())


class OfEstimator(Options):
    """Keys of one estimator."""

    @property
    def columns(self) -> Mapping[str, tuple[str, ...]]:
        """Key → the columns of figures that it names, beside regressors and controls."""
        return {}

    @property
    def own_terms(self) -> Mapping[str, tuple[str, ...]]:
        """Key → those of the model's regressors and controls that it names."""
        return {}


class Linear(OfEstimator):
    """Keys of linear models whose constant can be had."""

    constant: bool = key("Give the constant's coefficient too (docs/estimators.md)", default=False)


class RandomEffects(Linear):
    """Keys of random effects."""

    components: Literal["swar", "walhus", "amemiya", "nerlove"] = key(
        "Whose variance components of random effects: Swamy and Arora's, Wallace and Hussain's, Amemiya's, Nerlove's",
        default="swar",
    )


class Instrumented(OfEstimator):
    """Keys of instrumental variables."""

    endogenous: Names = required("Instrumented regressors")
    instruments: Names = key("Excluded instruments", default=())
    shares: Names = key(
        "Exposure shares of a shift-share instrument, one variable or attribute per sector", FIXED_EFFECTS, default=()
    )
    shocks: tuple[Name, ...] = key(
        "Its shocks, one variable per sector in the shares' order, the same for all units of a period",
        FIXED_EFFECTS,
        default=(),
    )

    @property
    def columns(self) -> Mapping[str, tuple[str, ...]]:
        """Instrumented regressors and what instruments them."""
        return {name: getattr(self, name) for name in ("endogenous", "instruments", "shares", "shocks")}


class HausmanTaylor(OfEstimator):
    """Keys of random effects that some regressors go with."""

    endogenous: Names = required("Regressors that go with the unit effects")

    @property
    def columns(self) -> Mapping[str, tuple[str, ...]]:
        """Regressors that go with the unit effects."""
        return {"endogenous": self.endogenous}


class Dynamic(OfEstimator):
    """Keys of dynamic panels."""

    lags: _Lags = key("Lags of the outcome", default=1)
    regressor_lags: dict[str, _Lags] = key("Regressor: number of its lags that join it", default={})
    gmm_lags: Annotated[tuple[Annotated[int, Field(ge=2, le=200)], ...], Field(min_length=2, max_length=2)] | None = (
        key("First and last lag of the outcome that instruments", GMM)
    )
    collapse: bool = key("One instrument per lag instead of one per lag and period", GMM, default=True)
    predetermined: Names = key(
        "Regressors that past errors move, instrumented by their own lags from the first on", GMM, default=()
    )
    endogenous_regressors: Names = key(
        "Regressors that present errors move too, instrumented by their own lags from the second on", GMM, default=()
    )
    steps: Literal[1, 2] = key("One- or two-step GMM", GMM, default=2)
    initial_weights: Literal["full", "blocks", "identity"] = key(
        "First step's matrix of system GMM (docs/estimators/dynamic.md)", ("system_gmm",), default="full"
    )

    @property
    def own_terms(self) -> Mapping[str, tuple[str, ...]]:
        """Regressors that are not strictly exogenous, and those with lags."""
        names = {name: getattr(self, name) for name in ("predetermined", "endogenous_regressors")}
        return {**names, "regressor_lags": tuple(self.regressor_lags)}


class CommonEffects(OfEstimator):
    """Keys of common correlated effects."""

    lags: _Lags = key("Lags of cross-section means", default=0)


class Treatment(Options):
    """Treated units and their dates."""

    units: str | None = key("Condition on attributes: who is treated")
    first: Year | None = key("First treated period of all of them")
    first_by_unit: str | None = key("A variable or attribute that holds each unit's first treated period")


class Policy(OfEstimator):
    """Keys of policy designs."""

    treatment: Treatment = required("Who is treated and since when")
    reference: PeriodOrEventTime | None = key("Period (or event time) that effects are measured against")
    group_trends: bool = key("A linear trend of the treated group", ("twfe", "imputation"), default=False)
    comparison: Literal["never", "not_yet"] = key("Comparison group", ("callaway_santanna", "stacked"), default="never")

    @property
    def columns(self) -> Mapping[str, tuple[str, ...]]:
        """The column of first treated periods."""
        first = self.treatment.first_by_unit
        return {"treatment.first_by_unit": (first,)} if first else {}


class EventStudy(Policy):
    """Keys of event studies."""

    draws: Draws = key("Draws of placebos", ("twfe", "callaway_santanna"), default=9999)


class Did(Policy):
    """Keys of differences in differences."""

    reference: PeriodOrEventTime | None = key(
        "Period (or event time) that effects are measured against",
        ("twfe", "callaway_santanna", "imputation", "stacked", "matched"),
    )
    draws: Draws | None = key("Draws of placebos")


class Poisson(OfEstimator):
    """Keys of Poisson regressions."""

    exposure: str | None = key("What counts are counted per: a variable whose log enters with coefficient one")

    @property
    def columns(self) -> Mapping[str, tuple[str, ...]]:
        """What counts are counted per."""
        return {"exposure": (self.exposure,)} if self.exposure else {}


class System(OfEstimator):
    """Keys of systems of outcomes."""

    equations: dict[str, Names] = key("Outcome: its terms among the regressors and controls; absent: all", default={})
    draws: Draws = key("Draws of the correlations' bootstrap", default=9999)


class Spatial(OfEstimator):
    """Keys of spatial models."""

    weights_matrix: str = required("A name under weights_matrices")
    spatial_lags: Names = key(
        "Regressors and controls whose neighbours' means enter; absent: all", ("sdm", "sdem", "slx"), default=()
    )
    correction: Literal["lee_yu", "none"] = key(
        "What effects take from the likelihood (docs/estimators/spatial.md)",
        ("sdm", "sar", "sem", "sdem"),
        default="lee_yu",
    )
    draws: Draws = key("Draws of simulated errors", ("sdm", "sar", "sdem", "slx", "gmm", "gmm_lag"), default=2000)

    @property
    def own_terms(self) -> Mapping[str, tuple[str, ...]]:
        """Regressors whose neighbours' means enter."""
        return {"spatial_lags": self.spatial_lags}


class Gap(Options):
    """Two groups of units."""

    by: str = required("Attribute of the units")
    group: str = required("Value of the group that lags")
    reference: str = required("Value of the group it is held against")


class OfGap(OfEstimator):
    """Keys of estimators that explain a gap."""

    gap: Gap = required("Whose distance to whom is explained")


class Decomposition(OfGap):
    """Keys of decompositions."""

    blocks: Annotated[dict[str, Names], Field(min_length=2)] = required("Block: its variables")
    draws: Draws = key("Draws of the bootstrap", default=9999)


class Counterfactual(OfGap):
    """Keys of counterfactuals."""

    levers: Names = required("Regressors moved to the reference group's mean")

    @property
    def own_terms(self) -> Mapping[str, tuple[str, ...]]:
        """Regressors moved to the reference group's mean."""
        return {"levers": self.levers}
