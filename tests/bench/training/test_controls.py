"""Where nothing can be learnt, no model may do better than the floor: if one does, data leak between splits."""

from pathlib import Path

import pytest

from bench.executors.worker import load_plugins
from bench.models.contract import Settings
from bench.models.registry import MODELS
from bench.training.request import Training
from bench.training.train import train
from tasks.registry import TASKS

PLUGIN = Path(__file__).parents[2] / "plugins" / "shuffled.py"


@pytest.mark.parametrize("model", ["gru", "lstm", "rnn", "numpy_gru"])
def test_no_model_beats_the_floor_on_shuffled_targets(model: str) -> None:
    load_plugins([str(PLUGIN)])
    settings = Settings(hidden_size=16, learning_rate=5e-3)
    training = Training(TASKS.create("shuffled"), MODELS.create(model), settings, 64, steps=150, replicate=1)
    skill = train(training)["test"]["skill"]
    assert -0.5 < skill < 0.03  # the floor is measured on one finite test set: a few percent are chance


@pytest.mark.parametrize("model", ["gru", "lstm", "rnn", "numpy_gru"])
def test_the_same_training_learns_where_targets_are_in_order(model: str) -> None:
    settings = Settings(hidden_size=16, learning_rate=5e-3)
    training = Training(TASKS.create("regression"), MODELS.create(model), settings, 64, steps=150, replicate=1)
    assert train(training)["test"]["skill"] > 0.8
