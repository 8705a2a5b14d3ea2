"""docs/ci.md says what works: commands parse, files are experiments and exceptions, the job is the workflow's."""

from __future__ import annotations

import re
import shlex
import textwrap
from pathlib import Path

import pytest
import yaml  # distributed, one of the test tools, needs it
from synthetic import cell, write

from bench import pytest_plugin
from bench.cli.baseline import diff_command, record_command
from bench.cli.check import check_command
from bench.config.files import read_config
from bench.config.resolve import resolve
from bench.gate.baseline import read_baseline
from bench.gate.formats import FORMATS
from bench.gate.replicates import CellName
from bench.gate.rule import (
    ALPHA,
    CHECKED,
    FIRST_LOSSES,
    GO_ON,
    NEWLY_MISSED,
    POWER,
    RARELY_SOLVED,
    RECORDED,
    ROUNDS,
    SD_FLOOR,
    TIME_MARGIN,
    TWINS,
    Rule,
)
from bench.gate.sketch import ALIKE

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
TEXTS = [path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))]
COMMANDS = {"check": check_command, "baseline record": record_command, "baseline diff": diff_command}


def block(language: str, *, containing: str) -> str:
    found = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (one,) = [text for text in found if containing in text]
    return one


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_parses(command: str) -> None:
    lines = [line for text in TEXTS for line in re.findall(rf"-m bench {command} ([^\n`]+)", text)]
    assert lines
    for line in lines:
        assert COMMANDS[command].make_context(command, shlex.split(line, comments=True)).params


def test_every_flag_of_check_is_in_the_table_and_of_pytest_on_the_page() -> None:
    named = {name for param in check_command.params for name in param.opts if name.startswith("--")}
    table = set(re.findall(r"^\| `(--[\w-]+)", PAGE, re.MULTILINE))
    assert named - table == {"--results", "--quiet"}
    assert table <= named
    assert all(f"`{name}`" in PAGE for name in FORMATS if name != "text")
    source = Path(pytest_plugin.__file__).read_text(encoding="utf-8")
    assert set(re.findall(r'"(--bench-[\w-]+)"', source)) <= set(re.findall(r"--bench-[\w-]+", PAGE))


def test_the_constants_are_the_rules() -> None:
    rule = Rule()
    for text in (
        f"Every cell has {RECORDED} replicates in the baseline. A check trains the first {CHECKED}",
        f"mean ratio at most {rule.steps_margin:g} ",
        f"validation loss higher by at most {rule.loss_margin:g} ",
        f"false-alarm rate of {100 * ALPHA:g} %",
        f"more than {100 * RARELY_SOLVED:g} %",
        f"fewer than {round(RECORDED * NEWLY_MISSED)} of {RECORDED} replicates",
        f"p ≥ {GO_ON:g}",
        f"fails in {100 * POWER:g} of 100",
        f"within a relative {ALIKE:.0e}".replace("e-0", "e-"),
        f"within {FIRST_LOSSES:.0e}".replace("e-0", "e-"),
        f"within {TWINS:.0e}".replace("e-0", "e-"),
        f"at least\n  {SD_FLOOR:g}",
        f"{ROUNDS} rounds",
        f"above {TIME_MARGIN:.2f} ",
    ):
        assert text in PAGE, text


def test_the_job_is_the_workflows() -> None:
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    job = block("yaml", containing="make .venv/.installed").split("\n", 1)[1]
    assert job in workflow


def test_the_experiment_of_somebody_else_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ci").mkdir()
    shown = (ROOT / "docs" / "own_task_and_model.md").read_text(encoding="utf-8")
    (leaky,) = [text for text in re.findall(r"^```python\n(.*?)^```$", shown, re.M | re.S) if "class Leaky" in text]
    (tmp_path / "ci" / "leaky.py").write_text(leaky.replace('"leaky"', '"leaky_of_ci"'))
    config = block("toml", containing="plugins").replace('"leaky"', '"leaky_of_ci"')
    (tmp_path / "ci" / "gate.toml").write_text(config)
    experiment = resolve({}, read_config("ci/gate.toml"))
    assert [entry.label for entry in experiment.entries] == ["leaky_of_ci", "gru"]
    assert len(experiment.matchings) == 1


def test_the_exceptions_are_exceptions(tmp_path: Path) -> None:
    names = [("copy[delay=5,length=2]", "rnn"), ("sine", "lstm")]
    write(tmp_path, [cell(*name) for name in names])
    (tmp_path / "gate.toml").write_text(block("toml", containing="[[cell]]"))
    found = read_baseline(tmp_path).exceptions
    assert found[CellName(*names[0])].skip
    assert found[CellName(*names[1])].rule == Rule(steps_margin=1.2)


def test_the_workflow_of_somebody_else_is_yaml() -> None:
    workflow = yaml.safe_load(block("yaml", containing="pull_request"))
    steps = workflow["jobs"]["convergence"]["steps"]
    assert [next(iter(step)) for step in steps] == ["uses", "uses", "run", "run", "run"]
    assert yaml.safe_load(textwrap.dedent((ROOT / ".github" / "workflows" / "ci.yml").read_text()))["jobs"]
