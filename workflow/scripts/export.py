"""Write every model as scripts of R, Stata and Python, and the panels that they read."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ruralpanel.project.interrupts import starting

with starting("export"):
    from ruralpanel.output.labels import labels_from_codebook
    from ruralpanel.project.files import write_text
    from ruralpanel.project.kept import Kept
    from ruralpanel.project.kinds.estimators import ESTIMATORS, SCRIPTS
    from ruralpanel.project.problems import job, pieces

Values = Mapping[str, Any]


def main(
    models: Sequence[Values],
    samples: Mapping[str, Values],
    by: Mapping[str, str],
    config: str,
    titles: Mapping[str, str],
    language: str,
    units: str,
    results: str,
    kept: Kept,
) -> None:
    """Write ``<results>/export/``, each panel's scripts and rows as a piece, and its file for Stata as another."""
    folder, rows = Path(results) / "export", dict[str, Values]()
    panels: dict[str, list[Values]] = {}
    for model in models:
        panels.setdefault(model["panel"], []).append(model)

    def write(panel: str, data: Path, found: Mapping[str, Path], csv: Path | None) -> Values:
        with starting("export"):  # nothing of it is needed where all panels are kept
            import pandas as pd

            from ruralpanel.estimate.base.model import read_model
            from ruralpanel.output.export.build import Exports
            from ruralpanel.output.export.columns import ExportedPanel, write_panel
            from ruralpanel.project.sections.data import samples as declared_samples
            from ruralpanel.project.settings import ModelSpec
            from ruralpanel.project.units import load_units

        cross_section, chosen = load_units(units), declared_samples(samples)
        exports = Exports(lambda: ExportedPanel(panel, pd.read_parquet(data), cross_section, config, by[panel]))
        for values in panels[panel]:
            spec = ModelSpec.from_dict(dict(values))
            sample, title = chosen.get(spec.sample), titles.get(spec.name, spec.name)
            exports.add(spec, cross_section, sample, config, read_model(found[spec.name]), title)
        for name, text in exports.files.items():
            write_text(folder / name, text)
        if csv:
            write_panel(exports.panel, csv)
        return {"rows": exports.rows, "terms": exports.panel.terms if exports.panel and exports.panel.samples else {}}

    def label(csv: Path, labels: Mapping[str, str], dta: Path) -> None:
        with starting("export"):
            from ruralpanel.output.export.stata import write_stata

        write_stata(csv, labels, dta)

    def present(page: Path, lines: Sequence[Mapping[str, str]]) -> None:
        with starting("export"):
            from ruralpanel.output.export.scripts import readme

        write_text(page, readme(lines))

    for panel, own, piece in pieces(panels, "panels", "scripts of panel"):
        data = Path(results) / "panels" / panel
        found = {model["name"]: Path(f"{results}/models/{model['name']}.json") for model in own}
        scripted = [one["name"] for one in own if one["method"] in ESTIMATORS[one["estimator"]].scripts]
        csv = folder / f"{panel}.csv" if scripted else None
        files = [*(folder / f"{name}.{suffix}" for name in scripted for suffix in SCRIPTS), *([csv] if csv else [])]
        called = {name: titles.get(name, name) for name in found}
        made_from = {"models": own, "results": found, "panel": data / "panel.parquet", "titles": called}
        with piece:
            told = kept.value(panel, made_from, partial(write, panel, data / "panel.parquet", found, csv), files)
            rows |= {row["model"]: row for row in told["rows"]}
            if csv:
                codebook = labels_from_codebook(data / "codebook.csv", language) if told["terms"] else None
                labels = {name: codebook.of(term) for name, term in told["terms"].items()} if codebook else {}
                dta = csv.with_suffix(".dta")
                kept.piece(dta.name, {"csv": csv, "labels": labels}, [dta], partial(label, csv, labels, dta))
    page, lines = folder / "README.md", [rows[model["name"]] for model in models]
    kept.piece(page.name, {"rows": lines}, [page], partial(present, page, lines))
    kept.only({*panels, *(f"{panel}.dta" for panel in panels), page.name})


if __name__ == "__main__":
    settings = snakemake.params.settings
    shared = {key: settings[key] for key in ("samples", "by")}
    kept = Kept.of(snakemake.rule, snakemake.params.code, snakemake.params.content, **shared)
    written = [*snakemake.output, kept.folder]
    with job(snakemake.log[0], settings["config"], content=snakemake.params.content, output=written):
        main(
            **settings,
            titles=snakemake.params.titles,
            language=snakemake.params.language,
            units=snakemake.input.units,
            results="results",
            kept=kept,
        )
