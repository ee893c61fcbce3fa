"""A recipe as a script of R, Stata or Python."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import jinja2

from ruralpanel.output.export.recipe import Errors, Recipe
from ruralpanel.project.kinds.inference import CLASSICAL, CLUSTER, ROBUST

FOLDER = Path(__file__).resolve().parents[3] / "export"
LOOSE = 1e-5
"""Largest relative difference that passes in R and Stata, whose packages remove effects step by step."""

LINE = 100
"""Characters of a list in one line."""

_PYTHON_CLASSES = {"random_effects": "RandomEffects", "two_stage": "IV2SLS", "liml": "IVLIML"}
_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.FileSystemLoader(FOLDER),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    autoescape=False,
)
_ENVIRONMENT.filters["quoted"] = json.dumps


class _LacksError(Exception):
    """What a language's packages do not have of a model."""


@dataclass(frozen=True)
class _Own:
    """What the template of one language says of a recipe; `errors`: those of its packages that are ours, if any."""

    errors: Errors | None


@dataclass(frozen=True)
class _OfPython(_Own):
    library: str
    class_name: str
    arguments: str
    factor: str
    effects: tuple[str, ...]
    regressors: str
    has_regressors: bool
    endogenous: str
    instruments: str
    effect_arguments: tuple[str, ...]
    tolerance: str


@dataclass(frozen=True)
class _OfR(_Own):
    packages: tuple[str, ...]
    call: str
    covariance: str
    levels: tuple[str, ...]


@dataclass(frozen=True)
class _OfStata(_Own):
    command: str
    install: str
    prepare: tuple[str, ...]
    call: str
    prefix: str
    scale: str


def scripts(recipe: Recipe) -> dict[str, str]:
    """The three scripts of a model by suffix; one whose packages lack the model says so and stops."""
    return {suffix: _written(recipe, suffix, make) for suffix, make in LANGUAGES.items()}


def without_script(model: str, title: str, estimator: str, reason: str) -> dict[str, str]:
    """Files in place of the scripts of a model that has none."""
    return {suffix: _none(suffix, model, title, estimator, reason) for suffix in LANGUAGES}


def _written(recipe: Recipe, suffix: str, make: Callable[[Recipe], _Own]) -> str:
    try:
        own = make(recipe)
    except _LacksError as lack:
        return _none(suffix, recipe.model, recipe.title, recipe.estimator, str(lack))
    return _render(f"model.{suffix}.j2", {**_shared(recipe, own.errors), **vars(own)})


def _none(suffix: str, model: str, title: str, estimator: str, reason: str) -> str:
    said = f"{model}: no script, as {reason}"
    stop = {"R": f"stop({json.dumps(said)})", "do": "exit 199", "py": f"raise SystemExit({json.dumps(said)})"}[suffix]
    comment = "*" if suffix == "do" else "#"
    values = {"title": inert(title), "model": model, "estimator": estimator, "reason": reason}
    return _render("none.j2", {**values, "comment": comment, "stop": stop})


def readme(rows: Iterable[Mapping[str, str]]) -> str:
    """The page beside the scripts; `rows`: ``model``, ``title``, ``panel``, ``scripts`` of each model."""
    cells = [{key: value.replace("|", "\\|") for key, value in row.items()} for row in rows]
    return _render("README.md.j2", {"rows": cells})


def _render(template: str, values: Mapping[str, object]) -> str:
    return _ENVIRONMENT.get_template(template).render(values)


def inert(text: str) -> str:
    """A title in one line that ends no comment and no string of the three languages."""
    text = " ".join(text.split()).replace("\\", "/").replace('"', "'")
    return text.replace("/*", "/ *").replace("///", "//")


def _shared(recipe: Recipe, errors: Errors | None) -> dict[str, object]:
    used = (
        recipe.outcome, *recipe.all_terms, *recipe.regressors, *recipe.instruments, recipe.weights, recipe.exposure,
    )  # fmt: skip
    columns = {name: recipe.named.get(name, name) for name in dict.fromkeys(filter(None, used))}
    expected = [
        {
            "column": row.column,
            "estimate": f"{row.estimate:.12g}",
            "std_error": "" if errors is None or row.std_error is None else f"{row.std_error:.12g}",
        }
        for row in recipe.expected
    ]
    notes = [f"Standard errors: {errors.words}." if errors else "Standard errors: not compared."]
    if recipe.others:
        notes.append(f"Not repeated here: {'; '.join(dict.fromkeys(recipe.others))}.")
    return {
        "title": inert(recipe.title),
        "model": recipe.model,
        "panel": recipe.panel,
        "estimator": recipe.estimator,
        "form": recipe.form,
        "sample": recipe.sample,
        "sample_words": (
            f"{recipe.n_obs} observations, {recipe.n_units} units, {recipe.n_periods} periods. Columns of the panel:"
        ),
        "outcome": recipe.outcome,
        "endogenous": list(recipe.endogenous),
        "weights": recipe.weights,
        "exposure": recipe.exposure,
        "columns": columns,
        "notes": notes,
        "expected": expected,
        "errors": errors,
        "width": max(len(row["column"]) for row in expected),
        "tolerance": f"{max(LOOSE, recipe.tolerance):g}",
    }


def _python(recipe: Recipe) -> _OfPython:
    errors, form, class_ = recipe.errors, recipe.form, _PYTHON_CLASSES.get(recipe.form, "")
    if form == "random_effects" and (recipe.random_periods or recipe.components != "swar" or recipe.weights):
        raise _LacksError("linearmodels has random effects of units alone, by Swamy and Arora, without weights")
    effects_of_units = "unit_id" in recipe.effects, "period_id" in recipe.effects
    others = [name for name in recipe.effects if name not in ("unit_id", "period_id")]
    by_dummies = recipe.dummies or not recipe.effects or len(recipe.effects) > 2
    robust = errors is not None and errors.method == ROBUST
    if not class_ and form != "counts" and not by_dummies and not robust:
        class_ = "PanelOLS"
    library = "linearmodels" if class_ else "statsmodels"
    if library == "statsmodels" and errors is not None and len(errors.by) > 1:
        errors = None  # statsmodels gives two-way clusters factors of its own
    if robust and (class_ or form == "counts") and errors and errors.kind not in ("HC0", "HC1"):
        errors = None
    if library == "statsmodels":
        arguments = _statsmodels(errors)
        if form == "counts":
            arguments = f"tol=1e-12, maxiter=200, {arguments}".removesuffix(", ")
            arguments = 'tol=1e-12, maxiter=200, scale="X2"' if errors and errors.method == CLASSICAL else arguments
    else:
        arguments = _linearmodels(errors, class_)
    factor = "" if errors is None else _factor(errors, scaled_already=library == "statsmodels" and form != "counts")
    if class_ in ("IV2SLS", "IVLIML") and errors is not None and errors.method == CLASSICAL:
        errors, factor = None, ""
    return _OfPython(
        errors=errors, library=library, class_name=class_, arguments=arguments, factor=factor, effects=recipe.effects,
        regressors=_list(recipe.regressors), has_regressors=bool(recipe.regressors),
        endogenous=_list(recipe.endogenous) if recipe.endogenous else "", instruments=_list(recipe.instruments),
        effect_arguments=(
            *(["entity_effects=True"] if effects_of_units[0] else []),
            *(["time_effects=True"] if effects_of_units[1] else []),
            *([f"other_effects=data[{json.dumps(others)}]"] if others else []),
            "singletons=True", "drop_absorbed=False",
        ),
        tolerance=f"{recipe.tolerance:g}",
    )  # fmt: skip


def _list(names: Iterable[str]) -> str:
    """Names as a list of Python, one a line where they are many."""
    short = json.dumps(list(names))
    return short if len(short) <= LINE else json.dumps(list(names), indent=4).replace('"\n]', '",\n]')


def _factor(errors: Errors, scaled_already: bool) -> str:
    """What the library's covariance matrix lacks; empty: nothing."""
    return "" if errors.factor == 1.0 or (scaled_already and errors.kind == "HC1") else errors.written


def _statsmodels(errors: Errors | None) -> str:
    if errors is None or errors.method == CLASSICAL:
        return ""
    if errors.method == ROBUST:
        return f'cov_type="{errors.kind}"'
    return f'cov_type="cluster", cov_kwds={{"groups": data["{errors.by[0]}"], "use_correction": False}}'


def _linearmodels(errors: Errors | None, class_: str) -> str:
    panel = class_ == "PanelOLS"
    more = {"PanelOLS": ", auto_df=False, count_effects=False", "RandomEffects": ", small_sample=True"}.get(class_, "")
    if errors is None or errors.method == CLASSICAL:
        return f'cov_type="unadjusted", debiased={panel or class_ == "RandomEffects"}{"" if panel else more}'
    if errors.method == ROBUST:
        return f'cov_type="robust", debiased=False{more}'
    groups = f"data[{json.dumps(list(errors.by))}]"
    return f'cov_type="clustered", clusters={groups}, debiased=False{more}'


def _r(recipe: Recipe) -> _OfR:
    errors, form = recipe.errors, recipe.form
    if form == "liml":
        raise _LacksError("fixest has two-stage least squares alone")
    if form == "random_effects" and recipe.weights:
        raise _LacksError("plm has no weights with random effects")
    robust = errors is not None and errors.method == ROBUST
    by_lm = form == "means" or (robust and form in ("regression", "differences"))
    formula = f"{recipe.outcome} ~ {' + '.join(recipe.regressors) or '1'}"
    weights = f", weights = data${recipe.weights}" if recipe.weights else ""
    if form == "random_effects":
        if errors is not None and (errors.by not in ((), ("unit_id",)) or errors.method == ROBUST):
            errors = None
        dummies = "".join(f" + factor({name})" for name in recipe.effects)
        both = ', effect = "twoways"' if recipe.random_periods else ""
        panel = f'index = c("unit_id", "period_id"), model = "random"{both}, random.method = "{recipe.components}"'
        call = f"model <- plm({formula}{dummies}, data, {panel})"
        covariance = 'vcovHC(model, method = "arellano", type = "HC0", cluster = "group")'
        covariance = "vcov(model)" if errors is None or errors.method == CLASSICAL else covariance
        packages = ["plm"]
    elif by_lm:
        dummies = "".join(f" + factor({name})" for name in recipe.effects)
        origin = " - 1" if form == "differences" and not recipe.effects else ""
        call, packages = f"model <- lm({formula}{dummies}{origin}, data{weights})", ["sandwich"]
        covariance = "vcov(model)"
        if errors is not None and errors.method != CLASSICAL:
            group = f'vcovCL(model, cluster = data${errors.by[0]}, type = "HC0", cadjust = FALSE)' if errors.by else ""
            covariance = group or f'vcovHC(model, type = "{errors.kind}")'
        if errors is not None and len(errors.by) > 1:
            errors = None
    else:
        packages = ["fixest"]
        call, errors = _fixest(recipe, formula)
        covariance = "vcov(model)"
    own = errors is not None and packages != ["fixest"]
    factor = _factor(errors, scaled_already=by_lm) if own and errors is not None else ""
    return _OfR(
        errors, tuple(packages), call, f"{factor} * {covariance}" if factor else covariance, tuple(recipe.levels)
    )


def _fixest(recipe: Recipe, formula: str) -> tuple[str, Errors | None]:
    """The call and the errors that fixest gives alike: its small-sample factor is that of CR1 and HC1."""
    errors = recipe.errors
    origin = " - 1" if recipe.form == "differences" and not recipe.effects else ""
    formula += origin + (f" | {' + '.join(recipe.effects)}" if recipe.effects else "")
    if recipe.endogenous:
        formula += f" | {' + '.join(recipe.endogenous)} ~ {' + '.join(recipe.instruments)}"
    options = [f"weights = ~{recipe.weights}"] if recipe.weights else []
    options += [f"offset = ~log({recipe.exposure})"] if recipe.exposure else []
    options += ["fixef.tol = 1e-10"] if recipe.effects else []
    counts = recipe.form == "counts"
    options += ["glm.tol = 1e-12"] if counts else []
    if errors is None or not _like_fixest(errors, counts):
        errors, vcov = None, 'vcov = "iid"'
    elif errors.method == CLUSTER:
        vcov = f"cluster = ~{' + '.join(errors.by)}"
    else:
        vcov = 'vcov = "hetero"' if errors.method == ROBUST else 'vcov = "iid"'
    function = "fepois" if counts else "feols"
    return f"model <- {function}({', '.join([formula, 'data', *options, vcov])})", errors


def _like_fixest(errors: Errors, counts: bool) -> bool:
    if errors.method == CLUSTER:
        return errors.usual
    return errors.kind == "HC1" if errors.method == ROBUST else errors.usual and not counts


def _stata(recipe: Recipe) -> _OfStata:
    form, errors = recipe.form, recipe.errors
    if form == "random_effects" and (
        recipe.random_periods or recipe.components != "swar" or recipe.weights or not recipe.balanced
    ):
        raise _LacksError(
            "xtreg has random effects of units alone, by Swamy and Arora, and in unbalanced panels its own"
        )
    prepare: list[str] = []
    prefix, scale, weights = "", "", f" [aw={recipe.weights}]" if recipe.weights else ""
    outcome, regressors = recipe.outcome, list(recipe.regressors)
    absorbed = f"absorb({' '.join(recipe.effects)})" if recipe.effects else ""
    install = ""
    if form == "means":
        prepare = _stata_means(recipe)
    elif form == "differences":
        prefix = "D."
        prepare = ["xtset unit_id period_id"]
        if recipe.weights:
            prepare.append(f"generate double weight = 1 / (1 / {recipe.weights} + 1 / L.{recipe.weights})")
            weights = " [aw=weight]"
    names = " ".join(f"{prefix}{name}" for name in (outcome, *regressors))
    exogenous = " ".join(regressors)
    if form == "random_effects":
        errors = errors if errors is not None and errors.by in ((), ("unit_id",)) and errors.method != ROBUST else None
        prepare = ["xtset unit_id period_id"]
        dummies = "".join(f" i.{name}" for name in recipe.effects)
        command, options = "xtreg", [f"re {' '.join(_stata_errors(errors))}".rstrip()]
        names += dummies
        if errors is not None and errors.method == CLUSTER:
            scale = f" * sqrt({errors.factor:.12g} / ({errors.clusters} / {errors.clusters - 1}))"
    elif form in ("two_stage", "liml"):
        errors = errors if errors is None or _like_stata(errors, recipe.effects) else None
        instrumented = f"({' '.join(recipe.endogenous)} = {' '.join(recipe.instruments)})"
        names = " ".join(part for part in (outcome, exogenous, instrumented) if part)
        liml = ["liml"] if form == "liml" else []
        if absorbed:
            command, install = (
                "ivreghdfe",
                "ssc install ivreghdfe; ssc install ivreg2; ssc install reghdfe; ssc install ftools",
            )
            options = [absorbed, *liml, *_ivreghdfe_errors(errors)]
        else:
            command = "ivregress liml" if liml else "ivregress 2sls"
            options = ["small", *_stata_errors(errors)]
    elif form == "counts":
        errors = None
        exposure = [f"exposure({recipe.exposure})"] if recipe.exposure else []
        weights = f" [pw={recipe.weights}]" if recipe.weights else ""
        command = "ppmlhdfe" if absorbed else "poisson"
        install = "ssc install ppmlhdfe; ssc install reghdfe; ssc install ftools" if absorbed else ""
        options = [*([absorbed, "tolerance(1e-10)"] if absorbed else []), *exposure, "vce(robust)"]
    else:
        errors = errors if errors is None or _like_stata(errors, recipe.effects) else None
        if absorbed:
            command, install = "reghdfe", "ssc install reghdfe; ssc install ftools"
            options = [absorbed, "tolerance(1e-10)", "keepsingletons", *_stata_errors(errors)]
        else:
            command = "regress"
            options = [*(["noconstant"] if form == "differences" else []), *_stata_errors(errors)]
    call = f"{command} {names}{weights}"
    whole = f"{call}, {' '.join(options)}" if options else call
    return _OfStata(errors, command, install, tuple(prepare), whole, prefix, scale)


def _stata_means(recipe: Recipe) -> list[str]:
    groups = [name for name in (recipe.errors.by if recipe.errors else ()) if name != "unit_id"]
    kept = f" (first) {' '.join(groups)}" if groups else ""
    levels = " ".join(recipe.levels)
    if not recipe.weights:
        return [f"collapse (mean) {levels}{kept}, by(unit_id)"]
    return [
        f"generate double total = {recipe.weights}",
        f"collapse (mean) {levels} (rawsum) total{kept} [aw={recipe.weights}], by(unit_id)",
        f"rename total {recipe.weights}",
    ]


def _like_stata(errors: Errors, effects: tuple[str, ...]) -> bool:
    """Whether Stata's factors are ours: of few effects alone, as `reghdfe` counts overlaps of others its own way."""
    simple = set(effects) <= {"unit_id", "period_id"} or len(effects) == 1
    if errors.method == CLUSTER:
        return errors.usual and simple
    dummies_needed = bool(effects) and errors.kind in ("HC2", "HC3")
    return errors.kind != "HC0" and not dummies_needed and simple


def _stata_errors(errors: Errors | None) -> list[str]:
    if errors is None or errors.method == CLASSICAL:
        return []
    if errors.method == CLUSTER:
        return [f"vce(cluster {' '.join(errors.by)})"]
    return ["vce(robust)" if errors.kind == "HC1" else f"vce({errors.kind.lower()})"]


def _ivreghdfe_errors(errors: Errors | None) -> list[str]:
    if errors is None or errors.method == CLASSICAL:
        return ["small"]
    return ["small", f"cluster({' '.join(errors.by)})" if errors.method == CLUSTER else "robust"]


LANGUAGES: Mapping[str, Callable[[Recipe], _Own]] = {"R": _r, "do": _stata, "py": _python}
"""Suffix of a script: what it says of a recipe."""
