"""What users type beside ``snakemake``: trace, describe, explain, new-source, new-units, compare, verify, schema."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ruralpanel.project.jobs import open_project
from ruralpanel.project.load import DEFAULT_FILE
from ruralpanel.project.periods import parse
from ruralpanel.project.problems import UserError, raise_any, refused


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; a user's mistake is printed in words and gives exit code 1."""
    options = _parser().parse_args(arguments)
    try:
        print(options.run(options))
    except UserError as error:
        print(error.of(options.configfile).report(f"ruralpanel {options.command}"), file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 0
    except OSError as error:
        print(UserError(refused(error)).report(f"ruralpanel {options.command}"), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"ruralpanel {options.command}: interrupted", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ruralpanel", description=__doc__)
    parser.add_argument("--configfile", default=DEFAULT_FILE, help="configuration (default: %(default)s)")
    parser.add_argument("--results", default="results", help="folder of the results (default: %(default)s)")
    commands = parser.add_subparsers(dest="command", required=True)

    trace = commands.add_parser("trace", help="one figure's way back to its source cell")
    trace.add_argument("variable")
    trace.add_argument("unit", help="id or any name of the unit")
    trace.add_argument("period", type=_period, help="a year, a quarter as 2012Q3 or a month as 2012-07")
    trace.add_argument("--panel", default="", help="the panel, where several hold the figure")
    trace.set_defaults(run=_trace)

    describe = commands.add_parser("describe", help="sources, coverage and breaks, of all or of single variables")
    describe.add_argument("variables", nargs="*", metavar="VARIABLE", help="everything about this variable")
    describe.set_defaults(run=_describe)
    explain = commands.add_parser("explain", help="the settings of one entry of the configuration, and their places")
    explain.add_argument("entry", help="such as models.interaction, series.highway_km or claims.H1")
    explain.set_defaults(run=_explain)
    new_source = commands.add_parser("new-source", help="look at a file and print an entry for `sources`")
    new_source.add_argument("file")
    new_source.add_argument("--year", type=int, help="year of the figures, where no column holds it")
    new_source.add_argument("--about", action="store_true", help="print a sidecar, with hashes, years and ranges")
    new_source.set_defaults(run=_new_source)
    new_units = commands.add_parser("new-units", help="print a units file with the units that a table names")
    new_units.add_argument("file")
    new_units.add_argument("--id", required=True, metavar="COLUMN", help="column of the ids")
    new_units.add_argument("--name", default="", metavar="COLUMN", help="column of the names")
    new_units.add_argument("--attribute", action="append", default=[], metavar="COLUMN", help="further column to keep")
    new_units.add_argument(
        "--part", action="append", default=[], metavar="NAME=N", help="attribute from the id's first N characters"
    )
    new_units.set_defaults(run=_new_units)
    compare = commands.add_parser("compare", help="what differs between two folders of results, and why")
    compare.add_argument("old")
    compare.add_argument("new")
    compare.add_argument("--html", default="", metavar="FILE", help="write everything that moved as a page")
    compare.add_argument(
        "--csv", default="", metavar="FILE", help="write every figure that moved, with causes and places"
    )
    compare.add_argument("--language", default="en", choices=["en", "zh"], help="of the page (default: %(default)s)")
    compare.set_defaults(run=_compare)
    verify = commands.add_parser("verify", help="build the results of an unpacked bundle again and say which differ")
    verify.add_argument("folder", nargs="?", default=".", help="the bundle's (default: this one)")
    verify.add_argument("--cores", default="all", help="of the run (default: %(default)s)")
    verify.set_defaults(run=_verify)
    schema = commands.add_parser("schema", help="write what is made of the declared keys and kinds anew")
    schema.set_defaults(run=_schema)
    return parser


def _period(text: str) -> int:
    found = parse(text)
    if found is None:
        raise argparse.ArgumentTypeError(f'"{text}" is no year, quarter (2012Q3) or month (2012-07)')
    return found


def _trace(options: argparse.Namespace) -> str:
    from ruralpanel.tools.trace import trace

    config = open_project([options.configfile])
    return trace(options.results, config, options.variable, options.unit, options.period, options.panel)


def _describe(options: argparse.Namespace) -> str:
    from ruralpanel.tools.describe import describe, describe_variables

    config = open_project([options.configfile])
    if options.variables:
        return describe_variables(config, options.variables, options.results)
    return describe(config, options.results)


def _explain(options: argparse.Namespace) -> str:
    from ruralpanel.project.load import read_config
    from ruralpanel.tools.explain import explain

    return explain(read_config(options.configfile), options.entry)


def _new_source(options: argparse.Namespace) -> str:
    from ruralpanel.project.units import load_units
    from ruralpanel.project.written import read_written
    from ruralpanel.tools.new_source.inspect import inspect_source, inspect_with_sidecar

    configuration = Path(options.configfile)
    # Only names are asked of the configuration: it may be half written.
    values = read_written(configuration).values if configuration.is_file() else {}
    file = configuration.parent / str(values.get("units") or "")
    units = load_units(file) if file.is_file() else None
    taken = [name for section in ("sources", "series", "variables") for name in values.get(section) or ()]
    look = inspect_with_sidecar if options.about else inspect_source
    return look(options.file, units, configuration.parent, options.year, taken)


def _new_units(options: argparse.Namespace) -> str:
    from ruralpanel.tools.new_units import new_units, parts_of

    return new_units(options.file, options.id, options.name, options.attribute, parts_of(options.part)).rstrip("\n")


def _compare(options: argparse.Namespace) -> str:
    from ruralpanel.tools.compare.compare import compare, summary

    written = [file for file in (options.html, options.csv) if file]
    if written:
        from ruralpanel.tools.compare.page import require_replaceable

        require_replaceable(written)
    _require_current([options.old, options.new], options)
    found = compare(options.old, options.new)
    if options.csv:
        from ruralpanel.tools.compare.page import write_cells

        write_cells(found, options.csv)
    if options.html:
        from ruralpanel.tools.compare.page import write_page

        write_page(found, options.html, options.old, options.new, options.language, options.csv)
    return summary(found, f"written: {', '.join(written)}" if written else "--html FILE and --csv FILE list everything")


def _verify(options: argparse.Namespace) -> str:
    from ruralpanel.tools.bundle.verify import verify

    found = verify(Path(options.folder), options.cores)
    if not found.passed:
        print(found)
        raise SystemExit(1)
    return str(found)


def _schema(options: argparse.Namespace) -> str:
    from ruralpanel.tools.generated import write

    return f"written: {', '.join(write()) or 'nothing, all is current'}"


def _require_current(folders: Sequence[str], options: argparse.Namespace) -> None:
    """Refuse to quote this project's results where its sources have changed since; kept folders are as they are."""
    from ruralpanel.data.lineage import changed_since

    if Path(options.results).resolve() not in [Path(folder).resolve() for folder in folders]:
        return
    try:
        sources = open_project([options.configfile]).sources.values()
    except UserError:  # the folders can be compared all the same
        return
    lineages = sorted(Path(options.results).glob("panels/*/lineage.parquet"))
    raise_any(dict.fromkeys(problem for path in lineages for problem in changed_since(path, sources)))
