# Rules that are declared and write nothing in this project.
_MADE = {
    "scorecard": SCORECARD,
    "tables": TABLES,
    "workbook": WORKBOOK,
    "figures": FIGURES,
    "maps": MAPS,
    "comparison": COMPARISON,
    "bundle": [],
}
IDLE = [name for name, files in _MADE.items() if not files]


rule bundle:
    input:
        RESULTS,
        FIGURES_READ,
        CODEBOOKS,
        expand(
            "results/panels/{panel}/{file}",
            panel=PANELS,
            file=["panel.parquet", "columns.csv", "coverage.csv", "lineage.parquet"],
        ),
        "results/reconciliation/findings.csv",
        "results/report/numbers.json",
        ["results/models/robustness/summary.csv"] if ROBUSTNESS else [],
        expand("results/maps/{map}.csv", map=cluster_maps(CONFIG)),
    output:
        "results/bundle.zip",
    log:
        "results/logs/bundle.log",
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        config=CONFIG.file,
        overrides=dict(workflow.config_settings.config),
        checkout=workflow.basedir,
        programs=lambda wildcards: programs(IDLE),
        content=lambda wildcards: packed_files(),
    message:
        "Packing data, code and results into results/bundle.zip"
    script:
        "../scripts/bundle.py"
