FIGURES_READ = expand("results/ingest/{source}.parquet", source=list(CONFIG.sources))


rule ingest:
    input:
        files=lambda wildcards: CONFIG.sources[wildcards.source].files,
        units=CONFIG.units,
        corrections=CONFIG.corrections or [],
    output:
        "results/ingest/{source}.parquet",
    log:
        "results/logs/ingest_{source}.log",
    threads: 1
    resources:
        mem_mb=memory(1000, 12),
        runtime=10,
    params:
        source=lambda wildcards: project.reading_settings(CONFIG, wildcards.source),
        code=code("ingest.py"),
        content=lambda wildcards: contents(CONFIG.sources[wildcards.source].files, CONFIG.units, CONFIG.corrections),
    message:
        "Reading {wildcards.source}"
    script:
        "../scripts/ingest.py"


rule reconcile:
    input:
        figures=FIGURES_READ,
        units=CONFIG.units,
        control_totals=CONFIG.control_totals or [],
        corrections=CONFIG.corrections or [],
    output:
        report(
            "results/reconciliation/findings.csv",
            caption="../captions/findings.rst",
            category="Checks",
            labels={"check": "figures", "form": "csv"},
        ),
    log:
        "results/logs/reconcile.log",
    threads: 1
    resources:
        mem_mb=memory(1000, 6),
        runtime=10,
    params:
        compared=project.reconcile_settings(CONFIG),
        checks=CONFIG.checks.to_dict(),
        code=code("reconcile.py"),
        content=contents(CONFIG.units, CONFIG.control_totals, CONFIG.corrections),
    message:
        "Comparing figures with control totals, identities and each other"
    script:
        "../scripts/reconcile.py"
