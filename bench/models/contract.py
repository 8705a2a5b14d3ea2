"""What a model promises (a registry entry that counts parameters and builds a learner), and what a learner does.

The trainer sees only `Learner`, so the NumPy cells (own backward, own Adam, no torch) and the torch cells stand side
by side. This file imports neither torch nor a cell: listing models must stay fast.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Literal

import numpy as np

from tasks.contract import Array, Loss, Split, Task

Group = Literal["standard", "recurrent", "without recurrence"]


@dataclass(frozen=True)
class Problem:
    """What a task asks of a model: sizes, loss, sequence length, and whether inputs are integer tokens."""

    input_size: int
    output_size: int
    loss: Loss
    per_step: bool = False
    tokens: bool = False
    steps: int = 10  # T, the length of a sequence

    @classmethod
    def of(cls, task: Task, split: Split) -> Problem:
        tokens = split.inputs.ndim == 2
        return cls(task.input_size, task.output_size, task.loss, task.per_step, tokens, split.inputs.shape[1])


@dataclass(frozen=True)
class Settings:
    """One configuration of a model and its optimiser.

    clip_norm: global gradient norm above which gradients are scaled down; None: no clipping.
    weight_decay: L2 added to the gradient, as in `torch.optim.Adam`.
    dropout: between layers, so without effect on one layer.
    precision: what multiplies; "tf32" only on a GPU, "bfloat16" with weights and optimiser kept in float32.
    """

    hidden_size: int
    num_layers: int = 1
    dropout: float = 0.0
    init: str = "default"
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    clip_norm: float | None = 1.0
    device: str = "cpu"
    dtype: Literal["float32", "float64"] = "float32"
    precision: Literal["float32", "tf32", "bfloat16"] = "float32"

    def identity(self) -> dict[str, Any]:
        """All that decides the outcome, JSON-able: keys that were made before there was a choice of precision stay.

        On a GPU it is named in any case: there, float32 once meant what torch makes of it, which is TF32 in cuDNN.
        """
        identity = asdict(self)
        if self.precision == "float32" and self.device == "cpu":
            del identity["precision"]
        return identity


@dataclass(frozen=True)
class ParameterCount:
    """Parameters of the recurrent layers and of the linear head, apart."""

    recurrent: int
    head: int

    @property
    def total(self) -> int:
        return self.recurrent + self.head


class Learner(ABC):
    """A model in training: weights, gradients and optimiser state, on one device.

    `Placed` data, a batch and a loss are the learner's own types; the trainer only hands them back.
    """

    kernel: str  # which implementation ran: "numpy", "aten", "onednn", "cudnn", "cudnn+graph"
    learning_rate: float  # may be set between steps (a schedule)
    on_gpu: bool = False  # there, a call returns before its work is done

    @property
    @abstractmethod
    def parameter_count(self) -> ParameterCount:
        """Counted from the weights themselves."""

    @abstractmethod
    def place(self, split: Split) -> Any:
        """Move a split to the device, once, in the layout that this learner computes in."""

    @abstractmethod
    def batches(self, placed: Any, order: Array, batch_size: int) -> Iterator[Any]:
        """Batches of an epoch: `order` is a permutation of the sequences `(N,)`; the last batch may be smaller."""

    @abstractmethod
    def train_step(self, batch: Any) -> Any:
        """One optimiser step. Returns the loss *before* the step, left on the device: no host synchronisation."""

    @abstractmethod
    def losses(self, collected: Sequence[Any]) -> Array:
        """Bring losses collected from `train_step` to the host, at an evaluation: `(n,)` float64."""

    @abstractmethod
    def predict(self, placed: Any) -> Array:
        """Raw outputs for a placed split, in evaluation mode: `(N, O)` or `(N, T, O)`."""

    @abstractmethod
    def state(self) -> dict[str, Array]:
        """A copy of all weights by torch's names (`weight_ih_l0`, …, `head.weight`, `head.bias`) and optimiser state
        (`adam.step`, `adam.m.<name>`, `adam.v.<name>`)."""

    @abstractmethod
    def load_state(self, state: Mapping[str, Array]) -> None:
        """The inverse of `state`. Unknown, missing or misshapen entries raise ValueError."""


class Model(ABC):
    """A registry entry. Subclass it as a frozen dataclass in a file of its own; fields are its parameters.

    `cell` seeds the initial weights: models of one cell (`gru`, `numpy_gru`) start from the same weights.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1  # raise it when the outcome of a training changes
    summary: ClassVar[str]  # one line for `bench list models`
    cell: ClassVar[str]
    devices: ClassVar[tuple[str, ...]] = ("cpu", "cuda")
    precisions: ClassVar[tuple[str, ...]] = ("float32",)
    uses_torch: ClassVar[bool] = True  # False: a process that trains nothing else need not load it
    group: ClassVar[Group] = "recurrent"  # under which `bench list models` shows it

    @abstractmethod
    def build(self, problem: Problem, settings: Settings, weights: np.random.Generator, dropout: int) -> Learner:
        """A learner with initial weights drawn from `weights` in float64, then cast. `dropout` seeds its masks."""

    @abstractmethod
    def count_parameters(self, problem: Problem, hidden_size: int, num_layers: int) -> ParameterCount:
        """What `build` would give, without building it where a formula exists."""

    def identity(self) -> dict[str, Any]:
        """The parameters that decide the outcome besides name and version: JSON-able."""
        return {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]

    @property
    def label(self) -> str:
        """How this model is called in tables: its name, with the parameters that differ from their defaults."""
        changed = [f"{f.name}={getattr(self, f.name)}" for f in fields(self) if getattr(self, f.name) != f.default]  # type: ignore[arg-type]
        return f"{self.name}[{','.join(changed)}]" if changed else self.name
