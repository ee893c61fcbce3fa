"""The curve that readers filter: its data, and what a browser makes of a click."""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ruralpanel.claims.robustness.results import CurveSummary, Dimension
from ruralpanel.output.labels import Labels
from ruralpanel.output.report.explore.curve import curve_chart
from ruralpanel.output.report.html import FOLDER

LABELS = Labels("en", {"y": "Output (log)", "y2": "Jobs (log)", "roads": "Roads </script> & co", "rail": "Rail"})


@pytest.fixture(scope="module")
def curve() -> tuple[CurveSummary, pd.DataFrame]:
    """40 made-up specifications, the main one first."""
    rng = np.random.default_rng(0)
    options = {"outcome": ["y", "y2"], "transport": ["roads", "rail"], "sample": ["all"], "weights": ["none", "y"]}
    rows = pd.DataFrame({name: rng.choice(own, 40) for name, own in options.items()})
    rows["estimate"] = rng.normal(0.5, 1.0, 40)
    rows["standardised"] = 0.1 * rows["estimate"]
    rows["ci_low"], rows["ci_high"] = rows["estimate"] - 1.0, rows["estimate"] + 1.0
    dimensions = tuple(Dimension(name, tuple(own)) for name, own in options.items())
    return CurveSummary("main", "p", dimensions=dimensions, main={"estimate": 1.0}), rows


def asset(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def payload(text: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json">(.*?)</script>', text, re.S)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


def test_the_data_are_the_rows_sorted(curve: tuple[CurveSummary, pd.DataFrame]) -> None:
    summary, rows = curve
    data = payload(curve_chart(summary, rows, LABELS, "curve").html)
    table = rows.sort_values("standardised")
    assert np.array(data["estimate"]) * data["unit"] == pytest.approx(table["standardised"].to_numpy(), abs=5.1e-5)
    assert set(np.subtract(data["high"], data["low"])) == {2000}
    assert table.index[data["place"]] == 0 and data["main"] == rows["standardised"].iloc[0]
    # a dimension with one option is no choice
    assert [d["label"] for d in data["dimensions"]] == ["Outcome", "Transport", "Weights"]
    for dimension, name in zip(data["dimensions"], ("outcome", "transport", "weights"), strict=True):
        options = next(d.options for d in summary.dimensions if d.name == name)
        assert [options[int(c)] for c in dimension["choices"]] == table[name].tolist()
    assert data["dimensions"][0]["options"] == ["Output", "Jobs"]
    assert data["dimensions"][2]["options"] == ["equal", "Output"]


def test_markup_is_escaped_and_closed(curve: tuple[CurveSummary, pd.DataFrame]) -> None:
    text = curve_chart(*curve, LABELS, "curve", title="a < b & c", note="<b>").html
    assert "a &lt; b &amp; c" in text and "&lt;b&gt;" in text and "<b>" not in text
    assert text.count("</script>") == 1
    open_tags: list[str] = []

    class Checker(HTMLParser):
        def handle_starttag(self, tag: str, attrs: Any) -> None:
            if tag != "input":
                open_tags.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert open_tags.pop() == tag

    Checker().feed(text)
    assert open_tags == []
    assert "http" not in text + asset("explore.js").replace("http://www.w3.org/2000/svg", "") + asset("explore.css")


@pytest.fixture(scope="module")
def page(curve: tuple[CurveSummary, pd.DataFrame], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The figure in a browser; skipped where none is installed."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        pytest.skip("no browser installed")
    api = pytest.importorskip("playwright.sync_api")
    file: Path = tmp_path_factory.mktemp("page") / "page.html"
    figure = curve_chart(*curve, LABELS, "curve").html
    style, script = asset("explore.css"), asset("explore.js")
    file.write_text(
        f"<!doctype html><meta charset=utf-8><style>{style}</style>{figure}<script>{script}</script>", "utf-8"
    )
    with api.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        tab = running.new_page()
        errors: list[str] = []
        tab.on("pageerror", lambda error: errors.append(str(error)))
        tab.goto(file.as_uri())
        yield tab
        assert errors == []
        running.close()


def described(rows: pd.DataFrame) -> str:
    """The status line that these specifications should give."""
    low, high = rows["standardised"] - 0.1, rows["standardised"] + 0.1
    median = f"{rows['standardised'].median():.3f}".replace("-", "−")
    shares = [
        f"{math.floor(100 * float(np.mean(flags)) + 0.5)}%" for flags in (rows["standardised"] > 0, low > 0, high < 0)
    ]
    return (
        f"{len(rows)} of 40 specifications: median {median}; {shares[0]} above zero; "
        f"95% interval above zero in {shares[1]}, below in {shares[2]}"
    )


@pytest.mark.slow
def test_unticking_an_option_leaves_its_specifications_out(page: Any, curve: tuple[CurveSummary, pd.DataFrame]) -> None:
    rows = curve[1]
    assert page.text_content(".status") == described(rows)
    page.click(".filter summary")
    page.uncheck("input[data-dimension='1'][data-option='0']")
    assert page.text_content(".status") == described(rows[rows["transport"] == "rail"])
    page.uncheck("input[data-dimension='0'][data-option='1']")
    left = rows[(rows["transport"] == "rail") & (rows["outcome"] == "y")]
    assert page.text_content(".status") == described(left)
    page.uncheck("input[data-dimension='1'][data-option='1']")
    assert "No specification is left" in page.text_content("output")
    page.click(".filter button")
    assert page.text_content(".status") == described(rows)


def test_a_specification_is_read_out_by_keyboard(page: Any, curve: tuple[CurveSummary, pd.DataFrame]) -> None:
    first = curve[1].sort_values("standardised").iloc[0]
    page.focus(".plane")
    page.keyboard.press("ArrowRight")
    text = page.text_content("output")
    assert text.startswith("No. 1 of 40: " + f"{first['standardised']:.3f}".replace("-", "−"))
    assert f"Outcome: {'Output' if first['outcome'] == 'y' else 'Jobs'}" in text
    page.keyboard.press("PageDown")
    assert page.text_content("output").startswith("No. 40 of 40")
    page.keyboard.press("Home")
    assert page.text_content("output").startswith("No. 1 of 40")
