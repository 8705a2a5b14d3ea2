"""The speed of the NumPy cells compared with torch's: `make perf`, or this file with `--write` to keep the tables.

Both run alternately in one process, on the same threads. The reported ratio is the median of the ratios of neighbouring
runs, so that other load on the machine affects both alike. NumPy and torch read their numbers of threads at start, so
each number has a process of its own. It takes about three minutes.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from page import ROOT, machine, write_section

PAGE = ROOT / "docs" / "numpy_cells.md"
SHAPES = [  # batch, steps, inputs, hidden, layers
    (64, 10, 1, 32, 1),
    (64, 10, 3, 50, 1),
    (512, 10, 3, 50, 1),
    (512, 10, 3, 128, 1),
    (64, 50, 3, 64, 1),
    (128, 120, 10, 64, 1),
    (32, 200, 10, 128, 1),
    (64, 30, 10, 256, 1),
    (64, 50, 3, 64, 2),
]
CELLS = ("gru", "lstm", "rnn")
GATES = {"gru": 3, "lstm": 4, "rnn": 1}
SECONDS = 1.2  # for each pair of contenders
THREADS = (1, 2)


def alternate(first: Callable[[], Any], second: Callable[[], Any]) -> dict[str, float]:
    """Return the median seconds of each, and the median of the ratios first / second of neighbouring runs."""
    for warm_up in (first, second, first, second):
        warm_up()
    times: list[tuple[float, float]] = []
    end = time.perf_counter() + SECONDS
    gc.disable()
    while time.perf_counter() < end or len(times) < 7:
        start = time.perf_counter()
        first()
        middle = time.perf_counter()
        second()
        times.append((middle - start, time.perf_counter() - middle))
    gc.enable()
    columns = list(zip(*times, strict=True))
    ratio = statistics.median(a / b for a, b in times)
    return {"numpy": statistics.median(columns[0]), "torch": statistics.median(columns[1]), "ratio": ratio}


def forward_backward(cell: str, shape: tuple[int, ...]) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Return forward and backward of the NumPy cell and of torch's: the same weights, a gradient at every output."""
    import numpy as np
    import torch

    from bench.models.numpy_gru import GRULayer
    from bench.models.numpy_learner.stack import Stack
    from bench.models.numpy_learner.weights import from_torch
    from bench.models.numpy_lstm import LSTMLayer
    from bench.models.numpy_rnn import RNNLayer

    batch, steps, inputs, hidden, layers = shape
    torch.manual_seed(0)
    module = getattr(torch.nn, cell.upper())(inputs, hidden, layers)
    x, d_y = torch.randn(steps, batch, inputs), torch.randn(steps, batch, hidden)
    weights = from_torch(module.state_dict())
    x_numpy, d_y_numpy = (np.ascontiguousarray(a.numpy().transpose(0, 2, 1)) for a in (x, d_y))
    layer = {"gru": GRULayer, "lstm": LSTMLayer, "rnn": RNNLayer}[cell]
    stacks: list[Stack] = []

    def numpy_cell() -> None:
        if not stacks:
            stacks.append(Stack(layer, weights))  # here, so that its buffers count in the peak memory
        stacks[0].pack()  # a training step changes the weights
        stacks[0].forward(x_numpy, training=True)
        stacks[0].backward(d_y_numpy)

    def torch_cell() -> None:
        module.zero_grad(set_to_none=True)
        module(x)[0].backward(d_y)

    return numpy_cell, torch_cell


def training_step(shape: tuple[int, ...]) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Return whole steps of `numpy_gru` and `gru`: head, loss, backward, clipping, Adam."""
    import numpy as np

    from bench.models.contract import Problem, Settings
    from bench.models.registry import MODELS
    from tasks.contract import Split

    batch, steps, inputs, hidden, layers = shape
    rng = np.random.default_rng(0)
    split = Split(rng.normal(size=(batch, steps, inputs)).astype("f4"), rng.normal(size=(batch, 1)).astype("f4"))
    problem, settings = Problem(inputs, 1, "mse", sequence_length=steps), Settings(hidden, layers)

    def step_of(name: str) -> Callable[[], Any]:
        learner = MODELS.create(name).build(problem, settings, np.random.default_rng(0), 0)
        (one_batch,) = learner.batches(learner.place(split), np.arange(batch), batch)
        return lambda: learner.train_step(one_batch)

    return step_of("numpy_gru"), step_of("gru")


def gemm_rate() -> float:
    """The best measured rate of a 1024³ float32 product, in FLOP/s."""
    import numpy as np

    a = np.random.default_rng(0).normal(size=(1024, 1024)).astype("f4")
    best = float("inf")
    for _ in range(50):
        start = time.perf_counter()
        a @ a
        best = min(best, time.perf_counter() - start)
    return 2 * 1024**3 / best


def product_flops(cell: str, shape: tuple[int, ...]) -> float:
    """FLOPs of the products: 2·G·H·(I + H) for each step and sequence forward, twice as many backward.

    The first layer's inputs have no gradient, so their product is left out of the backward pass once.
    """
    batch, steps, inputs, hidden, layers = shape
    step = sum(3 * hidden + (2 * inputs if k == 0 else 3 * hidden) for k in range(layers))
    return 2.0 * GATES[cell] * hidden * step * batch * steps


def peak_bytes(cell: str, shape: tuple[int, ...], which: int) -> int:
    """The growth of the resident memory over three runs, in a child process whose peak is reset before."""
    warm_up = forward_backward(cell, (1, 1, 1, 1, 1))
    runs = forward_backward(cell, shape)
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        for run in warm_up:  # what a library loads at its first call is not the cell's
            run()
        before = _status("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # resets the peak of the resident memory
        for _ in range(3):
            runs[which]()
        os.write(write_end, str(_status("VmHWM") - before).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        return int(pipe.read())


def _status(key: str) -> int:
    match = re.search(rf"{key}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert match is not None
    return int(match[1]) * 1024


def measure(threads: int) -> dict[str, Any]:
    """Measure everything for one number of threads; memory and whole steps with one thread only."""
    import torch

    torch.set_num_threads(threads)
    found: dict[str, Any] = {"gemm": gemm_rate(), "cells": {}, "steps": [], "memory": [], "machine": machine()}
    if threads == 1:
        if Path("/proc/self/clear_refs").exists():
            found["memory"] = [[peak_bytes("gru", shape, which) for which in (0, 1)] for shape in SHAPES]
        found["steps"] = [alternate(*training_step(shape)) for shape in SHAPES]
    for cell in CELLS:
        found["cells"][cell] = [alternate(*forward_backward(cell, shape)) for shape in SHAPES]
        found["gemm"] = max(found["gemm"], gemm_rate())  # others on the machine can only lower it
    return found


def tables(results: dict[int, dict[str, Any]]) -> str:
    """The measurements as Markdown."""
    lines: list[str] = []

    def row(*cells: object) -> None:
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")

    def head(*cells: str) -> None:
        row(*cells)
        row("---", *("---:" for _ in cells[1:]))

    def name(shape: tuple[int, ...]) -> str:
        return ", ".join(map(str, shape[:4])) + (f" × {shape[4]} layers" if shape[4] > 1 else "")

    def ratios(runs: list[dict[str, float]]) -> tuple[str, str]:
        values = [run["ratio"] for run in runs]
        return f"**{statistics.median(values):.2f}**", f"**{max(values):.2f}**"

    one = results[1]
    lines += [f"{one['machine']}.", "", f"GRU, one thread (float32 GEMM rate {one['gemm'] / 1e9:.0f} GFLOP/s):", ""]
    head(
        "batch, steps, inputs, hidden",
        "numpy ms",
        "torch ms",
        "ratio",
        "of GEMM rate",
        "step ratio",
        "peak MiB",
        "torch",
    )
    for i, shape in enumerate(SHAPES):
        run, step = one["cells"]["gru"][i], one["steps"][i]
        share = product_flops("gru", shape) / run["numpy"] / one["gemm"]
        memory = [f"{peak / 2**20:.1f}" for peak in one["memory"][i]] if one["memory"] else ["", ""]
        times = [f"{run[key] * 1e3:.2f}" for key in ("numpy", "torch")]
        row(name(shape), *times, f"{run['ratio']:.2f}", f"{share:.0%}", f"{step['ratio']:.2f}", *memory)
    median, worst = ratios(one["cells"]["gru"])
    steps = ratios(one["steps"])
    row("median", "", "", median, "", steps[0], "", "")
    row("worst", "", "", worst, "", steps[1], "", "")
    lines += ["", "All cells, forward and backward, time of NumPy / time of torch:", ""]
    columns = [(cell, threads) for threads in results for cell in CELLS]
    head("batch, steps, inputs, hidden", *(f"{c} {n} thread{'s' * (n > 1)}" for c, n in columns))
    for i, shape in enumerate(SHAPES):
        row(name(shape), *(f"{results[n]['cells'][c][i]['ratio']:.2f}" for c, n in columns))
    for label, which in (("median", 0), ("worst", 1)):
        row(label, *(ratios(results[n]["cells"][c])[which] for c, n in columns))
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--write", action="store_true", help=f"put the tables into {PAGE.name}")
    parser.add_argument("--threads", type=int, help="measure with this many threads and print JSON")
    arguments = parser.parse_args()
    if arguments.threads:
        print(json.dumps(measure(arguments.threads)))
        return
    results = {}
    for threads in THREADS:
        limits = {f"{library}_NUM_THREADS": str(threads) for library in ("OMP", "OPENBLAS", "MKL")}
        command = [sys.executable, __file__, "--threads", str(threads)]
        answer = subprocess.run(command, env={**os.environ, **limits}, stdout=subprocess.PIPE, text=True, check=True)
        results[threads] = json.loads(answer.stdout)
    text = tables(results)
    print(text)
    if arguments.write:
        write_section("cells", text, PAGE)


if __name__ == "__main__":
    main()
