"""Set every declared table in every format, and all of them in one workbook."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ruralpanel.project.interrupts import starting

with starting("tables"):
    from ruralpanel.output.results import OutputContext
    from ruralpanel.output.tables.build import FORMATS, build, render
    from ruralpanel.output.tables.workbook import render_workbook
    from ruralpanel.project.files import atomic_path
    from ruralpanel.project.problems import job, pieces
    from ruralpanel.project.units import load_units


def main(
    tables: Mapping[str, Mapping[str, Any]],
    titles: Mapping[str, str],
    names: Mapping[str, str],
    units: str,
    language: str,
    config: str,
    workbook: str | None = None,
) -> None:
    """Write ``results/tables/<table>.{csv,tex,html,docx,json}`` and, where asked, the `workbook` of all of them.

    All problems of all tables are reported together.
    """
    documents = []
    context = OutputContext(Path("results"), language, load_units(units).attributes, config, titles=titles, names=names)
    for name, spec, piece in pieces(tables, "tables", "table"):
        with piece:
            document = build(name, spec, replace(context, where=f"tables.{name}"))
            render(document, {form: f"results/tables/{name}.{form}" for form in FORMATS})
            documents.append(document)
    if workbook is not None:
        with atomic_path(workbook) as temporary:
            temporary.write_bytes(render_workbook(documents))


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.params.config, content=snakemake.params.content, output=snakemake.output):
        main(
            tables=snakemake.params.tables,
            titles=snakemake.params.titles,
            names=snakemake.params.names,
            units=snakemake.input.units,
            language=snakemake.params.language,
            config=snakemake.params.config,
            workbook=next((file for file in snakemake.output if file.endswith(".xlsx")), None),
        )
