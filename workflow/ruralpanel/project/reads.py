"""Which variables, attributes, places and files each part of a configuration reads."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ruralpanel.project import formulas
from ruralpanel.project.effects import grouped_by
from ruralpanel.project.expressions import Call, Name, log_of, names
from ruralpanel.project.files import unusable
from ruralpanel.project.kinds import maps, tables
from ruralpanel.project.kinds.inference import CONLEY, INFERENCE
from ruralpanel.project.kinds.options import Options
from ruralpanel.project.problems import CONFIGURATION, Problem
from ruralpanel.project.sections.configuration import Estimand, Hypothesis, SmallestEffect, SpecificationCurve
from ruralpanel.project.sections.data import WeightsMatrix
from ruralpanel.project.settings import ModelSpec, SeriesSpec, VariableSpec, wordless
from ruralpanel.project.units import Units

if TYPE_CHECKING:
    from ruralpanel.project.load import Config

CURVE_COLUMNS = frozenset(
    {"outcome", "moderator", "controls", "sample", "lag", "effects", "weights", "term"}
    | {"estimate", "std_error", "p_value", "ci_low", "ci_high", "standardised", "n_obs", "n_units", "n_periods"}
)
"""Columns of a specification curve's results that are not levers."""


def model_names(model: ModelSpec) -> frozenset[str]:
    """Variables and attributes that a model names; interactions count as their parts."""
    terms = [model.outcome, *model.outcomes, *model.regressors, *model.controls]
    terms += [term for named in model.options.columns.values() for term in named]
    terms += [model.weights] if model.weights else []
    return frozenset(part for term in terms for part in term.split(":")) | grouped_by(model.effects)


def curve_names(curve: SpecificationCurve) -> frozenset[str]:
    """Variables and attributes that a specification curve names; interactions count as their parts."""
    measures = curve.measures or {}
    terms = [*curve.outcome, *(curve.moderator or ()), *(curve.weights or ())]
    terms += [name for own in measures.values() for name in own]
    terms += [name for controls in curve.controls or () for name in controls]
    if curve.term not in measures:
        terms.append(curve.term)
    return frozenset(part for term in terms if term for part in term.split(":"))


def lag_names(curve: SpecificationCurve, variables: Mapping[str, VariableSpec]) -> frozenset[str]:
    """Variables that are declared as the lags that a curve takes of its lever."""
    return frozenset(lagged for _, _, lagged in _lagged(curve, variables))


def _lagged(curve: SpecificationCurve, variables: Mapping[str, VariableSpec]) -> list[tuple[str, int, str]]:
    """(measure, k, variable) of the lags that a curve takes of its lever and that are declared."""
    measures = (curve.measures or {}).get(curve.term, (curve.term,))
    lags = declared_lags(variables)
    wanted = [(name, lag) for name in measures if name for lag in curve.lags or ()]
    return [(*key, lags[key]) for key in wanted if key in lags]


def declared_lags(variables: Mapping[str, VariableSpec]) -> dict[tuple[str, int], str]:
    """(variable, k) → the variable whose formula is just ``lag(variable, k)``."""
    found: dict[tuple[str, int], str] = {}
    for name, variable in variables.items():
        if not variable.formula.lstrip().startswith("lag"):
            continue
        tree = formulas.parse(variable.formula)
        if isinstance(tree, Call) and tree.function == "lag" and isinstance(tree.arguments[0], Name):
            found.setdefault((tree.arguments[0].name, tree.integer("k")), name)
    return found


def condition_names(config: Config, sample: str) -> frozenset[str]:
    """Variables and attributes in the condition of a sample."""
    where = config.samples[sample].where if sample in config.samples else None
    return names(formulas.parse(where, config.file, f"samples.{sample}.where")) if where else frozenset()


def shown_variables(options: Options) -> tuple[tuple[str, str], ...]:
    """(panel, variable) pairs that a table, figure or map shows."""
    names = list(options.get("variables") or ())
    for part in (options, options.get("regimes"), options.get("clusters")):
        if isinstance(part, tables.Regimes | maps.Grown):
            names += [part.first, part.second]
        elif isinstance(part, maps.Moran):
            names.append(part.variable)
    pairs = [(str(options.get("panel") or ""), name) for name in names]
    return (*pairs, *((outcome.panel, outcome.variable) for outcome in options.get("outcomes") or ()))


def used_variables(config: Config, panel: str) -> frozenset[str]:
    """Variables that models, curves, tables, figures or maps use on a panel: those whose breaks are enforced."""
    found: set[str] = set()
    for model in config.models.values():
        if model.panel == panel:
            found |= model_names(model) | condition_names(config, model.sample)
    for curve in config.specification_curves.values():
        if curve.panel == panel:
            found |= curve_names(curve) | lag_names(curve, config.variables)
            found |= grouped_by(effect for effects in curve.effects or () for effect in effects)
            for sample in curve.samples or ():
                found |= condition_names(config, sample)
    for section in (config.tables, config.figures, config.maps):
        for item in section.values():
            found |= {variable for where, variable in shown_variables(item.options) if where == panel}
    return frozenset(found & set(config.variables))


def series_by_variable(config: Config) -> dict[str, SeriesSpec]:
    """Source variables → the series that they read; variables of undeclared series are left out."""
    found = {}
    for name, variable in config.variables.items():
        source = config.sources.get(variable.source)
        if source and variable.series in source.series:
            found[name] = source.series[variable.series]
    return found


COORDINATES = ("longitude", "latitude")
"""Attributes of the units file that say where units lie, in degrees."""

KEYS = {
    "contiguity": ((), ("join",)),
    "inverse_distance": ((), ("cutoff_km", "join")),
    "k_nearest": (("k",), ("join",)),
    "file": (("path",), ("values", "join")),
}
"""Keys that each type of matrix needs, and may have."""


def place_problems(config: Config, units: Units) -> Iterator[Problem]:
    """Matrices with keys missing, to spare or of unknown units, and models that ask for positions nobody gives."""
    for name, values in config.weights_matrices.items():
        yield from _matrix_problems(config, f"weights_matrices.{name}", values, units)
    for name, item in config.maps.items():
        projection, clusters = item.options.get("projection"), item.options.get("clusters")
        if projection != "auto":
            yield from projection_problems(projection, f"maps.{name}.projection", config.file)
        if clusters:
            where = f"maps.{name}.clusters.weights_matrix"
            yield from config.undeclared(where, [clusters.weights_matrix], "weights_matrices")
    placed = config.boundaries is not None or set(COORDINATES) <= set(units.columns)
    for model in config.models.values():
        matrix = config.weights_matrices.get(model.weights_matrix or "")
        kind = matrix.type if matrix else ""
        where = f"models.{model.name}"
        if kind == "contiguity" and config.boundaries is None:
            yield config.problem(
                f"{where}.weights_matrix", "contiguity without boundaries", "boundaries: a file of polygons"
            )
        elif kind in ("inverse_distance", "k_nearest") and not placed:
            yield _unplaced(config, f"{where}.weights_matrix", kind)
        if _needs_distances(model) and not placed:
            yield _unplaced(config, f"{where}.inference", CONLEY)


def matrices_of(config: Config, models: Iterable[ModelSpec]) -> dict[str, dict[str, object]]:
    """The declared weights matrices that models name."""
    names = sorted({model.weights_matrix for model in models if model.weights_matrix})
    return {name: config.weights_matrices[name].to_dict() for name in names}


def cluster_maps(config: Config) -> tuple[str, ...]:
    """Names of the maps of clusters."""
    return tuple(name for name, item in config.maps.items() if isinstance(item.options, maps.Clusters))


def map_matrices(config: Config) -> dict[str, dict[str, object]]:
    """The declared weights matrices that maps name."""
    named = (item.options for item in config.maps.values())
    names = sorted({options.clusters.weights_matrix for options in named if isinstance(options, maps.Clusters)})
    return {name: config.weights_matrices[name].to_dict() for name in names}


def place_files(config: Config, models: Iterable[str]) -> dict[str, list[str]]:
    """The files that models need to know who is whose neighbour or how far away: boundaries, and matrices of type file.

    Boundaries are asked for wherever polygons may be needed; whether they are is seen from the units file.
    """
    chosen = [config.models[name] for name in models]
    matrices = [config.weights_matrices[model.weights_matrix] for model in chosen if model.weights_matrix]
    polygons = any(map(_needs_distances, chosen)) or any(matrix.type != "file" for matrix in matrices)
    return {
        "boundaries": [config.boundaries] if polygons and config.boundaries else [],
        "matrices": sorted({matrix.path for matrix in matrices if matrix.type == "file" and matrix.path}),
    }


def _needs_distances(model: ModelSpec) -> bool:
    return any(INFERENCE[setting.method].distances for setting in model.inference)


def _matrix_problems(config: Config, where: str, matrix: WeightsMatrix, units: Units) -> Iterator[Problem]:
    kind = matrix.type
    needed, further = KEYS[kind]
    for key in needed:
        if not matrix.gives(key):
            yield config.problem(where, f"no {key}", f"{key}, which type {kind} needs")
    known = ("type", "standardise", *needed, *further)
    for key in sorted(matrix.model_fields_set - set(known)):
        expected = f"one of: {', '.join(known)}"
        yield config.problem(f"{where}.{key}", f'"{key}" with type {kind}', expected, f"remove {key}")
    if kind == "file" and matrix.path and (reason := unusable(matrix.path)):
        found = f'"{matrix.path}", {reason}'
        yield config.problem(f"{where}.path", found, "a file", "check the path")
    form = os.path.splitext(matrix.path or "")[1].lower()
    if kind == "file" and form in (".gwt", ".kwt") and matrix.values is None:
        found = f"a {form} file, whose third column may hold distances (GeoDa) or weights"
        fix = "write values: distances (a link weighs 1 / distance), weights, or links (each weighs one)"
        yield config.problem(f"{where}.values", found, "to be told which", fix)
    if kind == "file" and form == ".gal" and matrix.values not in (None, "links"):
        found, expected = f"{matrix.values} of a .gal file", "links: it holds no figures"
        yield config.problem(f"{where}.values", found, expected)
    for unit, others in matrix.join.items():
        for named in (unit, *others):
            if units.ids and named not in units.ids:
                yield config.problem(f"{where}.join", f'"{named}"', "ids of the units file", units.suggest(named))


def _unplaced(config: Config, where: str, what: str) -> Problem:
    expected = "boundaries, or columns longitude and latitude in the units file"
    return config.problem(where, f"{what} without positions of the units", expected)


def projection_problems(projection: str, where: str = "maps", file: str = CONFIGURATION) -> Iterator[Problem]:
    """The problem of a projection that PROJ does not know."""
    from pyproj import CRS  # only here: few configurations need PROJ
    from pyproj.exceptions import CRSError

    try:
        CRS.from_user_input("EPSG:4326" if projection == "auto" else projection)
    except CRSError as error:
        words = str(error).partition(": (")[0]
        yield Problem(file, where, f'projection "{projection}"', "auto, or one that PROJ knows", words)


def curves_on(config: Config, panels: Container[str]) -> tuple[str, ...]:
    """Names of the specification curves on panels, in the order of the configuration."""
    return tuple(name for name, curve in config.specification_curves.items() if curve.panel in panels)


def curves_settings(config: Config, panels: Sequence[str]) -> dict[str, object]:
    """What the specification curves of panels depend on."""
    return {
        "curves": {name: curve_settings(config, name) for name in curves_on(config, panels)},
        "by": {panel: config.panels[panel].by for panel in panels},
        "seed": config.seed,
        "config": config.file,
    }


def curve_settings(config: Config, name: str) -> dict[str, object]:
    """What is one specification curve's own: its declaration, samples, and variables that are lags of its lever."""
    curve = config.specification_curves[name]
    return {
        "curve": dict(config.resolved["specification_curves"][name]),
        "samples": samples_of(config, curve.samples or ()),
        "lags": [list(lag) for lag in _lagged(curve, config.variables)],
        "smallest": _smallest_effect(config, name).to_dict(given=True),
        "logs": _logarithms(config, curve.outcome),
    }


def _smallest_effect(config: Config, curve: str) -> SmallestEffect:
    """What the curve declares, in standard deviations of the outcome, else what the claim that it belongs to does."""
    own = config.specification_curves[curve].smallest_effect
    if own is not None:
        return SmallestEffect(sd_of_outcome=own)
    declared = (claim.smallest_effect for claim in config.hypotheses.values() if claim.robustness == curve)
    # a value is in units of one model's coefficient: specifications measure the lever otherwise
    return (next(declared, None) or SmallestEffect()).changed(value=None)


def _logarithms(config: Config, outcomes: Iterable[str]) -> list[str]:
    known = config.variables
    return [name for name in outcomes if name in known and log_of(known[name].formula, known) is not None]


def families(config: Config) -> dict[str, dict[str, Estimand]]:
    """Family → claim → its estimand (empty where none is declared)."""
    found: dict[str, dict[str, Estimand]] = {}
    for name, claim in config.hypotheses.items():
        if claim.family:
            found.setdefault(claim.family, {})[name] = claim.estimand or Estimand()
    return found


def family_settings(config: Config) -> dict[str, object]:
    """What the families depend on."""
    named = {
        family: {name: wordless(estimand.to_dict()) for name, estimand in claims.items()}
        for family, claims in families(config).items()
    }
    return {"families": named, **_models(config, family_models(config))}


def family_models(config: Config) -> tuple[str, ...]:
    """Models that the families' claims rest on."""
    estimands = [estimand for claims in families(config).values() for estimand in claims.values()]
    return tuple(dict.fromkeys(number.model for number in estimands if number.model and number.model in config.models))


def claimed_models(config: Config) -> tuple[str, ...]:
    """Models that claims rest on or show beside, in the order of the configuration."""
    named = {number.model for claim in config.hypotheses.values() for number in claim.numbers(factors=False)}
    return tuple(name for name in config.models if name in named)


def robustness_settings(config: Config) -> dict[str, object]:
    """What the robustness of the claims' models depends on."""
    claims = {name: _numbers(claim) for name, claim in config.hypotheses.items()}
    return {"claims": claims, **_models(config, claimed_models(config))}


def _numbers(claim: Hypothesis) -> dict[str, object]:
    """The numbers that a claim names, and the effect that would matter."""
    return {
        "estimand": wordless((claim.estimand or Estimand()).to_dict()),
        "others": [wordless(estimand.to_dict()) for estimand in claim.others or ()],
        "smallest_effect": (claim.smallest_effect or SmallestEffect()).to_dict(given=True),
    }


def panels_of(config: Config, models: Iterable[str]) -> tuple[str, ...]:
    """Panels that models are estimated on."""
    return tuple(dict.fromkeys(config.models[name].panel for name in models))


def _models(config: Config, names: Iterable[str]) -> dict[str, object]:
    models = [config.models[name] for name in dict.fromkeys(names)]
    return {
        "models": [model.to_dict() for model in models],
        "samples": samples_of(config, [model.sample for model in models]),
        "weights_matrices": matrices_of(config, models),
        "by": {model.panel: config.panels[model.panel].by for model in models},
        "seed": config.seed,
        "config": config.file,
    }


def samples_of(config: Config, names: Iterable[str]) -> dict[str, object]:
    """The samples among `names` that the configuration declares, without their labels."""
    declared = config.resolved["samples"]
    return {name: wordless(declared[name]) for name in sorted(set(names) & set(declared))}
