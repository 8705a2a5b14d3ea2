"""The negative control: the regression task with its targets dealt out anew, so that nothing can be learnt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tasks.contract import Dataset, Reference, Split
from tasks.losses import mean_loss
from tasks.regression import Regression


@dataclass(frozen=True)
class Shuffled(Regression):
    """Inputs of one window, targets of another."""

    name = "shuffled"
    summary = "regression with shuffled targets: nothing to learn"

    def generate(self, seed: int | np.random.Generator) -> Dataset:
        rng = np.random.default_rng(seed)
        dataset = super().generate(rng)

        def shuffle(split: Split) -> Split:
            return replace(split, targets=split.targets[rng.permutation(len(split))])

        return Dataset(shuffle(dataset.train), shuffle(dataset.valid), shuffle(dataset.test))

    def references(self, dataset: Dataset) -> Sequence[Reference]:
        mean = np.broadcast_to(dataset.train.targets.mean(axis=0), dataset.test.targets.shape)
        return [Reference("mean", "floor", mean_loss("mse", mean, dataset.test.targets), how="training mean")]
