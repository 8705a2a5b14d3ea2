"""CUDA graphs without a GPU: a capture records the kernels of a step, and a replay runs them on the same memory.

As on a GPU, a capture changes nothing, a replay runs no Python of the step, numbers are those of the capture, every
kernel reads and writes the addresses that it was captured with, and to read a number back during a capture fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from bench.models.torch_learner import graph
from bench.models.torch_learner.adam import FusedAdam

READS_BACK = ("aten::_local_scalar_dense", "aten::nonzero", "aten::equal")


class Graph(TorchDispatchMode):
    """Records inside `with`; replays afterwards."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, Any, Any, list[Tensor | None], bool]] = []
        self.made: set[int] = set()
        self.before: list[tuple[Tensor, Tensor]] = []
        self.replays = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func.name().partition(".")[0] in READS_BACK:
            raise RuntimeError("CUDA error: operation not permitted when stream is capturing")
        if (
            torch.Tag.inplace_view in func.tags
        ):  # it moves no data, and those that follow are recorded as it leaves them
            return func(*args, **kwargs)
        frozen, options = tree_map(_frozen, args), tree_map(_frozen, kwargs)
        given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        if func._schema.is_mutable:
            self.before += [(t, t.detach().clone()) for t in given if _memory(t) not in self.made]
        found = func(*args, **kwargs)
        outputs = [leaf for leaf in tree_leaves(found) if isinstance(leaf, Tensor)]
        known = {_memory(tensor) for tensor in given}
        fresh = [_frozen(tensor) if _memory(tensor) not in known else None for tensor in outputs]
        self.made |= {_memory(tensor) for tensor in fresh if tensor is not None}
        self.calls.append((func, frozen, options, fresh, torch.is_grad_enabled()))
        return found

    def undo(self) -> None:
        with torch.no_grad():
            for tensor, value in reversed(self.before):
                tensor.detach().copy_(value)
        self.before.clear()

    def replay(self) -> None:
        self.replays += 1
        with torch.no_grad():
            for func, args, kwargs, fresh, with_grad in self.calls:
                with torch.set_grad_enabled(with_grad):  # some kernels keep less where no gradient is wanted
                    found = func(*args, **kwargs)
                outputs = [leaf for leaf in tree_leaves(found) if isinstance(leaf, Tensor)]
                for place, value in zip(fresh, outputs, strict=True):
                    if place is not None:
                        place.copy_(value)

    def reset(self) -> None:
        self.calls.clear()


def _frozen(value: Any) -> Any:
    """The same memory under the shape that it has now, whatever becomes of the tensor."""
    if not isinstance(value, Tensor):
        return value
    return torch.as_strided(value.detach(), value.size(), value.stride(), value.storage_offset())


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


class _Stream:
    def synchronize(self) -> None: ...


class _Event:
    def record(self, stream: Any) -> None: ...

    def query(self) -> bool:
        return True

    def synchronize(self) -> None: ...


@contextmanager
def _capturing(captured: Graph, pool: Any, stream: Any) -> Iterator[None]:
    try:
        with captured:
            yield
    finally:
        captured.undo()


def _reading_back_fails(work: Callable[[], None]) -> None:
    """As torch's synchronisation debugging does."""
    watch = Graph()
    try:
        with watch:
            work()
    except RuntimeError as error:
        if "capturing" in str(error):
            raise graph.CannotCapture("called a synchronizing CUDA operation") from error
        raise


def emulate(monkeypatch: pytest.MonkeyPatch, *, watch: bool = True) -> None:
    """Have `GraphStepper` work on the CPU, where it thinks that it is on a GPU. watch: for reading back, beforehand."""
    cuda = torch.cuda
    monkeypatch.setattr(cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(cuda, "graph", _capturing)
    monkeypatch.setattr(cuda, "graph_pool_handle", lambda: None)
    monkeypatch.setattr(cuda, "current_stream", lambda device: _Stream())
    monkeypatch.setattr(cuda, "set_stream", lambda stream: None)
    monkeypatch.setattr(cuda, "synchronize", lambda device=None: None)
    monkeypatch.setattr(cuda, "Event", _Event)
    monkeypatch.setattr(graph, "_pinned", lambda tensor: tensor.clone())
    monkeypatch.setattr(graph, "_without_waiting", _reading_back_fails if watch else lambda work: work())
    made = FusedAdam.__init__

    def with_rate_on_device(self: FusedAdam, *args: Any) -> None:
        made(self, *args)
        self._rate = torch.tensor(self.learning_rate)

    monkeypatch.setattr(FusedAdam, "__init__", with_rate_on_device)
