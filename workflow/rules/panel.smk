PANEL_SETTINGS = project.panel_settings(CONFIG)
CODEBOOKS = expand("results/panels/{panel}/codebook.csv", panel=PANELS)


rule panel:
    input:
        figures=FIGURES_READ,
        units=CONFIG.units,
    output:
        expand(
            "results/panels/{{panel}}/{file}",
            file=["panel.parquet", "panel.csv", "columns.csv", "coverage.csv", "lineage.parquet"],
        ),
    log:
        "results/logs/panel_{panel}.log",
    threads: 1
    resources:
        mem_mb=memory(1000, 8),
        runtime=10,
    params:
        settings=lambda wildcards: PANEL_SETTINGS[wildcards.panel],
        code=code("panel.py"),
        content=contents(CONFIG.units),
    message:
        "Building panel {wildcards.panel}"
    script:
        "../scripts/panel.py"


# Words alone: no job that computes reads a codebook, so that a changed label leaves all estimates alone.
rule codebook:
    input:
        expand("results/panels/{panel}/columns.csv", panel=PANELS),
    output:
        CODEBOOKS,
    log:
        "results/logs/codebook.log",
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        settings=project.codebook_settings(CONFIG),
        code=code("codebook.py"),
    message:
        f"Naming the variables of {len(PANELS)} panel(s)"
    script:
        "../scripts/codebook.py"


rule check:
    input:
        CODEBOOKS,
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
