"""A local stand-in for the National Data site: its interface, its form of answers and its traps.

The form (envelope, keys, codes, names with trailing blanks, one series split over data sets with ids of their own) is
that of the site's answers of 2026; the figures are those of the shipped exports, read afresh here.
"""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from file_server import serving

BASE = "/dg/website/publicrelease/web/external"
ROOT = "c4d82af16c3d4f0cb4f09d4af7d5888e"
RAW = Path(__file__).resolve().parents[1] / "data" / "raw" / "nbs_annual"
CODES = {"北京市": "110000000000", "天津市": "120000000000", "河北省": "130000000000", "贵州省": "520000000000"}

# folder → data sets: id, name, years, indicators (id, name as shown, measure, file of the figures)
TREE: dict[str, list[dict[str, Any]]] = {
    "农业": [
        {"_id": "ac37a55cdaad4d0ba433e5a0ababc620", "name": "灌溉、化肥和农村用电", "sdate": "2005", "edate": "",
         "indicators": [("e1", "农村用电量 (亿千瓦小时) ", "亿千瓦小时", "rural_electricity"),
                        ("i1", "耕地灌溉面积 (千公顷) ", "千公顷", "irrigated_area")]},
        {"_id": "9d23a6bbf77b4a6f8d46c2c5a44c45a8", "name": "乡村从业人员", "sdate": "2005", "edate": "2012",
         "indicators": [("w1", "乡村从业人员 (万人) ", "万人", "rural_employment")]},
    ],
    "运输和邮电": [
        {"_id": "aaaa0000000000000000000000000001", "name": "运输线路长度(2005-2014)", "sdate": "2005", "edate": "2014",
         "indicators": [("h1", "公路里程 (万公里) ", "万公里", "highway_length")]},
        {"_id": "aaaa0000000000000000000000000002", "name": "运输线路长度(2014-)", "sdate": "2014", "edate": "",
         "indicators": [("h2", "公路里程 (万公里) ", "万公里", "highway_length")]},
        {"_id": "aaaa0000000000000000000000000003", "name": "运输线路长度(-2004)", "sdate": "1978", "edate": "2004",
         "indicators": [("h3", "公路里程 (万公里) ", "万公里", "highway_length")]},
    ],
}  # fmt: skip


@dataclass
class Site:
    """The running stand-in. `traps` maps a path to what its next requests meet; `figures` may be changed by a test."""

    url: str = ""
    traps: dict[str, list[str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    bodies: list[Mapping[str, Any]] = field(default_factory=list)
    figures: dict[tuple[str, str, int], str] = field(default_factory=dict)

    def answer(self, path: str, query: Mapping[str, str], body: Mapping[str, Any]) -> Any:
        """The `data` of an answer; None: the server's error."""
        if path == "/new/queryIndexTreeAsync":
            return self._nodes(query["pid"]) if query["code"] == "6" else []
        sets = {entry["_id"]: entry for entries in TREE.values() for entry in entries}
        if path == "/new/queryIndicatorsByCid":
            listed = [
                {"_id": ident, "catalogid": query["cid"], "i_showname": name, "du": "7c1e", "du_name": measure,
                 "dp": "2", "i_mark": ""}
                for ident, name, measure, _ in sets[query["cid"]]["indicators"]
            ]  # fmt: skip
            return {"list": listed, "total": len(listed)}
        if path == "/stream/esData" and "showType" in body and body["rootId"] == ROOT:
            return self._periods(sets[body["cid"]], body)
        return None

    def _nodes(self, parent: str) -> list[dict[str, Any]]:
        if parent == ROOT:
            return [{"_id": f"folder{i}", "name": f"{name} ", "isLeaf": False} for i, name in enumerate(TREE)]
        entries = list(TREE.values())[int(parent.removeprefix("folder"))]
        keys = ("_id", "name", "sdate", "edate")
        return [{**{key: entry[key] for key in keys}, "isLeaf": True} for entry in entries]

    def _periods(self, entry: Mapping[str, Any], body: Mapping[str, Any]) -> list[dict[str, Any]]:
        first, last = (int(part[:4]) for part in body["dts"][0].split("-"))
        periods = []
        for year in range(last, first - 1, -1):
            inside = int(entry["sdate"] or 0) <= year <= int(entry["edate"] or 9999)
            values = [
                {"_id": ident, "i_showname": name, "value": self._value(series, region["text"], year),
                 "du_name": measure, "da": region["value"], "da_name": f"{region['text']} "}
                for ident, name, measure, series in entry["indicators"]
                if ident in body["indicatorIds"] and inside
                for region in body["das"]
            ]  # fmt: skip
            periods.append({"code": f"{year}YY", "name": f"{year}年", "values": values})
        return periods

    def _value(self, series: str, region: str, year: int) -> str:
        missing = "无" if year % 2 else ""
        return self.figures.get((series, region, year), "") or missing


def shipped() -> dict[tuple[str, str, int], str]:
    """The figures of the exports behind `TREE` for the regions of `CODES`: (series, region, year) → text."""
    found = {}
    for series in ("rural_electricity", "irrigated_area", "rural_employment", "highway_length"):
        rows = list(csv.reader((RAW / f"{series}.csv").read_text(encoding="utf-8").splitlines()))
        header = next(row for row in rows if row[0] == "地区")
        for row in rows:
            if row[0] in CODES:
                years = (int(name[:4]) for name in header[1:])
                found |= {(series, row[0], year): text for year, text in zip(years, row[1:], strict=True)}
    return found


@contextmanager
def running() -> Iterator[Site]:
    """The stand-in on a free port of this machine."""
    site = Site(figures=shipped())

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            self._serve(b"")

        def do_POST(self) -> None:
            self._serve(self.rfile.read(int(self.headers["Content-Length"])))

        def _serve(self, raw: bytes) -> None:
            parts = urlsplit(self.path)
            path = parts.path.removeprefix(BASE)
            query = {key: values[0] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
            body = json.loads(raw) if raw else {}
            site.asked.append(path)
            site.bodies += [body] if body else []
            trap = site.traps[path].pop(0) if site.traps.get(path) else ""
            if trap == "redirect":
                self._send(307, b"", {"Location": self.path, "Set-Cookie": "waf=1"})
            elif trap in ("403", "500"):
                self._send(int(trap), b"<html>reason:UrlACL</html>")
            elif trap == "html":
                self._send(200, b"<html>checking your browser</html>")
            elif trap == "failure":
                self._send(
                    200, json.dumps({"success": False, "state": 50000, "data": None, "message": "系统异常"}).encode()
                )
            elif trap == "null":
                self._send(200, b'{"success": true, "state": 20000, "data": null}')
            else:
                data = site.answer(path, query, body)
                content = json.dumps({"success": True, "state": 20000, "data": data}, ensure_ascii=False).encode()
                if data is None:
                    self._send(500, b"{}")
                elif trap == "truncated":
                    self._send(200, content[: len(content) // 2])
                elif trap == "cut off":
                    self._send(200, content[: len(content) // 2], length=len(content))
                elif trap == "slow":
                    time.sleep(1.0)
                    self._send(200, content)
                elif trap == "drip":
                    self._drip(content)
                else:
                    self._send(200, content)

        def _send(self, status: int, content: bytes, headers: Mapping[str, str] | None = None, length: int = 0) -> None:
            try:
                self.send_response(status)
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(length or len(content)))
                self.end_headers()
                self.wfile.write(content)
            except (BrokenPipeError, ConnectionResetError):
                return

        def _drip(self, content: bytes) -> None:
            self.send_response(200)
            self.end_headers()
            try:
                for i in range(40):
                    self.wfile.write(content[i : i + 1])
                    self.wfile.flush()
                    time.sleep(0.1)
            except (BrokenPipeError, ConnectionResetError):
                return

    with serving(Handler) as address:
        site.url = f"{address}{BASE}"
        yield site
