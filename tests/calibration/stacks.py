"""Whether a search in stacks selects what the model itself would: a recorded search, each of its trials trained again.

    python tests/calibration/stacks.py --name example --models rnn --tasks sine,regression

The trials that the model itself has made are read from an experiment's records (`bench run --engine exact`, or of a
model without a faster form on a CPU). Each is trained again in the CPU's form of a stack: the arithmetic of a stack on
a GPU, with other kernels. For each model: in how many replicates another trial has the lowest validation loss then, and
what that changes in the test loss that the model itself has recorded. The model itself makes the first trial of each
again, too, which must give the recorded curve: otherwise the machine is the difference.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import torch
from engine import report

import bench
from bench.config.files import read_config
from bench.config.resolve import resolve
from bench.executors.worker import use_one_thread
from bench.experiment.rerun import recorded_training
from bench.models.contract import Learner, Problem
from bench.models.rnn import Rnn
from bench.models.stepper import Stepper, StepPlan
from bench.models.torch_learner import data
from bench.models.torch_learner.stacked.batches import BatchQueue
from bench.models.torch_learner.stacked.layers import StackedGru, StackedLayer, StackedLstm, StackedRnn
from bench.models.torch_learner.stacked.trainings import ROWS, StackedTrainings
from bench.records.folder import MANIFEST
from bench.records.schema import Record
from bench.records.selection import finished_loss
from bench.training.loop import finish
from bench.training.request import Training
from bench.training.train import train, train_in_turns
from tasks.contract import Array

PLACE = ("task", "model", "replicate")


def layer_of(training: Training) -> StackedLayer:
    """How a standard model's trainings are stacked."""
    if isinstance(training.model, Rnn):
        return StackedRnn(training.model.nonlinearity)
    return {"gru": StackedGru, "lstm": StackedLstm}[training.model.name]()


class InStack(Stepper):
    """One training in a stack of its own on the CPU."""

    kernel = "stacked"

    def __init__(self, training: Training, learner: Learner, plan: StepPlan) -> None:
        super().__init__(learner)
        problem, dtype = Problem.of(training.task, plan.dataset.train), getattr(torch, training.settings.dtype)
        cpu = torch.device("cpu")
        train_, valid = (data.place(split, problem, cpu, dtype) for split in (plan.dataset.train, plan.dataset.valid))
        shape = (layer_of(training), problem, training.settings, (train_, valid), plan.batch_size)
        self._stack = StackedTrainings(*shape, trainings=1, device=cpu)
        self._stack.load(0, learner.state(), train_, valid)
        self._batches, self._pending = BatchQueue(plan.orders, self._stack.batch), 0

    def step(self) -> None:
        self._pending += 1

    def answer(self) -> tuple[Array, Array]:
        losses, pending, self._pending = [torch.empty(0)], self._pending, 0
        for start in range(0, pending, ROWS):
            count = min(ROWS, pending - start)
            self._stack.feed({0: self._batches.take(count)}, {0: self.learner.learning_rate})
            for _ in range(count):
                self._stack.step()
            losses.append(self._stack.losses[:count, 0].clone())
        self._stack.evaluate()
        return torch.cat(losses).double().numpy(), self._stack.outputs_of(self._stack.outputs, 0)

    def keep(self) -> None:
        self._stack.keep([0])

    def restore(self) -> None:
        self.learner.load_state(self._stack.best_state(0))


def in_stack(training: Training) -> Record:
    """The record of a training in a stack."""
    return finish(train_in_turns(training, open_stepper=lambda learner, plan: InStack(training, learner, plan)))


def searches(folder: Path, models: list[str], tasks: list[str], replicates: int) -> Iterator[list[Record]]:
    """The trials of each replicate that the model itself has trained."""
    found: dict[tuple[object, ...], list[Record]] = {}
    for record in bench.load(folder.name, folder.parent).records:
        wanted = record["stage"] == "trial" and not record.get("search_kernel") and record["replicate"] <= replicates
        if wanted and record["model"]["name"] in models and record["task"]["name"] in tasks:
            found.setdefault((record["model"]["name"], record["task"]["name"], record["replicate"]), []).append(record)
    for _, trials in sorted(found.items()):
        yield sorted(trials, key=lambda record: int(record["trial"]))


def best(trials: list[Record]) -> int:
    """The place of the trial with the lowest validation loss."""
    losses = [finished_loss(record) for record in trials]
    return min(range(len(trials)), key=lambda place: math.inf if losses[place] is None else losses[place])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    defaults = {"name": "example", "results": "results", "models": "lstm,rnn", "tasks": "sine,regression,copy"}
    for name, default in defaults.items():
        parser.add_argument(f"--{name}", default=default)
    parser.add_argument("--replicates", type=int, default=7)
    given = parser.parse_args()
    folder = Path(given.results) / given.name
    experiment = resolve(read_config(folder / MANIFEST))
    use_one_thread()
    rows, seen = [], set()
    for trials in searches(folder, given.models.split(","), given.tasks.split(","), given.replicates):
        model, task, replicate = (trials[0][key] for key in ("model", "task", "replicate"))
        trainings, began = [recorded_training(experiment, record) for record in trials], time.process_time()
        if model["name"] not in seen:
            seen.add(model["name"])
            same = train(trainings[0])["curve"]["valid_loss"] == trials[0]["curve"]["valid_loss"]
            print(f"{model['name']}: the model itself gives the recorded curve again: {'yes' if same else 'NO'}")
        stacked = [{**in_stack(training), "trial": number} for number, training in enumerate(trainings)]
        own, other = best(trials), best(stacked)
        ratio = math.log(trials[other]["test"]["loss"] / trials[own]["test"]["loss"])
        rows.append({"model": model["name"], "other": other != own, "log_ratio": ratio})
        apart = [abs(math.log(finished_loss(b) / finished_loss(a))) for a, b in zip(trials, stacked, strict=True)]
        print(
            f"{model['name']} {task['name']} {replicate}: trial {own} by the model, {other} in a stack; lowest "
            f"validation losses differ by {', '.join(f'{math.expm1(each):.1e}' for each in apart)}; "
            f"{time.process_time() - began:.0f} s",
            flush=True,
        )
    print(report(pd.DataFrame(rows)))


if __name__ == "__main__":
    main()
