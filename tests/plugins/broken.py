"""A plug-in of mistakes: a task and two models, each with a parameter `how` that says which promise it breaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from bench.models.contract import Learner, ParameterCount, Problem, Settings
from bench.models.numpy_gru import GRULayer
from bench.models.numpy_learner.learner import NumpyLearner
from bench.models.numpy_model import NumpyModel
from bench.models.torch_model import TorchModel
from tasks.contract import BUDGETS, Dataset, Defaults, Reference, Split, Target, Task
from tasks.losses import mean_loss

RNG = np.random.default_rng()  # nobody seeds it


@dataclass(frozen=True)
class BrokenTask(Task):
    """The sign of a sequence's sum, at its end or at every step. how: "" breaks nothing."""

    name = "broken_task"
    summary = "the sign of a sum"
    loss = "binary_cross_entropy"
    defaults = Defaults(batch_size=8, steps=dict.fromkeys(BUDGETS, 4), learning_rate=(0.001, 0.01))
    input_size, output_size = 1, 1
    target = Target("accuracy", 0.9, "above")

    how: str = ""
    per_step: bool = False

    def identity(self) -> dict[str, Any]:
        if self.how == "identity raises":
            raise RuntimeError("no such weight file:\ngive another")
        return {**super().identity(), **({"mean": np.float32(1)} if self.how == "identity is no JSON" else {})}

    def generate(self, seed: int | np.random.Generator) -> Dataset:
        rng = {"unseeded": RNG, "one seed": np.random.default_rng(0)}.get(self.how, np.random.default_rng(seed))
        if self.how == "generate raises":
            raise KeyError("column")
        if self.how == "seed as a number":
            np.random.default_rng(seed + 1)  # type: ignore[operator]  # the mistake: a Generator has no sum
        train, valid, test = (self._split(rng, count) for count in (40, 24, 24))
        if self.how == "test rows in train":
            test = Split(*(part if part is None else part[:24] for part in vars(train).values()))
        if self.how == "validation in test":
            test = valid
        if self.how == "one test set":
            test = self._split(np.random.default_rng(9), 24)
        if self.how == "float64 inputs":
            test = replace(test, inputs=test.inputs.astype(np.float64))
        if self.how == "a NaN":
            valid.inputs[3, 2] = np.nan
        if self.how == "targets of another shape":
            train = replace(train, targets=train.targets[..., 0])
        if self.how == "mask of nothing":
            valid = replace(valid, mask=np.zeros(valid.inputs.shape[:2], bool))
        return Dataset(train, valid, test)

    def _split(self, rng: np.random.Generator, count: int) -> Split:
        inputs = rng.standard_normal((count, 6, 1)).astype(np.float32)
        sums = np.cumsum(inputs, axis=1) if self.per_step else inputs.sum(axis=1)
        return Split(inputs, (sums > 0).astype(np.float32))

    def metrics(self, outputs: Any, targets: Any, mask: Any = None) -> dict[str, float]:
        if self.how == "metrics of infinity":
            return {"accuracy": 1.0, "perplexity": float("inf") if outputs.any() else 1.0}
        name = "precision" if self.how == "target names no metric" else "accuracy"
        return {name: float(((outputs > 0) == (targets > 0.5)).mean())}

    def references(self, dataset: Dataset) -> Sequence[Reference]:
        zeros = np.zeros_like(dataset.test.targets)
        loss = mean_loss(self.loss, zeros, dataset.test.targets)
        if self.how == "random references":
            loss += float(RNG.random())
        if self.how == "floor out of reach":
            loss *= 0.5
        if self.how == "floor of nothing":
            return [Reference("oracle", "floor", 1e-9)]
        floor = Reference("coin", "floor", loss, how="always a half", outputs=zeros)
        if self.how == "limit above the floor":
            return [floor, Reference("noise", "limit", 2 * loss)]
        return [replace(floor, kind="baseline") if self.how == "no floor" else floor]


class _BrokenLearner(NumpyLearner):
    def __init__(self, how: str, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.how = how

    def predict(self, placed: Any) -> Any:
        outputs = super().predict(placed)
        if self.how == "outputs of another shape":
            return outputs[..., 0]
        if self.how == "outputs of NaN":
            return outputs * np.nan
        if self.how == "mixes sequences":
            return outputs - outputs.mean(axis=0)
        return outputs

    def train_step(self, batch: Any) -> Any:
        if self.how == "uphill":
            self.learning_rate = -abs(self.learning_rate)
        loss = super().train_step(batch)
        if self.how == "forgets in state()":
            self._head.bias += 1.0
        return loss

    def gradients(self, batch: Any) -> Any:
        found = super().gradients(batch)
        if self.how == "a gradient of twice the size":
            found["weight_hh_l0"] *= 2
        return found

    def state(self) -> dict[str, Any]:
        state = super().state()
        return {name: [0.0] for name in state} if self.how == "state() of lists" else state

    def load_state(self, state: Mapping[str, Any]) -> None:
        if self.how == "forgets in state()":
            return
        known = self.state()
        super().load_state({**known, **{name: state[name] for name in known & state.keys()}} if self.lenient else state)

    @property
    def lenient(self) -> bool:
        return self.how == "accepts any state"


@dataclass(frozen=True)
class BrokenModel(NumpyModel):
    name = "broken_model"
    summary = "a GRU in NumPy with a mistake"
    cell = "gru"
    how: str = ""

    def layer(self) -> Any:
        return GRULayer

    def build(self, problem: Problem, settings: Settings, weights: np.random.Generator, dropout: int) -> NumpyLearner:
        if self.how == "no size 16" and settings.hidden_size == 16:
            raise ValueError("16 is no multiple of 3")
        if self.how == "build raises":
            raise ZeroDivisionError
        learner: Learner = super().build(problem, settings, RNG if self.how == "unseeded" else weights, dropout)
        learner.__class__ = _BrokenLearner
        learner.how = self.how  # type: ignore[attr-defined]
        return learner  # type: ignore[return-value]

    def count_parameters(self, problem: Problem, hidden_size: int, num_layers: int) -> ParameterCount:
        count = super().count_parameters(problem, hidden_size, num_layers)
        return replace(count, recurrent=count.recurrent + 1) if self.how == "miscounts" else count


class _Wrong(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: torch.Tensor) -> torch.Tensor:
        return x.tanh()

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        return gradient  # tanh' is forgotten


class _Careless(torch.nn.Module):
    def __init__(self, how: str, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> None:
        super().__init__()
        self.how, self.hidden_size = how, hidden_size
        if how == "an unused weight":
            self.unused = torch.nn.Parameter(torch.zeros(3))
        self.register_buffer("visible", torch.tensor([True, False]))  # as an attention's mask: no number
        self.register_buffer("nothing", torch.zeros(0))
        if how == "sets a seed":
            torch.manual_seed(5)
        self.scales = [torch.nn.Parameter(torch.ones(1))] if how == "a weight in a list" else []
        self.begins_at_zero = torch.nn.Parameter(torch.zeros(1)) if how == "begins at 0" else None
        self.scale = float(RNG.uniform(0.5, 1.0)) if how == "another scale each time" else 1.0
        self.rnn = torch.nn.GRU(
            input_size,
            {"reads padding": hidden_size // 2, "ignores hidden_size": 4}.get(how, hidden_size),
            1 if how == "ignores num_layers" else num_layers,
            batch_first=how != "batch_first forgotten",
            dropout=0.0 if how == "ignores dropout" else dropout,
            bidirectional=how == "reads padding",
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.how == "looks ahead":
            x = x + x.flip(1)
        if self.how == "drops out in predictions":
            x = torch.nn.functional.dropout(x, 0.5)
        for scale in self.scales:
            x = x * scale.to(x)
        outputs: torch.Tensor = self.scale * self.rnn(x)[0]
        if self.begins_at_zero is not None:
            outputs = outputs * self.begins_at_zero
        if self.how == "ignores hidden_size":
            return outputs.repeat_interleave(self.hidden_size // 4, dim=2)
        return _Wrong.apply(outputs) if self.how == "a wrong backward pass" else outputs  # type: ignore[no-untyped-call, no-any-return]


@dataclass(frozen=True)
class BrokenCore(TorchModel):
    name = "broken_core"
    summary = "a core of torch with a mistake"
    how: str = ""

    def core(self, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> torch.nn.Module:
        if self.how == "no module":
            return None  # type: ignore[return-value]
        return _Careless(self.how, input_size, hidden_size, num_layers, dropout)


@dataclass(frozen=True)
class Padded(BrokenTask):
    """The same, of sequences of several lengths."""

    name = "padded"

    def _split(self, rng: np.random.Generator, count: int) -> Split:
        split = super()._split(rng, count)
        return replace(split, lengths=rng.integers(2, 7, count))
