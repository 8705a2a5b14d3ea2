"""`--until-settled`: which tasks get more replicates, and when that ends."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bench.analysis.results import Results
from bench.config.resolve import resolve
from bench.executors.inline import InlineExecutor
from bench.experiment.cell import TIMING_ROUNDS
from bench.experiment.observer import Observer
from bench.experiment.outcome import Outcome
from bench.experiment.run import run
from bench.records.jsonl import read_records
from bench.records.schema import Record

TASKS = ("toy", "toy[length=5]")


@pytest.fixture
def options(toy_plugin: str, tmp_path: Path) -> dict[str, Any]:
    made = {"plugins": [toy_plugin], "tasks": list(TASKS), "models": ["linear"], "budget": "smoke", "steps": 2}
    made |= {"hidden_sizes": "1", "layers": "1", "lr_range": "0.01,0.01", "name": "e"}
    return {**made, "until_settled": True, "results": str(tmp_path / "results")}


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, int]]:
    """The replicates that each look found by task, where "toy" is settled with 10 and the other task never."""
    found: list[dict[str, int]] = []

    def states(results: Results, cap: int) -> dict[tuple[str, str], str]:
        trials = [r for r in results.records if r["stage"] == "trial"]
        counts = Counter(r["task"]["label"] for r in trials)
        found.append(dict(counts))
        assert results.manifest["first_look"] == 7
        other = "open" if counts[TASKS[1]] < cap else "futile"
        return {("tuned", TASKS[0]): "settled" if counts[TASKS[0]] >= 10 else "open", ("tuned", TASKS[1]): other}

    pretended = ModuleType("bench.analysis.sequential")
    pretended.states = states  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "bench.analysis.sequential", pretended)
    return found


def go(options: dict[str, Any], finished: Callable[[Record, bool], None] = lambda record, reused: None) -> Outcome:
    class Watch(Observer):
        def finished(self, slot: int | None, record: Record, reused: bool) -> None:
            finished(record, reused)

    experiment = resolve(options)
    return run(experiment, observer=Watch(), executor=InlineExecutor(experiment.options.plugins))


def replicates(outcome: Outcome, stage: str = "trial") -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for record in read_records(outcome.results_folder / "records.jsonl"):
        if record["stage"] == stage:
            found.setdefault(record["task"]["label"], []).append(record["replicate"])
    return {task: sorted(set(numbers)) for task, numbers in found.items()}


def manifest(outcome: Outcome) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((outcome.results_folder / "experiment.json").read_text())
    return content


def test_open_tasks_alone_get_replicates_until_they_are_settled_or_the_cap_is_reached(
    options: dict[str, Any], looks: list[dict[str, int]]
) -> None:
    outcome = go({**options, "max_replicates": 16})
    expected = {TASKS[0]: list(range(1, 11)), TASKS[1]: list(range(1, 17))}
    assert replicates(outcome) == expected
    assert replicates(outcome, "reference") == expected
    assert looks[0] == dict.fromkeys(TASKS, 7)  # whatever the budget says
    assert [look[TASKS[1]] for look in looks] == [7, 8, 9, 10, 11, 12, 13, 14, 16]
    kept = manifest(outcome)
    assert kept["states"] == {f"tuned {TASKS[0]}": "settled", f"tuned {TASKS[1]}": "futile"}
    assert kept["status"] == "complete"
    assert kept["trainings_planned"] == 10 + 16 + 2 * TIMING_ROUNDS
    assert go({**options, "max_replicates": 16}).unchanged


def test_a_higher_cap_goes_on_and_a_lower_one_has_enough(options: dict[str, Any], looks: list[dict[str, int]]) -> None:
    go({**options, "max_replicates": 12})
    assert go({**options, "max_replicates": 8}).unchanged
    trained: list[int] = []

    def count(record: Record, reused: bool) -> None:
        if record["stage"] == "trial" and not reused:
            trained.append(record["replicate"])

    outcome = go({**options, "max_replicates": 14}, count)
    assert trained == [13, 14]
    assert replicates(outcome) == {TASKS[0]: list(range(1, 11)), TASKS[1]: list(range(1, 15))}


def test_what_was_interrupted_between_looks_goes_on(options: dict[str, Any], looks: list[dict[str, int]]) -> None:
    def stop(record: Record, reused: bool) -> None:
        if record["stage"] == "trial" and record["replicate"] == 9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        go({**options, "max_replicates": 12}, stop)
    outcome = go({**options, "max_replicates": 12})
    assert replicates(outcome) == {TASKS[0]: list(range(1, 11)), TASKS[1]: list(range(1, 13))}


def test_max_time_ends_it_without_another_look(
    options: dict[str, Any], looks: list[dict[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    real, late = time.monotonic, [0.0]
    monkeypatch.setattr("bench.experiment.driver.time.monotonic", lambda: real() + late[0])

    def delay(record: Record, reused: bool) -> None:
        if record["stage"] == "trial" and record["replicate"] == 8:
            late[0] = 1e6

    outcome = go({**options, "max_time": 1000}, delay)
    assert len(looks) == 1
    assert manifest(outcome)["status"] == "out of time"
    assert outcome.missing > 0


def test_replicates_that_are_added_by_hand_are_looked_at_by_the_same_test(
    options: dict[str, Any], looks: list[dict[str, int]]
) -> None:
    fixed = {**options, "until_settled": False, "replicates": 9}
    go(fixed)
    assert looks == []
    go({**options, "max_replicates": 10})
    assert looks[0] == dict.fromkeys(TASKS, 9)
