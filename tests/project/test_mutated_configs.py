"""300 damaged configurations: each is refused with messages or means what it says; none ends in a traceback."""

from __future__ import annotations

import copy
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import make_tiny, tiny_config
from ruralpanel.project.jobs import check_command_line, open_project
from ruralpanel.project.load import Config
from ruralpanel.project.problems import UserError

NUMBER = 300
STRANGE: list[Any] = [
    None, True, -1, 0, 10**12, 1.5, 2001.0, 1e308, "a\nb", ".hidden", "a/b",
    "/", "/**", "~", "x" * 300, "", " ", "no such thing", "log(", "../..", "\U0001f600", "2001", [], [None],
    ["a", "a"], {}, {"a": {"b": []}}, [[1]], float("inf"), "x" * 5000,
]  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield (*path, key)
            yield from places(item, (*path, key))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield (*path, i)
            yield from places(item, (*path, i))


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        value = value[key]
    return value


def mutated(config: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """One to three damages: a key lost or misspelt, a value exchanged or of another kind."""
    config = copy.deepcopy(config)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        path = rng.choice(list(places(config)))
        parent, key = at(config, path[:-1]), path[-1]
        kind = rng.choice(["lose", "misspell", "strange", "exchange"])
        if kind == "lose":
            del parent[key]
        elif kind == "misspell" and isinstance(parent, dict):
            text = str(key)
            spot = rng.randrange(len(text))
            parent[text[:spot] + rng.choice("xyz_9") + text[spot + 1 :]] = parent.pop(key)
        elif kind == "exchange":
            parent[key] = copy.deepcopy(at(config, rng.choice(list(places(config)))))
        else:
            parent[key] = rng.choice(STRANGE)
        if not config:
            break
    return config


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    here = Path.cwd()
    place = make_tiny(tmp_path_factory.mktemp("mutated"))
    os.chdir(place)
    yield place
    os.chdir(here)


def full_config() -> dict[str, Any]:
    """The tiny configuration with more sections in it, so that more can break."""
    config = tiny_config()
    config["samples"] = {"north": {"where": "region == 'North'", "drop": ["U01"]}}
    config["variables"]["lagged"] = {"formula": "lag(lever, 1)"}  # type: ignore[index]
    config["models"]["cross"] = {  # type: ignore[index]
        "estimator": "fe",
        "outcome": "log_output",
        "regressors": ["lever", "lagged", "lever:lagged"],
        "sample": "north",
        "marginal_effects": [{"of": "lever", "over": "lagged", "at": ["p25", 1]}],
    }
    config["models"]["policy"] = {  # type: ignore[index]
        "estimator": "event_study",
        "outcome": "log_output",
        "treatment": {"units": "region == 'North'", "first": 2005},
        "reference": 2004,
    }
    config["models"]["system"] = {  # type: ignore[index]
        "estimator": "sur",
        "outcome": ["log_output", "lagged"],
        "regressors": ["lever"],
        "equations": {"lagged": ["lever"]},
    }
    config["report"] = {"formats": ["html"]}
    config["checks"] = {"jump": 0.5, "repeat": 3}
    return config


def test_the_undamaged_configuration_is_fine(folder: Path) -> None:
    (folder / "config.yaml").write_text(yaml.safe_dump(full_config(), sort_keys=False), encoding="utf-8")
    assert isinstance(open_project(), Config)


@pytest.mark.slow
def test_damaged_configurations_are_refused_in_words(folder: Path) -> None:
    rng = random.Random(20120126)
    refused = 0
    for i in range(NUMBER):
        text = yaml.safe_dump(mutated(full_config(), rng), sort_keys=False, allow_unicode=True)
        (folder / "config.yaml").write_text(text, encoding="utf-8")
        try:
            open_project()
        except UserError as error:
            refused += 1
            assert error.problems, (i, text)
            assert all(p.file and p.found and p.expected for p in error.problems), (i, str(error))
            assert len(str(error)) < 20_000, (i, str(error)[:500])
        except Exception as error:
            raise AssertionError(f"damage {i} gave {error!r}:\n{text}") from error
    assert refused > NUMBER / 2  # most damages matter; the others rename a label or change a number that may be changed


def test_damaged_text_is_refused_in_words(folder: Path) -> None:
    """The file itself cut, with bytes exchanged, tabs, or in another encoding."""
    rng = random.Random(7)
    good = yaml.safe_dump(full_config(), sort_keys=False).encode()
    for i in range(100):
        data = bytearray(good)
        kind = rng.choice(["cut", "byte", "tab", "encoding", "null"])
        spot = rng.randrange(1, len(data))
        if kind == "cut":
            data = data[:spot]
        elif kind == "byte":
            data[spot] = rng.randrange(256)
        elif kind == "tab":
            data[spot:spot] = b"\n\t"
        elif kind == "null":
            data[spot:spot] = b"\x00"
        else:
            data = bytearray(good.decode().replace("project", "项目").encode("gb18030"))
        (folder / "config.yaml").write_bytes(bytes(data))
        try:
            open_project()
        except UserError as error:
            assert error.problems
        except Exception as error:
            raise AssertionError(f"damage {i} ({kind} at {spot}) gave {error!r}") from error


def said(folder: Path, config: dict[str, Any], text: str = "") -> str:
    """What is said of a configuration; empty where nothing is."""
    (folder / "config.yaml").write_text(text or yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    try:
        open_project()
    except UserError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", ["a\n", "a" * 61, "a/b", ".a", "é", "_a", "1a", "", "a b"])
@pytest.mark.parametrize("section", ["sources", "panels", "variables", "models", "samples", "tables", "figures"])
def test_names_that_no_file_could_bear_are_refused(folder: Path, section: str, name: str) -> None:
    config = full_config()
    config[section][name] = next(iter(config[section].values()))
    assert "Letters, digits and _, a letter first, at most 60 in all" in said(folder, config)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("panels", "main", "periods", "first"), 2001.0, "as 2012Q3 or a month as 2012-07; fix: write 2001"),
        (("panels", "main", "periods", "last"), 3000.5, "a whole number"),
        (("models", "policy", "draws"), 1e308, "a whole number"),
        (("models", "policy", "draws"), 99999999999, "at most 1000000"),
        (("defaults", "inference", 1, "draws"), 99999999999, "at most 1000000"),
        (("defaults", "inference", 1, "draws"), 1000.0, "fix: write 1000"),
        (("checks", "jump"), float("inf"), "found inf; expected a number"),
        (("checks", "jump"), float("nan"), "found nan; expected a number"),
        (("checks", "jump"), 1e308, "at most 100"),
        (("sources", "made_up", "path"), "/", "the whole of /"),
        (("sources", "made_up", "path"), "/**", "the whole of /"),
        (("sources", "made_up", "path"), "/*/*/*.csv", "the whole of /"),
        (("sources", "made_up", "path"), "~/**", "the whole of"),
        (("sources", "made_up", "path"), "x" * 300, "where no file lies"),
        (("units",), "x" * 300, "which does not exist"),
        (("units",), "", "at least 1 characters"),
        (("title",), "a\x07b", "the control character U+0007"),
        (("models", "effect", "title"), "a\x1bb", "models.effect.title (line"),
    ],
)  # fmt: skip
def test_values_out_of_reach_are_refused(folder: Path, path: tuple[Any, ...], value: Any, words: str) -> None:
    config = full_config()
    parent = at(config, path[:-1])
    parent[path[-1]] = value
    assert words in said(folder, config)


def test_a_place_of_endless_files_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ruralpanel.project.sources._MOST", 2)
    config = full_config()
    config["sources"]["made_up"]["path"] = "**/*.csv"
    assert "more than 2 files and folders below" in said(folder, config)


def test_a_workbook_of_units_is_to_be_exported(folder: Path) -> None:
    (folder / "units.xlsx").write_bytes(b"PK\x03\x04\x14\x00\x06\x00\x08\xff")
    config = full_config()
    config["units"] = "units.xlsx"
    assert "units.xlsx: found a workbook or an archive" in said(folder, config)


def test_a_key_without_a_value_is_named(folder: Path) -> None:
    text = yaml.safe_dump(full_config(), sort_keys=False)
    cut = text.replace("models:\n", "models:\n  none: {estimator: fe, outcome: , regressors: [lever]}\n", 1)
    assert "models.none.outcome" in said(folder, {}, cut)
    assert "found no value; expected a value after the colon" in said(folder, {}, cut)


def test_a_known_key_is_not_offered_for_another(folder: Path) -> None:
    config = full_config()
    name = next(name for name, variable in config["variables"].items() if "source" in variable)
    del config["variables"][name]["source"]
    assert "fix: add `source:`" in said(folder, config)


def test_keys_that_are_no_text_are_refused(folder: Path) -> None:
    text = yaml.safe_dump(full_config(), sort_keys=False)
    assert '"null", which YAML reads as nothing' in said(folder, {}, text.replace("  lagged:", "  null:", 1))


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["--configfile", "config.yaml", "check"], "fix: name targets first: snakemake check --configfile config.yaml"),
        (["-n", "--configfile", "config.yaml", "units.csv", "--cores", "2"], "found units.csv after config.yaml"),
        (["--configfile", "config.yaml", "config.yaml"], "one configuration file"),
        (["--configfile", "config.yaml", "-n", "--configfile", "other.yaml"], "found config.yaml, other.yaml"),
        (["--configfile=none.yaml"], "none.yaml: found no such file"),
        (["--configfile=konfig.yaml"], 'did you mean "config.yaml"?'),
        (["--configfile", "."], "found a folder"),
        (["--configfile", "units.csv"], "units.csv: line 1"),
    ],
)
def test_words_after_configfile(folder: Path, words: list[str], answer: str) -> None:
    (folder / "config.yaml").write_text(yaml.safe_dump(full_config()), encoding="utf-8")
    with pytest.raises(UserError) as refused:
        check_command_line(words)
    assert answer in str(refused.value)


def test_a_right_command_line_passes(folder: Path) -> None:
    (folder / "config.yaml").write_text(yaml.safe_dump(full_config()), encoding="utf-8")
    for words in (["check", "--configfile", "config.yaml"], ["--configfile=config.yaml", "-n"], ["-n"], []):
        check_command_line(words)


def test_code_in_a_configuration_is_refused_before_it_runs(folder: Path) -> None:
    (folder / "config.yaml").write_text("__use_yte__: true\n__definitions__: [import os]\n", encoding="utf-8")
    with pytest.raises(UserError, match="a template"):
        check_command_line(["--configfile", "config.yaml"])


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("defaults", "inference", 1), " "),
        (("defaults", "inference", 0, "by"), [[]]),
        (("defaults", "inference", 0, "by"), ["unit", "period", "region"]),
        (("checks", "repeat"), 2005.5),
    ],
)
def test_one_wrong_value_is_one_problem(folder: Path, path: tuple[Any, ...], value: Any) -> None:
    config = full_config()
    at(config, path[:-1])[path[-1]] = value
    assert len(said(folder, config).splitlines()) == 1
