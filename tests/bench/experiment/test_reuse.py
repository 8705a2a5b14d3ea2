"""What is recorded is never trained again: in an experiment, in another one that shares trainings, in its modes."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bench.config.resolve import resolve
from bench.executors.inline import InlineExecutor
from bench.experiment.cell import TIMING_ROUNDS
from bench.experiment.observer import Observer
from bench.experiment.outcome import Outcome
from bench.experiment.run import run
from bench.records.doctor import diagnose
from bench.records.jsonl import read_records
from bench.records.schema import Record

TIMES = ("wall_seconds", "cpu_seconds", "peak_bytes", "timing", "evaluation_seconds")


class Trained(Observer):
    """Counts what was measured, by stage and model."""

    def __init__(self) -> None:
        self.fresh: Counter[tuple[str, str]] = Counter()

    def finished(self, slot: int | None, record: Record, reused: bool) -> None:
        if not reused:
            self.fresh[record["stage"], record["model"]["label"]] += 1


@pytest.fixture
def options(toy_plugin: str, tmp_path: Path) -> dict[str, Any]:
    made = {"plugins": [toy_plugin], "tasks": ["toy"], "models": ["linear"], "budget": "smoke", "trials": 6}
    return {**made, "sampler": "tpe", "results": str(tmp_path / "results")}


def go(options: dict[str, Any], fresh: bool = False) -> tuple[Outcome, Counter[tuple[str, str]]]:
    experiment, trained = resolve(options), Trained()
    executor = None if experiment.options.workers else InlineExecutor(experiment.options.plugins)
    return run(experiment, fresh=fresh, observer=trained, executor=executor), trained.fresh


def measured(outcome: Outcome) -> list[str]:
    found = read_records(outcome.results_folder / "records.jsonl")
    dropped = (*TIMES, "command", "experiment", "environment", "reused_from")
    kept = [{k: v for k, v in r.items() if k not in dropped} for r in found if r["stage"] != "time"]
    return sorted(json.dumps(record, sort_keys=True) for record in kept)


@pytest.mark.parametrize(
    ("change", "new"),
    [
        (
            {"models": ["linear", "faulty[how=none]"]},
            {("trial", "faulty[how=none]"): 12, ("examine", "faulty[how=none]"): 2},
        ),
        ({"name": "other", "replicates": 4}, {("trial", "linear"): 12, ("examine", "linear"): 2}),
        ({"name": "other", "trials": 7}, {("trial", "linear"): 2}),
        ({"tune": "once"}, {("search", "linear"): 6, ("confirm", "linear"): 2}),
    ],
    ids=["one more model", "two more replicates", "one more trial", "one search for all"],
)
def test_another_experiment_trains_only_what_is_new_and_gives_what_it_would_alone(
    options: dict[str, Any], tmp_path: Path, change: dict[str, Any], new: dict[tuple[str, str], int]
) -> None:
    go(options)
    changed, fresh = go({**options, **change})
    other = {key: count for key, count in fresh.items() if key[0] != "time"}
    other.pop(("examine", "linear"), None) if "trials" in change else None
    assert other == new
    alone, _ = go({**options, **change, "results": str(tmp_path / "alone")})
    assert changed.results_folder.name == alone.results_folder.name
    assert measured(changed) == measured(alone)
    again = [r["reused_from"] for r in read_records(changed.results_folder / "records.jsonl") if "reused_from" in r]
    assert set(again) == (set() if "tune" in change else {resolve(options).name})
    kept = [{path.name for path in (o.results_folder / "predictions").iterdir()} for o in (changed, alone)]
    assert kept[0] == kept[1]
    assert all(diagnose(o.results_folder.name, o.results_folder.parent).is_sound for o in (changed, alone))


def test_what_left_predictions_that_are_gone_or_damaged_is_measured_again(options: dict[str, Any]) -> None:
    first, _ = go(options)
    lost, damaged = sorted((first.results_folder / "predictions").iterdir())
    lost.unlink()
    damaged.write_bytes(damaged.read_bytes()[:-1])
    other, fresh = go({**options, "name": "other"})
    assert fresh == {("examine", "linear"): 2, ("time", "linear"): TIMING_ROUNDS}
    assert diagnose("other", other.results_folder.parent).is_sound


def test_what_was_confirmed_at_one_configuration_is_the_trial_of_a_replicate(options: dict[str, Any]) -> None:
    """As it was in experiments that were recorded before replicates had searches of their own."""
    lone = {**options, "hidden_sizes": "1", "layers": "1", "lr_range": "0.01,0.01"}
    before, _ = go({**lone, "tune": "once", "name": "before"})
    now, fresh = go({**lone, "name": "now"})
    assert fresh == {("time", "linear"): TIMING_ROUNDS}
    kept = [{path.name for path in (o.results_folder / "predictions").iterdir()} for o in (before, now)]
    assert kept[0] == kept[1]


def test_fresh_uses_nothing_of_other_experiments(options: dict[str, Any]) -> None:
    go(options)
    _, fresh = go({**options, "name": "other"}, fresh=True)
    assert fresh == {("trial", "linear"): 12, ("examine", "linear"): 2, ("time", "linear"): TIMING_ROUNDS}


def test_a_complete_experiment_starts_no_worker(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    first, _ = go(options)

    def refuse(*arguments: Any) -> None:
        raise AssertionError("a worker was started")

    monkeypatch.setattr("bench.experiment.workers.open_executor", refuse)
    again = run(resolve(options))
    assert again.unchanged
    assert (again.jobs, again.failures) == (first.jobs, first.failures)


def test_a_complete_experiment_whose_records_were_touched_is_looked_at_again(options: dict[str, Any]) -> None:
    first, _ = go(options)
    path = first.results_folder / "records.jsonl"
    whole = measured(first)
    lines = path.read_bytes().splitlines(keepends=True)
    lost = [b'"stage":"trial"' in line and b'"trial":3,' in line for line in lines]
    path.write_bytes(b"".join(line for line, gone in zip(lines, lost, strict=True) if not gone))
    again, fresh = go(options)
    assert fresh == {("trial", "linear"): 2}
    assert measured(again) == whole


@pytest.mark.parametrize("mode", [{}, {"prune": True, "trials": 9}], ids=["batches", "pruning"])
def test_the_search_is_the_same_with_any_number_of_workers(
    options: dict[str, Any], tmp_path: Path, mode: dict[str, Any]
) -> None:
    made = {**options, **mode}
    found = [measured(go({**made, "workers": n, "results": str(tmp_path / str(n))})[0]) for n in (1, 3)]
    inline = measured(go({**made, "results": str(tmp_path / "inline")})[0])
    assert found[0] == found[1] == inline


def test_pruning_records_how_far_each_training_went(options: dict[str, Any]) -> None:
    outcome, _ = go({**options, "prune": True, "trials": 9})
    records = list(read_records(outcome.results_folder / "records.jsonl"))
    trials = [r for r in records if r["stage"] == "trial"]
    assert Counter(r["training"]["steps"] for r in trials) == {5: 18, 15: 6, 40: 2}
    assert all(r["curve"]["step"][-1] == r["training"]["steps"] for r in trials)
    search = [r for r in trials if r["replicate"] == 1]
    whole = next(r for r in search if r["training"]["steps"] == 40)
    assert {r["examined"] for r in records if r["stage"] == "examine"} == {
        r["key"] for r in trials if r["training"]["steps"] == 40
    }
    assert "budget_steps" not in whole["training"]
    for record in (r for r in search if r["trial"] == whole["trial"]):  # a rung is the beginning of the whole training
        length = len(record["curve"]["step"])
        assert all(column == whole["curve"][name][:length] for name, column in record["curve"].items())
    assert outcome.failures == 0


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (
            {"executor": "slurm"},
            "unknown executor 'slurm': expected local, inline, dask://HOST:PORT or dask+tls://HOST:PORT",
        ),
        ({"executor": "dask://host"}, "expected local, inline, dask://HOST:PORT or dask+tls://HOST:PORT"),
        ({"timeout": 0}, "--timeout is 0: expected more than 0 seconds"),
        ({"max_time": -1}, "--max-time is -1: expected more than 0 seconds"),
        ({"memory": 0}, "--memory is 0: expected more than 0 GiB"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], flags: dict[str, Any], says: str) -> None:
    from tasks.errors import UserError

    with pytest.raises(UserError) as refused:
        resolve({**options, **flags})
    assert says in str(refused.value)


def test_limits_and_places_do_not_make_another_experiment(options: dict[str, Any]) -> None:
    plain = resolve(options)
    limited = resolve(
        {
            **options,
            "timeout": 5,
            "max_time": 60,
            "memory": 1,
            "executor": "dask://h:1",
            "storage": "x.db",
            "workers": 3,
        }
    )
    assert limited.identity() == plain.identity()
    assert limited.name == plain.name
    assert resolve({**options, "prune": True}).identity() != plain.identity()
