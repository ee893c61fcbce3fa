localrules:
    fetch,


rule fetch:
    log:
        "results/logs/fetch.log",
    params:
        sources=LIVE["sources"],
        sidecars=LIVE["sidecars"],
        number=len(LIVE["sources"]),
        units=CONFIG.units,
    message:
        "Asking for {params.number} live source(s)"
    script:
        "../scripts/fetch.py"
