from ruralpanel.project import reads as robustness

CURVES = expand("results/models/curves/{curve}.json", curve=list(CONFIG.specification_curves))
FAMILIES = expand("results/models/families/{family}.json", family=list(robustness.families(CONFIG)))
CLAIMED = robustness.claimed_models(CONFIG)
ROBUSTNESS = expand("results/models/robustness/{model}.json", model=list(CLAIMED))


# As for models.
for _job, _panels in project.jobs_of(CONFIG, [one for one in PANELS if robustness.curves_on(CONFIG, [one])]).items():
    _curves = robustness.curves_on(CONFIG, _panels)

    rule:
        name:
            f"curve{_job}"
        input:
            panels=expand("results/panels/{panel}/panel.parquet", panel=_panels),
            units=ancient(CONFIG.units),
        output:
            expand(
                "results/models/curves/{curve}.{format}",
                curve=_curves,
                format=["json", "parquet"],
            ),
        log:
            f"results/logs/curve{_job}.log",
        threads: cores(len(_curves))
        resources:
            mem_mb=memory(1500, 25, cores(len(_curves))),
            runtime=60,
        params:
            settings=ByHash(robustness.curves_settings(CONFIG, _panels)),
            code=code("curve.py"),
            content=contents(CONFIG.units),
        message:
            f"Estimating {len(_curves)} specification curve(s) on {', '.join(_panels)}"
        script:
            "../scripts/curve.py"


if FAMILIES:

    rule families:
        input:
            **places(robustness.family_models(CONFIG)),
            panels=expand(
                "results/panels/{panel}/panel.parquet",
                panel=robustness.panels_of(CONFIG, robustness.family_models(CONFIG)),
            ),
            units=ancient(CONFIG.units),
        output:
            FAMILIES,
        log:
            "results/logs/families.log",
        threads: 1
        resources:
            mem_mb=memory(1500, 25),
            runtime=30,
        params:
            settings=ByHash(robustness.family_settings(CONFIG)),
            code=code("families.py"),
            content=contents(place_files(CONFIG, robustness.family_models(CONFIG)), CONFIG.units),
        message:
            "Testing the claims of each family together"
        script:
            "../scripts/families.py"


if ROBUSTNESS:

    rule robustness:
        input:
            **places(CLAIMED),
            models=expand("results/models/{model}.json", model=list(CLAIMED)),
            panels=expand(
                "results/panels/{panel}/panel.parquet",
                panel=robustness.panels_of(CONFIG, CLAIMED),
            ),
            columns=expand("results/panels/{panel}/columns.csv", panel=ESTIMATED),
            units=ancient(CONFIG.units),
        output:
            ROBUSTNESS,
            summary="results/models/robustness/summary.csv",
        log:
            "results/logs/robustness.log",
        priority: 1
        threads: cores(len(CLAIMED))
        resources:
            mem_mb=memory(1500, 25, cores(len(CLAIMED))),
            runtime=30,
        params:
            settings=ByHash(robustness.robustness_settings(CONFIG)),
            number=len(CLAIMED),
            code=code("robustness.py"),
            content=contents(place_files(CONFIG, CLAIMED), CONFIG.units),
        message:
            "Checking the robustness of {params.number} model(s) that claims rest on"
        script:
            "../scripts/robustness.py"
