"""What a user can get wrong: one clear message each, before anything runs or at the first figure read."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import ROOT, Run, tiny_config
from forked import Starter

Change = Callable[[dict[str, Any], Path], None]


def replaced(folder: Path, old: str, new: str, file: str = "figures.csv") -> None:
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def sidecar(folder: Path, config: dict[str, Any], **series: Any) -> None:
    document = {
        "publisher": "Nobody",
        "title": "Made-up figures",
        "edition": "one",
        "url": "https://example.org",
        "licence": "none",
        "accessed": "2026-01-01",
        "obtained": "made up for a test",
        "files": {"figures.csv": {"sha256": "0" * 64}},
        "series": {
            "output": {"label": "Output", "measure": "10^3 CNY", "column": "output_kcny", "years": [2001, 2008]},
            "lever": {"label": "Lever", "measure": "share", "column": "lever", "years": [2001, 2008], **series},
        },
    }
    if series:
        import hashlib

        digest = hashlib.sha256((folder / "figures.csv").read_bytes()).hexdigest()
        document["files"] = {"figures.csv": {"sha256": digest}}
    (folder / "about.yaml").write_text(yaml.safe_dump(document), encoding="utf-8")
    config["sources"]["made_up"]["about"] = "about.yaml"
    del config["sources"]["made_up"]["series"]


def unknown_key(c: dict[str, Any], f: Path) -> None:
    c["models"]["effect"]["regresors"] = c["models"]["effect"].pop("regressors")


def missing_file(c: dict[str, Any], f: Path) -> None:
    c["sources"]["made_up"]["path"] = "figuress.csv"


def wrong_hash(c: dict[str, Any], f: Path) -> None:
    sidecar(f, c)


def missing_column(c: dict[str, Any], f: Path) -> None:
    c["sources"]["made_up"]["series"]["lever"]["column"] = "levre"


def unknown_unit(c: dict[str, Any], f: Path) -> None:
    replaced(f, "U03,2001", "U0E,2001")


def duplicate(c: dict[str, Any], f: Path) -> None:
    replaced(f, "U03,2002", "U03,2001")


def unconvertible(c: dict[str, Any], f: Path) -> None:
    c["variables"]["output"]["measure"] = "km"


def crossed_break(c: dict[str, Any], f: Path) -> None:
    sidecar(f, c, breaks={2004: {"what": "counted anew"}})


def empty_sample(c: dict[str, Any], f: Path) -> None:
    c["samples"] = {"nobody": {"where": "region == 'Nowhere'"}}
    c["models"]["effect"]["sample"] = "nobody"


def collinear(c: dict[str, Any], f: Path) -> None:
    c["variables"]["twice"] = {"formula": "2 * lever"}
    c["models"]["effect"]["regressors"] = ["lever", "twice"]


def absorbed(c: dict[str, Any], f: Path) -> None:
    c["variables"]["fixed"] = {"formula": "value_at(lever, 2001)"}
    c["models"]["effect"]["regressors"] = ["lever", "fixed"]


def too_few_periods(c: dict[str, Any], f: Path) -> None:
    c["panels"]["main"]["periods"] = [2001]


def missing_glyph(c: dict[str, Any], f: Path) -> None:
    c["variables"]["log_output"]["label"] = "Output \U00013000"


def bad_formula(c: dict[str, Any], f: Path) -> None:
    c["variables"]["log_output"]["formula"] = "log(output / )"


def text_for_a_number(c: dict[str, Any], f: Path) -> None:
    path = f / "figures.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[5] = lines[5].rsplit(",", 1)[0] + ",about three"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


BEFORE_ANY_JOB = [
    (unknown_key, r"config\.yaml: models\.effect\.regresors .*did you mean \"regressors\""),
    (missing_file, r"config\.yaml: sources\.made_up\.path .*figuress\.csv"),
    (wrong_hash, r"about\.yaml: files\.figures\.csv\.sha256 .*000000000000"),
    (unconvertible, r"config\.yaml: variables\.output\.measure .*km"),
    (crossed_break, r"config\.yaml: variables\.lever\.breaks .*2004 \(counted anew\).*drop"),
    (too_few_periods, r"config\.yaml: models\.effect\.estimator .*1 period.*at least 2"),
    (bad_formula, r"config\.yaml: variables\.log_output\.formula"),
]
AT_THE_FIGURES = [
    (missing_column, r"figures\.csv.*levre.*lever"),
    (unknown_unit, r"figures\.csv.*row 18.*U0E.*did you mean"),
    (duplicate, r"figures\.csv: row 19: found a second row for U03, 2001.*row 18"),
    (text_for_a_number, r"figures\.csv.*row 6.*about three.*number"),
    (empty_sample, r"models\.effect|samples\.nobody"),
    (collinear, r"models\.effect\.regressors.*collinear"),
    (absorbed, r"models\.effect\.regressors.*fixed.*unit"),
    (missing_glyph, r"U\+13000|\U00013000"),
]


@pytest.mark.parametrize(
    ("change", "message"), [*BEFORE_ANY_JOB, *AT_THE_FIGURES], ids=lambda v: getattr(v, "__name__", "")
)
def test_message(change: Change, message: str, tiny: Path, snakemake: Run) -> None:
    config = tiny_config()
    change(config, tiny)
    (tiny / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    run = snakemake(tiny)
    output = run.stdout + run.stderr
    assert run.returncode == 1
    assert re.search(message, output), output
    assert "Traceback" not in output
    partial = [p for p in (tiny / "results").rglob("*") if ".part" in p.name]
    assert not partial
    if (change, message) in BEFORE_ANY_JOB:
        assert not (tiny / "results").exists()


def test_all_problems_come_at_once(tiny: Path, snakemake: Run) -> None:
    config = tiny_config()
    for change in (missing_file, unconvertible):
        change(config, tiny)
    config["models"]["effect"]["outcome"] = "log_outptu"
    config["units"] = "unitz.csv"
    (tiny / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    output = snakemake(tiny).stderr
    assert "4 problems" in output
    assert all(word in output for word in ("figuress.csv", "unitz.csv", "km", "log_outptu"))


def test_what_fails_costs_nothing_else_and_a_mended_run_goes_on(tiny: Path, snakemake: Run) -> None:
    """A model, then a figure fails: what is finished stays, and the rest is made once it is mended."""
    config = tiny_config()
    config["report"] = {"formats": ["html"]}
    collinear(config, tiny)
    config["models"] |= {name: config["models"]["effect"] | {"regressors": ["lever"]} for name in ("before", "good")}
    config["models"]["effect"], config["models"]["bad"] = config["models"]["before"], config["models"]["effect"]
    (tiny / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    run = snakemake(tiny)
    assert run.returncode == 1
    assert "models.bad.regressors" in run.stderr
    models = tiny / "results/models"
    assert {path.stem for path in models.glob("*.json")} == {"effect", "before", "good"}
    assert snakemake(tiny).returncode == 1

    config["models"]["bad"] = config["models"]["effect"]
    glyph = "Output \U00013000"
    config["figures"]["bad"] = config["figures"]["effect"] | {"title": glyph}
    config["figures"]["later"] = config["figures"]["effect"]
    (tiny / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    run = snakemake(tiny, "--keep-going")
    assert run.returncode == 1
    assert "Building panel" not in run.stderr
    assert "figures.bad" in run.stderr and "incomplete" not in run.stderr
    assert (models / "bad.json").is_file()
    drawn = {path.stem for path in (tiny / "results/figures").glob("*.svg")}
    assert drawn == {"effect", "later"}

    config["figures"]["bad"]["title"] = "Output"
    (tiny / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    run = snakemake(tiny)
    assert run.returncode == 0, run.stderr
    assert "Estimating" not in run.stderr
    assert (tiny / "results/figures/bad.svg").is_file()
    assert "Nothing to be done" in snakemake(tiny).stderr


@pytest.mark.parametrize(
    ("text", "words", "said"),
    [
        ("title: Wage: main\n", (), 'fix: quote the text: title: "Wage: main"'),
        ("title: Wage: main\n", (), "bad.yaml: line 1, column 12: found a second colon where a value stands"),
        ("title: a\nlanguage：en\nunits: u.csv\n", (), 'line 2: found a full-width colon after "language"'),
        ("title: a\n", ("check",), "fix: name targets first: snakemake check --configfile bad.yaml"),
        ("title: a\n", ("config.yaml",), "expected one configuration file"),
    ],
)  # fmt: skip
def test_faults_under_configfile_are_named_before_snakemake_reads_it(
    tiny: Path, starter: Starter, text: str, words: tuple[str, ...], said: str
) -> None:
    (tiny / "bad.yaml").write_text(text, encoding="utf-8")
    command = ("-m", "snakemake", "-s", str(ROOT / "Snakefile"), "-n", "--configfile", "bad.yaml", *words)
    run = starter.run(command, tiny)
    assert run.returncode == 1 and said in run.stderr and "Traceback" not in run.stderr + run.stdout
