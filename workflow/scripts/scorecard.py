"""Hold the declared claims against the estimates."""

from collections.abc import Mapping
from typing import Any

from ruralpanel.jobs import job
from ruralpanel.scorecard import evaluate, write_scorecard


def main(hypotheses: Mapping[str, Mapping[str, Any]], config: str, csv: str, json: str) -> None:
    """Write ``results/scorecard.csv`` and ``.json``."""
    write_scorecard(evaluate(hypotheses, "results", config), csv, json)


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.params.config):
        main(
            hypotheses=snakemake.params.hypotheses,
            config=snakemake.params.config,
            csv=snakemake.output.csv,
            json=snakemake.output.json,
        )
