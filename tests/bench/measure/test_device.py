"""Which device is picked, and that the sentence says why."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from bench.measure import nvidia
from bench.measure.device import choose_device, device_of
from bench.models.registry import MODELS
from tasks.errors import UserError


def never(device: str) -> tuple[float, str]:
    raise AssertionError(f"measured {device} without need")


def rates(cpu: float, cuda: float) -> Callable[[str], tuple[float, str]]:
    return {"cpu": (cpu, "2 CPU workers"), "cuda": (cuda, "the GPU with 8 trainings at once")}.__getitem__


def test_the_device_is_picked_that_makes_more_steps() -> None:
    device, reason = choose_device("auto", rates(200.0, 11_000.0), available=lambda: True)
    assert device == "cuda"
    assert reason == ("cuda: the GPU with 8 trainings at once makes 11,000 training steps a second, 2 CPU workers 200.")
    device, reason = choose_device("auto", rates(667.0, 500.0), available=lambda: True)
    assert device == "cpu"
    assert reason == "cpu: the GPU with 8 trainings at once makes 500 training steps a second, 2 CPU workers 667."


def test_a_tie_stays_on_the_cpu() -> None:
    assert choose_device("auto", rates(100.0, 100.0), available=lambda: True)[0] == "cpu"


def test_without_a_gpu_nothing_is_measured() -> None:
    assert choose_device("auto", never, available=lambda: False, why=lambda: " here") == (
        "cpu",
        "cpu: torch finds no GPU here.",
    )


@pytest.mark.parametrize("requested", ["cpu", "cuda"])
def test_a_requested_device_is_used_unmeasured(requested: str) -> None:
    assert choose_device(requested, never, available=lambda: True) == (requested, f"{requested}, as requested.")


def test_cuda_without_a_gpu_is_refused_with_the_way_out() -> None:
    with pytest.raises(UserError, match="torch finds no GPU here: use --device cpu or --device auto"):
        choose_device("cuda", never, available=lambda: False, why=lambda: " here")


@pytest.mark.parametrize(
    ("cuda", "driver", "expected"),
    [
        ("13.0", "550.54.15", "torch finds no GPU: driver 550 is older than CUDA 13 needs (580)"),
        ("12.8", "550.54.15", "torch finds no GPU here, though driver 550.54.15 is loaded"),
        ("13.0", None, "torch finds no GPU here"),
        (None, "580.65.06", "is built without CUDA"),
    ],
)
def test_a_driver_that_is_too_old_is_named(
    cuda: str | None, driver: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.version, "cuda", cuda)
    monkeypatch.setattr("bench.measure.device.driver_version", lambda: driver)
    assert expected in choose_device("auto", never, available=lambda: False)[1]
    with pytest.raises(UserError, match=re.escape(expected)):
        choose_device("cuda", never, available=lambda: False)


@pytest.mark.parametrize(
    "line",
    [
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024",
        "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.54.15  Release Build  (root@host)",
    ],
)
def test_the_driver_s_version_is_read_where_the_kernel_tells_it(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "version"
    told.write_text(f"{line}\nGCC version:  gcc version 12.2.0\n")
    monkeypatch.setattr(nvidia, "VERSION_FILE", told)
    assert nvidia.driver_version() == "550.54.15"
    monkeypatch.setattr(nvidia, "VERSION_FILE", tmp_path / "none")
    monkeypatch.setitem(sys.modules, "pynvml", None)  # importing it fails
    assert nvidia.driver_version() is None


def test_an_unknown_device_is_met_with_the_nearest_one() -> None:
    with pytest.raises(UserError, match="unknown device 'cdua': did you mean 'cuda'"):
        choose_device("cdua", never, available=lambda: True)
    with pytest.raises(UserError, match="unknown device 'GPU': did you mean 'cuda'"):  # 'cpu' is spelt more alike
        choose_device("GPU", never, available=lambda: True)


def test_a_model_without_a_gpu_form_stays_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    model = MODELS.create("gru")
    assert device_of(model, "cuda") == "cuda"
    assert device_of(model, "cpu") == "cpu"
    monkeypatch.setattr(type(model), "devices", ("cpu",))
    assert device_of(model, "cuda") == "cpu"
