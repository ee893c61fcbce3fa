"""Estimate every standard model a second time with another library; stop where the two differ."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache, partial
from pathlib import Path
from typing import Any

from ruralpanel.project.interrupts import starting

with starting("confirm"):
    from ruralpanel.data.named import PanelFile
    from ruralpanel.estimate.base.design import build_design
    from ruralpanel.estimate.base.model import read_model
    from ruralpanel.estimate.base.results import Design
    from ruralpanel.estimate.confirm import Row, confirm, disagreements, table
    from ruralpanel.project.files import write_frame
    from ruralpanel.project.kept import Kept
    from ruralpanel.project.problems import job, pieces, raise_any
    from ruralpanel.project.sections.data import samples as declared_samples
    from ruralpanel.project.settings import ModelSpec
    from ruralpanel.project.units import load_units


def main(
    models: Sequence[Mapping[str, Any]],
    samples: Mapping[str, Mapping[str, Any]],
    by: Mapping[str, str],
    config: str,
    units: str,
    results: str,
    confirmation: str,
    kept: Kept,
) -> None:
    """Write `confirmation`, a row per term of each model, unless a number of two libraries differs."""
    cross_section, kept_rows = cache(partial(load_units, units)), declared_samples(samples)
    figures = {panel: PanelFile(f"{results}/panels/{panel}/panel.parquet") for panel in by}

    def design(spec: ModelSpec) -> Design:
        sample = kept_rows.get(spec.sample)
        read = figures[spec.panel].named(spec.to_dict(), samples.get(spec.sample))
        return build_design(spec, read.frame, cross_section(), sample, config, by[spec.panel])

    def confirmed(spec: ModelSpec, result: Path) -> list[dict[str, Any]]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of dummies that determine each other, and of errors that nobody reads
            found = confirm(partial(design, spec), read_model(result))
        raise_any(disagreements(found))
        return [asdict(row) for row in found]

    specs = {values["name"]: ModelSpec.from_dict(values) for values in models}
    rows: list[Row] = []
    for name, spec, piece in pieces(specs, "models", "confirmation of model"):
        with piece:
            result = Path(results) / "models" / f"{name}.json"  # which holds the hash of the figures that it read
            made_from = {
                "settings": spec.to_dict(),
                "sample": samples.get(spec.sample),
                "by": by[spec.panel],
                "result": result,
            }
            rows += [Row(**row) for row in kept.value(name, made_from, partial(confirmed, spec, result))]
    kept.only(specs)
    write_frame(confirmation, table(rows))


if __name__ == "__main__":
    kept = Kept.of(snakemake.rule, snakemake.params.code, snakemake.params.content)
    written = [*snakemake.output, kept.folder]
    config = snakemake.params.settings["config"]
    with job(snakemake.log[0], config, content=snakemake.params.content, output=written):
        main(
            **snakemake.params.settings,
            units=snakemake.input.units,
            results="results",
            confirmation=snakemake.output[0],
            kept=kept,
        )
