"""Each tutorial's recipe gives the numbers of the tutorial's own loop: Dataset, DataLoader, nn.GRU, Adam, clipping.

The loop below is plain PyTorch and uses nothing of bench but the initial weights and the order of the batches. In
float64, so that what is left is rounding; without dropout, whose masks the two would draw differently.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from bench.config.experiment import Experiment
from bench.config.files import read_recipe
from bench.config.resolve import resolve
from bench.experiment.cell import CellPlan
from bench.experiment.search import Point
from bench.seeds import generator
from bench.training.data import load_data
from bench.training.request import Training
from bench.training.train import build_learner, train
from tasks.contract import Array, Dataset

REPLICATE = 1
TUTORIALS = [
    *("multivariate-gru50", "hidden-sizes", "two-layer-gru64", "random-data-gru50", "sine-gru32x2", "sine-gru16"),
    *("numpy-gru-sine", "sine-per-step"),
]
CELLS: dict[str, type[nn.RNNBase]] = {"gru": nn.GRU, "lstm": nn.LSTM, "rnn": nn.RNN}


class Network(nn.Module):
    """A tutorial's model: a recurrent layer, and a linear one on its last output (or on each)."""

    def __init__(self, cell: str, sizes: tuple[int, int, int, int], per_step: bool) -> None:
        super().__init__()
        inputs, hidden, layers, outputs = sizes
        self.core, self.per_step = CELLS[cell](inputs, hidden, layers, batch_first=True), per_step
        self.head = nn.Linear(hidden, outputs)

    def forward(self, x: Tensor) -> Tensor:
        states = self.core(x)[0]
        return self.head(states if self.per_step else states[:, -1])


def tutorial_loop(
    network: Network, dataset: Dataset, orders: np.random.Generator, options: Any, epochs: int, batch_size: int
) -> tuple[list[float], list[float], list[float]]:
    """Mean training loss, validation loss and learning rate of each epoch."""
    data = TensorDataset(*(torch.tensor(a, dtype=torch.float64) for a in (dataset.train.inputs, dataset.train.targets)))
    valid_x, valid_y = (torch.tensor(a, dtype=torch.float64) for a in (dataset.valid.inputs, dataset.valid.targets))
    rate, decay = options.lr_range[0], options.weight_decay
    optimizer = torch.optim.Adam(network.parameters(), lr=rate, weight_decay=decay)
    scheduler = None
    if options.plateau_patience is not None:
        scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=options.plateau_patience)
    train_losses, valid_losses, rates = [], [], []
    for _ in range(epochs):
        network.train()
        losses = []
        for x, y in DataLoader(data, batch_size=batch_size, sampler=orders.permutation(len(data)).tolist()):
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(network(x), y)
            loss.backward()
            if options.clip_norm is not None:
                nn.utils.clip_grad_norm_(network.parameters(), options.clip_norm)
            optimizer.step()
            losses.append(loss.item())
        network.eval()
        with torch.no_grad():
            valid = nn.functional.mse_loss(network(valid_x), valid_y).item()
        train_losses.append(sum(losses) / len(losses))
        valid_losses.append(valid)
        rates.append(optimizer.param_groups[0]["lr"])
        if scheduler is not None:
            scheduler.step(valid)
    return train_losses, valid_losses, rates


def prepared(recipe: str, flags: Mapping[str, Any]) -> tuple[Experiment, Training]:
    """The recipe, and its first confirmed training in float64 without dropout."""
    experiment = resolve(flags, read_recipe(recipe), recipe=recipe)
    plan = CellPlan(experiment, experiment.matchings[0], experiment.tasks[0], experiment.entries[0], "cpu")
    point = plan.space().only
    assert isinstance(point, Point)
    training = plan.training(point, REPLICATE)
    return experiment, replace(training, settings=replace(training.settings, dtype="float64", dropout=0.0))


def network_with(state: Mapping[str, Array], training: Training) -> Network:
    s, task = training.settings, training.task
    sizes = (task.input_size, s.hidden_size, s.num_layers, task.output_size)
    network = Network(training.model.cell, sizes, task.per_step).double()
    names = {name if name.startswith("head.") else f"core.{name}": value for name, value in state.items()}
    network.load_state_dict({name: torch.tensor(v) for name, v in names.items() if "adam." not in name})
    return network


def check(recipe: str, **flags: Any) -> list[float]:
    """Compare the whole curves; returns the learning rates that were used."""
    experiment, training = prepared(recipe, flags)
    dataset = load_data(training.task, training.seed, REPLICATE)
    network = network_with(build_learner(training, dataset).state(), training)
    orders = generator("batches", training.seed, training.task.name, training.task.identity(), REPLICATE)
    count = experiment.options.epochs or 0
    expected = tutorial_loop(network, dataset, orders, experiment.options, count, training.batch_size)
    curve = train(training)["curve"]
    assert len(curve["step"]) == count + 1
    for name, values in zip(("train_loss", "valid_loss", "learning_rate"), expected, strict=True):
        np.testing.assert_allclose(curve[name][1:], values, rtol=0, atol=1e-8, err_msg=name)
    rates: list[float] = curve["learning_rate"]
    return rates


FAST = {"multivariate-gru50": 2, "hidden-sizes": 3, "two-layer-gru64": 4, "numpy-gru-sine": 1, "sine-per-step": 10}


@pytest.mark.parametrize("recipe", TUTORIALS)
def test_a_recipe_gives_the_numbers_of_the_tutorials_loop(recipe: str) -> None:
    check(recipe, epochs=FAST.get(recipe))


@pytest.mark.parametrize(
    ("recipe", "model"), [("sine-gru16", "lstm"), ("sine-gru16", "rnn"), ("sine-gru16", "numpy_gru")]
)
def test_so_it_does_with_another_cell(recipe: str, model: str) -> None:
    check(recipe, models=model)


def test_the_learning_rate_falls_on_the_plateaus_where_the_tutorials_does() -> None:
    assert len(set(check("sine-gru16", plateau_patience=1))) > 3


@pytest.mark.storm
@pytest.mark.parametrize("recipe", [name for name in FAST if name != "hidden-sizes"])  # multivariate-gru50, smaller
def test_the_long_recipes_follow_the_loop_to_their_end(recipe: str) -> None:
    check(recipe)
