"""Python started as a copy of a process that has its imports already, as whole runs in tests start it.

Snakemake takes two seconds to import what it needs, and so do a tiny project's jobs together some three times over.
`Starter.run` does what `subprocess.run([sys.executable, ...])` does, without these imports: the process is new, it has
a folder, an environment and output of its own. Hash seeds and locales are those that the first process started with:
another one needs another `Starter`. Interrupts while Python imports, and another checkout's code, need a process of
their own.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import runpy
import selectors
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TIMEOUT = 600.0


class Starter:
    """The process that the others are copies of; it ends with the process of the tests.

    Jobs to which Snakemake gives another locale than its own, as the workflow does, are copies of `jobs`.
    """

    def __init__(self, jobs: Starter | None = None, **environment: str) -> None:
        self.environment = environment
        self.place = tempfile.TemporaryDirectory(prefix="forked")
        self.address = str(Path(self.place.name) / "socket")
        path = os.pathsep.join([str(ROOT / "workflow"), str(ROOT / "tests")])
        self.process = subprocess.Popen(
            [sys.executable, "-m", "forked", self.address, *([jobs.address] if jobs else [])],
            env={
                **os.environ,
                "LC_ALL": "C.UTF-8",
                "ARROW_DEFAULT_MEMORY_POOL": "system",
                **environment,
                "PYTHONPATH": path,
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None and self.process.stdout.readline() == "ready\n"

    def run(self, words: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
        """What ``python WORDS`` gives in a folder, the words beginning with ``-m MODULE`` or with a file."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            environment = {**os.environ, **self.environment}
            code = _ask(self.address, words, str(folder), environment, (out.fileno(), err.fileno()))
            for stream in (out, err):
                stream.seek(0)
            return subprocess.CompletedProcess(list(words), code, out.read().decode(), err.read().decode())

    def __enter__(self) -> Starter:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate()
        self.place.cleanup()


def _ask(
    address: str, words: Sequence[str], folder: str, environment: Mapping[str, str], outputs: tuple[int, int]
) -> int:
    """Let the process at an address start a copy of itself; wait for its exit code."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(TIMEOUT)
        connection.connect(address)
        request = json.dumps([list(words), folder, dict(environment)]).encode() + b"\n"
        sent = socket.send_fds(connection, [request], outputs)
        connection.sendall(request[sent:])
        return int(connection.makefile().readline())


def _serve(address: str) -> None:
    """Start copies until the process of the tests has ended."""
    with socket.socket(socket.AF_UNIX) as listener, selectors.DefaultSelector() as selector:
        listener.bind(address)
        listener.listen()
        selector.register(listener, selectors.EVENT_READ)
        selector.register(sys.stdin, selectors.EVENT_READ)
        print("ready", flush=True)
        running: set[int] = set()
        while not any(key.fileobj is sys.stdin for key, _ in selector.select()):
            connection, _ = listener.accept()
            copy = os.fork()
            if copy == 0:
                _answer(connection)
                os._exit(0)
            connection.close()
            running = {copy, *(earlier for earlier in running if not os.waitpid(earlier, os.WNOHANG)[0])}
        for copy in running:
            os.waitpid(copy, 0)


def _answer(connection: socket.socket) -> None:
    """Run what is asked for in a further copy, and tell its exit code."""
    request, outputs, _, _ = socket.recv_fds(connection, 1 << 16, 2)
    while not request.endswith(b"\n"):
        request += connection.recv(1 << 16)
    words, folder, environment = json.loads(request)
    copy = os.fork()
    if copy == 0:
        connection.close()
        os.dup2(outputs[0], 1)
        os.dup2(outputs[1], 2)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        _become(words)
    code = os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1])
    connection.sendall(f"{code}\n".encode())


def _become(words: list[str]) -> None:
    code: object = 0
    try:
        if words[0] == "-m":
            sys.argv = words[1:]
            runpy.run_module(words[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = words
            runpy.run_path(words[0], run_name="__main__")
    except SystemExit as left:
        code = left.code
        if isinstance(code, str):
            print(code, file=sys.stderr)
            code = 1
    except BaseException:
        traceback.print_exc()
        code = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(int(code or 0))  # type: ignore[call-overload]


def _prepare(address: str, jobs: str = "") -> None:
    """Import what runs import, and let Snakemake start its jobs in copies too: of the process at `jobs` where that is
    the one of their locale, and of this one else."""
    import snakemake.cli
    import snakemake.persistence
    from snakemake.script import PythonScript

    from ruralpanel.project.fingerprint import fingerprint

    snakemake.cli.get_argument_parser()
    for script in sorted((ROOT / "workflow" / "scripts").glob("*.py")) if not jobs else ():
        runpy.run_path(str(script), run_name="imported")
        fingerprint(script, ROOT / "workflow")

    own = os.environ["LC_ALL"]

    def execute_script(self: PythonScript, file: str, edit: bool = False) -> None:
        start = address if os.environ["LC_ALL"] == own else jobs
        code = _ask(start, [file], os.getcwd(), os.environ, (1, 2))
        if code:
            raise subprocess.CalledProcessError(code, [sys.executable, file])

    PythonScript.execute_script = execute_script
    gc.freeze()  # what is loaded stays: copies need not look through it


if __name__ == "__main__":
    _prepare(*sys.argv[1:])
    _serve(sys.argv[1])
    gc.unfreeze()
