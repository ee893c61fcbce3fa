FORMATS = ["csv", "tex", "html", "docx", "json"]
TABLES = expand("results/tables/{table}.{format}", table=list(CONFIG.tables), format=FORMATS)
WORKBOOK = ["results/tables/tables.xlsx"] if CONFIG.tables else []
FIGURES = expand("results/figures/{figure}.{format}", figure=list(CONFIG.figures), format=["png", "svg"])
# A run that asks for single tables or charts makes each by a job of its own.
TABLES_EACH = "_{table}" if alone("tables", "table") and not set(WORKBOOK) & set(sys.argv) else ""
TABLES_MADE = expand("results/tables/{{table}}.{format}", format=FORMATS) if TABLES_EACH else [*TABLES, *WORKBOOK]
FIGURES_EACH = "_{figure}" if alone("figures", "figure") else ""
FIGURES_MADE = expand("results/figures/{{figure}}.{format}", format=["png", "svg"]) if FIGURES_EACH else FIGURES
MAPS = expand("results/maps/{map}.{format}", map=list(CONFIG.maps), format=["png", "svg", "gpkg"])
SCORECARD = ["results/scorecard.csv", "results/scorecard.json", "results/evidence.csv"] if CONFIG.hypotheses else []
COMPARISON = ["results/report/comparison.html"] if compared_folder(CONFIG) else []
MATRICES_SHOWN = [matrix["path"] for matrix in map_matrices(CONFIG).values() if matrix["type"] == "file"]
REPORTS = expand("results/report/report.{format}", format=CONFIG.report.formats)
REPORTS += ["results/report/appendix.pdf"] if "pdf" in CONFIG.report.formats else []


rule scorecard:
    input:
        models=project.claim_files(CONFIG),
        curves=CURVES,
        families=FAMILIES,
        robustness=ROBUSTNESS,
        columns=expand("results/panels/{panel}/columns.csv", panel=ESTIMATED),
    output:
        csv=report(
            "results/scorecard.csv",
            caption="../captions/scorecard.rst",
            category="Report",
            labels={"document": "scorecard", "form": "csv"},
        ),
        json="results/scorecard.json",
        evidence="results/evidence.csv",
    log:
        "results/logs/scorecard.log",
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        hypotheses=ByHash(CONFIG.resolved["hypotheses"]),
        number=len(CONFIG.hypotheses),
        config=CONFIG.file,
        code=code("scorecard.py"),
    message:
        "Holding {params.number} claim(s) against the estimates"
    script:
        "../scripts/scorecard.py"


rule tables:
    input:
        results=lambda wildcards: project.table_files(CONFIG, tuple(wildcards)),
        units=ancient(CONFIG.units),
    output:
        exhibits(TABLES_MADE, "html", "Tables", "table"),
    log:
        f"results/logs/tables{TABLES_EACH}.log",
    wildcard_constraints:
        table=one_of(CONFIG.tables),
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        tables=lambda wildcards: chosen(CONFIG.resolved["tables"], wildcards),
        sources=lambda wildcards: ByHash(
            (name, project.table_sources(CONFIG, name)) for name in tuple(wildcards) or CONFIG.tables
        ),
        titles=ByHash(project.model_titles(CONFIG)),
        names=ByHash(project.names_in_print(CONFIG.resolved, CONFIG.language)),
        number=lambda wildcards: len(chosen(CONFIG.resolved["tables"], wildcards)),
        language=CONFIG.language,
        config=CONFIG.file,
        code=code("tables.py"),
        content=contents(CONFIG.units),
    message:
        "Setting {params.number} table(s)"
    script:
        "../scripts/tables.py"


rule figures:
    input:
        results=lambda wildcards: project.figure_files(CONFIG, tuple(wildcards)),
        units=ancient(CONFIG.units),
    output:
        exhibits(FIGURES_MADE, "svg", "Figures", "chart"),
    log:
        f"results/logs/figures{FIGURES_EACH}.log",
    wildcard_constraints:
        figure=one_of(CONFIG.figures),
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        figures=lambda wildcards: chosen(CONFIG.resolved["figures"], wildcards),
        sources=lambda wildcards: ByHash(
            (name, project.figure_sources(CONFIG, name)) for name in tuple(wildcards) or CONFIG.figures
        ),
        titles=ByHash(project.model_titles(CONFIG)),
        names=ByHash(project.names_in_print(CONFIG.resolved, CONFIG.language)),
        number=lambda wildcards: len(chosen(CONFIG.resolved["figures"], wildcards)),
        language=CONFIG.language,
        config=CONFIG.file,
        code=code("figures.py"),
        content=contents(CONFIG.units),
    message:
        "Drawing {params.number} figure(s)"
    script:
        "../scripts/figures.py"


rule maps:
    input:
        results=project.map_files(CONFIG),
        units=ancient(CONFIG.units),
        boundaries=ancient(CONFIG.boundaries or []),
        matrices=ancient(MATRICES_SHOWN),
    output:
        exhibits(MAPS, "svg", "Maps", "map"),
        expand("results/maps/{map}.csv", map=cluster_maps(CONFIG)),
    log:
        "results/logs/maps.log",
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        maps=ByHash(CONFIG.resolved["maps"]),
        panels={name: project.panel_shown(CONFIG, item) for name, item in CONFIG.maps.items()},
        number=len(CONFIG.maps),
        weights_matrices=map_matrices(CONFIG),
        seed=CONFIG.seed,
        config=CONFIG.file,
        language=CONFIG.language,
        boundaries_note=project.boundaries_note(CONFIG),
        code=code("maps.py"),
        content=contents(CONFIG.units, CONFIG.boundaries, MATRICES_SHOWN),
    message:
        "Drawing {params.number} map(s)"
    script:
        "../scripts/maps.py"


rule comparison:
    input:
        MODELS,
        SCORECARD,
        expand(
            "results/panels/{panel}/{file}",
            panel=PANELS,
            file=["panel.parquet", "columns.csv", "lineage.parquet"],
        ),
        ancient(compared_files(CONFIG)),
    output:
        page="results/report/comparison.html",
        cells="results/report/comparison.csv",
    log:
        "results/logs/comparison.log",
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        old=compared_folder(CONFIG),
        language=CONFIG.language,
        code=code("comparison.py"),
        content=contents(compared_files(CONFIG)),
    message:
        "Comparing the results with {params.old}"
    script:
        "../scripts/comparison.py"


rule report:
    input:
        MODELS,
        CONFIRMATION,
        COMPARISON,
        CURVES,
        ROBUSTNESS,
        SCORECARD,
        FIGURES,
        MAPS,
        expand("results/maps/{map}.csv", map=cluster_maps(CONFIG)),
        expand("results/tables/{table}.json", table=list(CONFIG.tables)),
        expand("results/panels/{panel}/{file}.csv", panel=PANELS, file=["codebook", "coverage"]),
        expand("results/panels/{panel}/{file}.parquet", panel=PANELS, file=["lineage", "panel"]),
        ancient([CONFIG.units, *filter(None, [CONFIG.boundaries])]),
        expand("results/panels/{panel}/panel.csv", panel=project.story_panels(CONFIG)),
        expand("results/ingest/{source}.parquet", source=list(CONFIG.sources)),
        ancient([*project.sidecar_files(CONFIG), *evidence_files(CONFIG)]),
        findings="results/reconciliation/findings.csv",
    output:
        exhibits(exhibits(REPORTS, "html", "Report", "document"), "pdf", "Report", "document"),
        "results/report/numbers.json",
    log:
        "results/logs/report.log",
    threads: 1
    resources:
        mem_mb=1500,
        runtime=10,
    params:
        config=ByHash(CONFIG.resolved),
        config_file=CONFIG.file,
        root=CONFIG.root,
        code=code("report.py"),
        version=lambda wildcards: str(version_of()),
        content=contents(project.sidecar_files(CONFIG), CONFIG.units, CONFIG.boundaries, evidence_files(CONFIG)),
    message:
        "Writing the report"
    script:
        "../scripts/report.py"
