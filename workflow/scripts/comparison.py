"""Compare the results with an earlier folder of results."""

from ruralpanel.project.interrupts import starting

with starting("comparison"):
    from ruralpanel.project.problems import job
    from ruralpanel.tools.compare.compare import compare
    from ruralpanel.tools.compare.page import write_cells, write_page


def main(old: str, new: str, language: str, page: str, cells: str) -> None:
    """Write the page and the file of all figures that moved; both name the folders as the configuration does."""
    comparison = compare(old, new)
    write_cells(comparison, cells)
    write_page(comparison, page, old, new, language, cells)


if __name__ == "__main__":
    with job(snakemake.log[0], content=snakemake.params.content, output=snakemake.output):
        main(
            old=snakemake.params.old,
            new="results",
            language=snakemake.params.language,
            page=snakemake.output.page,
            cells=snakemake.output.cells,
        )
