"""`pytest --bench-baseline`, in processes of their own: what is collected, what each item says, what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from synthetic import CELLS, cell, write

from bench.gate.exceptions import EMPTY

ROOT = Path(__file__).parents[2]
NODES = [f"bench-baseline::{task}/{model}" for task, model in CELLS]

# The check is that of synthetic trainings: sine × gru is slower, sine × lstm faster, copy × gru as before.
# What was checked is left in a file. No torch is loaded.
CONFTEST = """
import sys
import types
from pathlib import Path

from synthetic import Code, cell

from bench.gate.check import check
from bench.gate.replicates import CellName


def check_code(baseline, experiment, observer, *, folder, only):
    with Path("checked.txt").open("a") as file:
        file.write(" ".join(f"{name.task}/{name.model}" for name in only) + "\\n")
    records = [cell("copy", "gru"), cell("sine", "gru", slower=1.3), cell("sine", "lstm", slower=0.7)]
    observer.planned(2)
    observer.finished(0, {}, False)
    observer.finished(0, {}, False)
    traces = {name: cell.traces for name, cell in baseline.cells.items()}
    if Path("changed.txt").exists():
        traces[CellName("copy", "gru")] = {1: {"train_loss_step_01": 0.6, "gradient_norm_step_01": 2.0}}
    return check(baseline, Code(records, traces=traces), folder=folder, only=only)


sys.modules["bench.gate.this_code.check_code"] = types.SimpleNamespace(
    check_code=check_code, experiment_of=lambda baseline, flags, folder: None
)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project without tests, with a baseline, whose check is `CONFTEST`'s."""
    write(tmp_path / "baseline")
    (tmp_path / "conftest.py").write_text(CONFTEST)
    return tmp_path


def run_pytest(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """pytest in the folder, with the plug-in loaded once whether or not its entry point is installed."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    environment |= {
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests" / "bench" / "gate")]),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "COLUMNS": "160",
    }
    command = [sys.executable, "-m", "pytest", "-p", "bench.pytest_plugin", "-p", "xdist", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, f"--rootdir={folder}", *args], cwd=folder, env=environment, capture_output=True, text=True
    )


def checked(folder: Path) -> list[str]:
    """The checks that were made, each by its cells."""
    path = folder / "checked.txt"
    return path.read_text().splitlines() if path.exists() else []


def test_each_item_reports_its_own_cell(folder: Path) -> None:
    done = run_pytest(folder, "--bench-baseline", "baseline", "-v")
    assert done.returncode == 1
    assert "collected 3 items" in done.stdout
    assert f"{NODES[0]} PASSED" in done.stdout
    assert f"{NODES[1]} FAILED" in done.stdout
    assert f"{NODES[2]} PASSED" in done.stdout
    assert "sine × gru regressed: steps to the same loss +3" in done.stdout
    assert "Traceback" not in done.stdout
    assert "pytest_plugin.py" not in done.stdout
    assert "convergence against baseline" in done.stdout
    assert "sine × lstm better: steps to the same loss -3" in done.stdout
    assert checked(folder) == ["copy/gru sine/gru sine/lstm"]
    assert "bench-baseline: 2 of 2 trainings" in done.stderr


def test_a_cell_that_computes_something_else_fails(folder: Path) -> None:
    (folder / "changed.txt").touch()
    done = run_pytest(folder, "--bench-baseline", "baseline", "--bench-cells", "copy/gru,sine/lstm")
    assert done.returncode == 1
    assert "1 failed, 1 passed" in done.stdout
    assert "copy × gru changed: in float64, replicate 1: train loss step 01 is off by 2.0e-01" in done.stdout


def test_only_what_is_chosen_is_trained(folder: Path) -> None:
    done = run_pytest(folder, "--bench-baseline", "baseline", "--bench-cells", "*/gru", "-k", "copy or lstm", "-q")
    assert done.returncode == 0, done.stdout
    assert "1 passed, 1 deselected" in done.stdout
    assert checked(folder) == ["copy/gru"]
    assert done.stderr == ""


def test_collecting_lists_the_cells_and_trains_none(folder: Path) -> None:
    (folder / "test_ordinary.py").write_text("def test_it():\n    pass\n")
    done = run_pytest(folder, "--bench-baseline", "baseline", "--collect-only", "-q")
    assert done.returncode == 0
    assert done.stdout.splitlines()[:4] == ["test_ordinary.py::test_it", *NODES]
    assert checked(folder) == []


def test_ordinary_tests_alone_are_as_without_the_plugin(folder: Path) -> None:
    (folder / "test_ordinary.py").write_text("def test_it():\n    pass\n")
    done = run_pytest(folder, "-W", "error")
    assert done.returncode == 0
    assert "1 passed" in done.stdout
    assert "convergence" not in done.stdout
    assert run_pytest(folder, "-n", "1", "-q").returncode == 0


def test_a_cell_that_is_let_off_is_skipped_with_its_reason(folder: Path) -> None:
    entry = '[[cell]]\ntask = "sine"\nmodel = "gru"\nskip = true\nreason = "its data is about to change"\n'
    (folder / "baseline" / "gate.toml").write_text(EMPTY + entry)
    done = run_pytest(folder, "--bench-baseline", "baseline", "-rs")
    assert done.returncode == 0
    assert "2 passed, 1 skipped" in done.stdout
    assert "its data is about to change" in done.stdout


def test_what_cannot_be_compared_is_an_error_and_no_failure(folder: Path) -> None:
    write(folder / "baseline", [cell("copy", "gru"), cell("copy", "rnn")])
    done = run_pytest(folder, "--bench-baseline", "baseline", "--junitxml", "junit.xml")
    assert done.returncode == 1
    assert "1 passed, 1 error" in done.stdout
    assert "copy × rnn is not comparable: this code has no such cell" in done.stdout
    suite = ElementTree.parse(folder / "junit.xml").getroot()[0]
    assert {key: suite.get(key) for key in ("tests", "failures", "errors")} == {
        "tests": "2",
        "failures": "0",
        "errors": "1",
    }
    assert [case.get("name") for case in suite] == ["copy/gru", "copy/rnn"]


def test_a_refusal_of_the_whole_check_is_said_of_every_cell(folder: Path) -> None:
    write(folder / "baseline", [cell("copy", "gru", replicates=5), cell("sine", "gru", replicates=5)])
    done = run_pytest(folder, "--bench-baseline", "baseline")
    assert "2 errors" in done.stdout
    assert done.stdout.count("has 5 replicates of a cell, a check needs 24") >= 2
    assert len(checked(folder)) == 1


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["--bench-baseline", "nowhere"], "ERROR: there is no baseline in nowhere: record one with python -m bench"),
        (["--bench-baseline", "baseline", "-n", "2"], "ERROR: --bench-baseline trains on all cores by itself"),
        (["--bench-baseline", "baseline", "--bench-cells", "sin/*"], "ERROR: no cell is called 'sin/*'"),
        (["--bench-cells", "sine/*"], "ERROR: --bench-cells selects cells of --bench-baseline"),
    ],
)
def test_refusals_are_one_line(folder: Path, args: list[str], expected: str) -> None:
    done = run_pytest(folder, *args)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert done.stderr.strip().startswith(expected)
    assert len(done.stderr.strip().splitlines()) == 1
    assert checked(folder) == []


def test_an_edited_baseline_is_refused(folder: Path) -> None:
    path = folder / "baseline" / "baseline.csv"
    path.write_text(path.read_text().replace("sine,gru,1,steps_to_target,", "sine,gru,1,steps_to_target,9"))
    done = run_pytest(folder, "--bench-baseline", "baseline")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "was edited by hand" in done.stderr


def test_no_workers_is_no_xdist(folder: Path) -> None:
    assert run_pytest(folder, "--bench-baseline", "baseline", "--bench-cells", "copy/*", "-n", "0").returncode == 0


def test_a_run_without_the_option_loads_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "test_modules.py").write_text(
        "import sys\n\ndef test_it():\n    heavy = {'torch', 'numpy', 'pandas', 'scipy', 'click', 'rich', 'optuna'}\n"
        "    assert 'bench.pytest_plugin' in sys.modules\n    assert not heavy & set(sys.modules)\n"
        "    assert not [name for name in sys.modules if name.startswith('bench.gate')]\n"
    )
    done = run_pytest(tmp_path, "-q")
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_real_trainings(tmp_path: Path, toy_plugin: str) -> None:
    """Recorded and checked by the command line's own code: as good, and the records lie where `check` leaves them."""
    from bench.config.resolve import resolve
    from bench.executors.inline import InlineExecutor
    from bench.experiment.observer import Observer
    from bench.gate.this_code.record_baseline import record_baseline

    options = {"plugins": [toy_plugin], "tasks": "toy", "models": "linear", "match": "hidden", "hidden_sizes": "4"}
    settings = {**options, "layers": "1", "lr_range": "0.1,0.1", "results": str(tmp_path / "records")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "bench.gate.this_code.session.open_executor", lambda made, _: InlineExecutor(made.options.plugins)
        )
        record_baseline(tmp_path / "baseline", resolve(settings), Observer(), accepted=None)
    done = run_pytest(tmp_path, "--bench-baseline", "baseline")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "toy × linear" in done.stdout
    assert "1 passed" in done.stdout
    assert (tmp_path / "results" / "check" / "records.jsonl").exists()
