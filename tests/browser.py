"""A tab of a real browser, and what it should not do: complain, or ask for anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any


class Tab:
    """A page opened at a width with the folded parts `opened`; `faults` are complaints and requests."""

    def __init__(
        self, browser: Any, address: Path, width: int, opened: str = "figure.map details", **settings: Any
    ) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": 800}, has_touch=True, **settings)
        self.page = self.context.new_page()
        self.faults: list[str] = []
        self.page.on("console", lambda message: self.faults.append(message.text))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", lambda request: self._asked(request.url))
        self.page.goto(address.as_uri())
        self.page.evaluate("(parts) => document.querySelectorAll(parts).forEach((part) => (part.open = true))", opened)

    def _asked(self, address: str) -> None:
        if not address.startswith(("file:", "data:", "blob:")):
            self.faults.append(address)
