"""The flags for long runs, from the command line: each does what it says, and is in the recorded command."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import optuna
import pytest
from click.testing import Result

from bench.executors.inline import InlineExecutor
from bench.records.jsonl import read_records
from bench.records.schema import Record
from bench.training.jobs import Job, TrainingJob

TOY = str(Path(__file__).parents[2] / "plugins" / "toy.py")
Bench = Callable[..., Result]


@pytest.fixture
def run(bench: Bench) -> Callable[..., Result]:
    """`bench run` of the toy, in this process."""

    def call(*flags: str) -> Result:
        base = ("run", "--plugin", TOY, "--tasks", "toy", "--models", "linear", "--budget", "smoke", "--name", "t")
        return bench(*base, "--executor", "inline", *flags)

    return call


def manifest(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "results/t/experiment.json").read_text())
    return found


def test_pruning_with_a_copy_in_an_optuna_storage(run: Callable[..., Result], folder: Path) -> None:
    result = run("--prune", "--trials", "9", "--storage", "sqlite:///search.db")
    assert result.exit_code == 0, result.stderr
    assert "--prune" in manifest(folder)["command"]
    trials = [r for r in read_records(folder / "results/t/records.jsonl") if r["stage"] == "trial"]
    studies = optuna.get_all_study_summaries("sqlite:///search.db")
    assert [study.n_trials for study in studies] == [13, 13]  # one for each replicate
    assert len(trials) == 26


def test_a_switch_of_a_config_file_holds_where_no_flag_is_given(bench: Bench, folder: Path) -> None:
    (folder / "e.toml").write_text(
        f'plugins = ["{TOY}"]\ntasks = "toy"\nmodels = "linear"\nbudget = "smoke"\nname = "t"\nexecutor = "inline"\n'
        "prune = true\n"
    )
    assert bench("run", "--config", "e.toml").exit_code == 0
    assert manifest(folder)["experiment"]["prune"] is True


def test_a_storage_that_fails_harms_nothing(run: Callable[..., Result]) -> None:
    result = run("--storage", "sqlite:////no/such/folder/x.db")
    assert result.exit_code == 0
    assert "the copy in --storage sqlite:////no/such/folder/x.db is not complete, and the run goes on" in result.stderr


def test_an_experiment_that_ran_out_of_time_says_so_and_goes_on_later(
    run: Callable[..., Result], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, train, late = time.monotonic, InlineExecutor.submit, [0.0]

    def train_until_it_is_late(executor: InlineExecutor, job: Job, slot: int) -> Future[Record]:
        done = train(executor, job, slot)
        if isinstance(job, TrainingJob):  # and no look at the machine
            late[0] = 1e6
        return done

    with monkeypatch.context() as clock:
        clock.setattr("bench.experiment.driver.time.monotonic", lambda: real() + late[0])
        clock.setattr(InlineExecutor, "submit", train_until_it_is_late)
        result = run("--max-time", "1000")
    assert result.exit_code == 1
    assert (
        "out of time: 8 trainings and measurements are missing; to go on, run again: python -m bench run"
        in result.stderr
    )
    assert manifest(folder)["status"] == "out of time"
    assert run().exit_code == 0
    assert manifest(folder)["status"] == "complete"
    assert "missing" not in manifest(folder)


MISTAKES = [
    *(("--executor", "slurm"), ("--timeout", "soon"), ("--memory", "0"), ("--storage", "sqlite3://x.db")),
    *(("--storage", "redis://localhost"), ("--storage", "mysql+pymysql://localhost/x")),
]


@pytest.mark.parametrize("flags", MISTAKES, ids=" ".join)
def test_mistakes_are_one_line(run: Callable[..., Result], folder: Path, flags: tuple[str, ...]) -> None:
    result = run(*flags)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.splitlines()) == 1
    assert list(folder.iterdir()) == []


def test_doctor_knows_no_experiment_of_that_name(run: Callable[..., Result], bench: Bench) -> None:
    run()
    result = bench("doctor", "tt")
    assert result.exit_code == 2
    assert "unknown experiment 'tt': did you mean 't'?" in result.stderr
    whole = bench("doctor", "t")
    assert whole.exit_code == 0
    assert "13 whole records" in whole.stdout
    assert "0 damaged" in whole.stdout
