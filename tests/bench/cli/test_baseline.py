"""`bench baseline`: recording (on the toy, in this process), what is refused, and the difference of two baselines."""

from __future__ import annotations

import errno
import itertools
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from synthetic import BUDGET, cell, write

from bench.cli import main
from bench.gate.baseline import Reason
from bench.gate.baseline_files import read_baseline
from bench.gate.replicates import CellName
from bench.gate.tables import COLUMNS

Bench = Callable[..., Result]

EXPERIMENT = """
models = ["linear"]
tasks = ["toy"]
match = ["hidden"]
hidden_sizes = [4]
layers = [1]
lr_range = [0.1, 0.1]
steps = 200
"""


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


@pytest.fixture
def config(folder: Path, toy_plugin: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`toy.toml` in the current folder: one quick cell; trainings are in this process."""
    from bench.executors.inline import InlineExecutor

    monkeypatch.setattr(
        "bench.gate.this_code.session.open_executor", lambda made, _: InlineExecutor(made.options.plugins)
    )
    path = folder / "toy.toml"
    path.write_text(f'{EXPERIMENT}plugins = ["{toy_plugin}"]\n')
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_recorded_baseline_is_text_for_a_review(bench: Bench, folder: Path, config: Path) -> None:
    result = bench("baseline", "record", "ci/baseline", "--config", "toy.toml")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "baseline  ci/baseline: 1 cell, 24 replicates each",
        "target    toy × linear reached its target in 24 of 24 replicates",
        "check     python -m bench check ci/baseline",
    ]
    home = folder / "ci" / "baseline"
    assert sorted(contents(home)) == [
        *("baseline.csv", "curves.csv", "float64.csv", "gate.toml", "initial.csv", "manifest.json")
    ]
    header, *rows = (home / "baseline.csv").read_text().splitlines()
    assert header == ",".join(COLUMNS)
    assert {row.split(",")[2] for row in rows} == {str(number) for number in range(1, 25)}
    keys = [(*row.split(",")[:2], int(row.split(",")[2]), row.split(",")[3]) for row in rows]
    assert keys == sorted(keys)
    manifest = json.loads((home / "manifest.json").read_text())
    assert not {"results", "reports", "name", "workers", "seeds", "trials"} & set(manifest["experiment"])
    assert [entry["why"] for entry in manifest["history"]] == ["first baseline"]
    assert set(read_baseline(home).cells) == {CellName("toy", "linear")}


def test_a_recording_says_which_cells_never_reach_their_target(bench: Bench, folder: Path, config: Path) -> None:
    edit(config, "steps = 200", "steps = 2")
    result = bench("baseline", "record", "baseline", "--config", "toy.toml", "-q")
    assert result.stdout.splitlines()[1] == (
        "target    toy × linear reached its target in 0 of 24 replicates, so a check compares the mean loss over all "
        "2 steps, not the steps to a loss: to compare those, give more steps and record again"
    )


def test_recording_twice_gives_the_same_rows(bench: Bench, folder: Path, config: Path) -> None:
    for name in ("a", "b"):
        assert bench("baseline", "record", name, "--config", "toy.toml", "-q").exit_code == 0
    assert (folder / "a" / "baseline.csv").read_bytes() == (folder / "b" / "baseline.csv").read_bytes()


@pytest.mark.parametrize("accept", [[], ["--accept", ""], ["--accept", "  "]])
def test_a_baseline_is_not_replaced_without_a_reason(
    bench: Bench, folder: Path, config: Path, accept: list[str]
) -> None:
    home = write(folder / "baseline")
    before = contents(home)
    result = bench("baseline", "record", "baseline", "--config", "toy.toml", *accept)
    assert result.exit_code == 2
    assert result.stderr.startswith(
        "error: baseline holds a baseline: give a reason to replace it, which is kept "
        '(python -m bench baseline record baseline --accept "why")'
    )
    assert contents(home) == before
    assert not (folder / "results").exists()  # nothing was trained


def test_the_reason_and_the_exceptions_are_kept(bench: Bench, folder: Path, config: Path) -> None:
    home = write(folder / "baseline", [cell("toy", "linear")])
    exceptions = '[[cell]]\ntask = "toy"\nmodel = "linear"\nsteps_margin = 1.2\nreason = "noisy"\n'
    (home / "gate.toml").write_text(exceptions)
    result = bench("baseline", "record", "baseline", "--config", "toy.toml", "--accept", " a faster cell ")
    assert result.exit_code == 0, result.output
    first, second = read_baseline(home).history
    assert first == Reason("2026-01-02", "0123456789abcdef", "first baseline")
    assert second.why == "a faster cell"
    assert (home / "gate.toml").read_text() == exceptions


def test_a_damaged_baseline_can_be_replaced(bench: Bench, folder: Path, config: Path) -> None:
    home = write(folder / "baseline")
    (home / "manifest.json").write_text("{")
    assert bench("baseline", "record", "baseline", "--config", "toy.toml").exit_code == 2
    assert bench("baseline", "record", "baseline", "--config", "toy.toml", "--accept", "mended").exit_code == 0
    assert [reason.why for reason in read_baseline(home).history] == ["mended"]


def test_an_interrupted_recording_leaves_the_old_baseline(
    bench: Bench, folder: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bench.training.jobs import TrainingJob

    home = write(folder / "baseline")
    before = contents(home)
    perform, done = TrainingJob.perform, list[int]()

    def interrupted(job: TrainingJob, progress: Any) -> Any:
        if len(done) == 5:
            signal.raise_signal(signal.SIGINT)  # Ctrl-C; a KeyboardInterrupt of its own would be a failed training
        done.append(job.training.replicate)
        return perform(job, progress)

    monkeypatch.setattr(TrainingJob, "perform", interrupted)
    result = bench("baseline", "record", "baseline", "--config", "toy.toml", "--accept", "new", "--drop-cells")
    assert result.exit_code == 130
    assert contents(home) == before
    assert len(done) == 5
    monkeypatch.undo()
    read_baseline(home)


def test_a_training_that_fails_is_named_and_nothing_is_written(bench: Bench, folder: Path, config: Path) -> None:
    models = "faulty[how=raise,after=3]"
    result = bench("baseline", "record", "baseline", "--config", "toy.toml", "--models", models, "-q")
    assert result.exit_code == 2
    assert "24 of 24 trainings failed, so nothing was recorded; the first: toy × faulty" in result.stderr
    assert "replicate 1: RuntimeError: the cell | broke <here>" in result.stderr
    assert not (folder / "baseline").exists()


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["record"], ["missing argument 'FOLDER'"]),
        (["recrod"], ["unknown command 'recrod'", "did you mean 'record'?", "diff"]),
        (["record", "toy.toml"], ["FOLDER is toy.toml, which is a file: give a folder"]),
        (["record", "toy.toml/deeper"], ["toy.toml is a file: give another folder"]),
        (["record", "b", "--recipe", "gat"], ["unknown recipe 'gat'", "did you mean 'gate'?"]),
        (["record", "b", "--recipe", "gate", "--config", "toy.toml"], ["--config and --recipe", "give one of them"]),
        (["record", "b", "--config", "none.toml"], ["none.toml does not exist"]),
        (["record", "b", "--models", "gur"], ["unknown model 'gur'", "did you mean 'gru'?"]),
        (["record", "b", "--tasks", "sin"], ["unknown task 'sin'", "did you mean 'sine'?"]),
        (["record", "b", "--plugin", "none.py"], ["plug-in none.py does not exist"]),
        (["record", "b", "--workers", "0"], ["--workers is 0: expected at least 1"]),
        (["record", "b", "--recipe", "hidden-sizes"], ["a baseline", "give one"]),
        (["record", "b", "--recipe", "noise"], ["has several configurations to search", "as the recipe gate does"]),
        (["record", "b", "--acept", "x"], ["unknown option '--acept'", "did you mean '--accept'?"]),
        (["diff", "a"], ["missing argument 'B'"]),
        (["diff", "a", "b"], ["there is no baseline in a"]),
    ],
    ids=lambda value: " ".join(value) if value and value[0] in ("record", "diff", "recrod") else "",
)
def test_mistakes_are_one_line(refused: Callable[..., str], config: Path, args: list[str], expected: list[str]) -> None:
    line = refused("baseline", *args)
    for part in expected:
        assert part in line


def test_the_difference_of_two_baselines_is_explained(bench: Bench, folder: Path) -> None:
    write(folder / "old", [cell("sine", "gru"), cell("sine", "lstm"), cell("copy", "gru")])
    newer = Reason("2026-02-03", "fedcba9876543210", "a better schedule")
    old = read_baseline(folder / "old")
    records = [cell("sine", "gru", slower=0.8, draw=1), cell("copy", "gru", hidden_size=64), cell("sine", "rnn")]
    environment = {**old.environment, "isa": "AVX512"}
    write(folder / "new", records, history=(*old.history, newer), environment=environment)
    result = bench("baseline", "diff", "old", "new")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[:3] == [
        "added    sine × rnn",
        "removed  sine × lstm",
        "changed  copy × gru: hidden_size is 64, in the baseline 32",
    ]
    assert any(line.strip().startswith("sine × gru: steps to the same loss -20.") for line in lines)
    assert "environment  isa: AVX2 → AVX512" in lines
    assert lines[-1] == "reason   2026-02-03 (fedcba987654): a better schedule"


def test_a_baseline_differs_from_itself_in_nothing(bench: Bench, folder: Path) -> None:
    write(folder / "a", [cell("sine", "gru")])
    result = bench("baseline", "diff", "a", "a")
    assert (
        result.stdout.strip()
        == "sine × gru: steps to the same loss +0.0 % (95 % interval -0.3 to +0.3 %, 24 replicates)"
    )


@pytest.mark.parametrize("command", [["check"], ["baseline", "record"], ["baseline", "diff"], ["baseline"]])
def test_help_has_an_example_or_says_what_comes_out(command: list[str]) -> None:
    result = CliRunner().invoke(main, [*command, "--help"])
    assert result.exit_code == 0
    assert "aseline" in result.stdout
    assert f"Usage: bench {' '.join(command)}" in result.stdout


def test_the_gates_recipe_is_one_configuration_a_cell() -> None:
    from bench.config.files import read_recipe
    from bench.config.resolve import resolve
    from bench.experiment.observer import Observer
    from bench.gate.this_code.session import Session

    experiment = resolve({}, read_recipe("gate"), recipe="gate")
    assert {task.name for task in experiment.tasks} == {"sine", "regression", "copy"}
    assert [model.label for model in experiment.models] == ["gru", "lstm", "rnn", "numpy_gru"]
    configurations = Session(experiment, Observer()).configurations
    assert len(configurations) == 12
    assert all(values["steps"] == BUDGET for values in configurations.values())


def test_recording_again_records_the_baselines_own_cells(bench: Bench, folder: Path, config: Path) -> None:
    assert bench("baseline", "record", "ci", "--config", "toy.toml", "-q").exit_code == 0
    result = bench("baseline", "record", "ci", "--accept", "why not", "-q")
    assert result.exit_code == 0, result.output
    found = read_baseline(folder / "ci")
    assert set(found.cells) == {CellName("toy", "linear")}
    assert [reason.why for reason in found.history] == ["first baseline", "why not"]


def test_cells_that_would_be_lost_are_named(bench: Bench, folder: Path, config: Path) -> None:
    home = write(folder / "baseline")
    before = contents(home)
    result = bench("baseline", "record", "baseline", "--config", "toy.toml", "--accept", "new", "-q")
    assert result.exit_code == 2
    assert "guards 3 cells that would be lost (copy × gru, sine × gru and sine × lstm)" in result.stderr
    assert "give --drop-cells" in result.stderr
    assert contents(home) == before
    result = bench("baseline", "record", "baseline", "--config", "toy.toml", "--accept", "new", "-q", "--drop-cells")
    assert result.exit_code == 0, result.output
    assert set(read_baseline(home).cells) == {CellName("toy", "linear")}


@pytest.mark.parametrize("more", [["--quick"], []])
def test_a_file_that_says_something_else_is_noticed(bench: Bench, folder: Path, config: Path, more: list[str]) -> None:
    (folder / "my ci").mkdir()
    config = config.rename(folder / "my ci" / "toy.toml")
    assert bench("baseline", "record", "ci", "--config", str(config), "-q").exit_code == 0
    config.write_text("# a remark, and what decides nothing\nworkers = 1\nreplicates = 3\n" + config.read_text())
    assert bench("check", "ci", "-q", "--quick").exit_code == 0
    edit(config, "lr_range = [0.1, 0.1]", "lr_range = [0.01, 0.01]\nweight_decay = 0.1")
    again = "python -m bench baseline record ci --config 'my ci/toy.toml' --accept \"why\""
    now = "my ci/toy.toml now says lr_range 0.01,0.01 (recorded: 0.1,0.1), weight_decay 0.1 (recorded: not set)"
    result = bench("check", "ci", "-q", *more)
    assert result.exit_code == 3
    assert result.stdout.splitlines() == [
        f"not comparable: {now}: restore the file, or record the baseline again with {again}"
    ]
    result = bench("baseline", "record", "ci", "--accept", "why", "-q")
    assert result.exit_code == 2
    assert f"error: {now}: to record what it says give --config as well, {again}, or restore" in result.stderr
    edit(config, "lr_range", "lr_rnge")
    result = bench("check", "ci", "-q", *more)
    assert result.exit_code == 3
    assert "not comparable: the file of its experiment cannot be read: my ci/toy.toml:" in result.stdout
    config.unlink()
    assert bench("check", "ci", "-q", "--quick").exit_code == 0


def test_what_a_flag_replaced_in_the_file_may_change(bench: Bench, folder: Path, config: Path) -> None:
    assert bench("baseline", "record", "ci", "--config", "toy.toml", "--models", "linear", "-q").exit_code == 0
    edit(config, 'models = ["linear"]', 'models = ["linear", "gru"]')
    assert bench("check", "ci", "-q", "--quick").exit_code == 0
    assert bench("baseline", "record", "ci", "--accept", "why", "-q").exit_code == 0
    edit(config, "steps = 200", "steps = 300")
    result = bench("check", "ci", "-q", "--quick")
    assert "toy.toml now says steps 300 (recorded: 200): " in result.stdout


def test_a_damaged_baseline_does_not_say_what_to_record(bench: Bench, folder: Path) -> None:
    home = write(folder / "baseline")
    (home / "manifest.json").write_text("{")
    result = bench("baseline", "record", "baseline", "--accept", "new", "-q")
    assert result.exit_code == 2
    for option in ("--config FILE", "--recipe gate"):
        assert f'python -m bench baseline record baseline {option} --accept "why"' in result.stderr


def test_a_damaged_table_is_recorded_again_with_the_experiment_and_the_history_of_the_manifest(
    bench: Bench, folder: Path, config: Path
) -> None:
    assert bench("baseline", "record", "ci", "--config", "toy.toml", "-q").exit_code == 0
    (folder / "ci" / "baseline.csv").write_text("torn")
    result = bench("baseline", "record", "ci", "--accept", "mended", "-q")
    assert result.exit_code == 0, result.output
    assert [reason.why for reason in read_baseline(folder / "ci").history] == ["first baseline", "mended"]
    assert set(read_baseline(folder / "ci").cells) == {CellName("toy", "linear")}


def test_a_plugin_that_moved_is_given_its_new_place(
    bench: Bench, folder: Path, config: Path, toy_plugin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bench("baseline", "record", "ci", "--config", "toy.toml", "-q").exit_code == 0
    path = folder / "ci" / "manifest.json"
    path.write_text(path.read_text().replace(toy_plugin, "old_place.py"))
    result = bench("baseline", "record", "ci", "--accept", "it moved", "-q")
    assert result.exit_code == 2
    assert '--plugin NEW.py --accept "it moved"' in result.stderr
    result = bench("baseline", "record", "ci", "--plugin", toy_plugin, "--accept", "it moved", "-q")
    assert result.exit_code == 0, result.output
    assert read_baseline(folder / "ci").experiment["plugins"] == [toy_plugin]


def test_a_disk_that_is_full_leaves_the_old_baseline(
    bench: Bench, folder: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At any of the files: none takes its place before all are on the disk."""
    home = write(folder / "baseline", [cell("toy", "linear")])
    before = contents(home)
    sync = os.fsync
    for place in range(5):
        calls = itertools.count()

        def full(descriptor: int, calls: Any = calls, place: int = place) -> None:
            if Path(os.readlink(f"/proc/self/fd/{descriptor}")).parent == home and next(calls) == place:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            sync(descriptor)

        monkeypatch.setattr(os, "fsync", full)
        result = bench("baseline", "record", "baseline", "--config", "toy.toml", "--accept", "w", "-q")
        assert result.exit_code == 2, result.output
        assert "No space left on device" in result.stderr
        assert contents(home) == before
