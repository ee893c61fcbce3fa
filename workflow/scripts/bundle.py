"""Pack data, configuration, code and results into one archive."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ruralpanel.project.interrupts import starting

with starting("bundle"):
    from ruralpanel.project.jobs import open_project
    from ruralpanel.project.problems import job
    from ruralpanel.tools.bundle.archive import write_bundle
    from ruralpanel.tools.bundle.contents import layout


def main(
    config: str,
    overrides: Mapping[str, Any],
    checkout: str,
    programs: Sequence[Mapping[str, Any]],
    results: Sequence[str],
    bundle: str,
) -> None:
    """Write the archive `bundle` with the files `results`."""
    project = open_project([config], overrides)
    folder = Path(checkout)
    write_bundle(project, layout(project, folder, results), folder, overrides, programs, Path(bundle))


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.params.config, output=snakemake.output):
        main(
            config=snakemake.params.config,
            overrides=snakemake.params.overrides,
            checkout=snakemake.params.checkout,
            programs=snakemake.params.programs,
            results=snakemake.input,
            bundle=snakemake.output[0],
        )
