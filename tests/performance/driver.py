"""The cost of the parent process: a whole experiment with trainings that take no time.

`make perf`, or this file with `--write`, measures for 1,000 and 10,000 simulated trainings on 2 workers: milliseconds
of the driver for each training and their growth, the parent's memory for each training, and bytes of a record. The bars
apply to the driver's processor time; the elapsed time also contains the disk and other load on the machine.
"""

from __future__ import annotations

import gc
import math
import os
import resource
import sys
import tempfile
import time
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

from page import busy, origin, table, wants_writing, write_section

from bench.config.resolve import resolve
from bench.executors.executor import Executor
from bench.experiment.cell import CellPlan
from bench.experiment.driver import Driver
from bench.experiment.mirror import Mirror
from bench.experiment.observer import Observer
from bench.experiment.replicate import Replicate
from bench.measure.machine_memory import resident_bytes
from bench.records.jsonl import RecordFile
from bench.records.ledger import Ledger
from bench.records.schema import Record
from bench.training.jobs import Job

TRIALS, REPLICATES = 9, 10  # of a cell: with an examination of each replicate a hundred jobs
LIMIT_MS, LIMIT_RATIO, LIMIT_BYTES = 3.0, 1.2, 4096


class Simulated(Executor):
    """An executor whose two workers return a record of the usual size at once; losses depend on the configuration."""

    @property
    def slots(self) -> int:
        return 2

    def submit(self, job: Job, slot: int) -> Future[Record]:
        identity = job.describe()
        rate, size = identity["training"]["learning_rate"], identity["model"]["hidden_size"]
        best = (math.log10(rate) + 2) ** 2 + abs(size - 32) / 100 + 1e-3 * (identity["replicate"] or 0)
        losses = [best + math.exp(-step / 10) for step in range(51)]
        curve = {"step": list(range(0, 510, 10)), "learning_rate": [rate] * 51, "train_loss": losses}
        record = {
            **identity,
            **dict.fromkeys(("wall_seconds", "cpu_seconds", "steps_to_target"), 1.5),
            "peak_bytes": 1 << 28,
            "status": "ok",
            "curve": {**curve, "valid_loss": losses, "valid_metric": [None] * 51},
            "test": {"loss": best, "skill": 1 - best, "mae": best},
            "parameters": {"recurrent": 1, "head": 1, "total": 2},
            "hashes": {"weights": "0" * 64, "first_batch": "0" * 64},
        }
        future: Future[Record] = Future()
        future.set_result(record)
        return future

    def restart(self, slot: int) -> None: ...

    def close(self) -> None: ...


def drive(trainings: int, folder: Path) -> tuple[float, float, float, float]:
    """Processor seconds, elapsed seconds, bytes of the parent, bytes of the file; each for one training."""
    cells = _cells(trainings // (REPLICATES * (TRIALS + 1)))
    ledger = Ledger(RecordFile(folder / "records.jsonl"), {"experiment": "simulated", "environment": "0" * 12}, "rerun")
    driver, mirror = Driver(Simulated(), ledger, Observer()), Mirror(None, "simulated", print)
    gc.collect()
    before, began, worked = resident_bytes(os.getpid()), time.perf_counter(), time.process_time()
    driver.run([Replicate(cell, number, mirror) for number in range(1, REPLICATES + 1) for cell in cells])
    elapsed, seconds = time.perf_counter() - began, time.process_time() - worked
    gc.collect()
    grown = resident_bytes(os.getpid()) - before
    size = (folder / "records.jsonl").stat().st_size
    assert sum(1 for _ in ledger.statuses()) == trainings
    return seconds / trainings, elapsed / trainings, grown / trainings, size / trainings


def _cells(count: int) -> list[CellPlan]:
    """Return as many cells as needed: one model under many root seeds."""
    experiment = resolve(
        {
            "tasks": "sine",
            "models": "gru",
            "trials": TRIALS,
            "replicates": REPLICATES,
            "name": "simulated",
            "device": "cpu",
        }
    )
    made = [replace(experiment, options=replace(experiment.options, seed=seed)) for seed in range(count)]
    return [CellPlan(e, e.matchings[0], e.tasks[0], e.entries[0], "cpu") for e in made]


def measure() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        for name in ("warm", "small", "large"):
            (Path(folder) / name).mkdir()
        drive(200, Path(folder) / "warm")
        small = drive(1000, Path(folder) / "small")
        large = drive(10_000, Path(folder) / "large")
    return {"small": small, "large": large, "ratio": large[0] / small[0]}


def main() -> int:
    writing, was_busy = wants_writing(__doc__ or ""), busy()
    found = measure()
    (small, small_elapsed, *_), (large, large_elapsed, grown, size) = found["small"], found["large"]
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    judged = [
        ("driver a training, 1,000 trainings", small * 1e3, "ms", LIMIT_MS),
        ("driver a training, 10,000 trainings", large * 1e3, "ms", LIMIT_MS),
        ("the second over the first", found["ratio"], "", LIMIT_RATIO),
        ("parent's memory a training", grown, "B", LIMIT_BYTES),
        ("elapsed a training, 1,000 trainings", small_elapsed * 1e3, "ms", math.inf),
        ("elapsed a training, 10,000 trainings", large_elapsed * 1e3, "ms", math.inf),
        ("record", size, "B", math.inf),
        ("peak of the parent", peak_mib, "MiB", math.inf),
    ]
    rows = []
    for name, value, unit, limit in judged:
        bar = "" if math.isinf(limit) else f"≤ {limit:,}: {'met' if value <= limit else '**missed**'}"
        rows.append([name, f"{value:,.2f} {unit}".rstrip(), bar])
    text = table(["what", "measured", "bar"], rows) + "\n\n" + origin(__file__, was_busy=was_busy)
    print(text)
    if writing:
        write_section("driver", text)
    return 0 if all(value <= limit for *_, value, _, limit in judged) else 1


if __name__ == "__main__":
    sys.exit(main())
