"""Estimate specification curves and test each jointly."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ruralpanel.project.interrupts import starting

with starting("curve"):
    from ruralpanel.claims.robustness.curve import run_curve
    from ruralpanel.data.named import NamedColumns, PanelFile
    from ruralpanel.estimate.base.model_json import write_results
    from ruralpanel.project.files import atomic_path
    from ruralpanel.project.kept import Kept
    from ruralpanel.project.problems import job, pieces
    from ruralpanel.project.sections.configuration import SmallestEffect, SpecificationCurve
    from ruralpanel.project.sections.data import samples as declared_samples
    from ruralpanel.project.units import load_units


def main(
    curves: Mapping[str, Mapping[str, Any]],
    by: Mapping[str, str],
    seed: int,
    config: str,
    panels: Mapping[str, str],
    units: str,
    folder: str | Path,
    kept: Kept,
    workers: int = 1,
) -> None:
    """Write ``results/models/curves/<curve>.json`` and, one row per specification, ``.parquet``."""
    figures = {panel: PanelFile(file) for panel, file in panels.items()}
    cross_section = load_units(units)

    def write(name: str, settings: Mapping[str, Any], read: NamedColumns, summary: Path, rows: Path) -> None:
        lags = {(variable, int(lag)): lagged for variable, lag, lagged in settings["lags"]}
        samples, smallest = declared_samples(settings["samples"]), SmallestEffect.model_validate(settings["smallest"])
        result = run_curve(
            name, SpecificationCurve.model_validate(settings["curve"]), read.frame, cross_section, samples, seed, lags,
            by[settings["curve"]["panel"]], config, smallest, settings["logs"],
        )  # fmt: skip
        with atomic_path(rows) as temporary:
            result.rows.to_parquet(temporary, index=False)
        write_results(summary, replace(result.summary, panel_sha256=read.sha256, declared=dict(settings["curve"])))

    for name, settings, piece in pieces(curves, "specification_curves", "curve", workers):
        with piece:
            read = figures[settings["curve"]["panel"]].named(settings)
            files = [Path(folder) / f"{name}.{suffix}" for suffix in ("json", "parquet")]
            made_from = {"settings": settings, "figures": read.hashes}
            kept.piece(name, made_from, files, partial(write, name, settings, read, *files))
    kept.only(curves)


if __name__ == "__main__":
    settings = snakemake.params.settings
    shared = {key: settings[key] for key in ("by", "seed")}
    kept = Kept.of(snakemake.rule, snakemake.params.code, snakemake.params.content, **shared)
    written = [*snakemake.output, kept.folder]
    with job(snakemake.log[0], settings["config"], content=snakemake.params.content, output=written):
        main(
            **settings,
            panels={Path(panel).parent.name: panel for panel in snakemake.input.panels},
            units=snakemake.input.units,
            folder=Path(snakemake.output[0]).parent,
            kept=kept,
            workers=snakemake.threads,
        )
