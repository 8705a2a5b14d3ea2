"""What the comparison of searches calls a stack computes what the model does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from bench.models.contract import Settings
from bench.models.registry import MODELS
from bench.training.request import Training
from bench.training.train import train
from tasks.registry import TASKS

from ..by_path import load_script


@pytest.fixture(scope="module")
def stacks() -> ModuleType:
    """The module stacks.py, whose folder is not on the import path."""
    return load_script(Path(__file__).with_name("stacks.py"))


@pytest.mark.parametrize(("model", "task"), [("gru", "sine[window=8]"), ("lstm", "copy[delay=3]"), ("rnn", "parity")])
def test_a_training_in_a_stack_is_that_of_the_model(model: str, task: str, stacks: ModuleType) -> None:
    settings = Settings(4, 2, learning_rate=0.01, dtype="float64")
    plain = Training(TASKS.create(task), MODELS.create(model), settings, 100, 75, 1, evaluation_interval=70)
    for training in (plain, replace(plain, plateau_patience=1, evaluation_interval=10)):
        found, expected = stacks.in_stack(training), train(training)
        assert found["kernel"] == "stacked"
        for name in ("train_loss", "valid_loss"):
            np.testing.assert_allclose(*(_numbers(record["curve"][name]) for record in (found, expected)), rtol=1e-9)
        assert found["test"]["loss"] == pytest.approx(expected["test"]["loss"], rel=1e-9)


def _numbers(values: list[float | None]) -> Any:
    return np.array(values, dtype=float)


def test_the_best_trial_is_the_first_of_the_lowest_losses_and_none_that_failed(stacks: ModuleType) -> None:
    trials = [
        {"status": "diverged", "curve": {"valid_loss": [0.1]}},
        {"status": "ok", "curve": {"valid_loss": [0.9, 0.3, 0.5]}},
        {"status": "ok", "curve": {"valid_loss": [0.9, 0.4]}},
        {"status": "ok", "curve": {"valid_loss": [0.3, 0.4]}},
    ]
    assert stacks.best(trials) == 1
