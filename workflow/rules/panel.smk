rule panel:
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
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        settings=lambda wildcards: project.panel_settings(CONFIG, wildcards.panel),
        code=code("panel.py"),
        content=contents(CONFIG.units),
    message:
        "Building panel {wildcards.panel}"
    script:
        "../scripts/panel.py"


rule check:
    input:
        expand("results/panels/{panel}/coverage.csv", panel=PANELS),
        "results/reconciliation/findings.csv",
    log:
        "results/logs/check.log",
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        config=CONFIG.file,
        overrides=dict(workflow.config_settings.config),
    message:
        "Checking the configuration and everything it names"
    script:
        "../scripts/check.py"
