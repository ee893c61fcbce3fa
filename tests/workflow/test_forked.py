"""What starts Python without its imports does what Python itself does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from forked import Starter

SCRIPTS = {
    "said.py": "import os, sys\nprint(os.getcwd(), sys.argv, __name__)\nprint('err', file=sys.stderr)\n",
    "code.py": "raise SystemExit(3)\n",
    "words.py": "import sys\nsys.exit('stopped')\n",
    "atexit.py": "import atexit\natexit.register(print, 'last')\nprint('first')\n",
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_output_and_exit_code_are_those_of_python(tmp_path: Path, starter: Starter, name: str) -> None:
    (tmp_path / name).write_text(SCRIPTS[name], encoding="utf-8")
    words = [name, "a", "b c"]
    own = subprocess.run([sys.executable, *words], cwd=tmp_path, capture_output=True, text=True, check=False)
    run = starter.run(words, tmp_path)
    assert (run.returncode, run.stdout, run.stderr) == (own.returncode, own.stdout, own.stderr)


def test_an_error_is_traced_and_one_copy_knows_nothing_of_another(tmp_path: Path, starter: Starter) -> None:
    (tmp_path / "one.py").write_text("import sys\nsys.modules['left_behind'] = sys\n1 / 0\n", encoding="utf-8")
    (tmp_path / "two.py").write_text("import left_behind\n", encoding="utf-8")
    first, second = (starter.run([name], tmp_path) for name in ("one.py", "two.py"))
    assert first.returncode == 1 and "ZeroDivisionError" in first.stderr
    assert second.returncode == 1 and "No module named 'left_behind'" in second.stderr
