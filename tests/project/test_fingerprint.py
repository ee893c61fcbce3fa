"""Whatever a job stands on is in its fingerprint: when a module, template or text changes, its jobs run again."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from ruralpanel.project import fingerprint as module
from ruralpanel.project.fingerprint import DISTRIBUTIONS, covered_files, fingerprint

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
WORKFLOW = ROOT / "workflow"
SCRIPTS = sorted((WORKFLOW / "scripts").glob("*.py"))
ENTRIES = {
    "ruralpanel/__main__.py": "what users type beside Snakemake prints and compares: no file in results is its",
    "ruralpanel/project/fingerprint.py": "the hash itself",
    "ruralpanel/project/reference.py": "writes docs/configuration.md, which a test keeps in step",
    "ruralpanel/estimate/base/arrays.py": "used by tests alone",
}
"""Modules that no result depends on, with the reason; what only they import is none either."""


RULES = (".smk", ".rst")
"""Rules, and captions of Snakemake's own report."""


def files_below(folder: Path) -> list[Path]:
    found = (p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts and p.suffix not in RULES)
    return sorted(found)


@pytest.fixture(scope="module")
def covered() -> dict[str, frozenset[Path]]:
    return {script.name: frozenset(covered_files(script, WORKFLOW)) for script in SCRIPTS}


def test_every_file_is_covered_by_a_job_or_named_as_one_that_no_result_depends_on(
    covered: dict[str, frozenset[Path]],
) -> None:
    by_jobs = frozenset[Path]().union(*covered.values())
    entries = [WORKFLOW / name for name in ENTRIES if (WORKFLOW / name).is_file()]
    apart = frozenset[Path]().union(*(covered_files(entry, WORKFLOW) for entry in entries))
    missing = [str(path.relative_to(WORKFLOW)) for path in files_below(WORKFLOW) if path not in by_jobs | apart]
    assert not missing
    assert not [entry for entry in entries if entry in by_jobs]  # a job's module is none without results


def test_a_change_to_any_file_changes_the_fingerprints_that_cover_it_and_no_other(
    tmp_path: Path, covered: dict[str, frozenset[Path]]
) -> None:
    copy = tmp_path / "workflow"
    shutil.copytree(WORKFLOW, copy, ignore=shutil.ignore_patterns("__pycache__"))
    before = {script.name: fingerprint(copy / "scripts" / script.name, copy) for script in SCRIPTS}
    assert before == {script.name: fingerprint(script, WORKFLOW) for script in SCRIPTS}  # wherever the checkout lies
    files = files_below(WORKFLOW)
    for file in files:
        inside = (name for name, covers in covered.items() if file in covers)
        for name in sorted(inside, key=lambda name: len(covered[name]))[:1]:  # the shortest: all of them take a minute
            with changed(copy / file.relative_to(WORKFLOW)):
                assert fingerprint(copy / "scripts" / name, copy) != before[name], f"{file} and {name}"
    for name, covers in covered.items():
        with ExitStack() as others:
            for file in set(files) - covers:
                others.enter_context(changed(copy / file.relative_to(WORKFLOW)))
            assert fingerprint(copy / "scripts" / name, copy) == before[name], name


@contextmanager
def changed(file: Path) -> Iterator[None]:
    """Another content of a file, for the time of the block."""
    content = file.read_bytes()
    file.write_bytes(content + b"\n# changed\n")
    yield
    file.write_bytes(content)


IMPORT_ALL = """
import builtins, importlib.util, json, sys
scripts = json.load(sys.stdin)
plain, edges = builtins.__import__, {}

def recorded(name, globals=None, locals=None, fromlist=(), level=0):
    found = plain(name, globals, locals, fromlist, level)
    importer = (globals or {}).get("__name__", "")
    base = importlib.util.resolve_name("." * level + name, (globals or {}).get("__package__")) if level else name
    edges.setdefault(importer, set()).update({base, *(f"{base}.{part}" for part in fromlist or ())})
    return found

def by_name(name, package=None):
    edges.setdefault(sys._getframe(1).f_globals["__name__"], set()).add(name)
    return named(name, package)

named, importlib.import_module = importlib.import_module, by_name
builtins.__import__ = recorded
for script, modules in scripts.items():
    for name in (script, *modules):
        named(name)
for script, modules in scripts.items():
    seen, waiting = set(), [script, *modules]
    while waiting:
        name = waiting.pop()
        if name in sys.modules and name not in seen:
            seen.add(name)
            waiting += [*edges.get(name, ()), name.rpartition(".")[0]]
    own = [sys.modules[name].__file__ for name in seen if name.split(".")[0] == "ruralpanel"]
    scripts[script] = [file for file in own if file]
json.dump(scripts, sys.stdout)
"""
"""Imports scripts and the modules behind them once, and says for each which files its imports lead to."""


def test_python_imports_nothing_that_is_not_covered(covered: dict[str, frozenset[Path]]) -> None:
    """Python itself imports the scripts and all that the fingerprint has found behind them."""
    behind = {
        script.stem: [
            ".".join(p.relative_to(WORKFLOW).with_suffix("").parts).removesuffix(".__init__")
            for p in sorted(covered[script.name])
            if p.suffix == ".py" and p != script
        ]
        for script in SCRIPTS
    }
    run = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL],
        input=json.dumps(behind),
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(WORKFLOW), str(WORKFLOW / "scripts")])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    for script, files in json.loads(run.stdout).items():
        assert len(files) >= len(behind[script])
        assert {Path(file) for file in files} <= covered[f"{script}.py"], script


NAMED = re.compile(r'"(ruralpanel(?:\.\w+)+)(?::\w+)?"')
RESOLVED = re.compile(r"from ruralpanel\.project\.kinds\.(\w+) import")


def named_in(file: Path) -> list[str]:
    return NAMED.findall(file.read_text(encoding="utf-8")) if file.suffix == ".py" else []


def test_what_is_named_in_strings_is_covered(covered: dict[str, frozenset[Path]]) -> None:
    """Every module named in a string is found from the scripts that reach the string, or call what a table names."""
    found = 0
    for files in covered.values():
        for file in files:
            text = file.read_text(encoding="utf-8") if file.suffix == ".py" else ""
            names = [] if file.parent.name == "kinds" else named_in(file)
            if "kinds.facts import" in text and re.search(r"kinds\.facts import [^\n]*\bfunction\b", text):
                tables = [
                    WORKFLOW / "ruralpanel" / "project" / "kinds" / f"{name}.py" for name in RESOLVED.findall(text)
                ]
                names += [name for table in tables for name in named_in(table)]
            for name in names:
                assert WORKFLOW.joinpath(*name.split(".")).with_suffix(".py") in files, f"{name} in {file}"
                found += 1
    assert found > 30


def test_a_table_of_kinds_covers_nothing_for_those_who_only_ask(covered: dict[str, frozenset[Path]]) -> None:
    def below(script: str, folder: str) -> bool:
        return any((WORKFLOW / "ruralpanel" / folder) in file.parents for file in covered[script])

    assert below("estimate.py", "estimate/families") and below("tables.py", "output/tables")
    assert not below("panel.py", "estimate/families") and not below("estimate.py", "output/tables")
    assert not below("report.py", "estimate/families") and not below("figures.py", "estimate/families")


def test_another_version_of_a_library_changes_the_fingerprints_that_import_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = {script.name: fingerprint(script, WORKFLOW) for script in SCRIPTS}
    own = module._version
    monkeypatch.setattr(module, "_version", lambda name: "0.0.1" if name in ("typst", "mplfonts") else own(name))
    changed = {script.name for script in SCRIPTS if fingerprint(script, WORKFLOW) != before[script.name]}
    assert {"report.py", "figures.py", "maps.py"} <= changed and not {"ingest.py", "data/panel.py"} & changed


def test_every_library_has_a_version() -> None:
    imported = {
        name
        for script in SCRIPTS
        for path in covered_files(script, WORKFLOW)
        if (code := module._file(path).code)
        for name in code.libraries
    }
    assert set(DISTRIBUTIONS) <= imported
    assert [name for name in sorted(imported) if not module._version(name)] == []


def test_imports_for_types_alone_count_for_nothing(tmp_path: Path) -> None:
    package = tmp_path / "ruralpanel"
    (package / "data").mkdir(parents=True)
    (package / "words").mkdir()
    files = {
        "ruralpanel/a.py": "if TYPE_CHECKING:\n    from ruralpanel import b\nelse:\n    from ruralpanel import c\n",
        "ruralpanel/b.py": "",
        "ruralpanel/c.py": 'X = {"k": "ruralpanel.data.d:fit"}\n',
        "ruralpanel/data/__init__.py": "",
        "ruralpanel/data/d.py": 'F = Path(__file__).resolve().parents[1] / "words"\nG = F / "x"\n',
        "ruralpanel/words/en.yaml": "a: b\n",
        "script.py": "def f():\n    from ruralpanel.a import x\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    found = {path.relative_to(tmp_path).as_posix() for path in covered_files(tmp_path / "script.py", tmp_path)}
    assert found == set(files) - {"ruralpanel/b.py"}


@pytest.mark.parametrize("damage", ["", "{", '{"reader": "another", "modules": {}}', '{"reader": 1}', "[]"])
def test_what_modules_name_is_remembered_by_their_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    package = tmp_path / "ruralpanel"
    package.mkdir()
    script, imported = tmp_path / "job.py", package / "one.py"
    script.write_text("import ruralpanel.one\n", encoding="utf-8")
    imported.write_text("x = 1\n", encoding="utf-8")
    file, read = tmp_path / "records" / "modules.json", []
    plain = module._Code.of

    def counted(content: bytes) -> module._Code:
        read.append(content)
        return plain(content)

    monkeypatch.setattr(module._Code, "of", staticmethod(counted))

    def run() -> tuple[set[str], int]:
        monkeypatch.setattr(module, "_KNOWN", {})
        monkeypatch.setattr(module, "_READ", {})
        read.clear()
        with module.remembered(file):
            found = {path.name for path in covered_files(script, tmp_path)}
        return found, len(read)

    assert run() == ({"job.py", "one.py"}, 2)
    assert run() == ({"job.py", "one.py"}, 0)
    (package / "two.py").write_text("y = 1\n", encoding="utf-8")
    imported.write_text("import ruralpanel.two\n", encoding="utf-8")
    assert run() == ({"job.py", "one.py", "two.py"}, 2)
    with module.remembered(file):
        covered_files(script, tmp_path)
        imported.write_text("", encoding="utf-8")
        assert len(covered_files(script, tmp_path)) == 3  # one start of Snakemake, one state of the code
    assert len(covered_files(script, tmp_path)) == 2
    imported.write_text("import ruralpanel.two\n", encoding="utf-8")
    if damage:
        file.write_text(damage, encoding="utf-8")
        assert run() == ({"job.py", "one.py", "two.py"}, 3)
