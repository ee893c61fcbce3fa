from ruralpanel.tools.bundle.contents import code_files
from ruralpanel.tools.bundle.contents import used_files


def programs():
    """What each rule runs and writes, for the page that goes with the archive."""
    made = {"curve": CURVES, "scorecard": SCORECARD, "tables": TABLES, "figures": FIGURES, "maps": MAPS}
    idle = {name for name, files in {**made, "comparison": COMPARISON}.items() if not files}
    scripts = {rule.name: rule for rule in workflow.rules if rule.script and rule.output and rule.name not in idle}
    return [
        {
            "rule": name,
            "script": f"workflow/scripts/{Path(rule.script).name}",
            "output": [str(file) for file in rule.output],
        }
        for name, rule in scripts.items()
        if name != "bundle"
    ]


def packed_files():
    """What the archive holds beside results, by content."""
    code = [str(path) for path in code_files(Path(workflow.basedir))]
    return contents(code, list(used_files(CONFIG)))


rule bundle:
    input:
        RESULTS,
        FIGURES_READ,
        CODEBOOKS,
        expand(
            "results/panels/{panel}/{file}",
            panel=PANELS,
            file=["panel.parquet", "columns.csv", "coverage.csv", "lineage.parquet"],
        ),
        "results/reconciliation/findings.csv",
        "results/report/numbers.json",
        ["results/models/robustness/summary.csv"] if ROBUSTNESS else [],
        expand("results/maps/{map}.csv", map=cluster_maps(CONFIG)),
    output:
        "results/bundle.zip",
    log:
        "results/logs/bundle.log",
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        config=CONFIG.file,
        overrides=dict(workflow.config_settings.config),
        checkout=workflow.basedir,
        programs=lambda wildcards: programs(),
        content=lambda wildcards: packed_files(),
    message:
        "Packing data, code and results into results/bundle.zip"
    script:
        "../scripts/bundle.py"
