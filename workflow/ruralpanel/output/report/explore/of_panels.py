"""What the map shows of panels: every outcome and lever of the models, as people read them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from ruralpanel.output.labels import Labels, without_aside
from ruralpanel.output.maps.classes import Classes, class_colours
from ruralpanel.output.report.context import Context, Panel
from ruralpanel.output.report.explore.entries import Entry, sources
from ruralpanel.output.report.explore.scales import rounded_classes
from ruralpanel.output.report.texts import measure_text, singular
from ruralpanel.output.words import word
from ruralpanel.project.expressions import log_of, ratio_of
from ruralpanel.project.periods import label

DERIVED = "Derived from"
"""How a codebook begins where it only lists the series behind a formula."""

_STEP = "__break_"
_SHIFTED = re.compile(r"^lag\(|\bperiod\b")
_DATED = "value_at("
_ALIKE = 1e-9

MOST_UNITS = 4_000
"""Units beyond which a panel is not shown: neither a map nor a list of so many says anything, and pages grow heavy."""


def of_panels(context: Context) -> Iterator[Entry]:
    asked = _asked(context)
    seen: list[tuple[str, pd.DataFrame]] = []
    for name, variables in asked.items():
        panel = context.panels[name]
        file = context.results / "panels" / name / "panel.parquet"
        if pd.read_parquet(file, columns=["unit"])["unit"].nunique() > MOST_UNITS:
            continue
        frame = pd.read_parquet(file)
        labels = context.labels(name)
        codebook = {row["variable"]: row for row in panel.codebook}
        shown: set[str] = set()
        for variable in variables:
            if variable not in frame.columns or not frame[variable].notna().any():
                continue
            variable, figures, words, measure = _readable(variable, frame, labels, codebook)
            table = frame[["unit", "period"]].assign(value=figures).dropna()
            row = codebook.get(variable) or {}
            dated = _DATED not in (row.get("formula") or "")
            if variable in shown or any(_holds(other, table, dated) for key, other in seen if key == variable):
                continue
            shown.add(variable)
            seen.append((variable, table))
            yield _of_variable(context, panel, variable, table, words, measure, row, sorted(set(frame["unit"])))


def _asked(context: Context) -> dict[str, list[str]]:
    """Panel → variables: those of its declared maps and series first, then outcomes, then what stands on the right."""
    asked: dict[str, list[str]] = {}
    for item in (*context.declared.maps.values(), *context.declared.figures.values()):
        panel = item.options.get("panel")
        if item.options.get("variables") and panel in context.panels:
            asked.setdefault(panel, []).extend(item.options.get("variables"))
    models = list(context.models.values())
    for model in models:
        asked.setdefault(model.panel, []).append(model.outcome)
    for model in models:
        terms = (*model.spec.regressors, *model.spec.controls)
        asked[model.panel].extend(part for term in terms for part in term.split(":") if _STEP not in part)
    order = [name for name in context.panels if name in asked]
    return {name: [v for v in dict.fromkeys(asked[name]) if not _is_shifted(context, name, v)] for name in order}


def _is_shifted(context: Context, panel: str, variable: str) -> bool:
    """Whether a variable repeats another one, a period later or times the calendar."""
    return bool(_SHIFTED.search(context.labels(panel).formulas.get(variable, "")))


def _readable(
    variable: str, frame: pd.DataFrame, labels: Labels, codebook: Mapping[str, Mapping[str, str]]
) -> tuple[str, pd.Series[float], str, str]:
    """A variable as people read it: name, figures, label, measure.

    Of a logarithm the level: the panel's variable that is in proportion to it, else its exponential, of a ratio per so
    many that it reads as a count. Shares are in per cent, large figures in millions (``explore.large``).
    """
    figures = frame[variable].astype(float)
    if log_of(labels.formulas.get(variable, "")) is not None:
        level = pd.Series(np.exp(figures))
        twin = next((name for name in labels.names if _proportional(name, level, frame, labels)), "")
        if not twin:
            return _level(variable, level, labels, codebook)
        variable, figures = twin, frame[twin].astype(float)
    measure = measure_text(labels.measure(variable))
    if labels.measures.get(variable) == "share":
        return variable, 100.0 * figures, labels.of(variable), "%"
    for key in ("second", "first"):
        size = float(word(f"explore.large.{key}.size", labels.language))
        if float(figures.abs().median()) >= size:
            large = word(f"explore.large.{key}.words", labels.language, measure=measure)
            return variable, figures / size, labels.of(variable), large
    return variable, figures, labels.of(variable), measure


def _level(
    variable: str, level: pd.Series[float], labels: Labels, codebook: Mapping[str, Mapping[str, str]]
) -> tuple[str, pd.Series[float], str, str]:
    """The exponential of a logarithm, of a ratio with what it is counted in and per so many of what."""
    words, ratio = without_aside(labels.of(variable)), ratio_of(labels.formulas[variable])
    if ratio is None or ratio[0] not in codebook:
        return variable, level, words, labels.measure(log_of(labels.formulas[variable]) or "")
    scale = 1.0
    while float(level.median()) * scale < 1 and scale < 1e6:
        scale *= 1000
    if ratio[1] in codebook:
        below = without_aside(labels.of(ratio[1]))
        if labels.language != "zh":
            below = below[:1].lower() + below[1:]
            below = singular(below) if scale == 1 else below
    else:  # an attribute of the units, whose measure ends its name
        below = Labels(labels.language, {}, {"": ratio[1].rsplit("_", 1)[-1]}).measure("")
    many = "" if scale == 1 else f"{scale:,.0f} "
    measure = word("explore.per", labels.language, above=labels.measure(ratio[0]), many=many, below=below)
    return variable, level * scale, words, measure


def _proportional(name: str, level: pd.Series[float], frame: pd.DataFrame, labels: Labels) -> bool:
    """Whether a variable with a measure has the same figures but for a factor."""
    if not labels.measure(name) or name not in frame.columns or _STEP in name:
        return False
    one, other = level.to_numpy(dtype=float), frame[name].to_numpy(dtype=float)
    known = np.isfinite(one)
    if not known.any() or not np.array_equal(known, np.isfinite(other)):
        return False
    ratio = other[known] / one[known]
    return bool(np.ptp(ratio) <= _ALIKE * abs(ratio[0]))


def _holds(other: pd.DataFrame, table: pd.DataFrame, dated: bool) -> bool:
    """Whether all figures of a table stand in another one, at the same periods unless they are of one named period."""
    if not dated:
        table, other = table.drop_duplicates("unit"), other.drop_duplicates("unit").drop(columns="period")
    both = table.merge(other, on=["unit", "period"] if dated else ["unit"], suffixes=("", "_there"), how="left")
    return bool(np.isclose(both["value"], both["value_there"], rtol=_ALIKE, atol=0).all())


def _of_variable(
    context: Context,
    panel: Panel,
    variable: str,
    table: pd.DataFrame,
    words: str,
    measure: str,
    row: Mapping[str, str],
    units: Sequence[str],
) -> Entry:
    wide = table.pivot(index="unit", columns="period", values="value").reindex(list(units))
    constant = _DATED in (row.get("formula") or "") or (wide.shape[1] > 1 and bool((wide.nunique(axis=1) <= 1).all()))
    if constant:
        wide = wide.iloc[:, [0]]
    classes, growing = rounded_classes(wide.to_numpy().ravel().tolist())
    times = [label(int(period)) for period in wide.columns]
    chinese = context.language == "zh"
    counts = (chinese and row.get("what_it_counts_zh")) or row.get("what_it_counts") or ""
    breaks = (chinese and row.get("breaks_zh")) or row.get("breaks") or ""
    stop = word("full_stop", context.language)
    counts = "" if counts.startswith(DERIVED) else counts.rstrip(".。") + stop if counts else ""
    notes = (counts, word("explore.breaks", context.language, breaks=breaks.rstrip(".。")) if breaks else "")
    return Entry(
        key=f"{panel.name}.{variable}",
        group=panel.title,
        label=words,
        measure=measure,
        times=("",) if constant else tuple(times),
        values={str(unit): list(map(float, values)) for unit, values in zip(wide.index, wide.to_numpy(), strict=True)},
        classes=classes,
        colours=class_colours(classes, "diverging" if _straddles(classes) else "sequential"),
        source=sources(context, (row.get("source") or "").split(";")),
        note=" ".join(note for note in notes if note),
        timed=wide.shape[1] > 1,
        growing=growing,
    )


def _straddles(classes: Classes) -> bool:
    return any(edge < 0 for edge in classes.edges[1:-1]) and any(edge > 0 for edge in classes.edges[1:-1])
