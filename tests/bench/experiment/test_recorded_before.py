"""An experiment that was recorded before replicates had searches of their own: read, reported, gone on with.

`recorded_before/` was made by `python -m bench run --models rnn,numpy_gru --tasks sine --budget smoke --name
recorded_before`, with the code of before.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import bench
from bench.config.experiment import Experiment
from bench.config.files import read_config
from bench.config.resolve import resolve
from bench.executors.inline import InlineExecutor
from bench.experiment.observer import Observer
from bench.experiment.run import run
from bench.records.schema import Record
from bench.report import render
from tasks.errors import UserError

RECORDED = Path(__file__).with_name("recorded_before")


class Measured(Observer):
    def __init__(self) -> None:
        self.stages: list[str] = []

    def finished(self, slot: int | None, record: Record, reused: bool) -> None:
        if not reused:
            self.stages.append(record["stage"])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return shutil.copytree(RECORDED, tmp_path / "results" / "recorded_before")


def asked(folder: Path, **more: Any) -> Experiment:
    flags = {"models": "rnn,numpy_gru", "tasks": "sine", "budget": "smoke", "name": folder.name, "tune": "once"}
    return resolve({**flags, "results": str(folder.parent), "executor": "inline", **more})


def test_the_same_command_with_tune_once_finds_all_of_it(folder: Path) -> None:
    measured = Measured()
    outcome = run(asked(folder), observer=measured)
    assert outcome.unchanged
    assert (outcome.jobs, measured.stages) == (10, [])
    assert resolve({}, read_config(folder / "experiment.json")).identity() == asked(folder, engine="exact").identity()


def test_what_was_interrupted_is_gone_on_with_without_a_training(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, records = folder / "experiment.json", (folder / "records.jsonl").read_bytes()
    manifest = json.loads(path.read_text())
    # a time belongs to the machine that it was taken on
    monkeypatch.setattr("bench.measure.environment.fingerprint", lambda found: manifest["environment_fingerprint"])
    path.write_text(json.dumps({**manifest, "status": "interrupted"}))
    measured = Measured()
    outcome = run(asked(folder), observer=measured, executor=InlineExecutor())
    assert (outcome.jobs, outcome.failures, outcome.unchanged) == (10, 0, False)
    assert measured.stages == []
    now = (folder / "records.jsonl").read_bytes()
    assert now.startswith(records)  # only predictors that a task has learnt to compare with since then come after
    assert {json.loads(line)["stage"] for line in now[len(records) :].splitlines()} <= {"reference"}
    assert json.loads(path.read_text())["status"] == "complete"


def test_a_search_for_every_replicate_is_another_experiment_and_the_error_says_how_to_go_on(folder: Path) -> None:
    with pytest.raises(UserError, match=r"holds another experiment.*or give --tune once --name recorded_before"):
        run(asked(folder, tune="each"))


def test_it_is_read_and_reported(folder: Path, tmp_path: Path) -> None:
    results = bench.load(folder.name, folder.parent)
    counts = results.trainings["stage"].value_counts().to_dict()
    assert counts == {"search": 4, "confirm": 4}
    assert results.damaged == ()
    pages = render(folder.name, str(folder.parent), str(tmp_path / "reports"))
    text = next(page for page in pages if page.name == "report.md").read_text()
    assert "numpy_gru" in text
