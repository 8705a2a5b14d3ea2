"""Which device is picked, and that the sentence says why."""

from __future__ import annotations

import pytest

from bench.measure.device import choose_device, device_of
from bench.models.registry import MODELS
from tasks.errors import UserError


def never(device: str) -> float:
    raise AssertionError(f"measured {device} without need")


def test_the_gpu_is_picked_where_it_makes_more_steps() -> None:
    seconds = {"cpu": 0.010, "cuda": 0.001}
    device, reason = choose_device("auto", seconds.__getitem__, workers=2, available=lambda: True)
    assert device == "cuda"
    assert reason == ("cuda: the GPU makes 1,000 training steps a second (1 ms each), 2 CPU workers 200 (10 ms each).")


def test_the_cpu_is_picked_where_its_workers_together_make_more_steps() -> None:
    seconds = {"cpu": 0.003, "cuda": 0.002}
    assert choose_device("auto", seconds.__getitem__, workers=1, available=lambda: True)[0] == "cuda"
    device, reason = choose_device("auto", seconds.__getitem__, workers=2, available=lambda: True)
    assert device == "cpu"
    assert "500" in reason
    assert "667" in reason


def test_a_tie_stays_on_the_cpu() -> None:
    assert choose_device("auto", lambda _: 0.001, available=lambda: True)[0] == "cpu"


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


def test_a_model_without_a_gpu_form_stays_on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    model = MODELS.create("gru")
    assert device_of(model, "cuda") == "cuda"
    assert device_of(model, "cpu") == "cpu"
    monkeypatch.setattr(type(model), "devices", ("cpu",))
    assert device_of(model, "cuda") == "cpu"
