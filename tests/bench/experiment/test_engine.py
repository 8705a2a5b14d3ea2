"""`--engine auto`: a search's trials run on a faster implementation, results are made by the model itself."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import bench
from bench.config.files import read_config
from bench.config.resolve import resolve
from bench.executors.inline import InlineExecutor
from bench.experiment.cell import CellPlan
from bench.experiment.cell_orders import train_order, trial_order
from bench.experiment.observer import Observer
from bench.experiment.outcome import Outcome
from bench.experiment.rerun import rerun
from bench.experiment.run import run
from bench.experiment.search import Point, Trial
from bench.models.contract import Learner
from bench.models.gru import Gru
from bench.models.lstm import Lstm
from bench.models.torch_learner.stacked.twins import LstmInStack
from bench.records.jsonl import read_records
from bench.records.schema import Record
from bench.training.jobs import TrainingJob
from tasks.errors import UserError

TIMES = ("wall_seconds", "cpu_seconds", "peak_bytes", "evaluation_seconds", "command", "environment", "experiment")


class Watch(Observer):
    """Counts what was measured, by stage."""

    def __init__(self) -> None:
        self.measured: Counter[str] = Counter()
        self.announced = 0

    def planned(self, trainings: int) -> None:
        self.announced = trainings

    def finished(self, slot: int | None, record: Record, reused: bool) -> None:
        self.measured[record["stage"]] += not reused


@pytest.fixture
def options(toy_plugin: str, tmp_path: Path) -> dict[str, Any]:
    made = {"plugins": [toy_plugin], "tasks": ["toy"], "models": ["gru"], "budget": "smoke", "steps": 5}
    return {**made, "trials": 3, "replicates": 2, "name": "e", "results": str(tmp_path / "results")}


def go(options: dict[str, Any]) -> tuple[Outcome, Watch]:
    watch = Watch()
    return run(resolve(options), observer=watch, executor=InlineExecutor(tuple(options["plugins"]))), watch


def records(outcome: Outcome, *stages: str) -> list[Record]:
    return [r for r in read_records(outcome.results_folder / "records.jsonl") if r["stage"] in stages]


def measured_of(record: Record) -> Record:
    return {key: value for key, value in record.items() if key not in (*TIMES, "stage", "search_kernel")}


def test_results_are_the_models_own_trainings_of_what_faster_trials_selected(
    options: dict[str, Any], tmp_path: Path
) -> None:
    outcome, watch = go(options)
    trials, trained = records(outcome, "trial"), records(outcome, "train")
    assert {(r["kernel"], r["search_kernel"]) for r in trials} == {("numpy", "numpy")}
    assert {(r["kernel"], r["search_kernel"]) for r in trained} == {("aten", "numpy")}
    assert {r["model"]["name"] for r in trials + trained} == {"gru"}
    assert (len(trials), len(trained), watch.announced) == (6, 2, outcome.jobs)
    results = bench.load("e", options["results"])
    assert list(results.selected["stage"]) == ["train", "train"]
    assert set(results.selected["trial"]) <= {0, 1, 2}
    assert [r["examined"] for r in records(outcome, "examine")] == [r["key"] for r in trained]
    assert {path.stem for path in (outcome.results_folder / "models").iterdir()} == {r["key"] for r in trained}
    # the same training as with --engine exact, which selects the same here
    exact, _ = go({**options, "engine": "exact", "results": str(tmp_path / "exact")})
    own = {r["key"]: measured_of(r) for r in records(exact, "trial")}
    assert [measured_of(r) for r in trained] == [own[r["key"]] for r in trained]
    assert {r["key"] for r in trials}.isdisjoint(own)
    assert not any("search_kernel" in r for r in records(exact, "trial", "examine", "time", "reference"))
    assert {r["stage"] for r in records(exact, "trial", "train", "examine", "time")} == {"trial", "examine", "time"}


def test_an_exact_experiment_goes_on_as_one(options: dict[str, Any]) -> None:
    go({**options, "engine": "exact"})
    path = Path(options["results"]) / "e" / "experiment.json"
    again, watch = go(options)
    assert again.unchanged
    assert not watch.measured.total()
    manifest = json.loads(path.read_text())
    del manifest["experiment"]["engine"]  # as before there was a choice
    path.write_text(json.dumps({**manifest, "status": "interrupted"}))
    assert read_config(path)["engine"] == "exact"
    more, watch = go({**options, "replicates": 3})
    assert (watch.measured["trial"], watch.measured["train"], watch.measured["examine"]) == (3, 0, 1)
    assert not any("search_kernel" in r for r in records(more, "trial", "examine"))
    assert json.loads(path.read_text())["experiment"]["engine"] == "exact"


def test_a_faster_experiment_is_not_gone_on_with_exactly(options: dict[str, Any]) -> None:
    go(options)
    with pytest.raises(UserError, match=r"was made with --engine auto \(now exact\): give another --name"):
        go({**options, "engine": "exact"})
    fewer, watch = go({**options, "trials": 1})
    assert fewer.unchanged
    assert not watch.measured.total()


def test_a_longer_search_trains_only_what_is_new(options: dict[str, Any], tmp_path: Path) -> None:
    first, _ = go(options)
    before = {(r["replicate"], r["trial"]) for r in records(first, "train")}
    longer, watch = go({**options, "trials": 6, "replicates": 3})
    assert watch.measured["trial"] == 2 * 3 + 6
    whole, _ = go({**options, "trials": 6, "replicates": 3, "results": str(tmp_path / "whole")})
    selected = {(r["replicate"], r["trial"]) for r in records(whole, "train")}
    assert watch.measured["train"] == watch.measured["examine"] == len(selected - before)
    tables = [bench.load("e", o.results_folder.parent).selected for o in (longer, whole)]
    assert tables[0]["test_loss"].tolist() == tables[1]["test_loss"].tolist()


def test_one_trial_is_trained_by_the_model_itself_and_extended_by_it(options: dict[str, Any]) -> None:
    one, watch = go({**options, "trials": 1})
    assert {r["kernel"] for r in records(one, "trial")} == {"aten"}
    assert watch.measured["train"] == 0
    longer, watch = go(options)
    assert (watch.measured["trial"], watch.measured["train"]) == (4, 0)
    assert {r["kernel"] for r in records(longer, "trial")} == {"aten"}


def test_one_search_for_all_replicates_is_faster_and_confirmed_by_the_model(options: dict[str, Any]) -> None:
    outcome, _ = go({**options, "tune": "once"})
    kernels = {(r["stage"], r["kernel"], r["search_kernel"]) for r in records(outcome, "search", "confirm")}
    assert kernels == {("search", "numpy", "numpy"), ("confirm", "aten", "numpy")}


def test_pruned_trials_are_faster_too(options: dict[str, Any]) -> None:
    outcome, watch = go({**options, "prune": True, "steps": 30, "trials": 9, "replicates": 1})
    assert {r["kernel"] for r in records(outcome, "trial")} == {"numpy"}
    assert watch.announced == outcome.jobs
    (trained,) = records(outcome, "train")
    assert "budget_steps" not in trained["training"]


def test_two_implementations_in_one_experiment_share_the_trials(options: dict[str, Any]) -> None:
    outcome, _ = go({**options, "models": ["gru", "numpy_gru"]})
    trials = records(outcome, "trial")
    keys = [{r["key"] for r in trials if r["model"]["label"] == name} for name in ("gru", "numpy_gru")]
    assert keys[0] == keys[1]
    assert {r["model"]["label"] for r in trials if "search_kernel" in r} == {"gru"}
    table = bench.load("e", options["results"]).selected
    kernels = set(zip(table["model"], table["stage"], table["kernel"], strict=True))
    assert kernels == {("gru", "train", "aten"), ("numpy_gru", "trial", "numpy")}
    for _, pair in table.groupby("replicate"):
        assert pair["test_loss"].max() == pytest.approx(pair["test_loss"].min(), rel=1e-3)


def test_where_the_models_own_training_fails_the_next_best_trial_is_trained(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    outcome, _ = go({**options, "replicates": 1})
    (best,) = records(outcome, "train")
    build = Gru.build

    def fails_for_the_best(model: Gru, problem: Any, settings: Any, *rest: Any) -> Learner:
        if settings.learning_rate == best["training"]["learning_rate"]:
            raise ValueError("not this one")
        return build(model, problem, settings, *rest)

    monkeypatch.setattr(Gru, "build", fails_for_the_best)
    again, _ = go({**options, "replicates": 1, "results": str(tmp_path / "again")})
    trained = records(again, "train")
    assert [r["status"] for r in trained] == ["failed", "ok"]
    ranked = sorted(records(again, "trial"), key=lambda r: min(r["curve"]["valid_loss"]))
    assert [r["trial"] for r in trained] == [r["trial"] for r in ranked[:2]]
    (row,) = bench.load("e", tmp_path / "again").selected.to_dict("records")
    assert (row["stage"], row["trial"], row["status"]) == ("train", ranked[1]["trial"], "ok")


@pytest.mark.parametrize(
    "change",
    [
        {"dropout": 0.1},
        {"precision": "bfloat16"},
        {"device": "cuda", "precision": "bfloat16"},
        {"device": "cuda", "models": ["attention"]},
        {"models": ["lstm", "rnn"]},
        {"models": ["numpy_gru"]},
        {"trials": 1},
        {"hidden_sizes": [8], "layers": [1], "lr_range": [0.01, 0.01]},
    ],
    ids=str,
)
def test_what_has_no_faster_implementation_is_the_exact_experiment(
    options: dict[str, Any], change: dict[str, Any]
) -> None:
    exact = resolve({**options, **change, "engine": "exact"})
    assert resolve({**options, **change}).identity() == exact.identity()
    assert resolve({**options, **change}).engine == "exact"
    assert resolve(options).identity() != resolve({**options, "engine": "exact"}).identity()


def test_a_recorded_trial_is_trained_again_as_it_was(options: dict[str, Any]) -> None:
    outcome, _ = go({**options, "replicates": 1})
    for stage in ("trial", "train"):
        record = records(outcome, stage)[0]
        before, now = rerun("e", record["key"], options["results"])
        assert (now["key"], now["kernel"], now["curve"]) == (before["key"], record["kernel"], before["curve"])


def test_on_a_gpu_the_trials_are_those_that_a_cohort_stacks(options: dict[str, Any]) -> None:
    """They are scored on validation data alone; the selected one is trained and scored by the model itself."""
    made = resolve({**options, "models": ["lstm"], "device": "cuda"})
    assert made.engine == "auto"
    plan = CellPlan(made, made.matchings[0], made.tasks[0], made.entries[0], "cuda")
    order = trial_order(plan, Trial(0, Point(8, 1, 0.01)), 1)
    assert isinstance(order.job, TrainingJob)
    assert order.job.training.model == LstmInStack()
    assert not order.job.training.on_test_data
    assert (order.identity["model"]["name"], order.identity["search_kernel"]) == ("lstm", "stacked")
    described = order.job.training.describe()
    again = train_order(plan, {**described, **order.identity})
    assert isinstance(again.job, TrainingJob)
    assert again.job.training.model == Lstm()
    assert again.job.training.on_test_data
    assert again.identity["search_kernel"] == "stacked"
