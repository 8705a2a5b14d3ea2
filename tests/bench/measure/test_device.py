"""Which device is picked, and that the sentence says why."""

from __future__ import annotations

from collections.abc import Callable

import pytest

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
    assert choose_device("auto", never, available=lambda: False) == ("cpu", "cpu: torch finds no GPU here.")


@pytest.mark.parametrize("requested", ["cpu", "cuda"])
def test_a_requested_device_is_used_unmeasured(requested: str) -> None:
    assert choose_device(requested, never, available=lambda: True) == (requested, f"{requested}, as requested.")


def test_cuda_without_a_gpu_is_refused_with_the_way_out() -> None:
    with pytest.raises(UserError, match="torch finds no GPU here: use --device cpu or --device auto"):
        choose_device("cuda", never, available=lambda: False)


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
