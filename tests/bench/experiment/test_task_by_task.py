"""An experiment in pieces: tasks are added to its folder, and each piece works on those that it is asked for."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bench.analysis.results import load
from bench.config.resolve import resolve
from bench.executors.inline import InlineExecutor
from bench.experiment.observer import Observer
from bench.experiment.outcome import Outcome
from bench.experiment.run import run
from bench.records.jsonl import read_records
from bench.records.schema import Record
from bench.report import render
from tasks.errors import NotInstalledError, UserError

pytestmark = pytest.mark.usefixtures("brief_timings")
SHORT, LONG = "toy[length=3]", "toy[length=6]"
TASKS = ["toy", SHORT, LONG]
TIMES = ("wall_seconds", "cpu_seconds", "peak_bytes", "timing", "evaluation_seconds", "command", "environment")


class Watch(Observer):
    """Counts what was done by task, and what of it was measured, not found; interrupts after so many of these."""

    def __init__(self, until: int | None = None) -> None:
        self.measured, self.done = Counter[str](), Counter[str]()
        self.notes: list[str] = []
        self.total = 0
        self.until = until

    def planned(self, trainings: int) -> None:
        self.total = trainings

    def note(self, text: str) -> None:
        self.notes.append(text)

    def finished(self, slot: int | None, record: Record, reused: bool) -> None:
        self.done[record["task"]["label"]] += 1
        if not reused:
            self.measured[record["task"]["label"]] += 1
        if self.measured.total() == self.until:
            raise KeyboardInterrupt


@pytest.fixture
def recipe(toy_plugin: str, tmp_path: Path) -> dict[str, Any]:
    """As a TOML file gives it: three tasks, two comparisons."""
    made = {"plugins": [toy_plugin], "tasks": TASKS, "models": ["linear"], "match": ["tuned", "hidden"]}
    sizes = {"hidden_sizes": [2, 4], "layers": [1], "trials": 9, "prune": True, "replicates": 2, "steps": 18}
    return {**made, **sizes, "name": "mine", "results": str(tmp_path / "results")}


def piece(recipe: dict[str, Any], watch: Watch | None = None, **flags: Any) -> tuple[Outcome, Watch]:
    experiment, watch = resolve(flags, recipe, recipe="ours"), watch or Watch()
    return run(experiment, observer=watch, executor=InlineExecutor(experiment.options.plugins)), watch


def comparable(outcome: Outcome) -> list[str]:
    records = read_records(outcome.results_folder / "records.jsonl")
    kept = [{k: v for k, v in r.items() if k not in TIMES} for r in records if r["stage"] != "time"]
    return sorted(json.dumps(record, sort_keys=True) for record in kept)


def manifest(outcome: Outcome) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((outcome.results_folder / "experiment.json").read_text())
    return found


def test_some_of_a_recipes_tasks_have_its_folder_and_others_another(recipe: dict[str, Any]) -> None:
    names = [resolve({"tasks": tasks}, recipe, recipe="ours").name for tasks in (None, SHORT, f"toy,{LONG}", "sine")]
    assert names[:3] == ["mine"] * 3
    assert names[3].startswith("mine-")
    assert resolve({"name": "theirs"}, recipe, recipe="ours").name == "theirs"
    assert resolve({"budget": "smoke"}, recipe, recipe="ours").name == "mine-smoke"
    unnamed = {key: value for key, value in recipe.items() if key != "name"}
    assert resolve({"tasks": SHORT}, unnamed, recipe="ours").name == "ours"


def test_task_by_task_gives_what_one_run_gives(recipe: dict[str, Any], tmp_path: Path) -> None:
    whole, all_of_it = piece(recipe, results=str(tmp_path / "whole"))
    assert all_of_it.total == all_of_it.done.total()
    for place, task in enumerate([LONG, "toy", SHORT], start=1):
        outcome, watch = piece(recipe, tasks=task)
        assert set(watch.measured) == {task}
        assert watch.total == watch.done[task] == all_of_it.done[task]
        assert watch.measured[task] == all_of_it.measured[task]
        found = manifest(outcome)
        assert (found["status"], len(found["experiment"]["tasks"])) == ("complete", place)
        assert found["trainings_planned"] == place * watch.total
        assert len(found["asks"]) == place
    assert comparable(outcome) == comparable(whole)
    again, watch = piece(recipe)
    assert again.unchanged
    assert not watch.measured
    assert load("mine", outcome.results_folder.parent).summary.shape == load("mine", tmp_path / "whole").summary.shape


@pytest.mark.parametrize("until", [5, *(pytest.param(n, marks=pytest.mark.storm) for n in (1, 14))])
def test_a_piece_that_was_interrupted_leaves_the_others_and_goes_on(
    recipe: dict[str, Any], tmp_path: Path, until: int
) -> None:
    whole, all_of_it = piece(recipe, results=str(tmp_path / "whole"))
    with pytest.raises(KeyboardInterrupt):
        piece(recipe, Watch(until), tasks="toy")
    with (tmp_path / "results" / "mine" / "records.jsonl").open("ab") as file:
        file.write(b'{"schema":1,"key":"')  # as a kill leaves it
    outcome, watch = piece(recipe, tasks=SHORT)
    assert set(watch.measured) == {SHORT}
    assert "not asked for now, and not complete: toy" in watch.notes
    found = manifest(outcome)
    assert found["status"] == "in part"
    assert {lack["task"] for lack in found["missing"]} == {"toy"}
    assert found["experiment"]["replicates"] == 2
    assert outcome.missing == 0
    done, planned = load("mine", tmp_path / "results").progress
    assert planned is not None
    assert done < planned
    (path, *_) = render("mine", tmp_path / "results", tmp_path / "reports")
    assert f"in part: {done} of {planned}" in path.read_text(encoding="utf-8")
    outcome, watch = piece(recipe)
    assert set(watch.measured) == {"toy", LONG}
    # fewer, where a training of one comparison was found in another that ran beside it the first time
    assert 0 < watch.measured["toy"] <= all_of_it.measured["toy"] - until
    assert comparable(outcome) == comparable(whole)
    assert (manifest(outcome)["status"], "missing" in manifest(outcome)) == ("complete", False)


def test_more_replicates_of_one_task_leave_the_others(recipe: dict[str, Any]) -> None:
    first, _ = piece(recipe)
    assert "extended" not in manifest(first)
    outcome, watch = piece(recipe, tasks=LONG, replicates=3)
    assert set(watch.measured) == {LONG}
    found = manifest(outcome)
    assert (found["status"], found["experiment"]["replicates"], found["extended"]) == ("complete", 2, True)
    results = load("mine", outcome.results_folder.parent)
    counts = results.selected.groupby("task")["replicate"].nunique()
    assert counts.to_dict() == {"toy": 2, SHORT: 2, LONG: 3}
    again, watch = piece(recipe)
    assert again.unchanged


def test_a_model_that_is_added_with_some_tasks_is_missing_on_the_others(recipe: dict[str, Any]) -> None:
    recipe = {**recipe, "tasks": ["toy", SHORT], "engine": "exact"}
    piece(recipe)
    outcome, watch = piece(recipe, tasks="toy", models="rnn", name="mine")
    assert set(watch.measured) == {"toy"}
    found = manifest(outcome)
    assert found["status"] == "in part"
    assert {(lack["task"], lack["model"]) for lack in found["missing"]} == {(SHORT, "rnn")}


def test_one_search_for_all_replicates_belongs_to_a_whole_experiment(recipe: dict[str, Any]) -> None:
    once = {**recipe, "tune": "once", "prune": False, "trials": 2, "tasks": [SHORT]}
    piece(once)
    with pytest.raises(UserError, match="was made with --tasks"):
        piece({**once, "tasks": ["toy", SHORT]})


def without(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str, *args: Any) -> Any:
        raise NotInstalledError(f"toy needs {package}, which is not installed: pip install 'bench[data]'")

    from tasks.registry import TASKS as REGISTRY

    create = REGISTRY.create

    def created(spec: Any, **defaults: Any) -> Any:
        return missing(spec.name) if str(spec) == LONG else create(spec, **defaults)

    monkeypatch.setattr(REGISTRY, "create", created)


def test_a_task_whose_package_is_not_there_is_named_and_left_out(
    recipe: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        without("toypack", patch)
        outcome, watch = piece(recipe)
        assert set(watch.measured) == {"toy", SHORT}
        why = "toy needs toypack, which is not installed: pip install 'bench[data]'"
        assert f"{LONG} is left out: {why}" in watch.notes
        assert manifest(outcome)["left_out"] == {LONG: why}
        (path, *_) = render("mine", tmp_path / "results", tmp_path / "reports", ["markdown"])
        assert f"Left out: {LONG}: {why}" in path.read_text(encoding="utf-8").replace("\\", "")
        outcome, _ = piece(recipe, tasks=SHORT)  # says nothing of it, and so does not forget it
        assert manifest(outcome)["left_out"] == {LONG: why}
        with pytest.raises(NotInstalledError, match="toypack"):
            piece(recipe, tasks=LONG)
        with pytest.raises(NotInstalledError, match="toypack"):
            piece({**recipe, "tasks": [LONG]})
    outcome, watch = piece(recipe)  # it is installed now
    assert set(watch.measured) == {LONG}
    assert "left_out" not in manifest(outcome)
    without("toypack", monkeypatch)
    with pytest.raises(UserError, match=r"can't be extended here, since it has a task that can't be made: toy needs"):
        piece(recipe, tasks=SHORT)
