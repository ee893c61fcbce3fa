"""Hold the declared claims against the estimates."""

from collections.abc import Mapping
from typing import Any

from ruralpanel.project.interrupts import starting

with starting("scorecard"):
    from ruralpanel.claims.scorecard import evaluate, evidence_csv, write_scorecard
    from ruralpanel.project.files import write_text
    from ruralpanel.project.problems import job
    from ruralpanel.project.sections.configuration import Hypothesis


def main(hypotheses: Mapping[str, Mapping[str, Any]], config: str, csv: str, json: str, evidence: str) -> None:
    """Write ``results/scorecard.csv`` and ``.json``, and ``results/evidence.csv``."""
    claims = {name: Hypothesis.model_validate(claim) for name, claim in hypotheses.items()}
    rows = evaluate(claims, "results", config)
    write_scorecard(rows, csv, json)
    write_text(evidence, evidence_csv(rows))


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.params.config):
        main(
            hypotheses=snakemake.params.hypotheses,
            config=snakemake.params.config,
            csv=snakemake.output.csv,
            json=snakemake.output.json,
            evidence=snakemake.output.evidence,
        )
