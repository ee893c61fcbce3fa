localrules:
    fetch,


rule fetch:
    log:
        "results/logs/fetch.log",
    params:
        sources=FETCHED["sources"],
        sidecars=FETCHED["sidecars"],
        downloads=FETCHED["downloads"],
        cache=FETCHED["cache"],
        number=len(FETCHED["sources"]) + len(FETCHED["downloads"]),
        units=CONFIG.units,
        config=CONFIG.file,
    message:
        "Fetching the files of {params.number} source(s)"
    script:
        "../scripts/fetch.py"
