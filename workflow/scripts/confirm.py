"""Estimate every standard model a second time with another library; stop where the two differ."""

import warnings
from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import Any

from ruralpanel.project.interrupts import starting

with starting("confirm"):
    import pandas as pd

    from ruralpanel.estimate.base.design import build_design
    from ruralpanel.estimate.base.model import read_model
    from ruralpanel.estimate.base.results import Design
    from ruralpanel.estimate.confirm import confirm, disagreements, table
    from ruralpanel.project.files import write_frame
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
) -> None:
    """Write `confirmation`, a row per term of each model, unless a number of two libraries differs."""
    cross_section, kept_rows = cache(partial(load_units, units)), declared_samples(samples)
    frame = cache(lambda panel: pd.read_parquet(f"{results}/panels/{panel}/panel.parquet"))

    def design(spec: ModelSpec) -> Design:
        sample = kept_rows.get(spec.sample)
        return build_design(spec, frame(spec.panel), cross_section(), sample, config, by[spec.panel])

    specs = {values["name"]: ModelSpec.from_dict(values) for values in models}
    rows = []
    for name, spec, piece in pieces(specs, "models", "confirmation of model"):
        with piece, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of dummies that determine each other, and of errors that nobody reads
            rows += confirm(partial(design, spec), read_model(f"{results}/models/{name}.json"))
    raise_any(disagreements(rows))
    write_frame(confirmation, table(rows))


if __name__ == "__main__":
    with job(
        snakemake.log[0], snakemake.params.settings["config"], content=snakemake.params.content, output=snakemake.output
    ):
        main(
            **snakemake.params.settings,
            units=snakemake.input.units,
            results="results",
            confirmation=snakemake.output[0],
        )
