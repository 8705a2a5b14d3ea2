"""What `claims`, `compare` and `rerun` print holds no control characters, whatever folders and errors are called."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner

from bench.cli import main

EVIL = "e\x1b[2Jvil"
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f]")


def printed(*args: str) -> str:
    done = CliRunner().invoke(main, list(args))
    assert done.exit_code in (0, 1), done.output
    return done.output


def test_claims_and_compare(synthetic: ModuleType, tmp_path: Path) -> None:
    records = synthetic.experiment(("sine",), seeds=5, trials=1)
    for name in (EVIL, "other"):
        synthetic.write(tmp_path, name, records)
    for said in (
        printed("claims", EVIL, "--results", str(tmp_path)),
        printed("compare", EVIL, "other", "--results", str(tmp_path), "--reports", str(tmp_path / "out")),
    ):
        assert "e[2Jvil" in said
        assert not CONTROL.search(said)


def test_an_alarm_that_quotes_the_manifest(synthetic: ModuleType, tmp_path: Path) -> None:
    records = synthetic.experiment(("sine",), seeds=5, trials=1)
    synthetic.write(tmp_path, "mine", records, noticed=["a file\x1b[2J has changed"])
    said = printed("report", "mine", "--results", str(tmp_path), "--reports", str(tmp_path / "out"))
    assert "Alarm: a file[2J has changed: see" in said
    assert not CONTROL.search(said)


def test_the_traceback_of_a_training_that_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    record: dict[str, Any] = {
        "stage": "trial",
        "task": {"label": "sine"},
        "model": {"label": "gru"},
        "status": "failed",
        "error": "gone",
    }
    again = {**record, "traceback": "Traceback\n  ValueError: \x1b[2J\x07gone"}
    monkeypatch.setattr("bench.experiment.rerun.rerun", lambda name, key, results: (record, again))
    said = printed("rerun", "mine", "abc")
    assert "ValueError: [2Jgone" in said
    assert not CONTROL.search(said)
