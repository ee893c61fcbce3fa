"""Jobs of the workflow: no word reaches those that compute, what fails costs nothing else, the log says how far."""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import tiny_config
from ruralpanel.project import jobs, reads
from ruralpanel.project.check import check
from ruralpanel.project.load import read_config
from ruralpanel.project.problems import LOG, Problem, UserError, duration, job, left, pieces, tracked
from ruralpanel.project.sidecars import SourceSpec


def settings(folder: Path, config: dict[str, Any]) -> list[dict[str, Any]]:
    """What the jobs that compute receive."""
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    read = read_config(str(path))
    assert not list(check(read))
    return [
        jobs.reading_settings(read, "made_up"),
        jobs.panel_settings(read, ["main"]),
        jobs.estimation_settings(read, ["main"]),
        reads.curves_settings(read, ["main"]),
        reads.family_settings(read),
        reads.robustness_settings(read),
    ]


def test_no_word_reaches_a_job_that_computes(tiny: Path) -> None:
    config: dict[str, Any] = tiny_config()
    config["samples"] = {"early": {"drop_periods": [2008]}}
    config["models"]["effect"]["sample"] = "early"
    config["hypotheses"]["T1"] |= {"family": "levers", "robustness": "choices"}
    config["specification_curves"] = {
        "choices": {"panel": "main", "term": "lever", "outcome": ["log_output"], "samples": ["early"]}
    }
    plain = settings(tiny, config)
    config["language"] = "zh"
    for part in (config["panels"]["main"], config["models"]["effect"]):
        part["title"] = "A title"
    for part in (
        config["sources"]["made_up"]["series"]["output"],
        config["variables"]["log_output"],
        config["hypotheses"]["T1"]["estimand"],
    ):
        part |= {"label": "A label", "label_zh": "名称"}
    config["samples"]["early"]["label"] = "A label"
    config["variables"]["output"]["counts"] = config["sources"]["made_up"]["series"]["output"]["counts"] = "A sentence"
    config["hypotheses"]["T1"] |= {"claim": "Other words", "claim_zh": "主张", "meaning": "A meaning"}
    assert settings(tiny, config) == plain


def test_a_source_comes_through_plain_values_as_it_was() -> None:
    """With all that the shipped sidecars say: breaks, known faults, sums; where that stands in the file is not said."""
    shipped = read_config(str(Path(__file__).parents[2] / "config.yaml"))
    for name, spec in shipped.sources.items():
        assert spec.about and spec.about.series and spec.about.known_faults + spec.about.identities, name
        assert SourceSpec.from_dict(spec.to_dict()) == replace(spec, about=replace(spec.about, file="", locations={}))


def test_charts_and_tables_wait_for_the_file_that_they_name(tiny: Path) -> None:
    """Else a chart of another scorecard would stay as it is when that one changes."""
    config: dict[str, Any] = tiny_config()
    named = {"type": "scorecard", "file": "other/scorecard.json"}
    config["figures"] = {"own": {"type": "scorecard"}, "other": named}
    config["tables"] = {"other": {"type": "scorecard", "file": "other/scorecard.csv"}}
    (tiny / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    read = read_config(str(tiny / "config.yaml"))
    assert jobs.figure_sources(read, "own")["files"] == ["results/scorecard.json"]
    assert jobs.figure_sources(read, "other")["files"] == ["other/scorecard.json"]
    assert jobs.table_sources(read, "other")["files"] == ["other/scorecard.csv"]


def test_pieces_of_work_go_on_after_a_problem_and_all_are_reported() -> None:
    done = []
    with pytest.raises(UserError) as raised:
        for name, _, piece in pieces(dict.fromkeys("abcd"), "models", "model"):
            with piece:
                if name in "ac":
                    raise UserError(Problem("study.yaml", name, "nothing", "a value"))
                done.append(name)
    assert [problem.where for problem in raised.value.problems] == ["a", "c"]
    assert done == ["b", "d"]


def test_an_error_of_the_program_costs_one_piece_and_its_traceback_stands_in_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = []
    log = tmp_path / "estimate_main.log"
    with pytest.raises(SystemExit) as raised, job(log, "study.yaml"):
        for name, divisor, piece in pieces({"a": 0, "b": 1}, "models", "model"):
            with piece:
                done.append((name, 1 / divisor))
    assert (raised.value.code, done) == (1, [("b", 1.0)])
    said = capsys.readouterr().err
    assert "study.yaml: models.a: found an error of the program (ZeroDivisionError: division by zero)" in said
    assert "Traceback" not in said
    text = log.read_text(encoding="utf-8")
    assert "Traceback" in text and "model a failed (1 of 2" in text and "model b done (2 of 2, finished)" in text


def test_a_full_disk_is_said_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit), job(tmp_path / "panel_main.log"):
        raise OSError(errno.ENOSPC, "No space left on device", "results/panels/main/panel.csv")
    assert "results/panels/main/panel.csv: found No space left on device" in capsys.readouterr().err


def test_other_errors_outside_of_pieces_are_not_held_back(tmp_path: Path) -> None:
    before = list(LOG.handlers)
    with pytest.raises(ZeroDivisionError), job(tmp_path / "panel.log"):
        _ = 1 / 0
    assert LOG.handlers == before


def test_long_loops_say_how_long_they_will_take(caplog: pytest.LogCaptureFixture) -> None:
    def ticks() -> Iterator[float]:
        moment = 0.0
        while True:
            yield moment
            moment += 2.0

    clock = ticks()
    with caplog.at_level(logging.INFO, logger="ruralpanel"):
        assert list(tracked(range(10), 10, "refits of west", clock=lambda: next(clock))) == list(range(10))
    assert caplog.messages == [
        "refits of west: 2 of 10, about 24 s left",
        "refits of west: 5 of 10, about 12 s left",
        "refits of west: 8 of 10, about 4 s left",
    ]


def test_durations_in_words() -> None:
    assert [duration(s) for s in (0.4, 40, 150, 7200)] == ["0 s", "40 s", "2 min", "2.0 h"]
    assert left(30, 10, 40) == "about 90 s left"
