"""Download files and renew the live sources; the only script that uses the network."""

import sys
from collections.abc import Mapping
from datetime import date
from typing import Any

from ruralpanel.project.interrupts import starting

with starting("fetch"):
    from ruralpanel.project.problems import Problem, UserError, job, raise_any, refused
    from ruralpanel.project.sidecars import SourceSpec
    from ruralpanel.project.units import load_units
    from ruralpanel.tools.fetch.client import Progress
    from ruralpanel.tools.fetch.download import bring, cache_folder
    from ruralpanel.tools.fetch.fetch import fetch, write_changes


def main(
    sources: Mapping[str, Mapping[str, Any]],
    sidecars: Mapping[str, str],
    downloads: Mapping[str, Mapping[str, Any]],
    cache: str | None,
    units: str,
    results: str,
) -> None:
    """Fetch every source, one after the other; what fails is reported once all have been tried."""
    if not sources and not downloads:
        fix = "docs/data-sources.md has one of each to paste"
        raise UserError(Problem("sources", "", "no source with `url`, `file` or adapter: nbs_api", "one", fix))
    problems = _download(downloads, cache)
    if sources:
        problems += _renew(sources, sidecars, units, results)
    raise_any(problems)


def _download(sources: Mapping[str, Mapping[str, Any]], cache: str | None) -> list[Problem]:
    problems: list[Problem] = []
    folder = cache_folder(cache)
    for name, values in sources.items():
        for download in SourceSpec.from_dict(values).downloads:
            with Progress(name, sys.stderr) as progress:
                try:
                    done = bring(download, folder, progress.say)
                except UserError as error:
                    problems += error.problems
                    continue
                except OSError as error:
                    problems.append(refused(error))
                    continue
            print(f"{name}: {done}", file=sys.stderr)
    return problems


def _renew(
    sources: Mapping[str, Mapping[str, Any]], sidecars: Mapping[str, str], units: str, results: str
) -> list[Problem]:
    problems: list[Problem] = []
    known = load_units(units)
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
    return problems


if __name__ == "__main__":
    with job(snakemake.log[0], snakemake.params.config):
        main(
            sources=snakemake.params.sources,
            sidecars=snakemake.params.sidecars,
            downloads=snakemake.params.downloads,
            cache=snakemake.params.cache,
            units=snakemake.params.units,
            results="results",
        )
