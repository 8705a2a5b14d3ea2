"""The page's script in a real browser: what can be clicked, and that it computes what `stats` computes."""

import math
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from bench.analysis import stats
from bench.analysis.results import Results, load
from bench.analysis.selected import target_of
from bench.records.curves import steps_to_target
from bench.report import render
from tasks.contract import Target

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

MODELS = ("gru", "lstm", "rnn", "numpy_gru")


@pytest.fixture(scope="module")
def folder(synthetic: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results and reports of "two" (two comparisons, a failed seed), "many" (curves embedded as float32) and "origins"
    (replicates with targets of their own)."""
    folder = tmp_path_factory.mktemp("script")
    two = synthetic.experiment(models=MODELS, seeds=5, trials=2, matches=("tuned", "hidden"))
    two.append(synthetic.training("sine", "gru", 6, status="diverged"))
    synthetic.write(folder / "results", "two", two)
    many = synthetic.experiment(("copy", "sine"), ("gru", "lstm"), seeds=8, trials=1)
    synthetic.write(folder / "results", "many", many)
    origins = synthetic.experiment(("sine",), ("gru", "rnn"), seeds=5, trials=1)
    for record in origins:
        record["target"] = {**synthetic.target("sine"), "threshold": 0.002 * (record.get("replicate") or 1)}
    synthetic.write(folder / "results", "origins", origins)
    for name in ("two", "origins"):
        render(name, folder / "results", folder / "reports", ("html",))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.report.sections.explorer.EXACT", 100)
        render("many", folder / "results", folder / "reports", ("html",))
    return folder


@pytest.fixture
def page(browser: "Browser") -> "Iterator[Page]":
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page
    page.close()
    assert said == []


def address(folder: Path, name: str, view: str = "") -> str:
    return (folder / "reports" / name / "index.html").as_uri() + (f"#{view}" if view else "")


def visit(page: "Page", where: str) -> None:
    """Load a page and open all of its folded parts."""
    page.goto(where)
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")


def shown(page: "Page", column: int, table: str = "[data-key=tuned] table[data-tools]") -> list[str]:
    rows = f"{table} tbody tr:not([hidden])"
    return [text.strip() for text in page.eval_on_selector_all(
        rows, f"rows => rows.map(r => r.cells[{column}].querySelector('bdi, data').textContent)")]  # fmt: skip


def test_a_column_sorts_both_ways_and_back_with_missing_values_last(page: "Page", folder: Path) -> None:
    visit(page, address(folder, "two"))
    first = shown(page, 6)
    head = page.locator("[data-key=tuned] table[data-tools] thead button", has_text="Parameters")
    head.click()
    down = shown(page, 6)
    numbers = [int(text.replace(",", "")) for text in down if text != "–"]
    assert numbers == sorted(numbers, reverse=True)
    assert down[len(numbers) :] == ["–"] * (len(down) - len(numbers))
    assert "–" in down
    head.press("Enter")  # by keyboard too
    up = shown(page, 6)
    assert [int(text.replace(",", "")) for text in up if text != "–"] == sorted(numbers)
    assert up[-1] == "–"
    assert page.locator("[data-key=tuned] th[aria-sort=ascending]").count() == 1
    head.click()
    assert shown(page, 6) == first


def test_rows_are_searched_and_filtered(page: "Page", folder: Path) -> None:
    visit(page, address(folder, "two"))
    tools = page.locator("[data-key=tuned] .tools")
    tools.locator("select").select_option("sine")
    assert set(shown(page, 0)) == {"sine"}
    tools.locator("input[type=checkbox]").uncheck()
    assert sorted(shown(page, 1)) == sorted(MODELS)
    tools.locator("input[type=search]").fill("gru")
    assert sorted(shown(page, 1)) == ["gru", "numpy_gru"]
    assert "2 of" in tools.inner_text()


def test_one_choice_changes_every_section(page: "Page", folder: Path) -> None:
    visit(page, address(folder, "two"))
    assert page.locator("[data-option-of=match][data-key=hidden]:visible").count() == 0
    page.locator("#curves .choice label", has_text="equal hidden size").click()
    visible = page.locator("[data-option-of=match]:visible")
    assert visible.count() > 4
    assert {visible.nth(i).get_attribute("data-key") for i in range(visible.count())} == {"hidden"}
    assert page.locator("#leaderboard input[value=hidden]").is_checked()


def expected(results: Results, match: str, task: str, model: str, threshold: float | None) -> stats.Survival:
    """What Python says about a target, from the records. threshold: None: each training's own."""
    goal = target_of(results, task)
    series = "valid_loss" if goal["metric"] == "loss" else "valid_metric"
    times, horizon = [], 0.0
    for record in results.records:
        place = (record["stage"], record.get("match"), record["task"]["label"], record["model"]["label"])
        if place == ("confirm", match, task, model):
            own = record["target"]["threshold"] if threshold is None else threshold
            target = Target(goal["metric"], own, goal["direction"])
            reached = steps_to_target(record["curve"]["step"], record["curve"][series], target)
            times.append(math.nan if reached is None or record["status"] != "ok" else reached)
            horizon = max(horizon, record["training"]["steps"])
    return stats.time_to_target(times, horizon)


def check(
    page: "Page", results: Results, match: str, task: str, threshold: float | None, factors: dict[str, float]
) -> int:
    """The page's table against Python; returns how many seeds were solved in all."""
    solved = 0
    for model in results.models:
        row = page.locator(f"[data-part=table] tr[data-model={model}]")
        values = [row.locator("data").nth(i).get_attribute("value") for i in range(3)]
        survival = expected(results, match, task, model, threshold)
        factor = factors.get(model, 1.0)
        rate = stats.solve_rate(survival.solved, survival.n)
        assert row.locator("data").nth(0).inner_text() == f"{survival.solved} of {survival.n}"
        assert float(values[0] or "nan") == rate.value
        bounds = [float(row.locator("td").nth(0).get_attribute(f"data-{end}") or "nan") for end in ("low", "high")]
        assert bounds == pytest.approx([rate.low, rate.high], rel=1e-9, abs=1e-12)
        for value, number in ((values[1], survival.median), (values[2], survival.restricted_mean)):
            assert float(value or "nan") == pytest.approx(
                number * factor, rel=1e-6, abs=1e-6 * survival.horizon * factor, nan_ok=True
            )
        solved += survival.solved
    return solved


@pytest.mark.parametrize(("name", "match"), [("two", "tuned"), ("two", "hidden"), ("many", "tuned")])
@pytest.mark.parametrize("task", ["sine", "copy"])
def test_the_recomputed_figures_are_those_of_bench_stats(
    page: "Page", folder: Path, name: str, match: str, task: str
) -> None:
    results = load(name, folder / "results")
    visit(page, address(folder, name, f"match={match}&task={task}"))
    own = target_of(results, task)["threshold"]
    solved = [check(page, results, match, task, own, {})]
    recorded = results.selected[(results.selected["task"] == task) & (results.selected["match"] == match)]
    assert solved[0] == recorded["steps_to_target"].notna().sum()
    slider = page.locator("[data-part=slider]")
    for place in (0, 200, 500, 800, 1000):
        slider.fill(str(place))
        threshold = page.locator("[data-part=number]").input_value()
        solved.append(check(page, results, match, task, float(threshold), {}))
    assert len(set(solved)) >= 3  # the slider matters
    page.locator("[data-part=number]").fill(str(own))
    assert check(page, results, match, task, own, {}) == solved[0]


def test_each_replicate_has_its_own_target_until_the_slider_sets_one_for_all(page: "Page", folder: Path) -> None:
    results = load("origins", folder / "results")
    visit(page, address(folder, "origins"))
    number = page.locator("[data-part=number]")
    own = check(page, results, "tuned", "sine", None, {})
    assert "at most 0.002 to 0.01, by replicate." in page.locator("[data-part=said]").inner_text()
    assert (number.input_value(), page.locator("[data-part=curves] .aim").count()) == ("", 2)
    number.fill("0.002")
    assert check(page, results, "tuned", "sine", 0.002, {}) < own
    assert page.locator("[data-part=curves] .aim").count() == 1
    page.locator("[data-part=reset]").click()
    assert check(page, results, "tuned", "sine", None, {}) == own


def test_seconds_and_examples_scale_the_same_times(page: "Page", folder: Path) -> None:
    results = load("two", folder / "results")
    summary = results.summary[(results.summary["match"] == "tuned") & (results.summary["task"] == "copy")]
    seconds = summary.dropna(subset="step_seconds").set_index("model")["step_seconds"].to_dict()
    visit(page, address(folder, "two", "task=copy"))
    own = target_of(results, "copy")["threshold"]
    page.locator("input[name=axis][value=seconds]").check()
    check(page, results, "tuned", "copy", own, seconds)
    assert page.locator("[data-part=curves] .axis").first.text_content() == "seconds of training"
    page.locator("input[name=axis][value=examples]").check()
    check(page, results, "tuned", "copy", own, dict.fromkeys(MODELS, 64.0))
    page.locator("[data-part=logx]").check()
    assert "(log)" in (page.locator("[data-part=curves] .axis").first.text_content() or "")


def test_the_curves_and_the_shares_are_drawn(page: "Page", folder: Path) -> None:
    visit(page, address(folder, "two", "task=copy"))
    thin = page.locator("[data-part=curves] path[stroke-width='0.8']").count()
    assert thin == 4 * 5
    assert page.locator("[data-part=ecdf] path").count() == 4
    page.locator("[data-part=models] input").first.uncheck()
    assert page.locator("[data-part=ecdf] path").count() == 3
    assert page.locator("[data-part=table] tr").count() == 3
    said = page.locator("[data-part=curves]").get_attribute("aria-label") or ""
    assert "Median validation recall_accuracy at the end" in said
    page.locator("[data-part=y]").select_option("loss")
    assert "Median validation loss" in (page.locator("[data-part=curves]").get_attribute("aria-label") or "")


def test_a_copied_address_shows_the_same_view(browser: "Browser", page: "Page", folder: Path) -> None:
    visit(page, address(folder, "two"))
    page.locator("#leaderboard .choice label", has_text="equal hidden size").click()
    board = "[data-key=hidden] table[data-tools]"
    page.locator("[data-key=hidden] .tools select").select_option("copy")
    page.locator(f"{board} thead button", has_text="Skill").click()
    page.locator("[data-part=task]").select_option("regression")
    page.locator("input[name=axis][value=examples]").check()
    page.locator("[data-part=slider]").fill("400")
    page.locator("[data-part=models] input").nth(1).uncheck()
    page.locator("nav a", has_text="Learning curves").click()

    def state(of: "Page") -> tuple[Any, ...]:
        return (
            shown(of, 1, board),
            of.locator("[data-part=number]").input_value(),
            of.locator("[data-part=table]").inner_text(),
            of.locator("[data-part=curves]").inner_html(),
            of.locator("input[name=axis]:checked").get_attribute("value"),
        )

    again = browser.new_page(viewport={"width": 1440, "height": 900})
    again.goto(page.url)
    assert state(again) == state(page)
    assert abs(again.evaluate("document.getElementById('curves-title').getBoundingClientRect().top")) < 5
    again.close()


def test_a_view_that_does_not_exist_is_the_usual_one(page: "Page", folder: Path) -> None:
    visit(page, address(folder, "two", "match=none&task=none&x=parsecs&target=pink&sort=99d&only=none&at=nowhere"))
    assert len(shown(page, 0)) > 10
    assert page.locator("[data-part=table] tr").count() == 4
    assert page.locator("input[name=axis]:checked").get_attribute("value") == "steps"


def test_without_a_script_everything_is_there_to_read(browser: "Browser", folder: Path) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(address(folder, "two", "curves"))  # the browser itself opens what the address names
    assert page.locator("#curves figure:visible").count() == page.locator("#curves figure[data-figure]").count() > 5
    assert not page.locator("#outcome").is_visible()
    page.locator("summary h2", has_text="Solved replicates").click()
    assert page.locator("#outcome").is_visible()
    page.emulate_media(media="print")
    for heading in ("Compared: tuned", "Compared: equal hidden size"):
        assert page.get_by_role("heading", name=heading).first.is_visible()
    assert page.locator("figure[data-figure]:visible").count() == page.locator("figure[data-figure]").count() > 30
    assert not page.locator("#explorer").is_visible()
    assert not page.locator(".choice").first.is_visible()
    context.close()


def test_the_policy_lets_no_other_script_run(browser: "Browser", folder: Path, tmp_path: Path) -> None:
    html = (folder / "reports" / "two" / "index.html").read_text(encoding="utf-8")
    changed = tmp_path / "changed.html"
    changed.write_text(html.replace('"use strict";', '"use strict"; document.title = "changed";'), encoding="utf-8")
    other = browser.new_page()
    other.goto(changed.as_uri())
    assert other.title() == "two · bench"
    other.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_axe_finds_no_serious_violation(browser: "Browser", folder: Path, scheme: Any, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900}, bypass_csp=True)
    page = context.new_page()
    visit(page, address(folder, "two"))
    found = axe.Axe().run(page).response["violations"]
    serious = [(v["id"], v["nodes"][0]["html"][:200]) for v in found if v["impact"] in ("serious", "critical")]
    assert serious == []
    context.close()


@pytest.mark.parametrize("width", [390, 1440])
def test_the_scripted_page_fits_its_window(page: "Page", folder: Path, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    visit(page, address(folder, "two"))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wide = "[...document.querySelectorAll('figure, article, .scroll, .controls, .tools, svg, input, select')]"
    assert page.evaluate(f"{wide}.filter(e => e.getBoundingClientRect().right > innerWidth + 0.5).length") == 0
