rule panel:
    message:
        "Building panel {wildcards.panel}"
    input:
        figures=FIGURES_READ,
        units=CONFIG.units,
    output:
        expand(
            "results/panels/{{panel}}/{file}",
            file=["panel.parquet", "panel.csv", "codebook.csv", "coverage.csv", "lineage.parquet"],
        ),
    log:
        "results/logs/panel_{panel}.log",
    params:
        settings=lambda wildcards: project.panel_settings(CONFIG, wildcards.panel),
        code=code("panel.py"),
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    script:
        "../scripts/panel.py"


rule check:
    message:
        "The configuration and everything it names are in order"
    input:
        expand("results/panels/{panel}/coverage.csv", panel=PANELS),
        "results/reconciliation/findings.csv",
    log:
        "results/logs/check.log",
    params:
        config=CONFIG.file,
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    script:
        "../scripts/check.py"
