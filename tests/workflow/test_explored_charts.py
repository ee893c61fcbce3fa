"""Charts of the shipped report in a real browser: by mouse, touch and keyboard, in both languages, at three widths."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from browser import Tab
from ruralpanel.estimate.base.model_json import read_results
from ruralpanel.project.formats import format_auto

WIDTHS = (320, 768, 1280)
VARIABLE = "rural_manufacturing_per_1000"
EVERY_VARIABLE = """() => {
  const select = document.querySelector("figure.map select.variable");
  return [...select.options].map((option) => {
    select.value = option.value;
    select.dispatchEvent(new Event("change"));
    const [title, cells] = [".chart-title", ".figures td"].map((part) => document.querySelector(`figure.map ${part}`));
    return title.textContent && cells ? "" : option.text;
  }).filter(Boolean);
}"""
"""Switches the map to each variable; gives the names of those without a title or figures."""


@pytest.fixture
def panel(default_run: Path) -> pd.DataFrame:
    frame = pd.read_parquet(default_run / "results/panels/provinces/panel.parquet")
    return frame.pivot(index="unit", columns="period", values=VARIABLE)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_chart_works_without_a_fault_or_a_request(
    browser: Any, pages: dict[str, Path], panel: pd.DataFrame, language: str
) -> None:
    assert pages[language].stat().st_size < 5_000_000
    tab = Tab(browser, pages[language], WIDTHS[0])
    assert tab.page.evaluate(EVERY_VARIABLE) == []
    for width in WIDTHS:
        tab.page.set_viewport_size({"width": width, "height": 800})
        assert tab.page.evaluate("document.documentElement.scrollWidth") <= width
        explored(tab.page, panel)
    assert tab.faults == []
    tab.context.close()


def explored(page: Any, panel: pd.DataFrame) -> None:
    """Point at, touch and walk through the charts; what they say is the panel's."""
    atlas = page.locator("figure.map")
    atlas.locator("select.variable").select_option("0")
    atlas.locator("select.chosen").select_option("")
    atlas.locator(".timeline input").fill("7")

    # mouse, touch and keyboard read the same figures, which are the panel's
    amount = atlas.locator(".beside .amount")
    atlas.locator('[data-u="CN-XJ"]').hover()
    assert amount.text_content().split()[0] == format_auto(panel.loc["CN-XJ", 2019])
    atlas.locator('[data-u="CN-YN"]').tap()
    page.mouse.move(0, 0)
    assert amount.text_content().split()[0] == format_auto(panel.loc["CN-YN", 2019])
    atlas.locator('[data-u="CN-ZJ"]').focus()
    page.keyboard.press("Home")
    assert atlas.locator("output").text_content() == "2012"
    assert format_auto(panel.loc["CN-ZJ", 2012]) in atlas.locator('[data-u="CN-ZJ"]').get_attribute("aria-label")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("document.activeElement.dataset.u") in {"CN-AH", "CN-JX"}
    page.keyboard.press("End")
    atlas.locator(".timeline input").fill("3")
    assert atlas.locator("output").text_content() == "2015"
    atlas.locator(".play").click()
    assert atlas.locator(".play").get_attribute("aria-pressed") == "true"
    atlas.locator(".play").click()
    # marks of every kind of chart say their numbers
    for kind in ("dots-chart", "event-chart", "marginal-chart", "lines-chart"):
        figure = page.locator(f"figure.{kind}").first
        figure.locator('.mark[tabindex="0"]').focus()
        page.keyboard.press("End")
        said = page.evaluate("document.activeElement.getAttribute('aria-label')")
        assert said and said == page.evaluate("document.activeElement.dataset.tip")
    curve = page.locator("figure.curve").first
    curve.locator(".plane").focus()
    page.keyboard.press("ArrowRight")
    assert "1" in curve.locator("output").text_content()
    curve.locator(".plane").tap()
    assert 45 < float(curve.locator(".cursor").get_attribute("x1").rstrip("%")) < 55


def test_what_is_saved_is_what_is_shown(browser: Any, pages: dict[str, Path], panel: pd.DataFrame) -> None:
    tab = Tab(browser, pages["en"], 1000, accept_downloads=True)
    figure = tab.page.locator("figure.map")
    saved = {}
    for form in ("csv", "svg", "png"):
        with tab.page.expect_download() as started:
            figure.locator(f"[data-save={form}]").click()
        assert started.value.suggested_filename == f"provinces_{VARIABLE}.{form}"
        saved[form] = Path(started.value.path()).read_bytes()
    head, *rows = csv.reader(io.StringIO(saved["csv"].decode("utf-8-sig")))
    assert head == ["Province", *map(str, panel.columns)] and len(rows) == len(panel)
    zhejiang = next(row for row in rows if row[0] == "Zhejiang")
    assert list(map(float, zhejiang[1:])) == pytest.approx(panel.loc["CN-ZJ"].tolist(), rel=1e-5)
    text = saved["svg"].decode()
    assert text.startswith("<svg") and figure.locator(".chart-title").text_content().split(":")[0] in text
    assert saved["png"].startswith(b"\x89PNG") and len(saved["png"]) > 20_000
    curve = tab.page.locator("figure.curve").first
    with tab.page.expect_download() as started:
        curve.locator("[data-save=csv]").click()
    lines = Path(started.value.path()).read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) > 1000 and lines[0].startswith("Estimate,Lower end,Upper end,")
    assert tab.faults == []
    tab.context.close()


def test_numbers_are_printed_as_tables_print_them(browser: Any, pages: dict[str, Path]) -> None:
    tab = Tab(browser, pages["en"], 1000)
    values = [0.0, 1.0, -2.5, 0.00123456, 123.456, 999.6, 12345.6, 1234567.0, -0.0000001234, 56.0, 0.1005]
    assert tab.page.evaluate("(values) => values.map((value) => printed(value))", values) == list(
        map(format_auto, values)
    )
    tab.context.close()


def test_without_scripts_charts_and_their_tables_stand(browser: Any, pages: dict[str, Path]) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 1000, "height": 800})
    page = context.new_page()
    page.goto(pages["en"].as_uri())
    atlas = page.locator("figure.map")
    assert atlas.locator(".land").is_visible() and atlas.locator("noscript").is_visible()
    assert not atlas.locator(".controls").is_visible() and not atlas.locator(".tools").is_visible()
    assert page.locator("figure.curve .stretched .line").first.get_attribute("d")
    assert page.locator("figure.chart .figures table").count() == page.locator("figure.chart").count()
    context.close()


def test_tables_behind_charts_hold_the_models_numbers(default_run: Path) -> None:
    text = (default_run / "results/report/report.html").read_text(encoding="utf-8")

    def numbers(identity: str) -> list[list[float]]:
        figure = text[re.search(rf'<figure class="chart [^>]*id="{identity}"', text).start() :]  # type: ignore[union-attr]
        table = figure[figure.index("<table>") : figure.index("</table>")]
        rows = re.findall(r"<tr>(.*?)</tr>", table)[1:]
        return [list(map(float, re.findall(r'data-v="([^"]+)"', row))) for row in rows]

    def model(name: str) -> dict[str, Any]:
        return read_results(default_run / "results/models" / f"{name}.json")

    gap = {row["term"]: row for row in model("west_gap_1998")["coefficients"]}
    parts = ["technology", "training", "transport", "unexplained", "total"]
    assert [row[:3] for row in numbers("figures-west-gap")] == [
        [gap[part][key] for key in ("estimate", "ci_low", "ci_high")] for part in parts
    ]
    shares = [gap[part]["estimate"] / gap["total"]["estimate"] for part in parts]
    assert [row[3] / 100 for row in numbers("figures-west-gap")] == pytest.approx(shares)
    events = [
        [row[key] for key in ("estimate", "ci_wild_low", "ci_wild_high")]
        for name in ("go_west_event", "go_west_event_trend")
        for row in model(name)["coefficients"]
        if re.search(r":[0-9]{4}$", row["term"])
    ]
    assert numbers("figures-go-west") == events
    points = model("interaction")["marginal_effects"][0]["points"]
    places = {point["at"]: [point[key] for key in ("estimate", "ci_wild_low", "ci_wild_high")] for point in points}
    assert numbers("figures-roads-gap") == [places[at] for at in sorted(places)]
