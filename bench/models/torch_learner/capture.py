"""Record work on a GPU as a CUDA graph, without holding up what else runs there."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from tasks.contract import Array

Graphs = Sequence["torch.cuda.CUDAGraph"]
TOLERANCE = 1e-4  # relative, between losses of the same steps replayed and done eagerly


class CannotCapture(Exception):  # noqa: N818 - an answer, not an error
    """A step waits for the host, or replaying it is not the same as doing it."""


def reset_all(graphs: Graphs) -> None:
    """Free graphs and their memory at once: right where no other graph was captured on their stream."""
    for graph in graphs:
        graph.reset()


def record(graph: torch.cuda.CUDAGraph, work: Callable[[], None], pool: Any, device: torch.device) -> None:
    """Capture what `work` does on the current stream, with memory from `pool`. Raises CannotCapture where it can't be.

    `torch.cuda.graph` would do the same, but first waits for the whole device and empties its caches, which holds up
    all other members of a cohort.
    """
    collecting = gc.isenabled()
    gc.disable()  # to collect another graph during a capture would spoil it
    try:
        graph.capture_begin(pool=pool)
        try:
            work()
        finally:
            graph.capture_end()
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        _leave_pool(pool, device)
        if isinstance(error.__context__, torch.OutOfMemoryError):  # ending the capture failed over it
            raise error.__context__ from None
        if "out of memory" in str(error):  # the graph itself takes some too
            raise torch.OutOfMemoryError(str(error)) from error
        torch.cuda.synchronize(device)  # raises where the device itself is what went wrong
        raise CannotCapture(str(error)) from error
    finally:
        if collecting:
            gc.enable()


def _leave_pool(pool: Any, device: torch.device) -> None:
    """Take a capture that could not be ended out of the allocator's books, which torch leaves to its caller.

    Otherwise the allocator stays in capture mode, and the pool's memory is never given back.
    """
    end, release = (getattr(torch._C, f"_cuda_{name}", None) for name in ("endAllocateToPool", "releasePool"))
    if end is None or release is None:  # torch without CUDA
        return
    try:
        end(device.index or 0, pool)
    except RuntimeError:  # it was ended: then resetting the graph releases the pool
        return
    release(device.index or 0, pool)


def without_waiting(work: Callable[[], None]) -> None:
    """Do work; CannotCapture where it waits for the device. To find that in a capture would harm the allocator."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Synchronization debug mode")  # says that it is new
        torch.cuda.set_sync_debug_mode("error")
    try:
        work()
    except RuntimeError as error:
        if "synchroniz" in str(error):
            raise CannotCapture(str(error)) from error
        raise
    finally:
        torch.cuda.set_sync_debug_mode("default")


def check_equal(replayed: Array, expected: Array) -> None:
    """Raise CannotCapture where replayed steps gave other losses than the same steps done eagerly."""
    if not np.allclose(replayed, expected, rtol=TOLERANCE, atol=0, equal_nan=True):
        raise CannotCapture(f"replayed steps gave losses {replayed}, the same steps {expected}")
