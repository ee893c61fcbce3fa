"""Entry point: checks the configuration and everything it names, then builds all results in ./results."""

from snakemake.utils import min_version

min_version("9.0")


include: "workflow/rules/common.smk"


with starting("snakemake"), remembered(Path(".snakemake/ruralpanel/modules.json")):

    include: "workflow/rules/ingest.smk"
    include: "workflow/rules/panel.smk"
    include: "workflow/rules/estimate.smk"
    include: "workflow/rules/robustness.smk"
    include: "workflow/rules/report.smk"
    include: "workflow/rules/export.smk"
    include: "workflow/rules/fetch.smk"


# Every file is written under another name and renamed once it is whole. What a failed job has finished is therefore
# sound and stays; what it lacks makes Snakemake run the job again.
onstart:
    workflow.execution_settings.keep_incomplete = True


# Else Snakemake closes with a warning of incomplete files.
onerror:
    workflow.execution_settings.keep_incomplete = False


RESULTS = [
    *REPORTS,
    *SCORECARD,
    *TABLES,
    *WORKBOOK,
    *FIGURES,
    *MAPS,
    *MODELS,
    *CONFIRMATION,
    *EXPORTS,
    *CURVES,
    *FAMILIES,
    *ROBUSTNESS,
    *expand("results/panels/{panel}/panel.csv", panel=PANELS),
]
try:
    project.require_room([*RESULTS, *FIGURES_READ, *expand("results/panels/{panel}/panel.parquet", panel=PANELS)])
except UserError as error:
    sys.exit(error.report("The results cannot be written"))


with starting("snakemake"):

    include: "workflow/rules/bundle.smk"


rule all:
    default_target: True
    input:
        RESULTS,
    message:
        "All results are in results/: open results/report/report.html"
