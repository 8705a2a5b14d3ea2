"""The first look at a machine refuses what it lacks, in one line and before any training."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bench.config.resolve import resolve
from bench.executors.inline import InlineExecutor
from bench.experiment.machine import look_at_machine
from tasks.errors import UserError


def look(folder: Path, **options: object) -> None:
    made = resolve({"models": "gru", "tasks": "sine", "device": "cuda", "results": str(folder), **options})
    look_at_machine(made, InlineExecutor())


@pytest.mark.parametrize("precision", ["tf32", "bfloat16"])
def test_a_gpu_without_the_precision(precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.measure.device.choose_device", lambda *_: ("cuda", "cuda, as requested."))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (7, 5))
    says = rf"^this GPU has no {precision} \(compute capability 7.5, it needs 8.0\): use --precision float32$"
    with pytest.raises(UserError, match=says):
        look(tmp_path, precision=precision)


def test_a_driver_too_old_for_this_build_of_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr("bench.measure.device.driver_version", lambda: "550.54.15")
    says = r"torch finds no GPU: driver 550 is older than CUDA 13 needs \(580\): use --device cpu or --device auto"
    with pytest.raises(UserError, match=says):
        look(tmp_path)
