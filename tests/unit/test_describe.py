"""What `snakemake check` prints of the panels: where each variable comes from, its coverage, its size, its breaks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import yaml

from conftest import tiny_config
from ruralpanel.adapters.cells import with_remarks
from ruralpanel.contracts.problems import Problem
from ruralpanel.contracts.project import open_project
from ruralpanel.describe import describe
from ruralpanel.reconcile.finding import Finding, to_frame


def test_a_line_for_each_variable(tiny: Path) -> None:
    panel = next(iter(tiny_config()["panels"]))  # type: ignore[call-overload]
    folder = tiny / "results" / "panels" / panel
    folder.mkdir(parents=True)
    (folder / "codebook.csv").write_text(
        "variable,measure,formula,source,series,mean,min,max,breaks\n"
        "km,km,,roads,highways,151600.5,1470,405000,2006: drop\n"
        "log_km,,log(km),,,11.25,7.293,12.91,\n"
        "empty,km,,roads,tracks,,,,\n",
        encoding="utf-8",
    )
    (folder / "coverage.csv").write_text(
        "variable,2001,2002,2003,2004,remark\n"
        "km,0.0,0.0,0.968,1.0,\nlog_km,0.0,1.0,1.0,1.0,\nempty,0,0,0,0,no figures\n",
        encoding="utf-8",
    )
    printed = describe(open_project([tiny / "config.yaml"]), tiny / "results").splitlines()
    assert (
        "  km [km] from roads.highways: complete but for 2001–2002 0%, 2003 97%; "
        "from 1,470 to 405,000, mean 151,600; breaks 2006: drop"
    ) in printed
    assert "  look at the periods: no variable has a figure in 2001" in printed
    assert "  log_km = log(km): complete but for 2001 0%; from 7.293 to 12.91, mean 11.25" in printed
    assert "  without figures here: empty" in printed
    assert yaml.safe_load((tiny / "config.yaml").read_text(encoding="utf-8"))["title"] == printed[0]


def test_what_a_source_leaves_aside_is_named(tiny: Path) -> None:
    source = next(iter(tiny_config()["sources"]))  # type: ignore[call-overload]
    remark = Problem("roads.csv", "column 20l1年", "a column that is not read", "columns named {period}年")
    ingest = tiny / "results" / "ingest"
    ingest.mkdir(parents=True)
    with_remarks(pd.DataFrame({"x": [1]}), [remark]).to_parquet(ingest / f"{source}.parquet")
    printed = describe(open_project([tiny / "config.yaml"]), tiny / "results").splitlines()
    assert f"    look at {remark}" in printed


def test_figures_outside_their_range_are_named(tiny: Path) -> None:
    finding = Finding("range", "roads", "highways", "AA", 2001, -4.5, 0.0, 4.5, "a negative figure of km")
    folder = tiny / "results" / "reconciliation"
    folder.mkdir(parents=True)
    declared, other = replace(finding, declared=True, unit="BB"), replace(finding, check="jump")
    to_frame([declared, other, *[finding] * 7]).to_csv(folder / "findings.csv", index=False)
    printed = describe(open_project([tiny / "config.yaml"]), tiny / "results").splitlines()
    assert printed.count("  look at roads.highways, AA, 2001: -4.5, a negative figure of km") == 5
    assert any(line.startswith("  and 2 more figures outside their range") for line in printed)
    assert not any("BB" in line for line in printed)
