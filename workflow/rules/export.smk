EXPORTS = list(project.export_files(CONFIG))


if EXPORTS:

    # Nothing waits for it.
    rule export:
        input:
            MODELS,
            expand("results/panels/{panel}/{file}", panel=ESTIMATED, file=["panel.parquet", "codebook.csv"]),
            units=ancient(CONFIG.units),
        output:
            EXPORTS,
        log:
            "results/logs/export.log",
        threads: 1
        resources:
            mem_mb=memory(1500, 25),
            runtime=10,
        params:
            settings=ByHash(project.confirmation_settings(CONFIG)),
            titles=ByHash(project.model_titles(CONFIG)),
            language=CONFIG.language,
            number=len(MODELS),
            code=code("export.py"),
            content=contents(CONFIG.units),
        message:
            "Writing {params.number} model(s) as scripts of R, Stata and Python"
        script:
            "../scripts/export.py"
