FIGURES_READ = expand("results/ingest/{source}.parquet", source=list(CONFIG.sources))

# One job for all sources, or one for each where they are large.
for _job, _sources in project.jobs_of(CONFIG, CONFIG.sources).items():

    rule:
        name:
            f"ingest{_job}"
        input:
            files=ancient([file for source in _sources for file in CONFIG.sources[source].files]),
            units=ancient(CONFIG.units),
            corrections=ancient(CONFIG.corrections or []),
        output:
            expand("results/ingest/{source}.parquet", source=_sources),
        log:
            f"results/logs/ingest{_job}.log",
        threads: cores(len(_sources))
        resources:
            mem_mb=memory(1000, 12),
            runtime=10,
        params:
            sources=ByHash((source, project.reading_settings(CONFIG, source)) for source in _sources),
            code=code("ingest.py"),
            content=contents([CONFIG.sources[source].files for source in _sources], CONFIG.units, CONFIG.corrections),
        message:
            f"Reading {', '.join(_sources)}"
        script:
            "../scripts/ingest.py"


rule reconcile:
    input:
        figures=FIGURES_READ,
        units=ancient(CONFIG.units),
        control_totals=ancient(CONFIG.control_totals or []),
        corrections=ancient(CONFIG.corrections or []),
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
        compared=ByHash(project.reconcile_settings(CONFIG)),
        checks=CONFIG.checks.to_dict(),
        code=code("reconcile.py"),
        content=contents(CONFIG.units, CONFIG.control_totals, CONFIG.corrections),
    message:
        "Comparing figures with control totals, identities and each other"
    script:
        "../scripts/reconcile.py"
