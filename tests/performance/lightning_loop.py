"""The work of `tutorial_loop.py` with PyTorch Lightning and Optuna's `study.optimize` (`pip install -e '.[perf]'`).

Each hidden size is a trial. The data are in a TensorDataset; logging, checkpoints, the progress bar and the sanity
check are off, so that only training is timed. Data, initial weights and batch order are bench's, as in the tutorial.

    python tests/performance/lightning_loop.py --batch-size 64 --epochs 10 --replicate 1
"""

from __future__ import annotations

import json
import logging
import time
import warnings
from typing import Any

import lightning
import optuna
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from tutorial_loop import HIDDEN_SIZES, LEARNING_RATE, Order, arguments, network_of, settings, training_of

from bench.config.experiment import Experiment
from bench.config.resolve import resolve
from bench.seeds import generator
from bench.training.data import load_data
from bench.training.request import Training


class Module(lightning.LightningModule):
    """The tutorial's network, with the mean losses of each epoch."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network, self.criterion = network, nn.MSELoss()
        self.train_losses: list[float] = []
        self.valid_losses: list[float] = []

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        loss = self.criterion(self.network(batch[0]), batch[1])
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=1)  # a mean over steps
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:
        loss = self.criterion(self.network(batch[0]), batch[1])
        self.log("valid_loss", loss, batch_size=len(batch[0]))

    def on_train_epoch_end(self) -> None:
        self.train_losses.append(float(self.trainer.callback_metrics["train_loss"]))
        self.valid_losses.append(float(self.trainer.callback_metrics["valid_loss"]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=LEARNING_RATE)


def loaders_of(training: Training) -> tuple[Any, Any]:
    """Return loaders of the training data, in bench's order, and of the validation data."""
    task = training.task
    data = load_data(task, training.seed, training.replicate)
    rng = generator("batches", training.seed, task.name, task.identity(), training.replicate)
    train, valid = (TensorDataset(torch.tensor(s.inputs), torch.tensor(s.targets)) for s in (data.train, data.valid))
    order: Any = Order(len(train), rng)
    return (
        DataLoader(train, batch_size=training.batch_size, sampler=order),
        DataLoader(valid, batch_size=training.batch_size),
    )


def fit(network: nn.Module, loaders: tuple[Any, Any], epochs: int) -> Module:
    """Train one network."""
    module = Module(network)
    trainer = lightning.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(module, *loaders)
    return module


def study(experiment: Experiment, epochs: int, replicate: int) -> tuple[dict[int, Any], float]:
    """Return the curves by hidden size, and the seconds of `study.optimize`."""
    curves: dict[int, Any] = {}
    trainings = {size: training_of(experiment, size, replicate) for size in HIDDEN_SIZES}
    prepared = {size: (network_of(training), loaders_of(training)) for size, training in trainings.items()}
    first = trainings[HIDDEN_SIZES[0]]
    fit(network_of(first), loaders_of(first), 1)  # the first fit imports for seconds: not to be counted

    def objective(trial: optuna.Trial) -> float:
        size = trial.suggest_categorical("hidden_size", HIDDEN_SIZES)
        module = fit(*prepared[size], epochs)
        curves[size] = (module.train_losses, module.valid_losses)
        return min(module.valid_losses)

    searched = optuna.create_study()
    for size in HIDDEN_SIZES:
        searched.enqueue_trial({"hidden_size": size})
    began = time.perf_counter()
    searched.optimize(objective, n_trials=len(HIDDEN_SIZES))
    return curves, time.perf_counter() - began


def main() -> None:
    given = arguments("PyTorch Lightning and study.optimize")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")  # advice on worker processes: slower at this size
    experiment = resolve(settings(given.batch_size, given.epochs, 1))
    curves, seconds = study(experiment, given.epochs, given.replicate)
    print(json.dumps({"seconds": seconds, "curves": curves, "threads": torch.get_num_threads()}))


if __name__ == "__main__":
    main()
