"""Renew the live sources; the only script that uses the network."""

import sys
from collections.abc import Mapping
from datetime import date
from typing import Any

from ruralpanel.project.interrupts import starting

with starting("fetch"):
    from ruralpanel.project.problems import Problem, UserError, job, raise_any
    from ruralpanel.project.settings import SourceSpec
    from ruralpanel.project.units import load_units
    from ruralpanel.tools.fetch.client import Progress
    from ruralpanel.tools.fetch.fetch import fetch, write_changes


def main(sources: Mapping[str, Mapping[str, Any]], sidecars: Mapping[str, str], units: str, results: str) -> None:
    """Fetch every source, one after the other; what fails is reported once all have been tried."""
    if not sources:
        raise UserError(
            Problem("sources", "", "no source with adapter: nbs_api", "one", "docs/data-sources.md has one to paste")
        )
    known = load_units(units)
    problems: list[Problem] = []
    for name, values in sources.items():
        with Progress(name, sys.stderr) as progress:
            try:
                fetched = fetch(SourceSpec.from_dict(values), sidecars[name], known, date.today(), progress.say)
            except UserError as error:
                problems += error.problems
                continue
        write_changes(fetched, f"{results}/fetch/{name}/changes.csv")
        print(f"{name}: {fetched.figures} figures from {fetched.asked} answers", file=sys.stderr)
        for line in fetched.lines:
            print(f"  {line}", file=sys.stderr)
    raise_any(problems)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(
            sources=snakemake.params.sources,
            sidecars=snakemake.params.sidecars,
            units=snakemake.params.units,
            results="results",
        )
