"""Whether an effect differs: by region, by where units started, unit by unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ruralpanel.claims.robustness.designs import quick
from ruralpanel.claims.robustness.results import ByGroup, GroupSlope, NotAvailable, OwnSlopes
from ruralpanel.estimate.base.effects import demean, effect_codes, usable_columns
from ruralpanel.estimate.base.groups import compact, group_sums
from ruralpanel.estimate.base.results import Design, Fit, FloatArray
from ruralpanel.estimate.estimators import fit as fit_model
from ruralpanel.estimate.inference import joint, romano_wolf, validity
from ruralpanel.estimate.inference.covariance import critical_values
from ruralpanel.estimate.inference.methods import infer
from ruralpanel.estimate.inference.validity import generator
from ruralpanel.estimate.simulated_size import null_panels
from ruralpanel.project.effects import involving
from ruralpanel.project.kinds.inference import CLUSTER
from ruralpanel.project.notes import note
from ruralpanel.project.problems import UserError
from ruralpanel.project.settings import InferenceSpec

DRAWS = 9999
FEWEST = 2
"""Units of a group for which a slope of its own is estimated."""
LEAST_DF = 2
"""Periods of a unit less the parameters of its own regression."""


@dataclass(frozen=True)
class MeanGroup:
    """Slopes of the units one by one, and their mean.

    Attributes
    ----------
    units, slopes, errors : (m,) those with two periods more than parameters; errors are classical.
    parameters : largest number of parameters of a unit's regression. terms : regressors beside the followed one.
    """

    units: tuple[str, ...]
    slopes: FloatArray
    errors: FloatArray
    parameters: int
    terms: tuple[str, ...]

    @property
    def mean(self) -> float:
        """The mean-group estimate."""
        return float(self.slopes.mean())

    @property
    def std_error(self) -> float:
        """Standard deviation of the slopes over the root of their number (Pesaran and Smith 1995)."""
        return float(self.slopes.std(ddof=1) / np.sqrt(self.slopes.size))


def by_group(design: Design, term: str, groups: Mapping[str, str], seed: int, name: str) -> ByGroup:
    """The coefficient of `term` and its breaks' steps in each group of units, all other coefficients common.

    Parameters
    ----------
    groups : unit → group. name : of the grouping, for the random stream.

    Returns
    -------
    Intervals are with errors clustered by unit, p-values ``p_wild`` alone, ``p_romano_wolf`` and ``p_holm`` among the
    groups; ``equal`` is the F test that all are the same.

    Raises
    ------
    UserError
        Fewer than two groups of at least two units, or slopes that the data cannot tell apart.
    """
    labels = [groups[unit] for unit in design.units]
    sizes = {label: labels.count(label) for label in sorted(set(labels))}
    kept = [label for label, size in sizes.items() if size >= FEWEST]
    if len(kept) < 2:
        found, reason = (
            f"{len(kept)} group(s) of units by {name}",
            note("too_few_groups", groups=len(kept), least=FEWEST),
        )
        validity.stop(design, found, f"two groups of {FEWEST} units or more", reason=reason)
    rows = np.isin(labels, kept)[design.unit_codes]
    place = design.terms.index(term)
    group_of_row = np.array(labels, dtype=object)[design.unit_codes]
    columns = np.column_stack([design.x[:, place] * (group_of_row == label) for label in kept])
    others = [j for j in range(len(design.terms)) if j != place]
    names = [f"{term} | {label}" for label in kept]
    broken = design.steps_of(term)
    # last, so that of columns that say the same the model's own stay
    steps = {f"{step} | {label}": values * (group_of_row == label) for step, values in broken.items() for label in kept}
    split = replace(
        quick(design),
        x=np.column_stack([columns, design.x[:, others], *steps.values()])[rows],
        y=design.y[rows],
        terms=(*names, *(design.terms[j] for j in others), *steps),
        unit_codes=design.unit_codes[rows],
        period_codes=design.period_codes[rows],
        weights=None if design.weights is None else design.weights[rows],
        clusters={key: codes[rows] for key, codes in design.clusters.items()},
    )
    fitted = fit_model(split)
    missing = [label for label, slope in zip(kept, names, strict=True) if slope not in fitted.terms]
    if missing:
        found, reason = f"{term} in {', '.join(missing)}", note("lever_fixed_in_groups", groups=missing)
        validity.stop(design, found, "a lever that varies within each group", reason=reason)
    return _group_results(fitted, split, names, kept, sizes, seed, name)


def _group_results(
    fitted: Fit,
    split: Design,
    names: Sequence[str],
    kept: Sequence[str],
    sizes: Mapping[str, int],
    seed: int,
    name: str,
) -> ByGroup:
    errors = infer(fitted, split, InferenceSpec(CLUSTER), 0)
    assert errors.vcov is not None and errors.std_error is not None and errors.df is not None
    chosen = [fitted.terms.index(slope) for slope in names]
    units = romano_wolf.units_of([(fitted, split)])
    weights = romano_wolf.shared_weights(units, DRAWS, generator(seed, split.spec.name, "heterogeneity", name))
    adjusted = romano_wolf.adjust(
        [romano_wolf.wild(fitted, split, np.eye(len(fitted.terms))[j], weights, units) for j in chosen]
    )
    slopes = tuple(
        GroupSlope(
            group=label,
            n_units=sizes[label],
            estimate=float(fitted.params[j]),
            std_error=float(errors.std_error[j]),
            ci_low=float(errors.ci_low[j]),
            ci_high=float(errors.ci_high[j]),
            p_value=float(errors.p_value[j]),
            p_wild=float(adjusted.unadjusted[i]),
            p_romano_wolf=float(adjusted.stepped[i]),
            p_holm=float(adjusted.holm[i]),
            few_units=sizes[label] < validity.MIN_CLUSTERS["CR1"],
        )
        for i, (label, j) in enumerate(zip(kept, chosen, strict=True))
    )
    contrasts = np.zeros((len(kept) - 1, len(fitted.terms)))
    for i, j in enumerate(chosen[1:]):
        contrasts[i, chosen[0]], contrasts[i, j] = 1.0, -1.0
    wald = joint.wald_of(fitted, split, contrasts, compact(split.unit_codes[fitted.rows]))
    null = null_panels(fitted, split, seed, f"size of equal slopes {name}") if split.spec.simulated_size else None
    test = joint.test_of(wald, fitted, note("hotelling_cr2", by="unit"))
    equal = joint.with_size(test, wald, null.outcomes if null else None)
    return ByGroup(slopes, equal, DRAWS, errors.small_sample)


def initial_groups(design: Design, values: FloatArray, number: int = 3) -> dict[str, str]:
    """Units by the size of their first value: ``lowest`` third, ``middle``, ``highest``.

    Parameters
    ----------
    values : (n,) one per row of the design.
    """
    first = np.unique(design.unit_codes, return_index=True)[1]
    initial = values[first]
    cuts = np.quantile(initial, np.arange(1, number) / number)
    words = ("lowest", "middle", "highest") if number == 3 else tuple(f"part {i + 1}" for i in range(number))
    place = np.searchsorted(cuts, initial, side="left")
    return {design.units[code]: words[i] for code, i in zip(design.unit_codes[first].tolist(), place, strict=True)}


def mean_group(design: Design, term: str) -> MeanGroup:
    """The slope of `term` in each unit's own regression on its periods.

    Effects of periods are allowed for by taking the mean over their units out of every column. Each
    regression has a constant and the model's other regressors that vary in the unit; where too few periods carry them
    for most units, the followed term alone.

    Raises
    ------
    UserError
        Too few units with two periods more than parameters.
    """
    columns = np.column_stack([design.y, design.x])
    of_periods = involving("period", design.spec.effects)
    if len(of_periods) > 1:
        columns = demean(replace(design, weights=None), columns, of_periods)
    elif of_periods:
        codes = compact(effect_codes(design, of_periods[0]))
        columns = columns - (group_sums(columns, codes) / np.bincount(codes)[:, None])[codes]
    place = design.terms.index(term)
    others = [j for j in range(len(design.terms)) if j != place]
    # alone, a product with what is fixed in a unit would be the lever itself
    for chosen in [others] if ":" in term or not others else [others, []]:
        regressions = _each(design, columns, [place, *chosen])
        if len(regressions) >= max(validity.MIN_CLUSTERS["CR1"], len(design.units) // 2):
            names, slopes, errors, parameters = zip(*regressions, strict=True)
            terms = tuple(design.terms[j] for j in chosen)
            return MeanGroup(tuple(names), np.array(slopes), np.array(errors), max(parameters), terms)
    periods = int(np.bincount(design.unit_codes).max())
    validity.stop(
        design,
        f"a slope of {term} for each unit with {periods} periods",
        "a lever that varies in most units, and two periods more than parameters (at least 4)",
        "use a longer panel",
        reason=note("no_slope_for_each_unit", term=term, n_periods=periods),
    )


def _each(design: Design, columns: FloatArray, chosen: Sequence[int]) -> list[tuple[str, float, float, int]]:
    regressions = []
    for code in np.unique(design.unit_codes).tolist():
        rows = columns[design.unit_codes == code]
        rows = rows - rows.mean(axis=0)
        x = rows[:, [1 + j for j in chosen]]
        raw = design.x[design.unit_codes == code][:, list(chosen)]
        # judged before periods' means are taken out: a product with what is fixed in the unit is the lever again
        kept, _ = usable_columns(raw, raw - raw.mean(axis=0), tuple(map(str, chosen)), ("unit",))
        df = len(rows) - len(kept) - 1
        if not kept or kept[0] != 0 or df < LEAST_DF or len(kept) < len(chosen) - _flat(raw):
            continue
        x = x[:, list(kept)]
        inverse = np.linalg.inv(x.T @ x)
        params = inverse @ x.T @ rows[:, 0]
        left = rows[:, 0] - x @ params
        error = float(np.sqrt(left @ left / df * inverse[0, 0]))
        regressions.append((design.units[code], float(params[0]), error, len(kept) + 1))
    return regressions


def _flat(raw: FloatArray) -> int:
    """Columns that do not vary in the unit (steps of other units)."""
    return int(np.sum(np.ptp(raw, axis=0) == 0))


def mean_group_results(design: Design, term: str) -> OwnSlopes | NotAvailable:
    """`mean_group` as it is reported: ``units`` for a map, mean, error and interval with t(m − 1)."""
    try:
        slopes = mean_group(design, term)
    except UserError as error:
        return NotAvailable(error.reason)
    reach = float(critical_values(np.array(float(slopes.slopes.size - 1)))) * slopes.std_error
    return OwnSlopes(
        estimate=slopes.mean,
        std_error=slopes.std_error,
        ci_low=slopes.mean - reach,
        ci_high=slopes.mean + reach,
        n_units=len(slopes.units),
        most_parameters=slopes.parameters,
        beside=slopes.terms,
        units=dict(zip(slopes.units, slopes.slopes.tolist(), strict=True)),
        std_errors=dict(zip(slopes.units, slopes.errors.tolist(), strict=True)),
    )
