"""The stopping rule of the package cogscale's authors on bench's cells and data: is it why their scores differ?

    python tests/recipes/with_patience.py results/cogscale-patience.csv

The trainings of `beside_cogscale.py` with their rule for the weights that are kept: after every epoch the validation
score is taken; the weights of the best one are kept, and ten epochs without a better one end a training. A row a
training; what the file has already is not trained again. The four cells of a task take about 25 s of one core.
"""

from __future__ import annotations

import argparse
import itertools
import math
from pathlib import Path

import pandas as pd
import torch

from bench.config.files import read_recipe
from bench.config.resolve import resolve
from bench.experiment.cell import CellPlan
from bench.experiment.search import Point
from bench.training.data import load_data, orders_of
from bench.training.request import Training
from bench.training.train import build_learner
from tasks.cogscale import Cogscale

PATIENCE = 10  # epochs
FLAGS = {"models": "gru,lstm", "lr_range": "0.01,0.01", "trials": "1", "replicates": "10", "clip_norm": "none"}
COLUMNS = ["task", "target_params", "model", "replicate", "parameter_count", "epochs", "score"]


def plans() -> list[CellPlan]:
    """Tasks, numbers of parameters and models of the recipe."""
    made = resolve(FLAGS, read_recipe("cogscale"), recipe="cogscale")
    return [
        CellPlan(made, matching, task, entry, "cpu")
        for task in made.tasks
        for matching in made.matchings
        for entry in made.entries
    ]


def train(training: Training, epochs: int) -> tuple[int, float]:
    """Epochs that were trained, and the test score of the weights with the best validation score."""
    task, dataset = training.task, load_data(training.task, training.seed, training.replicate)
    learner = build_learner(training, dataset)
    train_data, valid, test = (learner.place(split) for split in (dataset.train, dataset.valid, dataset.test))
    best, kept, since, trained = math.inf, learner.state(), 0, 0
    for order in itertools.islice(orders_of(training, len(dataset.train)), epochs):
        for batch in learner.batches(train_data, order, training.batch_size):
            learner.train_step(batch)
        trained += 1
        score = task.metrics(learner.predict(valid), dataset.valid.targets, dataset.valid.mask)["score"]
        since = 0 if score < best else since + 1
        if score < best:
            best, kept = score, learner.state()
        if since == PATIENCE:
            break
    learner.load_state(kept)
    return trained, task.metrics(learner.predict(test), dataset.test.targets, dataset.test.mask)["score"]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("file", type=Path, help="the CSV that is written")
    parser.add_argument("--only", default="", help="tasks, with commas between them")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    done = pd.read_csv(asked.file) if asked.file.exists() else pd.DataFrame(columns=COLUMNS)
    asked.file.parent.mkdir(parents=True, exist_ok=True)
    for plan in plans():
        assert isinstance(plan.task, Cogscale)
        if asked.only and plan.task.task not in asked.only.split(","):
            continue
        cell = (plan.task.task, plan.matching.parameters, plan.model.name)
        if not done[(done[COLUMNS[:3]] == list(cell)).all(axis=1)].empty:
            continue
        only = plan.space().only
        assert isinstance(only, Point)
        rows = []
        for replicate in range(1, 11):
            training = plan.training(only, replicate)
            epochs, score = train(training, plan.experiment.options.epochs or 0)
            rows.append(
                [
                    *cell,
                    replicate,
                    training.model.count_parameters(plan.facts.problem, only.hidden_size, 1).total,
                    epochs,
                    score,
                ]
            )
        done = pd.concat([done, pd.DataFrame(rows, columns=COLUMNS)], ignore_index=True)
        done.to_csv(asked.file, index=False)
        scores = [row[-1] for row in rows]
        print(*cell, f"{sum(scores) / len(scores):.3f}", flush=True)


if __name__ == "__main__":
    main()
