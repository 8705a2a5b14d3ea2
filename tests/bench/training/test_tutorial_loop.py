"""The tutorial's loop that benchmarks compare with (tests/performance/tutorial_loop.py) trains what bench trains."""

from __future__ import annotations

import numpy as np
import pytest
from tutorial_loop import HIDDEN_SIZES, Windows, loaders_of, network_of, settings, train, training_of

from bench.config.resolve import resolve
from bench.training import train as trainer

EPOCHS = 3


@pytest.mark.parametrize("batch_size", [64, 512])
def test_it_gives_the_loss_curves_of_bench(batch_size: int) -> None:
    experiment = resolve({**settings(batch_size, EPOCHS, seeds=2, points=1200), "device": "cpu"})
    for hidden_size in HIDDEN_SIZES:
        training = training_of(experiment, hidden_size, replicate=2)
        train_losses, valid_losses = train(network_of(training), *loaders_of(training), EPOCHS)
        curve = trainer.train(training)["curve"]
        np.testing.assert_allclose(curve["train_loss"][1:], train_losses, rtol=1e-4)
        np.testing.assert_allclose(curve["valid_loss"][1:], valid_losses, rtol=1e-4)
        assert valid_losses[-1] < curve["valid_loss"][0], "it has learnt something"


def test_its_data_set_makes_tensors_of_one_sequence() -> None:
    inputs, targets = np.arange(12, dtype="f4").reshape(3, 2, 2), np.arange(3, dtype="f4").reshape(3, 1)
    x, y = Windows(inputs, targets)[1]
    assert (x.tolist(), y.tolist()) == ([[4.0, 5.0], [6.0, 7.0]], [1.0])
