"""Random sequences with random targets, as in tutorials that show a training loop on `torch.randn`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.baselines import naive_forecasts, score
from tasks.contract import Array, Dataset, Defaults, Reference, Split, Target, Task
from tasks.errors import UserError
from tasks.metrics import error_metrics

HELD_OUT = 500  # sequences each of validation and test: cheap, and their loss is known to a few percent


@dataclass(frozen=True)
class RandomData(Task):
    """`sequences` training sequences of `steps` steps with `features` independent standard normal values each, and a
    standard normal target that is independent of them.

    A model can only memorise the training set: the training loss falls and the held-out loss rises above 1, the
    variance of the target, which is the loss of the best prediction (always 0).
    """

    sequences: int = 32
    steps: int = 10
    features: int = 3

    name = "random_data"
    summary = "a few random sequences with random targets: what memorising noise looks like"
    loss = "mse"
    output_size = 1
    target = Target("loss", 0.5)  # half the variance: out of reach on held-out data
    defaults = Defaults(
        batch_size=32,
        steps={"smoke": 20, "quick": 200, "standard": 1000, "full": 4000},
        learning_rate=(1e-3, 1e-2),
    )

    def __post_init__(self) -> None:
        for key in ("sequences", "steps", "features"):
            if getattr(self, key) < 1:
                raise UserError(f"random_data[{key}={getattr(self, key)}]: expected 1 or more")

    @property
    def input_size(self) -> int:
        return self.features

    def generate(self, seed: int | np.random.Generator) -> Dataset:
        rng = np.random.default_rng(seed)

        def split(count: int) -> Split:
            inputs = rng.standard_normal((count, self.steps, self.features))
            return Split(inputs.astype(np.float32), rng.standard_normal((count, 1)).astype(np.float32))

        return Dataset(split(self.sequences), split(HELD_OUT), split(HELD_OUT))

    def metrics(self, outputs: Array, targets: Array, mask: Array | None = None) -> dict[str, float]:
        return error_metrics(outputs, targets, mask)

    def references(self, dataset: Dataset) -> list[Reference]:
        mean, how = naive_forecasts(self, dataset)["training_mean"]
        return [
            score(self, "zero", "floor", lambda s: np.zeros_like(s.targets), dataset, "always 0, the expected value"),
            score(self, "training_mean", "baseline", mean, dataset, how),
        ]
