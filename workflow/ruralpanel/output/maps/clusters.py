"""Maps of clusters: where units and their neighbours are alike or unlike beyond chance, by local Moran's I."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ruralpanel.estimate.inference.validity import generator
from ruralpanel.estimate.places.autocorrelation import Moran, local_moran, moran
from ruralpanel.estimate.places.geography import Geography
from ruralpanel.output import style
from ruralpanel.output.maps.boundaries import Boundaries
from ruralpanel.output.maps.draw import draw_categories
from ruralpanel.output.maps.sheet import MapRow
from ruralpanel.output.tables.coefficients import p_text
from ruralpanel.output.words import clauses, word
from ruralpanel.project.formats import format_number
from ruralpanel.project.kinds import maps as kinds
from ruralpanel.project.kinds.options import in_language
from ruralpanel.project.notes import Note
from ruralpanel.project.periods import label, shown
from ruralpanel.project.problems import CONFIGURATION, Problem, UserError

LEVEL = 0.05
FEWEST = 5
"""Units with a figure below which no arrangement could be told from another."""

CLASSES = ("HH", "HL", "none", "LH", "LL")
"""In the order of the legend, from high among high to low among low."""


@dataclass(frozen=True)
class Clusters:
    """Local and global Moran's I of one variable.

    Attributes
    ----------
    table : one row per period and unit with a figure: ``period, unit, value, statistic, quadrant, p_value, p_adjusted,
        cluster`` (one of `CLASSES`). overall : period → Moran's I of that year. weights : what they are.
    """

    table: pd.DataFrame
    overall: Mapping[int, Moran]
    weights: tuple[Note, ...]


def find_clusters(
    name: str, options: kinds.Clusters, frame: pd.DataFrame, geography: Geography, seed: int, where: str
) -> Clusters:
    """Clusters of the map `name`, in each of its periods (default: the first and the last with figures).

    Parameters
    ----------
    where : the map's place, for messages.

    Raises
    ------
    UserError
        Periods with fewer than `FEWEST` figures or none that differ, units without a neighbour.
    """
    wanted = options.clusters
    variable, draws = wanted.variable, wanted.draws
    known = frame.loc[frame[variable].notna()]
    observed = sorted({shown(period) for period in known["period"]})
    periods = [period for period in options.periods or dict.fromkeys(observed[:1] + observed[-1:])]
    parts, overall = [], {}
    about: tuple[Note, ...] = ()
    for period in periods:
        rows = known.loc[known["period"] == period].sort_values("unit")
        values = rows[variable].to_numpy(dtype=float)
        if values.size < FEWEST or np.ptp(values) == 0:
            found = f"{variable} in {period} with {np.unique(values).size} different figures"
            raise UserError(Problem(CONFIGURATION, where, found, f"figures of at least {FEWEST} units that differ"))
        units = tuple(str(unit) for unit in rows["unit"])
        neighbours = geography.neighbours(wanted.weights_matrix, units)
        rng = generator(seed, "clusters", name, variable, str(period))
        local = local_moran(values, neighbours.matrix, draws, rng)
        overall[period] = moran(values, neighbours.matrix, draws, rng)
        about = neighbours.about
        p = local.p_adjusted if wanted.adjust else local.p_value
        parts.append(
            pd.DataFrame(
                {
                    "period": period,
                    "unit": units,
                    "value": values,
                    "statistic": local.statistic,
                    "quadrant": local.quadrant,
                    "p_value": local.p_value,
                    "p_adjusted": local.p_adjusted,
                    "cluster": np.where(p < LEVEL, np.array(local.quadrant), "none"),
                }
            )
        )
    return Clusters(pd.concat(parts, ignore_index=True), overall, about)


def draw_clusters(
    name: str,
    options: kinds.Clusters,
    clusters: Clusters,
    units: Sequence[str],
    boundaries: Boundaries,
    names: Mapping[str, str],
    paths: Mapping[str, str | Path],
    language: str = "en",
    boundary_note: str = "",
) -> tuple[MapRow, ...]:
    """One map for each period, coloured by `Clusters`; `units` of the panel without a figure are hatched."""
    words = {kind: word(f"cluster_{kind}", language) for kind in CLASSES}
    panels, values = {}, {}
    for _, rows in clusters.table.groupby("period"):
        by_unit = dict(zip(rows["unit"], rows["cluster"], strict=True))
        heading = label(int(rows["period"].iloc[0]))
        values[heading] = {str(unit): float(value) for unit, value in zip(rows["unit"], rows["value"], strict=True)}
        panels[heading] = {unit: words.get(str(by_unit.get(unit, "")), "") for unit in units}
    notes = [
        text
        for text in (
            _note(options, clusters, language),
            in_language(options.note, options.note_zh, language),
            boundary_note,
        )
        if text
    ]
    title = options.title_in(language)
    colours = style.diverging(len(CLASSES))[::-1]
    return draw_categories(
        name, title, panels, list(words.values()), boundaries, names if options.labels else {},
        paths, language, notes, colours=colours, values=values,
    )  # fmt: skip


def _note(options: kinds.Clusters, clusters: Clusters, language: str) -> str:
    wanted = options.clusters
    overall = word("list_separator", language).join(
        f"{period} {format_number(total.statistic, 2)} ({p_text(total.p_permutation)})"
        for period, total in clusters.overall.items()
    )
    key = "clusters_note" if wanted.adjust else "clusters_note_single"
    weights = clauses(clusters.weights, language)
    return word(key, language).format(weights=weights, draws=f"{wanted.draws:,}", overall=overall)
