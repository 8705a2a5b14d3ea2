"""Splits on the device, and the batches cut from them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from bench.models.contract import Problem
from tasks.contract import Array, Split

IGNORED = -100  # the class that cross_entropy passes over: a step outside the mask


class Sequences(NamedTuple):
    """A split, or a batch of it, on the device.

    inputs: `(N, T, I)`, or `(N, T)` int64 tokens. targets: as in `Split`; where the mask is off they hold 0, or
    `IGNORED` for classes, so that nothing there (not even a NaN) reaches loss or gradient.
    mask: `(N, T)` in the learner's dtype, 1 where a step counts. lengths: `(N,)` int64.
    """

    inputs: Tensor
    targets: Tensor
    mask: Tensor | None
    lengths: Tensor | None


def place(split: Split, problem: Problem, device: torch.device, dtype: torch.dtype) -> Sequences:
    """Copy a split to the device, once."""
    targets: Array = np.asarray(split.targets)
    if split.mask is not None:
        off = ~split.mask if targets.ndim == 2 else ~split.mask[..., None]
        targets = np.where(off, IGNORED if problem.loss == "cross_entropy" else 0, targets)
    classes = problem.loss == "cross_entropy"
    return Sequences(
        torch.tensor(split.inputs, dtype=torch.int64 if problem.tokens else dtype, device=device),
        torch.tensor(targets, dtype=torch.int64 if classes else dtype, device=device),
        None if split.mask is None else torch.tensor(split.mask, dtype=dtype, device=device),
        None if split.lengths is None else torch.tensor(split.lengths, dtype=torch.int64, device=device),
    )


def take(data: Sequences, index: Tensor) -> Sequences:
    """The sequences at `index` `(n,)`, on the device: copies."""
    return Sequences(data.inputs.index_select(0, index), *_rest(data, index))


def take_time_first(data: Sequences, index: Tensor) -> Sequences:
    """As `take`; the inputs lie time first in memory, as cuDNN's kernels read them, which would copy them otherwise."""
    return Sequences(data.inputs.transpose(0, 1).index_select(1, index).transpose(0, 1), *_rest(data, index))


def _rest(data: Sequences, index: Tensor) -> Iterator[Any]:
    return (None if part is None else part.index_select(0, index) for part in data[1:])


def copy_of(data: Sequences) -> Sequences:
    """The same data in memory of its own."""
    return Sequences(*(None if part is None else part.clone() for part in data))  # type: ignore[arg-type]


def copy_into(kept: Sequences, data: Sequences) -> None:
    """Replace data by other data of the same shapes, in the same memory."""
    for part, values in zip(kept, data, strict=True):
        if part is not None:
            assert values is not None
            part.copy_(values)


def batches(data: Sequences, order: Array, batch_size: int) -> Iterator[Sequences]:
    """An epoch: gather all sequences in their order at once, then cut views. The last batch may be smaller."""
    index = torch.tensor(order, dtype=torch.int64, device=data.inputs.device)
    inputs, targets, mask, lengths = take(data, index)
    for start in range(0, len(order), batch_size):
        cut = slice(start, start + batch_size)
        yield Sequences(
            inputs[cut],
            targets[cut],
            None if mask is None else mask[cut],
            None if lengths is None else lengths[cut],
        )


def pinned(tensor: Tensor) -> Tensor:
    """Where a copy to or from the GPU needs no waiting; torch keeps the pages until a copy under way is done."""
    return tensor.pin_memory()
