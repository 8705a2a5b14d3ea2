"""The command line in this process, in an empty folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bench.cli import main

Bench = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def bench(folder: Path) -> Bench:
    """`bench("list", "tasks")`; an exception that the command line let through fails the test."""

    def invoke(*args: str) -> Result:
        result = CliRunner().invoke(main, list(args), prog_name="python -m bench")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


@pytest.fixture
def refused(bench: Bench, folder: Path) -> Callable[..., str]:
    """Run a command that is a mistake: it leaves the folder as it is, and says why in one line, which this gives."""

    def run(*args: str) -> str:
        before = sorted(folder.rglob("*"))
        result = bench(*args)
        lines = result.stderr.splitlines()
        assert result.exit_code == 2, result.output
        assert len(lines) == 1
        assert lines[0].startswith("error: ")
        assert result.stdout == ""
        assert sorted(folder.rglob("*")) == before
        return lines[0]

    return run
