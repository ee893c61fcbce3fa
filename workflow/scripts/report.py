"""Write the report from all other results."""

from collections.abc import Mapping
from typing import Any

from ruralpanel.project.interrupts import starting

with starting("report"):
    from ruralpanel.output.report.build import build
    from ruralpanel.output.report.context import gather
    from ruralpanel.project.kept import Kept
    from ruralpanel.project.problems import job


def main(config: Mapping[str, Any], config_file: str, root: str, kept: Kept) -> None:
    """Write ``results/report/``: the report in the formats asked for, and the numbers that it quotes."""
    build(gather(config, "results", root, config_file), "results/report", config["report"]["formats"], kept)


if __name__ == "__main__":
    kept = Kept.of(snakemake.rule, snakemake.params.code, snakemake.params.content)
    written = [*snakemake.output, kept.folder]
    with job(snakemake.log[0], snakemake.params.config_file, content=snakemake.params.content, output=written):
        main(
            config=snakemake.params.config,
            config_file=snakemake.params.config_file,
            root=snakemake.params.root,
            kept=kept,
        )
