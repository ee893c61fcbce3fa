from ruralpanel.project import reads as robustness

CURVES = expand("results/models/curves/{curve}.json", curve=list(CONFIG.specification_curves))
FAMILIES = expand("results/models/families/{family}.json", family=list(robustness.families(CONFIG)))
CLAIMED = robustness.claimed_models(CONFIG)
ROBUSTNESS = expand("results/models/robustness/{model}.json", model=list(CLAIMED))


# One job per panel, as for its models.
for _panel in [panel for panel in PANELS if robustness.curves_on(CONFIG, panel)]:

    rule:
        name:
            f"curve_{_panel}"
        input:
            panel=f"results/panels/{_panel}/panel.parquet",
            units=CONFIG.units,
        output:
            expand(
                "results/models/curves/{curve}.{format}",
                curve=robustness.curves_on(CONFIG, _panel),
                format=["json", "parquet"],
            ),
        log:
            f"results/logs/curve_{_panel}.log",
        threads: 1
        resources:
            mem_mb=memory(1500, 25),
            runtime=60,
        params:
            settings=robustness.curves_settings(CONFIG, _panel),
            code=code("curve.py"),
            content=contents(CONFIG.units),
        message:
            f"Estimating {len(robustness.curves_on(CONFIG, _panel))} specification curve(s) on panel {_panel}"
        script:
            "../scripts/curve.py"


if FAMILIES:

    rule families:
        input:
            **place_files(CONFIG, robustness.family_models(CONFIG)),
            panels=expand(
                "results/panels/{panel}/panel.parquet",
                panel=robustness.panels_of(CONFIG, robustness.family_models(CONFIG)),
            ),
            units=CONFIG.units,
        output:
            FAMILIES,
        log:
            "results/logs/families.log",
        threads: 1
        resources:
            mem_mb=memory(1500, 25),
            runtime=30,
        params:
            settings=robustness.family_settings(CONFIG),
            code=code("families.py"),
            content=contents(place_files(CONFIG, robustness.family_models(CONFIG)), CONFIG.units),
        message:
            "Testing the claims of each family together"
        script:
            "../scripts/families.py"


if ROBUSTNESS:

    rule robustness:
        input:
            **place_files(CONFIG, CLAIMED),
            models=expand("results/models/{model}.json", model=list(CLAIMED)),
            panels=expand(
                "results/panels/{panel}/panel.parquet",
                panel=robustness.panels_of(CONFIG, CLAIMED),
            ),
            columns=expand("results/panels/{panel}/columns.csv", panel=ESTIMATED),
            units=CONFIG.units,
        output:
            ROBUSTNESS,
            summary="results/models/robustness/summary.csv",
        log:
            "results/logs/robustness.log",
        priority: 1
        threads: 1
        resources:
            mem_mb=memory(1500, 25),
            runtime=30,
        params:
            settings=robustness.robustness_settings(CONFIG),
            number=len(CLAIMED),
            code=code("robustness.py"),
            content=contents(place_files(CONFIG, CLAIMED), CONFIG.units),
        message:
            "Checking the robustness of {params.number} model(s) that claims rest on"
        script:
            "../scripts/robustness.py"
