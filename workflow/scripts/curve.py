"""Estimate one specification curve and test it jointly."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ruralpanel.project.interrupts import starting

with starting("curve"):
    import pandas as pd

    from ruralpanel.claims.robustness.curve import run_curve
    from ruralpanel.estimate.base.model_json import write_results
    from ruralpanel.project.files import atomic_path, sha256_of
    from ruralpanel.project.problems import job
    from ruralpanel.project.sections.configuration import SmallestEffect, SpecificationCurve
    from ruralpanel.project.sections.data import samples as declared_samples
    from ruralpanel.project.units import load_units


def main(
    name: str,
    curve: Mapping[str, Any],
    samples: Mapping[str, Mapping[str, Any]],
    lags: Sequence[tuple[str, int, str]],
    by: str,
    smallest: Mapping[str, Any],
    logs: Sequence[str],
    seed: int,
    config: str,
    panel: str,
    units: str,
    summary: str,
    rows: str,
) -> None:
    """Write ``results/models/curves/<curve>.json`` and, one row per specification, ``.parquet``."""
    declared = {(variable, int(lag)): lagged for variable, lag, lagged in lags}
    frame, cross_section = pd.read_parquet(panel), load_units(units)
    result = run_curve(
        name, SpecificationCurve.model_validate(curve), frame, cross_section, declared_samples(samples), seed, declared,
        by, config, SmallestEffect.model_validate(smallest), logs,
    )  # fmt: skip
    with atomic_path(rows) as temporary:
        result.rows.to_parquet(temporary, index=False)
    write_results(summary, replace(result.summary, panel_sha256=sha256_of(panel), declared=dict(curve)))


if __name__ == "__main__":
    with job(
        snakemake.log[0], snakemake.params.settings["config"], content=snakemake.params.content, output=snakemake.output
    ):
        main(
            **snakemake.params.settings,
            panel=snakemake.input.panel,
            units=snakemake.input.units,
            summary=snakemake.output.summary,
            rows=snakemake.output.rows,
        )
