"""README and docs/ say what works: commands are the Makefile's and parse, plug-ins load, files are experiments."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest

import bench
from bench.cli.run import run_command
from bench.config.budgets import BUDGETS
from bench.config.files import read_config
from bench.config.resolve import resolve
from bench.models.contract import Problem
from bench.models.registry import MODELS
from tasks.registry import TASKS, load_plugin_file
from tasks.validation import validate_dataset

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = ["README.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md")))]
OWN, FILES = "docs/own_task_and_model.md", "docs/python_and_toml.md"


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(heading: str, language: str = "", page: str = "README.md") -> list[str]:
    """The fenced blocks under a heading of a page."""
    section = text_of(page).split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def commands(text: str) -> list[str]:
    joined = text.replace("\\\n", " ")
    lines = [" ".join(shlex.split(line, comments=True)) for line in joined.splitlines()]
    return [line for line in lines if line and not line.startswith(("git clone", "touch"))]


def anchors(page: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", text_of(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize(("heading", "target"), [("Quick start", "run"), ("Tests", "test")])
def test_the_first_block_is_what_make_runs(heading: str, target: str) -> None:
    # -B: as in a fresh clone, even if the targets exist
    environment = {"PATH": "/usr/bin:/bin"}
    make = ["make", "-n", "-B", target]
    printed = subprocess.run(make, cwd=ROOT, capture_output=True, text=True, check=True, env=environment)
    assert commands(blocks(heading)[0]) == commands(printed.stdout)


def test_the_first_two_sections_are_the_ones_that_are_run() -> None:
    assert re.findall(r"^## (.+)$", README, re.MULTILINE)[:2] == ["Quick start", "Tests"]


def test_readme_is_short() -> None:
    assert len(README.splitlines()) <= 180


@pytest.mark.parametrize("page", PAGES)
def test_every_run_command_parses(page: str) -> None:
    found = re.findall(r"-m bench run ((?:\\\n|(?! -->)[^\n`\"])+)", text_of(page))
    for words in (shlex.split(text.replace("\\\n", " "), comments=True) for text in found):
        if "--help" not in words and "…" not in words:
            assert run_command.make_context("run", words).params


def test_the_series_of_readme_is_an_experiment() -> None:
    (line,) = commands(blocks("Your own data")[0])
    flags = run_command.make_context("run", shlex.split(line.split("-m bench run", 1)[1])).params
    known = {key: value for key, value in flags.items() if isinstance(value, str)}
    experiment = resolve({**known, "data": str(ROOT / flags["data"])})
    assert [task.name for task in experiment.tasks] == ["series"]


def test_the_task_of_the_docs_keeps_its_contract(tmp_path: Path) -> None:
    (tmp_path / "majority.py").write_text(blocks("Your own task", "python", OWN)[0])
    assert TASKS.load_plugin(load_plugin_file(tmp_path / "majority.py")) == 1
    task = TASKS.create("majority[length=5]")
    validate_dataset(task, task.generate(0))


def test_the_model_of_the_docs_keeps_its_contract(tmp_path: Path) -> None:
    (tmp_path / "leaky.py").write_text(blocks("Your own model", "python", OWN)[0])
    assert MODELS.load_plugin(load_plugin_file(tmp_path / "leaky.py")) == 1
    rnn = MODELS.create("rnn").count_parameters(Problem(3, 2, "mse"), 8, 2)
    assert MODELS.create("leaky[leak=0.2]").count_parameters(Problem(3, 2, "mse"), 8, 2) == rnn


def test_the_notebook_of_the_docs_resolves_and_uses_what_bench_offers() -> None:
    first, second = blocks("In a notebook or a script", "python", FILES), blocks("Trained models", "python", FILES)
    (asked,) = re.findall(r"bench\.resolve\((\{.+\})\)", first[0])
    assert [model.label for model in resolve(ast.literal_eval(asked)).models] == ["gru", "lstm"]
    for name in re.findall(r"bench\.(\w+)\(", first[0] + second[0]):
        assert callable(getattr(bench, name)), name


def test_the_toml_of_the_docs_is_an_experiment(tmp_path: Path) -> None:
    (tmp_path / "experiment.toml").write_text(blocks("An experiment as a file", "toml", FILES)[0])
    assert resolve({}, read_config(tmp_path / "experiment.toml")).options.match == ("tuned", "params")


@pytest.mark.parametrize("page", [*PAGES, "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_and_pictures_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", text_of(page)):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        linked = (ROOT / page).parent / path if path else ROOT / page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(str(linked.resolve().relative_to(ROOT))), target


@pytest.mark.parametrize("page", [*PAGES, "ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_named_files_exist(page: str) -> None:
    named = re.findall(r"`((?:bench|tasks|tests)/[\w/.-]+\.(?:py|toml|md))`", text_of(page))
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_page_is_linked_from_readme() -> None:
    assert {page for page in PAGES[1:] if f"]({page})" not in README} == set()


def test_the_layers_of_architecture_are_the_ones_that_are_checked() -> None:
    contracts = tomllib.loads(text_of("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    checked = [set(layer.split(" | ")) for layer in contracts[0]["layers"]]
    table = text_of("ARCHITECTURE.md").split("| --- | --- |\n", 1)[1].split("\n\n", 1)[0]
    written = [set(re.findall(r"`(\w+)`", row.split("|")[1])) for row in table.splitlines()]
    assert written == [*checked, {"tasks"}]


@pytest.mark.parametrize(("page", "heading"), [("README.md", "Quick start"), ("docs/protocol.md", "How much")])
def test_the_budgets_are_those_of_the_program(page: str, heading: str) -> None:
    section = text_of(page).split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| `(\w+)`[^|]*\| (\d+) (?:×|\|) (\d+) \|", section, re.MULTILINE)
    expected = [(name, str(budget.trials), str(budget.replicates)) for name, budget in BUDGETS.items()]
    assert rows == expected
