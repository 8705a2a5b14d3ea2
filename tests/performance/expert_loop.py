"""The search that an expert would write by hand for this machine, with which `bench run --models gru` is compared.

It has two processes with one thread each, the data in one tensor that is cut into batches, fused Adam, no look at a
loss before the epoch ends, and validation in one batch without gradients. Hidden sizes and learning rates are those of
bench's grid, the longest trainings first; data, initial weights and batch order are bench's, so that the loss curves
must agree.

    python tests/performance/expert_loop.py --batch-size 64 --epochs 20 --replicate 1
"""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from threading import Barrier
from typing import Any

import torch
from torch import Tensor, nn
from tutorial_loop import POINTS, arguments, network_of

from bench.config.experiment import Experiment
from bench.config.resolve import resolve
from bench.experiment.cell import CellPlan
from bench.experiment.points import points_of_replicate
from bench.seeds import generator
from bench.training.data import load_data
from bench.training.request import Training

PROCESSES = 2
SIZES, RATES, TRIALS = "20,50,100", "5e-5,5e-4", 6  # a grid: two learning rates for each size


def settings(batch_size: int, epochs: int, replicates: int) -> dict[str, Any]:
    """The same search as options of bench."""
    return {
        "models": "gru",
        "tasks": f"regression[points={POINTS}]",
        "hidden_sizes": SIZES,
        "layers": "1",
        "lr_range": RATES,
        "sampler": "grid",
        "trials": TRIALS,
        "clip_norm": "none",
        "batch_size": batch_size,
        "epochs": epochs,
        "replicates": replicates,
    }


def grid(experiment: Experiment, replicate: int) -> list[Training]:
    """Bench's trainings of one search."""
    plan = CellPlan(experiment, experiment.matchings[0], experiment.tasks[0], experiment.entries[0], "cpu")
    points = points_of_replicate(plan.space(), "grid", TRIALS, ["not used by a grid"])
    return [plan.training(point, replicate) for point in points.starts]


def train(training: Training, epochs: int) -> tuple[list[float], list[float]]:
    """Return the mean training loss and the validation loss of every epoch."""
    network, data = network_of(training), load_data(training.task, training.seed, training.replicate)
    task, rate = training.task, training.settings.learning_rate
    (x, y), (x_valid, y_valid) = (
        (torch.from_numpy(split.inputs), torch.from_numpy(split.targets)) for split in (data.train, data.valid)
    )
    rng = generator("batches", training.seed, task.name, task.identity(), training.replicate)
    optimizer = torch.optim.Adam(network.parameters(), lr=rate, fused=True)
    train_losses: list[float] = []
    valid_losses: list[float] = []
    for _ in range(epochs):
        order = torch.from_numpy(rng.permutation(len(x)))
        losses = [step(network, optimizer, *batch) for batch in batches(x[order], y[order], training.batch_size)]
        train_losses.append(float(torch.stack(losses).mean()))
        with torch.inference_mode():
            valid_losses.append(float(nn.functional.mse_loss(network(x_valid), y_valid)))
    return train_losses, valid_losses


def batches(x: Tensor, y: Tensor, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Consecutive slices."""
    return zip(x.split(size), y.split(size), strict=True)


def step(network: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor) -> Tensor:
    """One optimiser step; the loss before it."""
    optimizer.zero_grad(set_to_none=True)
    loss = nn.functional.mse_loss(network(x), y)
    loss.backward()
    optimizer.step()
    return loss.detach()


def prepare(barrier: Barrier, training: Training) -> None:
    """In each process, before the time is taken: what imports, and makes the data."""
    torch.set_num_threads(1)
    load_data(training.task, training.seed, training.replicate)
    torch.optim.Adam(nn.Linear(1, 1).parameters(), fused=True)
    barrier.wait()


def curves_of(job: tuple[Training, int]) -> dict[str, Any]:
    """The curves of one training."""
    training, epochs = job
    place = {"size": training.settings.hidden_size, "rate": training.settings.learning_rate}
    return {**place, "curves": train(training, epochs)}


def main() -> None:
    """Search on one replicate. Print the curves and the seconds of the search as JSON."""
    given = arguments("The search that an expert would write")
    trainings = grid(resolve(settings(given.batch_size, given.epochs, 1)), given.replicate)
    trainings.sort(key=lambda training: -training.settings.hidden_size)
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(PROCESSES + 1)
    with ProcessPoolExecutor(PROCESSES, spawn, prepare, (barrier, trainings[0])) as pool:
        for _ in range(PROCESSES):
            pool.submit(abs, 0)  # starts a process
        barrier.wait()
        began = time.perf_counter()
        found = list(pool.map(curves_of, [(training, given.epochs) for training in trainings]))
        seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "trainings": found}))


if __name__ == "__main__":
    main()
