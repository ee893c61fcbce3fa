"""Say in a few lines that a configuration is in order, and what of its figures deserves a look."""

from collections.abc import Mapping, Sequence
from typing import Any

from ruralpanel.project.interrupts import starting

with starting("check"):
    from ruralpanel.estimate.places.geography import Geography, place_problems
    from ruralpanel.project.jobs import open_project
    from ruralpanel.project.problems import job, raise_any
    from ruralpanel.project.units import load_units
    from ruralpanel.tools.describe import verdict


def main(files: Sequence[str], overrides: Mapping[str, Any]) -> None:
    """Print the verdict on a configuration that has passed all checks, those of boundaries and matrices here."""
    config = open_project(files, overrides)
    geography = Geography(load_units(config.units), config.boundaries, config.weights_matrices, config.file)
    raise_any(place_problems(geography))
    print(verdict(config, "results"))


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.params.config):
        main(files=[snakemake.params.config], overrides=snakemake.params.overrides)
