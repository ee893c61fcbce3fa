"""What `snakemake check` prints of the panels: where each variable comes from, its coverage, its size, its breaks."""

from __future__ import annotations

from pathlib import Path

import yaml

from conftest import tiny_config
from ruralpanel.contracts.project import open_project
from ruralpanel.describe import describe


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
        "km,0.0,0.0,0.968,1.0,\nlog_km,1.0,1.0,1.0,1.0,\nempty,0,0,0,0,no figures\n",
        encoding="utf-8",
    )
    printed = describe(open_project([tiny / "config.yaml"]), tiny / "results").splitlines()
    assert (
        "  km [km] from roads.highways: complete but for 2001–2002 0%, 2003 97%; "
        "from 1,470 to 405,000, mean 151,600; breaks 2006: drop"
    ) in printed
    assert "  log_km = log(km): complete; from 7.293 to 12.91, mean 11.25" in printed
    assert "  without figures here: empty" in printed
    assert yaml.safe_load((tiny / "config.yaml").read_text(encoding="utf-8"))["title"] == printed[0]
