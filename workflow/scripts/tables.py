"""Set every declared table in every format, and all of them in one workbook."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ruralpanel.project.interrupts import starting

with starting("tables"):
    from ruralpanel.project.files import atomic_path
    from ruralpanel.project.kept import Kept, shown_from
    from ruralpanel.project.kinds.tables import FORMATS
    from ruralpanel.project.problems import job, pieces
    from ruralpanel.project.units import load_units


def main(
    tables: Mapping[str, Mapping[str, Any]],
    titles: Mapping[str, str],
    names: Mapping[str, str],
    units: str,
    language: str,
    config: str,
    sources: Mapping[str, Mapping[str, Any]],
    kept: Kept,
    workbook: str | None = None,
) -> None:
    """Write ``results/tables/<table>.{csv,tex,html,docx,json}`` and, where asked, the `workbook` of all of them.

    All problems of all tables are reported together.

    `sources`: by table, the ``files`` and ``titles`` that it is built from.
    """

    def write(name: str, spec: Mapping[str, Any], paths: Mapping[str, Path]) -> None:
        with starting("tables"):  # nothing of it is needed where all tables are kept
            from ruralpanel.output.results import OutputContext
            from ruralpanel.output.tables.build import build, render

        attributes, where = load_units(units).attributes, f"tables.{name}"
        context = OutputContext(Path("results"), language, attributes, config, where, titles=titles, names=names)
        render(build(name, spec, context), paths)

    def bind(path: Path, files: Mapping[str, Path]) -> None:
        with starting("tables"):
            from ruralpanel.output.tables.document import TableDocument
            from ruralpanel.output.tables.workbook import render_workbook

        documents = [TableDocument.from_json(file) for file in files.values()]
        with atomic_path(path) as temporary:
            temporary.write_bytes(render_workbook(documents))

    for name, spec, piece in pieces(tables, "tables", "table"):
        paths = {form: Path(f"results/tables/{name}.{form}") for form in FORMATS}
        made_from = {**shown_from(spec, sources[name]["files"]), "titles": sources[name]["titles"]}
        if "panel" in spec and not spec.get("variables"):  # it shows all that the panel has
            made_from["codebook"] = Path(f"results/panels/{spec['panel']}/codebook.csv")
        with piece:
            kept.piece(name, made_from, list(paths.values()), partial(write, name, spec, paths))
    if workbook is not None:
        path, files = Path(workbook), {name: Path(f"results/tables/{name}.json") for name in tables}
        kept.piece(path.name, {"tables": files, "order": list(files)}, [path], partial(bind, path, files))
        kept.only({*tables, path.name})


if __name__ == "__main__":
    shared = {"language": snakemake.params.language, "names": snakemake.params.names}
    kept = Kept.of(snakemake.rule, snakemake.params.code, snakemake.params.content, **shared)
    written = [*snakemake.output, kept.folder]
    with job(snakemake.log[0], snakemake.params.config, content=snakemake.params.content, output=written):
        main(
            tables=snakemake.params.tables,
            titles=snakemake.params.titles,
            names=snakemake.params.names,
            units=snakemake.input.units,
            language=snakemake.params.language,
            config=snakemake.params.config,
            sources=snakemake.params.sources,
            kept=kept,
            workbook=next((file for file in snakemake.output if file.endswith(".xlsx")), None),
        )
