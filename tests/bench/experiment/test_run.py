import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from bench.config.resolve import resolve
from bench.executors.inline import InlineExecutor
from bench.experiment.cell import TIMING_ROUNDS
from bench.experiment.observer import Observer
from bench.experiment.outcome import Outcome
from bench.experiment.rerun import rerun
from bench.experiment.run import run
from bench.records.jsonl import RecordFile
from bench.records.kept_models import kept_models
from bench.records.schema import Record
from bench.records.selection import configuration, most_frequent
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


def count_stages(records: list[Record]) -> Counter[str]:
    return Counter(record["stage"] for record in records)


def models_in(outcome: Outcome) -> set[str]:
    """Keys of the trainings whose models were kept."""
    return {path.stem for path in (outcome.results_folder / "models").iterdir()}


def test_every_replicate_has_a_search_of_its_own_and_its_selected_trial_is_examined(flags: dict[str, Any]) -> None:
    outcome = run_inline(flags)
    records = records_of(outcome)
    assert count_stages(records) == {"reference": 4, "trial": 4, "examine": 2, "time": TIMING_ROUNDS}
    assert outcome.failures == 0
    for replicate in (1, 2):
        trials = [r for r in records if r["stage"] == "trial" and r["replicate"] == replicate]
        assert [r["trial"] for r in trials] == [0, 1]
        assert len({r["training"]["learning_rate"] for r in trials}) == 2
        assert len({r["hashes"]["data"] for r in trials}) == 1
        assert all(r["test"]["loss"] > 0 and r["gradient_flow"] is None for r in trials)
        best = min(trials, key=lambda r: min(r["curve"]["valid_loss"]))
        (examined,) = [r for r in records if r["stage"] == "examine" and r["replicate"] == replicate]
        assert (examined["examined"], examined["trial"]) == (best["key"], best["trial"])
        assert (outcome.results_folder / "predictions" / f"{best['key']}.npz").is_file()
    assert len({r["hashes"]["data"] for r in records if r["stage"] == "trial"}) == 2
    assert len(list((outcome.results_folder / "predictions").iterdir())) == 2
    assert kept_models(records) == {key: f"models/{key}.pt" for key in models_in(outcome)}
    assert len(models_in(outcome)) == 2
    timing = next(r for r in records if r["stage"] == "time")["timing"]
    assert timing["step_seconds"] > 0


def test_models_of_a_replicate_start_from_the_same_points(flags: dict[str, Any]) -> None:
    made = {**flags, "models": ["linear", "faulty[how=none]"], "trials": 5, "replicates": 2}
    points: dict[tuple[str, int], list[Any]] = {}
    for r in records_of(run_inline(made)):
        if r["stage"] == "trial":
            point = (r["trial"], r["model"]["hidden_size"], r["training"]["learning_rate"])
            points.setdefault((r["model"]["label"], r["replicate"]), []).append(point)
    for replicate in (1, 2):
        assert sorted(points["linear", replicate]) == sorted(points["faulty[how=none]", replicate])
    assert sorted(points["linear", 1]) != sorted(points["linear", 2])


def test_one_configuration_is_trained_once_a_replicate_and_examined_at_once(flags: dict[str, Any]) -> None:
    """Such a training has the key that it had before searches belonged to replicates."""
    fixed = {**flags, "hidden_sizes": "4", "layers": "1", "lr_range": "0.01,0.01", "models": "rnn", "steps": 3}
    outcome = run_inline(fixed)
    assert count_stages(records_of(outcome)) == {"reference": 4, "trial": 2, "time": TIMING_ROUNDS}
    once = run_inline({**fixed, "tune": "once", "name": "once"}, fresh=True)
    assert count_stages(records_of(once)) == {"reference": 4, "confirm": 2, "time": 1}
    trained = [
        {r["key"]: (r["gradient_flow"], r["curve"]) for r in records_of(made) if r["stage"] in ("trial", "confirm")}
        for made in (outcome, once)
    ]
    assert trained[0] == trained[1]
    assert all(flow for flow, _ in trained[0].values())
    kept = [sorted(p.name for p in (made.results_folder / "predictions").iterdir()) for made in (outcome, once)]
    assert kept[0] == kept[1] == sorted(f"{key}.npz" for key in trained[0])


def test_one_search_serves_all_replicates_where_that_is_asked_for(flags: dict[str, Any]) -> None:
    records = records_of(run_inline({**flags, "tune": "once"}))
    assert count_stages(records) == {"reference": 4, "search": 2, "confirm": 2, "time": 1}
    search = [r for r in records if r["stage"] == "search"]
    confirm = [r for r in records if r["stage"] == "confirm"]
    assert {r["replicate"] for r in search} == {0}
    assert [r["replicate"] for r in confirm] == [1, 2]
    assert all(r["test"] is None for r in search)
    best = min(search, key=lambda r: min(r["curve"]["valid_loss"]))
    assert {r["training"]["learning_rate"] for r in confirm} == {best["training"]["learning_rate"]}


def test_the_configuration_that_most_replicates_selected_is_timed(flags: dict[str, Any]) -> None:
    made = {**flags, "models": "rnn", "hidden_sizes": "2,4,8", "trials": 4, "replicates": 5, "steps": 4}
    records = records_of(run_inline(made))
    keys = {r["examined"] for r in records if r["stage"] == "examine"}
    typical = most_frequent([r for r in records if r["key"] in keys])
    timed = [r for r in records if r["stage"] == "time"]
    assert typical is not None
    assert len(timed) == TIMING_ROUNDS
    assert all(configuration(timing) == configuration(typical) for timing in timed)


def test_a_single_replicate_is_run_and_says_what_cannot_be_said(flags: dict[str, Any]) -> None:
    notes: list[str] = []

    class Notes(Observer):
        def note(self, text: str) -> None:
            notes.append(text)

    records = records_of(run_inline({**flags, "replicates": 1}, observer=Notes()))
    assert count_stages(records) == {"reference": 2, "trial": 2, "examine": 1, "time": TIMING_ROUNDS}
    assert [note for note in notes if "no interval, no test and no verdict" in note]


def test_no_more_is_done_than_was_planned_also_where_a_kernel_is_timed_twice(flags: dict[str, Any]) -> None:
    """oneDNN's fused LSTM is timed with and without it, which its trainings show to be so."""

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
    kernels = {r["kernel"] for r in measured if r["stage"] == "trial"}
    timings = [r["kernel"] for r in measured if r["stage"] == "time"]
    assert len(timings) == TIMING_ROUNDS * (3 if "onednn" in kernels else 2)


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
    run_inline({**flags, "replicates": 2}, observer=Notes())
    assert [note for note in notes if "floors" in note] == [
        "floors and baselines: 0 of 2 data sets",
        "floors and baselines: 1 of 2 data sets",
    ]


def test_the_folder_says_how_it_was_made(flags: dict[str, Any]) -> None:
    folder = run_inline(flags).results_folder
    manifest = json.loads((folder / "experiment.json").read_text())
    assert manifest["status"] == "complete"
    assert manifest["command"] == "the command"
    assert manifest["trainings_planned"] == 6 + TIMING_ROUNDS
    assert (manifest["protocol"], manifest["first_look"]) == (2, 7)
    asked = manifest["experiment"]
    assert (asked["tune"], asked["trials"], asked["replicates"]) == ("each", 2, 2)
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
    assert seen == [True] * (6 + TIMING_ROUNDS)


def test_experiment_json_runs_the_same_experiment_again(flags: dict[str, Any]) -> None:
    from bench.config.files import read_config

    folder = run_inline(flags).results_folder
    again = resolve({}, read_config(folder / "experiment.json"))
    assert again.identity() == resolve(flags).identity()
    assert again.results_folder == folder


def test_another_experiment_is_never_mixed_in(flags: dict[str, Any]) -> None:
    before = records_of(run_inline(flags))
    with pytest.raises(UserError, match=r"was made with --seed 0 \(now 3\): give another --name, or --fresh"):
        run_inline({**flags, "seed": 3})
    assert records_of(run_inline(flags)) == before
    assert len(records_of(run_inline({**flags, "seed": 3}, fresh=True))) == len(before)


def test_a_task_of_another_version_is_not_mixed_in_and_the_message_says_why(
    flags: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that was typed differs, so "another experiment" alone would be a riddle."""
    before = records_of(run_inline(flags))
    with monkeypatch.context() as patch:
        patch.setattr(type(resolve(flags).tasks[0]), "version", 99)
        with pytest.raises(UserError, match=r"made by another version of bench or .*: give another --name, or --fresh"):
            run_inline(flags)
    assert records_of(run_inline(flags)) == before


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
    assert outcome.failures == 8  # two trials in each of two replicates; what never trained is not examined
    failed = next(r for r in records if r["status"] == "failed")
    assert failed["command"].startswith("python -m bench rerun --results ")
    assert failed["command"].endswith(failed["key"][:12])


def test_a_failed_training_can_be_run_again_with_its_traceback(flags: dict[str, Any], tmp_path: Path) -> None:
    failed = next(r for r in records_of(run_inline({**flags, "models": ["faulty"]})) if r["status"] == "failed")
    before, now = rerun("e", failed["key"][:12], tmp_path / "results")
    assert before["status"] == now["status"] == "failed"
    assert "the cell | broke <here>" in now["traceback"]


def test_a_training_run_again_gives_the_same_curve(flags: dict[str, Any], tmp_path: Path) -> None:
    trial = next(r for r in records_of(run_inline(flags)) if r["stage"] == "trial")
    before, now = rerun("e", trial["key"], tmp_path / "results")
    assert now["curve"] == before["curve"]
    assert now["test"] == before["test"]


def test_an_examination_run_again_gives_the_same_gradient_flow(flags: dict[str, Any], tmp_path: Path) -> None:
    records = records_of(run_inline({**flags, "models": "rnn", "steps": 5}))
    examined = next(r for r in records if r["stage"] == "examine")
    before, now = rerun("e", examined["key"], tmp_path / "results")
    assert now["gradient_flow"] == before["gradient_flow"]
    assert now["gradient_flow"][0]["hidden_factor"]


@pytest.mark.parametrize("models", ["linear", "lstm"])
def test_a_timing_can_be_run_again_by_its_key(flags: dict[str, Any], tmp_path: Path, models: str) -> None:
    timed = [r for r in records_of(run_inline({**flags, "models": models, "steps": 5})) if r["stage"] == "time"]
    for record in (timed[0], timed[-1]):  # of an LSTM the last is without oneDNN
        before, now = rerun("e", record["key"], tmp_path / "results")
        assert (now["status"], now["kernel"], now["round"]) == ("ok", before["kernel"], before["round"])


def test_a_folder_keeps_its_plug_ins_and_is_enough_to_repeat_it(flags: dict[str, Any], tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    plugin = own / "halves.py"
    plugin.write_text(
        "from dataclasses import dataclass\nfrom tasks.parity import Parity\n\n"
        "@dataclass(frozen=True)\nclass Halves(Parity):\n    name = 'halves'\n"
    )
    made = {**flags, "plugins": [*flags["plugins"], str(plugin)], "tasks": ["halves"], "models": ["rnn"], "steps": 2}
    outcome = run_inline(made)
    assert sorted(path.name for path in (outcome.results_folder / "plugins").iterdir()) == ["halves.py", "toy.py"]
    trial = next(r for r in records_of(outcome) if r["stage"] == "trial")
    assert trial["task"]["code_sha256"] == hashlib.sha256(plugin.read_bytes()).hexdigest()
    assert "code_sha256" not in trial["model"]
    plugin.unlink()
    repeat = [sys.executable, "-m", "bench", "rerun", "e", trial["key"], "--results", flags["results"]]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(repeat, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "agree to the last digit" in done.stdout


def test_options_without_effect_are_said(flags: dict[str, Any]) -> None:
    notes: list[str] = []

    class Notes(Observer):
        def note(self, text: str) -> None:
            notes.append(text)

    run_inline({**flags, "cohort": 4, "dropout": 0.5, "layers": "1"}, observer=Notes())
    assert [note.partition(" has no effect")[0] for note in notes if "no effect" in note] == ["--cohort", "--dropout"]


@pytest.mark.parametrize("key", ["zzzz", ""])
def test_an_unknown_or_ambiguous_key_is_refused(flags: dict[str, Any], tmp_path: Path, key: str) -> None:
    run_inline(flags)
    with pytest.raises(UserError, match=r"(no training or measurement|9 trainings and measurements) whose key"):
        rerun("e", key, tmp_path / "results")


def test_every_comparison_is_recorded_under_its_own_name(flags: dict[str, Any]) -> None:
    made = {**flags, "tasks": ["sine"], "models": ["gru", "lstm"], "steps": 2, "match": "tuned,hidden,params"}
    records = [r for r in records_of(run_inline(made)) if r["stage"] == "trial"]
    size = {(r["match"], r["model"]["name"]): (r["model"]["hidden_size"], r["parameters"]["total"]) for r in records}
    assert size["hidden", "gru"][0] == size["hidden", "lstm"][0] == 16
    assert size["params", "gru"] == size["hidden", "gru"]
    assert size["params", "lstm"][0] < 16
    assert size["params", "lstm"][1] == pytest.approx(size["params", "gru"][1], rel=0.1)


@pytest.mark.parametrize("models", [["linear", "gru"]])
def test_the_number_of_workers_changes_no_record(flags: dict[str, Any], models: list[str], tmp_path: Path) -> None:
    made = {**flags, "tasks": ["toy", "sine"], "models": models, "steps": 5, "replicates": 3}
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
    made = {**flags, "models": ["faulty[how=die]", "linear"], "trials": 1, "replicates": 1, "workers": 2}
    outcome = run(resolve(made))
    statuses = {r["model"]["label"]: r["status"] for r in records_of(outcome) if r["stage"] == "trial"}
    assert statuses == {"faulty[how=die]": "failed", "linear": "ok"}
    assert outcome.failures == 1


def test_an_interrupted_run_keeps_its_records_ends_its_workers_and_goes_on_later(flags: dict[str, Any]) -> None:
    class Interrupt(Observer):
        def finished(self, slot: int | None, record: Record, reused: bool) -> None:
            if record["stage"] == "trial":
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
    assert count_stages(strip) == count_stages(records_of(undisturbed))
    curves = {json.dumps(r.get("curve")) for r in strip if r["stage"] == "trial"}
    assert curves == {json.dumps(r.get("curve")) for r in records_of(undisturbed) if r["stage"] == "trial"}
    assert models_in(outcome) == models_in(undisturbed)


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
