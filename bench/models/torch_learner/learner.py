"""A torch network in training: its optimiser, clipping, and no host synchronisation inside a step."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from bench.models.contract import Learner, ParameterCount, Problem, Settings
from bench.models.parameter_group import ParameterGroup
from bench.models.torch_learner import data
from bench.models.torch_learner.clipping import clip_gradient_norm
from bench.models.torch_learner.data import Sequences
from bench.models.torch_learner.network import Network, as_array, flatten_bfloat16_weights, probe
from bench.models.torch_learner.objective import mean_loss
from bench.models.torch_learner.parameter_groups import open_optimizer
from bench.models.torch_learner.precision import use_precision
from tasks.contract import Array, Split

PREDICT_ELEMENTS = 2**20  # hidden values (N·T·H) of one prediction batch: fills a cache, not the memory


class TorchLearner(Learner):
    """Trains a `Network`. Dropout masks come from torch's global generator, which the constructor seeds where any are
    drawn.

    So with dropout there is one training at a time in a process, and its masks are not part of `state()`.

    At precision bfloat16 a copy of the network computes in it, and after every step gets the new weights, which the
    optimiser keeps in float32: steps that are too small for eight bits of mantissa add up there.
    """

    def __init__(
        self,
        network: Network,
        problem: Problem,
        settings: Settings,
        dropout_seed: int,
        model_name: str = "torch",
        groups: Sequence[ParameterGroup] = (),
    ) -> None:
        """network: as `initialised_network` makes it, on its device. groups: of its core's parameters.

        Raises UserError for a core of another shape, and for groups that its parameters cannot be put into.
        """
        self._network, self._problem, self._settings = network, problem, settings
        self._loss, self._clip_norm, self._tokens = problem.loss, settings.clip_norm, problem.tokens
        weight = network.head.weight
        self.device, self.dtype = weight.device, weight.dtype
        self.on_gpu = self.device.type == "cuda"
        if self.on_gpu:
            use_precision(settings.precision)
        low = settings.precision == "bfloat16"
        self._computing = copy.deepcopy(network).to(torch.bfloat16) if low else network
        if low and self.on_gpu:
            flatten_bfloat16_weights(self._computing.core)
        self._computing_dtype = torch.bfloat16 if low else self.dtype
        self._one_hot = torch.eye(problem.input_size, dtype=self._computing_dtype, device=self.device)
        self._trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
        self._stepped = [parameter for parameter in self._computing.parameters() if parameter.requires_grad]
        self._optimizer = open_optimizer(self._trained, settings, groups, model_name)
        self.kernel = probe(self._computing, model_name, problem, settings)
        self._computing.train()
        if self.has_dropout or not network.is_builtin_rnn:  # a plug-in's core may draw, whatever the settings say
            torch.manual_seed(dropout_seed)

    @property
    def learning_rate(self) -> float:
        return self._optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._optimizer.learning_rate = float(value)

    @property
    def has_dropout(self) -> bool:
        """Whether masks are drawn between layers."""
        return self._settings.dropout > 0 and self._settings.num_layers > 1

    @property
    def rate_is_on_device(self) -> bool:
        """Whether a captured step follows changes of the learning rate."""
        return self._optimizer.rate_is_on_device

    @property
    def is_builtin_rnn(self) -> bool:
        """Whether torch's own recurrent layer is the core: then a step without dropout draws no random numbers, and all
        that changes in it is in `tensors()`.
        """
        return self._network.is_builtin_rnn

    @property
    def parameter_count(self) -> ParameterCount:
        recurrent = sum(parameter.numel() for parameter in self._network.core.parameters())
        return ParameterCount(recurrent, sum(parameter.numel() for parameter in self._network.head.parameters()))

    def place(self, split: Split) -> Sequences:
        return data.place(split, self._problem, self.device, self.dtype)

    def batches(self, placed: Sequences, order: Array, batch_size: int) -> Iterator[Sequences]:
        return data.batches(placed, order, batch_size)

    def train_step(self, batch: Sequences) -> Tensor:
        """One step of forward, backward, clip, update. Returns the loss before it, a scalar on the device."""
        for parameter in self._stepped:
            parameter.grad = None  # 0.7 µs against 70 µs for adding to zeroed gradients (hidden 32, 2 layers)
        outputs = self._computing(self._features(batch.inputs), batch.lengths)
        loss = mean_loss(self._loss, outputs.to(self.dtype), batch)
        # A gradient of one that is given instead of made would save one node of 47 or more; checking its shape imports
        # sympy, which takes every process a second.
        loss.backward()  # type: ignore[no-untyped-call]
        if self._computing is not self._network:
            for kept, parameter in zip(self._trained, self._stepped, strict=True):
                kept.grad = None if parameter.grad is None else parameter.grad.to(self.dtype)
        if self._clip_norm is not None:
            clip_gradient_norm(self._trained, self._clip_norm)
        self._optimizer.step()
        self._round_weights()
        return loss.detach()

    def gradients(self, batch: Sequences) -> dict[str, Array]:
        self.drop_gradients()
        outputs = self._computing(self._features(batch.inputs), batch.lengths)
        mean_loss(self._loss, outputs.to(self.dtype), batch).backward()  # type: ignore[no-untyped-call]
        # of a weight with two names the last one, which is the one that `load_state` follows
        names = {weight: name for name, weight in self._computing.named_weights().items()}
        found = {
            names[parameter]: as_array(torch.zeros_like(parameter) if parameter.grad is None else parameter.grad)
            for parameter in self._computing.parameters()
        }
        self.drop_gradients()
        return found

    def drop_gradients(self) -> None:
        """Let go of the last step's gradients, and of their memory."""
        for parameter in (*self._trained, *self._stepped):
            parameter.grad = None

    def losses(self, collected: Sequence[Tensor]) -> Array:
        if not collected:
            return np.empty(0)
        return torch.stack(list(collected)).cpu().numpy().astype(np.float64)

    def predict(self, placed: Sequences) -> Array:
        with torch.inference_mode():
            return as_array(self.outputs(placed))

    def outputs(self, placed: Sequences) -> Tensor:
        """What `predict` returns, left on the device. Call it where no gradient is recorded."""
        steps = placed.inputs.shape[1]
        size = max(1, PREDICT_ELEMENTS // (steps * self._settings.hidden_size))
        self._computing.eval()
        try:
            parts = []
            for start in range(0, len(placed.inputs), size):
                cut = slice(start, start + size)
                lengths = None if placed.lengths is None else placed.lengths[cut]
                parts.append(self._computing(self._features(placed.inputs[cut]), lengths))
            return (parts[0] if len(parts) == 1 else torch.cat(parts)).to(self.dtype)
        finally:
            self._computing.train()

    def state(self) -> dict[str, Array]:
        return {name: as_array(tensor) for name, tensor in self.tensors().items()}

    def load_state(self, state: Mapping[str, Array]) -> None:
        tensors = self.tensors()
        missing, unknown = sorted(tensors.keys() - state.keys()), sorted(state.keys() - tensors.keys())
        if missing or unknown:
            raise ValueError(f"state has missing entries {missing} and unknown entries {unknown}")
        for name, tensor in tensors.items():
            if np.shape(state[name]) != tuple(tensor.shape):
                raise ValueError(f"{name} has shape {np.shape(state[name])}, expected {tuple(tensor.shape)}")
        with torch.no_grad():
            for name, tensor in tensors.items():
                tensor.copy_(torch.tensor(state[name]))
            for step in self._optimizer.counts:  # Adam counts for each parameter, the contract once
                step.copy_(torch.tensor(state["adam.step"]))
        self._round_weights()

    def tensors(self) -> dict[str, Tensor]:
        """What makes up the state, by the contract's names: views, not copies."""
        weights = self._network.named_weights()
        buffers = {name.removeprefix("core.") for name, _ in self._computing.named_buffers()}
        running = {name: tensor for name, tensor in self._computing.named_weights().items() if name in buffers}
        tensors = {**weights, **running}
        optimizer = self._optimizer
        if optimizer.counts:
            tensors["adam.step"] = optimizer.counts[0]
        names = {weight: name for name, weight in weights.items()}
        for kind, moments in optimizer.moments.items():
            for weight, moment in zip(optimizer.parameters, moments, strict=True):
                tensors[f"{kind}.{names[weight]}"] = moment
        return tensors

    def _features(self, inputs: Tensor) -> Tensor:
        """`(N, T)` tokens become `(N, T, I)` one-hot; values pass through."""
        if not self._tokens:
            return inputs.to(self._computing_dtype)
        if self.on_gpu:  # time first in memory, as cuDNN wants it
            return functional.embedding(inputs.transpose(0, 1), self._one_hot).transpose(0, 1)
        return functional.embedding(inputs, self._one_hot)

    @torch.no_grad()
    def _round_weights(self) -> None:
        """Give the network that computes the weights that the optimiser keeps, where they are two."""
        if self._computing is not self._network:
            for parameter, kept in zip(self._stepped, self._trained, strict=True):
                parameter.copy_(kept)
