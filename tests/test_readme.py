"""README says what works: its commands are the Makefile's, its plug-ins load, its flags and links exist."""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest

from bench.cli.run import run_command
from bench.config.files import read_config
from bench.config.resolve import resolve
from bench.models.contract import Problem
from bench.models.registry import MODELS
from tasks.registry import TASKS, load_plugin_file
from tasks.validation import validate_dataset

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(heading: str, language: str = "") -> list[str]:
    """The fenced blocks under a heading."""
    section = README.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def commands(text: str) -> list[str]:
    joined = text.replace("\\\n", " ")
    lines = [" ".join(shlex.split(line, comments=True)) for line in joined.splitlines()]
    return [line for line in lines if line and not line.startswith(("git clone", "touch"))]


@pytest.mark.parametrize(("heading", "target"), [("Quick start", "run"), ("Tests", "test")])
def test_the_first_block_is_what_make_runs(heading: str, target: str) -> None:
    # -B: as in a fresh clone, whatever is there already
    environment = {"PATH": "/usr/bin:/bin"}
    make = ["make", "-n", "-B", target]
    printed = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, check=True, env=environment)
    assert commands(blocks(heading)[0]) == commands(printed.stdout)


def test_the_first_two_sections_are_the_ones_that_are_run() -> None:
    assert re.findall(r"^## (.+)$", README, re.MULTILINE)[:2] == ["Quick start", "Tests"]


def test_every_run_command_parses() -> None:
    found = [text.replace("\\\n", " ") for text in re.findall(r"-m bench run ((?:\\\n|[^\n`\"])+)", README)]
    examples = [shlex.split(text, comments=True) for text in found if "--help" not in text]
    assert len(examples) > 3
    for words in examples:
        assert run_command.make_context("run", words).params


def test_the_series_of_readme_is_an_experiment() -> None:
    (line,) = commands(blocks("Your own data")[0])
    flags = run_command.make_context("run", shlex.split(line.split("-m bench run", 1)[1])).params
    known = {key: value for key, value in flags.items() if isinstance(value, str)}
    experiment = resolve({**known, "data": str(ROOT / flags["data"])})
    assert [task.name for task in experiment.tasks] == ["series"]


def test_the_task_of_readme_keeps_its_contract(tmp_path: Path) -> None:
    (tmp_path / "majority.py").write_text(blocks("Your own task", "python")[0])
    assert TASKS.load_plugin(load_plugin_file(tmp_path / "majority.py")) == 1
    task = TASKS.create("majority[length=5]")
    validate_dataset(task, task.generate(0))


def test_the_model_of_readme_keeps_its_contract(tmp_path: Path) -> None:
    (tmp_path / "leaky.py").write_text(blocks("Your own model", "python")[0])
    assert MODELS.load_plugin(load_plugin_file(tmp_path / "leaky.py")) == 1
    rnn = MODELS.create("rnn").count_parameters(Problem(3, 2, "mse"), 8, 2)
    assert MODELS.create("leaky[leak=0.2]").count_parameters(Problem(3, 2, "mse"), 8, 2) == rnn


def test_the_toml_of_readme_is_an_experiment(tmp_path: Path) -> None:
    (tmp_path / "experiment.toml").write_text(blocks("From a file", "toml")[0])
    assert resolve({}, read_config(tmp_path / "experiment.toml")).options.match == ("tuned", "params")


@pytest.mark.parametrize("document", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_and_pictures_lead_somewhere(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert target.startswith("https://") or (ROOT / target).exists(), target


def test_the_layers_of_architecture_are_the_ones_that_are_checked() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    checked = [set(layer.split(" | ")) for layer in contracts[0]["layers"]]
    table = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").split("| --- | --- |\n", 1)[1].split("\n\n", 1)[0]
    written = [set(re.findall(r"`(\w+)`", row.split("|")[1])) for row in table.splitlines()]
    assert written == [*checked, {"tasks"}]
