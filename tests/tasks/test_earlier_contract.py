"""A task written for the contract before forecast origins and class attributes works as it did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from tasks.contract import Array, Dataset, Defaults, Loss, Reference, Split, Target, Task
from tasks.registry import check_task
from tasks.validation import validate_dataset


@dataclass(frozen=True)
class Earlier(Task):
    length: int = 5

    name: ClassVar[str] = "earlier"
    version: ClassVar[int] = 3
    summary: ClassVar[str] = "the running sum"
    loss: ClassVar[Loss] = "mse"
    defaults: ClassVar[Defaults] = Defaults(8, {"smoke": 1, "quick": 1, "standard": 1, "full": 1}, (1e-3, 1e-2))
    budgets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"smoke": {"length": 3}}

    @property
    def input_size(self) -> int:
        return 1

    @property
    def output_size(self) -> int:
        return 1

    @property
    def per_step(self) -> bool:  # type: ignore[override]
        return True

    @property
    def target(self) -> Target:
        return Target("loss", 0.1)

    def generate(self, seed: int | np.random.Generator) -> Dataset:
        rng = np.random.default_rng(seed)

        def split(count: int) -> Split:
            inputs = rng.standard_normal((count, self.length, 1)).astype(np.float32)
            return Split(inputs, inputs.cumsum(axis=1, dtype=np.float32))

        return Dataset(split(20), split(10), split(10))

    def metrics(self, outputs: Array, targets: Array, mask: Array | None = None) -> dict[str, float]:
        return {}

    def references(self, dataset: Dataset) -> Sequence[Reference]:
        return [Reference("zero", "floor", float((dataset.test.targets**2).mean()), {}, "always 0")]


def test_it_is_a_task_as_before() -> None:
    check_task(Earlier)
    task = Earlier(length=4)
    (reference,) = validate_dataset(task, task.generate(0))
    assert reference.valid_loss is None
    assert (task.label, task.identity(), task.version) == ("earlier[length=4]", {"length": 4}, 3)
    assert task.at(5) is task
    assert task.origin is None
