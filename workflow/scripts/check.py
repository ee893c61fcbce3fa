"""Say in a few lines that a configuration is in order, and what of its figures deserves a look."""

from collections.abc import Sequence

from ruralpanel.contracts.project import open_project
from ruralpanel.describe import verdict
from ruralpanel.jobs import job


def main(files: Sequence[str]) -> None:
    """Print the verdict on a configuration that has passed all checks."""
    print(verdict(open_project(files), "results"))


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.params.config):
        main(files=[snakemake.params.config])
