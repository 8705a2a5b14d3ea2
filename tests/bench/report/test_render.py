"""The report as files: complete, repeatable, true to the records, and safe with any text."""

import json
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bench.analysis.results import Results, load
from bench.report import render
from bench.report.crowds import MOST_VERDICTS
from bench.report.sections.search import search_summary
from tasks.errors import UserError

ELSEWHERE = """
import os, sys
from bench.report import render
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(sys.argv[3])])
render("mine", sys.argv[1], sys.argv[2])
"""
HOSTILE = "<script>alert(1)</script> \"q' $x^2_1$ |a|b| `c` [l](u) \x00\x1b {{ 7*7 }} " + "n" * 300
RIGHT_TO_LEFT = "مرحبا 😀 -->]]>&amp;<!--"


class Page(HTMLParser):
    """What a page holds: tags with attributes, texts, and exact values."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def values(self) -> list[float]:
        return [float(attributes["value"] or "nan") for tag, attributes in self.tags if tag == "data"]


def _render(synthetic: ModuleType, folder: Path, records: list[dict[str, Any]], **changes: Any) -> tuple[str, str]:
    """HTML and Markdown of an experiment with these records."""
    synthetic.write(folder / "results", "mine", records, **changes)
    html, markdown, _ = render("mine", folder / "results", folder / "reports")
    return html.read_text(encoding="utf-8"), markdown.read_text(encoding="utf-8")


def test_sections_come_in_the_order_of_the_questions(synthetic: ModuleType, tmp_path: Path) -> None:
    html, markdown = _render(synthetic, tmp_path, synthetic.experiment(seeds=2, trials=4))
    order = [
        "verdict",
        "leaderboard",
        "curves",
        "outcome",
        "scaling",
        "fairness",
        "pairwise",
        "claims",
        "search",
        "failures",
        "made",
        "reading",
    ]
    assert [a["id"] for tag, a in Page(html).tags if tag == "div" and a.get("class") == "content"] == order
    assert re.findall(r"^## (.*)$", markdown, re.MULTILINE) == [
        *("Verdict", "Leaderboard", "Learning curves", "Solved replicates", "Scaling and cost"),
        *("Skill and what it costs", "Models in pairs", "Claims", "Search", "Failures and alarms"),
        *("How it was made", "How to read the numbers"),
    ]


def test_neither_the_processors_nor_the_seed_of_hashes_change_the_bytes(synthetic: ModuleType, tmp_path: Path) -> None:
    records = synthetic.experiment(("sine", "copy"), seeds=3, trials=9)
    for record in records:  # two sizes, so that there are two cases that can be named
        if record["stage"] == "confirm" and record["task"]["name"] == "copy":
            record["model"]["hidden_size"], record["parameters"]["recurrent"] = (
                64,
                4 * record["parameters"]["recurrent"],
            )
    synthetic.write(tmp_path / "results", "mine", records)
    found = []
    for processors, seed in ((1, "1"), (2, "5")):
        folder = tmp_path / seed
        command = [sys.executable, "-c", ELSEWHERE, str(tmp_path / "results"), str(folder), str(processors)]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": seed}, timeout=120)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        found.append({path.relative_to(folder): path.read_bytes() for path in files})
    assert len(found[0]) > 20
    assert found[0] == found[1]


def test_two_renderings_are_the_same_bytes(synthetic: ModuleType, tmp_path: Path) -> None:
    _render(synthetic, tmp_path, synthetic.experiment(seeds=3, trials=3))
    folder = tmp_path / "reports" / "mine"
    first = {path: path.read_bytes() for path in folder.rglob("*.*")}
    render("mine", tmp_path / "results", tmp_path / "reports")
    assert first == {path: path.read_bytes() for path in folder.rglob("*.*")}
    assert len(first) > 3 + 20


def test_the_numbers_of_the_page_are_the_records_numbers(synthetic: ModuleType, tmp_path: Path) -> None:
    html, _ = _render(synthetic, tmp_path, synthetic.experiment())
    summary = load("mine", tmp_path / "results").summary
    shown = set(Page(html).values)
    columns = ["skill", "test_loss", "solve_rate", "steps_to_target_median", "parameter_count", "step_seconds", "rmse"]
    columns += ["sequences_per_second", "peak_bytes"]
    expected = {float(value) for column in columns for value in summary[column].dropna()}
    assert expected <= shown
    assert len(expected) > 30


def test_the_page_needs_nothing_beside_it(synthetic: ModuleType, tmp_path: Path) -> None:
    html, _ = _render(synthetic, tmp_path, synthetic.experiment(seeds=2, trials=2))
    page = Page(html)
    assert not {"img", "iframe", "object", "form"} & {tag for tag, _ in page.tags}
    sources = [a[key] or "" for tag, a in page.tags for key in ("href", "src", "xlink:href") if key in a and tag != "a"]
    assert all(source.startswith(("#", "data:")) for source in sources)
    links = [a["href"] or "" for tag, a in page.tags if tag == "a"]
    assert all(link.startswith(("#", "../../results/mine/")) for link in links)
    assert not re.search(r"url\((?!#)", html)
    assert "@import" not in html


def test_ids_are_unique_and_every_reference_finds_its_target(synthetic: ModuleType, tmp_path: Path) -> None:
    html, _ = _render(synthetic, tmp_path, synthetic.experiment(seeds=2, trials=4))
    ids = [a["id"] for _, a in Page(html).tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', html)) | set(re.findall(r"url\(#([^)]+)\)", html)) <= set(ids)


def test_every_figure_states_its_finding(synthetic: ModuleType, tmp_path: Path) -> None:
    html, markdown = _render(synthetic, tmp_path, synthetic.experiment(seeds=2, trials=2))
    figures = [a for tag, a in Page(html).tags if tag == "figure" and "role" in a]
    assert len(figures) == len(list((tmp_path / "reports" / "mine" / "figures").iterdir())) > 20
    assert all(a["role"] == "img" and re.search(r"\d", a["aria-label"] or "") for a in figures)
    pictures = re.findall(r"!\[(.+)\]\((figures/[\w-]+\.svg)\)", markdown)
    assert len(pictures) == len(figures)
    for _, path in pictures:
        ET.parse(tmp_path / "reports" / "mine" / path)


def test_hostile_text_is_shown_as_text(synthetic: ModuleType, tmp_path: Path) -> None:
    records = synthetic.experiment((HOSTILE, "series"), ("gru $x^2$", RIGHT_TO_LEFT), seeds=2, trials=2)
    for record in records:
        if record["stage"] == "reference":
            record["model"]["how"] = HOSTILE
        if record.get("test"):
            record["test"][HOSTILE] = 1.5
    records.append(
        {**synthetic.training(HOSTILE, RIGHT_TO_LEFT, 9, status="failed"), "error": HOSTILE, "command": HOSTILE}
    )
    html, markdown = _render(synthetic, tmp_path, records, command=HOSTILE, environment={HOSTILE: RIGHT_TO_LEFT})
    page = Page(html)
    assert [a.get("type") for tag, a in page.tags if tag == "script"] == ["application/json", None]
    assert any("<script>alert(1)</script>" in text for text in page.texts)
    assert any(RIGHT_TO_LEFT in text for text in page.texts)
    assert not re.search("[\x00\x1b]", html + markdown)
    outside = re.sub(r"```text\n.*?\n```", "", markdown, flags=re.DOTALL)
    assert "<script" not in outside
    assert "`c`" not in re.sub(r"\\`", "", outside)
    for line in outside.splitlines():
        if line.startswith("|"):
            assert "|a|" not in line
    assert "49" not in {text.strip() for text in page.texts}
    svg = (tmp_path / "reports" / "mine" / "figures" / "curves-1-1.svg").read_text(encoding="utf-8")
    texts = ["".join(element.itertext()) for element in ET.fromstring(svg).iter() if element.tag.endswith("text")]
    assert any(text.startswith("<script>alert(1)</script>") for text in texts)
    assert "gru $x^2$" in texts  # not set as mathematics


def test_markdown_tables_have_as_many_cells_as_their_header(synthetic: ModuleType, tmp_path: Path) -> None:
    _, markdown = _render(
        synthetic, tmp_path, synthetic.experiment((HOSTILE, "series"), ("gru", "a|b"), seeds=2, trials=2)
    )
    tables = re.findall(r"(?:^\|.*\|\n)+", markdown, re.MULTILINE)
    assert len(tables) >= 6
    for table in tables:
        assert len({line.count("|") for line in table.splitlines()}) == 1
    assert len(markdown.encode()) < 65_000  # what a comment on a pull request may have


def test_an_experiment_in_progress_says_how_far_it_is(synthetic: ModuleType, tmp_path: Path) -> None:
    records = [r for r in synthetic.experiment(("sine",), seeds=1, trials=5, timed=False) if r["stage"] != "confirm"]
    html, markdown = _render(synthetic, tmp_path, records, status="in progress", trainings_planned=48)
    assert "in progress: 10 of 48 trainings and measurements" in html
    assert "**in progress: 10 of 48 trainings and measurements**" in markdown
    assert "No replicate has ended yet." in html


@pytest.mark.parametrize(
    "case", ["one model", "one seed", "failed", "unsolved", "untimed", "references", "nothing", "bare"]
)
def test_every_state_of_an_experiment_has_a_report(synthetic: ModuleType, tmp_path: Path, case: str) -> None:
    make, training = synthetic.experiment, synthetic.training
    records: list[dict[str, Any]] = {
        "one model": lambda: make(("sine",), ("gru",), seeds=2, trials=2),
        "one seed": lambda: make(("sine", "copy"), seeds=1, trials=2),
        "failed": lambda: make(("sine",), confirm=lambda *a, **k: training(*a, status="failed", **k), trials=2),
        "unsolved": lambda: make(("sine",), confirm=lambda *a, **k: training(*a, quality=3.0, **k), trials=2),
        "untimed": lambda: make(("series",), timed=False, seeds=2, trials=2),
        "references": lambda: [r for r in make(("sine",), seeds=2) if r["stage"] == "reference"],
        "nothing": list,
        "bare": lambda: [
            {
                k: r[k]
                for k in r
                if k in ("schema", "key", "stage", "match", "task", "model", "replicate", "status", "test")
            }
            for r in make(("sine",), seeds=2, trials=1)
        ],
    }[case]()
    html, markdown = _render(synthetic, tmp_path, records)
    said = {
        "one model": "gru is the only model of this run",
        "one seed": "1 replicate cannot decide",
        "failed": "every training failed",
        "unsolved": "Neither reached the target in any of 5 replicates",
        "untimed": "this experiment has no time stage yet",
    }.get(case, "How to read the numbers")
    assert said in markdown
    assert "nan" not in re.sub(r"<(style|script).*?</\1>", "", html, flags=re.DOTALL).lower().replace("synthetic", "")


def test_failures_are_rows_with_the_command_that_repeats_them(synthetic: ModuleType, tmp_path: Path) -> None:
    records = synthetic.experiment(("sine",), seeds=2, trials=1)
    bad = synthetic.training("sine", "gru", 3, status="diverged")
    html, markdown = _render(synthetic, tmp_path, [*records, bad])
    for text in (bad["error"], bad["command"], "diverged"):
        assert text in html
    assert "1 of 7 trainings did not end well" in markdown


@pytest.mark.parametrize(
    ("best", "place", "end"), [(16, "on the edge", "smaller"), (32, "inside", ""), (64, "on the edge", "larger")]
)
def test_a_best_on_either_edge_of_its_range_is_named(
    synthetic: ModuleType, results_of: Callable[..., Results], best: int, place: str, end: str
) -> None:
    quality = {best: 0.01}
    records = [
        synthetic.training("sine", "gru", 0, stage="search", trial=i, hidden_size=h, quality=quality.get(h, 0.5))
        for i, h in enumerate((16, 32, 64))
    ]
    table = search_summary(results_of(records))
    assert table is not None
    cell = table.rows[0].cells[table.columns.index("In its range")]
    assert cell.text == place
    assert cell.note.startswith("" if place == "inside" else f"hidden size {best}: try {end}")


def test_two_comparisons_stand_side_by_side(synthetic: ModuleType, tmp_path: Path) -> None:
    _, markdown = _render(
        synthetic, tmp_path, synthetic.experiment(("sine",), seeds=2, trials=2, matches=("tuned", "hidden"))
    )
    assert markdown.count("### Compared: tuned") == markdown.count("### Compared: equal hidden size") == 8
    assert "all models at the same hidden size and layers" in markdown


def test_figures_of_an_earlier_rendering_do_not_stay(synthetic: ModuleType, tmp_path: Path) -> None:
    _render(synthetic, tmp_path, synthetic.experiment(seeds=1, trials=1))
    _render(synthetic, tmp_path, synthetic.experiment(("sine",), seeds=1, trials=1))
    left = {path.stem for path in (tmp_path / "reports" / "mine" / "figures").iterdir()}
    assert "curves-1-1" in left
    assert not {"curves-1-2", "improvement-1-3", "improvement-1"} & left


def test_a_page_of_many_tasks_names_its_galleries_and_files_have_all_figures(
    synthetic: ModuleType, tmp_path: Path
) -> None:
    tasks = [f"task_{i}" for i in range(MOST_VERDICTS + 1)]
    html, markdown = _render(synthetic, tmp_path, synthetic.experiment(tasks, seeds=2, trials=1))
    told = f"{len(tasks)} figures are left out of a page with this many verdicts: python -m bench report mine "
    told += "--figures svg saves them all"
    assert told in html
    assert told in markdown
    figures = tmp_path / "reports" / "mine" / "figures"
    assert {path.stem for path in figures.iterdir() if path.stem.startswith("standing")} == {
        f"standing-1-{i}" for i in range(1, len(tasks) + 1)
    }
    assert not list(figures.glob("curves-*"))
    render("mine", tmp_path / "results", tmp_path / "reports", figures=("svg",))
    assert len(list(figures.glob("curves-*"))) == len(tasks)
    assert (tmp_path / "reports" / "mine" / "index.html").read_text(encoding="utf-8") == html


def test_unknown_formats_and_names_are_errors_for_people(synthetic: ModuleType, tmp_path: Path) -> None:
    synthetic.write(tmp_path, "mine", [])
    with pytest.raises(UserError, match="did you mean 'html'"):
        render("mine", tmp_path, tmp_path / "reports", formats=("htm",))
    with pytest.raises(UserError, match="did you mean 'mine'"):
        render("mne", tmp_path, tmp_path / "reports")
    assert not (tmp_path / "reports").exists()


def test_matplotlib_keeps_no_state(synthetic: ModuleType, tmp_path: Path) -> None:
    import matplotlib as mpl
    from matplotlib import pyplot

    before = json.dumps({key: str(value) for key, value in mpl.rcParams.items()})
    figures = pyplot.get_fignums()
    _render(synthetic, tmp_path, synthetic.experiment(("sine",), seeds=1, trials=1))
    assert json.dumps({key: str(value) for key, value in mpl.rcParams.items()}) == before
    assert pyplot.get_fignums() == figures


def test_five_hundred_trainings_render_in_time(synthetic: ModuleType, tmp_path: Path) -> None:
    models, tasks = ("gru", "lstm", "rnn", "numpy_gru"), ("sine", "regression", "copy", "series")
    records = synthetic.experiment(tasks, models, seeds=16, trials=16)
    assert sum(record["stage"] in ("search", "confirm") for record in records) == 512
    start = time.process_time()
    html, _ = _render(synthetic, tmp_path, records)
    assert time.process_time() - start < 15
    assert len(html.encode()) < 2_000_000


@pytest.mark.storm
def test_ten_thousand_trainings_render_in_time(synthetic: ModuleType, tmp_path: Path) -> None:
    tasks, models = [f"task {i}" for i in range(10)], ("gru", "lstm", "rnn", "numpy_gru", "own")
    records = synthetic.experiment(tasks, models, seeds=100, trials=100)
    synthetic.write(tmp_path / "results", "mine", records)
    start = time.process_time()
    html, *_ = render("mine", tmp_path / "results", tmp_path / "reports")
    assert time.process_time() - start < 30
    assert html.stat().st_size < 5_000_000


def test_fifty_models_have_a_report(synthetic: ModuleType, tmp_path: Path) -> None:
    models = [f"model {i}" for i in range(50)]
    html, markdown = _render(synthetic, tmp_path, synthetic.experiment(("sine", "copy"), models, seeds=3, trials=1))
    assert all(model in html for model in models)
    assert len(markdown.encode()) < 65_000  # what a comment on a pull request may have
