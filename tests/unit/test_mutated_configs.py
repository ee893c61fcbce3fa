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
from ruralpanel.contracts.config import Config
from ruralpanel.contracts.problems import UserError
from ruralpanel.contracts.project import open_project

NUMBER = 300
STRANGE: list[Any] = [
    None, True, -1, 0, 10**12, 1.5, "", " ", "no such thing", "log(", "../..", "\U0001f600", "2001", [], [None],
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
