"""A local stand-in for sites that offer files: ranges, editions, redirections, and what goes wrong on the way."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Files:
    """The running stand-in.

    `content` : path → bytes. `traps` : path → what its next requests meet. `ranges` : whether parts are given.
    `editions` : whether answers bear an ETag. `asked` : path and the range asked for.
    """

    url: str = ""
    content: dict[str, bytes] = field(default_factory=dict)
    traps: dict[str, list[str]] = field(default_factory=dict)
    ranges: bool = True
    editions: bool = True
    asked: list[tuple[str, str]] = field(default_factory=list)

    def ranges_asked(self, path: str) -> list[str]:
        """The ranges asked for of a path, in order; empty: the whole."""
        return [asked for name, asked in self.asked if name == path]


def etag(content: bytes) -> str:
    return f'"{hash(content):x}"'


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """The address of a server on a free port of this machine, which ends with the block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def running() -> Iterator[Files]:
    """The stand-in on a free port of this machine."""
    files = Files()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            wanted = self.headers.get("Range", "")
            files.asked.append((path, wanted))
            trap = files.traps[path].pop(0) if files.traps.get(path) else ""
            if trap.startswith("to "):
                return self._send(302, b"", {"Location": trap.removeprefix("to ")})
            if trap.isdecimal():
                return self._send(int(trap), b"<html>refused</html>", {"Retry-After": "3"} if trap == "503" else {})
            if path not in files.content:
                return self._send(404, b"<html>not here</html>")
            if trap.startswith("edition "):
                files.content[path] = trap.removeprefix("edition ").encode()
            whole = files.content[path]
            edition = {"ETag": etag(whole)} if files.editions else {}
            begin = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and files.ranges else 0
            if self.headers.get("If-Range", etag(whole)) != etag(whole):
                begin = 0
            if begin >= len(whole) > 0 and begin:
                return self._send(416, b"", {"Content-Range": f"bytes */{len(whole)}"})
            part = whole[begin:]
            if begin:
                edition["Content-Range"] = f"bytes {begin}-{len(whole) - 1}/{len(whole)}"
            if trap == "slow":
                time.sleep(0.6)
            cut = len(part) // 2 if trap == "cut" else len(part)
            length = {} if trap == "no length" else {"Content-Length": str(len(part))}
            if trap == "no length":
                cut = len(part) // 2
            self._send(206 if begin else 200, part[:cut], {**edition, **length}, exact=True)
            return None

        def _send(
            self, status: int, content: bytes, headers: dict[str, str] | None = None, exact: bool = False
        ) -> None:
            try:
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                if not exact:
                    self.send_header("Content-Length", str(len(content)))
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(content)
                self.close_connection = True
            except (BrokenPipeError, ConnectionResetError):
                return

    with serving(Handler) as files.url:
        yield files
