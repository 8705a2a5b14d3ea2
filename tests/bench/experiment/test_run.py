import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bench.config.resolve import resolve
from bench.executors.inline import InlineExecutor
from bench.experiment.cell import TIMING_ROUNDS
from bench.experiment.observer import Observer
from bench.experiment.rerun import rerun
from bench.experiment.run import Outcome, run
from bench.records.jsonl import RecordFile
from bench.records.schema import Record
from bench.training.loop import CURVE
from tasks.errors import UserError

TIMES = ("evaluation_seconds", "wall_seconds", "cpu_seconds", "peak_bytes", "timing")


@pytest.fixture
def flags(toy_plugin: str, tmp_path: Path) -> dict[str, Any]:
    return {
        "plugins": [toy_plugin],
        "tasks": ["toy"],
        "models": ["linear"],
        "budget": "smoke",
        "name": "e",
        "results": str(tmp_path / "results"),
    }


def run_inline(flags: dict[str, Any], fresh: bool = False, observer: Observer | None = None) -> Outcome:
    experiment = resolve(flags)
    executor = InlineExecutor(experiment.options.plugins)
    return run(experiment, fresh=fresh, command="the command", executor=executor, observer=observer)


def records_of(outcome: Outcome) -> list[Record]:
    return RecordFile(outcome.results_folder / "records.jsonl").read()


def comparable(records: list[Record]) -> list[str]:
    return sorted(json.dumps({k: v for k, v in r.items() if k not in TIMES}, sort_keys=True) for r in records)


def test_search_confirm_time_and_references_are_all_recorded(flags: dict[str, Any]) -> None:
    outcome = run_inline(flags)
    records = records_of(outcome)
    stages = [record["stage"] for record in records]
    assert {stage: stages.count(stage) for stage in set(stages)} == {
        "reference": 2,
        "search": 2,
        "confirm": 2,
        "time": TIMING_ROUNDS,
    }
    assert outcome.failures == 0
    search = [r for r in records if r["stage"] == "search"]
    confirm = [r for r in records if r["stage"] == "confirm"]
    assert {r["replicate"] for r in search} == {0}
    assert [r["replicate"] for r in confirm] == [1, 2]
    assert all(r["test"] is None for r in search)
    best = min(search, key=lambda r: min(r["curve"]["valid_loss"]))
    assert {r["training"]["learning_rate"] for r in confirm} == {best["training"]["learning_rate"]}
    timing = next(r for r in records if r["stage"] == "time")["timing"]
    assert timing["step_seconds"] > 0


def test_no_more_is_done_than_was_planned_also_where_a_kernel_is_timed_twice(flags: dict[str, Any]) -> None:
    """oneDNN's fused LSTM is timed with and without it, which the confirmed trainings show to be so."""

    class Watch(Observer):
        total, done = 0, 0

        def planned(self, trainings: int) -> None:
            self.total = trainings

        def finished(self, slot: int | None, record: Record, reused: bool) -> None:
            self.done += 1
            assert self.done <= self.total

    watch = Watch()
    outcome = run_inline({**flags, "models": ["linear", "lstm"]}, observer=watch)
    measured = [r for r in records_of(outcome) if r["stage"] != "reference"]
    assert watch.done == watch.total == len(measured)
    manifest = json.loads((outcome.results_folder / "experiment.json").read_text())
    assert manifest["trainings_planned"] == len(measured)
    kernels = {r["kernel"] for r in measured if r["stage"] == "confirm"}
    timings = [r["kernel"] for r in measured if r["stage"] == "time"]
    assert len(timings) == TIMING_ROUNDS * (3 if "onednn" in kernels else 2)


def test_configurations_are_timed_in_turn(flags: dict[str, Any]) -> None:
    """A machine that slows down for a while slows all of them, and not only the one that was its turn."""
    records = records_of(run_inline({**flags, "models": ["linear", "rnn"]}))
    timed = [(r["round"], r["model"]["name"]) for r in records if r["stage"] == "time"]
    assert timed == [(number, model) for number in range(TIMING_ROUNDS) for model in ("linear", "rnn")]


def test_who_follows_a_training_is_told_each_evaluation_as_it_comes(flags: dict[str, Any]) -> None:
    told: list[tuple[str, Any]] = []

    class Follow(Observer):
        follows = True

        def evaluated(self, slot: int, evaluation: Any, epoch_steps: int | None) -> None:
            told.append(("evaluated", evaluation))

        def finished(self, slot: int | None, record: Record, reused: bool) -> None:
            told.append(("finished", record))

    run_inline(flags, observer=Follow())
    steps: list[float] = []
    for what, content in told:
        if what == "evaluated":
            steps.append(content[0])
            assert len(content) == len(CURVE) + 1
        else:
            assert steps == ((content.get("curve") or {}).get("step") or [])
            steps = []


def test_references_that_take_long_tell_how_far_they_are(
    flags: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []

    class Notes(Observer):
        def note(self, text: str) -> None:
            notes.append(text)

    monkeypatch.setattr("bench.experiment.references.NOTE_SECONDS", -1.0)
    run_inline({**flags, "seeds": 2}, observer=Notes())
    assert [note for note in notes if "floors" in note] == [
        "floors and baselines: 0 of 2 data sets",
        "floors and baselines: 1 of 2 data sets",
    ]


def test_the_folder_says_how_it_was_made(flags: dict[str, Any]) -> None:
    folder = run_inline(flags).results_folder
    manifest = json.loads((folder / "experiment.json").read_text())
    assert manifest["status"] == "complete"
    assert manifest["command"] == "the command"
    assert manifest["trainings_planned"] == 4 + TIMING_ROUNDS
    assert manifest["environment"]["packages"]["torch"]
    assert {path.name for path in folder.glob("*.csv")} == {"trainings.csv", "curves.csv", "timings.csv", "summary.csv"}


def test_the_same_command_again_trains_nothing_and_changes_nothing(flags: dict[str, Any]) -> None:
    seen: list[bool] = []

    class Watch(Observer):
        def finished(self, slot: int | None, record: Record, reused: bool) -> None:
            seen.append(reused)

    before = records_of(run_inline(flags))
    after = records_of(run_inline(flags, observer=Watch()))
    assert after == before
    assert seen == [True] * (4 + TIMING_ROUNDS)


def test_experiment_json_runs_the_same_experiment_again(flags: dict[str, Any]) -> None:
    from bench.config.files import read_config

    folder = run_inline(flags).results_folder
    again = resolve({}, read_config(folder / "experiment.json"))
    assert again.identity() == resolve(flags).identity()
    assert again.results_folder == folder


def test_another_experiment_is_never_mixed_in(flags: dict[str, Any]) -> None:
    before = records_of(run_inline(flags))
    with pytest.raises(UserError, match=r"holds another experiment \(the command\).*--fresh"):
        run_inline({**flags, "seed": 3})
    assert records_of(run_inline(flags)) == before
    assert len(records_of(run_inline({**flags, "seed": 3}, fresh=True))) == len(before)


def test_a_foreign_folder_is_left_alone_even_with_fresh(flags: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "results" / "e"
    folder.mkdir(parents=True)
    (folder / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match=r"files but no readable experiment\.json"):
        run_inline(flags, fresh=True)
    assert [path.name for path in folder.iterdir()] == ["thesis.txt"]


def test_a_task_that_breaks_its_contract_is_named_before_anything_is_written(
    flags: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks.registry import TASKS

    resolve(flags)
    monkeypatch.setattr(TASKS.get("toy"), "input_size", 3)
    with pytest.raises(UserError, match="toy"):
        run_inline(flags | {"tasks": ["toy[length=7]"]})
    assert not (tmp_path / "results").exists()


def test_failures_are_recorded_and_the_rest_goes_on(flags: dict[str, Any]) -> None:
    outcome = run_inline({**flags, "models": ["faulty", "faulty[how=nan]", "linear"]})
    records = records_of(outcome)
    by_model = {
        label: {r["status"] for r in records if r["stage"] != "reference" and r["model"]["label"] == label}
        for label in ("faulty", "faulty[how=nan]", "linear")
    }
    assert by_model == {"faulty": {"failed"}, "faulty[how=nan]": {"diverged"}, "linear": {"ok"}}
    assert outcome.failures == 4  # two search trials each; what never trained is not confirmed
    failed = next(r for r in records if r["status"] == "failed")
    assert failed["command"].startswith("python -m bench rerun --results ")
    assert failed["command"].endswith(failed["key"][:12])


def test_a_failed_training_can_be_run_again_with_its_traceback(flags: dict[str, Any], tmp_path: Path) -> None:
    failed = next(r for r in records_of(run_inline({**flags, "models": ["faulty"]})) if r["status"] == "failed")
    before, now = rerun("e", failed["key"][:12], tmp_path / "results")
    assert before["status"] == now["status"] == "failed"
    assert "the cell | broke <here>" in now["traceback"]


def test_a_training_run_again_gives_the_same_curve(flags: dict[str, Any], tmp_path: Path) -> None:
    confirmed = next(r for r in records_of(run_inline(flags)) if r["stage"] == "confirm")
    before, now = rerun("e", confirmed["key"], tmp_path / "results")
    assert now["curve"] == before["curve"]
    assert now["test"] == before["test"]


@pytest.mark.parametrize("key", ["zzzz", ""])
def test_an_unknown_or_ambiguous_key_is_refused(flags: dict[str, Any], tmp_path: Path, key: str) -> None:
    run_inline(flags)
    with pytest.raises(UserError, match=r"(no training|4 trainings) whose key begins with"):
        rerun("e", key, tmp_path / "results")


def test_every_comparison_is_recorded_under_its_own_name(flags: dict[str, Any]) -> None:
    made = {**flags, "tasks": ["sine"], "models": ["gru", "lstm"], "steps": 2, "match": "tuned,hidden,params"}
    records = [r for r in records_of(run_inline(made)) if r["stage"] == "confirm"]
    size = {(r["match"], r["model"]["name"]): (r["model"]["hidden_size"], r["parameters"]["total"]) for r in records}
    assert size["hidden", "gru"][0] == size["hidden", "lstm"][0] == 16
    assert size["params", "gru"] == size["hidden", "gru"]
    assert size["params", "lstm"][0] < 16
    assert size["params", "lstm"][1] == pytest.approx(size["params", "gru"][1], rel=0.1)


@pytest.mark.parametrize("models", [["linear", "gru"]])
def test_the_number_of_workers_changes_no_record(flags: dict[str, Any], models: list[str], tmp_path: Path) -> None:
    made = {**flags, "tasks": ["toy", "sine"], "models": models, "steps": 5, "seeds": 3}
    found = [
        comparable(records_of(run(resolve({**made, "workers": n, "name": "same", "results": str(tmp_path / str(n))}))))
        for n in (1, 2)
    ]
    found[1] = [line.replace(str(tmp_path / "2"), str(tmp_path / "1")) for line in found[1]]
    assert found[0] == found[1]
    inline = run_inline({**made, "name": "same", "results": str(tmp_path / "1"), "workers": 1}, fresh=True)
    ours = comparable(records_of(inline))
    assert _without_environment(ours) == _without_environment(found[0])


def _without_environment(lines: list[str]) -> list[Record]:
    dropped = ("environment", "key")  # a timing's key holds the environment, and an inline run's threads differ
    return [{k: v for k, v in json.loads(line).items() if k not in (*dropped, "command")} for line in lines]


def test_a_worker_that_kills_itself_fails_alone(flags: dict[str, Any]) -> None:
    made = {**flags, "models": ["faulty[how=die]", "linear"], "trials": 1, "workers": 2}
    outcome = run(resolve(made))
    statuses = {r["model"]["label"]: r["status"] for r in records_of(outcome) if r["stage"] in ("search", "confirm")}
    assert statuses == {"faulty[how=die]": "failed", "linear": "ok"}
    assert outcome.failures == 1


def test_an_interrupted_run_keeps_its_records_ends_its_workers_and_goes_on_later(flags: dict[str, Any]) -> None:
    class Interrupt(Observer):
        def finished(self, slot: int | None, record: Record, reused: bool) -> None:
            if record["stage"] == "search":
                raise KeyboardInterrupt

    experiment = resolve({**flags, "workers": 2})
    with pytest.raises(KeyboardInterrupt):
        run(experiment, observer=Interrupt())
    manifest = json.loads((experiment.results_folder / "experiment.json").read_text())
    assert manifest["status"] == "interrupted"
    assert (experiment.results_folder / "trainings.csv").exists()
    assert _children_of(os.getpid()) == []
    outcome = run_inline(flags)
    undisturbed = run_inline({**flags, "name": "undisturbed"}, fresh=True)
    strip = [{k: v for k, v in r.items() if k not in (*TIMES, "environment", "command")} for r in records_of(outcome)]
    assert sum(r["stage"] == "confirm" for r in strip) == 2
    curves = {json.dumps(r.get("curve")) for r in strip if r["stage"] in ("search", "confirm")}
    assert curves == {
        json.dumps(r.get("curve")) for r in records_of(undisturbed) if r["stage"] in ("search", "confirm")
    }


def _children_of(parent: int) -> list[int]:
    """Worker processes that are still alive (the resource tracker of multiprocessing is none of ours)."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
            arguments = (status.parent / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if fields["PPid"].strip() == str(parent) and b"spawn_main" in arguments and "Z" not in fields["State"]:
            found.append(int(status.parent.name))
    return found


def test_an_orphaned_worker_ends(flags: dict[str, Any], tmp_path: Path) -> None:
    """A parent that is killed outright leaves no worker behind."""
    script = tmp_path / "parent.py"
    script.write_text(
        "import os, sys\n"
        "from bench.executors.processes import ProcessExecutor\n"
        "if __name__ == '__main__':\n"
        "    executor = ProcessExecutor(2)\n"
        "    print(*(pool.submit(os.getpid).result() for pool in executor._pools), flush=True)\n"
        "    sys.stdin.read()\n"
    )
    parent = subprocess.Popen([sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    workers = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(workers) == 2
    os.kill(parent.pid, signal.SIGKILL)
    parent.communicate()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and any(Path(f"/proc/{pid}").exists() for pid in workers):
        os.sched_yield()
    assert [pid for pid in workers if Path(f"/proc/{pid}").exists()] == []


def test_a_plan_that_can_t_be_made_leaves_what_is_there(flags: dict[str, Any]) -> None:
    """Also with --fresh, which throws away what another experiment left: not before this one can begin."""
    impossible = {**flags, "models": "numpy_gru", "match": "params", "parameter_budgets": [3]}
    with pytest.raises(UserError, match="3 parameters are too few"):
        run_inline(impossible)
    assert not (Path(flags["results"]) / resolve(impossible).name).exists()
    before = records_of(run_inline(flags))
    with pytest.raises(UserError, match="3 parameters are too few"):
        run_inline({**impossible, "name": resolve(flags).name}, fresh=True)
    path = Path(flags["results"]) / resolve(flags).name / "records.jsonl"
    assert RecordFile(path).read() == before
