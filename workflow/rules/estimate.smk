MODELS = expand("results/models/{model}.json", model=list(CONFIG.models))
CONFIRMATION = ["results/models/confirmation.csv"] if MODELS else []

# One job for the models of all panels, or one for those of each panel where figures are large.
for _job, _panels in project.jobs_of(CONFIG, ESTIMATED).items():
    _models = project.models_on(CONFIG, _panels)

    rule:
        name:
            f"estimate{_job}"
        input:
            **places(_models),
            panels=expand("results/panels/{panel}/panel.parquet", panel=_panels),
            units=ancient(CONFIG.units),
        output:
            expand("results/models/{model}.json", model=_models),
        log:
            f"results/logs/estimate{_job}.log",
        # Claims, their robustness and the report wait for the models; curves and maps fill what is left of the cores.
        priority: 1
        threads: cores(len(_models))
        resources:
            mem_mb=memory(1500, 25, cores(len(_models))),
            runtime=60,
        params:
            settings=ByHash(project.estimation_settings(CONFIG, _panels)),
            code=code("estimate.py"),
            content=contents(place_files(CONFIG, _models), CONFIG.units),
        message:
            f"Estimating {len(_models)} model(s) on {', '.join(_panels)}"
        script:
            "../scripts/estimate.py"


if CONFIRMATION:

    # Nothing but the report waits for it.
    rule confirm:
        input:
            MODELS,
            expand("results/panels/{panel}/panel.parquet", panel=ESTIMATED),
            units=ancient(CONFIG.units),
        output:
            report(
                CONFIRMATION,
                caption="../captions/confirmation.rst",
                category="Checks",
                labels={"check": "other libraries", "form": "csv"},
            ),
        log:
            "results/logs/confirm.log",
        threads: 1
        resources:
            mem_mb=memory(1500, 25),
            runtime=30,
        params:
            settings=ByHash(project.confirmation_settings(CONFIG)),
            number=len(MODELS),
            code=code("confirm.py"),
            content=contents(CONFIG.units),
        message:
            "Confirming {params.number} model(s) with other libraries"
        script:
            "../scripts/confirm.py"
