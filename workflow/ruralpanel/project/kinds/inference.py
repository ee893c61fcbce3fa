"""The table of methods of inference: keys and defaults of each, the function behind it; no numpy.

To add a method: an entry here, a module below ``estimate/inference``, a word in each catalogue and a paragraph in
docs/inference.md. ``tests/project/test_kinds.py`` says what is missing.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema

from ruralpanel.project.kinds.facts import Inference
from ruralpanel.project.kinds.options import Draws, Kilometres, Name, Options, key, required

CLASSICAL, ROBUST, CLUSTER, CONLEY, OWN = "classical", "hc", "cluster", "conley", "own"
WILD, PERMUTATION = "wild_cluster", "permutation"
"""Methods that other modules fall back on or look for."""

_By = Annotated[
    str | tuple[Name, ...],
    WithJsonSchema(
        {
            "type": ["string", "array"],
            "minLength": 1,
            "items": {"type": "string", "minLength": 1},
            "minItems": 1,
            "maxItems": 2,
            "uniqueItems": True,
        }
    ),
]
_BY = "Cluster: unit, period or an attribute; a list of two for two-way"
_CRITICAL = "Where critical values come from"
_SMALL_SAMPLE = "Small-sample correction"
_DRAWS = "Number of draws"
_Lag = Annotated[int, Field(ge=0, le=200)]


class Classical(Options):
    """Independent errors of one variance."""

    critical: Literal["t"] = key(_CRITICAL, default="t")


class Robust(Options):
    """Errors of unequal variances."""

    kind: Literal["HC0", "HC1", "HC2", "HC3"] = key("Variant", default="HC3")
    critical: Literal["t", "normal"] = key(_CRITICAL, default="t")


def _critical(keys: Mapping[str, object]) -> str:
    """CR2 and unbiased variances go with Satterthwaite's degrees of freedom, others with t."""
    return "satterthwaite" if keys.get("small_sample") in ("CR2", "unbiased") else "t"


class Clustered(Options):
    """Keys of methods that ask for clusters."""

    by: _By = key(_BY, default="unit")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the clusters: one, or two."""
        return (self.by,) if isinstance(self.by, str) else self.by


class Cluster(Clustered):
    """Errors correlated within clusters."""

    small_sample: Literal["CR0", "CR1", "CR2", "CR3"] = key(_SMALL_SAMPLE, default="CR1")
    critical: Literal["t", "satterthwaite", "normal"] = key(_CRITICAL, follows=_critical)
    count: Literal["nonnested", "slopes", "all"] = key(
        "What K counts in CR1's factor: slopes, constant and effects not nested in the clusters (default), slopes "
        "only, or everything",
        default="nonnested",
    )


class DriscollKraay(Options):
    """Errors correlated between units and over some periods."""

    lag: _Lag | None = key("Periods over which errors are correlated")
    small_sample: Literal["CR1", "residual_df", "none"] = key(_SMALL_SAMPLE, default="CR1")
    critical: Literal["t"] = key(_CRITICAL, default="t")


class Conley(Options):
    """Errors correlated between units near to each other."""

    cutoff_km: Kilometres = required("Distance at which correlation is taken to end")
    kernel: Literal["bartlett", "uniform"] = key(
        "How weights fall with distance: to zero at the cut-off, or one up to it", default="bartlett"
    )
    lag: _Lag | None = key("Periods over which rows of a unit are correlated; absent: all")
    small_sample: Literal["unbiased", "CR1", "none"] = key(_SMALL_SAMPLE, default="unbiased")
    critical: Literal["t", "satterthwaite", "normal"] = key(_CRITICAL, follows=_critical)


class Own(Options):
    """Errors that the estimator brings."""

    critical: Literal["t", "normal"] | None = key(_CRITICAL)


class WildCluster(Clustered):
    """Bootstrap that turns the signs of whole clusters."""

    draws: Draws = key(_DRAWS, default=99999)
    weights: Literal["rademacher", "webb", "mammen"] = key("Bootstrap weights", default="rademacher")
    interval: bool = key("Confidence interval by test inversion", default=True)
    subcluster: str | None = key(
        "What shares a bootstrap weight: parts of the clusters (row, period or an attribute; errors stay clustered by "
        "the whole); of two-way clusters row or one of the two (default: the one with fewer clusters)"
    )
    theta: Literal["fixed"] | None = key("The bootstrap of random effects holds theta at its estimate")


class Permutation(Options):
    """Units or rows that change places."""

    draws: Draws = key(_DRAWS, default=9999)
    over: Literal["units", "rows"] = key("What is permuted", default="units")
    scheme: Literal["freedman_lane", "rows"] = key(
        "Permutation of residuals with the null imposed (default), or of whole outcomes", default="freedman_lane"
    )


class TreatedSets(Options):
    """Treated sets that change hands."""

    draws: Draws | None = key(_DRAWS)


INFERENCE: Mapping[str, Inference] = MappingProxyType(
    {
        CLASSICAL: Inference(
            infer="ruralpanel.estimate.inference.covariance:infer_classical", options=Classical, clustered=False
        ),
        ROBUST: Inference(infer="ruralpanel.estimate.inference.covariance:infer_hc", options=Robust, clustered=False),
        CLUSTER: Inference(infer="ruralpanel.estimate.inference.cluster:infer", options=Cluster),
        "driscoll_kraay": Inference(
            infer="ruralpanel.estimate.inference.dependence:infer_driscoll_kraay", options=DriscollKraay
        ),
        CONLEY: Inference(
            infer="ruralpanel.estimate.inference.dependence:infer_conley", options=Conley, distances=True
        ),
        OWN: Inference(infer="ruralpanel.estimate.inference.covariance:infer_own", options=Own),
        "akm": Inference(infer="ruralpanel.estimate.families.iv.inference:infer_akm", clustered=False),
        "akm0": Inference(infer="ruralpanel.estimate.families.iv.inference:infer_akm", clustered=False),
        WILD: Inference(
            infer="ruralpanel.estimate.inference.wild:infer",
            with_instruments="ruralpanel.estimate.families.iv.inference:infer_wild_iv",
            options=WildCluster,
            key="bootstrap",
            shown_as="p_wild",
        ),
        PERMUTATION: Inference(
            infer="ruralpanel.estimate.inference.permutation:infer",
            options=Permutation,
            key="randomisation",
            shown_as="p_permutation",
        ),
        "treatment": Inference(
            infer="ruralpanel.estimate.families.policy.inference:infer",
            options=TreatedSets,
            key="randomisation",
            shown_as="p_permutation",
        ),
    }
)

KEYS: Mapping[str, str] = MappingProxyType(
    {
        "vcov": "Covariance estimator; own: the one that the estimator brings; akm, akm0: by sectors of a shift-share "
        "instrument, akm0 with the null imposed",
        "bootstrap": "Bootstrap",
        "randomisation": "Randomisation inference: whole units change places, or treated sets (did)",
    }
)
"""Keys of which a setting has one; its value is the method."""

DEFAULT_SETTINGS: tuple[Mapping[str, object], ...] = (
    {"vcov": CLUSTER, "by": "unit", "small_sample": "CR1", "critical": "t"},
    {"bootstrap": WILD, "by": "unit", "draws": 99999, "weights": "rademacher", "interval": True},
    {"vcov": CLUSTER, "by": "unit", "small_sample": "CR2", "critical": "satterthwaite"},
)


def shown_as(field: str) -> tuple[str, ...]:
    """Methods whose p-value the coefficients hold in a field (``p_wild``, ``p_permutation``)."""
    return tuple(name for name, kind in INFERENCE.items() if kind.shown_as == field)
