"""N trainings of one shape that make their steps together: as many kernels for all as for one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from bench.models.contract import Problem, Settings
from bench.models.torch_learner import data
from bench.models.torch_learner.data import Sequences
from bench.models.torch_learner.stacked.batches import Batches
from bench.models.torch_learner.stacked.data import StackedSplit
from bench.models.torch_learner.stacked.layers import StackedLayer
from bench.models.torch_learner.stacked.network import StackedNetwork
from bench.models.torch_learner.stacked.objective import gradient_of_each
from bench.models.torch_learner.stacked.optimiser import StackedAdam, clip_rows, factors
from bench.models.torch_learner.stacked.weights import WeightLayout
from tasks.contract import Array, Split

ROWS = 64  # steps whose batches are sent to the device at once
EVALUATED = 2**24  # hidden values (T·B·N·H) of one part of an evaluation: bounds its memory


class StackedTrainings:
    """Weights, optimiser states and data of N trainings, each in its place (0 to N − 1).

    What they share is in the constructor's arguments; each has its own weights, data, order of batches and learning
    rate. Nothing is computed across places, so a training that diverges spoils no other, and a place that none uses
    does no harm. All tensors stay where they are, so that `step` and `evaluate` can be captured as graphs.
    """

    def __init__(
        self,
        layer: StackedLayer,
        problem: Problem,
        settings: Settings,
        like: tuple[Sequences, Sequences],
        batch_size: int,
        trainings: int,
        device: torch.device,
    ) -> None:
        """like: training and validation data of one of them, whose shapes are those of all."""
        self.problem, self.settings, self.trainings, self.device = problem, settings, trainings, device
        self.dtype: torch.dtype = getattr(torch, settings.dtype)
        sizes = (problem.input_size, settings.hidden_size, settings.num_layers, problem.output_size)
        self.layout = WeightLayout(layer.gates, *sizes)
        self._network = StackedNetwork(layer, self.layout, problem.per_step)
        self.train, self.valid = (
            StackedSplit(split, trainings, per_step=problem.per_step, device=device) for split in like
        )
        self.batch = min(batch_size, self.train.sequences)
        values = {"dtype": self.dtype, "device": device}
        self.state = torch.zeros(3, trainings, self.layout.size, **values)  # weights, Adam's first and second moments
        self.best = torch.zeros_like(self.state)
        self._gradients = torch.zeros_like(self.state[0])
        self.adam = StackedAdam(self.state[0], self.state[1], self.state[2], settings.weight_decay)
        self.steps, self._best_steps = np.zeros((2, trainings))  # Adam's counts
        self._one_hot = torch.eye(problem.input_size, **values)
        self._index = torch.zeros(ROWS, self.batch, trainings, dtype=torch.int64, device=device)
        self._counts = torch.ones(ROWS, self.batch, trainings, **values)
        self._factors = torch.ones(ROWS, 2, trainings, **values)
        self._chosen = torch.zeros(trainings, dtype=torch.bool, device=device)
        self._next = torch.zeros(1, dtype=torch.int64, device=device)  # the row of the next step
        self.losses = torch.zeros(ROWS, trainings, **values)
        steps = like[1].inputs.shape[1:2] if problem.per_step else ()
        self.outputs = torch.zeros(*steps, self.valid.sequences, trainings, problem.output_size, **values)

    def place(self, split: Split) -> Sequences:
        """One training's split on the device, as `load` takes it."""
        return data.place(split, self.problem, self.device, self.dtype)

    def load(self, place: int, state: Mapping[str, Array], train: Sequences, valid: Sequences) -> None:
        """Begin a training: a learner's state, and data on the device or on the host."""
        self.train.load(place, train)
        self.valid.load(place, valid)
        self._send(self.layout.pack(state, self.dtype), self.state[:, place])
        self.best[:, place].copy_(self.state[:, place])
        self.steps[place] = self._best_steps[place] = float(state["adam.step"])

    def feed(self, batches: Mapping[int, Batches], rates: Mapping[int, float]) -> None:
        """Send the batches of the next steps, and the learning rates, of the places in use.

        Equally many batches for each place, at most `ROWS`; at any other, steps are made on whatever lies there.
        """
        rows = len(next(iter(batches.values())).sizes)
        index = np.zeros((rows, self.batch, self.trainings), dtype=np.int64)
        sizes = np.full((rows, 1, self.trainings), self.batch)
        for place, chosen in batches.items():
            index[:, :, place], sizes[:, 0, place] = chosen.rows, chosen.sizes
        index = index * self.trainings + np.arange(self.trainings)
        counts = np.arange(self.batch)[:, None] < sizes
        known = factors(np.array([rates.get(place, 0.0) for place in range(self.trainings)]), self.steps, rows)
        self.steps += rows
        for kept, values in ((self._index, index), (self._counts, counts), (self._factors, known)):
            self._send(torch.from_numpy(values).to(kept.dtype), kept[:rows])
        self._next.zero_()

    def step(self) -> None:
        """One step of every training, on the next batches; `losses` has theirs, a row a step since `feed`."""
        rows = (self._index, self._counts, self._factors)
        index, counts, correction = (part.index_select(0, self._next).squeeze(0) for part in rows)
        batch = self.train.batch(index, counts)
        weights = self.state[0]
        outputs, passed = self._network.forward(weights, self._features(batch.inputs), batch.lengths)
        losses, gradient = gradient_of_each(self.problem.loss, outputs, batch)
        self._network.backward(weights, passed, gradient, self._gradients)
        limit = self.settings.clip_norm
        gradients = self._gradients if limit is None else clip_rows(self._gradients, limit)
        self.adam.step(gradients, correction)
        self.losses.index_copy_(0, self._next, losses.unsqueeze(0))
        self._next.add_(1)

    @torch.no_grad()
    def evaluate(self) -> None:
        """Leave every training's raw outputs on its validation data in `outputs`, `([T,] S, N, O)`."""
        steps = self.valid.cut(0, 1)[0].shape[0]
        size = max(1, EVALUATED // (steps * self.trainings * self.settings.hidden_size))
        for start in range(0, self.valid.sequences, size):
            stop = min(start + size, self.valid.sequences)
            inputs, lengths = self.valid.cut(start, stop)
            found, _ = self._network.forward(self.state[0], self._features(inputs), lengths)
            self.outputs[..., start:stop, :, :].copy_(found)

    @torch.no_grad()
    def keep(self, places: Sequence[int]) -> None:
        """Keep the present states of these trainings as their best."""
        chosen = torch.zeros(self.trainings, dtype=torch.bool)
        chosen[list(places)] = True
        self._send(chosen, self._chosen)
        torch.where(self._chosen.unsqueeze(1), self.state, self.best, out=self.best)
        self._best_steps[list(places)] = self.steps[list(places)]

    def best_state(self, place: int) -> dict[str, Array]:
        """A training's state as it was kept last: before any `keep`, its initial one. Waits for the device."""
        return self.layout.unpack(self.best[:, place].cpu(), float(self._best_steps[place]))

    def outputs_of(self, outputs: Tensor, place: int) -> Array:
        """One training's part of (a copy of) `outputs`: `(S, O)` or `(S, T, O)`."""
        mine = outputs.select(-2, place)
        return np.array((mine.transpose(0, 1) if self.problem.per_step else mine).numpy(), order="C")

    def _send(self, values: Tensor, place: Tensor) -> None:
        """Copy from the host, which does not wait for it."""
        place.copy_(data.pinned(values) if self.device.type == "cuda" else values, non_blocking=True)

    def _features(self, inputs: Tensor) -> Tensor:
        """`(T, B, N)` tokens become `(T, B, N, I)` one-hot; values pass through."""
        return functional.embedding(inputs, self._one_hot) if self.problem.tokens else inputs
