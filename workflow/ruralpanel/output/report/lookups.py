"""Keys of quoted numbers → where they stand in the results.

=============================================  ================================================================
``model:NAME:FIELD``                           a field of a model's JSON, dotted (``model:baseline:n_obs``)
``model:NAME:TERM:FIELD``                      a coefficient's (``model:baseline:roads:gap:ci_low``)
``claim:NAME:PATH``                            a claim of the scorecard (``claim:H1:design.estimate``)
``rule:PATH`` ``verdicts:WORD``                the constants of the rule; how many claims have a verdict
``codebook:PANEL:VARIABLE:COLUMN``             a figure of a codebook
``coverage:PANEL:VARIABLE:PERIOD``             the share of units with a figure
``cell:PANEL:VARIABLE:UNIT:PERIOD``            a figure of a panel, with the command that traces it
``count:WHAT``                                 claims, tested, judged, underpowered, models, panels, sources, series,
                                               findings, findings_declared, findings_undeclared, corrections
``confirmation:WHAT``                          what other libraries gave again: models, coefficients, errors,
                                               unconfirmed (models), difference (the largest), allowed (the smallest)
``setting:PATH``                               a number of the resolved configuration
``story:WHAT``                                 what happened to the story's outcome (`happened.Happened`)
``before:OUTCOME:END``                         a total of the longer run (`happened.longer_runs`), ``first`` or ``last``
``correlation:TABLE:OUTCOME:OTHER``            a correlation of a table of type validity; ``pairs:TABLE:…``: its number
``beside:NAME:CLAIM:PATH``                     a claim of another project; ``beside:NAME:FILE:PATH`` too
``information:CLAIM``                          by how much more information its main design would need: (detectable/δ)²
=============================================  ================================================================
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from typing import Any

from ruralpanel.claims.designs import ClaimEstimate
from ruralpanel.estimate.base.model_json import read_results
from ruralpanel.output.report.context import Context
from ruralpanel.output.report.numbers import Found, Lookup, MissingNumber, in_json
from ruralpanel.project.notes import note
from ruralpanel.project.other_results import SCORECARD
from ruralpanel.project.periods import label, parse


def lookups(context: Context) -> Mapping[str, Lookup]:
    """Every kind of key, for `Numbers`."""

    def model(rest: str) -> Found:
        name, _, field = rest.partition(":")
        model = context.models.get(name)
        if model is None:
            raise MissingNumber(f'no results of model "{name}"')
        file = f"models/{name}.json"
        term, separator, column = field.rpartition(":")
        if not separator:
            return in_json(context.document(file), field, file)
        for index, row in enumerate(model.coefficients):
            if row.term == term:
                return in_json(context.document(file)["coefficients"][index], column, file, f"/coefficients/{index}")
        raise MissingNumber(f'{file} has no term "{term}"')

    def claim(rest: str) -> Found:
        name, _, path = rest.partition(":")
        for index, row in enumerate(context.scorecard.claims):
            if row.claim == name:
                return in_json(row, path, "scorecard.json", f"/claims/{index}")
        raise MissingNumber(f'the scorecard has no claim "{name}"')

    def rule(rest: str) -> Found:
        return in_json(context.scorecard.rule, rest, "scorecard.json", "/rule")

    def verdicts(rest: str) -> Found:
        return in_json(context.scorecard.counts, rest, "scorecard.json", "/counts")

    def codebook(rest: str) -> Found:
        panel, variable, column = _parts(rest, 3)
        file = f"panels/{panel}/codebook.csv"
        for row in context.panels[panel].codebook if panel in context.panels else ():
            if row["variable"] == variable:
                return Found(_number(row.get(column), file, f"{variable}, {column}"), file, f"/{variable}/{column}")
        raise MissingNumber(f'{file} has no variable "{variable}"')

    def coverage(rest: str) -> Found:
        panel, variable, period = _parts(rest, 3)
        file = f"panels/{panel}/coverage.csv"
        share = context.panels[panel].coverage.get((variable, parse(period) or 0)) if panel in context.panels else None
        if share is None:
            raise MissingNumber(f'{file} has nothing for "{variable}" in {period}')
        return Found(share, file, f"/{variable}/{period}")

    def cell(rest: str) -> Found:
        panel, variable, unit, period = _parts(rest, 4)
        file = f"panels/{panel}/panel.csv"
        row = _panel_row(context, panel, unit, period)
        pointer = f"/{unit},{period}/{variable}"
        trace = f"python -m ruralpanel trace {variable} {unit} {period}"
        return Found(_number(row.get(variable), file, pointer), file, pointer, trace)

    def setting(rest: str) -> Found:
        return in_json(context.declared.settings, rest, context.config_file)

    return {
        "model": model,
        "claim": claim,
        "rule": rule,
        "verdicts": verdicts,
        "codebook": codebook,
        "coverage": coverage,
        "cell": cell,
        "confirmation": lambda rest: _confirmation(context, rest),
        "count": lambda rest: _count(context, rest),
        "setting": setting,
        "story": lambda rest: _story(context, rest),
        "before": lambda rest: _before(context, rest),
        "correlation": lambda rest: _correlation(context, rest, "correlation"),
        "pairs": lambda rest: _correlation(context, rest, "n"),
        "information": lambda rest: _information(context, rest),
        "beside": lambda rest: _beside(context, rest),
    }


def _beside(context: Context, rest: str) -> Found:
    """A number of another project's results; a file below them is told from a claim by its dot."""
    name, what, path = _parts(rest, 3)
    other = next((other for other in context.beside if other.name == name), None)
    if other is None:
        raise MissingNumber(f'no evidence from "{name}"')
    if "." in what:
        return in_json(other.told.document(what), path, f"{other.folder}/{what}")
    for index, row in enumerate(other.told.scorecard.claims):
        if row.claim == what:
            values = other.told.document(SCORECARD)["claims"][index]
            return in_json(values, path, f"{other.folder}/{SCORECARD}", f"/claims/{index}")
    raise MissingNumber(f'{other.folder}/{SCORECARD} has no claim "{what}"')


def _parts(rest: str, number: int) -> list[str]:
    parts = rest.split(":")
    if len(parts) != number:
        raise MissingNumber(f'"{rest}" has {len(parts)} parts, not {number}')
    return parts


def _number(text: str | None, file: str, where: str) -> float:
    try:
        return float(text or "")
    except ValueError:
        raise MissingNumber(f"{file} has no number at {where}") from None


def _panel_row(context: Context, panel: str, unit: str, period: str) -> Mapping[str, str]:
    path = context.results / "panels" / panel / "panel.csv"
    if path.is_file():
        with path.open(encoding="utf-8-sig", newline="") as stream:
            for row in csv.DictReader(stream):
                if row["unit"] == unit and row["period"] == period:
                    return row
    raise MissingNumber(f"panels/{panel}/panel.csv has no row for {unit}, {period}")


def _count(context: Context, what: str) -> Found:
    declared = [row for row in context.findings if is_declared(row)]
    series = [key for source in context.sources.values() for key in source.series]
    findings = "reconciliation/findings.csv"
    counts: dict[str, tuple[Any, str]] = {
        "claims": (context.scorecard.claims, "scorecard.json"),
        "tested": ([claim for claim in context.scorecard.claims if claim.design], "scorecard.json"),
        "judged": (judged(context), "scorecard.json"),
        "underpowered": (underpowered(context), "scorecard.json"),
        "models": (context.models, "models"),
        "panels": (context.panels, context.config_file),
        "sources": (context.sources, context.config_file),
        "series": (series, context.config_file),
        "files": (
            [file for s in context.sources.values() for file in (s.about.files if s.about else ())],
            context.config_file,
        ),
        "corrections": (context.corrections, context.declared.corrections),
        "findings": (context.findings, findings),
        "findings_declared": (declared, findings),
        "findings_undeclared": (range(len(context.findings) - len(declared)), findings),
    }
    if what == "figures":
        return _figures(context)
    if what not in counts:
        raise MissingNumber(f'nothing called "{what}" is counted')
    values, file = counts[what]
    return Found(len(values), file, way=note("entries"))


def _figures(context: Context) -> Found:
    """Figures read from the sources' files."""
    import pyarrow.parquet as parquet

    files = (context.results / "ingest" / f"{source}.parquet" for source in context.sources)
    paths = [file for file in files if file.is_file()]
    if not paths:
        raise MissingNumber("no figures were read")
    return Found(sum(parquet.read_metadata(path).num_rows for path in paths), "ingest", way=note("rows_of_files"))


def _story(context: Context, what: str) -> Found:
    if context.story is None:
        raise MissingNumber("no story is declared, or no two periods have the figures of half of the units")
    return context.story.found(what)


def _before(context: Context, rest: str) -> Found:
    outcome, end = _parts(rest, 2)
    run = context.before.get(outcome)
    if run is None or end not in run.ends:
        raise MissingNumber(f'the longer run has no "{end}" of "{outcome}"')
    return run.ends[end]


def _correlation(context: Context, rest: str, statistic: str) -> Found:
    """The cell of two outcomes in the lower triangle of a table of correlations."""
    table, first, second = _parts(rest, 3)
    file = f"tables/{table}.json"
    path = context.results / file
    rows = read_results(path)["rows"] if path.is_file() else []
    order = list(dict.fromkeys(row["key"] for row in rows))
    if first not in order or second not in order:
        raise MissingNumber(f"{file} does not hold {first} against {second}")
    below, left = sorted((order.index(first), order.index(second)), reverse=True)
    for index, entry in enumerate(rows):
        if entry["key"] == order[below] and entry["statistic"] == statistic:
            return in_json(entry["cells"][left], "value", file, f"/rows/{index}/cells/{left}")
    raise MissingNumber(f"{file} has no {statistic} of {first} and {second}")


def _information(context: Context, name: str) -> Found:
    """Standard errors shrink with the square root of what is known, hence the square."""
    claim = context.scorecard.claim(name)
    design = claim.design if claim else None
    if design and design.detectable and design.delta:
        ratio = design.detectable / design.delta
        return Found(ratio**2, "scorecard.json", way=note("information", claim=name))
    raise MissingNumber(f"of {name} no detectable effect or no benchmark is known")


def latest_period(context: Context) -> str:
    """The last period of any panel, as printed; empty without one."""
    return max((label(panel.periods[-1]) for panel in context.panels.values() if panel.periods), default="")


def read_on(context: Context) -> str:
    """The last day on which a sidecar says that figures were obtained; empty where none does."""
    return max((source.about.accessed for source in context.sources.values() if source.about), default="")


def _confirmation(context: Context, what: str) -> Found:
    confirmed = [row for row in context.confirmation if row["estimate_again"]]
    models = {row["model"] for row in confirmed}
    numbers: dict[str, float] = {
        "models": len(models),
        "unconfirmed": len({row["model"] for row in context.confirmation} - models),
        "coefficients": len(confirmed),
        "errors": sum(bool(row["std_error_again"]) for row in confirmed),
    }
    if confirmed:
        numbers["difference"] = max(float(row["difference"]) for row in confirmed)
        numbers["allowed"] = min(float(row["allowed"]) for row in confirmed)
    if what not in numbers:
        raise MissingNumber(f'no model is confirmed, or "{what}" is not known of it')
    return Found(numbers[what], "models/confirmation.csv", way=note("of_confirmation", confirmed=what))


def judged(context: Context) -> dict[str, ClaimEstimate]:
    """Claim → its main design, where this has a smallest effect that matters, and the detectable one is known."""
    designs = {claim.claim: claim.design for claim in context.scorecard.claims}
    return {name: design for name, design in designs.items() if design and design.delta and design.detectable_by}


def underpowered(context: Context) -> list[str]:
    """Claims whose main design would miss the smallest effect that matters more often than the rule's power allows."""
    return [
        name
        for name, design in judged(context).items()
        # without one that is detectable no effect within reach is found with that power
        if design.detectable is None or design.detectable > (design.delta or 0.0)
    ]


def is_declared(row: Mapping[str, str]) -> bool:
    """Whether somebody declared a finding: a break, a known fault or a correction explains it."""
    return (row.get("declared") or "").strip().lower() in ("true", "1", "yes")
