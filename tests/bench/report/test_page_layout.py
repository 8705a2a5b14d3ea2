"""The page in a real browser: the answer on top and the rest folded, whole on a telephone and on a desk."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from bench.report import render

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

MODELS = ("gru", "lstm", "rnn", "numpy_gru")
TALLEST = 4000  # pixels of a page with one task and four models, folded, at 1440 pixels
NAMES = ("one", "golden", "failures")


@pytest.fixture(scope="module")
def pages(synthetic: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("layout")
    failures = synthetic.experiment(("sine", "regression"), ("gru", "lstm", "rnn"), seeds=5, trials=2, protocol=2)
    for record in failures:
        place = record["task"]["name"], record["model"]["name"]
        if record["stage"] == "trial" and (
            place == ("regression", "lstm") or (place[1], record["replicate"]) == ("rnn", 2)
        ):
            record.update(status="failed", test=None, error="RuntimeError: the shapes (64x3) and (4x32) do not fit")
    experiments = {
        "one": synthetic.experiment(("sine",), MODELS, seeds=7, trials=4),
        "golden": synthetic.experiment(("sine", "copy"), seeds=5, trials=3, matches=("tuned", "hidden")),
        "failures": failures,
    }
    for name, records in experiments.items():
        synthetic.write(folder / "results", name, records)
    return {name: render(name, folder / "results", folder / "reports", ("html",))[0] for name in experiments}


@pytest.fixture(params=[390, 1440])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": request.param, "height": 900})
    yield page
    page.close()


def test_one_task_with_four_models_is_a_short_page(browser: Browser, pages: dict[str, Path]) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(pages["one"].as_uri())
    assert page.evaluate("document.documentElement.scrollHeight") <= TALLEST
    page.close()


def test_the_decision_and_its_picture_are_on_the_first_screen(page: Page, pages: dict[str, Path]) -> None:
    page.goto(pages["one"].as_uri())
    for part in ("article h3", "article p", "article figure"):
        assert page.locator(part).first.evaluate("e => e.getBoundingClientRect().bottom") <= 900, part
    assert page.locator("#verdict table").first.locator("thead th").count() <= 6
    folds = page.locator("section details.fold")
    assert folds.count() >= 9
    assert page.locator("section details.fold[open]").count() == 0
    assert not page.locator("#leaderboard").is_visible()


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_cut_off_and_nothing_scrolls_sideways(page: Page, pages: dict[str, Path], name: str) -> None:
    page.goto(pages[name].as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    width = page.viewport_size["width"] if page.viewport_size else 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    beyond = """() => [...document.querySelectorAll('main *')].filter(e => e.getClientRects().length
        && (e.getBoundingClientRect().right > innerWidth + 0.5 || e.getBoundingClientRect().left < -0.5))
        .map(e => e.outerHTML.slice(0, 120))"""
    assert page.evaluate(beyond) == []
    if width < 600:  # a table is cards there, so even its own box has nothing to scroll
        assert (
            page.evaluate(
                "[...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth + 1).length"
            )
            == 0
        )
        sticky = (
            "[...document.querySelectorAll('td, th')].filter(e => getComputedStyle(e).position === 'sticky').length"
        )
        assert page.evaluate(sticky) == 0


@pytest.mark.parametrize("name", NAMES)
def test_no_text_of_a_figure_lies_on_another_or_is_cut(browser: Browser, pages: dict[str, Path], name: str) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(pages[name].as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    found = page.evaluate("""() => [...document.querySelectorAll('figure[data-figure] > svg')].flatMap(svg => {
      const frame = svg.getBoundingClientRect();
      const boxes = [...svg.querySelectorAll('text')].filter(t => t.textContent.trim() && t.getClientRects().length)
        .map(t => [t.textContent, t.getBoundingClientRect()]);
      const name = svg.parentElement.dataset.figure;
      const cut = boxes.filter(([, b]) => b.right > frame.right + 1 || b.left < frame.left - 1
        || b.bottom > frame.bottom + 1 || b.top < frame.top - 1).map(([text]) => `${name} cuts ${text}`);
      const over = boxes.flatMap(([text, a], i) => boxes.slice(i + 1)
        .filter(([, b]) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 3
          && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4)
        .map(([other]) => `${name}: ${text} on ${other}`));
      return [...cut, ...over];
    })""")
    assert found == []
    page.close()


@pytest.mark.parametrize("name", NAMES)
def test_no_axis_repeats_a_tick_and_no_section_is_empty(browser: Browser, pages: dict[str, Path], name: str) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(pages[name].as_uri())
    for content in page.locator(".content").all():
        assert len((content.text_content() or "").strip()) > 20
    html = pages[name].read_text(encoding="utf-8")
    assert not re.search(r"\b1 (rows|replicates|tasks|models|trainings|sentences|steps)\b", html)
    page.close()


def test_an_address_opens_what_it_names(page: Page, pages: dict[str, Path]) -> None:
    page.goto(f"{pages['one'].as_uri()}#pairwise")
    assert page.locator("#pairwise").is_visible()
    assert not page.locator("#outcome").is_visible()
    page.goto(f"{pages['one'].as_uri()}#at=outcome")
    page.reload()
    assert page.locator("#outcome").is_visible()
    page.evaluate("location.hash = 'claims'")
    page.locator("#claims").wait_for(state="visible")


def test_paper_shows_everything(browser: Browser, pages: dict[str, Path]) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(pages["one"].as_uri())
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator("details[open]").count() == 0
    page.close()


def test_folds_open_by_keyboard_and_have_headings(browser: Browser, pages: dict[str, Path]) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(pages["one"].as_uri())
    summary = page.locator("summary", has_text="Leaderboard")
    summary.focus()
    page.keyboard.press("Enter")
    assert page.locator("#leaderboard").is_visible()
    assert page.get_by_role("heading", level=1).count() == 1
    assert page.get_by_role("main").count() == 1
    assert page.get_by_role("navigation", name="Sections").count() == 1
    assert page.get_by_role("region", name="Leaderboard").count() >= 1
    page.close()
