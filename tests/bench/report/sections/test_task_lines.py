"""The page says what each task asks for, once for all of which the same is said."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

from bench.analysis.results import Results
from bench.report.sections.task_lines import task_lines
from bench.report.sections.verdict import verdict_section

Build = Callable[..., Results]


def test_tasks_of_which_the_same_is_said_share_a_line(synthetic: ModuleType, results_of: Build) -> None:
    asks = {"copy[delay=10]": "repeat a string", "copy[delay=20]": "repeat a string", "sine": "the next sample"}
    results = results_of(synthetic.experiment(seeds=1, trials=1), asks=asks)
    assert task_lines(results) == ["copy[delay=10], copy[delay=20]: repeat a string", "sine: the next sample"]
    assert verdict_section(results).blocks[-1].items == task_lines(results)  # type: ignore[union-attr]


def test_an_experiment_of_an_earlier_bench_has_none(synthetic: ModuleType, results_of: Build) -> None:
    assert task_lines(results_of(synthetic.experiment(seeds=1, trials=1))) == []
