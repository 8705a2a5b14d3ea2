"""What a check trains, for real: it stops at the target, and otherwise is what any run trains."""

from __future__ import annotations

import itertools
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.analysis.results import load
from bench.config.experiment import Experiment
from bench.config.files import read_recipe
from bench.config.resolve import resolve
from bench.executors.inline import InlineExecutor
from bench.experiment.observer import Observer
from bench.gate.baseline import Baseline
from bench.gate.baseline_files import read_baseline
from bench.gate.check import check
from bench.gate.errors import NotComparable
from bench.gate.finished import Finished
from bench.gate.formats import write
from bench.gate.kept import NAME as KEPT
from bench.gate.outcome import CheckOutcome
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
TWO_CELLS = {"models": "gru,numpy_gru", "steps": "60"}


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


def elsewhere(baseline: Baseline) -> Baseline:
    """The baseline as another machine recorded it: with initial weights that are rounded otherwise."""

    def rounded(name: CellName) -> Any:
        cell = baseline.cells[name]
        replicates = {number: replace(one, weights="another hash") for number, one in cell.replicates.items()}
        return replace(cell, replicates=replicates)

    return replace(baseline, fingerprint="elsewhere", cells={name: rounded(name) for name in baseline.cells})


def said(outcome: CheckOutcome) -> dict[str, Any]:
    """All of an outcome, save where its trainings came from."""
    content: dict[str, Any] = json.loads(write(outcome, "json"))
    return {key: value for key, value in content.items() if key != "checked"}


@pytest.fixture(scope="module")
def of_two_cells(tmp_path_factory: pytest.TempPathFactory) -> tuple[Baseline, Path]:
    """A baseline of `TWO_CELLS`, and the results folder that recording it left."""
    folder = tmp_path_factory.mktemp("recorded")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session_module, "open_executor", lambda *_: InlineExecutor())
        made = experiment(folder, **TWO_CELLS)
        return record_baseline(folder / "baseline", made, Observer(), accepted=None), folder


@pytest.mark.parametrize("machine", ["the baseline's", "another"])
@pytest.mark.parametrize("damage", ["none", "small", "large"])
def test_a_check_and_what_is_said_against_its_records_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of_two_cells: tuple[Baseline, Path], damage: str, machine: str
) -> None:
    """Damage: gradients off by a relative 1e-6, seen in float64 alone; or no gradient in every third step."""
    made = experiment(tmp_path, **TWO_CELLS)
    baseline = elsewhere(of_two_cells[0]) if machine == "another" else of_two_cells[0]
    original, calls = GRULayer._unpack, itertools.count()

    def damaged(self: GRULayer) -> None:
        original(self)
        third = next(calls) % 3 == 0
        self.gradients[0][...] *= 1 - 1e-6 if damage == "small" else 0.0 if third else 1.0

    if damage != "none":
        monkeypatch.setattr(GRULayer, "_unpack", damaged)
    with inline(made) as session:
        outcome = check(baseline, session, folder="b")
    assert outcome.exit_code == (damage != "none")
    assert all(cell.first is not None and cell.first.pairing == "paired" for cell in outcome.cells)
    assert any("another environment" in note for note in outcome.notes) is (machine == "another")
    assert said(check(baseline, Finished(load("gate", tmp_path)), folder="b")) == said(outcome)


def test_what_a_recording_leaves_agrees_with_its_own_baseline(of_two_cells: tuple[Baseline, Path]) -> None:
    written, folder = of_two_cells
    outcome = check(written, Finished(load("gate", folder)), folder="b")
    assert (outcome.exit_code, outcome.notes) == (0, ())


def test_what_was_kept_and_is_damaged_is_a_sentence(tmp_path: Path, of_two_cells: tuple[Baseline, Path]) -> None:
    folder = shutil.copytree(of_two_cells[1] / "gate", tmp_path / "gate")
    (folder / KEPT).write_text((folder / KEPT).read_text()[:100])
    with pytest.raises(NotComparable, match=r"exact\.json cannot be read .*check again without --against"):
        Finished(load("gate", tmp_path))


def stopped(session: Session) -> None:
    with session:
        raise RuntimeError("stop")


def test_a_check_that_ended_says_so_and_where_it_trained(tmp_path: Path) -> None:
    made = experiment(tmp_path, steps="20")
    with inline(made) as session:
        session.records([RNN], [1])
        assert load("gate", tmp_path).manifest["status"] == "in progress"
    manifest = load("gate", tmp_path).manifest
    assert (manifest["status"], manifest["environment_fingerprint"]) == ("complete", session.fingerprint)
    assert manifest["environment"] == session.environment
    with pytest.raises(RuntimeError, match="stop"):
        stopped(inline(made))
    assert json.loads((tmp_path / "gate" / "experiment.json").read_text())["status"] == "interrupted"


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
