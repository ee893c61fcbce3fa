"""Hold every figure read against control totals, identities, its own history and other sources of the same."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ruralpanel.project.interrupts import starting

with starting("reconcile"):
    import pandas as pd

    from ruralpanel.data.reconcile.findings import Finding, to_frame, undeclared
    from ruralpanel.data.reconcile.gate import reconcile
    from ruralpanel.data.reconcile.totals import load_control_totals
    from ruralpanel.project.files import write_frame
    from ruralpanel.project.problems import Problem, UserError, job
    from ruralpanel.project.sections.configuration import Checks
    from ruralpanel.project.sidecars import SourceSpec
    from ruralpanel.project.units import load_units


READ = ["series", "unit", "period", "value", "measure", "correction"]


def main(
    compared: Mapping[str, Any],
    checks: Mapping[str, Any],
    figures: Sequence[str],
    units: str,
    control_totals: str,
    output: str,
) -> None:
    """Write ``results/reconciliation/findings.csv``; with ``on_failure: error`` undeclared findings stop the run."""
    settings = Checks.model_validate(checks)
    findings = reconcile(
        {Path(file).stem: pd.read_parquet(file, columns=READ) for file in figures},
        {name: SourceSpec.from_dict(values) for name, values in compared["sources"].items()},
        load_control_totals(control_totals) if control_totals else None,
        settings,
        control_totals,
        compared["alike"],
        load_units(units).aggregates,
    )
    if settings.on_failure == "error" and undeclared(findings):
        raise UserError(_problem(finding) for finding in undeclared(findings))
    write_frame(output, to_frame(findings))


def _problem(finding: Finding) -> Problem:
    return Problem(
        finding.source,
        " ".join(filter(None, [finding.series, finding.unit, str(finding.period)])),
        f"{finding.check}: {finding.note}" if finding.note else finding.check,
        "a figure that agrees with the others, or a declared break, fault or correction",
        "declare it in the sidecar, or set checks.on_failure: report",
    )


if __name__ == "__main__":
    with job(snakemake.log[0], content=snakemake.params.content, output=snakemake.output):
        main(
            compared=snakemake.params.compared,
            checks=snakemake.params.checks,
            figures=snakemake.input.figures,
            units=snakemake.input.units,
            control_totals=snakemake.input.get("control_totals", ""),
            output=snakemake.output[0],
        )
