"""Where the time of the default quick sweep goes, against the same optimiser steps run bare: `make perf`, or `--write`.

bare: forward, backward, clipping and Adam of every (task, model, size) of the sweep, on batches that are ready, in
worker processes of the same kind, as many at a time as in the sweep, before and after it; the mean time of a step times
the steps that the sweep made. What the sweep took is wall time, from the command to the last confirmed training, times
its workers. Beside it stands the ratio of processor times (all processes of the run against the bare steps), which does
not know of idle cores, and of what else runs on the machine. About twenty minutes.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from clocks import Parts
from page import ROOT, busy, judged, origin, table, wants_writing, write_section

from bench.cells import CellPlan
from bench.config import Experiment, resolve
from bench.execution.processes import ProcessExecutor
from bench.jobs import Job
from bench.records import Record, read_records
from bench.search import point_of
from bench.seeds import generator
from bench.training import Progress, Training, build_learner, load_data

WORKERS, RUNS, BAR = 2, 5, 1.10
FAMILIES = {"torch": "gru,lstm,rnn", "NumPy": "numpy_gru,numpy_lstm,numpy_rnn"}
SAMPLE_SECONDS = 0.5  # of bare steps for each size of a model on a task
WARM_UP = 10  # steps
LINE = re.compile(r"\[\d+/\d+\] (search|confirm) ")
OUTSIDE = ("start-up", "tail", "between trainings")  # wall seconds; what is inside trainings is processor time

Size = tuple[str, str, int, int]  # task, model, hidden size, layers


@dataclass(frozen=True)
class BareSteps:
    """A job whose record has the mean wall and processor seconds of an optimiser step with nothing around it."""

    training: Training

    label: ClassVar[str] = "bare steps"
    steps: ClassVar[int] = 1
    cost: ClassVar[float] = 0.0

    def key(self) -> str:
        return "bare"

    def describe(self) -> Record:
        return {}

    def perform(self, progress: Progress) -> Record:
        training = self.training
        dataset = load_data(training.task, training.seed, training.replicate)
        learner = build_learner(training, dataset)
        order = generator("bare").permutation(len(dataset.train))
        batches = list(learner.batches(learner.place(dataset.train), order, training.batch_size))
        for step in range(WARM_UP):
            learner.train_step(batches[step % len(batches)])
        made, losses = 0, []
        worked, began = time.process_time(), time.perf_counter()
        now = began
        while now - began < SAMPLE_SECONDS:
            losses.append(learner.train_step(batches[made % len(batches)]))
            made, now = made + 1, time.perf_counter()
        return {"seconds": ((now - began) / made, (time.process_time() - worked) / made)}


@dataclass(frozen=True)
class Sweep:
    """A run: its search and confirm records, each one's seconds from the command to its end, all processor seconds."""

    records: list[Record]
    ends: list[float]
    processor_seconds: float

    @classmethod
    def run(cls, models: str) -> Sweep:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "bench", "run", "--models", models, "--workers", str(WORKERS)]
            command += ["--device", "cpu", "--results", f"{folder}/results", "--reports", f"{folder}/reports"]
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            began, ends, processor = time.perf_counter(), list[float](), 0.0
            process = subprocess.Popen(
                command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
            )
            assert process.stderr is not None
            for line in process.stderr:
                if LINE.match(line):
                    ends.append(time.perf_counter() - began)
                    processor = processor_seconds(process.pid)
            if process.wait():
                raise SystemExit(f"the sweep ended with exit code {process.returncode}: {' '.join(command)}")
            (path,) = Path(folder).glob("results/*/records.jsonl")
            records = [r for r in read_records(path) if r["stage"] in ("search", "confirm")]
        assert len(records) == len(ends)
        return cls(records, ends, processor)

    def outside_trainings(self) -> dict[str, float]:
        """Seconds times workers in which no training went on."""
        starts = [end - record["wall_seconds"] for record, end in zip(self.records, self.ends, strict=True)]
        start_up = WORKERS * min(starts)
        tail = self.ends[-1] - self.ends[-2] if starts[-1] < self.ends[-2] else 0.0
        inside = sum(record["wall_seconds"] for record in self.records)
        between = WORKERS * self.ends[-1] - inside - start_up - tail
        return dict(zip(OUTSIDE, (start_up, tail, between), strict=True))


def processor_seconds(pid: int) -> float:
    """Of a process and of all that it started and that still runs; 0 where Linux's /proc is missing."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return 0.0
    own = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")  # its own, and that of children it has waited for
    return own + sum(processor_seconds(int(child)) for child in children)


def perform(jobs: Sequence[Job]) -> list[Record]:
    """The records of jobs, done by worker processes as the sweep's are, as many at a time."""
    executor, found = ProcessExecutor(WORKERS), dict[int, Record]()
    waiting, free = list(enumerate(jobs)), list(range(WORKERS))
    running: dict[Future[Record], tuple[int, int]] = {}
    try:
        while waiting or running:
            while waiting and free:
                (position, job), slot = waiting.pop(0), free.pop()
                running[executor.submit(job, slot)] = (position, slot)
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                position, slot = running.pop(future)
                found[position] = future.result()
                free.append(slot)
                if found[position].get("error"):
                    raise SystemExit(f"a measurement failed: {found[position]['traceback']}")
    finally:
        executor.close()
    return [found[position] for position in range(len(jobs))]


def size_of(record: Record) -> Size:
    model = record["model"]
    return record["task"]["label"], model["name"], model["hidden_size"], model["num_layers"]


def trainings_of(records: Sequence[Record], experiment: Experiment) -> dict[Size, Training]:
    """A confirm training of each size that the records have."""
    plans = {
        (task.label, entry.model.name): CellPlan(experiment, experiment.matchings[0], task, entry, "cpu")
        for task in experiment.tasks
        for entry in experiment.entries
    }
    return {size_of(r): plans[size_of(r)[:2]].training(point_of(r), 1) for r in records}


def bare_steps(trainings: dict[Size, Training]) -> dict[Size, tuple[float, float]]:
    """Wall and processor seconds of a step of each size."""
    measured = perform([BareSteps(training) for training in trainings.values()])
    return {size: record["seconds"] for size, record in zip(trainings, measured, strict=True)}


def parts_of(records: Sequence[Record], trainings: dict[Size, Training]) -> dict[str, float]:
    """Processor seconds inside all trainings of a sweep, by part: a training of each size and stage stands for all."""
    counts = Counter((size_of(record), record["stage"]) for record in records)
    jobs = [
        Parts(replace(trainings[size], replicate=0, on_test_data=False) if stage == "search" else trainings[size])
        for size, stage in counts
    ]
    parts: dict[str, float] = defaultdict(float)
    for count, record in zip(counts.values(), perform(jobs), strict=True):
        for part, seconds in record["parts"].items():
            parts[part] += seconds * count
    return dict(parts)


def measure(models: str) -> dict[str, Any]:
    """Ratios of all runs, and where the time of the last one went."""
    experiment = resolve({"models": models, "device": "cpu", "workers": WORKERS})
    walls, processors = [], []
    before: dict[Size, tuple[float, float]] = {}
    for _ in range(RUNS):
        sweep = Sweep.run(models)
        trainings = trainings_of(sweep.records, experiment)
        before = before or bare_steps(trainings)  # after the first sweep, as only that tells which sizes there are
        after = bare_steps(trainings)
        wall, processor = (
            sum((before[size_of(r)][i] + after[size_of(r)][i]) / 2 * r["curve"]["step"][-1] for r in sweep.records)
            for i in (0, 1)
        )
        walls.append(WORKERS * sweep.ends[-1] / wall)
        processors.append(sweep.processor_seconds / processor)
        print(f"{models}: {walls[-1]:.3f}, of processor times {processors[-1]:.3f}", file=sys.stderr)
        before = after
    outside, inside = sweep.outside_trainings(), parts_of(sweep.records, trainings)
    outside["between trainings"] -= inside["gradient flow"]  # measured after what a record calls its training's time
    return {
        "trainings": len(sweep.records),
        "taken": WORKERS * sweep.ends[-1],
        "bare": wall,
        "walls": walls,
        "processors": processors,
        "parts": {**outside, **inside},
    }


def main() -> None:
    writing, was_busy = wants_writing(__doc__ or ""), busy()
    found = {family: measure(models) for family, models in FAMILIES.items()}
    rows = []
    for family, run in found.items():
        ratios = [
            f"**{statistics.median(run[kind]):.3f}** ({', '.join(f'{ratio:.2f}' for ratio in run[kind])})"
            for kind in ("walls", "processors")
        ]
        sums = [run["trainings"], f"{run['taken']:.1f} s", f"{run['bare']:.1f} s"]
        rows.append([family, *sums, *ratios, judged(statistics.median(run["walls"]), BAR, at_most=True)])
    header = ["models", "trainings", "wall × workers", "bare steps", "ratio (each run)", "of processor times", "bar"]
    lines = []
    for part in dict.fromkeys(part for run in found.values() for part in run["parts"]):
        seconds = [(run["parts"].get(part, 0.0), run["bare"]) for run in found.values()]
        lines.append([part, *(f"{spent:.2f} s, {spent / bare:.1%}" for spent, bare in seconds)])
    where = table(["of the bare steps' time", *found], lines)
    text = f"{table(header, rows)}\n\n{where}\n\n{origin(__file__, was_busy=was_busy)}"
    print(text)
    if writing:
        write_section("sweep", text)


if __name__ == "__main__":
    main()
