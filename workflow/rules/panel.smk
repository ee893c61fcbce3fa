CODEBOOKS = expand("results/panels/{panel}/codebook.csv", panel=PANELS)

# One job for all panels, or one for each where figures are large.
for _job, _panels in project.jobs_of(CONFIG, PANELS).items():

    rule:
        name:
            f"panel{_job}"
        input:
            figures=FIGURES_READ,
            units=ancient(CONFIG.units),
        output:
            expand(
                "results/panels/{panel}/{file}",
                panel=_panels,
                file=["panel.parquet", "panel.csv", "columns.csv", "coverage.csv", "lineage.parquet"],
            ),
        log:
            f"results/logs/panel{_job}.log",
        # All else waits for them.
        priority: 2
        threads: cores(len(_panels))
        resources:
            mem_mb=memory(1000, 8),
            runtime=10,
        params:
            settings=ByHash(project.panel_settings(CONFIG, _panels)),
            code=code("panel.py"),
            content=contents(CONFIG.units),
        message:
            f"Building panel(s) {', '.join(_panels)}"
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
        settings=ByHash(project.codebook_settings(CONFIG)),
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
