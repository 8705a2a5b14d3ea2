"""The data of N trainings on the device, side by side, and batches of them."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.models.torch_learner.data import Sequences
from bench.models.torch_learner.stacked.objective import StackedBatch


class StackedSplit:
    """A split of each of N trainings: S sequences of the same shape, the time first and the training next to last.

    inputs: `(T, S, N, I)`, or `(T, S, N)` int64 tokens. targets: `([T,] S, N[, O])`. mask: `(T, S, N)`. lengths:
    `(S, N)`. Zeros where no training has loaded any.
    """

    def __init__(self, like: Sequences, trainings: int, *, per_step: bool, device: torch.device) -> None:
        """like: one training's split; its shapes and types are those of all."""
        self._time_first = (True, per_step, True, False)
        self.trainings, self.sequences = trainings, like.inputs.shape[0]
        self._parts = [
            None if part is None else torch.zeros(_shape(part, first, trainings), dtype=part.dtype, device=device)
            for part, first in zip(like, self._time_first, strict=True)
        ]
        if self._parts[3] is not None:
            self._parts[3].fill_(1)  # a sequence has a step

    def load(self, place: int, split: Sequences) -> None:
        """Copy one training's split to its place (0 to N − 1)."""
        for kept, part, first in zip(self._parts, split, self._time_first, strict=True):
            if kept is not None:
                assert part is not None
                values = part.transpose(0, 1) if first else part
                kept.select(2 if first else 1, place).copy_(values)

    def batch(self, index: Tensor, counts: Tensor) -> StackedBatch:
        """index: `(B, N)` int64, s · N + n for sequence s of training n. counts: as in `StackedBatch`."""
        flat = index.flatten()
        found: list[Tensor | None] = []
        for part, first in zip(self._parts, self._time_first, strict=True):
            if part is None:
                found.append(None)
            elif first:
                found.append(part.flatten(1, 2).index_select(1, flat).view(len(part), *index.shape, *part.shape[3:]))
            else:
                found.append(part.flatten(0, 1).index_select(0, flat).view(*index.shape, *part.shape[2:]))
        inputs, targets, mask, lengths = found
        assert inputs is not None
        assert targets is not None
        return StackedBatch(inputs, targets, mask, lengths, counts)

    def cut(self, start: int, stop: int) -> tuple[Tensor, Tensor | None]:
        """Inputs and lengths of the sequences from `start` to `stop`."""
        inputs, _, _, lengths = self._parts
        assert inputs is not None
        return inputs[:, start:stop].contiguous(), None if lengths is None else lengths[start:stop]


def _shape(part: Tensor, time_first: bool, trainings: int) -> tuple[int, ...]:
    if time_first:
        return (part.shape[1], part.shape[0], trainings, *part.shape[2:])
    return (part.shape[0], trainings, *part.shape[1:])
