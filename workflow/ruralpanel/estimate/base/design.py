"""A panel and a model's specification as rows and columns: samples and terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from ruralpanel.data.break_steps import step_terms, steps_by_factor
from ruralpanel.data.rows import attribute_column, group_codes, sample_rows
from ruralpanel.estimate.base.columns import Space, columns_of, first_treated, indistinct, parts, product
from ruralpanel.estimate.base.effects import removed_effects, singletons
from ruralpanel.estimate.base.groups import compact
from ruralpanel.estimate.base.results import Design, FloatArray, Further, IntArray, Named
from ruralpanel.project.effects import cluster_problem, effect_problems, factors
from ruralpanel.project.kinds.estimator_keys import Linear, OfGap, Policy
from ruralpanel.project.kinds.estimators import BETWEEN, ESTIMATORS
from ruralpanel.project.notes import Note, Reason, note
from ruralpanel.project.periods import shown
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError, raise_any
from ruralpanel.project.sections.data import Sample
from ruralpanel.project.settings import ModelSpec
from ruralpanel.project.units import Units

NEARLY_CONSTANT = 1e6
"""Mean in standard deviations beyond which a column is measured from its mean."""


def build_design(
    spec: ModelSpec,
    frame: pd.DataFrame,
    units: Units,
    sample: Sample | None = None,
    file: str = CONFIGURATION,
    by: str = "year",
) -> Design:
    """Rows and columns of a model.

    Rows outside the sample and rows with anything missing are left out and counted by reason; then, where effects are
    removed, rows that alone make up a unit or a period. The steps of breaks with the rule `dummy` join the controls of
    every model whose outcome or terms have them, where the sample can tell them apart (not for the between estimator
    and decompositions: their means mix both sides, and a note says so).

    Parameters
    ----------
    spec : the model. A term ``a:b`` is the product of two variables or numeric attributes; its parts are not added.
    frame : the panel: ``unit``, ``period``, variables.
    units : attributes, for products, conditions and clusters.
    sample : the declared sample (`ruralpanel.data.rows.sample_rows`); None: all rows.
    file : the configuration's name, for messages.
    by : year or observation: what the period before is on the panel, all of whose declared periods are in `frame`.

    Returns
    -------
    Design
        `extra` holds what the options name, by row.

    Raises
    ------
    UserError
        Names that the panel lacks, an empty sample, too few periods or rows, negative weights, terms that the effects
        absorb or that are collinear (unless ``drop_absorbed``), attributes that are blank where they are needed.
    """
    where = f"models.{spec.name}"
    grouping = {part: f"{where}.effects" for effect in spec.effects for part in factors(effect)}
    wanted = _terms(spec) | {part: place for part, place in grouping.items() if part in frame.columns[2:]}
    columns = columns_of(wanted, frame, units, spec.panel, file)
    raise_any([*columns.problems, *_effect_problems(spec, frame, units, file)])
    kept, dropped = sample_rows(sample or Sample(), frame, units, file, f"samples.{spec.sample}", by)
    values = dict(columns.values)
    every = _steps(spec, frame)
    steps = () if ESTIMATORS[spec.estimator].evidence == BETWEEN else every
    values |= {part: frame[part].to_numpy(dtype=np.float64) for name in every for part in parts(name) if part in frame}
    for name in dict.fromkeys(part for term in (*wanted, *steps) for part in parts(term)):
        missing = kept & np.isnan(values[name])
        if missing.any():
            dropped[f"missing:{name}"] = int(missing.sum())
        kept &= ~np.isnan(values[name])
    if spec.weights:
        kept = _weighted(values[spec.weights], kept, dropped, file, f"{where}.weights")
    labels = _coded(frame["unit"])
    rows = _sorted_rows(labels[0], frame["period"].to_numpy(), kept)
    groups = {
        name: group_codes(name, frame, units)
        for name in dict.fromkeys((*_clustered_by(spec), *spec.effects))
        if name not in ("unit", "period")
    }
    draft = _indexed(spec, frame, labels, rows)
    alone = singletons(
        replace(draft, clusters={name: codes[rows] for name, codes in groups.items()}), removed_effects(spec)
    )
    if alone.size:
        dropped["singletons"] = int(alone.size)
        rows = np.delete(rows, alone)
        draft = _indexed(spec, frame, labels, rows)
    _enough(draft, len(frame), dropped, file)
    draft = replace(draft, calendar=_calendar(frame, by))
    clusters = _clusters(spec, groups, rows, draft, file)
    weights = values[spec.weights][rows] if spec.weights else None
    terms, notes, lost = _told_apart(replace(draft, clusters=clusters, weights=weights), values, rows, steps, file)
    named = _of_options(spec)

    def columns_named(names: tuple[str, ...]) -> Named:
        return Named(names, _matrix(names, values, rows)) if names else Named()

    def less_level(names: tuple[str, ...]) -> Named:
        return Named(names, _less_level(_matrix(names, values, rows))) if names else Named()

    extra = Further(
        endogenous=less_level(named.get("endogenous", ())),
        instruments=less_level(named.get("instruments", ())),
        outcomes=columns_named(spec.outcomes),
        shares=columns_named(named.get("shares", ())),
        shocks=columns_named(named.get("shocks", ())),
        exposure=values[named["exposure"][0]][rows] if named.get("exposure") else None,
        steps=tuple(name for name in terms if name in steps),
        every_step=columns_named(steps),
        left_out=lost,
    )
    if isinstance(spec.options, Policy):
        first = first_treated(spec, spec.options.treatment, frame, units, rows, file, by)
        extra = replace(extra, first_treated=first)
    if isinstance(spec.options, OfGap):
        groups_by = attribute_column(units, draft.units, spec.options.gap.by)
        extra = replace(extra, groups=dict(zip(draft.units, map(str, groups_by), strict=True)))
    x = _matrix(terms, values, rows)
    return Design(
        spec=spec,
        y=values[spec.outcome][rows],
        x=x if spec.marginal_effects or spec.of(Linear).constant else _less_level(x),
        terms=terms,
        units=draft.units,
        periods=draft.periods,
        unit_codes=draft.unit_codes,
        period_codes=draft.period_codes,
        weights=weights,
        clusters=clusters,
        extra=extra,
        n_dropped=dropped,
        notes=(*notes, *_mixed(draft, _matrix(every, values, rows), every)),
        calendar=draft.calendar,
    )


def _terms(spec: ModelSpec) -> dict[str, str]:
    """Everything that must be there in a row, with its place; the outcome first."""
    where = f"models.{spec.name}"
    places = {spec.outcome: f"{where}.outcome"}
    lists = {"regressors": spec.regressors, "controls": spec.controls, "outcomes": spec.outcomes}
    for key, terms in (lists | _of_options(spec)).items():
        for term in terms:
            places.setdefault(term, f"{where}.{key}")
    if spec.weights:
        places.setdefault(spec.weights, f"{where}.weights")
    return places


def _of_options(spec: ModelSpec) -> dict[str, tuple[str, ...]]:
    """Key of the options → the columns that it names and that every row must have: not the dates of treatment."""
    return {key: terms for key, terms in spec.options.columns.items() if "." not in key}


def _steps(spec: ModelSpec, frame: pd.DataFrame) -> tuple[str, ...]:
    """Terms that take up the breaks in everything that the model compares: those of factors, then those of products."""
    named = _of_options(spec)
    shares, shocks = named.pop("shares", ()), named.pop("shocks", ())
    terms = [spec.outcome, *spec.regressors, *spec.controls, *spec.outcomes]
    terms += [term for terms in named.values() for term in terms]
    sums = [f"{share}:{shock}" for share, shock in zip(shares, shocks, strict=False)]
    factors = tuple(dict.fromkeys(part for term in terms for part in parts(term)))
    steps_of = steps_by_factor(dict.fromkeys(part for term in (*terms, *sums) for part in parts(term)), frame.columns)
    products = [step for term in (*terms, *sums) if ":" in term for step in step_terms(term, steps_of)]
    return tuple(dict.fromkeys([*(step for factor in factors for step in steps_of[factor]), *products]))


def _weighted(
    weights: FloatArray, kept: np.ndarray[Any, np.dtype[np.bool_]], dropped: dict[str, int], file: str, where: str
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    if (weights[kept] < 0).any():
        raise UserError(
            Problem(file, where, f"{int((weights[kept] < 0).sum())} negative weights", "weights above zero")
        )
    zero = kept & (weights == 0)
    if zero.any():
        dropped["weight_of_zero"] = int(zero.sum())
    return np.asarray(kept & ~zero)


def _sorted_rows(unit: IntArray, period: IntArray, kept: np.ndarray[Any, np.dtype[np.bool_]]) -> IntArray:
    later = (unit[1:] > unit[:-1]) | ((unit[1:] == unit[:-1]) & (period[1:] >= period[:-1]))
    if later.all():  # as panels are written
        return np.flatnonzero(kept)
    order = np.lexsort((period, unit))
    return np.asarray(order[kept[order]], dtype=np.intp)


Labels: TypeAlias = tuple[IntArray, np.ndarray[Any, np.dtype[np.object_]]]


def _coded(names: pd.Series) -> Labels:
    """Codes (n,) into the names that occur, and these, sorted."""
    codes, found = pd.factorize(names)
    texts = np.array([str(name) for name in found], dtype=object)
    order = np.argsort(texts)
    return np.argsort(order)[codes].astype(np.intp), texts[order]


def _indexed(spec: ModelSpec, frame: pd.DataFrame, labels: Labels, rows: IntArray) -> Design:
    """A design of `rows` that has labels and codes, and nothing else yet; `labels` are those of all rows' units."""
    codes, names = labels[0][rows], labels[1]
    present = np.bincount(codes, minlength=len(names)) > 0
    unit_codes, units = (np.cumsum(present) - 1)[codes], names[present]
    periods, period_codes = np.unique(frame["period"].to_numpy()[rows], return_inverse=True)
    return Design(
        spec=spec,
        y=np.zeros(rows.size),
        x=np.zeros((rows.size, 0)),
        terms=(),
        units=tuple(units),
        periods=tuple(shown(period) for period in periods),
        unit_codes=unit_codes.astype(np.intp),
        period_codes=period_codes.astype(np.intp),
    )


def _calendar(frame: pd.DataFrame, by: str) -> tuple[int, ...]:
    return tuple(sorted({shown(period) for period in frame["period"].unique()})) if by == "observation" else ()


def _enough(draft: Design, total: int, dropped: Mapping[str, int], file: str) -> None:
    """Stop where of `total` rows too few are left in `draft`."""
    spec, rows = draft.spec, draft.unit_codes
    where = f"models.{spec.name}"
    lost = ", ".join(f"{code.replace(':', ' ')} {count}" for code, count in dropped.items()) or "nothing"
    if not rows.size:
        found = f"an empty sample: of {total} rows none is left ({lost})"
        raise UserError(
            Problem(file, where, found, "rows with the outcome and every term", "see codebook and coverage")
        )
    kind = ESTIMATORS[spec.estimator]
    least = kind.least_periods
    if len(draft.periods) < least:
        found = f"{len(draft.periods)} period(s) with every figure ({lost})"
        fix = "a longer panel, terms with more figures, or estimator: pooled"
        raise UserError(Problem(file, where, found, f"at least {least} periods for {spec.estimator}", fix))
    if np.bincount(rows).max() < kind.least_periods_of_a_unit:
        found = f"no unit with two periods ({lost})"
        raise UserError(Problem(file, where, found, f"units with at least two periods for {spec.estimator}"))


def _effect_problems(spec: ModelSpec, frame: pd.DataFrame, units: Units, file: str) -> list[Problem]:
    where, attributes = f"models.{spec.name}", units.columns
    problems = list(effect_problems(spec.effects, {*attributes, *frame.columns[2:]}, file, f"{where}.effects"))
    clusters = [cluster_problem(name, attributes, file, f"{where}.inference.by") for name in _clustered_by(spec)]
    return [*problems, *(problem for problem in clusters if problem)]


def _clustered_by(spec: ModelSpec) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for setting in spec.inference for name in setting.clusters))


def _clusters(
    spec: ModelSpec, groups: Mapping[str, IntArray], rows: IntArray, draft: Design, file: str
) -> dict[str, IntArray]:
    clusters = {"unit": draft.unit_codes, "period": draft.period_codes}
    problems = []
    for name, codes in groups.items():
        blank = [draft.units[unit] for unit in np.unique(draft.unit_codes[codes[rows] < 0])]
        if blank:
            found = f'"{name}", blank for {", ".join(blank)}'
            expected, fix = "a value for every unit of the sample", "fill it in, leave the units out, or name another"
            problems.append(Problem(file, f"models.{spec.name}", found, expected, fix))
        clusters[name] = compact(codes[rows])
    raise_any(problems)
    return clusters


def _matrix(terms: Sequence[str], values: Mapping[str, FloatArray], rows: IntArray) -> FloatArray:
    columns = [product(term, values)[rows] for term in terms]
    return np.column_stack(columns) if columns else np.zeros((rows.size, 0))


def _less_level(x: FloatArray) -> FloatArray:
    """`x` (n, k), columns that are nearly a constant less their mean.

    Beside a constant or effects no slope changes; what varies would drown in the rounding errors of the level.
    """
    if not x.size:
        return x
    mean = x.mean(axis=0)
    return np.asarray(np.where(np.abs(mean) > NEARLY_CONSTANT * np.std(x, axis=0), x - mean, x))


def _told_apart(
    draft: Design, values: Mapping[str, FloatArray], rows: IntArray, steps: Sequence[str], file: str
) -> tuple[tuple[str, ...], tuple[Note, ...], dict[str, Reason]]:
    """Terms of the design's `x` (regressors, controls, usable steps), notes, and terms left out with the reason.

    `draft` is the design without `y` and `x`.
    """
    spec, clusters = draft.spec, draft.clusters
    where = f"models.{spec.name}"
    terms = tuple(dict.fromkeys((*spec.regressors, *spec.controls)))
    named = _of_options(spec)
    endogenous, instruments = named.get("endogenous", ()), named.get("instruments", ())
    kind = ESTIMATORS[spec.estimator]
    differenced = kind.unit_effects == "differenced"
    effects = ("unit", *spec.effects) if differenced else removed_effects(spec)
    space = Space(
        {name: clusters[name] for name in dict.fromkeys(effects)},
        clusters["unit"],
        clusters["period"],
        draft.weights,
        kind.averages_units,
    )

    net: dict[str, FloatArray] = {}

    def reasons(names: Sequence[str]) -> dict[str, Reason]:
        return indistinct(_matrix(names, values, rows), names, space, net) if names else {}

    places = _terms(spec)
    problems = [
        Problem(file, places[outcome], f'"{outcome}", {reason}', "an outcome that varies")
        for outcome in dict.fromkeys((spec.outcome, *spec.outcomes))
        for reason in reasons((outcome,)).values()
        if not outcome.count(":")
    ]
    lost = reasons((*terms, *endogenous))
    if not spec.drop_absorbed:
        fix = "leave the term out, change effects, or set drop_absorbed: true"
        problems += [
            Problem(file, places[term], f'"{term}", {reason}', "terms that the data can tell apart", fix)
            for term, reason in lost.items()
        ]
    weak = reasons((*terms, *instruments)) if instruments else {}
    problems += [
        Problem(file, places[term], f'"{term}", {reason}', "instruments that the data can tell apart")
        for term, reason in weak.items()
        if term in instruments
    ]
    number = len(instruments) + bool(named.get("shares"))
    if kind.instruments and number < len(endogenous):
        found = f"{number} instrument(s) for {len(endogenous)} endogenous regressors"
        problems.append(Problem(file, f"{where}.instruments", found, "at least one instrument for each"))
    raise_any(problems)
    terms = tuple(term for term in terms if term not in lost)
    notes = [note("left_out", term=term, reason=reason) for term, reason in lost.items()]
    everything = (*terms, *endogenous, *steps)
    useless = reasons(everything) if steps else {}
    if steps and differenced:
        useless |= _unchanged(draft, _matrix(everything, values, rows), everything)
    added = tuple(step for step in steps if step not in useless)
    if added:
        notes.append(note("steps_added", steps=added))
    effects_removed = list(removed_effects(spec))
    absorbed = [step for step, why in useless.items() if step in steps and _taken_up(why)]
    if absorbed:
        notes.append(note("steps_absorbed", steps=absorbed, effects=effects_removed))
    return (*terms, *added), tuple(notes), lost


def _taken_up(why: Reason) -> bool:
    """Whether effects that are removed stand for the step; one that is the same in all periods marks no break here."""
    return why.code in ("same_for_all_units", "constant_within", "absorbed_together")


def _mixed(draft: Design, x: FloatArray, steps: Sequence[str]) -> tuple[Note, ...]:
    """What to say where a model compares means of units over both sides of a break."""
    kind = ESTIMATORS[draft.spec.estimator]
    if not (kind.evidence == BETWEEN or kind.compares_groups) or not steps:
        return ()
    space = Space({}, draft.unit_codes, draft.period_codes, draft.weights, means=True)
    alike = indistinct(x, steps, space, {})
    mixed = [step for step, column in zip(steps, x.T, strict=True) if step not in alike and np.ptp(column) > 0]
    return (note("means_mix", steps=mixed),) if mixed else ()


def _unchanged(draft: Design, x: FloatArray, terms: Sequence[str]) -> dict[str, Reason]:
    """`indistinct` between adjacent periods, for first differences."""
    earlier = draft.earlier()
    later = np.flatnonzero(earlier >= 0)
    if not later.size:
        return {}
    before = earlier[later]
    codes = {name: draft.clusters[name][later] for name in draft.spec.effects if name != "unit"}
    weights = draft.weights
    if weights is not None:
        weights = 1.0 / (1.0 / weights[later] + 1.0 / weights[before])
    units, periods = draft.unit_codes[later], draft.period_codes[later]
    return indistinct(x[later] - x[before], terms, Space(codes, units, periods, weights, constant=False), {})
