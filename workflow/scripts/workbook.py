"""Write all tables into one workbook."""

from collections.abc import Sequence

from ruralpanel.project.interrupts import starting

with starting("workbook"):
    from ruralpanel.output.tables.document import TableDocument
    from ruralpanel.output.tables.workbook import render_workbook
    from ruralpanel.project.files import atomic_path
    from ruralpanel.project.problems import job


def main(tables: Sequence[str], target: str) -> None:
    """Write `target`, a sheet for each of `tables` (the tables' JSON)."""
    with atomic_path(target) as temporary:
        temporary.write_bytes(render_workbook([TableDocument.from_json(path) for path in tables]))


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.params.config, output=snakemake.output):
        main(tables=list(snakemake.input.tables), target=snakemake.output[0])
