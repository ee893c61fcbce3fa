"""Say what each variable is, where it comes from, which years it covers and which breaks it crosses."""

from collections.abc import Sequence

from ruralpanel.contracts.project import open_project
from ruralpanel.describe import describe
from ruralpanel.jobs import job


def main(files: Sequence[str]) -> None:
    """Print the description of a configuration that has passed all checks."""
    print(describe(open_project(files), "results"))


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.params.config):
        main(files=[snakemake.params.config])
