"""The codebook of a panel: the numbers of its columns with what the configuration says of each, in both languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ruralpanel.output.words import stated, word
from ruralpanel.project.breaks import ACROSS, MARK, crossings, leaves, rule_of, years_read
from ruralpanel.project.settings import BreakRule, PanelSpec, SeriesSpec, VariableSpec

CODEBOOK = (
    *("variable", "label", "label_zh", "measure", "formula", "source", "series", "what_it_counts", "what_it_counts_zh"),
    *("n", "missing", "mean", "sd", "sd_within", "min", "max", "breaks", "breaks_zh", "remarks", "remarks_zh"),
)


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
        remarks = row.get("remarks", "")
        words |= {"remarks": stated(remarks, "en"), "remarks_zh": stated(remarks, "zh")}
        table.append([words.get(name, row.get(name, "")) for name in CODEBOOK])
    return table


def _step_words(parent: str, step: str, variables: Mapping[str, VariableSpec]) -> dict[str, str]:
    year, across = step.partition("_")[0], ACROSS in step
    label = variables[parent].label or parent.replace("_", " ")
    kind = "across" if across else "step"
    return {
        "label": word(f"codebook.{kind}", "en", year=year, label=label),
        "label_zh": word(f"codebook.{kind}", "zh", year=year, label=variables[parent].label_zh or label),
        "what_it_counts": word(f"codebook.{kind}_counts", "en"),
        "what_it_counts_zh": word(f"codebook.{kind}_counts", "zh"),
    }


def _words(
    name: str, variables: Mapping[str, VariableSpec], panel: PanelSpec, series: Mapping[str, SeriesSpec]
) -> dict[str, str]:
    variable = variables[name]
    below = leaves(years_read(name, variables, panel), variables)
    if name in below:
        counts, counts_zh = variable.counts or series[name].note, variable.counts_zh or series[name].note_zh
    else:
        made_of = dict.fromkeys(series[leaf].label or leaf.replace("_", " ") for leaf in below)
        counts = variable.counts or (word("codebook.derived", "en", parts="; ".join(made_of)) if made_of else "")
        counts_zh = variable.counts_zh
    return {
        "label": variable.label or (series[name].label if name in series else ""),
        "label_zh": variable.label_zh or (series[name].label_zh if name in series else ""),
        "source": "; ".join(dict.fromkeys(variables[leaf].source for leaf in below)),
        "series": "; ".join(dict.fromkeys(variables[leaf].series for leaf in below)),
        "what_it_counts": counts,
        "what_it_counts_zh": counts_zh,
        "breaks": "; ".join(_breaks(name, below, variables, panel, series, "en")),
        "breaks_zh": "；".join(_breaks(name, below, variables, panel, series, "zh")),
    }


def _breaks(
    name: str,
    below: Mapping[str, frozenset[int]],
    variables: Mapping[str, VariableSpec],
    panel: PanelSpec,
    series: Mapping[str, SeriesSpec],
    language: str,
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
            declared = variables[leaf].breaks.get(year, BreakRule())
            because = (language == "zh" and declared.because_zh) or declared.because
            if rule != "error":
                key = "codebook.break_because" if because else "codebook.break"
                named = word(f"break_rule.{rule}", language)
                listed.append(prefix + word(key, language, year=year, rule=named, because=because))
            elif (leaf, year) in crossed:
                listed.append(prefix + word("codebook.crossed", language, year=year))
    return listed
