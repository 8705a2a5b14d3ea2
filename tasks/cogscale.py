"""The 14 tasks of the package `cogscale` (Bendi-Ouis, de Coudenhove & Hinaut 2026) behind this project's contract.

Its data and its own score, unchanged: this file only translates. Extra: cogscale.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType
from typing import Any, ClassVar, Literal

import numpy as np

from tasks.baselines import choose_linear_ar, score
from tasks.contract import Array, Dataset, Defaults, Loss, Reference, Split, Target, Task
from tasks.count_table import count_table
from tasks.errors import NotInstalledError
from tasks.last_seen import last_seen
from tasks.logistic import logistic_references
from tasks.look_back import look_back
from tasks.marked_steps import marked_steps

MASKED = -100.0  # its mark for "this step does not count"
HIDDEN = -1.0  # its mark for a value that is to be found
LOSS_OF: dict[str, Loss] = {
    "classification": "cross_entropy",
    "multi_classification": "binary_cross_entropy",
    "regression": "mse",
}
SOLVED = {"classification": 0.05, "multi_classification": 0.05, "regression": 0.01}  # of its score: lower is better
UNORDERED = ("cross_situation",)  # tasks whose words the package numbers otherwise in every process
STEPS = {"smoke": 15, "quick": 400, "standard": 2000, "full": 8000}
Name = Literal[
    "sinus_forecasting",
    "chaotic_forecasting",
    "discrete_postcasting",
    "continuous_postcasting",
    "discrete_pattern_completion",
    "continuous_pattern_completion",
    "bracket_matching",
    "simple_copy",
    "selective_copy",
    "adding_problem",
    "sorting_problem",
    "cross_situation",
    "associative_recall",
    "induction_heads",
]


@dataclass(frozen=True)
class Cogscale(Task):
    """task: one of the 14. difficulty: its own three sizes.

    All are per-step tasks with a mask. The two forecasting tasks are one sequence each (so a batch of one), whose
    validation and test sequences begin with the training part, masked, as a run-up.
    """

    task: Name = "simple_copy"
    difficulty: Literal["small", "medium", "large"] = "small"

    name = "cogscale"
    summary = "one of the 14 tasks of the cogscale package, with its own score (extra: cogscale)"
    loss: ClassVar[Loss] = "cross_entropy"  # of most tasks; each sets its own
    per_step = True
    defaults = Defaults(batch_size=20, steps=STEPS, learning_rate=(1e-3, 3e-2))

    def __post_init__(self) -> None:
        object.__setattr__(self, "loss", LOSS_OF[self.category])
        if self.task.endswith("_forecasting"):
            object.__setattr__(self, "defaults", Defaults(1, STEPS, self.defaults.learning_rate))

    @property
    def category(self) -> str:
        """Its own name for the kind of task: "classification", "multi_classification" or "regression"."""
        category: str = _package().evals.cogscale_small[self.task]["category"]
        return category

    @property
    def input_size(self) -> int:
        return _sizes(self.task, self.difficulty)[0]

    @property
    def output_size(self) -> int:
        return _sizes(self.task, self.difficulty)[1]

    @property
    def target(self) -> Target:
        return Target("score", SOLVED[self.category])

    def generate(self, seed: int | np.random.Generator) -> Dataset:
        data = _build(self.task, self.difficulty, int(np.random.default_rng(seed).integers(2**31)))
        return Dataset(*(self._split(data[f"X_{part}"], data[f"Y_{part}"]) for part in ("train", "valid", "test")))

    def metrics(self, outputs: Array, targets: Array, mask: Array | None = None) -> dict[str, float]:
        """`score`: the package's own; the share of wrong answers (of wrong labels), or the mean squared error."""
        truth: Array = np.eye(self.output_size)[targets] if self.loss == "cross_entropy" else np.array(targets)
        if mask is not None:
            truth = np.where(mask[..., None], truth, MASKED)
        return {"score": float(_package().compute_score(truth, outputs, self.category))}

    def references(self, dataset: Dataset) -> Sequence[Reference]:
        """The floor knows the training targets' mean: of each output, or how often each class occurs.

        Beside it a linear model of the last values or, where there are classes, what stood a fixed number of steps
        earlier; both solve a fixed delay. Where values are hidden, the one last seen; where classes are asked for at
        the end, regressions on all that was shown, and what stood at marked steps; for brackets their counts.
        """
        train = dataset.train
        assert train.mask is not None
        known = train.targets[train.mask]
        if self.loss == "cross_entropy":
            counts = np.bincount(known, minlength=self.output_size) + 1  # so that no class has probability 0
            naive, how = np.log(counts / counts.sum()), "always the shares of the classes in the training data"
        elif self.loss == "binary_cross_entropy":
            shares = (known.sum(axis=0) + 1) / (len(known) + 2)
            naive, how = np.log(shares / (1 - shares)), "always the shares of the labels in the training data"
        else:
            naive, how = known.mean(axis=0), "always the mean of the training targets"

        def always(split: Split) -> Array:
            return np.broadcast_to(naive, (*split.inputs.shape[:2], self.output_size))

        found = [score(self, "training_mean", "floor", always, dataset, how)]
        if self.task.endswith("_forecasting"):
            found.append(
                score(self, "persistence", "baseline", lambda split: split.inputs, dataset, "the value of this step")
            )
        found.append(self._delayed(dataset))
        if self.task == "continuous_pattern_completion":
            found.append(last_seen(self, dataset, HIDDEN))
        if self.loss != "mse":
            found += logistic_references(self, dataset)
            found += marked_steps(self, dataset)
        if self.task == "bracket_matching":
            found.append(count_table(self, dataset))
        return found

    def _delayed(self, dataset: Dataset) -> Reference:
        train = dataset.train
        if self.loss == "mse":
            linear = choose_linear_ar(train, dataset.valid)
            how = f"a linear model of the last {linear.order} steps, fitted by least squares"
            return score(self, "linear_ar", "baseline", lambda split: linear.predict(split.inputs), dataset, how)
        return look_back(self, dataset)

    def identity(self) -> dict[str, Any]:
        """With the version of the package, which makes the data."""
        order = {"words": "by first occurrence"} if self.task in UNORDERED else {}
        return {**super().identity(), "cogscale": importlib.metadata.version("cogscale"), **order}

    def _split(self, inputs: Array, targets: Array) -> Split:
        """Its arrays `(N, T, …)` as a split; what is masked becomes 0."""
        mask = (targets != MASKED).any(axis=-1)
        values = np.where(mask[..., None], targets, 0.0)
        wanted = values.argmax(axis=-1) if self.loss == "cross_entropy" else values.astype(np.float32)
        return Split(np.asarray(inputs, dtype=np.float32), wanted, mask)


def _build(task: str, difficulty: str, seed: int) -> dict[str, Any]:
    data: dict[str, Any] = _package().build_task(task, difficulty=difficulty, seed=seed)
    return _in_order(data) if task in UNORDERED else data


def _in_order(data: dict[str, Any]) -> dict[str, Any]:
    """The same data with its words numbered by first occurrence, training data first.

    The package numbers them by the order of a Python set, which is another one in every process: without this the
    models of one replicate would see different inputs.
    """
    parts = ("X_train", "X_valid", "X_test")
    steps = np.concatenate([data[part].reshape(-1, data[part].shape[2]) for part in parts])
    first = np.where(steps.any(axis=0), steps.argmax(axis=0), len(steps))
    order = np.argsort(first, kind="stable")
    return {**data, **{part: data[part][..., order] for part in parts}}


@lru_cache(maxsize=64)
def _sizes(task: str, difficulty: str) -> tuple[int, int]:
    """Features in and out, which only the data tell."""
    data = _build(task, difficulty, 0)
    return data["X_train"].shape[2], data["Y_train"].shape[2]


def _package() -> ModuleType:
    try:
        import cogscale
    except ModuleNotFoundError as error:
        if error.name != "cogscale":
            raise
        raise NotInstalledError(
            "task cogscale needs the package cogscale, which is not installed: pip install 'bench[cogscale]'"
        ) from None
    module: ModuleType = cogscale
    return module
