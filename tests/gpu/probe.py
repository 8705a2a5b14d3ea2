"""Numbers that decide the design, in parts: python tests/gpu/probe.py [PART...]; one that fails leaves the others."""

from __future__ import annotations

import collections
import gc
import json
import os
import statistics
import sys
import tempfile
import time
import traceback
import warnings
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import torch

from bench.executors.worker import use_one_thread

CONNECTIONS = os.environ.get("CUDA_DEVICE_MAX_CONNECTIONS", "default")
FAILED = "BENCH_PROBE_FAILED"  # parts that failed in the processes before this one


def linear_graph(nodes, stream):
    x = torch.zeros(64, device="cuda")
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.stream(stream):
        x.add_(1)
    with torch.cuda.graph(graph, stream=stream):
        for _ in range(nodes):
            x.add_(1)
    return graph, x


def seconds(work, repeats=5):
    """The fastest wall time of some, from an idle device to an idle device."""
    found = []
    for _ in range(repeats):
        torch.cuda.synchronize()
        began = time.perf_counter()
        work()
        torch.cuda.synchronize()
        found.append(time.perf_counter() - began)
    return min(found)


def nodes():
    """Time of a node in a straight graph, and what a launch costs the host."""
    stream = torch.cuda.Stream()
    for count in (1, 10, 50, 500):
        graph, _ = linear_graph(count, stream)

        def replay(graph=graph):
            with torch.cuda.stream(stream):
                for _ in range(100):
                    graph.replay()

        replay()
        torch.cuda.synchronize()
        began = time.perf_counter()
        replay()
        host = (time.perf_counter() - began) / 100
        node = seconds(replay) / 100 / count
        print(f"{count:4d} nodes: {node * 1e6:6.2f} us a node on the GPU, {host * 1e6:6.2f} us a launch on the host")


def overlap():
    """Small kernels a second by how many streams replay at once: the ceiling of any cohort of graphs."""
    for count in (1, 2, 4, 8, 16, 32):
        streams = [torch.cuda.Stream() for _ in range(count)]
        graphs = [linear_graph(50, stream) for stream in streams]

        def replay(streams=streams, graphs=graphs):
            for _ in range(50):
                for stream, (graph, _) in zip(streams, graphs, strict=True):
                    with torch.cuda.stream(stream):
                        graph.replay()

        replay()
        print(f"{count:3d} streams: {count * 50 * 50 / seconds(replay) / 1e6:6.2f} million nodes a second")


def training(model="gru", task="sine", hidden=32, **settings):
    from bench.models.contract import Settings
    from bench.models.registry import MODELS
    from bench.training.request import Training
    from tasks.registry import TASKS

    return Training(
        TASKS.create(task),
        MODELS.create(model),
        Settings(hidden, learning_rate=1e-3, device="cuda", **settings),
        64,
        1000,
        1,
    )


def rates():
    """Optimiser steps a second: eager, and in cohorts of so many."""
    from bench.executors.cohort.gpu import Gpu
    from bench.executors.cohort.rate import _rate
    from bench.measure.timing import step_seconds
    from bench.models.contract import Problem
    from bench.training.data import load_data

    for made in (training(), training(task="copy", hidden=64), training("lstm", "copy", 128)):
        split = load_data(made.task, 0, 1).train
        problem = Problem.of(made.task, split)
        eager = 1 / step_seconds(made.model, made.settings, split, problem, 64)
        found = {count: _rate(made, Gpu(), count) for count in (1, 8, 32, 64)}
        row = "; ".join(f"{count}: {rate:,.0f} ({rate / eager:.1f} x eager)" for count, rate in found.items())
        print(f"{made.label()}: eager {eager:,.0f} steps/s; cohort of {row}", flush=True)


def kernels():
    """The kernels of one eager step: names, how often, how long, how many blocks."""
    from torch.profiler import ProfilerActivity, profile

    from bench.training.data import batches_of, load_data
    from bench.training.train import build_learner

    for made in (training(), training(task="copy", hidden=64), training("lstm", "sine", 128)):
        data = load_data(made.task, 0, 1)
        learner = build_learner(made, data)
        batches = batches_of(made, learner, data.train)
        for _ in range(5):
            learner.train_step(next(batches))
        batch = next(batches)
        torch.cuda.synchronize()
        with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as watch:
            for _ in range(4):
                learner.train_step(batch)
            torch.cuda.synchronize()
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            watch.export_chrome_trace(file.name)
            events = json.loads(Path(file.name).read_text())["traceEvents"]
        found = collections.defaultdict(list)
        for event in events:
            if event.get("cat") in ("kernel", "gpu_memset", "gpu_memcpy"):
                grid = tuple(event.get("args", {}).get("grid", ()))
                found[event["name"][:70], grid].append(event["dur"])
        total = sum(len(times) for times in found.values()) / 4
        busy = sum(sum(times) for times in found.values()) / 4
        print(f"{made.label()}: {total:.0f} kernels and copies a step, {busy:.0f} us of them")
        for (name, grid), times in sorted(found.items(), key=lambda item: -sum(item[1])):
            print(f"   {len(times) / 4:4.1f} x {statistics.mean(times):6.1f} us  grid {grid}  {name}")


def joining():
    """What joining a cohort costs the host: the first training of a shape captures, later ones do not."""
    from bench.executors.cohort.gpu import Gpu
    from bench.models.stepper import StepPlan
    from bench.training.data import load_data, orders_of

    gpu = Gpu()
    for made in (training(), training(task="copy", hidden=64)):
        for replicate in range(1, 5):
            joins = replace(made, replicate=replicate)
            data = load_data(joins.task, 0, replicate)
            times = [time.perf_counter()]
            place = gpu.place(joins, alone=False)
            with gpu.stream(place.stream):
                learner = place.build(joins, data)
                torch.cuda.synchronize()
                times.append(time.perf_counter())
                stepper = place.open_stepper(
                    learner, StepPlan(data, orders_of(joins, len(data.train)), 64, joins.interval)
                )
                torch.cuda.synchronize()
                times.append(time.perf_counter())
                stepper.close()
                place.leave(failed=False)
            parts = ", ".join(f"{(end - begin) * 1e3:.1f}" for begin, end in pairwise(times))
            free = torch.cuda.mem_get_info()[0]
            print(f"{joins.label()} {replicate}: learner, stepper: {parts} ms; {free / 2**30:.2f} GiB free")


def turns():
    """What a turn costs the host besides its launches."""
    from bench.executors.cohort.gpu import Gpu
    from bench.measure.effort import SharedEffort

    gpu, effort = Gpu(), SharedEffort("cuda", lambda: None)
    stream = gpu.new_stream()

    def turn():
        with gpu.stream(stream), effort.turn():
            pass

    def joules():
        gpu.joules()

    for what in (turn, joules, torch.cuda.empty_cache, torch.cuda.synchronize, gpu.free_bytes):
        what()
        began = time.perf_counter()
        for _ in range(200):
            what()
        print(f"{what.__name__}: {(time.perf_counter() - began) / 200 * 1e6:.1f} us")


def bfloat16():
    """Which kernel, and what torch warns of."""
    from bench.training.data import load_data
    from bench.training.train import build_learner

    made = training(precision="bfloat16")
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        learner = build_learner(made, load_data(made.task, 0, 1))
    print("kernel", learner.kernel, "| warnings:", {str(w.message)[:90] for w in heard})


def hidden_160():
    """Forward by one algorithm of cuDNN and backward by another (hidden 129 to 192): are the gradients right?"""
    from bench.models.torch_learner.precision import use_precision

    torch.manual_seed(0)
    gru = torch.nn.GRU(8, 160, batch_first=True)
    x = torch.randn(64, 20, 8)
    (gru(x)[0][:, -1] ** 2).sum().backward()
    expected = [p.grad.clone() for p in gru.parameters()]
    use_precision("float32")
    on_gpu = torch.nn.GRU(8, 160, batch_first=True).cuda()
    on_gpu.load_state_dict(gru.state_dict())
    (on_gpu(x.cuda())[0][:, -1] ** 2).sum().backward()
    error = max(float((p.grad.cpu() - e).norm() / e.norm()) for p, e in zip(on_gpu.parameters(), expected, strict=True))
    print(f"relative error of gradients at hidden 160: {error:.1e} (float32: about 1e-6)")


PARTS = {each.__name__: each for each in (nodes, overlap, turns, joining, rates, kernels, bfloat16, hidden_160)}


def device_answers():
    """Whether this process can still use the GPU: after an error of a kernel every call fails until it ends."""
    try:
        torch.cuda.synchronize()
    except RuntimeError:
        return False
    return True


def main(names):
    """Do the parts; 1 where one failed. One that loses the device leaves the rest to a new process."""
    failed = os.environ.get(FAILED, "").split()
    for place, name in enumerate(names):
        print(f"-- {name} (connections {CONNECTIONS})", flush=True)
        try:
            PARTS[name]()
            torch.cuda.synchronize()
        except Exception:
            traceback.print_exc()
            failed.append(name)
        rest = names[place + 1 :]
        if rest and not device_answers():
            sys.stdout.flush()
            os.execve(sys.executable, [sys.executable, __file__, *rest], {**os.environ, FAILED: " ".join(failed)})
    print(f"parts that failed: {', '.join(failed) or 'none'}", flush=True)
    return int(bool(failed))


if __name__ == "__main__":
    use_one_thread()
    gc.collect()
    gc.freeze()  # as in bench's own processes: what was imported is no garbage
    sys.exit(main(sys.argv[1:] or list(PARTS)))
