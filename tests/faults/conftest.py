"""Experiments on the toy plug-in, in a folder of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from harness import Notes, Run

from bench.config.resolve import resolve
from bench.executors.inline import InlineExecutor
from bench.experiment.outcome import Outcome
from bench.experiment.run import run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def experiment(toy_plugin: str, folder: Path, notes: Notes) -> Run:
    """`experiment(models="linear", fresh=True)`: the toy task under the name `e`, inline unless workers are given."""

    def call(*, fresh: bool = False, retry_failed: bool = False, **options: Any) -> Outcome:
        base = {"plugins": [toy_plugin], "tasks": ["toy"], "models": ["linear"], "budget": "smoke", "name": "e"}
        made = resolve({**base, **options})
        executor = None if made.options.workers else InlineExecutor(made.options.plugins)
        return run(made, fresh=fresh, retry_failed=retry_failed, command="c", observer=notes, executor=executor)

    return call
