"""More trials and more replicates in the folder of an experiment: nothing that is recorded is trained again."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bench.config.resolve import resolve
from bench.executors.inline import InlineExecutor
from bench.experiment.observer import Observer
from bench.experiment.run import Outcome, run
from bench.records.doctor import diagnose
from bench.records.jsonl import read_records
from bench.records.schema import Record
from bench.records.selection import select

TIMES = ("wall_seconds", "cpu_seconds", "peak_bytes", "timing", "evaluation_seconds")


class Watch(Observer):
    """Counts what was measured by stage and replicate; interrupts after so many."""

    def __init__(self, until: int | None = None) -> None:
        self.measured: Counter[tuple[str, int | None]] = Counter()
        self.until = until

    def finished(self, slot: int | None, record: Record, reused: bool) -> None:
        if not reused:
            self.measured[record["stage"], record.get("replicate")] += 1
        if self.measured.total() == self.until:
            raise KeyboardInterrupt


@pytest.fixture
def options(toy_plugin: str, tmp_path: Path) -> dict[str, Any]:
    made = {"plugins": [toy_plugin], "tasks": ["toy"], "models": ["linear"], "budget": "smoke", "steps": 5}
    return {**made, "trials": 3, "replicates": 2, "name": "e", "results": str(tmp_path / "results")}


def go(options: dict[str, Any], watch: Watch | None = None) -> tuple[Outcome, Counter[tuple[str, int | None]]]:
    experiment, watch = resolve(options), watch or Watch()
    executor = InlineExecutor(experiment.options.plugins)
    return run(experiment, observer=watch, executor=executor), watch.measured


def records(outcome: Outcome) -> list[Record]:
    return list(read_records(outcome.results_folder / "records.jsonl"))


def comparable(outcome: Outcome, stages: tuple[str, ...] = ("trial", "train", "examine")) -> list[str]:
    dropped = (*TIMES, "command", "environment")
    kept = [{k: v for k, v in r.items() if k not in dropped} for r in records(outcome) if r["stage"] in stages]
    return sorted(json.dumps(record, sort_keys=True) for record in kept)


def examined(outcome: Outcome) -> dict[int, int]:
    """The trial that was examined last, by replicate."""
    return {r["replicate"]: r["trial"] for r in records(outcome) if r["stage"] == "examine"}


def selected(outcome: Outcome) -> dict[int, int]:
    found = {}
    for replicate in {r["replicate"] for r in records(outcome) if r["stage"] == "trial"}:
        trial = select([r for r in records(outcome) if r["stage"] == "trial" and r["replicate"] == replicate])
        assert trial is not None
        found[replicate] = trial["trial"]
    return found


def test_more_replicates_extend_fewer(options: dict[str, Any], tmp_path: Path) -> None:
    go(options)
    larger, measured = go({**options, "replicates": 4})
    assert {key: count for key, count in measured.items() if key[0] != "time"} == {
        **dict.fromkeys([("trial", 3), ("trial", 4)], 3),
        **dict.fromkeys([("examine", 3), ("examine", 4)], 1),
    }
    at_once, _ = go({**options, "replicates": 4, "results": str(tmp_path / "other")})
    assert comparable(larger) == comparable(at_once)
    manifest = json.loads((larger.results_folder / "experiment.json").read_text())
    assert manifest["experiment"]["replicates"] == 4


def test_a_longer_search_extends_a_shorter_one_in_every_replicate(options: dict[str, Any], tmp_path: Path) -> None:
    go(options)
    longer, measured = go({**options, "trials": 14})
    trained = {key: count for key, count in measured.items() if key[0] == "trial"}
    assert trained == {("trial", 1): 11, ("trial", 2): 11}
    at_once, _ = go({**options, "trials": 14, "results": str(tmp_path / "other")})
    assert comparable(longer, ("trial",)) == comparable(at_once, ("trial",))
    assert selected(longer) == examined(longer) == examined(at_once)
    assert not (longer.results_folder / "models").exists()


@pytest.mark.parametrize("smaller", [{"replicates": 1}, {"trials": 2}, {"replicates": 1, "trials": 2}], ids=str)
def test_what_is_complete_with_more_is_complete(options: dict[str, Any], smaller: dict[str, Any]) -> None:
    go(options)
    again, measured = go({**options, **smaller})
    assert again.unchanged
    assert not measured


def test_what_was_begun_is_completed_though_less_is_asked_for_later(options: dict[str, Any]) -> None:
    """Half of a longer search, or half a replicate, could not be compared with whole ones."""
    with pytest.raises(KeyboardInterrupt):
        go({**options, "trials": 6, "replicates": 3}, Watch(until=8))
    outcome, _ = go(options)
    trials = Counter(r["replicate"] for r in records(outcome) if r["stage"] == "trial")
    assert trials == {1: 6, 2: 6}
    manifest = json.loads((outcome.results_folder / "experiment.json").read_text())
    assert (manifest["experiment"]["trials"], manifest["experiment"]["replicates"]) == (6, 2)


@pytest.mark.parametrize("until", [1, 2, 3, 4, 7])
@pytest.mark.parametrize(("engine", "measurements"), [("exact", 8), ("auto", 10)])
def test_an_interrupted_run_goes_on_and_gives_what_it_would_have_given(
    options: dict[str, Any], tmp_path: Path, until: int, engine: str, measurements: int
) -> None:
    """Also where the end came between a replicate's last trial and its examination, or its weights are gone."""
    made = {**options, "models": ["rnn"], "engine": engine}
    with pytest.raises(KeyboardInterrupt):
        go(made, Watch(until))
    for path in (tmp_path / "results" / "e" / "models").glob("*"):
        if until == 3:
            path.unlink()
        elif until == 7:
            path.write_bytes(path.read_bytes()[:100])
    outcome, measured = go(made)
    assert sum(count for key, count in measured.items() if key[0] != "time") == measurements - until
    whole, _ = go({**made, "results": str(tmp_path / "whole")})
    assert comparable(outcome) == comparable(whole)
    names = [sorted(p.name for p in (o.results_folder / "predictions").iterdir()) for o in (outcome, whole)]
    assert names[0] == names[1]
    assert not (outcome.results_folder / "models").exists()


def test_the_weights_of_the_selected_trials_alone_are_kept_where_that_is_asked_for(options: dict[str, Any]) -> None:
    outcome, _ = go({**options, "save_models": True})
    kept = {path.stem for path in (outcome.results_folder / "models").iterdir()}
    chosen = selected(outcome)
    assert kept == {
        r["key"] for r in records(outcome) if r["stage"] == "trial" and r["trial"] == chosen[r["replicate"]]
    }


@pytest.mark.parametrize("save_models", [False, True])
def test_what_records_have_checksums_of_stays(options: dict[str, Any], save_models: bool) -> None:
    """Also of the trial that a shorter search had selected: it was examined, and the record of that is kept."""
    made = {**options, "save_models": save_models}
    first, _ = go(made)
    longer, _ = go({**made, "trials": 14})
    assert longer.results_folder == first.results_folder
    several = [r for r in records(longer) if r["stage"] == "examine"]
    assert len(several) > 2  # another trial was selected in some replicate
    assert diagnose("e", longer.results_folder.parent).is_sound
    names = {name for r in records(longer) for name in r.get("kept_files") or {}}
    left = {f"{path.parent.name}/{path.name}" for path in longer.results_folder.glob("*/*.*")}
    assert left == names == {name for r in several for name in r["kept_files"]}
    assert {name.split("/")[0] for name in names} == {"predictions", *(["models"] if save_models else [])}


def test_a_replicate_none_of_whose_trials_ends_well_selects_nothing(options: dict[str, Any]) -> None:
    outcome, _ = go({**options, "models": ["faulty[after=2]", "linear"]})
    assert {r["model"]["label"] for r in records(outcome) if r["stage"] in ("examine", "time")} == {"linear"}
    assert not (outcome.results_folder / "models").exists()


def test_replicates_added_to_a_complete_experiment_are_a_further_look(options: dict[str, Any]) -> None:
    """What is looked at repeatedly needs another test, so the manifest says so, and goes on saying so."""

    def extended(**more: Any) -> bool | None:
        outcome, _ = go({**options, **more})
        found: bool | None = json.loads((outcome.results_folder / "experiment.json").read_text()).get("extended")
        return found

    assert extended() is None
    assert extended(replicates=3) is True
    assert extended(replicates=3, trials=4) is True
