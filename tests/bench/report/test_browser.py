"""The page in a real browser: nothing is fetched, nothing complains, nothing runs over the edge."""

from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from bench.report import render

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LONG = "a model with a very long name, " + "x" * 120


@pytest.fixture(scope="module")
def pages(synthetic: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("browser")
    hostile = synthetic.experiment(
        ("<script>alert(1)</script>" + "n" * 200, "series"), ("gru", LONG), seeds=2, trials=2
    )
    hostile.append(synthetic.training("series", LONG, 9, status="failed") | {"error": "e" * 900, "command": "c" * 900})
    experiments: dict[str, list[dict[str, Any]]] = {
        "usual": synthetic.experiment(models=("gru", "lstm", "rnn", "numpy_gru"), seeds=3, trials=4),
        "hostile": hostile,
    }
    for name, records in experiments.items():
        synthetic.write(folder / "results", name, records)
    return {name: render(name, folder / "results", folder / "reports", ("html",))[0] for name in experiments}


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("name", ["usual", "hostile"])
def test_the_page_is_quiet_and_fits(browser: "Browser", pages: dict[str, Path], name: str, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(pages[name].as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wide = "[...document.querySelectorAll('figure, article, .scroll, pre, dl, p, h1, h2, h3')]"
    assert page.evaluate(f"{wide}.filter(e => e.getBoundingClientRect().right > innerWidth + 0.5).length") == 0
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert len([url for url in asked if url.startswith("file:")]) == 1
    page.close()


def test_figures_are_drawn_with_text_as_text(browser: "Browser", pages: dict[str, Path]) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.goto(pages["usual"].as_uri())
    sizes = page.evaluate("[...document.querySelectorAll('figure svg')].map(s => [s.clientWidth, s.clientHeight])")
    assert len(sizes) == 2 + page.locator("figure[data-figure]").count() > 20
    assert all(width > 250 and height > 60 for width, height in sizes)
    texts = page.evaluate("[...document.querySelectorAll('figure svg text')].map(t => t.textContent)")
    assert {"gru", "lstm", "numpy_gru", "optimiser steps"} <= set(texts)
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(browser: "Browser", pages: dict[str, Path], scheme: str) -> None:
    page = browser.new_page(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(pages["usual"].as_uri())
    contrast = """() => {
      const linear = v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
      const light = rgb => rgb.map(v => linear(v / 255))
        .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
      const rgb = text => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
      const ground = light(rgb(getComputedStyle(document.querySelector('article')).backgroundColor));
      const texts = [...document.querySelectorAll('article p, figure svg text, th, small')];
      const paint = s => s.fill !== 'rgb(0, 0, 0)' ? s.fill : s.color;
      const map = '[data-figure^=search], [data-figure^=improvement]'; // words on coloured cells
      return texts.filter(e => !e.closest(map) && e.getClientRects().length)
        .map(e => light(rgb(paint(getComputedStyle(e)))))
        .map(l => (Math.max(l, ground) + .05) / (Math.min(l, ground) + .05));
    }"""
    assert min(page.evaluate(contrast)) >= 4.5  # WCAG AA
    page.close()
