"""More faults that still train, and changes that compute the same in another way, which the gate must let pass.

`MUTANTS` holds these faults after those of `catalogue`.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
import torch
from catalogue import MUTANTS, Mutant, after, before, mutant
from torch.nn import functional

import bench.models.torch_learner.adam as torch_adam
import bench.models.torch_learner.data as torch_data
import bench.models.torch_learner.learner as torch_learner
import bench.training.loop as loop
import bench.training.train as training
from bench.models.torch_learner.adam import FusedAdam
from bench.models.torch_learner.learner import TorchLearner
from bench.models.torch_learner.network import Network
from bench.training.loop import Loop

__all__ = ["MUTANTS", "REFACTORINGS"]

REFACTORINGS: list[Mutant] = []
refactoring = functools.partial(mutant, among=REFACTORINGS)


@mutant("L1 loss in place of L2", "sine/gru,regression/gru")
def _l1() -> None:
    original = torch_learner.mean_loss

    def l1(loss: Any, outputs: Any, batch: Any) -> Any:
        return functional.l1_loss(outputs, batch.targets) if loss == "mse" else original(loss, outputs, batch)

    torch_learner.mean_loss = l1


@mutant("loss summed over the batch instead of averaged", "sine/gru,regression/rnn")
def _summed() -> None:
    original = torch_learner.mean_loss
    torch_learner.mean_loss = lambda loss, outputs, batch: original(loss, outputs, batch) * len(outputs)


@mutant("the same permutation in every epoch", "sine/gru,regression/lstm")
def _same_order() -> None:
    original = training.orders_of

    def first_again(plan: Any, sequences: int) -> Any:
        first = next(original(plan, sequences))
        while True:
            yield first

    training.orders_of = first_again


@mutant("the last batch of an epoch dropped", "sine/gru,regression/gru")
def _dropped_batch() -> None:
    original = torch_data.batches

    def whole(placed: Any, order: Any, batch_size: int) -> Any:
        return original(placed, order[: len(order) // batch_size * batch_size], batch_size)

    torch_data.batches = whole


@mutant("validation on training data", "*/gru,*/lstm")
def _valid_on_train() -> None:
    original = Loop.__init__

    def patched(self: Loop, plan: Any, dataset: Any, stepper: Any, *rest: Any) -> None:
        original(self, plan, dataclasses.replace(dataset, valid=dataset.train), stepper, *rest)
        stepper._valid = stepper.learner.place(dataset.train)

    Loop.__init__ = patched  # type: ignore[method-assign]


@mutant("validation loss over half of the data", "*/gru,*/numpy_gru")
def _half_valid() -> None:
    original = loop.mean_loss

    def half(loss: Any, outputs: Any, targets: Any, mask: Any = None) -> float:
        count = len(outputs) // 2
        return original(loss, outputs[:count], targets[:count], None if mask is None else mask[:count])

    loop.mean_loss = half


@mutant("hidden state starts at 0.1", "*/gru")
def _initial_state() -> None:
    def forward(self: Network, inputs: Any, lengths: Any = None) -> Any:
        core: Any = self.core
        start = torch.full((core.num_layers, len(inputs), core.hidden_size), 0.1, dtype=inputs.dtype)
        hidden = core(inputs, start)[0]
        return self.head(hidden if self.per_step else hidden[:, -1])

    Network.forward = forward  # type: ignore[method-assign]


@mutant("gradients rounded to bfloat16", "sine/gru,regression/lstm,copy*/rnn")
def _rounded_gradients() -> None:
    def rounded(self: FusedAdam) -> None:
        for parameter in self.parameters:
            if parameter.grad is not None:
                parameter.grad = parameter.grad.to(torch.bfloat16).to(parameter.dtype)

    before(FusedAdam, "step", rounded)


@mutant("learning rate decays by 0.1 % a step", "sine/gru,regression/gru")
def _decayed_rate() -> None:
    def decay(self: FusedAdam) -> None:
        self.learning_rate *= 0.999

    after(FusedAdam, "step", decay)


@mutant("Adam's β₁ 0.8 instead of 0.9", "sine/gru,regression/lstm")
def _small_beta1() -> None:
    torch_adam.BETAS = (0.8, 0.999)


@mutant("clipping at twice the norm", "sine/rnn,regression/rnn")
def _looser_clipping() -> None:
    def looser(self: TorchLearner, *args: Any, **kwargs: Any) -> None:
        self._clip_norm = 2 * (self._clip_norm or 0.0)

    after(TorchLearner, "__init__", looser)


@mutant("masked steps count in the loss", "copy*/gru")
def _mask_ignored() -> None:
    original = torch_learner.mean_loss

    def unmasked(loss: Any, outputs: Any, batch: Any) -> Any:
        blank = torch.where(batch.targets == torch_data.IGNORED, 0, batch.targets)
        ones = None if batch.mask is None else torch.ones_like(batch.mask)
        skewed = batch._replace(targets=blank, mask=ones)
        # a task without a mask: the first step is left out, as a mask that is off by one would
        return (
            original(loss, outputs[:, 1:], skewed._replace(targets=blank[:, 1:]))
            if ones is None
            else original(loss, outputs, skewed)
        )

    torch_learner.mean_loss = unmasked


@refactoring("nothing changed", "*/*")
def _nothing() -> None:
    """What the environment alone does."""


@refactoring("sums in another order: each batch reversed", "*/gru,*/lstm,*/rnn")
def _reversed() -> None:
    original = torch_data.batches

    def backwards(placed: Any, order: Any, batch_size: int) -> Any:
        for batch in original(placed, order, batch_size):
            yield type(batch)(*(None if part is None else part.flip(0) for part in batch))

    torch_data.batches = backwards


@refactoring("another layout in memory: batches stored step by step", "*/gru,*/lstm,*/rnn")
def _transposed() -> None:
    original = torch_data.batches

    def by_steps(placed: Any, order: Any, batch_size: int) -> Any:
        for batch in original(placed, order, batch_size):
            inputs = batch.inputs.transpose(0, 1).contiguous().transpose(0, 1)
            yield batch._replace(inputs=inputs)

    torch_data.batches = by_steps


@refactoring("the validation loss summed sequence by sequence", "*/*")
def _by_sequence() -> None:
    original = loop.mean_loss

    def one_by_one(loss: Any, outputs: Any, targets: Any, mask: Any = None) -> float:
        if mask is not None:
            return original(loss, outputs, targets, mask)
        return float(np.mean([original(loss, outputs[i : i + 1], targets[i : i + 1]) for i in range(len(outputs))]))

    loop.mean_loss = one_by_one
