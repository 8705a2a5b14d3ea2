"""Forward and backward with and without the workers' allocator settings: `make perf`, or this file with `--write`.

The settings are glibc's thresholds in `bench.executors.worker`: without them, each buffer above 128 KiB is mapped and
unmapped at every step. They are read at start, so every measurement is a process of its own; runs with and without them
alternate. It takes about two minutes.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

from page import ROOT, busy, origin, table, wants_writing, write_section

from bench.executors.worker import ENVIRONMENT

SHAPES = [("LSTM", 128, 120, 64), ("LSTM", 512, 10, 128), ("GRU", 128, 120, 64), ("GRU", 512, 10, 128)]
INPUTS, RUNS, SECONDS = 10, 5, 1.5
ALLOCATOR = {name: value for name, value in ENVIRONMENT.items() if name.startswith("MALLOC_")}
PROGRAM = """
import sys, time, statistics, torch
cell, (batch, steps, hidden, inputs), seconds = sys.argv[1], map(int, sys.argv[2:6]), float(sys.argv[6])
torch.set_num_threads(1)
module, x = getattr(torch.nn, cell)(inputs, hidden, batch_first=True), torch.randn(batch, steps, inputs)
times, end = [], time.perf_counter() + seconds
while time.perf_counter() < end or len(times) < 10:
    began = time.perf_counter()
    module.zero_grad(set_to_none=True)
    module(x)[0].sum().backward()
    times.append(time.perf_counter() - began)
print(statistics.median(times[3:]))
"""


def seconds(shape: tuple[str, int, int, int], allocator: dict[str, str]) -> float:
    """Median of forward and backward in a new process."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    environment |= {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", **allocator}
    command = [sys.executable, "-c", PROGRAM, *map(str, shape), str(INPUTS), str(SECONDS)]
    answer = subprocess.run(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return float(answer.stdout)


def main() -> None:
    writing, was_busy = wants_writing(__doc__ or ""), busy()
    rows = []
    for shape in SHAPES:
        runs = [(seconds(shape, {}), seconds(shape, ALLOCATOR)) for _ in range(RUNS)]
        without, with_settings = (statistics.median(column) for column in zip(*runs, strict=True))
        ratio = statistics.median(a / b for a, b in runs)
        cell, batch, steps, hidden = shape
        name = f"`nn.{cell}`, batch {batch}, T {steps}, hidden {hidden}"
        rows.append([name, f"{without * 1e3:.1f} ms", f"{with_settings * 1e3:.1f} ms", f"**{ratio:.2f}**"])
    text = table(["forward and backward", "glibc's defaults", "the workers' settings", "ratio"], rows)
    settings = ", ".join(f"`{name}={value}`" for name, value in ALLOCATOR.items())
    text += f"\n\nThe settings: {settings}. {origin(__file__, was_busy=was_busy)}"
    print(text)
    if writing:
        write_section("allocator", text)


if __name__ == "__main__":
    main()
