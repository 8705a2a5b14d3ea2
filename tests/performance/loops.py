"""Trainings an hour of `bench run` compared with a user's own loops: `make perf`, or this file with `--write`.

The other loops are `tutorial_loop.py`, and `lightning_loop.py` if PyTorch Lightning is installed (the extra `perf`).
Each alternates with `bench run` on the same trainings; the median of the ratios of neighbouring runs is compared with
the bar. The time of a loop begins after its imports and data. The time of bench begins with its command and ends with
its last training; its timings and report, which the loops do not make, are in the column "whole command". Both of
bench's GRUs are run: `gru` is the loops' `nn.GRU`, `numpy_gru` the same network from the same weights. Loss curves
must agree, or nothing is written. After each pair the optimiser steps alone are timed in two workers: an upper limit
for trainings of that GRU on two cores. It takes about half an hour.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

from beside import BareSteps
from page import NOT_MEASURED, ROOT, busy, judged, origin, table, wants_writing, write_section
from tutorial_loop import HIDDEN_SIZES, settings, training_of
from workers import WORKERS, perform

from bench.config.resolve import resolve
from bench.records.jsonl import read_records

RUNS, SEEDS = 3, 6
EPOCHS = {512: 40, 64: 20}  # by batch size
TOLERANCE = 2e-3  # relative, of float32 losses after up to 2,640 steps, on one thread and on two
CASES = [("tutorial_loop.py", 512, 2.3), ("tutorial_loop.py", 64, 3.0), ("lightning_loop.py", 64, 3.0)]
MODELS = ("gru", "numpy_gru")
NEEDS = {"lightning_loop.py": "lightning"}
NAMES = {"tutorial_loop.py": "the tutorial's loop", "lightning_loop.py": "Lightning and `study.optimize`"}
LINE = re.compile(r"\[\d+/\d+\] trial ")

Curves = dict[tuple[int, int], tuple[list[float], list[float]]]  # by hidden size and replicate: training, validation


def run_rival(script: str, batch_size: int, replicate: int) -> tuple[float, Curves]:
    """Run another loop in a process of its own. Returns its trainings an hour and its curves."""
    flags = {"--batch-size": batch_size, "--epochs": EPOCHS[batch_size], "--replicate": replicate}
    command = [sys.executable, str(Path(__file__).with_name(script)), *(str(x) for pair in flags.items() for x in pair)]
    answer = subprocess.run(command, env=environment(), stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(answer.stdout.splitlines()[-1])
    curves = {(int(size), replicate): tuple(curve) for size, curve in found["curves"].items()}
    return 3600 * len(HIDDEN_SIZES) / found["seconds"], curves  # type: ignore[return-value]


def run_bench(model: str, batch_size: int) -> tuple[float, float, Curves]:
    """Run bench. Returns its trainings an hour until the last training and of the whole command, and its curves."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "bench", "run", "--workers", str(WORKERS), "--device", "cpu"]
        command += ["--results", f"{folder}/results", "--reports", f"{folder}/reports"]
        for option, value in settings(batch_size, EPOCHS[batch_size], SEEDS, model=model).items():
            command += ["--" + option.replace("_", "-"), str(value)]
        began = time.perf_counter()
        process = subprocess.Popen(
            command, env=environment(), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )
        assert process.stderr is not None
        ends = [time.perf_counter() - began for line in process.stderr if LINE.match(line)]
        if process.wait():
            raise SystemExit(f"bench ended with exit code {process.returncode}: {' '.join(command)}")
        whole = time.perf_counter() - began
        (path,) = Path(folder).glob("results/*/records.jsonl")
        records = [r for r in read_records(path) if r["stage"] == "trial"]
    curves = {
        (r["model"]["hidden_size"], r["replicate"]): (r["curve"]["train_loss"][1:], r["curve"]["valid_loss"][1:])
        for r in records
    }
    return 3600 * len(records) / ends[-1], 3600 * len(records) / whole, curves


def bare_rate(model: str, batch_size: int) -> float:
    """Trainings an hour that two workers could make of optimiser steps alone."""
    experiment = resolve(settings(batch_size, EPOCHS[batch_size], SEEDS, model=model))
    trainings = [training_of(experiment, size, replicate) for size in HIDDEN_SIZES for replicate in range(1, 5)]
    found = perform([BareSteps(training) for training in trainings])
    seconds = [record["seconds"][0] * t.steps for record, t in zip(found, trainings, strict=True)]
    return WORKERS * 3600 / statistics.mean(seconds)


def environment() -> dict[str, str]:
    """The environment of subprocesses, with this checkout's bench."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def largest_difference(ours: Curves, theirs: Curves) -> float:
    """The largest relative difference of losses, over the trainings that both have."""
    return max(
        abs(a - b) / abs(b)
        for key, curves in theirs.items()
        for ours_curve, theirs_curve in zip(ours[key], curves, strict=True)
        for a, b in zip(ours_curve, theirs_curve, strict=True)
    )


def compare(script: str, model: str, batch_size: int) -> dict[str, Any]:
    """Measure alternating runs and return the medians."""
    runs = []
    for run in range(RUNS):
        rival, theirs = run_rival(script, batch_size, 1 + run % SEEDS)
        bench, whole, ours = run_bench(model, batch_size)
        difference = largest_difference(ours, theirs)
        if difference > TOLERANCE:
            raise SystemExit(
                f"{script}, {model}, batch {batch_size}: loss curves differ by {difference:.1e}: nothing to compare"
            )
        runs.append(
            {
                "rival": rival,
                "bench": bench,
                "whole": whole,
                "bare": bare_rate(model, batch_size),
                "ratio": bench / rival,
                "difference": difference,
            }
        )
        print(script, model, batch_size, runs[-1], file=sys.stderr)
    medians = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    worst = max(run["difference"] for run in runs)
    return {**medians, "ratios": [run["ratio"] for run in runs], "difference": worst}


def main() -> None:
    writing, was_busy = wants_writing(__doc__ or ""), busy()
    rows = []
    for (script, batch_size, bar), model in product(CASES, MODELS):
        name = [NAMES[script], f"`{model}`", batch_size]
        if script in NEEDS and not find_spec(NEEDS[script]):
            print(f"{script}: {NEEDS[script]} is not installed, so it is not measured: pip install -e '.[perf]'")
            rows.append([*name, *[NOT_MEASURED] * 5, f"≥ {bar:g}", ""])
            continue
        found = compare(script, model, batch_size)
        each = ", ".join(f"{ratio:.2f}" for ratio in found["ratios"])
        rates = [f"{found[key]:,.0f}" for key in ("rival", "bench", "whole", "bare")]
        ratio = f"**{found['ratio']:.2f}** ({each})"
        verdict = judged(found["ratio"], bar, at_most=False)
        rows.append([*name, *rates, ratio, verdict, f"{found['difference']:.0e}"])
    header = [
        "against",
        "bench's model",
        "batch",
        "its trainings an hour",
        "bench's",
        "whole command",
        "bare steps",
        "ratio (each run)",
    ]
    text = table([*header, "bar", "curves differ by"], rows) + "\n\n" + origin(__file__, was_busy=was_busy)
    print(text)
    if writing:
        write_section("loops", text)


if __name__ == "__main__":
    main()
