"""Handwritten digits read pixel by pixel, as "sequential MNIST" does, with the digits that scikit-learn carries."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from tasks.baselines import score
from tasks.contract import Array, Dataset, Defaults, Reference, Split, Target, Task
from tasks.losses import mean_loss
from tasks.packaged_data import packaged_file

PIXELS, CLASSES = 64, 10
LARGEST_PIXEL = 16.0
PARTS = (1200, 1500)  # rows before these go to training and validation, the rest to testing
SHARPNESS = (0.1, 10, 21)  # of a likeness: the lowest, the highest, how many between them are tried
PERMUTATION_SEED = 0  # one fixed order for everybody, as in Le, Jaitly & Hinton 2015 (arXiv:1504.00941)


@dataclass(frozen=True)
class Digits(Task):
    """1,797 images of 8 × 8 pixels, one pixel a step: 64 steps, one feature (0 to 1), then which digit it was.

    permuted: the pixels in one fixed random order: neighbouring pixels are then far apart and memory must be longer.

    The seed deals the images to the three parts (1,200, 300 and 297). The same writers occur in all parts.
    Data: Alpaydin & Kaynak 1998, UCI "Optical Recognition of Handwritten Digits", as scikit-learn ships it.
    """

    permuted: bool = False

    name = "digits"
    summary = "scikit-learn's handwritten digits, one pixel a step, in order or permuted (extra: data)"
    cites = ("alpaydin1998",)
    resampled = True
    loss = "cross_entropy"
    input_size, output_size = 1, CLASSES
    target = Target("accuracy", 0.9, "above")
    defaults = Defaults(
        batch_size=64,
        steps={"smoke": 15, "quick": 800, "standard": 3000, "full": 10_000},
        learning_rate=(1e-3, 2e-2),
    )

    def __post_init__(self) -> None:
        _file()  # now, and not when data are first drawn: an experiment that can't have them says so before it begins

    def generate(self, seed: int | np.random.Generator) -> Dataset:
        pixels, labels = _images()
        if self.permuted:
            pixels = pixels[:, np.random.default_rng(PERMUTATION_SEED).permutation(PIXELS)]
        order = np.random.default_rng(seed).permutation(len(labels))
        return Dataset(*(Split(pixels[part, :, None], labels[part]) for part in np.split(order, PARTS)))

    def metrics(self, outputs: Array, targets: Array, mask: Array | None = None) -> dict[str, float]:
        """The share of digits that were recognised; guessing gets a tenth."""
        return {"accuracy": float((outputs.argmax(axis=-1) == targets).mean())}

    def references(self, dataset: Dataset) -> Sequence[Reference]:
        """The floor knows how often each digit occurs; the others compare all pixels at once with mean images, or with
        every training image.

        The latter is the classifier of Parzen's windows (Specht 1990, Neural Networks 3:109): the probability of a
        digit is the sum of a Gaussian kernel of the distances to its images.
        """
        from scipy.spatial.distance import cdist  # takes a while, and most commands score no reference

        train, valid = dataset.train, dataset.valid
        shares = np.bincount(train.targets, minlength=CLASSES) / len(train)
        how = f"always the shares of the {CLASSES} digits in the training data"

        def always(split: Split) -> Array:
            return np.log(np.broadcast_to(shares, (len(split), CLASSES)))

        found = [score(self, "class_shares", "floor", always, dataset, how)]
        means = np.stack([train.inputs[train.targets == digit, :, 0].mean(axis=0) for digit in range(CLASSES)])

        def like_means(split: Split, sharpness: float) -> Array:
            return np.asarray(-sharpness * cdist(split.inputs[:, :, 0], means, "sqeuclidean"))

        def like_images(split: Split, sharpness: float) -> Array:
            away = cdist(split.inputs[:, :, 0], train.inputs[:, :, 0], "sqeuclidean")
            near = np.exp(-sharpness * (away - away.min(axis=1, keepdims=True)))
            return np.asarray(np.log(near @ np.eye(CLASSES)[train.targets] + np.finfo(float).tiny))

        for name, predict, what in (
            ("mean_image", like_means, "the nearest of ten mean images"),
            ("near_images", like_images, "all training images, each counting the more the nearer it is"),
        ):
            losses = {s: mean_loss("cross_entropy", predict(valid, s), valid.targets) for s in np.geomspace(*SHARPNESS)}
            fitted = partial(predict, sharpness=min(losses, key=losses.__getitem__))
            how = f"{what}, all pixels at once; its confidence is fitted on validation data"
            found.append(score(self, name, "baseline", fitted, dataset, how))
        return found


def _file() -> Path:
    return packaged_file("sklearn", "datasets/data/digits.csv.gz", task="digits", extra="data")


@lru_cache(maxsize=1)
def _images() -> tuple[Array, Array]:
    """Pixels `(1797, 64)` float32 from 0 to 1, row by row, and labels `(1797,)` int64."""
    with gzip.open(_file(), "rt", encoding="ascii") as file:
        table = np.loadtxt(file, delimiter=",")
    return (table[:, :PIXELS] / LARGEST_PIXEL).astype(np.float32), table[:, PIXELS].astype(np.int64)
