"""The training loop of a typical PyTorch tutorial, with which bench is compared.

It has a Dataset that makes tensors of one sequence at a time, a DataLoader, `nn.GRU`, default Adam, `loss.item()` at
every step, and one hidden size after another, in one process with torch's default threads. Only data, initial weights
and batch order are bench's, so that both must give the same loss curves.

    python tests/performance/tutorial_loop.py --batch-size 512 --epochs 50 --replicate 1
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from bench.config.experiment import Experiment
from bench.config.resolve import resolve
from bench.experiment.cell import CellPlan
from bench.experiment.search import Point
from bench.seeds import generator
from bench.training.data import load_data
from bench.training.request import Training
from bench.training.train import build_learner
from tasks.contract import Array

HIDDEN_SIZES = (20, 50, 100)
POINTS = 12_000  # of the Lorenz system: 8,390 training windows of 10 steps with 3 features
LEARNING_RATE = 1.5e-4


class Windows(Dataset[tuple[Tensor, Tensor]]):
    """Inputs `(N, T, I)` and targets `(N, O)`; each access makes tensors of one sequence."""

    def __init__(self, inputs: Array, targets: Array) -> None:
        self.inputs, self.targets = inputs, targets

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return torch.tensor(self.inputs[index]), torch.tensor(self.targets[index])


class Order:
    """A sampler that takes each epoch's order from a generator, where `shuffle=True` would draw its own."""

    def __init__(self, count: int, rng: np.random.Generator) -> None:
        self.count, self.rng = count, rng

    def __iter__(self) -> Iterable[int]:
        return iter(self.rng.permutation(self.count).tolist())

    def __len__(self) -> int:
        return self.count


class Network(nn.Module):
    """A GRU, and a linear layer on its last output."""

    def __init__(self, input_size: int, hidden_size: int, output_size: int) -> None:
        super().__init__()
        self.gru = nn.GRU(input_size, hidden_size, batch_first=True)
        self.head = nn.Linear(hidden_size, output_size)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.gru(x)[0][:, -1])


def train(model: nn.Module, train_loader: Any, valid_loader: Any, epochs: int) -> tuple[list[float], list[float]]:
    """Return the mean training loss and the validation loss of every epoch."""
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    criterion = nn.MSELoss()
    train_losses, valid_losses = [], []
    for _ in range(epochs):
        model.train()
        running = 0.0
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            running += loss.item()
        train_losses.append(running / len(train_loader))
        model.eval()
        total = 0.0
        with torch.no_grad():
            for x, y in valid_loader:
                total += criterion(model(x), y).item() * len(x)
        valid_losses.append(total / len(valid_loader.dataset))
    return train_losses, valid_losses


def settings(batch_size: int, epochs: int, seeds: int, points: int = POINTS, model: str = "gru") -> dict[str, Any]:
    """The same trainings as options of bench."""
    return {
        "models": model,
        "tasks": f"regression[points={points}]",
        "match": "each",
        "hidden_sizes": ",".join(map(str, HIDDEN_SIZES)),
        "layers": "1",
        "lr_range": f"{LEARNING_RATE},{LEARNING_RATE}",
        "clip_norm": "none",
        "batch_size": batch_size,
        "epochs": epochs,
        "replicates": seeds,
    }


def training_of(experiment: Experiment, hidden_size: int, replicate: int) -> Training:
    """Return bench's training for a size and a replicate."""
    matching = next(m for m in experiment.matchings if m.hidden_sizes == (hidden_size,))
    plan = CellPlan(experiment, matching, experiment.tasks[0], experiment.entries[0], "cpu")
    return plan.training(Point(hidden_size, 1, LEARNING_RATE), replicate)


def network_of(training: Training) -> Network:
    """Return the tutorial's network with bench's initial weights."""
    data = load_data(training.task, training.seed, training.replicate)
    state = build_learner(training, data).state()
    network = Network(training.task.input_size, training.settings.hidden_size, training.task.output_size)
    names = {name if name.startswith("head.") else f"gru.{name}": value for name, value in state.items()}
    network.load_state_dict({name: torch.tensor(value) for name, value in names.items() if "adam." not in name})
    return network


def loaders_of(training: Training) -> tuple[Any, Any]:
    """Return loaders of the training data, in bench's order, and of the validation data."""
    task = training.task
    data = load_data(task, training.seed, training.replicate)
    rng = generator("batches", training.seed, task.name, task.identity(), training.replicate)
    train_data = Windows(data.train.inputs, data.train.targets)
    order: Any = Order(len(train_data), rng)
    return (
        DataLoader(train_data, batch_size=training.batch_size, sampler=order),
        DataLoader(Windows(data.valid.inputs, data.valid.targets), batch_size=training.batch_size),
    )


def arguments(description: str) -> argparse.Namespace:
    """Read the flags of one run of all hidden sizes."""
    parser = argparse.ArgumentParser(description=description)
    for flag, default in {"--batch-size": 512, "--epochs": 50, "--replicate": 1}.items():
        parser.add_argument(flag, type=int, default=default)
    return parser.parse_args()


def main() -> None:
    """Train all sizes one after another. Print the curves by hidden size and the seconds of training as JSON."""
    given = arguments("The loop of a typical tutorial")
    experiment = resolve(settings(given.batch_size, given.epochs, 1))
    torch.optim.Adam(nn.Linear(1, 1).parameters())  # the first optimiser imports for seconds: not to be counted
    curves, seconds = {}, 0.0
    for hidden_size in HIDDEN_SIZES:
        training = training_of(experiment, hidden_size, given.replicate)
        network, (train_loader, valid_loader) = network_of(training), loaders_of(training)
        began = time.perf_counter()  # data and weights are bench's: a tutorial would load its own
        curves[hidden_size] = train(network, train_loader, valid_loader, given.epochs)
        seconds += time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "curves": curves, "threads": torch.get_num_threads()}))


if __name__ == "__main__":
    main()
