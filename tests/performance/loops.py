"""Trainings an hour of `bench run` compared with a user's own loops: `make perf`, or this file with `--write`.

The other loops are `tutorial_loop.py`, and `lightning_loop.py` if PyTorch Lightning is installed (the extra `perf`).
Each alternates with `bench run` on the same trainings; the median of the ratios of neighbouring runs is compared with
the bar. The time of a loop begins after its imports and data. The time of bench begins with its command and ends with
its last training; its timings and report, which the loops do not make, are in the column "whole command". Both of
bench's GRUs are run: `gru` is the loops' `nn.GRU`, `numpy_gru` the same network from the same weights. Loss curves
must agree, or nothing is written. After each pair the optimiser steps alone are timed in two workers: an upper limit
for trainings of that GRU on two cores.

`expert_loop.py` is a search written by hand for this machine. Against it `bench run --models gru` makes the same
search with both engines; trainings an hour are then trials an hour, and with `--engine auto` the time has the training
of each selected trial by `nn.GRU` as well. `--only expert` measures this alone, in 20 minutes. All of it takes about an hour.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

import expert_loop
from beside import BareSteps
from page import NOT_MEASURED, PERFORMANCE, ROOT, busy, judged, origin, table, write_section
from tutorial_loop import HIDDEN_SIZES, LEARNING_RATE, settings, training_of
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
LINE = re.compile(r"\[\d+/\d+\] (trial|train) ")
EXPERT, EXPERT_BATCH, ENGINES = "an expert's own loop", 512, ("exact", "auto")
HEADER = [
    "against",
    "bench's model",
    "batch",
    "its trainings an hour",
    "bench's",
    "whole command",
    "bare steps",
    "ratio (each run)",
    "bar",
    "curves differ by",
]

# by hidden size, learning rate and replicate: training, validation
Curves = dict[tuple[int, float, int], tuple[list[float], list[float]]]


def run_rival(script: str, batch_size: int, replicate: int) -> tuple[float, Curves]:
    """Run another loop in a process of its own. Returns its trainings an hour and its curves."""
    flags = {"--batch-size": batch_size, "--epochs": EPOCHS[batch_size], "--replicate": replicate}
    command = [sys.executable, str(Path(__file__).with_name(script)), *(str(x) for pair in flags.items() for x in pair)]
    answer = subprocess.run(command, env=environment(), stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(answer.stdout.splitlines()[-1])
    made = found.get("trainings") or [
        {"size": int(size), "rate": LEARNING_RATE, "curves": curves} for size, curves in found["curves"].items()
    ]
    curves = {(each["size"], each["rate"], replicate): tuple(each["curves"]) for each in made}
    return 3600 * len(curves) / found["seconds"], curves  # type: ignore[return-value]


def run_bench(options: Mapping[str, Any]) -> tuple[float, float, Curves]:
    """Run bench. Returns trials an hour, until the last training and of the whole command, and the trials' curves."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "bench", "run", "--workers", str(WORKERS), "--device", "cpu"]
        command += ["--results", f"{folder}/results", "--reports", f"{folder}/reports"]
        for option, value in options.items():
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
        (r["model"]["hidden_size"], r["training"]["learning_rate"], r["replicate"]): (
            r["curve"]["train_loss"][1:],
            r["curve"]["valid_loss"][1:],
        )
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


def compare(script: str, batch_size: int, options: Mapping[str, Any], bare: Callable[[], float]) -> dict[str, Any]:
    """Measure alternating runs of a loop and of bench with these options, and return the medians.

    bare: measures trainings an hour of optimiser steps alone.
    """
    runs = []
    for run in range(RUNS):
        rival, theirs = run_rival(script, batch_size, 1 + run % int(options["replicates"]))
        bench, whole, ours = run_bench(options)
        difference = largest_difference(ours, theirs)
        if difference > TOLERANCE:
            raise SystemExit(f"{script}, {options}: loss curves differ by {difference:.1e}: nothing to compare")
        rates = {"rival": rival, "bench": bench, "whole": whole, "bare": bare()}
        runs.append({**rates, "ratio": bench / rival, "difference": difference})
        print(script, batch_size, options, runs[-1], file=sys.stderr)
    medians = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    worst = max(run["difference"] for run in runs)
    return {**medians, "ratios": [run["ratio"] for run in runs], "difference": worst}


def row(name: Sequence[object], found: Mapping[str, Any], verdict: str) -> list[object]:
    """A row of the table."""
    each = ", ".join(f"{ratio:.2f}" for ratio in found["ratios"])
    rates = [f"{found[key]:,.0f}" if found[key] else "" for key in ("rival", "bench", "whole", "bare")]
    return [*name, *rates, f"**{found['ratio']:.2f}** ({each})", verdict, f"{found['difference']:.0e}"]


def against_loops() -> Iterator[list[object]]:
    """Rows of the tutorial's loop and of Lightning."""
    for (script, batch_size, bar), model in product(CASES, MODELS):
        name = [NAMES[script], f"`{model}`", batch_size]
        if script in NEEDS and not find_spec(NEEDS[script]):
            print(f"{script}: {NEEDS[script]} is not installed, so it is not measured: pip install -e '.[perf]'")
            yield [*name, *[NOT_MEASURED] * 5, f"≥ {bar:g}", ""]
            continue
        options = settings(batch_size, EPOCHS[batch_size], SEEDS, model=model)
        found = compare(script, batch_size, options, partial(bare_rate, model, batch_size))
        yield row(name, found, judged(found["ratio"], bar, at_most=False))


def against_expert() -> Iterator[list[object]]:
    """Rows of the expert's search, which has no bar."""
    for engine in ENGINES:
        options = {**expert_loop.settings(EXPERT_BATCH, EPOCHS[EXPERT_BATCH], SEEDS), "engine": engine}
        found = compare("expert_loop.py", EXPERT_BATCH, options, lambda: 0.0)
        yield row([EXPERT, f"`gru --engine {engine}`", EXPERT_BATCH], found, "")


PARTS = {"loops": against_loops, "expert": against_expert}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--write", action="store_true", help=f"put the tables into {PERFORMANCE.name}")
    parser.add_argument("--only", choices=list(PARTS), help="measure a part")
    given = parser.parse_args()
    for part in [given.only] if given.only else PARTS:
        was_busy = busy()
        text = table(HEADER, list(PARTS[part]())) + "\n\n" + origin(__file__, was_busy=was_busy)
        print(text)
        if given.write:
            write_section(part, text)


if __name__ == "__main__":
    main()
