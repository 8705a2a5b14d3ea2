"""Help, version, and flags against the options that they set."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest
from click.testing import Result

import bench as package
from bench.cli import main
from bench.cli.flags import flags
from bench.cli.run import command_line, run_command
from bench.config.given import choices
from bench.config.options import OPTIONS, Options
from bench.config.resolve import resolve
from bench.models.initialisation import SCHEMES

Bench = Callable[..., Result]


def test_every_option_has_a_flag_and_every_flag_an_option() -> None:
    assert {param.name for param in flags()} == {f.name for f in fields(Options)}


def test_flags_are_options_with_dashes() -> None:
    others = {"plugins": "--plugin"}  # given once for each file
    for param in flags():
        assert param.opts[0] == others.get(param.name or "", "--" + (param.name or "").replace("_", "-"))


def test_an_older_name_of_an_option_is_a_flag_too() -> None:
    context = run_command.make_context("run", ["--seeds", "3"])
    assert context.params["replicates"] == "3"
    assert "seeds" not in context.params
    assert command_line(context) == "python -m bench run --replicates 3"


def test_every_flag_has_a_heading_and_a_whole_sentence() -> None:
    for declared in OPTIONS.values():
        assert declared.group
        assert re.fullmatch(r"[^ ].*[.]", declared.help), declared.help


def test_switches_are_the_options_that_are_true_or_false_and_all_others_take_text() -> None:
    for param in flags():
        switch = not OPTIONS[param.name or ""].metavar
        assert param.type.name == ("boolean" if switch else "text")  # `resolve` converts text, as it does for TOML


def test_a_switch_that_is_not_given_leaves_the_config_alone() -> None:
    assert run_command.make_context("run", []).params["save_models"] is None
    assert run_command.make_context("run", ["--save-models"]).params["save_models"] is True
    without = run_command.make_context("run", ["--no-save-models"])
    assert without.params["save_models"] is False
    assert command_line(without) == "python -m bench run --no-save-models"


@pytest.mark.parametrize("args", [(), ("--help",)])
def test_bare_call_and_help_show_commands_and_examples(bench: Bench, args: tuple[str, ...]) -> None:
    result = bench(*args)
    assert result.exit_code == 0
    assert "python -m bench run --models gru,lstm" in result.stdout
    for command in ("run", "report", "list", "rerun"):
        assert re.search(rf"^  {command}\s+\w", result.stdout, re.MULTILINE)


@pytest.mark.parametrize("group", [(), ("baseline",)])
def test_no_summary_of_a_command_is_cut_at_80_columns(bench: Bench, group: tuple[str, ...]) -> None:
    commands = bench(*group, "--help").stdout.partition("Commands:")[2].splitlines()[1:]
    assert len(commands) > 1
    assert all(line.endswith(".") and not line.endswith("...") for line in commands)
    assert max(map(len, commands)) <= 80


@pytest.mark.parametrize("command", ["run", "report", "list", "rerun"])
def test_each_command_has_help(bench: Bench, command: str) -> None:
    result = bench(command, "--help")
    assert result.exit_code == 0
    assert "Usage: python -m bench" in result.stdout


def test_run_help_shows_the_defaults_that_options_declare(bench: Bench) -> None:
    text = " ".join(bench("run", "--help").stdout.split())
    assert f"[default: {','.join(Options().models)}]" in text
    assert f"[default: {Options().budget}]" in text
    assert "[default: 1]" in text  # --clip-norm
    assert "[default: 0]" in text  # --seed: a default is shown even where it is nothing
    assert "False" not in text


@pytest.mark.parametrize("key", [*filter(choices, OPTIONS), "init"])
def test_help_names_every_choice(key: str) -> None:
    for choice in SCHEMES if key == "init" else choices(key):
        assert re.search(rf"\b{choice}\b", OPTIONS[key].help)


@pytest.mark.parametrize("help_text", [main.help, run_command.help])
def test_examples_in_help_are_experiments(help_text: str) -> None:
    examples = re.findall(r"python -m bench run (.*)", help_text)
    assert len(examples) > 2
    for example in examples:
        given = run_command.make_context("run", shlex.split(example)).params
        if not given["data"] and not given["config"]:
            assert resolve({f.name: given[f.name] for f in fields(Options) if f.name != "plugins"}).tasks


def test_version(bench: Bench) -> None:
    assert bench("--version").stdout == f"bench {package.__version__}\n"


def test_a_terminal_without_the_signs_gets_question_marks(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench", "list", "budgets"]
    environment = {**os.environ, "PYTHONIOENCODING": "cp437", "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(command, capture_output=True, check=True, env=environment, cwd=tmp_path)
    assert b" ? layers" in done.stdout
