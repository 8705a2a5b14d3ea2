"""Energy comes from the driver where there is one, and is not known anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from bench.measure import nvidia
from bench.measure.effort import SoleEffort
from bench.measure.energy import EnergyMeter


class DriverError(Exception):
    """What pynvml raises."""


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """A driver with a GPU that takes 1,500 mJ between two readings."""
    readings = iter(range(1000, 10**6, 1500))
    asked: list[str] = []

    def handle(uuid: str) -> str:
        asked.append(uuid)
        return "handle"

    fake: Any = SimpleNamespace(
        NVMLError=DriverError,
        nvmlInit=lambda: None,
        nvmlDeviceGetHandleByUUID=handle,
        nvmlDeviceGetTotalEnergyConsumption=lambda handle: next(readings),
        asked=asked,
    )
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(uuid="12-ab"))
    nvidia.gpu_handle.cache_clear()
    yield fake
    nvidia.gpu_handle.cache_clear()


def test_joules_count_up_and_the_gpu_is_named_by_its_identity(driver: SimpleNamespace) -> None:
    meter = EnergyMeter("cuda")
    assert [meter.joules(), meter.joules()] == [1.0, 2.5]
    assert driver.asked == ["GPU-12-ab"]


def test_nothing_is_known_on_a_cpu(driver: SimpleNamespace) -> None:
    assert EnergyMeter("cpu").joules() is None
    with SoleEffort("cpu") as effort:
        pass
    assert effort.energy_joules is None
    assert effort.cpu_seconds is not None


def test_nothing_is_known_where_the_gpu_does_not_count(driver: SimpleNamespace) -> None:
    def refuse(handle: str) -> int:
        raise DriverError("not supported")

    driver.nvmlDeviceGetTotalEnergyConsumption = refuse
    assert EnergyMeter("cuda").joules() is None


def test_nothing_is_known_without_driver_or_package(driver: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise DriverError("driver not loaded")

    driver.nvmlInit = refuse
    assert EnergyMeter("cuda").joules() is None
    nvidia.gpu_handle.cache_clear()
    monkeypatch.setitem(sys.modules, "pynvml", None)  # importing it fails
    assert EnergyMeter("cuda").joules() is None
