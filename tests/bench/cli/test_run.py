"""`bench run`, from the command to the report, on a toy that trains in milliseconds; then `report` and `rerun`."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bench.cli import main
from bench.cli.run import command_line, run_command
from bench.records.jsonl import read_records

Bench = Callable[..., Result]

ROOT = Path(__file__).parents[3]
TOY = str(ROOT / "tests" / "plugins" / "toy.py")


COMMAND = ("run", "--plugin", TOY, "--tasks", "toy", "--budget", "smoke", "--workers", "1", "--name", "t")


@pytest.fixture
def run(bench: Bench) -> Callable[..., Result]:
    """`bench run` of a toy model on the toy task, in one worker."""
    return lambda model="linear", *args: bench(*COMMAND, "--models", model, *args)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    """One run that tests start from: its folder and its result."""
    folder = tmp_path_factory.mktemp("first")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return folder, CliRunner().invoke(main, [*COMMAND, "--models", "linear"], prog_name="python -m bench")


@pytest.fixture
def done(first: tuple[Path, Result], folder: Path) -> Result:
    """The result of a run whose folders lie in this test's own folder."""
    shutil.copytree(first[0], folder, dirs_exist_ok=True)
    return first[1]


def records(folder: Path) -> list[dict[str, Any]]:
    return list(read_records(folder / "results" / "t" / "records.jsonl"))


def outcome(record: dict[str, Any]) -> tuple[Any, ...]:
    """What must not differ between two runs: all but times."""
    return (record["key"], record["stage"], record.get("curve"), record.get("test"), record.get("steps_to_target"))


def outcomes(folder: Path) -> list[str]:
    """Of all records, in one order: floors are recorded while the first trainings run."""
    return sorted(json.dumps(outcome(record)) for record in records(folder))


def test_a_run_ends_in_a_table_a_verdict_and_paths(done: Result, folder: Path) -> None:
    result = done
    assert result.exit_code == 0, result.stderr
    assert re.search(r"^toy: .+\n\ntoy\nmodel +size +skill", result.stdout)
    assert re.search(r"^linear +\d+×1 ", result.stdout, re.MULTILINE)
    assert re.search(r"^zero ", result.stdout, re.MULTILINE)
    assert "On toy, linear is the only model of this run" in result.stdout
    for path in re.findall(r"^report  (\S+)$", result.stdout, re.MULTILINE):
        assert (folder / path).is_file()
    assert "tables  results/t/ (curves.csv, summary.csv, timings.csv, trainings.csv)" in result.stdout
    assert "\x1b" not in result.stdout + result.stderr
    assert re.search(r"^\[9/9\] time toy linear", result.stderr, re.MULTILINE)


def test_quiet_has_the_result_and_no_progress(run: Callable[..., Result]) -> None:
    result = run("linear", "--quiet")
    assert result.exit_code == 0
    assert result.stderr == ""
    assert "On toy" in result.stdout


def test_the_same_command_again_trains_nothing(done: Result, run: Callable[..., Result], folder: Path) -> None:
    before = (folder / "results/t/records.jsonl").read_bytes()
    again = run()
    assert again.exit_code == 0
    assert again.stdout == done.stdout
    assert not re.search(r"^\[\d", again.stderr, re.MULTILINE)
    assert (folder / "results/t/records.jsonl").read_bytes() == before


def test_fresh_trains_all_again_and_gives_the_same(done: Result, run: Callable[..., Result], folder: Path) -> None:
    before = outcomes(folder)
    result = run("linear", "--fresh")
    assert result.exit_code == 0
    assert re.search(r"^\[9/9\]", result.stderr, re.MULTILINE)
    assert outcomes(folder) == before


def test_another_experiment_of_that_name_is_refused_and_harms_nothing(
    done: Result, run: Callable[..., Result], folder: Path
) -> None:
    before = {path: path.read_bytes() for path in (folder / "results/t").rglob("*") if path.is_file()}
    result = run("linear", "--seed", "3")
    assert result.exit_code == 2
    assert "was made with --seed 0 (now 3)" in result.stderr
    assert "--fresh" in result.stderr
    assert {path: path.read_bytes() for path in (folder / "results/t").rglob("*") if path.is_file()} == before


def test_experiment_json_runs_again_elsewhere_with_the_same_outcome(done: Result, bench: Bench, folder: Path) -> None:
    before = outcomes(folder)
    (folder / "results").rename(folder / "old")
    result = bench("run", "--config", "old/t/experiment.json")
    assert result.exit_code == 0, result.stderr
    assert outcomes(folder) == before


def test_flags_win_over_toml_and_toml_over_the_budget(bench: Bench, folder: Path) -> None:
    (folder / "e.toml").write_text(
        f'plugins = ["{TOY}"]\ntasks = ["toy"]\nmodels = "linear"\nbudget = "smoke"\nname = "t"\n'
        "trials = 1\nseeds = 4\nworkers = 1\n"
    )
    assert bench("run", "--config", "e.toml", "--seeds", "1").exit_code == 0
    stages = [record["stage"] for record in records(folder)]
    assert (stages.count("trial"), stages.count("examine")) == (1, 1)


def test_failed_trainings_are_shown_and_exit_with_1(run: Callable[..., Result], folder: Path) -> None:
    result = run("linear,faulty[how=nan]")
    assert result.exit_code == 1
    assert re.search(r"^\d of \d trainings did not end well:$", result.stdout, re.MULTILINE)
    assert "diverged" in result.stdout
    assert re.search(r"^linear ", result.stdout, re.MULTILINE)
    command = re.search(r"again: python -m bench (rerun t \w+)", result.stdout)
    assert command
    assert (folder / "reports/t/index.html").is_file()


def test_rerun_compares_with_the_record(done: Result, bench: Bench, folder: Path) -> None:
    before = (folder / "results/t/records.jsonl").read_bytes()
    trial = next(record for record in records(folder) if record["stage"] == "trial")
    result = bench("rerun", "t", trial["key"][:12])
    assert result.exit_code == 0, result.output
    assert "the losses agree to the last digit" in result.stdout
    assert result.stdout.count(repr(trial["curve"]["train_loss"][-1])) == 2
    assert (folder / "results/t/records.jsonl").read_bytes() == before


def test_rerun_shows_the_traceback_of_a_failed_training(run: Callable[..., Result], bench: Bench, folder: Path) -> None:
    run("faulty")
    failed = next(record for record in records(folder) if record["stage"] == "trial")
    result = bench("rerun", "t", failed["key"])
    assert result.exit_code == 1
    assert "Traceback (most recent call last)" in result.stdout
    assert 'raise RuntimeError("the cell | broke <here>")' in result.stdout


def test_rerun_notices_a_difference(done: Result, bench: Bench, folder: Path) -> None:
    path = folder / "results/t/records.jsonl"
    changed = records(folder)
    trial = next(record for record in changed if record["stage"] == "trial")
    trial["curve"]["train_loss"][-1] *= 2
    path.write_text("".join(json.dumps(record) + "\n" for record in changed))
    result = bench("rerun", "t", trial["key"])
    assert result.exit_code == 1
    assert "the losses differ" in result.stdout


def test_rerun_refuses_an_unknown_key(done: Result, bench: Bench) -> None:
    result = bench("rerun", "t", "nokey")
    assert result.exit_code == 2
    assert "no training or measurement whose key begins with 'nokey'" in result.stderr


def test_report_renders_the_same_again_from_the_records(done: Result, bench: Bench, folder: Path) -> None:
    page = (folder / "reports/t/index.html").read_bytes()
    again = bench("report", "t", "--reports", "elsewhere")
    assert again.exit_code == 0
    assert again.stdout == done.stdout.replace("reports/t/", "elsewhere/t/")
    assert (folder / "elsewhere/t/index.html").read_bytes() == page


def test_report_needs_no_torch(done: Result, folder: Path) -> None:
    code = """
import sys
from bench.cli import main
try:
    main(["report", "t"])
finally:
    assert "torch" not in sys.modules
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr
    assert "On toy" in result.stdout


def test_report_of_an_unknown_name_suggests_one(done: Result, bench: Bench, folder: Path) -> None:
    (folder / "results/t").rename(folder / "results/first_try")
    result = bench("report", "frist_try")
    assert result.exit_code == 2
    assert result.stderr == "error: unknown experiment 'frist_try': did you mean 'first_try'? Valid: first_try\n"


def interrupted(*_: Any, **__: Any) -> Any:
    """In place of `bench.experiment.run.run`: as when somebody presses Ctrl-C."""
    raise KeyboardInterrupt


def test_interruption_keeps_what_is_done_and_says_how_to_go_on(
    done: Result, run: Callable[..., Result], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.experiment.run.run", interrupted)
    result = run("linear", "--fresh")
    assert result.exit_code == 130
    last = result.stderr.splitlines()[-1]
    assert last.startswith(
        "interrupted: what is done is kept; to go on, run again: python -m bench run --models linear"
    )
    assert "--fresh" not in last
    assert "On toy" in result.stdout


def test_interruption_while_the_report_is_written_says_how_to_write_it(
    run: Callable[..., Result], bench: Bench, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("bench.report.render_results", interrupted)
        result = run("linear", "--reports", "pages")
    assert result.exit_code == 130
    last = result.stderr.splitlines()[-1]
    command = "python -m bench report t --reports pages"
    assert last.startswith("interrupted: all that was trained is recorded in results/t, and the report is not written")
    assert last.endswith(f"to write it: {command}")
    assert bench(*command.split()[3:]).exit_code == 0
    assert (folder / "pages/t/index.html").is_file()


def test_interruption_before_anything_was_recorded_renders_nothing(
    run: Callable[..., Result], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.experiment.run.run", interrupted)
    result = run()
    assert result.exit_code == 130
    assert result.stdout == ""
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        ["--models", "gru,lstm"],
        ["--tasks", "copy[delay=5],sine", "--replicates", "3", "--fresh", "--quiet"],
        ["--recipe", "fair", "--until-settled", "--save-models"],
        ["--plugin", "my cell.py", "--plugin", "b.py", "--clip-norm", "none", "--config", "e.toml"],
    ],
)
def test_the_recorded_command_is_the_one_that_was_given(words: list[str]) -> None:
    command = shlex.split(command_line(run_command.make_context("run", list(words))))
    assert command[:4] == ["python", "-m", "bench", "run"]
    assert sorted(command[4:]) == sorted(words)
    again = run_command.make_context("run", command[4:]).params
    assert again == run_command.make_context("run", list(words)).params


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--recipe", "sine-gru16"], ["sine-gru16"]),
        (["--recipe", "study", "--tasks", "sine,macro", "--max-time", "30m"], ["my-study"]),
        (["--recipe", "study", "--budget", "smoke", "--tasks", "sine"], ["my-study-smoke"]),
        (["--recipe", "study", "--tasks", "sine", "--name", "study-gpu"], ["study-gpu"]),
    ],
)
def test_a_recipe_has_its_own_name_on_the_command_line_too(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, words: list[str], expected: list[str]
) -> None:
    names = []
    monkeypatch.setattr("bench.cli.run._run_one", lambda ctx, experiment, *_: names.append(experiment.name) or 0)
    assert bench("run", *words).exit_code == 0
    assert names == expected


@pytest.mark.slow
def test_ctrl_c_stops_workers_keeps_records_and_the_same_command_goes_on(folder: Path) -> None:
    command = [sys.executable, "-m", "bench", *COMMAND, "--models", "linear", "--replicates", "40"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("[5/"):
            break
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does it: to the workers, too
    stdout, stderr = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in stderr
    assert "interrupted: what is done is kept; to go on, run again: python -m bench run" in stderr
    assert "report  reports/t/index.html" in stdout
    kept = (folder / "results/t/records.jsonl").read_bytes()
    again = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert "[123/123]" in again.stderr
    assert (folder / "results/t/records.jsonl").read_bytes().startswith(kept)


def test_an_unchanged_experiment_keeps_its_report_and_a_missing_one_is_rendered(
    done: Result, run: Callable[..., Result], folder: Path
) -> None:
    page = folder / "reports/t/index.html"
    page.write_text("the page of then")
    assert run().stdout == done.stdout
    assert page.read_text() == "the page of then"
    page.unlink()
    assert run().stdout == done.stdout
    assert "<svg" in page.read_text()
