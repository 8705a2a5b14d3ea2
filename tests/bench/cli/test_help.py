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
from bench.cli.flags import FLAGS
from bench.cli.run import run_command
from bench.config.budgets import BUDGETS
from bench.config.matching import MATCHES
from bench.config.options import DEVICES, SAMPLERS, Options
from bench.config.resolve import resolve
from bench.models.initialisation import SCHEMES

Bench = Callable[..., Result]


def test_every_option_has_a_flag_and_every_flag_an_option() -> None:
    assert {param.name for param in FLAGS} == {f.name for f in fields(Options)}


def test_flags_are_options_with_dashes() -> None:
    others = {"plugins": "--plugin"}  # given once for each file
    for param in FLAGS:
        assert others.get(param.name or "", "--" + (param.name or "").replace("_", "-")) in param.opts


def test_switches_are_the_options_that_are_true_or_false_and_all_others_take_text() -> None:
    for param in FLAGS:
        switch = isinstance(getattr(Options(), param.name or ""), bool)
        assert param.type.name == ("boolean" if switch else "text")  # `resolve` converts text, as it does for TOML


def test_a_switch_that_is_not_given_leaves_the_config_alone() -> None:
    assert run_command.make_context("run", []).params["save_models"] is None
    assert run_command.make_context("run", ["--save-models"]).params["save_models"] is True


@pytest.mark.parametrize("args", [(), ("--help",)])
def test_bare_call_and_help_show_commands_and_examples(bench: Bench, args: tuple[str, ...]) -> None:
    result = bench(*args)
    assert result.exit_code == 0
    assert "python -m bench run --models gru,lstm" in result.stdout
    for command in ("run", "report", "list", "rerun"):
        assert re.search(rf"^  {command}\s+\w", result.stdout, re.MULTILINE)


@pytest.mark.parametrize("command", ["run", "report", "list", "rerun"])
def test_each_command_has_help(bench: Bench, command: str) -> None:
    result = bench(command, "--help")
    assert result.exit_code == 0
    assert "Usage: python -m bench" in result.stdout


def test_run_help_shows_the_defaults_that_options_declare(bench: Bench) -> None:
    text = " ".join(bench("run", "--help").stdout.split())
    assert f"[default: {','.join(Options().models)}]" in text
    assert f"[default: {Options().budget}]" in text
    assert "[default: 1.0]" in text
    assert "False" not in text


@pytest.mark.parametrize(
    ("flag", "choices"),
    [
        ("--budget", BUDGETS),
        ("--match", MATCHES),
        ("--sampler", SAMPLERS),
        ("--device", DEVICES),
        ("--init", SCHEMES),
        ("--fill", ["forward"]),
    ],
)
def test_help_names_every_choice(flag: str, choices: list[str]) -> None:
    help_text = next(param.help for param in FLAGS if flag in param.opts)
    for choice in choices:
        assert re.search(rf"\b{choice}\b", help_text)


@pytest.mark.parametrize("help_text", [main.help, run_command.help])
def test_examples_in_help_are_experiments(help_text: str) -> None:
    examples = re.findall(r"python -m bench run (.*)", help_text)
    assert len(examples) > 2
    for example in examples:
        flags = run_command.make_context("run", shlex.split(example)).params
        if not flags["data"] and not flags["config"]:
            assert resolve({f.name: flags[f.name] for f in fields(Options) if f.name != "plugins"}).tasks


def test_version(bench: Bench) -> None:
    assert bench("--version").stdout == f"bench {package.__version__}\n"


def test_a_terminal_without_the_signs_gets_question_marks(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench", "list", "budgets"]
    environment = {**os.environ, "PYTHONIOENCODING": "cp437", "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(command, capture_output=True, check=True, env=environment, cwd=tmp_path)
    assert b" ? layers" in done.stdout
