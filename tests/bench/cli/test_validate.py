"""`bench validate`: a line for each promise, and an exit code."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bench.cli import main
from bench.experiment.validation import findings
from bench.models.registry import MODELS

PLUGINS = Path(__file__).parents[2] / "plugins"


def validate(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["validate", *arguments])


def test_each_promise_is_a_line() -> None:
    result = validate(str(PLUGINS / "broken.py"), "broken_task", "broken_model", "--tasks", "broken_task")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0] == "task broken_task"
    assert lines[7] == "model broken_model: broken_task"
    assert lines[-1] == "every promise is kept"
    assert sum(line.startswith("  ok ") for line in lines) == 6 + 12
    assert sum(line.startswith("  – ") for line in lines) == 3  # one prediction a sequence, no padding, no Range


def test_a_broken_promise_is_said_and_the_exit_code_is_1() -> None:
    result = validate(str(PLUGINS / "broken.py"), "broken_task[how=one seed]", "broken_model[how=miscounts]")
    assert result.exit_code == 1
    broken = [line for line in result.output.splitlines() if line.startswith("  BROKEN")]
    assert len(broken) == 1 + 5  # the model at each kind of problem; what follows from it is not repeated
    assert result.output.splitlines()[-1] == "6 broken"


UNUSED = """
from dataclasses import dataclass

import torch

from bench.models.torch_model import TorchModel


class Core(torch.nn.GRU):
    def __init__(self, *sizes, **more):
        super().__init__(*sizes, **more)
        self.peephole = torch.nn.Parameter(torch.zeros(3))


@dataclass(frozen=True)
class Unused(TorchModel):
    name = "unused"
    summary = "has a weight that it does not use"

    def core(self, input_size, hidden_size, num_layers, dropout):
        return Core(input_size, hidden_size, num_layers, batch_first=True, dropout=dropout)
"""


def test_what_is_doubtful_is_a_warning_and_no_refusal(tmp_path: Path) -> None:
    path = tmp_path / "unused.py"
    path.write_text(UNUSED)
    result = validate(str(path))
    assert result.exit_code == 0, result.output
    warnings = [line for line in result.output.splitlines() if line.startswith("  WARNING ")]
    assert warnings
    assert all("nothing depends on peephole, whose 3 parameters" in line for line in warnings)
    assert result.output.splitlines()[-1] == f"every promise is kept, {len(warnings)} warnings"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("none.py",), "plug-in none.py does not exist"),
        ((str(PLUGINS / "broken.py"), "brokentask"), "did you mean 'broken_task'?"),
    ],
)
def test_mistakes_are_one_line(arguments: tuple[str, ...], said: str) -> None:
    result = validate(*arguments)
    assert result.exit_code == 2
    assert said in result.output


@pytest.mark.parametrize(
    ("unruly", "said"),
    [
        ("import leave", "process that checks it (with exit code 0) before the first check had ended"),
        ("generate leave", "process that checks it (with exit code 0) before the first check had ended"),
        ("references leave", "process that checks it (with exit code 0) before the first check had ended"),
        ("build leave", "process that checks it (with exit code 0) after the check '"),
        ("import exit", "SystemExit: 0"),
        ("import interrupt", "KeyboardInterrupt"),
    ],
)
def test_a_plug_in_that_ends_its_process_gets_no_verdict(
    monkeypatch: pytest.MonkeyPatch, unruly: str, said: str
) -> None:
    """`os._exit(0)` once ended the command itself, with the exit code of a plug-in that keeps every promise."""
    monkeypatch.setenv("UNRULY", unruly)
    result = validate(str(PLUGINS / "unruly.py"))
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "unruly.py" in result.stderr
    assert said in result.stderr
    assert "every promise" not in result.stdout


@pytest.mark.parametrize("name", ["mingru", "lru", "attention", "tcn", "slstm", "numpy_lstm", "gru"])
def test_bench_s_own_models_keep_the_contract(name: str) -> None:
    from bench.experiment.validation import suites
    from tasks.checking import perform

    for subject, checks in suites(MODELS.create(name), []):
        for finding in perform(checks, "here"):
            assert finding.verdict != "broken", (subject, finding)


def test_a_file_that_defines_nothing_is_refused(tmp_path: Path) -> None:
    from tasks.errors import UserError

    path = tmp_path / "empty.py"
    path.write_text("")
    with pytest.raises(UserError, match="defines no task and no model"):
        list(findings(str(path)))


def test_a_table_in_place_of_a_plug_in_is_told_how_to_train_on_it(tmp_path: Path) -> None:
    (tmp_path / "my load.csv").write_text("a\n1\n")
    result = validate(str(tmp_path / "my load.csv"))
    assert result.exit_code == 2
    assert f"a table is trained on with python -m bench run --data '{tmp_path}/my load.csv'" in result.output
