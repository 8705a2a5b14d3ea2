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
from bench.experiment.outcome import Outcome
from bench.experiment.run import run
from bench.records.doctor import diagnose
from bench.records.jsonl import read_records
from bench.records.schema import Record
from bench.records.selection import select
from tasks.errors import UserError
from tasks.registry import code_hash, load_plugin_file

MODEL = """
from dataclasses import dataclass
from bench.models.gru import Gru

@dataclass(frozen=True)
class Another(Gru):
    name = "another"
    summary = "a GRU under another name"
"""
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
    assert kept(longer) == {r["examined"] for r in records(longer) if r["stage"] == "examine"}


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
    made = {**options, "models": ["gru"], "engine": engine}
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
    assert kept(outcome) == kept(whole) == {r["examined"] for r in records(whole) if r["stage"] == "examine"}


def kept(outcome: Outcome) -> set[str]:
    """Keys of the trainings whose models are beside the records."""
    return {path.stem for path in (outcome.results_folder / "models").glob("*")}


def chosen(outcome: Outcome) -> set[str]:
    trial = selected(outcome)
    return {r["key"] for r in records(outcome) if r["stage"] == "trial" and r["trial"] == trial[r["replicate"]]}


def test_the_models_of_the_selected_trials_alone_are_kept(options: dict[str, Any]) -> None:
    outcome, _ = go(options)
    assert kept(outcome) == chosen(outcome)
    without, _ = go({**options, "save_models": False, "name": "without"})
    assert not (without.results_folder / "models").exists()


def test_what_an_earlier_run_did_not_keep_is_trained_again_where_that_is_asked_for(options: dict[str, Any]) -> None:
    without, _ = go({**options, "save_models": False})
    again, measured = go(options)
    assert again.unchanged  # a default trains nothing again
    assert not measured
    kept_now, measured = go({**options, "save_models": True})
    assert measured == {("examine", 1): 1, ("examine", 2): 1}
    assert kept(kept_now) == chosen(without)
    unchanged, measured = go({**options, "save_models": True})
    assert unchanged.unchanged
    assert not measured
    assert diagnose("e", kept_now.results_folder.parent).is_sound


@pytest.mark.parametrize("lost", [None, b"", b"PK other bytes"], ids=["removed", "empty", "damaged"])
def test_a_model_that_is_lost_is_made_again_where_that_is_asked_for(
    options: dict[str, Any], lost: bytes | None
) -> None:
    first, _ = go(options)
    before = {path.name: path.read_bytes() for path in (first.results_folder / "models").iterdir()}
    gone, other = sorted((first.results_folder / "models").iterdir())
    gone.unlink() if lost is None else gone.write_bytes(lost)
    mended, measured = go({**options, "save_models": True})
    assert sum(measured.values()) == 1
    assert kept(mended) == chosen(first)
    assert (first.results_folder / "models" / other.name).read_bytes() == before[other.name]
    assert diagnose("e", mended.results_folder.parent).is_sound
    unchanged, measured = go({**options, "save_models": True})
    assert unchanged.unchanged
    assert not measured


def test_a_large_model_is_kept_where_that_is_asked_for(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.experiment.cell_orders.LARGEST_UNASKED", 11)
    small, _ = go(options)
    assert not kept(small)
    asked, _ = go({**options, "save_models": True})
    assert kept(asked) == chosen(asked)


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
    left = {f"{path.parent.name}/{path.name}" for path in longer.results_folder.glob("*/*.*")} - {"plugins/toy.py"}
    assert left == names == {name for r in several for name in r["kept_files"]}
    assert {name.split("/")[0] for name in names} == {"predictions", *(["models"] if save_models else [])}


def test_a_replicate_none_of_whose_trials_ends_well_selects_nothing(options: dict[str, Any]) -> None:
    outcome, _ = go({**options, "models": ["faulty[after=2]", "linear"]})
    examinations = [r for r in records(outcome) if r["stage"] == "examine"]
    assert {r["model"]["label"] for r in records(outcome) if r["stage"] in ("examine", "time")} == {"linear"}
    assert kept(outcome) == {r["examined"] for r in examinations}


def test_replicates_added_to_a_complete_experiment_are_a_further_look(options: dict[str, Any]) -> None:
    """What is looked at repeatedly needs another test, so the manifest says so, and goes on saying so."""

    def extended(**more: Any) -> bool | None:
        outcome, _ = go({**options, **more})
        found: bool | None = json.loads((outcome.results_folder / "experiment.json").read_text()).get("extended")
        return found

    assert extended() is None
    assert extended(replicates=3) is True
    assert extended(replicates=3, trials=4) is True


def test_another_model_extends_the_experiment_of_a_name(options: dict[str, Any], tmp_path: Path) -> None:
    options = {**options, "engine": "exact"}
    go(options)
    both, measured = go({**options, "models": ["rnn"]})
    assert {key: count for key, count in measured.items() if key[0] != "time"} == {
        **dict.fromkeys([("trial", 1), ("trial", 2)], 3),
        **dict.fromkeys([("examine", 1), ("examine", 2)], 1),
    }
    at_once, _ = go({**options, "models": ["linear", "rnn"], "results": str(tmp_path / "other")})
    assert comparable(both) == comparable(at_once)
    manifests = [json.loads((o.results_folder / "experiment.json").read_text()) for o in (both, at_once)]
    assert manifests[0]["identity"] == manifests[1]["identity"]
    assert manifests[0]["experiment"]["models"] == ["linear", "rnn"]
    for models in (["linear"], ["rnn"], ["rnn", "linear"]):
        again, measured = go({**options, "models": models})
        assert again.unchanged
        assert not measured


def test_a_model_with_a_plug_in_of_its_own_extends_too(options: dict[str, Any], tmp_path: Path) -> None:
    go(options)
    plugin = tmp_path / "another.py"
    plugin.write_text(MODEL)
    both, measured = go({**options, "models": ["another"], "plugins": [str(plugin), *options["plugins"]]})
    assert measured["trial", 1] == 3
    assert {r["model"]["name"] for r in records(both) if r["stage"] == "trial"} == {"linear", "another"}


def test_an_edited_plug_in_is_said_by_name(options: dict[str, Any], tmp_path: Path) -> None:
    plugin = tmp_path / "edited.py"
    plugin.write_text(MODEL.replace("another", "edited"))
    made = {**options, "models": ["edited"], "plugins": [*options["plugins"], str(plugin)]}
    outcome, _ = go(made)
    plugin.write_text(MODEL.replace("another", "edited") + "\n# edited\n")
    vars(load_plugin_file(str(plugin)))["__code_hash__"] = "of the edited file"  # as another process would find it
    code_hash.cache_clear()
    with pytest.raises(UserError) as refused:
        go(made)
    says = f"edited.py has changed since {outcome.results_folder} was made: give another --name, or --fresh"
    assert str(refused.value) == says


def test_changed_data_are_said_by_name_with_their_rows(options: dict[str, Any], tmp_path: Path) -> None:
    table = tmp_path / "sales.csv"
    values = [f"{i * 7 % 13}" for i in range(101)]
    table.write_text("\n".join(["sales", *values[:100]]))
    made = {**options, "tasks": None, "data": str(table), "target": "sales", "window": 4, "models": ["rnn"]}
    outcome, _ = go(made)
    table.write_text("\n".join(["sales", *values]))
    with pytest.raises(UserError) as refused:
        go(made)
    what = f"sales.csv has changed since {outcome.results_folder} was made (100 → 101 rows)"
    assert str(refused.value) == f"{what}: give another --name, or --fresh"
    table.write_text("\n".join(["sales", *values[:100]]))
    with pytest.raises(UserError, match=r"was made with --window 4 \(now 5\): give another --name, or --fresh"):
        go({**made, "window": 5})
    assert go(made)[0].unchanged
