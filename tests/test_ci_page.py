"""docs/ci.md says what works: commands parse, files are experiments and exceptions, the job is the workflow's; its
constants and those of docs/gate_statistics.md are the gate's."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml  # distributed, one of the test tools, needs it
from synthetic import cell, write

from bench import pytest_plugin
from bench.cli.baseline import diff_command, record_command
from bench.cli.check import check_command
from bench.config.files import read_config
from bench.config.resolve import resolve
from bench.gate.baseline_files import read_baseline
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
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
WORKFLOW = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
PAGE, STATISTICS = ((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("ci.md", "gate_statistics.md"))
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
        f"at most {rule.steps_margin:g} is accepted",
        f"validation loss higher by at most {rule.loss_margin:g}, ",
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
        assert text in PAGE + STATISTICS, text


def test_the_job_is_the_workflows() -> None:
    job = block("yaml", containing="make .venv/.installed").split("\n", 1)[1]
    assert job in WORKFLOW


def test_the_experiment_of_somebody_else_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ci").mkdir()
    shown = (ROOT / "docs" / "own_task_and_model.md").read_text(encoding="utf-8")
    (leaky,) = [text for text in re.findall(r"^```python\n(.*?)^```$", shown, re.M | re.S) if "class Leaky" in text]
    (tmp_path / "ci" / "leaky.py").write_text(leaky.replace('"leaky"', '"leaky_of_ci"'))
    config = block("toml", containing="plugins").replace('"leaky"', '"leaky_of_ci"')
    (tmp_path / "ci" / "experiment.toml").write_text(config)
    experiment = resolve({}, read_config("ci/experiment.toml"))
    assert [entry.label for entry in experiment.entries] == ["leaky_of_ci", "gru"]
    assert len(experiment.matchings) == 1


def test_the_exceptions_are_exceptions(tmp_path: Path) -> None:
    names = [("copy[delay=5,length=2]", "rnn"), ("sine", "lstm")]
    write(tmp_path, [cell(*name) for name in names])
    (tmp_path / "gate.toml").write_text(block("toml", containing="[[cell]]"))
    found = read_baseline(tmp_path).exceptions
    assert found[CellName(*names[0])].skip
    assert found[CellName(*names[1])].rule == Rule(steps_margin=1.2)


def uses(content: Any) -> list[str]:
    """Every action that a workflow or an action uses, at any depth."""
    if isinstance(content, dict):
        own = [content["uses"]] if isinstance(content.get("uses"), str) else []
        return own + [found for value in content.values() for found in uses(value)]
    return [found for value in content for found in uses(value)] if isinstance(content, list) else []


def test_the_workflow_of_somebody_else_is_yaml() -> None:
    workflow = yaml.safe_load(block("yaml", containing="pull_request"))
    steps = workflow["jobs"]["convergence"]["steps"]
    assert [next(iter(step)) for step in steps] == ["uses", "uses", "run"]
    assert set(steps[1]["with"]) <= set(ACTION["inputs"])
    assert yaml.safe_load(textwrap.dedent(WORKFLOW))["jobs"]


def test_every_action_is_pinned_by_a_commit_that_names_its_version() -> None:
    for text in (WORKFLOW, (ROOT / "action.yml").read_text(encoding="utf-8"), block("yaml", containing="pull_request")):
        pinned = [name for name in uses(yaml.safe_load(text)) if not name.startswith("OWNER/")]
        assert pinned
        for name in pinned:
            assert re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", name)
            assert re.search(rf"{re.escape(name)} # v\d+\.\d+\.\d+$", text, re.MULTILINE)


def test_the_action_has_what_github_requires_of_one() -> None:
    assert {"name", "description", "inputs", "runs"} <= set(ACTION)
    assert ACTION["runs"]["using"] == "composite"
    for step in ACTION["runs"]["steps"]:
        assert ("run" in step) == ("shell" in step)  # a composite action names the shell of each `run`
    given = set(re.findall(r"inputs\.([\w-]+)", (ROOT / "action.yml").read_text(encoding="utf-8")))
    assert given == set(ACTION["inputs"])
    assert all(entry["description"] and "default" in entry for entry in ACTION["inputs"].values())
    runs = [step["run"] for step in ACTION["runs"]["steps"] if "run" in step]
    assert not [text for text in runs if "${{" in text]  # inputs come as variables, never as a part of a script
    for text in runs:
        subprocess.run(["bash", "-n"], input=text, text=True, check=True)


@pytest.mark.skipif(shutil.which("actionlint") is None, reason="actionlint is not installed")
def test_actionlint_finds_nothing(tmp_path: Path) -> None:
    (tmp_path / "theirs.yml").write_text(block("yaml", containing="pull_request"), encoding="utf-8")
    files = [ROOT / ".github" / "workflows" / "ci.yml", tmp_path / "theirs.yml"]
    subprocess.run(["actionlint", *files], check=True)


@pytest.mark.parametrize("text", ["ours", "theirs"])
def test_the_hook_before_a_commit_is_a_quick_check(text: str) -> None:
    ours = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    hooks = yaml.safe_load(ours if text == "ours" else block("yaml", containing="bench-check-quick"))["repos"][0][
        "hooks"
    ]
    (hook,) = [hook for hook in hooks if hook["id"] == "bench-check-quick"]
    assert hook["language"] == "system"
    assert hook["pass_filenames"] is False
    _, _, command = hook["entry"].partition("-m bench check ")
    parsed = check_command.make_context("check", shlex.split(command)).params
    assert parsed["quick"] is parsed["quiet"] is True
    if text == "ours":
        assert read_baseline(ROOT / parsed["folder"]).has_traces
