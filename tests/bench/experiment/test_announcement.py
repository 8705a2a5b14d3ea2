"""The line before the first training says what is then done."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from bench.analysis.results import load
from bench.cli.display.progress import PlainProgress
from bench.cli.list import _budgets
from bench.config.resolve import resolve
from bench.experiment.announcement import announcement, announcements, whole_announcement
from bench.experiment.duration import roughly, seconds_left, training_seconds
from bench.experiment.observer import Observer
from bench.experiment.plan import Plan
from bench.experiment.run import run
from bench.records.jsonl import RecordFile
from bench.records.ledger import Ledger
from bench.report.content import document


class Notes(Observer):
    def __init__(self) -> None:
        self.notes: list[str] = []
        self.total = 0

    def planned(self, trainings: int) -> None:
        self.total = trainings

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    values = np.random.default_rng(0).standard_normal(400).cumsum().tolist()
    gaps = ["" if i == 50 else f"{value}" for i, value in enumerate(values)]
    (tmp_path / "walk.csv").write_text("t,y\n" + "".join(f"{i},{value}\n" for i, value in enumerate(gaps)))
    return tmp_path / "walk.csv"


def test_a_run_tells_rows_windows_passes_trainings_and_notes(table: Path, tmp_path: Path) -> None:
    folders = {"results": str(tmp_path / "r"), "reports": str(tmp_path / "p")}
    options = {"data": str(table), "target": "y", "fill": "forward", "models": "numpy_gru", "budget": "smoke"}
    experiment = resolve({**options, **folders, "executor": "inline", "steps": 40, "name": "walk"})
    observer = Notes()
    outcome = run(experiment, observer=observer)
    told = "\n".join(observer.notes)
    assert "column 'y' misses 1 of 400 values (lines 52): filled forward" in told
    (asked,) = load("walk", tmp_path / "r").manifest["asks"].values()
    assert asked.endswith(
        "The loss is the mean squared error; 1 is the variance of what is predicted, over the rows of training. "
        "The data: column 'y' misses 1 of 400 values (lines 52): filled forward."
    )
    (line,) = [note for note in observer.notes if "400 rows" in note]
    (task,) = experiment.tasks
    counts = [len(task.at(replicate).generate(0).train) for replicate in (0, 1)]
    assert f"{counts[0]} to {counts[1]} training windows" in line
    assert "40 steps of 16 windows" in line
    assert f"{40 * 16 / counts[1]:.2g} to {40 * 16 / counts[0]:.2g} passes" in line
    assert re.search("4 trainings, about .* with 1 worker$", line)  # how long depends on how busy the machine is
    trials = 4
    assert outcome.jobs >= trials

    more = Notes()
    run(
        resolve({**options, **folders, "executor": "inline", "steps": 40, "name": "walk", "replicates": 3}),
        observer=more,
    )
    assert "; 6 trainings (4 found), about " in next(note for note in more.notes if "400 rows" in note)


def test_the_announcement_the_progress_the_end_and_the_page_count_the_same_trainings(
    table: Path, tmp_path: Path
) -> None:
    """With `--engine auto` the selected trials are trained once more, by the model itself."""
    options = {"data": str(table), "target": "y", "fill": "forward", "models": "gru", "budget": "smoke", "steps": 40}
    folders = {"results": str(tmp_path / "r"), "reports": str(tmp_path / "p")}
    experiment = resolve({**options, **folders, "executor": "inline", "name": "walk", "engine": "auto"})
    written: list[str] = []
    progress = PlainProgress(written.append)
    run(experiment, observer=progress)
    progress.end()
    trainings = 2 * 2 + 2  # two trials of two replicates, and the selected ones again
    assert f"; {trainings} trainings, about" in next(line for line in written if "400 rows" in line)
    results = load("walk", tmp_path / "r")
    measured = len([record for record in results.records if record["stage"] in ("examine", "time")])
    assert written[-1].startswith(f"{trainings} trainings and {measured} measurements in ")
    assert f"[{trainings + measured}/{trainings + measured}]" in written[-2]
    assert len(results.trainings) == trainings
    assert f"{trainings} trainings" in document(results).facts
    smoke = dict(_budgets())["smoke"]
    assert f"2 trials × 2 replicates = 4 trainings of a model on a task ({trainings} where --engine auto" in smoke


def nothing_recorded(folder: Path) -> Ledger:
    return Ledger(RecordFile(folder / "records.jsonl"), {}, "rerun")


def test_tasks_that_draw_their_data_have_no_such_line(tmp_path: Path) -> None:
    experiment = resolve({"tasks": "sine", "models": "gru", "budget": "smoke"})
    assert announcement(Plan(experiment, "cpu"), nothing_recorded(tmp_path), experiment.tasks[0], 2) is None


def test_more_work_takes_longer_and_no_time_is_guessed_on_a_gpu(table: Path, tmp_path: Path) -> None:
    def seconds(workers: int, **options: str) -> str:
        given = {"data": str(table), "target": "y", "fill": "forward", "models": "gru", **options}
        experiment = resolve(given)
        return announcement(Plan(experiment, "cpu"), nothing_recorded(tmp_path), experiment.tasks[0], workers) or ""

    def minutes(line: str) -> float:
        found = re.search(r"about ([\d.]+) (s|min|h) ", line)
        assert found is not None
        return float(found[1]) * {"s": 1 / 60, "min": 1, "h": 60}[found[2]]

    quick, full = seconds(2), seconds(2, budget="full")
    assert minutes(full) > 5 * minutes(quick)
    assert minutes(seconds(1, budget="full")) == pytest.approx(2 * minutes(full), rel=0.1)
    assert "about" not in seconds(0)


def plan_of(**options: object) -> Plan:
    return Plan(
        resolve({"tasks": "sine,adding[length=50]", "models": "gru,lstm", "budget": "standard", **options}), "cpu"
    )


def all_seconds(plan: Plan, workers: int = 1) -> float:
    return seconds_left([(cell, cell.planned(plan.count(cell))) for cell in plan.cells], workers)


def test_the_time_of_all_that_is_left_is_said_where_it_is_long(tmp_path: Path) -> None:
    plan, ledger = plan_of(), nothing_recorded(tmp_path)
    line = whole_announcement(plan, ledger, 2)
    assert line is not None
    assert line.startswith(f"{plan.planned():,} trainings and measurements to do: about ")
    assert line.endswith(f"about {roughly(all_seconds(plan, 2))} with 2 workers")
    assert whole_announcement(plan, ledger, 0) is None  # on a GPU
    assert whole_announcement(plan_of(steps=5, trials=1, replicates=1), ledger, 2) is None


def test_what_is_announced_grows_with_what_is_asked_for() -> None:
    """Timings, which run alone, are left out by making them the same on both sides."""
    once, twice = plan_of(replicates=5), plan_of(replicates=10)
    timings = all_seconds(twice, 10**9)
    assert all_seconds(twice) - timings == pytest.approx(2 * (all_seconds(once) - timings), rel=1e-6)
    assert all_seconds(twice, 2) - timings == pytest.approx((all_seconds(twice) - timings) / 2, rel=1e-6)
    gru, lstm = (cell for cell in plan_of(hidden_sizes="32", layers="1").cells if cell.task.name == "sine")
    assert training_seconds(gru, "trial") < training_seconds(gru, "train")  # NumPy's GRU trains the trials
    assert training_seconds(lstm, "trial") == training_seconds(lstm, "train")
    pruned = next(cell for cell in plan_of(prune=True, trials=9).cells if cell.model.name == "lstm")
    assert pruned.mean_trial_steps() * 13 == pytest.approx(3 * 2000, rel=0.1)  # 9 + 3 + 1 trainings


def test_trainings_take_longer_on_slow_cores_and_timings_do_not(tmp_path: Path) -> None:
    plan = plan_of()
    cells = [(cell, cell.planned(plan.count(cell))) for cell in plan.cells]
    timings = seconds_left(cells, 10**9)
    assert seconds_left(cells, 2, 3.0) - timings == pytest.approx(3 * (seconds_left(cells, 2) - timings), rel=1e-6)
    line = whole_announcement(plan, nothing_recorded(tmp_path), 2, 3.0) or ""
    assert line.endswith(f"about {roughly(seconds_left(cells, 2, 3.0))} with 2 workers")


def test_what_is_announced_is_as_slow_as_the_machine(table: Path, tmp_path: Path) -> None:
    """Of the series, and of all that is left."""
    plan = Plan(
        resolve({"data": str(table), "target": "y", "fill": "forward", "models": "gru", "budget": "full"}), "cpu"
    )
    (task,), ledger = plan.experiment.tasks, nothing_recorded(tmp_path)
    machine = {"device": "cpu", "reason": "cpu: asked for.", "slowness": 3.0}
    told = list(announcements(plan, ledger, machine, 2))
    lines = announcement(plan, ledger, task, 2, 3.0), whole_announcement(plan, ledger, 2, 3.0)
    assert None not in lines
    assert set(lines) <= set(told)
    assert set(lines).isdisjoint(announcements(plan, ledger, machine | {"slowness": 1.0}, 2))


@pytest.mark.parametrize(
    ("seconds", "text"), [(3, "10 s"), (44, "40 s"), (89, "90 s"), (100, "2 min"), (5300, "89 min"), (35_400, "9.8 h")]
)
def test_a_time_has_one_or_two_digits(seconds: float, text: str) -> None:
    assert roughly(seconds) == text
