import math

import numpy as np
import pytest

from tasks.errors import UserError
from tasks.sine import Sine


def reference(task, dataset, name):
    return next(r for r in task.references(dataset) if r.name == name)


def test_the_points_are_sin_t_on_0_to_20():
    dataset = Sine().generate(0)
    t = np.linspace(0, 20, 1000)
    np.testing.assert_allclose(dataset.train.inputs[0, :, 0], np.sin(t[:10]), atol=1e-7)
    np.testing.assert_allclose(dataset.test.targets[-1], np.sin(20), atol=1e-7)
    assert [len(s) for s in (dataset.train, dataset.valid, dataset.test)] == [690, 140, 140]


@pytest.mark.parametrize("noise", [0.02, 0.3])
def test_the_limit_is_the_measured_loss_of_the_clean_signal(noise):
    task = Sine(noise=noise)
    clean = task.clean()[860:, None]
    measured = [np.mean((task.generate(seed).test.targets - clean) ** 2) for seed in range(40)]
    limit = reference(task, task.generate(0), "noise")
    assert limit.kind == "limit"
    # 40 seeds of 140 squared normal errors: relative sd sqrt(2 / 5600) = 1.9 %
    assert np.mean(measured) == pytest.approx(limit.loss, rel=4 * math.sqrt(2 / 5600))


def test_noise_is_on_inputs_too():
    clean, noisy = Sine().generate(0).test.inputs, Sine(noise=0.1).generate(0).test.inputs
    assert np.std(noisy - clean) == pytest.approx(0.1, rel=0.25)


def test_clean_sine_has_no_limit_and_a_perfect_linear_model():
    task = Sine()
    found = {r.name: r for r in task.references(task.generate(0))}
    assert found.keys() == {"persistence", "training_mean", "linear_ar"}
    assert found["linear_ar"].loss < 1e-12
    assert "order 2" in found["linear_ar"].how


def test_noise_makes_a_longer_linear_model_the_better_one():
    task = Sine(noise=0.1)
    order = int(reference(task, task.generate(0), "linear_ar").how.split("order ")[1].split(",")[0])
    assert order > 2


def test_persistence_on_the_clean_sine_agrees_with_theory():
    task = Sine(points=100_000)
    omega = 20 / 99_999
    t = np.linspace(0, 20, 100_000)[85_010:]
    exact = np.mean((2 * math.sin(omega / 2) * np.cos(t - omega / 2)) ** 2)
    assert reference(task, task.generate(0), "persistence").loss == pytest.approx(exact, rel=1e-2)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"noise": -0.1}, "noise is a standard deviation"),
        ({"window": 0}, r"sine\[window=0\]"),
        ({"points": 50}, "needs at least 71 points"),
        ({"window": 200}, "window 200 needs at least"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(UserError, match=message):
        Sine(**parameters)
    if "points" in parameters:
        assert Sine(points=71).generate(0)
