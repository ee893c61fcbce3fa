"""The shipped report for every reader: by keyboard and touch, without scripts, in print, with faults counted by axe."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from browser import Tab

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
TARGETS = ".contents a, .contents li > details > summary"
# AA is asked for: `cat.color` holds a rule of AAA too
FAULTS = """(tags) => axe.run(document, {
    runOnly: tags, resultTypes: ["violations"], rules: { "color-contrast-enhanced": { enabled: false } },
  }).then(({ violations }) =>
    violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(" ")}`)))"""
# Rows and marks like those before them: half of all nodes, with which axe takes minutes
ALIKE = """() => {
  for (const body of document.querySelectorAll("main tbody")) for (const row of [...body.rows].slice(12)) row.remove();
  for (const svg of document.querySelectorAll("main svg"))
    for (const mark of [...svg.querySelectorAll("path, circle, use, rect, line, polygon")].slice(40)) mark.remove();
}"""


@pytest.fixture
def english(browser: Any, pages: dict[str, Path]) -> Any:
    tab = Tab(browser, pages["en"], 1280, "main details", reduced_motion="reduce")
    yield tab
    assert tab.faults == []
    tab.context.close()


def test_a_number_says_beside_itself_where_it_comes_from(english: Tab, pages: dict[str, Path]) -> None:
    page, box = english.page, english.page.locator(".origin")
    numbers = json.loads((pages["en"].parent / "numbers.json").read_text(encoding="utf-8"))["numbers"]
    designs = [
        (at, n)
        for at, n in enumerate(numbers, 1)
        if n["file"] == "scorecard.json" and "/design/" in n.get("pointer", "")
    ]
    at, wanted = designs[0]
    number = page.locator(f'a.n[href="#n{at}"]').first
    number.focus()
    before = page.evaluate("scrollY")
    page.keyboard.press("Enter")
    said = box.inner_text()
    assert wanted["printed"] in said and wanted["pointer"] in said and wanted["file"] in said
    value = box.locator("dd").nth(1).inner_text()
    assert float(value.replace("−", "-")) == pytest.approx(wanted["value"], rel=1e-9)
    assert page.evaluate("scrollY") == before and page.evaluate("document.activeElement.className") == "origin"
    page.keyboard.press("Escape")
    assert not box.is_visible() and page.evaluate("document.activeElement.hash") == f"#n{at}"
    number.tap()
    behind = box.locator('a[href^="#origin-"]')
    target = behind.get_attribute("href")
    behind.click()
    assert not box.is_visible() and page.locator(f"{target} table").is_visible()


def test_what_is_folded_is_found(english: Tab) -> None:
    page = english.page
    page.evaluate("document.querySelectorAll('main details').forEach((part) => (part.open = false))")
    page.get_by_role("searchbox").fill("natural earth")
    first = page.locator(".search li a").first
    assert int(page.locator(".search [role=status]").inner_text().split()[0]) > 0
    first.press("Enter")
    assert page.locator(".found").is_visible() and "Natural Earth" in page.locator(".found").inner_text()
    page.get_by_role("searchbox").fill("no such words anywhere")
    assert page.locator(".search li").count() == 0


def test_the_keyboard_starts_at_the_report_and_shows_where_it_is(english: Tab) -> None:
    page = english.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("Boolean(document.activeElement.closest('main'))")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_print_shows_the_verdicts_and_no_controls(english: Tab) -> None:
    page = english.page
    page.emulate_media(media="print")
    words = page.locator(".answers .verdict .word")
    assert words.count() == 11 and all(word.is_visible() for word in words.all())
    shown = page.locator(".contents, .search, .tools, .origin, noscript").all()
    assert not any(part.is_visible() for part in shown)


def test_without_scripts_the_page_says_so_and_numbers_are_links(browser: Any, pages: dict[str, Path]) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(pages["zh"].as_uri())
    assert page.locator("main > noscript").inner_text().startswith("浏览器未启用脚本")
    assert not page.locator(".search").is_visible() and not page.locator(".origin").is_visible()
    assert page.locator("figure.map svg").first.is_visible()
    context.close()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_links_of_the_contents_are_large_enough_to_touch(browser: Any, pages: dict[str, Path], language: str) -> None:
    """24 pixels (WCAG 2.2, 2.5.8), at every width; the page itself goes beyond none."""
    tab = Tab(browser, pages[language], 1280, ".contents details")
    for width in (1280, 768, 320):
        tab.page.set_viewport_size({"width": width, "height": 800})
        heights = tab.page.eval_on_selector_all(
            TARGETS, "(all) => all.map((one) => one.getBoundingClientRect().height)"
        )
        assert len(heights) > 30 and min(heights) >= 24, width
        assert tab.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
    assert tab.faults == []
    tab.context.close()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_axe_finds_nothing(browser: Any, pages: dict[str, Path], language: str) -> None:
    """With the script of axe-core (`npm pack axe-core`) in the file that AXE_CORE names.

    What depends on the width is looked at in light, what depends on colours in both; one tab serves all.
    """
    path = os.environ.get("AXE_CORE", "")
    if not Path(path).is_file():
        pytest.skip("AXE_CORE names no file with the script of axe-core")
    tab = Tab(browser, pages[language], 1280, "main details", color_scheme="light")
    tab.page.evaluate(ALIKE)
    tab.page.evaluate(Path(path).read_text(encoding="utf-8"))
    for width in (1280, 768, 320):
        tab.page.set_viewport_size({"width": width, "height": 800})
        assert tab.page.evaluate(FAULTS, RULES) == [], width
    tab.page.emulate_media(color_scheme="dark")
    assert tab.page.evaluate(FAULTS, ["cat.color"]) == []
    tab.context.close()
