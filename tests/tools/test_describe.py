"""What `snakemake check` and `describe` print: where each variable comes from, its coverage, its size, its breaks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import yaml

from conftest import tiny_config
from ruralpanel.data.adapters.cells import with_remarks
from ruralpanel.data.reconcile.findings import Finding, to_frame
from ruralpanel.project.jobs import open_project
from ruralpanel.project.notes import note
from ruralpanel.project.problems import Problem, UserError
from ruralpanel.tools.describe import describe, describe_variables, verdict


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
        "  km [km] from roads.highways: figures of no unit in 2001–2002, 97 % of the units in 2003, "
        "all others in full; from 1,470 to 405,000, mean 151,600; breaks 2006: drop"
    ) in printed
    assert "  look at the periods: no variable has a figure in 2001" in printed
    assert (
        "  log_km = log(km): figures of no unit in 2001, all others in full; from 7.293 to 12.91, mean 11.25" in printed
    )
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
    finding = Finding(
        "range", "roads", "highways", "AA", 2001, -4.5, 0.0, 4.5, note("finding_negative", measure="km", bound=0.0)
    )
    folder = tiny / "results" / "reconciliation"
    folder.mkdir(parents=True)
    declared, other = replace(finding, declared=True, unit="BB"), replace(finding, check="jump")
    to_frame([declared, other, *[finding] * 7]).to_csv(folder / "findings.csv", index=False)
    printed = describe(open_project([tiny / "config.yaml"]), tiny / "results").splitlines()
    start = "  look at roads.highways, AA, 2001: -4.5, a negative figure of km;"
    assert sum(line.startswith(start) for line in printed) == 5
    assert any(line.startswith("  and 2 more figures outside their range") for line in printed)
    assert not any("BB" in line for line in printed)


def test_a_right_configuration_gets_a_short_verdict(tiny: Path) -> None:
    config = open_project([tiny / "config.yaml"])
    folder = tiny / "results" / "panels" / "main"
    folder.mkdir(parents=True)
    header = ",".join(map(str, range(2001, 2009)))
    rows = [f"v{i},{','.join(['1.0'] * 8)}," for i in range(200)] + [
        f"w{i},0.5,{','.join(['1.0'] * 7)}," for i in range(9)
    ]
    text = "\n".join([f"variable,{header},remark", *rows, f"gone,{','.join(['0'] * 8)},no figures"])
    (folder / "coverage.csv").write_text(text + "\n", encoding="utf-8")
    printed = verdict(config, tiny / "results").splitlines()
    assert printed[0].endswith("and everything it names are in order: 1 source, 1 panel, 3 variables, 1 model.")
    assert printed[1] == (
        "  panel main (2001–2008): 200 variables complete, 9 with gaps (w0, w1, w2, …), 1 without figures (gone)"
    )
    assert len(printed) == 3


def test_everything_about_one_variable(tiny: Path) -> None:
    config = open_project([tiny / "config.yaml"])
    printed = describe_variables(config, ["output", "log_output"], tiny / "results")
    assert "output\n  from made_up.output [10^3 CNY], here in CNY\n" in printed
    assert "read by formulas: log_output; by models: none; through formulas by models: effect\n" in printed
    assert "log_output: Output (log)\n  formula: log(output / 1000)\n" in printed and "by models: effect" in printed
    with pytest.raises(UserError, match='did you mean "output"'):
        describe_variables(config, ["outputt"])
