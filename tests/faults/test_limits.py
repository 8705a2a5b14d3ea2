"""A learner that hangs, allocates without end, dies, raises or turns to NaN: a record each, and the others go on."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

import pytest
from harness import Notes, Run, records

from bench.analysis.results import load
from bench.records.schema import Record
from bench.report.sections.verdict import missing_lines

FAULTS = {
    "allocate": ("out_of_memory", "over its limit of 1,024 MiB"),
    "die": ("failed", "its worker process died 3 times (ended by SIGKILL)"),
    "leave": ("failed", "its worker process died 3 times (it left by itself with exit code 0: os._exit, or"),
    "exit": ("failed", "SystemExit: 0"),
    "interrupt": ("failed", "KeyboardInterrupt"),
    "memory": ("out_of_memory", "the machine's memory did not suffice"),
    "raise": ("failed", "RuntimeError: the cell | broke <here>"),
    "nan": ("diverged", "the loss was not finite at step 15"),
}


def test_each_fault_is_recorded_as_what_it_is_and_harms_no_other(experiment: Run, folder: Path) -> None:
    models = [f"faulty[how={how}]" for how in FAULTS]
    outcome = experiment(models=[*models, "linear"], trials=1, replicates=1, workers=2, memory=1.0)
    found = {r["model"]["label"]: r for r in records(folder) if r["stage"] == "trial"}
    assert len(found) == len(models) + 1
    for how, (status, why) in FAULTS.items():
        label = "faulty" if how == "raise" else f"faulty[how={how}]"
        assert found[label]["status"] == status
        assert why in found[label]["error"]
    assert outcome.failures == len(FAULTS)
    assert [r["model"]["label"] for r in records(folder) if r["stage"] == "examine"] == ["linear"]
    for how in ("allocate", "die"):  # what was told before the end is kept: steps 0 to 10
        assert found[f"faulty[how={how}]"]["curve"] == begun(found["faulty[how=nan]"])


def test_a_training_that_hangs_is_ended_and_harms_no_other(experiment: Run, folder: Path) -> None:
    outcome = experiment(
        models=["faulty[how=hang]", "faulty[how=nan]", "linear"], trials=1, replicates=1, workers=1, timeout=3.0
    )
    found = {r["model"]["label"]: r for r in records(folder) if r["stage"] == "trial"}
    hung = found["faulty[how=hang]"]
    assert (hung["status"], hung["error"]) == ("timeout", "ended after 3 s (--timeout)")
    assert hung["curve"] == begun(found["faulty[how=nan]"])
    assert hung["wall_seconds"] >= 3
    assert found["linear"]["status"] == "ok"
    assert outcome.failures == 2


def begun(record: Record) -> dict[str, list[float | None]]:
    """The curve of a training up to step 10, after which the faulty model goes wrong."""
    length = sum(step <= 10 for step in record["curve"]["step"])
    return {name: column[:length] for name, column in record["curve"].items()}


def test_retry_failed_tries_failures_once_more_and_nothing_else(experiment: Run, folder: Path, notes: Notes) -> None:
    made = {"models": ["faulty", "linear"], "trials": 1, "replicates": 1}
    experiment(**made)
    first = records(folder)
    experiment(**made)
    assert records(folder) == first
    notes.reused.clear()
    experiment(**made, retry_failed=True)
    again = records(folder)[len(first) :]
    assert [(r["model"]["label"], r["status"]) for r in again] == [("faulty", "failed")]
    assert Counter(notes.reused) == {True: len(first) - 3, False: 1}  # all but the failed one and two references


def test_the_experiment_ends_in_time_and_says_what_is_missing(experiment: Run, folder: Path) -> None:
    made = {"models": ["linear", "faulty[how=hang]"], "trials": 2, "workers": 2}
    began = time.monotonic()
    outcome = experiment(**made, max_time=8.0)
    assert time.monotonic() - began < 12
    manifest = json.loads((folder / "results/e/experiment.json").read_text())
    assert manifest["status"] == "out of time"
    lacks = {entry["model"]: (entry["trial"], entry["examine"], entry["time"]) for entry in manifest["missing"]}
    assert lacks["faulty[how=hang]"] == (4, 2, 3)
    assert outcome.missing == sum(map(sum, lacks.values()))
    assert (folder / "results/e/trainings.csv").exists()
    (line,) = [line for line in missing_lines(load("e")) if "faulty" in line]
    assert line.endswith("lacks 4 trainings of its searches, 2 probes of its gradients and 3 measurements of time.")


@pytest.mark.parametrize("flag", ["timeout", "memory"])
def test_what_inline_cannot_enforce_is_refused(experiment: Run, flag: str) -> None:
    from tasks.errors import UserError

    with pytest.raises(UserError, match="inline cannot end a training from outside: leave out --timeout"):
        experiment(executor="inline", **{flag: 1.0})
