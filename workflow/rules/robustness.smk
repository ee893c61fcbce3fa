from ruralpanel.project import reads as robustness

CURVES = expand("results/models/curves/{curve}.json", curve=list(CONFIG.specification_curves))
FAMILIES = expand("results/models/families/{family}.json", family=list(robustness.families(CONFIG)))
CLAIMED = robustness.claimed_models(CONFIG)
ROBUSTNESS = expand("results/models/robustness/{model}.json", model=list(CLAIMED))


rule curve:
    input:
        panel=lambda wildcards: f"results/panels/{CONFIG.specification_curves[wildcards.curve].panel}/panel.parquet",
        units=CONFIG.units,
    output:
        summary="results/models/curves/{curve}.json",
        rows="results/models/curves/{curve}.parquet",
    log:
        "results/logs/curve_{curve}.log",
    threads: 1
    resources:
        mem_mb=1500,
        runtime=30,
    params:
        settings=lambda wildcards: robustness.curve_settings(CONFIG, wildcards.curve),
        code=code("curve.py"),
        content=contents(CONFIG.units),
    message:
        "Estimating specification curve {wildcards.curve}"
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
            mem_mb=1500,
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
            mem_mb=1500,
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
