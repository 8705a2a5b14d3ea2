"""A reader sees of every time on a GPU whether launching was its limit, or at what clock it was taken."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from bench.analysis import tables
from bench.analysis.claims.cost import judge_times
from bench.analysis.compare_experiments import compare
from bench.analysis.results import Results
from bench.analysis.table_columns import metric_columns
from bench.analysis.table_files import write_tables
from bench.analysis.timing_conditions import condition, explained, kernel_and_condition
from bench.cli.display.progress import describe
from bench.report import render
from bench.report.compare_page import render_comparison

NOTE = "launching was the limit and a faster GPU would not shorten it"


@pytest.mark.parametrize(
    ("timing", "said"),
    [
        ({}, ""),
        ({"clock_mhz": None, "host_bound": False}, ""),
        ({"clock_mhz": pd.NA, "host_bound": pd.NA}, ""),
        ({"clock_mhz": math.nan, "host_bound": None}, ""),
        ({"clock_mhz": 1980, "host_bound": False}, "at 1,980 MHz"),
        ({"clock_mhz": 1980, "host_bound": pd.NA}, "at 1,980 MHz"),
        ({"clock_mhz": 1980, "host_bound": True}, "host-bound"),
        ({"clock_mhz": None, "host_bound": True}, "host-bound"),
    ],
)
def test_a_condition_is_said_where_it_is_known(timing: dict[str, Any], said: str) -> None:
    assert condition(timing) == said
    assert kernel_and_condition({**timing, "kernel": "cudnn"}) == (f"cudnn, {said}" if said else "cudnn")
    assert bool(explained(pd.DataFrame([timing], index=[0]))) == bool(said)


def on_gpu(synthetic: ModuleType, task: str, model: str, clock: int | None, host_bound: bool) -> dict[str, Any]:
    made: dict[str, Any] = synthetic.timing(task, model, kernel="cudnn")
    made["timing"] |= {"clock_mhz": clock, "host_bound": host_bound}
    return made


@pytest.fixture
def records(synthetic: ModuleType) -> list[dict[str, Any]]:
    """Two models on two tasks: gru was host-bound, lstm was not."""
    made = synthetic.experiment(("sine", "copy"), seeds=5, trials=2, timed=False)
    for record in made:
        if record["stage"] != "reference":
            record["kernel"] = "cudnn"
    timed = [
        on_gpu(synthetic, task, *how)
        for task in ("sine", "copy")
        for how in (("gru", 1980, True), ("lstm", 1755, False))
    ]
    return [*made, *timed]


def test_the_tables_have_it_and_those_of_a_cpu_have_no_such_column(
    records: list[dict[str, Any]], synthetic: ModuleType, tmp_path: Path
) -> None:
    write_tables(records, tmp_path)
    for name in ("timings", "summary"):
        table = pd.read_csv(tmp_path / f"{name}.csv")
        table = table[table["model"].isin(["gru", "lstm"])].set_index("model")
        assert set(table.loc["gru", "host_bound"]) == {True}
        assert set(table.loc["lstm", "host_bound"]) == {False}
        assert set(table.loc["lstm", "clock_mhz"]) == {1755}
    assert not set(metric_columns(tables.summary_table(records))) & {"clock_mhz", "host_bound"}
    cpu = synthetic.experiment(("sine",), seeds=2, trials=1)
    for table in (tables.timings_table(cpu), tables.summary_table(cpu)):
        assert not {"clock_mhz", "host_bound"} & set(table.columns)


def test_of_several_rounds_the_median_clock_and_what_most_were(synthetic: ModuleType) -> None:
    rounds = [
        {**on_gpu(synthetic, "sine", "gru", clock, bound), "round": number, "key": f"k{number}"}
        for number, (clock, bound) in enumerate(((1980, True), (1700, False), (1755, True)))
    ]
    (row,) = tables.timings_table(rounds).to_dict("records")
    assert (row["clock_mhz"], row["host_bound"]) == (1755, True)


def test_page_markdown_and_figures_say_it_beside_the_time_and_below(
    records: list[dict[str, Any]], synthetic: ModuleType, tmp_path: Path
) -> None:
    synthetic.write(tmp_path, "e", records)
    render("e", tmp_path, tmp_path / "reports", ("html", "markdown"))
    html, text = ((tmp_path / "reports" / "e" / name).read_text("utf-8") for name in ("index.html", "report.md"))
    for content in (html, text):
        assert content.count("cudnn, host-bound") >= 2 * 2  # of two tasks, at a glance and in the leaderboard
        assert content.count("cudnn, at 1,755 MHz") >= 2 * 2
        assert content.count(NOTE) == 3  # below the numbers, the leaderboard and the figures of times
        assert "2.90 ms · cudnn · host-bound" in content
        assert "1.60 ms · cudnn · at 1,755 MHz" in content
        assert "(cudnn kernel, host-bound)" in content  # in the verdict's costs
    again = tmp_path / "again"
    render("e", tmp_path, again, ("html", "markdown"))
    assert (again / "e" / "index.html").read_text("utf-8") == html


def test_a_report_of_a_cpu_does_not_mention_it(
    synthetic: ModuleType, results_of: Callable[..., Results], tmp_path: Path
) -> None:
    synthetic.write(tmp_path, "e", synthetic.experiment(("sine",), seeds=2, trials=1))
    render("e", tmp_path, tmp_path / "reports", ("html", "markdown"))
    for path in (tmp_path / "reports" / "e").glob("*.*"):
        assert "ost-bound" not in path.read_text("utf-8")
        assert " MHz" not in path.read_text("utf-8")


def test_compared_experiments_say_it_too(records: list[dict[str, Any]], synthetic: ModuleType, tmp_path: Path) -> None:
    for name in ("a", "b"):
        synthetic.write(tmp_path, name, records)
    _, markdown = render_comparison(compare(["a", "b"], tmp_path), tmp_path / "reports")
    text = markdown.read_text("utf-8")
    assert "cudnn, host-bound" in text
    assert text.count(NOTE) == 1


def test_a_line_of_progress_and_a_claim_say_it(synthetic: ModuleType) -> None:
    record = on_gpu(synthetic, "sine", "gru", 1980, True)
    assert describe(record).endswith(": 2.9 ms a step (cudnn, host-bound)")
    state, remark = judge_times(1.2, 1.3, [record["timing"], on_gpu(synthetic, "sine", "lstm", 1980, False)["timing"]])
    assert state == "refuted"
    assert remark == "; 1 of 2 timings are host-bound: of launching, not of computing"
