"""A GPU without a GPU, on the CPU: streams that run later than they are asked to, and CUDA graphs.

Graphs, as on a GPU: a capture records the kernels of a step and changes nothing; a replay runs them on the same memory
and runs no Python of the step; numbers are those of the capture; every kernel reads and writes the addresses that it
was captured with; to read a number back during a capture fails. What a graph made is overwritten with NaN once another
graph of its pool is replayed. A stream has a workspace, which resetting any graph of the stream takes away: to replay
another one that was captured with it fails.

Streams: what is begun on a stream that still has work to do is queued. It runs when somebody waits for the stream or
asks after an event, in random order between streams; asking runs some of it only.
"""

from __future__ import annotations

import gc
import random
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves, tree_map

from bench.models.torch_learner import data, graph
from bench.models.torch_learner.adam import FusedAdam
from bench.models.torch_learner.capture import CannotCapture
from bench.models.torch_learner.learner import TorchLearner
from bench.models.torch_learner.stacked import graph as stacked_graph

READS_BACK = ("aten::_local_scalar_dense", "aten::nonzero", "aten::equal")
POOL_STREAMS = 32  # torch's, of each priority
Work = Callable[[], None]


class Stream:
    """Work in the order in which it was begun; `workspace` is what cuBLAS allocated for the stream."""

    def __init__(self, gpu: EmulatedGpu, number: int) -> None:
        self.gpu, self.cuda_stream = gpu, number
        self.queue: deque[Work] = deque()
        self.workspace: object | None = None

    def synchronize(self) -> None:
        self.gpu.run_until(lambda: not self.queue)


class Event:
    """Done when the stream on which it was recorded last has come to it."""

    def __init__(self, gpu: EmulatedGpu) -> None:
        self.gpu, self.pending = gpu, 0

    def record(self, stream: Stream) -> None:
        self.pending += 1
        stream.queue.append(self._passed)

    def query(self) -> bool:
        self.gpu.run_some()
        return not self.pending

    def synchronize(self) -> None:
        self.gpu.run_until(lambda: not self.pending)

    def _passed(self) -> None:
        self.pending -= 1


class EmulatedGpu(TorchDispatchMode):
    """What `emulate` puts in the place of `torch.cuda`. counts: how often the host asked for what makes others wait."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.random, self.counts = random.Random(seed), Counter[str]()
        self.default = self.current = Stream(self, 0)
        self.pools = {
            priority: [Stream(self, 1 + number - 100 * priority) for number in range(32)] for priority in (0, -1)
        }
        self.handed_out = Counter[int]()
        self.graphs: list[Graph] = []
        self.running = self.watching = False

    def stream(self, priority: int = 0) -> Stream:
        """As torch does: in turn, the same ones again after 32."""
        self.handed_out[priority] += 1
        return self.pools[priority][self.handed_out[priority] % POOL_STREAMS]

    def pool_handle(self, watching: ExitStack) -> object:
        """Before there is a graph, streams have no work to do, and operations need not be watched."""
        if not self.watching:
            self.watching = True
            watching.enter_context(self)
        return object()

    @contextmanager
    def on_stream(self, stream: Stream | None) -> Iterator[None]:
        before, self.current = self.current, stream or self.current
        try:
            yield
        finally:
            self.current = before

    def run_some(self) -> None:
        for _ in range(self.random.randrange(12)):
            if any(stream.queue for stream in self._streams()):
                self._run_one()

    def run_until(self, done: Callable[[], bool]) -> None:
        while not done():
            self._run_one()

    def count(self, what: str, answer: Any = None) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            self.counts[what] += 1
            return answer() if callable(answer) else answer

        return counted

    def wait_for_all(self) -> None:
        self.run_until(lambda: not any(stream.queue for stream in self._streams()))

    def _streams(self) -> list[Stream]:
        return [self.default, *self.pools[0], *self.pools[-1]]

    def _run_one(self) -> None:
        busy = [stream for stream in self._streams() if stream.queue]
        assert busy, "waits for what nobody has begun"
        work = self.random.choice(busy).queue.popleft()
        before, self.running = self.running, True
        try:
            with torch.no_grad():
                work()
        finally:
            self.running = before

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """An operation outside of a graph: after all that its stream has to do."""
        kwargs = kwargs or {}
        if self.running or func.is_view or not self.current.queue or torch.Tag.inplace_view in func.tags:
            return func(*args, **kwargs)
        if func.name().partition(".")[0] in ("aten::copy_", "aten::zero_", "aten::fill_"):
            self.current.queue.append(lambda: func(*args, **kwargs))
            return args[0]
        if any(isinstance(leaf, Tensor) for leaf in tree_leaves((args, kwargs))):
            self.current.synchronize()
        return func(*args, **kwargs)


class Graph(TorchDispatchMode):
    """Records between `capture_begin` and `capture_end`; replays afterwards."""

    def __init__(self, gpu: EmulatedGpu) -> None:
        super().__init__()
        self.gpu = gpu
        self.calls: list[tuple[Any, Any, Any, list[Tensor | None], bool]] = []
        self.made: set[int] = set()
        self.before: list[tuple[Tensor, Tensor]] = []
        self.replays = 0
        self.spoilt = False  # what it made, by another graph of its pool
        gpu.graphs.append(self)

    def capture_begin(self, pool: object) -> None:
        self.stream, self.pool = self.gpu.current, pool
        self.stream.synchronize()
        self.stream.workspace = self.workspace = self.stream.workspace or object()
        self.__enter__()

    def capture_end(self) -> None:
        self.__exit__(None, None, None)
        for tensor, value in reversed(self.before):
            with torch.no_grad():
                tensor.detach().copy_(value)
        self.before.clear()

    def replay(self) -> None:
        assert self.gpu.current is self.stream, "replayed on another stream than it was captured on"
        self.replays += 1
        self.stream.queue.append(self._run)

    def reset(self) -> None:
        """With it goes the workspace of the stream (pytorch issue 193402)."""
        assert not self.stream.queue, "reset while its stream had work to do"
        self.stream.workspace = None
        self.calls.clear()
        self.gpu.graphs.remove(self)

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

    def _run(self) -> None:
        assert self.workspace is self.stream.workspace, "an illegal memory access: the stream's workspace is gone"
        for other in self.gpu.graphs:
            if other is not self and not other.spoilt and other.calls and other.pool is self.pool:
                other.spoil()
        self.spoilt = False
        for func, args, kwargs, fresh, with_grad in self.calls:
            with torch.set_grad_enabled(with_grad):  # some kernels keep less where no gradient is wanted
                found = func(*args, **kwargs)
            outputs = [leaf for leaf in tree_leaves(found) if isinstance(leaf, Tensor)]
            for place, value in zip(fresh, outputs, strict=True):
                if place is not None:
                    place.copy_(value)

    def spoil(self) -> None:
        """Overwrite what it made, whose memory another graph has used."""
        self.spoilt = True
        for _, _, _, fresh, _ in self.calls:
            for tensor in fresh:
                if tensor is not None and tensor.is_floating_point():
                    tensor.fill_(torch.nan)


def _frozen(value: Any) -> Any:
    """The same memory under the shape that it has now, whatever becomes of the tensor."""
    if not isinstance(value, Tensor):
        return value
    return torch.as_strided(value.detach(), value.size(), value.stride(), value.storage_offset())


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _reading_back_fails(gpu: EmulatedGpu) -> Callable[[Work], None]:
    """As torch's synchronisation debugging does."""

    def watched(work: Work) -> None:
        watch = Graph(gpu)
        gpu.graphs.remove(watch)
        try:
            with watch:
                work()
        except RuntimeError as error:
            if "capturing" in str(error):
                raise CannotCapture("called a synchronizing CUDA operation") from error
            raise

    return watched


@contextmanager
def emulated_gpu(
    monkeypatch: pytest.MonkeyPatch, *, watch: bool = True, learners_on_gpu: bool = False, seed: int = 0
) -> Iterator[EmulatedGpu]:
    """Have `GraphStepper` and a cohort work on the CPU, where they think that they are on a GPU.

    watch: for reading back, before a capture. learners_on_gpu: as every learner believes that is built from now on.
    """
    gpu, cuda = EmulatedGpu(seed), torch.cuda
    collect = gc.collect
    nothing_allocated = {"allocated_bytes": {"all": {"current": 0, "peak": 0}}}
    for name, value in {
        "CUDAGraph": lambda: Graph(gpu),
        "current_stream": lambda device=None: gpu.current,
        "Stream": gpu.stream,
        "stream": gpu.on_stream,
        "Event": lambda: Event(gpu),
        "synchronize": gpu.count("synchronize", gpu.wait_for_all),
        "empty_cache": gpu.count("empty_cache", gpu.wait_for_all),
        "mem_get_info": gpu.count("mem_get_info", lambda: (1 << 40, 1 << 40)),
        "memory_stats_as_nested_dict": gpu.count("memory_stats", lambda: nothing_allocated),
        "reset_peak_memory_stats": gpu.count("memory_stats"),
    }.items():
        monkeypatch.setattr(cuda, name, value)
    monkeypatch.setattr(gc, "collect", gpu.count("gc.collect", collect))
    monkeypatch.setattr(data, "pinned", lambda tensor: torch.from_numpy(tensor.numpy().copy()))
    for module in (graph, stacked_graph):
        monkeypatch.setattr(module, "without_waiting", _reading_back_fails(gpu) if watch else lambda work: work())
    monkeypatch.setattr(Tensor, "cpu", lambda tensor: (gpu.current.synchronize(), tensor)[1])
    predict = TorchLearner.predict

    def predict_unwatched(self: TorchLearner, placed: Any) -> Any:
        gpu.current.synchronize()
        with _disable_current_modes():  # which would leave the outputs in another order in memory
            return predict(self, placed)

    monkeypatch.setattr(TorchLearner, "predict", predict_unwatched)
    made = FusedAdam.__init__

    def with_rate_on_device(self: FusedAdam, *args: Any, **named: Any) -> None:
        made(self, *args, **named)
        if self.parameters[0].dtype != torch.float64:
            self._rate = torch.tensor(self.learning_rate)

    monkeypatch.setattr(FusedAdam, "__init__", with_rate_on_device)
    if learners_on_gpu:
        built = TorchLearner.__init__

        def on_gpu(self: TorchLearner, *args: Any, **kwargs: Any) -> None:
            built(self, *args, **kwargs)
            self.on_gpu = True

        monkeypatch.setattr(TorchLearner, "__init__", on_gpu)
    with ExitStack() as watching:
        monkeypatch.setattr(cuda, "graph_pool_handle", lambda: gpu.pool_handle(watching))
        yield gpu
