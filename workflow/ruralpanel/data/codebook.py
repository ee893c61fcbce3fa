"""What a panel holds: the columns in numbers, the codebook that adds words to them, and for how many units each is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ruralpanel.data.break_steps import ACROSS, MARK
from ruralpanel.project.breaks import crossings, leaves, rule_of, years_read
from ruralpanel.project.measures import AS_PUBLISHED
from ruralpanel.project.settings import PanelSpec, SeriesSpec, VariableSpec

COLUMNS = ("variable", "measure", "formula", "n", "missing", "mean", "sd", "sd_within", "min", "max", "remarks")
CODEBOOK = (
    *("variable", "label", "label_zh", "measure", "formula", "source", "series", "what_it_counts", "what_it_counts_zh"),
    *("n", "missing", "mean", "sd", "sd_within", "min", "max", "breaks", "breaks_zh", "remarks"),
)
_RULES_ZH = {"drop": "剔除", "dummy": "虚拟变量", "splice": "衔接", "accept": "接受"}


def columns(
    frame: pd.DataFrame,
    variables: Mapping[str, VariableSpec],
    measures: Mapping[str, str],
    remarks: Mapping[str, Sequence[str]],
) -> pd.DataFrame:
    """What computations read of each column of the panel, in its order (`COLUMNS`): no words that a user may change.

    `sd` and `sd_within` (of the deviations from each unit's mean) divide by n − 1; all figures are of the cells that
    are there.

    Parameters
    ----------
    frame : columns ``unit``, ``period`` and the variables.
    measures : variable → measure of its values. remarks : variable → what happened to it.
    """
    rows = []
    codes = pd.factorize(frame["unit"])[0]
    for name in map(str, frame.columns[2:]):
        about = {"measure": "share", "formula": "", "remarks": ""}
        if MARK not in name:
            about = {
                "measure": _measure(variables[name], measures.get(name, "")),
                "formula": variables[name].formula,
                "remarks": "; ".join(remarks.get(name, ())),
            }
        rows.append({"variable": name, **about, **describe_column(frame[name].to_numpy(), codes)})
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"n": "int64", "missing": "int64"})


def codebook(
    rows: Sequence[Mapping[str, str]],
    variables: Mapping[str, VariableSpec],
    panel: PanelSpec,
    series: Mapping[str, SeriesSpec],
) -> list[list[str]]:
    """The codebook, head first (`CODEBOOK`): the panel's `columns` with what the configuration says of each in words.

    `breaks` lists, by series, the breaks whose both sides the variable would read, with the rule.

    Parameters
    ----------
    rows : the panel's ``columns.csv``, as text.
    """
    table = [list(CODEBOOK)]
    for row in rows:
        parent, _, step = row["variable"].partition(MARK)
        words = _step_words(parent, step, variables) if step else _words(parent, variables, panel, series)
        table.append([words.get(name, row.get(name, "")) for name in CODEBOOK])
    return table


def _measure(variable: VariableSpec, measure: str) -> str:
    """The measure of a column's values; says so where a series is taken as published, without a measure wanted."""
    if variable.formula or variable.measure or measure == AS_PUBLISHED:
        return measure
    return f"{measure} ({AS_PUBLISHED})"


def _step_words(parent: str, step: str, variables: Mapping[str, VariableSpec]) -> dict[str, str]:
    year, across = step.partition("_")[0], ACROSS in step
    label = variables[parent].label or parent.replace("_", " ")
    kind, kind_zh = ("Across break", "跨越口径变动") if across else ("Step", "口径变动")
    return {
        "label": f"{kind} of {year}: {label}",
        "label_zh": f"{year}年{kind_zh}：{variables[parent].label_zh or label}",
        "what_it_counts": "1 where figures follow the definition that begins with this year, for the units concerned, "
        "times what the formula multiplies them by"
        if not across
        else "1 where the value compares figures of both definitions, times what the formula multiplies them by",
    }


def _words(
    name: str, variables: Mapping[str, VariableSpec], panel: PanelSpec, series: Mapping[str, SeriesSpec]
) -> dict[str, str]:
    variable = variables[name]
    below = leaves(years_read(name, variables, panel), variables)
    if name in below:
        counts = variable.counts or series[name].note
    else:
        made_of = dict.fromkeys(series[leaf].label or leaf.replace("_", " ") for leaf in below)
        counts = variable.counts or (f"Derived from: {'; '.join(made_of)}" if made_of else "")
    return {
        "label": variable.label or (series[name].label if name in series else ""),
        "label_zh": variable.label_zh or (series[name].label_zh if name in series else ""),
        "source": "; ".join(dict.fromkeys(variables[leaf].source for leaf in below)),
        "series": "; ".join(dict.fromkeys(variables[leaf].series for leaf in below)),
        "what_it_counts": counts,
        "what_it_counts_zh": variable.counts_zh,
        "breaks": "; ".join(_breaks(name, below, variables, panel, series)),
        "breaks_zh": "；".join(_breaks(name, below, variables, panel, series, chinese=True)),
    }


def _breaks(
    name: str,
    below: Mapping[str, frozenset[int]],
    variables: Mapping[str, VariableSpec],
    panel: PanelSpec,
    series: Mapping[str, SeriesSpec],
    chinese: bool = False,
) -> list[str]:
    """The breaks whose both sides are read, with their rules."""
    crossed = set(crossings(name, variables, panel, series))
    listed = []
    for leaf, years in below.items():
        read = years & frozenset(series[leaf].years) if series[leaf].years else years
        prefix = "" if leaf == name else f"{leaf} "
        for year in sorted(series[leaf].breaks):
            if not (any(y < year for y in read) and any(y >= year for y in read)):
                continue
            rule = rule_of(variables[leaf], year)
            declared = variables[leaf].breaks.get(year, {})
            because = (chinese and declared.get("because_zh")) or declared.get("because", "")
            if chinese and rule != "error":
                listed.append(f"{prefix}{year}年：{_RULES_ZH[rule]}" + (f"（{because}）" if because else ""))
            elif rule != "error":
                listed.append(f"{prefix}{year}: {rule}" + (f" ({because})" if because else ""))
            elif (leaf, year) in crossed:
                listed.append(
                    f"{prefix}{year}年：跨越而未声明规则" if chinese else f"{prefix}{year}: crossed without a rule"
                )
    return listed


def describe_column(
    values: np.ndarray[Any, np.dtype[np.float64]], codes: np.ndarray[Any, np.dtype[np.intp]]
) -> dict[str, float]:
    """n, missing, mean, sd, sd_within, min, max of a column; `codes` number its units."""
    present = ~np.isnan(values)
    x, unit = values[present], codes[present]
    summary = {"n": int(present.sum()), "missing": int((~present).sum())}
    if not x.size:
        return {**summary, **dict.fromkeys(("mean", "sd", "sd_within", "min", "max"), np.nan)}
    counts = np.bincount(unit)
    means = np.bincount(unit, weights=x) / np.maximum(counts, 1)
    within = x - means[unit]
    # Rounding leaves dust where a figure does not vary within units.
    squares = float(within @ within) if np.abs(within).max() > 1e-12 * np.abs(x).max() else 0.0
    spread = x.size > 1
    return {
        **summary,
        "mean": float(x.mean()),
        "sd": float(x.std(ddof=1)) if spread else np.nan,
        "sd_within": float(np.sqrt(squares / (x.size - 1))) if spread else np.nan,
        "min": float(x.min()),
        "max": float(x.max()),
    }


def coverage(frame: pd.DataFrame, periods: Sequence[int], left_out: Mapping[str, str]) -> pd.DataFrame:
    """Share of units with a figure: one row per variable, one column per period, and why a variable is left out."""
    rows: list[dict[str, object]] = []
    at = pd.Index(list(periods)).get_indexer(pd.Index(frame["period"]))
    number = np.bincount(at, minlength=len(periods))
    for name in frame.columns[2:]:
        if MARK not in str(name):
            present = frame[name].notna().to_numpy()
            shares = np.bincount(at, weights=present, minlength=len(periods)) / number
            rows.append({"variable": name, **dict(zip(map(str, periods), shares.tolist(), strict=True)), "remark": ""})
    for name, reason in left_out.items():
        rows.append({"variable": name, **{str(t): 0.0 for t in periods}, "remark": f"left out: {reason}"})
    return pd.DataFrame(rows, columns=["variable", *map(str, periods), "remark"])
