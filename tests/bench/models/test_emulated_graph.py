"""The emulated GPU notices what a real one would suffer from: a test with it can fail."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch

from bench.models.torch_learner.capture import CannotCapture, record

from .emulated_graph import EmulatedGpu, Graph

Emulate = Callable[..., Any]
ON = torch.device("cpu")


def captured(work: Callable[[], None], pool: Any) -> Any:
    graph = torch.cuda.CUDAGraph()
    record(graph, work, pool, ON)
    return graph


def test_a_replay_after_another_graph_of_its_stream_was_reset_finds_no_workspace(emulate: Emulate) -> None:
    gpu: EmulatedGpu = emulate()
    kept, values = torch.zeros(3), torch.ones(3)
    pool = torch.cuda.graph_pool_handle()
    graphs = [captured(lambda: kept.copy_(values + 1), pool) for _ in range(2)]  # type: ignore[func-returns-value]
    graphs[0].replay()
    gpu.current.synchronize()
    assert kept.tolist() == [2, 2, 2]
    graphs[0].reset()
    graphs[1].replay()
    with pytest.raises(AssertionError, match="workspace is gone"):
        gpu.current.synchronize()


def test_what_a_graph_made_is_spoilt_once_another_of_its_pool_is_replayed(emulate: Emulate) -> None:
    gpu: EmulatedGpu = emulate()
    values, made = torch.ones(3), dict[str, torch.Tensor]()
    pool = torch.cuda.graph_pool_handle()

    def work(name: str) -> None:
        made[name] = values + 1

    one, other = (captured(lambda name=name: work(name), pool) for name in ("one", "other"))  # type: ignore[misc]
    one.replay()
    gpu.current.synchronize()
    assert made["one"].tolist() == [2, 2, 2]
    other.replay()
    gpu.current.synchronize()
    assert made["one"].isnan().all()
    assert made["other"].tolist() == [2, 2, 2]


def test_work_of_a_stream_keeps_its_order_and_that_of_two_has_none(emulate: Emulate) -> None:
    orders = set()
    for seed in range(8):
        gpu: EmulatedGpu = emulate(seed=seed)
        torch.cuda.graph_pool_handle()
        done: list[str] = []
        streams = [torch.cuda.Stream(), torch.cuda.Stream()]  # type: ignore[no-untyped-call]
        for stream, name in zip(streams, "ab", strict=True):
            stream.queue += [partial(done.append, f"{name}{number}") for number in range(3)]  # type: ignore[attr-defined]
        gpu.wait_for_all()
        assert [each for each in done if each[0] == "a"] == ["a0", "a1", "a2"]
        assert [each for each in done if each[0] == "b"] == ["b0", "b1", "b2"]
        orders.add(tuple(done))
    assert len(orders) > 1


def test_a_capture_changes_nothing_and_to_read_back_in_it_fails(emulate: Emulate) -> None:
    emulate()
    values = torch.ones(3)
    pool = torch.cuda.graph_pool_handle()
    graph = captured(lambda: values.add_(1), pool)  # type: ignore[func-returns-value]
    assert isinstance(graph, Graph)
    assert values.tolist() == [1, 1, 1]
    with pytest.raises(CannotCapture, match="not permitted when stream is capturing"):
        captured(lambda: values.sum().item(), pool)  # type: ignore[func-returns-value]


def test_what_makes_others_wait_is_counted(emulate: Emulate) -> None:
    import gc

    gpu: EmulatedGpu = emulate()
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    torch.cuda.memory_stats_as_nested_dict()  # type: ignore[no-untyped-call]
    torch.cuda.mem_get_info()
    gc.collect()
    assert gpu.counts == dict.fromkeys(("synchronize", "empty_cache", "memory_stats", "mem_get_info", "gc.collect"), 1)
