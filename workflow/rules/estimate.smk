MODELS = expand("results/models/{model}.json", model=list(CONFIG.models))
CONFIRMATION = ["results/models/confirmation.csv"] if MODELS else []

# One job per panel: the models of a panel share its figures and the price of the imports.
for _panel in ESTIMATED:

    rule:
        name:
            f"estimate_{_panel}"
        input:
            **place_files(CONFIG, project.models_on(CONFIG, _panel)),
            panel=f"results/panels/{_panel}/panel.parquet",
            units=CONFIG.units,
        output:
            expand("results/models/{model}.json", model=project.models_on(CONFIG, _panel)),
        log:
            f"results/logs/estimate_{_panel}.log",
        # Claims, their robustness and the report wait for the models; curves and maps fill what is left of the cores.
        priority: 1
        threads: 1
        resources:
            mem_mb=memory(1500, 25),
            runtime=60,
        params:
            settings=project.estimation_settings(CONFIG, _panel),
            code=code("estimate.py"),
            content=contents(place_files(CONFIG, project.models_on(CONFIG, _panel)), CONFIG.units),
        message:
            f"Estimating {len(project.models_on(CONFIG, _panel))} model(s) on panel {_panel}"
        script:
            "../scripts/estimate.py"


if CONFIRMATION:

    # Nothing but the report waits for it.
    rule confirm:
        input:
            MODELS,
            expand("results/panels/{panel}/panel.parquet", panel=ESTIMATED),
            units=CONFIG.units,
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
            settings=project.confirmation_settings(CONFIG),
            number=len(MODELS),
            code=code("confirm.py"),
            content=contents(CONFIG.units),
        message:
            "Confirming {params.number} model(s) with other libraries"
        script:
            "../scripts/confirm.py"
