"""The contracts of a model (a registry entry that counts parameters and builds a learner) and of a learner.

The trainer uses only `Learner`, so that the NumPy cells (own backward pass, own Adam, no torch) and the torch cells are
interchangeable. This file imports neither torch nor a cell, because listing models must stay fast.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from typing import Any, ClassVar, Literal

import numpy as np

from tasks.contract import Array, Loss, Split, Task
from tasks.entry import RegistryEntry

Group = Literal["standard", "recurrent", "without recurrence"]
Ignorable = Literal["hidden_size", "num_layers", "dropout"]
OptimizerName = Literal["adam", "adamw", "sgd", "rmsprop"]


@dataclass(frozen=True)
class Problem:
    """The requirements of a task on a model: sizes, loss, sequence length, and whether inputs are integer tokens."""

    input_size: int
    output_size: int
    loss: Loss
    per_step: bool = False
    tokens: bool = False
    sequence_length: int = 10  # T

    @classmethod
    def of(cls, task: Task, split: Split) -> Problem:
        """The problem that a task poses, with inputs as in `split`."""
        tokens = split.inputs.ndim == 2
        return cls(task.input_size, task.output_size, task.loss, task.per_step, tokens, split.inputs.shape[1])


@dataclass(frozen=True)
class Settings:
    """One configuration of a model and its optimiser.

    clip_norm: the global gradient norm above which gradients are scaled down; None: no clipping.
    optimizer: with PyTorch's defaults beside learning rate and weight decay: adam (Kingma & Ba 2015), adamw (Loshchilov
    & Hutter 2019), sgd (without momentum), rmsprop (Tieleman & Hinton 2012).
    weight_decay: L2 added to the gradient, as in `torch.optim.Adam`; adamw decays the weights themselves.
    dropout: between layers, so without effect on a single layer.
    precision: of matrix products; "tf32" only on a GPU, "bfloat16" with weights and optimiser kept in float32.
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
    optimizer: OptimizerName = "adam"

    def as_recorded(self) -> dict[str, Any]:
        """All settings as records have them: the optimiser only where it is another than every training once had."""
        settings = asdict(self)
        if self.optimizer == "adam":
            del settings["optimizer"]
        return settings

    def identity(self) -> dict[str, Any]:
        """All settings that decide the outcome, as JSON values.

        `precision` is left out for float32 on a CPU, so that keys made before there was a choice of precision stay
        valid. On a GPU it is always included: there, float32 once meant torch's default, which is TF32 in cuDNN.
        """
        identity = self.as_recorded()
        if self.precision == "float32" and self.device == "cpu":
            del identity["precision"]
        return identity


@dataclass(frozen=True)
class ParameterCount:
    """Numbers of parameters of the recurrent layers and of the linear head."""

    recurrent: int
    head: int

    @property
    def total(self) -> int:
        return self.recurrent + self.head


class Learner(ABC):
    """A model in training: weights, gradients and optimiser state, on one device.

    Placed data, a batch and a loss have types of the learner's own; the trainer only passes them back.
    """

    kernel: str  # which implementation ran: "numpy", "aten", "onednn", "cudnn", "cudnn+graph"
    learning_rate: float  # may be set between steps (a schedule)
    passes: int | None = None  # over the training data, after which steps teach nothing more: of what is fitted, 1
    on_gpu: bool = False  # on a GPU, a call returns before its work is done

    @property
    @abstractmethod
    def parameter_count(self) -> ParameterCount:
        """The numbers of parameters, counted from the weights."""

    @abstractmethod
    def place(self, split: Split) -> Any:
        """Copy a split to the device, once, in this learner's layout."""

    @abstractmethod
    def batches(self, placed: Any, order: Array, batch_size: int) -> Iterator[Any]:
        """Yield an epoch's batches. order: a permutation of the sequences `(N,)`. The last batch may be smaller."""

    @abstractmethod
    def train_step(self, batch: Any) -> Any:
        """Make one optimiser step. Returns the loss *before* the step, left on the device: no host synchronisation."""

    def gradients(self, batch: Any) -> dict[str, Array] | None:
        """The gradient of the batch's loss by the weights' names, without a step and without clipping; 0 of weights
        that have none.

        `bench validate` compares it with central differences. None: the learner does not give it.
        """
        return None

    @abstractmethod
    def losses(self, collected: Sequence[Any]) -> Array:
        """Copy losses collected from `train_step` to the host: `(n,)` float64."""

    @abstractmethod
    def predict(self, placed: Any) -> Array:
        """Return raw outputs for a placed split, in evaluation mode: `(N, O)` or `(N, T, O)`."""

    @abstractmethod
    def state(self) -> dict[str, Array]:
        """Return a copy of all weights and of the optimiser state.

        Weights have torch's names (`weight_ih_l0`, …, `head.weight`, `head.bias`). The state of adam and adamw is
        `adam.step`, `adam.m.<name>` and `adam.v.<name>`, that of rmsprop `rmsprop.v.<name>`; sgd has none. What a fit
        has read is `fit.<name>`.
        """

    @abstractmethod
    def load_state(self, state: Mapping[str, Array]) -> None:
        """The inverse of `state`. Unknown, missing or misshapen entries raise ValueError."""


def weights_of(state: Mapping[str, Array]) -> dict[str, Array]:
    """What a learner's state has beside the state of its optimiser."""
    return {name: value for name, value in state.items() if not name.startswith(("adam.", "rmsprop."))}


class Model(RegistryEntry):
    """A registry entry. Subclass it as a frozen dataclass in a file of its own; fields are its parameters.

    `cell` seeds the initial weights: models of one cell (`gru`, `numpy_gru`) start from the same weights.
    """

    cell: ClassVar[str]
    devices: ClassVar[tuple[str, ...]] = ("cpu", "cuda")
    precisions: ClassVar[tuple[str, ...]] = ("float32",)
    optimizers: ClassVar[tuple[str, ...]] = ("adam",)  # that `build` follows; (): what is fitted has none
    uses_torch: ClassVar[bool] = True  # False: a process that trains only such models does not load torch
    states: ClassVar[int | None] = None  # numbers that a hidden unit carries from step to step, see `state_size`
    ignores: ClassVar[tuple[Ignorable, ...]] = ()  # settings that change nothing of it: num_layers of a single layer
    untrained: ClassVar[tuple[str, ...]] = ()  # weights that are counted and deliberately not trained: ("*.reservoir",)
    surrogate_gradients: ClassVar[bool] = False  # True: they are no slopes of the loss, on purpose (spiking cells)
    group: ClassVar[Group] = "recurrent"  # under which `bench list models` shows it

    @abstractmethod
    def build(self, problem: Problem, settings: Settings, weights: np.random.Generator, dropout: int) -> Learner:
        """Build a learner, its initial weights drawn from `weights` in float64, then cast. dropout: the masks' seed."""

    @abstractmethod
    def count_parameters(self, problem: Problem, hidden_size: int, num_layers: int) -> ParameterCount:
        """What `build` would give, without building it where a formula exists."""

    def leaves_untrained(self, weight: str) -> bool:
        """Whether the class says that this weight is deliberately not trained."""
        return any(fnmatchcase(weight, pattern) for pattern in self.untrained)

    def with_values(self, values: Mapping[str, Any]) -> Model:
        """The same model with other values of some parameters."""
        changed: Model = replace(self, **values) if values else self  # type: ignore[type-var]
        return changed

    def sizes(self, largest: int) -> Sequence[int]:
        """The hidden sizes up to `largest` that this model can have, ascending: multiples of its heads, say."""
        return range(1, largest + 1)

    def state_size(self, problem: Problem, hidden_size: int, num_layers: int) -> int | None:
        """How many numbers it carries from one step of a sequence to the next; None: the model does not say.

        A model that looks at earlier steps themselves carries as many numbers of each as it looks at.
        """
        return None if self.states is None else self.states * hidden_size * num_layers

    def step_flops(self, problem: Problem, hidden_size: int, num_layers: int, batch_size: int) -> int | None:
        """How many floating-point operations the matrix products of a `train_step` take; None: the model does not say.

        A product of (m, k) and (k, n) takes 2·m·k·n. What torch computes is counted, so its cells need not say it.
        """
        return None
