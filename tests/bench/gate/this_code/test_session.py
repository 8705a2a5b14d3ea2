"""What a check trains, for real: it stops at the target, and otherwise is what any run trains."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.config.experiment import Experiment
from bench.config.files import read_recipe
from bench.config.resolve import resolve
from bench.executors.inline import InlineExecutor
from bench.experiment.observer import Observer
from bench.gate.baseline_files import read_baseline
from bench.gate.check import check
from bench.gate.replicates import CellName
from bench.gate.this_code import session as session_module
from bench.gate.this_code.record_baseline import record_baseline
from bench.gate.this_code.session import Session
from bench.gate.this_code.twins import twins_of
from bench.models.numpy_gru import GRULayer
from bench.training.jobs import TrainingJob
from bench.training.train import train
from tasks.errors import UserError

RNN = CellName("regression", "numpy_rnn")


def experiment(results: Path, **flags: Any) -> Experiment:
    given = {"models": "numpy_rnn", "tasks": "regression", "hidden_sizes": "8", "steps": "150", **flags}
    return resolve({**given, "name": "gate", "results": str(results)}, read_recipe("gate"))


def inline(made: Experiment) -> Session:
    return Session(made, Observer(), InlineExecutor())


@pytest.fixture
def recorded_inline(monkeypatch: pytest.MonkeyPatch) -> None:
    """`record_baseline` without worker processes."""
    monkeypatch.setattr(session_module, "open_executor", lambda *_: InlineExecutor())


@pytest.mark.parametrize("budget", ["smoke", "quick", "full"])
def test_the_curve_has_all_the_points_it_may_have_whichever_budget_was_named(tmp_path: Path, budget: str) -> None:
    with inline(experiment(tmp_path, budget=budget)) as session:
        assert session._training(RNN, 1).interval == 3  # 50 in 150 steps
    with inline(experiment(tmp_path, budget=budget, steps=None, epochs="2")) as session:
        assert session._training(RNN, 1).interval == 27  # an epoch: 1,670 windows in batches of 64


def test_a_training_ends_at_the_evaluation_that_finds_the_target_reached(tmp_path: Path) -> None:
    made = experiment(tmp_path, models="numpy_gru", hidden_sizes="32", steps="400")
    name = CellName("regression", "numpy_gru")
    with inline(made) as session:
        (record,) = session.records([name], [1])
        whole = train(replace(session._training(name, 1), stop_at_target=False))
    threshold = record["target"]["threshold"]
    losses = record["curve"]["valid_loss"]
    assert losses[-1] <= threshold < min(losses[:-1])
    assert record["curve"]["step"][-1] < 400
    for key, values in record["curve"].items():
        assert values == whole["curve"][key][: len(values)]
    assert record["steps_to_target"] == whole["steps_to_target"]
    assert record["first_losses"] == whole["first_losses"]
    assert record["first_losses"]["step"] == [1, 2, 5, 10, 20, 30, 40, 50]
    assert record["key"] != whole["key"]


def test_an_experiment_that_leaves_a_choice_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    for changed in ({"hidden_sizes": "8,16", "match": "tuned"}, {"lr_range": "1e-3,1e-2"}):
        with pytest.raises(UserError, match="has several configurations to search"):
            Session(experiment(tmp_path, **changed), Observer())
    with pytest.raises(UserError, match="this experiment has 2"):
        Session(experiment(tmp_path, match="hidden,params"), Observer())
    assert not list(tmp_path.iterdir())


def test_twins_are_found_by_name_and_task() -> None:
    cells = [CellName("sine", "gru"), CellName("sine", "numpy_gru"), CellName("copy", "numpy_gru"), RNN]
    assert twins_of(cells) == [(cells[0], cells[1])]


def test_a_numpy_gru_that_computes_something_else_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = [CellName("regression", "gru"), CellName("regression", "numpy_gru")]
    with inline(experiment(tmp_path, models="gru,numpy_gru")) as session:
        assert session.exact_problems(cells) == {}
        original = GRULayer._unpack

        def scaled(self: GRULayer) -> None:
            original(self)
            self.gradients[0][: self.hidden_size] *= 0.999

        monkeypatch.setattr(GRULayer, "_unpack", scaled)
        ((name, (problem,)),) = session.exact_problems(cells).items()
    assert (name, problem.blocking) == (cells[1], True)
    assert "gradients differ from gru's in float64 by" in problem.text


@pytest.mark.usefixtures("recorded_inline")
def test_recorded_checked_changed_and_recorded_again(tmp_path: Path) -> None:
    folder, made = tmp_path / "baseline", experiment(tmp_path)
    written = record_baseline(folder, made, Observer(), accepted=None)
    assert read_baseline(folder) == written
    assert [reason.why for reason in written.history] == ["first baseline"]
    with inline(made) as session:
        assert check(written, session, folder="b").exit_code == 0

    with pytest.raises(UserError, match=r'--accept "why"'):
        record_baseline(folder, made, Observer(), accepted=" ")
    faster = experiment(tmp_path, lr_range="2e-2,2e-2")
    with inline(faster) as session:
        outcome = check(written, session, folder="b")
    assert outcome.cells[0].why == "learning_rate is 0.02, in the baseline 0.01"
    again = record_baseline(folder, faster, Observer(), accepted="a better rate")
    assert [reason.why for reason in again.history] == ["first baseline", "a better rate"]
    assert read_baseline(folder) == again


@pytest.mark.usefixtures("recorded_inline")
def test_a_training_that_fails_leaves_the_old_baseline_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, made = tmp_path / "baseline", experiment(tmp_path, steps="20")
    record_baseline(folder, made, Observer(), accepted=None)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    calls = itertools.count()

    def fail(*args: Any) -> Any:
        if next(calls) == 5:
            raise RuntimeError("no more disk")
        return original(*args)

    original = TrainingJob.perform
    monkeypatch.setattr(TrainingJob, "perform", fail)
    with pytest.raises(UserError, match=r"1 of 24 trainings failed, so nothing was recorded; .*no more disk"):
        record_baseline(folder, made, Observer(), accepted="again")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
