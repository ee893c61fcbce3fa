"""Asking a live source with patience, and saying how far it is."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from ruralpanel.project.problems import UserError
from ruralpanel.project.sources import shown

_CONNECT = 15.0
_LONGEST_WAIT = 120.0
_HEADERS = {
    "User-Agent": "Mozilla/5.0 (compatible; ruralpanel; statistical research)",
    "Accept": "application/json, text/plain, */*",
    "Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8",
}


@dataclass(frozen=True)
class Request:
    """One question: ``GET`` with `params`, or ``POST`` with `body` as JSON."""

    path: str
    params: tuple[tuple[str, str], ...] = ()
    body: str = ""

    @property
    def key(self) -> str:
        """A name for the answer: the same question has the same key."""
        return hashlib.sha256(json.dumps([self.path, self.params, self.body]).encode()).hexdigest()[:20]

    def __str__(self) -> str:
        if self.body:
            return f"POST {self.path} {self.body}"
        return f"GET {self.path}?" + "&".join(f"{name}={value}" for name, value in self.params)


Judge = Callable[[Request, Mapping[str, Any]], str]


@dataclass(frozen=True)
class Manners:
    """How the site is asked.

    `pause` : seconds between two questions; doubled with every further attempt. `attempts` : for one question.
    `timeout` : seconds for a whole answer.
    """

    pause: float = 1.5
    attempts: int = 7
    timeout: float = 60.0


class Client:
    """A session with the site; its firewall recognises it by a cookie."""

    def __init__(self, base: str, manners: Manners, judge: Judge, sleep: Callable[[float], None] = time.sleep) -> None:
        """`judge` says what is wrong with the form of an answer (empty: nothing)."""
        import requests

        self.base, self.manners = base.rstrip("/"), manners
        self._judge = judge
        self._sleep = sleep
        self._session = requests.Session()
        self._session.headers.update(_HEADERS)
        self._asked = False

    def ask(self, request: Request) -> Mapping[str, Any]:
        """The answer to a question, as JSON.

        Redirections, refusals, slow, cut-off and empty answers are asked again after a longer and longer pause.

        Raises
        ------
        UserError
            Once all attempts have failed, with what came back last.
        """
        reason = ""
        for attempt in range(self.manners.attempts):
            if self._asked:
                self._sleep(min(self.manners.pause * 2**attempt, _LONGEST_WAIT))
            self._asked = True
            answer, reason = self._attempt(request)
            if answer is not None:
                return answer
        raise UserError.at(
            self.base + request.path,
            "",
            f"{reason}, {self.manners.attempts} times",
            "an answer in JSON",
            "try again later (what has come so far is kept), with a longer layout.pause if the site refuses; "
            "if it has moved, layout.base says where to",
        )

    def _attempt(self, request: Request) -> tuple[Mapping[str, Any] | None, str]:
        import requests
        from urllib3.exceptions import HTTPError, ReadTimeoutError

        try:
            with self._session.request(
                "POST" if request.body else "GET",
                self.base + request.path,
                params=dict(request.params),
                data=request.body.encode() or None,
                headers={"Content-Type": "application/json;charset=UTF-8"} if request.body else {},
                timeout=(_CONNECT, self.manners.timeout),
                allow_redirects=False,
                stream=True,
            ) as response:
                if response.is_redirect:
                    return None, f"a redirection to {response.headers['Location'][:80]}"
                if response.status_code != 200:
                    return None, f"a refusal ({response.status_code} {response.reason})"
                answer, reason = _parsed(self._content(response))
        except (requests.Timeout, ReadTimeoutError, TimeoutError):
            return None, f"no whole answer within {self.manners.timeout:g} seconds"
        except (requests.RequestException, HTTPError) as error:
            return None, f"no answer ({type(error).__name__})"
        if answer is not None:
            reason = self._judge(request, answer)
        return (None, reason) if reason else (answer, "")

    def _content(self, response: Any) -> bytes:
        """The body, for which the time is limited as a whole: a drip of bytes would never time out by itself."""
        deadline = time.monotonic() + self.manners.timeout
        parts: list[bytes] = []
        while part := response.raw.read1(65536, decode_content=True):
            parts.append(part)
            if time.monotonic() > deadline:
                raise TimeoutError
        return b"".join(parts)


class Transfer:
    """One file on its way from an address to `part`, from where an earlier attempt was cut off.

    Attributes
    ----------
    part : what has come so far; it stays where the transfer fails.
    joined : whether pieces of several answers stand in it.
    words : where it came from, with the address that the first one redirects to; empty before anything was asked.
    """

    def __init__(
        self,
        url: str,
        part: Path,
        number: int,
        known: bool,
        manners: Manners,
        report: Callable[[str], None],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`number`: of bytes, zero where not declared; `known`: the file's sum will be held against a declared one."""
        self.part, self.joined, self.words = part, False, ""
        self._url, self._number, self._known, self._manners = url, number, known, manners
        self._report, self._sleep = report, sleep
        self._edition = ""
        self._wait = 0.0

    def forget(self) -> None:
        """Begin anew."""
        self.part.unlink(missing_ok=True)
        self.joined, self._edition = False, ""

    def run(self) -> None:
        """Ask until the file is whole; an attempt that brings more than all before does not count as failed.

        Raises
        ------
        UserError
            Where the address refuses for good, or once all attempts have failed.
        """
        import requests

        failed, most, reason = 0, self._size(), ""
        with requests.Session() as session:
            while failed < self._manners.attempts:
                if failed or reason:
                    pause = max(self._manners.pause * 2**failed, self._wait)
                    self._report(f"{reason}: asking again")
                    self._sleep(min(pause, _LONGEST_WAIT))
                reason = self._attempt(session)
                if not reason:
                    return
                failed = 0 if self._size() > most else failed + 1
                most = max(most, self._size())
        fix = "try again later: what has come so far is kept"
        raise UserError.at(shown(self._url), "", f"{reason}, {failed} times", "the whole file", fix)

    def _size(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _attempt(self, session: Any) -> str:
        """Ask once for what is missing; why it is still not whole, empty where it is."""
        import requests
        from urllib3.exceptions import HTTPError

        if not self._known and not self._edition:  # nothing would tell two editions apart
            self.forget()
        begun = self._size()
        headers = {**_HEADERS, "Accept": "*/*", "Accept-Encoding": "identity"}
        if begun:
            headers["Range"] = f"bytes={begun}-"
            headers |= {"If-Range": self._edition} if self._edition else {}
        self._wait = 0.0
        try:
            timeout = (_CONNECT, self._manners.timeout)
            with session.get(self._url, headers=headers, stream=True, timeout=timeout) as response:
                self.words = shown(self._url)
                self.words += f", redirected to {shown(response.url)}" if response.history else ""
                return self._kept(response, begun)
        except requests.TooManyRedirects:
            raise self._refused("redirections without end") from None
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema):
            raise self._refused("an address, or a redirection to one, that is none of the web") from None
        except requests.exceptions.SSLError:
            return "no trusted connection (the certificate is not accepted)"
        except (requests.Timeout, TimeoutError):
            return f"nothing within {self._manners.timeout:g} seconds"
        except (requests.RequestException, HTTPError) as error:
            came = self._size() - begun
            return f"an answer cut off after {came} bytes" if came > 0 else f"no answer ({type(error).__name__})"

    def _refused(self, found: str) -> UserError:
        fix = "check the address; a copy that you have can be named by `file` in its place"
        return UserError.at(shown(self._url), "", found, "a file", fix)

    def _kept(self, response: Any, begun: int) -> str:
        """Write an answer down; what is wrong with it."""
        status = f"{response.status_code} {response.reason}"
        if response.status_code == 416:  # longer than the file: of another edition
            self.forget()
            return f"a refusal to go on ({status})"
        if response.status_code not in (200, 206):
            if 400 <= response.status_code < 500 and response.status_code not in _FOR_NOW:
                raise self._refused(f"a refusal ({status})")
            after = str(response.headers.get("Retry-After", ""))
            self._wait = float(after) if after.isdecimal() else 0.0
            return f"a refusal ({status})"
        given = response.headers.get("Content-Range", "")
        goes_on = response.status_code == 206 and given.startswith(f"bytes {begun}-")
        if response.status_code == 206 and not goes_on:
            self.forget()
            return "another part of the file than was asked for"
        start = begun if goes_on else 0
        coded = response.headers.get("Content-Encoding", "identity") not in ("", "identity")
        length = response.headers.get("Content-Length", "")
        whole = start + int(length) if length.isdecimal() and not coded else 0
        self.joined = start > 0
        etag = response.headers.get("ETag", "")
        self._edition = (etag if etag.startswith('"') else "") or response.headers.get("Last-Modified", "")
        with self.part.open("ab" if start else "wb") as stream:
            for piece in response.iter_content(1 << 16):
                stream.write(piece)
                self._report(_amount(stream.tell(), whole or self._number))
        come, least = self._size(), whole or (0 if coded else self._number)
        return f"an answer cut off after {come} of {least} bytes" if come < least else ""


_FOR_NOW = (408, 425, 429)


def _amount(come: int, whole: int) -> str:
    """How much has come, in words that `Progress` draws a bar of."""
    unit, word = (1_000_000, "MB") if max(come, whole) >= 10_000_000 else (1000, "kB")
    done, of = -(-come // unit), -(-whole // unit)
    return f"{done} of {of} {word}" if whole else f"{done} {word}"


def _parsed(content: bytes) -> tuple[Mapping[str, Any] | None, str]:
    try:
        answer = json.loads(content)
    except ValueError:
        start = content[:40].decode("utf-8", errors="replace").strip()
        return None, f"text that is no whole JSON ({start!r} …)"
    if not isinstance(answer, Mapping) or "data" not in answer:
        return None, "JSON without data"
    if answer.get("success") is False:
        return None, f"the site's error {str(answer.get('message') or answer.get('state') or '')[:80]!r}"
    return answer, ""


_BETWEEN = 10.0  # seconds between lines where they do not replace each other
_WIDTH = 24
_COUNT = re.compile(r"(\d+) of (\d+)")


class Progress:
    """Says what a task is at: ``say("figures: request 12 of 40")`` shows a bar where the words hold such a count."""

    def __init__(self, name: str, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self.name, self._stream, self._clock = name, stream, clock
        self._terminal = stream.isatty()
        self._last: tuple[float, str] = (-_BETWEEN, "")
        self._length = 0

    def say(self, words: str) -> None:
        """Show what the task is at."""
        count = _COUNT.search(words)
        done = count is not None and count[1] == count[2]
        if self._terminal:
            text = f"{self.name} {_bar(int(count[1]), int(count[2]))} {words}" if count else f"{self.name}: {words}"
            self._stream.write("\r" + text.ljust(self._length))
            self._length = len(text)
        elif done or self._clock() - self._last[0] >= _BETWEEN:
            self._stream.write(f"{self.name}: {words}\n")
            self._last = (self._clock(), words)
        self._stream.flush()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if self._terminal and self._length:
            self._stream.write("\n")
            self._stream.flush()


def _bar(done: int, number: int) -> str:
    filled = _WIDTH * done // max(number, 1)
    return "[" + "#" * filled + "." * (_WIDTH - filled) + "]"
